"""Activations and dropout: each number on its own; kernels in `kernels/activation.cl`.

relu and leaky_relu go back by their input x, tanh and sigmoid by their output y.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from ..array import DeviceArray, empty, to_device
from ..device import Device, current_device
from ..errors import ShapeError, shown
from ..kernel import kernel, launch
from .arguments import number, same_shape, whole

LOCAL_1D = (64,)


def run_each(device: Device, file: str, function: str, n: int, *args: Any) -> None:
    """Launch a kernel that does something for EACH of n elements, on work-items as the device likes them."""
    run = kernel(device, file, function)
    if device.chunk > 1:
        launch(device, run, (-(-n // device.chunk),), (1,), *args)
    else:
        launch(device, run, (n,), LOCAL_1D, *args)


def _run(function: str, inputs: tuple[DeviceArray, ...], *scalars: Any) -> DeviceArray:
    device = current_device()
    out = empty(inputs[0].shape)
    if out.size:
        run_each(device, "activation", function, out.size, *inputs, out, out.size, *scalars)
    return out


def _forward(function: str, x: Any, *scalars: Any) -> DeviceArray:
    return _run(function, (to_device(x, "x"),), *scalars)


def _backward(function: str, dy: Any, other: Any, name: str, *scalars: Any) -> DeviceArray:
    dy, other = to_device(dy, "dy"), to_device(other, name)
    same_shape(dy, "dy", other, name)
    return _run(function, (dy, other), *scalars)


def relu(x: Any) -> DeviceArray:
    """max(0, x) for each number; any shape. NaN stays NaN."""
    return _forward("relu_forward", x)


def relu_backward(dy: Any, x: Any) -> DeviceArray:
    """dx = dy where x > 0, else 0."""
    return _backward("relu_backward", dy, x, "x")


def leaky_relu(x: Any, slope: float = 0.01) -> DeviceArray:
    """x where x > 0, else slope * x; any shape."""
    return _forward("leaky_relu_forward", x, number(slope, "slope"))


def leaky_relu_backward(dy: Any, x: Any, slope: float = 0.01) -> DeviceArray:
    """dx = dy where x > 0, else slope * dy."""
    return _backward("leaky_relu_backward", dy, x, "x", number(slope, "slope"))


def tanh(x: Any) -> DeviceArray:
    """The hyperbolic tangent, between -1 and 1; any shape."""
    return _forward("tanh_forward", x)


def tanh_backward(dy: Any, y: Any) -> DeviceArray:
    """dx = dy * (1 - y^2), from the OUTPUT y of tanh."""
    return _backward("tanh_backward", dy, y, "y")


def sigmoid(x: Any) -> DeviceArray:
    """1 / (1 + e^-x), between 0 and 1; any shape."""
    return _forward("sigmoid_forward", x)


def sigmoid_backward(dy: Any, y: Any) -> DeviceArray:
    """dx = dy * y * (1 - y), from the OUTPUT y of sigmoid."""
    return _backward("sigmoid_backward", dy, y, "y")


def dropout(x: Any, p: float, seed: int) -> DeviceArray:
    """Set each number to 0 with probability `p` (0 <= p < 1), and scale the others by 1 / (1 - p).

    The same `seed` (any int, taken modulo 2**32) drops the same places. Srivastava et al. 2014, in the
    "inverted" form that leaves prediction untouched.
    """
    return _forward("dropout", x, probability(p), _seed(seed))


def dropout_backward(dy: Any, p: float, seed: int) -> DeviceArray:
    """dx: dy with the same places dropped and the same scale, for the `p` and `seed` of the forward pass."""
    return _run("dropout", (to_device(dy, "dy"),), probability(p), _seed(seed))


def probability(p: Any) -> float:
    """A share that is dropped, below 1 also when it is rounded to float32."""
    if not (isinstance(p, Real) and 0 <= p < 1) or np.float32(p) == 1:  # type: ignore[operator]
        raise ShapeError(f"p is the share that is dropped: 0 <= p < 1, and it is {shown(p)}.")
    return float(p)


def _seed(seed: Any) -> np.uint32:
    return np.uint32(whole(seed, "seed") % 2**32)
