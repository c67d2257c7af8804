"""What is read in a kernel's source: parameters, and the lines that write, read and loop."""

import pytest
from kernels_for_sandbox import FILTER, REVERSE

from cnnkit.exercises.sandbox import cell_line
from cnnkit.exercises.sandbox.source import (
    forbidden,
    kernels,
    large_arrays,
    line_text,
    lines_calling,
    lines_declaring_local,
    lines_reading,
    lines_with_barrier,
    lines_writing,
    loops,
    never_set,
)


def test_lines_are_those_of_the_cell():
    assert cell_line(1) == 2
    assert line_text(FILTER, 4) == "int j = get_global_id(0), i = get_global_id(1);"
    assert line_text(FILTER, 99) == ""


def test_parameters():
    found = kernels(FILTER)["filter2d"]
    assert [p.name for p in found] == ["x", "w", "y", "H", "W", "R", "S"]
    assert [p.type for p in found] == ["float"] * 3 + ["int"] * 4
    assert [p.pointer for p in found] == [True] * 3 + [False] * 4
    assert [p.space for p in kernels(REVERSE)["reverse"]] == ["__global", "__global", "__local"]


@pytest.mark.parametrize(
    ("text", "names", "types"),
    [
        (
            "__kernel void f(global float4 *restrict a, const unsigned int n) {}",
            ["a", "n"],
            ["float", "uint"],
        ),
        (
            "kernel __attribute__((reqd_work_group_size(4, 1, 1))) void f(__constant uchar *w) {}",
            ["w"],
            ["uchar"],
        ),
        (
            "// kernel void g(int a) {}\nkernel void /* kernel void h( */ f(\n  size_t n // the size\n) {}",
            ["n"],
            ["size_t"],
        ),
        ("#define REAL float\nkernel void f(__global REAL *x) {}", ["x"], [""]),
        ("kernel void f(void) {}", [], []),
    ],
)
def test_parameters_in_other_words(text, names, types):
    found = kernels(text)
    assert list(found) == ["f"]
    assert [p.name for p in found["f"]] == names
    assert [p.type for p in found["f"]] == types


@pytest.mark.parametrize(
    ("line", "writes", "reads"),
    [
        ("y[i] = 1;", True, False),
        ("y[i * (n + 1)][j] += 1;", True, True),
        ("y[i]++;", True, True),
        ("y[i].x = 1;", True, False),
        ("*y = 1;", True, False),
        ("*(y + i) = 1;", True, False),
        ("vstore4(v, i, y);", True, False),
        ("atomic_add(&y[i], 1);", True, False),
        ("a = y[i] == 1;", False, True),
        ("a = *(y + i);", False, True),
        ("v = vload4(i, y);", False, True),
        ("// y[i] = 1;", False, False),
        ("yy[i] = 1;", False, False),
        ("f(y);", False, False),
    ],
)
def test_lines_that_write_and_read(line, writes, reads):
    source = f"kernel void f(global float *y)\n{{\n{line}\n}}"
    assert lines_writing(source, "y") == [3] * writes
    assert lines_reading(source, "y") == [3] * reads


def test_lines_of_other_things():
    assert loops(FILTER) == [7, 8]
    assert loops("{\ndo {\n} while (1);\nwhile (2) {}\n// for (;;)\n}") == [2, 4]
    assert lines_with_barrier(REVERSE) == [5]
    assert lines_declaring_local("{\n__local float a[4];\nlocal int b[2][3];\n}") == [2, 3]
    assert lines_calling("float g(float a);\n{ b = g(1) + h(g(2)); }", "h") == [2]
    source = "#define N 5000\n{\nfloat a[N][N], b;\n__local float c[N][N];\nint d[4];\n}"
    assert large_arrays(source, 1000) == [3]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("#include <a>", 1),
        ("int a; /* 1\n2 */\n#include <a>", 3),
        ("int a; \\\n b;\n # /* \n */ include <a>", 4),
        ("\n#inc\\\nlude <a>", 2),
        ("a\nb asm(1)", 2),
    ],
)
def test_forbidden_lines(text, line):
    found = forbidden(text)
    assert found is not None
    assert found[0] == line


def test_words_that_only_look_forbidden():
    assert forbidden("// #include <a>\n/* asm */ int plasma, included;\n#define A include") is None


def kernel_of(body):
    return f"__kernel void f(__global float *x, __global float *y)\n{{\n    int i = 0;\n    {body}\n}}\n"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("float sum; for (int r = 0; r < 3; r++) sum += x[r]; y[i] = sum;", "sum"),
        ("float sum;  // of all\n for (int r = 0; r < 3; r++) { sum = sum + x[r]; } y[i] = sum;", "sum"),
        ("float m; for (int r = 0; r < 3; r++) m = fmax(m, x[r]); y[i] = m;", "m"),
        ("float m; for (int r = 0; r < 3; r++) { if (x[r] > m) { m = x[r]; } } y[i] = m;", "m"),
        ("float b, sum; b = 3; sum += b; y[i] = sum;", "sum"),
    ],
)
def test_a_number_that_is_surely_never_set(body, name):
    assert never_set(kernel_of(body)) == (name, 4)


@pytest.mark.parametrize(
    "body",
    [
        "float sum = 0; sum += x[i];",
        "float sum; sum = 0; sum += x[i];",
        "float m; for (int r = 0; r < 3; r++) if (r == 0 || x[r] > m) m = x[r];",
        "float m; for (int r = 0; r < 3; r++) m = r == 0 ? x[r] : fmax(m, x[r]);",
        "float m; for (int r = 0; r < 3; r++) { if (r == 0) m = x[r]; else m = fmax(m, x[r]); }",
        "float a, b; a = 0, b = a; a += b;",
        "float a, b; a = b = 0; a += 1; b += 1;",
        "float m; for (m = 0; m < 3; m += 1) y[i] = m;",
        "float m; for (float m = 0; m < 1; m += 1) y[i] = m;",
        "float m; { float m = 0; m += 1; }",
        "float m; fract(x[i], &m); m += 1;",
        "int n; while (x[i] > (n = 3)) n += 1;",
        "float t; do { t = x[i]; t *= 2; } while (t < 1);",
        "float never; y[i] = x[i];",
        "__local float t; t += 1;",
        "float a[2]; a[0] += 1;",
        "float4 v; v.x = 1; v += 2;",
        "#define BEGIN(v) v = 0\n float sum; BEGIN(sum); sum += x[i];",
    ],
)
def test_a_number_that_may_be_set(body):
    assert never_set(kernel_of(body)) is None
    assert all(never_set(source) is None for source in (FILTER, REVERSE))


def test_no_source_takes_long_to_read():
    # Sources come from submissions, too: reading one must not keep whoever reads it.
    for piece in (
        "kernel ",
        "y[",
        "/*",
        "a b",
        "#define A(",
        "float a[",
        "*(y ",
        "\\\n",
        "float a;",
        "{float a,b",
        "; a+=a",
    ):
        text = piece * (30_000 // len(piece))
        for read in (forbidden, kernels, loops, lines_declaring_local):
            read(text)
        lines_writing(text, "y")
        lines_calling(text, "y")
        large_arrays(text, 1)
        never_set(text)
