"""Where the files of a set are: a folder the learner names, or the cache that downloads go to."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from cnnkit.errors import DataError

VARIABLE = "CNNKIT_DATA"


def named_folder(
    title: str,
    subfolders: Sequence[str],
    files: Sequence[str],
    holds: Callable[[Path], bool],
    folder: str | os.PathLike[str] | None,
) -> Path | None:
    """The folder that the learner named for a set, or None where none was named.

    A folder is named by the loader's `folder` or else by the environment variable CNNKIT_DATA. It may be
    the folder of the files or the parent of one of `subfolders`, which is looked at first: MNIST and
    Fashion-MNIST have the same file names, and a subfolder says which is meant.

    Args:
        title: the set's name, for messages.
        subfolders: names that a folder of this set may have below the named one.
        files: the files to expect there, for messages.
        holds: whether a folder holds any file of this set.
        folder: the loader's argument.

    Raises:
        DataError: the named folder does not exist or holds none of the files. Nothing is downloaded then:
            whoever names a folder means that folder.
    """
    by_variable = folder is None
    if folder is None:
        folder = os.environ.get(VARIABLE) or None
    if folder is None:
        return None
    base = Path(folder).expanduser()
    way_out = f"correct or unset {VARIABLE}" if by_variable else "name another folder"
    if not base.is_dir():
        raise DataError(f"{title} was to be read from {base}, which is not a folder: {way_out}.")
    for candidate in (*(base / name for name in subfolders), base):
        if holds(candidate):
            return candidate
    raise DataError(
        f"{base} holds no file of {title}, nor does its subfolder {' or '.join(subfolders)}: put "
        f"{', '.join(files)} there, or {way_out}."
    )


def cache_folder(name: str) -> Path:
    """Where downloads are kept: the user's cache folder, by the operating system's own custom."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("cnnkit")) / "data" / name


def part_name(title: str, part: str, count: int, full: int) -> str:
    """`title part`, and how much of it there is where it is not all: MNIST test (1000 of 10000)."""
    return f"{title} {part}" if count == full else f"{title} {part} ({count} of {full})"


def warn_if_part(title: str, folder: Path, counts: tuple[int, int], full: tuple[int, int]) -> None:
    """Say once, at the line of the loader's caller, that a set is not whole. Called by the loader itself."""
    if counts != full:
        warnings.warn(
            f"{folder} holds a part of {title}: {counts[0]} of {full[0]} training images and {counts[1]} of "
            f"{full[1]} test images.",
            stacklevel=3,
        )
