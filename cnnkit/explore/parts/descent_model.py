"""What the descent explorer knows: settings in, the whole descent of one filter out, without any widget."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

import cnnkit

from . import bowl, words
from .base import Model
from .bowl import EXAMPLES, GRID, OWN, Descent, Task
from .settings import gray_image

MOST_STEPS = 500
LEARNED = 1e-6  # share of the first loss that counts as nothing
FIRST_STEPS = {"edge": 10, "photo": 40}
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class DescentModel(Model):
    """Learning rate, momentum and start in, the whole descent out.

    example: "edge", "photo", or "own" where an image (H, W) and the filter `wanted` (R, S) were given.
    start (R, S): the filter that descent begins with. learning_rate >= 0; momentum in [0, 1), as in
    `cnnkit.SGD`; steps: how many are made, 0 to 500. across, up: which two weights (numbered from 0, row by
    row) the surface shows. logarithmic: color the loss by its logarithm. shared_range: color what is learned
    in the range of what is wanted. focus: (row, column) of the surface.

    Everything is computed anew from the start, so `learning_rate` says what would have been.

    Results: `path` (n + 1, R, S) the filters after 0 to n steps, `losses` (n + 1,), `weights` the last of the
    filters, `slopes` its gradient, `following` the filter after one more step (None when there is none),
    `output`, `surface` (GRID, GRID) or None, `stopped` (as in `bowl.Descent`), `curvatures`.
    """

    controlled = (
        *("example", "learning_rate", "momentum", "steps", "start", "across", "up"),
        *("logarithmic", "shared_range", "focus"),
    )
    inputs = ("learning_rate", "momentum", "steps", "start", "across", "up")

    example = traitlets.Enum([*EXAMPLES, OWN], "edge")
    learning_rate = traitlets.Float(0.03)
    momentum = traitlets.Float(0.0)
    steps = traitlets.Int(10)
    start = traitlets.Any()
    across = traitlets.Int(0)
    up = traitlets.Int(1)
    logarithmic = traitlets.Bool(True)
    shared_range = traitlets.Bool(True)
    focus: Any = traitlets.Tuple(traitlets.Int(), traitlets.Int(), allow_none=True, default_value=None)

    def __init__(self, image: Any = None, wanted: Any = None, **settings: Any) -> None:
        super().__init__()
        if (image is None) != (wanted is None):
            raise traitlets.TraitError(
                "An example of your own is an image and the filter to be learned from it: give both, "
                "image=... and wanted=..."
            )
        self._tasks: dict[str, Task] = {}
        self._curvatures: dict[str, np.ndarray] = {}
        self._descent_key: tuple[Any, ...] | None = None
        self._surface_key: tuple[Any, ...] | None = None
        self._draws = 1
        if image is not None:
            start = settings.get("start")
            start = None if start is None else _filter(start)
            self._tasks[OWN] = bowl.own_task(gray_image(image), _filter(wanted), start)
        self.example = settings.pop("example", EXAMPLES[0] if image is None else OWN)
        self._take_example()
        for name, value in settings.items():
            if not self.has_trait(name):
                raise TypeError(f"{type(self).__name__} has no setting {name!r}.")
            setattr(self, name, value)
        self.begin()

    @property
    def task(self) -> Task:
        if self.example not in self._tasks:
            self._tasks[self.example] = bowl.make_task(self.example)
        return self._tasks[self.example]

    @property
    def most_steps(self) -> int:
        return MOST_STEPS

    @property
    def examples(self) -> list[str]:
        return [*EXAMPLES, OWN] if OWN in self._tasks else [*EXAMPLES]

    # Settings ------------------------------------------------------------------------------------

    @traitlets.validate("example")
    def _check_example(self, proposal: Any) -> str:
        if proposal["value"] == OWN and OWN not in self._tasks:
            raise traitlets.TraitError(
                "There is no example of your own yet: DescentExplorer(image=..., wanted=...) makes one."
            )
        return proposal["value"]

    @traitlets.validate("learning_rate")
    def _check_rate(self, proposal: Any) -> float:
        if not 0 <= proposal["value"] < np.inf:
            raise traitlets.TraitError(
                f"A learning rate is a number from 0 up, not {proposal['value']}: a step goes downhill."
            )
        return proposal["value"]

    @traitlets.validate("momentum")
    def _check_momentum(self, proposal: Any) -> float:
        if not 0 <= proposal["value"] < 1:
            raise traitlets.TraitError(
                f"Momentum is the share of the last step that is kept, from 0 to below 1, not "
                f"{proposal['value']}: with 1 nothing would ever come to rest."
            )
        return proposal["value"]

    @traitlets.validate("steps")
    def _check_steps(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] <= MOST_STEPS:
            raise traitlets.TraitError(
                f"This explorer makes 0 to {MOST_STEPS} steps, not {proposal['value']}."
            )
        return proposal["value"]

    @traitlets.validate("start")
    def _check_start(self, proposal: Any) -> np.ndarray:
        start, shape = _filter(proposal["value"]), self.task.wanted.shape
        if start.shape != shape:
            raise traitlets.TraitError(
                f"The filter to be learned has {shape[0]}×{shape[1]} weights and this start "
                f"{words.times(*start.shape)}: give as many."
            )
        return start

    @traitlets.validate("across", "up")
    def _check_weight(self, proposal: Any) -> int:
        amount = self.task.wanted.size
        if not 0 <= proposal["value"] < amount:
            raise traitlets.TraitError(
                f"The filter's weights are numbered from 0 to {amount - 1}, and {proposal['value']} is none."
            )
        return proposal["value"]

    @traitlets.validate("focus")
    def _clip_focus(self, proposal: Any) -> tuple[int, int] | None:
        place = proposal["value"]
        return place and (min(max(place[0], 0), GRID - 1), min(max(place[1], 0), GRID - 1))

    @traitlets.observe("example")
    def _follow_example(self, change: Any) -> None:
        if not self._ready:
            return
        with self.lock:
            self._ready = False  # one computation for all that changes
            try:
                self._take_example()
            finally:
                self._ready = True
            self.update()

    def _take_example(self) -> None:
        task = self.task
        self.across, self.up = (0, 1) if task.wanted.size == 2 else _telling_weights(task.wanted)
        self.start, self.learning_rate = task.start, task.rate
        self.steps = FIRST_STEPS.get(task.name, FIRST_STEPS["photo"])
        self.focus = None

    # Computing -----------------------------------------------------------------------------------

    def compute(self) -> str | None:
        task = self.task
        self.surface = None
        descent = self._descent()
        descent.go(self.steps + 1)
        made = min(self.steps, len(descent.losses) - 1)
        self.stopped = descent.stopped if made < self.steps else None
        self.path = np.stack(descent.weights[: made + 1])
        self.losses = np.array(descent.losses[: made + 1])
        self.weights = self.path[-1]
        self.following = descent.weights[made + 1] if made + 1 < len(descent.losses) else None
        self.slopes = bowl.look_at(task, self.weights)[1]
        self.output = bowl.convolved(task.image, self.weights[None])[0]
        if self.across == self.up:
            others = " and ".join(name_of(at) for at in _telling_weights(task.wanted))
            return (
                f"Both axes of the surface show the weight {name_of(self.across)}: choose two different "
                f"ones, such as {others}."
            )
        self.surface = self._surface()
        return None

    def _surface(self) -> np.ndarray:
        """The surface over the chosen weights: the last one, if the other weights have stayed."""
        others = np.delete(self.weights.ravel(), [self.across, self.up])
        key = (self.example, self.across, self.up, others.tobytes())
        if self._surface_key != key:
            self._last_surface = bowl.surface(self.task, self.weights, self.across, self.up)
            self._surface_key = key
        return self._last_surface

    def _descent(self) -> Descent:
        """The descent with these settings: the last one, if it was of the same."""
        device = cnnkit.current_device().index  # its arrays live there
        key = self.example, self.learning_rate, self.momentum, self.start.tobytes(), device
        if self._descent_key != key:
            self._last_descent = Descent(self.task, self.start, self.learning_rate, self.momentum)
            self._descent_key = key
        return self._last_descent

    @property
    def curvatures(self) -> np.ndarray:
        """See `bowl.curvatures`."""
        if self.example not in self._curvatures:
            self._curvatures[self.example] = bowl.curvatures(self.task)
        return self._curvatures[self.example]

    @property
    def largest_rate(self) -> float:
        """The learning rate below which descent converges from every start."""
        return bowl.largest_rate(float(self.curvatures[-1]), self.momentum)

    @property
    def grows(self) -> bool:
        """Is the loss larger than it was at the start?"""
        return self.stopped is not None or bool(self.losses[-1] > self.losses[0])

    @property
    def learned(self) -> bool:
        """Is almost nothing of the first loss left?"""
        return bool(self.losses[-1] <= LEARNED * self.losses[0])

    def derived(self) -> dict[str, Any]:
        """How many steps were made, the losses on the way, the filters and the largest useful rate."""
        return {
            "made": len(self.losses) - 1,
            "loss": float(self.losses[-1]),
            "losses": self.losses,
            "weights": self.weights,
            "wanted": self.task.wanted,
            "gradient": self.slopes,
            "largest_rate": self.largest_rate,
            "grows": self.grows,
        }

    # On the surface ------------------------------------------------------------------------------

    def places(self, filters: np.ndarray) -> np.ndarray:
        """(n, 2): row and column on the surface, in pixels, of `filters` (n, R, S); may lie outside."""
        flat = filters.reshape(len(filters), -1)
        columns, up = (bowl.place(self.task, flat[:, at]) for at in (self.across, self.up))
        return np.stack([GRID - up, columns], axis=1)

    def pointed_at(self) -> np.ndarray | None:
        """The filter (R, S) at the focus: the two weights of the surface from there, the others as now."""
        if self.focus is None or self.surface is None:
            return None
        filter_, values = self.weights.copy(), bowl.axis(self.task)
        filter_.ravel()[[self.across, self.up]] = values[self.focus[1]], values[::-1][self.focus[0]]
        return filter_

    def start_here(self) -> None:
        """Begin at the focus: the two weights from there, the others as they were at the start."""
        chosen = self.pointed_at()
        if chosen is not None:
            begin = self.start.copy()
            begin.ravel()[[self.across, self.up]] = chosen.ravel()[[self.across, self.up]]
            self.start = begin

    def random_start(self) -> None:
        """Begin with whole tenths at random from the range of the surface; each time others."""
        low, high = self.task.span
        drawn = np.random.default_rng(self._draws).uniform(low, high, self.task.wanted.shape)
        self._draws += 1
        self.start = drawn.round(1)


def _filter(values: Any) -> np.ndarray:
    """`values` as a filter (R, S) float32 of its own."""
    found = np.array(values.get() if hasattr(values, "get") else values, dtype=np.float32)
    if found.ndim != 2 or not np.isfinite(found).all():
        raise traitlets.TraitError(
            f"A filter is one array of finite weights (rows, columns), not one of shape {found.shape}."
        )
    return found


def _telling_weights(wanted: np.ndarray) -> tuple[int, int]:
    """The first largest and the first smallest of the wanted weights; two different ones at any rate."""
    across, up = int(wanted.argmax()), int(wanted.argmin())
    return (across, up) if across != up else (0, 1)


def name_of(weight: int) -> str:
    """What weight number `weight` (from 0) is called: w₁ is the first."""
    return "w" + str(weight + 1).translate(SUBSCRIPTS)
