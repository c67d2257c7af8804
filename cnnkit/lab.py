"""`cnnkit lab`: make the learner's copy ready, say which device computes, then open it in JupyterLab."""

from __future__ import annotations

import os
import subprocess
import sys
import webbrowser
from pathlib import Path

from . import __version__
from .errors import CnnkitError
from .workbook_record import NAME as RECORD

START_PAGE = "00_start_here.ipynb"
DEFAULT_FOLDER = "cnnkit-course"


def open_lab(
    folder: str | None = None, port: int | None = None, browser: bool = True, only_prepare: bool = False
) -> int:
    """Make the learner's copy ready, say which device computes, then run JupyterLab until it ends.

    folder: the learner's copy, made where it is missing and brought up to date where it is not, never at the
    cost of a cell of theirs. A folder of the course itself is opened as it is. Without one, the course in a
    clone, and elsewhere `cnnkit-course` in the current folder.
    only_prepare: end when the copy is ready.

    Raises CnnkitError when there can be no such folder, and DeviceError when no device computes rightly.
    """
    from . import checkup

    notebooks = _prepared(folder)
    if only_prepare:
        return 0
    print("Looking for an OpenCL device and testing it ...", flush=True)
    device = checkup.chosen_device()
    for warning in device["warnings"]:
        print(f"cnnkit: {warning}", file=sys.stderr)
    print(f"Device {device['index']}: {device['name']} ({device['kind']}, {device['platform']}).")
    print("Its self-test passed. 'cnnkit devices' lists all devices.")
    browser = browser and has_browser()
    if not browser:
        print("Copy the address below into a browser.")
    print("JupyterLab starts; Ctrl-C (twice) ends it.", flush=True)
    return _run(command(notebooks, port, browser))


def _prepared(folder: str | None) -> Path:
    """The folder to open, up to date; what was done to it is printed."""
    if folder is None and not Path(RECORD).is_file():  # which is in every copy
        course = clones_course()
        if course is not None:
            return course
        folder = DEFAULT_FOLDER
        print(f"No folder was named: your notebooks are in {Path(folder).resolve()}.")
    notebooks = Path(folder or ".").resolve()
    if belongs_to_a_course(notebooks):
        if not notebooks.is_dir():
            raise CnnkitError(f"{notebooks} would lie within the course itself: name a folder outside of it.")
        return notebooks
    from .handout import handout
    from .workbook import prepare
    from .workbook_words import words

    for line in words(prepare(notebooks, handout()), __version__):
        _say(line)
    return notebooks


def clones_course() -> Path | None:
    """The course beside the package, as in a clone of the repository; None where cnnkit is installed."""
    folder = Path(__file__).resolve().parents[1] / "course"
    return folder if (folder / "exercises").is_dir() else None


def belongs_to_a_course(folder: Path) -> bool:
    """Is this the course itself, where it is written, or a folder within or right above it?"""
    return any(
        (place / "exercises").is_dir() and (place / "source").is_dir()
        for place in (folder, *folder.parents, folder / "course")
    )


def command(notebooks: Path, port: int | None, browser: bool) -> list[str]:
    """The command that starts JupyterLab on a folder of notebooks.

    In a clone, JupyterLab's file list starts at the repository, where the kernels lie beside the course;
    elsewhere it starts at the folder itself.
    """
    root = notebooks.parent if (notebooks.parent / "kernels").is_dir() else notebooks
    page = notebooks / START_PAGE
    opened = (page if page.is_file() else notebooks).relative_to(root).as_posix()
    arguments = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{opened}" if opened != "." else "--LabApp.default_url=/lab",
        "--ServerApp.ip=127.0.0.1",
        "--Application.log_level=ERROR",  # the address is still shown; a page of start-up notes is not
    ]
    if port is not None:
        arguments.append(f"--ServerApp.port={port}")
    if not browser:
        arguments.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")  # as in a container, where there is nobody else
    return arguments


def has_browser() -> bool:
    """Is there a browser to open, other than one that would take over the terminal?"""
    if os.environ.get("BROWSER"):
        return True
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def settings() -> dict[str, str]:
    """The environment for JupyterLab: the user's own, with the course's defaults for settings beneath it.

    The defaults are in `jupyter/labconfig`: no look for news or updates, and no box that asks for it.
    What the user sets in JupyterLab wins over them.
    """
    ours = str(Path(__file__).resolve().parent / "jupyter")
    theirs = os.environ.get("JUPYTER_CONFIG_PATH")
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join([theirs, ours] if theirs else [ours])}


def _say(text: str) -> None:
    """Print also where the terminal lacks some of the letters."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


def _run(arguments: list[str]) -> int:
    """Become JupyterLab where the system can (signals then reach it); else wait for it."""
    if os.name == "posix":
        sys.stdout.flush()
        os.execve(arguments[0], arguments, settings())
    child = subprocess.Popen(arguments, env=settings())
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # JupyterLab got it as well and asks whether to end
            continue
