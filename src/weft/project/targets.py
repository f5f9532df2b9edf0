"""Targets: which ones exist, and their names.

A target is a choice of one value for every dimension that identifies targets: `production`, `production/acme`. An optional dimension
may be omitted, and the limits of a value determine with which others it exists (`limits`).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from weft.base.problems import Problem, UsageError, choices, did_you_mean
from weft.project.dimensions import WHOLE, Dimensions
from weft.project.limits import Limits


@dataclass(frozen=True, slots=True)
class Identity:
    """A target's name and its values of the dimensions that identify targets, in the project's order."""

    name: str
    values: Mapping[str, str] = field(hash=False)

    @property
    def scope(self) -> str | None:
        """The last dimension with a value in the name: `tenant` for `production/acme`."""
        return next(reversed([*self.values]), None)


class Fleet:
    """All targets of a project."""

    def __init__(self, dimensions: Dimensions, limits: Limits) -> None:
        self._dimensions = dimensions
        self._named = dimensions.named
        self._limits = limits

    def identities(self) -> Iterator[Identity]:
        """Every target that exists, an environment before its tenants."""
        yield from self._below(0, {})

    def exists(self, name: str) -> bool:
        """True if there is a target with this name."""
        return self._named_so(name) is not None

    def has_more_than(self, number: int) -> bool:
        """True if there are more targets than a number; no more than that are looked at."""
        return next(islice(self.identities(), number, None), None) is not None

    def select(self, globs: Iterable[str]) -> list[Identity]:
        """The targets that the globs name, in the project's order; all of them when there are no globs.

        `*` matches within one step of the name, `**` any number of steps; aliases work. Raises UsageError for a glob
        that matches nothing.
        """
        wanted = [self._dimensions.canonical(glob) for glob in globs]
        if len(wanted) == 1 and (one := self._named_so(wanted[0])):
            return [one]
        every = list(self.identities())
        for glob in wanted:
            if not any(_is_meant(identity, [glob]) for identity in every):
                raise UsageError(self._unknown(glob, every))
        return [identity for identity in every if _is_meant(identity, wanted)] if wanted else every

    def identity(self, name: str, values: Mapping[str, str]) -> Identity:
        """The target of this name and these dimension values, aliases allowed; raises UsageError when there is none."""
        rest = self._in_order(values)
        if "*" in name:
            hint = f"it matches {choices([identity.name for identity in self.select([name])])}"
            raise UsageError(
                Problem("unknown-target", f"`{name}` is a glob, but one target is expected here", hint=hint)
            )
        canonical = self._dimensions.canonical("/".join([*([name] if name else []), *rest])) or WHOLE
        identity = self._named_so(canonical)
        if identity is None:
            raise UsageError(self._unknown(canonical, list(self.identities())))
        return identity

    def _named_so(self, name: str) -> Identity | None:
        """The target of exactly this name, found by its steps, however many targets there are; None if there is none."""
        steps = [] if name == WHOLE and self._may_end(0) else name.split("/")
        if len(steps) > len(self._named) or not self._may_end(len(steps)):
            return None
        values: dict[str, str] = {}
        for dimension, step in zip(self._named, steps, strict=False):
            chosen = {**values, dimension.name: step}
            if not self._dimensions.has(dimension, step) or (values and not self._limits.allow(dimension, chosen)):
                return None
            values = chosen
        return Identity(name, values)

    def _may_end(self, depth: int) -> bool:
        """True if the name of a target may have this many steps."""
        return depth == len(self._named) or self._named[depth].optional

    def _in_order(self, values: Mapping[str, str]) -> list[str]:
        """The values of some dimensions in the project's order; raises UsageError if there is no such dimension."""
        known = [dimension.name for dimension in self._named]
        for dimension in values:
            if dimension not in known:
                hint = did_you_mean(dimension, known)
                raise UsageError(Problem("unknown-target", f"targets have no dimension `{dimension}`", hint=hint))
        return [values[dimension] for dimension in known if dimension in values]

    def _below(self, depth: int, values: dict[str, str]) -> Iterator[Identity]:
        """The targets that begin with some values: those with no further dimension, and those that continue with the next one."""
        if self._may_end(depth):
            yield Identity("/".join(values.values()) or WHOLE, values)
        if depth == len(self._named):
            return
        dimension = self._named[depth]
        for value in self._dimensions.values[dimension.name]:
            chosen = {**values, dimension.name: value}
            if values and not self._limits.allow(dimension, chosen):
                continue
            if depth + 1 < len(self._named):
                yield from self._below(depth + 1, chosen)
            else:  # nearly all of a fleet
                yield Identity("/".join(chosen.values()), chosen)

    def _unknown(self, name: str, every: list[Identity]) -> Problem:
        steps = name.split("/")
        unknown = self._unknown_step(steps)
        if unknown:
            return unknown
        names = [identity.name for identity in every]
        limited = len(steps) == len(self._named) and "*" not in name
        why = " (its settings limit where it exists)" if limited else ""
        hint = did_you_mean(name, names) or f"choose from {choices(names)}; see `weft targets`"
        return Problem("unknown-target", f"there is no target `{name}`{why}", hint=hint)

    def _unknown_step(self, steps: Sequence[str]) -> Problem | None:
        """The problem of the first step of a name that is not a value of its dimension; None if each step is one."""
        for step, dimension in zip(steps, self._named, strict=False):
            known = self._dimensions.known(dimension)
            if not any(fnmatch.fnmatchcase(value, step) for value in known) and step != "**":
                there = f"choose from {choices(known)}" if known else "no file defines one"
                message = f"there is no {dimension.name} `{step}`"
                return Problem("unknown-target", message, hint=did_you_mean(step, known) or there)
        return None


def _is_meant(identity: Identity, globs: Iterable[str]) -> bool:
    return any(matches(identity.name.split("/"), glob.split("/")) for glob in globs)


def matches(name: Sequence[str], glob: Sequence[str]) -> bool:
    """True if a glob means a name, both in steps: `*` matches within a step, `**` any number of steps."""
    if not glob:
        return not name
    if glob[0] == "**":
        return any(matches(name[start:], glob[1:]) for start in range(len(name) + 1))
    return bool(name) and fnmatch.fnmatchcase(name[0], glob[0]) and matches(name[1:], glob[1:])
