"""The exercises of notebook 03."""

import numpy as np

import cnnkit
from cnnkit.exercises.definition import Case, FunctionExercise, KernelExercise, Prediction, Wrong
from cnnkit.exercises.launch import In, Launch, Out

# --- 03.1: two filters in a row ------------------------------------------------------------------------------

two_filters = Prediction(
    id="03.1",
    title="Two filters in a row",
    answer="my_filter",
    choices=(
        "one 3x3 filter",
        "one 4x4 filter",
        "one 5x5 filter",
        "one 6x6 filter",
        "one 9x9 filter",
        "no single filter",
    ),
    right="one 5x5 filter",
    wrong=(
        Wrong(
            "3x3",
            "the second filter looks at nine numbers, and they lie in different places: their windows in the photograph are "
            "not all the same one. How far apart do they reach?",
            "one 3x3 filter",
        ),
        Wrong(
            "4x4",
            "a window of 3 has its neighbor on the left, one pixel further, and its neighbor on the right, one pixel further: "
            "how many pixels do the three cover together?",
            "one 4x4 filter",
        ),
        Wrong(
            "6x6",
            "3 + 3 would be two windows side by side. Neighboring windows overlap: how many pixels do three windows of 3 cover, "
            "each one pixel further than the last?",
            "one 6x6 filter",
        ),
        Wrong(
            "9x9",
            "3 · 3 would be three windows that do not overlap. These are moved by one pixel only: how many pixels do the three "
            "cover?",
            "one 9x9 filter",
        ),
        Wrong(
            "none",
            "each number of the second result is a weighted sum of nine numbers, and each of these is a weighted sum of nine "
            "pixels. What is a weighted sum of weighted sums?",
            "no single filter",
        ),
    ),
    hints=(
        "A filter makes weighted sums of pixels, and nothing else. What does the second one make weighted sums of?",
        "So some single filter will do. Its size is how far the pixels lie apart that one number of the second result depends on.",
        "In one direction: three windows of 3 pixels, the first on pixels 0 to 2, the second on 1 to 3, the third on 2 to 4.",
    ),
    explanation="A weighted sum of weighted sums is a weighted sum of the same pixels, with other weights. Three windows of 3, each "
    "one pixel further, cover 5 pixels, in each direction: one 5x5 filter does the work of both.",
)


# --- 03.2: the one filter --------------------------------------------------------------------------------------


def merge(w, v):
    """A copy of w for each weight of v, moved to its place."""
    (R, S), (T, U) = w.shape, v.shape
    m = np.zeros((R + T - 1, S + U - 1))
    for t, u in np.ndindex(T, U):
        m[t : t + R, u : u + S] += v[t, u] * w
    return m


def merge_number_by_number(w, v):
    """Four loops over both filters."""
    (R, S), (T, U) = w.shape, v.shape
    m = np.zeros((R + T - 1, S + U - 1))
    for r, s in np.ndindex(R, S):
        for t, u in np.ndindex(T, U):
            m[r + t, s + u] += w[r, s] * v[t, u]
    return m


def _slid(x, w):
    """The dot product of w with every patch of x."""
    return np.einsum("ijrs,rs->ij", np.lib.stride_tricks.sliding_window_view(x, w.shape), w)


def merge_by_a_bright_pixel(w, v):
    """One bright pixel goes through both and comes out as the merged filter, turned by 180 degrees."""
    (R, S), (T, U) = w.shape, v.shape
    x = np.zeros((2 * (R + T) - 3, 2 * (S + U) - 3))
    x[R + T - 2, S + U - 2] = 1
    return _slid(_slid(x, w), v)[::-1, ::-1]


def merge_by_waves(w, v):
    """The product of their Fourier transforms."""
    shape = [a + b - 1 for a, b in zip(w.shape, v.shape, strict=True)]
    return np.fft.irfft2(np.fft.rfft2(w, shape) * np.fft.rfft2(v, shape), shape)


