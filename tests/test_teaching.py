"""docs/teaching.md's table of notebooks says what the exercises say."""

import re
from pathlib import Path

import pytest

from cnnkit.exercises.registry import exercises

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "teaching.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d\d) .+? \| (\d+) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("number", "minutes", "amount", "points"), ROWS)
def test_a_notebook_has_these_exercises(number, minutes, amount, points):
    own = [exercise for exercise in exercises().values() if exercise.notebook == number]
    assert (len(own), sum(exercise.points for exercise in own)) == (int(amount), int(points))
    assert 20 <= int(minutes) <= 45


def test_no_notebook_is_left_out():
    assert [row[0] for row in ROWS] == sorted(p.name[:2] for p in ROOT.glob("course/[0-9][0-9]_*.ipynb"))
