"""Whether two schemas are equivalent, ignoring annotations and names of definitions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from weft.derived.compatibility import keywords
from weft.derived.compatibility.sides import Schema, Side
from weft.schema.walk import MANY, NAMED, ONE

RULES: Final = "x-kubernetes-validations"
DECIDING: Final = (ONE | MANY | NAMED | keywords.PLAIN | {"$ref", RULES}) - {
    "$defs",
    "additionalItems",
    "contentSchema",
    "definitions",
    "dependencies",
}
"""The keywords that determine what is valid."""


def identity(rule: Any) -> tuple[str, bool]:
    """What makes two rules the same: their expressions, and whether they also apply to new values."""
    return rule["rule"], rule.get("optionalOldSelf") is True


@dataclass
class Sameness:
    """One comparison. A pair that occurs again within itself counts as equal: only a difference ends the search."""

    old: Side
    new: Side
    _assumed: set[tuple[int, int]] = field(default_factory=set)

    def holds(self, old: Schema, new: Schema) -> bool:
        """True if a schema of one side is equivalent to one of the other side."""
        if (id(old), id(new)) in self._assumed:
            return True
        self._assumed.add((id(old), id(new)))
        if not isinstance(old, dict) or not isinstance(new, dict):
            return old is new
        words = DECIDING & (old.keys() | new.keys())
        if RULES not in new:  # removed rules allow more, and the question is whether anything is lost
            words -= {RULES}
        return all(word in old and word in new and self._word(word, old[word], new[word]) for word in words)

    def _word(self, word: str, old: Any, new: Any) -> bool:
        if word == "$ref":
            return self.holds(self.old.resolve(old), self.new.resolve(new))
        if word == RULES:
            return set(map(identity, old)) >= set(map(identity, new))
        if word in keywords.PLAIN:
            return keywords.equal(word, old, new)
        return self._nested(word, old, new)

    def _nested(self, word: str, old: Any, new: Any) -> bool:
        """True if a keyword with subschemas (one, a list, a mapping by names) has equivalent ones on both sides."""
        if isinstance(old, list):
            return isinstance(new, list) and len(old) == len(new) and all(map(self.holds, old, new))
        if word in NAMED:
            return old.keys() == new.keys() and all(self.holds(old[name], new[name]) for name in old)
        return self.holds(old, new)
