# %% [markdown]
# # 07 · Gradient descent
#
# **The question of this notebook:** how is a filter learned?
#
# *You are here:* [05 A whole network](05_whole_network.ipynb) → [06 Loss and
# backpropagation](06_loss_and_backprop.ipynb) → **07 Gradient descent** → [08 Train a
# classifier](08_train_a_classifier.ipynb) → [09 Look inside](09_look_inside.ipynb)
#
# Every [filter](glossary.ipynb#filter) so far was somebody's idea: an 8 with −1 all around, a 1 beside a −1. From now on nobody
# has ideas. We only show pictures, and what we would like to get for them. The article says that a "network learns the optimal
# filters through [backpropagation](glossary.ipynb#backpropagation) and gradient descent". The first half was the last notebook. Here is the second, and by the
# end you will know what to make of the word *optimal*.

# %%
import matplotlib.pyplot as plt
import numpy as np

import cnnkit
from cnnkit import SGD, Adam, Conv2d, ReLU, data, kernel
from cnnkit.exercises import check, hint, progress, solution, use
from cnnkit.explore import DescentExplorer, show


def corr2d(x, w):
    """The dot product of `w` with every patch of `x` (notebook 01)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape)
    return np.einsum("ijrs,rs->ij", windows, w)


def weight_gradient(g, x):
    """dL/dw from g = dL/dy: each weight adds up g times the pixels that it met (notebook 06)."""
    return corr2d(x, g)


# %% [markdown]
# ## A filter without an author
#
# In [notebook 01](01_one_filter.ipynb) you met a white image with a black band, and the filter $(1, -1)$ that finds its edges.
# Forget that filter. What we keep is the image $x$ and the answer $t$ that it gave:

# %% tags=["demonstration"]
x = np.ones((6, 8))
x[:, 2:6] = 0
t = corr2d(x, np.array([[1, -1]]))  # made with the filter that is to be found
print("a row of x:", x[0].astype(int))
print("a row of t:", t[0].astype(int))

# %% [markdown]
# Which two [weights](glossary.ipynb#weight) turn $x$ into $t$? Begin with the worst guess, $w = (0, 0)$, and ask how wrong it is. The
# [loss](glossary.ipynb#loss) is the sum of all squared differences, and notebook 06 has its [gradient](glossary.ipynb#gradient):
#
# $$L = \sum_{i,j} (y_{i,j} - t_{i,j})^2 \qquad g_{i,j} = 2\,(y_{i,j} - t_{i,j}) \qquad dw_{r,s} = \sum_{i,j} g_{i,j}\;x_{i+r,\,j+s}$$

# %% tags=["demonstration"]
zeros = np.zeros((1, 2))
difference = corr2d(x, zeros) - t
print("loss:", (difference**2).sum())
print("gradient of w:", weight_gradient(2 * difference, x))

# %% [markdown]
# Read the two numbers as slopes. The first: if the first weight grows a little, the loss falls, twelve times as much. The second:
# if the second grows, the loss rises. So the first should become larger and the second smaller. How far? **Gradient descent**
# goes a fixed share of the slope, against its sign. The share is called the [learning rate](glossary.ipynb#learning-rate) $\eta$
# ("eta"; `lr` in code):
#
# $$w \;\leftarrow\; w - \eta\;dw$$
#
# Where it is steep, the step is long; where it is flat, short. **Predict first:** with $\eta = 0.03$, where does the
# first step lead from $w = (0, 0)$?

# %% tags=["exercise", "07.1"]
### BEGIN SOLUTION
### STUB my_first_step = None  # the new filter, a grid of one row: [[..., ...]]
my_first_step = [[0.36, -0.36]]
### END SOLUTION

# %% tags=["answer"]
check("07.1", my_first_step)
# hint("07.1")
# solution("07.1")

# %% [markdown]
# ## Your turn: the whole loop
#
# One step is not the goal, but the slope can be asked again from there, and again. That loop is
# **[gradient descent](glossary.ipynb#gradient-descent)**, and it is all of learning. Write `learn`: `steps` steps, beginning with the
# filter `w` that is given. `corr2d` and `weight_gradient` are there to be used, and `w` itself should stay as it is.


# %% tags=["exercise", "07.2"]
def learn(x, t, w, lr, steps):
    """The filter after `steps` steps of gradient descent on the sum of (y - t)², from the filter `w`."""
    ### BEGIN SOLUTION
    for _ in range(steps):
        y = corr2d(x, w)
        g = 2 * (y - t)
        w = w - lr * weight_gradient(g, x)
    return w
    ### END SOLUTION


# %% tags=["answer"]
check("07.2", learn)
# hint("07.2")
# solution("07.2")

# %% [markdown]
# Let it run, from zeros, with $\eta = 0.03$:

# %% tags=["demonstration", "reveal"]
my_learn = use("07.2", learn)
for count in range(11):
    now = np.asarray(my_learn(x, t, zeros, 0.03, count))
    loss = ((corr2d(x, now) - t) ** 2).sum()
    print(f"after {count:2} steps: w = ({now[0, 0]:.4f}, {now[0, 1]:.4f}), loss {loss:.6f}")

# %% tags=["drawing", "reveal"]
figure, axes = plt.subplots(1, 5, figsize=(10, 2.4), layout="constrained")
for axis, count in zip(axes, (0, 1, 3, 10, None), strict=True):
    now = np.array([[1, -1]]) if count is None else np.zeros((1, 2))
    for _ in range(count or 0):
        now = now - 0.03 * weight_gradient(2 * (corr2d(x, now) - t), x)
    axis.imshow(corr2d(x, now), cmap="PuOr_r", vmin=-1, vmax=1)
    name = "t: what is wanted" if count is None else f"y after {count} step{'' if count == 1 else 's'}"
    axis.set(xticks=[], yticks=[], title=name)
    axis.set_xlabel("" if count is None else f"w = ({now[0, 0]:.2f}, {now[0, 1]:.2f})")
show(
    figure,
    "The filter's answer before learning is empty. After 1, 3 and 10 steps its two edges grow stronger, until it looks like "
    "the wanted picture at the right.",
)

# %% [markdown]
# **Nobody told it 1 and −1.** It found them from one picture and what was wanted for it.
#
# In cnnkit, a layer holds the weights, its `backward` leaves the gradient in it, and an
# [optimizer](glossary.ipynb#optimizer) makes the step. Plain gradient descent is called `SGD`; the S will get its meaning below.
# Here is your loop again on the [device](glossary.ipynb#device), as we shall use it for the rest of this notebook. Skim it for your
# own lines: `forward` gives $y$, `backward` the gradient, and `optimizer.step` goes against it.


# %% tags=["demonstration"]
def descend(optimizer, x, t, start, steps, batch=None, falling=False):
    """The filters after 0, 1, ..., `steps` steps on the mean squared error: (steps + 1, R, S).

    x and t hold N examples, (N, 1, H, W). Each step looks at all of them, or at `batch` of them, drawn at random.
    `falling`: the learning rate falls to 0 along the way.
    """
    layer = Conv2d(1, 1, start.shape, bias=False)
    layer.w.set(start[None, None])
    rng, first_lr, filters = np.random.default_rng(0), optimizer.lr, [start]
    for step in range(steps):
        if falling:
            optimizer.lr = first_lr * (1 - step / steps)
        chosen = slice(None) if batch is None else rng.integers(len(x), size=batch)
        y = layer.forward(x[chosen])
        layer.backward(cnnkit.mse_backward(y, t[chosen]), input_gradient=False)
        optimizer.step(layer.parameters)
        filters.append(layer.w.value.get()[0, 0])
    return np.array(filters)


def loss_of(w, x, t):
    """The mean squared error of the filter `w`."""
    return cnnkit.mse(cnnkit.conv2d(x, w[None, None]), t).get().item()


# %% tags=["demonstration", "reveal"]
band, band_wanted = x[None, None], t[None, None]
by_cnnkit = descend(SGD(lr=0.03 * t.size), band, band_wanted, zeros, 10)
mine = [my_learn(x, t, zeros, 0.03, count) for count in range(11)]
print("the same eleven filters:", np.allclose(by_cnnkit, np.array(mine), atol=1e-5))

# %% [markdown]
# Did you see the `0.03 * t.size`? `cnnkit.MSELoss` and `cnnkit.mse` take the **mean** of the 42 squares (6 rows of 7), not their sum. So the
# gradient is 42 times smaller, and for the same steps the learning rate must be 42 times larger. A learning rate says
# nothing without its loss. (With a mean it at least stays the same when there are more outputs, which is why it is the custom.)
#
# ## Long steps, short steps
#
# A learning rate of 0.03 worked. **Predict first:** we begin at $w = (-1, -1)$ instead, and go ten steps with 0.005, with 0.03,
# and with twice that, 0.06. Which gets lowest? Say an order, then run.

# %% tags=["demonstration", "reveal"]
corner = np.array([[-1.0, -1.0]])
trials = (0.005, 0.03, 0.06)
paths = [descend(SGD(rate * t.size), x[None, None], t[None, None], corner, 10) for rate in trials]
for rate, path in zip(trials, paths, strict=True):
    sums = [t.size * loss_of(one, x[None, None], t[None, None]) for one in path]
    print(
        f"lr {rate:5}:",
        ", ".join(f"{value:.4g}" for value in sums[:5]),
        f"... after ten steps {sums[-1]:.4g}",
    )

# %% tags=["drawing", "reveal"]
across, up = np.meshgrid(np.linspace(-2.2, 2.2, 120), np.linspace(-2.2, 2.2, 120))
errors = [a * (across - 1) + b * (up + 1) for a, b in ((1, 1), (1, 1), (1, 1), (1, 0), (0, 1))]
bowl = 6 * sum(error**2 for error in errors)
figure, axes = plt.subplots(1, 3, figsize=(10, 3.7), layout="constrained", sharey=True)
for axis, rate, path in zip(axes, trials, paths, strict=True):
    shown = axis.contourf(across, up, np.log10(bowl + 0.05), levels=14, cmap="magma")
    axis.plot(path[:, 0, 0], path[:, 0, 1], "o-", color="white", markersize=4, linewidth=1.2)
    axis.plot(-1, -1, "s", color="#009E73", markersize=9, markeredgecolor="white")
    axis.plot(1, -1, "*", color="#56B4E9", markersize=16, markeredgecolor="black")
    axis.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), title=f"learning rate {rate}", xlabel="first weight")
axes[0].set_ylabel("second weight")
show(
    figure,
    "Three times the same valley of the loss, dark where it is low, and ten steps from the green square toward the blue star. "
    "With 0.005 the path runs down the wall and creeps along the floor; with 0.03 it jumps from wall to wall and arrives; with 0.06 "
    "each jump is longer than the last, and it leaves the picture.",
)

# %% [markdown]
# The loss over all filters is a landscape: here a long valley, steep across and gentle along. Small steps come down the wall and
# then creep along the floor. Steps of 0.03 jump from wall to wall, each time a little lower. Steps of 0.06 jump **higher up the
# other wall** than where they came from. They *diverge*, and no patience helps.
#
# ## Try it
#
# Here is the valley to play with. Drag the learning rate, and the whole descent is made anew; point at the surface to see loss
# and slopes there. Find out:
#
# 1. Move the learning rate slowly upward from 0.005. Which way does the path turn when the steps get long: along the valley or
#    across it?
# 2. What is the largest learning rate that converges here? (The explorer says it.) What does the path look like just below it?
# 3. Press *Start from zero* and set 0.05, which is above that limit. The loss falls all the same. Why? (Run the cell
#    again afterward, to begin at $(-1, -1)$ as before.)
#
# Then find, **from the start at $(-1, -1)$ and without momentum**, a learning rate that brings the loss below **0.02 in ten
# steps**. Leave it there, and run the check.

# %% tags=["nbval-ignore-output"]
descent = DescentExplorer(learning_rate=0.01, start=[[-1, -1]], steps=10)
descent

# %% tags=["exercise", "07.3"]
### BEGIN SOLUTION
### STUB # move the slider above, then run the next cell: nothing is to be written here ...
descent.model.learning_rate = 0.025
### END SOLUTION

# %% tags=["answer", "nbval-ignore-output"]
check("07.3", descent)
# hint("07.3")
# solution("07.3")

# %% [markdown]
# ## How long is too long?
#
# At the goal, the lowest point, every slope is 0. Put the filter beside it, and the slope is no longer 0. How fast it grows with the
# distance says how sharply the valley bends: that is its *curvature* $c$ in this direction. So go 1 away in both weights, and ask:

# %% tags=["demonstration"]
goal = np.array([[1.0, -1.0]])
for name, direction in (("across the valley", [[1, 1]]), ("along the valley", [[1, -1]])):
    away = goal + np.array(direction)
    slope = weight_gradient(2 * (corr2d(x, away) - t), x)
    print(f"{name:17}: {direction[0]} away from the goal, the gradient is {slope[0].astype(int)}")

# %% [markdown]
# Call the way from the goal to the filter the error $e$. In these two directions the gradient points along it, straight away from the
# goal, and is 60 times as long as $e$, or 12 times: $c\,e$. A step takes $\eta$ times that away, and what is left of the error is
#
# $$e \;\leftarrow\; e - \eta\,c\,e = (1 - \eta\,c)\;e$$

# %% tags=["demonstration"]
print("learning rate   left across   left along")
for rate in (0.005, 0.025, 0.03, 1 / 30, 0.06):
    print(f"{rate:13.4f}   {1 - 60 * rate:11.2f}   {1 - 12 * rate:10.2f}")

# %% [markdown]
# A negative share means that the error changes sides. As long as each share is between −1 and 1, the error shrinks. At $\eta = 2/60$
# it jumps to and fro forever, and beyond that it grows. So **the steepest direction sets the limit, $\eta < 2/c_{\max}$, and the
# gentlest one sets the time**. That holds for any bowl. For a larger filter the special directions are called *eigenvectors*
# and their curvatures *eigenvalues*. You need not know how they are found: `np.linalg.eigvalsh` does it.
#
# ## A filter from a photograph
#
# Now the [filter with the 8](01_one_filter.ipynb), nine weights, from the photograph and its picture of edges. What is the
# largest learning rate? The slope of each weight changes by a fixed amount when a weight moves by 1, so nine moves give the whole
# table of curvatures. (The wanted picture $t$ only adds a fixed number to each slope, so it is not needed.)

# %% tags=["demonstration"]
photo = data.photo()  # (1, 1, 300, 300)
edges = np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]])
edge_photo = cnnkit.conv2d(photo, edges[None, None]).get()


def curvatures(image, shape):
    """The curvatures of the mean squared error of a filter on `image`, from the gentlest to the steepest."""
    columns = []
    for place in np.ndindex(shape):
        moved = np.zeros(shape)
        moved[place] = 1
        y = corr2d(image, moved)
        columns.append(weight_gradient(2 * y / y.size, image).ravel())
    return np.linalg.eigvalsh(np.array(columns))


# %% tags=["demonstration"]
found = curvatures(photo[0, 0].astype(float), (3, 3))
print("nine curvatures:", ", ".join(f"{c:.4f}" for c in found))
print(f"largest learning rate: 2 / {found[-1]:.3f} = {2 / found[-1]:.3f}")

# %% [markdown]
# The steepest is nearly three thousand times as steep as the gentlest: a ravine. It is no wonder. Neighboring pixels are
# almost equal, so raising all nine weights together changes every output, while raising one and lowering its neighbor changes
# next to nothing.
#
# **Predict first.** We take 1000 steps with $\eta = 0.6$, just below the limit, from zeros. Of the loss, little more than a
# fiftieth is left. The weight in the middle is to become 8. How far has it come?

# %% tags=["demonstration", "reveal"]
plain = descend(SGD(lr=0.6), photo, edge_photo, np.zeros((3, 3)), 1000)
print("steps   loss left   middle weight")
for step in (0, 10, 100, 300, 1000):
    left = loss_of(plain[step], photo, edge_photo) / loss_of(plain[0], photo, edge_photo)
    print(f"{step:5}   {left:8.0%}   {plain[step][1, 1]:13.2f}")

# %% [markdown]
# **A small loss does not mean that the filter is found.** On this photograph a 6.3 in the middle does nearly the same as an 8. Along the
# ravine the loss hardly changes, so the slope is small, the steps are short, and the last part of the way takes longest.
#
# ## A step that remembers
#
# Across the ravine the slope changes its sign all the time; along it, it stays the same. Somebody who *remembered* the last steps would
# notice: what cancels is noise, what repeats is the way. That is **[momentum](glossary.ipynb#momentum)**, a ball that rolls
# instead of a walker who asks for the way at each step. The filter gets a velocity $v$, zero at first, of which the share $\mu$
# ("mu", often 0.9) is kept:
#
# $$v \;\leftarrow\; \mu\,v + dw \qquad\qquad w \;\leftarrow\; w - \eta\,v$$
#
# **Predict first.** If the slope is 1 in every step, $v$ is 1, then 1.9, and so on. With $\mu = 0.9$, where does it end?
#
# ## Your turn: the velocity
#
# Write `momentum_step`, one step of it. `g` is the gradient of the filter, $dw$ in the formula (cnnkit's kernel calls it so, too).
# Give back both, the new `w` and the new `v`.


# %% tags=["exercise", "07.4"]
def momentum_step(w, v, g, lr, momentum):
    """One step with momentum: the new w and the new v, for the gradient g of w."""
    ### BEGIN SOLUTION
    v = momentum * v + g
    return w - lr * v, v
    ### END SOLUTION


# %% tags=["answer"]
check("07.4", momentum_step)
# hint("07.4")
# solution("07.4")

# %% tags=["demonstration", "reveal"]
my_step = use("07.4", momentum_step)
weight = velocity = np.zeros((1, 1))
for step in range(1, 101):
    weight, velocity = map(np.asarray, my_step(weight, velocity, np.ones((1, 1)), 0.1, 0.9))
    if step in (1, 2, 5, 10, 50, 100):
        print(f"slope 1, step {step:3}: v = {velocity.item():.4f}")

# %% [markdown]
# It ends at $1/(1-\mu) = 10$: where the slope stays, the steps become ten times as long. And in the
# ravine? There, momentum also calms the jumping from wall to wall, so that the learning rate may be larger, up to
# $2\,(1+\mu)/c_{\max} = 3.8/3.089 = 1.23$. (Believe it for now; question 6 below lets you test it.) We take 1.1.

# %% tags=["demonstration", "reveal"]
rolling = descend(SGD(lr=1.1, momentum=0.9), photo, edge_photo, np.zeros((3, 3)), 300)
print("steps   middle weight without momentum   with momentum 0.9")
for step in (10, 100, 300):
    print(f"{step:5}   {plain[step][1, 1]:30.2f}   {rolling[step][1, 1]:17.2f}")

# %% tags=["drawing", "reveal"]
figure, axes = plt.subplots(2, 4, figsize=(9, 4.9), layout="constrained")
for row, (name, path) in zip(axes, (("plain", plain), ("momentum", rolling)), strict=True):
    for axis, step in zip(row, (10, 100, 300, None), strict=True):
        weights = edges if step is None else path[step]
        axis.imshow(weights, cmap="PuOr_r", vmin=-8, vmax=8)
        for (r, s), value in np.ndenumerate(weights):
            color = "white" if abs(value) > 5 else "black"
            axis.text(s, r, f"{value:.1f}", ha="center", va="center", color=color, fontsize=11)
        axis.set(xticks=[], yticks=[])
        axis.set_title("wanted" if step is None else f"{name}, {step} steps", fontsize=11)
show(
    figure,
    "Above, the nine weights of plain descent after 10, 100 and 300 steps: the middle has reached about 4 where 8 is wanted. "
    "Below, with momentum: after 300 steps they are very nearly those of the wanted filter.",
)

# %% [markdown]
# These are cnnkit's own two lines, for `n` weights on the device, with the same letters (`weight_decay` comes in notebook 10):

# %% tags=["demonstration"]
text = kernel.source("optimizer")
print(text[text.index("__kernel void sgd_step") : text.index("__kernel void adam_step")])

# %% [markdown]
# The learning rate stands outside the velocity. So if you move `optimizer.lr` while a network learns, as you will in the next
# notebook, the very next step is longer or shorter, also the part of it that is remembered.
#
# Momentum has its price, too: a ball rolls past the lowest point. Here is the explorer again, with nine weights of another filter
# and the photograph made small, its mean brightness taken off (which flattens the steepest wall). Find out:
#
# 4. With 60 steps, which momentum gets lowest: 0, 0.5, 0.8 or 0.95?
# 5. At 0.95, look at the loss curve. What do its waves mean?
# 6. How does the largest learning rate that converges change with momentum?

# %% tags=["demonstration"]
DescentExplorer(example="photo", steps=60)

# %% [markdown]
# ## A few at a time
#
# Each of those steps looked at 88,804 places of the photograph, only to say "a little more of this, a little less of
# that". Would a few places not say nearly the same? Every place is an example of its own: a patch of nine pixels, and one number
# that is wanted for it. To be fair, let the wanted numbers be as in life, a little wrong: each gets a random error of about 0.1. Its
# square is 0.01 in the mean, and no filter can bring the loss below that. The filter to be found is Sobel's this time.

# %% tags=["demonstration"]
sobel = np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
windows = np.lib.stride_tricks.sliding_window_view(photo[0, 0], (3, 3))
patches = np.ascontiguousarray(windows.reshape(-1, 1, 3, 3))  # 88,804 examples
rng = np.random.default_rng(0)
wanted = cnnkit.conv2d(patches, sobel[None, None]).get()
wanted += rng.normal(0, 0.1, wanted.shape).astype(np.float32)
whole_wanted = wanted.reshape(1, 1, 298, 298)  # the same, as one picture

# %% [markdown]
# A handful of examples drawn at random for one step is a **[batch](glossary.ipynb#batch)**, and descent by batches is
# *stochastic* gradient descent, the S of SGD. Its slope is a guess, and its error is how far it lies from the slope over all patches.
# **Predict first:** a batch four times as large costs four times as much. What becomes of the error of its slope: is it a quarter as
# large, half as large, or the same?


# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
def first_slope(chosen):
    """The gradient of the filter of zeros, from these examples."""
    dy = cnnkit.mse_backward(np.zeros_like(wanted[chosen]), wanted[chosen])
    return cnnkit.conv2d_backward(dy, patches[chosen], np.zeros((1, 1, 3, 3)))[1].get()


whole = first_slope(slice(None))
print("batch   error of the slope, compared with the slope itself")
for size in (8, 32, 128, 512, 2048):
    draws = [first_slope(rng.integers(len(patches), size=size)) for _ in range(200)]
    squares = [((draw - whole) ** 2).sum() for draw in draws]
    print(f"{size:5}   {np.sqrt(np.mean(squares) / (whole**2).sum()):.2f}")

# %% [markdown]
# About **half**. Noise shrinks only with the root of the cost: a hundred times the work for a tenth of the error. That is a
# bad bargain, and so one rather takes many steps that are roughly right than a few that are exact.
#
# Look at the batch of 32: the error of its slope is larger than the slope. Can one learn from that? **Predict first.** One step with
# everything costs 88,804 patches; so do 2775 steps with 32 patches each. Both begin at zeros with the same learning rate. Who is
# lower then? (We count only the loss above 0.01, the part that can be got rid of.)

# %% tags=["demonstration", "reveal"]
start = np.zeros((3, 3))
runs = {
    "everything": (descend(SGD(lr=0.5), photo, whole_wanted, start, 300), wanted.size),
    "batches of 32": (descend(SGD(lr=0.5), patches, wanted, start, 2775, batch=32), 32),
    "batches of 32, rate falling": (
        descend(SGD(lr=0.5), patches, wanted, start, 2775, batch=32, falling=True),
        32,
    ),
}
before = loss_of(start, photo, whole_wanted) - 0.01
for name, (path, cost) in runs.items():
    step = wanted.size // cost
    above = loss_of(path[step], photo, whole_wanted) - 0.01
    verdict = "less than a hundredth" if above < before / 100 else "more than nine tenths"
    print(f"{name:28} {step:4} steps, {verdict} of the loss is left")

# %% tags=["drawing", "reveal"]
figure, axis = plt.subplots(figsize=(8, 3.8), layout="constrained")
ways = (("#0072B2", "o-"), ("#D55E00", "-"), ("#009E73", "--"))
for (name, (path, cost)), (color, way) in zip(runs.items(), ways, strict=True):
    marks = np.unique(np.geomspace(1, len(path) - 1, 160).astype(int))
    above = [loss_of(path[step], photo, whole_wanted) - 0.01 for step in marks]
    axis.loglog(marks * cost, np.maximum(above, 1e-6), way, color=color, label=name, markersize=4)
axis.axvline(wanted.size, color="gray", linewidth=1)
axis.text(wanted.size * 1.2, 1e-4, "every patch once", color="gray")
axis.set(xlabel="patches looked at (each mark of the axis ten times as many)", ylabel="loss above 0.01")
axis.legend(loc="lower left")
show(
    figure,
    "The loss over the number of patches looked at. Descent with everything has only made its first step where descent in batches "
    "of 32 is already at the bottom, jittering; with a falling learning rate the jitter dies away.",
)

# %% [markdown]
# When the careful one has made its first step, the hasty one is at the bottom: the errors point to all sides and cancel over many
# steps, and the slope does not. But look at the end of the curve: it never comes to
# rest. Near the goal the true slope is small, the noise is not, and $\eta$ times the noise is how far it is thrown about. The cure is
# to let the learning rate fall: **long steps find the valley, short ones its floor.**
#
# ## Adam: as far as you say
#
# One trouble is left, finding $\eta$. Show the same photograph with gray values from 0 to 255 instead of 0 to 1, and all
# curvatures are $255^2 = 65{,}025$ times larger: the good learning rate of before diverges. And a network has weights of all kinds, each
# with its own best learning rate. **Adam** gives every weight its own. It keeps two running means, of the slope and of its
# square (cnnkit and the books call the second one $v$; here that letter is taken), and divides one by the root of the other:
#
# $$m \leftarrow 0.9\,m + 0.1\,g \qquad u \leftarrow 0.999\,u + 0.001\,g^2 \qquad w \leftarrow w - \eta\;\frac{m/(1-0.9^n)}{\sqrt{u/(1-0.999^n)}}$$
#
# As in your function, $g$ is the slope of one weight; $n$ counts the steps from 1, and both means begin at 0. (The two divisions by $1-0.9^n$ and
# $1-0.999^n$ make up for that start. To the root, $10^{-8}$ is added, so that nobody divides by 0.)
#
# **Predict first.** Three weights have the slopes 12, −0.05 and 300. By how much does Adam's *first* step with $\eta = 0.003$ move
# each? Put $n = 1$ into the formulas, and see what cancels.

# %% tags=["exercise", "07.5"]
### BEGIN SOLUTION
### STUB my_adam_step = None  # three numbers, by how much each weight changes: [..., ..., ...]
my_adam_step = [-0.003, 0.003, -0.003]
### END SOLUTION

# %% tags=["answer"]
check("07.5", my_adam_step)
# hint("07.5")
# solution("07.5")

# %% tags=["demonstration", "reveal"]
layer = Conv2d(1, 1, (1, 3), bias=False)
layer.w.set(np.zeros((1, 1, 1, 3)))
layer.w.grad = cnnkit.to_device(np.array([[[[12, -0.05, 300]]]]))
Adam(lr=0.003).step(layer.parameters)
print("Adam's first step:", layer.w.value.get().ravel().round(6))

# %% [markdown]
# Now the photograph from 0 to 255, with the learning rates that were good before:

# %% tags=["demonstration", "reveal"]
bright, bright_edges = 255 * photo, 255 * edge_photo
for name, make in (("SGD", lambda: SGD(lr=1.1, momentum=0.9)), ("Adam", lambda: Adam(lr=0.1))):
    usual = descend(make(), photo, edge_photo, np.zeros((3, 3)), 300)[-1]
    scaled = descend(make(), bright, bright_edges, np.zeros((3, 3)), 300)[-1]
    off = np.abs(usual - edges).max()
    still_numbers = bool(np.isfinite(scaled).all())
    alike = still_numbers and np.allclose(usual, scaled, atol=0.02)
    print(
        f"{name:4}: after 300 steps no weight is more than {off:.1f} off; from 0 to 255 just the same: {alike}"
    )

# %% [markdown]
# To Adam the scale does not matter; a learning rate means "about this far, in each weight". It is forgiving, too: here all rates from 0.1
# to 1 end about as far from the goal (change `lr` above and see). So one setting fits many networks, and that is why the next notebook uses it. But
# it is no magic: in this ravine momentum, with its best rate, is much nearer to the goal after as many steps. Its heart in cnnkit's
# [kernel](glossary.ipynb#kernel) (where $v$ is our $u$):

# %% tags=["demonstration"]
print(text[text.index("        const float gradient") : text.rindex("    }\n}")])

# %% [markdown]
# ## Optimal?
#
# Back to the article: the network learns "the optimal filters". When is that so?
#
# **One filter and the [squared error](glossary.ipynb#squared-error): yes.** The loss is a bowl with one lowest point, so every start leads there:

# %% tags=["demonstration"]
rng = np.random.default_rng(1)
ends = [
    descend(SGD(lr=1.1, momentum=0.9), photo, edge_photo, rng.normal(0, 5, (3, 3)), 800)[-1] for _ in range(3)
]
print("three random starts, the same filter:", all(np.allclose(end, edges, atol=0.05) for end in ends))

# %% [markdown]
# **If the examples show enough.** **Predict first.** We go back to the picture with the black band and ask for Sobel's
# filter. All rows of that picture are alike. What will descent find, from zeros? And from another start?

# %% tags=["demonstration", "reveal"]
band_sobel = corr2d(x, sobel)[None, None]
for begin in (np.zeros((3, 3)), np.diag([1.0, 0, -1])):
    end = descend(SGD(lr=0.2, momentum=0.5), x[None, None], band_sobel, begin, 200)[-1]
    solved = bool(loss_of(end, x[None, None], band_sobel) < 1e-6)
    print("loss is 0:", solved, " filter:", " ".join(str(row) for row in end.round(2) + 0.0))

# %% [markdown]
# Two filters, both perfect on this picture, neither of them Sobel's. Where all rows are alike, only the sum of each column can be
# seen: −4, 0, 4. About the rest the examples are silent, and it stays as the start had it. *A network learns what its
# examples show, and no more.*
#
# **More than one layer: no.** Let us ask for edges whatever their direction, $t = |\text{Sobel's answer}|$. No single filter can do that,
# but two can, with [ReLU](glossary.ipynb#ReLU) between: one for black-to-white, one for white-to-black, and add up.
# "The network will learn all the filters", says the article. **Predict first.** Forty random starts, the same picture, the same
# steps. How many of them find both filters? (`many_starts` trains all forty side by side. You need not read it.)

# %% tags=["demonstration"]
small = cnnkit.avg_pool2d(photo, 5).get()  # 60 x 60
both_edges = np.abs(cnnkit.conv2d(small, sobel[None, None]).get())


def many_starts(filters, starts=40, steps=500):
    """Train `starts` networks side by side: `filters` filters, ReLU, sum. Losses, filters and answers of each."""
    rng = np.random.default_rng(1)
    layer, relu = Conv2d(1, starts * filters, 3, bias=False), ReLU()
    add = Conv2d(starts * filters, starts, 1, bias=False)
    layer.w.set(rng.normal(0, 0.5, layer.w.shape))
    add.w.set(np.kron(np.eye(starts), np.ones((1, filters)))[:, :, None, None])  # each adds up its own
    picture, goals = cnnkit.to_device(small), cnnkit.to_device(np.repeat(both_edges, starts, axis=1))
    optimizer = SGD(lr=0.2 / filters * starts, momentum=0.9)  # the loss is a mean over all networks
    for _ in range(steps):
        y = add.forward(relu.forward(layer.forward(picture)))
        layer.backward(relu.backward(add.backward(cnnkit.mse_backward(y, goals))), input_gradient=False)
        optimizer.step(layer.parameters)
    y = add(relu(layer(picture))).get()
    losses = ((y - goals.get()) ** 2).mean(axis=(0, 2, 3))
    return losses, layer.w.value.get().reshape(starts, filters, 3, 3), y[0]


# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
losses, pairs, answers = many_starts(2)
nothing = float((both_edges**2).mean())
good = losses < 0.05 * nothing
print(f"with 2 filters: {good.sum()} of 40 starts find both, the others keep a loss of")
left = ", ".join(f"{loss / nothing:.0%}" for loss in np.sort(losses[~good]))
print(f"    {left} of that of an empty picture")
more_losses, _, _ = many_starts(4)
print(f"with 4 filters: {(more_losses < 0.05 * nothing).sum()} of 40")

# %% tags=["drawing", "nbval-ignore-output", "reveal"]
half = np.abs(losses - 0.5 * nothing).argmin()
figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
for axis, picture, name in zip(
    axes,
    (both_edges[0, 0], answers[losses.argmin()], answers[half]),
    ("wanted", "a start that found both", "a start that found one"),
    strict=True,
):
    axis.imshow(picture, cmap="gray", vmin=0, vmax=3)
    axis.set(xticks=[], yticks=[], title=name)
show(
    figure,
    "The wanted edges of the portrait; the same from a lucky start; and from an unlucky one only half of the edges, those "
    "of one direction.",
)

# %% tags=["demonstration"]
print("some starts find both filters, some do not:", bool(good.any() and not good.all()))

# %% [markdown]
# The unlucky ones lost a filter early. Its answers fell below 0 everywhere, ReLU let nothing through, and with the slope 0 no step
# ever moves it again (the dead neuron of [notebook 03](03_activation.ipynb)). More filters than needed are a common
# remedy: with four, two good ones survive more often. (In three runs of the cell with other random numbers, two filters found it from
# 91 of 120 starts, and four from 107.)
#
# Even for the lucky ones there is more than one lowest point. If (filter, mirror) is perfect, then so is (mirror, filter). Walk in a
# straight line from the one to the other, and look at the loss:

# %% tags=["demonstration"]
way = np.linspace(-0.25, 1.25, 61)


def loss_of_pair(one, other):
    """The loss of two filters with ReLU, added up."""
    y = cnnkit.relu(cnnkit.conv2d(small, np.stack([one, other])[:, None])).get().sum(axis=1, keepdims=True)
    return float(((y - both_edges) ** 2).mean())


single = cnnkit.conv2d(small, sobel[None, None]).get()
bowl_line = [loss_of(2 * a * sobel, small, single) for a in way]
pair_line = [loss_of_pair((1 - 2 * a) * sobel, (2 * a - 1) * sobel) for a in way]
for at in (0, 0.5, 1):
    print(f"pair, {at} of the way: loss {pair_line[np.abs(way - at).argmin()]:.3f}")

# %% tags=["drawing"]
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
axes[0].plot(way, bowl_line, color="#0072B2")
axes[0].set(
    title="one filter, squared error: a bowl",
    xlabel="from nothing (0) over Sobel to 2·Sobel (1)",
    ylabel="loss",
)
axes[1].plot(way, pair_line, color="#D55E00")
axes[1].set(title="two filters with ReLU: a hump", xlabel="from (Sobel, −Sobel) (0) to (−Sobel, Sobel) (1)")
show(
    figure,
    "Left, the loss of one filter along a line is a parabola with one lowest point, in the middle. Right, the loss of the pair has two lowest "
    "points of loss 0, with a hump between them.",
)

# %% [markdown]
# Which valley you end in depends on where you began. So read *optimal* like this: **gradient descent finds filters from which no
# small step leads further down, for the loss and the examples that it was given.** With one filter and squares that is the best
# there is. In a network it is a good place among many, another one for every start, and sometimes a bad one.
#
# ## Where you are

# %% tags=["answer", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## What you can do now
#
# - take a step of gradient descent by hand, and write the loop that learns a filter;
# - tell a learning rate that is too small from one that is too large, and say where the limit is and why;
# - say what momentum remembers, what a batch saves and costs, and what Adam divides by;
# - say when "the optimal filters" is true, and what else it depends on: the examples and the start.
#
# **Answers to the explorer's questions.** 1: Across it: the path begins to jump from wall to wall. 2: 0.0333, which is 2/60; the
# path jumps to and fro and hardly gets shorter. 3: From zero the goal lies exactly along the valley, where $2/12 = 0.167$ is the limit;
# nothing points across, so nothing there can grow. 4: 0.8. 5: The ball rolls through the lowest point and up the other side, and
# comes back. 6: It grows with it, $2\,(1+\mu)/c_{\max}$, to nearly twice as much.
#
# **To think on.** Double all gray values of $x$ and of $t$: which learning rate is the limit now? · Momentum 0.9 makes steps ten
# times as long where the slope stays. Why is that not the same as a ten times larger learning rate? · Two filters of one layer begin
# with exactly the same weights. What could ever make them different?
#
# **Next:** [08 Train a classifier](08_train_a_classifier.ipynb): five thousand weights, ten digits, and the same three lines.
