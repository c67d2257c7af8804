"""What a benchmark came to, as data: one dataclass, to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ..errors import DataError
from .ceilings import Ceilings
from .convolutions import ConvolutionResult
from .growth import GrowthRow
from .machine import Machine
from .memory import MemoryResult
from .pipeline import PipelineResult
from .startup import StartupResult
from .steps import StepResult
from .time_to import TimeToResult

SCHEMA = 1  # raised whenever an older reader would misunderstand


@dataclass
class Report:
    """The results of one run; a part that was not asked for, or could not run, is empty.

    `date` is the day (ISO 8601), `quick` whether only a part of each list was measured, `skipped` why a
    part was not run, `failed` what went wrong in one that was, `busy` how many cores other programs kept busy
    meanwhile, if known. All times are in seconds, all sizes in bytes.
    """

    machine: Machine
    date: str
    quick: bool
    ceilings: Ceilings | None = None
    convolutions: list[ConvolutionResult] = field(default_factory=list)
    steps: list[StepResult] = field(default_factory=list)
    pipeline: PipelineResult | None = None
    growth: list[GrowthRow] = field(default_factory=list)
    startup: StartupResult | None = None
    memory: list[MemoryResult] = field(default_factory=list)
    time_to: TimeToResult | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    busy: float | None = None


def to_json(report: Report) -> str:
    """The report as JSON, with its `schema` version and the `targets` that it meets or misses."""
    from .targets import verdicts

    content = {"schema": SCHEMA, **_plain(report)}
    content["targets"] = [_plain(verdict) for verdict in verdicts(report)]
    return json.dumps(content, indent=1) + "\n"


def from_json(text: str) -> Report:
    """The report that `to_json` wrote (without the single rounds of its timings)."""
    try:
        content = json.loads(text)
        if content["schema"] != SCHEMA:
            raise DataError(f"This report has schema {content['schema']}, and cnnkit reads {SCHEMA}.")
        return _build(Report, content)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"This is no report of 'cnnkit bench' ({error!r}).") from None


def _plain(value: Any) -> Any:
    """Dataclasses, lists and dicts as what JSON has; what a dataclass does not show, it does not store."""
    if dataclasses.is_dataclass(value):
        shown = (f.name for f in dataclasses.fields(value) if f.repr)
        return {name: _plain(getattr(value, name)) for name in shown}
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _build(kind: Any, value: Any) -> Any:
    """The inverse of `_plain`, for a value that should be of this kind."""
    if isinstance(kind, UnionType):
        (kind,) = (each for each in get_args(kind) if each is not NoneType)
        return None if value is None else _build(kind, value)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        shown = [f for f in dataclasses.fields(kind) if f.repr]
        return kind(**{f.name: _build(hints[f.name], value[f.name]) for f in shown})
    if get_origin(kind) is list:
        return [_build(get_args(kind)[0], each) for each in value]
    if get_origin(kind) is dict:
        return {key: _build(get_args(kind)[1], each) for key, each in value.items()}
    return value
