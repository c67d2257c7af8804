"""The invariance explorer without a browser: motions as NumPy makes them, accuracies counted by hand."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st
from turning import turn_beside_convolutions

import cnnkit
from cnnkit.data import Dataset
from cnnkit.errors import ShapeError
from cnnkit.explore import InvarianceExplorer, InvarianceModel
from cnnkit.explore.parts.invariance_model import PROPERTIES
from cnnkit.explore.parts.motion import Motion, moved
from cnnkit.explore.parts.trained import digits_network, digits_test


@pytest.fixture(scope="module")
def explorer():
    return InvarianceExplorer()


@pytest.fixture
def fresh(explorer):
    """The explorer, at rest."""
    explorer.model.rest()
    explorer.model.index, explorer.model.focus, explorer.model.shared_range = 5, None, True
    return explorer


def reference(image, motion):
    """Bilinear interpolation pixel by pixel, in float64: every output pixel looks up where it came from."""
    height, width = image.shape
    angle = np.deg2rad(motion.rotation)
    out = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            up = (height - 1) / 2 - row + motion.shift_y
            right = column - (width - 1) / 2 - motion.shift_x
            # Undo a counterclockwise rotation in a plane whose y points up.
            x = (right * np.cos(angle) + up * np.sin(angle)) / motion.scale
            y = (up * np.cos(angle) - right * np.sin(angle)) / motion.scale
            r, c = (height - 1) / 2 - y, (width - 1) / 2 + x
            for i in range(height):
                for j in range(width):
                    out[row, column] += max(0, 1 - abs(r - i)) * max(0, 1 - abs(c - j)) * image[i, j]
    return out


motions = st.builds(Motion, st.floats(-180, 180), st.floats(-5, 5), st.floats(-5, 5), st.floats(0.5, 2))


@given(motions, st.integers(3, 9), st.integers(3, 9), st.integers(0, 1000))
def test_a_motion_is_bilinear_interpolation(motion, height, width, seed):
    images = np.random.default_rng(seed).random((2, 2, height, width), dtype=np.float32)
    result = moved(images, motion)
    assert result.shape == images.shape
    for got, image in zip(result.reshape(-1, height, width), images.reshape(-1, height, width), strict=True):
        np.testing.assert_allclose(got, reference(image, motion), atol=1e-5)


def test_motions_that_move_whole_pixels():
    image = np.arange(36, dtype=np.float32).reshape(1, 1, 6, 6)
    np.testing.assert_array_equal(moved(image, Motion()), image)
    for turns in (1, 2, 3):
        np.testing.assert_allclose(
            moved(image, Motion(rotation=90 * turns))[0, 0], np.rot90(image[0, 0], turns), atol=1e-4
        )
    right = moved(image, Motion(shift_x=2))[0, 0]
    np.testing.assert_array_equal(right[:, 2:], image[0, 0, :, :-2])
    assert not right[:, :2].any()
    down = moved(image, Motion(shift_y=1))[0, 0]
    np.testing.assert_array_equal(down[1:], image[0, 0, :-1])
    assert not down[0].any()


def test_a_motion_is_scipys():
    ndimage = pytest.importorskip("scipy.ndimage")
    image = np.random.default_rng(0).random((11, 11), dtype=np.float32)
    for degrees in (-100, 17, 45):
        expected = ndimage.rotate(
            image, degrees, reshape=False, order=1, mode="grid-constant", prefilter=False
        )
        got = moved(image[None, None], Motion(rotation=degrees))[0, 0]
        np.testing.assert_allclose(got, expected, atol=1e-5)


# The digits -----------------------------------------------------------------------------------------


def test_the_network_for_digits_is_made_once_and_reads_them():
    network, said = digits_network(), []
    others = []
    threads = [threading.Thread(target=lambda: others.append(digits_network(said.append))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(other is network for other in others) and len(others) == 3 and said == []
    test = digits_test()
    assert len(test) == 359 and digits_test() is test
    assert cnnkit.evaluate(network, test)["accuracy"] > 0.94


def test_the_answer_is_the_networks(fresh):
    model = fresh.model
    for settings in ({}, {"rotation": 30.0}, {"shift_x": -1.5, "scale": 1.3}):
        for name, value in settings.items():
            setattr(model, name, value)
        image = digits_test().images[5]
        expected = reference(image[0], model.motion)
        np.testing.assert_allclose(model.result[0], expected, atol=1e-5)
        scores = digits_network()(expected[None, None].astype(np.float32)).get()[0].astype(np.float64)
        shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        np.testing.assert_allclose(model.probabilities, shares, atol=1e-4)
        assert model.answer == str(shares.argmax()) and model.label == "7"
        np.testing.assert_array_equal(fresh.canvases["moved"].values, model.result[0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rotation", 30.0),
        pytest.param("shift_x", 1.0, marks=pytest.mark.slow),
        pytest.param("shift_y", -2.0, marks=pytest.mark.slow),
        pytest.param("scale", 2.0, marks=pytest.mark.slow),
    ],
)
def test_the_curve_counts_what_is_read_right(fresh, name, value):
    model, test = fresh.model, digits_test()
    positions, curve = model.positions(name), model.curve(name)
    at = int(np.flatnonzero(np.isclose(positions, value))[0])
    motion = Motion(**{name: value})
    images = np.stack([reference(image[0], motion)[None] for image in test.images]).astype(np.float32)
    right = digits_network().predict(images).argmax(axis=1) == test.labels
    assert curve[at] == pytest.approx(right.mean(), abs=1.5 / len(test))
    assert curve[12] == pytest.approx(cnnkit.evaluate(digits_network(), test)["accuracy"], abs=1e-6)
    assert len(positions) == len(curve) == 25 and positions[12] == (1 if name == "scale" else 0)


def test_words_and_marker_tell_what_was_measured(fresh):
    model = fresh.model
    model.rotation = 30.0
    share = model.curve("rotation")[14]
    assert model.positions("rotation")[14] == 30
    percent = f"{round(100 * share)} %"
    assert f"Rotated by 30°, {percent} of 359 test pictures are read right" in fresh.measured.value
    marker = fresh.curve.markers[0]
    assert marker["x"] == 30 and marker["y"] == pytest.approx(100 * share) and percent in marker["label"]
    low, high = model.robust_range("rotation")
    good = model.curve("rotation") >= 0.9 * model.curve("rotation")[12]
    inside = (model.positions("rotation") >= low) & (model.positions("rotation") <= high)
    assert good[inside].all() and low <= 0 <= high
    assert f"From {low:g}".replace("-", "−") in fresh.measured.value
    model.rotation = 37.0
    between = np.interp(37, model.positions("rotation"), model.curve("rotation"))
    assert model.accuracy("rotation") == pytest.approx(between) and "about" in fresh.measured.value
    model.shift_x = 1.0
    assert "Shifted right by 1 pixel and nothing else" in fresh.measured.value
    model.shift_x = 0.0
    assert fresh.measured.value.count("At rest") == 1


def test_right_and_wrong_are_said(fresh):
    model = fresh.model
    assert "Read as “7”" in fresh.verdict.value and "right." in fresh.verdict.value
    model.rotation = 90.0
    assert model.answer != "7"
    assert f"Read as “{model.answer}”" in fresh.verdict.value
    assert "wrong, it is a “7”" in fresh.verdict.value and "cnnkit-differs" in fresh.verdict.value
    right, others = fresh.shares.lines
    assert right["x"] == [7] and right["y"] == [pytest.approx(float(model.probabilities[7]))]
    assert len(others["x"]) == 9 and sum(others["y"]) + right["y"][0] == pytest.approx(1, abs=1e-4)
    assert model.state()["right"] is False and model.state()["label"] == "7"


def test_the_curve_follows_the_property_that_moved_last(fresh):
    model = fresh.model
    for name, title in (
        ("shift_x", "shift right"),
        ("scale", "scale"),
        ("shift_y", "shift down"),
        ("rotation", "rotation"),
    ):
        version = model.version
        setattr(model, name, 1.5)
        assert model.moved == name and title in fresh.curve.title and model.version == version + 1
    model.moved = "scale"
    assert "scale" in fresh.curve.title and fresh.curve.markers[0]["x"] == 1.5
    fresh.back.click()
    assert [getattr(model, name) for name in PROPERTIES] == [0, 0, 0, 1] and model.moved == "scale"
    assert fresh.canvases["moved"].title == "At rest"


def test_a_sweep_begins_at_rest_and_comes_around(fresh):
    fresh.model.moved = "scale"
    seen = []
    for tick in range(25):
        fresh._sweep(tick)
        seen.append(fresh.model.scale)
    assert seen[0] == 1 and seen[1] > 1 and sorted(seen) == pytest.approx(list(2 ** np.linspace(-1, 1, 25)))


def test_a_pixel_is_written_out(fresh):
    model = fresh.model
    model.rotation = 30.0
    fresh.canvases["moved"].focus = (3, 4)
    reads = model.read_at(3, 4)
    assert sum(share for _, _, share in reads) == pytest.approx(1)
    total = sum(share * model.picture[0, row, column] for row, column, share in reads)
    assert total == pytest.approx(float(model.result[0, 3, 4]), abs=1e-6)
    assert "Pixel (row 3, column 4) is a mean of 4 pixels" in fresh.explanation.value
    window = fresh.canvases["picture"].marks[0]
    assert (window["height"], window["width"]) == (2, 2)
    assert (window["row"], window["col"]) == (min(r for r, _, _ in reads), min(c for _, c, _ in reads))
    fresh.canvases["moved"].focus = None
    assert fresh.explanation.value == "" and fresh.canvases["picture"].marks == []


def test_a_picture_that_left_its_frame_is_remarked():
    image = np.zeros((1, 1, 8, 8), np.float32)
    image[0, 0, 3, 6] = 1
    explorer = InvarianceExplorer(digits_network(), Dataset(image, [0], "0123456789"))
    assert explorer.message.value == ""
    explorer.model.shift_x = 3.0
    assert not explorer.model.result.any() and "Nothing of the picture is left" in explorer.message.value


def test_color_ranges(fresh):
    model = fresh.model
    model.scale = 0.5
    assert fresh.canvases["moved"].high == fresh.canvases["picture"].high == model.picture.max()
    model.shared_range = False
    assert fresh.canvases["moved"].high == pytest.approx(model.result.max())


# One's own ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 9, 12)])
def test_a_network_and_pictures_of_ones_own(shape):
    rng = np.random.default_rng(0)
    network = cnnkit.models.small_cnn(shape, 12)
    names = [f"kind number {i}" for i in range(12)]
    data = Dataset(rng.random((30, *shape), dtype=np.float32), rng.integers(0, 12, 30), names)
    explorer = InvarianceExplorer(network, data, rotation=15.0)
    model = explorer.model
    assert explorer.message.value == "" and explorer.still().startswith(b"\x89PNG")
    assert explorer.canvases["moved"].values.shape == (*shape[1:], 3)[: 2 if shape[0] == 1 else 3]
    assert model.reach("shift_x") == shape[2] / 2 and model.reach("shift_y") == shape[1] / 2
    assert len(explorer.shares.x_names) == 10 and all(len(name) <= 6 for name in explorer.shares.x_names)
    truth = next(line for line in explorer.shares.lines if "right class" in line["label"])
    assert truth["y"] == [pytest.approx(float(model.probabilities[data.labels[0]]))]
    before = model.curve("rotation")
    model.network = cnnkit.models.small_cnn(shape, 12, seed=3)
    assert not np.array_equal(before, model.curve("rotation"))


def test_a_network_that_was_trained_further_is_measured_again():
    data = digits_test()[:40]
    network = cnnkit.models.small_cnn((1, 8, 8), 10, seed=1)
    explorer = InvarianceExplorer(network, data)
    before = explorer.model.curve("rotation")
    cnnkit.fit(network, cnnkit.data.digits()[0], epochs=2, progress=False)
    np.testing.assert_array_equal(explorer.model.curve("rotation"), before)
    explorer.again.click()
    assert explorer.model.curve("rotation")[12] > before[12]


def test_a_network_that_ends_in_softmax_gives_its_probabilities():
    network = cnnkit.Sequential(cnnkit.Flatten(), cnnkit.Linear(64, 10), cnnkit.Softmax(), seed=0)
    model = InvarianceModel(network, digits_test())
    np.testing.assert_allclose(model.probabilities, network(model.result[None]).get()[0], atol=1e-6)
    assert model.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_scores_that_are_no_numbers_are_explained():
    network = cnnkit.Sequential(cnnkit.Flatten(), cnnkit.Linear(64, 10), seed=0)
    network[1].w.set(np.full((10, 64), np.nan, np.float32))
    explorer = InvarianceExplorer(network, digits_test())
    assert "NaN" in explorer.message.value and explorer.shares.lines == explorer.curve.lines == []
    assert explorer.canvases["moved"].rgba() is not None and explorer.verdict.value == ""
    assert explorer.still().startswith(b"\x89PNG") and "NaN" in explorer.describe()
    explorer.model.network = digits_network()
    assert explorer.message.value == "" and len(explorer.shares.lines) == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rotation": 181.0}, "-180 to 180, not 181"),
        ({"scale": 0.0}, "0.5 to 2, not 0"),
        ({"shift_x": 4.5}, "-4 to 4, not 4.5"),
        ({"index": 359}, "0 to 358, not 359"),
        ({"rotation": float("nan")}, "not nan"),
        ({"data": digits_test()}, "need a network"),
        ({"network": "a model"}, "not at a str"),
        ({"network": digits_network(), "data": [1, 2]}, "Dataset"),
    ],
)
def test_what_cannot_be_is_refused_in_words(settings, words):
    with pytest.raises(traitlets.TraitError, match=words):
        InvarianceModel(**settings)


def test_networks_and_pictures_that_do_not_fit_are_refused():
    large = Dataset(np.zeros((2, 1, 40, 40), np.float32), [0, 1], "0123456789")
    with pytest.raises(traitlets.TraitError, match=r"1024 pixels .* 40 × 40"):
        InvarianceModel(digits_network(), large)
    with pytest.raises(ShapeError, match="features"):
        InvarianceModel(digits_network(), Dataset(np.zeros((2, 1, 9, 12), np.float32), [0, 1], "0123456789"))
    with pytest.raises(traitlets.TraitError, match="2 classes"):
        InvarianceModel(digits_network(), Dataset(np.zeros((2, 1, 8, 8), np.float32), [0, 1], "ab"))


def test_two_models_can_be_linked():
    one, other = InvarianceModel(), InvarianceModel(index=3)
    traitlets.link((one, "rotation"), (other, "rotation"))
    one.rotation = 50.0
    expected = reference(digits_test().images[3, 0], Motion(rotation=50))
    np.testing.assert_allclose(other.result[0], expected, atol=1e-5)


def test_the_sentence_is_the_same_on_every_device(fresh):
    fresh.model.rotation, fresh.model.shift_y, fresh.model.scale = 30.0, -1.0, 1.5
    assert fresh.describe() == (
        "Picture 5 of 359, a “7”, rotated by 30°, 1 up, 1.5 times the size, beside the network's "
        "probabilities for 10 classes, and its accuracy over the test set against scale."
    )
    assert "test pictures" in fresh.caption()


def test_sliders_move_while_another_thread_computes(fresh):
    model, rng = fresh.model, np.random.default_rng(0)
    turn_beside_convolutions(
        fresh,
        rotation=[*rng.uniform(-180, 180, 40).tolist(), 25.0],
        scale=[*rng.uniform(0.5, 2, 40).tolist(), 1.2],
    )
    expected = reference(model.picture[0], Motion(rotation=25, scale=1.2))
    np.testing.assert_allclose(fresh.canvases["moved"].values, expected, atol=1e-5)
