# %% [markdown]
# # 06 · Loss and backpropagation
#
# **The question of this notebook:** how does the error reach each weight?
#
# *You are here:* [04 Pooling](04_pooling.ipynb) → [05 A whole network](05_whole_network.ipynb) → **06 Loss and
# backpropagation** → [07 Gradient descent](07_gradient_descent.ipynb) → [08 Train a
# classifier](08_train_a_classifier.ipynb)
#
# At the end of the last notebook a network looked at a picture, went through all its layers
# ([feedforward](glossary.ipynb#feedforward)), and guessed. The guess was wrong, and thousands of weights had a part in it.
# Which of them should change, and in which direction? The answer comes in two halves. First make the error one number, the
# *loss*. Then send it backward through the network, so that every weight hears its own share of it.

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import cnnkit
from cnnkit import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, data, kernel
from cnnkit.exercises import In, InOut, Launch, check, explain, hint, progress, solution, use
from cnnkit.explore import BackpropExplorer, show
from cnnkit.gradcheck import GradcheckError, gradcheck

# %% [markdown]
# ## How wrong?
#
# A [loss](glossary.ipynb#loss) $L$ is one number that says how far an answer is from the right one: 0 for a perfect answer,
# larger for a worse one. (The article calls it an *error function*, which "measures how well the network is performing".
# Take that with care: it measures how *badly*.) It names the two that are used most.
#
# Let three [classes](glossary.ipynb#class) have the scores 1, 2, 3 ([logits](glossary.ipynb#logits) is the usual word for
# scores before [softmax](glossary.ipynb#softmax)), and let the last one be right, so its *label* is 2, counted from 0. What
# should have come out is a 1 for the right class and 0 for the others: $t = (0, 0, 1)$, called
# [one-hot](glossary.ipynb#one-hot). What did come out is softmax's $p$. Then
#
# - the **[squared error](glossary.ipynb#squared-error)** compares number with number: the mean of all $(p_k - t_k)^2$;
# - the **[cross-entropy](glossary.ipynb#cross-entropy)** looks at the right class alone: $-\log p_{\text{label}}$, with the
#   natural logarithm.

# %% tags=["demonstration"]
scores, label = np.array([1.0, 2.0, 3.0]), 2


def softmax(scores):
    """Probabilities; the largest score is taken off first, so that nothing overflows."""
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


p, t = softmax(scores), np.array([0, 0, 1])
print("p:", p.round(4), "  t:", t)
print(f"squared error, by hand: {((p - t) ** 2).mean():.6f}")
print(f"cross-entropy, by hand: {-np.log(p[label]):.6f}")

# %% [markdown]
# cnnkit's own take batches. The squared error compares any two arrays of one shape; the cross-entropy takes the *scores* and
# does the softmax itself:

# %% tags=["demonstration"]
squared_error, cross_entropy = cnnkit.MSELoss(), cnnkit.CrossEntropyLoss()
print(f"cnnkit.MSELoss:          {squared_error(p[None], t[None]).get():.6f}")
for row in (scores, scores + 999):
    print(f"cnnkit.CrossEntropyLoss: {cross_entropy(row[None], [label]).get():.6f}, of the scores {row}")
print(f"ten equal scores:        {cross_entropy(np.zeros((1, 10)), [label]).get():.6f}")

# %% [markdown]
# The scores 1000, 1001, 1002 have the same loss as 1, 2, 3, for only their differences count, and with the largest taken off
# first nothing overflows. Keep the last number in mind: 2.302585 is $\log 10$, the loss of someone who has no idea which of
# ten it is.
#
# **Predict first.** There are two classes. A network is sure of the wrong one: the right class gets 0.001. A second network
# is ten times surer, and gives it 0.0001. How much larger is its squared error? How much larger its cross-entropy? Say two
# numbers, then run.

# %% tags=["demonstration", "reveal"]
print("right class gets   squared error   cross-entropy")
for right in (0.5, 0.1, 0.01, 0.001, 0.0001):
    p2, t2 = np.array([[right, 1 - right]]), np.array([[1, 0]])
    square = squared_error(p2, t2).get()
    entropy = cross_entropy(np.log(p2), [0]).get()  # softmax of a logarithm is the number itself
    print(f"{right:16}   {square:13.4f}   {entropy:13.4f}")

# %% [markdown]
# To the squared error, a wrong answer cannot be worse than 1, and "sure" and "ten times surer" are nearly alike. To the
# cross-entropy, each zero more behind the point costs another 2.3, without end: it **punishes certainty** where it is wrong.
#
# ## Nudge and look
#
# Now the second half: who is to blame? Take the smallest network there is: one weight $w$, one input $x = 3$, the output
# $y = w\,x$, and the loss $L = (y - t)^2$ with $t = 5$. Now $w$ is 2. Would the loss shrink if $w$ were a little larger, or a
# little smaller? Nobody needs mathematics for that. Move $w$ by a small step $h$ to either side, look at the loss both times,
# and divide how much it changed by how far you went:
#
# $$\frac{dL}{dw} \approx \frac{L(w+h) - L(w-h)}{2h}$$

