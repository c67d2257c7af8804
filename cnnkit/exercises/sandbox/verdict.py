"""From the buffers that came back to a symptom: guards, inputs, poison, and whether all runs agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..compare import difference
from ..outcome import Outcome
from . import findings, patterns
from .instrumented import COUNTS
from .job import Buffer, Job, Run
from .source import uses_local_memory

BETWEEN_LOCAL_SIZES = 1e-4  # sums in another order round otherwise


@dataclass(frozen=True)
class Fault:
    """What is wrong with a kernel: the symptom, the sentence, the line of the cell where it is known."""

    symptom: str
    problem: str
    line: int | None = None


class Malformed(Exception):
    """The worker sent something else than the buffers that it was asked for."""


@dataclass
class Examiner:
    """Looks at each run's buffers as they come, and keeps the first fault of each kind."""

    job: Job
    source: str
    faults: dict[str, Fault] = field(default_factory=dict)
    first: np.ndarray | None = None  # the output of the first run
    counts: dict[tuple[int, ...], np.ndarray] = field(default_factory=dict)  # of each local size
    _of_local: np.ndarray | None = None  # of the first run with this local size
    _unwritten: np.ndarray | None = None

    def add(self, run: Run, raws: Any) -> None:
        """Take the buffers of the next run, in the order of the job's runs."""
        more = 0 if self.job.launch.reads is None else 2
        if not isinstance(raws, list) or len(raws) != len(self.job.buffers) + more:
            raise Malformed
        guard = patterns.GUARD_BYTES
        if more:
            self._count(run, raws[-2])
            raws = raws[:-2]
        for buffer, raw in zip(self.job.buffers, raws, strict=True):
            whole = isinstance(raw, np.ndarray) and raw.dtype == np.uint8
            if not whole or raw.shape != (buffer.nbytes + 2 * guard,):
                raise Malformed
            self._guards(run, buffer, raw)
            data = raw[guard:-guard].view(buffer.dtype).reshape(buffer.shape)
            if buffer.role == "in":
                self._input(run, buffer, data)
            elif buffer is self.job.output:
                self._output(run, buffer, data.copy())

    def fault(self) -> Fault | None:
        """The fault that tells most: what makes others appear comes first."""
        told = None if self.first is None else findings.unset(self.source)
        if told is not None:  # wrong by chance, or right by chance
            return Fault("unset", *told)
        for symptom in ("overrun", "input changed", "unwritten", "outside read", "unstable"):
            if symptom in self.faults:
                return self.faults[symptom]
        return None

    def outcome(self) -> Outcome:
        """Of a kernel without a fault: its output, and its reads where they were counted."""
        reads = self.job.launch.reads
        if reads is None:
            return Outcome(self.first)
        counts = [self.counts[local] for local in self.job.launch.local_sizes]
        over = [i for i, most in enumerate(reads.most) if counts[i][0] > most]
        name = self.job.name(reads.of)
        excess = ""
        if over:
            local, most = self.job.launch.local_sizes[over[0]], reads.most[over[0]]
            excess = findings.excess(name, local, counts[over[0]].tolist(), most)
        return Outcome(self.first, reads=int(counts[0][0]), excess=excess)

    def _count(self, run: Run, raw: Any) -> None:
        guard = patterns.GUARD_BYTES
        whole = isinstance(raw, np.ndarray) and raw.dtype == np.uint8
        if not whole or raw.shape != (4 * COUNTS + 2 * guard,):
            raise Malformed
        counts = raw[guard:-guard].view(np.int32).copy()
        before = self.counts.get(run.local_size, counts)
        self.counts[run.local_size] = np.maximum(before, counts)

    def _note(self, symptom: str, told: tuple[str, int | None]) -> None:
        self.faults.setdefault(symptom, Fault(symptom, *told))

    def _guards(self, run: Run, buffer: Buffer, raw: np.ndarray) -> None:
        words, size = buffer.words(run.last), buffer.dtype.itemsize
        bits = raw.view(patterns.bits_type(buffer.dtype))
        guard = patterns.GUARD_BYTES // size
        before = np.flatnonzero(bits[:guard] != words["before"]) - guard
        after = np.flatnonzero(bits[-guard:] != words["after"]) + buffer.nbytes // size
        if len(before) or len(after):
            self._note("overrun", findings.overrun(self.job, self.source, run, buffer, before, after))

    def _input(self, run: Run, buffer: Buffer, data: np.ndarray) -> None:
        assert buffer.array is not None
        kind = patterns.bits_type(buffer.dtype)
        changed = np.flatnonzero(data.reshape(-1).view(kind) != buffer.array.reshape(-1).view(kind))
        if len(changed):
            self._note("input changed", findings.changed(self.job, self.source, buffer, data, changed))

    def _output(self, run: Run, buffer: Buffer, data: np.ndarray) -> None:
        kind = patterns.bits_type(buffer.dtype)
        bits = data.reshape(-1).view(kind)
        job, source = self.job, self.source
        if buffer.role == "out":
            alone = bits == buffer.words(run.last)["poison"]
            first_of_local = self._unwritten is None
            self._unwritten = alone if first_of_local else self._unwritten & alone
            if run.last:
                places = np.flatnonzero(self._unwritten)
                self._unwritten = None
                if len(places):
                    self._note("unwritten", findings.unwritten(job, source, run, buffer, places))
        self._nan(run, buffer, data, bits)
        if self.first is None:
            self.first = data
        elif self._of_local is None:
            with np.errstate(invalid="ignore"):  # poison is a signaling NaN
                found = difference(self.first, data, BETWEEN_LOCAL_SIZES)
            if found is not None and found.index is not None:
                told = findings.between_local_sizes(job, source, run, self.first, data, found.index)
                self._note("unstable", told)
        if self._of_local is None:
            self._of_local = data
        else:
            differ = np.flatnonzero(self._of_local.reshape(-1).view(kind) != bits)
            if len(differ):
                self._differs(run, data, differ)
        if run.last:
            self._of_local = None

    def _nan(self, run: Run, buffer: Buffer, data: np.ndarray, bits: np.ndarray) -> None:
        """Numbers that can only come from outside a buffer, from before a write, or from nowhere."""
        known = patterns.marks(buffer.dtype, len(self.job.buffers), run.last)
        if buffer.dtype.itemsize < 4:
            known = {}  # too short a pattern to be sure
        plain = patterns.without_sign(bits, buffer.dtype)
        found = np.isin(plain, np.array(list(known), plain.dtype))
        poison = bits == buffer.words(run.last)["poison"]
        found &= ~poison if buffer.role == "out" else True
        if found.any():
            at = int(np.flatnonzero(found)[0])
            mark = known[int(plain[at])]
            symptom, told = findings.read(self.job, self.source, run, buffer, at, mark)
            self._note(symptom, told)
        elif buffer.dtype.kind == "f" and not run.last and self._finite():
            strange = np.flatnonzero(np.isnan(data.reshape(-1)) & ~poison)
            if len(strange):
                told = findings.not_a_number(self.job, self.source, run, buffer, int(strange[0]))
                self._note("outside read", told)

    def _finite(self) -> bool:
        arrays = [b.array for b in self.job.buffers if b.array is not None]
        numbers = [a for a in self.job.launch.arguments if isinstance(a, int | float)]
        return all(patterns.is_finite(value) for value in [*arrays, *numbers])

    def _differs(self, run: Run, data: np.ndarray, places: np.ndarray) -> None:
        """A result that differs from that of an equal run; the last has other numbers around the buffers."""
        assert self._of_local is not None
        buffer = self.job.output
        before = self._of_local
        if run.last and buffer.role == "out" and self._still_poisoned(before, data, places):
            return  # unwritten both times, with another poison: told elsewhere
        at = int(places[0])
        local = uses_local_memory(self.source)  # there, a missing barrier is the likelier reason
        if run.last and patterns.are_large(data.reshape(-1)[places]):
            symptom = "unstable" if local else "outside read"
            self._note(symptom, findings.depends(self.job, self.source, run, buffer, at))
        else:
            self._note("unstable", findings.between_runs(self.job, self.source, run, before, data, at))

    def _still_poisoned(self, before: np.ndarray, data: np.ndarray, places: np.ndarray) -> bool:
        buffer, kind = self.job.output, patterns.bits_type(self.job.output.dtype)
        old = before.reshape(-1).view(kind)[places] == buffer.words(False)["poison"]
        new = data.reshape(-1).view(kind)[places] == buffer.words(True)["poison"]
        return bool((old & new).all())
