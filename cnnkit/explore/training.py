"""Explorer of notebook 08: watch a model train, turn its learning rate, pause it, step, stop it.

A `TrainingDashboard` is a picture and a callback of `cnnkit.fit` in one. The training cell runs in the
main thread; JupyterLab delivers what the learner does on another one (kernel subshells), so a slider moved
during training counts from the next step. Where the kernel has no subshells, the curves still grow and
the controls answer after the cell.

Training goes on while nothing is drawn, and waits while something is: `Pace` bounds that time.
"""

from __future__ import annotations

import html
import threading
from typing import Any

import ipywidgets
import numpy as np
import traitlets

from ..callbacks import Callback, Run
from .parts.base import Explorer, Model
from .parts.canvas import side_by_side
from .parts.chart import Chart, line
from .parts.curves import Curves
from .parts.filters import FilterSheet, first_filters
from .parts.pace import Pace
from .parts.panels import FilterPanel, WorstPanel
from .parts.words import count, number
from .parts.worst import Example, Sample, look, sample_of

REDRAW_EVERY = 0.6  # seconds between two drawings of the curves; 0.4 cost a tenth of a small training
LOOK_EVERY = 2.0  # seconds between two looks at the weights and at the worst examples
SHARE = 0.015  # of the time, at most, for drawing curves, and the same for looking; the page draws, too
PAUSE_LOOK = 0.05  # seconds between two looks at whether a paused run was stopped
RATES = [float(f"{lead}e{power}") for power in range(-5, 1) for lead in (1, 2, 3, 5)] + [10.0]
HORIZONS = [lead * 10**power for power in range(1, 9) for lead in (1, 2, 5)]


class TrainingModel(Model):
    """What is known of a training run, without any widget.

    `curves` holds loss and accuracy as they came; `filters` the first convolution's weights, or None
    without one; `sample` and `worst` the images that the network gets most wrong, None and [] where there
    are no images or no classes. learning_rate is the running optimizer's; paused and running as they say.
    shared_range: one color range for all filters; weight: the (filter, channel, row, column) that is told
    in words; example: which of `worst` is.
    """

    controlled = ("learning_rate", "paused", "shared_range", "weight", "example")

    learning_rate = traitlets.Float(1e-3, min=0)
    paused = traitlets.Bool(False)
    running = traitlets.Bool(False)
    shared_range = traitlets.Bool(True)
    weight = traitlets.Tuple(*[traitlets.Int(min=0)] * 4, default_value=(0, 0, 0, 0))
    example = traitlets.Int(0, min=0)

    def __init__(self, **settings: Any) -> None:
        self.run: Run | None = None
        self.filters: FilterSheet | None = None
        self.sample: Sample | None = None
        self.worst: list[Example] = []
        self.curves = Curves()
        super().__init__(**settings)
        self._steps_due = 0
        self._woken = threading.Event()
        self._applied = self.learning_rate

    # Told by the dashboard -----------------------------------------------------------------------

    def start(self, run: Run) -> None:
        """A run starts: forget the one before and take over its learning rate."""
        self.curves, self.run, self.worst = Curves(), run, []
        self.paused, self.running = False, True
        self.learning_rate = self._applied = float(run.optimizer.lr)
        self.filters, self.sample = first_filters(run.model), sample_of(run)
        self.weight, self.example = self.weight, 0

    def end(self) -> None:
        self.running, self.paused = False, False
        self.look()

    def look(self) -> None:
        """Read the weights and find the worst examples; waits for the device."""
        if self.run is None:
            return
        if self.filters is not None:
            self.filters = self.filters.now(self.run.model)
        if self.sample is not None:
            self.worst = look(self.run, self.sample)

    @traitlets.validate("weight")
    def _clip_weight(self, proposal: Any) -> tuple[int, ...]:
        if self.filters is None:
            return proposal["value"]
        shape = self.filters.shown, *self.filters.weights.shape[1:]
        return tuple(min(at, size - 1) for at, size in zip(proposal["value"], shape, strict=True))

    @traitlets.validate("example")
    def _clip_example(self, proposal: Any) -> int:
        return min(proposal["value"], len(self.worst) - 1) if self.worst else proposal["value"]

    # Told by the learner -------------------------------------------------------------------------

    def stop(self) -> None:
        """Ask the run to end after its current step."""
        if self.run is not None and self.running:
            self.run.stop("the Stop button was pressed")
            self._woken.set()

    def advance(self) -> None:
        """While paused: take one more step, then be paused again. Otherwise nothing."""
        with self.lock:
            if self.running and self.paused:
                self._steps_due += 1
                self._woken.set()

    def wait_while_paused(self) -> None:
        """Block until the pause ends, a step is due or the run is stopped (or the kernel interrupted)."""
        while self.paused and self.run is not None and not self.run.stopped:
            with self.lock:
                self._woken.clear()
                if self._steps_due:
                    self._steps_due -= 1
                    return
            self._woken.wait(PAUSE_LOOK)

    @traitlets.observe("paused")
    def _pause_changed(self, change: Any) -> None:
        self._steps_due = 0
        self._woken.set()

    @traitlets.observe("learning_rate")
    def _apply_rate(self, change: Any) -> None:
        if self.run is not None and self.running:
            self.run.optimizer.lr = self._applied = self.learning_rate

    def follow_rate(self) -> None:
        """Show the rate that another callback, such as LinearDecay, has set; the learner's own goes first."""
        if self.run is not None and self.run.optimizer.lr != self._applied:
            self.learning_rate = float(self.run.optimizer.lr)

    # Told to the reader --------------------------------------------------------------------------

    def derived(self) -> dict[str, Any]:
        """How far training is, why it stopped early, and the last value of every curve that has begun."""
        run = self.run
        facts: dict[str, Any] = {"running": self.running, "stopped": "", "epoch": 0, "epochs": 0, "step": 0}
        if run is not None:
            facts |= {name: getattr(run, name) for name in ("epoch", "epochs", "step")}
            facts["stopped"] = run.stopped or ""
        return facts | {"worst": [one.index for one in self.worst]} | self.curves.last()

    def status(self) -> str:
        """Where training stands, in one sentence."""
        run = self.run
        if run is None:
            return "No training yet: pass this dashboard to fit(..., callbacks=[dashboard])."
        state = "Paused" if self.paused else "Training" if self.running else "Finished"
        if not self.running and run.stopped:
            state = f"Stopped early ({run.stopped})"
        parts = [f"{state}: epoch {run.epoch} of {run.epochs}, {count(run.step, 'step')}"]
        if "loss" in run.latest:
            parts.append(f"loss {number(run.latest['loss'])}")
        if "accuracy" in run.latest:
            parts.append(f"accuracy {_percent(run.latest['accuracy'])}")
        if "val_accuracy" in self.curves.last():
            parts.append(f"validation accuracy {_percent(self.curves.last()['val_accuracy'])}")
        return ", ".join(parts)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


