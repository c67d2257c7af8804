"""The teacher's class report: one page to read, one table for the gradebook, one file for programs."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from ...errors import DataError
from ...files import write_atomically
from . import report_csv, report_html, report_leaders

FORMAT = 1


def write(report: dict[str, Any], folder: Path) -> None:
    """Write `index.html`, `grades.csv` and `grades.json` into `folder`, each whole or not at all.

    Where an exercise compares passed answers, `leaders.csv` is written, too: the one to hand to the class.

    Raises DataError when the report is of an unknown format, or the folder cannot be written.
    """
    if report.get("format") != FORMAT:
        raise DataError(
            f"The report is of format {report.get('format')!r}, and this version of cnnkit writes format "
            f"{FORMAT}: grade the submissions again with this version."
        )
    # All are made before the first is written, so that they never tell of different gradings.
    files = {
        "grades.json": _json(report),
        "grades.csv": report_csv.render(report),
        "index.html": report_html.render(report),
    }
    leaders = report_leaders.render(report)
    if leaders is not None:
        files["leaders.csv"] = leaders
    with contextlib.suppress(OSError):  # the first file that cannot be written says it better
        folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_atomically(folder / name, content)


def _json(report: dict[str, Any]) -> bytes:
    try:
        return json.dumps(report, sort_keys=True, allow_nan=False).encode("ascii") + b"\n"
    except (TypeError, ValueError) as error:
        raise DataError(f"The report holds what JSON cannot say ({error}): it must be plain data.") from None
