"""The activation explorer without a browser: values and derivatives against NumPy, shares, words."""

from __future__ import annotations

import numpy as np
import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st
from turning import turn_beside_convolutions

import cnnkit
from cnnkit.errors import DeviceError
from cnnkit.explore import ActivationExplorer, ActivationModel
from cnnkit.explore.parts.activations import BIN, FUNCTIONS, REACH, histogram, percent

IMAGE = np.random.default_rng(5).random((21, 17), dtype=np.float32)


@pytest.fixture
def image():
    return IMAGE


def filtered(image, weights, gain=1.0, bias=0.0):
    """gain times the correlation, plus bias, by the definition."""
    windows = np.lib.stride_tricks.sliding_window_view(image.astype(np.float64), weights.shape)
    return gain * (windows * weights.astype(np.float64)).sum(axis=(2, 3)) + bias


def by_numpy(function, x, slope=0.1):
    """f(x) and f'(x)."""
    x = np.asarray(x, dtype=np.float64)
    above = x > 0
    if function == "relu":
        return np.where(above, x, 0), np.where(above, 1.0, 0)
    if function == "leaky relu":
        return np.where(above, x, slope * x), np.where(above, 1.0, slope)
    if function == "tanh":
        return np.tanh(x), 1 / np.cosh(x) ** 2
    if function == "sigmoid":
        y = 1 / (1 + np.exp(-x))
        return y, y * (1 - y)
    return x, np.ones_like(x)


@given(
    function=st.sampled_from(list(FUNCTIONS)),
    slope=st.floats(0, 1),
    gain=st.floats(-3, 10),
    bias=st.floats(-4, 4),
    preset=st.sampled_from(["Sobel x", "edges", "blur", "emboss", "random"]),
    size=st.sampled_from([3, 5, 7]),
)
def test_drawn_settings_give_numpys_pictures(function, slope, gain, bias, preset, size):
    model = ActivationModel(
        IMAGE, function=function, slope=slope, gain=gain, bias=bias, preset=preset, size=size
    )
    assert model.problem == ""
    z = filtered(IMAGE, model.weights, gain, bias)
    np.testing.assert_allclose(model.before, z, rtol=1e-4, atol=2e-3)
    # From cnnkit's own z on: beside a step, rounding would decide.
    value, derivative = by_numpy(function, model.before, slope)
    np.testing.assert_allclose(model.after, value, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.derivative, derivative, rtol=1e-4, atol=1e-5)
    assert model.zeros() == (model.after == 0).mean()
    assert model.flat() == (model.derivative < 0.05).mean()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_curve_is_numpys_and_its_derivative_is_its_slope(function, image):
    model = ActivationModel(image, function=function, slope=0.3)
    value, derivative = by_numpy(function, model.curve, 0.3)
    np.testing.assert_allclose(model.values, value, atol=1e-6)
    np.testing.assert_allclose(model.slopes, derivative, atol=1e-6)
    step = 1e-4
    away = np.abs(model.curve) > step  # at 0, two of them have a corner
    ahead, behind = (by_numpy(function, model.curve + s, 0.3)[0] for s in (step, -step))
    measured = (ahead - behind) / (2 * step)
    np.testing.assert_allclose(model.slopes[away], measured[away], atol=1e-4)


@pytest.mark.parametrize("function", FUNCTIONS)
@given(x=st.floats(-9, 9, width=32))
def test_any_point_can_be_pointed_out(function, x):
    model = ActivationModel(IMAGE, function=function, at=x, slope=0.2)
    at, value, slope = model.point()
    expected = by_numpy(function, x, 0.2)
    assert (at, value, slope) == (
        x,
        pytest.approx(expected[0], abs=1e-5),
        pytest.approx(expected[1], abs=1e-5),
    )


def test_the_bias_kills_relu_and_saturates_the_sigmoid(image):
    model = ActivationModel(image, preset="blur", bias=-4)
    assert model.zeros() == model.flat() == 1
    model.function = "leaky relu"
    assert model.flat() == 0
    model.function = "sigmoid"
    assert model.flat() == 1  # sigmoid'(-3.5) = 0.029
    model.bias = 0
    assert model.flat() == 0
    model.gain = 10
    assert 0 < model.flat() < 1


def test_leaky_relu_ends_at_relu_and_at_the_identity(image):
    model = ActivationModel(image, function="leaky relu", slope=0)
    np.testing.assert_array_equal(model.after, np.maximum(model.before, 0))
    model.slope = 1.0
    np.testing.assert_array_equal(model.after, model.before)


@pytest.mark.parametrize("wrong", [{"slope": 1.5}, {"slope": -0.1}, {"gain": np.nan}, {"bias": np.inf}])
def test_numbers_that_are_no_setting_are_refused(image, wrong):
    with pytest.raises(traitlets.TraitError):
        ActivationModel(image, **wrong)
    with pytest.raises(TypeError, match="leak"):
        ActivationModel(image, leak=0.1)


