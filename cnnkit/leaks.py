"""Is a solution in what is handed out? The solved notebooks, or their source, say what must not be there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from .errors import CnnkitError
from .exercises.grading.notebook_text import Unreadable
from .handout import LIBRARY
from .notebook_cells import Cell, cells_of, parse

EXERCISE = "exercise"
# In the source of the notebooks: where an exercise's cell begins, and what of it is the solution.
CELL = re.compile(r'^# %%(?![\w%])(?:.*"exercise", *"([\d.]+)")?.*$', re.MULTILINE)
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)^[^\n]*### END SOLUTION", re.MULTILINE | re.DOTALL)
STUB = re.compile(r"^[# ]*### STUB .*$", re.MULTILINE)
# Letters from which lines are known for a solution: in the cell of their exercise, and anywhere else.
FEW, MANY = 8, 30


@dataclass(frozen=True)
class Solution:
    """What an exercise's solved cell has in place of the stub: the lines of one of its parts."""

    id: str
    lines: tuple[str, ...]

    @property
    def letters(self) -> int:
        return sum(map(len, self.lines))


def leaks(files: dict[str, bytes], course: Path) -> list[str]:
    """Sentences about solutions in these files, none if there are none.

    The library's own code is left out, which every learner has installed; so is what the authors show in a
    cell that is no exercise and the same in the solved notebook.
    """
    solved = {path.name: _read(path) for path in sorted(course.glob("solutions/*.ipynb"))}
    solutions = [s for name in solved for s in _solutions(course, name, solved[name])]
    found = []
    for name, content in files.items():
        if name.endswith(".ipynb"):
            found += [
                f"{name} holds the solution of {id}"
                for id in _in_notebook(content, solved.get(name, []), solutions)
            ]
        elif not name.startswith(f"{LIBRARY}/"):
            text = content.decode("utf-8", "replace")
            found += [f"{name} holds the solution of {id}" for id in _in_text(text, solutions)]
    return list(dict.fromkeys(found))


def _read(path: Path) -> list[Cell]:
    try:
        return cells_of(path.read_bytes())
    except (OSError, Unreadable) as error:
        raise CnnkitError(f"The course's own notebook {path} cannot be used: {error}.") from None


def _solutions(course: Path, name: str, solved: list[Cell]) -> Iterator[Solution]:
    """The solutions of a notebook: as marked in its source, where that is there; else what the stub lacks."""
    source = course / "source" / f"{Path(name).stem}.py"
    if source.is_file():
        yield from _marked(source.read_text("utf-8"))
        return
    empty = {_id(cell): _lines(cell.text) for cell in _read(course / name) if EXERCISE in cell.tags}
    for cell in solved:
        if EXERCISE in cell.tags:
            full = _lines(cell.text)
            changes = SequenceMatcher(None, empty.get(_id(cell), ()), full, autojunk=False).get_opcodes()
            for what, _, _, j, j_end in changes:
                if what in ("replace", "insert"):
                    yield Solution(_id(cell), full[j:j_end])


def _marked(source: str) -> Iterator[Solution]:
    """The blocks between BEGIN SOLUTION and END SOLUTION; a kernel's lines are comments there."""
    starts = list(CELL.finditer(source))
    ends = [match.start() for match in starts[1:]] + [len(source)]
    for start, end in zip(starts, ends, strict=True):
        cell = source[start.end() : end]
        for block in SOLUTION.findall(cell):
            text = STUB.sub("", block)
            if cell.lstrip().startswith("# %%kernel"):
                text = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
            yield Solution(start[1] or "a cell", _lines(text))


def _in_notebook(content: bytes, solved: list[Cell], solutions: list[Solution]) -> Iterator[str]:
    """The exercises whose solution is in a notebook's cells or outputs."""
    cells = cells_of(content)
    answers = {_lines(cell.text): _id(cell) for cell in solved if EXERCISE in cell.tags}
    shown = {cell.text for cell in solved if EXERCISE not in cell.tags}
    for cell in cells:
        if _lines(cell.text) in answers:
            yield answers[_lines(cell.text)]
        if cell.text not in shown:
            own = _id(cell) if EXERCISE in cell.tags else ""
            yield from _in_text(cell.text, solutions, own)
    for text in _outputs(content):
        yield from _in_text(text, solutions)


def _in_text(text: str, solutions: Iterable[Solution], own: str = "") -> Iterator[str]:
    """The exercises of which a text holds a solution that is long enough to be known for one."""
    lines = _lines(text)
    for solution in solutions:
        least = FEW if solution.id == own else MANY
        if solution.letters >= least and _within(solution.lines, lines):
            yield solution.id


def _within(part: tuple[str, ...], lines: tuple[str, ...]) -> bool:
    return any(lines[i : i + len(part)] == part for i in range(len(lines) - len(part) + 1))


def _lines(text: str) -> tuple[str, ...]:
    """The lines that say something, without the spaces around them."""
    return tuple(line for raw in text.splitlines() if (line := raw.strip()))


def _id(cell: Cell) -> str:
    return next((tag for tag in cell.tags if tag != EXERCISE), cell.id)


def _outputs(content: bytes) -> Iterator[str]:
    """The texts in a notebook's outputs."""
    for cell in parse(content)["cells"]:
        yield from _texts(cell.get("outputs"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        yield "".join(value)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not key.startswith("image/"):
                yield from _texts(item)
