"""What the explorer of pooling counts and says: windows over a pixel, what is left out, memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .arithmetic import matrix, tint
from .axis import Axis
from .words import count, grouped, number, times

if TYPE_CHECKING:
    from ..pooling import PoolingModel

MAPS = 12  # the depth of the article's volume, 32 x 32 x 12
BYTES = 4  # of a float32
READABLE = 8  # windows up to this side are written out number by number
SUMMED = 3  # and means up to this side term by term


def piece_of(size: int, wanted: int, middle: int) -> np.ndarray:
    """`wanted` positions around `middle` on an axis of `size`, moved inside it and never more than it has."""
    wanted = min(wanted, size)
    return np.clip(middle - wanted // 2, 0, size - wanted) + np.arange(wanted)


def outputs_over(axis: Axis, position: int) -> range:
    """The windows i with i * stride <= position < i * stride + kernel."""
    first = max(0, -(-(position - axis.kernel + 1) // axis.stride))
    return range(first, max(first, min(axis.output, position // axis.stride + 1)))


def readers(axis: Axis) -> np.ndarray:
    """How many windows read each position of the axis, (size,)."""
    return np.array([len(outputs_over(axis, position)) for position in range(axis.size)])


def same_place(index: int, before: Axis, after: Axis) -> int:
    """The window of `after` whose middle is nearest to that of window `index` of `before`."""
    if before.size != after.size:
        return index
    middle = index * before.stride + (before.kernel - 1) / 2
    nearest = round((middle - (after.kernel - 1) / 2) / after.stride)
    return min(max(nearest, 0), after.output - 1)


def never_read(rows: Axis, columns: Axis) -> int:
    """How many pixels lie in no window."""
    read = (axis.size - axis.never_read().size for axis in (rows, columns))
    return rows.size * columns.size - int(np.prod(list(read)))


def change(before: np.ndarray, after: np.ndarray) -> float:
    """Sum of the absolute differences over the sum of the absolute values before."""
    total = float(np.abs(before).sum(dtype=np.float64))
    return float(np.abs(after - before).sum(dtype=np.float64)) / total if total else 0.0


def remark(rows: Axis, columns: Axis) -> str:
    """Overlapping windows, gaps between them and what is left over, in words; empty where they tile."""
    size, stride, said = rows.kernel, rows.stride, ""
    if stride < size:
        each = -(-size // stride)
        said = f"Windows overlap: the stride {stride} is less than {size}, so a pixel is in up to {each**2}. "
    elif stride > size:
        said = (
            f"Gaps: the stride {stride} is more than {size}, so pixels between the windows are never read. "
        )
    left = [part for part in (rows.left_out(), columns.left_out()) if part]
    if left:
        said += (
            f"{size}×{size} windows with stride {stride} do not cover the {rows.size}×{columns.size} input "
            f"evenly: {' and '.join(left)}."
        )
    return said.strip()


def volume(model: PoolingModel) -> str:
    """A volume of 12 such maps before and after, its memory, and which pixels count, as HTML."""
    before, after = model.input.shape, (model.rows.output, model.columns.output)
    numbers = [MAPS * int(np.prod(shape)) for shape in (before, after)]
    lines = [
        f"{name}: {times(*shape, MAPS)}<br>= {grouped(amount)} numbers, {grouped(BYTES * amount)} bytes"
        for name, shape, amount in zip(("before", "after"), (before, after), numbers, strict=True)
    ]
    lines.append(f"<b>{_fewer(*numbers)}</b> for the next layer. Pooling learns nothing: it has no weights.")
    lines.append(_survival(model))
    changed = model.change_by_shift()
    if changed:
        lines.append(
            f"Moved right by {count(model.shift, 'column')}, the input changes by {_percent(changed[0])} of "
            f"its sum, the output by {_percent(changed[1])}."
        )
    said = "".join(f'<div class="cnnkit-line">{line}</div>' for line in lines)
    return f'<div class="cnnkit-title">{MAPS} maps like this: a volume</div>{said}'


def _fewer(before: int, after: int) -> str:
    if before == after:
        return "Just as many numbers"
    return f"{number(before / after)} times fewer numbers"


def _survival(model: PoolingModel) -> str:
    pixels, kept = model.input.size, model.survivors()
    share = f"{grouped(kept)} of {grouped(pixels)} input pixels ({_percent(kept / pixels)})"
    if model.kind == "max":
        return f"{share} win a window. The others leave no trace."
    return f"{share} are read, and each counts 1/{model.rows.kernel**2} in its window."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def output_explained(model: PoolingModel, row: int, column: int) -> str:
    """The numbers of an output pixel's window and what is kept of them, as HTML."""
    rows, columns = model.block(row, column)
    inside, winner = model.input[rows, columns], model.winner(row, column)
    assert model.pooled is not None  # or nobody asks
    kept = number(float(model.pooled[row, column]))
    where = f"input rows {rows.start} to {rows.stop - 1}, columns {columns.start} to {columns.stop - 1}"
    if winner:
        result = f"largest = {kept}, from row {winner[0]}, column {winner[1]}"
    elif len(inside) <= SUMMED:
        terms = " + ".join(f"({number(v)})" if v < 0 else number(v) for v in inside.ravel().tolist())
        result = f"mean = ({terms}) / {inside.size} = {kept}"
    else:
        result = f"mean = {number(float(inside.sum(dtype=np.float64)))} / {inside.size} = {kept}"
    shown = f"{grouped(inside.size)} values"
    if len(inside) <= READABLE:
        at = (winner[0] - rows.start, winner[1] - columns.start) if winner else None
        shown = matrix("its window", _cells(inside, at))
    return (
        f'<div class="cnnkit-title">Output (row {row}, column {column}): {where}</div>'
        f'<div class="cnnkit-equation">{shown}<div class="cnnkit-operator" aria-hidden="true">→</div>'
        f'<div class="cnnkit-sum" role="status">{result}</div></div>'
    )


