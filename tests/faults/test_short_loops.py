"""A device that ends long loops in silence, as llvmpipe does: another kernel or a sentence, nothing wrong."""

import numpy as np
import pytest

import cnnkit
from cnnkit import reference
from cnnkit.array import to_device
from cnnkit.ops import conv, pool, variants


@pytest.fixture
def short(device, monkeypatch):
    """A device whose loops end after 1000 rounds, or so it says."""
    monkeypatch.setattr(device, "longest_loop", 1000)
    return device


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


def test_a_whole_picture_is_pooled_rightly_on_every_device(device):
    """One work-item for 300 x 300 places was what llvmpipe cut off."""
    x = drawn(1, 1, 300, 300)
    y, winners = cnnkit.max_pool2d(x, 1, return_indices=True)
    np.testing.assert_array_equal(y.get(), x)
    np.testing.assert_array_equal(winners.get().ravel(), np.arange(x.size))
    dx = cnnkit.max_pool2d_backward(x, x, 1, indices=winners)
    np.testing.assert_array_equal(dx.get(), x)


def test_a_long_sum_is_right_or_refused_on_every_device(device):
    a, b = np.ones((2, 70_000), np.float32), np.ones((70_000, 3), np.float32)
    try:
        assert (cnnkit.matmul(a, b).get() == 70_000).all()
    except cnnkit.DeviceError as error:
        assert "72,188 rounds" in str(error) and device.longest_loop is not None


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


def test_what_no_kernel_can_sum_is_refused_with_both_numbers(short):
    x, w = drawn(4, 2, 20, 20), drawn(3, 2, 3, 3)
    y = cnnkit.conv2d(x, w)
    with pytest.raises(cnnkit.DeviceError, match=r"conv2d_backward_weight takes 1,372 rounds .* after 1,000"):
        cnnkit.conv2d_backward(y, x, w)
    with pytest.raises(cnnkit.DeviceError, match=r"A matrix product takes 2,063 rounds .* after 1,000"):
        cnnkit.matmul(drawn(2, 2000), drawn(2000, 2))
    with pytest.raises(cnnkit.DeviceError, match=r"conv2d_forward takes 1,352 rounds"):
        cnnkit.conv2d(drawn(1, 104, 5, 5), drawn(2, 104, 3, 3))


def test_a_variant_that_is_named_is_refused_where_it_would_be_cut_off(short):
    conv._variant_on.cache_clear()
    with pytest.raises(cnnkit.DeviceError, match="blocked kernel of max_pool2d_forward takes 2,800 rounds"):
        cnnkit.max_pool2d(drawn(2, 2, 40, 40), 2, variant="blocked")
    with pytest.raises(cnnkit.DeviceError, match="The blocked kernel of conv2d_forward takes"):
        cnnkit.conv2d(drawn(1, 8, 20, 20), drawn(16, 8, 3, 3), variant="blocked")


def test_the_self_test_measures_it(device):
    device.self_test()
    # Mesa 22 ends loops early, Mesa 25 does not any longer.
    assert device.longest_loop in ((65535, None) if "llvmpipe" in device.name else (None,))
    assert to_device(np.ones(3)).get().sum() == 3
