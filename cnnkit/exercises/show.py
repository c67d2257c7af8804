"""A verdict as a learner sees it: a line on success, else the mistake, where it shows, and a picture."""

from __future__ import annotations

import base64
import html
import io
import sys
from typing import Any

import numpy as np

from . import words
from .judge import NOT_ATTEMPTED, Result

STATE = "application/vnd.cnnkit.state+json"
LARGEST_PICTURE = 1_000_000
# Signs and words say what the colors say.
SIGNS = {True: ("✓", "#0072B2"), False: ("✗", "#D55E00")}


def display_bundle(bundle: dict[str, Any]) -> None:
    """Show a bundle in a notebook; anywhere else, print its plain text."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or not hasattr(shell, "kernel"):  # a script, or IPython in a terminal
        print(bundle["text/plain"])
        return
    from IPython.display import display

    display(bundle, raw=True)


def bundle_of(result: Result, next_steps: str = "", state: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a check displays: plain text, and HTML unless the plain text says it all."""
    bundle: dict[str, Any] = {"text/plain": words.as_text(result, next_steps)}
    if not result.passed and result.status != NOT_ATTEMPTED:
        bundle["text/html"] = as_html(result, next_steps)
    if state is not None:
        bundle[STATE] = {"exercise": result.id, "state": state}
    return bundle


def as_html(result: Result, next_steps: str = "") -> str:
    """The verdict as a block of HTML, the picture of the difference inside it."""
    parts = [f"<strong>{_escaped(words.headline(result))}</strong> <span>{_escaped(result.title)}</span>"]
    said = words.reasons(result)
    if result.mistake and said:
        parts.append(f'<p style="margin:.5em 0"><strong>{_code(said.pop(0))}</strong></p>')
    parts += [f'<p style="margin:.5em 0">{_code(line)}</p>' for line in said]
    picture = difference_picture(result)
    if picture:
        png, alt = picture
        data = base64.b64encode(png).decode()
        parts.append(
            f'<img alt="{_escaped(alt)}" src="data:image/png;base64,{data}" style="max-width:100%"/>'
        )
    if len(result.groups) > 1:
        parts.append(_groups(result))
    if next_steps:
        parts.append(f'<p style="margin:.5em 0">{_code(next_steps)}</p>')
    style = "border-left:4px solid #D55E00;padding:.3em .8em;max-width:52em"
    label = f"result of exercise {result.id}"
    return f'<div role="group" aria-label="{label}" style="{style}">{"".join(parts)}</div>'


def _groups(result: Result) -> str:
    items = []
    for passed, line in words.group_lines(result):
        sign, color = SIGNS[passed]
        items.append(
            f'<li style="list-style:none"><span aria-hidden="true" style="color:{color};font-weight:bold">'
            f"{sign}</span> {_code(line)}</li>"
        )
    return f'<ul style="margin:.5em 0;padding:0">{"".join(items)}</ul>'


def _escaped(text: str) -> str:
    return html.escape(text, quote=True)


def _code(text: str) -> str:
    """Escaped, with what stands between backticks as code."""
    pieces = _escaped(text).split("`")
    if len(pieces) % 2 == 0:
        return _escaped(text)
    return "".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces))


def difference_picture(result: Result) -> tuple[bytes, str] | None:
    """Expected, yours and the difference side by side, as PNG with its sentence; None without two grids."""
    found = result.found
    if found is None or found.expected is None or found.got is None:
        return None
    expected, got = (_grid(values) for values in (found.expected, found.got))
    if expected is None or got is None or max(expected.size, got.size) > LARGEST_PICTURE:
        return None
    panels = [("expected", expected), ("yours", got)]
    place = None
    if expected.shape == got.shape:
        panels.append(("difference", got - expected))
        place = found.index[-2:] if found.index is not None and len(found.index) >= 2 else None
    alt = f"{len(panels)} panels: what is expected, what yours gives"
    alt += ", and the difference, white where both agree." if place else "; they differ in shape."
    return _draw(panels, place), alt


def _grid(values: Any) -> np.ndarray | None:
    """The numbers as a picture of two dimensions; of a batch or volume, the first picture."""
    grid = np.asarray(values, dtype=float)
    if grid.ndim > 2 and grid.size:
        grid = grid.reshape(-1, *grid.shape[-2:])[0]
    return grid if grid.ndim == 2 and grid.size > 1 else None


def _draw(panels: list[tuple[str, np.ndarray]], place: tuple[int, ...] | None) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.6 * len(panels), 2.7), layout="constrained")
    shown = np.concatenate([values[np.isfinite(values)] for _, values in panels[:2]] or [np.zeros(1)])
    low, high = (float(shown.min()), float(shown.max())) if shown.size else (0.0, 1.0)
    for axis, (title, values) in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
        if title == "difference":
            finite = np.abs(values[np.isfinite(values)])
            most = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
            axis.imshow(values, cmap="PuOr_r", vmin=-most, vmax=most)
        else:
            axis.imshow(values, cmap="gray", vmin=low, vmax=high if high > low else low + 1)
        axis.set(xticks=[], yticks=[], title=title, xlabel=" x ".join(map(str, values.shape)))
        if max(values.shape) <= 8:
            _write_numbers(axis, values, low, high, title == "difference")
        if place is not None:
            axis.add_patch(_frame(place))
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=90, metadata={"Software": None})
    return png.getvalue()


def _write_numbers(axis: Any, values: np.ndarray, low: float, high: float, signed: bool) -> None:
    middle = (low + high) / 2
    most = np.nanmax(np.abs(values)) if np.isfinite(values).any() else 1.0
    for (row, column), value in np.ndenumerate(values):
        dark = abs(value) > 0.6 * most if signed else value < middle
        axis.text(
            column,
            row,
            f"{value:.3g}",
            ha="center",
            va="center",
            fontsize=8 if max(values.shape) > 4 else 12,
            color="white" if dark else "black",
        )


def _frame(place: tuple[int, ...]) -> Any:
    from matplotlib.patches import Rectangle

    row, column = place
    return Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#D55E00", linewidth=2.5)
