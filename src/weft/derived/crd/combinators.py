"""`anyOf`, `oneOf`, `not`, `if` and those about dependent keys: only limits, for places that the enclosing schema describes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from weft.schema.documents import Documents

_REMARKS: Final = frozenset(
    (
        "$comment",
        "$schema",
        "default",
        "deprecated",
        "description",
        "errorMessage",
        "examples",
        "markdownDescription",
        "title",
    )
)
_LIMITS: Final = frozenset(
    (
        "enum",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "required",
    )
)
_DEEP: Final = 16
DEPENDENT: Final = ("dependentRequired", "dependentSchemas", "dependencies")
"""What must hold if a key is there."""


class Untranslatable(Exception):
    """An alternative that contains more than limits; the text is the reason."""


@dataclass(frozen=True)
class _Around:
    """The structural schema around an alternative, and how many levels the alternative may still have."""

    documents: Documents
    outer: dict[str, Any]
    depth: int = _DEEP

    def limits(self, schema: Any) -> dict[str, Any]:
        """A schema with its limits only; a reference becomes a part of its `allOf`."""
        if isinstance(schema, bool):
            return {} if schema else {"not": {}}
        if self.depth == 0:
            raise Untranslatable("it is too deep")
        inside = replace(self, depth=self.depth - 1)
        result: dict[str, Any] = {}
        referred: list[dict[str, Any]] = []
        for keyword, value in schema.items():
            if keyword == "$ref":
                referred.append(inside.limits(self.documents.schema(value)))
            elif not is_remark(keyword):
                result |= inside.translated(keyword, value)
        return result | {"allOf": [*result.get("allOf", ()), *referred]} if referred else result

    def translated(self, keyword: str, value: Any) -> dict[str, Any]:
        """One keyword, translated for a structural schema."""
        if keyword in _LIMITS and (keyword != "required" or isinstance(value, list)):
            return {keyword: value}
        if keyword not in _TRANSLATIONS:
            raise Untranslatable(f"it cannot contain `{keyword}`")
        return _TRANSLATIONS[keyword](self, keyword, value)

    def constant(self, _: str, value: Any) -> dict[str, Any]:
        """`const`, which OpenAPI 3.0 does not have."""
        return {"enum": [value]}

    def types(self, _: str, value: Any) -> dict[str, Any]:
        """Nothing: an alternative must not contain a type, and need not if it allows all types of the enclosing schema."""
        allowed = {value} if isinstance(value, str) else set(value)
        stated = {self.outer.get("type")} | ({"null"} if self.outer.get("nullable") else set())
        if stated <= allowed or (stated == {"integer"} and "number" in allowed):
            return {}
        raise Untranslatable("its alternatives are of different types")

    def branches(self, keyword: str, value: Any) -> dict[str, Any]:
        """`allOf`, `anyOf` or `oneOf`."""
        return {keyword: [self.limits(branch) for branch in value]}

    def negation(self, _: str, value: Any) -> dict[str, Any]:
        """`not`."""
        return {"not": self.limits(value)}

    def properties(self, _: str, value: Any) -> dict[str, Any]:
        """Limits of properties, each of which the enclosing schema must describe."""
        described = self.outer.get("properties", {})
        for name in value:
            if "type" not in described.get(name, {}):
                raise Untranslatable(f"the type of `{name}` is not known outside of it")
        return {"properties": {name: replace(self, outer=described[name]).limits(part) for name, part in value.items()}}


_TRANSLATIONS: Final[dict[str, Callable[[_Around, str, Any], dict[str, Any]]]] = {
    "allOf": _Around.branches,
    "anyOf": _Around.branches,
    "const": _Around.constant,
    "not": _Around.negation,
    "oneOf": _Around.branches,
    "properties": _Around.properties,
    "type": _Around.types,
}


def is_remark(keyword: str) -> bool:
    """True if a keyword has no effect on validity; rules have one, although their name starts like an annotation."""
    return keyword in _REMARKS or (keyword.startswith("x-") and keyword != "x-kubernetes-validations")


def validations(
    documents: Documents, schema: dict[str, Any], keyword: str, outer: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """The limits of a keyword, as schemas for the `allOf` of the structural schema `outer`.

    Raises Untranslatable if it contains more than limits.
    """
    around = _Around(documents, outer)
    if keyword in DEPENDENT:
        yield from _dependent(around, schema[keyword])
    elif keyword == "if":
        yield from _conditional(around, schema)
    else:
        parts = schema[keyword]
        yield {keyword: [around.limits(part) for part in parts] if isinstance(parts, list) else around.limits(parts)}


def _dependent(around: _Around, stated: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What must hold if a key is there: "with A there must be B" is the same as "not A, or B"."""
    for name, needed in stated.items():
        limits = {"required": needed} if isinstance(needed, list) else around.limits(needed)
        if limits and limits != {"required": []}:
            yield {"anyOf": [{"not": {"required": [name]}}, limits]}


def _conditional(around: _Around, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """There is no `if`: "if A then B" is the same as "not A, or B", and `else` is "A or B"."""
    condition = around.limits(schema["if"])
    if "then" in schema:
        yield {"anyOf": [{"not": condition}, around.limits(schema["then"])]}
    if "else" in schema:
        yield {"anyOf": [condition, around.limits(schema["else"])]}
