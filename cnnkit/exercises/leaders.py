"""`leaders("08.5")`: the class's best, from the file that `cnnkit grade` writes and a teacher hands out."""

from __future__ import annotations

import csv
from pathlib import Path

FILE = "leaders.csv"
MOST = 10


def leaders(id: str, folder: str | Path = ".") -> None:
    """Print who in the class passed an exercise with what, best first.

    id: of the exercise, as "08.5". folder: where the teacher's `leaders.csv` lies, beside the notebooks by
    default. Without such a file a sentence says where it would come from; a file that is none is told.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        print(
            f"No {FILE} lies beside this notebook. Your teacher can put one there: grading a class makes it."
        )
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row.get("exercise") == id and row.get("name")]
    except (OSError, ValueError, csv.Error) as error:
        print(f"{path} cannot be read ({error}): ask your teacher for it again.")
        return
    if not rows:
        print(f"{FILE} tells of nobody who has passed {id} yet.")
        return
    names = [name for name, value in rows[0].items() if name and name != "exercise" and value]
    table = [names, *([str(row.get(name) or "") for name in names] for row in rows[:MOST])]
    widths = [max(len(line[i]) for line in table) for i in range(len(names))]
    for line in table:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
    if len(rows) > MOST:
        print(f"and {len(rows) - MOST} more")
