"""The backprop explorer without a browser: gradients by loops, their sums, and a gradient check by hand."""

from __future__ import annotations

import numpy as np
import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st
from turning import turn_beside_convolutions

import cnnkit
from cnnkit.errors import DeviceError
from cnnkit.explore import BackpropExplorer, BackpropModel
from cnnkit.explore.parts import still
from cnnkit.explore.parts.canvas import NUMBER_SIZES, Canvas, fit_numbers
from cnnkit.explore.parts.colors import ink_on, table


def by_loops(x, w, g, stride, padding):
    """(y, dx, dw, db) by the definition, one multiply-add at a time."""
    x, w = x.astype(np.float64), w.astype(np.float64)
    k, (height, width) = len(w), x.shape
    rows, columns = ((n + 2 * padding - k) // stride + 1 for n in x.shape)
    y, dx, dw = np.zeros((rows, columns)), np.zeros_like(x), np.zeros_like(w)
    for i, j, r, q in np.ndindex(rows, columns, k, k):
        a, b = i * stride + r - padding, j * stride + q - padding
        if 0 <= a < height and 0 <= b < width:
            y[i, j] += x[a, b] * w[r, q]
            if g is not None:
                dx[a, b] += g[i, j] * w[r, q]
                dw[r, q] += x[a, b] * g[i, j]
    return y, dx, dw, 0.0 if g is None else g.sum()


def check(model):
    done = model.result
    y, dx, dw, db = by_loops(model.x, model.weights, done.g, model.stride, model.padding)
    for found, expected in ((done.y, y), (done.dx, dx), (done.dw, dw), (done.db, db)):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_example_that_everyone_can_do_by_hand():
    model = BackpropModel(example="0, 1, 2, …")
    done = model.result
    assert (model.size, model.filter_size, model.upstream) == (3, 2, "ones")
    assert done.y.ravel().tolist() == [19, 25, 37, 43]
    assert done.dx.ravel().tolist() == [0, 1, 1, 2, 6, 4, 2, 5, 3]
    assert done.dw.ravel().tolist() == [8, 12, 20, 24]
    assert done.db == 4 and done.loss == 124


settings = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 99),
        "size": st.integers(2, 8),
        "filter_size": st.sampled_from([2, 3]),
        "stride": st.integers(1, 3),
        "padding": st.integers(0, 2),
        "upstream": st.sampled_from(["ones", "one", "squared error", "random"]),
    }
)


@given(settings=settings)
def test_drawn_settings_give_the_gradients_of_the_loops(settings):
    model = BackpropModel(**settings)
    if model.size + 2 * model.padding < model.filter_size:
        assert model.result is None and "no window fits" in model.problem
    else:
        assert model.problem == ""
        check(model)


@given(settings=settings, data=st.data())
def test_every_sum_written_out_is_its_gradient(settings, data):
    model = BackpropModel(**{**settings, "padding": max(1, settings["padding"])})
    done = model.result
    for name in ("x", "w", "y"):
        row, column = (data.draw(st.integers(0, n - 1)) for n in done.part(name).shape)
        terms = done.terms(name, row, column)
        right = done.y if name == "y" else done.gradient(name)
        assert terms.total == pytest.approx(float(right[row, column]), rel=1e-5, abs=1e-4)
        # The names stand for the numbers beside them.
        arrays = {"x": done.x, "w": done.w, "g": done.g}
        for names, values in ((terms.left_names, terms.left), (terms.right_names, terms.right)):
            for at in np.ndindex(values.shape):
                array, _, place = names[at[0]][at[1]].partition("[")
                where = tuple(int(part) for part in place.rstrip("]").split(", "))
                inside = all(0 <= p < n for p, n in zip(where, arrays[array].shape, strict=True))
                assert values[at] == (arrays[array][where] if inside else 0)


def test_the_outputs_that_touch_a_pixel_are_found_by_trying_all():
    model = BackpropModel(size=7, stride=2, padding=1, example="whole numbers")
    done = model.result
    for at in np.ndindex(done.x.shape):
        moved = done.x.copy()
        moved[at] += 100
        ones = np.ones_like(done.w)
        before, after = (by_loops(x, ones, None, 2, 1)[0] for x in (done.x, moved))
        touched = {(int(i), int(j)) for i, j in np.argwhere(before != after)}
        down, across = done.touching(*at)
        assert {(i, j) for i in down for j in across} == touched


