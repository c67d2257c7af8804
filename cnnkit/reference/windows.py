"""Where the windows of a convolution or a pooling lie: output size, padding, and what each tap sees."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Pair = int | tuple[int, int]
Pads = tuple[tuple[int, int], tuple[int, int]]
Padding = Pair | Literal["same", "valid"] | Pads


def output_size(
    size: Pair, kernel_size: Pair, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1
) -> tuple[int, int]:
    """(OH, OW): how often the window fits, floor((n + before + after - d(k - 1) - 1) / stride) + 1.

    For size (7, 7) and a 3x3 window: stride 1 gives (5, 5), stride 2 gives (3, 3).
    """
    size, kernel = pair(size, "size", 1), pair(kernel_size, "kernel_size", 1)
    steps, dilation = pair(stride, "stride", 1), pair(dilation, "dilation", 1)
    pads = resolve_padding(padding, size, kernel, steps, dilation)
    result = []
    for n, k, step, d, (before, after) in zip(size, kernel, steps, dilation, pads, strict=True):
        padded, span = n + before + after, d * (k - 1) + 1
        if span > padded:
            raise ValueError(
                f"the window spans {span} cells but the padded image has {padded}: "
                "take a smaller kernel_size or dilation, or more padding"
            )
        result.append((padded - span) // step + 1)
    return result[0], result[1]


def resolve_padding(
    padding: Padding, size: Pair, kernel_size: Pair, stride: Pair = 1, dilation: Pair = 1
) -> Pads:
    """((top, bottom), (left, right)) for every way of writing a padding.

    "same" makes the output ceil(n / stride) cells long: max((out - 1) stride + d(k - 1) + 1 - n, 0) cells in
    all, half on each side, the odd one at the bottom or right. "valid" is no padding at all.
    """
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0), (0, 0)
        if padding != "same":
            raise ValueError(f'padding is {padding!r}, not a number, "same" or "valid"')
        pads = []
        all_pairs = (pair(v, "size", 1) for v in (size, kernel_size, stride, dilation))
        for n, k, step, d in zip(*all_pairs, strict=True):
            total = max((-(-n // step) - 1) * step + d * (k - 1) + 1 - n, 0)
            pads.append((total // 2, total - total // 2))
        return pads[0], pads[1]
    rows, columns = (padding, padding) if isinstance(padding, (int, np.integer)) else _two(padding, "padding")
    return pair(rows, "padding", 0), pair(columns, "padding", 0)


def _two(value: Any, name: str) -> tuple[Any, Any]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f"{name} is {value!r}: give one number or a pair (rows, columns)")
    return value[0], value[1]


def pair(value: Any, name: str, least: int) -> tuple[int, int]:
    """(rows, columns) of a number or a pair, each at least `least`."""
    first, second = (value, value) if isinstance(value, (int, np.integer)) else _two(value, name)
    for v in (first, second):
        if not isinstance(v, (int, np.integer)) or v < least:
            raise ValueError(f"{name} is {value!r}: give integers of at least {least}")
    return int(first), int(second)


def pad(x: NDArray[Any], pads: Pads, value: Any) -> NDArray[Any]:
    """x (N,C,H,W) with rows and columns of `value` around each image."""
    return np.pad(x, ((0, 0), (0, 0), *pads), constant_values=value)


def inside(padded: NDArray[Any], pads: Pads) -> NDArray[Any]:
    """What remains of a padded image when its padding is cut off again."""
    (top, bottom), (left, right) = pads
    return padded[:, :, top : padded.shape[2] - bottom, left : padded.shape[3] - right]


class Windows:
    """Where the windows lie: `at(padded, r, s)` is the view of what tap (r, s) of every window sees.

    Its cell [n, c, oh, ow] is padded[n, c, oh stride + r d, ow stride + s d]. No cell occurs twice in it, so
    `at(...) += ...` adds every value.
    """

    def __init__(self, shape: tuple[int, ...], kernel: Any, stride: Any, padding: Any, dilation: Any = 1):
        self.kernel, self.stride = pair(kernel, "kernel_size", 1), pair(stride, "stride", 1)
        self.dilation = pair(dilation, "dilation", 1)
        size = (shape[2], shape[3])
        self.pads = resolve_padding(padding, size, self.kernel, self.stride, self.dilation)
        self.out = output_size(size, self.kernel, self.stride, self.pads, self.dilation)
        self.taps = list(np.ndindex(*self.kernel))  # row-major: (0, 0), (0, 1), ...

    def at(self, padded: NDArray[Any], r: int, s: int) -> NDArray[Any]:
        starts = (r * self.dilation[0], s * self.dilation[1])
        rows, columns = (
            slice(start, start + (n - 1) * step + 1, step)
            for start, n, step in zip(starts, self.out, self.stride, strict=True)
        )
        return padded[:, :, rows, columns]
