"""The filter explorer without a browser: right arrays, words for what is impossible, stills."""

from __future__ import annotations

import base64
import io
import threading

import ipywidgets
import numpy as np
import pytest
import traitlets
from PIL import Image

import cnnkit
from cnnkit.errors import DeviceError
from cnnkit.explore import FilterExplorer, FilterModel
from cnnkit.explore.parts.words import number


@pytest.fixture
def image():
    return np.random.default_rng(3).random((1, 1, 23, 19), dtype=np.float32)


def correlate(image, weights, stride=1, padding=0, dilation=1):
    """The definition, in loops."""
    padded = np.pad(image.astype(np.float64), padding)
    span = dilation * (len(weights) - 1) + 1
    rows = (padded.shape[0] - span) // stride + 1
    columns = (padded.shape[1] - span) // stride + 1
    out = np.empty((rows, columns))
    for row in range(rows):
        for column in range(columns):
            top, left = row * stride, column * stride
            patch = padded[top : top + span : dilation, left : left + span : dilation]
            out[row, column] = (patch * weights).sum()
    return out


@pytest.mark.parametrize(
    "preset", ["identity", "blur", "sharpen", "edges", "Sobel x", "Sobel y", "emboss", "random", "all zero"]
)
@pytest.mark.parametrize("size", [3, 5, 7])
def test_the_result_is_the_definition(image, preset, size):
    model = FilterModel(image, preset=preset, size=size, stride=2, padding=3, dilation=2)
    expected = correlate(image[0, 0], model.weights, 2, 3, 2)
    assert model.problem == ""
    np.testing.assert_allclose(model.result, expected, atol=1e-4)
    assert model.result.shape == (model.rows.output, model.columns.output)


def test_every_setting_recomputes(image):
    model = FilterModel(image)
    for name, value in {"stride": 3, "padding": 2, "dilation": 4, "size": 5, "preset": "emboss"}.items():
        before, version = model.result, model.version
        setattr(model, name, value)
        assert model.version > version
        assert model.result.shape != before.shape or not np.array_equal(model.result, before)
        expected = correlate(image[0, 0], model.weights, model.stride, model.padding, model.dilation)
        np.testing.assert_allclose(model.result, expected, atol=1e-4)


