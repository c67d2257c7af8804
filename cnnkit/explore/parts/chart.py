"""Lines over a common axis in the browser: curves that grow while something runs."""

from __future__ import annotations

from typing import Any

import anywidget
import numpy as np
import traitlets

from .canvas import STYLE, script

MOST_POINTS = 300


def line(label: str, x: Any, y: Any, dots: bool = False) -> dict[str, Any]:
    """One line of a `Chart`: finite points alone, at most about 300 of them (neighbors are averaged).

    x, y: equally long sequences of numbers. dots: mark each point, for values that are measured rarely.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"A line needs as many x as y, not {x.shape} and {y.shape}.")
    usable = np.isfinite(x) & np.isfinite(y)
    x, y = x[usable], y[usable]
    if len(x) > MOST_POINTS:
        starts = np.linspace(0, len(x), MOST_POINTS + 1).astype(int)[:-1]
        sizes = np.diff([*starts, len(x)])
        x, y = np.add.reduceat(x, starts) / sizes, np.add.reduceat(y, starts) / sizes
    return {"label": label, "x": x.tolist(), "y": y.tolist(), "dots": dots}


class Chart(anywidget.AnyWidget):
    """Up to four labeled lines; colors differ for color-blind eyes and each line has its own dashes.

    `lines` is a list made by `line`; `x_range` and `y_range` (low, high) fix an axis,
    None fits it to the lines.
    """

    _esm = script("chart.js")
    _css = STYLE

    name = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    x_label = traitlets.Unicode().tag(sync=True)
    lines: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    x_range: Any = traitlets.Tuple(
        traitlets.Float(), traitlets.Float(), allow_none=True, default_value=None
    ).tag(sync=True)
    y_range: Any = traitlets.Tuple(
        traitlets.Float(), traitlets.Float(), allow_none=True, default_value=None
    ).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.add_class("cnnkit-part")
        self.add_class("cnnkit-wide")

    def show(
        self,
        lines: list[dict[str, Any]],
        x_range: tuple[float, float] | None = None,
        y_range: tuple[float, float] | None = None,
        alt: str = "",
    ) -> None:
        """Replace the lines, both ranges and the alternative text in one message."""
        with self.hold_sync():
            self.lines, self.x_range, self.y_range, self.alt = lines, x_range, y_range, alt
