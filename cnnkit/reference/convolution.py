"""Convolution, forward and backward."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .checks import Array, numbers, shaped
from .windows import Padding, Pair, Windows, inside, pad


def conv2d(
    x: ArrayLike,
    w: ArrayLike,
    b: ArrayLike | None = None,
    stride: Pair = 1,
    padding: Padding = 0,
    dilation: Pair = 1,
) -> Array:
    """y[n,k,i,j] = b[k] + Σ_{c,r,s} x[n, c, i·stride + r·d − top, j·stride + s·d − left] · w[k,c,r,s].

    x (N,C,H,W), w (K,C,R,S), b (K,) -> y (N,K,OH,OW); x counts as 0 outside the image.
    """
    x, w, at = _conv_inputs(x, w, stride, padding, dilation)
    padded = pad(x, at.pads, 0.0)
    y = np.zeros((x.shape[0], w.shape[0], *at.out))
    for r, s in at.taps:
        y += np.einsum("ncij,kc->nkij", at.at(padded, r, s), w[:, :, r, s], optimize=True)
    if b is not None:
        y += shaped(b, "b", (w.shape[0],))[:, None, None]
    return y


def conv2d_backward(
    dy: ArrayLike, x: ArrayLike, w: ArrayLike, stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1
) -> tuple[Array, Array, Array]:
    """dx, dw, db of conv2d: every product x·w of the forward hands dy·w to its x and dy·x to its w.

    dx[n,c,h,w] = Σ dy[n,k,i,j] · w[k,c,r,s] over all k, i, j, r, s whose window cell is (h, w);
    dw[k,c,r,s] = Σ_{n,i,j} dy[n,k,i,j] · x[n, c, i·stride + r·d − top, j·stride + s·d − left];
    db[k] = Σ_{n,i,j} dy[n,k,i,j].
    """
    x, w, at = _conv_inputs(x, w, stride, padding, dilation)
    dy = shaped(dy, "dy", (x.shape[0], w.shape[0], *at.out))
    padded = pad(x, at.pads, 0.0)
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for r, s in at.taps:
        at.at(dpadded, r, s)[...] += np.einsum("nkij,kc->ncij", dy, w[:, :, r, s], optimize=True)
        dw[:, :, r, s] = np.einsum("nkij,ncij->kc", dy, at.at(padded, r, s), optimize=True)
    return inside(dpadded, at.pads).copy(), dw, dy.sum(axis=(0, 2, 3))


def _conv_inputs(x: Any, w: Any, stride: Any, padding: Any, dilation: Any) -> tuple[Array, Array, Windows]:
    x, w = numbers(x, "x", 4), numbers(w, "w", 4)
    if x.shape[1] != w.shape[1]:
        raise ValueError(f"x has {x.shape[1]} channels but the filters w have {w.shape[1]}: make them equal")
    return x, w, Windows(x.shape, w.shape[2:], stride, padding, dilation)
