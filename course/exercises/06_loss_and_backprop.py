"""The exercises of notebook 06."""

import numpy as np

import cnnkit
from cnnkit.exercises.definition import Case, FunctionExercise, KernelExercise, Prediction, Wrong
from cnnkit.exercises.launch import In, Launch, Out

NINE = np.arange(9.0).reshape(3, 3)
FOUR = np.arange(4.0).reshape(2, 2)


def corr2d(x, w):
    """The dot product of w with every patch of x."""
    return np.einsum("ijrs,rs->ij", np.lib.stride_tricks.sliding_window_view(x, w.shape), w)


def _quietly(function):
    """What overflows in a wrong answer of ours must not warn in the learner's notebook."""

    def quiet(*arguments):
        with np.errstate(all="ignore"):
            return function(*arguments)

    return quiet


# --- 06.1: a gradient by nudging -----------------------------------------------------------------------------


def squared_error(w, x, t):
    """L = sum of (y - t)²."""
    return ((corr2d(x, w) - t) ** 2).sum()


def slopes(w, x, t, h=1e-4):
    """The derivatives by the chain rule: nudging both ways is exact where L is quadratic."""
    return corr2d(x, 2 * (corr2d(x, w) - t))


def _each(slope):
    """slope(L, w, nudge, h) for every weight; nudge is 0 everywhere but at that weight, where it is h."""

    def function(w, x, t, h):
        grad = np.zeros(w.shape)
        for place in np.ndindex(w.shape):
            nudge = np.zeros(w.shape)
            nudge[place] = h
            grad[place] = slope(lambda moved: squared_error(moved, x, t), w, nudge, h)
        return grad

    return function


by_both_sides = _each(lambda L, w, nudge, h: (L(w + nudge) - L(w - nudge)) / (2 * h))


def nudged_in_lists(w, x, t, h):
    """A copy that is moved, measured and put back."""
    moved, grad = w.astype(float), [[0.0] * w.shape[1] for _ in range(w.shape[0])]
    for r, s in np.ndindex(w.shape):
        moved[r, s] = w[r, s] + h
        above = squared_error(moved, x, t)
        moved[r, s] = w[r, s] - h
        grad[r][s] = (above - squared_error(moved, x, t)) / (2 * h)
        moved[r, s] = w[r, s]
    return grad


def nudge_cases(rng):
    for words, h, group in (
        ("", 1e-6, "small steps"),
        ("", 1e-5, "small steps"),
        ("a filter that is not square", 1e-5, "small steps"),
        ("a long step", 0.5, "long steps"),
        ("a long step", 0.25, "long steps"),
    ):
        sizes = ((2, 3), (5, 6)) if words.startswith("a filter") else ((2, 2), (4, 5))
        x = rng.integers(-4, 5, sizes[1]) + rng.random(sizes[1])
        w = rng.integers(-3, 4, sizes[0]) + rng.random(sizes[0])
        t = corr2d(x, w) + rng.standard_normal(corr2d(x, w).shape) + 1
        yield Case({"w": w, "x": x, "t": t, "h": h}, group, words)


def _never_put_back(w, x, t, h):
    moved, grad = w.copy(), np.zeros(w.shape)
    for place in np.ndindex(w.shape):
        moved[place] += h
        above = squared_error(moved, x, t)
        moved[place] -= 2 * h
        grad[place] = (above - squared_error(moved, x, t)) / (2 * h)
    return grad


def _copied_once(w, x, t, h):
    above, below, grad = w.copy(), w.copy(), np.zeros(w.shape)
    for place in np.ndindex(w.shape):
        above[place] += h
        below[place] -= h
        grad[place] = (squared_error(above, x, t) - squared_error(below, x, t)) / (2 * h)
    return grad


def _left_moved(w, x, t, h):
    moved, grad = w.copy(), np.zeros(w.shape)
    for place in np.ndindex(w.shape):
        before = squared_error(moved, x, t)
        moved[place] += h
        grad[place] = (squared_error(moved, x, t) - before) / h
    return grad


def _in_place(w, x, t, h):
    grad = np.zeros(w.shape)
    for place in np.ndindex(w.shape):
        w[place] += h
        above = squared_error(w, x, t)
        w[place] -= 2 * h
        grad[place] = (above - squared_error(w, x, t)) / (2 * h)
    return grad


def _all_at_once(w, x, t, h):
    return (squared_error(w + h, x, t) - squared_error(w - h, x, t)) / (2 * h)


def _one_weight(w, x, t, h):
    grad = np.zeros(w.shape)
    grad[0, 0] = slopes(w, x, t)[0, 0]
    return grad


