"""What can be said about a kernel by reading it: its parameters, and the lines that write, read and loop.

A reader for sentences, not a compiler: where a source is too clever for it, it finds nothing and the
sentence names no line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

LONGEST_SHOWN = 100
# What is read is not trusted either: no search may take long.
LONGEST_LIST, LONGEST_INDEX, LONGEST_STATEMENT, MOST_NAMES = 4000, 300, 1000, 50
_COMMENTS = re.compile(r"//(?:\\\n|[^\n])*|/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*\"", re.S)
_KERNEL = re.compile(r"\b(?:__)?kernel\s+(?:\w{1,40}\s+){0,4}?(?P<name>\w{1,99})\s*\(")
_SPACES = {"global": "__global", "local": "__local", "constant": "__constant", "private": ""}
_SCALARS = (
    *("bool", "char", "uchar", "short", "ushort", "int", "uint", "long", "ulong"),
    *("half", "float", "double", "size_t"),
)
_BRACKET, _REST = re.compile(r"\s*\["), re.compile(r"[^;()]{0,300}\)")
_SWIZZLE, _STEP = re.compile(r"\s*\.\s*\w+"), re.compile(r"\s*(?:\+\+|--)")
_FORBIDDEN = re.compile(
    r"(?m)^[ \t\v\f]*#[ \t\v\f]*(?P<directive>include_next|include|import|embed)\b|"
    r"\b(?P<word>__has_include(?:_next)?|__has_embed|__asm__|__asm|asm|_Pragma)\b"
)
_TYPES = "|".join(_SCALARS)
_ASSIGN = re.compile(r"\s*(?P<with>[-+*/%&|^]|<<|>>)?=(?!=)")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel. space: "__global", "__local", "__constant" or "". type: "" where unknown."""

    name: str
    text: str
    space: str
    pointer: bool
    type: str


def cell_line(line: int) -> int:
    """The line of the cell where a line of the source stands: the cell's first is `%%kernel NAME`."""
    return line + 1


def line_text(source: str, line: int) -> str:
    """One line of a source, counted from 1."""
    lines = source.split("\n")
    text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 4] + " ..."


def blanked(source: str) -> str:
    """The source with comments and words in quotes blanked out; every line stays where it is."""
    return _COMMENTS.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)


def kernels(source: str) -> dict[str, list[Parameter]]:
    """The kernels of a source by name, with their parameters."""
    text, found = _without_attributes(blanked(source)), {}
    for match in _KERNEL.finditer(text):
        end = _closing(text, match.end() - 1, LONGEST_LIST)
        parts = _split(text[match.end() : end]) if end else []
        found[match["name"]] = [_parameter(part) for part in parts if part.strip() not in ("", "void")]
    return found


def signature(source: str, function: str) -> str:
    """The first line or lines of a kernel as they were written, on one line."""
    return f"{function}({', '.join(parameter.text for parameter in kernels(source).get(function, []))})"


def forbidden(source: str) -> tuple[int, str] | None:
    """The line and the word of what reads other files: #include and its like, and assembly."""
    text = source.replace("??=", "#").replace("%:", "#").replace("??/", "\\")
    spliced, cuts = "", []  # a directive may run over line ends ...
    for part in re.split(r"\\[ \t]*\n", text):
        spliced += part
        cuts.append(len(spliced))
    # ... and hold comments, in which \v keeps the number of lines.
    blank = re.compile(r"/\*.*?(?:\*/|\Z)|//[^\n]*", re.S)
    spliced = blank.sub(lambda match: re.sub(r"[^\n]", " ", match[0]).replace("\n", "\v"), spliced)
    match = _FORBIDDEN.search(spliced)
    if not match:
        return None
    at = match.start("directive") if match["directive"] else match.start("word")
    line = 1 + len(re.findall(r"[\n\v]", spliced[:at])) + sum(cut <= at for cut in cuts[:-1])
    return line, f"#{match['directive']}" if match["directive"] else match["word"]


def lines_writing(source: str, name: str) -> list[int]:
    """The lines that assign to elements of `name`."""
    return [line for line, writes, _ in _uses(source, name) if writes]


def lines_reading(source: str, name: str) -> list[int]:
    """The lines that use elements of `name`."""
    return [line for line, _, reads in _uses(source, name) if reads]


