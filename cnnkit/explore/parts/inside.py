"""Inside a network that looks at one picture: the output of every layer, and what the answer hangs on."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import CnnkitError
from ...layers import (
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from ...model import Sequential
from ...ops.conv_shape import conv2d_shape
from ...ops.pool import pool2d_shape
from .axis import Axis

ONE_TO_ONE = (ReLU, LeakyReLU, Tanh, Sigmoid, Dropout)  # each output follows from the input at its place
UNSEEN = (Flatten, Dropout)  # in prediction, they change no number

Area = tuple[int, int, int, int]  # row, column, height, width, in pixels


@dataclass(frozen=True)
class Stage:
    """One layer's output for one picture; the first stage is the picture itself, whose layer is None.

    number: which layer of the network; values: (C, H, W) or (n,) float32; before: what the layer read, of
    the stage before; axes: how its windows lie over the rows and the columns, if it has windows.
    """

    number: int
    layer: Layer | None
    values: np.ndarray
    before: np.ndarray | None = None
    axes: tuple[Axis, Axis] | None = None

    @property
    def spatial(self) -> bool:
        return self.values.ndim == 3

    @property
    def name(self) -> str:
        return "Picture" if self.layer is None else f"Layer {self.number}, {type(self.layer).__name__}"


def axes_of(layer: Layer, shape: tuple[int, ...]) -> tuple[Axis, Axis] | None:
    """How a layer's windows lie over an input of `shape` (C, H, W); None for a layer without windows."""
    if isinstance(layer, Conv2d):
        s = conv2d_shape((1, *shape), layer.w.shape, layer.stride, layer.padding, layer.dilation)
        return (
            Axis(s.H, s.R, s.stride_y, s.pad_top, s.dilation_y),
            Axis(s.W, s.S, s.stride_x, s.pad_left, s.dilation_x, "columns"),
        )
    if isinstance(layer, MaxPool2d | AvgPool2d):
        height, width, _, _, *window = pool2d_shape((1, *shape), *layer.window)[1:]
        return (
            Axis(height, window[0], window[2], window[4]),
            Axis(width, window[1], window[3], window[5], name="columns"),
        )
    return None


def stages_of(network: Sequential, picture: np.ndarray) -> list[Stage]:
    """The picture (H, W) and the output of every layer that changes numbers, by one pass through the network.

    A Softmax at the end is left out as well: what it gives are the probabilities.
    """
    results = [result.get()[0] for result in network.activations(picture[None, None])]
    stages = [Stage(-1, None, results[0])]
    for number, layer in enumerate(network.layers):
        if isinstance(layer, UNSEEN) or (layer is network.layers[-1] and isinstance(layer, Softmax)):
            continue
        before = results[number]
        axes = axes_of(layer, before.shape) if before.ndim == 3 else None
        stages.append(Stage(number, layer, results[number + 1], before, axes))
    return stages


def receptive_field(stages: Sequence[Stage], index: int, row: int, column: int) -> Area:
    """The pixels of the picture that a place of a stage can depend on; it may reach outside (padding).

    Going back through a layer of kernel k, stride s, padding p and dilation d, the outputs from a to b read
    the inputs from s a - p to s b - p + d (k - 1): A. Araujo, W. Norris and J. Sim, "Computing Receptive
    Fields of Convolutional Neural Networks", Distill 2019 (there for d = 1). A place of a dense layer, or
    of a layer that is not cnnkit's, may depend on the whole picture.
    """
    top, bottom, left, right = row, row, column, column
    for stage in reversed(stages[1 : index + 1]):
        if stage.axes is not None:
            rows, columns = stage.axes
            top, bottom = rows.cells(top)[0], rows.cells(bottom)[-1]
            left, right = columns.cells(left)[0], columns.cells(right)[-1]
        elif not (stage.spatial and isinstance(stage.layer, ONE_TO_ONE)):
            return 0, 0, *stages[0].values.shape[1:]
    return int(top), int(left), int(bottom - top + 1), int(right - left + 1)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Scores (N, classes) as probabilities, in float64."""
    powers = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def probabilities(network: Sequential, outputs: Any) -> np.ndarray:
    """A network's outputs (N, classes) as probabilities: by softmax, unless it ends with one."""
    ends_with_softmax = bool(network.layers) and isinstance(network.layers[-1], Softmax)
    return outputs.get().astype(np.float64) if ends_with_softmax else softmax(outputs.get())


