"""The descent explorer without a browser: every step as NumPy makes it, and words where it goes wrong."""

from __future__ import annotations

import numpy as np
import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st
from turning import turn_beside_convolutions

from cnnkit.explore import DescentExplorer, DescentModel
from cnnkit.explore.descent import FAR, drawn_path, exit_of
from cnnkit.explore.parts.bowl import GRID, MOST_PIXELS
from cnnkit.explore.parts.words import number

# "Dive into Deep Learning" prints these ten losses for an image of edges and the learning rate 0.03.
KNOWN = [12, 4.9152, 2.013266, 0.824634, 0.337770, 0.138351, 0.056668, 0.023211, 0.009507, 0.003894]


@pytest.fixture(scope="module")
def photo():
    return DescentModel(example="photo", steps=3)


def matrix(image, shape):
    """Every patch of `image` as a row, float64: y = matrix @ w."""
    patches = np.lib.stride_tricks.sliding_window_view(image.astype(np.float64), shape)
    return patches.reshape(-1, shape[0] * shape[1])


def descended(model, steps):
    """Losses and filters of plain NumPy's descent, in float64."""
    task = model.task
    a = matrix(task.image, task.wanted.shape)
    t, w = a @ task.wanted.ravel(), model.start.ravel().astype(np.float64)
    share = 1.0 if task.reduction == "sum" else 1 / len(t)
    v, losses, path = np.zeros_like(w), [], []
    for _ in range(steps + 1):
        losses.append(share * ((a @ w - t) ** 2).sum())
        path.append(w.copy())
        v = model.momentum * v + share * 2 * a.T @ (a @ w - t)
        w = w - model.learning_rate * v
    return np.array(losses), np.array(path)


def test_the_losses_that_a_textbook_prints():
    model = DescentModel()
    image = np.ones((6, 8))
    image[:, 2:6] = 0
    np.testing.assert_array_equal(model.task.image, image)
    assert (model.learning_rate, model.momentum, model.steps) == (0.03, 0, 10)
    np.testing.assert_array_equal(model.start, [[0, 0]])
    np.testing.assert_allclose(model.losses[:10], KNOWN, atol=6e-7)
    np.testing.assert_allclose(model.weights, [[0.98847, -0.98847]], atol=1e-5)


@given(
    st.sampled_from(["edge", "photo"]),
    st.floats(0, 0.9),
    st.floats(0, 0.9),
    st.integers(0, 30),
    st.integers(0, 1000),
)
def test_a_descent_is_numpys(example, share, momentum, steps, seed):
    """At any learning rate up to the largest that converges, with any momentum, from anywhere."""
    model = DescentModel(example=example, momentum=momentum, steps=0)
    model.start = np.random.default_rng(seed).uniform(-2, 2, model.start.shape)
    model.learning_rate = share * model.largest_rate
    model.steps = steps
    losses, path = descended(model, steps)
    np.testing.assert_allclose(model.path.reshape(steps + 1, -1), path, atol=2e-3)
    np.testing.assert_allclose(model.losses, losses, rtol=2e-2, atol=2e-5 * losses[0])


def test_steps_go_on_from_those_already_made_and_back():
    model = DescentModel(momentum=0.5, steps=4)
    short = model.losses
    model.steps = 20
    long = model.losses
    np.testing.assert_array_equal(long[:5], short)
    np.testing.assert_array_equal(long, DescentModel(momentum=0.5, steps=20).losses)
    model.steps = 4
    np.testing.assert_array_equal(model.losses, short)
    np.testing.assert_array_equal(model.following, DescentModel(momentum=0.5, steps=5).weights)


def test_the_surface_is_the_loss_of_every_filter(photo):
    for model in (DescentModel(), photo):
        task = model.task
        a = matrix(task.image, task.wanted.shape)
        values = np.linspace(*task.span, GRID)
        for row, column in ((0, 0), (7, 33), (GRID - 1, 5), (20, 20)):
            w = model.weights.ravel().astype(np.float64)
            w[model.across], w[model.up] = values[column], values[GRID - 1 - row]
            squares = (a @ (w - task.wanted.ravel())) ** 2
            expected = squares.sum() if task.reduction == "sum" else squares.mean()
            assert model.surface[row, column] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_the_surface_follows_the_axes_and_the_other_weights(photo):
    model = DescentModel(example="photo", steps=3)
    np.testing.assert_array_equal(model.surface, photo.surface)
    model.steps = 9
    assert not np.array_equal(model.surface, photo.surface)
    model.steps = 3
    model.across, model.up = model.up, model.across
    np.testing.assert_allclose(model.surface, photo.surface[::-1, ::-1].T, rtol=1e-4)


