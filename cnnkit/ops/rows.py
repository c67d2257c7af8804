"""Picking rows on the device; kernel in `kernels/training.cl`."""

from __future__ import annotations

import math

from ..array import DeviceArray, empty
from ..device import current_device
from ..kernel import kernel, launch
from .dense import LOCAL_2D


def take_rows(values: DeviceArray, order: DeviceArray, start: int, count: int) -> DeviceArray:
    """values[order[start : start + count]] for device arrays.

    `values` is (n, ...) of a 4-byte type, `order` int32 in [0, n), trusted: it comes from the training
    loop's own shuffling.
    """
    device = current_device()
    row_size = math.prod(values.shape[1:])
    out = empty((count, *values.shape[1:]), values.dtype)
    if out.size:
        run = kernel(device, "training", "take_rows")
        launch(device, run, (row_size, count), LOCAL_2D, values, order, out, start, count, row_size)
    return out
