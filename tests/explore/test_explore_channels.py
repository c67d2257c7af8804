"""The channels explorer without a browser: parts, sums, volumes and parameters against plain NumPy."""

from __future__ import annotations

import ipywidgets
import numpy as np
import pytest
import traitlets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from turning import turn_beside_convolutions

import cnnkit
from cnnkit.explore import ChannelsExplorer, ChannelsModel
from cnnkit.explore.parts import colored
from cnnkit.explore.parts.colors import symmetric
from cnnkit.explore.parts.depth import as_many
from cnnkit.explore.parts.sheet import mosaic


@pytest.fixture
def images():
    return np.random.default_rng(5).random((3, 3, 11, 9), dtype=np.float32)


def correlate(channel, weights, padding):
    """The definition for one channel, with as many zeros before as after, or one more after."""
    size = len(weights)
    before = (size - 1) // 2 if padding == "same" else 0
    after = size - 1 - before if padding == "same" else 0
    padded = np.pad(channel.astype(np.float64), (before, after))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weights.shape)
    return (windows * weights).sum(axis=(2, 3))


def parts_of(image, weights, padding="valid"):
    return np.stack([correlate(image[c], weights[c], padding) for c in range(3)])


def check(model):
    """Every result of `model` is the definition."""
    weights = colored.filters(model.amount, model.size, model.seed)
    np.testing.assert_allclose(
        model.parts, parts_of(model.image, weights[model.filter], model.padding), atol=1e-4
    )
    for index in range(model.amount):
        expected = parts_of(model.image, weights[index], model.padding).sum(axis=0) + model.biases[index]
        np.testing.assert_allclose(model.maps[index], expected, atol=1e-4)


