"""A learner's own function in an explorer: used, compared, told in words, and never the end of it."""

from __future__ import annotations

import inspect
import json
import threading

import numpy as np
import pytest
import traitlets

import cnnkit
from cnnkit.errors import CnnkitError
from cnnkit.explore import (
    Canvas,
    FilterExplorer,
    FilterModel,
    PipelineExplorer,
    PipelineModel,
)
from cnnkit.explore.parts import own, settings, still
from cnnkit.explore.parts.words import number


@pytest.fixture
def image():
    return np.random.default_rng(5).random((1, 1, 23, 19), dtype=np.float32)


def corr2d(x, w):
    rows, columns = x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1
    out = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            out[i, j] = (x[i : i + w.shape[0], j : j + w.shape[1]] * w).sum()
    return out


def flipped(x, w):
    return corr2d(x, w[::-1, ::-1])


def one_off(x, w):
    out = corr2d(x, w)
    out[3, 7] += 0.5
    return out


def words_of(explorer):
    return explorer.verdict.value


# Right and wrong functions ----------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["Sobel x", "blur", "random"])
@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 3, 2), (3, 1, 4), (1, 8, 8)])
def test_a_plain_function_of_two_arguments_serves_every_setting(image, preset, stride, padding, dilation):
    where = {"stride": stride, "padding": padding, "dilation": dilation}
    model = FilterModel(image, preset=preset, convolution=corr2d, **where)
    assert model.problem == ""
    np.testing.assert_allclose(model.result, model.ours, atol=1e-5)
    assert model.result is not model.ours
    assert model.comparison().count == 0 and not model.difference().any()
    flip = FilterModel(image, preset="Sobel x", convolution=flipped, **where)
    np.testing.assert_allclose(flip.result, -flip.ours, atol=1e-4)  # Sobel turned around is its negative
    np.testing.assert_allclose(flip.difference(), flip.result - flip.ours, atol=1e-4)


def test_the_function_really_computes_and_ours_stands_beside_it(image):
    model = FilterModel(image, convolution=lambda x, w: corr2d(x, w) + 1)
    np.testing.assert_allclose(model.result, model.ours + 1, atol=1e-4)
    np.testing.assert_allclose(model.difference(), 1, atol=1e-4)
    assert model.comparison().name == "function"


def test_without_a_function_there_is_nothing_to_compare(image):
    explorer = FilterExplorer(image)
    assert explorer.model.difference() is None
    assert np.array_equal(explorer.model.result, explorer.model.ours)
    assert explorer.verdict.layout.display == "none" and words_of(explorer) == ""
    with pytest.raises(traitlets.TraitError, match=r"no difference to show.*convolution="):
        explorer.model.compared = True


def test_the_same_everywhere_is_said(image):
    explorer = FilterExplorer(image, convolution=corr2d, compared=True)
    assert "Computed by your corr2d; the same as cnnkit’s everywhere." in words_of(explorer)
    assert "cnnkit-same" in words_of(explorer) and explorer.verdict.layout.display is None
    assert not explorer.result.values.any() and "the same everywhere" in explorer.result.caption
    assert explorer.describe().endswith("computed by your corr2d and the same as cnnkit’s.")


def test_a_single_wrong_pixel_is_named_with_both_numbers(image):
    explorer = FilterExplorer(image, convolution=one_off)
    ours = explorer.model.ours[3, 7]
    yours = explorer.model.result[3, 7]
    assert (
        f"differs from cnnkit’s in 1 of 357 pixels, at row 3, column 7: "
        f"yours {number(yours)}, cnnkit’s {number(ours)}." in words_of(explorer)
    )
    assert "cnnkit-differs" in words_of(explorer) and "Choose “difference”" in words_of(explorer)
    explorer.model.compared = True
    assert "Choose" not in words_of(explorer)
    explorer.model.focus = (3, 7)
    assert f"sum = {number(ours)}; your one_off gave {number(yours)}" in explorer.arithmetic.value
    explorer.model.focus = (3, 6)
    assert "gave" not in explorer.arithmetic.value


