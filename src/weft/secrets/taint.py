"""Sensitive settings in templates: a tainted value can be tested for truth, and becomes text only where secrets belong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, NoReturn

from weft.base.paths import Path, dotted
from weft.base.recent import Recent
from weft.schema.node import Node


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


class Branch(dict[str, Any]):
    """A mapping of the configuration for templates: it knows its path and its schema node.

    `size` is the cost of visiting all of it, or 0 until computed. `made` keeps what is made of it, by names: it never changes, and
    many templates and targets ask for the same.
    """

    __slots__ = ("made", "node", "path", "size")

    def __init__(self, items: Iterable[tuple[str, Any]], node: Node, path: Path) -> None:
        super().__init__(items)
        self.node = node
        self.path = path
        self.size = 0
        self.made: dict[Hashable, Any] = {}

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
        self._known: defaultdict[Path, Recent[Branch]] = defaultdict(Recent)

    def of(self, node: Node, value: Any, path: Path = ()) -> Any:
        """What a template sees of the value at a path; nobody may change the value afterwards."""
        if not self._reveal and node.conceals(value):
            return Tainted(path)
        if isinstance(value, dict):
            kept = self._known[path]
            known = kept.find(value)
            return kept.keep(value, self._branch(node, value, path)) if known is None else known
        if isinstance(value, list):
            return [self.of(node.child(index), below, (*path, index)) for index, below in enumerate(value)]
        return value

    def _branch(self, node: Node, value: dict[str, Any], path: Path) -> Branch:
        items = ((key, self.of(node.child(key), below, (*path, key))) for key, below in value.items())
        return Branch(items, node, path)


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
