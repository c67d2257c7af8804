"""Ink on the drawing pad: strokes, bitmaps of known counts, fitting, and the pad's own state."""

from __future__ import annotations

import numpy as np
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnkit.data import ink_counts
from cnnkit.explore import DrawModel
from cnnkit.explore.parts import ink
from cnnkit.explore.parts.pad import Pad
from cnnkit.explore.parts.trained import digits_test

BITMAPS = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).random((32, 32)) < np.random.default_rng(seed).random() / 2
)


# Ink ---------------------------------------------------------------------------------------------


def test_every_held_out_digit_has_a_bitmap_of_exactly_its_counts():
    for picture in digits_test().images[:, 0]:
        assert np.array_equal(ink_counts(ink.of_counts(picture)), picture)


@given(st.lists(st.integers(0, 16), min_size=64, max_size=64))
@settings(max_examples=50, deadline=None)
def test_any_counts_have_a_bitmap(counts):
    picture = (np.array(counts).reshape(8, 8) / 16).astype(np.float32)
    assert np.array_equal(ink_counts(ink.of_counts(picture)), picture)


def test_the_bitmap_of_counts_leans_to_its_neighbors():
    picture = np.zeros((8, 8), np.float32)
    picture[3, 3], picture[3, 4] = 0.5, 1
    block = ink.of_counts(picture)[12:16, 12:16]
    assert block.sum() == 8 and block[:, 2:].sum() > block[:, :2].sum()


def inked_one_by_one(points, brush):
    """The rule of a stroke, cell by cell: near the line, or holding one of its points."""
    cells = np.zeros((32, 32), bool)
    for (r0, c0), (r1, c1) in zip([points[0], *points[:-1]], points, strict=True):
        for r, c in np.ndindex(32, 32):
            length = np.hypot(r1 - r0, c1 - c0)
            along = ((r + 0.5 - r0) * (r1 - r0) + (c + 0.5 - c0) * (c1 - c0)) / length if length else 0
            along = min(max(along, 0), length)
            near = (
                (r0, c0) if not length else (r0 + along * (r1 - r0) / length, c0 + along * (c1 - c0) / length)
            )
            cells[r, c] |= np.hypot(r + 0.5 - near[0], c + 0.5 - near[1]) <= brush / 2 + 1e-9
            cells[r, c] |= any(r <= p < r + 1 and c <= q < c + 1 for p, q in ((r0, c0), (r1, c1)))
    return cells


@pytest.mark.parametrize("brush", [1, 3, 5])
@pytest.mark.parametrize("points", [[(4.2, 7.9)], [(1, 1), (30.3, 17.7), (2, 31)], [(-5, 8), (40, 9)]])
def test_a_stroke_inks_what_lies_under_it(points, brush):
    assert np.array_equal(ink.stroke(points, brush), inked_one_by_one(points, brush))


def test_a_quick_stroke_has_no_gaps():
    for end in ((31.5, 3.2), (17.3, 31.9), (0.1, 31.4)):
        cells = ink.stroke([(0.1, 0.1), end], 1)
        rows, columns = (np.flatnonzero(cells.any(axis=axis)) for axis in (1, 0))
        assert len(rows) == np.ptp(rows) + 1 and len(columns) == np.ptp(columns) + 1


def test_moving_and_widths_are_about_single_cells():
    bitmap = ink.empty()
    bitmap[0, 0] = bitmap[10, 10] = True
    moved = ink.moved(bitmap, -1, 2)
    assert np.argwhere(moved).tolist() == [[9, 12]]  # the other cell left the pad
    assert np.argwhere(ink.thicker(moved)).tolist() == [[8, 12], [9, 11], [9, 12], [9, 13], [10, 12]]
    assert np.array_equal(ink.thinner(ink.thicker(moved)), moved)
    assert not ink.thinner(np.ones((32, 32), bool))[[0, -1]].any()  # there is no ink outside of the pad


# Fitting -----------------------------------------------------------------------------------------


@given(BITMAPS)
@settings(max_examples=40, deadline=None)
def test_a_fitted_drawing_does_not_depend_on_where_it_was_drawn(bitmap):
    small = ink.empty()
    small[3:23, 5:20] = bitmap[:20, :15]
    if not small.any():
        assert ink.fit(small) is None
        return
    row, column, height, width = ink.box_of(small)
    first = ink.fit(small).bitmap
    for down, right in ((-row, -column), (32 - row - height, 32 - column - width)):
        assert np.array_equal(ink.fit(ink.moved(small, down, right)).bitmap, first)


