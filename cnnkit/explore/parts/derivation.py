"""One number of a network's stage, written out from the numbers that its layer read."""

from __future__ import annotations

import numpy as np

from ...layers import AvgPool2d, Conv2d, Linear, MaxPool2d
from .arithmetic import Patch, numbers, read_patch, written_out
from .inside import Stage
from .sheet import columns_of
from .words import count, number, signed

MOST_SHOWN = 64  # numbers in a table


def derived(stage: Stage, place: tuple[int, int, int], maps: int = 0) -> str:
    """How `stage` came to its value at `place` (channel, row, column), as HTML.

    For a dense layer place is (unit, 0, 0), and maps says how many feature maps were flattened before it,
    so that what each of them adds can be told; 0 when it read no maps.
    """
    layer, before = stage.layer, stage.before
    if layer is None or before is None:
        return ""
    channel, row, column = place
    if isinstance(layer, Conv2d) and stage.axes is not None:
        rows, columns = stage.axes
        weights = layer.w.value.get()[channel]
        patches = [
            read_patch(one, own, rows.cells(row), columns.cells(column))
            for one, own in zip(before, weights, strict=True)
        ]
        return _convolved(patches, _bias(layer, channel))
    if isinstance(layer, MaxPool2d | AvgPool2d) and stage.axes is not None:
        return _pooled(stage, place)
    if isinstance(layer, Linear):
        products = before.astype(np.float64) * layer.w.value.get()[channel]
        per_map = products.reshape(maps, -1).sum(axis=1) if maps and products.size % maps == 0 else products
        return _summed(per_map, "map" if per_map is not products else "input", _bias(layer, channel))
    if before.shape == stage.values.shape:
        at = place if stage.spatial else place[:1]
        step = f"{number(before[at])} → {type(layer).__name__} → {number(stage.values[at])}"
        return f'<div class="cnnkit-sum" role="status">{step}</div>'
    return ""


def _bias(layer: Conv2d | Linear, channel: int) -> float:
    return 0.0 if layer.b is None else float(layer.b.value.get()[channel])


def _convolved(patches: list[Patch], bias: float) -> str:
    if len(patches) > 1:
        return _summed(np.array([patch.total for patch in patches]), "map", bias)
    (patch,) = patches
    total = f"; with the bias {number(bias)}: {number(patch.total + bias)}"
    return written_out(patch, "Its window", total)


def _summed(parts: np.ndarray, what: str, bias: float) -> str:
    """The sum of what every input (or every map of them) adds, and of the bias."""
    total = float(parts.sum())
    result = f"{number(total)} + {signed(bias)} = {number(total + bias)}"
    end = f'<div class="cnnkit-sum" role="status">their sum + bias = {result}</div>'
    if len(parts) > MOST_SHOWN:
        return f"<div>{count(len(parts), 'product')}, one for each {what}.</div>{end}"
    across = columns_of(len(parts))
    cells = np.zeros(-(-len(parts) // across) * across)
    cells[: len(parts)] = parts
    table = numbers(f"what each of the {len(parts)} {what}s before adds", cells.reshape(-1, across))
    arrow = '<div class="cnnkit-operator" aria-hidden="true">→</div>'
    return f'<div class="cnnkit-equation">{table}{arrow}{end}</div>'


def _pooled(stage: Stage, place: tuple[int, int, int]) -> str:
    channel, row, column = place
    assert stage.axes is not None and stage.before is not None
    rows, columns = (axis.cells(at) for axis, at in zip(stage.axes, (row, column), strict=True))
    rows, columns = (
        at[(at >= 0) & (at < axis.size)] for at, axis in zip((rows, columns), stage.axes, strict=True)
    )
    window = stage.before[channel][np.ix_(rows, columns)]
    name = "largest" if isinstance(stage.layer, MaxPool2d) else "mean"
    result = f"{name} = {number(stage.values[place])}"
    arrow = '<div class="cnnkit-operator" aria-hidden="true">→</div>'
    end = f'<div class="cnnkit-sum" role="status">{result}</div>'
    return f'<div class="cnnkit-equation">{numbers("its window", window)}{arrow}{end}</div>'
