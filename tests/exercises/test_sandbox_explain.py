"""Oclgrind's findings in words: the line of the cell, the buffer, the work-items."""

import pytest
from kernels_for_sandbox import FILTER, REVERSE, but, filter_launch, line_launch, reverse_launch

from cnnkit.exercises.sandbox import explain
from cnnkit.exercises.sandbox.explain import explain_kernel, find_oclgrind
from cnnkit.exercises.sandbox.job import prepare
from cnnkit.exercises.sandbox.oclgrind_log import in_words, read_log

needs_oclgrind = pytest.mark.skipif(find_oclgrind() is None, reason="Oclgrind is not installed")
BOUNDS = "    if (i >= H - R + 1 || j >= W - S + 1) return;\n"


@needs_oclgrind
def test_a_right_kernel_has_no_findings():
    assert "found no access outside a buffer" in explain_kernel(
        REVERSE, "reverse", reverse_launch((16,), (8,))
    )


@needs_oclgrind
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            *(BOUNDS, ""),
            "line 10 of your cell, `y[i * (W - S + 1) + j] = sum;`: writes 4 bytes behind the end of `y`, "
            "at index 35 (work-item (7, 4), work-group (0, 0))",
        ),
        (
            "w[r * S + s]",
            "w[r * S + s - 1]",
            "reads 4 bytes before the start of `w`, at index -1 (work-item (0, 0)",
        ),
        (
            "= sum;",
            "+= sum;",
            "line 11 of your cell, `y[i * (W - S + 1) + j] += sum;`: uses a number that was never",
        ),
        ("float sum = 0;", "float sum = 0", "does not compile: line 7 of your cell, `float sum = 0`"),
        ("void filter2d", "void filter3d", "no kernel named `filter2d`; it has `filter3d`"),
    ],
)
def test_what_is_found_in_a_filter(old, new, said):
    assert said in explain_kernel(but(FILTER, old, new), "filter2d", filter_launch((8, 8)))


@needs_oclgrind
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            *("barrier(CLK_LOCAL_MEM_FENCE);", ""),
            [
                "line 7 of your cell, `y[i] = tile[n - 1 - l] + 0 * tile[l];`: work-item",
                "it in line 5, `tile[n - 1 - l] = x[i];`: is a barrier missing between them?",
            ],
        ),
        (
            "barrier(",
            "if (l < 3) barrier(",
            ["line 6 of your cell", "3 of the 16 work-items of a work-group reach"],
        ),
        ("+ 0 * tile[l]", "+ tile[l + 1]", ["line 7", "reads 4 bytes outside the __local memory"]),
        ("y[i] =", "float p[4]; p[l] = 0; y[i] = p[0] +", ["uses index 4 of an array that has 4 elements"]),
        ("y[i] =", "y[i / 2] = tile[l]; y[i] =", ["index 0 of `y`", "writes it in the same line: only one"]),
    ],
)
def test_what_is_found_with_local_memory(old, new, said):
    text = explain_kernel(but(REVERSE, old, new), "reverse", reverse_launch())
    assert text.startswith("Oclgrind ran your kernel with work-groups of 16 and found:\n- line ")
    for words in said:
        assert words in text


@needs_oclgrind
def test_an_endless_loop_ends(monkeypatch):
    monkeypatch.setattr(explain, "LIMIT", 4.0)
    text = explain_kernel(
        but(REVERSE, "y[i] =", "while (1) tile[l] += 1; y[i] ="), "reverse", reverse_launch()
    )
    assert "not done within 4 s" in text and "line 7" in text


def test_without_oclgrind_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(explain, "find_oclgrind", lambda: None)
    text = explain_kernel(FILTER, "filter2d", filter_launch())
    assert "pip install" in text and "apt install oclgrind" in text


LOG = """
Invalid read of size 4 at global memory address 0x1000000000100
\tKernel: f
\tEntity: Global(63,0,0) Local(15,0,0) Group(3,0,0)
\t  %5 = load float, float addrspace(1)* %arrayidx2, align 4, !dbg !25
\tAt line 4 (column 19) of input.cl:
\t  y[i] = x[i + 1];

Uninitialized value written to global memory address 0x20000000000fc
\tKernel: f
\tEntity: Global(63,0,0) Local(15,0,0) Group(3,0,0)
\t  store float %add3, float addrspace(1)* %arrayidx5, align 4, !dbg !31
\tAt line 4 (column 10) of input.cl:
\t  y[i] = x[i + 1];

Invalid read of size 4 at global memory address 0xfffffffffffc
\tKernel: f
\tEntity: Global(0,0,0) Local(0,0,0) Group(0,0,0)
\tDebugging information not available.

Oclgrind - OpenCL runtime error detected
\tFunction: clGetDeviceInfo
"""


def test_a_log_is_read_without_oclgrind():
    source = "__kernel void f(__global const float *x, __global float *y)\n{\nint i;\ny[i] = x[i + 1];\n}"
    job = prepare(source, "f", line_launch(), 1)
    assert in_words(job, source, read_log(LOG)) == [
        "line 5 of your cell, `y[i] = x[i + 1];`: reads 4 bytes behind the end of `x`, at index 64 "
        "(work-item 63, work-group 3)",
        "somewhere in your cell: reads 4 bytes before the start of `x`, at index -1 "
        "(work-item 0, work-group 0)",
    ]
    assert in_words(job, source, read_log("nothing\n\tof it")) == []