# %% tags=["demonstration"]
x1, t1 = 3.0, 5.0


def small_loss(w):
    """One weight, one input, one squared error."""
    return (w * x1 - t1) ** 2


for h in (0.5, 0.1, 0.001):
    both = (small_loss(2 + h) - small_loss(2 - h)) / (2 * h)
    one = (small_loss(2 + h) - small_loss(2)) / h
    print(f"h = {h:5}: to both sides {both:.3f}, to one side only {one:.3f}")

# %% tags=["drawing"]
ws, two_sides = np.linspace(1, 2.6, 200), np.array([1.7, 2.3])
figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
axis.plot(ws, small_loss(ws), color="#0072B2", label="the loss L of each w")
axis.plot(ws, 1 + 6 * (ws - 2), "--", color="#D55E00", label="the slope at w = 2: 6 up for 1 to the right")
axis.plot(two_sides, small_loss(two_sides), "o-", color="#009E73", label="nudged by 0.3 to both sides")
axis.plot(2, 1, "o", color="black")
axis.set(xlabel="w", ylabel="L", ylim=(-1, 8))
axis.legend(loc="upper left")
show(
    figure,
    "A bowl-shaped curve of the loss over the weight; at w = 2 the line through the two nudged points rises exactly as "
    "steeply as the curve does there.",
)

# %% [markdown]
# The slope at $w = 2$ is 6: if $w$ grows by a thousandth, the loss grows by six thousandths. So $w$ should become
# *smaller*. Such a slope is called a *derivative*, and the derivatives by all the weights together are the
# **[gradient](glossary.ipynb#gradient)**. Going to both sides is worth the trouble: a curve that bends makes the one-sided
# slope too steep or too flat, by as much as you see above.
#
# ## Your turn: a gradient without mathematics
#
# Here is the filter of [notebook 01](01_one_filter.ipynb) and a loss: the sum of squared differences between its answer $y$
# and a target $t$. Write `measured_gradient`: for each weight, nudge that weight alone by $h$ to both sides, and look. The
# answer has the shape of $w$.


# %% tags=["exercise", "06.1"]
def corr2d(x, w):
    """The dot product of `w` with every patch of `x`."""
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape)
    return np.einsum("ijrs,rs->ij", windows, w)


def loss(w, x, t):
    """The summed squared error of the filter's answer: one number."""
    return ((corr2d(x, w) - t) ** 2).sum()


def measured_gradient(w, x, t, h):
    """dL/dw for each weight, measured with steps of h: an array of the shape of w."""
    ### BEGIN SOLUTION
    grad = np.zeros(w.shape)
    for place in np.ndindex(w.shape):
        above, below = w.copy(), w.copy()
        above[place] += h
        below[place] -= h
        grad[place] = (loss(above, x, t) - loss(below, x, t)) / (2 * h)
    return grad
    ### END SOLUTION


# %% tags=["answer"]
check("06.1", measured_gradient)
# hint("06.1")
# solution("06.1")

# %% [markdown]
# This works for any network and any loss. Then why is it not how networks learn? Count: each weight costs two whole
# forward passes. The network of notebook 08 has 5050 numbers to learn, so one gradient by nudging costs 10,100 passes.
# What follows gets all of them from **one** pass backward.
#
# ## What the scores should do
#
# Begin at the end of the network, where the loss is. What does the loss say to the three scores 1, 2, 3 with label 2?
# **Predict first:** which of them should grow, and which shrink? Then compare the nudged slopes with the probabilities below
# them. Do you see the rule?

# %% tags=["demonstration", "reveal"]
nudges = 1e-6 * np.eye(3)
slopes = [
    (np.log(softmax(scores - n)[label]) - np.log(softmax(scores + n)[label])) / 2e-6 for n in nudges
]
print("slope of the loss:", np.round(slopes, 4))
print("probabilities p:  ", p.round(4))
print("one-hot t:        ", t)

# %% [markdown]
# The slopes are $p - t$: **what the network said, less what it should have said**. Nothing simpler could have come out. (Where
# from? With $x_k$ for the scores, $p_k = e^{x_k}/\sum_i e^{x_i}$. The logarithm of a quotient is a difference, so $L =
# -\log p_{\text{label}} = \log\sum_k e^{x_k} - x_{\text{label}}$. The first part has the slope $e^{x_k}/\sum_i
# e^{x_i} = p_k$ by each score, and the second takes 1 away at the label.) A positive slope says: smaller, please.
#
# ## Your turn: the gradient of the cross-entropy
#
# A [batch](glossary.ipynb#batch) has $N$ images, and its loss is the *mean* of their losses. So each image's slopes are divided
# by $N$. Write `scores_gradient` for a batch: `scores` has one row for each image and one column for each class, `labels` holds
# $N$ whole numbers. Scores around 1000 should not trouble you.


