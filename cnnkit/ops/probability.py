"""Scores into probabilities, row by row; kernels in `kernels/softmax.cl`."""

from __future__ import annotations

from typing import Any

from ..array import DeviceArray, empty, to_device
from ..device import current_device
from ..errors import ShapeError
from ..kernel import kernel, launch
from .arguments import rank, same_shape
from .rounds import check_rounds, rounds_of

LOCAL_ROWS = (8,)  # a row is a whole loop of work: small groups keep every core busy on small batches


def _run(function: str, *inputs: DeviceArray) -> DeviceArray:
    device = current_device()
    rows, columns = inputs[0].shape
    out = empty((rows, columns))
    if out.size:
        check_rounds(device, 3 * rounds_of(columns), f"A row of {columns:,} scores")  # three loops at most
        launch(device, kernel(device, "softmax", function), (rows,), LOCAL_ROWS, *inputs, out, rows, columns)
    return out


def _forward(function: str, x: Any) -> DeviceArray:
    x = to_device(x, "x")
    rank(x, "x", "(N, classes)")
    if not x.shape[1]:
        raise ShapeError(f"x has shape {tuple(x.shape)}: there must be at least 1 class.")
    return _run(function, x)


def _backward(function: str, dy: Any, y: Any) -> DeviceArray:
    dy, y = to_device(dy, "dy"), to_device(y, "y")
    rank(y, "y", "(N, classes)")
    same_shape(dy, "dy", y, "y")
    return _run(function, dy, y)


def softmax(x: Any) -> DeviceArray:
    """e^x over the sum of e^x in each row of (N, classes): positive numbers that add up to 1."""
    return _forward("softmax_forward", x)


def softmax_backward(dy: Any, y: Any) -> DeviceArray:
    """dx from the OUTPUT y of softmax: y * (dy - the row's sum of dy * y)."""
    return _backward("softmax_backward", dy, y)


def log_softmax(x: Any) -> DeviceArray:
    """The logarithm of softmax, computed so that it stays finite where softmax rounds to 0."""
    return _forward("log_softmax_forward", x)


def log_softmax_backward(dy: Any, y: Any) -> DeviceArray:
    """dx from the OUTPUT y of log_softmax: dy - e^y * the row's sum of dy."""
    return _backward("log_softmax_backward", dy, y)