@pytest.mark.parametrize("upstream", ["ones", "one", "squared error", "random"])
def test_the_upstream_gradient_is_the_derivative_of_the_loss_that_is_told(upstream):
    model = BackpropModel(upstream=upstream, seed=3, one=(2, 1))
    done = model.result
    y = done.y.astype(np.float64)
    target = by_loops(model.x, np.pad([[1.0]], 1), None, 1, 0)[0]

    def loss(y):
        losses = {"ones": y.sum(), "one": y[2, 1], "squared error": ((y - target) ** 2).sum()}
        return losses.get(upstream, (done.g * y).sum())

    assert done.loss == pytest.approx(loss(y), rel=1e-6)
    for at in np.ndindex(y.shape):
        nudged = y.copy()
        nudged[at] += 1e-4
        assert (loss(nudged) - loss(y)) / 1e-4 == pytest.approx(done.g[at], abs=1e-2)


@given(
    upstream=st.sampled_from(["ones", "one", "squared error", "random"]),
    part=st.sampled_from(["x", "w", "y"]),
    row=st.integers(0, 4),
    column=st.integers(0, 4),
    seed=st.integers(0, 20),
)
def test_a_nudge_measures_the_gradient(upstream, part, row, column, seed):
    model = BackpropModel(upstream=upstream, seed=seed, nudging=True, step=0.25, focus=(part, row, column))
    measured = model.measured()
    assert measured.gradient == model.result.gradient(part)[model.focus[1:]]
    assert measured.central == pytest.approx(measured.gradient, abs=1e-3 * max(1, abs(measured.gradient)))
    if upstream != "squared error":
        assert measured.rate == pytest.approx(measured.gradient, abs=1e-3 * max(1, abs(measured.gradient)))


def test_the_nudge_tells_agreement_curvature_rounding_and_nothing():
    explorer = BackpropExplorer(example="0, 1, 2, …", focus=("w", 1, 0))
    model = explorer.model
    assert explorer.check.value == "" and model.measured() is None
    explorer.model.nudging = True
    assert "✓ Moved w[1, 0] from 2 by 0.1: L goes from 124 to 126" in explorer.check.value
    assert "Change / step = 20; the gradient says dw[1, 0] = 20." in explorer.check.value
    model.upstream, model.step = "squared error", 1.0
    assert "≠" in explorer.check.value and "A squared error is curved" in explorer.check.value
    model.step = 1e-6
    assert "lost in the rounding" in explorer.check.value or "same number in" in explorer.check.value
    model.step = 1e-9
    assert "same number in float32" in explorer.check.value
    model.step = 0.0
    assert "a step of 0 changes nothing" in explorer.check.value
    model.nudging = False
    assert explorer.check.value == "" and explorer.message.value == ""


def test_pointing_lights_up_what_takes_part_and_writes_the_sum():
    explorer = BackpropExplorer(example="0, 1, 2, …")
    shown = explorer.canvases
    shown["dx"].focus = (1, 1)
    assert explorer.model.focus == ("x", 1, 1) and shown["x"].focus == (1, 1) and shown["y"].focus is None
    for name in ("y", "g", "w", "dw"):
        (one,) = shown[name].marks
        assert (one["row"], one["col"], one["height"], one["width"]) == (0, 0, 2, 2), name
    assert "dx[1, 1]: 4 outputs read this pixel" in explorer.explanation.value
    named = "g[0, 0]·w[1, 1] + g[0, 1]·w[1, 0] + g[1, 0]·w[0, 1] + g[1, 1]·w[0, 0]"
    assert named in explorer.explanation.value
    assert "1·3 + 1·2 + 1·1 + 1·0 = 6" in explorer.explanation.value

    shown["dw"].focus = (0, 1)
    (met,) = shown["x"].marks
    assert (met["row"], met["col"], met["height"], met["width"]) == (0, 1, 2, 2)
    assert "1·1 + 2·1 + 4·1 + 5·1 = 12" in explorer.explanation.value

    shown["g"].focus = (1, 0)
    assert "3·0 + 4·1 + 6·2 + 7·3 = 37" in explorer.explanation.value
    assert "g[1, 0] = 1: if this output rises a little" in explorer.explanation.value


