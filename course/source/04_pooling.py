# %% [markdown]
# # 04 · Pooling
#
# **The question of this notebook:** what does pooling keep?
#
# *You are here:* [02 A convolution layer](02_convolution_layer.ipynb) → [03 Activation](03_activation.ipynb) → **04 Pooling**
# → [05 A whole network](05_whole_network.ipynb) → [06 Loss and backpropagation](06_loss_and_backprop.ipynb)
#
# A picture of 32x32x3 goes into a [convolution layer](glossary.ipynb#convolution-layer), and a
# [volume](glossary.ipynb#volume) of 32x32x12 comes out: four times as many numbers. A few such layers, and even a small
# picture is a great heap of them. The next kind of layer "downsamples the image to reduce computation", as the article puts
# it. It does so brutally: of four numbers it throws three away, and it has not learned which. Why does that not ruin
# everything? Or does it?

# %%
import matplotlib.pyplot as plt
import numpy as np

import cnnkit
from cnnkit import Adam, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, data, fit, kernel
from cnnkit.exercises import check, explain, hint, progress, solution, use
from cnnkit.explore import PoolingExplorer, PoolingModel, show
from cnnkit.train import evaluate

# %% [markdown]
# ## One number for four
#
# [Pooling](glossary.ipynb#pooling) slides a window over a [feature map](glossary.ipynb#feature-map), as a
# [filter](glossary.ipynb#filter) does. But there are no [weights](glossary.ipynb#weight) in it. Of all the numbers under the
# window, one is made:
#
# - [**max pooling**](glossary.ipynb#max-pooling) keeps the largest of them;
# - [**average pooling**](glossary.ipynb#average-pooling) keeps their mean.
#
# The usual window is 2×2, and the usual step, the [stride](glossary.ipynb#stride), is 2 as well: then the windows lie side by
# side like tiles, and each tile becomes one number. (The article speaks of "2 x 2 filters". It means these windows.)
#
# $$x = \begin{pmatrix}1&5&2&0\\3&4&8&6\\7&0&1&1\\2&3&1&5\end{pmatrix}$$
#
# **Predict first:** what are the four largest numbers, one for each tile? And the four means? Say them before you run the
# cell. First in plain loops:


