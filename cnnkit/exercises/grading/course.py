"""The course's own notebooks, and which of them a submitted file is, whatever it is called."""

from __future__ import annotations

import re
import symtable
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import CnnkitError
from .. import registry
from ..definition import Exercise
from .notebook_file import Cell, Notebook, Unreadable, read

SKIPPED_TAGS = frozenset(("drawing", "answer", "demonstration"))
DEFINITION = re.compile(r"(?:%%kernel|(?:async[ ]+)?def|class)[ \t]+(\w+)")
TARGETS = re.compile(r"[\w, ()*\[\]]+")


@dataclass(frozen=True)
class CourseNotebook:
    """A notebook of the course, and its exercises.

    own: the sources of the learner's version, stubs among them: an answer bound there is not the learner's.
    names: of every cell, learner's or solved, the names that it binds and those that it needs.
    shown: the cells that show or check something, and need not run for an answer.
    """

    name: str
    exercises: tuple[Exercise, ...]
    ids: frozenset[str]
    own: frozenset[str]
    names: dict[str, tuple[frozenset[str], frozenset[str]]]
    shown: frozenset[str]

    @property
    def number(self) -> str:
        return self.name.split("_")[0]


def course_notebooks() -> list[CourseNotebook]:
    """All notebooks of the course that have exercises. Raises CnnkitError where there is none."""
    folder = registry.course_folder()
    exercises = registry.exercises(folder)
    found = []
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        own = [e for e in exercises.values() if e.notebook == path.name[:2]]
        if own:
            solution = folder / "solutions" / path.name
            found.append(_course_notebook(path, solution if solution.exists() else None, own))
    if not found:
        raise CnnkitError(f"There is no notebook with exercises in {folder}: run `make course` first.")
    return found


def _course_notebook(path: Path, solution: Path | None, exercises: list[Exercise]) -> CourseNotebook:
    try:
        own = read(path).cells
        solved = read(solution).cells if solution else ()
    except Unreadable as error:
        raise CnnkitError(f"The course's own notebook {path} cannot be used: {error}.") from None
    return CourseNotebook(
        path.stem,
        tuple(exercises),
        frozenset(c.id for c in own if c.id),
        frozenset(key(c.source) for c in own),
        {key(c.source): _names_of(c.source) for c in (*own, *solved)},
        frozenset(key(c.source) for c in (*own, *solved) if SKIPPED_TAGS.intersection(c.tags)),
    )


def key(source: str) -> str:
    """A source for comparing: spaces at the ends of lines say nothing."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def bound_names(source: str) -> set[str]:
    """The names that a cell binds at its top level, as far as its lines tell.

    By lines, not by Python's parser, which a submission's text can make fail in many ways; and only by the
    beginnings of lines, so that no text takes long.
    """
    found: set[str] = set()
    for line in source.splitlines():
        line = line[:200]
        definition = DEFINITION.match(line)
        if definition:
            found.add(definition[1])
            continue
        head, equals, rest = line.partition("=")
        head = head.partition(":")[0]
        if equals and not rest.startswith("=") and not line[:1].isspace() and TARGETS.fullmatch(head):
            found.update(re.findall(r"\w+", head))
    return found


def _names_of(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """(the names that a cell of the course binds, the other names in it that are not a function's own)."""
    try:
        cell = symtable.symtable(source, "cell", "exec")
    except SyntaxError:  # magics
        return _names_in(source)
    bound = {
        symbol.get_name() for symbol in cell.get_symbols() if symbol.is_assigned() or symbol.is_imported()
    }
    used: set[str] = set()
    scopes = [cell]
    for scope in scopes:
        scopes += scope.get_children()
        used.update(s.get_name() for s in scope.get_symbols() if s.is_referenced() and s.is_global())
    return frozenset(bound), frozenset(used - bound)


def _names_in(source: str) -> tuple[frozenset[str], frozenset[str]]:
    bound = bound_names(source)
    if source.startswith("%%kernel"):  # OpenCL C, in which Python's names mean nothing
        return frozenset(bound), frozenset()
    return frozenset(bound), frozenset(set(re.findall(r"\w+", source)) - bound)


def skippable(cells: Sequence[Cell], course: CourseNotebook) -> dict[int, frozenset[str]]:
    """The cells that only show something, with the names that they bind, which no other cell needs."""
    keys = [key(cell.source) for cell in cells]
    names = [course.names.get(k) or _names_in(cell.source) for k, cell in zip(keys, cells, strict=True)]
    skipped = {i for i, k in enumerate(keys) if k in course.shown}
    while True:
        needed = {name for i, (_, needs) in enumerate(names) if i not in skipped for name in needs}
        wanted = {i for i in skipped if names[i][0] & needed}
        if not wanted:
            return {i: names[i][0] for i in skipped}
        skipped -= wanted


def recognized(notebook: Notebook, file: str, course: Iterable[CourseNotebook]) -> CourseNotebook | None:
    """Which notebook of the course this is: by what is in it, then by what it is called."""
    best, most = None, 0.0
    for candidate in course:
        score = likeness(notebook.cells, candidate)
        if score or not notebook.cells:
            score += 0.5 * (candidate.name in file) + 0.25 * named_like(file, candidate)
        if score > most:
            best, most = candidate, score
    if best is None:
        best = next((c for c in course if named_like(file, c)), None)
    return best


def likeness(cells: Iterable[Cell], candidate: CourseNotebook) -> float:
    """How much of the course's notebook is in these cells; 0 for nothing."""
    answers = {exercise.answer for exercise in candidate.exercises}
    exercises = {exercise.id for exercise in candidate.exercises}
    score = 0.0
    for cell in cells:
        score += 2.0 * (len(cell.source) > 20 and key(cell.source) in candidate.names)
        score += 1.0 * (cell.id in candidate.ids)
        score += 1.0 * bool(exercises.intersection(cell.tags))
        score += 3.0 * len(answers & bound_names(cell.source))
    return score


def named_like(file: str, candidate: CourseNotebook) -> bool:
    """Does the file's name hold the notebook's, or its number as a number of its own?"""
    stem = Path(file).stem
    return candidate.name in stem or candidate.number in re.findall(r"(?<!\d)\d\d(?!\d)", stem)
