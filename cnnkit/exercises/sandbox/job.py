"""From a `Launch` to what the worker is sent, and what can be refused before anything runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...errors import CnnkitError
from ..launch import In, InOut, Launch, Local, Out
from . import patterns
from .instrumented import COUNTS, counted, filled
from .source import Parameter, kernels

MOST_BYTES = 256 << 20  # of one launch's buffers, guard zones included
MOST_RUNS = 64
SCALARS = {bool: "int", int: "int", float: "float"}
KERNEL_TYPES = {
    "float16": "half",
    "float32": "float",
    "float64": "double",
    **{f"{u}int{bits}": f"{u}{name}" for u in ("", "u") for bits, name in ((8, "char"), (16, "short"))},
    **{f"{u}int{bits}": f"{u}{name}" for u in ("", "u") for bits, name in ((32, "int"), (64, "long"))},
}


@dataclass(frozen=True)
class Buffer:
    """One buffer of a launch. index: its place among the arguments. array: None for an output."""

    index: int
    number: int  # its place among the buffers
    role: str  # "in", "out" or "inout"
    dtype: np.dtype
    shape: tuple[int, ...]
    array: np.ndarray | None = None

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def words(self, last: bool) -> dict[str, int]:
        """The bits with which the worker fills its surroundings and, for an output, itself."""
        places = {"before": patterns.BEFORE, "after": patterns.AFTER, "poison": patterns.POISON}
        return {name: patterns.word(self.dtype, place, self.number, last) for name, place in places.items()}


@dataclass(frozen=True)
class Run:
    """One run of a kernel: its sizes, and whether it is the one with other numbers around the buffers."""

    global_size: tuple[int, ...]
    local_size: tuple[int, ...]
    last: bool


@dataclass(frozen=True)
class Job:
    """A launch made ready: its buffers, and the runs in their order."""

    launch: Launch
    buffers: tuple[Buffer, ...]
    runs: tuple[Run, ...]
    parameters: list[Parameter] = field(default_factory=list)

    @property
    def output(self) -> Buffer:
        """The buffer that the answer is read from."""
        return min((b for b in self.buffers if b.role != "in"), key=lambda b: b.role == "inout")

    def name(self, index: int) -> str:
        """An argument's name in the kernel's signature."""
        return self.parameters[index].name if index < len(self.parameters) else f"argument {index + 1}"

    def message(self, source: str, function: str, bare: bool = False) -> dict[str, Any]:
        """What the worker is sent. bare: buffers without guard zones and the source as it is, for Oclgrind.

        Where reads are counted, two buffers more come back, of which the first holds the counts. Raises
        NotCounted for a source whose reads cannot be counted.
        """
        numbers = {buffer.index: buffer for buffer in self.buffers}
        arguments: list[dict[str, Any]] = []
        for index, argument in enumerate(self.launch.arguments):
            if index in numbers:
                arguments.append(_described(numbers[index]))
            elif isinstance(argument, Local):
                arguments.append({"kind": "local", "bytes": [_local_bytes(argument, r) for r in self.runs]})
            else:
                arguments.append({"kind": SCALARS[type(argument)], "value": argument})
        text = source
        if self.launch.reads is not None and not bare:
            text = counted(source, function, self.name(self.launch.reads.of))
            arguments += [_described(_counter(COUNTS)), _described(_counter(2)), {"kind": "int", "value": 0}]
        # A simulator sees by itself what is read before it is written.
        if not bare and (with_fill := filled(text, function, self._local_memory())) is not None:
            text = with_fill
            arguments.append({"kind": "int", "values": [_signed(_local_word(r.last)) for r in self.runs]})
        runs = [{"global": r.global_size, "local": r.local_size, "last": r.last} for r in self.runs]
        return {
            "do": "run",
            "source": text,
            "function": function,
            "arguments": arguments,
            "runs": runs,
            "guard": 0 if bare else patterns.GUARD_BYTES,
            "local poison": [_local_word(last) for last in (False, True)],
        }

    def _local_memory(self) -> list[tuple[str, int, int]]:
        """Name, numbers per work-item and further numbers of each `__local` parameter of 4-byte numbers."""
        pairs = zip(self.parameters, self.launch.arguments, strict=False)
        return [
            (parameter.name, argument.numbers_per_item, argument.more)
            for parameter, argument in pairs
            if isinstance(argument, Local) and parameter.space == "__local" and parameter.name
            if np.dtype(argument.dtype).itemsize == 4
        ]


def prepare(source: str, function: str, launch: Launch, repeats: int) -> Job:
    """The job for a launch. Raises CnnkitError where its author, not the learner, is mistaken."""
    arguments = list(launch.arguments)
    for i, argument in enumerate(arguments):
        if isinstance(argument, np.generic):
            arguments[i] = argument.item()
    launch = Launch(tuple(arguments), tuple(launch.size), tuple(map(tuple, launch.local_sizes)), launch.reads)
    buffers: list[Buffer] = []
    for index, argument in enumerate(arguments):
        if isinstance(argument, In | Out | InOut):
            buffers.append(_buffer(index, len(buffers), argument))
        elif type(argument) not in SCALARS and not isinstance(argument, Local):
            raise CnnkitError(
                f"Argument {index + 1} of the launch of `{function}` is of the type "
                f"{type(argument).__name__}; it must be In, Out, InOut, Local, an int or a float."
            )
    outputs = [b for b in buffers if b.role == "out"] or [b for b in buffers if b.role == "inout"]
    if len(outputs) != 1:
        raise CnnkitError(f"The launch of `{function}` has {len(outputs)} outputs; it must have exactly one.")
    if launch.reads is not None and len(launch.reads.most) != len(launch.local_sizes):
        raise CnnkitError(
            f"The launch of `{function}` must say for each local size how many reads are enough."
        )
    if not launch.local_sizes or min(launch.size, default=0) < 1:
        raise CnnkitError(f"The launch of `{function}` needs a size of at least 1, and a local size to try.")
    runs: list[Run] = []
    for local in launch.local_sizes:
        if len(local) != len(launch.size):
            raise CnnkitError(
                f"The local size {local} and the size {launch.size} differ in their dimensions."
            )
        runs += [Run(launch.rounded(local), local, last) for last in (*[False] * repeats, True)]
    if len(runs) > MOST_RUNS:
        raise CnnkitError(f"The launch of `{function}` needs {len(runs)} runs; at most {MOST_RUNS} are made.")
    return Job(launch, tuple(buffers), tuple(runs), kernels(source).get(function, []))


def refused(job: Job, source: str, function: str, most_items: int) -> str:
    """A sentence where the kernel cannot be launched like this; "" where it can."""
    if function not in kernels(source):
        return ""  # the compiler will say which it has
    size = sum(b.nbytes + 2 * patterns.GUARD_BYTES for b in job.buffers)
    if size > MOST_BYTES:
        return (
            f"The buffers of `{function}` take {size:,} bytes here and at most {MOST_BYTES:,} are allowed: "
            "use smaller arrays."
        )
    wrong = _wrong_arguments(job, function)
    if wrong:
        return f"{wrong} It must begin with `{expected_signature(job, function)}`."
    for local in job.launch.local_sizes:
        if math.prod(local) > most_items:
            return (
                f"A work-group of {times(local)} = {math.prod(local):,} work-items is more than the "
                f"{most_items:,} that this device allows."
            )
    return ""


def expected_signature(job: Job, function: str) -> str:
    """The kernel's first lines as the launch needs them, with the learner's own names where they fit."""
    names = [parameter.name for parameter in job.parameters]
    if len(set(names)) != len(job.launch.arguments):
        names = _plain_names(job)
    parts = [
        f"{_expected(argument)}{name}" for argument, name in zip(job.launch.arguments, names, strict=True)
    ]
    return f"__kernel void {function}({', '.join(parts)})"


def times(sizes: tuple[int, ...]) -> str:
    """ "8 x 4"."""
    return " x ".join(map(str, sizes))


def _wrong_arguments(job: Job, function: str) -> str:
    given, wanted = job.parameters, job.launch.arguments
    if len(given) != len(wanted):
        return (
            f"Your kernel `{function}` has {len(given)} parameter{'s' * (len(given) != 1)} and is given "
            f"{len(wanted)} argument{'s' * (len(wanted) != 1)}."
        )
    for place, (parameter, argument) in enumerate(zip(given, wanted, strict=True), 1):
        if not _fits(parameter, argument):
            return (
                f"Parameter {place} of your kernel `{function}` is `{parameter.text}` and is given "
                f"`{_expected(argument).strip()}`."
            )
    return ""


def _fits(parameter: Parameter, argument: Any) -> bool:
    """Whether a parameter can take an argument; yes where the reader did not understand the parameter."""
    if not parameter.space and not parameter.pointer:
        if not isinstance(argument, In | Out | InOut | Local):
            # An int is also passed as a float's parameter, and the other way round it would be cut off.
            return parameter.type in (SCALARS[type(argument)], "uint" if type(argument) is int else "", "")
        return not parameter.type
    if not parameter.pointer or not parameter.space:
        return isinstance(argument, In | Out | InOut | Local)  # a typedef or macro may hide the rest
    if isinstance(argument, Local):
        return parameter.space == "__local"
    if not isinstance(argument, In | Out | InOut):
        return False
    if parameter.space == "__local" or (parameter.space == "__constant" and not isinstance(argument, In)):
        return False
    return parameter.type in (KERNEL_TYPES[_dtype(argument).name], "")


def _expected(argument: Any) -> str:
    if isinstance(argument, Local):
        return f"__local {KERNEL_TYPES[np.dtype(argument.dtype).name]} *"
    if isinstance(argument, In):
        return f"__global const {KERNEL_TYPES[_dtype(argument).name]} *"
    if isinstance(argument, Out | InOut):
        return f"__global {KERNEL_TYPES[_dtype(argument).name]} *"
    return f"{SCALARS[type(argument)]} "


def _plain_names(job: Job) -> list[str]:
    letters = iter("xwvuabcdefgh" * 6)
    names = []
    for argument in job.launch.arguments:
        if isinstance(argument, Out | InOut):
            names.append("y")
        elif isinstance(argument, Local):
            names.append("tile")
        else:
            names.append(next(letters) if isinstance(argument, In) else "n")
    return [n if names.count(n) == 1 else f"{n}{names[:i].count(n) + 1}" for i, n in enumerate(names)]


def _buffer(index: int, number: int, argument: In | Out | InOut) -> Buffer:
    dtype = _dtype(argument)
    if dtype.name not in KERNEL_TYPES:
        raise CnnkitError(f"A kernel's buffer cannot hold numbers of the type {dtype.name}.")
    if isinstance(argument, Out):
        shape, array, role = tuple(argument.shape), None, "out"
    else:
        array = np.array(argument.array, order="C")
        shape, role = array.shape, "in" if isinstance(argument, In) else "inout"
    if not math.prod(shape):
        raise CnnkitError(f"Argument {index + 1} has the shape {shape}: a kernel's buffer cannot be empty.")
    return Buffer(index, number, role, dtype, shape, array)


def _dtype(argument: In | Out | InOut) -> np.dtype:
    return np.dtype(argument.dtype) if isinstance(argument, Out) else np.asarray(argument.array).dtype


def _described(buffer: Buffer) -> dict[str, Any]:
    words = [buffer.words(last) for last in (False, True)]
    bytes_ = {"itemsize": buffer.dtype.itemsize, "nbytes": buffer.nbytes, "words": words}
    # "data" is the array's bytes; without it, the buffer is an output.
    data = {} if buffer.array is None else {"data": buffer.array.reshape(-1).view(np.uint8)}
    return {"kind": "buffer", "role": buffer.role, **bytes_, **data}


def _counter(length: int) -> Buffer:
    zeros = np.zeros(length, np.int32)
    return Buffer(-1, 0, "inout", zeros.dtype, zeros.shape, zeros)


def _local_word(last: bool) -> int:
    return patterns.word(np.dtype("float32"), patterns.LOCAL, 0, last)


def _signed(word: int) -> int:
    """The int whose bits these are."""
    return int(np.uint32(word).astype(np.int32))


def _local_bytes(argument: Local, run: Run) -> int:
    numbers = argument.numbers_per_item * math.prod(run.local_size) + argument.more
    return max(1, numbers) * np.dtype(argument.dtype).itemsize
