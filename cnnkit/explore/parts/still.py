"""Stills: the state of pictures, grids and charts drawn to a PNG, for places where no kernel runs.

Matplotlib's object interface alone, so nothing global changes and any thread may draw.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from .canvas import Canvas, fit_numbers
from .chart import Chart
from .grid import NumberGrid
from .words import number

MARK_COLORS = {"window": "#ff8c1a", "cell": "#ffd08a", "winner": "#19b5fe", "focus": "#19b5fe"}
HATCH_COLOR = "#c8c8c8"
LINE_COLORS = ("#2f8fd8", "#e0721c", "#1aa179", "#c76aa6")
LINE_STYLES = ("-", "--", ":", "-.")
PANEL_INCHES = 2.7
DOTS_PER_INCH = 100
LETTERS_PER_INCH = 14  # of the caption below all pictures
CAPTION_LETTERS = 42  # in a line of a picture's own caption


def draw(parts: Sequence[Canvas | NumberGrid | Chart], caption: str) -> bytes:
    """One PNG with `parts` from left to right and `caption` below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shares = [
        0.7 if isinstance(part, NumberGrid) else 1.5 if isinstance(part, Chart) else 1.0 for part in parts
    ]
    width = PANEL_INCHES * sum(shares)
    lines = textwrap.wrap(caption, int(LETTERS_PER_INCH * width))
    height = PANEL_INCHES + 1.1 + 0.15 * (len(lines) - 1)
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    all_axes = figure.subplots(1, len(parts), squeeze=False, gridspec_kw={"width_ratios": shares})[0]
    for part, axes in zip(parts, all_axes, strict=True):
        if isinstance(part, Canvas):
            _draw_canvas(part, axes, figure)
        elif isinstance(part, NumberGrid):
            _draw_grid(part, axes)
        else:
            _draw_chart(part, axes)
    figure.supxlabel("\n".join(lines), fontsize=8)
    figure.set_dpi(DOTS_PER_INCH)
    page = FigureCanvasAgg(figure)
    page.draw()
    # A palette makes the file a third as large, which every stored notebook feels.
    picture = Image.fromarray(np.asarray(page.buffer_rgba())[..., :3]).quantize(256, dither=Image.Dither.NONE)
    png = io.BytesIO()
    picture.save(png, format="png", optimize=True)
    return png.getvalue()


def _draw_canvas(canvas: Canvas, axes: Any, figure: Any) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    from .colors import table

    axes.set_title(canvas.title, fontsize=9)
    axes.set_xlabel(textwrap.fill(canvas.caption, CAPTION_LETTERS), fontsize=8)
    axes.set(xticks=[], yticks=[])
    pixels = canvas.rgba()
    if pixels is None:
        axes.text(0.5, 0.5, "no result", ha="center", va="center", transform=axes.transAxes)
        axes.set_aspect("equal")
        return
    axes.imshow(pixels, interpolation="nearest")
    if canvas.lines and max(pixels.shape[:2]) <= 16:  # lines between the pixels, as in the browser
        for position in range(1, pixels.shape[0]):
            axes.axhline(position - 0.5, color="#808080", linewidth=0.4)
        for position in range(1, pixels.shape[1]):
            axes.axvline(position - 0.5, color="#808080", linewidth=0.4)
    if canvas.numbers:
        _draw_numbers(canvas, pixels, axes)
    _draw_hatched(canvas, axes)
    _draw_marks(canvas, axes)
    _draw_path(canvas, axes)
    if pixels is not None and canvas.values is not None and canvas.values.ndim == 2 and canvas.bar:
        colors = ScalarMappable(
            Normalize(canvas.low, canvas.high), ListedColormap(table(canvas.colors) / 255)
        )
        bar = figure.colorbar(colors, ax=axes, orientation="horizontal", shrink=0.9, pad=0.03, aspect=25)
        bar.set_ticks([canvas.low, canvas.high], labels=canvas.range_texts(), fontsize=8)


def _draw_numbers(canvas: Canvas, pixels: np.ndarray, axes: Any) -> None:
    """Every value in its pixel, as far as the panel has room for it."""
    from .colors import ink_on

    assert canvas.values is not None
    room = PANEL_INCHES * DOTS_PER_INCH / max(canvas.values.shape[:2])
    fitting = fit_numbers(canvas.values, room)
    if fitting is None:
        return
    texts, size = fitting
    place = {"ha": "center", "va": "center", "fontsize": size * 72 / DOTS_PER_INCH}
    for row, column in np.ndindex(canvas.values.shape):
        if texts[row][column]:
            axes.text(column, row, texts[row][column], color=ink_on(pixels[row, column]), **place)


