"""Every backward of the reference is the derivative of its forward, on shapes that hypothesis draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_cases import conv_cases, images, pool_cases

from cnnkit import reference as ref
from cnnkit.gradcheck import gradcheck

quick = settings(max_examples=60, deadline=None)
seeds = st.integers(0, 2**32 - 1)
matrix_shapes = st.tuples(st.integers(1, 5), st.integers(1, 6))
any_shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)


def distinct(seed, shape):
    """No two values, and none and 0, closer than 1/100: far from every kink of a ReLU or a maximum."""
    rng = np.random.default_rng(seed)
    count = int(np.prod(shape))
    values = (rng.permutation(count) + 0.5 - count // 2) / 50
    return values.reshape(shape)


@quick
@given(conv_cases(), seeds)
def test_conv2d(case, seed):
    how = (case.stride, case.padding, case.dilation)
    gradcheck(
        lambda x, w, b: ref.conv2d(x, w, b, *how),
        lambda dy, x, w, b: ref.conv2d_backward(dy, x, w, *how),
        images(seed, *case.shapes),
        seed,
    )


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, (3, 4)])
def test_conv2d_with_named_padding(padding, stride):
    gradcheck(
        lambda x, w: ref.conv2d(x, w, None, stride, padding, dilation=(2, 1)),
        lambda dy, x, w: ref.conv2d_backward(dy, x, w, stride, padding, dilation=(2, 1))[:2],
        images(0, (2, 1, 7, 6), (3, 1, 2, 4)),
    )


@quick
@given(pool_cases(), seeds)
def test_max_pool2d(case, seed):
    window = (case.kernel, case.stride, case.padding)
    gradcheck(
        lambda x: ref.max_pool2d(x, *window),
        lambda dy, x: ref.max_pool2d_backward(dy, x, *window),
        [distinct(seed, case.shape)],
        seed,
    )


@quick
@given(pool_cases(), st.booleans(), seeds)
def test_avg_pool2d(case, count_include_pad, seed):
    window = (case.kernel, case.stride, case.padding, count_include_pad)
    gradcheck(
        lambda x: ref.avg_pool2d(x, *window),
        lambda dy, x: ref.avg_pool2d_backward(dy, x.shape, *window),
        images(seed, case.shape),
        seed,
    )


def test_pooling_without_a_stride_takes_the_kernel_size():
    x = distinct(0, (2, 2, 6, 7))
    gradcheck(lambda x: ref.max_pool2d(x, 2), lambda dy, x: ref.max_pool2d_backward(dy, x, 2), [x])
    gradcheck(lambda x: ref.avg_pool2d(x, 2), lambda dy, x: ref.avg_pool2d_backward(dy, x.shape, 2), [x])


@quick
@given(any_shapes, seeds, st.floats(-1, 2))
def test_activations(shape, seed, slope):
    x = distinct(seed, shape)
    gradcheck(ref.relu, ref.relu_backward, [x], seed)
    gradcheck(
        lambda x: ref.leaky_relu(x, slope), lambda dy, x: ref.leaky_relu_backward(dy, x, slope), [x], seed
    )
    gradcheck(ref.tanh, lambda dy, x: ref.tanh_backward(dy, ref.tanh(x)), [x], seed)
    gradcheck(ref.sigmoid, lambda dy, x: ref.sigmoid_backward(dy, ref.sigmoid(x)), [x], seed)


@quick
@given(any_shapes, seeds, st.floats(0, 0.9))
def test_dropout(shape, seed, p):
    gradcheck(
        lambda x: ref.dropout(x, p, seed),
        lambda dy, x: ref.dropout_backward(dy, p, seed),
        images(seed, shape),
        seed,
    )


@quick
@given(matrix_shapes, st.integers(1, 4), seeds)
def test_dense(shape, outputs, seed):
    x, w, b = images(seed, shape, (outputs, shape[1]), (outputs,))
    gradcheck(ref.linear, lambda dy, x, w, b: ref.linear_backward(dy, x, w), [x, w, b], seed)
    gradcheck(ref.matmul, ref.matmul_backward, [x, w.T], seed)


@quick
@given(any_shapes, seeds)
def test_flatten(shape, seed):
    gradcheck(ref.flatten, lambda dy, x: ref.flatten_backward(dy, x.shape), images(seed, shape), seed)


@quick
@given(matrix_shapes, seeds)
def test_softmax_and_losses(shape, seed):
    x, target = images(seed, shape, shape)
    labels = np.random.default_rng(seed).integers(0, shape[1], shape[0])
    gradcheck(ref.softmax, lambda dy, x: ref.softmax_backward(dy, ref.softmax(x)), [x], seed)
    gradcheck(ref.log_softmax, lambda dy, x: ref.log_softmax_backward(dy, ref.log_softmax(x)), [x], seed)
    gradcheck(
        lambda x: ref.cross_entropy(x, labels),
        lambda dy, x: dy * ref.cross_entropy_backward(x, labels),
        [x],
        seed,
    )
    for reduction in ("mean", "sum"):
        gradcheck(
            lambda x, reduction=reduction: ref.mse(x, target, reduction),
            lambda dy, x, reduction=reduction: dy * ref.mse_backward(x, target, reduction),
            [x],
            seed,
        )


def test_softmax_of_large_numbers():
    x = np.array([[1000.0, 1001, 1002], [-1000, -1001, -1002]])
    gradcheck(ref.softmax, lambda dy, x: ref.softmax_backward(dy, ref.softmax(x)), [x])
    gradcheck(
        lambda x: ref.cross_entropy(x, [2, 0]), lambda dy, x: dy * ref.cross_entropy_backward(x, [2, 0]), [x]
    )
