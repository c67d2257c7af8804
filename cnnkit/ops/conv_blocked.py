"""Convolution in register blocks, for CPUs; kernels and ideas in `kernels/conv2d_blocked.cl`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

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
    """How planes are stored for the kernels: with padding, their columns sorted by stride."""

    H: int
    W: int
    pad_top: int
    pad_left: int
    rows: int
    stride: int
    phase_width: int

    @property
    def row(self) -> int:
        return self.stride * self.phase_width

    @property
    def plane(self) -> int:
        return self.rows * self.row

    @property
    def as_it_is(self) -> bool:
        """Does the plane need no padding and no sorting at all?"""
        return (
            (self.pad_top, self.pad_left, self.stride) == (0, 0, 1)
            and self.phase_width <= self.W
            and self.rows <= self.H
        )

    def of(self, x: DeviceArray) -> tuple[DeviceArray, int, int]:
        """x (N, C, H, W) stored this way, and the distances of its planes and rows."""
        if self.as_it_is:
            return x, self.H * self.W, self.W
        device = current_device()
        planes = x.shape[0] * x.shape[1]
        out = empty((planes, self.rows, self.row))
        sides = (self.H, self.W, self.rows, planes, self.pad_top, self.pad_left)
        run = kernel(device, FILE, "pad_rows")
        launch(device, run, (-(-self.rows // BAND), planes), (1, 1), x, out, *sides, self.stride, self.phase_width)
        return out, self.plane, self.row


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
    padded, plane, row = input_layout(s).of(x)
    device = current_device()
    taps = s.R * s.S
    places = _table(device, range(taps))
    packed = _pack(w, places, s.K, s.C, taps, s.C * taps, taps)
    offsets = _table(device, _offsets(s, row))
    size = (s.C, taps, s.K, s.OH, s.OW)
    distances = (0, s.C * plane, plane, s.stride_y * row, 0, s.OH * s.OW, s.OW, 1)
    _run(padded, packed, offsets, b, relu, y, size, distances, s.N)


def backward_data(dy: DeviceArray, w: DeviceArray, dx: DeviceArray, s: Conv2dShape) -> None:
    """dx: each class of pixels is a convolution of dy with the taps that reach it."""
    device = current_device()
    layout, classes = _transposed(s._replace(N=1))
    padded, plane, row = layout.of(dy)
    taps = s.R * s.S
    for each in classes:
        places = _table(device, [place for place, _, _ in each.taps])
        packed = _pack(w, places, s.C, s.K, len(each.taps), taps, s.C * taps)
        offsets = _table(device, [down * row + right for _, down, right in each.taps])
        x_start = (each.start[0] + layout.pad_top) * row + each.start[1] + layout.pad_left
        y_start = each.first[0] * s.W + each.first[1]
        size = (s.K, len(each.taps), s.C, *each.size)
        distances = (
            x_start,
            s.K * plane,
            plane,
            row,
            y_start,
            s.H * s.W,
            s.stride_y * s.W,
            s.stride_x,
        )
        _run(padded, packed, offsets, None, False, dx, size, distances, s.N)


def backward_weight(
    dy: DeviceArray, x: DeviceArray, dw: DeviceArray, db: DeviceArray, s: Conv2dShape
) -> None:
    """dw and db: partial sums over some rows each, then their sum."""
    device = current_device()
    padded, plane, row = input_layout(s).of(x)
    slopes, _, pitch = Padded(s.OH, s.OW, 0, 0, s.OH, 1, max(s.OW, LANES)).of(dy)
    taps = s.C * s.R * s.S
    window = _offsets(s, row)
    offsets = _table(device, [c * plane + offset for c in range(s.C) for offset in window])
    blocks = (-(-taps // TAPS) + 1, -(-s.K // CHANNELS))
    rows, parts = _parts(s, blocks[0] * blocks[1], device.compute_units)
    sums = empty((parts, s.K, taps + 1))
    size = (s.N, s.K, s.OH, s.OW, pitch, taps, s.C * plane, s.stride_y * row, rows)
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
    rows = (s.OH - 1) * s.stride_y + (s.R - 1) * s.dilation_y + 1
    phase_width = max(s.OW, LANES) + (s.S - 1) * s.dilation_x // s.stride_x
    return Padded(s.H, s.W, s.pad_top, s.pad_left, rows, s.stride_x, phase_width)


def _offsets(s: Conv2dShape, row: int) -> list[int]:
    """How far each tap reads from the place that the window's first pixel reads."""
    phase_width = row // s.stride_x
    columns = [
        (c * s.dilation_x % s.stride_x) * phase_width + c * s.dilation_x // s.stride_x for c in range(s.S)
    ]
    return [r * s.dilation_y * row + column for r in range(s.R) for column in columns]


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
    return Padded(s.OH, s.OW, top, left, max(reads_y) + top + 1, 1, max(reads_x) + left + 1), classes


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


def _parts(s: Conv2dShape, blocks: int, cores: int) -> tuple[int, int]:
    """(rows of dy per partial sum of the weight gradient, number of partial sums)."""
    all_rows = s.N * s.OH
    enough = -(-ITEMS_PER_CORE * cores // blocks)
    rows = max(1, min(all_rows // enough, LONGEST_SUM * LANES // max(s.OW, LANES)))
    return rows, -(-all_rows // rows)


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


def _table(device: Device, numbers: Any) -> DeviceArray:
    """A list of whole numbers on the device, kept for the next call."""
    tables = device.__dict__.setdefault("tables", {})
    key = tuple(numbers)
    if key not in tables:
        if len(tables) >= 1024:
            tables.clear()
        tables[key] = to_device(list(key) or [0], "table", "int32")
    return tables[key]
