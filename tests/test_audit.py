"""tests/audit.py: which licenses pass, and what is said of vulnerabilities, or where nobody can be asked."""

from __future__ import annotations

import importlib.util
import sys
from email.message import Message
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest


@pytest.fixture
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", Path(__file__).with_name("audit.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _package(name: str = "thing", **fields: str | list[str]) -> SimpleNamespace:
    about = Message()
    about["Name"] = name
    for key, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            about[key.replace("_", "-")] = value
    return SimpleNamespace(metadata=about)


def test_every_dependency_here_has_a_license_that_passes(audit: ModuleType) -> None:
    packages = audit.dependencies()
    assert {"numpy", "pyopencl", "jupyterlab", "pytest", "tornado"} <= packages.keys()
    assert "torch" not in packages and "cnnkit" not in packages
    assert audit.check_licenses(packages) == []


@pytest.mark.parametrize(
    ("package", "license", "allowed"),
    [
        (_package(License_Expression="MIT"), "MIT", True),
        (_package(License_Expression="Apache-2.0 OR GPL-3.0-only"), "Apache-2.0 OR GPL-3.0-only", True),
        (_package(License_Expression="MIT AND GPL-3.0-only"), "MIT AND GPL-3.0-only", False),
        (_package(License_Expression="(MIT OR X) AND ISC"), "(MIT OR X) AND ISC", True),
        (_package(Classifier="License :: OSI Approved :: BSD License"), "BSD", True),
        (
            _package(Classifier=["License :: OSI Approved"], License="MPL-2.0 AND MIT"),
            "MPL-2.0 AND MIT",
            True,
        ),
        (_package(Classifier="License :: Other/Proprietary License"), "Other/Proprietary License", False),
        (_package(License="GNU AGPL\nand more lines"), "GNU AGPL", False),
        (_package(License="UNKNOWN"), "", False),
        (_package(), "", False),
        (
            _package("pocl-binary-distribution"),
            "MIT AND Apache-2.0 WITH LLVM-exception AND BSD-3-Clause",
            True,
        ),
    ],
)
def test_a_license_is_found_and_judged(
    audit: ModuleType, package: SimpleNamespace, license: str, allowed: bool
) -> None:
    assert audit.license_of(package) == license
    problems = audit.check_licenses({"thing": package})
    assert len(problems) == (not allowed)
    assert all(problem.startswith("thing: ") for problem in problems)


FOUND = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
GOOD = {"name": "good", "version": "1.0", "vulns": []}
SKIPPED = {"name": "own", "skip_reason": "not found on PyPI"}


@pytest.mark.parametrize(
    ("answer", "words", "problems"),
    [
        ([FOUND, GOOD], "2 packages checked", ["old 1.0: PYSEC-1 (mended in 1.1)."]),
        ([GOOD, SKIPPED], "1 packages checked, 1 unknown", []),
        ([SKIPPED], "not checked (1 packages skipped: not found on PyPI)", []),
        ([], "not checked", []),
        (None, "not checked (no network)", []),
    ],
)
def test_what_is_said_of_vulnerabilities(
    audit: ModuleType,
    capsys: pytest.CaptureFixture[str],
    answer: list[dict] | None,
    words: str,
    problems: list[str],
) -> None:
    said = None if answer is None else {"dependencies": answer}
    assert audit.check_vulnerabilities(said, "no network") == problems
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; sys.exit('requests.ConnectionError: no route')", "requests.ConnectionError: no route"),
        ("print('<html>')", "pip-audit said nothing"),
        ("import time; time.sleep(60)", "did not end within 0.5 s"),
    ],
)
def test_a_service_that_cannot_be_reached_is_no_failure(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, why: str
) -> None:
    (tmp_path / "pip_audit.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(audit, "TIME_LIMIT", 0.5 if "sleep" in code else 60)
    answer, said = audit.ask_pip_audit()
    assert answer is None and why in said


def test_a_problem_is_the_status(audit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "dependencies", lambda: {})
    monkeypatch.setattr(audit, "ask_pip_audit", lambda: (None, "no network"))
    assert audit.main() == 0
    monkeypatch.setattr(audit, "ask_pip_audit", lambda: ({"dependencies": [FOUND]}, ""))
    assert audit.main() == 1
    assert sys.modules.get("pip_audit") is None
