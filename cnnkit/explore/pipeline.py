"""Explorer of notebook 05: photo, filter, ReLU and 2x2 pooling, every stage linked to the others."""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
import traitlets

import cnnkit

from . import words
from .arithmetic import matrix, numbers, read_patch, tint, written_out
from .base import Explorer
from .canvas import Canvas, mark, shape_text, side_by_side
from .chart import Chart
from .colors import span_of, symmetric, upward
from .geometry import Axis
from .grid import NumberGrid
from .settings import FilterPicker, FilterSettings

STAGES = ("photo", "filtered", "activated", "pooled")
POOL = 2
CLEAR = 0.99  # share of the values inside the color range: without the few strongest, faint edges show


class PipelineModel(FilterSettings):
    """The stages of the worked example, each (H, W) float32, the last one (H // 2, W // 2).

    filtered = conv2d with "same" padding, activated = ReLU, pooled = 2x2 pooling with stride 2 of the kind
    `pooling`. `stages` holds all four by name, or only the photo while `problem` says why. focus: (stage,
    row, column), the stage as an index into `STAGES`. signed_colors: one diverging color range for the
    three computed stages, or the article's magma with a range of its own for each.
    """

    pooling = traitlets.Enum(["max", "average"], "max")
    signed_colors = traitlets.Bool(True)
    focus = traitlets.Tuple(traitlets.Int(), traitlets.Int(), traitlets.Int(), default_value=(3, 0, 0))

    def __init__(self, image: Any = None, **settings: Any) -> None:
        self.stages: dict[str, np.ndarray] = {}
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

    @traitlets.observe("pooling")
    def _pooling_changed(self, change: Any) -> None:
        self.recompute()

    def update(self) -> None:
        """Compute every stage from the newest settings; say in `problem` why there is none."""
        with self.lock:
            self.kernel, self.kind = self.weights, self.pooling
            self.stages, problem = {"photo": self.image}, ""
            try:
                self.stages |= self._compute()
            except Exception as error:  # a device can fail in many ways, and the learner should read which
                problem = words.sentence(error)
            self.problem = problem
            self.focus = self._clip_focus({"value": self.focus})
            self.version += 1

    def _compute(self) -> dict[str, np.ndarray]:
        filtered = cnnkit.conv2d(self.image[None, None], self.kernel[None, None], padding="same")
        activated = cnnkit.relu(filtered)
        pool = cnnkit.max_pool2d if self.kind == "max" else cnnkit.avg_pool2d
        pooled = pool(activated, POOL)
        return {
            name: array.get()[0, 0]
            for name, array in (("filtered", filtered), ("activated", activated), ("pooled", pooled))
        }

    def _telling_place(self) -> tuple[int, int, int]:
        """The strongest pooled pixel in the middle of the picture."""
        if "pooled" not in self.stages:
            return 0, 0, 0
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
        if self.signed_colors:
            return values, *symmetric(self.stages["filtered"], CLEAR), "diverging"
        low, high = upward(values, CLEAR)
        return values, low, high, "magma"


class PipelineExplorer(Explorer):
    """The whole worked example live: `PipelineExplorer()`, or with an image of your own (1, 1, H, W).

    Everything is set and read through `.model` (a `PipelineModel`).
    """

    model: PipelineModel

    def __init__(self, image: Any = None, **settings: Any) -> None:
        super().__init__(PipelineModel(image, **settings))
        self.canvases = {name: Canvas(name=name, width=250) for name in STAGES}
        for canvas in self.canvases.values():
            canvas.add_class("cnnkit-fluid")  # four in a row where there is room
        self.picker = FilterPicker(self)
        self.explanation = self.text()
        self.children = [
            self.hint(
                "Point at any picture, or tab to it and use the arrow keys: what belongs together lights up "
                "in all four."
            ),
            side_by_side(*self.canvases.values()),
            side_by_side(self.picker, ipywidgets.VBox(self._switches()), self.explanation),
            self.message,
        ]
        for index, canvas in enumerate(self.canvases.values()):
            canvas.observe(self.safely(self._pointed_at(index), f"pointing at stage {index}"), "focus")
        self.model.observe(self.safely(self._draw, "drawing"), ["version", "signed_colors"])
        self.model.observe(self.safely(self._draw_focus, "explaining"), "focus")
        self.safely(self._draw, "drawing")()

    def _switches(self) -> list[ipywidgets.Widget]:
        pooling = ipywidgets.ToggleButtons(
            options=[("max pooling", "max"), ("average pooling", "average")],
            tooltips=["Keep the largest of four", "Keep the mean of four"],
            style={"button_width": "132px"},
        )
        table = ipywidgets.ToggleButtons(
            options=[("signed colors", True), ("magma", False)],
            tooltips=[
                "One range for all stages, white is zero",
                "As in the article, each stage has its own range",
            ],
            style={"button_width": "132px"},
        )
        return [self.tie(pooling, "pooling"), self.tie(table, "signed_colors")]

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
            "filtered": "blue is below zero" if model.signed_colors else "dark is smallest",
            "activated": "nothing below zero is left",
            "pooled": "a quarter of the pixels",
        }
        for name, canvas in self.canvases.items():
            if name not in model.stages:
                canvas.show(None, title=titles[name], alt=f"{titles[name]}: nothing to show", caption="")
                continue
            values, low, high, table = model.shown(name)
            caption = f"{shape_text(values)}: {captions[name]}"
            canvas.show(values, low, high, table, title=titles[name], caption=caption)
            canvas.alt = canvas.describe(titles[name][3:])
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
        after = f" → ReLU → {words.number(max(0.0, patch.total))}"
        return written_out(patch, f"Filtered pixel (row {row}, column {column})", after)

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
        value = words.number(model.stages["pooled"][row, column])
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
        return f"{start}, ReLU and {pooling}: a {height} × {width} picture of what the filter found."
