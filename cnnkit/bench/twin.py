"""The same network in PyTorch: layer for layer, with the same weights."""

from __future__ import annotations

from typing import Any

from .. import layers
from ..errors import CnnkitError
from ..model import Sequential


def torch_twin(torch: Any, model: Sequential) -> Any:
    """A `torch.nn.Sequential` with the layers and the present weights of `model`."""
    return torch.nn.Sequential(*(_twin(torch, layer) for layer in model.layers))


def without_dropout(model: Sequential) -> Sequential:
    """The same network and weights without its Dropout layers, whose chance no two libraries share."""
    kept = [layer for layer in model.layers if not isinstance(layer, layers.Dropout)]
    copy = Sequential(*(type(layer)(**layer.config) for layer in kept))
    for own, other in zip(copy.parameters, (p for layer in kept for p in layer.parameters), strict=True):
        own.set(other.value.get())
    return copy


def _twin(torch: Any, layer: layers.Layer) -> Any:
    nn = torch.nn
    match layer:
        case layers.Conv2d() | layers.Linear():
            return _with_weights(torch, layer)
        case layers.MaxPool2d():
            return nn.MaxPool2d(*layer.window)
        case layers.AvgPool2d():
            return nn.AvgPool2d(*layer.window, count_include_pad=layer.count_include_pad)
        case layers.LeakyReLU():
            return nn.LeakyReLU(layer.slope)
        case layers.Dropout():
            return nn.Dropout(layer.p)
        case layers.Softmax():
            return nn.Softmax(dim=1)
        case layers.ReLU() | layers.Tanh() | layers.Sigmoid() | layers.Flatten():
            return getattr(nn, type(layer).__name__)()
    raise CnnkitError(f"There is no twin in PyTorch for {layer!r} yet.")


def _with_weights(torch: Any, layer: Any) -> Any:
    settings: dict[str, Any] = {"bias": layer.b is not None}
    if isinstance(layer, layers.Conv2d):
        outputs, inputs, *window = layer.w.shape
        settings |= {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
        twin = torch.nn.Conv2d(inputs, outputs, tuple(window), **settings)
    else:
        twin = torch.nn.Linear(*reversed(layer.w.shape), **settings)
    with torch.no_grad():
        twin.weight.copy_(torch.from_numpy(layer.w.value.get()))
        if layer.b is not None:
            twin.bias.copy_(torch.from_numpy(layer.b.value.get()))
    return twin
