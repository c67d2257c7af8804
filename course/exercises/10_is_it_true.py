"""The exercises of notebook 10."""

import hashlib
from functools import cache

import numpy as np

import cnnkit
from cnnkit import Adam, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from cnnkit.exercises.definition import Case, FunctionExercise, Prediction, StateExercise, Wrong

# --- 10.1: shift without coming around ---------------------------------------------------------------------


def shifted(x, right, down):
    """A frame of zeros, and a window on it."""
    H, W = x.shape[1:]
    far = max(abs(right), abs(down))
    framed = np.pad(x, ((0, 0), (far, far), (far, far)))
    return framed[:, far - down : far - down + H, far - right : far - right + W]


def shifted_by_slices(x, right, down):
    """What stays is copied from where it was to where it goes."""
    H, W = x.shape[1:]
    y = np.zeros_like(x)
    if abs(right) < W and abs(down) < H:
        y[:, max(down, 0) : H + min(down, 0), max(right, 0) : W + min(right, 0)] = x[
            :, max(-down, 0) : H + min(-down, 0), max(-right, 0) : W + min(-right, 0)
        ]
    return y


def shifted_pixel_by_pixel(x, right, down):
    """Every pixel looks where it came from."""
    y = np.zeros(x.shape)
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            if 0 <= i - down < x.shape[1] and 0 <= j - right < x.shape[2]:
                y[:, i, j] = x[:, i - down, j - right]
    return y


def shift_cases(rng):
    example = np.arange(1.0, 10).reshape(1, 3, 3)
    yield Case({"x": example, "right": 1, "down": 1}, "values", "the example of the text")
    for signs in rng.permutation([(1, 1), (-1, 1), (1, -1), (-1, -1)]):
        right, down = (int(n) for n in signs * rng.permutation([1, 2]))
        yield Case({"x": 0.1 + rng.random((4, 6, 7)), "right": right, "down": down}, "values")
    edge = "edge cases"
    x = 0.1 + rng.random((3, 5, 4))
    yield Case({"x": x, "right": 0, "down": int(rng.integers(1, 4))}, edge, "down alone")
    yield Case({"x": x, "right": int(-rng.integers(1, 4)), "down": 0}, edge, "to the left alone")
    yield Case({"x": x, "right": 0, "down": 0}, edge, "no shift at all")
    yield Case({"x": x, "right": 4, "down": 0}, edge, "shifted out of the frame")


def _positive_only(x, right, down):
    y = np.zeros_like(x)
    y[:, down:, right:] = x[:, :-down, :-right]
    return y


def _edge_repeated(x, right, down):
    H, W = x.shape[1:]
    far = max(abs(right), abs(down))
    framed = np.pad(x, ((0, 0), (far, far), (far, far)), mode="edge")
    return framed[:, far - down : far - down + H, far - right : far - right + W]


def _what_stays(x, right, down):
    H, W = x.shape[1:]
    return x[:, max(-down, 0) : H + min(-down, 0), max(-right, 0) : W + min(-right, 0)]


def _pictures_shifted(x, right, down):
    """The number of the picture taken for the row, and the row for the column."""
    return np.moveaxis(shifted(np.moveaxis(x, 2, 0), right, down), 0, 2)


