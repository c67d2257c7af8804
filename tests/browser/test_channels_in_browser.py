"""The channels explorer in JupyterLab and Chromium, by mouse and by keyboard, against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from jupyter_in_browser import CELL
from looking import keep_screenshot, picture, pixels, point_at, slider, wait_for_picture, wait_for_text

import cnnkit
from cnnkit.explore.parts import colored, colors
from cnnkit.explore.parts.sheet import mosaic
from cnnkit.explore.parts.words import number, signed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SHOW = "from cnnkit.explore import ChannelsExplorer\nexplorer = ChannelsExplorer()\nexplorer"
TOLD = "state = explorer.state()\nprint(*(state[name] for name in ('filter', 'size', 'padding', 'amount')))"


@pytest.fixture(scope="module")
def cross():
    """The picture that is shown first, (3, 34, 34)."""
    return cnnkit.data.shapes(12, seed=1, size=34).images[8].astype(np.float64)


def parts_of(image, weights):
    """What each channel adds: the definition, without padding."""
    windows = np.lib.stride_tricks.sliding_window_view(image, weights.shape[1:], axis=(1, 2))
    return (windows * weights[:, None, None]).sum(axis=(3, 4))


def painted(values, of):
    return colors.paint(values, "diverging", *colors.symmetric(of))


def wait_for_filter(page, image, weights):
    """Until the three parts and their sum are on the page; returns them."""
    parts = parts_of(image, weights)
    together = np.stack([*parts, parts.sum(axis=0)])
    for name, values in zip(("part0", "part1", "part2", "map"), together, strict=True):
        wait_for_picture(page, name, painted(values, together))
    return together


def test_channels_by_mouse_keyboard_and_typing(open_notebook, cross):
    notebook = open_notebook(SHOW, TOLD, height=1500)
    page, weights = notebook.page, colored.filters(12, 3)
    notebook.run_all()
    wait_for_filter(page, cross, weights[0])
    maps = np.stack([parts_of(cross, one).sum(axis=0) for one in weights])
    sheet = mosaic(maps)
    shown = pixels(page, "sheet").astype(int)
    seen = np.isfinite(sheet)
    assert np.abs(shown - painted(sheet, maps)[..., :3])[seen].max() <= 4
    true_colors = (cross.transpose(1, 2, 0) * 255 + 0.5).astype(np.uint8)
    assert np.array_equal(pixels(page, "picture"), true_colors)
    keep_screenshot(page, "channels")

    # A click on the sheet: map 7 stands in the second row, fourth column of four.
    point_at(page, "sheet", 33 + 10, 3 * 33 + 20, sheet.shape)
    page.mouse.down()
    page.mouse.up()
    wait_for_filter(page, cross, weights[7])
    wait_for_text(page, ".cnnkit-words", r"Feature map 7 \(row 10, column 20\)")
    slider(page, "Chosen k").focus()
    page.keyboard.press("ArrowLeft")
    wait_for_filter(page, cross, weights[6])

    # The keyboard chooses from the sheet as well: from the chosen map 33 pixels to the right, one up, Enter.
    page.locator(f"{picture('sheet')} .cnnkit-stage").focus()
    for key in [*["Shift+ArrowRight"] * 3, *["ArrowRight"] * 3, "ArrowUp", "Enter"]:
        page.keyboard.press(key)
    wait_for_filter(page, cross, weights[7])
    wait_for_text(page, ".cnnkit-words", r"Feature map 7 \(row 9, column 20\)")

    box = page.get_by_label("Filter a as a number")
    box.fill("5")
    box.press("Enter")
    wait_for_filter(page, cross, colored.one(7, 5))
    wait_for_text(page, ".cnnkit-words", r"5·5·3·12 \+ 12 = 912")
    keep_screenshot(page, "channels_5x5")
    notebook.run_cell(1)
    wait_for_text(page, f"{CELL}:nth-child(2) .jp-OutputArea-output", "7 5 valid 12")
    assert notebook.complaints == []


def test_channels_hover_writes_out_all_three(open_notebook, cross):
    notebook = open_notebook(SHOW, height=1500)
    page, weights = notebook.page, colored.one(0, 3).astype(np.float64)
    notebook.run_all()
    *parts, whole = wait_for_filter(page, cross, weights)
    row, column = 13, 22
    point_at(page, "map", row, column, whole.shape)
    text = wait_for_text(page, ".cnnkit-words", rf"Feature map 0 \(row {row}, column {column}\)")
    red, green, blue = (part[row, column] for part in parts)
    terms = f"red {signed(red)} + green {signed(green)} + blue {signed(blue)} + bias 0"
    assert f"{terms} = {number(whole[row, column])}" in text
    assert number(cross[2, row + 1, column + 1]) in text
    for name in ("picture", "channel0", "channel1", "channel2"):
        window = page.locator(f"{picture(name)} .cnnkit-window").bounding_box()
        frame = page.locator(f"{picture(name)} .cnnkit-overlay").bounding_box()
        scale = frame["width"] / 34
        assert (window["x"] - frame["x"]) / scale == pytest.approx(column, abs=0.1), name
        assert (window["y"] - frame["y"]) / scale == pytest.approx(row, abs=0.1), name
        assert window["width"] / scale == pytest.approx(3, abs=0.1), name
    page.mouse.move(5, 5)
    page.locator(f"{picture('map')} .cnnkit-stage").focus()
    page.keyboard.press("ArrowDown")
    wait_for_text(page, ".cnnkit-words", rf"Feature map 0 \(row {row + 1}, column {column}\)")
    keep_screenshot(page, "channels_hover")
    assert notebook.complaints == []


def test_channels_whole_picture_and_what_does_not_fit(open_notebook, cross):
    notebook = open_notebook(SHOW, height=1500)
    page = notebook.page
    notebook.run_all()
    wait_for_filter(page, cross, colored.one(0, 3))
    page.get_by_role("button", name="a = whole picture").click()
    wait_for_text(page, ".cnnkit-words", r"just as many: a patch as large as the picture is a regular")
    wait_for_filter(page, cross, colored.one(0, 34))
    keep_screenshot(page, "channels_whole")
    box = page.get_by_label("Filter a as a number")
    box.fill("40")
    box.press("Enter")
    reason = wait_for_text(page, "[role=alert]", "40×40 filter does not fit into a 34×34 picture")
    assert "Take a smaller filter" in reason
    keep_screenshot(page, "channels_impossible")
    box.fill("3")
    box.press("Enter")
    wait_for_filter(page, cross, colored.one(0, 3))
    page.locator("[role=alert]").wait_for(state="detached")
    assert notebook.complaints == []
