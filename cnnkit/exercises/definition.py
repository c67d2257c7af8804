"""What the author of an exercise writes down: data and small functions, no machinery.

Four kinds: `FunctionExercise` (a Python function), `KernelExercise` (an OpenCL kernel), `Prediction` (a
number, grid or choice made before running), `StateExercise` (a state reached in an explorer). See
CONTRIBUTING for a whole one, and `course/exercises/` for those of the course.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import CnnkitError
from .launch import Launch

SYMPTOMS = (
    "build",  # it does not compile
    "refused",  # too much local memory, a wrong number of arguments
    "timeout",  # it never ends
    "crash",  # it takes the process with it
    "overrun",  # it writes outside a buffer
    "input changed",  # it writes into an input
    "unset",  # it adds to a variable that never got a number
    "unwritten",  # it leaves elements of the output as they were
    "outside read",  # it reads what lies outside a buffer
    "unstable",  # its result differs between runs or work-group sizes: a race or a missing barrier
    "reads",  # its result is right, and it reads an input more often than enough
)


class DefinitionError(CnnkitError):
    """An exercise that is not defined as it must be."""


@dataclass(frozen=True)
class Case:
    """One question put to an answer: arguments by name, in the order of the answer's parameters.

    group: the name of the group of cases whose points depend on it. words: what is special about it ("the
    example of the text"), for the report of a failure. only_shape: the values do not matter here. told: say
    the arguments in that report.
    """

    arguments: Mapping[str, Any]
    group: str = "values"
    words: str = ""
    only_shape: bool = False
    told: bool = True

    def described(self) -> str:
        """ "the example of the text, with x of shape (3, 3), w of shape (2, 2)"."""
        named = self.arguments.items() if self.told else ()
        listed = ", ".join(_described(name, value) for name, value in named)
        return ", ".join(part for part in (self.words, listed and f"with {listed}") if part)


def _described(name: str, value: Any) -> str:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        return f"{name} = {value!r}"
    if array.ndim == 0:
        return f"{name} = {value:g}" if array.dtype.kind == "f" else f"{name} = {value}"
    if array.size <= 9:
        return f"{name} = {np.array2string(array, separator=', ').replace(chr(10), '')}"
    return f"{name} of shape {array.shape}"


@dataclass(frozen=True)
class Wrong:
    """A known wrong answer and the sentence that names the mistake.

    answer: of the exercise's kind (a function, a kernel's source, a value, a state). A wrong kernel is
    known by what it computes (`like`, a NumPy function with the arguments of a case) or by its `symptom`,
    and by words that the sandbox says of it, where a symptom has several causes (`told`).
    Where a function or a state is judged, like(value) says whether the value makes this mistake.
    also: answers of a function's that make the same mistake and go wrong in another way.
    """

    name: str
    sentence: str
    answer: Any
    like: Callable[..., Any] | None = None
    symptom: str = ""
    told: str = ""
    also: tuple[Callable[..., Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """What all kinds share.

    id: "01.2", the second of notebook 01. answer: the name that the learner's answer has in the notebook.
    groups: the points of each group of cases. hints: three, from a nudge to nearly the answer.
    explanation: what `solution` says beside the solved cell. also_right: right answers, written differently.
    stand_in: what later cells use until the answer is right, with the answer's parameters; cnnkit's own
    function, where there is one.
    """

    id: str
    title: str
    answer: str
    groups: Mapping[str, int]
    hints: tuple[str, str, str]
    explanation: str
    wrong: tuple[Wrong, ...]
    also_right: tuple[Any, ...] = ()
    stand_in: Any = None

    kind = ""

    def __post_init__(self) -> None:
        if len(self.hints) != 3:
            raise DefinitionError(f"Exercise {self.id} has {len(self.hints)} hints; it must have 3.")
        if not self.groups or any(points < 1 for points in self.groups.values()):
            raise DefinitionError(f"Exercise {self.id} must give at least 1 point to each of its groups.")
        names = [wrong.name for wrong in self.wrong]
        if len(set(names)) != len(names):
            raise DefinitionError(f"Exercise {self.id} names two of its wrong answers alike.")

    @property
    def points(self) -> int:
        return sum(self.groups.values())

    @property
    def notebook(self) -> str:
        """The number of its notebook: "01"."""
        return self.id.split(".")[0]

    def draw(self, seed: int | None = None) -> list[Case]:
        """The cases, fresh from `seed`; without one, from the system's own randomness."""
        cases = list(self._cases(np.random.default_rng(seed)))
        for case in cases:
            if case.group not in self.groups:
                raise DefinitionError(f"A case of exercise {self.id} is of the unknown group {case.group!r}.")
        missing = set(self.groups) - {case.group for case in cases}
        if missing:
            raise DefinitionError(f"Exercise {self.id} drew no case for {', '.join(sorted(missing))}.")
        return cases

    def _cases(self, rng: np.random.Generator) -> Iterable[Case]:
        return [Case({}, group) for group in self.groups]

    def expected(self, case: Case) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class FunctionExercise(Exercise):
    """A Python function. reference: the right one, in float64. cases: draws them from a generator.

    tolerance: the largest error allowed, relative to the value and to the size of the whole result.
    judge: where there is no one right value, judge(case, plain value) gives "" or what is wrong with it.
    figures: what passed answers are compared by within a class, figures(plain value) gives numbers by name,
    the first one better the larger it is, the others better the smaller they are.
    makes_network: the answer is a function of a seed that makes a network, and not a network itself.
    """

    reference: Callable[..., Any] | None = None
    cases: Callable[[np.random.Generator], Iterable[Case]]
    tolerance: float = 1e-5
    judge: Callable[[Case, Any], str] | None = None
    figures: Callable[[Any], dict[str, float]] | None = None
    makes_network: bool = False
    kind = "function"

    def _cases(self, rng: np.random.Generator) -> Iterable[Case]:
        return self.cases(rng)

    def expected(self, case: Case) -> Any:
        return self.reference(*case.arguments.values()) if self.reference else None


