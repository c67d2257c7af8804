"""Losses: one number that says how wrong a prediction is, and its gradient at the prediction."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import ops
from .array import DeviceArray
from .ops.loss import cross_entropy_step


class CrossEntropyLoss:
    """Cross-entropy of scores (N, classes), before softmax, against whole-number labels (N,).

    loss = mean of -log softmax(scores)[label]: 0 for certainty in the right class, log(classes) for a guess.
    """

    target_dtype = np.int32
    counts_hits = True

    def __call__(self, scores: Any, labels: Any) -> DeviceArray:
        return ops.cross_entropy(scores, labels)

    def backward(self, scores: Any, labels: Any) -> DeviceArray:
        """d loss / d scores."""
        return ops.cross_entropy_backward(scores, labels)

    def step(self, scores: Any, labels: Any) -> tuple[DeviceArray, DeviceArray | None, DeviceArray]:
        """(values whose mean is the loss, a 1 for every hit, d loss / d scores), in one pass over memory."""
        return cross_entropy_step(scores, labels)


class MSELoss:
    """The mean squared difference of a prediction and a target of the same shape."""

    target_dtype = np.float32
    counts_hits = False

    def __call__(self, prediction: Any, target: Any) -> DeviceArray:
        return ops.mse(prediction, target)

    def backward(self, prediction: Any, target: Any) -> DeviceArray:
        """d loss / d prediction."""
        return ops.mse_backward(prediction, target)

    def step(self, prediction: Any, target: Any) -> tuple[DeviceArray, DeviceArray | None, DeviceArray]:
        """(values whose mean is the loss, None, d loss / d prediction)."""
        return self(prediction, target), None, self.backward(prediction, target)
