"""A function of the learner's in an explorer, in JupyterLab and Chromium, against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from looking import CONTRAST, OVERFLOW, keep_screenshot, picture, slider, wait_for_picture, wait_for_text
from test_explorers_in_browser import absolute, correlate

import cnnkit
from cnnkit.explore.parts import colors, presets

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

TURNED = """
import numpy as np
from cnnkit.explore import FilterExplorer

def corr2d(x, w):
    w = w[::-1, ::-1]
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape)
    return (windows * w).sum(axis=(2, 3))

explorer = FilterExplorer(preset="Sobel x", convolution=corr2d)
explorer
"""
SLOW = """
import time
import numpy as np
from cnnkit.explore import FilterExplorer

calls = []

def corr2d(x, w):
    calls.append(1)
    if len(calls) == 4:
        raise ValueError("the fourth call")
    time.sleep(0.7)
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape)
    return (windows * w).sum(axis=(2, 3))

explorer = FilterExplorer(convolution=corr2d)
explorer
"""
TINY = """
import numpy as np
from cnnkit.explore import FilterExplorer
explorer = FilterExplorer(np.zeros((1, 1, 7, 7)))
explorer
"""
STAGES = """
import numpy as np
from cnnkit.explore import PipelineExplorer

def relu(x):
    return np.abs(x)

