"""Matrix products and the dense (fully connected) layer; kernels in `kernels/matmul.cl`."""

from __future__ import annotations

import math
from typing import Any

from ..array import DeviceArray, empty, reshaped, to_device, zeros
from ..device import current_device
from ..errors import OutOfMemoryError, ShapeError
from ..kernel import kernel, launch
from . import blocked
from .arguments import expect_shape, flag, rank, shape_tuple
from .rounds import check_rounds, rounds_of
from .variants import choose

RUN = 32  # as in matmul.cl
LOCAL_2D = (16, 4)


def matmul(
    a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, *, variant: str | None = None
) -> DeviceArray:
    """The matrix product a b, of (rows, inner) and (inner, columns): (rows, columns).

    With `transpose_a` or `transpose_b` that matrix is read as its transpose, without moving it. `variant`
    names a kernel of `kernels/matmul.cl`, "plain" or "blocked".
    """
    a, b = to_device(a, "a"), to_device(b, "b")
    rank(a, "a", "(rows, inner)")
    rank(b, "b", "(inner, columns)")
    turned = flag(transpose_a, "transpose_a"), flag(transpose_b, "transpose_b")
    return product(a, b, *turned, variant=variant)


def matmul_backward(dy: Any, a: Any, b: Any) -> tuple[DeviceArray, DeviceArray]:
    """(da, db) of matmul(a, b): da = dy b^T, db = a^T dy."""
    dy, a, b = to_device(dy, "dy"), to_device(a, "a"), to_device(b, "b")
    rank(a, "a", "(rows, inner)")
    rank(b, "b", "(inner, columns)")
    expect_shape(dy, "dy", (a.shape[0], b.shape[1]), "the shape of a b")
    return product(dy, b, transpose_b=True), product(a, dy, transpose_a=True)


def linear(x: Any, w: Any, b: Any = None, *, variant: str | None = None) -> DeviceArray:
    """A dense layer: y = x w^T + b.

    Args: `x` (N, in_features); `w` (out_features, in_features), one row of weights per neuron; `b`
    (out_features,) or None; `variant` as in `matmul`. Returns (N, out_features).
    """
    x, w = to_device(x, "x"), to_device(w, "w")
    _check_linear(x, w)
    if b is not None:
        b = to_device(b, "b")
        expect_shape(b, "b", (w.shape[0],), f"one bias for each of the {w.shape[0]} neurons")
    return product(x, w, transpose_b=True, bias=b, variant=variant)


def linear_backward(dy: Any, x: Any, w: Any) -> tuple[DeviceArray, DeviceArray, DeviceArray]:
    """(dx, dw, db) of `linear`: dx = dy w, dw = dy^T x, db = the sum of dy over the batch."""
    dy, x, w = to_device(dy, "dy"), to_device(x, "x"), to_device(w, "w")
    _check_linear(x, w)
    expect_shape(dy, "dy", (x.shape[0], w.shape[0]), "the shape of linear's output")
    return product(dy, w), product(dy, x, transpose_a=True), column_sum(dy)


def column_sum(a: DeviceArray, out: DeviceArray | None = None) -> DeviceArray:
    """The sum of each column of a (rows, columns) device array, written to `out` if given."""
    device = current_device()
    rows, columns = a.shape
    if not rows:
        return zeros((columns,))
    out = empty((columns,)) if out is None else out
    if a.size:
        check_rounds(device, rounds_of(-(-rows // RUN), RUN), f"A sum of {rows:,} rows")
        run = kernel(device, "matmul", "column_sum_plain")
        launch(device, run, (columns,), (8,), a, out, rows, columns)
    return out


def flatten(x: Any) -> DeviceArray:
    """Each image of (N, ...) as one row of (N, everything else): nothing moves, the shape alone changes."""
    x = to_device(x, "x")
    if len(x.shape) < 2:
        raise ShapeError(f"flatten needs a batch (N, ...), and x has shape {tuple(x.shape)}.")
    return reshaped(x, (x.shape[0], math.prod(x.shape[1:])))


def flatten_backward(dy: Any, x_shape: tuple[int, ...]) -> DeviceArray:
    """dy in the shape `x_shape` that flatten was given."""
    dy, x_shape = to_device(dy, "dy"), shape_tuple(x_shape, "x_shape")
    if len(x_shape) < 2:
        raise ShapeError(f"x_shape must be that of a batch (N, ...), and it is {x_shape}.")
    if dy.size != math.prod(x_shape):
        raise ShapeError(
            f"dy has {dy.size} numbers and x_shape {x_shape} asks for {math.prod(x_shape)}: "
            "flatten keeps their number."
        )
    expect_shape(dy, "dy", (x_shape[0], math.prod(x_shape[1:])), "the shape of flatten's output")
    return reshaped(dy, x_shape)


def _check_linear(x: DeviceArray, w: DeviceArray) -> None:
    rank(x, "x", "(N, in_features)")
    rank(w, "w", "(out_features, in_features)")
    if x.shape[1] != w.shape[1]:
        raise ShapeError(
            f"linear: the input has {x.shape[1]} features and the weights expect {w.shape[1]}: "
            f"w must have shape ({w.shape[0]}, {x.shape[1]})."
        )


def product(
    a: DeviceArray,
    b: DeviceArray,
    transpose_a: bool = False,
    transpose_b: bool = False,
    bias: DeviceArray | None = None,
    variant: str | None = None,
    out: DeviceArray | None = None,
) -> DeviceArray:
    """a b plus `bias`, arguments as `matmul` has checked them; written to `out` if given."""
    rows, inner = (a.shape[1], a.shape[0]) if transpose_a else a.shape
    b_inner, columns = (b.shape[1], b.shape[0]) if transpose_b else b.shape
    if inner != b_inner:
        raise ShapeError(
            f"matmul: the first matrix is {rows} x {inner} and the second {b_inner} x {columns}: "
            f"the inner sizes {inner} and {b_inner} must be equal."
        )
    if not inner:
        out = zeros((rows, columns))
    elif out is None:
        out = empty((rows, columns))
    if not out.size or (not inner and bias is None):
        return out
    device = current_device()
    a_steps = (1, a.shape[1]) if transpose_a else (a.shape[1], 1)
    b_steps = (1, b.shape[1]) if transpose_b else (b.shape[1], 1)
    check_rounds(device, rounds_of(-(-inner // RUN), RUN), "A matrix product")
    if inner and choose("matmul", device, rows * columns * inner, variant) == "blocked":
        try:
            packed = blocked.pack(b, inner, columns, *b_steps)
            blocked.product(a, packed, out, (rows, columns, inner), a_steps, bias=bias)
            return out
        except OutOfMemoryError:  # the plain kernel needs no room for a packed copy
            if variant is not None:
                raise
    run = kernel(device, "matmul", "matmul_plain")
    # An unread buffer must still be one: any will do where there is no bias, or nothing to multiply.
    first, second = (a, b) if inner else (out, out)
    bias_or_any, has_bias = (out, 0) if bias is None else (bias, 1)
    args = (has_bias, out, rows, columns, inner, *a_steps, *b_steps)
    launch(device, run, (columns, rows), LOCAL_2D, first, second, bias_or_any, *args)
    return out
