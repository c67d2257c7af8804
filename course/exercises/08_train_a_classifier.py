"""The exercises of notebook 08."""

import json
import math
from functools import lru_cache

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
    Sigmoid,
    Softmax,
    Tanh,
)
from cnnkit.exercises.definition import Case, FunctionExercise, Prediction, Wrong

# --- 08.1: the first loss ----------------------------------------------------------------------------------

first_loss = Prediction(
    id="08.1",
    title="Before it has learned anything",
    answer="my_first_loss",
    right=math.log(10),
    wrong=(
        Wrong(
            "probability",
            "that is the probability of the right digit: the loss is minus its natural logarithm",
            0.1,
        ),
        Wrong(
            "ten",
            "that is how many digits there are: the loss is a logarithm of it",
            10,
        ),
        Wrong(
            "other base",
            "that is the logarithm to the base 10 (`np.log10`): the loss takes the natural one, `np.log`",
            1,
        ),
        Wrong(
            "base two",
            "that is the logarithm to the base 2 (`np.log2`): the loss takes the natural one, `np.log`",
            math.log2(10),
        ),
        Wrong(
            "negative",
            "the minus of the formula is missing: the logarithm of a tenth is negative, the loss is not",
            math.log(0.1),
        ),
        Wrong(
            "nothing wrong",
            "a loss of 0 means sure and right: p = 1. This network gives the right digit only a tenth",
            0,
        ),
        Wrong(
            "nine",
            "all ten digits share the probability, the right one included: not nine",
            math.log(9),
        ),
        Wrong(
            "the others",
            "p is what the right digit gets, one tenth: you took what the other nine get",
            -math.log(0.9),
        ),
        Wrong(
            "missing to one",
            "that is what is missing to 1: the loss is not 1 - p, but the logarithm of p with a minus",
            0.9,
        ),
        Wrong(
            "all ten",
            "you added up ten losses: a picture's loss looks at the probability of the right digit alone",
            10 * math.log(10),
        ),
    ),
    hints=(
        "The loss of a picture is -log p. Which p does the right digit get here?",
        "p is one tenth for every digit. `np.log` is the natural logarithm.",
        "-np.log(0.1), which is the same as np.log(10).",
    ),
    explanation="-ln(1/10) = ln 10 = 2.302585. It is good to know by heart: a loss of 2.3 with ten classes "
    "means that nothing has been learned yet, and a loss above it that the network is sure of wrong things.",
)


# --- 08.2: cross-entropy -----------------------------------------------------------------------------------


def cross_entropy(scores, label):
    """The logarithm of the sum, with the largest score taken off first, less the score of the right class."""
    scores = scores - np.max(scores)
    return np.log(np.exp(scores).sum()) - scores[label]


def cross_entropy_by_numpy(scores, label):
    """NumPy has a function for the logarithm of a sum of exponentials."""
    return np.logaddexp.reduce(scores) - scores[label]


def cross_entropy_of_differences(scores, label):
    """How far every score lies above that of the right class."""
    above = [score - scores[label] for score in scores]
    most = max(above)
    return most + math.log(sum(math.exp(one - most) for one in above))


def loss_cases(rng):
    yield Case({"scores": np.array([1.0, 2.0, 3.0]), "label": 2}, "values", "the example of the text")
    for classes in (2, 5, 10):
        scores = rng.permutation(classes) - 1.5 + rng.random(classes)
        yield Case({"scores": scores, "label": int(rng.integers(classes))}, "values")
        yield Case({"scores": scores, "label": int(scores.argmin())}, "values", "a wrong answer")
    yield Case({"scores": np.zeros(10), "label": int(rng.integers(10))}, "values", "ten equal scores")
    large = "large scores"
    scores = np.array([1000.0, 1001.0, 1002.0])
    yield Case({"scores": scores, "label": 2}, large, "scores around 1000")
    yield Case({"scores": scores - 2000, "label": int(rng.integers(3))}, large, "scores around -1000")
    for label, words in ((2, "sure and right"), (0, "sure and wrong")):
        yield Case({"scores": np.array([-1000.0, 0.0, 1000.0]), "label": label}, large, words)


def _quietly(function):
    """What overflows in a wrong answer of ours must not warn in the learner's notebook."""

    def quiet(*arguments):
        with np.errstate(all="ignore"):
            return function(*arguments)

    return quiet