@given(
    size=st.integers(1, 9),
    amount=st.integers(1, 12),
    chosen=st.integers(0, 11),
    padding=st.sampled_from(["valid", "same"]),
    bias=st.floats(-1, 1, width=32),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parts_and_maps_are_the_definition(images, size, amount, chosen, padding, bias, seed):
    model = ChannelsModel(
        images, picture=1, size=size, amount=amount, filter=chosen, padding=padding, bias=bias, seed=seed
    )
    assert model.problem == "" and model.filter == min(chosen, amount - 1)
    assert model.biases[model.filter] == bias
    check(model)
    assert model.output_shape() == (*model.maps.shape[1:], amount)


def test_the_parts_and_the_bias_add_up_to_the_chosen_map(images):
    model = ChannelsModel(images, filter=10, bias=0.5)
    np.testing.assert_allclose(model.parts.sum(axis=0) + 0.5, model.maps[10], atol=1e-5)


def test_the_numbers_of_the_article():
    """34x34x3 with 3x3x3 filters makes 32x32; 32x32x3 -> 32x32x12 has 336 parameters, 912 with 5x5."""
    assert ChannelsModel().state()["output_shape"] == [32, 32, 12]
    state = ChannelsModel(side=32, padding="same").state()
    assert state["input_shape"] == [32, 32, 3] and state["output_shape"] == [32, 32, 12]
    assert state["filter_parameters"] == 336
    assert state["dense_weights"] == 37_748_736
    assert state["dense_parameters"] == 37_748_736 + 32 * 32 * 12
    assert ChannelsModel(side=32, padding="same", size=5).state()["filter_parameters"] == 912


def test_parameters_are_those_of_layers():
    model = ChannelsModel(side=8, size=3, amount=4)
    layer = cnnkit.Conv2d(3, 4, 3)
    dense = cnnkit.Linear(8 * 8 * 3, 6 * 6 * 4)
    counts = model.parameters()
    assert counts.filters == sum(one.value.size for one in layer.parameters)
    assert counts.dense == sum(one.value.size for one in dense.parameters)


def test_a_patch_as_large_as_the_picture_is_a_regular_network():
    explorer = ChannelsExplorer(side=20, padding="same", amount=5)
    button = next(
        part
        for part in explorer.children[1].children
        if isinstance(part, ipywidgets.Button) and part.description == "a = whole picture"
    )
    button.click()
    model = explorer.model
    assert (model.size, model.padding) == (20, "valid")
    assert model.output_shape() == (1, 1, 5)
    assert model.parameters().filters == model.parameters().dense
    assert "just as many" in explorer.counts.value and "regular network" in explorer.counts.value
    dense = model.weights.reshape(5, -1).astype(np.float64) @ model.image.ravel()
    np.testing.assert_allclose(model.maps[:, 0, 0], dense, atol=1e-4)


@pytest.mark.parametrize(
    ("amount", "than", "text"),
    [
        (336, 336, "just as many"),
        (84, 28, "3 times as many"),
        (37_761_024, 336, "112\u00a0000 times as many"),
        (12_345, 100, "123 times as many"),
        (1, 2, "0.5 times as many"),
    ],
)
def test_how_many_more_is_said_in_words(amount, than, text):
    assert as_many(amount, than) == text


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 12])
def test_filters_answer_to_what_their_names_say(size):
    """Each meaning on a picture of `size` pixels that fills the window."""

    def answer(name, patch):
        return float((colored.one(list(colored.MEANINGS).index(name), size) * patch).sum())

    def flat(red, green, blue):
        return np.broadcast_to(np.array([red, green, blue], float)[:, None, None], (3, size, size))

    gray, red, yellow, blue = flat(0.5, 0.5, 0.5), flat(1, 0, 0), flat(1, 1, 0), flat(0, 0, 1)
    assert answer("reddish", red) == pytest.approx(1) and answer("reddish", gray) == pytest.approx(0)
    assert answer("blue, not yellow", blue) == pytest.approx(1)
    assert answer("blue, not yellow", yellow) == pytest.approx(-1)
    assert answer("brightness", yellow) == pytest.approx(2 / 3)
    step = (np.arange(size) >= size / 2).astype(float)[None]
    for channel, name in enumerate(colored.CHANNELS):
        edge = np.zeros((3, size, size))
        edge[channel] = step
        strong = 1.0 if size > 1 else 0.0
        assert answer(f"{name}, left to right", edge) == pytest.approx(strong)
        assert answer(f"{name}, left to right", np.roll(edge, 1, axis=0)) == 0
    assert answer("top to bottom", gray) == pytest.approx(0)
    spot = np.zeros((3, size, size))
    spot[1] = 1
    spot[:, size // 2, size // 2] = [1, 0, 0]
    if size % 2 and size > 1:
        assert answer("red in green", spot) == pytest.approx(1, abs=1e-6)
        assert answer("red in green", red) == pytest.approx(0, abs=1e-6)
        assert answer("red in green", yellow) == pytest.approx(0, abs=1e-6)


def test_random_filters_follow_the_seed_and_have_numbers_for_names():
    one, other = colored.filters(12, 3, 1), colored.filters(12, 3, 2)
    assert np.array_equal(one[:8], other[:8])
    assert all(not np.array_equal(one[k], other[k]) for k in range(8, 12))
    assert len({one[k].tobytes() for k in range(8, 12)}) == 4
    assert colored.name_of(8) == "random 1" and "random" in colored.meaning_of(11)


def test_a_filter_that_does_not_fit_explains_itself_and_recovers(images):
    explorer = ChannelsExplorer(images)
    explorer.model.size = 10
    assert explorer.model.maps is None and explorer.model.parts is None
    assert "10×10 filter does not fit into a 11×9 picture" in explorer.message.value
    assert "does not fit" in explorer.describe() and explorer.map.rgba() is None
    assert explorer.map.caption == explorer.sheet.caption == ""
    assert explorer.arithmetic.value == "" and explorer.still().startswith(b"\x89PNG")
    assert explorer.model.state()["output_shape"] == [2, 0, 12]
    explorer.model.padding = "same"  # zeros around the picture make room
    assert explorer.message.value == "" and explorer.model.maps.shape == (12, 11, 9)
    check(explorer.model)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4)), np.zeros((1, 1, 8, 8)), np.zeros((3, 65, 8))])
