"""Whether two schemas say the same, whatever annotations and names of definitions they have."""

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
"""The keywords that decide what is valid."""


@dataclass
class Sameness:
    """One question. A pair that is met again within itself counts as the same: only a difference ends the search."""

    old: Side
    new: Side
    _assumed: set[tuple[int, int]] = field(default_factory=set)

    def holds(self, old: Schema, new: Schema) -> bool:
        """Whether a schema of the one side says the same as one of the other."""
        if (id(old), id(new)) in self._assumed:
            return True
        self._assumed.add((id(old), id(new)))
        if not isinstance(old, dict) or not isinstance(new, dict):
            return old is new
        words = DECIDING & (old.keys() | new.keys())
        if RULES not in new:  # rules that are gone allow more, and what is asked is whether anything is lost
            words -= {RULES}
        return all(word in old and word in new and self._word(word, old[word], new[word]) for word in words)

    def _word(self, word: str, old: Any, new: Any) -> bool:
        if word == "$ref":
            return self.holds(self.old.resolve(old), self.new.resolve(new))
        if word == RULES:
            return {rule["rule"] for rule in old} >= {rule["rule"] for rule in new}
        if word in keywords.PLAIN:
            return keywords.equal(word, old, new)
        return self._nested(word, old, new)

    def _nested(self, word: str, old: Any, new: Any) -> bool:
        """Whether a keyword that holds schemas (one, a list, a mapping by names) holds the same ones."""
        if isinstance(old, list):
            return isinstance(new, list) and len(old) == len(new) and all(map(self.holds, old, new))
        if word in NAMED:
            return old.keys() == new.keys() and all(self.holds(old[name], new[name]) for name in old)
        return self.holds(old, new)
