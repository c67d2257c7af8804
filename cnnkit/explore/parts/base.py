"""What every explorer shares: one lock, errors shown in place, controls tied to traits, the still."""

from __future__ import annotations

import base64
import contextlib
import html
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import anywidget
import ipywidgets
import numpy as np
import traitlets

from . import still, words
from .canvas import Canvas
from .chart import Chart
from .controls import Controls
from .grid import NumberGrid

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Model(traitlets.HasTraits):
    """The state of an explorer and what is computed from it, without any widget.

    Front ends may run a control's callback in a thread of its own while a cell runs, so traits can change
    from several threads: whoever computes from them or draws them holds `lock`. Every computation starts
    from the newest traits, so the last value always wins. `version` counts finished computations.

    A subclass names in `inputs` the traits that its results follow from, answers `compute`, and calls
    `begin` at the end of its `__init__`; from then on a change of any of them computes anew.
    """

    controlled: ClassVar[tuple[str, ...]] = ()  # the traits that controls set, for `state`
    inputs: ClassVar[tuple[str, ...]] = ()  # the traits that `compute` reads

    version = traitlets.Int()
    problem = traitlets.Unicode(help="why there is no result, in words; empty when there is one")

    def __init__(self, **traits: Any) -> None:
        self.lock = threading.RLock()
        self._ready = False
        for name in traits:
            if not self.has_trait(name):
                raise TypeError(f"{type(self).__name__} has no setting {name!r}.")
        super().__init__(**traits)

    # Computing -----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Compute for the first time, and from now on whenever one of `inputs` changes."""
        self._ready = True
        if self.inputs:
            self.observe(self.recompute, list(self.inputs))
        self.update()

    def recompute(self, change: Any = None) -> None:
        """What observers of settings call: `update`, once the model is complete."""
        if self._ready:
            self.update()

    def update(self) -> None:
        """Compute from the newest settings; say in `problem` why there is no result."""
        with self.lock:
            try:
                problem = self.compute() or ""
            except Exception as error:  # a device can fail in many ways, and the learner should read which
                problem = words.sentence(error)
            self.problem = problem
            self.version += 1

    def compute(self) -> str | None:
        """Fill the results from the traits; a sentence when these settings have none (results cleared)."""
        raise NotImplementedError

    # Told ----------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What the controls set, then what follows from it, all of it in plain values."""
        with self.lock:
            settings = {name: getattr(self, name) for name in self.controlled}
            derived = {**self.derived(), "problem": self.problem}
            return {name: plain(value) for name, value in (settings | derived).items()}

    def derived(self) -> dict[str, Any]:
        """What `state` tells beside the settings: shapes and the like."""
        return {}


def plain(value: Any) -> Any:
    """`value` as str, bool, int, float or nested lists of them; float32 by its shortest decimals."""
    if isinstance(value, np.ndarray | tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, np.floating):
        return float(str(value))
    return value.item() if isinstance(value, np.generic) else value


