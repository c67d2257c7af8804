"""Arguments on their way to an answer: a tuple must arrive as a tuple, which JSON does not know."""

from __future__ import annotations

from typing import Any


def pack(value: Any) -> Any:
    """`value` with its tuples marked. Raises TypeError for what cannot be sent to another process."""
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
        return {unpack(key): unpack(part) for key, part in value["$dict"]}
    return value
