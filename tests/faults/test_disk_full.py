"""A disk without room while a file is written, and two writers of one file: the old one is unhurt.

The disk is full in earnest: no file of the process may grow beyond a size (EFBIG where a disk says ENOSPC
and a quota EDQUOT; Python sees an OSError in each), at every drawn byte of what is written. A file system
of its own, which root alone can mount, is filled in the slow test.

tests/test_files.py, test_workbook.py, test_release.py and exercises/test_progress.py pretend the same in
the moment of `fsync` and of moving the file into place.
"""

import contextlib
import errno
import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest

import cnnkit
from cnnkit import cli, handout, workbook
from cnnkit.bench import report as bench_report
from cnnkit.errors import DataError
from cnnkit.exercises.grading import report as grading_report
from cnnkit.exercises.grading import state as grading_state
from cnnkit.exercises.progress_file import NAME, ProgressFile
from cnnkit.files import load_arrays, write_atomically
from cnnkit.model import load

resource = pytest.importorskip("resource", reason="Windows has no such limits")
WORDS = os.strerror(errno.EFBIG)


def network(seed=0):
    return cnnkit.Sequential(
        cnnkit.Conv2d(1, 8, 3, padding=1),
        cnnkit.ReLU(),
        cnnkit.Flatten(),
        cnnkit.Linear(8 * 64, 4),
        seed=seed,
    )


RNG = np.random.default_rng(0)
DATA = RNG.standard_normal((32, 1, 8, 8)).astype(np.float32), RNG.integers(0, 4, 32)