shift = FunctionExercise(
    id="10.1",
    title="Shift without coming around",
    answer="shifted",
    groups={"values": 2, "edge cases": 1},
    reference=shifted,
    cases=shift_cases,
    also_right=(shifted, shifted_by_slices, shifted_pixel_by_pixel),
    wrong=(
        Wrong(
            "came around",
            "what leaves on one side comes in on the other: that is what np.roll does. What leaves is to be gone, "
            "and zeros come in",
            lambda x, right, down: np.roll(x, (down, right), (1, 2)),
        ),
        Wrong(
            "swapped",
            "right and down are swapped: rows are axis 1, and `down` moves along them; columns are axis 2",
            lambda x, right, down: shifted(x, down, right),
        ),
        Wrong(
            "opposite",
            "it moves the other way in both directions: a positive `right` goes to the right, a positive `down` down",
            lambda x, right, down: shifted(x, -right, -down),
        ),
        Wrong(
            "upside down",
            "left and right are as they should be, but a positive `down` goes up: rows are counted from the top",
            lambda x, right, down: shifted(x, right, -down),
        ),
        Wrong(
            "left for right",
            "up and down are as they should be, but a positive `right` goes to the left",
            lambda x, right, down: shifted(x, -right, down),
        ),
        Wrong(
            "positive only",
            "it works for numbers above 0 alone. With 0, a slice as in `x[:, :-0]` is empty, and with a negative "
            "number it means something else; a frame of zeros around x (np.pad) treats all of them alike",
            _positive_only,
        ),
        Wrong(
            "always positive",
            "a negative number goes to the right or down, too: its minus is lost",
            lambda x, right, down: shifted(x, abs(right), abs(down)),
        ),
        Wrong(
            "edge repeated",
            "what comes in is a copy of the edge, and it must be 0: np.pad fills with zeros unless you say mode=",
            _edge_repeated,
        ),
        Wrong(
            "smaller",
            "that is what stays in the picture: the result keeps the size of x, with zeros where nothing is",
            _what_stays,
        ),
        Wrong(
            "right forgotten",
            "it moves down and never to the right",
            lambda x, right, down: shifted(x, 0, down),
        ),
        Wrong(
            "down forgotten",
            "it moves to the right and never down",
            lambda x, right, down: shifted(x, right, 0),
        ),
        Wrong(
            "pictures moved",
            "the pictures changed places among themselves: axis 0 says which picture, axis 1 the row and axis 2 the "
            "column",
            _pictures_shifted,
        ),
    ),
    hints=(
        "Lay every picture into a frame of zeros, wide enough. A shift is then a window on the framed picture.",
        "np.pad(x, ((0, 0), (far, far), (far, far))) frames the last two axes. Where must the window begin, when the "
        "picture is to go down?",
        "far = max(abs(right), abs(down)), and the window's rows begin at far - down, its columns at far - right.",
    ),
    explanation="When the window goes up, the picture in it goes down: hence the minus signs. With a frame of zeros no "
    "case is special, not 0, not a negative number, and not a shift out of the picture.",
)


# --- 10.2: turned by 45 degrees ----------------------------------------------------------------------------

turned = Prediction(
    id="10.2",
    title="Turned by 45 degrees",
    answer="my_guess",
    choices=(
        "97 of 100, as before",
        "about three in four",
        "about half",
        "about one in four",
        "one in ten, as by guessing",
        "none",
    ),
    right="about one in four",
    wrong=(
        Wrong(
            "as before",
            "that would be robust, and the article says so. But what in this network has ever seen a turned stroke, "
            "in its filters or behind them?",
            "97 of 100, as before",
        ),
        Wrong(
            "three in four",
            "less. It keeps that much when they are turned by about 20°. By 45° an upright stroke lies as near to a flat one "
            "as to what it was",
            "about three in four",
        ),
        Wrong(
            "half",
            "less. Half is what is left at about 30°. By 45° an upright stroke lies as near to a flat one as to what it "
            "was",
            "about half",
        ),
        Wrong(
            "guessing",
            "a little more: some digits, the round 0 above all, look much the same when they are turned",
            "one in ten, as by guessing",
        ),
        Wrong(
            "none",
            "guessing alone would get one in ten. To get none right it would have to know all of them",
            "none",
        ),
    ),
    hints=(
        "What has the network learned from? Upright digits, each in the middle. Does anything in it know about turning?",
        "A filter that answers to an upright stroke does not answer to a slanted one. And the dense layer expects every "
        "stroke at its place.",
        "Much less than half. But a 0 that is turned is still a 0.",
    ),
    explanation="About 20 to 30 of 100. Convolution has a law for shifts and none for turns: a turned stroke meets a filter that "
    "was not turned.",
)


# --- 10.3: fooled gently -----------------------------------------------------------------------------------

PICTURE, TURN, PUSH, SCALES = 5, 10.0, 0.25, (0.9, 1.1)
NEARLY = 1e-6


def _far(state):
    """Which limit a state breaks: its name, or ""."""
    if abs(state.get("rotation", 0)) > TURN + NEARLY:
        return "rotation"
    if max(abs(state.get("shift_x", 0)), abs(state.get("shift_y", 0))) > PUSH + NEARLY:
        return "shift"
    if not SCALES[0] - NEARLY <= state.get("scale", 1) <= SCALES[1] + NEARLY:
        return "scale"
    return ""