# What the answer hangs on ------------------------------------------------------------------------


@dataclass(frozen=True)
class Occlusion:
    """How far a class falls when a gray patch covers a part of the picture.

    falls (P, Q): its probability without a patch minus that with one, whose corner lies at rows[p] and
    columns[q]; patch: the patch's side in pixels.
    """

    falls: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    patch: int

    def area(self, place: tuple[int, int]) -> Area:
        """What the patch covers at a place of the map."""
        return int(self.rows[place[0]]), int(self.columns[place[1]]), self.patch, self.patch


def places(size: int, patch: int, step: int) -> np.ndarray:
    """Where a patch begins on an axis of `size` pixels: every `step` pixels, and at the very end."""
    last = size - patch
    return np.unique(np.append(np.arange(0, last + 1, step), last))


def occlusion(
    network: Sequential, picture: np.ndarray, class_: int, patch: int, gray: float, step: int = 1
) -> Occlusion:
    """Cover each part of the picture (H, W) in turn and see the class fall; all places in one batch.

    After M. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", 2014. The picture
    itself is the first of the batch, so that both probabilities come from the same computation.
    """
    rows, columns = (places(size, patch, step) for size in picture.shape)
    batch = np.repeat(picture[None, None].astype(np.float32), 1 + len(rows) * len(columns), axis=0)
    for at, (row, column) in enumerate(((r, c) for r in rows for c in columns), 1):
        batch[at, 0, row : row + patch, column : column + patch] = gray
    chances = probabilities(network, network(batch))[:, class_]
    return Occlusion((chances[0] - chances[1:]).reshape(len(rows), len(columns)), rows, columns, patch)


def saliency(network: Sequential, picture: np.ndarray, class_: int) -> np.ndarray:
    """The slope of a class' score at every pixel, (H, W): what a little more ink there would do.

    K. Simonyan, A. Vedaldi and A. Zisserman, "Deep Inside Convolutional Networks", 2014, with its sign.
    """
    twin = _twin(network)
    scores = twin.forward(picture[None, None])
    upstream = np.zeros(scores.shape, dtype=np.float32)
    upstream[0, class_] = 1
    gradient = twin.backward(upstream)
    assert gradient is not None
    return gradient.get()[0, 0]


def _twin(network: Sequential) -> Sequential:
    """The same layers with the same parameters, whose backward pass leaves the network's own gradients alone.

    A cell may be training the network. Dropout and a Softmax at the end are left out.
    """
    layers = [layer for layer in network.layers if not isinstance(layer, Dropout)]
    if layers and isinstance(layers[-1], Softmax):
        layers.pop()
    twins = []
    for layer in layers:
        twin = copy.copy(layer)
        twin.kept = None
        for name, parameter in layer.named_parameters().items():
            own = copy.copy(parameter)
            own.grad = own.room = None
            setattr(twin, name, own)
        twins.append(twin)
    return Sequential(*twins)


# Whether the network can look ---------------------------------------------------------------------


def side_for(network: Sequential, sides: Sequence[int]) -> tuple[int, str]:
    """(side, "") with the first of `sides` such that the network turns a picture (1, side, side) into scores.

    (first side, sentence) with the reasons, when there is none.
    """
    reasons = []
    for side in sides:
        reason = _cannot_look(network, side)
        if not reason:
            return side, ""
        reasons.append(f"given {side}×{side}, {reason}")
    shapes = " or ".join(f"(1, {side}, {side})" for side in sides)
    return sides[0], (
        f"This network cannot look at the pad, which becomes one gray picture of shape {shapes}: "
        f"{'; '.join(reasons)}. Give a network that turns such a picture into one score for each class."
    )


def _cannot_look(network: Sequential, side: int) -> str:
    try:
        shape = network.summary((1, side, side)).rows[-1][1]
    except CnnkitError as error:
        text = " ".join(str(error).split()).rstrip(".")
        return text[:1].lower() + text[1:]
    if len(shape) != 1 or shape[0] < 2:
        return f"its output has the shape {tuple(shape)} and is no list of at least two scores"
    return ""
