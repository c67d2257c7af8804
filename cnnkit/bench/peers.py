"""The libraries that cnnkit is measured beside: PyTorch, where it is installed, and NumPy."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from ..errors import CnnkitError

MISSING = (
    "PyTorch is not installed, so there is nothing to compare with: 'pip install torch' adds it "
    '(in a clone of cnnkit: pip install -e ".[bench]").'
)


@cache
def find_torch() -> Any:
    """The module `torch`, or None where it is not installed or cannot be loaded."""
    try:
        return import_module("torch")
    except (ImportError, OSError):  # OSError: a library of its own is missing or broken
        return None


def expect_close(what: str, ours: Any, theirs: Any, terms: int) -> None:
    """Refuse to time two computations that do not agree.

    Both are float32, so the allowed difference grows with the sums: 4e-6 of the result's root mean square
    times the square root of `terms`, the number of products in each sum.
    """
    a, b = (np.asarray(v.get() if hasattr(v, "get") else v, np.float64) for v in (ours, theirs))
    if a.shape != b.shape:
        raise CnnkitError(f"{what}: cnnkit gives the shape {a.shape} and the other library {b.shape}.")
    allowed = 4e-6 * max(float(np.sqrt(np.mean(b**2))), 1e-30) * np.sqrt(terms)
    worst = float(np.abs(a - b).max())
    if not worst <= allowed:
        raise CnnkitError(
            f"{what}: cnnkit and the other library differ by {worst:.3g}, and {allowed:.3g} is allowed: "
            "they do not compute the same thing, so they are not timed."
        )


def numpy_convolution(x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """The way to convolve in NumPy without loops: copy every patch into a column, then one product."""
    N, K = len(x), len(w)
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    OH, OW = windows.shape[2:4]
    columns = windows.transpose(0, 1, 4, 5, 2, 3).reshape(N, w[0].size, OH * OW)
    return (w.reshape(K, -1) @ columns + b[:, None]).reshape(N, K, OH, OW)
