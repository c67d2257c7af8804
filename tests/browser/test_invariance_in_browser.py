"""The invariance explorer in JupyterLab and Chromium: moved pictures, what is read, the curve's marker."""

from __future__ import annotations

import re

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
from cnnkit.explore.parts import colors
from cnnkit.explore.parts.words import number

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

EXPLORER = "from cnnkit.explore import InvarianceExplorer\nexplorer = InvarianceExplorer({})\nexplorer"
TOLD = "print(explorer.model.answer, explorer.model.rotation, explorer.model.shift_x, explorer.model.moved)"


@pytest.fixture(scope="module")
def digit():
    return cnnkit.data.digits()[1].images[5, 0].astype(np.float64)


def rotated(image, degrees, right=0.0):
    """Bilinear interpolation, pixel by pixel; counterclockwise, then shifted to the right."""
    angle, out = np.deg2rad(degrees), np.zeros((8, 8))
    for row, column in np.ndindex(8, 8):
        x, y = column - 3.5 - right, 3.5 - row
        r = 3.5 - (y * np.cos(angle) - x * np.sin(angle))
        c = 3.5 + x * np.cos(angle) + y * np.sin(angle)
        for i, j in np.ndindex(8, 8):
            out[row, column] += max(0, 1 - abs(r - i)) * max(0, 1 - abs(c - j)) * image[i, j]
    return out


def shown(image):
    return colors.paint(image, "gray", 0, 1)


def test_sliders_move_the_picture_and_the_marker(open_notebook, digit):
    notebook = open_notebook(EXPLORER.format(""), TOLD, height=1300)
    page = notebook.page
    notebook.run_all()
    wait_for_picture(page, "moved", shown(rotated(digit, 30)))
    wait_for_picture(page, "picture", shown(digit))
    assert "Rotated by 30°" in wait_for_text(page, ".cnnkit-words", "test pictures are read right")
    keep_screenshot(page, "invariance")

    slider(page, "Rotation °").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    wait_for_value(page, "Rotation ° as a number", "45")
    wait_for_picture(page, "moved", shown(rotated(digit, 45)))
    named = page.locator(".cnnkit-chart[data-name=curve] .cnnkit-markername")
    named.filter(has_text=re.compile(r"^45: \d+ %$")).wait_for()

    handle = slider(page, "Shift right").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(handle["x"] + 30, handle["y"] + 5, steps=10)
    page.mouse.up()
    wait_for_text(page, ".cnnkit-chart[data-name=curve]", "Accuracy against shift right")
    page.wait_for_timeout(500)
    right = float(page.get_by_label("Shift right as a number").input_value())
    assert right > 0
    wait_for_picture(page, "moved", shown(rotated(digit, 45, right)))
    text = wait_for_text(page, ".cnnkit-words", "and nothing else")
    assert f"Shifted right by {number(right)} pixel" in text

    page.get_by_role("button", name="All at rest").press("Enter")
    wait_for_picture(page, "moved", shown(digit))
    wait_for_text(page, ".cnnkit-verdict", "Read as “7” with .* right")
    keep_screenshot(page, "invariance_at_rest")
    box = page.get_by_label("Rotation ° as a number")
    box.fill("90")
    box.press("Enter")
    wait_for_picture(page, "moved", shown(np.rot90(digit)))
    wait_for_text(page, ".cnnkit-verdict", "wrong, it is a “7”")
    notebook.run_cell(1)
    wait_for_text(page, f"{CELL}:nth-child(2) .jp-OutputArea-output", r"[0-689] 90.0 0.0 rotation")
    assert notebook.complaints == []


def test_a_pixel_says_where_it_came_from(open_notebook, digit):
    notebook = open_notebook(EXPLORER.format(""), height=1300)
    page = notebook.page
    notebook.run_all()
    result = rotated(digit, 30)
    wait_for_picture(page, "moved", shown(result))
    point_at(page, "moved", 3, 4, (8, 8))
    text = wait_for_text(page, ".cnnkit-words", r"Pixel \(row 3, column 4\) is a mean of 4 pixels")
    assert f"= {number(result[3, 4])}" in text and "·" in text
    window = page.locator(f"{picture('picture')} .cnnkit-window").bounding_box()
    frame = page.locator(f"{picture('picture')} .cnnkit-overlay").bounding_box()
    assert window["width"] / frame["width"] * 8 == pytest.approx(2, abs=0.1)
    page.mouse.move(5, 5)
    page.locator(f"{picture('moved')} .cnnkit-stage").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    text = wait_for_text(page, ".cnnkit-words", r"Pixel \(row 4, column 3\)")
    assert f"= {number(result[4, 3])}" in text
    keep_screenshot(page, "invariance_pixel")
    assert notebook.complaints == []


def test_a_sweep_runs_and_a_network_that_broke_down_explains_itself(open_notebook):
    broken = (
        "import numpy as np, cnnkit\n"
        "network = cnnkit.Sequential(cnnkit.Flatten(), cnnkit.Linear(64, 10), seed=0)\n"
        "network[1].w.set(np.full((10, 64), np.nan, np.float32))\n"
        "good, explorer.model.network = explorer.model.network, network"
    )
    notebook = open_notebook(
        EXPLORER.format('moved="scale"'), broken, "explorer.model.network = good", height=1300
    )
    page = notebook.page
    notebook.run_cell(0)
    page.locator(picture("moved")).wait_for()
    page.get_by_label("Curve of").select_option("scale")
    page.get_by_role("button", name="Play").first.click()
    wait_for_text(page, f"{picture('moved')} .cnnkit-title", r"1\.\d+ times the size")
    page.get_by_role("button", name="Stop").first.click()
    notebook.run_cell(1)
    wait_for_text(page, "[role=alert]", "NaN.*broken down")
    keep_screenshot(page, "invariance_broken")
    notebook.run_cell(2)
    page.locator("[role=alert]").wait_for(state="detached")
    assert notebook.complaints == []
