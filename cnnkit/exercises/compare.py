"""Is an answer the expected one, and if not, where does it first differ?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

SMALLEST = 1e-6  # what float32 makes of a sum that is 0


@dataclass(frozen=True)
class Difference:
    """A sentence on the first difference, its `index` if it is one of values, and what was compared.

    wrong: how many values differ.
    """

    sentence: str
    index: tuple[int, ...] | None = None
    expected: Any = None
    got: Any = None
    wrong: int = 0


def difference(expected: Any, got: Any, tolerance: float, only_shape: bool = False) -> Difference | None:
    """None where `got` is `expected`: of the same shape, and each value within the tolerance.

    A value may be off by tolerance·(|value| + the root mean square of all of them) + 1e-6, so that small
    numbers among large ones are not asked to be better than float32 can be.
    """
    if isinstance(expected, str) or isinstance(got, str):
        if isinstance(expected, str) and isinstance(got, str):
            same = expected.strip().lower() == got.strip().lower()
            return None if same else Difference(f"your answer is {_short(got)}")
        words = "a word" if isinstance(expected, str) else "numbers"
        return Difference(f"the answer must be {words}, and yours is {_what(got)}")
    expected, got = np.asarray(expected), np.asarray(got)
    if expected.shape != got.shape:
        return Difference(_shapes(expected.shape, got.shape), None, expected, got)
    if only_shape or not expected.size:
        return None
    with np.errstate(invalid="ignore"):  # a kernel's output may hold signaling NaN
        wanted, given = expected.astype(float), got.astype(float)
    size = (
        float(np.sqrt(np.mean(np.square(wanted[np.isfinite(wanted)])))) if np.isfinite(wanted).any() else 0.0
    )
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(given - wanted) <= tolerance * (np.abs(wanted) + size) + SMALLEST
    # Where infinity or NaN is expected, it must stand there.
    right = np.where(np.isfinite(wanted), near, (wanted == given) | (np.isnan(wanted) & np.isnan(given)))
    if right.all():
        return None
    index = tuple(int(i) for i in np.argwhere(~right)[0])
    wrong = int((~right).sum())
    return Difference(_values(wanted, given, index, wrong), index, expected, got, wrong)


def same(one: Any, other: Any, tolerance: float) -> bool:
    """Are two plain answers alike?"""
    return difference(one, other, tolerance) is None


def place(index: tuple[int, ...]) -> str:
    """ "row 0, column 3" for two dimensions; the bare index for others."""
    if not index:
        return ""
    if len(index) == 2:
        return f"row {index[0]}, column {index[1]}"
    return f"index {index[0]}" if len(index) == 1 else f"index {index}"


def number(value: Any) -> str:
    """A number as a learner would write it."""
    return f"{float(value):.6g}"


def _shapes(expected: tuple[int, ...], got: tuple[int, ...]) -> str:
    def named(shape: tuple[int, ...]) -> str:
        return f"the shape {shape}" if shape else "no shape (it is a single number)"

    if not expected:
        return f"the answer must be a single number, and yours has {named(got)}"
    return f"the answer must have {named(expected)}, and yours has {named(got)}"


def _values(expected: np.ndarray, got: np.ndarray, index: tuple[int, ...], wrong: int) -> str:
    words = f"{number(expected[index])} is expected and yours is {number(got[index])}"
    if not index:
        return words
    more = f" ({wrong:,} of {expected.size:,} numbers differ)" if expected.size > 1 else ""
    return f"at {place(index)}, {words}{more}"


def _what(value: Any) -> str:
    return (
        _short(value) if isinstance(value, str) else "a grid of numbers" if np.ndim(value) else number(value)
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
