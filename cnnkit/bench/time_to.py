"""From pressing Enter to 99 % on MNIST: start-up, compilation, loading and training, beside PyTorch."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..data.mnist import MNIST
from ..errors import DataError
from .child import fresh_caches, on_this_device, run_child
from .peers import find_torch

GOAL = 0.99
LIMIT = 10_000  # steps: about ten epochs, after which a run is given up


@dataclass(frozen=True)
class Learned:
    """One library: seconds from its process's start to its end, and the steps and accuracy by then."""

    seconds: float
    steps: int
    accuracy: float


@dataclass(frozen=True)
class TimeToResult:
    """Both libraries with the same network, optimizer and exams (every 200 steps), each in a fresh process.

    cnnkit starts with empty compile caches. The first weights and the order of the images are drawn by
    each library, so the number of steps is luck to some degree; it is told beside the time.
    """

    goal: float
    ours: Learned
    torch: Learned | None = None


def measure_time_to(
    folder: str | Path,
    *,
    goal: float = GOAL,
    limit: int = LIMIT,
    progress: Callable[[str], object] = lambda line: None,
) -> TimeToResult:
    """Time cnnkit, then PyTorch where it is installed, with the four MNIST files of `folder`.

    Raises DataError when one of the files is missing.
    """
    place = mnist_folder(folder)
    numbers = [str(place), str(goal), str(limit)]
    progress(f"time to {goal:.0%} on MNIST, cnnkit")
    with tempfile.TemporaryDirectory(prefix="cnnkit-bench-") as empty:
        variables = on_this_device() | fresh_caches(Path(empty))
        ours = _learned(["-m", "cnnkit.bench.learner_ours", *numbers], variables, "Training with cnnkit")
    if find_torch() is None:
        return TimeToResult(goal, ours)
    progress(f"time to {goal:.0%} on MNIST, PyTorch")
    script = str(Path(__file__).with_name("learner_torch.py"))
    return TimeToResult(goal, ours, _learned([script, *numbers], {}, "Training with PyTorch"))


def mnist_folder(folder: str | Path) -> Path:
    """`folder`, or its subfolder "mnist": the one that holds all four files."""
    names = [name.removesuffix(".gz") for name in MNIST.md5]
    for place in (Path(folder) / MNIST.folder, Path(folder)):
        if all((place / name).is_file() or (place / f"{name}.gz").is_file() for name in names):
            return place
    raise DataError(f"{folder} does not hold MNIST's four files: {', '.join(MNIST.md5)}.")


def _learned(arguments: list[str], variables: dict[str, str], what: str) -> Learned:
    line, seconds = run_child(arguments, variables, what)
    steps, accuracy = line.split()
    return Learned(seconds, int(steps), float(accuracy))
