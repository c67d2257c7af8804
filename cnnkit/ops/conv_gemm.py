"""Convolution as a matrix product: kernels in `kernels/im2col.cl` and `kernels/matmul.cl`.

A batch is done in pieces of a few images, so that the patch matrices stay in the processor's cache
and take little memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..array import DeviceArray, empty
from ..device import current_device
from ..kernel import kernel, launch
from .blocked import pack, pitch_of, product, sum_parts
from .conv_shape import Conv2dShape
from .rounds import rounds_of

PIECE = 1 << 18  # numbers in a piece's patch matrices (1 MiB), about what a core's cache holds
PARTS = 4  # partial sums per piece of a weight gradient: enough work-items for the cores


def forward(x: DeviceArray, w: DeviceArray, b: DeviceArray | None, y: DeviceArray, s: Conv2dShape) -> None:
    """y[n] = w columns[n] + b."""
    pixels, taps = s.OH * s.OW, s.C * s.R * s.S
    pitch = pitch_of(pixels)
    columns = empty((_piece(s), taps, pitch))
    for first, images in _pieces(s):
        _im2col(x, columns, s, first, images)
        product(
            w,
            columns,
            y,
            (s.K, pixels, taps),
            (taps, 1),
            bias=b,
            bias_per_row=True,
            starts=(0, 0, first * s.K * pixels),
            batches=(0, taps * pitch, s.K * pixels),
            products=images,
        )


def backward_data(dy: DeviceArray, w: DeviceArray, dx: DeviceArray, s: Conv2dShape) -> None:
    """dcolumns[n] = w^T dy[n], gathered back into pixels."""
    pixels, taps = s.OH * s.OW, s.C * s.R * s.S
    pitch = pitch_of(pixels)
    packed = pack(dy, s.K, pixels, pixels, 1, s.K * pixels, s.N)
    dcolumns = empty((_piece(s), taps, pixels))
    device = current_device()
    run = kernel(device, "im2col", "col2im")
    for first, images in _pieces(s):
        product(
            w,
            packed,
            dcolumns,
            (taps, pixels, s.K),
            (1, taps),
            starts=(0, first * s.K * pitch, 0),
            batches=(0, s.K * pitch, taps * pixels),
            products=images,
        )
        items = (s.W, s.H, images * s.C)
        launch(device, run, items, (8, 8, 1), dcolumns, dx, *_shape(s, first, images, pixels))


def backward_weight(dy: DeviceArray, x: DeviceArray, dw: DeviceArray, s: Conv2dShape) -> None:
    """dw^T = sum over n of columns[n] dy[n]^T: partial sums first, then their sum, transposed."""
    pixels, taps = s.OH * s.OW, s.C * s.R * s.S
    pitch = pitch_of(pixels)
    turned = pack(dy, pixels, s.K, 1, pixels, s.K * pixels, s.N)  # (N, pixels, K), packed
    columns = empty((_piece(s), taps, pitch))
    runs = -(-_piece(s) // PARTS)
    counts = [-(-images // runs) for _, images in _pieces(s)]
    parts = empty((sum(counts), taps, s.K))
    done = 0
    for (first, images), count in zip(_pieces(s), counts, strict=True):
        _im2col(x, columns, s, first, images)
        product(
            columns,
            turned,
            parts,
            (taps, s.K, pixels),
            (pitch, 1),
            starts=(0, first * pixels * pitch_of(s.K), done * taps * s.K),
            batches=(taps * pitch, pixels * pitch_of(s.K), taps * s.K),
            products=images,
            runs=runs,
        )
        done += count
    sum_parts(parts, dw, (s.K, taps), (1, s.K), taps * s.K, done)


def _im2col(x: DeviceArray, columns: DeviceArray, s: Conv2dShape, first: int, images: int) -> None:
    device = current_device()
    run = kernel(device, "im2col", "im2col")
    items = (s.C * s.R * s.S, images)
    launch(device, run, items, (8, 1), x, columns, *_shape(s, first, images, pitch_of(s.OH * s.OW)))


def im2col_rounds(s: Conv2dShape) -> int:
    """How often a work-item of im2col goes round its loops, at most: four in each row of outputs."""
    return rounds_of(s.OH, s.OW + 4 * 2) + rounds_of(pitch_of(s.OH * s.OW) - s.OH * s.OW)


def _shape(s: Conv2dShape, first: int, images: int, pitch: int) -> tuple[int, ...]:
    """The numbers of IM2COL_SHAPE."""
    return (first, images, pitch, s.C, s.H, s.W, *s[5:])


def _piece(s: Conv2dShape) -> int:
    """How many images' patch matrices are made at once."""
    return max(1, min(s.N, PIECE // (s.C * s.R * s.S * pitch_of(s.OH * s.OW))))


def _pieces(s: Conv2dShape) -> Iterator[tuple[int, int]]:
    """(first image, number of images) of each piece."""
    size = _piece(s)
    for first in range(0, s.N, size):
        yield first, min(size, s.N - first)
