"""Messages between a process that judges and a process that is not trusted.

A message is a dict of plain JSON in which NumPy arrays may stand anywhere; they travel as raw bytes behind
the JSON. Nothing is unpickled, and whoever reads checks every size before making room for it.

    8 bytes "cnnkit1\\n" | length of the JSON (4) | length of the arrays (8) | JSON | arrays
"""

from __future__ import annotations

import contextlib
import json
import math
import queue
import struct
import threading
from typing import Any, BinaryIO

import numpy as np

from ..errors import CnnkitError

MAGIC = b"cnnkit1\n"
HEAD = struct.Struct("<8sIQ")
KINDS = ("bool", *(f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")))
DTYPES = frozenset((*KINDS, "float16", "float32", "float64"))
MOST_JSON = 4 << 20
MOST_ARRAYS = 256 << 20
MOST_DIMENSIONS = 16


class WireError(CnnkitError):
    """What was read is no message: the other side broke off, or is not the one that it should be."""


class Closed(WireError):
    """The other side has closed the pipe: it has ended."""


def send(file: BinaryIO, message: dict[str, Any]) -> None:
    """Write one message."""
    arrays: list[np.ndarray] = []
    text = json.dumps({"message": _out(message, arrays), "arrays": [_label(a) for a in arrays]}).encode()
    file.write(HEAD.pack(MAGIC, len(text), sum(a.nbytes for a in arrays)) + text)
    for array in arrays:
        if array.nbytes:
            file.write(array.reshape(-1).view(np.uint8).data)
    file.flush()


def receive(file: BinaryIO, most_arrays: int = MOST_ARRAYS) -> dict[str, Any]:
    """Read one message. Raises Closed at the end of the stream, WireError for anything that is no message."""
    magic, text_size, payload_size = HEAD.unpack(_exactly(file, HEAD.size))
    if magic != MAGIC or text_size > MOST_JSON or payload_size > most_arrays:
        raise WireError("What came back is no message, or too large for one.")
    try:
        read = json.loads(_exactly(file, text_size))
        labels, message = read["arrays"], read["message"]
        if not isinstance(labels, list) or not isinstance(message, dict):
            raise WireError("What came back is no message.")
        arrays = _arrays(labels, _exactly(file, payload_size))
        found = _in(message, arrays)
        if not isinstance(found, dict):  # an array on its own
            raise WireError("What came back is no message.")
        return found
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise WireError("What came back is no message.") from None


def _exactly(file: BinaryIO, size: int) -> bytes:
    parts = []
    while size:
        part = file.read(min(size, 1 << 20))
        if not part:
            raise Closed("The other side ended.")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _out(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.name not in DTYPES:
            raise WireError(f"An array of {value.dtype} cannot be sent.")
        native = value.astype(value.dtype.newbyteorder("="), copy=False)
        arrays.append(np.ascontiguousarray(native).reshape(value.shape))
        return {"$array": len(arrays) - 1}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(k): _out(v, arrays) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_out(v, arrays) for v in value]
    return value


def _in(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"$array"}:
            index = value["$array"]
            if type(index) is not int or not 0 <= index < len(arrays):
                raise WireError("What came back is no message.")
            return arrays[index]
        return {k: _in(v, arrays) for k, v in value.items()}
    if isinstance(value, list):
        return [_in(v, arrays) for v in value]
    return value


def _label(array: np.ndarray) -> dict[str, Any]:
    return {"dtype": array.dtype.name, "shape": list(array.shape)}


def _arrays(labels: list[Any], payload: bytes) -> list[np.ndarray]:
    arrays, at = [], 0
    for label in labels:
        shape = label["shape"]
        sizes = all(type(n) is int and 0 <= n <= MOST_ARRAYS for n in shape)
        if label["dtype"] not in DTYPES or not sizes or len(shape) > MOST_DIMENSIONS:
            raise WireError("What came back is no message.")
        dtype = np.dtype(label["dtype"])
        size = math.prod(shape) * dtype.itemsize
        if at + size > len(payload):
            raise WireError("What came back is shorter than it says.")
        arrays.append(np.frombuffer(payload, dtype, math.prod(shape), at).reshape(shape).copy())
        at += size
    if at != len(payload):
        raise WireError("What came back is longer than it says.")
    return arrays


class Mailbox:
    """Reads messages in a thread of its own, so that waiting for one can have a limit on any system."""

    def __init__(self, file: BinaryIO, most_arrays: int = MOST_ARRAYS) -> None:
        self._file, self._most = file, most_arrays
        # One message waits at most: who floods us waits in the pipe.
        self._read: queue.Queue[dict[str, Any] | WireError] = queue.Queue(maxsize=1)
        self._closed = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def receive(self, seconds: float | None = None) -> dict[str, Any] | None:
        """The next message, or None when none came within `seconds`. Raises WireError."""
        try:
            message = self._read.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(message, WireError):
            self._put(message)  # it stays closed
            raise message
        return message

    def close(self) -> None:
        """Let the thread end, whatever it still holds."""
        self._closed.set()

    def _run(self) -> None:
        with contextlib.suppress(OSError), self._file:
            self._read_all()

    def _read_all(self) -> None:
        while not self._closed.is_set():
            try:
                self._put(receive(self._file, self._most))
            except WireError as error:
                self._put(error)
                return
            except (OSError, ValueError):  # closed on our side
                self._put(Closed("The pipe was closed."))
                return
            except MemoryError:
                self._put(WireError("What came back is too large for this machine's memory."))
                return

    def _put(self, message: dict[str, Any] | WireError) -> None:
        while not self._closed.is_set():
            try:
                self._read.put(message, timeout=0.2)
                return
            except queue.Full:
                continue
