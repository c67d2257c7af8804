# %% [markdown]
# # 03 · Activation
#
# **The question of this notebook:** why a nonlinearity?
#
# *You are here:* [01 One filter](01_one_filter.ipynb) → [02 A convolution layer](02_convolution_layer.ipynb) → **03
# Activation** → [04 Pooling](04_pooling.ipynb) → [05 A whole network](05_whole_network.ipynb)
#
# A [convolution layer](glossary.ipynb#convolution-layer) takes a [volume](glossary.ipynb#volume) and makes a volume, so layers can be stacked: one, two, fifty. Does a stack see more than a
# single layer does? This notebook begins with a disappointment. The cure is so small that it is hard to believe: wherever a
# number is below zero, write zero.

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import cnnkit
from cnnkit import data, kernel
from cnnkit.exercises import check, explain, hint, progress, solution, use
from cnnkit.explore import ActivationExplorer, ChannelsModel, show

photo = data.photo()  # (1, 1, 300, 300), from 0 (black) to 1 (white)


def filtered(x, *filters):
    """The image `x` (H, W) under one filter after the other."""
    for w in filters:
        x = cnnkit.conv2d(x[None, None], w[None, None]).get()[0, 0]
    return x


# %% [markdown]
# ## Two filters in a row
#
# Edges of a grainy photograph are full of specks. So take two [filters](glossary.ipynb#filter): $w$ makes the picture soft, and
# $v$ looks for edges in what $w$ has made. (So that whole numbers stay, $w$ adds up to 16 here.)

# %% tags=["demonstration"]
w = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]])
v = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])
soft_edges = filtered(photo[0, 0], w, v)
print("photograph:", photo.shape[2:])
print("after w:   ", filtered(photo[0, 0], w).shape)
print("after v:   ", soft_edges.shape)

# %% [markdown]
# **Predict first.** You may put **one** filter in the place of both, of any size and with any [weights](glossary.ipynb#weight), and it must give the same
# numbers for **every** photograph. Which size must it have, or is there none? Choose one of these: "one 3x3 filter", "one 4x4
# filter", "one 5x5 filter", "one 6x6 filter", "one 9x9 filter", "no single filter".

# %% tags=["exercise", "03.1"]
### BEGIN SOLUTION
### STUB my_filter = None  # one of the six, in quotes
my_filter = "one 5x5 filter"
### END SOLUTION

# %% tags=["answer"]
check("03.1", my_filter)
# hint("03.1")
# solution("03.1")

# %% [markdown]
# How would you find that filter? Notebook 01 has the trick: send **one bright pixel** through. Whatever comes out is the filter,
# turned by 180°. So send it through both:

# %% tags=["demonstration", "reveal"]
bright = np.zeros((9, 9))
bright[4, 4] = 1
m = filtered(bright, w, v)[::-1, ::-1].round().astype(int)
print(m)
difference = np.abs(filtered(photo[0, 0], m) - soft_edges).max()
print("the same picture as from w and v:", bool(difference < 1e-4))

# %% tags=["drawing", "reveal"]
figure, axes = plt.subplots(
    1, 3, figsize=(9, 3.6), layout="constrained", width_ratios=(3, 3, 5)
)
for axis, grid, name in zip(axes, (w, v, m), ("first w", "then v", "one filter m"), strict=True):
    largest = np.abs(grid).max()
    axis.imshow(grid, cmap="PuOr_r", vmin=-1.6 * largest, vmax=1.6 * largest)
    for (i, j), value in np.ndenumerate(grid):
        axis.text(j, i, f"{value}".replace("-", "−"), ha="center", va="center", fontsize=12)
    axis.set(xticks=[], yticks=[], title=name)
show(
    figure,
    "The two filters of 3 x 3 weights as grids of numbers, and the 5 x 5 filter that does the work of both: positive in the "
    "middle, 20, and negative at the rim.",
)

