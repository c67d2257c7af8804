"""Loss functions and their gradients; kernels in `kernels/loss.cl`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array import DeviceArray, empty, is_device_array, to_device, to_numpy
from ..device import current_device
from ..errors import ShapeError
from ..kernel import kernel, launch
from .arguments import expect_shape, one_of, rank, same_shape
from .elementwise import LOCAL_1D
from .probability import LOCAL_ROWS
from .rounds import check_rounds, rounds_of

LOCAL_SUM = 64  # LOCAL_SIZE in loss.cl


def cross_entropy(logits: Any, labels: Any) -> DeviceArray:
    """The mean of -log softmax(logits)[label] over the rows; a device array of shape ().

    Args: `logits` (N, classes), scores before softmax; `labels` (N,), whole numbers in [0, classes).
    Labels from the host are checked; on the device a label out of range makes the loss NaN.
    """
    logits, labels = _check_classes(logits, labels)
    device = current_device()
    rows, columns = logits.shape
    losses = empty((rows,))
    run = kernel(device, "loss", "cross_entropy_rows")
    launch(device, run, (rows,), LOCAL_ROWS, logits, labels, losses, rows, columns)
    return _scaled_sum(losses, 1.0 / rows)


def cross_entropy_backward(logits: Any, labels: Any) -> DeviceArray:
    """d loss / d logits: (softmax(logits) - one_hot(labels)) / N."""
    logits, labels = _check_classes(logits, labels)
    device = current_device()
    rows, columns = logits.shape
    dlogits = empty((rows, columns))
    run = kernel(device, "loss", "cross_entropy_backward")
    launch(device, run, (rows,), LOCAL_ROWS, logits, labels, dlogits, rows, columns)
    return dlogits


def mse(pred: Any, target: Any, reduction: str = "mean") -> DeviceArray:
    """The squared difference of two arrays of one shape, averaged ("mean") or added up ("sum"); shape ()."""
    pred, target = _check_pair(pred, target)
    device = current_device()
    errors = empty(pred.shape)
    run = kernel(device, "loss", "squared_error")
    launch(device, run, (pred.size,), LOCAL_1D, pred, target, errors, pred.size)
    return _scaled_sum(errors, _scale(reduction, pred.size))


def mse_backward(pred: Any, target: Any, reduction: str = "mean") -> DeviceArray:
    """d loss / d pred: 2 (pred - target), divided by their number for "mean"."""
    pred, target = _check_pair(pred, target)
    device = current_device()
    dpred = empty(pred.shape)
    run = kernel(device, "loss", "squared_error_backward")
    scale = _scale(reduction, pred.size)
    launch(device, run, (pred.size,), LOCAL_1D, pred, target, dpred, pred.size, scale)
    return dpred


def count_correct(scores: Any, labels: Any) -> DeviceArray:
    """How many rows have their largest score (the first, of equals) at the label; int32 of shape ()."""
    scores, labels = _check_classes(scores, labels)
    device = current_device()
    rounds = rounds_of(-(-scores.shape[0] // LOCAL_SUM), scores.shape[1])
    check_rounds(device, rounds, "count_correct")
    hits = empty((), np.int32)
    run = kernel(device, "loss", "count_correct")
    launch(device, run, (LOCAL_SUM,), (LOCAL_SUM,), scores, labels, hits, *scores.shape)
    return hits


def cross_entropy_step(logits: Any, labels: Any) -> tuple[DeviceArray, DeviceArray, DeviceArray]:
    """(loss, hit, d mean loss / d logits) of each row in one pass: what a training step needs.

    The loss (rows,) float32 is not averaged yet; the hit (rows,) int32 is 1 where the largest score (the
    first, of equals) is the label's.
    """
    logits, labels = _check_classes(logits, labels)
    device = current_device()
    rows, columns = logits.shape
    losses, hits, dlogits = empty((rows,)), empty((rows,), np.int32), empty((rows, columns))
    run = kernel(device, "loss", "cross_entropy_step")
    launch(device, run, (rows,), LOCAL_ROWS, logits, labels, losses, hits, dlogits, rows, columns)
    return losses, hits, dlogits


def check_labels(labels: np.ndarray, classes: int) -> None:
    """Refuse labels on the host that are not in [0, classes)."""
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        i = int(wrong[0])
        raise ShapeError(
            f"labels[{i}] is {labels[i]} and there are {classes} classes: they count from 0 to {classes - 1}."
        )


def _scaled_sum(values: DeviceArray, scale: float) -> DeviceArray:
    device = current_device()
    check_rounds(device, rounds_of(-(-values.size // LOCAL_SUM)), f"A sum of {values.size:,} numbers")
    out = empty(())
    run = kernel(device, "loss", "scaled_sum")
    launch(device, run, (LOCAL_SUM,), (LOCAL_SUM,), values, out, values.size, scale)
    return out


def _scale(reduction: str, size: int) -> float:
    return 1.0 / size if one_of(reduction, "reduction", ("mean", "sum")) == "mean" else 1.0


def _check_classes(scores: Any, labels: Any) -> tuple[DeviceArray, DeviceArray]:
    scores = to_device(scores, "logits")
    rank(scores, "logits", "(N, classes)")
    rows, columns = scores.shape
    if not rows or not columns:
        raise ShapeError(f"logits have shape {tuple(scores.shape)}: a mean needs at least 1 row and 1 class.")
    if not is_device_array(labels):
        labels = to_numpy(labels, "labels", np.int32)
    expect_shape(labels, "labels", (rows,), f"one label for each of the {rows} rows of logits")
    if not is_device_array(labels):
        check_labels(labels, columns)
    # Three loops over a row, at most.
    check_rounds(current_device(), 3 * rounds_of(columns), f"A row of {columns:,} scores")
    return scores, to_device(labels, "labels", np.int32)


def _check_pair(pred: Any, target: Any) -> tuple[DeviceArray, DeviceArray]:
    pred, target = to_device(pred, "pred"), to_device(target, "target")
    same_shape(pred, "pred", target, "target")
    if not pred.size:
        raise ShapeError(f"pred has shape {tuple(pred.shape)}: a mean needs at least 1 number.")
    return pred, target