# %% tags=["exercise", "06.2"]
def scores_gradient(scores, labels):
    """The gradient of the mean cross-entropy: (N, classes) and (N,) to (N, classes)."""
    ### BEGIN SOLUTION
    N = len(scores)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = powers / powers.sum(axis=1, keepdims=True)
    p[np.arange(N), labels] -= 1  # less the one-hot
    return p / N
    ### END SOLUTION


# %% tags=["answer"]
check("06.2", scores_gradient)
# hint("06.2")
# solution("06.2")

# %% tags=["answer"]
two = np.array([[1.0, 2.0, 3.0], [1000.0, 1001.0, 1002.0]])
print("yours:\n", np.asarray(use("06.2", scores_gradient)(two, np.array([2, 0]))).round(4))
print("cnnkit's:\n", cross_entropy.backward(two, [2, 0]).get().round(4))

# %% [markdown]
# Each row adds up to 0: what the right class is asked to gain, the others are asked to give up.
#
# Now the deeper reason why classifiers use the cross-entropy. **Predict first.** A network is sure and wrong, as above, and
# the right class has 0.001. Which of the two losses pushes its score *harder*: cross-entropy, or the squared error of the
# probabilities? And how hard does the other push?

# %% tags=["demonstration", "reveal"]
z = np.linspace(-8, 8, 161)  # how far the right class's score lies above the other's
pairs = np.stack([z, np.zeros_like(z)], axis=1)
first = np.zeros(len(z), int)  # class 0 is right
one_hot = np.tile([1, 0], (len(z), 1))
probabilities = cnnkit.softmax(pairs)

entropies = -cnnkit.log_softmax(pairs).get()[:, 0]
squares = ((probabilities.get() - one_hot) ** 2).mean(axis=1)
# Of sums, so that each pair has its own slope and not a share of a mean.
entropy_slopes = cross_entropy.backward(pairs, first).get()[:, 0] * len(z)
square_slopes = cnnkit.softmax_backward(
    cnnkit.ops.mse_backward(probabilities, one_hot, "sum").get() / 2, probabilities
).get()[:, 0]

for right in (0.5, 0.1, 0.001):
    at = np.abs(probabilities.get()[:, 0] - right).argmin()
    print(f"p near {right:5}: cross-entropy {entropy_slopes[at]:6.3f}, squared error {square_slopes[at]:6.3f}")

# %% tags=["drawing", "reveal"]
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.5), layout="constrained")
for axis, (entropy_curve, square_curve), title in (
    (axes[0], (entropies, squares), "the loss"),
    (axes[1], (entropy_slopes, square_slopes), "its slope: the push on the score"),
):
    axis.axvspan(-8, -3, color="#DDDDDD")
    axis.plot(z, entropy_curve, color="#D55E00", label="cross-entropy")
    axis.plot(z, square_curve, "--", color="#0072B2", label="squared error")
    axis.set(title=title, xlabel="score of the right class, less the other's")
axes[0].text(-7.8, 0.2, "sure and wrong")
axes[0].legend()
axes[1].text(-7.8, -0.62, "sure and wrong")
show(
    figure,
    "Left, the two losses over the score of the right class: where the network is sure and wrong, cross-entropy rises in a "
    "straight line and the squared error is flat. Right, their slopes there: nearly -1, and nearly 0.",
)

# %% [markdown]
# Where it is sure and wrong, the squared error is a plateau: high, and flat. Its slope through softmax is nearly 0, so it has
# nothing to say to the weights, although the answer could not be worse. Cross-entropy pushes with full strength, 1.
# For numbers that are no probabilities, a price or a gray value, the squared error is the usual choice.
#
# ## Two steps: the chain rule
#
# Slopes can be measured, but they can also be *passed on*. Here is the smallest network once more, as two steps in a row. Read
# the upper arrows from left to right, then the lower ones from right to left.

# %% tags=["drawing"]
figure, axis = plt.subplots(figsize=(9, 3.2), layout="constrained")
for at, name, value, gradient in ((0, "w", "2", "dL/dw = 6"), (4, "y", "6", "dL/dy = 2"), (8, "L", "1", "dL/dL = 1")):
    axis.add_patch(plt.Rectangle((at - 0.7, -0.55), 1.4, 1.1, facecolor="#EEEEEE", edgecolor="black"))
    axis.text(at, 0, f"{name} = {value}", ha="center", va="center", fontsize=13)
    axis.text(at, -0.95, gradient, ha="center", va="center", fontsize=12, color="#B04A00")
