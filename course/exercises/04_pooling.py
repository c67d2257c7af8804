"""The exercises of notebook 04."""

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

EXAMPLE = np.array([[1.0, 5, 2, 0], [3, 4, 8, 6], [7, 0, 1, 1], [2, 3, 1, 5]])


def windows(x, size, stride):
    """All windows: (OH, OW, size, size)."""
    return np.lib.stride_tricks.sliding_window_view(x, (size, size))[::stride, ::stride]


def max_pool(x, size, stride):
    """The largest number of each window."""
    return windows(np.asarray(x, float), size, stride).max(axis=(2, 3))


# --- 04.1: a state of the explorer --------------------------------------------------------------------------


def _sized(shape):
    """ "10 x 10", of a state that may hold anything."""
    return f"{shape[0]} x {shape[1]}" if isinstance(shape, list) and len(shape) == 2 else "nothing"


def ten_by_ten(state):
    """ "" when 32 x 32 became 10 x 10 and every pixel lies in a window."""
    if state.get("input_shape") != [32, 32]:
        return "the input must be the piece of 32 x 32 pixels: choose it again under Input"
    if state.get("output_shape") != [10, 10]:
        return f"the result is {_sized(state.get('output_shape'))}, and it should be 10 x 10"
    if state.get("never_read") != 0:
        return f"the result is 10 x 10, but {state.get('never_read')} pixels lie in no window"
    return ""


def _state(window, stride, left_out, **more):
    places = (32 - window) // stride + 1
    return {
        **{"input_shape": [32, 32], "output_shape": [places, places], "kind": "max", "shift": 0},
        **{"window": window, "stride": stride, "never_read": left_out, "locked": window == stride, **more},
    }


def _set_to(window, stride):
    return lambda s: _whole(s) and (s.get("window"), s.get("stride")) == (window, stride)


def _whole(state):
    return state.get("input_shape") == [32, 32]


def _number(value):
    return value if isinstance(value, int) else 0


reach = StateExercise(
    id="04.1",
    title="10 x 10, and nothing left out",
    answer="explorer",
    goal=ten_by_ten,
    reached=_state(5, 3, 0),
    also_right=(_state(14, 2, 0), _state(5, 3, 0, kind="average"), _state(5, 3, 0, view="winners")),
    wrong=(
        Wrong(
            "untouched",
            "windows of 2 side by side give 16 x 16: ten places along 32 pixels need longer steps than 2",
            _state(2, 2, 0),
            _set_to(2, 2),
        ),
        Wrong(
            "threes",
            "ten windows of 3 side by side cover 30 of the 32 pixels: keep the steps of 3 and take larger windows",
            _state(3, 3, 124),
            _set_to(3, 3),
        ),
        Wrong(
            "fours",
            "with steps of 3 and windows of 4, the last window ends at pixel 31 of 32: nearly there",
            _state(4, 3, 63),
            _set_to(4, 3),
        ),
        Wrong(
            "too large a window",
            "the steps of 3 are right, but so large a window has room in fewer than ten places",
            _state(6, 3, 95),
            lambda s: _whole(s) and s.get("stride") == 3 and _number(s.get("window")) > 5,
        ),
        Wrong(
            "too small a window",
            "the steps of 3 are right, but a window of 1 or 2 leaves gaps and has room for an eleventh place",
            _state(2, 3, 540),
            lambda s: _whole(s) and s.get("stride") == 3 and _number(s.get("window")) in (1, 2),
        ),
        Wrong(
            "side by side",
            "windows side by side cannot do it, as 32 is no multiple of 10: let them overlap. Untick stride = window, "
            "or move the stride by itself",
            _state(4, 4, 0),
            lambda s: _whole(s) and s.get("window") == s.get("stride"),
        ),
        Wrong(
            "long steps",
            "steps of 4 or more leave room for eight places at most",
            _state(5, 4, 0),
            lambda s: _whole(s) and _number(s.get("stride")) > 3,
        ),
        Wrong(
            "short steps",
            "steps of 1 or 2 have more than ten places, unless the window is very large: lengthen the steps",
            _state(5, 2, 63),
            lambda s: _whole(s) and _number(s.get("stride")) in (1, 2),
        ),
        Wrong(
            "another piece",
            "what the check sees is another piece of the map, or all of it: set Input back to 32 x 32",
            _state(5, 3, 0, input_shape=[16, 16]),
            lambda s: not _whole(s),
        ),
    ),
    hints=(
        "Ten places are nine steps. Along 32 pixels, how long can nine steps be, if the window itself must have room, too?",
        "Nine steps of 3 are 27 pixels. Where the last window begins, how many pixels are left?",
        "The last window begins at pixel 27, counted from 0, and must reach pixel 31. Untick stride = window first.",
    ),
    explanation="Ten places are nine steps of 3, which is 27 pixels; the last window must cover the 5 pixels that are left. So "
    "the window is 5 and the stride 3: the windows overlap by 2. (A window of 14 with stride 2 would do it, too.)",
)


# --- 04.2: max pooling as a kernel ----------------------------------------------------------------------------


