"""Convolution by tiles whose pixels a work-group shares: the kernel in `kernels/conv2d_tiled.cl`."""

from __future__ import annotations

from ..array import DeviceArray
from ..device import Device, current_device
from ..kernel import kernel, launch
from .conv_shape import Conv2dShape

TILE = 16  # a work-group computes 16 x 16 outputs
FILTERS = 4  # of this many filters

# Local memory, in numbers, is part of the compiled kernel: a few sizes, so few compiles.
PATCH_SIZES = (1024, 4096, 8192)  # the last is 32 KiB, all that some devices have


def fits(s: Conv2dShape, device: Device) -> bool:
    """Whether the device allows the work-group, and its local memory holds the pixels under a tile."""
    size = _patch_size(s)
    if size is None or device.local_memory_bytes < 4 * size:
        return False
    return device.max_work_group_size >= TILE * TILE


def forward(x: DeviceArray, w: DeviceArray, b: DeviceArray | None, y: DeviceArray, s: Conv2dShape) -> None:
    """y = x correlated with w, plus b; only for shapes that fit."""
    size = _patch_size(s)
    assert size is not None, "the caller asks `fits` first"
    device = current_device()
    macros = {"TILE_X": TILE, "TILE_Y": TILE, "FILTERS": FILTERS, "PATCH": size}
    run = kernel(device, "conv2d_tiled", "conv2d_forward_tiled", **macros)
    bias = b if b is not None else w  # any buffer: has_bias = 0 keeps it unread
    items = (s.OW, s.OH, s.N * -(-s.K // FILTERS))
    launch(device, run, items, (TILE, TILE, 1), x, w, bias, int(b is not None), y, *s)


def _patch_size(s: Conv2dShape) -> int | None:
    """The smallest of the sizes that holds the patch under a tile; None if none does."""
    height = (TILE - 1) * s.stride_y + (s.R - 1) * s.dilation_y + 1
    width = (TILE - 1) * s.stride_x + (s.S - 1) * s.dilation_x + 1
    return next((size for size in PATCH_SIZES if height * width <= size), None)
