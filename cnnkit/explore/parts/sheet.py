"""Many small pictures on one sheet: filters, feature maps, examples."""

from __future__ import annotations

import numpy as np


def columns_of(amount: int) -> int:
    """How many of `amount` pictures stand in one row of a `mosaic`."""
    return int(np.ceil(np.sqrt(amount)))


def mosaic(pictures: np.ndarray, across: int | None = None) -> np.ndarray:
    """Pictures (K, H, W) in rows of `across` (nearly square by default), with gaps of NaN between."""
    amount, height, width = pictures.shape
    across = across or columns_of(amount)
    down = -(-amount // across)
    sheet = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan, dtype=np.float32)
    for index, one in enumerate(pictures):
        top, left = (index // across) * (height + 1), (index % across) * (width + 1)
        sheet[top : top + height, left : left + width] = one
    return sheet


def place_in(
    position: tuple[int, int], shape: tuple[int, int, int], across: int | None = None
) -> tuple[int, int, int] | None:
    """(index, row, column) of what lies at `position` of the mosaic of pictures of `shape` (K, H, W).

    None on a gap or where no picture is.
    """
    amount, height, width = shape
    across = across or columns_of(amount)
    (down, row), (right, column) = divmod(position[0], height + 1), divmod(position[1], width + 1)
    index = down * across + right
    if row == height or column == width or right >= across or index >= amount:
        return None
    return index, row, column


def corner_of(index: int, shape: tuple[int, int, int], across: int | None = None) -> tuple[int, int]:
    """(row, column) in the mosaic where picture `index` begins."""
    amount, height, width = shape
    across = across or columns_of(amount)
    return (index // across) * (height + 1), (index % across) * (width + 1)
