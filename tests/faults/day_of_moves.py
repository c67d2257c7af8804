"""Run by test_a_day_of_moves.py: turn the controls of explorers, and print what memory is in use, as JSON.

python day_of_moves.py ROUNDS EXPLORER=EVENTS... shares the events of each explorer among the rounds and
notes the figures after each of them. An event is a control set to one of its ends or its middle, a number
typed into a grid, a picture or chart pointed at, or a stroke on the pad; the dashboard is also trained with.
"""

import collections
import contextlib
import gc
import io
import json
import resource
import sys
import time
import traceback
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "explore"))
from test_every_explorer import controls_in, extremes, widgets_in

import cnnkit
from cnnkit import explore
from cnnkit.explore.parts.base import Explorer
from cnnkit.explore.parts.canvas import Canvas
from cnnkit.explore.parts.grid import NumberGrid
from cnnkit.explore.parts.pad import Pad

PHOTO = np.random.default_rng(0).random((1, 1, 16, 16), np.float32)
OF_A_PHOTO = ("ActivationExplorer", "FilterExplorer", "PipelineExplorer", "PoolingExplorer")


class Hand:
    """Moves everything that an explorer has, drawn by a seed."""

    def __init__(self, name, rng):
        kind = getattr(explore, name)
        self.explorer: Explorer = kind(PHOTO) if name in OF_A_PHOTO else kind()
        self.rng, self.errors, self.seconds = rng, [], 0.0
        parts = list(widgets_in(self.explorer))
        self.grids = [part for part in parts if isinstance(part, NumberGrid)]
        self.pads = [part for part in parts if isinstance(part, Pad)]
        self.canvases = [part for part in parts if isinstance(part, Canvas) and part.interactive]
        self.controls = [part for part in controls_in(self.explorer) if not part.disabled]
        self.ways = [self.turn, self.turn] + [
            way
            for way, parts in ((self.type, self.grids), (self.draw, self.pads), (self.point, self.canvases))
            if parts
        ]

    def one(self, parts):
        return parts[self.rng.integers(len(parts))]

    def turn(self):
        control = self.one(self.controls)
        control.value = self.one(extremes(control))

    def type(self):
        grid = self.one(self.grids)
        values = [list(row) for row in grid.values]
        self.one(values)[self.rng.integers(len(values[0]))] = float(self.rng.integers(-8, 9)) / 4
        grid.values = values

    def point(self):
        canvas = self.one(self.canvases)
        if canvas.values is not None:
            canvas.focus = tuple(int(self.rng.integers(size)) for size in canvas.values.shape[:2])

    def draw(self):
        self.one(self.pads).set_state({"bits": (self.rng.random(32 * 32) < 0.2).astype(np.uint8).tobytes()})

    def move(self, events):
        started = time.perf_counter()
        for _ in range(events):
            self.one(self.ways)()
            if self.explorer._errors:
                self.errors.append(dict(self.explorer._errors))
                self.explorer._errors.clear()
        if isinstance(self.explorer, explore.TrainingDashboard) and events:
            train_with(self.explorer)
        self.seconds += time.perf_counter() - started


def train_with(dashboard):
    """A short training run that the dashboard watches, as in a day's every other cell."""
    train, test = cnnkit.data.digits()
    model = cnnkit.Sequential(
        cnnkit.Conv2d(1, 2, 3), cnnkit.ReLU(), cnnkit.Flatten(), cnnkit.Linear(72, 10), seed=0
    )
    with contextlib.redirect_stderr(io.StringIO()):
        cnnkit.fit(model, train[:64], test[:32], epochs=2, callbacks=[dashboard])


def figures():
    """Bytes and counts of what is alive; see the test for what they may do."""
    gc.collect()
    device = cnnkit.current_device()
    kinds = collections.Counter(type(one).__name__ for one in gc.get_objects())
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if Path("/proc/self/statm").exists():
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    return {
        "resident MiB": resident / 2**20,
        "pool active MiB": device.pool.active_bytes / 2**20,
        "pool managed MiB": device.pool.managed_bytes / 2**20,
        "buffers": device.pool.active_blocks,
        "arrays": kinds["Array"],
        "objects": sum(kinds.values()),
        "widgets": kinds["Layout"],
        "kernels": len(device.kernels),
        "programs": len(device.programs),
        "tables": len(device.tables),
    }


def main(rounds, days):
    hands = {name: Hand(name, np.random.default_rng(seed)) for seed, name in enumerate(days)}
    seen = [figures()]
    for number in range(rounds):
        for name, hand in hands.items():
            hand.move(days[name] * (number + 1) // rounds - days[name] * number // rounds)
        seen.append(figures())
    errors = {name: hand.errors[:3] for name, hand in hands.items() if hand.errors}
    seconds = {name: round(hand.seconds, 1) for name, hand in hands.items()}
    print(json.dumps({"figures": seen, "errors": errors, "seconds": seconds}))


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), {name: int(n) for name, n in (one.split("=") for one in sys.argv[2:])})
    except Exception:
        traceback.print_exc()
        sys.exit(1)
