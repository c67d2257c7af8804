"""The examples that a network in training gets most wrong: looked for in a sample, told in words."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np

from ...callbacks import Run
from .sheet import mosaic
from .words import number

SHOWN = 12
SAMPLE = 500  # images at most, and
SAMPLE_NUMBERS = 2_000_000  # numbers in them at most: a look has to be short
BATCH = 250
GAP = 127  # between pictures in true colors, on a light and on a dark page


@dataclass(frozen=True)
class Example:
    """One image as the network sees it: index in its set, true and predicted class.

    sure: the probability of the predicted class, 0 to 1; loss: the cross-entropy, -log of the probability
    of the true one.
    """

    index: int
    true: int
    predicted: int
    sure: float
    loss: float

    @property
    def wrong(self) -> bool:
        return self.true != self.predicted


@dataclass(frozen=True)
class Sample:
    """The images among which the worst are looked for; drawn once in a run, so that looks compare.

    where: "validation" or "training"; total: how many images the set has; indices (n,): those of the
    sample; images (n, C, H, W) float32; labels (n,); classes: their names, or empty.
    """

    where: str
    total: int
    indices: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...] = ()

    def name(self, label: int) -> str:
        return f"“{self.classes[label]}”" if label < len(self.classes) else f"class {label}"

    def title(self) -> str:
        amount = f"{len(self.indices)} of {self.total}" if len(self.indices) < self.total else self.total
        return f"Worst of {amount} {self.where} images"

    def verdict(self, example: Example) -> str:
        """What the network takes the example for, in a few words."""
        true, sure = self.name(example.true), f"{100 * example.sure:.0f} % sure"
        if example.wrong:
            return f"{true} taken for {self.name(example.predicted)} ({sure})"
        return f"{true} recognized, but only {sure}"

    def sentence(self, example: Example) -> str:
        start = f"{self.where.capitalize()} image {example.index}"
        return f"{start}: {self.verdict(example)}, loss {number(example.loss)}."

    def table(self, examples: list[Example], chosen: int) -> str:
        """The examples as an HTML table, the one that is pointed at outlined."""
        lines = []
        for at, one in enumerate(examples):
            names = self.name(one.true), self.name(one.predicted)
            cells = [str(one.index), *map(html.escape, names), f"{100 * one.sure:.0f} %", number(one.loss)]
            inside = "".join(f"<td>{cell}</td>" for cell in cells)
            lines.append(f'<tr class="{"cnnkit-here" if at == chosen else ""}">{inside}</tr>')
        heads = "".join(f"<th>{text}</th>" for text in ("image", "is", "taken for", "how sure", "loss"))
        return f'<table class="cnnkit-table"><tr>{heads}</tr>{"".join(lines)}</table>'

    def picture(self, examples: list[Example]) -> tuple[np.ndarray, float, float]:
        """The sheet of `examples` with its range: (H, W) numbers, or (H, W, 3) uint8 for three channels.

        Values from 0 to 1 are shown as they are; others are stretched over what occurs in the sample.
        """
        places = np.searchsorted(self.indices, [one.index for one in examples])
        images = self.images[places]
        low, high = min(0.0, float(self.images.min())), max(1.0, float(self.images.max()))
        if images.shape[1] != 3:
            return mosaic(images.mean(axis=1)), low, high
        sheet = np.stack([mosaic(images[:, channel]) for channel in range(3)], axis=2)
        bytes_ = np.nan_to_num((sheet - low) / (high - low) * 255, nan=GAP)
        return np.clip(bytes_ + 0.5, 0, 255).astype(np.uint8), 0.0, 255.0


def sample_of(run: Run) -> Sample | None:
    """The validation images, or without them the training images; None without images or classes."""
    where = "training" if run.validation is None else "validation"
    inputs, targets = run.train if run.validation is None else run.validation
    if inputs.ndim != 4 or targets.ndim != 1 or not getattr(run.loss, "counts_hits", False):
        return None
    most = min(SAMPLE, max(SHOWN, SAMPLE_NUMBERS // int(np.prod(inputs.shape[1:]))), len(inputs))
    indices = np.sort(np.random.default_rng(0).choice(len(inputs), most, replace=False))
    return Sample(where, len(inputs), indices, inputs[indices], targets[indices], run.classes)


def worst(scores: np.ndarray, sample: Sample, most: int = SHOWN) -> list[Example]:
    """The examples with the highest loss, that is the most confidently wrong ones, worst first.

    scores (n, classes): the network's output for the images of `sample`, before softmax.
    """
    with np.errstate(invalid="ignore"):
        shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    losses = -logs[np.arange(len(logs)), sample.labels]
    losses = np.where(np.isnan(losses), np.inf, losses)
    predicted = logs.argmax(axis=1)
    return [
        Example(
            int(sample.indices[at]),
            int(sample.labels[at]),
            int(predicted[at]),
            float(np.exp(logs[at, predicted[at]])),
            float(losses[at]),
        )
        for at in np.argsort(-losses, kind="stable")[:most]
    ]


def look(run: Run, sample: Sample) -> list[Example]:
    """The worst of `sample` for the network as it is now."""
    return worst(run.model.predict(sample.images, BATCH), sample)
