"""The state of a training run on disk, so that a run that was killed goes on to the same bits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .array import to_device
from .errors import DataError, TrainingError
from .files import load_arrays, save_arrays
from .history import History
from .model import Sequential
from .optim import Optimizer


def save_checkpoint(
    path: str | os.PathLike, model: Sequential, optimizer: Optimizer, history: History, run: dict[str, Any]
) -> None:
    """Write model, optimizer and history after a whole epoch; `run` says what must be the same to resume."""
    arrays = {f"model.{name}": array for name, array in model.state().items()}
    for i, kept in enumerate(optimizer.state):
        arrays |= {f"optimizer.{i}.{name}": array.get() for name, array in kept.items()}
    about = {
        "kind": "checkpoint",
        "layers": model.config(),
        "run": run | {"optimizer": type(optimizer).__name__},
        "lr": float(optimizer.lr),
        "settings": optimizer.settings,
        "steps": optimizer.steps,
        "history": history.rows,
    }
    save_arrays(path, arrays, about)


def resume(
    path: str | os.PathLike, model: Sequential, optimizer: Optimizer, history: History, run: dict[str, Any]
) -> bool:
    """Take over the checkpoint at `path`, if there is one. Returns whether there was.

    Raises TrainingError when it belongs to another run (other data, batch size, seed, optimizer or
    network), and DataError when it cannot be read; nothing is changed then.
    """
    if not Path(path).exists():
        return False
    arrays, about = load_arrays(path)
    if about.get("kind") != "checkpoint":
        raise DataError(f"{path} is no checkpoint of cnnkit.fit but a saved {about.get('kind')}.")
    expected = run | {"optimizer": type(optimizer).__name__}
    for name, value in expected.items():
        if about["run"].get(name) != value:
            raise TrainingError(
                f"The checkpoint {path} belongs to another run: its {name.replace('_', ' ')} is "
                f"{about['run'].get(name)!r} and now {value!r}; delete the file, or name another one."
            )
    state = {name.removeprefix("model."): a for name, a in arrays.items() if name.startswith("model.")}
    model.set_state(state, f"The checkpoint {path}")
    optimizer.lr, optimizer.settings, optimizer.steps = about["lr"], about["settings"], about["steps"]
    optimizer.state = [
        {name: to_device(arrays[f"optimizer.{i}.{name}"]) for name in optimizer.remembers}
        for i in range(len(model.parameters))
    ]
    history.rows = about["history"]
    return True
