"""Where the numbers of a convolution stand for `kernels/conv2d_blocked.cl`: pure arithmetic on its shape."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from .conv_shape import Conv2dShape

LANES = 8  # numbers in a vector
WIDE = 16  # filters in a block whose vectors hold filters


class Padded(NamedTuple):
    """How planes are stored for the kernels: with padding, and as stride_y x stride_x pictures."""

    H: int
    W: int
    pad_top: int
    pad_left: int
    stride_y: int
    stride_x: int
    rows: int  # of a picture
    pitch: int  # numbers in a row of a picture

    @property
    def picture(self) -> int:
        return self.rows * self.pitch

    @property
    def plane(self) -> int:
        return self.stride_y * self.stride_x * self.picture


class Class(NamedTuple):
    """The pixels of dx that one class of taps reaches; for stride 1 all pixels and all taps."""

    first: tuple[int, int]  # its first pixel in dx
    size: tuple[int, int]  # how many rows and columns it has, a stride apart
    start: tuple[int, int]  # where its first pixel reads dy, before padding
    taps: tuple[tuple[int, int, int], ...]  # (place in the filter, row and column distance in dy)


def suits_filters(outputs: int, terms: int) -> bool:
    """Do vectors of filters suit this many outputs, each the sum of so many terms?

    Where they fill the vectors, always. Where they nearly do, if there are many terms: writing the result is
    slower than with vectors of pixels. (Limits found by trying the shapes of `cnnkit bench`.)
    """
    filled = outputs / (-(-outputs // WIDE) * WIDE)
    return filled == 1 or (filled >= 0.75 and terms >= 64)


@lru_cache(maxsize=256)
def input_layout(s: Conv2dShape) -> Padded:
    """How x is stored: sorted by stride only where vectors hold pixels."""
    if suits_filters(s.K, s.C * s.R * s.S):
        rows = (s.OH - 1) * s.stride_y + (s.R - 1) * s.dilation_y + 1
        pitch = (s.OW - 1) * s.stride_x + (s.S - 1) * s.dilation_x + 1
        return Padded(s.H, s.W, s.pad_top, s.pad_left, 1, 1, rows, pitch)
    rows = s.OH + (s.R - 1) * s.dilation_y // s.stride_y
    pitch = max(s.OW, LANES) + (s.S - 1) * s.dilation_x // s.stride_x
    return Padded(s.H, s.W, s.pad_top, s.pad_left, s.stride_y, s.stride_x, rows, pitch)


@lru_cache(maxsize=256)
def steps(s: Conv2dShape) -> tuple[int, int]:
    """How far apart two outputs, one below or beside the other, read x as it is stored."""
    layout = input_layout(s)
    return s.stride_y // layout.stride_y * layout.pitch, s.stride_x // layout.stride_x


@lru_cache(maxsize=256)
def tap_offsets(s: Conv2dShape) -> tuple[int, ...]:
    """How far each tap of a plane reads from the place that the window's first pixel reads."""
    layout = input_layout(s)
    found = []
    for r in range(s.R):
        row, picture_y = divmod(r * s.dilation_y, layout.stride_y)
        for c in range(s.S):
            column, picture_x = divmod(c * s.dilation_x, layout.stride_x)
            picture = picture_y * layout.stride_x + picture_x
            found.append(picture * layout.picture + row * layout.pitch + column)
    return tuple(found)


def weight_offsets(s: Conv2dShape) -> tuple[int, ...]:
    """The same for every weight of a filter: all taps of all planes."""
    plane = input_layout(s).plane
    return tuple(c * plane + offset for c in range(s.C) for offset in tap_offsets(s))


@lru_cache(maxsize=256)
def flat_slopes_layout(s: Conv2dShape) -> Padded:
    """How conv2d_backward_weight_pixels reads dy: in rows as long as those of x, so both are one run."""
    pitch = input_layout(s).pitch
    length = (s.OH - 1) * pitch + s.OW
    # What the last vector reads beyond the last pixel must be zeros of the same plane.
    rows = -(-(-(-length // LANES) * LANES) // pitch)
    return Padded(s.OH, s.OW, 0, 0, 1, 1, rows, pitch)


@lru_cache(maxsize=256)
def slopes_layout(s: Conv2dShape) -> Padded:
    """How dy is stored for the gradient of the input: with zeros around it, as far as any class reads."""
    classes = classes_of(s)
    reads_y = [c.start[0] + e + i for c in classes for _, e, _ in c.taps for i in (0, c.size[0] - 1)]
    reads_x = [
        c.start[1] + e + i for c in classes for _, _, e in c.taps for i in (0, max(c.size[1], LANES) - 1)
    ]
    top, left = max(0, -min(reads_y, default=0)), max(0, -min(reads_x, default=0))
    rows, pitch = max(reads_y, default=0) + top + 1, max(reads_x, default=0) + left + 1
    return Padded(s.OH, s.OW, top, left, 1, 1, rows, pitch)


@lru_cache(maxsize=256)
def classes_of(s: Conv2dShape) -> tuple[Class, ...]:
    """The classes of dx's pixels."""
    down = _classes(s.H, s.R, s.stride_y, s.dilation_y, s.pad_top)
    right = _classes(s.W, s.S, s.stride_x, s.dilation_x, s.pad_left)
    return tuple(
        Class(
            (f_y, f_x),
            (n_y, n_x),
            (q_y, q_x),
            tuple((r * s.S + c, e_y, e_x) for r, e_y in taps_y for c, e_x in taps_x),
        )
        for f_y, n_y, q_y, taps_y in down
        for f_x, n_x, q_x, taps_x in right
    )


def _classes(
    length: int, taps: int, stride: int, dilation: int, pad: int
) -> list[tuple[int, int, int, list[tuple[int, int]]]]:
    """In one direction: (first pixel, pixels, first place read in dy, [(tap, distance in dy)]) of each class.

    Pixel i of dx gets dy[o] through tap r if i + pad = o*stride + r*dilation. So with i + pad = q*stride + f
    only taps with r*dilation = f modulo stride count, and o = q + (f - r*dilation) / stride.
    """
    found = []
    for first in range(min(stride, length)):
        q, f = divmod(first + pad, stride)
        reach = [(r, (f - r * dilation) // stride) for r in range(taps) if (f - r * dilation) % stride == 0]
        found.append((first, -(-(length - first) // stride), q, reach))
    return found


def class_places(s: Conv2dShape, index: int) -> tuple[int, ...]:
    """Where the taps of a class stand in the filter."""
    return tuple(place for place, _, _ in classes_of(s)[index].taps)


def class_offsets(s: Conv2dShape, index: int) -> tuple[int, ...]:
    """How far the taps of a class, in all planes, read in dy as it is stored."""
    layout = slopes_layout(s)
    taps = [down * layout.pitch + right for _, down, right in classes_of(s)[index].taps]
    return tuple(k * layout.plane + tap for k in range(s.K) for tap in taps)


def all_places(s: Conv2dShape) -> tuple[int, ...]:
    """Where the taps of a plane stand in the filter: one after the other."""
    return tuple(range(s.R * s.S))
