"""Provenance: the file that set a value, found by walking the layers again for a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from weft.base.overlay import LIST_OPERATORS, OPERATORS, PATCH, Layer, Source, data_path
from weft.base.paths import Path, dotted, get, has
from weft.base.problems import Place
from weft.files.locator import locate
from weft.schema.equality import canonical, item_key
from weft.schema.node import Node


@dataclass(frozen=True)
class Setter:
    """A file that affects a setting: `path` is the path in the file, `value` the value at that path."""

    layer: str
    source: Source
    path: Path
    value: Any = field(repr=False)

    @property
    def place(self) -> Place:
        """File, line and column."""
        return locate(self.source, self.path)

    @property
    def old_name(self) -> str | None:
        """The old name of the setting, if the file uses it."""
        written = self.source.written_at(self.path)
        return dotted(data_path(written)) if written != self.path else None

    @property
    def operator(self) -> str | None:
        """The operator that the file uses, such as `$append`, or `null` for a removal; None for a plain value."""
        named = [step for step in self.path if step in OPERATORS]
        if named:
            return str(named[-1])
        if self.value is None:
            return "null"
        return f"{PATCH}: {self.value[PATCH]}" if isinstance(self.value, dict) and PATCH in self.value else None

    def as_dict(self) -> dict[str, Any]:
        """The setter as JSON data: `{layer, file, line, column, value}`, and `operator` and `old_name` if present."""
        place = self.place
        data = {
            "layer": self.layer,
            "file": place.file,
            "line": place.line,
            "column": place.column,
            "value": self.value,
        }
        data |= {"operator": self.operator} if self.operator else {}
        return data | ({"old_name": self.old_name} if self.old_name else {})


def leaves_of(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of every scalar, and of every empty mapping and list."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not value or not isinstance(value, dict | list):
        yield path
    for step, child in below:
        yield from leaves_of(child, (*path, step))


class Items:
    """The positions of items of sets and map-lists, by identity; a report asks for thousands of one list."""

    def __init__(self) -> None:
        self._known: dict[Any, tuple[list[Any], dict[Any, int]]] = {}

    def position(self, node: Node, items: list[Any], item: Any) -> int | None:
        """The first position of an item in a list; None if it is missing."""
        key = id(items), node.list_type, tuple(node.list_keys)
        if key not in self._known:
            positions: dict[Any, int] = {}
            for position, other in enumerate(items):
                positions.setdefault(_identity(node, other), position)
            self._known[key] = items, positions  # with the list, so no other one gets its id
        return self._known[key][1].get(_identity(node, item))


def setters(root: Node, layers: Sequence[Layer], config: Any, path: Path, known: Items | None = None) -> list[Setter]:
    """The files that set, change or remove the value at `path`, the winning one first; pass `known` when calling repeatedly."""
    search = _Search(root, config, path, known or Items())
    found = []
    for layer in reversed(layers):
        for source in reversed(layer.sources):
            where = search.below(source.data) if search.may_be_in(source.data) else None
            if where is not None:
                found.append(Setter(layer.name, source, where, get(source.data, where)))
    return found


def place_of(
    root: Node, layers: Sequence[Layer], config: Any, path: Path, key: bool = False, known: Items | None = None
) -> Place | None:
    """The place of a problem at `path`: the file that set the value, else the last one that could have.

    None if no layer contains it or a parent of it.
    """
    for length in range(len(path), 0, -1):
        found = setters(root, layers, config, path[:length], known)
        if found:
            winner = found[0]
            return locate(winner.source, winner.path, key=key or length < len(path))
    return None


class _Search:
    """One path of the merged configuration, followed through the overlays from the uppermost down.

    The index of an item of an atomic list changes on the way, because upper layers insert items before it.
    """

    def __init__(self, root: Node, config: Any, path: Path, items: Items) -> None:
        self._root = root
        self._items = items
        self._config = config
        self._path = path
        self._indexes = {length: step for length, step in enumerate(path) if isinstance(step, int)}
        self._sizes: dict[int, int] = {}
        self._shrunk: set[int] = set()
        """The steps into lists from which a layer removes items: in lower layers, the indexes are unknown."""

    def may_be_in(self, data: Any) -> bool:
        """False if the first step shows that an overlay does not affect the value, as with most files of a layer."""
        is_plain = bool(self._path) and isinstance(data, dict) and PATCH not in data and "$value" not in data
        return not is_plain or self._path[0] in data or self._root.atomic_map

    def below(self, data: Any) -> Path | None:
        """The path of the value in an overlay; None if the overlay does not affect it."""
        node = self._root
        where: Path = ()
        exact = False  # there are no operators inside `$value`
        for length, step in enumerate(self._path):
            if not exact:
                data, where, exact = _unwrapped(data, where)
            if isinstance(step, int):
                here = self._item(node, data, length)
                if here is None:
                    return None
                where, data = (*where, *here), get(data, here)
            elif data is None:
                return where  # this layer removed the value
            elif isinstance(data, dict) and step in data:
                where, data = (*where, step), data[step]
            else:
                whole = exact or (isinstance(data, dict) and (data.get(PATCH) == "replace" or node.atomic_map))
                return where if whole else None
            node = node.child(step)
        return where if exact else _unwrapped(data, where)[1]

    def _item(self, node: Node, data: Any, length: int) -> Path | None:
        """The position of the item at this step of the path in an overlay's list."""
        path = self._path[: length + 1]
        if not has(self._config, path):
            return None
        if node.list_type == "atomic" and length not in self._shrunk:
            return self._atomic_item(data, length)
        item = get(self._config, path)
        lists = (
            {(): data}
            if isinstance(data, list)
            else {(name,): data[name] for name in LIST_OPERATORS if name != "$remove" and _has_list(data, name)}
        )
        for prefix, items in lists.items():
            position = self._items.position(node, items, item)
            if position is not None:
                return (*prefix, position)
        return None

    def _atomic_item(self, data: Any, length: int) -> Path | None:
        index = self._indexes[length]
        size = self._sizes.setdefault(length, len(get(self._config, self._path[:length])))
        whole: Path = ("$replace",) if _has_list(data, "$replace") else ()
        if whole or isinstance(data, list):
            return (*whole, index) if 0 <= index < len(get(data, whole)) else None
        before, after = (len(data[name]) if _has_list(data, name) else 0 for name in ("$prepend", "$append"))
        if _has_list(data, "$remove"):
            self._shrunk.add(length)
        self._indexes[length] -= before
        self._sizes[length] -= before + after
        if 0 <= index < before:
            return ("$prepend", index)
        return ("$append", index - size + after) if size - after <= index < size else None


def _identity(node: Node, item: Any) -> Any:
    """The identity of the items of a list: their keys in a map-list, their values otherwise."""
    return (item_key(node, item) or object()) if node.list_type == "map" else canonical(item)


def _has_list(data: Any, name: str) -> bool:
    return isinstance(data, dict) and isinstance(data.get(name), list)


def _unwrapped(data: Any, where: Path) -> tuple[Any, Path, bool]:
    """The content of `$value`, with its path, and whether there was one."""
    if isinstance(data, dict) and "$value" in data:
        return data["$value"], (*where, "$value"), True
    return data, where, False
