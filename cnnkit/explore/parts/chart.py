"""Lines and bars over common axes in the browser: curves that grow, histograms, shares of classes."""

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
    x, y = _finite(x, y)
    if len(x) > MOST_POINTS:
        starts = np.linspace(0, len(x), MOST_POINTS + 1).astype(int)[:-1]
        sizes = np.diff([*starts, len(x)])
        x, y = np.add.reduceat(x, starts) / sizes, np.add.reduceat(y, starts) / sizes
    return {"label": label, "x": x.tolist(), "y": y.tolist(), "dots": dots}


def bars(label: str, x: Any, y: Any, width: float = 0.8) -> dict[str, Any]:
    """Bars of a `Chart` from 0 up (or down) to `y`, their middles at `x`, `width` wide in units of x."""
    x, y = _finite(x, y)
    return {"label": label, "x": x.tolist(), "y": y.tolist(), "dots": False, "width": width}


def marker(x: float, y: float | None = None, label: str = "") -> dict[str, Any]:
    """A place of a `Chart` to look at: a dot at (x, y), or an upright line at x; `label` is drawn beside."""
    return {"x": float(x), "y": None if y is None else float(y), "label": label}


def _finite(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"A line needs as many x as y, not {x.shape} and {y.shape}.")
    usable = np.isfinite(x) & np.isfinite(y)
    return x[usable], y[usable]


class Chart(anywidget.AnyWidget):
    """Up to four labeled lines or sets of bars; colors differ for color-blind eyes, lines have dashes.

    `lines` is a list made by `line` and `bars`; `markers` one made by `marker`; `x_range` and `y_range`
    (low, high) fix an axis, None fits it to the lines. y_log: a logarithmic y axis, for positive values.
    x_names: words under the places 0, 1, ... instead of numbers. interactive: pointing at the chart, or
    the arrow keys in it, set `focus` to the x of the nearest point of the first line.
    """

    _esm = script("chart.js")
    _css = STYLE

    name = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    x_label = traitlets.Unicode().tag(sync=True)
    lines: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    markers: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    x_names: traitlets.List[str] = traitlets.List().tag(sync=True)
    y_log = traitlets.Bool(False).tag(sync=True)
    interactive = traitlets.Bool(False).tag(sync=True)
    focus: Any = traitlets.Float(allow_none=True, default_value=None).tag(sync=True)
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
        markers: list[dict[str, Any]] | None = None,
    ) -> None:
        """Replace the lines, both ranges, the alternative text and the markers in one message."""
        with self.hold_sync():
            self.lines, self.x_range, self.y_range, self.alt = lines, x_range, y_range, alt
            self.markers = markers or []
