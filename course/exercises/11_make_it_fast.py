"""The exercises of notebook 11: reads are counted, and nothing here takes the time."""

import numpy as np

from cnnkit.exercises.definition import (
    Case,
    FunctionExercise,
    KernelExercise,
    Prediction,
    StateExercise,
    Wrong,
)
from cnnkit.exercises.launch import In, Launch, Local, Out, Reads
from cnnkit.exercises.magic import LearnerKernel

# --- 11.1: what the plain kernel reads ---------------------------------------------------------------------


def along(n, k, padding):
    """In one direction: the sum, over all places of the window, of how many of its k pixels are in the image."""
    places = range(-padding, n + padding - k + 1)
    return sum(0 <= start + tap < n for start in places for tap in range(k))


def plain_reads(H, W, R, S, padding):
    """Rows and columns are chosen independently of each other, so their counts are multiplied."""
    return along(H, R, padding) * along(W, S, padding)


def plain_reads_one_by_one(H, W, R, S, padding):
    """Four loops, as the kernel has them."""
    count = 0
    for i, j in np.ndindex(H + 2 * padding - R + 1, W + 2 * padding - S + 1):
        for r, s in np.ndindex(R, S):
            count += 0 <= i + r - padding < H and 0 <= j + s - padding < W
    return count


def plain_reads_of_ones(H, W, R, S, padding):
    """The sum of all outputs, when image and filter hold nothing but ones."""
    x = np.pad(np.ones((H, W)), padding)
    return int(np.lib.stride_tricks.sliding_window_view(x, (R, S)).sum())


def plain_reads_per_window(H, W, R, S, padding):
    """How much of each window is in the image."""
    rows = [min(i + R, H) - max(i, 0) for i in range(-padding, H + padding - R + 1)]
    columns = [min(j + S, W) - max(j, 0) for j in range(-padding, W + padding - S + 1)]
    return sum(r * c for r in rows for c in columns)


def _reads(H, W, R, S, padding, group, words=""):
    return Case({"H": H, "W": W, "R": R, "S": S, "padding": padding}, group, words)


def plain_cases(rng):
    yield _reads(5, 7, 3, 2, 0, "inside", "five rows of seven pixels, and no padding")
    yield _reads(4, 4, 3, 3, 1, "borders", "small enough to count by hand")
    yield _reads(64, 64, 3, 3, 1, "borders", "the example of the text")
    for _ in range(4):
        R, S = (int(v) for v in rng.choice((2, 3, 4, 5), 2, replace=False))
        H, W = int(rng.integers(6, 16)), int(rng.integers(16, 30))
        yield _reads(H, W, R, S, 0, "inside")
        yield _reads(H, W, R, S, int(rng.integers(1, min(R, S))), "borders")


def _outputs(H, W, R, S, padding):
    return H + 2 * padding - R + 1, W + 2 * padding - S + 1


def _padding_read(H, W, R, S, padding):
    OH, OW = _outputs(H, W, R, S, padding)
    return OH * OW * R * S


def _along_of(n, k, padding, windows):
    """In one direction, as `along`, of so many windows."""
    return sum(0 <= i + tap - padding < n for i in range(windows) for tap in range(k))


def _one_short(H, W, R, S, padding):
    OH, OW = _outputs(H, W, R, S, padding)
    return (OH - 1) * (OW - 1) * R * S


