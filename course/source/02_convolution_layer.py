# %% [markdown]
# # 02 · A convolution layer
#
# **The question of this notebook:** what changes with channels and many filters?
#
# *You are here:* [00 Start here](00_start_here.ipynb) → [01 One filter](01_one_filter.ipynb) → **02 A convolution
# layer** → [03 Activation](03_activation.ipynb) → [04 Pooling](04_pooling.ipynb)
#
# In the last notebook one filter slid over one gray picture. Two things are missing before that is a layer of a network:
# pictures have colors, and one filter is not enough. Both are settled here, and the surprise is how few numbers it takes.

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import cnnkit
from cnnkit import data, kernel
from cnnkit.exercises import check, explain, hint, progress, solution, use
from cnnkit.explore import ChannelsExplorer, ChannelsModel, GeometryExplorer, show

photo = data.photo(gray=False)  # (1, 3, 300, 300): one image, three channels
shapes = data.shapes(12, seed=1, size=34).images  # (12, 3, 34, 34): twelve drawn pictures

# %% [markdown]
# ## A picture is a block
#
# A color picture is three gray pictures, one on top of the other: how much red, how much green, how much blue. Each is a
# [channel](glossary.ipynb#channel). So a picture is a block of numbers (a *cuboid*, says the article), with a width, a height
# and a *depth*, the number of its channels. Such a block is called a [volume](glossary.ipynb#volume). The article writes
# 34x34x3 for a picture of 34 by 34 pixels in three channels; our arrays have the channels before the rows and columns,
# (images, channels, height, width).

# %% tags=["demonstration"]
print("the portrait:", photo.shape)
print("a stripe of the flag, red, green, blue:", photo[0, :, 185, 40].round(2))
print("a star of the flag,   red, green, blue:", photo[0, :, 20, 14].round(2))

# %% tags=["drawing"]
figure, axes = plt.subplots(1, 4, figsize=(10, 2.9), layout="constrained")
axes[0].imshow(photo[0].transpose(1, 2, 0))
axes[0].set_title("the portrait")
for axis, channel, name in zip(axes[1:], photo[0], ("red", "green", "blue"), strict=True):
    axis.imshow(channel, cmap="gray", vmin=0, vmax=1)
    axis.set_title(f"its {name} channel")
for axis in axes:
    axis.set(xticks=[], yticks=[])
show(
    figure,
    "The portrait in color, and its three channels as gray pictures: the red stripes of the flag are bright in the red "
    "channel and dark in the other two; the white stars are bright in all three.",
)

# %% [markdown]
# ## As deep as the picture
#
# What is a [filter](glossary.ipynb#filter) on such a block? A small block itself: $a$ wide, $a$ high and **as deep as the
# picture**. On 34x34x3 it may be 3x3x3, 5x5x3 or 7x7x3. It has a *slice* of $a \times a$ weights for each channel, and a
# window that reaches through all channels. In each place, every number under the window is multiplied by the weight that lies
# on it, and **everything** is added up, across the channels, too.
#
# **Predict first.** A filter of 5x5x3 slides over a picture of 34x34x3, one pixel at a time and without
# [padding](glossary.ipynb#padding). How large is the result? Write three numbers, as the article does: width, height and
# depth.

# %% tags=["exercise", "02.1"]
### BEGIN SOLUTION
### STUB my_shape = None  # [width, height, depth]
my_shape = [30, 30, 1]
### END SOLUTION

# %% tags=["answer"]
check("02.1", my_shape)
# hint("02.1")
# solution("02.1")

# %% [markdown]
# Now let cnnkit compute it (the axes of its arrays are images, channels, height, width):

# %% tags=["demonstration", "reveal"]
red_cross = shapes[8:9]
five_wide = np.ones((1, 3, 5, 5))
print("picture:", red_cross.shape)
print("filter: ", five_wide.shape)
print("result: ", cnnkit.conv2d(red_cross, five_wide).shape)

