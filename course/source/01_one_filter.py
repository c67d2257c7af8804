# %% [markdown]
# # 01 · One filter
#
# **The question of this notebook:** what does one filter do to a photograph?
#
# *You are here:* [00 Start here](00_start_here.ipynb) → **01 One filter** → [02 A convolution
# layer](02_convolution_layer.ipynb) → [03 Activation](03_activation.ipynb)
#
# In the last notebook a kernel looked at one pixel at a time. That is enough to brighten a photograph, but it cannot
# tell an edge from a shadow: to see an edge you must compare a pixel with its **neighbors**. A *filter* does exactly
# that, with a handful of numbers, and it is the piece that gives convolutional networks their name.

# %%
import matplotlib.pyplot as plt
import numpy as np

import cnnkit
from cnnkit import data, kernel
from cnnkit.exercises import check, explain, hint, progress, solution, use
from cnnkit.explore import FilterExplorer, GeometryExplorer, show

photo = data.photo()  # (1, 1, 300, 300), from 0 (black) to 1 (white)

# %% [markdown]
# ## Nine numbers and a window
#
# A [**filter**](glossary.ipynb#filter) (the word *kernel* is used too; it has nothing to do with the OpenCL kernels of the last
# notebook) is a small grid of numbers, its [**weights**](glossary.ipynb#weight): 2×2, 3×3, 5×5. Lay it over a patch of the image of the same size. Multiply each
# pixel by the weight that lies on it, and add everything up. That sum, the *dot product* of patch and weights, is **one**
# pixel of the result. Then slide the filter one step to the right and do it again, until it has been everywhere.
#
# Small enough to do by hand:
#
# $$\begin{pmatrix}0&1&2\\3&4&5\\6&7&8\end{pmatrix} \star \begin{pmatrix}0&1\\2&3\end{pmatrix}$$
#
# (The star between them stands for all of this: lay, multiply, add up, slide.) In the upper left corner the patch is
# 0, 1, 3, 4, so the first number is 0·0 + 1·1 + 3·2 + 4·3 = 19. **Predict
# first:** what are the other three? There is room for four in all. Take a pencil and write the whole result into the next
# cell, as a grid of rows; then check it. (A wrong answer costs nothing, here and everywhere: the check tells you what it
# sees, and you try again. Take away the `#` in front of `hint`, and the same cell gives you a hint.)

# %% tags=["exercise", "01.1"]
### BEGIN SOLUTION
### STUB my_result = None  # a grid of rows, as [[19, ...], ...]
my_result = [[19, 25], [37, 43]]
### END SOLUTION

# %% tags=["answer"]
check("01.1", my_result)
# hint("01.1")
# solution("01.1")

# %% [markdown]
# Now let cnnkit compute it. Its images have the shape (images, channels, height, width), here (1, 1, 3, 3); `.get()` fetches
# the result from the device, and `[0, 0]` picks the only picture in it.

# %% tags=["demonstration", "reveal"]
image = np.arange(9).reshape(1, 1, 3, 3)
weights = np.arange(4).reshape(1, 1, 2, 2)
result = cnnkit.conv2d(image, weights).get()[0, 0]
print(result)

# %% tags=["drawing", "reveal"]
figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
for axis, (row, column) in zip(axes, np.ndindex(2, 2), strict=True):
    axis.imshow(image[0, 0], cmap="gray", vmin=-4, vmax=14)
    axis.add_patch(
        plt.Rectangle((column - 0.5, row - 0.5), 2, 2, fill=False, color="#D55E00", linewidth=4)
    )
    for (y, x), value in np.ndenumerate(image[0, 0]):
        color = "white" if value < 5 else "black"
        axis.text(x, y, value, ha="center", va="center", fontsize=12, color=color)
    patch = image[0, 0, row : row + 2, column : column + 2]
    terms = " + ".join(f"{p}·{w}" for p, w in zip(patch.ravel(), weights.ravel(), strict=True))
    axis.set(xticks=[], yticks=[], xlabel=f"{terms}\n= {result[row, column]:.0f}")
