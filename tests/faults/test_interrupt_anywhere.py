"""Interrupts at any point of `fit`: the model is usable, no step is half done, and nothing stays locked.

The promise: weights and optimizer are exactly those of the last step that the optimizer counts, the
history has whole rows of finished epochs, the checkpoint is that of a finished epoch, and every lock is free.
"""

import _thread
import collections
import contextlib
import faulthandler
import io
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from training_cases import IMAGES, LABELS, assert_same, network

import cnnkit
from cnnkit import Adam, LinearDecay, fit
from cnnkit import interrupts as module

PACKAGE = os.path.dirname(cnnkit.__file__) + os.sep
WITHS = {
    (str(path), number)
    for path in Path(PACKAGE).rglob("*.py")
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
    if line.lstrip().startswith("with ")
}
EPOCHS, BATCH = 3, 30
STEPS = 3  # in an epoch
DATA = (IMAGES, LABELS)
# Where something could be left half done: every line of these is interrupted.
CORE = {"train.py", "optim.py", "checkpoint.py", "files.py", "progress.py", "interrupts.py"}


def trained(model, optimizer, path=None, callbacks=(), epochs=EPOCHS):
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        callbacks = [LinearDecay(), *callbacks]
        return fit(
            model, DATA, DATA, epochs, BATCH, optimizer, callbacks=callbacks, checkpoint=path, progress=True
        )


def numbers(model, optimizer):
    """Everything that a step changes."""
    weights = [p.value.get() for p in model.parameters]
    return weights + [array.get() for kept in optimizer.state for array in kept.values()]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A run that nobody interrupts: model, history, the numbers after each step, its first checkpoint."""
    after, path = {}, tmp_path_factory.mktemp("straight") / "c"

    class Notes(cnnkit.Callback):
        def on_fit_begin(self, run):
            after[0] = numbers(run.model, run.optimizer)

        def on_step_end(self, run):
            after[run.optimizer.steps] = numbers(run.model, run.optimizer)
            if run.step == STEPS + 1:
                shutil.copy(path, path.with_name("first"))

    model = network()
    history = trained(model, Adam(0.01), path, [Notes()])
    return model, history, after, path.with_name("first")


class Tracer:
    """Notes the lines of cnnkit that run; when line `at` is reached for the `nth` time, it does `act`.

    Not at a `with`, but at the line after it: Python's tracing could raise between the end of its body and
    the lock's release, where no real signal arrives.
    """

    def __init__(self, at=None, nth=1, act=lambda: None):
        self.at, self.left, self.act, self.due, self.places = at, nth, act, False, []

    def __call__(self, frame, event, arg):
        file = frame.f_code.co_filename
        if not file.startswith(PACKAGE):
            return None
        if event == "line":
            place = file[len(PACKAGE) :], frame.f_lineno
            if self.at is None:
                self.places.append(place)
            elif place == self.at:
                self.left -= 1
                self.due = self.due or not self.left
            if self.due and (file, frame.f_lineno) not in WITHS:
                self.due, self.at = False, ("", 0)
                self.act()
        return self

    def run(self, call):
        """What `call` returns, or None when it was interrupted."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            return call()
        except KeyboardInterrupt:
            return None
        finally:
            sys.settrace(before)


def twice():
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)


def once():
    signal.raise_signal(signal.SIGINT)


@pytest.fixture
def late_interrupts_do_nothing():
    """What arrives when `fit` has ended already must not end the test."""
    before = signal.signal(signal.SIGINT, lambda *args: None)
    yield
    signal.signal(signal.SIGINT, before)


def elsewhere(action):
    """What `action` gives in another thread, which has no lock of this one's."""
    results = []
    thread = threading.Thread(target=lambda: results.append(action()), daemon=True)
    thread.start()
    thread.join(20)
    if thread.is_alive():
        faulthandler.dump_traceback()
        pytest.fail("a lock is still held: the other thread stands as the traceback above says")
    return results[0]


def convolved():
    ones = np.ones((1, 1, 4, 4), np.float32)
    return cnnkit.conv2d(ones, ones[..., :2, :2]).get()


def check_what_is_left(model, optimizer, path, straight, handler):
    """The promise, all of it; then go on."""
    whole, history, after, _ = straight
    assert signal.getsignal(signal.SIGINT) is handler and module._latest is None
    for here, there in zip(numbers(model, optimizer), after[optimizer.steps], strict=False):
        np.testing.assert_array_equal(here, there)  # of one step; not yet prepared: the weights alone
    rows = model.history.rows if model.history is not None else []
    assert [row["loss"] for row in rows] == history["loss"][: len(rows)]
    assert all(row.keys() == history.rows[0].keys() for row in rows)
    assert optimizer.steps - STEPS <= len(rows) * STEPS <= optimizer.steps
    assert elsewhere(lambda: model.training.acquire(blocking=False) and model.training.release() is None)
    assert (elsewhere(convolved) == 4).all()
    assert not [name for name in os.listdir(path.parent) if name.endswith(".partial")]
    steps = optimizer.steps
    assert len(trained(model, optimizer, epochs=1)) == 1 and optimizer.steps == steps + STEPS
    assert all(np.isfinite(array).all() for array in numbers(model, optimizer))
    resumed, fresh = network(), Adam(0.01)  # where there is no checkpoint yet, it starts anew
    assert trained(resumed, fresh, path)["val_loss"] == history["val_loss"]
    assert_same(resumed, whole)
    for here, there in zip(numbers(resumed, fresh), after[EPOCHS * STEPS], strict=True):
        np.testing.assert_array_equal(here, there)