class TrainingDashboard(Explorer, Callback):
    """Live curves and controls: show it, then `fit(model, ..., callbacks=[dashboard])` in the next cell."""

    model: TrainingModel

    def __init__(self, **settings: Any) -> None:
        super().__init__(TrainingModel(**settings))
        self.loss = Chart(name="loss", title="Loss", x_label="epoch")
        self.accuracy = Chart(name="accuracy", title="Accuracy in %", x_label="epoch")
        self.filters, self.worst = FilterPanel(self), WorstPanel(self)
        self.status = self.text()
        self.children = [
            self.hint(
                "Run the cell that trains, then turn the learning rate while it does; pause to look, "
                "step to see what a single step changes."
            ),
            side_by_side(*self._controls()),
            self.status,
            self.message,
            side_by_side(self.loss, self.accuracy),
            side_by_side(self.filters, self.worst, gap="12px 32px"),
        ]
        self._handles: list[Any] = []
        self._renewing = False
        self._curves_pace, self._look_pace = Pace(REDRAW_EVERY, SHARE), Pace(LOOK_EVERY, SHARE)
        self.model.observe(self.safely(self._draw_controls, "controls"), ["running", "paused"])
        self.safely(self._draw, "drawing")()
        self.safely(self._draw_looks, "pictures")()

    def _controls(self) -> list[ipywidgets.Widget]:
        self.pause = ipywidgets.ToggleButton(description="Pause", icon="pause", layout={"width": "88px"})
        self.once = ipywidgets.Button(
            description="Step", icon="step-forward", tooltip="One more step", layout={"width": "88px"}
        )
        self.stop = ipywidgets.Button(description="Stop", icon="stop", layout={"width": "88px"})
        self.tie(self.pause, "paused")
        self.once.on_click(self.safely(lambda button: self.model.advance(), "step button"))
        self.stop.on_click(self.safely(lambda button: self.model.stop(), "stop button"))
        buttons = ipywidgets.HBox([self.pause, self.once, self.stop], layout={"overflow": "visible"})
        rate = self.scale_slider("learning_rate", "Learning rate", RATES, 92)
        rate.children[0].layout.width = "206px"  # with its box no wider than a narrow page
        rate.children[1].layout.width = "66px"
        return [rate, buttons]

    # Told by fit ---------------------------------------------------------------------------------

    def on_fit_begin(self, run: Run) -> None:
        self.safely(self._begin, "begin of training")(run)

    def on_step_end(self, run: Run) -> None:
        # What was just read has waited for the device, so a look now waits for nothing else.
        with self.model.lock:
            read = self.model.curves.step(run)
        if read:
            self.model.follow_rate()
            self._draw_when_due()
        if self.model.paused:  # outside of the lock, or the button could never end the pause
            self._look_and_draw()
            self.model.wait_while_paused()

    def on_epoch_end(self, run: Run) -> None:
        self.safely(self.model.curves.epoch, "end of epoch")(run)
        self.model.follow_rate()
        self._draw_when_due()

    def on_fit_end(self, run: Run) -> None:
        self.safely(self.model.end, "end of training")()
        self.safely(self._draw, "drawing")()
        self.safely(self._draw_looks, "pictures")()
        self._renew_stills_after_the_cell()

    def _begin(self, run: Run) -> None:
        self.model.start(run)
        self.accuracy.layout.display = None if getattr(run.loss, "counts_hits", False) else "none"
        self._curves_pace.hurry()
        with self._look_pace.spending():  # a network that has learned nothing has no worst examples
            self._draw_looks()
        self._draw()

    def _draw_when_due(self) -> None:
        if self._look_pace.due():
            with self._look_pace.spending():
                self.safely(self._look, "looking")()
        if self._curves_pace.due():
            with self._curves_pace.spending():
                self.safely(self._draw, "drawing")()

    def _look_and_draw(self) -> None:
        self.safely(self._look, "looking")()
        self.safely(self._draw, "drawing")()

    # Drawing -------------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        points, status = self.model.curves.points, self.model.status()
        self.status.value = f'<div class="cnnkit-title">{html.escape(status)}</div>'
        for chart, name, scale in ((self.loss, "loss", 1), (self.accuracy, "accuracy", 100)):
            lines = [
                line(label, points[key][0], np.multiply(points[key][1], scale), dots=dots)
                for label, key, dots in (("training", name, False), ("validation", f"val_{name}", True))
            ]
            top = max([0.0, *lines[0]["y"], *lines[1]["y"]]) * 1.05 if scale == 1 else 100.0
            ranges = (0.0, self._horizon()), (0.0, top or 1.0)
            chart.show(lines, *ranges, alt=f"{chart.title} over the epochs. {status}")
        self._draw_controls()

    def _horizon(self) -> float:
        """Where the axis of epochs ends: at the last epoch, or sooner while that is far away."""
        run = self.model.run
        if run is None:
            return 1.0
        done = max([0.0, *self.model.curves.points["loss"][0]])
        return float(min(run.epochs, next(end for end in HORIZONS if end >= done)))

    def _look(self) -> None:
        self.model.look()
        self._draw_looks()

    def _draw_looks(self) -> None:
        self.filters.draw()
        self.worst.draw()

    def _draw_controls(self, change: Any = None) -> None:
        running, paused = self.model.running, self.model.paused
        self.pause.disabled = self.stop.disabled = not running
        self.once.disabled = not (running and paused)
        self.pause.description = "Resume" if paused else "Pause"
        self.pause.icon = "play" if paused else "pause"

    def remark(self) -> str:
        if self.model.running and not _answers_while_running():
            return "This kernel handles controls between cells only: the curves are live, the controls wait."
        return ""

    # Still ---------------------------------------------------------------------------------------

    def pictures(self) -> list[Any]:
        parts = [self.loss, self.accuracy, self.filters.canvas, self.worst.canvas]
        return [part for part in parts if part.layout.display != "none"]

    def describe(self) -> str:
        # The same before and after training, so that a stored notebook compares equal however it went.
        return (
            "Training dashboard: loss and accuracy while a model trains, its learning rate, pause and stop."
        )

    def caption(self) -> str:
        return self.model.status()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self._handles.append(display(self._repr_mimebundle_(), raw=True, display_id=True))

    def _renew_stills_after_the_cell(self) -> None:
        """Nothing that follows training in its cell waits for Matplotlib, which takes half a second."""
        from IPython import get_ipython

        shell = get_ipython()
        if shell is None or not self._handles or self._renewing:
            return
        self._renewing = True

        def renew(*result: Any) -> None:
            shell.events.unregister("post_run_cell", renew)
            self._renewing = False
            self.safely(self._renew_stills, "still")()

        shell.events.register("post_run_cell", renew)

    def _renew_stills(self) -> None:
        """Put the finished curves in the place of the empty ones that were stored when this was shown."""
        for handle in self._handles:
            if handle is not None:
                handle.update(self._repr_mimebundle_(), raw=True)


def _answers_while_running() -> bool:
    """Whether the kernel can handle widget messages during a cell; outside of a kernel nobody asks."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is None or bool(getattr(kernel, "_supports_kernel_subshells", False))