for at, forward, backward in (
    (0, "times x = 3", "times 3\n(y rises 3 times as much as w)"),
    (4, "less t = 5, squared", "times 2·(y − t) = 2\n(L rises 2 times as much as y)"),
):
    axis.annotate("", (at + 3.2, 0.3), (at + 0.8, 0.3), arrowprops={"arrowstyle": "->", "color": "#0072B2", "lw": 2})
    axis.text(at + 2, 0.65, forward, ha="center", color="#0072B2", fontsize=11)
    axis.annotate("", (at + 0.8, -0.3), (at + 3.2, -0.3), arrowprops={"arrowstyle": "->", "color": "#D55E00", "lw": 2})
    axis.text(at + 2, -0.5, backward, ha="center", va="top", color="#B04A00", fontsize=10)
axis.set(xlim=(-1, 9), ylim=(-1.3, 1.1))
axis.axis("off")
show(
    figure,
    "Three boxes in a row. Forward: w = 2, times 3 gives y = 6, less 5 and squared gives L = 1. Backward: 1 at L, times 2 "
    "gives dL/dy = 2, times 3 gives dL/dw = 6.",
)

# %% [markdown]
# If $w$ grows by a little, $y$ grows 3 times as much; if $y$ grows by a little, $L$ grows 2 times as much. So $L$ grows
# 2 · 3 = 6 times as much as $w$, which is what the nudge found. In mathematics this is the **chain rule**:
#
# $$\frac{dL}{dw} = \frac{dL}{dy}\cdot\frac{dy}{dw}$$
#
# And that is all that there is to **[backpropagation](glossary.ipynb#backpropagation)**. Each layer is given $g = dL/dy$, the
# gradient at its *output*, from the layer behind it. It multiplies by its own slope, and hands $dL/dx$, the gradient at its
# *input*, to the layer before it. No layer needs to know what the others do. One more rule, for a number that is used in several
# places: **multiply along a path, add up over the paths.** A filter's weight is used in every place of the window
# ([weight sharing](glossary.ipynb#weight-sharing)), so there is much to add up.
#
# ## Backward through a convolution
#
# The example from notebook 01: the pixels 0 to 8 and the filter 0, 1, 2, 3. Let the loss be the sum of the outputs, so that
# $g$, the gradient at the output, is 1 everywhere. **Predict first:** which of the nine pixels has the largest gradient, and
# which has none at all? (Count who reads it, and through which weights.)

# %% tags=["demonstration", "reveal"]
x, w, g = np.arange(9.0).reshape(3, 3), np.arange(4.0).reshape(2, 2), np.ones((2, 2))
dx, dw, db = cnnkit.conv2d_backward(g[None, None], x[None, None], w[None, None])
print("dx:\n", dx.get()[0, 0].astype(int))
print("dw:\n", dw.get()[0, 0].astype(int))
print("db:", db.get().astype(int))

# %% [markdown]
# The pixel in the middle is read by all four windows, each time through another weight: 0 + 1 + 2 + 3 = 6. The upper left
# corner is read once, through the weight 0: it could be anything. And a weight's gradient adds up the pixels that it met: the
# weight 0 met 0, 1, 3, 4, which makes 8. Forward and backward, $x_{i+r,\,j+s}$ and $w_{r,s}$ meet in the output
# $y_{i,j}$, and so
#
# $$dw_{r,s} = \sum_{i,j} g_{i,j}\;x_{i+r,\,j+s} \qquad dx_{i,j} = \sum_{r,s} g_{i-r,\,j-s}\;w_{r,s} \qquad db = \sum_{i,j} g_{i,j}$$
#
# The minus signs in the middle: output $(p, q)$ reads the pixel $(i, j)$ through the weight $(r, s)$ if $p + r = i$ and $q + s =
# j$. So it is the output $(i-r, j-s)$, and the sum takes only those that exist: a pixel at the border has fewer of them. The
# [bias](glossary.ipynb#bias) $b$ is added to every output, so its gradient is the sum of $g$.
#
# ## Try it
#
# Point at a pixel of $x$, a weight of $w$ or an output of $y$, or tab to a picture and use the arrow keys. What adds up to its
# gradient lights up and is written out underneath. *Nudge it* measures the same number by moving it.
#
# Find out:
#
# 1. Point at the pixels of $x$, one after the other. By how many outputs can a pixel be read? Which of them are read once?
# 2. Choose the numbers *bright bar*: there $g$ is a single 1. What does $dx$ look like? Point at other outputs of $y$ to
#    move the 1.
# 3. Choose *squared error* for $g$, and change the weights until $g$ is 0 everywhere. What is $dw$ then?

# %% tags=["demonstration"]
explorer = BackpropExplorer(example="0, 1, 2, …")
explorer