def test_thousands_stand_apart_and_close_numbers_are_told_apart():
    ours = np.full((300, 298), 0.5, dtype=np.float32)
    both = own.Comparison("corr2d", ours + np.float32(1e-4), ours, 1.0)
    assert "in 89\u00a0400 of 89\u00a0400 pixels, most at row 0, column 0: yours 0.5001, cnnkit’s 0.5." in (
        both.sentence()
    )


def test_rounding_is_no_difference_and_more_is():
    ours = np.random.default_rng(1).normal(size=(20, 20)).astype(np.float32)
    assert own.Comparison("f", ours * np.float32(1 + 1e-6), ours, 5.0).count == 0
    assert own.Comparison("f", ours + np.float32(1e-3), ours, 5.0).count == ours.size


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64])
def test_exact_results_of_any_numeric_type_agree(dtype):
    whole = np.arange(49, dtype=np.float32).reshape(7, 7)
    model = FilterModel(whole, preset="edges", convolution=lambda x, w: corr2d(x, w).astype(dtype).tolist())
    assert model.comparison().count == 0


def test_the_function_cannot_spoil_the_photo_the_filter_or_the_result(image):
    kept = []

    def careless(x, w):
        kept.append(corr2d(x, w).astype(np.float32))
        x[:], w[:] = 7, 7
        return kept[-1]

    model = FilterModel(image, convolution=careless)
    assert model.comparison().count == 0 and np.array_equal(model.image, image[0, 0])
    kept[-1][:] = 0
    assert model.result.any()


# What goes wrong --------------------------------------------------------------------------------


def raises(x, w):
    return x[x.shape[0], 0]


WRONG = {
    "raises IndexError: index 23": raises,
    "in its line “return x[x.shape[0], 0]”": raises,
    "returned nothing (None)": lambda x, w: None,
    "returned an array of 23 × 19 where 21 × 17 is due": lambda x, w: x,
    "it was given an image of 23 × 19 and a filter of 3 × 3": lambda x, w: x[1:],
    "returned a single number": lambda x, w: 3.0,
    "returned no numbers but str": lambda x, w: "blurred",
    "returned no numbers but <U4 values": lambda x, w: [["dark"] * 17] * 21,
    "returned no numbers but complex128 values": lambda x, w: corr2d(x, w) * 1j,
    "returned no numbers but object": lambda x, w: np.full((21, 17), None),
    "returned rows of different lengths": lambda x, w: [[1, 2], [3]],
    "raised TypeError": lambda x: x,
}


@pytest.mark.parametrize("said", WRONG)
def test_what_goes_wrong_is_a_sentence_and_the_next_move_recomputes(image, said):
    wrong, broken = WRONG[said], True

    def mine(x, w):
        return wrong(x, w) if broken else corr2d(x, w)

    explorer = FilterExplorer(image, convolution=wrong)
    message = explorer.message.value.replace("&lt;", "<")
    assert said.replace("raises", "raised") in message and "Something went wrong" not in message
    assert explorer.model.result is None and explorer.model.ours is not None
    assert explorer.result.rgba() is None and "No result" in words_of(explorer)
    assert explorer.still().startswith(b"\x89PNG")

    explorer.model.convolution = mine
    assert "Your mine" in explorer.model.problem
    broken = False
    explorer.model.stride = 2
    assert explorer.model.problem == "" and explorer.message.value.count("alert") == 0
    assert "the same as cnnkit’s everywhere" in words_of(explorer)


def test_a_sentence_of_cnnkit_is_shown_as_it_is(image):
    def timed_out(x, w):
        raise CnnkitError("Your kernel was stopped after 10 seconds: look at the end of its loop.")

    explorer = FilterExplorer(image, convolution=timed_out)
    assert explorer.model.problem == "Your kernel was stopped after 10 seconds: look at the end of its loop."


@pytest.mark.parametrize(("value", "text"), [(np.nan, "not a number"), (-np.inf, "−infinity")])
def test_values_that_are_no_numbers_are_named_before_any_other_difference(image, value, text):
    def mine(x, w):
        out = corr2d(x, w)
        out[0, 0] += 1000
        out[4, 5] = value
        return out

    explorer = FilterExplorer(image, convolution=mine, compared=True)
    assert f"in 2 of 357 pixels, most at row 4, column 5: yours {text}, cnnkit’s" in words_of(explorer)
    assert explorer.result.rgba()[4, 5, 3] == 0  # a hole in the picture
    assert explorer.model.focus == (4, 5)
    assert explorer.still().startswith(b"\x89PNG")


