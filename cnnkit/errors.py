"""What can go wrong, said so that a learner knows what to do next.

Every message is one clear sentence with the numbers that disagree and the way out; the classes
also inherit from the builtin a Python programmer would expect to catch.
"""


class CnnkitError(Exception):
    """Base of every error that cnnkit raises on purpose."""


class DeviceError(CnnkitError, RuntimeError):
    """No OpenCL device, an unknown name, arrays of two devices, or a device that computes wrongly."""


class ShapeError(CnnkitError, ValueError):
    """Shapes, strides or paddings that do not fit together."""


class DTypeError(CnnkitError, TypeError):
    """Values of a kind that cannot become float32 (text, objects, complex numbers)."""


class DataError(CnnkitError, ValueError):
    """A data file that is missing, damaged or of another shape than it says."""


class TrainingError(CnnkitError, RuntimeError):
    """Training that cannot go on: a loss that is not finite, or a checkpoint of another run."""
