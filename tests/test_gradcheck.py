"""gradcheck accepts right backwards and, above all, rejects wrong ones: each mistake here is a real one."""

import doctest
import importlib

import numpy as np
import pytest

from cnnkit import reference as ref
from cnnkit.gradcheck import GradcheckError, gradcheck

# A learner's mistakes: (name, forward, wrong backward, shapes of the inputs, the input that is wrong).
MISTAKES = []


def mistake(forward, wrong, *shapes):
    def register(backward):
        MISTAKES.append(pytest.param(forward, backward, shapes, wrong, id=backward.__name__))
        return backward

    return register


IMAGE, FILTERS, SQUARE = (2, 3, 6, 5), (4, 3, 3, 2), (3, 3)


def correlate(x, w):
    return ref.conv2d(x, w, padding=1)


@mistake(correlate, 1, IMAGE, FILTERS)
def flipped_filter_gradient(dy, x, w):
    dx, dw, _ = ref.conv2d_backward(dy, x, w, padding=1)
    return dx, dw[:, :, ::-1, ::-1]


@mistake(correlate, 0, IMAGE, FILTERS)
def input_gradient_with_unflipped_filter(dy, x, w):
    _, dw, _ = ref.conv2d_backward(dy, x, w, padding=1)
    return ref.conv2d_backward(dy, x, w[:, :, ::-1, ::-1], padding=1)[0], dw


@mistake(lambda x, w: ref.conv2d(x, w, padding=1), 1, (2, 3, 5, 5), (3, 3, 3, 3))
def channels_swapped_in_filter_gradient(dy, x, w):
    dx, dw, _ = ref.conv2d_backward(dy, x, w, padding=1)
    return dx, dw.transpose(1, 0, 2, 3)


@mistake(lambda x, w: ref.conv2d(x, w, padding=1), 0, IMAGE, (4, 3, 3, 3))
def padding_forgotten_in_input_gradient(dy, x, w):
    _, dw, _ = ref.conv2d_backward(dy, x, w, padding=1)
    wide = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return ref.conv2d_backward(dy, wide, w)[0][:, :, 2:, 2:], dw


@mistake(lambda x, w, b: ref.conv2d(x, w, b), 2, IMAGE, FILTERS, (4,))
def bias_gradient_averaged_over_images(dy, x, w, b):
    dx, dw, db = ref.conv2d_backward(dy, x, w)
    return dx, dw, db / len(x)


@mistake(lambda x: ref.max_pool2d(x, 2, 1), 0, IMAGE)
def max_pool_loses_updates(dy, x):
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dy.shape):
        r, s = np.unravel_index(x[n, c, i : i + 2, j : j + 2].argmax(), (2, 2))
        dx[n, c, i + r, j + s] = dy[n, c, i, j]  # "=" where "+=" is needed
    return dx


@mistake(lambda x: ref.max_pool2d(x, 2), 0, IMAGE)
def max_pool_gives_to_everyone(dy, x):
    return ref.avg_pool2d_backward(4 * dy, x.shape, 2)


@mistake(lambda x: ref.avg_pool2d(x, 2), 0, IMAGE)
def average_pool_forgets_to_divide(dy, x):
    return 4 * ref.avg_pool2d_backward(dy, x.shape, 2)


@mistake(lambda x: ref.avg_pool2d(x, 3, 2, 1, count_include_pad=False), 0, IMAGE)
def average_pool_counts_the_padding(dy, x):
    return ref.avg_pool2d_backward(dy, x.shape, 3, 2, 1, count_include_pad=True)


@mistake(ref.softmax, 0, (4, 5))
def softmax_forgets_the_sum(dy, x):
    y = ref.softmax(x)
    return dy * y * (1 - y)


@mistake(ref.softmax, 0, (4, 5))
def softmax_of_zeros(dy, x):  # what an all-ones dy would call correct
    return np.zeros_like(x)


@mistake(ref.log_softmax, 0, (4, 5))
def log_softmax_forgets_the_sum(dy, x):
    return dy - np.exp(ref.log_softmax(x)) * dy


@mistake(lambda x: ref.cross_entropy(x, [0, 2, 1]), 0, (3, 4))
def cross_entropy_forgets_to_divide(dy, x):
    return dy * ref.cross_entropy_backward(x, [0, 2, 1]) * 3


