"""What was handed out into a learner's folder: a small JSON file there, and nothing of the learner's in it.

It holds digests of the cells that were handed out, with the headings they stood under. It is a help and no
more: where it is missing, damaged or forged, a file that differs from the course's counts as the learner's.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.version import InvalidVersion, Version

from .exercises.grading.notebook_text import Unreadable
from .files import write_atomically
from .notebook_cells import cells_of

NAME = ".cnnkit-course.json"
FORMAT = 1
MOST_BYTES = 4 << 20  # a whole course takes some hundred kilobytes

# What a file is known by: the digest of each cell, and the heading that the cell stands under.
Marks = tuple[tuple[str, str], ...]


class Damaged(Exception):
    """The record is not what any cnnkit writes."""


@dataclass(frozen=True)
class Entry:
    """A file that was handed out. file: the digest of its bytes. beside: the newer version laid beside it."""

    file: str = ""
    marks: Marks | None = None
    beside: str = ""
    beside_marks: Marks | None = None


@dataclass
class Record:
    """All files handed out, and by which cnnkit; `released`: by `cnnkit release`, for a class."""

    version: str = ""
    released: bool = False
    files: dict[str, Entry] = field(default_factory=dict)

    def is_newer_than(self, version: str) -> bool:
        """Was the folder filled by a later cnnkit?"""
        return bool(self.version) and Version(self.version) > Version(version)


def marks_of(name: str, content: bytes) -> Marks:
    """What a file's content is known by. Raises Unreadable for a notebook that is none."""
    if name.endswith(".ipynb"):
        return tuple((cell.digest, cell.heading) for cell in cells_of(content))
    return ((digest_of(content), ""),)


def digest_of(content: bytes) -> str:
    """What the bytes of a file are known by."""
    return hashlib.sha256(content).hexdigest()


def alike(one: Marks | None, other: Marks | None) -> bool:
    """Do two versions hold the same cells in the same order?"""
    if one is None or other is None:
        return False
    return [digest for digest, _ in one] == [digest for digest, _ in other]


def entry_for(name: str, content: bytes) -> Entry:
    """The entry of a file that is handed out now."""
    return Entry(digest_of(content), marks_of(name, content))


def read_record(folder: Path) -> Record | None:
    """The folder's record, None where there is none. Raises Damaged."""
    try:
        with open(folder / NAME, "rb") as file:
            return record_from(file.read(MOST_BYTES + 1))
    except FileNotFoundError:
        return None
    except OSError:
        raise Damaged from None


def record_from(content: bytes) -> Record:
    """The record in a file's bytes; of a later format, the version alone. Raises Damaged."""
    if len(content) > MOST_BYTES:
        raise Damaged
    try:
        read = json.loads(content.decode("utf-8-sig"))
        version = str(Version(read["cnnkit"]))
        if read["format"] > FORMAT:
            return Record(version)
        files = {_checked(name): _entry(name, entry) for name, entry in read["files"].items()}
        return Record(version, read["released"] is True, files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidVersion, Unreadable):
        raise Damaged from None


def content_of(record: Record) -> bytes:
    """The bytes of a record's file."""
    files = {name: _as_json(entry) for name, entry in sorted(record.files.items())}
    about = {"format": FORMAT, "cnnkit": record.version, "released": record.released, "files": files}
    return json.dumps(about, indent=1).encode() + b"\n"


def write_record(folder: Path, record: Record) -> None:
    """Write the folder's record. Raises DataError."""
    write_atomically(folder / NAME, content_of(record))


def _as_json(entry: Entry) -> dict[str, Any]:
    about: dict[str, Any] = {"file": entry.file, "cells": entry.marks}
    if entry.beside:
        about |= {"beside": entry.beside, "beside_cells": entry.beside_marks}
    return about


def _entry(name: str, read: dict[str, Any]) -> Entry:
    beside = _text(read.get("beside", ""))
    if beside and PurePosixPath(_checked(beside)).parent != PurePosixPath(name).parent:
        raise ValueError(f"{beside} is not beside {name}")
    return Entry(_text(read["file"]), _marks(read["cells"]), beside, _marks(read.get("beside_cells")))


def _checked(name: str) -> str:
    """A file's name, if it stays within the folder: a record from elsewhere is not to be trusted."""
    path = PurePosixPath(name)
    if "\\" in name or ":" in name or path.is_absolute() or ".." in path.parts or path.name in ("", NAME):
        raise ValueError(f"{name!r} is no name of a file in the folder")
    if any(len(part.encode()) > 255 for part in path.parts):  # nor can halves of characters be encoded
        raise ValueError(f"{name!r} is too long")
    return name


def _marks(read: Any) -> Marks | None:
    if read is None:
        return None
    return tuple((_text(digest), _text(heading)) for digest, heading in read)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text was expected")
    value.encode()  # a ValueError for halves of characters, which cannot be printed
    return value
