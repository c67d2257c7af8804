"""Explorer of notebook 09: draw a digit and look inside the network while it reads along."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets
import numpy as np
import traitlets

from ..model import Sequential
from .parts import ink, inside, readings
from .parts.base import Explorer, Model
from .parts.canvas import Canvas, mark, side_by_side
from .parts.chart import Chart, bars
from .parts.colors import symmetric
from .parts.grid import NumberGrid
from .parts.inside import Area, Occlusion, Stage
from .parts.layerpictures import LayerPictures
from .parts.pad import Pad
from .parts.padtools import PadTools, WhyTools
from .parts.trained import digits_network, digits_test
from .parts.words import number

VIEWS = ("occlusion", "gradient")
FAINT = 0.1  # a fall of the probability by less than this is drawn pale
# A first drawing, smaller than the pad and aside, so that fitting shows: (row, column) of a 3.
EXAMPLE = [(7, 9), (5, 12), (5, 16), (7, 19), (10, 19), (13, 17), (14, 14)]
EXAMPLE += [(15, 17), (18, 20), (22, 20), (25, 17), (25, 12), (23, 9)]


class DrawModel(Model):
    """A bitmap in; the network's picture of it, every layer's output and the answer out.

    bitmap (32, 32) bool; network: a `Sequential` that turns (1, 8, 8) or (1, 28, 28) into scores; fit: cut
    out and scale the drawing as the makers of the data did; sample: of the held-out digits, changing it puts
    that digit on the pad; brush, erase: of the pad. view: "occlusion" (with a gray patch of `patch` eighths
    of the picture) or "gradient". shared_range: one color range for all layers. focus: (stage, channel, row,
    column) of the number that is explained, covered: (row, column) of the map in view; one of them or none.

    Results: `seen` (the picture and where it lies on the pad), `stages` (the picture and the layers'
    outputs), `probabilities` (classes,), `prediction`, `occlusion` and `gradient` (H, W). The last four are
    None without ink, and so is the map that is not in view.
    """

    inputs = ("bitmap", "network", "fit", "view", "patch", "gray")
    controlled = (
        *("sample", "fit", "brush", "erase", "view", "patch", "gray", "shared_range", "focus", "covered"),
    )

    bitmap = traitlets.Any()
    network = traitlets.Any()
    fit = traitlets.Bool(True)
    sample = traitlets.Int(0)
    brush = traitlets.Int(5, min=1, max=8)
    erase = traitlets.Bool(False)
    view = traitlets.Enum(VIEWS, "occlusion")
    patch = traitlets.Int(2, min=1, max=4)
    gray = traitlets.Float(0.5, min=0, max=1)
    shared_range = traitlets.Bool(False)
    focus: Any = traitlets.Tuple(*[traitlets.Int()] * 4, allow_none=True, default_value=None)
    covered: Any = traitlets.Tuple(traitlets.Int(), traitlets.Int(), allow_none=True, default_value=None)

    def __init__(self, network: Sequential | None = None, **settings: Any) -> None:
        self.samples = digits_test()
        self.seen = ink.seen(ink.empty(), ink.SIDES[0], False)
        self.stages: list[Stage] = []
        self.probabilities: np.ndarray | None = None
        self.occlusion: Occlusion | None = None
        self.gradient: np.ndarray | None = None
        self.side = ink.SIDES[0]
        self._nudged = self._fit_again = False
        focus = {name: settings.pop(name) for name in ("focus", "covered") if name in settings}
        if "sample" in settings and "bitmap" not in settings:
            settings = {"fit": False, "bitmap": self._bitmap_of(settings["sample"])} | settings
        network = digits_network() if network is None else network
        super().__init__(**({"bitmap": ink.stroke(EXAMPLE, 4), "network": network} | settings))
        self.observe(lambda change: self.pick(), "sample")
        self.begin()
        for name, value in focus.items():
            setattr(self, name, value)

    # Settings ------------------------------------------------------------------------------------

    @traitlets.validate("bitmap")
    def _check_bitmap(self, proposal: Any) -> np.ndarray:
        return ink.as_bitmap(proposal["value"])

    @traitlets.validate("network")
    def _check_network(self, proposal: Any) -> Sequential:
        if not isinstance(proposal["value"], Sequential):
            raise traitlets.TraitError(
                f"This explorer looks into a cnnkit.Sequential, not into {type(proposal['value']).__name__}."
            )
        return proposal["value"]

    @traitlets.validate("sample")
    def _check_sample(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] < len(self.samples):
            raise traitlets.TraitError(
                f"There are samples 0 to {len(self.samples) - 1}, and no sample {proposal['value']}."
            )
        return proposal["value"]

    @traitlets.validate("focus")
    def _clip_focus(self, proposal: Any) -> tuple[int, ...] | None:
        place = proposal["value"]
        if place is None or not 0 <= place[0] < len(self.stages):
            return None
        shape = self.stages[place[0]].values.shape
        limits = (*shape, 1, 1)[:3]
        return place[0], *(int(np.clip(at, 0, size - 1)) for at, size in zip(place[1:], limits, strict=True))

    @traitlets.validate("covered")
    def _clip_covered(self, proposal: Any) -> tuple[int, ...] | None:
        place, values = proposal["value"], self.importance()
        if place is None or values is None:
            return None
        return tuple(int(np.clip(at, 0, size - 1)) for at, size in zip(place, values.shape, strict=True))

    # What a hand does without drawing -------------------------------------------------------------

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """Several settings change and one computation follows."""
        with self.lock:
            self._ready = False
            try:
                yield
            finally:
                self._ready = True
            self.update()

    def _bitmap_of(self, sample: int) -> np.ndarray:
        return ink.of_counts(self.samples.images[sample, 0])

    def pick(self) -> None:
        """Put the sample on the pad. For the digits network it is counted as it is: it was fitted before."""
        with self._at_once():
            if self.fit and self.side == ink.SIDES[0]:
                self.fit, self._fit_again = False, True
            self._nudged = False
            self.bitmap = self._bitmap_of(self.sample)

    def clear(self) -> None:
        """Take all ink away; what is drawn next is fitted again, if only a sample had turned that off."""
        with self._at_once():
            self.bitmap = ink.empty()

    @traitlets.observe("bitmap")
    def _fit_what_comes(self, change: Any) -> None:
        if self._fit_again and not self.bitmap.any():
            self.fit, self._fit_again = True, False

    def nudge(self, down: int, right: int) -> None:
        """Move the drawing by whole cells; what leaves the pad is lost."""
        self._nudged = True
        self.bitmap = ink.moved(self.bitmap, down, right)

    def thicken(self, more: bool) -> None:
        """Add one cell around the ink, or take the outermost one away."""
        self.bitmap = ink.thicker(self.bitmap) if more else ink.thinner(self.bitmap)

    # Computing -----------------------------------------------------------------------------------

    def compute(self) -> str | None:
        self.probabilities = self.occlusion = self.gradient = None
        self.stages = []
        self.side, problem = inside.side_for(self.network, ink.SIDES)
        self.seen = ink.seen(self.bitmap, self.side, self.fit)
        if problem:
            self.focus = self.covered = None
            return problem
        self.stages = inside.stages_of(self.network, self.seen.picture)
        if self.bitmap.any():
            chances = inside.softmax(self.stages[-1].values.reshape(1, -1))[0]
            if not np.isfinite(chances).all():
                return (
                    "The network answers with numbers that are not finite: its training went astray. "
                    "Train it anew with a smaller learning rate."
                )
            self.probabilities = chances
            self._find_what_counts(int(chances.argmax()))
        self.focus, self.covered = self.focus, self.covered  # which may point outside of what there is now
        return None

    def _find_what_counts(self, winner: int) -> None:
        if self.view == "gradient":
            self.gradient = inside.saliency(self.network, self.seen.picture, winner)
            return
        eighth = self.side // 8
        self.occlusion = inside.occlusion(
            self.network, self.seen.picture, winner, self.patch * eighth, self.gray, eighth
        )

    # Told ----------------------------------------------------------------------------------------

    @property
    def prediction(self) -> int | None:
        """The most probable class; None without ink."""
        return None if self.probabilities is None else int(self.probabilities.argmax())

    def importance(self) -> np.ndarray | None:
        """The map that is in view: how far the winner falls (P, Q), or its score's slope (H, W)."""
        return self.gradient if self.occlusion is None else self.occlusion.falls

    def covered_area(self) -> Area | None:
        """What of the picture a place of that map stands for: what the patch covers, or one pixel."""
        if self.covered is None or self.importance() is None:
            return None
        return (*self.covered, 1, 1) if self.occlusion is None else self.occlusion.area(self.covered)

    def field(self) -> Area | None:
        """The pixels of the picture that the focused number can depend on; None without a focus."""
        if self.focus is None:
            return None
        stage, _, row, column = self.focus
        return inside.receptive_field(self.stages, stage, row, column)

    def label(self) -> int | None:
        """What the sample shows, while exactly a sample is on the pad."""
        if not np.array_equal(self.bitmap, self._bitmap_of(self.sample)):
            return None
        return int(self.samples.labels[self.sample])

    def derived(self) -> dict[str, Any]:
        """ink: its share of the pad; input_shape; prediction and probabilities, None and [] without ink.

        The probabilities have four decimals, to which devices agree.
        """
        chances: Any = [] if self.probabilities is None else np.round(self.probabilities, 4)
        return {
            "ink": float(self.bitmap.mean()),
            "label": self.label(),
            "input_shape": [1, self.side, self.side],
            "prediction": self.prediction,
            "probabilities": chances,
        }


