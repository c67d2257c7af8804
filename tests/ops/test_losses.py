"""Softmax, losses and hit counts against the float64 definition."""

import numpy as np
import pytest
from closeness import assert_close
from hypothesis import given
from hypothesis import strategies as st

import cnnkit
from cnnkit import reference
from cnnkit.array import to_device
from cnnkit.errors import CnnkitError, DTypeError, ShapeError
from cnnkit.ops.loss import count_correct

rows, columns = st.integers(1, 70), st.integers(1, 12)


@given(n=rows, k=columns, scale=st.sampled_from([0.1, 3.0, 50.0]), seed=st.integers(0, 2**31))
def test_probabilities_and_cross_entropy(device, n, k, scale, seed):
    rng = np.random.default_rng(seed)
    x, dy = (rng.standard_normal((n, k)).astype(np.float32) for _ in range(2))
    x *= np.float32(scale)
    labels = rng.integers(0, k, n)
    for name in ("softmax", "log_softmax"):
        y = getattr(reference, name)(x)
        assert_close(getattr(cnnkit, name)(x), y, k, factor=2e-6)
        y = y.astype(np.float32)
        got = getattr(cnnkit, f"{name}_backward")(dy, y)
        assert_close(got, getattr(reference, f"{name}_backward")(dy, y), k, scale=abs(dy).max())
    loss = reference.cross_entropy(x, labels)
    # A loss near 0 is the small difference of large numbers: the logits' size sets the error.
    assert abs(cnnkit.cross_entropy(x, labels).get() - loss) < 1e-6 * (abs(loss) + scale)
    assert_close(
        cnnkit.cross_entropy_backward(x, labels), reference.cross_entropy_backward(x, labels), k, scale=1 / n
    )


@given(n=rows, k=columns, reduction=st.sampled_from(["mean", "sum"]))
def test_squared_error(device, n, k, reduction):
    rng = np.random.default_rng([n, k])
    pred, target = (rng.standard_normal((n, k)).astype(np.float32) for _ in range(2))
    assert_close(cnnkit.mse(pred, target, reduction), reference.mse(pred, target, reduction), n * k)
    assert_close(
        cnnkit.mse_backward(pred, target, reduction), reference.mse_backward(pred, target, reduction)
    )


def test_known_values(device):
    assert_close(cnnkit.cross_entropy([[1, 2, 3]], [2]), 0.40760596, factor=1e-6)
    assert_close(cnnkit.cross_entropy_backward([[1, 2, 3]], [2]), [[0.09003057, 0.24472847, -0.33475904]])
    assert_close(cnnkit.cross_entropy(np.zeros((4, 10)), [0, 3, 5, 9]), np.log(10))
    assert_close(cnnkit.softmax([[1000, 1001, 1002]]), reference.softmax([[1, 2, 3]]))
    assert_close(cnnkit.log_softmax([[-1000, 0]]), [[-1000, 0]])
    assert cnnkit.cross_entropy([[1, 2]], [0]).shape == ()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_broken_shows(device, bad):
    x = np.array([[bad, 1.0, 2.0], [0.0, 1.0, 2.0]])
    for name in ("softmax", "log_softmax"):
        got = getattr(cnnkit, name)(x).get()
        assert np.isnan(got[0]).any() and np.isfinite(got[1]).all()
    assert np.isnan(cnnkit.cross_entropy(x, [0, 1]).get())


def test_hits(device):
    scores = [[1, 5, 2], [7, 7, 0], [0, 0, 3], [9, 1, 1]]
    assert count_correct(scores, [1, 0, 0, 0]).get() == 3  # of the equal 7s the first counts
    assert count_correct(np.eye(200)[:, :200], np.arange(200)).get() == 200


def test_a_label_out_of_range_is_refused_or_nan_never_read(device):
    with pytest.raises(ShapeError, match=r"labels\[1\] is 3 and there are 3 classes"):
        cnnkit.cross_entropy(np.zeros((2, 3)), [0, 3])
    on_device = to_device(np.array([0, -1]), "labels", np.int32)
    assert np.isnan(cnnkit.cross_entropy(np.zeros((2, 3)), on_device).get())
    assert np.isnan(cnnkit.cross_entropy_backward(np.zeros((2, 3)), on_device).get()[1]).all()


def test_mistakes():
    with pytest.raises(ShapeError, match="at least 1 row"):
        cnnkit.cross_entropy(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(ShapeError, match=r"labels has shape \(2,\) and must have \(3,\)"):
        cnnkit.cross_entropy(np.zeros((3, 4)), [0, 1])
    with pytest.raises(DTypeError, match="whole numbers"):
        cnnkit.cross_entropy(np.zeros((2, 4)), [0.5, 1.0])
    with pytest.raises(ShapeError, match="they must be equal"):
        cnnkit.mse(np.zeros(3), np.zeros(4))
    with pytest.raises(CnnkitError, match="reduction"):
        cnnkit.mse(np.zeros(3), np.zeros(3), "median")
    with pytest.raises(ShapeError, match="2 dimensions"):
        cnnkit.softmax(np.zeros(3))
    assert cnnkit.softmax(np.zeros((0, 3))).shape == (0, 3)
