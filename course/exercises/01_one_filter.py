"""The exercises of notebook 01."""

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

NINE = np.arange(9.0).reshape(3, 3)
FOUR = np.arange(4.0).reshape(2, 2)


def places(x, w):
    """How many places the window has: rows, columns."""
    return x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1


# --- 01.1: the three numbers that are missing --------------------------------------------------------------

by_hand = Prediction(
    id="01.1",
    title="By hand",
    answer="my_result",
    right=[[19, 25], [37, 43]],
    wrong=(
        Wrong(
            "flipped",
            "you turned the filter by 180 degrees: in the first window 0 lies on 0, 1 on 1, 3 on 2 and 4 on 3",
            [[5, 11], [23, 29]],
        ),
        Wrong(
            "transposed",
            "your numbers are right and stand in the wrong places: the window slides to the right first, then down",
            [[19, 37], [25, 43]],
        ),
        Wrong(
            "unweighted", "you added up the pixels without multiplying by the weights", [[8, 12], [20, 24]]
        ),
        Wrong(
            "elementwise",
            "these are the four products of the first window; their sum, 19, is a single number of the result",
            [[0, 1], [6, 12]],
        ),
        Wrong(
            "whole steps",
            "the window moves by one pixel, not by its own width: there are four places",
            [[19]],
        ),
        Wrong(
            "mean",
            "you took the mean of the four products: the dot product is their sum",
            [[4.75, 6.25], [9.25, 10.75]],
        ),
    ),
    hints=(
        "Four numbers of the image lie under the window in each place. The first place is worked out in the text.",
        "One step to the right, the window covers 1, 2, 4, 5. Multiply them by 0, 1, 2, 3, in this order.",
        "1·0 + 2·1 + 4·2 + 5·3 = 25. The lower row begins with 3·0 + 4·1 + 6·2 + 7·3.",
    ),
    explanation="0·0 + 1·1 + 3·2 + 4·3 = 19, then 25; one row down 37 and 43. Each step to the right adds 6, the sum of "
    "the weights, because every pixel under the window grows by 1; a step down adds 3 times as much.",
)


# --- 01.2: two loops ---------------------------------------------------------------------------------------


def corr2d(x, w):
    """The dot product of w with every patch of x."""
    y = np.zeros(places(x, w))
    for i, j in np.ndindex(y.shape):
        y[i, j] = (x[i : i + w.shape[0], j : j + w.shape[1]] * w).sum()
    return y


def corr2d_by_taps(x, w):
    """One pass for each weight instead of one for each place."""
    H, W = places(x, w)
    return sum(w[r, s] * x[r : r + H, s : s + W] for r, s in np.ndindex(w.shape))


def corr2d_by_windows(x, w):
    """All windows at once."""
    return np.einsum("ijrs,rs->ij", np.lib.stride_tricks.sliding_window_view(x, w.shape), w)


def corr2d_as_lists(x, w):
    """Plain Python, four loops."""
    rows, columns = places(x, w)
    window = [(r, s) for r in range(w.shape[0]) for s in range(w.shape[1])]
    return [[sum(x[i + r, j + s] * w[r, s] for r, s in window) for j in range(columns)] for i in range(rows)]


def corr2d_cases(rng):
    yield Case({"x": NINE, "w": FOUR}, "values", "the example of the text")
    for size, filter_size in (((7, 9), (3, 2)), ((6, 5), (2, 4))):
        x, w = rng.integers(-9, 10, size).astype(float), rng.integers(-9, 10, filter_size).astype(float)
        w[0, 0], w[-1, -1] = 2, -5  # never the same when turned
        yield Case({"x": x, "w": w}, "shape", only_shape=True)
        yield Case({"x": x, "w": w}, "values")
    x, w = rng.standard_normal((5, 6)), rng.standard_normal((3, 2))
    yield Case({"x": x, "w": w}, "values", "numbers that are not whole")
    x = rng.standard_normal((6, 7))
    yield Case({"x": x, "w": x.copy()}, "edge cases", "a filter as large as the image")
    yield Case({"x": x, "w": rng.standard_normal((1, 1))}, "edge cases", "a filter of one weight")
    yield Case({"x": x[:1], "w": rng.standard_normal((1, 3))}, "edge cases", "an image of one row")


def _out_of_bounds(x, w):
    y = np.zeros(x.shape)
    for i, j in np.ndindex(y.shape):
        y[i, j] = sum(x[i + r, j + s] * w[r, s] for r, s in np.ndindex(w.shape))
    return y


