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
PIXELS, RUN = 6, 12  # of `conv2d_blocked_filters`
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


class Class(NamedTuple):
    """The pixels of dx that one class of taps reaches; for stride 1 all pixels and all taps."""

    first: tuple[int, int]  # its first pixel in dx
    size: tuple[int, int]  # how many rows and columns it has, a stride apart
    start: tuple[int, int]  # where its first pixel reads dy, before padding
    taps: tuple[tuple[int, int, int], ...]  # (place in the filter, row and column distance in dy)


def forward(
    padded: DeviceArray,
    w: DeviceArray,
    b: DeviceArray | None,
    y: DeviceArray,
    s: Conv2dShape,
    relu: bool = False,
) -> None:
    """y = x convolved with w, plus b, from x as `pad_input` stores it; with `relu`, the positive part."""
    layout = input_layout(s)
    taps = s.R * s.S
    places, steps = tuple(range(taps)), (s.C * taps, taps)
    size = (s.C, s.K, s.OH, s.OW)
    distances = (0, s.C * layout.plane, layout.plane, layout.pitch, 0, s.OH * s.OW, s.OW, 1)
    _run(padded, w, places, steps, _offsets(s), b, relu, y, size, distances, s.N)


def backward_data(padded: DeviceArray, w: DeviceArray, dx: DeviceArray, s: Conv2dShape) -> None:
    """dx, from dy as `pad_slopes` stores it: each class of pixels is a convolution with the taps that reach it."""
    layout, classes = slopes_layout(s), _classes_of(s._replace(N=1))
    taps = s.R * s.S
    for each in classes:
        places = tuple(place for place, _, _ in each.taps)
        offsets = tuple(down * layout.pitch + right for _, down, right in each.taps)
        x_start = (each.start[0] + layout.pad_top) * layout.pitch + each.start[1] + layout.pad_left
        y_start = each.first[0] * s.W + each.first[1]
        size = (s.K, s.C, *each.size)
        reads = (x_start, s.K * layout.plane, layout.plane, layout.pitch)
        writes = (y_start, s.H * s.W, s.stride_y * s.W, s.stride_x)
        steps = (taps, s.C * taps)
        _run(padded, w, places, steps, offsets, None, False, dx, size, (*reads, *writes), s.N)


