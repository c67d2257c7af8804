"""Every explorer in JupyterLab and Chromium, by mouse and by keyboard, against plain NumPy.

Each test waits for the right picture, not for a change; the pictures are read back from the browser's
canvas. Set CNNKIT_SCREENSHOTS to a folder to keep a screenshot of every explorer.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from jupyter_in_browser import CELL
from looking import (
    keep_screenshot,
    picture,
    point_at,
    slider,
    wait_for_picture,
    wait_for_text,
    wait_for_value,
)

import cnnkit
from cnnkit.explore.parts import colors, presets
from cnnkit.explore.parts.words import number

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

FILTER = "from cnnkit.explore import FilterExplorer\nexplorer = FilterExplorer()\nexplorer"
PIPELINE = "from cnnkit.explore import PipelineExplorer\nexplorer = PipelineExplorer()\nexplorer"
DASHBOARD = (
    "import cnnkit\nfrom cnnkit.explore import TrainingDashboard\n"
    "train, test = cnnkit.data.digits()\ndashboard = TrainingDashboard()\ndashboard"
)
TRAIN = """
model = cnnkit.Sequential(
    cnnkit.Conv2d(1, 8, 3, padding=1), cnnkit.ReLU(), cnnkit.Flatten(), cnnkit.Linear(512, 10), seed=0
)
rates = []
class Rates(cnnkit.Callback):
    def on_step_end(self, run):
        rates.append(run.optimizer.lr)
history = cnnkit.fit(
    model, train, test, epochs=500, optimizer=cnnkit.SGD(0.003),
    callbacks=[dashboard, Rates()], progress=False,
)
print(history.stopped, rates[0], rates[-1])
"""


@pytest.fixture(scope="module")
def photo():
    return cnnkit.data.photo()[0, 0].astype(np.float64)


def correlate(image, weights, stride=1, padding=0):
    """The definition of the filter explorer's result."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, padding), weights.shape)
    return (windows[::stride, ::stride] * weights).sum(axis=(2, 3))


def absolute(result: np.ndarray, high: float) -> np.ndarray:
    """The filter explorer's absolute view with the photo's color range."""
    return colors.paint(np.abs(result), "gray", 0, high)


def test_filter_by_keyboard_mouse_and_typing(open_notebook, photo):
    notebook = open_notebook(
        FILTER, "print(explorer.model.stride, explorer.model.padding, explorer.model.preset)"
    )
    page, edges, high = notebook.page, presets.edges(3), photo.max()
    notebook.run_all()
    wait_for_picture(page, "result", absolute(correlate(photo, edges), high))
    keep_screenshot(page, "filter")

    slider(page, "Stride").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    wait_for_picture(page, "result", absolute(correlate(photo, edges, 3), high))
    page.keyboard.press("ArrowLeft")
    wait_for_picture(page, "result", absolute(correlate(photo, edges, 2), high))

    slider(page, "Padding").scroll_into_view_if_needed()
    handle = slider(page, "Padding").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(handle["x"] + 60, handle["y"] + 5, steps=12)
    page.mouse.up()
    page.wait_for_timeout(500)
    padding = int(page.get_by_label("Padding as a number").input_value())
    assert padding > 0
    wait_for_picture(page, "result", absolute(correlate(photo, edges, 2, padding), high))

    box = page.get_by_label("Padding as a number")
    box.fill("1")
    box.press("Enter")
    weight = page.get_by_label("Filter weights: row 2, column 2")
    weight.fill("9")
    custom = edges + 1.0 * (edges == 8)
    wait_for_picture(page, "result", absolute(correlate(photo, custom, 2, 1), high))
    assert page.get_by_label("Filter", exact=True).input_value() == "custom"

    page.get_by_role("button", name="signed").press("Enter")
    signed = colors.paint(correlate(photo, custom, 2, 1), "diverging", -high, high)
    wait_for_picture(page, "result", signed)
    notebook.run_cell(1)
    wait_for_text(page, f"{CELL}:nth-child(2) .jp-OutputArea-output", "2 1 custom")
    assert notebook.complaints == []