@mistake(lambda x: ref.mse(x, np.ones((3, 4))), 0, (3, 4))
def squared_error_forgets_the_two(dy, x):
    return dy * ref.mse_backward(x, np.ones((3, 4))) / 2


@mistake(ref.linear, 1, SQUARE, SQUARE)
def linear_transposes_dw(dy, x, w):
    dx, dw, _ = ref.linear_backward(dy, x, w)
    return dx, dw.T


@mistake(ref.linear, 0, SQUARE, SQUARE)
def linear_transposes_w(dy, x, w):
    return dy @ w.T, ref.linear_backward(dy, x, w)[1]


@mistake(ref.matmul, 0, SQUARE, SQUARE)
def matmul_swaps_its_gradients(dy, a, b):
    return ref.matmul_backward(dy, a, b)[::-1]


@mistake(ref.tanh, 0, (4, 5))
def tanh_takes_its_input(dy, x):
    return ref.tanh_backward(dy, x)


@mistake(ref.sigmoid, 0, (4, 5))
def sigmoid_sign(dy, x):
    return -ref.sigmoid_backward(dy, ref.sigmoid(x))


@mistake(lambda x: ref.leaky_relu(x, 0.2), 0, (4, 5))
def leaky_relu_forgets_the_slope(dy, x):
    return ref.relu_backward(dy, x)


@mistake(lambda x: ref.dropout(x, 0.5, seed=3), 0, (4, 5))
def dropout_with_another_mask(dy, x):
    return ref.dropout_backward(dy, 0.5, seed=4)


@mistake(ref.relu, 0, (4, 5))
def one_element_slightly_wrong(dy, x):
    dx = ref.relu_backward(dy, x)
    dx[np.unravel_index(x.argmax(), x.shape)] *= 1.0001
    return dx


@mistake(lambda x: ref.relu(x).sum(), 0, (4, 5))
def forgets_dy(dy, x):
    return ref.relu_backward(np.ones_like(x), x)


@mistake(lambda x: x**2, 0, (4, 5))
def missing_factor(dy, x):
    return x * dy


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("forward", "backward", "shapes", "wrong"), MISTAKES)
def test_rejects_and_names_the_wrong_input(forward, backward, shapes, wrong, seed):
    rng = np.random.default_rng(100 + seed)
    inputs = [rng.standard_normal(shape) for shape in shapes]
    with pytest.raises(GradcheckError, match=f"the gradient of input {wrong} .*is wrong"):
        gradcheck(forward, backward, inputs, seed=seed)


@pytest.mark.parametrize("seed", range(5))
def test_accepts_right_backwards(seed):
    x, w = np.random.default_rng(seed).standard_normal((2, 3, 3))
    assert gradcheck(lambda x: x**3, lambda dy, x: 3 * x**2 * dy, [x], seed) < 1e-6
    assert gradcheck(ref.softmax, lambda dy, x: ref.softmax_backward(dy, ref.softmax(x)), [x], seed) < 1e-6
    assert gradcheck(ref.matmul, ref.matmul_backward, [x, w], seed) < 1e-6
    assert gradcheck(lambda x: x.sum(), lambda dy, x: np.full_like(x, dy), [x], seed) < 1e-6


def test_an_output_that_does_not_move_is_rounding_and_nothing_else():
    x = np.random.default_rng(0).standard_normal((4, 5))
    for seed in range(20):
        gradcheck(lambda x: ref.softmax(x).sum(axis=1), lambda dy, x: np.zeros_like(x), [x], seed)
        gradcheck(lambda x: 1e6 + ref.softmax(x).sum(axis=1), lambda dy, x: np.zeros_like(x), [x], seed)
    with pytest.raises(GradcheckError):
        gradcheck(lambda x: ref.softmax(x).sum(axis=1), lambda dy, x: np.full_like(x, 1e-6), [x])


def test_terms_that_happen_to_cancel_are_no_error():
    x = np.random.default_rng(0).standard_normal(10)
    for seed in range(500):  # a coarse step errs by about 1e-4 of each term; some of these sums are near 0
        gradcheck(lambda x: x**3, lambda dy, x: 3 * x**2 * dy, [x], seed, eps=1e-2, rtol=1e-2)


def test_large_inputs_round_the_step():
    x = 1e6 + np.random.default_rng(0).standard_normal(10)
    assert gradcheck(lambda x: x - 1e6, lambda dy, x: dy, [x]) < 1e-9


