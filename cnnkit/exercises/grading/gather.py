"""From one student's files to what came back from them: read, recognize, run. Nothing is judged here."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..definition import Case, KernelExercise
from ..launch import Launch
from ..outcome import NOT_ATTEMPTED, Outcome
from ..run import is_kernel_stub, kernel_outcomes
from ..sandbox import Sandbox
from .course import CourseNotebook, bound_names, named_like, recognized
from .files import remove
from .isolation import Isolation, Place
from .notebook_file import Notebook, Unreadable, read
from .outcomes import as_plain, problem
from .process import Child, NotStarted
from .session import Answer, Session, Stopped
from .submissions import File, Submission
from .warm import WarmCache
from .watch import Watcher

LONGEST_CODE = 10_000


@dataclass
class Workshop:
    """What all notebooks of a run share."""

    isolation: Isolation
    watcher: Watcher
    base: Path
    warm: WarmCache
    course: Sequence[CourseNotebook]
    asked: frozenset[str]  # names of the course's notebooks that are graded
    reading: frozenset[str]  # file names of the course's notebooks that have no exercises
    cases: dict[str, Sequence[Case]]
    stop: threading.Event
    children: set[Child] = field(default_factory=set)

    def interrupt(self) -> None:
        """End everything that runs."""
        self.stop.set()
        for child in list(self.children):
            child.close()

    def start(self, names: list[str], cache: Path | None) -> Child:
        """A process for a notebook; the machine gets a second chance."""
        try:
            child = Child(self.isolation, self.watcher, self.base, cache, names)
        except NotStarted:
            if self.stop.is_set():
                raise Stopped from None
            child = Child(self.isolation, self.watcher, self.base, cache, names)
        self.children.add(child)
        return child


def gather(submission: Submission, shop: Workshop) -> dict[str, Any]:
    """All that came back from a student's files, as plain data and arrays."""
    begun = time.monotonic()
    left: dict[str, float] = {}  # a notebook's time is the same, whether it comes in one file or in five
    files = [_file(file, shop, left) for file in submission.files]
    return {"files": files, "seconds": round(time.monotonic() - begun, 3)}


def _file(file: File, shop: Workshop, left: dict[str, float]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "file": file.shown,
        "notebook": None,
        "status": "refused",
        "reason": file.reason,
        "seconds": 0.0,
    }
    entry |= {"events": [], "answers": {}}
    course = next((c for c in shop.course if named_like(file.shown, c)), None)
    entry["notebook"] = course.name if course else None
    if file.reason:
        return entry
    try:
        notebook = read(file.path)
    except Unreadable as error:
        return entry | {"reason": str(error)}
    course = recognized(notebook, file.path.name, shop.course)
    if course is None:
        if file.path.name in shop.reading:  # a student who hands in the whole folder has done nothing wrong
            return entry | {"notebook": None, "status": "without exercises", "reason": "nothing to grade"}
        return entry | {"notebook": None, "reason": "it is none of the course's notebooks with exercises"}
    entry["notebook"] = course.name
    if course.name not in shop.asked:
        return entry | {"reason": "left out: --notebooks does not name it"}
    limits = shop.isolation.limits
    seconds = left.get(course.name, limits.submission_seconds)
    if seconds < 1:
        return entry | {
            "reason": "the time for this notebook was used up by the student's other files for it"
        }
    uses_cnnkit = any("cnnkit" in cell.source for cell in notebook.cells)
    cache = shop.warm.folder() if uses_cnnkit else None
    session = Session(
        notebook, course, shop.cases, lambda names: shop.start(names, cache), limits, seconds, shop.stop
    )
    try:
        gathered = session.gather()
    except NotStarted as error:
        return entry | {"reason": f"it could not be run on this machine: {error}"}
    left[course.name] = seconds - gathered.seconds
    begun = time.monotonic()
    _run_kernels(course, gathered.answers, shop)
    return entry | {
        "status": "graded",
        "seconds": round(gathered.seconds + time.monotonic() - begun, 3),
        "events": [*notebook.notes, *gathered.events],
        "answers": {id: _plain(id, answer, notebook, course) for id, answer in gathered.answers.items()},
    }


def _plain(id: str, answer: Answer, notebook: Notebook, course: CourseNotebook) -> dict[str, Any]:
    return {
        "attempts": [[as_plain(outcome) for outcome in attempt] for attempt in answer.attempts],
        "notes": answer.notes,
        "code": _code(id, answer, notebook, course)[:LONGEST_CODE],
    }


def _code(id: str, answer: Answer, notebook: Notebook, course: CourseNotebook) -> str:
    """The source of the cell that binds the answer."""
    if answer.cell is not None and 0 <= answer.cell < len(notebook.cells):
        return notebook.cells[answer.cell].source
    name = next(exercise.answer for exercise in course.exercises if exercise.id == id)
    found = [c.source for c in notebook.cells if id in c.tags or name in bound_names(c.source)]
    return "\n\n".join(found[-3:])


def _run_kernels(course: CourseNotebook, answers: dict[str, Answer], shop: Workshop) -> None:
    """Run the kernels in a worker of this student's own: a kernel can change the process that it runs in."""
    kernels = [e for e in course.exercises if isinstance(e, KernelExercise)]
    for exercise in kernels:
        answer = answers[exercise.id]
        if answer.attempts:  # the process ended before its source was known
            continue
        answer.attempts.append([NOT_ATTEMPTED] * len(shop.cases[exercise.id]))
        for source, cell in answer.sources:
            if source is None or not is_kernel_stub(source):
                answer.cell = cell
                answer.attempts[0] = _kernel(exercise, source, shop)
                break


def _kernel(exercise: KernelExercise, source: str | None, shop: Workshop) -> Any:
    if shop.stop.is_set():
        raise Stopped
    cases = shop.cases[exercise.id]
    isolation = shop.isolation
    scratch = Path(tempfile.mkdtemp(dir=shop.base)) if isolation.needs_scratch else None
    place = Place(scratch)
    sandbox = Sandbox(command_prefix=isolation.prefix(place), environment=isolation.environment(place))

    def run(source: str, name: str, launches: list[Launch]) -> list[Outcome]:
        return sandbox.run(source, name, launches, seconds=min(5.0, isolation.limits.cell_seconds))

    try:
        outcomes = kernel_outcomes(exercise, source, cases, run)
    except Exception as error:  # a launch of the exercise that cannot be, a device that is gone
        return [problem(f"it could not be run on this machine ({type(error).__name__}: {error})")] * len(
            cases
        )
    finally:
        sandbox.close()
        if scratch is not None:
            remove(scratch)
    return outcomes