def _softmax(scores):
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def _literally(scores, label):
    powers = np.exp(scores)
    return -np.log(powers[label] / powers.sum())


def _sum_first(scores, label):
    return np.log(np.exp(scores).sum()) - scores[label]


def _by_math(scores, label):
    return -math.log(math.exp(scores[label]) / sum(math.exp(score) for score in scores))


def _capped(least):
    """The probability with so small a number added that its logarithm can be taken."""
    return lambda scores, label: -np.log(_softmax(scores)[label] + least)


SMALL = (*(10.0**-k for k in range(3, 17)), 1e-20, 1e-30, 1e-50, 1e-100, 1e-300, np.finfo(float).eps)


def _largest_forgotten(scores, label):
    return np.log(np.exp(scores - scores.max()).sum()) - scores[label]


loss = FunctionExercise(
    id="08.2",
    title="The loss of one picture",
    answer="cross_entropy",
    groups={"values": 2, "large scores": 1},
    reference=cross_entropy,
    cases=loss_cases,
    also_right=(cross_entropy_by_numpy, cross_entropy_of_differences),
    stand_in=lambda scores, label: float(cnnkit.cross_entropy(np.asarray(scores)[None], [label]).get()),
    wrong=(
        Wrong(
            "overflow",
            "the formula is right, but e to the power of 1000 is too large for any number of the computer: "
            "take the largest score off all scores first",
            _quietly(_literally),
            also=(_quietly(_sum_first), _by_math),
        ),
        Wrong(
            "another taken off",
            "a large power of e became infinite: take off the largest score, not the smallest or the first",
            _quietly(lambda scores, label: _sum_first(scores - scores.min(), label)),
            also=(
                _quietly(lambda scores, label: _sum_first(scores - scores[0], label)),
                _quietly(lambda scores, label: _literally(scores - scores.min(), label)),
                _quietly(lambda scores, label: _literally(scores - scores[0], label)),
            ),
        ),
        Wrong(
            "underflow",
            "the probability is so small that the computer makes it 0, and its logarithm minus infinity: do "
            "not compute it. With the largest score taken off all scores first, the loss is log(sum of the "
            "exponentials) - scores[label]",
            _quietly(lambda scores, label: -np.log(_softmax(scores)[label])),
        ),
        Wrong(
            "capped",
            "a small number added to p only caps the loss: do not compute p at all",
            _capped(1e-12),
            also=(
                lambda scores, label: -np.log(np.clip(_softmax(scores)[label], 1e-7, 1)),
                *map(_capped, SMALL),
            ),
        ),
        Wrong(
            "largest forgotten",
            "you took the largest score off in the sum and not off scores[label]: it must go from both or "
            "neither",
            _largest_forgotten,
        ),
        Wrong(
            "other base",
            "that is the logarithm to the base 10: `np.log` is the natural one",
            lambda scores, label: cross_entropy(scores, label) / np.log(10),
        ),
        Wrong(
            "base two",
            "that is the logarithm to the base 2: `np.log` is the natural one",
            lambda scores, label: cross_entropy(scores, label) / np.log(2),
        ),
        Wrong(
            "no minus",
            "the minus is missing: the logarithm of a probability is negative, the loss is not",
            lambda scores, label: -cross_entropy(scores, label),
        ),
        Wrong(
            "label ignored",
            "you took the largest score's probability: the loss asks for the right class, the one that "
            "`label` names",
            lambda scores, label: cross_entropy(scores, scores.argmax()),
        ),
        Wrong(
            "class before",
            "you took the class before the right one: labels count from 0, so it is scores[label]",
            lambda scores, label: cross_entropy(scores, label - 1),
        ),
        Wrong(
            "probability",
            "that is the probability of the right class: the loss is minus its logarithm",
            lambda scores, label: _softmax(scores)[label],
        ),
        Wrong(
            "missing to one",
            "that is what the probability lacks to 1: the loss is minus its logarithm",
            lambda scores, label: 1 - _softmax(scores)[label],
        ),
        Wrong(
            "all classes",
            "you added up the losses of all classes: only the right class counts",
            lambda scores, label: sum(cross_entropy(scores, k) for k in range(len(scores))),
        ),
        Wrong(
            "every class",
            "you gave one loss for each class: pick that of the right class, [label]",
            lambda scores, label: np.logaddexp.reduce(scores) - scores,
        ),
        Wrong(
            "squared",
            "that is the squared loss of the probabilities: cross-entropy takes the logarithm of one of them",
            lambda scores, label: ((_softmax(scores) - np.eye(len(scores))[label]) ** 2).sum(),
        ),
        Wrong(
            "without softmax",
            "you took the logarithm of the score itself: softmax makes a probability of it first",
            _quietly(lambda scores, label: -np.log(scores[label])),
        ),
        Wrong(
            "score",
            "that is the score with a minus: the other scores must be weighed against it",
            lambda scores, label: -scores[label],
        ),
    ),
    hints=(
        "Softmax, then the entry of the right class, then minus its logarithm. For small scores, that is "
        "all.",
        "The logarithm of a quotient is a difference: -log(e^s / sum) = log(sum) - s, where s is the right "
        "class's score. No division is left, and no probability that could become 0.",
        "scores = scores - np.max(scores), and the answer is np.log(np.exp(scores).sum()) - scores[label].",
    ),
    explanation="-log(e^s / sum) = log(sum) - s. With the largest score taken off first, the sum is at "
    "least 1 and at most the number of classes, so its logarithm is harmless, however large or small the "
    "scores.",
)


