"""One picture in the browser: raw bytes over, colors applied there, hover and arrow keys back.

A `Canvas` shows one array; explorers put several side by side in a wrapping `Box` (`side_by_side`), so an
array is sent again only when it changed. Whoever needs the picture without a browser finds the same
state here: `values`, `marks`, `focus`, `title`, `caption`, `alt`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import numpy as np
import traitlets

from . import colors as coloring
from .words import number, times

HERE = Path(__file__).parent
STYLE = HERE / "explore.css"


NUMBERS_FROM = 20.0  # CSS pixels: an array pixel as wide as this has room for its number, if wished for
NUMBER_SIZES = 14.0, 8.0  # CSS pixels: the largest and the smallest letters of such a number
LETTER = 0.6  # width of a digit, in letter heights


def script(name: str) -> str:
    """A view's ES module: the shared helpers and then the file `name`, as one text."""
    return (HERE / "shared.js").read_text("utf-8") + (HERE / name).read_text("utf-8")


def mark(row: float, col: float, height: float, width: float, kind: str = "window") -> dict[str, Any]:
    """A rectangle over a picture, in pixels of the array; it may reach outside (padding).

    kind: "window" (what is read), "cell" (one read pixel of a window), "winner" (the one that counted).
    """
    return {"row": row, "col": col, "height": height, "width": width, "kind": kind}


class Canvas(anywidget.AnyWidget):
    """One picture of an array (H, W), or (H, W, 3) uint8 for true colors, that reports where you point.

    `show` sets what is seen; `focus` is (row, col) of the pixel under the pointer or chosen by the arrow
    keys, or None, and may be set from Python as well; `marks` are rectangles made by `mark`; `path` is a way
    over the picture, a list of [row, column] in pixels of the array ([0.5, 0.5] is the middle of the first
    one), whose end is a larger dot; it may reach outside. dots: single small dots, given as in `path`;
    hatched: rectangles made by `mark` that are struck out. origin: what the first pixel's row and column are
    called (negative with a ring of padding around); gap: what a value that is not a number is called.
    `width` is the picture's width on the page in CSS pixels, where there is room. lines: draw lines between
    the pixels where these are large, so that a small picture shows its pixels even if all are alike.
    numbers: write each value into its pixel where it is large enough to hold it. bar: show what the colors
    mean; without it the caption says so.
    picks: a click, or Enter and the space bar, set `picked` to the (row, col) under them instead of holding
    the focus; whoever answers sets it back to None. lens: magnify what the marks enclose where pixels are
    too small to be seen.
    """

    _esm = script("canvas.js")
    _css = STYLE

    name = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    width = traitlets.Int(300).tag(sync=True)
    interactive = traitlets.Bool(True).tag(sync=True)
    lines = traitlets.Bool(False).tag(sync=True)
    numbers = traitlets.Bool(False).tag(sync=True)
    bar = traitlets.Bool(True).tag(sync=True)
    path: traitlets.List[list[float]] = traitlets.List().tag(sync=True)
    dots: traitlets.List[list[float]] = traitlets.List().tag(sync=True)
    hatched: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    origin = traitlets.Tuple(traitlets.Int(), traitlets.Int(), default_value=(0, 0)).tag(sync=True)
    gap = traitlets.Unicode("not a number").tag(sync=True)
    marks: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    focus: Any = traitlets.Tuple(traitlets.Int(), traitlets.Int(), allow_none=True, default_value=None).tag(
        sync=True
    )

    lens = traitlets.Bool(True).tag(sync=True)
    picks = traitlets.Bool(False).tag(sync=True)
    picked: Any = traitlets.Tuple(traitlets.Int(), traitlets.Int(), allow_none=True, default_value=None).tag(
        sync=True
    )

    # They are sent together, so a picture is never half old and half new; values that stay while their color
    # range changes are not sent again.
    _picture = traitlets.Dict(help="shape, dtype, low, high; empty for nothing to show").tag(sync=True)
    _data = traitlets.Bytes(help="the values, row by row").tag(sync=True)
    _table = traitlets.Bytes(coloring.table("gray").tobytes()).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.add_class("cnnkit-part")
        self.values: np.ndarray | None = None
        self.low, self.high, self.colors = 0.0, 1.0, "gray"

    def show(
        self,
        values: np.ndarray | None,
        low: float | None = None,
        high: float | None = None,
        colors: str = "gray",
        **texts: str,
    ) -> None:
        """Show `values` colored from `low` to `high` (their own range by default) by a color table.

        values: (H, W) of numbers (sent as float32, uint8 as it is), (H, W, 3) uint8, or None for an empty
        frame. texts: any of title, caption, alt. ValueError for another shape or an unknown table.
        """
        picture: dict[str, Any] = {}
        data = b""
        if values is not None:
            values = np.asarray(values)
            if values.ndim != 2 and not (values.shape[2:] == (3,) and values.dtype == np.uint8):
                raise ValueError(
                    f"A picture has shape (H, W), or (H, W, 3) as uint8, not {values.shape} {values.dtype}."
                )
            if values.dtype != np.uint8:
                values = values.astype(np.float32, copy=False)
            own_low, own_high = _span(values)
            self.low = float(own_low if low is None else low)
            self.high = float(own_high if high is None else high)
            picture = {
                "shape": list(values.shape),
                "dtype": values.dtype.name,
                "low": self.low,
                "high": self.high,
            }
            data = np.ascontiguousarray(values).tobytes()
        self.values, self.colors = values, colors
        with self.hold_sync():
            self._table = _table_bytes(colors)
            self._picture, self._data = picture, data
            if self.focus is not None and not self._inside(self.focus):
                self.focus = None
            for name, text in texts.items():
                setattr(self, name, text)

    def rgba(self) -> np.ndarray | None:
        """What the browser paints, as (H, W, 4) uint8; None while there is nothing to show."""
        if self.values is None:
            return None
        if self.values.ndim == 3:
            opaque = np.full((*self.values.shape[:2], 1), 255, dtype=np.uint8)
            return np.concatenate([self.values, opaque], axis=2)
        return coloring.paint(self.values, self.colors, self.low, self.high)

    def range_texts(self) -> tuple[str, str]:
        """The numbers at the ends of the color bar, with ≤ or ≥ where values lie beyond them."""
        low, high = coloring.span_of(self.values) if self.values is not None else (self.low, self.high)
        below, above = low < self.low, high > self.high
        return ("≤ " if below else "") + number(self.low), ("≥ " if above else "") + number(self.high)

    def describe(self, what: str) -> str:
        """Alternative text: `what`, the size and the range of the values."""
        if self.values is None:
            return f"{what}: nothing to show"
        size = f"{self.values.shape[0]} by {self.values.shape[1]} pixels"
        if self.values.ndim == 3:
            return f"{what}, {size}, in color"
        low, high = coloring.span_of(self.values)
        return f"{what}, {size}, values from {number(low)} to {number(high)}"

    def _inside(self, place: tuple[int, int]) -> bool:
        if self.values is None:
            return False
        return 0 <= place[0] < self.values.shape[0] and 0 <= place[1] < self.values.shape[1]

    @traitlets.validate("focus")
    def _clip_focus(self, proposal: dict[str, Any]) -> tuple[int, int] | None:
        place = proposal["value"]
        # The browser may report a pixel of a larger picture that was just replaced.
        values = getattr(self, "values", None)
        if place is None or values is None:
            return place
        height, width = values.shape[:2]
        return min(max(place[0], 0), height - 1), min(max(place[1], 0), width - 1)


