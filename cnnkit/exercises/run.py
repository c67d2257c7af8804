"""Put the cases to an answer and note what comes back. Python answers run here; kernels in the sandbox."""

from __future__ import annotations

import copy
import dis
import traceback
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from .definition import Case, Exercise, FunctionExercise, KernelExercise, StateExercise
from .outcome import NOT_ATTEMPTED, Outcome
from .plain import NotPlain, to_plain


def run_here(exercise: Exercise, answer: Any, cases: Sequence[Case]) -> list[Outcome]:
    """The outcomes of an answer from this process, one for each case."""
    if answer is None or answer is ...:
        return [NOT_ATTEMPTED] * len(cases)
    if isinstance(exercise, KernelExercise):
        return run_kernel(exercise, source_of(answer), cases)
    if isinstance(exercise, FunctionExercise):
        if not callable(answer) or isinstance(answer, type):
            words = f"`{exercise.answer}` must be a function, and it is {_article(type(answer).__name__)}"
            return [Outcome(problem=words)] * len(cases)
        if is_stub(answer):
            return [NOT_ATTEMPTED] * len(cases)
        return [run_function(answer, case) for case in cases]
    return [run_value(exercise, answer)] * len(cases)


def run_value(exercise: Exercise, answer: Any) -> Outcome:
    """A prediction, or an explorer's state."""
    if isinstance(exercise, StateExercise) and not isinstance(answer, dict):
        if not callable(getattr(answer, "state", None)):
            return Outcome(problem="the answer must be the explorer in which you reached it")
        answer = answer.state()
    try:
        return Outcome(to_plain(answer))
    except NotPlain as error:
        return Outcome(problem=str(error).rstrip("."))


def run_function(function: Callable[..., Any], case: Case) -> Outcome:
    """Call a Python function with copies of the arguments; whatever it raises is an outcome, too."""
    arguments = copy.deepcopy(list(case.arguments.values()))
    try:
        value = function(*arguments)
        if value is None:
            return Outcome(problem="it gave nothing back: is the `return` missing?")
        outcome = Outcome(to_plain(value))
    except NotPlain as error:
        return Outcome(problem=str(error).rstrip("."))
    except Exception as error:
        line = line_of(error, function)
        return Outcome(problem=raised(error, line), error=type(error).__name__, line=line)
    for (name, before), after in zip(case.arguments.items(), arguments, strict=True):
        if isinstance(before, np.ndarray) and not np.array_equal(
            before, after, equal_nan=before.dtype.kind == "f"
        ):
            return Outcome(outcome.value, f"it changed its input {name}: work on a copy, or make a new array")
    return outcome


def run_kernel(exercise: KernelExercise, source: str | None, cases: Sequence[Case]) -> list[Outcome]:
    """The outcomes of a kernel's source, from the sandbox."""
    from .sandbox import sandbox

    return kernel_outcomes(exercise, source, cases, sandbox().run)


def kernel_outcomes(
    exercise: KernelExercise, source: str | None, cases: Sequence[Case], run: Callable[..., list[Outcome]]
) -> list[Outcome]:
    """The same with another sandbox's `run`."""
    if source is None:
        words = (
            f"`{exercise.answer}` must be the kernel of a cell that begins with %%kernel {exercise.answer}"
        )
        return [Outcome(problem=words)] * len(cases)
    if is_kernel_stub(source):
        return [NOT_ATTEMPTED] * len(cases)
    return run(source, exercise.answer, [exercise.launch(*case.arguments.values()) for case in cases])


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


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
