"""Put the cases to an answer and note what comes back. Python answers run here; kernels in the sandbox."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import dis
import io
import traceback
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from .definition import Case, Exercise, FunctionExercise, KernelExercise, Prediction, StateExercise
from .outcome import NOT_ATTEMPTED, Outcome
from .plain import NotPlain, is_network, to_plain


def run_here(exercise: Exercise, answer: Any, cases: Sequence[Case]) -> list[Outcome]:
    """The outcomes of an answer from this process, one for each case."""
    if answer is None or answer is ...:
        return [NOT_ATTEMPTED] * len(cases)
    if isinstance(exercise, KernelExercise):
        return run_kernel(exercise, source_of(answer), cases)
    if isinstance(exercise, FunctionExercise):
        if not callable(answer) or isinstance(answer, type) or source_of(answer) is not None:
            words = f"`{exercise.answer}` must be a function, and it is {_named(answer)}"
            return [Outcome(problem=words)] * len(cases)
        if is_stub(answer):
            return [NOT_ATTEMPTED] * len(cases)
        if exercise.makes_network and is_network(answer):
            made = f"def {exercise.answer}(seed): return Sequential(..., seed=seed)"
            words = f"`{exercise.answer}` is a network; it must be a function that makes one: `{made}`"
            return [Outcome(problem=words)] * len(cases)
        outcomes = [run_function(answer, case) for case in cases]
        print(outcomes[0].printed, end="")  # once is enough
        return outcomes
    return [run_value(exercise, answer)] * len(cases)


def run_value(exercise: Exercise, answer: Any) -> Outcome:
    """A prediction, or an explorer's state."""
    if isinstance(exercise, Prediction) and exercise.choices and not isinstance(answer, str):
        listed = ", ".join(repr(word) for word in exercise.choices)
        return Outcome(problem=f"the answer must be one of these, with its quotes: {listed}")
    if isinstance(exercise, StateExercise) and not isinstance(answer, dict):
        if isinstance(answer, type) or not callable(getattr(answer, "state", None)):
            return Outcome(problem="the answer must be the explorer in which you reached it")
        answer = answer.state()
    try:
        return Outcome(to_plain(answer))
    except NotPlain as error:
        return Outcome(problem=str(error).rstrip("."))


def run_function(function: Callable[..., Any], case: Case) -> Outcome:
    """Call a Python function with copies of the arguments; whatever it raises is an outcome, too."""
    arguments = copy.deepcopy(list(case.arguments.values()))
    printed = _Printed()
    try:
        # What overflows is seen in the result; the warning would only add a line of some file.
        with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
            value = function(*arguments)
        said = printed.getvalue()
        if value is None and said:
            return Outcome(
                problem="it printed something and gave nothing back: end with `return`", printed=said
            )
        if value is None:
            return Outcome(problem="it gave nothing back: is the `return` missing?")
        outcome = Outcome(to_plain(value), printed=said)
    except NotPlain as error:
        return Outcome(problem=str(error).rstrip("."), printed=printed.getvalue())
    except (Exception, SystemExit) as error:  # `sys.exit()` ends the answer, not the notebook
        line = line_of(error, function)
        problem = raised(error, line)
        return Outcome(problem=problem, error=type(error).__name__, line=line, printed=printed.getvalue())
    for (name, before), after in zip(case.arguments.items(), arguments, strict=True):
        if isinstance(before, np.ndarray) and not np.array_equal(
            before, after, equal_nan=before.dtype.kind == "f"
        ):
            words = f"it changed its input {name}: work on a copy, or make a new array"
            return dataclasses.replace(outcome, problem=words)
    return outcome


class _Printed(io.StringIO):
    """Keeps the beginning of what is printed."""

    most = 2000

    def write(self, text: str) -> int:
        room = self.most - self.tell()
        return len(text) if room <= 0 else super().write(text[:room])


def run_kernel(exercise: KernelExercise, source: str | None, cases: Sequence[Case]) -> list[Outcome]:
    """The outcomes of a kernel's source, from the sandbox."""
    from .sandbox import sandbox

    return kernel_outcomes(exercise, source, cases, sandbox().run)


def kernel_outcomes(
    exercise: KernelExercise, source: str | None, cases: Sequence[Case], run: Callable[..., list[Outcome]]
) -> list[Outcome]:
    """The same with another sandbox's `run`."""
    if source is None or "{" not in source:
        words = f"give the kernel of your %%kernel cell, without quotes: `{exercise.answer}`"
        return [Outcome(problem=words)] * len(cases)
    if is_kernel_stub(source):
        return [NOT_ATTEMPTED] * len(cases)
    return run(source, exercise.answer, [exercise.launch_of(case) for case in cases])


def source_of(answer: Any) -> str | None:
    """The source of what a %%kernel cell left under its name, or of a string."""
    source = answer if isinstance(answer, str) else getattr(answer, "source", None)
    return source if isinstance(source, str) else None


def is_stub(function: Any) -> bool:
    """Is the function's body still `...`, `pass` or nothing but its docstring?"""
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        return False
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("RESUME", "NOP")]
    names = [step.opname for step in steps]
    nothing = names in (["RETURN_CONST"], ["LOAD_CONST", "RETURN_VALUE"])
    return nothing and steps[0].argval is None


STUB_LINE = "// your code here"


def is_kernel_stub(source: str) -> bool:
    """Does the source still hold the stub's line, with nothing of the learner's after it in its block?"""
    lines = [line.strip() for line in source.splitlines()]
    if STUB_LINE not in lines:
        return False
    rest = [line for line in lines[lines.index(STUB_LINE) + 1 :] if line and not line.startswith("//")]
    return all(set(line) <= set("{}; ") for line in rest)


def raised(error: BaseException, line: int | None) -> str:
    """ "it raised IndexError in line 4 of its cell: index 5 is out of bounds"."""
    where = f" in line {line} of its cell" if line else ""
    said = (str(error).splitlines() or [""])[0]
    said = said if len(said) <= 300 else said[:297] + "..."
    return f"it raised {type(error).__name__}{where}" + (f": {said.rstrip('.')}" if said else "")


def line_of(error: BaseException, function: Any) -> int | None:
    """The last line of the function's own file (its cell) that the error came through."""
    own = function.__code__.co_filename if isinstance(function, FunctionType) else None
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if own and f.filename == own]
    return lines[-1] if lines else None


def _named(answer: Any) -> str:
    if not isinstance(answer, str) and source_of(answer) is not None:
        return "a kernel"
    name = type(answer).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