def test_two_linear_layers_are_one_filter_and_with_relu_they_are_not(image):
    model = ActivationModel(image, function="identity", twice=True, gain=2, bias=0.5, preset="random")
    merged = np.zeros((5, 5))
    for r, q in np.ndindex(3, 3):
        merged[r : r + 3, q : q + 3] += model.weights[r, q] * model.weights.astype(np.float64)
    one = filtered(image, merged, 4, 2 * 0.5 * model.weights.sum() + 0.5)
    np.testing.assert_allclose(model.both.one, one, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(model.both.two, one, rtol=1e-4, atol=1e-3)
    assert model.both.share == 0 and model.both.size == 5

    model.function = "relu"
    layer = np.maximum(filtered(image, model.weights, 2, 0.5), 0)
    np.testing.assert_allclose(model.both.two, filtered(layer, model.weights, 2, 0.5), rtol=1e-4, atol=1e-3)
    assert 0 < model.both.share <= 1
    model.twice = False
    assert model.both is None


def test_rounding_is_no_difference_where_the_second_layer_gives_nothing():
    """Over a ramp, an edge filter's result is constant, and its own edges are nothing but rounding."""
    ramp = np.linspace(0, 1, 240).reshape(6, 40)
    assert ActivationModel(ramp, function="identity", twice=True).both.share == 0


def test_the_explorer_tells_what_two_layers_are_worth(image):
    explorer = ActivationExplorer(image)
    assert explorer.row.layout.display == "none"
    explorer.model.twice = True
    assert explorer.row.layout.display is None and len(explorer.pictures()) == 8
    assert "only a nonlinearity makes the second layer worth having" in explorer.merged.value
    explorer.model.function = "identity"
    assert "are exactly one 5×5 filter" in explorer.merged.value
    small = ActivationExplorer(image[:4, :9], twice=True)
    assert "does not fit into what the first one leaves" in small.merged.value and small.model.problem == ""


def test_pointing_at_a_pixel_moves_the_dots_on_the_curve(image):
    explorer = ActivationExplorer(image, function="tanh", gain=2)
    explorer.canvases["after"].focus = (4, 6)
    x = explorer.model.before[4, 6]
    assert explorer.model.focus == (4, 6) and explorer.model.at == pytest.approx(float(x))
    upright, on_curve, on_slope = explorer.curve.markers
    value, slope = by_numpy("tanh", x)
    assert upright["x"] == pytest.approx(float(x)) and upright["y"] is None
    assert on_curve["y"] == pytest.approx(float(value), abs=1e-6)
    assert on_slope["y"] == pytest.approx(float(slope), abs=1e-6)
    assert {canvas.focus for canvas in (explorer.canvases[n] for n in ("before", "after", "derivative"))} == {
        (4, 6)
    }
    assert "Pixel (row 4, column 6): x = " in explorer.told.value and "tanh" in explorer.told.value
    assert explorer.histogram.markers[0]["x"] == pytest.approx(float(x))


def test_pointing_at_the_curve_lets_the_pixel_go(image):
    explorer = ActivationExplorer(image)
    assert explorer.model.focus is not None
    explorer.curve.focus = -1.5
    assert explorer.model.focus is None and explorer.model.at == -1.5
    assert explorer.canvases["before"].focus is None
    told = explorer.told.value
    assert "On the curve: x = −1.5 → f(x) = max(0, −1.5) = 0. f′(x) = 0: the curve is level here" in told
    explorer.model.function, explorer.model.slope = "leaky relu", 0.2
    assert "f(x) = 0.2·(−1.5) = −0.3. f′(x) = 0.2: 20\u00a0% of a gradient goes back." in explorer.told.value
    assert "at −1.5 the value is −0.3, the derivative 0.2" in explorer.curve.alt
    explorer.model.at = 9.0
    assert "(beyond the drawn curve)" in explorer.told.value and explorer.curve.markers == []


def test_the_focus_follows_its_pixel_and_stays_inside(image):
    model = ActivationModel(image, focus=(18, 14))
    model.gain = 3
    assert model.at == pytest.approx(float(model.before[18, 14]))
    model.size = 7
    assert model.focus == (14, 10) and model.at == pytest.approx(float(model.before[14, 10]))


def test_the_first_pixel_shown_is_one_that_relu_changes(image):
    model = ActivationModel(image)
    assert model.at < 0 and model.after[model.focus] == 0


def test_the_histogram_counts_every_pixel_once():
    values = np.array([-9.0, -5, -0.01, 0, 0.49, 0.5, 4.99, 5, 80])
    middles, shares = histogram(values)
    counts = dict(zip(middles.tolist(), (shares * values.size / 100).round(6).tolist(), strict=True))
    assert counts[-REACH + BIN / 2] == 2 and counts[-0.25] == 1 and counts[0.25] == 2 and counts[0.75] == 1
    assert counts[REACH - BIN / 2] == 3 and sum(counts.values()) == 9


def test_the_bars_are_the_histograms(image):
    explorer = ActivationExplorer(image, function="sigmoid")
    before, after = explorer.histogram.lines
    for drawn, values in ((before, explorer.model.before), (after, explorer.model.after)):
        shares = histogram(values)[1]
        np.testing.assert_allclose(drawn["y"], shares[shares > 0])
        assert sum(drawn["y"]) == pytest.approx(100)


def test_controls_and_model_follow_each_other(image):
    explorer = ActivationExplorer(image)
    slide, box = explorer.slope.children
    assert explorer.slope.layout.display == "none"
    explorer.model.function = "leaky relu"
    assert explorer.slope.layout.display is None
    slide.value = 0.5
    assert explorer.model.slope == 0.5 == box.value
    box.value = 0.25
    assert explorer.model.slope == 0.25 == slide.value
    explorer.picker.grid.values = [[0, 0, 0], [0, 2, 0], [0, 0, 0]]
    np.testing.assert_allclose(explorer.canvases["before"].values, 2 * image[1:-1, 1:-1], rtol=1e-6)
    explorer.model.gain = 50.0  # beyond the slider's end, and none of the slider's business
    assert explorer.model.gain == 50


def test_before_and_after_share_a_color_range_or_have_their_own(image):
    explorer = ActivationExplorer(image, function="sigmoid", gain=4)
    before, after = explorer.canvases["before"], explorer.canvases["after"]
    assert before.high == after.high > 1 and before.low == -before.high
    explorer.model.shared_range = False
    assert after.high <= 1 < before.high
    assert (explorer.canvases["derivative"].low, explorer.canvases["derivative"].high) == (0, 1)


def test_an_impossible_setting_explains_itself_and_recovers():
    explorer = ActivationExplorer(np.ones((5, 40), np.float32))
    explorer.model.size = 7
    assert "7×7 filter" in explorer.message.value and "only 5 rows" in explorer.message.value
    assert explorer.canvases["after"].rgba() is None and explorer.curve.lines
    assert explorer.still().startswith(b"\x89PNG") and "no window fits" in explorer.describe()
    explorer.curve.focus = 2.0
    assert "x = 2 " in explorer.told.value
    explorer.model.size = 3
    assert explorer.message.value == "" and explorer.canvases["after"].values.shape == (3, 38)


def test_a_device_that_fails_is_a_sentence_and_not_the_end(image, monkeypatch):
    explorer = ActivationExplorer(image)

    def fail(*args, **kwargs):
        raise DeviceError("The device went away: choose another with cnnkit.use(...).")

    with monkeypatch.context() as broken:
        broken.setattr(cnnkit, "conv2d", fail)
        explorer.model.gain = 2.0
        assert "The device went away" in explorer.message.value
    explorer.model.gain = 3.0
    assert explorer.message.value == "" and explorer.canvases["after"].rgba() is not None


def test_state_is_plain_and_linked_explorers_follow(image):
    first, second = ActivationExplorer(image), ActivationExplorer(image)
    for name in ("function", "bias"):
        traitlets.link((first.model, name), (second.model, name))
    first.model.function, first.model.bias = "tanh", 1.5
    state = second.state()
    assert state["function"] == "tanh" and state["bias"] == 1.5 and state["output_shape"] == [19, 15]
    assert state["value_at"] == pytest.approx(np.tanh(state["at"]), abs=1e-5)
    assert state["flat"] == second.model.flat() and state["problem"] == ""


def test_texts_and_stills_follow_the_settings(image):
    explorer = ActivationExplorer(image)
    seen = [(explorer.describe(), explorer.canvases["after"].alt, explorer.curve.alt, explorer.still())]
    for name, value in {"function": "sigmoid", "bias": 1.0, "preset": "emboss"}.items():
        setattr(explorer.model, name, value)
        seen.append(
            (explorer.describe(), explorer.canvases["after"].alt, explorer.curve.alt, explorer.still())
        )
    for column in zip(*seen, strict=True):
        assert len(set(column)) == 4
    assert "19 × 15 in, 19 × 15 out" in explorer.shares.value


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0"), (0.37, "37"), (1, "100"), (0.999, "more than 99"), (0.0012, "0.1"), (0.00001, "0.001")],
)
def test_shares_never_claim_none_or_all_for_some(share, text):
    assert percent(share) == f"{text}\u00a0%"


def test_two_threads_leave_the_right_pictures_while_another_convolves(image):
    explorer = ActivationExplorer(image)
    model = explorer.model
    turn_beside_convolutions(
        explorer,
        function=[*list(FUNCTIONS) * 6, "tanh"],
        size=[3, 5, 7] * 10,
        bias=[*np.linspace(-2, 2, 30).tolist(), 0.5],
    )
    z = filtered(image, model.weights, 1.0, 0.5)
    np.testing.assert_allclose(explorer.canvases["after"].values, np.tanh(z), rtol=1e-3, atol=1e-4)
    assert model.weights.shape == (7, 7)
