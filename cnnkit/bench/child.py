"""Python processes of their own: for what only a fresh process can show, or a fresh cache."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from ..device import current_device
from ..errors import CnnkitError

# Where OpenCL drivers and pyopencl keep what they have compiled.
_CACHES = ("POCL_CACHE_DIR", "XDG_CACHE_HOME", "CUDA_CACHE_PATH", "NEO_CACHE_DIR")
TIME_LIMIT = 900  # seconds


def fresh_caches(folder: Path) -> dict[str, str]:
    """Environment variables that put every compile cache below `folder`: a machine that never compiled."""
    variables = {}
    for name in _CACHES:
        place = folder / name.lower()
        place.mkdir(parents=True, exist_ok=True)
        variables[name] = str(place)
    return variables


def on_this_device() -> dict[str, str]:
    """Environment variables that make a child choose the device that is current here."""
    return {"CNNKIT_DEVICE": str(current_device().index)}


def run_child(arguments: list[str], variables: dict[str, str], what: str) -> tuple[str, float]:
    """The last line that Python with these arguments prints, and the seconds from its start to its end.

    `-P` keeps the folder of a script off its import path. Raises CnnkitError with the child's last words
    when it fails or takes more than 15 minutes.
    """
    environment = {**os.environ, **variables, "PYTHONPATH": _import_path()}
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-P", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise CnnkitError(f"{what} did not end within {TIME_LIMIT} seconds.") from None
    seconds = time.perf_counter() - start
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        words = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise CnnkitError(f"{what} failed in a process of its own: {words[-1]}")
    return lines[-1], seconds


def _import_path() -> str:
    """Let the child find the same cnnkit, installed or not."""
    own = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([own, *filter(None, [os.environ.get("PYTHONPATH")])])
