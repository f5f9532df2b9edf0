"""Renamed settings: the keyword `x-renamed-to`, looked up by path.

While a schema has both names, the old one is an *alias* of the new one: a value that a layer sets under the old name counts for the
new name, and the configuration has the value under both, so programs that still read the old name get the same value. The old name
has no default of its own. `project.renaming` translates the layers.

The keyword contains a path from the top, such as `database.pool.size`. In an item of a list, and below keys that no schema names,
it contains the name of a sibling setting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from weft.base.paths import Path, dotted, get, has, parse_dotted
from weft.base.problems import Problem, did_you_mean
from weft.schema.places import places

if TYPE_CHECKING:
    from weft.schema.catalog import Catalog
    from weft.schema.node import Node

KEYWORD: Final = "x-renamed-to"


class Renames:
    """The renamed settings of a catalog. It is false if there are none."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._steps: dict[Path, Path | None] = {}
        self._places = [
            (path, node)
            for path, node in places(catalog.root, catalog.reaching(map(id, catalog.schemas_with(KEYWORD))))
            if node.renamed_to is not None
        ]

    def __bool__(self) -> bool:
        return bool(self._places)

    def destination(self, path: Sequence[str | int]) -> Path:
        """The current path of the setting at `path`: the same path if no part of it was renamed."""
        here = tuple(path)
        for _ in self._places:  # a longer chain would be a circle, which is reported when the project is loaded
            if here not in self._steps:
                self._steps[here] = self._one_step(here)
            successor = self._steps[here]
            if successor is None:
                break
            here = successor
        return here

    def with_old_names(self, config: dict[str, Any]) -> dict[str, Any]:
        """A configuration in which every old name has the value of the new one, if its own schema accepts that."""
        for old, node in self._places:
            new = self.destination(old)
            fits = has(config, new) and node.accepts(get(config, new)) and self._secrets(old) == self._secrets(new)
            if fits and not self._is_among_many(old):
                config = _put(config, old, get(config, new))
        return config

    def mistakes(self) -> Iterator[Problem]:
        """Renames to a missing setting, to themselves or in a circle, and secrets that would lose their protection."""
        for path, node in self._places:
            schema = next(one for one in (*node.certain, *node.possible) if KEYWORD in one)
            mistake = self._mistake(path, node)
            if mistake:
                message, hint = mistake
                where = self._catalog.documents.location(schema, KEYWORD)
                yield Problem("schema-invalid", message, schema=where, hint=hint)

    def _one_step(self, path: Path) -> Path | None:
        node = self._catalog.root
        for length, step in enumerate(path, 1):
            node = node.child(step)
            if node.renamed_to is not None:
                successor = self._successor(path[:length], node)
                return (*successor, *path[length:]) if successor else None
        return None

    def _successor(self, path: Path, node: Node) -> Path | None:
        """The path in the keyword at a path; None if it is not a path."""
        try:
            steps = parse_dotted(node.renamed_to or "")
        except ValueError:
            return None
        return (*path[:-1], *steps) if self._is_among_many(path) else steps

    def _is_among_many(self, path: Path) -> bool:
        """True if a path goes through an item of a list, or a key that no schema names."""
        node = self._catalog.root
        for step in path:
            if step not in node.properties:
                return True
            node = node.child(step)
        return False

    def _mistake(self, path: Path, node: Node) -> tuple[str, str | None] | None:
        name, old = node.renamed_to or "", dotted(path)
        new = self._successor(path, node)
        if new is None:
            return f"`{name}` is not a path of a setting", "write a dotted path, such as `database.pool.size`"
        if self._is_among_many(path) and len(new) != len(path):
            return (
                f"`{name}` is not the name of a sibling setting",
                "in items and below free keys, only the name can change",
            )
        nowhere = self._unknown_step(new)
        if nowhere:
            return nowhere
        shorter = min(len(path), len(new))
        if path[:shorter] == new[:shorter]:
            return f"{old} cannot be renamed to {dotted(new)}because one contains the other", None
        if self._one_step(self.destination(path)) is not None:
            return (
                f"{old} is renamed in a circle: {dotted(new)} refers back to it",
                "use the current name of the setting",
            )
        if not self._secrets(path) <= self._secrets(new):
            return f"{old} is sensitive, and {dotted(new)} is not", "give both `x-sensitive: true`"
        return None

    def _unknown_step(self, path: Path) -> tuple[str, str | None] | None:
        node = self._catalog.root
        for length, step in enumerate(path):
            if not node.knows(step):
                where = f"in {dotted(path[:length])}" if length else "at the top level"
                whole = None if length else "write the whole path from the top, as `database.pool.size`"
                return f"there is no setting `{step}` {where}", did_you_mean(str(step), node.properties) or whole
            node = node.child(step)
        return None

    def _secrets(self, path: Path) -> set[Path]:
        """The sensitive settings at and below a path, relative to it."""
        start = self._catalog.root.at(path)
        return {below for below, node in places(start, self._catalog.holding_secrets) if node.sensitive}


def _put(config: Any, path: Path, value: Any) -> dict[str, Any]:
    """A copy of a configuration with one more value; unchanged parts are shared."""
    around = config if isinstance(config, dict) else {}
    return {**around, str(path[0]): _put(around.get(path[0]), path[1:], value) if len(path) > 1 else value}