# %% [markdown]
# One filter makes **one** flat picture, however many channels it reads. In depth there is no room to slide: 3 − 3 + 1 = 1
# place. That flat picture is called a [feature map](glossary.ipynb#feature-map), since it shows where in the picture, and how
# strongly, the feature was found that the filter answers to.
#
# As a formula, with $c$ for the channel, and with one new number $b$, the [bias](glossary.ipynb#bias):
#
# $$y_{i,j} = b + \sum_{c}\sum_{r}\sum_{s} w_{c,r,s}\; x_{c,\;i+r,\;j+s}$$
#
# In code that is `(x[:, i : i + R, j : j + S] * w).sum() + b`. In words: cut out a block, multiply it by the weights, add up
# all of it, and add the bias. The bias is a head start: it moves the whole map up or down, whatever the picture shows.
#
# ## Try it
#
# Here is a picture of 34x34x3 under filters of 3x3x3. Point at the feature map, or tab to it and use the arrow keys: its
# window lights up in all three channels, and below the pictures the number is worked out. Find out:
#
# 1. Filter 0 is called *reddish*. On the turquoise ground its red part is above 0. Why is the feature map below 0 there?
# 2. Choose filter 3, *red, left to right*. Which two of the three parts are 0 everywhere, and where do you see the reason?
# 3. Move *Its bias*. Which pictures change?

# %% tags=["demonstration"]
explorer = ChannelsExplorer()
explorer

# %% [markdown]
# ## By hand: one sum for each channel
#
# The formula says how to build it from what you have. `corr2d` of the last notebook does one channel with one slice; do
# that for every channel and add up the results.


# %%
def corr2d(x, w):
    """The dot product of `w` with every patch of `x`: (H, W) and (R, S) to (H - R + 1, W - S + 1)."""
    (H, W), (R, S) = x.shape, w.shape
    y = np.zeros((H - R + 1, W - S + 1))
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = (x[i : i + R, j : j + S] * w).sum()
    return y


def one_filter(x, w, b):
    """A feature map: (C, H, W) and (C, R, S) to (H - R + 1, W - S + 1)."""
    total = b
    for channel, weights in zip(x, w, strict=True):
        total = total + corr2d(channel, weights)
    return total


# %% tags=["demonstration"]
reddish = ChannelsModel().weights[0]  # the explorer's filter 0, (3, 3, 3)
by_hand = one_filter(red_cross[0], reddish, 0.0)
by_cnnkit = cnnkit.conv2d(red_cross, reddish[None]).get()[0, 0]
print("shape:", by_hand.shape)
print("the same as cnnkit's:", np.allclose(by_hand, by_cnnkit, atol=1e-5))

# %% [markdown]
# ## The smallest filter: 1x1
#
# On a gray picture a filter of 1x1 is dull: it multiplies every pixel by the same number. **Predict first:** what can a
# filter of 1x1x3 do with a color picture that no filter of 1x1 can do with a gray one? Here is one, with the weights 0.299,
# 0.587 and 0.114. What will it make of the portrait?