def test_edited_weights_are_custom_and_keep_their_center_when_the_size_changes(image):
    model = FilterModel(image)
    model.weights = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert (model.preset, model.size) == ("custom", 3)
    model.size = 5
    assert model.weights.shape == (5, 5) and model.weights[2, 2] == 5
    model.preset = "edges"
    assert model.weights[2, 2] == 24
    model.weights = [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
    assert (model.preset, model.size) == ("edges", 3)


@pytest.mark.parametrize(
    "wrong", [{"image": np.zeros((1, 3, 4, 4))}, {"weights": np.zeros((2, 2))}, {"weights": np.zeros((3, 5))}]
)
def test_wrong_arrays_are_refused_in_words(wrong):
    with pytest.raises(traitlets.TraitError, match="This explorer"):
        FilterModel(**{"image": np.zeros((9, 9)), **wrong})


def test_a_setting_that_does_not_exist_is_refused(image):
    with pytest.raises(TypeError, match="strides"):
        FilterModel(image, strides=2)


def test_an_impossible_setting_explains_itself_and_recovers(image):
    explorer = FilterExplorer(image)
    model = explorer.model
    model.dilation = 40
    assert model.result is None
    assert "81 pixels" in model.problem and "23 rows" in model.problem
    assert "81 pixels" in explorer.message.value and 'role="alert"' in explorer.message.value
    assert "81 pixels" in explorer.describe()
    assert explorer.result.rgba() is None and explorer.arithmetic.value == ""
    assert explorer.still().startswith(b"\x89PNG")
    model.dilation = 1
    assert model.problem == "" and explorer.message.value == ""
    assert explorer.result.values.shape == (21, 17)


def test_what_an_uneven_stride_leaves_out_is_said(image):
    explorer = FilterExplorer(image, stride=3)
    assert "the last 2 rows are left out and the last column is left out" in explorer.message.value
    explorer.model.stride = 1
    assert explorer.message.value == ""


def test_the_written_out_products_add_up_to_the_result(image):
    model = FilterModel(image, preset="random", size=5, stride=2, padding=2)
    for focus in [(0, 0), (5, 4), (11, 9)]:
        model.focus = focus
        patch = model.patch()
        assert patch.total == pytest.approx(float(model.result[focus]), abs=1e-5)
    assert not model.patch().inside.all()  # the last corner reads padding


def test_the_focus_keeps_looking_at_the_same_place_of_the_photo(image):
    model = FilterModel(image, focus=(10, 8))
    center = 10 + 1
    model.stride = 2
    assert abs(model.focus[0] * 2 + 1 - center) <= 1
    model.stride = 1
    model.padding = 4
    assert abs(model.focus[0] - 4 + 1 - center) <= 1
    model.focus = (99, 99)
    assert model.focus == tuple(np.array(model.result.shape) - 1)


def test_pointing_marks_the_window_and_writes_the_sum(image):
    explorer = FilterExplorer(image, preset="Sobel x", stride=2, padding=1, dilation=2)
    explorer.result.focus = (3, 2)
    assert explorer.model.focus == (3, 2)
    window, *cells = explorer.photo.marks
    assert (window["row"], window["col"], window["height"], window["width"]) == (5, 3, 5, 5)
    assert {(cell["row"], cell["col"]) for cell in cells} == {(r, c) for r in (5, 7, 9) for c in (3, 5, 7)}
    assert f"sum = {number(explorer.model.result[3, 2])}" in explorer.arithmetic.value


def test_absolute_and_signed_views_and_both_color_ranges(image):
    model = FilterModel(image, preset="edges", shared_range=False)
    values, low, high, table = model.shown()
    assert table == "gray" and low == 0 and high == pytest.approx(np.abs(model.result).max())
    assert np.array_equal(values, np.abs(model.result))
    model.signed = True
    values, low, high, table = model.shown()
    assert table == "diverging" and -low == high and values is model.result
    model.shared_range = True
    assert model.shown()[2] == pytest.approx(image.max())


def test_controls_and_model_follow_each_other(image):
    explorer = FilterExplorer(image)
    explorer.picker.grid.values = [[0, 0, 0], [0, 2, 0], [0, 0, 0]]
    np.testing.assert_allclose(explorer.model.result, 2 * image[0, 0, 1:-1, 1:-1], rtol=1e-6)
    explorer.model.preset = "blur"
    assert explorer.picker.grid.array.shape == (3, 3) and explorer.model.preset == "blur"
    explorer.model.stride = 50  # beyond the slider's end, and none of the slider's business
    assert explorer.model.stride == 50


def test_another_random_filter_is_another_one(image):
    explorer = FilterExplorer(image, preset="random")
    before = explorer.model.weights
    explorer.picker.again.click()
    assert explorer.model.preset == "random" and not np.array_equal(before, explorer.model.weights)


def test_a_device_that_fails_is_a_sentence_and_not_the_end(image, monkeypatch):
    explorer = FilterExplorer(image)

    def fail(*args, **kwargs):
        raise DeviceError("The device went away: choose another with cnnkit.use(...).")

    with monkeypatch.context() as broken:
        broken.setattr(cnnkit, "conv2d", fail)
        explorer.model.stride = 2
        assert "The device went away" in explorer.message.value
        assert explorer.model.result is None
    explorer.model.stride = 3
    assert "went away" not in explorer.message.value and explorer.model.result is not None


def test_an_error_in_a_callback_is_shown_and_goes_away(image, monkeypatch):
    explorer = FilterExplorer(image)
    with monkeypatch.context() as broken:
        broken.setattr("cnnkit.explore.filter.written_out", lambda *args: 1 / 0)
        explorer.result.focus = (1, 1)
        assert "ZeroDivisionError" in explorer.message.value
    explorer.result.focus = (1, 2)
    assert explorer.message.value == ""


def test_the_alternative_text_changes_with_the_picture(image):
    explorer = FilterExplorer(image)
    texts = {explorer.result.alt}
    explorer.model.preset = "blur"
    texts.add(explorer.result.alt)
    explorer.model.signed = True
    texts.add(explorer.result.alt)
    explorer.model.stride = 2
    texts.add(explorer.result.alt)
    assert len(texts) == 4
    assert (
        "blur" in explorer.result.alt and "11 by 9" in explorer.result.alt and "signed" in explorer.result.alt
    )


def test_the_still_is_a_picture_beside_the_widget_and_changes(image):
    explorer = FilterExplorer(image)
    bundle = explorer._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"}
    assert bundle["text/plain"] == explorer.describe()
    assert explorer.describe() == (
        "A 23 × 19 photo under the 3×3 filter “edges” (stride 1, padding 0, dilation 1) "
        "becomes a 21 × 17 result."
    )
    first = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert first.width > 600 and first.height > 250
    assert explorer.still() == explorer.still()
    explorer.model.preset = "blur"
    assert base64.b64decode(bundle["image/png"]) != explorer.still()


def player_of(explorer):
    (play,) = [part for part in explorer.play.children if isinstance(part, ipywidgets.Play)]
    return play, explorer.play.children[0]


def test_play_slides_the_window_over_a_small_picture_pixel_by_pixel():
    image = np.random.default_rng(5).random((9, 8), dtype=np.float32)
    explorer = FilterExplorer(image, preset="Sobel x")
    play, label = player_of(explorer)
    assert label.value == "Play: the window slides by itself"
    expected = correlate(image, explorer.model.weights)
    places = list(np.ndindex(7, 6))
    for step, place in [*enumerate(places[1:], 1), (len(places), (0, 0)), (len(places) + 1, (0, 1))]:
        play.value = step
        assert explorer.model.focus == explorer.result.focus == place
        window = explorer.photo.marks[0]
        assert (window["row"], window["col"]) == place
        assert f"sum = {number(expected[place])}" in explorer.arithmetic.value


def test_play_makes_a_tour_of_a_large_picture_and_says_its_steps():
    explorer = FilterExplorer(np.zeros((300, 200)))
    play, label = player_of(explorer)
    assert label.value == "Play: the window slides by itself (every 7th pixel of every 30th row, 290 stops)"
    seen = []
    for step in range(1, 291):
        play.value = step
        seen.append(explorer.model.focus)
    assert seen[0] == (0, 7) and seen[-2] == (270, 196) and seen[-1] == (0, 0)
    assert len(set(seen)) == 290
    explorer.model.stride = 20  # 15 x 10 windows: none is left out
    assert label.value == "Play: the window slides by itself"
    play.value = 0
    assert explorer.model.focus == (0, 0)


def test_play_waits_while_there_is_no_result(image):
    explorer = FilterExplorer(image)
    play, label = player_of(explorer)
    explorer.model.dilation = 40
    for step in (1, 2, 3):
        play.value = step
    assert explorer.message.value.count("role=") == 1 and "81 pixels" in explorer.message.value
    assert label.value == "Play: the window slides by itself"
    explorer.model.dilation = 1
    play.value = 4
    assert explorer.model.focus == (0, 4) and explorer.message.value == ""


def test_the_photo_that_ships_is_the_default():
    model = FilterModel()
    assert model.image.shape == (300, 300) and model.result.shape == (298, 298)


def test_two_threads_that_turn_every_knob_leave_the_right_picture(image):
    """A slider's callback runs beside a cell: whatever interleaves, the last settings win."""
    explorer = FilterExplorer(image)
    model, failures = explorer.model, []

    def turn(name, values):
        try:
            for value in values:
                setattr(model, name, value)
        except Exception as error:
            failures.append(error)

    rng = np.random.default_rng(0)
    threads = [
        threading.Thread(target=turn, args=("stride", [*rng.integers(1, 5, 40).tolist(), 2])),
        threading.Thread(target=turn, args=("padding", [*rng.integers(0, 4, 40).tolist(), 3])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    expected = correlate(image[0, 0], model.weights, 2, 3)
    np.testing.assert_allclose(model.result, expected, atol=1e-4)
    np.testing.assert_allclose(explorer.result.values, np.abs(expected), atol=1e-4)
    assert explorer.message.value.count("alert") == 0


def test_a_slow_computation_never_overwrites_a_newer_one(image, monkeypatch):
    """One thread is held inside its computation while another changes a setting: the newer result stands."""
    model = FilterModel(image)
    entered, newer_is_done, convolve = threading.Event(), threading.Event(), model._convolve

    def slow_at_first():
        result = convolve()
        if not entered.is_set():
            entered.set()
            newer_is_done.wait(0.5)  # with the lock, the newer one cannot get through meanwhile
        return result

    monkeypatch.setattr(model, "_convolve", slow_at_first)
    older = threading.Thread(target=setattr, args=(model, "stride", 2))
    older.start()
    assert entered.wait(20)
    model.padding = 3
    newer_is_done.set()
    older.join()
    np.testing.assert_allclose(model.result, correlate(image[0, 0], model.weights, 2, 3), atol=1e-4)
