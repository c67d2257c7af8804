"""The learner's progress on disk: one small JSON file beside the notebooks.

Two notebooks may record at once, a kernel may be killed at any moment, and an upgrade of the course may
change, add or drop exercises: the file stays readable, and what a learner has reached is never taken away.
Nothing here raises into a check; what went wrong is said in one sentence, once per session.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from glob import escape
from itertools import count
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..files import write_atomically

NAME = "cnnkit-progress.json"
FORMAT = 1
LOCK_SECONDS = 3.0
MOST_BYTES = 4 << 20  # a whole course takes a few kilobytes
MOST = 1_000_000  # no exercise gives more points, no learner tries more often
# On Windows, a file that someone reads at this moment cannot be replaced.
TRIES = 5 if os.name == "nt" else 1

_said: set[str] = set()


class _Damaged(Exception):
    """The file's content is not what any cnnkit writes."""


class _Foreign(Exception):
    """The file is of a later cnnkit, in a form that this one cannot add to."""


def progress_path() -> Path | None:
    """The file named by CNNKIT_PROGRESS, else one in the current folder; None where it names nothing."""
    named = os.environ.get("CNNKIT_PROGRESS")
    if named is None:
        return Path(NAME)
    return Path(named).expanduser() if named else None


@dataclass(frozen=True)
class Entry:
    """What a learner has reached in one exercise: the best `points`, of as many as it gave then.

    passed: when it was passed first (ISO, UTC). attempts: checks of an answer that was attempted.
    solution_seen: before the pass. first_time: the first attempt was right.
    """

    points: int = 0
    of: int = 0
    passed: str | None = None
    attempts: int = 0
    hints: int = 0
    solution_seen: bool = False
    first_time: bool = False

    @property
    def share(self) -> float:
        return self.points / self.of if self.of else 0.0

    def counted(self, of: int) -> int:
        """The points where the exercise gives `of` today: all for a pass, else the same share of it."""
        if self.passed:
            return of
        return self.points if self.of == of else self.points * of // self.of if self.of else 0

    def after_check(self, points: int, of: int, passed: bool) -> Entry:
        """The entry with one more attempt; the better share counts, and today's scale if they are alike."""
        points, of = _number(points), _number(of)
        newest = replace(self, points=min(points, of), of=of)
        best = newest if newest.share >= self.share else self
        return replace(
            best,
            passed=self.passed or (_now() if passed else None),
            attempts=min(self.attempts + 1, MOST),
            first_time=self.first_time or (passed and not self.passed and self.attempts == 0),
        )

    @classmethod
    def from_json(cls, read: Any) -> Entry:
        """Whatever makes sense of what was read; nothing else counts."""
        if not isinstance(read, dict):
            return cls()
        points, of = _number(read.get("points")), _number(read.get("of"))
        return cls(
            min(points, of),
            of,
            _date(read.get("passed")),
            _number(read.get("attempts")),
            _number(read.get("hints")),
            read.get("solution_seen") is True,
            read.get("first_time") is True,
        )