# %% tags=["demonstration", "reveal"]
mix = np.array([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)
mixed = cnnkit.conv2d(photo, mix).get()
red, green, blue = photo[0, :, 0, 0]
print(f"first pixel: 0.299·{red:.3f} + 0.587·{green:.3f} + 0.114·{blue:.3f} = {mixed[0, 0, 0, 0]:.3f}")
print("shape:", photo.shape, "to", mixed.shape)
error = np.abs(mixed - data.photo()).mean()
print("on average less than one of 255 gray levels from notebook 01's gray portrait:", error < 1 / 255)

# %% [markdown]
# It **mixes** the channels, at each pixel anew. The eye takes green for bright and blue for dark, and in these proportions a
# gray looks about as bright as the color did. So that is how the gray portrait of the last notebook was made: by a
# [convolution](glossary.ipynb#convolution) with three weights.
#
# ## Your turn: nothing but red
#
# Which weights answer to **red**? Not to the red channel: white is full of red, too. Write `red_filter(a)`, which gives the
# weights of one filter of any width $a$, an array of the shape `(3, a, a)`. On a patch that is all of one color it must
# answer
#
# - **1** if the patch is pure red: 1 in the red channel, 0 in the others;
# - **0** if it is white or any gray: the same number in all three channels;
# - **not more than 0** if it is pure green or pure blue.
#
# Begin with $a = 1$, where it is three weights. There is more than one right answer.


# %% tags=["exercise", "02.2"]
def red_filter(a):
    """Weights (3, a, a) that answer to red."""
    ### BEGIN SOLUTION
    flat = np.full((a, a), 1 / a**2)  # the mean of a channel
    return np.stack([flat, -flat / 2, -flat / 2])
    ### END SOLUTION


# %% tags=["answer"]
check("02.2", red_filter)
# hint("02.2")
# solution("02.2")

# %% [markdown]
# On the portrait, 5 pixels wide, it finds the stripes of the flag, the ribbons, and how warm a face is:

# %% tags=["answer"]
weights = np.asarray(use("02.2", red_filter)(5), np.float32)
redness = cnnkit.conv2d(photo, weights[None], padding="same").get()[0, 0]
print("a stripe of the flag:", "red" if redness[185, 40] > 0.2 else "not red")
print("a star of the flag:  ", "red" if redness[20, 14] > 0.2 else "not red")

# %% tags=["answer", "drawing"]
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.7), layout="constrained")
left.imshow(photo[0].transpose(1, 2, 0))
picture = right.imshow(redness, cmap="PuOr_r", vmin=-0.8, vmax=0.8)
figure.colorbar(picture, ax=right, shrink=0.9)
left.set(xticks=[], yticks=[], title="the portrait")
right.set(xticks=[], yticks=[], title="answer of red_filter(5)")
show(
    figure,
    "The portrait, and the answer of the red filter: orange, above zero, on the red stripes, the ribbons and the face; "
    "violet, below zero, on the blue wall; white where there is no color, as on the collar.",
)

# %% [markdown]
# ## Many filters: maps in a stack
#
# A network wants to know more than where red is: edges of each color, spots, corners. So give it $K$ filters. Each makes its
# map, and the $K$ maps are **stacked**: a volume again, whose depth is the number of filters. That is a [convolution
# layer](glossary.ipynb#convolution-layer). Volume in, volume out, so the next layer can take it. (Its filters will be $K$
# deep.)

# %% tags=["demonstration"]
filters = ChannelsModel().weights  # the twelve filters of the explorer
maps = np.stack([one_filter(red_cross[0], w, 0.0) for w in filters])
print("picture:", red_cross[0].shape, "=", red_cross[0].size, "numbers")
print("filters:", filters.shape)
print("maps:   ", maps.shape, "=", maps.size, "numbers")

# %% tags=["drawing"]
figure, axes = plt.subplots(2, 7, figsize=(10, 3.1), layout="constrained")
axes[0, 0].imshow(red_cross[0].transpose(1, 2, 0).clip(0, 1))
axes[0, 0].set_title("picture", fontsize=10)
for k, axis in enumerate([*axes[0, 1:], *axes[1, 1:]]):
    axis.imshow(maps[k], cmap="PuOr_r", vmin=-1, vmax=1)
    axis.set_title(f"map {k}", fontsize=10)
for axis in axes.ravel():
    axis.set(xticks=[], yticks=[])
axes[1, 0].set_visible(False)
show(
    figure,
    "A red cross on turquoise ground and the twelve maps that twelve filters make of it: some answer to a color, some to "
    "the cross's edges, some to nothing that has a name.",
)

# %% [markdown]
# "More channels but lesser width and height", says the article. True here: 3 channels became 12, and 34 pixels became 32.
# The volume as a whole has grown, though, to three and a half times as many numbers. And neither is a law: with one filter
# there are fewer channels, and with padding no pixel is lost. The article's own example needs that. It says that 12 filters
# turn 32x32x3 into 32x32x12, and does not say that this takes a frame of zeros:

# %% tags=["demonstration"]
picture = data.shapes(1).images
print("12 filters of 3x3x3 on", picture.shape[1:])
for padding in (0, 1):
    print(f"  padding {padding}:", cnnkit.conv2d(picture, filters, padding=padding).shape[1:])

