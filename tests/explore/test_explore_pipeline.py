"""The pipeline explorer without a browser: right stages, right links between them."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import traitlets

import cnnkit
from cnnkit.explore import PipelineExplorer, PipelineModel


@pytest.fixture
def image():
    return np.random.default_rng(4).random((18, 15), dtype=np.float32)


def stages_of(image, weights, pooling):
    """The definition: every stage by plain NumPy."""
    reach = len(weights) // 2
    padded = np.pad(image.astype(np.float64), reach)
    windows = np.lib.stride_tricks.sliding_window_view(padded, weights.shape)
    filtered = (windows * weights).sum(axis=(2, 3))
    activated = np.maximum(filtered, 0)
    height, width = image.shape[0] // 2, image.shape[1] // 2
    blocks = activated[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    pooled = blocks.max(axis=(1, 3)) if pooling == "max" else blocks.mean(axis=(1, 3))
    return {"filtered": filtered, "activated": activated, "pooled": pooled}


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize(("preset", "size"), [("edges", 3), ("Sobel y", 5), ("emboss", 7)])
def test_every_stage_is_the_definition(image, pooling, preset, size):
    model = PipelineModel(image, pooling=pooling, preset=preset, size=size)
    for name, expected in stages_of(image, model.weights, pooling).items():
        np.testing.assert_allclose(model.stages[name], expected, rtol=1e-4, atol=1e-3)


def test_the_worked_example_has_the_shapes_of_the_article():
    model = PipelineModel()
    assert {name: stage.shape for name, stage in model.stages.items()} == {
        "photo": (300, 300),
        "filtered": (300, 300),
        "activated": (300, 300),
        "pooled": (150, 150),
    }
    assert (model.preset, model.pooling) == ("edges", "max")


def depends(image, weights, row, column):
    """The photo's pixels that change a pooled pixel when they change, found by trying all."""
    before = stages_of(image, weights, "average")["pooled"][row, column]
    found = []
    for at in np.ndindex(image.shape):
        touched = image.copy()
        touched[at] += 100
        if stages_of(touched, weights, "average")["pooled"][row, column] != before:
            found.append(at)
    return found


def test_a_pooled_pixel_lights_its_block_and_the_window_it_depends_on(image):
    explorer = PipelineExplorer(image, weights=np.ones((3, 3)), pooling="average")
    explorer.canvases["pooled"].focus = (4, 3)
    assert explorer.model.focus == (3, 4, 3)
    assert explorer.model.block() == (8, 6, 2, 2)
    row, column, height, width = explorer.model.window()
    lit = [(r, c) for r in range(row, row + height) for c in range(column, column + width)]
    assert lit == depends(image, np.ones((3, 3)), 4, 3)
    (mark,) = explorer.canvases["photo"].marks
    assert (mark["row"], mark["col"], mark["height"], mark["width"]) == (7, 5, 4, 4)
    assert explorer.canvases["filtered"].marks[0]["height"] == 2
    assert "It saw 4 × 4 pixels" in explorer.explanation.value


