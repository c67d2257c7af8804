"""The class report as one HTML page: nothing is fetched, nothing runs.

What students wrote is hostile text. Three things stand between it and the teacher: every text is made
visible and clipped (`report_text.shown`) and then escaped (Jinja); the page has no script; and its policy
forbids scripts, fetches and every style but the one whose digest it names.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from . import report_summary, report_text

DIAGNOSED = ("none", "partial")  # the answers that a teacher reads first


def render(report: dict[str, Any]) -> bytes:
    """The page, in UTF-8. Students stand in the order of their names."""
    submissions = report_summary.by_name(report)
    points = [submission["points"] for submission in submissions]
    of = sum(exercise["points"] for exercise in report["exercises"])
    summaries = report_summary.exercises(report, submissions)
    style = Markup(_packaged("report.css"))
    page = _template().render(
        report=report,
        submissions=submissions,
        answers=[_answers(submission, report["exercises"]) for submission in submissions],
        of=of,
        mean=report_summary.mean(points),
        median=report_summary.median(points),
        bins=report_summary.histogram(points, of),
        summaries=summaries,
        lesson=report_summary.next_lesson(summaries),
        hardest=report_summary.hardest(summaries),
        attention=[(i, told) for i, s in enumerate(submissions) if (told := _attention(s))],
        notebooks=_notebooks(report),
        edges=_edges(report["exercises"]),
        states=report_summary.STATES,
        code=_coder(submissions),
        style=style,
        digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )
    return page.encode("utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        finalize=report_text.shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        line=report_text.one_line,
        sentence=report_text.sentence,
        stopped=report_text.stopped,
        number=_number,
        bytes=_bytes,
        moment=_moment,
    )
    environment.globals.update(
        percent=report_summary.percent,
        signs=report_summary.SIGNS,
        words=report_summary.WORDS,
        stacked=_stacked,
        plural=_plural,
    )
    return environment.from_string(_packaged("report.html.j2"))


def _packaged(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _coder(submissions: list[dict[str, Any]]) -> Any:
    """A function from an answer to its code in HTML. The diagnosed ones are the first to be colored."""
    answers = [answer for submission in submissions for answer in submission["exercises"].values()]
    answers.sort(key=lambda answer: report_summary.state(answer) not in DIAGNOSED)
    colors = report_text.colored(answer["code"] for answer in answers if answer["code"])

    def code(answer: dict[str, Any]) -> Markup:
        text = answer["code"]
        return colors[text] if text in colors else report_text.code(text)

    return code


def _notebooks(report: dict[str, Any]) -> list[tuple[str, int]]:
    """Each notebook in the order of its exercises, with how many stand beside each other."""
    found: list[tuple[str, int]] = []
    for exercise in report["exercises"]:
        if found and found[-1][0] == exercise["notebook"]:
            found[-1] = (exercise["notebook"], found[-1][1] + 1)
        else:
            found.append((exercise["notebook"], 1))
    return found


def _edges(exercises: list[dict[str, Any]]) -> list[str]:
    """A class for each column of the overview: " edge" where a notebook begins."""
    before = [None, *(exercise["notebook"] for exercise in exercises)]
    return [" edge" if e["notebook"] != b else "" for e, b in zip(exercises, before, strict=False)]


def _answers(submission: dict[str, Any], exercises: list[dict[str, Any]]) -> list[tuple[dict[str, Any], str]]:
    """Each answer with its state, in the exercises' order."""
    answers = [submission["exercises"][exercise["id"]] for exercise in exercises]
    return [(answer, report_summary.state(answer)) for answer in answers]


def _attention(submission: dict[str, Any]) -> list[str]:
    """What a teacher should look at: notes, refused files, stopped cells, an empty submission."""
    told = list(submission["notes"])
    for book in submission["notebooks"]:
        if book["status"] == "refused":
            told.append(f"{book['file']} was refused: {book['reason']}")
        elif book["events"]:
            more = (
                f" (and {_plural(len(book['events']) - 1, 'more event')})" if len(book["events"]) > 1 else ""
            )
            told.append(f"{book['file']}: {book['events'][0]}{more}")
    if not submission["notebooks"] and not told:
        told.append("handed in no notebook")
    return told


def _stacked(summary: report_summary.ExerciseSummary) -> list[tuple[str, float, float]]:
    """(state, left, width) of the parts of a bar of 100 that shows the class."""
    size = sum(summary.counts.values())
    parts, left = [], 0.0
    for name, count in summary.counts.items():
        if count:
            width = 100 * count / size
            parts.append((name, round(left, 2), round(width, 2)))
            left += width
    return parts


def _number(value: float | None) -> str:
    """At most one digit after the point; a dash for the mean of nobody."""
    return "–" if value is None else f"{value:.1f}".removesuffix(".0")


def _bytes(count: int) -> str:
    for size, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= size:
            return f"{_number(count / size)} {unit}"
    return f"{count} bytes"


def _moment(iso: str) -> str:
    """2026-05-04 12:30, without the seconds."""
    return iso[:16].replace("T", " ")


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