# %% [markdown]
# One 5x5 filter, and nothing is lost. Why? A filter makes weighted sums. The second one makes weighted sums of weighted sums, and
# these are weighted sums of the pixels again. In mathematics, with $y$ the first result and $z$ the second:
#
# $$y_{i,j} = \sum_{r,s} w_{r,s}\,x_{i+r,\,j+s} \qquad z_{i,j} = \sum_{t,u} v_{t,u}\,y_{i+t,\,j+u}
# = \sum_{t,u}\sum_{r,s} v_{t,u}\,w_{r,s}\;x_{i+t+r,\;j+u+s}$$
#
# In words: weight $v_{t,u}$ looks at the first result $t$ rows down and $u$ columns to the right. There stands $w$'s sum, over a
# window moved just as far. So $v_{t,u}$ brings **a copy of $w$**, moved by $(t, u)$ and multiplied by $v_{t,u}$. The nine
# copies overlap; add them up.
#
# ## Your turn: merge two filters
#
# Write `merge`, the one filter that does the work of `w` (R, S) and then `v` (T, U), whatever their sizes.


# %% tags=["exercise", "03.2"]
def merge(w, v):
    """The one filter for `w` and then `v`: (R, S) and (T, U) to (R + T - 1, S + U - 1)."""
    ### BEGIN SOLUTION
    (R, S), (T, U) = w.shape, v.shape
    m = np.zeros((R + T - 1, S + U - 1))
    for t in range(T):
        for u in range(U):
            m[t : t + R, u : u + S] += v[t, u] * w
    return m
    ### END SOLUTION


# %% tags=["answer"]
check("03.2", merge)
# hint("03.2")
# solution("03.2")

# %% [markdown]
# With it, a stack of **ten** filters melts down:

# %% tags=["answer"]
rng = np.random.default_rng(3)
ten = [rng.normal(0, 1 / 3, (3, 3)) for _ in range(10)]
merge_two = use("03.2", merge)
single = ten[0]
for one in ten[1:]:
    single = np.asarray(merge_two(single, one))
stacked, at_once = filtered(photo[0, 0], *ten), filtered(photo[0, 0], single)
size = np.abs(stacked).max()
print("ten filters of 3x3 are one of", single.shape)
print("the same picture:", bool(np.abs(stacked - at_once).max() < 1e-4 * size))

# %% [markdown]
# (The other way round it does not hold. Two 3x3 filters have 18 weights, one 5x5 has 25: there are 5x5 filters that no two 3x3
# filters make. Stacking has bought us *less*, at a better price.)
#
# It is no different with [biases](glossary.ipynb#bias), with many [channels](glossary.ipynb#channel), or with [dense
# layers](glossary.ipynb#dense-layer). A dense layer is a matrix product and a bias, and
#
# $$W_2\,(W_1 x + b_1) + b_2 = (W_2 W_1)\,x + (W_2 b_1 + b_2)$$
#
# is one dense layer again. Such functions are called *linear*. Strictly: linear but for the bias.

# %% tags=["demonstration"]
x = photo[:, :, 100:110, 100:110].reshape(1, -1)  # a patch of 10x10, written out as a row
W1, b1 = rng.standard_normal((40, 100)), rng.standard_normal(40)
W2, b2 = rng.standard_normal((5, 40)), rng.standard_normal(5)
two_layers = cnnkit.linear(cnnkit.linear(x, W1, b1), W2, b2).get()
one_layer = cnnkit.linear(x, W2 @ W1, W2 @ b1 + b2).get()
print("two dense layers:", W1.size + W2.size, "weights; one:", (W2 @ W1).size)
print("the same five numbers:", np.allclose(two_layers, one_layer, rtol=1e-3, atol=1e-3))

# %% [markdown]
# ## A bend in between
#
# So something must stand *between* the layers that is **not** a weighted sum. The most common choice is the
# [ReLU](glossary.ipynb#ReLU), the rectified linear unit: what is above 0 stays, the rest becomes 0, for each number by itself. In
# mathematics $f(x) = \max(0, x)$, in code `np.maximum(0, x)`, in cnnkit:

