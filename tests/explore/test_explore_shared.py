"""The parts that explorers share: geometry, colors, words, filters with names, pictures, charts."""

from __future__ import annotations

import numpy as np
import pytest
import traitlets

from cnnkit.explore.parts import colors, presets, words
from cnnkit.explore.parts.arithmetic import one_line, read_patch, written_out
from cnnkit.explore.parts.axis import Axis, remark
from cnnkit.explore.parts.canvas import Canvas, mark
from cnnkit.explore.parts.chart import MOST_POINTS, Chart, line
from cnnkit.explore.parts.grid import NumberGrid


def windows_that_fit(size, kernel, stride, padding, dilation):
    """Counted one by one, without the formula."""
    starts = range(-padding, size + padding, stride)
    return [start for start in starts if start + dilation * (kernel - 1) < size + padding]


@pytest.mark.parametrize("size", [1, 2, 7, 10])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3, 9])
@pytest.mark.parametrize("padding", [0, 1, 4])
@pytest.mark.parametrize("dilation", [1, 3])
def test_an_axis_counts_the_windows_that_fit(size, kernel, stride, padding, dilation):
    axis = Axis(size, kernel, stride, padding, dilation)
    starts = windows_that_fit(size, kernel, stride, padding, dilation)
    assert axis.output == len(starts)
    assert bool(axis.impossible()) == (not starts)
    for index, start in enumerate(starts):
        assert axis.cells(index).tolist() == [start + dilation * i for i in range(kernel)]
    read = {start + dilation * i for start in starts for i in range(kernel)}
    assert axis.never_read().tolist() == [at for at in range(size) if at not in read]


def test_the_formula_has_the_numbers_filled_in():
    assert Axis(7, 3, 2, 1, 1).formula() == "⌊(7 + 2·1 − 1·(3 − 1) − 1) / 2⌋ + 1 = 4"
    assert Axis(4, 5).formula().endswith("= 0")
    assert Axis(4, 7).formula().endswith("= −2")


def test_a_setting_without_a_window_explains_itself_with_both_numbers():
    words_of_it = Axis(7, 5, dilation=2).impossible()
    assert "5×5 filter with dilation 2" in words_of_it
    assert "9 pixels" in words_of_it and "7 rows" in words_of_it
    assert "Try a smaller filter, less dilation or more padding." in words_of_it


@pytest.mark.parametrize(
    ("size", "stride", "said"),
    [
        (7, 3, "the last 2 rows are left out"),
        (9, 3, "the last row is left out"),
        (8, 3, ""),
        (14, 6, "4 rows are never read"),
    ],
)
def test_what_is_left_out_is_said(size, stride, said):
    rows, columns = Axis(size, 5, stride), Axis(8, 5, 3, name="columns")
    assert rows.left_out() == said
    assert remark(rows, columns).endswith(f"evenly: {said}." if said else "")


def test_every_color_table_has_256_colors_and_a_wrong_name_is_refused():
    for name in colors.TABLES:
        assert colors.table(name).shape == (256, 3)
        assert colors.table(name).dtype == np.uint8
    with pytest.raises(ValueError, match=r"jet.*gray, magma, diverging"):
        colors.table("jet")


def test_lightness_tells_magnitude_in_every_table():
    """What color-blind eyes and gray printers go by: one direction, or falling on both sides of zero."""

    def lightness(name):
        return colors.table(name).astype(float) @ [0.2126, 0.7152, 0.0722]

    for name in ("gray", "magma"):
        assert (np.diff(lightness(name)) > -0.5).all()
    diverging = lightness("diverging")
    assert diverging.argmax() in (127, 128)
    assert (np.diff(diverging[:128]) > -0.5).all() and (np.diff(diverging[128:]) < 0.5).all()


def test_paint_maps_low_middle_high_and_leaves_what_is_not_finite_transparent():
    values = np.array([[-2.0, 0.0, 2.0], [np.nan, np.inf, 9.0]], dtype=np.float32)
    painted = colors.paint(values, "gray", -2, 2)
    assert painted[0, :, 0].tolist() == [0, 128, 255]
    assert painted[..., 3].tolist() == [[255, 255, 255], [0, 0, 255]]
    assert painted[1, 2, 0] == 255  # beyond the range: the last color


def test_color_ranges_keep_zero_in_its_place():
    assert colors.symmetric(np.array([-3.0, 1.0])) == (-3.0, 3.0)
    assert colors.symmetric(np.zeros(3)) == (-1.0, 1.0)
    assert colors.upward(np.array([0.5, 4.0])) == (0.0, 4.0)
    assert colors.upward(np.array([-0.5, 4.0])) == (-4.0, 4.0)
    many = np.array([1.0] * 99 + [1000.0])
    assert colors.symmetric(many, share=0.9)[1] == 1.0
    assert colors.symmetric(np.array([0.0] * 99 + [5.0]), share=0.9)[1] == 5.0  # else all would be one color


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-1, "−1"),
        (0.5, "0.5"),
        (1 / 3, "0.333"),
        (298, "298"),
        (12345.6, "12346"),
        (1e-5, "1.00e-5".replace("-", "−")),
    ],
)
def test_numbers_read_well(value, text):
    assert words.number(value) == text


def test_numbers_that_are_none_are_words():
    assert words.number(np.nan) == "not a number"
    assert words.number(-np.inf) == "−infinity"
    assert words.signed(-2) == "(−2)" and words.signed(2) == "2"


