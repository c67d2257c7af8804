"""Does the cost grow as the work grows? Time per FLOP as batch, channels and image are doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..device import current_device
from .convolutions import our_calls, random_arrays
from .shapes import DIRECTIONS, ConvCase, Direction
from .timing import Timing, interleave, speedup

START = ConvCase(16, 8, 14, 16, 3)
DOUBLINGS = 3


@dataclass(frozen=True)
class GrowthRow:
    """One size: seconds per call, and `change`, its time per FLOP over that of the size before it.

    `grows` says what was doubled: "batch", "channels" (of input and output) or "image" (both sides). A
    `change` above 1 means that more work became less efficient; the first size has None.
    """

    grows: str
    direction: Direction
    case: ConvCase
    flops: int
    ours: Timing
    change: float | None = None

    @property
    def ps_per_flop(self) -> float:
        """Picoseconds per floating-point operation; 1000 divided by it is GFLOP/s."""
        return self.ours.median / self.flops * 1e12


def grown(case: ConvCase, grows: str, times: int) -> ConvCase:
    """`case` with its batch, channels or image doubled `times` times."""
    factor = 2**times
    match grows:
        case "batch":
            return replace(case, N=case.N * factor)
        case "channels":
            return replace(case, C=case.C * factor, K=case.K * factor)
    return replace(case, H=case.H * factor)


def measure_growth(
    seconds: float = 1.0,
    *,
    start: ConvCase = START,
    doublings: int = DOUBLINGS,
    directions: Iterable[Direction] = DIRECTIONS,
    progress: Callable[[str], object] = lambda line: None,
) -> list[GrowthRow]:
    """Time cnnkit's convolution at each size, for about `seconds` per kind of growth and direction.

    All sizes of a row of doublings take turns, so that a change is one of the size, not of the machine.
    """
    rows = []
    for grows in ("batch", "channels", "image"):
        sizes = [grown(start, grows, i) for i in range(doublings + 1)]
        for direction in directions:
            progress(f"growth of the {grows}, {direction}")
            calls = {str(size): _call(size, direction) for size in sizes}
            times = interleave(calls, seconds, finish=current_device().finish, settle=0)
            rows += _rows(grows, direction, sizes, [times[str(size)] for size in sizes])
    return rows


def _call(case: ConvCase, direction: Direction) -> Callable[[], Any]:
    call = our_calls(case, random_arrays(case))[direction]
    return lambda: call(None)


def _rows(grows: str, direction: Direction, sizes: list[ConvCase], times: list[Timing]) -> list[GrowthRow]:
    rows: list[GrowthRow] = []
    for size, timing in zip(sizes, times, strict=True):
        change = None
        if rows:
            change = speedup(rows[-1].ours, timing) / (size.flops / rows[-1].flops)
        rows.append(GrowthRow(grows, direction, size, size.flops, timing, change))
    return rows
