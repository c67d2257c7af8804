"""Explorer of notebook 02: a filter is as deep as the picture, and K filters make a volume of depth K."""

from __future__ import annotations

import html
from functools import lru_cache
from typing import Any

import ipywidgets
import numpy as np
import traitlets

import cnnkit

from .parts import words
from .parts.arithmetic import Patch, read_patch
from .parts.base import Explorer, Model
from .parts.canvas import Canvas, mark, side_by_side
from .parts.colored import CHANNELS, MOST, filters, meaning_of, name_of
from .parts.colors import symmetric
from .parts.depth import Parameters, as_many, colored_images, written_out
from .parts.sheet import corner_of, mosaic, place_in

SEED, PICTURES, RED_ON_BLUE = 1, 12, 8  # of the colored shapes: which, how many, and the first one shown
SMALLEST, LARGEST = 8, 64  # side of the picture
GAP = "12px"
WIDTH = 134  # of most pictures on the page: four in a row and the sheet beside them, two on a phone


@lru_cache(maxsize=4)
def _shapes(side: int) -> cnnkit.data.Dataset:
    return cnnkit.data.shapes(PICTURES, seed=SEED, size=side)


class ChannelsModel(Model):
    """A colored picture and K filters in; the parts of one feature map and all K maps out.

    images: pictures of your own, (N, 3, H, W) or (3, H, W); None for colored shapes of `side` pixels.
    picture: which of them; side 8..64; size a 1..64, the filters are (3, a, a); amount K 1..12; padding:
    "valid" or "same"; filter: the chosen one, 0..K-1; bias: that of the chosen filter (`biases` holds all
    twelve); seed: of the random filters; focus: (row, column) of the output that is written out.

    Results, None while `problem` says why: parts (3, OH, OW), what each channel adds to the chosen map, and
    maps (K, OH, OW), all float32. image (3, H, W) and weights (K, 3, a, a) are what they were made of.
    """

    inputs = ("images", "picture", "side", "size", "amount", "padding", "filter", "biases", "seed")
    controlled = (
        *("picture", "side", "size", "amount", "padding", "filter", "bias", "seed"),
        *("shared_range", "focus"),
    )

    images: Any = traitlets.Any(None, allow_none=True)
    picture = traitlets.Int(RED_ON_BLUE)
    side = traitlets.Int(34, min=SMALLEST, max=LARGEST)
    size = traitlets.Int(3, min=1, max=LARGEST)
    amount = traitlets.Int(MOST, min=1, max=MOST)
    padding = traitlets.Enum(["valid", "same"], "valid")
    filter = traitlets.Int(0)
    bias = traitlets.Float(0.0)
    biases = traitlets.List(traitlets.Float(), [0.0] * MOST, minlen=MOST, maxlen=MOST)
    seed = traitlets.Int(0, min=0)
    shared_range = traitlets.Bool(True)
    focus = traitlets.Tuple(traitlets.Int(), traitlets.Int(), default_value=(0, 0))

    def __init__(self, images: Any = None, **settings: Any) -> None:
        self.image = self.weights = np.zeros((3, 1, 1), np.float32)
        self.parts: np.ndarray | None = None
        self.maps: np.ndarray | None = None
        later = {name: settings.pop(name) for name in ("bias", "focus") if name in settings}
        super().__init__(images=images, **settings)
        self._keep_a_picture_chosen()
        self.bias = later.get("bias", self.biases[self.filter])
        self.begin()
        self.focus = later.get("focus", self._telling_place())

    # Settings ------------------------------------------------------------------------------------

    @traitlets.validate("images")
    def _check_images(self, proposal: Any) -> np.ndarray | None:
        value = proposal["value"]
        return None if value is None else colored_images(value, LARGEST)

    @traitlets.validate("picture")
    def _clip_picture(self, proposal: Any) -> int:
        return int(np.clip(proposal["value"], 0, (PICTURES if self.images is None else len(self.images)) - 1))

    @traitlets.validate("filter")
    def _clip_filter(self, proposal: Any) -> int:
        return int(np.clip(proposal["value"], 0, self.amount - 1))

    @traitlets.validate("focus")
    def _clip_focus(self, proposal: Any) -> tuple[int, ...]:
        if self.maps is None:
            return proposal["value"]
        bounds = zip(proposal["value"], self.maps.shape[1:], strict=True)
        return tuple(int(np.clip(at, 0, size - 1)) for at, size in bounds)

    @traitlets.observe("images")
    def _keep_a_picture_chosen(self, change: Any = None) -> None:
        self.picture = self._clip_picture({"value": self.picture})

    @traitlets.observe("amount")
    def _keep_a_filter_chosen(self, change: Any) -> None:
        self.filter = min(self.filter, self.amount - 1)

    @traitlets.observe("filter")
    def _show_its_bias(self, change: Any) -> None:
        self.bias = self.biases[self.filter]

    @traitlets.observe("bias")
    def _keep_bias(self, change: Any) -> None:
        biases = list(self.biases)
        biases[self.filter] = self.bias
        self.biases = biases

    def fill(self) -> None:
        """A patch as large as the picture: one output for each filter, a regular network."""
        self.padding, self.size = "valid", min(self.image.shape[1:])

    # Computing -----------------------------------------------------------------------------------

    def compute(self) -> str | None:
        self.parts = self.maps = None
        images = _shapes(self.side).images if self.images is None else self.images
        self.image = images[min(self.picture, len(images) - 1)]
        self.weights = filters(self.amount, self.size, self.seed)
        height, width = self.image.shape[1:]
        if self.padding == "valid" and self.size > min(height, width):
            return (
                f"A {self.size}×{self.size} filter does not fit into a {height}×{width} picture without "
                "padding, so there is no result. Take a smaller filter, a larger picture or padding “same”."
            )
        x, b = self.image[None], np.array(self.biases[: self.amount], np.float32)
        self.maps = cnnkit.conv2d(x, self.weights, b, padding=self.padding).get()[0]
        self.parts = np.stack([self._part(channel) for channel in range(len(CHANNELS))])
        self.focus = self._clip_focus({"value": self.focus})
        return None

    def _part(self, channel: int) -> np.ndarray:
        """What one channel adds to the chosen map: that channel correlated with its slice, (OH, OW)."""
        one = slice(channel, channel + 1)
        x, w = self.image[None, one], self.weights[self.filter][None, one]
        return cnnkit.conv2d(x, w, padding=self.padding).get()[0, 0]

    def _telling_place(self) -> tuple[int, int]:
        """Where the chosen map is strongest."""
        if self.maps is None:
            return 0, 0
        strength = np.nan_to_num(np.abs(self.maps[self.filter]))
        row, column = np.unravel_index(int(strength.argmax()), strength.shape)
        return int(row), int(column)

    # What follows --------------------------------------------------------------------------------

    def corner(self) -> tuple[int, int]:
        """(row, column) of the picture where the focused window begins; below 0 in the padding."""
        before = (self.size - 1) // 2 if self.padding == "same" else 0
        return self.focus[0] - before, self.focus[1] - before

    def patches(self) -> list[Patch]:
        """What the focused output reads in each channel, with the weights of the filter's slices."""
        rows, columns = (start + np.arange(self.size) for start in self.corner())
        weights = self.weights[self.filter]
        return [read_patch(self.image[c], weights[c], rows, columns) for c in range(len(CHANNELS))]

    def output_shape(self) -> tuple[int, int, int]:
        """(OH, OW, K), by the settings alone; 0 where nothing fits."""
        lost = self.size - 1 if self.padding == "valid" else 0
        height, width = (max(0, size - lost) for size in self.image.shape[1:])
        return height, width, self.amount

    def parameters(self) -> Parameters:
        """What the filters and a dense layer for the same maps have to learn."""
        return Parameters(self.size, self.amount, self.image.size, int(np.prod(self.output_shape())))

    def derived(self) -> dict[str, Any]:
        height, width = self.image.shape[1:]
        counts = self.parameters()
        return {
            "filter_name": name_of(self.filter),
            "input_shape": [height, width, len(CHANNELS)],
            "output_shape": self.output_shape(),
            "filter_parameters": counts.filters,
            "dense_weights": counts.dense_weights,
            "dense_parameters": counts.dense,
        }


