"""NumPy arrays to the device and back: the one place where values change type or place.

The rule. Whatever comes in becomes a C-contiguous float32 array on the current device, once:
floats of any size, integers and booleans are converted (float64 and large integers are rounded to
float32's 24 bits), views and transposes are copied into row-major order, lists are read as arrays.
Text, objects and complex numbers are refused. A device array that is float32 and contiguous already
is used as it is, without a copy. Labels become int32 by the same rule, whole numbers only.
"""

from __future__ import annotations

import math
import sys
from functools import cache, lru_cache
from typing import Any

import numpy as np

from .device import Device, current_device
from .errors import DeviceError, DTypeError, OutOfMemoryError, ShapeError, shown

DeviceArray = Any  # pyopencl.array.Array, which is imported only when first needed


def is_device_array(values: Any) -> bool:
    """Is it an array in a device's memory?"""
    module = sys.modules.get("pyopencl.array")
    return module is not None and isinstance(values, module.Array)


def to_device(values: Any, name: str = "values", dtype: Any = np.float32) -> DeviceArray:
    """`values` (array, nested list or number) as a C-contiguous array of `dtype` on the current device.

    `name` is what an error calls it. Raises DTypeError for values that are no real numbers and
    DeviceError for an array that lives on another device or does not fit in memory.
    """
    device = current_device()
    if dtype is not np.float32 and dtype is not np.int32:
        dtype = _number_type(dtype)
    if is_device_array(values):
        on_current_device(values, name)
        if values.dtype == dtype and values.flags.c_contiguous and values.offset == 0:
            return values
        if values.dtype == dtype and values.flags.c_contiguous:
            return _copy_of_slice(device, values)
        values = _strided_to_host(device, values)
    host = read_numbers(values, name)
    check_room(host.shape, dtype, device)  # before it is converted
    host = _converted(host, name, dtype)
    result = empty(host.shape, dtype, device)
    if host.size:
        _copy(device, result.base_data, host)
    return result


def on_current_device(values: DeviceArray, name: str) -> DeviceArray:
    """`values`, if it lives on the current device; else DeviceError."""
    device = current_device()
    if values.context is not device.context and values.context != device.context:
        raise DeviceError(
            f"{name} lives on another device than the current one ({device.name}): make it anew with "
            "cnnkit.to_device(...) from NumPy values (a model, with its layers), or go back with "
            "cnnkit.use(...)."
        )
    return values


def to_numpy(values: Any, name: str = "values", dtype: Any = np.float32) -> np.ndarray:
    """`values` as a C-contiguous NumPy array of `dtype`, by the rule above."""
    if is_device_array(values):
        values = _strided_to_host(current_device(), on_current_device(values, name))
    return _converted(read_numbers(values, name), name, dtype)


def read_numbers(values: Any, name: str) -> np.ndarray:
    """NumPy's view of `values`, if they are real numbers."""
    if isinstance(values, np.ndarray):
        host = values
    else:
        try:
            host = np.asarray(values)
        except ValueError:
            raise ShapeError(
                f"{name} is not rectangular: its rows have different lengths, as in {shown(values)}."
            ) from None
        except Exception as error:  # whatever another's class does when it is asked to be an array
            raise DTypeError(
                f"{name} is a {type(values).__name__} that cannot be read as an array "
                f"({type(error).__name__}): pass real numbers."
            ) from None
    if host.dtype.kind not in "fiub":
        raise DTypeError(
            f"{name} holds {host.dtype} values and cnnkit computes with float32: pass real numbers."
        )
    return host


def _converted(host: np.ndarray, name: str, dtype: Any) -> np.ndarray:
    _check_host(host.shape, dtype, name)
    if np.dtype(dtype).kind == "i" and host.dtype.kind == "f":
        with np.errstate(invalid="ignore"):  # of NaN, or of what is too large
            whole = host.astype(dtype)
        if not np.array_equal(whole, host):
            raise DTypeError(f"{name} must be whole numbers, and some of its {host.dtype} values are not.")
        host = whole
    elif np.dtype(dtype).kind == "i" and host.dtype.kind in "iu" and host.size:
        limits = np.iinfo(dtype)
        if host.min() < limits.min or host.max() > limits.max:
            worst = host.max() if host.max() > limits.max else host.min()
            raise DTypeError(
                f"{name} holds {worst}, and {np.dtype(dtype)} ends at {limits.max}: pass smaller numbers."
            )
    # float64 beyond float32's range becomes infinity or 0, as in NumPy.
    with np.errstate(over="ignore", under="ignore"):
        return np.ascontiguousarray(host, dtype=dtype).reshape(host.shape)


def empty(shape: tuple[int, ...], dtype: Any = np.float32, device: Device | None = None) -> DeviceArray:
    """An array of `shape` whose values are whatever was in memory; the kernel that follows fills it."""
    import pyopencl as cl

    device = device or current_device()
    dtype = np.dtype(dtype)
    size = check_room(shape, dtype, device)
    try:
        with device.lock:
            data = device.pool.allocate(size) if size else None
    except (cl.Error, MemoryError) as error:
        raise _refused(device, error, shape, size) from None
    return _array(device, tuple(shape), dtype, data)


