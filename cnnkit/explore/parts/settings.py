"""What explorers of one filter share: photo and weights as traits, and the controls that choose weights."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, cast

import ipywidgets
import numpy as np
import traitlets

import cnnkit

from . import own, presets
from .base import Explorer, Model
from .grid import NumberGrid

SIZES = (3, 5, 7)
DIFFERENCE = "difference"
SLOW = 0.3  # seconds: a function of the learner's that took longer is announced the next time


def gray_image(value: Any) -> np.ndarray:
    """`value` as one gray image (H, W) float32; accepts (H, W), (1, H, W) and (1, 1, H, W)."""
    image = np.asarray(value.get() if hasattr(value, "get") else value, dtype=np.float32)
    if image.ndim < 2 or image.ndim > 4 or any(size != 1 for size in image.shape[:-2]) or 0 in image.shape:
        raise traitlets.TraitError(
            f"This explorer needs one gray image of shape (1, 1, H, W) or (H, W), not {image.shape}: "
            "cnnkit.data.photo(path) makes one of any image file."
        )
    return image.reshape(image.shape[-2:])


def square_weights(value: Any) -> np.ndarray:
    """`value` as filter weights (k, k) float32 with k 3, 5 or 7."""
    weights = np.array(value, dtype=np.float32)
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or len(weights) not in SIZES:
        raise traitlets.TraitError(
            f"This explorer shows filters of 3×3, 5×5 and 7×7 weights, not {weights.shape}."
        )
    return weights


class FilterSettings(Model):
    """A photo and a filter that follow each other's settings; subclasses compute the results.

    image (H, W) float32; weights (k, k) float32; preset: the weights' name in `presets.PRESETS` or
    "custom"; size k; seed: of the preset "random".

    `functions` names the traits that hold None or a function of the learner's, which then computes in the
    place of cnnkit's. `comparisons` says by the same names how both agree; compared: show their difference;
    busy: which function is computing, in words, while a slow one does.
    """

    functions: ClassVar[tuple[str, ...]] = ()
    controlled: ClassVar[tuple[str, ...]] = ("preset", "size", "seed", "weights")

    compared = traitlets.Bool(False)
    busy = traitlets.Unicode()
    image = traitlets.Any()
    weights = traitlets.Any()
    preset = traitlets.Enum([*presets.PRESETS, presets.CUSTOM], "edges")
    size = traitlets.Enum(SIZES, 3)
    seed = traitlets.Int(0)

    def __init__(self, image: Any = None, **settings: Any) -> None:
        self._took: dict[str, float] = {}
        self.comparisons: dict[str, own.Comparison] = {}
        super().__init__()
        self.image = cnnkit.data.photo() if image is None else image
        self.weights = presets.weights_of(self.preset, self.size)
        # A preset is made for a size, and given weights settle both: this order lets each have its say.
        order = [*self.functions, "size", "seed", "preset"]
        for name in sorted(settings, key=lambda name: order.index(name) if name in order else len(order)):
            if not self.has_trait(name):
                raise TypeError(f"{type(self).__name__} has no setting {name!r}.")
            setattr(self, name, settings[name])
        self.begin()

    @traitlets.validate("image")
    def _check_image(self, proposal: Any) -> np.ndarray:
        return gray_image(proposal["value"])

    @traitlets.validate("weights")
    def _check_weights(self, proposal: Any) -> np.ndarray:
        return square_weights(proposal["value"])

    @traitlets.observe("preset", "seed")
    def _follow_preset(self, change: Any) -> None:
        if self.preset != presets.CUSTOM:
            self._set_weights(presets.weights_of(self.preset, self.size, self.seed))

    @traitlets.observe("size")
    def _follow_size(self, change: Any) -> None:
        if len(self.weights) == self.size:
            return
        if self.preset == presets.CUSTOM:
            self._set_weights(presets.resized(self.weights, self.size))
        else:
            self._set_weights(presets.weights_of(self.preset, self.size, self.seed))

    def _set_weights(self, weights: np.ndarray) -> None:
        # traitlets cannot compare arrays: without this, presets and weights would chase each other.
        if not np.array_equal(weights, self.weights):
            self.weights = weights

    @traitlets.observe("weights")
    def _follow_weights(self, change: Any) -> None:
        self.size = len(self.weights)
        self.preset = presets.name_of(self.weights, self.seed)
        self.recompute()

    @traitlets.observe("image")
    def _follow_image(self, change: Any) -> None:
        self.recompute()

    # The learner's own functions -----------------------------------------------------------------

    def check_function(self, proposal: Any) -> Any:
        """What traits in `functions` are validated by."""
        value = proposal["value"]
        if getattr(value, "stands_in", False):  # cnnkit's own, until the learner's is right
            return None
        if value is not None and not callable(value):
            raise traitlets.TraitError(
                f"{proposal['trait'].name} takes a function of yours, not {type(value).__name__}: "
                "give its name without parentheses."
            )
        return value

    def given(self) -> dict[str, Callable[..., Any]]:
        """The functions that the learner has put in, by the trait that holds them."""
        found = {name: getattr(self, name) for name in self.functions}
        return {name: function for name, function in found.items() if function is not None}

    def has_own(self) -> bool:
        return bool(self.given())

    @traitlets.validate("compared")
    def _check_compared(self, proposal: Any) -> bool:
        if proposal["value"] and not self.has_own():
            raise traitlets.TraitError(
                "There is no difference to show: give this explorer a function of yours "
                f"({' or '.join(f'{name}=...' for name in self.functions)})."
            )
        return proposal["value"]

    def functions_changed(self, change: Any = None) -> None:
        """What observers of the traits in `functions` call."""
        if not self.has_own():
            self.compared = False
        self.recompute()

    @contextmanager
    def timed(self, name: str, function: Callable[..., Any]) -> Iterator[None]:
        """Around a call of the learner's `function` in the trait `name`: `busy` if it was slow before."""
        if self._took.get(name, 0.0) > SLOW:
            self.busy = f"Your {own.name_of(function)} is computing …"
        start = time.perf_counter()
        try:
            yield
        finally:
            self._took[name] = time.perf_counter() - start
            self.busy = ""

    def sentences(self) -> str:
        """How the learner's functions agree with cnnkit's; empty without any."""
        return " ".join(one.sentence() for one in self.comparisons.values())

    def derived(self) -> dict[str, Any]:
        """The photo's shape; of the learner's functions the name and in how many pixels each differs."""
        facts: dict[str, Any] = {"image_shape": self.image.shape}
        for name in self.functions:
            facts[name] = own.name_of(getattr(self, name)) if getattr(self, name) is not None else ""
            if name in self.comparisons:
                facts[f"{name}_differs"] = self.comparisons[name].count
        return facts


