"""What runs under Oclgrind: each group is a list of (name, function); see under_oclgrind.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
from closeness import assert_close

import cnnkit
from cnnkit import kernel as kernels
from cnnkit import losses, optim, reference, train
from cnnkit.array import empty, to_device
from cnnkit.batches import Batches, Logbook
from cnnkit.bench.ceilings import fma_plan
from cnnkit.device import Device
from cnnkit.kernel import compile_source, kernel, launch
from cnnkit.layers import Parameter
from cnnkit.ops import conv, conv_blocked, conv_gemm, conv_implicit, dense, loss, pool, rows, variants
from cnnkit.ops.conv_shape import conv2d_shape

Case = tuple[str, Callable[[], None]]

# What Device sets for each kind: numbers per work-item of a simple kernel. And as many cores as a large
# machine has, so that sums are divided.
CHUNKS, CORES = {"CPU": 2048, "GPU": 1}, 16


@contextmanager
def as_on(kind: str) -> Iterator[Device]:
    """The simulator as if it were a device of this kind."""
    device = cnnkit.current_device()
    with patch.multiple(device, kind=kind, chunk=CHUNKS[kind], compute_units=CORES):
        forget(device)
        yield device
    forget(device)


def forget(device: Device) -> None:
    """The kernels built so far, and the variants chosen."""
    for kept in (device.kernels, device.programs):
        kept.clear()
    conv._variant_on.cache_clear()


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    """Random normal float32 numbers."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


# Convolution


class Conv(NamedTuple):
    """One convolution: the shapes of x and w, and how the windows lie."""

    x: tuple[int, int, int, int]
    w: tuple[int, int, int, int]
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1


CONVOLUTIONS = {
    "small": Conv((1, 1, 5, 7), (1, 1, 3, 3)),
    "uneven": Conv((2, 3, 7, 9), (5, 3, 3, 2), (2, 1), ((1, 0), (0, 2))),
    "dilated": Conv((1, 2, 7, 6), (3, 2, 3, 3), 1, "same", (2, 1)),
    "strided and dilated": Conv((2, 2, 8, 11), (6, 2, 2, 3), 2, 1, (2, 2)),
    "stride above the window": Conv((3, 2, 7, 7), (4, 2, 1, 1), 3),
    "stride above the window, padded": Conv((1, 1, 6, 9), (3, 1, 2, 2), (3, 4), 1),
    "more padding than picture": Conv((1, 2, 1, 1), (2, 2, 3, 3), 1, 2),
    "one pixel": Conv((2, 1, 3, 3), (5, 1, 3, 3)),
    "wide": Conv((1, 1, 4, 21), (2, 1, 2, 3)),
    "wide, every other": Conv((1, 1, 3, 37), (2, 1, 2, 3), (1, 2), (0, 1)),
    "many rows": Conv((3, 6, 9, 3), (1, 6, 3, 3), 1, 1),
}
FILTERS = {  # for conv2d_blocked: so many that vectors hold filters
    "16 filters": Conv((1, 4, 6, 5), (16, 4, 3, 3), 1, 1),
    "13 filters of 72 weights": Conv((2, 8, 7, 6), (13, 8, 3, 3), 2, 1),
    "13 channels": Conv((1, 13, 5, 5), (8, 13, 3, 3), (1, 2), 1),
    "more than a block of pixels": Conv((1, 1, 9, 10), (16, 1, 2, 2)),
}
TILES = {  # for conv2d_tiled: smaller and larger than a tile of 16 x 16
    "small": Conv((1, 1, 5, 7), (1, 1, 3, 3)),
    "uneven": Conv((2, 2, 7, 9), (5, 2, 3, 2), (2, 1), ((1, 0), (0, 2))),
    "more padding than picture": Conv((1, 2, 1, 1), (2, 2, 3, 3), 1, 2),
    "four tiles": Conv((1, 1, 17, 18), (1, 1, 3, 3), 1, 1),
    "a larger patch": Conv((1, 1, 19, 35), (1, 1, 3, 3), 2, 1),
    "the largest patch": Conv((1, 1, 35, 37), (1, 1, 4, 3), (2, 4), 0, (9, 4)),
}
PRODUCTS = {  # for conv2d_implicit_gemm: tiles of 16, 32 or 64 rows
    "16 rows": Conv((2, 3, 5, 7), (5, 3, 3, 2), (2, 1), ((1, 0), (0, 2))),
    "32 rows": Conv((1, 17, 2, 3), (18, 17, 1, 2), 1, 1, (1, 2)),
    "64 rows": Conv((1, 33, 1, 3), (35, 33, 1, 1)),
    "two tiles of rows": Conv((1, 1, 2, 2), (65, 1, 1, 1), 2),
    "stride above the window": Conv((2, 1, 7, 6), (2, 1, 1, 2), 3),
}
# A work-group of these two is much work: fewer shapes.
SHAPES = {"tiled": TILES, "implicit_gemm": PRODUCTS, "blocked": CONVOLUTIONS | FILTERS}


