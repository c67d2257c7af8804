"""The self-test of a device: a little of everything, compared with NumPy."""

from __future__ import annotations

import numpy as np

from .device import Device
from .errors import CnnkitError, DeviceError
from .kernel import kernel, launch

LOCAL_SIZE = 64
ROUNDS = 1 << 17  # more than llvmpipe goes round a loop
SIZE = 1000  # not a multiple of the local size: the last group is part empty


def run(device: Device) -> None:
    """Run the kernels of `kernels/selftest.cl` on `device`; raise DeviceError if one differs from NumPy."""
    try:
        results = _compute(device)
    except DeviceError:
        raise
    except CnnkitError as error:
        raise DeviceError(f"The device {device.name} failed its self-test: {error} {_ADVICE}") from None
    except Exception as error:  # a driver may fail in ways of its own
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DeviceError(f"The device {device.name} failed its self-test: {words}. {_ADVICE}") from None
    for what, got, expected in results:
        wrong = np.flatnonzero(got != expected)
        if wrong.size:
            i = int(wrong[0])
            raise DeviceError(
                f"The device {device.name} failed its self-test: {what} gave {got[i]!s} where "
                f"{expected[i]!s} is right (element {i}). {_ADVICE}"
            )


_ADVICE = (
    "Choose another device with cnnkit.use(...) or CNNKIT_DEVICE (see 'cnnkit devices'), "
    "or update its driver."
)


def _compute(device: Device) -> list[tuple[str, np.ndarray, np.ndarray]]:
    from pyopencl import array

    # Small whole numbers: their sums are exact in float32 in any order, so "equal" can mean equal.
    a = (np.arange(SIZE) % 17 - 8).astype(np.float32)
    b = (np.arange(SIZE) % 5).astype(np.float32)
    groups = -(-SIZE // LOCAL_SIZE)
    device.open()
    queue = device.queue
    a_d, b_d = array.to_device(queue, a), array.to_device(queue, b)
    c_d = array.to_device(queue, np.full(SIZE, -1, np.float32))
    sums_d = array.to_device(queue, np.full(groups, -1, np.float32))
    count_d = array.to_device(queue, np.zeros(1, np.int32))
    rounds_d = array.to_device(queue, np.zeros(1, np.int32))

    def each(function: str, *args: object) -> None:
        built = kernel(device, "selftest", function, LOCAL_SIZE=LOCAL_SIZE)
        launch(device, built, (SIZE,), (LOCAL_SIZE,), *args, SIZE)

    each("selftest_elementwise", a_d, b_d, c_d)
    each("selftest_local_sum", a_d, sums_d)
    each("selftest_count", a_d, count_d)
    loop = kernel(device, "selftest", "selftest_loop", LOCAL_SIZE=LOCAL_SIZE)
    launch(device, loop, (1,), (1,), rounds_d, ROUNDS)
    rounds = int(rounds_d.get()[0])
    # No fault that forbids the device: what would take longer loops is refused (`ops/rounds.py`).
    device.longest_loop = None if rounds == ROUNDS else rounds
    padded = np.concatenate([a, np.zeros(groups * LOCAL_SIZE - SIZE, np.float32)])
    return [
        ("an element-wise kernel", c_d.get(), 2 * a + b),
        ("a work-group's sum", sums_d.get(), padded.reshape(groups, -1).sum(axis=1)),
        ("an atomic count", count_d.get(), np.array([(a > 0).sum()], np.int32)),
    ]
