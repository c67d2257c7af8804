"""Fixtures of the browser tests; all of them are skipped, with the reason, where there is no Chromium."""

from __future__ import annotations

import itertools

import pytest
from jupyter_in_browser import CHROMIUM_FLAGS, Lab, Notebook, find_chromium


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (pip install cnnkit[browser])"
    )
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium or Chrome found on the PATH")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, headless=True, args=CHROMIUM_FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


numbers = itertools.count(1)  # of notebooks: no two share a file, a kernel or a workspace


@pytest.fixture
def open_notebook(browser, lab):
    """open_notebook(cell, cell, ...) writes these cells to a notebook and opens it."""
    contexts = []

    def open_(*cells: str, width: int = 1280, height: int = 1000) -> Notebook:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        return Notebook(context.new_page(), lab, lab.write(f"notebook{next(numbers)}.ipynb", *cells))

    yield open_
    for context in contexts:
        context.close()
    lab.end_kernels()


@pytest.fixture
def dark_theme(lab):
    """JupyterLab in its dark theme for one test."""
    file = lab.settings / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    file.write_text('{"theme": "JupyterLab Dark"}')
    yield
    file.unlink()
