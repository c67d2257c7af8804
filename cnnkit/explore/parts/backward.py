"""One convolution forward and backward on small arrays, and each of its gradients as a sum of products.

With g = dL/dy, stride s and padding p (Dumoulin and Visin 2016; the sums are the chain rule by hand):

    y[i, j]  = sum over r, q of  x[i s + r - p, j s + q - p] w[r, q]
    dx[a, b] = sum of  g[i, j] w[r, q]  over all outputs (i, j) that read x[a, b], each through w[r, q]
    dw[r, q] = sum over i, j of  x[i s + r - p, j s + q - p] g[i, j]
    db       = sum over i, j of  g[i, j]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import cnnkit

from .axis import Axis


@dataclass(frozen=True)
class Terms:
    """The products of one sum, as rectangles of equal shape (m, n): `left` times `right`.

    left_names, right_names: what each factor is called, such as "g[0, 1]"; inside (m, n): False where the
    left factor is padding.
    """

    left: np.ndarray
    right: np.ndarray
    left_names: list[list[str]]
    right_names: list[list[str]]
    inside: np.ndarray

    @property
    def products(self) -> np.ndarray:
        return self.left.astype(np.float64) * self.right

    @property
    def total(self) -> float:
        return float(self.products.sum())


@dataclass(frozen=True)
class Pass:
    """x (H, W), w (k, k), y and g (OH, OW), dx as x, dw as w, all float32; db and loss numbers.

    rows, columns: how the filter's windows lie over x. target: (OH, OW) of a squared error, or None.
    """

    x: np.ndarray
    w: np.ndarray
    rows: Axis
    columns: Axis
    y: np.ndarray
    g: np.ndarray
    dx: np.ndarray
    dw: np.ndarray
    db: float
    loss: float
    target: np.ndarray | None = None

    def part(self, name: str) -> np.ndarray:
        """The array called "x", "w" or "y"."""
        return {"x": self.x, "w": self.w, "y": self.y}[name]

    def gradient(self, name: str) -> np.ndarray:
        """dL by the array called "x", "w" or "y"."""
        return {"x": self.dx, "w": self.dw, "y": self.g}[name]

    def loss_of(self, y: np.ndarray) -> float:
        """The loss of another output: the sum of g y, or of the squared errors."""
        return loss_of(y, self.g, self.target)

    def touching(self, row: int, column: int) -> tuple[list[int], list[int]]:
        """The rows and the columns of the outputs that read the input pixel; both are without gaps."""
        pairs = ((self.rows, row), (self.columns, column))
        down, across = ([i for i in range(a.output) if at in a.cells(i)] for a, at in pairs)
        return down, across

    def reads(self, name: str, row: int, column: int) -> dict[str, tuple[list[int], list[int]]]:
        """The rows and columns of "x", "w" and "y" that take part in the sum at a place of `name`.

        Those of x may lie in the padding; the array called `name` itself is left out.
        """
        every = list(range(self.rows.output)), list(range(self.columns.output))
        if name == "x":
            down, across = self.touching(row, column)
            used = [row - int(self.rows.cells(i)[0]) for i in down]
            return {
                "w": (used, [column - int(self.columns.cells(j)[0]) for j in across]),
                "y": (down, across),
            }
        if name == "w":
            met = [int(self.rows.cells(i)[row]) for i in every[0]]
            return {"x": (met, [int(self.columns.cells(j)[column]) for j in every[1]]), "y": every}
        sides = list(range(len(self.w)))
        return {
            "x": (self.rows.cells(row).tolist(), self.columns.cells(column).tolist()),
            "w": (sides, sides),
        }

    def terms(self, name: str, row: int, column: int) -> Terms:
        """The sum behind dx (for "x"), dw ("w") or y ("y") at a place.

        For dx, g of each output that reads the pixel, times the weight it reads it with; for dw, the pixel
        that the weight meets in each window, times g there; for y, each pixel of the window times its weight.
        """
        reads = self.reads(name, row, column)
        if name == "x":
            left, inside = self.g[np.ix_(*reads["y"])], np.ones([len(at) for at in reads["y"]], dtype=bool)
            names = _names("g", *reads["y"]), _names("w", *reads["w"])
            return Terms(left, self.w[np.ix_(*reads["w"])], *names, inside)
        other, values = ("g", self.g) if name == "w" else ("w", self.w)
        names = _names("x", *reads["x"]), _names(other, *reads["y" if name == "w" else "w"])
        return Terms(self._read(*reads["x"]), values, *names, self._inside(*reads["x"]))

    def _inside(self, rows: list[int], columns: list[int]) -> np.ndarray:
        height, width = self.x.shape
        down, across = np.asarray(rows)[:, None], np.asarray(columns)[None, :]
        return (down >= 0) & (down < height) & (across >= 0) & (across < width)

    def _read(self, rows: list[int], columns: list[int]) -> np.ndarray:
        height, width = self.x.shape
        values = self.x[np.ix_(np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1))]
        return np.where(self._inside(rows, columns), values, 0).astype(np.float32)


def _names(array: str, rows: list[int], columns: list[int]) -> list[list[str]]:
    return [[f"{array}[{row}, {column}]" for column in columns] for row in rows]


def forward(x: np.ndarray, w: np.ndarray, rows: Axis) -> np.ndarray:
    """y (OH, OW) of x (H, W) and w (k, k), by `cnnkit.conv2d` with the stride and padding of `rows`."""
    return cnnkit.conv2d(x[None, None], w[None, None], stride=rows.stride, padding=rows.padding).get()[0, 0]


def backward(g: np.ndarray, x: np.ndarray, w: np.ndarray, rows: Axis) -> tuple[np.ndarray, np.ndarray, float]:
    """(dx, dw, db) for the gradient `g` (OH, OW) at the output, by `cnnkit.conv2d_backward`."""
    dx, dw, db = cnnkit.conv2d_backward(
        g[None, None], x[None, None], w[None, None], stride=rows.stride, padding=rows.padding
    )
    return dx.get()[0, 0], dw.get()[0, 0], float(db.get()[0])


def loss_of(y: np.ndarray, g: np.ndarray, target: np.ndarray | None) -> float:
    """The sum of squared errors against `target`; without one, the sum of g y, whose gradient is g."""
    if target is None:
        return float((g.astype(np.float64) * y).sum())
    return float(((y.astype(np.float64) - target) ** 2).sum())


@dataclass(frozen=True)
class Nudge:
    """A gradient measured: one number is moved up by `step`, then down; span: from the lower to the upper."""

    value: float
    step: float
    span: float
    before: float
    up: float
    down: float
    gradient: float

    @property
    def rate(self) -> float:
        """(L up - L before) / step; not a number for a step of 0."""
        return (self.up - self.before) / self.step if self.step else float("nan")

    @property
    def central(self) -> float:
        """(L up - L down) / span: its error falls with the square of the step."""
        return (self.up - self.down) / self.span if self.span else float("nan")


def nudge(done: Pass, name: str, row: int, column: int, step: float) -> Nudge:
    """Move one number of "x", "w" or "y" by `step` and measure the loss on the device.

    float32 rounds what it holds: `step` and `span` of the result are how far the number really moved.
    """
    value = float(done.part(name)[row, column])
    moved = [np.float32(value + step), np.float32(value - step)]
    losses = []
    for number in moved:
        arrays = {part: done.part(part).copy() for part in ("x", "w", "y")}
        arrays[name][row, column] = number
        y = arrays["y"] if name == "y" else forward(arrays["x"], arrays["w"], done.rows)
        losses.append(done.loss_of(y))
    step, span = float(moved[0]) - value, float(moved[0]) - float(moved[1])
    up, down = losses
    return Nudge(value, step, span, done.loss, up, down, float(done.gradient(name)[row, column]))
