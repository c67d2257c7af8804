"""Find a kernel's source, specialize it by macros, build it, remember it, and launch it.

The sources are the `.cl` files of `kernels/` at the top of the repository (installed as the package
`cnnkit.kernels`). Read one with `print(cnnkit.kernel.source("conv2d"))`.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
import shutil
import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .compile_cache import cache_folder, expect_room, is_ours
from .device import Device, current_device
from .errors import CnnkitError, DeviceError, OutOfMemoryError

# Alike on every device. Nothing here relaxes NaN, infinity or the order of sums: a diverging training
# run must show as NaN, and the same seed must give the same bits.
BUILD_OPTIONS = ("-cl-std=CL1.2", "-cl-mad-enable", "-cl-kernel-arg-info")


class BuildError(CnnkitError):
    """A kernel that does not compile. Attributes: kernel, macros, line (or None), message, log."""

    def __init__(self, kernel: str, macros: dict[str, Any], text: str, log: str) -> None:
        self.kernel, self.macros, self.log = kernel, dict(macros), log
        found = parse_build_log(log)
        self.line: int | None = found[0].line if found else None
        self.message = found[0].message if found else log.strip()
        where = f"kernel {kernel!r}"
        if macros:
            where += " with " + ", ".join(f"{k}={v}" for k, v in sorted(macros.items()))
        if self.line is None:
            super().__init__(f"The {where} does not compile; the compiler says: {self.message or 'nothing'}")
            return
        lines = text.splitlines()
        shown = lines[self.line - 1].strip() if 0 < self.line <= len(lines) else ""
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        super().__init__(f"The {where} does not compile: line {self.line}, `{shown}`: {self.message}{more}.")


class Complaint(NamedTuple):
    """One error of a compiler's log."""

    line: int
    column: int
    message: str


# PoCL writes `error: /path/tempfile_X.cl:3:29: words`; rusticl, Oclgrind, Intel and NVIDIA write
# `input.cl:3:29: error: words` with `input.cl`, `1` or `<kernel>` in front.
_LOG_PATTERNS = (
    re.compile(r"^\s*(?:fatal )?error: .*?:(\d+):(\d+)(?: <Spelling=[^>]*>)?: (.+)$"),
    re.compile(r"^\s*.*?:(\d+):(\d+): (?:fatal )?error: (.+)$"),
)


def parse_build_log(log: str) -> list[Complaint]:
    """The errors (not warnings) of a build log in any of the formats the known compilers write."""
    complaints = []
    for text in log.splitlines():
        for pattern in _LOG_PATTERNS:
            match = pattern.match(text)
            if match:
                complaints.append(Complaint(int(match[1]), int(match[2]), match[3].strip().rstrip(".")))
                break
    return complaints


def source(name: str) -> str:
    """The OpenCL C text of `kernels/<name>.cl`."""
    folder = _folder()
    entry = folder / f"{name}.cl"
    if not re.fullmatch(r"\w+", name) or not entry.is_file():
        known = ", ".join(sorted(Path(e.name).stem for e in folder.iterdir() if e.name.endswith(".cl")))
        raise CnnkitError(f"There is no kernel file {name!r}; the files are: {known}.")
    return entry.read_text(encoding="utf-8")


def _folder() -> Any:
    try:
        return resources.files("cnnkit.kernels")
    except ModuleNotFoundError:
        # Run from a checkout that is not installed: the sources lie beside the package.
        return Path(__file__).resolve().parent.parent / "kernels"


def kernel(device: Device, name: str, function: str, **macros: Any) -> Kernel:
    """The kernel `function` of `kernels/<name>.cl`, specialized by `macros`; built once per device.

    pyopencl makes a new kernel object at every look-up, so they are kept here.
    """
    key = (name, function, *macros.items())
    kept = device.kernels.get(key)
    if kept is None:
        with device.lock:
            kept = device.kernels.get(key)
            if kept is None:
                program = _program(device, name, macros)
                kept = device.kernels[key] = _function(program, name, function)
    return kept


def compile_source(text: str, function: str, device: Device | None = None, **macros: Any) -> Kernel:
    """A kernel from source text of your own, for `launch`. Raises BuildError naming the line."""
    device = device or current_device()
    with device.lock:
        return _function(_build(device, function, text, macros), function, function)


