"""How long until something happens: importing cnnkit, compiling on a new machine, and the next day."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .child import fresh_caches, on_this_device, run_child

IMPORT = "import time; t = time.perf_counter(); import cnnkit; print(time.perf_counter() - t)"

# Notebook 08 with little to compute: every kernel and every batch size that it uses (a last batch of 29 of
# its 1437 digits, exams of 250 and 109 digits), and random pictures in place of the digits.
NOTEBOOK = """
import time
import numpy as np
import cnnkit
from cnnkit import Adam, Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Sequential

rng = np.random.default_rng(0)
def pictures(n):
    return rng.random((n, 1, 8, 8), np.float32), rng.integers(0, 10, n).astype(np.int32)
learn, exam = pictures(2 * 32 + 29), pictures(359)

start = time.perf_counter()
network = Sequential(
    Conv2d(1, 16, 3, padding=1), ReLU(), Conv2d(16, 16, 3, padding=1), ReLU(), MaxPool2d(2),
    Flatten(), Dropout(0.3), Linear(256, 10), seed=0,
)
cnnkit.fit(network, learn, exam, epochs=1, batch_size=32, optimizer=Adam(3e-3), progress=False)
cnnkit.softmax(network.predict(exam[0])).get()
dense = Sequential(Flatten(), Linear(64, 67), ReLU(), Linear(67, 10), seed=0)
cnnkit.fit(dense, learn, exam, epochs=1, batch_size=32, optimizer=Adam(3e-3), progress=False)
print(time.perf_counter() - start)
"""


@dataclass(frozen=True)
class StartupResult:
    """Seconds. `imported`: `import cnnkit`, the median of several fresh processes.

    `cold`: choosing the device with its self-test and one short training of notebook 08's networks, with
    empty compile caches, that is, on a machine that has never run cnnkit; `warm`: the same in the next
    process, with the caches that the first one left. Neither includes the import.
    """

    imported: float
    cold: float
    warm: float


def measure_startup(imports: int = 5, warm_runs: int = 3) -> StartupResult:
    """Measure in fresh processes: `imports` of them for the import, one cold, `warm_runs` warm ones."""
    here = on_this_device()
    run_child(["-c", IMPORT], here, "Importing cnnkit")  # the files come into the system's cache
    imported = [float(run_child(["-c", IMPORT], here, "Importing cnnkit")[0]) for _ in range(imports)]
    with tempfile.TemporaryDirectory(prefix="cnnkit-bench-") as folder:
        variables = here | fresh_caches(Path(folder))
        cold, *warm = [
            float(run_child(["-c", NOTEBOOK], variables, "A short training")[0]) for _ in range(1 + warm_runs)
        ]
    return StartupResult(median(imported), cold, median(warm))