nudging = FunctionExercise(
    id="06.1",
    title="Nudge and look",
    answer="measured_gradient",
    groups={"small steps": 2, "long steps": 1},
    reference=slopes,
    cases=nudge_cases,
    also_right=(by_both_sides, nudged_in_lists, slopes),
    stand_in=by_both_sides,
    wrong=(
        Wrong(
            "one side",
            "nearly: you went to one side only, and a curve that bends makes the slope wrong by a multiple of h. Go to both "
            "sides, w + h and w - h, and divide by the way between them, 2h",
            _each(lambda L, w, nudge, h: (L(w + nudge) - L(w)) / h),
        ),
        Wrong(
            "the other side",
            "nearly: you compared w with w - h only, and a curve that bends makes the slope wrong by a multiple of h. Go to "
            "both sides, w + h and w - h, and divide by the way between them, 2h",
            _each(lambda L, w, nudge, h: (L(w) - L(w - nudge)) / h),
        ),
        Wrong(
            "half the way",
            "your numbers are twice too large: from w - h to w + h the way is 2h, and you divided by h",
            _each(lambda L, w, nudge, h: (L(w + nudge) - L(w - nudge)) / h),
        ),
        Wrong(
            "not divided",
            "that is how much the loss changed, and it depends on how far you moved: divide it by the way, 2h",
            _each(lambda L, w, nudge, h: L(w + nudge) - L(w - nudge)),
        ),
        Wrong(
            "no copies",
            "the loss is the same both times: `above = w` makes no second array, only a second name for the first, and "
            "what goes up and down again has not moved. Begin with two copies, `w.copy()`",
            lambda w, x, t, h: np.zeros(w.shape),
        ),
        Wrong(
            "parentheses",
            "the difference is divided by 2 and multiplied by h: in `/ 2 * h` Python goes from left to right. Write "
            "`/ (2 * h)`",
            _each(lambda L, w, nudge, h: (L(w + nudge) - L(w - nudge)) / 2 * h),
        ),
        Wrong(
            "sign",
            "the signs are the wrong way round: take the loss at w - h away from the loss at w + h",
            _each(lambda L, w, nudge, h: (L(w - nudge) - L(w + nudge)) / (2 * h)),
        ),
        Wrong(
            "all at once",
            "you moved all weights together and got a single number, the sum of what is wanted: move one weight, measure, "
            "put it back, then the next",
            _all_at_once,
        ),
        Wrong(
            "the same for all",
            "every place holds the same number, because you moved all weights together (`w + h` moves the whole array): move "
            "one, measure, put it back, then the next",
            lambda w, x, t, h: np.full(w.shape, _all_at_once(w, x, t, h)),
        ),
        Wrong(
            "never put back",
            "the first number is right and the others are not: each weight must be put back before the next one is moved",
            _never_put_back,
        ),
        Wrong(
            "copied once",
            "the first number is right, and then more and more weights are moved together: make the two copies inside the loop, "
            "so that each weight begins with fresh ones",
            _copied_once,
        ),
        Wrong(
            "left where they were",
            "each weight stays where you moved it, so the next is measured in another place; begin every time with "
            "`w.copy()`. (And go to both sides, w + h and w - h)",
            _left_moved,
        ),
        Wrong(
            "in place",
            "you moved the weights of w itself, and they did not come back to where they were: begin every time with "
            "`moved = w.copy()`",
            _in_place,
        ),
        Wrong(
            "multiplied",
            "you made each weight larger by a share of itself, w·(1 + h): add h, however large the weight is",
            _each(
                lambda L, w, nudge, h: (L(w + nudge * w) - L(w - nudge * w)) / (2 * h),
            ),
        ),
        Wrong(
            "a row",
            "your numbers are right, and stand in one row: give them the shape of w",
            lambda w, x, t, h: slopes(w, x, t).ravel(),
        ),
        Wrong(
            "returned at once",
            "only the first weight has its number: the `return` stands inside the loop, and ends it at once",
            _one_weight,
        ),
        Wrong(
            "rows for columns",
            "some weights never get their number: this filter has more columns than rows, and the inner loop runs over "
            "w.shape[1]",
            lambda w, x, t, h: slopes(w, x, t) * (np.arange(w.shape[1]) < w.shape[0]),
        ),
        Wrong(
            "losses",
            "these are losses with one weight moved: the gradient is how much they differ, divided by the way",
            _each(lambda L, w, nudge, h: L(w + nudge)),
        ),
    ),
    hints=(
        "One weight at a time: `for r, s in np.ndindex(w.shape)` gives the place of each. Make an array of zeros for the "
        "answers first.",
        "For each place: two copies of w, one with h added there and one with h taken away. The difference of their losses "
        "belongs in the same place of the answer, once it is divided.",
        "above, below = w.copy(), w.copy(); above[r, s] += h; below[r, s] -= h; and then grad[r, s] = (loss(above, x, t) - "
        "loss(below, x, t)) / (2 * h).",
    ),
    explanation="A weight is moved a little up and a little down, and the loss is looked at both times: the difference, divided by "
    "the way between the two, is the slope. The copies see to it that all other weights stay where they are.",
)


# --- 06.2: the gradient of the cross-entropy -----------------------------------------------------------------


def _softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _one_hot(scores, labels):
    return np.eye(scores.shape[1])[labels]


def scores_gradient(scores, labels):
    """What the network said, less what it should have said, divided by the number of images."""
    return (_softmax(scores) - _one_hot(scores, labels)) / len(scores)


def gradient_by_rows(scores, labels):
    """One image after the other, in lists."""
    rows = []
    for row, label in zip(scores, labels, strict=True):
        powers = np.exp(row - max(row))
        p = powers / sum(powers)
        rows.append([(p[k] - (k == label)) / len(scores) for k in range(len(row))])
    return rows


def gradient_in_place(scores, labels):
    """A 1 taken away at the place of each label."""
    p = np.exp(scores - np.logaddexp.reduce(scores, axis=1)[:, None])
    p[np.arange(len(p)), labels] -= 1
    return p / len(p)


