"""The descent explorer in JupyterLab and Chromium: the way downhill, and where it leads off the page."""

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
from cnnkit.explore.parts.words import number

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

EXPLORER = "from cnnkit.explore import DescentExplorer\nexplorer = DescentExplorer({})\nexplorer"
GRID = 41
WEIGHTS = np.linspace(-2, 2, GRID)


def patches():
    """Every patch of the known example's image as a row (42, 2)."""
    image = np.ones((6, 8))
    image[:, 2:6] = 0
    return np.lib.stride_tricks.sliding_window_view(image, (1, 2)).reshape(-1, 2)


def surface(logarithmic=True):
    """What the picture of the known example's loss shows."""
    across, up = np.meshgrid(WEIGHTS, WEIGHTS[::-1])
    filters = np.stack([across.ravel(), up.ravel()])
    values = ((patches() @ filters - patches() @ [[1], [-1]]) ** 2).sum(axis=0).reshape(GRID, GRID)
    if not logarithmic:
        return colors.paint(values, "magma", 0, values.max())
    low = np.log10(1e-4 * values.max())
    return colors.paint(np.log10(np.maximum(values, 10**low)), "magma", low, np.log10(values.max()))


def way(page):
    """(rows, columns) of the path's dots on the surface, in pixels of the array."""
    return page.locator(f"{picture('surface')} .cnnkit-path").evaluate(
        """svg => [...svg.querySelectorAll('circle')].map(dot =>
            [['cy', svg.clientHeight], ['cx', svg.clientWidth]].map(
                ([name, size]) => 41 * dot.getAttribute(name) / size))"""
    )


def descent(rate, momentum, steps, start=(0, 0)):
    """Rows and columns on the surface of plain NumPy's descent."""
    a, w, v, places = patches(), np.array(start, dtype=float), np.zeros(2), []
    for _ in range(steps + 1):
        places.append([GRID - (10 * w[1] + 20.5), 10 * w[0] + 20.5])
        v = momentum * v + 2 * a.T @ (a @ (w - [1, -1]))
        w = w - rate * v
    return np.array(places)


def wait_for_way(page, expected):
    for _ in range(200):
        shown = np.array(way(page))
        if shown.shape == expected.shape and np.abs(shown - expected).max() < 0.1:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"the path shows {shown}, expected {expected}")


def test_the_descent_follows_the_keyboard_and_the_mouse(open_notebook):
    notebook = open_notebook(
        EXPLORER.format(""), "print(explorer.model.steps, explorer.model.momentum)", height=1500
    )
    page = notebook.page
    notebook.run_all()
    wait_for_picture(page, "surface", surface())
    wait_for_way(page, descent(0.03, 0, 10))
    assert "Step 10: the loss is 0.0016, 12 at the start." in wait_for_text(page, ".cnnkit-verdict", "Step")
    keep_screenshot(page, "descent")

    slider(page, "Momentum").focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    wait_for_value(page, "Momentum as a number", "0.3")
    wait_for_way(page, descent(0.03, 0.3, 10))

    page.get_by_role("button", name="Step", exact=True).click()
    page.get_by_role("button", name="Step", exact=True).press("Enter")
    wait_for_way(page, descent(0.03, 0.3, 12))
    page.get_by_role("button", name="loss", exact=True).click()
    wait_for_picture(page, "surface", surface(logarithmic=False))
    page.get_by_role("button", name="Reset").press("Enter")
    wait_for_way(page, descent(0.03, 0.3, 0))
    wait_for_text(page, ".cnnkit-verdict", "Press Step or Play")
    page.get_by_role("button", name="Play").first.click()
    wait_for_value(page, "Steps as a number", "3")
    page.get_by_role("button", name="Pause").or_(page.get_by_role("button", name="Play")).first.click()
    notebook.run_cell(1)
    wait_for_text(page, f"{CELL}:nth-child(2) .jp-OutputArea-output", r"\d+ 0.3")
    assert notebook.complaints == []


def test_pointing_and_starting_elsewhere(open_notebook):
    notebook = open_notebook(EXPLORER.format("steps=4"), height=1500)
    page = notebook.page
    notebook.run_all()
    wait_for_picture(page, "surface", surface())
    point_at(page, "surface", 5, 30, (GRID, GRID))
    text = wait_for_text(page, ".cnnkit-words", r"Where you point: w₁ = 1, w₂ = 1.5")
    error = patches() @ [0, 2.5]
    slope = 2 * patches().T @ error
    assert f"loss = {number((error**2).sum())}" in text
    assert f"dL/dw₁ = {number(slope[0])}, dL/dw₂ = {number(slope[1])}" in text
    assert f"w₂: 1.5 − 0.03·{number(slope[1])} = {number(1.5 - 0.03 * slope[1])}" in text
    keep_screenshot(page, "descent_pointing")

    box = page.locator(f"{picture('surface')} .cnnkit-pixels").bounding_box()
    page.mouse.click(box["x"] + 30.5 / GRID * box["width"], box["y"] + 5.5 / GRID * box["height"])
    wait_for_way(page, descent(0.03, 0, 4, start=(1, 1.5)))

    page.mouse.move(5, 5)
    page.locator(f"{picture('surface')} .cnnkit-stage").focus()
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    wait_for_text(page, ".cnnkit-words", r"Where you point: w₁ = 0.8, w₂ = 1.6")
    wait_for_way(page, descent(0.03, 0, 4, start=(0.8, 1.6)))
    assert notebook.complaints == []


def test_diverging_is_shown_and_a_setting_that_cannot_be_explains_itself(open_notebook):
    notebook = open_notebook(EXPLORER.format("start=[[1.5, 1]], steps=7"), height=1500)
    page = notebook.page
    notebook.run_all()
    wait_for_way(page, descent(0.03, 0, 7, start=(1.5, 1)))
    box = page.get_by_label("Learning rate as a number")
    box.fill("0.04")
    box.press("Enter")
    text = wait_for_text(page, ".cnnkit-verdict", "grows")
    assert "Step 7: the loss is" in text and "0.04 is above the largest that converges, 0.0333 here" in text
    wait_for_way(page, descent(0.04, 0, 7, start=(1.5, 1)))
    left = page.locator(f"{picture('surface')} .cnnkit-window").bounding_box()
    frame = page.locator(f"{picture('surface')} .cnnkit-overlay").bounding_box()
    at = [(left[a] - frame[a]) / frame[size] * GRID for a, size in (("x", "width"), ("y", "height"))]
    assert any(value < 0.5 or value > GRID - 1.5 for value in at)  # at an edge
    keep_screenshot(page, "descent_diverging")

    page.get_by_label("To learn").select_option("Sobel’s 3×3, from a photo")
    wait_for_text(page, ".cnnkit-verdict", "Step 40: the loss is")
    keep_screenshot(page, "descent_photo")
    page.get_by_label("Across").select_option("w₄")
    reason = wait_for_text(page, "[role=alert]", "two different")
    assert "w₄" in reason and "w₆" in reason
    page.get_by_label("Across").select_option("w₁")
    page.locator("[role=alert]").wait_for(state="detached")
    wait_for_text(page, picture("surface"), "Loss over w₁ and w₄")
    assert notebook.complaints == []
