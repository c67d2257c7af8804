"""Operations: each checks its arguments, chooses a kernel and launches it; forward beside backward.

All take NumPy or device arrays (see `cnnkit.array` for the conversion) and return device arrays. A
backward is named after its forward and takes the gradient `dy` first, then what the forward saw.
"""

from .conv import conv2d, conv2d_backward
from .dense import flatten, flatten_backward, linear, linear_backward, matmul, matmul_backward
from .elementwise import (
    dropout,
    dropout_backward,
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    tanh,
    tanh_backward,
)
from .loss import cross_entropy, cross_entropy_backward, mse, mse_backward
from .pool import avg_pool2d, avg_pool2d_backward, max_pool2d, max_pool2d_backward
from .probability import log_softmax, log_softmax_backward, softmax, softmax_backward

__all__ = [
    "avg_pool2d",
    "avg_pool2d_backward",
    "conv2d",
    "conv2d_backward",
    "cross_entropy",
    "cross_entropy_backward",
    "dropout",
    "dropout_backward",
    "flatten",
    "flatten_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "linear",
    "linear_backward",
    "log_softmax",
    "log_softmax_backward",
    "matmul",
    "matmul_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "mse",
    "mse_backward",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_backward",
    "tanh",
    "tanh_backward",
]
