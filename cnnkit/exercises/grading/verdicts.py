"""From what was gathered to points. The processes have ended; the expected values exist only from here on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from ..definition import Case, Exercise, FunctionExercise
from ..judge import PASSED, GroupResult, Result, judge
from ..outcome import Outcome
from .course import CourseNotebook
from .outcomes import from_plain, words
from .submissions import Submission

MOST_ATTEMPTS = 30
NOT_HANDED_IN = "not handed in"


def cases_of(exercise: Exercise, seed: int) -> list[Case]:
    """The hidden cases of an exercise, the same for the whole class."""
    own = hashlib.sha256(f"{seed}:{exercise.id}".encode()).digest()
    return exercise.draw(int.from_bytes(own[:8], "big"))


def submission_report(
    submission: Submission,
    digest: str,
    gathered: dict[str, Any],
    course: Sequence[CourseNotebook],
    cases: dict[str, Sequence[Case]],
) -> dict[str, Any]:
    """A submission's part of the report. `course`: the notebooks that the class is graded on."""
    exercises: dict[str, Any] = {}
    for notebook in course:
        files = [f for f in gathered["files"] if f["notebook"] == notebook.name]
        for exercise in notebook.exercises:
            exercises[exercise.id] = _exercise(exercise, files, cases[exercise.id])
    names = ("file", "notebook", "status", "reason", "seconds", "events")
    return {
        "student": submission.student,
        "digest": digest,
        "notebooks": [{name: file[name] for name in names} for file in gathered["files"]],
        "exercises": exercises,
        "points": sum(e["points"] for e in exercises.values()),
        "of": sum(e["of"] for e in exercises.values()),
        "notes": [*submission.notes, *_twice(gathered["files"])],
        "seconds": gathered["seconds"],
    }


def _twice(files: list[dict[str, Any]]) -> list[str]:
    graded = [file["notebook"] for file in files if file["status"] == "graded"]
    return [
        f"{name} was handed in {graded.count(name)} times: of each exercise the better answer counts"
        for name in sorted({name for name in graded if graded.count(name) > 1})
    ]


def _exercise(exercise: Exercise, files: list[dict[str, Any]], cases: Sequence[Case]) -> dict[str, Any]:
    graded = [file for file in files if file["status"] == "graded"]
    if not graded:
        groups = tuple(GroupResult(name, 0, of) for name, of in exercise.groups.items())
        reason = "; ".join(f"{file['file']}: {file['reason']}" for file in files)
        result = Result(exercise.id, exercise.title, NOT_HANDED_IN, groups, reason=reason)
        return {**result.as_dict(), "code": "", "file": "", "notes": []}
    found = []
    for file in graded:
        answer = file["answers"][exercise.id]
        result, notes, figures = _best(exercise, answer["attempts"], cases)
        notes = [*answer["notes"], *notes]
        one = {**result.as_dict(), "code": answer["code"], "file": file["file"], "notes": notes}
        found.append({**one, "figures": figures} if figures else one)
    # Of equal points, what was tried says more than what was not.
    best = max(found, key=lambda e: (e["points"], e["status"] != "not attempted"))
    if len(found) > 1:
        told = ", ".join(f"{e['points']} in {e['file']}" for e in found)
        best["notes"] = [*best["notes"], f"points in several files, of which the most count: {told}"]
    return best


Verdict = tuple[Result, list[str], dict[str, float]]  # with notes, and what leaders are compared by


def _best(exercise: Exercise, attempts: list[Any], cases: Sequence[Case]) -> Verdict:
    results = [_judged(exercise, attempt, cases) for attempt in attempts[:MOST_ATTEMPTS]]
    return max(results, key=lambda verdict: verdict[0].points)


def _judged(exercise: Exercise, attempt: Any, cases: Sequence[Case]) -> Verdict:
    try:
        outcomes = [from_plain(outcome) for outcome in attempt]
        result = judge(exercise, cases, outcomes)
        return result, [], _figures(exercise, result, outcomes)
    except Exception as error:  # an answer that the exercise's own functions did not foresee
        said = f"this answer could not be judged ({type(error).__name__}: {words(str(error), 200)})"
        groups = tuple(GroupResult(name, 0, of, said) for name, of in exercise.groups.items())
        result = Result(exercise.id, exercise.title, "not yet", groups, reason=said)
        return result, ["look at this answer yourself: the exercise's definition did not foresee it"], {}


def _figures(exercise: Exercise, result: Result, outcomes: Sequence[Outcome]) -> dict[str, float]:
    """What a passed answer is compared by with the class's others; empty where nothing is."""
    if result.status != PASSED or not isinstance(exercise, FunctionExercise) or exercise.figures is None:
        return {}
    try:
        return {name: float(value) for name, value in exercise.figures(outcomes[-1].value).items()}
    except Exception:  # a rank is no reason to lose the points
        return {}
