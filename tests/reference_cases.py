"""Shapes that hypothesis draws, for everything that is compared with the reference."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st


def dims(least, most):
    """A pair of sizes, rows and columns drawn apart."""
    return st.tuples(st.integers(least, most), st.integers(least, most))


def images(seed, *shapes):
    """Random normal arrays of these shapes."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in shapes]


def pads_of(padding):
    """((top, bottom), (left, right)) of the drawn ways to write a padding."""
    if isinstance(padding, int):
        return ((padding, padding),) * 2
    return tuple((p, p) if isinstance(p, int) else p for p in padding)


@dataclass(frozen=True)
class ConvCase:
    """One convolution: the shapes of x, w and b, and how the windows lie."""

    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    stride: tuple[int, int]
    padding: Any
    dilation: tuple[int, int]


@st.composite
def conv_cases(draw):
    """Batches of 1 to 3, 1x1 and odd sizes, 1 channel, stride > kernel, dilation, uneven padding."""
    n, c, k = (draw(st.integers(1, 3)) for _ in range(3))
    kernel, stride, dilation = draw(dims(1, 3)), draw(dims(1, 4)), draw(dims(1, 2))
    padding = draw(st.one_of(st.integers(0, 2), dims(0, 2), st.tuples(dims(0, 2), dims(0, 2))))
    size = []
    for r, d, (before, after) in zip(kernel, dilation, pads_of(padding), strict=True):
        least = max(d * (r - 1) + 1 - before - after, 1)
        size.append(draw(st.integers(least, least + 5)))
    return ConvCase(((n, c, *size), (k, c, *kernel), (k,)), stride, padding, dilation)


@dataclass(frozen=True)
class PoolCase:
    """One pooling: the shape of x, and how the windows lie."""

    shape: tuple[int, int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]


@st.composite
def pool_cases(draw):
    """1x1 windows and images, overlapping windows, stride > kernel, padding up to kernel - 1."""
    n, c, kernel, stride = (
        draw(st.integers(1, 2)),
        draw(st.integers(1, 3)),
        draw(dims(1, 3)),
        draw(dims(1, 4)),
    )
    padding = tuple(draw(st.integers(0, k - 1)) for k in kernel)
    size = []
    for k, p in zip(kernel, padding, strict=True):
        least = max(k - 2 * p, 1)
        size.append(draw(st.integers(least, least + 5)))
    return PoolCase((n, c, *size), kernel, stride, padding)
