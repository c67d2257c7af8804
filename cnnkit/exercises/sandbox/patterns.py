"""The numbers that stand where a kernel must not write, and where it has not written yet.

Each says where it stood, so that a result which was computed from it tells what was read. A buffer of
floats is surrounded by quiet NaNs, whose payload survives arithmetic; its output is filled with signaling
NaNs, which arithmetic turns into quiet ones: an element left alone and one that was read before it was
written look different. All runs but the last have these; the last has large ordinary numbers instead, since
`fmax` and comparisons pass over a NaN.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

GUARD_BYTES = 64 << 10  # on either side of each buffer; a multiple of every device's alignment
BEFORE, AFTER, POISON, LOCAL, READ_POISON = 1, 2, 3, 4, 5
LARGE = 2.0**100  # in the last run; nothing that a learner computes comes near it
LARGEST_HALF = 2.0**15


class Mark(NamedTuple):
    """What a number in a result says: which place (BEFORE, AFTER, ...) of which buffer was read."""

    place: int
    buffer: int


def bits_type(dtype: np.dtype) -> np.dtype:
    """The unsigned integers of the same size: NaNs are compared by their bits."""
    return np.dtype(f"u{dtype.itemsize}")


def word(dtype: np.dtype, place: int, buffer: int, last: bool) -> int:
    """The bits of one number of the pattern."""
    if dtype.kind != "f":
        code = place << 12 | (buffer & 0xFF) << 4 | 5
        bits = {1: 0x50 | place, 2: code, 4: 0x5A5A << 16 | code, 8: 0x5A5A_5A5A_5A5A << 16 | code}[
            dtype.itemsize
        ]
        return bits ^ (1 << 8 * dtype.itemsize) - 1 if last else bits
    code = (place << 8 | buffer & 0xFF) << 4 | 5
    if last:
        large = LARGE if dtype.itemsize > 2 else LARGEST_HALF
        step = code / 2**16 if dtype.itemsize > 2 else (place << 5 | buffer & 0x1F) / 2**9
        return int(np.array(large * (1 + step), dtype).view(bits_type(dtype)))
    exponent, mantissa = {2: (5, 10), 4: (8, 23), 8: (11, 52)}[dtype.itemsize]
    quiet = 0 if place == POISON else 1 << mantissa - 1
    place = POISON if place == READ_POISON else place
    code = (place << 8 | buffer & 0xFF) << 4 | 5
    # In the upper bits of the payload, which a conversion between float and double keeps.
    payload = code << mantissa - 17 if mantissa > 17 else (place << 5 | buffer & 0x1F)
    return ((1 << exponent) - 1) << mantissa | quiet | payload


def marks(dtype: np.dtype, buffers: int, last: bool = False) -> dict[int, Mark]:
    """Every word that may turn up in a result, and what it says."""
    found = {}
    if dtype.itemsize == 4:  # local memory is filled with floats, whatever it holds
        found[word(np.dtype("float32"), LOCAL, 0, last)] = Mark(LOCAL, 0)
    for buffer in range(buffers):
        for place in (BEFORE, AFTER):
            found[word(dtype, place, buffer, last)] = Mark(place, buffer)
        was_read = READ_POISON if dtype.kind == "f" and not last else POISON
        found[word(dtype, was_read, buffer, last)] = Mark(POISON, buffer)
    return found


def without_sign(bits: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Bits of floats without their sign, which a subtraction may have turned."""
    if dtype.kind != "f":
        return bits
    return bits & bits.dtype.type((1 << 8 * dtype.itemsize - 1) - 1)


def are_large(values: np.ndarray) -> bool:
    """Do any of these numbers of the last run come from its pattern, or from sums with it?"""
    most = {"f2": LARGEST_HALF, "f4": LARGE, "f8": LARGE}.get(f"{values.dtype.kind}{values.dtype.itemsize}")
    limit = most / 2**4 if most == LARGEST_HALF else most / 2**20 if most else 2**28
    return bool((np.abs(values.astype(float)) > limit).any()) or values.dtype.itemsize == 1


def is_finite(value: np.ndarray | float) -> bool:
    array = np.asarray(value)
    return bool(np.isfinite(array).all()) if array.dtype.kind == "f" else math.isfinite(1.0)
