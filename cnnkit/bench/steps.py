"""Whole training steps (forward, loss, backward, optimizer) of the course's classifiers, beside PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..array import DeviceArray, to_device
from ..batches import Logbook
from ..device import current_device
from ..errors import CnnkitError
from ..layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Shape
from ..losses import CrossEntropyLoss
from ..model import Sequential
from ..models import small_cnn
from ..optim import Adam
from ..train import train_step
from .peers import find_torch
from .timing import Timing, interleave, speedup
from .twin import torch_twin, without_dropout

BATCH = 64
BLOCK = 10  # steps between two waits for the device, as training makes them too
RATE = 1e-3
CLASSES = 10


@dataclass(frozen=True)
class Network:
    """A classifier of 10 classes to measure: its name, the shape (C, H, W) of one image, how it is made."""

    name: str
    image: Shape
    make: Callable[[], Sequential]


def networks() -> list[Network]:
    """The course's classifiers, and the issue's small one."""
    return [
        Network("digits, 8x8", (1, 8, 8), lambda: small_cnn((1, 8, 8), CLASSES)),
        Network("MNIST, 28x28", (1, 28, 28), lambda: small_cnn((1, 28, 28), CLASSES)),
        Network("two convolutions, two dense layers, 28x28", (1, 28, 28), _two_and_two),
    ]


def _two_and_two() -> Sequential:
    return Sequential(
        Conv2d(1, 8, 3, padding=1),
        ReLU(),
        MaxPool2d(2),
        Conv2d(8, 16, 3, padding=1),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Linear(784, 64),
        ReLU(),
        Linear(64, CLASSES),
        seed=0,
    )


@dataclass(frozen=True)
class StepResult:
    """One network: seconds per training step of `batch` images, and how many times faster than PyTorch.

    `best_to_torch` is the ratio of the fastest rounds: far from `to_torch`, the machine was not quiet.
    """

    network: str
    batch: int
    ours: Timing
    torch: Timing | None = None
    to_torch: float | None = None
    best_to_torch: float | None = None

    @property
    def images_per_second(self) -> float:
        return self.batch / self.ours.median


def measure_steps(
    seconds: float = 5.0,
    *,
    batch: int = BATCH,
    which: Iterable[Network] | None = None,
    progress: Callable[[str], object] = lambda line: None,
) -> list[StepResult]:
    """Time each network's training step, for about `seconds` each, in blocks of 10 steps.

    The batch is on the device, and in PyTorch's memory, beforehand. That both learn the same is checked
    first: their losses after three steps, without dropout, must agree.
    """
    results = []
    for network in networks() if which is None else which:
        progress(f"training step, {network.name}")
        results.append(_measure(network, seconds, batch))
    return results


def _measure(network: Network, seconds: float, batch: int) -> StepResult:
    images, labels = random_batch(network.image, batch)
    model = network.make()
    calls: dict[str, Callable[[], object]] = {"ours": _block(OurTraining(model, images, labels))}
    if (torch := find_torch()) is not None:
        expect_same_learning(torch, network, images, labels)
        calls["torch"] = _block(TorchTraining(torch, model, images, labels))
    times = interleave(calls, seconds)
    ours = times["ours"].per(BLOCK)
    if "torch" not in times:
        return StepResult(network.name, batch, ours)
    theirs = times["torch"].per(BLOCK)
    return StepResult(network.name, batch, ours, theirs, speedup(ours, theirs), theirs.best / ours.best)


def random_batch(image: Shape, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of numbers between 0 and 1, and labels; the same every time."""
    rng = np.random.default_rng(0)
    return rng.random((batch, *image), np.float32), rng.integers(0, CLASSES, batch).astype(np.int32)


class OurTraining:
    """The step of `cnnkit.fit`, on one batch: no wait for the device, and a freeze if it diverges."""

    def __init__(self, model: Sequential, images: np.ndarray, labels: np.ndarray, lr: float = RATE) -> None:
        self.model, self.loss, self.optimizer = model, CrossEntropyLoss(), Adam(lr)
        self.x, self.y = to_device(images), to_device(labels, "labels", np.int32)
        self.optimizer.gather(model.parameters)
        self.log = Logbook(1)

    def step(self) -> DeviceArray:
        """One step; the loss before it, on the device."""
        train_step(self.model, self.loss, self.optimizer, self.x, self.y, self.log, 0)
        self.log.sizes.clear()
        return self.log.losses

    def finish(self) -> None:
        """Wait for the device."""
        current_device().finish()


class TorchTraining:
    """The same step as PyTorch's own tutorials write it."""

    def __init__(
        self, torch: Any, model: Sequential, images: np.ndarray, labels: np.ndarray, lr: float = RATE
    ) -> None:
        self.twin = torch_twin(torch, model)
        self.loss = torch.nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.twin.parameters(), lr)
        self.x, self.y = torch.from_numpy(images), torch.from_numpy(labels).long()

    def step(self) -> Any:
        """One step; the loss before it."""
        self.optimizer.zero_grad()
        value = self.loss(self.twin(self.x), self.y)
        value.backward()
        self.optimizer.step()
        return value

    def finish(self) -> None:
        """Nothing to wait for: PyTorch on a CPU returns when it is done."""


def expect_same_learning(torch: Any, network: Network, images: np.ndarray, labels: np.ndarray) -> None:
    """Raise unless both libraries' losses agree over three steps from the same weights."""
    model = without_dropout(network.make())
    theirs, ours = TorchTraining(torch, model, images, labels), OurTraining(model, images, labels)
    for step in range(4):  # the loss is that before the step: the fourth is what three steps led to
        a, b = float(ours.step().get().ravel()[0]), float(theirs.step().detach())
        if not abs(a - b) <= 1e-3 * abs(b):
            raise CnnkitError(
                f"{network.name}: after {step} steps the loss is {a:.6f} in cnnkit and {b:.6f} in PyTorch: "
                "they do not train the same network, so they are not timed."
            )


def _block(training: OurTraining | TorchTraining) -> Callable[[], None]:
    def run() -> None:
        for _ in range(BLOCK):
            training.step()
        training.finish()

    return run
