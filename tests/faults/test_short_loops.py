"""A device that ends long loops in silence, as llvmpipe does: another kernel or a sentence, nothing wrong."""

import numpy as np
import pytest

import cnnkit
from cnnkit import reference
from cnnkit.array import to_device
from cnnkit.ops import conv, conv_parts, dense, pool, variants
from cnnkit.ops.rounds import rounds_of


@pytest.fixture
def short(device, monkeypatch):
    """A device whose loops end after 1000 rounds, or so it says."""
    monkeypatch.setattr(device, "longest_loop", 1000)
    return device


def right_or_refused(device, compute, expected):
    """Compute, where the device's longest loop is known; True if it did so rightly, False if it refused."""
    if device.longest_loop is None:
        device.self_test()  # which measures it
    try:
        results = compute()
    except cnnkit.DeviceError as error:
        assert "rounds of a loop" in str(error) and device.longest_loop is not None
        return False
    for got, right in zip(results, expected, strict=True):
        np.testing.assert_allclose(got.get(), right, rtol=2e-4)
    return True


@pytest.fixture
def chosen(monkeypatch):
    """The variants that are chosen, in order."""
    names = []

    def choose(*args, **kwargs):
        names.append(variants.choose(*args, **kwargs))
        return names[-1]

    monkeypatch.setattr(pool, "choose", choose)
    monkeypatch.setattr(conv, "choose", choose)
    conv._variant_on.cache_clear()
    return names


