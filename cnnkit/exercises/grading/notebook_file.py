"""Read a submitted notebook, whatever it is: every file gives its cells or a sentence, and is not changed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .confine import FAILED
from .limits import MEBI
from .notebook_text import Unreadable, parse

MOST_BYTES = 100 * MEBI
LARGE = 5 * MEBI  # from here on it is parsed in a process of its own
PARSING = Path(__file__).with_name("notebook_text.py")
CONFINE = Path(__file__).with_name("confine.py")
SECONDS, MEMORY = 60, 1 << 30


@dataclass(frozen=True)
class Cell:
    """A code cell."""

    source: str
    id: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Notebook:
    """The code of a notebook. states: (exercise, state as JSON) that `check` saved. notes: what was odd.

    outputs: has any cell an output?
    """

    cells: tuple[Cell, ...]
    states: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = field(default=())
    outputs: bool = True


def content_of(path: Path) -> bytes:
    """A file's bytes, following no link. Raises Unreadable with the reason."""
    try:
        # Not to wait for a pipe's writer, not to follow a link that took the file's place since it was found.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise Unreadable(f"it cannot be opened ({error.strerror})") from None
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise Unreadable("it is no ordinary file")
        if about.st_size > MOST_BYTES:
            raise Unreadable(
                f"it has {about.st_size / MEBI:,.0f} MiB; at most {MOST_BYTES / MEBI:,.0f} MiB are read"
            )
        try:
            return file.read(MOST_BYTES + 1)
        except OSError as error:
            raise Unreadable(f"it cannot be read ({error.strerror})") from None


def digest_of(path: Path) -> str:
    """What a file's content is known by; for one that cannot be read, the reason."""
    try:
        return hashlib.sha256(content_of(path)).hexdigest()
    except Unreadable as error:
        return str(error)


def read(path: Path) -> Notebook:
    """A notebook's code. Raises Unreadable with the reason."""
    content = content_of(path)
    found = parse(content) if len(content) <= LARGE else _parse_apart(content)
    return Notebook(
        tuple(Cell(c["source"], c["id"], tuple(c["tags"])) for c in found["cells"]),
        tuple((exercise, state) for exercise, state in found["states"]),
        tuple(found["notes"]),
        found["outputs"] is True,
    )


def _parse_apart(content: bytes) -> dict[str, Any]:
    """The same in another process: a few bytes of JSON can become gigabytes of objects."""
    command = [sys.executable, "-I", "-S", str(PARSING)]
    if sys.platform != "win32":
        options = {"limits": {"DATA": MEMORY, "CPU": SECONDS, "CORE": 0}, "environment": dict(os.environ)}
        command = [sys.executable, "-I", "-S", str(CONFINE), json.dumps(options), *command]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Unreadable(f"reading its {len(content) / MEBI:,.0f} MiB took more than {SECONDS} s") from None
    if done.returncode == FAILED or not done.stdout:
        raise Unreadable(
            f"its {len(content) / MEBI:,.0f} MiB take more memory to read than a notebook should"
        )
    found = json.loads(done.stdout)
    if "unreadable" in found:
        raise Unreadable(found["unreadable"])
    return found
