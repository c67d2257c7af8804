"""Ink on a pad of 32x32 cells: strokes, bitmaps of known counts, and the pictures that networks get of them.

The images of `cnnkit.data.digits` were made by NIST's public-domain handprint system (M. D. Garris et al.,
"NIST Form-Based Handprint Recognition System", NISTIR 5469, 1994), whose steps `fit` follows: cut the
digit out, scale it to 32 rows and 20 columns, thin or thicken strokes until the ink is near the usual
amount, and straighten its slant. `cnnkit.data.ink_counts` then counts the ink in blocks of 4x4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets

from ...data import ink_counts

SIDE, BLOCK = 32, 4
SIDES = (8, 28)  # of the pictures that a pad can be turned into
WIDTH = 20  # columns of a fitted digit
THICK, VERY_THICK = 412, 560  # more inked cells than this are thinned, once or twice
THIN, VERY_THIN = 256, 108  # fewer than this are thickened, once or twice

INNER = 20  # pixels on the longer side of a digit in a picture of 28x28

Rectangle = tuple[float, float, float, float]  # row, column, height, width, in cells


def empty() -> np.ndarray:
    """A pad without ink, (32, 32) bool."""
    return np.zeros((SIDE, SIDE), dtype=bool)


def as_bitmap(value: Any) -> np.ndarray:
    """`value` as a bitmap (32, 32) bool of its own; TraitError for another shape or other values."""
    cells = np.asarray(value.get() if hasattr(value, "get") else value)
    if cells.shape != (SIDE, SIDE):
        raise traitlets.TraitError(
            f"The pad's bitmap has the shape ({SIDE}, {SIDE}), not {cells.shape}: 1 is ink, 0 is none."
        )
    ink = cells.astype(bool)
    if not np.array_equal(ink, cells):
        raise traitlets.TraitError(
            f"The pad's bitmap holds 0 and 1 alone, not values from {cells.min()} to {cells.max()}: "
            "choose what counts as ink, such as bitmap > 0.5."
        )
    return ink


def box_of(bitmap: np.ndarray) -> tuple[int, int, int, int] | None:
    """(row, column, height, width) of the smallest rectangle that holds all ink; None without ink."""
    if not bitmap.any():
        return None
    rows, columns = np.flatnonzero(bitmap.any(axis=1)), np.flatnonzero(bitmap.any(axis=0))
    row, column = int(rows[0]), int(columns[0])
    return row, column, int(rows[-1]) - row + 1, int(columns[-1]) - column + 1


def within_pad(area: Rectangle) -> Rectangle:
    """What of a rectangle lies on the pad."""
    (top, bottom), (left, right) = (np.clip((area[at], area[at] + area[at + 2]), 0, SIDE) for at in (0, 1))
    return float(top), float(left), float(bottom - top), float(right - left)


# Drawing -----------------------------------------------------------------------------------------


def stroke(points: Sequence[tuple[float, float]], brush: float) -> np.ndarray:
    """The cells under a line through `points`, (row, column) with (0.5, 0.5) the middle of the first cell.

    A cell is inked if its middle is at most brush / 2 away from the line, and if the line has a point in
    it. `pad.js` draws by the same rule.
    """
    ink = empty()
    rows, columns = (np.arange(SIDE) + 0.5 for _ in range(2))
    for start, end in zip([points[0], *points[:-1]], points, strict=True):
        (row, column), (to_row, to_column) = start, end
        down, right = to_row - row, to_column - column
        length = down**2 + right**2
        along = (rows[:, None] - row) * down + (columns - column) * right
        share = np.clip(along / length, 0, 1) if length else np.zeros((SIDE, SIDE))
        away = (rows[:, None] - row - share * down) ** 2 + (columns - column - share * right) ** 2
        ink |= away <= (brush / 2) ** 2 + 1e-9
        for at_row, at_column in (start, end):
            if 0 <= at_row < SIDE and 0 <= at_column < SIDE:
                ink[int(at_row), int(at_column)] = True
    return ink


def moved(bitmap: np.ndarray, down: int = 0, right: int = 0) -> np.ndarray:
    """The bitmap moved by whole cells; what leaves the pad is lost."""
    result = np.zeros_like(bitmap)
    height, width = bitmap.shape
    result[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = bitmap[
        max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)
    ]
    return result


def thicker(bitmap: np.ndarray) -> np.ndarray:
    """Ink as well where one of the four neighbors has it."""
    return bitmap | moved(bitmap, 1) | moved(bitmap, -1) | moved(bitmap, 0, 1) | moved(bitmap, 0, -1)


def thinner(bitmap: np.ndarray) -> np.ndarray:
    """Ink only where all four neighbors have it; there is none outside of the pad."""
    return bitmap & moved(bitmap, 1) & moved(bitmap, -1) & moved(bitmap, 0, 1) & moved(bitmap, 0, -1)


def of_counts(picture: np.ndarray) -> np.ndarray:
    """A bitmap (32, 32) whose `ink_counts` are exactly `picture` (8, 8), which holds sixteenths in [0, 1].

    The set of digits keeps only how many cells of each block were inked, not which. Here they are those
    where the picture, interpolated bilinearly between the middles of its pixels, is largest.
    """
    counts = np.rint(np.asarray(picture, dtype=np.float64) * BLOCK**2).astype(int)
    side = len(counts)
    at = np.clip((np.arange(SIDE) + 0.5) / BLOCK - 0.5, 0, side - 1)
    weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(side)))
    between = weights @ counts @ weights.T
    blocks = between.reshape(side, BLOCK, side, BLOCK).swapaxes(1, 2).reshape(side, side, BLOCK**2)
    order = np.argsort(-blocks, axis=2, kind="stable")
    ranks = np.argsort(order, axis=2, kind="stable")
    inked = (ranks < counts[:, :, None]).reshape(side, side, BLOCK, BLOCK)
    return inked.swapaxes(1, 2).reshape(SIDE, SIDE)


# Fitting -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fitted:
    """A drawing as it is counted: bitmap (32, 32); box: what of the pad it was made of.

    shifts (32,): by how many cells each row was moved to the right when the slant was taken away.
    """

    bitmap: np.ndarray
    box: tuple[int, int, int, int]
    shifts: np.ndarray

    def on_pad(self, area: Rectangle) -> Rectangle:
        """The rectangle of the pad that holds whatever ended in `area` of the fitted bitmap."""
        row, column, height, width = area
        top, left, tall, wide = self.box
        rows = np.arange(int(np.floor(row)), int(np.ceil(row + height)))
        shifts = self.shifts[np.clip(rows, 0, SIDE - 1)]
        margin = (SIDE - WIDTH) // 2
        first, last = column - shifts.max() - margin, column + width - shifts.min() - margin
        down, right = tall / SIDE, wide / WIDTH
        return top + row * down, left + first * right, height * down, (last - first) * right


def fit(bitmap: np.ndarray) -> Fitted | None:
    """`bitmap` (32, 32) as the makers of the digits would have counted it; None without ink."""
    box = box_of(bitmap)
    if box is None:
        return None
    row, column, height, width = box
    # Nearest sampling: the middle of each new cell, in the cells that were cut out.
    rows = row + ((np.arange(SIDE) + 0.5) * height / SIDE).astype(int)
    columns = column + ((np.arange(WIDTH) + 0.5) * width / WIDTH).astype(int)
    scaled = empty()
    margin = (SIDE - WIDTH) // 2
    scaled[:, margin : margin + WIDTH] = bitmap[np.ix_(rows, columns)]
    ink = _usual_ink(scaled)
    shifts = _slant(ink)
    upright = np.stack([moved(line[None], 0, int(by))[0] for line, by in zip(ink, shifts, strict=True)])
    return Fitted(upright, box, shifts)


def _usual_ink(bitmap: np.ndarray) -> np.ndarray:
    amount = int(bitmap.sum())
    for _ in range((amount > THICK) + (amount > VERY_THICK)):
        bitmap = thinner(bitmap)
    for _ in range((amount < THIN) + (amount < VERY_THIN)):
        bitmap = thicker(bitmap)
    return bitmap


def _slant(bitmap: np.ndarray) -> np.ndarray:
    """How far right each row goes (32,) so that the left ends of the top and the bottom stand upright.

    Measured two rows inside of the ink, because its very ends are ragged.
    """
    still = np.zeros(SIDE, dtype=int)
    rows = np.flatnonzero(bitmap.any(axis=1))
    if len(rows) == 0 or rows[-1] - rows[0] < 5:
        return still
    top, bottom = int(rows[0]) + 2, int(rows[-1]) - 2
    if not (bitmap[top].any() and bitmap[bottom].any()):
        return still
    slope = (int(bitmap[top].argmax()) - int(bitmap[bottom].argmax())) / (bottom - top)
    return np.round((np.arange(SIDE) - SIDE // 2) * slope).astype(int)


# Seen --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """What a network gets of a pad: picture (H, W) float32 in [0, 1].

    cut: the rectangle of the pad that was cut out and scaled; None when the whole pad was taken.
    on_pad: says for a rectangle of the picture where its ink lies on the pad.
    """

    picture: np.ndarray
    cut: Rectangle | None
    on_pad: Callable[[Rectangle], Rectangle]


def seen(bitmap: np.ndarray, side: int, fitting: bool) -> Seen:
    """The picture of `side` x `side` pixels that a network gets of `bitmap` (32, 32); side is 8 or 28.

    8: the ink is counted as in the digits, after `fit` if `fitting`. 28: as in MNIST, gray by the share of
    ink; if `fitting`, the drawing is cut out, scaled to 20 pixels on its longer side and put with its center
    of mass in the middle (Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998).
    """
    if side == SIDE // BLOCK:
        fitted = fit(bitmap) if fitting else None
        if fitted is None:
            return Seen(ink_counts(bitmap), None, lambda area: _scaled(area, BLOCK))
        return Seen(ink_counts(fitted.bitmap), fitted.box, lambda area: fitted.on_pad(_scaled(area, BLOCK)))
    box = box_of(bitmap) if fitting else None
    if box is None:
        shares = _overlaps(side, SIDE)
        return Seen(_gray(shares @ bitmap @ shares.T), None, lambda area: _scaled(area, SIDE / side))
    return _centered(bitmap, box, side)


def _centered(bitmap: np.ndarray, box: tuple[int, int, int, int], side: int) -> Seen:
    row, column, height, width = box
    longer = max(height, width)
    rows, columns = (max(1, round(INNER * size / longer)) for size in (height, width))
    cut = bitmap[row : row + height, column : column + width]
    small = _overlaps(rows, height) @ cut @ _overlaps(columns, width).T
    middles = [(small.sum(axis=1 - axis) @ (np.arange(small.shape[axis]) + 0.5)) for axis in (0, 1)]
    top, left = (
        int(np.clip(round(side / 2 - middle / small.sum()), 0, side - size))
        for middle, size in zip(middles, small.shape, strict=True)
    )
    picture = np.zeros((side, side))
    picture[top : top + rows, left : left + columns] = small

    def on_pad(area: Rectangle) -> Rectangle:
        down, right = height / rows, width / columns
        return (
            row + (area[0] - top) * down,
            column + (area[1] - left) * right,
            area[2] * down,
            area[3] * right,
        )

    return Seen(_gray(picture), box, on_pad)


def _overlaps(parts: int, cells: int) -> np.ndarray:
    """(parts, cells): which share of each of `parts` equal stretches lies in each of `cells` equal ones."""
    ends = np.arange(parts + 1) * cells / parts
    until = np.minimum(ends[1:, None], np.arange(cells) + 1)
    since = np.maximum(ends[:-1, None], np.arange(cells))
    return np.maximum(0, until - since) * parts / cells


def _gray(shares: np.ndarray) -> np.ndarray:
    return np.clip(shares, 0, 1).astype(np.float32)


def _scaled(area: Rectangle, by: float) -> Rectangle:
    return area[0] * by, area[1] * by, area[2] * by, area[3] * by
