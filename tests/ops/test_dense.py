"""Matrix products, dense layers and flatten against the float64 definition."""

import numpy as np
import pytest
from closeness import assert_close
from hypothesis import given
from hypothesis import strategies as st

import cnnkit
from cnnkit import reference
from cnnkit.errors import ShapeError
from cnnkit.ops.variants import VARIANTS

size = st.integers(1, 40)


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("variant", VARIANTS["matmul"])
@given(rows=size, inner=size, columns=size, ta=st.booleans(), tb=st.booleans())
def test_matmul(device, variant, rows, inner, columns, ta, tb):
    a, b = normal(rows, inner), normal(inner, columns, seed=1)
    stored = (a.T.copy() if ta else a, b.T.copy() if tb else b)
    assert_close(cnnkit.matmul(*stored, ta, tb, variant=variant), reference.matmul(a, b), inner)


@given(rows=size, inner=size, columns=size)
def test_backward_of_matmul_and_linear(device, rows, inner, columns):
    a, b, w = normal(rows, inner), normal(inner, columns, seed=1), normal(columns, inner, seed=2)
    bias, dy = normal(columns, seed=3), normal(rows, columns, seed=4)
    lengths = (columns, rows, rows)
    for g, e, n in zip(
        cnnkit.matmul_backward(dy, a, b), reference.matmul_backward(dy, a, b), lengths, strict=False
    ):
        assert_close(g, e, n)
    assert_close(cnnkit.linear(a, w), reference.linear(a, w), inner)
    assert_close(cnnkit.linear(a, w, bias), reference.linear(a, w, bias), inner)
    for g, e, n in zip(
        cnnkit.linear_backward(dy, a, w), reference.linear_backward(dy, a, w), lengths, strict=True
    ):
        assert_close(g, e, n)


@pytest.mark.parametrize("variant", VARIANTS["matmul"])
def test_long_sums(device, variant):
    a, b = normal(5, 5000), normal(5000, 19, seed=1)
    assert_close(cnnkit.matmul(a, b, variant=variant), reference.matmul(a, b), 5000)


@pytest.mark.parametrize("shape", [(0, 3, 2), (2, 0, 3), (2, 3, 0)])
def test_empty_matrices(device, shape):
    rows, inner, columns = shape
    a, b = np.ones((rows, inner)), np.ones((inner, columns))
    assert_close(cnnkit.matmul(a, b), a @ b)
    assert_close(cnnkit.linear(a, b.T, np.full(columns, 2.0)), a @ b + 2)
    dx, dw, db = cnnkit.linear_backward(np.ones((rows, columns)), a, b.T)
    assert_close(dx, np.ones((rows, columns)) @ b.T)
    assert_close(dw, np.ones((columns, rows)) @ a)
    assert_close(db, np.full(columns, float(rows)))


@pytest.mark.parametrize("variant", VARIANTS["matmul"])
def test_nan_stays_in_its_row(device, variant):
    a = np.ones((20, 20), np.float32)
    a[3, 3] = np.nan
    assert_close(cnnkit.matmul(a, np.ones((20, 20)), variant=variant), reference.matmul(a, np.ones((20, 20))))


def test_flatten_and_back(device):
    x = normal(2, 3, 4, 5)
    flat = cnnkit.flatten(x)
    np.testing.assert_array_equal(flat.get(), x.reshape(2, 60))
    np.testing.assert_array_equal(cnnkit.flatten_backward(flat, x.shape).get(), x)
    assert cnnkit.flatten(np.zeros((0, 3, 4))).shape == (0, 12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cnnkit.matmul(np.ones((2, 3)), np.ones((4, 5))), "the inner sizes 3 and 4 must be equal"),
        (lambda: cnnkit.matmul(np.ones(3), np.ones((3, 5))), "a must have 2 dimensions"),
        (
            lambda: cnnkit.linear(np.ones((2, 3)), np.ones((5, 4))),
            "the input has 3 features and the weights expect 4",
        ),
        (
            lambda: cnnkit.linear(np.ones((2, 3, 4, 4)), np.ones((5, 48))),
            "cnnkit.flatten turns feature maps into rows",
        ),
        (
            lambda: cnnkit.linear(np.ones((2, 3)), np.ones((5, 3)), np.ones(4)),
            "one bias for each of the 5 neurons",
        ),
        (lambda: cnnkit.flatten(np.ones(3)), "flatten needs a batch"),
        (
            lambda: cnnkit.flatten_backward(np.ones((2, 6)), (2, 7)),
            "dy has 12 numbers and x_shape (2, 7) asks for 14",
        ),
    ],
)
def test_mistakes_are_named_with_both_numbers(call, words):
    with pytest.raises(ShapeError) as caught:
        call()
    assert words in str(caught.value)