# --- 08.3: the confusion matrix ----------------------------------------------------------------------------


def confusion_matrix(written, read):
    """One picture after the other."""
    counts = np.zeros((10, 10), int)
    for row, column in zip(written, read, strict=True):
        counts[row, column] += 1
    return counts


def confusion_by_adding(written, read):
    """np.add.at counts repeated places as often as they come."""
    counts = np.zeros((10, 10))
    np.add.at(counts, (written, read), 1)
    return counts


def confusion_by_bins(written, read):
    """Every pair of digits as one number of two digits."""
    return np.bincount(10 * written + read, minlength=100).reshape(10, 10)


def confusion_by_product(written, read):
    """A matrix product of ones and zeros counts, too."""
    return np.eye(10)[written].T @ np.eye(10)[read]


def confusion_by_comparing(written, read):
    """Each of the hundred counts on its own."""
    return [[int(((written == i) & (read == j)).sum()) for j in range(10)] for i in range(10)]


def _pair(written, read, group, words=""):
    return Case({"written": np.array(written), "read": np.array(read)}, group, words)


def _read(rng, written, mistakes):
    """What a reader makes of `written` who takes a share of the digits for others."""
    wrong = rng.random(len(written)) < mistakes
    return np.where(wrong, rng.integers(0, 10, len(written)), written)


def confusion_cases(rng):
    yield _pair([3, 3, 3, 5, 9], [3, 8, 3, 5, 4], "values", "the example of the text")
    for n, mistakes in ((40, 0.5), (300, 0.3)):
        written = rng.integers(0, 10, n)
        written[-1] = 9
        yield _pair(written, _read(rng, written, mistakes), "values")
    edge = "edge cases"
    low = rng.integers(0, 6, 30)
    yield _pair(low, low[::-1], edge, "only the digits 0 to 5")
    yield _pair([7] * 12, [7] * 11 + [1], edge, "nothing but sevens")
    yield _pair(np.arange(10), np.roll(np.arange(10), 1), edge, "each digit once, and each read wrong")


def _counted_once(written, read):
    counts = np.zeros((10, 10), int)
    counts[written, read] += 1
    return counts


def _set_to_one(written, read):
    counts = np.zeros((10, 10))
    for row, column in zip(written, read, strict=True):
        counts[row, column] = 1
    return counts


def _as_large_as_needed(written, read):
    size = max(written.max(), read.max()) + 1
    return confusion_matrix(written, read)[:size, :size]


def _shares(written, read):
    counts = confusion_matrix(written, read)
    return counts / counts.sum(axis=1, keepdims=True)


def _both_ways(written, read):
    counts = confusion_matrix(written, read)
    return counts + counts.T


