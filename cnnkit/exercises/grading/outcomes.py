"""What a process sent, as outcomes: each field is looked at, shortened, and made fit to be written."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..outcome import Outcome
from ..plain import LONGEST_TEXT
from .notebook_text import clean

LONGEST_PROBLEM = 500


def words(value: Any, longest: int) -> str:
    """Text of at most so many letters; "" for anything else."""
    return clean(value[:longest]) if isinstance(value, str) else ""


def problem(text: str) -> Outcome:
    return Outcome(problem=text)


def outcome_of(reply: dict[str, Any]) -> Outcome:
    """The outcome that a reply tells of."""
    value = reply.get("value")
    if isinstance(value, str):
        value = words(value, LONGEST_TEXT)
    elif not isinstance(value, np.ndarray):
        value = None
    said = words(reply.get("problem"), LONGEST_PROBLEM)
    if value is None and not said:
        said = "nothing came back"
    line = reply.get("line")
    line = line if type(line) is int and 0 < line < 10**6 else None
    return Outcome(value, said, words(reply.get("error"), 80), "", True, line)


def as_plain(outcome: Outcome) -> dict[str, Any]:
    """For a file."""
    return {
        "value": outcome.value,
        "problem": outcome.problem,
        "error": outcome.error,
        "symptom": outcome.symptom,
        "attempted": outcome.attempted,
        "line": outcome.line,
        "excess": outcome.excess,
    }


def from_plain(kept: dict[str, Any]) -> Outcome:
    """The outcome that `as_plain` was given."""
    return Outcome(**{name: kept[name] for name in as_plain(Outcome()) if name in kept})
