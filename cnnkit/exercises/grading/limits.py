"""What a submission may use. Generous for honest work, and small enough that a class is graded overnight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MEBI, GIBI = 1 << 20, 1 << 30


@dataclass(frozen=True)
class Limits:
    """cell_seconds also bounds one call of an answer; submission_seconds, one notebook of one student."""

    cell_seconds: float = 60.0
    submission_seconds: float = 300.0
    memory_bytes: int = 4 * GIBI
    processes: int = 64
    file_bytes: int = 512 * MEBI  # of the scratch folder, all files together
    files: int = 20_000
    answer_bytes: int = 32 * MEBI  # of one answer's value
    answers_bytes: int = 256 * MEBI  # of all values of a notebook
    grace_seconds: float = 2.0  # after an interrupt, before the kill
    start_seconds: float = 60.0  # until the process is ready: a busy machine is not the student's fault
    restarts: int = 8  # of the process, after kills and crashes

    def as_dict(self) -> dict[str, Any]:
        """What the report says of them."""
        names = ("cell_seconds", "submission_seconds", "memory_bytes", "processes", "file_bytes")
        return {name: getattr(self, name) for name in names}
