"""Convolution in register blocks, for CPUs; kernels and ideas in `kernels/conv2d_blocked.cl`."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..array import DeviceArray, empty, to_device
from ..device import Device, current_device
from ..kernel import kernel, launch
from .conv_shape import Conv2dShape

FILE = "conv2d_blocked"
CHANNELS = 4  # the kernels' default block: 4 filters...
TAPS = 3  # ...and in the weight gradient 3 weights
LANES = 8
BAND = 16
ONE = (1, 1, 1)
LONGEST_SUM = 256  # vectors per partial sum of a weight gradient: short sums lose fewer digits
ITEMS_PER_CORE = 8  # work-items that a core should get at least, so that all end at about the same time


class Padded(NamedTuple):
    """How planes are stored for the kernels: with padding, and as stride_y x stride_x pictures."""

    H: int
    W: int
    pad_top: int
    pad_left: int
    stride_y: int
    stride_x: int
    rows: int  # of a picture
    pitch: int  # numbers in a row of a picture

    @property
    def picture(self) -> int:
        return self.rows * self.pitch

    @property
    def plane(self) -> int:
        return self.stride_y * self.stride_x * self.picture

    def as_it_is(self) -> bool:
        """Can the kernels read the plane without padding and sorting?"""
        return self[2:6] == (0, 0, 1, 1) and self.rows <= self.H and self.pitch == self.W

    def of(self, x: DeviceArray) -> DeviceArray:
        """x (N, C, H, W) stored this way."""
        device = current_device()
        planes = x.shape[0] * x.shape[1]
        out = empty((planes * self.plane + LANES,))
        items = (-(-self.rows // BAND), planes * self.stride_y * self.stride_x)
        run = kernel(device, FILE, "pad_planes")
        launch(device, run, items, (1, 1), x, out, self.H, self.W, planes, *self[2:])
        return out


class Class(NamedTuple):
    """The pixels of dx that one class of taps reaches; for stride 1 all pixels and all taps."""

    first: tuple[int, int]  # its first pixel in dx
    size: tuple[int, int]  # how many rows and columns it has, a stride apart
    start: tuple[int, int]  # where its first pixel reads dy, before padding
    taps: tuple[tuple[int, int, int], ...]  # (place in the filter, row and column distance in dy)


def forward(
    x: DeviceArray,
    w: DeviceArray,
    b: DeviceArray | None,
    y: DeviceArray,
    s: Conv2dShape,
    relu: bool = False,
) -> None:
    """y = x convolved with w, plus b; with `relu`, the positive part of it."""
    device = current_device()
    layout = input_layout(s)
    padded = layout.of(x)
    taps = s.R * s.S
    packed = _pack(w, _table(device, tuple(range(taps))), s.K, s.C, taps, s.C * taps, taps)
    offsets = _table(device, _offsets(s))
    size = (s.C, taps, s.K, s.OH, s.OW)
    distances = (0, s.C * layout.plane, layout.plane, layout.pitch, 0, s.OH * s.OW, s.OW, 1)
    _run(padded, packed, offsets, b, relu, y, size, distances, s.N)


def backward_data(dy: DeviceArray, w: DeviceArray, dx: DeviceArray, s: Conv2dShape) -> None:
    """dx: each class of pixels is a convolution of dy with the taps that reach it."""
    device = current_device()
    layout, classes = _transposed(s._replace(N=1))
    padded = layout.of(dy)
    taps = s.R * s.S
    for each in classes:
        places = _table(device, tuple(place for place, _, _ in each.taps))
        packed = _pack(w, places, s.C, s.K, len(each.taps), taps, s.C * taps)
        offsets = _table(device, tuple(down * layout.pitch + right for _, down, right in each.taps))
        x_start = (each.start[0] + layout.pad_top) * layout.pitch + each.start[1] + layout.pad_left
        y_start = each.first[0] * s.W + each.first[1]
        size = (s.K, len(each.taps), s.C, *each.size)
        reads = (x_start, s.K * layout.plane, layout.plane, layout.pitch)
        writes = (y_start, s.H * s.W, s.stride_y * s.W, s.stride_x)
        _run(padded, packed, offsets, None, False, dx, size, (*reads, *writes), s.N)


def backward_weight(
    dy: DeviceArray, x: DeviceArray, dw: DeviceArray, db: DeviceArray, s: Conv2dShape
) -> None:
    """dw and db: partial sums over some images each, then their sum."""
    device = current_device()
    layout = input_layout(s)
    padded = layout.of(x)
    length = (s.OH - 1) * layout.pitch + s.OW
    vectors = -(-length // LANES)
    # As many rows as hold the last vector: what it reads beyond the last pixel must be zeros, too.
    slopes_layout = Padded(s.OH, s.OW, 0, 0, 1, 1, -(-vectors * LANES // layout.pitch), layout.pitch)
    slopes = slopes_layout.of(dy)
    taps = s.C * s.R * s.S
    planes = range(0, s.C * layout.plane, layout.plane)
    offsets = _table(device, tuple(plane + offset for plane in planes for offset in _offsets(s)))
    blocks = (-(-taps // TAPS) + 1, -(-s.K // CHANNELS))
    images, pieces, each = _parts(s.N, vectors, blocks[0] * blocks[1], device.compute_units)
    parts = -(-s.N // images) * pieces
    sums = empty((parts, s.K, taps + 1))
    size = (s.N, s.K, length, slopes_layout.plane, taps, s.C * layout.plane, images, pieces, each)
    run = kernel(device, FILE, "conv2d_backward_weight_blocked")
    launch(device, run, (*blocks, parts), ONE, slopes, padded, offsets, sums, *size)
    add = kernel(device, FILE, "sum_weight_parts")
    launch(device, add, (taps + 1, s.K), (16, 1), sums, dw, db, s.K, taps, parts)


def scratch(s: Conv2dShape) -> int:
    """How many numbers of memory this way needs besides its inputs and outputs, about."""
    return s.N * (s.C * input_layout(s).plane + s.K * (s.OH + s.R) * (s.OW + s.S + LANES))


@lru_cache(maxsize=256)
def input_layout(s: Conv2dShape) -> Padded:
    """The layout in which the forward pass and the weight gradient read x."""
    rows = s.OH + (s.R - 1) * s.dilation_y // s.stride_y
    pitch = max(s.OW, LANES) + (s.S - 1) * s.dilation_x // s.stride_x
    return Padded(s.H, s.W, s.pad_top, s.pad_left, s.stride_y, s.stride_x, rows, pitch)


@lru_cache(maxsize=256)
def _offsets(s: Conv2dShape) -> tuple[int, ...]:
    """How far each tap reads from the place that the window's first pixel reads."""
    layout = input_layout(s)
    found = []
    for r in range(s.R):
        row, picture_y = divmod(r * s.dilation_y, s.stride_y)
        for c in range(s.S):
            column, picture_x = divmod(c * s.dilation_x, s.stride_x)
            picture = picture_y * s.stride_x + picture_x
            found.append(picture * layout.picture + row * layout.pitch + column)
    return tuple(found)


