"""Text that a student has written, made fit to be shown: nothing in it hides, runs or never ends."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from markupsafe import Markup, escape

LONGEST_CODE = 20_000  # letters of one answer; the notebook has the rest
LONGEST_WORDS = 1_500  # of a name, a reason, a note
LONGEST_COLORED = 8_000  # of one answer that is colored
COLORED_IN_ALL = 100_000  # coloring is the slowest part of a report: about half a second for so many

# What is not seen, or makes other letters be seen in another order or not at all: control characters,
# marks and overrides of the direction, invisible spaces, separators, halves of surrogate pairs. The two
# joiners U+200C and U+200D stay: names are written with them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """`text` with everything hidden spelled out: an escape as "⟨ESC⟩", U+202E as "⟨U+202E⟩"."""
    return _HIDDEN.sub(_spelled, text.replace("\r\n", "\n"))


def _spelled(found: re.Match[str]) -> str:
    code = ord(found.group())
    return {0: "⟨NUL⟩", 0x1B: "⟨ESC⟩"}.get(code, f"⟨U+{code:04X}⟩")


def clipped(text: str, longest: int = LONGEST_WORDS) -> str:
    """The first `longest` letters, and how many are left out."""
    return text if len(text) <= longest else f"{text[:longest]} … ({len(text) - longest:,} more letters)"


def one_line(text: str, longest: int = LONGEST_WORDS) -> str:
    """`text` in one line, clipped, its hidden characters spelled out."""
    return visible(" ".join(clipped(text, longest).split()))


def shown(value: Any) -> Any:
    """Jinja's last step before escaping: no text comes onto the page without being visible and clipped."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(clipped(value))
    return value


def stopped(text: str) -> str:
    """`text` with a full stop. Its first letter stays: it may be a variable's or a file's."""
    text = text.strip()
    return text + ("" if text.endswith((".", "!", "?", "…", ")")) or not text else ".")


def sentence(text: str) -> str:
    """`text` with a capital first letter, unless that begins something else than a word, and a full stop."""
    text = text.strip()
    word = text.split(" ", 1)[0].rstrip(",:;")
    return stopped(text[:1].upper() + text[1:] if word.isalpha() and word.islower() else text)


def code(text: str) -> Markup:
    """An answer's code, escaped, without colors."""
    return escape(visible(clipped(text, LONGEST_CODE)))


def colored(codes: Iterable[str]) -> dict[str, Markup]:
    """Each code with its tokens in <span>s, as far as the budget reaches; those wanted most come first."""
    found: dict[str, Markup] = {}
    left = COLORED_IN_ALL
    for text in codes:
        if text not in found and len(text) <= min(LONGEST_COLORED, left):
            left -= len(text)
            found[text] = _colored(visible(text))
    return found


def _colored(text: str) -> Markup:
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    classes = (
        (Comment, "c"),
        (Keyword, "k"),
        (Operator.Word, "k"),
        (String, "s"),
        (Number, "n"),
        (Name.Function, "f"),
    )
    kernel = "kernel void" in text or text.startswith("%%kernel")
    known: dict[Any, str] = {}
    parts: list[tuple[str, list[str]]] = []  # neighbors of one class make one span
    for _, token, piece in (_lexer("c") if kernel else _lexer("python")).get_tokens_unprocessed(text):
        if token not in known:
            known[token] = next((name for kind, name in classes if token in kind), "")
        if not parts or parts[-1][0] != known[token]:
            parts.append((known[token], []))
        parts[-1][1].append(piece)
    spans = ((name, escape("".join(pieces))) for name, pieces in parts)
    return Markup("".join(f'<span class="{name}">{text}</span>' if name else text for name, text in spans))


@cache
def _lexer(language: str) -> Any:
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(language, ensurenl=False, stripnl=False)