def check_room(shape: tuple[int, ...], dtype: Any = np.float32, device: Device | None = None) -> int:
    """The bytes of such an array; OutOfMemoryError if the device allows no array of that size."""
    device = device or current_device()
    numbers, itemsize = math.prod(shape), np.dtype(dtype).itemsize
    # The kernels count elements in 32-bit integers, so 2^31 of them is a limit of ours.
    if numbers * itemsize > device.max_allocation_bytes or numbers >= 2**31:
        raise _too_large(device, shape, numbers * itemsize)
    return numbers * itemsize


def _check_host(shape: tuple[int, ...], dtype: Any, name: str) -> None:
    """Refuse what would fill the computer's memory: a small array can be stretched to any shape."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < 2**30:
        return
    import psutil

    room = psutil.virtual_memory().total
    if size > room:
        raise OutOfMemoryError(
            f"{name} has shape {tuple(shape)}, which is {_mebibytes(size)}, and this computer has "
            f"{_mebibytes(room)} of memory: use fewer or smaller images."
        )


def _number_type(dtype: Any) -> np.dtype:
    """The NumPy type that `dtype` means, if a device array can hold it."""
    try:
        found = np.dtype(dtype)
    except (TypeError, ValueError):
        found = np.dtype(object)
    if found.kind not in "fiu" or found.itemsize > 8 or not found.isnative:
        raise DTypeError("dtype must be a type of real numbers of 1 to 8 bytes, such as float32 or int32.")
    return found


def reshaped(values: DeviceArray, shape: tuple[int, ...]) -> DeviceArray:
    """A contiguous array's numbers under another shape of the same size; nothing is copied."""
    if math.prod(shape) != values.size:
        raise ShapeError(
            f"An array of shape {tuple(values.shape)} has {values.size} numbers, and {tuple(shape)} asks "
            f"for {math.prod(shape)}."
        )
    return _array(current_device(), tuple(shape), values.dtype, values.base_data)


