"""Networks that the course and the command line train."""

from __future__ import annotations

from .errors import ShapeError
from .layers import Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Shape
from .model import Sequential


def small_cnn(input_shape: Shape, classes: int, seed: int = 0) -> Sequential:
    """A small convolutional network for images of `input_shape` (C, H, W), 8x8 or larger.

    Two convolutions with ReLU, dropout, and one dense layer to the scores. Below 16x16, where a picture has
    little to spare: filters of 3x3 and one pooling, the course's network for digits. From 16x16 on: filters
    of 5x5 and pooling after each convolution.
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
        Conv2d(channels, 16, 5, padding=2),
        ReLU(),
        MaxPool2d(2),
        Conv2d(16, 32, 5, padding=2),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Dropout(0.3),
        Linear(32 * (height // 4) * (width // 4), classes),
        seed=seed,
    )
