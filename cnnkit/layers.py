"""Layers: each is one step of a network and its chain rule, nothing else; the arithmetic is in `cnnkit.ops`.

Call a layer to use it: `y = layer(x)` keeps nothing, so any thread may do it at any time. To train it,
`y = layer.forward(x)` keeps what the way back needs, and `dx = layer.backward(dy)` turns the loss's
gradient at the output into the gradient at the input, leaving each parameter's own in `parameter.grad`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from numbers import Integral
from typing import Any

import numpy as np

from . import ops
from .array import DeviceArray, check_room, copy_into, on_current_device, to_device
from .errors import CnnkitError, ShapeError, shown
from .ops.arguments import Padding, Pair, flag, generator, number, one_of, pad_sides, pair, whole
from .ops.conv import backward_data, backward_weight, forward, store_input
from .ops.conv_shape import conv2d_shape
from .ops.dense import column_sum, product
from .ops.elementwise import probability
from .ops.pool import pool2d_shape, route_to_winners

Shape = tuple[int, ...]


class Parameter:
    """What a layer learns: `value`, and after a backward pass `grad`, the loss's slope at it.

    `fit` moves `value` in memory when it begins: ask for it anew afterwards.
    """

    def __init__(self, value: np.ndarray) -> None:
        self.value: DeviceArray = to_device(value)
        self.grad: DeviceArray | None = None
        self.room: DeviceArray | None = None  # where `fit` wants the gradient written

    @property
    def shape(self) -> Shape:
        return tuple(self.value.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def set(self, values: Any) -> None:
        """Overwrite the value with NumPy or device values of the same shape."""
        values = to_device(values, "values")
        if tuple(values.shape) != self.shape:
            raise ShapeError(
                f"This parameter has shape {self.shape} and the new values {tuple(values.shape)}."
            )
        copy_into(self.value, values)


class Layer:
    """What all layers share. A layer without parameters needs `__call__`, `backward` and `output_shape`."""

    def __init__(self) -> None:
        self.config: dict[str, Any] = {}  # the constructor's arguments: shown by repr, written by save
        self.kept: Any = None

    def __call__(self, x: Any) -> DeviceArray:
        raise NotImplementedError

    def forward(self, x: Any) -> DeviceArray:
        """As calling the layer, and keep what `backward` needs: here, the input."""
        self.kept = to_device(x, "x")
        return self(self.kept)

    def backward(self, dy: Any, input_gradient: bool = True) -> DeviceArray | None:
        """Turn `dy`, the loss's gradient at the output, into the one at the input; fill the grads.

        `input_gradient=False` spares a first layer the gradient that nobody asks for (it returns None).
        """
        raise NotImplementedError

    def output_shape(self, shape: Shape) -> Shape:
        """The shape of one output, without the batch, for one input of `shape`."""
        return shape

    def named_parameters(self) -> dict[str, Parameter]:
        """The learnable arrays by name."""
        return {}

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw the parameters anew."""

    @property
    def parameters(self) -> list[Parameter]:
        return list(self.named_parameters().values())

    def __repr__(self) -> str:
        shown = ", ".join(f"{k}={v!r}" for k, v in self.config.items())
        return f"{type(self).__name__}({shown})"

    def _kept(self) -> Any:
        if self.kept is None:
            raise CnnkitError(
                f"{self!r}: call forward(x) before backward(dy), which needs what forward kept."
            )
        return self.kept


def initial_weights(rng: np.random.Generator, shape: Shape, init: str) -> np.ndarray:
    """Random weights of `shape` (outputs, inputs, ...) that keep the signal's size from layer to layer.

    "he": normal with variance 2 / fan_in, for layers before a ReLU (He et al. 2015). "glorot": uniform
    in +-sqrt(6 / (fan_in + fan_out)), for tanh, sigmoid or softmax (Glorot and Bengio 2010).
    """
    window = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * window, shape[0] * window
    if init == "he":
        return rng.normal(0.0, math.sqrt(2.0 / fan_in), shape).astype(np.float32)
    if init == "glorot":
        limit = math.sqrt(6.0 / (fan_in + fan_out))
        return rng.uniform(-limit, limit, shape).astype(np.float32)
    raise CnnkitError(f'init must be "he" or "glorot", not {init!r}.')


