"""Controls and pictures that a notebook puts together itself, with a still for where no kernel runs."""

from __future__ import annotations

import base64
from typing import Any

import ipywidgets

from . import still
from .base import WIDGET_VIEW
from .canvas import Canvas


class Group(ipywidgets.VBox):
    """Widgets in a column: `Group(slider, picture, caption="what is to be seen, in a sentence")`.

    Where no kernel runs, the canvases among them are shown as a picture with the caption below.
    """

    def __init__(self, *children: ipywidgets.Widget, caption: str) -> None:
        super().__init__(children)
        self.caption = caption

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        pictures = [child for child in self.children if isinstance(child, Canvas)]
        return {
            "text/plain": self.caption,
            "image/png": base64.b64encode(still.draw(pictures, self.caption)).decode("ascii"),
            WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id},
        }

    def __repr__(self) -> str:
        return f"<Group: {self.caption}>"
