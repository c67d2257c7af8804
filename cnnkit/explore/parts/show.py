"""Show a Matplotlib figure with its description, for readers with and without the picture."""

from __future__ import annotations

import io
from typing import Any


def show(figure: Any, caption: str) -> None:
    """Display `figure` with `caption` below, and as its alternative text; then close it.

    The caption says in a sentence what is to be seen. It also stands for the picture as plain text
    (terminal, screen reader, and the notebook tests, which compare it).
    """
    from IPython.display import Markdown, display
    from matplotlib import pyplot

    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)
    bundle = {"image/png": smaller(png.getvalue()), "text/plain": caption}
    display(bundle, raw=True, metadata={"image/png": {"alt": caption}})
    display(Markdown(f"*{caption}*"))


def smaller(png: bytes) -> bytes:
    """The same picture with 256 colors: a third of the size, and notebooks are kept with their pictures."""
    from PIL import Image

    result = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        reduced = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        reduced.save(result, format="PNG", optimize=True)
    return result.getvalue()
