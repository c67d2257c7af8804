"""The pooling explorer in JupyterLab and Chromium, by mouse and by keyboard, against plain NumPy."""

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

import cnnkit
from cnnkit.explore.parts import colors, presets
from cnnkit.explore.parts.words import number

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SHOW = "from cnnkit.explore import PoolingExplorer\nexplorer = PoolingExplorer()\nexplorer"
TOLD = "state = explorer.state()\nprint(*(state[name] for name in ('kind', 'window', 'stride', 'locked')))"


@pytest.fixture(scope="module")
def star():
    """The piece of the photo's edges after ReLU that is shown first, (32, 32)."""
    photo = np.pad(cnnkit.data.photo()[0, 0].astype(np.float64), 1)
    windows = np.lib.stride_tricks.sliding_window_view(photo, (3, 3))
    activated = np.maximum((windows * presets.edges(3)).sum(axis=(2, 3)), 0)
    return activated[9:41, 23:55]


def pool(values, window, stride, reduce=np.max):
    """The definition."""
    windows = np.lib.stride_tricks.sliding_window_view(values, (window, window))
    return reduce(windows[::stride, ::stride], axis=(2, 3))


def painted(values, of):
    return colors.paint(values, "magma", *colors.upward(of, 0.99))


def test_pooling_by_mouse_keyboard_and_typing(open_notebook, star):
    notebook = open_notebook(SHOW, TOLD)
    page = notebook.page
    notebook.run_all()
    wait_for_picture(page, "input", painted(star, star))
    wait_for_picture(page, "output", painted(pool(star, 2, 2), star))
    text = wait_for_text(page, ".cnnkit-words", "32 × 32 × 12")
    assert "16 × 16 × 12" in text and "49\u00a0152 bytes" in text and "12\u00a0288 bytes" in text
    keep_screenshot(page, "pooling")

    slider(page, "Window").focus()
    page.keyboard.press("ArrowRight")
    wait_for_picture(page, "output", painted(pool(star, 3, 3), star))
    wait_for_value(page, "Stride as a number", "3")
    wait_for_text(page, "[role=status]", "the last 2 rows are left out and the last 2 columns are left out")

    page.get_by_role("button", name="average pooling").click()
    wait_for_picture(page, "output", painted(pool(star, 3, 3, np.mean), star))
    box = page.get_by_label("Stride as a number")
    box.fill("1")
    box.press("Enter")
    wait_for_picture(page, "output", painted(pool(star, 3, 1, np.mean), star))
    wait_for_text(page, "[role=status]", "Windows overlap")
    page.get_by_role("checkbox", name="stride = window", checked=False).wait_for()
    own = pool(star, 3, 1, np.mean)
    page.get_by_label("one color range for both").uncheck()
    wait_for_picture(page, "output", painted(own, own))
    keep_screenshot(page, "pooling_average")
    notebook.run_cell(1)
    wait_for_text(page, f"{CELL}:nth-child(2) .jp-OutputArea-output", "average 3 1 False")
    assert notebook.complaints == []


def test_pooling_hover_shows_the_winner_and_its_windows(open_notebook, star):
    notebook = open_notebook(SHOW)
    page = notebook.page
    notebook.run_all()
    result = pool(star, 2, 2)
    wait_for_picture(page, "output", painted(result, star))

    row, column = 6, 3
    point_at(page, "output", row, column, result.shape)
    text = wait_for_text(page, ".cnnkit-words", rf"Output \(row {row}, column {column}\)")
    inside = star[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
    top, left = np.unravel_index(inside.argmax(), (2, 2))
    won = 2 * row + top, 2 * column + left
    assert f"largest = {number(inside.max())}, from row {won[0]}, column {won[1]}" in text
    frame = page.locator(f"{picture('input')} .cnnkit-overlay").bounding_box()
    scale = frame["width"] / 32
    for kind, at, size in (("window", (2 * row, 2 * column), 2), ("winner", won, 1)):
        mark = page.locator(f"{picture('input')} .cnnkit-{kind}").bounding_box()
        assert (mark["x"] - frame["x"]) / scale == pytest.approx(at[1], abs=0.1), kind
        assert (mark["y"] - frame["y"]) / scale == pytest.approx(at[0], abs=0.1), kind
        assert mark["width"] / scale == pytest.approx(size, abs=0.1), kind
    keep_screenshot(page, "pooling_hover")

    page.mouse.move(5, 5)
    page.locator(f"{picture('output')} .cnnkit-stage").focus()
    page.keyboard.press("ArrowRight")
    wait_for_text(page, ".cnnkit-words", rf"Output \(row {row}, column {column + 1}\)")
    point_at(page, "input", *won, star.shape)
    text = wait_for_text(page, ".cnnkit-words", rf"Input pixel \(row {won[0]}, column {won[1]}\)")
    assert f"It lies in the window of output (row {row}, column {column}) and wins it." in text
    assert page.locator(f"{picture('output')} .cnnkit-winner").count() == 1

    page.get_by_role("button", name="winners").press("Enter")
    windows = np.lib.stride_tricks.sliding_window_view(star, (2, 2))[::2, ::2].reshape(16, 16, 4)
    wins = np.zeros((16, 16, 4))
    np.put_along_axis(wins, windows.argmax(axis=2)[..., None], 1, axis=2)
    wins = wins.reshape(16, 16, 2, 2).transpose(0, 2, 1, 3).reshape(32, 32)
    wait_for_picture(page, "input", colors.paint(wins, "magma", 0, 1))
    keep_screenshot(page, "pooling_winners")
    assert notebook.complaints == []


def test_pooling_says_when_a_window_does_not_fit(open_notebook, star):
    notebook = open_notebook(SHOW)
    page = notebook.page
    notebook.run_all()
    wait_for_picture(page, "output", painted(pool(star, 2, 2), star))
    box = page.get_by_label("Window as a number")
    box.fill("40")
    box.press("Enter")
    reason = wait_for_text(page, "[role=alert]", "40×40 window is larger than the 32×32 input")
    assert "Take a smaller window" in reason
    keep_screenshot(page, "pooling_impossible")
    box.fill("2")
    box.press("Enter")
    wait_for_picture(page, "output", painted(pool(star, 2, 2), star))
    page.locator("[role=alert]").wait_for(state="detached")
    assert notebook.complaints == []
