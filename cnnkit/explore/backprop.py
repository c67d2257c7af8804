"""Explorer of notebook 06: how the gradient at the output reaches every input pixel and every weight."""

from __future__ import annotations

from typing import Any, ClassVar

import ipywidgets
import numpy as np
import traitlets

import cnnkit

from .parts import words
from .parts.axis import Axis, remark
from .parts.backward import Nudge, Pass, backward, forward, loss_of, nudge
from .parts.base import Explorer, Model
from .parts.canvas import Canvas, mark, shape_text, side_by_side
from .parts.colors import symmetric
from .parts.grid import NumberGrid
from .parts.small import CUSTOM, EXAMPLES, cropped, example_of, identity, matrix_of
from .parts.sums import loss_text, nudge_text, output_text, sum_text

PARTS = ("x", "w", "y")
GRADIENTS = {"x": "dx", "w": "dw", "y": "g"}
UPSTREAM = {
    "ones": "all ones: L = sum of y",
    "one": "a single one: L = one output",
    "squared error": "squared error: L = Σ (y − t)²",
    "random": "random numbers: L = Σ g·y",
}
SIDES = 2, 10  # of an input, in pixels: more numbers than that cannot be read
STEPS = (1e-6, 1e-5, 1e-4, 1e-3, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
PIXEL, NARROWEST = 36, 150  # CSS pixels: of an array pixel, and of a picture, for its readout


class BackpropModel(Model):
    """A small input x (H, W) and filter (k, k) in, forward and backward pass out, as `result` (a `Pass`).

    `result` is None while `problem` says why. example: a name in `EXAMPLES`, or "custom" once x or weights
    are others; size, filter_size and seed make an example's numbers. upstream: where g = dL/dy comes from:
    "ones" (L is the sum of y), "one" (L is y at `one`), "squared error" (against `target`; None: the input
    itself, as the identity filter would let it through), "random" (L is the sum of g y).

    focus: (part, row, column) of what is written out, part "x", "w" or "y". nudging: whether the number
    there is also moved by `step` to measure its gradient; that is `measured()`.
    """

    inputs: ClassVar[tuple[str, ...]] = ("stride", "padding", "upstream", "one", "target", "seed")
    controlled = (
        *("example", "size", "filter_size", "seed", "weights", "stride", "padding"),
        *("upstream", "one", "focus", "nudging", "step", "shared_range"),
    )

    example = traitlets.Enum([*EXAMPLES, CUSTOM], "whole numbers")
    size = traitlets.Int(5, min=SIDES[0], max=SIDES[1])
    filter_size = traitlets.Enum([2, 3], 3)
    seed = traitlets.Int(0, min=0)
    x = traitlets.Any()
    weights = traitlets.Any()
    stride = traitlets.Int(1, min=1)
    padding = traitlets.Int(0, min=0)
    upstream = traitlets.Enum(list(UPSTREAM), "random")
    one = traitlets.Tuple(traitlets.Int(), traitlets.Int(), default_value=(1, 1))
    target: Any = traitlets.Any(None, allow_none=True)
    focus = traitlets.Tuple(
        traitlets.Enum(PARTS), traitlets.Int(), traitlets.Int(), default_value=("x", 1, 2)
    )
    nudging = traitlets.Bool(False)
    step = traitlets.Float(0.1, min=0)
    shared_range = traitlets.Bool(False)

    def __init__(self, **settings: Any) -> None:
        self.result: Pass | None = None
        self._arranging = False
        super().__init__()
        self._arrange(self.example)
        # An example is a start, sizes make it anew, and given numbers have the last word.
        order = ["example", "seed", "size", "filter_size"]
        for name in sorted(settings, key=lambda name: order.index(name) if name in order else len(order)):
            if not self.has_trait(name):
                raise TypeError(f"{type(self).__name__} has no setting {name!r}.")
            setattr(self, name, settings[name])
        self.begin()

    # Settings that follow each other ---------------------------------------------------------------

    @traitlets.validate("x")
    def _check_x(self, proposal: Any) -> np.ndarray:
        return matrix_of(proposal["value"], "inputs", *SIDES)

    @traitlets.validate("weights")
    def _check_weights(self, proposal: Any) -> np.ndarray:
        return matrix_of(proposal["value"], "square filters", 2, 3, square=True)

    @traitlets.validate("target")
    def _check_target(self, proposal: Any) -> np.ndarray | None:
        return None if proposal["value"] is None else matrix_of(proposal["value"], "targets", 1, 20)

    @traitlets.validate("focus")
    def _clip_focus(self, proposal: Any) -> tuple[str, int, int]:
        name, row, column = proposal["value"]
        if self.result is None:
            return name, row, column
        height, width = self.result.part(name).shape
        return name, min(max(row, 0), height - 1), min(max(column, 0), width - 1)

    def _arrange(self, name: str, start: bool = True) -> None:
        """Make the numbers of the example `name`; at its start also its sizes and upstream gradient."""
        one = EXAMPLES[name]
        with self.lock:
            ready, self._ready, self._arranging = self._ready, False, True
            try:
                if start:
                    self.size, self.filter_size, self.upstream = one.size, one.filter_size, one.upstream
                    self.stride, self.padding = 1, 0
                self.x, self.weights = one.x(self.size, self.seed), one.w(self.filter_size, self.seed)
            finally:
                self._ready, self._arranging = ready, False
            self.recompute()

    @traitlets.observe("example")
    def _follow_example(self, change: Any) -> None:
        with self.lock:
            if not self._arranging and self.example != CUSTOM:
                self._arrange(self.example)

    @traitlets.observe("size", "filter_size", "seed")
    def _follow_sizes(self, change: Any) -> None:
        with self.lock:
            if self._arranging:
                return
            if self.example != CUSTOM:
                self._arrange(self.example, start=False)
            elif change["name"] == "size":
                self.x = cropped(self.x, self.size)
            elif change["name"] == "filter_size":
                self.weights = cropped(self.weights, self.filter_size)

    @traitlets.observe("x", "weights")
    def _follow_numbers(self, change: Any) -> None:
        with self.lock:
            if self._arranging:
                return
            self._arranging = True
            try:
                self.size, self.filter_size = len(self.x), len(self.weights)
                self.example = example_of(self.x, self.weights, self.seed)
            finally:
                self._arranging = False
            self.recompute()

    # Computing -------------------------------------------------------------------------------------

    def compute(self) -> str | None:
        self.result = None
        x, w = self.x, self.weights
        settings = len(w), self.stride, self.padding
        rows, columns = Axis(x.shape[0], *settings), Axis(x.shape[1], *settings, name="columns")
        self.rows, self.columns = rows, columns
        problem = rows.impossible() or columns.impossible()
        if problem:
            return problem
        y, target = forward(x, w, rows), None
        if self.upstream == "squared error":
            target = forward(x, identity(len(w)), rows) if self.target is None else self.target
            if target.shape != y.shape:
                return (
                    f"The output has {shape_text(y)} numbers, and the target {shape_text(target)}: a squared "
                    "error compares number with number, so give a target of the output's size, or None."
                )
        g = self._gradient_at(y, target)
        self.result = Pass(x, w, rows, columns, y, g, *backward(g, x, w, rows), loss_of(y, g, target), target)
        self.focus = self.focus  # clipped to the new sizes
        return None

    def _gradient_at(self, y: np.ndarray, target: np.ndarray | None) -> np.ndarray:
        """g = dL/dy, of y's shape."""
        if target is not None:
            return cnnkit.ops.mse_backward(y, target, "sum").get()
        if self.upstream == "ones":
            return np.ones_like(y)
        if self.upstream == "one":
            g = np.zeros_like(y)
            row, column = (min(max(at, 0), n - 1) for at, n in zip(self.one, y.shape, strict=True))
            g[row, column] = 1
            return g
        return np.random.default_rng([self.seed, 3]).integers(-2, 4, y.shape).astype(np.float32)

    def measured(self) -> Nudge | None:
        """The gradient at the focus measured by moving its number; None unless `nudging` with a result."""
        with self.lock:
            if self.result is None or not self.nudging:
                return None
            part, row, column = self.focus
            return nudge(self.result, part, row, column, self.step)

    def derived(self) -> dict[str, Any]:
        """The input, the loss, and y, g, dx, dw and db, or their shapes alone while there is no result."""
        facts: dict[str, Any] = {"x": self.x, "output_shape": [self.rows.output, self.columns.output]}
        if self.result is not None:
            done = self.result
            facts |= {"y": done.y, "g": done.g, "dx": done.dx, "dw": done.dw, "db": done.db}
            facts["loss"] = done.loss
        return facts


class BackpropExplorer(Explorer):
    """See a gradient go back through a convolution: `BackpropExplorer()`, or with your `x=` and `weights=`.

    Everything is set and read through `.model` (a `BackpropModel`), for example
    `explorer.model.upstream = "ones"; explorer.model.result.dw`.
    """

    model: BackpropModel

    def __init__(self, **settings: Any) -> None:
        super().__init__(BackpropModel(**settings))
        names = (*PARTS, *GRADIENTS.values(), "t")
        self.canvases = {name: Canvas(name=name, lines=True, numbers=True) for name in names}
        self.canvases["t"].interactive = False
        self.grid = NumberGrid(self.model.weights, label="Filter weights")
        self.loss, self.explanation, self.check = self.text(), self.text(), self.text()
        shown = self.canvases
        forward_row = side_by_side(shown["x"], shown["w"], shown["y"])
        backward_row = side_by_side(shown["dx"], shown["dw"], shown["g"])
        heading = '<div class="cnnkit-title">{}</div>'.format
        pictures = [
            self.text(heading("Forward → the filter w slides over x and gives y")),
            forward_row,
            self.text(heading("Backward ← g comes in at y; below each array stands its gradient")),
            backward_row,
        ]
        layout = {"overflow": "visible", "grid_gap": "4px", "max_width": "100%"}
        self.children = [
            self.hint(
                "Point at a pixel, a weight or an output, or tab to a picture and use the arrow keys: what "
                "adds up to its gradient lights up and is written out below."
            ),
            side_by_side(
                *(ipywidgets.VBox(column, layout=layout) for column in (pictures, self._controls()))
            ),
            self.loss,
            self.message,
            side_by_side(*self._nudging()),
            self.check,
            self.explanation,
        ]
        self._listen()
        self.safely(self._draw, "drawing")()

    def _controls(self) -> list[ipywidgets.Widget]:
        self.again = ipywidgets.Button(description="Other random numbers", layout={"width": "220px"})
        filters = [(f"{k}×{k}", k, f"a filter of {k} by {k} weights") for k in (2, 3)]
        upstream = [(text, name) for name, text in UPSTREAM.items()]
        return [
            self.dropdown("example", "Numbers", [*EXAMPLES, CUSTOM]),
            self.slider("size", "Input", 2, 8),
            self.choice("filter_size", filters, 64),
            self.grid,
            self.slider("stride", "Stride", 1, 2),
            self.slider("padding", "Padding", 0, 1),
            self.dropdown("upstream", "g", upstream, 262),
            self.again,
            self.checkbox("shared_range", "one color range for all gradients", 260),
            self.canvases["t"],
        ]

    def _nudging(self) -> list[ipywidgets.Widget]:
        button = ipywidgets.ToggleButton(
            description="Nudge it",
            tooltip="Move the number pointed at by the step, and measure how the loss L changes",
            layout={"width": "110px"},
        )
        return [self.tie(button, "nudging"), self.scale_slider("step", "Step", STEPS, 40)]

    # From the learner ------------------------------------------------------------------------------

    def _listen(self) -> None:
        for part, gradient in GRADIENTS.items():
            for name in (part, gradient):
                pointed = self.safely(self._pointed_at(part), f"pointing at {name}")
                self.canvases[name].observe(pointed, "focus")
        self.again.on_click(self.safely(self._another, "other numbers"))
        self.grid.observe(self.safely(self._edited, "weights"), "values")
        self.model.observe(self.safely(self._draw, "drawing"), ["version", "shared_range"])
        self.model.observe(self.safely(self._draw_focus, "explaining"), ["focus", "nudging", "step"])

    def _pointed_at(self, part: str) -> Any:
        def pointed(change: Any) -> None:
            if change["new"] is not None:
                self.model.focus = (part, *change["new"])
                if part == "y" and self.model.upstream == "one":
                    self.model.one = change["new"]

        return pointed

    def _another(self, button: Any) -> None:
        self.model.seed += 1

    def _edited(self, change: Any) -> None:
        if not np.array_equal(self.grid.array, self.model.weights):
            self.model.weights = self.grid.array

    # To the learner --------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        model, done = self.model, self.model.result
        self.grid.show(model.weights)
        arrays: dict[str, np.ndarray | None] = {"x": model.x, "w": model.weights}
        if done is not None:
            arrays |= {"y": done.y, "dx": done.dx, "dw": done.dw, "g": done.g, "t": done.target}
        titles = {
            **{"x": "x: input", "w": "w: filter", "y": "y: output", "t": "t: target"},
            **{"dx": "dx = dL/dx", "dw": "dw = dL/dw", "g": "g = dL/dy"},
        }
        for name, canvas in self.canvases.items():
            values = arrays.get(name)
            size = f" {shape_text(values)}" if values is not None else ""
            canvas.width = max(NARROWEST, PIXEL * values.shape[1]) if values is not None else NARROWEST
            low, high = self._range(name, arrays)
            canvas.show(values, low, high, "diverging", title=titles[name] + size)
            canvas.alt = canvas.describe(titles[name])
        self.canvases["t"].layout.display = None if model.upstream == "squared error" else "none"
        random = model.example == "whole numbers" or model.upstream == "random"
        self.again.layout.display = None if random else "none"
        self._draw_focus()

    def _range(self, name: str, arrays: dict[str, np.ndarray | None]) -> tuple[float, float]:
        together = GRADIENTS.values() if self.model.shared_range and name in GRADIENTS.values() else [name]
        if name in ("y", "t"):
            together = ["y", "t"]  # they are compared
        numbers = [values.ravel() for one in together if (values := arrays.get(one)) is not None]
        return symmetric(np.concatenate(numbers)) if numbers else (-1.0, 1.0)

    def _draw_focus(self, change: Any = None) -> None:
        model, done = self.model, self.model.result
        if done is None:
            for canvas in self.canvases.values():
                canvas.marks, canvas.focus = [], None
            self.loss.value = self.check.value = self.explanation.value = ""
            return
        part, row, column = model.focus
        reads = done.reads(part, row, column)
        for name, gradient in GRADIENTS.items():
            for canvas in (self.canvases[name], self.canvases[gradient]):
                canvas.focus = (row, column) if name == part else None
                canvas.marks = _outlines(*reads[name]) if name in reads else []
        self.loss.value = loss_text(UPSTREAM[model.upstream].split(": ")[1], done)
        came = output_text(done, row, column) if part == "y" else ""
        self.explanation.value = came + sum_text(part, row, column, done.terms(part, row, column))
        self.check.value = self._check_words(done)

    def _check_words(self, done: Pass) -> str:
        measured = self.model.measured()
        if measured is None:
            return ""
        part, row, column = self.model.focus
        place, curved = f"[{row}, {column}]", done.target is not None
        return nudge_text(f"{part}{place}", f"{GRADIENTS[part]}{place}", self.model.step, measured, curved)

    def remark(self) -> str:
        if self.model.result is None:
            return ""
        left_out = remark(self.model.rows, self.model.columns)
        return f"{left_out} Nothing depends on it: its gradient is 0." if left_out else ""

    def pictures(self) -> list[Canvas | NumberGrid]:
        names = ["x", "w", "y", *(["t"] if self.model.upstream == "squared error" else [])]
        return [self.canvases[name] for name in (*names, "g", "dw", "dx")]

    def describe(self) -> str:
        model, done = self.model, self.model.result
        setting = f"stride {model.stride}, padding {model.padding}"
        start = f"A {shape_text(model.x)} input under a {shape_text(model.weights)} filter ({setting})"
        if done is None:
            return f"{start}: {model.problem}"
        return (
            f"{start} gives a {shape_text(done.y)} output; its gradient returns as {done.dx.size} gradients "
            f"of the input and {done.dw.size} of the weights; the gradient of the bias is "
            f"{words.number(done.db)}."
        )


def _outlines(rows: list[int], columns: list[int]) -> list[dict[str, Any]]:
    """Marks around the pixels at `rows` x `columns`: one rectangle where they have no gaps."""
    if not rows or not columns:
        return []
    rows, columns = sorted(rows), sorted(columns)
    if all(at[-1] - at[0] == len(at) - 1 for at in (rows, columns)):
        return [mark(rows[0], columns[0], len(rows), len(columns))]
    return [mark(row, column, 1, 1) for row in rows for column in columns]
