"""Building, remembering and launching kernels, and what is said when one does not compile."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cnnkit
from cnnkit import kernel as kernels
from cnnkit.array import empty, to_device
from cnnkit.errors import CnnkitError, DeviceError

GOOD = """__kernel void double_it(__global const float *x, __global float *y, const int n)
{
    int i = get_global_id(0);
    if (i < n)
        y[i] = FACTOR * x[i];
}
"""

LOGS = {
    "PoCL": (
        "error: /home/me/.cache/pocl/tempfile_Sdn:hx.cl:3:29: use of undeclared identifier 'b'\n"
        "warning: /home/me/tempfile.cl:9:1: unused\nDevice pthread failed to build the program"
    ),
    "rusticl or Oclgrind": "input.cl:3:29: error: use of undeclared identifier 'b'\n 1 error generated.",
    "Intel": "Compilation started\n1:3:29: error: use of undeclared identifier 'b'\nCompilation failed",
    "NVIDIA": "<kernel>:3:29: error: use of undeclared identifier 'b'",
    "Windows": "C:\\Temp\\input.cl:3:29: error: use of undeclared identifier 'b'",
    "a macro of PoCL": "error: /x/t.cl:3:29 <Spelling=_built_in.h:1:2>: use of undeclared identifier 'b'",
    "fatal": "fatal error: /somewhere/x.cl:3:29: use of undeclared identifier 'b'",
}


@pytest.mark.parametrize("log", LOGS.values(), ids=LOGS)
def test_every_compilers_log_is_understood(log):
    (complaint,) = kernels.parse_build_log(log)
    assert complaint == (3, 29, "use of undeclared identifier 'b'")


def test_warnings_are_not_errors():
    assert kernels.parse_build_log("input.cl:3:29: warning: unused variable\nCompilation done") == []


def test_a_build_error_names_kernel_macros_line_and_words(device):
    text = GOOD.replace("FACTOR * x[i]", "FACTOR * z[i]")
    with pytest.raises(kernels.BuildError) as caught:
        kernels.compile_source(text, "double_it", FACTOR=2)
    error = caught.value
    assert error.line == 5 and error.kernel == "double_it" and error.macros == {"FACTOR": 2}
    assert "z" in error.message and error.log
    assert "line 5, `y[i] = FACTOR * z[i];`" in str(error) and "FACTOR=2" in str(error)
    assert "\n" not in str(error)


def test_a_kernel_of_ones_own(device):
    run = kernels.compile_source(GOOD, "double_it", FACTOR="3.0f")
    x, y = to_device(np.arange(5)), empty((5,))
    kernels.launch(device, run, (5,), (64,), x, y, 5)
    assert y.get().tolist() == [0, 3, 6, 9, 12]


def test_a_missing_function_lists_those_there_are(device):
    with pytest.raises(CnnkitError, match="has no kernel named 'halve'; it has: double_it"):
        kernels.compile_source(GOOD, "halve", FACTOR=1)


def test_every_file_compiles_alone_and_begins_with_its_text(device):
    names = [p.stem for p in (Path(__file__).parents[1] / "kernels").glob("*.cl")]
    assert len(names) >= 8
    for name in names:
        text = kernels.source(name)
        assert text.startswith("/*"), f"{name}.cl must begin by saying what it computes"
        program = kernels._build(device, name, text, {})
        assert program.all_kernels()


def test_an_unknown_file_lists_those_there_are():
    with pytest.raises(CnnkitError, match=r"no kernel file '../secret'; the files are: activation, .*conv2d"):
        kernels.source("../secret")


def test_a_kernel_is_built_once(device, monkeypatch):
    first = kernels.kernel(device, "activation", "relu_forward")
    monkeypatch.setattr(kernels, "_build", None)  # a second build would fail
    assert kernels.kernel(device, "activation", "relu_forward") is first


def test_one_file_that_does_not_compile_stops_no_other(device, monkeypatch):
    """The kernels of networks are built together; if that fails, each by itself."""
    true_source = kernels.source
    broken = lambda name: true_source(name) + "oops" * (name == "softmax")  # noqa: E731
    monkeypatch.setattr(kernels, "source", broken)
    for name, value in {"programs": {}, "kernels": {}, "apart": False}.items():
        monkeypatch.setattr(device, name, value)
    assert cnnkit.relu([-1, 2]).get().tolist() == [0, 2]
    assert device.apart
    with pytest.raises(kernels.BuildError, match="'softmax' with CHUNK"):
        cnnkit.softmax([[1, 2]])


def test_a_work_group_above_the_limit_names_both_numbers(device):
    run = kernels.compile_source(GOOD, "double_it", FACTOR=1)
    size = device.max_work_group_size * 2
    with pytest.raises(DeviceError, match=f"{size} work-items is more than the {device.max_work_group_size}"):
        kernels.launch(device, run, (size,), (size,), empty((1,)), empty((1,)), 1)


def test_what_the_driver_refuses_is_one_sentence(device, monkeypatch):
    import pyopencl as cl

    def refuses(*args):
        raise cl.MemoryError("clEnqueueNDRangeKernel failed: OUT_OF_RESOURCES")

    monkeypatch.setattr(cl, "enqueue_nd_range_kernel", refuses)
    run = kernels.compile_source(GOOD, "double_it", FACTOR=1)
    with pytest.raises(DeviceError, match=r"refused to run the kernel 'double_it' over .* OUT_OF_RESOURCES"):
        kernels.launch(device, run, (64,), (64,), empty((1,)), empty((1,)), 1)


def test_a_missing_argument_is_counted(device):
    run = kernels.compile_source(GOOD, "double_it", FACTOR=1)
    arrays = (empty((1,)), empty((1,)))
    for _ in range(2):
        with pytest.raises(CnnkitError, match="'double_it' takes 3 arguments and was given 2"):
            kernels.launch(device, run, (64,), (64,), *arrays)
        kernels.launch(device, run, (64,), (64,), *arrays, 1)  # right: and the mistake is still told after it


AXPY = """__kernel void add(__global float *x, const float a, const int n, const uint u)
{
    if ((int)get_global_id(0) < n)
        x[get_global_id(0)] += a + u;
}
"""


def test_numbers_of_any_kind_become_the_type_that_the_kernel_declares(device):
    """Whatever came first: an int for a float, NumPy's numbers, then Python's."""
    run, x = kernels.compile_source(AXPY, "add"), to_device(np.zeros(3))
    for a, n in ((2, np.int64(3)), (np.float32(0.5), 3), (0.25, np.int32(3)), (1, 3)):
        kernels.launch(device, run, (3,), (1,), x, a, n, np.uint32(1))
    assert x.get().tolist() == [7.75] * 3


def test_a_driver_that_knows_no_argument_types(device, monkeypatch):
    import pyopencl as cl

    def unknown(*args):
        raise cl.LogicError("clGetKernelArgInfo failed: KERNEL_ARG_INFO_NOT_AVAILABLE")

    monkeypatch.setattr(cl.Kernel, "get_arg_info", unknown)
    run, x = kernels.compile_source(AXPY, "add"), to_device(np.zeros(3))
    for a in (0.5, 1.5):
        kernels.launch(device, run, (3,), (1,), x, a, 3, 1)
    assert x.get().tolist() == [4.0] * 3


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("text", "do not fit the kernel 'add'"),
        (None, "add"),
        (np.ones(3), "Argument 1 of the kernel 'add' is a NumPy array"),
    ],
)
def test_an_argument_of_the_wrong_kind_is_one_sentence(device, bad, words):
    run, x = kernels.compile_source(AXPY, "add"), to_device(np.zeros(3))
    with pytest.raises(CnnkitError, match=words):
        kernels.launch(device, run, (3,), (1,), x, bad, 3, 1)
    kernels.launch(device, run, (3,), (1,), x, 1.5, 3, 1)
    assert x.get().tolist() == [2.5] * 3


def test_a_slice_is_not_taken_for_its_whole(device):
    run = kernels.compile_source(GOOD, "double_it", FACTOR=1)
    with pytest.raises(CnnkitError, match="slice"):
        kernels.launch(device, run, (2,), (64,), to_device(np.arange(5))[2:4], empty((2,)), 2)


def test_a_broken_cached_build_is_made_anew(device, monkeypatch):
    """Building works once the cache is clean; before that, the broken entry has no kernels."""
    import pyopencl as cl

    attempts, forgotten = [], []
    real = cl.Program.all_kernels

    def broken_at_first(program):
        attempts.append(program)
        if len(attempts) == 1:
            raise cl.LogicError("clCreateKernelsInProgram failed: INVALID_KERNEL_NAME")
        return real(program)

    monkeypatch.setattr(cl.Program, "all_kernels", broken_at_first)
    monkeypatch.setattr(kernels, "_forget_cached_builds", lambda: forgotten.append(True))
    run = kernels.compile_source(GOOD, "double_it", FACTOR=7)
    assert len(attempts) == 2 and forgotten == [True]
    assert run.function_name == "double_it"


def test_a_cache_that_stays_broken_is_reported_after_one_rebuild(device, monkeypatch):
    import pyopencl as cl

    def broken(program):
        raise cl.LogicError("clCreateKernelsInProgram failed: INVALID_KERNEL_NAME")

    monkeypatch.setattr(cl.Program, "all_kernels", broken)
    monkeypatch.setattr(kernels, "_forget_cached_builds", lambda: None)
    with pytest.raises(kernels.BuildError, match="INVALID_KERNEL_NAME"):
        kernels.compile_source(GOOD, "double_it", FACTOR=8)


def test_a_really_damaged_cache_folder_does_no_harm(tmp_path):
    """Every file of PoCL's cache is cut short; the next process computes right all the same."""
    code = (
        "import os, platformdirs, sys; platformdirs.user_cache_dir = lambda *a, **k: sys.argv[1];"
        "os.environ.pop('POCL_CACHE_DIR', None);"
        "import cnnkit; print(cnnkit.relu([-1, 2]).get().tolist(), os.environ['POCL_CACHE_DIR'])"
    )
    folder = tmp_path / "cnnkit"
    folder.mkdir()

    def run():
        command = [sys.executable, "-c", code, str(folder)]
        return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)

    first = run()
    assert first.stdout.startswith("[0.0, 2.0]"), first.stderr
    assert "Compiling cnnkit's kernels" in first.stderr
    assert "Compiling" not in run().stderr  # it says so once
    assert str(folder) in first.stdout
    built = [p for p in (folder / "pocl").rglob("*") if p.is_file() and p.stat().st_size]
    if not built:
        pytest.skip("this device keeps no compile cache in files")
    for path in built:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    second = run()
    assert second.stdout.startswith("[0.0, 2.0]"), second.stderr


def test_sources_are_found_without_an_installation(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(kernels.resources, "files", missing)
    assert "conv2d_forward_plain" in cnnkit.kernel.source("conv2d")
