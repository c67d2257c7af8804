"""Layers: shapes, gradients through a whole network, initial values, and what wrong use is told."""

import numpy as np
import pytest
from closeness import assert_close

import cnnkit
from cnnkit import (
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    reference,
)
from cnnkit.errors import CnnkitError, ShapeError


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


EACH = [
    (Conv2d(3, 4, 3, stride=2, padding=1, seed=0), (2, 3, 7, 8)),
    (Conv2d(3, 4, (1, 3), padding="same", bias=False, seed=0), (2, 3, 7, 8)),
    (Linear(6, 5, seed=0), (3, 6)),
    (Linear(6, 5, bias=False, init="glorot", seed=0), (3, 6)),
    (ReLU(), (2, 3, 4, 5)),
    (LeakyReLU(0.2), (2, 3, 4, 5)),
    (Tanh(), (2, 7)),
    (Sigmoid(), (2, 7)),
    (Softmax(), (3, 5)),
    (MaxPool2d(2), (2, 3, 6, 7)),
    (MaxPool2d(3, stride=2, padding=1), (2, 3, 6, 7)),
    (AvgPool2d(2), (2, 3, 6, 7)),
    (AvgPool2d(3, stride=2, padding=1, count_include_pad=False), (2, 3, 6, 7)),
    (Flatten(), (2, 3, 4, 5)),
    (Dropout(0.4), (2, 30)),
]


@pytest.mark.parametrize(("layer", "shape"), EACH, ids=[f"{layer!r}" for layer, _ in EACH])
def test_forward_is_the_call_and_backward_its_derivative(layer, shape):
    """<dy, f(x + v) - f(x - v)> / 2 = <dx, v> for small random v, and so for each parameter."""
    x, seed_of_dy = normal(*shape), 5
    if isinstance(layer, Dropout):
        layer.calls = 0
    y = layer.forward(x).get()
    assert y.shape[1:] == layer.output_shape(shape[1:])
    if not isinstance(layer, Dropout):
        np.testing.assert_array_equal(y, layer(x).get())
    dy = normal(*y.shape, seed=seed_of_dy)
    dx = layer.backward(dy).get()
    assert dx.shape == x.shape

    def moved(change):
        if isinstance(layer, Dropout):
            layer.calls = 0
            return layer.forward(change).get()
        return layer(change).get()

    v = 1e-3 * normal(*shape, seed=9)
    measured = (dy * (moved(x + v).astype(float) - moved(x - v))).sum() / 2
    scale = np.sqrt(((dx * v) ** 2).sum()) + 1e-6
    assert abs(measured - (dx * v).sum()) < 0.05 * scale
    for parameter in layer.parameters:
        start, step = parameter.value.get(), 1e-3 * normal(*parameter.shape, seed=11)
        grad = parameter.grad.get()
        parameter.set(start + step)
        above = layer(x).get()
        parameter.set(start - step)
        measured = (dy * (above.astype(float) - layer(x).get())).sum() / 2
        parameter.set(start)
        assert abs(measured - (grad * step).sum()) < 0.05 * np.sqrt(((grad * step) ** 2).sum())


def test_a_network_is_its_operations_in_a_row(device):
    model = Sequential(
        Conv2d(1, 3, 3, padding=1), ReLU(), MaxPool2d(2), Flatten(), Linear(48, 10), Softmax(), seed=1
    )
    x = normal(2, 1, 8, 8)
    p = {name: q.value.get() for name, q in model.named_parameters().items()}
    y = reference.conv2d(x, p["0.w"], p["0.b"], padding=1)
    y = reference.flatten(reference.max_pool2d(reference.relu(y), 2))
    assert_close(model(x), reference.softmax(reference.linear(y, p["4.w"], p["4.b"])), 48)
    assert [a.shape for a in model.activations(x)] == [
        (2, 1, 8, 8),
        (2, 3, 8, 8),
        (2, 3, 8, 8),
        (2, 3, 4, 4),
        (2, 48),
        (2, 10),
        (2, 10),
    ]
    np.testing.assert_allclose(model.predict(x, batch_size=1), model(x).get(), rtol=1e-6)
    assert model.predict(x[:0]).shape == (0, 10)


