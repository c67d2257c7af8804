"""Ask about devices in a child process, so that a driver that crashes or hangs is an answer too.

An OpenCL driver runs inside the process that calls it: when it fails it may end that process, or never
return. Each question here goes to a Python of its own with a time limit.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import warnings
from typing import Any

from .errors import CnnkitError, DeviceError

TIME_LIMIT = 120.0  # seconds; a first build on a slow machine takes some of them
_MARK = "cnnkit-answer:"  # drivers print things of their own on stdout
_FIELDS = (
    "index",
    "name",
    "platform",
    "version",
    "kind",
    "compute_units",
    "memory_bytes",
    "max_work_group_size",
    "local_memory_bytes",
    "fp64",
    "sub_groups",
)


def list_devices() -> list[dict[str, Any]]:
    """Every device's facts, best device first; raises DeviceError."""
    return _ask("list", "listing the OpenCL devices")


def chosen_device() -> dict[str, Any]:
    """The facts of the device that cnnkit chooses here, once its self-test has passed; raises DeviceError.

    "warnings" says in sentences which better-ranked devices were passed over.
    """
    return _ask("chosen", "the self-test of the chosen device")


def self_test(index: int) -> None:
    """Run the self-test of the device with this index; raises DeviceError with the reason if it fails."""
    _ask(f"test {index}", f"the self-test of device {index}")


def _ask(question: str, what: str, time_limit: float = TIME_LIMIT) -> Any:
    try:
        child = subprocess.run(
            _command(question), capture_output=True, text=True, errors="replace", timeout=time_limit
        )
    except subprocess.TimeoutExpired:
        raise DeviceError(
            f"A driver hangs: {what} did not end within {time_limit:g} seconds; choose another device with "
            "CNNKIT_DEVICE, or update or remove that driver."
        ) from None
    for line in reversed(child.stdout.splitlines()):
        if line.startswith(_MARK):
            answer = json.loads(line.removeprefix(_MARK))
            if "error" in answer:
                raise DeviceError(answer["error"])
            return answer["value"]
    raise DeviceError(
        f"A driver crashes: {what} ended Python with {_ending(child.returncode)}; choose another device with "
        "CNNKIT_DEVICE, or update or remove that driver."
    )


def _command(question: str) -> list[str]:
    return [sys.executable, "-m", "cnnkit.checkup", *question.split()]


def _ending(status: int) -> str:
    """An exit status in words; on POSIX a negative one is a signal's number."""
    if status < 0:
        try:
            return f"the signal {signal.Signals(-status).name}"
        except ValueError:
            return f"the signal {-status}"
    return f"exit status {status}"


def _answer(question: list[str]) -> Any:
    """The child's side."""
    from . import device

    if question[0] == "list":
        return [_facts(each) for each in device.devices()]
    if question[0] == "chosen":
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            chosen = device.current_device()
        return {
            **_facts(chosen),
            "warnings": [str(w.message) for w in caught if issubclass(w.category, UserWarning)],
        }
    device.find(int(question[1])).self_test()
    return None


def _facts(device: Any) -> dict[str, Any]:
    return {name: getattr(device, name) for name in _FIELDS}


def _main(question: list[str]) -> None:
    try:
        answer = {"value": _answer(question)}
    except CnnkitError as error:
        answer = {"error": str(error)}
    except Exception as error:  # whatever a driver makes Python raise is an answer, too
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(f"\n{_MARK}{json.dumps(answer)}", flush=True)


if __name__ == "__main__":
    _main(sys.argv[1:])
