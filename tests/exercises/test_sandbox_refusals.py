"""What the sandbox does not run: what does not compile, does not fit, or reads other files."""

from pathlib import Path

import numpy as np
import pytest
from driver import POCL
from kernels_for_sandbox import (
    FILTER,
    NUMBERS,
    REVERSE,
    assert_serves,
    but,
    line_launch,
    on_line,
    one,
)

import cnnkit
from cnnkit.errors import CnnkitError
from cnnkit.exercises.launch import In, Launch, Local, Out
from cnnkit.exercises.sandbox import Sandbox, client, sentences


@pytest.fixture(scope="module")
def box():
    """One sandbox for all: each test also shows that it survived the one before."""
    made = Sandbox()
    yield made
    made.close()


def test_too_much_local_memory(box):
    launch = Launch((In(NUMBERS), Out((64,)), Local(10**6)), (64,), ((16,),))
    outcome = one(box, REVERSE, "reverse", launch)
    # The driver's own number: a device that the tests make small is as large as ever in the other process.
    most = cnnkit.current_device().handle.local_mem_size
    assert outcome.symptom == "refused"
    assert "64,000,000 bytes" in outcome.problem and f"{most:,}" in outcome.problem
    outcome = on_line(
        box, "__local float t[9000000]; t[i] = x[i]; barrier(CLK_LOCAL_MEM_FENCE); y[i] = t[i ^ 1];"
    )
    assert (outcome.symptom, outcome.line) == ("refused", 5)
    assert ("36,000,000 bytes" if POCL else "000,000 bytes") in outcome.problem  # Mesa 22 counts it twice


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("float *y,", "flot *y,", 2, "flot"),
        ("float sum = 0;", "float sum = 0", 7, "line 7 of your cell, `float sum = 0`"),
        ("sum += x[", "sum += z[", 10, "'z'"),
        ("= sum;\n}", "= sum;\n", None, "expected '}'"),
        ("float sum = 0;", "float sum = mean(1, 2);", 7, "mean"),
    ],
)
def test_what_does_not_compile(box, old, new, line, said):
    outcome = one(box, but(FILTER, old, new))
    assert outcome.symptom == "build"
    assert said in outcome.problem
    assert line is None or outcome.line == line
    assert "tempfile" not in outcome.problem and str(Path.home()) not in outcome.problem


def test_numbers_of_two_kinds(box):
    outcome = one(box, but(FILTER, "+ j] = sum;", "+ j] = max(0, sum);"))
    if outcome.symptom == "build":  # some compilers take it
        assert "max" in outcome.problem and "_cl_max" not in outcome.problem and outcome.line is not None
        assert "tempfile" not in outcome.problem and "0.0f a float" in outcome.problem


def test_a_function_that_exists_nowhere(box):
    source = (
        "float g(float a);\n__kernel void f(__global const float *x, __global float *y)\n{ y[0] = g(x[0]); }"
    )
    outcome = one(box, source, "f", line_launch())
    assert outcome.symptom == "build"
    assert "`g`" in outcome.problem
    assert outcome.line == (4 if POCL else outcome.line)


INTEL_LOG = """clBuildProgram failed: BUILD_PROGRAM_FAILURE

Build on <pyopencl.Device 'CPU' on 'Intel(R) OpenCL' at 0x55>:

Compilation started
Compilation done
Linking started
Linking done
Device build started
Options used by backend compiler: -I /somewhere
Failed to build device program
JIT session error: %s
"""


def test_the_log_of_intels_compiler_begins_with_what_went_well():
    source = "float g(float a);\n__kernel void f(__global float *y) { y[0] = g(1); }"
    told, _ = sentences.build(source, "f", INTEL_LOG % "Symbols not found: [ g ]")
    assert "there is no function `g`" in told
    told, _ = sentences.build(source, "f", INTEL_LOG % "something else")
    assert told == "Your kernel does not compile; the compiler says: Failed to build device program."


def test_what_is_refused_before_it_runs(box):
    renamed = but(FILTER, "void filter2d", "void filter3d")
    assert one(box, renamed).problem == "The cell has no kernel named `filter2d`; it has `filter3d`."
    assert "has no kernel" in one(box, "").problem
    short = but(FILTER, "int R, int S)", "int R)").replace("S", "2")
    expected = (
        "`__kernel void filter2d(__global const float *x, __global const float *w, __global float *y, int "
    )
    said = one(box, short).problem
    assert "has 6 parameters and is given 7 arguments" in said and expected in said
    said = one(box, but(FILTER, "__global float *y", "__global int *y")).problem
    assert (
        "Parameter 3 of your kernel `filter2d` is `__global int *y` and is given `__global float *`" in said
    )
    said = one(box, but(FILTER, "int H", "float H")).problem
    assert "Parameter 4" in said and "`float H` and is given `int`" in said
    large = Launch((In(np.zeros(1, np.float32)), Out((1 << 26,))), (1,), ((1,),))
    source = "__kernel void f(__global const float *x, __global float *y) { y[0] = x[0]; }"
    said = one(box, source, "f", large).problem
    assert "268,697,604 bytes" in said and "268,435,456" in said
    wide = Launch(line_launch().arguments, (64,), ((1 << 20,),))
    assert "more than the" in one(box, source, "f", wide).problem
    assert "30,000" in one(box, "/" * 30_001).problem


@pytest.mark.parametrize(
    "line",
    [
        '#include "/etc/passwd"',
        "  # /* a */ include </etc/passwd>",
        '#in\\\nclude "/etc/passwd"',
        '%:include "/etc/passwd"',
        '#import "/etc/passwd"',
        '#if __has_include("/etc/passwd")\n#endif',
        '__asm__(".incbin \\"/etc/passwd\\"");',
    ],
)
def test_other_files_cannot_be_read(box, line):
    outcome = one(box, f"{line}\n{FILTER}")
    assert outcome.symptom == "refused"
    assert "take it out" in outcome.problem
    assert "root:" not in outcome.problem
    assert one(box, f"// {line.splitlines()[0]}\n{FILTER}").problem == "" or "\\" in line


def test_a_macro_bomb_ends_with_the_compilers_limit(box, monkeypatch):
    monkeypatch.setattr(client, "COMPILE_LIMIT", 2.0)
    bomb = "#define A(x) x x x x x x x x x x\n#define B(x) A(A(A(A(x))))\n"
    outcome = one(box, but(bomb + FILTER, "float sum = 0;", "float sum = 0; B(B(sum += x[(int)sum];))"))
    assert outcome.symptom in ("timeout", "crash")
    assert "compiler" in outcome.problem and "macros" in outcome.problem
    monkeypatch.undo()
    assert_serves(box)


def test_compiling_alone(box):
    assert box.build(FILTER, "filter2d").problem == ""
    assert box.build(FILTER).problem == ""
    assert box.build(FILTER, "reverse").symptom == "refused"
    outcome = box.build(but(FILTER, "sum = 0;", "sum = 0"), "filter2d")
    assert (outcome.symptom, outcome.line) == ("build", 7)


def test_an_author_is_told_what_is_wrong_with_a_launch(box):
    for arguments, words in (
        ((In(NUMBERS),), "0 outputs"),
        ((Out((4,)), Out((4,))), "2 outputs"),
        (("x", Out((4,))), "type str"),
        ((In(np.zeros(0, np.float32)), Out((4,))), "empty"),
        ((In(np.zeros(1, complex)), Out((4,))), "complex128"),
    ):
        with pytest.raises(CnnkitError, match=words):
            one(box, FILTER, launch=Launch(arguments, (4,), ((4,),)))
