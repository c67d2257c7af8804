"""The geometry explorer without a browser: counts by plain loops, words for what is impossible, stills."""

from __future__ import annotations

import json
import threading

import ipywidgets
import numpy as np
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

import cnnkit
from cnnkit.errors import DeviceError, ShapeError
from cnnkit.explore import GeometryExplorer, GeometryModel
from cnnkit.explore.geometry import LIMITS, NUMBERS, OWN
from cnnkit.explore.parts.axis import Axis
from cnnkit.explore.parts.tour import ordinal, tour
from cnnkit.explore.parts.windows import EXAMPLES, even_ways, listed, runs, unread, unread_words, weight

SETTINGS = {
    "size": st.integers(3, 32),
    "kernel": st.integers(1, 7),
    "stride": st.integers(1, 6),
    "padding": st.integers(0, 4),
    "dilation": st.integers(1, 4),
}


def starts(size, kernel, stride, padding, dilation):
    """Where windows begin along one axis: every step at which the whole window lies in the padded image."""
    found, at = [], -padding
    while at + dilation * (kernel - 1) <= size + padding - 1:
        found.append(at)
        at += stride
    return found


def counted(size, kernel, stride, padding, dilation):
    """(reads, taken) by laying every window on the image, pixel by pixel."""
    begins = starts(size, kernel, stride, padding, dilation)
    reads = np.zeros((size, size), int)
    taken = np.zeros((len(begins), len(begins)), int)
    for i, top in enumerate(begins):
        for j, left in enumerate(begins):
            for r in range(kernel):
                for s in range(kernel):
                    row, column = top + r * dilation, left + s * dilation
                    if 0 <= row < size and 0 <= column < size:
                        reads[row, column] += 1
                        taken[i, j] += 1
    return reads, taken


def reading(model, row, column):
    """The output cells that read a pixel, by looking into every window."""
    begins = starts(*model.numbers())
    steps = [model.dilation * r for r in range(model.kernel)]
    return [
        (i, j)
        for i, top in enumerate(begins)
        for j, left in enumerate(begins)
        if row in [top + step for step in steps] and column in [left + step for step in steps]
    ]


def lit(marks):
    """The pixels that marks cover."""
    return {
        (row, column)
        for one in marks
        for row in range(one["row"], one["row"] + one["height"])
        for column in range(one["col"], one["col"] + one["width"])
    }


@given(**SETTINGS)
@settings(max_examples=60, deadline=None)
def test_what_the_device_counts_is_what_loops_count(**numbers):
    model = GeometryModel(**numbers)
    reads, taken = counted(**numbers)
    assert (model.problem == "") == (taken.size > 0)
    if model.problem:
        assert model.reads is None and model.taken is None
        assert model.state()["output_shape"] == [0, 0]
        return
    assert np.array_equal(model.reads, reads) and np.array_equal(model.taken, taken)
    state = model.state()
    assert state["output_shape"] == list(taken.shape) and state["windows"] == taken.size
    assert state["never_read"] == (reads == 0).sum()
    assert state["never_read_rows"] == np.flatnonzero(~reads.any(axis=1)).tolist()
    assert (state["least_reads"], state["most_reads"]) == (reads.min(), reads.max())
    assert state["corner_reads"] == reads[0, 0]
    json.dumps(state)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_the_ones_that_they_name(name):
    model = GeometryModel(example=name)
    assert model.numbers() == EXAMPLES[name] and model.example == name
    assert (model.problem != "") == ("Does not fit" in name)
    begins = len(starts(*EXAMPLES[name]))
    assert model.rows.output == begins
    known = {"LeNet": 28, "ResNet": 112, "AlexNet": 55, "same size": 32, "Pooling": 16, "evenly": 3}
    for word, output in known.items():
        if word in name:
            assert begins == output


