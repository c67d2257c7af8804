import importlib

import numpy as np
import pytest

from cnnkit.data import shapes
from cnnkit.errors import DataError

NAMES = ("circle", "square", "triangle", "cross")
MIDDLE = (0.5, 0.5)


@pytest.fixture
def no_grain(monkeypatch):
    monkeypatch.setattr(importlib.import_module("cnnkit.data.shapes"), "NOISE", 0.0)


def covered(data, at=MIDDLE):
    """How much of each pixel is shape, (n, size, size), from pictures without grain whose shape lies on
    `at` and leaves the corners free: 0 in the corner's color, 1 in the color at `at`."""
    size = data.images.shape[-1]
    x, y = (int(share * size) for share in at)
    ground, color = data.images[:, :, :1, :1], data.images[:, :, y : y + 1, x : x + 1]
    step = color - ground
    return ((data.images - ground) * step).sum(axis=1) / (step**2).sum(axis=1)


def one(name, size=128, position=MIDDLE, angle=0.0, scale=0.7):
    data = shapes(1, size=size, classes=(name,), position=position, angle=angle, scale=scale)
    return covered(data, position)[0]


def center_of_mass(weights):
    """x and y as shares of the side, (n, 2)."""
    at = (np.arange(weights.shape[-1]) + 0.5) / weights.shape[-1]
    total = weights.sum(axis=(1, 2))
    return np.stack([weights.sum(axis=1) @ at / total, weights.sum(axis=2) @ at / total], axis=1)


def area(name, radius):
    """Of the circle, and of what is drawn into it with its corners on the circle."""
    bar = 3 / np.sqrt(10) * radius  # half the length of a cross's bar, which is a third as wide
    return {
        "circle": np.pi * radius**2,
        "square": 2 * radius**2,
        "triangle": 3 * np.sqrt(3) / 4 * radius**2,
        "cross": 2 * (2 * bar) * (2 * bar / 3) - (2 * bar / 3) ** 2,
    }[name]


def test_is_a_dataset_of_32x32_color_pictures():
    data = shapes(10)
    assert data.images.shape == (10, 3, 32, 32)
    assert data.images.dtype == np.float32
    assert data.images.flags.c_contiguous
    assert 0 <= data.images.min() < data.images.max() <= 1
    assert data.classes == NAMES
    assert shapes(3, size=17).images.shape == (3, 3, 17, 17)


def test_same_seed_same_pictures_and_more_keeps_the_first():
    few, more, other = shapes(11, seed=5), shapes(50, seed=5), shapes(11, seed=6)
    np.testing.assert_array_equal(few.images, more.images[:11])
    np.testing.assert_array_equal(few.labels, more.labels[:11])
    assert not np.array_equal(few.images, other.images)


def test_every_class_once_in_each_run_in_random_order():
    labels = shapes(402).labels
    runs = labels[:400].reshape(-1, 4)
    assert (np.sort(runs, axis=1) == np.arange(4)).all()
    assert len(np.unique(runs, axis=0)) == 24  # every order occurs


def test_grain_lies_over_the_whole_picture():
    data = shapes(200, position=MIDDLE, scale=0.4)
    for part in (data.images[:, :, :4], data.images[:, :, 15:17, 15:17]):
        # Of values that cannot have been cut off at 0 or 1.
        mean = part.mean(axis=(2, 3), keepdims=True)
        grain = (part - mean)[np.broadcast_to((mean > 0.2) & (mean < 0.8), part.shape)]
        assert 0.03 < grain.std() < 0.05


def test_fixing_one_property_leaves_the_others():
    still, turned = (shapes(40, position=MIDDLE, scale=0.5, angle=angle) for angle in (0, 45))
    np.testing.assert_array_equal(still.labels, turned.labels)
    circles = still.labels == 0
    np.testing.assert_allclose(still.images[circles], turned.images[circles], atol=1e-5)
    differ = abs(still.images[~circles] - turned.images[~circles]).max(axis=(1, 2, 3))
    assert differ.min() > 0.2
    # Ground and grain far from the shape are the very same, also when the angle is drawn at random.
    drawn = shapes(40, position=MIDDLE, scale=0.5)
    np.testing.assert_array_equal(still.images[:, :, :2], drawn.images[:, :, :2])


@pytest.mark.usefixtures("no_grain")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("position", [(0.5, 0.5), (0.4, 0.6), (0.6, 0.45)])
def test_position_is_x_then_y_from_the_top_left(name, position):
    data = shapes(20, size=64, classes=(name,), position=position, scale=0.4)
    # The middle of the circle around each of these shapes is its center of mass as well.
    np.testing.assert_allclose(
        center_of_mass(covered(data, position)), np.tile(position, (20, 1)), atol=0.002
    )


@pytest.mark.usefixtures("no_grain")
def test_position_ranges_are_kept_and_used():
    data = shapes(300, position=((0.4, 0.6), 0.5), scale=0.4)
    found = center_of_mass(covered(data))
    assert 0.395 < found[:, 0].min() < 0.41 and 0.59 < found[:, 0].max() < 0.605
    np.testing.assert_allclose(found[:, 1], 0.5, atol=0.005)


