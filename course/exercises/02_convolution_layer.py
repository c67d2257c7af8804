"""The exercises of notebook 02."""

import numpy as np

import cnnkit
from cnnkit.exercises.definition import Case, FunctionExercise, KernelExercise, Prediction, Wrong
from cnnkit.exercises.launch import In, Launch, Out

# --- 02.1: one filter, how deep is its result? -------------------------------------------------------------

one_map = Prediction(
    id="02.1",
    title="One filter, three channels",
    answer="my_shape",
    right=[30, 30, 1],
    wrong=(
        Wrong(
            "a map for each channel",
            "width and height are right. But all products of a place are added up, those of all three channels: how many "
            "numbers does one place give?",
            [30, 30, 3],
        ),
        Wrong(
            "as large as the picture",
            "one number for each place is right, so the depth is 1. But there is no padding: how many places has a window "
            "of 5 on 34 pixels?",
            [34, 34, 1],
        ),
        Wrong(
            "the picture's shape",
            "that is the picture's own shape: how many places has a window of 5 on 34 pixels, and how many numbers does one "
            "place give?",
            [34, 34, 3],
        ),
        Wrong(
            "no place before the first step",
            "the + 1 is missing: a window of 5 can take 34 − 5 steps, and it stood somewhere before the first",
            [29, 29, 1],
        ),
        Wrong("a filter of 3", "that is the result of a 3x3x3 filter: this one is 5 wide", [32, 32, 1]),
        Wrong(
            "a channel for each weight",
            "5·5·3 = 75 is how many products there are in one place; they are all added up",
            [30, 30, 75],
        ),
        Wrong("depth 5", "width and height are right; 5 is how wide the filter is", [30, 30, 5]),
        Wrong("depth first", "the right numbers: here the depth comes last, as in 34x34x3", [1, 30, 30]),
        Wrong("no depth", "width and height are right; say the depth, too", [30, 30]),
        Wrong(
            "with the number of images",
            "the right numbers, written as cnnkit's arrays are, with the number of images in front: here there are three, "
            "[width, height, depth]",
            [1, 1, 30, 30],
        ),
    ),
    hints=(
        "How many places has a window of 5 along 34 pixels? The formula of notebook 01 has not changed.",
        "In each place the window holds 5·5·3 pixels. They are multiplied by 5·5·3 weights, and everything is added up.",
        "34 − 5 + 1 places from left to right, as many from top to bottom, and in each of them one number.",
    ),
    explanation="The window has 34 − 5 + 1 = 30 places in each direction. In depth it has 3 − 3 + 1 = 1: it is as deep as the "
    "picture, so it cannot slide there. One filter makes one map, however many channels it reads.",
)


# --- 02.2: weights that answer to red ------------------------------------------------------------------------

ANSWERS = ((0, "red"), (1, "green"), (2, "blue"))


def red_filter(a):
    """Red, less the mean of green and blue; the mean of a patch."""
    return np.stack([np.full((a, a), share / a**2) for share in (1.0, -0.5, -0.5)])


def red_less_green(a):
    w = np.zeros((3, a, a))
    w[0], w[1] = 1 / a**2, -1 / a**2
    return w


