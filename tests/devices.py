"""The tests on every OpenCL device that this machine can be made to have, and a table of what came out.

python tests/devices.py                 the chosen tests and notebooks, on each device that is installed
python tests/devices.py --whole         every test and every notebook (over an hour on llvmpipe)
python tests/devices.py rusticl Intel   on the devices with these words in their names alone
python tests/devices.py --list          which there are, and what the missing ones need

Each device is tested in processes of its own, whose OpenCL loader knows no other. Beside the tests each
trains the same digits network from the same seed; the accuracies may lie 0.5 points apart. The exit status
is 0 only if nothing failed anywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from run import BY_FILE, NBVAL, ROOT, TOGETHER, UNATTENDED, Result, prepare, relative, run

# What touches a device most: every operation, variant and layer, building and launching, training, threads.
CHOSEN_TESTS = [
    "tests/ops",
    "tests/test_device.py",
    "tests/test_kernel.py",
    "tests/test_layers.py",
    "tests/test_optim.py",
    "tests/test_train.py",
    "tests/test_gradcheck.py",
    "tests/test_threads.py",
    "tests/explore/test_explore_filter.py",
    "tests/explore/test_explore_backprop.py",
    "tests/explore/test_explore_reads.py",
    "tests/exercises/test_sandbox.py",
    "tests/exercises/test_sandbox_refusals.py",
    "tests/faults/test_short_loops.py",
]
CHOSEN_NOTEBOOKS = ["01", "02", "06", "11"]  # none of them trains, which takes llvmpipe minutes
# The accuracy that counts is read after this many epochs of the digits network.
EPOCHS, WHOLE_EPOCHS = 3, 12
APART = 0.005
# llvmpipe takes tens of times as long as the others to train a network.
PATIENCE = ["--timeout=3000", "--nbval-cell-timeout=1500"]
VENDORS = Path("/etc/OpenCL/vendors")

ASK = """
import json, cnnkit
d = cnnkit.current_device()
print(json.dumps([d.name, d.version, d.max_work_group_size, d.local_memory_bytes, d.fp64]))
"""
TRAIN = """
import sys, cnnkit
train, test = cnnkit.data.digits(test=0.2, seed=0)
model = cnnkit.models.small_cnn((1, 8, 8), 10, 0)
history = cnnkit.fit(model, train, test, int(sys.argv[1]), batch_size=32, optimizer=cnnkit.Adam(3e-3), seed=0,
                     progress=False)
