"""The exercises of notebook 00."""

import numpy as np

from cnnkit.exercises.definition import Case, FunctionExercise, KernelExercise, Prediction, Wrong
from cnnkit.exercises.launch import In, Launch, Out

# --- 00.1: how many work-items -------------------------------------------------------------------------------

work_items = Prediction(
    id="00.1",
    title="How many work-items?",
    answer="my_work_items",
    choices=("64", "1 407", "89 984", "90 000", "90 048", "5 760 000"),
    right="90 048",
    wrong=(
        Wrong("a group", "64 is one group: how many groups do 90 000 pixels take?", "64"),
        Wrong("groups", "1 407 is how many groups are needed: how many work-items are in them?", "1 407"),
        Wrong(
            "rounded down",
            "1 406 whole groups are not enough: the last 16 pixels would have no work-item",
            "89 984",
        ),
        Wrong(
            "pixels",
            "a device starts whole groups: 90 000 is no multiple of 64 (it would be 1 406 and a quarter)",
            "90 000",
        ),
        Wrong(
            "multiplied",
            "each pixel has one work-item, and the groups share them out: nothing is done 64 times",
            "5 760 000",
        ),
    ),
    hints=(
        "Work-items start in whole groups. How many groups of 64 hold 90 000 of them?",
        "90 000 / 64 = 1 406.25, and a quarter of a group does not exist.",
        "1 407 groups of 64.",
    ),
    explanation="1 407 groups of 64 are 90 048 work-items: 48 of them have no pixel, and leave at `if (i < n)`.",
)


# --- 00.2: contrast ------------------------------------------------------------------------------------------


def contrast(image, factor):
    """Each pixel's distance from middle gray, multiplied."""
    return 0.5 + factor * (np.asarray(image, float) - 0.5)


def cases(rng):
    yield Case({"image": rng.random(64, np.float32), "factor": 2.0}, "values", "twice the contrast")
    yield Case({"image": rng.random((9, 7), np.float32), "factor": 0.5}, "values", "half the contrast")
    yield Case({"image": rng.random((5, 5), np.float32), "factor": -1.0}, "values", "a negative")


def launch(image, factor):
    size = np.size(image)
    arguments = (In(np.asarray(image, np.float32)), Out(np.shape(image)), size, float(factor))
    return Launch(arguments, (size,), ((64,), (1,), (16,)))


KERNEL = """__kernel void contrast(__global const float *image, __global float *result, const int n, const float factor)
{
    int i = get_global_id(0);
    if (i < n)
        result[i] = 0.5f + factor * (image[i] - 0.5f);
}
"""
ANSWER = "0.5f + factor * (image[i] - 0.5f)"


def _kernel(answer):
    return KERNEL.replace(ANSWER, answer)


