"""One pixel of the pipeline written out: where its number comes from, stage by stage, as HTML."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from . import words
from .arithmetic import matrix, numbers, read_patch, tint, written_out


def explain_pixel(model: Any) -> str:
    """The multiply-adds of the focused filtered pixel of a `PipelineModel`, and what ReLU makes of it."""
    _, row, column = model.focus
    rows, columns = model.axes()
    patch = read_patch(model.image, model.kernel, rows.cells(row), columns.cells(column))
    filtered, activated = (_yours(model, stage, row, column) for stage in ("filtered", "activated"))
    before = float(model.stages["filtered"][row, column]) if filtered else patch.total
    after = f"{filtered} → ReLU → {words.number(max(0.0, before))}{activated}"
    return written_out(patch, f"Filtered pixel (row {row}, column {column})", after)


def explain_pooling(model: Any) -> str:
    """Four filtered numbers of a `PipelineModel`, the same after ReLU, and what pooling keeps of them."""
    _, row, column = model.focus
    top, left, height, width = model.block()
    here = slice(top, top + height), slice(left, left + width)
    before, after = model.stages["filtered"][here], model.stages["activated"][here]
    winner = model.winner()
    largest = float(np.abs(after).max())
    ring = "outline:2px solid #19b5fe;outline-offset:-2px"
    cells = [
        [
            (words.number(value), ring if (top + i, left + j) == winner else tint(value, largest))
            for j, value in enumerate(line)
        ]
        for i, line in enumerate(after.tolist())
    ]
    name = "largest" if model.kind == "max" else "mean"
    both = model.comparison("pooled")
    right = model.stages["pooled"] if both is None else both.ours
    value = words.number(right[row, column]) + _yours(model, "pooled", row, column)
    kept = f'<div class="cnnkit-sum" role="status">{name} = {value}</div>'
    arrow = '<div class="cnnkit-operator" aria-hidden="true">→</div>'
    parts = [numbers("filtered", before), matrix("after ReLU", cells), kept]
    window = model.window()
    return (
        f'<div class="cnnkit-title">Pooled pixel (row {row}, column {column})</div>'
        f'<div class="cnnkit-equation">{arrow.join(parts)}</div>'
        f'<div class="cnnkit-line">It saw {words.times(window[2], window[3])} pixels of the photo.</div>'
    )


def _yours(model: Any, stage: str, row: int, column: int) -> str:
    """What the learner's function for `stage` gave where cnnkit gives another number; else empty."""
    both = model.comparison(stage)
    if both is None or not both.differs[row, column]:
        return ""
    return html.escape(f"; your {both.name} gave {both.values_at(row, column)[0]}")
