"""The state of a training run on disk, so that a run that was killed goes on to the same bits."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .array import copy_into
from .errors import DataError, TrainingError
from .files import load_arrays, plain, save_arrays
from .history import History
from .model import Sequential
from .optim import Optimizer


def identity(
    model: Sequential, optimizer: Optimizer, loss: Any, data: list[Any], **how: Any
) -> dict[str, Any]:
    """What must be the same for a run to be continued; `data` are the arrays that it learns and checks on."""
    digests = [None if array is None else zlib.crc32(np.ascontiguousarray(array).tobytes()) for array in data]
    return plain(
        {
            "network": model.config(),
            "optimizer": optimizer.described(optimizer.first_lr),
            "loss": type(loss).__name__,
            "data": digests,
            **how,
        }
    )


def save_checkpoint(
    path: str | os.PathLike, model: Sequential, optimizer: Optimizer, history: History, run: dict[str, Any]
) -> None:
    """Write model, optimizer and history, between two epochs; `run` is the run's `identity`."""
    arrays = {f"model.{name}": array for name, array in model.state().items()}
    for i, kept in enumerate(optimizer.state):
        arrays |= {f"optimizer.{i}.{name}": array.get() for name, array in kept.items()}
    about = {
        "kind": "checkpoint",
        "run": run,
        "lr": float(optimizer.lr),
        "steps": optimizer.steps,
        "history": history.rows,
    }
    save_arrays(path, arrays, about)


def resume(
    path: str | os.PathLike, model: Sequential, optimizer: Optimizer, history: History, run: dict[str, Any]
) -> bool:
    """Take over the checkpoint at `path`, if there is one. Returns whether there was.

    Raises TrainingError when it belongs to another run (see `identity`), and DataError when it cannot be
    read; nothing is changed then.
    """
    if not Path(path).exists():
        return False
    arrays, about = load_arrays(path)
    if about.get("kind") != "checkpoint":
        raise DataError(f"{path} is no checkpoint of cnnkit.fit but a saved {about.get('kind')}.")
    for name, value in run.items():
        _expect_same(path, name.replace("_", " "), about["run"].get(name), value)
    state = {name.removeprefix("model."): a for name, a in arrays.items() if name.startswith("model.")}
    shapes = {
        f"optimizer.{i}.{name}": p.shape
        for i, p in enumerate(model.parameters)
        for name in optimizer.remembers
    }
    damaged = [name for name, shape in shapes.items() if name not in arrays or arrays[name].shape != shape]
    if damaged:
        raise DataError(f"The checkpoint {path} is damaged: {damaged[0]} is missing or of another shape.")
    optimizer.prepare(model.parameters)
    model.set_state(state, f"The checkpoint {path}")
    for i, kept in enumerate(optimizer.state):
        for name in kept:
            copy_into(kept[name], arrays[f"optimizer.{i}.{name}"])
    optimizer.lr, optimizer.steps = about["lr"], about["steps"]
    history.rows = about["history"]
    return True


def _expect_same(path: str | os.PathLike, name: str, there: Any, here: Any) -> None:
    if there != here:
        values = "another one" if name in ("network", "data") else f"{there!r} and now {here!r}"
        raise TrainingError(
            f"The checkpoint {path} belongs to another run: its {name} is {values}; delete the file to start "
            "anew, or name another one."
        )
