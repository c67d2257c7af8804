# %% [markdown]
# # 11 · Make it fast
#
# **The question of this notebook:** why is the same convolution thirty times faster?
#
# *You are here:* [09 Look inside](09_look_inside.ipynb) → [10 Is it true?](10_is_it_true.ipynb) → **11 Make it fast** →
# [12 Full size](12_full_size.ipynb)
#
# The article's first complaint about convolutional networks is that training them takes much computing and much memory. It
# does not say where either of them goes. cnnkit has five [kernels](glossary.ipynb#kernel) that compute the very same
# convolution: the same formula, the same numbers, as many multiplications. On one and the same
# [device](glossary.ipynb#device) the fastest can be thirty times as fast as the slowest, or a hundred times. The formula
# cannot explain that, and by the end of this notebook you can. On the way you write the most famous of the tricks yourself.
#
# One rule for today. **Times** are taken on *your* machine, and yours is not the one this page was written on: they are shown
# and never graded. What is graded can be **counted**, and a count is the same everywhere.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np

import cnnkit
from cnnkit import Adam, CrossEntropyLoss, data, kernel
from cnnkit.bench import ConvCase, interleave, measure_ceilings
from cnnkit.bench.ceilings import fma_plan
from cnnkit.exercises import check, explain, hint, progress, solution, use
from cnnkit.explore import ReadsExplorer, show
from cnnkit.models import small_cnn
from cnnkit.ops.variants import VARIANTS

device = cnnkit.current_device()

# %% [markdown]
# ## The same numbers, five times
#
# Here is the convolution of this notebook: a [batch](glossary.ipynb#batch) of $N=8$ volumes with $C=16$
# [channels](glossary.ipynb#channel) of 28×28, and $K=32$ [filters](glossary.ipynb#filter) of 3×3 with
# [padding](glossary.ipynb#padding) 1. Each of the $N\cdot K\cdot OH\cdot OW$ outputs is a sum of $C\cdot R\cdot S$ products, and a
# product that is added up is **two** floating-point operations, one multiplication and one addition:

# %% tags=["demonstration"]
case = ConvCase(N=8, C=16, H=28, K=32, R=3)
N, C, H, W = case.x_shape
K, _, R, S = case.w_shape
_, _, OH, OW = case.y_shape
flops = 2 * N * K * OH * OW * C * R * S
print(f"{N * K * OH * OW:,} outputs, {C * R * S} products each: {flops:,} operations")

# %% [markdown]
# And these are the five kernels, each with its one idea:
#
# | `variant=` | the idea |
# |---|---|
# | `plain` | the formula: one [work-item](glossary.ipynb#work-item) per output, and each fetches all that it needs by itself |
# | `tiled` | the work-items of a [work-group](glossary.ipynb#work-group) share what they fetch |
# | `gemm` | write all windows out as a matrix; what is left is one matrix product, and there are fast kernels for that |
# | `implicit_gemm` | the same product, but the matrix is never written; made for graphics cards |
# | `blocked` | a work-item computes a whole block of outputs and keeps their sums at hand; made for processors |
#
# Before anything is timed: do they agree?

# %% tags=["demonstration"]
rng = np.random.default_rng(0)
x = cnnkit.to_device(rng.standard_normal(case.x_shape, np.float32))
w = cnnkit.to_device(rng.standard_normal(case.w_shape, np.float32))
names = VARIANTS["conv2d_forward"]
expected = cnnkit.conv2d(x, w, padding=1, variant="plain").get()
for name in names:
    y = cnnkit.conv2d(x, w, padding=1, variant=name).get()
    print(f"{name:14} the same as plain: {np.allclose(y, expected, rtol=1e-4, atol=1e-3)}")

# %% [markdown]
# **Predict first.** Put the five in order, from slow to fast, and write down how many times faster than `plain` the fastest
# will be on your machine. Then run the next cell. It lets them take turns, because a machine is never quiet, and of each
# the fastest turn counts. It also times `corr2d` of notebook 01, your two loops in Python, on one small picture. Speeds are
# given in **GFLOP/s**, thousands of millions of floating-point operations per second. (Where a device has no room for
# `tiled` or `implicit_gemm`, cnnkit runs `plain` in their place.)


# %% tags=["demonstration"]
def corr2d(x, w):
    """Notebook 01's: the dot product of `w` with every patch of `x`."""
    H, W = x.shape
    R, S = w.shape
    y = np.zeros((H - R + 1, W - S + 1))
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = (x[i : i + R, j : j + S] * w).sum()
    return y


# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
def call(name):
    """What is timed: one convolution by the kernel of this name."""
    return lambda: cnnkit.conv2d(x, w, padding=1, variant=name)


