# %% [markdown]
# # 08 · Train a classifier
#
# **The question of this notebook:** can it read handwriting?
#
# *You are here:* [06 Loss and backpropagation](06_loss_and_backprop.ipynb) → [07 Gradient descent](07_gradient_descent.ipynb) →
# **08 Train a classifier** → [09 Look inside](09_look_inside.ipynb) → [10 Is it true?](10_is_it_true.ipynb)
#
# In notebook 05 we built a network that turns a picture into probabilities, and all it could do was guess. Now it will
# learn. You will watch it go from one right answer in ten to ninety-eight in a hundred, in a few seconds, and then look
# hard at what that number means.

# %%
import tempfile
from pathlib import Path

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np

import cnnkit
from cnnkit import (
    Adam,
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
    data,
    fit,
)
from cnnkit.exercises import check, hint, leaders, progress, solution, use
from cnnkit.explore import Canvas, Group, TrainingDashboard, show
from cnnkit.model import load
from cnnkit.train import evaluate

# %% [markdown]
# ## The pictures
#
# 1797 real digits, written by 13 people. Each is only 8×8 pixels: every pixel says how much ink fell into one square of
# a grid, from 0 (no ink, shown black) to 1 (full of ink, shown white). Move the slider and read a few. Are you right every time?

# %% tags=["demonstration"]
everything = data.digits(test=None)
picture = Canvas(name="digit", interactive=False)
answer = ipywidgets.Label()
number = ipywidgets.IntSlider(0, 0, len(everything) - 1, description="which one")


def show_digit(change=None):
    """Show the digit that the slider names, and what its writer meant."""
    picture.show(everything.images[number.value, 0], 0.0, 1.0, title=f"digit {number.value}")
    answer.value = f"its writer meant: {everything.labels[number.value]}"


number.observe(show_digit, "value")
show_digit()
Group(number, picture, answer, caption="One digit of 8 x 8 pixels, chosen by the slider.")

# %% [markdown]
# ## Keep some for the exam
#
# A network can learn its training pictures by heart, so they say little about what it has understood. We set a fifth of
# the digits aside, show it the other four fifths, and let it sit the exam on the fifth that it has never seen. (The charts
# below call the exam [*validation*](glossary.ipynb#validation-set).) The split is **stratified**: each digit makes up the same share of both parts.

# %% tags=["demonstration"]
train, test = data.digits(test=0.2, seed=0)
print(len(train), "digits to learn from,", len(test), "for the exam")
print("per digit, learn:", np.bincount(train.labels))
print("per digit, exam: ", np.bincount(test.labels))

# %% [markdown]
# ## The network
#
# Two convolutions of 16 filters each, one pooling, and a dense layer that gives each digit a score. [**Dropout**](glossary.ipynb#dropout) is new:
# in training it sets three in ten of its inputs to zero, different ones each time, so that no single number can be relied
# on; in the exam it does nothing. There is no softmax at the end because the loss works on the scores.


# %% tags=["demonstration"]
def make_network(seed):
    """A small convolutional network for 8 x 8 digits; the seed decides its first, random weights."""
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


network = make_network(seed=0)
network.summary((1, 8, 8))

# %% [markdown]
# ## Learn
#
# What happens in a step of training? Take 32 pictures, a [**batch**](glossary.ipynb#batch). Let the network answer. Measure how wrong it is: the
# [**cross-entropy** loss](glossary.ipynb#cross-entropy) is $-\log p$, where $p$ is the probability that it gave to the right digit. That is 0 for a
# network that is sure and right, and large for one that is sure and wrong. Then ask, for each of the 5050 weights and biases: would the
# loss shrink if you were a little larger, or a little smaller? [**Backpropagation**](glossary.ipynb#backpropagation) answers that for all of them in one
# pass backward through the layers. Move each weight a little in its direction, and take the next 32 pictures. (**Adam** is
# a way of choosing how much: it keeps a running mean of each weight's slope.)
#
# **Predict first.** Suppose the untrained network cannot tell the digits apart and gives each of the ten the same
# probability. What is its loss? Two digits after the point are enough. (The logarithm is the natural one, as everywhere
# in this course: `np.log`.)

# %% tags=["exercise", "08.1"]
### BEGIN SOLUTION
### STUB my_first_loss = None  # a number
my_first_loss = -np.log(1 / 10)
### END SOLUTION

# %% tags=["answer"]
check("08.1", my_first_loss)
# hint("08.1")
# solution("08.1")

