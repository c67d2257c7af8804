"""What goes on inside a network: stages, receptive fields, occlusion, gradients, and who cannot look."""

from __future__ import annotations

import numpy as np
import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st

import cnnkit
from cnnkit.explore import DrawExplorer, DrawModel
from cnnkit.explore.parts import ink, inside


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


# Inside the network --------------------------------------------------------------------------------


def depends_on(network, picture, stages, index, place):
    """The pixels whose change changes one number of a stage, found by trying each of them four times."""
    stage = stages[index]
    pixels = [at for at in np.ndindex(picture.shape) for _ in range(4)]
    batch = np.repeat(picture[None, None], len(pixels), axis=0)
    batch[np.arange(len(pixels)), 0, *np.transpose(pixels)] += 3 * np.random.default_rng(0).normal(
        size=len(pixels)
    )
    values = network.activations(batch)[stage.number + 1].get()
    at = (slice(None), *(place if stage.spatial else place[:1]))
    changed = np.abs(values[at] - stage.values[at[1:]]) > 1e-4  # a batch may be summed in another order
    return sorted({pixel for pixel, one in zip(pixels, changed, strict=True) if one})


def test_receptive_fields_hold_all_that_a_number_depends_on(deep):
    rng = np.random.default_rng(5)
    picture = rng.random((8, 8), dtype=np.float32)
    stages = inside.stages_of(deep, picture)
    assert [stage.number for stage in stages] == [-1, 0, 1, 2, 3, 4, 5, 8, 9, 10]
    for index, stage in enumerate(stages[1:], 1):
        shape = (*stage.values.shape, 1, 1)[:3]
        place = tuple(int(rng.integers(size)) for size in shape)
        top, left, height, width = inside.receptive_field(stages, index, *place[1:])
        found = depends_on(deep, picture, stages, index, place)
        assert all(top <= r < top + height and left <= c < left + width for r, c in found), stage.name
        if not stage.spatial:
            assert (height, width) == (8, 8)


def test_receptive_fields_are_no_larger_than_they_must_be():
    network = cnnkit.Sequential(
        cnnkit.Conv2d(1, 1, 3, stride=2, padding=1),
        cnnkit.AvgPool2d(2),
        cnnkit.Conv2d(1, 2, 2),
        cnnkit.Flatten(),
        seed=0,
    )
    picture = np.random.default_rng(1).random((8, 8), dtype=np.float32)
    stages = inside.stages_of(network, picture)
    field = inside.receptive_field(stages, 2, 1, 0)
    assert field == (3, -1, 5, 5)  # two windows of 3, two apart, from 2·2 - 1 on
    expected = [(r, c) for r in range(3, 8) for c in range(0, 4)]
    assert depends_on(network, picture, stages, 2, (0, 1, 0)) == expected
    # r = 1 + sum of (k - 1) times the strides before: 1 + 2 + 1·2 + 1·4
    assert inside.receptive_field(stages, 3, 0, 0)[2:] == (9, 9)


def test_stages_are_the_layers_outputs(deep):
    picture = np.random.default_rng(2).random((8, 8), dtype=np.float32)
    stages = inside.stages_of(deep, picture)
    x = picture[None, None]
    for number, layer in enumerate(deep.layers):
        x = layer(x)
        for stage in stages:
            if stage.number == number:
                np.testing.assert_allclose(stage.values, x.get()[0], rtol=1e-5, atol=1e-6)
    model = DrawModel(deep, bitmap=ink.stroke([(3, 3), (28, 20)], 4))
    chances = deep(model.seen.picture[None, None]).get()[0]
    np.testing.assert_allclose(model.probabilities, chances, atol=1e-6)


