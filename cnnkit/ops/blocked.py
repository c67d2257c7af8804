"""Launching the packed, register-blocked matrix product of `kernels/matmul.cl`."""

from __future__ import annotations

from ..array import DeviceArray, empty
from ..device import current_device
from ..kernel import kernel, launch

LANES = 16  # columns of a block: what `matmul_blocked` computes at once
BLOCK_ROWS = 4
ONE = (1, 1, 1)  # a work-item is a long loop already: groups of one spread best over the cores


def pitch_of(columns: int) -> int:
    """The length of a packed row: `columns` rounded up to whole blocks."""
    return -(-columns // LANES) * LANES


def pack(
    a: DeviceArray, rows: int, columns: int, a_row: int, a_col: int, a_batch: int = 0, matrices: int = 1
) -> DeviceArray:
    """A packed copy (matrices, rows, pitch) of strided matrices; `a` itself where it is packed already."""
    pitch = pitch_of(columns)
    if pitch == columns and (a_row, a_col) == (columns, 1) and (matrices == 1 or a_batch == rows * columns):
        return a
    device = current_device()
    out = empty((matrices, rows, pitch))
    run = kernel(device, "matmul", "pack")
    args = (rows, columns, pitch, a_row, a_col, a_batch, matrices)
    launch(device, run, (pitch, rows, matrices), (16, 4, 1), a, out, *args)
    return out


def product(
    a: DeviceArray,
    packed_b: DeviceArray,
    out: DeviceArray,
    size: tuple[int, int, int],
    a_steps: tuple[int, int],
    *,
    bias: DeviceArray | None = None,
    bias_per_row: bool = False,
    starts: tuple[int, int, int] = (0, 0, 0),
    batches: tuple[int, int, int] = (0, 0, 0),
    products: int = 1,
    runs: int = 1,
) -> None:
    """out = a b for each of `products`, or the sums over `runs` of them in a row; see `matmul_blocked`.

    `size` is (rows, columns, inner), `a_steps` the distances in a from row to row and column to column;
    `starts` and `batches` say, for a, b and out, where the first product begins and how far the next is.
    """
    device = current_device()
    rows, columns, inner = size
    pitch = pitch_of(columns)
    run = kernel(device, "matmul", "matmul_blocked")
    items = (pitch // LANES, -(-rows // BLOCK_ROWS), -(-products // runs))
    mode = 0 if bias is None else 2 if bias_per_row else 1
    args = (mode, out, rows, columns, inner, *a_steps, pitch, *starts, *batches, products, runs)
    launch(device, run, items, ONE, a, packed_b, out if bias is None else bias, *args)


def sum_parts(
    parts: DeviceArray, out: DeviceArray, size: tuple[int, int], steps: tuple[int, int], part: int, count: int
) -> None:
    """out (rows, columns) = the sum of `count` parts, `part` apart, read with `steps` per row and column."""
    device = current_device()
    run = kernel(device, "matmul", "sum_parts")
    launch(device, run, (size[1], size[0]), (16, 4), parts, out, *size, *steps, part, count)