def _cells(inside: np.ndarray, winner: tuple[int, int] | None) -> list[list[tuple[str, str]]]:
    """Texts and colors of a window's numbers; a ring around the winner."""
    largest, digits = float(np.abs(inside).max()), 2 if len(inside) > 3 else 3
    ring = ";outline:3px solid #19b5fe;outline-offset:-3px;font-weight:600"
    return [
        [
            (number(value, digits), tint(value, largest) + (ring if (i, j) == winner else ""))
            for j, value in enumerate(line)
        ]
        for i, line in enumerate(inside.tolist())
    ]


def input_explained(model: PoolingModel, row: int, column: int, won: list[tuple[int, int]]) -> str:
    """Which windows an input pixel is in and which of them it wins, as HTML."""
    value = number(model.input[row, column])
    over = model.windows_over(row, column)
    amount = len(over[0]) * len(over[1])
    if not amount:
        fate = "It lies in no window: nothing of it is passed on."
    elif model.kind == "average":
        fate = f"It is 1/{model.rows.kernel**2} of {_outputs(over)}."
    elif not won:
        fate = f"It lies in {_outputs(over)}, and another pixel wins there: it leaves no trace."
        if amount > 1:
            fate = f"It lies in {_outputs(over)}, and other pixels win them all: it leaves no trace."
    else:
        places = ", ".join(f"(row {i}, column {j})" for i, j in won)
        fate = f"It lies in {_outputs(over)} and wins {len(won)} of them: {places}."
        if amount == 1:
            fate = f"It lies in {_outputs(over)} and wins it."
    return (
        f'<div class="cnnkit-title">Input pixel (row {row}, column {column}) = {value}</div>'
        f'<div class="cnnkit-line" role="status">{fate}</div>'
    )


def _outputs(over: tuple[range, range]) -> str:
    """`the window of output (row 2, column 3)`, or `4 windows, output rows 1 to 2, columns 3 to 4`."""
    rows, columns = over
    if len(rows) * len(columns) == 1:
        return f"the window of output (row {rows[0]}, column {columns[0]})"
    spans = (
        f"{name} {span[0]}" if len(span) == 1 else f"{name}s {span[0]} to {span[-1]}"
        for name, span in (("row", rows), ("column", columns))
    )
    return f"{len(rows) * len(columns)} windows (output {', '.join(spans)})"
