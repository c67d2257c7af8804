"""The drawing explorer in JupyterLab and Chromium: mouse, keys and touch, against the model's own answer."""

from __future__ import annotations

import json

import numpy as np
import pytest
from jupyter_in_browser import CELL
from looking import keep_screenshot, picture, pixels, point_at, wait_for_picture, wait_for_text

from cnnkit.explore.parts import colors, ink
from cnnkit.explore.parts.inside import softmax
from cnnkit.explore.parts.trained import digits_network, digits_test
from cnnkit.explore.parts.words import number

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

DRAW = "from cnnkit.explore import DrawExplorer\nexplorer = DrawExplorer()\nexplorer"
# What the network itself says of what the pad holds, not of what the explorer shows.
ASK = """
import json, numpy as np, cnnkit
from cnnkit.explore.parts import ink
def told():
    model = explorer.model
    bitmap = explorer.pad.bitmap
    counted = ink.fit(bitmap).bitmap if model.fit else bitmap
    seen = cnnkit.data.ink_counts(counted)
    scores = model.network(seen[None, None]).get()[0].astype(float)
    chances = np.exp(scores - scores.max())
    return {"cells": np.flatnonzero(bitmap).tolist(), "seen": seen.tolist(), "fit": model.fit,
            "chances": (chances / chances.sum()).tolist(), "same": bool((bitmap == model.bitmap).all())}
print("TOLD" + json.dumps(told()) + "END")
"""
PEN = picture("pad")


@pytest.fixture
def opened(open_notebook):
    notebook = open_notebook(DRAW, ASK, height=1400)
    notebook.run_all()
    notebook.page.locator(f"{PEN} .cnnkit-stage").wait_for()
    return notebook


def shown_cells(page) -> np.ndarray:
    """The ink that the browser paints, (32, 32)."""
    return pixels(page, "pad")[..., 0] > 128


def wait_for_ink(page, expected: np.ndarray) -> None:
    for _ in range(200):
        if np.array_equal(shown_cells(page), expected):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"the pad shows {shown_cells(page).sum()} cells, expected {expected.sum()}")


def wait_for_kernel(page, expected: np.ndarray) -> None:
    """Until the kernel has described this amount of ink: the words come from there."""
    amount = f", {expected.sum()} cells inked" if expected.any() else ", empty"
    page.locator(f"{PEN} .cnnkit-stage[aria-label*='{amount}']").wait_for()


def ask(notebook) -> dict:
    """What the kernel holds and what its network answers."""
    page = notebook.page
    output = f"{CELL}:nth-child(2) .jp-OutputArea-output"
    page.locator(output).first.evaluate("node => node.remove()")
    notebook.run_cell(1)
    text = "".join(wait_for_text(page, output, "TOLD.*END").split("TOLD")[-1].split("END")[0].splitlines())
    return json.loads(text)


def check_answer(notebook, expected: np.ndarray) -> dict:
    """The page, the kernel and the network agree on `expected` (32, 32) and what it says."""
    page = notebook.page
    wait_for_ink(page, expected)
    wait_for_kernel(page, expected)
    told = ask(notebook)
    bitmap = ink.empty()
    bitmap.ravel()[told["cells"]] = True
    assert told["same"] and np.array_equal(bitmap, expected)
    wait_for_picture(page, "seen", colors.paint(np.array(told["seen"]), "gray", 0, 1))
    chances = told["chances"]
    winner = int(np.argmax(chances))
    share = f"{100 * chances[winner]:.1f}"
    share = "over 99.9" if share == "100.0" else share
    assert f"It reads a {winner}: {share} %." in wait_for_text(page, ".cnnkit-answer", "It reads")
    return told


def at(page, row: float, column: float) -> tuple[float, float]:
    """Where a place of the pad, in cells, lies on the page."""
    page.locator(f"{PEN} .cnnkit-pixels").scroll_into_view_if_needed()
    box = page.locator(f"{PEN} .cnnkit-pixels").bounding_box()
    return box["x"] + column / 32 * box["width"], box["y"] + row / 32 * box["height"]


