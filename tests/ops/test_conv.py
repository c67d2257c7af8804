"""conv2d and its gradients against the float64 definition, on drawn shapes, every variant, every device."""

import numpy as np
import pytest
from closeness import assert_close
from hypothesis import given
from hypothesis import strategies as st

import cnnkit
from cnnkit import reference
from cnnkit.errors import DTypeError, ShapeError
from cnnkit.ops import conv
from cnnkit.ops.conv_shape import conv2d_shape
from cnnkit.ops.variants import VARIANTS

FORWARD = VARIANTS["conv2d_forward"]
BACKWARD = VARIANTS["conv2d_backward_data"]


@st.composite
def problems(draw):
    """Arrays and parameters of a convolution that is possible, odd ones included."""
    small = st.integers(1, 3)
    n, c = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    k = draw(
        st.one_of(st.integers(1, 6), st.sampled_from([12, 16, 17, 33]))
    )  # kernels differ for many filters
    r, s = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    stride, dilation = draw(st.tuples(small, small)), draw(st.tuples(small, small))
    stride = draw(st.sampled_from([stride, stride[0], 7]))
    spans = [d * (size - 1) + 1 for d, size in zip(dilation, (r, s), strict=True)]
    padding = draw(
        st.one_of(
            st.integers(0, 3),
            st.tuples(st.integers(0, 3), st.integers(0, 3)),
            st.just("same"),
            st.just("valid"),
            st.tuples(
                st.tuples(st.integers(0, 3), st.integers(0, 3)),
                st.tuples(st.integers(0, 3), st.integers(0, 3)),
            ),
        )
    )
    h, w = (draw(st.integers(span, span + 12)) for span in spans)
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    x = rng.standard_normal((n, c, h, w)).astype(np.float32)
    weights = rng.standard_normal((k, c, r, s)).astype(np.float32)
    bias = draw(st.sampled_from([None, rng.standard_normal(k).astype(np.float32)]))
    return x, weights, bias, {"stride": stride, "padding": padding, "dilation": dilation}


@pytest.mark.parametrize("variant", FORWARD)
@given(problem=problems())
def test_forward_is_the_definition(device, variant, problem):
    x, w, b, how = problem
    y = cnnkit.conv2d(x, w, b, **how, variant=variant)
    assert_close(y, reference.conv2d(x, w, b, **how), length=w[0].size)


@pytest.mark.parametrize("variant", BACKWARD)
@given(problem=problems())
def test_backward_is_the_definition(device, variant, problem):
    x, w, _, how = problem
    dy = np.random.default_rng(1).standard_normal(reference.conv2d(x, w, **how).shape).astype(np.float32)
    got = cnnkit.conv2d_backward(dy, x, w, **how, variant=variant)
    expected = reference.conv2d_backward(dy, x, w, **how)
    lengths = (w[:, 0].size, dy[:, 0].size, dy[:, 0].size)
    for g, e, length in zip(got, expected, lengths, strict=True):
        assert_close(g, e, length)


@pytest.mark.parametrize("variant", FORWARD)
def test_a_batch_done_in_several_pieces(device, variant):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((37, 16, 14, 14)).astype(np.float32)
    w = rng.standard_normal((33, 16, 3, 3)).astype(np.float32)
    y = reference.conv2d(x, w, padding="same")
    dy = rng.standard_normal(y.shape).astype(np.float32)
    assert_close(cnnkit.conv2d(x, w, padding="same", variant=variant), y, 16 * 9)
    if variant not in BACKWARD:
        return
    got = cnnkit.conv2d_backward(dy, x, w, padding="same", variant=variant)
    expected = reference.conv2d_backward(dy, x, w, padding="same")
    for g, e, length in zip(got, expected, (33 * 9, 37 * 196, 37 * 196), strict=True):
        assert_close(g, e, length)


@pytest.mark.parametrize("k", [3, 16])
@pytest.mark.parametrize("stride", [1, 2])
def test_large_pictures_and_long_sums(device, k, stride):
    """One large picture is summed in pieces; rows of every remainder of a vector's width."""
    rng = np.random.default_rng(0)
    w = rng.standard_normal((k, 2, 5, 3)).astype(np.float32)
    for width in (61, 64, 71):
        x = rng.standard_normal((1, 2, 83, width)).astype(np.float32)
        how = {"stride": stride, "padding": ((2, 1), (0, 3))}
        y = reference.conv2d(x, w, **how)
        dy = rng.standard_normal(y.shape).astype(np.float32)
        assert_close(cnnkit.conv2d(x, w, **how), y, 30)
        expected = reference.conv2d_backward(dy, x, w, **how)
        lengths = (k * 15, y[0, 0].size, y[0, 0].size)
        for g, e, length in zip(cnnkit.conv2d_backward(dy, x, w, **how), expected, lengths, strict=True):
            assert_close(g, e, length)


