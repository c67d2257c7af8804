"""The exercise of notebook 00."""

import numpy as np

from cnnkit.exercises.definition import Case, KernelExercise, Wrong
from cnnkit.exercises.launch import In, Launch, Out


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
    id="00.1",
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