own_contrast = KernelExercise(
    id="00.2",
    title="Contrast",
    answer="contrast",
    groups={"values": 2},
    reference=contrast,
    cases=cases,
    launch=launch,
    stand_in=contrast,
    also_right=(
        _kernel("mix(0.5f, image[i], factor)"),
        _kernel("factor * image[i] + (1.0f - factor) * 0.5f"),
    ),
    wrong=(
        Wrong(
            "unchanged",
            "the result is the photograph as it was: its distance from middle gray must be multiplied by factor",
            _kernel("image[i]"),
            lambda image, factor: image,
        ),
        Wrong(
            "around black",
            "the factor multiplies the pixel itself: it must multiply its distance from middle gray, "
            "(image[i] - 0.5f), with the parentheses (and in C, 1/2 between whole numbers is 0: write 0.5f)",
            _kernel("factor * image[i]"),
            lambda image, factor: factor * image,
        ),
        Wrong(
            "around black, and gray added",
            "middle gray is added, but the factor multiplies the pixel itself and not its distance from middle "
            "gray, (image[i] - 0.5f) (in C, 1/2 between whole numbers is 0: write 0.5f)",
            _kernel("0.5f + factor * (image[i] - 1/2)"),
            lambda image, factor: 0.5 + factor * image,
        ),
        Wrong(
            "distance alone",
            "that is the distance from middle gray, multiplied: middle gray itself must be added again, 0.5f "
            "(in C, 1/2 between whole numbers is 0)",
            _kernel("factor * (image[i] - 0.5f)"),
            lambda image, factor: factor * (image - 0.5),
        ),
        Wrong(
            "brighter",
            "you added the factor: that makes the photograph brighter, as before; contrast multiplies",
            _kernel("image[i] + factor"),
            lambda image, factor: image + factor,
        ),
        Wrong(
            "a fixed factor",
            "you multiplied by 2: the factor is an argument of the kernel, and not always 2",
            _kernel(ANSWER.replace("factor", "2.0f")),
            lambda image, factor: contrast(image, 2.0),
        ),
        Wrong(
            "wrong sign",
            "what should grow brighter grows darker: the distance is image[i] - 0.5f, in this order, and it is "
            "added",
            _kernel("0.5f - factor * (image[i] - 0.5f)"),
            lambda image, factor: contrast(image, -factor),
        ),
        Wrong(
            "every pixel the first",
            "every work-item reads pixel 0: its own is image[i]",
            _kernel(ANSWER.replace("image[i]", "image[0]")),
            lambda image, factor: np.full(image.shape, contrast(image.flat[0], factor)),
        ),
        Wrong(
            "does not compile",
            "the compiler does not understand it: read its words below, and look at the line that it names",
            _kernel(f"{ANSWER})"),
            symptom="build",
        ),
        Wrong(
            "compared",
            "no line gives result[i] its number: write `result[i] = ...`, with a single `=` (`==` only compares)",
            KERNEL.replace("result[i] = ", "result[i] == "),
            symptom="unwritten",
            told="no line assigns to",
        ),
        Wrong(
            "added to nothing",
            "result[i] holds nothing at the beginning, not even 0: give it its number with `=`, and do not read it "
            "before",
            KERNEL.replace("result[i] = ", "result[i] += "),
            symptom="unwritten",
            told="before it had written",
        ),
    ),
    hints=(
        "How far is the pixel from middle gray? That distance is what grows.",
        "The distance is image[i] - 0.5f (the f makes it a float). Multiply it by factor.",
        "Then begin at middle gray again: result[i] = 0.5f + factor * (...);",
    ),
    explanation="What is 0.5 stays 0.5, whatever the factor; all else moves away from it, or toward it with a factor "
    "below 1. With −1 bright and dark change places: a negative.",
)


# --- 00.3: where a pixel lies ----------------------------------------------------------------------------------


def place_of(i, width):
    """Whole rows first, then what is left."""
    return i // width, i % width


def place_of_by_divmod(i, width):
    """Python has a function for it."""
    return divmod(i, width)


def place_of_by_rows(i, width):
    """Take away a row at a time."""
    row = 0
    while i >= width:
        row, i = row + 1, i - width
    return [row, i]


def place_cases(rng):
    yield Case({"i": 0, "width": 300}, "values", "the first pixel of all")
    yield Case({"i": 299, "width": 300}, "values", "the last pixel of the first row")
    yield Case({"i": 300, "width": 300}, "values", "the first pixel of the second row")
    yield Case({"i": 7, "width": 3}, "values")
    for _ in range(6):
        width = int(rng.integers(2, 40))
        yield Case({"i": int(rng.integers(0, 30 * width)), "width": width}, "values")


place = FunctionExercise(
    id="00.3",
    title="Where is my pixel?",
    answer="place_of",
    groups={"values": 1},
    reference=place_of,
    cases=place_cases,
    also_right=(place_of_by_divmod, place_of_by_rows),
    stand_in=place_of,
    wrong=(
        Wrong(
            "swapped",
            "row and column have changed places: the row comes first",
            lambda i, width: (i % width, i // width),
        ),
        Wrong(
            "from one",
            "you count from 1: the first row and the first column have the number 0",
            lambda i, width: (i // width + 1, i % width + 1),
        ),
        Wrong(
            "a fraction",
            "the row is a whole number: `//` divides and leaves the fraction away, `/` keeps it",
            lambda i, width: (i / width, i % width),
        ),
        Wrong(
            "columns go down",
            "you went down the columns: the pixels lie row after row, from left to right",
            lambda i, width: (i % width, 0) if i < width else (0, i),
        ),
        Wrong(
            "the number again",
            "the column is what is left of the number when the whole rows before it are taken away",
            lambda i, width: (i // width, i),
        ),
        Wrong(
            "a photograph's width",
            "you divided by 300: the width is an argument, and not every image has 300 columns",
            lambda i, width: (i // 300, i % 300),
        ),
    ),
    hints=(
        "Take 3 columns: pixels 0, 1, 2 are row 0, pixels 3, 4, 5 are row 1. And pixel 7?",
        "How many whole rows of `width` pixels come before pixel i? In Python, `//` divides without a fraction.",
        "The column is the remainder of that division: i % width.",
    ),
    explanation="Pixel i of an image with W columns lies in row i // W and column i % W; the other way round, row r and column c "
    "is pixel r * W + c. You will meet that in every kernel.",
)
