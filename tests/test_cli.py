"""The command line: `cnnkit devices`, `lab`, `release`, `train`, in processes where that matters."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnkit
from cnnkit import checkup, cli, lab
from cnnkit.errors import DeviceError
from cnnkit.files import load_arrays
from cnnkit.workbook_record import NAME as RECORD

ROOT = Path(__file__).resolve().parents[1]


def _cnnkit(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cnnkit", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_version_is_told() -> None:
    done = _cnnkit("--version")
    assert (done.returncode, done.stdout) == (0, f"cnnkit {cnnkit.__version__}\n")


def _one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The sentence on stderr of a command that failed as it should."""
    assert done.returncode == 1, done
    assert done.stderr.startswith("cnnkit: ") and done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.removeprefix("cnnkit: ").strip()


# --- the command itself ---


def test_help_needs_no_opencl_and_no_jupyter() -> None:
    code = (
        "import sys\nfrom cnnkit.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('pyopencl', 'jupyterlab', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(word in done.stdout for word in ("lab", "devices", "train"))
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--data", "letters"], "invalid choice: 'letters'"),
        (["train", "--data", "digits", "--epochs", "0"], "0 is below 1"),
        (["train", "--data", "digits", "--epochs", "many"], "invalid whole number value: 'many'"),
        (["train", "--data", "digits", "--lr", "-1"], "-1 is not a positive number"),
        (["train", "--data", "digits", "--lr", "nan"], "nan is not a positive number"),
        (["lab", "--port", "70000"], "70000 is not between 1 and 65535"),
        ([], "required: COMMAND"),
    ],
)
def test_a_wrong_argument_is_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


# --- devices ---


def _device(**changes: Any) -> dict[str, Any]:
    return {
        "index": 0,
        "name": "Some GPU",
        "platform": "Some Platform",
        "version": "OpenCL 3.0 | 1.2.3",
        "kind": "GPU",
        "compute_units": 48,
        "memory_bytes": 6 * 2**30,
        "max_work_group_size": 1024,
        "local_memory_bytes": 48 * 2**10,
        "fp64": True,
        "sub_groups": False,
    } | changes


def test_the_table_shows_every_fact_and_verdict() -> None:
    table = cli.device_table([_device()], ["passed"], 80)
    rows = dict(re.split(r"\s{2,}", line) for line in table.splitlines())
    assert rows == {
        "device": "0",
        "name": "Some GPU",
        "platform": "Some Platform",
        "version": "OpenCL 3.0 | 1.2.3",
        "kind": "GPU",
        "compute units": "48",
        "memory": "6.0 GiB",
        "largest work-group": "1024 work-items",
        "local memory": "48 KiB",
        "fp64": "yes",
        "sub-groups": "no",
        "self-test": "passed",
    }


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_stays_within_the_terminal(width: int) -> None:
    devices = [_device(index=i, name=f"Device with quite a long name, number {i}") for i in range(4)]
    verdicts = ["passed", "FAILED: a sum gave 3 where 4 is right. " * 4, "passed", "passed"]
    table = cli.device_table(devices, verdicts, width)
    assert max(map(len, table.splitlines())) <= width
    blocks = table.split("\n\n")
    assert len(blocks) == (2 if width == 80 else 1)
    for i in range(4):
        assert f"number {i}" in table.replace("\n", " ")


def test_devices_lists_those_of_this_machine() -> None:
    here = checkup.list_devices()
    done = _cnnkit("devices")
    assert done.returncode == 0, done.stderr
    assert here[0]["name"].split()[0] in done.stdout
    assert done.stdout.count("self-test") >= 1
    assert f"cnnkit uses device {checkup.chosen_device()['index']}" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="OCL_ICD_VENDORS is heeded by the loaders on Linux")
@pytest.mark.parametrize("command", ["devices", "lab", "train"])
def test_no_device_is_one_sentence(command: str) -> None:
    arguments = ["--data", "digits"] if command == "train" else []
    # Naming one driver, which is not there, leaves the loader with none.
    done = _cnnkit(command, *arguments, OCL_ICD_VENDORS="no-such-driver.so")
    assert "No OpenCL device was found" in _one_sentence(done)


def test_an_unknown_device_is_one_sentence() -> None:
    done = _cnnkit("train", "--data", "digits", "--device", "abacus")
    assert "'abacus'" in _one_sentence(done)