def test_pictures_that_are_not_colored_or_too_large_are_refused_in_words(wrong):
    with pytest.raises(traitlets.TraitError, match="This explorer needs colored pictures"):
        ChannelsModel(wrong)


def test_settings_that_no_control_can_give_are_refused(images):
    with pytest.raises(TypeError, match="strides"):
        ChannelsModel(images, strides=2)
    for name, value in {"amount": 13, "size": 0, "padding": "full", "side": 7}.items():
        with pytest.raises(traitlets.TraitError):
            ChannelsModel(images, **{name: value})


def test_every_filter_keeps_its_own_bias(images):
    model = ChannelsModel(images)
    model.bias = 0.25
    model.filter = 3
    assert model.bias == 0
    model.bias = -1.0
    model.filter = 0
    assert model.bias == 0.25 and model.biases[:4] == [0.25, 0, 0, -1]
    check(model)


def test_fewer_filters_keep_a_chosen_one(images):
    explorer = ChannelsExplorer(images, filter=9)
    explorer.model.amount = 4
    assert explorer.model.filter == 3 and explorer.model.maps.shape[0] == 4
    assert [control.max for control in explorer.chooser.children] == [3, 3]
    assert explorer.again.layout.visibility == "hidden"  # no random filter is among them
    explorer.model.filter = 11
    assert explorer.model.filter == 3
    check(explorer.model)


def test_controls_and_model_follow_each_other(images):
    explorer = ChannelsExplorer(images)
    model = explorer.model

    def pair(label):
        boxes = [part for part in explorer.children[1].children if isinstance(part, ipywidgets.HBox)]
        return next(box.children for box in boxes if box.children[0].description == label)

    for label, trait, value in (
        ("Filter a", "size", 5),
        ("Chosen k", "filter", 6),
        ("Its bias", "bias", 0.5),
        ("Filters K", "amount", 7),
    ):
        slide, box = pair(label)
        slide.value = value
        assert getattr(model, trait) == box.value == value
        setattr(model, trait, 1)
        assert slide.value == box.value == 1
    pair("Filter a")[1].value = 9
    assert model.size == 9 and model.maps.shape[1:] == (3, 1)
    menu, padding = (
        next(part for part in explorer.children[1].children if isinstance(part, kind))
        for kind in (ipywidgets.Dropdown, ipywidgets.ToggleButtons)
    )
    menu.value, padding.value = 2, "same"
    assert np.array_equal(model.image, images[2]) and model.padding == "same"
    model.picture = 99  # there are three
    assert model.picture == menu.value == 2
    before = model.weights
    model.amount = 12
    explorer.again.click()
    assert model.seed == 1 and not np.array_equal(before[-1], model.weights[-1])
    check(model)


def test_pointing_lights_the_window_in_all_channels_and_adds_up(images):
    explorer = ChannelsExplorer(images, padding="same", size=3, filter=8, bias=0.25)
    explorer.map.focus = (0, 5)
    model = explorer.model
    assert model.focus == (0, 5)
    for canvas in (explorer.picture, *explorer.channels):
        (window,) = canvas.marks
        assert (window["row"], window["col"], window["height"], window["width"]) == (-1, 4, 3, 3)
    assert all(part.focus == (0, 5) for part in explorer.parts)
    total = sum(patch.total for patch in model.patches()) + model.bias
    assert total == pytest.approx(float(model.maps[8][0, 5]), abs=1e-5)
    from cnnkit.explore.parts.words import number, signed

    red, green, blue = (patch.total for patch in model.patches())
    line = f"red {signed(red)} + green {signed(green)} + blue {signed(blue)} + bias 0.25 = {number(total)}"
    assert line in explorer.arithmetic.value
    assert "3 of its 9 places are padding" in explorer.arithmetic.value
    assert explorer.arithmetic.value.count("<table>") == 6
    explorer.parts[1].focus = (4, 4)
    assert model.focus == (4, 4)


