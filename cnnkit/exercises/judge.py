"""From what came back to the verdict: points by group, the first failing case, the mistake by its name.

Nothing here runs an answer. In a notebook the outcomes come from the same process, when grading from
another one that has ended before the expected values are computed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .compare import Difference, difference, same
from .definition import Case, Exercise, FunctionExercise, KernelExercise, Prediction, StateExercise, Wrong
from .outcome import Outcome
from .plain import NotPlain, to_plain
from .run import run_function

PASSED, NOT_YET, NOT_ATTEMPTED = "passed", "not yet", "not attempted"


@dataclass(frozen=True)
class GroupResult:
    """The points of one group of cases and, where they are missing, why."""

    name: str
    points: int
    of: int
    reason: str = ""


@dataclass(frozen=True)
class Result:
    """The verdict on one answer. `mistake` is the sentence of the known wrong answer that it equals."""

    id: str
    title: str
    status: str
    groups: tuple[GroupResult, ...]
    mistake: str = ""
    case: str = ""  # the first failing case in words
    reason: str = ""  # what is wrong there
    found: Difference | None = field(default=None, compare=False)
    failing: Case | None = field(default=None, compare=False)

    @property
    def points(self) -> int:
        return sum(group.points for group in self.groups)

    @property
    def of(self) -> int:
        return sum(group.of for group in self.groups)

    @property
    def passed(self) -> bool:
        return self.status == PASSED

    def as_dict(self) -> dict[str, Any]:
        """The verdict as plain data, for a report."""
        groups = [{"name": g.name, "points": g.points, "of": g.of, "reason": g.reason} for g in self.groups]
        names = ("id", "title", "status", "points", "of", "mistake", "case", "reason")
        return {**{name: getattr(self, name) for name in names}, "groups": groups}


def judge(exercise: Exercise, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> Result:
    """The verdict on the outcomes of all cases, in the cases' order."""
    if any(not outcome.attempted for outcome in outcomes):
        groups = tuple(GroupResult(name, 0, of) for name, of in exercise.groups.items())
        return Result(exercise.id, exercise.title, NOT_ATTEMPTED, groups)
    found = [fault_of(exercise, case, outcome) for case, outcome in zip(cases, outcomes, strict=True)]
    # What is wrong in the same words everywhere has nothing to do with a group's own case.
    problem = outcomes[0].problem if outcomes else ""
    alike = bool(problem) and all(outcome.problem == problem for outcome in outcomes)
    groups = tuple(_group(name, of, cases, found, alike) for name, of in exercise.groups.items())
    if all(fault is None for fault in found):
        return Result(exercise.id, exercise.title, PASSED, groups)
    first = next(i for i, fault in enumerate(found) if fault is not None)
    fault = found[first]
    assert fault is not None
    failed = [i for i, one in enumerate(found) if one is not None]
    wrong = known_mistake(exercise, cases, outcomes, failed)
    # What a kernel's text says has nothing to do with the case, nor what is wrong alike in all of them.
    seen = outcomes[first]
    no_case = seen.symptom in ("build", "unset") or (alike and not seen.symptom and not seen.error)
    case = "" if no_case else cases[first].described()
    return Result(
        exercise.id,
        exercise.title,
        NOT_YET,
        groups,
        wrong.sentence if wrong else "",
        case,
        fault.sentence,
        fault,
        cases[first],
    )


def _group(
    name: str, of: int, cases: Sequence[Case], found: Sequence[Difference | None], alike: bool
) -> GroupResult:
    for case, fault in zip(cases, found, strict=True):
        if case.group == name and fault is not None:
            where = "" if alike else case.described()
            return GroupResult(name, 0, of, f"{where}: {fault.sentence}" if where else fault.sentence)
    return GroupResult(name, of, of)


def fault_of(exercise: Exercise, case: Case, outcome: Outcome) -> Difference | None:
    """What is wrong with the outcome of one case; None if nothing is."""
    if outcome.problem:
        return Difference(outcome.problem)
    if isinstance(exercise, StateExercise):
        return _judged(exercise.goal, _loaded(outcome.value))
    if isinstance(exercise, FunctionExercise) and exercise.judge is not None:
        return _judged(exercise.judge, case, outcome.value)
    if isinstance(exercise, Prediction) and exercise.choices:
        choice = outcome.value.strip().lower() if isinstance(outcome.value, str) else None
        if choice not in [word.lower() for word in exercise.choices]:
            listed = ", ".join(repr(word) for word in exercise.choices)
            return Difference(f"the answer must be one of these words: {listed}")
    tolerance = tolerance_of(exercise)
    fault = difference(to_plain(exercise.expected(case)), outcome.value, tolerance, case.only_shape)
    if fault is not None and isinstance(exercise, Prediction):
        return Difference(_unrevealed(fault))  # the notebook reveals it, not the check
    if fault is None and outcome.excess:
        return Difference(f"the result is right, but {outcome.excess}")
    return fault


