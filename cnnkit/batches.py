"""Shuffled mini-batches, and the logbook of what each came to; both on the device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .array import DeviceArray, to_device, to_host, zeros
from .device import current_device
from .errors import OutOfMemoryError
from .kernel import kernel, launch
from .ops.rows import take_rows

ITEMS = 16  # of `record_step`


class Batches:
    """Shuffled mini-batches: picked on the device when the set fits there easily, else on the host."""

    def __init__(self, inputs: np.ndarray, targets: np.ndarray, batch_size: int, seed: int) -> None:
        device = current_device()
        self.size, self.seed, self.count = batch_size, seed, len(inputs)
        limit = min(device.memory_bytes // 4, device.max_allocation_bytes)
        self.on_device = inputs.nbytes + targets.nbytes <= limit and inputs.size < 2**31
        self.inputs: Any = inputs
        self.targets: Any = targets
        if self.on_device:
            try:
                self.inputs, self.targets = to_device(inputs), to_device(targets, "labels", targets.dtype)
            except OutOfMemoryError:  # others use the device, too
                self.on_device, self.inputs, self.targets = False, inputs, targets

    def of_epoch(self, epoch: int) -> Iterator[tuple[DeviceArray, DeviceArray]]:
        """All batches of an epoch; the order depends on seed and epoch alone."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.count).astype(np.int32)
        order_on_device = to_device(order, "order", np.int32) if self.on_device else None
        for start in range(0, self.count, self.size):
            stop = min(start + self.size, self.count)
            if self.on_device:
                yield (
                    take_rows(self.inputs, order_on_device, start, stop - start),
                    take_rows(self.targets, order_on_device, start, stop - start),
                )
            else:
                chosen = order[start:stop]
                yield to_device(self.inputs[chosen]), to_device(self.targets[chosen], "y", self.targets.dtype)


class Logbook:
    """An epoch's losses and hits, on the device until somebody looks."""

    def __init__(self, steps: int) -> None:
        self.losses, self.hits = zeros((steps,)), zeros((steps,), np.int32)
        self.halt = zeros((1,), np.int32)  # not 0 once a loss was not finite: freezes the weights
        self.none = zeros((1,), np.int32)
        self.sizes: list[int] = []
        self.counts_hits = False
        self.broken_step: int | None = None

    @property
    def images(self) -> int:
        return sum(self.sizes)

    def record(self, index: int, values: DeviceArray, hits: DeviceArray | None, size: int) -> None:
        """Note a step of `size` images: its loss is the mean of `values`, its hits the sum of `hits`."""
        device = current_device()
        self.counts_hits = hits is not None
        self.sizes.append(size)
        run = kernel(device, "training", "record_step")
        arrays = (values, self.none if hits is None else hits, self.losses, self.hits, self.halt)
        count, hit_count = values.size, 0 if hits is None else hits.size
        launch(device, run, (ITEMS,), (ITEMS,), *arrays, index, count, hit_count, 1.0 / count)

    def read(self) -> dict[str, float]:
        """Mean loss and accuracy so far; waits for the device."""
        sizes = np.array(self.sizes)
        losses = to_host(self.losses)[: len(sizes)].astype(np.float64)
        broken = np.flatnonzero(~np.isfinite(losses))
        if broken.size:
            self.broken_step = int(broken[0])
        values = {"loss": float((losses * sizes).sum() / sizes.sum())}
        if self.counts_hits:
            values["accuracy"] = float(to_host(self.hits)[: len(sizes)].sum() / sizes.sum())
        return values
