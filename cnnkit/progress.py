"""The progress bar of a training run."""

from __future__ import annotations

from typing import Any

from .callbacks import Run
from .interrupts import whole


class Bar:
    """The progress bar over all epochs."""

    def __init__(self, run: Run, shown: bool, already: int) -> None:
        from tqdm.auto import tqdm

        self.run = run
        total, done = run.epochs * run.steps_per_epoch, already * run.steps_per_epoch
        self.bar = tqdm(total=total, initial=done, disable=not shown, unit="step", dynamic_ncols=True)
        self.validation = ""

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *error: object) -> None:
        with whole():  # the bar takes a lock of all bars, which must not stay taken
            self.bar.close()

    def update(self, step: int, images_per_second: float) -> None:
        if self.bar.disable:
            return
        latest = self.run.latest
        words = [f"epoch {self.run.epoch}/{self.run.epochs}", f"loss {latest['loss']:.3f}"]
        if "accuracy" in latest:
            words.append(f"accuracy {latest['accuracy']:.1%}")
        words += [self.validation] if self.validation else []
        with whole():
            self.bar.set_postfix_str(", ".join([*words, f"{images_per_second:,.0f} images/s"]), refresh=False)
            self.bar.update((self.run.epoch - 1) * self.run.steps_per_epoch + step - self.bar.n)

    def epoch_done(self, row: dict[str, Any]) -> None:
        if "val_accuracy" in row:
            self.validation = f"validation {row['val_accuracy']:.1%}"
        elif "val_loss" in row:
            self.validation = f"validation loss {row['val_loss']:.3f}"