def test_an_example_moves_five_numbers_in_one_computation_and_a_number_makes_them_ones_own():
    model = GeometryModel()
    version = model.version
    model.example = "AlexNet (2012): 11×11, stride 4"
    assert model.version == version + 1 and model.taken.shape == (55, 55)
    model.stride = 5
    assert model.example == OWN
    model.stride = 4
    assert model.example.startswith("AlexNet (2012)")


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_out_of_reach_are_refused_in_words(name):
    low, high = LIMITS[name]
    model = GeometryModel()
    for wrong in (low - 1, high + 1):
        with pytest.raises(
            traitlets.TraitError, match=rf"{name} may be .* {low} to {high} .*{wrong}: choose"
        ):
            setattr(model, name, wrong)
    with pytest.raises(TypeError, match="steps"):
        GeometryModel(steps=2)


def test_an_impossible_setting_explains_itself_and_recovers():
    explorer = GeometryExplorer(size=5, kernel=7, stride=1, padding=0)
    assert "7 pixels" in explorer.model.problem and "5 rows" in explorer.model.problem
    assert "Try a smaller filter or more padding." in explorer.message.value
    assert 'role="alert"' in explorer.message.value and "5 rows" in explorer.describe()
    assert all(canvas.rgba() is None and not canvas.marks for canvas in explorer.pictures())
    assert explorer.explanation.value == "" and "= −2 + 1 = −1" in explorer.formula.value
    assert explorer.still().startswith(b"\x89PNG")
    explorer.model.padding = 1
    assert explorer.model.problem == "" and explorer.message.value == ""
    assert explorer.output.values.shape == (1, 1)


def test_what_is_left_out_is_told_with_a_way_out():
    explorer = GeometryExplorer(size=7, kernel=5, stride=3, padding=0)
    said = explorer.message.value
    assert "A 5×5 filter with stride 3 does not cover the 7×7 image evenly" in said
    assert "the last 2 rows are left out" in said
    assert "Every pixel is read with stride 2 or padding 1." in said
    assert "24 pixels are never read" in explorer.describe() and "24 pixels" in explorer.input.alt
    assert lit(explorer.input.hatched) == {(r, c) for r in range(7) for c in range(7) if max(r, c) > 4}
    for way in ({"stride": 2}, {"padding": 1}):
        changed = GeometryModel(**{"size": 7, "kernel": 5, "stride": 3, "padding": 0, **way})
        assert (changed.reads > 0).all()
    explorer.model.stride = 2
    assert explorer.message.value == "" and explorer.input.hatched == []


def test_the_corners_are_told_apart_where_they_differ():
    explorer = GeometryExplorer(size=7, kernel=2, stride=3, padding=0)
    assert explorer.model.reads[[0, 0, -1, -1], [0, -1, 0, -1]].tolist() == [1, 0, 0, 0]
    assert "33 pixels are never read, the upper left corner 1 time and no pixel" in explorer.describe()
    explorer.model.stride = 1
    assert "every pixel is read, a corner 1 time and no pixel more than 4 times." in explorer.describe()


def test_the_formula_is_filled_in_step_by_step():
    explorer = GeometryExplorer(size=8, kernel=3, stride=2, padding=1, dilation=2)
    assert "⌊(8 + 2·1 − 2·(3 − 1) − 1) / 2⌋ + 1 = ⌊5 / 2⌋ + 1 = 2 + 1 = 3" in explorer.formula.value
    assert explorer.model.rows.output == 3


