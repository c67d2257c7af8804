"""Training: it learns, the same seed gives the same bits, and no way of stopping loses anything."""

import signal
import threading

import numpy as np
import pytest
from training_cases import IMAGES, LABELS, QUIET, RNG, Recorder, assert_same, network

import cnnkit
from cnnkit import (
    SGD,
    Adam,
    Callback,
    Conv2d,
    Linear,
    MSELoss,
    ReLU,
    Sequential,
    fit,
)
from cnnkit.errors import CnnkitError, ShapeError, TrainingError
from cnnkit.train import evaluate


def test_it_learns(device):
    model = network(dropout=0)
    before = evaluate(model, (IMAGES, LABELS))
    history = fit(
        model, (IMAGES, LABELS), (IMAGES, LABELS), epochs=30, batch_size=16, optimizer=Adam(0.01), **QUIET
    )
    assert history["val_accuracy"][-1] > 0.95 > before["accuracy"]
    assert history["val_loss"][-1] < 0.5 * before["loss"]
    assert len(history) == 30 and history.rows[0].keys() == {
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds", "images_per_second",
    }  # fmt: skip
    assert evaluate(model, (IMAGES, LABELS))["accuracy"] == history["val_accuracy"][-1]


def test_one_step_is_the_formula():
    """One batch of everything: the weights move by lr times the gradient that the operations give."""
    model, twin = network(dropout=0), network(dropout=0)
    fit(model, (IMAGES, LABELS), epochs=1, batch_size=90, optimizer=SGD(0.1), **QUIET)
    order = np.random.default_rng([0, 1]).permutation(90)
    loss = cnnkit.CrossEntropyLoss()
    scores = twin.forward(IMAGES[order])
    twin.backward(loss.backward(scores, LABELS[order]))
    for p, q in zip(model.parameters, twin.parameters, strict=True):
        np.testing.assert_allclose(p.value.get(), q.value.get() - 0.1 * q.grad.get(), rtol=1e-6, atol=1e-7)
    assert model.history["loss"][0] == pytest.approx(float(loss(scores, LABELS[order]).get()), rel=1e-6)


def test_the_same_seed_gives_the_same_bits_and_another_does_not(device):
    models = [network(), network(), network()]
    for model, seed in zip(models, (5, 5, 6), strict=True):
        fit(model, (IMAGES, LABELS), epochs=2, batch_size=16, seed=seed, **QUIET)
    assert_same(models[0], models[1])
    assert not np.array_equal(models[0].state()["0.w"], models[2].state()["0.w"])


def test_squared_loss_and_targets_that_are_arrays():
    x = RNG.standard_normal((64, 3)).astype(np.float32)
    y = x @ np.array([[1.0], [-2.0], [0.5]], np.float32) + 0.3
    model = Sequential(Linear(3, 1), seed=0)
    history = fit(
        model, (x, y), (x, y), epochs=60, batch_size=16, optimizer=SGD(0.1), loss=MSELoss(), **QUIET
    )
    assert history["val_loss"][-1] < 1e-6
    assert "accuracy" not in history.rows[0]
    np.testing.assert_allclose(model.layers[0].w.value.get(), [[1, -2, 0.5]], atol=1e-3)


def test_a_set_too_large_for_the_device_trains_to_the_same_bits(monkeypatch):
    here, there = network(), network()
    fit(here, (IMAGES, LABELS), epochs=1, batch_size=16, **QUIET)
    monkeypatch.setattr(cnnkit.current_device(), "memory_bytes", 1000)
    fit(there, (IMAGES, LABELS), epochs=1, batch_size=16, **QUIET)
    assert_same(here, there)


def test_callbacks_hear_everything_in_order():
    recorder = Recorder()
    fit(network(), (IMAGES, LABELS), epochs=2, batch_size=45, callbacks=[recorder], **QUIET)
    assert recorder.events == ["begin", 1, 2, "epoch 1 1", 3, 4, "epoch 2 2", "end"]
    assert recorder.seen[1].keys() == {"loss", "accuracy"}


def test_linear_decay(tmp_path):
    seen = []

    class Watch(Callback):
        def on_step_end(self, run):
            seen.append(run.optimizer.lr)

    how = {
        "batch_size": 90,
        "callbacks": [cnnkit.LinearDecay(), Watch()],
        "checkpoint": tmp_path / "c",
        **QUIET,
    }
    fit(network(), (IMAGES, LABELS), epochs=4, optimizer=SGD(0.8), **how)
    assert seen == pytest.approx([0.8, 0.6, 0.4, 0.2])
    resumed = SGD(0.8)
    fit(network(), (IMAGES, LABELS), epochs=4, optimizer=resumed, **how)
    assert resumed.lr == pytest.approx(0.2)


