"""What a result, or what lies around it, says about a kernel: it wrote too far, too little, read too early.

Each function gives a sentence and the line of the cell, where there is one.
"""

from __future__ import annotations

import re

import numpy as np

from ..compare import number
from . import patterns
from .job import Buffer, Job, Run, times
from .sentences import Told, all_of, lines_clause, one_of
from .source import (
    cell_line,
    line_text,
    lines_reading,
    lines_with_barrier,
    lines_writing,
    never_set,
    uses_local_memory,
)

WRITES = ("writes it", "write it")
READS = ("reads it", "read it")


def unset(source: str) -> Told | None:
    """A variable that is used and never gets a first number."""
    found = never_set(source)
    if found is None:
        return None
    name, line = found
    words = f"Your kernel uses `{name}`, and nothing gave it a first number"
    shown = f"line {cell_line(line)} of your cell, `{line_text(source, line)}`"
    return f"{words}: {shown}, only makes a place for it, in which anything may stand.", cell_line(line)


def overrun(job: Job, source: str, run: Run, buffer: Buffer, before: np.ndarray, after: np.ndarray) -> Told:
    """Indices that were written before a buffer's start and behind its end."""
    name = job.name(buffer.index)
    sides = ((before, "before its start"), (after, "behind its end"))
    counts = " and ".join(f"{_count(len(found), 'number')} {where}" for found, where in sides if len(found))
    if len(before):
        advice = "Can the index be negative?"
    elif run.global_size != job.launch.size:
        advice = "Look at the bounds check, and at the index."
    else:
        advice = "Is the index computed right?"
    span = _span(buffer, np.concatenate([before, after]))
    writes, line = lines_clause(source, lines_writing(source, name), *WRITES)
    return f"Your kernel wrote outside `{name}`: {counts}, {span}, {_groups(run)}{writes}. {advice}", line


def changed(job: Job, source: str, buffer: Buffer, data: np.ndarray, places: np.ndarray) -> Told:
    assert buffer.array is not None
    name, at = job.name(buffer.index), int(places[0])
    was, now = (number(array.reshape(-1)[at]) for array in (buffer.array, data))
    words = (
        f"{_count(len(places), 'number')}, the first at {_at(buffer, at)}, which was {was} and became {now}"
    )
    writes, line = lines_clause(source, lines_writing(source, name), *WRITES)
    into = f"Write into `{job.name(job.output.index)}` alone."
    return f"Your kernel changed its input `{name}`: {words}{writes}. {into}", line


def unwritten(job: Job, source: str, run: Run, buffer: Buffer, places: np.ndarray) -> Told:
    name, count = job.name(buffer.index), buffer.nbytes // buffer.dtype.itemsize
    writes, line = lines_clause(source, lines_writing(source, name), *WRITES)
    if len(places) == count:
        advice = "" if lines_writing(source, name) else f": no line assigns to `{name}[...]`"
        return f"Your kernel wrote nothing into `{name}`, {_groups(run)}{writes}{advice}.", line
    words = f"Your kernel left {len(places):,} of the {count:,} numbers of `{name}` unwritten"
    advice = "Does each work-item with something to do write its number?"
    barriers = lines_with_barrier(source)
    if barriers:
        listed = f"line{'s' * (len(barriers) > 1)} {all_of(map(cell_line, barriers))}"
        advice += f" And does every work-item of a group reach the barrier in {listed}?"
    return f"{words}: {_span(buffer, places)}, {_groups(run)}{writes}. {advice}", line


def read(job: Job, source: str, run: Run, buffer: Buffer, at: int, mark: patterns.Mark) -> tuple[str, Told]:
    """The symptom, and what is said, of a result in which a mark was found."""
    result = f"the result at {_at(buffer, at)}, {_groups(run)}"
    if mark.place == patterns.LOCAL:
        return "unstable", _too_early(source, result)
    name = job.name(job.buffers[mark.buffer].index)
    reads, line = lines_clause(source, lines_reading(source, name), *READS)
    if mark.place == patterns.POISON:
        words = f"Your kernel read `{name}` before it had written it: {result}, was computed from that{reads}"
        return "unwritten", (f"{words}. Nothing is in `{name}` at the start, not even 0.", line)
    where = "before its start" if mark.place == patterns.BEFORE else "behind its end"
    words = f"Your kernel read outside `{name}`, {where}: {result}, was computed from what lies there{reads}"
    return "outside read", (f"{words}. Check the index before you read.", line)