def test_filter_hover_and_arrow_keys_write_out_the_arithmetic(open_notebook, photo):
    notebook = open_notebook(FILTER)
    page, edges = notebook.page, presets.edges(3)
    notebook.run_all()
    result = correlate(photo, edges)
    wait_for_picture(page, "result", absolute(result, photo.max()))

    row, column = 40, 200
    point_at(page, "result", row, column, result.shape)
    arithmetic = wait_for_text(page, ".cnnkit-words", rf"row {row}, column {column}\)")
    patch = photo[row : row + 3, column : column + 3]
    products = " + ".join(f"{number(p)}·{'8' if i == 4 else '(−1)'}" for i, p in enumerate(patch.ravel()))
    assert f"{products} = {number(result[row, column])}" in arithmetic
    assert f"sum = {number(result[row, column])}" in arithmetic
    readout = page.locator(f"{picture('result')} .cnnkit-readout").inner_text()
    assert readout == f"row {row}, column {column}: {number(abs(result[row, column]))}"

    # The window lies in the photo where the definition reads: three pixels from (row, column) on.
    window = page.locator(f"{picture('photo')} .cnnkit-window").bounding_box()
    frame = page.locator(f"{picture('photo')} .cnnkit-overlay").bounding_box()
    scale = frame["width"] / photo.shape[1]
    assert (window["x"] - frame["x"]) / scale == pytest.approx(column, abs=0.1)
    assert (window["y"] - frame["y"]) / scale == pytest.approx(row, abs=0.1)
    assert window["width"] / scale == pytest.approx(3, abs=0.1)

    page.mouse.move(5, 5)
    page.locator(f"{picture('result')} .cnnkit-stage").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    row, column = row + 1 - 10, column + 2
    arithmetic = wait_for_text(page, ".cnnkit-words", rf"row {row}, column {column}\)")
    assert f"sum = {number(result[row, column])}" in arithmetic

    page.locator(f"{picture('result')} summary").press("Enter")
    table = wait_for_text(page, f"{picture('result')} .cnnkit-table", r"\d")
    assert number(abs(result[row - 3, column - 3])) in table
    keep_screenshot(page, "filter_hover")
    assert notebook.complaints == []


def test_an_impossible_setting_is_explained_in_the_page(open_notebook, photo):
    notebook = open_notebook(FILTER)
    page = notebook.page
    notebook.run_all()
    page.get_by_role("button", name="7×7").click()
    wait_for_picture(page, "result", absolute(correlate(photo, presets.edges(7)), photo.max()))
    box = page.get_by_label("Dilation as a number")
    box.fill("60")
    box.press("Enter")
    reason = wait_for_text(page, "[role=alert]", "361 pixels")
    assert "300 rows" in reason and "Try a smaller filter" in reason
    keep_screenshot(page, "filter_impossible")
    box.fill("1")
    box.press("Enter")
    wait_for_picture(page, "result", absolute(correlate(photo, presets.edges(7)), photo.max()))
    page.locator("[role=alert]").wait_for(state="detached")
    assert notebook.complaints == []


def test_thirty_quick_keys_end_on_the_right_picture(open_notebook, photo):
    notebook = open_notebook(FILTER)
    page = notebook.page
    notebook.run_all()
    slider(page, "Padding").focus()
    for key in ["ArrowRight"] * 8 + ["ArrowLeft"] * 8 + ["ArrowRight"] * 8 + ["ArrowLeft"] * 6:
        page.keyboard.press(key)
    wait_for_picture(page, "result", absolute(correlate(photo, presets.edges(3), 1, 2), photo.max()), 5)
    page.wait_for_timeout(500)  # nothing older may arrive after it
    wait_for_picture(page, "result", absolute(correlate(photo, presets.edges(3), 1, 2), photo.max()), 1)
    assert page.get_by_label("Padding as a number").input_value() == "2"
    assert notebook.complaints == []


def test_keys_stay_inside(open_notebook):
    notebook = open_notebook(FILTER, "1 + 1")
    page = notebook.page
    notebook.run_all()
    slider(page, "Stride").wait_for()
    for target in (slider(page, "Stride"), page.locator(f"{picture('result')} .cnnkit-stage")):
        target.focus()
        page.keyboard.press("d")
        page.keyboard.press("d")
    page.wait_for_timeout(300)
    assert page.locator(CELL).count() == 2  # "d d" deletes a cell elsewhere
    assert notebook.complaints == []


def test_ctrl_s_in_a_number_box_saves_the_notebook(open_notebook):
    notebook = open_notebook(FILTER)
    page = notebook.page
    notebook.run_all()
    page.locator(".jp-DocumentWidget-dirty, .lm-TabBar-tab.jp-mod-dirty").first.wait_for(state="attached")
    for label in ("Stride as a number", "Filter weights: row 1, column 1"):
        box = page.get_by_label(label)
        box.fill("2")
        box.press("Enter")
        with notebook.saving():
            box.press("Control+s")
    assert page.get_by_label("Stride as a number").input_value() == "2"
    assert notebook.complaints == []


def test_pipeline_stages_are_right_and_linked(open_notebook, photo):
    notebook = open_notebook(PIPELINE)
    page = notebook.page
    notebook.run_all()

    def stages(kind):
        filtered = correlate(photo, presets.edges(3), 1, 1)
        blocks = np.maximum(filtered, 0).reshape(150, 2, 150, 2)
        pooled = blocks.max(axis=(1, 3)) if kind == "max" else blocks.mean(axis=(1, 3))
        return filtered, np.maximum(filtered, 0), pooled

    filtered, activated, pooled = stages("max")
    low, high = colors.symmetric(filtered, 0.99)
    for name, stage in (("filtered", filtered), ("activated", activated), ("pooled", pooled)):
        wait_for_picture(page, name, colors.paint(stage, "diverging", low, high))
    keep_screenshot(page, "pipeline")

    point_at(page, "pooled", 30, 80, pooled.shape)
    text = wait_for_text(page, ".cnnkit-words", r"Pooled pixel \(row 30, column 80\)")
    assert f"largest = {number(pooled[30, 80])}" in text and "4 × 4 pixels" in text
    for name, size in (("photo", 4), ("filtered", 2), ("activated", 2), ("pooled", 1)):
        mark = page.locator(f"{picture(name)} .cnnkit-window").bounding_box()
        frame = page.locator(f"{picture(name)} .cnnkit-overlay").bounding_box()
        count = 150 if name == "pooled" else 300
        assert mark["width"] / frame["width"] * count == pytest.approx(size, abs=0.1), name

    page.get_by_role("button", name="average pooling").press("Enter")
    wait_for_picture(page, "pooled", colors.paint(stages("average")[2], "diverging", low, high))
    wait_for_text(page, ".cnnkit-words", "mean = ")
    assert notebook.complaints == []


