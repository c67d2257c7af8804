"""Run all tests, or those of one marker, and end with a summary of every part.

python tests/run.py             the library's tests, then nbval on the notebooks
python tests/run.py slow        the tests marked slow
python tests/run.py browser     the tests marked browser

The exit status is 0 only if no part failed. Needs nothing but pytest and its plugins, and no make.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
# A process for each processor. Tests go to whoever is free; a notebook's cells stay with one of them.
TOGETHER, BY_FILE = ["-n", "auto", "--dist", "worksteal"], ["-n", "auto", "--dist", "loadfile"]
# nbval notices a kernel that died only when a cell's time is up.
NBVAL = ["--nbval-current-env", "--nbval-cell-timeout=120", "--nbval-sanitize-with=tests/nbval_sanitize.cfg"]
# The notebooks' checks are not a learner's: no progress file is left among them.
UNATTENDED = {"CNNKIT_PROGRESS": "", "CNNKIT_UNATTENDED": "1"}
NO_TESTS = 5  # pytest's exit status when nothing was collected


class Result(NamedTuple):
    """What one part of the tests came to; `counts` is empty when pytest did not get as far as counting."""

    title: str
    status: int
    counts: dict[str, int]
    seconds: float

    @property
    def failed(self) -> bool:
        return self.status not in (0, NO_TESTS)

    def __str__(self) -> str:
        if self.status == NO_TESTS:
            words = "no tests yet"
        else:
            counted = [f"{n} {what}" for what, n in self.counts.items() if n or what == "passed"]
            words = ", ".join(counted) or f"pytest ended with status {self.status}"
        return f"{'FAILED' if self.failed else 'ok':6}  {self.title}: {words} ({self.seconds:.0f} s)"


def parts(which: str) -> list[tuple[str, list[str]]]:
    """(title, pytest's arguments) of what `which` stands for: "all" or a marker."""
    if which != "all":
        return [(f"tests marked {which}", ["tests", "-m", which, *TOGETHER])]
    found = [("library", ["tests", *TOGETHER])]
    solved = sorted(ROOT.glob("course/solutions/*.ipynb"))
    stubs = sorted(ROOT.glob("course/*.ipynb"))
    if solved:
        title = "solved notebooks, outputs compared"
        found.append((title, ["--nbval", *NBVAL, *BY_FILE, *map(relative, solved)]))
    if stubs:
        title = "learner's notebooks, run from top to bottom"
        found.append((title, ["--nbval-lax", *NBVAL, *BY_FILE, *map(relative, stubs)]))
    return found


def run(title: str, arguments: list[str], environment: Mapping[str, str] | None = None) -> Result:
    """Run pytest in a process of its own, its output shown as it comes; `environment` adds to this one's."""
    print(f"\n== {title} ==", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-ra", f"--junitxml={report}", *arguments]
        variables = os.environ | dict(environment or {})
        status = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
        counts = _counts(report)
    return Result(title, status, counts, time.monotonic() - started)


def prepare(environment: Mapping[str, str] | None = None) -> None:
    """Compile the kernels: the first time says so, which no notebook's stored outputs do."""
    command = [sys.executable, "-c", "import cnnkit; cnnkit.kernel.prepare()"]
    subprocess.run(command, cwd=ROOT, env=os.environ | dict(environment or {}), check=False)


def _counts(report: Path) -> dict[str, int]:
    if not report.is_file():
        return {}
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    total = {
        what: sum(int(s.get(what, 0)) for s in suites) for what in ("tests", "skipped", "failures", "errors")
    }
    failed = total["failures"] + total["errors"]
    return {
        "passed": total["tests"] - total["skipped"] - failed,
        "failed": failed,
        "skipped": total["skipped"],
    }


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def main(arguments: list[str]) -> int:
    which = arguments[0] if arguments else "all"
    if which not in ("all", "slow", "browser") or len(arguments) > 1:
        print("usage: python tests/run.py [slow|browser]", file=sys.stderr)
        return 2
    os.environ |= UNATTENDED
    prepare()
    results = [run(*part) for part in parts(which)]
    print("\n== summary ==")
    for result in results:
        print(result)
    return int(any(result.failed for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