def side_by_side(shapes: list[tuple[int, ...]]) -> tuple[DeviceArray, list[DeviceArray]]:
    """Float32 zeros in one piece of memory, and arrays of `shapes` that share it, one after the other.

    Each begins where the device wants memory to begin, so there are gaps, which stay out of the shapes.
    """
    import pyopencl as cl

    device = current_device()
    step = max(1, device.handle.mem_base_addr_align // 8 // 4)  # in numbers
    starts = [0]
    for shape in shapes:
        starts.append(starts[-1] + -(-max(1, math.prod(shape)) // step) * step)
    size = check_room((starts[-1],), np.float32, device)
    try:
        # A buffer of its own and not of the pool, whose buffers cannot be divided.
        buffer = cl.Buffer(device.context, cl.mem_flags.READ_WRITE, size)
        with device.lock:
            cl.enqueue_fill_buffer(device.queue, buffer, np.zeros(1, np.float32), 0, size)
    except (cl.Error, MemoryError) as error:
        raise _refused(device, error, (starts[-1],), size) from None
    dtype = np.dtype(np.float32)
    parts = [
        _array(device, tuple(shape), dtype, buffer.get_sub_region(4 * start, 4 * max(1, math.prod(shape))))
        for start, shape in zip(starts, shapes, strict=False)
    ]
    return _array(device, (starts[-1],), dtype, buffer), parts


def _array(device: Device, shape: tuple[int, ...], dtype: np.dtype, data: Any) -> DeviceArray:
    """A contiguous array over a buffer (None for no numbers).

    pyopencl's public constructor takes longer than a small kernel, so this is the quick one that its own
    arithmetic uses, as long as it is there.
    """
    if data is None:
        return _array_type()(device.queue, shape, dtype, allocator=device.pool)
    size, strides, flags = _layout(shape, dtype)
    try:
        return _array_type()(
            None,
            shape,
            dtype,
            allocator=device.pool,
            data=data,
            strides=strides,
            _flags=flags,
            _fast=True,
            _size=size,
            _context=device.context,
            _queue=device.queue,
        )
    except TypeError:  # not part of its interface: another version may call it otherwise
        return _array_type()(device.queue, shape, dtype, allocator=device.pool, data=data)


@cache
def _array_type() -> Any:
    from pyopencl.array import Array

    return Array


@lru_cache(maxsize=1024)
def _layout(shape: tuple[int, ...], dtype: np.dtype) -> tuple[int, tuple[int, ...], Any]:
    """(size, strides, flags) of a contiguous array: the same few shapes come again at every step."""
    step, strides = dtype.itemsize, []
    for length in reversed(shape):
        strides.append(step)
        step *= max(1, length)
    like = _array_type()(current_device().queue, shape, dtype, allocator=_nothing)
    return math.prod(shape), tuple(reversed(strides)), like.flags


def _nothing(size: int) -> None:
    """An allocator for an array of which only the shape is looked at."""


def zeros(shape: tuple[int, ...], dtype: Any = np.float32, device: Device | None = None) -> DeviceArray:
    """An array of `shape` filled with zeros."""
    import pyopencl as cl

    device = device or current_device()
    result = empty(shape, dtype, device)
    if result.size:
        try:
            with device.lock:
                cl.enqueue_fill_buffer(device.queue, result.base_data, np.zeros(1, dtype), 0, result.nbytes)
        except (cl.Error, MemoryError) as error:
            raise _refused(device, error, shape, result.nbytes) from None
    return result


def copy(values: DeviceArray) -> DeviceArray:
    """A copy of a contiguous device array, made on the device."""
    return _copy_of_slice(current_device(), on_current_device(values, "The array"))


def copy_into(target: DeviceArray, values: DeviceArray | np.ndarray) -> None:
    """Overwrite `target` with `values` of the same size and type, from the device or the host."""
    if target.nbytes != values.nbytes or target.dtype != values.dtype:
        raise ShapeError(
            f"A {target.dtype} array of shape {tuple(target.shape)} cannot take {values.dtype} values of "
            f"shape {tuple(values.shape)}."
        )
    on_current_device(target, "The array that is to be overwritten")
    if target.size:
        source: Any = values
        source = source.base_data if is_device_array(values) else np.ascontiguousarray(values)
        _copy(current_device(), target.base_data, source, target.nbytes)


def _copy(device: Device, target: Any, source: Any, nbytes: int | None = None) -> None:
    import pyopencl as cl

    try:
        with device.lock:
            if isinstance(source, np.ndarray):
                cl.enqueue_copy(device.queue, target, source)
            else:
                cl.enqueue_copy(device.queue, target, source, byte_count=nbytes)
    except (cl.Error, MemoryError) as error:  # many drivers reserve memory only when it is first written
        raise _refused(device, error, (target.size // 4,), target.size) from None


def _copy_of_slice(device: Device, values: DeviceArray) -> DeviceArray:
    import pyopencl as cl

    result = empty(values.shape, values.dtype, device)
    if values.size:
        try:
            with device.lock:
                cl.enqueue_copy(
                    device.queue,
                    result.base_data,
                    values.base_data,
                    byte_count=values.nbytes,
                    src_offset=values.offset,
                )
        except (cl.Error, MemoryError) as error:
            raise _refused(device, error, values.shape, values.nbytes) from None
    return result


def _strided_to_host(device: Device, values: DeviceArray) -> np.ndarray:
    """A strided or differently typed device array, through the host: rare, so kept simple."""
    import pyopencl as cl

    if not values.size:
        return np.empty(values.shape, values.dtype)
    raw = np.empty(values.base_data.size, np.uint8)
    try:
        with device.lock:
            cl.enqueue_copy(device.queue, raw, values.base_data)
    except (cl.Error, MemoryError) as error:
        raise _refused(device, error, values.shape, values.nbytes) from None
    return np.ndarray(values.shape, values.dtype, raw.data, values.offset, values.strides)


def to_host(values: DeviceArray) -> np.ndarray:
    """The numbers of a device array; OutOfMemoryError where what computes them found no room."""
    import pyopencl as cl

    try:
        return values.get()
    except (cl.Error, MemoryError) as error:
        raise _refused(current_device(), error, values.shape, values.nbytes) from None


# What drivers say when there is no room; pyopencl has a class for some of them alone.
_NO_ROOM = ("ALLOCATION_FAILURE", "OUT_OF_RESOURCES", "OUT_OF_HOST_MEMORY", "INVALID_BUFFER_SIZE")


def _refused(device: Device, error: BaseException, shape: tuple[int, ...], size: int) -> DeviceError:
    """The error for what a driver refuses: no room, or a device that is no longer there."""
    if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_ROOM):
        return _too_large(device, shape, size)
    return device_failed(device, error)


def device_failed(device: Device, error: BaseException) -> DeviceError:
    """The error for a device that fails in the middle of things, with the driver's own words."""
    words = " ".join(str(error).split()) or type(error).__name__
    return DeviceError(
        f"{device.name} no longer does what it is asked ({words[:200]}): files that were saved are "
        "unhurt. Restart Python, and choose another device with CNNKIT_DEVICE if it fails again."
    )


def is_from_the_driver(error: BaseException) -> bool:
    """Does pyopencl raise it for what OpenCL answered?"""
    pyopencl = sys.modules.get("pyopencl")
    return pyopencl is not None and isinstance(error, pyopencl.Error)


def _too_large(device: Device, shape: tuple[int, ...], size: int) -> OutOfMemoryError:
    return OutOfMemoryError(
        f"An array of shape {tuple(shape)} needs {size / 2**20:.1f} MiB and {device.name} has no room for it "
        f"(at most {_mebibytes(device.max_allocation_bytes)} in one array, "
        f"{_mebibytes(device.memory_bytes)} in all): use a smaller batch or image."
    )


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.0f} MiB" if size >= 10 * 2**20 else f"{size / 2**20:.1f} MiB"
