"""Arguments on their way to an answer: tuples and classifiers, which JSON does not know, arrive as such."""

from __future__ import annotations

from typing import Any

from ..given import Classifier


def pack(value: Any) -> Any:
    """`value` with its tuples and classifiers marked. What else is no plain data is refused by `wire`."""
    if isinstance(value, Classifier):
        return {"$classifier": [value.w, value.b]}
    if isinstance(value, tuple):
        return {"$tuple": [pack(part) for part in value]}
    if isinstance(value, list):
        return [pack(part) for part in value]
    if isinstance(value, dict):
        return {"$dict": [[pack(key), pack(part)] for key, part in value.items()]}
    return value


def unpack(value: Any) -> Any:
    """What `pack` was given."""
    if isinstance(value, list):
        return [unpack(part) for part in value]
    if isinstance(value, dict):
        if "$tuple" in value:
            return tuple(unpack(part) for part in value["$tuple"])
        if "$classifier" in value:
            return Classifier(*value["$classifier"])
        return {unpack(key): unpack(part) for key, part in value["$dict"]}
    return value
