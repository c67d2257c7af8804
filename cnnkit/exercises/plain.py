"""What an answer may be: plain numbers and words, with nothing of the learner's own inside.

An object whose `==` says yes to everything, an array that changes when it is looked at: neither survives
being made plain. Only plain values are ever compared, saved or sent.
"""

from __future__ import annotations

import json
import numbers
from typing import Any

import numpy as np

from ..errors import CnnkitError

Plain = np.ndarray | str
LONGEST_TEXT = 20_000
MOST_NUMBERS = 50_000_000


class NotPlain(CnnkitError, TypeError):
    """An answer that is no number, no grid of numbers and no word."""


def to_plain(value: Any) -> Plain:
    """`value` as a fresh NumPy array of bool, int or float, or as text.

    Numbers and (nested) lists become arrays, device arrays are fetched, a network becomes the description
    of its layers as JSON, and a dict (an explorer's state) becomes JSON. Raises NotPlain with a sentence.
    """
    if isinstance(value, type):
        raise NotPlain(f"the answer must be a number or a grid of numbers, and yours is {_kind(value)}.")
    if isinstance(value, str):
        return _text(str.__str__(value))
    if isinstance(value, dict):
        return _text(_json(value))
    if is_network(value):
        return _text(_json({"layers": value.config()}))
    if hasattr(value, "queue") and hasattr(value, "get"):  # an array on the device
        value = value.get()
    if _is_layer(value):
        raise NotPlain(
            f"the answer is one layer, {type(value).__name__}, and not a network: `return Sequential(...)`."
        )
    if not isinstance(value, np.ndarray | np.generic | numbers.Number | list | tuple):
        raise NotPlain(f"the answer must be a number or a grid of numbers, and yours is {_kind(value)}.")
    if isinstance(value, np.ndarray):
        _expect_room(
            np.ndarray.size.__get__(value)
        )  # before it is copied: a broadcast array is small as it is
    try:
        array = np.array(value, subok=False)
    except (ValueError, TypeError):
        raise NotPlain("the answer must be a rectangular grid of numbers: all rows equally long.") from None
    if array.dtype.kind == "O" and array.size and _is_layer(array.flat[0]):
        kind = "tuple" if isinstance(value, tuple) else "list"
        raise NotPlain(f"it must return a network, Sequential(...), and yours returned a {kind}.")
    if array.dtype.kind not in "biuf":
        raise NotPlain(f"the answer must hold numbers, and yours holds {_held(array)}.")
    _expect_room(array.size)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:  # long double: of another length on each machine
        return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _expect_room(size: int) -> None:
    if size > MOST_NUMBERS:
        raise NotPlain(f"the answer has {size:,} numbers; at most {MOST_NUMBERS:,} are looked at.")


def _text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise NotPlain(f"the answer is a text of {len(text):,} letters; at most {LONGEST_TEXT:,} are read.")
    return text


def _json(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True, default=lambda number: number.item())
    except (TypeError, ValueError, AttributeError, RecursionError):
        raise NotPlain("the answer must be made of numbers, words and lists of those.") from None


def _kind(value: Any) -> str:
    if isinstance(value, type) or callable(value):
        name = getattr(value, "__name__", type(value).__name__)
        return f"the function or class {name} itself: give what it returns"
    return f"of the type {type(value).__name__}"


def is_network(value: Any) -> bool:
    """Is it a Sequential, or made like one?"""
    return hasattr(value, "config") and hasattr(value, "layers")


def _is_layer(value: Any) -> bool:
    return hasattr(value, "config") and hasattr(value, "output_shape")


def _held(array: np.ndarray) -> str:
    return {"U": "words", "S": "bytes", "c": "complex numbers", "O": "something else than numbers"}.get(
        array.dtype.kind, "dates"
    )
