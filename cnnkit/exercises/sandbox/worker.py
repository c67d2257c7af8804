"""The process in which a learner's kernel is compiled and run. It may die at any moment, and is not trusted.

It answers each job with what it is about to do, so that whoever waits knows how long to wait and, if it
dies, what it died of; and with every buffer whole, guard zones included. It judges nothing.

    {"do": "build"}  ->  busy, built | failed
    {"do": "run"}    ->  busy, built | failed, then for each run: [started,] ended | failed, ran

It starts within a third of a second because it imports pyopencl, NumPy and `wire`, not all of cnnkit.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
import types
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

MEMORY = 6 << 30  # bytes of address space on a CPU device: what a compiler or a learner's array may take
LEAST_POISON = 32 << 10  # bytes of local memory
FILE = 1 << 30  # bytes of one file
BUILD_OPTIONS = ("-cl-std=CL1.2", "-cl-mad-enable", "-cl-kernel-arg-info")  # those of cnnkit/kernel.py
DEVICE = "CNNKIT_SANDBOX_DEVICE"


def _light_imports() -> None:
    """Let `cnnkit.exercises.wire` be imported without what the packages above it would bring in."""
    here = Path(__file__).resolve()
    for name, folder in (("cnnkit", here.parents[2]), ("cnnkit.exercises", here.parents[1])):
        if name not in sys.modules:
            package = types.ModuleType(name)
            package.__path__ = [str(folder)]
            sys.modules[name] = package


def _limits(on_cpu: bool) -> None:
    """No dumps of memory, no endless files and, where the device's memory is our own, no endless memory."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: FILE}
    if on_cpu:
        limits[resource.RLIMIT_AS] = MEMORY
    for limit, most in limits.items():
        hard = resource.getrlimit(limit)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (most, most))


def _die_with_parent() -> None:
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Our ends of the pipes, out of reach of a driver or compiler that reads or prints."""
    inward, outward = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return inward, outward


class Worker:
    """One device, and the programs built lately."""

    def __init__(self, send: Any) -> None:
        import pyopencl as cl

        self.cl, self.send = cl, send
        named = json.loads(os.environ.get(DEVICE, "{}"))
        self.device = self._device(named)
        _limits(bool(self.device.type & cl.device_type.CPU))
        self.context = cl.Context([self.device])
        self.queue = cl.CommandQueue(self.context)
        self.built: dict[str, Any] = {}
        self.poisoner: Any = None

    def _device(self, named: dict[str, Any]) -> Any:
        platforms = self.cl.get_platforms()
        found = [d for p in platforms for d in p.get_devices() if named.get("platform") in (None, p.name)]
        found = [d for d in found if named.get("device") in (None, d.name)]
        if not found:
            raise RuntimeError(
                f"the device {named.get('device')} ({named.get('platform')}) is not to be found"
            )
        place = named.get("place", 0)
        return found[place if 0 <= place < len(found) else 0]

    def build(self, source: str) -> Any:
        """The program, or None after saying why there is none."""
        if source in self.built:
            return self.built[source]
        cl, log, code = self.cl, "", None
        # A compiler that died earlier can leave a broken entry in its cache, which gives an error without a
        # line, or no kernels: then under another key.
        for salt in ((), ("-DCNNKIT_REBUILT=1",)):
            try:
                program = cl.Program(self.context, source).build(options=[*BUILD_OPTIONS, *salt])
                if self.names(program, source) or salt or "kernel" not in source:
                    self.built = {source: program}  # one is enough: a cell is run again and again
                    return program
            except cl.Error as error:
                log, code = str(error), getattr(error, "code", None)
                if code == cl.status_code.BUILD_PROGRAM_FAILURE and "error:" in log:
                    break
        self.send({"state": "failed", "why": "build", "log": log[:200_000]})
        return None

    def names(self, program: Any, source: str) -> list[str]:
        """The program's kernels. A program without any counts as not built with Mesa's driver."""
        try:
            return [kernel.function_name for kernel in program.all_kernels()]
        except self.cl.Error as error:
            if "kernel" in source or error.code != self.cl.status_code.INVALID_PROGRAM_EXECUTABLE:
                raise
            return []

    def work(self, job: dict[str, Any]) -> None:
        self.send({"state": "busy"})
        program = self.build(job["source"])
        if program is None:
            return
        names = self.names(program, job["source"])
        self.send({"state": "built", "kernels": names})
        if job["do"] == "run" and job["function"] in names:
            try:
                Runner(self, program, job).run()
            except (self.cl.Error, MemoryError, RuntimeError, TypeError, OverflowError, ValueError) as error:
                self.send({"state": "failed", "why": "launch", "log": str(error)[:2000]})

    def poison_local_memory(self, word: int, nbytes: int) -> None:
        """Fill what will be the work-groups' local memory, as far as another kernel can."""
        cl, np = self.cl, _numpy()
        if self.poisoner is None:
            text = (
                "__kernel void fill(__local uint *t, int n, uint v, __global uint *y)"
                "{ for (int i = 0; i < n; i++) t[i] = v; y[get_global_id(0)] = t[n - 1]; }"
            )
            self.poisoner = cl.Kernel(cl.Program(self.context, text).build(options=["-cl-std=CL1.2"]), "fill")
            self.sink = cl.Buffer(self.context, cl.mem_flags.READ_WRITE, 4 * 256)
        # So much that the first of the device's threads is not done before the last begins.
        count = min(max(nbytes, LEAST_POISON), self.device.local_mem_size) // 4
        self.poisoner.set_args(cl.LocalMemory(4 * count), np.int32(count), np.uint32(word), self.sink)
        cl.enqueue_nd_range_kernel(self.queue, self.poisoner, (256,), (1,))


