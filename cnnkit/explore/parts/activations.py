"""The activation functions by name: their formulas, and value and derivative by cnnkit's operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import cnnkit
from cnnkit import ops

from .words import number, signed

REACH = 5.0  # curves and histograms reach from -REACH to REACH
BIN = 0.5  # width of a bin of the histogram
FLAT = 0.05  # a derivative below this lets hardly any gradient through


@dataclass(frozen=True)
class Activation:
    """One function: `value(x, slope)` and `backward(dy, x, y, slope)` on arrays of any shape.

    formula, derivative: as a person writes them, with {slope} where the slope stands. at: the formula with
    the number filled in, from (x, slope) as texts.
    """

    label: str
    formula: str
    derivative: str
    value: Callable[[Any, float], Any]
    backward: Callable[[Any, Any, Any, float], Any]
    at: Callable[[float, float], str]

    def both(self, x: np.ndarray, slope: float) -> tuple[np.ndarray, np.ndarray]:
        """f(x) and f'(x), each float32 of x's shape; f' is the backward pass of upstream ones."""
        x = np.asarray(x, dtype=np.float32)
        y = self.value(x, slope)
        dx = self.backward(np.ones_like(x), x, y, slope)
        return _array(y), _array(dx)


def _array(values: Any) -> np.ndarray:
    return values.get() if hasattr(values, "get") else np.asarray(values)


FUNCTIONS = {
    "relu": Activation(
        "ReLU",
        "f(x) = max(0, x)",
        "f′(x) = 1 above 0, else 0",
        lambda x, slope: cnnkit.relu(x),
        lambda dy, x, y, slope: ops.relu_backward(dy, x),
        lambda x, slope: f"max(0, {number(x)})",
    ),
    "leaky relu": Activation(
        "leaky ReLU",
        "f(x) = x above 0, else {slope}·x",
        "f′(x) = 1 above 0, else {slope}",
        ops.leaky_relu,
        lambda dy, x, y, slope: ops.leaky_relu_backward(dy, x, slope),
        lambda x, slope: number(x) if x > 0 else f"{number(slope)}·{signed(x)}",
    ),
    "tanh": Activation(
        "tanh",
        "f(x) = tanh x",
        "f′(x) = 1 − f(x)²",
        lambda x, slope: ops.tanh(x),
        lambda dy, x, y, slope: ops.tanh_backward(dy, y),
        lambda x, slope: f"tanh {signed(x)}",
    ),
    "sigmoid": Activation(
        "sigmoid",
        "f(x) = 1 / (1 + e⁻ˣ)",
        "f′(x) = f(x)·(1 − f(x))",
        lambda x, slope: ops.sigmoid(x),
        lambda dy, x, y, slope: ops.sigmoid_backward(dy, y),
        lambda x, slope: f"1 / (1 + e^{signed(-x)})",
    ),
    "identity": Activation(
        "identity",
        "f(x) = x",
        "f′(x) = 1",
        lambda x, slope: np.array(x, copy=True),
        lambda dy, x, y, slope: dy,
        lambda x, slope: number(x),
    ),
}


@dataclass(frozen=True)
class Twice:
    """One layer (filter, gain, bias) put in twice, with a function between, beside the one filter for both.

    two: (H, W) float32, the second layer's output without a function after it; one: what the single larger
    filter of `size` gives, without any function; scale: how large the numbers are that were added up, which
    is what rounding goes by; share: of the pixels in which they differ.
    """

    two: np.ndarray
    one: np.ndarray
    size: int
    scale: float

    @property
    def differs(self) -> np.ndarray:
        """Where they differ by more than float32 rounding, (H, W)."""
        return np.abs(self.two - self.one) > 1e-5 * self.scale

    @property
    def share(self) -> float:
        return float(self.differs.mean())


def layer(image: np.ndarray, weights: np.ndarray, gain: float, bias: float) -> np.ndarray:
    """gain times the filtered image (H, W), plus bias; "valid" windows alone."""
    w = (np.float32(gain) * weights)[None, None]
    b = np.array([bias], dtype=np.float32)
    return cnnkit.conv2d(image[None, None], w, b).get()[0, 0]