def fooled(state):
    """Picture 5, moved within the limits, is read as something else."""
    if state.get("problem"):
        return "the network gives no answer: the explorer says why"
    if state.get("index") != PICTURE:
        return f"it shows picture {state.get('index')}, and picture {PICTURE} is to be moved"
    words = {
        "rotation": f"it is turned by {state.get('rotation', 0):g}°, and {TURN:g}° is the limit",
        "shift": f"it is shifted by {state.get('shift_x', 0):g} and {state.get('shift_y', 0):g} pixels, and {PUSH:g} "
        "is the limit",
        "scale": f"its scale is {state.get('scale', 1):g}, and it must be from {SCALES[0]} to {SCALES[1]}",
    }
    if _far(state):
        return words[_far(state)]
    return "" if state.get("right") is False else "it is still read as a 7"


def _state(right, answer="4", **more):
    """A state of the explorer, at rest but for `more`."""
    rest = {"index": PICTURE, "rotation": 0.0, "shift_x": 0.0, "shift_y": 0.0, "scale": 1.0, "problem": ""}
    return rest | {"right": right, "answer": answer} | more


def _at_rest(state):
    """Nothing is moved."""
    names = ("rotation", "shift_x", "shift_y")
    return (
        not any(abs(state.get(name, 0)) > NEARLY for name in names)
        and abs(state.get("scale", 1) - 1) < NEARLY
    )


fool = StateExercise(
    id="10.3",
    title="Fooled gently",
    answer="explorer",
    goal=fooled,
    reached=_state(False, rotation=10.0, scale=0.9),
    also_right=(
        _state(False, "9", shift_y=0.25, shift_x=-0.25),
        _state(False, rotation=5.0, shift_y=0.25, scale=0.9000000001),
    ),
    wrong=(
        Wrong(
            "no answer",
            "the network gives no answer, so it cannot be wrong: make the explorer anew with InvarianceExplorer()",
            _state(None, "", problem="The network's scores are not numbers."),
            lambda s: bool(s.get("problem")),
        ),
        Wrong(
            "another picture",
            "that is another picture: set the slider to 5, the 7, so that everyone moves the same digit",
            _state(False, index=8, rotation=5.0),
            lambda s: s.get("index") != PICTURE,
        ),
        Wrong(
            "at rest",
            "nothing is moved yet: turn it, shift it or scale it a little, and watch the bars",
            _state(True, "7"),
            _at_rest,
        ),
        Wrong(
            "too far turned",
            "it is turned by more than 10°: that is no longer gentle. Turn it back, and let another motion help",
            _state(False, rotation=30.0),
            lambda s: _far(s) == "rotation",
        ),
        Wrong(
            "too far shifted",
            "it is shifted by more than a quarter of a pixel: type 0.25 into the box, and let another motion help",
            _state(False, shift_y=1.0),
            lambda s: _far(s) == "shift",
        ),
        Wrong(
            "too far scaled",
            "its scale has left the range from 0.9 to 1.1: that would be seen. Let another motion help",
            _state(False, scale=0.8),
            lambda s: _far(s) == "scale",
        ),
        Wrong(
            "one motion",
            "it is still read as a 7. One gentle motion alone is hardly enough: which second one makes its bar sink further?",
            _state(True, "7", rotation=10.0),
            lambda s: s.get("right") is not False and _moved(s) == 1,
        ),
        Wrong(
            "still right",
            "it is still read as a 7. Watch its bar while you drag, and go on in the direction in which it sinks",
            _state(True, "7", rotation=-10.0, scale=1.1),
            lambda s: s.get("right") is not False and _moved(s) > 1,
        ),
    ),
    hints=(
        "Watch the bar of the 7 while you drag one slider: in which direction does it sink? Leave it there and try the next.",
        "A 7 that leans to the left, and is a little smaller, begins to look like another digit to the network.",
        "Rotation 10 and scale 0.9; if your network still holds, shift it down by 0.25 as well.",
    ),
    explanation="Turned by 10° and a tenth smaller, the 7 is read as a 4, and with great confidence. Each of these motions "
    "alone is harmless; together they are not.",
)


def _moved(state):
    """How many of the four motions are not at rest."""
    names = ("rotation", "shift_x", "shift_y")
    return sum(abs(state.get(name, 0)) > NEARLY for name in names) + (abs(state.get("scale", 1) - 1) > NEARLY)


