"""What a run keeps in REPORT/state, so that it can be killed and go on without grading anyone twice."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import secrets
import threading
from pathlib import Path
from typing import Any

from ...errors import CnnkitError
from ...files import write_atomically
from .. import wire

KIND, FORMAT = "cnnkit grading", 1


class State:
    """One folder. Everything in it is read before the first submission runs, and afterwards only written."""

    def __init__(self, report: Path) -> None:
        self._report, self._folder = report, report / "state"
        self._run_file = self._folder / "run.json"
        self._lock: Any = None
        self._writing = threading.Lock()
        self._records: dict[str, dict[str, Any]] = {}
        self.seed = 0
        self.started = ""

    def open(self, seed: int | None) -> None:
        """Take the folder, and the seed of an earlier run. Raises CnnkitError where that cannot be."""
        if self._report.exists() and not self._report.is_dir():
            raise CnnkitError(f"{self._report} is a file: name a folder for the report.")
        if self._report.is_dir() and any(self._report.iterdir()) and not self._run_file.is_file():
            raise CnnkitError(
                f"The folder {self._report} holds something else than a report: name a new one for this."
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        self._take()
        run = self._read_run()
        if seed is not None and run and run["seed"] != seed:
            raise CnnkitError(
                f"{self._report} was graded with the seed {run['seed']}, and {seed} is asked for: name "
                "another folder, or leave --seed out."
            )
        self.seed = run["seed"] if run else seed if seed is not None else secrets.randbelow(10**9)
        self.started = run["started"] if run else now()
        content = {"kind": KIND, "format": FORMAT, "seed": self.seed, "started": self.started}
        write_atomically(self._run_file, json.dumps(content).encode())

    def load(self, settings: str) -> None:
        """Read what was kept by runs with the same settings."""
        for path in self._folder.glob("*.gathered"):
            with contextlib.suppress(OSError, wire.WireError):
                record = wire.receive(io.BytesIO(path.read_bytes()))
                kinds = {"settings": str, "digest": str, "gathered": dict}
                whole = all(isinstance(record.get(name), kind) for name, kind in kinds.items())
                if whole and record["settings"] == settings:
                    self._records[path.stem] = record
        self._settings = settings

    def kept(self, key: str, digest: str) -> dict[str, Any] | None:
        """What was gathered from a submission, if it is still the same one."""
        record = self._records.get(key)
        return record["gathered"] if record and record["digest"] == digest else None

    def keep(self, key: str, digest: str, gathered: dict[str, Any]) -> None:
        """Keep what was gathered, whole or not at all."""
        content = io.BytesIO()
        wire.send(content, {"settings": self._settings, "digest": digest, "gathered": gathered})
        with self._writing:
            write_atomically(self._folder / f"{key}.gathered", content.getvalue())

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()
        self._lock = None

    def _read_run(self) -> dict[str, Any] | None:
        if not self._run_file.is_file():
            return None
        try:
            run = json.loads(self._run_file.read_text(encoding="utf-8"))
            good = run["kind"] == KIND and type(run["seed"]) is int and isinstance(run["started"], str)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            good = False
        if not good:
            raise CnnkitError(f"{self._run_file} is damaged: name another folder, or delete this one.")
        return run

    def _take(self) -> None:
        """No second run may grade into the same folder at the same time."""
        try:
            import fcntl
        except ImportError:  # Windows
            return
        self._lock = open(self._folder / "lock", "w")  # noqa: SIM115 - held until `close`
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CnnkitError(
                f"Another run is grading into {self._report}: wait until it has ended."
            ) from None


def now() -> str:
    """The time, in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
