"""How a learner's kernel is to be run: its arguments, its range, the work-groups to try."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class In:
    """A buffer that the kernel reads and must leave as it is."""

    array: np.ndarray


@dataclass(frozen=True)
class Out:
    """A buffer that the kernel must fill: poisoned before every run."""

    shape: tuple[int, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class InOut:
    """A buffer that the kernel changes in place; it counts as an output."""

    array: np.ndarray


@dataclass(frozen=True)
class Local:
    """`__local` memory of a work-group: `numbers_per_item` numbers for each of its items, and `more`."""

    numbers_per_item: int = 1
    more: int = 0
    dtype: str = "float32"


@dataclass(frozen=True)
class Reads:
    """How often a kernel may read one of its inputs from global memory: counted while it runs, never timed.

    of: the input's place among the arguments. most: how many reads are enough, for each local size.
    """

    of: int
    most: tuple[int, ...]


@dataclass(frozen=True)
class Launch:
    """One launch of a kernel.

    arguments: in the kernel's order: `In`, `Out`, `InOut`, `Local`; an int becomes its `int`, a float its
    `float`. size: the work-items that have something to do, in each dimension; it is rounded up to
    whole work-groups, so that some have nothing to do, as in real launches. local_sizes: work-groups to
    try, each with the same right result. reads: where reads are counted, which and how many are enough.
    """

    arguments: tuple[Any, ...]
    size: tuple[int, ...]
    local_sizes: tuple[tuple[int, ...], ...]
    reads: Reads | None = None

    def rounded(self, local: tuple[int, ...]) -> tuple[int, ...]:
        """The global size for work-groups of `local`."""
        return tuple(-(-n // group) * group for n, group in zip(self.size, local, strict=True))

    def items(self) -> int:
        """How many work-items have something to do: the size of a case, for choosing the smallest."""
        return math.prod(self.size)
