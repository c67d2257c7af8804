"""Networks that the tests of more than one explorer look into."""

import pytest

import cnnkit


@pytest.fixture
def linear():
    """A network whose scores are sums: its occlusion and its gradient are known exactly."""
    return cnnkit.Sequential(cnnkit.Flatten(), cnnkit.Linear(64, 3), seed=1)


@pytest.fixture
def deep():
    """Strides, paddings, dilation and both poolings; scores of 4 classes."""
    return cnnkit.Sequential(
        cnnkit.Conv2d(1, 3, 3, padding=2, dilation=2),
        cnnkit.LeakyReLU(0.1),
        cnnkit.MaxPool2d(3, stride=2, padding=1),
        cnnkit.Conv2d(3, 2, (2, 3), padding="same"),
        cnnkit.Tanh(),
        cnnkit.AvgPool2d(2),
        cnnkit.Flatten(),
        cnnkit.Dropout(0.5),
        cnnkit.Linear(8, 20),
        cnnkit.ReLU(),
        cnnkit.Linear(20, 4),
        cnnkit.Softmax(),
        seed=3,
    )