# %% tags=["demonstration"]
numbers = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
print("by hand:", np.maximum(0, numbers))
print("cnnkit: ", cnnkit.relu(numbers).get())

# %% [markdown]
# Such a function is called an [activation function](glossary.ipynb#activation-function), and a layer of it an activation layer.
# **Predict first:** what does a ReLU do to the photograph itself? And what if it stands between $w$ and $v$, where all weights of
# $w$ are above 0? Run the cell when you have an answer to both.

# %% tags=["demonstration", "reveal"]
changed = cnnkit.relu(photo).get() != photo
print("pixels of the photograph that a ReLU changes:", int(changed.sum()))
between = filtered(np.maximum(0, filtered(photo[0, 0], w)), v)
print("with a ReLU between w and v, the same picture as without:", np.array_equal(between, soft_edges))

# %% [markdown]
# Nothing, both times. A ReLU is a straight line as long as all its numbers are on one side of 0; it is the **bend** at 0 that
# counts, and a photograph has no number below 0, nor has its weighted mean. So take two filters that answer with both signs:
# *Sobel x*, which compares left and right, and after it the edge filter.

# %% tags=["demonstration"]
sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
first = filtered(photo[0, 0], sobel)
without = filtered(first, v)
with_relu = filtered(cnnkit.relu(first).get(), v)
moved = np.abs(with_relu - without) > 1e-4
print(f"below 0 after the first filter: {np.mean(first < -1e-4):.0%} of the numbers")
print(f"with a ReLU in between, {moved.mean():.0%} of the final numbers are different")

# %% tags=["drawing"]
figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
window = slice(60, 220)
panels = (
    (first, "after the first filter"),
    (without, "second filter, no ReLU"),
    (with_relu, "second filter, ReLU between"),
)
for axis, (picture, name) in zip(axes, panels, strict=True):
    reach = 3 if picture is first else 8
    axis.imshow(picture[20:180, window], cmap="PuOr_r", vmin=-reach, vmax=reach)
    axis.set(xticks=[], yticks=[], title=name)
show(
    figure,
    "The face of the portrait under a left-right filter, orange above and violet below zero; then under a second filter, "
    "without and with a ReLU in between: with it, only the edges that were orange are left, outlined.",
)

# %% [markdown]
# Could *another* single filter, larger and cleverer, give the third picture? There is a test that every single filter must pass.
# Turn all numbers of the input around, $-x$ for $x$: a weighted sum turns around, too.

# %% tags=["demonstration"]
turned = filtered(filtered(-photo[0, 0], sobel), v)
print("two filters:   the answer to −x is minus the answer to x:", np.allclose(turned, -without, atol=1e-4))
turned_relu = filtered(np.maximum(0, filtered(-photo[0, 0], sobel)), v)
print("with the ReLU: the answer to −x is minus the answer to x:", np.allclose(turned_relu, -with_relu, atol=1e-4))

# %% [markdown]
# No single filter of any size passes for the third picture. The ReLU is "adding nonlinearity to the network", as the article
# puts it. That is a loss of order, and it is exactly what we want: something *new* can happen in the second layer.
#
# ## What no weighted sum can do
#
# Two pixels, $p$ and $q$, side by side. Each is dark (0) or bright (1). The question: **is exactly one of them bright?** In other
# words, is there an edge between them, no matter in which direction? It has a name, XOR, *exclusive or*:
#
# | $p$ | $q$ | wanted |
# |:-:|:-:|:-:|
# | 0 | 0 | 0 |
# | 1 | 0 | 1 |
# | 0 | 1 | 1 |
# | 1 | 1 | 0 |
#
# **Predict first:** one layer without activation answers $y = w_1 p + w_2 q + b$. How near can it come, with the best three
# numbers that there are?

# %% tags=["demonstration", "reveal"]
pairs = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
wanted = np.array([0, 1, 1, 0])
with_bias = np.column_stack([pairs, np.ones(4)])
best = np.linalg.lstsq(with_bias, wanted, rcond=None)[0]  # the smallest sum of squared errors
print("best w1, w2, b:", np.abs(best.round(6)))
print("its four answers:", (with_bias @ best).round(6))

