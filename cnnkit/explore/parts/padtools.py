"""The controls around a drawing pad, and those of the map that says what an answer hangs on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import ipywidgets

from .base import Explorer
from .canvas import side_by_side

MOVES = (("←", "to the left", 0, -1), ("→", "to the right", 0, 1), ("↑", "up", -1, 0), ("↓", "down", 1, 0))


def _button(explorer: Explorer, text: str, help_: str, action: Callable[[], None], width: int) -> Any:
    button = ipywidgets.Button(description=text, tooltip=help_, layout={"width": f"{width}px"})
    button.on_click(explorer.safely(lambda clicked: action(), help_))
    return button


class PadTools(ipywidgets.Box):
    """Brush and fitting; a sample to put on the pad; buttons that move the drawing and change its strokes.

    The explorer's model is a `DrawModel`.
    """

    def __init__(self, explorer: Explorer) -> None:
        model = cast(Any, explorer.model)
        moves = [
            _button(explorer, sign, f"Move the drawing {way}", partial(model.nudge, down, right), 40)
            for sign, way, down, right in MOVES
        ]
        widths = [
            _button(explorer, text, f"One cell {which} around all strokes", partial(model.thicken, more), 74)
            for text, which, more in (("thicker", "more", True), ("thinner", "less", False))
        ]
        put = _button(
            explorer,
            "Put it on the pad",
            "Put this sample of the held-out digits on the pad",
            model.pick,
            150,
        )
        columns = [
            [explorer.slider("brush", "Brush", 1, 8), explorer.checkbox("fit", "Fit it, as the digits were")],
            [explorer.slider("sample", "Sample", 0, len(model.samples) - 1), put],
            [ipywidgets.HBox(moves), ipywidgets.HBox(widths)],
        ]
        super().__init__(
            [ipywidgets.VBox(column, layout={"overflow": "visible"}) for column in columns],
            layout=ipywidgets.Layout(
                display="flex",
                flex_flow="row wrap",
                grid_gap="4px 24px",
                max_width="100%",
                overflow="visible",
            ),
        )


class WhyTools(ipywidgets.VBox):
    """Which map is shown, the patch that covers the picture, and the color range of the layers."""

    def __init__(self, explorer: Explorer) -> None:
        ways = [
            ("cover it", "occlusion", "Slide a gray patch over the picture: how far does the winner fall?"),
            ("gradient", "gradient", "The slope of the winner’s score at each pixel"),
        ]
        self.model = cast(Any, explorer.model)
        self.patch = side_by_side(
            explorer.slider("patch", "Patch", 1, 4), explorer.number_slider("gray", "Its gray", 0, 1, 0.05)
        )
        super().__init__(
            [
                side_by_side(
                    explorer.choice("view", ways),
                    explorer.checkbox("shared_range", "One color range for all layers"),
                    align="center",
                ),
                self.patch,
            ],
            layout={"overflow": "visible"},
        )
        self.model.observe(explorer.safely(self._draw, "the patch"), "view")
        self._draw()

    def _draw(self, change: Any = None) -> None:
        self.patch.layout.display = "flex" if self.model.view == "occlusion" else "none"
