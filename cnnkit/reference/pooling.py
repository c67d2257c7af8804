"""Max and average pooling, forward and backward."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import Array, numbers, shaped
from .windows import Pair, Windows, inside, pad, pair


def max_pool2d(x: ArrayLike, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> Array:
    """y[n,c,i,j] = max_{r,s} x[n, c, i·stride + r − top, j·stride + s − left]; padding counts as −inf.

    stride None means kernel_size: windows side by side. A NaN in a window makes its maximum NaN.
    """
    return _window_maxima(numbers(x, "x", 4), kernel_size, stride, padding)[0]


def max_pool2d_backward(
    dy: ArrayLike, x: ArrayLike, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0
) -> Array:
    """dx: each window adds its dy to the cell that won, and nothing to the others.

    Of equal cells the first in row-major order wins; a NaN beats numbers, the first NaN the later ones.
    """
    x = numbers(x, "x", 4)
    largest, winner, at = _window_maxima(x, kernel_size, stride, padding)
    dy = shaped(dy, "dy", largest.shape)
    dpadded = pad(np.zeros_like(x), at.pads, 0.0)
    for tap, (r, s) in enumerate(at.taps):
        at.at(dpadded, r, s)[...] += np.where(winner == tap, dy, 0.0)
    return inside(dpadded, at.pads).copy()


def _pool_windows(shape: tuple[int, ...], kernel_size: Any, stride: Any, padding: Any) -> Windows:
    """Pooling windows; each padding is smaller than its window, so every window holds a real cell."""
    kernel, pads = pair(kernel_size, "kernel_size", 1), pair(padding, "padding", 0)
    if any(p >= k for p, k in zip(pads, kernel, strict=True)):
        raise ValueError(f"padding {pads} must be smaller than the window {kernel}: some would hold no cell")
    return Windows(shape, kernel, kernel if stride is None else stride, pads)


def _window_maxima(x: Array, kernel: Any, stride: Any, padding: Any) -> tuple[Array, NDArray[Any], Windows]:
    """The largest value of each window and the number of the tap that holds it."""
    at = _pool_windows(x.shape, kernel, stride, padding)
    padded, real = pad(x, at.pads, -np.inf), pad(np.ones(x.shape, bool), at.pads, False)
    largest = np.full((*x.shape[:2], *at.out), -np.inf)
    winner = np.full(largest.shape, -1)
    for tap, (r, s) in enumerate(at.taps):
        value = at.at(padded, r, s)
        first = at.at(real, r, s) & (winner < 0)  # a real −inf wins over padding
        wins = first | (value > largest) | (np.isnan(value) & ~np.isnan(largest))
        largest, winner = np.where(wins, value, largest), np.where(wins, tap, winner)
    return largest, winner, at


def avg_pool2d(
    x: ArrayLike,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    count_include_pad: bool = True,
) -> Array:
    """y[n,c,i,j] = 1/m[i,j] · Σ_{r,s} x[n, c, i·stride + r − top, j·stride + s − left], 0 in the padding.

    m = R·S, or with count_include_pad=False only the cells of the window that lie in the image.
    """
    x = numbers(x, "x", 4)
    at = _pool_windows(x.shape, kernel_size, stride, padding)
    padded = pad(x, at.pads, 0.0)
    total = np.zeros((*x.shape[:2], *at.out))
    for r, s in at.taps:
        total += at.at(padded, r, s)
    return total / _window_cells(x.shape, at, count_include_pad)


def avg_pool2d_backward(
    dy: ArrayLike,
    x_shape: tuple[int, int, int, int],
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    count_include_pad: bool = True,
) -> Array:
    """dx: each window adds dy[n,c,i,j] / m[i,j] to every cell it holds (m as in avg_pool2d)."""
    if len(x_shape) != 4:
        raise ValueError(f"x_shape is {x_shape}: four numbers (N, C, H, W) are needed, not {len(x_shape)}")
    at = _pool_windows(x_shape, kernel_size, stride, padding)
    share = shaped(dy, "dy", (*x_shape[:2], *at.out)) / _window_cells(x_shape, at, count_include_pad)
    dpadded = pad(np.zeros(x_shape), at.pads, 0.0)
    for r, s in at.taps:
        at.at(dpadded, r, s)[...] += share
    return inside(dpadded, at.pads).copy()


def _window_cells(x_shape: tuple[int, ...], at: Windows, count_include_pad: bool) -> Array:
    """m[i,j], as an array (1, 1, OH, OW)."""
    real = pad(np.ones((1, 1, *x_shape[2:])), at.pads, 1.0 if count_include_pad else 0.0)
    return np.sum([at.at(real, r, s) for r, s in at.taps], axis=0)
