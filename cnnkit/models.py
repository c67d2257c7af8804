"""Networks that the course and the command line train."""

from __future__ import annotations

from .errors import ShapeError
from .layers import Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Shape
from .model import Sequential


def small_cnn(input_shape: Shape, classes: int, seed: int = 0) -> Sequential:
    """A small convolutional network for images of `input_shape` (C, H, W), 8x8 or larger.

    Two convolutions with ReLU. Below 16x16, where a picture has little to spare, one pooling and straight
    to the scores: the course's network for digits. From 16x16 on, pooling after each convolution and a
    hidden dense layer. Dropout before the last layer.
    """
    channels, height, width = input_shape
    if min(height, width) < 8:
        raise ShapeError(f"small_cnn takes images of at least 8x8, and these are {height}x{width}.")
    if min(height, width) < 16:
        return Sequential(
            Conv2d(channels, 16, 3, padding=1),
            ReLU(),
            Conv2d(16, 16, 3, padding=1),
            ReLU(),
            MaxPool2d(2),
            Flatten(),
            Dropout(0.3),
            Linear(16 * (height // 2) * (width // 2), classes),
            seed=seed,
        )
    return Sequential(
        Conv2d(channels, 16, 3, padding=1),
        ReLU(),
        MaxPool2d(2),
        Conv2d(16, 32, 3, padding=1),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Linear(32 * (height // 4) * (width // 4), 64),
        ReLU(),
        Dropout(0.3),
        Linear(64, classes),
        seed=seed,
    )