@contextlib.contextmanager
def full_disk(size):
    """No file grows beyond `size` bytes. Python ignores SIGXFSZ, so that writing fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    sys.stdout.flush()
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def sizes(whole):
    return [0, 1, whole // 2, whole - 1]


def test_a_model(device, tmp_path):
    old, new = network(0), network(1)
    path = tmp_path / "model"
    old.save(path)
    before = contents(tmp_path)
    for size in sizes(path.stat().st_size):
        with (
            full_disk(size),
            pytest.raises(DataError, match=f"model could not be written .{WORDS}.*untouched"),
        ):
            new.save(path)
        assert contents(tmp_path) == before
    new.save(path)  # there is room again
    for name, value in new.state().items():
        np.testing.assert_array_equal(load(path).state()[name], value)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_checkpoint_in_the_middle_of_training(device, tmp_path, share):
    """The run ends with a sentence; weights, history and the checkpoint of the epoch before are there."""
    path, straight = tmp_path / "checkpoint", network()
    cnnkit.fit(straight, DATA, epochs=4, progress=False)

    class FillTheDisk(cnnkit.Callback):
        def on_epoch_end(self, run):
            if run.epoch == 3:
                size = int(share * path.stat().st_size)
                stack.enter_context(full_disk(size))

    model = network()
    with contextlib.ExitStack() as stack, pytest.raises(DataError, match=f"could not be written .{WORDS}"):
        cnnkit.fit(model, DATA, epochs=4, checkpoint=path, callbacks=[FillTheDisk()], progress=False)
    assert len(model.history) == 3 and all(np.isfinite(value).all() for value in model.state().values())
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]
    assert len(load_arrays(path)[1]["history"]) == 2
    again = network()
    assert len(cnnkit.fit(again, DATA, epochs=4, checkpoint=path, progress=False)) == 4
    for name, value in straight.state().items():
        np.testing.assert_array_equal(again.state()[name], value)


def test_a_run_whose_checkpoint_cannot_even_begin_says_so_before_the_first_step(device, tmp_path):
    model = network()
    before = model.state()
    with full_disk(100), pytest.raises(DataError, match=WORDS):
        cnnkit.fit(model, DATA, epochs=1, checkpoint=tmp_path / "checkpoint", progress=False)
    assert not list(tmp_path.iterdir())
    assert all(np.array_equal(value, before[name]) for name, value in model.state().items())


def test_the_progress(tmp_path):
    file = ProgressFile(tmp_path / NAME)
    file.record("01.1", 1, 1, True)
    before = file.path.read_bytes()
    with full_disk(20), pytest.warns(UserWarning, match=f"Your progress is not kept: .*{WORDS}") as said:
        file.record("01.2", 3, 3, True)
        file.record("01.3", 3, 3, True)
    assert len(said) == 1 and file.path.read_bytes() == before
    file.record("01.2", 3, 3, True)
    assert set(file.read()) == {"01.1", "01.2"} and not list(tmp_path.glob(".*partial"))


REPORT = {"format": 1}
FILES = ("grades.json", "grades.csv", "index.html")


@pytest.fixture
def rendered(monkeypatch):
    """The report's tables and page of any size; what they hold is not the disk's matter."""
    for module in (grading_report.report_csv, grading_report.report_html):
        monkeypatch.setattr(module, "render", lambda report: json.dumps(report).encode() * 3)
    monkeypatch.setattr(grading_report.report_leaders, "render", lambda report: None)


def test_a_graders_report(rendered, tmp_path):
    grading_report.write(REPORT | {"seed": 1}, tmp_path)
    before = contents(tmp_path)
    for size in (0, 10, 30, 60):
        with full_disk(size), pytest.raises(DataError, match=rf"could not be written .{WORDS}"):
            grading_report.write(REPORT | {"seed": 1, "more": "x" * 9}, tmp_path)
        after = contents(tmp_path)
        assert after.keys() == before.keys()
        assert after["index.html"] == before["index.html"]  # the one that is written last
    grading_report.write(REPORT | {"seed": 2}, tmp_path)
    assert json.loads(contents(tmp_path)["grades.json"])["seed"] == 2


def test_a_gradings_state(tmp_path):
    """What was gathered stays, and the same command goes on where there was no room."""
    kept = grading_state.State(tmp_path)
    kept.open(7)
    kept.load("same")
    kept.keep("ada", "digest", {"points": 3})
    with full_disk(10), pytest.raises(DataError, match=WORDS):
        kept.keep("bob", "digest", {"points": 4})
    kept.close()
    again = grading_state.State(tmp_path)
    again.open(None)
    again.load("same")
    assert again.seed == 7 and again.kept("ada", "digest") == {"points": 3}
    assert again.kept("bob", "digest") is None and not list(tmp_path.rglob("*.partial"))
    again.close()


def test_a_grading_that_cannot_begin(tmp_path, capsys):
    submissions = tmp_path / "class"
    submissions.mkdir()
    (submissions / "ada.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    with full_disk(1):
        assert cli.main(["grade", str(submissions), "--out", str(tmp_path / "report")]) == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith("cnnkit: ") and WORDS in said and len(said.splitlines()) == 1
    assert not list(tmp_path.rglob("*.partial"))


def test_a_learners_copy(tmp_path):
    """Made and upgraded on a disk that fills up: their cells stay, and the next time it is completed."""
    course = handout.handout()
    name = course.notebooks[0]
    folder = tmp_path / "copy"
    with full_disk(max(map(len, course.files.values())) // 2), pytest.raises(DataError, match=WORDS):
        workbook.prepare(folder, course)
    workbook.prepare(folder, course)
    theirs = json.loads((folder / name).read_bytes())
    theirs["cells"][-1]["source"] = ["what I have written = 1"]
    (folder / name).write_text(json.dumps(theirs))
    before = contents(folder)
    newer = handout.Handout("999.0", {k: v.replace(b"the", b"THE") for k, v in course.files.items()})
    for size in (0, 1000, len(newer.files[name]) - 1):
        with full_disk(size), pytest.raises(DataError, match=WORDS):
            workbook.prepare(folder, newer)
        assert (folder / name).read_bytes() == before[name]
        for other, content in contents(folder).items():
            if other.endswith(".ipynb"):
                json.loads(content)
        assert not list(folder.rglob("*.partial"))
    workbook.prepare(folder, newer)
    assert (folder / name).read_bytes() == before[name]
    assert (folder / course.notebooks[1]).read_bytes() == newer.files[course.notebooks[1]]


def test_a_benchmarks_numbers(tmp_path, monkeypatch, capsys):
    path = tmp_path / "numbers"
    path.write_text("those of yesterday")
    monkeypatch.setattr("cnnkit.bench.find_torch", lambda: None)  # its import takes seconds
    monkeypatch.setattr(
        "cnnkit.bench.run_benchmark", lambda *a, **k: bench_report.Report.__new__(bench_report.Report)
    )
    for name, value in {"tables": [], "as_text": "", "to_json": "x" * 999, "as_markdown": "x" * 999}.items():
        monkeypatch.setattr(f"cnnkit.bench.{name}", lambda *a, value=value: value)
    for option in ("--json", "--markdown"):
        with full_disk(100):
            assert cli.main(["bench", "--quick", option, str(path)]) == 1
        assert path.read_text() == "those of yesterday" and WORDS in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["numbers"]


WRITER = """
import sys
import numpy as np
from cnnkit.files import save_arrays
name, times = int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for count in range(times):
    array = np.full(20_000 + name, name, np.float32)
    save_arrays(sys.argv[1], {"a": array}, {"writer": name, "count": count})
