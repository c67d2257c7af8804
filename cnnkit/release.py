"""`cnnkit release FOLDER`: the course as a class is to have it, without the solutions.

The folder is one that `cnnkit lab FOLDER` opens. A name that ends in `.zip` gives an archive of it.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path, PurePosixPath

from . import __version__
from .errors import CnnkitError
from .exercises import registry
from .exercises.grading.notebook_text import Unreadable
from .files import write_atomically
from .handout import handout, number_of
from .leaks import leaks
from .notebook_cells import parse, tags_of
from .release_readme import readme
from .workbook_record import (
    NAME,
    Damaged,
    Entry,
    Record,
    alike,
    content_of,
    entry_for,
    marks_of,
    read_record,
    record_from,
)

README = "README.md"
LEFT_EMPTY = frozenset(("exercise", "answer", "reveal"))  # cells whose outputs are the learner's to make
EARLIEST = (1980, 1, 1, 0, 0, 0)  # a zip's first date: the same release gives the same bytes


def release(target: str, only: tuple[str, ...] = ()) -> list[str]:
    """Write the release to the folder or archive `target`; the lines to print.

    Raises CnnkitError, and writes nothing, where a solution would be handed out, where there is no such
    notebook, and where `target` holds what no release wrote.
    """
    path, course = Path(target).resolve(), registry.course_folder()
    handed = handout(course, only)
    files = {name: _without_answers(name, content) for name, content in handed.files.items()}
    title = path.stem if path.suffix == ".zip" else path.name
    chapters = [name for name in handed.notebooks if number_of(name)]
    files[README] = readme(title, handed.version, chapters).encode()
    found = leaks(files, course)
    if found:
        raise CnnkitError(
            f"{'; '.join(found)}: nothing was written. Clear your answers from the course's notebooks "
            "(`make course` makes them anew), then release again."
        )
    record = Record(__version__, True, {name: entry_for(name, content) for name, content in files.items()})
    files[NAME] = content_of(record)
    others = _write_archive(path, title, files) if path.suffix == ".zip" else _write_folder(path, files)
    return _words(path, chapters, others, (course / "solutions").is_dir())


def _without_answers(name: str, content: bytes) -> bytes:
    """A notebook in which the learner's own outputs are still to be made, whoever has run it before."""
    if not name.endswith(".ipynb"):
        return content
    notebook = parse(content)
    emptied = False
    for cell in notebook["cells"]:
        if cell.get("outputs") and LEFT_EMPTY.intersection(tags_of(cell)):
            cell["outputs"], cell["execution_count"], emptied = [], None, True
    return json.dumps(notebook, indent=1, ensure_ascii=False).encode() + b"\n" if emptied else content


def _write_folder(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Write the files, and remove those of an earlier release; the names of what else is in the folder."""
    if folder.exists() and not folder.is_dir():
        raise CnnkitError(f"{folder} is a file: name a folder, or an archive that ends in .zip.")
    earlier = _earlier(folder)
    old = earlier.files if earlier else {}
    present = _files_in(folder)
    if present and earlier is None:
        raise CnnkitError(
            f"{folder} is not empty, and not from `cnnkit release`: name a new folder; this one is as it was."
        )
    for name in sorted((set(old) | set(files)) & present - {NAME}):
        if not _is_ours(name, (folder / name).read_bytes(), files.get(name), old.get(name)):
            raise CnnkitError(
                f"{folder / name} was changed since it was released: move it away, or name a new folder."
            )
    try:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / name, content)
        for name in set(old) & present - set(files):
            (folder / name).unlink()
    except OSError as error:
        raise CnnkitError(f"{folder} cannot be written ({error.strerror or error}): name another.") from None
    return sorted(present - set(old) - set(files))


def _is_ours(name: str, here: bytes, new: bytes | None, old: Entry | None) -> bool:
    """Has nobody changed a word in this file, which may have been run?"""
    try:
        return here == new or (old is not None and alike(marks_of(name, here), old.marks))
    except Unreadable:
        return False


def _earlier(folder: Path) -> Record | None:
    """The record of an earlier release into this folder."""
    try:
        record = read_record(folder)
    except Damaged:
        return None
    return record if record and record.released else None


def _files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def _write_archive(path: Path, title: str, files: dict[str, bytes]) -> list[str]:
    """Write a zip with one folder in it; an older archive is replaced if it is a release, too."""
    if path.exists() and not _is_release(path):
        raise CnnkitError(f"{path} is there already, and not from `cnnkit release`: name another archive.")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            about = zipfile.ZipInfo(f"{title}/{name}", EARLIEST)
            about.external_attr, about.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(about, content)
    write_atomically(path, packed.getvalue())
    return []


def _is_release(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            records = [name for name in archive.namelist() if PurePosixPath(name).name == NAME]
            return len(records) == 1 and record_from(archive.read(records[0])).released
    except (OSError, zipfile.BadZipFile, Damaged):
        return False


def _words(path: Path, chapters: list[str], others: list[str], compared: bool) -> list[str]:
    lines = [f"{path}: {len(chapters)} notebook{'s' * (len(chapters) != 1)}, and a README for the class."]
    if compared:
        lines.append("No solution is in them: every file was compared with the solved notebooks.")
    else:
        lines.append(
            "This course has no solved notebooks, so the files could not be compared with solutions."
        )
    if others:
        named = ", ".join(others[:4]) + (f" and {len(others) - 4} more" if len(others) > 4 else "")
        lines.append(f"Also there, and not from this release, so look before you hand it out: {named}.")
    return lines