def conv_forward(case: Conv, variant: str, relu: bool = False) -> None:
    x, w, how = numbers(*case.x), numbers(*case.w), case[2:]
    b = numbers(case.w[0])
    got = cnnkit.conv2d(x, w, None if relu else b, *how, variant=variant)
    expected = reference.conv2d(x, w, None if relu else b, *how)
    assert_close(got, expected, w[0].size)
    if relu:
        shape = conv2d_shape(x.shape, w.shape, *how)
        got = conv.forward(to_device(x), to_device(w), to_device(b), shape, relu=True, variant=variant)
        assert_close(got, np.maximum(expected + b[:, None, None], 0), w[0].size)


def conv_backward(case: Conv, data: str, weight: str) -> None:
    x, w, how = numbers(*case.x), numbers(*case.w), case[2:]
    dy = numbers(*reference.conv2d(x, w, None, *how).shape)
    shape = conv2d_shape(x.shape, w.shape, *how)
    dx, dw, db = reference.conv2d_backward(dy, x, w, *how)
    assert_close(conv.backward_data(to_device(dy), to_device(w), shape, data), dx, w[:, 0].size)
    got = conv.backward_weight(to_device(dy), to_device(x), shape, weight)
    assert_close(got[0], dw, dy[:, 0].size)
    assert_close(got[1], db, dy[:, 0].size)


def convolutions(variant: str) -> Iterator[Case]:
    """All convolutions by one variant, forward and, where there is one, backward; and its special cases."""
    data, weight = (
        variant if variant in variants.VARIANTS[f"conv2d_backward_{way}"] else "plain"
        for way in ("data", "weight")
    )
    cases = SHAPES.get(variant, CONVOLUTIONS)
    with as_on("CPU" if variant in ("blocked", "gemm") else "GPU"):
        for name, case in cases.items():
            yield f"forward, {name}", partial(conv_forward, case, variant)
            if variant != "tiled":  # which is for the forward pass alone
                yield f"backward, {name}", partial(conv_backward, case, data, weight)
        small, uneven, filters = CONVOLUTIONS["small"], CONVOLUTIONS["uneven"], FILTERS["16 filters"]
        yield "with ReLU", partial(conv_forward, small, variant, relu=True)
        if variant == "gemm":
            with patch.object(conv_gemm, "PIECE", 1):
                yield "an image at a time", partial(conv_forward, uneven, variant)
                yield "gradients, an image at a time", partial(conv_backward, uneven, data, weight)
        if variant == "implicit_gemm":
            with patch.object(conv_implicit, "MIN_STEPS", 1):
                yield "in parts", partial(conv_backward, PRODUCTS["16 rows"], "plain", weight)
            with patch.object(conv_implicit, "BUSY", 1):
                yield "tiles of 128 x 128", partial(conv_forward, PRODUCTS["two tiles of rows"], variant)
        if variant == "blocked":
            with patch.multiple(conv_blocked, SHORT_SUM=2, CACHED=1):
                for case in (uneven, filters):
                    yield "in pieces", partial(conv_backward, case, data, weight)
            with without_clang():
                for case in (small, filters, CONVOLUTIONS["wide, every other"]):
                    yield "other vectors", partial(conv_forward, case, variant, relu=True)
                    yield "gradients with other vectors", partial(conv_backward, case, data, weight)


@contextmanager
def without_clang() -> Iterator[None]:
    """Kernels as a compiler gets them that is not clang: vectors that may lie anywhere are an extension."""
    forget(cnnkit.current_device())
    with patch.object(kernels, "BUILD_OPTIONS", (*kernels.BUILD_OPTIONS, "-U__clang__")):
        yield
    forget(cnnkit.current_device())


# Pooling

