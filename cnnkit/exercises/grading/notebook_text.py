"""What a notebook's bytes hold: the code cells and the explorers' saved states. The standard library alone.

Also run as a file, in a process of its own with limits, for notebooks that are large: bytes in, JSON out.
"""

from __future__ import annotations

import codecs
import json
import os
import sys
from typing import Any

STATE = "application/vnd.cnnkit.state+json"
MOST_CELLS, MOST_CODE, MOST_STATES, LONGEST_STATE = 2_000, 4_000_000, 200, 20_000


class Unreadable(Exception):
    """Bytes that are no notebook. The message is the reason, in words that follow the file's name."""


def parse(content: bytes) -> dict[str, Any]:
    """{"cells": [{"source", "id", "tags"}], "states": [[exercise, state]], "notes"}; raises Unreadable."""
    notes: list[str] = []
    notebook = _json(_text(content, notes))
    if not isinstance(notebook, dict):
        raise Unreadable("it is JSON, but no notebook")
    raw = notebook.get("cells")
    if not isinstance(raw, list) and isinstance(notebook.get("worksheets"), list):  # nbformat 3 and before
        raw = [c for sheet in notebook["worksheets"] for c in _list(_dict(sheet).get("cells"))]
        notes.append("it is of an old format, which was read")
    if not isinstance(raw, list):
        raise Unreadable("it is JSON, but no notebook: it has no cells")
    code = [cell for cell in raw if _dict(cell).get("cell_type") == "code"]
    if len(code) > MOST_CELLS:
        raise Unreadable(f"it has {len(code):,} code cells; at most {MOST_CELLS:,} are run")
    cells = [_cell(cell) for cell in code]
    letters = sum(len(cell["source"]) for cell in cells)
    if letters > MOST_CODE:
        raise Unreadable(f"it has {letters:,} letters of code; at most {MOST_CODE:,} are run")
    outputs = any(_list(cell.get("outputs")) for cell in code)
    return {"cells": cells, "states": _states(code), "outputs": outputs, "notes": notes}


def _text(content: bytes, notes: list[str]) -> str:
    if not content.strip():
        raise Unreadable("it is empty")
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        notes.append(f"byte {error.start:,} is not {error.encoding}: what could not be read was replaced")
        return content.decode("utf-16" if wide else "utf-8-sig", errors="replace")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if text.lstrip()[:1] not in "{[":
            raise Unreadable("it is not JSON, and so no notebook") from None
        raise Unreadable(f"its JSON is broken in line {error.lineno:,}, column {error.colno:,}") from None
    except ValueError:  # a number of thousands of digits
        raise Unreadable("its JSON holds what cannot be read") from None
    except (RecursionError, MemoryError):
        raise Unreadable("its JSON is nested deeper, or larger, than any notebook's") from None


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    tags = _list(_dict(cell.get("metadata")).get("tags"))
    return {
        "source": clean(source) if isinstance(source, str) else "",
        "id": clean(cell["id"])[:64] if isinstance(cell.get("id"), str) else "",
        "tags": [clean(tag)[:64] for tag in tags[:20] if isinstance(tag, str)],
    }


def clean(text: str) -> str:
    """Text that can be written: halves of characters, which JSON allows, become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def _states(code: list[dict[str, Any]]) -> list[list[Any]]:
    """The states of explorers that `check` saved with a cell's output."""
    found: list[list[Any]] = []
    for output in (output for cell in code for output in _list(cell.get("outputs"))):
        saved = _dict(_dict(_dict(output).get("data")).get(STATE))
        exercise, state = saved.get("exercise"), saved.get("state")
        if isinstance(exercise, str) and isinstance(state, dict) and len(found) < MOST_STATES:
            text = json.dumps(state, sort_keys=True)
            if len(text) <= LONGEST_STATE:
                found.append([clean(exercise)[:16], text])
    return found


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


if __name__ == "__main__":
    try:
        answer = parse(sys.stdin.buffer.read())
    except Unreadable as error:
        answer = {"unreadable": str(error)}
    except MemoryError:
        answer = {"unreadable": "reading it takes more memory than a notebook should"}
    # No tidying up, which can fail after the memory was full.
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)
