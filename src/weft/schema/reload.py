"""Whether a running program takes a new value of a setting, or keeps the old one until it is restarted: `x-reload`."""

from __future__ import annotations

from typing import Final

from weft.base.paths import Path
from weft.schema.node import Node

RELOAD: Final = "x-reload"
RESTART: Final = "restart"
LIVE: Final = "live"


def reload_of(root: Node, path: Path) -> str:
    """`live` or `restart`: what the nearest schema says, of the setting or of what is around it."""
    return stated_reload(root, path) or LIVE


def stated_reload(root: Node, path: Path) -> str | None:
    """The same, or None if no schema says it."""
    node = root
    said: str | None = node.keyword(RELOAD)
    for step in path:
        node = node.child(step)
        said = node.keyword(RELOAD, said)
    return said
