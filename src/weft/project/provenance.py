"""Provenance: which file gave a value, found by walking the layers again when a report asks."""

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
    """A file that says something about a setting: `path` is where in the file, `value` what stands there."""

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
        """The old name of the setting, where the file uses that."""
        written = self.source.written_at(self.path)
        return dotted(data_path(written)) if written != self.path else None

    @property
    def operator(self) -> str | None:
        """The operator by which the file says it, such as `$append`; `null` removes; None where the value is just written."""
        named = [step for step in self.path if step in OPERATORS]
        if named:
            return str(named[-1])
        if self.value is None:
            return "null"
        return f"{PATCH}: {self.value[PATCH]}" if isinstance(self.value, dict) and PATCH in self.value else None

    def as_dict(self) -> dict[str, Any]:
        """The setter as JSON data: `{layer, file, line, column, value}`, and `operator` and `old_name` where there are some."""
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
    """The paths of every scalar, and of every mapping and list that holds nothing."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not value or not isinstance(value, dict | list):
        yield path
    for step, child in below:
        yield from leaves_of(child, (*path, step))


class Items:
    """Where items of sets and map-lists stand, by what tells them apart; a report asks for thousands of one list."""

    def __init__(self) -> None:
        self._known: dict[Any, tuple[list[Any], dict[Any, int]]] = {}

    def position(self, node: Node, items: list[Any], item: Any) -> int | None:
        """The first position of an item in a list; None where it is not there."""
        key = id(items), node.list_type, tuple(node.list_keys)
        if key not in self._known:
            positions: dict[Any, int] = {}
            for position, other in enumerate(items):
                positions.setdefault(_identity(node, other), position)
            self._known[key] = items, positions  # with the list, so that no other one gets its id
        return self._known[key][1].get(_identity(node, item))


def setters(root: Node, layers: Sequence[Layer], config: Any, path: Path, known: Items | None = None) -> list[Setter]:
    """The files that set, change or remove the value at `path`, the winning one first; `known` is kept by who asks often."""
    search = _Search(root, config, path, known or Items())
    found = []
    for layer in reversed(layers):
        for source in reversed(layer.sources):
            where = search.below(source.data)
            if where is not None:
                found.append(Setter(layer.name, source, where, get(source.data, where)))
    return found


def place_of(
    root: Node, layers: Sequence[Layer], config: Any, path: Path, key: bool = False, known: Items | None = None
) -> Place | None:
    """Where a problem at `path` points: the file that set the value, else the last one that could have.

    None when no layer says anything about it or what is around it.
    """
    for length in range(len(path), 0, -1):
        found = setters(root, layers, config, path[:length], known)
        if found:
            winner = found[0]
            return locate(winner.source, winner.path, key=key or length < len(path))
    return None


class _Search:
    """One path of the merged configuration, followed through the overlays from the uppermost down.

    On the way an item of an atomic list changes its index, as upper layers put items before it.
    """

    def __init__(self, root: Node, config: Any, path: Path, items: Items) -> None:
        self._root = root
        self._items = items
        self._config = config
        self._path = path
        self._indexes = {length: step for length, step in enumerate(path) if isinstance(step, int)}
        self._sizes: dict[int, int] = {}
        self._shrunk: set[int] = set()
        """The steps into lists of which a layer takes items out: below it nobody knows the indexes."""

    def below(self, data: Any) -> Path | None:
        """The path in an overlay of what it says about the value; None when it says nothing."""
        node = self._root
        where: Path = ()
        exact = False  # inside `$value` nothing is an instruction
        for length, step in enumerate(self._path):
            if not exact:
                data, where, exact = _unwrapped(data, where)
            if isinstance(step, int):
                here = self._item(node, data, length)
                if here is None:
                    return None
                where, data = (*where, *here), get(data, here)
            elif data is None:
                return where  # this layer removed what was there
            elif isinstance(data, dict) and step in data:
                where, data = (*where, step), data[step]
            else:
                whole = exact or (isinstance(data, dict) and (data.get(PATCH) == "replace" or node.atomic_map))
                return where if whole else None
            node = node.child(step)
        return where if exact else _unwrapped(data, where)[1]

    def _item(self, node: Node, data: Any, length: int) -> Path | None:
        """Where the item at this step of the path stands in what an overlay says of the list."""
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
    """What tells the items of a list apart: their keys in a map-list, their values otherwise."""
    return (item_key(node, item) or object()) if node.list_type == "map" else canonical(item)


def _has_list(data: Any, name: str) -> bool:
    return isinstance(data, dict) and isinstance(data.get(name), list)


def _unwrapped(data: Any, where: Path) -> tuple[Any, Path, bool]:
    """What `$value` holds, with its path, and whether there was one."""
    if isinstance(data, dict) and "$value" in data:
        return data["$value"], (*where, "$value"), True
    return data, where, False