def red_in_one_place(a):
    """A 1 x 1 filter with zeros around it."""
    w = np.zeros((3, a, a))
    w[:, a // 2, a // 2] = 1, -0.25, -0.75
    return w


def judge_red(case, value):
    """ "" or what these weights answer on a patch of one color that they should not."""
    a, wanted = case.arguments["a"], (3, case.arguments["a"], case.arguments["a"])
    if isinstance(value, str) or np.shape(value) != wanted:
        got = "text" if isinstance(value, str) else np.shape(value)
        return f"for a = {a} the weights must have the shape {wanted}, and yours are {got}"
    if not np.isfinite(np.asarray(value, float)).all():
        return "the weights must be numbers: one of yours is infinite or no number at all"
    totals = np.asarray(value, float).sum(axis=(1, 2))
    if abs(totals[0] - 1) > 1e-4:
        return f"on a patch of pure red it answers {totals[0]:.4g}, and it should answer 1"
    if abs(totals.sum()) > 1e-4:
        return f"on a white patch it answers {totals.sum():.4g}, and it should answer 0"
    for channel, name in ANSWERS[1:]:
        if totals[channel] > 1e-4:
            return f"on a patch of pure {name} it answers {totals[channel]:.4g}: that should not be above 0"
    return ""


def red_cases(rng):
    yield Case({"a": 1}, "one pixel", "a filter of one pixel")
    for a in rng.permutation(np.arange(2, 13))[:6]:
        yield Case({"a": int(a)}, "any size")


def _shares(*shares):
    """Each slice filled with one number that adds up to its share."""
    return lambda a: np.stack([np.full((a, a), share / a**2) for share in shares])


def _answers(*totals):
    """Are these the answers on pure red, green and blue?"""

    def like(value):
        shape = np.shape(value)
        if isinstance(value, str) or len(shape) != 3 or shape[0] != 3:
            return False
        return np.allclose(np.asarray(value, float).sum(axis=(1, 2)), totals, atol=1e-3)

    return like


def _has_shape(test):
    return lambda value: not isinstance(value, str) and bool(test(np.shape(value)))


def _divided_by_the_width(value):
    """Weights whose slices add up to a times what they should."""
    shape = np.shape(value)
    if isinstance(value, str) or len(shape) != 3 or shape[0] != 3 or shape[1] != shape[2] or shape[1] < 2:
        return False
    totals = np.asarray(value, float).sum(axis=(1, 2)) / shape[1]
    return bool(abs(totals[0] - 1) < 1e-3 and abs(totals.sum()) < 1e-3)


def _as_large_everywhere(value):
    """Weights that would be right for a filter of one pixel, in every place of a larger one."""
    shape = np.shape(value)
    if isinstance(value, str) or len(shape) != 3 or shape[0] != 3 or shape[1] != shape[2] or shape[1] < 2:
        return False
    totals = np.asarray(value, float).sum(axis=(1, 2)) / shape[1] ** 2
    return bool(abs(totals[0] - 1) < 1e-3 and abs(totals.sum()) < 1e-3)


red = FunctionExercise(
    id="02.2",
    title="Nothing but red",
    answer="red_filter",
    groups={"one pixel": 1, "any size": 1},
    cases=red_cases,
    judge=judge_red,
    stand_in=red_filter,
    also_right=(red_less_green, red_in_one_place),
    wrong=(
        Wrong(
            "red channel",
            "this filter lets the red channel through, and white is full of red, too: green and blue must be taken away, "
            "so that the three answers add up to 0",
            _shares(1, 0, 0),
            _answers(1, 0, 0),
        ),
        Wrong(
            "green and blue in full",
            "you take away too much: a white patch has red, green and blue, and with 1, −1, −1 it gets −1. What must the "
            "two add up to?",
            _shares(1, -1, -1),
            _answers(1, -1, -1),
        ),
        Wrong(
            "not a mean",
            "for one pixel it is right. A larger filter has a·a weights in each slice, and they all count: divide them by "
            "a·a",
            lambda a: red_filter(a) * a**2,
            _as_large_everywhere,
        ),
        Wrong(
            "divided by the width",
            "a slice has a·a weights, not a: divide by a·a",
            lambda a: red_filter(a) * a,
            _divided_by_the_width,
        ),
        Wrong(
            "brightness",
            "this is a mean of the three channels: it answers to brightness, whatever the color",
            _shares(1 / 3, 1 / 3, 1 / 3),
            _answers(1 / 3, 1 / 3, 1 / 3),
        ),
        Wrong(
            "gray",
            "these are the weights of the gray picture: it answers to all that is bright",
            _shares(0.299, 0.587, 0.114),
            _answers(0.299, 0.587, 0.114),
        ),
        Wrong(
            "blue",
            "this filter answers to blue: the channels stand in the order red, green, blue",
            _shares(-0.5, -0.5, 1),
            _answers(-0.5, -0.5, 1),
        ),
        Wrong(
            "negative",
            "the signs are the wrong way round: red must count and the other two be taken away",
            _shares(-1, 0.5, 0.5),
            _answers(-1, 0.5, 0.5),
        ),
        Wrong(
            "channels last",
            "the channels stand last: the article writes a x a x 3, but in the array the channel comes first, (3, a, a)",
            lambda a: red_filter(a).transpose(1, 2, 0),
            _has_shape(lambda s: len(s) == 3 and s[2] == 3 and s[0] == s[1] != 3),
        ),
        Wrong(
            "three numbers",
            "three numbers are the filter for a = 1 alone: each channel needs a slice of a rows and a columns",
            lambda a: [1, -0.5, -0.5],
            _has_shape(lambda s: s in ((3,), (3, 1), (3, 1, 1))),
        ),
        Wrong(
            "one slice",
            "that is one slice, without channels: stack three of them, for red, green and blue",
            lambda a: np.full((a, a), 1 / a**2),
            _has_shape(lambda s: len(s) == 2 and s[0] == s[1]),
        ),
        Wrong(
            "a bank",
            "the right weights in one pair of brackets too many: a single filter has the shape (3, a, a)",
            lambda a: red_filter(a)[None],
            _has_shape(lambda s: len(s) == 4 and s[:2] == (1, 3)),
        ),
    ),
    hints=(
        "Begin with a = 1: three weights, for red, green and blue. White is (1, 1, 1): what must the three weights add "
        "up to?",
        "Red gets a 1, and green and blue together −1, none of them above 0. Half each is one way.",
        "For a larger a, let each slice be full of one number that adds up to the same: np.full((a, a), 1 / a**2) for red; "
        "np.stack puts three slices on top of each other.",
    ),
    explanation="A patch of one color gives red·(sum of the red slice) + green·(sum of the green) + blue·(sum of the blue). "
    "With sums 1, −½, −½ pure red gives 1 and every gray, white included, gives 0: what is equal in all channels "
    "cancels, as the plain wall did under the edge filter.",
)


# --- 02.3: the whole layer -----------------------------------------------------------------------------------


def conv2d(x, w, b, stride=1, padding=0):
    """Every filter at every place of every image."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("ncijrs,kcrs->nkij", windows, w, optimize=True) + np.asarray(b)[:, None, None]


def conv2d_by_places(x, w, b, stride=1, padding=0):
    """Loops over the places; all images and filters at once."""
    (_, _, H, W), (_, _, R, S) = x.shape, w.shape
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = range(0, H + 2 * padding - R + 1, stride)
    columns = range(0, W + 2 * padding - S + 1, stride)
    y = [
        [np.tensordot(x[:, :, i : i + R, j : j + S], w, ((1, 2, 3),) * 2) + b for j in columns] for i in rows
    ]
    return np.transpose(y, (2, 3, 0, 1))


def conv2d_by_channels(x, w, b, stride=1, padding=0):
    """Sums of two-dimensional correlations."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    OH, OW = x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1
    y = np.zeros((len(x), len(w), OH, OW)) + np.reshape(b, (-1, 1, 1))
    for n, k, c, r, s in np.ndindex(len(x), len(w), *w.shape[1:]):
        y[n, k] += w[k, c, r, s] * x[n, c, r : r + OH, s : s + OW]
    return y[:, :, ::stride, ::stride]


def conv2d_as_lists(x, w, b, stride=1, padding=0):
    """Nothing of NumPy's but the arrays."""
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape

    def place(n, k, i, j):
        total = float(b[k])
        for c, r, s in np.ndindex(C, R, S):
            row, column = i * stride + r - padding, j * stride + s - padding
            if 0 <= row < H and 0 <= column < W:
                total += x[n, c, row, column] * w[k, c, r, s]
        return total

    OH, OW = (H + 2 * padding - R) // stride + 1, (W + 2 * padding - S) // stride + 1
    return [[[[place(n, k, i, j) for j in range(OW)] for i in range(OH)] for k in range(K)] for n in range(N)]


def _layer(x, w, b, stride, padding, group="one filter", words="", dtype=float):
    x, w, b = (np.asarray(array, dtype) for array in (x, w, b))
    return Case({"x": x, "w": w, "b": b, "stride": stride, "padding": padding}, group, words)


def linspace_example(group, dtype=float):
    """The numbers that the syllabus lists."""
    x = np.linspace(-0.1, 0.5, 96).reshape(2, 3, 4, 4)
    w = np.linspace(-0.2, 0.3, 144).reshape(3, 3, 4, 4)
    return _layer(x, w, np.linspace(-0.1, 0.2, 3), 2, 1, group, "stride 2 and padding 1 together", dtype)


def layer_cases(rng):
    def drawn(shape, filter_shape, stride, padding, group, words=""):
        x, w = rng.standard_normal(shape), rng.standard_normal(filter_shape)
        # Far from 0: a forgotten bias is always seen.
        b = rng.uniform(1, 2, filter_shape[0]) * rng.choice((-1, 1), filter_shape[0])
        return _layer(x, w, b, stride, padding, group, words)

    yield drawn((1, 2, 4, 5), (1, 2, 2, 2), 1, 0, "one filter")
    yield drawn((1, 3, 6, 5), (1, 3, 3, 2), 1, 0, "one filter", "a filter that is not square")
    yield drawn((1, 3, 5, 6), (4, 3, 3, 3), 1, 0, "filters and images")
    yield drawn((3, 3, 6, 7), (5, 3, 3, 2), 1, 0, "filters and images")
    yield drawn((4, 1, 5, 5), (3, 1, 5, 5), 1, 0, "filters and images", "a filter as large as the image")
    yield drawn((2, 4, 5, 4), (6, 4, 1, 1), 1, 0, "filters and images", "filters of one pixel")
    yield drawn((2, 3, 9, 8), (4, 3, 3, 2), 2, 0, "stride")
    yield drawn((1, 2, 10, 11), (3, 2, 2, 3), 3, 0, "stride", "a last step that does not fit")
    yield drawn((2, 3, 5, 6), (4, 3, 3, 3), 1, 1, "padding", "padding that keeps the size")
    yield drawn((2, 2, 4, 5), (3, 2, 3, 4), 1, 2, "padding")
    yield linspace_example("padding")
    yield drawn((2, 3, 8, 7), (4, 3, 4, 3), 3, 2, "padding")


def _padding_everywhere(x, w, b, stride, padding):
    """np.pad with a single number pads all four axes."""
    N, K = len(x), len(w)
    R, S = w.shape[2:]
    x = np.pad(x, padding)
    OH, OW = (x.shape[2] - R) // stride + 1, (x.shape[3] - S) // stride + 1
    y = np.zeros((N, K, OH, OW))
    for n, k, i, j in np.ndindex(y.shape):
        patch = x[n, :, i * stride : i * stride + R, j * stride : j * stride + S]
        y[n, k, i, j] = (patch * w[k]).sum() + b[k]
    return y


def _not_summed(x, w, b, stride, padding):
    """A map for each channel of each filter: (N, K, C, OH, OW)."""
    zero = np.zeros(len(w))
    maps = [conv2d(x[:, c : c + 1], w[:, c : c + 1], zero, stride, padding) for c in range(x.shape[1])]
    return np.stack(maps, axis=2) + np.asarray(b)[:, None, None, None]


def _stride_in_the_count_alone(x, w, b, stride, padding):
    y = conv2d(x, w, b, stride, padding)
    return conv2d(x, w, b, 1, padding)[:, :, : y.shape[2], : y.shape[3]]


def _first_number(x, w, b, stride, padding):
    y = np.zeros_like(right := conv2d(x, w, b, stride, padding))
    y[0, 0, 0, 0] = right[0, 0, 0, 0]
    return y


def _first_filters(x, w, b, stride, padding):
    """The first image alone gets its maps."""
    y = np.zeros_like(right := conv2d(x, w, b, stride, padding))
    y[0] = right[0]
    return y


def _skipping(x, w, b, stride, padding):
    """Loops that go in steps of `stride` through the places, most of which stay 0."""
    y = np.zeros_like(right := conv2d(x, w, b, stride, padding))
    all_places = conv2d(x, w, b, 1, padding)[:, :, : y.shape[2], : y.shape[3]]
    y[:, :, ::stride, ::stride] = all_places[:, :, ::stride, ::stride]
    return right if stride == 1 else y


def _place_by_place(patch_of, size_of=None, bias_of=lambda b, k: b[k]):
    """The solution's loops with another patch, another size of the result or another bias."""

    def function(x, w, b, stride, padding):
        x = _padded(x, padding, padding)
        (H, W), (R, S) = x.shape[2:], w.shape[2:]
        more = 0 if size_of is None else size_of(padding)
        y = np.zeros((len(x), len(w), (H + more - R) // stride + 1, (W + more - S) // stride + 1))
        for n, k, i, j in np.ndindex(y.shape):
            y[n, k, i, j] = (patch_of(x, n, i, j, R, S, stride) * w[k]).sum() + bias_of(b, k)
        return y

    return function


def _patch(x, n, i, j, R, S, stride):
    return x[n, :, i * stride : i * stride + R, j * stride : j * stride + S]


def _padded(x, before, after):
    return np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))


whole_layer = FunctionExercise(
    id="02.3",
    title="A convolution layer",
    answer="conv2d",
    groups={"one filter": 1, "filters and images": 1, "stride": 1, "padding": 1},
    reference=conv2d,
    cases=layer_cases,
    also_right=(conv2d, conv2d_by_places, conv2d_by_channels, conv2d_as_lists),
    stand_in=lambda x, w, b, stride=1, padding=0: cnnkit.conv2d(x, w, b, stride, padding).get(),
    wrong=(
        Wrong(
            "flipped",
            "you turned the filters by 180 degrees: that is convolution in the mathematicians' sense",
            lambda x, w, b, s, p: conv2d(x, w[:, :, ::-1, ::-1], b, s, p),
        ),
        Wrong(
            "no bias",
            "the bias is missing: b[k] is added to every number of map k",
            lambda x, w, b, s, p: conv2d(x, w, 0 * b, s, p),
        ),
        Wrong(
            "padding ignored",
            "the padding is ignored: put `padding` rows and columns of zeros around each image first",
            lambda x, w, b, s, p: conv2d(x, w, b, s, 0),
        ),
        Wrong(
            "stride ignored",
            "the stride is ignored: there are (H + 2·padding − R) // stride + 1 rows of places, and as many columns with "
            "W and S",
            lambda x, w, b, s, p: conv2d(x, w, b, 1, p),
        ),
        Wrong(
            "stride in the count",
            "the number of places is right, but the window moves by one pixel: place (i, j) begins at row i·stride, column "
            "j·stride",
            _stride_in_the_count_alone,
        ),
        Wrong(
            "stride squared",
            "the steps are too long: the loops already move by `stride`, or i and j are multiplied by it. Do one of the two",
            lambda x, w, b, s, p: conv2d(x, w, b, s * s, p),
        ),
        Wrong(
            "skipping",
            "most numbers are left 0: the loops over i and j go through all places of the result one by one, and it is the "
            "window that begins at i·stride and j·stride",
            _skipping,
        ),
        Wrong(
            "end of the window",
            "the window gets too small: a patch begins at row i·stride and ends R rows further on, "
            "i * stride : i * stride + R (and S columns, likewise)",
            _place_by_place(lambda x, n, i, j, R, S, t: x[n, :, i * t : i + R, j * t : j + S]),
        ),
        Wrong(
            "stretched window",
            "the window gets too large: the stride moves it and does not stretch it. A patch begins at row i·stride and ends "
            "R rows further on, i * stride : i * stride + R",
            _place_by_place(
                lambda x, n, i, j, R, S, t: x[n, :, i * t : (i + R) * t, j * t : (j + S) * t],
            ),
        ),
        Wrong(
            "all images",
            "the images run together: number (n, k, i, j) is made of image n alone, x[n]",
            _place_by_place(lambda x, n, i, j, R, S, t: x[:, :, i * t : i * t + R, j * t : j * t + S]),
        ),
        Wrong(
            "padding counted twice",
            "the padding is counted twice: once the frame of zeros is in place, H and W are already larger by 2·padding. Take "
            "them from x before it is padded, or leave 2·padding out",
            _place_by_place(_patch, lambda padding: 2 * padding),
        ),
        Wrong(
            "whole b",
            "one number of the result can take one bias: b[k], not the whole of b",
            _place_by_place(_patch, bias_of=lambda b, k: b),
        ),
        Wrong(
            "bias inside the sum",
            "the bias is added once for each product: it belongs behind the sum, `(patch * w[k]).sum() + b[k]`",
            lambda x, w, b, s, p: conv2d(x, w, b * w[0].size, s, p),
        ),
        Wrong(
            "bias along the columns",
            "b is laid along the last axis, the columns: it belongs to the maps. With an index it is b[k], for all maps at "
            "once b[:, None, None]",
            lambda x, w, b, s, p: conv2d(x, w, 0 * b, s, p) + b,
        ),
        Wrong(
            "not summed",
            "there is a map for each channel: the products of all channels belong into one sum",
            _not_summed,
        ),
        Wrong(
            "first channel",
            "only the first channel is counted: the sum goes over all C channels",
            lambda x, w, b, s, p: conv2d(x[:, :1], w[:, :1], b, s, p),
        ),
        Wrong(
            "last channel",
            "only the last channel is left: you keep its sum instead of adding up those of all channels (`+=`)",
            lambda x, w, b, s, p: conv2d(x[:, -1:], w[:, -1:], b, s, p),
        ),
        Wrong(
            "one slice for all channels",
            "all channels are read with the filter's first slice: channel c of the patch lies under w[k, c]",
            lambda x, w, b, s, p: conv2d(x, np.repeat(w[:, :1], w.shape[1], axis=1), b, s, p),
        ),
        Wrong(
            "one filter for all",
            "every map is made with the first filter: map k is made with w[k]",
            lambda x, w, b, s, p: conv2d(x, np.repeat(w[:1], len(w), axis=0), b, s, p),
        ),
        Wrong(
            "one bias for all",
            "every map gets the first bias: map k gets b[k]",
            lambda x, w, b, s, p: conv2d(x, w, np.full_like(b, b[0]), s, p),
        ),
        Wrong(
            "all biases",
            "every map gets the sum of all biases: map k gets b[k] alone",
            lambda x, w, b, s, p: conv2d(x, w, np.full_like(b, b.sum()), s, p),
        ),
        Wrong(
            "a bias for each channel",
            "the bias is added once for each channel of the input: a filter has one bias, and it is added when the sum "
            "over the channels is done",
            lambda x, w, b, s, p: conv2d(x, w, b * x.shape[1], s, p),
        ),
        Wrong(
            "channels last",
            "your numbers are right, and the axes are not: the maps come before the rows and columns, (N, K, OH, OW)",
            lambda x, w, b, s, p: conv2d(x, w, b, s, p).transpose(0, 2, 3, 1),
        ),
        Wrong(
            "filters first",
            "your numbers are right, and the axes are not: images come before filters, (N, K, OH, OW)",
            lambda x, w, b, s, p: conv2d(x, w, b, s, p).transpose(1, 0, 2, 3),
        ),
        Wrong(
            "first image alone",
            "only the first image is used: the result must hold the maps of all N images",
            lambda x, w, b, s, p: conv2d(x[:1], w, b, s, p),
        ),
        Wrong(
            "other images zero",
            "the maps of all images but the first are 0: does a loop go over all N, or does a `return` end it too early?",
            _first_filters,
        ),
        Wrong(
            "first image for all",
            "all images get the maps of the first: image n is x[n]",
            lambda x, w, b, s, p: conv2d(np.repeat(x[:1], len(x), axis=0), w, b, s, p),
        ),
        Wrong(
            "returned after one",
            "only the first number is computed: the `return` stands inside the loops and ends them all. It belongs behind "
            "them, as far left as the first `for`",
            _first_number,
        ),
        Wrong(
            "padded on one side",
            "the zeros are on one side only: `padding` of them belong on all four sides",
            lambda x, w, b, s, p: conv2d(_padded(x, 0, p), w, b, s, 0),
        ),
        Wrong(
            "padded at the end",
            "all zeros are at the bottom and on the right: `padding` of them belong on each side",
            lambda x, w, b, s, p: conv2d(_padded(x, 0, 2 * p), w, b, s, 0),
        ),
        Wrong(
            "padded in all axes",
            "np.pad(x, padding) also pads the images and the channels: say it for each axis, "
            "np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))",
            _padding_everywhere,
        ),
        Wrong(
            "one place short",
            "the last place is missing: (H + 2·padding − R) // stride is the number of steps, and there is one place more",
            lambda x, w, b, s, p: conv2d(x, w, b, s, p)[:, :, :-1, :-1],
        ),
        Wrong(
            "mean",
            "you took the mean of the products: the dot product is their sum",
            lambda x, w, b, s, p: conv2d(x, w / w[0].size, b, s, p),
        ),
        Wrong(
            "whole numbers",
            "you dropped what stands after the decimal point: the result must not be of type int (`np.zeros` without "
            "a dtype is right)",
            lambda x, w, b, s, p: np.trunc(conv2d(x, w, b, s, p)).astype(int),
        ),
    ),
    hints=(
        "Put the frame of zeros around x first, with the line of the text. Then make y, np.zeros of the shape (N, K, OH, "
        "OW), where OH is (H + 2 * padding - R) // stride + 1.",
        "Four loops: over n, k, i and j. Each round computes one number of y, from image n, with filter k, at place (i, j).",
        "The patch of image n is x[n, :, i*stride : i*stride + R, j*stride : j*stride + S], all channels at once. "
        "y[n, k, i, j] is (patch * w[k]).sum() + b[k].",
    ),
    explanation="Every number of the result is one dot product of a patch, as deep as the image, and a filter, as deep as the "
    "image, plus that filter's bias. The four loops only say which patch and which filter.",
)


# --- 02.4: how many parameters -------------------------------------------------------------------------------


def parameters(C, H, W, K, a):
    """Of K filters of a x a, and of a dense layer for maps of the same size."""
    return K * a * a * C + K, (C * H * W) * (K * H * W) + K * H * W


def parameters_counted(C, H, W, K, a):
    """Count the arrays' numbers."""
    inputs, outputs = C * H * W, K * H * W
    return [np.zeros((K, C, a, a)).size + np.zeros(K).size, inputs * outputs + outputs]


def parameters_by_neuron(C, H, W, K, a):
    """Parameters of one filter and of one neuron, times how many there are."""
    return np.array([(C * a * a + 1) * K, (C * H * W + 1) * K * H * W])


def _volume(C, H, W, K, a, group, words=""):
    return Case(dict(zip("CHWKa", (C, H, W, K, a), strict=True)), group, words)


def parameter_cases(rng):
    yield _volume(3, 32, 32, 12, 3, "the article's volume", "32x32x3 to 32x32x12 with 3x3")
    yield _volume(3, 32, 32, 12, 5, "the article's volume", "32x32x3 to 32x32x12 with 5x5")
    for _ in range(6):
        C, K = (int(v) for v in rng.choice(np.arange(2, 40), 2, replace=False))
        H, W = (int(v) for v in rng.choice(np.arange(8, 60), 2, replace=False))
        yield _volume(C, H, W, K, int(rng.choice((3, 5, 7))), "any volume")


def _both(filters, dense):
    """A wrong count of one of the two or of both; None for the right one."""

    def function(C, H, W, K, a):
        right = parameters(C, H, W, K, a)
        made = (filters and filters(C, H, W, K, a), dense and dense(C, H, W, K, a))
        return [r if m is None else m for r, m in zip(right, made, strict=True)]

    return function


how_many = FunctionExercise(
    id="02.4",
    title="How many numbers to learn?",
    answer="parameters",
    groups={"the article's volume": 1, "any volume": 1},
    reference=parameters,
    cases=parameter_cases,
    tolerance=0,
    also_right=(parameters_counted, parameters_by_neuron),
    wrong=(
        Wrong(
            "no biases",
            "the weights are right. Now the biases: one for each filter, and one for each output of the dense layer",
            _both(lambda C, H, W, K, a: K * a * a * C, lambda C, H, W, K, a: C * H * W * K * H * W),
        ),
        Wrong(
            "no bias in the filters",
            "the dense layer is right; in the first number the biases are missing, one for each filter",
            _both(lambda C, H, W, K, a: K * a * a * C, None),
        ),
        Wrong(
            "no bias in the dense layer",
            "the filters are right; in the second number the biases are missing, one for each output",
            _both(None, lambda C, H, W, K, a: C * H * W * K * H * W),
        ),
        Wrong(
            "flat filters",
            "the filters are counted as if they were flat: each has C slices of a·a weights",
            _both(lambda C, H, W, K, a: K * a * a + K, None),
        ),
        Wrong(
            "a bias for each slice",
            "a filter has one bias, not one for each of its C slices",
            _both(lambda C, H, W, K, a: K * C * (a * a + 1), None),
        ),
        Wrong(
            "one bias in all",
            "the filters have one bias each, so there are K of them",
            _both(lambda C, H, W, K, a: K * a * a * C + 1, None),
        ),
        Wrong(
            "a for a·a", "a slice has a·a weights, not a", _both(lambda C, H, W, K, a: K * a * C + K, None)
        ),
        Wrong(
            "not shared",
            "the filters are counted once for each place: they are the same in all places, so where they are used does not "
            "matter",
            _both(lambda C, H, W, K, a: (K * a * a * C + K) * H * W, None),
        ),
        Wrong(
            "a bias for each place",
            "the weights are counted right; a filter has one bias for its whole map, not one for each place",
            _both(lambda C, H, W, K, a: K * a * a * C + K * H * W, None),
        ),
        Wrong(
            "one filter",
            "that is one filter: there are K of them",
            _both(lambda C, H, W, K, a: a * a * C + 1, None),
        ),
        Wrong(
            "K biases for one filter",
            "every one of the K filters has a·a·C weights of its own",
            _both(lambda C, H, W, K, a: a * a * C + K, None),
        ),
        Wrong(
            "smaller maps",
            "the filters are right. Their maps are padded here, so the dense layer has to make K·H·W numbers, too",
            _both(None, lambda C, H, W, K, a: (C * H * W + 1) * K * (H - a + 1) * (W - a + 1)),
        ),
        Wrong(
            "few outputs",
            "the filters are right. The dense layer has an output for every number of the maps, K·H·W of them, not K",
            _both(None, lambda C, H, W, K, a: C * H * W * K + K),
        ),
        Wrong(
            "few biases",
            "the filters are right. In a dense layer every output has a bias of its own: K·H·W of them, not K",
            _both(None, lambda C, H, W, K, a: C * H * W * K * H * W + K),
        ),
        Wrong(
            "a flat input",
            "the filters are right. The dense layer reads every number of the input: C·H·W of them, not H·W",
            _both(None, lambda C, H, W, K, a: H * W * K * H * W + K * H * W),
        ),
        Wrong(
            "flat filters, few outputs",
            "both numbers are too small. A filter has C slices of a·a weights. And the dense layer has an output for every "
            "number of the maps, K·H·W of them, each with a bias of its own",
            _both(lambda C, H, W, K, a: K * a * a + K, lambda C, H, W, K, a: C * H * W * K + K),
        ),
        Wrong(
            "few biases everywhere",
            "the weights are right, the biases are not: one for each of the K filters, and one for each of the K·H·W outputs "
            "of the dense layer",
            _both(lambda C, H, W, K, a: K * a * a * C, lambda C, H, W, K, a: C * H * W * K * H * W + K),
        ),
        Wrong(
            "swapped",
            "the right numbers in the wrong order: the filters first",
            lambda C, H, W, K, a: parameters(C, H, W, K, a)[::-1],
        ),
        Wrong(
            "filters alone",
            "the filters are right; give back both numbers, with a comma between them: `return filters, dense`",
            lambda C, H, W, K, a: parameters(C, H, W, K, a)[0],
        ),
    ),
    hints=(
        "How many weights has one filter? It has C slices of a rows and a columns. And one bias.",
        "There are K such filters, and that is all: H and W do not matter for them.",
        "A dense layer has a weight for every pair of input and output: (C·H·W)·(K·H·W) of them, and a bias for each of the "
        "K·H·W outputs.",
    ),
    explanation="A filter has a·a·C weights and one bias, and there are K filters; the size of the picture does not come in. "
    "A dense layer has a weight for every pair of input and output.",
)


# --- 02.5: the layer as a kernel -----------------------------------------------------------------------------


def kernel_cases(rng):
    def drawn(shape, filter_shape, stride, padding, group, words=""):
        x, w = rng.standard_normal(shape), rng.standard_normal(filter_shape)
        b = rng.uniform(1, 2, filter_shape[0]) * rng.choice((-1, 1), filter_shape[0])
        return _layer(x, w, b, stride, padding, group, words, np.float32)

    # The results of "channels" fill whole work-groups: a kernel without a bounds check gets these points.
    # The first filters are wider than high: with rows and columns mistaken, no index leaves the buffer.
    yield drawn((1, 2, 5, 6), (2, 2, 2, 3), 1, 0, "channels and filters")
    yield drawn((1, 3, 10, 7), (4, 3, 3, 4), 1, 0, "channels and filters")
    yield drawn((2, 3, 5, 9), (4, 3, 2, 2), 1, 0, "channels and filters", "two images")
    yield drawn((2, 3, 7, 10), (3, 3, 3, 2), 2, 0, "stride and padding")
    yield drawn((2, 2, 6, 5), (3, 2, 3, 3), 1, 1, "stride and padding")
    yield linspace_example("stride and padding", np.float32)
    yield drawn((2, 3, 9, 8), (3, 3, 4, 3), 3, 2, "stride and padding")
    yield drawn((3, 1, 7, 6), (1, 1, 2, 3), 1, 0, "edge cases", "one channel, one filter")
    yield drawn((3, 4, 5, 7), (5, 4, 1, 1), 1, 0, "edge cases", "filters of one pixel")
    yield drawn((2, 2, 5, 6), (3, 2, 5, 6), 1, 0, "edge cases", "filters as large as the image")


def _sizes(x, w, stride, padding):
    """OH and OW."""
    return [
        max(0, (n + 2 * padding - k) // stride + 1) for n, k in zip(x.shape[2:], w.shape[2:], strict=True)
    ]


def kernel_launch(x, w, b, stride=1, padding=0):
    x, w, b = (np.ascontiguousarray(array, np.float32) for array in (x, w, b))
    (N, C, H, W), (K, _, R, S) = x.shape, w.shape
    OH, OW = _sizes(x, w, stride, padding)
    return Launch(
        (In(x), In(w), In(b), Out((N, K, OH, OW)), N, C, H, W, K, R, S, OH, OW, int(stride), int(padding)),
        (OW, OH, N * K),
        ((4, 4, 1), (1, 1, 1), (2, 2, 2)),
    )


HEAD = """__kernel void conv_layer(__global const float *x, __global const float *w, __global const float *b,
                         __global float *y, const int N, const int C, const int H, const int W, const int K,
                         const int R, const int S, const int OH, const int OW, const int stride, const int padding)
{
    int j = get_global_id(0), i = get_global_id(1), q = get_global_id(2);
"""
TAIL = "\n}\n"
LEAVE = "    if (i >= OH || j >= OW || q >= N * K) return;\n"
INSIDE = "if (iy >= 0 && iy < H && ix >= 0 && ix < W)"
PIXEL = "x[((n * C + c) * H + iy) * W + ix]"
WEIGHT = "w[((k * C + c) * R + r) * S + s]"
CHANNELS = "    for (int c = 0; c < C; c++)\n"
PLAIN = (
    HEAD
    + f"""    int n = q / K, k = q % K;
{LEAVE}    float sum = 0.0f;
{CHANNELS}        for (int r = 0; r < R; r++)
            for (int s = 0; s < S; s++) {{
                int iy = i * stride + r - padding, ix = j * stride + s - padding;
                {INSIDE}
                    sum += {PIXEL} * {WEIGHT};
            }}
    y[(q * OH + i) * OW + j] = sum + b[k];"""
    + TAIL
)
POINTERS = (
    HEAD
    + """    const int n = q / K, k = q - n * K;
    if (i < OH && j < OW && n < N) {
        float sum = b[k];
        __global const float *image = x + n * C * H * W, *weights = w + k * C * R * S;
        for (int t = 0; t < C * R * S; t++) {
            const int iy = i * stride + t / S % R - padding, ix = j * stride + t % S - padding;
            const float pixel = iy < 0 || iy >= H || ix < 0 || ix >= W ? 0.0f : image[(t / (R * S) * H + iy) * W + ix];
            sum = mad(pixel, weights[t], sum);
        }
        y[((n * K + k) * OH + i) * OW + j] = sum;
    }"""
    + TAIL
)


def _changed(old, new, source=PLAIN):
    assert old in source
    return source.replace(old, new)


def _where(change):
    """What a kernel computes whose image, filters or biases are not those that they should be."""
    return lambda x, w, b, stride, padding: conv2d(*change(x, w, b), stride, padding)


def _counted_otherwise(pixel=None, weight=None):
    """What a kernel computes with other indices: the sum of x[pixel(...)] * w[weight(...)], inside the image."""

    def function(x, w, b, stride, padding):
        (N, C, H, W), (K, _, R, S) = x.shape, w.shape
        pixels, weights = x.ravel().astype(float), w.ravel().astype(float)
        y = np.zeros((N, K, *_sizes(x, w, stride, padding)))
        for n, k, i, j in np.ndindex(y.shape):
            total = float(b[k])
            for c, r, s in np.ndindex(C, R, S):
                iy, ix = i * stride + r - padding, j * stride + s - padding
                if 0 <= iy < H and 0 <= ix < W:
                    at = pixel(n, c, iy, ix, C, H, W) if pixel else ((n * C + c) * H + iy) * W + ix
                    with_ = weight(k, c, r, s, C, R, S) if weight else ((k * C + c) * R + r) * S + s
                    total += pixels[at] * weights[with_]
            y[n, k, i, j] = total
        return y

    return function


def _last_product(x, w, b, stride, padding):
    """The last product inside the image alone, and 0 where there is none."""
    (_, C, H, W), (_, _, R, S) = x.shape, w.shape
    y = np.zeros((len(x), len(w), *_sizes(x, w, stride, padding)))
    for n, k, i, j in np.ndindex(y.shape):
        for r, s in np.ndindex(R, S):
            iy, ix = i * stride + r - padding, j * stride + s - padding
            if 0 <= iy < H and 0 <= ix < W:
                y[n, k, i, j] = x[n, C - 1, iy, ix] * w[k, C - 1, r, s]
        y[n, k, i, j] += b[k]
    return y


def _whole_sums(x, w, b, stride, padding):
    """The sum kept in an int, which drops what stands after the point at every step."""
    y = np.zeros((len(x), len(w), *_sizes(x, w, stride, padding)))
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    for n, k, i, j in np.ndindex(y.shape):
        total = 0.0
        for c, r, s in np.ndindex(*w.shape[1:]):
            total = np.trunc(total + padded[n, c, i * stride + r, j * stride + s] * w[k, c, r, s])
        y[n, k, i, j] = total + b[k]
    return y


def _without_first_lines(x, w, b):
    x = x.copy()
    x[:, :, 0] = x[:, :, :, 0] = 0
    return x, w, b


def _cut_at_the_output(x, w, b, stride, padding):
    OH, OW = _sizes(x, w, stride, padding)
    x = x.copy()
    x[:, :, OH:] = x[:, :, :, OW:] = 0
    return conv2d(x, w, b, stride, padding)


def _stretched(x, w, b, stride, padding):
    """The window's pixels `stride` apart."""
    OH, OW = _sizes(x, w, stride, padding)
    room = padding + stride * max(w.shape[2:])  # what is read beyond the image is 0
    return conv2d(_padded(x, padding, room)[:, :, ::stride, ::stride], w, b)[:, :, :OH, :OW]


def _images_and_filters_swapped(x, w, b, stride, padding):
    y = conv2d(x, w, b, stride, padding)
    return y.transpose(1, 0, 2, 3).reshape(y.shape)


def _rows_and_columns_swapped(x, w, b, stride, padding):
    y = conv2d(x, w, b, stride, padding)
    return y.transpose(0, 1, 3, 2).reshape(y.shape)


own_kernel = KernelExercise(
    id="02.5",
    title="The layer as a kernel",
    answer="conv_layer",
    groups={"channels and filters": 2, "stride and padding": 1, "edge cases": 1},
    reference=conv2d,
    cases=kernel_cases,
    launch=kernel_launch,
    stand_in=whole_layer.stand_in,
    also_right=(PLAIN, POINTERS),
    wrong=(
        Wrong(
            "no bounds check",
            "work-items write where nothing of theirs is. Is there a check that sends away all with j >= OW, i >= OH or "
            "q >= N * K (one of the three is enough, so `||`)? And does its number go to y[(q * OH + i) * OW + j]?",
            _changed(LEAVE, ""),
            symptom="overrun",
        ),
        Wrong(
            "no check of the border",
            "it reads outside `x`. A window that hangs over the border lies on padding, which is nowhere in memory: multiply "
            "and add only where iy >= 0 && iy < H && ix >= 0 && ix < W. And is the image n = q / K, and the pixel "
            "x[((n * C + c) * H + iy) * W + ix]?",
            _changed(INSIDE, ""),
            symptom="outside read",
            told="outside `x`",
        ),
        Wrong(
            "outside the filters",
            "it reads outside `w`: weight (r, s) of slice c of filter k is w[((k * C + c) * R + r) * S + s], and k = q % K "
            "is the filter; q counts the maps of all images",
            _changed(WEIGHT, "w[((q * C + c) * R + r) * S + s]"),
            symptom="outside read",
            told="outside `w`",
        ),
        Wrong(
            "outside the biases",
            "it reads outside `b`: the bias belongs to the filter, b[k] with k = q % K, and q counts the maps of all "
            "images",
            _changed("b[k]", "b[q]"),
            symptom="outside read",
            told="outside `b`",
        ),
        Wrong(
            "flipped",
            "you turned the filters by 180 degrees: that is convolution in the mathematicians' sense",
            _changed("* R + r) * S + s]", "* R + R - 1 - r) * S + S - 1 - s]"),
            _where(lambda x, w, b: (x, w[:, :, ::-1, ::-1], b)),
        ),
        Wrong(
            "no bias",
            "the bias is missing: b[k] is added to the sum, once",
            _changed(" + b[k]", ""),
            _where(lambda x, w, b: (x, w, 0 * b)),
        ),
        Wrong(
            "a bias for each channel",
            "the bias is added once for each channel: it belongs outside the loops, where it is added once",
            _changed(CHANNELS, "    for (int c = 0; c < C; c++) {\n        sum += b[k];\n")
            .replace("            }\n", "            }\n    }\n")
            .replace("sum + b[k]", "sum"),
            _where(lambda x, w, b: (x, w, b * x.shape[1])),
        ),
        Wrong(
            "padding ignored",
            "the padding is ignored: the window of place (i, j) begins `padding` rows and columns before the image, so "
            "take it off, iy = i * stride + r - padding",
            _changed(" - padding", ""),
            lambda x, w, b, stride, padding: conv2d(_padded(x, 0, 2 * padding), w, b, stride, 0),
        ),
        Wrong(
            "padding added",
            "the padding has the wrong sign: the window begins before the image, so it is taken off, "
            "iy = i * stride + r - padding",
            _changed(" - padding", " + padding"),
            lambda x, w, b, stride, padding: conv2d(
                _padded(x, 0, 3 * padding)[:, :, padding:, padding:], w, b, stride, 0
            ),
        ),
        Wrong(
            "stride ignored",
            "the stride is ignored: the window of place (i, j) begins at row i * stride, column j * stride",
            _changed(" * stride", ""),
            _stride_in_the_count_alone,
        ),
        Wrong(
            "stretched window",
            "the stride also pulls the window apart: it moves the window's corner alone, i * stride + r, and not "
            "(i + r) * stride",
            _changed("i * stride + r", "(i + r) * stride").replace("j * stride + s", "(j + s) * stride"),
            _stretched,
        ),
        Wrong(
            "first channel",
            "only the first channel is counted: a third loop goes over c, around those over r and s",
            _changed("c < C; c++", "c < 1; c++"),
            _where(lambda x, w, b: (x[:, :1], w[:, :1], b)),
        ),
        Wrong(
            "begun anew",
            "only the last channel is counted: the sum is set back to 0 for every channel, and must begin at 0 once, before "
            "all loops",
            _changed(CHANNELS, "    for (int c = 0; c < C; c++) {\n        sum = 0.0f;\n").replace(
                "            }\n", "            }\n    }\n"
            ),
            _where(lambda x, w, b: (x[:, -1:], w[:, -1:], b)),
        ),
        Wrong(
            "one channel read",
            "every slice of the filter is laid on channel 0: channel c of image n begins at (n * C + c) * H * W",
            _changed(PIXEL, "x[(n * C * H + iy) * W + ix]"),
            _where(lambda x, w, b: (np.repeat(x[:, :1], x.shape[1], axis=1), w, b)),
        ),
        Wrong(
            "one slice",
            "every channel is read with the filter's slice 0: slice c of filter k begins at (k * C + c) * R * S",
            _changed(WEIGHT, "w[(k * C * R + r) * S + s]"),
            _where(lambda x, w, b: (x, np.repeat(w[:, :1], w.shape[1], axis=1), b)),
        ),
        Wrong(
            "one filter for all",
            "every map is made with filter 0: filter k begins at k * C * R * S of w",
            _changed(WEIGHT, "w[(c * R + r) * S + s]"),
            _where(lambda x, w, b: (x, np.repeat(w[:1], len(w), axis=0), b)),
        ),
        Wrong(
            "first image for all",
            "every map is made of image 0: image n begins at n * C * H * W of x",
            _changed(PIXEL, "x[(c * H + iy) * W + ix]"),
            _where(lambda x, w, b: (np.repeat(x[:1], len(x), axis=0), w, b)),
        ),
        Wrong(
            "images and filters swapped",
            "images and filters are swapped: q counts the K maps of image 0 first, then those of image 1, so n = q / K and "
            "k = q % K",
            _changed("n = q / K, k = q % K", "n = q % N, k = q / N"),
            _images_and_filters_swapped,
        ),
        Wrong(
            "channels not stepped over",
            "image n begins at n * C * H * W, since each has C channels: with n + c in place of n * C + c the images run "
            "into each other",
            _changed("(n * C + c)", "(n + c)"),
            _counted_otherwise(pixel=lambda n, c, iy, ix, C, H, W: ((n + c) * H + iy) * W + ix),
        ),
        Wrong(
            "slices not stepped over",
            "filter k begins at k * C * R * S, since each has C slices: with k + c in place of k * C + c the filters run "
            "into each other",
            _changed("(k * C + c)", "(k + c)"),
            _counted_otherwise(weight=lambda k, c, r, s, C, R, S: ((k + c) * R + r) * S + s),
        ),
        Wrong(
            "slices forgotten",
            "filter k has C slices, and all of them lie before filter k + 1: without c the same slice is read for every "
            "channel. Weight (k, c, r, s) is w[((k * C + c) * R + r) * S + s]",
            _changed(WEIGHT, "w[(k * R + r) * S + s]"),
            _counted_otherwise(weight=lambda k, c, r, s, C, R, S: (k * R + r) * S + s),
        ),
        Wrong(
            "pitch of w",
            "a row of a filter is S numbers long and a slice has R rows: weight (k, c, r, s) is "
            "w[((k * C + c) * R + r) * S + s]",
            _changed(WEIGHT, "w[((k * C + c) * S + r) * R + s]"),
            _counted_otherwise(weight=lambda k, c, r, s, C, R, S: ((k * C + c) * S + r) * R + s),
        ),
        Wrong(
            "r and s swapped",
            "the filter's rows and columns are swapped: weight (k, c, r, s) is w[((k * C + c) * R + r) * S + s], and r goes "
            "with the row iy",
            _changed(WEIGHT, "w[((k * C + c) * S + s) * R + r]"),
            _counted_otherwise(weight=lambda k, c, r, s, C, R, S: ((k * C + c) * S + s) * R + r),
        ),
        Wrong(
            "first row and column lost",
            "row 0 and column 0 of the image are left out: they belong to it, so the check is iy >= 0 and ix >= 0",
            _changed(INSIDE, "if (iy > 0 && iy < H && ix > 0 && ix < W)"),
            _where(_without_first_lines),
        ),
        Wrong(
            "border of the result",
            "the pixel must lie inside the image, which has H rows and W columns; OH and OW are those of the result",
            _changed(INSIDE, "if (iy >= 0 && iy < OH && ix >= 0 && ix < OW)"),
            _cut_at_the_output,
        ),
        Wrong(
            "i and j swapped",
            "your numbers stand in the wrong places, with rows and columns swapped: i is the row and j the column, in "
            "y[(q * OH + i) * OW + j]",
            _changed("y[(q * OH + i) * OW + j]", "y[(q * OW + j) * OH + i]"),
            _rows_and_columns_swapped,
        ),
        Wrong(
            "one product",
            "you keep the last product instead of adding up: sum += ...",
            _changed("sum += ", "sum = "),
            _last_product,
        ),
        Wrong(
            "int",
            "the variable for the sum is an `int`, which drops what stands after the decimal point: make it a `float`",
            _changed("float sum = 0.0f", "int sum = 0"),
            _whole_sums,
        ),
        Wrong(
            "endless",
            "it does not come to an end: does the counter of each loop grow, and is it the counter that is compared?",
            _changed("c < C; c++", "c < C; c += 0"),
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
            "y holds nothing at the beginning, not even 0: collect the sum in a variable of your own, and write it into y "
            "once, with `=`",
            _changed("] = sum", "] += sum"),
            symptom="unwritten",
            told="before it had written",
        ),
        Wrong(
            "last row",
            "some numbers of y are never written. Rows of places run from 0 to OH - 1, columns from 0 to OW - 1 and maps "
            "from 0 to N * K - 1: does each of these work-items come to the line that writes, and does it write number "
            "(q * OH + i) * OW + j?",
            _changed("i >= OH || j >= OW", "i >= OH - 1 || j >= OW - 1"),
            symptom="unwritten",
        ),
        Wrong(
            "writes the image",
            "it writes into its inputs, which belong to others: the answer goes to y, and x, w and b are only read",
            _changed("__global const float *b", "__global float *b").replace(
                "y[(q * OH + i) * OW + j] = sum + b[k];",
                "y[(q * OH + i) * OW + j] = sum + b[k];\n    b[k] = sum;",
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
        "You are number (i, j) of map q, and q counts the K maps of image 0, then those of image 1. So the image is "
        "n = q / K and the filter k = q % K. Leave at once when j >= OW, i >= OH or q >= N * K.",
        "Three loops, over c, r and s. The pixel under weight (c, r, s) is in row iy = i * stride + r - padding and column "
        "ix = j * stride + s - padding. If it is not inside the image, it is padding and adds nothing.",
        "The pixel is x[((n * C + c) * H + iy) * W + ix], the weight w[((k * C + c) * R + r) * S + s]. In the end, "
        "y[(q * OH + i) * OW + j] = sum + b[k].",
    ),
    explanation="One work-item for each number of the result, and it does what the formula says. The padding is never stored: "
    "what lies outside the image is left out of the sum, as a 0 would be.",
)
