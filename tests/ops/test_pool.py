"""Pooling and its gradients against the float64 definition."""

import numpy as np
import pytest
from closeness import assert_close
from hypothesis import given
from hypothesis import strategies as st

import cnnkit
from cnnkit import reference
from cnnkit.errors import ShapeError
from cnnkit.ops.pool import route_to_winners
from cnnkit.ops.variants import VARIANTS


@st.composite
def problems(draw):
    """An input with many equal values (ties), and a window that fits."""
    window = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    padding = tuple(draw(st.integers(0, k - 1)) for k in window)
    stride = draw(st.sampled_from([None, 1, 2, (1, 3), 5]))
    h, w = (draw(st.integers(k, k + 9)) for k in window)
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 4)), h, w)
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    x = rng.integers(-2, 3, shape) if draw(st.booleans()) else rng.standard_normal(shape)
    return x.astype(np.float32), {"kernel_size": window, "stride": stride, "padding": padding}


def gradient_like(y):
    return np.random.default_rng(2).standard_normal(y.shape).astype(np.float32)


@pytest.mark.parametrize("variant", VARIANTS["max_pool2d_forward"])
@given(problem=problems())
def test_max_pooling(device, variant, problem):
    x, how = problem
    y = reference.max_pool2d(x, **how)
    assert_close(cnnkit.max_pool2d(x, **how, variant=variant), y)
    dy = gradient_like(y)
    got = cnnkit.max_pool2d_backward(dy, x, **how, variant=variant)
    assert_close(got, reference.max_pool2d_backward(dy, x, **how), 16)


@pytest.mark.parametrize("variant", VARIANTS["max_pool2d_backward"])
@given(problem=problems())
def test_a_relu_before_the_pooling_in_the_same_pass(device, variant, problem):
    x, how = problem
    positive = cnnkit.relu(x)
    y, winners = cnnkit.max_pool2d(positive, **how, return_indices=True, variant=variant)
    dy = gradient_like(y)
    got = route_to_winners(cnnkit.to_device(dy), winners, x.shape, *how.values(), positive=y, variant=variant)
    assert_close(
        got, reference.relu_backward(reference.max_pool2d_backward(dy, positive.get(), **how), x), 16
    )


@pytest.mark.parametrize("variant", VARIANTS["max_pool2d_forward"])
def test_nan_and_infinity_win_and_show(device, variant):
    x = np.zeros((1, 2, 6, 10), np.float32)
    x[0, 0, 2, 3], x[0, 0, 2, 2], x[0, 1, 0, 9] = np.nan, np.inf, np.inf
    x[0, 1, 4:] = -np.inf
    y, winners = cnnkit.max_pool2d(x, 2, return_indices=True, variant=variant)
    assert_close(y, reference.max_pool2d(x, 2))
    assert winners.get()[0, 0, 1, 1] == 2 * 10 + 3 and winners.get()[0, 1, 2, 0] == 4 * 10


@given(problem=problems(), count_include_pad=st.booleans())
def test_average_pooling(device, problem, count_include_pad):
    x, how = problem
    how = how | {"count_include_pad": count_include_pad}
    y = reference.avg_pool2d(x, **how)
    assert_close(cnnkit.avg_pool2d(x, **how), y, 16)
    dy = gradient_like(y)
    assert_close(
        cnnkit.avg_pool2d_backward(dy, x.shape, **how), reference.avg_pool2d_backward(dy, x.shape, **how), 16
    )


def test_the_first_of_equals_wins(device):
    x = np.full((1, 1, 2, 2), 7.0)
    y, winners = cnnkit.max_pool2d(x, 2, return_indices=True)
    assert y.get().item() == 7 and winners.get().item() == 0
    assert cnnkit.max_pool2d_backward(np.ones((1, 1, 1, 1)), x, 2).get().ravel().tolist() == [1, 0, 0, 0]


def test_a_pixel_that_wins_four_windows_gets_four_gradients(device):
    x = np.array([[1, 2, 3], [4, 9, 5], [6, 7, 8]]).reshape(1, 1, 3, 3)
    dx = cnnkit.max_pool2d_backward(np.ones((1, 1, 2, 2)), x, 2, stride=1)
    assert dx.get()[0, 0].tolist() == [[0, 0, 0], [0, 4, 0], [0, 0, 0]]


def test_nan_wins_and_infinities_are_ordinary(device):
    x = np.array([[np.nan, 1, -np.inf, -np.inf], [2, 3, -np.inf, -np.inf]]).reshape(1, 1, 2, 4)
    assert_close(cnnkit.max_pool2d(x, 2), reference.max_pool2d(x, 2))
    assert_close(
        cnnkit.max_pool2d_backward(np.ones((1, 1, 1, 2)), x, 2),
        reference.max_pool2d_backward(np.ones((1, 1, 1, 2)), x, 2),
    )
    assert_close(cnnkit.avg_pool2d(x, 2), reference.avg_pool2d(x, 2))


def test_an_empty_batch(device):
    x = np.zeros((0, 3, 4, 4))
    assert cnnkit.max_pool2d(x, 2).get().shape == (0, 3, 2, 2)
    assert cnnkit.avg_pool2d(x, 2).get().shape == (0, 3, 2, 2)
    assert cnnkit.max_pool2d_backward(np.zeros((0, 3, 2, 2)), x, 2).shape == (0, 3, 4, 4)


@pytest.mark.parametrize("pool", [cnnkit.max_pool2d, cnnkit.avg_pool2d])
@pytest.mark.parametrize(
    ("x", "how", "words"),
    [
        (np.ones((4, 4)), {"kernel_size": 2}, "x must have 4 dimensions"),
        (np.ones((1, 1, 4, 4)), {"kernel_size": 5}, "kernel is 5 high and the padded input only 4"),
        (
            np.ones((1, 1, 4, 4)),
            {"kernel_size": 2, "padding": 2},
            "padding (2, 2) must be below kernel_size (2, 2)",
        ),
        (np.ones((1, 1, 4, 4)), {"kernel_size": 2, "stride": 0}, "stride must be at least 1, and it is 0"),
        (np.ones((1, 1, 4, 4)), {"kernel_size": 0}, "kernel_size must be at least 1"),
        (np.ones((1, 0, 4, 4)), {"kernel_size": 2}, "only the batch may be empty"),
    ],
)
def test_mistakes_are_named_with_both_numbers(pool, x, how, words):
    with pytest.raises(ShapeError) as caught:
        pool(x, **how)
    assert words in str(caught.value)


def test_indices_of_another_shape():
    with pytest.raises(ShapeError, match=r"dy has shape \(1, 1, 3, 3\) and must have \(1, 1, 2, 2\)"):
        cnnkit.max_pool2d_backward(np.ones((1, 1, 3, 3)), np.ones((1, 1, 4, 4)), 2)
