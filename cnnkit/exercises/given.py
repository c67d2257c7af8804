"""What a case may hand to an answer beside numbers, lists and words: a classifier to ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, repr=False)
class Classifier:
    """A small classifier that an answer may call: one picture (H, W) to the probabilities (classes,).

    One dense layer and a softmax. w: (classes, H, W); b: (classes,). It is its arrays and nothing else, so it
    can be sent to the process in which a submission runs.
    """

    w: np.ndarray
    b: np.ndarray

    def __call__(self, x: Any) -> np.ndarray:
        x = np.asarray(x, dtype=float)
        if x.shape != self.w.shape[1:]:
            size = " x ".join(map(str, self.w.shape[1:]))
            raise ValueError(f"predict takes one picture of {size}, and was given the shape {x.shape}")
        scores = (self.w * x).sum(axis=(1, 2)) + self.b
        powers = np.exp(scores - scores.max())
        return powers / powers.sum()

    def __repr__(self) -> str:
        classes, height, width = self.w.shape
        return f"a classifier of pictures of {height} x {width} in {classes} classes"