def _patch_out_of_bounds(x, w):
    y = np.zeros(x.shape)
    for i, j in np.ndindex(y.shape):
        y[i, j] = (x[i : i + w.shape[0], j : j + w.shape[1]] * w).sum()
    return y


def _last_place_forgotten(x, w):
    return corr2d(x, w)[:-1, :-1]


def _filled(rows, columns):
    """The right result with zeros in all but its first rows and columns; slices count as in Python."""

    def function(x, w):
        y, right = np.zeros(places(x, w)), corr2d(x, w)
        y[:rows, :columns] = right[:rows, :columns]
        return y

    return function


def _matrices(product, added_up=lambda grid: grid):
    """Each patch as a matrix, times the filter as a matrix."""

    def function(x, w):
        y = np.zeros(places(x, w))
        for i, j in np.ndindex(y.shape):
            y[i, j] = added_up(product(x[i : i + w.shape[0], j : j + w.shape[1]], w))
        return y

    return function


def _patch_of(size):
    """Right but for the patch, which is cut out in one size whatever the filter's is."""

    def function(x, w):
        y = np.zeros(places(x, w))
        for i, j in np.ndindex(y.shape):
            y[i, j] = (x[i : i + size, j : j + size] * w).sum()
        return y

    return function


def _products_of_a_place(x, w):
    y = np.zeros(places(x, w))
    for i, j in np.ndindex(y.shape):
        y[i, j] = x[i : i + w.shape[0], j : j + w.shape[1]] * w
    return y


def _zeros_like_the_image(x, w):
    y, right = np.zeros_like(x), corr2d(x, w)
    y[: right.shape[0], : right.shape[1]] = right
    return y


def _one_column_of_places(x, w):
    H, W = x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[0] + 1
    y = np.zeros((H, max(W, 0)))
    for i, j in np.ndindex(y.shape):
        patch = x[i : i + w.shape[0], j : j + w.shape[1]]
        y[i, j] = (patch * w[:, : patch.shape[1]]).sum()
    return y


