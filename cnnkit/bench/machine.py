"""What was measured on: the machine in words, without the name of a user, a host or a folder."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..device import current_device
from .peers import find_torch


@dataclass(frozen=True)
class Machine:
    """The machine of a report."""

    cpu: str
    cores: int
    system: str
    python: str
    device: str
    kind: str
    platform: str
    driver: str
    cnnkit: str
    numpy: str
    torch: str | None
    torch_threads: int | None


def describe_machine() -> Machine:
    """Look at the current device and at the versions of what is compared."""
    device, torch = current_device(), find_torch()
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        device=device.name,
        kind=device.kind,
        platform=device.platform,
        driver=device.version,
        cnnkit=_version("cnnkit"),
        numpy=_version("numpy"),
        torch=str(torch.__version__) if torch else None,
        torch_threads=torch.get_num_threads() if torch else None,
    )


class OtherPrograms:
    """How many cores other programs have kept busy since this object was made.

    Above about 0.1, times say less about the libraries than about who else was at work; and not alike for
    all: PyTorch's threads wait for each other, so one that is held up holds up the others too.
    """

    def __init__(self) -> None:
        self.start = _readings()

    def cores(self) -> float | None:
        """A mean over time, 0 on a quiet machine; None where the system does not tell (Linux does)."""
        now = _readings()
        if self.start is None or now is None:
            return None
        elapsed, busy, own = (after - before for after, before in zip(now, self.start, strict=True))
        return max(0.0, busy - own) / max(elapsed, 1e-9)


def busy_cores(seconds: float = 0.5) -> float | None:
    """How many cores are busy while this process sleeps for `seconds`."""
    others = OtherPrograms()
    time.sleep(seconds)
    return others.cores()


def _readings() -> tuple[float, float, float] | None:
    """Seconds: of the clock, of all cores' work, and of the work of this process and its ended children."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
        ticks = [int(field) for field in fields]
        busy = (sum(ticks[:3]) + sum(ticks[5:8])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
    return time.perf_counter(), busy, sum(os.times()[:4])


def _cpu() -> str:
    """The processor's name, as its maker writes it."""
    try:
        if sys.platform == "darwin":
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    except (OSError, subprocess.CalledProcessError):
        pass
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "not installed"
