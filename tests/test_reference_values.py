"""The reference against what is known without it: activations, dense layers, losses, dropout, optimizers."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_cases import dims, images

from cnnkit import reference as ref

quick = settings(max_examples=60, deadline=None)

# ---------------------------------------------------------------- values that are not ordinary


def test_not_a_number_and_infinity():
    x = np.array([[np.nan, np.inf, -np.inf, 0.0, -0.0]])
    ones, nan = np.ones_like(x), np.nan
    np.testing.assert_array_equal(ref.relu(x), [[nan, np.inf, 0, 0, 0]])
    np.testing.assert_array_equal(ref.relu_backward(ones, x), [[nan, 1, 0, 0, 0]])
    np.testing.assert_array_equal(ref.relu_backward(np.inf * ones, x), [[nan, np.inf, 0, 0, 0]])
    np.testing.assert_array_equal(ref.leaky_relu(x, 0.5), [[nan, np.inf, -np.inf, 0, 0]])
    np.testing.assert_array_equal(ref.leaky_relu_backward(ones, x, 0.5), [[nan, 1, 0.5, 0.5, 0.5]])
    np.testing.assert_array_equal(ref.tanh(x), [[nan, 1, -1, 0, 0]])
    np.testing.assert_array_equal(ref.sigmoid(x), [[nan, 1, 0, 0.5, 0.5]])
    np.testing.assert_array_equal(ref.softmax([[0.0, -np.inf, 0.0]]), [[0.5, 0, 0.5]])
    np.testing.assert_array_equal(ref.log_softmax([[0.0, -np.inf]]), [[0, -np.inf]])
    assert np.isnan(ref.softmax([[0.0, np.inf], [-np.inf, -np.inf], [nan, 0]])).all()
    assert np.isnan(ref.conv2d([[[[nan]]]], [[[[0.0]]]])).all()


@pytest.mark.filterwarnings("error")
def test_large_values_do_not_overflow():
    small, large = ref.softmax([[1.0, 2, 3]]), ref.softmax([[1000.0, 1001, 1002]])
    np.testing.assert_allclose(large, small, rtol=1e-14)
    np.testing.assert_allclose(small, [[0.09003057, 0.24472847, 0.66524096]], atol=5e-9)
    np.testing.assert_allclose(ref.cross_entropy([[1000.0, 1001, 1002]], [2]), 0.407606, atol=5e-7)
    assert ref.cross_entropy([[0.0, 1000]], [0]) == 1000
    assert ref.sigmoid([-1000.0, 1000]).tolist() == [0, 1]
    np.testing.assert_allclose(ref.sigmoid([-700.0]), np.exp(-700.0), rtol=1e-12)


# ---------------------------------------------------------------- losses and learning


def test_loss_known_values():
    loss, gradient = (f([[1.0, 2, 3]], [2]) for f in (ref.cross_entropy, ref.cross_entropy_backward))
    assert loss.shape == () and loss == pytest.approx(0.407606, abs=5e-7)
    np.testing.assert_allclose(gradient, [[0.0900, 0.2447, -0.3348]], atol=5e-5)
    assert ref.cross_entropy(np.zeros((7, 10)), np.arange(7)) == pytest.approx(2.302585, abs=5e-7)
    two = ref.cross_entropy_backward([[1.0, 2, 3]] * 2, [2, 2])
    np.testing.assert_allclose(two, np.repeat(gradient, 2, axis=0) / 2)

    pred, target = np.array([[1.0, 2], [3, 4]]), np.array([[1.0, 0], [0, 0]])
    assert ref.mse(pred, target) == 29 / 4 and ref.mse(pred, target, "sum") == 29
    assert ref.mse(pred, target).shape == ()
    assert ref.mse_backward(pred, target, "sum").tolist() == [[0, 4], [6, 8]]
    assert ref.mse_backward(pred, target).tolist() == [[0, 1], [1.5, 2]]


@quick
@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_rows_are_their_formulas(n, k, seed):
    x, w, b = images(seed, (n, k), (3, k), (3,))
    x *= 5
    exp = [[np.exp(v) for v in row] for row in x]
    softmax = np.array([[e / sum(row) for e in row] for row in exp])
    np.testing.assert_allclose(ref.softmax(x), softmax, rtol=1e-12)
    np.testing.assert_allclose(ref.log_softmax(x), np.log(softmax), rtol=1e-10, atol=1e-12)
    labels = np.random.default_rng(seed).integers(0, k, n)
    expected = sum(-np.log(softmax[i, label]) for i, label in enumerate(labels)) / n
    np.testing.assert_allclose(ref.cross_entropy(x, labels), expected, rtol=1e-10, atol=1e-12)
    dense = [[b[o] + sum(x[i, j] * w[o, j] for j in range(k)) for o in range(3)] for i in range(n)]
    np.testing.assert_allclose(ref.linear(x, w, b), dense, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ref.linear(x, w) + b, dense, rtol=1e-12, atol=1e-12)
    for ta, tb in itertools.product((False, True), repeat=2):
        product = ref.matmul(x.T if ta else x, w if tb else w.T, transpose_a=ta, transpose_b=tb)
        np.testing.assert_allclose(product + b, dense, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ref.tanh(x), (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)), rtol=1e-9)
    np.testing.assert_allclose(ref.sigmoid(x), 1 / (1 + np.exp(-x)), rtol=1e-12)


def test_flatten_is_row_major():
    x = np.arange(24.0).reshape(2, 3, 2, 2)
    y = ref.flatten(x)
    assert y.tolist() == [list(range(12)), list(range(12, 24))]
    np.testing.assert_array_equal(ref.flatten_backward(y, x.shape), x)
    y[:] = -1
    assert x[0, 0, 0, 1] == 1  # a new array, not a view


def test_learning_an_edge_detector():
    image = np.ones((1, 1, 6, 8))
    image[..., 2:6] = 0
    target = ref.conv2d(image, [[[[1.0, -1.0]]]])
    w = velocity = np.zeros((1, 1, 1, 2))
    losses = []
    for _ in range(10):
        y = ref.conv2d(image, w)
        losses.append(float(ref.mse(y, target, "sum")))
        _, dw, _ = ref.conv2d_backward(ref.mse_backward(y, target, "sum"), image, w)
        w, velocity = ref.sgd_step(w, dw, velocity, lr=0.03)
    np.testing.assert_allclose([*losses[:3], losses[-1]], [12, 4.9152, 2.013266, 0.003894], atol=5e-7)


# ---------------------------------------------------------------- dropout and optimizers


def scalar_uniform(i, seed):
    """The hash in Python's own integers."""

    def mix(v):
        v ^= v >> 16
        v = v * 0x7FEB352D & 0xFFFFFFFF
        v ^= v >> 15
        v = v * 0x846CA68B & 0xFFFFFFFF
        return v ^ v >> 16

    return (mix(i ^ mix(seed % 2**32)) >> 8) / 2**24


