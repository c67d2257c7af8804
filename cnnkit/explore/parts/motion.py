"""Pictures rotated, shifted and scaled, as one matrix product on the device.

Every pixel of the result looks up where it came from and takes the four pixels around that place, in shares
by how near they are (bilinear interpolation). So the result is linear in the picture: with the pixels in one
row, it is picture @ matrix, and a matrix of HW x HW numbers holds the shares, at most four in a column.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

import cnnkit


@dataclass(frozen=True)
class Motion:
    """What is done to a picture, around its middle: scaled, then rotated, then shifted.

    rotation in degrees, counterclockwise as seen; shift_x in pixels to the right, shift_y down; scale 2 is
    twice as large.
    """

    rotation: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    scale: float = 1.0

    def only(self, name: str, value: float) -> Motion:
        """Nothing but `name`, at `value`."""
        return replace(REST, **{name: value})


REST = Motion()


def sources(motion: Motion, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns), each (height, width) float64: where in the picture every pixel of the result looks.

    It is the motion undone: shift back, rotate back, divide by the scale, around the middle.
    """
    middle = (height - 1) / 2, (width - 1) / 2
    down, right = np.mgrid[:height, :width].astype(np.float64)
    down, right = down - middle[0] - motion.shift_y, right - middle[1] - motion.shift_x
    angle = np.deg2rad(motion.rotation)
    cosine, sine = np.cos(angle), np.sin(angle)
    rows = (right * sine + down * cosine) / motion.scale + middle[0]
    columns = (right * cosine - down * sine) / motion.scale + middle[1]
    return rows, columns


def taps(row: np.ndarray, column: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The four pixels around every place: (rows, columns, shares), whole numbers and numbers from 0 to 1.

    Some may lie outside of the picture, where nothing is: there they count as zero.
    """
    top, left = np.floor(row).astype(int), np.floor(column).astype(int)
    below, right = row - top, column - left
    return [
        (top, left, (1 - below) * (1 - right)),
        (top, left + 1, (1 - below) * right),
        (top + 1, left, below * (1 - right)),
        (top + 1, left + 1, below * right),
    ]


def matrix(motion: Motion, height: int, width: int) -> np.ndarray:
    """The shares (HW, HW) float32: column j says how much of each pixel goes into pixel j of the result."""
    shares = np.zeros((height * width, height * width), np.float32)
    result = np.arange(height * width)
    for rows, columns, share in taps(*sources(motion, height, width)):
        rows, columns, share = rows.ravel(), columns.ravel(), share.ravel()
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        # No pixel is read twice by the same pixel of the result, so that plain indexing loses nothing.
        shares[(rows * width + columns)[inside], result[inside]] = share[inside]
    return shares


def moved(images: np.ndarray, motion: Motion) -> np.ndarray:
    """`images` (N, C, H, W) float32 after `motion`, of the same shape; what comes from outside is 0."""
    amount, channels, height, width = images.shape
    rows = images.reshape(amount * channels, height * width)
    return cnnkit.matmul(rows, matrix(motion, height, width)).get().reshape(images.shape)