confusion = FunctionExercise(
    id="08.3",
    title="Which digit was taken for which",
    answer="confusion_matrix",
    groups={"values": 2, "edge cases": 1},
    reference=confusion_matrix,
    cases=confusion_cases,
    tolerance=0,
    also_right=(confusion_by_adding, confusion_by_bins, confusion_by_product, confusion_by_comparing),
    wrong=(
        Wrong(
            "counted once",
            "a pair that comes often is counted once. With `= 1` the count never grows; and `counts[written, "
            "read] += 1` on whole arrays reads all counts before it writes any. Use a loop with `+= 1`, or "
            "`np.add.at`",
            _counted_once,
            also=(_set_to_one,),
        ),
        Wrong(
            "transposed",
            "rows and columns are swapped: the row is the digit that was written, the column the one that "
            "was read",
            lambda written, read: confusion_matrix(read, written),
        ),
        Wrong(
            "diagonal only",
            "you counted the right answers only: the mistakes are what the table is for",
            lambda written, read: np.diag(np.diag(confusion_matrix(written, read))),
        ),
        Wrong(
            "mistakes only",
            "you counted the mistakes only: the right answers belong on the diagonal",
            lambda written, read: confusion_matrix(written, read) * (1 - np.eye(10, dtype=int)),
        ),
        Wrong(
            "as large as needed",
            "the table has 10 rows and 10 columns, also for digits that do not occur: not only as many as "
            "the largest label asks for",
            _as_large_as_needed,
        ),
        Wrong(
            "nine digits",
            "there are ten digits, 0 to 9: your table has no row for the last one",
            lambda written, read: confusion_matrix(written, read)[:9, :9],
        ),
        Wrong(
            "shares of the rows",
            "you divided each row by its sum: counts are wanted, not shares",
            _quietly(_shares),
        ),
        Wrong(
            "shares",
            "you divided by the number of pictures: counts are wanted, not shares",
            lambda written, read: confusion_matrix(written, read) / len(written),
        ),
        Wrong(
            "both ways",
            "you counted each picture in two places: a 3 that was read as an 8 is no 8 that was read as a 3",
            _both_ways,
        ),
        Wrong(
            "one column",
            "you counted how often each digit was written: the table says for each what it was read as",
            lambda written, read: np.bincount(written, minlength=10),
        ),
        Wrong(
            "accuracy",
            "that is the accuracy, a single number: the table has a hundred counts",
            lambda written, read: np.mean(written == read),
        ),
    ),
    hints=(
        "Begin with a table of zeros, 10 x 10. Each picture adds 1 to one place of it. Which?",
        "Go through both rows of labels side by side: for row, column in zip(written, read).",
        "counts = np.zeros((10, 10), int), and in the loop counts[row, column] += 1.",
    ),
    explanation="One place of the table for each pair of digits. Without a loop, np.add.at(counts, "
    "(written, read), 1) counts repeated pairs as often as they come, which counts[written, read] += 1 does "
    "not.",
)


# --- 08.4: the lazy split ----------------------------------------------------------------------------------

lazy = Prediction(
    id="08.4",
    title="The last fifth of the file",
    answer="my_guess",
    choices=(
        "clearly better",
        "a little better",
        "the same",
        "clearly worse",
        "half right",
        "one in ten right",
    ),
    right="clearly worse",
    wrong=(
        Wrong(
            "clearly better",
            "nothing makes the last fifth easier. Who wrote it? In the file, one writer follows another",
            "clearly better",
        ),
        Wrong(
            "a little better",
            "another random fifth could be a little better by chance; but this one is not random: one "
            "writer follows another in the file",
            "a little better",
        ),
        Wrong(
            "the same",
            "it would be the same if the file were shuffled. But one writer follows another in it: whose "
            "digits come last?",
            "the same",
        ),
        Wrong(
            "half right",
            "too dark: strangers write the same ten digits, and most of what it has learned holds for them, "
            "too",
            "half right",
        ),
        Wrong(
            "one in ten",
            "that would be guessing: what it has learned from some people's digits is not useless for "
            "others'",
            "one in ten right",
        ),
    ),
    hints=(
        "What is different about the last fifth, if it is not drawn at random?",
        "Thirteen people wrote these digits, and the file has them one after the other.",
        "The last fifth was mostly written by people whose hand the network has never seen. Is that easier "
        "or harder?",
    ),
    explanation="The last fifth holds mostly the handwriting of people whom the network has never seen. It "
    "reads about 94 of 100 there instead of 98: three times as many mistakes.",
)


# --- 08.5: a network of one's own --------------------------------------------------------------------------

