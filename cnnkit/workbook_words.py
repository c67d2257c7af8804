"""What happened to a learner's copy of the course, in words, and few of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from difflib import SequenceMatcher

from .workbook import Kept, Report
from .workbook_record import Marks

MOST_LINES = 12  # of what is new, for all notebooks together
MOST_NAMES = 4


def words(report: Report, version: str) -> list[str]:
    """The lines to print after a folder was prepared by cnnkit of this `version`."""
    if report.newer:
        return [
            f"The notebooks in {report.folder} were handed out by cnnkit {report.newer}, and this is the "
            f"older {version}: they stay as they are. Upgrade cnnkit, for its checks may not fit them."
        ]
    lines = []
    if report.damaged:
        lines.append(
            "The record of what was handed out here is damaged, and begun anew: every notebook that differs "
            "from the course's counts as yours."
        )
    if report.released and report.released != version:
        lines.append(
            f"Your teacher's notebooks, made with cnnkit {report.released}, stay as they are; the course of "
            f"cnnkit {version} comes with `cnnkit lab ANOTHER-FOLDER`."
        )
    added, restored, replaced = map(_notebooks, (report.added, report.restored, report.replaced))
    if added:
        lines.append(
            f"{'Your copy of the course' if report.first else 'New in the course'}: {_names(added)}."
        )
    if restored:
        lines.append(
            f"Missing, so laid there afresh: {_names(restored)}. Files that you renamed are untouched."
        )
    if replaced:
        lines.append(f"Brought up to date, as you had written nothing in them: {_names(replaced)}.")
    gone = _notebooks(report.gone)
    if gone:
        lines.append(f"No longer part of the course, and left where they are: {_names(gone)}.")
    share = max(1, MOST_LINES // max(1, len(report.kept)))
    for kept in report.kept:
        lines += _kept(kept, share)
    if report.waiting:
        pairs = [f"{beside} (of {name})" for name, beside in report.waiting]
        lines.append(
            f"Newer versions that wait beside yours: {_names(pairs)}. Delete those that you do not want."
        )
    return lines


def _kept(kept: Kept, most: int) -> list[str]:
    """What is said of a file that stays the learner's, in at most `most` lines and the one above them."""
    if kept.reason:
        return [f"{kept.name}: {kept.reason}. It stays as it is; the course's version is {kept.beside}."]
    whose = "holds your changes" if kept.known else "is not the course's version"
    head = f"{kept.name} {whose} and stays as it is; the course's new version is beside it, {kept.beside}."
    if not kept.name.endswith(".ipynb") or kept.before is None:
        return [head]
    what = "What is new in it" if kept.known else "Where they differ"
    details = difference(kept.before, kept.after, most)
    return [f"{head} {what}:", *(f"    {line}" for line in details)] if details else [head]


def difference(before: Marks, after: Marks, most: int) -> list[str]:
    """Which cells are new, changed, moved or gone, by their headings, in at most `most` lines."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    old, new = [digest for digest, _ in before], [digest for digest, _ in after]
    for what, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        moved = [heading for digest, heading in after[j:j_end] if digest in old]
        fresh = [heading for digest, heading in after[j:j_end] if digest not in old]
        lost = [heading for digest, heading in before[i:i_end] if digest not in new]
        both = min(len(fresh), len(lost))
        kinds = {"new": fresh[both:], "changed": fresh[:both], "moved": moved, "gone": lost[both:]}
        for kind, headings in kinds.items():
            for heading in headings:
                counts[heading][kind] += 1
    rows = list(counts.items())
    shown = rows if len(rows) <= most else rows[: most - 1]
    lines = [f"{_place(heading)}: {_counted(count)}" for heading, count in shown]
    rest = [count for _, count in rows[len(shown) :]]
    if rest:
        where = f"under {len(rest)} more headings" if shown else "in all"
        lines.append(f"{where}: {_counted(sum(rest, Counter()))}")
    return lines


def _place(heading: str) -> str:
    return f'"{heading}"' if heading else "before the first heading"


def _counted(counts: Counter[str]) -> str:
    cells = [f"{counts[what]} {what}" for what in ("new", "changed", "moved", "gone") if counts[what]]
    first, *others = cells
    number, what = first.split()
    return ", ".join([f"{number} {'cell' if number == '1' else 'cells'} {what}", *others])


def _notebooks(names: list[str]) -> list[str]:
    """The notebooks among files: what travels with them is not worth a word."""
    return [name for name in names if name.endswith(".ipynb")]


def _names(names: list[str]) -> str:
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{len(names)} notebooks, {names[0]} to {names[-1]}"
