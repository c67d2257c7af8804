"""Where windows lie along one axis of an image, in numbers and in words.

output = floor((n + 2 p - d (k - 1) - 1) / s) + 1, as in Dumoulin and Visin, "A guide to convolution
arithmetic for deep learning" (2016), with n cells, kernel k, padding p, dilation d and stride s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .words import count, number


@dataclass(frozen=True)
class Axis:
    """One axis of a sliding window; every number is a count of pixels."""

    size: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    name: str = "rows"

    @property
    def span(self) -> int:
        """Pixels from the first to the last one that a window reads: d (k - 1) + 1."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def padded(self) -> int:
        return self.size + 2 * self.padding

    @property
    def output(self) -> int:
        """Number of windows that fit; 0 when not even one does."""
        return max(0, (self.padded - self.span) // self.stride + 1)

    def cells(self, index: int) -> np.ndarray:
        """Image positions that window `index` reads (k,); negative or >= size means padding."""
        return index * self.stride - self.padding + self.dilation * np.arange(self.kernel)

    def readers(self, position: int) -> np.ndarray:
        """Windows that read the image position (negative or >= size: padding), in order."""
        offsets = position + self.padding - np.arange(self.output) * self.stride
        return np.flatnonzero((offsets >= 0) & (offsets < self.span) & (offsets % self.dilation == 0))

    def never_read(self) -> np.ndarray:
        """Image positions that no window reads, in order."""
        starts = np.arange(self.output) * self.stride - self.padding
        read = (starts[:, None] + self.dilation * np.arange(self.kernel)).ravel()
        unread = np.ones(self.size, dtype=bool)
        unread[read[(read >= 0) & (read < self.size)]] = False
        return np.flatnonzero(unread)

    def formula(self) -> str:
        """The size formula with this axis' numbers filled in, for people."""
        value = (self.padded - self.span) // self.stride + 1  # below 1 when no window fits
        inside = f"{self.size} + 2·{self.padding} − {self.dilation}·({self.kernel} − 1) − 1"
        return f"⌊({inside}) / {self.stride}⌋ + 1 = {number(value)}"

    def steps(self) -> str:
        """`formula` with what stands between: the way that is left to slide, and the steps that fit in."""
        way = self.padded - self.span
        fitting, result = number(way // self.stride), number(way // self.stride + 1)
        start = self.formula().rsplit(" = ", 1)[0]
        return f"{start} = ⌊{number(way)} / {self.stride}⌋ + 1 = {fitting} + 1 = {result}"

    def impossible(self) -> str:
        """Why no window fits, in one sentence; empty when at least one does."""
        if self.output:
            return ""
        dilated = f" with dilation {self.dilation}" if self.dilation > 1 else ""
        ways = ["a smaller filter"]
        if self.dilation > 1:
            ways.append("less dilation")
        ways.append("more padding")
        return (
            f"A {self.kernel}×{self.kernel} filter{dilated} reaches across {count(self.span, 'pixel')}, "
            f"but the image with its padding has only {count(self.padded, self.name[:-1], self.name)}: "
            f"no window fits, so there is no result. Try {', '.join(ways[:-1])} or {ways[-1]}."
        )

    def left_out(self) -> str:
        """What the windows never read, as half a sentence; empty when they read everything."""
        missed = self.never_read()
        if not missed.size:
            return ""
        one = missed.size == 1
        if np.array_equal(missed, np.arange(self.size - missed.size, self.size)):
            which = f"the last {self.name[:-1]}" if one else f"the last {missed.size} {self.name}"
            return f"{which} {'is' if one else 'are'} left out"
        return f"{count(missed.size, self.name[:-1], self.name)} {'is' if one else 'are'} never read"


def remark(rows: Axis, columns: Axis) -> str:
    """A sentence on what a possible but uneven setting leaves out; empty when it reads every pixel."""
    parts = [part for part in (rows.left_out(), columns.left_out()) if part]
    if not parts:
        return ""
    dilated = f", dilation {rows.dilation}" if rows.dilation > 1 else ""
    return (
        f"A {rows.kernel}×{columns.kernel} filter with stride {rows.stride}{dilated} does not cover the "
        f"{rows.size}×{columns.size} image evenly: {' and '.join(parts)}."
    )