def _batch(rng, N, classes):
    scores = np.stack([rng.permutation(classes) for _ in range(N)]) - 1.5 + rng.random((N, classes))
    return scores, rng.integers(classes, size=N)


def gradient_cases(rng):
    def case(scores, labels, group, words=""):
        return Case({"scores": np.array(scores, float), "labels": np.array(labels)}, group, words)

    yield case([[1, 2, 3]], [2], "one image", "the example of the text")
    for classes in (2, 4, 10):
        yield case(*_batch(rng, 1, classes), "one image")
    scores, labels = _batch(rng, 3, 4)
    labels[:] = rng.permutation(4)[:3]
    yield case(scores, labels, "a batch")
    yield case(*_batch(rng, 5, 3), "a batch")
    yield case(*_batch(rng, 2, 6), "a batch")
    large = "large scores"
    yield case([[1000, 1001, 1002]], [2], large, "scores around 1000")
    scores, labels = _batch(rng, 3, 4)
    yield case(
        scores + np.array([[1000], [0], [-1000]]),
        labels,
        large,
        "rows around 1000, around 0 and around -1000",
    )


def _wrong_gradient(function):
    """function(p, one_hot, N, classes) with the right softmax."""

    def wrong(scores, labels):
        return function(_softmax(scores), _one_hot(scores, labels), *scores.shape)

    return wrong


def _softmax_of(powers, axis=1, keepdims=True):
    return powers / powers.sum(axis=axis, keepdims=keepdims)


def _rows_less_one(scores, labels):
    p = _softmax(scores)
    p[labels] -= 1
    return p / len(p)


def _columns_less_one(scores, labels):
    p = _softmax(scores)
    p[:, labels] -= 1
    return p / len(p)


def _less_one_hot(probabilities):
    return _quietly(lambda scores, labels: (probabilities(scores) - _one_hot(scores, labels)) / len(scores))


entropy = FunctionExercise(
    id="06.2",
    title="What the scores should do",
    answer="scores_gradient",
    groups={"one image": 1, "a batch": 1, "large scores": 1},
    reference=scores_gradient,
    cases=gradient_cases,
    also_right=(gradient_by_rows, gradient_in_place),
    stand_in=lambda scores, labels: cnnkit.cross_entropy_backward(scores, labels).get(),
    wrong=(
        Wrong(
            "no one-hot",
            "these are the probabilities (divided by N): what the answer should have been, the 1 at the label, must still be "
            "taken away",
            _wrong_gradient(lambda p, t, N, classes: p / N),
        ),
        Wrong(
            "no mean",
            "right for a single image. The loss of a batch is the mean over its N images, so each row must be divided by N",
            _wrong_gradient(lambda p, t, N, classes: p - t),
        ),
        Wrong(
            "probabilities",
            "that is softmax: the 1 at the label must be taken away, and the result divided by the number of images",
            _wrong_gradient(lambda p, t, N, classes: p),
        ),
        Wrong(
            "sign",
            "the signs are the wrong way round: a larger score of the right class makes the loss smaller, so its number must "
            "be negative. It is p - t, not t - p",
            _wrong_gradient(lambda p, t, N, classes: (t - p) / N),
        ),
        Wrong(
            "divided by classes",
            "you divided by the number of classes: the mean is over the N images, `len(scores)`",
            _wrong_gradient(lambda p, t, N, classes: (p - t) / classes),
        ),
        Wrong(
            "divided by both",
            "you divided by all numbers of the array, N times classes: the mean is over the N images alone",
            _wrong_gradient(lambda p, t, N, classes: (p - t) / (N * classes)),
        ),
        Wrong(
            "squared error",
            "there is a 2 too many: it belongs to the squared error. Here the gradient is p - t, divided by N",
            _wrong_gradient(lambda p, t, N, classes: 2 * (p - t) / N),
        ),
        Wrong(
            "overflow",
            "e to the power of 1000 is too large for any number of the computer: take the largest score of each row off the "
            "row first",
            _less_one_hot(lambda scores: _softmax_of(np.exp(scores))),
        ),
        Wrong(
            "one largest for all",
            "you took the largest score of the whole batch off: a row that lies far below it has only zeros left, and 0 / 0 "
            "is no number. Each row needs its own: `scores.max(axis=1, keepdims=True)`",
            _less_one_hot(lambda scores: _softmax_of(np.exp(scores - scores.max()))),
        ),
        Wrong(
            "transposed",
            "your softmax runs down the columns: each row is one image, and its probabilities must add up to 1 (axis=1)",
            _less_one_hot(lambda scores: _softmax(scores.T).T),
        ),
        Wrong(
            "one sum for all",
            "you divided by the sum over the whole batch: the probabilities of each row must add up to 1 (axis=1, "
            "keepdims=True)",
            _less_one_hot(lambda scores: _softmax_of(np.exp(scores - scores.max()), None)),
        ),
        Wrong(
            "keepdims",
            "`max(axis=1)` and `sum(axis=1)` give one number for each row, in one row: with `keepdims=True` they stay beside "
            "their rows, as a column",
            lambda scores, labels: (
                (_softmax_of(np.exp(scores - scores.max(axis=1)), 1, False) - _one_hot(scores, labels))
                / len(scores)
            ),
        ),
        Wrong(
            "whole rows",
            "`p[labels] -= 1` takes 1 away from whole rows, and from rows that the labels do not mean: row n, column "
            "labels[n] is p[np.arange(N), labels]",
            _rows_less_one,
        ),
        Wrong(
            "whole columns",
            "`p[:, labels] -= 1` takes 1 away in every row, for the labels of all images: row n, column labels[n] is "
            "p[np.arange(N), labels]",
            _columns_less_one,
        ),
        Wrong(
            "class before",
            "the 1 is taken away one place too early: labels count from 0",
            lambda scores, labels: (_softmax(scores) - _one_hot(scores, labels - 1)) / len(scores),
        ),
        Wrong(
            "of the probability",
            "-1/p is the slope with respect to the probability of the right class: wanted are the slopes with respect to the "
            "scores, before softmax, and there it becomes p - t",
            _quietly(lambda scores, labels: -_one_hot(scores, labels) / _softmax(scores) / len(scores)),
        ),
        Wrong(
            "without softmax",
            "you took the 1 away from the scores themselves: softmax makes probabilities of them first",
            lambda scores, labels: (scores - _one_hot(scores, labels)) / len(scores),
        ),
        Wrong(
            "the right class alone",
            "you only filled the place of the right class: a larger score of a wrong class makes the loss larger, too, by p",
            _wrong_gradient(lambda p, t, N, classes: t * (p - 1) / N),
        ),
        Wrong(
            "mean of the rows",
            "you took the mean over the rows, and one row is left: each image keeps its own row, divided by N",
            _wrong_gradient(lambda p, t, N, classes: (p - t).mean(axis=0)),
        ),
        Wrong(
            "labels taken away",
            "you took the label itself away, the number of the class: what is taken away is a 1, in the row of the image at "
            "the column of its label",
            lambda scores, labels: (_softmax(scores) - labels) / len(scores),
        ),
        Wrong(
            "the loss",
            "that is the loss of the batch, a single number: its gradient has a number for every score",
            lambda scores, labels: (
                np.logaddexp.reduce(scores, axis=1) - scores[range(len(scores)), labels]
            ).mean(),
        ),
    ),
    hints=(
        "For each row: softmax, then take 1 away at the place of the right class. In the end, all of it divided by N, the "
        "number of rows.",
        "Softmax of each row: scores - scores.max(axis=1, keepdims=True), then np.exp, then divided by its "
        ".sum(axis=1, keepdims=True).",
        "p[np.arange(N), labels] is the right class's probability in every row. Take 1 away from these, and return p / N.",
    ),
    explanation="Every score is told the difference between what the network said (p) and what would have been right (t, a 1 at the "
    "label and 0 elsewhere). The division by N comes from the mean: each image has only an N-th part in the loss.",
)


