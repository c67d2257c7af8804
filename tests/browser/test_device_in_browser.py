"""The device explorer in JupyterLab and Chromium: picked by keyboard and mouse, tested, failing, refused."""

from __future__ import annotations

import numpy as np
import pytest
from looking import OVERFLOW, keep_screenshot, picture, point_at, wait_for_picture, wait_for_text

import cnnkit
from cnnkit.explore.parts import colors
from cnnkit.explore.parts.words import number

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# Beside the real device one that fails its self-test, and a simulator: what few machines have together.
DEVICES = """
import copy, cnnkit
from cnnkit import checkup
from cnnkit.explore import DeviceExplorer

real = cnnkit.current_device()
def stand_in(index, name, kind):
    made = copy.copy(real)
    made.index, made.name, made.kind = index, name, kind
    return made
found = [real, stand_in(1, "Broken GPU", "GPU"), stand_in(2, "Patient Simulator", "simulator")]
cnnkit.devices = lambda: found
tested, test = [], checkup.self_test
def self_test(index):
    tested.append(index)
    if index == 1:
        raise cnnkit.DeviceError("A driver crashes: the self-test of device 1 ended Python.")
    test(real.index)
checkup.self_test = self_test
explorer = DeviceExplorer()
explorer
"""


@pytest.fixture(scope="module")
def edges():
    image = cnnkit.data.photo()[0, 0].astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, 1), (3, 3))
    return np.abs(9 * image - windows.sum(axis=(2, 3)))


def test_devices_are_picked_tested_and_refused(open_notebook, edges):
    notebook = open_notebook(DEVICES, "print(tested, cnnkit.current_device() is real)")
    page = notebook.page
    notebook.run_all()
    assert notebook.output(1) == "[] True"  # looking alone tests nothing
    painted = colors.paint(edges, "gray", 0, edges.max())
    wait_for_picture(page, "edges", painted)
    keep_screenshot(page, "device")
    table = page.get_by_role("table").first.inner_text()
    assert "Broken GPU" in table and "simulator, very slow" in table and "self-test" in table

    page.get_by_role("button", name="Use this one").click()
    wait_for_text(page, "[role=status]", "passed its self-test and is still in use")

    page.get_by_role("radio").nth(0).focus()
    page.keyboard.press("ArrowDown")
    assert page.get_by_role("radio").nth(1).is_checked()
    page.get_by_role("button", name="Use this one").press("Enter")
    told = wait_for_text(page, "[role=status]", "A driver crashes")
    assert "stays in use" in told
    wait_for_text(page, "table", "FAILED: A driver crashes")
    keep_screenshot(page, "device_failed")

    page.get_by_role("radio", name="Patient Simulator").check()
    page.get_by_role("button", name="Test", exact=True).click()
    wait_for_text(page, "[role=status]", "nothing was run on it")
    notebook.run_cell(1)
    wait_for_text(page, ".jp-OutputArea-output", r"\[0, 1\] True")
    keep_screenshot(page, "device_simulator")

    point_at(page, "edges", 150, 100, edges.shape)
    wait_for_text(
        page, f"{picture('edges')} .cnnkit-readout", f"row 150, column 100: {number(edges[150, 100])}"
    )
    assert notebook.complaints == []


def test_the_table_and_long_names_stay_inside_400_pixels(open_notebook):
    notebook = open_notebook(DEVICES, width=400, height=1600)
    page = notebook.page
    page.keyboard.press("Control+b")
    notebook.run_all()
    page.get_by_role("table").first.wait_for()
    keep_screenshot(page, "device_narrow")
    root = page.locator(".cnnkit-explorer")
    assert (
        root.evaluate(OVERFLOW, ".cnnkit-part, .cnnkit-stage, .cnnkit-tablebox, button, input, label") == []
    )
    assert notebook.complaints == []
