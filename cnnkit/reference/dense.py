"""Operations on rows: matrix products, softmax and the losses."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .checks import Array, numbers, shaped


def matmul(a: ArrayLike, b: ArrayLike, transpose_a: bool = False, transpose_b: bool = False) -> Array:
    """y[i,j] = Σ_l a[i,l] · b[l,j], with a or b transposed first where asked."""
    a, b = numbers(a, "a", 2), numbers(b, "b", 2)
    a, b = a.T if transpose_a else a, b.T if transpose_b else b
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"a has {a.shape[1]} columns but b has {b.shape[0]} rows: make them equal")
    return a @ b


def matmul_backward(dy: ArrayLike, a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    """da = dy bᵀ, db = aᵀ dy, for y = a b."""
    a, b = numbers(a, "a", 2), numbers(b, "b", 2)
    dy = shaped(dy, "dy", (a.shape[0], b.shape[1]))
    return matmul(dy, b, transpose_b=True), matmul(a, dy, transpose_a=True)


def linear(x: ArrayLike, w: ArrayLike, b: ArrayLike | None = None) -> Array:
    """y = x wᵀ + b: y[n,o] = b[o] + Σ_i x[n,i] · w[o,i]. x (N,I), w (O,I), b (O,) -> y (N,O)."""
    y = matmul(x, w, transpose_b=True)
    return y if b is None else y + shaped(b, "b", (y.shape[1],))


def linear_backward(dy: ArrayLike, x: ArrayLike, w: ArrayLike) -> tuple[Array, Array, Array]:
    """dx = dy w, dw = dyᵀ x, db[o] = Σ_n dy[n,o]."""
    x, w = numbers(x, "x", 2), numbers(w, "w", 2)
    dy = shaped(dy, "dy", (x.shape[0], w.shape[0]))
    return matmul(dy, w), matmul(dy, x, transpose_a=True), dy.sum(axis=0)


def flatten(x: ArrayLike) -> Array:
    """y (N, C·H·W): all the numbers of one image in one row, row-major."""
    x = numbers(x, "x")
    if x.ndim < 1:
        raise ValueError("x has 0 dimensions: at least 1, the images, is needed")
    return x.reshape(x.shape[0], int(np.prod(x.shape[1:]))).copy()


def flatten_backward(dy: ArrayLike, x_shape: tuple[int, ...]) -> Array:
    """dx: the same numbers in the shape they came from."""
    dy = shaped(dy, "dy", (x_shape[0], int(np.prod(x_shape[1:]))))
    return dy.reshape(x_shape).copy()


def softmax(x: ArrayLike) -> Array:
    """y[n,k] = e^x[n,k] / Σ_j e^x[n,j]; x (N,K). The row's maximum is taken off first: no overflow."""
    e = np.exp(_below_maximum(x))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(dy: ArrayLike, y: ArrayLike) -> Array:
    """dx[n,k] = y[n,k] · (dy[n,k] − Σ_j dy[n,j] y[n,j]), with the OUTPUT y = softmax(x)."""
    y = numbers(y, "y", 2)
    dy = shaped(dy, "dy", y.shape)
    return y * (dy - (dy * y).sum(axis=1, keepdims=True))


def log_softmax(x: ArrayLike) -> Array:
    """y[n,k] = x[n,k] − log Σ_j e^x[n,j], with the row's maximum taken off first."""
    x = _below_maximum(x)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def log_softmax_backward(dy: ArrayLike, y: ArrayLike) -> Array:
    """dx[n,k] = dy[n,k] − e^y[n,k] · Σ_j dy[n,j], with the OUTPUT y = log_softmax(x)."""
    y = numbers(y, "y", 2)
    dy = shaped(dy, "dy", y.shape)
    return dy - np.exp(y) * dy.sum(axis=1, keepdims=True)


def _below_maximum(x: ArrayLike) -> Array:
    x = numbers(x, "x", 2)
    if x.shape[1] == 0:
        raise ValueError(f"x has shape {x.shape}, 0 classes: at least 1 is needed")
    with np.errstate(invalid="ignore"):  # a row with +inf, or of −inf alone, becomes NaN in silence
        return x - x.max(axis=1, keepdims=True)


def cross_entropy(logits: ArrayLike, labels: ArrayLike) -> Array:
    """L = −1/N · Σ_n log softmax(logits)[n, labels[n]], shape (); labels are integers in [0, K)."""
    logits, labels = _classified(logits, labels)
    return np.asarray(-log_softmax(logits)[np.arange(len(labels)), labels].mean())


def cross_entropy_backward(logits: ArrayLike, labels: ArrayLike) -> Array:
    """dlogits[n,k] = (softmax(logits)[n,k] − [k = labels[n]]) / N."""
    logits, labels = _classified(logits, labels)
    dlogits = softmax(logits)
    dlogits[np.arange(len(labels)), labels] -= 1.0
    return dlogits / len(labels)


def _classified(logits: ArrayLike, labels: ArrayLike) -> tuple[Array, NDArray[np.integer]]:
    logits, labels = numbers(logits, "logits", 2), np.asarray(labels)
    n, classes = logits.shape
    if labels.shape != (n,):
        raise ValueError(f"labels have shape {labels.shape} but logits {logits.shape} need ({n},)")
    if n == 0:
        raise ValueError("logits have 0 rows: a mean loss needs at least 1")
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"labels are {labels.dtype}: give the class numbers as integers")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"labels go from {labels.min()} to {labels.max()}: {classes} classes are 0 to {classes - 1}"
        )
    return logits, labels


def mse(pred: ArrayLike, target: ArrayLike, reduction: str = "mean") -> Array:
    """L = 1/m · Σ (pred − target)², shape (); m = the number of values, or 1 for reduction="sum"."""
    difference, m = _difference(pred, target, reduction)
    return np.asarray((difference**2).sum() / m)


def mse_backward(pred: ArrayLike, target: ArrayLike, reduction: str = "mean") -> Array:
    """dpred = 2/m · (pred − target)."""
    difference, m = _difference(pred, target, reduction)
    return 2.0 / m * difference


def _difference(pred: ArrayLike, target: ArrayLike, reduction: str) -> tuple[Array, int]:
    if reduction not in ("mean", "sum"):
        raise ValueError(f'reduction is {reduction!r}: give "mean" or "sum"')
    pred = numbers(pred, "pred")
    target = shaped(target, "target", pred.shape)
    if reduction == "mean" and pred.size == 0:
        raise ValueError(f"pred has shape {pred.shape}, 0 values: a mean loss needs at least 1")
    return pred - target, pred.size if reduction == "mean" else 1