# %% [markdown]
# Then see where the curve begins.
#
# Run the next cell to get the dashboard, and the one after it to train. That lasts only a few seconds, so press *Pause* early, then
# *Step* a few times: each press is one batch of 32. (If it is over before you can press, run the cells that make and train
# the network again with `epochs=100`, and afterwards once more with 12.) Then *Resume*, and if you like, move the
# [**learning rate**](glossary.ipynb#learning-rate), the length of each step (it begins at 0.003). Look at the 16
# filters of the first layer: do not expect pictures, 3×3 is too small for that; but some change a lot from the noise that they
# were, and some hardly at all. And look at the worst examples, the digits that cost the most: would you have read them?

# %% tags=["demonstration", "nbval-ignore-output"]
dashboard = TrainingDashboard()
dashboard

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
history = fit(
    network,
    train,
    test,
    epochs=12,
    batch_size=32,
    optimizer=Adam(lr=3e-3),
    seed=0,
    callbacks=[dashboard],
)
history

# %% [markdown]
# One [**epoch**](glossary.ipynb#epoch) is one pass over all training pictures. Did the curve begin at 2.3? Nearer to 3: random weights do not make a
# network unsure of everything. They make it sure of nonsense, and that costs more. (In the charts below the loss starts
# lower: their first point is the mean over the whole first epoch.) If you changed the learning rate on the way, you may have got
# anything from a better network to a useless one; run the two cells that make and train the network again to go on with
# the one that the text speaks of.

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
show(
    history.plot(),
    "Two charts over the epochs: the loss falls steeply, then slowly; the accuracy rises toward "
    "100 percent, on the exam as on the pictures it learns from.",
)

# %% tags=["demonstration"]
accuracy = evaluate(network, test)["accuracy"]
print("reads more than 97 of 100 unseen digits:", accuracy > 0.97)

# %% [markdown]
# ## Your turn: the loss
#
# The [accuracy](glossary.ipynb#accuracy) counts right answers; the loss also asks how sure the network was. For the scores 1, 2, 3, softmax gives
# 9, 24 and 67 percent, so if the last class is the right one (its label is 2, counted from 0), the loss is
# $-\log 0.665$, about 0.41. Write `cross_entropy` for one picture: its row of scores and its label.
#
# Scores can be around 1000, as in [notebook 05](05_whole_network.ipynb). And a network can be so sure of a wrong answer that
# the right one's probability is $10^{-900}$, which no number of the computer can hold, while the loss is a harmless 2072.
# Can you get there without computing $p$?


# %% tags=["exercise", "08.2"]
def cross_entropy(scores, label):
    """Minus the logarithm of the probability that `scores` (classes,) give to the class `label`."""
    ### BEGIN SOLUTION
    scores = scores - np.max(scores)  # softmax does not mind
    return np.log(np.exp(scores).sum()) - scores[label]  # the logarithm of a quotient is a difference
    ### END SOLUTION


# %% tags=["answer"]
check("08.2", cross_entropy)
# hint("08.2")
# solution("08.2")

# %% [markdown]
# Put to all digits of the exam, its mean is the loss that the curves above show:

# %% tags=["answer", "nbval-ignore-output"]
scores = network.predict(test.images)
my_loss = use("08.2", cross_entropy)
losses = np.array([my_loss(row, label) for row, label in zip(scores, test.labels, strict=True)])
print(f"by your function: {losses.mean():.4f}, by cnnkit: {evaluate(network, test)['loss']:.4f}")

# %% [markdown]
# ## Look at its mistakes
#
# A single number hides much. The [**confusion matrix**](glossary.ipynb#confusion-matrix) shows which digit was taken for which: one row for each digit that
# was written, one column for each that was read. In row 3, column 8 stands how many threes were read as eights.
#
# Write `confusion_matrix`, from the labels `written` and the network's answers `read`, two arrays of equally many digits.
# When 3, 3, 3, 5, 9 were written and 3, 8, 3, 5, 4 were read, it holds a 2 in row 3, column 3 and a 1 in three other places.


# %% tags=["exercise", "08.3"]
def confusion_matrix(written, read):
    """How often each digit was read as each: 10 rows (written) and 10 columns (read) of counts."""
    ### BEGIN SOLUTION
    counts = np.zeros((10, 10), int)
    for row, column in zip(written, read, strict=True):
        counts[row, column] += 1
    return counts
    ### END SOLUTION


