"""A snapshot: all settings of one revision, which never change, with secrets masked wherever they are shown."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from types import MappingProxyType
from typing import Any, NoReturn

from weft.base.paths import Path, dotted, get, has, leaves, parse_dotted
from weft.base.problems import did_you_mean
from weft.client.masked import Masked
from weft.schema.node import Node


class NoSetting(KeyError):
    """There is no setting with this path; the text proposes similar ones."""

    def __str__(self) -> str:
        return str(self.args[0])


_NOTHING: Any = object()


class Group(dict[str, Any]):
    """The settings below one path: a read-only dictionary that shows secrets masked. A copy (`dict(group)`) is an ordinary dictionary."""

    __slots__ = ("_masked", "_path")

    def __init__(self, values: Mapping[str, Any], path: Path, masked: Masked) -> None:
        super().__init__(values)
        self._path = path
        self._masked = masked

    def __repr__(self) -> str:
        return repr(self._masked(self._path, thawed(self)))

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]  # those of a dictionary show what is in it
        """The settings with their values."""
        return ItemsView(self)

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        """The values of the settings."""
        return ValuesView(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a snapshot never changes; `dict(group)` is a copy that may be changed")

    __setitem__ = __delitem__ = __ior__ = pop = popitem = clear = update = setdefault = _refuse


class Snapshot(Mapping[str, Any]):
    """The settings of one revision: `snapshot["database.pool.size"]`.

    Mappings are read-only and lists are tuples. `revision` and `digest` are those of its bundle. The settings that can be iterated are those
    below which there is no other one; groups can be asked for, too.
    """

    __slots__ = ("_known", "_settings", "digest", "files", "masked", "revision", "tree")

    def __init__(
        self,
        values: Mapping[str, Any],
        root: Node,
        digest: str,
        revision: int | None,
        files: Mapping[str, str] | None = None,
        secrets: Mapping[Path, str] | None = None,
    ) -> None:
        self.files: Mapping[str, str] = MappingProxyType(dict(files or {}))
        """The other files of the bundle, by their names."""
        self.masked = Masked(root, secrets or {})
        """How its values, and texts about them, are shown."""
        self.tree: Mapping[str, Any] = _frozen(values, (), self.masked)
        """All values, as read-only mappings and tuples."""
        self.digest = digest
        self.revision = revision
        self._known: dict[str, Any] = {}
        self._settings: tuple[str, ...] | None = None

    def __getitem__(self, path: str) -> Any:
        try:
            return self._known[path]
        except (KeyError, TypeError):
            value = self._found(path)
            self._known[path] = value
            return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._every())

    def __len__(self) -> int:
        return len(self._every())

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._value(path) is not _NOTHING

    def __repr__(self) -> str:
        return f"<Snapshot {self.revision if self.revision is not None else self.digest[:12]}: {self.tree!r}>"

    def at(self, path: Path) -> Any:
        """The value at a path of keys and indexes. Raises KeyError, IndexError or TypeError."""
        return get(self.tree, path)

    def shown(self, path: Path) -> Any:
        """The same, as plain data in which sensitive values are masked."""
        return self.masked(path, thawed(self.at(path)))

    def describes(self, path: Path) -> bool:
        """True if there is a setting or a group at a path, or the schema has one that may be set."""
        return has(self.tree, path) or self.masked.describes(path)

    def similar(self, path: str) -> str | None:
        """A hint with the setting or group whose path is most similar to one that does not exist."""
        every = self._every()
        groups = {dotted(steps[:length]) for steps in map(parse_dotted, every) for length in range(1, len(steps))}
        return did_you_mean(path, (*every, *sorted(groups)))

    def _found(self, path: str) -> Any:
        if not isinstance(path, str):
            raise TypeError(f"a setting has a text as its path, such as `database.pool.size`, and not {path!r}")
        value = self._value(path)
        if not path:
            raise NoSetting("an empty text is not the path of a setting")
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


def _frozen(value: Any, path: Path, masked: Masked) -> Any:
    if isinstance(value, dict):
        return Group({key: _frozen(below, (*path, key), masked) for key, below in value.items()}, path, masked)
    if isinstance(value, list | tuple):
        return tuple(_frozen(below, (*path, index), masked) for index, below in enumerate(value))
    return value


def thawed(value: Any) -> Any:
    """A copy as plain mappings and lists."""
    if isinstance(value, Group):
        return {key: thawed(below) for key, below in dict.items(value)}
    return [thawed(below) for below in value] if isinstance(value, tuple) else value


def _setting(path: Path) -> Path:
    """The setting of a leaf: a list is one setting."""
    return next((path[:length] for length, step in enumerate(path) if isinstance(step, int)), path)
