"""Explorer of notebook 10: does a network still know a picture that is rotated, shifted or scaled?"""

from __future__ import annotations

import html
from typing import Any

import ipywidgets
import numpy as np

from .parts.base import Explorer
from .parts.canvas import Canvas, mark, shape_text, side_by_side
from .parts.chart import Chart, bars, line, marker
from .parts.colors import span_of
from .parts.invariance_model import POSITIONS, PROPERTIES, SCALES, InvarianceModel
from .parts.motion import REST
from .parts.words import count, number, signed

SWEEP_EVERY = 250  # milliseconds
MOST_BARS = 10  # classes whose probability is drawn
LETTERS = 6  # of a class below its bar
NAMES = {"rotation": "rotation", "shift_x": "shift right", "shift_y": "shift down", "scale": "scale"}
UNITS = {"rotation": "°", "shift_x": " pixels", "shift_y": " pixels", "scale": " times the size"}
AXES = {
    "rotation": "rotation in degrees",
    "shift_x": "shift to the right, in pixels",
    "shift_y": "shift down, in pixels",
    "scale": "scale",
}


class InvarianceExplorer(Explorer):
    """Rotate, shift and scale test pictures under a network's eyes: `InvarianceExplorer()`.

    With a network and pictures of your own, `InvarianceExplorer(model, test)`: a `cnnkit.Sequential` and a
    Dataset that it was not trained on, gray or colored, up to 32x32 pixels. Without, a small network for
    digits is trained when the first such explorer is made, which takes a few seconds, once. Everything is
    set and read through `.model` (an `InvarianceModel`), for example
    `explorer.model.rotation = 45; explorer.model.probabilities`.
    """

    model: InvarianceModel

    def __init__(self, model: Any = None, data: Any = None, **settings: Any) -> None:
        if model is None and not settings:
            settings = {"index": 5, "rotation": 30.0}  # a digit that is moved tells more than one at rest
        super().__init__(InvarianceModel(model, data, **settings))
        self.canvases = {
            name: Canvas(name=name, width=210, lines=True, interactive=name == "moved")
            for name in ("picture", "moved")
        }
        self.shares = Chart(name="shares", title="What the network takes it for", x_label="class")
        self.curve = Chart(name="curve")
        self.verdict, self.measured, self.explanation = self.text(), self.text(), self.text()
        beside = ipywidgets.VBox(
            self._beside(), layout={"flex": "1 1 250px", "max_width": "340px", "overflow": "visible"}
        )
        trained = "" if self.model.is_own else " (A small network was trained on digits for this, once.)"
        self.children = [
            self.hint(
                "Drag a slider: the picture moves, the network reads it anew, and the curve of that property "
                "over the whole test set shows where you stand. Point at the moved picture to see where a "
                f"pixel comes from.{trained}"
            ),
            side_by_side(*self.canvases.values(), self.shares),
            self.verdict,
            side_by_side(*self._sliders()),
            self.message,
            side_by_side(self.curve, beside),
            self.explanation,
        ]
        self.canvases["moved"].observe(self.safely(self._pointed, "pointing"), "focus")
        self.model.observe(self.safely(self._draw, "drawing"), ["version", "shared_range"])
        self.model.observe(self.safely(self._draw_focus, "explaining"), "focus")
        self.safely(self._draw, "drawing")()

    def _sliders(self) -> list[ipywidgets.Widget]:
        model = self.model
        step = 0.25 if max(model.data.images.shape[2:]) <= 16 else 0.5
        reach = {name: model.reach(name) for name in ("shift_x", "shift_y")}
        pairs = [
            self.slider("index", "Picture", 0, max(1, len(model.data) - 1), 75),
            self.number_slider("rotation", "Rotation °", -180, 180, 5, 75),
            *(
                self.number_slider(name, NAMES[name].capitalize(), -far, far, step, 75)
                for name, far in reach.items()
            ),
            self.number_slider("scale", "Scale", *SCALES, 0.05, 75),
        ]
        for pair in pairs:
            pair.children[0].layout.width = "200px"  # with its box no wider than a narrow page
        return pairs

    def _beside(self) -> list[ipywidgets.Widget]:
        """What stands beside the curve: which one, a sweep, and what it says."""
        self.back = ipywidgets.Button(
            description="All at rest",
            tooltip="No rotation, no shift, the picture's own size",
            layout={"width": "110px"},
        )
        self.again = ipywidgets.Button(
            description="Measure again",
            tooltip="For a network that has been trained since",
            layout={"width": "130px", "display": None if self.model.is_own else "none"},
        )
        self.back.on_click(self.safely(lambda button: self.model.rest(), "rest"))
        self.again.on_click(self.safely(lambda button: self.model.measure_again(), "measuring"))
        ways = [(label, name) for name, label in NAMES.items()]
        return [
            self.dropdown("moved", "Curve of", ways, 220, 70),
            side_by_side(self.player(self._sweep, "Sweep", SWEEP_EVERY), self.back, self.again),
            self.checkbox("shared_range", "same color range as the picture", 270),
            self.measured,
        ]

    # From the learner ------------------------------------------------------------------------------

    def _pointed(self, change: Any) -> None:
        self.model.focus = change["new"]

    def _sweep(self, tick: int) -> None:
        """Through all positions of the curve, from rest on upward and around."""
        name = self.model.moved
        position = self.model.positions(name)[(POSITIONS // 2 + tick) % POSITIONS]
        setattr(self.model, name, float(position))

    # To the learner --------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        self._draw_pictures()
        self._draw_shares()
        self._draw_curve()
        self._draw_focus()

    def _draw_pictures(self) -> None:
        model = self.model
        own_low, own_high = span_of(model.picture)
        parts = (
            (
                "picture",
                f"Picture {model.index}: a “{model.label}”",
                model.picture,
                "as it is in the test set",
            ),
            ("moved", self._moved_title(), model.result, "what the network sees"),
        )
        for name, title, values, what in parts:
            canvas = self.canvases[name]
            if values is None:
                canvas.show(None, title=title, alt=f"{title}: nothing to show", caption="")
                continue
            canvas.caption = f"{shape_text(values[0])}: {what}"
            if len(values) == 3:
                colored = np.clip(values.transpose(1, 2, 0) * 255 + 0.5, 0, 255).astype(np.uint8)
                canvas.show(colored, title=title)
            else:
                low, high = (min(0.0, own_low), own_high) if model.shared_range else span_of(values)
                canvas.show(values[0], low, high, "gray", title=title)
            canvas.alt = canvas.describe(title)

    def _moved_title(self) -> str:
        """`rotated by 30°, at 1.5 times the size`."""
        motion = self.model.motion
        parts = [f"rotated by {number(motion.rotation)}°"] if motion.rotation else []
        for value, ways in ((motion.shift_x, ("right", "left")), (motion.shift_y, ("down", "up"))):
            if value:
                parts.append(f"{number(abs(value))} {ways[value < 0]}")
        if motion.scale != 1:
            parts.append(f"{number(motion.scale)} times the size")
        text = ", ".join(parts) or "at rest"
        return text[0].upper() + text[1:]

    def _draw_shares(self) -> None:
        model = self.model
        if model.probabilities is None:
            self.shares.show([], alt="Probabilities: nothing to show")
            self.verdict.value = ""
            return
        classes, truth = model.data.classes, int(model.data.labels[model.index])
        chosen = np.sort(np.argsort(-model.probabilities, kind="stable")[:MOST_BARS])
        if truth not in chosen:
            chosen = np.sort([*chosen[model.probabilities[chosen].argsort()[1:]], truth])
        places, right = np.arange(len(chosen)), chosen == truth
        values = model.probabilities[chosen]
        self.shares.x_names = [_short(classes[at]) for at in chosen]
        self.shares.show(
            [
                bars(f"the right class, “{classes[truth]}”", places[right], values[right]),
                bars("other classes", places[~right], values[~right]),
            ],
            x_range=(-0.6, len(chosen) - 0.4),
            y_range=(0.0, 1.0),
            alt="Probabilities: "
            + ", ".join(f"{classes[at]} {_percent(model.probabilities[at])}" for at in chosen),
        )
        good = model.answer == model.label
        sentence = f"Read as “{model.answer}” with {_percent(model.probabilities.max())}: " + (
            "right." if good else f"wrong, it is a “{model.label}” ({_percent(model.probabilities[truth])})."
        )
        kind = "same" if good else "differs"
        self.verdict.value = (
            f'<div class="cnnkit-verdict cnnkit-{kind}" role="status">{html.escape(sentence)}</div>'
        )

    def _draw_curve(self) -> None:
        model, name = self.model, NAMES[self.model.moved]
        self.curve.title, self.curve.x_label = f"Accuracy against {name}, in %", AXES[model.moved]
        if model.probabilities is None:
            self.curve.show([], alt="Accuracy: nothing to show")
            self.measured.value = ""
            return
        positions, shares = model.positions(model.moved), 100 * model.curve(model.moved)
        chance = 100 / len(model.data.classes)
        ends = float(positions[0]), float(positions[-1])
        here, share = getattr(model, model.moved), 100 * model.accuracy(model.moved)
        self.curve.show(
            [
                line(count(len(model.sample), "picture"), positions, shares, dots=True),
                line("guessing", ends, (chance, chance)),
            ],
            x_range=ends,
            y_range=(0.0, 100.0),
            alt=f"{self.curve.title}: {_percent(share / 100)} at {number(here)}, "
            f"{_percent(shares[POSITIONS // 2] / 100)} at rest",
            markers=[marker(here, share, f"{number(here)}: {_percent(share / 100)}")],
        )
        self.measured.value = f'<div class="cnnkit-line">{html.escape(self.sentence())}</div>'

    def sentence(self) -> str:
        """What was measured over the test set, in words; empty without a result."""
        model = self.model
        if model.probabilities is None:
            return ""
        name = model.moved
        value, shares = getattr(model, name), model.curve(name)
        low, high = (number(end) for end in model.robust_range(name))
        others = any(getattr(model, other) != getattr(REST, other) for other in PROPERTIES if other != name)
        alone = " and nothing else" if others else ""
        about = "" if value in model.positions(name) else "about "
        reached = (
            "The next measured position on either side costs more than a tenth of that."
            if low == high
            else f"From {low} to {high}{UNITS[name]} it keeps at least nine tenths of that."
        )
        amount, at_rest = count(len(model.sample), "test picture"), _percent(shares[POSITIONS // 2])
        if value == getattr(REST, name):
            return f"At rest, {at_rest} of {amount} are read right. {reached}"
        return (
            f"{_phrase(name, value)}{alone}, {about}{_percent(model.accuracy(name))} of {amount} are read "
            f"right; at rest it is {at_rest}. {reached}"
        )

    def _draw_focus(self, change: Any = None) -> None:
        model = self.model
        shown, original = self.canvases["moved"], self.canvases["picture"]
        if model.focus is None or model.result is None:
            shown.focus, original.marks, self.explanation.value = None, [], ""
            return
        shown.focus = model.focus
        reads = model.read_at(*model.focus)
        rows, columns = [row for row, _, _ in reads], [column for _, column, _ in reads]
        height, width = max(rows) - min(rows) + 1, max(columns) - min(columns) + 1
        original.marks = [mark(min(rows), min(columns), height, width)]
        self.explanation.value = self._explain(reads)

    def _explain(self, reads: list[tuple[int, int, float]]) -> str:
        """One pixel of the moved picture as the mean of up to four of the original."""
        model = self.model
        assert model.focus is not None and model.result is not None
        row, column = model.focus
        lines = []
        for channel, picture in enumerate(model.picture):
            height, width = picture.shape
            terms = [
                f"{number(share)}·{signed(picture[r, c]) if 0 <= r < height and 0 <= c < width else '0'}"
                for r, c, share in reads
            ]
            name = ("red: ", "green: ", "blue: ")[channel] if len(model.picture) == 3 else ""
            value = number(model.result[channel, row, column])
            lines.append(f'<div class="cnnkit-line">{name}{" + ".join(terms)} = {value}</div>')
        return (
            f'<div class="cnnkit-title">Pixel (row {row}, column {column}) is a mean of '
            f"{count(len(reads), 'pixel')} of the picture, by how near they are</div>{''.join(lines)}"
        )

    def remark(self) -> str:
        result = self.model.result
        if result is not None and not result.any():
            return "Nothing of the picture is left: it was moved out of its frame."
        return ""

    # Still -----------------------------------------------------------------------------------------

    def pictures(self) -> list[Any]:
        return [*self.canvases.values(), self.shares, self.curve]

    def describe(self) -> str:
        model = self.model
        title = self._moved_title()
        start = (
            f"Picture {model.index} of {len(model.data)}, a “{model.label}”, {title[0].lower()}{title[1:]}"
        )
        if model.problem:
            return f"{start}: {model.problem}"
        # No percentages: networks trained on different devices differ in a few pictures.
        return (
            f"{start}, beside the network's probabilities for {len(model.data.classes)} classes, and its "
            f"accuracy over the test set against {NAMES[model.moved]}."
        )

    def caption(self) -> str:
        return self.sentence() or self.describe()


def _phrase(name: str, value: float) -> str:
    """`Rotated by 30°`."""
    if name == "rotation":
        return f"Rotated by {number(value)}°"
    if name == "scale":
        return f"At {number(value)} times the size"
    way = (("right", "left") if name == "shift_x" else ("down", "up"))[value < 0]
    return f"Shifted {way} by {number(abs(value))} pixel{'' if abs(value) == 1 else 's'}"


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"


def _percent(share: float) -> str:
    """`61 %`; below 1 % with a digit more."""
    return f"{number(100 * share, 1) if 0 < share < 0.01 else round(100 * float(share))} %"