def test_the_winner_is_the_largest_of_four(image):
    model = PipelineModel(image, preset="identity", focus=(3, 2, 5))
    row, column = model.winner()
    block = image[4:6, 10:12]
    assert image[row, column] == block.max() and (row // 2, column // 2) == (2, 5)
    model.pooling = "average"
    assert model.winner() is None


def test_a_filtered_pixel_writes_its_products_and_what_relu_does(image):
    explorer = PipelineExplorer(image, preset="edges")
    filtered = explorer.model.stages["filtered"]
    row, column = (int(at) for at in np.unravel_index(filtered.argmin(), filtered.shape))
    explorer.canvases["filtered"].focus = (row, column)
    assert explorer.model.window() == (row - 1, column - 1, 3, 3)
    assert "→ ReLU → 0<" in explorer.explanation.value
    assert explorer.canvases["pooled"].focus is None


def test_pixels_of_an_odd_edge_belong_to_no_pooled_pixel(image):
    explorer = PipelineExplorer(image)
    explorer.canvases["activated"].focus = (3, 14)
    assert explorer.canvases["pooled"].marks == []
    assert explorer.message.value == ""
    assert explorer.canvases["pooled"].caption.endswith("the last column is left out")
    even = PipelineExplorer(image[:, :14]).canvases["pooled"].caption
    assert even == "9 × 7: a quarter of the pixels"


def test_stages_share_one_signed_range_and_magma_has_its_own(image):
    model = PipelineModel(image, preset="edges")
    ranges = {model.shown(name)[1:] for name in ("filtered", "activated", "pooled")}
    assert len(ranges) == 1 and ranges.pop()[2] == "diverging"
    model.signed_colors = False
    assert {model.shown(name)[3] for name in ("filtered", "activated", "pooled")} == {"magma"}
    assert model.shown("activated")[1] == 0.0


def test_the_range_is_shared_or_own_in_either_coloring(image):
    """The usual one comes with the coloring, and the switch changes it; words say which it is."""
    explorer = PipelineExplorer(image, preset="emboss")
    model, names = explorer.model, ("filtered", "activated", "pooled")

    def ranges():
        shown = {(explorer.canvases[name].low, explorer.canvases[name].high) for name in names}
        assert {model.shown(name)[1:3] for name in names} == shown
        return len(shown)

    assert model.shared_range and ranges() == 1 and "share one color range" in explorer.ranges.value
    model.shared_range = False
    assert ranges() > 1 and "its own color range (white is zero)" in explorer.ranges.value
    model.signed_colors, model.shared_range = False, True
    assert ranges() == 1 and "share one color range (dark is smallest)" in explorer.ranges.value
    model.signed_colors = True
    model.signed_colors = False
    assert not model.shared_range and ranges() > 1
    settings = {"signed_colors": False, "shared_range": True}
    assert PipelineModel(image, **settings).state() | settings == PipelineModel(image, **settings).state()


def test_the_switches_move_the_model_and_follow_it(image):
    explorer = PipelineExplorer(image)
    parts = {getattr(part, "description", ""): part for part in explorer.children[3].children[1].children}
    shared = parts["same color range for stages 2 to 4"]
    shared.value = False
    assert not explorer.model.shared_range
    explorer.model.shared_range = True
    assert shared.value
    pooling = explorer.children[3].children[1].children[0]
    pooling.value = "average"
    assert explorer.model.pooling == "average"
    explorer.model.pooling = "max"
    assert pooling.value == "max"


def test_a_photo_too_small_to_pool_is_explained():
    explorer = PipelineExplorer(np.ones((1, 5), np.float32))
    assert "at least 2 rows and 2 columns" in explorer.message.value and "1 × 5" in explorer.message.value
    assert explorer.canvases["pooled"].values is None and explorer.still().startswith(b"\x89PNG")
    explorer.model.image = np.ones((2, 5), np.float32)
    assert explorer.message.value == "" and explorer.model.stages["pooled"].shape == (1, 2)


def test_two_models_can_be_linked(image):
    one, other = PipelineModel(image), PipelineModel(image)
    link = traitlets.link((one, "preset"), (other, "preset"))
    one.preset = "blur"
    assert other.preset == "blur" and np.array_equal(one.stages["pooled"], other.stages["pooled"])
    link.unlink()


def test_a_switch_moved_while_another_thread_convolves_leaves_both_right(image):
    model, stop, wrong = PipelineModel(image, preset="blur"), threading.Event(), []
    x = np.random.default_rng(1).random((4, 3, 20, 20), dtype=np.float32)
    w = np.random.default_rng(2).random((5, 3, 3, 3), dtype=np.float32)
    right = cnnkit.conv2d(x, w).get()

    def convolve():
        while not stop.is_set():
            if not np.array_equal(cnnkit.conv2d(x, w).get(), right):
                wrong.append(1)

    beside = threading.Thread(target=convolve)
    beside.start()
    try:
        for turn in range(60):
            model.preset = ("edges", "emboss", "Sobel x")[turn % 3]
            model.pooling = ("average", "max")[turn % 2]
            for name, expected in stages_of(image, model.weights, model.pooling).items():
                np.testing.assert_allclose(model.stages[name], expected, rtol=1e-4, atol=1e-3)
    finally:
        stop.set()
        beside.join()
    assert wrong == [] and model.problem == ""


def test_a_failure_keeps_the_photo_and_says_why(image, monkeypatch):
    explorer = PipelineExplorer(image)
    with monkeypatch.context() as broken:
        broken.setattr(cnnkit, "relu", lambda x: 1 / 0)
        explorer.model.preset = "blur"
        assert "ZeroDivisionError" in explorer.message.value
        assert explorer.canvases["pooled"].rgba() is None and explorer.canvases["photo"].rgba() is not None
        assert explorer.still().startswith(b"\x89PNG")
    explorer.model.preset = "emboss"
    assert explorer.message.value == "" and explorer.canvases["pooled"].rgba() is not None


def test_stills_and_words_follow_the_settings(image):
    explorer = PipelineExplorer(image)
    still, words, alt = explorer.still(), explorer.describe(), explorer.canvases["pooled"].alt
    assert "18 × 15 photo" in words and "max pooling" in words and "9 × 7" in words
    explorer.model.pooling = "average"
    assert explorer.still() != still
    assert explorer.describe() != words and explorer.canvases["pooled"].alt != alt
