"""What a class did, counted: states of answers, spread of points, what to talk about in the next lesson."""

from __future__ import annotations

import statistics
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# In the order in which bars stack them: name, sign, words. A sign stands beside every color.
STATES = (
    ("full", "✓", "all points"),
    ("partial", "◐", "some of the points"),
    ("none", "✗", "no points"),
    ("blank", "○", "not attempted"),
    ("missing", "·", "not handed in"),
)
SIGNS = {name: sign for name, sign, _ in STATES}
WORDS = {name: words for name, _, words in STATES}


def state(answer: dict[str, Any]) -> str:
    """Which of STATES an answer is in: its points decide, where there is an answer."""
    if answer["status"] == "not attempted":
        return "blank"
    if answer["status"] == "not handed in":
        return "missing"
    if answer["points"] >= answer["of"]:
        return "full"
    return "partial" if answer["points"] > 0 else "none"


def by_name(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The submissions in the order of a class list: accents and capitals do not move a name."""

    def key(submission: dict[str, Any]) -> tuple[str, str]:
        letters = unicodedata.normalize("NFKD", submission["student"].casefold())
        return "".join(c for c in letters if not unicodedata.combining(c)), submission["student"]

    return sorted(report["submissions"], key=key)


def percent(points: float, of: float) -> float:
    return 100 * points / of if of else 0.0


@dataclass(frozen=True)
class Bin:
    """Students with `low` to `high` points, both included."""

    low: int
    high: int
    count: int

    @property
    def label(self) -> str:
        return f"{self.low}–{self.high}" if self.high > self.low else str(self.low)


def histogram(points: Sequence[int], of: int) -> list[Bin]:
    """Up to eight bins of one round width over 0 to `of` points; the last one may be narrower or wider."""
    width = next((w for w in (1, 2, 3, 4, 5, 10, 15, 20, 25, 50, 100) if of // w < 8), of // 7 or 1)
    last = of // width
    if last and 2 * (of - last * width + 1) < width:  # a narrow bin among wide ones misleads the eye
        last -= 1
    counts = Counter(min(min(max(p, 0), of) // width, last) for p in points)
    return [Bin(i * width, of if i == last else (i + 1) * width - 1, counts[i]) for i in range(last + 1)]


@dataclass(frozen=True)
class Mistake:
    """What several students did alike. `named`: it is one of the exercise's known mistakes."""

    exercise: int  # its place among the report's exercises
    sentence: str
    named: bool
    students: tuple[int, ...]  # their places among the submissions

    @property
    def count(self) -> int:
        return len(self.students)


@dataclass(frozen=True)
class ExerciseSummary:
    """One exercise over the whole class. `others`: wrong answers that no other student shares."""

    exercise: dict[str, Any]
    counts: dict[str, int]  # by the names of STATES
    mistakes: tuple[Mistake, ...]
    others: int

    @property
    def passed(self) -> int:
        return self.counts["full"]


def exercises(report: dict[str, Any], submissions: Sequence[dict[str, Any]]) -> list[ExerciseSummary]:
    """Every exercise's summary, in the report's order."""
    found = []
    for place, exercise in enumerate(report["exercises"]):
        answers = [submission["exercises"][exercise["id"]] for submission in submissions]
        states = Counter(state(answer) for answer in answers)
        mistakes, others = _mistakes(place, answers)
        counts = {name: states[name] for name, _, _ in STATES}
        found.append(ExerciseSummary(exercise, counts, mistakes, others))
    return found


def _mistakes(place: int, answers: Sequence[dict[str, Any]]) -> tuple[tuple[Mistake, ...], int]:
    """The mistakes, most frequent first. The cases are the same for the whole class, so that an unnamed
    mistake that two students share shows as the same reason."""
    who: dict[tuple[bool, str], list[int]] = {}
    for student, answer in enumerate(answers):
        if state(answer) not in ("partial", "none"):
            continue
        named = bool(answer["mistake"])
        words = answer["mistake"] if named else ": ".join(filter(None, (answer["case"], answer["reason"])))
        who.setdefault((named, words), []).append(student)
    # A named mistake is worth telling also when one student made it; an unnamed one when it is shared.
    told = [
        Mistake(place, words, named, tuple(students))
        for (named, words), students in who.items()
        if words and (named or len(students) > 1)
    ]
    told.sort(key=lambda mistake: (-mistake.count, not mistake.named, mistake.sentence))
    return tuple(told), sum(map(len, who.values())) - sum(mistake.count for mistake in told)


def next_lesson(summaries: Sequence[ExerciseSummary], most: int = 5) -> list[Mistake]:
    """The mistakes that most of the class made; those of one student alone only if there are no others."""
    every = [mistake for summary in summaries for mistake in summary.mistakes]
    shared = [mistake for mistake in every if mistake.count > 1] or every
    points = [summary.exercise["points"] for summary in summaries]  # what it may have cost

    def rank(mistake: Mistake) -> tuple[int, bool, int, int]:
        return -mistake.count, not mistake.named, -points[mistake.exercise], mistake.exercise

    return sorted(shared, key=rank)[:most]


def hardest(summaries: Sequence[ExerciseSummary], most: int = 3) -> list[ExerciseSummary]:
    """The exercises that most of those who tried did not pass, where that is at least a third of them."""

    def share(summary: ExerciseSummary) -> float:
        tried = _tried(summary)
        return summary.passed / tried if tried else 1.0

    return sorted((s for s in summaries if share(s) <= 2 / 3), key=share)[:most]


def _tried(summary: ExerciseSummary) -> int:
    return sum(summary.counts[name] for name in ("full", "partial", "none"))


def mean(points: Sequence[int]) -> float | None:
    return statistics.fmean(points) if points else None


def median(points: Sequence[int]) -> float | None:
    return statistics.median(points) if points else None
