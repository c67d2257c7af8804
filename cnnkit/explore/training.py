"""Explorer of notebook 08: watch a model train, turn its learning rate, pause it, stop it.

A `TrainingDashboard` is a picture and a callback of `cnnkit.fit` in one. The training cell runs in the
main thread; JupyterLab delivers what the learner does on another one (kernel subshells), so a slider moved
during training counts from the next step. Where the kernel has no subshells, the curves still grow and
the controls answer after the cell.
"""

from __future__ import annotations

import time
from typing import Any

import ipywidgets
import numpy as np
import traitlets

from ..callbacks import Callback, Run
from .parts.base import Explorer, Model
from .parts.canvas import Canvas, side_by_side
from .parts.chart import Chart, line
from .parts.colors import symmetric
from .parts.sheet import mosaic
from .parts.words import count, number

REDRAW_EVERY = 0.2  # seconds between two drawings of the curves
FILTERS_EVERY = 1.0  # seconds between two looks at the weights, which wait for the device
PAUSE_LOOK = 0.05  # seconds between two looks at the pause button
RATES = [float(f"{lead}e{power}") for power in range(-5, 0) for lead in (1, 2, 3, 5)] + [1.0]
HORIZONS = [lead * 10**power for power in range(1, 9) for lead in (1, 2, 5)]
CURVES = ("loss", "accuracy", "val_loss", "val_accuracy")


class TrainingModel(Model):
    """What is known of a training run, without any widget.

    `curves` maps loss, accuracy, val_loss, val_accuracy to ([epochs], [values]), epochs as fractions:
    1.5 is the middle of the second epoch. learning_rate is the running optimizer's; paused and
    running as they say.
    """

    controlled = ("learning_rate", "paused")

    learning_rate = traitlets.Float(1e-3, min=0)
    paused = traitlets.Bool(False)
    running = traitlets.Bool(False)

    def __init__(self) -> None:
        super().__init__()
        self.run: Run | None = None
        self.filters: np.ndarray | None = None
        self._clear()

    def _clear(self) -> None:
        self.curves: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in CURVES}
        self._seen: dict[str, float] | None = None
        self._before: tuple[int, int, dict[str, float]] = (
            0,
            0,
            {},
        )  # epoch, step in it, and the means until then

    def start(self, run: Run) -> None:
        """A run starts: forget the one before and take over its learning rate."""
        self._clear()
        self.run = run
        self.paused, self.running = False, True
        self.learning_rate = float(run.optimizer.lr)
        self.look_at_filters()

    def step(self, run: Run) -> bool:
        """Note the newest loss and accuracy; False when nothing has been read since the last call."""
        if run.latest is self._seen or not run.latest:
            return False
        self._seen = run.latest
        within = run.step - (run.epoch - 1) * run.steps_per_epoch
        epoch, start, means = self._before
        if epoch != run.epoch:
            start, means = 0, {}
        # `latest` holds means since the start of the epoch; the steps since the last look say more.
        for name, mean in run.latest.items():
            if name in self.curves and within > start:
                recent = (mean * within - means.get(name, 0.0) * start) / (within - start)
                self._add(name, run.step / run.steps_per_epoch, recent)
        self._before = (run.epoch, within, run.latest)
        return True

    def epoch(self, run: Run) -> None:
        """Note what was measured on the validation set."""
        row = run.history.rows[-1]
        for name in ("val_loss", "val_accuracy"):
            if name in row:
                self._add(name, float(row["epoch"]), row[name])

    def end(self) -> None:
        self.running, self.paused = False, False
        self.look_at_filters()

    def stop(self) -> None:
        """Ask the run to end after its current step."""
        if self.run is not None and self.running:
            self.run.stop("the Stop button was pressed")

    def wait_while_paused(self) -> None:
        """Block until the pause ends or the run is stopped (also by interrupting the kernel)."""
        while self.paused and self.run is not None and not self.run.stopped:
            time.sleep(PAUSE_LOOK)

    def look_at_filters(self) -> None:
        """Read the first convolution's weights into `filters` (K, R, S), their mean over the channels."""
        layers = self.run.model.layers if self.run is not None else []
        weights = (layer.w.value for layer in layers if hasattr(layer, "w") and len(layer.w.value.shape) == 4)
        first = next(weights, None)
        self.filters = None if first is None else first.get().mean(axis=1)

    @traitlets.observe("learning_rate")
    def _apply_rate(self, change: Any) -> None:
        if self.run is not None and self.running:
            self.run.optimizer.lr = self.learning_rate

    def _add(self, name: str, at: float, value: float) -> None:
        epochs, values = self.curves[name]
        epochs.append(at)
        values.append(float(value))

    def derived(self) -> dict[str, Any]:
        """How far training is, why it stopped early, and the last value of every curve that has begun."""
        run = self.run
        facts: dict[str, Any] = {"running": self.running, "stopped": "", "epoch": 0, "epochs": 0, "step": 0}
        if run is not None:
            facts |= {name: getattr(run, name) for name in ("epoch", "epochs", "step")}
            facts["stopped"] = run.stopped or ""
        return facts | {name: values[-1] for name, (_, values) in self.curves.items() if values}

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
        if self.curves["val_accuracy"][1]:
            parts.append(f"validation accuracy {_percent(self.curves['val_accuracy'][1][-1])}")
        return ", ".join(parts)


def _nearest_rate(rate: float) -> float:
    """The slider's position for a learning rate: nearest on the logarithmic scale."""
    return min(RATES, key=lambda known: abs(np.log(known) - np.log(max(rate, 1e-12))))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


