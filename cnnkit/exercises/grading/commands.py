"""`cnnkit grade`: a class's notebooks in, a report out."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any


def add_grade(commands: Any) -> None:
    """Add the subcommand."""
    grade = commands.add_parser("grade", help="grade a class's notebooks, each in a process of its own")
    grade.add_argument(
        "submissions", metavar="SUBMISSIONS", help="a folder of notebooks or of one folder per student"
    )
    grade.add_argument(
        "--out",
        required=True,
        metavar="REPORT",
        help="the folder for the report; one that was begun is finished",
    )
    grade.add_argument(
        "-j", "--jobs", type=_count, default=1, metavar="N", help="submissions at once (default: 1)"
    )
    grade.add_argument(
        "--seed", type=int, metavar="S", help="of the hidden cases (default: a random one, in the report)"
    )
    grade.add_argument(
        "--notebooks",
        type=_numbers,
        default=(),
        metavar="01,05",
        help="grade only these (default: all that were handed in)",
    )
    grade.add_argument(
        "--cell-seconds",
        type=_positive,
        default=60.0,
        metavar="S",
        help="for a cell, or a call of an answer (default: 60)",
    )
    grade.add_argument(
        "--seconds", type=_positive, default=300.0, metavar="S", help="for a notebook (default: 300)"
    )
    grade.add_argument(
        "--memory", type=_positive, default=4.0, metavar="GiB", help="for a notebook (default: 4)"
    )
    grade.add_argument("--unprotected", action="store_true", help="without bubblewrap, where it is installed")
    grade.set_defaults(run=_grade)


def _grade(options: argparse.Namespace) -> int:
    from .grader import Options, grade
    from .limits import GIBI, Limits

    limits = dataclasses.replace(
        Limits(),
        cell_seconds=options.cell_seconds,
        submission_seconds=options.seconds,
        memory_bytes=int(options.memory * GIBI),
    )
    out = Path(options.out)
    asked = Options(
        Path(options.submissions),
        out,
        options.jobs,
        options.seed,
        options.notebooks,
        limits,
        options.unprotected,
        progress=True,
    )
    try:
        report = grade(asked)
    except KeyboardInterrupt:
        print("cnnkit: interrupted; the same command goes on where it ended.", file=sys.stderr)
        raise
    print(report["protection"]["words"])
    graded = report["submissions"]
    mean = sum(s["points"] for s in graded) / len(graded)
    of = sum(e["points"] for e in report["exercises"])
    print(f"{len(graded)} submissions, {mean:.1f} of {of} points on average; seed {report['seed']}.")
    print(f"The report is {out / 'index.html'}.")
    return 0


def _count(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{value} is below 1")
    return value


def _positive(text: str) -> float:
    if not 0 < (value := float(text)) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _numbers(text: str) -> tuple[str, ...]:
    return tuple(part.strip().zfill(2) for part in text.split(",") if part.strip())


# argparse names the type in its own message: "invalid whole number value: 'x'".
_count.__name__ = "whole number"
_positive.__name__ = "number"