def test_a_callback_can_stop(capsys):
    class Enough(Callback):
        def on_step_end(self, run):
            if run.step == 8:
                run.stop("enough for today")

    model = network()
    history = fit(model, (IMAGES, LABELS), epochs=9, batch_size=16, callbacks=[Enough()], **QUIET)
    assert len(history) == 1 and history.stopped == "enough for today" and model.history is history
    assert "enough for today" in capsys.readouterr().out


def test_an_interrupt_keeps_model_and_history(capsys):
    class Interrupts(Callback):
        def on_step_end(self, run):
            if run.step == 14:
                signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    model, straight = network(), network()
    history = fit(model, (IMAGES, LABELS), epochs=9, batch_size=16, callbacks=[Interrupts()], **QUIET)
    assert history.stopped == "interrupted" and len(history) == 2
    assert signal.getsignal(signal.SIGINT) is before
    assert "interrupted" in capsys.readouterr().out

    class StopsThere(Callback):
        def on_step_end(self, run):
            if run.step == 14:
                run.stop()

    fit(straight, (IMAGES, LABELS), epochs=9, batch_size=16, callbacks=[StopsThere()], **QUIET)
    assert_same(model, straight)  # the interrupted step was finished, not left half done


def test_a_second_interrupt_acts_at_once():
    class Impatient(Callback):
        def on_step_end(self, run):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(network(), (IMAGES, LABELS), epochs=1, callbacks=[Impatient()], **QUIET)


def test_fit_works_in_a_thread():
    model, results = network(), []
    thread = threading.Thread(target=lambda: results.append(fit(model, (IMAGES, LABELS), epochs=1, **QUIET)))
    thread.start()
    thread.join()
    assert len(results[0]) == 1


def test_a_loss_that_breaks_names_step_layer_and_remedy():
    model = network()
    with pytest.raises(TrainingError) as caught:
        fit(model, (IMAGES, LABELS), epochs=50, batch_size=16, optimizer=SGD(1e20), **QUIET)
    words = str(caught.value)
    assert "Training stopped at step" in words and "the loss is not finite" in words
    assert "layer" in words and "smaller learning rate (it is 1e+20)" in words and "model.history" in words
    assert all(np.isfinite(array).all() for array in model.state().values())
    assert model.history.stopped


def test_nan_among_the_images_is_found():
    images = IMAGES.copy()
    images[50, 0, 3, 3] = np.nan
    model = network()
    before = model.state()
    with pytest.raises(TrainingError, match="It began in the images themselves"):
        fit(model, (images, LABELS), epochs=1, batch_size=90, **QUIET)
    for name in ("0.w", "0.b", "5.w", "5.b"):
        np.testing.assert_array_equal(before[name], model.state()[name])


def test_the_layer_where_it_began_is_the_right_one():
    model = network()
    weights = model.layers[5].w.value.get()
    weights[0, 0] = np.inf
    model.layers[5].w.set(weights)
    with pytest.raises(TrainingError, match=r"It began in the weights of layer 5, Linear"):
        fit(model, (IMAGES, LABELS), epochs=1, batch_size=16, **QUIET)
    model = network()
    model.layers[5].w.set(np.full((2, 64), 3e38))
    with pytest.raises(TrainingError, match=r"It began in the output of layer 5, Linear"):
        fit(model, (IMAGES, LABELS), epochs=1, batch_size=16, **QUIET)


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_break_in_the_last_step_of_an_epoch_is_seen(tmp_path, epochs):
    """Its loss was finite, its weights are not: nothing broken is returned or written."""
    model, path = network(), tmp_path / "c"
    optimizer = SGD(3e38, momentum=0.9)
    with pytest.raises(TrainingError, match=r"in the weights of layer .*, when a step was made too large"):
        fit(
            model,
            (IMAGES * 100, LABELS),
            epochs=epochs,
            batch_size=90,
            optimizer=optimizer,
            checkpoint=path,
            **QUIET,
        )
    assert all(np.isfinite(array).all() for array in model.state().values())
    assert all(np.isfinite(array.get()).all() for kept in optimizer.state for array in kept.values())
    optimizer.lr = 0.01  # as the sentence advises: the same model and optimizer go on
    assert len(fit(model, (IMAGES, LABELS), epochs=1, optimizer=optimizer, **QUIET)) == 1


def test_nan_in_the_validation_images_is_told():
    broken = IMAGES.copy()
    broken[3] = np.nan
    with pytest.raises(TrainingError, match="after epoch 1: the validation loss is nan"):
        fit(network(), (IMAGES, LABELS), (broken, LABELS), epochs=2, **QUIET)


