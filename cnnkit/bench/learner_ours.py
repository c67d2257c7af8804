"""A process of `time_to`: train cnnkit on MNIST until the test accuracy is reached, then print the steps.

python -m cnnkit.bench.learner_ours FOLDER GOAL LIMIT
"""

from __future__ import annotations

import sys

from .. import Adam, Callback, evaluate, fit
from ..callbacks import Run
from ..data import Dataset, mnist
from ..models import small_cnn

BATCH, RATE, EVERY = 64, 2e-3, 200  # images a step, Adam's learning rate, steps between two exams


class UntilGoal(Callback):
    """Hold an exam every 200 steps and stop training when it is passed."""

    def __init__(self, exam: Dataset, goal: float, limit: int) -> None:
        self.exam, self.goal, self.limit, self.accuracy = exam, goal, limit, 0.0

    def on_step_end(self, run: Run) -> None:
        if run.step % EVERY == 0:
            self.accuracy = evaluate(run.model, self.exam)["accuracy"]
            if self.accuracy >= self.goal or run.step >= self.limit:
                self.steps = run.step
                run.stop("the goal is reached")


def main(folder: str, goal: float, limit: int) -> None:
    """Train, and print "STEPS ACCURACY" as the last line."""
    learn, exam = mnist(folder)
    until = UntilGoal(exam, goal, limit)
    model = small_cnn((1, 28, 28), 10)
    fit(model, learn, epochs=100, batch_size=BATCH, optimizer=Adam(RATE), callbacks=[until], progress=False)
    print(until.steps, until.accuracy)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
