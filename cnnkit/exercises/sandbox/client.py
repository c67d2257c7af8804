"""The sandbox: run a learner's kernel in the worker process, and say what came of it."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ...device import Device, current_device
from ...errors import CnnkitError
from ..launch import Launch
from ..outcome import Outcome
from . import sentences
from .instrumented import NotCounted
from .job import Job, Run, prepare, refused
from .process import Died, WorkerProcess
from .source import forbidden
from .verdict import Examiner, Fault, Malformed

COMPILE_LIMIT = 60.0  # seconds
TRANSFER_LIMIT = 60.0  # of the buffers, after a run has ended
MOST_LETTERS = 30_000  # of a source
LIVES = 3  # what one call may cost: a crash costs one, an endless loop all


class Stop(Exception):
    """The end of a job that cannot go on. deadly: does it cost the worker, and if so how many lives?"""

    def __init__(self, symptom: str, told: sentences.Told, deadly: int = 0) -> None:
        self.fault, self.deadly = Fault(symptom, *told), deadly


class Clock:
    """The time that the runs of a launch have taken: entered when one starts, left when it ends."""

    def __init__(self, limit: float) -> None:
        self.limit, self.left, self.runs = limit, limit, 0

    def __enter__(self) -> None:
        self._since, self.runs = time.monotonic(), self.runs + 1

    def __exit__(self, *_: object) -> None:
        self.left = max(0.0, self.left - (time.monotonic() - self._since))


class Sandbox:
    """One worker process and its life: started in the background, and anew as soon as it had to be killed.

    device: where kernels run, by default cnnkit's current device. command_prefix: a program that the worker
    runs inside, as bubblewrap. environment: the worker's variables, by default this process's own; where
    POCL_CACHE_DIR is not among them, it becomes a folder for learners' kernels, which must be writable.
    Threads may share it: one job runs at a time.
    """

    def __init__(
        self,
        device: Device | None = None,
        command_prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._device, self._prefix, self._environment = device, tuple(command_prefix), environment
        self._lock = threading.RLock()
        self._process: WorkerProcess | None = None

    def warm(self) -> None:
        """See to it that a worker is there or on its way; returns at once."""

        def start() -> None:
            # What cannot be started says so when it is needed.
            with self._lock, contextlib.suppress(CnnkitError):
                self._worker()

        threading.Thread(target=start, daemon=True).start()  # choosing a device takes a moment

    def close(self) -> None:
        """End the worker. The next run starts another."""
        with self._lock:
            if self._process is not None:
                self._process.end()
            self._process = None

    def end(self) -> None:
        """End the worker even in the middle of a job, as at the end of the program."""
        if self._process is not None:
            self._process.end()

    def build(self, source: str, function: str = "") -> Outcome:
        """Compile only: an outcome without a problem, or with what the compiler says.

        With `function`, the source must also have a kernel of this name.
        """
        with self._lock:
            try:
                self._build(source, function)
                return Outcome()
            except Stop as stop:
                if stop.deadly:
                    self._anew()
                return _outcome(stop.fault)
            except BaseException:
                self.close()  # interrupted in the middle of a job
                raise

    def run(
        self, source: str, function: str, launches: Sequence[Launch], repeats: int = 2, seconds: float = 5.0
    ) -> list[Outcome]:
        """The outcome of each launch: the output, or the symptom and what happened.

        Each local size is run `repeats` times and once more with other numbers around the buffers. The runs
        of one launch may take `seconds`, counted while they run; compiling has a limit of its own.
        """
        outcomes: list[Outcome] = []
        lives, suspect = LIVES, False
        with self._lock:
            for launch in launches:
                if lives <= 0:
                    last = outcomes[-1]
                    words = "it was not run with this input: what happened before would only happen again"
                    outcomes.append(Outcome(problem=words, symptom=last.symptom, line=last.line))
                    continue
                try:
                    outcome, deadly = self._launch(source, function, launch, repeats, seconds)
                except BaseException:
                    self.close()  # interrupted in the middle of a job
                    self.warm()
                    raise
                outcomes.append(outcome)
                if outcome.symptom == "build":  # the compiler will not think otherwise of the next
                    return outcomes + [outcome] * (len(launches) - len(outcomes))
                lives -= deadly
                suspect = suspect or outcome.symptom == "overrun"
                if deadly:
                    self._anew()
            if suspect and lives > 0:
                self._anew()  # who knows what else it wrote into the worker's memory
        return outcomes

    def _launch(
        self, source: str, function: str, launch: Launch, repeats: int, seconds: float
    ) -> tuple[Outcome, int]:
        job = prepare(source, function, launch, repeats)
        examiner = Examiner(job, source)
        deadly = 0
        try:
            self._run(source, function, job, examiner, seconds)
            fault = examiner.fault()
        except Stop as stop:
            # What was seen in an earlier run says more: after an overrun, anything may happen.
            fault, deadly = examiner.fault() or stop.fault, stop.deadly
        return (_outcome(fault) if fault else examiner.outcome()), deadly

    def _anew(self) -> None:
        """Replace the worker at once; the new one starts in the background."""
        self.close()
        self._worker()

    def _worker(self) -> WorkerProcess:
        device = self._device or current_device()
        if self._process is not None and (self._process.device is not device or not self._process.alive()):
            self.close()
        if self._process is None:
            self._process = WorkerProcess(device, self._prefix, self._environment)
        return self._process

    def _begin(self, message: dict[str, Any]) -> WorkerProcess:
        """Hand a job to a worker that lives. One that died before it took the job did not die of it."""
        for _ in range(3):
            worker = self._worker()
            worker.ready()
            try:
                worker.send(message)
                if (worker.receive(COMPILE_LIMIT) or {}).get("state") == "busy":
                    return worker
            except Died:
                pass
            self.close()
        words = "The process that runs kernels ends again and again before it takes one."
        raise Stop("crash", (words, None), 1)

    def _build(self, source: str, function: str, message: dict[str, Any] | None = None) -> WorkerProcess:
        """Have the source compiled, for the job in `message` or alone. Raises Stop where it cannot be."""
        if len(source) > MOST_LETTERS:
            words = f"The cell has {len(source):,} letters, and at most {MOST_LETTERS:,} are compiled."
            raise Stop("refused", (words, None))
        found = forbidden(source)
        if found:
            raise Stop("refused", sentences.includes(source, *found))
        worker = self._begin(message or {"do": "build", "source": source})
        try:
            answer = worker.receive(COMPILE_LIMIT)
        except Died as died:
            raise Stop("crash", sentences.compiler_died(source), 1) from died
        if answer is None:
            raise Stop("timeout", sentences.compiler_died(source, COMPILE_LIMIT), LIVES)
        if answer.get("state") == "failed" and answer.get("why") == "build":
            raise Stop("build", sentences.build(source, function, str(answer.get("log", ""))))
        names = answer.get("kernels")
        if answer.get("state") != "built" or not isinstance(names, list):
            raise _malformed()
        if function and function not in names:
            raise Stop("refused", sentences.no_kernel(function, [str(name) for name in names]))
        return worker

    def _run(self, source: str, function: str, job: Job, examiner: Examiner, seconds: float) -> None:
        worker = self._worker()
        worker.ready()
        words = "" if len(source) > MOST_LETTERS else refused(job, source, function, worker.most_items)
        if words:
            self._build(source, function)  # what does not compile is said first
            raise Stop("refused", (words, None))
        try:
            message = job.message(source, function)
        except NotCounted as error:
            self._build(source, function)
            raise Stop("refused", sentences.not_counted(source, str(error), error.line)) from None
        worker = self._build(source, function, message)
        clock = Clock(seconds)
        for run in job.runs:
            buffers = self._one_run(worker, job, source, run, clock)
            try:
                examiner.add(run, buffers)
            except Malformed:
                raise _malformed() from None

    def _one_run(self, worker: WorkerProcess, job: Job, source: str, run: Run, clock: Clock) -> Any:
        """The buffers after one run. Raises Stop where it does not end well."""
        running = False
        try:
            answer = worker.receive(COMPILE_LIMIT)
            if answer is not None and answer.get("state") == "started":
                running = True
                with clock:
                    answer = worker.receive(clock.left)
                if answer is None:
                    raise Stop("timeout", sentences.timeout(source, clock.limit, clock.runs), LIVES)
            if answer is None:
                raise Stop("timeout", sentences.compiler_died(source, COMPILE_LIMIT), LIVES)
            if answer.get("state") == "failed":
                raise Stop("refused", self._why(answer, source, run))
            if answer.get("state") != "ended":
                raise _malformed()
            running = True
            answer = worker.receive(TRANSFER_LIMIT)
        except Died as died:
            # An abort before the run is the compiler's: some compile for each local size, just before it.
            if not running and died.signal not in ("SIGSEGV", "SIGFPE", "SIGBUS", "SIGILL"):
                raise Stop("crash", sentences.compiler_died(source), 1) from None
            raise Stop("crash", sentences.crash(job, source, died.signal, run), 1) from None
        if answer is None or answer.get("state") != "ran":
            raise _malformed()
        return answer.get("buffers")

    def _why(self, answer: dict[str, Any], source: str, run: Run) -> sentences.Told:
        needed, most = answer.get("needed"), answer.get("most")
        if answer.get("why") == "local memory" and isinstance(needed, int) and isinstance(most, int):
            return sentences.local_memory(source, needed, most)
        return sentences.refused(source, str(answer.get("log", "")), run)


def _outcome(fault: Fault) -> Outcome:
    return Outcome(problem=fault.problem, symptom=fault.symptom, line=fault.line)


def _malformed() -> Stop:
    words = "The process that ran your kernel answered with something else than its result: it was replaced."
    return Stop("crash", (words, None), 1)


_shared: Sandbox | None = None
_shared_of = 0
_shared_lock = threading.Lock()


def sandbox() -> Sandbox:
    """The sandbox of this process."""
    global _shared, _shared_of
    with _shared_lock:
        if _shared is None or _shared_of != os.getpid():  # a fork has no use for its parent's pipes
            _shared, _shared_of = Sandbox(), os.getpid()
            atexit.register(_shared.end)
        return _shared
