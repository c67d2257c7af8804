"""What `latency.py` measures: one row for each explorer, and the `interact` that it stands beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnkit.explore.parts import presets


@dataclass(frozen=True)
class Row:
    """What is measured of one explorer: keys on `control` set `trait` to `values`, and `picture` answers.

    values: what the control steps through, from its first; picture: the name of a Canvas, or of a Chart
    whose alternative text tells all values apart; role: the control's; after: code that prepares the
    explorer, called `explorer` there.
    """

    explorer: str
    control: str
    trait: str
    values: Sequence[Any]
    picture: str
    role: str = "slider"
    after: str = ""

    @property
    def code(self) -> str:
        """What makes the explorer, in the notebook and in this process."""
        first = f"explorer.model.{self.trait} = {self.values[0]!r}"
        make = f"from cnnkit.explore import {self.explorer}\nexplorer = {self.explorer}()"
        return "\n".join(filter(None, [make, self.after, first]))


TRAINED = """import cnnkit
train, test = cnnkit.data.digits()
model = cnnkit.models.small_cnn((1, 8, 8), 10)
cnnkit.fit(model, train, test, epochs=2, callbacks=[explorer], progress=False)"""
TENTHS = [round(0.1 * i, 1) for i in range(9)]

ROWS = [
    Row("ActivationExplorer", "+ bias", "bias", TENTHS, "after"),
    Row("BackpropExplorer", "Input", "size", range(3, 9), "dx"),
    Row("ChannelsExplorer", "Its side", "side", range(34, 43), "sheet"),
    Row("DescentExplorer", "Steps", "steps", range(10, 19), "loss"),
    Row("DrawExplorer", "Sample", "sample", range(1, 10), "importance"),
    Row("FilterExplorer", "Padding", "padding", range(9), "result"),
    Row("GeometryExplorer", "Padding", "padding", range(5), "output"),
    Row("InvarianceExplorer", "Rotation °", "rotation", [5.0 * i for i in range(9)], "moved"),
    Row("PipelineExplorer", "Filter", "preset", list(presets.PRESETS)[:8], "pooled", "combobox"),
    Row("PoolingExplorer", "Shift right", "shift", range(7), "output"),
    Row("ReadsExplorer", "Image", "size", range(56, 65), "plain"),
    Row(
        "TrainingDashboard",
        "same color range for all",
        "shared_range",
        (True, False),
        "filters",
        "checkbox",
        TRAINED,
    ),
]
# Explorers without a row, and why.
NOT_TIMED = {"DeviceExplorer": "its picture follows a self-test, and most machines have one device to choose"}

INTERACT = "interact + Matplotlib"
INTERACT_VALUES = range(9)
INTERACT_CODE = """
import cnnkit, matplotlib.pyplot as plt
from cnnkit.explore.parts import presets
from ipywidgets import IntSlider, interact

photo, kernel = cnnkit.data.photo(), presets.edges(3)[None, None]

def three_pictures(padding):
    filtered = cnnkit.conv2d(photo, kernel, padding=padding)
    pictures = photo, filtered.get(), cnnkit.relu(filtered).get()
    # The frame's red says which value the picture belongs to.
    figure, axes = plt.subplots(1, 3, figsize=(9, 3), facecolor=(padding / 255, 0.5, 0.5))
    for axis, picture in zip(axes, pictures):
        axis.imshow(picture[0, 0], cmap="magma")
    plt.show()

interact(three_pictures, padding=IntSlider(min=0, max=8, value=0, description="Padding"));
"""
