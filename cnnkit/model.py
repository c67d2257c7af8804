"""Sequential: layers in a row. Forward runs down the list, backward up it."""

from __future__ import annotations

import html
import os
import threading
from numbers import Integral
from typing import Any

import numpy as np

from . import layers as _layers
from .array import DeviceArray, is_device_array, read_numbers, to_device, to_host
from .errors import CnnkitError, DataError, OutOfMemoryError, ShapeError, shorter, shown
from .files import load_arrays, plain, save_arrays
from .layers import Conv2d, Dropout, Layer, MaxPool2d, Parameter, ReLU, Shape
from .ops.arguments import generator, pair, shape_tuple, whole


class Sequential:
    """A network made of layers in a row.

    Calling it predicts and keeps nothing; `forward` and `backward` train (see `cnnkit.layers`). With a
    `seed`, all layers' parameters are drawn anew from it, so the same seed gives the same network.

    >>> model = Sequential(Conv2d(1, 8, 3, padding=1), ReLU(), Flatten(), Linear(8 * 64, 10), seed=0)
    """

    def __init__(self, *layers: Layer, seed: int | None = None) -> None:
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                if isinstance(layer, type):
                    forgot = f"is the class {layer.__name__}: did you forget the parentheses?"
                    raise ShapeError(f"Sequential takes layers, and argument {i} {forgot}")
                kind = type(layer).__name__
                words = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
                if isinstance(layer, Integral) and seed is None and i == len(layers) - 1:
                    words += ": write seed=seed"
                raise ShapeError(f"Sequential takes layers, and argument {i} is {words}.")
        if len({id(layer) for layer in layers}) != len(layers):
            raise ShapeError("Sequential was given one layer twice: make a new one for each place.")
        self.layers = list(layers)
        self.history: Any = None  # of the latest fit
        self.training = threading.Lock()  # held by the fit that trains it
        if seed is not None:
            self.initialize(seed)

    def initialize(self, seed: int) -> None:
        """Draw all parameters anew from `seed`."""
        rng = generator(seed)
        for layer in self.layers:
            layer.initialize(rng)

    def __call__(self, x: Any) -> DeviceArray:
        x = to_device(x, "x")
        for i, layer in enumerate(self.layers):
            if self._fused(Conv2d, i):
                x = self._named(i, layer, x, relu=True)
            elif not self._fused(Conv2d, i - 1):
                x = self._named(i, layer, x)
        return x

    def activations(self, x: Any) -> list[DeviceArray]:
        """The input and the output of every layer, in order; keeps nothing."""
        results = [to_device(x, "x")]
        for i, layer in enumerate(self.layers):
            results.append(self._named(i, layer, results[-1]))
        return results

    def forward(self, x: Any) -> DeviceArray:
        """Predict, and let every layer keep what `backward` needs."""
        x = to_device(x, "x")
        for i, layer in enumerate(self.layers):
            if self._fused(Conv2d, i):
                x = self._named(i, layer.forward, x, relu=True)
            elif self._fused(Conv2d, i - 1):
                layer.kept = x  # its work is done; where its output is positive, its input was
            else:
                x = self._named(i, layer.forward, x)
        return x

    def backward(self, dy: Any, input_gradient: bool = True) -> DeviceArray | None:
        """From the loss's gradient at the output to the one at the input, filling every parameter's grad."""
        for i in reversed(range(len(self.layers))):
            layer = self.layers[i]
            if i and self._fused(ReLU, i - 1, MaxPool2d):
                dy = layer.backward(dy, relu=True)  # type: ignore[call-arg]
            elif not self._fused(ReLU, i, MaxPool2d):
                dy = layer.backward(dy, input_gradient or i > 0)
        return dy

    def _fused(self, first: type, i: int, second: type = ReLU) -> bool:
        """Do layers i and i + 1 share a pass over memory?

        A convolution writes max(0, y) as it goes, and a pooling's gradient leaves out what a ReLU before
        it would stop: two layers, one reading and writing. What is computed stays the same. (But of two NaN
        in one pooling window the gradient shows only the first.)
        """
        pair = self.layers[i : i + 2] if i >= 0 else []
        return [type(layer) for layer in pair] == [first, second]

    def predict(self, x: Any, batch_size: int = 256) -> np.ndarray:
        """The network's output for many inputs, a batch at a time, as a NumPy array.

        A batch for which the device has no room is done in halves.
        """
        batch_size = whole(batch_size, "batch_size", 1)
        x = x if is_device_array(x) else read_numbers(x, "x")
        if not len(x.shape):
            raise ShapeError("x must be a batch of inputs (N, ...), and it is a single number.")
        if not len(x):
            return to_host(self(x))
        parts = [self._predict(x[i : i + batch_size]) for i in range(0, len(x), batch_size)]
        return np.concatenate(parts)

    def _predict(self, x: Any) -> np.ndarray:
        try:
            return to_host(self(x))
        except OutOfMemoryError:
            if len(x) == 1:
                raise
        half = len(x) // 2  # outside of the except clause, which would keep what did not fit
        return np.concatenate([self._predict(x[:half]), self._predict(x[half:])])

    def named_parameters(self) -> dict[str, Parameter]:
        """All parameters, named "layer.parameter", as in "0.w"."""
        return {
            f"{i}.{name}": p
            for i, layer in enumerate(self.layers)
            for name, p in layer.named_parameters().items()
        }

    @property
    def parameters(self) -> list[Parameter]:
        return list(self.named_parameters().values())

    def summary(self, input_shape: Shape) -> Summary:
        """Layer, output volume and parameters, for one input of `input_shape` (C, H, W): text and HTML."""
        shape = shape_tuple(input_shape, "input_shape")
        rows = [("input", shape, 0)]
        for i, layer in enumerate(self.layers):
            shape = self._named(i, layer.output_shape, shape)
            rows.append((repr(layer), shape, sum(p.size for p in layer.parameters)))
        return Summary(rows)

    def state(self) -> dict[str, np.ndarray]:
        """Everything that training changes, by name, as NumPy arrays."""
        arrays = {name: to_host(p.value) for name, p in self.named_parameters().items()}
        for i, layer in enumerate(self.layers):
            if isinstance(layer, Dropout):
                # No more of them counts (see Dropout.forward), and more may not fit.
                arrays[f"{i}.dropout"] = np.array([layer.seed % 2**32, layer.calls % 2**32], np.int64)
        return arrays

    def set_state(self, arrays: dict[str, np.ndarray], origin: str = "The state") -> None:
        """Take over what `state` returned; nothing is changed unless all of it fits."""
        own = self.state()
        if own.keys() != arrays.keys():
            missing = sorted(own.keys() ^ arrays.keys())
            raise DataError(
                f"{origin} is of another network: it has {len(arrays)} arrays and this one {len(own)} "
                f"(they differ in {', '.join(missing[:4])})."
            )
        for name, array in arrays.items():
            if array.shape != own[name].shape:
                raise DataError(
                    f"{origin} is of another network: {name} has shape {array.shape} there and "
                    f"{own[name].shape} here."
                )
            wanted = "iu" if own[name].dtype.kind == "i" else "fiub"
            if array.dtype.kind not in wanted:
                raise DataError(f"{origin} is damaged: {name} is {array.dtype}, and not {own[name].dtype}.")
        parameters = self.named_parameters()
        for name, array in arrays.items():
            if name in parameters:
                parameters[name].set(array)
            else:
                layer = self.layers[int(name.split(".")[0])]
                layer.seed, layer.calls = (int(v) for v in array)  # type: ignore[attr-defined]

    def save(self, path: str | os.PathLike) -> None:
        """Write the network, layers and parameters, as a safetensors file; whole or not at all."""
        save_arrays(path, self.state(), {"kind": "model", "layers": self.config()})

    def load(self, path: str | os.PathLike) -> None:
        """Take over the parameters of a file written by `save` from a network of the same layers."""
        arrays, about = load_arrays(path)
        if about.get("kind") != "model":
            raise DataError(f"{path} is no saved model but a {shorter(str(about.get('kind')))}.")
        if about.get("layers") != plain(self.config()):
            raise DataError(f"{path} is of another network than this one; cnnkit.model.load makes its own.")
        self.set_state(arrays, str(path))

    def config(self) -> list[dict[str, Any]]:
        """The layers and their settings, as plain data."""
        return [{"layer": type(layer).__name__, **layer.config} for layer in self.layers]

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Layer:
        return self.layers[index]

    def __repr__(self) -> str:
        inside = "".join(f"  {layer!r},\n" for layer in self.layers)
        return f"Sequential(\n{inside})"

    def _named(self, i: int, function: Any, x: Any, **how: Any) -> Any:
        """Say in which layer a shape does not fit."""
        try:
            return function(x, **how)
        except (ShapeError, OutOfMemoryError) as error:
            raise type(error)(f"In layer {i}, {self.layers[i]!r}: {error}") from None


