"""How much a `TrainingDashboard` slows training down.

python tests/bench/dashboard_cost.py [ROUNDS]    in this process, where nothing is sent to a page
make latency                                     in a notebook, the dashboard open in the browser

The digits network is trained with and without the dashboard by turns, the order drawn anew each round,
and a ratio is the median of the rounds' ratios. CPU time counts all threads of the process (the driver's
compute the kernels), so it says more than the clock where other programs are running, too.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import numpy as np

import cnnkit
from cnnkit.explore import TrainingDashboard

EPOCHS = 40  # about three seconds on two cores


def train_once(train: Any, test: Any, callbacks: list[Any]) -> dict[str, float]:
    """Seconds of one training: of its epochs alone, from call to return, and of the process's CPU time."""
    model = cnnkit.models.small_cnn(train.images.shape[1:], len(train.classes))
    clock, cpu = time.perf_counter(), time.process_time()
    history = cnnkit.fit(model, train, test, epochs=EPOCHS, callbacks=callbacks, progress=False)
    return {
        "epochs": sum(history["seconds"]),
        "call": time.perf_counter() - clock,
        "cpu": time.process_time() - cpu,
    }


def measure(dashboard: Any, rounds: int = 7) -> dict[str, float]:
    """Median ratios, with the dashboard to without it, of what `train_once` measures; 1.1 is 10 % slower."""
    train, test = cnnkit.data.digits()
    train_once(train, test, [dashboard])  # kernels are compiled
    rng, ratios = np.random.default_rng(0), []
    for _ in range(rounds):
        seconds = {}
        for watched in rng.permutation([False, True]):
            seconds[bool(watched)] = train_once(train, test, [dashboard] if watched else [])
        ratios.append({name: seconds[True][name] / seconds[False][name] for name in seconds[True]})
    return {name: statistics.median(one[name] for one in ratios) for name in ratios[0]}


def told(ratios: dict[str, float]) -> str:
    """The ratios in a sentence."""
    percent = {name: f"{100 * (ratio - 1):+.1f} %" for name, ratio in ratios.items()}
    return (
        f"Training with the dashboard: epochs {percent['epochs']}, the whole call of fit "
        f"{percent['call']}, CPU time {percent['cpu']}"
    )


if __name__ == "__main__":
    print(told(measure(TrainingDashboard(), *map(int, sys.argv[1:]))))