@pytest.mark.parametrize("example", ["edge", "photo"])
def test_the_largest_rate_is_where_descent_begins_to_grow(example):
    """Just below the limit every start converges, just above it a start in the steepest direction grows."""
    for momentum in (0.0, 0.6):
        model = DescentModel(example=example, momentum=momentum)
        a = matrix(model.task.image, model.task.wanted.shape)
        hessian = 2 * a.T @ a / (1 if model.task.reduction == "sum" else len(a))
        curvatures, directions = np.linalg.eigh(hessian)
        np.testing.assert_allclose(model.curvatures, curvatures, rtol=1e-3, atol=1e-6)
        assert model.largest_rate == pytest.approx(2 * (1 + momentum) / curvatures[-1], rel=1e-5)
        model.start = model.task.wanted + 0.1 * directions[:, -1].reshape(model.start.shape)
        model.steps, model.learning_rate = 200, 0.97 * model.largest_rate
        assert not model.grows and model.losses[-1] < 0.1 * model.losses[0]
        model.learning_rate = 1.05 * model.largest_rate
        assert model.grows and model.losses[-1] > 10 * model.losses[0]


# Diverging ------------------------------------------------------------------------------------------


def test_diverging_is_shown_and_told():
    explorer = DescentExplorer(learning_rate=0.05, start=[[0.5, 0.5]], steps=7)
    model = explorer.model
    assert model.grows and np.all(np.diff(model.losses[2:]) > 0)
    for part in ("Step 7: the loss is", number(model.losses[-1]), "grows", "0.05", "above", "0.0333 here"):
        assert part in explorer.verdict.value
    assert "cnnkit-differs" in explorer.verdict.value
    left = exit_of(model.places(model.path))
    row, column = left
    assert row in (0, GRID - 1) or column in (0, GRID - 1)
    assert {"row": row, "col": column, "height": 1, "width": 1, "kind": "window"} in explorer.surface.marks
    assert "outside of the picture" in explorer.surface.alt
    assert "grows" in explorer.describe() and explorer.still().startswith(b"\x89PNG")


def test_numbers_that_leave_float32_end_the_descent_and_nothing_else():
    for example in ("edge", "photo"):
        explorer = DescentExplorer(example=example, steps=200)
        model = explorer.model
        model.random_start()
        model.learning_rate = 10.0
        assert model.stopped is not None and len(model.losses) == model.stopped < 200
        assert np.isfinite(model.losses).all() and np.isfinite(model.path).all()
        assert f"Step {model.stopped}" in explorer.verdict.value and "float32" in explorer.verdict.value
        assert explorer.message.value == "" and model.following is None
        assert np.isfinite(explorer.surface.path).all() and np.abs(explorer.surface.path).max() <= FAR + GRID
        assert explorer.still().startswith(b"\x89PNG")
        model.learning_rate = model.task.rate
        assert model.stopped is None and len(model.losses) == 201


def test_a_rate_that_is_too_large_is_told_while_the_loss_still_falls():
    """From zero, the known example runs exactly along its gentle direction."""
    explorer = DescentExplorer(learning_rate=0.04)
    assert explorer.model.losses[-1] < 1e-3
    assert "will not stay small" in explorer.verdict.value and "another start" in explorer.verdict.value


def test_what_goes_well_is_told():
    explorer = DescentExplorer(steps=0)
    assert "Step 0: the loss is 12. Press Step" in explorer.verdict.value
    explorer.model.steps = 3
    assert "Step 3: the loss is 0.825, 12 at the start" in explorer.verdict.value
    explorer.model.steps = 60
    assert "The filter is learned" in explorer.verdict.value and "almost nothing" in explorer.describe()
    explorer.model.momentum, explorer.model.steps = 0.8, 5
    losses = explorer.model.losses
    rises = int(np.flatnonzero(np.diff(losses) > 0)[0]) + 1
    explorer.model.steps = rises
    assert "momentum carries the filter past" in explorer.verdict.value
    explorer.model.learning_rate = 0.0
    assert "no step moves" in explorer.message.value


# Where the path lies --------------------------------------------------------------------------------


def test_places_on_the_surface():
    model = DescentModel()
    low, high = model.task.span
    corners = model.places(np.array([[[low, low]], [[high, high]], [[0, 0]]]))
    np.testing.assert_allclose(corners, [[GRID - 0.5, 0.5], [0.5, GRID - 0.5], [GRID / 2, GRID / 2]])


