"""Find, rank and choose the OpenCL device that computes every picture.

Ranking: real GPUs first (those with memory of their own before integrated ones), then other
accelerators, then CPUs; simulators such as Oclgrind only when they are named. The choice, from
strongest to weakest: `cnnkit.use(...)`, the variable `CNNKIT_DEVICE`, pyopencl's `PYOPENCL_CTX`,
the first device of the ranking that passes its self-test.

Threads. JupyterLab runs slider callbacks in threads of their own, beside a cell that trains. What
threads share is named here and nowhere else: each device has ONE in-order queue, so whatever one
thread enqueues is seen whole by the next, and ONE lock, held while a kernel's arguments are set
and it is enqueued (`cnnkit.kernel.launch`) and while buffers come from the memory pool.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import warnings
from numbers import Integral
from typing import Any

from .compile_cache import prepare_caches
from .errors import DeviceError

_choice_lock = threading.RLock()
_current: Device | None = None
_devices: list[Device] | None = None

_KIND_ORDER = {"GPU": 0, "accelerator": 1, "CPU": 2, "simulator": 3}


class Device:
    """One OpenCL device: what it can do, and the queue, pool and lock that serve it.

    Attributes: `name`, `platform`, `version`, `kind` ("GPU", "accelerator", "CPU", "simulator"),
    `index` (place in the ranking), `compute_units`, `memory_bytes`, `max_allocation_bytes`,
    `max_work_group_size`, `local_memory_bytes`, `fp64`, `sub_groups`; `longest_loop`: after how many rounds
    the device ends any loop (llvmpipe does), or None; known once the self-test has run.
    """

    def __init__(self, handle: Any) -> None:
        import pyopencl as cl

        self.handle = handle
        self.index = -1
        self.name = _device_name(handle)
        self.platform = handle.platform.name.strip()
        self.version = f"{handle.version.strip()} | {handle.driver_version.strip()}"
        if "oclgrind" in self.platform.lower():
            self.kind = "simulator"  # it also claims to be a GPU and a CPU
        elif handle.type & cl.device_type.GPU:
            self.kind = "GPU"
        elif handle.type & cl.device_type.CPU:
            self.kind = "CPU"
        else:
            self.kind = "accelerator"
        # How many neighboring numbers a work-item of a simple kernel does: few items with long runs suit a
        # CPU, whose compiler turns runs into vectors. (CHUNK in the kernels.)
        self.chunk = 2048 if self.kind == "CPU" else 1
        self.compute_units = handle.max_compute_units
        self.memory_bytes = handle.global_mem_size
        self.max_allocation_bytes = handle.max_mem_alloc_size
        self.max_work_group_size = handle.max_work_group_size
        self.local_memory_bytes = handle.local_mem_size
        extensions = handle.extensions.split()
        self.fp64 = "cl_khr_fp64" in extensions
        self.sub_groups = "cl_khr_subgroups" in extensions or "cl_intel_subgroups" in extensions
        self.integrated = bool(handle.host_unified_memory)
        self.lock = threading.RLock()
        self._context: Any = None
        self._queue: Any = None
        self._pool: Any = None
        self._tested = False
        self.longest_loop: int | None = None
        # Made once, kept as long as the device: built kernels, their programs, and lists of whole numbers
        # that kernels read.
        self.kernels: dict[Any, Any] = {}
        self.programs: dict[Any, Any] = {}
        self.tables: dict[Any, Any] = {}
        self.room_until = 0.0  # until when the compiler's folder counts as having room
        self.apart = False  # did the kernels that are built together not compile?

    def __repr__(self) -> str:
        return f"<cnnkit device {self.index}: {self.name} ({self.kind}, {self.platform})>"

    @property
    def context(self) -> Any:
        if self._pool is None:
            self.open()
        return self._context

    @property
    def queue(self) -> Any:
        """The device's one in-order queue, shared by every thread."""
        if self._pool is None:
            self.open()
        return self._queue

    @property
    def pool(self) -> Any:
        """Freed buffers are kept and handed out again: safe because one in-order queue uses them."""
        if self._pool is None:
            self.open()
        return self._pool

    def open(self) -> None:
        """Create context, queue and pool, once."""
        if self._pool is not None:
            return
        import pyopencl as cl

        with self.lock:
            if self._pool is None:
                self._context = cl.Context([self.handle])
                self._queue = cl.CommandQueue(self._context)
                self._pool = cl.tools.MemoryPool(cl.tools.ImmediateAllocator(self._queue))

    def finish(self) -> None:
        """Wait until everything enqueued so far is done."""
        self.queue.finish()

    def self_test(self) -> None:
        """Compute a little of everything and compare with NumPy; raise DeviceError if it differs."""
        from .selftest import run

        run(self)
        self._tested = True


def _device_name(handle: Any) -> str:
    """The device's name; AMD's GPU driver keeps the board's name elsewhere ("gfx1030" says little)."""
    import pyopencl as cl

    try:
        name = handle.board_name_amd
    except (cl.Error, AttributeError):
        name = handle.name
    return " ".join(name.split())


def _rank(device: Device) -> tuple:
    # llvmpipe is a graphics driver's software fallback: right, yet the slowest of those tried.
    software = "llvmpipe" in device.name.lower()
    return (_KIND_ORDER[device.kind], device.integrated, software, -device.compute_units)