# %% [markdown]
# ## Steps of 2, 3 or 4
#
# On large pictures the window may take longer steps. How long they are is the [stride](glossary.ipynb#stride); values of 2,
# 3 or 4 are common there. (The article calls the step itself a stride. It means its length.) The number of places follows
# the formula of notebook 01. Here is the article's picture of 34 pixels, with its three filter sizes:

# %% tags=["demonstration"]
print("width of the result, for 34 pixels without padding")
print("            a = 3   a = 5   a = 7")
for stride in (1, 2, 3, 4):
    widths = [cnnkit.conv2d(red_cross, np.ones((1, 3, a, a)), stride=stride).shape[3] for a in (3, 5, 7)]
    print(f"stride {stride}" + "".join(f"{width:8}" for width in widths))

# %% [markdown]
# And here is the first layer of a famous network, of 2012, seen from above: 227 pixels, filters of 11, stride 4. Find out:
#
# 4. How many pixels wide is the result? Check it with the formula.
# 5. How often is the pixel in the corner read, and how often one in the middle?
# 6. Set the stride to 12, one more than the filter is wide (type it into the box). What happens to some pixels?

# %% tags=["demonstration"]
places = GeometryExplorer(example="AlexNet (2012): 11×11, stride 4")
places

# %% [markdown]
# ## Your turn: the whole layer
#
# Now put it together, as it stands in every deep-learning library: $N$ images at once (a [batch](glossary.ipynb#batch)),
# $K$ filters with a bias each, stride and padding.
#
# $$y_{n,k,i,j} = b_k + \sum_{c}\sum_{r}\sum_{s} w_{k,c,r,s}\; x_{n,\;c,\;i\cdot\text{stride}+r-\text{padding},\;
# j\cdot\text{stride}+s-\text{padding}}$$
#
# where $x$ is 0 outside the image. Write `conv2d`, from `x` (N, C, H, W), `w` (K, C, R, S) and `b` (K,) to an array (N, K,
# OH, OW). How fast it is does not matter: plain loops are welcome. A frame of `p` zeros around the last two axes of an array
# is made by
#
# ```python
# x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
# ```
#
# and with the frame in place, nothing needs to be subtracted any more.


# %% tags=["exercise", "02.3"]
def conv2d(x, w, b, stride=1, padding=0):
    """Every filter at every place of every image: (N, C, H, W), (K, C, R, S), (K,) to (N, K, OH, OW)."""
    ### BEGIN SOLUTION
    (N, _, H, W), (K, _, R, S) = x.shape, w.shape
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    OH = (H + 2 * padding - R) // stride + 1
    OW = (W + 2 * padding - S) // stride + 1
    y = np.zeros((N, K, OH, OW))
    for n in range(N):
        for k in range(K):
            for i in range(OH):
                for j in range(OW):
                    top, left = i * stride, j * stride
                    patch = x[n, :, top : top + R, left : left + S]  # all channels
                    y[n, k, i, j] = (patch * w[k]).sum() + b[k]
    return y
    ### END SOLUTION


# %% tags=["answer"]
check("02.3", conv2d)
# hint("02.3")
# solution("02.3")

# %% [markdown]
# The same in cnnkit is one call. Both, on two pictures at once:

# %% tags=["answer"]
biases = np.linspace(-0.5, 0.5, 12)
mine = use("02.3", conv2d)(shapes[:2], filters, biases, 2, 1)
theirs = cnnkit.conv2d(shapes[:2], filters, biases, stride=2, padding=1).get()
print("shape:", theirs.shape)
print("the same as cnnkit's:", np.allclose(mine, theirs, atol=1e-4))

