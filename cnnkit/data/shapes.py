"""Colored shapes of 32x32x3, drawn here: the example of the course that needs no file at all.

Every picture is the signed distance to a shape's outline (negative inside), turned into how much of each
pixel the shape covers. After Inigo Quilez, "2D distance functions", https://iquilezles.org/articles/distfunctions2d/
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cnnkit.data.dataset import Dataset
from cnnkit.errors import DataError

Floats = NDArray[np.float32]
Range = float | tuple[float, float]

NOISE = 0.04  # standard deviation of the grain laid over every picture
SMALLEST, LARGEST = 0.4, 0.8  # scale where none is asked for


def shapes(
    n: int,
    seed: int = 0,
    position: tuple[Range, Range] | None = None,
    angle: Range | None = None,
    scale: Range | None = None,
    size: int = 32,
    classes: Sequence[str] = ("circle", "square", "triangle", "cross"),
) -> Dataset:
    """Draw `n` pictures of one shape each, shape (n, 3, size, size), smooth-edged, colored, grainy.

    `position`, `angle` and `scale` are drawn at random where they are None. A number fixes one, a pair
    (low, high) draws it between the two. Lengths are shares of the picture's side, so that the same
    numbers mean the same picture at any size.

    The same seed gives the same pictures, and asking for more keeps the first ones. Fixing or changing
    one property leaves all others as they were: `shapes(9, angle=0)` and `shapes(9, angle=30)` show the
    same shapes in the same colors and grain, only turned. (One exception: with `position` None, another
    `scale` moves the middle, so that the shape stays whole.) Every class comes once in each run of
    len(classes) pictures, in random order.

    Args:
        n: how many pictures, at least 1.
        seed: which pictures.
        position: (x, y) of the shape's middle, each a number or (low, high): (0, 0) is the top left
            corner, (0.5, 0.5) the middle. None: anywhere that leaves the shape whole.
        angle: degrees counterclockwise; 0 is upright (the square on its side, the triangle on its base).
        scale: diameter of the circle around the shape; None: 0.4 to 0.8.
        size: side of the picture in pixels.
        classes: which shapes, of circle, square, triangle and cross; their order numbers the labels.

    Raises:
        DataError: an unknown shape, or a number that cannot be drawn.
    """
    if n < 1 or size < 4:
        raise DataError(f"n must be at least 1 and size at least 4, not n={n} and size={size}.")
    names = tuple(classes)
    if not names or len(set(names)) < len(names) or not set(names) <= set(_DISTANCES):
        raise DataError(f"classes must be different names of {', '.join(_DISTANCES)}, not {names}.")
    scale_low, scale_high = _range("scale", (SMALLEST, LARGEST) if scale is None else scale)
    if scale_low <= 0:
        raise DataError(f"scale must be more than 0, not {scale_low}.")

    # One stream per purpose, and every number drawn whether it is used or not: that is what keeps the
    # other properties the same when one of them is fixed.
    numbers, order, grain = (np.random.default_rng(part) for part in np.random.SeedSequence(seed).spawn(3))
    u = numbers.random((n, 10))
    rounds = -(-n // len(names))
    labels = np.argsort(order.random((rounds, len(names))), axis=1).ravel()[:n].astype(np.int32)

    diameter = scale_low + (scale_high - scale_low) * u[:, 0]
    turn = np.radians(_between(_range("angle", (0.0, 360.0) if angle is None else angle), u[:, 1]))
    center = _centers(position, diameter, u[:, 2:4])
    background = u[:, 4:7]
    # Each channel differs by 0.35 at least, in either direction: every shape can be told from its ground.
    color = (background + 0.35 + 0.3 * u[:, 7:10]) % 1.0

    covered = np.empty((n, 1, size, size), np.float32)
    for label, name in enumerate(names):
        mine = np.flatnonzero(labels == label)
        covered[mine, 0] = _coverage(name, center[mine], turn[mine], diameter[mine] / 2, size)
    ground, ink = (part.astype(np.float32)[:, :, None, None] for part in (background, color))
    images = grain.standard_normal((n, 3, size, size), dtype=np.float32)
    images *= np.float32(NOISE)
    images += ground + covered * (ink - ground)
    return Dataset(np.clip(images, 0, 1, out=images), labels, names, "shapes")


def _range(name: str, value: Range) -> tuple[float, float]:
    try:
        pair = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError):
        pair = np.empty(0)
    if pair.shape not in ((1,), (2,)) or not np.isfinite(pair).all() or pair[0] > pair[-1]:
        raise DataError(f"{name} must be a number or a pair (low, high) with low <= high, not {value!r}.")
    return float(pair[0]), float(pair[-1])


def _between(limits: tuple[float, float], u: NDArray[np.float64]) -> NDArray[np.float64]:
    return limits[0] + (limits[1] - limits[0]) * u


def _centers(
    position: tuple[Range, Range] | None, diameter: NDArray[np.float64], u: NDArray[np.float64]
) -> NDArray[np.float64]:
    if position is None:
        room = np.maximum(1 - diameter, 0)[:, None]  # a shape larger than the picture stays in the middle
        return 0.5 + room * (u - 0.5)
    if not isinstance(position, Sequence) or len(position) != 2:
        raise DataError(f"position must be (x, y), each a number or a pair (low, high), not {position!r}.")
    return np.stack(
        [
            _between(_range(f"position {axis}", value), u[:, i])
            for i, (axis, value) in enumerate(zip("xy", position, strict=True))
        ],
        axis=1,
    )


def _coverage(
    name: str, center: NDArray[np.float64], turn: NDArray[np.float64], radius: NDArray[np.float64], size: int
) -> Floats:
    """How much of each pixel the shape covers, (n, size, size): 1 inside, 0 outside, between on the edge."""
    middle = (np.arange(size, dtype=np.float32) + 0.5) / np.float32(size)
    numbers = (*center.T, np.cos(turn), np.sin(turn), radius)
    wide = [part.astype(np.float32)[:, None, None] for part in numbers]
    x0, y0, cos, sin, r = wide
    right, up = middle[None, None, :] - x0, y0 - middle[None, :, None]  # rows count downward
    # Turning the shape by +angle is turning the pixels by -angle.
    distance = _DISTANCES[name](cos * right + sin * up, cos * up - sin * right, r)
    # An edge through the pixel's middle covers half of it; half a pixel further, all or nothing.
    return np.clip(np.float32(0.5) - distance * np.float32(size), 0, 1)


def _circle(x: Floats, y: Floats, r: Floats) -> Floats:
    return np.hypot(x, y) - r


def _box(x: Floats, y: Floats, half_width: Floats, half_height: Floats) -> Floats:
    beside, above = np.abs(x) - half_width, np.abs(y) - half_height
    outside = np.hypot(np.maximum(beside, 0), np.maximum(above, 0))
    return outside + np.minimum(np.maximum(beside, above), 0)


def _square(x: Floats, y: Floats, r: Floats) -> Floats:
    half = r * np.float32(math.sqrt(0.5))
    return _box(x, y, half, half)


def _triangle(x: Floats, y: Floats, r: Floats) -> Floats:
    """Equilateral, one corner up. Past a corner the nearest edge *line* is meant, so corners stay sharp."""
    slanted = np.abs(x) * np.float32(math.sqrt(0.75)) + y * np.float32(0.5)
    return np.maximum(slanted, -y) - r * np.float32(0.5)


def _cross(x: Floats, y: Floats, r: Floats) -> Floats:
    """A plus sign: two bars, three times as long as wide, whose corners lie on the circle."""
    length = r * np.float32(3 / math.sqrt(10))
    width = length / np.float32(3)
    return np.minimum(_box(x, y, length, width), _box(x, y, width, length))


_DISTANCES: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
}
