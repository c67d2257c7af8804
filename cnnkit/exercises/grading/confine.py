"""Start a command with less than we have ourselves. Run as a file, with the standard library alone:

    python -I -S confine.py OPTIONS COMMAND...

OPTIONS is JSON: `limits` (names of rlimits), `copies` (folders to copy first), `folders` (to make), `work`
(to go into), `environment` (all of it but the variables in `keep`), `supervise` (stay, and let nothing
survive), `locked` (no privileges, no network), and for Landlock the paths in `read`, `listed`, `write` and
`devices`.

Landlock is Linux's way for a program to give up files: what is not named here cannot be opened any more,
nor can processes outside be read or signaled. It needs neither root nor an installation.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import struct
import sys
import time

FAILED = 97  # the exit status that means: not the command, but this file could not do its work
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
CLONE_NEWNET = 0x40000000
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
RULE_PATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
TRUNCATE, IOCTL = 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL  # the others are rights on folders


def landlock_version() -> int:
    """What the kernel knows of Landlock; 0 where it is missing or switched off."""
    try:
        return max(0, ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, 1))
    except (AttributeError, OSError, TypeError):
        return 0


def main() -> None:
    options, command = json.loads(sys.argv[1]), sys.argv[2:]
    _die_with_parent()
    if options.get("supervise"):
        _supervise()  # returns in the new process alone
    for source, target in options.get("copies", []):
        shutil.copytree(source, target, dirs_exist_ok=True)
    for folder in options.get("folders", []):
        os.makedirs(folder, exist_ok=True)
    os.chdir(options.get("work", "/"))
    _limit(options.get("limits", {}))
    if options.get("locked"):
        _lock(options)
    kept = {name: os.environ[name] for name in options.get("keep", []) if name in os.environ}
    os.execve(command[0], command, options["environment"] | kept)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _limit(limits: dict[str, int]) -> None:
    import resource

    for name, most in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some
            resource.setrlimit(kind, (value, value))


# --- nothing survives -----------------------------------------------------------------------------------


class _Stop(BaseException):
    pass


def _supervise() -> None:
    """Fork. The new process goes on; this one waits for it, adopts what it leaves behind, and ends that."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_SUBREAPER, 1, 0, 0, 0)  # who loses its parent becomes our child, not init's
    ours = os.getpid()
    main = os.fork()
    if main == 0:
        os.setsid()
        _die_with_parent()
        if os.getppid() != ours:
            os._exit(FAILED)
        return
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):  # whoever reads the pipes must see their end when the command ends
        os.dup2(null, number)

    def stop(number: int, frame: object) -> None:
        raise _Stop

    status = int(signal.SIGKILL)
    try:
        signal.signal(signal.SIGTERM, stop)
        while True:
            pid, raw = os.waitpid(-1, 0)
            if pid == main:
                status = raw
                break
    except (_Stop, ChildProcessError):
        pass
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _end_all(main)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _end_all(group: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)  # one call for all that stayed in the group
        below = descendants(os.getpid())
        if not below:
            return
        for pid in below:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.005)


def descendants(root: int) -> list[int]:
    """The processes below `root`, from /proc."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with (
                contextlib.suppress(OSError, IndexError, ValueError),
                open(f"/proc/{name}/stat", "rb") as file,
            ):
                fields = file.read().rpartition(b")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(name))
    found, waiting = [], [root]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


# --- giving things up -----------------------------------------------------------------------------------


def _lock(options: dict) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.unshare(CLONE_NEWNET)  # as root: no network at all. Else Landlock keeps TCP closed, below.
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError("no_new_privs was refused")
    for capability in range(64):  # root without capabilities may do what its files allow, and no more
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.capset(struct.pack("<Ii", 0x20080522, 0), bytes(24))
    version = landlock_version()
    if version and "read" in options:
        _landlock(libc, version, options)


def _landlock(libc: ctypes.CDLL, version: int, options: dict) -> None:
    every = (1 << 13) - 1
    every |= 1 << 13 if version >= 2 else 0
    every |= TRUNCATE if version >= 3 else 0
    every |= IOCTL if version >= 5 else 0
    network = 3 if version >= 4 else 0  # TCP: to listen, to connect
    scopes = 3 if version >= 6 else 0  # abstract sockets and signals to the outside
    rules = struct.pack("<QQQ", every, network, scopes)
    rules = rules[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = libc.syscall(CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), 0)
    if ruleset < 0:
        raise OSError("Landlock was refused")
    for key, rights in (
        ("read", READ),
        ("listed", READ_DIR),
        ("write", every & ~IOCTL),
        ("devices", READ | WRITE_FILE | TRUNCATE | IOCTL),
    ):
        for path in options.get(key, []):
            _allow(libc, ruleset, path, rights & every)
    if libc.syscall(RESTRICT_SELF, ruleset, 0):
        raise OSError("Landlock was refused")
    os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no right
    if not os.path.isdir(path):
        rights &= ON_FILES
    if rights and libc.syscall(ADD_RULE, ruleset, RULE_PATH, struct.pack("<Qi", rights, place), 0):
        raise OSError(f"Landlock refused {path}")
    os.close(place)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        print(f"confine: {error}", file=sys.stderr)
        os._exit(FAILED)
