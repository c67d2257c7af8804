"""What this device can do at most: arithmetic in GFLOP/s and memory traffic in GB/s, measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..array import empty, zeros
from ..device import Device, current_device
from ..errors import CnnkitError
from ..kernel import kernel, launch
from .timing import Timing, interleave

TRIAD_BYTES = 64 << 20  # of each of the three arrays: well above the last cache of common machines


@dataclass(frozen=True)
class Ceilings:
    """The best that the device showed, of all rounds: a ceiling is not a median.

    `gflops`: multiply-adds in registers, 10^9 floating-point operations per second, a multiply-add being
    two. `gbytes`: 10^9 bytes per second read and written by a[i] = b[i] + s*c[i].
    """

    gflops: float
    gbytes: float
    fma: Timing
    triad: Timing


def better(a: Ceilings | None, b: Ceilings) -> Ceilings:
    """The higher of two measurements of each ceiling."""
    if a is None:
        return b
    by_fma, by_triad = max(a, b, key=lambda c: c.gflops), max(a, b, key=lambda c: c.gbytes)
    return Ceilings(by_fma.gflops, by_triad.gbytes, by_fma.fma, by_triad.triad)


@dataclass(frozen=True)
class FmaPlan:
    """How the arithmetic kernel is launched: macros, work-items, local size and iterations."""

    vector: int
    accumulators: int
    items: int
    local: int
    iterations: int

    @property
    def flops(self) -> int:
        """Floating-point operations of one launch."""
        return 2 * self.vector * self.accumulators * self.iterations * self.items


def fma_plan(device: Device) -> FmaPlan:
    """On a CPU a work-item is a loop on a core; elsewhere many items in step fill the vector units."""
    if device.kind in ("CPU", "simulator"):
        # Below 65 535 iterations, where one driver (rusticl) ends any loop.
        return FmaPlan(8, 12, 64 * -(-device.compute_units // 64), 1, 50_000)
    return FmaPlan(4, 4, device.compute_units * 2048, 64, 4096)


def measure_ceilings(seconds: float = 2.0) -> Ceilings:
    """Measure both ceilings of the current device, for about `seconds`."""
    device = current_device()
    plan = fma_plan(device)
    count = min(TRIAD_BYTES, device.max_allocation_bytes // 2, device.memory_bytes // 8) // (4 * plan.vector)
    out = empty((plan.items * plan.vector,))
    a, b, c = empty((count * plan.vector,)), zeros((count * plan.vector,)), zeros((count * plan.vector,))
    macros = {"VECTOR": plan.vector, "ACCUMULATORS": plan.accumulators}
    multiply_add = kernel(device, "bench", "fma_ceiling", **macros)
    triad = kernel(device, "bench", "triad_ceiling", **macros)

    def compute() -> None:
        launch(device, multiply_add, (plan.items,), (plan.local,), out, 1.0, 1.0, plan.iterations)
        device.finish()

    def move() -> None:
        launch(device, triad, (count,), (64,), a, b, c, 3.0, count)
        device.finish()

    timings = interleave({"fma": compute, "triad": move}, seconds, settle=0)
    expected = plan.accumulators * plan.iterations + math.comb(plan.accumulators, 2)
    if (out.get() != expected).any():
        raise CnnkitError(
            f"{device.name} ended the loop of the arithmetic ceiling early: each sum must be {expected}, "
            f"and one is {out.get().min():.0f}, so its time says nothing."
        )
    fma, moved = timings["fma"], 3 * count * 4 * plan.vector
    return Ceilings(plan.flops / fma.best / 1e9, moved / timings["triad"].best / 1e9, fma, timings["triad"])
