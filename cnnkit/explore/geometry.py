"""Explorer of notebooks 01 and 02: how large a convolution's output is, and which pixels its windows read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np
import traitlets

import cnnkit

from .parts import windows
from .parts.axis import Axis, remark
from .parts.base import Explorer, Model
from .parts.canvas import Canvas, mark, side_by_side
from .parts.tour import tour
from .parts.windows import EXAMPLES
from .parts.words import count, times

NUMBERS = ("size", "kernel", "stride", "padding", "dilation")
LIMITS = {"size": (1, 300), "kernel": (1, 15), "stride": (1, 32), "padding": (0, 64), "dilation": (1, 8)}
OWN = "your own numbers"

PADDING = "padding to the same size"
PLAY = "Play: the window slides by itself"


class GeometryModel(Model):
    """Where the windows of a convolution lie on a square image, and how often they read each pixel.

    size: rows and columns of the image (1..300); kernel (1..15), stride (1..32), padding (0..64, on every
    side), dilation (1..8); example: the name of these numbers in `EXAMPLES`, or `OWN`.
    focus: (row, column) of the output cell that is explained. pixel: (row, column) in the image, negative or
    beyond its end for padding, of the input pixel that is explained instead; None for the output cell.

    rows, columns: an `Axis` each. With `problem` empty: reads (size, size), how many windows read each pixel;
    taken (output, output), how many image pixels each window reads. Both are int64, and None otherwise.
    """

    inputs = NUMBERS
    controlled = ("example", *NUMBERS, "focus", "pixel")

    example = traitlets.Enum([*EXAMPLES, OWN], next(iter(EXAMPLES)))
    size = traitlets.Int(7)
    kernel = traitlets.Int(3)
    stride = traitlets.Int(2)
    padding = traitlets.Int(1)
    dilation = traitlets.Int(1)
    focus = traitlets.Tuple(traitlets.Int(), traitlets.Int(), default_value=(1, 1))
    pixel: Any = traitlets.Tuple(traitlets.Int(), traitlets.Int(), allow_none=True, default_value=None)

    def __init__(self, **settings: Any) -> None:
        self.reads: np.ndarray | None = None
        self.taken: np.ndarray | None = None
        self._locate()
        later = {name: settings.pop(name) for name in ("example", "focus", "pixel") if name in settings}
        super().__init__(**settings)
        self._name_example()
        self.example = later.pop("example", self.example)
        self.begin()
        for name, place in later.items():  # a place means something once the sizes are known
            setattr(self, name, place)

    @traitlets.validate(*NUMBERS)
    def _check_number(self, proposal: Any) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise traitlets.TraitError(
                f"{name} may be a whole number from {low} to {high} here, not {value}: choose one of those."
            )
        return value

    @traitlets.validate("focus")
    def _clip_focus(self, proposal: Any) -> tuple[int, int]:
        row, column = proposal["value"]
        last = max(0, self.rows.output - 1)
        return min(max(row, 0), last), min(max(column, 0), last)

    @traitlets.validate("pixel")
    def _clip_pixel(self, proposal: Any) -> tuple[int, int] | None:
        if proposal["value"] is None:
            return None
        row, column = proposal["value"]
        low, high = -self.rows.padding, self.rows.size + self.rows.padding - 1
        return min(max(row, low), high), min(max(column, low), high)

    # Examples ------------------------------------------------------------------------------------

    @traitlets.observe("example")
    def _follow_example(self, change: Any) -> None:
        if self.example == OWN or EXAMPLES[self.example] == self.numbers():
            return
        with self.lock:
            # All five at once: what lies between two examples is nobody's wish and often impossible.
            was_ready, self._ready = self._ready, False
            for name, value in zip(NUMBERS, EXAMPLES[self.example], strict=True):
                setattr(self, name, value)
            self._ready = was_ready
            self.recompute()

    def numbers(self) -> tuple[int, int, int, int, int]:
        """The traits named in `NUMBERS`."""
        return self.size, self.kernel, self.stride, self.padding, self.dilation

    def _name_example(self) -> None:
        numbers = self.numbers()
        self.example = next((name for name, known in EXAMPLES.items() if known == numbers), OWN)

    def pad_to_same(self) -> None:
        """Set the padding that gives ceil(size / stride) outputs: half of what a window reaches beyond one.

        ShapeError when that is no whole number: this explorer pads alike on all sides.
        """
        half, odd = divmod(self.dilation * (self.kernel - 1), 2)
        if odd:
            raise cnnkit.ShapeError(
                f"A window across {2 * half + 2} pixels needs a padding of {2 * half + 1} in all, {half} "
                f"before and {half + 1} after, and this explorer pads alike on all sides: use an odd kernel. "
                '(In code, padding="same" pads one more at the bottom and right.)'
            )
        self.padding = half

    # Computing -----------------------------------------------------------------------------------

    def _locate(self) -> None:
        numbers = self.numbers()
        self.rows, self.columns = Axis(*numbers, "rows"), Axis(*numbers, "columns")

    def compute(self) -> str | None:
        self._name_example()
        self._locate()
        self.reads = self.taken = None
        if problem := self.rows.impossible():
            return problem
        rows = self.rows
        settings = rows.stride, rows.padding, rows.dilation
        image = np.ones((1, 1, rows.size, rows.size), np.float32)
        ones = np.ones((1, 1, rows.kernel, rows.kernel), np.float32)
        slopes = np.ones((1, 1, rows.output, rows.output), np.float32)
        # A filter of ones adds up how many pixels (not padding) a window holds. Backwards, every window
        # hands a one to each pixel that it read: their sum is how often a pixel is read.
        taken = cnnkit.conv2d(image, ones, None, *settings)
        reads, _, _ = cnnkit.conv2d_backward(slopes, image, ones, *settings)
        self.taken, self.reads = (np.rint(found.get()[0, 0]).astype(np.int64) for found in (taken, reads))
        self.focus = self.focus  # clipped to the new output
        self.pixel = self.pixel
        return None

    def derived(self) -> dict[str, Any]:
        """Output, reach of a window, padded size; how many pixels are never read, and the other extremes."""
        rows = self.rows
        facts: dict[str, Any] = {"output_shape": [rows.output, self.columns.output]}
        facts |= {"windows": rows.output**2, "span": rows.span, "padded": rows.padded}
        if self.reads is None:
            return facts
        return facts | {
            "never_read": int((self.reads == 0).sum()),
            "never_read_rows": rows.never_read(),
            "least_reads": int(self.reads.min()),
            "most_reads": int(self.reads.max()),
            "corner_reads": int(self.reads[0, 0]),
        }

    # What is seen --------------------------------------------------------------------------------

    def padded_reads(self) -> np.ndarray | None:
        """`reads` in its ring of padding, (padded, padded) float32 with NaN for padding."""
        if self.reads is None:
            return None
        return np.pad(self.reads.astype(np.float32), self.rows.padding, constant_values=np.nan)

    def along_a_row(self) -> np.ndarray | None:
        """(output, padded): 1 where a window of one row reads a pixel, -1 where it reads padding, else 0."""
        return None if self.reads is None else windows.one_dimension(self.columns)


class GeometryExplorer(Explorer):
    """Slide a window over a grid: `GeometryExplorer()`, or with numbers such as `kernel=5, stride=3`.

    Everything is set and read through `.model` (a `GeometryModel`), for example
    `explorer.model.stride = 3; explorer.model.reads`.
    """

    model: GeometryModel

    def __init__(self, **settings: Any) -> None:
        super().__init__(GeometryModel(**settings))
        self._moving = False
        self.input = Canvas(name="input", width=285, lines=True, numbers=True, gap="padding")
        # As wide as the input and below it: what a window reads lies under the pixels that it reads.
        self.windows = Canvas(name="windows", width=285, lines=True, interactive=False, bar=False)
        self.windows.lens = False
        self.output = Canvas(name="output", width=244, lines=True, numbers=True)
        self.formula, self.explanation = self.text(), self.text()
        self.children = [
            self.hint(
                "Point at an output cell: its window lights up in the input. Point at an input pixel: the "
                "output cells that read it light up. Or tab to a picture and use the arrow keys."
            ),
            self.formula,
            side_by_side(
                self._controls(),
                self._column(self.input, self.windows),
                self._column(self.output, self.explanation),
            ),
        ]
        self.output.observe(self.safely(self._output_pointed, "pointing at the output"), "focus")
        self.input.observe(self.safely(self._input_pointed, "pointing at the input"), "focus")
        self.model.observe(self.safely(self._draw, "drawing"), "version")
        self.model.observe(self.safely(self._draw_focus, "explaining"), ["focus", "pixel"])
        self.safely(self._draw, "drawing")()

    @staticmethod
    def _column(picture: Canvas, below: ipywidgets.Widget) -> ipywidgets.Widget:
        width = f"{picture.width + 4}px"
        return ipywidgets.VBox(
            [picture, below], layout={"overflow": "visible", "width": width, "max_width": "100%"}
        )

    def _controls(self) -> ipywidgets.Widget:
        same = ipywidgets.Button(
            description="Pad to the same size", tooltip="As many outputs as pixels, at stride 1"
        )
        same.layout.width = "205px"
        same.on_click(self.safely(lambda button: self.model.pad_to_same(), PADDING))
        ends = [("Size", 3, 32), ("Kernel", 1, 7), ("Stride", 1, 6), ("Padding", 0, 4), ("Dilation", 1, 4)]
        sliders = [
            self.slider(label.lower(), label, low, high, box_high=LIMITS[label.lower()][1])
            for label, low, high in ends
        ]
        self.play = self.player(self._slide, PLAY, 350)
        examples = self.dropdown("example", "Example", [*EXAMPLES, OWN], width=275)
        return ipywidgets.VBox(
            # What is wrong stands where it moves nothing: a slider must not slip away under the hand.
            [examples, *sliders, same, self.play, self.message],
            layout={"width": "275px", "overflow": "visible"},
        )

    # From the learner ----------------------------------------------------------------------------

    def _output_pointed(self, change: Any) -> None:
        if change["new"] is not None:
            self._explain(change["new"], None)

    def _input_pointed(self, change: Any) -> None:
        if change["new"] is not None:
            row, column = change["new"]
            ring = self.model.rows.padding
            self._explain(self.model.focus, (row - ring, column - ring))

    def _explain(self, focus: tuple[int, int], pixel: tuple[int, int] | None) -> None:
        """Set both at once: drawn one after the other, the pictures would flicker under the pointer."""
        self._moving = True
        try:
            self.model.focus, self.model.pixel = focus, pixel
        finally:
            self._moving = False
        self._draw_focus()

    def _slide(self, step: int) -> None:
        if self.model.reads is not None:
            self._explain(tour(self.model.rows.output, self.model.columns.output).place(step), None)

    # To the learner ------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        self._errors.pop(PADDING, None)  # it told of other numbers
        self._draw_input()
        self._draw_windows()
        self._draw_output()
        rows = self.model.rows
        self.formula.value = (
            '<div class="cnnkit-line">output = ⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1'
            f"<br>= {rows.steps()}</div>"
        )
        self._draw_focus()

    def _draw_input(self) -> None:
        model, canvas, axis = self.model, self.input, self.model.rows
        values = model.padded_reads()
        hatched = windows.unread_strips(axis) if values is not None else []
        dots = windows.window_corners(axis) if values is not None else []
        ring = f", with padding {times(axis.padded, axis.padded)}" if axis.padding else ""
        canvas.origin = -axis.padding, -axis.padding
        canvas.show(
            values,
            0.0,
            None if model.reads is None else max(1.0, float(model.reads.max())),
            "magma",
            title=f"Input {times(axis.size, axis.size)}{ring}",
            caption="how many windows read each pixel"
            + ("; dot: a window’s corner" if dots else "")
            + ("; hatched: never read" if hatched else ""),
        )
        what = f"How many windows read each pixel of the {times(axis.size, axis.size)} input{ring}"
        canvas.alt = canvas.describe(what) + (f"; {windows.unread_words(axis)}" if values is not None else "")
        canvas.hatched, canvas.dots = hatched, dots

    def _draw_windows(self) -> None:
        values, axis = self.model.along_a_row(), self.model.columns
        self.windows.show(
            values,
            -1.6,
            1.6,
            "diverging",
            title=f"Along one row: {count(axis.output, 'window')}" if axis.output else "No window fits",
            caption="each line is a window; orange: pixels it reads, blue: padding",
        )
        self.windows.layout.display = None if values is not None else "none"
        what = f"{count(axis.output, 'window')} along one row, a line for each"
        self.windows.alt = self.windows.describe(what) if values is not None else "No window fits: no picture"

    def _draw_output(self) -> None:
        model, axis = self.model, self.model.rows
        size = times(axis.output, axis.output)
        self.output.show(
            model.taken,
            0.0,
            float(axis.kernel**2),
            title=f"Output {size}" if axis.output else "No output",
            caption=f"number: how many of the window’s {axis.kernel**2} cells are no padding",
        )
        self.output.alt = self.output.describe(f"Output {size}, how many pixels each window reads")
        words = tour(axis.output, axis.output).words() if axis.output else ""
        self.play.children[0].value = f"{PLAY} ({words})" if words else PLAY

    def _draw_focus(self, change: Any = None) -> None:
        model = self.model
        if self._moving:
            return
        if model.reads is None:
            self.input.marks = self.windows.marks = self.output.marks = []
            self.explanation.value = ""
        elif model.pixel is None:
            self._draw_output_cell(*model.focus)
        else:
            self._draw_input_pixel(*model.pixel)

    def _draw_output_cell(self, row: int, column: int) -> None:
        """Light up the window of an output cell and say where it comes from."""
        rows, columns = self.model.rows, self.model.columns
        down, across = rows.cells(row), columns.cells(column)
        ring = rows.padding
        window = mark(int(down[0]) + ring, int(across[0]) + ring, rows.span, columns.span)
        cells = [mark(int(r) + ring, int(c) + ring, 1, 1, "winner") for r in down for c in across]
        self.input.focus, self.output.focus = None, (row, column)
        self.input.marks = [window, *(cells if rows.dilation > 1 else [])]
        self.windows.marks = [mark(column, 0, 1, columns.padded)]
        self.output.marks = []
        assert self.model.taken is not None
        pixels = int(self.model.taken[row, column])
        self.explanation.value = windows.told_output(rows, columns, (row, column), pixels)

    def _draw_input_pixel(self, row: int, column: int) -> None:
        """Light up the output cells that read an input pixel and say which they are."""
        rows, columns = self.model.rows, self.model.columns
        down, across = rows.readers(row), columns.readers(column)
        ring = rows.padding
        self.output.focus, self.input.focus = None, (row + ring, column + ring)
        self.input.marks = []
        self.output.marks = [
            mark(top, left, height, width)
            for top, height in windows.runs(down)
            for left, width in windows.runs(across)
        ]
        self.windows.marks = [mark(0, column + ring, columns.output, 1)]
        self.explanation.value = windows.told_input(rows, columns, (row, column))

    # Told ----------------------------------------------------------------------------------------

    def remark(self) -> str:
        """What the windows leave out, and the nearest numbers that leave nothing out."""
        axis = self.model.rows
        if self.model.problem:
            return ""
        said = remark(axis, self.model.columns)
        ways = windows.even_ways(axis) if said else []
        return f"{said} Every pixel is read with {' or '.join(ways)}." if ways else said

    def pictures(self) -> Sequence[Canvas]:
        return [self.input, self.windows, self.output]

    def describe(self) -> str:
        model, axis = self.model, self.model.rows
        start = (
            f"A filter of {axis.kernel}×{axis.kernel} on an input of {axis.size}×{axis.size} "
            f"(stride {axis.stride}, padding {axis.padding}, dilation {axis.dilation})"
        )
        if model.reads is None:
            return f"{start}: {model.problem}"
        alike = np.unique(model.reads[[0, 0, -1, -1], [0, -1, 0, -1]]).size == 1
        return (
            f"{start} makes an output of {axis.output}×{axis.output}; {windows.unread_words(axis)}, "
            f"{'a' if alike else 'the upper left'} corner {count(int(model.reads[0, 0]), 'time')} "
            "and no pixel more than "
            f"{count(int(model.reads.max()), 'time')}."
        )