"""


def write_and_read(path, times):
    """Two kernels save, this one reads; the number of looks."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, name, str(times)], **pipes) for name in "12"]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    looks = 0
    while True:
        ended = all(writer.poll() is not None for writer in writers)
        if path.exists():
            arrays, about = load_arrays(path)
            assert (arrays["a"] == about["writer"]).all() and len(arrays["a"]) == 20_000 + about["writer"]
            looks += 1
        if ended:
            break
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert about["count"] == times - 1 and list(path.parent.iterdir()) == [path]
    return looks


def test_two_kernels_that_save_one_file_at_the_same_time(tmp_path):
    """Whoever reads, reads one of the two, whole."""
    assert write_and_read(tmp_path / "both", 30)


@pytest.mark.slow
def test_two_kernels_that_save_one_file_for_long(tmp_path):
    assert write_and_read(tmp_path / "both", 1000) > 100


def test_any_size_of_a_full_disk(tmp_path):
    any_size(tmp_path, 100)


@pytest.mark.slow
def test_any_size_of_a_full_disk_many_times(tmp_path):
    any_size(tmp_path, 10_000)


def any_size(folder, tries):
    """The old file or the new one, nothing between and nothing beside."""
    path, rng, refused = folder / "file", random.Random(5), 0
    old = b"old"
    write_atomically(path, old)
    for _ in range(tries):
        new = rng.randbytes(rng.randrange(20_000))
        with full_disk(rng.randrange(20_000)):
            try:
                write_atomically(path, new)
                old = new
            except DataError as error:
                assert WORDS in str(error)
                refused += 1
        assert path.read_bytes() == old
    assert refused > tries // 4 and [p.name for p in folder.iterdir()] == ["file"]


@pytest.mark.slow
def test_a_small_disk_in_earnest(tmp_path):
    disk, model = tmp_path / "disk", network()
    disk.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)]
    try:
        if subprocess.run(mounted, capture_output=True).returncode:
            pytest.skip("no file system can be mounted here")
    except FileNotFoundError:
        pytest.skip("no file system can be mounted here")
    try:
        model.save(disk / "model")
        (disk / "fill").write_bytes(bytes(48 << 10))
        before = contents(disk)
        for call in (
            lambda: network(1).save(disk / "model"),
            lambda: write_atomically(disk / "new", bytes(65536)),
        ):
            with pytest.raises(DataError, match=os.strerror(errno.ENOSPC)):
                call()
            assert contents(disk) == before
    finally:
        subprocess.run(["umount", str(disk)], check=True)
