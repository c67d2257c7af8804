"""The curves of a training run, from what its callbacks are told."""

from __future__ import annotations

from ...callbacks import Run

NAMES = ("loss", "accuracy", "val_loss", "val_accuracy")


class Curves:
    """`points` maps loss, accuracy, val_loss, val_accuracy to ([epochs], [values]).

    Epochs are fractions: 1.5 is the middle of the second epoch.
    """

    def __init__(self) -> None:
        self.points: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in NAMES}
        self._seen: dict[str, float] | None = None
        # epoch, step in it and the means since the epoch's start, at the last look
        self._before: tuple[int, int, dict[str, float]] = (0, 0, {})

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
            if name in self.points and within > start:
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

    def last(self) -> dict[str, float]:
        """The last value of every curve that has begun."""
        return {name: values[-1] for name, (_, values) in self.points.items() if values}

    def _add(self, name: str, at: float, value: float) -> None:
        epochs, values = self.points[name]
        epochs.append(at)
        values.append(float(value))
