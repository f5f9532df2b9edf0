"""What the schema says about one place of a configuration, whatever road of `$ref` and `allOf` leads there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from weft.base.overlay import only_instructs
from weft.base.recent import Recent
from weft.schema.names import spellings
from weft.schema.types import ANY_TYPE, named, stated_types, type_for_schemas
from weft.schema.walk import CONTAINERS, item_schemas, property_schemas

if TYPE_CHECKING:
    from weft.schema.catalog import Catalog


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final[Any] = _Missing()
"""Stands for 'no value', where None is a value."""


class Secrecy(IntEnum):
    """Whether what stands at a place is a secret."""

    NONE = 0
    PERHAPS = 1
    """It may be a secret whose key is misspelled, or stands a level too high or too low."""
    SENSITIVE = 2


class Node:
    """A place in the configuration, seen through every schema that speaks of it.

    `certain` schemas always apply; `possible` ones also come from `anyOf`, `oneOf`, `then`, `else` and the like. Nodes are
    made once per set of schemas, so a schema that contains itself gives a finite set of nodes.
    """

    def __init__(
        self,
        catalog: Catalog,
        certain: tuple[dict[str, Any], ...],
        possible: tuple[dict[str, Any], ...],
        inside: Secrecy,
    ) -> None:
        self.catalog = catalog
        self.certain = certain
        self.possible = possible
        self._inside = inside
        self._children: dict[str | int, Node] = {}
        self._filled: Recent[dict[str, Any]] = Recent()

    def keyword(self, name: str, default: Any = None) -> Any:
        """The value of a keyword in the first schema that has it, the certain ones first."""
        return next((schema[name] for schema in (*self.certain, *self.possible) if name in schema), default)

    def child(self, step: str | int) -> Node:
        """The node of a property or of a list item; a place that no schema describes has a node without schemas."""
        node = self._children.get(step)
        if node is None:
            node = self.stated(step)
            if not node.certain and not node.possible and self._is_a_mistake(step):
                node = self.catalog.node([], [], max(self.secrecy, Secrecy.PERHAPS))
            self._children[step] = node
        return node

    def stated(self, step: str | int) -> Node:
        """The same node, but by nothing else than the schemas that describe it: no guess is made."""
        return self.catalog.node(*self.described(step), self.secrecy)

    def described(self, step: str | int) -> tuple[list[Any], list[Any]]:
        """The schemas that certainly, and perhaps, describe the value at a step."""
        find = property_schemas if isinstance(step, str) else item_schemas
        certain = [found for schema in self.certain for found in find(schema, step)]
        possible = [found for schema in self.possible for found in find(schema, step)]
        if isinstance(step, int):
            possible += self.catalog.secrets_under("contains", (*self.certain, *self.possible))
        for schema, surely in (*((one, True) for one in self.certain), *((one, False) for one in self.possible)):
            left_over = self._unevaluated(schema, step)
            if left_over is not None:
                (certain if surely and left_over[1] else possible).append(left_over[0])
        return certain, possible

    def _unevaluated(self, schema: dict[str, Any], step: str | int) -> tuple[Any, bool] | None:
        """What a schema says of a step that neither it nor what applies in its place describes, and whether that is sure."""
        name, find = (
            ("unevaluatedProperties", property_schemas) if isinstance(step, str) else ("unevaluatedItems", item_schemas)
        )
        if name not in schema or self.catalog.describes(schema, find, step, sure=True):
            return None
        return schema[name], not self.catalog.describes(schema, find, step, sure=False)

    def _is_a_mistake(self, step: str | int) -> bool:
        """Whether nobody meant a value to stand at a step of which no schema speaks, so that it may be a secret.

        Either it may not stand there, beside secrets, or it is called like one. The keys of a free mapping are whatever people
        like.
        """
        if self.holds_secrets and not self._allows(step):
            return True
        if not isinstance(step, str):
            return False
        if self.holds_secrets and any(self.stated(other).hidden for other in spellings(step)):
            return True  # a pattern names secrets, and would name this one in another spelling
        is_free = not self.properties and self.states({})
        return not is_free and self.catalog.secret_names.resemble(step)

    def at(self, path: Sequence[str | int]) -> Node:
        """The node at a path below this one."""
        node = self
        for step in path:
            node = node.child(step)
        return node

    @cached_property
    def properties(self) -> tuple[str, ...]:
        """The names that some schema spells out, in the order of the schemas."""
        every = (*self.certain, *self.possible)
        return tuple(dict.fromkeys(name for schema in every for name in schema.get("properties", ())))

    @cached_property
    def certain_properties(self) -> tuple[str, ...]:
        """Those of the `properties` that stand in schemas which always apply."""
        return tuple(dict.fromkeys(name for schema in self.certain for name in schema.get("properties", ())))

    @cached_property
    def kind(self) -> frozenset[int]:
        """The schemas that give an object its properties, by id; a reference to an object is of the object's kind."""
        return frozenset(id(schema) for schema in self.certain if "properties" in schema)

    @cached_property
    def contains_itself(self) -> bool:
        """Whether an object leads to another of its own kind through properties, whatever `$ref` stands between."""
        seen: set[frozenset[int]] = set()
        stack: list[Node] = [self]
        while stack:
            above = stack.pop()
            for child in map(above.child, above.certain_properties):
                if child.kind and child.kind == self.kind:
                    return True
                if child.kind and child.kind not in seen:
                    seen.add(child.kind)
                    stack.append(child)
        return False

    def knows(self, step: str | int) -> bool:
        """Whether a value may stand at this step: some schema describes it, or none forbids it."""
        node = self.child(step)
        return bool(node.certain or node.possible) or self._allows(step)

    def _allows(self, step: str | int) -> bool:
        """Whether a value may stand at a step that no schema describes."""
        if isinstance(step, int):
            return "array" in self.types
        every = (*self.certain, *self.possible)
        closed = any(
            schema.get(keyword) is False
            for schema in every
            for keyword in ("additionalProperties", "unevaluatedProperties")
        )
        return not closed and ("object" in self.types or not self.types)

    @cached_property
    def list_type(self) -> str:
        """How a list merges: atomic, set or map."""
        stated = [schema["x-kubernetes-list-type"] for schema in self.certain if "x-kubernetes-list-type" in schema]
        if not stated:  # which alternative applies is not known, so they must agree
            lists = [schema for schema in self.possible if {"items", "x-kubernetes-list-type"} & schema.keys()]
            stated = list(dict.fromkeys(schema.get("x-kubernetes-list-type", "atomic") for schema in lists))
        return str(stated[0]) if len(stated) == 1 else "atomic"

    @cached_property
    def list_keys(self) -> tuple[str, ...]:
        """The keys that tell the items of a map-list apart."""
        return tuple(self.keyword("x-kubernetes-list-map-keys", ()))

    @cached_property
    def atomic_map(self) -> bool:
        """Whether a mapping is replaced as a whole."""
        return bool(self.keyword("x-kubernetes-map-type") == "atomic")

    @cached_property
    def secrecy(self) -> Secrecy:
        """Whether the value is a secret; what lies inside of one is a secret too."""
        if any(schema.get("x-sensitive") is True for schema in (*self.certain, *self.possible)):
            return Secrecy.SENSITIVE
        old = self.renamed_to is not None and self.catalog.secret_names.lead_to_one(self.renamed_to)
        return max(self._inside, Secrecy.PERHAPS if old else Secrecy.NONE)

    @property
    def sensitive(self) -> bool:
        """Whether the value is a secret by the schemas."""
        return self.secrecy is Secrecy.SENSITIVE

    @property
    def hidden(self) -> bool:
        """Whether nobody may see the value: it is a secret, or may be one that was written in a wrong place."""
        return self.secrecy is not Secrecy.NONE

    @cached_property
    def holds_secrets(self) -> bool:
        """Whether the value is a secret, or a secret may lie somewhere inside of it."""
        holding = self.catalog.holding_secrets
        return self.hidden or any(id(schema) in holding for schema in (*self.certain, *self.possible))

    def states(self, value: Any) -> bool:
        """Whether some schema says in so many words that a value of this JSON type may stand here."""
        kind = type_for_schemas(value)
        return any(
            ("type" in schema and kind in stated_types(schema)) or CONTAINERS.get(kind, frozenset()) & schema.keys()
            for schema in (*self.certain, *self.possible)
        )

    def conceals(self, value: Any) -> bool:
        """Whether a value that is no reference must be shown to nobody, with all that lies in it.

        It is hidden, or it is a plain value where a mapping with a secret belongs. A mapping or a list is concealed as a whole
        where none belongs: then even its keys may be secrets.
        """
        if value is None or not self.holds_secrets:
            return False
        if isinstance(value, dict | list):
            return self.hidden and not self.states(value) and not only_instructs(value)
        return self.hidden or not self.states(value)

    @cached_property
    def renamed_to(self) -> str | None:
        """What the setting is called now, where this is its old name."""
        name = self.keyword("x-renamed-to")
        return name if isinstance(name, str) else None

    @cached_property
    def env(self) -> str | None:
        """The environment variable of the setting."""
        name = self.keyword("x-env")
        return name if isinstance(name, str) else None

    @cached_property
    def declares_variables(self) -> bool:
        """Whether the schema gives an environment variable to the setting, or to one inside of it."""
        declaring = self.catalog.declaring
        return any(id(schema) in declaring for schema in (*self.certain, *self.possible))

    @cached_property
    def certain_types(self) -> frozenset[str]:
        """The JSON types that a valid value can have; `number` comes with `integer`."""
        return self.catalog.types.of(*self.certain)

    @cached_property
    def types(self) -> frozenset[str]:
        """The JSON types as the schema names them (`number` without `integer`); empty when it does not say.

        Of a place of which only alternatives speak, which may not apply, they are what these say.
        """
        found = self.certain_types
        if found == ANY_TYPE:
            found = frozenset[str]().union(*map(self.catalog.types.of, self.catalog.alternatives(self))) or ANY_TYPE
        return frozenset() if found == ANY_TYPE else named(found)

    @cached_property
    def default_schema(self) -> dict[str, Any] | None:
        """The schema whose `default` holds for this place: the first that always applies."""
        return next((schema for schema in self.certain if "default" in schema), None)

    @cached_property
    def refuses_its_default(self) -> bool:
        """Whether there is a `default` that the place's own schemas do not accept, neither as written nor filled in."""
        if self.default_schema is None:
            return False
        written = self.default_schema["default"]
        if self.accepts(written):
            return False
        # `default: {}` may leave to the defaults of the properties what the schema requires
        return not isinstance(written, dict) or self.contains_itself or not self.accepts(self.fill(written))

    @property
    def own_default(self) -> Any:
        """The `default` keyword as written, or MISSING; one that its own schema does not accept is no default."""
        return MISSING if self.default_schema is None or self.refuses_its_default else self.default_schema["default"]

    @property
    def place(self) -> str:
        """Where the first schema that speaks of this place stands: `schemas/app.schema.json#/properties/port`."""
        schemas = [schema for schema in (*self.certain, *self.possible) if schema.keys() - {"$ref", "$schema"}]
        return self.catalog.documents.location(schemas[0]) if schemas else ""

    @cached_property
    def default(self) -> Any:
        """What holds when no layer sets the value, or MISSING.

        An object without a `default` is made from those of its properties, unless its own schema would refuse the result:
        an optional object is not forced on anybody by the defaults inside it.
        """
        return self.catalog.default(self)

    def fill(self, value: Any, *, cautious: bool = False, shared: bool = False) -> Any:
        """`value` with all defaults that it leaves open, properties in the schema's order; the input is not changed.

        With `cautious`, a default that would make a valid mapping invalid (one of two keys that exclude each other) is
        left out; that costs a validation for every mapping. With `shared`, the same mapping gives the same result, as
        long as nobody changes either of them.
        """
        if isinstance(value, dict):
            make = partial(self._fill_mapping, cautious=cautious, shared=shared)
            return self._filled.of(value, make) if shared and not cautious else make(value)
        if isinstance(value, list):
            return [self.child(index).fill(item, cautious=cautious, shared=shared) for index, item in enumerate(value)]
        return self._whole(value) if isinstance(value, float) else value

    def _fill_mapping(self, value: dict[str, Any], *, cautious: bool, shared: bool) -> dict[str, Any]:
        filled = {}
        for name in self.properties:
            node = self.child(name)
            result = node.fill(value[name], cautious=cautious, shared=shared) if name in value else node.default
            if result is not MISSING:
                filled[name] = result
        for name, below in value.items():
            if name not in filled:
                filled[name] = self.child(name).fill(below, cautious=cautious, shared=shared)
        return self._harmless(filled, value) if cautious else filled

    def _whole(self, value: float) -> int | float:
        """`1e3` and `1.0` as the whole numbers that they are where the schema wants one, so that they are printed as such."""
        is_whole = value.is_integer() and "integer" in self.types and "number" not in self.types
        return int(value) if is_whole else value

    def _harmless(self, filled: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """What was filled in, less the defaults that make the mapping invalid."""
        if self.accepts(filled):
            return filled
        least = self._least(filled, given)
        if least is None:
            return filled
        kept = {name for name in filled if name not in given and self.accepts(least | {name: filled[name]})}
        both = {name: value for name, value in filled.items() if name in kept or name in least}
        return both if self.accepts(both) else least

    def _least(self, filled: dict[str, Any], given: dict[str, Any]) -> dict[str, Any] | None:
        """The given keys alone, filled inside unless a default further down is the one that hurts; None if neither is valid."""
        inside = {name: value for name, value in filled.items() if name in given}
        return next((candidate for candidate in (inside, dict(given)) if self.accepts(candidate)), None)

    def walk(self, value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Node, Any]]:
        """Every place of `value` with its path and node, parents first."""
        yield path, self, value
        if isinstance(value, dict):
            for name, below in value.items():
                yield from self.child(name).walk(below, (*path, name))
        elif isinstance(value, list):
            for index, below in enumerate(value):
                yield from self.child(index).walk(below, (*path, index))

    def accepts(self, value: Any) -> bool:
        """Whether every certain schema accepts a value."""
        return all(self.catalog.valid(schema, value) for schema in self.certain)