@pytest.mark.parametrize("filters", [3, 16])
def test_layers_that_share_a_pass_compute_what_each_does_alone(device, filters):
    """Sequential runs Conv2d with the ReLU behind it, and MaxPool2d's gradient with the ReLU before it."""
    model = Sequential(
        ReLU(),
        Conv2d(2, filters, 3, padding=1),
        ReLU(),
        MaxPool2d(2),
        Conv2d(filters, 4, 3),
        ReLU(),
        ReLU(),
        MaxPool2d(2, stride=1),
        seed=0,
    )
    x = normal(3, 2, 9, 8)
    y, together = model.forward(x), model(x)
    dy = normal(*y.shape)
    dx = model.backward(dy).get()
    slopes = {name: p.grad.get() for name, p in model.named_parameters().items()}
    alone = x
    for layer in model.layers:
        alone = layer.forward(alone)
    assert np.array_equal(alone.get(), y.get()) and np.array_equal(together.get(), y.get())
    for layer in reversed(model.layers):
        dy = layer.backward(dy)
    assert np.array_equal(dy.get(), dx)
    for name, p in model.named_parameters().items():
        assert np.array_equal(p.grad.get(), slopes[name])


def test_the_first_layers_input_gradient_can_be_left_out():
    model = Sequential(Conv2d(1, 2, 3), ReLU(), Flatten(), Linear(8, 2), seed=0)
    y = model.forward(normal(1, 1, 4, 4))
    assert model.backward(np.ones(y.shape), input_gradient=False) is None
    slim = [p.grad.get() for p in model.parameters]
    assert model.backward(np.ones(y.shape)).shape == (1, 1, 4, 4)
    for a, b in zip(slim, model.parameters, strict=True):
        np.testing.assert_array_equal(a, b.grad.get())


def test_the_summary_of_the_article():
    """32x32x3 to 32x32x12 to 16x16x12 to 10 classes, with the parameters counted."""
    model = Sequential(
        Conv2d(3, 12, 3, padding="same"), ReLU(), MaxPool2d(2), Flatten(), Linear(3072, 10), Softmax()
    )
    summary = model.summary((3, 32, 32))
    assert [row[1] for row in summary.rows] == [
        (3, 32, 32),
        (12, 32, 32),
        (12, 32, 32),
        (12, 16, 16),
        (3072,),
        (10,),
        (10,),
    ]
    assert [row[2] for row in summary.rows] == [0, 336, 0, 0, 0, 30_730, 0]
    assert summary.parameters == 31_066
    assert "31,066" in str(summary) and "12 x 16 x 16" in str(summary)
    assert "<table>" in summary._repr_html_() and "30,730" in summary._repr_html_()
    assert Conv2d(3, 12, 5).w.size + 12 == 912


def test_lenet_5():
    model = Sequential(
        Conv2d(1, 6, 5, padding=2), Tanh(), AvgPool2d(2), Conv2d(6, 16, 5), Tanh(), AvgPool2d(2), Flatten(),
        Linear(400, 120), Tanh(), Linear(120, 84), Tanh(), Linear(84, 10),
    )  # fmt: skip
    assert model.summary((1, 28, 28)).parameters == 61_706


def test_seeds():
    def make(seed):
        return Sequential(Conv2d(1, 4, 3), Flatten(), Linear(16, 4), seed=seed).state()

    one, again, other = make(1), make(1), make(2)
    for name in one:
        np.testing.assert_array_equal(one[name], again[name])
    assert not np.array_equal(one["0.w"], other["0.w"])
    np.testing.assert_array_equal(
        Conv2d(1, 4, 3, seed=3).w.value.get(), Conv2d(1, 4, 3, seed=3).w.value.get()
    )