class _Weighted(Layer):
    """A layer with weights `w` and, unless bias=False, biases `b`."""

    def __init__(self, w_shape: Shape, bias: bool, init: str, seed: int | None, **config: Any) -> None:
        super().__init__()
        bias, init = flag(bias, "bias"), one_of(init, "init", ("he", "glorot"))
        self.config = {k: v.item() if isinstance(v, np.generic) else v for k, v in config.items()}
        if not bias:
            self.config["bias"] = False
        if init != "he":
            self.config["init"] = init
        for name, size in zip(("outputs", "inputs"), w_shape, strict=False):
            if not isinstance(size, Integral):
                raise ShapeError(
                    f"{type(self).__name__}: the number of {name} must be a whole number, not {shown(size)} "
                    "(divide with // instead of /)."
                )
            if size < 1:
                raise ShapeError(
                    f"{type(self).__name__}: the number of {name} must be at least 1, not {size}."
                )
        check_room(w_shape)  # before the numbers are drawn
        self.init = init
        self.w = Parameter(initial_weights(generator(seed), w_shape, init))
        self.b = Parameter(np.zeros(w_shape[0], np.float32)) if bias else None

    def named_parameters(self) -> dict[str, Parameter]:
        return {"w": self.w} if self.b is None else {"w": self.w, "b": self.b}

    def initialize(self, rng: np.random.Generator) -> None:
        self.w.set(initial_weights(rng, self.w.shape, self.init))
        if self.b is not None:
            self.b.set(np.zeros(self.b.shape, np.float32))

    def _weights(self) -> tuple[DeviceArray, DeviceArray | None]:
        """w and b; DeviceError if they live on another device, whose memory no kernel here can read."""
        w = on_current_device(self.w.value, "w")
        return w, None if self.b is None else on_current_device(self.b.value, "b")


class Conv2d(_Weighted):
    """A convolutional layer: `out_channels` filters, each as deep as the input, slid over every image.

    Args: in_channels, out_channels, kernel_size, stride, padding, dilation as in `cnnkit.conv2d`
    (ints or pairs; padding also "same" or "valid"); bias; init "he" or "glorot"; seed.
    Shape: (N, in_channels, H, W) to (N, out_channels, OH, OW), with
    OH = floor((H + 2*padding - dilation*(kernel_size - 1) - 1) / stride) + 1.
    Parameters: w (out_channels, in_channels, kernel_size, kernel_size), b (out_channels,).

    >>> Conv2d(3, 12, kernel_size=3, padding="same").output_shape((3, 32, 32))
    (12, 32, 32)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Padding = 0,
        dilation: Pair = 1,
        bias: bool = True,
        init: str = "he",
        seed: int | None = None,
    ) -> None:
        kernel = pair(kernel_size, "kernel_size")
        pair(stride, "stride"), pair(dilation, "dilation")
        pad_sides(padding, (1, 1), kernel, (1, 1), (1, 1))
        config = _unless_default(
            {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel_size},
            stride=(stride, 1),
            padding=(padding, 0),
            dilation=(dilation, 1),
        )
        w_shape = (out_channels, in_channels, *kernel)
        super().__init__(w_shape, bias, init, seed, **config)
        self.stride, self.padding, self.dilation = stride, padding, dilation

    def _shape(self, x_shape: Shape) -> Any:
        _expect_depth(self, x_shape[1])
        key = (tuple(x_shape), self.w.shape, self.stride, self.padding, self.dilation)
        try:
            return _conv2d_shape(*key)
        except TypeError:  # a list cannot be remembered
            return conv2d_shape(*key)

    def __call__(self, x: Any, relu: bool = False) -> DeviceArray:
        """The output; with `relu`, its positive part, in the same pass over memory."""
        x = to_device(x, "x")
        ops.arguments.rank(x, "x", "(N, C, H, W)")
        return forward(x, *self._weights(), self._shape(x.shape), relu=relu)

    def forward(self, x: Any, relu: bool = False) -> DeviceArray:
        x = to_device(x, "x")
        ops.arguments.rank(x, "x", "(N, C, H, W)")
        shape = self._shape(x.shape)
        stored = store_input(x, shape)
        self.kept = (x, stored)
        return forward(x, *self._weights(), shape, relu=relu, stored=stored)

    def backward(self, dy: Any, input_gradient: bool = True) -> DeviceArray | None:
        (x, stored), dy, (w, _) = self._kept(), to_device(dy, "dy"), self._weights()
        shape = self._shape(x.shape)
        ops.arguments.expect_shape(dy, "dy", (shape.N, shape.K, shape.OH, shape.OW), "this layer's output")
        rooms = (self.w.room, None if self.b is None else self.b.room)
        self.w.grad, db = backward_weight(dy, x, shape, stored=stored, out=rooms)
        if self.b is not None:
            self.b.grad = db
        return backward_data(dy, w, shape) if input_gradient else None

    def output_shape(self, shape: Shape) -> Shape:
        _expect_volume(shape)
        s = self._shape((1, *shape))
        return (s.K, s.OH, s.OW)


@lru_cache(maxsize=256, typed=True)  # typed: 1.0 is equal to 1 and is no stride
def _conv2d_shape(*key: Any) -> Any:
    """The shapes of every step of a training run are the same: checked and worked out once."""
    return conv2d_shape(*key)


class Linear(_Weighted):
    """A dense (fully connected) layer: every output is a weighted sum of every input, plus a bias.

    Args: in_features, out_features; bias; init "he" or "glorot"; seed.
    Shape: (N, in_features) to (N, out_features).
    Parameters: w (out_features, in_features), b (out_features,).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        init: str = "he",
        seed: int | None = None,
    ) -> None:
        super().__init__(
            (out_features, in_features), bias, init, seed, in_features=in_features, out_features=out_features
        )

    def __call__(self, x: Any) -> DeviceArray:
        return ops.linear(x, *self._weights())

    def backward(self, dy: Any, input_gradient: bool = True) -> DeviceArray | None:
        x, dy, (w, _) = self._kept(), to_device(dy, "dy"), self._weights()
        ops.arguments.expect_shape(dy, "dy", (x.shape[0], self.w.shape[0]), "this layer's output")
        self.w.grad = product(dy, x, transpose_a=True, out=self.w.room)
        if self.b is not None:
            self.b.grad = column_sum(dy, self.b.room)
        return ops.matmul(dy, w) if input_gradient else None

    def output_shape(self, shape: Shape) -> Shape:
        wanted, numbers = self.w.shape[1], math.prod(shape)
        if len(shape) != 1:
            raise ShapeError(
                f"the input has shape {tuple(shape)} and this layer expects ({wanted},): put Flatten() "
                f"before it, and write Linear({numbers}, {self.w.shape[0]})."
            )
        if numbers != wanted:
            raise ShapeError(
                f"the input has {numbers} features and this layer expects {wanted}: write "
                f"Linear({numbers}, {self.w.shape[0]})."
            )
        return (self.w.shape[0],)


