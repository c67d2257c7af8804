"""Pictures and words of the windows along an axis: where they lie, what they miss, and what would help."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .axis import Axis
from .canvas import mark
from .words import count, number

# Size, kernel, stride, padding and dilation of layers that learners meet in the literature.
EXAMPLES = {
    "7×7, 3×3, stride 2, padding 1": (7, 3, 2, 1, 1),
    "7×7, 3×3, stride 2: evenly": (7, 3, 2, 0, 1),
    "7×7, 5×5, stride 3: left out": (7, 5, 3, 0, 1),
    "10×10, 2×2, stride 3: gaps": (10, 2, 3, 0, 1),
    "32×32, 3×3: the same size": (32, 3, 1, 1, 1),
    "LeNet-5 (1998): 5×5": (32, 5, 1, 0, 1),
    "Pooling: 32×32, 2×2, stride 2": (32, 2, 2, 0, 1),
    "Dilation 3: 12×12, 3×3": (12, 3, 1, 0, 3),
    "ResNet (2015): 7×7, stride 2": (224, 7, 2, 3, 1),
    "AlexNet (2012): 11×11, stride 4": (227, 11, 4, 0, 1),
    "Does not fit: 5×5, 7×7": (5, 7, 1, 0, 1),
}
MOST_SHOWN = 7  # numbers of a list that are written out
MOST_DOTS = 16  # windows in a row: with more, their corners would cover the picture
MOST_LISTED = 9  # readers of one pixel that are listed without being asked


def runs(positions: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(first, length) of every run of neighbors in rising `positions`."""
    start = last = None
    for at in map(int, positions):
        if last is None or start is None:
            start = at
        elif at != last + 1:
            yield start, last - start + 1
            start = at
        last = at
    if start is not None and last is not None:
        yield start, last - start + 1


def one_dimension(axis: Axis) -> np.ndarray:
    """(output, padded) float32: 1 where a window reads a pixel, -1 where it reads padding, else 0."""
    picture = np.zeros((axis.output, axis.padded), np.float32)
    for window, line in enumerate(picture):
        cells = axis.cells(window)
        line[cells + axis.padding] = np.where((cells >= 0) & (cells < axis.size), 1, -1)
    return picture


def window_corners(axis: Axis) -> list[list[float]]:
    """A dot just inside every window's corner in the padded square; none where they would be too many."""
    if axis.output > MOST_DOTS:
        return []
    starts = [index * axis.stride + 0.16 for index in range(axis.output)]
    return [[row, column] for row in starts for column in starts]


def unread_strips(axis: Axis) -> list[dict[str, Any]]:
    """Marks over the rows and columns of the padded square that no window reads; none without windows."""
    if not axis.output:
        return []
    start, size, found = axis.padding, axis.size, list(runs(axis.never_read() + axis.padding))
    across = [mark(first, start, length, size) for first, length in found]
    return across + [mark(start, first, size, length) for first, length in found]


def listed(values: Iterable[int]) -> str:
    """`1, 2, 3`, with the middle left out of a long list."""
    texts = [number(value) for value in values]
    if len(texts) > MOST_SHOWN:
        texts = [*texts[:3], "…", texts[-1]]
    return ", ".join(texts)


def named(noun: str, values: np.ndarray) -> str:
    """`output row 3`, `output rows 3, 4`."""
    return f"{noun if len(values) == 1 else noun + 's'} {listed(values)}"


def offsets(axis: Axis) -> str:
    """What a window adds to its first position: `1·(0, 1, 2)`."""
    return f"{axis.dilation}·({listed(range(axis.kernel))})"


def weight(axis: Axis, window: int, position: int) -> int:
    """Which of its weights `window` reads `position` with."""
    return int(position + axis.padding - window * axis.stride) // axis.dilation


