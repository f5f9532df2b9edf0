"""The values in a schema that derived files may repeat: defaults, examples and listed values that contain no plain secret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from weft.schema.node import Node
from weft.schema.protection import REFERENCE_PATTERN


def reveals(node: Node, value: Any) -> bool:
    """True if a value for a place contains a secret that is not a reference."""
    return node.holds_secrets and any(
        below.conceals(one) and not (isinstance(one, str) and re.match(REFERENCE_PATTERN, one))
        for _, below, one in node.walk(value)
    )


def published(node: Node, values: Iterable[Any]) -> list[Any]:
    """The values that contain no plain secret."""
    return [value for value in values if not reveals(node, value)]