@pytest.mark.parametrize(("patch", "gray"), [(1, 0.0), (2, 0.5), (3, 1.0), (4, 0.25)])
def test_occlusion_of_a_linear_network_is_exact(linear, patch, gray):
    model = DrawModel(linear, sample=7, patch=patch, gray=gray)
    picture = model.seen.picture.astype(np.float64)
    weights = linear.layers[1].w.value.get().astype(np.float64)
    scores = weights @ picture.ravel()
    winner = int(scores.argmax())
    assert model.prediction == winner and model.occlusion.falls.shape == (9 - patch, 9 - patch)
    for row, column in np.ndindex(model.occlusion.falls.shape):
        covered = picture.copy()
        covered[row : row + patch, column : column + patch] = gray
        fall = softmax(scores)[winner] - softmax(weights @ covered.ravel())[winner]
        assert model.occlusion.falls[row, column] == pytest.approx(fall, abs=1e-6)
        assert model.occlusion.area((row, column)) == (row, column, patch, patch)


def test_the_gradient_of_a_linear_network_is_its_weights(linear):
    model = DrawModel(linear, sample=7, view="gradient")
    weights = linear.layers[1].w.value.get()[model.prediction].reshape(8, 8)
    np.testing.assert_array_equal(model.gradient, weights)
    assert model.occlusion is None
    assert (
        linear.layers[1].w.grad is None and linear.layers[1].kept is None
    )  # the learner's own stay as they were


def test_the_gradient_is_the_slope_of_the_score():
    network = cnnkit.Sequential(
        cnnkit.Conv2d(1, 4, 3, padding=1),
        cnnkit.Tanh(),
        cnnkit.Dropout(0.5),
        cnnkit.AvgPool2d(2),
        cnnkit.Flatten(),
        cnnkit.Linear(64, 5),
        seed=2,
    )
    picture = np.random.default_rng(0).random((8, 8), dtype=np.float32)
    slope = inside.saliency(network, picture, 3)
    for row, column in ((0, 0), (3, 5), (7, 7)):
        step = np.zeros((8, 8), np.float32)
        step[row, column] = 1e-2
        up, down = (network((picture + sign * step)[None, None]).get()[0, 3] for sign in (1, -1))
        assert slope[row, column] == pytest.approx((up - down) / 2e-2, abs=2e-3)


@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 6))
def test_patches_reach_both_ends(size, patch, step):
    patch = min(patch, size)
    begins = inside.places(size, patch, step)
    assert begins[0] == 0 and begins[-1] == size - patch and (np.diff(begins) <= step).all()


def test_a_network_for_mnist_gets_pictures_of_28x28():
    network = cnnkit.models.small_cnn((1, 28, 28), 10, seed=0)
    model = DrawModel(network)
    assert model.side == 28 and model.seen.picture.shape == (28, 28) and model.problem == ""
    assert model.occlusion.falls.shape == (9, 9) and model.occlusion.patch == 6
    model.sample = 4
    assert model.fit  # its makers' fitting is another one
    assert model.state()["input_shape"] == [1, 28, 28]


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([cnnkit.Flatten(), cnnkit.Linear(50, 10)], "Linear(64, 10)"),
        ([cnnkit.Conv2d(3, 4, 3)], "1 channel and the filters 3"),
        ([cnnkit.Conv2d(1, 4, 3)], "no list of at least two scores"),
        ([], "no list of at least two scores"),
        ([cnnkit.Conv2d(1, 4, 40)], "must fit"),
    ],
)
def test_a_network_that_cannot_look_says_why(layers, said):
    explorer = DrawExplorer(cnnkit.Sequential(*layers))
    assert said in explorer.model.problem and "(1, 8, 8) or (1, 28, 28)" in explorer.model.problem
    assert "cannot look at the pad" in explorer.message.value and "No answer" in explorer.answer.value
    assert explorer.state()["prediction"] is None and explorer.still().startswith(b"\x89PNG")
    explorer.model.network = DrawModel().network
    assert explorer.message.value == "" and explorer.model.prediction == 3


def test_what_is_no_network_and_a_diverged_one_are_named():
    with pytest.raises(traitlets.TraitError, match=r"Sequential, not into Linear"):
        DrawExplorer(cnnkit.Linear(64, 10))
    network = cnnkit.Sequential(cnnkit.Flatten(), cnnkit.Linear(64, 10))
    network.layers[1].w.set(np.full((10, 64), np.nan, np.float32))
    explorer = DrawExplorer(network)
    assert "not finite" in explorer.model.problem and explorer.model.prediction is None
