# %% [markdown]
# # 09 · Look inside
#
# **The question of this notebook:** what did it learn?
#
# *You are here:* [07 Gradient descent](07_gradient_descent.ipynb) → [08 Train a
# classifier](08_train_a_classifier.ipynb) → **09 Look inside** → [10 Is it true?](10_is_it_true.ipynb) → [11 Make it
# fast](11_make_it_fast.ipynb)
#
# In the last notebook a network learned to read. It gets about 98 of 100 digits right, and has not said a word about how. The
# article that this course grew from counts that among the disadvantages: interpretability is limited, and what a network
# has learned is hard to understand. We look anyway. You will use five ways of looking, test each of them, and give a
# verdict of your own at the end: what do we know now, and what not?

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import cnnkit
from cnnkit import Adam, Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Sequential, data, fit
from cnnkit.exercises import check, hint, progress, solution, use
from cnnkit.explore import DrawExplorer, show
from cnnkit.explore.parts import inside
from cnnkit.train import evaluate

# %% [markdown]
# ## A network of your own
#
# The same network as in notebook 08, trained here and now, so that it is yours: no one else's has the same numbers. We keep
# a copy of how it began, before it had seen a single digit.


# %% tags=["demonstration"]
def make_network(seed):
    """The network of notebook 08: two convolutions of 16 filters, a pooling, a dense layer."""
    return Sequential(
        Conv2d(1, 16, 3, padding=1),
        ReLU(),
        Conv2d(16, 16, 3, padding=1),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Dropout(0.3),
        Linear(256, 10),
        seed=seed,
    )


train, test = data.digits(test=0.2, seed=0)
untrained = make_network(seed=0)

# %% tags=["demonstration", "nbval-ignore-output"]
network = make_network(seed=0)  # the same first weights
fit(network, train, epochs=12, batch_size=32, optimizer=Adam(lr=3e-3), seed=0)
accuracy = evaluate(network, test)["accuracy"]

# %% tags=["demonstration"]
print("reads more than 96 of 100 unseen digits:", accuracy > 0.96)

# %% [markdown]
# ## Draw first, explain after
#
# Draw a digit. Your drawing is cut out, scaled, and counted in blocks of 4×4, as the makers of the digits did it; then it goes
# through the network, and you see the output of **every** layer while you draw. Point at any number, or tab to a picture
# and use the arrow keys: how it was computed is written out, and an orange frame shows which pixels it has seen.
#
# Find out, before you read on:
#
# 1. Point at a number of the *second* Conv2d, near the middle. How many pixels wide is its frame? And for the pooling?
# 2. *What it hangs on* covers each part of your drawing with a gray patch. Is there a part whose covering makes the
#    network surer of its answer?
# 3. Set the patch's gray to 0 and point at a corner without ink. By how much does the probability fall?

# %% tags=["demonstration"]
explorer = DrawExplorer(network)
explorer

# %% [markdown]
# ## Your turn: a seven that it believes
#
# Bring the network to read a **7 with more than 90 percent**. Draw it, or look for one among the samples; drawing is more
# telling. Leave it on the pad, then run the check. Then try to make the network lose faith with as little ink as you can.

# %% tags=["exercise", "09.1"]
### BEGIN SOLUTION
### STUB # draw in the explorer above, then run the next cell: nothing is to be written here ...
bitmap = np.zeros((32, 32), bool)
bitmap[4:8, 8:26] = True  # a bar
for row in range(8, 30):  # and a leg
    column = 23 - (row - 8) // 2
    bitmap[row, column - 1 : column + 3] = True
explorer.model.bitmap = bitmap
### END SOLUTION

# %% tags=["answer"]
check("09.1", explorer)
# hint("09.1")
# solution("09.1")

# %% [markdown]
# ## First look: the filters themselves
#
# The [filters](glossary.ipynb#filter) of the first layer are 3×3 numbers each, like those of
# [notebook 01](01_one_filter.ipynb), so they can be looked at. The article says that the network *learns the optimal
# filters*. **Predict first:** what will you see: edge filters like ours, something else, or noise?

