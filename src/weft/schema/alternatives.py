"""The alternative (`oneOf`, `anyOf`) that the author of a value probably intended, so a report is about that one only.

Often each alternative has a key of its own. Usually a property, the *discriminator*, chooses: each alternative fixes it by `const`
or `enum` to different values. In OpenAPI, `discriminator` names the property, and its values are the names of the alternatives'
schemas.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, cast

from weft.base.paths import Path, get, has
from weft.schema.catalog import Catalog
from weft.schema.node import Node

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_DEPTH: Final = 3
"""The maximum depth of a discriminator inside the value."""


@dataclass(frozen=True)
class Discriminator:
    """The property at `path`, and the values that choose each alternative; `required` if all of them require it."""

    path: Path
    values: dict[int, list[Any]]
    required: bool

    @property
    def every(self) -> list[Any]:
        """All values, in the order of the alternatives."""
        return [value for values in self.values.values() for value in values]

    def is_in(self, value: Any) -> bool:
        """True if a value has a discriminator."""
        return has(value, self.path)

    def chosen(self, value: Any) -> int | None:
        """The index of the alternative that a value has chosen, if there is one."""
        if not self.is_in(value):
            return None
        given = get(value, self.path)
        return next((index for index, values in self.values.items() if _among(given, values)), None)


def discriminator(catalog: Catalog, error: ValidationError) -> Discriminator | None:
    """The discriminator of the alternatives for a mapping that fits none of them; None if there is none."""
    nodes = _nodes(catalog, error)
    if len(nodes) < 2:
        return None
    stated = error.schema.get("discriminator") if isinstance(error.schema, dict) else None
    return next(_fixed(nodes, ()), None) or _of_openapi(stated, _branches(error), nodes)


def own_keys(catalog: Catalog, error: ValidationError) -> dict[int, list[str]]:
    """The keys that choose an alternative: required by one, and unknown to the others.

    Empty unless every alternative has one.
    """
    nodes = _nodes(catalog, error)
    found = {}
    for index, node in nodes.items():
        elsewhere = set().union(*(other.properties for place, other in nodes.items() if place != index))
        required = (name for schema in node.certain for name in schema.get("required", ()))
        found[index] = [name for name in required if name not in elsewhere]
    return found if len(found) > 1 and all(found.values()) else {}


def unknown_to_all(catalog: Catalog, error: ValidationError) -> tuple[str, ...]:
    """The keys of a mapping that no alternative allows."""
    nodes = _nodes(catalog, error).values()
    instance: Any = error.instance
    return tuple(name for name in instance if not any(node.knows(name) for node in nodes))


def _branches(error: ValidationError) -> list[Any]:
    branches: Any = error.validator_value
    return list(branches)


def _nodes(catalog: Catalog, error: ValidationError) -> dict[int, Node]:
    """The alternatives that can be mappings, by their indexes; empty if the value is not a mapping."""
    if not isinstance(error.instance, dict):
        return {}
    nodes = {index: catalog.node([branch], [branch]) for index, branch in enumerate(_branches(error))}
    return {index: node for index, node in nodes.items() if "object" in node.certain_types}


def best_branch(catalog: Catalog, error: ValidationError) -> list[ValidationError]:
    """The errors of the most likely alternative: it has the right type, the fixed values of the value, and the deepest errors.

    Where an alternative has all keys of a mapping, and only something inside of it is wrong, the value looks most like that one.
    Of several that are equally deep, it is the one with the fewest. An empty list when no alternative stands out, because all of them expect another type.
    """
    branches = by_branch(error)
    named = [errors for index, errors in branches.items() if _is_named(catalog, error, index)]
    best = min(named or branches.values(), key=_misses, default=[])
    only_required = not named and all(_is_itself(below, "required") for below in chain(*branches.values()))
    only_fixed = len(best) == 1 and _is_itself(best[0], "const", "enum")
    return [] if _is_of_another_type(best) or only_fixed or only_required else best


def _is_itself(error: ValidationError, *keywords: str) -> bool:
    """True if a value itself, and not something inside of it, breaks one of these keywords."""
    return error.validator in keywords and not error.relative_path


def _is_named(catalog: Catalog, error: ValidationError, index: Any) -> bool:
    """Whether a mapping has a value that an alternative fixes a property to, and none that it does not allow there."""
    node, instance = _nodes(catalog, error).get(index), cast(dict[str, Any], error.instance)
    if node is None:
        return False
    fixed = {name: _values(node.child(name)) for name in node.properties if name in instance}
    said = [_among(instance[name], values) for name, values in fixed.items() if values]
    return bool(said) and all(said)


def _misses(errors: list[ValidationError]) -> tuple[bool, bool, bool, int, int]:
    """How far a value is from an alternative that has these errors; the least is the nearest."""
    fixed = any(below.validator in ("const", "enum") and len(below.relative_path) <= 1 for below in errors)
    # a mapping where a text belongs says more than a wrong value
    unlike = any(below.validator == "type" and isinstance(below.instance, dict | list) for below in errors)
    return _is_of_another_type(errors), fixed, unlike, -min(map(_depth, errors)), len(errors)


def _is_of_another_type(errors: list[ValidationError]) -> bool:
    return any(_is_itself(below, "type") for below in errors)


def _depth(error: ValidationError) -> int:
    """The depth of an error in the value of an alternative; in nested alternatives, that of the nearest one."""
    below = min(by_branch(error).values(), key=_misses, default=[])
    inside = 0 if not below or _is_of_another_type(below) else min(map(_depth, below))
    return len(error.relative_path) + inside


def by_branch(error: ValidationError) -> dict[Any, list[ValidationError]]:
    """The errors of each alternative, by its index; those of `false` have no index, and say nothing about a value."""
    branches: dict[Any, list[ValidationError]] = {}
    for below in error.context or ():
        if below.relative_schema_path:
            branches.setdefault(below.relative_schema_path[0], []).append(below)
    return branches


def _fixed(nodes: dict[int, Node], path: Path) -> Iterator[Discriminator]:
    """The properties that every alternative fixes, to values that no other one has; the outermost come first."""
    children = _shared_children(nodes)
    for name, below in children.items():
        values = {index: _values(child) for index, child in below.items()}
        if all(values.values()) and _are_apart(values.values()):
            yield Discriminator((*path, name), values, all(_requires(node, name) for node in nodes.values()))
    if len(path) < _DEPTH:
        for name, below in children.items():
            yield from _fixed(below, (*path, name))


def _shared_children(nodes: dict[int, Node]) -> dict[str, dict[int, Node]]:
    """The properties that all alternatives have, each with its node in every alternative."""
    first, *others = nodes.values()
    shared = [name for name in first.properties if all(name in other.properties for other in others)]
    return {name: {index: node.child(name) for index, node in nodes.items()} for name in shared}


def _are_apart(lists: Iterable[list[Any]]) -> bool:
    """True if no value is in several of the lists, or twice in one."""
    every = list(chain(*lists))
    return not any(_among(value, every[:position]) for position, value in enumerate(every))


def _values(node: Node) -> list[Any]:
    """The values to which a place is fixed, by schemas that always apply, or else by its own alternatives."""
    for schemas in (node.certain, node.possible):
        stated = [
            schema["enum"] if "enum" in schema else [schema["const"]] for schema in schemas if _FIXING & schema.keys()
        ]
        if stated:
            return [value for values in stated for value in values]
    return []


_FIXING: Final = {"const", "enum"}


def _requires(node: Node, name: str) -> bool:
    return any(name in schema.get("required", ()) for schema in node.certain)


def _of_openapi(stated: Any, branches: Sequence[Any], nodes: dict[int, Node]) -> Discriminator | None:
    """The discriminator of OpenAPI: `mapping` names schemas by value, and without it a schema's own name is the value."""
    name = stated.get("propertyName") if isinstance(stated, dict) else None
    if not isinstance(name, str):
        return None
    mapping = stated.get("mapping")
    named = {value: _name(ref) for value, ref in mapping.items()} if isinstance(mapping, dict) else {}
    values = {index: _naming(branches[index], named) for index in nodes}
    required = all(_requires(node, name) for node in nodes.values())
    return Discriminator((name,), values, required) if all(values.values()) else None


def _naming(branch: Any, named: Mapping[Any, str]) -> list[Any]:
    """The values that choose an alternative of OpenAPI: those that are mapped to its schema, or else the name of the schema."""
    own = _name(branch.get("$ref", "")) if isinstance(branch, dict) else ""
    mapped = [value for value, name in named.items() if name == own]
    return list(filter(None, mapped or [own]))


def _name(ref: Any) -> str:
    """The last part of a reference: `Cat` of `#/components/schemas/Cat` and of `Cat`."""
    return str(ref).rpartition("/")[2].rpartition("#")[2]


def _among(value: Any, values: Sequence[Any]) -> bool:
    return any(type(value) is type(other) and value == other for other in values)