def test_large_filters_are_counted_instead_of_written_out(images):
    explorer = ChannelsExplorer(images, size=9)
    assert "<table>" not in explorer.arithmetic.value and "red: 81 products" in explorer.arithmetic.value


def test_pictures_of_your_own_take_the_place_of_the_shapes(images):
    explorer = ChannelsExplorer()
    assert explorer.model.picture == 8 and explorer.menu.options[8] == ("8: cross", 8)
    assert explorer.side.layout.display is None
    explorer.model.images = images[:2]
    assert explorer.model.picture == explorer.menu.value == 1
    assert len(explorer.menu.options) == 2 and explorer.side.layout.display == "none"
    assert explorer.picture.values.shape == (11, 9, 3)
    check(explorer.model)
    explorer.model.images = None
    assert explorer.model.image.shape == (3, 34, 34) and len(explorer.menu.options) == 12


def test_a_click_on_the_sheet_chooses_its_map(images):
    explorer = ChannelsExplorer(images)
    height, width = explorer.model.maps.shape[1:]
    explorer.sheet.picked = (2 * (height + 1) + 4, width + 1 + 3)  # third row, second of four
    assert explorer.model.filter == 9 and explorer.model.focus == (4, 3)
    frame = explorer.sheet.marks[0]
    assert (frame["row"], frame["col"]) == (2 * (height + 1), width + 1)
    assert explorer.sheet.picked is None
    explorer.sheet.picked = (height, 0)  # between two maps
    assert explorer.model.filter == 9 and explorer.sheet.picked is None
    assert np.array_equal(explorer.sheet.values, mosaic(explorer.model.maps), equal_nan=True)


def test_one_color_range_or_one_for_each(images):
    explorer = ChannelsExplorer(images, filter=9)
    together = np.stack([*explorer.model.parts, explorer.model.maps[9]])
    for canvas in (*explorer.parts, explorer.map):
        assert (canvas.low, canvas.high) == symmetric(together)
    explorer.model.shared_range = False
    for canvas in (*explorer.parts, explorer.map):
        assert (canvas.low, canvas.high) == symmetric(canvas.values)


def test_two_models_can_be_linked(images):
    one, other = ChannelsModel(images), ChannelsModel(images, amount=3)
    traitlets.link((one, "filter"), (other, "filter"))
    one.filter = 2
    assert other.filter == 2
    check(other)


def test_words_stills_and_alternative_text_follow_the_settings(images):
    explorer = ChannelsExplorer(images)
    still, alt = explorer.still(), explorer.map.alt
    assert explorer.describe().startswith("A 11 × 9 × 3 picture under 12 filters of 3 × 3 × 3")
    assert "9 × 7 × 12 from 336 parameters" in explorer.describe()
    explorer.model.filter = 4
    assert explorer.still() != still and explorer.map.alt != alt
    assert "Feature map 4" in explorer.map.alt
    assert "green" in explorer.meaning.value
    explorer.model.size = 1
    assert "mixes the channels of one pixel" in explorer.message.value


def test_a_device_that_fails_is_a_sentence(images, monkeypatch):
    explorer = ChannelsExplorer(images)
    with monkeypatch.context() as broken:
        broken.setattr(cnnkit, "conv2d", lambda *args, **kwargs: 1 / 0)
        explorer.model.size = 5
        assert "ZeroDivisionError" in explorer.message.value and explorer.model.maps is None
    explorer.model.size = 3
    assert explorer.message.value == ""
    check(explorer.model)


def test_sliders_move_while_another_thread_convolves(images):
    explorer, rng = ChannelsExplorer(images), np.random.default_rng(0)
    model = explorer.model
    turn_beside_convolutions(
        explorer,
        size=[*rng.integers(1, 12, 25).tolist(), 4],
        filter=[*rng.integers(0, 12, 25).tolist(), 11],
    )
    assert (model.size, model.filter) == (4, 11)
    check(model)
    assert np.array_equal(explorer.map.values, model.maps[11])
    assert "alert" not in explorer.message.value