class TrainingDashboard(Explorer, Callback):
    """Live curves and controls: show it, then `fit(model, ..., callbacks=[dashboard])` in the next cell."""

    model: TrainingModel

    def __init__(self) -> None:
        super().__init__(TrainingModel())
        self.loss = Chart(name="loss", title="Loss", x_label="epoch")
        self.accuracy = Chart(name="accuracy", title="Accuracy in %", x_label="epoch")
        self.filters = Canvas(name="filters", width=170, interactive=False)
        self.status = self.text()
        self.children = [
            side_by_side(*self._controls()),
            self.status,
            self.message,
            side_by_side(self.loss, self.accuracy, self.filters),
        ]
        self._handles: list[Any] = []
        self._drawn = self._filters_drawn = 0.0
        self.model.observe(self.safely(self._draw_controls, "controls"), ["running", "paused"])
        self.safely(self._draw, "drawing")()

    def _controls(self) -> list[ipywidgets.Widget]:
        # Not a FloatLogSlider: that one rounds the optimizer's own rate to its grid and sends it back.
        rate = ipywidgets.SelectionSlider(
            description="Learning rate",
            options=[(number(rate), rate) for rate in RATES],
            readout=False,
            style={"description_width": "90px"},
            layout={"width": "290px"},
        )
        box = ipywidgets.BoundedFloatText(
            value=1e-3,
            min=0,
            max=10,
            step=None,
            tooltip="Learning rate as a number",
            layout={"width": "90px"},
        )
        self.pause = ipywidgets.ToggleButton(description="Pause", icon="pause", layout={"width": "110px"})
        self.stop = ipywidgets.Button(description="Stop", icon="stop", layout={"width": "110px"})
        self.tie(self.pause, "paused")
        self.stop.on_click(self.safely(lambda button: self.model.stop(), "stop button"))
        rates = ipywidgets.HBox(
            [self.tie(rate, "learning_rate", _nearest_rate), self.tie(box, "learning_rate")]
        )
        return [rates, ipywidgets.HBox([self.pause, self.stop])]

    # Told by fit ---------------------------------------------------------------------------------

    def on_fit_begin(self, run: Run) -> None:
        self.safely(self._begin, "begin of training")(run)

    def on_step_end(self, run: Run) -> None:
        if self.model.step(run) and time.perf_counter() - self._drawn > REDRAW_EVERY:
            self.safely(self._draw, "drawing")()
        if self.model.paused:  # outside of the lock, or the button could never end the pause
            self.safely(self._draw, "drawing")()
            self.model.wait_while_paused()

    def on_epoch_end(self, run: Run) -> None:
        self.safely(self.model.epoch, "end of epoch")(run)

    def on_fit_end(self, run: Run) -> None:
        self.safely(self.model.end, "end of training")()
        self.safely(self._draw, "drawing")()
        self.safely(self._renew_stills, "still")()

    def _begin(self, run: Run) -> None:
        self.model.start(run)
        self.accuracy.layout.display = None if getattr(run.loss, "counts_hits", True) else "none"
        self._drawn = self._filters_drawn = 0.0
        self._draw()

    # Drawing -------------------------------------------------------------------------------------

    def _draw(self, change: Any = None) -> None:
        model, curves = self.model, self.model.curves
        status = model.status()
        self.status.value = f'<div class="cnnkit-title">{status}</div>'
        for chart, name, scale in ((self.loss, "loss", 1), (self.accuracy, "accuracy", 100)):
            lines = [
                line(label, curves[key][0], np.multiply(curves[key][1], scale), dots=dots)
                for label, key, dots in (("training", name, False), ("validation", f"val_{name}", True))
            ]
            top = max([0.0, *lines[0]["y"], *lines[1]["y"]]) * 1.05 if scale == 1 else 100.0
            ranges = (0.0, self._horizon()), (0.0, top or 1.0)
            chart.show(lines, *ranges, alt=f"{chart.title} over the epochs. {status}")
        now = time.perf_counter()
        if not model.running or now - self._filters_drawn > FILTERS_EVERY:
            self._draw_filters()
            self._filters_drawn = now
        self._draw_controls()
        self._drawn = time.perf_counter()

    def _horizon(self) -> float:
        """Where the axis of epochs ends: at the last epoch, or sooner while that is far away."""
        run = self.model.run
        if run is None:
            return 1.0
        done = max([0.0, *self.model.curves["loss"][0]])
        return float(min(run.epochs, next(end for end in HORIZONS if end >= done)))

    def _draw_filters(self) -> None:
        if self.model.running:
            self.model.look_at_filters()
        filters = self.model.filters
        self.filters.layout.display = "none" if filters is None else None
        if filters is None:
            return
        title = f"First layer: {count(len(filters), 'filter')}"
        self.filters.show(mosaic(filters), *symmetric(filters), colors="diverging", title=title)
        self.filters.alt = self.filters.describe(title)

    def _draw_controls(self, change: Any = None) -> None:
        self.pause.disabled = self.stop.disabled = not self.model.running
        self.pause.description = "Resume" if self.model.paused else "Pause"
        self.pause.icon = "play" if self.model.paused else "pause"

    def remark(self) -> str:
        if self.model.running and not _answers_while_running():
            return "This kernel handles controls between cells only: the curves are live, the controls wait."
        return ""

    # Still ---------------------------------------------------------------------------------------

    def pictures(self) -> list[Any]:
        seen = [self.loss]
        if self.accuracy.layout.display != "none":
            seen.append(self.accuracy)
        return [*seen, self.filters] if self.model.filters is not None else seen

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
