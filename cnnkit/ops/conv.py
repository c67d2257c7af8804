"""Convolution (cross-correlation) and its gradients; kernels in `kernels/conv2d*.cl`, see `variants`."""

from __future__ import annotations

from functools import lru_cache
from types import NoneType
from typing import Any

from ..array import DeviceArray, empty, to_device, zeros
from ..device import Device, current_device
from ..errors import OutOfMemoryError
from ..kernel import kernel, launch
from . import conv_blocked, conv_gemm, conv_implicit, conv_parts, conv_tiled, elementwise
from .arguments import Padding, Pair, expect_shape, rank
from .conv_shape import Conv2dShape, conv2d_shape
from .rounds import check_rounds, rounds_of, too_long
from .variants import choose

# 64 work-items: every known device allows them; one size means one compile per kernel.
LOCAL_3D = (8, 8, 1)


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
    ((top, bottom), (left, right)). `variant` names a kernel, see `cnnkit.ops.variants`; without it the best
    for the device is chosen.

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
    return forward(x, w, b, shape, variant=variant)


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
    dw, db = backward_weight(dy, x, shape, variant)
    return backward_data(dy, w, shape, variant), dw, db


def _variant(operation: str, shape: Conv2dShape, named: str | None) -> str:
    if not isinstance(named, (str, NoneType)):
        return choose(operation, current_device(), 0, named)  # which says what is wrong with it
    device = current_device()
    limits = device.max_allocation_bytes, device.longest_loop
    return _variant_on(device, operation, shape, named, limits)


@lru_cache(maxsize=1024)
def _variant_on(
    device: Device, operation: str, shape: Conv2dShape, named: str | None, limits: tuple[int, int | None]
) -> str:
    """Remembered for each of the device's `limits`, which `choose` reads."""
    weights = operation == "conv2d_backward_weight"
    scratch, rounds = conv_blocked.scratch(shape, weights), _rounds(operation, shape, "blocked")
    chosen = choose(operation, device, shape.multiply_adds, named, scratch, rounds)
    if chosen == "blocked" and named is None and not conv_blocked.suits(shape):
        return "plain"
    # What this device's local memory or work-groups are too small for gives way to plain.
    if chosen == "tiled" and not conv_tiled.fits(shape, device):
        return "plain"
    if chosen == "implicit_gemm" and not conv_implicit.fits(device):
        return "plain"
    if chosen not in ("plain", "blocked"):  # which are looked at by `_check_plain` and `choose`
        check_rounds(device, _rounds(operation, shape, chosen), f"The {chosen} kernel of {operation}")
    return chosen


def _rounds(operation: str, shape: Conv2dShape, variant: str) -> int:
    """How often a work-item goes round its loops, at most, in any of this variant's kernels."""
    forward, weights = operation == "conv2d_forward", operation == "conv2d_backward_weight"
    sizes = (shape.N, shape.OH, shape.OW) if weights else (shape.C if forward else shape.K, shape.R, shape.S)
    terms = rounds_of(*sizes)
    if variant == "plain":
        return terms
    if variant == "gemm":
        return terms if operation == "conv2d_backward_data" else max(terms, conv_gemm.im2col_rounds(shape))
    if variant == "blocked":
        blocks = 1 if weights else (shape.OW if forward else shape.W) // 8 + 16
        return max(2 * terms * blocks, conv_blocked.store_rounds(operation, shape))
    return 2 * terms  # tiles are fetched, too


def _check_plain(device: Device, operation: str, shape: Conv2dShape) -> None:
    check_rounds(device, _rounds(operation, shape, "plain"), operation)


# The parts by themselves, for layers: arguments as the functions above have checked them. `stored` is
# what `store_input` gave, so that the forward pass and the weight gradient can share it.


def store_input(x: DeviceArray, shape: Conv2dShape, variant: str | None = None) -> DeviceArray | None:
    """x in the layout that the forward pass and the weight gradient read, if that is another than x's."""
    if not x.size or _variant("conv2d_forward", shape, variant) != "blocked":
        return None
    try:
        return conv_blocked.store_input(x, shape)
    except OutOfMemoryError:
        return None  # `forward` then takes the plain kernel