def unread(axis: Axis, position: int) -> str:
    """Why no window reads `position`, in a sentence; empty when one does."""
    if axis.readers(position).size:
        return ""
    one = axis.name[:-1]
    last, end = int(axis.cells(axis.output - 1)[-1]), axis.size + axis.padding - 1
    if position > last:
        return (
            f"The last window ends at {one} {number(last)}; one step of {axis.stride} further it would need "
            f"{one} {number(last + axis.stride)}, and the last one there is {number(end)}."
        )
    steps = f"steps of {axis.stride}" + (f" with dilation {axis.dilation}" if axis.dilation > 1 else "")
    return f"{one.capitalize()} {number(position)} lies in a gap: {steps} pass over it."


def unread_words(axis: Axis) -> str:
    """`24 pixels are never read`, of the square image that has this axis twice."""
    pixels = axis.size**2 - (axis.size - axis.never_read().size) ** 2
    if not pixels:
        return "every pixel is read"
    return f"{count(pixels, 'pixel')} {'is' if pixels == 1 else 'are'} never read"


def even_ways(axis: Axis) -> list[str]:
    """The nearest changes of one number after which every pixel is read: `stride 2`, `padding 1`."""
    smaller = (("stride", stride) for stride in range(axis.stride - 1, 0, -1))
    larger = (("padding", axis.padding + more) for more in range(1, axis.stride))
    ways = []
    for candidates in (smaller, larger):
        for name, value in candidates:
            changed = replace(axis, stride=value) if name == "stride" else replace(axis, padding=value)
            if changed.output and not changed.never_read().size:
                ways.append(f"{name} {value}")
                break
    return ways


def told_output(rows: Axis, columns: Axis, cell: tuple[int, int], pixels: int) -> str:
    """Which input positions the output `cell` (row, column) reads, as HTML; `pixels` of them no padding."""
    cells = rows.kernel * columns.kernel
    padding = f", {cells - pixels} of them padding" if pixels < cells else ""
    row, column = cell
    title = (
        f"Output cell (row {row}, column {column}) reads {rows.kernel}·{columns.kernel} = "
        f"{count(cells, 'cell')} of the input{padding}"
    )
    lines = [
        f"{axis.name} = {at}·{axis.stride} − {axis.padding} + {offsets(axis)} = {listed(axis.cells(at))}"
        for axis, at in ((rows, row), (columns, column))
    ]
    return paragraph(title, lines)


def told_input(rows: Axis, columns: Axis, pixel: tuple[int, int]) -> str:
    """Which output cells read the input position `pixel` (row, column), and with which weight, as HTML."""
    row, column = pixel
    down, across = rows.readers(row), columns.readers(column)
    inside = 0 <= row < rows.size and 0 <= column < columns.size
    place = f"(row {number(row)}, column {number(column)})"
    start = f"Input pixel {place}" if inside else f"Padding {place}, a zero beside the image,"
    if not down.size or not across.size:
        reasons = [unread(rows, row), unread(columns, column)]
        return paragraph(f"{start} is never read", [reason for reason in reasons if reason])
    reads = f"{down.size}·{across.size} = {count(down.size * across.size, 'time')}"
    title = f"{start} is read {reads}: by {named('output row', down)} and {named('output column', across)}"
    weights = [
        f"output ({i}, {j}) with weight ({weight(rows, i, row)}, {weight(columns, j, column)})"
        for i in down
        for j in across
    ]
    return paragraph(title, ["; ".join(weights)], hidden=len(weights) > MOST_LISTED)


def paragraph(title: str, lines: Iterable[str], hidden: bool = False) -> str:
    """A title with lines below; hidden: they are shown when asked for."""
    body = "".join(f'<div class="cnnkit-line">{html.escape(line)}</div>' for line in lines)
    if hidden:
        summary = "<summary>Which ones, and with which weight</summary>"
        body = f'<details class="cnnkit-details">{summary}{body}</details>'
    return f'<div><div class="cnnkit-title" role="status">{html.escape(title)}</div>{body}</div>'