def test_dashboard_changes_the_rate_pauses_resumes_and_stops(open_notebook):
    notebook = open_notebook(DASHBOARD, TRAIN)
    page = notebook.page
    notebook.run_all(wait=False)
    wait_for_text(page, ".cnnkit-words", "Training: epoch [2-9]")
    rate = slider(page, "Learning rate")
    rate.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    wait_for_value(page, "Learning rate as a number", "0.01")

    page.get_by_role("button", name="Pause").click()
    wait_for_text(page, ".cnnkit-words", "Paused")
    points = page.locator(".cnnkit-chart[data-name=loss]").get_attribute("data-points")
    page.wait_for_timeout(800)
    assert page.locator(".cnnkit-chart[data-name=loss]").get_attribute("data-points") == points
    page.get_by_role("button", name="Resume").press("Enter")
    wait_for_text(page, ".cnnkit-words", "Training: epoch")
    wait_for_more_points(page, points)
    keep_screenshot(page, "dashboard")

    page.get_by_role("button", name="Stop").click()
    wait_for_text(page, ".cnnkit-words", "Stopped early")
    text = wait_for_text(page, f"{CELL}:nth-child(2) .jp-OutputArea-output", "Stop button")
    assert "0.003 0.01" in text
    assert notebook.complaints == []


def wait_for_more_points(page, points: str) -> None:
    for _ in range(200):
        if page.locator(".cnnkit-chart[data-name=loss]").get_attribute("data-points") != points:
            return
        page.wait_for_timeout(50)
    raise AssertionError("the curve does not grow")


TRAIN_BESIDE = """
import pathlib, cnnkit
train, test = cnnkit.data.digits()

class Until(cnnkit.Callback):
    "Ends training at a given step, or when the file `enough` appears."
    def __init__(self, step=None):
        self.step = step
    def on_step_end(self, run):
        if run.step == self.step or (self.step is None and pathlib.Path("enough").exists()):
            self.step = run.step
            run.stop("enough")

def trained(until):
    model = cnnkit.Sequential(
        cnnkit.Conv2d(1, 8, 3, padding=1), cnnkit.ReLU(), cnnkit.Flatten(), cnnkit.Linear(512, 10), seed=0
    )
    cnnkit.fit(model, train, epochs=10_000, callbacks=[until], progress=False)
    return model

disturbed = Until()
first = trained(disturbed)
"""
TRAIN_AGAIN = """
second = trained(Until(disturbed.step))
same = all((a.value.get() == b.value.get()).all() for a, b in zip(first.parameters, second.parameters))
print(disturbed.step, "steps, same bits:", same)
"""


def test_a_slider_dragged_while_a_cell_trains_leaves_both_right(open_notebook, lab, photo):
    notebook = open_notebook(FILTER, TRAIN_BESIDE, TRAIN_AGAIN)
    page = notebook.page
    notebook.run_all(wait=False)
    edges, high = presets.edges(3), photo.max()
    wait_for_picture(page, "result", absolute(correlate(photo, edges), high), 60)
    training = page.locator(CELL).nth(1).locator(".jp-InputPrompt")
    page.wait_for_timeout(1500)
    assert "*" in training.inner_text()

    slider(page, "Stride").scroll_into_view_if_needed()
    handle = slider(page, "Stride").bounding_box()
    middle = handle["y"] + handle["height"] / 2
    page.mouse.move(handle["x"] + handle["width"] / 2, middle)
    page.mouse.down()
    ended = time.monotonic() + 4
    while time.monotonic() < ended:
        for offset in (30, 60, 90, 60, 30):
            page.mouse.move(handle["x"] + offset, middle, steps=4)
    page.mouse.up()
    page.wait_for_timeout(500)
    stride = int(page.get_by_label("Stride as a number").input_value())
    assert stride > 1
    wait_for_picture(page, "result", absolute(correlate(photo, edges, stride), high))
    slider(page, "Padding").focus()
    page.keyboard.press("ArrowRight")
    wait_for_picture(page, "result", absolute(correlate(photo, edges, stride, 1), high))
    assert "*" in training.inner_text()  # all of this happened while the cell was training

    (lab.root / "enough").touch()
    try:
        text = wait_for_text(page, f"{CELL}:nth-child(3) .jp-OutputArea-output", "same bits")
    finally:
        (lab.root / "enough").unlink()
    assert "same bits: True" in text
    assert notebook.complaints == []
