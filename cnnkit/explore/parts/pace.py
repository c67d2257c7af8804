"""How often something may be done beside a work that it must not hold up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Pace:
    """At most once in `every` seconds, and for at most the `share` (0 to 1) of all time.

    What took c seconds is followed by a rest of c / share - c seconds, so the bound holds on any machine,
    however slow the drawing and however busy its processors. The clock is the wall's.
    """

    def __init__(self, every: float, share: float) -> None:
        self.every, self.share = every, share
        self._next = 0.0

    def due(self) -> bool:
        """Whether it may be done now."""
        return time.perf_counter() >= self._next

    def hurry(self) -> None:
        """Let it be done at once the next time that somebody asks."""
        self._next = 0.0

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Around the doing: how long it takes decides when it is due again."""
        started = time.perf_counter()
        try:
            yield
        finally:
            ended = time.perf_counter()
            rest = (ended - started) * (1 / self.share - 1)
            self._next = max(started + self.every, ended + rest)
