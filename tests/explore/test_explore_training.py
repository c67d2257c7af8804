"""The training dashboard without a browser: what it records, and what its controls do to a run."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

import cnnkit
from cnnkit.explore import TrainingDashboard
from cnnkit.explore import training as module
from cnnkit.explore.parts import pace, worst
from cnnkit.explore.parts.curves import Curves
from cnnkit.explore.parts.filters import FilterSheet
from cnnkit.explore.parts.sheet import mosaic
from cnnkit.explore.parts.words import number
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
    curves = dashboard.model.curves.points
    assert curves["val_loss"] == ([1.0, 2.0, 3.0], history["val_loss"])
    assert curves["val_accuracy"][1] == history["val_accuracy"]
    assert curves["loss"][0][-1] == 3.0 and np.isfinite(curves["loss"][1]).all()
    assert dashboard.message.value == ""
    assert dashboard.loss.lines[1]["y"] == history["val_loss"]
    assert dashboard.accuracy.lines[1]["y"] == pytest.approx([100 * a for a in history["val_accuracy"]])
    assert not dashboard.model.running


def test_a_reading_counts_the_steps_since_the_one_before():
    """`latest` holds means since the epoch began; the curve shows what happened since the last look."""
    curves = Curves()
    run = SimpleNamespace(epoch=2, steps_per_epoch=10, step=14, latest={"loss": 3.0})
    assert curves.step(run) and not curves.step(run)
    run.step, run.latest = 18, {"loss": 2.5}
    assert curves.step(run)
    assert curves.points["loss"] == ([1.4, 1.8], [3.0, pytest.approx((2.5 * 8 - 3.0 * 4) / 4)])


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


def test_the_slider_follows_a_rate_that_falls(digits):
    dashboard, optimizer = TrainingDashboard(), cnnkit.Adam(0.004)
    few = digits[0].images[:64], digits[0].labels[:64]
    callbacks = [cnnkit.LinearDecay(), dashboard]
    cnnkit.fit(small_model(), few, epochs=4, optimizer=optimizer, callbacks=callbacks, progress=False)
    assert optimizer.lr == pytest.approx(0.001)
    assert dashboard.model.learning_rate == optimizer.lr


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
    assert dashboard.model.curves.points["val_loss"][0] == [1.0]


def test_an_error_while_drawing_does_not_end_training(digits, monkeypatch):
    dashboard = TrainingDashboard()
    monkeypatch.setattr(module, "line", lambda *args, **kwargs: 1 / 0)
    history = cnnkit.fit(small_model(), *digits, epochs=1, callbacks=[dashboard], progress=False)
    assert len(history) == 1
    assert "ZeroDivisionError" in dashboard.message.value


def test_training_is_the_same_with_and_without_the_dashboard(digits):
    plain, watched = (cnnkit.models.small_cnn((1, 8, 8), 10) for _ in range(2))  # with dropout
    cnnkit.fit(plain, *digits, epochs=2, progress=False)

    class Looking(TrainingDashboard):
        def _draw_when_due(self):  # at every step, not now and then
            self._look_and_draw()

    cnnkit.fit(watched, *digits, epochs=2, callbacks=[Looking()], progress=False)
    for one, other in zip(plain.parameters, watched.parameters, strict=True):
        assert np.array_equal(one.value.get(), other.value.get())


def test_it_draws_a_few_times_a_second_however_fast_steps_come(monkeypatch):
    dashboard = TrainingDashboard()
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(pace.time, "perf_counter", lambda: clock.now)
    drawn = []
    monkeypatch.setattr(dashboard, "_draw", lambda *args: drawn.append(clock.now))
    monkeypatch.setattr(dashboard, "_look", lambda *args: None)

    run = SimpleNamespace(epoch=1, steps_per_epoch=10**9, step=0, latest={})
    for step in range(1, 1501):  # in one and a half seconds
        run.step, run.latest, clock.now = step, {"loss": 1.0 / step}, step / 1000
        dashboard.on_step_end(run)
    assert len(drawn) == 3 and min(np.diff(drawn)) == pytest.approx(module.REDRAW_EVERY)


@pytest.mark.parametrize("cost", [0.0001, 0.02, 3.0])
def test_a_slow_drawing_is_drawn_so_rarely_that_it_takes_its_share_alone(monkeypatch, cost):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(pace.time, "perf_counter", lambda: clock.now)
    bounded, spent, times = pace.Pace(0.2, 0.025), 0.0, 0
    while clock.now < 400:
        if bounded.due():
            with bounded.spending():
                clock.now += cost
            spent, times = spent + cost, times + 1
        clock.now += 0.01
    assert spent <= 0.025 * clock.now + cost and times <= clock.now / 0.2 + 1
    assert times >= 3
    bounded.hurry()
    assert bounded.due()


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
    shown = dashboard.filters.canvas.values[:3, :3]
    assert np.array_equal(shown, model.layers[0].w.value.get()[0, 0])


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
    hidden = dashboard.filters, dashboard.accuracy, dashboard.worst
    assert {part.layout.display for part in hidden} == {"none"}


def test_the_slider_knows_round_rates():
    assert RATES[0] == 1e-5 and RATES[-1] == 10.0 and 0.002 in RATES
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
        **{"epoch": 0, "epochs": 0, "step": 0, "problem": "", "worst": []},
        **{"shared_range": True, "weight": [0, 0, 0, 0], "example": 0},
    }
    history = cnnkit.fit(small_model(), *digits, epochs=2, callbacks=[dashboard], progress=False)
    state = dashboard.state()
    assert (state["epoch"], state["epochs"], state["stopped"]) == (2, 2, "")
    assert state["val_accuracy"] == history["val_accuracy"][-1]
    assert {type(value) for value in state.values()} == {str, bool, int, float, list}
    assert json.loads(json.dumps(state)) == state


# One step -------------------------------------------------------------------------------------------


class Watch(cnnkit.Callback):
    """Counts steps, and pauses the dashboard before the one numbered `pause_at` ends."""

    def __init__(self, dashboard, pause_at):
        self.dashboard, self.pause_at, self.steps = dashboard, pause_at, 0

    def on_step_end(self, run):
        self.steps += 1
        if self.steps == self.pause_at:
            self.dashboard.model.paused = True


def wait_until(true):
    for _ in range(1200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("waited a minute in vain")


@pytest.fixture
def paused(digits):
    """A dashboard whose training, in another thread, is paused at step 4, with what counts its steps."""
    dashboard = TrainingDashboard()
    watch = Watch(dashboard, 4)
    settings = {"epochs": 2, "callbacks": [watch, dashboard], "progress": False}
    training = threading.Thread(target=cnnkit.fit, args=(small_model(), *digits), kwargs=settings)
    training.start()
    wait_until(lambda: "Paused" in dashboard.status.value)
    yield dashboard, watch, training
    dashboard.model.stop()
    training.join(60)
    assert not training.is_alive()


def test_step_takes_exactly_one_more_step_and_is_paused_again(paused):
    dashboard, watch, training = paused
    assert not dashboard.once.disabled
    before = dashboard.model.filters.weights
    for steps in (5, 6, 7):
        dashboard.once.click()
        wait_until(lambda: f"{steps} steps" in dashboard.status.value)  # noqa: B023
        assert watch.steps == steps and dashboard.model.paused
    assert "Paused" in dashboard.status.value and not np.array_equal(before, dashboard.model.filters.weights)
    assert dashboard.state()["step"] == 7
    # Three quick presses are three steps, and no press is left over for the next pause.
    for _ in range(3):
        dashboard.once.click()
    wait_until(lambda: "10 steps" in dashboard.status.value)
    dashboard.model.stop()
    training.join(60)
    assert watch.steps == 10


def test_a_paused_run_shows_the_filters_and_the_worst_images_of_now(paused):
    dashboard, _, _ = paused
    model = dashboard.model
    assert len(model.worst) == worst.SHOWN and dashboard.worst.layout.display == "flex"
    assert np.array_equal(model.filters.weights, model.run.model.layers[0].w.value.get())


def test_a_step_can_end_an_epoch(digits):
    """The last step of an epoch ends paused before the epoch does; the next press goes on into the next."""
    train = digits[0][:100]
    dashboard = TrainingDashboard()
    watch = Watch(dashboard, 1)
    settings = {"epochs": 2, "batch_size": 50, "callbacks": [watch, dashboard], "progress": False}
    training = threading.Thread(target=cnnkit.fit, args=(small_model(), train), kwargs=settings)
    training.start()
    for steps, epoch in ((1, 1), (2, 1), (3, 2), (4, 2)):
        text = f"epoch {epoch} of 2, {steps} step"
        wait_until(lambda: "Paused" in dashboard.status.value and text in dashboard.status.value)  # noqa: B023
        dashboard.once.click()
    training.join(60)
    assert not training.is_alive() and watch.steps == 4
    assert "Finished" in dashboard.model.status() and dashboard.once.disabled


def test_step_does_nothing_unless_paused(digits):
    dashboard = TrainingDashboard()
    assert dashboard.once.disabled
    dashboard.once.click()
    recorder = Recorder(5, lambda run: dashboard.once.click())
    cnnkit.fit(small_model(), *digits, epochs=1, callbacks=[dashboard, recorder], progress=False)
    assert recorder.steps == 23 and dashboard.message.value == ""


# The worst examples ------------------------------------------------------------------------------


def cross_entropies(model, images, labels):
    """The definition, in plain NumPy: losses (n,), predicted (n,), their probabilities (n,)."""
    scores = np.stack([model(image[None]).get()[0] for image in images]).astype(np.float64)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    predicted = shares.argmax(axis=1)
    at = np.arange(len(labels))
    return -np.log(shares[at, labels]), predicted, shares[at, predicted]


def test_the_worst_are_those_of_the_highest_loss(digits):
    train, test = digits
    dashboard, model = TrainingDashboard(), small_model()
    cnnkit.fit(model, train, test, epochs=1, callbacks=[dashboard], progress=False)
    losses, predicted, sure = cross_entropies(model, test.images, test.labels)
    expected = np.argsort(-losses)[: worst.SHOWN]
    found = dashboard.model.worst
    assert [one.index for one in found] == expected.tolist()
    assert [one.loss for one in found] == pytest.approx(losses[expected], rel=1e-4)
    assert [one.predicted for one in found] == predicted[expected].tolist()
    assert [one.true for one in found] == test.labels[expected].tolist()
    assert [one.sure for one in found] == pytest.approx(sure[expected], rel=1e-4)
    canvas = dashboard.worst.canvas
    assert canvas.title == "Worst of 359 validation images"
    assert np.array_equal(canvas.values[:8, 9:17], test.images[expected[1], 0])
    assert canvas.alt.startswith(canvas.title) and "taken for" in canvas.alt
    assert dashboard.state()["worst"] == expected.tolist()


def test_pointing_at_an_image_says_what_it_is_and_what_it_was_taken_for(digits):
    train, test = digits
    dashboard = TrainingDashboard()
    cnnkit.fit(small_model(), train, test, epochs=1, callbacks=[dashboard], progress=False)
    dashboard.worst.canvas.focus = (9 + 4, 2 * 9 + 1)  # second row of four, third picture
    one = dashboard.model.worst[6]
    assert dashboard.model.example == 6
    told = dashboard.worst.words.value
    assert f"Validation image {one.index}: “{test.classes[one.true]}”" in told
    assert f"“{test.classes[one.predicted]}”" in told or "recognized" in told
    assert dashboard.worst.table.value.count("<tr") == worst.SHOWN + 1
    assert dashboard.worst.table.value.split("cnnkit-here")[1].startswith(f'"><td>{one.index}</td>')
    (around,) = dashboard.worst.canvas.marks
    assert (around["row"], around["col"], around["height"], around["width"]) == (9, 18, 8, 8)
    dashboard.worst.canvas.focus = (8, 3)  # between two pictures: the arrow keys must get across
    assert dashboard.worst.canvas.focus == (8, 3) and dashboard.model.example == 6
    dashboard.model.example = 99
    assert dashboard.model.example == worst.SHOWN - 1 and dashboard.message.value == ""


def test_without_validation_the_training_images_are_judged_and_a_pair_has_no_names(digits):
    train = digits[0]
    dashboard = TrainingDashboard()
    pair = train.images[:40], train.labels[:40]
    cnnkit.fit(small_model(), pair, epochs=1, callbacks=[dashboard], progress=False)
    assert dashboard.worst.canvas.title == "Worst of 40 training images"
    assert "Training image" in dashboard.worst.words.value and "class " in dashboard.worst.words.value


def test_a_large_set_is_judged_by_a_sample_that_stays_the_same(digits):
    train = digits[0]
    run = SimpleNamespace(
        validation=None,
        train=(train.images, train.labels),
        loss=cnnkit.CrossEntropyLoss(),
        classes=(),
    )
    first, second = worst.sample_of(run), worst.sample_of(run)
    assert np.array_equal(first.indices, second.indices) and len(first.indices) == worst.SAMPLE
    assert np.array_equal(first.images, train.images[first.indices])
    assert first.title() == "Worst of 500 of 1438 training images"
    run.train = np.zeros((300, 3, 100, 100), np.float32), np.zeros(300, np.int32)
    assert len(worst.sample_of(run).indices) == worst.SAMPLE_NUMBERS // 30_000


def test_scores_that_are_no_numbers_are_the_worst():
    labels = np.array([0, 1, 0], np.int32)
    sample = worst.Sample("training", 3, np.arange(3), np.zeros((3, 1, 2, 2), np.float32), labels)
    scores = np.array([[5, 0], [np.nan, 1], [0, 50]], np.float32)
    assert [one.index for one in worst.worst(scores, sample)] == [1, 2, 0]


def test_colors_in_the_images_and_in_the_filters():
    rng = np.random.default_rng(0)
    images = rng.random((30, 3, 8, 6), dtype=np.float32)
    data = cnnkit.data.Dataset(images, np.arange(30) % 2, ("<cat>", "dog"))
    model = cnnkit.Sequential(
        cnnkit.Conv2d(3, 5, 3, padding=1), cnnkit.ReLU(), cnnkit.Flatten(), cnnkit.Linear(5 * 48, 2), seed=0
    )
    dashboard = TrainingDashboard()
    cnnkit.fit(model, data, epochs=1, callbacks=[dashboard], progress=False)
    assert dashboard.message.value == ""
    canvas, one = dashboard.worst.canvas, dashboard.model.worst[0]
    shown = canvas.values[:8, :6].astype(float) / 255
    assert np.abs(shown - images[one.index].transpose(1, 2, 0)).max() <= 1 / 255
    assert "&lt;cat&gt;" in dashboard.worst.table.value and "<cat>" not in dashboard.worst.table.value
    sheet, weights = dashboard.model.filters, model.layers[0].w.value.get()
    assert sheet.across % 3 == 0  # red, green and blue of a filter stay together
    shown = dashboard.filters.canvas.values
    for place in ((0, 0, 0, 0), (1, 2, 2, 1), (4, 1, 0, 2)):
        row, column = sheet.corner(*place[:2])
        position = row + place[2], column + place[3]
        assert shown[position] == weights[place] and sheet.place(position) == place
    dashboard.filters.canvas.focus = (0, 4)
    assert (
        dashboard.model.weight == (0, 1, 0, 0) and "Filter 0, green, row 0" in dashboard.filters.words.value
    )
    assert dashboard.still().startswith(b"\x89PNG") and len(dashboard.pictures()) == 4


# The filters -------------------------------------------------------------------------------------


def test_a_weight_is_told_with_what_it_was_when_training_began(digits):
    dashboard, model = TrainingDashboard(), small_model()
    before = model.layers[0].w.value.get()
    cnnkit.fit(model, *digits, epochs=1, callbacks=[dashboard], progress=False)
    dashboard.filters.canvas.focus = (4 + 2, 4 + 1)  # the filter below on the right
    now = model.layers[0].w.value.get()
    assert dashboard.model.weight == (3, 0, 2, 1)
    place = (3, 0, 2, 1)
    assert dashboard.model.filters.sentence(place) in dashboard.filters.words.value.replace("&#x27;", "'")
    told = dashboard.model.filters.sentence(place)
    assert number(now[place]) in told and number(before[place]) in told
    assert number(float(now[place]) - float(before[place])) in told


def test_filters_share_a_range_or_have_their_own(digits):
    dashboard, model = TrainingDashboard(), small_model()
    cnnkit.fit(model, *digits, epochs=1, callbacks=[dashboard], progress=False)
    weights, canvas = model.layers[0].w.value.get()[:, 0], dashboard.filters.canvas
    assert canvas.high == -canvas.low == np.abs(weights).max() and "one range" in canvas.caption
    alt = canvas.alt
    dashboard.model.shared_range = False
    assert canvas.high == -canvas.low == 1 and "its own" in canvas.caption and canvas.alt != alt
    for index, (row, column) in enumerate(((0, 0), (0, 4), (4, 0), (4, 4))):
        shown = canvas.values[row : row + 3, column : column + 3]
        np.testing.assert_allclose(shown, weights[index] / np.abs(weights[index]).max(), rtol=1e-6)


@pytest.mark.parametrize(
    ("filters", "channels"), [(1, 1), (8, 1), (16, 3), (64, 1), (128, 1), (512, 3), (9, 2)]
)
def test_every_filter_is_large_enough_to_see(filters, channels):
    weights = np.random.default_rng(0).normal(size=(filters, channels, 3, 3)).astype(np.float32)
    sheet = FilterSheet(weights, weights, channels)
    picture, low, high = sheet.picture(True)
    assert sheet.width / sheet.across >= 24 and sheet.width <= 420
    assert sheet.across % channels == 0 and -low == high == pytest.approx(
        np.abs(picture[picture == picture]).max()
    )
    assert ("shown" in sheet.title()) == (sheet.shown < filters)
    zero = np.zeros_like(weights)
    assert np.nanmax(FilterSheet(zero, zero, channels).picture(False)[0]) == 0


def test_a_layer_of_many_channels_shows_their_mean(digits):
    images = np.random.default_rng(0).random((20, 6, 8, 8), dtype=np.float32)
    model = cnnkit.Sequential(cnnkit.Conv2d(6, 2, 3), cnnkit.Flatten(), cnnkit.Linear(72, 2), seed=0)
    dashboard = TrainingDashboard()
    labels = np.arange(20, dtype=np.int32) % 2
    cnnkit.fit(model, (images, labels), epochs=1, callbacks=[dashboard], progress=False)
    canvas = dashboard.filters.canvas
    assert np.array_equal(canvas.values[:3, :3], model.layers[0].w.value.get()[0].mean(axis=0))
    assert "mean of 6 channels" in canvas.caption and dashboard.worst.canvas.values.ndim == 2


def test_a_dense_model_on_images_has_worst_examples_and_no_filters(digits):
    dashboard = TrainingDashboard()
    model = cnnkit.Sequential(cnnkit.Flatten(), cnnkit.Linear(64, 10), seed=0)
    cnnkit.fit(model, *digits, epochs=1, callbacks=[dashboard], progress=False)
    assert dashboard.filters.layout.display == "none" and dashboard.worst.layout.display == "flex"
    assert [part.name for part in dashboard.pictures()] == ["loss", "accuracy", "worst"]
    assert dashboard.message.value == ""


def test_the_next_run_may_be_of_another_network(digits):
    dashboard = TrainingDashboard()
    cnnkit.fit(small_model(), *digits, epochs=1, callbacks=[dashboard], progress=False)
    dashboard.model.weight, dashboard.model.example = (3, 0, 2, 2), 11
    tiny = cnnkit.Sequential(cnnkit.Conv2d(1, 2, 1), cnnkit.Flatten(), cnnkit.Linear(128, 10), seed=0)
    few = digits[0][:5]
    cnnkit.fit(tiny, few, epochs=1, callbacks=[dashboard], progress=False)
    assert dashboard.model.weight == (1, 0, 0, 0) and dashboard.model.example == 0
    assert dashboard.message.value == "" and len(dashboard.model.worst) == 5


def test_pointing_while_another_thread_trains_leaves_both_right(digits):
    """The learner's hand is on another thread than training (see tests/test_threads.py)."""
    alone, watched = (cnnkit.models.small_cnn((1, 8, 8), 10) for _ in range(2))
    cnnkit.fit(alone, *digits, epochs=6, progress=False)
    dashboard = TrainingDashboard()
    settings = {"epochs": 6, "callbacks": [dashboard], "progress": False}
    training = threading.Thread(target=cnnkit.fit, args=(watched, *digits), kwargs=settings)
    training.start()
    rng = np.random.default_rng(0)
    while training.is_alive():
        dashboard.model.shared_range = not dashboard.model.shared_range
        dashboard.filters.canvas.focus = tuple(int(at) for at in rng.integers(0, 15, 2))
        dashboard.worst.canvas.focus = tuple(int(at) for at in rng.integers(0, 26, 2))
        dashboard.state()
        time.sleep(0.002)
    training.join()
    assert dashboard.message.value == ""
    for one, other in zip(alone.parameters, watched.parameters, strict=True):
        assert np.array_equal(one.value.get(), other.value.get())