def answer_during_cells(widget: ipywidgets.Widget) -> None:
    """Let `widget` and all that is in it answer while a cell runs, where the kernel can.

    JupyterLab sends what a learner does to a subshell, a thread beside the running cell. ipykernel 7.4
    sends it back to whichever loop last spoke to the same widget, and that is the main one as soon as a
    cell has drawn: a slider would wait for the cell's end. This keeps JupyterLab's choice; kernels that
    know nothing of it are left alone.
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda data, chosen: chosen
    for child in getattr(widget, "children", ()):
        answer_during_cells(child)


def _all_in(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    """`widget` and all that is in it."""
    return [widget, *(part for child in getattr(widget, "children", ()) for part in _all_in(child))]


class Explorer(Controls, ipywidgets.VBox):
    """A model with its view. Subclasses fill `children` and answer `pictures` and `describe`."""

    def __init__(self, model: Model) -> None:
        self._held: list[ipywidgets.Widget] = []  # what sends later, while something changes
        super().__init__(layout=ipywidgets.Layout(max_width="100%", overflow="visible", grid_gap="8px"))
        self.add_class("cnnkit-explorer")
        self.model = model
        self._errors: dict[str, str] = {}
        self.message = self.text()

    @traitlets.observe("children")
    def _answer_during_cells(self, change: Any) -> None:
        for widget in change["new"]:
            answer_during_cells(widget)

    def pictures(self) -> Sequence[Canvas | NumberGrid | Chart]:
        """The parts that the still shows, from left to right."""
        raise NotImplementedError

    def describe(self) -> str:
        """One sentence for a reader without the picture; the same on every device."""
        raise NotImplementedError

    def caption(self) -> str:
        """The sentence under the still."""
        return self.describe()

    def state(self) -> dict[str, Any]:
        """Every setting that has a control, and what follows from them, as plain values and nested lists.

        What an exercise grades; a setting is changed through `.model`.
        """
        return self.model.state()

    def still(self) -> bytes:
        """The explorer as it stands, as a PNG."""
        with self.model.lock:
            return still.draw(self.pictures(), self.caption())

    # Errors ------------------------------------------------------------------------------------

    def safely(
        self, action: Callable[..., Any], name: str = "", at_once: bool = False
    ) -> Callable[..., None]:
        """`action` under the lock; an error becomes a sentence in the explorer until `action` succeeds.

        at_once: show what it changed before the callback is done that it may be a part of: it says that
        something slow is being computed.
        """
        key = name or getattr(action, "__name__", repr(action))

        def run(*args: Any) -> None:
            with self.model.lock, self._one_message_each():
                try:
                    action(*args)
                    self._errors.pop(key, None)
                except Exception as error:  # whatever a callback raises must not kill the widget
                    self._errors[key] = words.sentence(error)
                self.show_message()
                if at_once:
                    self._send_what_changed()

        return run

    @contextlib.contextmanager
    def _one_message_each(self) -> Iterator[None]:
        """Whatever changes meanwhile, each widget sends it as one message, and all of them at the end.

        The pictures come first: the page lays itself out for every text, and would keep them waiting.
        """
        if self._held:  # a callback within a callback
            yield
            return
        self._held = sorted(_all_in(self), key=lambda widget: not isinstance(widget, anywidget.AnyWidget))
        try:
            with contextlib.ExitStack() as held:
                for widget in reversed(self._held):  # who enters last leaves first
                    held.enter_context(widget.hold_sync())
                yield
        finally:
            self._held = []

    def _send_what_changed(self) -> None:
        """Send it now, though more may follow."""
        for widget in self._held:
            states, widget._states_to_send = widget._states_to_send, set()
            widget.send_state(states)

    def remark(self) -> str:
        """A hint that is no problem (what a setting leaves out); empty by default."""
        return ""

    def show_message(self) -> None:
        """Problems first, then errors, then the remark; nothing at all takes no room."""
        problems = [text for text in (self.model.problem, *self._errors.values()) if text]
        parts = [f'<div class="cnnkit-problem" role="alert">{html.escape(text)}</div>' for text in problems]
        note = "" if problems else self.remark()
        if note:
            parts.append(f'<div class="cnnkit-note" role="status">{html.escape(note)}</div>')
        self.message.value = "".join(parts)
        self.message.layout.display = None if parts else "none"

    @staticmethod
    def text(html_text: str = "") -> ipywidgets.HTML:
        """A piece of running text in the explorers' style."""
        part = ipywidgets.HTML(html_text)
        part.add_class("cnnkit-words")
        return part

    @staticmethod
    def hint(text: str) -> ipywidgets.HTML:
        """How to use the explorer, in one soft line."""
        return Explorer.text(f'<div class="cnnkit-note">{html.escape(text)}</div>')

    # Display -----------------------------------------------------------------------------------

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The widget for a live notebook, the still and its sentence for everything else."""
        return {
            "text/plain": self.describe(),
            "image/png": base64.b64encode(self.still()).decode("ascii"),
            WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id},
        }

    def __repr__(self) -> str:
        # ipywidgets' own repr spells out every child, pictures included.
        return f"<{type(self).__name__}: {self.describe()}>"