class FilterPicker(ipywidgets.VBox):
    """Preset, size and editable weights of an explorer whose model is a `FilterSettings`."""

    def __init__(self, explorer: Explorer) -> None:
        self.settings = cast(FilterSettings, explorer.model)
        preset = ipywidgets.Dropdown(
            description="Filter",
            options=[*presets.PRESETS, presets.CUSTOM],
            style={"description_width": "45px"},
            layout={"width": "220px"},
        )
        size = ipywidgets.ToggleButtons(
            options=[(f"{k}×{k}", k) for k in SIZES],
            tooltips=[f"{k} by {k} weights" for k in SIZES],
            style={"button_width": "64px"},
        )
        self.grid = NumberGrid(self.settings.weights, label="Filter weights")
        self.again = ipywidgets.Button(description="Another random filter", layout={"width": "220px"})
        self.again.on_click(explorer.safely(self._another, "random filter"))
        super().__init__(
            [explorer.tie(preset, "preset"), explorer.tie(size, "size"), self.grid, self.again],
            layout={"overflow": "visible"},
        )
        self.grid.observe(explorer.safely(self._edited, "weights"), "values")
        self.settings.observe(explorer.safely(self._draw, "drawing weights"), ["weights", "preset"])
        self._draw()

    def _edited(self, change: Any) -> None:
        if not np.array_equal(self.grid.array, self.settings.weights):
            self.settings.weights = self.grid.array

    def _another(self, button: Any) -> None:
        self.settings.seed += 1

    def _draw(self, change: Any = None) -> None:
        self.grid.show(self.settings.weights)
        self.again.layout.display = None if self.settings.preset == "random" else "none"


