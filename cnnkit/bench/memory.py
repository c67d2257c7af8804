"""How much memory training takes on the device, and whether it stays that way."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from dataclasses import dataclass

from ..device import current_device
from ..layers import Flatten
from ..model import Sequential
from .steps import BATCH, OurTraining, networks, random_batch

SETTLED_AFTER = 20  # steps until the pool has every buffer that a step needs
FLOAT = 4  # bytes


@dataclass(frozen=True)
class MemoryResult:
    """Bytes on the device while training `network` for `steps` steps with batches of `batch`.

    Counted from the layers' shapes: `activations` (the input and each layer's output; Flatten has none of
    its own), `gradients` (one for each activation but the input, and one for each parameter),
    `parameters` (values and labels), `optimizer` (Adam's two running means).
    Measured: `early`, all that the pool holds for training after 20 steps, in use or kept for reuse, and
    `late`, the same after the last step.
    """

    network: str
    batch: int
    steps: int
    activations: int
    gradients: int
    parameters: int
    optimizer: int
    early: int
    late: int

    @property
    def counted(self) -> int:
        """Activations, gradients, parameters and the optimizer's state, in bytes."""
        return self.activations + self.gradients + self.parameters + self.optimizer

    @property
    def factor(self) -> float:
        """What is held over what is counted."""
        return self.late / self.counted

    @property
    def grows(self) -> bool:
        """Did training take more memory as it went on?"""
        return self.late > self.early


def count_bytes(model: Sequential, image: tuple[int, ...], batch: int) -> tuple[int, int, int]:
    """(activations, gradients, parameters) in bytes, from shapes alone."""
    shape, volumes = tuple(image), []
    for layer in model.layers:
        shape = layer.output_shape(shape)
        if not isinstance(layer, Flatten):
            volumes.append(math.prod(shape))
    outputs, learned = batch * sum(volumes), sum(p.size for p in model.parameters)
    taken = batch * (math.prod(image) + outputs // batch)
    return FLOAT * taken, FLOAT * (outputs + learned), FLOAT * learned


def measure_memory(
    steps: int = 10_000, *, batch: int = BATCH, progress: Callable[[str], object] = lambda line: None
) -> list[MemoryResult]:
    """Train each classifier of `steps.networks` for `steps` steps and look at the device's memory pool."""
    results = []
    for network in networks():
        progress(f"memory over {steps} steps, {network.name}")
        device, model = current_device(), None
        gc.collect()
        device.finish()
        device.pool.free_held()
        before = device.pool.managed_bytes
        model = network.make()
        training = OurTraining(model, *random_batch(network.image, batch))
        early = _held(training, SETTLED_AFTER) - before
        late = _held(training, max(steps - SETTLED_AFTER, 0)) - before
        activations, gradients, parameters = count_bytes(model, network.image, batch)
        labels, state = FLOAT * batch, 2 * parameters
        results.append(
            MemoryResult(
                network.name,
                batch,
                steps,
                activations,
                gradients,
                parameters + labels,
                state,
                early,
                late,
            )
        )
        del training, model
    return results


def _held(training: OurTraining, steps: int) -> int:
    """The bytes that the pool manages after `steps` more steps."""
    for step in range(steps):
        training.step()
        if step % 10 == 9:  # or the queue would grow without end
            training.finish()
    training.finish()
    return current_device().pool.managed_bytes
