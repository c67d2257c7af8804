"""Marks around many places of a picture, given by their numbers row by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from .canvas import mark


def boxes(places: np.ndarray, width: int, kind: str) -> list[dict[str, Any]]:
    """Marks of places in a picture `width` wide: one around all where they fill a rectangle, else single."""
    different = np.unique(places)
    around = box_around(different, width, kind)
    if around and around[0]["height"] * around[0]["width"] == len(different):
        return around
    return [mark(int(at) // width, int(at) % width, 1, 1, kind) for at in different]


def box_around(places: np.ndarray, width: int, kind: str) -> list[dict[str, Any]]:
    """The smallest mark that holds all of the places; none where there are none."""
    if not len(places):
        return []
    rows, columns = np.divmod(places, width)
    top, left = int(rows.min()), int(columns.min())
    return [mark(top, left, int(rows.max()) - top + 1, int(columns.max()) - left + 1, kind)]
