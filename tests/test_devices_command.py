"""tests/devices.py: which devices are found, what the table says, what counts as a failure."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


@pytest.fixture
def matrix(monkeypatch):
    monkeypatch.syspath_prepend(TESTS)
    spec = importlib.util.spec_from_file_location("devices_command", TESTS / "devices.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def results(matrix, monkeypatch):
    """Two devices, "good" and "other"; what came out on each is put into the dictionary."""

    def missing():
        raise matrix.Missing("a soldering iron")

    outcome = {"accuracy": {"good": 0.98, "other": 0.978}, "status": {}}

    def on(name, environment, whole):
        part = matrix.Result(name, outcome["status"].get(name, 0), {"passed": 3}, 1.0)
        return matrix.Row(name, [name, "1", 64, 32768, False], outcome["accuracy"][name], part, part, 2.0)

    monkeypatch.setattr(matrix, "test", on)
    candidates = [("good", lambda: {"A": "1"}), ("other", dict), ("lost", missing)]
    monkeypatch.setattr(matrix, "CANDIDATES", [matrix.Candidate(*each) for each in candidates])
    return outcome


def test_every_device_gets_a_row_and_a_missing_one_its_reason(matrix, results, capsys):
    assert matrix.main([]) == 0
    printed = capsys.readouterr().out
    assert "| good: good | 64 | 32 KiB | no | 3 passed | 3 passed | 98.00% | 2 |" in printed
    assert "| lost | not here: a soldering iron |" in printed


def test_one_can_be_chosen(matrix, results, capsys):
    assert matrix.main(["OTH"]) == 0
    printed = capsys.readouterr().out
    assert "other: other" in printed and "good" not in printed


@pytest.mark.parametrize("fault", [{"status": {"other": 1}}, {"accuracy": {"good": 0.98, "other": 0.97}}])
def test_a_failure_and_an_accuracy_apart_are_failures(matrix, results, capsys, fault):
    results.update(fault)
    assert matrix.main([]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_no_device_at_all_is_a_failure(matrix, results):
    assert matrix.main(["lost"]) == 1


def test_the_chosen_tests_and_notebooks_are_there(matrix):
    for path in matrix.CHOSEN_TESTS:
        assert (TESTS.parent / path).exists(), path
    for number in matrix.CHOSEN_NOTEBOOKS:
        assert list((TESTS.parent / "course" / "solutions").glob(f"{number}_*.ipynb")), number


def test_a_small_device_is_small(matrix):
    """Where pip's PoCL is; elsewhere the pretended local memory alone."""
    try:
        environment = matrix.small_gpu()
    except matrix.Missing:
        environment = {"PYTHONPATH": str(TESTS / "small_device")}
    name, _, group, local, _ = matrix.json.loads(matrix.ask(matrix.ASK, environment))
    assert name and local <= 32 << 10
    assert group <= 64 or "OCL_ICD_VENDORS" not in environment


def test_the_command_lists_devices():
    command = [sys.executable, str(TESTS / "devices.py"), "--list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(listed) == 7