def backward_weight(
    slopes: DeviceArray, padded: DeviceArray, dw: DeviceArray, db: DeviceArray, s: Conv2dShape
) -> None:
    """dw and db, from dy and x as stored: partial sums over some images each, then their sum."""
    device = current_device()
    layout, of_dy = input_layout(s), slopes_layout(s)
    taps = s.C * s.R * s.S
    planes = range(0, s.C * layout.plane, layout.plane)
    offsets = _table(device, tuple(plane + offset for plane in planes for offset in _offsets(s)))
    start, length = of_dy.pad_top * of_dy.pitch + of_dy.pad_left, _length(s, layout.pitch)
    blocks = (-(-taps // TAPS) + 1, -(-s.K // CHANNELS))
    images, pieces, each = _parts(s.N, -(-length // LANES), blocks[0] * blocks[1], device.compute_units)
    parts = -(-s.N // images) * pieces
    sums = empty((parts, s.K, taps + 1))
    size = (s.N, s.K, start, length, of_dy.plane, taps, s.C * layout.plane, images, pieces, each)
    run = kernel(device, FILE, "conv2d_backward_weight_blocked")
    launch(device, run, (*blocks, parts), ONE, slopes, padded, offsets, sums, *size)
    add = kernel(device, FILE, "sum_weight_parts")
    launch(device, add, (taps + 1, s.K), (16, 1), sums, dw, db, s.K, taps, parts)


def pad_input(x: DeviceArray, s: Conv2dShape) -> DeviceArray:
    """x as `forward` and `backward_weight` read it."""
    return _pad(x, input_layout(s))


def pad_slopes(dy: DeviceArray, s: Conv2dShape) -> DeviceArray:
    """dy as `backward_data` and `backward_weight` read it."""
    return _pad(dy, slopes_layout(s))


def scratch(s: Conv2dShape) -> int:
    """How many numbers of memory this way needs besides its inputs and outputs, about."""
    return s.N * (s.C * input_layout(s).plane + s.K * slopes_layout(s).plane)


@lru_cache(maxsize=256)
def input_layout(s: Conv2dShape) -> Padded:
    """How x is stored."""
    rows = s.OH + (s.R - 1) * s.dilation_y // s.stride_y
    return Padded(s.H, s.W, s.pad_top, s.pad_left, s.stride_y, s.stride_x, rows, _pitch(s))


@lru_cache(maxsize=256)
def slopes_layout(s: Conv2dShape) -> Padded:
    """How dy is stored: with zeros around it, as far as any class of pixels of dx reads."""
    reads_y, reads_x = _reads(_classes_of(s._replace(N=1)))
    top, left = max(0, -min(reads_y)), max(0, -min(reads_x))
    pitch = _pitch(s)
    # The weight gradient reads whole vectors: what follows the last pixel must be zeros of the same plane.
    vectors = -(-_length(s, pitch) // LANES)
    rows = max(max(reads_y) + top + 1, -(-(top * pitch + left + vectors * LANES) // pitch))
    return Padded(s.OH, s.OW, top, left, 1, 1, rows, pitch)


def _pitch(s: Conv2dShape) -> int:
    """Numbers per stored row, of x and dy alike, so that the weight gradient can run through both as one."""
    _, reads_x = _reads(_classes_of(s._replace(N=1)))
    for_x = max(s.OW, LANES) + (s.S - 1) * s.dilation_x // s.stride_x
    return max(for_x, max(reads_x) + max(0, -min(reads_x)) + 1)


def _length(s: Conv2dShape, pitch: int) -> int:
    """From the first pixel of a stored plane of dy to its last."""
    return (s.OH - 1) * pitch + s.OW


def _pad(x: DeviceArray, layout: Padded) -> DeviceArray:
    device = current_device()
    planes = x.shape[0] * x.shape[1]
    out = empty((planes * layout.plane + LANES,))
    items = (-(-layout.rows // BAND), planes * layout.stride_y * layout.stride_x)
    run = kernel(device, FILE, "pad_planes")
    launch(device, run, items, (1, 1), x, out, layout.H, layout.W, planes, *layout[2:])
    return out


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
def _classes_of(s: Conv2dShape) -> list[Class]:
    """The classes of dx's pixels."""
    down = _classes(s.H, s.R, s.stride_y, s.dilation_y, s.pad_top)
    right = _classes(s.W, s.S, s.stride_x, s.dilation_x, s.pad_left)
    return [
        Class(
            (f_y, f_x),
            (n_y, n_x),
            (q_y, q_x),
            tuple((r * s.S + c, e_y, e_x) for r, e_y in taps_y for c, e_x in taps_x),
        )
        for f_y, n_y, q_y, taps_y in down
        for f_x, n_x, q_x, taps_x in right
    ]


def _reads(classes: list[Class]) -> tuple[list[int], list[int]]:
    """The outermost rows and columns of dy that any class reads; negative ones lie in the padding."""
    reads_y = [c.start[0] + e + i for c in classes for _, e, _ in c.taps for i in (0, c.size[0] - 1)]
    reads_x = [
        c.start[1] + e + i for c in classes for _, _, e in c.taps for i in (0, max(c.size[1], LANES) - 1)
    ]
    return reads_y or [0], reads_x or [0]


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


def _run(
    x: DeviceArray,
    w: DeviceArray,
    places: tuple[int, ...],
    weight_steps: tuple[int, int],
    offsets: tuple[int, ...],
    b: DeviceArray | None,
    relu: bool,
    y: DeviceArray,
    size: tuple[int, int, int, int],
    distances: tuple[int, ...],
    images: int,
) -> None:
    """Pack the weights and launch the kernel whose blocks suit the number of filters."""
    device = current_device()
    inputs, outputs, OH, OW = size
    taps = len(places)
    of_filters = outputs % 16 == 0 or (inputs * taps >= 64 and outputs / (-(-outputs // 16) * 16) >= 0.75)
    if of_filters:
        channels, macros, function = 16, {}, "conv2d_blocked_filters"
        items = (-(-outputs // 16), -(-OH * OW // (PIXELS * RUN)), images)
    else:
        # 3 rows keep more sums in registers, unless too many of the rows would be computed in vain.
        rows = 3 if -(-OH // 3) * 3 <= 1.08 * -(-OH // 2) * 2 else 2
        channels, macros, function = CHANNELS, {"ROWS": rows}, "conv2d_blocked_pixels"
        items = (-(-OH // rows), -(-outputs // CHANNELS), images)
    packed = _pack(w, places, inputs, outputs, weight_steps, channels)
    run = kernel(device, FILE, function, **macros)
    bias, has_bias = (packed, 0) if b is None else (b, 1)  # an unread buffer must still be one
    args = (packed, _table(device, offsets), bias, has_bias, int(relu), y, inputs, taps, outputs, OH, OW)
    launch(device, run, items, ONE, x, *args, *distances)


def _pack(
    w: DeviceArray,
    places: tuple[int, ...],
    inputs: int,
    outputs: int,
    steps: tuple[int, int],
    channels: int,
) -> DeviceArray:
    device = current_device()
    blocks = -(-outputs // channels)
    packed = empty((max(1, blocks * inputs * len(places) * channels),))
    if places:
        run = kernel(device, FILE, "pack_weights", CHANNELS=channels)
        size = (outputs, inputs, len(places), *steps)
        launch(device, run, (inputs, blocks), (1, 1), w, _table(device, places), packed, *size)
    return packed


def _table(device: Device, numbers: tuple[int, ...]) -> DeviceArray:
    """A list of whole numbers on the device, kept for the next call."""
    table = device.tables.get(numbers)
    if table is None:
        if len(device.tables) >= 1024:
            device.tables.clear()
        table = to_device(np.array(numbers or (0,), np.int32), "table", np.int32)
        device.tables[numbers] = table
    return table