def _unrevealed(fault: Difference) -> str:
    if fault.index is None:
        return fault.sentence
    if fault.index == ():
        return "not the right number"
    count = fault.expected.size
    right = count - fault.wrong
    return f"{right or 'none'} of the {count:,} numbers {'are' if right > 1 else 'is'} right"


def _judged(function: Any, *arguments: Any) -> Difference | None:
    sentence = function(*arguments)
    return Difference(sentence) if sentence else None


def _loaded(value: Any) -> dict[str, Any]:
    """A state as it was before it was made plain; an empty one for anything else."""
    try:
        state = json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        state = None
    return state if isinstance(state, dict) else {}


def tolerance_of(exercise: Exercise) -> float:
    return getattr(exercise, "tolerance", 0.0)


def known_mistake(
    exercise: Exercise, cases: Sequence[Case], outcomes: Sequence[Outcome], failed: Sequence[int]
) -> Wrong | None:
    """The known wrong answer that does the same in the first failing case and, of those, in most others.

    A wrong answer that happens to be right in the failing case does not explain it, and cannot be taken
    for the mistake: it would not have done the same there. Nor can one that explains a small first case
    and less than half of those that fail like it: there it does the same by chance.
    """
    first = failed[0]
    peers = [i for i in failed if (outcomes[i].value is None) == (outcomes[first].value is None)]
    best, most = None, 0
    for wrong in exercise.wrong:
        for one in (wrong, *(replace(wrong, answer=answer) for answer in wrong.also)):
            if not _alike(exercise, one, cases[first], outcomes[first]):
                continue
            same_there = [_alike(exercise, one, c, o) for c, o in zip(cases, outcomes, strict=True)]
            by_chance = not one.symptom and 2 * sum(same_there[i] for i in peers) < len(peers)
            if sum(same_there) > most and not by_chance:
                best, most = wrong, sum(same_there)
    return best


def _alike(exercise: Exercise, wrong: Wrong, case: Case, outcome: Outcome) -> bool:
    """Does the wrong answer do in this case what the learner's did?"""
    if isinstance(exercise, KernelExercise):
        return _kernels_alike(exercise, wrong, case, outcome)
    if isinstance(exercise, StateExercise):
        state = _loaded(outcome.value)
        return bool(wrong.like(state)) if wrong.like else exercise.goal(state) == exercise.goal(wrong.answer)
    if isinstance(exercise, Prediction):
        return outcome.value is not None and same(to_plain(wrong.answer), outcome.value, exercise.tolerance)
    assert isinstance(exercise, FunctionExercise)
    if exercise.judge is not None:  # judging can be training: the mistake must be known by a look
        return outcome.value is not None and wrong.like is not None and bool(wrong.like(outcome.value))
    would_be = run_function(wrong.answer, case)
    if would_be.error or outcome.error:
        return would_be.error == outcome.error and _said(would_be) == _said(outcome)
    if would_be.problem or outcome.problem:
        return would_be.problem == outcome.problem
    return difference(would_be.value, outcome.value, exercise.tolerance, case.only_shape) is None


def _said(outcome: Outcome) -> str:
    """An exception's words; the line in which it was raised is another in every answer."""
    return re.sub(r" in line \d+ of its cell", "", outcome.problem)


def _packed(text: str) -> str:
    """Without blanks: a learner's line may be written with others."""
    return "".join(text.split())


def _kernels_alike(exercise: KernelExercise, wrong: Wrong, case: Case, outcome: Outcome) -> bool:
    symptom, said = outcome.symptom, outcome.problem
    if outcome.excess and fault_of(exercise, case, replace(outcome, excess="")) is None:
        symptom, said = "reads", outcome.excess
    if wrong.symptom != symptom or _packed(wrong.told) not in _packed(said):
        return False
    if wrong.like is None:
        return bool(wrong.symptom)
    if outcome.value is None:
        return bool(wrong.symptom)
    try:
        return same(to_plain(wrong.like(*case.arguments.values())), outcome.value, exercise.tolerance)
    except (NotPlain, ValueError, IndexError):
        return False
