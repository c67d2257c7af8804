"""The exercises of notebook 05."""

import math

import numpy as np

import cnnkit
from cnnkit.exercises.definition import (
    Case,
    FunctionExercise,
    KernelExercise,
    Prediction,
    StateExercise,
    Wrong,
)
from cnnkit.exercises.launch import In, Launch, Out

# --- 05.1: ReLU --------------------------------------------------------------------------------------------


def relu(x):
    """What is positive stays, the rest becomes 0."""
    return np.maximum(0, x)


def relu_by_choice(x):
    """Choose for each number."""
    return np.where(x > 0, x, 0)


def relu_by_product(x):
    """True counts as 1 and False as 0."""
    return x * (x > 0)


def relu_by_copy(x):
    """Change a copy."""
    y = x.copy()
    y[y < 0] = 0
    return y


def relu_one_by_one(x):
    """Python's own max, a number at a time."""
    return np.reshape([max(0.0, value) for value in x.ravel()], x.shape)


def relu_cases(rng):
    small = np.array([[-2.0, 0.0, 1.5], [3.0, -0.5, -4.0]])
    yield Case({"x": small}, "values", "negative, zero and positive numbers")
    yield Case({"x": rng.standard_normal((5, 7))}, "values")
    yield Case({"x": rng.standard_normal((4, 6)) * 1e6}, "values", "large numbers")
    yield Case({"x": -1 - rng.random((3, 4))}, "values", "nothing but negative numbers")
    yield Case({"x": rng.standard_normal(9)}, "any shape", "a single row")
    yield Case({"x": rng.standard_normal((2, 3, 4, 5))}, "any shape", "a batch of volumes")


def _relu_in_place(x):
    x[x < 0] = 0
    return x


def _relu_with_two_loops(x):
    H, W = x.shape
    return np.array([[max(0, x[i, j]) for j in range(W)] for i in range(H)])


rectify = FunctionExercise(
    id="05.1",
    title="What is positive stays",
    answer="relu",
    groups={"values": 1, "any shape": 1},
    reference=relu,
    cases=relu_cases,
    also_right=(relu_by_choice, relu_by_product, relu_by_copy, relu_one_by_one),
    stand_in=lambda x: cnnkit.relu(x).get(),
    wrong=(
        Wrong(
            "size",
            "you took the size of each number (its absolute value): what is negative must become 0, not "
            "positive",
            np.abs,
        ),
        Wrong(
            "python's max",
            "`max(0, x)` and `if x > 0` ask about one number, and x holds many: `np.maximum` and `np.where` "
            "answer for each",
            lambda x: max(0, x),
        ),
        Wrong(
            "np.max along an axis",
            "`np.max` looks for the largest number along an axis: `np.maximum` compares place by place",
            lambda x: np.max(x, 0),
            also=(lambda x: np.max(0, x),),
        ),
        Wrong(
            "the largest",
            "`x.max()` is the largest number of the whole picture: each number must be compared with 0 on "
            "its own",
            lambda x: max(0, x.max()),
        ),
        Wrong(
            "clipped", "you also cut off what is above 1: ReLU has no upper end", lambda x: np.clip(x, 0, 1)
        ),
        Wrong(
            "leaky",
            "you let a little of the negative numbers through: that is the leaky ReLU; here they become "
            "exactly 0",
            lambda x: np.where(x > 0, x, 0.01 * x),
        ),
        Wrong(
            "step",
            "you answer whether each number is positive (1 or 0): a positive number must keep its value",
            lambda x: np.where(x > 0, 1, 0),
        ),
        Wrong(
            "wrong half",
            "you kept what is negative: `np.minimum` takes the smaller of two, here the larger is wanted",
            lambda x: np.minimum(0, x),
        ),
        Wrong(
            "flipped sign",
            "you turned the signs around: what was positive has become 0",
            lambda x: np.maximum(0, -x),
        ),
        Wrong(
            "cut out",
            "you threw the other numbers away: they must stay in their places, as zeros",
            lambda x: x[x > 0],
        ),
        Wrong(
            "shifted",
            "you moved all numbers up until the smallest is 0: positive ones must stay as they are",
            lambda x: x - x.min(),
        ),
        Wrong(
            "whole numbers",
            "you dropped what stands after the decimal point: leave positive numbers as they are",
            lambda x: np.maximum(0, x).astype(int),
        ),
        Wrong(
            "in place",
            "your numbers are right, but you wrote them into x itself, which others still need: work on "
            "`x.copy()`",
            _relu_in_place,
        ),
        Wrong(
            "two loops",
            "it works for two dimensions only: ReLU looks at each number on its own, so any shape must do",
            _relu_with_two_loops,
        ),
    ),
    hints=(
        "Each number is treated on its own, wherever it stands. What becomes of 3? Of 0? Of -2?",
        "One function of NumPy compares a whole array with a number and keeps the larger one in every place.",
        "np.maximum(0, x) does all of it; so does np.where(x > 0, x, 0).",
    ),
    explanation="np.maximum compares every number with 0 and keeps the larger one. No number looks at its "
    "neighbors, so the same line works for a row, a picture and a batch of volumes.",
)


