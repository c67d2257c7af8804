"""Grade a class: find, run, judge, report; killed at any point, the next run goes on."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ... import __version__
from ...errors import CnnkitError
from .. import registry
from ..definition import Case
from .course import CourseNotebook, course_notebooks
from .files import remove
from .gather import Workshop, gather
from .isolation import Isolation, choose
from .limits import Limits
from .session import Stopped
from .state import State, now
from .submissions import Submission, find
from .verdicts import cases_of, submission_report
from .warm import WarmCache
from .watch import Watcher

SCRATCH = "cnnkit-grading-"
PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_SUBREAPER = 3, 4, 36


@dataclass(frozen=True)
class Options:
    """What `cnnkit grade` is asked to do. notebooks: numbers, as "01"; empty for all that were handed in."""

    submissions: Path
    report: Path
    jobs: int = 1
    seed: int | None = None
    notebooks: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    unprotected: bool = False
    progress: bool = False


def grade(options: Options) -> dict[str, Any]:
    """Grade a folder of submissions and write the report; returns it. Raises CnnkitError with what to do."""
    _apart(options.submissions, options.report)
    course = course_notebooks()
    asked = _asked(course, options.notebooks)
    submissions = find(options.submissions, [notebook.name for notebook in course])
    isolation = choose(options.limits, options.unprotected, options.jobs)
    state = State(options.report)
    try:
        state.open(options.seed)
        state.load(_settings(options, isolation, state.seed))
        cases: dict[str, Sequence[Case]] = {
            e.id: cases_of(e, state.seed) for notebook in course for e in notebook.exercises
        }
        with _workshop(isolation, course, asked, cases) as shop:
            gathered = _gather_all(submissions, shop, state, options)
        # Every process of a submission has ended: from here on there are expected values in our memory.
        report = _report(submissions, gathered, shop, state, options)
    finally:
        state.close()
    from . import report as report_files

    report_files.write(report, options.report)
    return report


def _apart(submissions: Path, report: Path) -> None:
    inside, outside = report.resolve(), submissions.resolve()
    if inside == outside or inside.is_relative_to(outside):
        raise CnnkitError(
            f"The report would be written among the submissions ({report}), which stay as they are: name a "
            "folder outside them."
        )


def _asked(course: Sequence[CourseNotebook], numbers: Sequence[str]) -> frozenset[str]:
    for number in numbers:
        if not any(notebook.number == number for notebook in course):
            there = ", ".join(notebook.number for notebook in course)
            raise CnnkitError(f"There is no notebook {number!r} with exercises; there are {there}.")
    return frozenset(n.name for n in course if not numbers or n.number in numbers)


def _settings(options: Options, isolation: Isolation, seed: int) -> str:
    """Changes when something does that could change what comes back: then everyone is graded again."""
    folder = registry.course_folder()
    whole = hashlib.sha256()
    for path in sorted(
        [*folder.glob("exercises/*.py"), *folder.glob("*.ipynb"), *folder.glob("solutions/*.ipynb")]
    ):
        whole.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    told = [__version__, seed, sorted(options.notebooks), asdict(options.limits), isolation.name]
    whole.update(json.dumps(told).encode())
    return whole.hexdigest()


@contextmanager
def _workshop(
    isolation: Isolation,
    course: Sequence[CourseNotebook],
    asked: frozenset[str],
    cases: dict[str, Sequence[Case]],
) -> Iterator[Workshop]:
    base = Path(tempfile.mkdtemp(prefix=SCRATCH))
    (base / "owner").write_text(str(os.getpid()))
    _remove_leftovers()
    watcher = Watcher()
    warm = WarmCache(base, kept=isolation.closes_files)
    stop = threading.Event()
    graded = {f"{notebook.name}.ipynb" for notebook in course}
    reading = frozenset(path.name for path in registry.course_folder().glob("*.ipynb")) - graded
    shop = Workshop(isolation, watcher, base, warm, course, asked, reading, cases, stop)
    before = _guard_ourselves()
    try:
        yield shop
    finally:
        shop.interrupt()
        watcher.close()
        _unguard(before)
        remove(base)


def _remove_leftovers() -> None:
    """The scratch folders of runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        try:
            if folder.stat().st_uid != os.getuid() or folder.is_symlink():
                continue
            os.kill(int((folder / "owner").read_text()), 0)
        except (ProcessLookupError, ValueError):
            remove(folder)
        except (OSError, AttributeError):
            continue


def _guard_ourselves() -> int | None:
    """Close our memory to processes of the same user, and adopt what a killed process leaves."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    before = libc.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(PR_SET_SUBREAPER, 1, 0, 0, 0)
    return before


def _unguard(before: int | None) -> None:
    if before is not None:
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_DUMPABLE, before, 0, 0, 0)
        libc.prctl(PR_SET_SUBREAPER, 0, 0, 0, 0)


def _gather_all(
    submissions: Sequence[Submission], shop: Workshop, state: State, options: Options
) -> dict[str, tuple[str, dict[str, Any]]]:
    """(digest, what came back) of every submission, by its key."""
    from tqdm.auto import tqdm

    done: dict[str, tuple[str, dict[str, Any]]] = {}
    waiting: list[tuple[Submission, str]] = []
    for submission in submissions:
        digest = submission.digest()
        kept = state.kept(submission.key, digest)
        if kept is not None:
            done[submission.key] = (digest, kept)
        else:
            waiting.append((submission, digest))
    bar = tqdm(
        total=len(submissions),
        initial=len(done),
        unit="submission",
        file=sys.stderr,
        disable=not options.progress,
        mininterval=0.1 if sys.stderr.isatty() else 30.0,  # a log needs no animation
    )

    def one(submission: Submission, digest: str) -> dict[str, Any]:
        came = gather(submission, shop)
        state.keep(submission.key, digest, came)
        return came

    with bar, ThreadPoolExecutor(options.jobs, "grading") as pool:
        running: dict[Future[dict[str, Any]], tuple[Submission, str]] = {}
        try:
            for submission, digest in waiting:
                running[pool.submit(one, submission, digest)] = (submission, digest)
            open_ones = set(running)
            while open_ones:
                # In steps, so that the teacher's Ctrl-C is heard.
                ended, open_ones = wait(open_ones, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in ended:
                    submission, digest = running[future]
                    done[submission.key] = (digest, future.result())
                    bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            shop.interrupt()
            raise
    return done


def _report(
    submissions: Sequence[Submission],
    gathered: dict[str, tuple[str, dict[str, Any]]],
    shop: Workshop,
    state: State,
    options: Options,
) -> dict[str, Any]:
    handed_in = {file["notebook"] for _, came in gathered.values() for file in came["files"]}
    course = [n for n in shop.course if n.name in shop.asked and (options.notebooks or n.name in handed_in)]
    exercises = [
        {"id": e.id, "title": e.title, "points": e.points, "notebook": n.name, "groups": dict(e.groups)}
        for n in course
        for e in n.exercises
    ]
    return {
        "format": 1,
        "seed": state.seed,
        "cnnkit": __version__,
        "started": state.started,
        "finished": now(),
        "protection": {"name": shop.isolation.name, "words": shop.isolation.words},
        "limits": options.limits.as_dict(),
        "exercises": exercises,
        "submissions": [submission_report(s, *gathered[s.key], course, shop.cases) for s in submissions],
    }


__all__ = ["Options", "Stopped", "grade"]
