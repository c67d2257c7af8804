"""Optimizers: how a step downhill is made from a gradient; kernels in `kernels/optimizer.cl`.

`lr`, the learning rate, may be changed at any time, also from a slider while a cell trains.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from .array import DeviceArray, copy_into, is_device_array, side_by_side, zeros
from .device import current_device
from .errors import CnnkitError, OutOfMemoryError, ShapeError, shown
from .layers import Parameter
from .ops.arguments import FLOAT32, number
from .ops.elementwise import run_each

SMALLEST = float(np.finfo(np.float32).tiny)  # what is below may count as 0


class Optimizer:
    """What both share: settings, the arrays remembered per parameter, and the step's bookkeeping."""

    kernel_name = ""
    remembers: tuple[str, ...] = ()  # the arrays kept for each parameter, in the kernel's order

    def __init__(self, lr: float, **settings: float) -> None:
        self.lr = self.first_lr = lr  # the first tells runs apart; lr may move
        self.settings = settings
        self.steps = 0
        self.owners: list[Parameter] | None = None  # whose state this is
        self.state: list[dict[str, DeviceArray]] = []
        self.gathered: list[DeviceArray] = []  # values, gradients and remembered arrays, in one piece each
        self.places: list[DeviceArray] = []  # each parameter's values in the first of them
        for name, value in {"lr": lr, **settings}.items():
            if not isinstance(value, Real) or not 0 <= value <= FLOAT32:  # type: ignore[operator]
                raise CnnkitError(
                    f"{type(self).__name__}: {name} must be a number of at least 0, not {shown(value)}."
                )

    def step(self, parameters: list[Parameter], halt: DeviceArray | None = None) -> None:
        """Move every parameter one step against its gradient.

        `halt`, an int32 array of one element, freezes the parameters when it is not 0 (see `fit`).
        """
        device = current_device()
        self.prepare(parameters)
        if halt is None:
            halt = zeros((1,), np.int32)
        if any(p.grad is None for p in parameters):
            raise CnnkitError("A parameter has no gradient yet: call backward before step.")
        number(self.lr, f"{type(self).__name__}: lr")  # it may have been changed
        self.steps += 1
        own = zip(parameters, self.places, strict=True)
        if self.gathered and all(p.grad is p.room and p.value is place for p, place in own):
            n = self.gathered[0].size
            run_each(device, "optimizer", self.kernel_name, n, *self.gathered, halt, n, *self._scalars())
            return
        for parameter, kept in zip(parameters, self.state, strict=True):
            _check_gradient(parameter)
            arrays = (parameter.value, parameter.grad, *kept.values(), halt)
            n = parameter.size
            run_each(device, "optimizer", self.kernel_name, n, *arrays, n, *self._scalars())

    def prepare(self, parameters: list[Parameter]) -> None:
        """Make the arrays that are remembered for `parameters`, if there are none yet."""
        if self.owners is None:
            self.state = [{name: zeros(p.shape) for name in self.remembers} for p in parameters]
            self.owners = list(parameters)
        elif [id(p) for p in self.owners] != [id(p) for p in parameters]:
            raise CnnkitError(
                f"{self!r} has been stepping another model ({len(self.owners)} arrays) than this one "
                f"({len(parameters)}): make a new optimizer for each model."
            )

    def gather(self, parameters: list[Parameter]) -> None:
        """Move the parameters and what is remembered into one piece of memory each; make one for gradients.

        Until `release`, one launch steps all parameters, and each backward pass writes into the same
        gradients. `fit` does this; by hand it is not needed.
        """
        self.prepare(parameters)
        if not parameters:
            return
        shapes = [p.shape for p in parameters]
        try:
            (values, places), (slopes, rooms) = side_by_side(shapes), side_by_side(shapes)
            remembered = {name: side_by_side(shapes) for name in self.remembers}
        except OutOfMemoryError:
            return  # no room for one piece: each stays where it is, and has a launch of its own
        state = [{name: parts[i] for name, (_, parts) in remembered.items()} for i in range(len(parameters))]
        for parameter, place, old, new in zip(parameters, places, self.state, state, strict=True):
            copy_into(place, parameter.value)
            for name, array in new.items():
                copy_into(array, old[name])
        self.state = state
        self.gathered = [values, slopes, *(whole for whole, _ in remembered.values())]
        self.places = places
        for parameter, place, room in zip(parameters, places, rooms, strict=True):
            parameter.value, parameter.room = place, room

    def release(self) -> None:
        """From now on each backward pass makes new gradients again."""
        self.gathered, self.places = [], []
        for parameter in self.owners or ():
            parameter.room = None

    def _scalars(self) -> tuple[float, ...]:
        raise NotImplementedError

    def described(self, lr: float) -> str:
        """The call that makes such an optimizer with this learning rate."""
        shown = "".join(f", {k}={v:g}" for k, v in self.settings.items())
        return f"{type(self).__name__}(lr={lr:g}{shown})"

    def __repr__(self) -> str:
        return self.described(self.lr)


def _check_gradient(parameter: Parameter) -> None:
    """Refuse a gradient that somebody set and that is not of the parameter's shape."""
    grad: Any = parameter.grad
    if not is_device_array(grad):
        found = f"a {type(grad).__name__}"
    elif tuple(grad.shape) != parameter.shape or grad.dtype != np.float32:
        found = f"{grad.dtype} of shape {tuple(grad.shape)}"
    else:
        return
    raise ShapeError(
        f"A gradient is {found} where its parameter needs a float32 device array of shape {parameter.shape}: "
        "let backward make it."
    )


class SGD(Optimizer):
    """Gradient descent: w -= lr * v with v = momentum * v + gradient + weight_decay * w.

    Sutskever et al. 2013, in PyTorch's form; momentum in [0, 1).
    """

    kernel_name = "sgd_step"
    remembers = ("velocity",)

    def __init__(self, lr: float = 0.01, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        super().__init__(lr, momentum=momentum, weight_decay=weight_decay)
        if np.float32(momentum) >= 1:
            raise CnnkitError(f"SGD: momentum must be below 1, and it is {momentum}.")

    def _scalars(self) -> tuple[float, ...]:
        return (float(self.lr), float(self.settings["momentum"]), float(self.settings["weight_decay"]))


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015): steps scaled by running means of the gradient and of its square.

    The first step of every weight with a gradient is lr in size, against its gradient's sign.
    """

    kernel_name = "adam_step"
    remembers = ("mean", "square")

    def __init__(
        self,
        lr: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)
        # As float32, in which the kernel computes: there 0.99999999 is 1, and 1e-50 is 0.
        if max(np.float32(beta1), np.float32(beta2)) >= 1:
            raise CnnkitError(f"Adam: beta1 and beta2 must be below 1, and they are {beta1} and {beta2}.")
        if np.float32(eps) < SMALLEST:
            raise CnnkitError(
                f"Adam: eps must be at least {SMALLEST:.2g}, and it is {eps}: it is what keeps a weight "
                "without a gradient from 0 / 0."
            )

    def _scalars(self) -> tuple[Any, ...]:
        s = self.settings
        beta1, beta2 = float(s["beta1"]), float(s["beta2"])
        corrections = (1.0 - beta1**self.steps, 1.0 - beta2**self.steps)
        return (float(self.lr), beta1, beta2, float(s["eps"]), float(s["weight_decay"]), *corrections)