@quick
@given(st.integers(-(2**40), 2**40), st.floats(0, 0.99), dims(1, 9))
def test_dropout_is_the_hash(seed, p, shape):
    (x,) = images(7, shape)
    flat = [v / (1 - p) if scalar_uniform(i, seed) >= p else 0 for i, v in enumerate(x.ravel())]
    np.testing.assert_allclose(ref.dropout(x, p, seed).ravel(), flat, rtol=1e-15)
    np.testing.assert_array_equal(ref.dropout_backward(x, p, seed), ref.dropout(x, p, seed))


def test_dropout_keeps_the_right_share_and_the_mean():
    u = ref.hash_uniform(100_000, 3)
    assert u.min() >= 0 and u.max() < 1
    np.testing.assert_allclose(np.histogram(u, 10, (0, 1))[0], 10_000, rtol=0.05)
    assert abs(np.corrcoef(u, ref.hash_uniform(100_000, 4))[0, 1]) < 0.02
    assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < 0.02
    y = ref.dropout(np.ones(100_000), 0.3, 3)
    assert set(y) == {0.0, 1 / (1 - 0.3)} and y.mean() == pytest.approx(1, abs=0.01)
    np.testing.assert_array_equal(ref.dropout(u, 0.0, 3), u)
    assert ref.dropout([np.nan] * 20, 0.5, 0).tolist().count(0) > 0  # what is dropped is 0, even a NaN
    np.testing.assert_array_equal(ref.hash_uniform(9, -1), ref.hash_uniform(9, 2**32 - 1))


