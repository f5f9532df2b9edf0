"""A hint for a setting at the wrong level: the group that has a setting with its name."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from weft.base.paths import Path, dotted

if TYPE_CHECKING:
    from weft.schema.node import Node

_SETTINGS: Final = 20_000
"""The number of settings that are searched; a larger schema gets no such hints."""


def groups_by_name(root: Node) -> Mapping[str, list[Path]]:
    """The groups that have a setting with each name. Items of lists and keys that no schema names are not searched."""
    found: dict[str, list[Path]] = {}
    groups: deque[tuple[Path, Node, frozenset[Node]]] = deque([((), root, frozenset([root]))])
    searched = 0
    while groups:
        path, group, around = groups.popleft()
        for name in group.properties:
            searched += 1
            if searched > _SETTINGS:
                return {}
            found.setdefault(name, []).append(path)
            setting = group.child(name)
            if setting.properties and setting not in around:  # a group that contains itself is searched once
                groups.append(((*path, name), setting, around | {setting}))
    return found


def level_hint(root: Node, group: Path, name: str) -> str | None:
    """A hint if a setting `name` that `group` does not have belongs to another group, and it is clear to which."""
    groups = root.catalog.groups_by_name.get(name, ())
    meant = nearest(groups, group)
    if meant is None or group in groups:  # in the latter case another alternative allows it: the level is right
        return None
    where = f"is a setting of {dotted(meant)}" if meant else "belongs at the top level"
    return f"`{name}` {where}: check the indentation"


def nearest(paths: Sequence[Path], path: Path) -> Path | None:
    """The one of `paths` that shares the most leading steps with `path`; None if there is none, or several."""
    shared = [_shared(path, other) for other in paths]
    return paths[shared.index(max(shared))] if shared and shared.count(max(shared)) == 1 else None


def _shared(path: Path, other: Path) -> int:
    """The number of leading steps that two paths share."""
    steps = enumerate(zip(path, other, strict=False))
    return next((index for index, (one, two) in steps if one != two), min(len(path), len(other)))
