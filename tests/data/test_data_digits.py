import numpy as np
import pytest
from sklearn.datasets import load_digits

from cnnkit.data import digits, ink_counts
from cnnkit.errors import DataError, ShapeError


def test_whole_set_in_the_order_of_the_file():
    whole = digits(test=None)
    raw = load_digits()
    assert whole.images.shape == (1797, 1, 8, 8)
    assert whole.images.dtype == np.float32
    np.testing.assert_array_equal(whole.images[:, 0] * 16, raw.images)
    np.testing.assert_array_equal(whole.labels, raw.target)
    assert np.bincount(whole.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (whole.images.min(), whole.images.max()) == (0, 1)
    assert whole.classes == tuple("0123456789")


def test_split_is_stratified_and_by_seed():
    train, test = digits(test=0.2, seed=0)
    assert (len(train), len(test)) == (1438, 359)
    shares = np.bincount(test.labels) / np.bincount(digits(test=None).labels)
    assert abs(shares - 0.2).max() < 0.006  # one image of 174
    again, other = digits()[1], digits(seed=1)[1]
    np.testing.assert_array_equal(test.images, again.images)
    assert not np.array_equal(test.labels, other.labels)
    assert (train.name, test.name) == ("digits train", "digits test")


def test_ink_counts_counts_each_block():
    bitmap = np.zeros((32, 32), int)
    bitmap[4:8, 8:12] = 1  # block row 1, block column 2: full
    bitmap[31, 31] = 1
    expected = np.zeros((8, 8))
    expected[1, 2], expected[7, 7] = 1, 1 / 16
    counts = ink_counts(bitmap)
    np.testing.assert_array_equal(counts, expected)
    assert counts.dtype == np.float32


def test_ink_counts_is_the_loop_over_blocks_for_any_stack():
    bitmaps = np.random.default_rng(0).random((3, 2, 32, 32)) < 0.4
    counts = ink_counts(bitmaps)
    assert counts.shape == (3, 2, 8, 8)
    for row in range(8):
        for column in range(8):
            block = bitmaps[..., 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            np.testing.assert_array_equal(counts[..., row, column], block.sum(axis=(-2, -1)) / 16)


def test_ink_counts_can_make_every_digit_of_the_set():
    """Ink laid out to a digit's own counts comes back as that digit: same scale, same orientation."""
    images = digits(test=None).images[:50, 0]
    within = np.arange(16).reshape(4, 4)
    bitmaps = (images * 16)[:, :, None, :, None] > within[None, None, :, None, :]
    np.testing.assert_array_equal(ink_counts(bitmaps.reshape(50, 32, 32)), images)


@pytest.mark.parametrize("shape", [(8, 8), (32, 31), (32,), ()])
def test_ink_counts_refuses_other_shapes(shape):
    with pytest.raises(ShapeError, match="32, 32"):
        ink_counts(np.zeros(shape))


@pytest.mark.parametrize("value", [255, 0.5, -1, np.nan])
def test_ink_counts_refuses_shades(value):
    bitmap = np.zeros((32, 32))
    bitmap[0, 0] = value
    with pytest.raises(DataError, match="bitmap > 127"):
        ink_counts(bitmap)
