"""Measuring cnnkit: what `cnnkit bench` runs, as functions that a notebook can call too.

>>> from cnnkit.bench import measure_ceilings, measure_one, ConvCase
>>> ceilings = measure_ceilings(seconds=1)
>>> result = measure_one(ConvCase(N=32, C=16, H=28, K=32, R=3), "forward", seconds=1)
>>> f"{result.gflops / ceilings.gflops:.0%} of the ceiling, {result.to_torch:.2f} x PyTorch"

All times are in seconds unless a name says otherwise. `import cnnkit` does not load this package, and this
package loads PyTorch and matplotlib only when they are used.
"""

from .ceilings import Ceilings, measure_ceilings
from .convolutions import ConvolutionResult, measure_convolutions, measure_one
from .growth import GrowthRow, measure_growth
from .machine import Machine, describe_machine
from .memory import MemoryResult, measure_memory
from .peers import find_torch
from .pipeline import PipelineResult, measure_pipeline
from .report import Report, from_json, to_json
from .roofline import draw_roofline, save_roofline
from .run import PARTS, run_benchmark
from .shapes import DIRECTIONS, PHOTO, ConvCase, cases
from .startup import StartupResult, measure_startup
from .steps import Network, StepResult, measure_steps, networks
from .tables import as_markdown, as_text, tables
from .targets import Verdict, geometric_mean, verdicts
from .time_to import TimeToResult, measure_time_to
from .timing import Timing, interleave, speedup

__all__ = [
    "DIRECTIONS",
    "PARTS",
    "PHOTO",
    "Ceilings",
    "ConvCase",
    "ConvolutionResult",
    "GrowthRow",
    "Machine",
    "MemoryResult",
    "Network",
    "PipelineResult",
    "Report",
    "StartupResult",
    "StepResult",
    "TimeToResult",
    "Timing",
    "Verdict",
    "as_markdown",
    "as_text",
    "cases",
    "describe_machine",
    "draw_roofline",
    "find_torch",
    "from_json",
    "geometric_mean",
    "interleave",
    "measure_ceilings",
    "measure_convolutions",
    "measure_growth",
    "measure_memory",
    "measure_one",
    "measure_pipeline",
    "measure_startup",
    "measure_steps",
    "measure_time_to",
    "networks",
    "run_benchmark",
    "save_roofline",
    "speedup",
    "tables",
    "to_json",
    "verdicts",
]
