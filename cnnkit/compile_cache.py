"""Where compiled kernels are kept, and what to do where that folder is broken, full or gone.

PoCL loads what it finds there without a look at it, and its compiler ends Python on a full disk: a learner's
notebook would go with it. So the folder is cnnkit's own, looked through at the start, and asked for room
before anything is compiled.
"""

from __future__ import annotations

import os
import shutil
import struct
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DeviceError

if TYPE_CHECKING:
    from .device import Device


def cache_folder(name: str) -> Path:
    """A folder of cnnkit's own for things that can be made again; temporary where none can be written."""
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("cnnkit", appauthor=False)) / name
    if writable(folder):
        return folder
    try:
        return Path(tempfile.mkdtemp(prefix=f"cnnkit-{name}-"))
    except OSError as error:
        raise DeviceError(
            f"Neither {folder} nor a temporary folder can be written ({error.strerror or error}): make room "
            "on the disk."
        ) from None


ROOM = 8 << 20  # bytes for what a compiler writes beside its result; the largest program here takes 2 MiB


def writable(folder: Path) -> bool:
    """Can files be written there, and is there room to compile? A full quota shows only in writing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM))
            file.flush()
            return True
    except OSError:
        return False


def forget_broken_builds(folder: Path) -> None:
    """Remove what PoCL has compiled, where its file is cut short or is no program.

    PoCL loads these files without a look at them, and ends Python when one cannot be loaded: again in every
    session, for it stays in its place. A disk that is full, a machine that is switched off leave such files.
    """
    if sys.platform != "linux":  # elsewhere they are of another form
        return
    for path in folder.glob("*/*/*/*/*.so"):
        if not _is_whole_program(path):
            shutil.rmtree(path.parent, ignore_errors=True)
    for path in folder.glob("*/*/program.bc"):
        if not _is_whole_bitcode(path):
            shutil.rmtree(path.parent, ignore_errors=True)


def _is_whole_program(path: Path) -> bool:
    """Does the file begin as an ELF of 64 bits, and reach as far as that says?"""
    try:
        with open(path, "rb") as file:
            head, size = file.read(64), os.fstat(file.fileno()).st_size
    except OSError:
        return False
    if len(head) < 64 or head[:5] != b"\x7fELF\x02":
        return False
    (table,), (each, count) = struct.unpack_from("<Q", head, 40), struct.unpack_from("<HH", head, 58)
    return table > 0 and table + each * count <= size  # the table of sections is the last thing in it


def _is_whole_bitcode(path: Path) -> bool:
    """Is the file LLVM's magic number and then whole blocks, each as long as it says, up to its end?

    A block is a word for its kind, one for its length in words, and these (LLVM Bitcode File Format).
    """
    try:
        with open(path, "rb") as file:
            head, size, at = file.read(4), os.fstat(file.fileno()).st_size, 4
            if head != b"BC\xc0\xde":
                return False
            while at + 8 <= size:  # from block to block, of which there are four: not all that is in them
                file.seek(at + 4)
                at += 8 + 4 * int.from_bytes(file.read(4), "little")
            return at == size and at > 4
    except OSError:
        return False


def prepare_caches() -> None:
    """Give PoCL a compile cache of cnnkit's own, before the OpenCL loader starts.

    An aborted build elsewhere can then not break ours, and a folder that cannot be written, which
    makes PoCL's device vanish without a word, is replaced.

    pyopencl's own caches are left out: they are pickles, which run code when they are read, and where their
    files are damaged or their folder is read-only, full or locked, pyopencl fails or waits for a minute. What
    PoCL and the drivers of graphics cards keep of their own is enough.
    """
    os.environ.setdefault("PYOPENCL_NO_CACHE", "1")
    if pyopencl := sys.modules.get("pyopencl"):  # imported before us, it has read the variable already
        pyopencl._PYOPENCL_NO_CACHE = os.environ["PYOPENCL_NO_CACHE"] != "0"  # type: ignore[attr-defined]
    named = os.environ.get("POCL_CACHE_DIR")
    if named and writable(Path(named)):
        if is_ours(Path(named)):
            forget_broken_builds(Path(named))
        return
    if named:
        warnings.warn(
            f"POCL_CACHE_DIR={named!r} cannot be written or is full, which would hide or break PoCL's "
            "device: cnnkit uses a folder of its own instead.",
            stacklevel=4,
        )
    folder = cache_folder("pocl")
    os.environ["POCL_CACHE_DIR"] = str(folder)
    forget_broken_builds(folder)


def is_ours(folder: Path) -> bool:
    """Is this the compile cache that cnnkit made, and may empty?"""
    return folder.name in ("pocl", "pocl-sandbox") and folder.parent.name == "cnnkit"


def expect_room(device: Device) -> None:
    """Raise DeviceError where PoCL would compile onto a full disk: its compiler then ends Python."""
    if device.platform != "Portable Computing Language" or time.monotonic() < device.room_until:
        return
    folder = Path(os.environ.get("POCL_CACHE_DIR", ""))
    if not writable(folder):  # which also makes it again, where it was removed
        raise DeviceError(
            f"There is no room for compiled kernels in {folder}: PoCL needs {ROOM >> 20} MiB there, and the "
            "disk is full, your quota is used up or the folder is read-only. Make room, or name another "
            "folder with POCL_CACHE_DIR and restart Python."
        )
    device.room_until = time.monotonic() + 2
