"""Grading a class: whatever was done to a notebook it gets its points, and a run that was killed goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "hostile"))

from grading_course import (
    CHECK,
    GUESS,
    IMPORTS,
    SCALE,
    SCALE_STUB,
    SLIDE,
    SLIDE_STUB,
    cell,
    first,
    make_course,
    notebook,
    saved_state,
    second,
    write,
)

from cnnkit.errors import CnnkitError
from cnnkit.exercises.grading import verdicts
from cnnkit.exercises.grading.grader import Options, grade
from cnnkit.exercises.grading.isolation import bubblewrap_missing
from cnnkit.exercises.grading.limits import Limits

LIMITS = dataclasses.replace(Limits(), cell_seconds=10.0, submission_seconds=60.0, grace_seconds=0.5)
TURNED = SLIDE.replace("* w)", "* w[::-1, ::-1])")


@pytest.fixture
def course(tmp_path, monkeypatch):
    folder = make_course(tmp_path / "course")
    monkeypatch.setenv("CNNKIT_COURSE", str(folder))
    return folder


def _grade(tmp_path: Path, **options: Any) -> dict[str, dict[str, Any]]:
    """The submissions of the report by student."""
    chosen = {"jobs": 2, "seed": 3, "limits": LIMITS, "unprotected": True} | options
    report = grade(Options(tmp_path / "in", tmp_path / "out", **chosen))
    return {s["student"]: s for s in report["submissions"]}


def _digests(folder: Path) -> dict[str, str]:
    found = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink()]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() + str(p.stat().st_mtime_ns) for p in found}


CHANGED_NOTEBOOKS: dict[str, tuple[Any, int]] = {
    "plain": (first(), 5),
    "deleted_cells": (notebook([IMPORTS, SLIDE, GUESS]), 5),
    "no_import": (notebook([SLIDE, GUESS]), 2),
    "copied_stub_after_it": (first(SLIDE, GUESS, SLIDE_STUB, "guess = None"), 5),
    "copied_stub_before_it": (notebook([IMPORTS, SLIDE_STUB, SLIDE, GUESS]), 5),
    "newest_attempt_counts": (first(SLIDE, GUESS, TURNED), 3),
    "reordered": (notebook([GUESS, CHECK, SLIDE, IMPORTS]), 5),
    "other_ids_and_tags": (notebook([cell(IMPORTS), cell(SLIDE, ("x",), "z1"), cell(GUESS, (), "z2")]), 5),
    "deleted_afterwards": (first(SLIDE, GUESS, "del slide, guess"), 5),
    "extra_output": (first(SLIDE, GUESS, "import sys; print('x' * 10**6); print('x', file=sys.stderr)"), 5),
    "magics": (notebook(["%matplotlib inline\n!echo hi\nimport numpy as np", "%%time\n1", SLIDE, GUESS]), 5),
    "plots": (first(SLIDE, GUESS, "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()"), 5),
    "needs_a_shown_cell": (  # the course's own cell of the tag "answer" is skipped, unless something needs it
        first(SLIDE, GUESS.replace("42", "seen()"), before=("def seen(): return 42 if shown else 0",)), 5),
    "awaits": (first(SLIDE, GUESS, "import asyncio\nawait asyncio.sleep(0.01)"), 5),
    "renamed": (notebook([IMPORTS, SLIDE.replace("slide", "mine"), GUESS, 'check("01.1", mine)']), 5),
    "syntax_error": (notebook([IMPORTS, SLIDE.replace("):", ")", 1), GUESS]), 2),
    "broken": ('{"cells": [', 0),
}  # fmt: skip


def test_whatever_was_done_to_a_notebook_it_gets_its_points(course, tmp_path):
    for path in (course / "01_tiny.ipynb", course / "solutions" / "01_tiny.ipynb"):
        made = json.loads(path.read_text())
        for c in made["cells"]:
            if "answer" in c["metadata"].get("tags", []):
                c["source"] = "shown = True"
        write(path, made)
    for name, (content, _) in CHANGED_NOTEBOOKS.items():
        if name == "needs_a_shown_cell":
            content = json.loads(json.dumps(content).replace(json.dumps(CHECK)[1:-1], "shown = True"))
        write(tmp_path / "in" / name / f"{name} (1).ipynb", content)
    before = _digests(tmp_path / "in")
    found = _grade(tmp_path)
    points = {name: submission["points"] for name, submission in found.items()}
    assert points == {name: right for name, (_, right) in CHANGED_NOTEBOOKS.items()}
    assert _digests(tmp_path / "in") == before
    assert "you turned the filter" in found["newest_attempt_counts"]["exercises"]["01.1"]["mistake"]
    assert found["plain"]["exercises"]["01.1"]["code"] == SLIDE
    assert "it is called `mine` here" in found["renamed"]["exercises"]["01.1"]["notes"][0]
    told = found["syntax_error"]["exercises"]["01.1"]
    assert (
        told["status"] == "not yet"
        and "its cell did not run to the end: it raised SyntaxError" in told["reason"]
    )
    assert "ipython-input" not in told["reason"] and "(line 1)" in told["reason"]
    assert found["broken"]["notebooks"][0]["status"] == "refused"
    assert "JSON is broken" in found["broken"]["notebooks"][0]["reason"]
    for name in ("index.html", "grades.csv", "grades.json"):
        assert (tmp_path / "out" / name).stat().st_size


@pytest.mark.skipif(bool(bubblewrap_missing()), reason=f"bubblewrap {bubblewrap_missing()}")
def test_inside_bubblewrap_too(course, tmp_path):
    write(tmp_path / "in" / "alice" / "01.ipynb", first())
    write(tmp_path / "in" / "alice" / "02.ipynb", second())
    report = grade(Options(tmp_path / "in", tmp_path / "out", limits=LIMITS))
    assert report["protection"]["name"] == "bubblewrap"
    assert report["submissions"][0]["points"] == 8


def test_kernels_states_and_files_for_the_same_notebook(course, tmp_path):
    reached = cell("check('02.2', explorer)", outputs=saved_state("02.2", {"stride": 3}))
    other = cell("check('02.2', explorer)", outputs=saved_state("02.2", {"stride": 2}))
    write(tmp_path / "in" / "kernel" / "x.ipynb", second(SCALE, reached))
    write(tmp_path / "in" / "stub" / "x.ipynb", second(SCALE_STUB, other))
    write(
        tmp_path / "in" / "tripled" / "x.ipynb",
        second(SCALE.replace("2 *", "3 *"), "explorer = {'stride': 3}"),
    )
    write(tmp_path / "in" / "cleared" / "x.ipynb", second(SCALE))
    write(tmp_path / "in" / "twice" / "a.ipynb", first(SLIDE_STUB))
    write(tmp_path / "in" / "twice" / "b.ipynb", first(SLIDE, "guess = 24"))
    found = _grade(tmp_path)
    assert {name: s["points"] for name, s in found.items()} == {
        "cleared": 3,
        "kernel": 4,
        "stub": 0,
        "tripled": 1,
        "twice": 5,
    }
    assert found["stub"]["exercises"]["02.1"]["status"] == "not attempted"
    assert found["stub"]["exercises"]["02.2"]["mistake"] == "that is two"
    assert "handed in without outputs" in found["cleared"]["exercises"]["02.2"]["notes"][0]
    assert found["tripled"]["exercises"]["02.1"]["mistake"] == "you tripled"
    assert "2 times" in found["twice"]["notes"][0]
    assert found["twice"]["exercises"]["01.1"]["file"] == "twice/b.ipynb"
    assert found["twice"]["exercises"]["01.2"]["file"] == "twice/a.ipynb"
    assert found["kernel"]["exercises"]["01.1"]["status"] == "not handed in"


def test_every_odd_file_gets_a_row_and_a_reason(course, tmp_path):
    inside = tmp_path / "in"
    write(inside / "good" / "01_tiny.ipynb", first())
    (inside / "empty").mkdir()
    write(tmp_path / "secret.ipynb", first())
    os.symlink(tmp_path / "secret.ipynb", inside / "linked.ipynb")
    write(inside / "poem" / "poem.ipynb", notebook(["print('a poem')"]))
    write(inside / "zipped.zip", "PK")
    found = _grade(tmp_path)
    assert {name: s["points"] for name, s in found.items()} == {
        "good": 5, "empty": 0, "linked": 0, "poem": 0, "zipped": 0,
    }  # fmt: skip
    assert found["empty"]["notes"] == ["the folder is empty"]
    reasons = {name: s["notebooks"][0]["reason"] for name, s in found.items() if s["notebooks"]}
    assert "link" in reasons["linked"] and "none of the course" in reasons["poem"]
    assert "no notebook" in reasons["zipped"]


def test_the_class_has_the_same_cases_and_each_exercise_its_own(course, tmp_path):
    for name in ("alice", "bob"):
        write(tmp_path / "in" / name / "01_tiny.ipynb", first(TURNED))
    found = _grade(tmp_path)
    cases = [s["exercises"]["01.1"]["case"] for s in found.values()]
    assert cases[0] == cases[1] and "4, 5" in cases[0]
    from cnnkit.exercises import registry

    slide = registry.exercises(course)["01.1"]
    x = [verdicts.cases_of(slide, seed)[1].arguments["x"].tolist() for seed in (3, 3, 4)]
    assert x[0] == x[1] != x[2]
    other = dataclasses.replace(slide, id="01.3")
    assert verdicts.cases_of(other, 3)[1].arguments["x"].tolist() != x[0]


def test_the_notebooks_time_is_shared_out_and_answers_are_still_looked_at(course, tmp_path):
    slow = ["import time\ntime.sleep(30)", "import time\ntime.sleep(29)", "nothing = 1"]
    write(tmp_path / "in" / "slow" / "01_tiny.ipynb", notebook([*slow, IMPORTS, SLIDE, GUESS]))
    limits = dataclasses.replace(LIMITS, cell_seconds=2.0, submission_seconds=5.0)
    found = _grade(tmp_path, limits=limits)["slow"]
    # The import had no time left; what binds an answer still ran.
    assert found["points"] == 2
    assert any("time was up" in event for event in found["notebooks"][0]["events"])


def test_only_the_notebooks_that_are_asked_for(course, tmp_path):
    write(tmp_path / "in" / "alice" / "a.ipynb", first())
    write(tmp_path / "in" / "alice" / "b.ipynb", second())
    found = _grade(tmp_path, notebooks=("01",))["alice"]
    assert (found["points"], found["of"]) == (5, 5)
    with pytest.raises(CnnkitError, match="'07'"):
        _grade(tmp_path, notebooks=("07",))


# --- the folder of the report ---------------------------------------------------------------------------


def test_a_report_never_goes_where_something_else_is(course, tmp_path):
    write(tmp_path / "in" / "alice" / "01_tiny.ipynb", first())
    with pytest.raises(CnnkitError, match="among the submissions"):
        grade(Options(tmp_path / "in", tmp_path / "in" / "report"))
    with pytest.raises(CnnkitError, match="among the submissions"):
        grade(Options(tmp_path / "in", tmp_path / "in"))
    write(tmp_path / "other" / "thesis.txt", "precious")
    with pytest.raises(CnnkitError, match="something else"):
        grade(Options(tmp_path / "in", tmp_path / "other"))
    assert [p.name for p in (tmp_path / "other").iterdir()] == ["thesis.txt"]
    assert [p.name for p in (tmp_path / "in").iterdir()] == ["alice"]


def test_a_second_run_keeps_the_seed_and_grades_only_what_changed(course, tmp_path):
    for name in ("alice", "bob"):
        write(tmp_path / "in" / name / "01_tiny.ipynb", first(SLIDE_STUB))
    _grade(tmp_path, seed=11)
    kept = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "state").glob("*.gathered")}
    with pytest.raises(CnnkitError, match="the seed 11, and 12"):
        _grade(tmp_path, seed=12)
    write(tmp_path / "in" / "bob" / "01_tiny.ipynb", first())
    found = _grade(tmp_path, seed=None)
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "state").glob("*.gathered")}
    assert len(after) == 2 and len([name for name in kept if after[name] == kept[name]]) == 1
    assert [s["points"] for s in found.values()] == [2, 5]
    assert json.loads((tmp_path / "out" / "grades.json").read_text())["seed"] == 11


RUN = """
import sys, dataclasses
from pathlib import Path
from cnnkit.exercises.grading.grader import Options, grade
from cnnkit.exercises.grading.limits import Limits
limits = dataclasses.replace(Limits(), cell_seconds=10.0, submission_seconds=60.0, grace_seconds=0.5)
grade(Options(Path(sys.argv[1]), Path(sys.argv[2]), 1, 5, limits=limits, unprotected=True))
"""


def _gathered(tmp_path: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "state").glob("*.gathered")}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal here")
def test_a_run_that_was_killed_goes_on(course, tmp_path):
    import psutil

    for name in ("a", "b", "c"):
        write(tmp_path / "in" / name / "01_tiny.ipynb", first(SLIDE, GUESS, "import time; time.sleep(0.7)"))
    run = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path / "in"), str(tmp_path / "out")])
    children: list[psutil.Process] = []
    while run.poll() is None and not (_gathered(tmp_path) and children):
        time.sleep(0.05)
        with contextlib.suppress(psutil.Error):
            children = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.wait()
    half = _gathered(tmp_path)
    assert 1 <= len(half) < 3
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    found = _grade(tmp_path, seed=None, jobs=1)
    assert [s["points"] for s in found.values()] == [5, 5, 5]
    assert all(_gathered(tmp_path)[name] == made for name, made in half.items())


def test_two_runs_into_one_folder_are_refused(course, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    write(tmp_path / "in" / "a" / "01_tiny.ipynb", first())
    (tmp_path / "out" / "state").mkdir(parents=True)
    write(
        tmp_path / "out" / "state" / "run.json",
        json.dumps({"kind": "cnnkit grading", "seed": 1, "started": "x"}),
    )
    with open(tmp_path / "out" / "state" / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CnnkitError, match="Another run"):
            grade(Options(tmp_path / "in", tmp_path / "out"))


def test_nothing_is_left_in_the_temporary_folder(course, tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    write(
        tmp_path / "in" / "a" / "01_tiny.ipynb",
        first(SLIDE, GUESS, "import os\nos.makedirs('x/' * 500)\nos.chmod('x', 0)"),
    )
    assert _grade(tmp_path)["a"]["points"] == 5
    assert list((tmp_path / "temporary").iterdir()) == []