MOST_PARAMETERS, GOAL, SEEDS = 5000, 0.975, (0, 1, 2)
MOST_LAYERS = 30
MOST_NUMBERS, MOST_PRODUCTS = 50_000, 2_000_000  # for one picture, so that training takes seconds


def own_network(seed):
    """The notebook's."""
    return Sequential(
        *(Conv2d(1, 12, 3, padding=1), ReLU(), Conv2d(12, 16, 3, padding=1), ReLU(), MaxPool2d(2)),
        *(Flatten(), Dropout(0.2), Linear(256, 10)),
        seed=seed,
    )


def three_convolutions(seed):
    """More convolutions of fewer filters."""
    return Sequential(
        *(Conv2d(1, 8, 3, padding=1), ReLU(), Conv2d(8, 12, 3, padding=1), ReLU()),
        *(Conv2d(12, 12, 3, padding=1), ReLU(), MaxPool2d(2), Flatten(), Dropout(0.2), Linear(192, 10)),
        seed=seed,
    )


def leaky_network(seed):
    """Leaky ReLU, "same" padding, the window's size as a pair."""
    return Sequential(
        *(Conv2d(1, 12, (3, 3), padding="same"), LeakyReLU(0.1)),
        *(Conv2d(12, 16, 3, padding="same"), LeakyReLU(slope=0.1), MaxPool2d((2, 2))),
        *(Flatten(), Dropout(0.2), Linear(256, 10)),
        seed=seed,
    )


def _whole(least, most, pairs=0):
    """A check of one setting: a whole number in a range, or nested pairs of them; "" or what it must be."""
    words = f"a whole number from {least} to {most}" + (" or a pair of them" if pairs else "")

    def fits(value, depth):
        if isinstance(value, list):
            return depth > 0 and len(value) == 2 and all(fits(one, depth - 1) for one in value)
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    return lambda value: "" if fits(value, pairs) else words


def _number(least, most):
    def check(value):
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if plain and least <= value <= most else f"a number from {least} to {most}"

    return check


def _one_of(*words):
    listed = " or ".join(map(repr, words))
    return lambda value: "" if any(value is word or value == word for word in words) else listed


def _flag(value):
    return "" if isinstance(value, bool) else "True or False"


def _either(*checks):
    """Any of several checks."""
    return lambda value: "" if any(not c(value) for c in checks) else " or ".join(c(value) for c in checks)


_SIZE, _STEP = _whole(1, 8, pairs=1), _whole(1, 8, pairs=1)
_CHANNELS, _SEED = _whole(1, 10_000), _either(_one_of(None), _whole(0, 2**32 - 1))
_WEIGHTED = {"bias": _flag, "init": _one_of("he", "glorot")}
_WINDOW = {"kernel_size": _SIZE, "stride": _either(_one_of(None), _STEP), "padding": _whole(0, 4, pairs=1)}
# The layers that a network of one's own may have, what each is told, and how many of it must be said.
LAYERS = {
    "Conv2d": (
        Conv2d,
        3,
        {
            **{"in_channels": _CHANNELS, "out_channels": _CHANNELS, "kernel_size": _SIZE, "stride": _STEP},
            **{"padding": _either(_one_of("same", "valid"), _whole(0, 4, pairs=2))},
            **{"dilation": _whole(1, 4, pairs=1), **_WEIGHTED},
        },
    ),
    "Linear": (Linear, 2, {"in_features": _CHANNELS, "out_features": _CHANNELS, **_WEIGHTED}),
    "MaxPool2d": (MaxPool2d, 1, _WINDOW),
    "AvgPool2d": (AvgPool2d, 1, {**_WINDOW, "count_include_pad": _flag}),
    "LeakyReLU": (LeakyReLU, 0, {"slope": _number(-10, 10)}),
    "Dropout": (Dropout, 0, {"p": _number(0, 0.99), "seed": _SEED}),
    **{kind.__name__: (kind, 0, {}) for kind in (ReLU, Tanh, Sigmoid, Softmax, Flatten)},
}


def _shown(value):
    """A setting as text, short whatever it is."""
    try:
        text = repr(value)
    except RecursionError:
        text = "a list of lists of lists ..."
    return text if len(text) <= 30 else text[:27] + "..."


