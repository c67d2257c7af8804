"""What is put into a learner's kernel before it runs: its local memory filled, its reads counted.

Both keep every line where it is, so that a compiler's complaint names the line of the cell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...counting import Uncountable, body_of, instrument
from .source import blanked

MOST_LETTERS = 8000  # of a source that is changed: what is read is not trusted, and no search may take long
COUNTS = 3  # reads of the watched buffer, reads of local memory, writes to it


class NotCounted(Exception):
    """Why the reads of a source cannot be counted: a sentence, and the line of the source if it is known."""

    def __init__(self, words: str, line: int | None = None) -> None:
        super().__init__(words)
        self.line = line


def counted(source: str, function: str, name: str) -> str:
    """The source with its reads of parameter `name` counted; three more parameters, see `instrument`."""
    if len(source) > MOST_LETTERS:
        raise NotCounted(f"it has {len(source):,} letters, and at most {MOST_LETTERS:,} can be read through")
    # A line may be continued by a backslash, in the middle of a word, too.
    text = re.sub(r"\\[ \t]*\n", "", source.replace("??/", "\\"))
    for word in ("cnnkit", "##", "%:%:"):  # what could reach the counters
        if word in text.lower():
            raise NotCounted(f"`{word}` may not stand in it: take it out")
    try:
        return instrument(source, function, name)
    except Uncountable as error:
        advice = ", and only reads of the form `name[index]` can be" if error.line else ""
        raise NotCounted(error.why + advice, error.line) from None


def filled(source: str, function: str, memory: Sequence[tuple[str, int, int]]) -> str | None:
    """The source whose kernel first fills its local memory with the number in a new last parameter.

    memory: of each `__local` parameter its name, its numbers per work-item and how many there are besides.
    None where there is nothing to fill, or the source is not understood: then what the worker puts there
    beforehand must do, which does not reach every work-group.
    """
    if not memory or len(source) > 2 * MOST_LETTERS:
        return None
    try:
        close, opening = body_of(blanked(source), function)
    except Uncountable:
        return None
    all_ = "(int)(get_local_size(0) * get_local_size(1) * get_local_size(2))"
    row = "get_local_id(2) * get_local_size(1) + get_local_id(1)"
    me = f"(int)(({row}) * get_local_size(0) + get_local_id(0))"
    loops = "".join(
        f" for (int cnnkit_i = {me}; cnnkit_i < {each} * {all_} + {more}; cnnkit_i += {all_})"
        f" ((__local int *){name})[cnnkit_i] = cnnkit_fill;"
        for name, each, more in memory
    )
    begin = opening + 1
    fill = f"{loops} barrier(CLK_LOCAL_MEM_FENCE);"
    return f"{source[:close]}, const int cnnkit_fill{source[close:begin]}{fill}{source[begin:]}"