def _draw_marks(canvas: Canvas, axes: Any) -> None:
    """The marks, and a magnifier in the corner that is farthest from them, as in the browser."""
    marks = list(canvas.marks)
    if canvas.focus is not None:
        marks.append(
            {"row": canvas.focus[0], "col": canvas.focus[1], "height": 1, "width": 1, "kind": "focus"}
        )
    if not marks or canvas.values is None:
        return
    _outline(marks, axes, 1.0)
    rows, columns = canvas.values.shape[:2]
    if max(rows, columns) < 40 or not canvas.lens:  # pixels large enough to be seen as they are
        return
    subject = marks[0]
    middle = subject["row"] + subject["height"] / 2 - 0.5, subject["col"] + subject["width"] / 2 - 0.5
    cover = max(11, 2 * max(subject["height"], subject["width"]) + 5) / 2
    left, bottom = (0.02 if middle[1] > columns / 2 else 0.64), (0.02 if middle[0] < rows / 2 else 0.64)
    lens = axes.inset_axes((left, bottom, 0.34, 0.34))
    lens.set(xticks=[], yticks=[], facecolor="#777777")
    lens.imshow(canvas.rgba(), interpolation="nearest")
    _outline(marks, lens, 2.0)
    lens.set(xlim=(middle[1] - cover, middle[1] + cover), ylim=(middle[0] + cover, middle[0] - cover))
    for side in lens.spines.values():
        side.set(color="white", linewidth=2)


def _draw_hatched(canvas: Canvas, axes: Any) -> None:
    from matplotlib.patches import Rectangle

    for one in canvas.hatched:
        corner = (one["col"] - 0.5, one["row"] - 0.5)
        style: dict[str, Any] = {"fill": False, "hatch": "////", "linewidth": 0, "edgecolor": HATCH_COLOR}
        axes.add_patch(Rectangle(corner, one["width"], one["height"], **style))


def _draw_path(canvas: Canvas, axes: Any) -> None:
    limits = axes.get_xlim(), axes.get_ylim()
    if canvas.dots:
        rows, columns = (np.asarray(canvas.dots, dtype=float) - 0.5).T
        dot = {"markersize": 3, "color": "white", "markeredgecolor": "black", "markeredgewidth": 0.6}
        axes.plot(columns, rows, "o", **dot)
        axes.set(xlim=limits[0], ylim=limits[1])
    if not canvas.path:
        return
    rows, columns = (np.asarray(canvas.path, dtype=float) - 0.5).T
    axes.plot(columns, rows, color="black", linewidth=3)
    axes.plot(columns, rows, color="white", linewidth=1.4, marker="o", markersize=2.5)
    axes.plot(columns[-1:], rows[-1:], marker="o", color=MARK_COLORS["window"], markeredgecolor="black")
    axes.set(xlim=limits[0], ylim=limits[1])


def _outline(marks: list[dict[str, Any]], axes: Any, scale: float) -> None:
    from matplotlib.patches import Rectangle

    for one in marks:
        corner = (one["col"] - 0.5, one["row"] - 0.5)
        thin = 0.4 if one["kind"] == "cell" else 1.0
        for width, color in ((2.5 * thin, "black"), (1.2 * thin, MARK_COLORS[one["kind"]])):
            box = Rectangle(
                corner, one["width"], one["height"], fill=False, linewidth=width * scale, edgecolor=color
            )
            axes.add_patch(box)


def _draw_grid(grid: NumberGrid, axes: Any) -> None:
    values = grid.array
    largest = float(np.abs(values).max()) or 1.0
    axes.imshow(values, cmap="PuOr_r", vmin=-2.5 * largest, vmax=2.5 * largest)
    axes.set_title(grid.label, fontsize=9)
    axes.set(xticks=[], yticks=[])
    size = min(11, 42 / values.shape[1])
    for (row, col), value in np.ndenumerate(values):
        axes.text(col, row, number(value, 2), ha="center", va="center", fontsize=size)


def _draw_chart(chart: Chart, axes: Any) -> None:
    axes.set_title(chart.title, fontsize=9)
    axes.set_xlabel(chart.x_label, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(True, color="#dddddd")
    for index, one in enumerate(chart.lines):
        style = {"color": LINE_COLORS[index], "linestyle": LINE_STYLES[index], "label": one["label"]}
        if "width" in one:
            axes.bar(
                one["x"], one["y"], one["width"], color=LINE_COLORS[index], alpha=0.75, label=one["label"]
            )
            continue
        axes.plot(one["x"], one["y"], marker="o" if one["dots"] else None, markersize=3, **style)
    for one in chart.markers:
        if one["y"] is None:
            axes.axvline(one["x"], color="#444444", linestyle="--", linewidth=1, label=one["label"] or None)
        else:
            ring = {"marker": "o", "markerfacecolor": "none", "color": "#222222", "linestyle": "none"}
            axes.plot([one["x"]], [one["y"]], label=one["label"] or None, **ring)
    if chart.y_log:
        axes.set_yscale("log")
    if chart.x_names:
        axes.set_xticks(range(len(chart.x_names)), labels=chart.x_names)
    if chart.x_range:
        axes.set_xlim(*chart.x_range)
    if chart.y_range:
        axes.set_ylim(*chart.y_range)
    if chart.lines:
        axes.legend(fontsize=8)
