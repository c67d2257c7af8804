"""Checking what callers pass: one sentence per mistake, with both numbers and the rule."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from ..errors import ShapeError, shown

FLOAT32 = float(np.finfo(np.float32).max)
LARGEST = 2**20  # of a size, stride, padding or dilation: beyond it, sums of them may leave 32 bits

Pair = int | tuple[int, int]
Padding = int | str | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]


def pair(value: Any, name: str, least: int = 1) -> tuple[int, int]:
    """An int or a (vertical, horizontal) pair of ints, each at least `least`."""
    both = (value, value) if _is_int(value) else value
    if not (isinstance(both, (tuple, list)) and len(both) == 2 and all(map(_is_int, both))):
        raise ShapeError(
            f"{name} must be a whole number or a (vertical, horizontal) pair of them, not {shown(value)}."
        )
    vertical, horizontal = int(both[0]), int(both[1])
    if min(vertical, horizontal) < least:
        raise ShapeError(f"{name} must be at least {least}, and it is {shown(value)}.")
    if max(vertical, horizontal) > LARGEST:
        raise ShapeError(f"{name} must be at most {LARGEST}, and it is {shown(value)}.")
    return vertical, horizontal


def number(value: Any, name: str) -> float:
    """A real number that float32 can hold."""
    if not (isinstance(value, Real) and abs(value) <= FLOAT32):  # type: ignore[operator]
        raise ShapeError(f"{name} must be a real number that float32 can hold, not {shown(value)}.")
    return float(value)


def whole(value: Any, name: str, least: int | None = None) -> int:
    """A whole number, at least `least`."""
    if not isinstance(value, Integral):
        raise ShapeError(f"{name} must be a whole number, not {shown(value)}.")
    if least is not None and value < least:
        raise ShapeError(f"{name} must be at least {least}, and it is {shown(value)}.")
    return int(value)


def flag(value: Any, name: str) -> bool:
    """Yes or no: True, False, 1 or 0."""
    if not isinstance(value, (Integral, np.bool_)) or value not in (0, 1):
        raise ShapeError(f"{name} must be True or False, not {shown(value)}.")
    return bool(value)


def one_of(value: Any, name: str, choices: tuple[str, ...]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in choices:
        listed = " or ".join(f'"{choice}"' for choice in choices)
        raise ShapeError(f"{name} must be {listed}, not {shown(value)}.")
    return value


def shape_tuple(value: Any, name: str) -> tuple[int, ...]:
    """A shape: sizes of at least 0."""
    if not isinstance(value, (tuple, list)) or not all(_is_int(n) and 0 <= n <= 2**62 for n in value):
        raise ShapeError(f"{name} must be a shape, sizes of at least 0 as in (2, 3), not {shown(value)}.")
    return tuple(int(n) for n in value)


def generator(seed: Any) -> np.random.Generator:
    """The random numbers of a seed: None for other ones each time, or a whole number of at least 0."""
    return np.random.default_rng(None if seed is None else whole(seed, "seed", 0))


def pad_sides(
    padding: Any,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Any form of padding as ((top, bottom), (left, right)).

    "same" gives ceil(n / stride) outputs, the odd cell at the bottom and right, as TensorFlow does;
    "valid" is no padding.
    """
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0), (0, 0)
        if padding != "same":
            raise ShapeError(f'padding must be a number, a pair, "same" or "valid", not {shown(padding)}.')
        sides = []
        for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
            total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            sides.append((total // 2, total - total // 2))
        return sides[0], sides[1]
    if isinstance(padding, (tuple, list)) and any(isinstance(side, (tuple, list)) for side in padding):
        if len(padding) != 2:
            raise ShapeError(f"padding by side is ((top, bottom), (left, right)), not {shown(padding)}.")
        return pair(padding[0], "padding (top, bottom)", 0), pair(padding[1], "padding (left, right)", 0)
    vertical, horizontal = pair(padding, "padding", 0)
    return (vertical, vertical), (horizontal, horizontal)


def output_size(
    what: str,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    sides: tuple[tuple[int, int], tuple[int, int]],
    dilation: tuple[int, int] = (1, 1),
) -> tuple[int, int]:
    """floor((n + padding - span) / stride) + 1 per direction, where span = dilation * (k - 1) + 1.

    Raises ShapeError when the kernel does not fit into the padded input.
    """
    out = []
    directions = ("high", "wide")
    for n, k, s, (before, after), d, way in zip(
        size, kernel, stride, sides, dilation, directions, strict=True
    ):
        span = d * (k - 1) + 1
        padded = n + before + after
        if span > padded:
            spread = f" (a {k}-cell kernel with dilation {d})" if d > 1 else ""
            raise ShapeError(
                f"{what}: the kernel is {span} {way}{spread} and the padded input only {padded} "
                f"({n} + {before} + {after}): the kernel must fit, so use a smaller kernel or more padding."
            )
        out.append((padded - span) // s + 1)
    return out[0], out[1]


def rank(array: Any, name: str, dimensions: str) -> None:
    """Refuse an array whose rank is not that of `dimensions`, written as "(N, C, H, W)"."""
    wanted = dimensions.count(",") + 1
    if len(array.shape) != wanted:
        raise ShapeError(
            f"{name} must have {wanted} dimensions {dimensions}, and its shape {tuple(array.shape)} "
            f"has {len(array.shape)}{_reshape_hint(array, name, wanted)}."
        )


def same_shape(a: Any, a_name: str, b: Any, b_name: str) -> None:
    """Refuse two arrays of different shapes."""
    if tuple(a.shape) != tuple(b.shape):
        raise ShapeError(
            f"{a_name} has shape {tuple(a.shape)} and {b_name} {tuple(b.shape)}: they must be equal."
        )


def expect_shape(array: Any, name: str, shape: tuple[int, ...], why: str) -> None:
    """Refuse an array whose shape is not the one that the other arguments ask for."""
    if tuple(array.shape) != tuple(shape):
        raise ShapeError(f"{name} has shape {tuple(array.shape)} and must have {tuple(shape)}: {why}.")


def _is_int(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _reshape_hint(array: Any, name: str, wanted: int) -> str:
    if wanted == 4 and len(array.shape) == 2:
        return f"; a gray image becomes one with {name}.reshape(1, 1, {array.shape[0]}, {array.shape[1]})"
    if wanted == 4 and len(array.shape) == 3:
        return f"; one image becomes a batch of one with {name}[None]"
    if wanted == 2 and len(array.shape) == 4:
        return "; cnnkit.flatten turns feature maps into rows"
    return ""
