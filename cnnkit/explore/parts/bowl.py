"""What gradient descent on one filter computes: the examples, the steps, the loss surface, its curvature.

The loss of a convolution's weights w is a bowl, a quadratic function: squares of y - t, with y linear in w.
Its second derivatives H are therefore the same everywhere, and what descent does in the direction of an
eigenvector of H depends on that eigenvalue alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import traitlets

import cnnkit

from ...array import copy
from .presets import sobel_x

EXAMPLES = ("edge", "photo")
OWN = "own"
MOST_PIXELS = 64 * 64  # of an image: the surface convolves it with a filter for every one of its points
LARGEST_FILTER = 7
GRID = 41  # points of the surface along each axis


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be learned: the filter `wanted` (R, S), from what it makes of `image` (H, W), float32.

    reduction: "sum" or "mean" of the squared differences. start, rate: where and how fast descent begins.
    target: the wanted filter's output (H-R+1, W-S+1).
    """

    name: str
    image: np.ndarray
    wanted: np.ndarray
    reduction: str
    start: np.ndarray
    rate: float
    target: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", convolved(self.image, self.wanted[None])[0])

    @property
    def span(self) -> tuple[float, float]:
        """The weights that the surface shows on each axis: the wanted ones, the start and room around."""
        both = np.concatenate([self.wanted.ravel(), self.start.ravel()])
        middle, half = float(both.min() + both.max()) / 2, float(np.ptp(both)) or 1.0
        return middle - half, middle + half


def make_task(name: str) -> Task:
    """The example `name` of EXAMPLES.

    "edge" (after Zhang et al., "Dive into Deep Learning", 7.2.4): a 6x8 image of ones with zeros in the
    columns 2 to 5, and the filter [1, -1] that finds its edges. "photo": the course's photo, averaged down
    to 30x30 and its mean taken off, and Sobel's filter. The mean is off because it would make every weight
    pull the same way: the bowl would be a hundred times steeper in that one direction.
    """
    if name == "edge":
        image = np.ones((6, 8), np.float32)
        image[:, 2:6] = 0
        wanted = np.array([[1, -1]], np.float32)
        return Task(name, image, wanted, "sum", np.zeros_like(wanted), 0.03)
    small = cnnkit.avg_pool2d(cnnkit.data.photo(), 10).get()[0, 0]
    image = (small - small.mean()).astype(np.float32)
    wanted = sobel_x(3)
    return Task(name, image, wanted, "mean", np.zeros_like(wanted), 1.0)


def own_task(image: np.ndarray, wanted: np.ndarray, start: np.ndarray | None) -> Task:
    """A learner's example, "mean"; TraitError, in words, where it cannot be shown."""
    rows, columns = wanted.shape
    if not wanted.size >= 2 or max(rows, columns) > LARGEST_FILTER:
        raise traitlets.TraitError(
            f"This explorer learns filters of 2 weights to {LARGEST_FILTER}×{LARGEST_FILTER}, "
            f"not {rows}×{columns}."
        )
    if image.size > MOST_PIXELS or image.shape[0] < rows or image.shape[1] < columns:
        raise traitlets.TraitError(
            f"This explorer learns from images of {rows}×{columns} (its filter) to {MOST_PIXELS} pixels, and "
            f"this one is {image.shape[0]}×{image.shape[1]}: take a piece, image[..., :64, :64], or average "
            "it down with cnnkit.avg_pool2d."
        )
    task = Task(OWN, image, wanted, "mean", np.zeros_like(wanted) if start is None else start, 0.1)
    # Half of what still converges, so that the first picture shows a descent, whatever the image.
    rate = largest_rate(float(curvatures(task)[-1])) / 2
    return Task(OWN, image, wanted, "mean", task.start, float(f"{rate:.1g}") if np.isfinite(rate) else 0.1)


