"""The course's notebooks, as far as exercises need them: the solved cell, the learner's stub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import CnnkitError
from .definition import Exercise
from .registry import course_folder


def notebook_path(number: str, solution: bool = False) -> Path | None:
    """The course's notebook with this number, for learners or solved; None if it was not handed out."""
    folder = course_folder() / "solutions" if solution else course_folder()
    return next(iter(sorted(folder.glob(f"{number}_*.ipynb"))), None)


def cells(path: Path) -> list[dict[str, Any]]:
    """The code cells of a notebook of the course."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source(cell: dict[str, Any]) -> str:
    """A cell's text, which the format keeps as a string or as a list of lines."""
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def tagged(path: Path, id: str) -> str | None:
    """The source of the cell that carries the exercise's id as a tag."""
    return next((source(c) for c in cells(path) if id in c["metadata"].get("tags", [])), None)


def solved_cell(exercise: Exercise) -> str:
    """The exercise's solved cell. Raises CnnkitError where the course was handed out without solutions."""
    path = notebook_path(exercise.notebook, solution=True)
    code = tagged(path, exercise.id) if path else None
    if code is None:
        raise CnnkitError(
            f"This course was handed out without solutions, so there is none for {exercise.id}: "
            f'hint("{exercise.id}") may help, or ask your teacher.'
        )
    return code
