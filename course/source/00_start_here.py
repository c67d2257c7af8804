# %% [markdown]
# # Start here
#
# **The question of this notebook:** does my machine work, and what is a kernel?
#
# This is a course on *convolutional neural networks*, the kind of program that finds a face in a photograph or
# reads a handwritten digit. You will not be asked to believe anything. Every picture below is computed on your own
# machine, while you watch, by short programs that you can open, read and change.
#
# How to use a notebook: click a gray cell and press **Shift + Enter** to run it and go to the next one. Run the cells from
# top to bottom. Nothing you do here can break your computer; if a notebook gets into a muddle, choose *Kernel → Restart
# Kernel and Run All Cells*. A notebook that you open again, or restart, has forgotten what its cells had made: its message
# then is, for instance, *name 'check' is not defined*. Run the cells again from the top. And a cell that takes too long is
# stopped by the **■** button in the toolbar.
#
# | notebook | what happens in it |
# |---|---|
# | **00 Start here** (you are here) | your machine introduces itself; a first kernel brightens a photograph |
# | [01 One filter](01_one_filter.ipynb) | nine numbers slide over a photograph and find its edges |
# | [02 A convolution layer](02_convolution_layer.ipynb) | color, and many filters at once |
# | [03 Activation](03_activation.ipynb) | why two layers are no more than one, unless something bends between them |
# | [04 Pooling](04_pooling.ipynb) | what a picture keeps when three quarters of it are thrown away |
# | [05 A whole network](05_whole_network.ipynb) | how a picture becomes probabilities, one stage at a time |
# | [06 Loss and backpropagation](06_loss_and_backprop.ipynb) | how the error reaches each weight |
# | [07 Gradient descent](07_gradient_descent.ipynb) | a filter finds its own weights |
# | [08 Train a classifier](08_train_a_classifier.ipynb) | a network learns to read handwriting, live |
# | [09 Look inside](09_look_inside.ipynb) | draw a digit, and watch every layer |
# | [10 Is it true?](10_is_it_true.ipynb) | what is said about such networks, measured |
# | [11 Make it fast](11_make_it_fast.ipynb) | where the time goes, and a kernel with a memory of its own |
# | [12 Full size](12_full_size.ipynb) | sixty thousand pictures, and the network to take away |
#
# Words that are new are links to the [glossary](glossary.ipynb).
#
# Run the next cell first. It loads the tools and asks your machine what it can compute on.

# %% tags=["nbval-ignore-output"]
import ipywidgets
import matplotlib.pyplot as plt
import numpy as np

import cnnkit
from cnnkit import data
from cnnkit.exercises import In, Launch, Out, check, explain, hint, progress, solution, use
from cnnkit.explore import Canvas, DeviceExplorer, Group, show

device = cnnkit.current_device()
print(f"Computing on: {device.name} ({device.kind}, {device.compute_units} compute units)")
device.self_test()
print("Its self-test passed: it computes what it should.")

# %% [markdown]
# That line names your [**device**](glossary.ipynb#device): a graphics card if you have one that speaks OpenCL, otherwise your
# processor, which is fast enough for everything here. Here are all that this machine has. Choose one and press *Use this one*: it
# is tested first, and if it computes rightly, everything below is computed on it. (In code, `cnnkit.devices()` lists them
# and `cnnkit.use("name")` chooses.)

# %% tags=["demonstration", "nbval-ignore-output"]
DeviceExplorer()

# %% [markdown]
# ## A photograph is a grid of numbers
#
# We need something to look at. This portrait of Grace Hopper, who wrote the first compiler, comes with Matplotlib.

# %% tags=["demonstration"]
photo = data.photo()  # 300 x 300 pixels, from 0 (black) to 1 (white)
print("shape:", photo.shape)

