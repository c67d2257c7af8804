"""The two questions every operation asks first: are these numbers, and is this the shape?"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def numbers(x: ArrayLike, name: str, dimensions: int | None = None) -> Array:
    """x as float64, with the right number of dimensions where one is asked for."""
    x = np.asarray(x, dtype=np.float64)
    if dimensions is not None and x.ndim != dimensions:
        raise ValueError(f"{name} has shape {x.shape}: {dimensions} dimensions are needed, not {x.ndim}")
    return x


def shaped(x: ArrayLike, name: str, shape: tuple[int, ...]) -> Array:
    """x as float64, of exactly this shape."""
    x = numbers(x, name)
    if x.shape != tuple(shape):
        raise ValueError(f"{name} has shape {x.shape} but {tuple(shape)} is needed")
    return x
