"""Explorer of notebook 03: a nonlinearity as a curve, as a histogram and over a picture."""

from __future__ import annotations

import html
from typing import Any, ClassVar

import ipywidgets
import numpy as np
import traitlets

from .parts import words
from .parts.activations import (
    BIN,
    FLAT,
    FUNCTIONS,
    REACH,
    Twice,
    histogram,
    layer,
    percent,
    point_words,
    put_in_twice,
    share_words,
    twice_words,
)
from .parts.axis import Axis
from .parts.base import Explorer
from .parts.canvas import Canvas, shape_text, side_by_side
from .parts.chart import Chart, bars, line, marker
from .parts.colors import symmetric
from .parts.grid import NumberGrid
from .parts.settings import FilterPicker, FilterSettings

POINTS = 201  # of the curve: steps of 0.05
CLEAR = 0.99  # share of the values inside the color range
PICTURES = ("before", "after", "derivative")
TWICE = ("two layers", "one filter", "difference")


class ActivationModel(FilterSettings):
    """A photo under a filter, z = gain * filtered + bias, and a function of it; (OH, OW) float32 each.

    `before` is z, `after` f(z), `derivative` f'(z); all None while `problem` says why. function: a name in
    `FUNCTIONS`; slope: of the leaky ReLU, 0 to 1. at: the x that is pointed out on the curve; focus:
    (row, column) of the pixel it comes from, or None. twice: put the layer in twice, into `both`.
    shared_range: one color range for before and after.
    """

    inputs: ClassVar[tuple[str, ...]] = ("function", "slope", "gain", "bias", "twice")
    controlled = (
        *FilterSettings.controlled,
        *("function", "slope", "gain", "bias", "at", "focus", "twice", "shared_range"),
    )

    function = traitlets.Enum(list(FUNCTIONS), "relu")
    slope = traitlets.Float(0.1, min=0, max=1)
    gain = traitlets.Float(1.0)
    bias = traitlets.Float(0.0)
    at = traitlets.Float(1.0)
    focus: Any = traitlets.Tuple(traitlets.Int(), traitlets.Int(), allow_none=True, default_value=None)
    twice = traitlets.Bool(False)
    shared_range = traitlets.Bool(True)

    def __init__(self, image: Any = None, **settings: Any) -> None:
        self.before: np.ndarray | None = None
        self.after: np.ndarray | None = None
        self.derivative: np.ndarray | None = None
        self.both: Twice | None = None
        self.curve = np.linspace(-REACH, REACH, POINTS).round(6)
        pointed = "at" in settings or "focus" in settings
        super().__init__(image, **{"preset": "Sobel x", **settings})
        if not pointed:
            self.focus = self._telling_place()

    @traitlets.validate("focus")
    def _clip_focus(self, proposal: Any) -> tuple[int, int] | None:
        place = proposal["value"]
        before = self.before
        if place is None or before is None:
            return place
        row, column = (min(max(at, 0), end - 1) for at, end in zip(place, before.shape, strict=True))
        return row, column

    @traitlets.validate("gain", "bias", "at")
    def _check_number(self, proposal: Any) -> float:
        if not np.isfinite(proposal["value"]):
            raise traitlets.TraitError(f"{proposal['trait'].name} must be a finite number.")
        return proposal["value"]

    @traitlets.observe("focus")
    def _follow_focus(self, change: Any = None) -> None:
        with self.lock:
            if self.focus is not None and self.before is not None:
                value = float(self.before[self._clip_focus({"value": self.focus})])
                self.at = value if np.isfinite(value) else 0.0

    def compute(self) -> str | None:
        self.before = self.after = self.derivative = self.both = None
        image, weights, gain, bias = self.image, self.weights, self.gain, self.bias
        self.kernel, self.chosen, self.used_slope = weights, FUNCTIONS[self.function], self.slope
        self.values, self.slopes = self.chosen.both(self.curve, self.used_slope)
        height, width = image.shape
        rows, columns = Axis(height, len(weights)), Axis(width, len(weights), name="columns")
        problem = rows.impossible() or columns.impossible()
        if problem:
            return problem
        before = layer(image, weights, gain, bias)
        after, derivative = self.chosen.both(before, self.used_slope)
        if self.twice and min(before.shape) >= len(weights):
            self.both = put_in_twice(image, after, weights, gain, bias)
        self.before, self.after, self.derivative = before, after, derivative
        if self.focus is not None:
            self.focus = self.focus  # clipped to the new size
            self._follow_focus()
        return None

    def point(self) -> tuple[float, float, float]:
        """x, f(x) and f'(x) at the place that is pointed out."""
        value, slope = self.chosen.both(np.array([self.at]), self.used_slope)
        return self.at, float(value[0]), float(slope[0])

    def flat(self) -> float:
        """The share of the pixels whose derivative is below `FLAT`."""
        return 0.0 if self.derivative is None else float((np.abs(self.derivative) < FLAT).mean())

    def zeros(self) -> float:
        """The share of the pixels that are 0 after the function."""
        return 0.0 if self.after is None else float((self.after == 0).mean())

    def derived(self) -> dict[str, Any]:
        """Beside the photo's shape: the result's, f and f' at `at`, the shares of zeros and flat places."""
        _, value, slope = self.point()
        facts = {
            "output_shape": () if self.before is None else self.before.shape,
            **{"value_at": value, "derivative_at": slope, "flat": self.flat(), "zeros": self.zeros()},
        }
        if self.both is not None:
            facts["twice_differs"] = self.both.share
        return {**super().derived(), **facts}

    def _telling_place(self) -> tuple[int, int] | None:
        """The pixel in the middle of the picture that is farthest below 0: the one a function changes."""
        if self.before is None:
            return None
        top, left = (size // 4 for size in self.before.shape)
        middle = np.nan_to_num(self.before[top : top * 3 + 1, left : left * 3 + 1])
        row, column = np.unravel_index(int(middle.argmin()), middle.shape)
        return int(row) + top, int(column) + left


class ActivationExplorer(Explorer):
    """Try a nonlinearity: `ActivationExplorer()`, or with your own image (1, 1, H, W) and settings.

    Everything is set and read through `.model` (an `ActivationModel`), for example
    `explorer.model.function = "tanh"; explorer.model.after`.
    """

    model: ActivationModel

    def __init__(self, image: Any = None, **settings: Any) -> None:
        super().__init__(ActivationModel(image, **settings))
        self._steering = False
        self.curve = Chart(name="curve", x_label="x", interactive=True)
        self.histogram = Chart(name="histogram", x_label="value; outer bars: and beyond", y_log=True)
        self.canvases = {name: Canvas(name=name.replace(" ", "-"), width=250) for name in (*PICTURES, *TWICE)}
        for name, canvas in self.canvases.items():
            canvas.add_class("cnnkit-fluid")
            canvas.interactive = name in PICTURES
        self.picker = FilterPicker(self)
        self.told, self.shares, self.merged = self.text(), self.text(), self.text()
        self.slope = self.number_slider("slope", "Slope below 0", 0, 1, 0.01, 95)
        self.row = side_by_side(*(self.canvases[name] for name in TWICE))
        self.children = [
            self.hint(
                "Point at the curve, or tab to it and use the arrow keys. Point at a pixel: the dots on the "
                "curves show what becomes of it."
            ),
            side_by_side(self._functions(), self.slope),
            side_by_side(self.curve, self.histogram),
            self.told,
            side_by_side(*(self.canvases[name] for name in PICTURES)),
            self.shares,
            self.message,
            side_by_side(self.picker, ipywidgets.VBox(self._switches(), layout={"overflow": "visible"})),
            self.merged,
            self.row,
        ]
        for name in PICTURES:
            self.canvases[name].observe(self.safely(self._pointed, f"pointing at {name}"), "focus")
        self.curve.observe(self.safely(self._pointed_at_curve, "pointing at the curve"), "focus")
        self.model.observe(self.safely(self._draw, "drawing"), ["version", "shared_range"])
        self.model.observe(self.safely(self._draw_point, "explaining"), ["at", "focus"])
        self.safely(self._draw, "drawing")()

    def _functions(self) -> ipywidgets.Widget:
        options = [(one.label, name, one.formula.format(slope="slope")) for name, one in FUNCTIONS.items()]
        return self.choice("function", options, 92)

    def _switches(self) -> list[ipywidgets.Widget]:
        return [
            self.number_slider("gain", "× gain", 0, 10, 0.1),
            self.number_slider("bias", "+ bias", -4, 4, 0.1),
            self.checkbox("shared_range", "same colors before and after", 240),
            self.checkbox("twice", "put this layer in twice", 240),
        ]

    # From the learner ----------------------------------------------------------------------------

    def _pointed(self, change: Any) -> None:
        if change["new"] is not None:
            self.model.focus = change["new"]

    def _pointed_at_curve(self, change: Any) -> None:
        if change["new"] is not None and not self._steering:
            self.model.focus = None
            self.model.at = change["new"]

    # To the learner ------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        model = self.model
        self.slope.layout.display = None if model.function == "leaky relu" else "none"
        self._draw_pictures()
        self._draw_twice()
        self._count()
        self._draw_point()

    def _draw_pictures(self) -> None:
        model, name = self.model, self.model.chosen.label
        titles = {
            "before": f"x: before {name}",
            "after": f"f(x): after {name}",
            "derivative": "f′(x): what goes back",
        }
        signs = "white: 0, orange: +, blue: −"
        captions = {"before": signs, "after": signs, "derivative": "black: no gradient goes back"}
        arrays = {"before": model.before, "after": model.after, "derivative": model.derivative}
        for key, canvas in self.canvases.items():
            if key not in PICTURES:
                continue
            values, (low, high) = arrays[key], self._range(key)
            caption = captions[key] if values is not None else ""
            table = "magma" if key == "derivative" else "diverging"
            canvas.show(values, low, high, table, title=titles[key], caption=caption)
            canvas.alt = canvas.describe(f"{titles[key]} of the filter {model.preset}")

    def _range(self, name: str) -> tuple[float, float]:
        model = self.model
        if model.before is None or model.after is None or name == "derivative":
            return 0.0, 1.0
        own = {"before": symmetric(model.before, CLEAR), "after": symmetric(model.after, CLEAR)}
        return max(own.values(), key=lambda ends: ends[1]) if model.shared_range else own[name]

    def _draw_twice(self) -> None:
        model, both = self.model, self.model.both
        self.row.layout.display = self.merged.layout.display = None if model.twice else "none"
        size = f"{both.size}×{both.size}" if both else ""
        titles = {
            "two layers": f"Layer, {model.chosen.label}, layer",
            "one filter": f"One {size} filter instead".replace("  ", " "),
            "difference": "Their difference",
        }
        arrays = (
            {"two layers": both.two, "one filter": both.one, "difference": both.two - both.one}
            if both
            else {}
        )
        together = symmetric(np.concatenate([both.two, both.one]), CLEAR) if both else (-1.0, 1.0)
        for name in TWICE:
            # Rounding alone is shown as no difference, not as noise.
            apart = name == "difference" and both is not None and both.share > 0
            ends = symmetric(arrays[name], CLEAR) if apart else together
            self.canvases[name].show(arrays.get(name), *ends, "diverging", title=titles[name])
            self.canvases[name].alt = self.canvases[name].describe(titles[name])
        told = twice_words(model.chosen.label, len(model.kernel), both) if model.before is not None else ""
        self.merged.value = f'<div class="cnnkit-line">{html.escape(told)}</div>'

    def _count(self) -> None:
        """The histogram's bars and the shares of the pixels, which do not follow the pointer."""
        model = self.model
        self._bars, self._shares = [], ""
        if model.before is None or model.after is None:
            self.shares.value = ""
            return
        # Both stand beside each other in every bin.
        for label, values, shift in (("before", model.before, -0.25), ("after", model.after, 0.25)):
            middles, shares = histogram(values)
            filled = shares > 0  # a logarithm has no place for 0
            self._bars.append(bars(label, (middles + shift * BIN)[filled], shares[filled], BIN / 2))
        size = shape_text(model.before)
        self._shares = share_words(model.chosen.label, model.zeros(), model.flat())
        shape = f"{size} in, {size} out: each number by itself, so a volume keeps its shape."
        self.shares.value = f'<div class="cnnkit-line">{html.escape(f"{shape} {self._shares}")}</div>'

    def _draw_point(self, change: Any = None) -> None:
        model = self.model
        x, value, slope = model.point()
        for name in PICTURES:
            self.canvases[name].focus = model.focus if model.before is not None else None
        self._draw_curve(x, value, slope)
        self._draw_histogram(x, value)
        where = "On the curve" if model.focus is None else "Pixel (row {}, column {})".format(*model.focus)
        told = f"{where}: {point_words(model.chosen, model.used_slope, x, value, slope)}"
        self.told.value = f'<div class="cnnkit-line" role="status">{html.escape(told)}</div>'

    def _draw_curve(self, x: float, value: float, slope: float) -> None:
        model = self.model
        one, at = model.chosen, words.number(model.used_slope)
        lines = [line("f(x)", model.curve, model.values), line("f′(x)", model.curve, model.slopes)]
        heights = np.concatenate([model.values, model.slopes])
        texts = [f"f = {words.number(value)}", f"f′ = {words.number(slope)}"]
        if abs(value - slope) < 0.12 * np.ptp(heights):
            texts = [", ".join(texts), ""]
        markers = (
            [marker(x), marker(x, value, texts[0]), marker(x, slope, texts[1])] if abs(x) <= REACH else []
        )
        self.curve.title = f"{one.label}: {one.formula}, {one.derivative}".format(slope=at)
        low, high = float(heights.min()), float(heights.max())
        alt = (
            f"Curve of {one.label} and its derivative from {words.number(-REACH)} to {words.number(REACH)}; "
            f"at {words.number(x)} the value is {words.number(value)}, the derivative {words.number(slope)}"
        )
        self.curve.show(lines, (-REACH, REACH), (min(low, -0.1), high + 0.05 * (high - low)), alt, markers)
        self._steering = True  # what is set here is no pointing
        try:
            self.curve.focus = float(model.curve[np.abs(model.curve - x).argmin()])
        finally:
            self._steering = False

    def _draw_histogram(self, x: float, value: float) -> None:
        x, value = (min(max(one, -REACH), REACH) for one in (x, value))
        markers = [marker(x, label="x"), marker(value, label="f(x)")]
        if abs(x - value) < BIN:
            markers = [marker(x, label="x, f(x)")]
        alt = f"Histogram of the pixels before and after {self.model.chosen.label}. {self._shares}".rstrip(
            "."
        )
        self.histogram.title = "Percent of the pixels (each line: ten times more)"
        self.histogram.show(self._bars, (-REACH, REACH), (0.01, 100.0), alt, markers if self._bars else [])

    def pictures(self) -> list[Canvas | NumberGrid | Chart]:
        shown = PICTURES + (TWICE if self.model.twice else ())
        return [self.curve, self.histogram, *(self.canvases[name] for name in shown)]

    def describe(self) -> str:
        model = self.model
        scaled = f"gain {words.number(model.gain)}, bias {words.number(model.bias)}"
        start = (
            f"A {shape_text(model.image)} photo under the {model.size}×{model.size} filter “{model.preset}” "
            f"({scaled}), then {model.chosen.label}"
        )
        if model.problem:
            return f"{start}: {model.problem}"
        zeros, flat = percent(model.zeros()), percent(model.flat())
        return f"{start}: {zeros} of the pixels are 0, and {flat} lie where the curve is flat."
