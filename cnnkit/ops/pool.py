"""Max and average pooling and their gradients; kernels in `kernels/pool2d.cl`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import DeviceArray, empty, to_device
from ..device import current_device
from ..errors import ShapeError
from ..kernel import kernel, launch
from .arguments import Pair, expect_shape, flag, output_size, pair, rank, shape_tuple
from .conv import LOCAL_3D
from .elementwise import relu_backward
from .rounds import check_rounds, rounds_of
from .variants import choose


def pool2d_shape(
    x_shape: tuple[int, ...], kernel_size: Pair, stride: Pair | None, padding: Pair
) -> tuple[int, ...]:
    """Check a pooling's shapes; all that its kernels need, in the order of POOL2D_SHAPE."""
    x_shape = shape_tuple(x_shape, "The input's shape")
    if len(x_shape) != 4:
        raise ShapeError(f"The input's shape must be (N, C, H, W), and it is {tuple(x_shape)}.")
    N, C, H, W = x_shape
    window = pair(kernel_size, "kernel_size")
    strides = window if stride is None else pair(stride, "stride")
    pads = pair(padding, "padding", 0)
    if 0 in (C, H, W):
        raise ShapeError(f"pooling: only the batch may be empty, and x has shape {tuple(x_shape)}.")
    if pads[0] >= window[0] or pads[1] >= window[1]:
        raise ShapeError(
            f"pooling: padding {pads} must be below kernel_size {window} in both directions: "
            "a window that lies in the padding altogether would have nothing to pool."
        )
    sides = ((pads[0], pads[0]), (pads[1], pads[1]))
    OH, OW = output_size("pooling", (H, W), window, strides, sides)
    return (N * C, H, W, OH, OW, *window, *strides, *pads)


def max_pool2d(
    x: Any,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    *,
    return_indices: bool = False,
    variant: str | None = None,
) -> Any:
    """The largest value of each window: (N, C, H, W) to (N, C, OH, OW).

    `stride` defaults to `kernel_size`; `padding` counts as minus infinity and must be below the kernel
    size. OH = floor((H + 2*padding - kernel_size) / stride) + 1. NaN wins over every number. With
    `return_indices`, also the winners' places iy*W + ix, int32: of equal values the first in reading
    order wins. `variant` names a kernel of `kernels/pool2d.cl`, "plain" or "blocked".
    """
    x = to_device(x, "x")
    rank(x, "x", "(N, C, H, W)")
    shape = pool2d_shape(x.shape, kernel_size, stride, padding)
    device = current_device()
    out_shape = (*x.shape[:2], shape[3], shape[4])
    y, winners = empty(out_shape), empty(out_shape, np.int32)
    if y.size:
        rounds = 2 * rounds_of(*shape[3:7])  # twice, here and below: some short loops are not counted
        chosen = choose("max_pool2d_forward", device, x.size, variant, rounds=rounds)
        run = kernel(device, "pool2d", f"max_pool2d_forward_{chosen}")
        if chosen == "blocked":
            launch(device, run, shape[:1], (1,), x, y, winners, *shape)
        else:
            check_rounds(device, rounds_of(*shape[5:7]), "max_pool2d")
            launch(device, run, (shape[4], shape[3], shape[0]), LOCAL_3D, x, y, winners, *shape)
    return (y, winners) if flag(return_indices, "return_indices") else y


def max_pool2d_backward(
    dy: Any,
    x: Any,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    *,
    indices: Any = None,
    variant: str | None = None,
) -> DeviceArray:
    """dx of max pooling: each window's gradient goes to its winner, and a pixel that won several adds them.

    `indices` are those of the forward pass; without them the winners are found anew from `x`.
    """
    x = to_device(x, "x")
    if indices is None:
        _, indices = max_pool2d(x, kernel_size, stride, padding, return_indices=True)
    dy = to_device(dy, "dy")
    indices = to_device(indices, "indices", np.int32)
    return route_to_winners(dy, indices, x.shape, kernel_size, stride, padding, variant=variant)


