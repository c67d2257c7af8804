"""Explorer of notebook 07: a filter learning itself, one step downhill after another."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets
import numpy as np

from .parts.base import Explorer
from .parts.bowl import GRID, OWN
from .parts.canvas import Canvas, mark, shape_text, side_by_side
from .parts.chart import Chart, line, marker
from .parts.colors import span_of, symmetric
from .parts.descent_model import DescentModel, name_of
from .parts.descent_words import facts, pointed_text, step_text, verdict
from .parts.words import count, number

SLIDER_STEPS = 100
PLAY_EVERY = 250  # milliseconds
FLOOR = 1e-4  # share of the highest loss where the logarithmic colors begin
FAR = 50 * GRID  # pixels: a path is drawn as far as this, and no further
RATES = [
    *(float(f"{lead}e{power}") for power in (-3, -2, -1, 0) for lead in (1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 7)),
    10.0,
]
EXAMPLES = {
    "edge": "the edge filter [1, −1]",
    "photo": "Sobel’s 3×3, from a photo",
    OWN: "yours",
}


class DescentExplorer(Explorer):
    """Watch a filter being learned by gradient descent: `DescentExplorer()`.

    With an example of your own: `DescentExplorer(image=..., wanted=...)`, an image of up to 64x64 pixels and
    the filter that is to be learned from what it makes of that image. Everything is set and read through
    `.model` (a `DescentModel`), for example `explorer.model.momentum = 0.9; explorer.model.losses`.
    """

    model: DescentModel

    def __init__(self, image: Any = None, wanted: Any = None, **settings: Any) -> None:
        super().__init__(DescentModel(image, wanted, **settings))
        self.surface = Canvas(name="surface", width=360, lens=False, picks=True)
        self.loss = Chart(name="loss", title="Loss after each step", x_label="step", y_log=True)
        self.canvases = {
            name: Canvas(name=name, width=170, lines=True, interactive=False, numbers=True)
            for name in ("image", "weights", "wanted", "output", "target")
        }
        for canvas in self.canvases.values():
            canvas.add_class("cnnkit-fluid")
            canvas.layout = ipywidgets.Layout(flex="1 1 140px", max_width="200px")  # five in a row
        self.verdict, self.facts, self.pointed, self.explanation = (self.text() for _ in range(4))
        beside = ipywidgets.VBox(
            [self.loss, self.verdict, self.facts, self.pointed],
            layout={"flex": "1 1 300px", "max_width": "640px", "min_width": "0", "overflow": "visible"},
        )
        self.children = [
            self.hint(
                "Drag the learning rate or the momentum: the whole descent follows. Click on the surface, or "
                "tab to it and press the arrow keys and Enter, to start from there."
            ),
            side_by_side(*self._settings()),
            side_by_side(*self._buttons()),
            self.message,
            side_by_side(self.surface, beside),
            side_by_side(*self._views(), align="center"),
            side_by_side(*self.canvases.values()),
            self.explanation,
        ]
        self._listen()
        self.safely(self._draw, "drawing")()

    def _settings(self) -> list[ipywidgets.Widget]:
        examples = [(EXAMPLES[name], name) for name in self.model.examples]
        sliders = [
            self.slider("steps", "Steps", 0, SLIDER_STEPS, 90),
            self.scale_slider("learning_rate", "Learning rate", RATES, 90),
            self.number_slider("momentum", "Momentum", 0, 0.99, 0.01, 90),
        ]
        for pair in sliders:
            pair.children[0].layout.width = "190px"  # with its box no wider than a narrow page
        return [self.dropdown("example", "To learn", examples, 270, 90), *sliders]

    def _buttons(self) -> list[ipywidgets.Widget]:
        self.buttons = {
            name: ipywidgets.Button(description=name, tooltip=tooltip, layout={"width": "auto"})
            for name, tooltip in (
                ("Step", "One step more"),
                ("Reset", "Back to step 0"),
                ("Start from zero", "Begin with a filter of zeros"),
                ("Random start", "Begin with another random filter"),
            )
        }
        return [
            self.player(self._play, "Play", PLAY_EVERY),
            *self.buttons.values(),
        ]

    def _views(self) -> list[ipywidgets.Widget]:
        ways = [
            ("log of the loss", True, "Color by the logarithm: also the floor of the valley shows its shape"),
            ("loss", False, "Color by the loss itself"),
        ]
        self.axes = ipywidgets.HBox([], layout={"overflow": "visible", "flex_flow": "row wrap"})
        self._offered = 0
        self._menus: dict[int, list[ipywidgets.Widget]] = {}  # by the amount of weights
        return [
            self.choice("logarithmic", ways, 110),
            self.axes,
            self.checkbox("shared_range", "one color range for learned and wanted", 300),
        ]

    # From the learner ------------------------------------------------------------------------------

    def _listen(self) -> None:
        actions = {
            "Step": lambda: setattr(self.model, "steps", min(self.model.steps + 1, self.model.most_steps)),
            "Reset": lambda: setattr(self.model, "steps", 0),
            "Start from zero": lambda: setattr(self.model, "start", 0 * self.model.start),
            "Random start": self.model.random_start,
        }
        for name, action in actions.items():
            self.buttons[name].on_click(self.safely(lambda button, action=action: action(), name))
        self.surface.observe(self.safely(self._pointed, "pointing"), "focus")
        self.surface.observe(self.safely(self._picked, "start"), "picked")
        self.model.observe(
            self.safely(self._draw, "drawing"), ["version", "logarithmic", "shared_range", "example"]
        )
        self.model.observe(self.safely(self._draw_focus, "explaining"), "focus")

    def _play(self, tick: int) -> None:
        self.model.steps = tick % (SLIDER_STEPS + 1)

    def _pointed(self, change: Any) -> None:
        self.model.focus = change["new"]

    def _picked(self, change: Any) -> None:
        if change["new"] is not None:
            self.surface.picked = None
            self.model.focus = change["new"]
            self.model.start_here()

    # To the learner --------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        self._offer_axes()
        self._draw_surface()
        self._draw_loss()
        self._draw_filters()
        kind, sentence = verdict(self.model)
        self.verdict.value = (
            f'<div class="cnnkit-verdict cnnkit-{kind}" role="status">{html.escape(sentence)}</div>'
        )
        self.facts.value, self.explanation.value = facts(self.model), step_text(self.model)
        self._draw_focus()

    def _offer_axes(self) -> None:
        """Which weights the surface shows can be chosen where there are more than two."""
        amount = self.model.task.wanted.size
        if self._offered == amount:
            return
        self._offered = amount
        # Made once for each amount: what is tied to the model stays as long as the model does.
        if amount > 2 and amount not in self._menus:
            options = [(name_of(at), at) for at in range(amount)]
            ways = (("across", "Across"), ("up", "Up"))
            self._menus[amount] = [self.dropdown(trait, label, options, 130) for trait, label in ways]
        self.axes.children = self._menus.get(amount, [])

    def _draw_surface(self) -> None:
        model, canvas = self.model, self.surface
        title = f"Loss over {name_of(model.across)} and {name_of(model.up)}"
        if model.surface is None:
            canvas.path, canvas.marks = [], []
            canvas.show(None, title=title, caption="", alt=f"{title}: nothing to show")
            return
        values, top = model.surface, span_of(model.surface)[1] or 1.0  # beyond float32 it stays empty
        low, high = 0.0, top
        if model.logarithmic:
            # In float32 as the picture, or rounding would put its own end beyond the color range.
            low, high = (float(np.log10(np.float32(end))) for end in (FLOOR * top, top))
            values = np.log10(np.maximum(values, np.float32(FLOOR * top)))
        ends = " to ".join(number(end) for end in model.task.span)
        color = "log₁₀ of the loss" if model.logarithmic else "the loss"
        caption = (
            f"Across: {name_of(model.across)}, up: {name_of(model.up)}, both from {ends}. Color: {color}. "
            "White: the way so far, to the orange dot. Large blue square: the wanted filter."
        )
        places = model.places(model.path)
        with canvas.hold_sync():
            canvas.show(values, low, high, "magma", title=title, caption=caption)
            canvas.path = drawn_path(places).tolist()
            canvas.marks = self._marks(places)
            canvas.alt = canvas.describe(f"{color} over two weights") + f". {self._way()}"

    def _marks(self, places: np.ndarray) -> list[dict[str, Any]]:
        row, column = self.model.places(self.model.task.wanted[None])[0]
        marks = [mark(row - 1.5, column - 1.5, 3, 3, "winner")]
        left = exit_of(places)
        return [*marks, mark(*left, 1, 1)] if left else marks

    def _way(self) -> str:
        """Where the path begins and ends, in words."""
        model = self.model
        begin, end = (_pair_text(filter_, model) for filter_ in (model.path[0], model.weights))
        outside = ", outside of the picture" if exit_of(model.places(model.path)) else ""
        return f"The way leads from {begin} to {end}{outside}"

    def _draw_loss(self) -> None:
        losses = self.model.losses
        steps, first = np.arange(len(losses)), max(float(losses[0]), 1e-30)
        shown = np.where(losses > 0, losses, np.nan)  # an axis of powers has no zero
        here = [] if np.isnan(shown[-1]) else [marker(steps[-1], losses[-1], number(losses[-1]))]
        self.loss.show(
            [line("loss", steps, shown, dots=len(losses) <= 60)],
            x_range=(0.0, float(max(1, steps[-1]))),
            y_range=None if (shown > 0).sum() > 1 else (first / 10, first * 10),
            alt=f"Loss over {count(int(steps[-1]), 'step')}: {number(losses[0])} at the start, "
            f"{number(losses[-1])} now",
            markers=here,
        )

    def _draw_filters(self) -> None:
        model, task = self.model, self.model.task
        arrays = {
            **{"image": task.image, "weights": model.weights, "wanted": task.wanted},
            **{"output": model.output, "target": task.target},
        }
        titles = {
            "image": ("x: the image", "what both filters see"),
            "weights": (f"w after {count(len(model.losses) - 1, 'step')}", "the filter as it is now"),
            "wanted": ("The wanted filter", "descent never sees it"),
            "output": ("y: its output now", "what w makes of x"),
            "target": ("t: the wanted output", "what y is compared with"),
        }
        partners = {"weights": "wanted", "output": "target"}
        for name, canvas in self.canvases.items():
            values, (title, caption) = arrays[name], titles[name]
            measure = arrays[partners.get(name, name)] if model.shared_range else values
            low, high = symmetric(measure)
            canvas.show(values, low, high, "diverging", title=title)
            canvas.caption = f"{shape_text(values)}: {caption}"
            canvas.alt = canvas.describe(title)

    def _draw_focus(self, change: Any = None) -> None:
        model = self.model
        self.surface.focus = model.focus if model.surface is not None else None
        self.pointed.value = pointed_text(model)

    def remark(self) -> str:
        if self.model.learning_rate == 0:
            return "With learning rate 0 no step moves the filter."
        return ""

    # Still -----------------------------------------------------------------------------------------

    def pictures(self) -> list[Any]:
        return [self.surface, self.loss, self.canvases["weights"], self.canvases["wanted"]]

    def describe(self) -> str:
        model, task = self.model, self.model.task
        start = (
            f"A {shape_text(task.wanted)} filter is learned from a {shape_text(task.image)} image in "
            f"{count(model.steps, 'step')} with learning rate {number(model.learning_rate)} and momentum "
            f"{number(model.momentum)}"
        )
        if model.problem:
            return f"{start}: {model.problem}"
        # Rounding decides where a descent that runs away ends, and where one that has arrived comes to rest.
        if model.grows:
            return f"{start}: the loss grows from {number(model.losses[0])}."
        if model.learned:
            return f"{start}: the loss falls from {number(model.losses[0])} to almost nothing."
        return f"{start}: the loss falls from {number(model.losses[0])} to {number(model.losses[-1], 2)}."

    def caption(self) -> str:
        return f"{self.describe()} {verdict(self.model)[1]}"


def _pair_text(filter_: np.ndarray, model: DescentModel) -> str:
    """`w₁ = 0.4, w₂ = −0.2`: the two weights of the surface."""
    flat = filter_.ravel()
    return ", ".join(f"{name_of(at)} = {number(flat[at])}" for at in (model.across, model.up))


def drawn_path(places: np.ndarray) -> np.ndarray:
    """`places` (n, 2) until the first that is too far away to be drawn; the way there is cut off."""
    low, high = GRID / 2 - FAR, GRID / 2 + FAR
    far = np.any((places < low) | (places > high), axis=1)
    if not far.any():
        return places
    first = int(far.argmax())
    if first == 0:
        return np.clip(places[:1], low, high)
    end = _border(places[first - 1], places[first], low, high)
    return np.concatenate([places[:first], end[None]])


def exit_of(places: np.ndarray) -> tuple[int, int] | None:
    """The pixel of the surface where the path has left it; None while its end is inside."""
    inside = np.all((places >= 0) & (places <= GRID), axis=1)
    if inside[-1]:
        return None
    edge = places[-1]
    if inside.any():
        last = int(np.flatnonzero(inside)[-1])
        edge = _border(places[last], places[last + 1], 0, GRID)
    row, column = np.clip(edge, 0, GRID - 1)
    return int(row), int(column)


def _border(begin: np.ndarray, end: np.ndarray, low: float, high: float) -> np.ndarray:
    """Where the line from `begin`, inside, to `end`, outside, leaves the square from `low` to `high`."""
    step = end - begin
    room = np.where(step > 0, high - begin, low - begin)
    share = min(float(room[axis]) / float(step[axis]) for axis in (0, 1) if step[axis])
    return begin + share * step