# %% [markdown]
# One half, four times: it knows nothing. No weights can help, and here is why. Add up the answers to the first and the last row:
# $b + (w_1 + w_2 + b)$. Add up those to the two in the middle: $(w_1 + b) + (w_2 + b)$. The same! But 0 + 0 is wanted for
# one, and 1 + 1 for the other. By what we have just seen, a hundred layers in a row would do no better.
#
# Now let a ReLU follow the difference of the two pixels. That is a [neuron](glossary.ipynb#neuron): a weighted sum, a bias, and
# an activation function.

# %% tags=["demonstration"]
p, q = pairs.T
print("p − q:       ", p - q)
print("relu(p − q): ", np.maximum(0, p - q))

# %% [markdown]
# It finds one of the two cases, and keeps quiet about the other. Half the way.
#
# ## Your turn: a network for XOR
#
# Build it: two neurons with a ReLU each (a *hidden layer*), and an output that makes a weighted sum of the two. That is the
# hidden layer of the article: a matrix product, a bias, "followed by activation function which makes the network nonlinear".
#
# $$h_1 = \max(0,\; w_{11}\,p + w_{12}\,q + b_1) \qquad h_2 = \max(0,\; w_{21}\,p + w_{22}\,q + b_2) \qquad
# y = v_1 h_1 + v_2 h_2 + c$$
#
# Nine numbers; write them as a grid `[[w11, w12, b1], [w21, w22, b2], [v1, v2, c]]`. One more thing: a bright pixel has the
# brightness $a$, a dark one 0, and the answer must be 1 or 0 for any $a$ above 0. Begin with $a = 1$. There are several right answers;
# yours is judged by what it computes.


# %% tags=["exercise", "03.3"]
def xor_network(a):
    """Nine numbers: a row for each hidden neuron (two weights, bias), and one for the output."""
    ### BEGIN SOLUTION
    return [
        [1, -1, 0],  # p brighter than q
        [-1, 1, 0],  # q brighter than p
        [1 / a, 1 / a, 0],
    ]
    ### END SOLUTION


# %% tags=["answer"]
check("03.3", xor_network)
# hint("03.3")
# solution("03.3")

# %% [markdown]
# Here is your network, not on four pairs of pixels, but on all pairs from 0 to 1. Where does it bend?

# %% tags=["answer"]
network = np.asarray(use("03.3", xor_network)(1.0), float)
steps = np.linspace(0, 1, 101)
plane = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
hidden = cnnkit.relu(cnnkit.linear(plane, network[:2, :2], network[:2, 2]))
height = cnnkit.linear(hidden, network[2:, :2], network[2:, 2]).get().reshape(101, 101)
print("in the corners:", np.abs(height[[0, 0, -1, -1], [0, -1, 0, -1]].round(3)))

# %% tags=["answer", "drawing"]
figure, axis = plt.subplots(figsize=(5.2, 4.2), layout="constrained")
picture = axis.imshow(height, cmap="magma", origin="lower", extent=(0, 1, 0, 1), vmin=0, vmax=1)
for (across, up), value in zip(pairs, wanted, strict=True):
    axis.plot(across, up, "o", markersize=20, color="#0072B2", markeredgecolor="white", clip_on=False)
    axis.text(across, up, value, color="white", ha="center", va="center", fontsize=12, zorder=5)