# %% tags=["answer"]
check("08.3", confusion_matrix)
# hint("08.3")
# solution("08.3")

# %% tags=["answer"]
read = scores.argmax(axis=1)
confusion = np.asarray(use("08.3", confusion_matrix)(test.labels, read))
print("digits of the exam:", int(confusion.sum()))

# %% tags=["drawing"]
figure, axis = plt.subplots(figsize=(4.6, 4.4), layout="constrained")
axis.imshow(np.sqrt(confusion), cmap="magma")
for (row, column), count in np.ndenumerate(confusion):
    if count:
        axis.text(
            column, row, f"{count:.0f}", ha="center", va="center", color="black" if count > 18 else "white"
        )
axis.set(xticks=range(10), yticks=range(10), xlabel="read as", ylabel="written")
show(
    figure,
    "A table of ten by ten: nearly all counts lie on the diagonal, where the digit that was read "
    "is the digit that was written.",
)

# %% tags=["drawing", "nbval-ignore-output"]
probabilities = cnnkit.softmax(scores).get()
hardest = np.argsort(losses)[-4:][::-1]  # the largest losses
figure, axes = plt.subplots(2, 4, figsize=(9, 4.2), layout="constrained", height_ratios=[3, 2])
for i, (above, below) in zip(hardest, axes.T, strict=True):
    above.imshow(test.images[i, 0], cmap="gray_r")
    above.set(xticks=[], yticks=[], title=f"written {test.labels[i]}, read {read[i]}")
    below.bar(range(10), probabilities[i], color="#0072B2")
    below.set(xticks=range(10), ylim=(0, 1), yticks=[0, 1])
show(
    figure,
    "The four digits with the largest loss, each above its ten probabilities.",
)

# %% [markdown]
# These four (with dark ink, as on paper) have the largest loss: their right answers got the lowest probability. Would *you* have read them right?
#
# ## How good is it really?
#
# An exam of 359 digits is short: one more mistake moves the result by a quarter of a percent, and another split or other
# first weights give another number. So train five times, with five splits and five first weights, and take the mean.

# %% tags=["demonstration", "nbval-ignore-output"]
results = []
for seed in range(5):
    learn, exam = data.digits(test=0.2, seed=seed)
    model = make_network(seed)
    fit(model, learn, epochs=12, batch_size=32, optimizer=Adam(lr=3e-3), seed=seed, progress=False)
    results.append(evaluate(model, exam)["accuracy"])
    print(f"seed {seed}: {results[-1]:.2%}")
print(f"mean:   {np.mean(results):.2%}")

# %% tags=["demonstration"]
print("at least 98 percent, as a mean of five:", np.mean(results) >= 0.98)

# %% [markdown]
# ## An honest exam
#
# **Predict first.** Suppose we had been lazy and simply taken the *last* fifth of the file for the exam. The same
# digits, the same network, the same training. How well would it read, beside the mean of five? Choose one of these:
# "clearly better", "a little better", "the same", "clearly worse", "half right", "one in ten right".

# %% tags=["exercise", "08.4"]
### BEGIN SOLUTION
### STUB my_guess = None  # one of the six, in quotes
my_guess = "clearly worse"
### END SOLUTION

# %% tags=["answer"]
check("08.4", my_guess)
# hint("08.4")
# solution("08.4")

# %% tags=["demonstration", "nbval-ignore-output", "reveal"]
cut = len(everything) * 4 // 5
first, last = everything[:cut], everything[cut:]
lazy = make_network(seed=0)
fit(lazy, first, epochs=12, batch_size=32, optimizer=Adam(lr=3e-3), seed=0, progress=False)
print(f"exam on the last fifth of the file: {evaluate(lazy, last)['accuracy']:.1%}")

# %% tags=["demonstration", "reveal"]
print(
    "clearly worse than the mean of five:",
    evaluate(lazy, last)["accuracy"] < np.mean(results) - 0.01,
)

# %% [markdown]
# Why? Look at what was written, from four places of the file on:

# %% tags=["demonstration", "reveal"]
for start in (0, 130, 386, 516):
    print(f"from digit {start:3}:", *everything.labels[start : start + 40])

