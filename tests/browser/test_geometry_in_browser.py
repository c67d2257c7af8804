"""The geometry explorer in JupyterLab and Chromium, by mouse and by keyboard, against plain counts."""

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

GEOMETRY = "from cnnkit.explore import GeometryExplorer\nexplorer = GeometryExplorer()\nexplorer"


def counted(size, kernel, stride, padding, dilation=1):
    """(reads, taken) by laying every window on the padded image."""
    side, span = size + 2 * padding, dilation * (kernel - 1) + 1
    begins = range(0, side - span + 1, stride)
    reads, image = np.zeros((side, side)), np.zeros((side, side))
    image[padding : padding + size, padding : padding + size] = 1
    taken = np.zeros((len(begins), len(begins)))
    for i, top in enumerate(begins):
        for j, left in enumerate(begins):
            window = np.s_[top : top + span : dilation, left : left + span : dilation]
            reads[window] += 1
            taken[i, j] = image[window].sum()
    return np.where(image == 1, reads, np.nan), taken


def wait_for_counts(page, *numbers):
    """Until both pictures show the counts of these numbers."""
    reads, taken = counted(*numbers)
    counts = reads[np.isfinite(reads)]
    # Padding is transparent, and what is read back then is black.
    expected = colors.paint(reads, "magma", 0, max(1, counts.max()))
    expected[np.isnan(reads)] = 0
    wait_for_picture(page, "input", expected)
    wait_for_picture(page, "output", colors.paint(taken, "gray", 0, numbers[1] ** 2))
    return reads, taken


def type_in(page, label, value):
    box = page.get_by_label(f"{label} as a number")
    box.fill(str(value))
    box.press("Enter")


def place_of(page, name, kind, side):
    """(row, column, height, width) of a mark, in pixels of a square picture."""
    mark = page.locator(f"{picture(name)} .cnnkit-{kind}").first.bounding_box()
    frame = page.locator(f"{picture(name)} .cnnkit-overlay").bounding_box()
    scale = frame["width"] / side
    corner = (mark["y"] - frame["y"]) / scale, (mark["x"] - frame["x"]) / scale
    return pytest.approx((*corner, mark["height"] / scale, mark["width"] / scale), abs=0.1)


def test_numbers_by_keyboard_typing_mouse_and_example(open_notebook):
    notebook = open_notebook(GEOMETRY, "print(explorer.state()['output_shape'], explorer.model.numbers())")
    page = notebook.page
    notebook.run_all()
    wait_for_counts(page, 7, 3, 2, 1)
    keep_screenshot(page, "geometry")

    slider(page, "Stride").focus()
    page.keyboard.press("ArrowLeft")
    wait_for_counts(page, 7, 3, 1, 1)
    formula = wait_for_text(page, ".cnnkit-words", r"⌊6 / 1⌋")
    assert "⌊(7 + 2·1 − 1·(3 − 1) − 1) / 1⌋ + 1 = ⌊6 / 1⌋ + 1 = 6 + 1 = 7" in formula

    type_in(page, "Kernel", 5)
    wait_for_counts(page, 7, 5, 1, 1)
    page.get_by_role("button", name="Pad to the same size").click()
    wait_for_counts(page, 7, 5, 1, 2)
    wait_for_value(page, "Padding as a number", "2")

    page.get_by_label("Example", exact=True).select_option("AlexNet (2012): 11×11, stride 4")
    wait_for_counts(page, 227, 11, 4, 0)
    wait_for_value(page, "Size as a number", "227")
    wait_for_text(page, ".cnnkit-title", "Output 55 × 55")
    keep_screenshot(page, "geometry_alexnet")

    handle = slider(page, "Dilation").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(handle["x"] + 60, handle["y"] + 5, steps=10)
    page.mouse.up()
    page.wait_for_timeout(500)
    dilation = int(page.get_by_label("Dilation as a number").input_value())
    assert dilation > 1
    _, taken = wait_for_counts(page, 227, 11, 4, 0, dilation)
    assert page.get_by_label("Example", exact=True).input_value() == "your own numbers"
    notebook.run_cell(1)
    said = rf"\[{len(taken)}, {len(taken)}\] \(227, 11, 4, 0, {dilation}\)"
    wait_for_text(page, f"{CELL}:nth-child(2) .jp-OutputArea-output", said)
    assert notebook.complaints == []