def _span(values: np.ndarray) -> tuple[float, float]:
    return (0.0, 255.0) if values.dtype == np.uint8 else coloring.span_of(values)


def _table_bytes(name: str) -> bytes:
    return coloring.table(name).tobytes()


def fit_numbers(values: np.ndarray, room: float) -> tuple[list[list[str]], float] | None:
    """The texts to write into the pixels of `values` (H, W), each `room` CSS pixels wide, and their height.

    None where they would be too small to read. `canvas.js` follows the same rule.
    """
    largest, smallest = NUMBER_SIZES
    if values.ndim != 2 or room < NUMBERS_FROM:
        return None
    for digits in (3, 2):
        texts = [
            [number(value, digits) if math.isfinite(value) else "" for value in row]
            for row in values.tolist()
        ]
        letters = max((len(text) for row in texts for text in row), default=1)
        size = min(largest, 0.92 * room / (LETTER * letters))
        if size >= smallest:
            return texts, size
    return None


def shape_text(values: np.ndarray) -> str:
    """The shape of a picture for its caption."""
    return times(*values.shape[:2])


def side_by_side(
    *widgets: ipywidgets.Widget, gap: str = "12px 16px", align: str = "flex-start"
) -> ipywidgets.Box:
    """Widgets next to each other, wrapping to the next line on a narrow page."""
    layout = ipywidgets.Layout(
        display="flex",
        flex_flow="row wrap",
        align_items=align,
        grid_gap=gap,
        max_width="100%",
        overflow="visible",
    )
    return ipywidgets.Box(widgets, layout=layout)
