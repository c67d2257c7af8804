"""Is this backward the derivative of that forward? A check by central differences in random directions.

For y = f(x) and any dy, the backward promises dx with <dx, v> = <dy, J v> for every direction v. Both sides
are single numbers: the right one is measured by moving x a little along v, the left one is computed. The
random v and dy give every element its own weight, so no error hides by cancelling: a dy of ones alone would
call a softmax backward of zeros correct, because the outputs of softmax always sum to one.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .array import read_numbers
from .errors import CnnkitError, DTypeError, ShapeError, shown
from .ops.arguments import generator, number


class GradcheckError(CnnkitError, AssertionError):
    """A backward that is not the derivative of its forward."""


def gradcheck(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Sequence[np.ndarray],
    seed: int = 0,
    eps: float = 1e-6,
    rtol: float = 1e-6,
) -> float:
    """Compare `backward` with differences of `forward` for each input; raise GradcheckError where wrong.

    forward(*inputs) -> y, one array or number of any shape.
    backward(dy, *inputs) -> the gradient of each input, in order: one array for one input, else a sequence.
    inputs: floating-point NumPy arrays. Close over whatever has no gradient (labels, a stride, a seed) with a
    lambda, and keep away from kinks, where no derivative exists: a ReLU input of 0, two equal maxima.

    Returns the largest relative error beyond rounding, which is at most rtol. "Relative" is to the usual
    size of such a random sum: the root of the sum of its squared terms, or the sum itself if that is larger.
    A difference that the rounding of y alone explains is forgiven: an input that moves y by less than some
    billionths of y (with eps=1e-2 in float32, ten-thousandths) cannot be judged. All randomness is `seed`'s.

        >>> import numpy as np
        >>> from cnnkit.gradcheck import gradcheck
        >>> x = np.array([1.0, 2.0, 3.0])
        >>> gradcheck(lambda x: x**2, lambda dy, x: 2 * x * dy, [x]) < 1e-6
        True
        >>> gradcheck(lambda x: x**2, lambda dy, x: x * dy, [x])  # the 2 is missing
        Traceback (most recent call last):
        ...
        cnnkit.gradcheck.GradcheckError: the gradient of input 0 (x) is wrong: ...

    Operations on a device compute in float32, where the step must be larger and the tolerance looser. Give
    float32 inputs (results are fetched by their .get()) with eps=1e-2, rtol=1e-2; eps=0.1, rtol=1e-3 is a
    sharper check for what is linear in each of its inputs alone, such as conv2d, linear or avg_pool2d:

        x, w = x.astype("float32"), w.astype("float32")
        gradcheck(
            lambda x, w: cnnkit.conv2d(cnnkit.to_device(x), cnnkit.to_device(w)),
            lambda dy, x, w: cnnkit.conv2d_backward(*map(cnnkit.to_device, (dy, x, w)))[:2],
            [x, w], eps=0.1, rtol=1e-3,
        )
    """
    arrays, dtype = _checked(inputs, eps, rtol)
    rng = generator(seed)
    y = _numpy(forward(*_copies(arrays)))
    if y.size == 0:
        raise ShapeError(f"the output has shape {y.shape}, 0 values: give inputs with something to check")
    dy = rng.standard_normal(y.shape).astype(dtype)
    gradients = _gradients(backward(dy.copy(), *_copies(arrays)), arrays)
    worst = 0.0
    for i, (x, dx) in enumerate(zip(arrays, gradients, strict=True)):
        name = f"input {i}{_parameter(forward, i)}"
        if dx.shape != x.shape:
            raise GradcheckError(
                f"the gradient of {name} has shape {dx.shape} but the input has {x.shape}: make them equal"
            )
        # The step really taken, after rounding x ± eps·v to the type of x.
        step = eps * rng.standard_normal(x.shape)
        above, below = (x + step).astype(x.dtype), (x - step).astype(x.dtype)
        moved = (above.astype(np.float64) - below) / (2 * eps)
        y_above = _numpy(forward(*_copies([*arrays[:i], above, *arrays[i + 1 :]])))
        y_below = _numpy(forward(*_copies([*arrays[:i], below, *arrays[i + 1 :]])))
        terms = dy * ((y_above - y_below) / (2 * eps))
        measured, computed = float(np.sum(terms)), float(np.sum(dx * moved))
        if not (np.isfinite(measured) and np.isfinite(computed)):
            raise GradcheckError(
                f"the gradient of {name} cannot be judged: backward gives {computed:.6g} and "
                f"the differences of forward give {measured:.6g}; choose inputs where both are finite"
            )
        rounding = 8 * float(np.finfo(dtype).eps * np.linalg.norm(dy * y)) / eps
        error = max(abs(computed - measured) - rounding, 0.0)
        scale = max(abs(measured), float(np.linalg.norm(terms)))
        if error > rtol * scale:
            ratio = f" ({computed / measured:.4g} times as much)" if abs(measured) > rounding else ""
            raise GradcheckError(
                f"the gradient of {name} is wrong: along a random direction backward gives {computed:.6g}"
                f"{ratio} but the differences of forward give {measured:.6g}: check factors, sums and signs"
            )
        worst = max(worst, error / scale if scale else 0.0)
    return worst


def _checked(inputs: Sequence[np.ndarray], eps: float, rtol: float) -> tuple[list[np.ndarray], np.dtype]:
    """The inputs as arrays, and the least precise of their types: what the operation computes in."""
    if not isinstance(inputs, (list, tuple)) and np.ndim(inputs) == 0:
        raise ShapeError(f"inputs must be a list of arrays, not {shown(inputs)}: write [x], or [x, w]")
    for value, name in (eps, "eps"), (rtol, "rtol"):
        if number(value, name) <= 0:
            raise ShapeError(f"{name} must be above 0, and it is {value:g}")
    arrays = [read_numbers(x, f"input {i}") for i, x in enumerate(inputs)]
    if not arrays:
        raise ShapeError("inputs holds 0 arrays: give at least 1")
    for i, x in enumerate(arrays):
        if not np.issubdtype(x.dtype, np.floating):
            raise DTypeError(
                f"input {i} is {x.dtype}: only floats have a gradient, close over it with a lambda"
            )
        if x.size == 0:
            raise ShapeError(f"input {i} has shape {x.shape}, 0 values: give inputs with something to check")
    dtype = max((x.dtype for x in arrays), key=lambda d: np.finfo(d).eps)
    noise = np.finfo(dtype).eps / eps
    if noise > rtol:
        raise ShapeError(
            f"a step eps={eps:g} in {dtype} has a rounding error of {noise:.1g}, more than rtol={rtol:g}: "
            "give float64 inputs, or for float32 operations eps=1e-2, rtol=1e-2"
        )
    return arrays, dtype


def _gradients(result: Any, arrays: list[np.ndarray]) -> list[np.ndarray]:
    gradients = list(result) if isinstance(result, (tuple, list)) else [result]
    if len(gradients) != len(arrays):
        raise GradcheckError(
            f"backward returned {len(gradients)} gradients for {len(arrays)} inputs: return one for each"
        )
    for i, g in enumerate(gradients):
        if g is None:
            raise GradcheckError(
                f"backward returned None for input {i}: return an array of shape {arrays[i].shape}"
            )
    return [_numpy(g) for g in gradients]


def _numpy(value: Any) -> np.ndarray:
    """The value in float64, fetched first if it lies on a device."""
    if not isinstance(value, np.ndarray) and hasattr(value, "get"):
        value = value.get()
    return np.asarray(value, dtype=np.float64)


def _copies(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """So that a function that changes its inputs in place spoils nothing here."""
    return [x.copy() for x in arrays]


def _parameter(function: Callable[..., Any], i: int) -> str:
    """The text " (name)" of a function's i-th parameter, or nothing where it has none."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some builtins have no signature
        return ""
    if i < len(parameters) and parameters[i].kind is not inspect.Parameter.VAR_POSITIONAL:
        return f" ({parameters[i].name})"
    return ""