plain_count = FunctionExercise(
    id="11.1",
    title="What the plain kernel reads",
    answer="plain_reads",
    groups={"inside": 1, "borders": 2},
    reference=plain_reads,
    cases=plain_cases,
    tolerance=0,
    also_right=(plain_reads_one_by_one, plain_reads_of_ones, plain_reads_per_window),
    wrong=(
        Wrong(
            "padding read, too",
            "you counted the zeros of the padding, and they are not read from anywhere: a window that hangs over the "
            "border reads fewer than R·S pixels",
            _padding_read,
        ),
        Wrong(
            "padding ignored",
            "the padding adds windows, too: there are (H + 2·padding - R + 1) rows of them, and those at the border "
            "read the part of the image that they cover",
            lambda H, W, R, S, p: _padding_read(H, W, R, S, 0),
        ),
        Wrong(
            "a window per pixel",
            "you counted a window of R·S for each of the H·W pixels: count the windows, H + 2·padding - R + 1 rows of "
            "them, and only those of their pixels that lie in the image",
            lambda H, W, R, S, p: H * W * R * S,
        ),
        Wrong(
            "as many windows as pixels",
            'you let as many windows begin as the image has pixels. Only with padding "same" are there so many: in general '
            "it is H + 2·padding - R + 1 rows of them, and W + 2·padding - S + 1 in each row",
            lambda H, W, R, S, p: _along_of(H, R, p, H) * _along_of(W, S, p, W),
        ),
        Wrong(
            "three by three alone",
            "nine in the middle, six at an edge and four in a corner are for a filter of 3 × 3 with padding 1: here R, S "
            "and the padding may be others",
            lambda H, W, R, S, p: 9 * (H - 2) * (W - 2) + 12 * (H - 2 + W - 2) + 16,
        ),
        Wrong(
            "each pixel once",
            "that is how many pixels there are; most of them lie under several windows, and are read by each",
            lambda H, W, R, S, p: H * W,
        ),
        Wrong(
            "outputs",
            "that is how many outputs there are; each of them reads the pixels under its whole window",
            lambda H, W, R, S, p: int(np.prod(_outputs(H, W, R, S, p))),
        ),
        Wrong(
            "weights as well",
            "you counted the weights, too: asked is how often the image is read",
            lambda H, W, R, S, p: 2 * plain_reads(H, W, R, S, p),
        ),
        Wrong(
            "one place short",
            "a window of R rows has H + 2·padding - R + 1 places from top to bottom: the + 1 is missing",
            _one_short,
        ),
        Wrong(
            "rows for columns",
            "you used H and R for both directions: there are W columns, and the filter has S of them",
            lambda H, W, R, S, p: along(H, R, p) ** 2,
        ),
        Wrong(
            "added",
            "you added what happens along the rows and along the columns: every row of the window meets every "
            "column of it, so the two counts are multiplied",
            lambda H, W, R, S, p: along(H, R, p) + along(W, S, p),
        ),
        Wrong(
            "one side",
            "the padding is on both sides: the first window begins `padding` pixels before the image, and the last ends "
            "`padding` pixels behind it",
            lambda H, W, R, S, p: sum(
                (min(i + R, H) - max(i, 0)) * (min(j + S, W) - max(j, 0))
                for i in range(-p, H - R + 1)
                for j in range(-p, W - S + 1)
            ),
        ),
    ),
    hints=(
        "Two loops over the places of the window, two over the filter, as in the kernel. Count instead of multiplying.",
        "In place i the window's row r lies on row i + r - padding of the image. When is there such a row? And such a column?",
        "Add 1 whenever 0 <= i + r - padding < H and 0 <= j + s - padding < W, with i in range(H + 2 * padding - R + 1) and "
        "j in range(W + 2 * padding - S + 1).",
    ),
    explanation="Four loops as in the kernel, counting. Or think of one direction at a time: along 64 pixels with padding 1, "
    "62 windows of 3 lie inside and the two at the ends read 2 pixels, 190 reads; rows and columns are independent, and "
    "190 · 190 = 36 100.",
)


# --- 11.2: what the tiled kernel reads ---------------------------------------------------------------------

