"""A snapshot: all settings of one revision, which never change, with secrets masked wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from weft.base.paths import Path, parse_dotted
from weft.base.problems import did_you_mean
from weft.schema.node import Node

_MASKED: Final = "***"


class NoSetting(KeyError):
    """There is no setting with this path; the text proposes similar ones."""

    def __str__(self) -> str:
        return str(self.args[0])


class Snapshot(Mapping[str, Any]):
    """The settings of one revision: `snapshot["database.pool.size"]`.

    Mappings are read-only and lists are tuples. `revision` and `digest` are those of its bundle. The settings that can be iterated are those
    below which there is no other one; groups can be asked for, too.
    """

    __slots__ = ("_known", "_leaves", "_root", "digest", "files", "revision", "tree")

    def __init__(
        self,
        values: Mapping[str, Any],
        root: Node,
        digest: str,
        revision: int | None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self.files: Mapping[str, str] = MappingProxyType(dict(files or {}))
        """The other files of the bundle, by their names."""
        self.tree: Mapping[str, Any] = _frozen(values)
        """All values, as read-only mappings and tuples."""
        self.digest = digest
        self.revision = revision
        self._root = root
        self._known: dict[str, Any] = {}
        self._leaves: tuple[str, ...] | None = None

    def __getitem__(self, path: str) -> Any:
        try:
            return self._known[path]
        except KeyError:
            value = self._known[path] = self._find(path)
            return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._every())

    def __len__(self) -> int:
        return len(self._every())

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._has(parse_dotted(path))

    def __repr__(self) -> str:
        return f"<Snapshot {self.revision if self.revision is not None else self.digest[:12]}: {masked(self._root, self.tree)}>"

    def at(self, path: Path) -> Any:
        """The value at a path of keys and indexes. Raises LookupError."""
        value: Any = self.tree
        for step in path:
            value = value[step]
        return value

    def _find(self, path: str) -> Any:
        value: Any = self.tree
        for step in parse_dotted(path):
            if isinstance(value, tuple) and isinstance(step, int) and step < len(value):
                value = value[step]
            elif isinstance(value, Mapping) and step in value:
                value = value[str(step)]
            else:
                hint = did_you_mean(path, self._every())
                raise NoSetting(f"there is no setting {path}" + (f": {hint}" if hint else "")) from None
        return value

    def _has(self, path: Path) -> bool:
        try:
            self.at(path)
        except (LookupError, TypeError):
            return False
        return True

    def _every(self) -> tuple[str, ...]:
        if self._leaves is None:
            self._leaves = tuple(".".join(path) for path in _leaves(self.tree, ()))
        return self._leaves


def changed(old: Any, new: Any, path: Path = ()) -> Iterator[Path]:
    """The settings that differ between two frozen values; a list is one setting."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            if key not in old or key not in new:
                yield (*path, key)
            else:
                yield from changed(old[key], new[key], (*path, key))
    elif type(old) is not type(new) or old != new:
        yield path


def masked(node: Node, value: Any) -> Any:
    """A copy of a value that may be shown: without what is sensitive."""
    if node.hidden:
        return _MASKED
    if isinstance(value, Mapping):
        return {key: masked(node.child(key), below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [masked(node.child(index), below) for index, below in enumerate(value)]
    return value


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return MappingProxyType({key: _frozen(below) for key, below in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def thawed(value: Any) -> Any:
    """A copy as plain mappings and lists."""
    if isinstance(value, Mapping):
        return {key: thawed(below) for key, below in value.items()}
    return [thawed(below) for below in value] if isinstance(value, tuple) else value


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not isinstance(value, Mapping) or not value:
        yield path
        return
    for key, below in value.items():
        yield from _leaves(below, (*path, key))
