"""The way of a window that slides by itself: row by row, in steps that keep a large picture's tour short."""

from __future__ import annotations

from dataclasses import dataclass

from .words import count

ACROSS, DOWN = 32, 10  # stops at most, in a row and in rows, of a tour that leaves pixels out
WHOLE = 256  # stops at most of a tour that leaves none out: about half a minute


@dataclass(frozen=True)
class Tour:
    """Stops at every `right`-th pixel of every `down`-th row of a picture (rows, columns)."""

    rows: int
    columns: int
    down: int
    right: int

    @property
    def stops(self) -> int:
        return -(-self.rows // self.down) * -(-self.columns // self.right)

    def place(self, number: int) -> tuple[int, int]:
        """(row, column) of stop `number`; after the last one it starts over."""
        row, column = divmod(number % self.stops, -(-self.columns // self.right))
        return row * self.down, column * self.right

    def words(self) -> str:
        """`every 10th pixel of every 30th row`; empty when no pixel is left out."""
        if self.down == self.right == 1:
            return ""
        right = "each pixel" if self.right == 1 else f"every {ordinal(self.right)} pixel"
        down = "each row" if self.down == 1 else f"every {ordinal(self.down)} row"
        return f"{right} of {down}, {count(self.stops, 'stop')}"


def tour(rows: int, columns: int) -> Tour:
    """The tour of a picture of `rows` x `columns` pixels (at least one): whole where it is small."""
    if rows * columns <= WHOLE:
        return Tour(rows, columns, 1, 1)
    return Tour(rows, columns, -(-rows // DOWN), -(-columns // ACROSS))


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `4th`, `11th`."""
    last = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else last}"
