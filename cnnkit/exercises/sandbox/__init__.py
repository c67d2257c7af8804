"""Where a learner's OpenCL kernel runs: a process of its own that may crash, hang or be killed."""

from .client import Sandbox, sandbox
from .source import cell_line

__all__ = ["Sandbox", "cell_line", "sandbox"]
