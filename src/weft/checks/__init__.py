"""Checks: what reads a finished output before it is written.

A check is a module with one function, `check(texts)`, found by its name in weft.yaml: one of ours, or one that another
package offers by an entry point of the group `weft.checks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final

from weft.problems import Place, Problem, Severity
from weft.render import Rendered

GROUP: Final = "weft.checks"
_OURS: Final = {"kubernetes": "weft.checks.kubernetes"}


def names() -> list[str]:
    """The checks that weft.yaml may name."""
    return sorted({*_OURS, *(point.name for point in entry_points(group=GROUP))})


def exists(name: str) -> bool:
    """Whether there is a check of this name."""
    return name in _OURS or name in names()


def run(finished: Iterable[Rendered]) -> Iterator[Problem]:
    """What the checks say of these outputs; each problem names the output and its template.

    A check whose program or package is missing is skipped, with a warning. What a template does wrong in many targets is
    told once, at the first of its files.
    """
    told: dict[tuple[int, str, str], Problem] = {}
    for one, problem in _complaints(finished):
        key = (one.output.index, problem.code, problem.message)
        first = told.setdefault(key, problem)
        told[key] = replace(first, targets=tuple(dict.fromkeys((*first.targets, *problem.targets))))
    yield from told.values()


def _complaints(finished: Iterable[Rendered]) -> Iterator[tuple[Rendered, Problem]]:
    for one in finished:
        for name in one.output.checks:
            try:
                check = _load(name).check
            except ImportError as error:
                message = f"the check `{name}` was skipped: the package {error.name} is not installed"
                hint = f"pip install 'weft[{name}]'"
                yield one, Problem("check-skipped", message, Severity.WARNING, targets=(one.target,), hint=hint)
                continue
            for problem in check(one.text):
                place = problem.place or Place(one.path)
                hint = problem.hint or f"it comes from the template {one.output.template}"
                yield one, replace(problem, place=replace(place, file=one.path), targets=(one.target,), hint=hint)


@cache
def _load(name: str) -> Any:
    if name in _OURS:
        return import_module(_OURS[name])
    return next(iter(entry_points(group=GROUP, name=name))).load()
