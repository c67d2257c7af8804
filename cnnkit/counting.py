"""Count what a kernel reads by letting it count: its source is rewritten, run, and asked.

Nothing is worked out on paper. `instrument` puts a counting call around the index of every read of one
global buffer, and of every access to local memory:

    channel[iy * W + ix]   becomes   channel[CNNKIT_FAR((iy * W + ix), channel)]
    patch[i] = 0.0f        becomes   patch[CNNKIT_NEAR((i), 2)] = 0.0f

The call notes who reads which place and returns the index unchanged, so the kernel computes what it
computed before. What cannot be counted this way (`*x`, `vload4(0, x)`, a pointer handed to a function) is
refused and not passed over: a count is complete, or there is none. Counted is what the source asks for;
a compiler or a cache may spare some of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .errors import CnnkitError

READS, WRITES = 1, 2  # which counter an access to local memory goes to; counter 0 is for global reads

# `#line 1` keeps the line numbers in a compiler's complaints those of the source. x: the watched buffer.
PRELUDE = """\
long cnnkit_far(const long index, const long start, const int width, volatile __global int *counts,
                __global int2 *pairs, const int most)
{{
    const int me = (get_global_id(2) * get_global_size(1) + get_global_id(1)) * get_global_size(0)
                   + get_global_id(0);
    for (int i = 0; i < width; i++) {{
        const int at = atomic_inc(counts);
        if (at < most)
            pairs[at] = (int2)(me, (int)(start + index * width) + i);
    }}
    return index;
}}
long cnnkit_near(const long index, const int kind, volatile __global int *counts)
{{
    atomic_inc(counts + kind);
    return index;
}}
#define CNNKIT_FAR(index, at) cnnkit_far(index, \\
    ((__global const char *)(at) - (__global const char *){buffer}) / (long)sizeof(*{buffer}), \\
    sizeof(*(at)) / sizeof(*{buffer}), cnnkit_counts, cnnkit_pairs, cnnkit_most)
#define CNNKIT_NEAR(index, kind) cnnkit_near(index, kind, cnnkit_counts)
#line 1
"""
PARAMETERS = ", volatile __global int *cnnkit_counts, __global int2 *cnnkit_pairs, const int cnnkit_most"

_COMMENTS = re.compile(r"//(?:\\\n|[^\n])*|/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*\"", re.S)
_DEFINES = re.compile(r"^[ \t]*#[ \t]*define\b(?:\\\n|[^\n])*", re.M)
_SPACE = re.compile(r"\b(?:__)?(global|local)\b")
_NAME = re.compile(r"[A-Za-z_]\w*")
_ASSIGNED = re.compile(r"\s*(?:\.\s*\w+\s*)?(?:(?P<both>[-+*/%&|^]=|<<=|>>=|\+\+|--)|=(?!=))")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class Uncountable(CnnkitError):
    """A kernel whose reads cannot be counted. line: of its source, from 1; why: what it does there."""

    def __init__(self, why: str, line: int | None = None) -> None:
        advice = (
            "only reads of the form `name[index]` can be counted: write it so, or leave this kernel uncounted"
        )
        words = f"Line {line} {why}, and {advice}" if line else why[0].upper() + why[1:]
        super().__init__(f"{words}.")
        self.line, self.why = line, why


@dataclass(frozen=True)
class _Kernel:
    """Places in the source: the `)` after the parameters, and the body from `{` to `}`."""

    parameters: str
    close: int
    body: tuple[int, int]


def instrument(source: str, function: str, buffer: str = "x") -> str:
    """The source with kernel `function` counting its reads of the parameter `buffer`, and of local memory.

    The kernel gets three more parameters at its end: counts (3 ints: reads of `buffer`, reads and writes of
    local memory), pairs (work-item number, index in `buffer`) and how many pairs there is room for. Pointers
    declared from `buffer` (`__global const float *row = x + ...`) are followed, `#define`s as well.

    Raises Uncountable, naming the line, for what cannot be counted.
    """
    plain = _COMMENTS.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)
    kernel = _find(plain, function)
    if not re.search(rf"\bglobal\b[^,]*\*[^,]*\b{buffer}\s*(?:,|$)", kernel.parameters.replace("__", "")):
        raise Uncountable(f"the kernel {function!r} has no parameter `__global ... *{buffer}` to count")
    far, near = {buffer: 1}, dict.fromkeys(_local_parameters(kernel.parameters), 1)  # to how many [ ] of each
    declared: list[tuple[int, int]] = []  # where a watched pointer may be named without being read, and
    own: set[int] = set()  # where a name stands that is just being declared
    for space, start, end, at, name, first in _declarations(plain, kernel.body):
        if space == "local" or _mentions(plain[first:end], far):
            (near if space == "local" else far)[name] = max(1, len(_brackets(plain, first)))
            declared.append((start, end))
            own.add(at)
    spots: list[tuple[int, str]] = [(kernel.close, PARAMETERS)]
    regions = [kernel.body, *(match.span() for match in _DEFINES.finditer(plain))]
    for begin, end in regions:
        for match in re.finditer(rf"\b(?:{'|'.join(far | near)})\b", plain[begin:end]):
            at = begin + match.start()
            if at in own or plain[:at].rstrip().endswith((".", "->")):
                continue
            if match[0] not in _macro_parameters(plain[begin:end]):
                bare = any(first <= at < last for first, last in declared)
                spots += _access(plain, at, match[0], far | near, match[0] in far, bare)
    text = source
    for at, added in sorted(spots, key=lambda spot: spot[0], reverse=True):
        text = text[:at] + added + text[at:]
    return PRELUDE.format(buffer=buffer) + text


def body_of(plain: str, function: str) -> tuple[int, int]:
    """Where the `)` after a kernel's parameters stands, and the `{` of its body; comments are blanked out.

    Raises Uncountable when there is no such kernel, or a bracket that is never closed.
    """
    kernel = _find(plain, function)
    return kernel.close, kernel.body[0]


def _access(
    plain: str, at: int, name: str, depths: dict[str, int], is_far: bool, bare: bool
) -> list[tuple[int, str]]:
    """What is put where, for the use of a watched `name` at `at`; bare: may it be named without reading?"""
    brackets = _brackets(plain, at + len(name))
    if len(brackets) < depths[name]:  # a pointer, also one to a row of an array of rows
        if bare:
            return []
        raise _uncountable(plain, at, f"uses `{name}` without {'[ ]' * depths[name]}")
    before = plain[:at].rstrip()
    if before.endswith("&") and not re.search(r"[\w)\]]\s*&$", before):
        raise _uncountable(plain, at, f"takes the address of `{name}[...]`")
    first, close = brackets[0]
    end = brackets[-1][1] + 1
    assigned = _ASSIGNED.match(plain, end)
    changes = bool(assigned and assigned["both"]) or before.endswith(("++", "--"))
    kinds = [READS] * (changes or not assigned) + [WRITES] * bool(changes or assigned)
    if is_far:
        return [(first, "CNNKIT_FAR(("), (close, f"), {name})")] if READS in kinds else []
    opened = "".join("CNNKIT_NEAR((" for _ in kinds)
    return [(first, opened), (close, "".join(f"), {kind})" for kind in kinds))]


def _brackets(plain: str, start: int) -> list[tuple[int, int]]:
    """Where the index begins and its bracket closes, for every [ ] in a row from `start` on."""
    found: list[tuple[int, int]] = []
    while opening := re.compile(r"\s*\[").match(plain, start):
        found.append((opening.end(), _matching(plain, opening.end() - 1)))
        start = found[-1][1] + 1
    return found


def _find(plain: str, function: str) -> _Kernel:
    for match in re.finditer(rf"\b{re.escape(function)}\s*\(", plain):
        close = _matching(plain, match.end() - 1)
        body = re.compile(r"\s*\{").match(plain, close + 1)
        if body:
            opening = body.end() - 1
            span = opening, _matching(plain, opening)
            return _Kernel(plain[match.end() : close], close, span)
    raise Uncountable(f"the source has no kernel named {function!r}")


def _macro_parameters(text: str) -> list[str]:
    """The parameters of a `#define`, whose names mean something else than the kernel's; none elsewhere."""
    macro = re.match(r"\s*#\s*define\s+\w+\(([^)]*)\)", text)
    return _NAME.findall(macro[1]) if macro else []