def kernel_cases(rng):
    def case(H, W, size, stride, group="values", words=""):
        x = (3 * rng.standard_normal((H, W))).astype(np.float32)
        return Case({"x": x, "size": size, "stride": stride}, group, words)

    yield Case({"x": EXAMPLE.astype(np.float32), "size": 2, "stride": 2}, "values", "the example of the text")
    # All results but those of "edge cases" fill whole work-groups: a kernel without a bounds check gets these points.
    yield case(16, 32, 2, 2)
    yield case(24, 24, 3, 3)
    yield case(23, 23, 2, 3, "overlap and gaps", "gaps between the windows")
    yield case(9, 17, 2, 1, "overlap and gaps", "windows that overlap")
    yield case(17, 17, 3, 2, "overlap and gaps", "windows that overlap")
    yield case(12, 10, 2, 2, "edge cases")
    yield case(13, 11, 2, 2, "edge cases", "an odd number of rows and columns")
    yield case(10, 15, 3, 2, "edge cases", "a last row that is left out")
    negative = (-1 - rng.random((10, 12))).astype(np.float32)
    negative[0, 0] = -0.5  # the largest of all: a kernel must not begin every window with it
    yield Case({"x": negative, "size": 2, "stride": 2}, "edge cases", "nothing but negative numbers")
    yield case(5, 5, 5, 1, "edge cases", "a window as large as the picture")


def kernel_launch(x, size, stride):
    H, W = x.shape
    OH, OW = (H - size) // stride + 1, (W - size) // stride + 1
    groups = ((8, 4), (4, 8), (1, 1)) if max(OH, OW) > 2 else ((2, 2), (1, 1))
    return Launch((In(x), Out((OH, OW)), H, W, int(size), int(stride)), (OW, OH), groups)


HEAD = """__kernel void max_pool(__global const float *x, __global float *y, const int H, const int W,
                       const int size, const int stride)
{
"""
TAIL = "\n}\n"
PLAIN = (
    HEAD
    + """    int j = get_global_id(0), i = get_global_id(1);
    int OH = (H - size) / stride + 1, OW = (W - size) / stride + 1;
    if (i >= OH || j >= OW) return;
    float best = -INFINITY;
    for (int r = 0; r < size; r++)
        for (int s = 0; s < size; s++)
            best = fmax(best, x[(i * stride + r) * W + j * stride + s]);
    y[i * OW + j] = best;"""
    + TAIL
)
COMPARED = (
    HEAD
    + """    const int j = get_global_id(0), i = get_global_id(1), OW = (W - size) / stride + 1;
    const int top = i * stride, left = j * stride;
    if (top + size <= H && left + size <= W) {
        float best = x[top * W + left];
        for (int row = top; row < top + size; row++)
            for (int column = left; column < left + size; column++) {
                float value = x[row * W + column];
                if (value > best) best = value;
            }
        y[i * OW + j] = best;
    }"""
    + TAIL
)
POINTERS = (
    HEAD
    + """    int j = get_global_id(0), i = get_global_id(1);
    if (i > (H - size) / stride || j > (W - size) / stride) return;
    __global const float *corner = x + i * stride * W + j * stride;
    float best = corner[0];
    for (int k = 1; k < size * size; k++)
        best = max(best, corner[k / size * W + k % size]);
    y[i * ((W - size) / stride + 1) + j] = best;"""
    + TAIL
)
READ = "x[(i * stride + r) * W + j * stride + s]"


def _changed(old, new, source=PLAIN):
    assert old in source, old
    return source.replace(old, new)


def _as_pooled(function):
    """A wrong kernel's numbers in the shape of the right result."""
    return lambda x, size, stride: np.reshape(
        function(x.astype(float), size, stride), max_pool(x, size, stride).shape
    )


def _reads(index, keep=np.max, rows=None, columns=None):
    """What a wrong kernel computes that reads x[index(i, j, r, s, W, size, stride)]; what is outside does not count."""

    def function(x, size, stride):
        OH, OW = max_pool(x, size, stride).shape
        flat, W = x.ravel(), x.shape[1]
        R, S = (size if n is None else n(size) for n in (rows, columns))
        taps = list(np.ndindex(R, S))
        result = np.empty((OH, OW))
        for i, j in np.ndindex(OH, OW):
            places = [index(i, j, r, s, W, size, stride) for r, s in taps]
            result[i, j] = keep([flat[place] for place in places if 0 <= place < flat.size])
        return result

    return _as_pooled(function)


def _right_place(i, j, r, s, W, size, stride):
    return (i * stride + r) * W + j * stride + s


def _ends_at_size(x, size, stride):
    """Loops from the window's corner to `size`, in the picture's own rows and columns."""
    y = max_pool(x, size, stride)
    for i, j in np.ndindex(y.shape):
        seen = x[i * stride : size, j * stride : size]
        y[i, j] = max(x[i * stride, j * stride], seen.max() if seen.size else -np.inf)
    return y


def _over_all(reduce):
    return _as_pooled(lambda x, size, stride: reduce(windows(x, size, stride), axis=(2, 3)))


