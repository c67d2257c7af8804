"""The training dashboard without a browser: what it records, and what its controls do to a run."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

import cnnkit
from cnnkit.explore import TrainingDashboard
from cnnkit.explore import training as module
from cnnkit.explore.parts.sheet import mosaic
from cnnkit.explore.training import RATES


def small_model(seed=0):
    return cnnkit.Sequential(
        cnnkit.Conv2d(1, 4, 3, padding=1),
        cnnkit.ReLU(),
        cnnkit.Flatten(),
        cnnkit.Linear(4 * 64, 10),
        seed=seed,
    )


@pytest.fixture(scope="module")
def digits():
    return cnnkit.data.digits(test=0.2, seed=0)


class Recorder(cnnkit.Callback):
    """Notes every new reading, and does something at one step."""

    def __init__(self, at_step=None, action=None):
        self.at_step, self.action, self.steps, self.rates = at_step, action, 0, []

    def on_step_end(self, run):
        self.steps += 1
        self.rates.append(run.optimizer.lr)
        if run.step == self.at_step:
            self.action(run)


def test_curves_hold_what_was_measured(digits):
    dashboard = TrainingDashboard()
    history = cnnkit.fit(small_model(), *digits, epochs=3, callbacks=[dashboard], progress=False)
    curves = dashboard.model.curves
    assert curves["val_loss"] == ([1.0, 2.0, 3.0], history["val_loss"])
    assert curves["val_accuracy"][1] == history["val_accuracy"]
    assert curves["loss"][0][-1] == 3.0 and np.isfinite(curves["loss"][1]).all()
    assert dashboard.message.value == ""
    assert dashboard.loss.lines[1]["y"] == history["val_loss"]
    assert dashboard.accuracy.lines[1]["y"] == pytest.approx([100 * a for a in history["val_accuracy"]])
    assert not dashboard.model.running


def test_a_reading_counts_the_steps_since_the_one_before():
    """`latest` holds means since the epoch began; the curve shows what happened since the last look."""

    model = TrainingDashboard().model
    run = SimpleNamespace(epoch=2, steps_per_epoch=10, step=14, latest={"loss": 3.0})
    assert model.step(run) and not model.step(run)
    run.step, run.latest = 18, {"loss": 2.5}
    assert model.step(run)
    assert model.curves["loss"] == ([1.4, 1.8], [3.0, pytest.approx((2.5 * 8 - 3.0 * 4) / 4)])


def test_the_learning_rate_changes_the_running_optimizer(digits):
    dashboard = TrainingDashboard()
    optimizer = cnnkit.SGD(0.004)

    def turn(run):
        assert dashboard.model.learning_rate == 0.004  # taken over as it is, not rounded to the slider's grid
        dashboard.model.learning_rate = 0.02

    recorder = Recorder(5, turn)
    cnnkit.fit(
        small_model(), *digits, epochs=1, optimizer=optimizer, callbacks=[dashboard, recorder], progress=False
    )
    assert set(recorder.rates[:4]) == {0.004} and set(recorder.rates[5:]) == {0.02}
    dashboard.model.learning_rate = 0.5  # training is over: the optimizer is its owner's again
    assert optimizer.lr == 0.02


def test_stop_ends_the_run(digits):
    dashboard = TrainingDashboard()
    recorder = Recorder(7, lambda run: dashboard.stop.click())
    history = cnnkit.fit(small_model(), *digits, epochs=3, callbacks=[dashboard, recorder], progress=False)
    assert recorder.steps == 7 and "Stop" in history.stopped
    assert "Stopped early" in dashboard.model.status()


def test_pause_holds_training_until_resumed_from_another_thread(digits):
    dashboard = TrainingDashboard()
    held = threading.Event()

    class Watch(cnnkit.Callback):
        steps = 0

        def on_step_end(self, run):
            self.steps += 1
            if self.steps == 4:
                dashboard.model.paused = True
                held.set()

    watch = Watch()
    arguments = {"epochs": 1, "callbacks": [watch, dashboard], "progress": False}
    training = threading.Thread(target=cnnkit.fit, args=(small_model(), *digits), kwargs=arguments)
    training.start()
    assert held.wait(60)
    for _ in range(200):
        if "Paused" in dashboard.status.value:
            break
        time.sleep(0.05)
    assert "Paused" in dashboard.status.value and dashboard.pause.description == "Resume"
    steps = watch.steps
    time.sleep(0.3)
    assert watch.steps == steps == 4
    dashboard.pause.value = False
    training.join(60)
    assert not training.is_alive() and watch.steps > 4 and not dashboard.model.running


def test_stop_ends_a_pause_too(digits):
    dashboard = TrainingDashboard()

    def pause_and_stop(run):
        dashboard.model.paused = True
        threading.Timer(0.2, dashboard.model.stop).start()

    recorder = Recorder(3, pause_and_stop)
    history = cnnkit.fit(small_model(), *digits, epochs=1, callbacks=[recorder, dashboard], progress=False)
    assert recorder.steps == 3 and history.stopped


def test_a_pause_from_before_does_not_block_the_next_run(digits):
    dashboard = TrainingDashboard()
    dashboard.model.paused = True
    cnnkit.fit(small_model(), *digits, epochs=1, callbacks=[dashboard], progress=False)
    assert dashboard.model.curves["val_loss"][0] == [1.0]


def test_an_error_while_drawing_does_not_end_training(digits, monkeypatch):
    dashboard = TrainingDashboard()
    monkeypatch.setattr(module, "line", lambda *args, **kwargs: 1 / 0)
    history = cnnkit.fit(small_model(), *digits, epochs=1, callbacks=[dashboard], progress=False)
    assert len(history) == 1
    assert "ZeroDivisionError" in dashboard.message.value


def test_training_is_the_same_with_and_without_the_dashboard(digits):
    plain, watched = small_model(), small_model()
    cnnkit.fit(plain, *digits, epochs=1, progress=False)
    cnnkit.fit(watched, *digits, epochs=1, callbacks=[TrainingDashboard()], progress=False)
    for one, other in zip(plain.parameters, watched.parameters, strict=True):
        assert np.array_equal(one.value.get(), other.value.get())


def test_it_draws_a_few_times_a_second_however_fast_steps_come(monkeypatch):
    dashboard = TrainingDashboard()
    clock = iter(np.arange(0, 1000, 0.001))
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    dashboard._drawn, drawn = 0.0, []
    monkeypatch.setattr(
        dashboard, "_draw", lambda *args: drawn.append(1) or setattr(dashboard, "_drawn", next(clock))
    )

    run = SimpleNamespace(epoch=1, steps_per_epoch=10**9, step=0, latest={})
    for step in range(1, 1001):  # each looks at the clock once, so about a second passes
        run.step, run.latest = step, {"loss": 1.0 / step}
        dashboard.on_step_end(run)
    assert 3 <= len(drawn) <= 5


def test_the_first_filters_are_shown_side_by_side(digits):
    filters = np.arange(5 * 9, dtype=np.float32).reshape(5, 3, 3)
    sheet = mosaic(filters)
    assert sheet.shape == (7, 11)
    assert (
        np.array_equal(sheet[4:, 4:7], filters[4])
        and np.isnan(sheet[3]).all()
        and np.isnan(sheet[4:, 8:]).all()
    )
    dashboard, model = TrainingDashboard(), small_model()
    cnnkit.fit(model, *digits, epochs=1, callbacks=[dashboard], progress=False)
    shown = dashboard.filters.values[:3, :3]
    assert np.array_equal(shown, model.layers[0].w.value.get()[0].mean(axis=0))


def test_a_model_without_convolution_and_a_loss_without_accuracy():
    x = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    dashboard = TrainingDashboard()
    model = cnnkit.Sequential(cnnkit.Linear(3, 1), seed=0)
    cnnkit.fit(
        model,
        (x, x[:, :1]),
        epochs=2,
        loss=cnnkit.MSELoss(),
        optimizer=cnnkit.SGD(0.1),
        callbacks=[dashboard],
        progress=False,
    )
    assert dashboard.message.value == "" and len(dashboard.pictures()) == 1
    assert dashboard.filters.layout.display == dashboard.accuracy.layout.display == "none"


def test_the_slider_knows_round_rates():
    assert RATES[0] == 1e-5 and RATES[-1] == 1.0 and 0.002 in RATES
    assert (np.diff(RATES) > 0).all()


def test_stills_change_with_training_and_the_sentence_does_not(digits):
    dashboard = TrainingDashboard()
    still, sentence, alt = dashboard.still(), dashboard._repr_mimebundle_()["text/plain"], dashboard.loss.alt
    cnnkit.fit(small_model(), *digits, epochs=1, callbacks=[dashboard], progress=False)
    bundle = dashboard._repr_mimebundle_()
    assert dashboard.still() != still and bundle["text/plain"] == sentence
    assert dashboard.loss.alt != alt and "validation accuracy" in dashboard.loss.alt


def test_the_state_tells_how_training_went_in_plain_values(digits):
    dashboard = TrainingDashboard()
    assert dashboard.state() == {
        **{"learning_rate": 1e-3, "paused": False, "running": False, "stopped": ""},
        **{"epoch": 0, "epochs": 0, "step": 0, "problem": ""},
    }
    history = cnnkit.fit(small_model(), *digits, epochs=2, callbacks=[dashboard], progress=False)
    state = dashboard.state()
    assert (state["epoch"], state["epochs"], state["stopped"]) == (2, 2, "")
    assert state["val_accuracy"] == history["val_accuracy"][-1]
    assert {type(value) for value in state.values()} <= {str, bool, int, float}