def described(value):
    """The list of layers in a network's description, or None where it is something else."""
    try:
        network = json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None
    layers = network.get("layers") if isinstance(network, dict) else None
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        return None
    return layers


def _strange_layer(number, layer):
    """What is wrong with the description of one layer, or ""."""
    name = layer.get("layer")
    if not isinstance(name, str) or name not in LAYERS:
        return f"layer {number} is {_shown(name)}, and only cnnkit's own layers can be trained here"
    _, needed, allowed = LAYERS[name]
    for setting in list(allowed)[:needed]:
        if setting not in layer:
            return f"layer {number}, {name}, does not say its {setting}"
    for setting, value in layer.items():
        if setting == "layer":
            continue
        if setting not in allowed:
            return f"layer {number}, {name}, has no setting {_shown(setting)}"
        asked = allowed[setting](value)
        if asked:
            return f"layer {number}, {name}: {setting} must be {asked}, and it is {_shown(value)}"
    return ""


def parameters_of(layer):
    """How many weights and biases a layer has, counted from its settings alone."""
    if layer["layer"] == "Linear":
        inputs, outputs = layer["in_features"], layer["out_features"]
    elif layer["layer"] == "Conv2d":
        size = layer["kernel_size"]
        high, wide = size if isinstance(size, list) else (size, size)
        inputs, outputs = layer["in_channels"] * high * wide, layer["out_channels"]
    else:
        return 0
    return outputs * (inputs + layer.get("bias", True))


def _pairs(value):
    return tuple(_pairs(one) for one in value) if isinstance(value, list) else value


def built(layers, seed):
    """The network of a description that has been checked."""
    made = [
        LAYERS[layer["layer"]][0](**{k: _pairs(v) for k, v in layer.items() if k != "layer"})
        for layer in layers
    ]
    return Sequential(*made, seed=seed)


def _costly(layers, rows):
    """What would take too long or too much memory, or ""."""
    numbers = sum(math.prod(shape) for _, shape, _ in rows)
    if numbers > MOST_NUMBERS:
        return f"its volumes hold {numbers:,} numbers for each picture; {MOST_NUMBERS:,} are enough here"
    products = sum(
        parameters_of(layer) * math.prod(row[1][1:]) for layer, row in zip(layers, rows, strict=True)
    )
    if products > MOST_PRODUCTS:
        return f"it takes {products:,} multiplications for each picture; {MOST_PRODUCTS:,} are enough"
    return ""


@lru_cache(maxsize=64)
def examined(text):
    """(the mistake's name, what is wrong) of a network's description, by looking alone; or ("", "")."""
    layers = described(text)
    if layers is None:
        return "no network", "the answer is not a network: my_network must return a Sequential"
    if not layers:
        return "nothing to learn", "the network has no layers"
    if len(layers) > MOST_LAYERS:
        return (
            "too many layers",
            f"the network has {len(layers):,} layers; at most {MOST_LAYERS} are trained here",
        )
    strange = next((words for words in map(_strange_layer, range(len(layers)), layers) if words), "")
    if strange:
        return "strange layer", strange
    count = sum(map(parameters_of, layers))
    if count > MOST_PARAMETERS:
        more = count - MOST_PARAMETERS
        return "too many parameters", f"it has {count:,} parameters, {more:,} too many"
    if not count:
        return "nothing to learn", "no layer of it has weights"
    return _examined_shapes(layers)


def _examined_shapes(layers):
    """The same for layers that are known to be few, small and well described."""
    names = [layer["layer"] for layer in layers]
    try:
        rows = built(layers, 0).summary((1, 8, 8)).rows[1:]
    except cnnkit.CnnkitError as error:
        if "Linear" in names and "Flatten" not in names[: names.index("Linear")]:
            return "no flatten", str(error).rstrip(".")
        weighted = next(layer for layer in layers if parameters_of(layer))
        if weighted.get("in_channels", 1) != 1:
            return "not gray", str(error).rstrip(".")
        return "shapes do not fit", str(error).rstrip(".")
    shape = rows[-1][1]
    if "Softmax" in names:
        return "softmax", "there is a Softmax in it"
    if len(shape) != 1:
        volume = " x ".join(map(str, shape))
        return "a volume", f"it ends with a volume of {volume}, and it must end with 10 scores"
    if shape != (10,):
        return "not ten", f"it ends with {shape[0]:,} numbers, and it must end with 10 scores"
    costly = _costly(layers, rows)
    return ("costly", costly) if costly else ("", "")


