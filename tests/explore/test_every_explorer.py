"""What every explorer promises, tried on each one that `cnnkit.explore` exports; none can be forgotten."""

from __future__ import annotations

import json

import ipywidgets
import numpy as np
import pytest

import cnnkit.explore
from cnnkit.explore.parts.base import Explorer, Model
from cnnkit.explore.parts.canvas import Canvas
from cnnkit.explore.parts.chart import Chart
from cnnkit.explore.parts.colors import TABLES

EXPLORERS = [
    one
    for name in cnnkit.explore.__all__
    if isinstance(one := getattr(cnnkit.explore, name), type) and issubclass(one, Explorer)
]
SLIDERS = (ipywidgets.IntSlider, ipywidgets.FloatSlider, ipywidgets.SelectionSlider)
NUMBERS = (ipywidgets.BoundedIntText, ipywidgets.BoundedFloatText, ipywidgets.IntText, ipywidgets.FloatText)
CONTROLS = (*SLIDERS, *NUMBERS, ipywidgets.Dropdown, ipywidgets.ToggleButtons, ipywidgets.Checkbox)


def widgets_in(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from widgets_in(child)


def controls_in(explorer):
    return [part for part in widgets_in(explorer) if isinstance(part, CONTROLS)]


def extremes(control):
    """The values at the ends of a control, and one between."""
    if isinstance(control, ipywidgets.SelectionSlider | ipywidgets.Dropdown | ipywidgets.ToggleButtons):
        values = [value for _, value in control._options_full]
        return [values[0], values[len(values) // 2], values[-1]]
    if isinstance(control, ipywidgets.Checkbox):
        return [True, False]
    if not hasattr(control, "min"):
        return [control.value]
    middle = (control.min + control.max) / 2
    return [control.min, type(control.value)(middle), control.max]


def dead_ends(explorer):
    """Errors of callbacks; a problem of the model is no error but a sentence."""
    return list(explorer._errors.values())


@pytest.fixture(params=EXPLORERS, ids=lambda one: one.__name__)
def explorer(request):
    before = cnnkit.current_device()
    yield request.param()
    cnnkit.use(before)


def test_there_are_explorers():
    assert len(EXPLORERS) >= 3


def test_it_shows_something_at_once(explorer):
    assert explorer.message.value == "" or "cnnkit-problem" not in explorer.message.value
    assert isinstance(explorer.model, Model) and explorer.model.problem == ""
    assert len(explorer.pictures()) >= 1
    sentence = explorer.describe()
    assert sentence.endswith((".", "!")) and 30 < len(sentence) < 300


def test_its_still_is_a_picture_that_notebooks_can_keep(explorer):
    bundle = explorer._repr_mimebundle_()
    png = explorer.still()
    assert png.startswith(b"\x89PNG") and 3000 < len(png) < 400_000
    assert bundle["text/plain"] == explorer.describe() and "image/png" in bundle
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_its_state_is_plain(explorer):
    state = explorer.state()
    assert json.loads(json.dumps(state)) == state
    for name in explorer.model.controlled:
        assert explorer.model.has_trait(name) and name in state


def test_a_setting_that_does_not_exist_is_refused(explorer):
    with pytest.raises(TypeError, match="bogus"):
        type(explorer)(bogus=1)


def test_every_picture_has_words(explorer):
    for part in widgets_in(explorer):
        if isinstance(part, Canvas | Chart) and part.layout.display != "none":
            assert part.name and part.title, part
            assert len(part.alt) > 10, part.name
        if isinstance(part, Canvas):
            assert part.colors in TABLES


def test_every_control_has_a_name_and_every_slider_a_number_box(explorer):
    for control in controls_in(explorer):
        named = getattr(control, "description", "") or getattr(control, "tooltip", "")
        assert named or getattr(control, "tooltips", ()), control
    for pair in (part for part in widgets_in(explorer) if isinstance(part, ipywidgets.Box)):
        for slide in (part for part in pair.children if isinstance(part, SLIDERS)):
            boxes = [part for part in pair.children if isinstance(part, NUMBERS)]
            assert len(boxes) == 1 and slide.description in boxes[0].tooltip


def test_no_control_leads_to_an_error(explorer):
    """Every control at its ends and in the middle, then a random walk over all of them."""
    controls = [control for control in controls_in(explorer) if not control.disabled]
    for control in controls:
        for value in extremes(control):
            control.value = value
            assert dead_ends(explorer) == [], (control.description or control.tooltip, value)
    rng = np.random.default_rng(0)
    for _ in range(60):
        if not controls:
            break
        control = controls[rng.integers(len(controls))]
        values = extremes(control)
        value = values[rng.integers(len(values))]
        control.value = value
        assert dead_ends(explorer) == [], (control.description or control.tooltip, value)
        if explorer.model.problem:
            assert explorer.model.problem.endswith((".", "?", "!"))
            assert "Something went wrong" not in explorer.model.problem, explorer.model.problem
    assert explorer.still().startswith(b"\x89PNG") and explorer.describe()
    json.dumps(explorer.state())


def test_pointing_anywhere_is_answered(explorer):
    for canvas in (part for part in widgets_in(explorer) if isinstance(part, Canvas)):
        if not canvas.interactive or canvas.values is None:
            continue
        height, width = canvas.values.shape[:2]
        for place in ((0, 0), (height - 1, width - 1), (height // 2, width // 3)):
            if canvas.values is not None:
                canvas.focus = place
            assert dead_ends(explorer) == [], (canvas.name, place)
    for chart in (part for part in widgets_in(explorer) if isinstance(part, Chart)):
        if chart.interactive and chart.lines and chart.lines[0]["x"]:
            for x in (chart.lines[0]["x"][0], chart.lines[0]["x"][-1]):
                chart.focus = x
                assert dead_ends(explorer) == [], (chart.name, x)


def test_an_error_while_drawing_is_told_and_ends(explorer):
    explorer.safely(lambda: 1 / 0, "an accident")()
    assert "ZeroDivisionError" in explorer.message.value and "role" in explorer.message.value
    explorer.safely(lambda: None, "an accident")()
    assert "ZeroDivisionError" not in explorer.message.value