# --- 06.3: the gradient of a filter's weights ----------------------------------------------------------------


def weight_gradient(g, x):
    """For each weight, all pixels that it met, each times the g of that place."""
    R, S = x.shape[0] - g.shape[0] + 1, x.shape[1] - g.shape[1] + 1
    OH, OW = g.shape
    dw = np.zeros((R, S))
    for r, s in np.ndindex(dw.shape):
        dw[r, s] = (g * x[r : r + OH, s : s + OW]).sum()
    return dw


def weights_by_places(g, x):
    """Every place of the window adds its patch, g times."""
    R, S = x.shape[0] - g.shape[0] + 1, x.shape[1] - g.shape[1] + 1
    return sum(g[i, j] * x[i : i + R, j : j + S] for i, j in np.ndindex(g.shape))


def weights_by_correlation(g, x):
    """It is the correlation of x with g."""
    return corr2d(x, g)


def weights_by_four_loops(g, x):
    """Plain Python."""
    OH, OW = g.shape
    places = [(i, j) for i in range(OH) for j in range(OW)]
    return [
        [sum(g[i, j] * x[i + r, j + s] for i, j in places) for s in range(x.shape[1] - OW + 1)]
        for r in range(x.shape[0] - OH + 1)
    ]


def weight_cases(rng):
    yield Case({"g": np.ones((2, 2)), "x": NINE}, "values", "the example of the text")
    for size, filter_size in (((6, 8), (3, 2)), ((7, 5), (2, 3))):
        g_size = size[0] - filter_size[0] + 1, size[1] - filter_size[1] + 1
        x, g = rng.integers(-9, 10, size).astype(float), rng.integers(-5, 6, g_size).astype(float)
        g[0, 0], g[-1, -1] = 3, -4
        yield Case({"g": g, "x": x}, "shape", only_shape=True)
        yield Case({"g": g, "x": x}, "values")
    x, g = rng.standard_normal((6, 6)), rng.standard_normal((4, 4))
    yield Case({"g": g, "x": x}, "values", "numbers that are not whole")
    yield Case({"g": rng.standard_normal((1, 1)), "x": x}, "edge cases", "a single output")
    yield Case({"g": rng.standard_normal((6, 6)), "x": x}, "edge cases", "a filter of one weight")
    yield Case({"g": rng.standard_normal((1, 4)), "x": x[:1]}, "edge cases", "an image of one row")


def _patch_of_weights(g, x):
    R, S = x.shape[0] - g.shape[0] + 1, x.shape[1] - g.shape[1] + 1
    dw = np.zeros((R, S))
    for r, s in np.ndindex(dw.shape):
        dw[r, s] = (g * x[r : r + R, s : s + S]).sum()
    return dw


def _last_product(g, x):
    OH, OW = g.shape
    return g[-1, -1] * x[OH - 1 :, OW - 1 :]


