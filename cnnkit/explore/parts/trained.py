"""The trained network that explorers look at when the learner brings none: a small one that reads digits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache

from ... import data, models
from ...callbacks import Callback, LinearDecay, Run
from ...device import current_device
from ...errors import TrainingError
from ...model import Sequential
from ...optim import Adam
from ...train import fit

EPOCHS = 16
SEED = 0

_lock = threading.Lock()
_trained: dict[int, Sequential] = {}  # by the device's place among all: arrays cannot leave their device


class _Told(Callback):
    """Says after every epoch how far training is."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.report = report

    def on_epoch_end(self, run: Run) -> None:
        self.report(f"Training a small network on 1 438 digits: epoch {run.epoch} of {run.epochs}.")


def digits_network(report: Callable[[str], None] | None = None) -> Sequential:
    """The course's small network for digits, trained: (N, 1, 8, 8) in [0, 1] to scores (N, 10).

    `cnnkit.models.small_cnn` after 16 epochs on the training part of `cnnkit.data.digits()`, from a fixed
    seed; it reads about 97 % of `digits_test()` right. Trained at the first call (1 to 3 seconds on two
    CPU cores) and kept for the process, one for each device; whoever asks meanwhile waits and gets the same
    network. Look at it, and train one of your own: its weights are everybody's.

    report: called with a sentence when training begins and after every epoch; never when nothing trains.
    KeyboardInterrupt, if the learner interrupts the training: the next call begins anew.
    """
    with _lock:
        place = current_device().index
        if place not in _trained:
            _trained[place] = _train(report or (lambda sentence: None))
        return _trained[place]


def digits_test() -> data.Dataset:
    """The 359 digits that `digits_network` has never seen: the test part of `cnnkit.data.digits()`."""
    return _parts()[1]


@cache
def _parts() -> tuple[data.Dataset, data.Dataset]:
    train, test = data.digits()
    return train, test


def _train(report: Callable[[str], None]) -> Sequential:
    train, _ = _parts()
    report("Training a small network on 1 438 digits: this takes a few seconds, once.")
    model = models.small_cnn(train.images.shape[1:], len(train.classes), seed=SEED)
    history = fit(
        model,
        train,
        epochs=EPOCHS,
        optimizer=Adam(4e-3),
        seed=SEED,
        callbacks=[LinearDecay(), _Told(report)],
        progress=False,
    )
    if history.stopped == "interrupted":  # `fit` keeps what was learned; half a network would mislead here
        raise KeyboardInterrupt("the training of the digits network was interrupted")
    if history.stopped:
        raise TrainingError(f"The digits network was not trained to its end: {history.stopped}.")
    return model
