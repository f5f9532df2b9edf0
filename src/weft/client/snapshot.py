"""A snapshot: all settings of one revision, which never change, with secrets masked wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from weft.base.paths import Path, dotted, get, leaves, parse_dotted
from weft.base.problems import did_you_mean
from weft.schema.node import Node
from weft.secrets.masking import mask


class NoSetting(KeyError):
    """There is no setting with this path; the text proposes similar ones."""

    def __str__(self) -> str:
        return str(self.args[0])


_NOTHING: Any = object()


class Snapshot(Mapping[str, Any]):
    """The settings of one revision: `snapshot["database.pool.size"]`.

    Mappings are read-only and lists are tuples. `revision` and `digest` are those of its bundle. The settings that can be iterated are those
    below which there is no other one; groups can be asked for, too.
    """

    __slots__ = ("_known", "_root", "_settings", "digest", "files", "revision", "tree")

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
        self._settings: tuple[str, ...] | None = None

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
        return isinstance(path, str) and self._value(path) is not _NOTHING

    def __repr__(self) -> str:
        return f"<Snapshot {self.revision if self.revision is not None else self.digest[:12]}: {mask(self._root, thawed(self.tree))}>"

    def at(self, path: Path) -> Any:
        """The value at a path of keys and indexes. Raises KeyError, IndexError or TypeError."""
        return get(self.tree, path)

    def shown(self, path: Path) -> Any:
        """The same, as plain data in which sensitive values are masked."""
        return mask(self._root.at(path), thawed(self.at(path)))

    def _find(self, path: str) -> Any:
        value = self._value(path)
        if value is _NOTHING:
            hint = did_you_mean(path, self._every())
            raise NoSetting(f"there is no setting {path}" + (f": {hint}" if hint else ""))
        return value

    def _value(self, path: str) -> Any:
        try:
            return self.at(parse_dotted(path))
        except (LookupError, TypeError, ValueError):
            return _NOTHING

    def _every(self) -> tuple[str, ...]:
        if self._settings is None:
            self._settings = tuple(dict.fromkeys(dotted(_setting(path)) for path, _ in leaves(thawed(self.tree))))
        return self._settings


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


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return MappingProxyType({key: _frozen(below) for key, below in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def thawed(value: Any) -> Any:
    """A copy as plain mappings and lists."""
    if isinstance(value, MappingProxyType):
        return {key: thawed(below) for key, below in value.items()}
    return [thawed(below) for below in value] if isinstance(value, tuple) else value


def _setting(path: Path) -> Path:
    """The setting of a leaf: a list is one setting."""
    return next((path[:length] for length, step in enumerate(path) if isinstance(step, int)), path)
