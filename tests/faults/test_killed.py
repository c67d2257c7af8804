"""Killed again and again: a run with checkpoints that gets SIGKILL wherever it is ends in the same bits.

Each child trains on from the file and kills itself at a drawn moment: between two steps and within them
(a thread that sleeps a drawn part of a step), and while a checkpoint is written, when a drawn byte of the
temporary file is on its way, and before and after it is moved into place. SIGKILL cannot be caught, so
it makes no difference who sends it.
"""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from training_cases import IMAGES, LABELS, QUIET, network

from cnnkit import Adam, LinearDecay, fit
from cnnkit.files import load_arrays

EPOCHS, STEPS = 12, 6
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")

CHILD = """
import json, os, signal, sys, threading, time
sys.path.insert(0, sys.argv[1])
from training_cases import IMAGES, LABELS, network
from cnnkit import Adam, Callback, LinearDecay, files, fit
import cnnkit.checkpoint

path, epochs, kill = sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Slow(Callback):
    "Steps take about as long as those of a real network; the killer sleeps through a part of one."
    def on_step_end(self, run):
        if kill.get("step") is not None and run.step >= kill["step"]:
            def wait_and_die():
                time.sleep(kill["part"] * 0.02)
                die()
            threading.Thread(target=wait_and_die).start()
            kill.clear()
        time.sleep(0.01)

class Dying:
    "A file that ends the process when the drawn byte is written."
    def __init__(self, file, at):
        self.file, self.at = file, at
    def __enter__(self):
        return self
    def __exit__(self, *error):
        self.file.close()
    def write(self, content):
        self.file.write(content[:self.at])
        self.file.flush()
        die()

class DyingSystem:
    "Python's `os` as cnnkit.files sees it, while the drawn checkpoint is written."
    def __init__(self, share, size):
        self.share, self.size = share, size
    def __getattr__(self, name):
        return getattr(os, name)
    def fdopen(self, handle, mode):
        file = os.fdopen(handle, mode)
        return Dying(file, int(self.share * self.size)) if self.share < 1 else file
    def replace(self, source, target):
        if self.share >= 1.5:
            os.replace(source, target)
        die()

written = files.write_atomically
def write(target, content):
    epoch = len(json.loads(json.loads(content[8:8 + int.from_bytes(content[:8], "little")])
                           ["__metadata__"]["cnnkit"])["history"])
    if kill.get("epoch") is not None and epoch >= kill["epoch"]:
        files.os = DyingSystem(kill["share"], len(content))
    written(target, content)
files.write_atomically = write

how = {"checkpoint": path, "callbacks": [LinearDecay(), Slow()], "progress": False}
data = IMAGES, LABELS
history = fit(network(), data, data, epochs, 16, Adam(0.01), **how)
"""


def run(path, kill):
    """Train on from `path` until the moment of `kill`; the child's return code."""
    tests = os.path.dirname(os.path.dirname(__file__))
    child = [sys.executable, "-c", CHILD, tests, str(path), str(EPOCHS), json.dumps(kill)]
    return subprocess.run(child, timeout=300, check=False).returncode


def drawn_kills(count, seed):
    """Moments over the whole run, earliest first: half in training, half while a checkpoint is written."""
    rng, kills = np.random.default_rng(seed), []
    for at, number in zip(np.sort(rng.uniform(0, EPOCHS, count)), rng.permutation(count), strict=True):
        if number % 2:
            kills.append({"step": 1 + int(at * STEPS), "part": rng.uniform()})
        else:
            # Below 1: this part of the file is written; from 1: all of it, before or after the move.
            kills.append(
                {"epoch": int(at), "share": rng.choice([rng.uniform(), 1.2, 1.7], p=[0.7, 0.15, 0.15])}
            )
    return kills


def contents(path):
    """Everything in a checkpoint but how long the epochs took."""
    arrays, about = load_arrays(path)
    for row in about["history"]:
        del row["seconds"], row["images_per_second"]
    return arrays, about


def train_through(folder, kills):
    """Kill and resume, kill and resume; compare the end with a run that nobody killed."""
    straight, path = folder / "straight", folder / "killed"
    data, how = (IMAGES, LABELS), {"checkpoint": straight, "callbacks": [LinearDecay()], **QUIET}
    fit(network(), data, data, EPOCHS, 16, Adam(0.01), **how)
    killed, while_writing = 0, 0
    for kill in kills:
        code = run(path, kill)
        assert code in (0, -signal.SIGKILL), (
            kill
        )  # 0: the moment lay within the last checkpoint, already there
        killed += code != 0
        while_writing += code != 0 and "epoch" in kill
        if path.exists():
            load_arrays(path)  # whole, whenever it was
    print(f"{killed} kills, {while_writing} of them while a checkpoint was written")
    assert run(path, {}) == 0
    (arrays, about), (expected, told) = contents(path), contents(straight)
    assert about == told and len(about["history"]) == EPOCHS
    assert arrays.keys() == expected.keys() and any(name.startswith("optimizer.") for name in arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)
    return killed


def test_two_kills_change_no_bit(tmp_path):
    kills = [{"step": 15, "part": 0.4}, {"epoch": 5, "share": 0.6}]
    assert train_through(tmp_path, kills) == 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_kills_change_no_bit(tmp_path):
    assert train_through(tmp_path, drawn_kills(28, seed=7)) >= 20
