"""JupyterLab as a learner has it, driven by Chromium: one server per test session, one notebook per test."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CELL = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell"


def find_chromium() -> str | None:
    """Path of an installed Chromium or Chrome, or None."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Lab:
    """A JupyterLab server on a free port with folders of its own under `home`."""

    def __init__(self, home: Path) -> None:
        self.root = home / "notebooks"
        self.root.mkdir(parents=True)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = home / "server.log"
        private = {
            name: str(home / name.lower())
            for name in (
                "JUPYTER_CONFIG_DIR",
                "JUPYTER_DATA_DIR",
                "JUPYTER_RUNTIME_DIR",
                "JUPYTERLAB_SETTINGS_DIR",
                "JUPYTERLAB_WORKSPACES_DIR",
                "IPYTHONDIR",
            )
        }
        self.settings = home / "jupyterlab_settings_dir"
        settings = self.settings / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "notification.jupyterlab-settings").write_text(
            '{"fetchNews": "false", "checkForUpdates": false}'
        )
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.url.rsplit(':', 1)[1]}"),
            *(
                "--IdentityProvider.token=",
                "--ServerApp.disable_check_xsrf=True",
                "--ServerApp.password=",
                f"--ServerApp.root_dir={self.root}",
            ),
        ]
        environment = {**os.environ, **private}
        for name in ("CNNKIT_PROGRESS", "CNNKIT_UNATTENDED"):
            environment.pop(name, None)  # as a learner has it: kept beside the notebooks
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=self.root
            )
        self._wait_until_up()

    def _wait_until_up(self) -> None:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.url}/api/status", timeout=2)
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.2)
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()[-3000:]}")

    def write(self, name: str, *cells: str) -> str:
        """A notebook of code cells; returns its file name."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(notebook, self.root / name)
        return name

    def end_kernels(self) -> None:
        """Shut every kernel down, also one that still trains because its test failed."""
        with urllib.request.urlopen(f"{self.url}/api/kernels", timeout=10) as answer:
            kernels = json.load(answer)
        for kernel in kernels:
            url = f"{self.url}/api/kernels/{kernel['id']}"
            urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=30).close()

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Notebook:
    """An open notebook in a page; remembers what the browser's console complained about."""

    def __init__(self, page, lab: Lab, name: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(f"{lab.url}/lab/tree/{name}?reset")
        page.locator(CELL).first.wait_for(timeout=60_000)
        # The toolbar's indicator says idle while no kernel is connected, and a narrow page hides it.
        page.locator("#jp-main-statusbar", has_text="| Idle").wait_for(timeout=60_000)

    def _listen(self, message) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def run_all(self, wait: bool = True) -> None:
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.locator("[data-command='runmenu:run-all']").click()
        if wait:
            cells = self.page.locator(CELL)
            self.page.wait_for_function(
                "([cells]) => [...document.querySelectorAll(cells)].every("
                "cell => /\\[\\d+\\]/.test(cell.querySelector('.jp-InputPrompt').textContent))",
                arg=[CELL],
                timeout=40_000,
            )
            assert cells.count() > 0

    def run_cell(self, index: int) -> None:
        """Run one cell without waiting for its end."""
        self.page.locator(CELL).nth(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Until the notebook is saved. Its checkpoint comes last: JupyterLab ignores a Ctrl+S before that."""
        with self.page.expect_response(lambda a: a.request.method == "POST" and "checkpoints" in a.url):
            yield

    def output(self, index: int) -> str:
        """The text that a cell printed."""
        return (
            self.page.locator(CELL).nth(index).locator(".jp-OutputArea-output").all_inner_texts()[-1].strip()
        )