def test_where_the_photo_has_no_number_neither_result_is_wrong(image):
    image[0, 0, 5, 5] = np.nan
    assert FilterModel(image, convolution=corr2d).comparison().count == 0


def test_an_impossible_setting_does_not_call_the_function(image):
    calls = []
    model = FilterModel(image, convolution=lambda x, w: calls.append(1) or corr2d(x, w))
    calls.clear()
    model.dilation = 40
    assert calls == [] and "no window fits" in model.problem and model.difference() is None


@pytest.mark.parametrize("wrong", [3, "corr2d", np.zeros((3, 3))])
def test_what_is_no_function_is_refused_in_words(image, wrong):
    with pytest.raises(traitlets.TraitError, match="convolution takes a function of yours"):
        FilterExplorer(image, convolution=wrong)


def test_names_come_from_where_they_are():
    class Kernel:
        name = "conv2d.cl"

        def __call__(self, x, w):
            return corr2d(x, w)

    class Nameless(Kernel):
        name = ""

    assert [own.name_of(f) for f in (Kernel(), Nameless(), corr2d, lambda: 0)] == [
        *("conv2d.cl", "Nameless", "corr2d", "function")
    ]


def test_a_name_is_text_and_not_html(image):
    def mine(x, w):
        return one_off(x, w)

    mine.__name__ = "<b>mine</b>"
    explorer = FilterExplorer(image, convolution=mine, focus=(3, 7))
    assert "<b>" not in words_of(explorer) + explorer.arithmetic.value
    mine.name = "<i>other</i>"
    explorer.model.convolution = lambda x, w: 1 / 0
    assert "<i>" not in explorer.message.value


# The view ---------------------------------------------------------------------------------------


def test_the_difference_can_be_chosen_only_where_there_is_a_function(image):
    explorer = FilterExplorer(image)
    switch = next(w for w in every_widget(explorer) if isinstance(w, settings.ViewSwitch))
    assert [label for label, _ in switch.options] == ["absolute", "signed"]
    switch.value = True
    explorer.model.convolution = flipped
    assert [label for label, _ in switch.options] == ["absolute", "signed", "difference"]
    assert switch.value is True and explorer.model.signed
    switch.value = settings.DIFFERENCE
    assert explorer.model.compared and explorer.model.signed
    seen = []
    switch.observe(lambda change: seen.append(change["new"]), "value")
    switch.value = False
    assert (explorer.model.compared, explorer.model.signed) == (False, False)
    assert seen == [False]  # two traits change, and the buttons do not jump between
    explorer.model.compared = True
    assert switch.value == settings.DIFFERENCE
    explorer.model.convolution = None
    assert not explorer.model.compared and switch.value is False and len(switch.options) == 2