def test_a_stride_marks_the_weights_that_were_used_one_by_one():
    explorer = BackpropExplorer(size=7, stride=2, focus=("x", 2, 2))
    assert {(m["row"], m["col"], m["height"]) for m in explorer.canvases["w"].marks} == {
        (0, 0, 1),
        (0, 2, 1),
        (2, 0, 1),
        (2, 2, 1),
    }
    assert "4 outputs read this pixel" in explorer.explanation.value


def test_pointing_at_an_output_makes_it_the_one():
    explorer = BackpropExplorer(example="bright bar")
    explorer.canvases["y"].focus = (3, 2)
    assert explorer.model.one == (3, 2) and explorer.canvases["g"].values[3, 2] == 1
    assert explorer.model.result.g.sum() == 1
    # One output alone stamps the filter into dx, and its window is the gradient of the weights.
    np.testing.assert_array_equal(explorer.model.result.dx[3:6, 2:5], explorer.model.weights)
    np.testing.assert_array_equal(explorer.model.result.dw, explorer.model.x[3:6, 2:5])


def test_padding_and_what_is_never_read_are_told():
    explorer = BackpropExplorer(size=6, padding=1, focus=("w", 0, 0))
    assert "a zero of the padding, dashed" in explorer.explanation.value
    assert "border-style:dashed" in explorer.explanation.value
    explorer.model.padding, explorer.model.stride = 0, 2
    assert (
        "the last row is left out" in explorer.message.value and "its gradient is 0" in explorer.message.value
    )
    explorer.canvases["x"].focus = (5, 5)
    assert "no output reads this pixel" in explorer.explanation.value
    assert explorer.canvases["y"].marks == []


def test_an_impossible_setting_explains_itself_and_recovers():
    explorer = BackpropExplorer()
    explorer.model.size = 2
    assert "reaches across 3 pixels" in explorer.message.value and "only 2 rows" in explorer.message.value
    assert explorer.canvases["y"].rgba() is None and explorer.explanation.value == ""
    assert explorer.canvases["x"].rgba() is not None
    assert "no window fits" in explorer.describe() and explorer.still().startswith(b"\x89PNG")
    explorer.model.padding = 1
    assert explorer.message.value == "" and explorer.canvases["dx"].values.shape == (2, 2)


def test_a_target_of_another_size_explains_itself():
    model = BackpropModel(upstream="squared error", target=np.zeros((2, 2)))
    assert "3 × 3" in model.problem and "2 × 2" in model.problem
    model.target = np.ones((3, 3))
    np.testing.assert_allclose(model.result.g, 2 * (model.result.y - 1), rtol=1e-6)
    model.target = None
    assert model.problem == ""


@pytest.mark.parametrize(
    "wrong",
    [{"x": np.zeros((1, 5))}, {"x": np.zeros(4)}, {"weights": np.zeros((2, 3))}, {"x": np.zeros((20, 20))}],
)
def test_wrong_arrays_are_refused_in_words(wrong):
    with pytest.raises(traitlets.TraitError, match=r"This explorer shows .* numbers, not \("):
        BackpropModel(**wrong)


def test_numbers_of_your_own_are_custom_and_keep_their_corner_when_sizes_change():
    x = np.arange(24.0).reshape(4, 6)
    explorer = BackpropExplorer(x=x, weights=np.ones((2, 2)))
    model = explorer.model
    assert (model.example, model.size, model.filter_size) == ("custom", 4, 2)
    check(model)
    model.size = 3
    np.testing.assert_array_equal(model.x, x[:3, :3])
    model.filter_size = 3
    assert model.weights.sum() == 4 and model.weights.shape == (3, 3)
    explorer.grid.values = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert model.weights.sum() == 5 and model.example == "custom"
    model.example = "bright bar"
    assert model.x.shape == (6, 6) and explorer.grid.array[1, 0] == -2 and model.upstream == "one"
    model.example = "whole numbers"
    before = model.x
    explorer.again.click()
    assert model.example == "whole numbers" and not np.array_equal(before, model.x)


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(TypeError, match="strides"):
        BackpropModel(strides=2)


