"""`cnnkit lab`: say which device computes, then open the course in JupyterLab."""

from __future__ import annotations

import os
import subprocess
import sys
import webbrowser
from pathlib import Path

from .errors import CnnkitError

START_PAGE = "00_start_here.ipynb"


def open_lab(folder: str | None = None, port: int | None = None, browser: bool = True) -> int:
    """Print the chosen device, then run JupyterLab on `folder` (the course by default) until it ends.

    Raises CnnkitError when there is no such folder, and DeviceError when no device computes rightly.
    """
    from . import checkup

    notebooks = course_folder() if folder is None else Path(folder).resolve()
    if not notebooks.is_dir():
        raise CnnkitError(f"{notebooks} is not a folder: name one that holds the notebooks.")
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


def course_folder() -> Path:
    """The course beside the package, as in a clone of the repository."""
    folder = Path(__file__).resolve().parents[1] / "course"
    if not folder.is_dir():
        raise CnnkitError(
            "There is no course beside the installed cnnkit: run this in a clone of the repository, or name "
            "the folder that holds the notebooks: cnnkit lab FOLDER."
        )
    return folder


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
