"""Where a learner stands and what is next: in the notebook, in the shell, and on a page."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..errors import DataError
from ..files import write_atomically
from . import registry
from .definition import Exercise
from .progress_file import NAME, Entry, ProgressFile, progress_path

# The states in words; `kind` (a CSS class) and `sign` tell them apart in the picture without the color alone.
STATES = {
    "first": ("★", "predicted right the first time"),
    "passed": ("✓", "passed"),
    "shown": ("✓", "passed, after seeing the solution"),
    "partly": ("◐", "partly"),
    "tried": ("○", "not yet"),
    "open": ("", "not attempted"),
}


@dataclass(frozen=True)
class Step:
    """One exercise: `state` is a key of STATES, `note` says what else there is to know."""

    id: str
    title: str
    points: int
    of: int
    state: str
    note: str = ""

    @property
    def passed(self) -> bool:
        return self.state in ("first", "passed", "shown")

    @property
    def sign(self) -> str:
        return STATES[self.state][0]

    @property
    def words(self) -> str:
        return f"{STATES[self.state][1]} ({self.note})" if self.note else STATES[self.state][1]

    @property
    def percent(self) -> int:
        """How much of it is filled; what is begun is seen to be."""
        return 100 if self.passed else self.points * 100 // self.of


@dataclass(frozen=True)
class Notebook:
    """One notebook's steps. file: its file's name; link: its address, where the learner's folder has it."""

    number: str
    title: str
    file: str
    link: str
    steps: tuple[Step, ...]

    @property
    def points(self) -> int:
        return sum(step.points for step in self.steps)

    @property
    def of(self) -> int:
        return sum(step.of for step in self.steps)

    @property
    def passes(self) -> int:
        return sum(step.passed for step in self.steps)

    @property
    def done(self) -> bool:
        return self.passes == len(self.steps)

    @property
    def begun(self) -> bool:
        return any(step.state != "open" or step.note for step in self.steps)

    @property
    def counts(self) -> str:
        return f"{self.points} of {_count(self.of, 'point')}, {self.passes} of {len(self.steps)} passed"


@dataclass(frozen=True)
class Progress:
    """The whole course; a notebook shows it as a picture and a table, anything else as plain text.

    others: how many results are kept of exercises that this version of the course does not have.
    """

    notebooks: tuple[Notebook, ...]
    others: int = 0
    next: tuple[Notebook, Step] | None = field(init=False)

    def __post_init__(self) -> None:
        ahead = ((book, step) for book in self.notebooks for step in book.steps if not step.passed)
        object.__setattr__(self, "next", next(ahead, None))

    @property
    def points(self) -> int:
        return sum(book.points for book in self.notebooks)

    @property
    def of(self) -> int:
        return sum(book.of for book in self.notebooks)

    @property
    def counts(self) -> str:
        passes = sum(book.passes for book in self.notebooks)
        total = sum(len(book.steps) for book in self.notebooks)
        return f"{self.points} of {_count(self.of, 'point')}, {passes} of {_count(total, 'exercise')} passed"

    @property
    def others_words(self) -> str:
        words = f"Kept results of exercises that this version of the course does not have: {self.others}."
        return words if self.others else ""

    @property
    def picture(self) -> str:
        """The picture in words."""
        parts = [f"{book.title}: {book.counts}." for book in self.notebooks]
        return " ".join([f"{self.counts}.", *parts, self.next_words])

    @property
    def next_words(self) -> str:
        if self.next is None:
            return "Every exercise is passed: well done!"
        book, step = self.next
        where = f"{book.title} ({book.file})" if book.file else book.title
        return f"Next: {step.id} {step.title} ({_count(step.of, 'point')}), in {where}."

    def __repr__(self) -> str:
        if not self.notebooks:
            return "There are no exercises yet."
        width = max(len(step.title) for book in self.notebooks for step in book.steps)
        lines = [f"Progress: {self.counts}.", self.next_words]
        for book in self.notebooks:
            near = self.next is not None and book is self.next[0]
            if not book.begun and not near:  # else what matters would scroll away
                lines += ["", f"{book.title}: {_count(book.of, 'point')}, not begun"]
                continue
            lines += ["", f"{book.title}: {book.counts}"]
            for step in book.steps:
                arrow = "->" if near and self.next and step is self.next[1] else "  "
                points = f"{step.points:>2} of {step.of:<2}"
                lines.append(f"{arrow} {step.id:<5} {step.title:<{width}}  {points}  {step.words}")
        return "\n".join([*lines, *(["", self.others_words] if self.others else [])])

    def _repr_html_(self) -> str:
        return _template().render(progress=self, states=STATES, page=False)


