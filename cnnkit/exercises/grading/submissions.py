"""Find the submissions in a folder, and say of everything that cannot be one why."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import CnnkitError
from .notebook_file import digest_of

MOST_NOTEBOOKS = 60
DEEPEST = 8
# What students hand in by mistake instead of a notebook. Other files are the teacher's: names, a README.
MISTAKES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".py", ".html", ".htm", ".pdf", ".docx", ".odt")


@dataclass(frozen=True)
class File:
    """A notebook of a submission, or what stands in its place. reason: why it is not opened."""

    path: Path
    shown: str  # relative to the folder of all submissions, fit to be written
    reason: str = ""


@dataclass
class Submission:
    """What one student handed in. place: tells students apart whose names are alike."""

    student: str
    place: str
    files: list[File] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def digest(self) -> str:
        """Changes when, and only when, what was handed in does."""
        whole = hashlib.sha256()
        for file in self.files:
            content = file.reason or digest_of(file.path)
            whole.update(f"{file.shown}\0{content}\0".encode())
        return whole.hexdigest()

    @property
    def key(self) -> str:
        """A name for files about it."""
        return hashlib.sha256(self.place.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def find(folder: Path, names: Sequence[str]) -> list[Submission]:
    """All submissions in a folder, by student. `names` are those of the course's notebooks."""
    if not folder.is_dir():
        raise CnnkitError(f"There is no folder {folder}: name the folder that holds the submissions.")
    found: dict[str, Submission] = {}
    flat: list[File] = []
    for path in _entries(folder):
        if path.name == "__MACOSX":  # what a Mac's archive adds
            continue
        shown, reason = _shown(path, folder), _reason(path)
        if path.suffix.lower() == ".ipynb" and (path.is_symlink() or not path.is_dir()):
            flat.append(File(path, shown, reason))
        elif path.is_dir() and not path.is_symlink():
            found[path.name] = _of_folder(path, folder)
        elif path.is_symlink():
            found[path.name] = Submission(shown, path.name, [File(path, shown, reason)])
        elif path.suffix.lower() in MISTAKES:
            flat.append(File(path, shown, "it is no notebook: hand in the .ipynb file itself"))
    if not found and flat and all(_student_of(file.path, names)[0] == "" for file in flat):
        # One student's own folder: its notebooks are called as the course calls them.
        return [Submission(clean(folder.resolve().name), ".", flat)]
    named = Counter(submission.student for submission in found.values())
    for submission in found.values():
        if named[submission.student] > 1:  # two people of one name
            submission.student = clean(submission.place)
    taken = {submission.student for submission in found.values()}
    submissions = [*found.values(), *_of_files(flat, names, taken)]
    if not submissions:
        raise CnnkitError(f"{folder} holds no submission: neither a notebook nor a folder for a student.")
    return sorted(submissions, key=lambda s: (s.student.casefold(), s.place))


def _of_folder(path: Path, root: Path) -> Submission:
    student = re.sub(r"_\d+_assignsubmission_\w+$", "", _shown(path, root))  # as Moodle names folders
    submission = Submission(student, path.name)
    others = _walk(path, root, submission.files, 0)
    submission.files.sort(key=lambda file: file.shown)
    if len(submission.files) > MOST_NOTEBOOKS:
        submission.notes.append(
            f"of {len(submission.files):,} notebooks the first {MOST_NOTEBOOKS} were graded: hand in fewer"
        )
        del submission.files[MOST_NOTEBOOKS:]
    if not submission.files:
        held = f"; it holds {', '.join(sorted(others)[:3])}" if others else ""
        words = "the folder holds no notebook" if others else "the folder is empty"
        submission.notes.append(words + held)
    return submission


def _walk(folder: Path, root: Path, files: list[File], depth: int) -> list[str]:
    """Collect the notebooks below a folder; returns the names of other files."""
    others = []
    for path in _entries(folder):
        reason = _reason(path)
        if path.is_symlink():
            if path.suffix.lower() == ".ipynb" or path.is_dir():
                files.append(File(path, _shown(path, root), reason))
        elif path.is_dir():
            if depth < DEEPEST:
                others += _walk(path, root, files, depth + 1)
        elif path.suffix.lower() == ".ipynb":
            files.append(File(path, _shown(path, root), reason))
        else:
            others.append(clean(path.name))
    return others


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, by name, without what is hidden and Jupyter's own copies."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


def _reason(path: Path) -> str:
    """Why a file is not opened; "" for an ordinary one."""
    try:
        mode = os.lstat(path).st_mode
    except OSError as error:
        return f"it cannot be looked at ({error.strerror})"
    if stat.S_ISLNK(mode):
        return "it is a symbolic link, which is not followed: hand in the file itself"
    return "" if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else "it is no ordinary file"


def _of_files(flat: list[File], names: Sequence[str], taken: set[str]) -> list[Submission]:
    """Students from files side by side: "alice_01_one_filter.ipynb" is Alice's notebook 01."""
    students: dict[str, list[tuple[str, File]]] = {}
    for file in flat:
        student, notebook = _student_of(file.path, names)
        students.setdefault(student or file.path.stem, []).append((notebook, file))
    made = []
    for student, files in students.items():
        notebooks = [notebook for notebook, _ in files]
        # The same name twice for the same notebook (or for who knows which) is two people of one name.
        apart = len(set(notebooks)) < len(notebooks) or ("" in notebooks and len(files) > 1)
        groups = [[file] for _, file in files] if apart else [[file for _, file in files]]
        for group in groups:
            shown = clean(student)
            if apart or shown in taken:
                shown = f"{shown} ({group[0].shown})"
            made.append(Submission(shown, f"file {group[0].path.name}", group))
    return made


def _student_of(path: Path, names: Sequence[str]) -> tuple[str, str]:
    """(student, the course's notebook) as a file's name tells them; "" for what it does not tell."""
    # Canvas: "adalovelace_4711_90001_01_one_filter.ipynb", perhaps with "LATE" in it.
    canvas = re.match(r"([^_]+)_(?:LATE_)?\d{2,}_\d{3,}_", path.name)
    if canvas:
        found = next((name for name in names if name in path.stem), "")
        number = next((name for name in names if re.search(rf"_{name[:2]}\b", path.stem)), "")
        return canvas[1], found or number
    stem = path.stem
    for name in sorted(names, key=len, reverse=True):
        if name in stem:
            return re.sub(r"^[\s_.-]+|[\s_.-]+$", "", stem.replace(name, " ", 1)), name
    ending = re.match(r"(.+?)[\s_.-]+(\d\d)$", stem)  # "Ada Lovelace 01.ipynb"
    found = next((name for name in names if ending and name.startswith(f"{ending[2]}_")), "")
    return (ending[1], found) if ending and found else (stem, "")


def _shown(path: Path, root: Path) -> str:
    return clean(path.relative_to(root).as_posix())


def clean(text: str) -> str:
    """A file's name, fit to be written: names on a disk may hold anything."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