show(
    figure,
    "The window in its four places on a 3 x 3 image, with the four multiplications below each.",
)

# %% [markdown]
# Written as a formula, with $x$ the image, $w$ the filter and $y$ the result. Place $(i, j)$ is the one in row $i$ and column
# $j$ of the result; $r$ and $s$ run over the rows and columns of the filter; all four count from 0:
#
# $$y_{i,j} = \sum_{r}\sum_{s} w_{r,s}\; x_{i+r,\;j+s}$$
#
# > **A word about the word.** Mathematicians call this *[cross-correlation](glossary.ipynb#cross-correlation)*; their
# *[convolution](glossary.ipynb#convolution)* turns the filter by
# > 180° first. Deep learning says "convolution" and does not turn anything, because a network that learns its filters
# > can learn them either way round. If you ever get 5, 11, 23, 29 here, you have turned the filter.
#
# ## Your turn: slide it yourself
#
# Write `corr2d`, the function that does this for any gray image `x` (H, W) and filter `w` (R, S), with two plain loops
# over the places of the window. How large must the result be? Count the places in the pictures above. Three things of NumPy
# that you may need: `H, W = x.shape` says how large an image is; `np.zeros((4, 5))` makes a grid of 4 rows and 5 columns to
# write into; and `x[2:4, 0:3]` cuts rows 2 and 3, columns 0 to 2 out of it. (Beware of `np.dot`: on two grids it does
# something else. Are you stuck? Go on and come back later: nothing below needs this function.)


# %% tags=["exercise", "01.2"]
def corr2d(x, w):
    """The dot product of `w` with every patch of `x`: (H, W) and (R, S) to (H - R + 1, W - S + 1)."""
    ### BEGIN SOLUTION
    H, W = x.shape
    R, S = w.shape
    y = np.zeros((H - R + 1, W - S + 1))
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = (x[i : i + R, j : j + S] * w).sum()
    return y
    ### END SOLUTION


# %% tags=["answer"]
check("01.2", corr2d)
# hint("01.2")
# solution("01.2")

# %% [markdown]
# Every check draws fresh numbers, so it can be run as often as you like. When something is wrong, it shows the first case in
# which your function and the right one differ, and names the mistake if it is a well-known one. (It checks what you have **run**. If your
# cell ended in a red error, Python has kept the version before it, and that is what the check sees.)
#
# ## A filter that finds edges
#
# Now the photograph, and the filter with which the article that this course grew from begins. It is printed there as
#
# ```
# [[-1, -1, -1],
#  [-18, -1],
#  [-1, -1, -1]]
# ```
#
# which is not even a square: in the middle row, `-1, 8, -1` has lost a comma and a space. The filter that is meant has
# an **8 in the middle and −1 all around**:

# %% tags=["demonstration"]
edges = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])
print(edges)
print("sum of the weights:", edges.sum())

# %% [markdown]
# **Predict first.** The nine weights add up to 0. So what does this filter make of a patch of plain wall, where all nine
# pixels are the same? And what if the typo were real, and the middle were −18? Say it before you run the next cell.

# %% tags=["demonstration", "reveal"]
wall = np.full((1, 1, 3, 3), 0.7)
typo = edges - 26 * (edges == 8)
for name, weights in (("8", edges), ("-18", typo)):
    answer = cnnkit.conv2d(wall, weights[None, None]).get().item()
    print(f"on a plain wall, with {name} in the middle: {abs(answer):.1f} in size")

# %% [markdown]
# Now the whole photograph. cnnkit works on batches of images and banks of filters, so the single filter is given two more
# axes, `[None, None]`, to become one filter of one channel; `padding="same"` keeps the picture's size and is explained
# below. The answers are above 0 or below it; the picture shows how **far** from 0 they are (`np.abs` drops the sign).

# %% tags=["demonstration"]
result = cnnkit.conv2d(photo, edges[None, None], padding="same").get()[0, 0]
print("shape of the result:", result.shape)

