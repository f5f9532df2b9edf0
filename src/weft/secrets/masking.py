"""Masking: the parts of a configuration that may be shown to anyone.

Code that prints a configuration, a part of one, or a value of an overlay uses a masked copy: `weft config`, `explain`, `diff`, and the
messages of problems. References stay, because they only say where a secret is kept. `***` replaces every other value that is a secret,
or that may be one in a wrong place (`Node.conceals`), and the same value anywhere else: an alias may give a secret to settings that
are not sensitive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from weft.base.overlay import OPERATORS, PATCH, PATCHES
from weft.base.paths import leaves
from weft.schema.node import MISSING, Node
from weft.secrets.references import is_reference

MASK: Final = "***"
_LINE: Final = re.compile(
    r"""(?<![\w.$-])([\w.$-]{1,100})(?:["']\s{0,9}:|\s{0,9}:(?=\s))\s{0,999}(?!["']?ref\+)["']?\S"""
)
"""A name and its value, as lines of YAML and JSON have them; a reference may be shown."""
_MANY: Final = 500
"""A text with more names is hidden without a look at each of them."""
LONG: Final = 6
"""The minimum length of a secret for comparing other values with it: `1` is the value of many settings."""


class Mask:
    """The mask for one configuration, from these overlays or already merged."""

    def __init__(self, root: Node, data: Iterable[Any]) -> None:
        self._secrets = frozenset(text for one in data for text in _secrets(root, one) if len(text) >= LONG)

    def __call__(self, node: Node, value: Any) -> Any:
        """A copy of the value at a node, in the configuration or in an overlay, that may be shown to anyone."""
        if value is MISSING:
            return value
        if self.hides(node, value):
            return MASK
        if isinstance(value, dict):
            return {key: self._below(node, key, below) for key, below in value.items()}
        if isinstance(value, list):
            return [self(node.child(index), below) for index, below in enumerate(value)]
        return value

    def hides(self, node: Node, value: Any) -> bool:
        """True if a value is hidden as a whole."""
        return is_concealed(node, value) or (not isinstance(value, dict | list) and str(value) in self._secrets)

    def _below(self, node: Node, key: str, value: Any) -> Any:
        return value if is_instruction(key, value) else self(below(node, key), value)


def mask(node: Node, value: Any) -> Any:
    """A masked copy of a value without the rest of its configuration."""
    return Mask(node, [value])(node, value)


def is_concealed(node: Node, value: Any) -> bool:
    """True if a value is a secret in plain text, or may be one or contain one."""
    return (node.conceals(value) and not is_reference(value)) or _has_swallowed_one(node, value)


def _has_swallowed_one(node: Node, value: Any) -> bool:
    """True if a text contains the line of a secret: its quotation mark was forgotten, and the next one is far below."""
    if not isinstance(value, str) or not node.catalog.holding_secrets:
        return False
    names = set(_LINE.findall(value))
    return len(names) > _MANY or any(node.catalog.secret_names.resemble(name) for name in names)


def below(node: Node, key: str) -> Node:
    """The node of a key of an overlay; operators are not steps of the path."""
    return node if key in OPERATORS else node.child(key)


def is_instruction(key: str, value: Any) -> bool:
    """True if a key of an overlay and its value are only an instruction for the merge."""
    return key == PATCH and value in PATCHES


def _secrets(node: Node, value: Any) -> Iterator[str]:
    """The texts of all secrets in plain text."""
    if is_concealed(node, value):
        yield from (str(leaf) for _, leaf in leaves(value) if leaf is not None and not isinstance(leaf, dict | list))
    elif isinstance(value, dict):
        for key, inside in value.items():
            yield from () if is_instruction(key, inside) else _secrets(below(node, key), inside)
    elif isinstance(value, list):
        for index, inside in enumerate(value):
            yield from _secrets(node.child(index), inside)
