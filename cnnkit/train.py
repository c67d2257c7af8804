"""The training loop: shuffle, predict, measure the loss, go back, step; epoch after epoch.

The whole training set lies on the device, and a step is a row of kernel launches without a wait: the
losses are written to a logbook on the device and read a few times a second for the progress bar.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from .array import device_failed, is_from_the_driver, on_current_device, to_device, to_numpy
from .batches import Batches, Logbook
from .breakdown import Snapshot, broken_parameters, explain_break
from .callbacks import Callback, Run
from .checkpoint import identity, resume, save_checkpoint
from .data.dataset import Dataset
from .device import current_device
from .errors import CnnkitError, OutOfMemoryError, ShapeError, TrainingError, shown
from .history import History
from .interrupts import Interrupts, whole
from .losses import CrossEntropyLoss, MSELoss
from .model import Sequential
from .ops.arguments import whole as whole_number
from .ops.loss import check_labels, count_correct
from .optim import Adam, Optimizer
from .progress import Bar

READ_EVERY = 0.15  # seconds between two looks at the device's logbook
EVALUATION_BATCH = 250


def fit(
    model: Sequential,
    train: Any,
    validation: Any = None,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: Optimizer | None = None,
    loss: Any = None,
    seed: int = 0,
    callbacks: Iterable[Callback] = (),
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
) -> History:
    """Train `model` and return the History.

    Args: `train` and `validation` are Datasets or (inputs, targets) pairs: inputs (n, ...), targets whole
    numbers (n,) for CrossEntropyLoss (the default loss) or arrays like the outputs for MSELoss.
    `optimizer` defaults to Adam(). `seed` decides the order of the images: the same seed, model and
    device give the same bits. `checkpoint` names a file that is written after every epoch; when it
    exists already, training goes on from it. `progress` shows a bar.

    Interrupting (the stop button, Ctrl-C) ends training after the running step and returns the history so
    far; the model keeps what it has learned. A second interrupt raises KeyboardInterrupt at once, wherever
    training is, and even then no step is half done: weights, optimizer and its count of steps are those of
    the last step, and `model.history` has the finished epochs. A loss that is not finite raises
    TrainingError with the step and the layer where it began; `model.history` has the epochs until then.
    """
    optimizer = Adam() if optimizer is None else optimizer
    loss = CrossEntropyLoss() if loss is None else loss
    epochs, batch_size = whole_number(epochs, "epochs", 1), whole_number(batch_size, "batch_size", 1)
    seed = whole_number(seed, "seed", 0)
    if not isinstance(optimizer, Optimizer):
        raise CnnkitError(f"optimizer must be an SGD() or Adam(), not {shown(optimizer)}.")
    _check_loss(loss)
    if not model.parameters:
        raise CnnkitError("The model has no layer that learns: add a Conv2d or a Linear.")
    on_current_device(model.parameters[0].value, "The model")
    with Interrupts() as interrupts:
        if not model.training.acquire(blocking=False):
            raise TrainingError("This model is being trained already: stop that run, or wait until it ends.")
        try:
            with interrupts.acting():
                return _fit(
                    interrupts,
                    model,
                    train,
                    validation,
                    epochs,
                    batch_size,
                    optimizer,
                    loss,
                    seed,
                    callbacks,
                    checkpoint,
                    progress,
                )
        except Exception as error:  # such as a card that is unplugged, or reset by its driver
            if is_from_the_driver(error):
                raise device_failed(current_device(), error) from None
            raise
        finally:
            model.training.release()


def _fit(
    interrupts: Interrupts,
    model: Sequential,
    train: Any,
    validation: Any,
    epochs: int,
    batch_size: int,
    optimizer: Optimizer,
    loss: Any,
    seed: int,
    callbacks: Iterable[Callback],
    checkpoint: str | os.PathLike | None,
    progress: bool,
) -> History:
    inputs, targets = _arrays(train, loss, "train")
    held_out = None if validation is None else _arrays(validation, loss, "validation")
    for part in (inputs, targets), held_out:
        if part is not None:
            _check_output(model, loss, *part)
    history = model.history = History()
    named = [data.classes for data in (train, validation) if isinstance(data, Dataset)]
    classes = named[0] if named else ()
    run = Run(model, optimizer, loss, history, epochs, (inputs, targets), held_out, classes)
    run.steps_per_epoch = -(-len(inputs) // batch_size)
    interrupts.ask = lambda: run.stop("interrupted")
    if interrupts.asked:  # while the data were prepared
        interrupts.ask()
    optimizer.prepare(model.parameters)
    if checkpoint is not None:
        arrays = [inputs, targets, *(held_out or ())]
        same = identity(model, optimizer, loss, arrays, batch_size=batch_size, seed=seed)
        if resume(checkpoint, model, optimizer, history, same):
            run.step = len(history) * run.steps_per_epoch
        else:
            # Before the first step, too: a run stopped in its first epoch must start again from here.
            save_checkpoint(checkpoint, model, optimizer, history, same)
    callbacks, no_room = list(callbacks), ""
    bar = Bar(run, progress, already=len(history))
    with bar:
        try:
            optimizer.gather(model.parameters)
            for callback in callbacks:
                callback.on_fit_begin(run)
            batches = Batches(inputs, targets, batch_size, seed)
            for epoch in range(len(history) + 1, epochs + 1):
                if interrupts.asked:
                    break
                run.epoch = epoch
                row = _one_epoch(run, batches, callbacks, bar)
                if row is None:
                    break
                if held_out is not None:
                    row |= {f"val_{k}": v for k, v in _evaluate(model, loss, *held_out).items()}
                    if not np.isfinite(row["val_loss"]):
                        run.stopped = "the validation loss is not finite"
                        raise TrainingError(
                            f"Training stopped after epoch {epoch}: the validation loss is "
                            f"{row['val_loss']}. Look for NaN in the validation images, or try a smaller "
                            f"learning rate (it is {optimizer.lr:g}). The history is in model.history."
                        )
                history.rows.append(row)
                bar.epoch_done(row)
                for callback in callbacks:
                    callback.on_epoch_end(run)
                if checkpoint is not None:
                    save_checkpoint(checkpoint, model, optimizer, history, same)
                if run.stopped:
                    break
        except OutOfMemoryError as error:
            no_room = str(error)
            for layer in model.layers:
                layer.kept = None  # so that a smaller batch finds the room
        finally:
            with whole():
                optimizer.release()
                history.stopped = run.stopped
            for callback in callbacks:
                callback.on_fit_end(run)
    if no_room:  # raised here: the error that was handled would hold on to the arrays of its step
        raise OutOfMemoryError(f"batch_size={batch_size} is too much here. {no_room}")
    if run.stopped:
        done = f"{len(history)} of {epochs} epochs"
        print(f"Training ended early ({run.stopped}) after {done}; the model is kept.")
    return history


def evaluate(model: Sequential, data: Any, loss: Any = None) -> dict[str, float]:
    """The mean loss over `data` (a Dataset or a pair), and for classes the accuracy, between 0 and 1.

    It goes batch by batch, in smaller ones where the device has no room for the usual.
    """
    loss = CrossEntropyLoss() if loss is None else loss
    _check_loss(loss)
    inputs, targets = _arrays(data, loss, "data")
    _check_output(model, loss, inputs, targets)
    return _evaluate(model, loss, inputs, targets)


def _one_epoch(run: Run, batches: Batches, callbacks: list[Callback], bar: Bar) -> dict[str, Any] | None:
    """Train over all batches once; the epoch's row, or None when training was stopped on the way."""
    log = Logbook(run.steps_per_epoch)
    before = Snapshot(run)
    run.latest = {}
    started = last_read = time.perf_counter()
    for index, (x, y) in enumerate(batches.of_epoch(run.epoch)):
        run.step += 1
        train_step(run.model, run.loss, run.optimizer, x, y, log, index)
        if time.perf_counter() - last_read > READ_EVERY or index + 1 == run.steps_per_epoch:
            run.latest = log.read()
            if log.broken_step is not None:
                explain_break(run, batches, log.broken_step, before)
            bar.update(index + 1, log.images / (time.perf_counter() - started))
            last_read = time.perf_counter()
        for callback in callbacks:
            callback.on_step_end(run)
        if run.stopped and index + 1 < run.steps_per_epoch:
            return None
    if broken_parameters(run.model):  # by the very last step, whose loss was still finite
        explain_break(run, batches, run.steps_per_epoch - 1, before)
    seconds = time.perf_counter() - started
    return {"epoch": run.epoch, **run.latest, "seconds": seconds, "images_per_second": log.images / seconds}


