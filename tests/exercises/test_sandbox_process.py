"""The worker process: it lives, dies, is replaced, and never takes the notebook with it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from kernels_for_sandbox import FILTER, FILTERED, assert_serves, but, filter_launch, line_launch

import cnnkit
from cnnkit.errors import CnnkitError
from cnnkit.exercises.grading import isolation
from cnnkit.exercises.sandbox import Sandbox, client, sandbox
from cnnkit.exercises.sandbox.process import signal_name


@pytest.fixture(scope="module")
def box():
    made = Sandbox()
    yield made
    made.close()


def test_a_worker_killed_between_two_runs_is_replaced(box):
    assert_serves(box)
    process = box._process._process
    if sys.platform == "win32":
        process.kill()
    else:
        os.kill(process.pid, signal.SIGKILL)
    assert_serves(box)
    assert box._process._process.pid != process.pid


def test_two_threads_at_once(box):
    problems = []

    def check():
        for outcome in box.run(FILTER, "filter2d", [filter_launch()] * 4):
            problems.append(outcome.problem or float(np.abs(outcome.value - FILTERED).max()))

    threads = [threading.Thread(target=check) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(problems) == 12
    assert all(isinstance(problem, float) and problem < 1e-5 for problem in problems)


def test_interrupted_it_serves_the_next(box, monkeypatch):
    assert_serves(box)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(client.Examiner, "add", interrupt)
    with pytest.raises(KeyboardInterrupt):
        box.run(FILTER, "filter2d", [filter_launch()])
    monkeypatch.undo()
    assert_serves(box)


def test_the_worker_ends_with_its_parent(tmp_path):
    script = f"""
import os, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from kernels_for_sandbox import *
from cnnkit.exercises.grading import isolation
from cnnkit.exercises.sandbox import Sandbox
box = Sandbox()
assert not box.run(FILTER, "filter2d", [filter_launch()])[0].problem
print(box._process._process.pid, flush=True)
import threading
endless = FILTER.replace("r < R; r++", "r < R; r--")
job = (endless, "filter2d", [filter_launch()])
threading.Thread(target=box.run, args=job, kwargs=dict(seconds=60), daemon=True).start()
time.sleep(2)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    pid = int(done.stdout.strip())
    for _ in range(100):
        if not _runs(pid):
            return
        time.sleep(0.1)
    pytest.fail("the worker lives on")


def _runs(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state not in "ZX"
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return not Path("/proc/self").exists()


def test_nothing_leaks_to_our_own_output(box, capfd):
    source = """__kernel void f(__global const float *x, __global float *y)
{
    int i = get_global_id(0);
    printf("hello %d\\n", i);
    y[i] = x[i];
}"""
    (outcome,) = box.run(source, "f", [line_launch()])
    assert not outcome.problem
    (outcome,) = box.run(but(FILTER, "float sum = 0;", "float sum = 0"), "filter2d", [filter_launch()])
    assert outcome.problem
    assert capfd.readouterr() == ("", "")


def test_a_prefix_and_an_environment_of_its_own():
    kept = ("PATH", "HOME", "SYSTEMROOT", "APPDATA", "LOCALAPPDATA", *isolation.PASSED_ON)
    clean = {name: os.environ[name] for name in kept if name in os.environ}
    prefix = [] if sys.platform == "win32" else ["/usr/bin/env", "CNNKIT_TEST_PREFIX=1"]
    box = Sandbox(cnnkit.current_device(), prefix, clean)
    try:
        assert_serves(box)
    finally:
        box.close()


def test_a_worker_that_cannot_start_says_why():
    box = Sandbox(command_prefix=[sys.executable, "-c", "raise SystemExit('no room')"])
    with pytest.raises(CnnkitError, match="no room"):
        box.run(FILTER, "filter2d", [filter_launch()])
    box = Sandbox(command_prefix=["/no/such/program"])
    with pytest.raises(CnnkitError, match="could not be started"):
        box.run(FILTER, "filter2d", [filter_launch()])


def test_warming_starts_the_worker_that_serves():
    assert sandbox() is sandbox()
    box = Sandbox()
    box.warm()
    while box._process is None:
        time.sleep(0.01)
    warmed = box._process
    assert_serves(box)
    assert box._process is warmed
    box.close()


def test_signals_behind_a_prefix():
    assert signal_name(-11) == "SIGSEGV" or sys.platform == "win32"
    assert signal_name(139) == "SIGSEGV" or sys.platform == "win32"
    assert signal_name(0) == signal_name(None) == ""
