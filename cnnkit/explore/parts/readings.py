"""What a network's answer to a drawing is in words, and how the number came about that is pointed at."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np

from . import ink
from .derivation import derived
from .inside import Area
from .words import number

if TYPE_CHECKING:
    from ..draw import DrawModel

INVITATION = (
    "Point at any picture, or tab to it and use the arrow keys: an orange frame shows what of the drawing "
    "it stands for, and how its number came about is written here."
)


def answers(model: DrawModel) -> list[str]:
    """What the network reads: the winner, the runner-up and, for a sample, its label."""
    chances = model.probabilities
    if chances is None:
        return ["No answer." if model.problem else "Draw a digit."]
    second, first = (int(index) for index in np.argsort(chances, kind="stable")[-2:])
    said = [
        f"It reads a {first}: {percent(chances[first])}.",
        f"Then {second}: {percent(chances[second])}.",
    ]
    label = model.label()
    if label is not None:
        said.append(f"The sample is labeled {label}: {'right' if label == first else 'wrong'}.")
    return said


def sentence(model: DrawModel) -> str:
    """`answers` in one line."""
    return " ".join(answers(model))


def notice(model: DrawModel) -> str:
    """What a setting does that a hand may not expect; empty by default."""
    if model.problem or not model.bitmap.any():
        return ""
    if model.label() is not None and not model.fit and model.side == ink.SIDES[0]:
        return (
            "A sample is counted as it is: it was fitted when the set was made. "
            "Clear the pad to draw, then fitting is on again."
        )
    if model._nudged and model.fit:
        return "Fitting is on: wherever you move the drawing, the network gets the same picture."
    return ""


def percent(share: float) -> str:
    """A probability with one decimal, which is 100 % only if it is 1."""
    text = f"{100 * share:.1f} %"
    return "over 99.9 %" if text.startswith("100") and share < 1 else text


def explanation(model: DrawModel) -> str:
    """What is pointed at, written out as HTML; an invitation while nothing is."""
    if model.focus is not None:
        return _number_explained(model)
    area, values = model.covered_area(), model.importance()
    if area is None or values is None:
        return f'<div class="cnnkit-note">{html.escape(INVITATION)}</div>' if model.stages else ""
    value, winner = float(values[model.covered]), model.prediction
    if model.occlusion is None:
        slope = f"{number(value)} for each unit of ink"
        text = f"At {_where(area)}, the slope of the score of {winner} is {slope}."
    else:
        assert model.probabilities is not None
        before = float(model.probabilities.max())
        text = (
            f"With {_where(area)} covered, the probability of {winner} goes from {number(before)} to "
            f"{number(before - value)}: {number(before)} − {number(before - value)} = {number(value)}."
        )
    return f'<div class="cnnkit-sum" role="status">{text}</div>'


def _number_explained(model: DrawModel) -> str:
    """The focused number: what it is, what of the picture it saw, and how it came about."""
    index, *place = model.focus
    stage, area = model.stages[index], model.field()
    assert area is not None
    spot = f"row {place[1]}, column {place[2]}"
    if index == 0:
        value = stage.values[tuple(place)]
        cells = (
            f" = {float(value) * 16:.0f} / 16: so many cells of its block are inked"
            if model.side == 8
            else ""
        )
        return f'<div class="cnnkit-sum" role="status">Pixel ({spot}): {number(value)}{cells}</div>'
    where = f"map {place[0]}, {spot}" if stage.spatial else f"number {place[0]}"
    value = stage.values[tuple(place)] if stage.spatial else stage.values[place[0]]
    title = f"{stage.name}, {where}: {number(value)}"
    rows, columns = _clipped(area, model.side)
    sight = f"It can see {rows} × {columns} pixels of the picture (the orange frame)."
    maps = [one.values.shape[0] for one in model.stages[:index] if one.spatial][-1]
    come = derived(stage, (place[0], place[1], place[2]), maps)
    return f'<div class="cnnkit-title">{title}</div><div>{sight}</div>{come}'


def _where(area: Area) -> str:
    row, column, height, width = area
    if height == width == 1:
        return f"row {row}, column {column}"
    return f"rows {row} to {row + height - 1} and columns {column} to {column + width - 1}"


def _clipped(area: Area, side: int) -> tuple[int, int]:
    rows, columns = (min(side, area[at] + area[at + 2]) - max(0, area[at]) for at in (0, 1))
    return rows, columns