class _Unfinished(KeyboardInterrupt):
    """Training was interrupted: its accuracy says nothing."""


@lru_cache(maxsize=16)
def accuracies(text):
    """The accuracies of a network that has been examined, trained as in the notebook, with each seed's split.

    Remembered, because the same description gives the same numbers.
    """
    found = []
    for seed in SEEDS:
        learn, exam = cnnkit.data.digits(test=0.2, seed=seed)
        model = built(described(text), seed)
        how = {"epochs": 12, "batch_size": 32, "optimizer": Adam(lr=3e-3)}
        if len(cnnkit.fit(model, learn, **how, seed=seed, progress=False)) < how["epochs"]:
            raise _Unfinished
        found.append(cnnkit.evaluate(model, exam)["accuracy"])
    return tuple(found)


def judge_network(case, value):
    """ "" or what is wrong with the network; trains it only if it looks right."""
    words = examined(value if isinstance(value, str) else "")[1]
    if words or case.group == "size":
        return words
    try:
        found = accuracies(value)
    except cnnkit.CnnkitError as error:
        return f"its training broke off: {str(error).rstrip('.')}"
    mean = float(np.mean(found))
    if mean >= GOAL:
        return ""
    each = ", ".join(f"{one:.1%}" for one in found)
    return f"it reads {mean:.2%} as a mean of three ({each}), and {GOAL:.1%} is the goal"


def network_figures(value):
    """What the class's networks are compared by."""
    return {
        "accuracy": float(np.mean(accuracies(value))),
        "parameters": sum(map(parameters_of, described(value))),
    }


def network_cases(rng):
    yield Case({"seed": 0}, "size")
    yield Case({"seed": int(rng.integers(1, 1000))}, "size")
    yield Case({"seed": 0}, "accuracy", told=False)


def _makes(name):
    """Does a network's description make the mistake with this name?"""
    return lambda value: _mistake(value) == name


def _mistake(value):
    return examined(value if isinstance(value, str) else "")[0]


def _only_sums(value):
    """Nothing but layers that weigh and add up, which one layer could do as well."""
    plain = ("Conv2d", "Linear", "Flatten", "AvgPool2d", "Dropout")
    return not _mistake(value) and all(layer["layer"] in plain for layer in described(value))


def _has_convolution(value):
    return any(layer["layer"] == "Conv2d" for layer in described(value))


def _ends_with_relu(value):
    return not _mistake(value) and described(value)[-1]["layer"] == "ReLU"


def _without(*positions):
    """The notebook's solution with some of its layers left out."""
    return lambda seed: Sequential(
        *(layer for i, layer in enumerate(own_network(seed).layers) if i not in positions), seed=seed
    )


def _front():
    return (Conv2d(1, 12, 3, padding=1), ReLU(), MaxPool2d(2), Flatten())