@given(st.integers(0, 10_000))
def test_what_is_drawn_of_a_path_lies_on_it(seed):
    rng = np.random.default_rng(seed)
    places = GRID / 2 + rng.normal(0, 1, (12, 2)) * 2.0 ** np.arange(0, 24, 2)[:, None]
    drawn = drawn_path(places)
    assert np.abs(drawn - GRID / 2).max() <= FAR + 1e-6
    kept = len(drawn) if len(drawn) == 12 and np.array_equal(drawn, places) else len(drawn) - 1
    np.testing.assert_array_equal(drawn[:kept], places[:kept])
    if kept < len(drawn):  # the last piece points where the path goes
        way, whole = drawn[-1] - places[kept - 1], places[kept] - places[kept - 1]
        assert np.cross([*way, 0], [*whole, 0])[2] == pytest.approx(
            0, abs=1e-6 * np.abs(whole).max() * np.abs(way).max()
        )
        assert way @ whole > 0
    left = exit_of(places)
    assert (left is None) == bool(((places[-1] >= 0) & (places[-1] <= GRID)).all())


# Pointing -------------------------------------------------------------------------------------------


def test_pointing_gives_loss_and_gradient_there():
    explorer = DescentExplorer()
    explorer.surface.focus = (5, 30)
    model = explorer.model
    values = np.linspace(-2, 2, GRID)
    w = np.array([values[30], values[GRID - 1 - 5]])
    np.testing.assert_allclose(model.pointed_at(), w[None], atol=1e-6)
    a = matrix(model.task.image, (1, 2))
    error = a @ (w - [1, -1])
    loss, slope = (error**2).sum(), 2 * a.T @ error
    assert f"loss = {number(loss)}" in explorer.pointed.value
    for at, name in enumerate(("w₁", "w₂")):
        assert f"dL/d{name} = {number(slope[at])}" in explorer.pointed.value
    explorer.surface.focus = None
    assert "Where you point" not in explorer.pointed.value


def test_a_click_starts_from_there():
    explorer = DescentExplorer()
    explorer.surface.picked = (5, 30)
    np.testing.assert_allclose(explorer.model.start, [[1, 1.5]], atol=1e-6)
    assert explorer.surface.picked is None and explorer.model.steps == 10
    np.testing.assert_allclose(explorer.surface.path[0], [5.5, 30.5], atol=1e-4)
    explorer.buttons["Start from zero"].click()
    np.testing.assert_array_equal(explorer.model.start, [[0, 0]])


def test_a_start_on_the_photo_keeps_the_other_weights():
    model = DescentModel(example="photo", steps=5, start=np.full((3, 3), 0.25))
    model.focus = (0, 0)
    model.start_here()
    low, high = model.task.span
    expected = np.full(9, 0.25)
    expected[[model.across, model.up]] = low, high
    np.testing.assert_allclose(model.start.ravel(), expected)


def test_the_next_step_is_written_out():
    explorer = DescentExplorer(steps=1)
    # w = (0.36, -0.36), gradient = (-7.68, 7.68): 0.36 + 0.03 * 7.68 = 0.5904
    assert "w₁: 0.36 − 0.03·(−7.68) = 0.59" in explorer.explanation.value
    explorer.model.momentum = 0.5  # the first step moved by 0.03 * 12
    assert "w₁: 0.36 − 0.03·(0.5·(−12) + (−7.68)) = 0.77" in explorer.explanation.value


# Settings -------------------------------------------------------------------------------------------


def test_buttons_and_player_set_the_steps():
    explorer = DescentExplorer()
    explorer.buttons["Step"].click()
    assert explorer.model.steps == 11 and len(explorer.surface.path) == 12
    explorer.buttons["Reset"].click()
    assert explorer.model.steps == 0 and len(explorer.surface.path) == 1
    explorer._play(7)
    assert explorer.model.steps == 7
    before = explorer.model.start
    explorer.buttons["Random start"].click()
    once = explorer.model.start
    explorer.buttons["Random start"].click()
    assert not np.array_equal(before, once) and not np.array_equal(once, explorer.model.start)


def test_another_example_brings_its_settings():
    explorer = DescentExplorer(momentum=0.5)
    version = explorer.model.version
    explorer.model.example = "photo"
    model = explorer.model
    assert model.version == version + 1 and model.momentum == 0.5
    assert model.weights.shape == (3, 3) and model.learning_rate == 1.0 and (model.across, model.up) == (5, 3)
    assert len(explorer.axes.children) == 2 and explorer.canvases["image"].values.shape == (30, 30)
    model.example = "edge"
    assert explorer.axes.children == () and model.weights.shape == (1, 2)