# %% tags=["drawing"]
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
left.imshow(photo[0, 0], cmap="gray", vmin=0, vmax=1)
right.imshow(np.abs(result), cmap="gray", vmin=0, vmax=1)
left.set(xticks=[], yticks=[], title="photograph")
right.set(xticks=[], yticks=[], title="what the edge filter answers")
show(
    figure,
    "The portrait, and beside it the edge filter's answer: outlines bright, what is flat nearly black.",
)

# %% [markdown]
# On a wall of one color: nothing. The eight neighbors are taken away exactly as often as the middle is counted. Only where
# the middle **differs** from its surroundings is something left, and that is what an edge is. Nobody told the filter
# about hats or collars; nine numbers do it. (With −18 the weights add up to −26, and a wall of 0.7 answers 0.7 · (−26) = −18.2: it would glow as brightly as any edge. The specks on the wall of
# the photograph are the grain of the film: differences between neighbors, too. And the thin bright frame is not in the
# photograph: there the filter compares pixels with the zeros of the padding.)
#
# ## Try it
#
# Type any number into the grid, or pick a preset. Point at the result, or tab to it and use the arrow keys: the window
# lights up in the photograph, and its multiplications are written out underneath.
#
# Find out, before you read on (the answers are at the end of the notebook):
#
# 1. Which preset gives back the photograph unchanged? Which of its nine weights matter?
# 2. *Blur* has all weights equal. What must they add up to, if the picture is to stay as bright as it was?
# 3. *Sobel x* answers to edges in one direction only. Which? Switch to *signed* to see both sides of an edge.

# %% tags=["demonstration"]
explorer = FilterExplorer(photo, preset="edges")
explorer

# %% [markdown]
# ## One bright pixel
#
# **Predict first.** An image is black everywhere, with a single 1 in the middle. You slide the filter 1, 2, …, 9 over
# it. The result must show the nine weights somehow. In which order? Choose one of these: "as it is", "turned by 180",
# "turned by 90", "left and right swapped", "top and bottom swapped", "all zero".

# %% tags=["exercise", "01.3"]
### BEGIN SOLUTION
### STUB my_order = None  # one of the six, in quotes
my_order = "turned by 180"
### END SOLUTION

# %% tags=["answer"]
check("01.3", my_order)
# hint("01.3")
# solution("01.3")

# %% tags=["demonstration", "reveal"]
impulse = np.zeros((1, 1, 5, 5))
impulse[0, 0, 2, 2] = 1
numbered = np.arange(1, 10).reshape(1, 1, 3, 3)
print(cnnkit.conv2d(impulse, numbered).get()[0, 0].astype(int))

# %% [markdown]
# Turned by 180°. When the window is still to the upper left of the bright pixel, the pixel lies under the window's *lower
# right* weight, the 9. This is the one place where cross-correlation and the mathematicians' convolution can be told
# apart at a glance.
#
# ## How large is the result?
#
# A 300×300 photograph and a 3×3 filter give 298×298: at the border, the window has no room. Three numbers change that:
#
# - [**padding**](glossary.ipynb#padding) puts a frame of zeros around the image, so that the window may hang over the border;
# - [**stride**](glossary.ipynb#stride) is the length of a step: with stride 2 the window visits every second place, and the result is about half
#   as large in each direction;
# - [**dilation**](glossary.ipynb#dilation) spreads the weights apart: with dilation 2 they lie on every second pixel, and
#   the filter sees farther with no more weights. With dilation 1 there are no gaps.
#
# In one direction, for an image of $n$ pixels and a filter of $k$ weights, the number of places is
#
# $$\left\lfloor\frac{n + 2\cdot\text{padding} - \text{dilation}\cdot(k-1) - 1}{\text{stride}}\right\rfloor + 1$$
#
# Read it from the inside: the padded image, less the width that the filter spans, is how far the window can travel;
# divided by the step, how many steps it can take; and one more for where it stood at first. $\lfloor\;\rfloor$ rounds
# down, because half a step is no step. For 300 pixels and 3 weights, with padding 0, dilation 1 and stride 1: 300 − 2 − 1 is
# 297 steps, and one more place makes 298.
#
# Here are the windows themselves. Point at an output cell to see what it reads, or at an input pixel to see who reads it; the
# numbers in the input say how many windows read each pixel. Find out, before you read on:
#
# 4. Which pixels are read least, with stride 1 and no padding? What does a padding of 1 change for them?
# 5. Make a setting in which some pixels are read by nobody. The explorer hatches them.
# 6. Choose AlexNet's first layer from the examples (AlexNet is a famous network of 2012). How large is its output, and how do you get that number from the formula?