def merge_cases(rng):
    w, v = np.outer([1.0, 2, 1], [1, 2, 1]), np.full((3, 3), -1.0)
    v[1, 1] = 8
    yield Case({"w": w, "v": v}, "shape", "the two filters of the text", only_shape=True)
    yield Case({"w": w, "v": v}, "values", "the two filters of the text")
    for first, second in (((3, 3), (3, 3)), ((5, 5), (3, 3)), ((2, 4), (3, 2))):
        w, v = rng.integers(-5, 6, first).astype(float), rng.integers(-5, 6, second).astype(float)
        w[0, 0], w[-1, -1], w[0, -1] = 2, -5, 3  # never the same when turned
        v[0, 0], v[-1, -1], v[0, -1] = -4, 1, 5
        yield Case({"w": w, "v": v}, "shape", only_shape=True)
        yield Case({"w": w, "v": v}, "values")
    yield Case(
        {"w": rng.standard_normal((3, 3)), "v": rng.standard_normal((1, 1))},
        "values",
        "a second filter of one weight",
    )


def _written_over(w, v):
    (R, S), (T, U) = w.shape, v.shape
    m = np.zeros((R + T - 1, S + U - 1))
    for t, u in np.ndindex(T, U):
        m[t : t + R, u : u + S] = v[t, u] * w
    return m


def _too_large(w, v):
    return np.pad(merge(w, v), ((0, 1), (0, 1)))


