"""Run an instrumented kernel and keep what it noted: which work-item read which place of a buffer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...array import empty, to_device
from ...counting import instrument
from ...device import Device, current_device
from ...errors import CnnkitError
from ...kernel import BuildError, Kernel, compile_source, launch
from .words import grouped

MOST_READS = 1 << 20  # noted one by one, in 8 MiB; a picture of more could not be taken in anyway

Size = tuple[int, int, int]


@dataclass(frozen=True)
class ReadLog:
    """What the work-items of one launch read of one buffer.

    items, places (n,): who read what, one entry for every read inside of the buffer, in rising order; a
    work-item's number is (z * height + y) * width + x in the `global_size` (width, height, depth).
    outside: reads beyond the buffer's ends; local_reads, local_writes: of local memory.
    """

    items: np.ndarray
    places: np.ndarray
    outside: int
    local_reads: int
    local_writes: int
    global_size: Size
    local_size: Size

    @property
    def total(self) -> int:
        """Reads inside of the buffer."""
        return len(self.items)

    def of_item(self, item: int) -> np.ndarray:
        """The places that one work-item read, in rising order."""
        first, last = np.searchsorted(self.items, [item, item + 1])
        return self.places[first:last]

    def of_group(self, item: int) -> np.ndarray:
        """The places that all work-items of this one's work-group read, each as often as it was read."""
        return self.places[self._group_of_each == self._group(np.array(item))]

    def readers(self, place: int) -> np.ndarray:
        """The work-items that read one place, in rising order, each as often as it did."""
        return self.items[self.places == place]

    def per_place(self, shape: tuple[int, ...]) -> np.ndarray:
        """How often each place of the buffer was read, as an int array of the buffer's `shape`."""
        return np.bincount(self.places, minlength=math.prod(shape)).reshape(shape)

    def per_item(self) -> np.ndarray:
        """How many reads each work-item made, as an int array (depth, height, width)."""
        return np.bincount(self.items, minlength=math.prod(self.global_size)).reshape(self.global_size[::-1])

    @cached_property
    def _group_of_each(self) -> np.ndarray:
        return self._group(self.items)

    def _group(self, items: np.ndarray) -> np.ndarray:
        """The number of each work-item's work-group."""
        width, height, _ = self.global_size
        places = items % width, items // width % height, items // (width * height)
        x, y, z = (at // size for at, size in zip(places, self.local_size, strict=True))
        return (z * (height // self.local_size[1]) + y) * (width // self.local_size[0]) + x


def count_reads(
    source: str,
    function: str,
    global_size: Size,
    local_size: Size,
    *args: Any,
    buffer: Any,
    name: str = "x",
    most: int = MOST_READS,
    macros: dict[str, Any] | None = None,
) -> ReadLog:
    """Launch the kernel `function` of `source` with `args`, as `cnnkit.kernel.launch` does, and count.

    buffer: the device array that `args` has for the parameter `name`, whose reads are counted; macros as for
    `cnnkit.kernel.compile_source`. Results land in the arrays of `args`, as without counting.

    Raises CnnkitError when the kernel cannot be counted, or reads more often than `most`.
    """
    device = current_device()
    kernel = _counting_kernel(device, source, function, name, macros or {})
    counts, pairs = to_device(np.zeros(3), "counts", np.int32), empty((most, 2), np.int32, device)
    launch(device, kernel, global_size, local_size, *args, counts, pairs, most)
    reads, local_reads, local_writes = (int(count) for count in counts.get())
    if reads > most:
        raise CnnkitError(
            f"The kernel {function!r} reads {name!r} {grouped(reads)} times here, and at most "
            f"{grouped(most)} reads are noted one by one: choose a smaller image, a smaller filter or "
            "a larger stride."
        )
    noted = pairs[:reads].get().astype(np.int64) if reads else np.zeros((0, 2), np.int64)
    inside = (noted[:, 1] >= 0) & (noted[:, 1] < buffer.size)
    # The order in which parallel work-items noted their reads is another at every run: sort by both numbers.
    order = np.sort(noted[inside, 0] * buffer.size + noted[inside, 1])
    items, places = np.divmod(order, buffer.size)
    whole = tuple(-(-g // s) * s for g, s in zip(global_size, local_size, strict=True))
    return ReadLog(
        items,
        places,
        int((~inside).sum()),
        local_reads,
        local_writes,
        (whole[0], whole[1], whole[2]),
        local_size,
    )


def _counting_kernel(device: Device, source: str, function: str, name: str, macros: dict[str, Any]) -> Kernel:
    """The instrumented kernel, built once per device: kept where the device keeps its other kernels."""
    key = ("counting", source, function, name, *macros.items())
    kept = device.kernels.get(key)
    if kept is None:
        text = instrument(source, function, name)
        try:
            kept = compile_source(text, function, device, CHUNK=device.chunk, **macros)
        except BuildError as error:  # with the learner's own line, not that of the counting text
            raise BuildError(function, macros, source, error.log) from None
        device.kernels[key] = kept
    return kept
