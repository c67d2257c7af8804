"""Run a kernel once more, under Oclgrind: a simulator that watches every access and names the line.

Thousands of times slower than a device, so one small launch, in a process of its own. Guard zones would hide
an overrun from it: the buffers stand bare here.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from ...errors import DeviceError
from ..launch import Launch
from . import sentences
from .job import Job, Run, prepare, refused, times
from .oclgrind_log import in_words, read_log
from .process import Died, WorkerProcess
from .source import forbidden
from .worker import DEVICE

LIMIT = 60.0  # seconds, compiling included
MOST_FINDINGS = 5
HOW_TO_INSTALL = (
    "Oclgrind is not installed: a simulator that watches every access of a kernel and names the line of a "
    'race or an overrun. On Linux, install it with `pip install "cnnkit[explain]"` or '
    "`sudo apt install oclgrind`, and restart the notebook's kernel."
)
_LIBRARY = "liboclgrind-rt-icd.so"
SETTINGS = {
    "OCLGRIND_DATA_RACES": "1",
    "OCLGRIND_UNINITIALIZED": "1",
    "OCLGRIND_BUILD_OPTIONS": "-O0",  # the lines of the source, as it was written
    "OCLGRIND_NUM_THREADS": "1",  # the same order each time
    "OCLGRIND_MAX_ERRORS": "500",
}


def explain_kernel(source: str, function: str, launch: Launch) -> str:
    """What Oclgrind finds in one launch, in words; or what to install.

    The work-groups of the launch are tried one after the other, until one shows something.
    """
    variables = find_oclgrind()
    if variables is None:
        return HOW_TO_INSTALL
    found = forbidden(source)
    if found:
        return sentences.includes(source, *found)[0]
    job = prepare(source, function, launch, 1)
    until, tried = time.monotonic() + LIMIT, []
    for local in job.launch.local_sizes:
        run = next(run for run in job.runs if run.local_size == local)
        one = dataclasses.replace(
            job, runs=(run,), launch=dataclasses.replace(job.launch, local_sizes=(local,))
        )
        text = _one(source, function, one, run, variables, until)
        if text:
            return text
        tried.append(times(local))
    return (
        f"Oclgrind ran your kernel with work-groups of {sentences.all_of(tried)} and found no access outside "
        "a buffer, no race, no missed barrier and no number used before it was set: if the result is wrong, "
        "it is the formula, or an index that stays inside its buffer."
    )


def find_oclgrind() -> dict[str, str] | None:
    """The variables with which a fresh process finds Oclgrind; None where it is not installed."""
    import pyopencl as cl

    try:
        if any(platform.name == "Oclgrind" for platform in cl.get_platforms()):
            return {}
    except cl.Error:
        pass
    program = shutil.which("oclgrind")
    prefixes = [*([Path(program).resolve().parents[1]] if program else []), Path("/usr"), Path("/usr/local")]
    for prefix in prefixes:
        for folder in ("lib/oclgrind", "lib64/oclgrind", "lib", "lib64"):
            if (prefix / folder / _LIBRARY).is_file():
                return {"OCL_ICD_VENDORS": str(prefix / folder / _LIBRARY)}
    return None


def _one(source: str, function: str, job: Job, run: Run, variables: dict[str, str], until: float) -> str:
    """What is found with one local size; "" if nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        environment = {
            **os.environ,
            **SETTINGS,
            **variables,
            "OCLGRIND_LOG": str(log),
            DEVICE: '{"platform": "Oclgrind"}',
        }
        worker = WorkerProcess(None, environment=environment)
        try:
            ended = _run(worker, source, function, job, run, until)
        except DeviceError as error:
            return f"Oclgrind could not be started: {error}"
        finally:
            worker.end()
        text = log.read_text(errors="replace") if log.is_file() else ""
    words = in_words(job, source, read_log(text))
    if not words:
        return ended
    more = [f"and {len(words) - MOST_FINDINGS} more of the same kind"] if len(words) > MOST_FINDINGS else []
    head = f"Oclgrind ran your kernel with work-groups of {times(run.local_size)} and found:"
    return "\n".join(
        [head, *(f"- {line}" for line in [*words[:MOST_FINDINGS], *more]), *filter(None, [ended])]
    )


def _run(worker: WorkerProcess, source: str, function: str, job: Job, run: Run, until: float) -> str:
    """Have the launch simulated. "" where it came to its end, else what happened instead."""
    worker.ready()
    words = refused(job, source, function, worker.most_items)
    if words:
        return words
    answer: dict[str, Any] | None = None
    try:
        worker.send(job.message(source, function, bare=True))
        while True:
            answer = worker.receive(max(0.0, until - time.monotonic()))
            if answer is None:
                return f"Oclgrind was not done within {LIMIT:g} s: {sentences.timeout(source, LIMIT)[0]}"
            state = answer.get("state")
            if state == "built" and function not in (names := answer.get("kernels") or []):
                return sentences.no_kernel(function, [str(name) for name in names])[0]
            if state == "failed":
                log = str(answer.get("log", ""))
                if answer.get("why") == "build":
                    return sentences.build(source, function, log)[0]
                return sentences.refused(source, log, run)[0]
            if state == "ran":
                return ""
    except Died as died:
        return sentences.crash(job, source, died.signal, run)[0]