class Kernel:
    """A built kernel function, and what `launch` would otherwise have to ask OpenCL at every launch."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.function_name: str = handle.function_name
        self.num_args: int = handle.num_args
        self.typed = False  # have its number arguments been declared?
        self.sizes: set[tuple[int, ...]] = set()  # of work-groups, for each of which PoCL compiles it anew


def launch(
    device: Device, kernel: Kernel, global_size: tuple[int, ...], local_size: tuple[int, ...], *args: Any
) -> None:
    """Enqueue `kernel`; each global size is rounded up to a multiple of its local size.

    Numbers are passed as the type that the kernel declares, device arrays as their buffers. Setting the
    arguments and enqueuing happen under the device's lock: another thread that cut in between them
    would run this launch with its own arguments. A training step is some dozens of launches, so this
    function is written for speed: what is right passes quickly, what is wrong is looked at afterwards.
    """
    cl, Array = _opencl()
    rounded = tuple([-(-g // s) * s for g, s in zip(global_size, local_size, strict=True)])
    if math.prod(local_size) > device.max_work_group_size:
        raise DeviceError(
            f"A work-group of {' x '.join(map(str, local_size))} = {math.prod(local_size)} work-items is "
            f"more than the {device.max_work_group_size} that {device.name} allows; use a smaller local size."
        )
    plain = [
        arg
        if (kind := type(arg)) is int or kind is float
        else arg.base_data
        if kind is Array and not arg.offset
        else _checked(kernel, i, arg)
        for i, arg in enumerate(args)
    ]
    if len(plain) != kernel.num_args:
        raise CnnkitError(
            f"The kernel {kernel.function_name!r} takes {kernel.num_args} arguments and was given "
            f"{len(plain)}."
        )
    try:
        with device.lock:
            if not kernel.typed:
                _declare_types(kernel, args)
            if local_size not in kernel.sizes:
                expect_room(device)
                kernel.sizes.add(local_size)
            kernel.handle.set_args(*plain)
            cl.enqueue_nd_range_kernel(device.queue, kernel.handle, rounded, local_size)
    except CnnkitError:  # a RuntimeError, too, and said already
        raise
    except cl.Error as error:
        memory = isinstance(error, cl.MemoryError)
        advice = ", for want of memory or of registers: use a smaller batch or image" if memory else ""
        raise (OutOfMemoryError if memory else DeviceError)(
            f"{device.name} refused to run the kernel {kernel.function_name!r} over {rounded} work-items in "
            f"groups of {local_size}: {error}{advice}."
        ) from None
    except (RuntimeError, TypeError, OverflowError, struct.error) as error:
        # pyopencl's words for what it cannot pack
        kinds = ", ".join(type(arg).__name__ for arg in args)
        raise CnnkitError(
            f"The arguments ({kinds}) do not fit the kernel {kernel.function_name!r}: {error}."
        ) from None


@cache
def _opencl() -> tuple[Any, Any]:
    """pyopencl and its array type, imported when first needed: `import cnnkit` is to be quick."""
    import pyopencl as cl
    from pyopencl.array import Array

    return cl, Array


def _checked(kernel: Kernel, index: int, arg: Any) -> Any:
    """An argument that is neither a plain number nor a whole device array."""
    if isinstance(arg, _opencl()[1]):
        if arg.offset:
            raise CnnkitError("A kernel was given a slice of an array: pass it through to_device first.")
        return arg.base_data
    if isinstance(arg, np.ndarray) and arg.ndim:
        raise CnnkitError(
            f"Argument {index} of the kernel {kernel.function_name!r} is a NumPy array, which lies in the "
            "computer's memory: pass it through cnnkit.to_device first."
        )
    return arg.item() if isinstance(arg, np.generic) else arg


_NUMBER_TYPES = {
    "char": np.int8,
    "uchar": np.uint8,
    "short": np.int16,
    "ushort": np.uint16,
    "int": np.int32,
    "uint": np.uint32,
    "long": np.int64,
    "ulong": np.uint64,
    "float": np.float32,
    "double": np.float64,
}


def _declare_types(kernel: Kernel, args: tuple[Any, ...]) -> None:
    """Tell pyopencl once which arguments are numbers, and of which type: the source says so."""
    cl, _ = _opencl()
    handle, name_of = kernel.handle, cl.kernel_arg_info.TYPE_NAME
    try:
        names = [handle.get_arg_info(i, name_of) for i in range(kernel.num_args)]
        types = [_NUMBER_TYPES.get(name) for name in names]
    except cl.Error:  # a driver that keeps no such information: judge by the first arguments
        types = [
            arg.dtype.type if isinstance(arg, np.generic) else _NUMBER_TYPES.get(type(arg).__name__)
            for arg in args
        ]
    handle.set_scalar_arg_dtypes(types)
    kernel.typed = True


# Built together: a driver needs a constant time for every program, however small, and a training step
# would need one of almost every file. The files become one text, so a macro or helper function of one must
# not mean something else in another. conv2d_blocked serves CPUs alone: other devices leave it out.
TOGETHER = ("activation", "conv2d_blocked", "loss", "matmul", "optimizer", "pool2d", "softmax", "training")


def prepare(device: Device | None = None) -> None:
    """Build the kernels that networks use, and say so if this device's driver has not compiled them yet."""
    device = device or current_device()
    with device.lock:
        _program(device, TOGETHER[0], {})


