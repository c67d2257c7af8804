"""Color tables, color ranges and the rule that turns a number into a color.

The rule exists twice, here in NumPy (stills, tests) and in `canvas.js` (the browser), in the same
double-precision steps, so both give the same pixel: index = floor((v - low) / (high - low) * 255 + 0.5),
clipped to 0..255. Values that are not finite stay transparent.
"""

from __future__ import annotations

from functools import cache

import numpy as np

TABLES = ("gray", "magma", "diverging")

# Blue below zero, white at zero, orange-red above: the two hues that every common kind of color
# blindness keeps apart, with lightness falling evenly on both sides.
_DIVERGING_ANCHORS = (
    (0.00, (5, 48, 97)),
    (0.15, (33, 102, 172)),
    (0.32, (103, 169, 207)),
    (0.50, (250, 250, 250)),
    (0.68, (253, 174, 107)),
    (0.85, (217, 95, 14)),
    (1.00, (127, 39, 4)),
)


@cache
def table(name: str) -> np.ndarray:
    """The color table `name` as a read-only (256, 3) uint8 array; ValueError for an unknown name."""
    if name == "gray":
        colors = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    elif name == "magma":
        from matplotlib import colormaps

        colors = (colormaps["magma"](np.arange(256))[:, :3] * 255 + 0.5).astype(np.uint8)
    elif name == "diverging":
        where, anchors = zip(*_DIVERGING_ANCHORS, strict=True)
        at = np.linspace(0, 1, 256)
        channels = [np.interp(at, where, channel) for channel in zip(*anchors, strict=True)]
        colors = (np.stack(channels, axis=1) + 0.5).astype(np.uint8)
    else:
        raise ValueError(f"There is no color table {name!r}: choose one of {', '.join(TABLES)}.")
    colors.setflags(write=False)
    return colors


def paint(values: np.ndarray, name: str, low: float, high: float) -> np.ndarray:
    """Colors of `values` (H, W) as (H, W, 4) uint8 with alpha 0 where a value is not finite."""
    values = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(values)
    span = (high - low) or 1.0
    index = np.floor((np.where(finite, values, low) - low) / span * 255 + 0.5)
    rgba = np.empty((*values.shape, 4), dtype=np.uint8)
    rgba[..., :3] = table(name)[np.clip(index, 0, 255).astype(np.intp)]
    rgba[..., 3] = np.where(finite, 255, 0)
    return rgba


def ink_on(color: np.ndarray) -> str:
    """Black or white, whichever has the larger contrast (WCAG 2) to a `color` of three numbers 0..255."""
    share = np.asarray(color, dtype=np.float64)[:3] / 255
    linear = np.where(share <= 0.03928, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return "#000000" if linear @ [0.2126, 0.7152, 0.0722] > 0.179 else "#ffffff"


def span_of(values: np.ndarray) -> tuple[float, float]:
    """Smallest and largest finite value of `values`; (0, 0) when there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def symmetric(values: np.ndarray, share: float = 1.0) -> tuple[float, float]:
    """(-m, m), so that zero sits on the white middle; m is the largest magnitude, and 1 for all zero.

    With a `share` below 1, that share of the magnitudes lies within: a few glaring pixels do not
    pale the rest.
    """
    finite = np.abs(values[np.isfinite(values)])
    largest = float(np.quantile(finite, share)) if finite.size else 0.0
    largest = largest or (float(finite.max()) if finite.size else 0.0) or 1.0
    return -largest, largest


def upward(values: np.ndarray, share: float = 1.0) -> tuple[float, float]:
    """(lowest, m) with m as in `symmetric` and lowest 0, or -m when some value is negative."""
    low, high = symmetric(values, share)
    return (low if span_of(values)[0] < 0 else 0.0), high