def test_callbacks_see_what_the_run_trains_on(digits):
    train, test = digits
    seen = []

    class Look(cnnkit.Callback):
        def on_fit_begin(self, run):
            seen.append((run.train, run.validation, run.classes))

    cnnkit.fit(small_model(), train, test, epochs=1, callbacks=[Look()], progress=False)
    cnnkit.fit(small_model(), (train.images, train.labels), epochs=1, callbacks=[Look()], progress=False)
    assert np.array_equal(seen[0][0][0], train.images) and np.array_equal(seen[0][1][1], test.labels)
    assert seen[0][2] == train.classes
    assert seen[1][1] is None and seen[1][2] == ()


def test_the_still_is_renewed_after_the_cell_that_trained(digits, monkeypatch):
    """Matplotlib takes half a second, which neither `fit` nor what follows it in the cell waits for."""
    registered, updated = [], []
    events = SimpleNamespace(
        register=lambda name, action: registered.append((name, action)),
        unregister=lambda name, action: registered.remove((name, action)),
    )
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(events=events))
    dashboard = TrainingDashboard()
    dashboard._handles.append(SimpleNamespace(update=lambda bundle, raw: updated.append(bundle)))
    for _ in range(2):  # two trainings in a cell are one still
        cnnkit.fit(small_model(), *digits, epochs=1, callbacks=[dashboard], progress=False)
    assert updated == [] and [name for name, _ in registered] == ["post_run_cell"]
    registered[0][1](None)
    assert len(updated) == 1 and "image/png" in updated[0] and registered == []
    cnnkit.fit(small_model(), *digits, epochs=1, callbacks=[dashboard], progress=False)
    assert len(registered) == 1