def train_step(
    model: Sequential, loss: Any, optimizer: Optimizer, x: Any, y: Any, log: Logbook, index: int
) -> None:
    """Predict, note the loss as step `index` of the logbook, go back, and move the parameters.

    Nothing here waits for the device. Once a loss was not finite, `log.halt` keeps the parameters
    as they are.
    """
    scores = model.forward(x)
    values, hits, slopes = _loss_step(loss, scores, y)
    log.record(index, values, hits, len(x))
    model.backward(slopes, input_gradient=False)
    with whole():
        optimizer.step(model.parameters, log.halt)


def _loss_step(loss: Any, scores: Any, y: Any) -> tuple[Any, Any, Any]:
    """(values whose mean is the loss, hits or None, gradient)."""
    if type(loss) in (CrossEntropyLoss, MSELoss):
        return loss.step(scores, y)
    return *_loss_and_hits(loss, scores, y), loss.backward(scores, y)  # a loss of one's own


def _loss_and_hits(loss: Any, scores: Any, y: Any) -> tuple[Any, Any]:
    hits = count_correct(scores, y) if getattr(loss, "counts_hits", False) else None
    return loss(scores, y), hits


def _evaluate(model: Sequential, loss: Any, inputs: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    size = min(EVALUATION_BATCH, len(inputs))
    while True:
        try:
            return _evaluate_in_batches(model, loss, inputs, targets, size)
        except OutOfMemoryError:
            if size == 1:
                raise
        size //= 2


def _evaluate_in_batches(
    model: Sequential, loss: Any, inputs: np.ndarray, targets: np.ndarray, size: int
) -> dict[str, float]:
    starts = range(0, len(inputs), size)
    log = Logbook(len(starts))
    for index, start in enumerate(starts):
        stop = start + size
        x, y = to_device(inputs[start:stop]), to_device(targets[start:stop], "y", targets.dtype)
        scores = model(x)
        log.record(index, *_loss_and_hits(loss, scores, y), len(x))
    return log.read()


def _check_loss(loss: Any) -> None:
    if not callable(loss) or not hasattr(loss, "target_dtype") or isinstance(loss, type):
        raise CnnkitError(f"loss must be a CrossEntropyLoss() or MSELoss(), not {shown(loss)}.")


def _arrays(data: Any, loss: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A Dataset or a pair as NumPy arrays of the types that the loss takes."""
    if hasattr(data, "images"):
        data = data.images, data.labels
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ShapeError(
            f"{name} must be a Dataset or a pair (inputs, targets), not a {type(data).__name__}."
        )
    inputs, targets = data
    inputs, targets = (
        to_numpy(inputs, f"{name} inputs"),
        to_numpy(targets, f"{name} targets", loss.target_dtype),
    )
    if not inputs.ndim or not targets.ndim:
        raise ShapeError(
            f"{name} must be a batch of inputs and one of targets, not single numbers "
            f"(their shapes are {inputs.shape} and {targets.shape})."
        )
    if len(inputs) != len(targets) or not len(inputs):
        raise ShapeError(
            f"{name} has {len(inputs)} inputs and {len(targets)} targets: there must be one target for each "
            "input, and at least one."
        )
    return inputs, targets


def _check_output(model: Sequential, loss: Any, inputs: np.ndarray, targets: np.ndarray) -> None:
    """Does the network fit the data? Found out before the first step, on shapes alone."""
    shape = model.summary(inputs.shape[1:]).rows[-1][1]
    if isinstance(loss, CrossEntropyLoss):
        if len(shape) != 1:
            raise ShapeError(
                f"The network's output for one input has shape {shape} and CrossEntropyLoss takes one row of "
                "scores: end with Flatten() and Linear(..., classes)."
            )
        if targets.ndim != 1:
            raise ShapeError(
                f"The targets have shape {targets.shape} and CrossEntropyLoss takes one whole number for "
                f"each input: ({len(targets)},)."
            )
        check_labels(targets, shape[0])
    elif shape != targets.shape[1:]:
        raise ShapeError(f"The network's output has shape {shape} and the targets {targets.shape[1:]}.")
