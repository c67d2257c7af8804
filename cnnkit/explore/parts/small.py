"""Small inputs and filters whose every number can be read: examples by name, and checks of given ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets

CUSTOM = "custom"


def _counting(size: int, seed: int) -> np.ndarray:
    return np.arange(size * size).reshape(size, size)


def _random_input(size: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, size, 1]).integers(-4, 5, (size, size))


def _random_filter(size: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, size, 2]).integers(-3, 4, (size, size))


def _bar(size: int, seed: int) -> np.ndarray:
    return np.repeat((np.arange(size) == size // 2)[None], size, axis=0)


def _edge(size: int, seed: int) -> np.ndarray:
    return np.array([[-1, 1], [-1, 1]] if size == 2 else [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


@dataclass(frozen=True)
class Example:
    """How input and filter follow from (size, seed), and the sizes and upstream gradient to start with."""

    x: Callable[[int, int], np.ndarray]
    w: Callable[[int, int], np.ndarray]
    size: int
    filter_size: int
    upstream: str

    def makes(self, x: np.ndarray, w: np.ndarray, seed: int) -> bool:
        """Whether `x` and `w` are this example's numbers in their sizes."""
        return np.array_equal(x, self.x(len(x), seed)) and np.array_equal(w, self.w(len(w), seed))


EXAMPLES = {
    "whole numbers": Example(_random_input, _random_filter, 5, 3, "random"),
    "0, 1, 2, …": Example(_counting, _counting, 3, 2, "ones"),
    "bright bar": Example(_bar, _edge, 6, 3, "one"),
}


def identity(size: int) -> np.ndarray:
    """The filter (size, size) float32 that lets one pixel of its window through, for 3x3 the middle one."""
    weights = np.zeros((size, size), dtype=np.float32)
    weights[(size - 1) // 2, (size - 1) // 2] = 1
    return weights


def example_of(x: np.ndarray, w: np.ndarray, seed: int) -> str:
    """The name in `EXAMPLES` of these numbers, or "custom"."""
    return next((name for name, one in EXAMPLES.items() if one.makes(x, w, seed)), CUSTOM)


def matrix_of(value: Any, what: str, low: int, high: int, square: bool = False) -> np.ndarray:
    """`value` (rows, columns) or (1, 1, rows, columns) as float32, both sizes from `low` to `high`.

    TraitError, with `what` it should have been, for other shapes.
    """
    array = np.array(value.get() if hasattr(value, "get") else value, dtype=np.float32)
    if array.ndim == 4 and array.shape[:2] == (1, 1):
        array = array[0, 0]
    fits = array.ndim == 2 and all(low <= size <= high for size in array.shape)
    if not fits or (square and array.shape[0] != array.shape[1]):
        raise traitlets.TraitError(
            f"This explorer shows {what} of {low}×{low} to {high}×{high} numbers, not {array.shape}: "
            "give it a smaller part of yours."
        )
    return array


def cropped(array: np.ndarray, size: int) -> np.ndarray:
    """`array` cut, or filled up with zeros, at the right and below to (size, size)."""
    out = np.zeros((size, size), dtype=np.float32)
    kept = array[:size, :size]
    out[: kept.shape[0], : kept.shape[1]] = kept
    return out
