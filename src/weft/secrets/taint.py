"""Sensitive settings in templates: a tainted value can be tested for truth, and becomes text only where secrets belong."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn

from weft.base.paths import Path, dotted
from weft.base.recent import Recent
from weft.schema.node import Node

_PLAIN: Final = frozenset((str, int, bool, float, type(None)))
_MANY_STEPS: Final = 1000


class TaintError(Exception):
    """A sensitive setting was about to become text in an output that is not declared to contain secrets."""

    def __init__(self, path: Path) -> None:
        super().__init__(dotted(path))
        self.path = path


class Tainted:
    """A sensitive value in a template of an ordinary output: it can be tested for truth, and used for nothing else."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TaintError(self._path)

    def __bool__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise TaintError(self._path)

    __repr__ = __str__ = __format__ = __html__ = __len__ = __iter__ = __contains__ = __getitem__ = _refuse
    __sub__ = __rsub__ = __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _refuse
    __pow__ = __rpow__ = __neg__ = __pos__ = __abs__ = __round__ = __int__ = __float__ = __index__ = __complex__ = (
        _refuse
    )
    __add__ = __radd__ = __mul__ = __rmul__ = __mod__ = __rmod__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = (
        __ge__
    ) = __hash__ = _refuse


class Lasting(dict[str, Any]):
    """A mapping for templates that never changes, so that many of them and many targets can share it.

    `size` is the cost of visiting all of it, or 0 until computed. `made` keeps what is made of it, by names.
    """

    __slots__ = ("made", "size")

    def __init__(self, items: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        super().__init__(items)
        self.size = 0
        self.made: dict[Hashable, Any] = {}


class Branch(Lasting):
    """A mapping of the configuration for templates: it knows its path and its schema node."""

    __slots__ = ("node", "path")

    def __init__(self, items: Mapping[str, Any] | Iterable[tuple[str, Any]], node: Node, path: Path) -> None:
        super().__init__(items)
        self.node = node
        self.path = path

    def public(self) -> Branch:
        """A copy without the sensitive settings."""
        if "public" not in self.made:
            self.made["public"] = self._without_secrets()
        copy: Branch = self.made["public"]
        return copy

    def _without_secrets(self) -> Branch:
        inside = ((key, self.node.child(key), value) for key, value in dict.items(self))
        copy = self._like((key, _public(node, value)) for key, node, value in inside if _is_public(node, value))
        copy.size = self.size  # at most
        return copy

    def _like(self, items: Iterable[tuple[str, Any]]) -> Branch:
        return Branch(items, self.node, self.path)


class _Noting(Branch):
    """A branch that notes in `read` which of its values are read, however that happens.

    Python copies and compares ordinary dictionaries without calling any method; a mapping with its own `__iter__` is read item by item.
    """

    __slots__ = ("read",)

    def __init__(self, items: Iterable[tuple[str, Any]], node: Node, path: Path, read: set[Path]) -> None:
        super().__init__(items, node, path)
        self.read = read

    def _like(self, items: Iterable[tuple[str, Any]]) -> Branch:
        return _Noting(items, self.node, self.path, self.read)

    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        self._note(value, (*self.path, key))
        return value

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401 - that would call itself

    def items(self) -> Any:
        self._note_all()
        return super().items()

    def values(self) -> Any:
        self._note_all()
        return super().values()

    def copy(self) -> dict[str, Any]:
        return dict(self)

    def __eq__(self, other: object) -> bool:
        self._note_all()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def __or__(self, other: Any) -> Any:
        return dict(self) | other

    def __ror__(self, other: Any) -> Any:
        return other | dict(self)

    def _note_all(self) -> None:
        for key, value in super().items():
            self._note(value, (*self.path, key))

    def _note(self, value: Any, path: Path) -> None:
        """Note a value that was read; a mapping inside of it notes itself."""
        if isinstance(value, list) and value:
            for index, item in enumerate(value):
                self._note(item, (*path, index))
        elif not isinstance(value, Branch) or not value:
            self.read.add(path)


class Views:
    """Configurations for templates: mappings are `Branch`es, and sensitive values are `Tainted` unless `reveal`.

    The same mapping at the same path gives the same branch, so that targets share what they have in common.
    """

    def __init__(self, *, reveal: bool) -> None:
        self._reveal = reveal
        self._roots: dict[Node, _Place] = {}

    def of(self, node: Node, value: Any) -> Any:
        """What a template sees of a configuration; nobody may change the value afterwards."""
        if node not in self._roots:
            self._roots[node] = _Place(node, (), reveal=self._reveal)
        return self._roots[node].seen(value)


class _Place:
    """A place of a configuration, and what templates see there: the branches of the last few mappings."""

    __slots__ = ("_below", "_branches", "_node", "_open", "_path", "_reveal")

    def __init__(self, node: Node, path: Path, *, reveal: bool) -> None:
        self._node = node
        self._path = path
        self._reveal = reveal
        self._open: Container[str] = node.properties if reveal else node.open_names
        self._branches: Recent[Branch] = Recent()
        self._below: dict[str | int, _Place] = {}

    def seen(self, value: Any) -> Any:
        """What a template sees of a value here."""
        if not self._reveal and self._node.conceals(value):
            return Tainted(self._path)
        if isinstance(value, dict):
            known = self._branches.find(value)
            return self._branches.keep(value, self._branch(value)) if known is None else known
        if isinstance(value, list):
            return [self._at(index).seen(below) for index, below in enumerate(value)]
        return value

    def _branch(self, value: dict[str, Any]) -> Branch:
        branch = Branch(value, self._node, self._path)
        for key, below in value.items():
            if type(below) not in _PLAIN or key not in self._open:
                branch[key] = self._at(key).seen(below)
        return branch

    def _at(self, step: str | int) -> _Place:
        place = self._below.get(step)
        if place is None:
            if len(self._below) >= _MANY_STEPS:  # free keys, which may be others in each target
                self._below.clear()
            path = (*self._path, step)
            place = self._below[step] = _Place(self._node.child(step), path, reveal=self._reveal)
        return place


def noting(value: Any, read: set[Path]) -> Any:
    """A copy of what a template sees that adds the paths of the values that the template reads to `read`."""
    if isinstance(value, Branch):
        items = [(key, noting(below, read)) for key, below in dict.items(value)]
        copy = _Noting(items, value.node, value.path, read)
        copy.size = value.size
        return copy
    return [noting(item, read) for item in value] if isinstance(value, list) else value


def _public(node: Node, value: Any) -> Any:
    if isinstance(value, Branch):
        return value.public()
    if not isinstance(value, list):
        return value
    items = [(node.child(index), below) for index, below in enumerate(value)]
    return [_public(item, below) for item, below in items if _is_public(item, below)]


def _is_public(node: Node, value: Any) -> bool:
    """True if a value is not sensitive as a whole; where secrets are revealed, only the node says so."""
    return not isinstance(value, Tainted) and not node.hidden


def public(node: Node, value: Any) -> Any:
    """A copy of a configuration without its sensitive settings."""
    branch = Views(reveal=False).of(node, value)
    return None if isinstance(branch, Tainted) else _public(node, branch)
