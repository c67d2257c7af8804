"""Take a network away: as an ONNX file, which other programs, phones and browsers can run.

ONNX (https://onnx.ai) writes a network down as a list of standard operations with their weights. Each layer
here becomes the one operation of the same meaning; a dropout does nothing outside training and is left out.
The package `onnx` is needed to write, and `onnxruntime`, or any other reader, to run the file:
both come with the extra `onnx`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from .errors import CnnkitError, ShapeError
from .files import write_atomically
from .layers import (
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Shape,
    Sigmoid,
    Softmax,
    Tanh,
)
from .model import Sequential
from .ops.arguments import pad_sides, pair
from .ops.pool import pool2d_shape

OPSET = 17  # of 2022: what has been written for it since then reads the file
IR_VERSION = 8  # the file format of that time; the package itself would write its newest
INPUT = "images"
MISSING = (
    "To write an ONNX file, cnnkit needs the package onnx, which is not installed: 'pip install onnx' adds "
    "it, and 'pip install onnx onnxruntime' also what runs the file (in a clone of cnnkit: "
    'pip install -e ".[onnx]").'
)


class Step(NamedTuple):
    """One operation of the file: its name in ONNX, its settings, and its weights in their order."""

    operation: str
    settings: dict[str, Any]
    weights: tuple[str, ...] = ()


def export_onnx(
    model: Sequential, path: str | os.PathLike, input_shape: Shape, classes: Sequence[str] = ()
) -> None:
    """Write `model` as an ONNX file for inputs of `input_shape`, without the batch; whole or not at all.

    Args: input_shape is that of one input, as for `summary`: (1, 8, 8) for small gray images. The number of
    images stays free: the file takes any batch (N, *input_shape) of float32 under the name "images", and
    answers under the name "scores", or "probabilities" where the network ends with a Softmax.
    `classes` are the names of the outputs, such as those of a Dataset; they travel in the file's metadata, as
    JSON under the key "classes". Weights keep the names they have here, as in "0.w".

    Raises ShapeError where `input_shape` or the number of `classes` does not fit the network, and CnnkitError
    where the package onnx is missing or a layer is none of cnnkit's own.

    >>> export_onnx(model, "digits.onnx", input_shape=(1, 8, 8), classes=train.classes)
    """
    onnx = find_onnx()
    steps, output_shape = _steps(model, tuple(input_shape))
    if isinstance(classes, str):
        raise ShapeError(f"classes must be a list of names, and it is the one word {classes!r}.")
    if classes and output_shape != (len(classes),):
        raise ShapeError(
            f"There are {len(classes)} names of classes, and the network's output for one image has the "
            f"shape {output_shape}: give one name for each output."
        )
    written = _model(onnx, model, steps, tuple(input_shape), output_shape)
    if classes:
        onnx.helper.set_model_props(written, {"classes": json.dumps([str(name) for name in classes])})
    onnx.checker.check_model(written, full_check=True)
    write_atomically(path, written.SerializeToString())


def find_onnx() -> Any:
    """The package onnx, or a CnnkitError that says how to get it."""
    try:
        return import_module("onnx")
    except ImportError:
        raise CnnkitError(MISSING) from None


def _steps(model: Sequential, shape: Shape) -> tuple[list[tuple[int, Step]], Shape]:
    """(the place of its layer, what it becomes) for each layer that does something; the output's shape."""
    volumes = [volume for _, volume, _ in model.summary(shape).rows]
    found = []
    for i, (layer, volume) in enumerate(zip(model.layers, volumes, strict=False)):
        translate = TRANSLATIONS.get(type(layer))
        if translate is None:
            known = ", ".join(kind.__name__ for kind in TRANSLATIONS)
            raise CnnkitError(
                f"Layer {i}, {layer!r}, has no translation into ONNX; there is one for {known}."
            )
        step = translate(layer, volume)
        if step is not None:
            found.append((i, step))
    if not found:  # a network that changes nothing is still one
        found.append((0, Step("Identity", {})))
    return found, volumes[-1]


def _conv2d(layer: Conv2d, volume: Shape) -> Step:
    window = layer.w.shape[2:]
    strides, dilations = pair(layer.stride, "stride"), pair(layer.dilation, "dilation")
    (top, bottom), (left, right) = pad_sides(layer.padding, volume[1:], window, strides, dilations)  # type: ignore[arg-type]
    settings = {
        "kernel_shape": window,
        "strides": strides,
        "pads": [top, left, bottom, right],
        "dilations": dilations,
    }
    return Step("Conv", settings, _weights(layer))


def _pool(operation: str) -> Callable[[Any, Shape], Step]:
    def translate(layer: MaxPool2d | AvgPool2d, volume: Shape) -> Step:
        *_, R, S, stride_y, stride_x, pad_y, pad_x = pool2d_shape((1, *volume), *layer.window)
        settings: dict[str, Any] = {
            "kernel_shape": [R, S],
            "strides": [stride_y, stride_x],  # left out, they would be 1 in ONNX
            "pads": [pad_y, pad_x, pad_y, pad_x],
        }
        if isinstance(layer, AvgPool2d):
            settings["count_include_pad"] = int(layer.count_include_pad)
        return Step(operation, settings)

    return translate


def _linear(layer: Linear, volume: Shape) -> Step:
    return Step("Gemm", {"transB": 1}, _weights(layer))  # weights are (outputs, inputs), so x·wᵀ + b


def _plain(operation: str, **settings: Any) -> Callable[[Any, Shape], Step]:
    return lambda layer, volume: Step(operation, settings)


def _weights(layer: Layer) -> tuple[str, ...]:
    return tuple(layer.named_parameters())


TRANSLATIONS: dict[type, Callable[[Any, Shape], Step | None]] = {
    Conv2d: _conv2d,
    Linear: _linear,
    ReLU: _plain("Relu"),
    LeakyReLU: lambda layer, volume: Step("LeakyRelu", {"alpha": float(layer.slope)}),
    Tanh: _plain("Tanh"),
    Sigmoid: _plain("Sigmoid"),
    Softmax: _plain("Softmax", axis=1),
    MaxPool2d: _pool("MaxPool"),
    AvgPool2d: _pool("AveragePool"),
    Flatten: _plain("Flatten", axis=1),
    Dropout: lambda layer, volume: None,
}


def _model(
    onnx: Any, model: Sequential, steps: list[tuple[int, Step]], input_shape: Shape, output_shape: Shape
) -> Any:
    """The file's content: the steps in a row, each named after its layer, and the weights."""
    from . import __version__

    helper, parameters = onnx.helper, model.named_parameters()
    output = "probabilities" if steps[-1][1].operation == "Softmax" else "scores"
    nodes, weights, value = [], [], INPUT
    for i, step in steps:
        names = [f"{i}.{name}" for name in step.weights]
        weights += [
            onnx.numpy_helper.from_array(np.ascontiguousarray(parameters[name].value.get()), name)
            for name in names
        ]
        after = output if i == steps[-1][0] else f"{i}.{step.operation}"
        name = f"{i}.{type(model.layers[i]).__name__}" if model.layers else step.operation
        nodes.append(helper.make_node(step.operation, [value, *names], [after], name=name, **step.settings))
        value = after
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "cnnkit",
        [helper.make_tensor_value_info(INPUT, kind, ["N", *input_shape])],
        [helper.make_tensor_value_info(output, kind, ["N", *output_shape])],
        weights,
    )
    return helper.make_model(
        graph,
        producer_name="cnnkit",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