def _program(device: Device, name: str, macros: dict[str, Any]) -> Any:
    key = (name, tuple(sorted(macros.items())))
    if key not in device.programs:
        if name in _together(device) and not macros and not device.apart:
            _build_together(device)
        if key not in device.programs:
            device.programs[key] = _build(device, name, source(name), {"CHUNK": device.chunk, **macros})
    return device.programs[key]


def _together(device: Device) -> tuple[str, ...]:
    return tuple(name for name in TOGETHER if name != "conv2d_blocked" or device.kind == "CPU")


def _build_together(device: Device) -> None:
    """One program of many files; none if one does not compile, which is then named when it is used."""
    names = _together(device)
    text = "\n".join(source(name) for name in names)
    try:
        with _announced(device, text):
            program = _build(device, "all", text, {"CHUNK": device.chunk})
    except BuildError:
        device.apart = True
        return
    for name in names:
        device.programs.setdefault((name, ()), program)


@contextmanager
def _announced(device: Device, text: str) -> Iterator[None]:
    """Say that this takes a while, the first time that this text is built for this device."""
    built = hashlib.sha256("\0".join([device.name, device.version, text]).encode()).hexdigest()[:16]
    mark = Path(os.environ.get("POCL_CACHE_DIR") or cache_folder("pocl")) / f"cnnkit-{built}"
    if not mark.exists():
        words = f"Compiling cnnkit's kernels for {device.name}: some seconds, this once."
        print(words, file=sys.stderr, flush=True)
    yield
    with contextlib.suppress(OSError):
        mark.touch()


def _build(device: Device, name: str, text: str, macros: dict[str, Any]) -> Any:
    """Build, and once more from clean when what failed was not the source but a broken cached build."""
    import pyopencl as cl

    device.open()
    expect_room(device)
    options = [*BUILD_OPTIONS, *(f"-D{k}={v}" for k, v in sorted(macros.items()))]
    for attempt in ("cached", "clean"):
        salt = []
        if attempt == "clean":
            _forget_cached_builds()
            salt = ["-DCNNKIT_REBUILT=1"]  # another key, in case the broken entry could not be removed
        try:
            with warnings.catch_warnings():
                # Intel's build log is never empty; pyopencl would warn at every build.
                warnings.simplefilter("ignore", cl.CompilerWarning)
                program = cl.Program(device.context, text).build(options=options + salt)
            # A broken cache entry "builds" too: it shows only here, as an error or as a program without
            # kernels.
            if program.all_kernels() or attempt == "clean":
                return program
        except cl.Error as error:
            log = _log_of(error)
            code = getattr(error, "code", None)
            the_source_is_wrong = code == cl.status_code.BUILD_PROGRAM_FAILURE and parse_build_log(log)
            if the_source_is_wrong or attempt == "clean":
                raise BuildError(name, macros, text, log) from None
    raise AssertionError("unreachable")


def _function(program: Any, name: str, function: str) -> Kernel:
    import pyopencl as cl

    try:
        return Kernel(cl.Kernel(program, function))
    except cl.Error:
        raise CnnkitError(
            f"The source {name!r} has no kernel named {function!r}; it has: "
            f"{', '.join(k.function_name for k in program.all_kernels())}."
        ) from None


def _forget_cached_builds() -> None:
    """Empty PoCL's cache, where it is the folder that cnnkit gave it."""
    folder = Path(os.environ.get("POCL_CACHE_DIR", ""))
    if is_ours(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)


def _log_of(error: Exception) -> str:
    """The compiler's own words from pyopencl's message, which wraps them in its own."""
    text = str(error)
    marker = re.search(r"Build on <pyopencl\.Device[^\n]*\n", text)
    body = text[marker.end() :] if marker else text
    return re.split(r"\n\(options: |\n\(source saved as ", body)[0].strip()