def every_widget(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every_widget(child)


def test_the_difference_is_signed_white_where_equal_and_goes_to_the_worst_pixel(image):
    explorer = FilterExplorer(image, preset="Sobel x", convolution=one_off)
    explorer.model.compared = True
    assert explorer.model.focus == (3, 7) and explorer.result.focus == (3, 7)
    values, low, high, table = explorer.model.shown()
    assert table == "diverging" and low == -high == pytest.approx(-0.5, abs=1e-5)
    assert np.flatnonzero(values).tolist() == [3 * 17 + 7]
    orange, white = explorer.result.rgba()[3, 7], explorer.result.rgba()[0, 0]
    assert orange[0] > orange[2] and white[:3].min() > 245
    assert explorer.result.title == "Yours − cnnkit’s: 21 × 17"
    assert "Your one_off minus cnnkit’s result" in explorer.result.alt
    before = explorer.still()
    explorer.model.compared = False
    assert explorer.result.title == "Result by your one_off: 21 × 17" and explorer.still() != before


def test_the_stored_sentence_holds_no_numbers_that_a_device_decides(image):
    explorer = FilterExplorer(image, convolution=flipped, preset="Sobel x")
    assert explorer.describe().endswith("computed by your flipped and different from cnnkit’s.")
    assert "differs from cnnkit’s in" in explorer.caption()


def test_a_slow_function_is_announced_the_next_time(image, monkeypatch):
    monkeypatch.setattr(settings, "SLOW", -1.0)
    seen = []

    def mine(x, w):
        seen.append(words_of(explorer) if explorer else "")
        return corr2d(x, w)

    explorer = None
    explorer = FilterExplorer(image, convolution=mine)
    explorer.model.stride = 2
    assert "Your mine is computing …" in seen[-1]
    assert "computing" not in words_of(explorer) and "the same" in words_of(explorer)


def test_the_newest_settings_win_over_a_slow_function(image):
    """While one thread is inside the function another changes settings: the picture is the newer one's."""
    entered, go_on, hold = threading.Event(), threading.Event(), False

    def mine(x, w):
        if hold and not entered.is_set():
            entered.set()
            go_on.wait(0.5)  # with the lock, the newer one cannot get through meanwhile
        return corr2d(x, w)

    explorer = FilterExplorer(image, convolution=mine)
    hold = True
    older = threading.Thread(target=setattr, args=(explorer.model, "stride", 2))
    older.start()
    assert entered.wait(20)
    explorer.model.padding = 3
    go_on.set()
    older.join()
    assert explorer.model.comparison().count == 0
    assert explorer.model.result.shape == (14, 12)
    np.testing.assert_array_equal(explorer.result.values, np.abs(explorer.model.result))


# The pipeline -----------------------------------------------------------------------------------


def relu(x):
    return np.maximum(x, 0)


def max_pool(x, size):
    rows, columns = x.shape[0] // size, x.shape[1] // size
    return x[: rows * size, : columns * size].reshape(rows, size, columns, size).max(axis=(1, 3))


@pytest.mark.parametrize("preset", ["Sobel y", "random"])
@pytest.mark.parametrize("size", [3, 7])
def test_the_pipeline_takes_a_function_for_every_stage(image, preset, size):
    own_parts = {"convolution": corr2d, "activation": relu, "max_pooling": max_pool}
    plain = PipelineModel(image, preset=preset, size=size)
    model = PipelineModel(image, preset=preset, size=size, **own_parts)
    assert model.problem == "" and {one.count for one in model.comparisons.values()} == {0}
    assert [one.name for one in model.comparisons.values()] == ["corr2d", "relu", "max_pool"]
    for name, stage in plain.stages.items():
        np.testing.assert_allclose(model.stages[name], stage, rtol=1e-4, atol=1e-4)


def test_each_stage_is_judged_by_what_it_was_given(image):
    """A wrong convolution is passed on, but makes no right pooling wrong."""
    explorer = PipelineExplorer(image, preset="Sobel x", convolution=flipped, max_pooling=max_pool)
    model = explorer.model
    assert model.comparison("filtered").count > 300 and model.comparison("pooled").count == 0
    np.testing.assert_array_equal(model.stages["pooled"], max_pool(relu(model.stages["filtered"]), 2))
    assert "differs from" in words_of(explorer) and "max_pool; the same as" in words_of(explorer)
    model.compared = True
    assert model.focus[0] == 1 and "; your flipped gave" in explorer.explanation.value
    assert explorer.canvases["filtered"].title == "2  Yours − cnnkit’s filter"
    np.testing.assert_array_equal(
        explorer.canvases["filtered"].values, model.comparison("filtered").difference
    )
    assert not explorer.canvases["pooled"].values.any()
    assert explorer.canvases["activated"].colors == "diverging"
    np.testing.assert_array_equal(explorer.canvases["activated"].values, model.stages["activated"])
    assert explorer.still().startswith(b"\x89PNG") and "flipped" in explorer.describe()


def test_a_function_that_works_in_place_leaves_the_stage_before_alone(image):
    def in_place(x):
        x[x < 0] = 0
        return x

    explorer = PipelineExplorer(image, preset="Sobel x", activation=in_place)
    assert explorer.model.stages["filtered"].min() < 0
    assert explorer.model.comparison("activated").count == 0


def test_a_pooling_of_ones_own_counts_for_its_kind_alone(image):
    explorer = PipelineExplorer(image, max_pooling=lambda x, size: x[::size, ::size][:11, :9])
    assert explorer.model.comparison("pooled").count > 0
    explorer.model.focus = (3, *explorer.model.comparison("pooled").worst())
    assert "largest = " in explorer.explanation.value and "; your function gave" in explorer.explanation.value
    explorer.model.pooling = "average"
    assert explorer.model.comparisons == {} and explorer.verdict.layout.display == "none"
    explorer.model.average_pooling = lambda x, size: max_pool(x, size)
    assert explorer.model.comparison("pooled").count > 0


def test_a_pooling_may_take_nothing_but_the_picture(image):
    class Kernel:
        """As a learner's own, once it is bound to the launch of its exercise."""

        name = "max_pool"
        __signature__ = inspect.signature(lambda x: None)

        def __call__(self, *arrays):
            (x,) = arrays
            return max_pool(x, 2)

    for pooling in (Kernel(), lambda x: max_pool(x, 2), lambda x, size=3: max_pool(x, size)):
        explorer = PipelineExplorer(image, max_pooling=pooling)
        assert explorer.model.problem == "" and explorer.model.comparison("pooled").count == 0
    explorer = PipelineExplorer(image, max_pooling=Kernel())
    assert explorer.describe().endswith("max_pooling: computed by your max_pool and the same as cnnkit’s.")
    assert own.takes(max, 9) and own.takes(Kernel(), 1) and not own.takes(Kernel(), 2)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"convolution": lambda x, w: None}, "returned nothing"),
        ({"activation": lambda x: x[1:]}, "an array of 22 × 19 where 23 × 19 is due"),
        ({"max_pooling": lambda x, size: x}, "where 11 × 9 is due: it was given an image of 23 × 19 and a"),
        ({"max_pooling": lambda x: x}, "where 11 × 9 is due: it was given an image of 23 × 19."),
        ({"max_pooling": lambda: 3}, "raised TypeError"),
    ],
)
def test_a_stage_that_fails_says_so_and_recovers(image, part, said):
    explorer = PipelineExplorer(image, **part)
    assert said in explorer.message.value
    assert explorer.canvases["pooled"].rgba() is None and explorer.canvases["photo"].rgba() is not None
    for name in part:
        setattr(explorer.model, name, None)
    assert explorer.message.value == "" and explorer.canvases["pooled"].rgba() is not None


