# %% [markdown]
# # Glossary
#
# The words of the course, in a sentence or two each. $x$ is the input of a layer, $w$ its filters or weights, $b$ its
# biases, $y$ its output; a batch of images has the shape $(N, C, H, W)$. The number in brackets is the notebook in which a
# word is first put to work.
#
# [Back to the start](00_start_here.ipynb)
#
# ## accuracy
#
# The share of examples whose most probable class is the right one. 0.1 is guessing when there are ten classes. (08)
#
# ## activation function
#
# A function that is applied to each number of a layer's output by itself and bends what was straight, such as ReLU. Without
# one, a stack of layers could do no more than a single layer. (03)
#
# ## average pooling
#
# Pooling that keeps the mean of each window. (04)
#
# ## backpropagation
#
# Computing the derivative of the loss for every parameter by going through the layers from the last to the first, each
# one multiplying by its own derivative: the chain rule, with nothing computed twice. (06)
#
# ## batch
#
# The $N$ examples that go through the network together. The gradient of a step is the mean over them. (02)
#
# ## bias
#
# A number that is added to every value of one filter's or neuron's output, learned like the weights. (02)
#
# ## channel
#
# One layer of numbers of an image or volume: red, green and blue in a photograph, one per filter after a convolution.
# The article calls their number the *depth*. (02)
#
# ## class
#
# One of the kinds that a classifier tells apart, such as the ten digits. (05)
#
# ## confusion matrix
#
# A table that counts, for every true class (row), as which class (column) its examples were read. (08)
#
# ## convolution
#
# In deep learning: sliding a filter over an image and taking the dot product with the patch below it at every place,
# $y_{i,j}=\sum_{r,s} w_{r,s}\,x_{i+r,\,j+s}$. Mathematicians turn the filter by 180° first, and call this one
# cross-correlation. (01)
#
# ## convolution layer
#
# $K$ filters, each as deep as its input, and $K$ biases: it turns a volume with $C$ channels into one with $K$. (02)
#
# ## cross-correlation
#
# What this course and every deep-learning library call convolution: the filter is not turned. (01)
#
# ## cross-entropy
#
# The loss of a classifier: minus the logarithm of the probability that it gave to the right class. 0 when it was certain and
# right, without end when it was certain and wrong. (06)
#
# ## data augmentation
#
# Training on altered copies of the examples (shifted, turned, mirrored), so that the network learns what may vary. (10)
#
# ## dense layer
#
# A layer in which every output is a weighted sum of *all* inputs plus a bias: a matrix product. Also called *fully
# connected*. (05)
#
# ## device
#
# What computes: a graphics card or a processor that speaks OpenCL. `cnnkit devices` lists yours. (00)
#
# ## dilation
#
# How far apart a filter's weights are laid on the image; 1 is next to each other. (01)
#
# ## dropout
#
# Setting a random share of the values to 0 in each training step, so that no neuron can rely on a single other one. (08)
#
# ## epoch
#
# Once through all training examples. (08)
#
# ## feature map
#
# One channel of a convolution layer's output: where in the image, and how strongly, its filter found what it looks for. (02)
#
# ## feedforward
#
# Computing a network's output: the data goes through the layers from the first to the last. (05)
#
# ## filter
#
# A small grid of weights that slides over an image; of the same depth as the image when this has channels. Also called
# a *kernel*, a word that this course keeps for OpenCL. (01)
#
# ## flatten
#
# Writing a volume as one long row of numbers, so that a dense layer can take it. (05)
#
# ## global memory
#
# A device's large memory, where arrays lie: every work-item can reach it, and each reach is slow. (11)
#
# ## gradient
#
# The derivatives of the loss, one for every parameter: which way, and how steeply, the loss rises when it grows. (06)
#
# ## gradient check
#
# Comparing a computed gradient with what the loss does when a parameter is moved a little, $\frac{L(w+\epsilon)-L(w-\epsilon)}{2\epsilon}$. (06)
#
# ## gradient descent
#
# Moving every parameter a small step against its gradient, again and again: $w \leftarrow w-\eta\,\frac{\partial L}{\partial w}$. (07)
#
# ## kernel
#
# In OpenCL: the function that says what one work-item does. (Elsewhere the word also means a filter.) (00)
#
# ## leaky ReLU
#
# ReLU that lets a small share of what is negative through: $\max(x, a\,x)$ with a slope $a$ such as 0.01. (03)
#
# ## learning rate
#
# How long the steps of gradient descent are, $\eta$. Too small is slow, too large diverges. (07)
#
# ## local memory
#
# A small, fast memory that the work-items of one work-group share. (11)
#
# ## logits
#
# The scores of a classifier before softmax makes probabilities of them; any real numbers. (05)
#
# ## loss
#
# One number that says how wrong the network is; training makes it smaller. Also called the *error function*. (06)
#
# ## max pooling
#
# Pooling that keeps the largest value of each window. (04)
#
# ## momentum
#
# Descending with a memory: each step keeps a share $\mu$ of the step before, like a ball that rolls. (07)
#
# ## neuron
#
# One output of a dense layer: a weighted sum, a bias and an activation function. (05)
#
# ## occlusion map
#
# How much a prediction loses when a gray patch covers each part of the image in turn: where the network looked. (09)
#
# ## one-hot
#
# A class written as a row of zeros with a single 1 in its place. (06)
#
# ## optimizer
#
# The rule that turns gradients into steps: gradient descent with momentum (SGD), or Adam. (07)
#
# ## overfitting
#
# Being much better on the training set than on new examples: learning by heart. (10)
#
# ## padding
#
# A frame of zeros around the image, so that the filter may hang over the border. (01)
#
# ## parameter
#
# A number that training changes: a weight or a bias. (02)
#
# ## pooling
#
# Making a volume smaller by keeping one number of each window, in each channel by itself. (04)
#
# ## receptive field
#
# The part of the input image that a value somewhere in the network depends on. (09)
#
# ## regularization
#
# Whatever holds overfitting back: weight decay, dropout, data augmentation, stopping early. (10)
#
# ## ReLU
#
# $\max(0, x)$: what is positive stays, the rest becomes 0. (03)
#
# ## roofline
#
# A picture of how fast a kernel can be at best on a device, from its arithmetic per byte read. (11)
#
# ## saliency map
#
# How steeply the score of a class changes with each pixel of the input: a gradient, shown as a picture. (09)
#
# ## sigmoid
#
# $\frac{1}{1+e^{-x}}$: any number to one between 0 and 1. (03)
#
# ## softmax
#
# Scores to probabilities that add up to 1: $p_i = e^{z_i} / \sum_j e^{z_j}$. (05)
#
# ## squared error
#
# A loss: the mean of the squared differences between what came out and what should have. (06)
#
# ## step
#
# One batch forward, one backward, and every parameter moved once. (08)
#
# ## stride
#
# How many pixels the window moves from one place to the next. (01)
#
# ## tanh
#
# The hyperbolic tangent: any number to one between −1 and 1. (03)
#
# ## test set
#
# Examples that are looked at only at the end, to say how good the network is. (08)
#
# ## tile
#
# The part of an image that one work-group copies into local memory, to read it from there many times. (11)
#
# ## training set
#
# The examples that the parameters are learned from. (08)
#
# ## validation set
#
# Examples kept out of training, to choose between networks and settings; the final judgment is the test set's. (08)
#
# ## volume
#
# What flows between layers: channels of rows of columns, a cuboid of numbers $C\times H\times W$. (02)
#
# ## weight
#
# A number that an input is multiplied by; filters and dense layers are made of them. (01)
#
# ## weight decay
#
# Pulling every weight a little toward 0 in each step. (10)
#
# ## weight sharing
#
# Using the same few weights at every place of the image; why a convolution layer has so few. (02)
#
# ## work-group
#
# Work-items that run together and share local memory; their number is the *local size*. (00)
#
# ## work-item
#
# One run of a kernel, usually for one number of the result; it knows itself by `get_global_id`. (00)