# %% tags=["demonstration"]
GeometryExplorer(size=7, kernel=3, stride=1, padding=0)

# %% [markdown]
#
# ## Your turn: the formula as code


# %% tags=["exercise", "01.4"]
def output_size(n, k, stride=1, padding=0, dilation=1):
    """How many places a filter of `k` weights has along `n` pixels."""
    ### BEGIN SOLUTION
    return (n + 2 * padding - dilation * (k - 1) - 1) // stride + 1
    ### END SOLUTION


# %% tags=["answer"]
check("01.4", output_size)
# hint("01.4")
# solution("01.4")

# %% [markdown]
# And with the hand on the slider: here is an image of 7×7 pixels. Find the **stride** that makes the result 3×3, without
# touching padding, dilation or the size of the filter. Leave the slider there, then run the check below.

# %% tags=["nbval-ignore-output"]
rng = np.random.default_rng(7)
small_explorer = FilterExplorer(rng.random((1, 1, 7, 7)), preset="blur")
small_explorer

# %% tags=["exercise", "01.5"]
### BEGIN SOLUTION
### STUB # move the slider above, then run the next cell: nothing is to be written here ...
small_explorer.model.stride = 2
### END SOLUTION

# %% tags=["answer"]
check("01.5", small_explorer)
# hint("01.5")
# solution("01.5")

# %% [markdown]
# There is one padding with a name: `padding="same"` adds just enough zeros to keep the image's size (with stride 1).
# That is what made the edge picture above 300×300 again.
#
# ## A filter of your own
#
# The smallest edge filter has two weights. Here is an image that is white, with a black band down the middle, and the
# filter `[[1, -1]]`, one row of two columns, which takes each pixel's right neighbor away from it:

# %% tags=["demonstration"]
band = np.ones((6, 8))
band[:, 2:6] = 0
difference = np.array([[1, -1]])
print(cnnkit.conv2d(band[None, None], difference[None, None]).get()[0, 0].astype(int))

# %% [markdown]
# A 1 where white turns to black, a −1 where black turns to white, nothing elsewhere. **Predict first:** what does the
# same filter find in the same image lying on its side?

# %% tags=["demonstration", "reveal"]
lying = band.T
print("any edge found:", bool(cnnkit.conv2d(lying[None, None], difference[None, None]).get().any()))

# %% [markdown]
# Nothing: along each row of the lying image, nothing ever changes. Give it the two-weight filter that does find the
# edges of the lying band, again with 1 for white-to-black from top to bottom.

# %% tags=["exercise", "01.6"]
### BEGIN SOLUTION
### STUB my_filter = None  # a grid of rows
my_filter = np.array([[1], [-1]])
### END SOLUTION

# %% tags=["answer"]
check("01.6", my_filter)
# hint("01.6")
# solution("01.6")

# %% [markdown]
# ## Your turn: the kernel behind it
#
# Your two loops over the places of the window need not exist. On a device every place is a **work-item** of its own, and
# what is left for it to do is the sum of the formula: two loops over the filter. Write that work-item as an OpenCL kernel.
#
# - `get_global_id(0)` says in which column you are, `get_global_id(1)` in which row.
# - Memory is one long row of numbers. An image that is `W` pixels wide keeps the pixel of row `i`, column `j` at
#   `x[i * W + j]`.
# - Work-items come in whole groups, so there are usually more of them than places: those too many must leave at once. `return;`
#   leaves the kernel, and `||` is C for *or*: `if (i >= 5 || j >= 8) return;`
# - `for (int r = 0; r < R; r++) { ... }` is C for `for r in range(R):`; the braces hold what Python would indent.
# - A variable of your own holds nothing until you give it a number: `float sum = 0;` and then, as in Python, `sum += ...;`
#
# A slip here is no disaster. Your kernel runs in a process of its own, where it can write beside its buffers, crash or
# never end: this notebook lives on, and the check says what happened. If its words are not enough, take away the `#` in
# front of `explain`: your kernel then runs in *Oclgrind*, a simulator that watches everything it reads and writes, and
# names the line where something goes wrong. (Where Oclgrind is not installed, `explain` says so, and how to get it.)

