"""Who is told how training goes: callbacks, and the run that they are shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from .history import History
from .model import Sequential
from .optim import Optimizer


class Callback:
    """Something that is told how training goes; override what you need. `run` is a `Run`."""

    def on_fit_begin(self, run: Run) -> None:
        """Before the first step."""

    def on_step_end(self, run: Run) -> None:
        """After every step has been enqueued; may wait (a pause button)."""

    def on_epoch_end(self, run: Run) -> None:
        """After every epoch, when `run.history` has its row."""

    def on_fit_end(self, run: Run) -> None:
        """When training has ended, however it did."""


class LinearDecay(Callback):
    """Let the learning rate fall in equal steps, epoch by epoch, toward 0 at the end of the run.

    Large steps find the valley, small ones its floor. With E epochs, epoch e has lr * (E - e + 1) / E.
    """

    def on_epoch_end(self, run: Run) -> None:
        left = run.epochs - run.epoch
        if left:  # by a ratio, so that a resumed run, or a hand on the slider, goes on from where it is
            run.optimizer.lr *= left / (left + 1)


class Run:
    """A training run as its callbacks see it.

    Attributes: model, optimizer, loss, history; epoch (from 1) and epochs; step (over the whole run, from
    1) and steps_per_epoch; latest, a dict with the newest known "loss" and "accuracy" of the running
    epoch (read a few times a second, not at every step: empty in an epoch's first
    steps). train and validation: the (inputs, targets) that `fit` uses, NumPy arrays to be read and not
    written, or None where there is no validation set; classes: the names of the classes, where `fit` was
    given a Dataset, else empty. `stop(reason)` ends training after this step.
    """

    def __init__(
        self,
        model: Sequential,
        optimizer: Optimizer,
        loss: Any,
        history: History,
        epochs: int,
        train: tuple[np.ndarray, np.ndarray],
        validation: tuple[np.ndarray, np.ndarray] | None = None,
        classes: tuple[str, ...] = (),
    ) -> None:
        self.model, self.optimizer, self.loss, self.history = model, optimizer, loss, history
        self.train, self.validation, self.classes = train, validation, classes
        self.epoch, self.epochs, self.step, self.steps_per_epoch = 0, epochs, 0, 0
        self.latest: dict[str, float] = {}
        self.stopped: str | None = None

    def stop(self, reason: str = "stopped by a callback") -> None:
        """End training after the current step; model and history are kept."""
        self.stopped = reason
