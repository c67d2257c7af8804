"""What every explorer promises, in JupyterLab and Chromium: names, words, tables, narrow and dark pages."""

from __future__ import annotations

import pytest
from looking import CONTRAST, OVERFLOW, keep_screenshot

import cnnkit.explore
from cnnkit.explore.parts.base import Explorer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

NAMES = [
    name
    for name in cnnkit.explore.__all__
    if isinstance(one := getattr(cnnkit.explore, name), type) and issubclass(one, Explorer)
]
SHOW = "from cnnkit.explore import {name}\nexplorer = {name}()\nexplorer"

# Controls that a screen reader could not name.
NAMELESS = """root => [...root.querySelectorAll('input, select, button, [tabindex="0"]')]
    .filter(control => control.offsetParent !== null)
    .filter(control => !(control.getAttribute('aria-label') || control.title || control.textContent.trim()
                         || control.labels?.[0]?.textContent.trim()))
    .map(control => control.outerHTML.slice(0, 200))"""

# Pictures and charts without a sentence.
WORDLESS = """root => [...root.querySelectorAll('.cnnkit-stage, .cnnkit-chart > svg')]
    .filter(picture => picture.getBoundingClientRect().width > 0)
    .filter(picture => (picture.getAttribute('aria-label') || '').length < 10)
    .map(picture => picture.outerHTML.slice(0, 200))"""

# Sliders whose row has no box to type a number into.
BOXLESS = """root => [...root.querySelectorAll('.widget-slider')]
    .filter(slider => slider.offsetParent !== null)
    .filter(slider => !slider.parentElement.querySelector('input[type=number]'))
    .map(slider => slider.textContent)"""

# Sentences that two explorers' parts cover each other with: texts cut off by their own box.
CLIPPED = """root => [...root.querySelectorAll('.widget-label, .jupyter-button, .cnnkit-title')]
    .filter(part => part.offsetParent !== null && part.scrollWidth > part.clientWidth + 1)
    .map(part => part.textContent)"""


def shown(open_notebook, name, **page_size):
    notebook = open_notebook(SHOW.format(name=name), **page_size)
    if page_size.get("width", 1280) < 500:
        notebook.page.keyboard.press("Control+b")  # the list of files takes half of a narrow page
    notebook.run_all()
    root = notebook.page.locator(".cnnkit-explorer").first
    root.wait_for()
    notebook.page.wait_for_timeout(1000)
    return notebook, root


@pytest.mark.parametrize("name", NAMES)
def test_it_is_named_told_in_words_and_read_as_tables(open_notebook, name):
    notebook, root = shown(open_notebook, name, height=1500)
    keep_screenshot(notebook.page, name)
    for part in root.locator(".widget-slider [role=slider]").all()[:1]:
        part.focus()  # names are given when the hand comes near
    assert root.evaluate(NAMELESS) == []
    assert root.evaluate(WORDLESS) == []
    assert root.evaluate(BOXLESS) == []
    assert root.evaluate(CLIPPED) == []
    opened = 0
    for summary in root.locator(".cnnkit-part summary").all():
        if summary.is_visible():
            summary.press("Enter")
            opened += 1
    notebook.page.wait_for_timeout(300)
    tables = root.locator(".cnnkit-part details[open] .cnnkit-tablebox table")
    assert opened >= 1 and tables.count() == opened
    assert notebook.complaints == []


@pytest.mark.parametrize("name", NAMES)
def test_it_is_legible_in_the_dark_and_at_400_pixels(open_notebook, dark_theme, name):
    notebook, root = shown(open_notebook, name, width=400, height=2200)
    keep_screenshot(notebook.page, f"{name}_narrow")
    assert root.evaluate(OVERFLOW, ".cnnkit-part, .cnnkit-stage, .widget-slider, button, input, select") == []
    assert (
        root.evaluate(CONTRAST, ".cnnkit-title, .cnnkit-caption, .cnnkit-readout, .cnnkit-note, summary")
        == []
    )
    assert root.evaluate(NAMELESS) == []
    assert notebook.complaints == []
