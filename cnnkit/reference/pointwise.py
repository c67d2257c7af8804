"""Operations on each value alone: activations and dropout."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import Array, numbers, shaped


def relu(x: ArrayLike) -> Array:
    """y = max(x, 0); NaN stays NaN."""
    return np.maximum(numbers(x, "x"), 0.0)


def relu_backward(dy: ArrayLike, x: ArrayLike) -> Array:
    """dx = dy where x > 0, 0 where x ≤ 0, NaN where x is NaN."""
    x = numbers(x, "x")
    dy = shaped(dy, "dy", x.shape)
    return np.where(x > 0, dy, np.where(np.isnan(x), np.nan, 0.0))


def leaky_relu(x: ArrayLike, slope: float = 0.01) -> Array:
    """y = x where x > 0, slope·x elsewhere."""
    x = numbers(x, "x")
    return np.where(x > 0, x, slope * x)


def leaky_relu_backward(dy: ArrayLike, x: ArrayLike, slope: float = 0.01) -> Array:
    """dx = dy where x > 0, slope·dy where x ≤ 0, NaN where x is NaN."""
    x = numbers(x, "x")
    dy = shaped(dy, "dy", x.shape)
    return np.where(x > 0, dy, np.where(np.isnan(x), np.nan, slope * dy))


def tanh(x: ArrayLike) -> Array:
    """y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)."""
    return np.tanh(numbers(x, "x"))


def tanh_backward(dy: ArrayLike, y: ArrayLike) -> Array:
    """dx = dy · (1 − y²), with the OUTPUT y = tanh(x)."""
    y = numbers(y, "y")
    return shaped(dy, "dy", y.shape) * (1.0 - y**2)


def sigmoid(x: ArrayLike) -> Array:
    """y = 1 / (1 + e⁻ˣ), written as eˣ / (1 + eˣ) for negative x so that nothing overflows."""
    x = numbers(x, "x")
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def sigmoid_backward(dy: ArrayLike, y: ArrayLike) -> Array:
    """dx = dy · y · (1 − y), with the OUTPUT y = sigmoid(x)."""
    y = numbers(y, "y")
    return shaped(dy, "dy", y.shape) * y * (1.0 - y)


def dropout(x: ArrayLike, p: float, seed: int) -> Array:
    """y[i] = x[i] / (1 − p) where hash_uniform(i, seed) ≥ p, else 0; i counts the cells row-major."""
    if not 0 <= p < 1:
        raise ValueError(f"p is {p}: the share of dropped values must be at least 0 and less than 1")
    x = numbers(x, "x")
    keep = hash_uniform(x.size, seed).reshape(x.shape) >= p
    return np.where(keep, x / (1.0 - p), 0.0)


def dropout_backward(dy: ArrayLike, p: float, seed: int) -> Array:
    """dx[i] = dy[i] / (1 − p) where the forward of the same p and seed kept i, else 0."""
    return dropout(dy, p, seed)


def hash_uniform(count: int, seed: int) -> Array:
    """u[i] = (mix(i ^ mix(seed)) >> 8) · 2⁻²⁴ in [0, 1), for i = 0 ... count − 1; seed is taken modulo 2³².

    A random number for each place that needs no state: the same place and seed give the same number on
    every device. mix is "lowbias32" (Chris Wellons, "Prospecting for Hash Functions", 2018).
    """

    def mix(v: NDArray[np.uint32]) -> NDArray[np.uint32]:
        v = (v ^ (v >> np.uint32(16))) * np.uint32(0x7FEB352D)  # uint32 arrays wrap around, as in OpenCL C
        v = (v ^ (v >> np.uint32(15))) * np.uint32(0x846CA68B)
        return v ^ (v >> np.uint32(16))

    seeds = np.array([int(seed) % 2**32], dtype=np.uint32)
    places = np.arange(count, dtype=np.uint32)
    return (mix(places ^ mix(seeds)) >> np.uint32(8)).astype(np.float64) * 2.0**-24
