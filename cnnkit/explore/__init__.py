"""Explorers: pictures that answer while you drag.

Each explorer is three things: a model (traitlets in, NumPy arrays out, computed by cnnkit's
operations), a view (ipywidgets controls around the pictures of `canvas`, `chart` and `grid`) and a
still (a PNG drawn by Matplotlib that stands where no kernel runs).
"""

from .activation import ActivationExplorer, ActivationModel
from .backprop import BackpropExplorer, BackpropModel
from .channels import ChannelsExplorer, ChannelsModel
from .descent import DescentExplorer, DescentModel
from .device import DeviceExplorer, DeviceModel
from .draw import DrawExplorer, DrawModel
from .filter import FilterExplorer, FilterModel
from .geometry import GeometryExplorer, GeometryModel
from .invariance import InvarianceExplorer, InvarianceModel
from .parts.canvas import Canvas
from .parts.group import Group
from .parts.show import show
from .pipeline import PipelineExplorer, PipelineModel
from .pooling import PoolingExplorer, PoolingModel
from .reads import ReadsExplorer, ReadsModel
from .training import TrainingDashboard, TrainingModel

__all__ = [
    "ActivationExplorer",
    "ActivationModel",
    "BackpropExplorer",
    "BackpropModel",
    "Canvas",
    "ChannelsExplorer",
    "ChannelsModel",
    "DescentExplorer",
    "DescentModel",
    "DeviceExplorer",
    "DeviceModel",
    "DrawExplorer",
    "DrawModel",
    "FilterExplorer",
    "FilterModel",
    "GeometryExplorer",
    "GeometryModel",
    "Group",
    "InvarianceExplorer",
    "InvarianceModel",
    "PipelineExplorer",
    "PipelineModel",
    "PoolingExplorer",
    "PoolingModel",
    "ReadsExplorer",
    "ReadsModel",
    "TrainingDashboard",
    "TrainingModel",
    "show",
]
