"""A small table of numbers that can be edited: the weights of a filter."""

from __future__ import annotations

from typing import Any

import anywidget
import numpy as np
import traitlets

from .canvas import STYLE, script


class NumberGrid(anywidget.AnyWidget):
    """Numbers in rows of text boxes: click or tab to a cell, type, or press the up and down keys.

    `values` is a list of equally long rows; text that is no number is marked and leaves `values` alone.
    """

    _esm = script("grid.js")
    _css = STYLE

    label = traitlets.Unicode("Numbers").tag(sync=True)
    values = traitlets.List(traitlets.List(traitlets.CFloat())).tag(sync=True)

    def __init__(self, values: Any = ((0.0,),), **traits: Any) -> None:
        super().__init__(values=np.asarray(values, dtype=float).tolist(), **traits)

    @property
    def array(self) -> np.ndarray:
        """The values as float32 (rows, columns)."""
        return np.asarray(self.values, dtype=np.float32)

    def show(self, values: np.ndarray) -> None:
        """Show float32 `values` (rows, columns) by their shortest decimals, which read back the same."""
        self.values = [[float(str(cell)) for cell in row] for row in np.asarray(values, dtype=np.float32)]
