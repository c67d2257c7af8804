"""The pooling explorer without a browser: outputs, winners and what is left out, against plain NumPy."""

from __future__ import annotations

import ipywidgets
import numpy as np
import pytest
import traitlets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from turning import turn_beside_convolutions

import cnnkit
from cnnkit.explore import PoolingExplorer, PoolingModel
from cnnkit.explore.parts import presets
from cnnkit.explore.parts.words import number


@pytest.fixture
def image():
    return np.random.default_rng(6).random((20, 17), dtype=np.float32)


def pool(values, window, stride, kind):
    """The definition in loops: the outputs, and in how many windows a pixel wins or is read."""
    rows = (values.shape[0] - window) // stride + 1
    columns = (values.shape[1] - window) // stride + 1
    out, counts = np.empty((rows, columns)), np.zeros(values.shape, int)
    for row in range(rows):
        for column in range(columns):
            here = (
                slice(row * stride, row * stride + window),
                slice(column * stride, column * stride + window),
            )
            inside = values[here].astype(np.float64)
            if kind == "average":
                out[row, column] = inside.mean()
                counts[here] += 1
            else:
                out[row, column] = inside.max()
                down, across = np.unravel_index(inside.argmax(), inside.shape)
                counts[row * stride + down, column * stride + across] += 1
    return out, counts


def check(model):
    expected, counts = pool(model.input, model.window, model.stride, model.kind)
    np.testing.assert_allclose(model.pooled, expected, atol=1e-5)
    assert np.array_equal(model.wins, counts)


