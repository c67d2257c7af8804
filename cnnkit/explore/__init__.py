"""Explorers: pictures that answer while you drag.

Each explorer is three things: a model (traitlets in, NumPy arrays out, computed by cnnkit's
operations), a view (ipywidgets controls around the pictures of `canvas`, `chart` and `grid`) and a
still (a PNG drawn by Matplotlib that stands where no kernel runs).
"""

from .canvas import Canvas
from .filter import FilterExplorer, FilterModel
from .group import Group
from .pipeline import PipelineExplorer, PipelineModel
from .show import show
from .training import TrainingDashboard, TrainingModel

__all__ = [
    "Canvas",
    "FilterExplorer",
    "FilterModel",
    "Group",
    "PipelineExplorer",
    "PipelineModel",
    "TrainingDashboard",
    "TrainingModel",
    "show",
]
