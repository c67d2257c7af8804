"""One benchmark run: the parts that were asked for, in order, as one Report."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path

from ..errors import CnnkitError
from .ceilings import better, measure_ceilings
from .convolutions import measure_convolutions
from .growth import GrowthRow, measure_growth
from .machine import OtherPrograms, busy_cores, describe_machine
from .memory import measure_memory
from .pipeline import measure_pipeline
from .report import Report
from .shapes import cases
from .startup import measure_startup
from .steps import measure_steps
from .targets import NOTICEABLE
from .time_to import measure_time_to

PARTS = ("ceilings", "convolutions", "steps", "pipeline", "growth", "startup", "memory", "time_to")

Progress = Callable[[str], object]


def run_benchmark(
    parts: Collection[str] | None = None,
    *,
    quick: bool = False,
    variants: bool = False,
    mnist: str | Path | None = None,
    progress: Progress = lambda line: None,
) -> Report:
    """Measure the named parts of PARTS (all without) on the current device.

    `quick` stays under a minute on an idle computer with warm compile caches: stride 1 alone, fewer rounds,
    100 steps in place of 10 000 for the memory, growth of the forward pass alone, and no `time_to`, which
    trains for minutes. `mnist` names the folder that `time_to` reads. `progress` is told what comes next.
    Why a part was not run, or failed, is in the report's `skipped` and `failed`; the others go on.
    """
    wanted = list(PARTS) if parts is None else [part for part in PARTS if part in parts]
    unknown = [part for part in parts or () if part not in PARTS]
    if unknown:
        raise CnnkitError(f"There is no part {unknown[0]!r} of the benchmark; there are: {', '.join(PARTS)}.")
    if "convolutions" in wanted and "ceilings" not in wanted:
        wanted.insert(0, "ceilings")  # what the percentages are of
    report = Report(describe_machine(), date.today().isoformat(), quick)
    if (busy := busy_cores()) is not None and busy > NOTICEABLE:
        progress(f"Other programs keep {busy:.1f} cores busy: times and ratios will be off.")
    others = OtherPrograms()
    for part in wanted:
        if (reason := _why_not(part, quick, mnist)) is not None:
            report.skipped[part] = reason
            continue
        progress(part)
        try:
            _measure(report, part, quick, variants, mnist, progress)
        except CnnkitError as error:
            report.failed[part] = str(error)
    report.busy = others.cores()
    return report


def _why_not(part: str, quick: bool, mnist: str | Path | None) -> str | None:
    if part == "time_to" and mnist is None:
        return "it needs the folder of MNIST's files: --mnist FOLDER"
    return "it trains for minutes, which is not quick" if part == "time_to" and quick else None


def _measure(
    report: Report, part: str, quick: bool, variants: bool, mnist: str | Path | None, progress: Progress
) -> None:
    """Fill one part of the report."""
    match part:
        case "ceilings":
            report.ceilings = measure_ceilings(1.0 if quick else 5.0)
        case "convolutions":
            seconds = 0.3 if quick else 3.0
            report.convolutions = measure_convolutions(
                cases(quick), seconds, variants=variants, progress=progress
            )
            # Once more: the machine may have become quieter, or a processor faster, since the first time.
            report.ceilings = better(report.ceilings, measure_ceilings(0.5 if quick else 5.0))
        case "steps":
            report.steps = measure_steps(1.0 if quick else 15.0, progress=progress)
        case "pipeline":
            report.pipeline = measure_pipeline(0.5 if quick else 3.0)
        case "growth":
            report.growth = _growth(quick, progress)
        case "startup":
            report.startup = measure_startup(2, 1) if quick else measure_startup()
        case "memory":
            report.memory = measure_memory(100 if quick else 10_000, progress=progress)
        case "time_to":
            assert mnist is not None
            report.time_to = measure_time_to(mnist, progress=progress)


def _growth(quick: bool, progress: Progress) -> list[GrowthRow]:
    if quick:
        return measure_growth(0.3, doublings=2, directions=("forward",), progress=progress)
    return measure_growth(2.0, progress=progress)
