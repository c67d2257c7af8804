"""The sandbox lives on whatever a kernel does, and says what it was and where.

Every wrong kernel is a right one with one change, which is judged right without it.
"""

import numpy as np
import pytest
from driver import POCL, POCL_BEFORE_7
from kernels_for_sandbox import (
    FILTER,
    FILTERED,
    NUMBERS,
    REVERSE,
    assert_serves,
    but,
    filter_launch,
    line_launch,
    on_line,
    one,
    reverse_launch,
)

from cnnkit.exercises.launch import In, InOut, Launch
from cnnkit.exercises.sandbox import Sandbox, client, sentences
from cnnkit.exercises.sandbox.job import prepare

BOUNDS = "    if (i >= H - R + 1 || j >= W - S + 1) return;\n"
STORE = "y[i * (W - S + 1) + j] = sum;"
only_pocl = pytest.mark.skipif(not POCL, reason="what a device makes of this mistake is known for PoCL alone")


@pytest.fixture(scope="module")
def box():
    """One sandbox for all: each test also shows that it survived the one before."""
    made = Sandbox()
    yield made
    made.close()


def test_a_right_kernel(box):
    outcomes = box.run(FILTER, "filter2d", [filter_launch((8, 8), (4, 2)), filter_launch()])
    for outcome in outcomes:
        assert (outcome.problem, outcome.symptom, outcome.line) == ("", "", None)
        assert outcome.value.shape == (5, 7)
        np.testing.assert_allclose(outcome.value, FILTERED, rtol=1e-5)


def test_a_right_kernel_with_a_barrier_and_the_same_source_twice(box):
    for _ in range(2):
        outcome = one(box, REVERSE, "reverse", reverse_launch((16,), (8,)))
        assert not outcome.problem
        np.testing.assert_array_equal(outcome.value, NUMBERS)


def test_an_array_changed_in_place_is_the_result(box):
    source = "__kernel void f(__global int *y, int n) { int i = get_global_id(0); if (i < n) y[i] += i; }"
    launch = Launch((InOut(np.full(5, 7, np.int32)), 5), (5,), ((4,), (1,)))
    assert one(box, source, "f", launch).value.tolist() == [7, 8, 9, 10, 11]


@pytest.mark.parametrize(
    ("old", "new", "symptom", "line", "said"),
    [
        (
            *(BOUNDS, "", "overrun", 10),
            [
                "outside `y`: ",
                "behind its end, the first at index 35 (row 5, column 0 of a 5 x 7 result)",
                "work-groups of 4 x 4; line 10 of your cell writes it: `y[i * (W - S + 1) + j] = sum;`",
                "bounds check",
            ],
        ),
        (
            "i >= H - R + 1",
            "i > H - R + 1",
            "overrun",
            11,
            ["7 numbers behind its end", "the last at index 41"],
        ),
        (
            STORE,
            "y[i * (W - S + 1) + j - 2] = sum;",
            "overrun",
            11,
            ["2 numbers before its start", "negative"],
        ),
        (STORE, "y[i * 100000000] = sum;", "crash", 11, ["crashed", "outside its buffers"]),
        (
            *("float sum = 0;", "float sum = 0; ((__global float *)x)[j] = 9;", "input changed", None),
            [
                "its input `x`: 7 numbers, the first at index 0 (row 0, column 0 of a 6 x 8 array)",
                "became 9",
                "`y` alone",
            ],
        ),
        (
            *(STORE, f"if (j % 2 == 0) {STORE}", "unwritten", 11),
            ["15 of the 35 numbers of `y` unwritten", "the first at index 1 (row 0, column 1 of"],
        ),
        (STORE, "", "unwritten", None, ["wrote nothing into `y`", "no line assigns to `y[...]`"]),
        ("= sum;", "+= sum;", "unwritten", 11, ["read `y` before it had written it", "not even 0"]),
        (
            "r < R;",
            "r <= R;",
            "outside read",
            10,
            ["outside `w`, behind its end", "line 10 of your cell reads it"],
        ),
        (
            *("float sum = 0;", "float sum;", "unset", 7),
            ["uses `sum`, and nothing gave it a first number: line 7 of your cell, `float sum;`"],
        ),
        ("w[r * S + s]", "w[r * S + s - 1]", "outside read", 10, ["outside `w`, before its start"]),
        pytest.param(  # llvmpipe says that it is 0
            *(
                "float sum = 0;",
                "float sum = 0.0f / (R - 2);",
                "outside read",
                None,
                ["NaN", "0 divided by 0"],
            ),
            marks=only_pocl,
        ),
    ],
)
def test_wrong_accesses(box, old, new, symptom, line, said):
    outcome = one(box, but(FILTER, old, new))
    assert (outcome.symptom, outcome.line, outcome.value) == (symptom, line, None), outcome.problem
    for words in said:
        assert words in outcome.problem
    assert_serves(box)


def test_a_read_that_passes_over_nan_is_found(box):
    assert on_line(box, "y[i] = x[i];").problem == ""
    outcome = on_line(box, "y[i] = fmax(x[i], x[i + 1]);")
    assert (outcome.symptom, outcome.line) == ("outside read", 5)
    assert "outside `x`, behind its end: the result at index 63" in outcome.problem