def _first_only(g, x):
    dw, right = np.zeros(weight_gradient(g, x).shape), weight_gradient(g, x)
    dw[0, 0] = right[0, 0]
    return dw


def _room_like_g(g, x):
    dw = np.zeros_like(g)
    (OH, OW), (H, W) = g.shape, x.shape
    for r in range(H - OH + 1):
        for s in range(W - OW + 1):
            dw[r, s] = (g * x[r : r + OH, s : s + OW]).sum()
    return dw


def _size_of_g(g, x):
    dw, right = np.zeros(g.shape), weight_gradient(g, x)
    for r, s in np.ndindex(g.shape):
        dw[r, s] = right[r, s]
    return dw


def _rows_for_columns(g, x):
    OH, OW = g.shape
    R = x.shape[0] - OH + 1
    dw = np.zeros((R, R))
    for r, s in np.ndindex(dw.shape):
        dw[r, s] = (g * x[r : r + OH, s : s + OW]).sum()
    return dw


def _pixels_before(g, x):
    dw = np.zeros(weight_gradient(g, x).shape)
    for r, s in np.ndindex(dw.shape):
        dw[r, s] = sum(g[i, j] * x[i - r, j - s] for i, j in np.ndindex(g.shape))
    return dw


def _always_three(g, x):
    dw = np.zeros((3, 3))
    for r, s in np.ndindex(3, 3):
        dw[r, s] = (g * x[r : r + g.shape[0], s : s + g.shape[1]]).sum()
    return dw


of_weights = FunctionExercise(
    id="06.3",
    title="What each weight did",
    answer="weight_gradient",
    groups={"shape": 1, "values": 2, "edge cases": 1},
    reference=weight_gradient,
    cases=weight_cases,
    also_right=(weights_by_places, weights_by_correlation, weights_by_four_loops),
    stand_in=weight_gradient,
    wrong=(
        Wrong(
            "flipped",
            "your numbers are right and stand turned by 180 degrees: the weight in row r, column s met pixel "
            "(i + r, j + s), not (i - r, j - s)",
            lambda g, x: weight_gradient(g, x)[::-1, ::-1],
        ),
        Wrong(
            "transposed",
            "your numbers are right, with rows and columns swapped: r is the row and s the column",
            lambda g, x: weight_gradient(g, x).T,
        ),
        Wrong(
            "no g",
            "you added up the pixels that each weight met, all alike: each must be multiplied by the g of the place where it "
            "was met",
            lambda g, x: weight_gradient(np.ones_like(g), x),
        ),
        Wrong(
            "no x",
            "you added up g alone, which is the gradient of the bias: a weight's share is g times the pixel that it met there",
            lambda g, x: np.full(weight_gradient(g, x).shape, g.sum()),
        ),
        Wrong(
            "mean",
            "you took the mean over the places of the window: the places add up, for the weight had a part in each",
            lambda g, x: weight_gradient(g, x) / g.size,
        ),
        Wrong(
            "sign",
            "the signs are the wrong way round: where g and the pixel are both positive, a larger weight makes the loss larger",
            lambda g, x: -weight_gradient(g, x),
        ),
        Wrong(
            "not added up",
            "each weight keeps its last product instead of adding all of them up",
            _last_product,
        ),
        Wrong(
            "patch of the filter's size",
            "the patch that lies under g must be as large as g: x[r : r + OH, s : s + OW]. You cut out one as large as the "
            "filter",
            _patch_of_weights,
        ),
        Wrong(
            "one short",
            "a row and a column of weights are missing: an image of H rows with OH outputs had a filter of H - OH + 1 rows "
            "(the + 1)",
            lambda g, x: weight_gradient(g, x)[:-1, :-1],
        ),
        Wrong(
            "as large as x",
            "the answer is as large as the image: it has a number for each weight, H - OH + 1 rows and W - OW + 1 columns",
            lambda g, x: np.pad(weight_gradient(g, x), [(0, n - 1) for n in g.shape]),
        ),
        Wrong(
            "as large as g",
            "the answer is as large as g: it has a number for each weight, H - OH + 1 rows and W - OW + 1 columns",
            _size_of_g,
        ),
        Wrong(
            "room as large as g",
            "the array for the answer is as large as g, and too small: it has a number for each weight, H - OH + 1 rows and "
            "W - OW + 1 columns",
            _room_like_g,
        ),
        Wrong(
            "rows for columns",
            "you used the filter's number of rows for its columns, too: S is W - OW + 1",
            _rows_for_columns,
        ),
        Wrong(
            "minus",
            "you went to pixel (i - r, j - s), where a negative number means counting from the other end: forward, the "
            "weight (r, s) lay on pixel (i + r, j + s)",
            _pixels_before,
        ),
        Wrong(
            "always 3 x 3",
            "not every filter is 3 x 3: here it had H - OH + 1 rows and W - OW + 1 columns",
            _always_three,
        ),
        Wrong(
            "returned at once",
            "only the first weight has its number: the `return` stands inside the loops, and ends them at once",
            _first_only,
        ),
        Wrong(
            "whole numbers",
            "you dropped what stands after the decimal point: the result must not be of type int (`np.zeros` without a dtype "
            "is right)",
            lambda g, x: np.trunc(weight_gradient(g, x)).astype(int),
        ),
    ),
    hints=(
        "How many weights are there? An image of H rows gave OH outputs, so the filter had R = H - OH + 1 rows; columns alike.",
        "In the place (i, j) of the window, the weight (r, s) met the pixel x[i + r, j + s]. For a fixed weight, all the pixels "
        "that it met lie in one patch of x, as large as g.",
        "That patch is x[r : r + OH, s : s + OW]: dw[r, s] = (g * x[r : r + OH, s : s + OW]).sum(), for all r and s.",
    ),
    explanation="A weight is used in every place of the window, and in each it meets another pixel. Its gradient adds up all these: g "
    "of the place times the pixel there. Written out, that is a correlation of x with g: corr2d(x, g).",
)


