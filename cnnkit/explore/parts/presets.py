"""Filters with a name, each defined for every odd size k by one rule (offsets i, j count from the center)."""

from __future__ import annotations

from math import comb

import numpy as np

CUSTOM = "custom"


def _offsets(size: int) -> tuple[np.ndarray, np.ndarray]:
    reach = size // 2
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return rows, columns


def identity(size: int) -> np.ndarray:
    rows, columns = _offsets(size)
    return ((rows == 0) & (columns == 0)).astype(np.float32)


def blur(size: int) -> np.ndarray:
    return np.full((size, size), 1 / size**2, dtype=np.float32)


def sharpen(size: int) -> np.ndarray:
    """-1 along the arms of a plus sign, and a center that brings the sum to 1."""
    rows, columns = _offsets(size)
    arms = ((rows == 0) | (columns == 0)).astype(np.float32)
    return identity(size) * (2 * size) - arms


def edges(size: int) -> np.ndarray:
    """-1 everywhere and k * k - 1 in the center (8 for 3 x 3), so that a flat patch gives 0."""
    return identity(size) * size**2 - 1


def sobel_x(size: int) -> np.ndarray:
    """Binomial smoothing down, its difference across: bright on the right counts as positive."""
    smooth = np.array([comb(size - 1, i) for i in range(size)], dtype=np.float32)
    shorter = [comb(size - 3, i) for i in range(size - 2)]
    slope = np.convolve(shorter, [-1, 0, 1]).astype(np.float32)
    return np.outer(smooth, slope)


def sobel_y(size: int) -> np.ndarray:
    return sobel_x(size).T.copy()


def emboss(size: int) -> np.ndarray:
    """i + j, and 1 in the center: light from the top left."""
    rows, columns = _offsets(size)
    return (rows + columns).astype(np.float32) + identity(size)


def zero(size: int) -> np.ndarray:
    return np.zeros((size, size), dtype=np.float32)


def random(size: int, seed: int = 0) -> np.ndarray:
    """Normal numbers of mean 0, rounded to one decimal so that they can be read."""
    return np.random.default_rng([seed, size]).normal(size=(size, size)).round(1).astype(np.float32)


PRESETS = {
    "edges": edges,
    "identity": identity,
    "blur": blur,
    "sharpen": sharpen,
    "Sobel x": sobel_x,
    "Sobel y": sobel_y,
    "emboss": emboss,
    "all zero": zero,
    "random": random,
}


def weights_of(name: str, size: int, seed: int = 0) -> np.ndarray:
    """The weights (size, size) float32 of preset `name`; `seed` matters to "random" alone."""
    if name == "random":
        return random(size, seed)
    return PRESETS[name](size)


def name_of(weights: np.ndarray, seed: int = 0) -> str:
    """The preset that `weights` equal, or "custom"."""
    for name in PRESETS:
        if np.array_equal(weights, weights_of(name, len(weights), seed)):
            return name
    return CUSTOM


def resized(weights: np.ndarray, size: int) -> np.ndarray:
    """`weights` with zeros added or cells dropped around the center."""
    out = zero(size)
    shared = min(size, len(weights))
    into, frm = (size - shared) // 2, (len(weights) - shared) // 2
    out[into : into + shared, into : into + shared] = weights[frm : frm + shared, frm : frm + shared]
    return out
