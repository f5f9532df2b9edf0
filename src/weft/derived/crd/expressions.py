"""Rules for keywords that a structural schema does not have."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
    patterns = [*dict.fromkeys(each_of(keys.certain, "pattern"))]
    matching = _matches(patterns)
    if matching is None or not _are_about_texts(keys):
        return None
    tests = [*_sizes(strictest(keys.certain)), *matching]
    tests += [f"key in [{', '.join(map(_text, names))}]" for names in _listed(keys)]
    if not tests:
        return {}
    shown = f": keys match `{patterns[0]}`" if patterns else ""
    return {"rule": f"self.all(key, {' && '.join(tests)})", "message": f"a key is not allowed{shown}"}


def unique_rule() -> dict[str, Any]:
    """A rule that no item of a list equals another."""
    return {"rule": "self.all(one, self.exists_one(other, other == one))", "message": "an item is there twice"}


def _are_about_texts(keys: Node) -> bool:
    """True if the schemas have no keyword that an expression about a text cannot express."""
    return all(is_remark(word) or word in _ABOUT_TEXTS for schema in keys.certain for word in schema)


def _matches(patterns: list[str]) -> list[str] | None:
    """Expressions that a key matches patterns; None if Go has no spelling for one."""
    spellings = [for_go(pattern) for pattern in patterns]
    known = [spelling for spelling in spellings if spelling is not None]
    return [f"key.matches({_text(one)})" for one in known] if len(known) == len(patterns) else None


def _listed(keys: Node) -> Iterator[list[str]]:
    """The only names that each schema with `const` or `enum` allows."""
    for schema in keys.certain:
        if schema.keys() & {"const", "enum"}:
            values = [schema["const"]] if "const" in schema else schema["enum"]
            yield [name for name in values if isinstance(name, str)]


def _sizes(limits: dict[str, Any]) -> list[str]:
    signs = {"minLength": ">=", "maxLength": "<="}
    return [f"key.size() {sign} {limits[keyword]}" for keyword, sign in signs.items() if keyword in limits]


def _text(text: str) -> str:
    """A text as an expression writes it."""
    return json.dumps(text, ensure_ascii=False)