# %% [markdown]
# ## How many numbers are there to learn?
#
# Nobody will choose these weights by hand. They will be learned, and every weight and every bias is a
# [parameter](glossary.ipynb#parameter): the fewer, the less there is to learn and to keep. The alternative is a [dense
# layer](glossary.ipynb#dense-layer), the layer of a regular network. It forgets that the picture is a picture: every number
# of the result is a sum over **all** numbers of the input, each with a weight of its own, plus a bias of its own.
#
# The explorer counts both, and may have told you that 12 filters of 3x3x3 have 336 parameters. **Predict first**, in your
# head: how many have 12 filters of 5x5x3? And if the picture gets twice as wide and twice as high, what becomes of the
# filters' parameters, and what of the dense layer's?
#
# Then write `parameters`, which counts both, for a volume of $C$ channels of $H \times W$ and $K$ filters of $a \times a$
# that are padded, so that the maps are $H \times W$ again.


# %% tags=["exercise", "02.4"]
def parameters(C, H, W, K, a):
    """How many weights and biases: two numbers, those of the filters and those of the dense layer."""
    ### BEGIN SOLUTION
    filters = K * (a * a * C + 1)
    dense = (C * H * W) * (K * H * W) + K * H * W  # a weight for each pair, a bias for each output
    return filters, dense
    ### END SOLUTION


# %% tags=["answer"]
check("02.4", parameters)
# hint("02.4")
# solution("02.4")

# %% [markdown]
# cnnkit keeps a layer's parameters together with its settings in a `Conv2d`. A network's `summary` counts them:

# %% tags=["demonstration", "reveal"]
layer = cnnkit.Conv2d(3, 12, kernel_size=3, padding=1, seed=0)
print(layer)
print("weights:", layer.w.shape, " biases:", layer.b.shape)
cnnkit.Sequential(layer).summary((3, 32, 32))

# %% tags=["demonstration", "reveal"]
inputs, outputs = 3 * 32 * 32, 12 * 32 * 32
for a in (3, 5):
    wider = cnnkit.Conv2d(3, 12, kernel_size=a, padding="same", seed=0)
    print(f"{a}x{a} filters: {sum(p.size for p in wider.parameters)} parameters")
print(f"dense: {inputs * outputs:,} weights and {outputs:,} biases")

# %% [markdown]
# 336 and 912, against nearly 38 million. "Because of this small patch, we have fewer weights", says the article. Is it the
# small patch? Let us take the way from the dense layer in two steps. First let each output see a patch of 3x3x3 only, but keep
# weights of its own. Then let all places **share** the same filters:

# %% tags=["demonstration", "reveal"]
dense, patches, shared = inputs * outputs, outputs * 3 * 3 * 3, 12 * 3 * 3 * 3
print(f"dense:             {dense:12,} weights")
print(f"a small patch:     {patches:12,} weights, {dense / patches:,.0f} times fewer")
print(f"and shared:        {shared:12,} weights, {patches / shared:,.0f} times fewer once more")

# %% [markdown]
# The patch saves a factor of 114. [Weight sharing](glossary.ipynb#weight-sharing) saves 1024, once for each of the 32·32
# places. The article says elsewhere that convolutional networks "share their parameters", and that is the larger half of the
# secret. It also means that the size of the picture does not matter: the same 336 numbers serve the portrait of 300x300. A
# dense layer has sixteen times the weights when the picture is twice as wide and twice as high: four times the inputs, four
# times the outputs.
#
# ## The same weights everywhere
#
# **Predict first.** Sharing has a second gift. Move the cross eight pixels to the right. What happens to the feature map? And to what
# a dense layer makes of the picture?

# %% tags=["demonstration", "reveal"]
moved = np.roll(red_cross, 8, axis=3)  # what leaves on the right comes back on the left
before = cnnkit.conv2d(red_cross, reddish[None]).get()[0, 0]
after = cnnkit.conv2d(moved, reddish[None]).get()[0, 0]
inside = np.abs(after[:, 8:] - before[:, :-8]).max()
print("the map moved by eight pixels, too:", inside < 1e-5)

rng = np.random.default_rng(0)
dense_weights = rng.standard_normal((before.size, red_cross.size), np.float32)
dense_before, dense_after = (
    cnnkit.linear(x.reshape(1, -1), dense_weights).get().reshape(before.shape) for x in (red_cross, moved)
)
change = np.abs(dense_after[:, 8:] - dense_before[:, :-8]).mean() / np.abs(dense_before).mean()
print("a dense layer's answer, moved back, is an altogether different one:", change > 0.5)

