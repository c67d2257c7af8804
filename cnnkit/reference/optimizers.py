"""How an optimizer moves the weights, one step at a time."""

import numpy as np
from numpy.typing import ArrayLike

from .checks import Array, numbers, shaped


def sgd_step(
    w: ArrayLike,
    g: ArrayLike,
    velocity: ArrayLike,
    lr: float,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:
    """One step of gradient descent: g ← g + weight_decay·w; v ← momentum·v + g; w ← w − lr·v.

    PyTorch's convention (lr is not inside v). Start with v = 0. Returns the new w, v.
    """
    w = numbers(w, "w")
    g = shaped(g, "g", w.shape) + weight_decay * w
    v = momentum * shaped(velocity, "velocity", w.shape) + g
    return w - lr * v, v


def adam_step(
    w: ArrayLike,
    g: ArrayLike,
    m: ArrayLike,
    v: ArrayLike,
    t: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:
    """Step t = 1, 2, ... of Adam: g ← g + weight_decay·w; m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²;
    w ← w − lr · m̂ / (√v̂ + eps) with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ).

    Kingma & Ba, "Adam: A Method for Stochastic Optimization", 2015, Algorithm 1; weight decay is the plain
    L2 kind. Start with m = v = 0. Returns the new w, m, v.
    """
    if t < 1:
        raise ValueError(f"t is {t}: steps count from 1")
    w = numbers(w, "w")
    g = shaped(g, "g", w.shape) + weight_decay * w
    m = beta1 * shaped(m, "m", w.shape) + (1.0 - beta1) * g
    v = beta2 * shaped(v, "v", w.shape) + (1.0 - beta2) * g**2
    m_hat, v_hat = m / (1.0 - beta1**t), v / (1.0 - beta2**t)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v