def test_state_is_plain_and_linked_explorers_follow():
    first, second = BackpropExplorer(example="0, 1, 2, …"), BackpropExplorer()
    state = first.state()
    assert state["dw"] == [[8.0, 12.0], [20.0, 24.0]] and state["db"] == 4.0 and state["loss"] == 124.0
    assert state["focus"] == ["x", 1, 2] and state["upstream"] == "ones"
    traitlets.link((first.model, "example"), (second.model, "example"))
    traitlets.link((first.model, "focus"), (second.model, "focus"))
    first.canvases["w"].focus = (1, 1)
    assert second.explanation.value == first.explanation.value and "dw[1, 1]" in second.explanation.value


def test_gradients_share_a_color_range_on_request():
    explorer = BackpropExplorer(example="0, 1, 2, …")
    highs = {name: explorer.canvases[name].high for name in ("dx", "dw", "g")}
    assert highs == {"dx": 6, "dw": 24, "g": 1}
    explorer.model.shared_range = True
    assert {explorer.canvases[name].high for name in highs} == {24}


def test_texts_and_stills_follow_the_settings():
    explorer = BackpropExplorer()
    seen = {(explorer.describe(), explorer.canvases["dx"].alt, explorer.still())}
    for name, value in {"stride": 2, "padding": 1, "upstream": "squared error"}.items():
        setattr(explorer.model, name, value)
        seen.add((explorer.describe(), explorer.canvases["dx"].alt, explorer.still()))
    assert len({alt for _, alt, _ in seen}) == len({png for *_, png in seen}) == 4
    assert explorer.canvases["t"].layout.display is None and explorer.canvases["t"] in explorer.pictures()


def test_a_device_that_fails_is_a_sentence_and_not_the_end(monkeypatch):
    explorer = BackpropExplorer()

    def fail(*args, **kwargs):
        raise DeviceError("The device went away: choose another with cnnkit.use(...).")

    with monkeypatch.context() as broken:
        broken.setattr(cnnkit, "conv2d_backward", fail)
        explorer.model.stride = 2
        assert "The device went away" in explorer.message.value and explorer.model.result is None
    explorer.model.padding = 1
    assert "went away" not in explorer.message.value
    check(explorer.model)


def test_two_threads_leave_the_right_gradients_while_another_convolves():
    explorer = BackpropExplorer(size=8)
    model = explorer.model
    turn_beside_convolutions(
        explorer,
        stride=[1, 2] * 15,
        example=["bright bar", "0, 1, 2, …", "whole numbers"] * 8,
    )
    check(model)
    np.testing.assert_array_equal(explorer.canvases["dw"].values, model.result.dw)
    assert model.example == "whole numbers"


# Numbers in pixels: a part of Canvas that this explorer brought -----------------------------------


def test_numbers_are_written_where_they_can_be_read():
    values = np.array([[0.123456, -12.5], [3, 4]])
    texts, size = fit_numbers(values, 60)
    assert texts == [["0.123", "−12.5"], ["3", "4"]] and size == NUMBER_SIZES[0]
    texts, size = fit_numbers(values, 24)
    assert texts[0] == ["0.12", "−12"] and NUMBER_SIZES[1] <= size < NUMBER_SIZES[0]
    assert fit_numbers(values, 19) is None and fit_numbers(np.full((2, 2), -123456.0), 30) is None
    assert fit_numbers(np.zeros((2, 2, 3), np.uint8), 60) is None


@pytest.mark.parametrize("name", ["gray", "magma", "diverging"])
def test_the_ink_stands_out_from_every_color(name):
    def light(color):
        share = np.asarray(color) / 255
        return np.where(share <= 0.03928, share / 12.92, ((share + 0.055) / 1.055) ** 2.4) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    for color in table(name):
        ink = 0.0 if ink_on(color) == "#000000" else 1.0
        contrast = (max(ink, light(color)) + 0.05) / (min(ink, light(color)) + 0.05)
        assert contrast >= 4.5


def test_the_still_writes_the_numbers_too():
    canvas = Canvas(name="few", title="Few", numbers=True)
    canvas.show(np.array([[1.0, -2.0], [np.nan, 4.0]]), -4, 4, "diverging")
    with_numbers = still.draw([canvas], "four pixels")
    canvas.numbers = False
    assert still.draw([canvas], "four pixels") != with_numbers
