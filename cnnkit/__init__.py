"""cnnkit: convolutional neural networks whose every number is computed by OpenCL kernels you can read.

The parts, each standing on the ones before it: devices (`devices`, `use`), operations (`conv2d`,
`relu`, ...), layers (`Conv2d`, `ReLU`, ...), `Sequential`, `fit`. Data sets are in `cnnkit.data`,
interactive pictures in `cnnkit.explore`, the float64 definitions of all operations in
`cnnkit.reference`.
"""

from importlib import import_module
from typing import Any

from .array import to_device
from .callbacks import Callback, LinearDecay
from .device import current_device, devices, use
from .errors import CnnkitError, DataError, DeviceError, DTypeError, ShapeError, TrainingError
from .export import export_onnx
from .kernel import BuildError
from .layers import (
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from .losses import CrossEntropyLoss, MSELoss
from .model import Sequential, load
from .ops import *  # noqa: F403
from .ops import __all__ as _operations
from .optim import SGD, Adam
from .train import evaluate, fit

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Adam",
    "AvgPool2d",
    "BuildError",
    "Callback",
    "CnnkitError",
    "Conv2d",
    "CrossEntropyLoss",
    "DTypeError",
    "DataError",
    "DeviceError",
    "Dropout",
    "Flatten",
    "LeakyReLU",
    "Linear",
    "LinearDecay",
    "MSELoss",
    "MaxPool2d",
    "ReLU",
    "Sequential",
    "ShapeError",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "TrainingError",
    "current_device",
    "devices",
    "evaluate",
    "export_onnx",
    "fit",
    "load",
    "to_device",
    "use",
]
__all__ += _operations

_LAZY = ("data", "explore", "gradcheck", "reference", "models")


def __getattr__(name: str) -> Any:
    if name in _LAZY:  # loaded when first used: they bring in larger libraries
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