def start(folder, first):
    """Where a run keeps its checkpoint: a new one, or one that goes on from the `first` epoch's."""
    folder.mkdir()
    if first is not None:
        shutil.copy(first, folder / "c")
    return folder / "c"


def places_of_a_run(folder, first):
    """File and number of every line that a run of `fit` goes through, twice: caches are filled by then."""
    trained(network(), Adam(0.01), start(folder / f"warm {first is None}", first))
    path, tracer = start(folder / f"counted {first is None}", first), Tracer()
    tracer.run(lambda: trained(network(), Adam(0.01), path))
    return tracer.places


def drawn_lines(places, core, uniform, rng):
    """At which line, and which time: `core` of those that could leave something, and `uniform` of all."""
    often = collections.Counter(places)
    risky = sorted(place for place in often if place[0] in CORE)
    chosen = [risky[at] for at in rng.permutation(len(risky))[:core]]
    chosen += [places[at] for at in rng.integers(0, len(places), uniform)]
    return [(place, int(rng.integers(1, often[place] + 1))) for place in chosen]


def interrupt_at_lines(tmp_path, straight, core, uniform):
    """From the start and from a checkpoint: the second interrupt, and at every fourth only one, at a line."""
    handler, rng, ended = signal.getsignal(signal.SIGINT), np.random.default_rng(0), collections.Counter()
    for first in (None, straight[-1]):
        places = places_of_a_run(tmp_path, first)
        assert {file for file, _ in places} >= CORE
        for number, (at, nth) in enumerate(drawn_lines(places, core, uniform, rng)):
            act = once if number % 4 == 3 else twice
            path = start(tmp_path / f"{number} {first is None}", first)
            model, optimizer = network(), Adam(0.01)
            tracer = Tracer(at, nth, act)
            history = tracer.run(lambda: trained(model, optimizer, path))  # noqa: B023 - run at once
            ended["raised" if history is None else history.stopped or "whole run"] += 1
            assert act is twice or history is not None, "a first interrupt raises nothing"
            try:
                check_what_is_left(model, optimizer, path, straight, handler)
            except Exception as error:
                raise AssertionError(f"{act.__name__} at {at}, time {nth}: {error}") from error
    print(dict(ended))
    assert ended["raised"] > 0 < ended["interrupted"]


def test_an_interrupt_at_any_line_leaves_whole_steps_and_free_locks(
    tmp_path, straight, late_interrupts_do_nothing
):
    interrupt_at_lines(tmp_path, straight, core=5, uniform=3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_interrupts_at_hundreds_of_lines(tmp_path, straight, late_interrupts_do_nothing):
    interrupt_at_lines(tmp_path, straight, core=1000, uniform=60)


def interrupt_at_times(tmp_path, straight, times):
    """A thread interrupts at drawn moments, twice with a drawn pause, between any two instructions."""
    handler = signal.getsignal(signal.SIGINT)
    rng = np.random.default_rng(1)
    started = time.perf_counter()
    trained(network(), Adam(0.01), tmp_path / "timed")
    length = time.perf_counter() - started
    ended = collections.Counter()
    for number in range(times):
        folder = tmp_path / f"at {number}"
        folder.mkdir()
        model, optimizer = network(), Adam(0.01)
        moment, pause = rng.uniform(0, length), rng.uniform(0, 0.01)

        def interrupts():
            for seconds in (moment, pause):  # noqa: B023 - joined below
                time.sleep(seconds)
                _thread.interrupt_main()

        thread = threading.Thread(target=interrupts)
        thread.start()
        history = None
        with contextlib.suppress(KeyboardInterrupt):
            history = trained(model, optimizer, folder / "c")
        thread.join()
        ended["raised" if history is None else history.stopped or "whole run"] += 1
        check_what_is_left(model, optimizer, folder / "c", straight, handler)
    print(dict(ended))
    assert ended["raised"] + ended["interrupted"] > 0


def test_interrupts_from_another_thread(tmp_path, straight, late_interrupts_do_nothing):
    interrupt_at_times(tmp_path, straight, 5)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_hundreds_of_interrupts_from_another_thread(tmp_path, straight, late_interrupts_do_nothing):
    interrupt_at_times(tmp_path, straight, 300)
