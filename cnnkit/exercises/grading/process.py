"""The parent's side of one untrusted process: ask with a limit, interrupt, kill, say how it ended."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, BinaryIO, cast

from ...errors import CnnkitError
from .. import wire
from .files import remove
from .isolation import Isolation, Place
from .watch import Watch, Watcher, below, end_tree, table

SIGNALS = {
    "SIGSEGV": "it crashed (segmentation fault)",
    "SIGABRT": "it crashed (abort)",
    "SIGBUS": "it crashed (bus error)",
    "SIGFPE": "it crashed (arithmetic error)",
    "SIGILL": "it crashed (illegal instruction)",
    "SIGXCPU": "it used more processor time than is allowed",
    "SIGKILL": "its process was killed from outside, which a system does when its memory is full",
}


class Ended(Exception):
    """The process is no more. `reason` says why, in words that follow "cell 7: "."""

    def __init__(self, reason: str, slow: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.slow = reason, slow


class NotStarted(CnnkitError):
    """The process did not come up: this machine's fault, not the submission's."""


class Child:
    """A process that runs `child.py` in isolation."""

    def __init__(
        self, isolation: Isolation, watcher: Watcher, base: Path, cache: Path | None, names: list[str]
    ) -> None:
        self.limits, self._watcher = isolation.limits, watcher
        self.scratch = Path(tempfile.mkdtemp(dir=base)) if isolation.needs_scratch else None
        place = Place(self.scratch, cache)
        command = [sys.executable, "-m", "cnnkit.exercises.grading.child"]
        # What it says before it is ready is about this machine; child.py closes stderr before a cell runs.
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
        self._process = subprocess.Popen(
            [*isolation.prefix(place), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=isolation.environment(place),
            start_new_session=True,  # the teacher's Ctrl-C is for us
        )
        self._to = cast(BinaryIO, self._process.stdin)
        self._from = cast(BinaryIO, self._process.stdout)
        # A little more than the answer itself; what claims to be larger is not read.
        self._mail = wire.Mailbox(self._from, self.limits.answer_bytes + (6 << 20))
        self._numbers = itertools.count(1)
        self.watch = Watch(self._process.pid, self.limits, self.scratch)
        self._leaf = (self._process.pid, 0)
        try:
            self._exchange(
                {"names": names, "answer_bytes": self.limits.answer_bytes}, self.limits.start_seconds
            )
        except Ended as error:
            self.close()
            errors.seek(0)
            said = errors.read()[-1000:].decode(errors="replace").strip().splitlines() or [error.reason]
            raise NotStarted(f"The process for a notebook did not start: {said[-1]}.") from None
        finally:
            errors.close()
        self._find_leaf()
        watcher.add(self.watch)

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The reply; with "late" where an interrupt was needed. Raises Ended where there is none."""
        try:
            return self._exchange(request, seconds)
        except Ended:
            self.close()
            raise

    def check(self) -> None:
        """Look at its limits now, so that what goes over one is known for it. Raises Ended."""
        if not self.watch.look(table(), files=True):
            self.close()
            raise Ended(self.watch.breach)

    def close(self) -> None:
        """End it and everything that it started. Afterwards nothing of it is left."""
        self._watcher.remove(self.watch)
        end_tree(self._process.pid, self.watch.known)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._mail.close()
        for file in (self._to, self._from):
            with contextlib.suppress(OSError, ValueError):
                if file is self._to or self._process.poll() is not None:
                    file.close()
        if self.scratch is not None:
            remove(self.scratch)

    def _exchange(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        number = next(self._numbers)
        sender = threading.Thread(target=self._send, args=({**request, "id": number},), daemon=True)
        sender.start()
        reply = self._receive(seconds)
        if reply is None:
            self._interrupt()
            reply = self._receive(self.limits.grace_seconds)
            if reply is None:
                reason = f"it did not end within {seconds:g} s and did not heed the interrupt"
                raise Ended(self.watch.breach or reason, slow=True)
            reply = {**reply, "late": True}
        if reply.get("id") != number:
            raise Ended("it wrote into the grader's own channel")
        return reply

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more: `_receive` will notice
            wire.send(self._to, message)

    def _receive(self, seconds: float) -> dict[str, Any] | None:
        try:
            return self._mail.receive(seconds)
        except wire.Closed:
            raise Ended(self._how_it_ended()) from None
        except wire.WireError:
            raise Ended(self.watch.breach or "it wrote into the grader's own channel") from None

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(2)
        except subprocess.TimeoutExpired:
            return self.watch.breach or "it closed the grader's own channel"
        if self.watch.breach:
            return self.watch.breach
        number = -code if code < 0 else code - 128
        with contextlib.suppress(ValueError):
            name = signal.Signals(number).name
            return SIGNALS.get(name, f"its process was ended by the signal {name}")
        return f"it ended its process (exit status {code})"

    def _find_leaf(self) -> None:
        """The notebook's own process, below those that guard it. Nothing of the learner's has run yet."""
        processes = table()
        family = below(self._process.pid, processes)
        if family:
            self._leaf = (family[-1], processes[family[-1]].started)

    def _interrupt(self) -> None:
        pid, started = self._leaf
        now = table().get(pid)
        if now is not None and started in (0, now.started) and os.name == "posix":
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGINT)
