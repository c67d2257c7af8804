"""The Makefile, .ci/run and tests/run.py; Python and make only write down what they are asked."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = (
    "bash",
    "cat",
    "chmod",
    "cp",
    "dirname",
    "env",
    "id",
    "make",
    "mkdir",
    "rm",
    "sh",
    "timeout",
    "touch",
)


PYTHON = """#!/bin/sh
case "$*" in
  *version_info*) exit {too_old} ;;
  *ensurepip*) exit {no_ensurepip} ;;
  --version) echo "Python {version}" ;;
  "-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *cnnkit_clone.pth*) ;;
  *) echo "$*" >> calls.txt ;;
esac
"""


class Clone:
    """A folder with our Makefile and a PATH on which there is no Python but the pretended ones."""

    def __init__(self, folder: Path, path: Path) -> None:
        self.folder, self.path = folder, path

    def add(self, name: str, text: str) -> None:
        (self.path / name).write_text(text, encoding="utf-8")
        (self.path / name).chmod(0o755)

    def add_python(self, version: str, name: str = "python3", ensurepip: bool = True) -> None:
        too_old = int(tuple(map(int, version.split("."))) < (3, 11))
        self.add(name, PYTHON.format(version=version, too_old=too_old, no_ensurepip=int(not ensurepip)))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        # Not the variables of a make that runs these tests.
        environment = {"PATH": str(self.path), "HOME": str(self.folder)}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)

    def make(self, *arguments: str) -> str:
        done = self.run("make", *arguments)
        assert done.returncode == 0, done
        return done.stdout

    def calls(self) -> list[str]:
        """What Python was asked to do since the last look."""
        log = self.folder / "calls.txt"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return ["install" if "pip install" in line else line for line in lines]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    if os.name != "posix" or not all(map(shutil.which, TOOLS)):
        pytest.skip("needs make and a POSIX shell's tools")
    folder, path = tmp_path / "a clone", tmp_path / "bin"
    (folder / ".ci").mkdir(parents=True)
    path.mkdir()
    for tool in TOOLS:
        (path / tool).symlink_to(str(shutil.which(tool)))
    for name in ("Makefile", ".ci/run", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    return Clone(folder, path)


def test_the_second_run_installs_nothing(clone: Clone) -> None:
    clone.add_python("3.12.1")
    assert "Making the environment .venv with Python 3.12.1." in clone.make("lab")
    assert clone.calls() == ["install", "-m cnnkit lab"]
    assert clone.make("lab") == ""
    assert clone.calls() == ["-m cnnkit lab"]


def test_the_tests_environment_serves_the_lab(clone: Clone) -> None:
    clone.add_python("3.12.1")
    clone.make("test")
    assert clone.calls() == ["install", "tests/run.py"]
    clone.make("test")
    clone.make("lab")
    assert clone.calls() == ["tests/run.py", "-m cnnkit lab"]


@pytest.mark.parametrize("changed", ["pyproject.toml", "constraints.txt"])
def test_a_change_of_the_requirements_installs_again(clone: Clone, changed: str) -> None:
    clone.add_python("3.12.1")
    clone.make("lab")
    later = (clone.folder / ".venv/installed/lab").stat().st_mtime + 10
    os.utime(clone.folder / changed, (later, later))
    clone.calls()
    clone.make("lab")
    assert clone.calls() == ["install", "-m cnnkit lab"]


def test_a_failed_installation_is_tried_again(clone: Clone) -> None:
    clone.add_python("3.12.1")
    clone.make("lab")
    (clone.folder / ".venv/installed/lab").unlink()
    working = (clone.folder / ".venv/bin/python").read_text()
    (clone.folder / ".venv/bin/python").write_text(
        working.replace("*) echo", "*pip*) exit 1 ;;\n  *) echo", 1)
    )
    clone.calls()
    assert clone.run("make", "lab").returncode != 0
    assert clone.calls() == []
    (clone.folder / ".venv/bin/python").write_text(working)
    clone.make("lab")
    assert clone.calls() == ["install", "-m cnnkit lab"]


def test_a_clone_that_was_moved_is_set_up_anew(clone: Clone) -> None:
    clone.add_python("3.12.1")
    clone.make("lab")
    clone.folder = clone.folder.rename(clone.folder.with_name("elsewhere"))
    clone.calls()
    assert "Making the environment" in clone.make("lab")
    assert clone.calls() == ["install", "-m cnnkit lab"]


def test_an_environment_whose_python_is_gone_is_made_anew(clone: Clone) -> None:
    clone.add_python("3.12.1")
    clone.make("lab")
    (clone.folder / ".venv/bin/python").unlink()
    clone.calls()
    assert "Making the environment" in clone.make("lab")
    assert clone.calls() == ["install", "-m cnnkit lab"]


def test_the_port_is_handed_on(clone: Clone) -> None:
    clone.add_python("3.12.1")
    clone.make("lab", "PORT=9000")
    assert clone.calls()[-1] == "-m cnnkit lab --port 9000"


def test_a_newer_python_of_another_name_is_found(clone: Clone) -> None:
    clone.add_python("3.9.2")
    clone.add_python("3.13.0", name="python3.13")
    assert "with Python 3.13.0" in clone.make("lab")


def test_a_python_that_is_too_old_is_one_sentence(clone: Clone) -> None:
    clone.add_python("3.9.2")
    done = clone.run("make", "lab")
    assert done.returncode != 0
    assert "cnnkit: Python 3.11 or newer is needed, and python3 is Python 3.9.2; install one" in done.stderr
    assert not (clone.folder / ".venv").exists()


def test_no_python_is_one_sentence(clone: Clone) -> None:
    done = clone.run("make", "lab")
    assert done.returncode != 0
    assert "cnnkit: Python 3.11 or newer is needed, and python3 is not there; install one" in done.stderr


def test_a_named_python_is_used_or_refused(clone: Clone) -> None:
    clone.add_python("3.12.1")
    clone.add_python("3.10.4", name="old")
    done = clone.run("make", "lab", f"PYTHON={clone.path / 'old'}")
    assert done.returncode != 0 and "old is Python 3.10.4; install one" in done.stderr


def test_a_python_without_ensurepip_is_one_sentence(clone: Clone) -> None:
    clone.add_python("3.11.2", ensurepip=False)
    done = clone.run("make", "test")
    assert done.returncode != 0
    assert "'sudo apt install python3-venv'" in done.stderr
    clone.add_python("3.12.1", name="python3.12")  # one that can is preferred
    assert "with Python 3.12.1" in clone.make("test")


def test_clean_leaves_the_notebooks(clone: Clone) -> None:
    clone.add("find", "#!/bin/sh\n")
    clone.add_python("3.12.1")
    clone.make("lab")
    (clone.folder / "course").mkdir()
    (clone.folder / "course" / "mine.ipynb").touch()
    clone.make("clean")
    assert not (clone.folder / ".venv").exists() and (clone.folder / "course" / "mine.ipynb").exists()


CI_TARGETS = ("test", "test-slow", "lint", "audit", "test-bench", "test-browser", "test-devices")


def _ci(clone: Clone, failing: str) -> subprocess.CompletedProcess[str]:
    (clone.path / "make").unlink()
    clone.add("make", f'#!/bin/sh\necho "made $1"\n[ "$1" != "{failing}" ]\n')
    for program in ("chromium", "bwrap", "oclgrind", "apt-get"):
        clone.add(program, "#!/bin/sh\n")
    clone.add("id", "#!/bin/sh\necho 0\n")
    return clone.run("bash", ".ci/run")


def test_ci_passes_when_every_part_does(clone: Clone) -> None:
    done = _ci(clone, failing="nothing")
    assert done.returncode == 0, done
    assert done.stdout.splitlines()[-1] == "PASSED: all 10 parts"
    for target in CI_TARGETS:
        assert f"made {target}\n" in done.stdout


@pytest.mark.parametrize("failing", CI_TARGETS)
def test_ci_fails_when_a_part_does_and_still_runs_the_others(clone: Clone, failing: str) -> None:
    done = _ci(clone, failing)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "FAILED: 1 of 10 parts"
    assert "made test-devices" in done.stdout


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """tests/run.py, in a project that holds one test each that passes, fails and is skipped."""
    spec = importlib.util.spec_from_file_location("run_all", ROOT / "tests" / "run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # their imports are most of the time
    monkeypatch.setenv("PYTEST_PLUGINS", "xdist.plugin")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_good.py").write_text("def test(): pass\n")
    (tmp_path / "tests" / "test_bad.py").write_text("def test(): assert False\n")
    (tmp_path / "tests" / "test_skip.py").write_text("import pytest\ndef test(): pytest.skip('why')\n")
    return module


@pytest.mark.parametrize(
    ("file", "failed", "words"),
    [
        ("test_good.py", False, "ok      part: 1 passed ("),
        ("test_bad.py", True, "FAILED  part: 0 passed, 1 failed ("),
        ("test_skip.py", False, "ok      part: 0 passed, 1 skipped ("),
        ("test_gone.py", True, "FAILED  part: 0 passed ("),
    ],
)
def test_a_part_is_counted(runner: ModuleType, file: str, failed: bool, words: str) -> None:
    result = runner.run("part", [f"tests/{file}"])
    assert result.failed is failed and str(result).startswith(words)


def test_nothing_to_run_is_no_failure(runner: ModuleType) -> None:
    result = runner.run("part", ["tests/test_good.py", "-k", "nothing_of_this_name"])
    assert not result.failed and "no tests yet" in str(result)


def test_one_failed_part_fails_all(runner: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    assert runner.main([]) == 1
    assert "FAILED  library: 1 passed, 1 failed, 1 skipped" in capfd.readouterr().out
    (runner.ROOT / "tests" / "test_bad.py").unlink()
    assert runner.main([]) == 0
    assert runner.main(["everything"]) == 2


def test_the_notebooks_are_run(runner: ModuleType) -> None:
    (runner.ROOT / "course" / "solutions").mkdir(parents=True)
    for name in ("course/01.ipynb", "course/solutions/01.ipynb"):
        (runner.ROOT / name).touch()
    _, solved, stubs = (arguments for _, arguments in runner.parts("all"))
    assert "--nbval" in solved and "course/solutions/01.ipynb" in solved
    assert "--nbval-lax" in stubs and "course/01.ipynb" in stubs and "course/solutions/01.ipynb" not in stubs
