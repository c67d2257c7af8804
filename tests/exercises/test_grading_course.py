"""The course itself, handed in: the solutions get full marks, and what nobody touched is not attempted."""

import shutil
from pathlib import Path

import pytest

from cnnkit.exercises.grading.grader import Options, grade
from cnnkit.exercises.registry import exercises

COURSE = Path(__file__).resolve().parents[2] / "course"


@pytest.mark.timeout(600)
def test_the_course_is_graded(tmp_path):
    for student, folder in (("solved", COURSE / "solutions"), ("untouched", COURSE)):
        (tmp_path / "class" / student).mkdir(parents=True)
        for path in folder.glob("*.ipynb"):
            shutil.copy(path, tmp_path / "class" / student)
    report = grade(Options(tmp_path / "class", tmp_path / "report", seed=1))
    solved, untouched = report["submissions"]
    points = sum(exercise.points for exercise in exercises().values())
    assert {id: e["reason"] for id, e in solved["exercises"].items() if e["status"] != "passed"} == {}
    assert solved["points"] == solved["of"] == points
    assert {e["status"] for e in untouched["exercises"].values()} == {"not attempted"}
    assert untouched["points"] == 0 and untouched["of"] == points
    for student in report["submissions"]:
        for notebook in student["notebooks"]:
            assert (notebook["status"], notebook["events"]) == ("graded", []), notebook