picture, weights = rng.standard_normal((30, 30)), rng.standard_normal((3, 3))
python = interleave({"python": lambda: corr2d(picture, weights)}, 0.1)["python"]
timings = interleave({name: call(name) for name in names}, 1.0, finish=device.finish, settle=0)

rates = {"loops in Python": 2 * 28 * 28 * 9 / python.best / 1e9}
rates |= {name: flops / timings[name].best / 1e9 for name in names}
print(f"{'':16}  milliseconds   GFLOP/s   x plain")
for name in names:
    took, rate = timings[name].best * 1e3, rates[name]
    print(f"{name:16}  {took:12.2f}  {rate:8.2f}  {rate / rates['plain']:8.1f}")
print(f"{'loops in Python':16}  {'':12}  {rates['loops in Python']:8.4f}")

# %% tags=["drawing", "nbval-ignore-output", "reveal"]
figure, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
colors = ["#CC79A7"] + ["#0072B2"] * len(names)
axis.barh(list(rates), rates.values(), color=colors)
axis.set(
    xscale="log", xlabel="GFLOP/s, a thousand million operations per second (each step is ten times as many)"
)
axis.set_xlim(min(rates.values()) / 3, 6 * max(rates.values()))
for place, rate in enumerate(rates.values()):
    axis.text(1.15 * rate, place, f"{rate:.2g}", va="center")
axis.invert_yaxis()
listed = ", ".join(f"{name} {rate:.2g}" for name, rate in rates.items())
show(figure, f"Speed of the same convolution by kernel, as bars on a logarithmic axis, in GFLOP/s: {listed}.")

# %% [markdown]
# Let us call these five kernels the **ladder**. On a processor, `blocked` usually ends up thirty to a hundred times as fast
# as `plain`. Look where `tiled` stands: hardly better than `plain`, perhaps worse. On a graphics card the order may be
# another one. We shall see why; first we need something that does not depend on what else the machine is doing.
#
# ## How often does plain fetch a pixel?
#
# A multiply-add takes a device next to no time. What takes time is to get the two numbers that it needs. They lie in
# [global memory](glossary.ipynb#global-memory), large and far away: while one number is on its way, a core could do hundreds of
# multiply-adds. So the first question is how often a kernel **reads**.
#
# Take one channel and one filter: an image of 64×64, a 3×3 filter, padding 1, so 64×64 outputs. In the plain kernel every
# work-item reads the pixels under its own window. A pixel in the middle lies under nine windows and is read nine times. A pixel at
# an edge lies under six, one in a corner under four. And where a window hangs over the border nothing is read at all: the
# kernel asks `inside ? x[...] : 0.0f`.
#
# ## Your turn: count the reads
#
# Write `plain_reads`: how many reads of the image does the plain kernel make in all, with stride 1? The image has $H$ rows and
# $W$ columns, the filter $R$ and $S$, and there are `padding` zeros on every side.


# %% tags=["exercise", "11.1"]
def plain_reads(H, W, R, S, padding):
    """How often all windows together read a pixel that lies in the image."""
    ### BEGIN SOLUTION
    count = 0
    for i in range(H + 2 * padding - R + 1):
        for j in range(W + 2 * padding - S + 1):
            for r in range(R):
                for s in range(S):
                    row, column = i + r - padding, j + s - padding
                    count += 0 <= row < H and 0 <= column < W
    return count
    ### END SOLUTION


# %% tags=["answer"]
check("11.1", plain_reads)
# hint("11.1")
# solution("11.1")

# %% tags=["demonstration", "reveal"]
reads = use("11.1", plain_reads)(64, 64, 3, 3, 1)
print(f"plain: {reads:,} reads of {64 * 64:,} pixels, {reads / 64**2:.1f} for each")

# %% [markdown]
# ## Share what you fetch
#
# Neighboring windows see almost the same pixels, so why should each work-item fetch its own? The work-items of a group have a
# small, near memory that they share: [local memory](glossary.ipynb#local-memory). So let a group of 16×16 work-items first copy,
# together, all that their 256 windows will look at, each pixel once. That is the group's [tile](glossary.ipynb#tile) of 16×16
# pixels **and a frame of one pixel around it**, because the windows at its edge look beyond it. The frame is called the *halo*.
# Tile and halo together are the group's *patch*, 18×18 pixels here. Then everyone computes from local memory. This is the whole
# idea of `tiled`.
#
# **Predict first.** The same image of 64×64, a 3×3 filter, padding 1, and groups of 16×16, so 4×4 tiles. How often do all groups
# together read the image from global memory? Mind the two kinds of edges: the tiles' and the image's. (For the padding, nothing
# is read.)