def put_in_twice(
    image: np.ndarray, between: np.ndarray, weights: np.ndarray, gain: float, bias: float
) -> Twice:
    """`layer` of `between`, which is the function of `layer` of `image`, all with the same settings.

    Two correlations in a row are one, with the filters convolved: here the filter with itself, which is
    its correlation with its own mirror image.
    """
    k = len(weights)
    mirror = np.ascontiguousarray(weights[::-1, ::-1])
    merged = cnnkit.conv2d(weights[None, None], mirror[None, None], padding=k - 1).get()[0, 0]
    offset = gain * bias * float(weights.sum(dtype=np.float64)) + bias
    one = layer(image, np.float32(gain) * merged, gain, offset)
    reach = abs(gain) * float(np.abs(weights).sum(dtype=np.float64))
    scale = reach * (reach * float(np.abs(image).max()) + abs(bias)) + abs(bias)
    return Twice(layer(between, weights, gain, bias), one, len(merged), scale)


def histogram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middles of the bins from -REACH to REACH and the percentage of `values` in each.

    The first and the last bin also hold what lies beyond; a value on an edge counts to its right.
    """
    edges = np.arange(-REACH, REACH + BIN / 2, BIN)
    inside = np.clip(np.nan_to_num(values), -REACH, REACH)
    counts, _ = np.histogram(inside, edges)
    return edges[:-1] + BIN / 2, 100 * counts / max(1, values.size)


# In words ------------------------------------------------------------------------------------------


def percent(share: float) -> str:
    """A share as `37 %`, unbroken; never 0 or 100 for a share that is neither."""
    if 0 < share < 0.005:
        return f"{number(100 * share, 1)}\u00a0%"
    if 0.995 <= share < 1:
        return "more than 99\u00a0%"
    return f"{100 * share:.0f}\u00a0%"


def point_words(one: Activation, leak: float, x: float, value: float, derivative: float) -> str:
    """One x, what becomes of it, and what the derivative there means for a gradient that comes back."""
    beyond = " (beyond the drawn curve)" if abs(x) > REACH else ""
    result, filled = number(value), one.at(x, leak)
    filled = f"{filled} = {result}" if filled != result else result
    if derivative == 0:
        back = "the curve is level here, no gradient goes back"
    elif derivative < FLAT:
        back = f"the curve is nearly flat here, only {percent(derivative)} of a gradient goes back"
    elif derivative == 1:
        back = "a gradient goes back whole"
    else:
        back = f"{percent(derivative)} of a gradient goes back"
    return f"x = {number(x)}{beyond} → f(x) = {filled}. f′(x) = {number(derivative)}: {back}."


def share_words(name: str, zeros: float, flat: float) -> str:
    """What the function called `name` does to all pixels together, from the shares 0 to 1 of `Model`."""
    zero = f"{percent(zeros)} of the pixels are 0 after {name}. " if zeros else ""
    if not flat:
        return f"{zero}The curve is flat nowhere: gradient goes back through every pixel."
    return (
        f"{zero}{percent(flat)} of the pixels are where the curve is flat (derivative below {FLAT}): hardly "
        "any gradient goes back through them."
    )


def twice_words(name: str, size: int, both: Twice | None) -> str:
    """What two layers of size x size filters in a row are worth with the function called `name` between."""
    layers = f"two {size}×{size} layers"
    if both is None:
        return f"A second {size}×{size} filter does not fit into what the first one leaves of this image."
    one = f"one {both.size}×{both.size} filter"
    if both.share:
        return (
            f"With {name} between {layers}, {percent(both.share)} of the pixels differ from what {one} would "
            "give: only a nonlinearity makes the second layer worth having."
        )
    largest = number(float(np.abs(both.two - both.one).max()))
    return (
        f"With {name} between them, {layers} are exactly {one} (the largest difference, {largest}, is "
        "rounding): without a nonlinearity, a second layer adds nothing."
    )
