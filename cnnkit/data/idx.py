"""Read IDX files, the format of MNIST, believing nothing that their headers say.

An IDX file is a big-endian header and then the values: two zero bytes, one byte for the kind of number
(8: unsigned byte), one for the number of axes, and 4 bytes for each axis' length. Described at
http://yann.lecun.com/exdb/mnist/
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from cnnkit.errors import DataError

LIMIT = 2**30  # bytes of values in one file; the largest real one has 47 million
CHUNK = 2**20
UNSIGNED_BYTE = 8


def read_idx(
    path: str | os.PathLike[str], item_shape: tuple[int, ...] = (), at_most: int | None = None
) -> NDArray[np.uint8]:
    """Read one IDX file of unsigned bytes, plain or gzipped (told apart by content, not by name).

    The header is compared with what was expected before anything is read, and with the real length
    while reading: memory grows with the bytes that are there, never with the bytes that are promised.

    Args:
        path: the file.
        item_shape: shape of one item: () for labels, (28, 28) for images.
        at_most: the most items that are plausible.

    Returns:
        uint8 of shape (n, *item_shape), n at least 1.

    Raises:
        DataError: missing, unreadable, truncated or damaged; another kind or shape than expected; a
            header that promises more or less than the file holds.
    """
    path = Path(path)
    try:
        with open(path, "rb") as raw:
            if raw.read(2) == b"\x1f\x8b":
                raw.seek(0)
                with gzip.open(raw) as unpacked:
                    return _read(unpacked, path, item_shape, at_most, None)  # type: ignore[arg-type]
            raw.seek(0)
            return _read(raw, path, item_shape, at_most, os.fstat(raw.fileno()).st_size)
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}: check the folder, or download the set again.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"The gzip file {path} is damaged or cut short: get it again ({error}).") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _read(
    file: BinaryIO, path: Path, item_shape: tuple[int, ...], at_most: int | None, size: int | None
) -> NDArray[np.uint8]:
    """Check the header, then read the values. `size` is the file's length where it is known beforehand."""
    axes = 1 + len(item_shape)
    header_size = 4 + 4 * axes
    header = file.read(header_size)
    magic, wanted = header[:4], bytes([0, 0, UNSIGNED_BYTE, axes])
    if magic != wanted[: len(magic)]:
        raise DataError(
            f"{path} begins with the bytes {magic.hex(' ')}, but an IDX file of {axes} axes begins with "
            f"{wanted.hex(' ')}: it is another file, or a damaged one."
        )
    if len(header) < header_size:
        raise DataError(
            f"{path} ends after {len(header)} bytes, within its header of {header_size}: get it again."
        )
    n, *shape = struct.unpack(f">{axes}I", header[4:])
    if tuple(shape) != item_shape:
        raise DataError(
            f"{path} says that one item has the shape {tuple(shape)}, not {item_shape}: it is another set, "
            "or damaged."
        )
    if n == 0 or (at_most is not None and n > at_most):
        most = "" if at_most is None else f" to {at_most}"
        raise DataError(
            f"{path} says that it holds {n} items, but 1{most} are possible: it is another set, or damaged."
        )
    promised = n * math.prod(item_shape)
    if promised > LIMIT:
        raise DataError(f"{path} promises {promised} bytes, more than the {LIMIT} ever read: it is damaged.")
    if size is not None and size != header_size + promised:
        raise DataError(
            f"{path} has {size} bytes, but its header promises {header_size + promised} ({n} items): it is "
            "cut short or damaged, get it again."
        )
    values = bytearray()
    # One byte more than promised is asked for: it must not be there. In chunks, because a lying header
    # could promise a gigabyte and reading that at once would allocate it.
    while len(values) <= promised and (part := file.read(min(CHUNK, promised + 1 - len(values)))):
        values += part
    if len(values) != promised:
        found = len(values) if len(values) < promised else f"more than {promised}"
        raise DataError(
            f"{path} holds {found} bytes of values, but its header promises {promised} ({n} items): it is "
            "cut short or damaged, get it again."
        )
    return np.frombuffer(values, dtype=np.uint8).reshape(n, *item_shape)