# --- 06.4: the gradient of the input, as a kernel ------------------------------------------------------------


def backward_data(g, w):
    """For each pixel, the g of every output that read it, times the weight through which it was read."""
    R, S = w.shape
    return corr2d(
        np.pad(np.asarray(g, float), [(R - 1, R - 1), (S - 1, S - 1)]), np.asarray(w, float)[::-1, ::-1]
    )


def input_cases(rng):
    yield Case(
        {"g": np.ones((2, 2), np.float32), "w": FOUR.astype(np.float32)}, "values", "the example of the text"
    )
    # The inputs of "values" fill whole work-groups: a kernel without a bounds check gets these points.
    for (H, W), (R, S), group in (
        ((8, 8), (3, 3), "values"),
        ((8, 16), (2, 4), "values"),
        ((12, 10), (3, 2), "edge cases"),
        ((17, 13), (5, 3), "edge cases"),
        ((1, 9), (1, 3), "edge cases"),
        ((6, 6), (6, 6), "edge cases"),
    ):
        g = rng.standard_normal((H - R + 1, W - S + 1)).astype(np.float32)
        w = rng.standard_normal((R, S)).astype(np.float32)
        yield Case({"g": g, "w": w}, group)


def input_launch(g, w):
    (OH, OW), (R, S) = g.shape, w.shape
    H, W = OH + R - 1, OW + S - 1
    groups = ((8, 4), (1, 1), (4, 8)) if max(H, W) > 3 else ((W, H), (1, 1))
    return Launch((In(g), In(w), Out((H, W)), H, W, R, S), (W, H), groups)


HEAD = """__kernel void backward_data(__global const float *g, __global const float *w, __global float *dx,
                            const int H, const int W, const int R, const int S)
{
"""
TAIL = "\n}\n"
PLAIN = (
    HEAD
    + """    int j = get_global_id(0), i = get_global_id(1);
    if (i >= H || j >= W) return;
    int OH = H - R + 1, OW = W - S + 1;
    float sum = 0.0f;
    for (int r = 0; r < R; r++)
        for (int s = 0; s < S; s++) {
            int oi = i - r, oj = j - s;
            if (oi >= 0 && oi < OH && oj >= 0 && oj < OW)
                sum += g[oi * OW + oj] * w[r * S + s];
        }
    dx[i * W + j] = sum;"""
    + TAIL
)
BY_OUTPUTS = (
    HEAD
    + """    const int j = get_global_id(0), i = get_global_id(1);
    if (i < H && j < W) {
        float sum = 0.0f;
        for (int a = max(0, i - R + 1); a <= min(i, H - R); a++)
            for (int b = max(0, j - S + 1); b <= min(j, W - S); b++)
                sum = mad(g[a * (W - S + 1) + b], w[(i - a) * S + j - b], sum);
        dx[i * W + j] = sum;
    }"""
    + TAIL
)
SCATTER = (
    HEAD
    + """    int j = get_global_id(0), i = get_global_id(1);
    int OH = H - R + 1, OW = W - S + 1;
    if (i >= OH || j >= OW) return;
    for (int r = 0; r < R; r++)
        for (int s = 0; s < S; s++)
            dx[(i + r) * W + j + s] += g[i * OW + j] * w[r * S + s];"""
    + TAIL
)


def _changed(old, new, source=PLAIN):
    assert old in source
    return source.replace(old, new)


def _taps(output, weight=lambda r, s, R, S: r * S + s, add=lambda total, product: total + product, lowest=0):
    """What a wrong kernel computes.

    For pixel (i, j) it goes through all (r, s), takes the output `output(i, j, r, s)` where there is one, its
    row and column at least `lowest`, times the weight of number `weight(r, s, R, S)`, and adds by `add`.
    """

    def function(g, w):
        (OH, OW), (R, S) = g.shape, w.shape
        weights = w.astype(float).ravel()
        dx = np.zeros((OH + R - 1, OW + S - 1))
        for i, j in np.ndindex(dx.shape):
            for r, s in np.ndindex(R, S):
                oi, oj = output(i, j, r, s)
                if lowest <= oi < OH and lowest <= oj < OW:
                    dx[i, j] = add(dx[i, j], float(g[oi, oj]) * weights[weight(r, s, R, S)])
        return dx

    return function


def _read_by(i, j, r, s):
    return i - r, j - s