def drag(page, points, **button) -> None:
    page.mouse.move(*at(page, *points[0]))
    page.mouse.down(**button)
    for point in points[1:]:
        page.mouse.move(*at(page, *point))
    page.mouse.up(**button)


def keep(page, name: str) -> None:
    """A screenshot with the pad at the top of the page."""
    page.locator(PEN).evaluate("pad => pad.scrollIntoView({block: 'start'})")
    keep_screenshot(page, name)


def tool(page, name: str):
    return page.locator(PEN).get_by_role("button", name=name)


def test_a_one_by_mouse_is_inked_counted_and_read(opened):
    page = opened.page
    example = shown_cells(page)
    assert example.any()
    keep(page, "draw")
    tool(page, "Clear").click()
    wait_for_ink(page, ink.empty())
    wait_for_text(page, ".cnnkit-answer", "Draw a digit")

    line = [(9, 12), (4, 16.5), (28, 16.5)]
    drag(page, line)  # two events for the whole stroke: what lies between is filled in
    told = check_answer(opened, ink.stroke(line, 5))
    assert int(np.argmax(told["chances"])) == 1 and told["fit"]
    keep(page, "draw_one")

    drag(page, [(30, 0), (30, 32)], button="right")  # erases, also what the line had not reached
    drag(page, [(20, 10), (20, 20)], button="right")
    erased = ink.stroke(line, 5) & ~ink.stroke([(20, 10), (20, 20)], 5) & ~ink.stroke([(30, 0), (30, 32)], 5)
    check_answer(opened, erased)
    tool(page, "Undo").click()
    tool(page, "Undo").press("Enter")
    check_answer(opened, ink.stroke(line, 5))
    page.locator(f"{PEN} .cnnkit-stage").press("Control+z")
    wait_for_ink(page, ink.empty())
    page.locator(f"{PEN} .cnnkit-stage").press("Control+z")
    wait_for_ink(page, example)
    assert tool(page, "Undo").is_disabled()
    assert opened.complaints == []


def test_a_one_by_keyboard(opened):
    page = opened.page
    tool(page, "Clear").press("Enter")
    wait_for_ink(page, ink.empty())
    stage = page.locator(f"{PEN} .cnnkit-stage")
    stage.focus()
    for key in ["ArrowUp"] * 12 + [" "] + ["ArrowDown"] * 23 + ["Enter", "ArrowRight"]:
        page.keyboard.press(key)
    readout = page.locator(f"{PEN} .cnnkit-readout")
    assert readout.inner_text() == "row 27, column 17: ink, pen up"
    drawn = ink.stroke([(4.5, 16.5), (27.5, 16.5)], 5)
    told = check_answer(opened, drawn)
    assert int(np.argmax(told["chances"])) == 1
    stage.focus()
    page.keyboard.press("Backspace")
    check_answer(opened, drawn & ~ink.stroke([(27.5, 17.5)], 5))
    label = stage.get_attribute("aria-label")
    assert "cells inked" in label and "rows 2 to" in label and "Space sets it down" in label
    page.locator(f"{PEN} summary").press("Enter")
    assert "14 to 18" in wait_for_text(page, f"{PEN} .cnnkit-table", "inked columns")
    tool(page, "Clear").click()
    wait_for_text(page, ".cnnkit-answer", "Draw a digit")
    assert opened.complaints == []


def test_a_sample_is_picked_by_keys_and_nudged(opened):
    page, images = opened.page, digits_test().images
    slider = page.get_by_role("slider", name="Sample", exact=True)
    page.get_by_label("Sample as a number").focus()
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    wait_for_picture(page, "seen", colors.paint(images[2, 0], "gray", 0, 1))
    told = check_answer(opened, ink.of_counts(images[2, 0]))
    assert not told["fit"]
    wait_for_text(page, ".cnnkit-note", "counted as it is")
    page.get_by_role("button", name="←").press("Enter")
    page.get_by_role("button", name="thinner").click()
    check_answer(opened, ink.thinner(ink.moved(ink.of_counts(images[2, 0]), 0, -1)))
    keep(page, "draw_sample")
    tool(page, "Undo").click()
    check_answer(opened, ink.moved(ink.of_counts(images[2, 0]), 0, -1))
    tool(page, "Clear").click()
    wait_for_ink(page, ink.empty())
    wait_for_kernel(page, ink.empty())
    page.get_by_role("checkbox", name="Fit it, as the digits were", checked=True).wait_for()
    assert opened.complaints == []