class ChannelsExplorer(Explorer):
    """One window through three channels: `ChannelsExplorer()`, or with pictures (N, 3, H, W) of your own.

    Everything is set and read through `.model` (a `ChannelsModel`), for example
    `explorer.model.filter = 3; explorer.model.maps`.
    """

    model: ChannelsModel

    def __init__(self, images: Any = None, **settings: Any) -> None:
        super().__init__(ChannelsModel(images, **settings))
        self.picture = self._canvas("picture", interactive=False)
        self.channels = [self._canvas(f"channel{c}", interactive=False) for c in range(len(CHANNELS))]
        self.slices = [
            self._canvas(f"slice{c}", interactive=False, numbers=True) for c in range(len(CHANNELS))
        ]
        self.parts = [self._canvas(f"part{c}") for c in range(len(CHANNELS))]
        self.map = self._canvas("map")
        self.sheet = Canvas(name="sheet", width=224, lens=False, picks=True, gap="between two maps")
        self._shown: np.ndarray | None = None  # the picture that was drawn last
        self.meaning, self.counts, self.arithmetic = self.text(), self.text(), self.text()
        self.meaning.layout.width = f"{WIDTH}px"
        lines = (self.picture, *self.channels), (self.meaning, *self.slices), (self.map, *self.parts)
        rows = [side_by_side(*line, gap=GAP) for line in lines]
        columns = [
            ipywidgets.VBox(
                parts, layout={"max_width": "100%", "overflow": "visible", "flex": f"0 1 {width}px"}
            )
            for parts, width in ((rows, 4 * WIDTH + 44), ([self.sheet, self.counts], 226))
        ]
        self.children = [
            self.hint(
                "Point at the feature map, or tab to it and use the arrow keys: one window lights up in all "
                "three channels. Click one of the K maps to choose its filter."
            ),
            side_by_side(*self._controls(), gap="2px 16px"),
            self.message,
            side_by_side(*columns, gap="12px 20px"),
            self.arithmetic,
        ]
        for canvas in (self.map, *self.parts):
            canvas.observe(self.safely(self._pointed, f"pointing at {canvas.name}"), "focus")
        self.sheet.observe(self.safely(self._picked, "choosing a map"), "picked")
        self.model.observe(self.safely(self._draw, "drawing"), ["version", "shared_range"])
        self.model.observe(self.safely(self._draw_focus, "arithmetic"), "focus")
        self.safely(self._draw, "drawing")()

    @staticmethod
    def _canvas(name: str, **traits: Any) -> Canvas:
        return Canvas(name=name, width=WIDTH, lens=False, lines=True, **traits)

    def _controls(self) -> list[ipywidgets.Widget]:
        model = self.model
        self.menu = self.dropdown("picture", "Picture", self._names(), 180)
        self.side = self.slider("side", "Its side", SMALLEST, LARGEST)
        # The slider is for the sides that filters have; the box also takes a patch as large as the picture.
        slide = ipywidgets.IntSlider(min=1, max=11, readout=False)
        box = ipywidgets.BoundedIntText(min=1, max=LARGEST, layout={"width": "58px"})
        size = self._pair("size", "Filter a", slide, box, 60)
        ways = [
            ("valid: no padding", "valid", "The window stays inside the picture"),
            ("same: padded", "same", "Zeros around it: the maps are as large as the picture"),
        ]
        whole = ipywidgets.Button(
            description="a = whole picture",
            tooltip="A patch as large as the picture: then this is a regular network",
            layout={"width": "142px"},
        )
        whole.on_click(self.safely(lambda button: model.fill(), "whole picture"))
        self.again = ipywidgets.Button(description="Other random filters", layout={"width": "160px"})
        self.again.on_click(self.safely(lambda button: model.set_trait("seed", model.seed + 1), "seed"))
        self.chooser = self.slider("filter", "Chosen k", 0, MOST - 1)
        return [
            *(self.menu, self.side, size, self.slider("amount", "Filters K", 1, MOST), self.chooser),
            *(
                self.number_slider("bias", "Its bias", -1, 1, 0.05),
                self.choice("padding", ways, 134),
                whole,
                self.again,
            ),
            self.checkbox("shared_range", "one color range for map and parts", 250),
        ]

    def _names(self) -> list[tuple[str, int]]:
        """What the pictures are called, and their numbers."""
        if self.model.images is not None:
            return [(str(i), i) for i in range(len(self.model.images))]
        shapes = _shapes(self.model.side)
        return [(f"{i}: {shapes.classes[label]}", i) for i, label in enumerate(shapes.labels)]

    # From the learner ----------------------------------------------------------------------------

    def _pointed(self, change: Any) -> None:
        if change["new"] is not None:
            self.model.focus = change["new"]

    def _picked(self, change: Any) -> None:
        maps = self.model.maps
        if change["new"] is None or maps is None:
            return
        self.sheet.picked = None  # so that the same pixel can be chosen again
        place = place_in(change["new"], maps.shape)
        if place is not None:
            self.model.filter = place[0]
            self.model.focus = place[1:]

    # To the learner ------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        model = self.model
        if list(self.menu.options) != self._names():
            chosen = model.picture  # new options set the menu, and by that the model, to the first one
            self.menu.options = self._names()
            self.menu.value = chosen
        self.side.layout.display = None if model.images is None else "none"
        for control in self.chooser.children:
            control.max = model.amount - 1
        self.again.layout.visibility = "visible" if name_of(model.amount - 1)[:6] == "random" else "hidden"
        self._draw_input()
        self._draw_maps()
        self.meaning.value = (
            f'<div class="cnnkit-title">Filter {model.filter}: {html.escape(name_of(model.filter))}</div>'
            f'<div class="cnnkit-line">{html.escape(meaning_of(model.filter))}. One slice for each channel: '
            f"{words.times(model.size, model.size, len(CHANNELS))} weights and one bias.</div>"
        )
        self.counts.value = model.parameters().told() if model.maps is not None else ""
        self._draw_focus()

    def _draw_input(self) -> None:
        model = self.model
        if self._shown is not model.image:
            colored = (model.image.transpose(1, 2, 0).clip(0, 1) * 255 + 0.5).astype(np.uint8)
            self.picture.show(colored, title="Picture", caption=words.times(*colored.shape))
            self.picture.alt = self.picture.describe("Picture")
            for channel, canvas in enumerate(self.channels):
                name = f"{CHANNELS[channel].capitalize()} channel"
                canvas.show(model.image[channel], 0.0, 1.0, title=name)
                canvas.alt = canvas.describe(name)
            self._shown = model.image
        weights = model.weights[model.filter]
        for channel, canvas in enumerate(self.slices):
            title = f"∗ {CHANNELS[channel]} slice"
            canvas.show(weights[channel], *symmetric(weights), colors="diverging", title=title)
            canvas.alt = canvas.describe(f"Filter {model.filter}, {CHANNELS[channel]} slice")

    def _draw_maps(self) -> None:
        model = self.model
        if model.maps is None or model.parts is None:
            for canvas in (*self.parts, self.map, self.sheet):
                canvas.show(None, title="No result", alt="No result: nothing to show", caption="")
            return
        chosen, bias = model.maps[model.filter], words.number(model.bias)
        name = f"Feature map {model.filter}"
        all_of_it = np.stack([*model.parts, chosen])
        titles = ("= red part", "+ green part", "+ blue part")
        for canvas, values, title in zip(self.parts, model.parts, titles, strict=True):
            span = symmetric(all_of_it if model.shared_range else values)
            canvas.show(values, *span, colors="diverging", title=title)
            canvas.alt = canvas.describe(f"{title[2:].capitalize()} of {name.lower()}")
        span = symmetric(all_of_it if model.shared_range else chosen)
        self.map.show(chosen, *span, colors="diverging", title=name, caption=f"the sum, plus bias {bias}")
        self.map.alt = self.map.describe(f"{name}, the sum of the three parts and bias {bias}")
        shape = words.times(*model.output_shape())
        self.sheet.show(mosaic(model.maps), *symmetric(model.maps), colors="diverging")
        self.sheet.title = f"Output volume {shape}"
        self.sheet.caption = f"K = {words.count(model.amount, 'map')}, stacked in depth"
        self.sheet.alt = self.sheet.describe(f"Output volume {shape} as a sheet, map {model.filter} framed")

    def _draw_focus(self, change: Any = None) -> None:
        model = self.model
        reading = [self.picture, *self.channels]
        if model.maps is None:
            for canvas in reading:
                canvas.marks = []
            self.sheet.marks, self.arithmetic.value = [], ""
            return
        window = mark(*model.corner(), model.size, model.size)
        for canvas in reading:
            canvas.marks = [window]
        for canvas in (self.map, *self.parts):
            canvas.focus = model.focus
        height, width = model.maps.shape[1:]
        top, left = corner_of(model.filter, model.maps.shape)
        row, column = model.focus
        self.sheet.marks, self.sheet.focus = [mark(top, left, height, width)], (top + row, left + column)
        where = f"Feature map {model.filter} (row {row}, column {column})"
        self.arithmetic.value = written_out(model.patches(), model.bias, where)

    def remark(self) -> str:
        said = "A 1×1 filter mixes the channels of one pixel and sees no neighbor: what compares them is 0."
        return said if self.model.size == 1 else ""

    def pictures(self) -> list[Canvas]:
        return [self.picture, self.map, *self.parts, self.sheet]

    def describe(self) -> str:
        model = self.model
        size = words.times(model.size, model.size, len(CHANNELS))
        start = (
            f"A {words.times(*model.image.shape[1:], len(CHANNELS))} picture under {model.amount} filters of "
            f"{size}, padding “{model.padding}”"
        )
        if model.problem:
            return f"{start}: {model.problem}"
        counts = model.parameters()
        return (
            f"{start}: a volume of {words.times(*model.output_shape())} from "
            f"{words.grouped(counts.filters)} parameters; a dense layer needs "
            f"{as_many(counts.dense, counts.filters)}."
        )
