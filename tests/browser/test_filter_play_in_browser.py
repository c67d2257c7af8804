"""The filter explorer's window that slides by itself, in JupyterLab and Chromium, against plain NumPy."""

from __future__ import annotations

import re

import numpy as np
import pytest
from looking import keep_screenshot, picture, slider, wait_for_text

import cnnkit
from cnnkit.explore.parts import presets
from cnnkit.explore.parts.words import number

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

FILTER = "from cnnkit.explore import FilterExplorer\nexplorer = FilterExplorer()\nexplorer"
PLACE = r"Output pixel \(row (\d+), column (\d+)\)"


def places_until(page, enough):
    """The output pixels that are written out, each with its sum, in order, until `enough` of them came."""
    seen = []
    for _ in range(600):
        text = " ".join(page.locator(".cnnkit-words").all_inner_texts())
        place = re.search(PLACE, text)
        found = (int(place[1]), int(place[2]), re.search(r"sum = (\S+)", text)[1])
        if not seen or seen[-1] != found:
            seen.append(found)
        if enough(seen):
            return seen
        page.wait_for_timeout(30)
    raise AssertionError(f"the window only reached {seen[-1]}")


def test_the_window_slides_by_itself_stops_and_goes_on(open_notebook):
    notebook = open_notebook(FILTER)
    page = notebook.page
    notebook.run_all()
    windows = np.lib.stride_tricks.sliding_window_view(cnnkit.data.photo()[0, 0].astype(np.float64), (3, 3))
    result = (windows * presets.edges(3)).sum(axis=(2, 3))
    wait_for_text(page, ".cnnkit-playlabel", r"every 10th pixel of every 30th row, 300 stops")
    slider(page, "Stride").focus()  # buttons are named when a hand comes near

    page.get_by_role("button", name="Play", exact=True).click()
    seen = places_until(page, lambda seen: any(row == 30 and column >= 40 for row, column, _ in seen))
    stops = [(row, column) for row, column, _ in seen if (row, column) != (seen[0][0], seen[0][1])]
    assert stops == sorted(stops) and len(stops) >= 10  # on and on, and down to the next row
    for row, column, said in seen:
        assert row % 30 == 0 or (row, column) == seen[0][:2]
        assert said.rstrip(",") == number(result[row, column])
    keep_screenshot(page, "filter_play")

    page.get_by_role("button", name="Pause", exact=True).press("Enter")
    page.wait_for_timeout(800)
    before = wait_for_text(page, ".cnnkit-words", PLACE)
    page.wait_for_timeout(800)
    assert wait_for_text(page, ".cnnkit-words", PLACE) == before
    row, column = map(int, re.search(PLACE, before).groups())
    mark = page.locator(f"{picture('photo')} .cnnkit-window").bounding_box()
    frame = page.locator(f"{picture('photo')} .cnnkit-overlay").bounding_box()
    assert (mark["x"] - frame["x"]) / frame["width"] * 300 == pytest.approx(column, abs=0.1)
    assert (mark["y"] - frame["y"]) / frame["height"] * 300 == pytest.approx(row, abs=0.1)

    page.locator(f"{picture('result')} .cnnkit-stage").focus()
    page.keyboard.press("ArrowRight")  # by hand from where it paused
    wait_for_text(page, ".cnnkit-words", rf"row {row}, column {column + 1}\)")
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_for_text(page, ".cnnkit-words", r"row 0, column 0\)")
    assert notebook.complaints == []