# %% tags=["demonstration", "reveal"]
def pool(x, size, stride, keep):
    """`keep` one number of each window of size x size: (H, W) to (OH, OW)."""
    H, W = x.shape
    y = np.zeros(((H - size) // stride + 1, (W - size) // stride + 1))
    for i, j in np.ndindex(y.shape):
        top, left = i * stride, j * stride
        y[i, j] = keep(x[top : top + size, left : left + size])
    return y


x = np.array([[1, 5, 2, 0], [3, 4, 8, 6], [7, 0, 1, 1], [2, 3, 1, 5]])
print("max pooling:")
print(pool(x, size=2, stride=2, keep=np.max))
print("average pooling:")
print(pool(x, size=2, stride=2, keep=np.mean))

# %% tags=["drawing", "reveal"]
figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained", width_ratios=(2, 1, 1))
colors = np.array([["#0072B2", "#D55E00"], ["#009E73", "#CC79A7"]])
grids = (x, pool(x, 2, 2, np.max), pool(x, 2, 2, np.mean))
titles = ("x, in four tiles of 2 x 2", "the largest of each", "the mean of each")
for axis, grid, title in zip(axes, grids, titles, strict=True):
    tile = 2 if grid is x else 1
    for (i, j), color in np.ndenumerate(colors):
        place = (j * tile - 0.46, i * tile - 0.46)
        side = tile - 0.08
        axis.add_patch(plt.Rectangle(place, side, side, facecolor=color, alpha=0.25))
        axis.add_patch(plt.Rectangle(place, side, side, fill=False, edgecolor=color, linewidth=3))
    for (i, j), value in np.ndenumerate(grid):
        wins = grid is x and value == x[i // 2 * 2 : i // 2 * 2 + 2, j // 2 * 2 : j // 2 * 2 + 2].max()
        axis.text(j, i, f"{value:g}", ha="center", va="center", fontsize=15, weight="bold" if wins else None)
    axis.set(xlim=(-0.6, grid.shape[1] - 0.4), ylim=(grid.shape[0] - 0.4, -0.6), aspect="equal", title=title)
    axis.axis("off")
show(
    figure,
    "Sixteen numbers in four colored tiles, the largest of each tile in bold; beside them the four largest, 5, 8, 7, 5, and the "
    "four means, 3.25, 4, 3, 2, each in its tile's color.",
)

# %% [markdown]
# As a formula, with a window of $R \times S$:
#
# $$y_{i,j} = \max_{r,\,s}\; x_{i\cdot\text{stride} + r,\;\, j\cdot\text{stride} + s} \qquad\text{or}\qquad
# y_{i,j} = \frac{1}{R\,S}\sum_{r}\sum_{s} x_{i\cdot\text{stride} + r,\;\, j\cdot\text{stride} + s}$$
#
# with $r$ from 0 to $R-1$ and $s$ from 0 to $S-1$. How many places there are, you know from notebook 01: the window can
# travel $H - R$ pixels; divided by the stride and rounded down, that is the number of its steps; and one more.
#
# Nothing says that the windows must lie side by side. **Predict first:** the numbers 0 to 8 in three rows, a window of 2×2,
# and a stride of **1**. How many results are there, and what are they?

# %% tags=["demonstration", "reveal"]
nine = np.arange(9.0).reshape(1, 1, 3, 3)
print("largest:", cnnkit.max_pool2d(nine, 2, stride=1).get().ravel())
print("mean:   ", cnnkit.avg_pool2d(nine, 2, stride=1).get().ravel())

# %% [markdown]
# With stride 1 the windows *overlap*: the 4 in the middle is in all four of them. That was cnnkit's own, which takes whole
# volumes: images, channels, height, width. Where no stride is given, it is as large as the window.
#
# ## Try it
#
# A piece of the photograph, one star of the flag, after the edge filter and [ReLU](glossary.ipynb#ReLU) (everything positive
# stays, the rest is 0). Point at the output, or tab to it and use the arrow keys: its window lights up on the left, and the
# winner in it. Find out:
#
# 1. Point at pixels of the *input*. How can you tell whether one wins? Change *values* to *winners*: how many of the 1024 do?
# 2. Now *average pooling*. How many pixels have a part in the result? Is the star brighter than before, or darker?
# 3. Take a window of 3. The explorer says that something is left out: what, and why?

# %% tags=["nbval-ignore-output"]
explorer = PoolingExplorer()
explorer

# %% [markdown]
# The 32×32 pixels can be pooled to **10×10** in such a way that **no pixel is left out**: each lies in at least one window.
# Find the window and the stride. (The stride goes with the window until you untick *stride = window* or move it.) Leave the
# explorer like that, then run the check.

# %% tags=["exercise", "04.1"]
### BEGIN SOLUTION
### STUB # move the sliders above, then run the next cell: nothing is to be written here ...
explorer.model.stride = 3
explorer.model.window = 5
### END SOLUTION

# %% tags=["answer"]
check("04.1", explorer)
# hint("04.1")
# solution("04.1")

# %% [markdown]
# ## Your turn: the kernel
#
# Now write max pooling as an OpenCL [kernel](glossary.ipynb#kernel). As in notebook 01, each place of the window is a
# [work-item](glossary.ipynb#work-item) of its own, and it must be ready for pictures, windows and strides of any size.
#
# - `get_global_id(0)` is the column `j` of the result, `get_global_id(1)` its row `i`. There may be more work-items than
#   places: those too many must leave at once.
# - The picture's number in row `row`, column `column` is `x[row * W + column]`. The result has rows of its own length.
# - Watch where you begin. What is the largest of −3, −7, −2 and −5?

# %% tags=["exercise", "04.2"]
# %%kernel max_pool
# /* x: picture of H rows and W columns; windows of size x size, stride apart; y: one number for each window,
#    (H - size) / stride + 1 rows of (W - size) / stride + 1. */
# __kernel void max_pool(__global const float *x, __global float *y, const int H, const int W,
#                        const int size, const int stride)
# {
#     int j = get_global_id(0), i = get_global_id(1);  // which window am I?
#     ### BEGIN SOLUTION
#     int OH = (H - size) / stride + 1, OW = (W - size) / stride + 1;
#     if (i >= OH || j >= OW)
#         return;  // one work-item too many
#     float best = x[i * stride * W + j * stride];  // the upper left number of my window
#     for (int r = 0; r < size; r++)
#         for (int s = 0; s < size; s++)
#             best = fmax(best, x[(i * stride + r) * W + j * stride + s]);
#     y[i * OW + j] = best;
#     ### END SOLUTION
# }

# %% tags=["answer"]
check("04.2", max_pool)
# hint("04.2")
# solution("04.2")
# explain("04.2")

# %% [markdown]
# Put it to work: the edges of the whole photograph, 300×300, pooled by your kernel once, twice, three times. (Until it is
# right, cnnkit's stands in.) **Predict first:** of 90 000 numbers there are soon 1369 left. Will you still see a face?

# %% tags=["answer"]
edges = PoolingModel(piece=0).image  # the photograph after the edge filter and ReLU
my_pool = use("04.2", max_pool)
stages = [edges]
for _ in range(3):
    stages.append(my_pool(stages[-1].astype(np.float32), 2, 2))
for stage in stages:
    print(f"{stage.shape[0]}x{stage.shape[1]}: {stage.size} numbers, the largest {stage.max():.2f}")

# %% tags=["answer", "drawing"]
figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")
for axis, stage in zip(axes, stages, strict=True):
    axis.imshow(stage, cmap="magma", vmin=0, vmax=1.2)
    axis.set(xticks=[], yticks=[], title=f"{stage.shape[0]} x {stage.shape[1]}")
show(
    figure,
    "The portrait's edges after no, one, two and three poolings: the outlines grow thicker and brighter, and the face can still be "
    "told from flag and suit with 37 x 37 numbers.",
)

# %% [markdown]
# The outlines are all there, thick and bright: where an edge was *anywhere* in a window, the window now says so. And 75 is
# odd: its last row and column found no window, and are gone without a word.
#
# Here is the plainest of cnnkit's own. Do you recognize it?

# %% tags=["demonstration"]
text = kernel.source("pool2d")
start = text.index("__kernel void max_pool2d_forward_plain")
print(text[start : text.index("__kernel void max_pool2d_backward_plain")])

# %% [markdown]
# Three things are new. It works on many planes at once: `plane` numbers all [channels](glossary.ipynb#channel) of all images,
# and pooling treats each by itself. It allows padding. And it remembers the **winner**, the place where the largest number
# stood. What for, you will see below. (`POOL2D_SHAPE` stands for a list of whole numbers: sizes, window, stride, padding.)
#
# ## Largest or mean?
#
# The article names both and leaves it at that. They are quite different layers. Here is the star, pooled in both ways; and in
# a third way, which takes no trouble at all: *every second pixel* of every second row.

# %% tags=["demonstration"]
star = PoolingModel().input  # 32 x 32
ways = {
    "as it was": star,
    "max": pool(star, 2, 2, np.max),
    "average": pool(star, 2, 2, np.mean),
    "every second": star[::2, ::2],
}
for name, picture in ways.items():
    print(f"{name:12}  {picture.shape!s:8}  largest {picture.max():.2f}, mean {picture.mean():.2f}")

# %% tags=["drawing"]
figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")
for axis, (name, picture) in zip(axes, ways.items(), strict=True):
    axis.imshow(picture, cmap="magma", vmin=0, vmax=1.5)
    axis.set(xticks=[], yticks=[], title=name)
show(
    figure,
    "The star's outline as it was, and at half the size: thick and bright by max pooling, faint by average pooling, broken into "
    "dots by taking every second pixel.",
)

# %% [markdown]
# Max pooling asks: *is there an edge anywhere in here?* So a thin line stays as bright as it was. (So does a speck: the grain
# of the film gets its share, and the picture's mean more than doubles.) Average pooling asks: *how much edge is in here?* It
# keeps the mean of the picture exactly, and a thin line fades, because it must share its tile with the dark around it. Every
# second pixel asks nobody, and what lay between is lost.
#
# A mean of four numbers is a sum in which each counts ¼. That is a weighted sum. So is average pooling something that you
# have known since notebook 01?

# %% tags=["demonstration"]
quarter = np.full((1, 1, 2, 2), 1 / 4)
as_convolution = cnnkit.conv2d(star[None, None], quarter, stride=2).get()[0, 0]
print("a filter of four quarters, stride 2, is average pooling:", np.allclose(as_convolution, ways["average"], atol=1e-5))

# %% [markdown]
# A [convolution](glossary.ipynb#convolution) with equal weights: the blur of notebook 01, with a longer step. (In a volume,
# each map has such a filter of its own. A filter as deep as the volume would mix the maps; pooling never does.)
#
# **Predict first:** is max pooling a convolution as well, with some cleverer weights? Notebook 03 had a test for that: turn
# all numbers around, −x for x, and whatever is a weighted sum turns around, too.

# %% tags=["demonstration", "reveal"]
for name, keep in (("average", np.mean), ("max", np.max)):
    turned = pool(-star, 2, 2, keep)
    print(f"{name} pooling of −x is minus that of x: {np.allclose(turned, -ways[name], atol=1e-6)}")
print("max pooling of −x is minus the smallest of each window:", bool((turned == -pool(star, 2, 2, np.min)).all()))

# %% [markdown]
# No weights in the world make max pooling: it is a bend, like the ReLU.
#
# ## What it saves
#
# The article's example: 12 maps of 32×32, pooled by windows of 2×2 with stride 2. **Predict first:** the height is halved and
# the width is halved. And the depth?

# %% tags=["demonstration", "reveal"]
volume = np.random.default_rng(4).random((1, 12, 32, 32))
pooled = cnnkit.max_pool2d(volume, 2)
print("before:", volume.shape, " after:", pooled.shape)
one_by_one = [pool(one_map, 2, 2, np.max) for one_map in volume[0]]
print("the same as each map by itself:", np.allclose(pooled.get()[0], one_by_one))
print("parameters:", MaxPool2d(2).parameters)

# %% [markdown]
# 32x32x12 becomes 16x16x12, as the article says: the depth stays. And the empty list says that there is no
# [parameter](glossary.ipynb#parameter) in it, nothing that could be learned.
#
# The article says more: the "main function" of pooling "is to reduce the size of volume which makes the computation fast
# reduces memory". Let us not believe it but count. After the pooling, the next layer may be
#
# - a **convolution layer** of $K$ filters of 3×3 that keeps the size. Each of its outputs takes one multiplication and one
#   addition (a *multiply-add*) for each weight of a filter. A filter is as deep as the volume;
# - or a **[dense layer](glossary.ipynb#dense-layer)** with 10 outputs, after the volume has been written out in one long row
#   ([flattened](glossary.ipynb#flatten)): a weight from each number to each output, and a [bias](glossary.ipynb#bias) for
#   each output.
#
# ## Your turn: count
#
# Write `costs`, for maps of H×W, C of them, pooled by windows of `size` with a `stride`. It answers with three whole numbers:
# how many **numbers** the pooled volume holds; how many **multiply-adds** the convolution layer of K filters needs (leave its
# biases out); how many **parameters** the dense layer has (with its biases).


# %% tags=["exercise", "04.3"]
def costs(H, W, C, size, stride, K):
    """Numbers after pooling, multiply-adds of K filters of 3x3 behind it, parameters of a dense layer to 10."""
    ### BEGIN SOLUTION
    OH, OW = (H - size) // stride + 1, (W - size) // stride + 1
    numbers = OH * OW * C
    return [numbers, OH * OW * K * 3 * 3 * C, numbers * 10 + 10]
    ### END SOLUTION


# %% tags=["answer"]
check("04.3", costs)
# hint("04.3")
# solution("04.3")

# %% [markdown]
# With it, the article's example in numbers. (A window of 1×1 with stride 1 keeps everything: that is "no pooling".)

# %% tags=["answer"]
my_costs = use("04.3", costs)
without, with_pooling = my_costs(32, 32, 12, 1, 1, 12), my_costs(32, 32, 12, 2, 2, 12)
names = ("numbers", "multiply-adds of 12 filters", "parameters of a dense layer")
for name, before, after in zip(names, without, with_pooling, strict=True):
    print(f"{name:28} {before:9,} -> {after:7,}: {before / after:.2f} times fewer")
print(f"bytes, four for each number: {4 * without[0]:,} -> {4 * with_pooling[0]:,}")

# %% [markdown]
# So the article is right: a quarter of the numbers, a quarter of the memory, a quarter of the work, **for the
# convolution layers that follow**. Two things it does not say. The filters of a following convolution keep all their weights: a filter is as large as
# it was, it only has fewer places to go. It is the first dense layer that gets smaller, 30 730 parameters where there were 122 890.
# And the pooling layer saves nothing of what lies *before* it: all 32x32x12 numbers had to be computed before three quarters
# of them could be thrown away.
#
# ## What it forgets
#
# A tile of four pixels becomes one number, and nobody can tell any more where in the tile it stood. How much is that? Take
# the star again, and in **every** tile shuffle the four pixels.

# %% tags=["demonstration"]
rng = np.random.default_rng(4)
tiles = star.reshape(16, 2, 16, 2).transpose(0, 2, 1, 3).reshape(16, 16, 4)
shuffled = rng.permuted(tiles, axis=2).reshape(16, 16, 2, 2).transpose(0, 2, 1, 3).reshape(32, 32)
print("pixels that are another number now:", int((shuffled != star).sum()), "of", star.size)
print("max pooling gives the same:    ", np.array_equal(pool(shuffled, 2, 2, np.max), ways["max"]))
print("average pooling gives the same:", np.allclose(pool(shuffled, 2, 2, np.mean), ways["average"]))
print("four different numbers stand in 24 orders; 256 tiles, in 24^256: a number of", len(str(24**256)), "digits")

# %% tags=["drawing"]
figure, axes = plt.subplots(1, 3, figsize=(10, 3.7), layout="constrained")
panels = (
    (star, "the star"),
    (shuffled, "each tile shuffled"),
    (ways["max"], "max pooling of either"),
)
for axis, (picture, title) in zip(axes, panels, strict=True):
    axis.imshow(picture, cmap="magma", vmin=0, vmax=1.5)
    axis.set(xticks=[], yticks=[], title=title)
show(
    figure,
    "The star's clean outline; the same with the four pixels of every tile in another order, frayed like a bad print; and the "
    "one pooled picture that belongs to both.",
)

# %% [markdown]
# Two pictures that any eye can tell apart, and no layer behind the pooling ever will. What is kept is *that* there was
# something, and in which tile. What is lost is where in the tile. The hope is that this does not matter: a star is a star,
# one pixel further to the left or not.
#
# ## Does it matter where things stand?
#
# Put that hope to the test with the smallest picture that shows it: 8×8, dark, with one bright line from top to bottom, one
# pixel wide. It stands in column 0 and moves to the right, one column at a time, until it stands in column 7: seven moves.
# After each, the picture is pooled: 2×2, stride 2, the largest.
#
# **Predict first.** At how many of the seven moves does the pooled picture stay **exactly as it was**?

# %% tags=["exercise", "04.4"]
### BEGIN SOLUTION
### STUB unnoticed = None  # a number from 0 to 7
unnoticed = 4
### END SOLUTION

# %% tags=["answer"]
check("04.4", unnoticed)
# hint("04.4")
# solution("04.4")

# %% tags=["demonstration", "reveal"]
lines = np.zeros((8, 1, 8, 8))
for column in range(8):
    lines[column, 0, :, column] = 1
rows = cnnkit.max_pool2d(lines, 2).get()[:, 0, 0].astype(int)
for column in range(8):
    verdict = ""
    if column:
        verdict = "unnoticed" if (rows[column] == rows[column - 1]).all() else "noticed"
    print(f"line in column {column}: a row of the pooled picture is {rows[column]}  {verdict}")

# %% [markdown]
# A move within a tile is hidden. A move across the border between two tiles is seen, and moves the pooled line by a whole
# pixel of its own, which is two of the input. So a shift by one pixel is forgiven every other time; whether it is, depends on
# where the line happens to stand.
#
# And a real picture has edges everywhere: some near a border of their tile, some not. Here the whole photograph is moved by 1
# to 4 columns. Its change is measured as a share of its own sum: 0 % is no change, 100 % is as much change as there is
# picture. It can be more: a thin line that moves is missing in its old place and new in the other, and that counts twice.

# %% tags=["demonstration"]
print("moved by       ", *(f"{shift:6}" for shift in (1, 2, 3, 4)))
for size in (1, 2, 4):
    changes = [
        PoolingModel(piece=0, window=size, stride=size, shift=shift).change_by_shift()[1]
        for shift in (1, 2, 3, 4)
    ]
    name = "not pooled" if size == 1 else f"max {size}x{size}"
    print(f"{name:15}", *(f"{change:6.0%}" for change in changes))

# %% [markdown]
# Pooling softens the blow. It does not take it away: after a shift of a single pixel, the 2×2 pooled edges have changed by
# almost half of what they are. A window of 4×4 is more patient, and forgets more. Move *Shift right* in the explorer above
# and watch the output for yourself. (With a shift of 2, the 2×2 pooled picture is the old one, moved by one pixel: its
# numbers are there, in other places.)
#
# Elsewhere the article promises that such networks are "robust to translation". You have now seen what pooling gives to that:
# a little, and never more than its window. Notebook 10 measures what a trained network makes of it.
#
# ## The way back
#
# Pooling has nothing to learn, but it stands between layers that do. In training, each layer is told how the
# [loss](glossary.ipynb#loss) would change with its *outputs* (their [gradient](glossary.ipynb#gradient), $g$), and must tell
# the layer before it how the loss would change with its *inputs*, $dx$. That is the step of
# [backpropagation](glossary.ipynb#backpropagation) which each layer owes, and notebook 06 is all about it.
#
# For **average pooling** it is easy: each of four pixels had a quarter of a say, so each is handed $g/4$. For **max
# pooling**: move one of the pixels that did not win a little up or down. What happens to the output? Nothing. Move the
# winner, and the output moves by exactly as much. So **only the winner gets the gradient**, all of it; the others get 0.
#
# $$x = \begin{pmatrix}1&5&2&0\\3&4&8&6\\7&0&1&1\\2&3&1&5\end{pmatrix} \qquad
# g = \begin{pmatrix}10&20\\30&40\end{pmatrix} \qquad
# dx = \begin{pmatrix}0&10&0&0\\0&0&20&0\\30&0&0&0\\0&0&0&40\end{pmatrix}$$
#
# ## Your turn: only the winner
#
# Write `max_pool_backward`, for a picture `x` (H, W) and the gradient `g` (OH, OW) of its pooled picture. Two things to look
# out for:
#
# - Windows may overlap, and then one pixel can win several of them. **What it gets adds up.**
# - Two pixels may be equally large. (After a ReLU that is common: a window of nothing but zeros.) Then the **first** in
#   reading order wins, as in cnnkit and in `np.argmax`.
#
# `np.argmax(window)` counts the window's numbers in reading order and says which is the largest: 3 is the lower right one of
# a 2×2 window. `divmod(3, size)` makes row and column of it: `(1, 1)`.


# %% tags=["exercise", "04.5"]
def max_pool_backward(g, x, size, stride):
    """The gradient at `x` (H, W), from the gradient `g` at its max pooled picture."""
    ### BEGIN SOLUTION
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(g.shape):
        top, left = i * stride, j * stride
        a, b = divmod(np.argmax(x[top : top + size, left : left + size]), size)
        dx[top + a, left + b] += g[i, j]
    return dx
    ### END SOLUTION


# %% tags=["answer"]
check("04.5", max_pool_backward)
# hint("04.5")
# solution("04.5")

# %% [markdown]
# Three rows of numbers, with the largest in the middle. A window of 2×2 with stride 1 has four places, and $g$ is 1 in each.

# %% tags=["answer"]
my_backward = use("04.5", max_pool_backward)
middle = np.array([[1.0, 2, 3], [4, 9, 5], [6, 7, 8]])
dx = np.asarray(my_backward(np.ones((2, 2)), middle, 2, 1))
print(dx.astype(int))
by_cnnkit = cnnkit.max_pool2d_backward(np.ones((1, 1, 2, 2)), middle[None, None], 2, stride=1).get()[0, 0]
print("the same by cnnkit:", np.array_equal(dx, by_cnnkit))

# %% [markdown]
# The 9 wins all four windows and gets 4. With `=` in place of `+=` it would get 1, and three windows would have spoken in
# vain: a *lost update*. On a device that mistake is easier still to make, for there the windows are work-items that run at
# the same time. The plainest of cnnkit's kernels avoids it by turning the question around. Its work-items are the pixels,
# and each asks all windows around it: did I win yours?

# %% tags=["demonstration"]
start = text.index("__kernel void max_pool2d_backward_plain")
print(text[start : text.index("/* How many cells")])

# %% [markdown]
# That is what the winners were remembered for: `winners[out] == iy * W + ix`. (`dy` is our $g$. The two lines with `first_`
# work out the first window that can hold the pixel.)
#
# Average pooling, on the same nine numbers, has
# no winners. **Predict first:** each window hands a quarter to each of its four pixels. What does the middle get, and what a
# corner?

# %% tags=["demonstration", "reveal"]
print(cnnkit.avg_pool2d_backward(np.ones((1, 1, 2, 2)), (1, 1, 3, 3), 2, stride=1).get()[0, 0])

# %% [markdown]
# The middle lies in all four windows, a corner in one. The sum is 4 both times: what is handed back is shared in another way,
# and nothing of it is lost.
#
# ## Does it prevent overfitting?
#
# "… and also prevents overfitting", says the article. [Overfitting](glossary.ipynb#overfitting) is learning the pictures by
# heart: a network knows those that it was trained with (the [training set](glossary.ipynb#training-set)), and fails on others
# that it has never seen (the [validation set](glossary.ipynb#validation-set)). The gap between the two shares of right
# answers tells how bad it is.
#
# Pooling itself has no parameter with which anything could be learned by heart, and it makes the dense layer behind it four
# times smaller. That speaks for the article. But let us measure. A hundred handwritten digits of 8×8 to learn from, which is
# few; about 360 others to be asked about. Three networks that differ in a single layer: none, max pooling, or *every second
# pixel*, which throws just as many numbers away. (A window of 1×1 with stride 2 does that.) Five times each, with other
# digits and other first weights.
#
# **Predict first:** how many of the 100 will a network without pooling read rightly after training, of those that it learned
# from? And with? Which network has the smallest gap? (How training works comes in notebooks 06 to 08. Here it is enough that
# it happens. It takes some seconds, and each network answers when it is done.)


# %% tags=["demonstration", "reveal", "nbval-ignore-output"]
def network(between, seed):
    """Two convolution layers, what stands `between`, and a dense layer from all that is left to ten scores."""
    left = 8 * 8 if between is None else 4 * 4
    return Sequential(
        *(Conv2d(1, 16, 3, padding=1), ReLU(), Conv2d(16, 16, 3, padding=1), ReLU()),
        *([] if between is None else [between]),
        *(Flatten(), Linear(16 * left, 10)),
        seed=seed,
    )


layers = {"no pooling": None, "max pooling": MaxPool2d(2), "every second": MaxPool2d(1, stride=2)}
results = {}
for name, between in layers.items():
    results[name] = []
    for seed in range(5):
        train, validation = data.digits(test=0.2, seed=seed)
        few = train[:100]
        model = network(between, seed)
        fit(model, few, epochs=30, batch_size=20, optimizer=Adam(lr=3e-3), seed=seed, progress=False)
        results[name].append([evaluate(model, part)["accuracy"] for part in (few, validation)])
    own, unseen = np.mean(results[name], axis=0)
    parameters = model.summary((1, 8, 8)).parameters
    print(f"{name:13} {parameters:6} parameters: own digits {own:.1%}, unseen {unseen:.1%}, gap {own - unseen:.1%}", end=" ")
    each = [known - new for known, new in results[name]]
    print(f"(of the five, {min(each):.1%} to {max(each):.1%})")

# %% tags=["demonstration", "reveal"]
gaps = {name: 100 * float(np.subtract(*np.mean(runs, axis=0))) for name, runs in results.items()}
all_right = [own == 1 for runs in results.values() for own, _ in runs]
print("every network knows its own 100 digits by heart:", all(all_right))
print("the gap is more than 15 points, with pooling as well:", min(gaps.values()) > 15)
print("max pooling narrows it by less than 5 points:", gaps["no pooling"] - gaps["max pooling"] < 5)
print("it is narrower than with every second pixel:", gaps["max pooling"] < gaps["every second"])

# %% [markdown]
# All three know all hundred by heart. All three then fail on about one unseen digit in five. With max pooling the gap is
# narrower by about one point, and from one drawing of digits to the next it differs by more than that: see the narrowest and
# the widest of the five. And *every
# second pixel*, with exactly as many parameters as max pooling, has the widest gap of all. So fewer parameters alone do not
# help, at least not here.
#
# One more test, and it is a hard one. Give each of the hundred digits a label **drawn from a hat**. Now there is nothing to
# understand, and whoever gets these right can only have learned them by heart. **Predict first:** will the network with max
# pooling manage it?

# %% tags=["demonstration", "reveal"]
train, _ = data.digits(test=0.2, seed=0)
few = train[:100]
from_a_hat = np.random.default_rng(0).permutation(few.labels)
model = network(MaxPool2d(2), seed=0)
fit(model, (few.images, from_a_hat), epochs=60, batch_size=20, optimizer=Adam(lr=3e-3), seed=0, progress=False)
by_heart = evaluate(model, (few.images, from_a_hat))["accuracy"]
print(f"labels from a hat, learned by heart in spite of max pooling: {by_heart:.0%}")

# %% [markdown]
# It learns all of them, nonsense or not.
#
# **The verdict.** Pooling makes a network smaller and a little more patient with shifts, and that can help. It helps more
# where things move about: with 400 of the drawn shapes of notebook 02, which may stand anywhere, we measured 37 percent of
# unseen ones read rightly with max pooling and 32 without. But the same network knew 98 percent of its own. Pooling does
# *not* prevent overfitting; now and then it softens it. What holds it back in earnest, more pictures first of all, is the
# matter of notebook 10.
#
# ## Where you are

# %% tags=["answer", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## What you can do now
#
# - pool a feature map by hand, with any window and stride, and say what is left out;
# - write max pooling as an OpenCL kernel, and find your way in cnnkit's own;
# - say what max and average pooling ask of a window, and which of the two is a convolution;
# - count what pooling saves in numbers, multiply-adds and parameters, and what it does not save;
# - say which shifts pooling hides and which it does not;
# - send a gradient back through it, to the winners only;
# - answer someone who says that pooling prevents overfitting.
#
# **Answers to the explorer's questions.** 1: The text below the pictures says in which window it lies and whether it wins,
# and a winner's output has a frame; 256, one in each window. 2: All 1024, each with a quarter of a say. Darker: its thin
# lines share their tiles with the black around them. 3: The last two rows and the last two columns: ten windows of 3 are 30
# pixels, and an eleventh has no room.
#
# **To think on.** A convolution with stride 2 halves the picture as well, and never computes what it would throw away: what
# does it lose that max pooling keeps? · Max pooling and then ReLU, or ReLU and then max pooling: does it make a difference?
# And with average pooling? · A window as large as the whole map leaves one number for each map. What does a dense layer know
# after that, and what not?
#
# **Next:** [05 A whole network](05_whole_network.ipynb): all the pieces in a row.
