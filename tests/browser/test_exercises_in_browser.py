"""Exercises in JupyterLab: a mistake is named, a crash costs nothing, an explorer's state is handed in."""

from __future__ import annotations

import json
import time

import pytest
from jupyter_in_browser import CELL
from looking import keep_screenshot, slider

from cnnkit.exercises.grading.notebook_file import read
from cnnkit.exercises.registry import exercises, find

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

POINTS = sum(exercise.points for exercise in exercises().values())
IMPORTS = """
import numpy as np
from cnnkit.exercises import check, hint, progress
from cnnkit.explore import FilterExplorer
kept = "this notebook's work"
"""
TURNED = """
def corr2d(x, w):
    w = w[::-1, ::-1]
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape)
    return (windows * w).sum(axis=(2, 3))
check("01.2", corr2d)
"""
RIGHT = TURNED.replace("    w = w[::-1, ::-1]\n", "")
KERNEL = """%%kernel filter2d
__kernel void filter2d(__global const float *x, __global const float *w, __global float *y,
                       const int H, const int W, const int R, const int S)
{
    int j = get_global_id(0), i = get_global_id(1);
    BODY
}
"""
FAR = KERNEL.replace("BODY", "y[(i + 1) * 100000000 + j] = 1.0f;")
ENDLESS = KERNEL.replace("BODY", "for (int r = 0; r < R; r += 0) y[0] += x[r];")


def wait_for_output(notebook, index, words, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        outputs = notebook.page.locator(CELL).nth(index).locator(".jp-OutputArea-output").all_inner_texts()
        if any(words in text for text in outputs):
            return "\n".join(outputs)
        notebook.page.wait_for_timeout(200)
    raise AssertionError(f"{words!r} is not in {outputs}")


def test_a_mistake_is_named_and_drawn_and_then_mended(open_notebook):
    notebook = open_notebook(IMPORTS, TURNED, RIGHT, 'hint("01.2")', "progress()", height=1600)
    notebook.run_all()
    said = wait_for_output(notebook, 1, "01.2 not yet: 1 of 4 points")
    assert "You turned the filter by 180 degrees" in said and "19 is expected and yours is 5" in said
    image = notebook.page.locator(CELL).nth(1).locator("img")
    assert "the difference" in image.get_attribute("alt")
    assert image.evaluate("picture => picture.complete && picture.naturalWidth > 300")
    assert (
        wait_for_output(notebook, 2, "01.2 passed: 4 of 4 points.").strip() == "01.2 passed: 4 of 4 points."
    )
    assert "Hint 1 of 3" in wait_for_output(notebook, 3, "Hint 1 of 3")
    assert f"4 of {POINTS} points" in wait_for_output(
        notebook, 4, f"1 of {len(exercises())} exercises passed"
    )
    keep_screenshot(notebook.page, "exercise-failed-and-passed")
    assert notebook.complaints == []


def test_a_kernel_that_crashes_or_never_ends_costs_nothing(open_notebook):
    notebook = open_notebook(
        IMPORTS,
        FAR,
        'check("01.7", filter2d)',
        ENDLESS,
        'check("01.7", filter2d)',
        "print(kept)",
        height=1600,
    )
    notebook.run_all()
    assert "line 6 of your cell" in wait_for_output(notebook, 2, "01.7 not yet: 0 of 4 points")
    assert "did not end within 5 s" in wait_for_output(notebook, 4, "01.7 not yet: 0 of 4 points")
    assert wait_for_output(notebook, 5, "this notebook's work")
    keep_screenshot(notebook.page, "exercise-kernel")
    assert notebook.complaints == []


def test_a_state_reached_with_the_keyboard_is_saved_for_the_teacher(open_notebook, lab):
    explorer = "small_explorer = FilterExplorer(np.zeros((1, 1, 7, 7)))\nsmall_explorer"
    notebook = open_notebook(IMPORTS, explorer, 'check("01.5", small_explorer)', height=1600)
    notebook.run_all()
    wait_for_output(notebook, 2, "make its steps longer")
    slider(notebook.page, "Stride").focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.page.wait_for_timeout(1000)
    notebook.run_cell(2)
    wait_for_output(notebook, 2, "01.5 passed: 1 of 1 point.")
    with notebook.saving():
        notebook.page.keyboard.press("Control+s")
    path = sorted(lab.root.glob("notebook*.ipynb"), key=lambda p: p.stat().st_mtime)[-1]
    ((name, state),) = read(path).states
    assert name == "01.5" and find("01.5").goal(json.loads(state)) == ""