def test_all_ones_would_have_been_blind():
    """Why the output direction is random: along ones, a softmax backward of zeros is exactly right."""
    y = ref.softmax(np.random.default_rng(0).standard_normal((4, 5)))
    np.testing.assert_allclose(ref.softmax_backward(np.ones((4, 5)), y), 0, atol=1e-15)


def test_message_has_both_numbers_and_the_ratio():
    def half(dy, a, filters):
        return dy @ filters.T, a.T @ dy / 2

    a, filters = np.random.default_rng(0).standard_normal((2, 3, 3))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda a, filters: a @ filters, half, [a, filters])
    message = str(caught.value)
    assert "input 1 (filters)" in message and "(0.5 times as much)" in message
    words = message.split()
    computed, measured = float(words[words.index("gives") + 1]), float(words[-6].rstrip(":"))
    assert computed == pytest.approx(measured / 2, rel=1e-4)


def test_same_seed_same_answer_and_nothing_is_changed_in_place():
    def greedy(x):
        x *= x
        return x

    def greedy_backward(dy, x):
        dy *= 2 * x
        x[:] = 0
        return dy

    x = np.random.default_rng(0).standard_normal((3, 4))
    before = x.copy()
    first, second = (gradcheck(greedy, greedy_backward, [x], seed=5) for _ in range(2))
    assert first == second < 1e-6
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(
    ("backward", "sentence"),
    [
        (lambda dy, a, b: a, "1 gradients for 2 inputs"),
        (lambda dy, a, b: (dy @ b.T, None), "None for input 1"),
        (lambda dy, a, b: (dy @ b.T, (a.T @ dy)[:1]), r"input 1 \(b\) has shape \(1, 3\).*\(3, 3\)"),
        (lambda dy, a, b: (dy @ b.T * np.nan, a.T @ dy), r"input 0 \(a\) cannot be judged.*nan"),
    ],
)
def test_unusable_gradients(backward, sentence):
    a, b = np.random.default_rng(0).standard_normal((2, 3, 3))
    with pytest.raises(GradcheckError, match=sentence):
        gradcheck(ref.matmul, backward, [a, b])


@pytest.mark.parametrize(
    ("inputs", "error", "sentence"),
    [
        ([], ValueError, "0 arrays"),
        ([np.zeros((0, 3))], ValueError, r"\(0, 3\), 0 values"),
        ([np.arange(3)], TypeError, "input 0 is int64"),
        ([np.ones(3, np.float32)], ValueError, "eps=1e-06 in float32.*eps=1e-2, rtol=1e-2"),
    ],
)
def test_unusable_inputs(inputs, error, sentence):
    with pytest.raises(error, match=sentence):
        gradcheck(lambda *x: x[0], lambda dy, *x: dy, inputs)


class OnDevice:
    """Stands for a device array: float32, and its values come back through get()."""

    def __init__(self, values):
        self.values = np.asarray(values, np.float32)

    def get(self):
        return self.values


@pytest.mark.parametrize("eps_and_rtol", [(1e-2, 1e-2), (0.1, 1e-3)])
@pytest.mark.parametrize("seed", range(5))
def test_float32_operations_of_a_device(seed, eps_and_rtol):
    def forward(x, w):
        assert x.dtype == w.dtype == np.float32
        return OnDevice(ref.conv2d(x, w, padding=1))

    def backward(dy, x, w):
        assert dy.dtype == np.float32
        return [OnDevice(g) for g in ref.conv2d_backward(dy, x, w, padding=1)[:2]]

    def slightly_wrong(dy, x, w):
        dx, dw = backward(dy, x, w)
        return dx, OnDevice(1.05 * dw.get())

    eps, rtol = eps_and_rtol
    rng = np.random.default_rng(seed)
    inputs = [rng.standard_normal(shape).astype(np.float32) for shape in (IMAGE, FILTERS)]
    assert gradcheck(forward, backward, inputs, seed, eps, rtol) <= rtol
    with pytest.raises(GradcheckError, match="input 1"):
        gradcheck(forward, slightly_wrong, inputs, seed, eps, rtol)


def test_docstring_examples():
    module = importlib.import_module("cnnkit.gradcheck")
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.attempted >= 5 and result.failed == 0