# %% [markdown]
# About every 130 digits the same sequence begins anew: one person after another filled in the same form. So the digits of
# one writer stand together, and the last fifth holds mostly the handwriting of people that the
# network has never seen, while a random split lets it learn from every writer. Neither number is wrong: they answer two
# different questions. *How well does it read people it knows? How well does it read strangers?* If you build something
# for strangers, be glad of the lazy split, and suspicious of the other.
#
# ## Does the convolution matter?
#
# Compare it with a network of dense layers that has as many parameters and is trained for as long. (One seed each, so
# take the numbers with a grain of salt.)

# %% tags=["demonstration", "nbval-ignore-output"]
dense_network = Sequential(Flatten(), Linear(64, 67), ReLU(), Linear(67, 10), seed=0)
print(f"parameters: dense {dense_network.summary((1, 8, 8)).parameters:,},", end=" ")
print(f"convolutional {network.summary((1, 8, 8)).parameters:,}")
fit(dense_network, train, epochs=12, batch_size=32, optimizer=Adam(lr=3e-3), seed=0, progress=False)
print(f"dense:         {evaluate(dense_network, test)['accuracy']:.1%}")
print(f"convolutional: {evaluate(network, test)['accuracy']:.1%}")

# %% [markdown]
# On pictures this small and this neatly centered, the difference is two or three percent. That sounds like little, and is
# more than twice as many mistakes. And it grows when things move:

# %% tags=["demonstration", "nbval-ignore-output"]
moved = np.zeros_like(test.images)
moved[:, :, :, 1:] = test.images[:, :, :, :-1]  # every digit one pixel to the right
for name, model in (("dense", dense_network), ("convolutional", network)):
    print(
        f"{name:14} exam moved by one pixel: {evaluate(model, (moved, test.labels))['accuracy']:.1%}"
    )

# %% [markdown]
# Both suffer, and that is worth remembering when someone tells you that convolutional networks do not mind where things
# are. The convolution hardly minds; the dense layer behind it does. [Notebook 10](10_is_it_true.ipynb) measures the two apart.
#
# ## Your turn: a network of your own
#
# Design a network with **at most 5000 parameters** that reads at least **97.5 percent** as a mean of three seeds. Change
# the layers as you like: fewer or more filters, a stride instead of pooling, `AvgPool2d(2)`, `LeakyReLU(slope=0.1)`, no
# dropout. The 5050 parameters of the network above are just too many. End with 10 scores, without Softmax, and pass
# `seed` on.
#
# The check takes the layers of your network, trains it three times as above, each time with another split and other first
# weights, and needs some seconds for that.
#
# (One honest word: trying many designs on one exam is a way of learning the exam. A third part, untouched until the very
# end, would be the fair judge.)


# %% tags=["exercise", "08.5"]
def my_network(seed):
    """At most 5000 parameters, from (1, 8, 8) to 10 scores."""
    ### BEGIN SOLUTION
    return Sequential(
        Conv2d(1, 12, 3, padding=1),
        ReLU(),
        Conv2d(12, 16, 3, padding=1),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Dropout(0.2),
        Linear(256, 10),
        seed=seed,
    )
    ### END SOLUTION


# %% tags=["answer"]
check("08.5", my_network)
# hint("08.5")
# solution("08.5")

# %% [markdown]
# Are you in a class? Your teacher's grading program trains every network handed in and writes down who reads best, and of those who read
# equally well, who needs fewer parameters. If the file that it makes lies beside this notebook, here are the leaders:

# %% tags=["demonstration", "nbval-ignore-output"]
leaders("08.5")

# %% [markdown]
# ## Keep it
#
# A trained network is its layers and its numbers. `save` writes both to one small file, and `load` makes the network again.

# %% tags=["demonstration"]
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.safetensors"
    network.save(path)
    again = load(path)
    same = bool((again.predict(test.images) == scores).all())
print("the loaded network gives the same scores to the last bit:", same)

# %% [markdown]
# ## Where you are
#
# What you have reached so far, in this notebook and the others:

# %% tags=["answer", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## What you can do now
#
# - train a network and read its loss and accuracy curves;
# - say what a step, a batch, an epoch and a learning rate are;
# - compute the loss of a prediction, also where the probability itself is too small to compute;
# - make and read a confusion matrix, and look behind a single accuracy;
# - tell an honest exam from a flattering one.
#
# **To think on.** The training accuracy was *below* the exam's during the first epochs. How can that be? (Two reasons:
# think of dropout, and of when each is measured.) · What would you have to change for an exam on strangers' handwriting
# to go better? · Train with a learning rate of 1. What does the loss do, and in `network.activations(test.images[:20])`,
# which is the first volume that is all zero?