@given(
    window=st.integers(1, 6),
    stride=st.integers(1, 6),
    kind=st.sampled_from(["max", "average"]),
    piece=st.sampled_from([0, 16, 8]),
    shift=st.integers(0, 3),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_outputs_and_winners_are_the_definition(image, window, stride, kind, piece, shift):
    model = PoolingModel(image, window=window, stride=stride, kind=kind, piece=piece, shift=shift)
    assert model.problem == "" and (model.window, model.stride) == (window, stride)
    check(model)
    counts = model.wins
    assert model.survivors() == (counts > 0).sum()
    reads = pool(model.input, window, stride, "average")[1]
    assert model.state()["never_read"] == (reads == 0).sum()
    for at in np.ndindex(model.input.shape):
        rows, columns = model.windows_over(*at)
        assert len(rows) * len(columns) == reads[at]


def test_the_shown_piece_is_the_photo_s_and_the_volume_the_article_s():
    photo = np.pad(cnnkit.data.photo()[0, 0].astype(np.float64), 1)
    windows = np.lib.stride_tricks.sliding_window_view(photo, (3, 3))
    activated = np.maximum((windows * presets.edges(3)).sum(axis=(2, 3)), 0)
    explorer = PoolingExplorer()
    np.testing.assert_allclose(explorer.model.input, activated[9:41, 23:55], atol=1e-4)
    told = explorer.volume.value
    assert "32 × 32 × 12" in told and "16 × 16 × 12" in told
    assert "49\u00a0152 bytes" in told and "12\u00a0288 bytes" in told and "4 times fewer numbers" in told
    assert "256 of 1\u00a0024 input pixels (25 %) win" in told
    explorer.model.piece = 0
    assert explorer.model.input.shape == (300, 300) and explorer.model.pooled.shape == (150, 150)
    assert explorer.input.lens
    np.testing.assert_allclose(explorer.model.input, activated, atol=1e-4)


def test_equal_values_are_won_by_the_first():
    model = PoolingModel(np.ones((4, 4), np.float32), piece=0)
    assert model.winner(1, 1) == (2, 2) and model.wins[2, 2] == 1 and model.wins[3, 3] == 0


def test_the_stride_follows_the_window_until_it_goes_its_own_way(image):
    model = PoolingModel(image)
    model.window = 4
    assert (model.stride, model.locked) == (4, True)
    model.stride = 2
    assert not model.locked
    model.window = 3
    assert model.stride == 2
    model.locked = True
    assert model.stride == 3
    check(model)
    assert PoolingModel(image, window=5).stride == 5
    assert not PoolingModel(image, window=5, stride=1).locked
    assert PoolingModel(image, window=5, stride=5).locked


@pytest.mark.parametrize(
    ("window", "stride", "said"),
    [
        (2, 2, "the last column is left out"),
        (3, 1, "Windows overlap: the stride 1 is less than 3, so a pixel is in up to 9."),
        (2, 3, "Gaps: the stride 3 is more than 2"),
        (3, 3, "the last 2 rows are left out and the last 2 columns are left out"),
    ],
)
def test_overlaps_gaps_and_leftovers_are_said(image, window, stride, said):
    explorer = PoolingExplorer(image, window=window, stride=stride, piece=0)
    assert said in explorer.message.value


def test_windows_that_tile_need_no_remark(image):
    explorer = PoolingExplorer(image, piece=16)
    assert explorer.message.value == ""


def test_a_window_larger_than_the_input_explains_itself_and_recovers(image):
    explorer = PoolingExplorer(image, piece=8)
    explorer.model.window = 9
    assert explorer.model.pooled is None and explorer.model.wins is None
    assert "A 9×9 window is larger than the 8×8 input" in explorer.message.value
    assert 'role="alert"' in explorer.message.value and "9×9" in explorer.describe()
    assert explorer.output.rgba() is None and explorer.explanation.value == explorer.volume.value == ""
    assert explorer.input.rgba() is not None and explorer.still().startswith(b"\x89PNG")
    explorer.model.piece = 16
    assert "alert" not in explorer.message.value and explorer.output.rgba() is not None
    check(explorer.model)


@pytest.mark.parametrize("wrong", [np.zeros((1, 3, 4, 4)), np.zeros(4), np.zeros((0, 4))])
def test_what_is_no_map_is_refused_in_words(wrong):
    with pytest.raises(traitlets.TraitError, match="This explorer needs one gray image"):
        PoolingModel(wrong)


def test_settings_that_no_control_can_give_are_refused(image):
    with pytest.raises(TypeError, match="windows"):
        PoolingModel(image, windows=2)
    for name, value in {"window": 0, "stride": 0, "piece": 5, "kind": "median", "shift": -1}.items():
        with pytest.raises(traitlets.TraitError):
            PoolingModel(image, **{name: value})


def test_pointing_at_an_output_shows_its_window_and_who_won(image):
    explorer = PoolingExplorer(image, piece=0, window=3)
    explorer.output.focus = (4, 2)
    model = explorer.model
    assert model.focus == (1, 4, 2) and explorer.input.focus is None
    window, winner = explorer.input.marks
    assert (window["row"], window["col"], window["height"], window["width"]) == (12, 6, 3, 3)
    inside = image[12:15, 6:9]
    row, column = 12 + inside.argmax() // 3, 6 + inside.argmax() % 3
    assert (winner["row"], winner["col"], winner["kind"]) == (row, column, "winner")
    text = explorer.explanation.value
    assert f"largest = {number(inside.max())}, from row {row}, column {column}" in text
    assert text.count("outline:3px") == 1 and "input rows 12 to 14, columns 6 to 8" in text

    model.kind = "average"
    assert len(explorer.input.marks) == 1
    text = explorer.explanation.value
    terms = " + ".join(number(value) for value in inside.ravel())
    assert f"mean = ({terms}) / 9 = {number(inside.mean())}" in text
    model.window = 5
    assert f"/ 25 = {number(model.pooled[model.focus[1:]])}" in explorer.explanation.value


def test_pointing_at_an_input_shows_its_windows_and_what_it_wins(image):
    explorer = PoolingExplorer(image, piece=0, window=3, stride=1)
    model = explorer.model
    for at in ((0, 0), (7, 7), tuple(int(i) for i in np.unravel_index(image.argmax(), image.shape))):
        explorer.input.focus = at
        assert model.focus == (0, *at) and explorer.output.focus is None
        rows, columns = model.windows_over(*at)
        region, *crowns = explorer.output.marks
        assert (region["row"], region["col"]) == (rows[0], columns[0])
        assert (region["height"], region["width"]) == (len(rows), len(columns))
        assert len(crowns) == model.wins[at]
        said = "leaves no trace" if not crowns else f"wins {len(crowns)} of them"
        assert said in explorer.explanation.value or len(rows) * len(columns) == 1
    model.kind = "average"
    explorer.input.focus = (7, 7)
    assert "It is 1/9 of 9 windows (output rows 5 to 7, columns 5 to 7)." in explorer.explanation.value


def test_a_pixel_between_the_windows_is_in_none(image):
    explorer = PoolingExplorer(image, piece=0, window=2, stride=4)
    explorer.input.focus = (3, 3)
    assert "It lies in no window" in explorer.explanation.value
    assert explorer.input.marks == [] and explorer.output.marks == []


def test_the_focus_keeps_looking_at_the_same_place(image):
    model = PoolingModel(image, piece=0, window=2, focus=(1, 8, 7))
    model.window = 5
    top, left = model.focus[1] * 5, model.focus[2] * 5
    assert abs(top + 2 - 16.5) <= 3 and abs(left + 2 - 14.5) <= 3
    model.focus = (1, 99, 99)
    assert model.focus == (1, *(size - 1 for size in model.pooled.shape))
    model.piece = 8
    assert model.focus == (1, 0, 0)


def test_views_show_values_or_winners_and_color_ranges_are_shared_or_own(image):
    explorer = PoolingExplorer(image, kind="average", window=4, piece=0)
    assert explorer.output.high == explorer.input.high
    explorer.model.shared_range = False
    assert explorer.output.high < explorer.input.high
    explorer.model.view = "winners"
    assert np.array_equal(explorer.input.values, explorer.model.wins)
    assert explorer.input.title == "How many windows a pixel is read in"
    explorer.model.kind = "max"
    assert explorer.input.title == "How many windows a pixel wins"
    assert explorer.input.values.sum() == explorer.model.pooled.size


def test_negative_values_get_the_colors_of_signs(image):
    explorer = PoolingExplorer(image - 0.5, piece=0)
    assert explorer.input.colors == explorer.output.colors == "diverging"
    assert explorer.input.low == -explorer.input.high
    explorer.model.kind = "average"
    assert "+ (−" in explorer.explanation.value or "((−" in explorer.explanation.value


def test_a_shift_moves_the_map_and_its_effect_is_told(image):
    explorer = PoolingExplorer(image, piece=0)
    model = explorer.model
    before = model.pooled
    model.shift = 2
    assert np.array_equal(model.input[:, 2:], image[:, :-2]) and (model.input[:, 0] == image[:, 0]).all()
    np.testing.assert_allclose(model.pooled[:, 1:], before[:, :-1])  # a whole stride: outputs move as well
    check(model)
    of_input, of_output = model.change_by_shift()
    assert of_input == pytest.approx(np.abs(model.input - image).sum() / image.sum(), rel=1e-4)
    assert of_output == pytest.approx(np.abs(model.pooled - before).sum() / before.sum(), rel=1e-4)
    assert f"the input changes by {100 * of_input:.0f} % of its sum" in explorer.volume.value
    model.image = np.zeros((6, 6), np.float32)
    assert model.change_by_shift() == (0.0, 0.0)


def test_controls_and_model_follow_each_other(image):
    explorer = PoolingExplorer(image)
    model, controls = explorer.model, explorer.children[1].children

    def pair(label):
        boxes = [part for part in controls if isinstance(part, ipywidgets.HBox)]
        return next(box.children for box in boxes if box.children[0].description == label)

    for label, trait in (("Window", "window"), ("Stride", "stride"), ("Shift right", "shift")):
        slide, box = pair(label)
        slide.value = 3
        assert getattr(model, trait) == box.value == 3
        setattr(model, trait, 5)
        assert (slide.value, box.value) == (5, 5)
    pair("Window")[1].value = 11  # beyond the slider's end
    assert model.window == 11 and pair("Window")[0].value == 6
    kind, view = (part for part in controls if isinstance(part, ipywidgets.ToggleButtons))
    locked, shared = (part for part in controls if isinstance(part, ipywidgets.Checkbox))
    menu = next(part for part in controls if isinstance(part, ipywidgets.Dropdown))
    kind.value, view.value, locked.value, shared.value, menu.value = "average", "winners", True, False, 8
    assert (model.kind, model.view, model.piece) == ("average", "winners", 8)
    assert model.stride == 11 and not model.shared_range
    assert "larger than the 8×8 input" in explorer.message.value
    model.kind, model.view, model.shared_range, model.piece, model.window = "max", "values", True, 16, 2
    assert (kind.value, view.value, locked.value, shared.value) == ("max", "values", True, True)
    assert menu.value == 16
    check(model)


def test_two_models_can_be_linked(image):
    one, other = PoolingModel(image), PoolingModel(image, kind="average")
    traitlets.link((one, "window"), (other, "window"))
    one.window = 4
    assert other.window == other.stride == 4
    check(other)


def test_words_stills_and_alternative_text_follow_the_settings(image):
    explorer = PoolingExplorer(image, piece=0)
    assert explorer.describe() == (
        "Max pooling of a 20 × 17 feature map, windows of 2 × 2, stride 2: 10 × 8 outputs, each the largest "
        "value of its window."
    )
    still, alt = explorer.still(), explorer.output.alt
    explorer.model.kind = "average"
    assert explorer.still() != still and explorer.output.alt != alt
    assert "mean of its window" in explorer.describe() and explorer.input.caption == "your map"
    state = explorer.state()
    assert state["input_shape"] == [20, 17] and state["output_shape"] == [10, 8]


def test_a_device_that_fails_is_a_sentence(image, monkeypatch):
    explorer = PoolingExplorer(image)
    with monkeypatch.context() as broken:
        broken.setattr(cnnkit, "max_pool2d", lambda *args, **kwargs: 1 / 0)
        explorer.model.window = 3
        assert "ZeroDivisionError" in explorer.message.value and explorer.model.pooled is None
    explorer.model.window = 4
    assert "ZeroDivisionError" not in explorer.message.value
    check(explorer.model)


def test_sliders_move_while_another_thread_convolves(image):
    explorer, rng = PoolingExplorer(image, locked=False), np.random.default_rng(0)
    model = explorer.model
    turn_beside_convolutions(
        explorer,
        window=[*rng.integers(1, 7, 25).tolist(), 3],
        kind=[*(["max", "average"] * 12), "average"],
    )
    assert (model.window, model.stride, model.kind) == (3, 2, "average")
    check(model)
    assert np.array_equal(explorer.output.values, model.pooled)
    assert "alert" not in explorer.message.value