# %% tags=["drawing", "reveal"]
figure, axes = plt.subplots(1, 4, figsize=(10, 2.8), layout="constrained")
for pair, x, y, name in ((axes[:2], red_cross, before, ""), (axes[2:], moved, after, ", moved")):
    pair[0].imshow(x[0].transpose(1, 2, 0).clip(0, 1))
    pair[0].set_title(f"picture{name}")
    pair[1].imshow(y, cmap="PuOr_r", vmin=-0.8, vmax=0.8)
    pair[1].set_title(f"feature map{name}")
for axis in axes:
    axis.set(xticks=[], yticks=[])
show(
    figure,
    "A red cross and its feature map, then the cross eight pixels further right and its feature map: the same map, eight "
    "pixels further right.",
)

# %% [markdown]
# The map moves along. What the filter has learned in one place, it knows in all of them. A dense layer would have to learn the
# cross anew in every place where it may stand. (At the border it is not exact: there, pixels come and go. And whether a
# whole network is "robust to translation", as the article says, is measured in notebook 10.)
#
# ## A patch as large as the picture
#
# "If the patch size is the same as that of the image it will be a regular neural network." Let us see. Twelve filters of
# 34x34x3 on a picture of 34x34x3: the window has a single place. Then take the **same** numbers as the weights of a dense
# layer, with the picture written out as one long row:

# %% tags=["demonstration"]
large = rng.standard_normal((12, 3, 34, 34), np.float32)
as_filters = cnnkit.conv2d(red_cross, large).get()
as_dense = cnnkit.linear(red_cross.reshape(1, -1), large.reshape(12, -1)).get()
print("twelve filters:", as_filters.shape)
print("a dense layer: ", as_dense.shape)
print("the same twelve numbers:", np.allclose(as_filters.ravel(), as_dense.ravel(), rtol=1e-4, atol=1e-3))

# %% [markdown]
# The article is right: the dense layer is a convolution layer whose window has one place. The other way round, a convolution
# layer is a small dense layer, of $a \cdot a \cdot C$ inputs and $K$ outputs, that is carried from place to place: "a small
# neural network with $K$ outputs", as the article puts it. Go back to the explorer with the red cross and press *a = whole
# picture*: what does it say about the parameters now? Nothing is saved any more, because there are no other places to share
# with.
#
# ## Your turn: the layer as a kernel
#
# In notebook 01 every place was a work-item. Now every place **of every map of every image** is one, and the range has three
# dimensions:
#
# - `get_global_id(0)` is the column $j$ and `get_global_id(1)` the row $i$, as before;
# - `get_global_id(2)`, $q$, counts the maps: the $K$ maps of image 0 first, then the $K$ maps of image 1. So $q = n \cdot K +
#   k$. You need $n$ and $k$: in C, between whole numbers, `q / K` drops the remainder and `q % K` **is** the remainder.
#
# Memory is still one long row. Image $n$ has $C$ channels of $H$ rows of $W$ numbers, so pixel $(n, c, \text{row},
# \text{column})$ is number `((n * C + c) * H + row) * W + column`. Read it from the inside: how many channels lie before it,
# then how many rows, then how many numbers. The weights go by the same rule, and so do the results.
#
# No frame of zeros is stored here. A window may begin outside the image, at a negative row; what lies outside is left out of
# the sum.

