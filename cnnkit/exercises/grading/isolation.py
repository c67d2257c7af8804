"""How a process that is not trusted is started: inside bubblewrap, or with the limits of this system alone.

Both start `confine.py`, which gives up what the process must not have and becomes the command. Inside
bubblewrap the file system is a new one with the system, Python and cnnkit to read, and a scratch folder in
memory: neither the teacher's files nor other processes exist there. Without it the process sees them; Linux's
Landlock, where the kernel has it, keeps it from opening them.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import site
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ...errors import CnnkitError
from .confine import landlock_version
from .limits import Limits

PACKAGE = Path(__file__).resolve().parents[2]
CONFINE = Path(__file__).with_name("confine.py")
HOME, CACHE_INSIDE, WARM_INSIDE = "/tmp/home", "/tmp/pocl", "/compiled"
# Of the system, nothing that says anything about the machine's users.
SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/sys",
    "/nix/store",
    "/gnu/store",
)
SETTINGS = (
    "/etc/OpenCL", "/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache", "/etc/ld.so.conf",
    "/etc/ld.so.conf.d", "/etc/localtime", "/etc/nsswitch.conf", "/etc/mime.types",
)  # fmt: skip
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
GRAPHICS = (
    "/dev/dri",
    "/dev/kfd",
    "/dev/dxg",
    *(f"/dev/nvidia{n}" for n in ("ctl", "-uvm", "-uvm-tools", "-caps")),
)
# What chooses the OpenCL device in this shell must choose it there.
PASSED_ON = (
    "CNNKIT_DEVICE", "PYOPENCL_CTX", "OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH", "OCL_ICD_FILENAMES",
    "RUSTICL_ENABLE", "POCL_DEVICES", "POCL_MAX_WORK_GROUP_SIZE", "CUDA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK",
    "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a process works. scratch: its folder on this machine; None inside bubblewrap."""

    scratch: Path | None
    cache: Path | None = None  # a warm one, to be copied; never written


LIMITED = "limits on time, memory, processes and files"


