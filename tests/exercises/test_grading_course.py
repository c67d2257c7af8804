"""The course itself, handed in: the solutions get full marks, and what nobody touched is not attempted."""

import shutil
from pathlib import Path

import nbformat
import pytest

from cnnkit.exercises.grading.grader import Options, grade
from cnnkit.exercises.registry import exercises

COURSE = Path(__file__).resolve().parents[2] / "course"


@pytest.mark.slow  # every notebook, solved and untouched: minutes
@pytest.mark.timeout(900)
def test_the_course_is_graded(tmp_path):
    for student, folder in (("solved", COURSE / "solutions"), ("untouched", COURSE)):
        (tmp_path / "class" / student).mkdir(parents=True)
        for path in folder.glob("*.ipynb"):
            shutil.copy(path, tmp_path / "class" / student)
    # Without outputs: the state of an explorer is then what the notebook's own code makes of it.
    book = nbformat.read(COURSE / "solutions" / "01_one_filter.ipynb", as_version=4)
    for cell in (cell for cell in book.cells if cell.cell_type == "code"):
        cell.outputs, cell.execution_count = [], None
    (tmp_path / "class" / "cleared").mkdir()
    nbformat.write(book, tmp_path / "class" / "cleared" / "my homework.ipynb")
    report = grade(Options(tmp_path / "class", tmp_path / "report", seed=1))
    cleared, solved, untouched = report["submissions"]
    assert cleared["points"] == sum(e.points for e in exercises().values() if e.notebook == "01")
    points = sum(exercise.points for exercise in exercises().values())
    assert {id: e["reason"] for id, e in solved["exercises"].items() if e["status"] != "passed"} == {}
    assert solved["points"] == solved["of"] == points
    assert {e["status"] for e in untouched["exercises"].values()} == {"not attempted"}
    assert untouched["points"] == 0 and untouched["of"] == points
    for student in report["submissions"]:
        for notebook in student["notebooks"]:
            wanted = "without exercises" if notebook["file"].endswith("glossary.ipynb") else "graded"
            assert (notebook["status"], notebook["events"]) == (wanted, []), notebook
