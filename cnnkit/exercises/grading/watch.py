"""Looks at what untrusted processes use, and ends those that use too much."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .limits import MEBI, Limits

POLL_SECONDS = 0.1
FILES_EVERY = 5  # polls: looking through folders costs more


@dataclass
class Process:
    """One process of the system; `started` tells it from a later one with the same number."""

    parent: int
    memory: int
    started: int


def table() -> dict[int, Process]:
    """All processes."""
    if sys.platform != "linux":
        return _table_elsewhere()
    page = os.sysconf("SC_PAGE_SIZE")
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError, IndexError, ValueError), open(f"/proc/{name}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
            if fields[0] != b"Z":
                found[int(name)] = Process(int(fields[1]), int(fields[21]) * page, int(fields[19]))
    return found


def _table_elsewhere() -> dict[int, Process]:
    import psutil

    found = {}
    for process in psutil.process_iter(["ppid", "memory_info", "create_time"]):
        info = process.info
        if info["ppid"] is not None and info["memory_info"] is not None:
            found[process.pid] = Process(
                info["ppid"], info["memory_info"].rss, int(info["create_time"] * 100)
            )
    return found


def below(root: int, processes: dict[int, Process]) -> list[int]:
    """The descendants of a process, parents first."""
    children: dict[int, list[int]] = {}
    for pid, process in processes.items():
        children.setdefault(process.parent, []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        now = [pid for pid in children.get(waiting.pop(), []) if pid not in found]
        found += now
        waiting += now
    return found


def end_tree(root: int, known: dict[int, int] | None = None) -> None:
    """Kill a process, its descendants, and those of `known` (number to start) that were once among them."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        processes = table()
        victims = below(root, processes)
        for pid, started in (known or {}).items():
            if pid in processes and processes[pid].started == started and pid not in victims:
                victims += [pid, *below(pid, processes)]
        # The root last: it adopts those whose parent ends, so that they can still be found.
        if not victims and root in processes:
            victims = [root]
        if not victims:
            break
        for pid in victims:
            _kill(pid)
        time.sleep(0.01)
    for pid in known or {}:  # those that became ours, because the root was killed before them
        with contextlib.suppress(OSError, AttributeError):
            os.waitpid(pid, os.WNOHANG)


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)


def size_of(folder: Path, most_files: int) -> tuple[int, int]:
    """(bytes, files) in a folder; counting ends at `most_files`."""
    size = files = 0
    waiting = [str(folder)]
    while waiting and files <= most_files:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        for entry in entries:
            files += 1
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    # What is on the disk: a file with holes is larger in name alone.
                    stat = entry.stat(follow_symlinks=False)
                    size += getattr(stat, "st_blocks", stat.st_size // 512) * 512
    return size, files


class Watch:
    """A process that is being watched. `breach` is the limit that it went over, in words."""

    def __init__(self, pid: int, limits: Limits, scratch: Path | None) -> None:
        self.pid, self.limits, self.scratch = pid, limits, scratch
        self.breach = ""
        self.known: dict[int, int] = {}
        self._polls = 0
        # What is there before the notebook begins, as a compile cache, is not the notebook's.
        self._before = size_of(scratch, 10**6) if scratch else (0, 0)

    def look(self, processes: dict[int, Process], files: bool = False) -> bool:
        """Is everything within the limits? Files are counted now and then, or when `files` says so."""
        family = below(self.pid, processes)
        self.known |= {pid: processes[pid].started for pid in family}
        self._polls += 1
        if len(family) > self.limits.processes:
            self.breach = f"it started {len(family)} processes; at most {self.limits.processes} are allowed"
        elif sum(processes[pid].memory for pid in family) > self.limits.memory_bytes:
            used = sum(_own_memory(pid, processes[pid].memory) for pid in family)
            if used > self.limits.memory_bytes:
                self.breach = (
                    f"it used {used / MEBI:,.0f} MiB of memory; at most "
                    f"{self.limits.memory_bytes / MEBI:,.0f} MiB are allowed"
                )
        elif self.scratch is not None and (files or self._polls % FILES_EVERY == 0):
            self._look_at_files(self.scratch)
        return not self.breach

    def _look_at_files(self, scratch: Path) -> None:
        size, files = size_of(scratch, self.limits.files + self._before[1] + 1)
        size, files = size - self._before[0], files - self._before[1]
        if size > self.limits.file_bytes:
            most = self.limits.file_bytes
            self.breach = (
                f"it wrote {size / MEBI:,.0f} MiB of files; at most {most / MEBI:,.0f} MiB are allowed"
            )
        elif files > self.limits.files:
            self.breach = f"it made more than {self.limits.files:,} files"


def _own_memory(pid: int, resident: int) -> int:
    """Memory with what is shared counted in shares: a process that was forked is not as large as it looks."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration, ValueError):
        return resident


class Watcher:
    """One thread that looks at all watched processes."""

    def __init__(self) -> None:
        self._watched: dict[int, Watch] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="grading-watcher")
        self._thread.start()

    def add(self, watch: Watch) -> None:
        with self._lock:
            self._watched[watch.pid] = watch

    def remove(self, watch: Watch) -> None:
        with self._lock:
            self._watched.pop(watch.pid, None)

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(POLL_SECONDS):
            with self._lock:
                watched = list(self._watched.values())
            if not watched:
                continue
            processes = table()
            for watch in watched:
                if not watch.breach and not watch.look(processes):
                    end_tree(watch.pid, watch.known)
