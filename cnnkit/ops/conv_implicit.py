"""Convolution as a matrix product that is never laid out in memory: `kernels/conv2d_implicit_gemm.cl`."""

from __future__ import annotations

from typing import NamedTuple

from ..array import DeviceArray, empty
from ..device import Device, current_device
from ..kernel import kernel, launch
from .blocked import sum_parts
from .conv_shape import Conv2dShape

LOCAL = (16, 16, 1)
TILE_K = 16
# Work-groups that keep a large GPU busy: 100 and more cores, with a few groups each.
BUSY = 512
MAX_PARTS = 128  # of a weight gradient: more partial sums would take longer to add than they save
MIN_STEPS = 16  # a part is at least this many tiles long


class Product(NamedTuple):
    """One of the three directions as out (rows, columns) = A (rows, inner) B (inner, columns)."""

    direction: str
    rows: int
    columns: int
    inner: int


def fits(device: Device) -> bool:
    """Whether the device allows the work-group and its two tiles (19 KiB at most)."""
    return device.max_work_group_size >= 256 and device.local_memory_bytes >= 32 << 10


def forward(x: DeviceArray, w: DeviceArray, b: DeviceArray | None, y: DeviceArray, s: Conv2dShape) -> None:
    """y = w patches + b, a patch per output pixel."""
    p = Product("forward", s.K, s.N * s.OH * s.OW, s.C * s.R * s.S)
    _launch(p, w, x, b, y, p.inner, s)


def backward_data(dy: DeviceArray, w: DeviceArray, dx: DeviceArray, s: Conv2dShape) -> None:
    """dx = w^T windows, a window of dy per input pixel."""
    p = Product("backward_data", s.C, s.N * s.H * s.W, s.K * s.R * s.S)
    _launch(p, w, dy, None, dx, p.inner, s)


def backward_weight(dy: DeviceArray, x: DeviceArray, dw: DeviceArray, s: Conv2dShape) -> None:
    """dw = dy patches^T, summed over every output pixel of the batch: in parts first, then their sum."""
    p = _weight_product(s)
    count, length = _parts(p)
    parts = dw if count == 1 else empty((count, p.rows, p.columns))
    _launch(p, dy, x, None, parts, length, s)
    if count > 1:
        sum_parts(parts, dw, (p.rows, p.columns), (p.columns, 1), p.rows * p.columns, count)


def _launch(
    p: Product,
    a: DeviceArray,
    b: DeviceArray,
    bias: DeviceArray | None,
    out: DeviceArray,
    length: int,
    s: Conv2dShape,
) -> None:
    device = current_device()
    tile_m, tile_n = _tile(p)
    macros = {"DIRECTION": p.direction.upper(), "TILE_M": tile_m, "TILE_N": tile_n, "TILE_K": TILE_K}
    run = kernel(device, "conv2d_implicit_gemm", f"conv2d_{p.direction}_implicit_gemm", **macros)
    items = (-(-p.columns // tile_n) * LOCAL[0], -(-p.rows // tile_m) * LOCAL[1], -(-p.inner // length))
    some = bias if bias is not None else a  # any buffer: has_bias = 0 keeps it unread
    launch(device, run, items, LOCAL, a, b, some, int(bias is not None), out, length, *s)


def _tile(p: Product) -> tuple[int, int]:
    """Rows and columns of a work-group's tile: the largest that wastes no rows and leaves groups enough."""
    if p.rows > 64 and _tiles(p, (128, 128)) >= BUSY:
        return 128, 128
    return next(rows for rows in (16, 32, 64) if p.rows <= rows or rows == 64), 64


def _tiles(p: Product, tile: tuple[int, int]) -> int:
    return -(-p.rows // tile[0]) * -(-p.columns // tile[1])


def _weight_product(s: Conv2dShape) -> Product:
    return Product("backward_weight", s.K, s.C * s.R * s.S, s.N * s.OH * s.OW)


def _parts(p: Product) -> tuple[int, int]:
    """Into how many parts the inner dimension is split, and the length of each, from the shape alone.

    So many that the device is busy, though the result is small; the same on every device, and so is the
    order in which the parts are added.
    """
    steps = -(-p.inner // TILE_K)
    wanted = min(MAX_PARTS, BUSY // _tiles(p, _tile(p)), steps // MIN_STEPS)
    steps_each = -(-steps // max(1, wanted))
    return -(-steps // steps_each), steps_each * TILE_K
