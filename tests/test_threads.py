"""Slider callbacks run beside a training cell: the same kernels from several threads give right results."""

import contextlib
import sys
import threading

import numpy as np
import pytest

import cnnkit
from cnnkit.array import to_device


@pytest.fixture
def hasty_switching():
    """Let Python change threads as often as it can, so that a missing lock shows within seconds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def wrong_results(rounds):
    """How many results are wrong when four threads share the kernels, each with inputs of its own."""
    inputs = [to_device(np.full((1, 1, 4, 4), value, np.float32)) for value in range(4)]
    w = to_device(np.ones((1, 1, 2, 2), np.float32))
    wrong = []

    def work(value):
        for _ in range(rounds):
            y = cnnkit.conv2d(inputs[value], w, variant="plain").get()
            if not (y == 4 * value).all():
                wrong.append(y)

    threads = [threading.Thread(target=work, args=(value,)) for value in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(wrong)


def test_four_threads_share_the_kernels(device, hasty_switching):
    assert wrong_results(1500) == 0


def test_without_the_lock_the_results_are_wrong(device, hasty_switching, monkeypatch):
    """The test above can fail: the same work without the device's lock gives wrong numbers."""
    monkeypatch.setattr(device, "lock", contextlib.nullcontext())
    for _ in range(10):
        if wrong_results(1500):
            return
    pytest.fail("no wrong result without the lock: this test no longer shows what the lock is for")


def test_predicting_while_a_model_trains(device, hasty_switching):
    """A slider predicts with the model that a cell trains; the training ends with the same bits."""
    rng = np.random.default_rng(0)
    images, labels = rng.random((96, 1, 8, 8), np.float32), rng.integers(0, 3, 96)

    def trained(slider):
        model = cnnkit.Sequential(
            cnnkit.Conv2d(1, 4, 3),
            cnnkit.ReLU(),
            cnnkit.MaxPool2d(2),
            cnnkit.Flatten(),
            cnnkit.Linear(36, 3),
            seed=0,
        )
        done, seen, errors = threading.Event(), [], []

        def slide():
            try:
                while not done.is_set():
                    seen.append(model(images[:2]).get())
            except Exception as error:
                errors.append(error)

        thread = threading.Thread(target=slide)
        if slider:
            thread.start()
        cnnkit.fit(model, (images, labels), epochs=3, batch_size=8, progress=False)
        done.set()
        if slider:
            thread.join()
            assert seen and not errors
            assert all(np.isfinite(y).all() for y in seen)
        return model.state()

    alone, beside = trained(slider=False), trained(slider=True)
    for name in alone:
        np.testing.assert_array_equal(alone[name], beside[name])
