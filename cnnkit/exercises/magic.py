"""The `%%kernel NAME` cell: a learner's OpenCL kernel, under its name in the notebook."""

from __future__ import annotations

import inspect
import keyword
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import CnnkitError
from .launch import Launch
from .outcome import Outcome


class KernelFailed(CnnkitError):
    """A learner's kernel that has no result. symptom and line: those of its Outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.problem)
        self.symptom, self.line = outcome.symptom, outcome.line

    def _render_traceback_(self) -> list[str]:
        """In a notebook the sentence alone: what is wrong is in the cell, not in a traceback."""
        return [str(self)]


class LearnerKernel:
    """A kernel that a learner wrote: its name, its source and, once it is bound, how it is launched."""

    def __init__(self, name: str, source: str, launch: Callable[..., Launch] | None = None) -> None:
        self.name, self.source, self.launch = name, source, launch

    def __repr__(self) -> str:
        lines = len(self.source.splitlines())
        return f"<your kernel {self.name}, {lines} line{'' if lines == 1 else 's'}>"

    def bind(self, launch: Callable[..., Launch]) -> LearnerKernel:
        """Say how arrays become a launch; gives the kernel itself."""
        self.launch = launch
        self.__signature__ = inspect.signature(launch)  # how many arrays it is called with
        return self

    def __call__(self, *arrays: Any) -> np.ndarray:
        """The result for these arrays, computed in the sandbox. Raises KernelFailed with what happened."""
        value: np.ndarray = self._run(arrays, count=False).value
        return value

    def reads(self, *arrays: Any) -> int:
        """How often it reads the input that its exercise watches, from global memory: counted, not timed.

        Raises KernelFailed with what happened, CnnkitError where the exercise counts nothing.
        """
        reads = self._run(arrays, count=True).reads
        if reads is None:
            raise CnnkitError(f"The exercise of your kernel {self.name} counts no reads.")
        return reads

    def _run(self, arrays: tuple[Any, ...], count: bool) -> Outcome:
        if self.launch is None:
            words = f"Your kernel {self.name} does not know yet how it is launched: pass it to its check."
            raise CnnkitError(words)
        from .sandbox import sandbox

        # The first work-group alone, once: this is a call, not a check.
        launch = self.launch(*arrays)
        watched = replace(launch.reads, most=launch.reads.most[:1]) if count and launch.reads else None
        only = Launch(launch.arguments, launch.size, launch.local_sizes[:1], watched)
        outcome = sandbox().run(self.source, self.name, [only], repeats=1)[0]
        if outcome.problem or outcome.value is None:
            raise KernelFailed(outcome)
        return outcome


def register(shell: Any = None) -> None:
    """Give the notebook its `%%kernel` cells, and start the sandbox meanwhile; nothing without a notebook."""
    if shell is None:
        from IPython import get_ipython

        shell = get_ipython()
    if shell is None:
        return

    def kernel(line: str, cell: str | None = None) -> None:
        said = define(line, cell, shell.user_ns)
        if said:
            print(said)

    shell.register_magic_function(kernel, magic_kind="line_cell", magic_name="kernel")
    if not grading():
        from .sandbox import sandbox

        sandbox().warm()


def define(line: str, cell: str | None, namespace: dict[str, Any]) -> str:
    """Put the cell's kernel under its name into `namespace`; a sentence where something is wrong with it."""
    name = line.split("#")[0].split("//")[0].strip()
    if not name.isidentifier() or keyword.iskeyword(name):
        given = f", not `{name}`" if name else ""
        return f"Give your kernel a name in the first line{given}: `%%kernel filter2d`."
    if cell is None:
        return f"Write two percent signs, and the kernel in the lines below: `%%kernel {name}`."
    if not cell.strip():
        return f"The cell is empty: write `__kernel void {name}(...)` below its first line."
    namespace[name] = LearnerKernel(name, cell)
    if grading():
        return ""
    from .run import is_kernel_stub
    from .sandbox import sandbox

    if is_kernel_stub(cell):
        return ""
    try:
        return sandbox().build(cell, name).problem
    except CnnkitError as error:  # no device, or no process
        return str(error)


def grading() -> bool:
    """Is this notebook being run to grade it? Then kernels are only collected."""
    return os.environ.get("CNNKIT_GRADING") == "1"
