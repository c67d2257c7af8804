"""The drawing explorer without a browser: what the pad, the model and the pictures do with each other."""

from __future__ import annotations

import re
import threading

import numpy as np
import pytest
import traitlets

import cnnkit
from cnnkit.data import ink_counts
from cnnkit.explore import DrawExplorer, DrawModel
from cnnkit.explore.parts import ink, inside
from cnnkit.explore.parts.layerpictures import place_at, position_of, sheet_of


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


# The model -----------------------------------------------------------------------------------------


def test_the_first_drawing_is_fitted_and_read():
    model = DrawModel()
    state = model.state()
    assert state["prediction"] == 3 and state["fit"] and state["label"] is None
    assert len(state["probabilities"]) == 10 and sum(state["probabilities"]) == pytest.approx(1, abs=5e-4)
    assert state["ink"] == pytest.approx(model.bitmap.mean())
    fitted = ink.fit(model.bitmap).bitmap
    assert np.array_equal(model.seen.picture, ink_counts(fitted))
    scores = model.network(model.seen.picture[None, None]).get()[0].astype(float)
    np.testing.assert_allclose(model.probabilities, softmax(scores), atol=1e-6)


def test_an_empty_pad_asks_for_a_digit():
    explorer = DrawExplorer()
    explorer.model.clear()
    assert explorer.model.prediction is None and explorer.model.state()["probabilities"] == []
    assert "Draw a digit." in explorer.answer.value and explorer.chart.lines == []
    assert explorer.why.values is None and "draw a digit" in explorer.describe()
    assert explorer.layers.canvases[0].values is not None  # what the biases alone make
    assert explorer.pad.alt.endswith("empty")


def test_a_sample_counts_exactly_and_clearing_turns_fitting_on_again():
    explorer = DrawExplorer()
    model = explorer.model
    model.sample = 12
    picture = model.samples.images[12, 0]
    assert np.array_equal(model.seen.picture, picture) and not model.fit
    assert model.state()["label"] == model.samples.labels[12]
    assert f"labeled {model.samples.labels[12]}" in explorer.answer.value
    assert "counted as it is" in explorer.message.value
    model.nudge(0, 1)
    assert model.state()["label"] is None
    assert np.array_equal(model.bitmap, ink.moved(ink.of_counts(picture), 0, 1))
    model.pick()
    assert np.array_equal(model.seen.picture, picture)
    model.clear()
    assert model.fit
    model.fit = False
    model.clear()
    assert not model.fit  # switched off by hand, it stays so
    with pytest.raises(traitlets.TraitError, match="samples 0 to 358"):
        model.sample = 359


def test_most_held_out_samples_are_read_right_from_their_bitmaps():
    model = DrawModel(view="gradient")
    right = 0
    for sample in range(0, 359, 12):
        model.sample = sample
        right += model.prediction == model.state()["label"]
    assert right >= 27  # of 30


def test_a_plain_stroke_is_a_one_wherever_it_is_drawn():
    model = DrawModel()
    for column in (6, 16, 25):
        model.bitmap = ink.stroke([(6, column), (24, column)], 5)
        assert model.prediction == 1


def test_fitting_is_said_to_make_moving_idle():
    explorer = DrawExplorer()
    before = explorer.model.seen.picture
    explorer.model.nudge(2, 0)
    assert np.array_equal(explorer.model.seen.picture, before)
    assert "wherever you move the drawing" in explorer.message.value
    explorer.model.fit = False
    assert explorer.message.value == "" and not np.array_equal(explorer.model.seen.picture, before)


def test_two_networks_read_one_drawing(linear):
    one, other = DrawExplorer(), DrawExplorer(linear)
    traitlets.link((one.pad, "bits"), (other.pad, "bits"))
    traitlets.link((one.model, "fit"), (other.model, "fit"))
    one.model.sample = 30
    assert np.array_equal(other.model.seen.picture, one.model.samples.images[30, 0])
    other.model.clear()
    assert one.model.prediction is None and one.message.value == other.message.value == ""


# The view ------------------------------------------------------------------------------------------


def test_the_pad_and_the_model_follow_each_other():
    explorer = DrawExplorer()
    drawing = ink.stroke([(4, 16), (28, 16)], 4)
    explorer.pad.set_state({"bits": drawing.astype(np.uint8).tobytes()})
    assert np.array_equal(explorer.model.bitmap, drawing)
    assert f"{drawing.sum()} cells inked" in explorer.pad.alt
    explorer.model.bitmap = ~drawing
    assert np.array_equal(explorer.pad.bitmap, ~drawing)
    explorer.pad.brush, explorer.pad.erase = 2, True
    assert (explorer.model.brush, explorer.model.erase) == (2, True)
    cut = [one for one in explorer.pad.marks if one["kind"] == "cut"]
    assert len(cut) == 1 and cut[0]["height"] == 32


def test_every_number_of_every_stage_is_found_in_its_picture(deep):
    stages = DrawModel(deep).stages
    for stage in stages[1:]:
        sheet = sheet_of(stage)
        shape = (*stage.values.shape, 1, 1)[:3]
        for place in np.ndindex(shape):
            position = position_of(stage, place)
            assert sheet[position] == stage.values[place if stage.spatial else place[:1]]
            assert place_at(stage, position) == place
        for position in np.argwhere(np.isnan(sheet)):
            assert place_at(stage, tuple(position)) is None