own_kernel = KernelExercise(
    id="06.4",
    title="Gather what comes back",
    answer="backward_data",
    groups={"values": 2, "edge cases": 2},
    reference=backward_data,
    cases=input_cases,
    launch=input_launch,
    stand_in=lambda g, w: cnnkit.conv2d_backward(
        np.asarray(g)[None, None],
        np.zeros((1, 1, g.shape[0] + w.shape[0] - 1, g.shape[1] + w.shape[1] - 1)),
        np.asarray(w)[None, None],
    )[0].get()[0, 0],
    also_right=(
        BY_OUTPUTS,
        _changed(
            "if (oi >= 0 && oi < OH && oj >= 0 && oj < OW)\n", "if (oi < 0 || oi >= OH) continue;\n"
        ).replace(
            "sum += g[oi * OW + oj] * w[r * S + s];",
            "if (oj < 0 || oj >= OW) continue;\n                sum += w[r * S + s] * g[oi * OW + oj];",
        ),
    ),
    wrong=(
        Wrong(
            "scatter",
            "this scatters: each output adds to all the pixels that it read, so several work-items add to the same number at "
            "once, and some of it is lost (and dx holds nothing at the beginning, not even 0). Turn it around: each "
            "work-item is a pixel, and gathers from the outputs g[i - r, j - s] that read it",
            SCATTER,
            symptom="unwritten",
            told="dx[(i + r)",
        ),
        Wrong(
            "added to nothing",
            "nothing is in dx at the beginning, not even 0, and no two work-items may add to the same number: each collects the "
            "sum of its own pixel in a variable of its own, and writes it into dx once, with `=`",
            _changed("] = sum", "] += sum"),
            symptom="unwritten",
            told="before it had written",
        ),
        Wrong(
            "pitch of dx",
            "a row of dx is W numbers long, as in x: pixel (i, j) is dx[i * W + j]. Rows of length OW belong to g",
            _changed("dx[i * W + j]", "dx[i * OW + j]"),
            symptom="unwritten",
            told="dx[i * OW",
        ),
        Wrong(
            "nothing assigned",
            "no line gives dx its numbers: the sum must go to dx[...] in the end, with a single `=` (`==` only compares)",
            _changed("] = sum", "] == sum"),
            symptom="unwritten",
            told="no line assigns to",
        ),
        Wrong(
            "pixels of the outputs",
            "some pixels never get their number: dx is as large as x, H rows and W columns, and each of these pixels has a "
            "work-item. Send away only those with i >= H or j >= W",
            _changed("i >= H || j >= W", "i >= H - R + 1 || j >= W - S + 1"),
            symptom="unwritten",
        ),
        Wrong(
            "no bounds check",
            "work-items write where no pixel of theirs is: send away all with i >= H and all with j >= W (one of the two is "
            "enough, so `||` and not `&&`)",
            _changed("    if (i >= H || j >= W) return;\n", ""),
            symptom="overrun",
        ),
        Wrong(
            "pitch of g",
            "a row of g is OW = W - S + 1 numbers long, not W as in x: output (i - r, j - s) is g[(i - r) * OW + j - s]",
            _changed("g[oi * OW + oj]", "g[oi * W + oj]"),
            symptom="outside read",
            told="* W +",
        ),
        Wrong(
            "no check of the output",
            "you read a g that does not exist. At the borders some outputs are missing: i - r must be at least 0 and less than "
            "OH = H - R + 1, and j - s at least 0 and less than OW = W - S + 1; where one of the four fails, there is nothing to "
            "add. If you ask for all four, look at the index: it is i - r and j - s, and a row of g is OW numbers long, not W",
            _changed("            if (oi >= 0 && oi < OH && oj >= 0 && oj < OW)\n", ""),
            symptom="outside read",
        ),
        Wrong(
            "flipped",
            "you turned the filter by 180 degrees. Output (i - r, j - s) read this pixel through the weight (r, s): it comes "
            "back through the same weight",
            _changed("w[r * S + s]", "w[(R - 1 - r) * S + S - 1 - s]"),
            _taps(_read_by, lambda r, s, R, S: (R - 1 - r) * S + S - 1 - s),
        ),
        Wrong(
            "forward",
            "that is the way forward: you look at the outputs (i + r, j + s). Output (a, b) reads the pixels from (a, b) on to "
            "the right and below, so this pixel was read by those to the left and above: (i - r, j - s)",
            _changed("int oi = i - r, oj = j - s;", "int oi = i + r, oj = j + s;"),
            _taps(lambda i, j, r, s: (i + r, j + s)),
        ),
        Wrong(
            "above 0",
            "row 0 and column 0 of g are left out: i - r and j - s may be 0, so compare with `>= 0`",
            _changed("oi >= 0", "oi > 0").replace("oj >= 0", "oj > 0"),
            _taps(_read_by, lowest=1),
        ),
        Wrong(
            "no weights",
            "you added up the g of all outputs that read the pixel: each comes back through the weight that it was read with, "
            "so multiply it by w[r * S + s]",
            _changed(" * w[r * S + s]", ""),
            lambda g, w: backward_data(g, np.ones_like(w)),
        ),
        Wrong(
            "no g",
            "you added up the weights that read the pixel: each is to be multiplied by the g of the output that it belongs to",
            _changed("g[oi * OW + oj] * ", ""),
            lambda g, w: backward_data(np.ones_like(g), w),
        ),
        Wrong(
            "sign",
            "the signs are the wrong way round: the products are added, not taken away",
            _changed("sum += ", "sum -= "),
            lambda g, w: -backward_data(g, w),
        ),
        Wrong(
            "one product",
            "you keep the last product instead of adding up: sum += ...",
            _changed("sum += ", "sum = "),
            _taps(_read_by, add=lambda total, product: product),
        ),
        Wrong(
            "int",
            "the variable for the sum is an `int`, which drops what stands after the decimal point: make it a `float`",
            _changed("float sum = 0.0f", "int sum = 0"),
            _taps(_read_by, add=lambda total, product: np.trunc(total + product)),
        ),
        Wrong(
            "filter transposed",
            "the filter's rows and columns are swapped: weight (r, s) is w[r * S + s]",
            _changed("w[r * S + s]", "w[s * R + r]"),
            _taps(_read_by, lambda r, s, R, S: s * R + r),
        ),
        Wrong(
            "pitch of w",
            "a row of w is S numbers long, not R: weight (r, s) is w[r * S + s]",
            _changed("w[r * S + s]", "w[r * R + s]"),
            _taps(_read_by, lambda r, s, R, S: r * R + s),
        ),
        Wrong(
            "i and j swapped",
            "your numbers stand in the wrong places, with rows and columns swapped: i is the row and j the column, in "
            "dx[i * W + j]",
            _changed("dx[i * W + j]", "dx[j * H + i]"),
            lambda g, w: backward_data(g, w).T.reshape(backward_data(g, w).shape),
        ),
        Wrong(
            "endless",
            "it does not come to an end: does the counter of each loop grow, and is it the counter that is compared?",
            _changed("r < R; r++", "r < R; r += 0"),
            symptom="timeout",
        ),
        Wrong(
            "writes g",
            "it writes into its inputs, which belong to others: the answer goes to dx, and g and w are only read",
            _changed("__global const float *g", "__global float *g").replace(
                "    dx[i * W + j] = sum;", "    dx[i * W + j] = sum;\n    if (i + j == 0) g[0] = sum + 1;"
            ),
            symptom="input changed",
        ),
        Wrong(
            "does not compile",
            "the compiler does not understand it: read its words below, and look at the line it names",
            _changed("float sum = 0.0f;", "float sum = 0.0f"),
            symptom="build",
        ),
    ),
    hints=(
        "You are the pixel (i, j). Which outputs read you? Output (a, b) reads the pixels from (a, b) to (a + R - 1, b + S - 1), "
        "pixel (a + r, b + s) through the weight (r, s). So for which a and b is a + r = i and b + s = j?",
        "Two loops over r and s, as in the forward pass. Through the weight (r, s), you were read by the output (i - r, j - s), "
        "if there is one: it must lie between 0 and OH - 1, and between 0 and OW - 1.",
        "int oi = i - r, oj = j - s; if (oi >= 0 && oi < OH && oj >= 0 && oj < OW) sum += g[oi * OW + oj] * w[r * S + s]; and "
        "behind the loops, once, dx[i * W + j] = sum;",
    ),
    explanation="Each pixel asks which outputs read it, and through which weight: output (i - r, j - s), through (r, s). It adds up "
    "what comes back and writes one number, its own. No two work-items write to the same place, so nothing can be lost.",
)


