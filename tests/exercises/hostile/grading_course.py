# ruff: noqa: E501 - one sample, one line
"""A course of two tiny notebooks for the tests of grading: 5 points in 01, 4 in 02."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

EXERCISES_01 = """
import numpy as np
from cnnkit.exercises.definition import Case, FunctionExercise, Prediction, Wrong

HINTS = ("one", "two", "three")

def right(x, w):
    return np.array([[np.sum(x[i:i + w.shape[0], j:j + w.shape[1]] * w)
                      for j in range(x.shape[1] - w.shape[1] + 1)] for i in range(x.shape[0] - w.shape[0] + 1)])

def cases(rng):
    yield Case({"x": np.arange(9.0).reshape(3, 3), "w": np.arange(4.0).reshape(2, 2)}, "shape", "the example", True)
    for size in (4, 7):
        yield Case({"x": rng.normal(size=(size, size + 1)), "w": rng.normal(size=(3, 2))}, "values")

slide = FunctionExercise(
    id="01.1", title="Slide a filter", answer="slide", groups={"shape": 1, "values": 2}, hints=HINTS, explanation="",
    reference=right, cases=cases,
    wrong=(Wrong("turned", "you turned the filter", lambda x, w: right(x, w[::-1, ::-1])),))

guess = Prediction(
    id="01.2", title="Guess a number", answer="guess", groups={"prediction": 2}, hints=HINTS, explanation="", right=42,
    wrong=(Wrong("other", "that is the other one", 24),))
"""
EXERCISES_02 = """
import numpy as np
from cnnkit.exercises.definition import Case, KernelExercise, StateExercise, Wrong
from cnnkit.exercises.launch import In, Launch, Out

HINTS = ("one", "two", "three")
CODE = "__kernel void scale(__global const float *x, __global float *y, int n) {{ int i = get_global_id(0); {} }}"

def cases(rng):
    for n in (5, 300):
        yield Case({"x": rng.normal(size=n).astype(np.float32)}, "values")

scale = KernelExercise(
    id="02.1", title="Scale", answer="scale", groups={"values": 3}, hints=HINTS, explanation="",
    reference=lambda x: 2.0 * x, cases=cases,
    launch=lambda x: Launch((In(x), Out(x.shape), len(x)), (len(x),), ((4,), (16,))),
    wrong=(Wrong("tripled", "you tripled", CODE.format("if (i < n) y[i] = 3 * x[i];"), like=lambda x: 3.0 * x),))

look = StateExercise(
    id="02.2", title="Find the stride", answer="explorer", groups={"state": 1}, hints=HINTS, explanation="",
    goal=lambda state: "" if state.get("stride") == 3 else f"the stride is {state['stride']}", reached={"stride": 3},
    wrong=(Wrong("two", "that is two", {"stride": 2}, like=lambda state: state.get("stride") == 2),))
"""
SLIDE = """def slide(x, w):
    H, W = x.shape
    R, S = w.shape
    y = np.zeros((H - R + 1, W - S + 1))
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = (x[i : i + R, j : j + S] * w).sum()
    return y
"""
SLIDE_STUB = "def slide(x, w):\n    ...  # your code here\n"
GUESS, GUESS_STUB = "guess = 42", "guess = None"
IMPORTS = "import numpy as np"
SCALE_HEAD = "%%kernel scale\n__kernel void scale(__global const float *x, __global float *y, int n) {\n"
SCALE = SCALE_HEAD + "    int i = get_global_id(0);\n    if (i < n) y[i] = 2 * x[i];\n}\n"
SCALE_STUB = SCALE_HEAD + "    // your code here\n}\n"
CHECK = "print('shown to learners only', slide(np.ones((3, 3)), np.ones((2, 2))))"

STATE = "application/vnd.cnnkit.state+json"


def cell(
    source: str, tags: tuple[str, ...] = (), id: str = "", outputs: list[Any] | None = None
) -> dict[str, Any]:
    made = {"cell_type": "code", "metadata": {"tags": list(tags)} if tags else {}, "source": source}
    made |= {"outputs": outputs or [], "execution_count": None}
    return made | ({"id": id} if id else {})


def notebook(cells: list[dict[str, Any] | str]) -> dict[str, Any]:
    """A notebook of cells; a string is a cell of this source."""
    made = [cell(c) if isinstance(c, str) else c for c in cells]
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def saved_state(exercise: str, state: dict[str, Any]) -> list[dict[str, Any]]:
    data = {STATE: {"exercise": exercise, "state": state}}
    return [{"output_type": "display_data", "data": data, "metadata": {}}]


def first(slide: str = SLIDE, guess: str = GUESS, *more: str, before: tuple[str, ...] = ()) -> dict[str, Any]:
    """Notebook 01 with these answers; `more` cells at its end, `before` at its beginning."""
    return notebook(
        [
            cell(IMPORTS, id="aaaa0001"),
            *before,
            cell(slide, ("exercise", "01.1"), "aaaa0002"),
            cell(CHECK, ("answer",), "aaaa0003"),
            cell(guess, ("exercise", "01.2"), "aaaa0004"),
            *more,
        ]
    )


def second(scale: str = SCALE, *more: Any) -> dict[str, Any]:
    """Notebook 02 with this kernel."""
    return notebook([cell(IMPORTS, id="bbbb0001"), cell(scale, ("exercise", "02.1"), "bbbb0002"), *more])


def write(path: Path, content: Any) -> Path:
    """Write a notebook (a dict), text or bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def make_course(folder: Path) -> Path:
    """The folder for CNNKIT_COURSE."""
    write(folder / "exercises" / "01_tiny.py", EXERCISES_01)
    write(folder / "exercises" / "02_kernel.py", EXERCISES_02)
    write(folder / "01_tiny.ipynb", first(SLIDE_STUB, GUESS_STUB))
    write(folder / "solutions" / "01_tiny.ipynb", first())
    write(folder / "02_kernel.ipynb", second(SCALE_STUB))
    write(folder / "solutions" / "02_kernel.ipynb", second())
    return folder