explorer = PipelineExplorer(activation=relu)
explorer
"""


@pytest.fixture(scope="module")
def photo():
    return cnnkit.data.photo()[0, 0].astype(np.float64)


def test_a_turned_filter_shows_its_difference(open_notebook, photo):
    notebook = open_notebook(TURNED, "print(explorer.state()['convolution_differs'])")
    page, weights = notebook.page, presets.sobel_x(3)
    notebook.run_all()
    yours, ours = correlate(photo, weights[::-1, ::-1]), correlate(photo, weights)
    wait_for_picture(page, "result", absolute(yours, photo.max()))
    said = wait_for_text(page, ".cnnkit-verdict", "Computed by your corr2d; differs from cnnkit’s in")
    assert "of 88\u00a0804 pixels, most at row" in said
    keep_screenshot(page, "own_turned")

    page.get_by_role("button", name="difference").press("Enter")
    difference = yours - ours
    low, high = colors.symmetric(difference[np.abs(difference) > 1e-5 * 8], 0.99)
    wait_for_picture(page, "result", colors.paint(difference, "diverging", low, high))
    wait_for_text(page, f"{picture('result')} .cnnkit-title", "Yours − cnnkit’s: 298 × 298")
    row, column = np.unravel_index(np.abs(difference).argmax(), difference.shape)
    wait_for_text(page, ".cnnkit-words", rf"row {row}, column {column}\)")
    wait_for_text(page, ".cnnkit-sum", "; your corr2d gave ")
    keep_screenshot(page, "own_difference")

    # A symmetric filter is the same turned around: all white, and said so.
    page.get_by_label("Filter", exact=True).select_option("blur")
    wait_for_text(page, ".cnnkit-verdict", "the same as cnnkit’s everywhere")
    white = colors.paint(np.zeros(ours.shape), "diverging", -1, 1)
    wait_for_picture(page, "result", white)
    assert notebook.complaints == []


def test_a_slow_function_skips_to_the_newest_setting_and_an_error_is_no_end(open_notebook, photo):
    notebook = open_notebook(SLOW, "print(len(calls))")
    page = notebook.page
    notebook.run_all()
    edges = presets.edges(3)
    wait_for_picture(page, "result", absolute(correlate(photo, edges), photo.max()))
    slider(page, "Padding").focus()
    for key in ["ArrowRight"] * 8:
        page.keyboard.press(key)
    wait_for_text(page, ".cnnkit-verdict", "Your corr2d is computing …")
    keep_screenshot(page, "own_computing")
    wait_for_picture(page, "result", absolute(correlate(photo, edges, 1, 8), photo.max()))
    notebook.run_cell(1)
    page.wait_for_timeout(1000)
    assert notebook.output(1) == "3"  # the first picture, the first key, the last key

    slider(page, "Stride").focus()
    page.keyboard.press("ArrowRight")
    said = wait_for_text(page, "[role=alert]", "the fourth call")
    assert said.startswith("Your corr2d raised ValueError: the fourth call, in its line “raise ValueError")
    keep_screenshot(page, "own_raised")
    page.keyboard.press("ArrowRight")
    wait_for_picture(page, "result", absolute(correlate(photo, edges, 3, 8), photo.max()))
    page.locator("[role=alert]").wait_for(state="detached")
    assert notebook.complaints == []


def test_a_tiny_picture_is_large_and_its_pixels_are_apart(open_notebook):
    notebook = open_notebook(TINY)
    page = notebook.page
    notebook.run_all()
    black = absolute(np.zeros((5, 5)), 1)
    wait_for_picture(page, "result", black)
    keep_screenshot(page, "tiny")
    for name, amount in (("photo", 7), ("result", 5)):
        overlay = page.locator(f"{picture(name)} .cnnkit-overlay.cnnkit-lines")
        assert overlay.bounding_box()["width"] > 200
        size = overlay.evaluate("overlay => overlay.style.backgroundSize").split("%")[0]
        assert float(size) == pytest.approx(100 / amount, rel=1e-3)
    slider(page, "Stride").focus()
    page.keyboard.press("ArrowRight")
    wait_for_picture(page, "result", absolute(np.zeros((3, 3)), 1))
    assert notebook.complaints == []


def test_a_long_narrow_picture_does_not_fill_the_page(open_notebook):
    notebook = open_notebook(TINY.replace("7, 7", "60, 5"))
    page = notebook.page
    notebook.run_all()
    wait_for_picture(page, "result", absolute(np.zeros((58, 3)), 1))
    for name in ("photo", "result"):
        pixels, overlay = (
            page.locator(f"{picture(name)} .cnnkit-{part}").bounding_box() for part in ("pixels", "overlay")
        )
        assert 200 < pixels["height"] < 450
        assert overlay["width"] == pytest.approx(pixels["width"] - 2, abs=0.5)  # marks lie where pixels are
    assert notebook.complaints == []


def test_a_difference_is_legible_in_the_dark_and_at_400_pixels(open_notebook, dark_theme):
    notebook = open_notebook(TURNED.replace("=corr2d", "=corr2d, compared=True"), width=400, height=1600)
    page = notebook.page
    page.keyboard.press("Control+b")
    notebook.run_all()
    root = page.locator(".cnnkit-explorer")
    wait_for_text(page, ".cnnkit-verdict", "differs from")
    page.wait_for_timeout(1000)
    keep_screenshot(page, "own_narrow")
    assert root.evaluate(OVERFLOW, ".cnnkit-part, .cnnkit-stage, .cnnkit-verdict, button, input") == []
    assert root.evaluate(CONTRAST, ".cnnkit-title, .cnnkit-caption, .cnnkit-verdict") == []
    cut = "buttons => buttons.filter(b => b.scrollWidth > b.clientWidth).map(b => b.textContent)"
    assert root.locator("button").evaluate_all(cut) == []
    assert notebook.complaints == []


def test_the_pipeline_shows_where_a_relu_of_ones_own_differs(open_notebook, photo):
    notebook = open_notebook(STAGES)
    page = notebook.page
    notebook.run_all()
    filtered = correlate(photo, presets.edges(3), 1, 1)
    wait_for_text(page, ".cnnkit-verdict", "Computed by your relu; differs from cnnkit’s in")
    page.get_by_role("button", name="difference").press("Enter")
    difference = np.abs(filtered) - np.maximum(filtered, 0)
    low, high = colors.symmetric(difference[difference > 1e-5 * np.abs(filtered).max()], 0.99)
    wait_for_picture(page, "activated", colors.paint(difference, "diverging", low, high))
    wait_for_text(page, f"{picture('activated')} .cnnkit-title", "3 +Yours − cnnkit’s ReLU")
    keep_screenshot(page, "own_pipeline")
    assert notebook.complaints == []
