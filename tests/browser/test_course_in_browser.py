"""The course's own notebooks in JupyterLab: Run All, as a learner does, and nothing goes wrong."""

import time
from pathlib import Path

import nbformat
import pytest
from jupyter_in_browser import Notebook

COURSE = Path(__file__).resolve().parents[2] / "course"
NAMES = [path.name for path in sorted(COURSE.glob("[0-9]*.ipynb"))]
SECONDS = 240

pytestmark = pytest.mark.browser


@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("name", NAMES)
def test_run_all(browser, lab, name):
    notebook = nbformat.read(COURSE / name, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    copy = lab.root / name
    nbformat.write(notebook, copy)
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    try:
        page = context.new_page()
        opened = Notebook(page, lab, name)
        opened.run_all(wait=False)
        cells = saved_when_done(page, copy)
        for cell in cells:
            assert not [output for output in cell.outputs if output.output_type == "error"], cell.source
        widgets = [
            c
            for c in cells
            for o in c.outputs
            if "application/vnd.jupyter.widget-view+json" in o.get("data", {})
        ]
        assert widgets, "every notebook has something to drag"
        assert opened.complaints == []
    finally:
        context.close()
        lab.end_kernels()


def saved_when_done(page, path):
    """The code cells of the notebook at `path`, saved from the page once the last of them has run."""
    deadline, cells = time.monotonic() + SECONDS, []
    while time.monotonic() < deadline:
        page.keyboard.press("Control+s")
        page.wait_for_timeout(1500)
        try:
            cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        except nbformat.reader.NotJSONError:  # it is being written
            continue
        if all(cell.execution_count for cell in cells):
            return cells
    missing = [cell.source[:60] for cell in cells if not cell.execution_count]
    raise AssertionError(f"not run within {SECONDS} s: {missing}")