POOLINGS = {  # the shape of x; kernel_size, stride, padding
    "side by side": ((1, 2, 6, 10), (2, None, 0)),
    "rows and columns left over": ((2, 3, 7, 11), (2, None, 0)),
    "overlapping": ((1, 2, 7, 9), (3, 2, 0)),
    "overlapping, padded": ((2, 1, 5, 8), (3, 2, 1)),
    "every place": ((1, 1, 4, 5), ((3, 2), 1, (2, 1))),
    "stride above the window": ((1, 3, 8, 9), ((1, 2), (3, 5), 0)),
    "single cells, every other": ((1, 1, 3, 9), (1, 2, 0)),
    "one window": ((1, 1, 3, 2), ((3, 2), None, 0)),
    "one pixel": ((1, 1, 1, 1), (1, None, 0)),
}


def max_pooling(x_shape: tuple[int, ...], how: tuple[Any, ...], variant: str) -> None:
    x = np.maximum(numbers(*x_shape), 0)  # with ties
    y, winners = cnnkit.max_pool2d(x, *how, return_indices=True, variant=variant)
    assert_close(y, reference.max_pool2d(x, *how))
    dy = numbers(*y.shape, seed=1)
    expected = reference.max_pool2d_backward(dy, x, *how)
    assert_close(cnnkit.max_pool2d_backward(dy, x, *how, indices=winners, variant=variant), expected, 16)
    got = pool.route_to_winners(to_device(dy), winners, x.shape, *how, positive=y, variant=variant)
    assert_close(got, reference.relu_backward(expected, x), 16, scale=1)


def average_pooling(x_shape: tuple[int, ...], how: tuple[Any, ...], count_include_pad: bool) -> None:
    x, how = numbers(*x_shape), (*how, count_include_pad)
    y = reference.avg_pool2d(x, *how)
    assert_close(cnnkit.avg_pool2d(x, *how), y, 16)
    dy = numbers(*y.shape)
    expected = reference.avg_pool2d_backward(dy, x.shape, *how)
    assert_close(cnnkit.avg_pool2d_backward(dy, x.shape, *how), expected, 16)


def poolings() -> Iterator[Case]:
    for name, case in POOLINGS.items():
        for variant in variants.VARIANTS["max_pool2d_forward"]:
            yield f"max {variant}, {name}", partial(max_pooling, *case, variant)
        for padding in (False, True):
            yield f"average, {name}", partial(average_pooling, *case, padding)
    with without_clang():
        for name in ("rows and columns left over", "overlapping, padded"):
            yield f"max blocked, other vectors, {name}", partial(max_pooling, *POOLINGS[name], "blocked")


# Matrices


def products(rows_: int, inner: int, columns: int, variant: str) -> None:
    a, b = numbers(rows_, inner), numbers(inner, columns, seed=1)
    for turned in ((False, False), (True, False), (False, True), (True, True)):
        first, second = (m.T.copy() if turn else m for m, turn in zip((a, b), turned, strict=True))
        got = cnnkit.matmul(first, second, *turned, variant=variant)
        assert_close(got, reference.matmul(first, second, *turned), inner)
    w, bias = numbers(columns, inner, seed=2), numbers(columns)
    assert_close(cnnkit.linear(a, w, bias, variant=variant), reference.linear(a, w, bias), inner)
    assert_close(dense.column_sum(to_device(a)), a.sum(0, dtype=float), rows_)


def gradients_of_dense() -> None:
    dy, x, w = numbers(5, 3), numbers(5, 7), numbers(3, 7)
    with patch.object(variants, "SMALL", 0):
        got = cnnkit.linear_backward(dy, x, w)
        for each, expected in zip(got, reference.linear_backward(dy, x, w), strict=True):
            assert_close(each, expected, 7)
        for each, expected in zip(
            cnnkit.matmul_backward(dy, x, w.T), reference.matmul_backward(dy, x, w.T), strict=True
        ):
            assert_close(each, expected, 7)


def matrices() -> Iterator[Case]:
    sizes = ((1, 1, 1), (3, 2, 5), (5, 33, 17), (4, 8, 16), (9, 65, 17), (70, 3, 2))
    for size in sizes:
        for variant in variants.VARIANTS["matmul"]:
            yield f"{variant} {size}", partial(products, *size, variant)
    yield "nothing to add up", lambda: assert_close(cnnkit.linear(numbers(2, 0), numbers(3, 0), numbers(3)),
                                                    np.tile(numbers(3), (2, 1)))  # fmt: skip
    for kind in CHUNKS:
        with as_on(kind):
            yield f"gradients, as on a {kind}", gradients_of_dense