axis.set(xlabel="p", ylabel="q", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
axis.tick_params(pad=12)
figure.colorbar(picture, ax=axis, label="answer")
show(
    figure,
    "The network's answer over the square of all p and q, with the wanted answers in the four corners: dark, near 0, where both "
    "pixels are equally bright, and rising to 1 toward the two corners where only one is.",
)

# %% [markdown]
# A sheet of paper with a fold. A weighted sum is a flat sheet, and no flat sheet is low in two opposite corners and high in the
# other two. Each ReLU may fold the sheet once.
#
# A network of two pixels can slide like any filter: the two neurons are two filters of 1x2, the output is a filter of 1x1. On a
# picture of black and white only, it draws the outlines, as far as they lie between left and right neighbors:

# %% tags=["answer"]
poster = (photo > 0.5).astype(np.float32)
filters_of_two = network[:2, :2].reshape(2, 1, 1, 2)
maps = cnnkit.relu(cnnkit.conv2d(poster, filters_of_two, network[:2, 2]))
outline = cnnkit.conv2d(maps, network[2:, :2].reshape(1, 2, 1, 1), network[2:, 2]).get()[0, 0]
left, right = poster[0, 0, :, :-1], poster[0, 0, :, 1:]
print("1 exactly where neighbors differ:", np.allclose(outline, left != right, atol=1e-3))

# %% tags=["answer", "drawing"]
figure, axes = plt.subplots(1, 4, figsize=(11, 3.1), layout="constrained")
panels = (poster[0, 0], *maps.get()[0], outline)
titles = ("black and white", "first neuron", "second neuron", "answer: XOR")
for axis, picture, title in zip(axes, panels, titles, strict=True):
    cut = picture[40:200, 60:220]
    axis.imshow(cut, cmap="gray", vmin=0, vmax=max(1, float(cut.max())))
    axis.set(xticks=[], yticks=[], title=title)
show(
    figure,
    "The portrait in black and white, what the two hidden neurons make of it, and their answer: all outlines that "
    "separate black from white, from left to right and from right to left.",
)

# %% [markdown]
# ## Four bends
#
# ReLU is one activation function among many. The article names three, and uses the fourth
# as its output:
#
# | | $f(x)$ | derivative $f'(x)$ | values |
# |---|---|---|---|
# | ReLU | $\max(0, x)$ | 1 for $x > 0$, else 0 | 0 and above |
# | [leaky ReLU](glossary.ipynb#leaky-ReLU) | $x$ for $x > 0$, else $\text{slope}\cdot x$ | 1 for $x > 0$, else slope | all |
# | [tanh](glossary.ipynb#tanh) | $\dfrac{e^x - e^{-x}}{e^x + e^{-x}}$ | $1 - f(x)^2$ | −1 to 1 |
# | [sigmoid](glossary.ipynb#sigmoid) | $\dfrac{1}{1 + e^{-x}}$ | $f(x)\,(1 - f(x))$ | 0 to 1 |
#
# The derivative says how steep the curve is. It matters because of how a network learns: from the end to the beginning, each layer
# is told how its numbers should change, and whatever is told to a layer before an activation is **multiplied by $f'(x)$**
# on the way. (That is [backpropagation](glossary.ipynb#backpropagation), the subject of notebook 06.) Where the curve is flat,
# $f'(x)$ is near 0, and next to nothing arrives.
#
# An activation is applied to each number **by itself** (*element-wise*): the numbers never meet. So a
# volume keeps its shape, as in the article's example of 32x32x12:

# %% tags=["demonstration"]
picture = data.shapes(1).images
volume = cnnkit.conv2d(picture, ChannelsModel().weights, padding=1).get()
print("after 12 filters:", volume.shape[1:])
for name in ("relu", "leaky_relu", "tanh", "sigmoid"):
    print(f"after {name + ':':11}", getattr(cnnkit, name)(volume).shape[1:])

rectified = cnnkit.relu(volume).get()
print(f"numbers that the ReLU has changed: {np.mean(np.abs(rectified - volume) > 1e-4):.0%}")
shuffled = rng.permutation(volume.size)
one_way = cnnkit.relu(volume.ravel()[shuffled]).get()
other_way = rectified.ravel()[shuffled]
print("shuffled before or after, the same:", np.array_equal(one_way, other_way))

# %% [markdown]
# "The volume remains unchanged", says the article, and means its shape: the numbers do change.
#
# ## Try it
#
# Above, the curve and its derivative; below, the photograph under *Sobel x*, what the function makes of it, and where a
# [gradient](glossary.ipynb#gradient), what the layer is told, can go back. Point at a pixel, or tab to it and use the arrow keys. Find out:
#
# 1. With *ReLU*, what share of the pixels is 0? Move *+ bias* down to −4: what is left?
# 2. Choose *tanh* and move *× gain* to 10. What becomes of the picture of the derivative, and where is it still bright?
# 3. Set gain and bias back to 1 and 0, and tick *put this layer in twice*. Which of the five functions makes two layers worth one?

# %% tags=["demonstration", "nbval-ignore-output"]
explorer = ActivationExplorer(photo)
explorer

# %% [markdown]
# ## Flat ends
#
# Tanh and sigmoid are flat at both ends: there, they are *saturated*. And even at its steepest, at $x = 0$, the sigmoid has a
# derivative of only ½·(1 − ½) = 0.25. **Predict first:** ten layers with a sigmoid, and every single number in them is at the
# very best place, 0. What share of what is told to the last layer gets through the ten derivatives to the first? A tenth? A
# thousandth?

# %% tags=["demonstration", "reveal"]
print("at best:        0.25^10 =", f"{0.25**10:.7f}")
y = cnnkit.sigmoid([3.0]).get()
steep = cnnkit.sigmoid_backward([1.0], y).get().item()
print(f"with all at x = 3: {steep:.4f}^10 = {steep**10:.0e}")
print("ReLU, with all above 0: 1^10 =", 1**10)

# %% [markdown]
# A millionth, at best. The layers' weights come in between and can make up for some of it. So measure it, in a dense network of ten layers of
# 100 numbers each, with weights drawn at random, as is usual for each function. ("he" and "glorot" are the names of two such
# recipes. They say how large the random numbers should be.) Random numbers are sent back from the end; how large, beside
# them, is what arrives at each layer?

# %% tags=["demonstration"]
activations = {
    "ReLU": (cnnkit.ReLU, "he"),
    "leaky ReLU": (cnnkit.LeakyReLU, "he"),
    "tanh": (cnnkit.Tanh, "glorot"),
    "sigmoid": (cnnkit.Sigmoid, "glorot"),
}
inputs = np.random.default_rng(0).standard_normal((64, 100)).astype(np.float32)


def typical(values):
    """The typical size: the root of the mean square."""
    return float(np.sqrt((values**2).mean()))


def sizes_going_back(activation, init):
    """The typical size of what arrives at each of ten layers, from the last to the first; at first, 1."""
    pairs = [(cnnkit.Linear(100, 100, init=init, seed=k), activation()) for k in range(10)]
    layers = [layer for pair in pairs for layer in pair]
    x = inputs
    for layer in layers:
        x = layer.forward(x)
    g = np.random.default_rng(1).standard_normal(x.shape).astype(np.float32)
    sizes = [typical(g)]
    for layer in reversed(layers):
        g = layer.backward(g)
        if isinstance(layer, cnnkit.Linear):
            sizes.append(typical(g.get()))
    return np.array(sizes) / sizes[0]


going_back = {name: sizes_going_back(*kind) for name, kind in activations.items()}
for name, sizes in going_back.items():
    print(f"{name:11} after ten layers there is left: {sizes[-1]:.1g}")

# %% tags=["drawing"]
figure, axis = plt.subplots(figsize=(7, 3.8), layout="constrained")
styles = (("#0072B2", "o-", 11), ("#009E73", "s--", 5), ("#CC79A7", "^-", 7), ("#D55E00", "D-", 6))
for (name, sizes), (color, style, large) in zip(going_back.items(), styles, strict=True):
    axis.semilogy(sizes, style, color=color, label=name, markersize=large)
axis.set(xlabel="layers gone back", ylabel="size of what arrives", xticks=range(11))
axis.grid(alpha=0.3)
axis.legend()
show(
    figure,
    "How large the gradient is that arrives, layer by layer on its way back: with ReLU and leaky ReLU, one "
    "upon the other, it stays as large as it was, with tanh it loses three quarters, with sigmoid it falls in a straight line on the logarithmic scale, to less than a millionth.",
)

# %% [markdown]
# With the sigmoid, each layer lets less than a quarter through, and the first layer of ten hears nothing. This is called the
# *vanishing gradient*. It is the reason why the layers of today have a ReLU, whose derivative is 1
# wherever it is on, and why the sigmoid is kept for the very end of a network, where the article has it, too.
#
# ## Off for good
#
# ReLU has a flat end as well, and it is flatter than any other: exactly 0. That a number is off for *some* pictures is the whole
# idea. But what if a filter's bias has slipped so far down that it is off for **all** of them? Then its derivative is 0
# everywhere, it is told nothing, and so it never changes again: a *dead* ReLU.

# %% tags=["demonstration"]
print("bias   ReLU is 0 at   its derivative is 0 at   the leaky ReLU's")
ones = np.ones_like(first)
for bias in (0.5, -0.5, -1, -4):
    z = first + np.float32(bias)
    off = cnnkit.relu(z).get() == 0
    stuck = cnnkit.relu_backward(ones, z).get() == 0
    leaky_stuck = cnnkit.leaky_relu_backward(ones, z, 0.1).get() == 0
    print(f"{bias:4} {off.mean():11.0%} {stuck.mean():19.0%} {leaky_stuck.mean():22.0%}")

# %% [markdown]
# *Sobel x* never answers above 4, so with a bias of −4 there is nothing left. The leaky ReLU is the
# answer to that: below 0 it keeps a little slope, 0.01 or 0.1, and a small hint still comes through.
#
# ## Your turn: leaky ReLU
#
# Write `leaky_relu`, which gives both, the values $f(x)$ and the derivative $f'(x)$, for an array `x` of any shape. At exactly 0,
# take the slope of the left side, as cnnkit does. (A check counts your two arrays from 0, before all other places: where it
# speaks of "row 0" or "index (0, 2, 3)", it means the values; of "row 1" or "index (1, 2, 3)", the derivative.)


# %% tags=["exercise", "03.4"]
def leaky_relu(x, slope):
    """The values and the derivative, each an array of the shape of `x`."""
    ### BEGIN SOLUTION
    values = np.where(x > 0, x, slope * x)
    derivative = np.where(x > 0, 1, slope)
    return values, derivative
    ### END SOLUTION


# %% tags=["answer"]
check("03.4", leaky_relu)
# hint("03.4")
# solution("03.4")

# %% [markdown]
# A derivative can be tried without any theory: move $x$ a little to both sides, and see how much $f$ rises. Does yours agree?

# %% tags=["answer"]
mine = use("03.4", leaky_relu)
places = np.array([-3.0, -1.0, -0.2, 0.2, 1.0, 3.0])
step = 0.125
rise = (np.asarray(mine(places + step, 0.1)[0]) - np.asarray(mine(places - step, 0.1)[0])) / (2 * step)
print("measured:  ", rise.round(4))
print("derivative:", np.asarray(mine(places, 0.1)[1]).round(4))

# %% [markdown]
# And at 0 itself? The article says that every layer is "a differentiable function". Measure it for the ReLU, from both sides:

# %% tags=["demonstration"]
at_zero, right_of, left_of = cnnkit.relu([0.0, 0.125, -0.125]).get()
print("to the right it rises by", (right_of - at_zero) / 0.125)
print("to the left it rises by ", (at_zero - left_of) / 0.125)
print("cnnkit takes            ", cnnkit.relu_backward([1.0], [0.0]).get().item())

# %% [markdown]
# Two answers: at the bend there **is** no derivative. The article is loose here. It does no harm, because one picks either side and
# goes on, and a number is hardly ever exactly 0. (Where it is, as on a plain wall, nothing is told to it.)
#
# ## Your turn: the activation as a kernel
#
# Element-wise: one [work-item](glossary.ipynb#work-item) for each number, and it needs no row, no column, no channel and no neighbor. Whatever the shape, memory is one long
# row of `n` numbers. Write the leaky ReLU, the values alone. In C, `question ? yes : no` chooses one of two values.

# %% tags=["exercise", "03.5"]
# %%kernel leaky
# /* x and y: n numbers each, of any shape; slope: what is left of a negative number */
# __kernel void leaky(__global const float *x, __global float *y, const int n, const float slope)
# {
#     int i = get_global_id(0);  // which number am I?
#     ### BEGIN SOLUTION
#     if (i >= n)
#         return;  // one work-item too many
#     y[i] = x[i] > 0.0f ? x[i] : slope * x[i];
#     ### END SOLUTION
# }

# %% tags=["answer"]
check("03.5", leaky)
# hint("03.5")
# solution("03.5")
# explain("03.5")

# %% [markdown]
# Put it to work, on the volume of 32x32x12:

# %% tags=["answer"]
my_leaky = use("03.5", leaky)
after = my_leaky(volume, 0.1)
print("shape:", volume.shape, "to", after.shape)
print("the same as cnnkit's:", np.allclose(after, cnnkit.leaky_relu(volume, 0.1).get(), atol=1e-6))

# %% tags=["answer", "drawing"]
figure, axes = plt.subplots(2, 6, figsize=(10, 3.5), layout="constrained")
for column, k in enumerate((0, 1, 3, 6, 8, 11)):
    for axis, block in zip(axes[:, column], (volume, after), strict=True):
        axis.imshow(block[0, k], cmap="PuOr_r", vmin=-1, vmax=1)
        axis.set(xticks=[], yticks=[])
    axes[0, column].set_title(f"map {k}", fontsize=10)
for axis, name in zip(axes[:, 0], ("before", "after"), strict=True):
    axis.set_ylabel(name)
show(
    figure,
    "Six of the twelve feature maps before and after the leaky ReLU: what is orange, above zero, stays as it is, and what is "
    "violet, below zero, fades nearly to white.",
)

# %% [markdown]
# And these are cnnkit's own kernels, for ReLU and leaky ReLU, forward and backward, and the whole layer around them:

# %% tags=["demonstration"]
text = kernel.source("activation")
print(text[text.index("#define EACH") : text.index("__kernel void tanh_forward")])
print(inspect.getsource(cnnkit.ReLU))

# %% [markdown]
# `EACH(i)` is your `get_global_id` and your bounds check in one; on a processor, with few and strong cores, each work-item does
# a long run of numbers instead of a single one. And why does it ask `x[i] <= 0` and not take the larger of two? Because of numbers
# that are none, *NaN*, what comes of 0/0. Every comparison with NaN is false; written like this, a NaN passes through,
# and a mistake somewhere in the network shows instead of turning into an innocent 0.
#
# ## Where you are

# %% tags=["answer", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## What you can do now
#
# - melt two filters, or two layers without activation, into one, and say what that means for a stack of them;
# - show that XOR is out of reach for any weighted sum, and build the network that does it;
# - say what ReLU, leaky ReLU, tanh and sigmoid do to a number, and what their derivatives let through;
# - recognize saturation and dead ReLUs, and say what helps;
# - write an activation in Python and as an OpenCL kernel, for any volume.
#
# **Answers to the explorer's questions.** 1: A little more than half; with a bias of −4, nothing: the picture after it is 0
# everywhere. 2: The outlines turn black: a fifth of the pixels now sit on the flat ends, where it was 1 of 100. It stays bright on what is
# plain, where *Sobel x* answers nearly 0. 3: The *identity* alone, $f(x) = x$.
#
# **To think on.** Two ReLUs make an absolute value: how? · A ReLU behind a filter loses what is negative. Which second filter
# would you add to the layer so that nothing is lost? · Would $f(x) = x^2$ do as an activation function, and what would ten of
# them in a row do to a number like 3, or like 0.3?
#
# **Next:** [04 Pooling](04_pooling.ipynb) makes the volume smaller and asks what is kept.