def devices() -> list[Device]:
    """Every OpenCL device of this machine, best first (see the ranking above).

    Raises DeviceError, with what to install on this operating system, when there is none.
    """
    global _devices
    with _choice_lock:
        if _devices is None:
            prepare_caches()
            import pyopencl as cl

            found: list[Device] = []
            try:
                platforms = cl.get_platforms()
            except cl.Error:  # PLATFORM_NOT_FOUND_KHR: a loader without any driver
                platforms = []
            for each in platforms:
                try:
                    handles = each.get_devices()
                except cl.Error:  # a platform without devices, or with a broken driver
                    continue
                found += [Device(handle) for handle in handles]
            if not found:
                raise DeviceError(_nothing_found())
            found.sort(key=_rank)
            for index, device_ in enumerate(found):
                device_.index = index
            _devices = found
        return list(_devices)


def use(which: str | int | Device) -> Device:
    """Choose the device for all that follows, by name (or a part of it), index or Device.

    The name is looked for, ignoring case, in each device's name and platform; the best-ranked match is
    taken. The device's self-test runs once. Arrays and models made on another device stay there: make
    them anew after a change of device. Raises DeviceError for an unknown device or a failed self-test.
    """
    global _current
    with _choice_lock:
        chosen = find(which)
        if not chosen._tested:
            chosen.self_test()
        _current = chosen
        return chosen


def current_device() -> Device:
    """The current device; chosen at the first call (see the module's text for the order)."""
    global _current
    if _current is None:
        with _choice_lock:
            if _current is None:
                _current = _choose()
    return _current


def find(which: str | int | Device) -> Device:
    """The device that a name, an index or a Device means, without choosing it."""
    if isinstance(which, Device):
        return which
    known = devices()
    listed = "; ".join(f"{d.index}: {d.name} ({d.platform})" for d in known)
    if not isinstance(which, (str, Integral)):
        raise DeviceError(
            f"A device is chosen by its name or number, not by a {type(which).__name__}; choose one of: "
            f"{listed}."
        )
    text = str(which).strip() if isinstance(which, str) or abs(which) < 10**18 else "a number that large"
    is_number = text.removeprefix("-").isdecimal() and len(text) < 20
    if is_number and 0 <= int(text) < len(known):
        return known[int(text)]
    wanted = text.lower()
    for candidate in known:  # a number, too, may be a part of a name: "4090"
        if wanted and wanted in f"{candidate.name} {candidate.platform}".lower():
            return candidate
    if is_number:
        raise DeviceError(
            f"There is no device {text}: this machine has {len(known)}, counted from 0 ({listed})."
        )
    text = text if len(text) <= 80 else f"{text[:60]}..."
    raise DeviceError(f"No device has {text!r} in its name or platform; choose one of: {listed}.")


def _choose() -> Device:
    named = os.environ.get("CNNKIT_DEVICE", "").strip()
    if named:
        try:
            return use(named)
        except DeviceError as error:
            raise DeviceError(f"CNNKIT_DEVICE={named!r} cannot be used: {error}") from None
    if os.environ.get("PYOPENCL_CTX", "").strip():
        return use(_from_pyopencl_ctx())
    failures = []
    for candidate in devices():
        if candidate.kind == "simulator":
            continue
        try:
            return use(candidate)
        except DeviceError as error:
            failures.append(str(error))
            warnings.warn(f"{error} Trying the next device.", stacklevel=3)
    if failures:
        raise DeviceError(f"No device passed its self-test: {' '.join(failures)}")
    raise DeviceError(
        f"Only simulators were found ({', '.join(d.name for d in devices())}): they are thousands of times "
        f"slower and are used only when named, as in cnnkit.use('oclgrind'). {_nothing_found()}"
    )


def _from_pyopencl_ctx() -> Device:
    value = os.environ["PYOPENCL_CTX"]
    known = devices()
    import pyopencl as cl

    try:
        handle = cl.create_some_context(interactive=False).devices[0]
    except Exception as error:  # pyopencl raises several kinds for a value it cannot resolve
        raise DeviceError(
            f"PYOPENCL_CTX={value!r} names no device here ({error}); unset it, or choose one of: "
            f"{'; '.join(f'{d.index}: {d.name} ({d.platform})' for d in known)}."
        ) from None
    return next((d for d in known if d.handle == handle), None) or Device(handle)


def _nothing_found() -> str:
    if sys.platform == "win32":
        advice = (
            "install your graphics card's driver, or Intel's CPU runtime for OpenCL, or in a conda "
            "environment run 'conda install -c conda-forge pocl'"
        )
    elif sys.platform == "darwin":
        advice = "in a conda environment run 'conda install -c conda-forge pyopencl pocl'"
    elif platform.machine() == "x86_64":
        advice = (
            "run 'pip install \"pyopencl[pocl]\"' for this Python (or, system-wide, "
            "'sudo apt install pocl-opencl-icd')"
        )
    else:
        advice = "run 'sudo apt install pocl-opencl-icd' or 'conda install -c conda-forge pocl'"
    return f"No OpenCL device was found on this machine: {advice}, then restart Python."