def _middle(w, v):
    top, left = ((n - 1) // 2 for n in v.shape)
    return merge(w, v)[top : top + w.shape[0], left : left + w.shape[1]]


def _returned_early(w, v):
    m = np.zeros((w.shape[0] + v.shape[0] - 1, w.shape[1] + v.shape[1] - 1))
    m[: w.shape[0], : w.shape[1]] = v[0, 0] * w
    return m


def _three_by_three(w, v):
    m = np.zeros((5, 5))
    for t, u in np.ndindex(3, 3):
        m[t : t + 3, u : u + 3] += v[t, u] * w
    return m


def _one_weight(w, v):
    (R, S), (T, U) = w.shape, v.shape
    m = np.zeros((R + T - 1, S + U - 1))
    for t, u in np.ndindex(T, U):
        m[t : t + R, u : u + S] += v[t, u] * w[t, u]
    return m


def _weights_alone(w, v):
    (R, S), (T, U) = w.shape, v.shape
    m = np.zeros((R + T - 1, S + U - 1))
    for t, u in np.ndindex(T, U):
        m[t : t + R, u : u + S] += w
    return m


merged = FunctionExercise(
    id="03.2",
    title="The one filter",
    answer="merge",
    groups={"shape": 1, "values": 2},
    reference=merge,
    cases=merge_cases,
    also_right=(merge_number_by_number, merge_by_a_bright_pixel, merge_by_waves),
    wrong=(
        Wrong(
            "product",
            "you multiplied each weight of one filter by the weight of the other in the same place; but every weight of w meets "
            "every weight of v, and the result is larger than both",
            lambda w, v: w * v,
        ),
        Wrong(
            "sum",
            "you added the two filters up: that is one filter for two that look at the same photograph, side by side. Here the "
            "second looks at what the first has made",
            lambda w, v: w + v,
        ),
        Wrong(
            "matrix product",
            "`@` multiplies rows by columns, as for matrices: here each weight of v brings a copy of all of w",
            lambda w, v: w @ v,
        ),
        Wrong(
            "turned",
            "your filter is turned by 180 degrees: a bright pixel comes out of a filter turned, and it must be turned back",
            lambda w, v: merge(w, v)[::-1, ::-1],
        ),
        Wrong(
            "v turned",
            "you took the weights of v in the opposite order: v[0, 0] belongs to the copy of w in the upper left corner. (If you "
            "slid v over w with zeros around it: sliding needs v turned by 180 degrees.)",
            lambda w, v: merge(w, v[::-1, ::-1]),
        ),
        Wrong(
            "w turned",
            "your copies of w are turned by 180 degrees: each must stand as it is. (If you slid w over v with zeros around it: "
            "sliding needs w turned by 180 degrees.)",
            lambda w, v: merge(w[::-1, ::-1], v),
        ),
        Wrong(
            "inside",
            "you slid v inside w; but the copies of w stick out over each other, and the result has R + T - 1 rows and "
            "S + U - 1 columns",
            _slid,
        ),
        Wrong(
            "one too large",
            "the last row and the last column are too many: three windows of 3, one pixel apart, cover 5 pixels, not 6. The "
            "result has R + T - 1 rows and S + U - 1 columns",
            _too_large,
        ),
        Wrong(
            "as large as w",
            "you cut the result to the size of w: the pixels around it count, too, so it has R + T - 1 rows and S + U - 1 columns",
            _middle,
        ),
        Wrong(
            "side by side",
            "you put the copies of w side by side; they overlap, each one pixel further than the last, and are added up",
            lambda w, v: np.kron(v, w),
        ),
        Wrong(
            "written over",
            "each copy wipes out the ones below it: where they overlap they must be added, with `+=`",
            _written_over,
        ),
        Wrong(
            "first copy",
            "only the first copy of w is there: the `return` stands inside a loop and ends it at once",
            _returned_early,
        ),
        Wrong(
            "weights of v",
            "every copy of w counts the same: multiply it by its weight of v first",
            _weights_alone,
        ),
        Wrong(
            "two of 3x3",
            "it works for two 3x3 filters only: take the sizes from w.shape and v.shape. There are as many copies as v has "
            "weights, and each is as large as w",
            _three_by_three,
        ),
        Wrong(
            "one weight of w",
            "a copy is all of w, and you added a single weight of it to the whole patch: v[t, u] * w, without [t, u] behind w",
            _one_weight,
        ),
        Wrong("transposed", "rows and columns are swapped in your result", lambda w, v: merge(w, v).T),
    ),
    hints=(
        "Begin with zeros of R + T - 1 rows and S + U - 1 columns, where w has the shape (R, S) and v the shape (T, U).",
        "Weight (t, u) of v looks at the first result t rows down and u columns to the right. There stands w's sum, of a window "
        "that is moved just as far.",
        "So for each (t, u), add a copy of w whose upper left corner is at (t, u): m[t : t + R, u : u + S] += v[t, u] * w.",
    ),
    explanation="Weight (t, u) of v reads the first result t rows down and u columns to the right, and there stands w's sum over a "
    "window moved just as far. So each weight of v brings a copy of w, moved to its place, and where copies overlap they add up. "
    "In the mathematicians' sense that is the convolution of the two filters, with zeros all around.",
)


# --- 03.3: XOR, by a network of two hidden neurons ---------------------------------------------------------------

PIXELS = ((0, 0), (1, 0), (0, 1), (1, 1))
TRUTH = (0, 1, 1, 0)


def xor_network(a):
    """p more than q, or q more than p."""
    return np.array([[1, -1, 0], [-1, 1, 0], [1 / a, 1 / a, 0]])


def xor_by_sum(a):
    """How many are bright; and take away twice what is above one."""
    return np.array([[1 / a, 1 / a, 0], [1 / a, 1 / a, -1], [1, -2, 0]])


def xor_from_above(a):
    """1, less what is too dark or too bright."""
    return np.array([[-1 / a, -1 / a, 1], [1 / a, 1 / a, -1], [-1, -1, 1]])


def answers(weights, a):
    """What the network makes of the four pairs of pixels."""
    weights = np.asarray(weights, float)
    x = a * np.array(PIXELS, float)
    hidden = np.maximum(0, x @ weights[:2, :2].T + weights[:2, 2])
    return hidden @ weights[2, :2] + weights[2, 2]


def _shaped(value):
    return (
        not isinstance(value, str)
        and np.shape(value) == (3, 3)
        and np.isfinite(np.asarray(value, float)).all()
    )


def judge_xor(case, value):
    """ "" or the first pair of pixels that the network answers wrongly."""
    if isinstance(value, str) or np.shape(value) != (3, 3):
        got = "text" if isinstance(value, str) else f"of the shape {np.shape(value)}"
        return f"the network must be a grid of 3 rows of 3 numbers, and yours is {got}"
    if not np.isfinite(np.asarray(value, float)).all():
        return "the network must hold numbers: one of yours is infinite or no number at all"
    a = case.arguments["a"]
    for (p, q), wanted, got in zip(PIXELS, TRUTH, answers(value, a), strict=True):
        if abs(got - wanted) > 1e-3:
            return f"for p = {p * a:g} and q = {q * a:g} the network answers {got:.4g}, and it should answer {wanted}"
    return ""


def xor_cases(rng):
    yield Case({"a": 1.0}, "on is 1", "as in the text")
    for low, high in ((0.2, 0.7), (1.5, 3), (3, 9)):
        yield Case({"a": round(float(rng.uniform(low, high)), 3)}, "any brightness")


def _table(*wanted):
    """Are these the answers to the four pairs, where bright is 1?"""
    return lambda value: _shaped(value) and bool(np.allclose(answers(value, 1.0), wanted, atol=1e-3))


def _either(*tables):
    tests = [_table(*table) for table in tables]
    return lambda value: any(test(value) for test in tests)


def _on_its_side(value):
    return _shaped(value) and _table(*TRUTH)(np.asarray(value, float).T) and not _table(*TRUTH)(value)


def _scaled(value):
    """The right distinction, with a number other than 1."""
    if not _shaped(value):
        return False
    found = answers(value, 1.0)
    return bool(found[1] > 0 and np.allclose(found / found[1], TRUTH, atol=1e-3))


def _fixed(*rows):
    return lambda a: np.array(rows, float)


exclusive = FunctionExercise(
    id="03.3",
    title="One, but not both",
    answer="xor_network",
    groups={"on is 1": 2, "any brightness": 1},
    cases=xor_cases,
    judge=judge_xor,
    stand_in=xor_network,
    also_right=(xor_by_sum, xor_from_above),
    wrong=(
        Wrong(
            "on its side",
            "the right numbers in the wrong places: each row is a neuron, its two weights first and its bias last",
            _fixed([1, -1, 1], [-1, 1, 1], [0, 0, 0]),
            _on_its_side,
        ),
        Wrong(
            "bright is 1",
            "for a = 1 it is right. When bright pixels have another brightness, the answer must still be 1: which of the nine "
            "numbers depend on a?",
            _fixed([1, -1, 0], [-1, 1, 0], [1, 1, 0]),
            _table(*TRUTH),
        ),
        Wrong(
            "scaled",
            "the right pixels are found, but the answer is not 1: by which number must it be divided, when a neuron gives a?",
            lambda a: [[1, -1, 0], [-1, 1, 0], [2 * a, 2 * a, 0]],
            _scaled,
        ),
        Wrong(
            "at least one",
            "two bright pixels get 1 as well: that is OR. The two neurons must not add up to 1 when both pixels are bright",
            _fixed([1, 1, 0], [1, 1, -1], [1, -1, 0]),
            _table(0, 1, 1, 1),
        ),
        Wrong(
            "both",
            "only two bright pixels get 1: that is AND",
            _fixed([1, 1, -1], [0, 0, 0], [1, 0, 0]),
            _table(0, 0, 0, 1),
        ),
        Wrong(
            "sum",
            "two bright pixels get 2: your network counts bright pixels, and that is a straight line, with no use of the bend. Let "
            "a neuron compare the two pixels: a weight above 0 for one, below 0 for the other",
            _fixed([1, 0, 0], [0, 1, 0], [1, 1, 0]),
            _table(0, 1, 1, 2),
        ),
        Wrong(
            "difference",
            "one of the two cases gets −1: relu(p − q) − relu(q − p) is p − q again, without any bend. Both neurons must count "
            "positively",
            _fixed([1, -1, 0], [-1, 1, 0], [1, -1, 0]),
            _either((0, 1, -1, 0), (0, -1, 1, 0)),
        ),
        Wrong(
            "one neuron",
            "one of the two cases is found, and the other gets 0: that is one neuron's work. Let the second do the same with the "
            "pixels swapped",
            _fixed([1, -1, 0], [0, 0, 0], [1, 0, 0]),
            _either((0, 1, 0, 0), (0, 0, 1, 0)),
        ),
        Wrong(
            "twins",
            "your two neurons do the same, so one case is counted twice and the other never: swap the pixels' weights in one of them",
            _fixed([1, -1, 0], [1, -1, 0], [1, 1, 0]),
            _either((0, 2, 0, 0), (0, 0, 2, 0)),
        ),
        Wrong(
            "upside down",
            "the right distinction with 0 and 1 swapped: two equal pixels must get 0",
            _fixed([1, -1, 0], [-1, 1, 0], [-1, -1, 1]),
            _table(1, 0, 0, 1),
        ),
        Wrong(
            "one half",
            "1/2 for all four is the best that a straight line can do, but this network has bends",
            _fixed([0, 0, 0], [0, 0, 0], [0, 0, 0.5]),
            _table(0.5, 0.5, 0.5, 0.5),
        ),
        Wrong(
            "silent",
            "it answers 0 to everything: does a neuron ever get above 0, and does the last row let it through?",
            _fixed([0, 0, 0], [0, 0, 0], [0, 0, 0]),
            _table(0, 0, 0, 0),
        ),
        Wrong(
            "no biases",
            "a column is missing: each row has a bias at its end, even where it is 0",
            lambda a: [[1, -1], [-1, 1], [1 / a, 1 / a]],
            lambda value: not isinstance(value, str) and np.shape(value) == (3, 2),
        ),
        Wrong(
            "no last row",
            "the last row is missing: how much does each of the two neurons count in the answer?",
            lambda a: [[1, -1, 0], [-1, 1, 0]],
            lambda value: not isinstance(value, str) and np.shape(value) == (2, 3),
        ),
        Wrong(
            "one row",
            "nine numbers in a row: make three rows of three, for the two neurons and the output",
            lambda a: xor_network(a).ravel(),
            lambda value: not isinstance(value, str) and np.shape(value) == (9,),
        ),
    ),
    hints=(
        "relu(p − q) is there in the text: it finds one of the two cases. Which neuron finds the other?",
        "The rows of the two neurons are [1, -1, 0] and [-1, 1, 0]. Never are both of them above 0.",
        "For a = 1 the last row is [1, 1, 0]. For a bright pixel of brightness a the neuron gives a, and the answer should be 1: "
        "divide by a.",
    ),
    explanation="relu(p − q) is above 0 when only p is bright, relu(q − p) when only q is; add them up, divided by a. There are other "
    "ways: (p + q)/a counts the bright pixels, and relu of (p + q)/a − 1, taken away twice, brings 2 back to 0.",
)


# --- 03.4: leaky ReLU and its derivative -------------------------------------------------------------------------


def leaky_relu(x, slope):
    """f(x) and f'(x)."""
    return np.where(x > 0, x, slope * x), np.where(x > 0, 1, slope)


def leaky_by_factor(x, slope):
    d = slope + (1 - slope) * (x > 0)
    return d * x, d


def leaky_by_max(x, slope):
    y = np.maximum(x, slope * x)
    d = np.ones_like(x)
    d[x <= 0] = slope
    return y, d


def leaky_by_two_relus(x, slope):
    return [np.maximum(0, x) + slope * np.minimum(0, x), np.where(x <= 0, slope, 1.0)]


def leaky_cases(rng):
    yield Case({"x": np.array([-3.0, -0.5, 0.5, 2.0]), "slope": 0.1}, "values", "four numbers")
    for shape in ((6,), (3, 4)):
        x = rng.standard_normal(shape) * 3
        x.flat[0], x.flat[-1] = -2.25, 1.75
        yield Case({"x": x, "slope": round(float(rng.uniform(0.02, 0.4)), 3)}, "values")
    yield Case({"x": np.array([-1.0, 0.0, 1.5, 0.0]), "slope": 0.2}, "edge cases", "exactly 0")
    yield Case(
        {"x": -0.1 - rng.random((2, 3, 4)), "slope": 0.05},
        "edge cases",
        "a volume in which nothing is positive",
    )
    yield Case({"x": rng.standard_normal((2, 3, 4, 5)), "slope": 0.3}, "edge cases", "a batch of volumes")


def _leaky_in_place(x, slope):
    d = np.where(x > 0, 1, slope)
    x *= d
    return x, d


def _leaky_asked_once(x, slope):
    return (x, 1) if x > 0 else (slope * x, slope)


def _value(x, slope):
    return np.where(x > 0, x, slope * x)


def _steep(x, slope):
    return np.where(x > 0, 1, slope)


leaky = FunctionExercise(
    id="03.4",
    title="Not quite off",
    answer="leaky_relu",
    groups={"values": 2, "edge cases": 1},
    reference=leaky_relu,
    cases=leaky_cases,
    also_right=(leaky_by_factor, leaky_by_max, leaky_by_two_relus),
    stand_in=lambda x, slope: (
        cnnkit.leaky_relu(x, slope).get(),
        cnnkit.leaky_relu_backward(np.ones_like(x), x, slope).get(),
    ),
    wrong=(
        Wrong(
            "ReLU",
            "that is plain ReLU: below 0 a little must come through, slope · x, and the derivative there is slope",
            lambda x, slope: (np.maximum(0, x), np.where(x > 0, 1, 0)),
        ),
        Wrong(
            "ReLU's derivative",
            "your values are right. Below 0 the line still rises a little, so the derivative there is not 0: how much does it rise "
            "for each step of 1?",
            lambda x, slope: (_value(x, slope), np.where(x > 0, 1, 0)),
        ),
        Wrong(
            "value for slope",
            "your values are right. The derivative says how steep the line is, not how high: what does it rise for each step of 1, "
            "on the right and on the left?",
            lambda x, slope: (_value(x, slope), np.where(x > 0, x, slope)),
        ),
        Wrong(
            "slope times x",
            "your values are right. Below 0 the derivative is the same everywhere, however large x is",
            lambda x, slope: (_value(x, slope), np.where(x > 0, 1, slope * x)),
        ),
        Wrong(
            "the values twice",
            "you returned the values twice: the second must be the derivative, how steep the line is",
            lambda x, slope: (_value(x, slope), _value(x, slope)),
        ),
        Wrong(
            "wrong side",
            "you damped the positive side: above 0, x stays as it is, and slope belongs below",
            lambda x, slope: (np.where(x > 0, slope * x, x), np.where(x > 0, slope, 1)),
        ),
        Wrong(
            "wrong side of the values",
            "your derivative is right, and your values are damped on the positive side: np.maximum takes the larger of x and slope · x",
            lambda x, slope: (np.minimum(x, slope * x), _steep(x, slope)),
        ),
        Wrong(
            "absolute",
            "below 0 your values come out positive: slope · x has the sign of x",
            lambda x, slope: (np.where(x > 0, x, -slope * x), _steep(x, slope)),
        ),
        Wrong(
            "falling",
            "below 0 your values come out positive and your derivative negative: slope · x has the sign of x, and the line rises",
            lambda x, slope: (np.where(x > 0, x, -slope * x), np.where(x > 0, 1, -slope)),
        ),
        Wrong(
            "at 0",
            "only at exactly 0 it is not what was asked: there, take the derivative of the left side, slope",
            lambda x, slope: (_value(x, slope), np.where(x >= 0, 1, slope)),
        ),
        Wrong(
            "a slope of its own",
            "you wrote a fixed 0.01: take the slope that is given",
            lambda x, slope: leaky_relu(x, 0.01),
        ),
        Wrong(
            "one derivative",
            "the second of your arrays has another shape than the first: each number of x has a derivative of its own, 1 or slope",
            lambda x, slope: (_value(x, slope), 1),
        ),
        Wrong(
            "slope alone",
            "below 0 your values are the slope itself, whatever x is: multiply it by x",
            lambda x, slope: (np.where(x > 0, x, slope), _steep(x, slope)),
        ),
        Wrong(
            "values alone",
            "the derivative is missing: return two arrays, the values and the derivative",
            _value,
        ),
        Wrong(
            "derivative alone",
            "the values are missing: return two arrays, the values and the derivative",
            _steep,
        ),
        Wrong(
            "swapped",
            "both are right, in the wrong order: the values first, then the derivative",
            lambda x, slope: (_steep(x, slope), _value(x, slope)),
        ),
        Wrong(
            "one question",
            "`if x > 0` and `max` ask about one number, and x holds many: `np.where` answers for each",
            _leaky_asked_once,
        ),
        Wrong(
            "in place",
            "your numbers are right, but you wrote them into x itself, which others still need: make a new array",
            _leaky_in_place,
        ),
    ),
    hints=(
        "np.where(question, yes, no) takes from `yes` where the question is true, and from `no` elsewhere, number by number.",
        "The values: x where x > 0, slope * x elsewhere. The derivative: how steep is the line on the right, and how steep on the left?",
        "The derivative is 1 where x > 0 and slope elsewhere: np.where(x > 0, 1, slope). Return both, with a comma between.",
    ),
    explanation="Two straight lines that meet at 0: the right one rises by 1 for each step of 1, the left one by slope. So the "
    "derivative is never 0, and that is the point of the whole thing.",
)


# --- 03.5: the same as a kernel ------------------------------------------------------------------------------------


def kernel_cases(rng):
    # The volumes of "values" fill whole work-groups: a kernel without a bounds check gets these points.
    for shape, group in (
        ((64,), "values"),
        ((12, 8, 8), "values"),
        ((37,), "edge cases"),
        ((2, 3, 5, 7), "edge cases"),
        ((1,), "edge cases"),
    ):
        x = (3 * rng.standard_normal(shape)).astype(np.float32)
        x.flat[0] = -2.5
        yield Case({"x": x, "slope": round(float(rng.uniform(0.05, 0.4)), 3)}, group)


def kernel_launch(x, slope):
    x = np.ascontiguousarray(x, np.float32)
    return Launch((In(x), Out(x.shape), x.size, float(slope)), (x.size,), ((64,), (1,), (16,)))


HEAD = """__kernel void leaky(__global const float *x, __global float *y, const int n, const float slope)
{
"""
PLAIN = (
    HEAD
    + """    int i = get_global_id(0);
    if (i >= n) return;
    y[i] = x[i] > 0.0f ? x[i] : slope * x[i];
}
"""
)


def _changed(old, new, source=PLAIN):
    assert old in source
    return source.replace(old, new)


def _line(text):
    return _changed("x[i] > 0.0f ? x[i] : slope * x[i]", text)


def _each(function):
    """A wrong kernel's numbers, in float64."""
    return lambda x, slope: function(np.asarray(x, float), slope)


own_kernel = KernelExercise(
    id="03.5",
    title="One number for each work-item",
    answer="leaky",
    groups={"values": 2, "edge cases": 1},
    reference=lambda x, slope: _value(np.asarray(x, float), slope),
    cases=kernel_cases,
    launch=kernel_launch,
    stand_in=lambda x, slope: cnnkit.leaky_relu(x, slope).get(),
    also_right=(
        _line("fmax(x[i], slope * x[i])"),
        _line("fmax(x[i], 0.0f) + slope * fmin(x[i], 0.0f)"),
        HEAD
        + "    int i = get_global_id(0);\n    if (i < n) {\n        float v = x[i];\n        if (v < 0)\n            "
        "v *= slope;\n        y[i] = v;\n    }\n}\n",
    ),
    wrong=(
        Wrong(
            "no bounds check",
            "work-items write where no number of theirs is: those with i >= n must leave at once",
            _changed("    if (i >= n) return;\n", ""),
            symptom="overrun",
        ),
        Wrong(
            "wrong side",
            "the slope is on the positive side: above 0, x[i] stays as it is. (fmin takes the smaller of two; with fmax it would be "
            "the other way round.)",
            _line("x[i] > 0.0f ? slope * x[i] : x[i]"),
            _each(lambda x, slope: np.where(x > 0, slope * x, x)),
        ),
        Wrong(
            "ReLU",
            "what is negative has become 0: that is plain ReLU. Below 0, slope * x[i] is wanted. (A fraction of whole numbers, as "
            "1 / 10, is 0 in C, too.)",
            _line("x[i] > 0.0f ? x[i] : 0.0f"),
            _each(lambda x, slope: np.maximum(0, x)),
        ),
        Wrong(
            "absolute value",
            "that is the size of each number, its absolute value: what is negative must stay negative, and shrink",
            _line("fabs(x[i])"),
            _each(lambda x, slope: np.abs(x)),
        ),
        Wrong(
            "turned up",
            "what is negative comes out positive: slope * x[i] has the sign of x[i], without another minus",
            _line("x[i] > 0.0f ? x[i] : -slope * x[i]"),
            _each(lambda x, slope: np.where(x > 0, x, -slope * x)),
        ),
        Wrong(
            "derivative",
            "that is the derivative, how steep the line is: here its height is wanted",
            _line("x[i] > 0.0f ? 1.0f : slope"),
            _each(_steep),
        ),
        Wrong(
            "slope alone",
            "every negative number becomes the slope itself: multiply it by x[i]",
            _line("x[i] > 0.0f ? x[i] : slope"),
            _each(lambda x, slope: np.where(x > 0, x, slope)),
        ),
        Wrong(
            "everywhere",
            "you multiplied every number by the slope: only what is negative shrinks",
            _line("slope * x[i]"),
            _each(lambda x, slope: slope * x),
        ),
        Wrong(
            "divided",
            "you divided by the slope: a slope of 0.1 keeps a tenth, so multiply",
            _line("x[i] > 0.0f ? x[i] : x[i] / slope"),
            _each(lambda x, slope: np.where(x > 0, x, x / slope)),
        ),
        Wrong(
            "copied",
            "that is x as it was: what is negative must be multiplied by the slope",
            _line("x[i]"),
            _each(lambda x, slope: x),
        ),
        Wrong(
            "int",
            "a variable is an `int`, which drops what stands after the decimal point: make it a `float`",
            _changed(
                "    y[i] = x[i] > 0.0f ? x[i] : slope * x[i];",
                "    int v = x[i];\n    y[i] = v > 0 ? v : slope * v;",
            ),
            _each(lambda x, slope: _value(np.trunc(x), slope)),
        ),
        Wrong(
            "compared with 1",
            "you compare with 1: every number above 0 must stay as it is, the small ones, too",
            _line("x[i] > 1.0f ? x[i] : slope * x[i]"),
            _each(lambda x, slope: np.where(x > 1, x, slope * x)),
        ),
        Wrong(
            "nothing assigned",
            "no line gives y its numbers: y[i] must get its value with a single `=` (`==` only compares)",
            _changed("y[i] = x", "y[i] == x"),
            symptom="unwritten",
            told="no line assigns to",
        ),
        Wrong(
            "positive only",
            "some numbers of y never get a value: y holds nothing at the beginning, not even 0. Every work-item with i < n must write "
            "its y[i], whether x[i] is above 0 or below",
            _changed(
                "    y[i] = x[i] > 0.0f ? x[i] : slope * x[i];", "    if (x[i] > 0.0f)\n        y[i] = x[i];"
            ),
            symptom="unwritten",
        ),
        Wrong(
            "writes the input",
            "it writes into x, which others still need: the answer goes to y, and x is only read",
            _changed("__global const float *x", "__global float *x").replace(
                "    y[i]", "    if (x[i] < 0)\n        x[i] *= slope;\n    y[i]"
            ),
            symptom="input changed",
        ),
        Wrong(
            "endless",
            "it does not come to an end: no loop is needed here, each work-item does one number",
            _changed("    y[i] =", "    while (n > 0)\n        y[i] ="),
            symptom="timeout",
        ),
        Wrong(
            "does not compile",
            "the compiler does not understand it: read its words below, and look at the line it names",
            _changed("slope * x[i];", "slope * x[i]"),
            symptom="build",
        ),
    ),
    hints=(
        "Each work-item does one number, number i = get_global_id(0). It need not know whether x is a row or a volume.",
        "Send away the work-items that are too many: if (i >= n) return. In C, question ? yes : no chooses one of two values.",
        "y[i] = x[i] > 0.0f ? x[i] : slope * x[i];",
    ),
    explanation="One number in, one number out, in the same place: the work-item needs no row, no column and no neighbor. That is "
    "what element-wise means, and why the volume keeps its shape: the kernel does not even know it.",
)
