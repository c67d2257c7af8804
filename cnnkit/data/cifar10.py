"""CIFAR-10 in its binary version: small color photographs of ten kinds of thing.

Each record has 3073 bytes: the label, then 1024 bytes of red, of green and of blue, row by row. (The
better known Python version is a pickle, which runs code when it is opened, and is not used.)
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from cnnkit.data.dataset import Dataset
from cnnkit.data.download import fetch
from cnnkit.data.folders import cache_folder, named_folder, part_name, warn_if_part
from cnnkit.errors import DataError

TITLE = "CIFAR-10"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARCHIVE, MD5 = "cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"
MIRRORS = ("https://www.cs.toronto.edu/~kriz",)
TRAIN, TEST = tuple(f"data_batch_{i}.bin" for i in range(1, 6)), ("test_batch.bin",)
RECORD = 1 + 3 * 32 * 32
PER_BATCH = 10_000
ARCHIVE_LIMIT = 256 * 2**20  # unpacked bytes read from the archive; the real one has 184 million


def cifar10(folder: str | os.PathLike[str] | None = None) -> tuple[Dataset, Dataset]:
    """CIFAR-10: (train, test) of 50 000 and 10 000 color photographs, (N, 3, 32, 32) in [0, 1].

    Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009,
    https://www.cs.toronto.edu/~kriz/cifar.html. No license is stated; the page asks for that citation.

    Args:
        folder: where data_batch_1.bin to data_batch_5.bin and test_batch.bin are, or the archive
            cifar-10-binary.tar.gz, or the parent of a folder `cifar10` or `cifar-10-batches-bin` with
            them. None: the folder that the environment variable CNNKIT_DATA names, or else a download of
            170 MB that is kept in your cache folder. With a folder named, nothing is ever downloaded.

    A folder with less of the set (some of the files, or shorter ones) loads as that part: a warning says
    how much there is, and so do the names of the two Datasets. A part without files has 0 images.

    Raises:
        DataError: files missing or damaged; or no download where one was needed.
    """
    subfolders = ["cifar10", "cifar-10-batches-bin"]
    place = named_folder(TITLE, subfolders, [*TRAIN, *TEST], _holds_any, folder)
    if place is None:
        place = cache_folder("cifar10")
        fetch(TITLE, ARCHIVE, MD5, MIRRORS, place, "cifar10(folder=...)")
        batches = _from_archive(place / ARCHIVE)
    else:
        batches = _from_files(place) or _from_archive(place / ARCHIVE)
    train = _dataset("train", [batches[name] for name in TRAIN if name in batches], 5 * PER_BATCH)
    test = _dataset("test", [batches[name] for name in TEST if name in batches], PER_BATCH)
    warn_if_part(TITLE, place, (len(train), len(test)), (5 * PER_BATCH, PER_BATCH))
    return train, test


def _holds_any(place: Path) -> bool:
    return any((place / name).is_file() for name in (*TRAIN, *TEST, ARCHIVE))


def _from_files(place: Path) -> dict[str, NDArray[np.uint8]]:
    batches = {}
    for name in (*TRAIN, *TEST):
        path = place / name
        if path.is_file():
            try:
                with open(path, "rb") as file:
                    batches[name] = _records(str(path), file)
            except OSError as error:
                raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    return batches


def _from_archive(path: Path) -> dict[str, NDArray[np.uint8]]:
    """Read the batches straight from the archive.

    Nothing is unpacked to the disk, so that no name in the archive, no link and no device in it can
    reach a file. Only plain files with the names of batches are read at all.
    """
    batches: dict[str, NDArray[np.uint8]] = {}
    try:
        with gzip.open(path) as unpacked:
            limited = _Limited(unpacked, path)  # type: ignore[arg-type]
            for name, size in _plain_files(limited):
                content = _Part(limited, size)
                if name in (*TRAIN, *TEST):
                    batches[name] = _records(f"{path} ({name})", content)
                content.skip(-size % tarfile.BLOCKSIZE)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"The archive {path} is damaged or cut short: get it again ({error}).") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not batches:
        raise DataError(f"The archive {path} holds 0 of the {len(TRAIN + TEST)} batches: it is another file.")
    return batches


def _plain_files(file: _Limited) -> Iterator[tuple[str, int]]:
    """(name without its folder, size) of each entry; whoever asks for the next has read this one's content.

    Python's own reader is used for single headers only: it believes what extended headers say, of which the
    set has none, and one that lies keeps some versions of it busy for ever.
    """
    while any(header := file.read(tarfile.BLOCKSIZE)):
        member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        if member.size < 0:
            raise tarfile.ReadError(f"{member.size} bytes are said to follow")
        plain = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
        yield member.name.rpartition("/")[2] if plain else "", member.size
    while file.read(2**20):  # to the end, where the checksum is
        pass


class _Limited:
    """Count what comes out of a compressed file, so that a small one cannot unpack to fill the memory."""

    def __init__(self, file: io.BufferedIOBase, path: Path) -> None:
        self._file, self._path, self._left = file, path, ARCHIVE_LIMIT

    def read(self, size: int) -> bytes:
        content = self._file.read(min(self._left + 1, size))
        self._left -= len(content)
        if self._left < 0:
            raise DataError(
                f"The archive {self._path} unpacks to more than {ARCHIVE_LIMIT} bytes, which CIFAR-10 never "
                "does: it is another file."
            )
        return content


class _Part:
    """One file's content within an archive."""

    def __init__(self, file: _Limited, size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int) -> bytes:
        size = min(self._left, size)
        content = self._file.read(size)
        if len(content) < size:
            raise tarfile.ReadError(
                f"it ends {self._left - len(content)} bytes before the end of a file in it"
            )
        self._left -= len(content)
        return content

    def skip(self, more: int) -> None:
        """Go on behind the content and `more` bytes."""
        self._left += more
        while self.read(2**20):
            pass


def _records(where: str, file: IO[bytes] | _Part) -> NDArray[np.uint8]:
    """One batch, (n, 3073). Judged by what can be read; a length in an archive may lie."""
    most = PER_BATCH * RECORD
    content = file.read(most + 1)
    if len(content) > most:
        raise DataError(f"{where} has more than the {PER_BATCH} images of a batch: it is another file.")
    if len(content) == 0 or len(content) % RECORD:
        raise DataError(
            f"{where} has {len(content)} bytes, not a multiple of the {RECORD} that one image takes: it is "
            "cut short or damaged, get it again."
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    wrong = np.flatnonzero(records[:, 0] > 9)
    if len(wrong):
        raise DataError(
            f"{where} gives image {wrong[0]} the label {records[wrong[0], 0]}, but labels run from 0 to 9: "
            "it is damaged, get it again."
        )
    return records


def _dataset(part: str, batches: list[NDArray[np.uint8]], full: int) -> Dataset:
    count = sum(map(len, batches))
    images, labels = np.empty((count, 3, 32, 32), np.float32), np.empty(count, np.int32)
    start = 0
    for records in batches:  # each straight to its place: the whole set takes 614 MB and no copy of it more
        end = start + len(records)
        labels[start:end] = records[:, 0]
        images[start:end] = records[:, 1:].reshape(-1, 3, 32, 32)
        start = end
    images /= 255
    return Dataset(images, labels, CLASSES, part_name(TITLE, part, count, full))
