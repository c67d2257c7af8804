"""One worker process: start it, write to it, wait for it with a limit, end it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from ...compile_cache import cache_folder, forget_broken_builds, is_ours, writable
from ...device import Device
from ...errors import CnnkitError, DeviceError
from .. import wire
from . import worker as worker_module

START_LIMIT = 60.0  # seconds: a cold disk, a busy machine
LAST_WORDS = 2000


class Died(CnnkitError):
    """The worker has ended. signal: "SIGSEGV", where one ended it; words: its last ones on stderr."""

    def __init__(self, code: int | None, words: str) -> None:
        self.signal, self.words = signal_name(code), words
        super().__init__(f"The worker ended ({self.signal or code}). {words}".strip())


def signal_name(code: int | None) -> str:
    """The signal behind an exit status; programs that wrap others report it as 128 + its number."""
    number = -code if code is not None and code < 0 else (code or 0) - 128
    if sys.platform == "win32":  # the exit status is the exception's number
        known = {0xC0000005: "SIGSEGV", 0xC00000FD: "SIGSEGV", 0xC0000094: "SIGFPE", 0xC0000409: "SIGABRT"}
        return known.get((code or 0) & 0xFFFFFFFF, "")
    try:
        return signal.Signals(number).name if number > 0 else ""
    except ValueError:
        return ""


class WorkerProcess:
    """A worker that is being started in the background, from the moment this object is made."""

    def __init__(
        self,
        device: Device | None,  # None: the one that the environment leaves
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.device = device
        self._command = [*prefix, sys.executable, "-P", str(Path(worker_module.__file__))]
        self._environment = {**(os.environ if environment is None else environment), **_variables(device)}
        if environment is None or "POCL_CACHE_DIR" not in environment:
            self._environment["POCL_CACHE_DIR"] = compile_cache()
        self._process: subprocess.Popen[bytes] | None = None
        self._mailbox: wire.Mailbox | None = None
        self._problem: Exception | None = None
        self._started, self._over = threading.Event(), threading.Event()
        self._words = b""
        self._ended = False
        self._lock = threading.Lock()
        self.hello: dict[str, Any] | None = None
        # The thread lives as long as its child: Linux kills the child when the *thread* that started it ends.
        threading.Thread(target=self._keep, name="cnnkit-sandbox", daemon=True).start()

    def _keep(self) -> None:
        try:
            with self._lock:
                if self._ended:
                    return
                # A session of its own: what interrupts the notebook's kernel must not reach it.
                self._process = subprocess.Popen(
                    self._command,
                    env=self._environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            assert self._process.stdout is not None and self._process.stderr is not None
            self._mailbox = wire.Mailbox(cast(BinaryIO, self._process.stdout))
            self._started.set()
            while part := self._process.stderr.read1(4096):  # type: ignore[attr-defined]
                self._words = (self._words + part)[-LAST_WORDS:]
            self._process.wait()
        except Exception as error:
            self._problem = error
        finally:
            self._started.set()
            self._over.set()

    def ready(self) -> None:
        """Wait until it can take a job. Raises DeviceError with what is wrong where it cannot start."""
        if self.hello is not None:
            return
        self._started.wait(START_LIMIT)
        if self._mailbox is None:
            raise DeviceError(
                f"The process that runs kernels could not be started: {self._problem or 'no reason'}."
            )
        try:
            hello = self._mailbox.receive(START_LIMIT)
        except wire.WireError:
            died = self.died()
            words = died.words.strip().splitlines()[-1:] or [died.signal or "without a word"]
            raise DeviceError(f"The process that runs kernels ended at its start: {words[0]}.") from None
        if hello is None or hello.get("state") != "ready":
            said = (hello or {}).get("log") or f"it was not ready within {START_LIMIT:g} s"
            self.end()
            raise DeviceError(f"The process that runs kernels could not open its device: {said}.")
        self.hello = hello

    @property
    def most_items(self) -> int:
        most = (self.hello or {}).get("most items")
        return most if isinstance(most, int) else 1

    def alive(self) -> bool:
        return not self._over.is_set() and not self._ended

    def send(self, message: dict[str, Any]) -> None:
        """Write a job. Raises Died."""
        assert self._process is not None and self._process.stdin is not None
        try:
            wire.send(cast(BinaryIO, self._process.stdin), message)
        except (OSError, ValueError):
            raise self.died() from None

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next message, None when the time is over. Raises Died."""
        assert self._mailbox is not None
        try:
            return self._mailbox.receive(seconds)
        except wire.WireError:
            raise self.died() from None

    def died(self) -> Died:
        """What it died of, once its pipe is closed."""
        if not self._over.wait(5):  # it closed the pipe, or broke the rules, and lives on
            self.end()
        code = self._process.poll() if self._process else None
        return Died(code, self._words.decode(errors="replace"))

    def end(self) -> None:
        """Kill it, with whatever it has started."""
        with self._lock:
            self._ended = True
            process = self._process
        if process is None:
            return
        if process.poll() is None:
            with contextlib.suppress(OSError):
                if sys.platform == "win32":
                    process.kill()
                else:
                    os.killpg(process.pid, signal.SIGKILL)
        if self._mailbox is not None:
            self._mailbox.close()
        with contextlib.suppress(OSError, ValueError):
            if process.stdin is not None:
                process.stdin.close()


def compile_cache() -> str:
    """PoCL's cache for learners' kernels: apart from cnnkit's own, which loads what it finds in there."""
    own = Path(os.environ.get("POCL_CACHE_DIR") or cache_folder("pocl"))
    folder = own.with_name(f"{own.name}-sandbox")
    folder = folder if writable(folder) else cache_folder("pocl-sandbox")
    if is_ours(folder):
        forget_broken_builds(folder)
    return str(folder)


def _variables(device: Device | None) -> dict[str, str]:
    """How the worker finds the same device without cnnkit's ranking: by name, and place among namesakes."""
    if device is None:
        return {"PYOPENCL_NO_CACHE": "1"}
    import pyopencl as cl

    platform, name = device.handle.platform.name, device.handle.name
    found = [d for p in cl.get_platforms() if p.name == platform for d in p.get_devices() if d.name == name]
    place = found.index(device.handle) if device.handle in found else 0
    named = {"platform": platform, "device": name, "place": place}
    return {worker_module.DEVICE: json.dumps(named), "PYOPENCL_NO_CACHE": "1"}