def test_one_weight_on_both_axes_is_explained():
    explorer = DescentExplorer(example="photo", steps=2)
    explorer.model.up = explorer.model.across
    assert explorer.model.surface is None and "two different" in explorer.message.value
    assert explorer.surface.rgba() is None and explorer.surface.path == []
    assert explorer.still().startswith(b"\x89PNG") and "two different" in explorer.describe()
    assert len(explorer.model.losses) == 3
    explorer.model.up = 0
    assert explorer.message.value == "" and explorer.surface.rgba() is not None


def test_an_example_of_ones_own():
    rng = np.random.default_rng(1)
    wanted = rng.normal(size=(2, 3)).astype(np.float32)
    explorer = DescentExplorer(image=rng.random((1, 1, 12, 15)), wanted=wanted, steps=50)
    model = explorer.model
    assert model.example == "own" and "own" in model.examples
    _, path = descended(model, 50)
    np.testing.assert_allclose(model.path.reshape(51, -1), path, atol=1e-3)
    assert model.losses[-1] < model.losses[0]
    assert "2 × 3" in explorer.describe()
    begun = DescentModel(image=rng.random((9, 9)), wanted=[[1, 2]], start=[[3, 4]])
    assert begun.task.span == (-0.5, 5.5)
    np.testing.assert_array_equal(begun.path[0], [[3, 4]])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"learning_rate": -1.0}, "from 0 up, not -1"),
        ({"learning_rate": float("nan")}, "from 0 up"),
        ({"momentum": 1.0}, "below 1, not 1.0"),
        ({"steps": 501}, "500 steps, not 501"),
        ({"start": [[1, 2, 3]]}, "1×2 weights and this start 1 × 3"),
        ({"start": [[1, np.inf]]}, "finite"),
        ({"across": 2}, "0 to 1, and 2 is none"),
        ({"example": "own"}, "wanted="),
        ({"image": np.ones((9, 9))}, "give both"),
        ({"image": np.ones((9, 9)), "wanted": [[1.0]]}, "not 1×1"),
        ({"image": np.ones((2, 9)), "wanted": np.ones((3, 3))}, "2×9"),
        ({"image": np.ones((65, 64)), "wanted": np.ones((3, 3))}, str(MOST_PIXELS)),
    ],
)
def test_what_cannot_be_is_refused_in_words(settings, words):
    with pytest.raises(traitlets.TraitError, match=words):
        DescentModel(**settings)


def test_a_flat_image_teaches_nothing_and_breaks_nothing():
    explorer = DescentExplorer(image=np.zeros((8, 8)), wanted=np.ones((2, 2)))
    assert explorer.model.losses[-1] == 0 and explorer.message.value == ""
    assert explorer.still().startswith(b"\x89PNG") and "infinity" in explorer.facts.value


def test_color_ranges_and_tables():
    explorer = DescentExplorer(learning_rate=0.05, start=[[0.5, 0.5]])
    weights = explorer.canvases["weights"]
    assert weights.high == 1.0 and weights.range_texts()[1].startswith("≥")
    explorer.model.shared_range = False
    assert weights.high == pytest.approx(np.abs(explorer.model.weights).max())
    assert explorer.surface.high == pytest.approx(np.log10(explorer.model.surface.max()))
    explorer.model.logarithmic = False
    assert explorer.surface.high == pytest.approx(explorer.model.surface.max())
    assert explorer.surface.colors == "magma" and weights.colors == "diverging"


def test_two_models_can_be_linked():
    one, other = DescentModel(), DescentModel(example="photo")
    traitlets.link((one, "momentum"), (other, "momentum"))
    one.momentum = 0.7
    assert other.momentum == 0.7
    losses, _ = descended(other, other.steps)
    np.testing.assert_allclose(other.losses, losses, rtol=1e-2, atol=1e-5)


def test_the_state_says_all_of_it():
    state = DescentExplorer(steps=2, momentum=0.25).state()
    assert state["steps"] == state["made"] == 2 and state["momentum"] == 0.25
    assert len(state["losses"]) == 3 and state["loss"] == state["losses"][-1] and state["wanted"] == [[1, -1]]
    assert state["largest_rate"] == pytest.approx(2 * 1.25 / 60, rel=1e-5) and state["grows"] is False


def test_a_slider_moves_while_another_thread_computes():
    explorer, rng = DescentExplorer(), np.random.default_rng(0)
    model = explorer.model
    turn_beside_convolutions(
        explorer,
        learning_rate=[*rng.uniform(0, 0.05, 25).tolist(), 0.02],
        momentum=[*rng.uniform(0, 0.9, 25).tolist(), 0.3],
    )
    losses, path = descended(model, 10)
    np.testing.assert_allclose(model.losses, losses, rtol=1e-3)
    np.testing.assert_allclose(explorer.surface.path, model.places(path.reshape(11, 1, 2)), atol=1e-3)
