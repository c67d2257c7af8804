"""Under which name a student's answer stands, and what became of the cell that should have bound it."""

from __future__ import annotations

import re

from ..definition import Exercise
from .course import CourseNotebook, bound_names, key
from .notebook_file import Notebook


def names_of(exercise: Exercise, notebook: Notebook) -> list[str]:
    """The exercise's own name; then, where a student renamed the answer, the one that the check was given."""
    call = re.compile(rf"check\(\s*[\"']{re.escape(exercise.id)}[\"']\s*,\s*(\w{{1,80}})\s*\)")
    given = [match[1] for cell in notebook.cells for match in call.finditer(cell.source[:20_000])]
    return list(dict.fromkeys([exercise.answer, *reversed(given)]))[:3]


def broken_cell(
    exercise: Exercise, notebook: Notebook, course: CourseNotebook, events: dict[int, str]
) -> tuple[int, str] | None:
    """The last cell that was to bind the answer and did not run to its end: (number, what happened)."""
    names = set(names_of(exercise, notebook))
    for number in sorted(events, reverse=True):
        cell = notebook.cells[number]
        if key(cell.source) in course.own:
            continue  # as it was handed out
        if exercise.id in cell.tags or names & bound_names(cell.source):
            return number, events[number]
    return None
