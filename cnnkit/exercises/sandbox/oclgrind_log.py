"""Oclgrind's log, read and said in words: which line of the cell, which buffer, which work-items."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .job import Job
from .source import cell_line, line_text

# The kinds in the order in which they are told: what comes first makes others appear.
OUTSIDE, ARRAY, DIVERGENT, RACE, UNSET = "outside", "array", "divergent", "race", "unset"
ORDER = (OUTSIDE, ARRAY, DIVERGENT, RACE, UNSET)
_AT = r"(?P<space>\w+) memory address 0x(?P<at>\w+)"
_HEADS = (
    (
        OUTSIDE,
        re.compile(r"Invalid (?P<does>read|write) of size (?P<size>\d+) at " + _AT),
    ),
    (ARRAY, re.compile(r"Index \((?P<index>-?\d+)\) exceeds static array size \((?P<size>\d+)\)")),
    (DIVERGENT, re.compile(r"Work-group divergence detected \((?P<what>[^)]*)\)")),
    (
        RACE,
        re.compile(
            r"(?P<kind>Read-write|Write-write) data race at (?P<space>\w+) memory address 0x(?P<at>\w+)"
        ),
    ),
    (UNSET, re.compile(r"(?P<words>Uninitialized .*|Controlflow depends on uninitialized .*)")),
)
_ENTITY = re.compile(r"Global\((?P<item>[\d,]+)\) Local\([\d,]+\) Group\((?P<group>[\d,]+)\)")
_PLACE = re.compile(r"At line (\d+)")
BUFFER_BITS = 48  # the bits of an address above these number the buffer, from 1


@dataclass(frozen=True)
class Entity:
    """One work-item at one line, and whether it writes there."""

    item: str
    group: str
    line: int | None
    writes: bool


@dataclass(frozen=True)
class Finding:
    """One entry of the log. values: the named parts of its first line."""

    kind: str
    values: dict[str, str]
    entities: tuple[Entity, ...]
    line: int | None
    only: str = ""  # "4 out of 8" work-items that reached a barrier
    key: tuple[object, ...] = field(default=(), compare=False)


def read_log(text: str) -> list[Finding]:
    """The entries of a log that are about the kernel, in its order."""
    findings: list[Finding] = []
    # An entry begins in the first column; what belongs to it is indented.
    for block in re.split(r"\n(?=\S)", text):
        for kind, pattern in _HEADS:
            match = pattern.match(block.strip())
            if match:
                findings.append(_finding(kind, match.groupdict(), block))
                break
    return findings


def in_words(job: Job, source: str, findings: list[Finding]) -> list[str]:
    """A sentence for each different finding, the gravest first."""
    said: dict[tuple[object, ...], str] = {}
    for finding in sorted(findings, key=lambda found: ORDER.index(found.kind)):
        if finding.key not in said:
            said[finding.key] = _sentence(job, source, finding)
    arrays = [key for key in said if key[0] == ARRAY]
    for key in arrays:  # said twice: as an index too large, and as an access outside private memory
        for twin in [k for k in said if k[0] == OUTSIDE and k[2] == key[2] and "private" in k]:
            del said[twin]
    if any(key[0] != UNSET for key in said):
        # What was read outside a buffer, or in a race, counts as never set, too.
        said = {key: words for key, words in said.items() if key[0] != UNSET}
    return list(said.values())


def _finding(kind: str, values: dict[str, str], block: str) -> Finding:
    parts = re.split(r"(?=(?:First|Second) entity:)", block)[1:] or [block]
    entities = tuple(entity for part in parts if (entity := _entity(part)))
    place = _PLACE.search(block)
    line = int(place[1]) if place else None
    only = re.search(r"Only (\d+ out of \d+) work-items", block)
    does = values.get("does") or values.get("kind")
    lines = sorted(str(entity.line) for entity in entities)  # a race may be told from either side
    key = (kind, does, None if kind == RACE else line, values.get("space"), tuple(lines))
    return Finding(kind, values, entities, line, only[1] if only else "", key)


def _entity(part: str) -> Entity | None:
    who, place = _ENTITY.search(part), _PLACE.search(part)
    if not who:
        return None
    writes = bool(re.search(r"^\s*store |\batomic|\bcmpxchg", part, re.M))
    return Entity(who["item"], who["group"], int(place[1]) if place else None, writes)


def _sentence(job: Job, source: str, finding: Finding) -> str:
    where = _where(source, finding.line)
    values = finding.values
    if finding.kind == OUTSIDE:
        return f"{where}: {values['does']}s {_outside(job, values)}{_who(job, finding)}"
    if finding.kind == ARRAY:
        words = f"uses index {values['index']} of an array that has {values['size']} elements"
        return f"{where}: {words}{_who(job, finding)}"
    if finding.kind == DIVERGENT:
        only = finding.only.replace(" out of ", " of the ") or "not all"
        return f"{where}: {only} work-items of a work-group reach this {values['what']}, and all of them must"
    if finding.kind == RACE:
        return f"{where}: {_race(job, source, finding)}"
    return f"{where}: uses a number that was never set{_who(job, finding)}"


def _where(source: str, line: int | None) -> str:
    if line is None:
        return "somewhere in your cell"
    return f"line {cell_line(line)} of your cell, `{line_text(source, line)}`"


def _outside(job: Job, values: dict[str, str]) -> str:
    """ "4 bytes behind the end of `x`, at index 16"."""
    size = f"{values['size']} bytes"
    if values["space"] not in ("global", "constant"):
        return f"{size} outside the __{values['space']} memory that it has"
    name, index, before = _element(job, values["at"])
    if not name:
        return f"{size} where no buffer is"
    return f"{size} {'before the start' if before else 'behind the end'} of `{name}`, at index {index}"


def _race(job: Job, source: str, finding: Finding) -> str:
    name, index, _ = (
        _element(job, finding.values["at"]) if finding.values["space"] == "global" else ("", 0, False)
    )
    place = f"index {index} of `{name}`" if name else f"a place in __{finding.values['space']} memory"
    if len(finding.entities) < 2:
        return f"two work-items use {place} at once, and one of them writes"
    first, second = finding.entities[:2]
    does, other = ("writes" if entity.writes else "reads" for entity in (first, second))
    there = "in the same line"
    if second.line is not None and second.line != first.line:
        there = f"in line {cell_line(second.line)}, `{line_text(source, second.line)}`"
    advice = "is a barrier missing between them?" if not name else "only one of them may"
    if name and not (first.writes and second.writes):
        advice = "nothing says which comes first"
    one, two = (_numbers(job, entity.item) for entity in (first, second))
    return f"work-item {one} {does} {place} and work-item {two} {other} it {there}: {advice}"


def _element(job: Job, address: str) -> tuple[str, int, bool]:
    """The buffer's name and the index that an address means, and whether that lies before its start."""
    number, offset = divmod(int(address, 16), 1 << BUFFER_BITS)
    if offset >= 1 << BUFFER_BITS - 1:  # before the start of the next one
        number, offset = number + 1, offset - (1 << BUFFER_BITS)
    if not 1 <= number <= len(job.buffers):
        return "", 0, False
    buffer = job.buffers[number - 1]
    return job.name(buffer.index), offset // buffer.dtype.itemsize, offset < 0


def _who(job: Job, finding: Finding) -> str:
    if not finding.entities:
        return ""
    entity = finding.entities[0]
    return f" (work-item {_numbers(job, entity.item)}, work-group {_numbers(job, entity.group)})"


def _numbers(job: Job, text: str) -> str:
    """ "3,1,0" as "(3, 1)", or as "3", in as many dimensions as the launch has."""
    numbers = text.split(",")[: len(job.launch.size)]
    return f"({', '.join(numbers)})" if len(numbers) > 1 else numbers[0]
