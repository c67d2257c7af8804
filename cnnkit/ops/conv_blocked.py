"""Convolution in register blocks, for CPUs; kernels and ideas in `kernels/conv2d_blocked.cl`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..array import DeviceArray, empty, to_device
from ..device import current_device
from ..kernel import kernel, launch
from .conv_layout import (
    LANES,
    WIDE,
    Padded,
    all_places,
    class_offsets,
    class_places,
    classes_of,
    flat_slopes_layout,
    input_layout,
    slopes_layout,
    steps,
    suits_filters,
    weight_offsets,
)
from .conv_shape import Conv2dShape
from .rounds import rounds_of

FILE = "conv2d_blocked"
ONE = (1, 1, 1)
# The sizes of blocks: those of the kernels, change both.
CHANNELS, ROWS, PIXELS, TAPS, BLOCKS, BAND = 4, 3, 6, 3, 12, 128
SHORT_SUM = 256  # numbers or vectors per partial sum of a weight gradient: short sums lose fewer digits
CACHED = 1 << 15  # numbers of dy (128 KiB) that stay in a core's cache while all weights of a part are done
ITEMS_PER_CORE = 8  # work-items that a core should get at least, so that all end at about the same time


def store_input(x: DeviceArray, s: Conv2dShape) -> DeviceArray:
    """x as `forward` and `backward_weight` read it."""
    return _store(x, input_layout(s))


def forward(
    stored: DeviceArray,
    w: DeviceArray,
    b: DeviceArray | None,
    y: DeviceArray,
    s: Conv2dShape,
    relu: bool = False,
) -> None:
    """y = x convolved with w, plus b, from x as stored; with `relu`, the positive part of it."""
    layout, (down, right), taps = input_layout(s), steps(s), s.R * s.S
    reads = (0, s.C * layout.plane, down, right)
    writes = (0, s.OH * s.OW, s.OW, 1)
    size = (s.C, taps, s.K, s.OH, s.OW, s.N)
    offsets, places = _table(weight_offsets, s), _table(all_places, s)
    _run(stored, w, (s.C * taps, taps), places, offsets, b, relu, y, size, (*reads, *writes), s.C * taps)


def backward_data(dy: DeviceArray, w: DeviceArray, dx: DeviceArray, s: Conv2dShape) -> None:
    """dx: each class of its pixels is a convolution of dy with the taps that reach it."""
    s = s._replace(N=1)  # the tables serve every batch size
    layout, taps = slopes_layout(s), s.R * s.S
    stored = _store(dy, layout)
    for index, each in enumerate(classes_of(s)):
        start = (each.start[0] + layout.pad_top) * layout.pitch + each.start[1] + layout.pad_left
        reads = (start, s.K * layout.plane, layout.pitch, 1)
        writes = (each.first[0] * s.W + each.first[1], s.H * s.W, s.stride_y * s.W, s.stride_x)
        size = (s.K, len(each.taps), s.C, *each.size, dy.shape[0])
        offsets, places = _table(class_offsets, s, index), _table(class_places, s, index)
        weight_steps = (taps, s.C * taps)
        _run(stored, w, weight_steps, places, offsets, None, False, dx, size, (*reads, *writes), s.K * taps)


def _run(
    stored: DeviceArray,
    w: DeviceArray,
    weight_steps: tuple[int, int],
    places: DeviceArray,
    offsets: DeviceArray,
    b: DeviceArray | None,
    relu: bool,
    y: DeviceArray,
    size: tuple[int, ...],
    distances: tuple[int, ...],
    terms_of_filter: int,
) -> None:
    """Pack the weights and launch the kernel whose blocks suit the number of filters.

    `terms_of_filter` counts the whole filter, so that all classes of pixels take the same kernel.
    """
    device = current_device()
    inputs, taps, outputs, OH, OW, images = size
    if suits_filters(outputs, terms_of_filter):
        channels, function = WIDE, "conv2d_blocked_filters"
        items = (-(-outputs // WIDE), -(-OH * OW // (PIXELS * BLOCKS)), images)
    else:
        channels, function = CHANNELS, "conv2d_blocked_pixels"
        items = (-(-OH // ROWS), -(-outputs // CHANNELS), images)
    blocks = -(-outputs // channels)
    packed = empty((max(1, blocks * inputs * taps * channels),))
    if taps:
        run = kernel(device, FILE, "pack_weights")
        sizes = (outputs, inputs, taps, *weight_steps, channels)
        launch(device, run, (inputs, blocks), (1, 1), w, places, packed, *sizes)
    run = kernel(device, FILE, function)
    bias, has_bias = (packed, 0) if b is None else (b, 1)  # an unread buffer must still be one
    args = (packed, offsets, bias, has_bias, int(relu), y, inputs * taps, outputs, OH, OW, *distances)
    launch(device, run, items, ONE, stored, *args)


def backward_weight(
    dy: DeviceArray, stored: DeviceArray, dw: DeviceArray, db: DeviceArray, s: Conv2dShape
) -> None:
    """dw and db, from dy and x as stored: partial sums over some images each, then their sum."""
    taps = s.C * s.R * s.S
    # With few weights per filter, turning dy is not earned back (measured with 9 and 25). With a stride, the
    # other way would need x sorted by it, and x stored for vectors of filters is not.
    if suits_filters(s.K, taps) and (taps >= 36 or s.stride_y > 1 or s.stride_x > 1):
        sums = _sums_of_filters(dy, stored, s, taps)
    else:
        sums = _sums_of_pixels(dy, stored, s, taps)
    device = current_device()
    run = kernel(device, FILE, "sum_weight_parts")
    launch(device, run, (taps + 1, s.K), (16, 1), sums, dw, db, s.K, taps, sums.shape[0])


def _sums_of_filters(dy: DeviceArray, stored: DeviceArray, s: Conv2dShape, taps: int) -> DeviceArray:
    device = current_device()
    blocks = (-(-taps // PIXELS) + 1, -(-s.K // WIDE))
    turned = empty((s.N, blocks[1], s.OH * s.OW, WIDE))
    turn = kernel(device, FILE, "turn_slopes")
    launch(device, turn, (blocks[1], s.N), (1, 1), dy, turned, s.K, s.OH * s.OW)
    enough = -(-ITEMS_PER_CORE * device.compute_units // (blocks[0] * blocks[1]))
    images = max(1, min(s.N // enough, CACHED // (s.OH * s.OW * WIDE)))
    sums = empty((-(-s.N // images), s.K, taps + 1))
    size = (s.N, s.K, s.OH, s.OW, taps, s.C * input_layout(s).plane, *steps(s), images)
    rows = max(1, SHORT_SUM // s.OW)
    run = kernel(device, FILE, "conv2d_backward_weight_filters")
    items = (*blocks, sums.shape[0])
    launch(device, run, items, ONE, turned, stored, _table(weight_offsets, s), sums, *size, rows)
    return sums


def _sums_of_pixels(dy: DeviceArray, stored: DeviceArray, s: Conv2dShape, taps: int) -> DeviceArray:
    device = current_device()
    layout, of_dy = input_layout(s), flat_slopes_layout(s)
    slopes = _store(dy, of_dy)
    length = (s.OH - 1) * layout.pitch + s.OW
    blocks = (-(-taps // TAPS) + 1, -(-s.K // CHANNELS))
    images, pieces, vectors = _parts(s.N, -(-length // LANES), blocks[0] * blocks[1], device.compute_units)
    sums = empty((-(-s.N // images) * pieces, s.K, taps + 1))
    size = (s.N, s.K, length, of_dy.plane, taps, s.C * layout.plane, images, pieces, vectors)
    run = kernel(device, FILE, "conv2d_backward_weight_pixels")
    items = (*blocks, sums.shape[0])
    launch(device, run, items, ONE, slopes, stored, _table(weight_offsets, s), sums, *size)
    return sums


def _parts(images: int, vectors: int, blocks: int, cores: int) -> tuple[int, int, int]:
    """How a weight gradient is divided into partial sums: (images each, pieces per image, vectors each).

    Parts as long as sums stay short, and no more of them than give every core enough work.
    """
    enough = -(-ITEMS_PER_CORE * cores // blocks)
    if vectors <= SHORT_SUM and images >= enough:
        return max(1, min(images // enough, SHORT_SUM // vectors)), 1, vectors
    pieces = max(-(-vectors // SHORT_SUM), min(-(-enough // images), vectors))
    each = -(-vectors // pieces)
    return 1, -(-vectors // each), each


def scratch(s: Conv2dShape, weights: bool) -> int:
    """How many numbers of memory this way needs besides its inputs and outputs, about."""
    planes = s.C * input_layout(s).plane + s.K * slopes_layout(s._replace(N=1)).plane
    sums = s.K * s.C * s.R * s.S * -(-s.N * s.OH * s.OW // (SHORT_SUM * LANES)) if weights else 0
    return s.N * planes + sums


def store_rounds(operation: str, s: Conv2dShape) -> int:
    """How often a work-item of pad_planes goes round its loops, at most, for what `operation` reads."""
    s = s._replace(N=1)
    if operation == "conv2d_backward_data":
        layouts = [slopes_layout(s)]
    elif operation == "conv2d_backward_weight":
        layouts = [input_layout(s), flat_slopes_layout(s)]
    else:
        layouts = [input_layout(s)]
    return max(rounds_of(BAND, layout.pitch + 4 * 2) for layout in layouts)  # four loops in each row


def suits(s: Conv2dShape) -> bool:
    """Is it worth it? Not with large strides: each of stride x stride classes of pixels is a launch."""
    return s.stride_y * s.stride_x <= 16


def _store(x: DeviceArray, layout: Padded) -> DeviceArray:
    device = current_device()
    planes = x.shape[0] * x.shape[1]
    out = empty((planes * layout.plane + LANES,))
    rows = planes * layout.stride_y * layout.stride_x * layout.rows
    run = kernel(device, FILE, "pad_planes")
    launch(device, run, (-(-rows // BAND),), (1,), x, out, layout.H, layout.W, planes, *layout[2:])
    return out


def _table(numbers: Callable[..., tuple[int, ...]], *args: Any) -> DeviceArray:
    """The list of whole numbers numbers(*args), on the device, kept for the next call."""
    device = current_device()
    key = (numbers, *args)
    table = device.tables.get(key)
    if table is None:
        if len(device.tables) >= 1024:
            device.tables.clear()
        values = np.array(numbers(*args) or (0,), np.int32)
        table = device.tables[key] = to_device(values, "table", np.int32)
    return table
