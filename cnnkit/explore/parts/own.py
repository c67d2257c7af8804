"""A function of the learner's in the place of one of cnnkit's: called, checked, compared, told in words.

Whatever the function does is answered: it gets copies, its result must be an array of numbers of the right
shape, and what goes wrong becomes a `CnnkitError` with a sentence for the learner.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import CnnkitError, DTypeError, ShapeError
from .words import grouped, number, times

ROUNDING = 1e-5  # of the largest sum that could occur: more than float32 loses in any order of summing


def name_of(function: Any) -> str:
    """What to call `function`: its `name`, as exercises give one, or the name it was defined under."""
    name = getattr(function, "name", None) or getattr(function, "__name__", None) or type(function).__name__
    return "function" if name == "<lambda>" else str(name)


def takes(function: Callable[..., Any], count: int) -> bool:
    """Can `function` be called with so many arguments? True where it does not tell."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # a built-in function without a signature
        return True
    return True


def call(function: Callable[..., Any], due: tuple[int, int], given: str, *arguments: Any) -> np.ndarray:
    """`function(*arguments)` as float32 of the shape `due`; CnnkitError in words for anything else.

    given: what the arguments are, for the sentence about a wrong shape.
    """
    copies = [one.copy() if isinstance(one, np.ndarray) else one for one in arguments]
    try:
        answer = function(*copies)
    except CnnkitError:
        raise  # says it better than we could
    except Exception as error:
        raise CnnkitError(_what_it_raised(function, error)) from error
    name = name_of(function)
    if answer is None:
        raise DTypeError(f"Your {name} returned nothing (None): let it end with “return” and its result.")
    try:
        values = np.asarray(answer.get() if hasattr(answer, "get") else answer)
    except ValueError as error:
        raise DTypeError(f"Your {name} returned rows of different lengths, which make no array.") from error
    if values.dtype.kind not in "biuf":
        kind = type(answer).__name__ if values.ndim == 0 else f"{values.dtype} values"
        raise DTypeError(f"Your {name} returned no numbers but {kind}: let it return a float32 array.")
    if values.shape != due:
        raise ShapeError(
            f"Your {name} returned {_shape(values)} where {times(*due)} is due: it was given {given}."
        )
    with np.errstate(over="ignore"):
        return np.array(values, dtype=np.float32)


def _shape(values: np.ndarray) -> str:
    return "a single number" if values.ndim == 0 else f"an array of {times(*values.shape)}"


def _what_it_raised(function: Any, error: Exception) -> str:
    """The error with the line of the learner's own code that raised it."""
    said = " ".join(str(error).split())
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    lines = [frame.line for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    where = f", in its line “{lines[-1]}”" if lines and lines[-1] else ""
    return f"Your {name_of(function)} raised {type(error).__name__}{': ' if said else ''}{said}{where}."


def correlate(
    function: Callable[..., Any],
    image: np.ndarray,
    weights: np.ndarray,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> np.ndarray:
    """Convolve `image` (H, W) by a plain `function(x, w)`, which knows nothing of the three settings.

    It gets the image with its padding and the filter with zeros spread between its weights; of what it
    returns, every `stride`-th row and column counts.
    """
    padded = np.pad(image, padding)
    span = dilation * (len(weights) - 1) + 1
    spread = np.zeros((span, span), dtype=np.float32)
    spread[::dilation, ::dilation] = weights
    due = padded.shape[0] - span + 1, padded.shape[1] - span + 1
    given = (
        f"an image of {times(*padded.shape)}{' (with its padding)' if padding else ''} "
        f"and a filter of {times(span, span)}{' (spread by the dilation)' if dilation > 1 else ''}"
    )
    return call(function, due, given, padded, spread)[::stride, ::stride]


def correlation_scale(image: np.ndarray, weights: np.ndarray) -> float:
    """The largest magnitude that a window's sum could have, which rounding is measured by."""
    return float(np.abs(weights).sum()) * largest(image)


def largest(values: np.ndarray) -> float:
    """The largest finite magnitude; 0 when there is none."""
    return float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))


@dataclass(frozen=True)
class Comparison:
    """What the learner's function `name` computed beside what cnnkit did, both (H, W) float32.

    difference: yours - ours, exactly 0 where they agree up to rounding; differs (H, W): where they do not;
    scale: see `correlation_scale`.
    """

    name: str
    yours: np.ndarray
    ours: np.ndarray
    scale: float
    difference: np.ndarray = field(init=False)
    differs: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        with np.errstate(invalid="ignore", over="ignore"):
            difference = self.yours.astype(np.float64) - self.ours
            same = np.abs(difference) <= ROUNDING * self.scale
        same |= (self.yours == self.ours) | (np.isnan(self.yours) & np.isnan(self.ours))
        difference[same] = 0
        object.__setattr__(self, "difference", difference.astype(np.float32))
        object.__setattr__(self, "differs", ~same)

    @property
    def count(self) -> int:
        """In how many pixels the two differ."""
        return int(self.differs.sum())

    @property
    def by(self) -> str:
        """Who computed it and whether the two agree, in a few words that are the same on every device."""
        return (
            f"computed by your {self.name} and {'different from' if self.count else 'the same as'} cnnkit’s"
        )

    def worst(self) -> tuple[int, int] | None:
        """Where they differ most, a value that is no number before any other; None where nowhere."""
        if not self.count:
            return None
        size = np.where(np.isfinite(self.difference), np.abs(self.difference), np.inf)
        row, column = np.unravel_index(int(np.where(self.differs, size, -1).argmax()), size.shape)
        return int(row), int(column)

    def values_at(self, row: int, column: int) -> tuple[str, str]:
        """Your number and cnnkit's as text, with as many digits as tell the two apart."""
        mine, theirs = float(self.yours[row, column]), float(self.ours[row, column])
        digits = next((d for d in (3, 5, 7) if number(mine, d) != number(theirs, d)), 9)
        return number(mine, digits), number(theirs, digits)

    def sentence(self) -> str:
        """How the two agree, for the line under the picture."""
        where = self.worst()
        start = f"Computed by your {self.name}; "
        if where is None:
            return f"{start}the same as cnnkit’s everywhere."
        row, column = where
        mine, theirs = self.values_at(row, column)
        most = ", most" if self.count > 1 else ","
        return (
            f"{start}differs from cnnkit’s in {grouped(self.count)} of {grouped(self.yours.size)} pixels"
            f"{most} at row {row}, column {column}: yours {mine}, cnnkit’s {theirs}."
        )
