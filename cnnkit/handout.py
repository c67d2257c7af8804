"""What a learner is handed: the course's notebooks without the solutions, and the files that they link to.

A notebook may link to a file beside it (a glossary, a picture), or above it (`../kernels/conv2d.cl`, the
library's own code). The latter travels in a folder `library`, and the links are changed to match: a copy of
the course has nothing above it.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from . import __version__
from .errors import CnnkitError
from .exercises import registry
from .exercises.grading.notebook_text import Unreadable
from .notebook_cells import parse, text_of

LIBRARY = "library"
NOT_FOR_LEARNERS = frozenset(("solutions", "source", "exercises"))
LINK = re.compile(r"(\]\(<?|\b(?:src|href)=[\"'])([^\s)\"'#?>]+)")


@dataclass(frozen=True)
class Handout:
    """Files by their path in the learner's folder, with `/`, and the cnnkit that they belong to."""

    version: str
    files: dict[str, bytes]

    @property
    def notebooks(self) -> list[str]:
        """The notebooks' names, in order."""
        return [name for name in self.files if name.endswith(".ipynb")]


def learners_notebooks(course: Path) -> list[Path]:
    """The course's notebooks for learners. Where the solutions are, what has none is somebody's own file."""
    paths = sorted(course.glob("*.ipynb"))
    solved = {path.name for path in course.glob("solutions/*.ipynb")}
    return [path for path in paths if not solved or path.name in solved]


def number_of(name: str) -> str:
    """The number in a notebook's name; empty for one that is no chapter, such as the glossary."""
    number = name.partition("_")[0]
    return number if number.isdigit() else ""


def handout(course: Path | None = None, only: tuple[str, ...] = ()) -> Handout:
    """The notebooks of the folder `course` (default: the course that belongs to this cnnkit) and their files.

    only: the numbers of the notebooks wanted, such as "01"; all if empty. Those without a number always come.
    Raises CnnkitError where the course has no such notebook, or one that cannot be read.
    """
    course = course or registry.course_folder()
    notebooks = learners_notebooks(course)
    numbers = [number for path in notebooks if (number := number_of(path.name))]
    for number in only:
        if number not in numbers:
            raise CnnkitError(f"There is no notebook {number}; there are {', '.join(numbers) or 'none'}.")
    chosen = [path for path in notebooks if not only or number_of(path.name) in (*only, "")]
    if not numbers:
        raise CnnkitError(
            f"There is no notebook in {course}: run `make course` there, or install cnnkit anew."
        )
    files: dict[str, bytes] = {}
    linked: dict[str, bytes] = {}
    for path in chosen:
        files[path.name] = _notebook(path, course, linked)
    return Handout(__version__, files | dict(sorted(linked.items())))


def _notebook(path: Path, course: Path, linked: dict[str, bytes]) -> bytes:
    """The notebook's bytes, with links that work in a copy; what they lead to is added to `linked`."""
    try:
        content = path.read_bytes()
        notebook = parse(content)
        changed = False
        for cell in notebook["cells"]:
            if cell.get("cell_type") == "markdown":
                before = text_of(cell)
                after = _with_links(before, course, linked)
                if after != before:
                    changed, cell["source"] = True, after.splitlines(keepends=True)
    except (OSError, Unreadable) as error:
        raise CnnkitError(f"The course's own notebook {path} cannot be used: {error}.") from None
    return json.dumps(notebook, indent=1, ensure_ascii=False).encode() + b"\n" if changed else content


def _with_links(text: str, course: Path, linked: dict[str, bytes]) -> str:
    """The text with its links as they are in a copy; the files that they lead to are added to `linked`."""

    def changed(match: re.Match[str]) -> str:
        target = posixpath.normpath(unquote(match[2]))
        above = target.startswith("../")
        name = posixpath.join(LIBRARY, target[3:]) if above else target
        if name in linked:
            return f"{match[1]}{name}" if above else match[0]
        source = next((path for path in _sources(target, course) if path.is_file()), None)
        if source is None:
            return match[0]
        linked[name] = source.read_bytes()
        if not above and name.endswith(".md"):
            _with_links(source.read_text("utf-8"), course, linked)
        return f"{match[1]}{name}" if above else match[0]

    return LINK.sub(changed, text)


def _sources(target: str, course: Path) -> Iterator[Path]:
    """Where the file of a link may be: in the course, or, above it, in the clone or the installed package."""
    inner = target.removeprefix("../")
    first = inner.split("/")[0]
    if target.startswith("/") or ":" in first or first == ".." or inner.endswith(".ipynb"):
        return
    if not target.startswith("../"):
        if first not in NOT_FOR_LEARNERS:
            yield course / target
        return
    if not any(part in NOT_FOR_LEARNERS for part in inner.split("/")):
        yield course.parent / inner
        yield Path(__file__).resolve().parents[1] / inner