def forward(
    x: DeviceArray,
    w: DeviceArray,
    b: DeviceArray | None,
    shape: Conv2dShape,
    *,
    relu: bool = False,
    stored: DeviceArray | None = None,
    variant: str | None = None,
) -> DeviceArray:
    """y alone; with `relu`, its positive part, in the same pass where the variant can."""
    y = empty((shape.N, shape.K, shape.OH, shape.OW))
    if not y.size:
        return y
    chosen = _variant("conv2d_forward", shape, variant)
    if chosen == "blocked":
        try:
            stored = conv_blocked.store_input(x, shape) if stored is None else stored
            conv_blocked.forward(stored, w, b, y, shape, relu)
            return y
        except OutOfMemoryError:  # the plain kernel needs no scratch memory
            if variant is not None:
                raise
            chosen = "plain"
    if chosen == "gemm":
        conv_gemm.forward(x, w, b, y, shape)
    elif chosen == "tiled":
        conv_tiled.forward(x, w, b, y, shape)
    elif chosen == "implicit_gemm":
        conv_implicit.forward(x, w, b, y, shape)
    else:
        bias, has_bias = (w, 0) if b is None else (b, 1)  # an unread buffer must still be one
        device = current_device()
        _check_plain(device, "conv2d_forward", shape)
        run = kernel(device, "conv2d", "conv2d_forward_plain")
        items = (shape.OW, shape.OH, shape.N * shape.K)
        launch(device, run, items, LOCAL_3D, x, w, bias, has_bias, y, *shape)
    return elementwise.relu(y) if relu else y


def backward_data(
    dy: DeviceArray, w: DeviceArray, shape: Conv2dShape, variant: str | None = None
) -> DeviceArray:
    """dx alone."""
    dx = empty((shape.N, shape.C, shape.H, shape.W))
    if not dx.size:
        return dx
    chosen = _variant("conv2d_backward_data", shape, variant)
    if chosen == "blocked":
        try:
            conv_blocked.backward_data(dy, w, dx, shape)
            return dx
        except OutOfMemoryError:  # the plain kernel needs no scratch memory
            if variant is not None:
                raise
            chosen = "plain"
    if chosen == "gemm":
        conv_gemm.backward_data(dy, w, dx, shape)
    elif chosen == "implicit_gemm":
        conv_implicit.backward_data(dy, w, dx, shape)
    else:
        device = current_device()
        _check_plain(device, "conv2d_backward_data", shape)
        run = kernel(device, "conv2d", "conv2d_backward_data_plain")
        launch(device, run, (shape.W, shape.H, shape.N * shape.C), LOCAL_3D, dy, w, dx, *shape)
    return dx


def backward_weight(
    dy: DeviceArray,
    x: DeviceArray,
    shape: Conv2dShape,
    variant: str | None = None,
    *,
    stored: DeviceArray | None = None,
    out: tuple[DeviceArray | None, DeviceArray | None] = (None, None),
) -> tuple[DeviceArray, DeviceArray]:
    """dw and db alone, written to `out` where it is given."""
    if not shape.N:
        return zeros((shape.K, shape.C, shape.R, shape.S)), zeros((shape.K,))
    dw = empty((shape.K, shape.C, shape.R, shape.S)) if out[0] is None else out[0]
    db = empty((shape.K,)) if out[1] is None else out[1]
    device = current_device()
    chosen = _variant("conv2d_backward_weight", shape, variant)
    if chosen == "blocked":
        try:
            stored = conv_blocked.store_input(x, shape) if stored is None else stored
            conv_blocked.backward_weight(dy, stored, dw, db, shape)
            return dw, db
        except OutOfMemoryError:  # the plain kernel needs no scratch memory
            if variant is not None:
                raise
            chosen = "plain"
    if chosen == "plain" and too_long(device, _rounds("conv2d_backward_weight", shape, "plain")):
        pieces = conv_parts.parts(shape, device.longest_loop or 0)
        if pieces:
            conv_parts.backward_weight(_plain_backward_weight, dy, x, dw, db, shape, pieces)
            return dw, db
    _check_plain(device, "conv2d_backward_weight", shape)  # the bias's kernel goes round as often
    if chosen == "implicit_gemm":
        try:
            conv_implicit.backward_weight(dy, x, dw, shape)
        except OutOfMemoryError:  # the plain kernel needs no scratch memory
            if variant is not None:
                raise
            chosen = "plain"
    if chosen == "plain":
        _plain_backward_weight(dy, x, dw, db, shape)
        return dw, db
    if chosen == "gemm":
        conv_gemm.backward_weight(dy, x, dw, shape)
    _backward_bias(dy, db, shape)
    return dw, db


def _plain_backward_weight(
    dy: DeviceArray, x: DeviceArray, dw: DeviceArray, db: DeviceArray, shape: Conv2dShape
) -> None:
    device = current_device()
    run = kernel(device, "conv2d", "conv2d_backward_weight_plain")
    launch(device, run, (shape.S, shape.R, shape.K * shape.C), (1, 1, 8), dy, x, dw, *shape)
    _backward_bias(dy, db, shape)


def _backward_bias(dy: DeviceArray, db: DeviceArray, shape: Conv2dShape) -> None:
    device = current_device()
    run = kernel(device, "conv2d", "conv2d_backward_bias_plain")
    launch(device, run, (shape.K,), (8,), dy, db, shape.N, shape.K, shape.OH * shape.OW)