# %% tags=["exercise", "11.2"]
### BEGIN SOLUTION
### STUB my_tiled_reads = None  # a number
along_a_row_of_tiles = 17 + 18 + 18 + 17  # tiles at the border have a halo on one side only
my_tiled_reads = along_a_row_of_tiles**2
### END SOLUTION

# %% tags=["answer"]
check("11.2", my_tiled_reads)
# hint("11.2")
# solution("11.2")

# %% [markdown]
# This explorer works nothing out on paper. It runs cnnkit's own two kernels with a counter in front of every read. Point at a
# work-item, or tab to it and use the arrow keys: what it reads lights up in the image, in blue, and what its group reads in orange.
# (A group of 16×16 is 256 work-items. Where your device allows fewer, the explorer begins with groups of 8×8.)
#
# Find out:
#
# 1. Which pixels does the tiled kernel read more than once? How often at most?
# 2. Make the work-groups smaller, 4×4. What happens to the tiled count, and why?
# 3. A larger filter: 9×9 with padding 4. How many times less does the tiled kernel read now?

# %% tags=["nbval-ignore-output", "reveal"]
reads_explorer = ReadsExplorer()
reads_explorer

# %% [markdown]
# Sharing needs something to share. Leave the image at 64×64 and the filter at 3×3, and change what else you like: find a
# setting in which the tile **spares nothing**, so that `tiled` reads at least as often as `plain`. Leave the explorer there, and
# run the check.

# %% tags=["exercise", "11.3"]
### BEGIN SOLUTION
### STUB # move the sliders above, then run the next cell: nothing is to be written here ...
reads_explorer.model.stride = 3
### END SOLUTION

# %% tags=["answer", "nbval-ignore-output"]
check("11.3", reads_explorer)
# hint("11.3")
# solution("11.3")

# %% [markdown]
# ## Wait for each other
#
# Sharing has a price. The work-items of a group do not move in step: one may be done before another has begun. If it looks for its
# neighbor's number too early, it finds what happened to lie there. So between filling the tile and using it stands
#
# ```c
# barrier(CLK_LOCAL_MEM_FENCE);
# ```
#
# (The word in brackets says that it is about local memory.) Nobody goes past it until **all** work-items of the group have
# come to it, and what they wrote into local memory by then is seen by all. In return you promise that all of them come,
# also those who have nothing to compute: who leaves early, or jumps over it in an `if`, breaks the promise, and the device
# may do anything.
#
# Let us make it small: a picture of a single row, and a filter of three weights,
#
# $$y_i = w_0\,x_{i-1} + w_1\,x_i + w_2\,x_{i+1}$$
#
# with zeros outside of the row. Twelve numbers, three groups of four:

