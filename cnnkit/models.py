"""Networks that the course and the command line train."""

from __future__ import annotations

from .errors import ShapeError
from .layers import Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Shape
from .model import Sequential


def small_cnn(input_shape: Shape, classes: int, seed: int = 0) -> Sequential:
    """A small convolutional network for images of `input_shape` (C, H, W), 8x8 or larger.

    Two convolutions with ReLU, pooling after each (after the second alone below 16x16, where a picture
    has little to spare), a hidden dense layer with dropout, and one score per class.
    """
    channels, height, width = input_shape
    if min(height, width) < 8:
        raise ShapeError(f"small_cnn takes images of at least 8x8, and these are {height}x{width}.")
    pools = 1 if min(height, width) < 16 else 2
    features = 32 * (height // 2**pools) * (width // 2**pools)
    first_pool = [MaxPool2d(2)] if pools == 2 else []
    return Sequential(
        Conv2d(channels, 16, 3, padding=1),
        ReLU(),
        *first_pool,
        Conv2d(16, 32, 3, padding=1),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Linear(features, 64),
        ReLU(),
        Dropout(0.3),
        Linear(64, classes),
        seed=seed,
    )
