"""Plug-ins: modules that are looked up by a name, Weft's own and those that other packages install as entry points.

Weft's own names take precedence. An installed plug-in with the name of one of Weft's is never used, and using that name reports
a warning: a package that is installed by accident must not change what a check or a provider does.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Collection, Iterable
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from weft.base.problems import Problem, Severity

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Plugins:
    """The plug-ins of one kind: the modules of a package, without its `helpers`, and the entry points of a group.

    `kind` is the word for one plug-in, such as "check". Other packages are searched only when a name is not Weft's own or when all
    names are requested, because the search is slow. No module is imported before `load`.
    """

    def __init__(self, kind: str, group: str, package: str, path: Iterable[str], helpers: Collection[str]) -> None:
        self.group = group
        self._kind = kind
        self._package = package
        self._path = path
        self._helpers = frozenset(helpers)

    @cached_property
    def own(self) -> frozenset[str]:
        """The names of Weft's own plug-ins."""
        return frozenset(module.name for module in pkgutil.iter_modules(self._path)) - self._helpers

    @cached_property
    def installed(self) -> dict[str, EntryPoint]:
        """The plug-ins that other packages offer, by name."""
        from importlib.metadata import entry_points

        return {point.name: point for point in entry_points(group=self.group)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every usable name, sorted."""
        return tuple(sorted({*self.own, *self.installed}))

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in self.installed

    def load(self, name: str) -> Any:
        """The module of a name. Raises KeyError for an unknown name, and ImportError when the module lacks a dependency."""
        if name in self.own:
            return import_module(f"{self._package}.{name}")
        return self.installed[name].load()

    def unused(self, name: str) -> Problem | None:
        """A warning when a package offers a plug-in under one of Weft's own names."""
        point = self.installed.get(name) if name in self.own else None
        if point is None:
            return None
        package = point.dist.name if point.dist else point.value
        message = (
            f"the {self._kind} `{name}` of the package {package} is not used: Weft has a {self._kind} with that name"
        )
        return Problem(
            "plugin-not-used", message, Severity.WARNING, hint=f"uninstall {package}, or give it another name"
        )
