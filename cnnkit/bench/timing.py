"""Timing several ways of computing the same thing, fairly, on a machine that is not quiet.

Two programs that are timed one after the other are timed on two machines: the clock speed moves, other
processes come and go. So all candidates take turns, in a new order each round, and a ratio is taken within
each round, where both saw the same machine; the median over the rounds is then reported.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from statistics import median, quantiles

import numpy as np

SETTLE = 0.01  # seconds
BLOCK = 0.008  # seconds
LONG = 0.05  # seconds
LEAST_ROUNDS = 5


@dataclass(frozen=True)
class Timing:
    """How long one call takes, in seconds: the median and both quartiles of its rounds.

    `runs` is the number of timed calls. `rounds` holds each round's seconds per call and is kept in memory
    only: reports store what is derived from it.
    """

    median: float
    lower: float
    upper: float
    runs: int
    rounds: tuple[float, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def of(cls, rounds: list[float], calls: int = 1) -> Timing:
        """From each round's seconds per call, when a round makes `calls` calls."""
        quartiles = quantiles(rounds, n=4, method="inclusive") if len(rounds) > 1 else rounds * 3
        return cls(median(rounds), quartiles[0], quartiles[2], len(rounds) * calls, tuple(rounds))

    @property
    def best(self) -> float:
        """Seconds of the fastest round: what the machine can do when nothing else runs."""
        return min(self.rounds)

    def per(self, parts: int) -> Timing:
        """The time of one of `parts` equal parts of a call: a step, where a call makes ten."""
        rounds = tuple(seconds / parts for seconds in self.rounds)
        return Timing(self.median / parts, self.lower / parts, self.upper / parts, self.runs * parts, rounds)


def interleave(
    candidates: dict[str, Callable[[], object]],
    seconds: float,
    *,
    finish: Callable[[], object] = lambda: None,
    seed: int = 0,
    settle: float = SETTLE,
    clock: Callable[[], float] = time.perf_counter,
    pause: Callable[[float], object] = time.sleep,
) -> dict[str, Timing]:
    """Time every candidate for about `seconds` in all, by turns.

    Each candidate is a call; `finish` waits until everything that was called is done, once at the end of each
    turn and within its time, as a network's layers follow each other without waiting. (Where the delay of a
    single result matters, let the call itself wait.) Each is warmed up; then come rounds, in each of which
    every candidate has one turn, in an order drawn from `seed`, until the time is up (and at least 5
    rounds). A turn is

    - a pause of `settle` seconds (0 for none): the threads of OpenMP, which PyTorch computes with, keep a
      core busy for some milliseconds after their work is done, at the cost of whoever comes next;
    - one call that is not timed, which brings the candidate's own data back into the caches (spared where a
      call takes more than 50 ms, of which that is no part worth speaking of);
    - as many timed calls as fill 8 ms, at least one, and `finish`; the turn's result is their mean.
    """
    _recycle_memory()
    usual = {name: _warm_up(call, finish, clock) for name, call in candidates.items()}
    calls = {name: max(1, min(1000, round(BLOCK / max(usual[name], 1e-9)))) for name in candidates}
    rounds: dict[str, list[float]] = {name: [] for name in candidates}
    order, rng, start = list(candidates), random.Random(seed), clock()
    while clock() - start < seconds or len(rounds[order[0]]) < LEAST_ROUNDS:
        rng.shuffle(order)
        for name in order:
            if settle and len(order) > 1:
                pause(settle)
            if usual[name] < LONG:
                candidates[name]()
                finish()
            rounds[name].append(_mean(candidates[name], calls[name], finish, clock))
    return {name: Timing.of(rounds[name], calls[name]) for name in candidates}


@cache
def _recycle_memory() -> None:
    """Bring this process's memory into the state of one that has worked for a while.

    Until it has once freed something large, the C library on Linux takes fresh pages from the system for
    every large result, which makes PyTorch two to three times slower on some shapes. (cnnkit's own pool
    keeps its buffers anyhow.)
    """
    np.ones(31 << 20, np.uint8)


def _warm_up(call: Callable[[], object], finish: Callable[[], object], clock: Callable[[], float]) -> float:
    """Call until compiled and settled; the seconds of a call by then."""
    call()
    finish()
    seconds = _mean(call, 1, finish, clock)
    return seconds if seconds > LONG else min(seconds, _mean(call, 1, finish, clock))


def _mean(
    call: Callable[[], object], calls: int, finish: Callable[[], object], clock: Callable[[], float]
) -> float:
    """Seconds per call."""
    start = clock()
    for _ in range(calls):
        call()
    finish()
    return (clock() - start) / calls


def speedup(ours: Timing, theirs: Timing) -> float:
    """How many times faster `ours` is than `theirs`: the median of their rounds' ratios.

    Both must come from one `interleave`: the ratio is taken round by round, so that a slow second of the
    machine counts for both or for neither.
    """
    return median(b / a for a, b in zip(ours.rounds, theirs.rounds, strict=True))