def loops(source: str) -> list[int]:
    """The lines where a loop begins."""
    text = blanked(source)
    do_while = re.compile(r"\}\s*while\s*\(")  # the end of a loop, not a beginning
    ends = {match.end() for match in do_while.finditer(text)}
    found = [m for m in re.finditer(r"\b(?:for|while)\s*\(|\bdo\b|\bgoto\b", text) if m.end() not in ends]
    return sorted({_line_at(text, match.start()) for match in found})


def divisions(source: str) -> list[int]:
    """The lines with `/` or `%`."""
    text = blanked(source)
    return sorted({_line_at(text, match.start()) for match in re.finditer(r"[/%]", text)})


def large_arrays(source: str, bytes_: int) -> list[int]:
    """The lines that declare an array of more than so many bytes for each work-item."""
    text, found = blanked(source), []
    sizes = {m[1]: int(m[2]) for m in re.finditer(r"(?m)^\s*#\s*define\s+(\w+)\s+\(?(\d+)\)?\s*$", text)}
    place = 0
    for part in re.split(r"([;{}()])", text):
        match = re.search(r"\b\w+\s+\w+\s*(?P<sizes>(?:\[\s*\w+\s*\]\s*)+)\s*(?:=|,|$)", part)
        place += len(part)
        if not match or re.search(r"\b(?:__)?(?:local|global|constant)\b", part):
            continue
        product = 4
        for size in re.findall(r"\w+", match["sizes"]):
            product *= int(size) if size.isdecimal() else sizes.get(size, 1)
        if product > bytes_:
            found.append(_line_at(text, place - len(part) + match.start("sizes")))
    return found


def never_set(source: str) -> tuple[str, int] | None:
    """A number of a work-item's own that is used and surely never set, and the line that declares it.

    Surely: it is declared without a number, and whatever assigns to it counts on what it holds (`sum += ...`,
    `m = fmax(m, ...)`, `if (a > m) m = a;`). Where that is not plain to see, None.
    """
    text = blanked(source)
    if re.search(r"#\s*define\b|\b(?:struct|union|typedef|goto|switch)\b", text):
        return None
    declared = re.finditer(
        rf"(?<=[;{{}}])\s*(?P<type>{_TYPES})\s+(?P<names>[\w\s,]{{1,{LONGEST_INDEX}}});", text
    )
    names = ((name, found) for found in declared for name in re.findall(r"\w+", found["names"]))
    for name, found in islice(names, MOST_NAMES):
        if _surely_not_set(text, name, found.start("type"), found.end()):
            return name, _line_at(text, found.start("type"))
    return None