class ProgressFile:
    """The progress in the file `path`; with None, none is kept."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def read(self) -> dict[str, Entry]:
        """All entries by the exercises' ids, also those that this version of the course does not have."""
        if self.path is None:
            return {}
        try:
            entries = self._load().get("exercises", {})
            return {id: Entry.from_json(read) for id, read in entries.items()}
        except _Damaged:
            self._say("damaged", f"{self._it} is damaged and counts as empty; the next check sets it aside.")
        except _Foreign:
            self._say_foreign()
        except OSError as error:
            self._say("unreadable", f"{self._it} could not be read ({error.strerror or error}).")
        return {}

    def record(self, id: str, points: int, of: int, passed: bool) -> None:
        """Note a check of an attempted answer."""
        self._change(id, lambda entry: entry.after_check(points, of, passed))

    def record_hint(self, id: str, count: int) -> None:
        """Note that `count` hints of the exercise have been seen by now."""
        self._change(id, lambda entry: replace(entry, hints=max(entry.hints, _number(count))))

    def record_solution(self, id: str) -> None:
        """Note that the solution was seen; after the pass, it changes nothing."""
        self._change(id, lambda entry: replace(entry, solution_seen=entry.solution_seen or not entry.passed))

    def _change(self, id: str, change: Callable[[Entry], Entry]) -> None:
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._locked() as locked:
                if locked:
                    self._change_now(id, change)
        except _Foreign:
            self._say_foreign()
        except Exception as error:  # whatever it is, the check that is being noted must go on
            words = str(error).rstrip(".") or type(error).__name__
            self._say("write", f"Your progress is not kept: {words}.")

    def _change_now(self, id: str, change: Callable[[Entry], Entry]) -> None:
        try:
            content = self._load()
        except _Damaged:
            self._set_aside()
            content = {}
        entries, written = content.setdefault("exercises", {}), _number(content.get("format"))
        stored = entries.get(id, {})
        if not isinstance(stored, dict):
            if written > FORMAT:
                raise _Foreign
            stored = {}
        before = asdict(Entry.from_json(stored))
        after = asdict(change(Entry.from_json(stored)))
        # Only what changed: a later cnnkit may mean more by the rest than this one can read.
        new = {key: value for key, value in after.items() if key not in stored or value != before[key]}
        entries[id] = {**stored, **new}
        content = {**content, "format": max(FORMAT, written)}
        self._write(json.dumps(content, indent=1).encode() + b"\n")

    def _load(self) -> dict[str, Any]:
        """The file's content, its "exercises" being a dict if they are there; {} without a file."""
        assert self.path is not None
        try:
            if not self.path.is_file() and self.path.exists():  # opening a pipe would wait forever
                raise OSError(f"{self.path} is no file")
            with open(self.path, "rb") as file:
                text = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return {}
        if len(text) > MOST_BYTES:
            raise _Damaged
        try:
            content = json.loads(text.decode("utf-8-sig"))
            json.dumps(content)  # what is nested too deeply to be written back counts as damaged, too
        except (ValueError, RecursionError):
            raise _Damaged from None
        if isinstance(content, dict) and isinstance(content.get("exercises", {}), dict):
            return content
        raise _Foreign if isinstance(content, dict) and _number(content.get("format")) > FORMAT else _Damaged

    def _set_aside(self) -> None:
        assert self.path is not None
        names = (self.path.with_name(f"{self.path.stem}.damaged-{n}{self.path.suffix}") for n in count(1))
        aside = next(path for path in names if not os.path.lexists(path))
        os.rename(self.path, aside)
        self._say(aside.name, f"{self._it} was damaged: it is now {aside.name}, and a new one is begun.")

    def _write(self, content: bytes) -> None:
        assert self.path is not None
        path = os.path.realpath(self.path)  # a link stays one
        self._tidy(Path(path))
        for left in reversed(range(TRIES)):
            try:
                return write_atomically(path, content)
            except DataError:
                if not left:
                    raise
                time.sleep(0.05)

    def _tidy(self, path: Path) -> None:
        """Remove what kernels that were killed while writing left behind."""
        for partial in path.parent.glob(f".{escape(path.name)}.*.partial"):
            with suppress(OSError):
                if time.time() - partial.stat().st_mtime > 60:  # a younger one may still be written
                    partial.unlink()

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Alone with the file; gives False, and says so, where another session does not let go of it."""
        from filelock import FileLock, Timeout

        assert self.path is not None
        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"), LOCK_SECONDS, poll_interval=0.01)
        try:
            lock.acquire()
        except Timeout:
            self._say(
                "lock", f"A result was not noted: for {LOCK_SECONDS:g} s another session held {self.path}."
            )
            yield False
            return
        except (OSError, NotImplementedError):
            # Some network folders have no locks: two sessions could lose a result, but never damage the file.
            # Where the folder is read-only, the writing itself says so.
            yield True
            return
        try:
            yield True
        finally:
            lock.release()

    def _say_foreign(self) -> None:
        self._say("foreign", f"{self._it} is of a later cnnkit and stays as it is: upgrade to go on with it.")

    @property
    def _it(self) -> str:
        return f"The progress file {self.path}"

    def _say(self, kind: str, sentence: str) -> None:
        key = f"{kind} {self.path}"
        if key not in _said:
            _said.add(key)
            with suppress(Warning):  # where warnings are made errors, a check still goes on
                warnings.warn(sentence, stacklevel=2)


def _number(value: Any) -> int:
    return value if type(value) is int and 0 <= value <= MOST else 0


def _date(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        return datetime.fromisoformat(value).isoformat()
    except ValueError:
        return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
