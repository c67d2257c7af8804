"""Explorer of notebook 05: photo, filter, ReLU and 2x2 pooling, every stage linked to the others."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np
import traitlets

import cnnkit

from .parts import own, words
from .parts.arithmetic import matrix, numbers, read_patch, tint, written_out
from .parts.axis import Axis
from .parts.base import Explorer
from .parts.canvas import Canvas, mark, shape_text, side_by_side
from .parts.chart import Chart
from .parts.colors import span_of, symmetric, upward
from .parts.grid import NumberGrid
from .parts.settings import FilterPicker, FilterSettings, Verdict, ViewSwitch

STAGES = ("photo", "filtered", "activated", "pooled")
POOL = 2
CLEAR = 0.99  # share of the values inside the color range: without the few strongest, faint edges show


class PipelineModel(FilterSettings):
    """The stages of the worked example, each (H, W) float32, the last one (H // 2, W // 2).

    filtered = conv2d with "same" padding, activated = ReLU, pooled = 2x2 pooling with stride 2 of the kind
    `pooling`. `stages` holds all four by name, or only the photo while `problem` says why. focus: (stage,
    row, column), the stage as an index into `STAGES`. signed_colors: one diverging color range for the
    three computed stages, or the article's magma with a range of its own for each.

    Functions of the learner's may compute instead of cnnkit, each from the stage before it, whoever made
    that: convolution, called as `mine(x, w)` with the padding in `x`; activation, as `mine(x)`; max_pooling
    and average_pooling, as `mine(x, 2)`. `comparisons` holds how each agrees with cnnkit's, by these names.
    """

    functions = ("convolution", "activation", "max_pooling", "average_pooling")
    controlled = (
        *FilterSettings.controlled,
        "pooling",
        "signed_colors",
        "compared",
        "focus",
    )

    convolution = traitlets.Any(None, allow_none=True)
    activation = traitlets.Any(None, allow_none=True)
    max_pooling = traitlets.Any(None, allow_none=True)
    average_pooling = traitlets.Any(None, allow_none=True)
    pooling = traitlets.Enum(["max", "average"], "max")
    signed_colors = traitlets.Bool(True)
    focus = traitlets.Tuple(traitlets.Int(), traitlets.Int(), traitlets.Int(), default_value=(3, 0, 0))

    def __init__(self, image: Any = None, **settings: Any) -> None:
        self.stages: dict[str, np.ndarray] = {}
        self.kind = "max"
        focus = settings.pop("focus", None)
        super().__init__(image, **settings)
        self.focus = focus or self._telling_place()

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

    @traitlets.observe("pooling", *functions)
    def _functions_changed(self, change: Any) -> None:
        self.functions_changed()

    def update(self) -> None:
        """Compute every stage from the newest settings; say in `problem` why there is none."""
        with self.lock:
            self.kernel, self.kind = self.weights, self.pooling
            self.stages, problem = {"photo": self.image}, ""
            self.comparisons.clear()
            try:
                self.stages |= self._compute()
            except Exception as error:  # a device can fail in many ways, and the learner should read which
                problem = words.sentence(error)
            self.problem = problem
            self.focus = self._clip_focus({"value": self.focus})
            self.version += 1

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
                rest = () if name == "activation" else (POOL,)
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
        if self.signed_colors or self.compared:
            return values, *symmetric(self.stages["filtered"], CLEAR), "diverging"
        low, high = upward(values, CLEAR)
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
        self.explanation = self.text()
        self.children = [
            self.hint(
                "Point at any picture, or tab to it and use the arrow keys: what belongs together lights up "
                "in all four."
            ),
            side_by_side(*self.canvases.values()),
            self.verdict,
            side_by_side(self.picker, ipywidgets.VBox(self._switches()), self.explanation),
            self.message,
        ]
        for index, canvas in enumerate(self.canvases.values()):
            canvas.observe(self.safely(self._pointed_at(index), f"pointing at stage {index}"), "focus")
        self.model.observe(self.safely(self._draw, "drawing"), ["version", "signed_colors", "compared"])
        self.model.observe(self.safely(self._draw_focus, "explaining"), "focus")
        self.safely(self._draw, "drawing")()

    def _switches(self) -> list[ipywidgets.Widget]:
        pooling = ipywidgets.ToggleButtons(
            options=[("max pooling", "max"), ("average pooling", "average")],
            tooltips=["Keep the largest of four", "Keep the mean of four"],
            style={"button_width": "132px"},
        )
        ways = [
            ("signed colors", True, "One range for all stages, white is zero"),
            ("magma", False, "As in the article, each stage has its own range"),
        ]
        return [self.tie(pooling, "pooling"), ViewSwitch(self, "signed_colors", ways, (132, 106))]

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
            "pooled": "a quarter of the pixels",
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
        self._draw_focus()

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
        self.explanation.value = self._explain_pooling() if stage == 3 else self._explain_pixel()

    def _explain_pixel(self) -> str:
        """The multiply-adds of one filtered pixel and what ReLU makes of it."""
        model = self.model
        _, row, column = model.focus
        rows, columns = model.axes()
        patch = read_patch(model.image, model.kernel, rows.cells(row), columns.cells(column))
        filtered, activated = (self._yours(stage, row, column) for stage in ("filtered", "activated"))
        before = float(model.stages["filtered"][row, column]) if filtered else patch.total
        after = f"{filtered} → ReLU → {words.number(max(0.0, before))}{activated}"
        return written_out(patch, f"Filtered pixel (row {row}, column {column})", after)

    def _yours(self, stage: str, row: int, column: int) -> str:
        """What the learner's function for `stage` gave where cnnkit gives another number; else empty."""
        both = self.model.comparison(stage)
        if both is None or not both.differs[row, column]:
            return ""
        return html.escape(f"; your {both.name} gave {both.values_at(row, column)[0]}")

    def _explain_pooling(self) -> str:
        """Four filtered numbers, the same after ReLU, and what pooling keeps."""
        model = self.model
        _, row, column = model.focus
        top, left, height, width = model.block()
        here = slice(top, top + height), slice(left, left + width)
        before, after = model.stages["filtered"][here], model.stages["activated"][here]
        winner = model.winner()
        largest = float(np.abs(after).max())
        ring = "outline:2px solid #19b5fe;outline-offset:-2px"
        cells = [
            [
                (words.number(value), ring if (top + i, left + j) == winner else tint(value, largest))
                for j, value in enumerate(line)
            ]
            for i, line in enumerate(after.tolist())
        ]
        name = "largest" if model.kind == "max" else "mean"
        both = model.comparison("pooled")
        right = model.stages["pooled"] if both is None else both.ours
        value = words.number(right[row, column]) + self._yours("pooled", row, column)
        kept = f'<div class="cnnkit-sum" role="status">{name} = {value}</div>'
        arrow = '<div class="cnnkit-operator" aria-hidden="true">→</div>'
        parts = [numbers("filtered", before), matrix("after ReLU", cells), kept]
        window = model.window()
        return (
            f'<div class="cnnkit-title">Pooled pixel (row {row}, column {column})</div>'
            f'<div class="cnnkit-equation">{arrow.join(parts)}</div>'
            f'<div class="cnnkit-line">It saw {words.times(window[2], window[3])} pixels of the photo.</div>'
        )

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
