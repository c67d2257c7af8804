"""What every operation of cnnkit means: the formulas in float64 NumPy, and nothing else.

This package is the specification that the OpenCL kernels are tested against. It imports NumPy alone, knows
nothing of the rest of cnnkit and is written to be read beside a textbook: each docstring gives the formula,
each body is that formula. Speed is not its job; loops run over the few cells of a window ("taps"), NumPy
does the rest.

Letters: N images, C channels in, K channels out, H x W cells, windows of R x S taps, OH x OW outputs,
I inputs and O outputs of a dense layer. For a loss L and an output y, `dy` stands for dL/dy; a backward
function turns it into dL/d(input) by the chain rule. What is called convolution here, as in every
deep-learning library, is cross-correlation: the filter is not flipped.

Every function takes anything NumPy can read as numbers and returns new float64 arrays. Shapes that do not
fit raise ValueError, class numbers that are not integers TypeError.
"""

from .convolution import conv2d, conv2d_backward
from .dense import (
    cross_entropy,
    cross_entropy_backward,
    flatten,
    flatten_backward,
    linear,
    linear_backward,
    log_softmax,
    log_softmax_backward,
    matmul,
    matmul_backward,
    mse,
    mse_backward,
    softmax,
    softmax_backward,
)
from .optimizers import adam_step, sgd_step
from .pointwise import (
    dropout,
    dropout_backward,
    hash_uniform,
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    tanh,
    tanh_backward,
)
from .pooling import avg_pool2d, avg_pool2d_backward, max_pool2d, max_pool2d_backward
from .windows import output_size, resolve_padding

__all__ = [
    "adam_step",
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
    "hash_uniform",
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
    "output_size",
    "relu",
    "relu_backward",
    "resolve_padding",
    "sgd_step",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_backward",
    "tanh",
    "tanh_backward",
]