# %% tags=["drawing"]
figure, axis = plt.subplots(figsize=(9, 3.4), layout="constrained")
colors = ["#0072B2", "#D55E00", "#009E73"]
for i in range(12):
    axis.add_patch(plt.Rectangle((i, 0), 1, 1, facecolor=colors[i // 4], edgecolor="black"))
    axis.text(i + 0.5, 0.5, f"x[{i}]", ha="center", va="center", color="white")
for group, color in enumerate(colors):
    for p in range(6):
        i, halo = 4 * group - 1 + p, p in (0, 5)
        outside = not 0 <= i < 12
        face = "white" if outside else colors[i // 4]
        box = plt.Rectangle(
            (i, -1.6 - 1.15 * group), 1, 1, facecolor=face, edgecolor="black", hatch="//" if halo else None
        )
        axis.add_patch(box)
        label = {"facecolor": "white", "edgecolor": "none", "pad": 1.5} if halo else None
        axis.text(
            i + 0.5,
            -1.1 - 1.15 * group,
            "0" if outside else f"tile[{p}]",
            ha="center",
            va="center",
            fontsize=9,
            color="black" if halo else "white",
            bbox=label,
        )
    axis.text(
        -1.3, -1.1 - 1.15 * group, f"group {group}", ha="right", va="center", color=color, weight="bold"
    )
axis.text(-1.3, 0.5, "global memory", ha="right", va="center")
axis.set(xlim=(-4, 13.2), ylim=(-4.1, 1.2), aspect="equal")
axis.axis("off")
show(
    figure,
    "Above, twelve numbers x in global memory, in three groups of four. Below, each group's tile of six: its own four numbers "
    "and, hatched, the halo, which is a copy of its neighbors' numbers, or 0 beyond the row.",
)

# %% [markdown]
# This is what the four work-items of group 1 do. Read it from top to bottom:
#
# | group 1 | l = 0, i = 4 | l = 1, i = 5 | l = 2, i = 6 | l = 3, i = 7 |
# |---|---|---|---|---|
# | **fill** | `tile[1] = x[4]` | `tile[2] = x[5]` | `tile[3] = x[6]` | `tile[4] = x[7]` |
# | **fill** the halo | `tile[0] = x[3]` | | | `tile[5] = x[8]` |
# | **barrier** | waits | waits | waits | waits |
# | **use** | `tile[0..2]` for `y[4]` | `tile[1..3]` for `y[5]` | `tile[2..4]` for `y[6]` | `tile[3..5]` for `y[7]` |
#
# Without the barrier work-item 0 might reach for `tile[2]` while work-item 1 still sleeps.
#
# ## Your turn: a tile of your own
#
# Write it as a kernel, for a row of `n` numbers.
#
# - `get_global_id(0)` is your place `i` in the row, `get_local_id(0)` your place `l` in the group, `get_local_size(0)` the
#   group's size `L`. These three lines are there already.
# - `tile` points to local memory with room for L + 2 numbers, tile and halo, one such piece for each group. It holds nothing at
#   the beginning, not even zeros.
# - The last group may have work-items too many (i ≥ n). There is no x for them to fetch, so they fill their place of the tile with
#   a 0. They store nothing, but they come to the barrier.
#
# The check runs it with groups of 1, 4, 8 and 16, and then **counts**: a right result is worth half the points, the other half is
# for fetching no number more often than the tile needs it, L + 2 reads for each group.

# %% tags=["exercise", "11.4"]
# %%kernel row_filter
# /* y[i] = w[0] * x[i - 1] + w[1] * x[i] + w[2] * x[i + 1], for n numbers and zeros outside */
# __kernel void row_filter(__global const float *x, __global const float *w, __global float *y,
#                          __local float *tile, const int n)
# {
#     int i = get_global_id(0);   // my place in x and y
#     int l = get_local_id(0);    // my place in the group
#     int L = get_local_size(0);  // how many we are
#     ### BEGIN SOLUTION
#     tile[l + 1] = i < n ? x[i] : 0.0f;
#     if (l == 0)
#         tile[0] = i > 0 ? x[i - 1] : 0.0f;  // the halo on the left
#     if (l == L - 1)
#         tile[L + 1] = i + 1 < n ? x[i + 1] : 0.0f;  // and on the right
#     barrier(CLK_LOCAL_MEM_FENCE);  // the tile is full
#     if (i < n)
#         y[i] = w[0] * tile[l] + w[1] * tile[l + 1] + w[2] * tile[l + 2];
#     ### END SOLUTION
# }

# %% tags=["answer"]
check("11.4", row_filter)
# hint("11.4")
# solution("11.4")
# explain("11.4")

# %% [markdown]
# A row of the portrait has 300 pixels; without a tile that makes 3 · 300 − 2 = 898 reads. **Predict first:** how many does your
# kernel make with groups of 1, of 4, of 16, of 64? (Until it is right, cnnkit's own stands in for it.)

# %% tags=["demonstration", "reveal"]
row = data.photo()[0, 0, 150]
second_difference = np.array([1, -2, 1], np.float32)
mine = use("11.4", row_filter)
for group in (1, 4, 16, 64):
    print(f"groups of {group:2}: {mine.reads(row, second_difference, group)} reads of 300 numbers")
filtered = mine(row, second_difference, 64)
ours = cnnkit.conv2d(row[None, None, None], second_difference[None, None, None], padding=((0, 0), (1, 1)))
print("the same as cnnkit.conv2d:", np.allclose(filtered, ours.get()[0, 0, 0], atol=1e-5))

# %% [markdown]
# A group of one has nobody to share with. The larger the group, the less of its tile is halo. In a picture a pixel lies under nine
# windows instead of three, so there is more to be shared: that is cnnkit's `tiled`. Do you find your three parts again, fill, barrier,
# use?

# %% tags=["demonstration"]
text = kernel.source("conv2d_tiled")
start = text.index("        // Together, copy the patch")
print(text[start : text.index("    const int ox", start)])

# %% [markdown]
# (The second barrier is one that the row did not need: with many channels the tile is filled again for each, and nobody may replace
# it while a neighbor still reads.)
#
# ## Did it help?
#
# Seven times fewer reads; so seven times faster? Go back to your bars. On a graphics card we expect `tiled` well ahead of
# `plain` (there was none at hand when this page was written, so let your own bars judge). **On a processor it is not
# ahead**, and we measured that. The tile does there what is done already: a processor has *caches*, near memories that keep
# whatever was read lately, all by themselves. Of plain's nine reads of a pixel only the first goes far; the other eight
# find it in the cache. And a processor has no special local memory: the "local" tile is ordinary memory, so the kernel
# copies from the cache into the cache, and waits at barriers on top.
#
# Keep both halves of this lesson. A count tells you what the program asks for, on every machine. What it costs, only the clock can
# tell, on yours.
#
# So what does `plain` wait for on a processor, if not for memory?
#
# ## What a processor is good at
#
# A core computes with its **registers**, a few dozen places that hold what it works on right now. Each can hold a **vector**, say
# eight numbers, and one instruction multiplies all eight. And it can begin the next multiply-add long before the last one is done,
# as long as it does **not need its result**. But a single running sum needs it every time: `sum += a * b` must wait for the `sum`
# before it.
#
# Here is a kernel that does nothing but multiply-adds in registers. It reads no memory at all. Its type `VEC` is one number or eight,
# and `SUMS` says how many sums it keeps, none of which waits for another. (`#pragma unroll` asks the compiler to write a loop out,
# round after round, so that each sum gets a register of its own.)
#
# **Predict first.** How many times faster are 12 sums of 8 numbers than a single sum of single numbers?

# %% tags=["demonstration"]
multiply_adds = """
__kernel void multiply_adds(__global VEC *out, const float b, const int n)
{
    VEC sums[SUMS];
    #pragma unroll
    for (int j = 0; j < SUMS; j++)
        sums[j] = (VEC)((float)j);
    for (int i = 0; i < n; i++) {
        #pragma unroll
        for (int j = 0; j < SUMS; j++)
            sums[j] = sums[j] * b + b;
    }
    VEC all = sums[0];
    #pragma unroll
    for (int j = 1; j < SUMS; j++)
        all += sums[j];
    out[get_global_id(0)] = all;
}
"""

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
plan = fma_plan(device)  # how many work-items keep this device busy
steps = 20_000 if device.kind == "CPU" else 1000
measured = {}
for kind, width in (("float", 1), ("float8", 8)):
    for sums in (1, 12):
        run = kernel.compile_source(multiply_adds, "multiply_adds", device, VEC=kind, SUMS=sums)
        out = cnnkit.to_device(np.zeros(plan.items * width, np.float32))

        def work(run=run, out=out):
            """One launch: every work-item does `steps` rounds."""
            kernel.launch(device, run, (plan.items,), (plan.local,), out, 1.0, steps)
            device.finish()

        best = interleave({"work": work}, 0.1, settle=0)["work"].best
        measured[width, sums] = 2 * width * sums * steps * plan.items / best / 1e9
        print(
            f"{sums:2} sum{'s' * (sums > 1):1} of {width} number{'s' * (width > 1):1}: {measured[width, sums]:7.1f} GFLOP/s"
        )
print(f"{measured[8, 12] / measured[1, 1]:.0f} times as fast")

# %% [markdown]
# On a processor the vector brings about eight times as much, and many sums bring about as much again. Eight times eight is
# 64, and both together can even pass a hundred. (On a graphics card expect little of the vector: there each work-item is a
# lane of a vector already, and thousands of them hide each other's waiting.) Nothing here had to do with memory.
#
# Now read the heart of `blocked` with these eyes. Twelve vectors of sums, `sum[6][2]`, stay in registers: 6 pixels × 16
# filters. Each round `t` is one place of the filter, one of its C·R·S products. In it, the kernel reads two vectors of
# weights and six pixels, and makes $6\cdot 16 = 96$ multiply-adds of them: 12 per read. The plain kernel reads two numbers
# for every *single* one, and asks for each whether it lies inside.

# %% tags=["demonstration"]
text = kernel.source("conv2d_blocked")
start = text.index("        for (int t = 0; t < terms; t++) {")
print(text[start : text.index("        // The sums, to be read one by one")])

# %% [markdown]
# That is the answer to the question of this notebook. **The arithmetic is the same; what differs is how much of it there is for every
# number fetched, and whether it has to wait.** A tile of local memory does it for a work-group, a block of registers for a work-item.
#
# ## How fast could it be?
#
# Two ceilings bound every kernel on a device: how many operations per second it can do at all, $P$ (you have just seen that one), and
# how many bytes per second its memory can deliver, $B$. A kernel that does $I$ operations for each byte it moves cannot be faster than
#
# $$\min(P,\; I\cdot B)$$
#
# Drawn over $I$, that is a slope and a flat top: the [roofline](glossary.ipynb#roofline).
#
# ## Your turn: operations per byte
#
# Write `intensity`, the $I$ of a [convolution layer](glossary.ipynb#convolution-layer): its operations divided by the
# **least** number of bytes that must move, which is x and w read once and y written once, each number a float32 of four
# bytes. Stride 1 and padding "same", so that the output is as large as the input, and no bias.


# %% tags=["exercise", "11.5"]
def intensity(N, C, H, W, K, R, S):
    """Floating-point operations per byte of a convolution whose output is H x W, too."""
    ### BEGIN SOLUTION
    operations = 2 * N * K * H * W * C * R * S
    numbers = N * C * H * W + K * C * R * S + N * K * H * W  # x, w, y
    return operations / (4 * numbers)
    ### END SOLUTION


# %% tags=["answer"]
check("11.5", intensity)
# hint("11.5")
# solution("11.5")

# %% tags=["demonstration", "reveal"]
my_intensity = use("11.5", intensity)
layers = {
    "ReLU": 1 / 8,  # one comparison for four bytes read and four written
    "one filter, gray photo": my_intensity(1, 1, 300, 300, 1, 3, 3),
    "3 to 12 channels, 32x32": my_intensity(1, 3, 32, 32, 12, 3, 3),
    "the ladder's": my_intensity(N, C, H, W, K, R, S),
    "64 to 64 channels, 32x32": my_intensity(32, 64, 32, 32, 64, 3, 3),
}
for name, value in layers.items():
    print(f"{name:25} {value:7.2f} operations per byte")

# %% [markdown]
# The more filters look at a pixel, the more there is to do with it once it is there. Now the two ceilings of your device, and below
# them your ladder. All its kernels compute the same convolution, so they stand above one another, under the same piece of roof.

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
roof = measure_ceilings(seconds=1.0)
P, B = max(roof.gflops, *measured.values()), roof.gbytes  # the most that it has shown
print(
    f"arithmetic, P: {P:.0f} GFLOP/s      memory, B: {B:.0f} GB/s      the bend: {P / B:.1f} operations per byte"
)
top = min(P, layers["the ladder's"] * B)
for name in names:
    print(f"{name:14} reaches {rates[name] / top:6.1%} of its roof")

# %% tags=["drawing", "nbval-ignore-output", "reveal"]
figure, axis = plt.subplots(figsize=(8.5, 4.6), layout="constrained")
bend = P / B
axis.plot([0.06, bend, 600], [0.06 * B, P, P], color="black", linewidth=2.5)
axis.text(600, 1.12 * P, "arithmetic", ha="right")
axis.annotate("memory", (0.5, 0.5 * B), (-8, 2), textcoords="offset points", ha="right", va="bottom")
marks = dict(zip(names, "os^Dv", strict=True))
for name in names:
    axis.plot(layers["the ladder's"], rates[name], marks[name], color="#0072B2", markersize=9, label=name)
for name, value in layers.items():
    height = min(P, value * B)
    axis.plot([value, value], [1e-3, height], color="#D55E00", linewidth=1, linestyle=":")
    axis.text(value * 0.93, 0.02, name, rotation=90, ha="right", va="bottom", color="#A04000")
axis.set(
    xscale="log",
    yscale="log",
    xlim=(0.06, 600),
    ylim=(0.015, 3 * P),
    xlabel="operations per byte moved, I",
    ylabel="GFLOP/s",
)
axis.xaxis.set_major_formatter("{x:g}")
axis.yaxis.set_major_formatter("{x:g}")
figure.legend(loc="outside right center", title="your ladder")
show(
    figure,
    f"A roofline: it rises with memory up to {bend:.0f} operations per byte and is flat from there at {P:.0f} GFLOP/s. The five "
    "kernels of the ladder stand above one another at the same operations per byte; dotted lines show other layers.",
)

# %% [markdown]
# Read it from the left. **ReLU** and its like stand under the slope: one operation for eight bytes. No kernel however clever can make
# them fast; the only way is not to move the bytes at all. That is why cnnkit's convolution can write $\max(0, y)$ by itself, and the
# [ReLU](glossary.ipynb#ReLU) after it has nothing left to do. **Convolutions with many channels** stand under the flat part: memory
# could deliver far more than is asked of it, and what counts is how well a kernel keeps the arithmetic busy. There is your `plain`, at
# the foot of its column, and `blocked` below the roof.
#
# ## Where the time of a training step goes
#
# A convolution is one part of training. Here is the network that reads digits (notebook 08), and one [step](glossary.ipynb#step) with a
# batch of 64. First the operations, counted. Forward we know. On the way back each layer computes two things, the
# [gradient](glossary.ipynb#gradient) at its weights and the one at its input, and each costs as much as the way forward. (The very
# first layer is spared the second: nobody asks how the picture should change.) `Linear` is cnnkit's name for the
# [dense layer](glossary.ipynb#dense-layer).

# %% tags=["demonstration"]
network = small_cnn((1, 8, 8), classes=10)
batch = 64
volumes = [shape for _, shape, _ in network.summary((1, 8, 8)).rows]


def operations(i):
    """Of layer i for one batch, forward; only those layers count whose outputs are sums of products."""
    layer = network.layers[i]
    if not layer.parameters:
        return 0
    products = layer.w.size // layer.w.shape[0]  # for one output: C·R·S, or all inputs
    return 2 * batch * int(np.prod(volumes[i + 1])) * products


labels = [f"{i} {type(layer).__name__}" for i, layer in enumerate(network.layers)]
forward = np.array([operations(i) for i in range(len(labels))])
backward = 2 * forward
backward[0] //= 2
for label, f, b in zip(labels, forward, backward, strict=True):
    if f:
        print(f"{label:10} forward {f / 1e6:6.2f}  backward {b / 1e6:6.2f}  million operations")
print(f"the second convolution: {(forward + backward)[2] / (forward + backward).sum():.0%} of all")

# %% [markdown]
# **Predict first.** If operations were all that counts, the second convolution would take nearly all of the time, and the way back
# twice as long as the way forward. Do you believe it? The next cell takes the same step apart, waits after each layer, and holds the
# clock beside it.


# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
def clocked(name, function, *arguments):
    """Call, wait for the device, and note how long it took."""
    begun = time.perf_counter()
    result = function(*arguments)
    device.finish()
    seconds.setdefault(name, []).append(time.perf_counter() - begun)
    return result


train, _ = data.digits(test=0.2, seed=0)
images = cnnkit.to_device(train.images[:batch])
digits = cnnkit.to_device(train.labels[:batch], "labels", np.int32)
loss, optimizer, seconds = CrossEntropyLoss(), Adam(), {}
for _ in range(10):
    values = images
    for label, layer in zip(labels, network.layers, strict=True):
        values = clocked(("forward", label), layer.forward, values)
    slopes = clocked(("forward", "loss"), loss.step, values, digits)[2]
    for i in reversed(range(len(labels))):
        slopes = clocked(("backward", labels[i]), network.layers[i].backward, slopes, i > 0)
    clocked(("backward", "Adam"), optimizer.step, network.parameters)

took = {name: 1e3 * float(np.median(several)) for name, several in seconds.items()}
there, back = (sum(t for (way, _), t in took.items() if way == wanted) for wanted in ("forward", "backward"))
second = sum(t for (_, label), t in took.items() if label == labels[2])
print(
    f"forward {there:.2f} ms, backward {back:.2f} ms; the second convolution: {second / (there + back):.0%} of all"
)

# %% tags=["drawing", "nbval-ignore-output", "reveal"]
places = [*labels, "loss", "Adam"]
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained", sharey=True)
counted = {"forward": [*forward, 0, 0], "backward": [*backward, 0, 0]}
timed = {way: [took.get((way, place), 0) for place in places] for way in counted}
for axis, parts, title in zip(
    axes, (counted, timed), ("operations, % of all", "time, % of all"), strict=True
):
    total = sum(map(sum, parts.values()))
    left = np.zeros(len(places))
    for (way, values), color, hatch in zip(parts.items(), ("#0072B2", "#D55E00"), ("", "//"), strict=True):
        share = 100 * np.array(values) / total
        axis.barh(places, share, left=left, color=color, label=way, hatch=hatch, edgecolor="white")
        left += share
    axis.set(xlabel=title, xlim=(0, 100))
axes[0].invert_yaxis()
axes[0].legend(loc="lower right")
show(
    figure,
    "Two bar charts over the parts of a training step: nearly all operations belong to the second convolution, while the time is "
    f"spread over all parts; the second convolution takes {second / (there + back):.0%} of it.",
)

# %% [markdown]
# The second convolution is indeed the largest part, and far from everything. **Starting a kernel costs some time, however
# little it does**, and on pictures of 8×8 that is what most layers pay. (Waiting after each of them, as we did here, makes
# it worse; training does not wait.) So small networks are slow for another reason than large ones. With pictures of 28×28
# the convolutions do take three quarters of the step or more; clocked in the same way, on two cores of a processor.
#
# ## Where the memory goes
#
# The second half of the article's complaint. [Backpropagation](glossary.ipynb#backpropagation) needs what the way forward has
# computed: the gradient at a filter's weights is made of the layer's *input* (notebook 06). So in training every volume is kept until
# the way back has used it. Count them, by hand: four bytes for each number of the input and of each layer's output, times the batch.
# (Flatten only reads the same numbers in another way, so it costs nothing.) These are the volumes for one image:
#
# | input | 0 Conv2d | 1 ReLU | 2 Conv2d | 3 ReLU | 4 MaxPool2d | 6 Dropout | 7 Linear |
# |---|---|---|---|---|---|---|---|
# | 1×8×8 | 16×8×8 | 16×8×8 | 16×8×8 | 16×8×8 | 16×4×4 | 256 | 10 |
#
# **Predict first:** there are 5050 [parameters](glossary.ipynb#parameter). At a batch of 64, which takes more memory, the volumes or
# the parameters? And how many times more?

# %% tags=["demonstration", "reveal"]
kinds = ["input", *(type(layer).__name__ for layer in network.layers)]
per_image = sum(int(np.prod(shape)) for kind, shape in zip(kinds, volumes, strict=True) if kind != "Flatten")
parameters = sum(parameter.size for parameter in network.parameters)
print(f"numbers in all volumes of one image: {per_image:,}    parameters: {parameters:,}")
for images_at_once in (1, 64, 512):
    kept, weights_too = 4 * per_image * images_at_once, 4 * parameters
    print(
        f"batch {images_at_once:3}: volumes {kept / 1024:7,.0f} KiB    parameters {weights_too / 1024:.0f} KiB"
    )

# %% [markdown]
# The weights of a convolutional network are few, because every place of the picture shares them (notebook 02). **What takes memory in
# training are the volumes**, and they grow with the batch. Each gets a gradient of its own size on the way back, so count them twice. A
# network that is only *used* keeps nothing: each volume may go as soon as the next one is there. And every pooling makes all volumes
# behind it four times smaller, which is what the article means when it says that pooling saves memory.
#
# ## Is the article right?
#
# Take the larger network for 28×28 digits (notebook 12), and ten [epochs](glossary.ipynb#epoch) over 60 000 pictures:

# %% tags=["demonstration"]
full = small_cnn((1, 28, 28), classes=10)
shapes = [shape for _, shape, _ in full.summary((1, 28, 28)).rows]
one_image = sum(
    2 * int(np.prod(shapes[i + 1])) * (layer.w.size // layer.w.shape[0])
    for i, layer in enumerate(full.layers)
    if layer.parameters
)
everything = 3 * one_image * 60_000 * 10  # forward once, backward twice as much
print(f"one picture forward: {one_image / 1e6:.1f} million operations")
print(f"training, ten epochs: {everything / 1e12:.0f} million million operations")

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
for name, rate in sorted(rates.items(), key=lambda pair: pair[1]):
    hours = everything / (rate * 1e9) / 3600
    length = (
        f"{hours / 24:.1f} days"
        if hours > 48
        else f"{hours:.1f} hours"
        if hours > 1
        else f"{60 * hours:.1f} minutes"
    )
    print(f"at the rate of {name:16} {length}")

# %% [markdown]
# So is training "computationally expensive"? **Yes**: ten million million operations are not a few, and that was a small
# network. But the same ten million million take days, hours or minutes on the same machine, depending on who wrote the
# kernel. The expense is a property of the program as much as of the network. And "a lot of memory": **yes**, while it is
# being trained, and mostly for the volumes of the batch; hardly for the weights, and hardly at all once it is done.
#
# ## Where you are

# %% tags=["answer", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## What you can do now
#
# - count what a kernel reads, borders included, and say what a tile spares and when it spares nothing;
# - write a kernel whose work-items share a tile of local memory, halo and barrier included;
# - say why that may not help on a processor, and what does: registers, vectors, sums that do not wait for each other;
# - work out the operations per byte of a layer, and read from a roofline what holds a kernel back;
# - say where the time and the memory of a training step go.
#
# **Answers to the explorer's questions.** 1: The pixels along the seams between tiles, which belong to one tile and to the halo of
# another: twice; where four tiles meet, four times. 2: 8836 instead of 4900: of a small tile more is halo. 3: About 40 times
# (309 136 reads against 7744).
#
# **To think on.** Two convolutions follow each other. What would a kernel have to keep in local memory to compute both in
# one go, and how wide would its halo be? · You may double either $P$ or $B$ of your device. Which would you take for the
# network of this notebook, and which for one that only brightens photographs? · Why can a batch of 512 pictures be trained
# on faster *per picture* than a batch of 8, and what speaks against it?
#
# **Next:** [12 Full size](12_full_size.ipynb): sixty thousand pictures, and all of this put to use.