# %% [markdown]
# ## Your turn: what each weight did
#
# Write `weight_gradient`, with loops, for one image and one filter. It is given `g` (OH, OW), the gradient at the
# output, and the image `x` (H, W). How large was the filter?


# %% tags=["exercise", "06.3"]
def weight_gradient(g, x):
    """dL/dw, from g = dL/dy (OH, OW) and x (H, W): as many rows and columns as the filter had."""
    ### BEGIN SOLUTION
    OH, OW = g.shape
    R, S = x.shape[0] - OH + 1, x.shape[1] - OW + 1
    dw = np.zeros((R, S))
    for r in range(R):
        for s in range(S):
            dw[r, s] = (g * x[r : r + OH, s : s + OW]).sum()  # the pixels that this weight met
    return dw
    ### END SOLUTION


# %% tags=["answer"]
check("06.3", weight_gradient)
# hint("06.3")
# solution("06.3")

# %% [markdown]
# Two functions of yours should now agree: the one that nudges, and the one that knows. For the loss of your first exercise,
# $g = 2\,(y - t)$.

# %% tags=["answer"]
rng = np.random.default_rng(0)
image, weights, target = rng.random((7, 7)), rng.random((3, 3)), rng.random((5, 5))
g_image = 2 * (corr2d(image, weights) - target)
known = np.asarray(use("06.3", weight_gradient)(g_image, image))
nudged = np.asarray(use("06.1", measured_gradient)(weights, image, target, 1e-5))
print("backward agrees with nudging:", np.allclose(known, nudged, rtol=1e-5))

# %% [markdown]
# ## Who writes where?
#
# Now $dx$, on the device. The straightforward way is to follow the forward pass: each output has a
# [work-item](glossary.ipynb#work-item), and it adds its $g\,w_{r,s}$ to all the pixels that it read. That is a *scatter*, and
# there is a catch. The smallest scatter of all is the bias: every output adds its $g$ to the **same** number.
#
# **Predict first.** 65,536 work-items each add 1 to a number that begins at 0: they read it, add, and write it back. The
# 64 of a [work-group](glossary.ipynb#work-group) do so in step, as on a graphics processor: all read, then all write. What
# does the number hold in the end?

# %% tags=["demonstration"]
# %%kernel everyone_adds
# __kernel void everyone_adds(__global const float *g, __global float *db)
# {
#     float old = db[0];
#     barrier(CLK_GLOBAL_MEM_FENCE);  // wait here until all 64 of the group have read
#     db[0] = old + g[get_global_id(0)];
# }

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
many = np.ones(65_536, np.float32)
# How it is launched: g is read, db begins at 0, and 64 work-items make a group.
everyone_adds.bind(lambda g: Launch((In(g), InOut(np.zeros(1, np.float32))), (g.size,), ((64,),)))
for _ in range(3):
    try:
        print(f"in the end it holds {everyone_adds(many)[0]:,.0f}")
    except cnnkit.CnnkitError as error:  # it is launched twice, and the results are compared
        print(error)

# %% [markdown]
# At most 1,024, a 64th of what was added. All 64 of a group read the same old number, all add 1 to it, and all
# write the same new one: 63 additions are lost. That is a **race**, and where groups race each other, too, the result differs
# from run to run. The `barrier` only makes it plain. Without that line, with `db[0] += ...`, a processor gets it right on
# some days and loses half on others, which is worse: `+=` is still three things, read, add and write, and another
# work-item can come in between.
#
# The cure is to turn the question around. Do not ask each output *where do I send?*, but each pixel ***who read me?*** That
# is a **gather**: many may read the same number at once, and each work-item writes only one, its own.
#
# ## Your turn: gather what comes back
#
# Write the kernel that computes $dx$. Each work-item is a pixel of $x$: the formula for $dx$ above is what it adds
# up. `g` has `OH = H - R + 1` rows of `OW = W - S + 1` numbers, and near the border some outputs of the sum do not exist.
# `dx` holds nothing at the beginning, not even 0.

# %% tags=["exercise", "06.4"]
# %%kernel backward_data
# /* g: (H - R + 1) rows of (W - S + 1); w: filter of R rows and S columns; dx: H rows and W columns, as the image. */
# __kernel void backward_data(__global const float *g, __global const float *w, __global float *dx,
#                             const int H, const int W, const int R, const int S)
# {
#     int j = get_global_id(0), i = get_global_id(1);  // which pixel am I?
#     ### BEGIN SOLUTION
#     if (i >= H || j >= W)
#         return;  // one work-item too many
#     int OH = H - R + 1, OW = W - S + 1;
#     float sum = 0.0f;
#     for (int r = 0; r < R; r++)
#         for (int s = 0; s < S; s++) {
#             int oi = i - r, oj = j - s;  // the output that read me through the weight (r, s)
#             if (oi >= 0 && oi < OH && oj >= 0 && oj < OW)
#                 sum += g[oi * OW + oj] * w[r * S + s];
#         }
#     dx[i * W + j] = sum;
#     ### END SOLUTION
# }

