"""`anyOf`, `oneOf`, `not` and `if` for a structural schema: only limits, of places that the schema around them describes."""

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


class Untranslatable(Exception):
    """An alternative that says more than limits; the text says what."""


@dataclass(frozen=True)
class _Around:
    """The structural schema around an alternative, and how many levels the alternative may still have."""

    documents: Documents
    outer: dict[str, Any]
    depth: int = _DEEP

    def limits(self, schema: Any) -> dict[str, Any]:
        """A schema as one that only limits; a reference becomes a part of its `allOf`."""
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
            elif not _is_remark(keyword):
                result |= inside.translated(keyword, value)
        return result | {"allOf": [*result.get("allOf", ()), *referred]} if referred else result

    def translated(self, keyword: str, value: Any) -> dict[str, Any]:
        """One keyword in the words that a structural schema has for it."""
        if keyword in _LIMITS and (keyword != "required" or isinstance(value, list)):
            return {keyword: value}
        if keyword not in _TRANSLATIONS:
            raise Untranslatable(f"`{keyword}` may not stand in it")
        return _TRANSLATIONS[keyword](self, keyword, value)

    def constant(self, _: str, value: Any) -> dict[str, Any]:
        """`const`, which OpenAPI 3.0 does not have."""
        return {"enum": [value]}

    def types(self, _: str, value: Any) -> dict[str, Any]:
        """Nothing: a type may not stand in an alternative, and need not where it allows all that is allowed around it."""
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
        """Limits of properties, each of which the schema around must describe."""
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


def _is_remark(keyword: str) -> bool:
    """Whether a keyword limits nothing; rules do, though their name begins like that of an annotation."""
    return keyword in _REMARKS or (keyword.startswith("x-") and keyword != "x-kubernetes-validations")


def validations(
    documents: Documents, schema: dict[str, Any], keyword: str, outer: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """What a keyword of a schema says, as schemas for the `allOf` of the structural schema `outer`.

    Raises Untranslatable when it says more than limits.
    """
    around = _Around(documents, outer)
    if keyword != "if":
        parts = schema[keyword]
        yield {keyword: [around.limits(part) for part in parts] if isinstance(parts, list) else around.limits(parts)}
        return
    # there is no `if`: that B holds where A does is the same as `not A or B`, and `else` as `A or B`
    condition = around.limits(schema["if"])
    if "then" in schema:
        yield {"anyOf": [{"not": condition}, around.limits(schema["then"])]}
    if "else" in schema:
        yield {"anyOf": [condition, around.limits(schema["else"])]}
