"""Explorer of notebook 11: which pixels every work-item of a kernel reads, counted by the kernel itself.

The library's own kernels `conv2d_forward_plain` and `conv2d_forward_tiled` run on the device with a counter
in front of every read (`cnnkit.counting`). Same image, filter, work-groups and result: what differs is how
often the same pixel is fetched from far away.
"""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
import traitlets

from ..device import current_device
from .parts.axis import Axis
from .parts.base import Explorer, Model
from .parts.boxes import box_around, boxes
from .parts.canvas import Canvas, mark, shape_text, side_by_side
from .parts.chart import Chart, bars
from .parts.counted import KERNELS, count_convolution
from .parts.readlog import ReadLog
from .parts.words import count, grouped, number, times

TILES = (4, 8, 16)  # each is another compiled kernel, so a few
LARGEST_IMAGE = 512


class ReadsModel(Model):
    """Image, filter and work-groups in; `logs` out: kernel name to `ReadLog`, empty while `problem` says why.

    size: rows and columns of the image; filter_size, stride, padding: of the convolution; tile: rows and
    columns of a work-group, of both kernels; kernel: whose work-items are shown; shared_range: one color
    range for both kernels; focus: (row, column) of the work-item that is told about; pixel: (row, column) of
    an input pixel whose readers are shown instead, or None. `results`: what each kernel computed, (OH, OW).
    """

    inputs = ("size", "filter_size", "stride", "padding", "tile")
    controlled = (*inputs, "kernel", "shared_range", "focus", "pixel")

    size = traitlets.Int(64, min=1, max=LARGEST_IMAGE)
    filter_size = traitlets.Int(3, min=1)
    stride = traitlets.Int(1, min=1)
    padding = traitlets.Int(1, min=0)
    tile = traitlets.Enum(TILES, 16)
    kernel = traitlets.Enum(KERNELS, "plain")
    shared_range = traitlets.Bool(True)
    focus = traitlets.Tuple(traitlets.Int(), traitlets.Int(), default_value=(0, 0))
    pixel: Any = traitlets.Tuple(traitlets.Int(), traitlets.Int(), allow_none=True, default_value=None)

    def __init__(self, **settings: Any) -> None:
        self.logs: dict[str, ReadLog] = {}
        self.results: dict[str, np.ndarray] = {}
        self.axis = Axis(64, 3, padding=1)
        if "tile" not in settings and current_device().max_work_group_size < TILES[-1] ** 2:
            settings["tile"] = TILES[-2]
        super().__init__(**settings)
        self.begin()
        if "focus" not in settings:
            self.focus = self.grid[0] // 3, self.grid[1] // 3

    @traitlets.validate("focus")
    def _clip_focus(self, proposal: Any) -> tuple[int, int]:
        return _inside(proposal["value"], self.grid) if self.logs else proposal["value"]

    @traitlets.validate("pixel")
    def _clip_pixel(self, proposal: Any) -> tuple[int, int] | None:
        place = proposal["value"]
        return None if place is None else _inside(place, (self.size, self.size))

    @traitlets.observe("focus")
    def _focus_moved(self, change: Any) -> None:
        self.pixel = None

    # Computing -----------------------------------------------------------------------------------

    def compute(self) -> str | None:
        self.logs, self.results = {}, {}
        self.axis = Axis(self.size, self.filter_size, self.stride, self.padding)
        if problem := self.axis.impossible():
            return problem
        image = np.random.default_rng(0).random((1, 1, self.size, self.size), np.float32)
        weights = np.ones((1, 1, self.filter_size, self.filter_size), np.float32)
        setting = image, weights, self.stride, self.padding, self.tile
        counted = {name: count_convolution(name, *setting) for name in KERNELS}
        self.logs = {name: log for name, (log, _) in counted.items()}
        self.results = {name: result[0, 0] for name, (_, result) in counted.items()}
        self.focus = self.focus  # clipped to the new grid
        self.pixel = self.pixel
        return None

    # What was counted ----------------------------------------------------------------------------

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of work-items: whole work-groups, so perhaps more than output pixels."""
        log = self.logs.get("plain")
        return (log.global_size[1], log.global_size[0]) if log else (1, 1)

    @property
    def item(self) -> int:
        """The number of the focused work-item."""
        return self.focus[0] * self.grid[1] + self.focus[1]

    def per_pixel(self, kernel: str) -> np.ndarray:
        """How often `kernel` read each pixel of the input, (size, size)."""
        return self.logs[kernel].per_place((self.size, self.size))

    def per_item(self, kernel: str) -> np.ndarray:
        """How many pixels each work-item of `kernel` read, shaped as `grid`."""
        return self.logs[kernel].per_item()[0]

    def item_reads(self, kernel: str) -> np.ndarray:
        """What the focused work-item read: places in the input, counted row by row."""
        return self.logs[kernel].of_item(self.item)

    def group_reads(self, kernel: str) -> np.ndarray:
        """What the focused work-item's group read, each place as often as it did."""
        return self.logs[kernel].of_group(self.item)

    def readers(self, kernel: str) -> np.ndarray:
        """The work-items that read `pixel`, counted row by row in the grid."""
        assert self.pixel is not None
        return self.logs[kernel].readers(self.pixel[0] * self.size + self.pixel[1])

    def ratio(self) -> float:
        """How many times more the plain kernel reads than the tiled one."""
        return self.logs["plain"].total / self.logs["tiled"].total

    def derived(self) -> dict[str, Any]:
        """output_size; for both kernels the reads of the input and of local memory; 0 where none fits."""
        facts: dict[str, Any] = {"output_size": self.axis.output}
        for name in KERNELS:
            log = self.logs.get(name)
            facts[f"{name}_reads"] = log.total if log else 0
            facts[f"{name}_local_reads"] = log.local_reads if log else 0
        return facts

    def walk(self, step: int) -> None:
        """Put the focus on work-item `step`, counted group by group and starting over at the end."""
        rows, columns = self.grid
        group, inside = divmod(step % (rows * columns), self.tile**2)
        down, across = divmod(group, columns // self.tile)
        self.focus = (
            down * self.tile + inside // self.tile,
            across * self.tile + inside % self.tile,
        )


def _inside(place: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int]:
    row, column = (int(np.clip(at, 0, size - 1)) for at, size in zip(place, shape, strict=True))
    return row, column


class ReadsExplorer(Explorer):
    """Every read of two kernels: `ReadsExplorer()`, or with settings of a `ReadsModel`, as `size=32`.

    Everything is set and read through `.model`, for example
    `explorer.model.stride = 2; explorer.model.logs["tiled"].total`.
    """

    model: ReadsModel

    def __init__(self, **settings: Any) -> None:
        super().__init__(ReadsModel(**settings))
        self.items = Canvas(name="items", width=264)
        self.inputs = {name: Canvas(name=name, width=264) for name in KERNELS}
        for canvas in (self.items, *self.inputs.values()):
            canvas.add_class("cnnkit-fluid")
        self.totals = Chart(name="totals", title="Reads of all work-items", x_label="")
        self.verdict, self.sentence, self.numbers = self.text(), self.text(), self.text()
        self.children = [
            self.hint(
                "Point at a work-item, or tab to the work-items and use the arrow keys: the pixels that it "
                "reads (blue) and those of its work-group (orange) light up in the input. Point at an input "
                "pixel to see who reads it."
            ),
            side_by_side(self.items, *self.inputs.values()),
            self.verdict,
            self.sentence,
            side_by_side(*self._sliders()),
            side_by_side(*self._switches(), align="center"),
            self.message,
            side_by_side(self.numbers, self.totals),
        ]
        self.items.observe(self.safely(self._pointed_at_item, "pointing"), "focus")
        for name, canvas in self.inputs.items():
            canvas.observe(self.safely(self._pointed_at_input(name), f"pointing at {name}"), "focus")
        self.model.observe(self.safely(self._draw, "drawing"), ["version", "kernel", "shared_range"])
        self.model.observe(self.safely(self._draw_focus, "telling"), ["focus", "pixel"])
        self.safely(self._draw, "drawing")()

    def _sliders(self) -> list[ipywidgets.Widget]:
        return [
            self.slider("size", "Image", 8, 64),
            self.slider("filter_size", "Filter", 1, 9),
            self.slider("stride", "Stride", 1, 4),
            self.slider("padding", "Padding", 0, 4),
        ]

    def _switches(self) -> list[ipywidgets.Widget]:
        groups = [(f"{t} × {t}", t) for t in TILES]
        which = [
            ("plain", "plain", "Show the work-items of the plain kernel"),
            ("tiled", "tiled", "Show the work-items of the tiled kernel"),
        ]
        return [
            self.dropdown("tile", "Work-group", groups, width=190, label_width=85),
            ipywidgets.HBox([ipywidgets.Label("Work-items of"), self.choice("kernel", which, width=70)]),
            self.checkbox("shared_range", "same color range for both kernels", width=260),
            self.player(self.model.walk, "One work-item after another"),
        ]

    # From the learner ----------------------------------------------------------------------------

    def _pointed_at_item(self, change: Any) -> None:
        if change["new"] is not None:
            self.model.pixel, self.model.focus = None, change["new"]

    def _pointed_at_input(self, name: str) -> Any:
        def pointed(change: Any) -> None:
            if change["new"] is not None:
                self.model.kernel, self.model.pixel = name, change["new"]

        return pointed

    # To the learner ------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        model = self.model
        per_pixel = {name: model.per_pixel(name) for name in model.logs}
        both = max((int(values.max()) for values in per_pixel.values()), default=1)
        for name, canvas in self.inputs.items():
            values = per_pixel.get(name)
            if values is None:
                nothing = f"Reads of the {name} kernel: nothing to show"
                canvas.show(None, title=f"No count: {name}", caption="", alt=nothing)
                continue
            high = max(1, both if model.shared_range else int(values.max()))
            title = f"Input, {name}: {grouped(model.logs[name].total)} reads"
            canvas.show(values, 0, high, "magma", title=title, caption="how often each pixel is read")
            total = grouped(model.logs[name].total)
            canvas.alt = canvas.describe(
                f"How often the {name} kernel reads each input pixel, {total} in all"
            )
        self._draw_items()
        self._draw_totals()
        self._draw_focus()

    def _draw_items(self) -> None:
        model = self.model
        if not model.logs:
            self.items.show(None, title="No work-items", caption="", alt="Work-items: nothing to show")
            return
        values = model.per_item(model.kernel)
        compared = KERNELS if model.shared_range else (model.kernel,)
        high = max(1, *(int(model.per_item(name).max()) for name in compared))
        idle = max(model.grid) > model.axis.output
        caption = "how many pixels each one reads" + ("; beyond the thin frame: no output" if idle else "")
        title = f"Work-items, {model.kernel}: {shape_text(values)}"
        self.items.show(values, 0, high, "magma", title=title, caption=caption)
        what = f"How many pixels each work-item of the {model.kernel} kernel reads"
        self.items.alt = self.items.describe(what)

    def _draw_totals(self) -> None:
        logs = self.model.logs
        self.totals.layout.display = None if logs else "none"
        self.verdict.value = f'<div class="cnnkit-sum">{self._verdict()}</div>' if logs else ""
        if not logs:
            self.totals.show([], alt="No counts to show")
            return
        far = [logs[name].total for name in KERNELS]
        near = logs["tiled"].local_reads
        self.totals.x_names = ["plain", "tiled", "tiled, local"]
        self.totals.show(
            [bars("global memory (far)", [0, 1], far), bars("local memory (near)", [2], [near])],
            x_range=(-0.6, 2.6),
            y_range=(0.0, 1.3 * max(*far, near)),  # room for the still's legend
            alt=f"Reads of global memory: plain {far[0]}, tiled {far[1]}; of local memory: tiled {near}",
        )

    def _draw_focus(self, change: Any = None) -> None:
        model = self.model
        if not model.logs:
            for canvas in (self.items, *self.inputs.values()):
                canvas.marks, canvas.focus = [], None
            self.sentence.value = self.numbers.value = ""
            return
        output = model.axis.output
        frame = [mark(0, 0, output, output, "cell")] if max(model.grid) > output else []
        groups = {name: model.group_reads(name) for name in KERNELS}
        self.numbers.value = self._table(groups)
        if model.pixel is not None:
            self._show_readers(frame)
            return
        corner = [at // model.tile * model.tile for at in model.focus]
        group = mark(corner[0], corner[1], model.tile, model.tile)
        self.items.focus, self.items.marks = model.focus, [group, *frame]
        for name, canvas in self.inputs.items():
            mine = boxes(model.item_reads(name), model.size, "winner")
            canvas.focus, canvas.marks = None, [*mine, *box_around(groups[name], model.size, "window")]
        self.sentence.value = self._line(self._item_sentence())

    def _show_readers(self, frame: list[dict[str, Any]]) -> None:
        model = self.model
        readers = boxes(model.readers(model.kernel), model.grid[1], "winner")
        self.items.focus, self.items.marks = None, [*readers, *frame]
        for name, canvas in self.inputs.items():
            canvas.marks, canvas.focus = [], model.pixel if name == model.kernel else None
        row, column = model.pixel
        told = [f"{count(len(model.readers(name)), 'read')} by the {name} kernel" for name in KERNELS]
        self.sentence.value = self._line(
            f"Input pixel (row {row}, column {column}): {' and '.join(told)}. Marked are the work-items of "
            f"the {model.kernel} kernel that read it."
        )

    @staticmethod
    def _line(text: str) -> str:
        return f'<div class="cnnkit-line" role="status">{text}</div>'

    def _item_sentence(self) -> str:
        model, (row, column) = self.model, self.model.focus
        plain, tiled = (len(model.item_reads(name)) for name in KERNELS)
        beyond = max(row, column) >= model.axis.output
        computes = "has no output pixel" if beyond else "computes one output pixel"
        return (
            f"Work-item (row {row}, column {column}) {computes}: in the plain kernel it reads "
            f"{count(plain, 'pixel')} itself; in the tiled kernel it fetches {tiled} for its group, which "
            "keeps what it fetches in local memory."
        )

    def _table(self, groups: dict[str, np.ndarray]) -> str:
        """What was counted for the focused work-item, its group and all of them, for both kernels."""
        model = self.model
        logs = [model.logs[name] for name in KERNELS]
        rows = {
            "this work-item reads": [len(model.item_reads(name)) for name in KERNELS],
            "its work-group reads": [len(groups[name]) for name in KERNELS],
            "different pixels among these": [len(np.unique(groups[name])) for name in KERNELS],
            "all work-items read": [log.total for log in logs],
            "all read from local memory": [log.local_reads for log in logs],
        }
        cells = {name: [grouped(value) for value in values] for name, values in rows.items()}
        cells["reads per output pixel"] = [number(log.total / model.axis.output**2) for log in logs]
        heads = "".join(f'<th scope="col">{name}</th>' for name in ("", *KERNELS))
        lines = (
            f'<tr><th scope="row" style="text-align:left">{name}</th>'
            + "".join(f"<td>{value}</td>" for value in values)
            + "</tr>"
            for name, values in cells.items()
        )
        table = f'<table class="cnnkit-table"><tr>{heads}</tr>{"".join(lines)}</table>'
        return f'<div class="cnnkit-tablebox">{table}</div>'

    def _verdict(self) -> str:
        """How the two kernels compare, as a sentence of its own."""
        ratio = self.model.ratio()
        if ratio == 1:
            return "The tiled kernel reads the input as often as the plain one."
        more = f"{number(ratio, 2)} times less" if ratio > 1 else f"{number(1 / ratio, 2)} times more"
        return f"The tiled kernel reads the input {more} often."

    def remark(self) -> str:
        model = self.model
        if not model.logs or model.ratio() > 1.05:
            return ""
        shared = "nothing" if model.stride >= model.filter_size else "little"
        text = (
            f"Neighboring windows share {shared} with a {model.filter_size}×{model.filter_size} filter and "
            f"stride {model.stride}: fetching for the whole group spares nothing here"
        )
        return text + (", and it fetches pixels that no window reads." if model.ratio() < 1 else ".")

    # Still ---------------------------------------------------------------------------------------

    def pictures(self) -> list[Any]:
        return [self.items, *self.inputs.values(), self.totals]

    def describe(self) -> str:
        model = self.model
        setting = f"filter {times(model.filter_size, model.filter_size)}, stride {model.stride}"
        start = f"A {times(model.size, model.size)} image, {setting}, padding {model.padding}"
        if model.problem:
            return f"{start}: {model.problem}"
        plain, tiled = (grouped(model.logs[name].total) for name in KERNELS)
        return (
            f"{start}: the plain kernel reads the input {plain} times, the tiled one with "
            f"{times(model.tile, model.tile)} work-groups {tiled} times. {self._verdict()}"
        )
