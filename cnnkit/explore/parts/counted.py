"""The library's convolution kernels, run with every read of the image counted."""

from __future__ import annotations

import numpy as np

from ... import kernel as kernels
from ...array import empty, to_device
from ...device import current_device
from ...errors import CnnkitError
from ...ops import conv_tiled
from ...ops.conv_shape import Conv2dShape, conv2d_shape
from .readlog import ReadLog, Size, count_reads
from .words import grouped, times

KERNELS = ("plain", "tiled")


def count_convolution(
    name: str, image: np.ndarray, weights: np.ndarray, stride: int, padding: int, tile: int
) -> tuple[ReadLog, np.ndarray]:
    """The reads of `image` by the kernel `name` of `KERNELS`, and its result.

    image (N, C, H, W), weights (K, C, R, S); tile: rows and columns of a work-group. The result is
    (N, K, OH, OW) float32, bit for bit that of `cnnkit.conv2d(..., variant=name)`. Raises CnnkitError for
    what the device has no room for, ShapeError for shapes that do not fit.
    """
    shape = conv2d_shape(image.shape, weights.shape, stride, padding, 1)
    file, function, items, macros = launch_of(name, shape, tile)
    x, w, y = to_device(image), to_device(weights), empty((shape.N, shape.K, shape.OH, shape.OW))
    arguments = (x, w, w, 0, y, *shape)  # no bias: any buffer, which has_bias = 0 keeps unread
    group = (tile, tile, 1)
    log = count_reads(kernels.source(file), function, items, group, *arguments, buffer=x, macros=macros)
    return log, y.get()


def launch_of(name: str, shape: Conv2dShape, tile: int) -> tuple[str, str, Size, dict[str, int]]:
    """File, function, global size and macros of the kernel, as `cnnkit.conv2d` launches it.

    Only the work-group is ours: tile x tile for both, where the library has 8 x 8 for the plain kernel.
    """
    if name == "plain":
        return "conv2d", "conv2d_forward_plain", (shape.OW, shape.OH, shape.N * shape.K), {}
    spans = [
        (tile - 1) * stride + (taps - 1) + 1
        for stride, taps in ((shape.stride_y, shape.R), (shape.stride_x, shape.S))
    ]
    needed, room = spans[0] * spans[1], current_device().local_memory_bytes // 4
    known = [size for size in conv_tiled.PATCH_SIZES if size <= room]
    patch = next((size for size in known if size >= needed), None)
    if patch is None:
        raise CnnkitError(
            f"A tile of {times(tile, tile)} outputs looks at {times(*spans)} = {grouped(needed)} pixels, and "
            f"the local memory of a work-group holds {grouped(max(known, default=0))} of them here: choose a "
            "smaller work-group, filter or stride."
        )
    macros = {"TILE_X": tile, "TILE_Y": tile, "FILTERS": conv_tiled.FILTERS, "PATCH": patch}
    blocks = -(-shape.K // conv_tiled.FILTERS)
    return "conv2d_tiled", "conv2d_forward_tiled", (shape.OW, shape.OH, shape.N * blocks), macros
