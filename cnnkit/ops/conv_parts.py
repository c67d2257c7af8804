"""The weight gradient where a driver ends long loops: the plain kernels' sums over the batch, part by part.

A part is some whole images, or some rows of one image's output; it takes no more rounds than the driver
allows. Parts go by way of the host, where the only such driver (Mesa's llvmpipe) computes anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..array import DeviceArray, empty, to_device, to_host
from .conv_shape import Conv2dShape
from .rounds import rounds_of

# Writes dw and db of one part: (dy, x, dw, db, shape).
Plain = Callable[[DeviceArray, DeviceArray, DeviceArray, DeviceArray, Conv2dShape], None]


def parts(shape: Conv2dShape, most: int) -> list[tuple[slice, slice]]:
    """(images, rows of the output) of at most `most` rounds each; none where a single row takes more."""
    return list(_parts(shape, most))


def _parts(shape: Conv2dShape, most: int) -> Iterator[tuple[slice, slice]]:
    # As `rounds_of(images, rows, shape.OW)` counts.
    row = rounds_of(shape.OW) + 1
    images = (most - 2) // (shape.OH * row + 3)
    rows = shape.OH if images else (most - 5) // row
    if rows <= 0:
        return
    for n in range(0, shape.N, max(images, 1)):
        for top in range(0, shape.OH, rows):
            yield slice(n, n + max(images, 1)), slice(top, top + rows)


def backward_weight(
    plain: Plain,
    dy: DeviceArray,
    x: DeviceArray,
    dw: DeviceArray,
    db: DeviceArray,
    shape: Conv2dShape,
    pieces: list[tuple[slice, slice]],
) -> None:
    """Write the sums of `plain`'s gradients over `pieces`, which `parts` made, into dw and db."""
    whole_dy, whole_x = to_host(dy), to_host(x)
    sum_w, sum_b = np.zeros(dw.shape), np.zeros(db.shape)
    part_w, part_b = empty(dw.shape), empty(db.shape)
    for images, rows in pieces:
        part_dy = to_device(np.ascontiguousarray(whole_dy[images, :, rows]))
        N, _, OH, _ = part_dy.shape
        # The first row of this part reads further down: that is less padding above, or less than none.
        part = shape._replace(N=N, OH=OH, pad_top=shape.pad_top - rows.start * shape.stride_y)
        plain(part_dy, to_device(whole_x[images]), part_w, part_b, part)
        sum_w += to_host(part_w)
        sum_b += to_host(part_b)
    dw.set(sum_w.astype(np.float32))
    db.set(sum_b.astype(np.float32))