def _local_parameters(parameters: str) -> Iterator[str]:
    """Names of the parameters that point to local memory."""
    for one in parameters.split(","):
        if "*" in one and (space := _SPACE.search(one)) and space[1] == "local":
            yield _NAME.findall(one)[-1]


def _declarations(plain: str, body: tuple[int, int]) -> Iterator[tuple[str, int, int, int, str, int]]:
    """What the body declares in global and local memory, in order, one entry for each name.

    Each is (global or local, start and end of the declaration, where the name stands, the name, and where
    its initial value begins).
    """
    for match in _SPACE.finditer(plain, *body):
        end = _end_of_statement(plain, match.start())
        if end is None:  # a cast: (__global const float4 *)
            continue
        start = match.end()
        for first, last in _pieces(plain, start, end):
            head = re.compile(r"[^=\[]*").match(plain, first, last)
            assert head is not None
            names = list(_NAME.finditer(plain, first, head.end()))
            if names:
                yield match[1], match.start(), end, names[-1].start(), names[-1][0], head.end()


def _end_of_statement(plain: str, start: int) -> int | None:
    """Where the `;` stands that ends what begins at `start`; None if a bracket around it closes before."""
    depth = 0
    for at in range(start, len(plain)):
        depth += (plain[at] in "([{") - (plain[at] in ")]}")
        if depth < 0:
            return None
        if depth == 0 and plain[at] == ";":
            return at
    return None


def _pieces(plain: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Start and end of what stands between the commas that are in no brackets."""
    depth, first = 0, start
    for at in range(start, end):
        depth += (plain[at] in "([{") - (plain[at] in ")]}")
        if depth == 0 and plain[at] == ",":
            yield first, at
            first = at + 1
    yield first, end


def _matching(plain: str, opening: int) -> int:
    """Where the bracket that opens at `opening` closes."""
    kind, depth = plain[opening], 0
    for at in range(opening, len(plain)):
        depth += (plain[at] == kind) - (plain[at] == _CLOSING[kind])
        if depth == 0:
            return at
    line = plain.count("\n", 0, opening) + 1
    raise Uncountable(f"the `{kind}` in line {line} of the kernel's source is never closed")


def _mentions(text: str, names: Collection[str]) -> bool:
    return any(match[0] in names for match in re.finditer(r"(?<![\w.])[A-Za-z_]\w*", text))


def _uncountable(plain: str, at: int, why: str) -> Uncountable:
    return Uncountable(why, plain.count("\n", 0, at) + 1)
