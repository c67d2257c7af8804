"""What explorers of one filter share: photo and weights as traits, and the controls that choose weights."""

from __future__ import annotations

from typing import Any, cast

import ipywidgets
import numpy as np
import traitlets

import cnnkit

from . import presets
from .base import Explorer, Model
from .grid import NumberGrid

SIZES = (3, 5, 7)


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
    """A photo and a filter that follow each other's settings; subclasses compute in `compute`.

    image (H, W) float32; weights (k, k) float32; preset: the weights' name in `presets.PRESETS` or
    "custom"; size k; seed: of the preset "random".
    """

    image = traitlets.Any()
    weights = traitlets.Any()
    preset = traitlets.Enum([*presets.PRESETS, presets.CUSTOM], "edges")
    size = traitlets.Enum(SIZES, 3)
    seed = traitlets.Int(0)

    def __init__(self, image: Any = None, **settings: Any) -> None:
        self._ready = False
        super().__init__()
        self.image = cnnkit.data.photo() if image is None else image
        self.weights = presets.weights_of(self.preset, self.size)
        # A preset is made for a size, and given weights settle both: this order lets each have its say.
        order = ["size", "seed", "preset"]
        for name in sorted(settings, key=lambda name: order.index(name) if name in order else len(order)):
            if not self.has_trait(name):
                raise TypeError(f"{type(self).__name__} has no setting {name!r}.")
            setattr(self, name, settings[name])
        self._ready = True
        self.update()

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
    def recompute(self, change: Any = None) -> None:
        """What observers of settings call: `update`, once the model is complete."""
        if self._ready:
            self.update()

    def update(self) -> None:
        """Compute from the newest settings."""
        raise NotImplementedError


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