def test_touch_draws_and_does_not_scroll(opened):
    page = opened.page
    tool(page, "Clear").click()
    wait_for_ink(page, ink.empty())
    session = page.context.new_cdp_session(page)
    points = [(5, 8), (14, 16), (26, 20)]

    def touch(kind, place=None):
        spots = [] if place is None else [dict(zip("xy", at(page, *place), strict=True))]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

    touch("touchStart", points[0])
    before = page.locator(PEN).bounding_box()
    for point in points[1:]:
        touch("touchMove", point)
    touch("touchEnd")
    drawn = ink.stroke(points, 5)
    page.wait_for_function(f"Number(document.querySelector('{PEN}').dataset.ink) > {drawn.sum() - 12}")
    assert page.locator(PEN).bounding_box() == before
    # A touch's place comes in whole pixels of the page: the edge of the stroke may differ by a cell.
    shown = shown_cells(page)
    assert (ink.thinner(drawn) & ~shown).sum() == 0 and (shown & ~ink.thicker(drawn)).sum() == 0
    check_answer(opened, shown)
    assert opened.complaints == []


def test_pointing_shows_what_a_number_saw_and_how_it_came_about(opened):
    page = opened.page
    told = ask(opened)
    seen = np.array(told["seen"])
    point_at(page, "layer1", 3, 4, (35, 35))
    text = wait_for_text(page, ".cnnkit-words", r"Layer 0, Conv2d, map 0, row 3, column 4")
    assert "It can see 3 × 3 pixels" in text and "with the bias" in text
    frame = page.locator(f"{picture('seen')} .cnnkit-overlay").bounding_box()
    window = page.locator(f"{picture('seen')} .cnnkit-window").bounding_box()
    scale = frame["width"] / 8
    assert (window["x"] - frame["x"]) / scale == pytest.approx(3, abs=0.1)
    assert (window["y"] - frame["y"]) / scale == pytest.approx(2, abs=0.1)
    assert window["width"] / scale == pytest.approx(3, abs=0.1)
    assert page.locator(f"{PEN} .cnnkit-window").count() == 1
    keep(page, "draw_hover")

    page.locator(f"{picture('seen')} .cnnkit-stage").focus()
    page.mouse.move(5, 5)
    page.keyboard.press("ArrowLeft")
    assert wait_for_text(page, ".cnnkit-words", r"Pixel \(row \d, column \d\): ")
    point_at(page, "importance", 2, 3, (7, 7))
    text = wait_for_text(page, ".cnnkit-words", "rows 2 to 3 and columns 3 to 4 covered")
    chances = np.array(told["chances"])
    covered = seen.astype(np.float32)
    covered[2:4, 3:5] = 0.5
    after = softmax(digits_network()(covered[None, None]).get())[0, chances.argmax()]
    assert f"goes from {number(chances.max())} to {number(after)}" in text
    assert opened.complaints == []


def test_a_network_that_cannot_look_is_explained(open_notebook):
    notebook = open_notebook(
        "import cnnkit\nfrom cnnkit.explore import DrawExplorer\n"
        "network = cnnkit.Sequential(cnnkit.Flatten(), cnnkit.Linear(50, 10))\n"
        "explorer = DrawExplorer(network)\nexplorer"
    )
    notebook.run_all()
    reason = wait_for_text(notebook.page, "[role=alert]", "cannot look at the pad")
    assert "(1, 8, 8)" in reason and "Linear(64, 10)" in reason
    assert notebook.complaints == []
