"""One photograph through filter, ReLU and pooling: what a slider of the course waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import ops
from ..array import to_device
from .convolutions import random_arrays
from .peers import expect_close, find_torch
from .shapes import PHOTO
from .timing import Timing, interleave, speedup


@dataclass(frozen=True)
class PipelineResult:
    """Seconds for a 300x300 photograph through a 3x3 filter, ReLU and 2x2 max-pooling, warm.

    The photograph and the filter are on the device; the result is fetched to the computer's memory.
    """

    ours: Timing
    torch: Timing | None = None
    to_torch: float | None = None


def measure_pipeline(seconds: float = 2.0) -> PipelineResult:
    """Time the pipeline for about `seconds`, beside PyTorch."""
    x, w, b, _ = random_arrays(PHOTO)
    photo, weights, bias = map(to_device, (x, w, b))

    def ours() -> Any:
        y = ops.conv2d(photo, weights, bias, padding=PHOTO.padding)
        return ops.max_pool2d(ops.relu(y), 2).get()

    calls = {"ours": ours}
    if (torch := find_torch()) is not None:
        calls["torch"] = _torch_pipeline(torch, *map(torch.from_numpy, (x, w, b)))
        expect_close("the photograph's pipeline", ours(), calls["torch"](), PHOTO.terms("forward"))
    times = interleave(calls, seconds)
    if torch is None:
        return PipelineResult(times["ours"])
    return PipelineResult(times["ours"], times["torch"], speedup(times["ours"], times["torch"]))


def _torch_pipeline(torch: Any, photo: Any, weights: Any, bias: Any) -> Any:
    functional = torch.nn.functional

    def run() -> Any:
        with torch.no_grad():
            y = functional.conv2d(photo, weights, bias, padding=PHOTO.padding)
            return functional.max_pool2d(functional.relu(y), 2).numpy()

    return run
