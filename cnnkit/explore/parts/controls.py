"""Controls tied to a model's traits: sliders with their number boxes, choices, switches, a player.

Every one has a label, works from the keyboard, and follows the trait when a notebook sets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import ipywidgets
import numpy as np

from .words import number


class Controls:
    """What `Explorer` makes its controls with. Expects `model` (with the traits) and `safely`."""

    model: Any
    safely: Callable[..., Callable[..., None]]

    def tie(
        self, control: ipywidgets.Widget, trait: str, nearest: Callable[[Any], Any] = lambda value: value
    ) -> ipywidgets.Widget:
        """Keep `control.value` and the model's `trait` equal, whichever side moves.

        nearest: the value that the control shows for the model's, where the control knows only some.
        """

        writing = False

        def to_model(change: Any) -> None:
            if not writing:
                setattr(self.model, trait, change["new"])

        def to_control(change: Any) -> None:
            # A control may clip what a notebook set (a slider ends somewhere); the model's value stands.
            nonlocal writing
            writing = True
            try:
                control.value = nearest(change["new"])
            finally:
                writing = False

        control.value = nearest(getattr(self.model, trait))
        control.observe(self.safely(to_model, f"{trait} from its control"), "value")
        self.model.observe(self.safely(to_control, f"{trait} to its control"), trait)
        return control

    def slider(
        self, trait: str, label: str, low: int, high: int, label_width: int = 60, box_high: int | None = None
    ) -> ipywidgets.Box:
        """A labeled slider with a number box beside it, both tied to the model's integer `trait`.

        box_high: the largest number that the box takes, where that is more than the slider's end.
        """
        slide = ipywidgets.IntSlider(min=low, max=high, readout=False)
        box = ipywidgets.BoundedIntText(min=low, max=box_high or high, layout={"width": "58px"})
        return self._pair(trait, label, slide, box, label_width)

    def number_slider(
        self, trait: str, label: str, low: float, high: float, step: float, label_width: int = 60
    ) -> ipywidgets.Box:
        """As `slider` for the model's trait of type float."""
        slide = ipywidgets.FloatSlider(min=low, max=high, step=step, readout=False)
        box = ipywidgets.BoundedFloatText(min=low, max=high, step=step, layout={"width": "70px"})
        return self._pair(trait, label, slide, box, label_width)

    def scale_slider(
        self, trait: str, label: str, values: Sequence[float], label_width: int = 60
    ) -> ipywidgets.Box:
        """As `number_slider`, over chosen positive `values` in rising order, such as powers of ten.

        The box takes any number from 0 to their last; the slider stands at the value of nearest logarithm.
        (A FloatLogSlider would round the model's own value to its grid and send it back.)
        """
        slide = ipywidgets.SelectionSlider(options=[(number(v), v) for v in values], readout=False)
        box = ipywidgets.BoundedFloatText(min=0, max=values[-1], step=None, layout={"width": "80px"})

        def nearest(value: float) -> float:
            return min(values, key=lambda known: abs(np.log(known) - np.log(max(value, 1e-12))))

        return self._pair(trait, label, slide, box, label_width, nearest)

    def _pair(
        self,
        trait: str,
        label: str,
        slide: Any,
        box: Any,
        label_width: int,
        nearest: Callable[[Any], Any] = lambda value: value,
    ) -> ipywidgets.Box:
        slide.description, slide.layout.width = label, f"{145 + label_width}px"
        slide.style.description_width = f"{label_width}px"
        box.tooltip = f"{label} as a number"
        return ipywidgets.HBox(
            [self.tie(slide, trait, nearest), self.tie(box, trait)], layout={"overflow": "visible"}
        )

    def choice(
        self, trait: str, options: Iterable[tuple[str, Any, str]], width: int = 100
    ) -> ipywidgets.ToggleButtons:
        """Buttons of which one is pressed; options: label, value and tooltip of each."""
        options = list(options)
        buttons = ipywidgets.ToggleButtons(
            options=[(label, value) for label, value, _ in options],
            tooltips=[text for _, _, text in options],
            style={"button_width": f"{width}px"},
        )
        buttons.add_class("cnnkit-views")
        return self.tie(buttons, trait)

    def dropdown(
        self, trait: str, label: str, options: Iterable[Any], width: int = 220, label_width: int = 60
    ) -> ipywidgets.Dropdown:
        """A list to choose from; options: values, or (label, value) pairs."""
        menu = ipywidgets.Dropdown(
            description=label,
            options=list(options),
            style={"description_width": f"{label_width}px"},
            layout={"width": f"{width}px"},
        )
        return self.tie(menu, trait)

    def checkbox(self, trait: str, label: str, width: int = 230) -> ipywidgets.Checkbox:
        """A switch for a Boolean trait."""
        box = ipywidgets.Checkbox(description=label, indent=False, layout={"width": f"{width}px"})
        return self.tie(box, trait)

    def player(self, go: Callable[[int], None], label: str, interval: int = 120) -> ipywidgets.Box:
        """Play, pause, stop and again: calls `go(0)`, `go(1)`, ... every `interval` milliseconds.

        The clock runs in the browser, so that nothing ticks on while nobody looks; `go` decides when it
        starts over (by a remainder).
        """
        play = ipywidgets.Play(min=0, max=10**6, interval=interval, description=label, show_repeat=False)
        play.observe(self.safely(lambda change: go(change["new"]), label), "value")
        words = ipywidgets.Label(label)
        words.add_class("cnnkit-playlabel")
        return ipywidgets.HBox(
            [words, play], layout={"overflow": "visible", "flex_flow": "row wrap", "max_width": "100%"}
        )
