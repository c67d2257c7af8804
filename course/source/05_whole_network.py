# %% [markdown]
# # 05 · A whole network
#
# **The question of this notebook:** how does a picture become probabilities?
#
# *You are here:* [03 Activation](03_activation.ipynb) → [04 Pooling](04_pooling.ipynb) → **05 A whole network** → [06 Loss and
# backpropagation](06_loss_and_backprop.ipynb) → [07 Gradient descent](07_gradient_descent.ipynb)
#
# A filter turns a picture into another picture. A classifier turns a picture into an answer: *this is a circle, I am 90
# percent sure*. Between the two lie only a few steps, each simple, each computed below, and by the end you will have
# followed a picture through all of them.

# %%
import matplotlib.pyplot as plt
import numpy as np

import cnnkit
from cnnkit import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Softmax, data
from cnnkit.exercises import check, explain, hint, progress, solution, use
from cnnkit.explore import PipelineExplorer, show

photo = data.photo()  # (1, 1, 300, 300)

# %% [markdown]
# ## Three stages in a row
#
# The article behind this course works one example: a gray photograph of 300×300 pixels goes through a filter, then an
# [*activation*](glossary.ipynb#activation-function), then [*pooling*](glossary.ipynb#pooling), and each result is shown. You know the three stages,
# each by itself. Here they are in a row.
#
# 1. [**Convolution**](glossary.ipynb#convolution) slides the edge [filter](glossary.ipynb#filter) of [notebook 01](01_one_filter.ipynb) over the photograph.
# 2. [**ReLU**](glossary.ipynb#ReLU), the rectified linear unit, keeps what is positive and sets the rest to zero: $\max(0, x)$, for each
#    number on its own.
# 3. [**Max pooling**](glossary.ipynb#max-pooling) cuts the picture into blocks of 2×2 and keeps the largest number of each.

# %% tags=["demonstration"]
edges = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])[None, None]

filtered = cnnkit.conv2d(photo, edges, padding="same")
rectified = cnnkit.relu(filtered)
pooled = cnnkit.max_pool2d(rectified, 2)

stages = {"1. convolution": filtered, "2. ReLU": rectified, "3. max pooling, 2 x 2": pooled}
for title, stage in stages.items():
    values = stage.get()
    print(f"{title:24} {stage.shape}, smallest {values.min():5.2f}, largest {values.max():5.2f}")

# %% tags=["drawing"]
figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
for axis, (title, stage) in zip(axes, stages.items(), strict=True):
    values = stage.get()[0, 0]
    signed = bool(values.min() < 0)
    axis.imshow(values, cmap="PuOr_r" if signed else "magma", vmin=-1.5 if signed else 0, vmax=1.5)
    axis.set(xticks=[], yticks=[], title=title, xlabel=f"{values.shape[0]} x {values.shape[1]}")
show(
    figure,
    "Three panels: the filter's answers, orange above and violet below zero; the positive ones "
    "alone, bright on black; and the same outlines in a picture half as high and half as wide.",
)

# %% [markdown]
# Look at the smallest numbers. The convolution answers with both signs: positive where a pixel is brighter than its
# surroundings, negative where it is darker. ReLU throws the negative half away; the size stays 300×300. Pooling
# leaves 150×150, a quarter of the numbers, and yet you see the same outlines: what matters is *that* there was an edge
# in those four pixels, not in which of the four. Fewer numbers also mean less memory and less work for all that follows.
#
# **Predict first.** Would the last picture be different if pooling came *before* ReLU? Decide, then run:

# %% tags=["demonstration", "reveal"]
other_order = cnnkit.relu(cnnkit.max_pool2d(filtered, 2))
print("max pooling, the same numbers:", bool((other_order.get() == pooled.get()).all()))

one, other = cnnkit.avg_pool2d(rectified, 2), cnnkit.relu(cnnkit.avg_pool2d(filtered, 2))
print("average pooling, the same numbers:", bool((one.get() == other.get()).all()))

# %% [markdown]
# With max pooling, the same: ReLU never swaps which of two numbers is larger, so the winner of each block wins either way.
# With [*average* pooling](glossary.ipynb#average-pooling) it matters: before ReLU, bright and dark sides of an edge cancel.
#
# ## Follow a pixel
#
# Point at any pixel of any stage, or tab to a picture and use the arrow keys. A pooled pixel lights up the 2×2 block it
# came from, and the block lights up the patch of the photograph that was read for it. How many pixels of the photograph
# can change one pooled pixel? Count them, for a 3×3 filter, then for 5×5.

# %% tags=["demonstration"]
pipeline = PipelineExplorer(photo, preset="edges")
pipeline

