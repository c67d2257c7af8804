"""The filters of a convolution on one sheet, and what each of their numbers is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...model import Sequential
from .colors import symmetric
from .sheet import columns_of, corner_of, mosaic, place_in
from .words import count, number

MOST = 144  # small pictures on a sheet: more would be too small to see
SIDE = 26  # CSS pixels, at least, of each of them with its gap
WIDTH = 240  # CSS pixels of a sheet of few
MOST_CHANNELS = 4  # more of them are shown as their mean
COLORS = ("red", "green", "blue")

Place = tuple[int, int, int, int]  # filter, channel, row, column


@dataclass(frozen=True)
class FilterSheet:
    """weights, before: (K, C, R, S) now and when training began; the channels of a filter stand in a row.

    channels: how many the layer has; where that is more than 4, C is 1 and the weights are means.
    """

    weights: np.ndarray
    before: np.ndarray
    channels: int

    @property
    def shown(self) -> int:
        """How many filters there is room for."""
        return min(len(self.weights), max(1, MOST // self.weights.shape[1]))

    @property
    def across(self) -> int:
        """Small pictures in a row of the sheet: whole filters, nearly a square in all."""
        deep = self.weights.shape[1]
        return deep * min(self.shown, max(1, round(columns_of(self.shown * deep) / deep)))

    @property
    def width(self) -> int:
        """CSS pixels that the sheet needs on the page."""
        return max(WIDTH, SIDE * self.across)

    @property
    def _shape(self) -> tuple[int, int, int]:
        _, deep, height, width = self.weights.shape
        return self.shown * deep, height, width

    def picture(self, shared: bool) -> tuple[np.ndarray, float, float]:
        """(H, W) with its range; not `shared`: every filter in shares of its own largest weight."""
        weights = self.weights[: self.shown]
        if not shared:
            largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
            weights = weights / np.where(largest > 0, largest, 1)
        low, high = symmetric(weights) if shared else (-1.0, 1.0)
        return mosaic(weights.reshape(self._shape), self.across), low, high

    def place(self, position: tuple[int, int]) -> Place | None:
        """What lies at a position of the sheet; None on a gap."""
        found = place_in(position, self._shape, self.across)
        if found is None:
            return None
        index, row, column = found
        return *divmod(index, self.weights.shape[1]), row, column

    def corner(self, filter_: int, channel: int) -> tuple[int, int]:
        """Where on the sheet the picture of one channel of a filter begins."""
        return corner_of(filter_ * self.weights.shape[1] + channel, self._shape, self.across)

    def title(self) -> str:
        amount = count(len(self.weights), "filter")
        return f"First layer: {amount}" + (f", {self.shown} shown" if self.shown < len(self.weights) else "")

    def caption(self, shared: bool) -> str:
        """How to read the sheet."""
        channels = {1: "", 3: "; red, green and blue part side by side"}.get(
            self.weights.shape[1], "; the channels side by side"
        )
        if self.channels > MOST_CHANNELS:
            channels = f"; the mean of {self.channels} channels"
        span = "one range for all" if shared else "each by its own largest weight"
        return f"orange above 0, blue below; {span}{channels}"

    def sentence(self, place: Place) -> str:
        """Which weight it is, what it is and what it was."""
        filter_, channel, row, column = place
        part = ""
        if self.weights.shape[1] == 3:
            part = f", {COLORS[channel]}"
        elif self.weights.shape[1] > 1:
            part = f", channel {channel}"
        now, then = float(self.weights[place]), float(self.before[place])
        what = "mean weight" if self.channels > MOST_CHANNELS else "weight"
        return (
            f"Filter {filter_}{part}, row {row}, column {column}: {what} {number(now)} "
            f"({number(then)} when training began, change {number(now - then)})."
        )

    def now(self, model: Sequential) -> FilterSheet:
        """The same filters with the weights that they have by now."""
        weights, _ = _first(model) or (self.weights, 0)
        return replace(self, weights=weights)


def first_filters(model: Sequential) -> FilterSheet | None:
    """The first convolution's filters, as the beginning of a training run; None without a convolution."""
    found = _first(model)
    return None if found is None else FilterSheet(found[0], found[0], found[1])


def _first(model: Sequential) -> tuple[np.ndarray, int] | None:
    values = (layer.w.value for layer in model.layers if hasattr(layer, "w"))
    first = next((value for value in values if len(value.shape) == 4), None)
    if first is None:
        return None
    weights = first.get()
    channels = weights.shape[1]
    return (weights if channels <= MOST_CHANNELS else weights.mean(axis=1, keepdims=True)), channels