print(history["val_accuracy"][-1])
"""


class Missing(Exception):
    """This device is not here; the message says what brings it."""


class Candidate(NamedTuple):
    """A device that may be here: `environment` names the variables that choose it, or raises Missing."""

    name: str
    environment: Callable[[], dict[str, str]]


class Row(NamedTuple):
    """What came out on one device."""

    name: str
    facts: list
    accuracy: float
    tests: Result
    notebooks: Result
    seconds: float

    @property
    def failed(self) -> bool:
        return self.tests.failed or self.notebooks.failed


def wheel() -> dict[str, str]:
    import pyopencl

    found = sorted(Path(pyopencl.__file__).parent.glob(".libs/libpocl-*.so"))
    if not found:
        raise Missing("pip's PoCL exists for Linux on x86-64")
    return {"OCL_ICD_VENDORS": str(found[0])}


def system(word: str, package: str, **more: str) -> Callable[[], dict[str, str]]:
    """The driver of the system whose library has `word` in its name."""

    def environment() -> dict[str, str]:
        for file in sorted(VENDORS.glob("*.icd")):
            library = file.read_text().strip()
            if word in library:
                return {"OCL_ICD_VENDORS": library, **more}
        raise Missing(f"apt install {package}")

    return environment


def intel() -> dict[str, str]:
    library = Path(sys.prefix) / "lib" / "libintelocl.so"
    if not library.exists():
        raise Missing("pip install intel-opencl-rt intel-cmplr-lib-rt (0.9 GB, a license of its own)")
    return {"OCL_ICD_VENDORS": str(library)}


def gpu() -> dict[str, str]:
    command = [
        sys.executable,
        "-c",
        "import cnnkit; print([d.name for d in cnnkit.devices() if d.kind == 'GPU'][0])",
    ]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if found.returncode:
        raise Missing("a graphics card with its driver")
    return {"CNNKIT_DEVICE": found.stdout.strip()}


def small_gpu() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT / "tests/small_device"), os.environ.get("PYTHONPATH")]))
    return wheel() | {"POCL_MAX_WORK_GROUP_SIZE": "64", "PYTHONPATH": path}


CANDIDATES = [
    Candidate("PoCL of pip", wheel),
    Candidate("PoCL of the system", system("libpocl", "pocl-opencl-icd")),
    Candidate("rusticl on llvmpipe", system("Rusticl", "mesa-opencl-icd", RUSTICL_ENABLE="llvmpipe")),
    Candidate("PoCL, work-groups of 256", lambda: wheel() | {"POCL_MAX_WORK_GROUP_SIZE": "256"}),
    Candidate("PoCL, work-groups of 64, 32 KiB", small_gpu),
    Candidate("Intel's CPU runtime", intel),
    Candidate("the graphics card", gpu),
]


def ask(code: str, environment: dict[str, str], *arguments: str) -> str:
    """What a new Python prints last when it runs `code` on the device that `environment` chooses."""
    command = [sys.executable, "-c", code, *arguments]
    found = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return found.stdout.splitlines()[-1]


def test(name: str, environment: dict[str, str], whole: bool) -> Row:
    """Everything on one device."""
    started = time.monotonic()
    print(f"\n##### {name}", flush=True)
    prepare(environment)
    facts = json.loads(ask(ASK, environment))
    print(f"{facts[0]} ({facts[1]})", flush=True)
    accuracy = float(ask(TRAIN, environment, str(WHOLE_EPOCHS if whole else EPOCHS)))
    paths = ["tests"] if whole else CHOSEN_TESTS
    tests = run(f"{name}: tests", [*paths, *TOGETHER, PATIENCE[0]], environment)
    notebooks = [
        relative(path)
        for path in sorted(ROOT.glob("course/solutions/*.ipynb"))
        if whole or path.name[:2] in CHOSEN_NOTEBOOKS
    ]
    arguments = ["--nbval", *NBVAL, *PATIENCE, *BY_FILE, *notebooks]
    compared = run(f"{name}: solved notebooks, outputs compared", arguments, environment)
    return Row(name, facts, accuracy, tests, compared, time.monotonic() - started)


def table(rows: list[Row], missing: dict[str, str]) -> str:
    """In Markdown, as docs/devices.md has it."""

    def counted(result: Result) -> str:
        counts = ", ".join(f"{n} {what}" for what, n in result.counts.items() if n) or "none"
        return f"**FAILED** {counts}" if result.failed else counts

    lines = [
        "| device | largest work-group | local memory | fp64 | tests | notebooks' cells | digits | s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        name, _, group, local, fp64 = row.facts
        columns = [
            f"{row.name}: {name}",
            group,
            f"{local >> 10} KiB",
            "yes" if fp64 else "no",
            counted(row.tests),
            counted(row.notebooks),
            f"{row.accuracy:.2%}",
            f"{row.seconds:.0f}",
        ]
        lines.append(f"| {' | '.join(map(str, columns))} |")
    lines += [f"| {name} | not here: {why} | | | | | | |" for name, why in missing.items()]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], allow_abbrev=False)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="only devices with one of these in their names"
    )
    parser.add_argument("--whole", action="store_true", help="every test and every notebook")
    parser.add_argument("--list", action="store_true", help="only say which devices are here")
    options = parser.parse_args(arguments)
    wanted, missing = [], {}
    for name, environment in CANDIDATES:
        if options.names and not any(word.lower() in name.lower() for word in options.names):
            continue
        try:
            wanted.append((name, UNATTENDED | environment()))
        except Missing as why:
            missing[name] = str(why)
    if options.list:
        print(
            "\n".join(
                [name for name, _ in wanted] + [f"{n} is not here: {why}" for n, why in missing.items()]
            )
        )
        return 0
    rows = [test(name, environment, options.whole) for name, environment in wanted]
    print(f"\n== devices ==\n{table(rows, missing)}")
    accuracies = [row.accuracy for row in rows]
    apart = bool(rows) and max(accuracies) - min(accuracies) > APART
    if apart:
        print(f"FAILED: the accuracies lie more than {APART:.1%} apart.")
    return int(apart or not rows or any(row.failed for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
