"""The backprop explorer in JupyterLab and Chromium: gradients, their sums, a nudge by hand."""

from __future__ import annotations

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

from cnnkit.explore.parts import colors

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

EXPLORER = "from cnnkit.explore import BackpropExplorer\nexplorer = BackpropExplorer({})\nexplorer"
COUNTING = EXPLORER.format('example="0, 1, 2, …"')
X, W = np.arange(9.0).reshape(3, 3), np.arange(4.0).reshape(2, 2)
DX, DW = np.array([[0.0, 1, 1], [2, 6, 4], [2, 5, 3]]), np.array([[8.0, 12], [20, 24]])


def own_range(values):
    return colors.paint(values, "diverging", *colors.symmetric(values))


def written(page, name):
    """The numbers in the pixels of a picture."""
    return page.locator(f"{picture(name)} .cnnkit-numbers").get_attribute("data-texts").split()


# (row, column, height, width) of the only marked window, in shares of the picture.
WINDOW = """figure => {
    const frame = figure.querySelector('.cnnkit-overlay').getBoundingClientRect();
    const boxes = [...figure.querySelectorAll('.cnnkit-window')].map(box => box.getBoundingClientRect());
    if (boxes.length !== 1) return [];
    const [box] = boxes;
    const corner = [(box.y - frame.y) / frame.height, (box.x - frame.x) / frame.width];
    return [...corner, box.height / frame.height, box.width / frame.width];
}"""


def wait_for_mark(page, name, shape, expected):
    """Until one window is marked in a picture of `shape`, at (row, column, height, width) `expected`."""
    for _ in range(200):
        found = page.locator(picture(name)).evaluate(WINDOW)
        if found and np.allclose(found * np.tile(shape, 2), expected, atol=0.1):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{name} has its mark at {found}, not at {expected} of {shape}")


def test_gradients_are_right_and_their_sums_written_out(open_notebook):
    notebook = open_notebook(COUNTING, "print(explorer.state()['dw'], explorer.model.focus)", height=1300)
    page = notebook.page
    notebook.run_all()
    y = np.array([[19.0, 25], [37, 43]])
    for name, values in (("x", X), ("w", W), ("y", y), ("dx", DX), ("dw", DW), ("g", np.ones((2, 2)))):
        wait_for_picture(page, name, own_range(values))
        assert written(page, name) == [f"{value:.0f}" for value in values.ravel()]

    point_at(page, "x", 1, 1, X.shape)
    text = wait_for_text(page, ".cnnkit-words", r"dx\[1, 1\]: 4 outputs read this pixel")
    assert "1·3 + 1·2 + 1·1 + 1·0 = 6" in text
    wait_for_mark(page, "y", y.shape, [0, 0, 2, 2])
    wait_for_mark(page, "g", y.shape, [0, 0, 2, 2])
    keep_screenshot(page, "backprop_pixel")

    page.mouse.move(5, 5)
    page.locator(f"{picture('dw')} .cnnkit-stage").focus()
    for key in ("ArrowUp", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    text = wait_for_text(page, ".cnnkit-words", r"dw\[0, 1\]: this weight meets 4 pixels")
    assert "1·1 + 2·1 + 4·1 + 5·1 = 12" in text
    wait_for_mark(page, "x", X.shape, [0, 1, 2, 2])
    wait_for_mark(page, "dx", X.shape, [0, 1, 2, 2])

    page.get_by_role("button", name="Nudge it").press("Enter")
    text = wait_for_text(page, ".cnnkit-words", "Moved w")
    assert "L goes from 124 to 125.2. Change / step = 12; the gradient says dw[0, 1] = 12." in text
    keep_screenshot(page, "backprop_nudge")
    notebook.run_cell(1)
    wait_for_text(
        page, f"{CELL}:nth-child(2) .jp-OutputArea-output", r"\[\[8.0, 12.0\], \[20.0, 24.0\]\] \('w', 0, 1\)"
    )
    assert notebook.complaints == []


def test_controls_by_mouse_and_keyboard_and_an_impossible_setting(open_notebook):
    notebook = open_notebook(EXPLORER.format(""), height=1300)
    page = notebook.page
    notebook.run_all()
    page.locator(picture("dx")).wait_for()
    keep_screenshot(page, "backprop")
    page.get_by_label("Numbers", exact=True).select_option("bright bar")
    edge = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    wait_for_picture(page, "w", own_range(edge))

    # The one output that is pointed at gets the gradient 1: the filter is stamped into dx.
    point_at(page, "y", 3, 2, (4, 4))
    stamped = np.zeros((6, 6))
    stamped[3:6, 2:5] = edge
    wait_for_picture(page, "dx", own_range(stamped))

    page.get_by_label("Filter weights: row 2, column 2").fill("5")
    stamped[4, 3] = 5
    wait_for_picture(page, "dx", own_range(stamped))
    assert page.get_by_label("Numbers", exact=True).input_value() == "custom"
    keep_screenshot(page, "backprop_one")

    slider(page, "Padding").focus()
    page.keyboard.press("ArrowRight")
    wait_for_value(page, "Padding as a number", "1")
    stamped[:] = 0
    stamped[2:5, 1:4] = edge + 5 * (np.arange(9).reshape(3, 3) == 4)
    wait_for_picture(page, "dx", own_range(stamped))
    page.keyboard.press("ArrowLeft")

    box = page.get_by_label("Input as a number")
    box.fill("2")
    box.press("Enter")
    reason = wait_for_text(page, "[role=alert]", "no window fits")
    assert "3×3 filter" in reason and "only 2 rows" in reason
    keep_screenshot(page, "backprop_impossible")
    page.get_by_role("button", name="2×2").click()
    page.locator("[role=alert]").wait_for(state="detached")
    page.get_by_label("g", exact=True).select_option("squared error: L = Σ (y − t)²")
    page.locator(picture("t")).wait_for()
    keep_screenshot(page, "backprop_squared")
    assert notebook.complaints == []


def test_narrow_and_dark(open_notebook, dark_theme):
    notebook = open_notebook(EXPLORER.format("nudging=True"), width=400, height=2400)
    page = notebook.page
    page.keyboard.press("Control+b")
    notebook.run_all()
    page.locator(picture("dx")).wait_for()
    page.wait_for_timeout(1000)
    keep_screenshot(page, "backprop_narrow")
    assert notebook.complaints == []