def test_pointing_goes_both_ways(open_notebook):
    notebook = open_notebook(GEOMETRY)
    page = notebook.page
    notebook.run_all()
    reads, taken = wait_for_counts(page, 7, 3, 2, 1)

    point_at(page, "output", 2, 3, taken.shape)
    text = wait_for_text(page, ".cnnkit-words", r"Output cell \(row 2, column 3\)")
    assert "rows = 2·2 − 1 + 1·(0, 1, 2) = 3, 4, 5" in text and "3 of them padding" in text
    assert place_of(page, "input", "window", 9) == (4, 6, 3, 3)
    assert place_of(page, "windows", "window", 9) == (3, 0, 1, 9)
    readout = page.locator(f"{picture('output')} .cnnkit-readout").inner_text()
    assert readout == f"row 2, column 3: {int(taken[2, 3])}"

    point_at(page, "input", 4, 4, reads.shape)  # pixel (3, 3) of the image
    text = wait_for_text(page, ".cnnkit-words", r"Input pixel \(row 3, column 3\)")
    assert "is read 2·2 = 4 times: by output rows 1, 2 and output columns 1, 2" in text
    assert "output (1, 1) with weight (2, 2)" in text
    assert place_of(page, "output", "window", 4) == (1, 1, 2, 2)
    readout = page.locator(f"{picture('input')} .cnnkit-readout").inner_text()
    assert readout == "row 3, column 3: 4"
    keep_screenshot(page, "geometry_readers")

    page.mouse.move(5, 5)
    page.locator(f"{picture('input')} .cnnkit-stage").focus()
    for key in ["ArrowUp"] * 4 + ["ArrowLeft"]:
        page.keyboard.press(key)
    text = wait_for_text(
        page, ".cnnkit-words", r"Padding \(row −1, column 2\), a zero beside the image, is read"
    )
    assert "1·1 = 1 time" in text
    readout = page.locator(f"{picture('input')} .cnnkit-readout").inner_text()
    assert readout == "row −1, column 2: padding"
    page.locator(f"{picture('output')} .cnnkit-stage").focus()
    page.keyboard.press("ArrowDown")
    wait_for_text(page, ".cnnkit-words", r"Output cell \(row 3, column 2\)")
    assert notebook.complaints == []


def test_dilation_lights_single_cells_and_the_impossible_is_told(open_notebook):
    notebook = open_notebook(GEOMETRY)
    page = notebook.page
    notebook.run_all()
    type_in(page, "Size", 9)
    type_in(page, "Dilation", 3)
    _, taken = wait_for_counts(page, 9, 3, 2, 1, 3)
    point_at(page, "output", 1, 1, taken.shape)
    wait_for_text(page, ".cnnkit-words", r"rows = 1·2 − 1 \+ 3·\(0, 1, 2\) = 1, 4, 7")
    cells = page.locator(f"{picture('input')} .cnnkit-winner")
    assert cells.count() == 9 and place_of(page, "input", "winner", 11) == (2, 2, 1, 1)
    keep_screenshot(page, "geometry_dilation")

    type_in(page, "Kernel", 7)
    reason = wait_for_text(page, "[role=alert]", "19 pixels")
    assert "only 11 rows" in reason and "less dilation or more padding" in reason
    assert page.locator(f"{picture('input')} .cnnkit-empty").count() == 1
    keep_screenshot(page, "geometry_impossible")

    page.get_by_label("Example", exact=True).select_option("7×7, 5×5, stride 3: left out")
    wait_for_counts(page, 7, 5, 3, 0)
    remark = wait_for_text(page, ".cnnkit-note", "does not cover")
    assert "the last 2 rows are left out" in remark
    assert "Every pixel is read with stride 2 or padding 1." in remark
    assert page.locator(f"{picture('input')} .cnnkit-hatched").count() == 2
    point_at(page, "input", 6, 0, (7, 7))
    wait_for_text(page, ".cnnkit-words", "The last window ends at row 4")
    keep_screenshot(page, "geometry_left_out")
    assert page.locator("[role=alert]").count() == 0
    assert notebook.complaints == []


def test_the_window_slides_by_itself(open_notebook):
    notebook = open_notebook(GEOMETRY)
    page = notebook.page
    notebook.run_all()
    wait_for_counts(page, 7, 3, 2, 1)
    slider(page, "Size").focus()  # buttons are named when a hand comes near
    page.get_by_role("button", name="Play", exact=True).click()
    for row, column in [(0, 2), (1, 0), (1, 2)]:  # not each stop: a slow page may show only some
        wait_for_text(page, ".cnnkit-words", rf"Output cell \(row {row}, column [{column}-3]\)")
    page.get_by_role("button", name="Pause", exact=True).click()
    page.wait_for_timeout(800)
    text = wait_for_text(page, ".cnnkit-words", r"Output cell")
    row, column = (
        int(text.split(name)[1].split(end)[0]) for name, end in (("(row ", ","), (", column ", ")"))
    )
    assert place_of(page, "input", "window", 9) == (2 * row, 2 * column, 3, 3)
    assert notebook.complaints == []
