# %% [markdown]
# # 12 · Full size
#
# **The question of this notebook:** does it scale to 60 000 images?
#
# *You are here:* [10 Is it true?](10_is_it_true.ipynb) → [11 Make it fast](11_make_it_fast.ipynb) → **12 Full size**
#
# In [notebook 08](08_train_a_classifier.ipynb) a network learned from 1438 digits of 8×8 pixels. **MNIST** has 60 000 digits
# of 28×28: five hundred times as many numbers. For a quarter of a century it has been the set on which new networks are tried
# first, and it is small beside what they learn from today. Yet what you do here, with some patience, is what is done in
# data centers.
#
# The article says four things about size: such networks "handle large amounts of data", they reach "high accuracy", they
# *require* large amounts of labeled data, and they take "a lot of memory". You will measure all four. In the end you take
# a trained network with you, in a file that other programs can run.

# %%
import inspect
import math
import os
import tempfile
import textwrap
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import cnnkit
from cnnkit import Adam, Callback, LinearDecay, data, evaluate, fit
from cnnkit.exercises import check, hint, progress, solution, use
from cnnkit.explore import TrainingDashboard, show
from cnnkit.files import load_arrays
from cnnkit.models import small_cnn

# %% [markdown]
# ## Which pictures?
#
# MNIST does not come with the course. If you have its four files, write their folder into the next cell. If not, and if
# 12 MB of download are no trouble, write `download = True`; the files are kept for the next time. Then run the notebook
# from here on. With MNIST, its training takes one to five minutes, and a later cell two to ten.
#
# **Without MNIST nothing is lost but size.** The small digits stand in, every cell works, and where the text gives a number
# for MNIST it says so: those were measured in November 2026, on two cores of a server processor.

# %% tags=["demonstration", "nbval-ignore-output"]
# A folder: where the four files are, as in "my-data/mnist"; or "my-data", if its folders are called
# mnist, fashion_mnist and cifar10.
folder = os.environ.get("CNNKIT_DATA")
download = False  # True: fetch MNIST once

full_size = False
if folder or download:
    try:
        everything, test = data.mnist(folder)
        full_size = min(len(everything), len(test)) > 0
    except cnnkit.DataError as error:
        print(error)
if not full_size:
    everything, test = data.digits(test=0.2, seed=0)
    print("MNIST is not here: the small digits stand in for it.")
print("to learn from: ", everything)
print("for the end:   ", test)

# %% tags=["drawing", "nbval-ignore-output"]
figure, axes = plt.subplots(1, 10, figsize=(9, 1.3), layout="constrained")
for digit, axis in enumerate(axes):
    axis.imshow(everything.images[everything.labels == digit][0, 0], cmap="gray_r", vmin=0, vmax=1)
    axis.set(xticks=[], yticks=[], title=digit)
show(figure, "One picture of each digit, from the pictures that this run of the notebook learns from.")

# %% [markdown]
# ## Three parts, three purposes
#
# In notebook 08 one set of pictures served as the exam, again and again. Whoever tries ten networks and keeps the one with
# the best exam has learned something *from the exam*, and its number flatters. So a full-size experiment has three parts:
#
# - the [training set](glossary.ipynb#training-set), from which the weights learn;
# - the [validation set](glossary.ipynb#validation-set), to look at as often as you like: which network, which learning
#   rate, how many epochs;
# - the [test set](glossary.ipynb#test-set), which is opened **once**, at the very end.
#
# MNIST's makers put 10 000 pictures aside as the test set, from people who wrote none of the 60 000. (After notebook 08 you
# know why.) The validation set we must take from the rest ourselves: one picture in six.
#
# ## Your turn: keep some apart
#
# Write `hold_out`. It gets the `labels` of all N pictures, an `order`, which is the numbers 0 to N − 1 shuffled like a deck
# of cards, and a whole number `one_in`. It returns N marks: True where a picture is held out, False elsewhere. Of a
# [class](glossary.ipynb#class) with n pictures, n // `one_in` are held out, namely those that come first in `order`.
#
# An example, with six pictures and `one_in` 2:
#
# | | picture 0 | 1 | 2 | 3 | 4 | 5 |
# | --- | --- | --- | --- | --- | --- | --- |
# | label | 7 | 7 | 7 | 7 | 3 | 3 |
#
# The deck is 5, 2, 0, 4, 3, 1. There are four sevens, so two of them go: pictures 2 and 0 come first. There are two threes,
# so one goes: picture 5. The marks are True, False, True, False, False, True.
#
# Why marks, and not two lists? A picture that is on both sides would be an exam question that was known before. A mark
# cannot do that: every picture has exactly one.