# Activations, losses, optimizers, and what training needs


def activation(name: str, size: int) -> None:
    x, dy = 3 * numbers(size), numbers(size, seed=1)
    x[: min(size, 3)] = [0, -0.0, np.nan][:size]
    y = getattr(reference, name)(x)
    assert_close(getattr(cnnkit, name)(x), y)
    seen = x if name.endswith("relu") else y.astype(np.float32)
    assert_close(
        getattr(cnnkit, f"{name}_backward")(dy, seen), getattr(reference, f"{name}_backward")(dy, seen)
    )


def dropping(size: int) -> None:
    x = numbers(size)
    assert_close(cnnkit.dropout(x, 0.25, 3), reference.dropout(x, 0.25, 3))
    assert_close(cnnkit.dropout_backward(x, 0.25, 3), reference.dropout(x, 0.25, 3))


def probabilities(n: int, k: int) -> None:
    x, dy, labels = 5 * numbers(n, k), numbers(n, k, seed=1), np.arange(n) * 7 % k
    for name in ("softmax", "log_softmax"):
        y = getattr(reference, name)(x).astype(np.float32)
        assert_close(getattr(cnnkit, name)(x), y, k, factor=2e-6, scale=1 + abs(y).max())
        expected = getattr(reference, f"{name}_backward")(dy, y)
        assert_close(getattr(cnnkit, f"{name}_backward")(dy, y), expected, k, scale=abs(dy).max())
    slopes = reference.cross_entropy_backward(x, labels)
    assert_close(cnnkit.cross_entropy(x, labels), reference.cross_entropy(x, labels), k, scale=10)
    assert_close(cnnkit.cross_entropy_backward(x, labels), slopes, k, scale=1 / n)
    values, hits, got = losses.CrossEntropyLoss().step(x, labels)
    assert_close(values.get().mean(), reference.cross_entropy(x, labels), k, scale=10)
    assert_close(got, slopes, k, scale=1 / n)
    right = (x.argmax(1) == labels).sum()
    assert hits.get().sum() == loss.count_correct(x, labels).get() == right


def labels_out_of_range() -> None:
    """NaN, and never a read outside."""
    labels = to_device(np.array([-1, 3, 2**31 - 1]), "labels", np.int32)
    for call in (cnnkit.cross_entropy, cnnkit.cross_entropy_backward):
        assert np.isnan(call(numbers(3, 3), labels).get()).all()
    values, _, _ = loss.cross_entropy_step(numbers(3, 3), labels)
    assert np.isnan(values.get()).all() and loss.count_correct(numbers(3, 3), labels).get() == 0


def squared_errors(size: int) -> None:
    pred, target = numbers(size), numbers(size, seed=1)
    for reduction in ("mean", "sum"):
        how = (pred, target, reduction)
        assert_close(cnnkit.mse(*how), reference.mse(*how), size)
        assert_close(cnnkit.mse_backward(*how), reference.mse_backward(*how))


def optimizer_steps(size: int) -> None:
    g, zero = numbers(size, seed=1), np.zeros(size)
    sgd = reference.sgd_step(numbers(size), g, zero, 0.1, 0.9, 0.01)[0]
    adam = reference.adam_step(numbers(size), g, zero, zero, 1, 0.1, 0.9, 0.999, 1e-8, 0.01)[0]
    for optimizer, expected in (
        (optim.SGD(0.1, momentum=0.9, weight_decay=0.01), sgd),
        (optim.Adam(0.1, weight_decay=0.01), adam),
    ):
        parameter = Parameter(numbers(size))
        parameter.grad = to_device(g)
        optimizer.step([parameter])
        assert_close(parameter.value, expected, 10, scale=1)
        optimizer.step([parameter], to_device(np.ones(1), "halt", np.int32))  # stands still
        assert_close(parameter.value, expected, 10, scale=1)