def test_pointing_at_a_map_frames_what_it_saw():
    explorer = DrawExplorer(sample=3)
    explorer.layers.canvases[4].focus = (5 + 1, 1)  # the pooling's map 4, row 1, column 1
    model = explorer.model
    assert model.focus == (5, 4, 1, 1)
    assert model.field() == (0, 0, 6, 6)
    (mark,) = explorer.seen.marks
    assert (mark["row"], mark["col"], mark["height"], mark["width"]) == (0, 0, 6, 6)
    (mark,) = explorer.pad.marks
    assert (mark["row"], mark["col"], mark["height"], mark["width"]) == (0, 0, 24, 24)
    assert "Layer 4, MaxPool2d, map 4, row 1, column 1" in explorer.explanation.value
    assert "largest = " in explorer.explanation.value
    explorer.why.focus = (2, 3)
    assert model.focus is None and explorer.layers.canvases[4].focus is None
    assert explorer.seen.marks[0]["height"] == 2 and "covered" in explorer.explanation.value


def test_the_arithmetic_of_every_layer_ends_in_its_number(deep):
    """What the explanation adds up is what the network computed."""
    explorer = DrawExplorer(deep)
    model = explorer.model
    for index, stage in enumerate(model.stages[1:], 1):
        shape = (*stage.values.shape, 1, 1)[:3]
        place = tuple(size // 2 for size in shape)
        model.focus = (index, *place)
        value = stage.values[place if stage.spatial else place[:1]]
        text = explorer.explanation.value
        result = re.findall(
            r"[−\d.e]+", re.sub("<[^>]*>", " ", text.split("cnnkit-sum")[-1]).split("<details")[0]
        )
        assert any(_close(number_text, value) for number_text in result), (stage.name, value, text)


def _close(text, value):
    try:
        return float(text.replace("−", "-")) == pytest.approx(float(value), rel=6e-3, abs=1e-6)
    except ValueError:
        return False


def test_layers_share_a_color_range_or_have_their_own():
    explorer = DrawExplorer()
    own = {(canvas.low, canvas.high) for canvas in explorer.layers.canvases}
    assert len(own) > 2 and all(low == -high for low, high in own)
    explorer.model.shared_range = True
    (shared,) = {(canvas.low, canvas.high) for canvas in explorer.layers.canvases}
    assert shared[1] == max(high for _, high in own)


def test_another_network_gets_pictures_of_its_own(deep):
    explorer = DrawExplorer()
    explorer.layers.canvases[5].focus = (0, 9)
    explorer.model.network = deep
    assert len(explorer.layers.canvases) == 9 and explorer.message.value == ""
    assert explorer.model.focus is None or explorer.model.focus[0] < 10
    assert explorer.chart.x_names == ["0", "1", "2", "3"]
    assert explorer.still().startswith(b"\x89PNG")


def test_a_failure_is_said_in_place(monkeypatch):
    explorer = DrawExplorer()
    with monkeypatch.context() as broken:
        broken.setattr(inside, "occlusion", lambda *args: 1 / 0)
        explorer.model.nudge(1, 0)
        assert "ZeroDivisionError" in explorer.message.value
    explorer.model.fit = False
    assert "ZeroDivisionError" not in explorer.message.value


def test_strokes_while_another_thread_computes():
    explorer = DrawExplorer()
    x, w = np.ones((1, 1, 64, 64), np.float32), np.ones((1, 1, 3, 3), np.float32)
    drawings = [ink.stroke([(2, 4), (29, 4 + at)], 4) for at in range(25)]
    wrong, done = [], threading.Event()

    def train():
        while not done.is_set():
            y = cnnkit.conv2d(x, w).get()
            if not (y == 9).all():
                wrong.append(y)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        for drawing in drawings:
            explorer.pad.set_state({"bits": drawing.astype(np.uint8).tobytes()})
    finally:
        done.set()
        thread.join()
    assert not wrong and explorer.message.value == ""
    expected = DrawModel(bitmap=drawings[-1])
    np.testing.assert_array_equal(explorer.model.probabilities, expected.probabilities)
    np.testing.assert_array_equal(explorer.model.occlusion.falls, expected.occlusion.falls)


def test_drawing_with_a_network_in_training_leaves_its_training_alone():
    def trained(look):
        network = cnnkit.Sequential(
            cnnkit.Conv2d(1, 4, 3, padding=1), cnnkit.ReLU(), cnnkit.Flatten(), cnnkit.Linear(256, 10), seed=0
        )
        explorer = DrawExplorer(network, view="gradient")

        class Look(cnnkit.Callback):
            def on_step_end(self, run):
                if look:
                    explorer.model.nudge(0, 1 if run.step % 2 else -1)

        train, _ = cnnkit.data.digits()
        cnnkit.fit(network, train, epochs=1, seed=0, callbacks=[Look()], progress=False)
        return network.state()

    first, second = trained(True), trained(False)
    assert all(np.array_equal(first[name], second[name]) for name in first)
