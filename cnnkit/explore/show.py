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
    bundle = {"image/png": png.getvalue(), "text/plain": caption}
    display(bundle, raw=True, metadata={"image/png": {"alt": caption}})
    display(Markdown(f"*{caption}*"))
