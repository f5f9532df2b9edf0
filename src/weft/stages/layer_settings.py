"""The settings of a layer: what its files set, what they remove from the layers below, and what two of them set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from weft.base.overlay import PATCH, Layer, Source, is_operator
from weft.base.paths import Path
from weft.schema.equality import item_key
from weft.schema.node import Node


def leaves(
    node: Node, data: Any, path: Path = (), identity: tuple[Any, ...] = ()
) -> Iterator[tuple[Path, tuple[Any, ...]]]:
    """The settings that one layer file sets: the path of each leaf in the file, and its identity in the configuration.

    The two differ where lists merge by item: an item's identity is its keys, not its index. An operator mapping, an
    atomic mapping and an atomic list are one leaf.
    """
    if isinstance(data, dict) and data and not node.atomic_map and not is_operator(data) and PATCH not in data:
        for key, below in data.items():
            yield from leaves(node.child(key), below, (*path, key), (*identity, key))
    elif isinstance(data, list) and node.list_type == "map":
        for index, item in enumerate(data):
            key = item_key(node, item)
            yield from leaves(node.child(index), item, (*path, index), (*identity, key or index))
    else:
        yield path, identity


def removed(lower: Any, upper: Any, path: Path = ()) -> Iterator[Path]:
    """The paths at which null in an upper layer removes values of the lower layers."""
    if not isinstance(lower, dict) or not isinstance(upper, dict):
        return
    for key, value in upper.items():
        if value is None and key in lower:
            yield (*path, key)
        elif isinstance(value, dict):
            yield from removed(lower.get(key), value, (*path, key))


def _names_its_item(node: Node, path: Path) -> bool:
    """True if a leaf is a key of a map-list's item, which every file that changes the item repeats."""
    return len(path) > 1 and isinstance(path[-2], int) and path[-1] in node.at(path[:-2]).list_keys


def set_twice(node: Node, layer: Layer) -> Iterator[tuple[Source, Path, Source, Path]]:
    """The leaves that two files of one layer both set, with no rule which should win: each file with its path."""
    owner: dict[tuple[Any, ...], tuple[Source, Path]] = {}
    inside: dict[tuple[Any, ...], tuple[Source, Path]] = {}
    for source in layer.sources:
        mine = _own_leaves(node, source)
        for identity, path in mine.items():
            above = (owner[identity[:length]] for length in range(1, len(identity) + 1) if identity[:length] in owner)
            clash = next(above, None) or inside.get(identity)
            if clash:
                yield (source, path, *clash)
        for identity, path in mine.items():
            owner.setdefault(identity, (source, path))
            for length in range(1, len(identity)):
                inside.setdefault(identity[:length], (source, path))


def _own_leaves(node: Node, source: Source) -> dict[tuple[Any, ...], Path]:
    """The leaves of a file by their identities, without the keys that only name an item."""
    return {identity: path for path, identity in leaves(node, source.data) if not _names_its_item(node, path)}