@dataclass(frozen=True, kw_only=True)
class KernelExercise(Exercise):
    """An OpenCL kernel of the name `answer`. reference: what it computes, in NumPy, of a case's arguments.

    launch: from a case's arguments to the `Launch` (buffers, sizes, work-groups to try). counted: the groups
    of cases in which its reads are counted, too, where the launch says how many are enough.
    """

    reference: Callable[..., Any]
    cases: Callable[[np.random.Generator], Iterable[Case]]
    launch: Callable[..., Launch]
    tolerance: float = 1e-4
    counted: tuple[str, ...] = ()
    kind = "kernel"

    def _cases(self, rng: np.random.Generator) -> Iterable[Case]:
        return self.cases(rng)

    def expected(self, case: Case) -> Any:
        return self.reference(*case.arguments.values())

    def launch_of(self, case: Case) -> Launch:
        """The launch of a case, with a limit of reads in the groups where they are counted."""
        launch = self.launch(*case.arguments.values())
        return launch if case.group in self.counted else replace(launch, reads=None)


@dataclass(frozen=True, kw_only=True)
class Prediction(Exercise):
    """A number, a grid or a choice, made before running. right: the value, or a function that computes it.

    choices: where it is one of several words, these words.
    """

    right: Any
    choices: tuple[str, ...] = ()
    tolerance: float = 1e-3
    groups: Mapping[str, int] = field(default_factory=lambda: {"prediction": 1})
    kind = "prediction"

    def expected(self, case: Case) -> Any:
        return self.right() if callable(self.right) else self.right


@dataclass(frozen=True, kw_only=True)
class StateExercise(Exercise):
    """A state reached in an explorer. goal(state) gives "" when it is reached, else what is missing.

    reached: a state that is right, for the tests and for `solution`.
    """

    goal: Callable[[dict[str, Any]], str]
    reached: dict[str, Any]
    groups: Mapping[str, int] = field(default_factory=lambda: {"state": 1})
    kind = "state"

    def expected(self, case: Case) -> Any:
        return None