# %% tags=["exercise", "02.5"]
# %%kernel conv_layer
# /* x: (N, C, H, W); w: (K, C, R, S); b: (K); y: (N, K, OH, OW) */
# __kernel void conv_layer(__global const float *x, __global const float *w, __global const float *b,
#                          __global float *y, const int N, const int C, const int H, const int W,
#                          const int K, const int R, const int S, const int OH, const int OW,
#                          const int stride, const int padding)
# {
#     int j = get_global_id(0), i = get_global_id(1), q = get_global_id(2);  // which place, of which map?
#     ### BEGIN SOLUTION
#     int n = q / K, k = q % K;  // which image, which filter
#     if (i >= OH || j >= OW || q >= N * K)
#         return;  // one work-item too many
#     float sum = 0.0f;
#     for (int c = 0; c < C; c++)
#         for (int r = 0; r < R; r++)
#             for (int s = 0; s < S; s++) {
#                 int iy = i * stride + r - padding, ix = j * stride + s - padding;
#                 if (iy >= 0 && iy < H && ix >= 0 && ix < W)  // else it is padding
#                     sum += x[((n * C + c) * H + iy) * W + ix] * w[((k * C + c) * R + r) * S + s];
#             }
#     y[(q * OH + i) * OW + j] = sum + b[k];
#     ### END SOLUTION
# }

# %% tags=["answer"]
check("02.5", conv_layer)
# hint("02.5")
# solution("02.5")
# explain("02.5")

# %% [markdown]
# Put it to work: the twelve filters on the portrait, in steps of 2, computed by your kernel. (Until it is right, cnnkit's own
# does it.)

# %% tags=["answer"]
my_layer = use("02.5", conv_layer)
portrait_maps = my_layer(photo, filters, np.zeros(12), 2, 1)
print("shape:", portrait_maps.shape)
theirs = cnnkit.conv2d(photo, filters, np.zeros(12), stride=2, padding=1).get()
print("the same as cnnkit's:", np.allclose(portrait_maps, theirs, atol=1e-4))

# %% tags=["answer", "drawing"]
figure, axes = plt.subplots(1, 4, figsize=(10, 2.8), layout="constrained")
names = ("reddish", "blue, not yellow", "red, left to right", "top to bottom")
for axis, k, name in zip(axes, (0, 1, 3, 6), names, strict=True):
    largest = np.abs(portrait_maps[0, k]).max()
    axis.imshow(portrait_maps[0, k], cmap="PuOr_r", vmin=-largest, vmax=largest)
    axis.set(xticks=[], yticks=[], title=f"map {k}: {name}")
show(
    figure,
    "Four of the twelve maps of the portrait: where it is reddish, where blue and not yellow, where red changes from left "
    "to right, where any color changes from top to bottom.",
)

# %% [markdown]
# And this is all that happens in cnnkit when a `Conv2d` is called, with the plainest of the kernels that it may choose from:

# %% tags=["demonstration"]
print(inspect.getsource(cnnkit.Conv2d.__call__))
text = kernel.source("conv2d")
start = text.index("/* Global size (OW, OH, N*K)")
print(text[start : text.index("/* Global size (W, H, N*C)")])

# %% [markdown]
# It is your kernel, with dilation and a stride for each direction. It adds up row by row, `row_sum`, because many short sums
# lose fewer digits than one long one.
#
# ## Where you are

# %% tags=["answer", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## What you can do now
#
# - compute one number of a feature map through all channels, and say why one filter makes one map;
# - choose weights that answer to a color, or mix channels with a filter of 1x1;
# - tell the volume that a layer makes, from size, filters, stride and padding;
# - count a layer's parameters, and say what the small patch saves and what the sharing saves;
# - write the layer, in Python and as an OpenCL kernel.
#
# **Answers to the explorers' questions.** 1: Turquoise has a lot of green and of blue; both are taken away, and their parts
# outweigh the red one. 2: The green and the blue part: their slices are all 0. 3: The feature map, and its picture among
# the twelve; the numbers of the three parts stay as they are, since the bias is added after them (their colors may fade a
# little: all four pictures share one range of colors). 4: 55, for (227 − 11) / 4 + 1 = 55. 5: The
# corner once; in the middle up to 9 times, three windows in each direction. 6: Between two windows, one row and one column of
# pixels are never read.
#
# **To think on.** A second layer follows, with 20 filters of 3x3 on the 12 maps: how deep are its filters, and how many
# parameters does it have? · A layer of 1x1 filters makes 3 channels of 64: what is kept, and what is lost? · Two filters in a
# layer have the same weights and different biases: do you need both?
#
# **Next:** [03 Activation](03_activation.ipynb) finds out why layers like this one, put one after the other, need something
# in between.
