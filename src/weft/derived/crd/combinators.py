"""`anyOf`, `oneOf`, `not` and `if` for a structural schema: only limits, of places that the schema around them describes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from weft.schema.documents import Documents

_IGNORED: Final = frozenset(
    ("$comment", "default", "deprecated", "description", "errorMessage", "examples", "markdownDescription", "title")
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


def validations(
    documents: Documents, schema: dict[str, Any], keyword: str, outer: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """What a keyword of a schema says, as schemas for the `allOf` of the structural schema `outer`.

    Raises Untranslatable when it says more than limits.
    """

    def limits(below: Any) -> dict[str, Any]:
        return _limits(documents, below, outer, _DEEP)

    if keyword != "if":
        parts = schema[keyword]
        yield {keyword: [limits(part) for part in parts] if isinstance(parts, list) else limits(parts)}
        return
    condition = limits(schema["if"])
    if "then" in schema:
        yield {"anyOf": [{"not": condition}, limits(schema["then"])]}
    if "else" in schema:
        yield {"anyOf": [condition, limits(schema["else"])]}


def _limits(documents: Documents, schema: Any, outer: dict[str, Any], depth: int) -> dict[str, Any]:
    if schema is True:
        return {}
    if schema is False:
        return {"not": {}}
    if depth == 0:
        raise Untranslatable("it is too deep")
    result: dict[str, Any] = {}
    together: list[dict[str, Any]] = []
    for keyword, value in schema.items():
        if (
            keyword in _IGNORED
            or (keyword.startswith("x-") and keyword != "x-kubernetes-validations")
            or keyword == "$schema"
        ):
            continue
        if keyword in _LIMITS and (keyword != "required" or isinstance(value, list)):
            result[keyword] = value
        elif keyword == "const":
            result["enum"] = [value]
        elif keyword == "type":
            wanted = {value} if isinstance(value, str) else set(value)
            mine = {outer.get("type")} | ({"null"} if outer.get("nullable") else set())
            if not (mine <= wanted or (mine == {"integer"} and "number" in wanted)):
                raise Untranslatable("its alternatives are of different types")
        elif keyword == "$ref":
            together.append(_limits(documents, documents.schema(value), outer, depth - 1))
        elif keyword in ("allOf", "anyOf", "oneOf"):
            result[keyword] = [_limits(documents, part, outer, depth - 1) for part in value]
        elif keyword == "not":
            result["not"] = _limits(documents, value, outer, depth - 1)
        elif keyword == "properties":
            known = outer.get("properties", {})
            for name in value:
                if name not in known or "type" not in known[name]:
                    raise Untranslatable(f"the type of `{name}` is not known outside of it")
            result["properties"] = {
                name: _limits(documents, below, known[name], depth - 1) for name, below in value.items()
            }
        else:
            raise Untranslatable(f"`{keyword}` may not stand in it")
    if together:
        result["allOf"] = [*result.get("allOf", ()), *together]
    return result