def test_sgd_by_hand():
    # velocity holds the gradient, not the step: a later lr applies to all of it
    w, v = ref.sgd_step([1.0], [2.0], [0.0], lr=0.1, momentum=0.9, weight_decay=0.5)
    np.testing.assert_allclose([w, v], [[0.75], [2.5]])
    w, v = ref.sgd_step(w, [1.0], v, lr=0.01, momentum=0.9, weight_decay=0.5)
    np.testing.assert_allclose([w, v], [[0.75 - 0.03625], [3.625]])


def test_adam_by_hand():
    g = np.array([-3.0, 1e-3, 200.0])
    w, m, v = ref.adam_step(np.zeros(3), g, np.zeros(3), np.zeros(3), t=1, lr=0.01)
    np.testing.assert_allclose(w, -0.01 * np.sign(g), rtol=2e-5)
    np.testing.assert_allclose([m, v], [0.1 * g, 0.001 * g**2])

    # two steps in scalars, straight from Algorithm 1
    w, m, v = 0.5, 0.0, 0.0
    array = (np.array([w]), np.zeros(1), np.zeros(1))
    for t, gradient in ((1, 0.3), (2, -0.8)):
        g = gradient + 0.1 * w
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g * g
        w -= 0.02 * (m / (1 - 0.8**t)) / ((v / (1 - 0.95**t)) ** 0.5 + 1e-3)
        array = ref.adam_step(array[0], [gradient], *array[1:], t, 0.02, 0.8, 0.95, 1e-3, 0.1)
    np.testing.assert_allclose(np.ravel(array), [w, m, v], rtol=1e-13)


def test_usual_settings_of_pytorch_are_the_defaults():
    assert ref.leaky_relu([-1.0]).tolist() == ref.leaky_relu_backward([-1.0], [-1.0]).tolist() == [-0.01]
    # a gradient as small as eps = 1e-8 is worth half a step of lr = 1e-3
    w, m, v = ref.adam_step([5.0], [1e-8], [0.0], [0.0], 1)
    np.testing.assert_allclose([w - 5, m, v], [[-0.0005], [1e-9], [1e-19]], rtol=1e-9)
    assert [a.tolist() for a in ref.sgd_step([5.0], [1.0], [8.0], 1.0)] == [[4], [1]]


def test_inputs_are_left_alone():
    rng = np.random.default_rng(0)
    x, w, dy = rng.standard_normal((1, 2, 4, 4)), rng.standard_normal((2, 2, 3, 3)), np.ones((1, 2, 2, 2))
    rows, labels = rng.standard_normal((3, 4)), np.array([0, 1, 2])
    arrays = (x, w, dy, rows)
    for a in arrays:
        a.flags.writeable = False
    ref.conv2d(x, w, [0.0, 1.0])
    ref.conv2d_backward(dy, x, w)
    ref.max_pool2d_backward(dy, x, 2)
    ref.cross_entropy_backward(rows, labels)
    ref.softmax_backward(rows, ref.softmax(rows))
    ref.sgd_step(rows, rows, rows, 0.1, 0.9, 0.1)
    ref.adam_step(rows, rows, rows, np.abs(rows), 1)
