"""What a notebook calls: `check`, `hint`, `solution`, `use`, `explain`."""

from __future__ import annotations

import functools
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import CnnkitError
from . import notebooks, words
from .definition import Exercise, KernelExercise, StateExercise
from .judge import NOT_ATTEMPTED, Result, fault_of, judge
from .progress_file import ProgressFile, progress_path
from .registry import find
from .run import is_kernel_stub, line_of, run_here, source_of
from .show import bundle_of, display_bundle

MISSING: Any = object()
PATIENCE = 3.0  # seconds, after which a check says that it still runs
_hints_given: dict[str, int] = {}
# By exercise: the latest failing answer, its cases, its outcomes.
_failing: dict[str, tuple[Any, list[Any], list[Any]]] = {}


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    """A sentence in place of a traceback; silence while a submission is graded, where nobody reads it."""

    @functools.wraps(function)
    def telling(*arguments: Any, **options: Any) -> Any:
        if os.environ.get("CNNKIT_GRADING"):
            return None
        if not arguments and "id" not in options:
            print(f"Say for which exercise: {usage}.")
            return None
        try:
            return function(*arguments, **options)
        except CnnkitError as error:
            print(error)
            return None

    usage = f'{function.__name__}("01.2"' + (", corr2d)" if function.__name__ == "check" else ")")
    return telling


class Stopped(KeyboardInterrupt):
    """A check that the learner stopped. In a notebook one sentence; the cells below do not run on."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@contextmanager
def _patience(exercise: Exercise, answer: Any) -> Iterator[None]:
    """Say what takes so long, and where it was when it was stopped."""
    # Not while the answer's own printing is held back: the notebook's stream, as it is now.
    said = functools.partial(print, file=sys.stdout, flush=True)
    limit = "it is stopped when it takes too long" if isinstance(exercise, KernelExercise) else "■ stops it"
    text = f"Still running `{exercise.answer}` ... ({limit})"
    # Stored notebooks are compared with what a run prints, however long that takes.
    seconds = 3600.0 if os.environ.get("CNNKIT_UNATTENDED") else PATIENCE
    timer = threading.Timer(seconds, said, [text])
    timer.daemon = True
    timer.start()
    try:
        yield
    except KeyboardInterrupt as error:
        line = line_of(error, answer)
        where = f", in line {line} of its cell" if line else ""
        raise Stopped(
            f"`{exercise.answer}` was stopped before it ended{where}: does a loop never end?"
        ) from None
    finally:
        timer.cancel()


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
    with _patience(exercise, answer):
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
        if hasattr(function, "reads"):  # a kernel of ours, which counts as the learner's does
            self.reads = function.reads

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


def _callable(exercise: Exercise, answer: Any) -> Any:
    if isinstance(exercise, KernelExercise) and source_of(answer) is not None:
        from .magic import LearnerKernel

        kernel = answer if isinstance(answer, LearnerKernel) else LearnerKernel(exercise.answer, answer)
        return kernel.bind(exercise.launch)
    return answer


@_told
def explain(id: str, answer: Any = MISSING) -> None:
    """Run the smallest failing case of your kernel under Oclgrind, and show the line of the mistake.

    answer: the kernel; by default the one that your cell has under the exercise's name.
    """
    exercise = find(id)
    if not isinstance(exercise, KernelExercise):
        print(f'{id} is no kernel: check("{id}", {exercise.answer}) says what is wrong with it.')
        return
    source = source_of(_current(exercise) if answer is MISSING else answer)
    if source is None:
        print(f"There is no kernel to explain: write one in a `%%kernel {exercise.answer}` cell and run it.")
        return
    if is_kernel_stub(source):
        print(f"{id} is not attempted yet: there is nothing to explain.")
        return
    with _patience(exercise, None):
        if id not in _failing or source_of(_failing[id][0]) != source:
            _failing.pop(id, None)
            if evaluate(id, source).passed:
                print(f"Your kernel `{exercise.answer}` passes its check: there is nothing to explain.")
                return
        print(_explanation(exercise, source, *_failing[id][1:]))


def _current(exercise: Exercise) -> Any:
    """What the notebook has under the answer's name now; else what was checked last."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and exercise.answer in shell.user_ns:
        return shell.user_ns[exercise.answer]
    return _failing[exercise.id][0] if exercise.id in _failing else None


def _explanation(exercise: KernelExercise, source: str, cases: list[Any], outcomes: list[Any]) -> str:
    from .sandbox.explain import explain_kernel

    pairs = zip(cases, outcomes, strict=True)
    found = [(case, outcome) for case, outcome in pairs if fault_of(exercise, case, outcome) is not None]
    if all(outcome.excess for _, outcome in found):
        return (
            "Oclgrind looks for mistakes, and here is none: the result of your kernel is right. It reads its "
            "input more often than it must."
        )
    failing = [case for case, outcome in found if not outcome.excess]
    launches = [(exercise.launch(*case.arguments.values()), case) for case in failing]
    launch, case = min(launches, key=lambda pair: pair[0].items())
    told = explain_kernel(source, exercise.answer, launch)
    about = "Oclgrind, a simulator that watches every access of a kernel, ran yours"
    return f"{about} {case.described()}.\n{told}"


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