@pytest.mark.parametrize("size", [3, 5, 7])
def test_presets_do_what_their_names_say(size):
    flat, ramp = np.full((size, size), 0.5), np.tile(np.arange(size, dtype=float), (size, 1))

    def response(name, patch):
        return float((presets.weights_of(name, size) * patch).sum())

    center = ramp[size // 2, size // 2]
    assert response("identity", ramp) == center
    assert response("blur", ramp) == pytest.approx(ramp.mean(), abs=1e-5)
    assert response("sharpen", flat) == pytest.approx(0.5)
    assert response("edges", flat) == pytest.approx(0.0)
    assert response("Sobel x", ramp) > 0 == response("Sobel y", ramp)
    assert response("Sobel y", ramp.T) > 0 == response("Sobel x", ramp.T)
    assert response("all zero", ramp) == 0
    for name in presets.PRESETS:
        assert presets.name_of(presets.weights_of(name, size)) == name


def test_the_3x3_presets_are_the_well_known_ones():
    assert presets.edges(3).tolist() == [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
    assert presets.sobel_x(3).tolist() == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    assert presets.sharpen(3).tolist() == [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    assert presets.emboss(3).tolist() == [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]


def test_random_weights_follow_the_seed_and_changed_weights_are_custom():
    one, two = presets.random(3, seed=1), presets.random(3, seed=2)
    assert not np.array_equal(one, two)
    assert presets.name_of(one, seed=1) == "random"
    assert presets.name_of(one, seed=2) == "custom"


def test_resizing_keeps_the_center():
    small = np.arange(9, dtype=np.float32).reshape(3, 3)
    large = presets.resized(small, 5)
    assert large[1:4, 1:4].tolist() == small.tolist() and large.sum() == small.sum()
    assert presets.resized(large, 3).tolist() == small.tolist()


def test_a_canvas_sends_bytes_and_tells_its_range():
    canvas = Canvas()
    values = np.array([[0.5, -1.0], [2.0, 0.0]])
    canvas.show(values, -1, 1, "diverging", title="Two by two", alt="four pixels")
    sent = canvas._picture
    assert np.frombuffer(canvas._data, sent["dtype"]).reshape(sent["shape"]).tolist() == values.tolist()
    assert canvas._table == colors.table("diverging").tobytes()
    assert canvas.range_texts() == ("−1", "≥ 1")
    assert np.array_equal(canvas.rgba(), colors.paint(values, "diverging", -1, 1))
    assert (canvas.title, canvas.alt) == ("Two by two", "four pixels")


def test_a_canvas_shows_true_colors_and_nothing_at_all():
    canvas = Canvas()
    rgb = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    canvas.show(rgb)
    assert canvas.rgba()[..., :3].tolist() == rgb.tolist()
    canvas.show(None)
    assert canvas.rgba() is None and canvas.describe("Photo") == "Photo: nothing to show"


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((2, 2, 3)), np.zeros((2, 2, 4), dtype=np.uint8)])
def test_a_canvas_refuses_what_is_no_picture(wrong):
    with pytest.raises(ValueError, match="shape"):
        Canvas().show(wrong)


def test_the_focus_stays_inside_the_picture():
    canvas = Canvas()
    canvas.show(np.zeros((4, 6)))
    canvas.focus = (9, -2)
    assert canvas.focus == (3, 0)
    canvas.focus = (3, 5)
    canvas.show(np.zeros((4, 4)))
    assert canvas.focus is None


def test_marks_may_reach_outside():
    canvas = Canvas(marks=[mark(-1, -1, 3, 3)])
    assert canvas.marks[0]["row"] == -1 and canvas.marks[0]["kind"] == "window"


def test_the_arithmetic_is_written_out_and_padding_shows():
    image = np.array([[0.25, 0.5], [0.75, 1.0]], dtype=np.float32)
    weights = np.array([[1, 2], [3, -4]], dtype=np.float32)
    patch = read_patch(image, weights, np.array([-1, 0]), np.array([0, 1]))
    assert patch.values.tolist() == [[0, 0], [0.25, 0.5]]
    assert patch.inside.tolist() == [[False, False], [True, True]]
    assert patch.total == 0.25 * 3 - 0.5 * 4
    assert one_line(patch) == "0·1 + 0·2 + 0.25·3 + 0.5·(−4) = −1.25"
    html = written_out(patch, "Pixel", ", shown as 1.25")
    assert "2 of its 4 pixels are padding" in html and "sum = −1.25, shown as 1.25" in html
    assert html.count("border-style:dashed") == 2


def test_a_grid_gives_back_the_same_float32_numbers():
    weights = presets.blur(3)
    grid = NumberGrid(weights)
    grid.show(weights)
    assert np.array_equal(grid.array, weights)
    assert grid.values[0][0] == float(str(weights[0, 0]))
    with pytest.raises(traitlets.TraitError):
        grid.values = [["a"]]


def test_a_line_thins_out_by_averages_and_drops_what_is_not_finite():
    short = line("a", [0, 1, 2], [1.0, np.nan, 3.0])
    assert short["x"] == [0, 2] and short["y"] == [1, 3]
    x = np.arange(10_001.0)
    long = line("a", x, 2 * x)
    assert len(long["x"]) == MOST_POINTS
    assert np.allclose(long["y"], 2 * np.array(long["x"]))
    with pytest.raises(ValueError, match="as many x as y"):
        line("a", [1, 2], [1])


def test_a_chart_takes_lines_and_ranges_at_once():
    chart = Chart()
    chart.show([line("a", [0, 1], [2, 3])], (0, 5), (0, 10), "two points")
    assert chart.x_range == (0, 5) and chart.y_range == (0, 10) and chart.alt == "two points"
