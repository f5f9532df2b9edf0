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
    node = root
    said = node.keyword(RELOAD, LIVE)
    for step in path:
        node = node.child(step)
        said = node.keyword(RELOAD, said)
    return str(said)