tiled_count = Prediction(
    id="11.2",
    title="What the tiled kernel reads",
    answer="my_tiled_reads",
    right=4900,
    wrong=(
        Wrong(
            "each pixel once",
            "4096 is every pixel once. But the patches of neighboring tiles overlap, and what lies in two patches is "
            "fetched by both groups",
            4096,
        ),
        Wrong(
            "padding fetched",
            "16 groups with a patch of 18 · 18 = 324 each: nearly. At the border a part of the patch is padding, and "
            "nothing is read for it",
            5184,
        ),
        Wrong("plain", "36 100 is what the plain kernel reads: the tiled one shares", 36100),
        Wrong("plain with padding", "64 · 64 · 9 is every window in full, and nothing shared", 36864),
        Wrong("one group", "324 is what one group in the middle fetches: there are 16 groups", 324),
        Wrong(
            "one large tile",
            "66 · 66 is the padded picture, once: but it is cut into 16 tiles, and the padding is not read",
            4356,
        ),
        Wrong(
            "corners",
            "17 · 17 is right for the patch of a tile in a corner: on the other sides there are neighbors, and a patch is "
            "18 wide",
            16 * 289,
        ),
        Wrong(
            "reads by nine",
            "that is the plain kernel's reads by nine, as if each pixel were fetched once: but patches overlap",
            36100 / 9,
        ),
        Wrong(
            "local reads",
            "every work-item still looks at nine numbers, but it finds them in local memory: asked are the reads of "
            "global memory",
            16 * 256 * 9 + 4900,
        ),
    ),
    hints=(
        "Each group fetches its own patch once. How large is the patch of a 16 x 16 tile, when a window reaches one pixel "
        "beyond it on each side?",
        "18 x 18 for a tile in the middle. But look at a tile in a corner: two sides of its patch are padding.",
        "From left to right the four tiles fetch 17, 18, 18 and 17 columns, 70 in all. From top to bottom the same.",
    ),
    explanation="Along a row of tiles the patches are 17, 18, 18 and 17 pixels wide: 70 columns are fetched, and likewise 70 "
    "rows. 70 · 70 = 4900, and 36 100 is more than seven times as many.",
)


# --- 11.3: where a tile spares nothing ---------------------------------------------------------------------


def spares_nothing(state):
    """ "" when the tiled kernel reads at least as often as the plain one, with the filter and image as they were."""
    if state.get("problem"):
        return "nothing was computed: the explorer says why below its pictures"
    if state.get("filter_size") != 3:
        return "the filter must stay 3 x 3"
    if state.get("size") != 64:
        return "the image must stay 64 x 64"
    plain, tiled = state.get("plain_reads") or 0, state.get("tiled_reads") or 0
    if not plain or not tiled:
        return "this is no explorer of reads"
    if tiled < plain:
        return (
            f"the plain kernel reads {plain} times and the tiled one {tiled} times: it still spares something"
        )
    return ""


def _state(**settings):
    return {"size": 64, "filter_size": 3, "stride": 1, "padding": 1, "tile": 16, "problem": "", **settings}


def _counts(state):
    return state.get("plain_reads") or 0, state.get("tiled_reads") or 0


def _as_given(state):
    return state.get("size") == 64 and state.get("filter_size") == 3 and min(_counts(state)) > 0


nothing_shared = StateExercise(
    id="11.3",
    title="Where a tile spares nothing",
    answer="reads_explorer",
    goal=spares_nothing,
    reached=_state(stride=3, plain_reads=4096, tiled_reads=4096),
    also_right=(
        _state(stride=4, plain_reads=2209, tiled_reads=3844),
        _state(stride=3, tile=8, plain_reads=4096, tiled_reads=4096),
        _state(stride=3, padding=0, plain_reads=3969, tiled_reads=4096),
    ),
    wrong=(
        Wrong(
            "untouched",
            "with stride 1 neighboring windows share six of their nine pixels: move them apart, until they share none",
            _state(plain_reads=36100, tiled_reads=4900),
            lambda s: _as_given(s) and s.get("stride") == 1 and s.get("tile") == 16 and s.get("padding") == 1,
        ),
        Wrong(
            "stride 2",
            "with stride 2 neighboring windows still share a column or a row of three: a little farther",
            _state(stride=2, plain_reads=9025, tiled_reads=4225),
            lambda s: _as_given(s) and s.get("stride") == 2,
        ),
        Wrong(
            "small groups",
            "smaller groups share less, because more of a small tile is edge, but they still share: what must become of "
            "the windows themselves?",
            _state(tile=4, plain_reads=36100, tiled_reads=8836),
            lambda s: _as_given(s) and s.get("stride") == 1 and s.get("tile") in (4, 8),
        ),
        Wrong(
            "more padding",
            "padding adds windows at the border, and leaves all others as they were: it is the stride that moves windows apart",
            _state(padding=4, plain_reads=36864, tiled_reads=5476),
            lambda s: _as_given(s) and s.get("stride") == 1 and s.get("tile") == 16 and s.get("padding") != 1,
        ),
        Wrong(
            "one weight",
            "a filter of one pixel shares nothing, true; but here the filter must stay 3 × 3",
            _state(filter_size=1, plain_reads=4096, tiled_reads=4096),
            lambda s: s.get("filter_size") == 1,
        ),
        Wrong(
            "another filter",
            "set the filter back to 3 × 3: with that one, there is a stride from which on nothing is shared",
            _state(filter_size=5, stride=5, plain_reads=4096, tiled_reads=4096),
            lambda s: isinstance(s.get("filter_size"), int) and s["filter_size"] not in (1, 3),
        ),
        Wrong(
            "another image",
            "set the image back to 64 × 64",
            _state(size=32, plain_reads=8836, tiled_reads=1156),
            lambda s: s.get("filter_size") == 3 and isinstance(s.get("size"), int) and s["size"] != 64,
        ),
    ),
    hints=(
        "A tile spares reads because neighboring windows share pixels. When do they share none?",
        "The stride moves windows apart. A window is 3 wide.",
        "With stride 3 each window begins where its neighbor ends.",
    ),
    explanation="With stride 3, windows of 3 lie side by side and share nothing: each pixel is read once, by both kernels. With "
    "stride 4 the tiled kernel even fetches the gaps between the windows, which nobody needs.",
)


