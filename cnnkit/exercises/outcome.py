"""What became of an answer in one case, before anyone says whether it is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """value: the plain value that came back, or None. problem: else what happened instead, in a sentence.

    error: the type of the exception, as "IndexError". symptom: of a kernel, one of `definition.SYMPTOMS`.
    attempted: False where the answer is still the stub. line: of the learner's cell, where it is known.
    printed: what a function printed meanwhile. reads: how often a kernel read the input that is watched;
    excess: what there is to say where that is more often than enough.
    """

    value: Any = None
    problem: str = ""
    error: str = ""
    symptom: str = ""
    attempted: bool = True
    line: int | None = None
    printed: str = ""
    reads: int | None = None
    excess: str = ""


NOT_ATTEMPTED = Outcome(problem="not attempted", attempted=False)
