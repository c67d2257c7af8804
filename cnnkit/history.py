"""What happened in training: a table that plots itself."""

from __future__ import annotations

import html
from typing import Any

# Two colors that color-blind readers tell apart (Okabe and Ito), with different lines besides.
TRAIN_COLOR, VALIDATION_COLOR = "#0072B2", "#D55E00"

HEADINGS = {
    "epoch": ("epoch", "{:d}"),
    "loss": ("loss", "{:.4f}"),
    "accuracy": ("accuracy", "{:.2%}"),
    "val_loss": ("validation loss", "{:.4f}"),
    "val_accuracy": ("validation accuracy", "{:.2%}"),
    "seconds": ("seconds", "{:.1f}"),
    "images_per_second": ("images/s", "{:,.0f}"),
}


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if "loss" in name and value >= 1e4:
        return f"{value:.2e}"
    return HEADINGS[name][1].format(value)


class History:
    """One row per finished epoch; prints as text, shows as HTML, `plot()` draws it.

    `rows` is a list of dicts with epoch (from 1), loss and accuracy on the training images as they went
    by, val_loss and val_accuracy after the epoch (where there is a validation set), seconds and
    images_per_second. `stopped` says in words why training ended early, or is None.
    """

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        self.rows: list[dict[str, Any]] = rows or []
        self.stopped: str | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> list[Any]:
        """One column, as in history["val_accuracy"]."""
        return [row[name] for row in self.rows]

    def _cells(self) -> list[list[str]]:
        columns = [name for name in HEADINGS if any(name in row for row in self.rows)]
        heading = [HEADINGS[name][0] for name in columns]
        return [heading, *([_cell(name, row.get(name)) for name in columns] for row in self.rows)]

    def __str__(self) -> str:
        if not self.rows:
            return "no epoch finished yet"
        cells = self._cells()
        wide = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
        lines = ["  ".join(text.rjust(w) for text, w in zip(row, wide, strict=True)) for row in cells]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heading, *body = self._cells()
        head = "".join(f"<th>{html.escape(text)}</th>" for text in heading)
        rows = "".join("<tr>" + "".join(f"<td>{text}</td>" for text in row) + "</tr>" for row in body)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def plot(self) -> Any:
        """Loss and accuracy over the epochs; returns the Matplotlib figure."""
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator, PercentFormatter

        kinds = [k for k in ("loss", "accuracy") if self.rows and k in self.rows[0]] or ["loss"]
        figure, axes = plt.subplots(
            1, len(kinds), figsize=(4.5 * len(kinds), 3.2), squeeze=False, layout="constrained"
        )
        for kind, axis in zip(kinds, axes[0], strict=True):
            for prefix, label, style in (
                ("", "training", {"color": TRAIN_COLOR, "marker": "o", "ls": "-"}),
                ("val_", "validation", {"color": VALIDATION_COLOR, "marker": "s", "ls": "--"}),
            ):
                if self.rows and prefix + kind in self.rows[0]:
                    axis.plot(self["epoch"], self[prefix + kind], label=label, markersize=4, **style)
            axis.set_xlabel("epoch")
            axis.set_title(kind)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            axis.grid(alpha=0.3)
            if kind == "accuracy":
                axis.yaxis.set_major_formatter(PercentFormatter(1.0))
            if axis.lines:
                axis.legend()
        return figure