# --- 10.4: make it robust ----------------------------------------------------------------------------------

GOAL, SEEDS, STEPS, BATCH, MOST_VERSIONS = 0.85, (0, 1, 2), 300, 32, 30
PICTURES = 400  # that the network is trained with
COUNTS = (37, 52, PICTURES)  # digits of the cases: all of them more than versions are allowed
NINE = [(right, down) for down in (-1, 0, 1) for right in (-1, 0, 1)]


def nine_versions(x):
    """The notebook's: all nine shifts."""
    H, W = x.shape[1:]
    framed = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    return np.stack([framed[:, i : i + H, j : j + W] for i in range(3) for j in range(3)])


def drawn_versions(x):
    """Each digit shifted at random, fourteen times."""
    rng = np.random.default_rng(3)
    versions = [x]
    for _ in range(14):
        way = rng.integers(0, 9, len(x))
        versions.append(np.stack([shifted(one[None], *NINE[k])[0] for one, k in zip(x, way, strict=True)]))
    return np.stack(versions)


def nine_as_a_list(x):
    """The same nine as a list."""
    return [shifted(x, right, down) for right, down in NINE]


@cache
def _digits():
    """(training images (400, 8, 8), their labels, test images, test labels)."""
    train, test = cnnkit.data.digits(test=0.2, seed=0)
    chosen = train[np.random.default_rng(4).permutation(len(train))[:PICTURES]]
    return chosen.images[:, 0], chosen.labels, test.images[:, 0], test.labels


def versions_cases(rng):
    yield Case({"x": 0.05 + 0.9 * rng.random((COUNTS[0], 8, 8))}, "pictures")
    yield Case({"x": 0.05 + 0.9 * rng.random((COUNTS[1], 9, 7))}, "pictures", "of another size")
    yield Case({"x": _digits()[0]}, "robust", "the digits")


def _pairs(value):
    """Every version with every other one, as arrays (N, H, W)."""
    return ((a, b) for i, a in enumerate(value) for k, b in enumerate(value) if i != k)


def _is_array(value, dimensions):
    return isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.ndim == dimensions


def _usual(value):
    """Is it an array of versions at all, so that they can be compared?"""
    return _is_array(value, 4) and 2 <= len(value) <= MOST_VERSIONS < value.shape[1] and bool(value.size)


def _mirrored(value):
    """Is one version another one's mirror image, or the other way up?"""
    if not _usual(value):
        return False
    flips = (lambda a: a[:, :, ::-1], lambda a: a[:, ::-1], lambda a: a[:, ::-1, ::-1])
    return any(
        np.allclose(b, flip(a)) and not np.allclose(flip(a), a) for a, b in _pairs(value) for flip in flips
    )


def _came_around(value):
    """Is one version another one, rolled by up to two pixels?"""
    if not _usual(value):
        return False
    rolls = [(i, j) for i in range(-2, 3) for j in range(-2, 3) if (i, j) != (0, 0)]
    first = value[:, : COUNTS[0]]
    sums = first.sum(axis=(2, 3))  # rolling keeps all ink: few pairs are left to be looked at
    for i, a in enumerate(first):
        for k, b in enumerate(first):
            if i == k or not np.allclose(sums[i], sums[k]):
                continue
            if any(np.allclose(b, np.roll(a, by, (1, 2))) for by in rolls) and not _within_frame(a, b):
                return True
    return False


def _within_frame(a, b):
    """Is b an honest shift of a, which lost nothing because there was nothing at the border?"""
    return any(np.allclose(b, shifted(a, j, i)) for i in range(-2, 3) for j in range(-2, 3))


def _all_alike(value):
    return _usual(value) and all(np.allclose(one, value[0]) for one in value)


def _along_one_axis(value):
    """Is every version the same digits, shifted along rows alone or along columns alone?"""
    if not _usual(value) or _all_alike(value):
        return False
    sideways = [(d, 0) for d in range(-3, 4)]
    for ways in (sideways, [(down, right) for right, down in sideways]):
        for start in value:
            moved = [shifted(start, *way) for way in ways]
            if all(any(np.allclose(one, other) for other in moved) for one in value):
                return True
    return False