# %% tags=["exercise", "01.7"]
# %%kernel filter2d
# /* x: image of H rows and W columns; w: filter of R rows and S columns; y: (H - R + 1) rows of (W - S + 1). */
# __kernel void filter2d(__global const float *x, __global const float *w, __global float *y,
#                        const int H, const int W, const int R, const int S)
# {
#     int j = get_global_id(0), i = get_global_id(1);  // which place am I?
#     ### BEGIN SOLUTION
#     int OH = H - R + 1, OW = W - S + 1;
#     if (i >= OH || j >= OW)
#         return;  // one work-item too many
#     float sum = 0.0f;
#     for (int r = 0; r < R; r++)
#         for (int s = 0; s < S; s++)
#             sum += x[(i + r) * W + j + s] * w[r * S + s];
#     y[i * OW + j] = sum;
#     ### END SOLUTION
# }

# %% tags=["answer"]
check("01.7", filter2d)
# hint("01.7")
# solution("01.7")
# explain("01.7")

# %% [markdown]
# Now put it to work. This is the explorer from above, and every picture in it is computed by **your** kernel: the line
# between the pictures and the sliders says so. Switch to *difference* to compare it with cnnkit's. (Until it is right,
# cnnkit's own computes them, and there is nothing to compare.)

# %% tags=["answer", "nbval-ignore-output"]
mine = FilterExplorer(photo, preset="edges", convolution=use("01.7", filter2d))
mine

# %% [markdown]
# And here is the plainest of cnnkit's own convolution kernels. Do you recognize it?

# %% tags=["demonstration"]
text = kernel.source("conv2d")
start = text.index("/* Global size (OW, OH, N*K)")
print(text[start : text.index("/* Global size (W, H, N*C)")])

# %% [markdown]
# The outer loop over `c` is new. It runs over the channels, and there is only one as long as the photograph is gray:
# color is the next subject of the course, and so are `K`, many filters, and `b`, a number that is added to the sum.
# (`CONV2D_SHAPE` stands for a list of whole numbers: sizes, stride, padding and dilation. For speed, cnnkit does not always run this one. On a processor it picks
# one that keeps a block of sums in registers, `kernels/conv2d_blocked.cl`; `cnnkit.conv2d(..., variant="plain")` asks
# for this one.)
#
# ## Where you are

# %% tags=["answer", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## What you can do now
#
# - compute any output pixel of a filter by hand, and write the whole thing as two loops;
# - say why an edge filter's weights add up to 0 and a blur's to 1;
# - work out the size of the result from size, filter, padding, stride and dilation;
# - write the OpenCL kernel that does it, and find your way in cnnkit's own.
#
# **Answers to the explorer's questions.** 1: *identity*, and only the 1 in its middle matters. 2: To 1, so each is 1/9. 3: To
# vertical edges, where the picture changes from left to right; *signed* shows rising edges in one color and falling
# edges in the other. 4: The corners, by one window only; with a padding of 1 they are read by four. 5: Stride 3 with a 2×2 filter,
# for one: the row and the column between the windows, and the two behind the last one. 6: 55: (227 − 11) / 4 is 54, and one more.
#
# **To think on.** A 5×5 filter has 25 weights, two 3×3 filters one after the other have 18: how far does a pixel of the
# second result see? · What does a filter with all weights 0 but a 1 in the upper left corner do? · How would you find
# edges in all directions with filters that each find only one?
#
# **Next:** [02 A convolution layer](02_convolution_layer.ipynb): colors, and many filters at once.
