"""The class's leaders: figures of passed answers, their order, the file, and what a learner sees of it."""

import csv
import io

import pytest

from cnnkit.exercises import leaders
from cnnkit.exercises.definition import Case, FunctionExercise, Wrong
from cnnkit.exercises.grading import report_leaders, verdicts


def exercise(figures):
    return FunctionExercise(
        id="42.1",
        title="A large number",
        answer="number",
        groups={"values": 2},
        cases=lambda rng: [Case({})],
        judge=lambda case, value: "" if value > 0 else "not above 0",
        figures=figures,
        wrong=tuple(Wrong(f"w{i}", "no", lambda: -1, lambda value: False) for i in range(5)),
        hints=("a", "b", "c"),
        explanation="Any.",
    )


def judged(one, value):
    outcome = {"value": value, "problem": "", "error": "", "symptom": "", "attempted": True, "line": None}
    return verdicts._judged(one, [outcome], one.draw(0))


def test_only_a_passed_answer_has_figures():
    one = exercise(lambda value: {"accuracy": value / 10, "parameters": 7})
    result, _, figures = judged(one, 5)
    assert result.points == 2 and figures == {"accuracy": 0.5, "parameters": 7.0}
    result, _, figures = judged(one, -5)
    assert result.points == 0 and figures == {}


def test_figures_that_fail_cost_no_points():
    result, notes, figures = judged(exercise(lambda value: 1 / 0), 5)
    assert (result.points, notes, figures) == (2, [], {})


def report(**figures):
    submissions = [
        {"student": name, "exercises": {"08.5": {"figures": one} if one else {}, "08.1": {}}}
        for name, one in figures.items()
    ]
    return {"exercises": [{"id": "08.1"}, {"id": "08.5"}], "submissions": submissions}


def rows_of(content):
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_the_first_figure_counts_upward_and_the_others_downward_and_equals_share_a_rank():
    made = report(
        Zoe={"accuracy": 0.98, "parameters": 4000},
        Ann={"accuracy": 0.98, "parameters": 4900},
        Bob={"accuracy": 0.99, "parameters": 5000},
        Cem={"accuracy": 0.98, "parameters": 4000},
        Dan=None,
    )
    rows = rows_of(report_leaders.render(made))
    assert [(row["rank"], row["name"]) for row in rows] == [
        ("1", "Bob"),
        ("2", "Cem"),
        ("2", "Zoe"),
        ("4", "Ann"),
    ]
    assert rows[0]["accuracy"] == "0.99" and rows[0]["parameters"] == "5000"


def test_no_figures_no_file_and_no_name_calculates():
    assert report_leaders.render(report(Ann=None)) is None
    rows = rows_of(report_leaders.render(report(**{"=1+1": {"accuracy": 1.0}})))
    assert rows[0]["name"] == "'=1+1"


def test_a_learner_sees_the_table(tmp_path, capsys):
    leaders("08.5", tmp_path)
    assert "No leaders.csv lies beside this notebook" in capsys.readouterr().out
    many = {f"S{i:02}": {"accuracy": 0.9 + i / 1000, "parameters": 100} for i in range(12)}
    (tmp_path / "leaders.csv").write_bytes(report_leaders.render(report(**many)))
    leaders("08.5", tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["rank", "name", "accuracy", "parameters"]
    assert lines[1].split() == ["1", "S11", "0.911", "100"] and lines[-1] == "and 2 more"
    leaders("05.1", tmp_path)
    assert "tells of nobody who has passed 05.1" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b'exercise,rank\n"08.5', b"a,b\n08.5,1,2,3\n"])
def test_a_broken_file_is_a_sentence(tmp_path, capsys, content):
    (tmp_path / "leaders.csv").write_bytes(content)
    leaders("08.5", tmp_path)
    assert capsys.readouterr().out.strip()
