"""Two right kernels, one with a barrier, and their launches: the sandbox's tests make mistakes in them."""

import numpy as np

from cnnkit.exercises.launch import In, Launch, Local, Out

FILTER = """__kernel void filter2d(__global const float *x, __global const float *w, __global float *y,
                       int H, int W, int R, int S)
{
    int j = get_global_id(0), i = get_global_id(1);
    if (i >= H - R + 1 || j >= W - S + 1) return;
    float sum = 0;
    for (int r = 0; r < R; r++)
        for (int s = 0; s < S; s++)
            sum += x[(i + r) * W + j + s] * w[r * S + s];
    y[i * (W - S + 1) + j] = sum;
}
"""
REVERSE = """__kernel void reverse(__global const float *x, __global float *y, __local float *tile)
{
    int i = get_global_id(0), l = get_local_id(0), n = get_local_size(0);
    tile[n - 1 - l] = x[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    y[i] = tile[n - 1 - l] + 0 * tile[l];
}
"""
X = np.random.default_rng(0).random((6, 8), dtype=np.float32)
W = np.random.default_rng(1).random((2, 2), dtype=np.float32)
FILTERED = sum(W[r, s] * X[r : r + 5, s : s + 7] for r in (0, 1) for s in (0, 1))
NUMBERS = np.arange(64, dtype=np.float32)


def filter_launch(*local_sizes: tuple[int, int]) -> Launch:
    return Launch((In(X), In(W), Out((5, 7)), 6, 8, 2, 2), (7, 5), local_sizes or ((4, 4),))


def reverse_launch(*local_sizes: tuple[int]) -> Launch:
    return Launch((In(NUMBERS), Out((64,)), Local()), (64,), local_sizes or ((16,),))


def line_launch(source_type: str = "float32") -> Launch:
    """64 numbers in, 64 numbers out."""
    return Launch((In(NUMBERS.astype(source_type)), Out((64,), source_type)), (64,), ((16,),))


def but(source: str, old: str, new: str) -> str:
    """The source with one thing in it changed."""
    assert source.count(old) == 1, old
    return source.replace(old, new)


def one(box, source, function="filter2d", launch=None, **options):
    (outcome,) = box.run(source, function, [launch or filter_launch()], **options)
    return outcome


def on_line(box, body, dtype="float32", c_type="float"):
    """A kernel of 64 numbers with this body."""
    head = f"__kernel void f(__global const {c_type} *x, __global {c_type} *y)"
    return one(box, f"{head}\n{{\n    int i = get_global_id(0);\n    {body}\n}}\n", "f", line_launch(dtype))


def assert_serves(box):
    outcome = one(box, FILTER)
    assert not outcome.problem
    np.testing.assert_allclose(outcome.value, FILTERED, rtol=1e-5)