@pytest.mark.parametrize(
    "numbers", [(7, 3, 2, 1, 1), (9, 3, 1, 2, 2), (12, 4, 3, 0, 1), (10, 2, 3, 1, 3), (6, 5, 1, 4, 1)]
)
def test_pointing_at_an_output_cell_lights_its_window(numbers):
    explorer = GeometryExplorer(**dict(zip(NUMBERS, numbers, strict=True)))
    model, begins = explorer.model, starts(*numbers)
    for row, column in [(0, 0), (len(begins) - 1, len(begins) // 2)]:
        explorer.output.focus = (row, column)
        assert model.focus == (row, column) and model.pixel is None and explorer.input.focus is None
        window, *cells = explorer.input.marks
        ring, span = model.padding, model.dilation * (model.kernel - 1) + 1
        assert (window["row"], window["col"]) == (begins[row] + ring, begins[column] + ring)
        assert (window["height"], window["width"]) == (span, span)
        reads = {
            (begins[row] + ring + r * model.dilation, begins[column] + ring + s * model.dilation)
            for r in range(model.kernel)
            for s in range(model.kernel)
        }
        assert lit(cells) == reads if model.dilation > 1 else lit([window]) == reads
        positions = ", ".join(str(begins[row] + model.dilation * r) for r in range(model.kernel))
        assert f"rows = {row}·{model.stride} − {ring} + " in explorer.explanation.value
        assert f"= {positions.replace('-', '−')}<" in explorer.explanation.value
        padding = model.kernel**2 - int(model.taken[row, column])
        assert (f"{padding} of them padding" in explorer.explanation.value) == (padding > 0)


@pytest.mark.parametrize(
    "numbers", [(7, 3, 2, 1, 1), (9, 3, 1, 2, 2), (12, 4, 3, 0, 1), (10, 2, 3, 1, 3), (6, 5, 1, 4, 1)]
)
def test_pointing_at_an_input_pixel_lights_the_cells_that_read_it(numbers):
    explorer = GeometryExplorer(**dict(zip(NUMBERS, numbers, strict=True)))
    model, side = explorer.model, numbers[0] + 2 * numbers[3]
    for place in [(0, 0), (side // 2, side // 3), (side - 1, side - 2)]:
        explorer.input.focus = place
        pixel = tuple(at - model.padding for at in place)
        assert model.pixel == pixel and explorer.output.focus is None
        readers = reading(model, *pixel)
        assert lit(explorer.output.marks) == set(readers)
        text = explorer.explanation.value
        if not readers:
            assert "is never read" in text
            continue
        assert f"= {len(readers)} time" in text
        for i, j in readers:
            begins = starts(*model.numbers())
            taps = [(at - begins[k]) // model.dilation for at, k in zip(pixel, (i, j), strict=True)]
            assert f"output ({i}, {j}) with weight ({taps[0]}, {taps[1]})" in text
    explorer.output.focus = (0, 0)
    assert model.pixel is None and explorer.output.marks == []


def test_why_a_pixel_is_never_read_is_told():
    behind = Axis(7, 5, 3)
    assert unread(behind, 4) == ""
    assert "The last window ends at row 4" in unread(behind, 6)
    assert "it would need row 7, and the last one there is 6" in unread(behind, 6)
    assert unread(Axis(10, 2, 3), 2) == "Row 2 lies in a gap: steps of 3 pass over it."
    assert "with dilation 2" in unread(Axis(11, 3, 2, 0, 2), 3)


def test_padding_and_counts_are_drawn_apart():
    explorer = GeometryExplorer(size=6, kernel=3, stride=1, padding=2)
    values = explorer.input.values
    inside = np.zeros((10, 10), bool)
    inside[2:8, 2:8] = True
    assert np.array_equal(np.isfinite(values), inside)
    assert np.array_equal(values[2:8, 2:8], explorer.model.reads)
    assert explorer.input.origin == (-2, -2) and explorer.input.gap == "padding"
    assert explorer.input.rgba()[0, 0, 3] == 0 and explorer.input.rgba()[4, 4, 3] == 255
    assert len(explorer.input.dots) == explorer.model.rows.output**2
    assert np.array_equal(explorer.output.values, explorer.model.taken)


@given(**SETTINGS)
@settings(max_examples=30, deadline=None)
def test_the_windows_along_one_row_lie_below_the_pixels_that_they_read(**numbers):
    model = GeometryModel(**numbers)
    picture, begins = model.along_a_row(), starts(**numbers)
    if not begins:
        assert picture is None
        return
    padding, size = numbers["padding"], numbers["size"]
    expected = np.zeros((len(begins), size + 2 * padding))
    for i, begin in enumerate(begins):
        for r in range(numbers["kernel"]):
            at = begin + r * numbers["dilation"]
            expected[i, at + padding] = 1 if 0 <= at < size else -1
    assert np.array_equal(picture, expected)
    sums = (picture[:, padding : padding + size] > 0).sum(axis=0)
    assert np.array_equal(np.outer(sums, sums), model.reads)


def test_padding_to_the_same_size():
    for kernel in (1, 3, 5, 7):
        for dilation in (1, 2, 3):
            for stride in (1, 2, 3):
                model = GeometryModel(size=13, kernel=kernel, dilation=dilation, stride=stride)
                model.pad_to_same()
                assert model.taken.shape == (-(-13 // stride),) * 2
    with pytest.raises(ShapeError, match="1 before and 2 after"):
        GeometryModel(size=13, kernel=4).pad_to_same()


def test_the_button_pads_and_its_refusal_goes_away_with_the_next_number():
    explorer = GeometryExplorer(size=9, kernel=5, stride=1, padding=0)
    (button,) = [part for part in every_part(explorer) if isinstance(part, ipywidgets.Button)]
    button.click()
    assert explorer.model.padding == 2 and explorer.output.values.shape == (9, 9)
    explorer.model.kernel = 4
    button.click()
    assert "use an odd kernel" in explorer.message.value
    explorer.model.kernel = 3
    assert "odd kernel" not in explorer.message.value


def every_part(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every_part(child)


def test_controls_and_model_follow_each_other():
    explorer = GeometryExplorer()
    boxes = {
        part.tooltip: part for part in every_part(explorer) if isinstance(part, ipywidgets.BoundedIntText)
    }
    slides = {
        part.description: part for part in every_part(explorer) if isinstance(part, ipywidgets.IntSlider)
    }
    for name in NUMBERS:
        label = name.capitalize()
        slides[label].value += 1
        assert getattr(explorer.model, name) == slides[label].value
        assert boxes[f"{label} as a number"].value == slides[label].value
        setattr(explorer.model, name, slides[label].value - 1)
        assert slides[label].value == getattr(explorer.model, name)
    boxes["Size as a number"].value = 227
    assert (
        explorer.model.size == 227 and slides["Size"].value == 32
    )  # the slider ends there, the box does not
    (menu,) = [part for part in every_part(explorer) if isinstance(part, ipywidgets.Dropdown)]
    menu.value = "AlexNet (2012): 11×11, stride 4"
    assert explorer.model.numbers() == (227, 11, 4, 0, 1) and boxes["Size as a number"].value == 227
    assert explorer.output.values.shape == (55, 55) and explorer.still().startswith(b"\x89PNG")
    explorer.model.stride = 3
    assert menu.value == OWN


def test_play_visits_every_window_and_starts_over():
    explorer = GeometryExplorer(size=7, kernel=3, stride=2, padding=1)
    (play,) = [part for part in every_part(explorer) if isinstance(part, ipywidgets.Play)]
    explorer.input.focus = (4, 4)
    seen = [explorer.model.focus]
    for step in range(1, 17):
        play.value = step
        seen.append(explorer.model.focus)
    assert set(seen) == {(row, column) for row in range(4) for column in range(4)}
    assert explorer.model.pixel is None and explorer.output.focus == (0, 0)  # step 16 starts over
    explorer.model.kernel = 7
    explorer.model.padding = 0
    explorer.model.size = 3
    play.value = 30
    assert "ZeroDivisionError" not in explorer.message.value and "7 pixels" in explorer.message.value


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (30, 30), (298, 298), (2, 500), (500, 2)])
def test_a_tour_is_short_and_stays_inside(shape):
    way = tour(*shape)
    places = [way.place(step) for step in range(way.stops)]
    assert way.stops <= 330 and len(set(places)) == way.stops == len(places)
    assert all(0 <= row < shape[0] and 0 <= column < shape[1] for row, column in places)
    assert places == sorted(places) and way.place(way.stops) == (0, 0)
    whole = shape[0] * shape[1] <= 256
    assert (way.words() == "") == whole
    assert whole == (way.stops == shape[0] * shape[1])


def test_a_tour_says_its_steps():
    assert tour(298, 298).words() == "every 10th pixel of every 30th row, 300 stops"
    assert tour(30, 30).words() == "each pixel of every 3rd row, 300 stops"
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 112)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th")
    ]


def test_words_about_windows():
    assert list(runs([0, 1, 2, 5, 7, 8])) == [(0, 3), (5, 1), (7, 2)] and list(runs([])) == []
    assert listed(range(3)) == "0, 1, 2" and listed(range(-1, 11)) == "−1, 0, 1, …, 10"
    assert weight(Axis(7, 3, 2, 1, 2), 1, 3) == 1
    assert even_ways(Axis(7, 5, 3)) == ["stride 2", "padding 1"]
    assert unread_words(Axis(7, 7)) == "every pixel is read"


def test_a_place_given_at_the_start_is_kept_and_clipped_by_what_follows():
    model = GeometryModel(size=32, stride=1, focus=(20, 25), pixel=(-1, 3))
    assert model.focus == (20, 25) and model.pixel == (-1, 3)
    model.stride = 4
    assert model.focus == (7, 7)
    model.padding = 0
    assert model.pixel == (0, 3)


def test_two_models_can_be_linked():
    one, two = GeometryModel(), GeometryModel()
    link = traitlets.link((one, "stride"), (two, "stride"))
    one.stride = 3
    assert two.stride == 3 and two.rows.output == one.rows.output
    link.unlink()


def test_a_device_that_fails_is_a_sentence_and_not_the_end(monkeypatch):
    explorer = GeometryExplorer()

    def fail(*args, **kwargs):
        raise DeviceError("The device went away: choose another with cnnkit.use(...).")

    with monkeypatch.context() as broken:
        broken.setattr(cnnkit, "conv2d_backward", fail)
        explorer.model.stride = 1
        assert "The device went away" in explorer.message.value and explorer.model.reads is None
        assert explorer.input.hatched == [] and explorer.describe().endswith("cnnkit.use(...).")
    explorer.model.stride = 3
    assert explorer.message.value.count("went away") == 0 and explorer.model.reads is not None


def test_an_error_in_a_callback_is_shown_and_goes_away(monkeypatch):
    explorer = GeometryExplorer()
    with monkeypatch.context() as broken:
        broken.setattr("cnnkit.explore.parts.windows.told_output", lambda *args: 1 / 0)
        explorer.output.focus = (0, 0)
        assert "ZeroDivisionError" in explorer.message.value
    explorer.output.focus = (0, 1)
    assert "ZeroDivisionError" not in explorer.message.value


def test_the_sentences_change_with_the_picture_and_the_still_follows():
    explorer = GeometryExplorer()
    assert explorer.describe() == (
        "A filter of 3×3 on an input of 7×7 (stride 2, padding 1, dilation 1) makes an output of 4×4; "
        "every pixel is read, a corner 1 time and no pixel more than 4 times."
    )
    first, alt = explorer.still(), [canvas.alt for canvas in explorer.pictures()]
    assert first == explorer.still()
    explorer.model.padding = 0
    assert explorer.still() != first
    assert all(canvas.alt != before for canvas, before in zip(explorer.pictures(), alt, strict=True))
    assert "4 by 4 pixels" in alt[2] and "3 by 3 pixels" in explorer.output.alt


def test_a_slider_beside_a_cell_that_computes_leaves_both_right():
    explorer = GeometryExplorer(size=20, kernel=3, stride=1, padding=1)
    rng = np.random.default_rng(0)
    image, filters = rng.random((1, 1, 16, 16), np.float32), rng.random((2, 1, 3, 3), np.float32)
    expected = cnnkit.conv2d(image, filters).get()
    done, wrong, failures = threading.Event(), [], []

    def slide():
        try:
            for stride, kernel in zip(rng.integers(1, 6, 40), rng.integers(1, 7, 40), strict=True):
                explorer.model.stride = int(stride)
                explorer.model.kernel = int(kernel)
            explorer.model.stride, explorer.model.kernel = 3, 5
        except Exception as error:
            failures.append(error)
        finally:
            done.set()

    slider = threading.Thread(target=slide)
    slider.start()
    while not done.is_set():
        result = cnnkit.conv2d(image, filters).get()
        if not np.array_equal(result, expected):
            wrong.append(result)
    slider.join()
    assert not failures and not wrong
    reads, taken = counted(20, 5, 3, 1, 1)
    assert np.array_equal(explorer.model.reads, reads) and np.array_equal(explorer.output.values, taken)
    assert explorer.message.value.count("alert") == 0