# --- 05.2: max pooling -------------------------------------------------------------------------------------


def max_pool2x2(x):
    """Give each block two axes of its own, and take the largest along them."""
    H, W = x.shape
    return x.reshape(H // 2, 2, W // 2, 2).max(axis=(1, 3))


def max_pool_of_corners(x):
    """The four corners of all blocks are four pictures."""
    rows = np.maximum(x[::2], x[1::2])
    return np.maximum(rows[:, ::2], rows[:, 1::2])


def max_pool_by_loops(x):
    """Block by block."""
    y = np.zeros((x.shape[0] // 2, x.shape[1] // 2))
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max()
    return y


def max_pool_by_windows(x):
    """Every second window of every second row of windows."""
    return np.lib.stride_tricks.sliding_window_view(x, (2, 2))[::2, ::2].max(axis=(2, 3))


POOL_EXAMPLE = np.array([[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 8.0, 6.0]])


def pool_cases(rng):
    yield Case({"x": POOL_EXAMPLE}, "values", "the example of the text")
    for H, W in ((6, 8), (8, 4)):
        x = rng.standard_normal((H, W)) * 3
        yield Case({"x": x}, "shape", only_shape=True)
        yield Case({"x": x}, "values")
    yield Case({"x": -1 - rng.random((6, 6))}, "edge cases", "nothing but negative numbers")
    yield Case({"x": rng.standard_normal((2, 2))}, "edge cases", "a single block")
    yield Case({"x": rng.standard_normal((2, 10))}, "edge cases", "a flat picture")
    yield Case({"x": rng.standard_normal((12, 2))}, "edge cases", "a narrow picture")


def _every_window(x):
    return np.lib.stride_tricks.sliding_window_view(x, (2, 2)).max(axis=(2, 3))


def _blocks_cut_wrongly(x):
    H, W = x.shape
    return x.reshape(H // 2, W // 2, 2, 2).max(axis=(2, 3))


def _blocks(x):
    H, W = x.shape
    return x.reshape(H // 2, 2, W // 2, 2)


def _block_without_step(x):
    return _every_window(x)[: x.shape[0] // 2, : x.shape[1] // 2]


def _placed_by_the_pixel(x):
    y = np.zeros((x.shape[0] // 2, x.shape[1] // 2))
    for i in range(0, x.shape[0], 2):
        for j in range(0, x.shape[1], 2):
            y[i, j] = x[i : i + 2, j : j + 2].max()
    return y


def _two_numbers_of_a_block(x):
    y = np.zeros((x.shape[0] // 2, x.shape[1] // 2))
    for i, j in np.ndindex(y.shape):
        y[i, j] = x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max(axis=0)
    return y


pool = FunctionExercise(
    id="05.2",
    title="The largest of four",
    answer="max_pool2x2",
    groups={"shape": 1, "values": 2, "edge cases": 1},
    reference=max_pool2x2,
    cases=pool_cases,
    also_right=(max_pool_of_corners, max_pool_by_loops, max_pool_by_windows),
    stand_in=lambda x: cnnkit.max_pool2d(np.asarray(x)[None, None], 2).get()[0, 0],
    wrong=(
        Wrong(
            "corner",
            "you took the upper left number of each block, whether it is the largest or not",
            lambda x: x[::2, ::2],
        ),
        Wrong(
            "mean",
            "you took the mean of each block: that is average pooling",
            lambda x: _blocks(x).mean(axis=(1, 3)),
        ),
        Wrong(
            "smallest",
            "you took the smallest number of each block: min instead of max",
            lambda x: _blocks(x).min(axis=(1, 3)),
        ),
        Wrong(
            "sum",
            "you added up the four numbers of each block: only the largest is kept",
            lambda x: _blocks(x).sum(axis=(1, 3)),
        ),
        Wrong(
            "every window",
            "your windows overlap: they must move by 2, so that each pixel belongs to one block only",
            _every_window,
        ),
        Wrong(
            "no step of two",
            "your blocks begin in row i and column j: block (i, j) begins in row 2 * i and column 2 * j",
            _block_without_step,
        ),
        Wrong(
            "placed by the pixel",
            "your i and j are places of x, and y has half as many rows and columns: where i steps through x by 2, its "
            "place in y is i // 2, and that of j is j // 2",
            _placed_by_the_pixel,
        ),
        Wrong(
            "several numbers",
            "what you write into one place of the result is several numbers: `.max(axis=0)` gives one for each "
            "column, `.max()` without an axis one for the whole block",
            _two_numbers_of_a_block,
        ),
        Wrong(
            "python's max",
            "Python's `max` and `if` ask about one number, and a block holds several: `.max()` of the block finds the "
            "largest of them all",
            lambda x: np.array(
                [[max(x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]) for j in (0, 1)] for i in (0, 1)]
            ),
        ),
        Wrong(
            "of each column",
            "you took the largest number of each column of the whole picture: each 2 x 2 block has a largest "
            "number of its own",
            lambda x: x.max(axis=0),
        ),
        Wrong(
            "starts at zero",
            "you start each block's largest number at 0: in a block of negative numbers, 0 is not one of "
            "them",
            lambda x: np.maximum(0, max_pool2x2(x)),
        ),
        Wrong(
            "transposed",
            "rows and columns of your result are swapped: block (i, j) belongs in row i, column j",
            lambda x: max_pool2x2(x).T,
        ),
        Wrong(
            "along the rows",
            "you compared neighbors in a row only: a block has two rows, too",
            lambda x: np.maximum(x[:, ::2], x[:, 1::2]),
        ),
        Wrong(
            "along the columns",
            "you compared neighbors in a column only: a block has two columns, too",
            lambda x: np.maximum(x[::2], x[1::2]),
        ),
        Wrong(
            "two of four",
            "you compare two of the block's four numbers, those on its diagonal: all four count",
            lambda x: np.maximum(x[::2, ::2], x[1::2, 1::2]),
        ),
        Wrong(
            "upper row",
            "you compare two of the block's four numbers, those of its upper row: all four count",
            lambda x: np.maximum(x[::2, ::2], x[::2, 1::2]),
        ),
        Wrong(
            "left column",
            "you compare two of the block's four numbers, those of its left column: all four count",
            lambda x: np.maximum(x[::2, ::2], x[1::2, ::2]),
        ),
        Wrong(
            "cut wrongly",
            "your `reshape` puts four numbers that follow each other in memory into a block: reshape to "
            "(H // 2, 2, W // 2, 2), and take the largest along axes 1 and 3",
            _blocks_cut_wrongly,
        ),
        Wrong(
            "wrong axes",
            "you took the largest along the wrong axes: with (H // 2, 2, W // 2, 2), a block's own axes are "
            "1 and 3",
            lambda x: _blocks(x).max(axis=(0, 2)),
        ),
        Wrong(
            "one number",
            "you took the largest number of the whole picture: each 2 x 2 block has a largest number of its "
            "own",
            np.max,
        ),
        Wrong(
            "same size",
            "you wrote the largest number of each block into all four of its places: the result must be "
            "half as high and half as wide",
            lambda x: max_pool2x2(x).repeat(2, axis=0).repeat(2, axis=1),
        ),
    ),
    hints=(
        "Block (i, j) begins in row 2i and column 2j. How many blocks are there from top to bottom?",
        "With loops: make a result of (H // 2, W // 2), cut the block x[2 * i : 2 * i + 2, 2 * j : 2 * j + "
        "2] out for each of its places, and take its .max().",
        "Without loops: x.reshape(H // 2, 2, W // 2, 2) gives each block two axes of its own, number 1 and "
        "number 3; .max(axis=(1, 3)) takes the largest along both.",
    ),
    explanation="The reshape copies nothing: it reads row 2i + r as (i, r) and column 2j + s as (j, s). The "
    "largest over r and s is the largest of the block. Two loops over i and j do the same and are as right.",
)


# --- 05.3: how many weights --------------------------------------------------------------------------------

INPUTS, OUTPUTS = 32 * 32 * 3, 32 * 32 * 12

dense = Prediction(
    id="05.3",
    title="The same with a dense layer",
    answer="dense_weights",
    right=INPUTS * OUTPUTS,
    tolerance=0,
    wrong=(
        Wrong(
            "with biases",
            "that includes a bias for every output number: leave the biases out",
            (INPUTS + 1) * OUTPUTS,
        ),
        Wrong(
            "twelve outputs",
            "there are 32·32·12 output numbers, not 12: each place of each feature map is one",
            INPUTS * 12,
        ),
        Wrong(
            "the convolution's",
            "that is the convolution, which uses the same 12 filters in every place: a dense layer shares "
            "nothing",
            336,
        ),
        Wrong(
            "the convolution's weights",
            "these are the convolution's weights without its biases: a dense layer uses none of its weights "
            "twice",
            324,
        ),
        Wrong(
            "outputs",
            "that is how many output numbers there are: each of them has a weight for every input number",
            OUTPUTS,
        ),
        Wrong(
            "inputs",
            "that is how many input numbers there are, the weights of a single output number",
            INPUTS,
        ),
        Wrong(
            "added",
            "you added the numbers of inputs and outputs: every input meets every output, so multiply",
            INPUTS + OUTPUTS,
        ),
        Wrong(
            "no channels",
            "you forgot the depth of the picture: it has 32·32·3 numbers",
            32 * 32 * OUTPUTS,
        ),
        Wrong(
            "one feature map",
            "that is enough for a single feature map: the volume has 12 of them",
            INPUTS * 32 * 32,
        ),
        Wrong(
            "pooled",
            "that leads to the pooled volume, 16 x 16 x 12: the question is about the one before pooling, "
            "32 x 32 x 12",
            INPUTS * 16 * 16 * 12,
        ),
        Wrong(
            "times filters",
            "you gave each output number the 27 weights of a 3 x 3 filter: in a dense layer it sees the "
            "whole picture",
            27 * OUTPUTS,
        ),
    ),
    hints=(
        "How many numbers go in? How many come out? The input is a volume, and so is the output.",
        "32·32·3 = 3072 numbers go in and 32·32·12 = 12 288 come out. Each output number has a weight for "
        "each input number.",
        "Multiply: (32 * 32 * 3) * (32 * 32 * 12). Python may do it for you.",
    ),
    explanation="3072 · 12 288 = 37 748 736 weights, where the convolution has 336 parameters in all: more "
    "than a hundred thousand times as many. That is what sharing the same filters everywhere saves.",
)


# --- 05.4: softmax -----------------------------------------------------------------------------------------


def softmax(scores):
    """The largest score is taken off first; then no exponential is above 1."""
    powers = np.exp(scores - np.max(scores))
    return powers / powers.sum()


def softmax_by_logarithm(scores):
    """exp of the log-softmax."""
    return np.exp(scores - np.logaddexp.reduce(scores))


def softmax_as_lists(scores):
    """Plain Python."""
    largest = max(scores)
    powers = [math.exp(score - largest) for score in scores]
    return [power / sum(powers) for power in powers]


def softmax_cases(rng):
    yield Case({"scores": np.array([1.0, 2.0, 3.0])}, "values", "the example of the text")
    for classes in (2, 4, 10):
        scores = rng.permutation(classes) - 1.5 + rng.random(classes)
        yield Case({"scores": scores}, "values")
    yield Case({"scores": np.zeros(10)}, "values", "ten equal scores")
    large = "large scores"
    yield Case({"scores": np.array([1001.0, 1002.0, 1003.0])}, large, "the large scores of the text")
    yield Case({"scores": np.array([-1001.0, -1003.0, -1002.0])}, large, "scores far below zero")
    yield Case({"scores": rng.permutation([0.0, 1.0, 3000.0])}, large, "one score far above the others")
    yield Case({"scores": rng.standard_normal(6) + 5000}, large)
    # Neither the first nor the last, the smallest or the mean may be taken off.
    yield Case({"scores": np.array([-900.0, 1.0, 900.0, -900.0])}, large, "scores from -900 to 900")


def _quietly(function):
    """What overflows in a wrong answer of ours must not warn in the learner's notebook."""

    def quiet(*arguments):
        with np.errstate(all="ignore"):
            return function(*arguments)

    return quiet


def _powers(scores):
    return np.exp(scores) / np.exp(scores).sum()


def _without_mean(scores):
    return _powers(scores - scores.mean())


def _without_first(scores):
    return _powers(scores - scores[0])


def _without_smallest(scores):
    return _powers(scores - scores.min())


def _sum_of_others(scores):
    """The largest score taken off above the line, and not below it."""
    return np.exp(scores - scores.max()) / np.exp(scores).sum()


def _divided_by_largest(scores):
    return _powers(scores / scores.max())


def _base_two(scores):
    powers = 2.0 ** (scores - scores.max())
    return powers / powers.sum()


probabilities = FunctionExercise(
    id="05.4",
    title="Scores into probabilities",
    answer="softmax",
    groups={"values": 2, "large scores": 1},
    reference=softmax,
    cases=softmax_cases,
    also_right=(softmax_by_logarithm, softmax_as_lists),
    stand_in=lambda scores: cnnkit.softmax(np.asarray(scores)[None]).get()[0],
    wrong=(
        Wrong(
            "overflow",
            "the formula is right, but e to the power of 1000 is too large for any number of the computer: "
            "take the largest score off all scores first",
            _quietly(_powers),
        ),
        Wrong(
            "not divided",
            "you computed the exponentials and did not divide by their sum: probabilities add up to 1",
            _quietly(np.exp),
        ),
        Wrong(
            "divided by the largest",
            "the largest of your numbers is always 1, so they do not add up to 1: with the largest score taken off, "
            "the exponentials must still be divided by the sum of all of them",
            _quietly(lambda scores: np.exp(scores - scores.max())),
        ),
        Wrong(
            "without exp",
            "you divided the scores themselves by their sum: their exponentials come first, or a negative "
            "score makes a negative probability",
            _quietly(lambda scores: scores / scores.sum()),
        ),
        Wrong(
            "sigmoid",
            "that is the sigmoid of each score on its own: with softmax, the scores share one sum",
            _quietly(lambda scores: 1 / (1 + np.exp(-scores))),
        ),
        Wrong(
            "logarithm",
            "these are the logarithms of the probabilities: leave the last logarithm out",
            lambda scores: scores - np.logaddexp.reduce(scores),
        ),
        Wrong(
            "flipped sign",
            "you turned the scores' signs around: the largest score must get the largest probability",
            lambda scores: softmax(-scores),
        ),
        Wrong(
            "base two",
            "you raised 2 to the power of the scores: softmax takes e, that is `np.exp`",
            _base_two,
        ),
        Wrong(
            "the winner alone",
            "you gave everything to the largest score: the others get their share, too",
            lambda scores: np.eye(len(scores))[scores.argmax()],
        ),
        Wrong(
            "mean",
            "you divided by the mean of the exponentials, not by their sum: now they add up to the number "
            "of classes",
            lambda scores: softmax(scores) * len(scores),
        ),
        Wrong(
            "largest taken off above",
            "you took the largest score off above the fraction line and not below it: the sum must be that of the same "
            "exponentials",
            _quietly(_sum_of_others),
        ),
        Wrong(
            "scaled",
            "you divided the scores by the largest of them: that changes the differences between them. Take it off: "
            "`scores - scores.max()`",
            _quietly(_divided_by_largest),
        ),
        Wrong(
            "another number taken off",
            "what you take off is not the largest score: the largest can still be too large for exp. Take the "
            "largest off",
            _quietly(_without_mean),
            also=(_quietly(_without_smallest), _quietly(_without_first)),
        ),
    ),
    hints=(
        "First the exponentials of all scores, `np.exp(scores)`, then each divided by the sum of all. That "
        "is right for small scores. And for 1001?",
        "Only the differences between scores count: take the same number off all of them, and nothing "
        "changes. Take off what makes the largest score 0.",
        "powers = np.exp(scores - np.max(scores)), and the answer is powers / powers.sum().",
    ),
    explanation="A number taken off all scores is a factor in every exponential, and it cancels when they "
    "are divided by their sum. With the largest score taken off, the largest exponential is 1 and none can "
    "overflow.",
)


# --- 05.5: max pooling as a kernel -------------------------------------------------------------------------


def kernel_cases(rng):
    yield Case({"x": POOL_EXAMPLE.astype(np.float32)}, "values", "the example of the text")
    # The results of "values" fill whole work-groups: a kernel without a bounds check gets these points.
    for H, W in ((16, 16), (16, 32), (32, 16)):
        yield Case({"x": rng.standard_normal((H, W)).astype(np.float32) * 3}, "values")
    yield Case({"x": rng.standard_normal((12, 10)).astype(np.float32) * 3}, "edge cases")
    negative = (-1 - rng.random((10, 12))).astype(np.float32)
    yield Case({"x": negative}, "edge cases", "nothing but negative numbers")
    for H, W, words in (
        (2, 2, "a single block"),
        (2, 18, "a flat picture"),
        (34, 2, "a narrow picture"),
    ):
        yield Case({"x": rng.standard_normal((H, W)).astype(np.float32)}, "edge cases", words)


def kernel_launch(x):
    H, W = x.shape
    groups = ((8, 4), (4, 8), (1, 1)) if max(H, W) > 4 else ((2, 1), (1, 1))
    return Launch((In(x), Out((H // 2, W // 2)), H, W), (W // 2, H // 2), groups)


HEAD = """__kernel void max_pool(__global const float *x, __global float *y, const int H, const int W)
{
"""
TAIL = "\n}\n"
PLAIN = (
    HEAD
    + """    int j = get_global_id(0), i = get_global_id(1);
    if (i >= H / 2 || j >= W / 2) return;
    float best = x[2 * i * W + 2 * j];
    best = fmax(best, x[2 * i * W + 2 * j + 1]);
    best = fmax(best, x[(2 * i + 1) * W + 2 * j]);
    best = fmax(best, x[(2 * i + 1) * W + 2 * j + 1]);
    y[i * (W / 2) + j] = best;"""
    + TAIL
)
LOOPS = (
    HEAD
    + """    const int j = get_global_id(0), i = get_global_id(1);
    if (i < H / 2 && j < W / 2) {
        float best = -INFINITY;
        for (int r = 0; r < 2; r++)
            for (int s = 0; s < 2; s++) {
                float value = x[(2 * i + r) * W + 2 * j + s];
                if (value > best) best = value;
            }
        y[i * (W / 2) + j] = best;
    }"""
    + TAIL
)
VECTORS = (
    HEAD
    + """    const int j = get_global_id(0), i = get_global_id(1), width = W / 2;
    if (2 * i >= H || 2 * j >= W) return;
    float2 above = vload2(j, x + 2 * i * W), below = vload2(j, x + (2 * i + 1) * W);
    float2 both = max(above, below);
    y[i * width + j] = both.x > both.y ? both.x : both.y;"""
    + TAIL
)


def _changed(source, *changes):
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    return source


def _wrong_pitch(x):
    """Rows of the picture taken to be as long as those of the result."""
    H, W = x.shape[0] // 2, x.shape[1] // 2
    flat = x.ravel()
    corners = [(r, s) for r in (0, 1) for s in (0, 1)]
    return [[max(flat[(2 * i + r) * W + 2 * j + s] for r, s in corners) for j in range(W)] for i in range(H)]


def _of_indices(index):
    """What a wrong kernel computes: for number (i, j) the largest x[index(i, j, r, c, W)] of four."""

    def function(x):
        flat, (H, W) = x.ravel(), x.shape
        corners = [(r, c) for r in (0, 1) for c in (0, 1)]
        return [
            [max(flat[index(i, j, r, c, W)] for r, c in corners) for j in range(W // 2)]
            for i in range(H // 2)
        ]

    return function


own_kernel = KernelExercise(
    id="05.5",
    title="One work-item for each block",
    answer="max_pool",
    groups={"values": 2, "edge cases": 2},
    reference=max_pool2x2,
    cases=kernel_cases,
    launch=kernel_launch,
    stand_in=pool.stand_in,
    also_right=(PLAIN, LOOPS, VECTORS),
    wrong=(
        Wrong(
            "pitch of y",
            "a row of y is W / 2 numbers long, not W as in x: number (i, j) is y[i * (W / 2) + j]",
            _changed(PLAIN, ("y[i * (W / 2) + j]", "y[i * W + j]")),
            symptom="overrun",
            told="y[i * W + j]",
        ),
        Wrong(
            "no bounds check",
            "work-items write where no number of theirs is. Is there a check that sends away all with i >= H / 2, "
            "and all with j >= W / 2 (one of the two is enough, so `||` and not `&&`)? And does the answer for "
            "(i, j) go to y[i * (W / 2) + j]?",
            _changed(PLAIN, ("    if (i >= H / 2 || j >= W / 2) return;\n", "")),
            symptom="overrun",
        ),
        Wrong(
            "starts at zero",
            "you start the largest number at 0: in a block of negative numbers, 0 is not one of them. Start "
            "with the block's first number",
            _changed(LOOPS, ("best = -INFINITY", "best = 0.0f")),
            lambda x: np.maximum(0, max_pool2x2(x)),
        ),
        Wrong(
            "two of four",
            "you compare two of the block's four numbers, those of its upper row: all four count",
            _changed(LOOPS, ("r < 2", "r < 1")),
            lambda x: np.maximum(x[::2, ::2], x[::2, 1::2]),
        ),
        Wrong(
            "two of four, down",
            "you compare two of the block's four numbers, those of its left column: all four count",
            _changed(LOOPS, ("s < 2", "s < 1")),
            lambda x: np.maximum(x[::2, ::2], x[1::2, ::2]),
        ),
        Wrong(
            "three of four",
            "you compare three of the block's four numbers, all but the lower right one: all four count",
            _changed(PLAIN, ("    best = fmax(best, x[(2 * i + 1) * W + 2 * j + 1]);\n", "")),
            lambda x: np.maximum(np.maximum(x[::2, ::2], x[::2, 1::2]), x[1::2, ::2]),
        ),
        Wrong(
            "corner",
            "you copy the upper left number of each block, whether it is the largest or not",
            _changed(LOOPS, ("r < 2", "r < 1"), ("s < 2", "s < 1")),
            lambda x: x[::2, ::2],
        ),
        Wrong(
            "wrong pitch",
            "a row of x is W numbers long: the block begins at x[2 * i * W + 2 * j], and its lower row W numbers "
            "later",
            _changed(LOOPS, ("x[(2 * i + r) * W +", "x[(2 * i + r) * (W / 2) +")),
            _wrong_pitch,
        ),
        Wrong(
            "H for W",
            "H is how many rows x has, and W how long they are: row r, column c of x is x[r * W + c]",
            _changed(LOOPS, ("x[(2 * i + r) * W +", "x[(2 * i + r) * H +")),
            lambda x: _of_indices(lambda i, j, r, c, W: (2 * i + r) * len(x) + 2 * j + c)(x),
        ),
        Wrong(
            "no parentheses",
            "the number's row is 2 * i + r, and all of it must be multiplied by W: (2 * i + r) * W, with the parentheses",
            _changed(LOOPS, ("x[(2 * i + r) * W", "x[2 * i + r * W")),
            _of_indices(lambda i, j, r, c, W: 2 * i + r * W + 2 * j + c),
        ),
        Wrong(
            "no parentheses below",
            "the block's lower row is 2 * i + 1, and all of it must be multiplied by W: (2 * i + 1) * W, with the "
            "parentheses",
            _changed(PLAIN, ("(2 * i + 1) * W", "2 * i + 1 * W")),
            _of_indices(lambda i, j, r, c, W: (2 * i + W if r else 2 * i * W) + 2 * j + c),
        ),
        Wrong(
            "overlapping",
            "the block of work-item (i, j) begins in row 2i and column 2j, not in row i and column j",
            _changed(LOOPS, ("x[(2 * i + r) * W + 2 * j + s]", "x[(i + r) * W + j + s]")),
            lambda x: _every_window(x)[: x.shape[0] // 2, : x.shape[1] // 2],
        ),
        Wrong(
            "sum",
            "you add the four numbers up: only the largest is kept",
            _changed(PLAIN, ("best = fmax(best, ", "best = (best + ")),
            lambda x: _blocks(x).sum(axis=(1, 3)),
        ),
        Wrong(
            "mean",
            "you take the mean of the four numbers: that is average pooling",
            _changed(PLAIN, ("best = fmax(best, ", "best = (best + "), ("+ j] = best", "+ j] = best / 4.0f")),
            lambda x: _blocks(x).mean(axis=(1, 3)),
        ),
        Wrong(
            "smallest",
            "you keep the smallest of the four numbers: turn the comparison around",
            _changed(PLAIN, ("fmax", "fmin")),
            lambda x: _blocks(x).min(axis=(1, 3)),
        ),
        Wrong(
            "int",
            "the variable for the largest number is an `int`, which drops what stands after the decimal "
            "point: make it a `float`",
            _changed(
                PLAIN,
                ("float best", "int best"),
                ("= fmax(best, ", "= max(best, (int) "),
            ),
            lambda x: np.trunc(max_pool2x2(x)),
        ),
        Wrong(
            "comma",
            "the comma in x[row, column] is Python: C throws its left side away, and x[column] is left. Row r, column "
            "c is x[r * W + c]",
            _changed(LOOPS, ("x[(2 * i + r) * W + 2 * j + s]", "x[2 * i + r, 2 * j + s]")),
            lambda x: np.broadcast_to(np.maximum(x[0, ::2], x[0, 1::2]), (x.shape[0] // 2, x.shape[1] // 2)),
        ),
        Wrong(
            "i and j swapped",
            "your numbers stand in the wrong places of y, with rows and columns swapped: number (i, j) is "
            "y[i * (W / 2) + j]",
            _changed(PLAIN, ("y[i * (W / 2) + j]", "y[j * (H / 2) + i]")),
            lambda x: np.reshape(max_pool2x2(x).T, (x.shape[0] // 2, x.shape[1] // 2)),
        ),
        Wrong(
            "nothing assigned",
            "no line gives y its numbers: the largest must go to y[...] in the end, with a single `=` (`==` only "
            "compares)",
            _changed(PLAIN, ("] = best", "] == best")),
            symptom="unwritten",
            told="no line assigns to",
        ),
        Wrong(
            "read before",
            "nothing is in y at the beginning, not even 0: keep the largest number in a variable of your own, and "
            "write it into y once, with `=`",
            _changed(PLAIN, ("] = best", "] += best")),
            symptom="unwritten",
            told="before it had written",
        ),
        Wrong(
            "comma in y",
            "the comma in y[i, j] is Python: C throws its left side away, and y[j] is left. Number (i, j) is "
            "y[i * (W / 2) + j]",
            _changed(PLAIN, ("y[i * (W / 2) + j]", "y[i, j]")),
            symptom="unwritten",
            told="y[i, j] =",
        ),
        Wrong(
            "not everywhere",
            "some places of y never get their number. Rows run from 0 to H / 2 - 1 and columns from 0 to "
            "W / 2 - 1: does each of these work-items come to the line that writes, with i = get_global_id(1) and "
            "j = get_global_id(0), and write y[i * (W / 2) + j]?",
            _changed(PLAIN, ("get_global_id(0)", "get_local_id(0)"), ("get_global_id(1)", "get_local_id(1)")),
            symptom="unwritten",
        ),
        Wrong(
            "writes the picture",
            "it writes into x, which belongs to others: the answer goes to y, and x is only read",
            _changed(
                PLAIN,
                ("__global const float *x", "__global float *x"),
                ("+ j] = best;", "+ j] = best;\n    x[2 * i * W + 2 * j] = best;"),
            ),
            symptom="input changed",
        ),
        Wrong(
            "never set",
            "the largest number so far never got a first number to compare with: begin with the block's upper left one, "
            "`float best = x[2 * i * W + 2 * j];`",
            _changed(LOOPS, ("float best = -INFINITY", "float best")),
            symptom="unset",
        ),
        Wrong(
            "endless",
            "it does not come to an end: does the counter of each loop grow, and is it the counter that is "
            "compared?",
            _changed(LOOPS, ("r < 2; r++", "r < 2; r += 0")),
            symptom="timeout",
        ),
        Wrong(
            "does not compile",
            "the compiler does not understand it: read its words below, and look at the line it names",
            _changed(PLAIN, ("+ j] = best;", "+ j] = best")),
            symptom="build",
        ),
    ),
    hints=(
        "Each work-item is one number of the result: i = get_global_id(1) is its row, j = get_global_id(0) "
        "its column. Which four numbers of x does it need?",
        "Leave at once when i >= H / 2 or j >= W / 2. Begin with the block's upper left number, and compare "
        "it with the other three: best = fmax(best, ...).",
        "The block's numbers are x[2 * i * W + 2 * j], the one after it (+ 1), and the two a row below: "
        "x[(2 * i + 1) * W + 2 * j] and the one after it. The answer goes to y[i * (W / 2) + j].",
    ),
    explanation="The work-items divide the result among them, so each writes one number and reads four. Row "
    "i of the result is W / 2 numbers long, row 2i of the picture W: mixing up the two is the most common "
    "mistake.",
)


# --- 05.6: what a pooled pixel sees ------------------------------------------------------------------------


def _numbers(value, dimensions):
    """`value` as an array of `dimensions`, or None: a state may hold anything."""
    try:
        array = np.array(value, dtype=float)
    except (TypeError, ValueError):
        return None
    return array if array.ndim == dimensions and array.size else None


def _sees(weights):
    """Which pixels of the photo can change a pooled pixel: the filter in the four places of its block."""
    R, S = weights.shape
    seen = np.zeros((R + 1, S + 1), bool)
    for r in (0, 1):
        for s in (0, 1):
            seen[r : r + R, s : s + S] |= weights != 0
    return seen


def eight_by_eight(state):
    """ "" when the marked pooled pixel depends on 8 x 8 pixels of the photo."""
    weights, focus, photo = (
        _numbers(state.get(name), dimensions)
        for name, dimensions in (("weights", 2), ("focus", 1), ("image_shape", 1))
    )
    if weights is None or focus is None or photo is None or focus.size != 3 or photo.size != 2:
        return "this is another explorer: use the PipelineExplorer of the cell above"
    seen = _sees(weights)
    if not seen.any():
        return "all weights are 0, so no pixel of the photo can change anything"
    if seen.shape != (8, 8):
        return (
            f"a pooled pixel depends on {seen.shape[0]} x {seen.shape[1]} pixels here, and it should be 8 x 8"
        )
    if not seen.all():
        return f"only {int(seen.sum())} of the 8 x 8 pixels can change it: the others meet weights of 0 only"
    stage, row, column = focus
    if stage != 3:
        return "the marked pixel is not a pooled one: point at the last picture"
    reach = weights.shape[0] // 2
    places = zip((row, column), photo, strict=True)
    if not all(reach <= 2 * at and 2 * at + 1 + reach < size for at, size in places):
        return "the marked pixel lies so near the border that its window hangs over it: point farther inside"
    return ""


def _state(weights, focus=(3, 41, 88), **more):
    weights = np.asarray(weights, dtype=float)
    return {
        **{"image_shape": [300, 300], "pooled_shape": [150, 150], "pooling": "max", "focus": list(focus)},
        **{"weights": weights.tolist(), "size": len(weights)},
        **more,
    }


def _edges(size):
    weights = np.full((size, size), -1.0)
    weights[size // 2, size // 2] = size**2 - 1
    return weights


def _ours(state):
    """Is it the state of a PipelineExplorer, in which a pixel is marked?"""
    focus = _numbers(state.get("focus"), 1)
    return focus is not None and focus.size == 3


def _size(state):
    weights = _numbers(state.get("weights"), 2)
    return 0 if weights is None or not weights.any() else len(weights)


see = StateExercise(
    id="05.6",
    title="What a pooled pixel sees",
    answer="my_pipeline",
    goal=eight_by_eight,
    reached=_state(_edges(7)),
    also_right=(
        _state(np.full((7, 7), 1 / 49), preset="blur"),
        _state(_edges(7), (3, 70, 12), pooling="average"),
        _state(np.outer([1, 6, 15, 20, 15, 6, 1], [-1, -4, -5, 0, 5, 4, 1]), preset="Sobel x"),
    ),
    wrong=(
        Wrong(
            "3 x 3",
            "with a 3 x 3 filter, four windows of 3 x 3 that overlap cover 4 x 4 pixels: take a larger "
            "filter",
            _state(_edges(3)),
            lambda s: _ours(s) and _size(s) == 3,
        ),
        Wrong(
            "5 x 5",
            "with a 5 x 5 filter it is 6 x 6: one step larger",
            _state(_edges(5)),
            lambda s: _ours(s) and _size(s) == 5,
        ),
        Wrong(
            "zeros around",
            "the filter is large enough, but too many of its weights are 0, and what is multiplied by 0 "
            "changes nothing: choose another filter of this size",
            _state(np.pad(_edges(3), 2), preset="custom"),
            lambda s: _ours(s) and _size(s) == 7 and not _sees(_numbers(s["weights"], 2)).all(),
        ),
        Wrong(
            "all zero",
            "with nothing but zeros in the filter, every pooled pixel is 0, whatever the photo shows",
            _state(np.zeros((7, 7)), preset="all zero"),
            lambda s: _ours(s) and _numbers(s.get("weights"), 2) is not None and _size(s) == 0,
        ),
        Wrong(
            "another stage",
            "the filter is right; now point at a pixel of the last picture: one of stage 2 or 3 sees 7 x 7",
            _state(_edges(7), (2, 82, 176)),
            lambda s: _ours(s) and _size(s) == 7 and s["focus"][0] in (1, 2),
        ),
        Wrong(
            "the photo",
            "the filter is right; now point at a pixel of the last picture: one of the photo sees only "
            "itself",
            _state(_edges(7), (0, 82, 176)),
            lambda s: _ours(s) and _size(s) == 7 and s["focus"][0] == 0,
        ),
        Wrong(
            "at the border",
            "at the border a part of the window lies outside the photo: point at a pixel farther inside",
            _state(_edges(7), (3, 0, 88)),
            lambda s: _ours(s) and _size(s) == 7 and s["focus"][0] == 3,
        ),
    ),
    hints=(
        "The explorer writes below its pictures how many pixels the marked one saw. Which control changes "
        "that?",
        "A pooled pixel comes from 2 x 2 filtered ones, and each of those from a window as large as the "
        "filter. The four windows overlap, all but one row or column.",
        "A filter of k x k shows a pooled pixel (k + 1) x (k + 1) pixels. Choose the size with k + 1 = 8, "
        "and any preset with few zeros.",
    ),
    explanation="The 2 x 2 windows behind a pooled pixel are one step apart, so together they cover one row "
    "and one column more than one of them: 7 + 1 = 8. What a pixel depends on is called its receptive field.",
)
