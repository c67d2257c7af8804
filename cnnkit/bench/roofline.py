"""The roofline: how near each convolution comes to what the machine can do at most.

Williams, Waterman and Patterson (2009): along the bottom, how much is computed per byte that must be moved;
the roof rises as long as memory sets the pace and is flat where arithmetic does.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ..errors import CnnkitError
from ..files import write_atomically
from .report import Report

# Okabe and Ito's colors, which all kinds of color vision tell apart; the marks' shapes say it once more.
_MARKS = {
    "forward": ("#0072B2", "o", "forward"),
    "backward_data": ("#D55E00", "s", "backward, data"),
    "backward_weight": ("#009E73", "^", "backward, weight"),
}


def draw_roofline(report: Report) -> Any:
    """A matplotlib Figure of the report's convolutions: ours filled, PyTorch's hollow."""
    from matplotlib.figure import Figure

    if report.ceilings is None or not report.convolutions:
        raise CnnkitError("The roofline picture needs the parts 'ceilings' and 'convolutions'.")
    figure = Figure(figsize=(8, 5), layout="constrained")
    axis = figure.subplots()
    _draw_roof(axis, report)
    for row in report.convolutions:
        color, mark, _ = _MARKS[row.direction]
        x = row.flops / row.bytes
        axis.plot(x, row.gflops, mark, color=color, markersize=7, zorder=3)
        if row.torch is not None:
            peer = row.flops / row.torch.median / 1e9
            axis.plot(x, peer, mark, color=color, markersize=7, markerfacecolor="none", zorder=2)
    _label(axis, report)
    return figure


def describe(report: Report) -> str:
    """What the picture shows, in a sentence or two: its alternative text."""
    if report.ceilings is None or not report.convolutions:
        return "An empty roofline."
    best = max(report.convolutions, key=lambda row: row.gflops)
    share = best.gflops / report.ceilings.gflops
    text = (
        f"Roofline of {report.machine.device}: a roof that rises with {report.ceilings.gbytes:.0f} GB/s "
        f"and is flat at {report.ceilings.gflops:.0f} GFLOP/s. "
        f"Below it, {len(report.convolutions)} convolutions; "
        f"the fastest, {best.case} {best.direction.replace('_', ' ')}, reaches {best.gflops:.0f} GFLOP/s, "
        f"{share:.0%} of the flat roof."
    )
    ratios = [row.to_torch for row in report.convolutions if row.to_torch is not None]
    if ratios:
        faster = sum(ratio >= 1 for ratio in ratios)
        text += f" In {faster} of {len(ratios)} cnnkit's filled mark is at or above PyTorch's hollow one."
    return text


def save_roofline(report: Report, path: str | Path) -> None:
    """Write the picture as PNG, its alternative text stored within as "Description"."""
    png = io.BytesIO()
    draw_roofline(report).savefig(png, format="png", dpi=150, metadata={"Description": describe(report)})
    write_atomically(path, png.getvalue())


def _draw_roof(axis: Any, report: Report) -> None:
    """The two ceilings as one bent line, from left of the first point to right of the last."""
    roof = report.ceilings
    assert roof is not None
    reach = [row.flops / row.bytes for row in report.convolutions]
    bend = roof.gflops / roof.gbytes  # FLOPs per byte, from which on arithmetic sets the pace
    left, right = min(*reach, bend) / 2, max(*reach, bend) * 2
    axis.plot([left, bend, right], [left * roof.gbytes, roof.gflops, roof.gflops], color="black", linewidth=2)
    axis.annotate(f"{roof.gflops:.0f} GFLOP/s: arithmetic", (right, roof.gflops), (-4, 5),
                  textcoords="offset points", ha="right")  # fmt: skip
    axis.annotate(f"{roof.gbytes:.0f} GB/s: memory", (left, left * roof.gbytes), (14, -2),
                  textcoords="offset points", ha="left")  # fmt: skip


def _label(axis: Any, report: Report) -> None:
    for color, mark, name in _MARKS.values():
        axis.plot([], [], mark, color=color, label=name)
    if any(row.torch is not None for row in report.convolutions):
        axis.plot([], [], "o", color="#555555", label="filled: cnnkit")
        axis.plot([], [], "o", color="#555555", markerfacecolor="none", label="hollow: PyTorch")
    axis.set(
        xscale="log",
        yscale="log",
        xlabel="floating-point operations per byte moved",
        ylabel="GFLOP/s",
        title=f"Convolutions below this machine's roof\n{report.machine.device}, {report.date}",
    )
    for scale in (axis.xaxis, axis.yaxis):
        scale.set_major_formatter("{x:g}")
    axis.grid(True, which="major", color="#DDDDDD", zorder=0)
    axis.legend(loc="lower right", framealpha=1)
