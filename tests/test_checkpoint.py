"""Checkpoints: a run that was stopped or killed goes on to the same bits, and no other run takes it over."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from training_cases import IMAGES, LABELS, QUIET, Recorder, assert_same, network

from cnnkit import SGD, Adam, Callback, Flatten, Linear, Sequential, fit
from cnnkit.errors import DataError, TrainingError


def test_a_checkpoint_resumes_to_the_same_bits(tmp_path, device):
    straight, halves = network(), network()
    data = (IMAGES, LABELS)
    one = fit(straight, data, data, epochs=4, batch_size=16, optimizer=Adam(0.01), **QUIET)
    path = tmp_path / "run.safetensors"
    fit(halves, data, data, epochs=2, batch_size=16, optimizer=Adam(0.01), checkpoint=path, **QUIET)
    fresh = network(seed=99)  # what a new process would have: other weights, an optimizer without memory
    recorder = Recorder()
    two = fit(
        fresh,
        data,
        data,
        epochs=4,
        batch_size=16,
        optimizer=Adam(0.01),
        checkpoint=path,
        callbacks=[recorder],
        **QUIET,
    )
    assert_same(straight, fresh)
    assert one["loss"] == two["loss"] and one["val_accuracy"] == two["val_accuracy"]
    assert recorder.events[1] == 13, "only the epochs that were missing are trained"
    once_more = {"batch_size": 16, "optimizer": Adam(0.01), "checkpoint": path, **QUIET}
    assert len(fit(fresh, data, data, epochs=4, **once_more)) == 4


KILLED = """
import numpy as np, sys, time
sys.path.insert(0, {tests!r})
from training_cases import *
from cnnkit import Callback, fit
class Slow(Callback):
    def on_step_end(self, run):
        print(run.step, flush=True)
        time.sleep(0.02)
how = {{"checkpoint": sys.argv[1], "callbacks": [Slow()], "progress": False}}
fit(network(), (IMAGES, LABELS), epochs=6, batch_size=16, **how)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("at_step", [9, 20, 31])
def test_a_killed_run_resumes_to_the_same_bits(tmp_path, at_step):
    path = tmp_path / "run.safetensors"
    code = textwrap.dedent(KILLED).format(tests=os.path.dirname(__file__))
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if int(line) >= at_step:
            child.kill()
            break
    child.wait()
    assert child.returncode == -signal.SIGKILL
    assert path.exists()
    straight, resumed = network(), network(seed=4)
    fit(straight, (IMAGES, LABELS), epochs=6, batch_size=16, **QUIET)
    fit(resumed, (IMAGES, LABELS), epochs=6, batch_size=16, checkpoint=path, **QUIET)
    assert_same(straight, resumed)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(network(), (IMAGES, LABELS), epochs=1, checkpoint=path, **QUIET)
    model = network(seed=3)
    before = model.state()
    with pytest.raises(TrainingError, match="its seed is 0 and now 1; delete the file"):
        fit(model, (IMAGES, LABELS), epochs=2, seed=1, checkpoint=path, **QUIET)
    with pytest.raises(TrainingError, match="batch size is 64 and now 8"):
        fit(model, (IMAGES, LABELS), epochs=2, batch_size=8, checkpoint=path, **QUIET)
    with pytest.raises(TrainingError, match=r"optimizer is 'Adam.* and now 'SGD\(lr=0.01"):
        fit(model, (IMAGES, LABELS), epochs=2, optimizer=SGD(), checkpoint=path, **QUIET)
    with pytest.raises(TrainingError, match=r"lr=0\.5"):
        fit(model, (IMAGES, LABELS), epochs=2, optimizer=Adam(0.5), checkpoint=path, **QUIET)
    with pytest.raises(TrainingError, match="its data is another one"):
        fit(model, (IMAGES + 1, LABELS), epochs=2, checkpoint=path, **QUIET)
    with pytest.raises(TrainingError, match="its data is another one"):
        fit(model, (IMAGES, LABELS), (IMAGES, LABELS), epochs=2, checkpoint=path, **QUIET)
    with pytest.raises(TrainingError, match="its network is another one"):
        fit(Sequential(Flatten(), Linear(64, 2)), (IMAGES, LABELS), epochs=2, checkpoint=path, **QUIET)
    for name, array in before.items():
        np.testing.assert_array_equal(array, model.state()[name])
    model.save(path)
    with pytest.raises(DataError, match=r"no checkpoint of cnnkit.fit but a saved model"):
        fit(model, (IMAGES, LABELS), epochs=2, checkpoint=path, **QUIET)


def test_a_run_stopped_in_its_first_epoch_starts_again_from_the_same_place(tmp_path):
    class StopsEarly(Callback):
        def on_step_end(self, run):
            if run.step == 2:
                run.stop()

    path, straight, stopped = tmp_path / "c", network(), network()
    fit(straight, (IMAGES, LABELS), epochs=2, batch_size=16, **QUIET)
    fit(
        stopped, (IMAGES, LABELS), epochs=2, batch_size=16, checkpoint=path, callbacks=[StopsEarly()], **QUIET
    )
    fit(stopped, (IMAGES, LABELS), epochs=2, batch_size=16, checkpoint=path, **QUIET)
    assert_same(straight, stopped)