def test_the_pipeline_switch_has_a_difference_only_with_a_function(image):
    def switch(explorer):
        return next(w for w in every_widget(explorer) if isinstance(w, settings.ViewSwitch))

    assert [label for label, _ in switch(PipelineExplorer(image)).options] == ["signed colors", "magma"]
    explorer = PipelineExplorer(image, activation=relu)
    switch(explorer).value = settings.DIFFERENCE
    assert explorer.model.compared and explorer.canvases["activated"].caption.endswith("white: all the same")


# State ------------------------------------------------------------------------------------------


def is_plain(value):
    if isinstance(value, list):
        return all(is_plain(one) for one in value)
    return type(value) in (str, bool, int, float)


def test_the_state_is_plain_and_tells_settings_and_shapes(image):
    explorer = FilterExplorer(image, preset="Sobel x")
    explorer.model.stride, explorer.model.padding, explorer.model.signed = 2, np.int64(3), True
    explorer.result.focus = (4, 5)
    state = explorer.state()
    assert state == {
        **{"preset": "Sobel x", "size": 3, "seed": 0, "weights": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]},
        **{"stride": 2, "padding": 3, "dilation": 1, "signed": True, "compared": False},
        **{"shared_range": True, "focus": [4, 5], "image_shape": [23, 19], "convolution": ""},
        **{"output_shape": [14, 12], "problem": ""},
    }
    assert all(is_plain(value) for value in state.values())
    assert json.loads(json.dumps(state)) == state
    again = FilterModel(image, **{name: state[name] for name in FilterModel.controlled})
    assert again.state() == state