def test_a_stride_as_large_as_the_filter(device):
    """Every pixel of dx is a class of its own: a launch for each would be slow."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 2, 48, 48)), rng.standard_normal((3, 2, 16, 16))
    dy = rng.standard_normal((2, 3, 3, 3))
    shape = conv2d_shape(x.shape, w.shape, 16, 0, 1)
    assert conv._variant("conv2d_backward_data", shape, None) != "blocked"
    expected = reference.conv2d_backward(dy, x, w, stride=16)
    got = cnnkit.conv2d_backward(dy, x, w, stride=16)
    for g, e, length in zip(got, expected, (3, 18, 18), strict=True):
        assert_close(g, e, length)


def test_the_same_input_gives_the_same_bits(device):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((9, 5, 11, 10)), rng.standard_normal((17, 5, 3, 3))
    dy = rng.standard_normal((9, 17, 11, 10))
    for variant in BACKWARD:
        first, again = (cnnkit.conv2d_backward(dy, x, w, padding=1, variant=variant) for _ in range(2))
        for a, b in zip(first, again, strict=True):
            assert np.array_equal(a.get(), b.get())


@pytest.mark.parametrize("variant", FORWARD)
def test_a_relu_in_the_same_pass(device, variant):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 3, 9, 9)).astype(np.float32), rng.standard_normal((5, 3, 3, 3))
    x[0, 0, 4, 4] = np.nan
    shape = conv2d_shape(x.shape, w.shape, 1, 1, 1)
    y = conv.forward(cnnkit.to_device(x), cnnkit.to_device(w), None, shape, relu=True, variant=variant)
    assert_close(y, reference.relu(reference.conv2d(x, w, padding=1)), 27)


def test_same_padding_is_tensorflows(device):
    """Even kernel: the odd cell of padding lies at the bottom and right."""
    image = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    y = cnnkit.conv2d(image, np.ones((1, 1, 2, 2)), padding="same").get()[0, 0]
    assert y.shape == (4, 4)
    assert y[0, 0] == 0 + 1 + 4 + 5 and y[3, 3] == 15
    assert cnnkit.conv2d(image, np.ones((1, 1, 3, 3)), stride=3, padding="same").shape == (1, 1, 2, 2)


def test_it_is_cross_correlation(device):
    x, w = np.arange(9).reshape(1, 1, 3, 3), np.arange(4).reshape(1, 1, 2, 2)
    assert cnnkit.conv2d(x, w).get().ravel().tolist() == [19, 25, 37, 43]  # flipped: 5, 11, 23, 29


def test_an_empty_batch(device):
    x, w = np.zeros((0, 2, 5, 5)), np.ones((3, 2, 3, 3))
    assert cnnkit.conv2d(x, w).get().shape == (0, 3, 3, 3)
    dx, dw, db = cnnkit.conv2d_backward(np.zeros((0, 3, 3, 3)), x, w)
    assert dx.shape == (0, 2, 5, 5)
    assert not dw.get().any() and dw.shape == w.shape
    assert not db.get().any() and db.shape == (3,)


@pytest.mark.parametrize("variant", FORWARD)
def test_nan_and_infinity_show_where_they_are_read(device, variant):
    x = np.zeros((1, 1, 5, 5), np.float32)
    x[0, 0, 0, 0], x[0, 0, 4, 4] = np.nan, np.inf
    w = np.ones((1, 1, 3, 3), np.float32)
    assert_close(cnnkit.conv2d(x, w, variant=variant), reference.conv2d(x, w))
    # Padding is zeros, and 0 times infinity is not a number: a broken weight shows at the border, too.
    y = reference.conv2d(w, x[..., :3, :3], padding=1)
    assert np.isnan(y).any()
    assert_close(cnnkit.conv2d(w, x[..., :3, :3], padding=1, variant=variant), y)
    if variant not in BACKWARD:
        return
    dy = np.ones((1, 1, 3, 3), np.float32)
    dy[0, 0, 0, 0] = np.inf
    got = cnnkit.conv2d_backward(dy, w, w, padding=1, variant=variant)
    for g, e in zip(got, reference.conv2d_backward(dy, w, w, padding=1), strict=True):
        assert_close(g, e)


def test_a_large_photograph_needs_no_ten_gigabytes(device):
    """The patch matrix of this one would be 2.7 GB: a kernel that makes none is chosen."""
    x = np.zeros((1, 1, 1, 3_000_000), np.float32)
    x[..., 5] = 1
    y = cnnkit.conv2d(x, np.ones((1, 1, 1, 225)), padding=(0, 112)).get()
    assert y.shape == x.shape and y.sum() == 118


@pytest.mark.parametrize(
    "convert",
    [
        pytest.param(lambda x: x.astype(np.float64), id="float64"),
        pytest.param(lambda x: np.asfortranarray(x), id="fortran order"),
        pytest.param(lambda x: np.repeat(x, 2, axis=3)[..., ::2], id="every other column"),
        pytest.param(lambda x: x.tolist(), id="nested list"),
        pytest.param(lambda x: cnnkit.to_device(x), id="device"),
        pytest.param(lambda x: cnnkit.to_device(np.concatenate([x, x]))[1:], id="slice on the device"),
        pytest.param(
            lambda x: cnnkit.to_device(np.repeat(x, 2, axis=3))[..., ::2], id="strided on the device"
        ),
    ],
)
def test_input_of_any_kind(device, convert):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 2, 6, 7)).astype(np.float32)
    w = rng.standard_normal((2, 2, 3, 3)).astype(np.float32)
    assert_close(cnnkit.conv2d(convert(x), convert(w[:1])), reference.conv2d(x, w[:1]), 18)


def test_integers_and_booleans(device):
    x, w = np.arange(16).reshape(1, 1, 4, 4), np.eye(2, dtype=bool).reshape(1, 1, 2, 2)
    assert_close(cnnkit.conv2d(x, w), reference.conv2d(x, w.astype(float)))


ONES = np.ones


@pytest.mark.parametrize(
    ("x", "w", "how", "words"),
    [
        (ONES((5, 5)), ONES((1, 1, 3, 3)), {}, "4 dimensions (N, C, H, W), and its shape (5, 5) has 2"),
        (ONES((1, 1, 5, 5)), ONES((3, 3)), {}, "w must have 4 dimensions"),
        (ONES((1, 3, 5, 5)), ONES((2, 4, 3, 3)), {}, "the input has 3 channels and the filters 4"),
        (ONES((1, 1, 5, 5)), ONES((1, 1, 7, 3)), {}, "kernel is 7 high and the padded input only 5"),
        (
            ONES((1, 1, 5, 5)),
            ONES((1, 1, 3, 3)),
            {"dilation": 3},
            "kernel is 7 high (a 3-cell kernel with dilation 3)",
        ),
        (
            ONES((1, 1, 5, 5)),
            ONES((1, 1, 3, 7)),
            {"padding": (9, 0)},
            "kernel is 7 wide and the padded input only 5",
        ),
        (ONES((1, 1, 5, 5)), ONES((1, 1, 3, 3)), {"stride": 0}, "stride must be at least 1, and it is 0"),
        (ONES((1, 1, 5, 5)), ONES((1, 1, 3, 3)), {"stride": 1.5}, "stride must be a whole number"),
        (ONES((1, 1, 5, 5)), ONES((1, 1, 3, 3)), {"dilation": (1, 0)}, "dilation must be at least 1"),
        (ONES((1, 1, 5, 5)), ONES((1, 1, 3, 3)), {"padding": -1}, "padding must be at least 0, and it is -1"),
        (ONES((1, 1, 5, 5)), ONES((1, 1, 3, 3)), {"padding": "full"}, "not 'full'"),
        (ONES((1, 1, 5, 5)), ONES((1, 1, 3, 3)), {"b": ONES(2)}, "b has shape (2,) and must have (1,)"),
        (ONES((1, 1, 0, 5)), ONES((1, 1, 1, 1)), {}, "only the batch may be empty"),
    ],
)
def test_mistakes_are_named_with_both_numbers(x, w, how, words):
    with pytest.raises(ShapeError) as caught:
        cnnkit.conv2d(x, w, **how)
    assert words in str(caught.value)


def test_values_that_are_no_numbers():
    with pytest.raises(DTypeError, match="complex128"):
        cnnkit.conv2d(np.ones((1, 1, 3, 3), complex), np.ones((1, 1, 2, 2)))
    with pytest.raises(DTypeError, match="x holds <U1"):
        cnnkit.conv2d(np.full((1, 1, 3, 3), "a"), np.ones((1, 1, 2, 2)))
    with pytest.raises(ShapeError, match="not rectangular"):
        cnnkit.conv2d([[[[1, 2], [3]]]], np.ones((1, 1, 1, 1)))


def test_a_wrong_gradient_shape():
    with pytest.raises(ShapeError, match=r"dy has shape \(1, 1, 2, 2\) and must have \(1, 1, 3, 3\)"):
        cnnkit.conv2d_backward(np.ones((1, 1, 2, 2)), np.ones((1, 1, 5, 5)), np.ones((1, 1, 3, 3)))


def test_an_unknown_variant_names_the_known_ones():
    with pytest.raises(cnnkit.CnnkitError, match="no variant 'fast'; it has: plain, tiled"):
        cnnkit.conv2d(np.ones((1, 1, 5, 5)), np.ones((1, 1, 3, 3)), variant="fast")
