"""Arrays to disk and back: safetensors (no pickle), each file whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .errors import DataError, shorter
from .interrupts import whole

# Of a file's header: names, shapes and a description, which for a run of 50 000 epochs is not as long. As
# objects, 30 times as much.
MOST_HEADER = 8 << 20


def write_atomically(path: str | os.PathLike, content: bytes) -> None:
    """Write `content` beside `path` and move it into place: whoever reads sees the old file or the new one.

    Raises DataError (and leaves the old file as it was) when the folder is missing, full or read-only.
    """
    path = Path(path)
    try:
        with whole():  # else an interrupt could leave the temporary file behind
            _write_beside(path, content)
    except OSError as error:
        raise DataError(
            f"{path} could not be written ({error.strerror or error}): choose a folder that exists and has "
            "room; what was there before is untouched."
        ) from None


def _write_beside(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, path.stat().st_mode if path.exists() else 0o644)  # mkstemp's is for oneself
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def save_arrays(path: str | os.PathLike, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> None:
    """Write named arrays and a JSON-able description as one safetensors file."""
    from safetensors.numpy import save

    write_atomically(path, save(arrays, metadata={"cnnkit": json.dumps(plain(about))}))


def plain(value: Any) -> Any:
    """`value` as it comes back from JSON: NumPy's numbers as Python's, tuples as lists."""
    return json.loads(json.dumps(value, default=lambda number: number.item()))


def load_arrays(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `save_arrays` wrote: (arrays, description). Raises DataError naming the file."""
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    try:
        with open(path, "rb") as raw:
            size = int.from_bytes(raw.read(8), "little")
        if size > MOST_HEADER:
            raise ValueError(f"its header has {size} bytes, and at most {MOST_HEADER} are read")
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {}).get("cnnkit", "null"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, ValueError, TypeError, OSError, RecursionError) as error:
        raise DataError(
            f"{path} is not a readable safetensors file ({shorter(str(error))}): it may be damaged."
        ) from None
    if not isinstance(about, dict):
        raise DataError(f"{path} was not written by cnnkit: its description is missing.")
    return arrays, about