def _shape_mistake(value, counts=COUNTS):
    """The name of what is wrong with the shape, or ""."""
    if not isinstance(value, np.ndarray) or value.ndim not in (3, 4):
        return "no versions"
    if value.ndim == 3:
        return "one version" if len(value) in counts else "one row"
    if value.shape[1] not in counts:
        return "transposed" if len(value) in counts else "no versions"
    if value.shape[2:] not in ((8, 8), (9, 7)):
        return "another size"
    if len(value) == 1:
        return "one version"
    return "too many" if len(value) > MOST_VERSIONS else ""


def judge_versions(case, value):
    """ "" or what is wrong with the versions; trains with them only if they look right."""
    x = case.arguments["x"]
    shape, wanted = getattr(value, "shape", None), f"(M, {len(x)}, {x.shape[1]}, {x.shape[2]})"
    if not isinstance(value, np.ndarray):
        return f"an array of the shape {wanted} is wanted"
    if len(shape) != 4 or shape[1:] != x.shape:
        return f"the shape is {shape}, and {wanted} is wanted"
    if not 2 <= len(value) <= MOST_VERSIONS:
        many = f"{len(value)} version{'' if len(value) == 1 else 's'}"
        return f"you gave {many} of each digit, and from 2 to {MOST_VERSIONS} are wanted"
    numbers = value.astype(float)
    if not np.isfinite(numbers).all():
        return "some of the numbers are not finite"
    if numbers.min() < -1e-6 or numbers.max() > 1 + 1e-6:
        return f"the values run from {numbers.min():.3g} to {numbers.max():.3g}, and those of a digit from 0 to 1"
    if _came_around(numbers):
        return "in one version, what leaves on one side comes in on the other"
    if _mirrored(numbers):
        return "one version is a mirror image, or upside down"
    if case.group == "pictures":
        return ""
    moved, rest = trained_with(value)
    if moved >= GOAL:
        return ""
    return (
        f"trained with your pictures, the network reads {moved:.1%} of the moved digits (and {rest:.1%} at rest), and "
        f"{GOAL:.0%} is the goal"
    )


_found: dict[str, tuple[float, float]] = {}


def trained_with(value):
    """(accuracy on digits moved in nine ways, accuracy at rest) after training with the versions.

    Both are means of three trainings; they are remembered, because the same versions give the same numbers.
    """
    images = np.ascontiguousarray(value, np.float32)
    key = hashlib.sha256(images.tobytes()).hexdigest()
    if key not in _found:
        rows = [_one_training(images, seed) for seed in SEEDS]
        moved, rest = np.mean(rows, axis=0)
        _found[key] = float(moved), float(rest)
    return _found[key]


class _Unfinished(KeyboardInterrupt):
    """Training was interrupted: its accuracy says nothing."""


def _one_training(versions, seed):
    _, labels, test, test_labels = _digits()
    images, labels = versions.reshape(-1, 1, 8, 8), np.tile(labels, len(versions))
    order = np.resize(np.random.default_rng(seed).permutation(len(images)), STEPS * BATCH)
    front = Conv2d(1, 16, 3, padding=1), ReLU(), Conv2d(16, 16, 3, padding=1), ReLU(), MaxPool2d(2)
    model = Sequential(*front, Flatten(), Linear(256, 10), seed=seed)
    how = {"epochs": 1, "batch_size": BATCH, "optimizer": Adam(lr=3e-3)}
    if len(cnnkit.fit(model, (images[order], labels[order]), **how, seed=seed, progress=False)) < 1:
        raise _Unfinished
    asked = np.concatenate([shifted(test, *way) for way in NINE])[:, None]
    right = model.predict(asked).argmax(axis=1) == np.tile(test_labels, len(NINE))
    return right.mean(), right.reshape(len(NINE), -1)[NINE.index((0, 0))].mean()


def _shape_of(name):
    return lambda value: _shape_mistake(value) == name


def _out_of_range(value):
    return _usual(value) and (np.nanmin(value) < -1e-6 or np.nanmax(value) > 1 + 1e-6)


