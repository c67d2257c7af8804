"""The stop button and Ctrl-C while `fit` runs: when an interrupt acts, and what it may not cut in two.

Python runs a signal's handler in the main thread, between any two of its instructions: elsewhere nothing
of this changes anything.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_latest: Interrupts | None = None  # of the fit that runs in the main thread; the innermost, if there are two


class Interrupts:
    """In a `with`: the first interrupt asks for an end, the next one raises KeyboardInterrupt at once.

    That is: within `acting`, and there after a `whole` if it came within one. What `fit` does around its
    `acting` (taking the model, giving it back) is therefore never cut in two.
    """

    def __init__(self) -> None:
        self.ask: Callable[[], None] = lambda: None  # how to ask for an end; nobody to ask at first
        self.asked = False
        self.due = False  # does a KeyboardInterrupt wait?
        self.held = 1
        self.here = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> Interrupts:
        global _latest
        if self.here:
            self.outer, _latest = _latest, self
            self.previous = signal.signal(signal.SIGINT, self._arrived)
        return self

    def __exit__(self, *error: object) -> None:
        global _latest
        if self.here:
            _latest = self.outer
            signal.signal(signal.SIGINT, self.previous)

    def _arrived(self, number: int, frame: Any) -> None:
        if not self.asked:
            self.asked = True
            self.ask()
        elif self.held:
            self.due = True
        else:
            raise KeyboardInterrupt

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Here a second interrupt may act between any two instructions."""
        self.held = 0
        try:
            yield
        finally:
            self.held = 1

    def let_go(self) -> None:
        """The end of a `whole`: what had to wait acts now."""
        self.held -= 1
        if self.due and not self.held:
            self.due = False
            raise KeyboardInterrupt


@contextmanager
def whole() -> Iterator[None]:
    """What is done here is done altogether before an interrupt of `fit` acts; keep it short."""
    interrupts = _latest if threading.current_thread() is threading.main_thread() else None
    if interrupts is None:
        yield
        return
    interrupts.held += 1
    try:
        yield
    finally:
        interrupts.let_go()