@lru_cache(maxsize=256)
def _transposed(s: Conv2dShape) -> tuple[Padded, list[Class]]:
    """The layout of dy for the gradient of the input, and the classes of pixels."""
    down = _classes(s.H, s.R, s.stride_y, s.dilation_y, s.pad_top)
    right = _classes(s.W, s.S, s.stride_x, s.dilation_x, s.pad_left)
    classes = [
        Class(
            (f_y, f_x),
            (n_y, n_x),
            (q_y, q_x),
            tuple((r * s.S + c, e_y, e_x) for r, e_y in taps_y for c, e_x in taps_x),
        )
        for f_y, n_y, q_y, taps_y in down
        for f_x, n_x, q_x, taps_x in right
    ]
    reads_y = [q + e + i for _, n, q, taps in down for _, e in taps for i in (0, n - 1)] or [0]
    reads_x = [q + e + i for _, n, q, taps in right for _, e in taps for i in (0, max(n, LANES) - 1)] or [0]
    top, left = max(0, -min(reads_y)), max(0, -min(reads_x))
    rows, pitch = max(reads_y) + top + 1, max(reads_x) + left + 1
    return Padded(s.OH, s.OW, top, left, 1, 1, rows, pitch), classes


def _classes(
    length: int, taps: int, stride: int, dilation: int, pad: int
) -> list[tuple[int, int, int, list[tuple[int, int]]]]:
    """In one direction: (first pixel, pixels, first place read in dy, [(tap, distance in dy)]) of each class.

    Pixel i of dx gets dy[o] through tap r if i + pad = o*stride + r*dilation. So with i + pad = q*stride + f
    only taps with r*dilation = f modulo stride count, and o = q + (f - r*dilation) / stride.
    """
    found = []
    for first in range(min(stride, length)):
        q, f = divmod(first + pad, stride)
        reach = [(r, (f - r * dilation) // stride) for r in range(taps) if (f - r * dilation) % stride == 0]
        found.append((first, -(-(length - first) // stride), q, reach))
    return found


def _parts(images: int, vectors: int, blocks: int, cores: int) -> tuple[int, int, int]:
    """How a weight gradient is divided into partial sums: (images each, pieces per image, vectors each).

    As long as the sums stay short, and as few as give every core enough of them.
    """
    enough = -(-ITEMS_PER_CORE * cores // blocks)
    if vectors <= LONGEST_SUM and images >= enough:
        return max(1, min(images // enough, LONGEST_SUM // vectors)), 1, vectors
    pieces = max(-(-vectors // LONGEST_SUM), min(-(-enough // images), vectors))
    each = -(-vectors // pieces)
    return 1, -(-vectors // each), each


def _pack(
    w: DeviceArray,
    places: DeviceArray,
    outputs: int,
    inputs: int,
    taps: int,
    output_step: int,
    input_step: int,
) -> DeviceArray:
    device = current_device()
    blocks = -(-outputs // CHANNELS)
    packed = empty((max(1, blocks * inputs * taps * CHANNELS),))
    if taps:
        run = kernel(device, FILE, "pack_weights")
        size = (outputs, inputs, taps, output_step, input_step)
        launch(device, run, (inputs, blocks), (1, 1), w, places, packed, *size)
    return packed


def _run(
    x: DeviceArray,
    packed: DeviceArray,
    offsets: DeviceArray,
    b: DeviceArray | None,
    relu: bool,
    y: DeviceArray,
    size: tuple[int, ...],
    distances: tuple[int, ...],
    images: int,
) -> None:
    device = current_device()
    outputs, OH = size[2], size[3]
    rows = 3 if -(-OH // 3) * 3 <= -(-OH // 2) * 2 else 2
    run = kernel(device, FILE, "conv2d_blocked", ROWS=rows)
    items = (-(-OH // rows), -(-outputs // CHANNELS), images)
    bias, has_bias = (packed, 0) if b is None else (b, 1)  # an unread buffer must still be one
    launch(
        device, run, items, ONE, x, packed, offsets, bias, has_bias, int(relu), y, *size, *distances
    )


def _table(device: Device, numbers: tuple[int, ...]) -> DeviceArray:
    """A list of whole numbers on the device, kept for the next call."""
    tables = device.__dict__.setdefault("tables", {})
    if numbers not in tables:
        if len(tables) >= 1024:
            tables.clear()
        tables[numbers] = to_device(np.array(numbers or (0,), np.int32), "table", np.int32)
    return tables[numbers]
