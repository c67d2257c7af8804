"""Find the exercises: `course/exercises/*.py` in a clone, the same files within an installed package."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from pathlib import Path
from types import ModuleType

from ..errors import CnnkitError
from .definition import DefinitionError, Exercise

_lock = threading.Lock()
_loaded: dict[Path, dict[str, Exercise]] = {}


class UnknownExercise(CnnkitError, KeyError):
    """No exercise has this id."""

    __str__ = Exception.__str__  # KeyError would show the sentence in quotes

    def _render_traceback_(self) -> list[str]:
        """In a notebook, the sentence is all that there is to say."""
        return [str(self)]


def course_folder() -> Path:
    """The folder of the course: CNNKIT_COURSE, or `course/` beside the package, or the installed copy."""
    package = Path(__file__).resolve().parents[1]
    named = os.environ.get("CNNKIT_COURSE")
    for folder in [Path(named)] if named else [package.parent / "course", package / "course"]:
        if (folder / "exercises").is_dir():
            return folder
    raise CnnkitError(
        "The course's exercises are not there: run this in a clone of the repository, or let CNNKIT_COURSE "
        "name the folder that holds `exercises`."
    )


def exercises(folder: Path | None = None) -> dict[str, Exercise]:
    """All exercises by id, in order. Raises DefinitionError naming the file that is wrong."""
    folder = (folder or course_folder()).resolve()
    with _lock:
        if folder not in _loaded:
            found: dict[str, Exercise] = {}
            for path in sorted((folder / "exercises").glob("[0-9]*.py")):
                for exercise in exercises_of(load(path)):
                    if exercise.id in found:
                        raise DefinitionError(f"{path.name} defines {exercise.id}, which is taken.")
                    found[exercise.id] = exercise
            _loaded[folder] = found
    return _loaded[folder]


def exercises_of(module: ModuleType) -> list[Exercise]:
    """The exercises that a module defines at its top, by id."""
    found = [value for value in vars(module).values() if isinstance(value, Exercise)]
    return sorted(found, key=lambda exercise: _order(exercise.id))


def load(path: Path) -> ModuleType:
    """The module in a file whose name need not be one of Python's."""
    name = f"cnnkit_course_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling of errors look here
    spec.loader.exec_module(module)
    return module


def find(id: str) -> Exercise:
    """The exercise with this id. Raises UnknownExercise with the ids that there are."""
    known = exercises()
    if id in known:
        return known[id]
    if not isinstance(id, str):
        raise UnknownExercise(f'An exercise is named as text, as in check("01.2", ...), and this is {id!r}.')
    near = next((other for other in known if other.lstrip("0") == id.lstrip("0")), None)
    if near:
        raise UnknownExercise(f"There is no exercise {id!r}: did you mean {near!r}?")
    beside = [other for other in known if other.startswith(id[:2])] or list(known)
    raise UnknownExercise(f"There is no exercise {id!r}; there are {', '.join(beside)}.")


def _order(id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in id.split("."))
