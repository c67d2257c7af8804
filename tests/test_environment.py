"""environment.yml and constraints.txt against pyproject.toml: same packages, same lower bounds."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]

# conda-forge's name where it is not PyPI's.
CONDA_NAMES = {"matplotlib": "matplotlib-base"}
# Not for those who follow the course: they check the style, the types and the packaging.
DEVELOPERS_ONLY = {"build", "setuptools", "ruff", "mypy", "py-rattler"}
# In environment.yml alone: Python itself, pip for `pip install --no-deps -e .`, and the OpenCL driver,
# which on PyPI comes as the extra "pocl".
CONDA_ONLY = {"python", "pip", "pocl"}
# The form that repo2docker understands; from ">=" it would fall back on a Python of its own choice.
_PYTHON = re.compile(r"python =(?P<version>3\.[0-9]+)")
_SPEC = re.compile(r"(?P<name>[a-z0-9][a-z0-9_.-]*)(?: >=(?P<lower>[0-9][0-9.]*))?")


def _environment_text() -> str:
    return (ROOT / "environment.yml").read_text(encoding="utf-8")


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _lower_bound(requirement: Requirement) -> str | None:
    bounds = [each.version for each in requirement.specifier if each.operator == ">="]
    return bounds[0] if bounds else None


def _wanted(project: dict[str, Any]) -> dict[str, str | None]:
    """conda-forge name -> lower bound, of what environment.yml must hold."""
    wanted: dict[str, str | None] = {}
    for text in [*project["dependencies"], *project["optional-dependencies"]["test"]]:
        requirement = Requirement(text)
        if requirement.name not in DEVELOPERS_ONLY:
            wanted[CONDA_NAMES.get(requirement.name, requirement.name)] = _lower_bound(requirement)
    return wanted


def _specs(environment_text: str) -> list[str]:
    return yaml.safe_load(environment_text)["dependencies"]


def _differences(environment_text: str, project: dict[str, Any]) -> list[str]:
    """Where environment.yml and pyproject.toml disagree, in sentences."""
    wanted, found, problems = _wanted(project), {}, []
    for spec in _specs(environment_text):
        if python := _PYTHON.fullmatch(str(spec)):
            found["python"] = python["version"]
            if not SpecifierSet(project["requires-python"]).contains(python["version"]):
                problems.append(f"python is {python['version']} and must be {project['requires-python']}")
            continue
        match = _SPEC.fullmatch(spec) if isinstance(spec, str) else None
        if match is None or match["name"] == "python":
            problems.append(f"{spec!r} is not of the form 'name >=version' (or 'python =3.x')")
        else:
            found[match["name"]] = match["lower"]
    for name, lower in wanted.items():
        if name not in found:
            problems.append(f"{name} is missing from environment.yml")
        elif found[name] != lower:
            problems.append(f"{name} is >={found[name]} in environment.yml and >={lower} in pyproject.toml")
    problems += [f"{name} is not in pyproject.toml" for name in found.keys() - wanted.keys() - CONDA_ONLY]
    problems += [f"{name} is missing from environment.yml" for name in CONDA_ONLY - found.keys()]
    return problems


def test_environment_and_pyproject_agree() -> None:
    assert _differences(_environment_text(), _project()) == []


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("- numpy >=2.0\n", "- numpy >=1.26\n", "numpy is >=1.26 in environment.yml"),
        ("- numpy >=2.0\n", "- numpy\n", "numpy is >=None in environment.yml"),
        ("- anywidget >=0.9.13\n", "", "anywidget is missing"),
        ("- pocl >=6", "- poclx >=6", "pocl is missing"),
        ("- matplotlib-base >=3.9", "- matplotlib >=3.9", "matplotlib is not in pyproject.toml"),
        ("- python =3.12", "- python =3.10", "python is 3.10 and must be >=3.11"),
        ("- python =3.12", "- python >=3.11", "is not of the form"),
        ("- python =3.12", "- pip", "python is missing"),
        ("- tqdm >=4.66\n", "- tqdm=4.66=*=1\n", "is not of the form"),
        ("- pip\n", "- pip\n  - pip: [torch]\n", "is not of the form"),
    ],
)
def test_a_drift_is_noticed(right: str, wrong: str, complaint: str) -> None:
    text = _environment_text()
    assert right in text
    problems = _differences(text.replace(right, wrong), _project())
    assert any(complaint in problem for problem in problems), problems


def test_a_new_dependency_must_be_added_to_the_environment() -> None:
    project = _project()
    project["dependencies"] = [*project["dependencies"], "networkx>=3"]
    assert _differences(_environment_text(), project) == ["networkx is missing from environment.yml"]


def _invalid_specs(environment_text: str) -> list[str]:
    rattler = pytest.importorskip("rattler", reason="py-rattler, which reads conda's specs, is not installed")
    invalid = []
    for spec in _specs(environment_text):
        try:
            rattler.MatchSpec(spec, strict=True)
        except Exception as error:  # py-rattler has a class of its own for each kind of mistake
            invalid.append(f"{spec}: {error}")
    return invalid


def test_every_spec_is_one_that_conda_reads() -> None:
    assert _invalid_specs(_environment_text()) == []


@pytest.mark.parametrize("wrong", ["numpy >=", "numpy >>2.0", "numpy >=2..0,<", "num py >=2.0"])
def test_a_spec_that_conda_cannot_read_is_noticed(wrong: str) -> None:
    invalid = _invalid_specs(_environment_text().replace("numpy >=2.0", wrong))
    assert len(invalid) == 1 and invalid[0].startswith(wrong)


def test_the_channel_is_conda_forge_alone() -> None:
    assert yaml.safe_load(_environment_text())["channels"] == ["conda-forge", "nodefaults"]


def test_binder_installs_the_project_without_its_dependencies() -> None:
    script = ROOT / "postBuild"
    assert "pip install --no-deps" in script.read_text(encoding="utf-8")
    if os.name == "posix":  # Windows has no such bit
        assert script.stat().st_mode & 0o111, "Binder runs postBuild only if it is executable"


def _pins(text: str) -> dict[str, str]:
    """name -> version of a constraints file; each line must be name==version and nothing else."""
    pins = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([0-9][A-Za-z0-9.]*)", line)
            assert match, f"constraints.txt holds {line!r}, which is not name==version"
            pins[canonicalize_name(match[1])] = match[2]
    return pins


def _unpinned(pins: dict[str, str], project: dict[str, Any]) -> list[str]:
    extras = [text for extra in project["optional-dependencies"].values() for text in extra]
    problems = []
    for requirement in map(Requirement, [*project["dependencies"], *extras]):
        pin = pins.get(canonicalize_name(requirement.name))
        if pin is None:
            problems.append(f"{requirement.name} is not pinned")
        elif not requirement.specifier.contains(Version(pin), prereleases=True):
            problems.append(
                f"{requirement.name} is pinned to {pin}, and pyproject.toml wants {requirement.specifier}"
            )
    return problems


def _constraints_text() -> str:
    return (ROOT / "constraints.txt").read_text(encoding="utf-8")


def test_the_constraints_pin_every_requirement() -> None:
    assert _unpinned(_pins(_constraints_text()), _project()) == []


def test_a_pin_that_is_missing_or_too_old_is_noticed() -> None:
    pins = _pins(_constraints_text()) | {"numpy": "1.26.4"}
    del pins["ruff"]
    problems = _unpinned(pins, _project())
    assert problems == ["numpy is pinned to 1.26.4, and pyproject.toml wants >=2.0", "ruff is not pinned"]


@pytest.mark.parametrize(
    "line", ["numpy @ file:///somewhere/numpy.whl", "--index-url https://example.org", "numpy>=2"]
)
def test_the_constraints_hold_pins_alone(line: str) -> None:
    with pytest.raises(AssertionError, match="not name==version"):
        _pins(_constraints_text() + line + "\n")
