"""The state of a training run on disk, so that a run that was killed goes on to the same bits."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .array import copy_into
from .errors import DataError, TrainingError, shorter, shown
from .files import load_arrays, plain, save_arrays
from .history import HEADINGS, History
from .interrupts import whole
from .model import Sequential
from .ops.arguments import FLOAT32
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
        kind = shorter(str(about.get("kind")))
        raise DataError(f"{path} is no checkpoint of cnnkit.fit but a saved {kind}.")
    theirs = about.get("run")
    if not isinstance(theirs, dict):
        raise DataError(f"The checkpoint {path} is damaged: it does not say of which run it is.")
    for name, value in run.items():
        _expect_same(path, name.replace("_", " "), theirs.get(name), value)
    _expect_progress(path, about)
    state = {name.removeprefix("model."): a for name, a in arrays.items() if name.startswith("model.")}
    shapes = {
        f"optimizer.{i}.{name}": p.shape
        for i, p in enumerate(model.parameters)
        for name in optimizer.remembers
    }
    damaged = [
        name
        for name, shape in shapes.items()
        if name not in arrays or arrays[name].shape != shape or arrays[name].dtype != np.float32
    ]
    if damaged:
        raise DataError(
            f"The checkpoint {path} is damaged: {damaged[0]} is missing, or of another shape or type."
        )
    optimizer.prepare(model.parameters)
    with whole():
        model.set_state(state, f"The checkpoint {path}")
        for i, kept in enumerate(optimizer.state):
            for name in kept:
                copy_into(kept[name], arrays[f"optimizer.{i}.{name}"])
        optimizer.lr, optimizer.steps = about["lr"], about["steps"]
        history.rows = about["history"]
    return True


def _expect_progress(path: str | os.PathLike, about: dict[str, Any]) -> None:
    """How far the run is: a learning rate, a number of steps, and a row of numbers for each epoch."""
    lr, steps, rows = about.get("lr"), about.get("steps"), about.get("history")
    if not (_is_number(lr) and 0 <= lr <= FLOAT32):  # type: ignore[operator]
        raise DataError(f"The checkpoint {path} is damaged: its learning rate is {shown(lr)}.")
    if not (type(steps) is int and 0 <= steps < 2**53):
        raise DataError(f"The checkpoint {path} is damaged: its number of steps is {shown(steps)}.")
    for i, row in enumerate(rows if isinstance(rows, list) else [None]):
        good = isinstance(row, dict) and row.get("epoch") == i + 1 and type(row["epoch"]) is int
        if not (good and "loss" in row and all(_is_number(row.get(name, 0)) for name in HEADINGS)):
            raise DataError(
                f"The checkpoint {path} is damaged: its history has {shown(row)} for epoch {i + 1}."
            )


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 2**1023


def _expect_same(path: str | os.PathLike, name: str, there: Any, here: Any) -> None:
    if there != here:
        values = "another one" if name in ("network", "data") else f"{shown(there)} and now {shown(here)}"
        raise TrainingError(
            f"The checkpoint {path} belongs to another run: its {name} is {values}; delete the file to start "
            "anew, or name another one."
        )
