"""The reference against what is known without it: worked examples, plain loops over the formulas, SciPy.

Its backwards are checked by gradcheck on drawn shapes, in test_reference_gradients.py.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_cases import conv_cases, dims, images, pads_of, pool_cases

from cnnkit import reference as ref

quick = settings(max_examples=60, deadline=None)
NINE = np.arange(9.0).reshape(1, 1, 3, 3)
SQUARE = np.array([[[[0.0, 1.0], [2.0, 3.0]]]])


# ---------------------------------------------------------------- plain loops: the formulas, cell by cell


def slow_conv2d(x, w, b, stride, padding, dilation):
    (top, _), (left, _) = pads = pads_of(padding)
    out_h, out_w = (
        len(range(0, n + sum(p) - d * (k - 1), s))
        for n, p, k, s, d in zip(x.shape[2:], pads, w.shape[2:], stride, dilation, strict=True)
    )
    y = np.zeros((len(x), len(w), out_h, out_w))
    for n, k, i, j in np.ndindex(y.shape):
        y[n, k, i, j] = b[k]
        for c, r, s in np.ndindex(w.shape[1:]):
            row = i * stride[0] + r * dilation[0] - top
            column = j * stride[1] + s * dilation[1] - left
            if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                y[n, k, i, j] += x[n, c, row, column] * w[k, c, r, s]
    return y


def slow_pool(x, kernel, stride, padding, reduce):
    """reduce(list of the real cells of a window, in row-major order) for every window."""
    (h, w), out = x.shape[2:], []
    for n, c in np.ndindex(x.shape[:2]):
        for top in range(-padding[0], h + padding[0] - kernel[0] + 1, stride[0]):
            for left in range(-padding[1], w + padding[1] - kernel[1] + 1, stride[1]):
                window = itertools.product(range(top, top + kernel[0]), range(left, left + kernel[1]))
                out.append(reduce([x[n, c, i, j] for i, j in window if 0 <= i < h and 0 <= j < w]))
    return np.array(out)


@quick
@given(conv_cases(), st.integers(0, 2**32 - 1))
def test_conv2d_is_the_formula(case, seed):
    x, w, b = images(seed, *case.shapes)
    y = ref.conv2d(x, w, b, case.stride, case.padding, case.dilation)
    expected = slow_conv2d(x, w, b, case.stride, case.padding, case.dilation)
    assert y.dtype == np.float64 and y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    without = ref.conv2d(x, w, None, case.stride, case.padding, case.dilation)
    np.testing.assert_allclose(y - without, np.broadcast_to(b[:, None, None], y.shape), atol=1e-12)


@quick
@given(dims(1, 12), dims(1, 5), st.integers(0, 2**32 - 1))
def test_conv2d_agrees_with_scipy(size, kernel, seed):
    signal = pytest.importorskip("scipy.signal")
    x, w = images(seed, size, kernel)
    full = ((kernel[0] - 1,) * 2, (kernel[1] - 1,) * 2)
    y = ref.conv2d(x[None, None], w[None, None], padding=full)[0, 0]
    np.testing.assert_allclose(y, signal.correlate2d(x, w, "full"), atol=1e-12)
    if kernel[0] <= size[0] and kernel[1] <= size[1]:
        y = ref.conv2d(x[None, None], w[None, None], padding="valid")[0, 0]
        np.testing.assert_allclose(y, signal.correlate2d(x, w, "valid"), atol=1e-12)
    if kernel[0] % 2 and kernel[1] % 2 and kernel[0] <= size[0] and kernel[1] <= size[1]:
        y = ref.conv2d(x[None, None], w[None, None], padding="same")[0, 0]
        np.testing.assert_allclose(y, signal.correlate2d(x, w, "same"), atol=1e-12)
    flipped = signal.correlate2d(x, w[::-1, ::-1], "full")
    assert kernel == (1, 1) or not np.allclose(signal.correlate2d(x, w, "full"), flipped)


@quick
@given(pool_cases(), st.integers(0, 2**32 - 1))
def test_pooling_is_the_formula(case, seed):
    (x,) = images(seed, case.shape)
    window = (case.kernel, case.stride, case.padding)
    area = case.kernel[0] * case.kernel[1]
    for y, reduce in (
        (ref.max_pool2d(x, *window), max),
        (ref.avg_pool2d(x, *window), lambda cells: sum(cells) / area),
        (ref.avg_pool2d(x, *window, count_include_pad=False), lambda cells: sum(cells) / len(cells)),
    ):
        assert y.dtype == np.float64
        np.testing.assert_allclose(y.ravel(), slow_pool(x, *window, reduce), rtol=1e-12, atol=1e-12)


# ---------------------------------------------------------------- one filter


def test_a_filter_is_not_flipped():
    assert ref.conv2d(NINE, SQUARE).ravel().tolist() == [19, 25, 37, 43]
    assert ref.conv2d(NINE, SQUARE[:, :, ::-1, ::-1]).ravel().tolist() == [5, 11, 23, 29]
    padded = [[0, 3, 8, 4], [9, 19, 25, 10], [21, 37, 43, 16], [6, 7, 8, 0]]
    assert ref.conv2d(NINE, SQUARE, padding=1)[0, 0].tolist() == padded


def test_first_example_backward():
    dx, dw, db = ref.conv2d_backward(np.ones((1, 1, 2, 2)), NINE, SQUARE)
    assert dx.ravel().tolist() == [0, 1, 1, 2, 6, 4, 2, 5, 3]
    assert dw.ravel().tolist() == [8, 12, 20, 24]
    assert db.tolist() == [4]


def test_edge_detector_impulse_and_sobel():
    bar = np.ones((1, 1, 6, 8))
    bar[..., 2:6] = 0
    edge = np.array([[[[1.0, -1.0]]]])
    assert ref.conv2d(bar, edge)[0, 0].tolist() == [[0, 1, 0, 0, 0, -1, 0]] * 6
    assert not ref.conv2d(bar.transpose(0, 1, 3, 2), edge).any()

    impulse = np.zeros((1, 1, 5, 5))
    impulse[..., 2, 2] = 1
    w = np.random.default_rng(0).standard_normal((1, 1, 3, 3))
    np.testing.assert_array_equal(ref.conv2d(impulse, w, padding=1)[0, 0, 1:4, 1:4], w[0, 0, ::-1, ::-1])

    ramp = np.tile(np.arange(8.0), (6, 1))[None, None]
    gx = np.array([[[[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]]])
    assert (ref.conv2d(ramp, gx) == 8).all()
    assert not ref.conv2d(ramp, gx.transpose(0, 1, 3, 2)).any()


def test_convolution_layer_known_values_and_known_mistakes():
    x = np.linspace(-0.1, 0.5, 96).reshape(2, 3, 4, 4)
    w = np.linspace(-0.2, 0.3, 144).reshape(3, 3, 4, 4)
    b = np.linspace(-0.1, 0.2, 3)
    y = ref.conv2d(x, w, b, stride=2, padding=1)
    assert y.shape == (2, 3, 2, 2)
    np.testing.assert_allclose(y[0, 0, 0], [-0.08759809, -0.10987781], atol=5e-9)
    np.testing.assert_allclose(y[-1, -1, -1, -1], 2.38247847, atol=5e-9)
    first = [ref.conv2d(x, v, c, 2, 1).ravel()[0] for v, c in ((w[:, :, ::-1, ::-1], b), (w, None))]
    np.testing.assert_allclose(first, [-0.11651601, 0.01240191], atol=5e-9)
    assert ref.conv2d(x, w, b, stride=2).shape == (2, 3, 1, 1)
    assert ref.conv2d(x, w, b, padding=1).shape == (2, 3, 3, 3)


# ---------------------------------------------------------------- sizes and padding


def test_output_sizes_of_the_course():
    assert ref.output_size(7, 3) == (5, 5)
    assert ref.output_size(7, 3, stride=2) == (3, 3)
    assert ref.output_size(227, 11, stride=4) == (55, 55)
    n = 240
    for _ in range(10):
        n = ref.output_size(n, 5)[0]
    assert n == 200
    assert ref.output_size((7, 9), (3, 2), (1, 2), ((1, 2), (0, 1)), (2, 3)) == (6, 4)


def test_volumes_and_parameters_of_the_course():
    x = np.zeros((1, 3, 32, 32))
    for size, parameters in ((3, 336), (5, 912)):
        w, b = np.zeros((12, 3, size, size)), np.zeros(12)
        y = ref.conv2d(x, w, b, padding="same")
        assert y.shape == (1, 12, 32, 32) and w.size + b.size == parameters
    assert ref.flatten(x).shape[1] * ref.flatten(y).shape[1] == 37_748_736
    pooled = ref.max_pool2d(y, 2)
    assert pooled.shape == (1, 12, 16, 16)
    assert ref.flatten(pooled).shape[1] * 10 + 10 == 30_730


@quick
@given(dims(1, 30), dims(1, 6), dims(1, 4), dims(1, 3))
def test_same_padding_gives_ceil(size, kernel, stride, dilation):
    pads = ref.resolve_padding("same", size, kernel, stride, dilation)
    assert ref.output_size(size, kernel, stride, pads, dilation) == tuple(
        -(-n // s) for n, s in zip(size, stride, strict=True)
    )
    for axis, (before, after) in enumerate(pads):
        assert after - before in (0, 1)  # the odd one at the bottom or right
        if before + after:  # and not one cell more than needed
            fewer = [list(p) for p in pads]
            fewer[axis][1 if after else 0] -= 1
            try:
                smaller = ref.output_size(size, kernel, stride, fewer, dilation)[axis]
            except ValueError:
                smaller = 0
            assert smaller < -(-size[axis] // stride[axis])


def test_ways_to_write_a_padding():
    assert ref.resolve_padding(1, 9, 3) == ((1, 1), (1, 1))
    assert ref.resolve_padding((1, 2), 9, 3) == ((1, 1), (2, 2))
    assert ref.resolve_padding(((1, 2), (3, 4)), 9, 3) == ((1, 2), (3, 4))
    assert ref.resolve_padding("valid", 9, 3) == ((0, 0), (0, 0))
    assert ref.resolve_padding("same", (4, 5), (2, 4)) == ((0, 1), (1, 2))
    assert ref.resolve_padding(np.int64(2), 9, 3) == ((2, 2), (2, 2))


X, W = np.zeros((2, 3, 5, 5)), np.zeros((4, 3, 3, 3))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: ref.conv2d(X, W[:, :2]), "x has 3 channels but the filters w have 2"),
        (lambda: ref.conv2d(X[0], W), r"x has shape \(3, 5, 5\): 4 dimensions are needed, not 3"),
        (lambda: ref.conv2d(X, W, dilation=3), "spans 7 cells but the padded image has 5"),
        (lambda: ref.conv2d(X, W, np.zeros(3)), r"b has shape \(3,\) but \(4,\) is needed"),
        (lambda: ref.conv2d(X, W, stride=0), "stride is 0.*at least 1"),
        (lambda: ref.conv2d(X, W, padding=-1), "padding is -1.*at least 0"),
        (lambda: ref.conv2d(X, W, padding=(1, 2, 3)), r"padding is \(1, 2, 3\): give one number or a pair"),
        (lambda: ref.conv2d(X, W, padding="full"), "padding is 'full'"),
        (lambda: ref.conv2d(X, W, stride=1.5), "stride is 1.5"),
        (lambda: ref.conv2d_backward(X, X, W), r"dy has shape \(2, 3, 5, 5\) but \(2, 4, 3, 3\)"),
        (
            lambda: ref.max_pool2d(X, 2, padding=2),
            r"padding \(2, 2\) must be smaller than the window \(2, 2\)",
        ),
        (lambda: ref.max_pool2d(X, 6), "spans 6 cells but the padded image has 5"),
        (lambda: ref.avg_pool2d_backward(X, (2, 3, 5), 2), "four numbers"),
        (lambda: ref.relu_backward(X, W), "dy has shape"),
        (lambda: ref.matmul(X[0, 0], X[0, 0, :4]), "a has 5 columns but b has 4 rows"),
        (lambda: ref.softmax(np.zeros((3, 0))), "0 classes"),
        (lambda: ref.cross_entropy(np.zeros((2, 3)), [0, 3]), "labels go from 0 to 3: 3 classes are 0 to 2"),
        (lambda: ref.cross_entropy(np.zeros((2, 3)), [-1, 0]), "labels go from -1"),
        (lambda: ref.cross_entropy(np.zeros((2, 3)), [0]), r"labels have shape \(1,\)"),
        (lambda: ref.cross_entropy(np.zeros((0, 3)), np.zeros(0, int)), "0 rows"),
        (lambda: ref.cross_entropy_backward(np.zeros((0, 3)), np.zeros(0, int)), "0 rows"),
        (lambda: ref.mse(np.zeros((0, 3)), np.zeros((0, 3))), "0 values"),
        (lambda: ref.mse_backward(np.zeros((0, 3)), np.zeros((0, 3))), "0 values"),
        (lambda: ref.mse(np.zeros((2, 1)), np.zeros(2)), r"target has shape \(2,\) but \(2, 1\)"),
        (lambda: ref.mse([1.0], [1.0], "max"), "reduction is 'max'"),
        (lambda: ref.dropout(X, 1.0, 0), "p is 1.0"),
        (lambda: ref.dropout(X, -0.1, 0), "p is -0.1"),
        (lambda: ref.adam_step(X, X, X, X, 0), "t is 0"),
    ],
)
def test_impossible_calls_say_both_numbers(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_labels_must_be_integers():
    with pytest.raises(TypeError, match="labels are float64"):
        ref.cross_entropy(np.zeros((2, 3)), [0.0, 1.0])


@pytest.mark.parametrize("stride", [1, 2])
def test_no_images_is_no_problem(stride):
    x, w = np.zeros((0, 3, 5, 4)), np.ones((2, 3, 3, 2))
    y = ref.conv2d(x, w, np.ones(2), stride, 1)
    assert y.shape[:2] == (0, 2)
    dx, dw, db = ref.conv2d_backward(y, x, w, stride, 1)
    assert dx.shape == x.shape and not dw.any() and dw.shape == w.shape and db.tolist() == [0, 0]
    pooled = ref.max_pool2d(x, 2, stride)
    assert pooled.shape == ref.avg_pool2d(x, 2, stride).shape
    assert ref.max_pool2d_backward(pooled, x, 2, stride).shape == x.shape
    assert ref.avg_pool2d_backward(pooled, x.shape, 2, stride).shape == x.shape
    rows = ref.flatten(x)
    assert rows.shape == (0, 60) and ref.flatten_backward(rows, x.shape).shape == x.shape
    dx, dw, db = ref.linear_backward(np.zeros((0, 7)), rows, np.ones((7, 60)))
    assert dx.shape == (0, 60) and not dw.any() and not db.any()
    for op in (ref.relu, ref.tanh, ref.sigmoid, ref.leaky_relu, ref.softmax, ref.log_softmax):
        assert op(rows).shape == rows.shape
    assert ref.dropout(x, 0.5, 1).shape == x.shape
    assert ref.mse(rows, rows, "sum") == 0


# ---------------------------------------------------------------- pooling


def test_pooling_known_values():
    assert ref.max_pool2d(NINE, 2, 1).ravel().tolist() == [4, 5, 7, 8]
    assert ref.avg_pool2d(NINE, 2, 1).ravel().tolist() == [2, 3, 5, 6]
    x = np.array([[[[1.0, 2, 3], [4, 9, 5], [6, 7, 8]]]])
    dx = ref.max_pool2d_backward(np.ones((1, 1, 2, 2)), x, 2, 1)
    assert dx.ravel().tolist() == [0, 0, 0, 0, 4, 0, 0, 0, 0]
    share = ref.avg_pool2d_backward(np.ones((1, 1, 2, 2)), x.shape, 2, 1)
    assert share.ravel().tolist() == [0.25, 0.5, 0.25, 0.5, 1, 0.5, 0.25, 0.5, 0.25]
    np.testing.assert_allclose(ref.avg_pool2d(NINE, 3, 2, 1)[0, 0], np.array([[8, 12], [20, 24]]) / 9)
    inside = ref.avg_pool2d(NINE, 3, 2, 1, count_include_pad=False)
    assert inside[0, 0].tolist() == [[2, 3], [5, 6]]


def test_max_pool_first_of_equals_wins():
    dy = np.array([[[[1.0, 10], [100, 1000]]]])
    dx = ref.max_pool2d_backward(dy, np.zeros((1, 1, 3, 3)), 2, 1)
    assert dx[0, 0].tolist() == [[1, 10, 0], [100, 1000, 0], [0, 0, 0]]


def test_max_pool_of_minus_infinity_ignores_padding():
    x = np.full((1, 1, 2, 2), -np.inf)
    assert (ref.max_pool2d(x, 2, 1, 1) == -np.inf).all()
    dx = ref.max_pool2d_backward(np.ones((1, 1, 3, 3)), x, 2, 1, 1)
    assert dx[0, 0].tolist() == [[4, 2], [2, 1]]  # every window's gradient lands on a real cell


def test_max_pool_nan_propagates_and_takes_the_gradient():
    x = np.array([[[[1.0, 2, 3], [4, np.nan, 5], [np.nan, 7, 9]]]])
    y = ref.max_pool2d(x, 2, 1)
    assert np.isnan(y).all()
    dx = ref.max_pool2d_backward(np.array([[[[1.0, 10], [100, 1000]]]]), x, 2, 1)
    assert dx[0, 0].tolist() == [[0, 0, 0], [0, 1111, 0], [0, 0, 0]]
    # a NaN that arrives from above stays where it belongs
    dx = ref.max_pool2d_backward(np.full((1, 1, 1, 1), np.nan), NINE[..., :2, :2], 2)
    np.testing.assert_array_equal(dx[0, 0], [[0, 0], [0, np.nan]])