# %% tags=["answer"]
check("06.4", backward_data)
# hint("06.4")
# solution("06.4")
# explain("06.4")

# %% [markdown]
# Did you notice the minus signs? Forward, the window looks at $x_{i+r,\,j+s}$; backward, at $g_{i-r,\,j-s}$. A window with its
# filter turned by 180°: here is the mathematicians' convolution at last, the one that the forward pass never was. Put a
# frame of zeros around $g$, one narrower than the filter, turn the filter, and the forward function does the work of the backward one:

# %% tags=["answer"]
g5, w3 = rng.random((5, 5)).astype(np.float32), rng.random((3, 3)).astype(np.float32)
gathered = np.asarray(use("06.4", backward_data)(g5, w3))
turned = corr2d(np.pad(g5, 2), w3[::-1, ::-1])
print("the same:", np.allclose(gathered, turned, atol=1e-5))

# %% [markdown]
# And this is cnnkit's plain kernel for the same thing, for batches, channels, stride, padding and dilation:

# %% tags=["demonstration"]
text = kernel.source("conv2d")
start = text.index("/* Global size (W, H, N*C)")
print(text[start : text.index("/* Global size (S, R, K*C)")])

# %% [markdown]
# ## The other layers
#
# **[ReLU](glossary.ipynb#ReLU) is a gate.** Where $x$ was positive, $y = x$, and the slope is 1: $g$ passes. Elsewhere the
# output is 0 whatever $x$ does, and the slope is 0: $g$ is stopped.

# %% tags=["demonstration"]
x_gate, g_gate = np.array([-2.0, -0.5, 0.0, 0.5, 2.0]), np.array([10.0, 20.0, 30.0, 40.0, 50.0])
print("x: ", x_gate)
print("g: ", g_gate)
print("dx:", cnnkit.relu_backward(g_gate, x_gate).get())

# %% [markdown]
# Look at the 30, where $x$ is exactly 0. The curve has a kink there, with slope 0 on the left and 1 on the right; cnnkit takes 0,
# as is usual. The article says that every layer is "a differentiable function". To be exact: nearly everywhere. ReLU and
# max pooling have kinks, and in practice nobody minds.
#
# **[Max pooling](glossary.ipynb#max-pooling) asks who won.** Only the largest number of a window reached the output, so only it
# can be to blame.
#
# **Predict first.** Here are nine numbers. A window of 2×2 slides over them with stride 1, so there are four windows, and
# $g$ is 1 for each of the four outputs. What is $dx$?
#
# $$x = \begin{pmatrix}1&2&3\\4&9&5\\6&7&8\end{pmatrix} \qquad g = \begin{pmatrix}1&1\\1&1\end{pmatrix}$$

# %% tags=["exercise", "06.5"]
### BEGIN SOLUTION
### STUB my_gradient = None  # a grid of three rows
my_gradient = [[0, 0, 0], [0, 4, 0], [0, 0, 0]]
### END SOLUTION

# %% tags=["answer"]
check("06.5", my_gradient)
# hint("06.5")
# solution("06.5")

# %% tags=["demonstration", "reveal"]
nine = np.array([[1.0, 2, 3], [4, 9, 5], [6, 7, 8]])[None, None]
print(cnnkit.max_pool2d_backward(np.ones((1, 1, 2, 2)), nine, 2, 1).get()[0, 0].astype(int))

# %% [markdown]
# In loops, with `+=`, because one pixel can win several windows. (With `=` the three others would be lost. There is no race
# here, as Python does one thing after the other; on the device, cnnkit gathers.)


# %% tags=["demonstration", "reveal"]
def pool_backward(g, x, size, stride):
    """dL/dx of max pooling: the winner of each window gets its g."""
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(g.shape):
        window = x[i * stride : i * stride + size, j * stride : j * stride + size]
        a, b = np.unravel_index(window.argmax(), window.shape)
        dx[i * stride + a, j * stride + b] += g[i, j]
    return dx


print(pool_backward(np.ones((2, 2)), nine[0, 0], size=2, stride=1).astype(int))

# %% [markdown]
# **A [dense layer](glossary.ipynb#dense-layer) is a matrix product**, forward and backward. With one row for each image, $y =
# x\,w^\top + b$. Each output $n,k$ multiplied the input $n,c$ by the weight $k,c$, and so
#
# $$dx = g\,w \qquad dw = g^\top x \qquad db = \text{the sum of } g \text{ over the images}$$
#
# If you forget which comes transposed, look at the shapes: there is only one way in which they fit.