def bookkeeping() -> None:
    """Picked rows, and a logbook of three steps of which the last is broken."""
    values, order = numbers(5, 3, 7), np.array([4, 0, 3, 1, 2], np.int32)
    got = rows.take_rows(to_device(values), to_device(order, "order", np.int32), 2, 3)
    assert_close(got, values[order[2:]])
    batches = Batches(values, np.arange(5, dtype=np.int32), 2, seed=0)
    assert sorted(np.concatenate([y.get() for _, y in batches.of_epoch(0)])) == list(range(5))
    book, some = Logbook(3), numbers(19)
    book.record(0, to_device(some), to_device(np.ones(19), "hits", np.int32), 19)
    book.record(1, to_device(some[:1]), None, 1)
    book.record(2, to_device(np.full(2, np.nan)), None, 2)
    assert_close(book.losses.get()[:2], [some.mean(), some[0]], 19)
    assert book.hits.get().tolist() == [19, 0, 0] and book.halt.get() == 1


def ceilings(kind: str) -> None:
    with as_on(kind) as device:
        plan = fma_plan(device)
        macros = {"VECTOR": plan.vector, "ACCUMULATORS": plan.accumulators}
        items, times, n = 2 * plan.local, 3, plan.vector
        out = empty((items * n,))
        launch(
            device,
            kernel(device, "bench", "fma_ceiling", **macros),
            (items,),
            (plan.local,),
            out,
            1.0,
            1.0,
            times,
        )
        assert_close(out, np.full(items * n, n and sum(j + times for j in range(plan.accumulators))))
        a, b, c = empty((3 * n,)), numbers(3 * n), numbers(3 * n, seed=1)
        run = kernel(device, "bench", "triad_ceiling", **macros)
        launch(device, run, (3,), (64,), a, to_device(b), to_device(c), 3.0, 3)
        assert_close(a, b + 3 * c.astype(float))


def simple() -> Iterator[Case]:
    for kind in CHUNKS:
        with as_on(kind):
            for size in (1, 67, 2051):  # 2051: more than a work-item's run of numbers
                for name in ("relu", "leaky_relu", "tanh", "sigmoid"):
                    yield f"{name}, {size}, as on a {kind}", partial(activation, name, size)
                yield f"dropout, {size}, as on a {kind}", partial(dropping, size)
                yield f"optimizers, {size}, as on a {kind}", partial(optimizer_steps, size)
        yield f"bench, as on a {kind}", partial(ceilings, kind)
    for size in ((1, 1), (7, 3), (67, 2)):
        yield f"softmax and cross-entropy {size}", partial(probabilities, *size)
        yield f"squared error {size}", partial(squared_errors, size[0])
    yield "labels out of range", labels_out_of_range
    yield "bookkeeping", bookkeeping


# Training: what of all this stands beside each other in memory


def trained(kind: str) -> dict[str, np.ndarray]:
    model = cnnkit.Sequential(
        *(cnnkit.Conv2d(1, 3, 3, padding=1), cnnkit.ReLU(), cnnkit.MaxPool2d(2)),
        *(cnnkit.Conv2d(3, 16, 2), cnnkit.ReLU(), cnnkit.AvgPool2d(2)),
        *(cnnkit.Flatten(), cnnkit.Dropout(0.2), cnnkit.Linear(16, 3)),
        seed=0,
    )
    data = numbers(5, 1, 7, 6), np.arange(5) % 3
    small = 0 if kind == "CPU" else variants.SMALL  # a work-group of a GPU's variant is much work
    with as_on(kind), patch.object(variants, "SMALL", small):
        train.fit(model, data, data, epochs=1, batch_size=3, optimizer=optim.SGD(0.1, 0.9), progress=False)
    return model.state()


def training() -> Iterator[Case]:
    results: list[dict[str, np.ndarray]] = []

    def one(kind: str) -> None:
        results.append(trained(kind))
        for name, values in results[0].items():
            assert_close(results[-1][name], values, 100)

    for kind in CHUNKS:
        yield f"as on a {kind}", partial(one, kind)


# Kernels that are wrong: does the net catch them? Each with the kind of finding, as oclgrind_log calls it.

