"""A notebook's cells as far as a person wrote them: what two versions of a notebook are compared by.

Outputs, metadata and execution counts are not part of it, with one exception: the state of an explorer that
a check saved, because that is an answer, and stands nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from .exercises.grading.notebook_text import STATE, Unreadable, clean

HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
MARKUP = re.compile(r"[*`$]|\]\([^)]*\)|\[")
LONGEST_HEADING = 60
MOST_BYTES = 32 << 20  # as objects, 30 times as much


@dataclass(frozen=True)
class Cell:
    """A cell: its text, the heading that it stands under, and a digest of all that a person wrote in it."""

    kind: str
    text: str
    heading: str
    digest: str
    id: str = ""
    tags: tuple[str, ...] = ()


def parse(content: bytes) -> dict[str, Any]:
    """The notebook in a file's bytes. Raises Unreadable with the reason."""
    check_size(len(content))
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Unreadable(f"byte {error.start:,} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"its JSON is broken in line {error.lineno:,}, column {error.colno:,}") from None
    except (ValueError, RecursionError):
        raise Unreadable("its JSON is none that a notebook has") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise Unreadable("it has no list of cells")
    return notebook


def check_size(size: int) -> None:
    """Raise Unreadable for a file of so many bytes, if they are too many to be read."""
    if size > MOST_BYTES:
        raise Unreadable(f"it has {size / 2**20:,.0f} MiB; at most {MOST_BYTES / 2**20:,.0f} MiB are read")


def cells_of(content: bytes) -> list[Cell]:
    """The cells of the notebook in a file's bytes. Raises Unreadable with the reason."""
    try:
        return _cells(parse(content)["cells"])
    except RecursionError:
        raise Unreadable("its JSON is nested deeper than any notebook's") from None


def text_of(cell: dict[str, Any]) -> str:
    """A cell's text, which the format keeps as a string or as a list of lines. Raises Unreadable."""
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise Unreadable("the text of a cell is no text")
    return "".join(lines)


def tags_of(cell: dict[str, Any]) -> tuple[str, ...]:
    """A cell's tags."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()


def _cells(raw: list[dict[str, Any]]) -> list[Cell]:
    found, heading = [], ""
    for cell in raw:
        kind, text = str(cell.get("cell_type")), text_of(cell)
        headings = [_plain(words) for words in HEADING.findall(text)] if kind == "markdown" else []
        written = json.dumps([kind, text, cell.get("attachments") or {}, _states(cell)], sort_keys=True)
        found.append(
            Cell(
                kind,
                text,
                headings[0] if headings else heading,
                hashlib.sha256(written.encode()).hexdigest()[:20],
                str(cell.get("id", "")),
                tags_of(cell),
            )
        )
        heading = headings[-1] if headings else heading
    return found


def _states(cell: dict[str, Any]) -> list[Any]:
    """The states of explorers that `check` saved with the cell's outputs."""
    outputs = cell.get("outputs")
    data = (
        [output.get("data") for output in outputs if isinstance(output, dict)]
        if isinstance(outputs, list)
        else []
    )
    return [bundle[STATE] for bundle in data if isinstance(bundle, dict) and STATE in bundle]


def _plain(heading: str) -> str:
    """A heading's words without their markup, not too many of them."""
    words = clean(MARKUP.sub("", heading).strip())
    return words if len(words) <= LONGEST_HEADING else f"{words[: LONGEST_HEADING - 3].rstrip()}..."
