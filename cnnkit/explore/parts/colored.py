"""Filters through the three channels of a colored picture: some with a meaning, the others random.

Each is defined for every side a by one rule and scaled to it, so that it means the same at any size. `y` and
`x` are (a, a) and count from the middle of the filter.
"""

from __future__ import annotations

import numpy as np

CHANNELS = ("red", "green", "blue")
MOST = 12
MEANINGS = {
    "reddish": "large where red outweighs green and blue",
    "blue, not yellow": "above zero where it is blue, below where it is yellow",
    "brightness": "the mean of all pixels and channels: a blur without color",
    "red, left to right": "answers where red changes from left to right; blind to green and blue",
    "green, left to right": "answers where green changes from left to right; blind to red and blue",
    "blue, left to right": "answers where blue changes from left to right; blind to red and green",
    "top to bottom": "answers where any color changes from top to bottom",
    "red in green": "large at a red spot in green surroundings; 0 where all pixels are alike",
}
RANDOM = "random: what a network starts from before it learns"


def name_of(index: int) -> str:
    """The name of filter `index`; those without a meaning are numbered from 1."""
    names = list(MEANINGS)
    return names[index] if index < len(names) else f"random {index - len(names) + 1}"


def meaning_of(index: int) -> str:
    """What filter `index` answers to, in half a sentence."""
    return MEANINGS.get(name_of(index), RANDOM)


def filters(amount: int, size: int, seed: int = 0) -> np.ndarray:
    """The first `amount` filters of side `size`, (amount, 3, size, size) float32."""
    return np.stack([one(index, size, seed) for index in range(amount)])


def one(index: int, size: int, seed: int = 0) -> np.ndarray:
    """Filter `index`, (3, size, size) float32; `seed` matters to the random ones alone."""
    if index >= len(MEANINGS):
        return _random(index, size, seed)
    mean, across, spot, around = _mean(size), _across(size), *_spot(size)
    nothing = np.zeros((size, size))
    slices = {
        "reddish": (mean, -mean / 2, -mean / 2),
        "blue, not yellow": (-mean / 2, -mean / 2, mean),
        "brightness": (mean / 3, mean / 3, mean / 3),
        "red, left to right": (across, nothing, nothing),
        "green, left to right": (nothing, across, nothing),
        "blue, left to right": (nothing, nothing, across),
        "top to bottom": (across.T / 3, across.T / 3, across.T / 3),
        "red in green": ((spot - around) / 2, (around - spot) / 2, nothing),
    }
    return np.stack(slices[name_of(index)]).astype(np.float32)


def _mean(size: int) -> np.ndarray:
    return np.full((size, size), 1 / size**2)


def _across(size: int) -> np.ndarray:
    """Rising from left to right, the positive weights sum to 1; all zero in a filter of one pixel."""
    _, x = _offsets(size)
    return x / max(x[x > 0].sum(), 1.0)


def _spot(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The middle pixels (one, or four in a filter of even side) and all others, each with the sum 1."""
    y, x = _offsets(size)
    middle = np.maximum(abs(y), abs(x)) <= 0.5
    return middle / middle.sum(), ~middle / max((~middle).sum(), 1)


def _offsets(size: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return y, x


def _random(index: int, size: int, seed: int) -> np.ndarray:
    """Normal numbers, smaller where there are more of them, and rounded so that they can be read."""
    drawn = np.random.default_rng([seed, size, index]).normal(0, 1 / (3 * size), (3, size, size))
    return drawn.round(2 if size <= 7 else 4).astype(np.float32)