class ReLU(Layer):
    """max(0, x) for each number; the volume keeps its shape."""

    def __call__(self, x: Any) -> DeviceArray:
        return ops.relu(x)

    def backward(self, dy: Any, input_gradient: bool = True) -> DeviceArray | None:
        return ops.relu_backward(dy, self._kept())


class LeakyReLU(Layer):
    """x where x > 0, else slope * x; the volume keeps its shape."""

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__()
        self.config = {"slope": number(slope, "slope")}
        self.slope = slope

    def __call__(self, x: Any) -> DeviceArray:
        return ops.leaky_relu(x, self.slope)

    def backward(self, dy: Any, input_gradient: bool = True) -> DeviceArray | None:
        return ops.leaky_relu_backward(dy, self._kept(), self.slope)


class _ByOutput(Layer):
    """An activation whose slope is easiest said by its output, which is what forward keeps."""

    def forward(self, x: Any) -> DeviceArray:
        self.kept = self(x)
        return self.kept


class Tanh(_ByOutput):
    """The hyperbolic tangent, between -1 and 1; the volume keeps its shape."""

    def __call__(self, x: Any) -> DeviceArray:
        return ops.tanh(x)

    def backward(self, dy: Any, input_gradient: bool = True) -> DeviceArray | None:
        return ops.tanh_backward(dy, self._kept())


class Sigmoid(_ByOutput):
    """1 / (1 + e^-x), between 0 and 1; the volume keeps its shape."""

    def __call__(self, x: Any) -> DeviceArray:
        return ops.sigmoid(x)

    def backward(self, dy: Any, input_gradient: bool = True) -> DeviceArray | None:
        return ops.sigmoid_backward(dy, self._kept())


class Softmax(_ByOutput):
    """Scores (N, classes) into probabilities. To train, leave it out: CrossEntropyLoss takes the scores."""

    def __call__(self, x: Any) -> DeviceArray:
        return ops.softmax(x)

    def backward(self, dy: Any, input_gradient: bool = True) -> DeviceArray | None:
        return ops.softmax_backward(dy, self._kept())


