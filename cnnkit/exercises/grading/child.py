"""The process that runs a submission's cells and calls its answers. Nothing that it says is believed.

    python -m cnnkit.exercises.grading.child

It is told what to do over `wire`, and sends plain values back. It holds no expected value, no verdict and no
exercise: whoever takes it over can give answers, and that is all that there is to give.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from typing import Any

import numpy as np

from cnnkit.exercises import wire
from cnnkit.exercises.definition import Case
from cnnkit.exercises.grading.packed import unpack
from cnnkit.exercises.magic import register
from cnnkit.exercises.plain import NotPlain, to_plain
from cnnkit.exercises.run import is_stub, run_function, source_of

KEPT = 5  # how many different objects under one name are remembered
MOST_VALUE = 1 << 20  # bytes of a prediction
MISSING = object()


class Worker:
    """The shell, and what its cells bound to the names that are answers."""

    def __init__(self, names: list[str], answer_bytes: int) -> None:
        self.answer_bytes = answer_bytes
        self.bound: dict[str, list[tuple[int, Any]]] = {name: [] for name in names}
        self.shell = _shell()

    def cell(self, number: int, source: str) -> dict[str, Any]:
        """Run a cell, and remember what it bound."""
        result = self.shell.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        for name, kept in self.bound.items():
            value = self.shell.user_ns.get(name, MISSING)
            if value is not MISSING and not (kept and kept[-1][1] is value):
                kept.append((number, value))
                del kept[:-KEPT]
        plots = sys.modules.get("matplotlib.pyplot")
        if plots is not None:  # as a notebook does after each cell: open figures fill the memory
            plots.close("all")
        return {} if error is None else _said(error)

    def candidates(self, name: str, kind: str) -> dict[str, Any]:
        """What was bound to a name, newest first."""
        kept = self.bound[name]
        found = [
            {"key": k, "cell": kept[k][0], **_seen(kept[k][1], kind)} for k in range(len(kept) - 1, -1, -1)
        ]
        return {"candidates": found}

    def call(self, name: str, key: int, arguments: Any) -> dict[str, Any]:
        """Call an answer with the arguments of one case."""
        given = unpack(arguments)
        outcome = run_function(self.bound[name][key][1], Case(given))
        reply = {"problem": outcome.problem, "error": outcome.error, "line": outcome.line}
        if outcome.error == "NameError":
            reply["name"] = outcome.problem.partition("name '")[2].partition("'")[0]
        return reply | _sendable(outcome.value, self.answer_bytes)


def _seen(value: Any, kind: str) -> dict[str, Any]:
    """What the parent is told of an object: a function is called later, the others are looked at now."""
    if value is None or value is ...:
        return {"attempted": False}
    if kind == "kernel":
        source = source_of(value)
        return {"source": None if source is None else str.__str__(source)}
    if kind == "function":
        if callable(value) and not isinstance(value, type):
            return {"attempted": not is_stub(value)}
        return {"problem": f"it must be a function, and it is of the type {type(value).__name__}"}
    try:
        if kind == "state" and not isinstance(value, dict):
            if not callable(getattr(value, "state", None)):
                return {"problem": "the answer must be the explorer in which you reached it"}
            value = value.state()
        return _sendable(to_plain(value), MOST_VALUE)
    except NotPlain as error:
        return {"problem": str(error).rstrip(".")}


def _sendable(value: Any, most: int) -> dict[str, Any]:
    if not isinstance(value, np.ndarray):
        return {} if value is None else {"value": value}
    if value.nbytes > most:
        return {"problem": f"the answer has {value.nbytes:,} bytes; at most {most:,} are looked at"}
    name = value.dtype.newbyteorder("=").name
    return {"value": value.astype(name if name in wire.DTYPES else "float64")}


def _said(error: BaseException) -> dict[str, Any]:
    """An error as plain words. Its `__str__` is the learner's, too."""
    try:
        words = str(error)[:300]
    except Exception:
        words = ""
    name = error.name if isinstance(error, NameError) else None
    return {"error": type(error).__name__, "words": words, "name": name if isinstance(name, str) else ""}


def _shell() -> Any:
    """IPython as a notebook's kernel has it, without a history, a configuration or anyone who reads."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.cache_size = 0
    config.InteractiveShell.autoawait = True
    shell: Any = InteractiveShell.instance(config=config)
    # Writing out a traceback that nobody sees takes longer than most cells.
    shell.showtraceback = lambda *arguments, **options: None
    shell.showsyntaxerror = lambda *arguments, **options: None
    shell.enable_gui = lambda *arguments, **options: None  # `%matplotlib inline`
    shell.system = shell.system_raw  # `!command` without a terminal of its own, which is closed here
    register(shell)  # with CNNKIT_GRADING set, a %%kernel cell is kept and not compiled
    return shell


def _answer(worker: Worker, request: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked; an interrupt from outside ends it at any point of the learner's code."""
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            if request["do"] == "cell":
                return worker.cell(request["number"], request["source"])
            if request["do"] == "candidates":
                return worker.candidates(request["name"], request["kind"])
            return worker.call(request["name"], request["key"], request["arguments"])
        except Exception as error:  # of an answer that is more than a function: a hostile `__str__`, `state`
            return {"problem": f"it raised {type(error).__name__}", **_said(error)}
        except SystemExit:
            return {"problem": "it ended the program with sys.exit", "error": "SystemExit"}
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except BaseException as error:
        return {"problem": f"it raised {type(error).__name__}", "error": type(error).__name__}


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):  # what a notebook prints is nobody's, and fills nothing
        os.dup2(null, number)
    ours = os.getpid()
    warnings.simplefilter("ignore")
    sys.argv = [""]
    first = wire.receive(inbox)
    worker = Worker(first["names"], first["answer_bytes"])
    wire.send(outbox, {"id": first["id"]})
    while True:
        request = wire.receive(inbox)
        reply = _answer(worker, request)
        if os.getpid() != ours:  # a cell has forked, and this is the copy
            os._exit(0)
        wire.send(outbox, {"id": request["id"], **reply})


if __name__ == "__main__":
    try:
        main()
    except wire.WireError:  # the parent has hung up
        os._exit(0)
