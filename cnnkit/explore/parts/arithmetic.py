"""One output value written out: the numbers under the window, the weights, their products and the sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .words import number, signed

_UP, _DOWN = "230, 110, 20", "50, 125, 210"


@dataclass(frozen=True)
class Patch:
    """What one window reads: image positions and the numbers there.

    rows (k,), columns (k,): positions in the image; inside (k, k): False where padding is read;
    values, weights (k, k) float32; products are taken in float64.
    """

    rows: np.ndarray
    columns: np.ndarray
    inside: np.ndarray
    values: np.ndarray
    weights: np.ndarray

    @property
    def products(self) -> np.ndarray:
        return self.values.astype(np.float64) * self.weights

    @property
    def total(self) -> float:
        return float(self.products.sum())


def read_patch(image: np.ndarray, weights: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> Patch:
    """The patch of `image` (H, W) at the positions `rows` x `columns`; outside the image it reads 0."""
    height, width = image.shape
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))[None, :]
    values = image[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)[None, :]]
    return Patch(rows, columns, inside, np.where(inside, values, 0).astype(np.float32), weights)


def tint(value: float, largest: float) -> str:
    """CSS background of a signed number: orange above zero, blue below, stronger with magnitude."""
    if not largest or not np.isfinite(value) or value == 0:
        return ""
    return f"background:rgba({_UP if value > 0 else _DOWN},{0.6 * min(1.0, abs(value) / largest):.2f})"


def shade(value: float) -> str:
    """CSS colors of a pixel between 0 (black) and 1 (white), with letters that stand out."""
    level = int(np.clip(value, 0, 1) * 255 + 0.5) if np.isfinite(value) else 128
    return f"background:rgb({level},{level},{level});color:{'#000' if level > 120 else '#fff'}"


def matrix(name: str, cells: list[list[tuple[str, str]]]) -> str:
    """A small table headed `name`; every cell is (text, CSS)."""
    lines = ("".join(f'<td style="{css}">{text}</td>' for text, css in row) for row in cells)
    table = "".join(f"<tr>{line}</tr>" for line in lines)
    small = " cnnkit-small" if len(cells) > 3 else ""
    return (
        f'<div class="cnnkit-matrix{small}"><div class="cnnkit-name">{name}</div><table>{table}</table></div>'
    )


def numbers(name: str, values: np.ndarray) -> str:
    """A `matrix` of signed numbers, tinted."""
    largest = float(np.abs(values).max()) if values.size else 0.0
    digits = 2 if len(values) > 3 else 3
    return matrix(name, [[(number(v, digits), tint(v, largest)) for v in row] for row in values.tolist()])


def pixels(name: str, patch: Patch) -> str:
    """A `matrix` of the patch in the shades it has in the photo; padding is dashed."""
    digits = 2 if len(patch.values) > 3 else 3
    pairs = zip(patch.values.tolist(), patch.inside.tolist(), strict=True)
    cells = [
        [
            (number(v, digits), shade(v)) if inside else ("0", "border-style:dashed")
            for v, inside in zip(*row, strict=True)
        ]
        for row in pairs
    ]
    return matrix(name, cells)


def one_line(patch: Patch) -> str:
    """`0.52·(−1) + 0.6·8 + ... = 0.31`, every term, for readers and screen readers."""
    pairs = zip(patch.values.ravel().tolist(), patch.weights.ravel().tolist(), strict=True)
    return " + ".join(f"{number(v)}·{signed(w)}" for v, w in pairs) + f" = {number(patch.total)}"


def written_out(patch: Patch, where: str, shown: str = "") -> str:
    """The whole block: pixels × weights = products, the sum, and the same as one line."""
    outside = int((~patch.inside).sum())
    padding = f": {outside} of its {patch.values.size} pixels are padding (dashed)" if outside else ""
    operator = '<div class="cnnkit-operator" aria-hidden="true">{}</div>'.format
    blocks = [
        pixels("pixels", patch),
        operator("×"),
        numbers("weights", patch.weights),
        operator("="),
        numbers("products", patch.products),
        operator("→"),
        f'<div class="cnnkit-sum" role="status">sum = {number(patch.total)}{shown}</div>',
    ]
    line = f'<div class="cnnkit-line">{one_line(patch)}</div>'
    if patch.values.size > 9:
        summary = f"<summary>All {patch.values.size} products in one line</summary>"
        line = f'<details class="cnnkit-details">{summary}{line}</details>'
    return (
        f'<div><div class="cnnkit-title">{where}{padding}</div>'
        f'<div class="cnnkit-equation">{"".join(blocks)}</div>{line}</div>'
    )