def test_whole_numbers(box):
    assert on_line(box, "if (i != 7) y[i] = x[i];", "int32", "int").symptom == "unwritten"
    assert on_line(box, "y[i] = x[i] + x[i + 1];", "int32", "int").symptom == "outside read"
    assert on_line(box, "y[i + 1] = x[i];", "uint8", "uchar").symptom == "overrun"


def test_an_overrun_of_an_input_is_named_by_the_input(box):
    outcome = on_line(box, "((__global float *)x)[i + 1] = 0; y[i] = 0;")
    assert outcome.symptom == "overrun"
    assert "wrote outside `x`: 1 number behind its end, at index 64," in outcome.problem


@only_pocl  # llvmpipe ends every loop after 65 535 rounds
def test_an_endless_loop_is_stopped_and_the_next_run_is_served(box):
    outcomes = box.run(
        but(FILTER, "r < R; r++", "r < R; r--"), "filter2d", [filter_launch()] * 3, seconds=1.0
    )
    assert [outcome.symptom for outcome in outcomes] == ["timeout"] * 3
    assert "did not end within 1 s" in outcomes[0].problem
    assert "lines 8 and 9 of your cell" in outcomes[0].problem
    assert "not run" in outcomes[2].problem
    outcome = on_line(box, "while (x[i] >= 0) y[i] += 1;")
    assert (outcome.symptom, outcome.line) == ("timeout", 5)
    assert "within 5 s" in outcome.problem
    assert_serves(box)


def test_the_runs_of_a_launch_share_their_time(box, monkeypatch):
    ticks = iter(range(100))  # each look at the clock is a second later than the one before
    monkeypatch.setattr(client, "time", type("clock", (), {"monotonic": lambda: next(ticks)}))
    monkeypatch.setattr(
        client.WorkerProcess, "receive", lambda self, seconds: messages.pop(0) if seconds else None
    )
    messages = [{"state": state} for state in ("busy", "built", *("started", "ended", "ran") * 9)]
    messages[1]["kernels"] = ["filter2d"]
    monkeypatch.setattr(client.Examiner, "add", lambda *_: None)
    outcome = one(box, FILTER, launch=filter_launch((4, 4), (8, 8), (1, 1)), seconds=4.0)
    assert outcome.symptom == "timeout"
    assert "in its run number 5 it had used 4 s" in outcome.problem
    monkeypatch.undo()
    assert_serves(box)


@pytest.mark.skipif(
    not POCL_BEFORE_7, reason="what a device makes of this mistake is known for PoCL 3 to 6 alone"
)
@pytest.mark.parametrize("guard", ["if (l < 3)", "for (int k = 0; k < l; k++)"])
def test_a_divergent_barrier(box, guard):
    outcome = one(box, but(REVERSE, "barrier(", f"{guard} barrier("), "reverse", reverse_launch())
    assert (outcome.symptom, outcome.line) == ("crash", 6)
    assert "not all work-items of a group reach the same barrier" in outcome.problem
    assert_serves(box)


@only_pocl
def test_a_missing_barrier(box):
    without = but(REVERSE, "barrier(CLK_LOCAL_MEM_FENCE);", "")
    outcomes = box.run(without, "reverse", [reverse_launch((16,), (8,))] * 6)
    assert [outcome.symptom for outcome in outcomes] == ["unstable"] * 6
    assert all("Put barrier(CLK_LOCAL_MEM_FENCE)" in outcome.problem for outcome in outcomes)


def test_a_result_that_depends_on_the_size_of_the_work_groups(box):
    source = but(REVERSE, "+ 0 * tile[l]", "+ n")
    outcome = one(box, source, "reverse", reverse_launch((16,), (8,)))
    assert outcome.symptom == "unstable"
    assert "at index 0, it is 16 with work-groups of 16 and 8 with 8" in outcome.problem
    assert "`get_local_id`" in outcome.problem


@only_pocl
def test_a_race(box):
    source = """__kernel void f(__global const float *x, __global float *y)
{
    for (int k = 0; k < 2000; k++) y[0] += x[k % 64];
}"""
    launch = Launch((In(NUMBERS), InOut(np.zeros(1, np.float32))), (8192,), ((16,), (1,)))
    outcome = one(box, source, "f", launch)
    assert outcome.symptom == "unstable"
    said = "Does it use a variable that was never set? Or do two work-items write to the same place?"
    assert said in outcome.problem


@only_pocl
def test_too_large_a_private_array(box):
    outcome = on_line(
        box, "float a[9000000]; for (int k = 0; k < 9000000; k++) a[k] = x[k % 64]; y[i] = a[i];"
    )
    assert (outcome.symptom, outcome.line) == ("crash", 5)
    assert "array of each work-item's own is too large" in outcome.problem
    assert_serves(box)


def test_an_integer_division_by_zero_lets_the_notebook_live(box):
    outcome = on_line(box, "y[i] = (i + 1) / x[0];", "int32", "int")
    assert outcome.symptom in ("", "crash")  # PoCL gives some number, other devices end the process
    job = prepare("int f;\ny = a / b;", "f", line_launch(), 1)
    told, line = sentences.crash(job, "int f;\ny = a / b;", "SIGFPE", job.runs[0])
    assert "integer by zero" in told and "line 3 of your cell divides: `y = a / b;`" in told
    assert line == 3
