"""What keeps a kernel from having a result, said so that a beginner knows where to look.

Each function gives a sentence and the line of the cell, where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ...kernel import parse_build_log
from .job import Job, Run, times
from .source import (
    cell_line,
    divisions,
    has_barrier,
    large_arrays,
    line_text,
    lines_calling,
    lines_declaring_local,
    lines_with_barrier,
    lines_writing,
    loops,
)

Told = tuple[str, int | None]
SIGNALS = {
    "SIGSEGV": "segmentation fault",
    "SIGBUS": "bus error",
    "SIGABRT": "abort",
    "SIGILL": "illegal step",
}
NO_FUNCTION = (
    r"(?:Cannot find symbol|[Uu]nresolved external (?:symbol|reference to)|undefined symbol:?|"
    r"Symbols not found: \[) [`'\"]*(\w+)"
)
PROGRESS = r"(?:Compilation|Linking|Device build) \w+$|Options used"  # Intel's log begins with what goes well
STACK = 64 << 10  # bytes of private arrays that a work-item surely has room for


def build(source: str, function: str, log: str) -> Told:
    """The compiler's first words, at the line of the cell."""
    found = parse_build_log(log)
    missing = re.search(NO_FUNCTION, log)
    if not found and missing:
        called = lines_calling(source, missing[1])
        text, line = lines_clause(source, called, "calls it", "call it")
        return f"Your kernel does not compile: there is no function `{missing[1]}`{text}.", line
    if not found:
        words = _plain_words(log)
        return f"Your kernel does not compile; the compiler says: {words or 'nothing'}.", None
    line, _, words = found[0]
    words = words.replace("'_cl_", "'")  # what PoCL calls its built-in functions
    if "is ambiguous" in words:
        words += ", because its numbers are of two kinds (0 is an int, 0.0f a float) or too many"
    more = f" (and {len(found) - 1} more such errors)" if len(found) > 1 else ""
    shown = line_text(source, line)
    where = f"line {cell_line(line)} of your cell" + (f", `{shown}`" if shown else "")
    return f"Your kernel does not compile: {where}: {words}{more}.", cell_line(line)


def no_kernel(function: str, names: Sequence[str]) -> Told:
    if not names:
        return f"The cell has no kernel: it must have one that begins with `__kernel void {function}(`.", None
    return f"The cell has no kernel named `{function}`; it has {all_of(f'`{name}`' for name in names)}.", None


def includes(source: str, line: int, word: str) -> Told:
    what = "reads another file" if word.startswith("#") else "is not OpenCL C"
    shown = f"line {cell_line(line)} of your cell, `{line_text(source, line)}`"
    return f"`{word}` {what}, which a kernel here may not do: take it out ({shown}).", cell_line(line)


def not_counted(source: str, why: str, line: int | None) -> Told:
    """Why the reads of a kernel cannot be counted; line: of its source."""
    place = None if line is None else cell_line(line)
    where = f" line {place} of your cell, `{line_text(source, line)}`," if line is not None else ""
    return f"The reads of your kernel cannot be counted:{where} {why}.", place


def compiler_died(source: str, seconds: float | None = None) -> Told:
    if seconds is not None:
        words = f"The compiler was not done with your kernel within {seconds:g} s and was stopped"
    else:
        words = "The compiler gave up on your kernel (it broke off without a message)"
    hints = []
    if has_barrier(source):
        hints.append("a barrier inside an `if` or a loop that not all work-items of a group reach")
    hints += ["a very large array", "macros that grow into very long code"]
    return f"{words}: look for {one_of(hints)}.", None


def timeout(source: str, seconds: float, runs: int = 1) -> Told:
    lines = loops(source)
    if len(lines) == 1:
        text = line_text(source, lines[0])
        look = f"look at the loop in line {cell_line(lines[0])} of your cell, `{text}`: does it ever end?"
    elif lines:
        listed = all_of(map(cell_line, lines))
        look = f"look at the loops in lines {listed} of your cell: does each of them end?"
    else:
        look = "it has too much to do, or waits for something that never comes."
    line = cell_line(lines[0]) if len(lines) == 1 else None
    words = f"Your kernel did not end within {seconds:g} s and was stopped"
    if runs > 1:  # none was endless, so far
        words = f"Your kernel is too slow: in its run number {runs} it had used {seconds:g} s and was stopped"
    return f"{words}: {look}", line


def crash(job: Job, source: str, signal: str, run: Run) -> Told:
    """After the process has died in a run."""
    sizes = f", with work-groups of {times(run.local_size)}"
    if signal == "SIGFPE":
        lines = divisions(source)
        text, line = lines_clause(source, lines, "divides", "divide")
        return f"Your kernel divided an integer by zero (`/` or `%`){sizes}{text}.", line
    arrays = large_arrays(source, STACK)
    if arrays:
        text, line = lines_clause(source, arrays, "declares it", "declare them")
        return f"Your kernel crashed{sizes}: an array of each work-item's own is too large{text}.", line
    name = f" ({SIGNALS[signal]})" if signal in SIGNALS else ""
    written = job.name(job.output.index)
    text, line = lines_clause(
        source, lines_writing(source, written), f"writes `{written}`", f"write `{written}`"
    )
    reasons = f"it reads or writes far outside its buffers{text}"
    barriers = lines_with_barrier(source)
    if barriers:
        text, line = lines_clause(source, barriers, "has the barrier", "have barriers")
        reasons = (
            "not all work-items of a group reach the same barrier, or it reads or writes far outside its "
            f"buffers{text}"
        )
    return f"Your kernel crashed{name}{sizes}: {reasons}.", line


def local_memory(source: str, needed: int, most: int) -> Told:
    words = f"Your kernel asks for {needed:,} bytes of __local memory for each work-group"
    text, line = lines_clause(source, lines_declaring_local(source), "declares some", "declare some")
    return f"{words}, and this device has {most:,}{text}. Use a smaller tile.", line


def refused(source: str, log: str, run: Run) -> Told:
    sizes = f" with work-groups of {times(run.local_size)}"
    if "reqd_work_group_size" in source and "WORK_GROUP_SIZE" in log:
        return f"Your kernel cannot run{sizes}: take `reqd_work_group_size` out of it.", None
    words = _plain_words(log) or "it does not say why"
    return f"The device refused to run your kernel{sizes}: {words}.", None


def lines_clause(source: str, lines: Sequence[int], one: str, many: str) -> Told:
    """The words "; line 9 of your cell writes it: `y[i] = sum;`", and the line where there is just one."""
    if len(lines) == 1:
        text = f"; line {cell_line(lines[0])} of your cell {one}: `{line_text(source, lines[0])}`"
        return text, cell_line(lines[0])
    if 1 < len(lines) <= 6:
        return f"; lines {all_of(map(cell_line, lines))} of your cell {many}", None
    return "", None


def _plain_words(log: str) -> str:
    """A log's first line with something in it, without paths of this machine."""
    body = re.split(r"\n\(options: |\n\(source saved as ", re.split(r"\nBuild on [^\n]*\n", log)[-1])[0]
    lines = [line.strip() for line in body.splitlines() if line.strip() and not re.match(PROGRESS, line)]
    words = re.sub(r"(?:[A-Za-z]:)?[/\\][^\s:'\"]+[/\\]", "", lines[0]) if lines else ""
    return words.rstrip(".")[:300]


def all_of(things: Iterable[object]) -> str:
    listed = [str(thing) for thing in things]
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"


def one_of(things: Sequence[str]) -> str:
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])}, or {things[-1]}"
