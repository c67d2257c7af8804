"""What a notebook calls: `check`, `hint`, `solution`, `use`, `explain`."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable
from typing import Any

from ..errors import CnnkitError
from . import notebooks, words
from .definition import Exercise, KernelExercise, StateExercise
from .judge import NOT_ATTEMPTED, Result, fault_of, judge
from .progress_file import ProgressFile, progress_path
from .registry import find
from .run import run_here, source_of
from .show import bundle_of, display_bundle

MISSING: Any = object()
_hints_given: dict[str, int] = {}
_failing: dict[
    str, tuple[Any, list[Any], list[Any]]
] = {}  # the latest failing answer, its cases, its outcomes


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    """A sentence in place of a traceback; silence while a submission is graded, where nobody reads it."""

    @functools.wraps(function)
    def telling(*arguments: Any, **options: Any) -> Any:
        if os.environ.get("CNNKIT_GRADING"):
            return None
        try:
            return function(*arguments, **options)
        except CnnkitError as error:
            print(error)
            return None

    return telling


def evaluate(id: str, answer: Any, seed: int | None = None) -> Result:
    """The verdict on an answer, on fresh cases or those of `seed`; shows and records nothing."""
    exercise = find(id)
    cases = exercise.draw(seed)
    outcomes = run_here(exercise, answer, cases)
    result = judge(exercise, cases, outcomes)
    if not result.passed:
        _failing[id] = (answer, cases, outcomes)
    return result


@_told
def check(id: str, answer: Any = MISSING) -> None:
    """Check an answer on fresh random cases, and say what is wrong with it.

    id: of the exercise, as "01.2". answer: your function, the name of your %%kernel cell, your prediction or
    your explorer. What you have reached is kept in `cnnkit-progress.json` beside the notebook.
    """
    exercise = find(id)
    if answer is MISSING:
        print(f'Give your answer, too: check("{id}", {exercise.answer}).')
        return
    result = evaluate(id, answer)
    if result.status != NOT_ATTEMPTED:
        _record(lambda file: file.record(id, result.points, result.of, result.passed))
    state = _state(answer) if isinstance(exercise, StateExercise) and result.passed else None
    display_bundle(bundle_of(result, _next_steps(exercise, result), state))


@_told
def hint(id: str) -> None:
    """The next of the exercise's three hints."""
    exercise = find(id)
    given = min(_hints_given.get(id, 0) + 1, len(exercise.hints))
    _hints_given[id] = given
    _record(lambda file: file.record_hint(id, given))
    text = f"Hint {given} of {len(exercise.hints)}: {exercise.hints[given - 1]}"
    if given == len(exercise.hints):
        text += f'\nThat was the last one; solution("{id}") shows the solution.'
    display_bundle({"text/plain": text, "text/markdown": text.replace("\n", "\n\n")})


@_told
def solution(id: str) -> None:
    """The solved cell of an exercise, explained."""
    exercise = find(id)
    code = notebooks.solved_cell(exercise)
    _record(lambda file: file.record_solution(id))
    plain = f"{exercise.id} {exercise.title}\n\n{code}\n\n{exercise.explanation}"
    language = "c" if isinstance(exercise, KernelExercise) else "python"
    markdown = f"**{exercise.id} {exercise.title}**\n\n```{language}\n{code}\n```\n\n{exercise.explanation}"
    display_bundle({"text/plain": plain, "text/markdown": markdown})


def use(id: str, answer: Any) -> Any:
    """Your answer if it passes its check; else cnnkit's own in its place, which is said.

    So that a notebook runs on below an exercise that is not solved yet.
    """
    if os.environ.get("CNNKIT_GRADING"):  # where the definitions of the exercises are not at hand
        return answer
    exercise = find(id)
    mine = _callable(exercise, answer)
    if evaluate(id, answer).passed:
        return mine
    print(f"Below, cnnkit's own stands in for `{exercise.answer}`, until yours passes check {id}.")
    return stand_in(exercise)


def stand_in(exercise: Exercise) -> Any:
    """What does an answer's work until it is right."""
    own = exercise.stand_in
    if own is None:
        own = getattr(exercise, "reference", None)
    if own is None:
        return exercise.expected(exercise.draw(0)[0])  # a value
    return _StandIn(own) if callable(own) else own


class _StandIn:
    """cnnkit's own function in a learner's place; `stands_in` tells an explorer so."""

    stands_in = True

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.name = function, "cnnkit"

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


def _callable(exercise: Exercise, answer: Any) -> Any:
    if isinstance(exercise, KernelExercise) and source_of(answer) is not None:
        from .magic import LearnerKernel

        kernel = answer if isinstance(answer, LearnerKernel) else LearnerKernel(exercise.answer, answer)
        return kernel.bind(exercise.launch)
    return answer


@_told
def explain(id: str) -> None:
    """Run the smallest failing case of your kernel under Oclgrind, and show the line of the mistake."""
    exercise = find(id)
    if not isinstance(exercise, KernelExercise):
        print(f'{id} is no kernel: check("{id}", {exercise.answer}) says what is wrong with it.')
        return
    if id not in _failing:
        print(f'Check your kernel first: check("{id}", {exercise.answer}). If it fails, ask again.')
        return
    from .sandbox.explain import explain_kernel

    answer, cases, outcomes = _failing[id]
    source = source_of(answer)
    if source is None:
        print(f"There is no kernel to explain: write one in a `%%kernel {exercise.answer}` cell.")
        return
    pairs = zip(cases, outcomes, strict=True)
    failing = [case for case, outcome in pairs if fault_of(exercise, case, outcome) is not None]
    launches = [exercise.launch(*case.arguments.values()) for case in failing or cases]
    smallest = min(launches, key=lambda launch: launch.items())
    print(explain_kernel(source, exercise.answer, smallest))


def _next_steps(exercise: Exercise, result: Result) -> str:
    left = len(exercise.hints) - _hints_given.get(exercise.id, 0)
    if left:
        steps = f'`hint("{exercise.id}")` gives a hint ({left} left)'
    else:
        steps = f'`solution("{exercise.id}")` shows the solution'
    closer = isinstance(exercise, KernelExercise) and result.status != NOT_ATTEMPTED
    return words.sentence(
        steps + (f', `explain("{exercise.id}")` looks closer with Oclgrind' if closer else "")
    )


def _state(answer: Any) -> dict[str, Any]:
    return answer if isinstance(answer, dict) else answer.state()


def _record(change: Callable[[ProgressFile], None]) -> None:
    """Note it in the progress file; what stands in the way is said in a sentence."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        change(ProgressFile(progress_path()))
    for warning in said:
        print(warning.message)