def test_weights_are_the_decimals_that_were_typed(image):
    explorer = FilterExplorer(image)
    explorer.picker.grid.values = [[0.1, 0.2, 0.3], [0, -0.7, 0], [0, 0, 1e-5]]
    assert explorer.state()["weights"] == [[0.1, 0.2, 0.3], [0, -0.7, 0], [0, 0, 1e-5]]
    assert explorer.state()["preset"] == "custom"


def test_the_state_of_an_impossible_setting_says_so(image):
    explorer = FilterExplorer(image, dilation=11)
    assert explorer.state()["output_shape"] == [1, 0]
    assert "no window fits" in explorer.state()["problem"]


def test_the_state_tells_how_ones_own_function_agrees(image):
    explorer = FilterExplorer(image, convolution=one_off)
    state = explorer.state()
    assert (state["convolution"], state["convolution_differs"]) == ("one_off", 1)
    assert all(is_plain(value) for value in state.values())
    explorer.model.convolution = lambda x, w: None
    state = explorer.state()
    assert "convolution_differs" not in state and "returned nothing" in state["problem"]
    assert state["output_shape"] == [21, 17]


def test_the_state_of_the_pipeline_has_every_shape(image, monkeypatch):
    explorer = PipelineExplorer(image, pooling="average", max_pooling=max_pool)
    state = explorer.state()
    assert (state["pooling"], state["preset"], state["max_pooling"]) == ("average", "edges", "max_pool")
    shapes = [state[f"{name}_shape"] for name in ("photo", "filtered", "activated", "pooled")]
    assert shapes == [[23, 19], [23, 19], [23, 19], [11, 9]]
    assert all(is_plain(value) for value in state.values())
    monkeypatch.setattr(cnnkit, "relu", lambda x: 1 / 0)
    explorer.model.preset = "blur"
    assert explorer.state()["pooled_shape"] == [] and "ZeroDivisionError" in explorer.state()["problem"]


def test_the_state_follows_every_control(image):
    """Every control moves one of the settings that the state tells."""
    explorer = FilterExplorer(image, convolution=corr2d)
    told = set(explorer.state())
    for name in FilterModel.controlled:
        assert name in told and explorer.model.has_trait(name)
    boxes = [w for w in every_widget(explorer) if hasattr(w, "min") and hasattr(w, "max")]
    assert len(boxes) == 7  # three sliders with their number boxes, and the player
    for box in boxes:
        before = explorer.state()
        box.value += 1
        assert explorer.state() != before


# Small pictures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("image", [np.zeros((1, 1, 7, 7)), np.eye(7), np.zeros((1, 1, 3, 3))])
def test_a_tiny_image_is_as_usable_as_a_photo(image):
    explorer = FilterExplorer(image, convolution=corr2d)
    model = explorer.model
    assert (explorer.photo.width, explorer.result.width) == (264, 264)
    for stride in range(1, 9):
        model.stride = stride
        for padding in (0, 1, 8):
            model.padding = padding
            size = (image.shape[-1] + 2 * padding - 3) // stride + 1
            assert explorer.state()["output_shape"] == [size, size] and explorer.state()["problem"] == ""
            assert explorer.result.rgba().shape == (size, size, 4)
            assert "the same as cnnkit’s everywhere" in words_of(explorer)
    assert explorer.still().startswith(b"\x89PNG")


@pytest.mark.parametrize(("side", "drawn"), [(7, True), (40, False)])
def test_lines_stand_between_the_pixels_of_a_small_picture_alone(side, drawn):
    pictures = []
    for lines in (False, True):
        canvas = Canvas(lines=lines)
        canvas.show(np.zeros((side, side)))
        pictures.append(still.draw([canvas], "black"))
    assert (pictures[0] != pictures[1]) == drawn
    explorer = FilterExplorer(np.zeros((side, side)))
    assert explorer.photo.lines and explorer.result.lines


def test_what_stands_in_for_an_answer_is_no_function_of_the_learners():
    def ours(x, w):
        raise AssertionError("cnnkit computes this itself")

    ours.stands_in = True
    model = FilterExplorer(np.zeros((1, 1, 5, 5)), convolution=ours).model
    assert model.convolution is None and model.result.shape == (3, 3)
    explorer = PipelineExplorer(np.eye(6), max_pooling=ours)
    assert explorer.model.max_pooling is None and "computed by" not in explorer.describe()
