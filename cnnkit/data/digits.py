"""Real handwritten digits of 8x8 that come with scikit-learn, and the way they were made."""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnkit.data.dataset import Dataset
from cnnkit.errors import DataError, ShapeError


@overload
def digits(test: float = 0.2, seed: int = 0) -> tuple[Dataset, Dataset]: ...
@overload
def digits(test: None, seed: int = 0) -> Dataset: ...
def digits(test: float | None = 0.2, seed: int = 0) -> tuple[Dataset, Dataset] | Dataset:
    """The 1 797 handwritten digits of scikit-learn, images (N, 1, 8, 8) in [0, 1], 1 is full of ink.

    Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits" (its test set),
    UCI Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49, CC BY 4.0.

    Args:
        test: the share kept for testing, the same of every digit; None returns the whole set undivided,
            in the order of the file.
        seed: which images are kept.

    Returns:
        (train, test), or one Dataset if `test` is None.
    """
    from sklearn.datasets import load_digits

    raw = load_digits()
    images = (raw.images / 16).astype(np.float32)[:, None]  # sixteenths are exact in float32
    whole = Dataset(images, raw.target, tuple("0123456789"), "digits")
    return whole if test is None else whole.split(test, seed)


def ink_counts(bitmap: ArrayLike) -> NDArray[np.float32]:
    """Turn 32x32 bitmaps of ink (0 or 1) into 8x8 images in [0, 1], as the set of `digits` was made.

    Each value is the number of inked cells in a block of 4x4, divided by 16. (Before that, the makers
    of the set had scaled each digit to fill the height of its bitmap: draw large.)

    Args:
        bitmap: shape (..., 32, 32), booleans or the numbers 0 and 1.

    Returns:
        float32 of shape (..., 8, 8).

    Raises:
        ShapeError: the last two axes are not 32 and 32.
        DataError: a value other than 0 and 1.
    """
    cells = np.asarray(bitmap)
    if cells.shape[-2:] != (32, 32):
        raise ShapeError(f"a bitmap must have the shape (..., 32, 32), not {cells.shape}.")
    ink = cells.astype(bool)
    if not np.array_equal(ink, cells):
        raise DataError(
            f"a bitmap must hold 0 and 1 alone, not values from {cells.min()} to {cells.max()}: "
            "choose what counts as ink, such as bitmap > 127."
        )
    blocks = ink.reshape(*cells.shape[:-2], 8, 4, 8, 4)
    return (blocks.sum(axis=(-3, -1)) / 16).astype(np.float32)