slide = FunctionExercise(
    id="01.2",
    title="Slide it yourself",
    answer="corr2d",
    groups={"shape": 1, "values": 2, "edge cases": 1},
    reference=corr2d,
    cases=corr2d_cases,
    also_right=(corr2d_by_taps, corr2d_by_windows, corr2d_as_lists),
    stand_in=lambda x, w: cnnkit.conv2d(np.asarray(x)[None, None], np.asarray(w)[None, None]).get()[0, 0],
    wrong=(
        Wrong(
            "flipped",
            "you turned the filter by 180 degrees: that is convolution in the mathematicians' sense",
            lambda x, w: corr2d(x, w[::-1, ::-1]),
        ),
        Wrong("mirrored", "you mirrored the filter left to right", lambda x, w: corr2d(x, w[:, ::-1])),
        Wrong("transposed filter", "you swapped the filter's rows and columns", lambda x, w: corr2d(x, w.T)),
        Wrong(
            "as large as the image",
            "the window runs over the border: the result must have H - R + 1 rows and W - S + 1 columns",
            _out_of_bounds,
        ),
        Wrong(
            "patches over the border",
            "the window runs over the border, where the patch is smaller than the filter: i must end at H - R and j at "
            "W - S, and the result has H - R + 1 rows and W - S + 1 columns",
            _patch_out_of_bounds,
        ),
        Wrong(
            "always 2 x 2",
            "the patch is always 2 x 2, and not every filter is: cut out x[i : i + R, j : j + S]",
            _patch_of(2),
        ),
        Wrong(
            "always 3 x 3",
            "the patch is always 3 x 3, and not every filter is: cut out x[i : i + R, j : j + S]",
            _patch_of(3),
        ),
        Wrong(
            "two sizes for np.zeros",
            "`np.zeros` takes the size in parentheses of its own: np.zeros((rows, columns))",
            lambda x, w: np.zeros(*places(x, w)),
        ),
        Wrong(
            "one place short",
            "the last place is missing: a window of 3 has 5 places on 7 pixels, not 4 (the + 1)",
            _last_place_forgotten,
        ),
        Wrong(
            "returned after one",
            "only the first number is computed: the `return` stands inside the inner loop, and ends both at once. "
            "It belongs behind them, as far left as the first `for`",
            _filled(1, 1),
        ),
        Wrong(
            "returned after a row",
            "only the first row is computed: the `return` stands inside the outer loop, and ends it at once. It "
            "belongs behind the loops, as far left as the first `for`",
            _filled(1, None),
        ),
        Wrong(
            "loops one short",
            "the last row and the last column stay 0: range(H - R) ends one place too early, for there are "
            "H - R + 1 places; and W - S + 1",
            _filled(-1, -1),
        ),
        Wrong(
            "rows one short",
            "the last row stays 0: range(H - R) ends one place too early, for there are H - R + 1",
            _filled(-1, None),
        ),
        Wrong(
            "columns one short",
            "the last column stays 0: range(W - S) ends one place too early, for there are W - S + 1",
            _filled(None, -1),
        ),
        Wrong(
            "whole numbers",
            "you dropped what stands after the decimal point: the result must not be of type int (`np.zeros` without "
            "a dtype is right)",
            lambda x, w: np.trunc(corr2d(x, w)).astype(int),
        ),
        Wrong(
            "zeros_like(x)",
            "your numbers are right, but the result is as large as the image, with zeros left over: make it "
            "H - R + 1 rows high and W - S + 1 columns wide",
            _zeros_like_the_image,
        ),
        Wrong(
            "rows for columns",
            "you used the filter's number of rows for its columns, too: not every filter is square",
            _one_column_of_places,
        ),
        Wrong(
            "matrix product",
            "`np.dot` and `@` on two grids are the matrix product, rows times columns: here each pixel meets one weight, "
            "so `*`, and then the sum of all",
            _matrices(np.dot, np.sum),
            also=(_matrices(np.matmul, np.sum), _matrices(np.dot), _matrices(np.matmul)),
        ),
        Wrong(
            "several numbers",
            "what you write into one place of the result is a whole grid of numbers: add the products up, with `.sum()`",
            _products_of_a_place,
        ),
        Wrong(
            "not added up",
            "you kept the last product instead of adding all of them up",
            lambda x, w: x[w.shape[0] - 1 :, w.shape[1] - 1 :] * w[-1, -1],
        ),
        Wrong(
            "mean",
            "you took the mean of the products: the dot product is their sum",
            lambda x, w: corr2d(x, w) / w.size,
        ),
        Wrong(
            "padded",
            "you put a frame of zeros around the image: here the window stays inside",
            lambda x, w: corr2d(np.pad(x, [(k // 2, k // 2) for k in w.shape]), w),
        ),
    ),
    hints=(
        "How many places has a window of 3 columns on an image of 9? That many columns has the result.",
        "Make a result of zeros of the right shape. For each of its places (i, j), cut out the patch of x whose upper left "
        "corner is (i, j), as large as w.",
        "The patch is x[i : i + R, j : j + S]. Multiply it by w, and add up: (patch * w).sum().",
    ),
    explanation="The window has H - R + 1 places from top to bottom and W - S + 1 from left to right. In each, the patch "
    "under it is multiplied by the weights, pixel by pixel, and added up. Turning the filter would be "
    "convolution in the mathematicians' sense; a network does not care, because it learns its weights anyway.",
)


# --- 01.3: which way round is the impulse? -----------------------------------------------------------------

impulse = Prediction(
    id="01.3",
    title="One bright pixel",
    answer="my_order",
    choices=(
        "as it is",
        "turned by 180",
        "turned by 90",
        "left and right swapped",
        "top and bottom swapped",
        "all zero",
    ),
    right="turned by 180",
    wrong=(
        Wrong(
            "as it is",
            "look at the first place whose window reaches the bright pixel: which of its weights lies on it?",
            "as it is",
        ),
        Wrong(
            "turned by 90",
            "top and bottom are swapped, and so are left and right: that is half a turn",
            "turned by 90",
        ),
        Wrong(
            "left and right",
            "what happens from left to right happens from top to bottom, too",
            "left and right swapped",
        ),
        Wrong(
            "top and bottom",
            "what happens from top to bottom happens from left to right, too",
            "top and bottom swapped",
        ),
        Wrong("zero", "nine windows hold the bright pixel, each under another weight", "all zero"),
    ),
    hints=(
        "Draw the 5 x 5 image and lay the window into its upper left corner. Where in the window is the bright pixel?",
        "In that first place the bright pixel lies under the window's lower right weight, and the others see black.",
        "So the result begins with the 9. And one step to the right?",
    ),
    explanation="When the window is to the upper left of the bright pixel, the pixel lies under its lower right weight, the 9. "
    "As the window moves on, the pixel wanders through it backward: 9, 8, 7, …",
)


# --- 01.4: how many places -----------------------------------------------------------------------------------


def output_size(n, k, stride=1, padding=0, dilation=1):
    """The formula of the text."""
    return (n + 2 * padding - dilation * (k - 1) - 1) // stride + 1


def output_size_counted(n, k, stride=1, padding=0, dilation=1):
    """Count the places one by one."""
    return len(range(-padding, n + padding - dilation * (k - 1), stride))


def output_size_walked(n, k, stride=1, padding=0, dilation=1):
    """Walk until the window hangs over."""
    count, start = 0, 0
    while start + dilation * (k - 1) < n + 2 * padding:
        count, start = count + 1, start + stride
    return count


def _sizes(n, k, stride=1, padding=0, dilation=1, group="values", words=""):
    names = ("n", "k", "stride", "padding", "dilation")
    return Case(dict(zip(names, (n, k, stride, padding, dilation), strict=True)), group, words)


def size_cases(rng):
    yield _sizes(7, 3, group="one step at a time")
    yield _sizes(240, 5, group="one step at a time")
    yield _sizes(7, 3, 2, group="stride")
    yield _sizes(227, 11, 4, group="stride")
    yield _sizes(10, 3, 2, group="stride", words="a last step that does not fit")
    yield _sizes(300, 3, 1, 1, group="padding and dilation", words="padding that keeps the size")
    yield _sizes(28, 3, 2, 1, 2, group="padding and dilation")
    for _ in range(12):
        k, stride, dilation = (int(v) for v in rng.integers((2, 2, 2), (6, 5, 4)))
        padding = int(rng.integers(1, k))
        n = int(rng.integers(dilation * (k - 1) + 1, 60))
        yield _sizes(n, k, group="one step at a time")
        yield _sizes(n, k, stride, group="stride")
        yield _sizes(n, k, stride, padding, dilation, "padding and dilation")


size = FunctionExercise(
    id="01.4",
    title="How large is the result?",
    answer="output_size",
    groups={"one step at a time": 1, "stride": 1, "padding and dilation": 1},
    reference=output_size,
    cases=size_cases,
    tolerance=0,
    also_right=(output_size_counted, output_size_walked),
    wrong=(
        Wrong(
            "off by one",
            "the + 1 is missing: the window stands somewhere before its first step",
            lambda n, k, s, p, d: output_size(n, k, s, p, d) - 1,
        ),
        Wrong(
            "k for k - 1",
            "(k − 1) has become k: k weights have k − 1 steps of `dilation` from the first to the last, so it is "
            "dilation·(k − 1)",
            lambda n, k, s, p, d: (n + 2 * p - d * k - 1) // s + 1,
        ),
        Wrong(
            "no minus one",
            "the − 1 before the division is missing: the window spans dilation·(k − 1) + 1 pixels, and all of them are "
            "taken off",
            lambda n, k, s, p, d: (n + 2 * p - d * (k - 1)) // s + 1,
        ),
        Wrong("no stride", "the stride is ignored", lambda n, k, s, p, d: output_size(n, k, 1, p, d)),
        Wrong(
            "one padding",
            "the padding is added on one side only",
            lambda n, k, s, p, d: (n + p - d * (k - 1) - 1) // s + 1,
        ),
        Wrong("no padding", "the padding is ignored", lambda n, k, s, p, d: output_size(n, k, s, 0, d)),
        Wrong("no dilation", "the dilation is ignored", lambda n, k, s, p, d: output_size(n, k, s, p, 1)),
        Wrong(
            "k spread",
            "k weights with gaps between them span dilation·(k − 1) + 1 pixels, not dilation·k",
            lambda n, k, s, p, d: (n + 2 * p - d * k) // s + 1,
        ),
        Wrong(
            "rounded",
            "a step that does not fit is no step: round down (`//`), whatever is left over",
            lambda n, k, s, p, d: -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1,
        ),
        Wrong(
            "a fraction",
            "half a step is no step: divide with `//`, which rounds down",
            lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) / s + 1,
        ),
        Wrong(
            "plus one inside",
            "the + 1 must come after the division: it is a place, not a pixel",
            lambda n, k, s, p, d: (n + 2 * p - d * (k - 1)) // s,
        ),
        Wrong(
            "only the 1 divided",
            "`//` comes before `+` and `-`: only the 1 is divided by the stride. Put all that stands before `//` in "
            "parentheses",
            lambda n, k, s, p, d: n + 2 * p - d * (k - 1) - 1 // s + 1,
        ),
    ),
    hints=(
        "How far can the window travel? The padded image is n + 2·padding pixels wide; the window spans dilation·(k − 1) + 1.",
        "Divide how far it can travel by the stride and round down: that many steps. `//` divides and rounds down.",
        "Steps are not places: before the first step it already stood somewhere. (n + 2 * padding - dilation * (k - 1) - 1) "
        "// stride + 1",
    ),
    explanation="The padded image, less what the window spans, is how far it can travel; divided by the stride, how many whole "
    "steps that is; and one more for the place where it stood at first.",
)


# --- 01.5: a state of the explorer -------------------------------------------------------------------------


def _filter_shape(state):
    """Of a state that may hold anything."""
    rows = state.get("weights")
    if not isinstance(rows, list) or not all(
        isinstance(row, list) and len(row) == len(rows[0]) for row in rows
    ):
        return ()
    return len(rows), len(rows[0]) if rows else 0


def three_by_three(state):
    """ "" when the result is 3 x 3 by the stride alone."""
    shape = state.get("output_shape")
    if state.get("image_shape") != [7, 7]:
        return "this is another image: use the explorer of the cell above, whose image has 7 x 7 pixels"
    if _filter_shape(state) != (3, 3):
        return "the filter must stay 3 x 3"
    if state.get("padding") or state.get("dilation") != 1:
        return "only the stride may change: padding must be 0 and dilation 1"
    if shape != [3, 3]:
        got = f"{shape[0]} x {shape[1]}" if isinstance(shape, list) and len(shape) == 2 else "nothing"
        return f"the result is {got}, and it should be 3 x 3"
    return ""


_START = {"image_shape": [7, 7], "weights": [[0.0] * 3] * 3, "padding": 0, "dilation": 1}

reach = StateExercise(
    id="01.5",
    title="Reach 3 x 3",
    answer="small_explorer",
    goal=three_by_three,
    reached={**_START, "stride": 2, "output_shape": [3, 3]},
    also_right=(
        {**_START, "stride": 2, "output_shape": [3, 3], "preset": "blur"},
        {**_START, "stride": 2, "output_shape": [3, 3], "signed": True},
    ),
    wrong=(
        Wrong(
            "untouched",
            "with stride 1 the window has 5 places along 7 pixels: make its steps longer",
            {**_START, "stride": 1, "output_shape": [5, 5]},
            lambda s: _ours(s) and _plain(s) and s.get("stride") == 1,
        ),
        Wrong(
            "too long",
            "steps of 3 or 4 leave room for two places only",
            {**_START, "stride": 3, "output_shape": [2, 2]},
            lambda s: _ours(s) and _plain(s) and s.get("stride") in (3, 4),
        ),
        Wrong(
            "one place",
            "the steps are so long that the window has one place only",
            {**_START, "stride": 5, "output_shape": [1, 1]},
            lambda s: _ours(s) and _plain(s) and (s.get("stride") or 0) > 4,
        ),
        Wrong(
            "larger filter",
            "a 5 x 5 filter gives 3 x 3, too, but here the filter must stay 3 x 3",
            {**_START, "weights": [[0.0] * 5] * 5, "stride": 1, "output_shape": [3, 3]},
            lambda s: _ours(s) and _filter_shape(s) == (5, 5),
        ),
        Wrong(
            "dilated",
            "dilation gives 3 x 3, too, but here only the stride may change: set dilation back to 1",
            {**_START, "dilation": 2, "stride": 1, "output_shape": [3, 3]},
            lambda s: _ours(s) and (s.get("dilation") or 1) > 1,
        ),
        Wrong(
            "padded",
            "only the stride may change: set padding back to 0",
            {**_START, "padding": 1, "stride": 3, "output_shape": [3, 3]},
            lambda s: _ours(s) and bool(s.get("padding")),
        ),
        Wrong(
            "another image",
            "what the check was given shows another image: it needs small_explorer, with the 7 x 7 pixels",
            {**_START, "image_shape": [300, 300], "stride": 2, "output_shape": [149, 149]},
            lambda s: isinstance(s.get("image_shape"), list) and not _ours(s),
        ),
    ),
    hints=(
        "The stride is the length of a step. The slider is below the pictures; the size of the result stands above it.",
        "On 7 pixels a window of 3 can travel 4 pixels. Three places are two steps.",
        "Two steps over 4 pixels: how long is each?",
    ),
    explanation="The window can travel 7 − 3 = 4 pixels. Steps of 2 fit twice, so it has three places, in each direction.",
)


def _ours(state):
    return state.get("image_shape") == [7, 7]


def _plain(state):
    return not state.get("padding") and state.get("dilation") == 1 and _filter_shape(state) == (3, 3)


# --- 01.6: two weights -------------------------------------------------------------------------------------

two_weights = Prediction(
    id="01.6",
    title="A filter of your own",
    answer="my_filter",
    right=[[1], [-1]],
    wrong=(
        Wrong(
            "lying",
            "this is the filter that finds nothing here: it must compare a pixel with the one below it",
            [[1, -1]],
        ),
        Wrong("signs", "the right edges with the wrong signs: white to black must give +1", [[-1], [1]]),
        Wrong(
            "no grid",
            "a filter is a grid of rows, like [[1, -1]]: this one needs two rows of one number each",
            [1, -1],
        ),
        Wrong("sum", "these weights add the two pixels up: an edge is a difference", [[1], [1]]),
        Wrong(
            "lying signs",
            "it must compare a pixel with the one below it: two rows of one number each",
            [[-1, 1]],
        ),
        Wrong("three", "two weights are enough", [[1], [0], [-1]]),
    ),
    hints=(
        "[[1, -1]] takes a pixel's right neighbor away from it. Now the neighbor below is wanted.",
        "A filter of two rows and one column: [[...], [...]].",
        "The upper weight lies on the pixel itself and counts it as it is; the lower takes its neighbor away.",
    ),
    explanation="The filter stands up like the change that it looks for: the pixel with weight 1, the one below it with −1.",
)


# --- 01.7: the same as a kernel ------------------------------------------------------------------------------


def kernel_cases(rng):
    yield Case(
        {"x": NINE.astype(np.float32), "w": FOUR.astype(np.float32)}, "values", "the example of the text"
    )
    # The results of "values" fill whole work-groups: a kernel without a bounds check gets these points.
    for (shape, filter_shape), group in (
        (((10, 10), (3, 3)), "values"),
        (((9, 19), (2, 4)), "values"),
        (((12, 10), (3, 3)), "edge cases"),
        (((17, 13), (5, 3)), "edge cases"),
        (((1, 9), (1, 3)), "edge cases"),
        (((6, 6), (6, 6)), "edge cases"),
    ):
        x = rng.standard_normal(shape).astype(np.float32)
        w = rng.standard_normal(filter_shape).astype(np.float32)
        yield Case({"x": x, "w": w}, group)


def kernel_launch(x, w):
    (H, W), (R, S) = x.shape, w.shape
    size = (max(W - S + 1, 1), max(H - R + 1, 1))
    shape = size[::-1]
    groups = ((8, 4), (1, 1), (4, 8)) if max(size) > 2 else ((2, 2), (1, 1))
    return Launch((In(x), In(w), Out(shape), H, W, R, S), size, groups)


HEAD = """__kernel void filter2d(__global const float *x, __global const float *w, __global float *y,
                       const int H, const int W, const int R, const int S)
{
"""
TAIL = "\n}\n"
PLAIN = (
    HEAD
    + """    int j = get_global_id(0), i = get_global_id(1);
    int OH = H - R + 1, OW = W - S + 1;
    if (i >= OH || j >= OW) return;
    float sum = 0.0f;
    for (int r = 0; r < R; r++)
        for (int s = 0; s < S; s++)
            sum += x[(i + r) * W + j + s] * w[r * S + s];
    y[i * OW + j] = sum;"""
    + TAIL
)
POINTERS = (
    HEAD
    + """    const int j = get_global_id(0), i = get_global_id(1);
    if (i <= H - R && j <= W - S) {
        __global const float *row = x + i * W + j;
        float sum = 0.0f;
        for (int k = 0; k < R * S; k++)
            sum = mad(row[k / S * W + k % S], w[k], sum);
        y[i * (W - S + 1) + j] = sum;
    }"""
    + TAIL
)


def _changed(old, new, source=PLAIN):
    assert old in source
    return source.replace(old, new)


def _flat(function):
    """A wrong kernel's numbers in the shape of the right result."""
    return lambda x, w: np.reshape(function(x.astype(float), w.astype(float)), places(x, w))


def _wrong_pitch(x, w):
    """Rows of the image taken to be as long as those of the result."""
    H, W = places(x, w)
    flat, pitch = x.ravel(), W
    return [
        [sum(flat[(i + r) * pitch + j + s] * w[r, s] for r, s in np.ndindex(w.shape)) for j in range(W)]
        for i in range(H)
    ]


def _taps(index, weight):
    """What a wrong kernel computes: for place (i, j) the sum of x[index(i, j, r, s, W)] * w[weight(r, s, R, S)]."""

    def function(x, w):
        (H, W), (R, S) = places(x, w), w.shape
        pixels, weights, pitch = x.ravel(), w.ravel(), x.shape[1]
        taps = list(np.ndindex(R, S))
        return [
            [
                sum(pixels[index(i, j, r, s, pitch)] * weights[weight(r, s, R, S)] for r, s in taps)
                for j in range(W)
            ]
            for i in range(H)
        ]

    return _flat(function)


def _pixel(i, j, r, s, W):
    return (i + r) * W + j + s


def _weight(r, s, R, S):
    return r * S + s


def _rows_as_long_as_high(x, w):
    """Rows of the image taken to be H numbers long."""
    return _taps(lambda i, j, r, s, W: (i + r) * len(x) + j + s, _weight)(x, w)


def _whole_sums(x, w):
    """The sum kept in an int, which drops what stands after the point at every step."""
    (H, W), y = places(x, w), np.zeros(places(x, w))
    for r, s in np.ndindex(w.shape):
        y = np.trunc(y + x[r : r + H, s : s + W] * w[r, s])
    return y


own_kernel = KernelExercise(
    id="01.7",
    title="One work-item for each place",
    answer="filter2d",
    groups={"values": 2, "edge cases": 2},
    reference=corr2d,
    cases=kernel_cases,
    launch=kernel_launch,
    stand_in=slide.stand_in,
    also_right=(
        POINTERS,
        _changed(
            "if (i >= OH || j >= OW) return;", "if (i < 0 || i > OH - 1 || j < 0 || j > OW - 1) return;"
        ),
    ),
    wrong=(
        Wrong(
            "pitch of y",
            "a row of y is W - S + 1 numbers long, not W as in x: with OW = W - S + 1, place (i, j) is y[i * OW + j]",
            _changed("y[i * OW + j]", "y[i * W + j]"),
            symptom="overrun",
            told="y[i * W + j]",
        ),
        Wrong(
            "no bounds check",
            "work-items write where no place of theirs is. Is there a check that sends away all with i >= H - R + 1, and "
            "all with j >= W - S + 1 (one of the two is enough, so `||` and not `&&`)? And does place (i, j) go to "
            "number i * (W - S + 1) + j of y?",
            _changed("    if (i >= OH || j >= OW) return;\n", ""),
            symptom="overrun",
        ),
        Wrong(
            "flipped",
            "you turned the filter by 180 degrees: that is convolution in the mathematicians' sense",
            _changed("w[r * S + s]", "w[(R - 1 - r) * S + S - 1 - s]"),
            _flat(lambda x, w: corr2d(x, w[::-1, ::-1])),
        ),
        Wrong(
            "wrong pitch",
            "a row of x is W numbers long: pixel (i + r, j + s) is x[(i + r) * W + j + s]",
            _changed("x[(i + r) * W", "x[(i + r) * OW"),
            _flat(_wrong_pitch),
        ),
        Wrong(
            "H for W",
            "H is how many rows x has, and W how long they are: pixel (i + r, j + s) is x[(i + r) * W + j + s]",
            _changed("x[(i + r) * W", "x[(i + r) * H"),
            _rows_as_long_as_high,
        ),
        Wrong(
            "one product",
            "you keep the last product instead of adding up: sum += ...",
            _changed("sum += ", "sum = "),
            _flat(lambda x, w: x[w.shape[0] - 1 :, w.shape[1] - 1 :] * w[-1, -1]),
        ),
        Wrong(
            "begun anew",
            "only the filter's last row is counted: the sum is set back to 0 in every round of the outer loop, and must "
            "begin at 0 once, before both loops",
            _changed(
                "    for (int r = 0; r < R; r++)\n",
                "    for (int r = 0; r < R; r++) {\n        sum = 0.0f;\n",
            ).replace("w[r * S + s];", "w[r * S + s];\n    }"),
            _flat(lambda x, w: corr2d(x[w.shape[0] - 1 :], w[-1:])),
        ),
        Wrong(
            "int",
            "the variable for the sum is an `int`, which drops what stands after the decimal point: make it a `float`",
            _changed("float sum = 0.0f", "int sum = 0"),
            _whole_sums,
        ),
        Wrong(
            "comma",
            "the comma in x[i + r, j + s] is Python: C throws its left side away, and x[j + s] is left. Row i + r, "
            "column j + s is x[(i + r) * W + j + s]",
            _changed("x[(i + r) * W + j + s]", "x[i + r, j + s]"),
            _taps(lambda i, j, r, s, W: j + s, _weight),
        ),
        Wrong(
            "two commas",
            "the commas in x[i + r, j + s] and w[r, s] are Python: C throws their left sides away, and x[j + s] and w[s] are "
            "left. Multiply the row by the length of a row, and add the column: w[r * S + s]",
            _changed("x[(i + r) * W + j + s]", "x[i + r, j + s]").replace("w[r * S + s]", "w[r, s]"),
            _taps(lambda i, j, r, s, W: j + s, lambda r, s, R, S: s),
        ),
        Wrong(
            "comma in w",
            "the comma in w[r, s] is Python: C throws its left side away, and w[s] is left. Weight (r, s) is w[r * S + s]",
            _changed("w[r * S + s]", "w[r, s]"),
            _taps(_pixel, lambda r, s, R, S: s),
        ),
        Wrong(
            "no parentheses",
            "the pixel's row is i + r, and all of it must be multiplied by W: (i + r) * W, with the parentheses",
            _changed("(i + r) * W", "i + r * W"),
            _taps(lambda i, j, r, s, W: i + r * W + j + s, _weight),
        ),
        Wrong(
            "pitch of w",
            "a row of w is S numbers long, not R: weight (r, s) is w[r * S + s]",
            _changed("w[r * S + s]", "w[r * R + s]"),
            _taps(_pixel, lambda r, s, R, S: r * R + s),
        ),
        Wrong(
            "r and s swapped",
            "the filter's rows and columns are swapped: weight (r, s) is w[r * S + s], and it lies on the pixel of row "
            "i + r, column j + s",
            _changed("w[r * S + s]", "w[s * R + r]"),
            _taps(_pixel, lambda r, s, R, S: s * R + r),
        ),
        Wrong(
            "i and j swapped",
            "your numbers stand in the wrong places, with rows and columns swapped: i is the row and j the column, in "
            "x[(i + r) * W + j + s] and in y[i * OW + j]",
            _changed("y[i * OW + j]", "y[j * OH + i]"),
            _flat(lambda x, w: corr2d(x, w).T),
        ),
        Wrong(
            "image transposed",
            "the image's rows and columns are swapped: the pixel under weight (r, s) is in row i + r, column j + s, and "
            "that is x[(i + r) * W + j + s]",
            _changed("x[(i + r) * W + j + s]", "x[(j + s) * W + i + r]"),
            _taps(lambda i, j, r, s, W: (j + s) * W + i + r, _weight),
        ),
        Wrong(
            "never set",
            "the sum never got a first number: it begins at 0, as in `float sum = 0;`",
            _changed("float sum = 0.0f", "float sum"),
            symptom="unset",
        ),
        Wrong(
            "endless",
            "it does not come to an end: does the counter of each loop grow, and is it the counter that is compared?",
            _changed("r < R; r++", "r < R; r += 0"),
            symptom="timeout",
        ),
        Wrong(
            "nothing assigned",
            "no line gives y its numbers: the sum must go to y[...] in the end, with a single `=` (`==` only compares)",
            _changed("] = sum", "] == sum"),
            symptom="unwritten",
            told="no line assigns to",
        ),
        Wrong(
            "added to nothing",
            "nothing is in y at the beginning, not even 0: collect the sum in a variable of your own, and write it into y "
            "once, with `=`",
            _changed("] = sum", "] += sum"),
            symptom="unwritten",
            told="before it had written",
        ),
        Wrong(
            "comma in y",
            "the comma in y[i, j] is Python: C throws its left side away, and y[j] is left. Place (i, j) is "
            "y[i * (W - S + 1) + j]",
            _changed("y[i * OW + j]", "y[i, j]"),
            symptom="unwritten",
            told="y[i, j] =",
        ),
        Wrong(
            "last row",
            "some places never get their number. Rows of places run from 0 to H - R and columns from 0 to W - S, both "
            "included: does each of these work-items come to the line that writes, with i = get_global_id(1) and "
            "j = get_global_id(0), and write number i * (W - S + 1) + j of y?",
            _changed("i >= OH || j >= OW", "i >= OH - 1 || j >= OW - 1"),
            symptom="unwritten",
        ),
        Wrong(
            "writes the image",
            "it writes into its inputs, which belong to others: the answer goes to y, and x and w are only read",
            _changed("__global const float *x", "__global float *x").replace(
                "    y[i * OW + j] = sum;", "    y[i * OW + j] = sum;\n    x[i * W + j] = sum;"
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
        "Each work-item is one place of the window: i = get_global_id(1) is its row, j = get_global_id(0) its column. The two "
        "outer loops of corr2d are gone.",
        "There are more work-items than places. Leave at once when i >= H - R + 1 or j >= W - S + 1. Then two loops over "
        "r and s add up one sum.",
        "Memory is one long row: pixel (i + r, j + s) is x[(i + r) * W + j + s], weight (r, s) is w[r * S + s], and the "
        "answer goes to y[i * (W - S + 1) + j].",
    ),
    explanation="Every place of the window is a work-item of its own, so two of the four loops are gone. Work-items come in whole "
    "groups, so some are too many: the `return` sends them home before they write where nothing of theirs lies.",
)