def overview(
    exercises: Iterable[Exercise],
    entries: Mapping[str, Entry],
    folder: Path | None = None,
    course: Path | None = None,
) -> Progress:
    """The progress in these exercises. folder: the learner's; course: where the notebooks' names are from."""
    exercises = list(exercises)
    files = _notebook_files(folder) | _notebook_files(course)
    books = []
    for number in dict.fromkeys(exercise.notebook for exercise in exercises):
        file = files.get(number, "")
        words = file.removeprefix(f"{number}_").removesuffix(".ipynb").replace("_", " ").capitalize()
        link = quote(file) if file and folder and (folder / file).is_file() else ""
        steps = tuple(_step(e, entries.get(e.id, Entry())) for e in exercises if e.notebook == number)
        books.append(
            Notebook(number, f"{number} {words}" if file else f"Notebook {number}", file, link, steps)
        )
    known = {exercise.id for exercise in exercises}
    return Progress(tuple(books), sum(id not in known for id in entries))


def _step(exercise: Exercise, entry: Entry) -> Step:
    points, note = entry.counted(exercise.points), ""
    if entry.passed:
        first = exercise.kind == "prediction" and entry.first_time
        state = "shown" if entry.solution_seen else "first" if first else "passed"
    else:
        state = "partly" if points else "tried" if entry.attempts else "open"
        note = "solution seen" if entry.solution_seen else ""
    if entry.of not in (0, exercise.points):
        before = f"{entry.points} of {entry.of} before the exercise changed"
        note = f"{note}; {before}" if note else before
    return Step(exercise.id, exercise.title, points, exercise.points, state, note)


def _notebook_files(folder: Path | None) -> dict[str, str]:
    """The notebooks' names by their numbers; of two ("... copy"), the shorter."""
    paths = folder.glob("[0-9]*_*.ipynb") if folder and folder.is_dir() else ()
    names = sorted((path.name for path in paths), key=lambda name: (-len(name), name))
    return {name.split("_")[0]: name for name in names}


def progress() -> Progress:
    """Where you stand in the course, and what is next."""
    return _read(progress_path(), Path())


def _read(path: Path | None, folder: Path) -> Progress:
    """The progress in the file `path`, of a learner whose notebooks are in `folder`."""
    exercises, course = registry.exercises(), registry.course_folder()
    return overview(exercises.values(), ProgressFile(path).read(), folder, course)


def write_page(path: str | os.PathLike, shown: Progress | None = None) -> None:
    """Write the progress as an HTML page, one file that fetches nothing. Raises DataError if it cannot."""
    page = _template().render(
        progress=progress() if shown is None else shown,
        states=STATES,
        page=True,
        date=f"{datetime.now():%B %d, %Y, %H:%M}",
    )
    write_atomically(path, page.encode("utf-8", "replace"))


def command(folder: str | None, html: str | None) -> int:
    """`cnnkit progress`: print the progress kept in `folder`, and write the page `html` if one is named."""
    path = _file_in(folder)
    if path is None:
        print("CNNKIT_PROGRESS is set and empty: no progress is kept.")
        return 0
    shown = _read(path, path.parent)
    if path.exists():
        _print(repr(shown))
    else:
        _print(
            "No progress yet: open a notebook with `cnnkit lab` and check your answer to its first exercise."
        )
    if html:
        write_page(html, shown)
        _print(f"\nThe page is {Path(html).absolute()}: open it in a browser.")
    return 0


def _file_in(folder: str | None) -> Path | None:
    if folder is not None:
        if not Path(folder).is_dir():
            raise DataError(f"There is no folder {folder}: name the one with your notebooks.")
        return Path(folder) / NAME
    here = progress_path()
    if here is None or here.exists() or "CNNKIT_PROGRESS" in os.environ:
        return here
    beside = Path("course") / NAME
    return beside if beside.exists() else here


def _print(text: str) -> None:
    """Print also where the terminal lacks some of the letters."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


@cache
def _template() -> Any:
    from importlib.resources import files

    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string((files(__package__) / "progress.html").read_text(encoding="utf-8"))
