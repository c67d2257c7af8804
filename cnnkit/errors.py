"""What can go wrong, said so that a learner knows what to do next.

Every message is one clear sentence with the numbers that disagree and the way out; the classes
also inherit from the builtin a Python programmer would expect to catch.
"""

import re
from typing import Any


class CnnkitError(Exception):
    """Base of every error that cnnkit raises on purpose."""


class DeviceError(CnnkitError, RuntimeError):
    """No OpenCL device, an unknown name, arrays of two devices, or a device that computes wrongly."""


class OutOfMemoryError(DeviceError):
    """An array that is larger than the device allows, or than the memory that is left."""


class ShapeError(CnnkitError, ValueError):
    """Shapes, strides or paddings that do not fit together."""


class DTypeError(CnnkitError, TypeError):
    """Values of a kind that cannot become float32 (text, objects, complex numbers)."""


class DataError(CnnkitError, ValueError):
    """A data file that is missing, damaged or of another shape than it says."""


class TrainingError(CnnkitError, RuntimeError):
    """Training that cannot go on: a loss that is not finite, or a checkpoint of another run."""


def shown(value: Any) -> str:
    """`value` as an error shows it: in one line, and not all of it where that is long."""
    try:
        text = re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(repr(value).split()))
    except Exception:  # another's class, or an integer with more digits than Python prints
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:60]}... (a {type(value).__name__})"


def shorter(words: str) -> str:
    """Another library's `words` as an error quotes them: in one line, and not all where they are many."""
    line = " ".join(words.encode("utf-8", "replace").decode().split())
    return line if len(line) <= 200 else f"{line[:200]}..."