# %% tags=["drawing"]
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
left.imshow(photo[0, 0], cmap="gray", vmin=0, vmax=1)
left.add_patch(plt.Rectangle((119.5, 89.5), 6, 6, fill=False, color="#D55E00", linewidth=2))
left.set(xticks=[], yticks=[], title="the photograph")
patch = photo[0, 0, 90:96, 120:126]
right.imshow(patch, cmap="gray", vmin=0, vmax=1)
for (row, column), value in np.ndenumerate(patch):
    color = "white" if value < 0.5 else "black"
    right.text(column, row, f"{value:.2f}", ha="center", va="center", color=color)
right.set(xticks=[], yticks=[], title="6 x 6 of its pixels")
show(figure, "A gray portrait, and six by six of its pixels with the number of each written on it.")

# %% [markdown]
# The shape has four numbers, and they mean the same all through the course: **(images, channels, height, width)**. Here
# that is one image, with one channel because it is gray, 300 pixels high and 300 wide. A color photograph has three
# channels: red, green and blue.
#
# ## A kernel is what happens to one pixel
#
# To make the photograph brighter, every number must grow. There are 90 000 of them, and no one waits for any other. A
# device is built for just that: you write down what happens to **one** pixel, and it does that to all of them, many at
# a time. Such a piece of code is called a
# [**kernel**](glossary.ipynb#kernel), and the work on one pixel is called a [**work-item**](glossary.ipynb#work-item). The language
# is *OpenCL C*, and this is most of what you need of it. `__global const float *image` is a long row of numbers in the
# device's memory, the pixels one after the other; `const` promises only to read it; `void` says that a kernel returns
# nothing: it writes its answer into `result`. Three things are not as in Python: every statement ends with a **semicolon**;
# `//` begins a remark, as `#` does in Python; and a new name is introduced with its type, `int` for a whole number, `float` for one
# with a fraction.

# %% tags=["demonstration"]
# %%kernel brighten
# __kernel void brighten(__global const float *image, __global float *result, const int n, const float amount)
# {
#     int i = get_global_id(0);           // which work-item am I? 0, 1, 2, ... : that is my pixel
#     if (i < n)                          // there may be a few work-items more than pixels
#         result[i] = image[i] + amount;  // my pixel, brighter
# }

# %% [markdown]
# The first line, `%%kernel brighten`, makes the cell a kernel with that name. What is missing is how it is to be run: which
# arrays it is given, and how many work-items it takes. The sentence in quotes says it in words; for your own
# kernels this part is always there already.


# %% tags=["demonstration"]
def over_all_pixels(image, amount):
    """What goes in, what comes out, two numbers; and one work-item for each pixel, 64 at a time."""
    return Launch((In(image), Out(image.shape), image.size, amount), (image.size,), ((64,),))


brightened = brighten.bind(over_all_pixels)
print("first pixel before:", round(float(photo[0, 0, 0, 0]), 3))
print("first pixel after: ", round(float(brightened(photo, 0.25)[0, 0, 0, 0]), 3))

# %% [markdown]
# **Predict first.** Work-items start in whole [work-groups](glossary.ipynb#work-group), here of 64. The photograph has 90 000
# pixels. How many work-items does the device start? Choose one: "64", "1 407", "89 984", "90 000", "90 048", "5 760 000".
# (A wrong answer costs nothing, here and everywhere: the check tells you what it sees, and you try again. Take away the
# `#` in front of `hint`, and the cell gives you a hint, too.)

# %% tags=["exercise", "00.1"]
### BEGIN SOLUTION
### STUB my_work_items = None  # one of the six, in quotes
my_work_items = "90 048"
### END SOLUTION

# %% tags=["answer"]
check("00.1", my_work_items)
# hint("00.1")
# solution("00.1")

# %% [markdown]
# Which of them have no pixel, and what do these do? Look for the line in the kernel that was written for them.
#
# The kernels of your cells run in a **process of their own**, beside this notebook. A kernel that writes where it must not,
# crashes or never ends is stopped there, and the notebook lives on and tells you what happened. So try things out!
#
# Now put a slider on it. Drag it, or click it and use the arrow keys: each time, the kernel runs over all 90 000 pixels
# and the new picture appears.