def _surely_not_set(text: str, name: str, start: int, end: int) -> bool:
    """Of a variable that is declared between `start` and `end`."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    if word.search(text[:start]) or len(word.findall(text[start:end])) > 1:
        return False  # there is another of this name
    assigned = False
    for use in word.finditer(text, end):
        first = max(text.rfind(mark, end - 1, use.start()) for mark in ";}") + 1
        rest = text.find(";", use.end())
        before, after = text[first : use.start()], text[use.end() : rest if rest >= 0 else len(text)]
        if len(before) + len(after) > LONGEST_STATEMENT:
            return False
        if re.search(rf"\b(?:{_TYPES})\d*[\s*\w]*$|(?:[&.]|->|\+\+|--)\s*$", before) or _STEP.match(after):
            return False  # another of this name, its address, a member, or too clever
        how = _ASSIGN.match(after)
        if how is None:
            continue
        value = after[how.end() :]
        if not how["with"] and not word.search(before + value):
            return False  # set
        if (
            len(_split(value)) > 1
            or value.count(")") > value.count("(")
            or re.search(r"\|\||&&|\?|\belse\b", before + value)
        ):
            return False  # set, perhaps, before it is used
        assigned = True
    return assigned


def uses_local_memory(source: str) -> bool:
    return bool(re.search(r"\b(?:__)?local\b", blanked(source)))


def has_barrier(source: str) -> bool:
    return bool(re.search(r"\b(?:work_group_)?barrier\s*\(", blanked(source)))


def lines_with_barrier(source: str) -> list[int]:
    text = blanked(source)
    found = re.finditer(r"\b(?:work_group_)?barrier\s*\(", text)
    return sorted({_line_at(text, match.start()) for match in found})


def lines_calling(source: str, name: str) -> list[int]:
    """The lines that call a function."""
    text = blanked(source)
    found = [m for m in re.finditer(rf"(?<![\w\s])\s*\b{re.escape(name)}\s*\(", text) if m.start()]
    return sorted({_line_at(text, match.end() - 1) for match in found})


def lines_declaring_local(source: str) -> list[int]:
    """The lines that declare an array in local memory."""
    text = blanked(source)
    found = re.finditer(r"\b(?:__)?local\s+\w[\w\s]*\[", text)
    return sorted({_line_at(text, match.start()) for match in found})


def _uses(source: str, name: str) -> list[tuple[int, bool, bool]]:
    """(line, does it write, does it read) for every line that uses elements of `name`."""
    text = _without_attributes(blanked(source))
    found: dict[int, tuple[bool, bool]] = {}
    for match in _KERNEL.finditer(text):  # a parameter's `*` is no use of it
        start, end = match.end(), _closing(text, match.end() - 1, LONGEST_LIST)
        if end:
            text = text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]
    for match in re.finditer(rf"\b{re.escape(name)}\b", text):
        writes, reads = _use(text, match.start(), match.end())
        if writes or reads:
            line = _line_at(text, match.start())
            before = found.get(line, (False, False))
            found[line] = (before[0] or writes, before[1] or reads)
    return [(line, *use) for line, use in sorted(found.items())]


def _use(text: str, start: int, end: int) -> tuple[bool, bool]:
    before = text[max(0, start - 80) : start]
    if re.search(r"\bvstore\w*\s*\([^;]*,[^;,]*,\s*$", before):
        return True, False
    if re.search(r"\batom(?:ic)?_\w+\s*\(\s*&?\s*$", before):
        return True, False
    if re.search(r"\bvload\w*\s*\([^;]*,\s*$", before):
        return False, True
    at = end
    while (bracket := _BRACKET.match(text, at)) is not None:
        closing = _closing(text, bracket.end() - 1, LONGEST_INDEX)
        if not closing:
            return False, False
        at = closing + 1
    if at == end:
        if re.search(r"\*\s*\(?\s*$", before):  # *y = ..., *(y + i) = ...
            rest = _REST.match(text, at) if re.search(r"\(\s*$", before) else None
            assigned = _ASSIGN.match(text, rest.end() if rest else at)
            return bool(assigned), not assigned
        return False, False
    swizzle = _SWIZZLE.match(text, at)
    at = swizzle.end() if swizzle else at
    if _STEP.match(text, at) or re.search(r"(?:\+\+|--)\s*$", before):
        return True, True
    assigned = _ASSIGN.match(text, at)
    if assigned:
        return True, bool(assigned["with"])
    return False, True


def _without_attributes(text: str) -> str:
    attribute = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)")
    return attribute.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def _line_at(text: str, index: int) -> int:
    return text.count("\n", 0, index) + 1


def _closing(text: str, opening: int, most: int) -> int:
    """Where the bracket that opens at `opening` closes; 0 if nowhere near."""
    pairs, depth = {"(": ")", "[": "]"}, 0
    open_, close = text[opening], pairs[text[opening]]
    for at in range(opening, min(len(text), opening + most)):
        depth += (text[at] == open_) - (text[at] == close)
        if depth == 0:
            return at
    return 0


def _split(inside: str) -> list[str]:
    """The parts between the commas that stand in no brackets."""
    parts, depth = [""], 0
    for letter in inside:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _parameter(text: str) -> Parameter:
    tokens = re.findall(r"\w+|\*|\[", text)
    named = [token for token in tokens if re.match(r"[A-Za-z_]", token)]
    spaces = [token.strip("_") for token in named if token.strip("_") in _SPACES]
    types = [token for token in named[:-1] if re.fullmatch(r"[a-z_]+\d*", token)]
    if "unsigned" in types:
        types = ["u" + next((t for t in types if t in ("char", "short", "int", "long")), "int")]
    bases = [re.sub(r"(?<=[a-z])(?:2|3|4|8|16)$", "", t) for t in types]  # float4 -> float
    base = next((name for name in bases if name in _SCALARS), "")
    shown = re.sub(r"\s+", " ", text).strip()
    pointer = "*" in tokens or "[" in tokens
    return Parameter(named[-1] if named else "", shown, _SPACES[spaces[0]] if spaces else "", pointer, base)
