"""A device that is small, or has no memory left: the message has the numbers, and nothing is lost.

Limits are pretended by setting the Device's attributes; a full memory by an allocator that refuses.
"""

import re

import numpy as np
import pytest
from closeness import assert_close

import cnnkit
from cnnkit import optim, reference
from cnnkit.array import empty, side_by_side
from cnnkit.errors import DeviceError, OutOfMemoryError
from cnnkit.ops import conv, conv_implicit, conv_tiled
from cnnkit.ops.conv_shape import conv2d_shape

RNG = np.random.default_rng(0)
NO_MEMORY = ["MEM_OBJECT_ALLOCATION_FAILURE", "OUT_OF_RESOURCES", "OUT_OF_HOST_MEMORY"]


def images(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def network():
    return cnnkit.Sequential(
        cnnkit.Conv2d(1, 8, 3, padding=1), cnnkit.ReLU(), cnnkit.Flatten(), cnnkit.Linear(8 * 64, 4), seed=0
    )


def digits(n):
    return images(n, 1, 8, 8), RNG.integers(0, 4, n)


def same(model, before):
    return all(np.array_equal(value, before[name]) for name, value in model.state().items())


class FullPool:
    """A memory pool that hands out buffers below a size and says, as drivers do, that there are no others."""

    def __init__(self, pool, most, words):
        self.pool, self.most, self.words, self.refused = pool, most, words, 0

    def __getattr__(self, name):
        return getattr(self.pool, name)

    def __call__(self, size):
        return self.allocate(size)

    def allocate(self, size):
        import pyopencl as cl

        if size > self.most:
            self.refused += 1
            if self.words is None:
                raise MemoryError("std::bad_alloc")
            kind = cl.RuntimeError if self.words.startswith("runtime") else cl.MemoryError
            raise kind(f"clCreateBuffer failed: {self.words.removeprefix('runtime ')}")
        return self.pool.allocate(size)


@pytest.fixture
def full(device, monkeypatch):
    """full(most, words): from now on the device has no room for a buffer of more than `most` bytes."""

    def fill(most, words="MEM_OBJECT_ALLOCATION_FAILURE"):
        pool = FullPool(device.pool, most, words)
        monkeypatch.setattr(device, "_pool", pool)
        return pool

    yield fill
    monkeypatch.undo()


ALL_WORDS = [*NO_MEMORY, *(f"runtime {words}" for words in NO_MEMORY), None]


@pytest.mark.parametrize("words", ALL_WORDS)
def test_a_full_memory_names_the_numbers_and_what_to_do(full, words):
    earlier = cnnkit.to_device(np.arange(10))
    full(1 << 20, words)
    with pytest.raises(OutOfMemoryError) as caught:
        cnnkit.to_device(np.zeros((3, 1 << 18)))
    assert re.search(
        r"^An array of shape \(3, 262144\) needs 3\.0 MiB and .* has no room for it "
        r"\(at most [\d.]+ MiB in one array, \d+ MiB in all\): use a smaller batch or image\.$",
        str(caught.value),
    )
    assert np.array_equal(earlier.get(), np.arange(10))
    assert cnnkit.relu(np.ones(4)).get().sum() == 4


@pytest.mark.parametrize("words", NO_MEMORY)
def test_memory_that_is_missed_only_when_it_is_written(device, monkeypatch, words):
    import pyopencl as cl

    def refuses(*args, **how):
        raise cl.MemoryError(f"clEnqueueWriteBuffer failed: {words}")

    with monkeypatch.context() as pretend:
        pretend.setattr(cl, "enqueue_copy", refuses)
        with pytest.raises(OutOfMemoryError, match=r"0\.1 MiB.*no room for it.*smaller batch"):
            cnnkit.to_device(np.zeros(1 << 15))
    assert cnnkit.to_device(np.ones(3)).get().sum() == 3


def test_a_result_that_is_missed_only_when_it_is_fetched(device, monkeypatch):
    import pyopencl as cl
    import pyopencl.array as cl_array

    def refuses(self, *args, **how):
        raise cl.MemoryError("clEnqueueReadBuffer failed: OUT_OF_RESOURCES")

    model = network()
    with monkeypatch.context() as pretend:
        pretend.setattr(cl_array.Array, "get", refuses)
        with pytest.raises(OutOfMemoryError, match=r"no room for it.*smaller batch"):
            model.predict(images(1, 1, 8, 8))
    assert model.predict(images(2, 1, 8, 8)).shape == (2, 4)


def test_an_array_beyond_the_largest_allocation_is_refused_with_both_numbers(device, monkeypatch):
    monkeypatch.setattr(device, "max_allocation_bytes", 1 << 20)
    monkeypatch.setattr(device, "memory_bytes", 3 << 20)
    cnnkit.to_device(np.zeros(1 << 18, np.float32))  # exactly as much as is allowed
    too_many = np.zeros((1 << 18) + 1, np.float32)
    for call in (
        lambda: cnnkit.to_device(too_many),
        lambda: cnnkit.relu(too_many),
        lambda: empty(too_many.shape),
        lambda: side_by_side([(1 << 17,), (1 << 18,)]),
        lambda: cnnkit.Linear(1 << 10, 1 << 10),
        lambda: cnnkit.matmul(np.zeros((1024, 1)), np.zeros((1, 1024))),
        lambda: cnnkit.to_device(np.broadcast_to(np.float32(1), (1 << 20, 1 << 20))),
    ):
        with pytest.raises(OutOfMemoryError, match=r"needs \d+\.\d MiB .*at most 1\.0 MiB .*3\.0 MiB in all"):
            call()


def test_a_list_stretched_beyond_the_computers_memory_is_refused():
    endless = np.broadcast_to(np.int8(1), (1 << 25, 1 << 25))
    with pytest.raises(OutOfMemoryError, match=r"labels has shape \(33554432, 33554432\).* MiB of memory"):
        cnnkit.cross_entropy(np.zeros((2, 2)), endless)


@pytest.mark.parametrize("words", NO_MEMORY)
def test_training_that_finds_no_memory_loses_nothing_and_goes_on(full, monkeypatch, words):
    model, data, optimizer = network(), digits(64), cnnkit.Adam()
    cnnkit.fit(model, data, epochs=2, batch_size=8, optimizer=optimizer, progress=False)
    before, steps, earlier = model.state(), optimizer.steps, cnnkit.to_device(data[0])
    pool = full(40_000, words)  # 8 x 8 x 8 numbers of 4 bytes for an image: 19 of them fit
    with pytest.raises(OutOfMemoryError, match=r"batch_size=64 .*shape \(.*MiB .*no room.*smaller batch"):
        cnnkit.fit(model, data, epochs=2, batch_size=64, optimizer=optimizer, progress=False)
    assert pool.refused and same(model, before) and optimizer.steps == steps
    assert np.array_equal(earlier.get(), data[0])
    assert all(layer.kept is None for layer in model.layers)
    history = cnnkit.fit(model, data, epochs=2, batch_size=8, optimizer=optimizer, progress=False)
    assert len(history) == 2 and optimizer.steps == steps + 16 and not same(model, before)


def test_training_keeps_the_epochs_before_memory_ran_out(full):
    model, data = network(), digits(32)
    fill = full

    class FillAfterTwo(cnnkit.Callback):
        def on_epoch_end(self, run):
            if run.epoch == 2:
                self.state = run.model.state()
                fill(1000)

    callback = FillAfterTwo()
    with pytest.raises(OutOfMemoryError, match="batch_size=16"):
        cnnkit.fit(model, data, epochs=5, batch_size=16, callbacks=[callback], progress=False)
    assert len(model.history) == 2 and same(model, callback.state)


def test_the_same_bits_where_parameters_cannot_be_gathered(device, monkeypatch):
    data, models = digits(32), (network(), network())
    cnnkit.fit(models[0], data, epochs=2, progress=False)

    def refuses(shapes):
        raise OutOfMemoryError("no room for one piece")

    monkeypatch.setattr(optim, "side_by_side", refuses)
    cnnkit.fit(models[1], data, epochs=2, progress=False)
    assert same(models[1], models[0].state())


def test_a_training_set_beyond_the_device_stays_on_the_host(device, monkeypatch):
    data, models = digits(200), (network(), network())
    cnnkit.fit(models[0], data, epochs=2, batch_size=10, progress=False)
    monkeypatch.setattr(device, "max_allocation_bytes", 40_000)  # the images are 51 200 bytes
    cnnkit.fit(models[1], data, epochs=2, batch_size=10, progress=False)
    for name, value in models[0].state().items():
        np.testing.assert_allclose(models[1].state()[name], value, rtol=1e-3, atol=1e-5)


def test_predict_and_evaluate_split_what_does_not_fit(full):
    model, data = network(), digits(60)
    expected, score = model.predict(data[0]), cnnkit.evaluate(model, data)
    pool = full(15_000)  # 7 images
    np.testing.assert_allclose(model.predict(data[0]), expected, rtol=1e-5, atol=1e-6)
    again = cnnkit.evaluate(model, data)
    assert pool.refused
    assert again["accuracy"] == score["accuracy"]
    assert again["loss"] == pytest.approx(score["loss"], rel=1e-5)
    full(1000)  # not one image
    for call in (lambda: model.predict(data[0]), lambda: cnnkit.evaluate(model, data)):
        with pytest.raises(
            OutOfMemoryError, match=r"layer 0.*shape \(1, 8, 8, 8\) needs .*smaller batch or image"
        ):
            call()
    assert np.array_equal(model.predict(data[0][:0]), expected[:0])


def problem():
    x, w, b = images(4, 8, 20, 20), images(16, 8, 3, 3), images(16)
    return x, w, b, reference.conv2d(x, w, b, padding=1)


def agree(x, w, b, y, **how):
    """Forward and backward, and the layer, are right."""
    assert_close(cnnkit.conv2d(x, w, b, padding=1, **how), y, w[0].size)
    dy = images(*y.shape)
    for got, expected, length in zip(
        cnnkit.conv2d_backward(dy, x, w, padding=1, **how),
        reference.conv2d_backward(dy, x, w, padding=1),
        (w[:, 0].size, dy[:, 0].size, dy[:, 0].size),
        strict=True,
    ):
        assert_close(got, expected, length)


def test_scratch_memory_that_is_not_there_gives_way_to_another_kernel(device, full):
    x, w, b, y = problem()
    layer = cnnkit.Conv2d(8, 16, 3, padding=1, seed=0)
    full(y.size * 4)  # the result fits, a padded copy of it does not
    agree(x, w, b, y)
    assert_close(layer.forward(x), reference.conv2d(x, layer.w.value.get(), padding=1), w[0].size)
    layer.backward(images(*y.shape))
    assert np.isfinite(layer.w.grad.get()).all()
    if device.kind == "CPU":
        full(y.size * 4 - 4)
        with pytest.raises(OutOfMemoryError, match="no room"):  # a variant that is named is not exchanged
            cnnkit.conv2d(x, w, b, padding=1, variant="blocked")


def test_a_product_without_room_for_a_packed_copy(full):
    a, b = images(50, 60), images(60, 70)
    full(50 * 70 * 4 + 3000)  # b packed takes 60 x 80 numbers
    assert_close(cnnkit.matmul(a, b), a.astype(float) @ b, 60)


def test_scratch_memory_beyond_the_largest_allocation_is_not_chosen(device, monkeypatch):
    x, w, b, y = problem()
    monkeypatch.setattr(device, "max_allocation_bytes", y.size * 4)
    shape = conv2d_shape(x.shape, w.shape, 1, 1, 1)
    assert conv._variant("conv2d_forward", shape, None) != "blocked"
    agree(x, w, b, y)


LIMITS = [(64, 1 << 10), (64, 32 << 10), (256, 1 << 10), (128, 16 << 10)]


@pytest.mark.parametrize(("group", "local"), LIMITS)
def test_small_work_groups_and_little_local_memory(device, monkeypatch, group, local):
    monkeypatch.setattr(device, "max_work_group_size", min(group, device.max_work_group_size))
    monkeypatch.setattr(device, "local_memory_bytes", local)
    x, w, b, y = problem()
    shape = conv2d_shape(x.shape, w.shape, 1, 1, 1)
    assert not conv_implicit.fits(device)
    assert conv_tiled.fits(shape, device) == (group >= 256 and local >= 4096)
    conv._variant_on.cache_clear()  # these limits do not change in earnest
    for variant in (None, "plain", "implicit_gemm", "tiled"):
        assert_close(cnnkit.conv2d(x, w, b, padding=1, variant=variant), y, w[0].size)
    agree(x, w, b, y)
    model, data = network(), digits(40)
    cnnkit.fit(model, data, epochs=1, progress=False)
    assert np.isfinite(cnnkit.evaluate(model, data)["loss"])
    conv._variant_on.cache_clear()


def test_work_groups_of_one_are_refused_with_both_numbers(device, monkeypatch):
    model, data = network(), digits(10)
    before = model.state()
    monkeypatch.setattr(device, "max_work_group_size", 1)
    for call in (
        lambda: cnnkit.avg_pool2d(data[0], 2),
        lambda: cnnkit.softmax(images(3, 3)),
        lambda: cnnkit.conv2d(data[0], images(1, 1, 3, 3), variant="plain"),
        lambda: cnnkit.fit(model, data, epochs=1, progress=False),
        lambda: cnnkit.mse(images(3), images(3)),
    ):
        with pytest.raises(DeviceError, match=r"work-group of .*\d+ work-items is more than the 1 that"):
            call()
    assert same(model, before)


def test_parts_of_one_buffer_begin_where_the_device_wants(device):
    import pyopencl as cl

    step = device.handle.mem_base_addr_align // 8
    shapes = [(3,), (5, 7), (), (1, 1, 33)]
    whole, parts = side_by_side(shapes)
    for part, shape in zip(parts, shapes, strict=True):
        assert tuple(part.shape) == shape
        assert part.base_data.get_info(cl.mem_info.OFFSET) % step == 0
    assert whole.nbytes % step == 0