# %% tags=["demonstration"]
picture = Canvas(name="brightened photo", interactive=False)
slider = ipywidgets.FloatSlider(0.25, min=-1, max=1, step=0.05, description="amount")


def redraw(change=None):
    """Compute the picture for the slider's value and show it."""
    picture.show(brightened(photo, slider.value)[0, 0], 0.0, 1.0, title="photo + amount")


slider.observe(redraw, "value")
redraw()
Group(slider, picture, caption="The portrait, brighter by the amount that the slider says.")

# %% [markdown]
# **Predict first.** Drag the amount to 1. Every pixel is now between 1 and 2. What do you expect to see, and is anything
# of the photograph left? Decide before you look.
#
# It is all white: the screen shows nothing brighter than 1. The *numbers* still differ from pixel to pixel, so nothing is
# lost. Drag it back and the photograph returns, because each picture is computed from the original.
#
# ## Your turn
#
# Brightening adds the same amount everywhere. **Contrast** does something else: it pushes dark and bright apart, by
# multiplying each pixel's distance from middle gray (0.5). Write the line that is missing below, so that each pixel becomes
# 0.5 + factor · (pixel − 0.5). In the kernel, your pixel is `image[i]` and its answer goes to `result[i]`. Then run the
# check: it tries your kernel on fresh numbers, and if something is wrong, it tells you what.

# %% tags=["exercise", "00.2"]
# %%kernel contrast
# __kernel void contrast(__global const float *image, __global float *result, const int n, const float factor)
# {
#     int i = get_global_id(0);
#     if (i < n)
#         ### BEGIN SOLUTION
#         result[i] = 0.5f + factor * (image[i] - 0.5f);
#         ### END SOLUTION
# }

# %% tags=["answer"]
check("00.2", contrast)
# hint("00.2")
# solution("00.2")

# %% [markdown]
# And on the photograph? Drag the factor below 0, too. (Until your kernel is right, cnnkit's own stands in for it.)

# %% tags=["answer", "nbval-ignore-output"]
my_contrast = use("00.2", contrast)
contrast_picture = Canvas(name="photo with contrast", interactive=False)
strength = ipywidgets.FloatSlider(2, min=-2, max=4, step=0.1, description="factor")


def recompute(change=None):
    """Compute the picture for the slider's factor and show it."""
    contrast_picture.show(my_contrast(photo, strength.value)[0, 0], 0.0, 1.0, title="with contrast")


strength.observe(recompute, "value")
recompute()
Group(strength, contrast_picture, caption="The portrait, its contrast multiplied by what the slider says.")

# %% [markdown]
# ## Your turn: where is my pixel?
#
# A kernel sees no rows and columns: the image comes as one long row of numbers, first the top row from left to right, then the
# second row, and so on. A work-item that wants to know where it is must work it out. In an image with `width` columns, in
# which row and which column is pixel `i`? Count all three from 0.


# %% tags=["exercise", "00.3"]
def place_of(i, width):
    """(row, column) of pixel number `i` of an image with `width` columns."""
    ### BEGIN SOLUTION
    return i // width, i % width
    ### END SOLUTION


# %% tags=["answer"]
check("00.3", place_of)
# hint("00.3")
# solution("00.3")

# %% [markdown]
# A slip in a kernel is no disaster. Take away a semicolon above and run that cell: the message names the line, and what the
# compiler could not understand. What you have solved is kept in a small file beside the notebooks:

# %% tags=["answer", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## What you can do now
#
# - say what a *device*, a *kernel* and a *work-item* are;
# - read the shape of a batch of images: (images, channels, height, width);
# - write a kernel that changes every pixel on its own;
# - say which work-item has which pixel, and why some have none.
#
# **To think on.** Why does the kernel not need to know how many pixels there are in a row? · What would happen without the line
# `if (i < n)`? (Try it: the check says what a kernel did beside its buffers.) · Which changes to a photograph can *not* be made
# by looking at one pixel at a time?
#
# Each pixel was on its own here. Things get interesting when a pixel may look at its neighbors:
# **[01 One filter](01_one_filter.ipynb)**.