def route_to_winners(
    dy: DeviceArray,
    indices: DeviceArray,
    x_shape: tuple[int, ...],
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    *,
    positive: DeviceArray | None = None,
    variant: str | None = None,
) -> DeviceArray:
    """dx of max pooling from the winners' places and the input's shape alone.

    With `positive`, the pooling's output, it is the gradient before a ReLU that stands in front of the
    pooling: nothing where that output is 0. (The largest of the positive parts is the positive part of
    the largest, so the ReLU's gradient can be decided here, where there are fewer numbers.)
    """
    shape = pool2d_shape(x_shape, kernel_size, stride, padding)
    expected = (*x_shape[:2], shape[3], shape[4])
    expect_shape(dy, "dy", expected, "the shape of max_pool2d's output")
    expect_shape(indices, "indices", expected, "the shape of max_pool2d's output")
    device = current_device()
    dx = empty(tuple(x_shape))
    if dx.size:
        rounds = 2 * (rounds_of(shape[1] * shape[2]) + rounds_of(-(-shape[3] * shape[4] // 4), 4))
        chosen = choose("max_pool2d_backward", device, dx.size, variant, rounds=rounds)
        run = kernel(device, "pool2d", f"max_pool2d_backward_{chosen}")
        if chosen == "blocked":
            y, relu = (dy, 0) if positive is None else (positive, 1)  # an unread buffer must still be one
            launch(device, run, shape[:1], (1,), dy, indices, y, relu, dx, *shape)
        else:
            if positive is not None:
                dy = relu_backward(dy, positive)
            check_rounds(device, _windows(shape), "max_pool2d_backward")
            launch(device, run, (shape[2], shape[1], shape[0]), LOCAL_3D, dy, indices, dx, *shape)
    return dx


def avg_pool2d(
    x: Any, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0, count_include_pad: bool = True
) -> DeviceArray:
    """The mean of each window: (N, C, H, W) to (N, C, OH, OW), sizes as in `max_pool2d`.

    `count_include_pad` says whether padding cells (zeros) count in the number that is divided by.
    """
    x = to_device(x, "x")
    rank(x, "x", "(N, C, H, W)")
    shape = pool2d_shape(x.shape, kernel_size, stride, padding)
    counted = int(flag(count_include_pad, "count_include_pad"))
    device = current_device()
    y = empty((*x.shape[:2], shape[3], shape[4]))
    if y.size:
        check_rounds(device, rounds_of(*shape[5:7]), "avg_pool2d")
        run = kernel(device, "pool2d", "avg_pool2d_forward_plain")
        items = (shape[4], shape[3], shape[0])
        launch(device, run, items, LOCAL_3D, x, y, counted, *shape)
    return y


def avg_pool2d_backward(
    dy: Any,
    x_shape: tuple[int, ...],
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    count_include_pad: bool = True,
) -> DeviceArray:
    """dx (of shape `x_shape`) of average pooling: each window shares its gradient among its cells."""
    dy = to_device(dy, "dy")
    shape = pool2d_shape(x_shape, kernel_size, stride, padding)
    expect_shape(dy, "dy", (*x_shape[:2], shape[3], shape[4]), "the shape of avg_pool2d's output")
    counted = int(flag(count_include_pad, "count_include_pad"))
    device = current_device()
    dx = empty(tuple(x_shape))
    if dx.size:
        check_rounds(device, _windows(shape), "avg_pool2d_backward")
        run = kernel(device, "pool2d", "avg_pool2d_backward_plain")
        items = (shape[2], shape[1], shape[0])
        launch(device, run, items, LOCAL_3D, dy, dx, counted, *shape)
    return dx


def _windows(shape: tuple[int, ...]) -> int:
    """How often a pixel's work-item goes round, at most, to find the windows that it lies in."""
    return rounds_of(min(shape[3], shape[5]), min(shape[4], shape[6]))
