"""Labeled images held together: what every loader returns and what training takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnkit.errors import DataError, DTypeError, ShapeError


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images with their labels.

    Args:
        images: float32 of shape (N, C, H, W), values in [0, 1]; other float kinds are converted.
        labels: int32 of shape (N,), each an index into `classes`; other integer kinds are converted.
        classes: the name of each class.
        name: what to call the set in tables and pictures.

    Raises:
        ShapeError: images are not (N, C, H, W), or labels are not (N,).
        DTypeError: images are not floating point, or labels are not integers.
        DataError: a label that names no class.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int32]
    classes: tuple[str, ...]
    name: str = "dataset"

    def __post_init__(self) -> None:
        images, labels = np.asarray(self.images), np.asarray(self.labels)
        classes = tuple(str(label) for label in self.classes)
        if images.ndim != 4:
            raise ShapeError(f"images must have 4 axes (N, C, H, W), not {images.ndim}: {images.shape}.")
        if labels.shape != images.shape[:1]:
            raise ShapeError(
                f"{len(images)} images need labels of shape ({len(images)},), not {labels.shape}."
            )
        if not np.issubdtype(images.dtype, np.floating):
            raise DTypeError(
                f"images are {images.dtype}, not float32: divide values of 0 to 255 by 255 so that they "
                "lie in [0, 1]."
            )
        if not np.issubdtype(labels.dtype, np.integer):
            raise DTypeError(f"labels are {labels.dtype}, not integers: give each class a number from 0.")
        if len(labels) and (labels.min() < 0 or labels.max() >= len(classes)):
            raise DataError(
                f"labels run from {labels.min()} to {labels.max()}, but {len(classes)} classes have the "
                f"labels 0 to {len(classes) - 1}."
            )
        # The class is frozen, so that nobody swaps the labels under a run: this is the one place that sets.
        object.__setattr__(self, "images", images.astype(np.float32, copy=False))
        object.__setattr__(self, "labels", labels.astype(np.int32, copy=False))
        object.__setattr__(self, "classes", classes)

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        channels, height, width = self.images.shape[1:]
        return (
            f"Dataset({self.name!r}: {len(self)} images of {channels}x{height}x{width}, "
            f"{len(self.classes)} classes)"
        )

    def __getitem__(self, index: int | slice | Sequence[int] | NDArray[np.generic]) -> Dataset:
        """The chosen images as a Dataset of their own: one number, a slice, indices, or a mask.

        A slice shares memory with the whole (as in NumPy), indices and masks copy.
        """
        if not isinstance(index, slice):
            chosen = np.asarray(index)
            if chosen.size == 0 and chosen.dtype != np.bool_:
                chosen = chosen.astype(np.intp)  # NumPy makes [] floating point
            if chosen.ndim > 1:
                raise IndexError(f"a Dataset has 1 axis to choose from, not {chosen.ndim}.")
            index = np.atleast_1d(chosen)
        return Dataset(self.images[index], self.labels[index], self.classes, self.name)

    def split(self, test: float = 0.2, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Split into (train, test) with the same share of every class, at random by `seed`.

        The test part has exactly round(n * test) images. Each class gives its exact share of them,
        rounded down; the images still missing come from the classes with the largest remainders (the
        largest-remainder method of apportionment; of equal remainders the first class's). Within both
        parts the images keep their order, and none is lost or doubled.

        Raises:
            DataError: `test` is not between 0 and 1, or one of the parts would be empty.
        """
        n = len(self)
        if not 0 < test < 1:
            raise DataError(f"test must be a share between 0 and 1, not {test}.")
        wanted = round(n * test)
        if not 0 < wanted < n:
            raise DataError(
                f"test={test} of {n} images splits them {n - wanted} to {wanted}, and neither part may be "
                "empty: choose another share or more images."
            )
        counts = np.bincount(self.labels, minlength=len(self.classes)).astype(np.int64)
        # In whole numbers: no share is ever decided by a rounding error of floating point.
        quotas, remainders = np.divmod(counts * wanted, n)
        largest_first = np.argsort(-remainders, kind="stable")
        quotas[largest_first[: wanted - quotas.sum()]] += 1

        rng = np.random.default_rng(seed)
        in_test = np.zeros(n, dtype=bool)
        for label, quota in enumerate(quotas):
            in_test[rng.permutation(np.flatnonzero(self.labels == label))[:quota]] = True
        train_part, test_part = self[~in_test], self[in_test]
        return (
            Dataset(train_part.images, train_part.labels, self.classes, f"{self.name} train"),
            Dataset(test_part.images, test_part.labels, self.classes, f"{self.name} test"),
        )
