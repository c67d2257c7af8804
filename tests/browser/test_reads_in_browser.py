"""The reads explorer in JupyterLab and Chromium: mouse, keyboard, counts on the canvas, player, refusal."""

from __future__ import annotations

import numpy as np
import pytest
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

READS = "from cnnkit.explore import ReadsExplorer\nexplorer = ReadsExplorer()\nexplorer"


def per_pixel(size: int, k: int, padding: int) -> np.ndarray:
    """How many windows of stride 1 read each pixel of the image, from the definition."""
    output = size + 2 * padding - k + 1
    line = np.zeros(size + 2 * padding, int)
    for start in range(output):
        line[start : start + k] += 1
    line = line[padding : padding + size]
    return np.outer(line, line)


def per_pixel_tiled(size: int, k: int, padding: int, tile: int) -> np.ndarray:
    """How many tiles' patches hold each pixel."""
    output = size + 2 * padding - k + 1
    line = np.zeros(size, int)
    for start in range(0, output, tile):
        line[max(0, start - padding) : max(0, start - padding + tile - 1 + k)] += 1
    return np.outer(line, line)


def painted(counts: np.ndarray, high: float) -> np.ndarray:
    return colors.paint(counts, "magma", 0, high)


def test_counts_by_keyboard_mouse_and_typing(open_notebook):
    notebook = open_notebook(READS, "print(explorer.model.logs['plain'].total, explorer.model.focus)")
    page = notebook.page
    notebook.run_all()
    plain, tiled = per_pixel(64, 3, 1), per_pixel_tiled(64, 3, 1, 16)
    assert plain.sum() == 36_100 and tiled.sum() == 4_900
    wait_for_picture(page, "plain", painted(plain, 9))
    wait_for_picture(page, "tiled", painted(tiled, 9))
    assert "36 100" in page.locator(picture("plain")).inner_text().replace("\u00a0", " ")
    wait_for_text(page, ".cnnkit-words", r"7\.4 times less often")
    keep_screenshot(page, "reads")

    point_at(page, "items", 33, 17, (64, 64))
    words = wait_for_text(page, ".cnnkit-words", r"Work-item \(row 33, column 17\)")
    assert "reads 9 pixels" in words and "it fetches 4 for its group" in words  # (1, 1) of its group
    mark = page.locator(f"{picture('plain')} .cnnkit-winner").bounding_box()
    frame = page.locator(f"{picture('plain')} .cnnkit-overlay").bounding_box()
    assert mark["width"] / frame["width"] * 64 == pytest.approx(3, abs=0.1)
    assert (mark["y"] - frame["y"]) / frame["height"] * 64 == pytest.approx(32, abs=0.1)
    assert page.locator(f"{picture('tiled')} .cnnkit-mark.cnnkit-winner").count() == 4
    keep_screenshot(page, "reads_hover")

    point_at(page, "tiled", 16, 16, (64, 64))
    wait_for_text(page, ".cnnkit-words", "9 reads by the plain kernel and 4 reads by the tiled kernel")
    page.mouse.move(5, 5)
    page.locator(f"{picture('items')} .cnnkit-stage").focus()
    page.keyboard.press("ArrowDown")
    wait_for_text(page, ".cnnkit-words", r"Work-item \(row 33, column 32\)")

    slider(page, "Image").focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    wait_for_picture(page, "plain", painted(per_pixel(60, 3, 1), 9))
    box = page.get_by_label("Filter as a number")
    box.fill("5")
    box.press("Enter")
    wait_for_picture(page, "tiled", painted(per_pixel_tiled(60, 5, 1, 16), 25))
    page.get_by_label("same color range for both kernels").click()
    wait_for_picture(page, "tiled", painted(per_pixel_tiled(60, 5, 1, 16), 4))
    page.get_by_label("Work-group").select_option("8 × 8")
    wait_for_picture(page, "tiled", painted(per_pixel_tiled(60, 5, 1, 8), 4))
    assert notebook.complaints == []


def test_what_does_not_fit_is_explained_and_the_player_walks(open_notebook):
    notebook = open_notebook(READS.replace("()", "(size=16, tile=8)"))
    page = notebook.page
    notebook.run_all()
    wait_for_picture(page, "plain", painted(per_pixel(16, 3, 1), 9))
    page.get_by_role("button", name="Play", exact=False).first.click()
    wait_for_text(page, ".cnnkit-words", r"Work-item \(row 0, column [3-7]\)")
    page.locator(".jupyter-widgets.widget-play button").first.click()

    for label, value in (("Padding", "0"), ("Filter", "9"), ("Image", "8")):
        box = page.get_by_label(f"{label} as a number")
        box.fill(value)
        box.press("Enter")
        wait_for_value(page, f"{label} as a number", value)
    reason = wait_for_text(page, "[role=alert]", "9 pixels")
    assert "8 rows" in reason and "more padding" in reason
    keep_screenshot(page, "reads_impossible")
    slider(page, "Padding").focus()
    page.keyboard.press("ArrowRight")
    page.locator("[role=alert]").wait_for(state="detached")
    wait_for_picture(page, "plain", painted(per_pixel(8, 9, 1), 4))
    assert notebook.complaints == []
