"""Activations and dropout against the float64 definition."""

import numpy as np
import pytest
from closeness import assert_close
from hypothesis import given
from hypothesis import strategies as st

import cnnkit
from cnnkit import reference
from cnnkit.errors import ShapeError

SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 88.0, -88.0, 500.0, -500.0, np.inf, -np.inf, np.nan], np.float32)
BY_INPUT, BY_OUTPUT = ("relu", "leaky_relu"), ("tanh", "sigmoid")

shapes = st.lists(st.integers(0, 9), min_size=1, max_size=4).map(tuple)


@pytest.mark.parametrize("name", BY_INPUT + BY_OUTPUT)
@given(shape=shapes, seed=st.integers(0, 2**31))
def test_forward_and_backward(device, name, shape, seed):
    rng = np.random.default_rng(seed)
    x, dy = (3 * rng.standard_normal(shape).astype(np.float32) for _ in range(2))
    y = getattr(reference, name)(x)
    assert_close(getattr(cnnkit, name)(x), y)
    seen = x if name in BY_INPUT else y.astype(np.float32)
    got = getattr(cnnkit, f"{name}_backward")(dy, seen)
    assert_close(got, getattr(reference, f"{name}_backward")(dy, seen))


@pytest.mark.parametrize("name", BY_INPUT + BY_OUTPUT)
def test_extreme_values(device, name):
    assert_close(getattr(cnnkit, name)(SPECIAL), getattr(reference, name)(SPECIAL))
    seen = SPECIAL if name in BY_INPUT else getattr(reference, name)(SPECIAL).astype(np.float32)
    dy = np.ones_like(SPECIAL)
    got = getattr(cnnkit, f"{name}_backward")(dy, seen)
    assert_close(got, getattr(reference, f"{name}_backward")(dy, seen))


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.3, 1.0, -0.5])
def test_the_leaky_slope(device, slope):
    x, dy = np.linspace(-2, 2, 41, dtype=np.float32), np.full(41, 3, np.float32)
    assert_close(cnnkit.leaky_relu(x, slope), reference.leaky_relu(x, slope))
    assert_close(cnnkit.leaky_relu_backward(dy, x, slope), reference.leaky_relu_backward(dy, x, slope))


@given(shape=shapes, p=st.floats(0, 0.99), seed=st.integers(-(2**40), 2**40))
def test_dropout_draws_what_the_definition_draws(device, shape, p, seed):
    x = 1 + np.random.default_rng(0).random(shape).astype(np.float32)
    p = float(np.float32(p))
    got, expected = cnnkit.dropout(x, p, seed).get(), reference.dropout(x, p, seed)
    np.testing.assert_array_equal(got == 0, expected == 0)
    assert_close(got, expected)
    assert_close(cnnkit.dropout_backward(x, p, seed), reference.dropout_backward(x, p, seed))


def test_dropout_drops_the_share_it_says(device):
    kept = cnnkit.dropout(np.ones(100_000), 0.3, seed=1).get()
    assert abs((kept == 0).mean() - 0.3) < 0.01
    assert abs(kept.mean() - 1) < 0.01
    other = cnnkit.dropout(np.ones(100_000), 0.3, seed=2).get()
    assert abs(((kept == 0) & (other == 0)).mean() - 0.09) < 0.01, "neighboring seeds must be unrelated"


@pytest.mark.parametrize("p", [-0.1, 1.0, 2, "half", float("nan")])
def test_a_share_that_is_none(p):
    with pytest.raises(ShapeError, match="0 <= p < 1"):
        cnnkit.dropout(np.ones(3), p, 0)


def test_gradients_of_another_shape():
    with pytest.raises(ShapeError, match=r"dy has shape \(2,\) and x \(3,\): they must be equal"):
        cnnkit.relu_backward(np.ones(2), np.ones(3))
