"""The page that a class finds beside its notebooks: how to start, how to hand in."""

from __future__ import annotations

TEXT = """\
# {title}

Notebooks on convolutional neural networks. Every picture in them is computed on your own machine, by short
programs that you can open, read and change.

## How to start

1. You need Python 3.11 or newer and cnnkit {version} or newer; your teacher says where to get it.
   `cnnkit devices` shows whether your machine can compute: a graphics card or an ordinary processor will do.
2. Open a terminal in this folder and type `cnnkit lab .` (the dot is this folder). It opens the notebooks in
   your browser.
3. Begin with `{first}`, and run its cells from top to bottom.

Save with Ctrl+S. If you want to begin a notebook anew, delete it, and start `cnnkit lab .` again: it lays a
fresh one there. Nothing else touches what you have written, a new version of cnnkit included.

## How to hand in

Hand in these files, however far you got:

{notebooks}

- Save them with their outputs. Where you answered with a slider, the answer is in the output of its check:
  move the slider and run that check last, and do not clear the outputs or run everything anew after it.
- Keep the names of the functions and kernels; write as many cells of your own as you like.
- Leave `input()` out of the cells of your answers.
- `cnnkit-progress.json` is your own record, and no part of the grade.
"""


def readme(title: str, version: str, notebooks: list[str]) -> str:
    """The page for a class that is handed these notebooks."""
    named = "\n".join(f"- `{name}`" for name in notebooks)
    return TEXT.format(title=title, version=version, first=notebooks[0], notebooks=named)
