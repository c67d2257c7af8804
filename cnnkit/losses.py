"""Losses: one number that says how wrong a prediction is, and its gradient at the prediction."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import ops
from .array import DeviceArray


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


class MSELoss:
    """The mean squared difference of a prediction and a target of the same shape."""

    target_dtype = np.float32
    counts_hits = False

    def __call__(self, prediction: Any, target: Any) -> DeviceArray:
        return ops.mse(prediction, target)

    def backward(self, prediction: Any, target: Any) -> DeviceArray:
        """d loss / d prediction."""
        return ops.mse_backward(prediction, target)