def _pretend(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let the child that answers run `code` instead."""
    monkeypatch.setattr(checkup, "_command", lambda question: [sys.executable, "-c", code])


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_driver_that_crashes_is_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(DeviceError, match="the self-test of device 0 ended Python with the signal SIGSEGV"):
        checkup.self_test(0)
    assert cli._verdict(0).startswith("FAILED: A driver crashes")


def test_a_driver_that_ends_the_process_is_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, "import os; os._exit(0)")  # status 0, and yet no answer
    with pytest.raises(DeviceError, match="exit status 0"):
        checkup.self_test(0)


def test_a_driver_that_hangs_is_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(DeviceError, match=r"did not end within 0\.5 seconds"):
        checkup._ask("test 0", "the self-test of device 0", time_limit=0.5)


def test_what_a_driver_prints_is_not_taken_for_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(
        monkeypatch, "print('driver 1.0 {}'); print('cnnkit-answer:' + '{\"value\": [7]}'); print('bye')"
    )
    assert checkup.list_devices() == [7]


def test_a_failed_self_test_is_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = json.dumps({"error": "a sum gave 3 where 4 is right."})
    _pretend(monkeypatch, f"print('cnnkit-answer:' + {answer!r})")
    assert cli._verdict(0) == "FAILED: a sum gave 3 where 4 is right."


def test_every_device_here_has_a_verdict() -> None:
    for device in checkup.list_devices():
        checkup.self_test(device["index"])
    with pytest.raises(DeviceError, match="no device 99"):
        checkup.self_test(99)


# --- lab ---


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A clone's shape: the course beside the kernels."""
    (tmp_path / "kernels").mkdir()
    folder = tmp_path / "course"
    folder.mkdir()
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / lab.START_PAGE).write_text(json.dumps(notebook), encoding="utf-8")
    return folder


def test_lab_opens_the_start_page_within_the_clone(course: Path) -> None:
    command = lab.command(course, None, browser=True)
    assert f"--ServerApp.root_dir={course.parent}" in command
    assert f"--LabApp.default_url=/lab/tree/course/{lab.START_PAGE}" in command
    assert "--ServerApp.ip=127.0.0.1" in command
    assert not any(part.startswith(("--no-browser", "--ServerApp.port")) for part in command)
    assert not any("token" in part or "password" in part for part in command)  # Jupyter draws a token


