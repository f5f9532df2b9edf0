"""Characters that end a line in YAML 1.1 but not in YAML 1.2: libyaml reads the older YAML.

They are replaced before libyaml reads a text, and restored in its result, so lines and values are those of
YAML 1.2.
"""

from __future__ import annotations

from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode

_BREAKS: Final = "\x85\u2028\u2029"
_MEANINGLESS: Final = range(0xFDD0, 0xFDF0)
"""Characters that are permanently unassigned in Unicode."""


def replaced(text: str) -> tuple[str, dict[int, str]]:
    """The text with replacements for these characters, and the reverse mapping."""
    found = [character for character in _BREAKS if character in text]
    free = (chr(code) for code in _MEANINGLESS if chr(code) not in text) if found else ()
    pairs = list(zip(found, free, strict=False))
    changed = text.translate({ord(character): stand_in for character, stand_in in pairs}) if pairs else text
    return changed, {ord(stand_in): character for character, stand_in in pairs}


def restore(root: Node | None, characters: dict[int, str]) -> None:
    """Restore the characters in the nodes of the text."""
    stack, seen = [root] if characters else [], set[int]()
    while stack:
        node = stack.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, ScalarNode):
            node.value = node.value.translate(characters)
        elif isinstance(node, MappingNode):
            stack += [child for pair in node.value for child in pair]
        else:
            stack += node.value
