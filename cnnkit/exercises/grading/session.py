"""Drive one notebook: run its cells, call its answers, and end its process. Nothing is judged here.

A cell that never ends, or takes the process with it, costs itself alone: a new process runs the cells before
it again, without it, and goes on. An answer that does so costs its exercise.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..definition import Case, Exercise, FunctionExercise, KernelExercise, Prediction, StateExercise
from ..outcome import NOT_ATTEMPTED, Outcome
from .course import CourseNotebook, key, skippable
from .limits import Limits
from .names import broken_cell, names_of
from .notebook_file import Notebook
from .outcomes import outcome_of, problem, words
from .packed import pack
from .process import Child, Ended

CELLS_SHARE = 0.7  # of a notebook's time; the rest is for calling its answers


class Stopped(Exception):
    """The teacher has interrupted the grading."""


@dataclass
class Answer:
    """What came of one exercise: one list of outcomes, or several of which the best counts; its cell.

    source: of a kernel, which runs elsewhere, after the notebook's process has ended.
    """

    attempts: list[list[Outcome]] = field(default_factory=list)
    cell: int | None = None
    notes: list[str] = field(default_factory=list)
    sources: list[tuple[str | None, int]] = field(default_factory=list)


@dataclass
class Gathered:
    """All that came back from a notebook."""

    answers: dict[str, Answer]
    events: list[str]
    seconds: float


class Session:
    """One notebook of one student."""

    def __init__(
        self,
        notebook: Notebook,
        course: CourseNotebook,
        cases: dict[str, Sequence[Case]],
        start: Callable[[list[str]], Child],
        limits: Limits,
        seconds: float,
        stop: threading.Event,
    ) -> None:
        self.notebook, self.course, self.cases, self.limits = notebook, course, cases, limits
        self._start, self._stop = start, stop
        self._begun = time.monotonic()
        self._end = self._begun + seconds
        self._cells_end = self._begun + CELLS_SHARE * seconds
        self._child: Child | None = None
        self._events: dict[int, str] = {}
        self._culprits: set[int] = set()
        self._restarts = 0
        self._missed: set[str] = set()  # names that were not there
        self._general: list[str] = []
        self._skipped = skippable(notebook.cells, course)

    def gather(self) -> Gathered:
        """Run everything. The process has ended when this returns."""
        try:
            answers = self._once()
            if self._missed & {name for names in self._skipped.values() for name in names}:
                # Something uses a name of a skipped cell after all, unforeseeably: then all must run.
                self._close()
                self._skipped, self._events, self._culprits = {}, {}, set()
                self._general, self._restarts = [], 0
                answers = self._once()
        finally:
            self._close()
        events = [*(f"cell {i + 1}: {text}" for i, text in sorted(self._events.items())), *self._general]
        return Gathered(answers, events, time.monotonic() - self._begun)

    def _once(self) -> dict[str, Answer]:
        self._run_cells()
        return {exercise.id: self._answer(exercise) for exercise in self.course.exercises}

    # --- cells ------------------------------------------------------------------------------------------

    def _run_cells(self) -> None:
        """Have a process in which all cells have run that can."""
        most = self.limits.restarts + len(self.course.exercises)
        while self._child is None and self._restarts <= most:
            self._check_stop()
            try:
                self._child = self._start(
                    [n for e in self.course.exercises for n in names_of(e, self.notebook)]
                )
                for number, cell in enumerate(self.notebook.cells):
                    if number not in self._skipped and number not in self._culprits and cell.source.strip():
                        self._run_cell(self._child, number, cell.source)
            except _CellEnded as ended:
                self._culprits.add(ended.number)
                self._events[ended.number] = f"{ended.reason}; the notebook was run again without this cell"
                self._died()
        if self._child is None and not self._general:
            self._general.append(f"after {self._restarts} processes that ended, no other was started")

    def _run_cell(self, child: Child, number: int, source: str) -> None:
        self._check_stop()
        seconds = min(self.limits.cell_seconds, self._cells_end - time.monotonic())
        if seconds < min(1.0, self.limits.cell_seconds):
            # A notebook that has used its time up: its answers still count, and are quickly defined.
            if not self._binds(source):
                self._events.setdefault(number, "it was not run: the notebook's time was up")
                return
            seconds = min(self.limits.cell_seconds, 5.0, self._end - time.monotonic())
        if seconds <= 0:
            return
        try:
            reply = child.ask({"do": "cell", "number": number, "source": source}, seconds)
            child.check()
        except Ended as ended:
            raise _CellEnded(number, ended.reason) from None
        if reply.get("late"):
            self._culprits.add(number)  # should the notebook run again, this cell is not waited for again
            self._events[number] = f"it did not end within {seconds:.3g} s and was interrupted"
        elif reply.get("error"):
            self._note_missing(reply)
            told = re.sub(r"<ipython-input[^>]*>, ", "", words(reply.get("words"), 200))
            said = f"{words(reply['error'], 60)}: {told}".rstrip(": ")
            self._events[number] = f"it raised {said}"

    def _binds(self, source: str) -> bool:
        return any(exercise.answer in source for exercise in self.course.exercises)

    def _note_missing(self, reply: dict[str, Any]) -> None:
        name = reply.get("name")
        if reply.get("error") == "NameError" and isinstance(name, str):
            self._missed.add(name)

    # --- answers ----------------------------------------------------------------------------------------

    def _answer(self, exercise: Exercise) -> Answer:
        cases = self.cases[exercise.id]
        if self._child is None:
            self._run_cells()
        if self._child is None:
            return Answer([[problem("the notebook's process ended again and again")] * len(cases)])
        answer = Answer()
        for name in names_of(exercise, self.notebook):
            try:
                found = self._ask({"do": "candidates", "name": name, "kind": exercise.kind}).get("candidates")
            except Ended as ended:
                self._died()
                return Answer([[problem(f"looking at your answer: {ended.reason}")] * len(cases)])
            candidates = [c for c in found if isinstance(c, dict)] if isinstance(found, list) else []
            mine = [c for c in candidates if not self._is_own(exercise, c)]
            if any(candidate.get("attempted") is not False for candidate in mine):
                if name != exercise.answer:
                    answer.notes.append(f"it is called `{name}` here, in its check, too")
                break
        else:
            name = exercise.answer
        if isinstance(exercise, FunctionExercise):
            self._call_newest(exercise, name, mine, answer, cases)
        elif isinstance(exercise, KernelExercise):
            for candidate in mine:
                if candidate.get("attempted") is not False:
                    source = candidate.get("source")
                    answer.sources.append(
                        (words(source, 200_000) if isinstance(source, str) else None, _cell(candidate))
                    )
        else:
            self._values(exercise, mine, answer, cases)
        if isinstance(exercise, StateExercise):
            # A state that the student's code has set, in the explorer that the course made.
            own = [c for c in candidates if c not in mine and c.get("value") is not None]
            answer.attempts += [[outcome_of(c)] * len(cases) for c in own]
        self._explain_missing(exercise, answer, cases)
        return answer

    def _explain_missing(self, exercise: Exercise, answer: Answer, cases: Sequence[Case]) -> None:
        """Say why there is no answer, where more is known than that it is not there."""
        missing = bool(answer.attempts) and not any(o.attempted for o in answer.attempts[0])
        if not missing and (answer.attempts or answer.sources):
            return
        broken = broken_cell(exercise, self.notebook, self.course, self._events)
        if broken is not None:
            answer.cell, event = broken
            answer.attempts = [[problem(f"its cell did not run to the end: {event}")] * len(cases)]
        elif isinstance(exercise, StateExercise) and not self.notebook.outputs:
            answer.notes.append(
                "handed in without outputs: an explorer's state is saved with the output of its check, so "
                "that it cannot be seen here"
            )

    def _is_own(self, exercise: Exercise, candidate: dict[str, Any]) -> bool:
        """Was it bound by a cell of the course itself? A stub, or what stands in for a missing answer."""
        number = _cell(candidate)
        if not 0 <= number < len(self.notebook.cells):
            return True
        own = key(self.notebook.cells[number].source) in self.course.own
        # A list that the course leaves empty can have been filled by a later cell.
        return own and not isinstance(exercise, Prediction)

    def _values(
        self, exercise: Exercise, candidates: list[dict[str, Any]], answer: Answer, cases: Sequence[Case]
    ) -> None:
        for candidate in candidates:
            if candidate.get("attempted") is False:
                continue
            outcome = outcome_of(candidate)
            answer.attempts.append([outcome] * len(cases))
            if answer.cell is None:
                answer.cell = _cell(candidate)
            if isinstance(exercise, Prediction):
                return  # the newest one counts: predictions are not tried out
        for name, state in self.notebook.states:
            if name == exercise.id and not isinstance(exercise, Prediction):
                answer.attempts.append([Outcome(state)] * len(cases))
        if not answer.attempts:
            answer.attempts.append([NOT_ATTEMPTED] * len(cases))

    def _call_newest(
        self,
        exercise: Exercise,
        name: str,
        candidates: list[dict[str, Any]],
        answer: Answer,
        cases: Sequence[Case],
    ) -> None:
        for candidate in candidates:
            if candidate.get("attempted") is False:
                continue
            answer.cell = _cell(candidate)
            if candidate.get("problem"):
                answer.attempts.append([outcome_of(candidate)] * len(cases))
            else:
                answer.attempts.append(self._call_all(name, candidate.get("key"), cases))
            return
        answer.attempts.append([NOT_ATTEMPTED] * len(cases))

    def _call_all(self, name: str, number: Any, cases: Sequence[Case]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        size = 0
        for case in cases:
            request = {"do": "call", "name": name, "key": number}
            request["arguments"] = pack(dict(case.arguments))
            try:
                reply = self._ask(request)
            except Ended as ended:
                self._died()
                outcomes += [problem(ended.reason)]
                break
            if reply.get("late"):
                outcomes += [problem(f"it did not end within {self.limits.cell_seconds:g} s")]
                break
            self._note_missing(reply)
            outcomes.append(outcome_of(reply))
            size += getattr(outcomes[-1].value, "nbytes", 0)
            if size > self.limits.answers_bytes:
                outcomes[-1] = problem(
                    f"its answers have more than {self.limits.answers_bytes:,} bytes in all"
                )
                break
        left = len(cases) - len(outcomes)
        return outcomes + [problem(f"not called after an earlier case: {outcomes[-1].problem}")] * left

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self._check_stop()
        seconds = min(self.limits.cell_seconds, self._end - time.monotonic())
        if seconds <= 0:
            raise Ended("the notebook's time was up")
        assert self._child is not None
        return self._child.ask(request, seconds)

    # --- the process ------------------------------------------------------------------------------------

    def _died(self) -> None:
        self._restarts += 1
        self._close()

    def _close(self) -> None:
        if self._child is not None:
            self._child.close()
        self._child = None

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Stopped


class _CellEnded(Exception):
    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.number, self.reason = number, reason


def _cell(candidate: dict[str, Any]) -> int:
    number = candidate.get("cell")
    return number if type(number) is int else -1