own = FunctionExercise(
    id="08.5",
    title="A network of your own",
    answer="my_network",
    groups={"size": 2, "accuracy": 3},
    cases=network_cases,
    judge=judge_network,
    figures=network_figures,
    makes_network=True,
    stand_in=own_network,
    also_right=(own_network, three_convolutions, leaky_network),
    wrong=(
        Wrong(
            "no network",
            "what came back is no network: let my_network end with `return Sequential(...)`",
            lambda seed: [12, 16, 10],
            _makes("no network"),
        ),
        Wrong(
            "too many parameters",
            "the network is too large: take fewer filters, or make the volume smaller before the dense "
            "layer, which has a weight for each of its numbers",
            lambda seed: Sequential(
                *(Conv2d(1, 16, 3, padding=1), ReLU(), Conv2d(16, 16, 3, padding=1), ReLU(), MaxPool2d(2)),
                *(Flatten(), Dropout(0.3), Linear(256, 10)),
                seed=seed,
            ),
            _makes("too many parameters"),
        ),
        Wrong(
            "softmax",
            "leave the Softmax out: the loss takes the scores and does the softmax itself",
            lambda seed: Sequential(*own_network(seed).layers, Softmax(), seed=seed),
            _makes("softmax"),
        ),
        Wrong(
            "no flatten",
            "a dense layer takes a row of numbers, not a volume: put `Flatten()` before the first Linear",
            _without(5),
            _makes("no flatten"),
        ),
        Wrong(
            "shapes do not fit",
            "a layer expects another shape than the one before it gives: `.summary((1, 8, 8))` shows all "
            "shapes, and the sentence below names the layer",
            _without(4),
            _makes("shapes do not fit"),
        ),
        Wrong(
            "not gray",
            "these digits are gray: the first layer gets one channel, not three",
            lambda seed: Sequential(
                Conv2d(3, 12, 3, padding=1), ReLU(), Flatten(), Linear(768, 5), seed=seed
            ),
            _makes("not gray"),
        ),
        Wrong(
            "not ten",
            "there are ten digits, 0 to 9, so the last layer has ten outputs",
            lambda seed: Sequential(*_front(), Linear(192, 9), seed=seed),
            _makes("not ten"),
        ),
        Wrong(
            "a volume",
            "the network must end with a row of ten numbers, and yours ends with a volume: Flatten and "
            "Linear make scores of it",
            _without(5, 6, 7),
            _makes("a volume"),
        ),
        Wrong(
            "nothing to learn",
            "no layer of this network has weights, so there is nothing to learn: it needs a Conv2d or a "
            "Linear",
            lambda seed: Sequential(MaxPool2d(2), ReLU(), Flatten(), seed=seed),
            _makes("nothing to learn"),
        ),
        Wrong(
            "strange layer",
            "only cnnkit's layers with small whole numbers can be trained here; the sentence below names "
            "the layer and the setting",
            lambda seed: Sequential(Conv2d(1, 12, 3, padding=9), ReLU(), Flatten(), seed=seed),
            _makes("strange layer"),
        ),
        Wrong(
            "too many layers",
            f"at most {MOST_LAYERS} layers are trained here, and fewer are enough",
            lambda seed: Sequential(Flatten(), Linear(64, 10), *(ReLU() for _ in range(40)), seed=seed),
            _makes("too many layers"),
        ),
        Wrong(
            "costly",
            "this network would compute for minutes: keep its volumes small, as small pictures allow",
            lambda seed: Sequential(
                *(Conv2d(1, 400, 1, padding=4), MaxPool2d(8), Flatten(), Linear(1600, 1), Linear(1, 10)),
                seed=seed,
            ),
            _makes("costly"),
        ),
        Wrong(
            "relu at the end",
            "the last layer is a ReLU, which turns every score below 0 into 0: a digit whose score has sunk "
            "there cannot learn any more. End with the Linear",
            lambda seed: Sequential(Flatten(), Linear(64, 10), ReLU(), seed=seed),
            _ends_with_relu,
        ),
        Wrong(
            "only sums",
            "all its layers weigh and add up, and together that is no more than one dense layer: put a ReLU "
            "after each convolution",
            lambda seed: Sequential(
                Conv2d(1, 2, 3, padding=1), AvgPool2d(2), Flatten(), Linear(32, 10), seed=seed
            ),
            lambda value: _only_sums(value) and _has_convolution(value),
        ),
        Wrong(
            "only dense sums",
            "all its layers weigh and add up, and together that is no more than one dense layer: add a "
            "convolution with a ReLU behind it",
            lambda seed: Sequential(Flatten(), Linear(64, 10), seed=seed),
            lambda value: _only_sums(value) and not _has_convolution(value),
        ),
    ),
    hints=(
        "Begin with the network of the notebook: it has 5050 parameters, 50 too many. Where are most of "
        "them? `.summary((1, 8, 8))` counts them layer by layer.",
        "A convolution of K filters on C channels has K·(9·C + 1) parameters, the dense layer 10 for each "
        "of its inputs. Twelve filters in the first convolution are enough.",
        "Conv2d(1, 12, 3, padding=1), ReLU(), Conv2d(12, 16, 3, padding=1), ReLU(), MaxPool2d(2), "
        "Flatten(), Dropout(0.2), Linear(256, 10) has 4434.",
    ),
    explanation="12·(9·1 + 1) = 120, 16·(9·12 + 1) = 1744 and 10·(256 + 1) = 2570 parameters, 4434 in all. "
    "A third convolution in place of some filters does even better: 8, 12 and 12 filters, 4194 parameters.",
)
