"""Run under Oclgrind by test_oclgrind.py: every kernel on small odd shapes, compared with the reference.

python under_oclgrind.py all|few GROUP... prints a line of JSON for each case (oclgrind_cases.py): its group
and name, the kernel functions that it launched, what Oclgrind wrote to its log meanwhile, and how the numbers
were wrong, if they were. The environment is test_oclgrind.py's.

Which numbers were set? Oclgrind 21.10 notes what kernels write, and what the host writes, but nothing when a
buffer is filled, made or given back (its src/plugins/Uninitialized.cpp). That would give false alarms, and
hide mistakes. So here
- a fill is a write (else every number in the buffer would count as never set);
- buffers are never given back (else one in the place of another would take over its notes);
- a write into a part of a buffer is followed by one of the whole (else that part would count as all of it).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyopencl as cl

import cnnkit
import cnnkit.device

sys.path.insert(0, str(Path(__file__).parents[1]))  # the helpers of all tests

Buffer, copy, enqueue = cl.Buffer, cl.enqueue_copy, cl.enqueue_nd_range_kernel
kept: list[Any] = []


def buffer(*args: Any, **settings: Any) -> Any:
    """cl.Buffer, for ever."""
    kept.append(Buffer(*args, **settings))
    return kept[-1]


def filled(queue: Any, target: Any, pattern: Any, offset: int, size: int) -> Any:
    """cl.enqueue_fill_buffer, as a write."""
    return written(queue, target, np.tile(pattern, size // pattern.nbytes), dst_offset=offset)


def written(queue: Any, target: Any, source: Any, **settings: Any) -> Any:
    """cl.enqueue_copy, and where it wrote into a part of a larger buffer, all of that once more."""
    event = copy(queue, target, source, **settings)
    whole = getattr(target, "associated_memobject", None)
    if whole is not None:
        values = np.empty(whole.size, np.uint8)
        copy(queue, values, whole)
        event = copy(queue, whole, values)
    return event


class Exact:
    """Instead of the memory pool: a fresh buffer each time, not a byte larger than asked for.

    The pool rounds sizes up and hands out what was used before, and both would hide mistakes: a read just
    behind the end, a number that nobody set.
    """

    def __init__(self, context: Any) -> None:
        self.context = context

    def __call__(self, size: int) -> Any:
        return buffer(self.context, cl.mem_flags.READ_WRITE, size)

    allocate = __call__


class Watch:
    """What is launched, and what Oclgrind says about it."""

    def __init__(self) -> None:
        self.launched: set[str] = set()
        self.log, self.read = Path(os.environ["OCLGRIND_LOG"]), 0
        cl.Buffer, cl.enqueue_copy, cl.enqueue_fill_buffer = buffer, written, filled
        cl.enqueue_nd_range_kernel = self.launch

    def launch(self, queue: Any, handle: Any, *sizes: Any) -> Any:
        self.launched.add(handle.function_name)
        return enqueue(queue, handle, *sizes)

    def case(self, group: str, name: str, run: Callable[[], object]) -> None:
        """Run a case and print what is to be said of it."""
        self.launched.clear()
        wrong = ""
        try:
            run()
        except Exception as error:  # the other cases are still to be run
            wrong = f"{type(error).__name__}: {error}"
        cnnkit.current_device().finish()
        text = self.log.read_text(errors="replace") if self.log.is_file() else ""
        found, self.read = text[self.read :], len(text)
        said = {"group": group, "case": name, "wrong": wrong, "found": found.strip()}
        print(json.dumps(said | {"launched": sorted(self.launched)}), flush=True)


def main(which: str, *groups: str) -> None:
    watch = Watch()
    device = cnnkit.device.find("oclgrind")
    device.open()
    device._pool = Exact(device.context)
    device.apart = True  # each file by itself: the log then names its lines
    watch.case("start", "selftest", lambda: cnnkit.use(device))

    from oclgrind_cases import FEW, GROUPS

    for group in groups:
        for name, run in GROUPS[group]():
            if which == "all" or name in FEW:
                watch.case(group, name, run)


if __name__ == "__main__":
    main(*sys.argv[1:])
