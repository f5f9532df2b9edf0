"""When two values are the same: as JSON, and for items of lists that are identified by their keys."""

from __future__ import annotations

import json
from typing import Any

from weft.schema.node import MISSING, Node


def canonical(value: Any) -> str:
    """Equal for equal JSON values: 1 and 1.0 are the same number, 1 and true are not."""
    return json.dumps(_plain_number(value), sort_keys=True, ensure_ascii=False)


def item_key(node: Node, item: Any) -> tuple[str, ...] | None:
    """The identity of an item of a map-list; None if the item lacks one of the keys (a key's default counts)."""
    if not isinstance(item, dict):
        return None
    values = [_key_value(node, item, name) for name in node.list_keys]
    return None if any(value is MISSING for value in values) else tuple(map(canonical, values))


def _key_value(node: Node, item: dict[str, Any], name: str) -> Any:
    below = node.child(0).child(name)
    value = item.get(name, below.own_default if below.certain else below.keyword("default", MISSING))
    return value["$value"] if isinstance(value, dict) and "$value" in value else value


def _plain_number(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_number(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_plain_number(below) for below in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
