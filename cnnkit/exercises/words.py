"""A verdict in words: the plain text of a check, for terminals, screen readers and logs."""

from __future__ import annotations

from .judge import NOT_ATTEMPTED, NOT_YET, PASSED, Result


def of_points(points: int, of: int) -> str:
    """ "2 of 3 points"."""
    return f"{points} of {of} point{'' if of == 1 else 's'}"


def headline(result: Result) -> str:
    """The one line that says where the exercise stands; on success it is all that is said."""
    if result.status == PASSED:
        return f"{result.id} passed: {of_points(result.points, result.of)}."
    if result.status == NOT_ATTEMPTED:
        return f"{result.id} is not attempted yet: {of_points(0, result.of)}."
    return f"{result.id} not yet: {of_points(result.points, result.of)}."


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    text = text.strip()
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?`" else f"{text}."


def reasons(result: Result) -> list[str]:
    """What is wrong, the mistake's name first; empty when passed or not attempted."""
    said = [sentence(result.mistake)] if result.mistake else []
    if result.reason:
        where = f"{result.case}: " if result.case else ""
        said.append(sentence(where + result.reason))
    return said


def group_lines(result: Result) -> list[tuple[bool, str]]:
    """For each group: does it pass, and its points; and the reason, unless that was already told."""
    lines = []
    told = {f"{result.case}: {result.reason}", result.reason}
    for group in result.groups:
        line = f"{group.name}: {of_points(group.points, group.of)}"
        if group.reason and group.reason not in told:
            line += f". {sentence(group.reason)}"
            told.add(group.reason)
        lines.append((group.points == group.of, line))
    return lines


def as_text(result: Result, next_steps: str = "") -> str:
    """Everything that a check says, as plain text."""
    lines = [headline(result)]
    lines += [f"  {line}" for line in reasons(result)]
    if result.status == NOT_YET and len(result.groups) > 1:
        lines += [f"  {line}" for _, line in group_lines(result)]
    if next_steps and not result.passed:
        lines.append(f"  {next_steps}")
    return "\n".join(lines)
