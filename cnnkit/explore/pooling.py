"""Explorer of notebook 04: what pooling keeps of every window, and what it leaves out."""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
import traitlets

import cnnkit

from .parts import pooled, presets, words
from .parts.axis import Axis
from .parts.base import Explorer, Model
from .parts.canvas import Canvas, mark, side_by_side
from .parts.colors import span_of, symmetric, upward
from .parts.settings import gray_image

STAR = 25, 39  # row and column of the middle of a star in the photo's edges
WHOLE, PIECES = 0, (32, 16, 8)
INPUT, OUTPUT = 0, 1
LARGEST = 64  # window and stride, in the number boxes
CLEAR = 0.99  # share of the values inside the color range: without the few strongest, faint edges show
LARGEST_BARE = 64  # rows and columns of a map whose pixels are seen without a magnifier
FEW = 4  # windows that are drawn one by one; more would hide the picture


def known_map() -> np.ndarray:
    """The article's feature map, (300, 300): the photo after the edge filter and ReLU."""
    edges = presets.edges(3)[None, None]
    return cnnkit.relu(cnnkit.conv2d(cnnkit.data.photo(), edges, padding="same")).get()[0, 0]


class PoolingModel(Model):
    """A feature map and a window in, the pooled map out.

    image: a map of your own, (H, W), or the photo's edges after ReLU; piece: 32, 16 or 8 for a square from
    its middle (for the photo: around a star), 0 for all of it; kind: "max" or "average"; window, stride: at
    least 1, and while `locked` the stride is the window; shift: by how many columns the map is moved to the
    right before (its first column is repeated); view: "values" of the input, or "winners": how many windows
    each pixel wins; focus: (0, row, column) of an input pixel or (1, row, column) of an output pixel.

    Results, None while `problem` says why: pooled (OH, OW) float32, and wins (H, W), in how many windows a
    pixel is the largest (for "average": in how many it is read). input (H, W) is what was pooled; rows and
    columns say where windows lie.
    """

    inputs = ("image", "piece", "kind", "window", "stride", "shift")
    controlled = (
        *("piece", "kind", "window", "stride", "locked", "shift"),
        *("view", "shared_range", "focus"),
    )

    image: Any = traitlets.Any()
    piece = traitlets.Enum([WHOLE, *PIECES], 32)
    kind = traitlets.Enum(["max", "average"], "max")
    window = traitlets.Int(2, min=1)
    stride = traitlets.Int(2, min=1)
    locked = traitlets.Bool(True)
    shift = traitlets.Int(0, min=0)
    view = traitlets.Enum(["values", "winners"], "values")
    shared_range = traitlets.Bool(True)
    focus = traitlets.Tuple(traitlets.Int(), traitlets.Int(), traitlets.Int(), default_value=(OUTPUT, 0, 0))

    def __init__(self, image: Any = None, **settings: Any) -> None:
        self.middle: tuple[int, int] | None = STAR if image is None else None
        self.input = np.zeros((1, 1), np.float32)
        self.pooled: np.ndarray | None = None
        self.wins: np.ndarray | None = None
        self.rows = self.columns = Axis(1, 1)
        focus = settings.pop("focus", None)
        if "stride" in settings:
            settings.setdefault("locked", settings["stride"] == settings.get("window", 2))
        super().__init__(image=known_map() if image is None else image, **settings)
        self.begin()
        self.focus = focus or self._telling_place()

    # Settings ------------------------------------------------------------------------------------

    @traitlets.validate("image")
    def _check_image(self, proposal: Any) -> np.ndarray:
        return gray_image(proposal["value"])

    @traitlets.observe("image")
    def _forget_the_star(self, change: Any) -> None:
        if self._ready:
            self.middle = None

    @traitlets.observe("window", "locked")
    def _stride_follows(self, change: Any) -> None:
        if self.locked:
            self.stride = self.window

    @traitlets.observe("stride")
    def _stride_goes_its_way(self, change: Any) -> None:
        if self.stride != self.window:
            self.locked = False

    @traitlets.validate("focus")
    def _clip_focus(self, proposal: Any) -> tuple[int, ...]:
        stage, *place = proposal["value"]
        stage = int(np.clip(stage, INPUT, OUTPUT))
        picture = self.pooled if stage == OUTPUT else self.input
        if picture is None:
            return stage, *place
        inside = (int(np.clip(at, 0, size - 1)) for at, size in zip(place, picture.shape, strict=True))
        return stage, *inside

    # Computing -----------------------------------------------------------------------------------

    def compute(self) -> str | None:
        self.pooled = self.wins = None
        self.input = self.moved(self.shift)
        height, width = self.input.shape
        before = self.rows, self.columns
        self.rows = Axis(height, self.window, self.stride)
        self.columns = Axis(width, self.window, self.stride, name="columns")
        if not (self.rows.output and self.columns.output):
            return (
                f"A {self.window}×{self.window} window is larger than the {height}×{width} input: no window "
                "fits, so there is no result. Take a smaller window or more of the map."
            )
        self.pooled, self.wins = self._pool(self.input)
        stage, *place = self.focus
        if stage == OUTPUT:
            axes = zip(place, before, (self.rows, self.columns), strict=True)
            place = [pooled.same_place(at, old, new) for at, old, new in axes]
        self.focus = self._clip_focus({"value": (stage, *place)})
        return None

    def moved(self, shift: int) -> np.ndarray:
        """The chosen piece of the map, `shift` columns to the right of where it is."""
        height, width = self.image.shape
        rows, columns = (
            pooled.piece_of(size, self.piece or size, middle)
            for size, middle in zip((height, width), self.middle or (height // 2, width // 2), strict=True)
        )
        return self.image[np.ix_(rows, np.maximum(columns - shift, 0))]

    def _pool(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pooled map, and in how many windows each pixel wins, or is read for the average."""
        x, size, stride = values[None, None], self.rows.kernel, self.rows.stride
        if self.kind == "average":
            reads = pooled.readers(self.rows)[:, None] * pooled.readers(self.columns)
            return cnnkit.avg_pool2d(x, size, stride).get()[0, 0], reads
        y, winners = cnnkit.max_pool2d(x, size, stride, return_indices=True)
        wins = np.bincount(winners.get().ravel(), minlength=values.size)
        return y.get()[0, 0], wins.reshape(values.shape)

    def _telling_place(self) -> tuple[int, int, int]:
        """The largest output."""
        if self.pooled is None:
            return OUTPUT, 0, 0
        row, column = np.unravel_index(int(np.nan_to_num(self.pooled).argmax()), self.pooled.shape)
        return OUTPUT, int(row), int(column)

    # What follows --------------------------------------------------------------------------------

    def block(self, row: int, column: int) -> tuple[slice, slice]:
        """The rows and columns of the input that the window of an output pixel covers."""
        top, left = row * self.rows.stride, column * self.columns.stride
        return slice(top, top + self.rows.kernel), slice(left, left + self.columns.kernel)

    def winner(self, row: int, column: int) -> tuple[int, int] | None:
        """The input pixel that an output pixel is the value of (the first of equals); None for averages."""
        if self.kind == "average":
            return None
        rows, columns = self.block(row, column)
        inside = self.input[rows, columns]
        at = np.unravel_index(int(inside.argmax()), inside.shape)
        return rows.start + int(at[0]), columns.start + int(at[1])

    def windows_over(self, row: int, column: int) -> tuple[range, range]:
        """The output rows and columns whose windows cover an input pixel."""
        return pooled.outputs_over(self.rows, row), pooled.outputs_over(self.columns, column)

    def survivors(self) -> int:
        """How many input pixels win at least one window (for averages: are read at all)."""
        return 0 if self.wins is None else int((self.wins > 0).sum())

    def change_by_shift(self) -> tuple[float, float] | None:
        """Sum of the differences that `shift` makes over the sum of the values, of input and output."""
        if self.pooled is None or not self.shift:
            return None
        before = self.moved(0)
        return pooled.change(before, self.input), pooled.change(self._pool(before)[0], self.pooled)

    def derived(self) -> dict[str, Any]:
        return {
            "input_shape": self.input.shape,
            "output_shape": [self.rows.output, self.columns.output],
            "survivors": self.survivors(),
            "never_read": pooled.never_read(self.rows, self.columns),
        }


class PoolingExplorer(Explorer):
    """Drag a pooling window over a feature map: `PoolingExplorer()`, or with a map (1, 1, H, W) of your own.

    Everything is set and read through `.model` (a `PoolingModel`), for example
    `explorer.model.window = 3; explorer.model.pooled`.
    """

    model: PoolingModel

    def __init__(self, image: Any = None, **settings: Any) -> None:
        super().__init__(PoolingModel(image, **settings))
        self.input = Canvas(name="input", width=330, lines=True, numbers=True)
        self.output = Canvas(name="output", width=250, lines=True, numbers=True)
        self.volume, self.explanation = self.text(), self.text()
        self.volume.layout = ipywidgets.Layout(flex="1 1 210px", min_width="0")
        self.children = [
            self.hint(
                "Point at the output, or tab to it and use the arrow keys: its window lights up in the "
                "input. Point at the input to see which windows a pixel is in, and whether it wins."
            ),
            side_by_side(*self._controls(), gap="4px 16px"),
            self.message,
            side_by_side(self.input, self.output, self.volume),
            self.explanation,
        ]
        for stage, canvas in enumerate((self.input, self.output)):
            canvas.observe(self.safely(self._pointed_at(stage), f"pointing at {canvas.name}"), "focus")
        drawn = ["version", "view", "shared_range"]
        self.model.observe(self.safely(self._draw, "drawing"), drawn)
        self.model.observe(self.safely(self._draw_focus, "explaining"), "focus")
        self.safely(self._draw, "drawing")()

    def _controls(self) -> list[ipywidgets.Widget]:
        kinds = [
            ("max pooling", "max", "Keep the largest of every window"),
            ("average pooling", "average", "Keep the mean of every window"),
        ]
        views = [
            ("values", "values", "Show the numbers that are pooled"),
            ("winners", "winners", "Show how many windows each pixel wins, or is read in for averages"),
        ]
        pieces = [(words.times(size, size), size) for size in PIECES]
        return [
            self.choice("kind", kinds, 130),
            self.dropdown("piece", "Input", [*pieces, ("the whole map", WHOLE)]),
            self._wide_slider("window", "Window"),
            self._wide_slider("stride", "Stride"),
            self.checkbox("locked", "stride = window", 150),
            self.slider("shift", "Shift right", 0, 6, 70),
            self.choice("view", views, 80),
            self.checkbox("shared_range", "one color range for both", 200),
        ]

    def _wide_slider(self, trait: str, label: str) -> ipywidgets.Box:
        """A slider from 1 to 6 whose box takes larger numbers as well."""
        slide = ipywidgets.IntSlider(min=1, max=6, readout=False)
        return self._pair(
            trait, label, slide, ipywidgets.BoundedIntText(min=1, max=LARGEST, layout={"width": "58px"}), 60
        )

    def _pointed_at(self, stage: int) -> Any:
        def pointed(change: Any) -> None:
            if change["new"] is not None:
                self.model.focus = (stage, *change["new"])

        return pointed

    # Drawing -------------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        model = self.model
        self._draw_input()
        self.input.lens = self.output.lens = max(model.input.shape) > LARGEST_BARE
        if model.pooled is None:
            self.output.show(None, title="No result", alt="No result: nothing to show", caption="")
        else:
            title = f"{model.kind.capitalize()} pooling: {words.times(*model.pooled.shape)}"
            self.output.show(model.pooled, *self._colors_of(model.pooled), title=title)
            self.output.caption = f"{model.window}×{model.window} windows, stride {model.stride}"
            self.output.alt = self.output.describe(f"Output of {model.kind} pooling")
        self.volume.value = pooled.volume(model) if model.pooled is not None else ""
        self._draw_focus()

    def _draw_input(self) -> None:
        model, shape = self.model, words.times(*self.model.input.shape)
        if model.view == "winners" and model.wins is not None:
            won = "wins" if model.kind == "max" else "is read in"
            self.input.show(model.wins, 0.0, max(1.0, span_of(model.wins)[1]), "magma")
            self.input.title = f"How many windows a pixel {won}"
            self.input.caption = "black: none, the pixel leaves no trace"
            self.input.alt = self.input.describe(self.input.title)
            return
        self.input.show(model.input, *self._colors_of(model.input), title=f"Input: {shape}")
        self.input.caption = "the photo’s edges after ReLU" if model.middle else "your map"
        self.input.alt = self.input.describe("Input feature map")

    def _colors_of(self, values: np.ndarray) -> tuple[float, float, str]:
        """Low, high and color table: signs by color where there are any below zero."""
        model = self.model
        source = model.input if model.shared_range else values
        if span_of(model.input)[0] < 0:
            return *symmetric(source, CLEAR), "diverging"
        return *upward(source, CLEAR), "magma"

    def _draw_focus(self, change: Any = None) -> None:
        model = self.model
        stage, row, column = model.focus
        if model.pooled is None:
            for canvas in (self.input, self.output):
                canvas.marks, canvas.focus = [], None
            self.explanation.value = ""
        elif stage == OUTPUT:
            self._draw_output_pixel(row, column)
        else:
            self._draw_input_pixel(row, column)

    def _draw_output_pixel(self, row: int, column: int) -> None:
        model = self.model
        rows, columns = model.block(row, column)
        winner = model.winner(row, column)
        crown = [mark(*winner, 1, 1, "winner")] if winner else []
        self.input.focus, self.output.focus = None, (row, column)
        self.input.marks = [mark(rows.start, columns.start, model.rows.kernel, model.columns.kernel), *crown]
        self.output.marks = []
        self.explanation.value = pooled.output_explained(model, row, column)

    def _draw_input_pixel(self, row: int, column: int) -> None:
        model = self.model
        over = model.windows_over(row, column)
        found = [(i, j) for i in over[0] for j in over[1]]
        won = [place for place in found if model.winner(*place) == (row, column)]
        self.input.focus, self.output.focus = (row, column), None
        size, stride = model.rows.kernel, model.rows.stride
        windows = [mark(i * stride, j * stride, size, size) for i, j in found]
        if len(found) > FEW:  # the square around them all
            (top, left), (bottom, right) = found[0], found[-1]
            down, across = ((last - first) * stride + size for first, last in ((top, bottom), (left, right)))
            windows = [mark(top * stride, left * stride, down, across)]
        self.input.marks = windows
        region = [mark(over[0][0], over[1][0], len(over[0]), len(over[1]))] if found else []
        self.output.marks = region + [mark(i, j, 1, 1, "winner") for i, j in won]
        self.explanation.value = pooled.input_explained(model, row, column, won)

    def remark(self) -> str:
        return "" if self.model.problem else pooled.remark(self.model.rows, self.model.columns)

    def pictures(self) -> list[Canvas]:
        return [self.input, self.output]

    def describe(self) -> str:
        model = self.model
        kind = "Max" if model.kind == "max" else "Average"
        start = f"{kind} pooling of a {words.times(*model.input.shape)} feature map, windows of "
        start += f"{words.times(model.window, model.window)}, stride {model.stride}"
        if model.pooled is None:
            return f"{start}: {model.problem}"
        kept = "the largest value" if model.kind == "max" else "the mean"
        return f"{start}: {words.times(*model.pooled.shape)} outputs, each {kept} of its window."
