"""Every kernel under Oclgrind: nothing read or written outside, no race, no number used before it was set.

The cases are in oclgrind_cases.py; under_oclgrind.py runs them, in a process that Oclgrind watches. A kernel
of kernels/*.cl that no case launches fails by its name.
"""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import cnnkit
from cnnkit.exercises.sandbox.explain import SETTINGS, find_oclgrind
from cnnkit.exercises.sandbox.oclgrind_log import read_log
from cnnkit.ops.variants import VARIANTS

sys.path.insert(0, str(Path(__file__).parent))
from oclgrind_cases import BROKEN, GROUPS, WRONG

KERNELS = Path(cnnkit.__file__).parents[1] / "kernels"
RIGHT = [group for group in GROUPS if group != "wrong"]
HANG = 1200  # seconds; only a process that hangs takes so long

needs_oclgrind = pytest.mark.skipif(
    find_oclgrind() is None, reason="Oclgrind is not installed: apt install oclgrind"
)


def run(folder, which, *groups):
    """What under_oclgrind.py says of each case of these groups."""
    environment = {
        **os.environ,
        **SETTINGS,
        **find_oclgrind(),
        "OCLGRIND_UNIFORM_WRITES": "1",  # two work-items that write the same value race, too
        "OCLGRIND_MAX_ERRORS": "1000000",  # beyond it findings are dropped in silence
        "OCLGRIND_LOG": str(folder / f"{groups[0]}.log"),
        "PYOPENCL_NO_CACHE": "1",
    }
    command = [sys.executable, str(Path(__file__).with_name("under_oclgrind.py")), which, *groups]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG)
    assert done.returncode == 0, f"{groups} ended with {done.returncode}: {done.stderr[-2000:]}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def run_beside_each_other(folder, which, *batches):
    """The same for batches of groups, two at a time."""
    with ThreadPoolExecutor(2) as two:
        return [
            said for batch in two.map(lambda groups: run(folder, which, *groups), batches) for said in batch
        ]


def names_of_kernels():
    """The kernel functions of kernels/*.cl; where the name is a macro, everything that it can be."""
    names = set()
    for file in KERNELS.glob("*.cl"):
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", file.read_text(), flags=re.DOTALL)
        for found in re.findall(r"\b__kernel\b[^{;]*?\bvoid\s+(\w+)\s*\(", text):
            names |= set(re.findall(rf"#define {found} (\w+)", text)) or {found}
    return names


def assert_clean(said):
    """No finding, no wrong number, no kernel left out."""
    wrong = [
        f"{s['group']}, {s['case']}: {s['wrong']}\n{s['found'][:2000]}"
        for s in said
        if s["wrong"] or s["found"]
    ]
    assert not wrong, "\n".join(wrong)
    missing = names_of_kernels() - {name for s in said for name in s["launched"]}
    assert not missing, f"no case of oclgrind_cases.py launches {sorted(missing)}"


@needs_oclgrind
def test_every_kernel_on_a_few_shapes(tmp_path):
    heavy = ["conv2d implicit_gemm", "conv2d tiled"]
    assert_clean(
        run_beside_each_other(tmp_path, "few", heavy, [group for group in RIGHT if group not in heavy])
    )


@needs_oclgrind
@pytest.mark.slow
@pytest.mark.timeout(HANG)
def test_every_kernel_on_all_shapes(tmp_path):
    assert_clean(run_beside_each_other(tmp_path, "all", *([group] for group in RIGHT)))


@needs_oclgrind
def test_the_net_catches(tmp_path):
    said = {s["case"]: s for s in run(tmp_path, "all", "wrong")}
    expected = {name: kind for name, (kind, *_) in (WRONG | BROKEN).items()}
    missed = {
        name: (kind, said[name]["wrong"], said[name]["found"][:500])
        for name, kind in expected.items()
        if kind not in {finding.kind for finding in read_log(said[name]["found"])}
    }
    assert not missed


def test_all_variants_have_cases():
    covered = {"conv2d_forward", "conv2d_backward_data", "conv2d_backward_weight", "matmul"}
    covered |= {"max_pool2d_forward", "max_pool2d_backward"}
    assert set(VARIANTS) == covered, "an operation of variants.py without cases in oclgrind_cases.py"
    for backward in ("conv2d_backward_data", "conv2d_backward_weight"):
        assert set(VARIANTS[backward]) <= set(VARIANTS["conv2d_forward"])
    assert VARIANTS["max_pool2d_forward"] == VARIANTS["max_pool2d_backward"]


def test_the_kernels_are_found_by_name():
    """Also those whose name is a macro, and none twice."""
    names = names_of_kernels()
    assert {"relu_forward", "conv2d_forward_tiled", "conv2d_backward_data_implicit_gemm"} <= names
    assert (
        len(names)
        == sum(
            len(re.findall(r"^__kernel\b", file.read_text(), re.MULTILINE)) for file in KERNELS.glob("*.cl")
        )
        + 2
    )  # one source, three directions