# %% tags=["demonstration"]
x_row, w_dense, g_out = rng.random((2, 5)), rng.random((3, 5)), rng.random((2, 3))
by_hand = g_out @ w_dense, g_out.T @ x_row, g_out.sum(axis=0)
by_cnnkit = cnnkit.linear_backward(g_out, x_row, w_dense)
for name, mine, theirs in zip(("dx", "dw", "db"), by_hand, by_cnnkit, strict=True):
    print(f"{name} {mine.shape!s:7} the same: {np.allclose(mine, theirs.get(), atol=1e-5)}")

# %% [markdown]
# In cnnkit, a layer's way back is hardly longer than that. And the whole network's is a walk through its layers from the last to
# the first, each handing its `dy` to the one before:

# %% tags=["demonstration"]
print(inspect.getsource(Linear.backward))

# %% [markdown]
# ## A whole network, with your pieces
#
# A handwritten digit, four filters, ReLU, pooling, a dense layer, cross-entropy. First all of it by cnnkit:

# %% tags=["demonstration"]
digits = data.digits(test=None)
digit, digit_label = digits.images[3:4], digits.labels[3:4]
model = Sequential(Conv2d(1, 4, 3), ReLU(), MaxPool2d(2), Flatten(), Linear(36, 10), seed=0)

output = model.forward(digit)
dx_cnnkit = model.backward(cross_entropy.backward(output, digit_label)).get()
conv, dense = model.layers[0], model.layers[-1]
print("the digit is a", digit_label[0])
print("gradients of the filters", conv.w.grad.shape, "and of the dense layer", dense.w.grad.shape)

# %% [markdown]
# Now layer by layer, from the loss backward, with the functions and the kernel that you wrote (and cnnkit's own where one of
# yours is still missing). Each line turns the gradient at a layer's output into the one at its input:

# %% tags=["answer"]
my_scores_gradient = use("06.2", scores_gradient)
my_weight_gradient = use("06.3", weight_gradient)
my_backward_data = use("06.4", backward_data)

_, y_conv, y_relu, y_pool, y_flat, y_dense = (volume.get() for volume in model.activations(digit))
filters, weights = conv.w.value.get(), dense.w.value.get()

g_dense = np.asarray(my_scores_gradient(y_dense, digit_label))  # at the scores: (1, 10)
dw_dense = g_dense.T @ y_flat
g_flat = g_dense @ weights  # through the dense layer: (1, 36)
g_pool = g_flat.reshape(y_pool.shape)[0]  # through flatten: (4, 3, 3)
pairs_of_maps = zip(g_pool, y_relu[0], strict=True)
g_relu = np.stack([pool_backward(*maps, size=2, stride=2) for maps in pairs_of_maps])  # (4, 6, 6)
g_conv = (g_relu * (y_conv[0] > 0)).astype(np.float32)  # through ReLU: (4, 6, 6)
dw_conv = np.stack([my_weight_gradient(one_map, digit[0, 0]) for one_map in g_conv])
db_conv = g_conv.sum(axis=(1, 2))
dx_digit = np.zeros((8, 8))
for one_map, one_filter in zip(g_conv, filters[:, 0], strict=True):
    dx_digit += my_backward_data(one_map, one_filter)  # all four filters read the digit

for what, ours, theirs in (
    ("dense layer, dw", dw_dense, dense.w.grad.get()),
    ("convolution, dw", dw_conv, conv.w.grad.get()[:, 0]),
    ("convolution, db", db_conv, conv.b.grad.get()),
    ("the digit,   dx", dx_digit, dx_cnnkit[0, 0]),
):
    print(f"{what} {ours.shape!s:10} equal to model.backward: {np.allclose(ours, theirs, atol=1e-5)}")

# %% [markdown]
# That is backpropagation: no magic, and no layer that knows more than its own slope. It even went on to the picture itself, which
# nobody can train. What does *that* gradient say?

# %% tags=["drawing"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3.4), layout="constrained")
left.imshow(digit[0, 0], cmap="gray_r")
left.set(xticks=[], yticks=[], title="x: the digit")
limit = np.abs(dx_cnnkit).max()
shown = right.imshow(dx_cnnkit[0, 0], cmap="PuOr_r", vmin=-limit, vmax=limit)
right.set(xticks=[], yticks=[], title="dx: what ink would do to the loss")
figure.colorbar(shown, ax=right)
show(
    figure,
    "A handwritten 3, and beside it the gradient of its pixels: orange where more ink would make the loss larger, violet where "
    "more ink would make it smaller.",
)

# %% [markdown]
# Orange: more ink here would make the loss larger. Violet: more ink would help. With random weights it means little yet; in
# [notebook 09](09_look_inside.ipynb) the same picture of a *trained* network shows what it looks at (a
# [saliency map](glossary.ipynb#saliency-map)).
#
# ## Does backpropagation minimize the loss?
#
# The article says that backpropagation "basically is used to minimize the loss". **Predict first:** the network above
# has just been through a whole backward pass. Is its loss smaller now than before?

