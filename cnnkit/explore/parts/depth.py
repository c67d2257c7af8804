"""Words of the explorer of channels: one output through all of them, and parameters counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets

from .arithmetic import Patch, numbers, pixels
from .colored import CHANNELS
from .words import grouped, number, signed

READABLE = 7  # filters up to this side are written out number by number


def colored_images(value: Any, largest: int) -> np.ndarray:
    """`value` as colored pictures (N, 3, H, W) float32; accepts one (3, H, W) as well.

    TraitError, in words, for another shape or a picture of more than `largest` rows or columns.
    """
    images = np.asarray(value.get() if hasattr(value, "get") else value, dtype=np.float32)
    images = images[None] if images.ndim == 3 else images
    if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape or max(images.shape[2:]) > largest:
        raise traitlets.TraitError(
            "This explorer needs colored pictures of shape (N, 3, H, W) or (3, H, W) with H and W up to "
            f"{largest}, not {images.shape}: cnnkit.data.shapes(8).images are some."
        )
    return images


def as_many(amount: int, than: int) -> str:
    """How `amount` compares with `than`: `just as many`, `3.4 times as many`, `112 000 times as many`."""
    if amount == than:
        return "just as many"
    ratio = amount / than
    if ratio < 100:
        return f"{number(ratio)} times as many"
    digits = len(str(round(ratio))) - 3  # beyond the three that are kept
    return f"{grouped(int(round(ratio, -digits)))} times as many"


@dataclass(frozen=True)
class Parameters:
    """What `amount` filters of side `size` through three channels have to learn, and what a dense layer has
    to that makes the same `outputs` numbers of the same `inputs`: a weight for every pair of them."""

    size: int
    amount: int
    inputs: int
    outputs: int

    @property
    def filters(self) -> int:
        """Weights and biases of the filters: a a C K + K."""
        return self.size**2 * len(CHANNELS) * self.amount + self.amount

    @property
    def dense_weights(self) -> int:
        return self.inputs * self.outputs

    @property
    def dense(self) -> int:
        """Weights and biases of the dense layer."""
        return self.dense_weights + self.outputs

    def told(self) -> str:
        """Both counts with the numbers filled in, and how they compare, as HTML."""
        size, amount, outputs = self.size, self.amount, grouped(self.outputs)
        verdict = f"The dense layer needs <b>{as_many(self.dense, self.filters)}</b>"
        if self.dense == self.filters:
            verdict += ": a patch as large as the picture is a regular network"
        return (
            '<div class="cnnkit-title">Parameters</div>'
            f'<div class="cnnkit-line">The filters: a·a·3·K + K = {size}·{size}·3·{amount} + {amount} = '
            f"<b>{grouped(self.filters)}</b></div>"
            '<div class="cnnkit-line">A dense layer for the same maps, a weight for every pair of input and '
            f"output: {grouped(self.inputs)}·{outputs} + {outputs} = <b>{grouped(self.dense)}</b></div>"
            f'<div class="cnnkit-line" role="status">{verdict}.</div>'
        )


def written_out(patches: Sequence[Patch], bias: float, where: str) -> str:
    """One output as HTML: pixels × weights of every channel and their sum, then all sums and the bias."""
    blocks = [_through(name, patch) for name, patch in zip(CHANNELS, patches, strict=True)]
    terms = [f"{name} {signed(patch.total)}" for name, patch in zip(CHANNELS, patches, strict=True)]
    total = sum(patch.total for patch in patches) + bias
    outside, places = int((~patches[0].inside).sum()), patches[0].values.size
    padding = f"; {outside} of its {places} places are padding (dashed)" if outside else ""
    return (
        f'<div class="cnnkit-title">{where}: one window through all three channels{padding}</div>'
        f'<div class="cnnkit-sum" role="status">{" + ".join(terms)} + bias {signed(bias)} = '
        f"{number(total)}</div>"
        f'<div class="cnnkit-equation" style="gap:8px 40px">{"".join(blocks)}</div>'
    )


def _through(name: str, patch: Patch) -> str:
    """One channel's window times its slice and what comes out; large ones are only counted."""
    operator = '<div class="cnnkit-operator" aria-hidden="true">{}</div>'.format
    if len(patch.values) > READABLE:
        parts = [f"<div>{name}: {grouped(patch.values.size)} products</div>"]
    else:
        parts = [pixels(f"{name} pixels", patch), operator("×"), numbers(f"{name} slice", patch.weights)]
    end = f'<div class="cnnkit-sum">{number(patch.total)}</div>'
    return f'<div class="cnnkit-equation">{"".join(parts)}{operator("→")}{end}</div>'