class ViewSwitch(ipywidgets.ToggleButtons):
    """Two ways to color the result, by a Boolean trait, and a third while there is a function to compare.

    options: label, value of the trait and tooltip of each; widths: of a button, in pixels, where there are
    two and where there are three.
    """

    def __init__(
        self,
        explorer: Explorer,
        trait: str,
        options: list[tuple[str, bool, str]],
        widths: tuple[int, int],
    ) -> None:
        self.settings, self.trait = cast(FilterSettings, explorer.model), trait
        self._ways, self._widths = options, widths
        self._following = False
        self._offered: tuple[tuple[str, Any], ...] = ()
        super().__init__()
        self.add_class("cnnkit-views")
        self._follow()
        self.observe(explorer.safely(self._chosen, f"{trait} from its control"), "value")
        told = [trait, "compared", *self.settings.functions]
        self.settings.observe(explorer.safely(self._follow, f"{trait} to its control"), told)

    def _chosen(self, change: Any) -> None:
        if self._following:
            return
        self._following = True  # the first of two traits must not set this control back
        try:
            self.settings.compared = change["new"] == DIFFERENCE
            if change["new"] != DIFFERENCE:
                setattr(self.settings, self.trait, change["new"])
        finally:
            self._following = False
        self._follow()

    def _follow(self, change: Any = None) -> None:
        if self._following:
            return
        ways: list[tuple[str, Any, str]] = list(self._ways)
        if self.settings.has_own():
            ways.append(("difference", DIFFERENCE, "Show yours minus cnnkit’s: white is the same"))
        options = tuple((label, value) for label, value, _ in ways)
        self._following = True
        try:
            if self._offered != options:
                self.options = self._offered = options
                self.tooltips = [text for _, _, text in ways]
                self.style.button_width = f"{self._widths[self.settings.has_own()]}px"
            self.value = DIFFERENCE if self.settings.compared else getattr(self.settings, self.trait)
        finally:
            self._following = False


class Verdict(ipywidgets.HTML):
    """Who computed the result and whether it agrees with cnnkit's; takes no room without such a function.

    With one it always stands there, or the sliders below would move away under the pointer.
    """

    def __init__(self, explorer: Explorer) -> None:
        self.settings = cast(FilterSettings, explorer.model)
        super().__init__()
        self.add_class("cnnkit-words")
        self.settings.observe(explorer.safely(self.show, "verdict"), ["version", "compared"])
        self.settings.observe(explorer.safely(self.show, "verdict", at_once=True), "busy")
        self.show()

    def show(self, change: Any = None) -> None:
        settings = self.settings
        where = "" if settings.compared else " Choose “difference” to see where."
        said = [
            ("differs", one.sentence() + where) if one.count else ("same", one.sentence())
            for one in settings.comparisons.values()
        ]
        if settings.busy:
            said = [("busy", settings.busy)]
        elif settings.problem and settings.has_own():
            said = [("busy", "No result: the reason stands below.")]
        lines = (
            f'<div class="cnnkit-verdict cnnkit-{kind}" role="status">{html.escape(text)}</div>'
            for kind, text in said
        )
        self.value = "".join(lines)
        self.layout.display = None if said else "none"
