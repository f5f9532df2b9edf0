"""Rules for keywords that a structural schema does not have."""

from __future__ import annotations

import json
from typing import Any

from weft.derived.crd.combinators import is_remark
from weft.derived.crd.patterns import for_go
from weft.schema.limits import strictest
from weft.schema.node import Node
from weft.schema.walk import each_of

_ABOUT_TEXTS = frozenset(("$ref", "allOf", "const", "enum", "maxLength", "minLength", "pattern", "type"))


def key_rules(node: Node, names: Any) -> dict[str, Any] | None:
    """A rule that checks the names of all keys as a schema does, empty if any name will do; None if no expression can."""
    if names is True:
        return {}
    if names is False:
        return {"rule": "self.size() == 0", "message": "no keys are allowed"}
    keys = node.catalog.node([names], [names])
    if any(not is_remark(word) and word not in _ABOUT_TEXTS for schema in keys.certain for word in schema):
        return None
    tests = _sizes(strictest(keys.certain))
    patterns = [*dict.fromkeys(each_of(keys.certain, "pattern"))]
    for pattern in patterns:
        spelling = for_go(pattern)
        if spelling is None:
            return None
        tests.append(f"key.matches({_text(spelling)})")
    listed = [
        [one["const"]] if "const" in one else one["enum"] for one in keys.certain if one.keys() & {"const", "enum"}
    ]
    tests += [f"key in [{', '.join(_text(one) for one in values if isinstance(one, str))}]" for values in listed]
    if not tests:
        return {}
    shown = f": keys match `{patterns[0]}`" if patterns else ""
    return {"rule": f"self.all(key, {' && '.join(tests)})", "message": f"a key is not allowed{shown}"}


def unique_rule() -> dict[str, Any]:
    """A rule that no item of a list equals another."""
    return {"rule": "self.all(one, self.exists_one(other, other == one))", "message": "an item is there twice"}


def _sizes(limits: dict[str, Any]) -> list[str]:
    signs = {"minLength": ">=", "maxLength": "<="}
    return [f"key.size() {sign} {limits[keyword]}" for keyword, sign in signs.items() if keyword in limits]


def _text(text: str) -> str:
    """A text as an expression writes it."""
    return json.dumps(text, ensure_ascii=False)
