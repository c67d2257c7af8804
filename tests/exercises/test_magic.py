"""The %%kernel cell: the source under its name, a compile error as one sentence."""

import inspect

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from kernels_for_sandbox import FILTER, FILTERED, W, X, but, filter_launch

from cnnkit.errors import CnnkitError
from cnnkit.exercises import magic
from cnnkit.exercises.launch import In, Launch, Out
from cnnkit.exercises.magic import KernelFailed, LearnerKernel
from cnnkit.exercises.sandbox import client


@pytest.fixture(scope="module")
def notebook():
    shell = InteractiveShell()
    magic.register(shell)
    return shell


def test_a_cell_gives_its_kernel_a_name_and_says_nothing(notebook, capsys):
    assert notebook.run_cell(f"%%kernel filter2d\n{FILTER}").success
    assert capsys.readouterr() == ("", "")
    kernel = notebook.user_ns["filter2d"]
    assert kernel.source == FILTER
    assert repr(kernel) == "<your kernel filter2d, 11 lines>"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (
            "%%kernel f\n" + but(FILTER, "float sum = 0;", "float sum = 0"),
            "line 7 of your cell, `float sum = 0`",
        ),
        ("%%kernel f\n" + FILTER, "The cell has no kernel named `f`; it has `filter2d`."),
        ("%%kernel f\n#include <x>\n" + FILTER, "take it out (line 2 of your cell"),
        ("%%kernel\n" + FILTER, "a name in the first line: `%%kernel filter2d`"),
        ("%%kernel 2d\n" + FILTER, "not `2d`"),
        ("%%kernel for\n" + FILTER, "not `for`"),
        ("%%kernel f\n   \n", "The cell is empty"),
        ("%kernel f", "two percent signs"),
    ],
)
def test_what_is_wrong_is_one_printed_sentence(notebook, capsys, cell, said):
    assert notebook.run_cell(cell).success
    out, err = capsys.readouterr()
    assert said in out
    assert out.count("\n") == 1
    assert "Traceback" not in out + err


def test_a_stub_is_not_complained_of(notebook, capsys):
    assert notebook.run_cell(
        "%%kernel f\n__kernel void f(__global float *y)\n{\n    // your code here\n}"
    ).success
    assert capsys.readouterr() == ("", "")


def test_when_grading_the_source_is_stored_and_nothing_starts(monkeypatch):
    monkeypatch.setenv("CNNKIT_GRADING", "1")
    monkeypatch.setattr(client.Sandbox, "_worker", lambda self: pytest.fail("a worker was started"))
    shell = InteractiveShell()
    magic.register(shell)
    assert shell.run_cell("%%kernel f\nnothing of sense").success
    assert shell.user_ns["f"].source.strip() == "nothing of sense"


def test_a_bound_kernel_is_called_like_a_function():
    def launch(x, w):
        return Launch(
            (In(x), In(w), Out((5, 7)), 6, 8, 2, 2), (7, 5), filter_launch((4, 4), (1, 1)).local_sizes
        )

    kernel = LearnerKernel("filter2d", FILTER)
    with pytest.raises(CnnkitError, match="how it is launched"):
        kernel(X, W)
    assert kernel.bind(launch) is kernel and list(inspect.signature(kernel).parameters) == ["x", "w"]
    np.testing.assert_allclose(kernel(X, W), FILTERED, rtol=1e-5)
    wrong = LearnerKernel("filter2d", but(FILTER, "r < R;", "r <= R;"), launch)
    with pytest.raises(KernelFailed, match="outside `w`") as raised:
        wrong(X, W)
    assert (raised.value.symptom, raised.value.line) == ("outside read", 10)


def test_a_failed_kernel_shows_its_sentence_alone(notebook, capsys):
    notebook.user_ns["broken"] = LearnerKernel("filter2d", "nonsense", lambda: filter_launch())
    assert not notebook.run_cell("broken()").success
    out, err = capsys.readouterr()
    assert "does not compile: line 2 of your cell, `nonsense`" in out + err
    assert "Traceback" not in out + err
