"""Explorer of notebook 05: photo, filter, ReLU and 2x2 pooling, every stage linked to the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np
import traitlets

import cnnkit

from .parts import own
from .parts.axis import Axis
from .parts.base import Explorer
from .parts.canvas import Canvas, mark, shape_text, side_by_side
from .parts.chart import Chart
from .parts.colors import span_of, symmetric, upward
from .parts.grid import NumberGrid
from .parts.settings import FilterPicker, FilterSettings, Verdict, ViewSwitch
from .parts.stage_words import explain_pixel, explain_pooling

STAGES = ("photo", "filtered", "activated", "pooled")
POOL = 2
CLEAR = 0.99  # share of the values inside the color range: without the few strongest, faint edges show


class PipelineModel(FilterSettings):
    """The stages of the worked example, each (H, W) float32, the last one (H // 2, W // 2).

    filtered = conv2d with "same" padding, activated = ReLU, pooled = 2x2 pooling with stride 2 of the kind
    `pooling`. `stages` holds all four by name, or only the photo while `problem` says why. focus: (stage,
    row, column), the stage as an index into `STAGES`. signed_colors: diverging colors, white at zero, or the
    article's magma. shared_range: one color range for the three computed stages, or one of its own for each;
    changing signed_colors sets it to what is usual, shared with signed colors and own with magma.

    Functions of the learner's may compute instead of cnnkit, each from the stage before it, whoever made
    that: convolution, called as `mine(x, w)` with the padding in `x`; activation, as `mine(x)`; max_pooling
    and average_pooling, as `mine(x, 2)`, or as `mine(x)` where they take nothing but a picture. `comparisons`
    holds how each agrees with cnnkit's, by these names.
    """

    functions = ("convolution", "activation", "max_pooling", "average_pooling")
    controlled = (
        *FilterSettings.controlled,
        "pooling",
        "signed_colors",
        "shared_range",
        "compared",
        "focus",
    )

    convolution = traitlets.Any(None, allow_none=True)
    activation = traitlets.Any(None, allow_none=True)
    max_pooling = traitlets.Any(None, allow_none=True)
    average_pooling = traitlets.Any(None, allow_none=True)
    pooling = traitlets.Enum(["max", "average"], "max")
    signed_colors = traitlets.Bool(True)
    shared_range = traitlets.Bool(True)
    focus = traitlets.Tuple(traitlets.Int(), traitlets.Int(), traitlets.Int(), default_value=(3, 0, 0))

    def __init__(self, image: Any = None, **settings: Any) -> None:
        self.stages: dict[str, np.ndarray] = {}
        self.kind = "max"
        focus, shared = settings.pop("focus", None), settings.pop("shared_range", None)
        super().__init__(image, **settings)
        self.focus = focus or self._telling_place()
        if shared is not None:  # after signed_colors, which would set it
            self.shared_range = shared

    @traitlets.validate("focus")
    def _clip_focus(self, proposal: Any) -> tuple[int, int, int]:
        stage, row, column = proposal["value"]
        stage = min(max(stage, 0), len(STAGES) - 1)
        picture = self.stages.get(STAGES[stage])
        if picture is None:
            return stage, row, column
        height, width = picture.shape
        return stage, min(max(row, 0), height - 1), min(max(column, 0), width - 1)

    @traitlets.validate(*functions)
    def _check_functions(self, proposal: Any) -> Any:
        return self.check_function(proposal)

    @traitlets.observe("signed_colors")
    def _usual_range(self, change: Any) -> None:
        self.shared_range = self.signed_colors

    @traitlets.observe("pooling", *functions)
    def _functions_changed(self, change: Any) -> None:
        self.functions_changed()

    def compute(self) -> str | None:
        """Every stage from the newest settings; where one fails, only the photo is left."""
        self.kernel, self.kind = self.weights, self.pooling
        self.stages = {"photo": self.image}
        self.comparisons.clear()
        if min(self.image.shape) < POOL:
            needed = f"{POOL}×{POOL} pooling needs at least {POOL} rows and {POOL} columns"
            return f"{needed}, and this photo has {shape_text(self.image)} pixels: take a larger one."
        try:
            self.stages |= self._compute()
        finally:
            self.focus = self._clip_focus({"value": self.focus})
        return None

    def maker(self, stage: str) -> str:
        """The trait that holds the learner's function for `stage`, if there is one."""
        return {"filtered": "convolution", "activated": "activation"}.get(stage) or f"{self.kind}_pooling"

    def comparison(self, stage: str) -> own.Comparison | None:
        """How the learner's function for `stage` agrees with cnnkit's; None without one."""
        return self.comparisons.get(self.maker(stage))

    def _compute(self) -> dict[str, np.ndarray]:
        kernel, pool = self.kernel, cnnkit.max_pool2d if self.kind == "max" else cnnkit.avg_pool2d
        operations: dict[str, Callable[[Any], Any]] = {
            "filtered": lambda x: cnnkit.conv2d(x, kernel[None, None], padding="same"),
            "activated": cnnkit.relu,
            "pooled": lambda x: pool(x, POOL),
        }
        given, stages = self.given(), {}
        before, x = self.image, self.image[None, None]
        for stage, operation in operations.items():
            x = operation(x)
            values, name = x.get()[0, 0], self.maker(stage)
            if name in given:
                values = self._compute_by_learner(name, given[name], before, values)
                x = values[None, None]
            stages[stage] = before = values
        return stages

    def _compute_by_learner(
        self, name: str, mine: Callable[..., Any], x: np.ndarray, ours: np.ndarray
    ) -> np.ndarray:
        with self.timed(name, mine):
            if name == "convolution":
                scale = own.correlation_scale(x, self.kernel)
                yours = own.correlate(mine, x, self.kernel, padding=len(self.kernel) // 2)
            else:
                alone = name == "activation" or (own.takes(mine, 1) and not own.takes(mine, 2))
                rest = () if alone else (POOL,)
                told = f"an image of {shape_text(x)}{f' and a window of {POOL}' if rest else ''}"
                scale = own.largest(x)
                yours = own.call(mine, ours.shape, told, x, *rest)
        self.comparisons[name] = own.Comparison(own.name_of(mine), yours, ours, scale)
        return yours

    @traitlets.observe("compared")
    def _go_to_the_worst(self, change: Any) -> None:
        if self.compared:
            self.focus = self._worst() or self.focus

    def _worst(self) -> tuple[int, int, int] | None:
        """(stage, row, column) where the first function that differs from cnnkit's differs most."""
        for index, stage in enumerate(STAGES):
            both = self.comparison(stage) if index else None
            worst = both.worst() if both else None
            if worst:
                return index, *worst
        return None

    def derived(self) -> dict[str, Any]:
        """Beside the photo's, every stage's shape, `filtered_shape` and so on; [] where there is none."""
        shapes = {f"{name}_shape": self.stages[name].shape if name in self.stages else () for name in STAGES}
        return {**super().derived(), **shapes}

    def _telling_place(self) -> tuple[int, int, int]:
        """The strongest pooled pixel in the middle of the picture."""
        if "pooled" not in self.stages:
            return 0, 0, 0
        worst = self._worst() if self.compared else None
        if worst:
            return worst
        pooled = self.stages["pooled"]
        top, left = (size // 4 for size in pooled.shape)
        middle = np.nan_to_num(pooled)[top : top * 3 + 1, left : left * 3 + 1]
        row, column = np.unravel_index(int(middle.argmax()), middle.shape)
        return 3, int(row) + top, int(column) + left

    # What belongs together -----------------------------------------------------------------------

    def axes(self) -> tuple[Axis, Axis]:
        """How the filter's windows lie over the rows and columns of the photo."""
        height, width = self.image.shape
        size = len(self.kernel)
        return Axis(height, size, padding=size // 2), Axis(width, size, padding=size // 2, name="columns")

    def block(self) -> tuple[int, int, int, int]:
        """(row, column, height, width) of what the focus stands for in the filtered and activated stages."""
        stage, row, column = self.focus
        if stage == 3:
            return POOL * row, POOL * column, POOL, POOL
        return row, column, 1, 1

    def window(self) -> tuple[int, int, int, int]:
        """(row, column, height, width) of the photo's pixels that the focus depends on."""
        row, column, height, width = self.block()
        if self.focus[0] == 0:
            return row, column, 1, 1
        reach = len(self.kernel) // 2
        return row - reach, column - reach, height + 2 * reach, width + 2 * reach

    def winner(self) -> tuple[int, int] | None:
        """The activated pixel that max pooling passed on (the first of equals); None when there is none."""
        if self.kind != "max" or self.focus[0] != 3 or "activated" not in self.stages:
            return None
        row, column, height, width = self.block()
        inside = self.stages["activated"][row : row + height, column : column + width]
        at = np.unravel_index(int(inside.argmax()), inside.shape)
        return row + int(at[0]), column + int(at[1])

    def shown(self, name: str) -> tuple[np.ndarray, float, float, str]:
        """A stage as it is drawn: values, low, high, color table."""
        values = self.stages[name]
        if name == "photo":
            return values, 0.0, max(1.0, span_of(values)[1]), "gray"
        both = self.comparison(name)
        if self.compared and both is not None:
            return both.difference, *symmetric(both.difference[both.differs], CLEAR), "diverging"
        whose = self.stages["filtered"] if self.shared_range or self.compared else values
        if self.signed_colors or self.compared:
            return values, *symmetric(whose, CLEAR), "diverging"
        low, high = upward(whose, CLEAR)
        return values, low, high, "magma"


class PipelineExplorer(Explorer):
    """The whole worked example live: `PipelineExplorer()`, or with an image of your own (1, 1, H, W).

    Everything is set and read through `.model` (a `PipelineModel`). Functions of your own compute a stage:
    `PipelineExplorer(convolution=corr2d)`, likewise activation, max_pooling and average_pooling.
    """

    model: PipelineModel

    def __init__(self, image: Any = None, **settings: Any) -> None:
        super().__init__(PipelineModel(image, **settings))
        self.canvases = {name: Canvas(name=name, width=250, lines=True) for name in STAGES}
        for canvas in self.canvases.values():
            canvas.add_class("cnnkit-fluid")  # four in a row where there is room
        self.picker = FilterPicker(self)
        self.verdict = Verdict(self)
        self.explanation, self.ranges = self.text(), self.text()
        self.children = [
            self.hint(
                "Point at any picture, or tab to it and use the arrow keys: what belongs together lights up "
                "in all four."
            ),
            side_by_side(*self.canvases.values()),
            self.verdict,
            side_by_side(
                self.picker,
                ipywidgets.VBox(self._switches(), layout={"max_width": "285px"}),
                self.explanation,
            ),
            self.message,
        ]
        for index, canvas in enumerate(self.canvases.values()):
            canvas.observe(self.safely(self._pointed_at(index), f"pointing at stage {index}"), "focus")
        self.model.observe(
            self.safely(self._draw, "drawing"), ["version", "signed_colors", "shared_range", "compared"]
        )
        self.model.observe(self.safely(self._draw_focus, "explaining"), "focus")
        self.safely(self._draw, "drawing")()

    def _switches(self) -> list[ipywidgets.Widget]:
        options = [
            ("max pooling", "max", "Keep the largest of four"),
            ("average pooling", "average", "Keep the mean of four"),
        ]
        pooling = self.choice("pooling", options, 132)
        ways = [
            ("signed colors", True, "White is zero, orange above, blue below"),
            ("magma", False, "As in the article: dark is smallest, light is largest"),
        ]
        shared = self.checkbox("shared_range", "same color range for stages 2 to 4", 270)
        ipywidgets.dlink((self.model, "compared"), (shared, "disabled"))  # a difference has its own range
        return [pooling, ViewSwitch(self, "signed_colors", ways, (132, 106)), shared, self.ranges]

    def _pointed_at(self, stage: int) -> Any:
        def pointed(change: Any) -> None:
            if change["new"] is not None:
                self.model.focus = (stage, *change["new"])

        return pointed

    # Drawing -------------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        model = self.model
        titles = {
            "photo": "1  Photo",
            "filtered": f"2  Filter “{model.preset}”",
            "activated": "3  ReLU: max(0, ·)",
            "pooled": f"4  {model.kind.capitalize()} pooling 2×2",
        }
        captions = {
            "photo": "the input",
            "filtered": "blue is below zero" if model.signed_colors or model.compared else "dark is smallest",
            "activated": "nothing below zero is left",
            "pooled": self._pooled_caption(),
        }
        names = {"filtered": "filter", "activated": "ReLU", "pooled": "pooling"}
        for name, canvas in self.canvases.items():
            if name not in model.stages:
                canvas.show(None, title=titles[name], alt=f"{titles[name]}: nothing to show", caption="")
                continue
            values, low, high, table = model.shown(name)
            title, caption = titles[name], captions[name]
            both = model.comparison(name) if name != "photo" else None
            if both is not None:
                title = f"{title} by your {both.name}"
            if both is not None and model.compared:
                title = f"{titles[name][:3]}Yours − cnnkit’s {names[name]}"
                caption = "orange where yours is larger" if both.count else "white: all the same"
            canvas.show(values, low, high, table, title=title, caption=f"{shape_text(values)}: {caption}")
            canvas.alt = canvas.describe(title[3:])
        self.ranges.value = f'<div class="cnnkit-note">{self._ranges()}</div>'
        self._draw_focus()

    def _pooled_caption(self) -> str:
        """What pooling keeps, and what it leaves out of a photo of odd size."""
        height, width = self.model.image.shape
        axes = Axis(height, POOL, POOL), Axis(width, POOL, POOL, name="columns")
        return "; ".join(["a quarter of the pixels", *(text for axis in axes if (text := axis.left_out()))])

    def _ranges(self) -> str:
        """Which numbers the colors stand for, in words."""
        model = self.model
        if model.compared:
            return "Every difference has a color range of its own, each other stage the filtered one’s."
        zero = "white is zero" if model.signed_colors else "dark is smallest"
        if model.shared_range:
            return f"Stages 2 to 4 share one color range ({zero}): the same color is the same number."
        return f"Each stage has its own color range ({zero}): equal colors can be different numbers."

    def _draw_focus(self, change: Any = None) -> None:
        model = self.model
        if len(model.stages) < len(STAGES):
            self.explanation.value = ""
            for canvas in self.canvases.values():
                canvas.marks, canvas.focus = [], None
            return
        stage, row, column = model.focus
        block, window = mark(*model.block()), mark(*model.window())
        winner = model.winner()
        crown = [mark(*winner, 1, 1, "winner")] if winner else []
        height, width = model.stages["pooled"].shape
        pooled = (row, column) if stage == 3 else (row // POOL, column // POOL)
        # In an image of odd size, the last row and column have no block of their own.
        has_pooled = pooled[0] < height and pooled[1] < width
        marks = {
            "photo": [window],
            "filtered": [block, *crown],
            "activated": [block, *crown],
            "pooled": [mark(*pooled, 1, 1)] if has_pooled else [],
        }
        for index, (name, canvas) in enumerate(self.canvases.items()):
            canvas.focus = (row, column) if index == stage else None
            canvas.marks = marks[name]
        self.explanation.value = explain_pooling(model) if stage == 3 else explain_pixel(model)

    # Still ---------------------------------------------------------------------------------------

    def pictures(self) -> list[Canvas | NumberGrid | Chart]:
        return list(self.canvases.values())

    def describe(self) -> str:
        model = self.model
        start = f"A {shape_text(model.image)} photo, the {model.size}×{model.size} filter “{model.preset}”"
        if model.problem:
            return f"{start}: {model.problem}"
        height, width = (size // POOL for size in model.image.shape)
        pooling = f"2×2 {model.pooling} pooling"
        makers = "".join(f" {name}: {both.by}." for name, both in model.comparisons.items())
        return f"{start}, ReLU and {pooling}: a {height} × {width} picture of what the filter found.{makers}"

    def caption(self) -> str:
        return self.model.sentences() or self.describe()
