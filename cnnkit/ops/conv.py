"""Convolution (cross-correlation) and its gradients; kernels in `kernels/conv2d.cl`."""

from __future__ import annotations

from typing import Any

from ..array import DeviceArray, empty, to_device, zeros
from ..device import current_device
from ..kernel import kernel, launch
from . import conv_gemm
from .arguments import Padding, Pair, expect_shape, rank
from .conv_shape import Conv2dShape, conv2d_shape
from .variants import choose

LOCAL_3D = (8, 8, 1)  # 64 work-items: allowed everywhere, and one size means one compile per kernel


def conv2d(
    x: Any,
    w: Any,
    b: Any = None,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
    *,
    variant: str | None = None,
) -> DeviceArray:
    """Slide every filter over every image; at each place, the dot product of filter and patch plus bias.

    Args: `x` (N, C, H, W); `w` (K, C, R, S), K filters as deep as the input; `b` (K,) or None. `stride`
    and `dilation` int or (vertical, horizontal). `padding` int, pair, "same", "valid" or
    ((top, bottom), (left, right)). `variant` is "plain" (`kernels/conv2d.cl`) or "gemm"
    (`kernels/im2col.cl` and `kernels/matmul.cl`); without it the best for the device is chosen.

    Returns (N, K, OH, OW) with OH = floor((H + top + bottom - dilation*(R - 1) - 1) / stride) + 1, and OW
    likewise; with padding="same", OH = ceil(H / stride).

    Raises ShapeError for a wrong rank, unequal channels, a stride or dilation below 1, or a kernel larger
    than the padded input.
    """
    x, w = to_device(x, "x"), to_device(w, "w")
    rank(x, "x", "(N, C, H, W)")
    rank(w, "w", "(K, C, R, S)")
    shape = conv2d_shape(x.shape, w.shape, stride, padding, dilation)
    if b is not None:
        b = to_device(b, "b")
        expect_shape(b, "b", (shape.K,), f"one bias for each of the {shape.K} filters")
    device = current_device()
    y = empty((shape.N, shape.K, shape.OH, shape.OW))
    if y.size and _variant("conv2d_forward", shape, variant) == "gemm":
        conv_gemm.forward(x, w, b, y, shape)
    elif y.size:
        run = kernel(device, "conv2d", "conv2d_forward_plain")
        bias = b if b is not None else w  # any buffer: has_bias = 0 keeps it unread
        items = (shape.OW, shape.OH, shape.N * shape.K)
        launch(device, run, items, LOCAL_3D, x, w, bias, int(b is not None), y, *shape)
    return y


def conv2d_backward(
    dy: Any,
    x: Any,
    w: Any,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
    *,
    variant: str | None = None,
) -> tuple[DeviceArray, DeviceArray, DeviceArray]:
    """The gradients (dx, dw, db) of a loss, given its gradient `dy` (N, K, OH, OW) at conv2d's output.

    The other arguments are those of the forward call. dx has x's shape, dw has w's, db is (K,).
    """
    dy, x, w = to_device(dy, "dy"), to_device(x, "x"), to_device(w, "w")
    rank(x, "x", "(N, C, H, W)")
    rank(w, "w", "(K, C, R, S)")
    shape = conv2d_shape(x.shape, w.shape, stride, padding, dilation)
    expect_shape(dy, "dy", (shape.N, shape.K, shape.OH, shape.OW), "the shape of conv2d's output")
    return (
        backward_data(dy, w, shape, variant),
        backward_weight(dy, x, shape, variant),
        backward_bias(dy),
    )


def _variant(operation: str, shape: Conv2dShape, named: str | None) -> str:
    scratch = conv_gemm.scratch(shape, operation == "conv2d_backward_weight")
    return choose(operation, current_device(), shape.multiply_adds, named, scratch)


def backward_data(
    dy: DeviceArray, w: DeviceArray, shape: Conv2dShape, variant: str | None = None
) -> DeviceArray:
    """dx alone; arguments as checked by `conv2d_backward`."""
    device = current_device()
    dx = empty((shape.N, shape.C, shape.H, shape.W))
    if dx.size and _variant("conv2d_backward_data", shape, variant) == "gemm":
        conv_gemm.backward_data(dy, w, dx, shape)
    elif dx.size:
        run = kernel(device, "conv2d", "conv2d_backward_data_plain")
        launch(device, run, (shape.W, shape.H, shape.N * shape.C), LOCAL_3D, dy, w, dx, *shape)
    return dx


def backward_weight(
    dy: DeviceArray, x: DeviceArray, shape: Conv2dShape, variant: str | None = None
) -> DeviceArray:
    """dw alone; arguments as checked by `conv2d_backward`."""
    device = current_device()
    if not shape.N:
        return zeros((shape.K, shape.C, shape.R, shape.S))
    dw = empty((shape.K, shape.C, shape.R, shape.S))
    if _variant("conv2d_backward_weight", shape, variant) == "gemm":
        conv_gemm.backward_weight(dy, x, dw, shape)
        return dw
    run = kernel(device, "conv2d", "conv2d_backward_weight_plain")
    launch(device, run, (shape.S, shape.R, shape.K * shape.C), (1, 1, 8), dy, x, dw, *shape)
    return dw


def backward_bias(dy: DeviceArray) -> DeviceArray:
    """db alone: the sum of dy over images and pixels."""
    device = current_device()
    N, K, OH, OW = dy.shape
    if not N:
        return zeros((K,))
    db = empty((K,))
    run = kernel(device, "conv2d", "conv2d_backward_bias_plain")
    launch(device, run, (K,), (8,), dy, db, N, K, OH * OW)
    return db
