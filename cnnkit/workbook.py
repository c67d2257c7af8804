"""A learner's own copy of the course in a folder, and how it is brought up to date.

One rule: a file that holds anything of the learner's is never written to. What nobody has changed since it
was handed out is replaced by the new version; beside what somebody has changed, the new version is laid
under another name. A notebook counts as changed when a cell's text is, or the cells' order; running it
changes nothing, but the state of an explorer that a check saved counts as the learner's.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from .errors import DataError
from .exercises.grading.notebook_text import Unreadable
from .files import write_atomically
from .handout import Handout
from .notebook_cells import check_size
from .workbook_record import (
    Damaged,
    Entry,
    Marks,
    Record,
    alike,
    digest_of,
    entry_for,
    marks_of,
    read_record,
    write_record,
)


@dataclass(frozen=True)
class Kept:
    """A file that stays as it is, as the learner has it; the new version is `beside` it.

    before: what the new version's cells are to be compared with; None where the learner's cannot be read, for
    the `reason`. known: `before` is what was handed out, and not the learner's own version.
    """

    name: str
    beside: str
    before: Marks | None
    after: Marks
    known: bool
    reason: str = ""


@dataclass
class Report:
    """What was done to the files of a folder, by their names."""

    folder: Path
    first: bool = False
    added: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    waiting: list[tuple[str, str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    newer: str = ""
    released: str = ""
    damaged: bool = False


def prepare(folder: Path, handout: Handout) -> Report:
    """Make a working copy of the course in `folder`, or bring the one there up to date.

    Raises DataError with one sentence where the folder cannot be made or written to; no file is ever half
    written, and the next call goes on where this one stopped.
    """
    _make(folder)
    report = Report(folder)
    try:
        found = read_record(folder)
    except Damaged:
        found, report.damaged = None, True
    if found is not None and found.is_newer_than(handout.version):
        report.newer = found.version
        return report
    before = found or Record()
    report.first = found is None and not report.damaged
    if before.released:
        _put_back(folder, handout, before, report)
        return report
    after = Record(handout.version, False, dict(before.files))
    try:
        for name, content in handout.files.items():
            after.files[name] = _bring(folder, name, content, before.files.get(name), report)
    except DataError:
        # What was done until then is to be known; why it ended here is the better sentence.
        with suppress(DataError):
            write_record(folder, after)
        raise
    report.gone = [name for name in before.files if name not in handout.files]
    for name in report.gone:
        del after.files[name]
    if after != before or report.damaged:
        write_record(folder, after)
    return report


def _put_back(folder: Path, handout: Handout, record: Record, report: Report) -> None:
    """What a teacher chose stays chosen: only what they handed out comes back where it is missing."""
    report.released = record.version
    for name, content in handout.files.items():
        entry = record.files.get(name)
        if not _exists(folder / name) and entry and alike(entry.marks, marks_of(name, content)):
            _write(folder, name, content)
            report.restored.append(name)


def _make(folder: Path) -> None:
    if folder.is_file():
        raise DataError(
            f"{folder} is a file: unpack it if it is an archive, and name a folder for the notebooks."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"The folder {folder} cannot be made ({error.strerror or error}): name one where you may write."
        ) from None


def _bring(folder: Path, name: str, new: bytes, entry: Entry | None, report: Report) -> Entry:
    """Bring one file up to date, and give its new entry."""
    path, fresh = folder / name, entry_for(name, new)
    if entry is not None:
        fresh = replace(fresh, beside=entry.beside, beside_marks=entry.beside_marks)
    if not _exists(path):
        _write(folder, name, new)
        (report.added if entry is None else report.restored).append(name)
        return fresh
    theirs, marks, reason = _look(path, name)
    if theirs == new:
        return fresh
    if theirs is not None and alike(marks, fresh.marks):
        # The same cells, which may have been run: their outputs are worth more than ours.
        if entry is not None and digest_of(theirs) == entry.file:
            _write(folder, name, new)
        return fresh
    if theirs is not None and entry is not None and alike(marks, entry.marks):
        _write(folder, name, new)
        report.replaced.append(name)
        return fresh
    return _lay_beside(folder, name, new, entry or Entry(), marks, reason, report)


def _lay_beside(
    folder: Path, name: str, new: bytes, entry: Entry, marks: Marks | None, reason: str, report: Report
) -> Entry:
    """Lay the new version beside the learner's, once; the entry still says what theirs came from."""
    fresh = marks_of(name, new)
    if alike(entry.marks, fresh):
        return entry  # theirs comes from this very version
    if alike(entry.beside_marks, fresh):
        if _exists(folder / entry.beside):
            report.waiting.append((name, entry.beside))
        return entry  # laid there already; perhaps thrown away since
    beside = next(other for other in _names_beside(name) if _is_free(folder, other, entry, fresh))
    if not alike(_look(folder / beside, beside)[1], fresh):
        _write(folder, beside, new)
    before = entry.marks if entry.marks is not None else marks
    report.kept.append(Kept(name, beside, before, fresh, entry.marks is not None, reason))
    return replace(entry, beside=beside, beside_marks=fresh)


def _names_beside(name: str) -> Iterator[str]:
    """01_one_filter.new.ipynb, then 01_one_filter.new-2.ipynb and so on."""
    stem, suffix = posixpath.splitext(name)
    for number in count(1):
        yield f"{stem}.new{'' if number == 1 else f'-{number}'}{suffix}"


def _is_free(folder: Path, name: str, entry: Entry, fresh: Marks) -> bool:
    """May the new version be written there: is nothing there, or nothing of the learner's?"""
    path = folder / name
    if not _exists(path):
        return True
    marks = _look(path, name)[1]
    return alike(marks, fresh) or (name == entry.beside and alike(marks, entry.beside_marks))


def _look(path: Path, name: str) -> tuple[bytes | None, Marks | None, str]:
    """(a file's bytes, what its cells are known by, why they are not); bytes are None for what is not to be
    written to in any case: a link, a folder, a file that cannot be read."""
    if path.is_symlink() or not path.is_file():
        return None, None, "it is no ordinary file" if _exists(path) else "it is not there"
    try:
        if name.endswith(".ipynb"):
            check_size(path.stat().st_size)
        content = path.read_bytes()
    except OSError as error:
        return None, None, f"it cannot be read: {error.strerror or error}"
    except Unreadable as error:
        return None, None, f"it cannot be read as a notebook: {error}"
    try:
        return content, marks_of(name, content), ""
    except Unreadable as error:
        return content, None, f"it cannot be read as a notebook: {error}"


def _exists(path: Path) -> bool:
    """Is anything there, be it a link that leads nowhere?"""
    return path.is_symlink() or path.exists()


def _write(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    if path.parent != folder:
        _make(path.parent)
    write_atomically(path, content)
