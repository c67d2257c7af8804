"""What the invariance explorer knows: a motion in, the moved picture and what a network makes of it out."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

import cnnkit

from .base import Model
from .motion import REST, Motion, moved, sources, taps
from .trained import digits_network, digits_test
from .words import times

PROPERTIES = ("rotation", "shift_x", "shift_y", "scale")
POSITIONS = 25  # of a curve
MOST_PIXELS = 32 * 32  # of one channel: moving a picture takes a matrix of that many rows and columns
MOST_NUMBERS = 200_000  # in all images that one point of a curve is measured with
KEPT = 0.9  # share of its accuracy at rest with which a network still counts as robust
SCALES = 0.5, 2.0


class InvarianceModel(Model):
    """A picture of a test set and what is done to it in, the network's answer out.

    network: a `cnnkit.Sequential` from (N, C, H, W) to scores (N, classes); data: a `cnnkit.data.Dataset`
    that it was not trained on, of pictures with up to 32x32 pixels. index: which of them. rotation in
    degrees, from -180 to 180, counterclockwise; shift_x (right) and shift_y (down) in pixels, up to half a
    picture; scale from 0.5 to 2. moved: the property that was moved last, whose curve is shown. shared_range:
    both pictures in the colors of the first. focus: (row, column) of the moved picture.

    Results: `picture` and `result` (C, H, W); `probabilities` (classes,), None while `problem` says why.
    `curve(name)` measures how accuracy depends on one property.
    """

    controlled = ("index", *PROPERTIES, "moved", "shared_range", "focus")
    inputs = ("index", *PROPERTIES, "network")

    network = traitlets.Any()
    index = traitlets.Int(0)
    rotation = traitlets.Float(0.0)
    shift_x = traitlets.Float(0.0)
    shift_y = traitlets.Float(0.0)
    scale = traitlets.Float(1.0)
    moved = traitlets.Enum(PROPERTIES, "rotation")
    shared_range = traitlets.Bool(True)
    focus: Any = traitlets.Tuple(traitlets.Int(), traitlets.Int(), allow_none=True, default_value=None)

    def __init__(self, network: Any = None, data: Any = None, **settings: Any) -> None:
        if network is None and data is not None:
            raise traitlets.TraitError(
                "Pictures of your own need a network that was trained on their kind: give it as well, "
                "InvarianceExplorer(model, data)."
            )
        self.data = _pictures(digits_test() if data is None else data)
        self.is_own = network is not None
        self.result: np.ndarray | None = None
        self.probabilities: np.ndarray | None = None
        self._moving = False
        self._curves: dict[str, np.ndarray] = {}
        amount = min(len(self.data), max(1, MOST_NUMBERS // self.data.images[0].size))
        self.sample = self.data[np.linspace(0, len(self.data) - 1, amount).astype(int)]
        super().__init__(network=digits_network() if network is None else network, **settings)
        self.begin()

    # Settings --------------------------------------------------------------------------------------

    @traitlets.validate("network")
    def _check_network(self, proposal: Any) -> Any:
        network = proposal["value"]
        if not isinstance(network, cnnkit.Sequential):
            raise traitlets.TraitError(
                f"This explorer looks at a cnnkit.Sequential, not at a {type(network).__name__}."
            )
        shape, classes = self.data.images.shape[1:], len(self.data.classes)
        output = network.summary(shape).rows[-1][1]  # ShapeError, in words, where these pictures do not fit
        if output != (classes,):
            raise traitlets.TraitError(
                f"The network's output for one picture has the shape {output}, and these pictures have "
                f"{classes} classes: it should be ({classes},)."
            )
        return network

    @traitlets.validate("index")
    def _check_index(self, proposal: Any) -> int:
        return self._within(proposal, 0, len(self.data) - 1, "The pictures are numbered")

    @traitlets.validate("rotation")
    def _check_rotation(self, proposal: Any) -> float:
        return self._within(proposal, -180, 180, "A rotation is, in degrees,")

    @traitlets.validate("scale")
    def _check_scale(self, proposal: Any) -> float:
        return self._within(proposal, *SCALES, "A scale is")

    @traitlets.validate("shift_x", "shift_y")
    def _check_shift(self, proposal: Any) -> float:
        reach = self.reach(proposal["trait"].name)
        return self._within(proposal, -reach, reach, "A shift is, in pixels,")

    @staticmethod
    def _within(proposal: Any, low: float, high: float, what: str) -> Any:
        if not low <= proposal["value"] <= high:
            raise traitlets.TraitError(f"{what} from {low:g} to {high:g}, not {proposal['value']:g}.")
        return proposal["value"]

    @traitlets.validate("focus")
    def _clip_focus(self, proposal: Any) -> tuple[int, int] | None:
        place, (height, width) = proposal["value"], self.data.images.shape[2:]
        return place and (min(max(place[0], 0), height - 1), min(max(place[1], 0), width - 1))

    @traitlets.observe(*PROPERTIES)
    def _follow_property(self, change: Any) -> None:
        if not self._ready:
            return
        with self.lock:
            self._moving = True  # what moves computes anew in any case
            try:
                self.moved = change["name"]
            finally:
                self._moving = False

    @traitlets.observe("moved")
    def _follow_moved(self, change: Any) -> None:
        if not self._moving:
            self.recompute()

    @traitlets.observe("network")
    def _follow_network(self, change: Any) -> None:
        self._curves = {}

    def rest(self) -> None:
        """Undo all four motions; the curve stays that of the property that was moved last."""
        with self.lock:
            self._ready = False  # one computation for all that changes
            try:
                for name in PROPERTIES:
                    setattr(self, name, getattr(REST, name))
            finally:
                self._ready = True
            self.update()

    def measure_again(self) -> None:
        """Forget the curves, for a network that has been trained further since."""
        with self.lock:
            self._curves = {}
        self.recompute()

    # Computing -------------------------------------------------------------------------------------

    @property
    def motion(self) -> Motion:
        return Motion(*(getattr(self, name) for name in PROPERTIES))

    @property
    def label(self) -> str:
        """What the picture really shows."""
        return self.data.classes[self.data.labels[self.index]]

    @property
    def answer(self) -> str:
        """What the network takes it for; empty without a result."""
        return "" if self.probabilities is None else self.data.classes[int(self.probabilities.argmax())]

    def compute(self) -> str | None:
        self.result = self.probabilities = None
        self.picture = self.data.images[self.index]
        self.result = moved(self.picture[None], self.motion)[0]
        scores = self.network(self.result[None])
        is_share = isinstance(self.network.layers[-1], cnnkit.Softmax)
        probabilities = (scores if is_share else cnnkit.softmax(scores)).get()[0]
        if not np.isfinite(probabilities).all():
            return "The network's scores are not numbers (NaN): its training must have broken down."
        self.probabilities = probabilities
        self.curve(self.moved)
        return None

    def reach(self, name: str) -> float:
        """How far a shift goes in either direction: half the picture."""
        height, width = self.data.images.shape[2:]
        return (width if name == "shift_x" else height) / 2

    def positions(self, name: str) -> np.ndarray:
        """Where the curve of `name` is measured; rest is the one in the middle."""
        if name == "scale":
            return 2.0 ** np.linspace(-1, 1, POSITIONS)
        end = 180.0 if name == "rotation" else self.reach(name)
        return np.linspace(-end, end, POSITIONS)

    def curve(self, name: str) -> np.ndarray:
        """The share of `sample` that is read right at each of `positions(name)`, the rest at rest."""
        with self.lock:
            if name not in self._curves:
                images, labels = self.sample.images, self.sample.labels
                shares = []
                for value in self.positions(name):
                    scores = self.network.predict(moved(images, REST.only(name, float(value))))
                    shares.append(float((scores.argmax(axis=1) == labels).mean()))
                self._curves[name] = np.array(shares)
            return self._curves[name]

    def accuracy(self, name: str) -> float:
        """The curve of `name` at the hand's position, between two measured points on their line."""
        return float(np.interp(getattr(self, name), self.positions(name), self.curve(name)))

    def robust_range(self, name: str) -> tuple[float, float]:
        """How far `name` can be moved, to both sides, until less than 9/10 of the accuracy at rest is left.

        Measured positions, without a gap around rest.
        """
        shares, middle = self.curve(name), POSITIONS // 2
        good = shares >= KEPT * shares[middle]
        first = last = middle
        while first > 0 and good[first - 1]:
            first -= 1
        while last < POSITIONS - 1 and good[last + 1]:
            last += 1
        return float(self.positions(name)[first]), float(self.positions(name)[last])

    def derived(self) -> dict[str, Any]:
        """Label and answer, their probabilities (four decimals, to which devices agree), and accuracies
        at rest and at the hand's position.
        """
        facts: dict[str, Any] = {"label": self.label, "answer": self.answer, "right": None}
        if self.probabilities is not None:
            facts["right"] = self.answer == self.label
            facts["probabilities"] = np.round(self.probabilities, 4)
            facts["accuracy"] = self.accuracy(self.moved)
            facts["accuracy_at_rest"] = float(self.curve(self.moved)[POSITIONS // 2])
            facts["robust_range"] = self.robust_range(self.moved)
        return facts

    def read_at(self, row: int, column: int) -> list[tuple[int, int, float]]:
        """(row, column, share) of the pixels that pixel (row, column) of the result is made of."""
        rows, columns = sources(self.motion, *self.picture.shape[1:])
        four = taps(rows[row : row + 1, column], columns[row : row + 1, column])
        return [(int(r[0]), int(c[0]), float(s[0])) for r, c, s in four if s[0] > 1e-9]


def _pictures(data: Any) -> cnnkit.data.Dataset:
    """`data`, checked: a Dataset of at least one picture that is not too large."""
    if not isinstance(data, cnnkit.data.Dataset) or not len(data):
        raise traitlets.TraitError(
            f"This explorer takes a cnnkit.data.Dataset with at least one picture, not {data!r:.60}."
        )
    channels, height, width = data.images.shape[1:]
    if height * width > MOST_PIXELS or channels not in (1, 3):
        raise traitlets.TraitError(
            f"This explorer moves gray or colored pictures of up to {MOST_PIXELS} pixels (32 × 32), and "
            f"these have {channels} channels of {times(height, width)}: make them smaller with "
            "cnnkit.avg_pool2d."
        )
    return data
