"""What cnnkit means to reach on a CPU, and whether a report shows it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .report import Report

NOTICEABLE = 0.1  # of a core, in other programs' use: from here on, numbers are no verdict
NO_RISE = 1.1  # time per FLOP may differ by a tenth between two sizes before it counts as a rise


@dataclass(frozen=True)
class Verdict:
    """One target: what is asked, what was measured, and whether that meets it."""

    part: str
    asked: str
    measured: str
    met: bool


def geometric_mean(values: Iterable[float]) -> float:
    """The mean of ratios: the n-th root of their product; NaN of none."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


def verdicts(report: Report) -> list[Verdict]:
    """Every target that the report's parts can be held against."""
    return [
        *_convolutions(report),
        *_training(report),
        *_waiting(report),
        *_memory(report),
        *_growth(report),
    ]


def _convolutions(report: Report) -> Iterator[Verdict]:
    rows, part = report.convolutions, "convolutions"
    ratios = [row.to_torch for row in rows if row.to_torch is not None]
    if ratios:
        mean, least = geometric_mean(ratios), min(ratios)
        asked = "geometric mean at least 1.0 x PyTorch"
        yield Verdict(part, asked, f"{mean:.2f} x", mean >= 1.0)
        yield Verdict(part, "no shape under 0.7 x PyTorch", f"lowest {least:.2f} x", least >= 0.7)
    if rows and report.ceilings is not None:
        share = max(row.gflops for row in rows) / report.ceilings.gflops
        asked = "best shape at least 75 % of the arithmetic ceiling"
        yield Verdict(part, asked, f"{share:.0%}", share >= 0.75)


def _training(report: Report) -> Iterator[Verdict]:
    ratios = [row.to_torch for row in report.steps if row.to_torch is not None]
    if ratios:
        asked = "training steps at least 2 x PyTorch's images per second"
        yield Verdict("steps", asked, f"lowest {min(ratios):.2f} x", min(ratios) >= 2.0)
    times = report.time_to
    if times is not None and times.torch is not None:
        reached = times.ours.accuracy >= times.goal
        measured = f"{times.ours.seconds:.1f} s against {times.torch.seconds:.1f} s"
        asked = f"{times.goal:.0%} on MNIST sooner than PyTorch"
        yield Verdict("time_to", asked, measured, reached and times.ours.seconds < times.torch.seconds)


def _waiting(report: Report) -> Iterator[Verdict]:
    if report.pipeline is not None:
        ms = report.pipeline.ours.median * 1e3
        yield Verdict("pipeline", "a photograph in under 1 ms", f"{ms:.2f} ms", ms < 1.0)
    if report.startup is not None:
        for asked, seconds, limit in (
            ("import in under 0.5 s", report.startup.imported, 0.5),
            ("a new machine compiles in under 10 s", report.startup.cold, 10.0),
            ("with warm caches in under 0.5 s", report.startup.warm, 0.5),
        ):
            yield Verdict("startup", asked, f"{seconds:.2f} s", seconds < limit)


def _memory(report: Report) -> Iterator[Verdict]:
    if report.memory:
        factor = max(row.factor for row in report.memory)
        more = max(row.late - row.early for row in report.memory)
        steps = max(row.steps for row in report.memory)
        yield Verdict("memory", f"flat over {steps} steps", f"{more} bytes more", more <= 0)
        asked = "at most 1.3 x activations, gradients, parameters"
        yield Verdict("memory", asked, f"highest {factor:.2f} x", factor <= 1.3)


def _growth(report: Report) -> Iterator[Verdict]:
    changes = [row.change for row in report.growth if row.change is not None]
    if changes:
        asked = f"time per FLOP does not rise with the work (by {NO_RISE - 1:.0%} at most)"
        yield Verdict("growth", asked, f"highest {max(changes):.2f} x", max(changes) <= NO_RISE)