def not_a_number(job: Job, source: str, run: Run, buffer: Buffer, at: int) -> Told:
    words = f"The result at {_at(buffer, at)}, {_groups(run)}, is NaN (not a number)"
    reasons = ["a read outside a buffer", "a variable that was never set", "0 divided by 0"]
    return f"{words}, though all inputs are ordinary numbers: look for {one_of(reasons)}.", None


def depends(job: Job, source: str, run: Run, buffer: Buffer, at: int) -> Told:
    """The result changes with what stands around the buffers."""
    reasons = ["a read outside a buffer"]
    if buffer.role == "out":
        reasons.append(f"a read of `{job.name(buffer.index)}` before it is written")
    if uses_local_memory(source):
        reasons.append("a read of __local memory before it is written (is a barrier missing?)")
    reasons.append("a variable that was never set")
    words = f"The result at {_at(buffer, at)}, {_groups(run)}, depends on numbers that are not its own"
    return f"{words}: look for {one_of(reasons)}.", None


def between_runs(job: Job, source: str, run: Run, before: np.ndarray, now: np.ndarray, at: int) -> Told:
    one, other = (number(array.reshape(-1)[at]) for array in (before, now))
    words = f"at {_at(job.output, at)}, {_groups(run)}, it was {one} and then {other}"
    advice = _race_advice(source)
    if run.last:
        advice += " Or does it read outside a buffer?"
    return f"Your kernel's result differs from run to run: {words}. {advice}", None


def between_local_sizes(
    job: Job, source: str, run: Run, before: np.ndarray, now: np.ndarray, index: tuple[int, ...]
) -> Told:
    at = int(np.ravel_multi_index(index, job.output.shape)) if index else 0
    one, other = number(before[index]), number(now[index])
    sizes = _groups(job.runs[0]), f"with {times(run.local_size)}"
    words = f"at {_at(job.output, at)}, it is {one} {sizes[0]} and {other} {sizes[1]}"
    advice = _race_advice(source)
    own = re.search(r"\bget_(?:local_id|local_size|group_id|num_groups)\b", source)
    if own:
        advice += f" Or does `{own[0]}` stand where `get_global_id` is meant?"
    return f"Your kernel's result depends on the size of the work-groups: {words}. {advice}", None


def excess(name: str, local: tuple[int, ...], counts: list[int], most: int) -> str:
    """counts: reads of the input `name`, reads of local memory, writes to it."""
    reads, near, stored = counts
    words = f"it reads `{name}` {_count(reads, 'time')}, with work-groups of {times(local)}, where {most:,} "
    words += "are enough"
    if near:
        return f"{words} (local memory: {_count(stored, 'write')}, {_count(near, 'read')})"
    return f"{words}: it never reads local memory"


def _too_early(source: str, result: str) -> Told:
    barriers = lines_with_barrier(source)
    advice = "Put barrier(CLK_LOCAL_MEM_FENCE) between writing and reading it."
    if barriers:
        advice = (
            f"Is all of it written before the barrier in line {cell_line(barriers[0])} of your cell, "
            "or is another barrier needed?"
        )
    words = "Your kernel read __local memory before any work-item had written it"
    return f"{words}: {result}, was computed from it. {advice}", None


def _race_advice(source: str) -> str:
    reasons = ["Does it use a variable that was never set? Or do two work-items write to the same place?"]
    if uses_local_memory(source):
        reasons.insert(0, "Is a barrier missing between writing and reading __local memory?")
    return " ".join(reasons)


def _groups(run: Run) -> str:
    return f"with work-groups of {times(run.local_size)}"


def _span(buffer: Buffer, places: np.ndarray) -> str:
    first, last = int(places[0]), int(places[-1])
    if len(places) == 1:
        return f"at {_at(buffer, first)}"
    return f"the first at {_at(buffer, first)}, the last at {_at(buffer, last, brief=True)}"


def _at(buffer: Buffer, index: int, brief: bool = False) -> str:
    """Words for a place: index 35 (row 5, column 0 of a 5 x 7 result)."""
    shape = buffer.shape
    if len(shape) == 2:
        words = f"row {index // shape[1]}, column {index % shape[1]}"
    elif len(shape) > 2 and 0 <= index < int(np.prod(shape)):
        words = str(tuple(int(i) for i in np.unravel_index(index, shape)))
    else:
        return f"index {index}"
    of = "" if brief else f" of a {times(shape)} {'array' if buffer.role == 'in' else 'result'}"
    return f"index {index} ({words}{of})"


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