class Runner:
    """One job: the kernel's buffers, made once, filled anew for each run."""

    def __init__(self, worker: Worker, program: Any, job: dict[str, Any]) -> None:
        self.worker, self.job, self.cl = worker, job, worker.cl
        self.kernel = self.cl.Kernel(program, job["function"])
        self.guard = job["guard"]
        self.buffers: list[tuple[dict[str, Any], Any, Any]] = []  # (argument, whole buffer, host array)
        for argument in job["arguments"]:
            if argument["kind"] == "buffer":
                self._make(argument)

    def _make(self, argument: dict[str, Any]) -> None:
        cl, np = self.cl, _numpy()
        host = np.empty(2 * self.guard + argument["nbytes"], np.uint8)
        flags = cl.mem_flags
        if not self.guard and "data" in argument:  # a simulator counts a later copy as nothing written
            host[:] = argument["data"]
            whole = cl.Buffer(self.worker.context, flags.READ_WRITE | flags.COPY_HOST_PTR, hostbuf=host)
        else:
            whole = cl.Buffer(self.worker.context, flags.READ_WRITE, len(host))
        argument["part"] = whole.get_sub_region(self.guard, argument["nbytes"]) if self.guard else whole
        self.buffers.append((argument, whole, host))

    def run(self) -> None:
        cl, worker = self.cl, self.worker
        information = cl.kernel_work_group_info
        static = self.kernel.get_work_group_info(information.LOCAL_MEM_SIZE, worker.device)
        for number, run in enumerate(self.job["runs"]):
            local = static + sum(a["bytes"][number] for a in self.job["arguments"] if a["kind"] == "local")
            most = worker.device.local_mem_size
            if local > most:
                worker.send({"state": "failed", "why": "local memory", "needed": local, "most": most})
                return
            if self.guard:
                for argument, whole, host in self.buffers:
                    self._fill(argument, host, run["last"])
                    cl.enqueue_copy(worker.queue, whole, host, is_blocking=True)
                if local:
                    worker.poison_local_memory(self.job["local poison"][run["last"]], local)
                    worker.queue.finish()
            self._arguments(number)
            event = cl.enqueue_nd_range_kernel(
                worker.queue, self.kernel, tuple(run["global"]), tuple(run["local"])
            )
            worker.queue.flush()
            self._wait(event)
            worker.send({"state": "ended"})
            for _, whole, host in self.buffers:
                cl.enqueue_copy(worker.queue, host, whole, is_blocking=True)
            worker.send({"state": "ran", "buffers": [host for _, _, host in self.buffers]})

    def _fill(self, argument: dict[str, Any], host: Any, last: bool) -> None:
        np = _numpy()
        words = argument["words"][last]
        numbers = host.view(np.dtype(f"u{argument['itemsize']}"))
        guard = self.guard // argument["itemsize"]
        numbers[:guard], numbers[-guard:] = words["before"], words["after"]
        if "data" in argument:
            host[self.guard : -self.guard] = argument["data"]
        else:
            numbers[guard:-guard] = words["poison"]

    def _arguments(self, number: int) -> None:
        np = _numpy()
        for index, argument in enumerate(self.job["arguments"]):
            if argument["kind"] == "buffer":
                self.kernel.set_arg(index, argument["part"])
            elif argument["kind"] == "local":
                self.kernel.set_arg(index, self.cl.LocalMemory(argument["bytes"][number]))
            else:
                kind = np.int32 if argument["kind"] == "int" else np.float32
                value = argument["values"][number] if "values" in argument else argument["value"]
                self.kernel.set_arg(index, kind(value))

    def _wait(self, event: Any) -> None:
        """Wait for the run, and say when it really starts: some drivers compile between here and there."""
        status, pause, said = self.cl.command_execution_status, 5e-5, False
        while True:
            now = event.command_execution_status
            if now <= status.COMPLETE:
                break
            if now == status.RUNNING and not said:
                self.worker.send({"state": "started"})
                said = True
            time.sleep(pause)
            pause = min(2 * pause, 0.005)
        if now < 0:
            raise RuntimeError(f"the run ended with the error {now}")


def _numpy() -> Any:
    import numpy

    return numpy


def main() -> None:
    _die_with_parent()
    inward, outward = _private_pipes()
    _light_imports()
    from cnnkit.exercises import wire

    def send(message: dict[str, Any]) -> None:
        wire.send(outward, message)

    jobs: queue.Queue[dict[str, Any]] = queue.Queue()

    def listen() -> None:
        """In a thread of its own: when our parent is gone, so are we, whatever a kernel is doing."""
        while True:
            try:
                jobs.put(wire.receive(inward))
            except wire.WireError:
                os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    import warnings

    warnings.simplefilter("ignore")  # pyopencl warns of every build log that is not empty
    try:
        worker = Worker(send)
    except Exception as error:
        send({"state": "no device", "log": str(error)[:2000]})
        return
    send({"state": "ready", "most items": int(worker.device.max_work_group_size)})
    while True:
        worker.work(jobs.get())


if __name__ == "__main__":
    main()
