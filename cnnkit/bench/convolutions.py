"""Convolution, forward and backward, beside PyTorch and NumPy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..array import to_device
from ..device import current_device
from ..errors import CnnkitError
from ..ops import conv
from ..ops.conv_shape import conv2d_shape
from ..ops.variants import VARIANTS
from .peers import expect_close, find_torch, numpy_convolution
from .shapes import DIRECTIONS, ConvCase, Direction, cases
from .timing import Timing, interleave, speedup

BLAS_SETTLE = 0.04  # seconds
SLOW = 0.1  # seconds: what takes longer in one call, and is only shown for comparison, is called once

Call = Callable[[], Any]


@dataclass(frozen=True)
class ConvolutionResult:
    """One shape in one direction: what each library takes.

    `ours`, `torch` and `numpy` are times of a call, in seconds; NumPy's is of the forward pass alone.
    `to_torch` and `to_numpy` say how many times faster cnnkit is (round by round, see `timing.speedup`),
    `best_to_torch` the same of the fastest rounds: far from `to_torch`, the machine was not quiet.
    `variants` holds the times of kernels that were asked for by name.
    """

    case: ConvCase
    direction: Direction
    flops: int
    bytes: int
    ours: Timing
    torch: Timing | None = None
    numpy: Timing | None = None
    to_torch: float | None = None
    best_to_torch: float | None = None
    to_numpy: float | None = None
    variants: dict[str, Timing] = field(default_factory=dict)

    @property
    def gflops(self) -> float:
        """10^9 floating-point operations per second of ours."""
        return self.flops / self.ours.median / 1e9


def measure_convolutions(
    shapes: Iterable[ConvCase] | None = None,
    seconds: float = 1.0,
    *,
    directions: Iterable[Direction] = DIRECTIONS,
    variants: bool = False,
    progress: Callable[[str], object] = lambda line: None,
) -> list[ConvolutionResult]:
    """Time each shape in each direction, for about `seconds` each, beside the other libraries.

    Padding, packing and changes of layout are in our time: what is timed is the library's own function.
    With `variants`, also every kernel that `cnnkit.ops.variants` knows by name.
    """
    results = []
    for case in cases() if shapes is None else shapes:
        for direction in directions:
            progress(f"{case} {direction}")
            results.append(measure_one(case, direction, seconds, variants))
    return results


def measure_one(
    case: ConvCase, direction: Direction, seconds: float, variants: bool = False
) -> ConvolutionResult:
    """One shape in one direction; first, all must agree on the result."""
    arrays = random_arrays(case)
    call = our_calls(case, arrays)[direction]
    candidates: dict[str, Call] = {"ours": lambda: call(None)}
    if (torch := find_torch()) is not None:
        candidates["torch"] = torch_calls(torch, case, arrays)[direction]
        what = f"{case} {direction}, PyTorch"
        expect_close(what, call(None), candidates["torch"](), case.terms(direction))
    named, slow = _variants(call, direction) if variants else ({}, {})
    times = interleave(candidates | named, seconds, finish=current_device().finish)
    ours, theirs = times["ours"], times.get("torch")
    numpy, to_numpy = (
        _beside_numpy(case, arrays, call, seconds / 2) if direction == "forward" else (None, None)
    )
    return ConvolutionResult(
        case,
        direction,
        case.flops,
        case.bytes,
        ours,
        theirs,
        numpy,
        None if theirs is None else speedup(ours, theirs),
        None if theirs is None else theirs.best / ours.best,
        to_numpy,
        {name: times[name] for name in named} | slow,
    )


def _beside_numpy(
    case: ConvCase, arrays: tuple[np.ndarray, ...], call: Callable[[str | None], Any], seconds: float
) -> tuple[Timing, float]:
    """NumPy's time, and how many times faster ours is.

    Apart from PyTorch: the threads of NumPy's OpenBLAS stay awake for about 30 ms after each product, and in
    one round with them PyTorch's were seen to take ten times as long as otherwise.
    """
    x, w, b, _ = arrays

    def theirs() -> np.ndarray:
        return numpy_convolution(x, w, b, case.stride, case.padding)

    expect_close(f"{case} forward, NumPy", call(None), theirs(), case.terms("forward"))
    ours, finish = lambda: call(None), current_device().finish
    if (once := _if_slow(theirs)) is not None:
        result = once, once.median / interleave({"ours": ours}, 0.1, finish=finish)["ours"].median
    else:
        times = interleave({"ours": ours, "numpy": theirs}, seconds, finish=finish, settle=BLAS_SETTLE)
        result = times["numpy"], speedup(times["ours"], times["numpy"])
    time.sleep(BLAS_SETTLE)
    return result


def _variants(
    call: Callable[[str | None], Any], direction: Direction
) -> tuple[dict[str, Call], dict[str, Timing]]:
    """The named kernels that take this shape: those to interleave, and slow ones' times."""
    quick: dict[str, Call] = {}
    slow: dict[str, Timing] = {}
    for name in VARIANTS[f"conv2d_{direction}"]:
        run = _variant_call(call, name)
        if not _works(run):
            continue
        if (once := _if_slow(run)) is not None:
            slow[name] = once
        else:
            quick[name] = run
    return quick, slow