WRONG = {  # what a kernel does instead of y[i] = x[i]
    "a race in global memory": ("race", "y[i] = x[i]; y[0] = x[i];"),
    "a race of equal values": ("race", "y[0] = 1.0f;"),
    "a race in local memory": ("race", "t[l] = x[i]; y[i] = t[3 - l];"),
    "a read just behind the end": ("outside", "y[i] = x[i + 1];"),
    "a read just before the start": ("outside", "y[i] = x[i - 1];"),
    "a write just behind the end": ("outside", "y[i] = x[i]; if (i == 6) y[7] = 0.0f;"),
    "a write outside local memory": ("outside", "t[l + 1] = x[i]; y[i] = 0.0f;"),
    "a number never set": ("unset", "y[i] += x[i];"),
    "a variable never set": ("unset", "float v; if (i > 2) v = x[i]; y[i] = v;"),
    "local memory never set": ("unset", "y[i] = t[l];"),
    "a decision by a number never set": ("unset", "if (y[i] > 0.0f) y[i] = 0.0f;"),
    "a barrier that not all reach": ("divergent", "if (l < 2) barrier(CLK_LOCAL_MEM_FENCE); y[i] = x[i];"),
}
BARRIER = "barrier(CLK_LOCAL_MEM_FENCE);"
BROKEN = {  # our own kernels with a part of them changed: file, old text, new text; what runs then
    "no barrier behind the patch": (
        *("race", "conv2d_tiled", f"{BARRIER} // the patch is complete", ""),
        partial(conv_forward, CONVOLUTIONS["small"], "tiled"),
    ),
    "no barrier behind the tiles": (
        *("race", "conv2d_implicit_gemm", f"{BARRIER} // the tiles are complete", ""),
        partial(conv_forward, CONVOLUTIONS["small"], "implicit_gemm"),
    ),
    "no barrier before the sums": (
        "race",
        "training",
        f"    {BARRIER}\n    if (item",
        "    if (item",
        bookkeeping,
    ),
    "no zeros beside the picture": (
        *("unset", "conv2d_blocked", "for (; j < pitch; j++)", "for (; j < end; j++)"),
        partial(conv_backward, CONVOLUTIONS["uneven"], "blocked", "blocked"),
    ),
    "rows beyond the last are read": (
        *("outside", "matmul", "min(i + r, rows - 1)", "(i + r)"),
        partial(products, 3, 2, 5, "blocked"),
    ),
    "vectors beyond the last are written": (
        *("outside", "pool2d", "column + 4 > OW ? OW - 4 : column", "column"),
        partial(max_pooling, *POOLINGS["rows and columns left over"], "blocked"),
    ),
    "work-items beyond the last row": (
        *("outside", "loss", "    if (i >= rows)\n        return;\n", ""),
        partial(probabilities, 7, 3),
    ),
    "the last run is a whole one": (
        *("outside", "activation", "n - i < CHUNK ? n : i + CHUNK", "i + CHUNK"),
        partial(activation, "relu", 67),
    ),
}


def misbehaves(body: str) -> None:
    text = (
        "__kernel void wrong(__global const float *x, __global float *y, const int n) {\n"
        "    __local float t[4];\n"
        "    const int i = get_global_id(0), l = get_local_id(0);\n"
        f"    if (i < n) {{ {body} }}\n}}\n"
    )
    device = cnnkit.current_device()
    run = compile_source(text, "wrong", device)
    launch(device, run, (8,), (4,), to_device(numbers(7)), empty((7,)), 7)


def broken(file: str, old: str, new: str, run: Callable[[], None]) -> None:
    before = kernels.source

    def changed(name: str) -> str:
        text = before(name)
        assert name != file or old in text, f"{old!r} is not in {file}.cl any more"
        return text.replace(old, new) if name == file else text

    with patch.object(kernels, "source", changed), as_on("CPU"):
        run()


def wrong() -> Iterator[Case]:
    for name, (_, body) in WRONG.items():
        yield name, partial(misbehaves, body)
    for name, (_, *change) in BROKEN.items():
        yield name, partial(broken, *change)


GROUPS: dict[str, Callable[[], Iterator[Case]]] = {
    **{f"conv2d {v}": partial(convolutions, v) for v in variants.VARIANTS["conv2d_forward"]},
    "pooling": poolings,
    "matrices": matrices,
    "simple": simple,
    "training": training,
    "wrong": wrong,
}
# Enough for every kernel to be launched, in a few seconds.
FEW = {
    *("forward, small", "backward, small", "forward, 16 filters", "backward, 16 filters"),
    *("forward, stride above the window", "backward, stride above the window"),
    *("max plain, overlapping", "max blocked, rows and columns left over", "average, overlapping, padded"),
    *("plain (3, 2, 5)", "blocked (3, 2, 5)", "bench, as on a CPU"),
    *(
        f"{each}, 67, as on a CPU"
        for each in ("relu", "leaky_relu", "tanh", "sigmoid", "dropout", "optimizers")
    ),
    *("softmax and cross-entropy (7, 3)", "squared error (7, 3)", "labels out of range", "bookkeeping"),
}
