"""When training leaves the finite numbers: what to go back to, and what to say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .array import DeviceArray, copy, copy_into
from .batches import Batches
from .callbacks import Run
from .errors import TrainingError
from .interrupts import whole
from .model import Sequential


class Snapshot:
    """Weights and optimizer as they were, on the device, to go back to."""

    def __init__(self, run: Run) -> None:
        self.run, self.steps = run, run.optimizer.steps
        self.kept = [(array, copy(array)) for array in self._arrays()]

    def _arrays(self) -> Iterator[DeviceArray]:
        for parameter in self.run.model.parameters:
            yield parameter.value
        for remembered in self.run.optimizer.state:
            yield from remembered.values()

    def restore(self) -> None:
        with whole():
            for array, values in self.kept:
                copy_into(array, values)
            self.run.optimizer.steps = self.steps


def broken_parameters(model: Sequential) -> list[str]:
    """The names of the parameters that hold a value that is not finite."""
    return [name for name, p in model.named_parameters().items() if not np.isfinite(p.value.get()).all()]


def explain_break(run: Run, batches: Batches, index: int, before: Snapshot) -> None:
    """Raise TrainingError for the step that went beyond finite numbers, naming the layer."""
    step = (run.epoch - 1) * run.steps_per_epoch + index + 1
    what = f"Training stopped at step {step} (epoch {run.epoch}): the loss is not finite."
    advice = f"Try a smaller learning rate (it is {run.optimizer.lr:g}), and look for NaN in the images."
    broken = broken_parameters(run.model)
    where, what_is_kept = "It began in the loss itself.", "The model is as it was before that step."
    if broken:
        place, name = broken[0].split(".")
        where = (
            f"It began in the {_words(name)} of {_place(run, int(place))}, when a step was made too large."
        )
        what_is_kept = "The model is back at the start of this epoch."
        before.restore()  # weights that are no numbers are of no use to anyone
    else:
        x, _ = next(batch for i, batch in enumerate(batches.of_epoch(run.epoch)) if i == index)
        for i, output in enumerate(run.model.activations(x)):
            if not np.isfinite(output.get()).all():
                origin = f"the output of {_place(run, i - 1)}" if i else "the images themselves"
                where = f"It began in {origin}."
                break
    run.stopped = "the loss is not finite"
    raise TrainingError(f"{what} {where} {advice} {what_is_kept} The history is in model.history.")


def _place(run: Run, i: int) -> str:
    return f"layer {i}, {run.model.layers[i]!r}"


def _words(name: str) -> str:
    return {"w": "weights", "b": "biases"}.get(name, name)
