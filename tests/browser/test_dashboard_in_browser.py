"""The training dashboard's steps, filters and worst examples in JupyterLab, against a training of our own.

Training gives the same bits everywhere on one device, so what the page shows after a number of steps is
known here.
"""

from __future__ import annotations

import pytest
from jupyter_in_browser import CELL
from looking import CONTRAST, OVERFLOW, keep_screenshot, picture, point_at, wait_for_picture, wait_for_text

import cnnkit
from cnnkit.explore import TrainingDashboard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SHOW = """
import cnnkit
from cnnkit.explore import TrainingDashboard

dashboard = TrainingDashboard()
dashboard
"""
TRAIN = """
class PauseAt(cnnkit.Callback):
    "Presses pause at a step, before the dashboard is told of it."
    def __init__(self, step):
        self.step = step
    def on_step_end(self, run):
        if run.step == self.step:
            dashboard.model.paused = True

train, test = cnnkit.data.digits()
model = cnnkit.models.small_cnn((1, 8, 8), 10, seed=0)
history = cnnkit.fit(
    model, train, test, epochs=60, callbacks=[PauseAt(30), dashboard], progress=False
)
print(history.stopped)
"""
DENSE = """
import numpy as np
x = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
model = cnnkit.Sequential(cnnkit.Linear(3, 1), seed=0)
history = cnnkit.fit(
    model, (x, x[:, :1]), epochs=30, loss=cnnkit.MSELoss(), callbacks=[dashboard], progress=False
)
"""


class StopAt(cnnkit.Callback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, run):
        if run.step == self.step:
            run.stop()


def dashboard_after(steps: int) -> TrainingDashboard:
    """What the dashboard of the page has to show after that many steps."""
    train, test = cnnkit.data.digits()
    dashboard, model = TrainingDashboard(), cnnkit.models.small_cnn((1, 8, 8), 10, seed=0)
    cnnkit.fit(model, train, test, epochs=60, callbacks=[dashboard, StopAt(steps)], progress=False)
    return dashboard


def wait_for_both(page, dashboard: TrainingDashboard) -> None:
    for panel in (dashboard.filters, dashboard.worst):
        colors = panel.canvas.rgba()
        wait_for_picture(page, panel.canvas.name, colors * (colors[..., 3:] > 0))  # gaps read as black


def test_it_steps_and_shows_filters_and_worst_examples(open_notebook):
    notebook = open_notebook(SHOW, TRAIN, height=1400)
    page = notebook.page
    notebook.run_all(wait=False)
    wait_for_text(page, ".cnnkit-words", "Paused: epoch 2 of 60, 30 steps")
    wait_for_both(page, dashboard_after(30))

    page.get_by_role("button", name="Step").click()
    wait_for_text(page, ".cnnkit-words", "Paused: epoch 2 of 60, 31 steps")
    page.get_by_role("button", name="Step").press("Enter")
    wait_for_text(page, ".cnnkit-words", "Paused: epoch 2 of 60, 32 steps")
    expected = dashboard_after(32)
    wait_for_both(page, expected)

    # The mouse over the third image of the second row, then the arrow keys to its neighbor on the right.
    shape = expected.worst.canvas.values.shape
    for keys, at in (([], 6), (["ArrowRight"] * 9, 7)):
        if not keys:
            point_at(page, "worst", 9 + 4, 2 * 9 + 4, shape)
        else:
            page.mouse.move(5, 5)
            page.locator(f"{picture('worst')} .cnnkit-stage").focus()
            for key in keys:
                page.keyboard.press(key)
        expected.model.example = at
        sentence = expected.model.sample.sentence(expected.model.worst[at])
        wait_for_text(page, ".cnnkit-words", sentence.replace("(", r"\(").replace(")", r"\)"))
        row = page.locator(".cnnkit-words tr.cnnkit-here").inner_text().split()
        assert row[0] == str(expected.model.worst[at].index)
    keep_screenshot(page, "dashboard_paused")

    place = (5, 0, 1, 2)
    corner = expected.model.filters.corner(*place[:2])
    at = corner[0] + place[2], corner[1] + place[3]
    point_at(page, "filters", *at, expected.filters.canvas.values.shape)
    told = wait_for_text(page, ".cnnkit-words", "Filter 5, row 1, column 2")
    assert expected.model.filters.sentence(place) in told
    page.get_by_label("same color range for all").press("Space")
    expected.model.shared_range = False
    wait_for_both(page, expected)
    wait_for_text(page, f"{picture('filters')} .cnnkit-caption", "its own largest weight")

    page.get_by_role("button", name="Stop").click()
    wait_for_text(page, f"{CELL}:nth-child(2) .jp-OutputArea-output", "Stop button")
    assert page.get_by_role("button", name="Step").is_disabled()
    assert notebook.complaints == []


def test_what_makes_no_sense_is_not_shown(open_notebook):
    """No classes, no images, no filters: the loss alone."""
    notebook = open_notebook(SHOW, DENSE)
    page = notebook.page
    notebook.run_all()
    wait_for_text(page, ".cnnkit-words", "Finished: epoch 30 of 30")
    hidden = [picture("filters"), picture("worst"), ".cnnkit-chart[data-name=accuracy]"]
    for selector in hidden:
        assert not page.locator(selector).is_visible(), selector
    assert page.locator(".cnnkit-chart[data-name=loss]").is_visible()
    assert page.locator("[role=alert]").count() == 0
    keep_screenshot(page, "dashboard_dense")
    assert notebook.complaints == []


FINISHED = """
train, test = cnnkit.data.digits()
model = cnnkit.models.small_cnn((1, 8, 8), 10, seed=0)
history = cnnkit.fit(model, train, test, epochs=2, callbacks=[dashboard], progress=False)
"""


def test_after_training_it_is_legible_in_the_dark_and_at_400_pixels(open_notebook, dark_theme):
    notebook = open_notebook(SHOW, FINISHED, width=400, height=2200)
    page = notebook.page
    page.keyboard.press("Control+b")  # the list of files takes half of a narrow page
    notebook.run_all()
    wait_for_text(page, ".cnnkit-words", "Finished: epoch 2 of 2")
    root = page.locator(".cnnkit-explorer").first
    page.wait_for_timeout(500)
    keep_screenshot(page, "dashboard_narrow")
    parts = ".cnnkit-part, .cnnkit-stage, .cnnkit-table, .widget-slider, button, input"
    assert root.evaluate(OVERFLOW, parts) == []
    texts = ".cnnkit-title, .cnnkit-caption, .cnnkit-note, .cnnkit-table td, .cnnkit-table th, summary"
    assert root.evaluate(CONTRAST, texts) == []
    assert notebook.complaints == []