def load(path: str | os.PathLike) -> Sequential:
    """Make the network that `Sequential.save` wrote, layers and parameters."""
    arrays, about = load_arrays(path)
    try:
        built = []
        for i, entry in enumerate(about["layers"]):
            settings = {k: _tuples(v) for k, v in entry.items() if k != "layer"}
            kind = getattr(_layers, entry["layer"])
            if kind.__name__.startswith("_") or kind is Layer or not issubclass(kind, Layer):
                raise TypeError(f"{shown(entry['layer'])} is no layer")
            _expect_weights(i, settings, arrays)
            built.append(kind(**settings))
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError, CnnkitError) as error:
        raise DataError(
            f"{path} does not describe a network of cnnkit's layers ({shorter(str(error))})."
        ) from None
    model = Sequential(*built)
    model.set_state(arrays, str(path))
    return model


def _expect_weights(i: int, settings: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Refuse settings of layer `i` that ask for other weights than are there, before it makes them."""
    if "out_features" in settings:
        shape: tuple[Any, ...] = (settings["out_features"], settings["in_features"])
    elif "out_channels" in settings:
        kernel = pair(settings["kernel_size"], "kernel_size")
        shape = (settings["out_channels"], settings["in_channels"], *kernel)
    else:
        return
    if arrays[f"{i}.w"].shape != shape:
        raise TypeError(f"layer {i} has weights {arrays[f'{i}.w'].shape} and is said to have {shown(shape)}")


def _tuples(value: Any) -> Any:
    """JSON has lists where the layers take pairs."""
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


class Summary:
    """The table of a network, as text and HTML. `rows` are (layer, volume of one output, parameters)."""

    header = ("layer", "output volume", "parameters")

    def __init__(self, rows: list[tuple[str, Shape, int]]) -> None:
        self.rows = rows

    @property
    def parameters(self) -> int:
        return sum(row[2] for row in self.rows)

    def _cells(self) -> list[tuple[str, str, str]]:
        cells = [(name, " x ".join(map(str, shape)), f"{count:,}") for name, shape, count in self.rows]
        return [*cells, ("total", "", f"{self.parameters:,}")]

    def __str__(self) -> str:
        cells = [self.header, *self._cells()]
        wide = [max(len(row[i]) for row in cells) for i in range(3)]
        lines = [f"{a:<{wide[0]}}  {b:<{wide[1]}}  {c:>{wide[2]}}" for a, b, c in cells]
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th style='text-align:left'>{text}</th>" for text in self.header)
        body = "".join(
            f"<tr><td style='text-align:left'><code>{html.escape(a)}</code></td>"
            f"<td style='text-align:left'>{b}</td><td>{c}</td></tr>"
            for a, b, c in self._cells()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