# --- 11.4: a tile of one's own -----------------------------------------------------------------------------


def row_filter(x, w, group):
    """Three taps along a row; outside of it there are zeros. The result does not depend on the work-groups."""
    x = np.pad(np.asarray(x, float), 1)
    return w[0] * x[:-2] + w[1] * x[1:-1] + w[2] * x[2:]


def launch(x, w, group):
    n, groups = len(x), -(-len(x) // group)
    arguments = (In(np.float32(x)), In(np.float32(w)), Out((n,)), Local(1, more=2), n)
    return Launch(arguments, (n,), ((group,),), Reads(0, (groups * (group + 2),)))


def row_cases(rng):
    def taps():
        w = rng.integers(1, 9, 3) * rng.choice((-1.0, 1.0), 3)
        w[2] = -w[0] - 1  # never the same when turned
        return w

    x = rng.integers(1, 10, 12).astype(float)
    yield Case({"x": x, "w": taps(), "group": 4}, "values", "three full groups of four")
    for group in (8, 16, 1):
        n = {8: 8 * int(rng.integers(2, 4)) + int(rng.integers(1, 8)), 16: 30, 1: 5}[group]
        words = {8: "a last group that is not full", 16: "", 1: "groups of a single work-item"}[group]
        yield Case({"x": rng.uniform(1, 9, n), "w": taps(), "group": group}, "values", words)
    yield Case(
        {"x": rng.uniform(1, 9, 100), "w": taps(), "group": 16}, "few reads", "100 numbers, reads counted"
    )


KERNEL = """__kernel void row_filter(__global const float *x, __global const float *w, __global float *y,
                         __local float *tile, const int n)
{
    int i = get_global_id(0);
    int l = get_local_id(0);
    int L = get_local_size(0);
    tile[l + 1] = i < n ? x[i] : 0.0f;
    if (l == 0)
        tile[0] = i > 0 ? x[i - 1] : 0.0f;
    if (l == L - 1)
        tile[L + 1] = i + 1 < n ? x[i + 1] : 0.0f;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (i < n)
        y[i] = w[0] * tile[l] + w[1] * tile[l + 1] + w[2] * tile[l + 2];
}
"""
HEAD = KERNEL[: KERNEL.index("    tile[l + 1]")]
FETCH = KERNEL[len(HEAD) : KERNEL.index("    barrier")]
BARRIER = "    barrier(CLK_LOCAL_MEM_FENCE);\n"
STORE = KERNEL[KERNEL.index("    if (i < n)\n") : -2]
LEFT, RIGHT = "(i > 0 ? x[i - 1] : 0.0f)", "(i + 1 < n ? x[i + 1] : 0.0f)"


def _kernel(*parts):
    return HEAD + "".join(parts) + "}\n"


def _changed(old, new):
    assert KERNEL.count(old) == 1, old
    return KERNEL.replace(old, new)


def _by_groups(tile_of):
    """What a kernel computes whose group g of `group` work-items has tile_of(padded x, g, group) for a tile."""

    def function(x, w, group):
        n, x = len(x), np.asarray(x, float)
        padded = np.concatenate([[0.0], x, np.zeros(2 * group + 2)])
        y = []
        for g in range(-(-n // group)):
            tile = np.asarray(tile_of(padded, g, group), float)
            y += [w @ tile[place : place + 3] for place in range(group)]
        return np.array(y[:n])

    return function


def _own(padded, g, group):
    """The tile as it should be."""
    return padded[g * group : (g + 1) * group + 2].copy()


def _without_halo(padded, g, group):
    tile = _own(padded, g, group)
    tile[[0, -1]] = 0
    return tile


def _edge_repeated(padded, g, group):
    tile = _own(padded, g, group)
    tile[0], tile[-1] = tile[1], tile[-2]
    return tile


def _halo_swapped(padded, g, group):
    tile = _own(padded, g, group)
    tile[[0, -1]] = tile[[-1, 0]]
    return tile


def _first_group(padded, g, group):
    """x[l] in place of x[i]; the halo is right."""
    tile = _own(padded, g, group)
    inside = np.arange(g * group, (g + 1) * group) < len(padded) - 2 * group - 3
    tile[1:-1] = np.where(inside, padded[1 : group + 1], 0)
    return tile


def _ends_repeated(x, w, group):
    x = np.pad(np.asarray(x, float), 1, mode="edge")
    return w[0] * x[:-2] + w[1] * x[1:-1] + w[2] * x[2:]


own_tile = KernelExercise(
    id="11.4",
    title="A tile of your own",
    answer="row_filter",
    groups={"values": 2, "few reads": 2},
    counted=("few reads",),
    reference=row_filter,
    cases=row_cases,
    launch=launch,
    stand_in=LearnerKernel("row_filter", KERNEL).bind(launch),
    also_right=(
        _kernel(
            "    for (int p = l; p < L + 2; p += L) {\n",
            "        int at = (int)get_group_id(0) * L - 1 + p;\n",
            "        tile[p] = at >= 0 && at < n ? x[at] : 0.0f;\n    }\n",
            BARRIER,
            STORE,
        ),
        _kernel(  # the ends from global memory: as few reads
            "    tile[l] = i < n ? x[i] : 0.0f;\n",
            BARRIER,
            f"    float left = l > 0 ? tile[l - 1] : {LEFT};\n",
            f"    float right = l < L - 1 ? tile[l + 1] : {RIGHT};\n",
            "    if (i < n)\n        y[i] = w[0] * left + w[1] * tile[l] + w[2] * right;\n",
        ),
        _kernel(  # clamped: reads a number that it does not use
            "    tile[l + 1] = x[min(i, n - 1)] * (i < n);\n",
            "    if (l == 0) tile[0] = x[max(i - 1, 0)] * (i > 0);\n",
            "    if (l == L - 1) tile[L + 1] = x[min(i + 1, n - 1)] * (i + 1 < n);\n",
            BARRIER,
            STORE,
        ),
    ),
    wrong=(
        Wrong(
            "all from global memory",
            "your kernel computes the right numbers, and every x is still fetched three times. Let each work-item copy its "
            "own x[i] into tile, let the two at the ends copy the halo, and take all three from tile",
            _kernel(f"    if (i < n)\n        y[i] = w[0] * {LEFT} + w[1] * x[i] + w[2] * {RIGHT};\n"),
            symptom="reads",
            told="it never reads local memory",
        ),
        Wrong(
            "only the middle from the tile",
            "the middle number comes from tile, and the two beside it still come from x: your neighbors have put them into "
            "tile, at tile[l] and tile[l + 2]",
            _kernel(
                FETCH,
                BARRIER,
                f"    if (i < n)\n        y[i] = w[0] * {LEFT} + w[1] * tile[l + 1] + w[2] * {RIGHT};\n",
            ),
            symptom="reads",
            told="100 reads)",
        ),
        Wrong(
            "copied more than once",
            "the numbers come from tile, but they are copied into it more than once: each work-item is to fetch its own x[i], "
            "and only the first and the last of the group one more",
            _kernel(
                "    for (int p = 0; p < L + 2; p++) {\n        int at = i - l - 1 + p;\n",
                "        tile[p] = at >= 0 && at < n ? x[at] : 0.0f;\n    }\n",
                BARRIER,
                STORE,
            ),
            symptom="reads",
            told="local memory:",
        ),
        Wrong(
            "no barrier",
            "the barrier is missing: a work-item computes before its neighbors have put their numbers into tile. "
            "barrier(CLK_LOCAL_MEM_FENCE); belongs between the lines that fill tile and the line that reads it",
            _kernel(FETCH, STORE),
            symptom="unstable",
            told="Put barrier(",
        ),
        Wrong(
            "a number of the tile is missing",
            "a number of tile is used that nobody had written before the barrier. It has L + 2 of them: the group's own at "
            "tile[1] to tile[L], and the halo, tile[0] and tile[L + 1], which the first and the last work-item fetch, too. In a "
            "group that reaches beyond the row, those that have no x put a 0.0f into their place",
            _kernel("    tile[l + 1] = i < n ? x[i] : 0.0f;\n", BARRIER, STORE),
            symptom="unstable",
            told="Is all of it written before the barrier",
        ),
        Wrong(
            "a halo of zeros",
            "at the ends of each group your kernel takes 0 for the neighbor. There is only a 0 at the ends of x; elsewhere "
            "the neighbor belongs to another group, and is x[i - 1] or x[i + 1]",
            _kernel(
                "    tile[l + 1] = i < n ? x[i] : 0.0f;\n",
                "    if (l == 0) tile[0] = 0.0f;\n    if (l == L - 1) tile[L + 1] = 0.0f;\n",
                BARRIER,
                STORE,
            ),
            _by_groups(_without_halo),
        ),
        Wrong(
            "the edge repeated",
            "at the ends of each group your kernel takes its own number for the neighbor's: the halo is x[i - 1] for the "
            "first work-item and x[i + 1] for the last",
            _kernel(
                "    tile[l + 1] = i < n ? x[i] : 0.0f;\n",
                "    if (l == 0) tile[0] = i < n ? x[i] : 0.0f;\n    if (l == L - 1) tile[L + 1] = i < n ? x[i] : 0.0f;\n",
                BARRIER,
                STORE,
            ),
            _by_groups(_edge_repeated),
        ),
        Wrong(
            "halo swapped",
            "the two numbers of the halo stand at the wrong ends: x[i - 1] of the first work-item goes to tile[0], x[i + 1] "
            "of the last to tile[L + 1]",
            _changed("tile[0] =", "tile[L + 1] =").replace("tile[L + 1] = i + 1", "tile[0] = i + 1"),
            _by_groups(_halo_swapped),
        ),
        Wrong(
            "local index for the global one",
            "every group fetches the first group's numbers: l is your place in the group and i your place in x, so fetch x[i]",
            _changed("i < n ? x[i]", "i < n ? x[l]"),
            _by_groups(_first_group),
        ),
        Wrong(
            "result at the local index",
            "every group writes into the same few numbers of y: your place in y is i, not l",
            _changed("y[i] =", "y[l] ="),
            symptom="unwritten",
            told="the first at index 4, the last at index 11",  # not the last group alone: it may hang at the barrier
        ),
        Wrong(
            "reads outside",
            "it reads beside x: the first number has no left neighbor and the last no right one, and there are more work-items "
            "than numbers. Look first (i > 0, i < n, i + 1 < n), and put a 0 into tile where there is nothing",
            _changed("i > 0 ? x[i - 1] : 0.0f", "x[i - 1]"),
            symptom="outside read",
        ),
        Wrong(
            "left before the barrier",
            "those that are too many write behind the end of y. `if (i < n)` belongs around the last line alone: whoever leaves "
            "earlier, or jumps over the barrier, breaks the promise that all work-items of a group come to it",
            _changed("    tile[l + 1] =", "    if (i >= n) return;\n    tile[l + 1] ="),
            symptom="overrun",
        ),
        Wrong(
            "endless",
            "it does not come to an end. Does the counter of each loop grow? And does every work-item of a group come to the "
            "barrier? Where one jumps over it, as inside an `if`, the others may wait for it forever",
            _kernel(
                "    for (int p = l; p < L + 2; p += 0) {\n        int at = i - l - 1 + p;\n",
                "        tile[p] = at >= 0 && at < n ? x[at] : 0.0f;\n    }\n",
                BARRIER,
                STORE,
            ),
            symptom="timeout",
        ),
        Wrong(
            "turned",
            "the weights are in the wrong order: w[0] belongs to the left neighbor, tile[l], and w[2] to the right one",
            _kernel(
                FETCH, BARRIER, STORE.replace("w[0]", "w[?]").replace("w[2]", "w[0]").replace("w[?]", "w[2]")
            ),
            lambda x, w, group: row_filter(x, w[::-1], group),
        ),
        Wrong(
            "the ends repeated",
            "at the ends of x you repeat the last number: outside x there are zeros here, as with padding",
            _changed("i > 0 ? x[i - 1] : 0.0f", "x[max(i - 1, 0)]")
            .replace("i + 1 < n ? x[i + 1] : 0.0f", "x[min(i + 1, n - 1)]")
            .replace("i < n ? x[i] : 0.0f", "x[min(i, n - 1)]"),
            _ends_repeated,
        ),
        Wrong(
            "does not compile",
            "the compiler does not understand it: read its words below, and look at the line it names",
            _changed("x[i] : 0.0f;", "x[i] : 0.0f"),
            symptom="build",
        ),
    ),
    hints=(
        "Three parts: fill the tile together, wait for each other, compute. Who fetches what? Look at the table.",
        "Work-item l puts x[i] into tile[l + 1]. The first (l == 0) also fetches x[i - 1] for tile[0], the last (l == L - 1) "
        "x[i + 1] for tile[L + 1]; beside x there is nothing to read, and the tile gets 0.0f.",
        "After barrier(CLK_LOCAL_MEM_FENCE); the three numbers of work-item l are tile[l], tile[l + 1] and tile[l + 2]. Only "
        "the store, y[i] = ..., stands behind `if (i < n)`.",
    ),
    explanation="Each number is fetched once by the work-item that it belongs to, the halo by those at the ends: L + 2 reads for a "
    "group of L. The barrier sees to it that the tile is full before anyone looks into it; everyone must come to it, also "
    "those who have nothing to store.",
)


# --- 11.5: arithmetic per byte -----------------------------------------------------------------------------


def intensity(N, C, H, W, K, R, S):
    """Floating-point operations per byte, when x, w and y are each moved once."""
    flops = 2 * N * K * H * W * C * R * S
    return flops / (4 * (N * C * H * W + K * C * R * S + N * K * H * W))


def intensity_in_steps(N, C, H, W, K, R, S):
    """The same by the sizes of arrays."""
    x, w, y = np.prod([N, C, H, W]), np.prod([K, C, R, S]), np.prod([N, K, H, W])
    multiply_adds = y * np.prod([C, R, S])
    return 2 * multiply_adds / ((x + w + y) * np.dtype(np.float32).itemsize)


def _flops(N, C, H, W, K, R, S):
    return 2 * N * K * H * W * C * R * S


def _layer(N, C, H, W, K, R, S, group, words=""):
    return Case({"N": N, "C": C, "H": H, "W": W, "K": K, "R": R, "S": S}, group, words)


def intensity_cases(rng):
    yield _layer(1, 1, 300, 300, 1, 3, 3, "one image", "one filter on a gray photograph")
    yield _layer(1, 3, 32, 32, 12, 3, 3, "one image", "the article's 32x32x3 image and 12 filters")
    yield _layer(8, 16, 28, 28, 32, 3, 3, "batches", "the convolution of the ladder")
    for _ in range(4):
        C, K = int(rng.integers(2, 20)), int(rng.integers(21, 60))
        H, W = int(rng.integers(5, 20)), int(rng.integers(21, 40))
        R, S = (int(v) for v in rng.choice((1, 2, 3, 5), 2, replace=False))
        yield _layer(1, C, H, W, K, R, S, "one image")
        yield _layer(int(rng.integers(2, 65)), C, H, W, K, R, S, "batches")


per_byte = FunctionExercise(
    id="11.5",
    title="Arithmetic per byte",
    answer="intensity",
    groups={"one image": 1, "batches": 1},
    reference=intensity,
    cases=intensity_cases,
    also_right=(intensity_in_steps,),
    wrong=(
        Wrong(
            "multiply-adds",
            "a multiply-add is two operations, one multiplication and one addition: you counted it as one",
            lambda *sizes: intensity(*sizes) / 2,
        ),
        Wrong("numbers", "that is per number: a float32 has 4 bytes", lambda *sizes: 4 * intensity(*sizes)),
        Wrong(
            "multiply-adds per number",
            "two things at once: a multiply-add is two operations, and a number has 4 bytes",
            lambda *sizes: 2 * intensity(*sizes),
        ),
        Wrong("bits", "a float32 has 32 bits, and these are 4 bytes", lambda *sizes: intensity(*sizes) / 8),
        Wrong(
            "result not moved",
            "y is moved, too: the result is written, N·K·H·W numbers",
            lambda N, C, H, W, K, R, S: _flops(N, C, H, W, K, R, S) / (4 * (N * C * H * W + K * C * R * S)),
        ),
        Wrong(
            "weights not moved",
            "the weights are read, too: K·C·R·S numbers",
            lambda N, C, H, W, K, R, S: _flops(N, C, H, W, K, R, S) / (4 * (N * C * H * W + N * K * H * W)),
        ),
        Wrong(
            "image not moved",
            "x is read, too: N·C·H·W numbers",
            lambda N, C, H, W, K, R, S: _flops(N, C, H, W, K, R, S) / (4 * (K * C * R * S + N * K * H * W)),
        ),
        Wrong(
            "one plane per filter",
            "the bytes of w: each of the K filters has a plane for every channel, K·C·R·S numbers and not K·R·S",
            lambda N, C, H, W, K, R, S: (
                _flops(N, C, H, W, K, R, S) / (4 * (N * C * H * W + K * R * S + N * K * H * W))
            ),
        ),
        Wrong(
            "a bank for each image",
            "that is what a single image has. In a batch x and y are N times as large, and there is still one bank of filters for "
            "all images: K·C·R·S numbers, not N times as many",
            lambda N, C, H, W, K, R, S: (
                _flops(N, C, H, W, K, R, S) / (4 * N * (C * H * W + K * C * R * S + K * H * W))
            ),
        ),
        Wrong(
            "as the plain kernel asks",
            "you counted every read of the plain kernel, two for each multiply-add. Asked is the least: each number of x, w "
            "and y is moved once",
            lambda N, C, H, W, K, R, S: (
                _flops(N, C, H, W, K, R, S) / (4 * (2 * N * K * H * W * C * R * S + N * K * H * W))
            ),
        ),
        Wrong(
            "upside down",
            "that is bytes per operation: the operations go above the line",
            lambda *sizes: 1 / intensity(*sizes),
        ),
        Wrong(
            "one channel",
            "each output sums over all C channels: C·R·S products, not R·S",
            lambda N, C, H, W, K, R, S: intensity(N, C, H, W, K, R, S) / C,
        ),
        Wrong("operations", "these are all the operations: divide by the bytes that are moved", _flops),
        Wrong(
            "bytes",
            "these are all the bytes: the operations are divided by them",
            lambda N, C, H, W, K, R, S: 4 * (N * C * H * W + K * C * R * S + N * K * H * W),
        ),
    ),
    hints=(
        "Above the line: how many outputs are there, and how many products are summed for each? A product that is added is "
        "two operations.",
        "Below the line: the numbers of x (N·C·H·W), of w (K·C·R·S) and of y (N·K·H·W), four bytes each.",
        "2 * N * K * H * W * C * R * S / (4 * (N * C * H * W + K * C * R * S + N * K * H * W))",
    ),
    explanation="There are N·K·H·W outputs and C·R·S multiply-adds for each. What must move at the very least is x, w and y, once "
    "each. The more filters look at a pixel, the more is computed with it once it is there.",
)