def drawn(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def positive(*shape):
    """Numbers whose sums lose nothing by cancelling: a term that is left out shows."""
    return np.random.default_rng(0).random(shape, np.float32) + 0.5


def test_a_whole_picture_is_pooled_rightly_on_every_device(device):
    """One work-item for 300 x 300 places was what llvmpipe cut off."""
    x = drawn(1, 1, 300, 300)
    y, winners = cnnkit.max_pool2d(x, 1, return_indices=True)
    np.testing.assert_array_equal(y.get(), x)
    np.testing.assert_array_equal(winners.get().ravel(), np.arange(x.size))
    dx = cnnkit.max_pool2d_backward(x, x, 1, indices=winners)
    np.testing.assert_array_equal(dx.get(), x)


def test_a_long_sum_is_right_or_refused_on_every_device(device):
    a, b = positive(2, 70_000), positive(70_000, 3)
    right_or_refused(device, lambda: [cnnkit.matmul(a, b)], [reference.matmul(a, b)])
    right_or_refused(device, lambda: [dense.column_sum(to_device(b))], [b.sum(0, dtype=np.float64)])


# Each has a loop, somewhere in one of its kernels, of more than 65,535 rounds: of places, pictures, channels,
# filters, or of rows that are stored with their padding.
LONG = [
    ((1, 1, 300, 300), (2, 1, 3, 3), {}),
    ((1, 1, 40, 4200), (2, 1, 3, 3), {}),
    ((1, 1, 140, 1600), (2, 1, 3, 3), {"stride": 3}),
    ((1, 1, 130, 700), (2, 1, 3, 3), {"padding": 60}),
    ((2, 8, 120, 120), (20, 8, 3, 3), {}),
    ((70_000, 1, 2, 2), (2, 1, 1, 1), {}),
    ((1, 70_000, 2, 2), (2, 70_000, 1, 1), {}),
    ((1, 1, 3, 3), (70_000, 1, 2, 2), {}),
    ((2, 1, 2, 70_000), (3, 1, 2, 2), {}),
]


@pytest.mark.parametrize("variant", [None, *variants.VARIANTS["conv2d_forward"]])
@pytest.mark.parametrize(("x", "w", "how"), LONG)
def test_a_long_convolution_is_right_or_refused_on_every_device(device, x, w, how, variant):
    x, w = positive(*x), positive(*w)
    y = reference.conv2d(x, w, **how)
    once = right_or_refused(device, lambda: [cnnkit.conv2d(x, w, variant=variant, **how)], [y])
    dy = positive(*y.shape)
    dx, dw, db = reference.conv2d_backward(dy, x, w, **how)
    if variant == "tiled":
        return
    shape = conv.conv2d_shape(x.shape, w.shape, how.get("stride", 1), how.get("padding", 0), 1)
    device_dy = to_device(dy)
    right_or_refused(device, lambda: [conv.backward_data(device_dy, to_device(w), shape, variant)], [dx])
    right_or_refused(device, lambda: conv.backward_weight(device_dy, to_device(x), shape, variant), [dw, db])
    if variant is None and shape.C < 70_000:
        assert once  # by some kernel


# The first takes 65,285 rounds, just what llvmpipe allows, and the second has to be done in parts there.
@pytest.mark.parametrize("size", [(255, 253), (298, 298)])
def test_a_photographs_gradient_is_right_on_every_device(device, size):
    if device.longest_loop is None:
        device.self_test()  # which measures it
    dy, w = np.abs(drawn(1, 1, *size)), drawn(1, 1, 3, 3)
    x = np.abs(drawn(1, 1, size[0] + 2, size[1] + 2))
    _, dw, db = cnnkit.conv2d_backward(dy, x, w, variant="plain")
    _, expected_w, expected_b = reference.conv2d_backward(dy, x, w)
    np.testing.assert_allclose(dw.get(), expected_w, rtol=1e-5)
    np.testing.assert_allclose(db.get(), expected_b, rtol=1e-5)


def test_rounds_are_counted_with_two_more_for_each_loop_that_ends():
    def counted(sizes):
        return 2 + sum(1 + (counted(sizes[1:]) if sizes[1:] else 0) for _ in range(sizes[0]))

    assert rounds_of(5) == counted([5]) == 7
    assert rounds_of(2, 3) == counted([2, 3]) == 14
    assert rounds_of(4, 3, 2) == counted([4, 3, 2])


@pytest.mark.parametrize(
    "call",
    [
        lambda: cnnkit.max_pool2d(drawn(1, 1, 40, 40), 40, variant="plain"),
        lambda: cnnkit.avg_pool2d(drawn(1, 1, 40, 40), 40),
        lambda: cnnkit.avg_pool2d_backward(drawn(1, 1, 41, 41), (1, 1, 80, 80), 40, 1),
        lambda: cnnkit.softmax(drawn(2, 400)),
        lambda: cnnkit.cross_entropy(drawn(2, 400), [0, 1]),
        lambda: cnnkit.mse(drawn(70_000), drawn(70_000)),
    ],
)
def test_other_long_loops_are_refused(short, call):
    with pytest.raises(cnnkit.DeviceError, match=r"rounds of a loop .* ends every loop after 1,000"):
        call()


def test_pooling_takes_the_plain_kernel(short, chosen):
    x = drawn(2, 2, 40, 40)
    y, winners = cnnkit.max_pool2d(x, 2, return_indices=True)
    np.testing.assert_array_equal(y.get(), reference.max_pool2d(x, 2))
    cnnkit.max_pool2d_backward(y, x, 2, indices=winners)
    assert chosen == ["plain", "plain"]


def test_convolution_takes_the_plain_kernel(short, chosen):
    x, w = drawn(1, 8, 20, 20), drawn(16, 8, 3, 3)
    y = cnnkit.conv2d(x, w)
    assert chosen == ["plain"]
    np.testing.assert_allclose(y.get(), reference.conv2d(x, w), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("x", "w", "how"),
    [
        ((4, 2, 20, 20), (3, 2, 3, 3), {}),  # whole images: 2 and 2
        ((3, 2, 40, 40), (3, 2, 3, 3), {"padding": 1}),  # rows of one: 24 and 16
        ((2, 1, 75, 61), (2, 1, 5, 3), {"stride": (2, 1), "padding": (2, 1), "dilation": (3, 2)}),
        ((1, 1, 4, 992), (1, 1, 1, 1), {"padding": 0}),  # a single row a part
    ],
)
def test_a_weight_gradient_is_summed_in_parts(short, x, w, how):
    x, w = drawn(*x), drawn(*w)
    dy = drawn(*reference.conv2d(x, w, **how).shape)
    shape = conv.conv2d_shape(
        x.shape, w.shape, how.get("stride", 1), how.get("padding", 0), how.get("dilation", 1)
    )
    assert len(conv_parts.parts(shape, 1000)) > 1
    _, dw, db = cnnkit.conv2d_backward(dy, x, w, **how)
    _, expected_w, expected_b = reference.conv2d_backward(dy, x, w, **how)
    np.testing.assert_allclose(dw.get(), expected_w, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(db.get(), expected_b, rtol=1e-4, atol=1e-3)


def test_what_no_kernel_can_sum_is_refused_with_both_numbers(short):
    x, w = drawn(1, 1, 2, 1002), drawn(3, 1, 1, 1)
    with pytest.raises(cnnkit.DeviceError, match=r"conv2d_backward_weight takes 2,015 rounds .* after 1,000"):
        cnnkit.conv2d_backward(cnnkit.conv2d(x, w), x, w)
    x, w = drawn(4, 2, 20, 20), drawn(3, 2, 3, 3)
    with pytest.raises(cnnkit.DeviceError, match=r"gemm kernel of conv2d_backward_weight takes 1,526 rounds"):
        cnnkit.conv2d_backward(cnnkit.conv2d(x, w), x, w, variant="gemm")
    with pytest.raises(cnnkit.DeviceError, match=r"A matrix product takes 2,207 rounds .* after 1,000"):
        cnnkit.matmul(drawn(2, 2000), drawn(2000, 2))
    with pytest.raises(cnnkit.DeviceError, match=r"conv2d_forward takes 2,186 rounds"):
        cnnkit.conv2d(drawn(1, 104, 5, 5), drawn(2, 104, 3, 3))


def test_a_variant_that_is_named_is_refused_where_it_would_be_cut_off(short):
    conv._variant_on.cache_clear()
    with pytest.raises(cnnkit.DeviceError, match="blocked kernel of max_pool2d_forward takes 10,524 rounds"):
        cnnkit.max_pool2d(drawn(2, 2, 40, 40), 2, variant="blocked")
    with pytest.raises(cnnkit.DeviceError, match="The blocked kernel of conv2d_forward takes"):
        cnnkit.conv2d(drawn(1, 8, 20, 20), drawn(16, 8, 3, 3), variant="blocked")


def test_the_self_test_measures_it(device):
    device.self_test()
    # Mesa 22 ends loops early, Mesa 25 does not any longer.
    assert device.longest_loop in ((65535, None) if "llvmpipe" in device.name else (None,))
    assert to_device(np.ones(3)).get().sum() == 3