robust = FunctionExercise(
    id="10.4",
    title="Make it robust",
    answer="more_pictures",
    groups={"pictures": 1, "robust": 3},
    cases=versions_cases,
    judge=judge_versions,
    stand_in=nine_versions,
    also_right=(nine_versions, drawn_versions, nine_as_a_list),
    wrong=(
        Wrong(
            "one version",
            "that is one version of each digit: np.stack([x, ...]) makes an array of several, one after the other",
            lambda x: x,
            _shape_of("one version"),
        ),
        Wrong(
            "one row",
            "all versions stand in one long row, so that no digit keeps its place among the N: np.stack puts them on an "
            "axis of their own, np.concatenate does not",
            lambda x: np.concatenate([x, shifted(x, 1, 0)]),
            _shape_of("one row"),
        ),
        Wrong(
            "transposed",
            "the versions of a digit stand side by side, (N, M, H, W), and (M, N, H, W) is wanted: the version comes first",
            lambda x: np.stack([x, shifted(x, 1, 0)], axis=1),
            _shape_of("transposed"),
        ),
        Wrong(
            "no versions",
            "what comes back is no array of the shape (M, N, H, W): M versions of N pictures of H rows and W columns",
            lambda x: np.zeros(3),
            _shape_of("no versions"),
        ),
        Wrong(
            "another size",
            "the pictures have another size than the digits: after np.pad, cut out a window of H rows and W columns",
            lambda x: np.stack([np.pad(x, ((0, 0), (1, 1), (1, 1)))] * 2),
            _shape_of("another size"),
        ),
        Wrong(
            "too many",
            "that is more than 30 versions, more than the training looks at: nine are enough",
            lambda x: np.stack([x] * 31),
            _shape_of("too many"),
        ),
        Wrong(
            "came around",
            "in one of the versions the ink comes in again on the other side (np.roll does that): a 7 with its foot on top "
            "is no 7",
            lambda x: np.stack([np.roll(x, (i, j), (1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1)]),
            _came_around,
        ),
        Wrong(
            "mirrored",
            "one of the versions is mirrored or upside down: is a mirrored 7 still a 7? The label says so. Alter only what "
            "leaves the label true",
            lambda x: np.stack([x, x[:, :, ::-1]]),
            _mirrored,
        ),
        Wrong(
            "out of range",
            "some values are below 0 or above 1, and no ink is: keep to the range of the digits",
            lambda x: np.stack([x, 2 * x]),
            _out_of_range,
        ),
        Wrong(
            "copies",
            "all versions are the same: from copies the network learns nothing about what may change. In what do the digits of "
            "its exam differ from these?",
            lambda x: np.stack([x] * 9),
            _all_alike,
        ),
        Wrong(
            "one axis",
            "your digits move along one axis alone, and those of the exam along both, also at once: all nine ways",
            lambda x: np.stack([shifted(x, right, 0) for right in (-1, 0, 1)]),
            _along_one_axis,
        ),
    ),
    hints=(
        "What will the exam's digits look like? Show the network just that: the nine ways to move by −1, 0 or 1.",
        "A frame of one zero around all pictures, np.pad(x, ((0, 0), (1, 1), (1, 1))). A window of H × W on it can begin at "
        "row 0, 1 or 2 and column 0, 1 or 2.",
        "np.stack([framed[:, i : i + H, j : j + W] for i in range(3) for j in range(3)])",
    ),
    explanation="All nine shifts, zeros coming in. Without them the network reads half of the moved digits, with them about nine "
    "of ten, and hardly fewer at rest. (It cannot be all: what is pushed out of the frame is lost.)",
)


# --- 10.5: a leak ------------------------------------------------------------------------------------------


def leaked(original, held):
    """Of the pictures held back, how many have a sibling that is not?"""
    if not held.any():
        return 0.0
    return np.isin(original[held], original[~held]).mean()


def leaked_by_sets(original, held):
    """One after the other."""
    learned = {int(one) for one, back in zip(original, held, strict=True) if not back}
    asked = [int(one) for one, back in zip(original, held, strict=True) if back]
    return sum(one in learned for one in asked) / len(asked) if asked else 0


def leaked_by_comparing(original, held):
    """Each picture with each."""
    siblings = (original[:, None] == original[None, ~held]).any(axis=1)
    return float((siblings & held).sum() / max(1, held.sum()))


def _leak_case(original, held, group="values", words=""):
    return Case({"original": np.asarray(original), "held": np.asarray(held, bool)}, group, words)


def leak_cases(rng):
    yield _leak_case([0, 0, 1, 1, 2, 3], [0, 1, 1, 0, 1, 0], "values", "the example of the text")
    for n, originals in ((40, 12), (60, 40)):
        original = rng.integers(0, originals, n)
        held = rng.random(n) < 0.4
        while any(abs(leaked(original, held) - f(original, held)) < 1e-3 for f in _BY_CHANCE):
            original, held = rng.integers(0, originals, n), rng.random(n) < 0.4
        yield _leak_case(original, held)
    edge = "edge cases"
    original = rng.permutation(np.repeat(np.arange(8), 3))
    yield _leak_case(original, original < 3, edge, "all versions of an original on one side")
    yield _leak_case(original, np.zeros(24), edge, "nothing held back")
    yield _leak_case(original, np.ones(24), edge, "everything held back")


def _ratio(part, whole):
    """part / whole, NaN for nothing of nothing."""
    with np.errstate(all="ignore"):
        return float(np.float64(part) / np.float64(whole))


def _shared(original, held):
    return np.intersect1d(original[held], original[~held])


def _of_training(original, held):
    return _ratio(np.isin(original[~held], original[held]).sum(), (~held).sum()) if held.any() else 0.0


def _of_originals(original, held):
    return _ratio(len(_shared(original, held)), len(np.unique(original[held]))) if held.any() else 0.0


def _of_all_originals(original, held):
    return _ratio(len(_shared(original, held)), len(np.unique(original)))


def _of_all(original, held):
    return _ratio(np.isin(original[held], original[~held]).sum(), len(original))


def _has_any_sibling(original, held):
    counts = np.bincount(original)
    return _ratio((counts[original[held]] > 1).sum(), held.sum()) if held.any() else 0.0


_BY_CHANCE = (_of_training, _of_originals, _of_all_originals, _has_any_sibling)

leak = FunctionExercise(
    id="10.5",
    title="Find the leak",
    answer="leaked",
    groups={"values": 2, "edge cases": 1},
    reference=leaked,
    cases=leak_cases,
    also_right=(leaked_by_sets, leaked_by_comparing),
    wrong=(
        Wrong(
            "nothing of nothing",
            "when nothing is held back you divide by 0: nothing leaks then, so the answer is 0",
            lambda original, held: _ratio(np.isin(original[held], original[~held]).sum(), held.sum()),
        ),
        Wrong(
            "of the training part",
            "you asked the training part: the share is of the pictures that are held back",
            _of_training,
        ),
        Wrong(
            "originals counted",
            "you counted each original once: what counts is pictures, and an original can have several that are held back",
            _of_originals,
        ),
        Wrong(
            "of all originals",
            "you counted originals, and divided by all of them: count the pictures held back, and divide by their number",
            _of_all_originals,
        ),
        Wrong(
            "of all pictures",
            "you divided by the number of all pictures: the share is of those that are held back",
            _of_all,
        ),
        Wrong(
            "share held back",
            "that is the share of all pictures that is held back: of these, which have a sibling in the training part?",
            lambda original, held: float(held.mean()),
        ),
        Wrong(
            "number",
            "that is how many leak: divide by how many are held back",
            lambda original, held: np.isin(original[held], original[~held]).sum(),
        ),
        Wrong(
            "no leak",
            "that is the share that does not leak",
            lambda original, held: 1 - leaked(original, held) if held.any() else 0.0,
        ),
        Wrong(
            "itself",
            "every picture finds itself that way: look for its original among those that are not held back, original[~held]",
            lambda original, held: float(np.isin(original[held], original).mean()) if held.any() else 0.0,
        ),
        Wrong(
            "any sibling",
            "a sibling that is held back, too, gives nothing away: only those in the training part do",
            _has_any_sibling,
        ),
        Wrong(
            "each picture",
            "you gave True or False for each picture that is held back: the share is the mean of them",
            lambda original, held: np.isin(original[held], original[~held]),
        ),
    ),
    hints=(
        "Two groups: original[held] are the originals of the pictures held back, original[~held] those of the training part.",
        "np.isin(a, b) says for every number of `a` whether it occurs in `b`. The mean of True and False is a share.",
        "np.isin(original[held], original[~held]).mean(), and 0 when held.any() is False.",
    ),
    explanation="With nine versions of each digit and a fifth of all pictures drawn at random, hardly any picture held back is "
    "without a sibling in the training part. Draw the originals instead, and the leak is 0.",
)