def random_arrays(case: ConvCase) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, w, b and dy for a case; normal numbers, the same every time."""
    rng = np.random.default_rng(0)
    shapes = (case.x_shape, case.w_shape, (case.K,), case.y_shape)
    x, w, b, dy = (rng.standard_normal(shape, np.float32) for shape in shapes)
    return x, w, b, dy


def our_calls(case: ConvCase, arrays: tuple[np.ndarray, ...]) -> dict[str, Callable[[str | None], Any]]:
    """cnnkit's functions by direction; each takes the name of a variant or None and returns y, dx or dw.

    The one place that calls the library: inputs are on the device already, and results stay there.
    """
    x, w, b, dy = map(to_device, arrays)
    stride, padding = case.stride, case.padding
    shape = conv2d_shape(case.x_shape, case.w_shape, stride, padding, 1)
    return {
        "forward": lambda variant: conv.conv2d(x, w, b, stride, padding, variant=variant),
        "backward_data": lambda variant: conv.backward_data(dy, w, shape, variant),
        # dw, made together with db, which PyTorch is asked for too
        "backward_weight": lambda variant: conv.backward_weight(dy, x, shape, variant)[0],
    }


def torch_calls(torch: Any, case: ConvCase, arrays: tuple[np.ndarray, ...]) -> dict[str, Call]:
    """PyTorch's functions by direction, in its default layout, without recording gradients."""
    x, w, b, dy = map(torch.from_numpy, arrays)
    stride, padding = [case.stride] * 2, [case.padding] * 2

    def forward() -> Any:
        with torch.no_grad():
            return torch.nn.functional.conv2d(x, w, b, stride, padding)

    def backward(mask: list[bool]) -> tuple[Any, Any, Any]:
        return torch.ops.aten.convolution_backward(
            dy, x, w, [case.K], stride, padding, [1, 1], False, [0, 0], 1, mask
        )

    return {
        "forward": forward,
        "backward_data": lambda: backward([True, False, False])[0],
        "backward_weight": lambda: backward([False, True, True])[1],
    }


def _variant_call(call: Callable[[str | None], Any], variant: str) -> Call:
    return lambda: call(variant)


def _works(call: Call) -> bool:
    """Does this variant take this shape? Not every one takes them all."""
    try:
        call()
        current_device().finish()
    except CnnkitError:
        return False
    return True


def _if_slow(call: Call) -> Timing | None:
    """The time of the second call, if that took long; the first may compile."""
    device = current_device()
    call()
    device.finish()
    start = time.perf_counter()
    call()
    device.finish()
    took = time.perf_counter() - start
    return Timing.of([took]) if took > SLOW else None