class Isolation:
    """One way to start processes. `name` and `words` are the report's."""

    def __init__(self, name: str, words: str, limits: Limits, jobs: int = 1) -> None:
        self.name, self.words, self.limits, self.jobs = name, words, limits, jobs

    @property
    def needs_scratch(self) -> bool:
        return self.name != "bubblewrap"

    @property
    def closes_files(self) -> bool:
        """Are the teacher's own files closed to what runs?"""
        return self.name == "bubblewrap" or (sys.platform == "linux" and landlock_version() > 0)

    def environment(self, place: Place) -> dict[str, str]:
        """All that the process finds in its environment."""
        home = HOME if place.scratch is None else str(place.scratch / "home")
        cache = CACHE_INSIDE if place.scratch is None else str(place.scratch / "pocl")
        threads = str(max(1, (os.cpu_count() or 1) // self.jobs))
        temporary = "/tmp" if place.scratch is None else str(place.scratch / "tmp")
        path = [str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
        made = {
            "PATH": os.pathsep.join(path), "HOME": home, "USER": "student", "LOGNAME": "student",
            "LANG": "C.UTF-8", "TMPDIR": temporary, "TEMP": temporary, "TMP": temporary,
            "IPYTHONDIR": f"{home}/ipython", "JUPYTER_PLATFORM_DIRS": "1", "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": f"{home}/matplotlib", "XDG_CACHE_HOME": f"{home}/cache",
            "POCL_CACHE_DIR": cache, "PYOPENCL_NO_CACHE": "1",
            "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "POCL_CPU_MAX_CU_COUNT": threads,
            "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "PYTHONNOUSERSITE": "1",
            "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "CNNKIT_GRADING": "1",
        }  # fmt: skip
        made |= {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        if not _installed():
            made["PYTHONPATH"] = str(PACKAGE.parent)
        return made

    def prefix(self, place: Place) -> list[str]:
        """What stands before a command to start it so."""
        if sys.platform == "win32":
            return []
        inside = self.name == "bubblewrap"
        environment = self.environment(place)
        warm = WARM_INSIDE if inside else str(place.cache)
        folders = [environment[name] for name in ("HOME", "TMPDIR", "POCL_CACHE_DIR", "MPLCONFIGDIR")]
        options = {
            "limits": self._rlimits(),
            "copies": [[warm, environment["POCL_CACHE_DIR"]]] if place.cache else [],
            "folders": folders,
            "work": environment["HOME"],
            "environment": environment,
            "keep": ["CNNKIT_SANDBOX_DEVICE"],  # the sandbox's own word to its worker
            "supervise": sys.platform == "linux" and not inside,
            "locked": sys.platform == "linux" and self.name in ("bubblewrap", "limits"),
        }
        if self.closes_files and not inside:  # inside bubblewrap the file system itself is the list
            options |= landlock_paths(place)
        # -S: confine.py needs nothing of the environment, and starts in 15 ms.
        start = [sys.executable, "-I", "-S", str(CONFINE), json.dumps(options)]
        return [*bubblewrap(place, self.limits), *start] if inside else start

    def _rlimits(self) -> dict[str, int]:
        limits = self.limits
        made = {
            "DATA": limits.memory_bytes,  # not AS: OpenCL drivers reserve addresses that they never use
            "CPU": int(limits.submission_seconds * (os.cpu_count() or 1)) + 60,
            "FSIZE": limits.file_bytes,
            "NOFILE": 1024,
            "CORE": 0,
        }
        # It counts all processes and threads of the user, the teacher's own among them; root has no limit.
        return made if os.name != "posix" or os.geteuid() == 0 else {**made, "NPROC": 4096}


def choose(limits: Limits, unprotected: bool = False, jobs: int = 1) -> Isolation:
    """Bubblewrap where it works and is not declined, else what this system offers."""
    reason = "was declined" if unprotected else ""
    if not reason:
        reason = bubblewrap_missing()
    if not reason:
        words = (
            "Each notebook ran inside bubblewrap: a file system of its own with the system to read and a "
            f"scratch folder in memory, no network, no other process in sight, and {LIMITED}."
        )
        return Isolation("bubblewrap", words, limits, jobs)
    version = landlock_version() if sys.platform == "linux" else 0
    if version:
        ways = ["files outside its scratch folder closed by Landlock", "privileges given up"]
        if os.geteuid() == 0:
            ways.append("no network where the kernel allowed that")
        elif version >= 4:
            ways.append("TCP connections closed")
        kept = ", ".join(ways)
        words = f"Bubblewrap {reason}. Each notebook ran in a process of its own with {kept}, and {LIMITED}."
    else:
        words = (
            f"Bubblewrap {reason}, and this system has no Landlock. Each notebook ran in a process of its "
            f"own with {LIMITED}, but with YOUR rights: it could read and change your files."
        )
    return Isolation("limits", words, limits, jobs)


@functools.cache
def bubblewrap_missing() -> str:
    """Why bubblewrap cannot be used; "" where it can. It is often installed in containers that forbid it."""
    found = shutil.which("bwrap") if sys.platform == "linux" else None
    if found is None:
        return "is not installed"
    with_python = [*bubblewrap(Place(None), Limits()), sys.executable, "-I", "-c", "import numpy, IPython"]
    try:
        done = subprocess.run(with_python, capture_output=True, timeout=60, env={}, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "does not start here"
    return "" if done.returncode == 0 else "is installed, but is not allowed to work here"


def bubblewrap(place: Place, limits: Limits) -> list[str]:
    """The command line of bubblewrap, up to the command."""
    found = shutil.which("bwrap")
    if found is None:
        raise CnnkitError("Bubblewrap is gone: install it again, or grade with --unprotected.")
    command = [
        os.path.realpath(found),
        "--unshare-user",
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
    ]
    command += ["--cap-drop", "ALL", "--hostname", "grading"]
    size = str(limits.file_bytes)
    # First of all: Python or cnnkit may themselves be in a folder below /tmp.
    command += ["--size", size, "--tmpfs", "/tmp"]
    for path in SYSTEM:
        if os.path.islink(path):
            command += ["--symlink", os.readlink(path), path]
        else:
            command += ["--ro-bind-try", path, path]
    for path in [*SETTINGS, *python_paths()]:
        command += ["--ro-bind-try", path, path]
    for path in hidden_paths():
        command += ["--tmpfs", path, "--remount-ro", path]
    if place.cache is not None:
        command += ["--ro-bind", str(place.cache), WARM_INSIDE]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for path in [*GRAPHICS, *_numbered_graphics()]:
        command += ["--dev-bind-try", path, path]
    command += ["--size", size, "--tmpfs", "/dev/shm"]
    # The two that bubblewrap makes itself are in memory as well, and have no size.
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"]


def python_paths() -> list[str]:
    """The folders of Python, its packages, cnnkit and the kernels."""
    executable = Path(sys.executable).resolve()
    paths = [
        Path(sys.prefix),
        Path(sys.base_prefix),
        executable.parents[1],
        PACKAGE,
        PACKAGE.parent / "kernels",
    ]
    kept: list[Path] = []
    for path in (p for p in paths if p.is_dir()):
        system = any(path.is_relative_to(place) for place in SYSTEM)
        if not system and not any(path.is_relative_to(other) for other in kept):
            kept = [other for other in kept if not other.is_relative_to(path)] + [path]
    return [str(path) for path in kept]


def hidden_paths() -> list[str]:
    """Folders within those that hold the answers: the course, where it is installed as a part of cnnkit."""
    readable = [Path(path) for path in [*SYSTEM, *python_paths()]]
    course = [PACKAGE / "course", PACKAGE.parent / "course"]
    if "CNNKIT_COURSE" in os.environ:
        course.append(Path(os.environ["CNNKIT_COURSE"]).resolve())
    folders = [folder / name for folder in course for name in ("exercises", "solutions", "source")]
    return [str(f) for f in folders if f.is_dir() and any(f.is_relative_to(place) for place in readable)]


def landlock_paths(place: Place) -> dict[str, list[str]]:
    """The lists for Landlock, which allows whole folders and can take nothing out of one."""
    hidden = [Path(path) for path in hidden_paths()]
    read: list[str] = []
    # Names may be listed everywhere, contents not be read: PoCL's library finds out from "/" on what the
    # machine has, and gives up where it cannot; and Python looks for modules by listing folders.
    listed = ["/"]
    for path in [*SYSTEM, *SETTINGS, "/proc", *python_paths()]:
        _allow(Path(path), hidden, read)
    if place.cache is not None:
        read.append(str(place.cache))
    devices = [*DEVICES, *GRAPHICS, *_numbered_graphics()]
    return {"read": read, "listed": listed, "write": [str(place.scratch)], "devices": devices}


def _allow(path: Path, hidden: list[Path], read: list[str]) -> None:
    if path in hidden:
        return
    if any(place.is_relative_to(path) for place in hidden):
        for part in sorted(path.iterdir()):
            _allow(part, hidden, read)
    else:
        read.append(str(path))


def _numbered_graphics() -> list[str]:
    return [str(path) for path in sorted(Path("/dev").glob("nvidia[0-9]*"))]


def _installed() -> bool:
    """Is cnnkit found without PYTHONPATH: as a package that is installed, or by an editable install?"""
    places = [Path(p).resolve() for p in [*site.getsitepackages(), sys.prefix]]
    if any(PACKAGE.is_relative_to(place) for place in places):
        return True
    return any(next(Path(p).glob("__editable__*cnnkit*"), None) for p in site.getsitepackages())