@pytest.mark.usefixtures("no_grain")
@pytest.mark.parametrize("scale", [0.3, 0.8])
def test_a_random_position_leaves_the_shape_whole_and_uses_the_room(scale):
    for name in NAMES:
        data = shapes(200, classes=(name,), scale=scale, size=64)
        # Ground: the color of most of the border. Shape: whatever differs.
        ground = np.median(
            np.concatenate([data.images[..., 0, :], data.images[..., -1, :], data.images[..., 0]], axis=2),
            axis=2,
        )[:, :, None, None]
        weights = np.abs(data.images - ground).sum(axis=1)
        weights /= weights.max(axis=(1, 2), keepdims=True)
        np.testing.assert_allclose(weights.mean(axis=(1, 2)), area(name, scale / 2), rtol=0.03)
        reach = np.ptp(center_of_mass(weights), axis=0)
        assert (abs(reach - (1 - scale)) < 0.05).all(), (name, reach)


@pytest.mark.usefixtures("no_grain")
@pytest.mark.parametrize("name", NAMES)
def test_areas_are_those_of_the_named_shapes(name):
    for angle in (0, 20, 77):
        for scale in (0.4, 0.7):
            drawn = one(name, angle=angle, scale=scale)
            assert drawn.mean() == pytest.approx(area(name, scale / 2), rel=0.005), (angle, scale)


@pytest.mark.usefixtures("no_grain")
@pytest.mark.parametrize("name", NAMES)
def test_scale_is_the_diameter_around_the_shape(name):
    for scale in (0.3, 0.6, 0.9):
        y, x = (np.indices((128, 128)) + 0.5) / 128 - 0.5
        reach = 2 * np.hypot(x, y)[one(name, scale=scale) > 0.25].max()
        assert reach == pytest.approx(scale, abs=0.02)


@pytest.mark.usefixtures("no_grain")
def test_angle_turns_counterclockwise_and_0_is_upright():
    def same(a, b):
        return np.abs(a - b).max() < 1e-3

    upright = one("triangle")
    assert same(upright, upright[:, ::-1])  # its axis is vertical
    assert upright[:40].sum() < upright[-60:].sum()  # with one corner up
    # A quarter turn counterclockwise brings the top corner to the left: np.rot90 turns that way.
    assert same(one("triangle", angle=90), np.rot90(upright))
    assert not same(one("triangle", angle=-90), np.rot90(upright))
    assert same(one("triangle", angle=120), upright)
    assert not same(one("triangle", angle=60), upright)
    for name in ("square", "cross"):
        assert same(one(name, angle=90), one(name))
        assert not same(one(name, angle=45), one(name))
        assert same(one(name), one(name)[::-1])
    assert (one("square")[60:68, 64 - 31 : 64 + 31] == 1).all()  # stands on a side: 0.7 x 128 / sqrt 2 = 63


@pytest.mark.usefixtures("no_grain")
def test_edges_are_smooth():
    """An edge through the middle of a pixel covers half of it; elsewhere by the share it passes."""
    for outside in (0.0, 0.25, 0.5, 0.75):
        half = (8 + outside) / 32
        drawn = one("square", size=32, scale=2 * np.sqrt(2) * half)
        np.testing.assert_allclose(drawn[12:20, 24], outside, atol=1e-3)
        np.testing.assert_allclose(drawn[12:20, 23], 1, atol=1e-3)
        np.testing.assert_allclose(drawn[12:20, 25], 0, atol=1e-3)


def test_every_shape_can_be_told_from_its_ground():
    data = shapes(200, position=MIDDLE, scale=0.8)
    center = data.images[:, :, 15:17, 15:17].mean(axis=(2, 3))
    corner = data.images[:, :, :2, :2].mean(axis=(2, 3))
    assert np.abs(center - corner).min() > 0.2
    assert 0.3 < (center > corner).mean() < 0.7  # neither side is always the brighter one


@pytest.mark.usefixtures("no_grain")
def test_classes_choose_and_number_the_shapes():
    data = shapes(8, classes=("cross", "circle"), position=MIDDLE, scale=0.8, size=64)
    assert data.classes == ("cross", "circle")
    for label, name in enumerate(data.classes):
        found = covered(data[data.labels == label]).mean(axis=(1, 2))
        np.testing.assert_allclose(found, area(name, 0.4), rtol=0.02)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"n": 0}, "n=0"),
        ({"n": 3, "size": 3}, "size=3"),
        ({"n": 3, "classes": ("star",)}, "circle, square, triangle, cross"),
        ({"n": 3, "classes": ()}, "classes"),
        ({"n": 3, "classes": ("cross", "cross")}, "different"),
        ({"n": 3, "scale": 0}, "more than 0"),
        ({"n": 3, "scale": (0.5, 0.4)}, "low <= high"),
        ({"n": 3, "angle": float("nan")}, "angle"),
        ({"n": 3, "angle": (1, 2, 3)}, "angle"),
        ({"n": 3, "angle": "left"}, "angle"),
        ({"n": 3, "position": 0.5}, "(x, y)"),
        ({"n": 3, "position": (0.5,)}, "(x, y)"),
        ({"n": 3, "position": (0.5, None)}, "position y"),
        ({"n": 3, "position": (0.5, (0.9, 0.1))}, "position y"),
    ],
)
def test_refuses_what_cannot_be_drawn(how, says):
    with pytest.raises(DataError) as caught:
        shapes(**how)
    assert says in str(caught.value)