# %% tags=["drawing", "reveal"]
start, learned = untrained[0].w.value.get()[:, 0], network[0].w.value.get()[:, 0]
by_hand = np.array(
    [
        [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
        [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
        [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
        [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
    ]
)
figure, axes = plt.subplots(3, 16, figsize=(11, 2.7), layout="constrained")
rows = (("by hand", by_hand), ("at the start", start), ("learned", learned))
for line, (name, filters) in zip(axes, rows, strict=True):
    for axis in line:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for axis, weights in zip(line, filters, strict=False):
        most = np.abs(weights).max()
        axis.imshow(weights, cmap="PuOr_r", vmin=-most, vmax=most)
show(
    figure,
    "Three rows of small filters, orange above and violet below zero. Above, four made by hand: edges, Sobel x, "
    "Sobel y, blur. In the middle the 16 filters of the first layer before training, below the same ones after it: "
    "the two rows look nearly alike.",
)

# %% [markdown]
# The middle row was drawn at random, and the lower one has learned to read. Yet they look alike. Let us measure it. Take a
# filter as an arrow with nine coordinates: two arrows that point the same way have an angle of 0° between them, two that
# have nothing in common 90°. How far did each filter turn while the network learned?

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
for number, name in ((0, "first convolution"), (2, "second convolution"), (7, "dense layer")):
    a, b = (model[number].w.value.get() for model in (untrained, network))
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    angles = np.degrees(np.arccos(cosine))
    print(f"{name:19} turned by {angles.mean():2.0f} degrees in the mean, {angles.max():2.0f} at most")

# %% [markdown]
# The deeper, the more was learned. The first layer hardly moved. **Predict first:** how well would a network read whose first
# layer *never* learns, with 16 random filters from beginning to end?

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
other = make_network(seed=100)
front, rest = Sequential(*other.layers[:2]), Sequential(*other.layers[2:])
features = front.predict(train.images)  # computed once: nothing in front of them learns
fit(rest, (features, train.labels), epochs=12, batch_size=32, optimizer=Adam(lr=3e-3), seed=0)
print(f"all layers learn:          {accuracy:.1%}")
print(f"the first stays at random: {evaluate(other, test)['accuracy']:.1%}")

# %% tags=["demonstration", "reveal"]
print("the random one reads more than 95 of 100, too:", evaluate(other, test)["accuracy"] > 0.95)

# %% [markdown]
# About as well. So *the* optimal filters do not exist here: there are many sets that do equally well, and even random
# ones will do. The likely reason is simple counting. A 3×3 filter has nine numbers, and weighted sums of 16 random ones can make
# every 3×3 filter that there is; the second layer mixes what it needs, though the ReLU in between bends the mixture. (That is
# this network and these pictures. Large networks that learn from photographs do find edges and spots of color in their first
# layer, and hardly anyone can read their later ones.)
#
# ## Second look: the feature maps
#
# A [convolution layer](glossary.ipynb#convolution-layer) *applies filters to extract features*, says the article, and its outputs are the [feature
# maps](glossary.ipynb#feature-map). Here is one digit of the [test set](glossary.ipynb#test-set), and all that the network
# makes of it.

# %% tags=["drawing"]
x = test.images[24, 0]
volumes = [volume.get()[0] for volume in network.activations(x[None, None])]
figure, axes = plt.subplots(3, 17, figsize=(12, 2.9), layout="constrained")
for line, (name, volume) in zip(
    axes, (("1st conv + ReLU", 2), ("2nd conv + ReLU", 4), ("pooling", 5)), strict=True
):
    for axis in line:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    for axis, feature_map in zip(line[1:], volumes[volume], strict=True):
        axis.imshow(feature_map, cmap="magma", vmin=0, vmax=volumes[volume].max())
    line[1].set_ylabel(name, rotation=0, ha="right", va="center")
axes[0, 0].imshow(x, cmap="gray_r", vmin=0, vmax=1)
show(
    figure,
    "A handwritten digit and three rows of 16 feature maps: after the first convolution and after the second one of 8 x 8, "
    "after the pooling of 4 x 4. The first still show the digit; the last are a few bright squares.",
)

# %% [markdown]
# The first row you know: each map is the digit, filtered as in notebook 01. Nothing is hidden here. But the further down,
# the less there is to recognize, and the dense layer reads only the last row.
#
# ## How far does a number see?
#
# A number of the first map was computed from 3×3 pixels. One of the second map was computed from 3×3 numbers of the first, and
# those have seen more. The pixels that a number depends on are its [receptive field](glossary.ipynb#receptive-field).
# Behind two 3×3 filters it is 5 wide, behind three 7: each adds 2.
#
# **Predict first.** Now a [pooling](glossary.ipynb#pooling) of 2×2 with [stride](glossary.ipynb#stride) 2 comes first,
# and the three 3×3 filters after it. How many pixels **wide** is the receptive field of a number behind the last of them?

# %% tags=["exercise", "09.2"]
### BEGIN SOLUTION
### STUB my_width = None  # a number
my_width = 14
### END SOLUTION

# %% tags=["answer"]
check("09.2", my_width)
# hint("09.2")
# solution("09.2")

# %% [markdown]
# There is a way to find out that needs no thinking: nudge every pixel in turn, hard, and see whether the number changes.


# %% tags=["demonstration"]
def sees(stack, side):
    """Which pixels of a picture (side, side) can change the number in the middle of a stack's output."""
    picture = np.random.default_rng(1).random((1, 1, side, side))
    nudged = np.repeat(picture, 2 * side * side, axis=0)
    for n, (i, j) in enumerate(np.ndindex(side, side)):
        nudged[2 * n, 0, i, j] += 100  # one copy with much more ink here,
        nudged[2 * n + 1, 0, i, j] -= 100  # and one with much less

    def middle(images):
        y = stack(images).get()
        return y[:, :, y.shape[2] // 2, y.shape[3] // 2]

    changed = np.abs(middle(nudged) - middle(picture)) > 1e-3
    return changed.any(axis=1).reshape(side, side, 2).any(axis=2)


# %% tags=["demonstration", "reveal"]
def conv():
    """A 3 x 3 filter of random weights."""
    return Conv2d(1, 1, 3, bias=False)


stacks = {
    "three filters": Sequential(conv(), conv(), conv(), seed=0),
    "pooling, three filters": Sequential(MaxPool2d(2), conv(), conv(), conv(), seed=0),
    "filter, pooling, filter": Sequential(conv(), MaxPool2d(2), conv(), seed=0),
}
fields = {name: sees(stack, 20) for name, stack in stacks.items()}
for name, seen in fields.items():
    print(f"{name:24} {seen.any(axis=0).sum():2} wide, {seen.any(axis=1).sum():2} high")

# %% tags=["drawing", "reveal"]
figure, axes = plt.subplots(1, 3, figsize=(8, 3), layout="constrained")
for axis, (name, seen) in zip(axes, fields.items(), strict=True):
    axis.imshow(seen, cmap="magma", vmin=0, vmax=1.3)
    axis.set(xticks=[], yticks=[], title=name, xlabel=f"{seen.any(axis=0).sum()} pixels wide")
show(
    figure,
    "Three pictures of 20 x 20 pixels. In each, a filled square shows the pixels that can change the number in the "
    "middle of the output: 7, 14 and 8 pixels wide.",
)

# %% [markdown]
# ## Your turn: the formula
#
# Two numbers walk along with you from layer to layer: *seen*, how many pixels wide the field is, and *step*, how many pixels apart
# two neighboring numbers are. For the picture itself, both are 1. A layer with a window $k$ wide and a
# *stride* turns them into
#
# $$\text{seen} \;\leftarrow\; \text{seen} + (k - 1)\cdot\text{step} \qquad\text{and then}\qquad \text{step} \;\leftarrow\; \text{step}\cdot\text{stride}$$
#
# In words: a window of $k$ numbers reaches $k-1$ steps farther than a single one, and a step behind a stride is longer.
# Write it for a list of layers, each a pair `(k, stride)`, the first layer first: `[(2, 2), (3, 1), (3, 1), (3, 1)]` is
# the one from above.


# %% tags=["exercise", "09.3"]
def receptive_field(layers):
    """How many pixels wide the field is behind all `layers`, a list of pairs (k, stride)."""
    ### BEGIN SOLUTION
    seen, step = 1, 1
    for k, stride in layers:
        seen += (k - 1) * step
        step *= stride
    return seen
    ### END SOLUTION


# %% tags=["answer"]
check("09.3", receptive_field)
# hint("09.3")
# solution("09.3")

# %% [markdown]
# Your own network has two 3×3 convolutions and a pooling. By formula, and by nudging the trained network itself:

# %% tags=["answer"]
my_field = use("09.3", receptive_field)
own_layers = [(3, 1), (3, 1), (2, 2)]
for name, formula, upto in (("first conv", 1, 1), ("second conv", 2, 3), ("pooling", 3, 5)):
    nudged = sees(Sequential(*network.layers[:upto]), 8)
    print(f"{name:12} formula {my_field(own_layers[:formula])}, nudged {nudged.any(axis=0).sum()}")

# %% [markdown]
# The [dense layer](glossary.ipynb#dense-layer) behind them sees everything. There is a second way to ask which pixels matter:
# the [gradient](glossary.ipynb#gradient) of that one number with respect to every pixel, by the
# [backpropagation](glossary.ipynb#backpropagation) of [notebook 06](06_loss_and_backprop.ipynb). Do both ways agree?

# %% tags=["demonstration"]
for name, stack in stacks.items():
    y = stack.forward(np.random.default_rng(1).random((1, 1, 20, 20)))
    upstream = np.zeros(y.shape, np.float32)
    upstream[0, 0, y.shape[2] // 2, y.shape[3] // 2] = 1
    dx = stack.backward(upstream).get()
    print(f"{name:24} by nudging {fields[name].sum():3} pixels, by gradient {(dx != 0).sum():3}")

# %% [markdown]
# Not where there is pooling. Of each block, max pooling passes one number on, and only the winners have a gradient. The
# gradient tells what matters *for this picture* and for *small* changes; the nudge tells what could ever matter. Keep that
# in mind: two honest tools can give two answers, because they were asked two questions.
#
# ## Third look: what excites a filter?
#
# A filter of the second layer mixes 16 maps, 144 numbers in all: looking at those tells nothing. So ask differently: in which
# pictures does its map get brightest? Write `most_excited`, for the maps of one filter on N pictures, an array of shape (N,
# H, W): the numbers (counted from 0) of the `k` pictures whose map reaches the **highest single number**, the most
# exciting picture first.


# %% tags=["exercise", "09.4"]
def most_excited(maps, k):
    """Which `k` of the N pictures excite the filter most, by the largest number of each map (H, W)."""
    ### BEGIN SOLUTION
    peaks = maps.max(axis=(1, 2))  # one number for each picture
    return np.argsort(-peaks)[:k]
    ### END SOLUTION


# %% tags=["answer"]
check("09.4", most_excited)
# hint("09.4")
# solution("09.4")

# %% [markdown]
# Here are the six most exciting test digits of four filters. A frame marks the 5×5 pixels that the brightest number has
# seen.

# %% tags=["answer"]
maps = network.activations(test.images)[4].get()  # (359, 16, 8, 8), after the second ReLU
peaks = maps.max(axis=(2, 3))
by_digit = np.array([peaks[test.labels == digit].mean(axis=0) for digit in range(10)]).T
shown = np.argsort(-by_digit.std(axis=1))[:4]  # those that tell the digits apart most
my_most_excited = use("09.4", most_excited)
best = {f: my_most_excited(maps[:, f], 6) for f in shown}

# %% tags=["drawing", "answer", "nbval-ignore-output"]
figure, axes = plt.subplots(4, 6, figsize=(7, 5), layout="constrained")
for line, (f, pictures) in zip(axes, best.items(), strict=True):
    line[0].set_ylabel(f"filter {f}", rotation=0, ha="right", va="center")
    for axis, n in zip(line, pictures, strict=True):
        axis.imshow(test.images[n, 0], cmap="gray_r", vmin=0, vmax=1)
        i, j = np.unravel_index(maps[n, f].argmax(), (8, 8))
        axis.add_patch(
            plt.Rectangle((j - 2.5, i - 2.5), 5, 5, fill=False, color="#D55E00", linewidth=2)
        )
        axis.set(xticks=[], yticks=[], xlim=(-0.5, 7.5), ylim=(7.5, -0.5))
show(
    figure,
    "Four rows of six handwritten digits, one row for each filter. A frame in each digit marks the patch that excites the "
    "filter most: within a row, the framed strokes resemble each other.",
)

# %% [markdown]
# Within a row the framed strokes have something in common. Can you name it for each row? You will find words, "a bend to the
# left", "an end of a stroke", and it is tempting to believe them. A name is a guess, though, and a guess can be tested.
#
# **Predict first:** does each filter belong to *one* digit? Here is how strongly each of the 16 is excited by each digit, on
# average.

# %% tags=["drawing", "reveal"]
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
picture = axis.imshow((by_digit / by_digit.max(axis=1, keepdims=True)).T, cmap="magma", vmin=0, vmax=1)
axis.set(xticks=range(16), yticks=range(10), xlabel="filter of the second layer", ylabel="digit")
figure.colorbar(picture, label="mean excitement, as a share of its largest")
show(
    figure,
    "A table of ten digits and sixteen filters, bright where a digit excites a filter: every filter is excited by several "
    "digits, and every digit excites many filters.",
)

# %% tags=["demonstration", "reveal"]
half = by_digit > by_digit.max(axis=1, keepdims=True) / 2
print("each filter is excited at least half as much by three or more digits:", (half.sum(axis=1) >= 3).all())

# %% [markdown]
# There is no "filter for threes". A digit is a *pattern* of excitement over all filters, and the dense layer weighs it. That
# is one reason why looking at one filter after the other does not add up to an explanation.
#
# ## Fourth look: cover it and see
#
# Forget the inside. Cover a part of the picture with a gray patch and ask the network again. If the probability of its answer
# falls, it needed that part. Do so at every place, and you have an [occlusion map](glossary.ipynb#occlusion-map):
#
# $$o_{i,j} = p_c(x) - p_c(x \text{ with the patch at } i, j)$$
#
# where $p_c$ is the probability of [class](glossary.ipynb#class) $c$. Write it. `predict(x)` takes one picture (H, W) and
# gives the row of probabilities; `label` is the class $c$; the patch is a square of `size` × `size` pixels, lies wholly
# inside the picture, and its gray is the **mean of the whole picture**. Leave `x` itself as it is.


# %% tags=["exercise", "09.5"]
def occlusion_map(predict, x, label, size):
    """How far the probability of `label` falls at each place of the patch: (H - size + 1, W - size + 1)."""
    ### BEGIN SOLUTION
    H, W = x.shape
    before = predict(x)[label]
    falls = np.zeros((H - size + 1, W - size + 1))
    for i in range(falls.shape[0]):
        for j in range(falls.shape[1]):
            covered = x.copy()
            covered[i : i + size, j : j + size] = x.mean()
            falls[i, j] = before - predict(covered)[label]
    return falls
    ### END SOLUTION


# %% tags=["answer"]
check("09.5", occlusion_map)
# hint("09.5")
# solution("09.5")

# %% [markdown]
# ### First where we know the answer
#
# Before you trust a tool, try it where you can check it. The simplest network of all is a single dense layer: the score of a
# class is $s_c = b_c + \sum_{i,j} w_{c,i,j}\,x_{i,j}$. Its [weights](glossary.ipynb#weight) are as many as the pixels, so they
# **are** a picture, one for each digit.

# %% tags=["demonstration", "nbval-ignore-output"]
dense = Sequential(Flatten(), Linear(64, 10), seed=0)
fitted = fit(dense, train, epochs=12, batch_size=64, optimizer=Adam(lr=1e-2), seed=0)

# %% tags=["drawing"]
templates = dense[1].w.value.get().reshape(10, 8, 8)
most = np.abs(templates).max()
figure, axes = plt.subplots(1, 10, figsize=(11, 1.6), layout="constrained")
for digit, axis in enumerate(axes):
    axis.imshow(templates[digit], cmap="PuOr_r", vmin=-most, vmax=most)
    axis.set(xticks=[], yticks=[], title=digit)
show(
    figure,
    "Ten pictures of 8 x 8 weights, one for each digit: orange where ink speaks for the digit, violet where it speaks "
    "against it. A rough ring with a dark hole can be made out for the 0.",
)

# %% [markdown]
# Here nothing is hidden: orange is where ink speaks for the digit, violet where it speaks against. (Most of them look less like
# their digit than you would expect: they need not show it, they need only tell it from the other nine.) And we can
# compute what occlusion *must* find. When a patch of gray $m$ covers a pixel, the score falls by $w\,(x - m)$ for it, so the
# whole fall is the sum of these over the patch, and that is a convolution with ones.


# %% tags=["answer"]
def scores_of(model):
    """A function that gives the scores (10,) of one picture (H, W)."""
    return lambda picture: model(picture[None, None]).get()[0]


my_occlusion = use("09.5", occlusion_map)
label = int(test.labels[24])
falls = my_occlusion(scores_of(dense), x, label, 2)
exact = cnnkit.conv2d((templates[label] * (x - x.mean()))[None, None], np.ones((1, 1, 2, 2))).get()[0, 0]
print("covering finds exactly what the weights say:", bool(np.allclose(falls, exact, atol=1e-4)))

# %% [markdown]
# On a linear network, occlusion is exact. Now we may try it on one that we do not understand.
#
# **Predict first.** The pad's corners are empty in most digits. Cover an empty corner with the picture's mean gray: does the
# answer of the convolutional network change? And with a patch of 0?


# %% tags=["demonstration", "reveal"]
def predict(picture):
    """The probabilities (10,) that the network gives one picture (H, W)."""
    return cnnkit.softmax(network(picture[None, None])).get()[0]


print("ink in the corner:", x[:2, :2].sum())
for name, gray in (("the mean", x.mean()), ("0", 0)):
    covered = x.copy()
    covered[:2, :2] = gray
    print(f"covered with {name}, some probability changes:", bool((predict(covered) != predict(x)).any()))

# %% [markdown]
# A gray patch on an empty corner hides nothing: it **adds** ink where there was none, and the network reacts. With 0, the
# covered picture is the same picture. So an occlusion map does not tell what the network *looked at*; it tells what happens
# under one particular change. Another gray is another question.
#
# ## Fifth look: a touch on every pixel
#
# Covering is a large change. The other extreme is an infinitely small one: how steeply does the score of class $c$ change with
# each pixel? That is the gradient of the score with respect to the *input*, $\partial s_c / \partial x_{i,j}$, and its
# picture is called a [saliency map](glossary.ipynb#saliency-map). In [notebook 07](07_gradient_descent.ipynb) the gradient
# changed the weights; the very same backward pass goes on to the picture if you let it:

# %% tags=["demonstration"]
calm = Sequential(*(layer for layer in network.layers if not isinstance(layer, Dropout)))


def saliency(model, picture, digit):
    """The slope of a digit's score at every pixel (H, W)."""
    scores = model.forward(picture[None, None])
    upstream = np.zeros(scores.shape, np.float32)
    upstream[0, digit] = 1  # of all ten scores, this one
    return model.backward(upstream).get()[0, 0]


slope = saliency(calm, x, label)
more, less = x.copy(), x.copy()
more[3, 3] += 0.01
less[3, 3] -= 0.01
measured = (scores_of(calm)(more) - scores_of(calm)(less))[label] / 0.02
print("nudging one pixel by a hundredth gives the same slope:", bool(abs(measured - slope[3, 3]) < 0.05))

# %% [markdown]
# (`calm` has the same layers without [dropout](glossary.ipynb#dropout), which would throw a part of the answer away at
# random. For a linear network, the saliency map is its weights, whatever the picture: try `saliency(dense, x, 3)`.)
#
# Both tools, on four digits. (We cover with an eye on the score, too, so that both tools speak of the same number: a
# probability of nearly 1 hardly falls, however much the score does.) Where do they agree?

# %% tags=["drawing", "answer", "nbval-ignore-output"]
chosen = [11, 3, 24, 31]
figure, axes = plt.subplots(3, 4, figsize=(7, 5.4), layout="constrained")
for n, (above, middle, below) in zip(chosen, axes.T, strict=True):
    picture = test.images[n, 0]
    read = int(predict(picture).argmax())
    by_cover, by_touch = my_occlusion(scores_of(network), picture, read, 2), saliency(calm, picture, read)
    above.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
    above.set(title=f"read as {read}")
    for axis, values in ((middle, by_cover), (below, by_touch)):
        most = np.abs(values).max()
        axis.imshow(values, cmap="PuOr_r", vmin=-most, vmax=most)
for axis, name in zip(axes[:, 0], ("digit", "covered", "touched"), strict=True):
    axis.set_ylabel(name, rotation=0, ha="right", va="center")
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
show(
    figure,
    "Four digits, below each its occlusion map and its saliency map. In the first, orange is where the score falls when it is "
    "covered; in the second, where more ink would raise it. The two maps of a digit share some spots and differ in others.",
)

# %% [markdown]
# They answer different questions, and we can say by how much. From the slopes one can *forecast* what a patch will do: the
# sum of slope times $(x - m)$ over its pixels. For the linear network this forecast was exact. For yours:

# %% tags=["answer", "nbval-ignore-output"]
forecasts, measured = [], []
for picture in test.images[:12, 0]:
    read = int(predict(picture).argmax())
    change = (saliency(calm, picture, read) * (picture - picture.mean()))[None, None]
    forecasts.append(cnnkit.conv2d(change, np.ones((1, 1, 2, 2))).get().ravel())
    measured.append(my_occlusion(scores_of(network), picture, read, 2).ravel())
forecasts, measured = np.concatenate(forecasts), np.concatenate(measured)
correlation = np.corrcoef(forecasts, measured)[0, 1]
opposite = (np.sign(forecasts) != np.sign(measured)).mean()
print(f"correlation of forecast and measurement: {correlation:.2f}")
print(f"places where even the sign is wrong:     {opposite:.0%}")

# %% tags=["answer"]
print("related, but not the same:", bool(0.5 < correlation < 0.97), bool(0.03 < opposite < 0.4))

# %% [markdown]
# cnnkit's explorer draws both maps, too. It covers all places in one batch, which is what you would do next:

# %% tags=["demonstration"]
print(inspect.getsource(inside.occlusion))

# %% [markdown]
# ## A test for the tools
#
# Here are the second layer's maps of one digit, twice. One row comes from your trained network, the other from its copy that
# has never seen a digit. **Predict first:** which is which, A or B? Be honest: how sure are you?

# %% tags=["drawing"]
figure, axes = plt.subplots(2, 16, figsize=(11, 1.9), layout="constrained")
for line, name, model in zip(axes, "AB", (untrained, network), strict=True):
    volume = model.activations(x[None, None])[4].get()[0]
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for axis, feature_map in zip(line, volume, strict=True):
        axis.imshow(feature_map, cmap="magma", vmin=0, vmax=max(feature_map.max(), 1e-6))
        axis.set(xticks=[], yticks=[])
show(
    figure,
    "Two rows, A and B, of 16 feature maps each, every map in its own range of colors: in both, some show outlines of the "
    "digit, others a few spots.",
)

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
print("A is the network that knows nothing; it reads", f"{evaluate(untrained, test)['accuracy']:.0%} right")
alike = []
for picture in test.images[:40, 0]:
    read = int(predict(picture).argmax())
    naive = Sequential(*(one for one in untrained.layers if not isinstance(one, Dropout)))
    maps_of = [np.abs(saliency(model, picture, read)).ravel() for model in (calm, naive)]
    alike.append(np.corrcoef(maps_of)[0, 1])
print(f"saliency maps of the two: correlation {np.mean(alike):.2f}")

# %% tags=["demonstration", "reveal"]
print("the saliency map changed with what was learned:", bool(np.mean(alike) < 0.4))

# %% [markdown]
# Any filter, learned or not, draws outlines: a picture that looks like understanding is no proof of it. So ask every tool the
# question that doctors ask of a drug: what does it show when there is nothing to show? Feature maps fail as evidence of
# learning. Saliency passes here: it shows something else for the network that has learned. (On large photographs some
# famous methods fail this test, see J. Adebayo and others, "Sanity Checks for Saliency Maps", 2018.)
#
# ## Sure, and wrong
#
# **Predict first.** Two thousand pictures of pure noise, each pixel drawn at random. No digit anywhere. How often is the
# network more than 90 percent sure that it reads one?

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
noise = np.random.default_rng(0).random((2000, 1, 8, 8)).astype(np.float32)
sure = cnnkit.softmax(network.predict(noise)).get()
print(f"more than 90 percent sure: {(sure.max(axis=1) > 0.9).sum()} of 2000 pictures of noise")

# %% tags=["demonstration", "reveal"]
print("more than 20 of them:", bool((sure.max(axis=1) > 0.9).sum() > 20))

# %% [markdown]
# It can be driven further. Take the noise and follow the saliency map of the 3 uphill, a small step at a time, until it
# is "a 3". And there are mistakes on real digits of which it is quite sure.

# %% tags=["demonstration", "reveal"]
dream = noise[0, 0].copy()
for _ in range(30):
    dream = np.clip(dream + 0.05 * np.sign(saliency(calm, dream, 3)), 0, 1).astype(np.float32)
print("read as a 3 with more than 99 percent:", bool(predict(dream)[3] > 0.99))

# %% tags=["drawing", "nbval-ignore-output", "reveal"]
chances = cnnkit.softmax(network.predict(test.images)).get()
wrong = chances.argmax(axis=1) != test.labels
worst = int(np.argmax(np.where(wrong, chances.max(axis=1), 0)))
panels = [
    (test.images[worst, 0], f"written {test.labels[worst]}"),
    (noise[int(sure.max(axis=1).argmax()), 0], "noise"),
    (dream, "noise, made a 3"),
]
figure, axes = plt.subplots(2, 3, figsize=(8, 4.4), layout="constrained", height_ratios=[3, 2])
for (picture, name), (above, below) in zip(panels, axes.T, strict=True):
    above.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
    above.set(xticks=[], yticks=[], title=name)
    below.bar(range(10), predict(picture), color="#0072B2")
    below.set(xticks=range(10), yticks=[0, 1], ylim=(0, 1), xlabel=f"read as {predict(picture).argmax()}")
show(
    figure,
    "Three pictures above their ten probabilities: the test digit that is misread with the greatest confidence, noise that is "
    "read as a digit, and noise that was changed until it is read as a 3. Each has one high bar.",
)

# %% [markdown]
# [Softmax](glossary.ipynb#softmax) shares out 100 percent among ten digits, whatever the picture. There is no eleventh class
# for "no digit", and nobody ever showed the network anything else. A probability near 1 means "much rather this digit than the
# nine others", and not "I know what this is".
#
# ## The verdict
#
# | we asked | we know now | still hidden |
# |---|---|---|
# | What are the filters? | every number; in the first layer, hardly different from chance | why these and not others: many sets read equally well |
# | What do the maps show? | what each number has seen, and how it came about | what it *means*; untrained maps look as clever |
# | What excites a filter? | the patches, and that no filter belongs to one digit | whether our name for it is right |
# | What does the answer need? | the effect of any patch that we try | the effect of all those that we did not try |
# | What would change it? | the slope at every pixel, exactly, for this picture | how far the slope holds: it misjudged the sign at many places |
# | Is it sure? | how it ranks ten digits | whether there is a digit at all |
#
# So is the article right that interpretability is limited? Yes, and we can say how. Nothing in this network is secret: each
# of its 5050 numbers can be read, each product followed, each question about *one* change answered exactly. What is missing
# is a short reason. "Because 5050 numbers came out this way" is a complete answer, and no explanation. It is not a
# black box. It is a box of glass with too many wheels.
#
# ## Where you are

# %% tags=["answer", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## What you can do now
#
# - show the filters and feature maps of any network, and measure how far they moved from where they began;
# - work out how far a number sees, by formula and by trying;
# - find the pictures that excite a filter, and distrust the name that you give it;
# - make an occlusion map and a saliency map, and say what question each of them answers;
# - test a tool on a network that you know, and on one that knows nothing.
#
# **Answers to the explorer's questions.** 1: 5 pixels, then 6: the pooling joins two neighbors. Near the border a part of the
# frame hangs over, where there is only padding. 2: Often, yes: look for blue. A stroke that it needs for one digit
# can speak for another one, too. 3: By exactly 0: covering nothing with nothing changes nothing.
#
# **To think on.** With only *two* filters in the first layer, would random ones still do? Try it: change 16 to 2 in both
# places, and freeze them as above. · How would you teach the network to say "this is no digit"? What would you have to show it? ·
# A doctor's assistant is right in 98 of 100 cases and cannot say why. Which of the six rows of the verdict would you want filled
# before you used it?
#
# **Next:** [10 Is it true?](10_is_it_true.ipynb) takes the article's advantages and disadvantages one by one, and measures them.
