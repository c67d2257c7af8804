"""Controls tied to traits, and what charts, pictures and sheets are drawn from, without a browser."""

from __future__ import annotations

import ipywidgets
import numpy as np
import pytest
import traitlets

from cnnkit.explore.parts import still
from cnnkit.explore.parts.base import Explorer, Model
from cnnkit.explore.parts.canvas import Canvas
from cnnkit.explore.parts.chart import Chart, bars, line, marker
from cnnkit.explore.parts.sheet import corner_of, mosaic, place_in


class Doubling(Model):
    """Twice `amount`, for amounts up to 10."""

    inputs = ("amount",)
    controlled = ("amount", "rate", "kind", "shared_range")

    amount = traitlets.Int(1)
    rate = traitlets.Float(0.1)
    kind = traitlets.Enum(["a", "b"], "a")
    shared_range = traitlets.Bool(True)

    def __init__(self, **settings):
        super().__init__(**settings)
        self.begin()

    def compute(self):
        if self.amount > 10:
            return f"{self.amount} is more than 10: take less."
        if self.amount < 0:
            raise ZeroDivisionError("below nothing")
        self.double = 2 * self.amount
        return None


@pytest.fixture
def explorer():
    return Explorer(Doubling())


def parts(box):
    return box.children


def test_a_model_computes_at_once_and_whenever_an_input_changes():
    model = Doubling(amount=3)
    assert (model.double, model.version) == (6, 1)
    model.rate = 0.5  # no input
    assert model.version == 1
    model.amount = 4
    assert (model.double, model.version) == (8, 2)


def test_an_impossible_setting_and_an_error_are_sentences_and_end():
    model = Doubling(amount=11)
    assert model.problem == "11 is more than 10: take less."
    model.amount = -1
    assert "ZeroDivisionError" in model.problem and "below nothing" in model.problem
    model.amount = 2
    assert (model.problem, model.double) == ("", 4)


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(TypeError, match="no setting 'amuont'"):
        Doubling(amuont=3)


def test_a_slider_and_its_number_box_follow_the_model_and_lead_it(explorer):
    slide, box = parts(explorer.slider("amount", "Amount", 0, 9))
    assert (slide.description, box.tooltip) == ("Amount", "Amount as a number")
    slide.value = 5
    assert (explorer.model.amount, box.value) == (5, 5)
    box.value = 7
    assert (explorer.model.amount, slide.value) == (7, 7)
    explorer.model.amount = 10  # beyond the slider's end: the model's value stands
    assert (explorer.model.amount, slide.value) == (10, 9)


def test_a_number_slider_takes_fractions(explorer):
    slide, box = parts(explorer.number_slider("rate", "Rate", 0, 1, 0.01))
    box.value = 0.25
    assert (explorer.model.rate, slide.value) == (0.25, 0.25)


def test_a_scale_slider_stands_at_the_nearest_logarithm_and_keeps_the_number(explorer):
    slide, box = parts(explorer.scale_slider("rate", "Rate", [0.001, 0.01, 0.1, 1.0]))
    assert slide.value == 0.1
    box.value = 0.02
    assert (explorer.model.rate, slide.value) == (0.02, 0.01)
    slide.value = 1.0
    assert (explorer.model.rate, box.value) == (1.0, 1.0)
    box.value = 0.0
    assert (explorer.model.rate, slide.value) == (0.0, 0.001)


def test_choices_and_switches_follow_the_model(explorer):
    buttons = explorer.choice("kind", [("A", "a", "the first"), ("B", "b", "the second")])
    menu = explorer.dropdown("kind", "Kind", ["a", "b"])
    box = explorer.checkbox("shared_range", "same colors")
    buttons.value = "b"
    assert (explorer.model.kind, menu.value) == ("b", "b")
    box.value = False
    assert explorer.model.shared_range is False
    assert all(control.description or control.tooltips for control in (buttons, menu, box))


def test_a_player_counts_and_its_errors_are_told(explorer):
    seen = []

    def go(step):
        if step == 2:
            raise ValueError("no second step")
        seen.append(step)

    play = next(part for part in parts(explorer.player(go, "Slide")) if isinstance(part, ipywidgets.Play))
    play.value = 1
    play.value = 2
    assert "no second step" in explorer.message.value
    play.value = 3
    assert seen == [1, 3] and explorer.message.value == ""


def test_bars_and_markers_are_plain_numbers():
    one = bars("before", [0, 1, np.nan], np.array([3, np.inf, 1]), width=0.5)
    assert one == {"label": "before", "x": [0.0], "y": [3.0], "dots": False, "width": 0.5}
    assert marker(2) == {"x": 2.0, "y": None, "label": ""}
    assert marker(2, np.float32(0.5), "here") == {"x": 2.0, "y": 0.5, "label": "here"}
    with pytest.raises(ValueError, match="as many x as y"):
        bars("before", [1, 2], [1])


def test_a_chart_replaces_its_markers():
    chart = Chart()
    chart.show([line("a", [0, 1], [2, 3])], markers=[marker(0.5)])
    assert len(chart.markers) == 1
    chart.show([line("a", [0, 1], [2, 3])])
    assert chart.markers == []


def is_picture(png):
    return png.startswith(b"\x89PNG") and len(png) > 3000


def test_the_still_draws_bars_markers_logarithms_and_ways():
    chart = Chart(title="Shares", x_names=["0", "1", "2"], y_log=True)
    chart.show(
        [bars("share", [0, 1, 2], [0.1, 1, 10]), line("curve", [0, 1, 2], [1, 2, 3])],
        markers=[marker(1, label="here"), marker(2, 3, "there")],
    )
    canvas = Canvas(title="Surface", path=[[0.5, 0.5], [3, 2.5], [9, 9]])  # ends outside
    canvas.show(np.arange(12.0).reshape(3, 4))
    assert is_picture(still.draw([chart, canvas], "both"))


def test_a_sheet_keeps_every_picture_and_finds_it_again():
    pictures = np.arange(5 * 2 * 3, dtype=np.float32).reshape(5, 2, 3)
    for across in (None, 2, 5):
        sheet = mosaic(pictures, across)
        assert np.isfinite(sheet).sum() == pictures.size
        found = {}
        for position in np.ndindex(sheet.shape):
            place = place_in(position, pictures.shape, across)
            assert (place is None) == bool(np.isnan(sheet[position]))
            if place is not None:
                found[place] = sheet[position]
                top, left = corner_of(place[0], pictures.shape, across)
                assert position == (top + place[1], left + place[2])
        assert found == {place: pictures[place] for place in np.ndindex(pictures.shape)}