# %% tags=["demonstration", "reveal"]
before = cross_entropy(output, digit_label).get()
after = cross_entropy(model(digit), digit_label).get()
print("the loss after the backward pass is the same:", bool(np.isclose(before, after)))

for layer in model.layers:
    for parameter in layer.parameters:
        parameter.set(parameter.value.get() - 0.01 * parameter.grad.get())
moved = cross_entropy(model(digit), digit_label).get()
print("the loss after a small step against the gradient is smaller:", bool(moved < before))

# %% [markdown]
# Backpropagation changes nothing. It *computes*: the gradient of every [parameter](glossary.ipynb#parameter). What makes the
# loss smaller is the step against it, called [gradient descent](glossary.ipynb#gradient-descent), and that is the next notebook.
#
# ## Trust, but nudge: the gradient check
#
# A wrong backward pass is a nasty mistake. Nothing crashes; the network only learns worse, and nobody knows why. So whoever
# writes one compares it with nudges, which is called a **[gradient check](glossary.ipynb#gradient-check)**. Nudging each number
# alone takes long. Why not move *all* weights by $h$ at once, a single nudge, and compare with the sum of the gradient?
#
# **Predict first.** Here are three broken backward passes: a filter's gradient turned by 180°, the same transposed, and a
# softmax whose gradient is 0 throughout. Which of them will the single nudge find?

# %% tags=["demonstration", "reveal"]
picture, weights = rng.random((6, 6)), rng.random((3, 3))


def of_filter(w):
    """A convolution, as a function of its filter."""
    return corr2d(picture, w)


broken = {  # forward, backward, where
    "turned": (of_filter, lambda g, w: corr2d(picture, g)[::-1, ::-1], weights),
    "transposed": (of_filter, lambda g, w: corr2d(picture, g).T, weights),
    "softmax of zeros": (softmax, lambda g, s: np.zeros_like(s), np.array([1.0, 2.0, 3.0])),
}


def found_by_one_nudge(forward, backward, at, h=1e-5):
    """Move all numbers by h, with g = 1 everywhere."""
    nudged = (forward(at + h).sum() - forward(at - h).sum()) / (2 * h)
    return abs(nudged - backward(np.ones_like(forward(at)), at).sum()) > 1e-6


def found_by_gradcheck(forward, backward, at):
    """cnnkit's own check moves in random directions, and takes a random g."""
    try:
        gradcheck(forward, backward, [at])
    except GradcheckError:
        return True
    return False


for name, pieces in broken.items():
    print(f"{name:16}  one nudge of all: {found_by_one_nudge(*pieces)!s:5}  gradcheck: {found_by_gradcheck(*pieces)}")

# %% [markdown]
# None of the three! Turning and transposing move the numbers of a gradient around, and their **sum** stays the same. And the
# outputs of softmax always add up to 1, so with $g = 1$ everywhere the right gradient *is* 0. In an all-ones direction, errors
# hide by cancelling each other. `cnnkit.gradcheck` also moves all numbers at once, but each by a **random** amount, and
# multiplies each output by a random $g$. Then no two errors weigh the same, and they would have to conspire to cancel. Two
# forward passes, however many weights. Put your own function on trial:

# %% tags=["answer"]
mine = use("06.3", weight_gradient)
error = gradcheck(of_filter, lambda g, w: np.asarray(mine(g, picture)), [weights])
print("your weight_gradient passes:", error < 1e-6)

# %% [markdown]
# ## Where you are

# %% tags=["answer", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## What you can do now
#
# - compute squared error and cross-entropy by hand, and say why classifiers use the second;
# - measure any gradient by nudging, and say why networks do not learn that way;
# - pass a gradient backward through a loss, a dense layer, a convolution, ReLU and max pooling;
# - tell a gather from a scatter, and say what a race is;
# - check a backward pass, and say why the direction of the check must be random.
#
# **Answers to the explorer's questions.** 1: By one, two or four; the four corners are read once. 2: It is the filter itself,
# lying where the window of that output is: a single output sends its $g$ back through each of its weights. 3: $dw$ is 0
# everywhere, too: the filter with a single 1, in its upper left corner (for 3×3, in the middle), gives the target, and there
# is nothing left to learn.
#
# **To think on.** If all weights of a network begin at 0, which gradients of the network above are 0, too, and what does it
# learn? · The forward pass must keep every layer's input until the backward pass has been there: for which layers could it
# keep less than that? · Cross-entropy is never quite 0. Which scores would make it so, and what does that ask of the weights?
#
# **Next:** [07 Gradient descent](07_gradient_descent.ipynb) takes the step against the gradient, again and again, and a
# filter learns itself.
