"""Provenance: which file gave a value, found by walking the layers again when a report asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from weft.load import place_in
from weft.merge import canonical, item_key
from weft.model import LIST_OPERATORS, PATCH, Layer, Source, is_operator
from weft.paths import Path, get, has
from weft.problems import Place
from weft.schema.node import MISSING, Node


@dataclass(frozen=True)
class Setter:
    """A file that says something about a setting: `path` is where in the file, `value` what stands there."""

    layer: str
    source: Source
    path: Path
    value: Any

    @property
    def place(self) -> Place:
        """File, line and column."""
        return place_in(self.source, self.path)

    def as_dict(self) -> dict[str, Any]:
        """The setter as JSON data: `{layer, file, line, column, value}`."""
        place = self.place
        return {
            "layer": self.layer,
            "file": place.file,
            "line": place.line,
            "column": place.column,
            "value": self.value,
        }


def setters(root: Node, layers: Sequence[Layer], config: Any, path: Path) -> list[Setter]:
    """The files that set, change or remove the value at `path`, the winning one first."""
    found = []
    for layer in reversed(layers):
        for source in reversed(layer.sources):
            where = _find(root, source.data, config, path)
            if where is not None:
                found.append(Setter(layer.name, source, where, get(source.data, where)))
    return found


def place_of(root: Node, layers: Sequence[Layer], config: Any, path: Path, key: bool = False) -> Place | None:
    """Where a problem at `path` points: the file that set the value, else the last one that could have.

    None when no layer says anything about it or what is around it.
    """
    for length in range(len(path), -1, -1):
        found = setters(root, layers, config, path[:length])
        if found and length:
            winner = found[0]
            return place_in(winner.source, winner.path, key=key or length < len(path))
    return None


def _find(node: Node, data: Any, config: Any, path: Path) -> Path | None:
    """The path in an overlay of what it says about `path` of the merged configuration; None when it says nothing."""
    where: Path = ()
    for length, step in enumerate(path):
        while isinstance(data, dict) and "$value" in data:
            data, where = data["$value"], (*where, "$value")
        item = get(config, path[: length + 1]) if has(config, path[: length + 1]) else MISSING
        if isinstance(step, int):
            here = _find_item(node, data, step, item)
            if here is None:
                return None
            where, data = (*where, *here), get(data, here)
        elif data is None:
            return where  # this layer removed what was there
        elif isinstance(data, dict) and step in data:
            where, data = (*where, step), data[step]
        else:
            whole = isinstance(data, dict) and (data.get(PATCH) == "replace" or node.atomic_map)
            return where if whole else None
        node = node.child(step)
    while isinstance(data, dict) and "$value" in data:
        data, where = data["$value"], (*where, "$value")
    return where


def _find_item(node: Node, data: Any, index: int, item: Any) -> Path | None:
    """Where an item of a merged list stands in what an overlay says of the list."""
    if item is MISSING:
        return None
    lists: list[tuple[Path, list[Any]]] = []
    if isinstance(data, list):
        lists = [((), data)]
    elif is_operator(data):
        lists = [((name,), data[name]) for name in LIST_OPERATORS if isinstance(data.get(name), list)]
    for prefix, items in lists:
        if node.list_type == "map":
            key = item_key(node, item)
            same = [
                position for position, other in enumerate(items) if key is not None and item_key(node, other) == key
            ]
        else:
            same = [position for position, other in enumerate(items) if canonical(other) == canonical(item)]
        if same:
            return (*prefix, index if index in same else same[0])
    if isinstance(data, list) and index < len(data) and node.list_type == "atomic":
        return (index,)  # an item that changed on the way, by a default inside it
    return None
