"""The class's points as a table that gradebooks and spreadsheets read."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from .report_summary import by_name, percent
from .report_text import one_line

# Where a spreadsheet begins to calculate: at the start of a cell, also after a semicolon, which is what
# half of Europe's Excels split lines at. The last four are the wide forms of the same signs.
_FORMULA = re.compile(r"(^|;)(\s*)(?=[=+\-@＝＋－＠])")


def render(report: dict[str, Any]) -> bytes:
    """The CSV: UTF-8 with a byte order mark, commas, CRLF, one row per student in the order of names.

    Excel takes a file without the mark for its own old encoding and spoils every accent; Moodle removes
    the mark; Canvas looks only for the word Student within the first cell. Canvas refuses a file without
    the columns ID and Section, though both may be empty, and knows a student by the login or by the
    name: hence the first four columns. Moodle asks which column is what.
    """
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow([defused(name) for name in _header(report)])
    for submission in by_name(report):
        writer.writerow(_row(report, submission))
    return sheet.getvalue().encode("utf-8-sig")


def defused(text: str) -> str:
    """`text` in one line that no spreadsheet calculates: an apostrophe stands before a formula."""
    return _FORMULA.sub(r"\1\2'", one_line(text, 500))


def _notebooks(report: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The exercises by notebook, in the report's order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for exercise in report["exercises"]:
        found.setdefault(exercise["notebook"], []).append(exercise)
    return found


def _header(report: dict[str, Any]) -> list[str]:
    each = [f"{e['id']} {e['title']} ({e['points']})" for e in report["exercises"]]
    sums = [f"{name} ({sum(e['points'] for e in of)})" for name, of in _notebooks(report).items()]
    return ["Student", "ID", "SIS Login ID", "Section", *each, *sums, "Total", "Out of", "Percent", "Remarks"]


def _row(report: dict[str, Any], submission: dict[str, Any]) -> list[str | int | float]:
    def points(exercises: list[dict[str, Any]]) -> int | str:
        """Their sum; empty where none was handed in: a gradebook keeps that apart from 0 points."""
        answers = [submission["exercises"][exercise["id"]] for exercise in exercises]
        if all(answer["status"] == "not handed in" for answer in answers):
            return ""
        return sum(answer["points"] for answer in answers)

    student = defused(submission["student"])
    each = [points([exercise]) for exercise in report["exercises"]]
    sums = [points(exercises) for exercises in _notebooks(report).values()]
    share = round(percent(submission["points"], submission["of"]), 1)
    total = [submission["points"], submission["of"], share]
    return [student, "", student, "", *each, *sums, *total, defused("; ".join(_remarks(submission)))]


def _remarks(submission: dict[str, Any]) -> list[str]:
    refused = [book for book in submission["notebooks"] if book["status"] == "refused"]
    return [*submission["notes"], *(f"{book['file']} refused: {book['reason']}" for book in refused)]
