"""Explorer of notebook 01: one filter over one photo, every output pixel written out."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np
import traitlets

import cnnkit

from .parts import own, words
from .parts.arithmetic import Patch, read_patch, written_out
from .parts.axis import Axis, remark
from .parts.base import Explorer
from .parts.canvas import Canvas, mark, shape_text, side_by_side
from .parts.colors import span_of, symmetric
from .parts.grid import NumberGrid
from .parts.settings import FilterPicker, FilterSettings, Verdict, ViewSwitch
from .parts.tour import tour

CLEAR = 0.99  # share of the differing pixels inside the color range of the difference
PLAY = "Play: the window slides by itself"
VIEWS = ("signed", "compared", "shared_range")


class FilterModel(FilterSettings):
    """Photo and filter in, result out. `result` is (OH, OW) float32, or None while `problem` says why.

    Beside the settings of `FilterSettings`: stride, padding, dilation; signed: show signs by color instead
    of magnitudes; shared_range: the photo's color range instead of the result's own; focus: (row, column)
    of the output pixel that is written out.

    convolution: a function of the learner's, `mine(x, w)` for a gray image (H, W) and a filter (R, S), that
    computes `result` in the place of `cnnkit.conv2d`. `ours` is what cnnkit makes of the same settings.
    """

    functions = ("convolution",)
    inputs = ("stride", "padding", "dilation")
    controlled = (
        *FilterSettings.controlled,
        *("stride", "padding", "dilation", "signed", "compared", "shared_range", "focus"),
    )

    convolution = traitlets.Any(None, allow_none=True)
    stride = traitlets.Int(1, min=1)
    padding = traitlets.Int(0, min=0)
    dilation = traitlets.Int(1, min=1)
    signed = traitlets.Bool(False)
    shared_range = traitlets.Bool(True)
    focus = traitlets.Tuple(traitlets.Int(), traitlets.Int(), default_value=(0, 0))

    def __init__(self, image: Any = None, **settings: Any) -> None:
        self.result: np.ndarray | None = None
        self.ours: np.ndarray | None = None
        focus = settings.pop("focus", None)
        super().__init__(image, **settings)
        self.focus = focus or self._telling_place()

    @traitlets.validate("focus")
    def _clip_focus(self, proposal: Any) -> tuple[int, ...]:
        if self.result is None:
            return proposal["value"]
        return tuple(
            int(np.clip(at, 0, n - 1)) for at, n in zip(proposal["value"], self.result.shape, strict=True)
        )

    @traitlets.validate("convolution")
    def _check_convolution(self, proposal: Any) -> Any:
        return self.check_function(proposal)

    @traitlets.observe("convolution")
    def _convolution_changed(self, change: Any) -> None:
        self.functions_changed()

    # Computing -----------------------------------------------------------------------------------

    def compute(self) -> str | None:
        before = [getattr(self, name, None) for name in ("rows", "columns")]
        self.rows, self.columns = self._axes()
        self.kernel, mine = self.weights, self.convolution
        self.result = self.ours = None
        self.comparisons.clear()
        if problem := self.rows.impossible() or self.columns.impossible():
            return problem
        self.ours = ours = self._convolve()
        self.result = ours if mine is None else self._convolve_by_learner(mine, ours)
        self._keep_place(*before)
        return None

    def _keep_place(self, *before: Axis | None) -> None:
        """Move the focus to the window that looks at the same part of the photo as before."""
        places = zip(self.focus, before, (self.rows, self.columns), strict=True)
        self.focus = tuple(_same_place(at, old, new) if old and old.output else at for at, old, new in places)

    def _axes(self) -> tuple[Axis, Axis]:
        height, width = self.image.shape
        settings = (len(self.weights), self.stride, self.padding, self.dilation)
        return Axis(height, *settings, "rows"), Axis(width, *settings, "columns")

    def _convolve(self) -> np.ndarray:
        rows = self.rows
        out = cnnkit.conv2d(
            self.image[None, None],
            self.kernel[None, None],
            stride=rows.stride,
            padding=rows.padding,
            dilation=rows.dilation,
        )
        return out.get()[0, 0]

    def _convolve_by_learner(self, mine: Callable[..., Any], ours: np.ndarray) -> np.ndarray:
        settings = self.rows.stride, self.rows.padding, self.rows.dilation
        with self.timed("convolution", mine):
            yours = own.correlate(mine, self.image, self.kernel, *settings)
        scale = own.correlation_scale(self.image, self.kernel)
        self.comparisons["convolution"] = own.Comparison(own.name_of(mine), yours, ours, scale)
        return yours

    def comparison(self) -> own.Comparison | None:
        """The learner's result beside cnnkit's; None without a function of the learner's or a result."""
        return self.comparisons.get("convolution")

    def difference(self) -> np.ndarray | None:
        """result - ours, 0 where they agree up to rounding; None where there is nothing to compare."""
        both = self.comparison()
        return None if both is None else both.difference

    @traitlets.observe("compared")
    def _go_to_the_worst(self, change: Any) -> None:
        both = self.comparison()
        if self.compared and both is not None:
            self.focus = both.worst() or self.focus

    def derived(self) -> dict[str, Any]:
        """Beside the photo's shape: output_shape as the settings make it, a size of 0 where nothing fits."""
        return {**super().derived(), "output_shape": [self.rows.output, self.columns.output]}

    def _telling_place(self) -> tuple[int, int]:
        """The strongest result in the middle of the picture: a first example that is not all zero."""
        if self.result is None:
            return 0, 0
        both = self.comparison()
        if self.compared and both is not None and both.count:
            return both.worst() or (0, 0)
        top, left = (size // 4 for size in self.result.shape)
        middle = np.nan_to_num(np.abs(self.result))[top : top * 3 + 1, left : left * 3 + 1]
        row, column = np.unravel_index(int(middle.argmax()), middle.shape)
        return int(row) + top, int(column) + left

    # What is seen --------------------------------------------------------------------------------

    def shown(self) -> tuple[np.ndarray | None, float, float, str]:
        """The result as it is drawn: values, low, high, color table."""
        if self.result is None:
            return None, 0.0, 1.0, "gray"
        both = self.comparison()
        if self.compared and both is not None:
            # The few strongest may lie beyond: a small difference is to be seen, too.
            low, high = symmetric(both.difference[both.differs], CLEAR)
            return both.difference, low, high, "diverging"
        if self.signed:
            low, high = symmetric(self.image if self.shared_range else self.result)
            return self.result, low, high, "diverging"
        values = np.abs(self.result)
        high = span_of(np.abs(self.image) if self.shared_range else values)[1] or 1.0
        return values, 0.0, high, "gray"

    def patch(self) -> Patch | None:
        """What the focused output pixel reads; None without a result."""
        if self.result is None:
            return None
        row, column = self.focus
        return read_patch(self.image, self.kernel, self.rows.cells(row), self.columns.cells(column))


def _same_place(index: int, before: Axis, after: Axis) -> int:
    """The window of `after` whose middle is nearest to that of window `index` of `before`."""
    middle = index * before.stride - before.padding + (before.span - 1) / 2
    nearest = round((middle + after.padding - (after.span - 1) / 2) / after.stride)
    return min(max(nearest, 0), after.output - 1)


class FilterExplorer(Explorer):
    """Drag a filter over a photo: `FilterExplorer()`, or with your own image (1, 1, H, W) and settings.

    Everything is set and read through `.model` (a `FilterModel`), for example
    `explorer.model.stride = 2; explorer.model.result`. With `convolution=corr2d`, a function
    `corr2d(x, w)` of your own computes the result, and its difference from cnnkit's can be seen.
    """

    model: FilterModel

    def __init__(self, image: Any = None, **settings: Any) -> None:
        super().__init__(FilterModel(image, **settings))
        self.photo = Canvas(name="photo", width=264, lines=True, interactive=False)
        self.result = Canvas(name="result", width=264, lines=True)
        self.picker = FilterPicker(self)
        self.play = self.player(self._slide, PLAY, 150)
        self.verdict = Verdict(self)
        self.formula, self.arithmetic = self.text(), self.text()
        self.children = [
            self.hint(
                "Point at the result, or tab to it and use the arrow keys: its window lights up in the photo "
                "and its arithmetic is written out below."
            ),
            side_by_side(self.photo, ipywidgets.VBox([self.picker, *self._views()]), self.result),
            self.verdict,
            self.play,
            side_by_side(*self._sliders()),
            self.formula,
            self.message,
            self.arithmetic,
        ]
        self.result.observe(self.safely(self._pointed), "focus")
        self.model.observe(self.safely(self._draw, "drawing"), ["version", *VIEWS])
        self.model.observe(self.safely(self._draw_focus, "arithmetic"), "focus")
        self.safely(self._draw, "drawing")()

    def _views(self) -> list[ipywidgets.Widget]:
        ways = [
            ("absolute", False, "Show magnitudes: black is zero"),
            ("signed", True, "Show signs: white is zero"),
        ]
        shared = self.checkbox("shared_range", "same color range as the photo")
        ipywidgets.dlink((self.model, "compared"), (shared, "disabled"))  # a difference has its own range
        return [ViewSwitch(self, "signed", ways, (98, 74)), shared]

    def _sliders(self) -> list[ipywidgets.Widget]:
        return [
            self.slider("stride", "Stride", 1, 8),
            self.slider("padding", "Padding", 0, 8),
            # Four plain loops over a filter of 129x129 with its zeros would compute for minutes.
            self.slider("dilation", "Dilation", 1, 64 if self.model.convolution is None else 8),
        ]

    # From the learner ----------------------------------------------------------------------------

    def _pointed(self, change: Any) -> None:
        if change["new"] is not None:
            self.model.focus = change["new"]

    def _slide(self, step: int) -> None:
        if self.model.result is not None:
            self.model.focus = tour(*self.model.result.shape).place(step)

    # To the learner ------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        model = self.model
        if self.photo.values is not model.image:
            title = f"Photo: {shape_text(model.image)}"
            self.photo.show(model.image, 0.0, max(1.0, span_of(model.image)[1]), title=title)
            self.photo.alt = self.photo.describe("Photo")
        values, low, high, table = model.shown()
        title, caption, what = self._result_texts()
        title = f"{title}: {shape_text(values)}" if values is not None else "No result"
        self.result.show(values, low, high, table, title=title, caption=caption)
        self.result.alt = self.result.describe(what)
        self.formula.value = self._formula()
        steps = tour(*values.shape).words() if values is not None else ""
        self.play.children[0].value = f"{PLAY} ({steps})" if steps else PLAY
        self._draw_focus()

    def _result_texts(self) -> tuple[str, str, str]:
        """Title, caption and alternative text of the result."""
        model, both = self.model, self.model.comparison()
        if model.compared and both is not None:
            caption = "white: the same, orange: yours is larger, blue: yours is smaller"
            what = f"Your {both.name} minus cnnkit’s result of the filter {model.preset}"
            return "Yours − cnnkit’s", caption if both.count else "all white: the same everywhere", what
        by = f" by your {both.name}" if both is not None else ""
        what = f"Result of the filter {model.preset}{by}, {'signed' if model.signed else 'absolute'} values"
        signs = "white: 0, orange: above, blue: below"
        caption = signs if model.signed else "black: 0, white: far from 0"
        return f"Result{by}", caption if model.result is not None else "", what

    def _formula(self) -> str:
        rows, columns = self.model.rows, self.model.columns
        text = f"output rows = ⌊(rows + 2·padding − dilation·(k − 1) − 1) / stride⌋ + 1 = {rows.formula()}"
        if rows.size != columns.size:
            text += f"<br>output columns = {columns.formula()}"
        return f'<div class="cnnkit-line">{text}</div>'

    def _draw_focus(self, change: Any = None) -> None:
        model, patch = self.model, self.model.patch()
        if patch is None:
            self.photo.marks, self.arithmetic.value = [], ""
            return
        self.result.focus = model.focus
        rows, columns = model.rows, model.columns
        corner = int(patch.rows[0]), int(patch.columns[0])
        marks = [mark(*corner, rows.span, columns.span)]
        if rows.dilation > 1:
            marks += [
                mark(int(row), int(column), 1, 1, "cell") for row in patch.rows for column in patch.columns
            ]
        self.photo.marks = marks
        row, column = model.focus
        both = model.comparison()
        if both is not None and both.differs[row, column]:
            shown = html.escape(f"; your {both.name} gave {both.values_at(row, column)[0]}")
        elif not (model.signed or model.compared) and patch.total < 0:
            shown = f", shown as {words.number(abs(patch.total))}"
        else:
            shown = ""
        self.arithmetic.value = written_out(patch, f"Output pixel (row {row}, column {column})", shown)

    def remark(self) -> str:
        return "" if self.model.problem else remark(self.model.rows, self.model.columns)

    def pictures(self) -> list[Canvas | NumberGrid]:
        return [self.photo, self.picker.grid, self.result]

    def describe(self) -> str:
        model = self.model
        setting = f"stride {model.stride}, padding {model.padding}, dilation {model.dilation}"
        weights = f"{model.size}×{model.size} filter “{model.preset}”"
        start = f"A {shape_text(model.image)} photo under the {weights} ({setting})"
        if model.problem:
            return f"{start}: {model.problem}"
        both = model.comparison()
        by = f", {both.by}" if both is not None else ""
        return f"{start} becomes a {model.rows.output} × {model.columns.output} result{by}."

    def caption(self) -> str:
        return self.model.sentences() or self.describe()