@pytest.mark.parametrize(("init", "variance"), [("he", 2 / 288), ("glorot", 2 / (288 + 576))])
def test_initial_weights_have_the_papers_variance(init, variance):
    layer = Conv2d(32, 64, 3, init=init, seed=0)
    weights = layer.w.value.get()
    assert abs(weights.var() / variance - 1) < 0.03
    assert abs(weights.mean()) < 0.01 * np.sqrt(variance) * 10
    assert not layer.b.value.get().any()


def test_dropout_rests_when_predicting():
    layer = Dropout(0.5)
    x = normal(4, 100)
    np.testing.assert_array_equal(layer(x).get(), x)
    first, second = layer.forward(x).get(), layer.forward(x).get()
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ReLU().backward(np.ones(3)), CnnkitError, r"ReLU\(\): call forward\(x\) before backward"),
        (lambda: Sequential(ReLU(), 3), ShapeError, "argument 1 is an int: write seed=seed"),
        (lambda: Sequential(ReLU(), 3, seed=0), ShapeError, r"argument 1 is an int\.$"),
        (lambda: Sequential([ReLU()]), ShapeError, r"argument 0 is a list\.$"),
        (
            lambda: Sequential(Conv2d(1, 8, 3), Conv2d(4, 6, 3, padding=1)).summary((1, 8, 8)),
            ShapeError,
            r"In layer 1, .* has 8 channels and the filters 4: .* so write Conv2d\(8, 6, 3, padding=1\)\.",
        ),
        (
            lambda: Conv2d(3, 2, (3, 1), bias=False)(np.ones((1, 1, 8, 8))),
            ShapeError,
            r"has 1 channel and the filters 3: .* so write Conv2d\(1, 2, \(3, 1\), bias=False\)\.",
        ),
        (lambda: Sequential(*[ReLU()] * 2), ShapeError, "one layer twice"),
        (
            lambda: Sequential(ReLU(), Linear(5, 2))(np.ones((1, 6))),
            ShapeError,
            r"In layer 1, Linear\(in_features=5, out_features=2\): linear: the input has 6 features",
        ),
        (
            lambda: Sequential(Conv2d(1, 2, 3), Linear(5, 2)).summary((1, 8, 8)),
            ShapeError,
            r"In layer 1, .* shape \(2, 6, 6\) and this layer expects \(5,\): put Flatten\(\) before it",
        ),
        (lambda: MaxPool2d(2).output_shape((10,)), ShapeError, r"expects a volume \(C, H, W\)"),
        (lambda: Sequential(Softmax), ShapeError, "argument 0 is the class Softmax: .* parentheses"),
        (lambda: Linear(64 / 2, 10), ShapeError, "whole number, not 32.0"),
        (lambda: Sequential(Linear(6, 2)).summary((5,)), ShapeError, r"write Linear\(5, 2\)"),
        (lambda: Sequential(Linear(6, 2)).predict(np.ones((2, 6)), 0), ShapeError, "batch_size"),
        (lambda: Conv2d(1, 0, 3), ShapeError, "number of outputs must be at least 1, not 0"),
        (lambda: Conv2d(1, 1, 3, init="best"), CnnkitError, '"he" or "glorot"'),
        (
            lambda: Linear(2, 3).w.set(np.ones((2, 3))),
            ShapeError,
            r"shape \(3, 2\) and the new values \(2, 3\)",
        ),
    ],
)
def test_mistakes_are_told(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_repr_shows_what_was_chosen():
    assert repr(Conv2d(1, 8, 3, padding="same", bias=False)) == (
        "Conv2d(in_channels=1, out_channels=8, kernel_size=3, padding='same', bias=False)"
    )
    assert repr(cnnkit.SGD(0.1, momentum=0.9)) == "SGD(lr=0.1, momentum=0.9, weight_decay=0)"
