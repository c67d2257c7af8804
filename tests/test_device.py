"""Finding, ranking and choosing devices, and what is said when there is none."""

import os
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import numpy as np
import pytest

import cnnkit
from cnnkit import kernel as kernels
from cnnkit.device import _KIND_ORDER, Device, _rank, current_device, find
from cnnkit.errors import DeviceError


def in_fresh_python(code, **env):
    """Run `code` in a Python of its own: choices and caches are made once per process."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def test_every_device_passes_its_self_test(device):
    device.self_test()
    assert device.max_work_group_size >= 64
    assert device.kind in _KIND_ORDER


def fake(kind, integrated=False, units=4, name="x"):
    return SimpleNamespace(kind=kind, integrated=integrated, compute_units=units, name=name)


def test_the_ranking():
    order = [
        fake("GPU", integrated=False, units=8),
        fake("GPU", integrated=True, units=99),
        fake("accelerator"),
        fake("CPU", units=64),
        fake("CPU", units=2),
        fake("CPU", units=128, name="llvmpipe (LLVM 15)"),
        fake("simulator", units=1000),
    ]
    assert sorted(order[3:] + order[:3], key=_rank) == order


def test_devices_are_numbered_by_rank():
    found = cnnkit.devices()
    assert [d.index for d in found] == list(range(len(found)))
    assert found == sorted(found, key=_rank)


def test_use_takes_an_index_a_name_and_a_device():
    first = cnnkit.devices()[0]
    for which in (0, "0", first.name, first.name.upper()[2:7], first.platform, first):
        assert cnnkit.use(which) is first
        assert current_device() is first


@pytest.mark.parametrize(
    ("which", "words"),
    [("no such thing", "No device has 'no such thing'"), (99, "There is no device 99"), (-1, "no device -1")],
)
def test_a_wrong_name_lists_the_right_ones(which, words):
    with pytest.raises(DeviceError, match=words) as caught:
        find(which)
    assert cnnkit.devices()[0].name in str(caught.value)


def test_the_variable_chooses():
    says = "import cnnkit; print(cnnkit.current_device().index)"
    assert in_fresh_python(says, CNNKIT_DEVICE="0").strip().endswith("0")
    out = in_fresh_python(says, CNNKIT_DEVICE="quantum")
    assert "CNNKIT_DEVICE='quantum' cannot be used: No device has 'quantum'" in out


def test_pyopencl_ctx_chooses():
    says = "import cnnkit; print(cnnkit.current_device().index)"
    assert in_fresh_python(says, PYOPENCL_CTX="0", CNNKIT_DEVICE="").strip()[-1].isdigit()
    assert "PYOPENCL_CTX='77' names no device" in in_fresh_python(says, PYOPENCL_CTX="77", CNNKIT_DEVICE="")


@pytest.mark.parametrize(
    ("system", "machine", "advice"),
    [
        ("linux", "x86_64", 'pip install "pyopencl[pocl]"'),
        ("linux", "aarch64", "sudo apt install pocl-opencl-icd"),
        ("darwin", "arm64", "conda install -c conda-forge pyopencl pocl"),
        ("win32", "AMD64", "graphics card's driver"),
    ],
)
def test_without_any_device_it_says_what_to_install(system, machine, advice):
    out = in_fresh_python(
        f"""
        import pyopencl, platform, sys
        def none(): raise pyopencl.LogicError("clGetPlatformIDs failed: PLATFORM_NOT_FOUND_KHR")
        pyopencl.get_platforms = none
        import cnnkit
        sys.platform, platform.machine = {system!r}, lambda: {machine!r}
        try: cnnkit.devices()
        except cnnkit.DeviceError as error: print(error)
        """
    )
    assert out.startswith("No OpenCL device was found on this machine:")
    assert advice in out
    assert "Traceback" not in out


def test_a_device_that_computes_wrongly_is_not_used(monkeypatch):
    broken = Device(cnnkit.devices()[0].handle)

    def wrong(device, name, function, **macros):
        text = kernels.source(name).replace("2.0f * a[i]", "2.5f * a[i]")
        return kernels.compile_source(text, function, device, **macros)

    monkeypatch.setattr("cnnkit.selftest.kernel", wrong)
    with pytest.raises(DeviceError, match=r"failed its self-test: an element-wise kernel gave .* is right"):
        cnnkit.use(broken)
    assert current_device() is not broken


def test_a_driver_that_fails_is_one_sentence(monkeypatch):
    def fails(*args, **kwargs):
        raise RuntimeError("out of luck\nand more lines")

    monkeypatch.setattr("cnnkit.selftest.kernel", fails)
    with pytest.raises(DeviceError, match=r"failed its self-test: out of luck\. Choose another device"):
        Device(cnnkit.devices()[0].handle).self_test()


def test_the_choice_passes_over_a_failing_device_and_says_so(monkeypatch):
    from cnnkit import device as module

    monkeypatch.delenv("CNNKIT_DEVICE", raising=False)
    monkeypatch.delenv("PYOPENCL_CTX", raising=False)
    handle = cnnkit.devices()[0].handle
    bad, simulator, good = Device(handle), Device(handle), Device(handle)
    simulator.kind = "simulator"

    def refuse():
        raise DeviceError("It computed 3 where 4 is right.")

    bad.self_test = refuse
    monkeypatch.setattr(sys.modules["cnnkit.device"], "devices", lambda: [bad, simulator, good])
    monkeypatch.setattr(sys.modules["cnnkit.device"], "_current", None)
    with pytest.warns(UserWarning, match="Trying the next device"):
        assert module._choose() is good


def test_an_array_of_another_device_is_refused():
    here = cnnkit.current_device()
    array = cnnkit.to_device(np.ones(3))
    cnnkit.use(Device(here.handle))
    try:
        with pytest.raises(DeviceError, match="x lives on another device"):
            cnnkit.relu(array)
    finally:
        cnnkit.use(here)


def test_an_array_that_does_not_fit_names_both_sizes(device):
    from cnnkit.array import empty

    with pytest.raises(DeviceError, match=r"needs \d+\.\d MiB and .* has no room"):
        empty((2**20, 2**20))


def test_an_unwritable_cache_folder_is_replaced(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    out = in_fresh_python(
        "import cnnkit, os; print(len(cnnkit.devices()), 'devices in', os.environ['POCL_CACHE_DIR'])",
        POCL_CACHE_DIR=str(blocked / "cache"),
    )
    assert "cannot be written" in out
    assert f"{len(cnnkit.devices())} devices in " in out


def test_importing_asks_no_driver():
    out = in_fresh_python(
        "import cnnkit, sys; print([m for m in sys.modules if m in ('pyopencl', 'sklearn', 'tqdm')])"
    )
    assert out.strip() == "[]"
