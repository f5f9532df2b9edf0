"""Enforcement: whether something reads the settings on which a passed control relies.

That a setting says so is a *declaration*. The control is *enforced* where a reader reads one of the settings that its rule reads: in a line of
an output, in code, or as Weft itself does. Targets of one environment share the evidence, because they share the templates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from weft.base.paths import Path, parse_pointer
from weft.base.problems import UsageError
from weft.lint.policies.packs import Control
from weft.lint.reach import Reach, Reading, Survey
from weft.project.project import Project
from weft.project.target import Target

_SHOWN: Final = 3


class Enforcement:
    """The readings of the settings that some controls read, by environment."""

    def __init__(self, project: Project, controls: Iterable[Control]) -> None:
        self._project = project
        self._survey = Survey(project, about={path for control in controls for path in _reads(control)})
        self._known: dict[str, list[Reach]] = {}

    def evidence(self, control: Control, target: Target) -> tuple[Reading, ...]:
        """Who enforces a control; if nobody does, who will, or would in another part of a template."""
        readings = list(dict.fromkeys(one for path in _reads(control) for one in self._readings(target, path)))
        enforcing = [reading for reading in readings if reading.enforces]
        return tuple((enforcing or readings)[:_SHOWN])

    def _readings(self, target: Target, path: Path) -> Iterator[Reading]:
        """The readings of the settings at, below or around a path."""
        name = target.name.split("/")[0]
        if name not in self._known:
            self._known[name] = self._survey.reach(self._environment(name) or target)
        for reach in self._known[name]:
            size = min(len(reach.path), len(path))
            if reach.path[:size] == path[:size]:
                yield from reach.readings

    def _environment(self, name: str) -> Target | None:
        try:
            return self._project.target(name)
        except UsageError:
            return None


def _reads(control: Control) -> list[Path]:
    return [tuple(parse_pointer(read)) for read in control.reads]