def test_fitting_fills_the_height_and_twenty_columns():
    frame = ink.empty()
    frame[10:20, 8:14] = True
    frame[12:18, 10:12] = False  # a zero
    fitted = ink.fit(frame)
    assert fitted.box == (10, 8, 10, 6)
    # Scaled: 640 cells less the hole of 19 by 7; more than 412 and at most 560 are thinned by one cell.
    outer = np.zeros((32, 32), bool)
    outer[1:31, 7:25] = True
    assert (fitted.bitmap & ~outer).sum() == 0 and fitted.bitmap[1].any() and fitted.bitmap[30].any()
    assert fitted.bitmap[:, 7].any() and fitted.bitmap[:, 24].any()


@pytest.mark.parametrize(("brush", "height"), [(1, 8), (2, 14), (4, 24), (8, 30)])
def test_fitting_brings_the_ink_near_the_usual_amount(brush, height):
    """The digits of the set have 18 to 42 % ink."""
    drawing = ink.stroke([(2, 8), (2, 16), (height, 16), (height, 8)], brush)
    share = ink.fit(drawing).bitmap.mean()
    assert 0.15 < share < 0.5


def test_fitting_stands_a_slanted_stroke_upright():
    fitted = ink.fit(ink.stroke([(3, 22), (28, 8)], 3))
    lefts = [int(row.argmax()) for row in fitted.bitmap[3:-3]]
    assert np.ptp(lefts) <= 2 and fitted.shifts[0] < 0 < fitted.shifts[-1]


def test_a_place_of_the_fitted_bitmap_is_found_on_the_pad():
    drawing = ink.stroke([(5, 20), (20, 9)], 3)
    fitted = ink.fit(drawing)
    for row, column in np.argwhere(ink.thinner(fitted.bitmap)):
        top, left, height, width = fitted.on_pad((row, column, 1, 1))
        rows = slice(max(0, int(top)), int(np.ceil(top + height)))
        columns = slice(max(0, int(left)), int(np.ceil(left + width)))
        assert drawing[rows, columns].any()
    row, column, height, width = ink.box_of(drawing)
    top, left, tall, wide = fitted.on_pad((0, 0, 32, 32))
    assert top == row and tall == height and left <= column and left + wide >= column + width


def test_for_mnist_the_center_of_mass_is_in_the_middle():
    drawing = ink.stroke([(2, 2), (2, 9), (14, 3)], 2)
    seen = ink.seen(drawing, 28, True)
    rows, columns = (np.flatnonzero(seen.picture.any(axis=axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    middle = [
        (seen.picture.sum(axis=1 - axis) @ (np.arange(28) + 0.5)) / seen.picture.sum() for axis in (0, 1)
    ]
    assert np.abs(np.array(middle) - 14).max() <= 0.5 + 1e-6
    row, column, height, width = ink.box_of(drawing)
    place = seen.on_pad((rows[0], columns[0], np.ptp(rows) + 1, np.ptp(columns) + 1))
    assert place == pytest.approx((row, column, height, width), abs=0.7)


@given(BITMAPS)
@settings(max_examples=20, deadline=None)
def test_unfitted_mnist_pictures_keep_the_ink(bitmap):
    seen = ink.seen(bitmap, 28, False)
    assert seen.picture.shape == (28, 28) and seen.cut is None
    assert seen.picture.mean() == pytest.approx(bitmap.mean(), abs=1e-6)


# The pad -----------------------------------------------------------------------------------------


def test_the_pad_keeps_bits_and_tells_them():
    pad = Pad()
    assert pad.describe().endswith("empty")
    pad.bitmap = ink.stroke([(4.5, 4.5)], 1)
    assert len(pad.bits) == 1024 and sum(pad.bits) == 1 and pad.bitmap[4, 4]
    assert "1 cell inked (0.098 %), in rows 4 to 4 and columns 4 to 4" in pad.describe()
    pad.set_state({"bits": memoryview(bytes([1] * 1024))})  # as the browser's bytes arrive
    assert pad.bitmap.all() and isinstance(pad.bits, bytes)


@pytest.mark.parametrize("wrong", [np.zeros((8, 8)), np.full((32, 32), 0.5), np.full((32, 32), 2)])
def test_a_wrong_bitmap_is_refused_with_a_sentence(wrong):
    pad, model = Pad(), DrawModel(bitmap=ink.empty())
    for place in (pad, model):
        with pytest.raises(traitlets.TraitError, match=r"The pad's bitmap .*32|0 and 1 alone"):
            place.bitmap = wrong
    with pytest.raises(traitlets.TraitError, match="1024 bytes"):
        pad.bits = b"\1\2"
