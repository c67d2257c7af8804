"""The activation explorer in JupyterLab and Chromium: against NumPy, by mouse and keyboard."""

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

EXPLORER = "from cnnkit.explore import ActivationExplorer\nexplorer = ActivationExplorer({})\nexplorer"


@pytest.fixture(scope="module")
def edges():
    """The photo under the explorer's first filter."""
    photo = cnnkit.data.photo()[0, 0].astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(photo, (3, 3))
    return (windows * presets.sobel_x(3)).sum(axis=(2, 3))


def signed(values, like):
    return colors.paint(values, "diverging", *colors.symmetric(like, 0.99))


def test_functions_by_mouse_and_keyboard(open_notebook, edges):
    notebook = open_notebook(
        EXPLORER.format(""), "print(explorer.state()['function'], explorer.model.slope)", height=1500
    )
    page = notebook.page
    notebook.run_all()
    wait_for_picture(page, "before", signed(edges, edges))
    wait_for_picture(page, "after", signed(np.maximum(edges, 0), edges))
    keep_screenshot(page, "activation")

    page.get_by_role("button", name="leaky ReLU").click()
    wait_for_picture(page, "after", signed(np.where(edges > 0, edges, 0.1 * edges), edges))
    assert slider(page, "Slope below 0").is_visible()
    slider(page, "Slope below 0").focus()
    page.keyboard.press("ArrowRight")
    wait_for_value(page, "Slope below 0 as a number", "0.11")
    box = page.get_by_label("Slope below 0 as a number")
    box.fill("0.5")
    box.press("Enter")
    leaky = np.where(edges > 0, edges, 0.5 * edges)
    wait_for_picture(page, "after", signed(leaky, edges))
    # Beside the step at 0, rounding decides: from the float32 sums of the device on.
    above = cnnkit.conv2d(cnnkit.data.photo(), presets.sobel_x(3)[None, None]).get()[0, 0] > 0
    wait_for_picture(page, "derivative", colors.paint(np.where(above, 1, 0.5), "magma", 0, 1))

    page.get_by_role("button", name="sigmoid").press("Enter")
    box = page.get_by_label("+ bias as a number")
    box.fill("-4")
    box.press("Enter")
    y = 1 / (1 + np.exp(4 - edges))
    wait_for_picture(page, "derivative", colors.paint(y * (1 - y), "magma", 0, 1))
    flat = wait_for_text(page, ".cnnkit-words", "where the curve is flat")
    assert f"{100 * (y * (1 - y) < 0.05).mean():.0f}\u00a0% of the pixels are where the curve is flat" in flat
    page.get_by_label("same colors before and after").press("Space")
    wait_for_picture(page, "after", signed(y, y))
    keep_screenshot(page, "activation_sigmoid")
    notebook.run_cell(1)
    wait_for_text(page, f"{CELL}:nth-child(2) .jp-OutputArea-output", "sigmoid 0.5")
    assert notebook.complaints == []


def test_pointing_at_pixels_and_along_the_curve(open_notebook, edges):
    notebook = open_notebook(EXPLORER.format('function="tanh"'), height=1500)
    page = notebook.page
    notebook.run_all()
    wait_for_picture(page, "after", signed(np.tanh(edges), edges))
    row, column = 150, 60
    point_at(page, "before", row, column, edges.shape)
    text = wait_for_text(page, ".cnnkit-words", rf"Pixel \(row {row}, column {column}\)")
    x = edges[row, column]
    assert f"x = {number(x)} → f(x) = " in text and f" = {number(np.tanh(x))}. f′(x) = " in text
    dots = page.locator(".cnnkit-chart[data-name=curve] circle.cnnkit-marker")
    assert dots.count() == 2
    keep_screenshot(page, "activation_pixel")

    page.mouse.move(5, 5)
    page.locator(f"{picture('after')} .cnnkit-stage").focus()
    page.keyboard.press("ArrowDown")
    wait_for_text(page, ".cnnkit-words", rf"Pixel \(row {row + 1}, column {column}\)")

    curve = page.locator(".cnnkit-chart[data-name=curve] svg[tabindex]")
    curve.focus()
    for key in ("ArrowRight", "Shift+ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    at = np.linspace(-5, 5, 201).round(6)
    nearest = np.abs(at - edges[row + 1, column]).argmin()
    x = at[nearest + 12]
    text = wait_for_text(page, ".cnnkit-words", rf"On the curve: x = {number(x)} ")
    assert f"= {number(np.tanh(x))}. f′(x) = {number(1 - np.tanh(x) ** 2)}" in text
    assert page.locator(f"{picture('before')} .cnnkit-focus").count() == 0

    curve.scroll_into_view_if_needed()
    frame = curve.bounding_box()
    page.mouse.move(frame["x"] + frame["width"] - 12, frame["y"] + 80)  # the right end of the plot
    wait_for_text(page, ".cnnkit-words", r"On the curve: x = 5 .*nearly flat here")
    keep_screenshot(page, "activation_curve")
    assert notebook.complaints == []


def test_an_impossible_filter_and_two_layers(open_notebook):
    notebook = open_notebook(
        "import numpy as np\n" + EXPLORER.format("np.linspace(0, 1, 6 * 40).reshape(6, 40)"), height=1700
    )
    page = notebook.page
    notebook.run_all()
    page.locator(picture("after")).wait_for()
    page.get_by_role("button", name="7×7").click()
    reason = wait_for_text(page, "[role=alert]", "no window fits")
    assert "7×7 filter" in reason and "only 6 rows" in reason
    page.get_by_role("button", name="3×3").press("Enter")
    page.locator("[role=alert]").wait_for(state="detached")
    page.get_by_role("button", name="identity").click()
    page.get_by_label("put this layer in twice").press("Space")
    wait_for_text(page, ".cnnkit-words", "two 3×3 layers are exactly one 5×5 filter")
    assert page.locator(f"{picture('one-filter')} .cnnkit-pixels").is_visible()
    assert notebook.complaints == []


def test_narrow_and_dark(open_notebook, dark_theme):
    notebook = open_notebook(EXPLORER.format("twice=True, function='leaky relu'"), width=400, height=3000)
    page = notebook.page
    page.keyboard.press("Control+b")
    notebook.run_all()
    page.locator(picture("after")).wait_for()
    page.wait_for_timeout(1000)
    keep_screenshot(page, "activation_narrow")
    assert notebook.complaints == []