def test_lab_opens_any_folder(tmp_path: Path) -> None:
    command = lab.command(tmp_path, 9000, browser=False)
    assert f"--ServerApp.root_dir={tmp_path}" in command
    assert "--LabApp.default_url=/lab" in command
    assert "--ServerApp.port=9000" in command and "--no-browser" in command


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no root")
@pytest.mark.parametrize("user", [0, 1000])
def test_root_is_allowed_and_nobody_else_asks_for_it(
    course: Path, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert ("--allow-root" in lab.command(course, None, browser=True)) == (user == 0)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({"BROWSER": "x"}, True),
    ],
)
def test_a_machine_without_a_screen_has_no_browser(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(lab.webbrowser, "get", lambda: None)
    assert lab.has_browser() is expected


def test_the_users_own_jupyter_settings_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/their/settings")
    first, second = lab.settings()["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert first == "/their/settings" and Path(second, "labconfig").is_dir()


def _opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that JupyterLab would be started on."""
    folders: list[Path] = []
    monkeypatch.setattr(lab, "command", lambda notebooks, *rest: folders.append(notebooks))
    monkeypatch.setattr(lab, "_run", lambda arguments: 0)
    return folders


def test_lab_in_a_clone_opens_the_course_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    opened = _opened(monkeypatch)
    assert cli.main(["lab"]) == 0
    assert cli.main(["lab", str(ROOT / "course")]) == 0
    assert cli.main(["lab", str(ROOT / "course" / "solutions")]) == 0
    assert opened == [ROOT / "course", ROOT / "course", ROOT / "course" / "solutions"]
    assert not list(tmp_path.iterdir()) and not (ROOT / "course" / RECORD).exists()
    assert "copy" not in capsys.readouterr().out


def test_without_a_clone_lab_makes_a_copy_and_says_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lab, "clones_course", lambda: None)
    opened = _opened(monkeypatch)
    assert cli.main(["lab"]) == 0
    folder = tmp_path / "cnnkit-course"
    assert (folder / lab.START_PAGE).is_file()
    assert f"No folder was named: your notebooks are in {folder}." in capsys.readouterr().out
    monkeypatch.chdir(folder)  # within a copy, it is the copy that is meant
    assert cli.main(["lab"]) == 0
    assert opened == [folder, folder] and not (folder / "cnnkit-course").exists()


def test_a_named_folder_gets_a_copy_that_keeps_what_is_written_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "my course"
    done = _cnnkit("lab", str(folder), "--only-prepare")
    assert done.returncode == 0 and "Your copy of the course" in done.stdout, done
    page = folder / lab.START_PAGE
    mine = json.loads(page.read_text("utf-8"))
    mine["cells"][0]["source"] = "mine"
    page.write_text(json.dumps(mine), "utf-8")
    done = _cnnkit("lab", str(folder), "--only-prepare", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads(page.read_text("utf-8")) == mine
    (folder / RECORD).unlink()
    done = _cnnkit("lab", str(folder), "--only-prepare", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and "00_start_here.new.ipynb" in done.stdout
    assert json.loads(page.read_text("utf-8")) == mine


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "is a file" in _one_sentence(_cnnkit("lab", str(tmp_path / "file")))
    assert "within the course itself" in _one_sentence(_cnnkit("lab", str(ROOT / "course" / "mine")))
    assert not (ROOT / "course" / "mine").exists()


def test_release_writes_a_class_its_folder(tmp_path: Path) -> None:
    done = _cnnkit("release", str(tmp_path / "class"), "--only", "1", "05")
    assert done.returncode == 0 and "2 notebooks, and a README" in done.stdout, done
    assert sorted(p.name for p in tmp_path.glob("class/0*")) == [
        "01_one_filter.ipynb",
        "05_whole_network.ipynb",
    ]
    done = _cnnkit("release", str(tmp_path / "class"), "--only", "01,77")
    assert "There is no notebook 77" in _one_sentence(done)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """(what was printed, address, token) of a `cnnkit lab` that runs, with Jupyter folders of its own."""
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR")
    variables = {name: str(tmp_path / name.lower()) for name in names}
    log = tmp_path / "log.txt"
    with log.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "cnnkit", "lab", str(tmp_path / "my course"), "--no-browser"],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(600):
            found = re.search(r"(http://127\.0\.0\.1:\d+)/lab/tree/\S+\?token=(\w+)", log.read_text())
            if found and _status(f"{found[1]}/api?token={found[2]}") == 200:
                break
            assert child.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            pytest.fail(f"JupyterLab did not start: {log.read_text()}")
        yield log.read_text(), found[1], found[2]
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)


def _status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError:
        return 0


def test_lab_runs(running: tuple[str, str, str]) -> None:
    printed, address, token = running
    assert "Its self-test passed" in printed and checkup.chosen_device()["name"] in printed
    assert f"/lab/tree/{lab.START_PAGE}?token=" in printed
    page = f"{address}/api/contents/{lab.START_PAGE}"
    assert _status(f"{page}?token={token}") == 200
    assert _status(page) == 403, "a stranger without the token must be refused"
    setting = "@jupyterlab/apputils-extension:notification"
    with urllib.request.urlopen(f"{address}/lab/api/settings/{setting}?token={token}", timeout=10) as answer:
        defaults = json.load(answer)["schema"]["properties"]
    assert defaults["fetchNews"]["default"] == "false"
    assert defaults["checkForUpdates"]["default"] is False


# --- train ---


def test_training_prints_epochs_and_accuracy_and_saves(tmp_path: Path) -> None:
    from cnnkit import data
    from cnnkit.model import load

    saved = tmp_path / "digits.safetensors"
    done = _cnnkit("train", "--data", "digits", "--epochs", "2", "--lr", "0.003", "--save", str(saved))
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^epoch (\d)/2  loss \d", done.stdout, re.MULTILINE) == ["1", "2"]
    _, test = data.digits()
    right = int((load(saved).predict(test.images).argmax(axis=1) == test.labels).sum())
    assert f"({right} of {len(test)} images)" in done.stdout
    assert right > 0.5 * len(test), "two epochs must beat chance by far"


@pytest.mark.slow  # tests/faults/test_killed.py kills `fit` in every run of the tests
def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    def arguments(name: str, *more: str) -> list[str]:
        return ["train", "--data", "digits", "--epochs", "3", "--save", str(tmp_path / name), *more]

    def weights(name: str) -> np.ndarray:
        return load_arrays(tmp_path / name)[0]["0.w"]

    assert _cnnkit(*arguments("straight")).returncode == 0
    checkpoint = ("--checkpoint", str(tmp_path / "checkpoint"))
    command = [sys.executable, "-m", "cnnkit", *arguments("killed", *checkpoint)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("epoch 2/3"):  # the first epoch's checkpoint is written by now
                child.kill()
                break
    assert not (tmp_path / "killed").exists()
    resumed = _cnnkit(*arguments("resumed", *checkpoint))
    assert resumed.returncode == 0, resumed.stderr
    assert "epoch 1/3" not in resumed.stdout and "epoch 3/3" in resumed.stdout
    assert np.array_equal(weights("resumed"), weights("straight"))
    assert _cnnkit(*arguments("another", "--seed", "1")).returncode == 0
    assert not np.array_equal(weights("another"), weights("straight")), "other seeds must differ"


def test_a_folder_without_the_files_is_one_sentence(tmp_path: Path) -> None:
    assert str(tmp_path) in _one_sentence(_cnnkit("train", "--data", "mnist", "--folder", str(tmp_path)))


def test_a_warning_is_shown_without_its_line_of_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def open_lab(*arguments: Any) -> int:
        warnings.warn("half of the set is there.", stacklevel=1)
        return 0

    monkeypatch.setattr(lab, "open_lab", open_lab)
    before = warnings.showwarning
    assert cli.main(["lab"]) == 0
    assert capsys.readouterr().err == "cnnkit: half of the set is there.\n"
    assert warnings.showwarning is before


def test_digits_have_no_folder(tmp_path: Path) -> None:
    done = _cnnkit("train", "--data", "digits", "--folder", str(tmp_path))
    assert "leave --folder out" in _one_sentence(done)


def test_a_place_that_cannot_be_saved_to_is_said_before_training(tmp_path: Path) -> None:
    done = _cnnkit("train", "--data", "digits", "--save", str(tmp_path / "no" / "model.safetensors"))
    assert "make it first" in _one_sentence(done) and "epoch" not in done.stdout
