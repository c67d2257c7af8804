"""The class's leaders: who passed an exercise with what, best first, as a file to hand to the class."""

from __future__ import annotations

import csv
import io
from typing import Any

from .report_csv import defused

MOST = 100


def render(report: dict[str, Any]) -> bytes | None:
    """`leaders.csv`: exercise, rank, name and the exercise's figures; None where no exercise has figures.

    Equal figures have equal ranks. UTF-8 with a byte order mark, as the gradebook's table.
    """
    rows: list[dict[str, Any]] = []
    for exercise in report["exercises"]:
        rows += _of_exercise(report, exercise["id"])
    if not rows:
        return None
    names = list(dict.fromkeys(name for row in rows for name in row))
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, names)
    writer.writeheader()
    writer.writerows(rows)
    return sheet.getvalue().encode("utf-8-sig")


def _of_exercise(report: dict[str, Any], id: str) -> list[dict[str, Any]]:
    found = [
        (submission["exercises"][id]["figures"], submission["student"])
        for submission in report["submissions"]
        if submission["exercises"][id].get("figures")
    ]
    found.sort(key=lambda pair: (_order(pair[0]), pair[1]))
    orders = [_order(figures) for figures, _ in found]
    ranks = [1 + orders.index(order) for order in orders]
    return [
        {"exercise": id, "rank": rank, "name": defused(student), **_told(figures)}
        for rank, (figures, student) in zip(ranks[:MOST], found, strict=False)
    ]


def _order(figures: dict[str, float]) -> tuple[float, ...]:
    """Smaller is better: the first figure turned round, then the others."""
    first, *others = figures.values()
    return (-first, *others)


def _told(figures: dict[str, float]) -> dict[str, str]:
    return {name: f"{value:.6g}" for name, value in figures.items()}