def convolved(image: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """What every one of `filters` (K, R, S) makes of `image` (H, W): (K, H-R+1, W-S+1)."""
    return cnnkit.conv2d(image[None, None], filters[:, None]).get()[0]


class Descent:
    """Gradient descent on a `Task` by `cnnkit.Conv2d` and `cnnkit.SGD`, as far as anyone has asked.

    weights[n] (R, S) float32 and losses[n] are those after n steps. `stopped`: after how many steps a number
    left float32's range (None: not yet); nothing from there on is kept.
    """

    def __init__(self, task: Task, start: np.ndarray, rate: float, momentum: float) -> None:
        self.task = task
        self._x = cnnkit.to_device(task.image[None, None])
        self._target = cnnkit.to_device(task.target[None, None])
        self._layer = layer_with(start)
        self._optimizer = cnnkit.SGD(rate, momentum)
        self.weights: list[np.ndarray] = []
        self.losses: list[float] = []
        self.stopped: int | None = None
        self._unread: list[tuple[Any, Any]] = []
        self._look()
        self._read()

    def go(self, steps: int) -> None:
        """Descend until `steps` steps are made, or a number is infinite."""
        if self.stopped is not None:
            return
        for _ in range(steps + 1 - len(self.losses)):
            self._optimizer.step(self._layer.parameters)
            self._look()
        self._read()

    def _look(self) -> None:
        """Keep weights and loss as they are now, and leave the gradient in the layer for the next step."""
        loss = go_back(self._layer, self._x, self._target, self.task.reduction)
        self._unread.append((copy(self._layer.w.value), loss))

    def _read(self) -> None:
        """Fetch what was kept on the device, all at once: waiting for every step would take longer."""
        for weights, loss in [(kept.get()[0, 0], float(loss.get())) for kept, loss in self._unread]:
            if not (np.isfinite(weights).all() and np.isfinite(loss)):
                self.stopped = len(self.losses)
                break
            self.weights.append(weights)
            self.losses.append(loss)
        self._unread.clear()


def layer_with(weights: np.ndarray) -> cnnkit.Conv2d:
    """A convolution whose one filter is `weights` (R, S), without a bias."""
    layer = cnnkit.Conv2d(1, 1, weights.shape, bias=False)
    layer.w.set(weights[None, None])
    return layer


def go_back(layer: cnnkit.Conv2d, x: Any, target: Any, reduction: str) -> Any:
    """The loss of `layer`, on the device; its gradient stays in `layer.w.grad`, for an optimizer to find."""
    y = layer.forward(x)
    layer.backward(cnnkit.mse_backward(y, target, reduction), input_gradient=False)
    return cnnkit.mse(y, target, reduction)


def look_at(task: Task, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Loss and gradient (R, S) where the filter is `weights`."""
    layer = layer_with(weights)
    loss = go_back(layer, task.image[None, None], task.target[None, None], task.reduction)
    return float(loss.get()), _gradient(layer)


def _gradient(layer: cnnkit.Conv2d) -> np.ndarray:
    assert layer.w.grad is not None
    return layer.w.grad.get()[0, 0]


def surface(task: Task, weights: np.ndarray, across: int, up: int) -> np.ndarray:
    """The loss (GRID, GRID) float32 over two of the weights, the others as in `weights` (R, S).

    Weight number `across` grows from left to right over `task.span`, number `up` from the last row to the
    first. One convolution with GRID * GRID filters.
    """
    values = axis(task)
    filters = np.repeat(weights.reshape(1, -1), GRID * GRID, axis=0)
    filters[:, across] = np.tile(values, GRID)
    filters[:, up] = np.repeat(values[::-1], GRID)
    errors = convolved(task.image, filters.reshape(-1, *weights.shape)) - task.target
    losses = np.einsum("kij,kij->k", errors, errors).reshape(GRID, GRID)
    return losses if task.reduction == "sum" else losses / task.target.size


def axis(task: Task) -> np.ndarray:
    """The weights at the middles of the surface's pixels, from low to high (GRID,)."""
    return np.linspace(*task.span, GRID).astype(np.float32)


def place(task: Task, value: np.ndarray | float) -> np.ndarray:
    """Where weights lie along an axis of the surface, in pixels from its low end (0.5: in the first)."""
    low, high = task.span
    return (np.asarray(value, dtype=np.float64) - low) / (high - low) * (GRID - 1) + 0.5


def curvatures(task: Task) -> np.ndarray:
    """The eigenvalues of H, the loss's second derivatives, in rising order.

    Column i of H is the gradient at the i-th unit filter when the target is zero everywhere.
    """
    nothing = np.zeros_like(task.target)[None, None]
    columns = []
    for unit in np.eye(task.wanted.size, dtype=np.float32):
        layer = layer_with(unit.reshape(task.wanted.shape))
        go_back(layer, task.image[None, None], nothing, task.reduction)
        columns.append(_gradient(layer).ravel())
    second = np.array(columns, dtype=np.float64)
    return np.linalg.eigvalsh((second + second.T) / 2)


def largest_rate(steepest: float, momentum: float = 0.0) -> float:
    """The learning rate below which descent converges from every start: 2 (1 + momentum) / steepest.

    steepest: the largest of `curvatures`. Along an eigenvector of H with eigenvalue c, the error e follows
    e' = (1 + m - lr c) e - m e_before, which shrinks exactly when 0 < lr c < 2 (1 + m) (Polyak, "Some methods
    of speeding up the convergence of iteration methods", 1964). Infinity where the loss is flat.
    """
    return 2 * (1 + momentum) / steepest if steepest > 0 else float("inf")