# %% tags=["exercise", "12.1"]
def hold_out(labels, order, one_in):
    """True where a picture is held out: of each class, the first n // one_in in `order`."""
    ### BEGIN SOLUTION
    held = np.zeros(len(labels), bool)
    for k in np.unique(labels):
        members = order[labels[order] == k]  # the pictures of class k, as they come in the deck
        held[members[: len(members) // one_in]] = True
    return held
    ### END SOLUTION


# %% tags=["answer"]
check("12.1", hold_out)
# hint("12.1")
# solution("12.1")

# %% tags=["answer", "nbval-ignore-output"]
order = np.random.default_rng(0).permutation(len(everything))
held = np.asarray(use("12.1", hold_out)(everything.labels, order, 6), bool)
learn, validation = everything[~held], everything[held]
print(len(learn), "to learn from,", len(validation), "to look at on the way,", len(test), "for the end")
print("per digit, to learn from:     ", np.bincount(learn.labels))
print("per digit, to look at:        ", np.bincount(validation.labels))

# %% [markdown]
# cnnkit's own is `everything.split(test=1/6)`. It does what yours does, and takes care that the shares add up exactly:

# %% tags=["demonstration"]
text = inspect.getsource(data.Dataset.split)
print(textwrap.dedent(text[text.index("        counts = ") :]))

# %% [markdown]
# ## The same network, larger
#
# `small_cnn` makes the network of notebook 08 for pictures of 8×8, and for larger ones this:

# %% tags=["demonstration"]
small_cnn((1, 28, 28), 10, seed=0).summary((1, 28, 28))

# %% [markdown]
# Filters of 5×5 instead of 3×3, and pooling after each convolution: a stroke is two or three pixels wide here and fills a 3×3
# window. More than half of the [parameters](glossary.ipynb#parameter) are in the [dense layer](glossary.ipynb#dense-layer).
# None of it depends on how *many* pictures there are: 60 000 pictures change the time, and not one line of the code.
#
# ## How long until it is good?
#
# "99 percent" alone is half of the news: after a minute, or after a month? **Time-to-accuracy** asks for both at once: how
# many seconds of training until the validation [accuracy](glossary.ipynb#accuracy) first reaches a goal? Whole computing
# centers are compared like this.
#
# Write `time_to`, from the `seconds` that each [epoch](glossary.ipynb#epoch) took, the `accuracies` after each, and the
# `goal`. If three epochs took 10, 8 and 9 seconds and ended with 0.9, 0.97 and 0.985, then the goal 0.97 was reached after
# 18 seconds. The goal 0.99 was not reached at all: the answer then is infinity, `float("inf")`.


# %% tags=["exercise", "12.2"]
def time_to(seconds, accuracies, goal):
    """The seconds from the beginning until an epoch first ends with at least `goal`; infinity if none does."""
    ### BEGIN SOLUTION
    passed = 0
    for lasted, accuracy in zip(seconds, accuracies, strict=True):
        passed += lasted
        if accuracy >= goal:
            return passed
    return float("inf")
    ### END SOLUTION


# %% tags=["answer"]
check("12.2", time_to)
# hint("12.2")
# solution("12.2")

# %% [markdown]
# The history of a training notes the seconds of every epoch, but only those spent learning: looking at the validation set
# takes time as well. So let a clock run beside it. A **callback** is told how training goes, and this one looks at its
# watch after each epoch:


# %% tags=["demonstration"]
class Stopwatch(Callback):
    """Notes after how many seconds the validation accuracy first reaches each goal."""

    def __init__(self, *goals):
        self.goals, self.reached = goals, {}

    def on_fit_begin(self, run):
        self.begun = time.perf_counter()

    def on_epoch_end(self, run):
        passed = time.perf_counter() - self.begun
        for goal in self.goals:
            if run.history["val_accuracy"][-1] >= goal:
                self.reached.setdefault(goal, passed)  # only the first time counts


# %% [markdown]
# **Predict first.** Say the network needs some time to get from nothing to 97 percent. To halve the three mistakes in a
# hundred that are left, does it need about as long again, much less, or much more?
#
# Run the next cell for the dashboard, the one after it to train. `LinearDecay` lets the
# [learning rate](glossary.ipynb#learning-rate) shrink from epoch to epoch (the slider shows where it began; move
# it, and the rate shrinks from there).
#
# Find out while it runs, or afterwards:
#
# 1. Which epoch brings the most? And from which on does the validation accuracy do little more than wobble?
# 2. Which digits are among the worst examples in the end? Would you have read them?
# 3. How many images per second are learned? How long would a million pictures take, ten epochs each?

# %% tags=["demonstration", "nbval-ignore-output"]
dashboard = TrainingDashboard()
dashboard

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
how = {"epochs": 5, "batch_size": 64} if full_size else {"epochs": 12, "batch_size": 32}
shape = learn.images.shape[1:]
network = small_cnn(shape, 10, seed=0)
stopwatch = Stopwatch(0.90, 0.95, 0.97, 0.98, 0.985, 0.99)
history = fit(
    network,
    learn,
    validation,
    optimizer=Adam(lr=2e-3 if full_size else 3e-3),
    seed=0,
    callbacks=[dashboard, LinearDecay(), stopwatch],
    **how,
)
history

# %% tags=["answer", "nbval-ignore-output"]
my_time = use("12.2", time_to)
print("goal   by your function    by the stopwatch")
for goal in stopwatch.goals:
    mine, line = my_time(history["seconds"], history["val_accuracy"], goal), f"{goal:5.1%}"
    for seconds, wide in ((mine, 18), (stopwatch.reached.get(goal, math.inf), 20)):
        mine_or_its = f"{seconds:.1f} s" if seconds < math.inf else "never"
        line += f"{mine_or_its:>{wide}}"
    print(line)

# %% tags=["drawing", "nbval-ignore-output", "reveal"]
clock = np.cumsum(history["seconds"])
mistakes_left = 100 * (1 - np.array(history["val_accuracy"]))
figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
axis.semilogy(clock, np.maximum(mistakes_left, 0.1), "o-", color="#0072B2")
for goal in (0.9, 0.97, 0.985, 0.99):
    axis.axhline(100 * (1 - goal), color="#D55E00", linestyle=":", linewidth=1.2)
    axis.annotate(f"{goal:.1%}", (clock[-1], 100 * (1 - goal)), ha="right", va="bottom", color="#D55E00")
axis.set(xlabel="seconds of training", ylabel="mistakes in 100 (validation)", xlim=(0, None))
axis.set_yticks([1, 2, 5, 10, 20], [1, 2, 5, 10, 20])
axis.minorticks_off()
axis.set_ylim(0.6, max(25, mistakes_left.max() * 1.2))
show(
    figure,
    "Mistakes in a hundred against seconds of training, one point per epoch: a steep fall at first, then each "
    "further step down takes longer; dotted lines mark the goals.",
)

# %% [markdown]
# Where your function gives infinity, the table says "never". The stopwatch is later than the history, by the time for
# looking at the validation set.
#
# **With MNIST** the first epoch ended with 98.2 percent, the fourth with 98.9, the fifth with 99.1. At 5000 images a second
# an epoch is ten seconds: ten seconds for the first 98.2 percent, forty more for the next 0.9. So halving the mistakes,
# from 1.8 in a hundred to 0.9, took four times as long as coming to 1.8 at all. That is the usual shape, and the answer to
# the prediction: **much more**. With the small digits the table may even say "never" for 98.5: twelve epochs are not
# enough. (From pressing Enter to 99 percent, start-up and compilation included, cnnkit once took 57 seconds on that
# machine, and PyTorch, on the same two cores with a network of the same layers, 77. How that was measured is in
# `docs/performance.md`.)
#
# ## Open the test set, once

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
accuracy = evaluate(network, test)["accuracy"]
doubt = math.sqrt(accuracy * (1 - accuracy) / len(test))
print(f"{accuracy:.2%} of {len(test):,} test pictures, give or take {doubt:.2%}")

# %% [markdown]
# **With MNIST: 99.2 percent**, 83 mistakes among 10 000 pictures. The article's "high accuracy" holds.
#
# The "give or take" belongs to every such number. An exam of n pictures, of which a share $a$ is read rightly, is a game of
# chance, too: with other pictures of the same kind the result would differ, typically by
#
# $$\sqrt{\frac{a\,(1 - a)}{n}}$$
#
# For 97 percent of 359 small digits that is almost a whole percent, for MNIST a tenth of one. So large amounts of data serve
# twice: to learn, and to *know* how well it was learned.
#
# ## How many pictures does it need?
#
# Every label was given by a person. "Requires large amounts of labeled data", the article says: how large? Train the same
# network on 100 pictures, 200, 400 and so on. For a fair race each training takes the same number of
# [steps](glossary.ipynb#step), so that few pictures are seen more often and none is trained for less.
#
# **Predict first.** From 100 small digits to 1198, twelve times as many. (1198, and not the number that your `hold_out` left above:
# the race takes cnnkit's own `split`, so that it is the same for everyone.) The network trained on 100 makes some number of
# mistakes on the validation set. Of those, how many will be left with twelve times the pictures? Choose one of these:
# "more", "as many", "about a third", "about a twelfth", "about a hundredth", "none".

# %% tags=["exercise", "12.3"]
### BEGIN SOLUTION
### STUB my_share = None  # one of the six, in quotes
my_share = "about a third"
### END SOLUTION

# %% tags=["answer"]
check("12.3", my_share)
# hint("12.3")
# solution("12.3")


# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
def mistakes(pictures, exam, seed, steps=300, batch_size=32, lr=3e-3):
    """The share of mistakes on `exam` of a network that has taken `steps` steps on `pictures`."""
    model = small_cnn(pictures.images.shape[1:], 10, seed)
    epochs = math.ceil(steps / math.ceil(len(pictures) / batch_size))
    fit(model, pictures, None, epochs, batch_size, Adam(lr=lr), seed=seed, progress=False)
    return 1 - evaluate(model, exam)["accuracy"]


digits = data.digits(test=0.2, seed=0)[0]  # the test set stays closed
pool, exam = digits.split(test=1 / 6, seed=1)
small_curve = {}
for count in (100, 200, 400, 800, len(pool)):
    shares = []
    for seed in range(3):
        chosen = np.random.default_rng(seed).permutation(len(pool))[:count]
        shares.append(mistakes(pool[chosen], exam, seed))
    small_curve[count] = np.mean(shares)
    print(f"{count:5} pictures: {small_curve[count]:6.1%} mistakes, as a mean of three")

# %% [markdown]
# And MNIST. If you have it, the next cell measures its curve (some minutes); if not, it uses the one measured beforehand.

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
mnist_curve = {100: 0.141, 200: 0.094, 400: 0.056, 800: 0.039, 1600: 0.033}
mnist_curve |= {3200: 0.028, 6400: 0.020, 12_800: 0.020, 25_600: 0.016, 50_000: 0.012}
if full_size:
    mnist_curve, count = {}, 100
    chosen = np.random.default_rng(0).permutation(len(learn))
    while not mnist_curve or max(mnist_curve) < len(learn):
        pictures = learn[chosen[:count]]
        mnist_curve[len(pictures)] = mistakes(pictures, validation, 0, 1000, 64, 2e-3)
        print(f"{len(pictures):6} pictures: {mnist_curve[len(pictures)]:6.2%} mistakes")
        count *= 2
for count in (min(mnist_curve), max(mnist_curve)):
    print(f"MNIST, {count:6,} pictures: {mnist_curve[count]:.1%} mistakes")

# %% tags=["drawing", "nbval-ignore-output", "reveal"]
figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
name = "MNIST" if full_size else "MNIST, measured beforehand"
for label, curve, style in (
    ("small digits, 8 x 8", small_curve, {"color": "#0072B2", "marker": "o", "linestyle": "-"}),
    (f"{name}, 28 x 28", mnist_curve, {"color": "#D55E00", "marker": "s", "linestyle": "--"}),
):
    axis.loglog(list(curve), [100 * share for share in curve.values()], label=label, **style)
axis.set(xlabel="pictures to learn from", ylabel="mistakes in 100 (validation)")
axis.set_xticks([100, 1000, 10_000, 60_000], ["100", "1000", "10 000", "60 000"])
axis.set_yticks([1, 2, 5, 10, 20], [1, 2, 5, 10, 20])
axis.minorticks_off()
axis.grid(alpha=0.3)
axis.legend()
show(
    figure,
    "Mistakes against the number of training pictures; along both axes equal steps multiply. Both curves, small digits "
    "and MNIST, fall almost along straight lines.",
)

# %% [markdown]
# Along both axes equal steps multiply, and on such paper the curves are nearly straight: with every doubling of the pictures
# a *share* of the mistakes goes. Early on, a doubling takes away three or four tenths of the mistakes, later about two tenths;
# and some points lie beside the line: for MNIST each is a single training, and chance has its part. Twelve times the small digits left a quarter to a third of the
# mistakes; a twelfth of them would take far more pictures than that.
#
# So two sentences of the article are one curve, read from two sides. It does handle large amounts of data and becomes
# accurate *by* them; and what it "requires" depends on what you ask for. A hundred pictures of MNIST, about ten of each digit, are
# enough for 86 percent. For 97 it took three thousand. For 99 it took all of them, and more
# steps than this race allows.
#
# Look at the right end of MNIST's curve, too: 1.2 mistakes in a hundred with all 50 000 pictures, where the training
# further up left 0.9. The pictures are the same, and the time is not. A thousand steps of 64 pictures (rounded up to
# whole epochs) show each of 50 000 twice at most; the training further up took 3900, with a learning rate that shrinks.
# More pictures help whoever also takes the time to look at them.
#
# ## What must fit into memory
#
# "A lot of memory", says the article. For what? To learn, the network keeps every [volume](glossary.ipynb#volume) of every
# picture of the [batch](glossary.ipynb#batch) until the way back has used it
# ([backpropagation](glossary.ipynb#backpropagation) needs what each layer was given).
#
# Notebook 11 counted it for the small network. Now the large one, and in a function, so that you can do it for any network.
#
# **Predict first.** MNIST's network has 28 938 parameters. A batch has 64 pictures. Which takes more memory, the
# parameters or the volumes? And how many times more: twice, ten times, a hundred times?
#
# Count it. Each number is a `float32` and takes 4 bytes. With $N$ pictures in the batch and volumes of $C$ channels and
# $H \times W$ pixels,
#
# $$\text{bytes} = 4 \cdot N \cdot \sum_{\text{volumes}} C \cdot H \cdot W$$
#
# Write `batch_bytes` for a list of `volumes`, each (C, H, W), and a batch of `N`. A row of 10 scores counts as a volume of
# (10, 1, 1). For the volumes (1, 4, 4), (2, 4, 4) and (10, 1, 1) and N = 3 it is 4·3·(16 + 32 + 10) = 696.


# %% tags=["exercise", "12.4"]
def batch_bytes(volumes, N):
    """The bytes of all `volumes`, (C, H, W) each, for a batch of N pictures in float32."""
    ### BEGIN SOLUTION
    return 4 * N * sum(C * H * W for C, H, W in volumes)
    ### END SOLUTION


# %% tags=["answer"]
check("12.4", batch_bytes)
# hint("12.4")
# solution("12.4")

# %% tags=["answer"]
mnist_network = small_cnn((1, 28, 28), 10, seed=0)
summary = mnist_network.summary((1, 28, 28))
rows = [row for row in summary.rows if row[0] != "Flatten()"]  # the same numbers in another shape
volumes = [(*volume, 1, 1)[:3] for _, volume, _ in rows]
my_bytes = use("12.4", batch_bytes)
print(f"parameters: {4 * summary.parameters:,} bytes")
for N in (1, 64, 1000, 60_000):
    print(f"volumes of a batch of {N:6,}: {my_bytes(volumes, N):15,} bytes")
print(f"volumes to parameters, 64 pictures: {my_bytes(volumes, 64) / (4 * summary.parameters):.0f} to 1")

# %% tags=["answer"]
volumes_there = mnist_network.activations(np.zeros((64, 1, 28, 28)))
there = sum(volume.nbytes for volume in volumes_there) - volumes_there[7].nbytes  # 7 is the Flatten
print(f"on the device, a batch of 64: {there:,} bytes; as you counted: {there == my_bytes(volumes, 64)}")

# %% [markdown]
# A hundred to one. The weights are shared by all places of a picture and all pictures of a batch, and the volumes by none.
# The way back needs room for as many gradients again, so training with 64 pictures takes 23 MB (measured, with all that
# cnnkit keeps besides: 28 MB), and all of MNIST as a single batch would take 21 GB: more than most machines have. That is
# one reason for batches. It also says what to do when memory is short: **halve the batch**, and the network stays as it
# was. (The other reason is speed of learning: 60 000 pictures give one step as one batch, and 938 steps in batches of 64.)
#
# So the article is right with a condition. A lot of memory, yes: but for training, and in proportion to the batch. To *use*
# the network on one picture, 180 kB hold all its volumes, and each could be forgotten once the next is computed.
#
# ## Stop, and go on
#
# Full-size trainings last for days, and in days a machine fails. `fit(checkpoint=...)` writes everything to a file after
# each epoch: weights, what the optimizer remembers, the history. If the file is there already, training goes on from it.
#
# **Predict first.** Four epochs. In the third, somebody pulls the plug. We make a *new* network, with other first weights,
# and call `fit` again with the same checkpoint. Will the result be the same as without the accident: not at all, nearly, or
# to the last bit?


# %% tags=["demonstration"]
class PullThePlug(Callback):
    """Ends training after a number of steps, in the middle of an epoch."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, run):
        if run.step == self.step:
            run.stop("somebody pulled the plug")


def four_epochs(seed, **more):
    """A network for the small digits, with first weights by `seed`, and its training."""
    model = small_cnn((1, 8, 8), 10, seed)
    settings = {"epochs": 4, "batch_size": 32, "seed": 0, "progress": False}
    fit(model, pool, optimizer=Adam(lr=3e-3), **settings, **more)
    return model


# %% tags=["demonstration", "reveal"]
undisturbed = four_epochs(seed=0)
with tempfile.TemporaryDirectory() as place:
    file = Path(place) / "training.safetensors"
    four_epochs(seed=0, checkpoint=file, callbacks=[PullThePlug(step=100)])
    arrays, about = load_arrays(file)
    resumed = four_epochs(seed=7, checkpoint=file)

print("in the file:", ", ".join(arrays))
print("and the number of steps:", about["steps"])
one, other = undisturbed.state(), resumed.state()
print("the same to the last bit:", all((one[name] == other[name]).all() for name in one))

# %% [markdown]
# To the last bit. The third epoch began anew, with the weights, the two running means that Adam keeps of each
# gradient, and the order of the pictures that it would have had: the order follows from `seed` and the number of the epoch.
# Even which numbers dropout leaves out goes on where it was (`model.6.dropout` in the list).
# The new network's own weights were overwritten. Leave out any one of these, such as Adam's means, and training would go on
# well, but the result could not be repeated.
#
# (In your own work: `fit(network, learn, validation, epochs=20, checkpoint="my-training.safetensors")`, and after any
# accident the same cell again.)
#
# ## The next sets: clothes, and color
#
# **Fashion-MNIST** was made because MNIST had become too easy: ten kinds of clothes, in the same 28×28 and the same file
# format. **CIFAR-10** is color photographs of animals and vehicles, 32×32×3, the shape of the article's example. The code
# stays the same; only the shape of the input is another:

# %% tags=["demonstration"]
small_cnn((3, 32, 32), 10, seed=0).summary((3, 32, 32))

# %% tags=["demonstration", "nbval-ignore-output"]
for title, loader in (("Fashion-MNIST", data.fashion_mnist), ("CIFAR-10", data.cifar10)):
    if not folder:
        print(f"{title}: no folder was named above, so it is not trained here.")
        continue
    try:
        more, later = loader(folder)
    except cnnkit.DataError as error:
        print(error)
        continue
    some = more[:10_000]  # a part, to see how it goes
    model = small_cnn(some.images.shape[1:], len(some.classes), seed=0)
    fit(model, some, epochs=3, optimizer=Adam(lr=2e-3), callbacks=[LinearDecay()], seed=0)
    print(f"{title}, {len(some):,} pictures, 3 epochs: {evaluate(model, later)['accuracy']:.1%}")

# %% [markdown]
# We had a part of CIFAR-10: 10 000 pictures to learn from, 1000 of the test set. After three epochs the network above named
# 51 percent of the test pictures rightly, after ten 58 percent, and by then 70 percent of those it learned from: it had begun
# to learn them by heart ([overfitting](glossary.ipynb#overfitting)). The same code that reads digits to 99 percent. So "high
# accuracy" is a statement about a task, and not about convolutional networks: a cat is harder than a seven, and needs more
# pictures, more layers, or both.
#
# Fashion-MNIST we did not measure. The list of results that its makers keep has networks of two convolutions between 87.6
# and 93.9 percent; people without training in fashion, three of them voting on each picture, reached 83.5.
#
# From a terminal, `cnnkit train --data cifar10` (or `fashion_mnist`, `mnist`) fetches a set once and trains on all of it.
#
# ## Take it with you
#
# `network.save` writes a file for cnnkit. For everyone else there is **ONNX**, a format in which a network is a list of
# standard operations with their weights. Phones, browsers and other libraries run it, without Python if need be.
#
# `cnnkit.export_onnx` writes it: each layer becomes the operation of the same meaning, and [dropout](glossary.ipynb#dropout),
# which does nothing outside training, is left out. Here the file is opened by another program, `onnxruntime`, which shares
# no line with cnnkit, and both read the test set.

# %% tags=["demonstration", "nbval-ignore-output"]
try:
    import onnx
    import onnxruntime
except ImportError:
    print("For this cell, run 'pip install onnx onnxruntime' in a terminal and restart the kernel.")
else:
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "digits.onnx"  # "digits.onnx" alone: beside this notebook, to keep
        cnnkit.export_onnx(network, file, input_shape=shape, classes=test.classes)
        print("bytes in the file:", f"{file.stat().st_size:,}")
        print("operations:", " → ".join(node.op_type for node in onnx.load(file).graph.node))
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(["scores"], {"images": test.images})
    ours = network.predict(test.images)
    print(f"largest difference between two scores: {np.abs(theirs - ours).max():.0e}")
    print("digits read the same:", f"{(theirs.argmax(1) == ours.argmax(1)).mean():.2%}")

# %% [markdown]
# Not the same to the last bit, and that is no fault: the sums are the same, added up in another order, and `float32` rounds
# at every addition. What counts is that no digit is read differently.
#
# The file is small because there is so little in it: 4 bytes for each parameter, and a few names. For MNIST's network that is
# 117 kB. All that it knows about handwriting is in them.
#
# ## What to read next
#
# - M. Nielsen, *Neural Networks and Deep Learning* (free, online): the slowest and clearest way through
#   backpropagation, with MNIST all along.
# - A. Zhang, Z. Lipton, M. Li and A. Smola, *Dive into Deep Learning* (free, online): the textbook to go on with; every
#   chapter runs.
# - I. Goodfellow, Y. Bengio and A. Courville, *Deep Learning*, 2016 (free, online): the mathematics, chapter 9 for
#   convolution.
# - Y. LeCun and others, "Gradient-based learning applied to document recognition", 1998: where
#   networks like ours, and MNIST, come from. Long; its first three sections are enough.
# - K. He and others, "Deep residual learning for image recognition", 2015: how networks got a hundred layers deep, and the
#   next thing to understand after this course.
# - V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016: strides and padding, drawn.
# - The Khronos Group's *OpenCL Guide*, if the kernels were what you liked best.
#
# What this course left out, and you will meet at once: batch normalization, residual connections, networks that were trained
# by others and are only retrained a little, and networks that are not convolutional at all.
#
# ## Where you are

# %% tags=["answer", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## What you can do now
#
# - train on a full-size set, with a validation set to choose by and a test set that is opened once;
# - say how long a training took to be how good, and how sure an accuracy is;
# - read a learning curve, and estimate what more pictures would bring;
# - count the memory of a training before it begins, and choose the batch by it;
# - stop a training, and go on to the same bits;
# - take a network away as an ONNX file, and check what another program makes of it.
#
# **Answers to the explorer's questions.** 1: The first. With the small digits it wobbles from about the ninth on, with MNIST
# it still crept upward in the fifth. 2: On MNIST's test set the most frequent mix-ups were 3 with 5 (8 of 83 mistakes), then
# 0 with 6 and 4 with 9 (7 each); some nobody could read with certainty. 3: Ten million pictures at the 5000 a second of our
# two cores are 2000 seconds, half an hour; for the small digits you have your own number.
#
# **To think on.** You have a thousand labeled pictures and can pay for a thousand more, or for a day of trying
# other networks: what does the learning curve tell you? · Somebody reports 99.9 percent on 200 test pictures. What do you
# ask? · With half the batch, training needs half the memory. What else changes, and would you change the learning rate?
#
# **Next:** there is no notebook 13. Put your own pictures into a `data.Dataset(images, labels, classes)` and go back to
# [08 Train a classifier](08_train_a_classifier.ipynb), or pick up what is still open from
# [00 Start here](00_start_here.ipynb) on.