# %% [markdown]
# ## Your turn: write two of the stages
#
# First `relu`, for an array `x` of any shape: a row, a picture, a batch of volumes. Leave `x` itself as it is; others may
# still need it. (Python's `max` compares two single numbers, and `np.max` looks for the one largest number of a whole
# array. Neither is meant. NumPy has a third one, with a longer name, which stood in notebook 03 and takes two arguments, compares them place by place
# and keeps the larger number in each.)


# %% tags=["exercise", "05.1"]
def relu(x):
    """What is positive stays, the rest becomes 0."""
    ### BEGIN SOLUTION
    return np.maximum(0, x)
    ### END SOLUTION


# %% tags=["answer"]
check("05.1", relu)
# hint("05.1")
# solution("05.1")

# %% [markdown]
# Then `max_pool2x2`, for a picture of shape (H, W), where H and W are even. Every block of 2×2 becomes its largest number:
#
# $$\begin{pmatrix}1&5&2&0\\3&4&8&6\end{pmatrix} \to \begin{pmatrix}5&8\end{pmatrix}$$


# %% tags=["exercise", "05.2"]
def max_pool2x2(x):
    """The largest number of each 2 x 2 block: (H, W) to (H/2, W/2)."""
    ### BEGIN SOLUTION
    H, W = x.shape
    return x.reshape(H // 2, 2, W // 2, 2).max(axis=(1, 3))
    ### END SOLUTION


# %% tags=["answer"]
check("05.2", max_pool2x2)
# hint("05.2")
# solution("05.2")

# %% [markdown]
# ## From pictures to volumes
#
# Real networks use color and many filters. An image of 32×32 pixels in color is a [**volume**](glossary.ipynb#volume): width 32, height 32,
# depth 3. A filter is always as deep as the volume it slides over, so a 3×3 filter has 3·3·3 = 27 [weights](glossary.ipynb#weight) here, and it
# still gives *one* number per place. With **twelve** filters there are twelve numbers per place: stacked, they are a
# new volume of depth 12, and each of these twelve pictures is called a [**feature map**](glossary.ipynb#feature-map).
#
# Our pictures have four kinds of shapes in them, drawn by the course itself:

# %% tags=["demonstration"]
pictures = data.shapes(8, seed=4)
print("a batch of pictures:", pictures.images.shape, "= (images, channels, height, width)")

# %% tags=["drawing"]
figure, axes = plt.subplots(1, 8, figsize=(11, 1.8), layout="constrained")
for axis, image, label in zip(axes, pictures.images, pictures.labels, strict=True):
    axis.imshow(image.transpose(1, 2, 0))
    axis.set(xticks=[], yticks=[], title=pictures.classes[label])
named = ", ".join(pictures.classes[label] for label in pictures.labels)
show(figure, f"Eight small color pictures: {named}.")

# %% [markdown]
# And this is a whole network, from the picture to four probabilities. `Sequential` runs its layers one after the other. Nobody
# has chosen their weights: they are drawn at random, and `seed=0` draws the same ones each time.

# %% tags=["demonstration"]
network = Sequential(
    Conv2d(3, 12, 3, padding="same"),  # 12 filters of 3 x 3 x 3: 32 x 32 x 3 becomes 32 x 32 x 12
    ReLU(),  # the volume keeps its shape
    MaxPool2d(2),  # 16 x 16 x 12
    Flatten(),  # one long row of 3072 numbers
    Linear(16 * 16 * 12, 4),  # every output is a weighted sum of all of them
    Softmax(),  # four probabilities
    seed=0,
)
network.summary((3, 32, 32))

# %% [markdown]
# The table writes a volume as *channels × height × width*, the order in which the numbers lie in memory; people often say
# the same as *width × height × depth*, 32×32×3. Read it line by line:
#
# - The **input layer** only holds the picture: one number per pixel and [channel](glossary.ipynb#channel), 32·32·3 = 3072 of
#   them (each is often called a [*neuron*](glossary.ipynb#neuron), too, though nothing is computed there).
# - The **convolution** has few weights because it uses the same 12 filters everywhere: 12·(27 + 1) = 336, the 1 being
#   each filter's [**bias**](glossary.ipynb#bias), a number that is added to all its answers.
# - **ReLU** and **pooling** have nothing to learn.
# - [**Flatten**](glossary.ipynb#flatten) moves nothing; it only reads the volume as one row. (That 16·16·12 is 3072 again is chance.)
# - The layer after it, `Linear`, is **fully connected** (or [*dense*](glossary.ipynb#dense-layer)): each of its neurons has a
#   weight for every number of the row. It is a matrix product and a bias, $y = W x + b$, with $W$ for the table of its
#   weights. Here these are 3072·4, and 4 biases: 12 292.
# - [**Softmax**](glossary.ipynb#softmax) makes probabilities of the four numbers; more on it below. It has nothing to learn,
#   either.
#
# Running a picture through all the layers like this is called [**feedforward**](glossary.ipynb#feedforward). Between input
# and output lie the **hidden layers**. Their numbers are no pictures and no answers, but what the network
# makes of the one to get to the other.

# %% tags=["demonstration"]
volumes = network.activations(pictures.images[:1])
print([v.shape[1:] for v in volumes])

# %% tags=["drawing"]
names = ["picture", "convolution", "ReLU", "pooling"]
figure, axes = plt.subplots(4, 12, figsize=(11, 4), layout="constrained")
for row, (name, v) in enumerate(zip(names, volumes, strict=False)):
    maps = v.get()[0]
    for channel, axis in enumerate(axes[row]):
        axis.axis("off")
        if channel < len(maps):
            axis.imshow(maps[channel], cmap="magma")
    size = " x ".join(map(str, maps.shape))
    axes[row, 0].set_title(f"{name}: {size}", loc="left", fontsize=10)
show(
    figure,
    "One picture on its way: 3 color channels, then 12 feature maps after each layer. Each has a "
    "scale of its own, black for its smallest number; some filters hardly answer above zero.",
)

# %% [markdown]
# ## Your turn: count
#
# **Predict first.** How many weights would a **fully connected** layer need to turn the same 32×32×3 picture into the same
# 32×32×12 volume: one weight from every input number to every output number? Leave the biases out. Guess before you
# count: ten times the convolution's 336? A thousand times?

# %% tags=["exercise", "05.3"]
### BEGIN SOLUTION
### STUB dense_weights = None  # a number; Python may do the sum
dense_weights = (32 * 32 * 3) * (32 * 32 * 12)
### END SOLUTION

# %% tags=["answer"]
check("05.3", dense_weights)
# hint("05.3")
# solution("05.3")

# %% tags=["demonstration", "reveal"]
shared = network.summary((3, 32, 32)).rows[1][2]
dense = volumes[0].size * volumes[1].size
print(f"the convolution: {shared} parameters; a dense layer: {dense // shared:,} times as many")

# %% [markdown]
# That is what sharing saves. A dense layer could learn a different filter for every place of the picture; a convolution
# bets that an edge is an edge wherever it is.
#
# ## Scores into probabilities
#
# The dense layer gives four numbers, the **scores** (or [logits](glossary.ipynb#logits)), of any size and sign. **Softmax** makes probabilities of them:
#
# $$p_j = \frac{e^{x_j}}{\sum_i e^{x_i}}$$
#
# The exponential makes everything positive, and dividing by the sum makes them add up to 1. Where there are only two
# answers, yes or no, the [**sigmoid**](glossary.ipynb#sigmoid) $1/(1+e^{-x})$ does the same for a single score $x$: it is what softmax gives
# the first of the two scores $x$ and 0.
#
# **Predict first.** Softmax of the scores 1, 2, 3 gives 9, 24 and 67 percent. What does it give for 1001, 1002, 1003?
# And what would go wrong if you computed it as the formula says, with numbers that stop at about $10^{38}$?

# %% tags=["demonstration", "reveal"]
for scores in ([1, 2, 3], [1001, 1002, 1003]):
    print(scores, "->", cnnkit.softmax([scores]).get()[0].round(4))
with np.errstate(over="ignore", invalid="ignore"):
    naive = np.exp(np.float32([1001, 1002, 1003]))
    print("taken literally:", naive / naive.sum())

# %% [markdown]
# Taken literally, $e^{1001}$ is a number of 435 digits. For the computer that is *infinite*, infinite by infinite is no number,
# and it says so: *nan*, not a number. But only the differences between the scores count. Take the same $c$ off all of them:
# each exponential is divided by $e^c$, the sum is, too, and the quotients stay as they were. So cnnkit takes the **largest** score
# off first, and no exponential can overflow.
#
# ## Your turn: softmax
#
# Write `softmax` for one row of scores, of any number of classes. Let it be right for 1001, 1002, 1003, too.


# %% tags=["exercise", "05.4"]
def softmax(scores):
    """Probabilities that add up to 1: (classes,) to (classes,)."""
    ### BEGIN SOLUTION
    powers = np.exp(scores - np.max(scores))  # the largest is e^0 = 1
    return powers / powers.sum()
    ### END SOLUTION


# %% tags=["answer"]
check("05.4", softmax)
# hint("05.4")
# solution("05.4")

# %% [markdown]
# ## What does this network say?

# %% tags=["demonstration"]
probabilities = network(pictures.images).get()
right = int((probabilities.argmax(axis=1) == pictures.labels).sum())
print(f"right answers: {right} of {len(pictures)}")
print("each picture's add up to 1:", bool(np.allclose(probabilities.sum(axis=1), 1)))

# %% tags=["drawing"]
figure, axes = plt.subplots(2, 4, figsize=(9, 4.2), layout="constrained")
for i, axis in enumerate(axes.flat):
    bars = axis.bar(range(4), probabilities[i], color="#56B4E9")
    bars[pictures.labels[i]].set_color("#00395B")
    axis.set(
        ylim=(0, 1), title=f"it is a {pictures.classes[pictures.labels[i]]}", yticks=[0, 0.5, 1]
    )
    axis.set_xticks(range(4), pictures.classes, fontsize=7)
show(
    figure,
    "Eight bar charts of four probabilities; the dark bar is the right answer, and it is not often "
    "the highest.",
)

# %% [markdown]
# It guesses, and of course it does: its weights are random numbers. The *architecture* is all there, and it knows
# nothing. What is missing is the one thing that makes networks useful: to **learn**. The next two notebooks find out how that
# is done, and in [08 Train a classifier](08_train_a_classifier.ipynb) a whole network does it.
#
# Its last layer, by the way, is nothing but your function, one row after the other:

# %% tags=["answer"]
my_softmax = use("05.4", softmax)
scores = Sequential(*network.layers[:-1])(pictures.images).get()  # the network without its last layer
by_hand = np.array([my_softmax(row) for row in scores])
print("the same probabilities:", np.allclose(by_hand, probabilities, atol=1e-5))

# %% [markdown]
# ## Your turn: pooling as a kernel
#
# In cnnkit, every layer above is an OpenCL kernel. Pooling is one that you can write yourself: each [**work-item**](glossary.ipynb#work-item) makes one
# number of the result, the largest of four.
#
# - `get_global_id(0)` is the column `j` of that number, `get_global_id(1)` its row `i`. There are usually more work-items
#   than numbers: those too many must leave at once.
# - Memory is one long row of numbers: row `r`, column `c` of the picture is `x[r * W + c]`. The result has rows of its own
#   length, `W / 2`.
# - `fmax(a, b)` is the larger of two numbers.

# %% tags=["exercise", "05.5"]
# %%kernel max_pool
# /* x: picture of H rows and W columns, both even; y: H / 2 rows and W / 2 columns. */
# __kernel void max_pool(__global const float *x, __global float *y, const int H, const int W)
# {
#     int j = get_global_id(0), i = get_global_id(1);  // which number of the result am I?
#     ### BEGIN SOLUTION
#     if (i >= H / 2 || j >= W / 2)
#         return;  // one work-item too many
#     int first = 2 * i * W + 2 * j;  // the upper left number of the block
#     float best = fmax(x[first], x[first + 1]);
#     best = fmax(best, fmax(x[first + W], x[first + W + 1]));
#     y[i * (W / 2) + j] = best;
#     ### END SOLUTION
# }

# %% tags=["answer"]
check("05.5", max_pool)
# hint("05.5")
# solution("05.5")
# explain("05.5")

# %% [markdown]
# ## Your own stages
#
# Here is the explorer once more, with ReLU by **your** function and pooling by **your** kernel. (Where one of them is not
# right yet, cnnkit's own stands in for it, and there is nothing to compare.) Choose *difference* to compare them with
# cnnkit's.

# %% tags=["answer", "nbval-ignore-output"]
my_relu, my_pooling = use("05.1", relu), use("05.5", max_pool)
my_pipeline = PipelineExplorer(photo, preset="edges", activation=my_relu, max_pooling=my_pooling)
my_pipeline

# %% [markdown]
# You counted how many pixels of the photograph can change one pooled pixel: 4×4 for a 3×3 filter, 6×6 for 5×5. What a pixel
# depends on is called its [**receptive field**](glossary.ipynb#receptive-field). Set the explorer so that the marked pixel, a pooled one, depends on exactly
# **8×8** pixels of the photograph. Leave it like that, then run the check.

# %% tags=["exercise", "05.6"]
### BEGIN SOLUTION
### STUB # choose in the explorer above, then run the next cell: nothing is to be written here ...
my_pipeline.model.size = 7
### END SOLUTION

# %% tags=["answer"]
check("05.6", my_pipeline)
# hint("05.6")
# solution("05.6")

# %% [markdown]
# ## Where you are
#
# What you have reached so far, in this notebook and the others:

# %% tags=["answer", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## What you can do now
#
# - name the layers of a convolutional network and say what each does to the volume;
# - write ReLU, max pooling and softmax, and pooling as an OpenCL kernel;
# - follow a pixel from the photograph to the pooled picture and back;
# - count the parameters of convolutional and dense layers;
# - turn scores into probabilities, and say why the largest is taken off first.
#
# **To think on.** What would be lost without ReLU: could two convolutions in a row be written as one? · A picture of
# 64×64 instead of 32×32: which lines of the table change their number of parameters? · Why is the input of the dense
# layer one row, and what does the network forget by that?
#
# **Next:** [06 Loss and backpropagation](06_loss_and_backprop.ipynb) gives the network's guesses a mark.