own_kernel = KernelExercise(
    id="04.2",
    title="One work-item for each window",
    answer="max_pool",
    groups={"values": 2, "overlap and gaps": 1, "edge cases": 1},
    reference=max_pool,
    cases=kernel_cases,
    launch=kernel_launch,
    stand_in=lambda x, size, stride: cnnkit.max_pool2d(np.asarray(x)[None, None], size, stride).get()[0, 0],
    also_right=(PLAIN, COMPARED, POINTERS),
    wrong=(
        Wrong(
            "starts at zero",
            "you start the largest number at 0: in a window of negative numbers, 0 is not one of them. Start with the "
            "window's first number, or with -INFINITY",
            _changed("-INFINITY", "0.0f"),
            _as_pooled(lambda x, size, stride: np.maximum(0, max_pool(x, size, stride))),
        ),
        Wrong(
            "starts at x[0]",
            "you start with x[0], the first number of the whole picture: start with the first number of your own window, "
            "x[i * stride * W + j * stride], or with -INFINITY",
            _changed("-INFINITY", "x[0]"),
            _as_pooled(lambda x, size, stride: np.maximum(x[0, 0], max_pool(x, size, stride))),
        ),
        Wrong(
            "ends at size",
            "your loops begin where the window begins and end at size: they must end at i * stride + size and j * stride + size. "
            "(Or let r and s run from 0 to size - 1, and add i * stride and j * stride in the brackets.)",
            _changed("-INFINITY", "x[i * stride * W + j * stride]")
            .replace("int r = 0", "int r = i * stride")
            .replace("int s = 0", "int s = j * stride")
            .replace(READ, "x[r * W + s]"),
            _as_pooled(_ends_at_size),
        ),
        Wrong(
            "no stride",
            "your windows are one pixel apart: the window of work-item (i, j) begins in row i * stride and column "
            "j * stride",
            _changed(READ, "x[(i + r) * W + j + s]"),
            _reads(lambda i, j, r, s, W, size, stride: (i + r) * W + j + s),
        ),
        Wrong(
            "size for stride",
            "your windows lie side by side, whatever the stride: the window of (i, j) begins in row i * stride and column "
            "j * stride, not i * size and j * size",
            _changed(READ, "x[(i * size + r) * W + j * size + s]"),
            _reads(lambda i, j, r, s, W, size, stride: (i * size + r) * W + j * size + s),
        ),
        Wrong(
            "two by two",
            "you look at 2 x 2 pixels only: a window has size rows and size columns",
            _changed("r < size", "r < 2").replace("s < size", "s < 2"),
            _reads(_right_place, rows=lambda size: 2, columns=lambda size: 2),
        ),
        Wrong(
            "mean",
            "you take the mean of the window's numbers: that is average pooling",
            _changed("-INFINITY", "0.0f")
            .replace("best = fmax(best, " + READ + ");", "best += " + READ + ";")
            .replace("+ j] = best", "+ j] = best / (size * size)"),
            _over_all(np.mean),
        ),
        Wrong(
            "sum",
            "you add the window's numbers up: only the largest is kept",
            _changed("-INFINITY", "0.0f").replace(
                "best = fmax(best, " + READ + ");", "best += " + READ + ";"
            ),
            _over_all(np.sum),
        ),
        Wrong(
            "smallest",
            "you keep the smallest of the window's numbers: turn the comparison around",
            _changed("-INFINITY", "INFINITY").replace("fmax", "fmin"),
            _over_all(np.min),
        ),
        Wrong(
            "last",
            "you keep the window's last number, whether it is the largest or not: compare it with the best so far, "
            "best = fmax(best, ...)",
            _changed("fmax(best, " + READ + ")", READ),
            _as_pooled(lambda x, size, stride: windows(x, size, stride)[:, :, -1, -1]),
        ),
        Wrong(
            "corner",
            "you copy the upper left number of each window, whether it is the largest or not",
            _changed(READ, "x[i * stride * W + j * stride]"),
            _as_pooled(lambda x, size, stride: windows(x, size, stride)[:, :, 0, 0]),
        ),
        Wrong(
            "first row",
            "you look at one row of the window only: a window has size rows and size columns",
            _changed("r < size", "r < 1"),
            _reads(_right_place, rows=lambda size: 1),
        ),
        Wrong(
            "begun anew",
            "only the window's last row counts: the best so far is set back in every round of the outer loop, and must "
            "be set once, before both loops",
            _changed(
                "    for (int r = 0; r < size; r++)\n",
                "    for (int r = 0; r < size; r++) {\n        best = -INFINITY;\n",
            ).replace(READ + ");", READ + ");\n    }"),
            _as_pooled(lambda x, size, stride: windows(x, size, stride)[:, :, -1].max(axis=2)),
        ),
        Wrong(
            "transposed",
            "your numbers stand in the wrong places, with rows and columns swapped: i is the row and j the column, and "
            "number (i, j) goes to y[i * OW + j], where OW is the length of a row of y",
            _changed("y[i * OW + j]", "y[j * OH + i]"),
            _as_pooled(lambda x, size, stride: max_pool(x, size, stride).T),
        ),
        Wrong(
            "picture transposed",
            "the picture's rows and columns are swapped: row i * stride + r, column j * stride + s is "
            "x[(i * stride + r) * W + j * stride + s]",
            _changed(READ, "x[(j * stride + s) * W + i * stride + r]"),
            _reads(lambda i, j, r, s, W, size, stride: (j * stride + s) * W + i * stride + r),
        ),
        Wrong(
            "wrong pitch",
            "a row of x is W numbers long, and a row of y is OW: pixel (i * stride + r, j * stride + s) is "
            "x[(i * stride + r) * W + j * stride + s]",
            _changed(READ, "x[(i * stride + r) * OW + j * stride + s]"),
            _reads(
                lambda i, j, r, s, W, size, stride: (
                    (i * stride + r) * ((W - size) // stride + 1) + j * stride + s
                )
            ),
        ),
        Wrong(
            "no parentheses",
            "the pixel's row is i * stride + r, and all of it must be multiplied by W: (i * stride + r) * W, with the "
            "parentheses",
            _changed("(i * stride + r) * W", "i * stride + r * W"),
            _reads(lambda i, j, r, s, W, size, stride: i * stride + r * W + j * stride + s),
        ),
        Wrong(
            "comma",
            "x[row, column] is Python: in C the comma throws its left side away. Row i * stride + r, column j * stride + s "
            "is x[(i * stride + r) * W + j * stride + s]",
            _changed(READ, "x[i * stride + r, j * stride + s]"),
            _reads(lambda i, j, r, s, W, size, stride: j * stride + s),
        ),
        Wrong(
            "int",
            "the variable for the largest number is an `int`, which drops what stands after the decimal point: make it a "
            "`float`",
            _changed("float best = -INFINITY", "int best = -1000000").replace(
                "fmax(best, " + READ + ")", "max(best, (int) " + READ + ")"
            ),
            _as_pooled(lambda x, size, stride: np.trunc(max_pool(x, size, stride))),
        ),
        Wrong(
            "pitch of y",
            "a row of y is OW = (W - size) / stride + 1 numbers long, not W as in x: number (i, j) is y[i * OW + j]",
            _changed("y[i * OW + j]", "y[i * W + j]"),
            symptom="overrun",
            told="y[i * W + j]",
        ),
        Wrong(
            "no bounds check",
            "work-items write where no number of theirs is. Is there a check that sends away all with "
            "i >= (H - size) / stride + 1, and all with j >= (W - size) / stride + 1 (one of the two is enough, so `||` "
            "and not `&&`)? And does number (i, j) go to y[i * OW + j], where OW is the length of a row of y?",
            _changed("    if (i >= OH || j >= OW) return;\n", ""),
            symptom="overrun",
        ),
        Wrong(
            "compared with nothing",
            "y holds nothing at the beginning, not even 0: keep the best so far in a variable of your own, and write it into "
            "y once, with `=`",
            _changed("y[i * OW + j] = best;", "y[i * OW + j] = fmax(y[i * OW + j], best);"),
            symptom="outside read",
            told="depends on numbers that are not its own",
        ),
        Wrong(
            "one too far",
            "it reads what lies outside the picture. Do r and s run from 0 to size - 1 (`<`, and not `<=`)? Does the window of "
            "(i, j) begin in row i * stride, column j * stride? And is a row of x W numbers long?",
            _changed("r < size", "r <= size").replace("s < size", "s <= size"),
            symptom="outside read",
        ),
        Wrong(
            "nothing assigned",
            "no line gives y its numbers: the largest must go to y[...] in the end, with a single `=` (`==` only compares)",
            _changed("] = best", "] == best"),
            symptom="unwritten",
            told="no line assigns to",
        ),
        Wrong(
            "places without a number",
            "some windows never get their number. Is j = get_global_id(0) the column and i = get_global_id(1) the row? And do all "
            "with i < (H - size) / stride + 1 and j < (W - size) / stride + 1 come to the line that writes? Mind the + 1",
            _changed("(H - size) / stride + 1", "(H - size) / stride"),
            symptom="unwritten",
        ),
        Wrong(
            "endless",
            "it does not come to an end: does the counter of each loop grow, and is it the counter that is compared?",
            _changed("r < size; r++", "r < size; r += 0"),
            symptom="timeout",
        ),
        Wrong(
            "writes the picture",
            "it writes into its input, which belongs to others: the answer goes to y, and x is only read",
            _changed("__global const float *x", "__global float *x").replace(
                "    y[i * OW + j] = best;", "    y[i * OW + j] = best;\n    x[i * stride * W + j] = best;"
            ),
            symptom="input changed",
        ),
        Wrong(
            "does not compile",
            "the compiler does not understand it: read its words below, and look at the line it names",
            _changed("float best = -INFINITY;", "float best = -INFINITY"),
            symptom="build",
        ),
    ),
    hints=(
        "The loop over i and j of `pool` is gone: each work-item is one window. What is left is finding the largest number of "
        "its window, with two loops over size rows and size columns.",
        "First the size of the result: OH = (H - size) / stride + 1, and OW likewise. Leave at once when i >= OH or j >= OW. "
        "Then begin with the window's first number, x[i * stride * W + j * stride].",
        "In the loops: best = fmax(best, x[(i * stride + r) * W + j * stride + s]). In the end: y[i * OW + j] = best.",
    ),
    explanation="Each window is a work-item of its own and begins in row i * stride, column j * stride. The largest number so far "
    "must begin as one of the window's own, or as -INFINITY: whoever begins with 0 cannot find the largest of negative numbers.",
)


# --- 04.3: what pooling saves --------------------------------------------------------------------------------


def costs(H, W, C, size, stride, K):
    """Numbers, multiply-adds, parameters."""
    OH, OW = (H - size) // stride + 1, (W - size) // stride + 1
    return [OH * OW * C, OH * OW * K * 9 * C, OH * OW * C * 10 + 10]


def costs_counted(H, W, C, size, stride, K):
    """Count the places one by one."""
    places = len(range(0, H - size + 1, stride)) * len(range(0, W - size + 1, stride))
    return np.array([C * places, sum(9 * C * places for _ in range(K)), 10 * (C * places + 1)])


def costs_as_tuple(H, W, C, size, stride, K):
    """From one to the next."""
    numbers = C * (1 + (H - size) // stride) * (1 + (W - size) // stride)
    return numbers, numbers * 9 * K, 10 + 10 * numbers


def _volume(H, W, C, size, stride, K, group="tiles of 2 x 2", words=""):
    names = ("H", "W", "C", "size", "stride", "K")
    return Case(dict(zip(names, map(int, (H, W, C, size, stride, K)), strict=True)), group, words)


def cost_cases(rng):
    yield _volume(32, 32, 12, 2, 2, 12, words="the example of the text")
    yield _volume(64, 48, 3, 2, 2, 8)
    for _ in range(4):
        H, W = 2 * rng.integers(5, 60, 2)
        C, K = rng.choice(np.arange(3, 40), 2, replace=False)
        yield _volume(H, W, C, 2, 2, K)
    yield _volume(33, 21, 7, 2, 2, 5, "any window", "an odd number of rows and columns")
    yield _volume(55, 55, 96, 3, 2, 256, "any window", "windows that overlap")
    for _ in range(6):
        size, stride = rng.integers(2, 6), rng.integers(1, 6)
        H, W = rng.integers(12, 70, 2)
        C, K = rng.choice(np.arange(3, 40), 2, replace=False)
        yield _volume(H, W, C, size, stride, K, "any window")


def _from_places(OH, OW, C, K):
    return [OH * OW * C, OH * OW * K * 9 * C, OH * OW * C * 10 + 10]


def _places(H, W, size, stride):
    return (H - size) // stride + 1, (W - size) // stride + 1


def _with(function):
    """A mistake in one of the three numbers, from (OH, OW, C, K)."""
    return lambda H, W, C, size, stride, K: function(*_places(H, W, size, stride), C, K)


counted = FunctionExercise(
    id="04.3",
    title="What it saves",
    answer="costs",
    groups={"tiles of 2 x 2": 2, "any window": 1},
    reference=costs,
    cases=cost_cases,
    tolerance=0,
    also_right=(costs_counted, costs_as_tuple),
    wrong=(
        Wrong(
            "not pooled",
            "you count before the pooling: it leaves (H - size) // stride + 1 rows and (W - size) // stride + 1 columns",
            lambda H, W, C, size, stride, K: _from_places(H, W, C, K),
        ),
        Wrong(
            "depth pooled",
            "you pooled the depth as well: each of the C maps is pooled by itself, and all C are left",
            lambda H, W, C, size, stride, K: _from_places(*_places(H, W, size, stride), C // size, K),
        ),
        Wrong(
            "halved only once",
            "your numbers are halved where they should be quartered: both the rows and the columns become fewer",
            lambda H, W, C, size, stride, K: _from_places(_places(H, W, size, stride)[0], W, C, K),
        ),
        Wrong(
            "size for stride",
            "you divide by the window's size, or take it for the stride: (H - size) // stride + 1 needs both",
            lambda H, W, C, size, stride, K: _from_places(H // size, W // size, C, K),
        ),
        Wrong(
            "always halved",
            "you halve the rows and the columns, whatever the window: there are (H - size) // stride + 1 rows, and columns likewise",
            lambda H, W, C, size, stride, K: _from_places(H // 2, W // 2, C, K),
        ),
        Wrong(
            "window forgotten",
            "H // stride counts windows that hang over the border, too: the last one must have room, so take the window off "
            "first, (H - size) // stride + 1",
            lambda H, W, C, size, stride, K: _from_places(H // stride, W // stride, C, K),
        ),
        Wrong(
            "rounded up",
            "a step that does not fit is no step: what is left over is left out, so round down (`//`)",
            lambda H, W, C, size, stride, K: _from_places(-(-H // stride), -(-W // stride), C, K),
        ),
        Wrong(
            "a fraction",
            "there are only whole windows: divide with `//`, which rounds down",
            lambda H, W, C, size, stride, K: _from_places(
                (H - size) / stride + 1, (W - size) / stride + 1, C, K
            ),
        ),
        Wrong(
            "off by one",
            "the + 1 is missing: the window stands somewhere before its first step",
            lambda H, W, C, size, stride, K: _from_places((H - size) // stride, (W - size) // stride, C, K),
        ),
        Wrong(
            "flat filters",
            "the first and the third number are right. The multiply-adds are not: a filter is as deep as the volume, so it "
            "has 3·3·C weights",
            _with(lambda OH, OW, C, K: [OH * OW * C, OH * OW * K * 9, OH * OW * C * 10 + 10]),
        ),
        Wrong(
            "one filter",
            "the first and the third number are right. The multiply-adds are those of a single filter: there are K of them",
            _with(lambda OH, OW, C, K: [OH * OW * C, OH * OW * 9 * C, OH * OW * C * 10 + 10]),
        ),
        Wrong(
            "in one place",
            "the first and the third number are right. The second is the number of weights of all filters: each is used once "
            "in every place, so multiply by the places",
            _with(lambda OH, OW, C, K: [OH * OW * C, K * 9 * C, OH * OW * C * 10 + 10]),
        ),
        Wrong(
            "biases multiplied",
            "the first and the third number are right. Among the multiply-adds you counted the biases of the filters: leave "
            "them out",
            _with(lambda OH, OW, C, K: [OH * OW * C, OH * OW * K * (9 * C + 1), OH * OW * C * 10 + 10]),
        ),
        Wrong(
            "biases added",
            "the first and the third number are right. The second is a little too large: leave the filters' biases out, they are "
            "no multiply-adds",
            _with(lambda OH, OW, C, K: [OH * OW * C, OH * OW * K * 9 * C + K, OH * OW * C * 10 + 10]),
        ),
        Wrong(
            "smaller again",
            "the first and the third number are right. The convolution keeps the size, so it has OH·OW places: you took the "
            "border off",
            _with(lambda OH, OW, C, K: [OH * OW * C, (OH - 2) * (OW - 2) * K * 9 * C, OH * OW * C * 10 + 10]),
        ),
        Wrong(
            "no biases",
            "the first two numbers are right. The dense layer has a bias for each of its 10 outputs, too",
            _with(lambda OH, OW, C, K: [OH * OW * C, OH * OW * K * 9 * C, OH * OW * C * 10]),
        ),
        Wrong(
            "one bias",
            "the first two numbers are right. The dense layer has 10 biases, one for each output, and you counted a single one",
            _with(lambda OH, OW, C, K: [OH * OW * C, OH * OW * K * 9 * C, OH * OW * C * 10 + 1]),
        ),
        Wrong(
            "biases of inputs",
            "the first two numbers are right. In the dense layer you gave a bias to each input: it belongs to an output, and "
            "there are 10",
            _with(lambda OH, OW, C, K: [OH * OW * C, OH * OW * K * 9 * C, OH * OW * C * 11]),
        ),
        Wrong(
            "dense after the filters",
            "the first two numbers are right. The dense layer comes after the pooling, in place of the convolution: the volume "
            "that it reads is C maps deep, not K",
            _with(lambda OH, OW, C, K: [OH * OW * C, OH * OW * K * 9 * C, OH * OW * K * 10 + 10]),
        ),
        Wrong(
            "one map",
            "your first number is that of a single map: the volume has C of them",
            _with(lambda OH, OW, C, K: [OH * OW, OH * OW * K * 9 * C, OH * OW * C * 10 + 10]),
        ),
        Wrong(
            "one map throughout",
            "you counted a single map: the volume has C of them, and so many times as much of everything",
            _with(lambda OH, OW, C, K: [OH * OW, OH * OW * K * 9, OH * OW * 10 + 10]),
        ),
    ),
    hints=(
        "How many places has the window from top to bottom, how many from left to right? Notebook 01 had the formula; there is "
        "no padding here. And each of the C maps is pooled by itself.",
        "OH = (H - size) // stride + 1, OW likewise: OH·OW·C numbers. The convolution keeps OH·OW places, and in each of them K "
        "filters of 3·3·C weights do their work.",
        "The multiply-adds are OH * OW * K * 9 * C. The dense layer has 10 weights for each of the numbers, and 10 biases.",
    ),
    explanation="Places times depth is the number of numbers. A convolution does K·3·3·C multiply-adds in each place, so a quarter "
    "of the places is a quarter of the work. The dense layer has a weight from each number to each of its 10 outputs, and 10 biases.",
)


# --- 04.4: a line that moves -----------------------------------------------------------------------------------

moved_line = Prediction(
    id="04.4",
    title="A line that moves",
    answer="unnoticed",
    right=4,
    tolerance=0,
    wrong=(
        Wrong(
            "always",
            "that would be all of them. The last move brings the line into the last column; the first tile ends after column "
            "1: does the pooled picture stay the same when the line enters another tile?",
            7,
        ),
        Wrong(
            "never",
            "that would be none. When the line moves from column 0 to column 1, which tiles is it in before and after, and "
            "what is the largest number in them?",
            0,
        ),
        Wrong(
            "the others",
            "these are the moves that are noticed: across the border between two tiles. The question is about the others",
            3,
        ),
        Wrong(
            "half of seven",
            "a move is noticed or it is not: half a move there is none. Take them one by one, 0 to 1, 1 to 2, and so on",
            3.5,
        ),
        Wrong(
            "places",
            "there are eight places and seven moves between them, and not all of the moves stay within a tile",
            8,
        ),
        Wrong(
            "one",
            "there is more than one tile in which the line can move from the left column to the right one",
            1,
        ),
        Wrong(
            "two",
            "that would be right for two tiles side by side: how many lie beside each other in 8 columns?",
            2,
        ),
        Wrong(
            "six",
            "you let the line leave a tile unnoticed: which columns belong to the same tile as column 1?",
            6,
        ),
        Wrong(
            "five",
            "one too many: write down for each move which tile the line comes from and which it goes to",
            5,
        ),
    ),
    hints=(
        "The tiles are columns 0 and 1, columns 2 and 3, and so on.",
        "Where the line stays in its tile, the largest number of this tile stays 1 and that of all others 0.",
        "From 0 to 1: the same tile. From 1 to 2: another tile. From 2 to 3: the same. Go on until column 7.",
    ),
    explanation="The moves 0 to 1, 2 to 3, 4 to 5 and 6 to 7 stay within a tile and are hidden: four. The moves 1 to 2, 3 to 4 and "
    "5 to 6 cross a border, and the pooled line moves.",
)


# --- 04.5: only the winner -------------------------------------------------------------------------------------


def max_pool_backward(g, x, size, stride):
    """Each window's gradient to its winner."""
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(g.shape):
        a, b = divmod(int(windows(x, size, stride)[i, j].argmax()), size)
        dx[i * stride + a, j * stride + b] += g[i, j]
    return dx


def backward_gathered(g, x, size, stride):
    """Each pixel asks its windows, as cnnkit's kernel does."""
    winners = windows(np.arange(x.size).reshape(x.shape), size, stride).reshape(*g.shape, -1)
    best = windows(x, size, stride).reshape(*g.shape, -1).argmax(axis=2)
    won = np.take_along_axis(winners, best[:, :, None], axis=2)[:, :, 0]
    return np.array([g[won == pixel].sum() for pixel in range(x.size)]).reshape(x.shape)


def backward_as_lists(g, x, size, stride):
    """Plain Python; of equal numbers the first stays."""
    dx = [[0.0] * x.shape[1] for _ in range(x.shape[0])]
    for i, j in np.ndindex(g.shape):
        best = None
        for r in range(i * stride, i * stride + size):
            for s in range(j * stride, j * stride + size):
                if best is None or x[r, s] > x[best]:
                    best = r, s
        dx[best[0]][best[1]] += g[i, j]
    return dx


def backward_all_at_once(g, x, size, stride):
    """np.add.at adds up where places repeat."""
    best = windows(x, size, stride).reshape(*g.shape, -1).argmax(axis=2)
    i, j = np.indices(g.shape)
    dx = np.zeros(x.shape)
    np.add.at(dx, (i * stride + best // size, j * stride + best % size), g)
    return dx


def backward_cases(rng):
    def case(H, W, size, stride, group="values", words=""):
        x = rng.permutation(H * W).reshape(H, W) - H * W / 2.0  # no two are equal
        g = rng.standard_normal(max_pool(x, size, stride).shape) + 0.25
        return Case({"g": g, "x": x, "size": size, "stride": stride}, group, words)

    text = {"g": np.array([[10.0, 20], [30, 40]]), "x": EXAMPLE, "size": 2, "stride": 2}
    yield Case(text, "values", "the example of the text")
    yield case(6, 8, 2, 2)
    yield case(9, 6, 3, 3)
    yield case(7, 5, 2, 2, words="a last row and column that are left out")
    middle = np.array([[1.0, 2, 3], [4, 9, 5], [6, 7, 8]])
    yield Case(
        {"g": np.ones((2, 2)), "x": middle, "size": 2, "stride": 1},
        "overlap",
        "one pixel that wins all windows",
    )
    yield case(5, 6, 2, 1, "overlap")
    yield case(7, 9, 3, 2, "overlap")
    g = rng.standard_normal((3, 3)) + 0.25
    yield Case({"g": g, "x": np.zeros((6, 6)), "size": 2, "stride": 2}, "edge cases", "nothing but zeros")
    x = np.maximum(0, rng.integers(-3, 3, (6, 8)).astype(float))
    x[:2, :2], x[2:4, 2:4] = 1, [[0, 2], [0, 2]]
    g = rng.standard_normal((3, 4)) + 0.25
    yield Case({"g": g, "x": x, "size": 2, "stride": 2}, "edge cases", "equally large pixels")
    yield case(8, 8, 2, 3, "edge cases", "gaps between the windows")


def _scattered(function):
    """A mistake made in each window: function(dx, g[i, j], window of x, top, left, i, j, size)."""

    def backward(g, x, size, stride):
        dx = np.zeros(x.shape)
        for i, j in np.ndindex(g.shape):
            top, left = i * stride, j * stride
            function(dx, g[i, j], x[top : top + size, left : left + size], top, left, i, j, size)
        return dx

    return backward


def _lost(dx, g, window, top, left, i, j, size):
    a, b = divmod(int(window.argmax()), size)
    dx[top + a, left + b] = g


def _wiped(dx, g, window, top, left, i, j, size):
    mask = np.zeros(window.size)
    mask[window.argmax()] = g
    dx[top : top + size, left : left + size] = mask.reshape(window.shape)


def _everyone(dx, g, window, top, left, i, j, size):
    dx[top : top + size, left : left + size] += g


def _shared(dx, g, window, top, left, i, j, size):
    dx[top : top + size, left : left + size] += g / size**2


def _all_equals(dx, g, window, top, left, i, j, size):
    dx[top : top + size, left : left + size] += g * (window == window.max())


def _shared_by_equals(dx, g, window, top, left, i, j, size):
    mask = window == window.max()
    dx[top : top + size, left : left + size] += g * mask / mask.sum()


def _last(dx, g, window, top, left, i, j, size):
    a, b = divmod(window.size - 1 - int(window.ravel()[::-1].argmax()), size)
    dx[top + a, left + b] += g


def _loser(dx, g, window, top, left, i, j, size):
    a, b = divmod(int(window.argmin()), size)
    dx[top + a, left + b] += g


def _value(dx, g, window, top, left, i, j, size):
    a, b = divmod(int(window.argmax()), size)
    dx[top + a, left + b] += window[a, b]


def _value_times_g(dx, g, window, top, left, i, j, size):
    a, b = divmod(int(window.argmax()), size)
    dx[top + a, left + b] += g * window[a, b]


def _ones(dx, g, window, top, left, i, j, size):
    a, b = divmod(int(window.argmax()), size)
    dx[top + a, left + b] += 1


def _no_offset(dx, g, window, top, left, i, j, size):
    a, b = divmod(int(window.argmax()), size)
    dx[a, b] += g


def _whole_row(dx, g, window, top, left, i, j, size):
    dx[int(window.argmax())] += g


def _no_stride(dx, g, window, top, left, i, j, size):
    a, b = divmod(int(window.argmax()), size)
    dx[i + a, j + b] += g


def _corner(dx, g, window, top, left, i, j, size):
    dx[top, left] += g


def _swapped(dx, g, window, top, left, i, j, size):
    b, a = divmod(int(window.argmax()), size)
    dx[top + a, left + b] += g


def _one_apart(g, x, size, stride):
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(g.shape):
        a, b = divmod(int(x[i : i + size, j : j + size].argmax()), size)
        dx[i + a, j + b] += g[i, j]
    return dx


def _side_by_side(g, x, size, stride):
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(g.shape):
        top, left = i * size, j * size
        a, b = divmod(int(np.argmax(x[top : top + size, left : left + size])), size)
        dx[top + a, left + b] += g[i, j]
    return dx


def _as_small_as_g(g, x, size, stride):
    dx = np.zeros(g.shape)
    for i, j in np.ndindex(g.shape):
        top, left = i * stride, j * stride
        a, b = divmod(np.argmax(x[top : top + size, left : left + size]), size)
        dx[top + a, left + b] += g[i, j]
    return dx


def _first_window(g, x, size, stride):
    dx = np.zeros(x.shape)
    a, b = divmod(int(x[:size, :size].argmax()), size)
    dx[a, b] += g[0, 0]
    return dx


def _cnnkit_backward(g, x, size, stride):
    g, x = (np.asarray(each, np.float32)[None, None] for each in (g, x))
    return cnnkit.max_pool2d_backward(g, x, size, stride).get()[0, 0]


only_the_winner = FunctionExercise(
    id="04.5",
    title="Only the winner",
    answer="max_pool_backward",
    groups={"values": 2, "overlap": 1, "edge cases": 1},
    reference=max_pool_backward,
    cases=backward_cases,
    also_right=(backward_gathered, backward_as_lists, backward_all_at_once),
    stand_in=_cnnkit_backward,
    wrong=(
        Wrong(
            "lost update",
            "a pixel that wins several windows keeps only what the last of them gave: with `=` each wipes out the one before. "
            "Add, with `+=`",
            _scattered(_lost),
        ),
        Wrong(
            "wiped out",
            "each window wipes out what the windows before it have written: where they overlap, add to what is there (`+=`)",
            _scattered(_wiped),
        ),
        Wrong(
            "everyone",
            "every pixel of the window gets the gradient: only the winner reached the output, so only it gets g",
            _scattered(_everyone),
        ),
        Wrong(
            "shared",
            "you share g among all pixels of the window: that is the way back through average pooling. Here the winner gets it "
            "all",
            _scattered(_shared),
        ),
        Wrong(
            "all winners",
            "where several pixels are equally large, each of them gets g: only the first in reading order wins. A comparison "
            "with the largest number finds them all; np.argmax finds the first",
            _scattered(_all_equals),
        ),
        Wrong(
            "winners share",
            "where several pixels are equally large, you share g among them: here the first in reading order wins and gets it all",
            _scattered(_shared_by_equals),
        ),
        Wrong(
            "last winner",
            "of equally large pixels the last one gets g: the first in reading order must win. Compare with `>`, not with `>=`",
            _scattered(_last),
        ),
        Wrong("loser", "the smallest number of each window gets g: the largest won", _scattered(_loser)),
        Wrong(
            "its value",
            "the winner gets its own value back: what comes back is not the number that went in, but g",
            _scattered(_value),
        ),
        Wrong(
            "value times g",
            "you multiply g by the winner's value: move the winner a little, and the output moves just as much, so it gets g "
            "itself",
            _scattered(_value_times_g),
        ),
        Wrong(
            "ones",
            "you mark the winners with 1: each must get the g of its window",
            _scattered(_ones),
        ),
        Wrong(
            "in the first window",
            "all gradients land in the upper left window: argmax counts from the window's own corner, so add where the window "
            "begins, i * stride and j * stride",
            _scattered(_no_offset),
        ),
        Wrong(
            "a whole row",
            "np.argmax gives a single number, and dx[number] is a whole row of dx: make row and column of it with divmod, and add "
            "where the window begins",
            _scattered(_whole_row),
        ),
        Wrong(
            "no stride on the way back",
            "your windows are cut out in the right places, but the gradients land elsewhere: the window of (i, j) begins in row "
            "i * stride and column j * stride on the way back as well",
            _scattered(_no_stride),
        ),
        Wrong(
            "one apart",
            "your windows are one pixel apart: the window of (i, j) begins in row i * stride and column j * stride",
            _one_apart,
        ),
        Wrong(
            "side by side",
            "your windows lie side by side, whatever the stride: they begin in row i * stride and column j * stride",
            _side_by_side,
        ),
        Wrong(
            "corner",
            "g goes to the upper left pixel of each window, whether it won or not",
            _scattered(_corner),
        ),
        Wrong(
            "swapped",
            "row and column are swapped within the window: divmod(number, size) gives the row first",
            _scattered(_swapped),
        ),
        Wrong(
            "transposed", "rows and columns are swapped in your result", lambda *a: max_pool_backward(*a).T
        ),
        Wrong(
            "as small as g",
            "dx must be as large as x, one number for each pixel: yours begins with the shape of g",
            _as_small_as_g,
        ),
        Wrong(
            "g itself",
            "you return g as it is: it has a number for each window, and dx must have one for each pixel",
            lambda g, x, size, stride: g,
        ),
        Wrong(
            "whole numbers",
            "you dropped what stands after the decimal point: dx must not be of type int (`np.zeros` without a dtype is right)",
            lambda *a: np.trunc(max_pool_backward(*a)).astype(int),
        ),
        Wrong(
            "returned after one",
            "only the first window's gradient arrives: the `return` stands inside a loop and ends it at once",
            _first_window,
        ),
    ),
    hints=(
        "Begin with dx, zeros of the shape of x. Go through all numbers of g: each belongs to one window of x.",
        "The window of g[i, j] is x[i * stride : i * stride + size, j * stride : j * stride + size]. Where in it is the "
        "largest? a, b = divmod(np.argmax(window), size).",
        "Counted in the whole picture that is row i * stride + a, column j * stride + b. There, dx gets += g[i, j].",
    ),
    explanation="Only the winner of a window reached the output, so it alone gets the window's g; and it gets one g from each window "
    "that it won, which is why they must be added up.",
)