def test_one_model_is_trained_by_one_fit_at_a_time():
    model, errors = network(), []

    class Again(Callback):
        def on_step_end(self, run):
            try:
                fit(model, (IMAGES, LABELS), epochs=1, **QUIET)
            except TrainingError as error:
                errors.append(str(error))

    fit(model, (IMAGES, LABELS), epochs=1, callbacks=[Again()], **QUIET)
    assert "is being trained already" in errors[0]
    fit(model, (IMAGES, LABELS), epochs=1, **QUIET)


def test_a_model_of_another_device_is_refused():
    from cnnkit.device import Device

    model, here = network(), cnnkit.current_device()
    cnnkit.use(Device(here.handle))
    try:
        for use in (lambda: fit(model, (IMAGES, LABELS), **QUIET), lambda: model.initialize(1)):
            with pytest.raises(cnnkit.DeviceError, match="lives on another device"):
                use()
    finally:
        cnnkit.use(here)


def test_numbers_of_numpy_and_arrays_on_the_device():
    here, there = network(), network()
    fit(here, (IMAGES, LABELS), epochs=1, batch_size=16, **QUIET)
    images = cnnkit.to_device(np.repeat(IMAGES, 2, axis=3))[..., ::2]
    fit(
        there,
        (images, LABELS.tolist()),
        epochs=np.int64(1),
        batch_size=np.int64(16),
        seed=np.int64(0),
        **QUIET,
    )
    assert_same(here, there)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: fit(network(), (IMAGES, LABELS[:5]), **QUIET), ShapeError, "90 inputs and 5 targets"),
        (lambda: fit(network(), (IMAGES[:0], LABELS[:0]), **QUIET), ShapeError, "at least one"),
        (lambda: fit(network(), (IMAGES, LABELS + 1), **QUIET), ShapeError, "there are 2 classes"),
        (lambda: fit(network(), (IMAGES[:, :, :4], LABELS), **QUIET), ShapeError, r"write Linear\(32, 2\)"),
        (lambda: fit(network(), IMAGES, **QUIET), ShapeError, "train must be a Dataset or a pair"),
        (lambda: fit(Sequential(ReLU()), (IMAGES, LABELS), **QUIET), CnnkitError, "no layer that learns"),
        (lambda: fit(network(), (IMAGES, LABELS), epochs=0, **QUIET), CnnkitError, "at least 1"),
        (lambda: fit(Sequential(Conv2d(1, 2, 3)), (IMAGES, LABELS), **QUIET), ShapeError, "Flatten"),
    ],
)
def test_mistakes_are_told_before_the_first_step(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_progress_bar_shows_loss_accuracy_and_speed(capsys):
    fit(network(), (IMAGES, LABELS), (IMAGES, LABELS), epochs=2, batch_size=16)
    shown = capsys.readouterr().err
    for words in ("epoch 2/2", "loss 0.", "accuracy", "validation", "images/s"):
        assert words in shown


def test_history_prints_and_plots():
    import matplotlib

    matplotlib.use("Agg")
    history = fit(network(), (IMAGES, LABELS), (IMAGES, LABELS), epochs=2, **QUIET)
    assert "validation accuracy" in str(history) and len(str(history).splitlines()) == 4
    assert history._repr_html_().count("<tr>") == 3
    figure = history.plot()
    assert [len(axis.lines) for axis in figure.axes] == [2, 2]
    assert str(cnnkit.history.History()) == "no epoch finished yet"


def test_memory_is_flat_over_many_steps():
    """Buffers come back: after the first epoch the pool asks the device for nothing more."""
    pool = cnnkit.current_device().pool
    held = []

    class Watch(Callback):
        def on_epoch_end(self, run):
            held.append((pool.active_bytes, pool.managed_bytes))

    fit(network(), (IMAGES, LABELS), epochs=6, batch_size=16, callbacks=[Watch()], **QUIET)
    assert len(set(held[1:])) == 1


def test_a_loss_of_ones_own_is_what_is_trained(capsys):
    """Also one that is derived from ours: its own loss and gradient count."""

    class Nothing(cnnkit.CrossEntropyLoss):
        def __call__(self, scores, labels):
            return super().__call__(scores, labels) * 0 + 7

        def backward(self, scores, labels):
            return super().backward(scores, labels) * 0

    model = network()
    before = model.state()
    history = fit(model, (IMAGES, LABELS), epochs=1, optimizer=SGD(0.1), loss=Nothing(), **QUIET)
    assert history.rows[0]["loss"] == pytest.approx(7)
    after = {name: p.value.get() for name, p in model.named_parameters().items()}
    assert all(np.array_equal(before[name], value) for name, value in after.items())

    assert cnnkit.evaluate(model, (IMAGES, LABELS), Nothing())["loss"] == pytest.approx(7)
