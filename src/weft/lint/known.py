"""What is known about settings while a template is walked: where they are, whether they are there, and what may guarantee it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from weft.base.paths import Path
from weft.base.problems import Problem
from weft.rules import RuleCheck
from weft.schema.node import Node
from weft.stages.render.templates import Templates


@dataclass(frozen=True)
class Value:
    """The setting of an expression; `sure` if every valid configuration has it."""

    node: Node
    path: Path
    sure: bool


@dataclass(frozen=True)
class Files:
    """What the walks through one output's template and those that it includes share. `seen` are the finished walks."""

    templates: Templates
    presence: Presence
    found: dict[Problem, None]
    secrets: bool
    seen: set[Any] = field(default_factory=set)


class Presence:
    """The settings whose presence depends on others: those that a rule tests with `has()`, or an alternative requires."""

    def __init__(self, rules: RuleCheck) -> None:
        self._rules = rules
        self._read_with = cache(self._found)

    def may_follow(self, value: Value, above: Node, asked: frozenset[Path]) -> bool:
        """True if a setting may be there because of conditions that read the `asked` settings."""
        *around, step = value.path
        beside = {path[: len(around) + 1] for path in asked if path[: len(around)] == tuple(around)} - {value.path}
        demanded = any(step in schema.get("required", ()) for schema in above.possible)
        return (demanded and bool(beside)) or not asked.isdisjoint(self._read_with(value.path))

    def _found(self, path: Path) -> set[Path]:
        """The other settings that the rules read which test whether there is a setting at a path."""
        found: set[Path] = set()
        for rule, above in self._rules.at(path):
            tested = {chain.path for chain in rule.expression.chains if chain.presence}
            if path[len(above) :] in tested:
                found |= {(*above, *read) for read in rule.expression.reads}
        return found - {path}


@dataclass(frozen=True)
class Known:
    """What is known where a template begins: names, guaranteed settings, settings that conditions read, including templates.

    `read_by` has the settings from which a name gets its value.
    """

    names: dict[str, Value | None] = field(default_factory=dict)
    there: frozenset[Path] = frozenset()
    asked: frozenset[Path] = frozenset()
    read_by: dict[str, frozenset[Path]] = field(default_factory=dict)
    around: tuple[str, ...] = ()