# --- 06.5: the way back through a maximum --------------------------------------------------------------------

winner = Prediction(
    id="06.5",
    title="Only the winner",
    answer="my_gradient",
    right=[[0, 0, 0], [0, 4, 0], [0, 0, 0]],
    wrong=(
        Wrong(
            "lost updates",
            "the right pixel, but it wins four windows, and each of them sends it a gradient of 1: they add up. (A program that "
            "writes `=` where `+=` is meant gets this, too)",
            [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
        ),
        Wrong(
            "its value",
            "9 is the value of the maximum. The question is how much the sum of the four outputs grows when that pixel grows by 1",
            [[0, 0, 0], [0, 9, 0], [0, 0, 0]],
        ),
        Wrong(
            "value times windows",
            "each window sends back its gradient, which is 1, and not its maximum",
            [[0, 0, 0], [0, 36, 0], [0, 0, 0]],
        ),
        Wrong(
            "all that were read",
            "you counted how many windows read each pixel. But a pixel that is not the largest of its window changes nothing "
            "when it grows a little",
            [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
        ),
        Wrong(
            "shared out",
            "that is average pooling, where every pixel of a window has a quarter of the say: here the winner takes it all",
            [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]],
        ),
        Wrong(
            "as large as g",
            "the gradient of x has as many numbers as x: a grid of three rows with three numbers each",
            [[1, 1], [1, 1]],
        ),
        Wrong(
            "the outputs",
            "these are the four maxima, the way forward: wanted is how much each of the nine pixels moves their sum",
            [[9, 9], [9, 9]],
        ),
        Wrong(
            "all ones",
            "each of the four windows has only one winner, so most pixels get nothing",
            [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
        ),
        Wrong(
            "everything but the winner",
            "the other way round: the winner gets it, and the others get nothing",
            [[1, 1, 1], [1, 0, 1], [1, 1, 1]],
        ),
    ),
    hints=(
        "There are four windows of 2 x 2. What is the largest number in each?",
        "If the 1 in the corner became 1.01, which of the four maxima would change? And if the 9 became 9.01?",
        "All four maxima are the 9: when it grows by a little, the sum of the four grows four times as much, and no other pixel "
        "matters.",
    ),
    explanation="Each window sends its g to the pixel that was its maximum. The 9 wins all four windows, so it gets 1 + 1 + 1 + 1. The "
    "others could change a little without any output taking notice: their gradient is 0.",
)