class DrawExplorer(Explorer):
    """Draw a digit and watch a network read it: `DrawExplorer()`, or with a network of your own.

    Everything is set and read through `.model` (a `DrawModel`), for example
    `explorer.model.bitmap = bitmap; explorer.model.probabilities`. Two networks read one drawing after
    `traitlets.link((one.pad, "bits"), (other.pad, "bits"))`.
    """

    model: DrawModel

    def __init__(self, model: Sequential | None = None, **settings: Any) -> None:
        super().__init__(DrawModel(model, **settings))
        self.pad = Pad(title="Draw a digit here", width=270)
        self.seen = Canvas(name="seen", width=190, lines=True)
        self.why = Canvas(name="importance", width=190, lines=True)
        self.chart = Chart(name="probabilities", title="What the network reads", x_label="digit")
        self.answer, self.explanation = self.text(), self.text()
        self.explanation.layout.min_height = "190px"  # or the maps below would move away under the pointer
        self.layers, self.tools = LayerPictures(self), WhyTools(self)
        self.children = [
            self.hint(
                "Draw with the mouse, a finger or a pen (Shift or the right button erases), or tab to the "
                "pad: arrow keys move the pen, Space sets it down and lifts it."
            ),
            side_by_side(
                self.pad,
                self.seen,
                ipywidgets.VBox([self.answer, self.chart], layout={"flex": "1 1 300px", "min_width": "0"}),
            ),
            PadTools(self),
            self.message,  # below the buttons, which must not move away while a hand clicks them
            side_by_side(
                self.why,
                ipywidgets.VBox(
                    [self.tools, self.explanation], layout={"flex": "1 1 400px", "min_width": "0"}
                ),
            ),
            self.layers,
        ]
        self._connect()
        self.safely(self._draw, "drawing")()

    def _connect(self) -> None:
        traitlets.link((self.model, "brush"), (self.pad, "brush"))
        traitlets.link((self.model, "erase"), (self.pad, "erase"))
        self.pad.observe(self.safely(self._drawn, "the pad"), "bits")
        self.seen.observe(self.safely(self._pointed_at_picture, "the picture"), "focus")
        self.why.observe(self.safely(self._pointed_at_why, "the map"), "focus")
        self.model.observe(self.safely(self._draw, "drawing"), ["version", "shared_range"])
        self.model.observe(self.safely(self._draw_focus, "explaining"), ["focus", "covered"])

    # From the learner ----------------------------------------------------------------------------

    def _drawn(self, change: Any) -> None:
        bitmap = self.pad.bitmap
        if not np.array_equal(bitmap, self.model.bitmap):
            self.model.bitmap = bitmap

    def _pointed_at_picture(self, change: Any) -> None:
        if change["new"] is not None:
            self.model.focus, self.model.covered = (0, 0, *change["new"]), None

    def _pointed_at_why(self, change: Any) -> None:
        if change["new"] is not None:
            self.model.covered, self.model.focus = change["new"], None

    # To the learner ------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        model = self.model
        self.pad.bitmap = model.bitmap
        self.pad.alt = self.pad.describe()
        picture = model.seen.picture
        self.seen.show(picture, 0, 1, title="What the network gets", caption=self._seen_caption())
        self.seen.alt = self.seen.describe("The drawing as the network gets it")
        self._draw_answer()
        self._draw_why()
        self.layers.draw()
        self._draw_focus()

    def _seen_caption(self) -> str:
        if self.model.side == 8:
            return "ink of each 4 × 4 block of the pad, " + ("fitted" if self.model.seen.cut else "as it is")
        return "share of ink" + (", fitted as in MNIST" if self.model.seen.cut else "")

    def _draw_answer(self) -> None:
        chances = self.model.probabilities
        names = [str(index) for index in range(10 if chances is None else len(chances))]
        self.chart.x_names = names
        shown = [] if chances is None else [bars("probability in %", np.arange(len(names)), 100 * chances)]
        self.chart.show(shown, (-0.6, len(names) - 0.4), (0, 100), alt=readings.sentence(self.model))
        first, *rest = readings.answers(self.model)
        self.answer.value = f'<div class="cnnkit-answer" role="status">{first}</div>{" ".join(rest)}&nbsp;'

    def _draw_why(self) -> None:
        model, values = self.model, self.model.importance()
        gradient = model.view == "gradient"
        if values is None:
            title = "Where more ink counts" if gradient else "What it hangs on"
            self.why.show(None, title=title, caption="", alt=f"{title}: nothing to show without ink")
            return
        values, winner = values.astype(np.float32), model.prediction
        low, high = symmetric(values)
        if gradient:
            title = f"Where ink counts for {winner}"
            caption = f"orange: more ink here speaks for {winner}, blue: against it"
        else:
            title = f"What the {winner} hangs on"
            caption = f"orange: {winner} falls when this is covered, blue: it rises"
            low, high = min(low, -FAINT), max(high, FAINT)
        self.why.show(values, low, high, "diverging", title=title, caption=caption)
        self.why.alt = self.why.describe(f"{title}; {caption}")

    # What is pointed at --------------------------------------------------------------------------

    def _draw_focus(self, change: Any = None) -> None:
        model = self.model
        self.layers.draw_focus()
        self.seen.focus = model.focus[2:] if model.focus is not None and model.focus[0] == 0 else None
        self.why.focus = model.covered
        area = model.field() or model.covered_area()
        self.seen.marks = [mark(*area)] if area is not None else []
        cut = model.seen.cut
        marks = [mark(*cut, kind="cut")] if cut is not None else []
        if area is not None:
            marks.append(mark(*ink.within_pad(model.seen.on_pad(area))))
        self.pad.marks = marks
        self.pad.caption = "dashed: what is cut out and scaled" if cut else "the whole pad is counted"
        self.explanation.value = readings.explanation(model)

    def remark(self) -> str:
        return readings.notice(self.model)

    # Still ---------------------------------------------------------------------------------------

    def pictures(self) -> list[Canvas | NumberGrid | Chart]:
        """The pad, what the network gets, its answer, what counts, and the first and last maps."""
        pad = Canvas(name="pad", marks=[one for one in self.pad.marks if one["kind"] == "window"])
        pad.show(self.model.bitmap.astype(np.float32), 0, 1, title="The pad")
        maps = [
            canvas
            for canvas, stage in zip(self.layers.canvases, self.model.stages[1:], strict=False)
            if stage.spatial
        ]
        return [pad, self.seen, self.chart, self.why, *dict.fromkeys([*maps[:1], *maps[-1:]])]

    def describe(self) -> str:
        # No probabilities: they differ in their last digits from one device to the next.
        model = self.model
        share = f"A drawing pad with {number(100 * model.bitmap.mean(), 2)} % ink"
        if model.problem:
            return f"{share}: {model.problem}"
        if model.prediction is None:
            return f"{share}: draw a digit."
        return f"{share}, which the network reads as a {model.prediction}."

    def caption(self) -> str:
        return self.model.problem or readings.sentence(self.model)
