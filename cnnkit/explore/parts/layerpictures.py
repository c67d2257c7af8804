"""Every layer's output as a picture: the maps of a layer side by side, dense layers as rows of pixels."""

from __future__ import annotations

from typing import Any, cast

import ipywidgets
import numpy as np

from .base import Explorer, answer_during_cells
from .canvas import Canvas
from .colors import symmetric
from .inside import Stage
from .sheet import columns_of, corner_of, mosaic, place_in
from .words import count, times

ROW = 16  # numbers of a dense layer that stand in one row

Place = tuple[int, int, int]  # channel (or unit), row, column


def sheet_of(stage: Stage) -> np.ndarray:
    """A stage's numbers as one picture (H, W), with NaN where there is none."""
    if stage.spatial:
        return mosaic(stage.values)
    across = _across(stage)
    sheet = np.full(-(-stage.values.size // across) * across, np.nan, dtype=np.float32)
    sheet[: stage.values.size] = stage.values
    return sheet.reshape(-1, across)


def place_at(stage: Stage, position: tuple[int, int]) -> Place | None:
    """What lies at a position of `sheet_of(stage)`; None between the maps."""
    if stage.spatial:
        return place_in(position, cast(Any, stage.values.shape))
    unit = position[0] * _across(stage) + position[1]
    return (unit, 0, 0) if unit < stage.values.size else None


def position_of(stage: Stage, place: Place) -> tuple[int, int]:
    """Where `sheet_of(stage)` shows a place."""
    if not stage.spatial:
        return divmod(place[0], _across(stage))
    row, column = corner_of(place[0], cast(Any, stage.values.shape))
    return row + place[1], column + place[2]


def _across(stage: Stage) -> int:
    size = stage.values.size
    return size if size <= ROW else columns_of(size)


class LayerPictures(ipywidgets.Box):
    """One canvas for each stage after the picture; pointing at a number sets the model's focus.

    The explorer's model has `stages`, `shared_range` and `focus` (stage, channel, row, column).
    """

    def __init__(self, explorer: Explorer) -> None:
        self.explorer, self.model = explorer, cast(Any, explorer.model)
        self.canvases: list[Canvas] = []
        super().__init__(
            layout=ipywidgets.Layout(
                display="flex",
                flex_flow="row wrap",
                align_items="flex-start",
                grid_gap="12px 16px",
                max_width="100%",
                overflow="visible",
            )
        )

    def draw(self) -> None:
        """Show the newest stages; new canvases for a network of another length."""
        stages = self.model.stages[1:]
        if stages and len(stages) != len(self.canvases):
            self._build(len(stages))
        self.layout.display = "flex" if stages else "none"
        shared = symmetric(np.concatenate([stage.values.ravel() for stage in stages])) if stages else None
        for canvas, stage in zip(self.canvases, stages, strict=bool(stages)):
            low, high = shared if shared and self.model.shared_range else symmetric(stage.values)
            canvas.show(
                sheet_of(stage),
                low,
                high,
                "diverging",
                title=stage.name,
                caption=_caption(stage, stage is stages[-1]),
            )
            canvas.alt = canvas.describe(f"{stage.name}: {canvas.caption}")

    def draw_focus(self) -> None:
        """Mark the focused number in its canvas, and no other."""
        focus = self.model.focus
        for index, canvas in enumerate(self.canvases, 1):
            here = focus is not None and focus[0] == index
            canvas.focus = position_of(self.model.stages[index], focus[1:]) if here else None

    def _build(self, amount: int) -> None:
        self.canvases = [
            Canvas(name=f"layer{index}", width=200, lines=True, lens=False) for index in range(1, amount + 1)
        ]
        for index, canvas in enumerate(self.canvases, 1):
            canvas.add_class("cnnkit-fluid")
            canvas.observe(
                self.explorer.safely(self._pointed_at(index), f"pointing at stage {index}"), "focus"
            )
        self.children = self.canvases
        answer_during_cells(self)

    def _pointed_at(self, index: int) -> Any:
        def pointed(change: Any) -> None:
            if change["new"] is None or index >= len(self.model.stages):
                return
            place = place_at(self.model.stages[index], change["new"])
            if place is not None:
                self.model.focus, self.model.covered = (index, *place), None

        return pointed


def _caption(stage: Stage, last: bool) -> str:
    if not stage.spatial:
        size = stage.values.size
        return f"{size} scores, of 0 to {size - 1}" if last else count(size, "number")
    amount, height, width = stage.values.shape
    return f"{count(amount, 'map')} of {times(height, width)}"
