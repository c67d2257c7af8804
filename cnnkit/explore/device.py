"""Explorer of notebook 00: the OpenCL devices of this machine, tested and chosen, and a picture from one.

The facts and tests are those of `cnnkit devices` (`cnnkit.checkup`): a self-test runs in a Python of its own,
so that a driver that crashes or hangs is an answer and not the end of the notebook.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np
import traitlets

import cnnkit

from .. import checkup
from ..errors import CnnkitError
from .parts import presets, words
from .parts.base import Explorer, Model
from .parts.canvas import Canvas, shape_text, side_by_side
from .parts.colors import span_of

PHOTO, SIMULATED_PHOTO = 300, 32  # pixels across; a simulator needs a second for a thousand of them
ROUNDS = 10  # convolutions that are timed together
NOT_TESTED, PASSED = "not tested yet", "passed"
KEPT = (
    "Models and arrays stay on the device where they were made: after a change of device make them anew, and "
    "do not change it while a cell trains."
)


def _size(byte_count: int) -> str:
    gib = byte_count / 2**30
    return f"{gib:.1f} GiB" if gib >= 1 else f"{byte_count / 2**20:.0f} MiB"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


# What the table tells of a device, row by row.
FACTS: dict[str, Callable[[Any], str]] = {
    "name": lambda device: device.name,
    "kind": lambda device: "simulator, very slow" if device.kind == "simulator" else device.kind,
    "platform": lambda device: device.platform,
    "version": lambda device: device.version,
    "compute units": lambda device: str(device.compute_units),
    "memory": lambda device: _size(device.memory_bytes),
    "local memory": lambda device: f"{device.local_memory_bytes / 2**10:.0f} KiB",
    "largest work-group": lambda device: words.count(device.max_work_group_size, "work-item"),
    "fp64 (double precision)": lambda device: _yes(device.fp64),
    "sub-groups": lambda device: _yes(device.sub_groups),
}


class DeviceModel(Model):
    """The devices, their self-tests, and a picture computed on the one in use.

    `found`: the devices of `cnnkit.devices()`, best first; chosen: the index of the one that `test` and `use`
    mean; allow_simulators: may they run on a simulator, thousands of times slower? `verdicts`: by index, how
    the self-test ended; told: what happened last, busy: what happens now, in words. `picture`: the photo's
    edges (H, W) from the device in use, `seconds` that one took, None while `problem` says why.
    """

    controlled = ("chosen", "allow_simulators")

    chosen = traitlets.Int(0)
    allow_simulators = traitlets.Bool(False)
    told = traitlets.Unicode()
    busy = traitlets.Unicode()

    def __init__(self, **settings: Any) -> None:
        self.found: list[Any] = []
        self.in_use: Any = None
        self.verdicts: dict[int, str] = {}
        self.picture: np.ndarray | None = None
        self.seconds: float | None = None
        self.look()
        settings.setdefault("chosen", getattr(self.in_use, "index", 0))
        super().__init__(**settings)
        self.begin()

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal: Any) -> int:
        index = proposal["value"]
        if self.found and not 0 <= index < len(self.found):
            raise traitlets.TraitError(
                f"There is no device {index}: this machine has {len(self.found)}, counted from 0."
            )
        return index

    def look(self) -> str:
        """Look which devices there are and which one is in use; why there is none, in words."""
        self.found, self.in_use = [], None
        try:
            self.found = cnnkit.devices()
            self.in_use = cnnkit.current_device()
            self.verdicts.setdefault(self.in_use.index, PASSED)  # or it would not be in use
        except CnnkitError as error:
            return words.sentence(error)
        return ""

    # Computing -----------------------------------------------------------------------------------

    def compute(self) -> str | None:
        self.picture = self.seconds = None
        if problem := self.look():
            return problem
        simulated = self.in_use.kind == "simulator"
        image = cnnkit.to_device(cnnkit.data.photo(size=SIMULATED_PHOTO if simulated else PHOTO))
        filters = cnnkit.to_device(presets.edges(3)[None, None])
        self.picture = cnnkit.conv2d(image, filters, padding="same").get()[0, 0]
        rounds = 1 if simulated else ROUNDS
        start = time.perf_counter()
        for _ in range(rounds):
            cnnkit.conv2d(image, filters, padding="same")
        self.in_use.finish()
        self.seconds = (time.perf_counter() - start) / rounds
        return None

    def speed(self) -> str:
        """A rough figure of the device in use, in a sentence; empty without a picture."""
        if self.picture is None or not self.seconds:
            return ""
        rate, unit = self.picture.size * 9 / self.seconds / 1e6, "million"
        if rate >= 1000:
            rate, unit = rate / 1000, "billion"
        return (
            f"One such picture took about {words.number(self.seconds * 1000, 2)} ms, {words.number(rate, 2)} "
            f"{unit} multiply-adds per second: a rough figure, since so small a task is mostly waiting."
        )

    # What the buttons do -------------------------------------------------------------------------

    def test(self) -> bool:
        """Run the self-test of the chosen device; tell how it ended, and answer whether it passed."""
        with self.lock:
            if not (device := self._permitted()):
                return False
            self.busy = f"Testing {device.name} …"
            try:
                checkup.self_test(device.index)
                self.verdicts[device.index] = PASSED
                self.told = f"{device.name} passed its self-test."
            except CnnkitError as error:
                self.verdicts[device.index] = f"FAILED: {words.sentence(error)}"
                self.told = f"{words.sentence(error)} {self._still_in_use()}"
            finally:
                self.busy = ""
            return self.verdicts[device.index] == PASSED

    def use(self) -> bool:
        """Test the chosen device and make it the current one; the one before stays where anything fails."""
        with self.lock:
            self.look()
            before = self.in_use
            if not self.test():
                return False
            device = self.found[self.chosen]
            self.busy = f"Computing on {device.name} …"
            try:
                return self._change(before, device)
            finally:
                self.busy = ""

    def _change(self, before: Any, device: Any) -> bool:
        try:
            cnnkit.use(device)
        except CnnkitError as error:
            self.verdicts[device.index] = f"FAILED: {words.sentence(error)}"
            self.told = f"{words.sentence(error)} {self._still_in_use()}"
            return False
        self.update()
        if self.problem:
            reason = self.problem
            if before is not None:
                cnnkit.use(before)
                self.update()
            self.verdicts[device.index] = f"FAILED: {reason}"
            self.told = f"{device.name} failed at the picture: {reason} {self._still_in_use()}"
            return False
        new = "is still in use" if device is before else "is in use from now on: make models and arrays anew"
        self.told = f"{device.name} passed its self-test and {new}."
        return True

    def _permitted(self) -> Any:
        """The chosen device; None, and told why, where there is none or it is a simulator by accident."""
        if not self.found:
            self.told = "There is no device to test."
            return None
        device = self.found[self.chosen]
        if device.kind == "simulator" and not self.allow_simulators:
            self.told = (
                f"{device.name} is a simulator, thousands of times slower than a device: nothing was run on "
                "it. Tick “allow simulators” if you mean it."
            )
            return None
        return device

    def _still_in_use(self) -> str:
        return f"{self.in_use.name} stays in use." if self.in_use is not None else "No device is in use."

    def derived(self) -> dict[str, Any]:
        """How many devices there are, the index of the one in use (-1 for none), verdicts in their order."""
        return {
            "devices": len(self.found),
            "in_use": -1 if self.in_use is None else self.in_use.index,
            "verdicts": [self.verdicts.get(index, NOT_TESTED) for index in range(len(self.found))],
        }


class DeviceExplorer(Explorer):
    """Pick the device that computes: `DeviceExplorer()`. What it found is in `.model` (a `DeviceModel`)."""

    model: DeviceModel

    def __init__(self, **settings: Any) -> None:
        super().__init__(DeviceModel(**settings))
        self.edges = Canvas(name="edges", width=264)
        self.table, self.status, self.speed = self.text(), self.text(), self.text()
        # As wide as there is room beside the picture: what is wider scrolls.
        self.table.layout = ipywidgets.Layout(flex="1 1 320px", min_width="0", max_width="100%")
        self.test_button = self._button("Test", "Run the self-test of the chosen device", self.model.test)
        self.use_button = self._button(
            "Use this one", "Test the chosen device and compute on it from now on", self.model.use
        )
        self.allow = self.checkbox("allow_simulators", "allow simulators", 150)
        self.children = [
            self.hint(
                "Choose a device and press “Use this one”: it is tested first, and then computes the picture "
                "and all that follows in this notebook."
            ),
            self._picker(),
            side_by_side(self.test_button, self.use_button, self.allow, align="center"),
            self.status,
            self.message,
            side_by_side(self.table, self.edges),
            self.speed,
            self.hint(KEPT),
        ]
        self.model.observe(self.safely(self._draw, "drawing"), "version")
        self.model.observe(self.safely(self._tell, "telling", at_once=True), ["told", "busy"])
        self.safely(self._draw, "drawing")()

    def _picker(self) -> ipywidgets.Widget:
        options = [
            (f"{device.index}: {device.name} ({FACTS['kind'](device)})", device.index)
            for device in self.model.found
        ]
        if not options:
            return self.hint("No device was found.")
        radio = ipywidgets.RadioButtons(
            options=options,
            description="Device",
            style={"description_width": "60px"},
            layout={"width": "auto", "max_width": "100%"},
        )
        radio.add_class("cnnkit-radios")
        return self.tie(radio, "chosen")

    def _button(self, label: str, tooltip: str, action: Callable[[], Any]) -> ipywidgets.Button:
        button = ipywidgets.Button(description=label, tooltip=tooltip, layout={"width": "130px"})
        button.on_click(self.safely(lambda _: action(), label))
        return button

    # Drawing -------------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        model = self.model
        if model.picture is None:
            self.edges.show(None, title="No picture", caption="", alt="The photo’s edges: nothing to show")
        else:
            values = np.abs(model.picture)
            title = f"Edges of the photo, by device {model.in_use.index}"
            self.edges.show(values, 0.0, span_of(values)[1] or 1.0, title=title, caption=model.in_use.name)
            what = f"Edges of a photo of {shape_text(values)} pixels, computed by {model.in_use.name}"
            self.edges.alt = self.edges.describe(what)
        self.speed.value = f'<div class="cnnkit-line">{html.escape(model.speed())}</div>'
        simulators = any(device.kind == "simulator" for device in model.found)
        self.allow.layout.display = None if simulators else "none"
        self._tell()

    def _tell(self, change: Any = None) -> None:
        """Table, status and buttons, which follow tests that compute no new picture, too."""
        model = self.model
        self.table.value = self._table()
        text = html.escape(model.busy or model.told)
        self.status.value = f'<div class="cnnkit-line" role="status">{text}</div>'
        self.test_button.disabled = self.use_button.disabled = bool(model.busy) or not model.found

    def _table(self) -> str:
        """A column for each device, as `cnnkit devices` prints it."""
        model = self.model
        if not model.found:
            return ""
        rows = {name: [fact(device) for device in model.found] for name, fact in FACTS.items()}
        rows["self-test"] = [model.verdicts.get(device.index, NOT_TESTED) for device in model.found]
        rows["in use"] = [_yes(device is model.in_use) for device in model.found]
        heads = "".join(f'<th scope="col">device {device.index}</th>' for device in model.found)
        style = 'style="text-align:left;white-space:normal;min-width:90px"'
        lines = (
            f'<tr><th scope="row" style="text-align:left">{html.escape(name)}</th>'
            + "".join(f"<td {style}>{html.escape(cell)}</td>" for cell in cells)
            + "</tr>"
            for name, cells in rows.items()
        )
        body = f'<tr><th scope="col">what</th>{heads}</tr>{"".join(lines)}'
        caption = '<caption class="cnnkit-title">OpenCL devices of this machine</caption>'
        region = 'tabindex="0" role="region" aria-label="Table of the devices"'  # scrolls by keyboard, too
        table = f'<table class="cnnkit-table">{caption}{body}</table>'
        return f'<div class="cnnkit-tablebox" {region}>{table}</div>'

    # Still ---------------------------------------------------------------------------------------

    def pictures(self) -> list[Any]:
        return [self.edges]

    def describe(self) -> str:
        # Names and speeds differ from machine to machine, and stored notebooks compare this sentence.
        if self.model.problem:
            return "The OpenCL devices of this machine: none of them computes, the explorer says why."
        return (
            "The OpenCL devices of this machine with the self-test of each, one of them in use, and the "
            "edges of a photo as that one computes them."
        )

    def caption(self) -> str:
        if self.model.problem:
            return self.model.problem
        return f"Computed by {self.model.in_use.name} ({self.model.in_use.kind}). {self.model.speed()}"
