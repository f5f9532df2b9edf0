"""Problems as JSON data, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import astuple
from typing import Any

from weft.base.problems import Place, Problem, Severity


def problems_data(found: Iterable[Problem]) -> list[Any]:
    """Problems as JSON data."""
    return [
        [
            one.code,
            one.message,
            str(one.severity),
            one.path,
            _place_data(one.place),
            one.targets,
            one.schema,
            one.hint,
            [_place_data(place) for place in one.related],
            one.reads,
            one.quiet,
            one.within,
        ]
        for one in found
    ]


def problems(data: Iterable[Any]) -> tuple[Problem, ...]:
    """The problems again. Raises ValueError, TypeError or KeyError if the data are damaged."""
    return tuple(map(_problem, data))


def problems_without(found: Iterable[Problem], root: str) -> tuple[Problem, ...]:
    """The same problems without a folder in their texts: `/ROOT/shop` becomes `/shop`."""
    every = tuple(found)
    data, written = json.dumps(problems_data(every)), json.dumps(root)[1:-1]
    return problems(json.loads(data.replace(written, ""))) if written in data else every


def _problem(data: Any) -> Problem:
    code, message, severity, path, place, targets, schema, hint, related, reads, quiet, within = data
    return Problem(
        code,
        message,
        Severity(severity),
        path,
        _place(place),
        tuple(targets),
        schema,
        hint,
        tuple(Place(*one) for one in related),
        tuple(reads),
        quiet,
        tuple(within) if within is not None else None,
    )


def _place_data(place: Place | None) -> tuple[Any, ...] | None:
    return None if place is None else astuple(place)


def _place(data: Any) -> Place | None:
    return None if data is None else Place(*data)
