"""A small set, a small network and small helpers for the tests of training."""

import numpy as np

from cnnkit import Callback, Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Sequential

RNG = np.random.default_rng(0)
IMAGES = RNG.random((90, 1, 8, 8), np.float32)
LABELS = (IMAGES[:, 0, :4].mean((1, 2)) > IMAGES[:, 0, 4:].mean((1, 2))).astype(np.int32)  # top brighter?
QUIET = {"progress": False}


def network(seed=0, dropout=0.2):
    return Sequential(
        Conv2d(1, 4, 3, padding=1),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Dropout(dropout),
        Linear(64, 2),
        seed=seed,
    )


def assert_same(model, other):
    for name, array in model.state().items():
        np.testing.assert_array_equal(array, other.state()[name], err_msg=name)


class Recorder(Callback):
    def __init__(self):
        self.events, self.seen = [], []

    def on_fit_begin(self, run):
        self.events.append("begin")

    def on_step_end(self, run):
        self.events.append(run.step)
        self.seen.append(dict(run.latest))

    def on_epoch_end(self, run):
        self.events.append(f"epoch {run.epoch} {len(run.history)}")

    def on_fit_end(self, run):
        self.events.append("end")