class MaxPool2d(Layer):
    """The largest value of each window: (N, C, H, W) to (N, C, OH, OW), see `cnnkit.max_pool2d`."""

    def __init__(self, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> None:
        super().__init__()
        self.window = _window(kernel_size, stride, padding)
        self.config = _unless_default(
            {"kernel_size": kernel_size}, stride=(stride, None), padding=(padding, 0)
        )

    def __call__(self, x: Any) -> DeviceArray:
        return ops.max_pool2d(x, *self.window)

    def forward(self, x: Any) -> DeviceArray:
        x = to_device(x, "x")
        y, winners = ops.max_pool2d(x, *self.window, return_indices=True)
        self.kept = (winners, tuple(x.shape), y)  # the input itself is not needed: who won is
        return y

    def backward(self, dy: Any, input_gradient: bool = True, relu: bool = False) -> DeviceArray | None:
        """dx; with `relu`, the gradient in front of a ReLU that stands before this layer."""
        winners, x_shape, y = self._kept()
        dy = to_device(dy, "dy")
        return route_to_winners(dy, winners, x_shape, *self.window, positive=y if relu else None)

    def output_shape(self, shape: Shape) -> Shape:
        _expect_volume(shape)
        return (shape[0], *pool2d_shape((1, *shape), *self.window)[3:5])


class AvgPool2d(Layer):
    """The mean of each window: (N, C, H, W) to (N, C, OH, OW), see `cnnkit.avg_pool2d`."""

    def __init__(
        self, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0, count_include_pad: bool = True
    ) -> None:
        super().__init__()
        self.window = _window(kernel_size, stride, padding)
        self.count_include_pad = flag(count_include_pad, "count_include_pad")
        self.config = _unless_default(
            {"kernel_size": kernel_size},
            stride=(stride, None),
            padding=(padding, 0),
            count_include_pad=(self.count_include_pad, True),
        )

    def __call__(self, x: Any) -> DeviceArray:
        return ops.avg_pool2d(x, *self.window, self.count_include_pad)

    def forward(self, x: Any) -> DeviceArray:
        x = to_device(x, "x")
        self.kept = tuple(x.shape)
        return self(x)

    def backward(self, dy: Any, input_gradient: bool = True) -> DeviceArray | None:
        return ops.avg_pool2d_backward(dy, self._kept(), *self.window, self.count_include_pad)

    def output_shape(self, shape: Shape) -> Shape:
        _expect_volume(shape)
        return (shape[0], *pool2d_shape((1, *shape), *self.window)[3:5])


class Flatten(Layer):
    """Feature maps (N, C, H, W) into rows (N, C*H*W); nothing is computed."""

    def __call__(self, x: Any) -> DeviceArray:
        return ops.flatten(x)

    def forward(self, x: Any) -> DeviceArray:
        x = to_device(x, "x")
        self.kept = tuple(x.shape)
        return self(x)

    def backward(self, dy: Any, input_gradient: bool = True) -> DeviceArray | None:
        return ops.flatten_backward(dy, self._kept())

    def output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)


class Dropout(Layer):
    """In training, drop each number with probability `p` and scale the others up; otherwise do nothing.

    Srivastava et al. 2014. `calls` counts the forward passes: with the seed, it says which places are
    dropped, so a run that is stopped and resumed drops the same ones.
    """

    def __init__(self, p: float = 0.5, seed: int | None = None) -> None:
        super().__init__()
        seed = None if seed is None else whole(seed, "seed")
        self.config = _unless_default({"p": probability(p)}, seed=(seed, None))
        self.p, self.calls = p, 0
        self.seed = int(np.random.default_rng().integers(2**31)) if seed is None else seed

    def __call__(self, x: Any) -> DeviceArray:
        return to_device(x, "x")

    def forward(self, x: Any) -> DeviceArray:
        self.calls += 1
        # Two numbers into one: an odd multiplier (the golden ratio's) keeps neighboring calls far apart.
        self.kept = (self.seed * 0x85EBCA6B + self.calls * 0x9E3779B9) % 2**32
        return ops.dropout(x, self.p, self.kept)

    def backward(self, dy: Any, input_gradient: bool = True) -> DeviceArray | None:
        return ops.dropout_backward(dy, self.p, self._kept())

    def initialize(self, rng: np.random.Generator) -> None:
        self.seed, self.calls = int(rng.integers(2**31)), 0


def _window(kernel_size: Any, stride: Any, padding: Any) -> tuple[Any, Any, Any]:
    """A pooling's window as it is called with, once it has been looked at."""
    if stride is not None:
        pair(stride, "stride")
    pair(padding, "padding", 0)
    return pair(kernel_size, "kernel_size"), stride, padding


def _expect_volume(shape: Shape) -> None:
    if len(shape) != 3:
        raise ShapeError(f"the input has shape {tuple(shape)} and this layer expects a volume (C, H, W).")


def _expect_depth(layer: Conv2d, given: int) -> None:
    """The shape of w is not the learner's: what a layer of the right depth is called is."""
    depth = layer.w.shape[1]
    if given in (0, depth):
        return
    sizes = {**layer.config, "in_channels": given}
    plain = [repr(sizes.pop(name)) for name in ("in_channels", "out_channels", "kernel_size")]
    listed = ", ".join(plain + [f"{name}={value!r}" for name, value in sizes.items()])
    raise ShapeError(
        f"conv2d: the input has {given} channel{'s' * (given != 1)} and the filters {depth}: a filter is as "
        f"deep as its input, so write Conv2d({listed})."
    )


def _unless_default(always: dict[str, Any], **others: tuple[Any, Any]) -> dict[str, Any]:
    return always | {name: value for name, (value, default) in others.items() if value != default}
