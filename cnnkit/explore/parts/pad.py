"""A pad to draw on with mouse, finger, pen or keys: 32x32 cells that hold ink or none."""

from __future__ import annotations

from typing import Any

import anywidget
import numpy as np
import traitlets

from . import ink
from .canvas import STYLE, script
from .words import count, number


class Pad(anywidget.AnyWidget):
    """A bitmap of 32x32 cells to draw on; `bitmap` reads and sets it.

    The bits come as 1024 bytes, at most one message for each frame that the browser paints, and the last
    state always arrives: observe `bits`. brush: the diameter of a stroke in cells; erase: strokes take ink
    away (so do the right mouse button and Shift); marks: rectangles in cells, made by `canvas.mark`, of
    the kinds "window" and "cut".
    """

    _esm = script("pad.js")
    _css = STYLE

    name = traitlets.Unicode("pad").tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    width = traitlets.Int(280).tag(sync=True)
    brush = traitlets.Int(5, min=1, max=8).tag(sync=True)
    erase = traitlets.Bool(False).tag(sync=True)
    marks: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    # The browser's bytes arrive as a memoryview.
    bits = traitlets.Bytes(bytes(ink.SIDE**2)).tag(sync=True, from_json=lambda value, widget: bytes(value))

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.add_class("cnnkit-part")

    @traitlets.validate("bits")
    def _check_bits(self, proposal: Any) -> bytes:
        bits = proposal["value"]
        if len(bits) != ink.SIDE**2 or max(bits) > 1:
            found = f"{len(bits)} bytes up to {max(bits, default=0)}"
            raise traitlets.TraitError(f"A pad holds {ink.SIDE**2} bytes of 0 or 1, not {found}.")
        return bits

    @property
    def bitmap(self) -> np.ndarray:
        """The cells as (32, 32) bool, True is ink; a copy. Set it with booleans or the numbers 0 and 1."""
        return np.frombuffer(self.bits, dtype=np.uint8).reshape(ink.SIDE, ink.SIDE).astype(bool)

    @bitmap.setter
    def bitmap(self, value: Any) -> None:
        self.bits = ink.as_bitmap(value).astype(np.uint8).tobytes()

    def describe(self) -> str:
        """Alternative text: how much ink there is, and where."""
        bitmap = self.bitmap
        box = ink.box_of(bitmap)
        if box is None:
            return f"Drawing pad of {ink.SIDE} by {ink.SIDE} cells, empty"
        row, column, height, width = box
        return (
            f"Drawing pad of {ink.SIDE} by {ink.SIDE} cells, {count(int(bitmap.sum()), 'cell')} inked "
            f"({number(100 * bitmap.mean(), 2)} %), in rows {row} to {row + height - 1} and "
            f"columns {column} to {column + width - 1}"
        )
