"""What the training dashboard shows below its curves: the learned filters and the worst examples."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets

from .base import Explorer
from .canvas import Canvas, mark
from .sheet import corner_of, place_in

EXAMPLES_WIDTH = 240  # CSS pixels


class FilterPanel(ipywidgets.VBox):
    """The first layer's filters of an explorer whose model is a `TrainingModel`, each weight told in words.

    Takes no room while there is no convolution.
    """

    def __init__(self, explorer: Explorer) -> None:
        self.model: Any = explorer.model
        self.canvas = Canvas(name="filters", title="First layer", gap="between two filters")
        self.canvas.add_class("cnnkit-sheet")  # the words below say what and where, not the sheet's own rows
        self.words = explorer.text()
        shared = explorer.checkbox("shared_range", "same color range for all")
        super().__init__([self.canvas, self.words, shared], layout=_column(260))
        self.canvas.observe(explorer.safely(self._pointed, "pointing at filters"), "focus")
        self.model.observe(explorer.safely(self.draw, "filters"), "shared_range")
        self.model.observe(explorer.safely(self._tell, "telling a weight"), "weight")

    def _pointed(self, change: Any) -> None:
        sheet, position = self.model.filters, change["new"]
        place = sheet.place(position) if sheet is not None and position is not None else None
        if place is not None:  # a gap keeps what was told, and lets the arrow keys pass
            self.model.weight = place

    def draw(self, change: Any = None) -> None:
        """Show the model's filters as they are."""
        sheet, shared = self.model.filters, self.model.shared_range
        self.layout.display = self.canvas.layout.display = "none" if sheet is None else None
        if sheet is None:
            return
        title, caption = sheet.title(), sheet.caption(shared)
        values, low, high = sheet.picture(shared)
        self.canvas.width = sheet.width
        self.canvas.show(values, low, high, "diverging", title=title, caption=caption)
        self.canvas.alt = f"{self.canvas.describe(title)}; {caption}"
        self._tell()

    def _tell(self, change: Any = None) -> None:
        sheet, place = self.model.filters, self.model.weight
        if sheet is not None:
            self.canvas.marks = [mark(*sheet.corner(*place[:2]), *sheet.weights.shape[2:])]
            self.words.value = f'<div role="status">{html.escape(sheet.sentence(place))}</div>'


class WorstPanel(ipywidgets.Box):
    """The images that the network gets most wrong, as a sheet and as a table, each told in words.

    Takes no room while there are none.
    """

    def __init__(self, explorer: Explorer) -> None:
        self.model: Any = explorer.model
        self.canvas = Canvas(
            name="worst", title="Worst images", width=EXAMPLES_WIDTH, gap="between two images"
        )
        self.canvas.add_class("cnnkit-sheet")
        self.words, self.table = explorer.text(), explorer.text()
        self.table.layout = {"flex": "0 1 auto", "max_width": "100%"}
        pictures = ipywidgets.VBox([self.canvas, self.words], layout=_column(EXAMPLES_WIDTH + 10))
        super().__init__(
            [pictures, self.table],
            layout={
                "flex_flow": "row wrap",
                "grid_gap": "8px 16px",
                "flex": "0 1 auto",
                "max_width": "100%",
                "overflow": "visible",
            },
        )
        self.canvas.observe(explorer.safely(self._pointed, "pointing at examples"), "focus")
        self.model.observe(explorer.safely(self._tell, "telling an example"), "example")

    def _shape(self) -> tuple[int, int, int]:
        sample = self.model.sample
        height, width = sample.images.shape[2:] if sample is not None else (1, 1)
        return len(self.model.worst), height, width

    def _pointed(self, change: Any) -> None:
        position = change["new"]
        found = place_in(position, self._shape()) if position is not None and self.model.worst else None
        if found is not None:
            self.model.example = found[0]

    def draw(self) -> None:
        """Show the model's worst examples as they are."""
        sample, worst = self.model.sample, self.model.worst
        shown = sample is not None and bool(worst)
        self.layout.display = "flex" if shown else "none"
        self.canvas.layout.display = None if shown else "none"
        if not shown:
            return
        values, low, high = sample.picture(worst)
        wrong, amount = sum(one.wrong for one in worst), len(worst)
        caption = f"{'all' if wrong == amount else wrong or 'none'} of these {amount} are wrong"
        self.canvas.show(values, low, high, title=sample.title(), caption=caption)
        told = ", ".join(sample.verdict(one) for one in worst[:3])
        self.canvas.alt = f"{self.canvas.describe(sample.title())}. The worst: {told}"
        self._tell()

    def _tell(self, change: Any = None) -> None:
        sample, worst, chosen = self.model.sample, self.model.worst, self.model.example
        if sample is None or chosen >= len(worst):
            return
        shape = self._shape()
        self.canvas.marks = [mark(*corner_of(chosen, shape), *shape[1:])]
        self.words.value = f'<div role="status">{html.escape(sample.sentence(worst[chosen]))}</div>'
        self.table.value = sample.table(worst, chosen)


def _column(width: int) -> dict[str, str]:
    return {"max_width": "100%", "flex": f"0 1 {width}px", "overflow": "visible"}
