"""The command `cnnkit bench`: what it prints and writes, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cnnkit import cli
from cnnkit.bench import PARTS, peers, run, startup, time_to
from cnnkit.bench.child import fresh_caches, run_child
from cnnkit.bench.report import from_json
from cnnkit.errors import CnnkitError


def test_the_ceilings_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written, words = tmp_path / "numbers.json", tmp_path / "tables.md"
    files = ["--json", str(written), "--markdown", str(words)]
    assert cli.main(["bench", "--quick", "--only", "ceilings", *files]) == 0
    printed = capsys.readouterr()
    assert "arithmetic ceiling" in printed.out and "memory ceiling" in printed.out
    assert "Measuring device" in printed.err
    report = from_json(written.read_text(encoding="utf-8"))
    assert report.quick and report.ceilings is not None and not report.convolutions
    assert words.read_text(encoding="utf-8").startswith("## Machine\n")


def test_the_parts_are_those_of_the_library() -> None:
    assert cli.BENCH_PARTS == PARTS


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "everything"], "'everything' is none of ceilings, convolutions"),
        (["--only", "steps,"], "'' is none of"),
    ],
)
def test_an_unknown_part_is_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["bench", *arguments])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--json", "nowhere/at/all.json"], "The folder of --json nowhere/at/all.json does not exist"),
        (["--only", "steps", "--picture", "roof.png"], "--picture draws the convolutions"),
        (["--mnist", "nowhere"], "nowhere does not hold MNIST's four files"),
        (["--device", "abacus"], "'abacus'"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bench", *arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith("cnnkit: ") and said.count("\n") == 1 and words in said


def test_without_pytorch_the_way_to_get_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # an import of it fails
    peers.find_torch.cache_clear()
    try:
        assert cli.main(["bench", "--quick", "--only", "ceilings,pipeline"]) == 0
    finally:
        peers.find_torch.cache_clear()
    printed = capsys.readouterr()
    assert "pip install torch" in printed.err
    assert "PyTorch not installed" in printed.out and "300x300" in printed.out


def test_a_part_that_fails_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(seconds: float) -> None:
        raise CnnkitError("the roof fell down.")

    monkeypatch.setattr(run, "measure_ceilings", broken)
    assert cli.main(["bench", "--quick", "--only", "ceilings,pipeline,time_to"]) == 1
    printed = capsys.readouterr().out
    assert "FAILED: the roof fell down." in printed and "A photograph" in printed
    assert "it needs the folder of MNIST's files" in printed


def test_an_unknown_part_of_the_library_is_refused() -> None:
    with pytest.raises(CnnkitError, match="no part 'speed'"):
        run.run_benchmark(["speed"])


def test_convolutions_bring_their_ceilings(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []
    monkeypatch.setattr(run, "_measure", lambda report, part, *rest: measured.append(part))
    run.run_benchmark(["convolutions"])
    assert measured == ["ceilings", "convolutions"]


# --- processes of their own ---


def test_a_child_that_fails_says_why() -> None:
    with pytest.raises(CnnkitError, match=r"The test failed in a process of its own: ValueError: no$"):
        run_child(["-c", "raise ValueError('no')"], {}, "The test")
    assert run_child(["-c", "print('first'); print('last')"], {}, "The test")[0] == "last"


def test_fresh_caches_are_empty_folders(tmp_path: Path) -> None:
    variables = fresh_caches(tmp_path)
    assert "POCL_CACHE_DIR" in variables and len(set(variables.values())) == len(variables)
    assert all(not list(Path(folder).iterdir()) for folder in variables.values())


def test_the_import_is_timed() -> None:
    assert float(run_child(["-c", startup.IMPORT], {}, "Importing")[0]) > 0


def test_what_startup_trains_is_whole_python() -> None:
    compile(startup.NOTEBOOK, "startup", "exec")


def test_mnist_is_found_in_its_folder_or_below(tmp_path: Path) -> None:
    below = tmp_path / "mnist"
    below.mkdir()
    for name in time_to.MNIST.md5:
        (below / name).touch()
    assert time_to.mnist_folder(tmp_path) == time_to.mnist_folder(below) == below


def test_importing_cnnkit_brings_no_benchmark() -> None:
    code = (
        "import sys, cnnkit\n"
        "print([m for m in ('torch', 'matplotlib', 'cnnkit.bench', 'pyopencl') if m in sys.modules])\n"
        "import cnnkit.bench\nprint([m for m in ('torch', 'matplotlib', 'pyopencl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"]
