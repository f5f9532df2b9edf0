"""What the schemas define for one place of a configuration, through any chain of `$ref` and `allOf`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from weft.base.overlay import only_instructs
from weft.base.recent import Recent
from weft.schema.filling import filled
from weft.schema.missing import MISSING as MISSING  # noqa: PLC0414 - it is handed on
from weft.schema.names import spellings
from weft.schema.secrecy import Secrecy
from weft.schema.types import ANY_TYPE, named, stated_types, type_for_schemas
from weft.schema.walk import CONTAINERS, item_schemas, property_schemas

if TYPE_CHECKING:
    from weft.schema.catalog import Catalog


_OF_OTHERS: Final = ("additionalProperties", "patternProperties", "unevaluatedProperties")
"""The keywords by which a schema speaks of keys that it does not name."""


class Node:
    """A place in the configuration, seen through every schema that describes it.

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
        self.filled: Recent[dict[str, Any]] = Recent()
        """What `fill` made of shared mappings."""

    def keyword(self, name: str, default: Any = None) -> Any:
        """The value of a keyword in the first schema that has it, the certain ones first."""
        return next((schema[name] for schema in (*self.certain, *self.possible) if name in schema), default)

    def child(self, step: str | int) -> Node:
        """The node of a property or a list item. A place that no schema describes has a node without schemas."""
        if isinstance(step, int):
            step = min(step, self._listed)
        node = self._children.get(step)
        if node is None:
            if isinstance(step, str) and self._of_free_keys is not None and step not in self._names:
                return self._of_free_keys
            node = self.stated(step)
            if not node.certain and not node.possible and self._is_a_mistake(step):
                node = self.catalog.node([], [], max(self.secrecy, Secrecy.PERHAPS))
            self._children[step] = node
        return node

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.properties)

    @cached_property
    def _of_free_keys(self) -> Node | None:
        """The node of all keys that no schema names, if some schema describes them, and describes them alike."""
        every = (*self.certain, *self.possible)
        if any(keyword in schema for schema in every for keyword in ("patternProperties", "unevaluatedProperties")):
            return None
        node = self.stated(next(name for name in map(str, range(len(self._names) + 1)) if name not in self._names))
        return node if node.certain or node.possible else None

    def stated(self, step: str | int) -> Node:
        """The same node, using only the schemas that describe it: nothing is guessed."""
        return self.catalog.node(*self.described(step), self.secrecy)

    def described(self, step: str | int) -> tuple[list[Any], list[Any]]:
        """The schemas that certainly describe the value at a step, and those that possibly do."""
        every = (*self.certain, *self.possible)
        numbers = self._speaking_of(step) if isinstance(step, str) else range(len(every))
        find = property_schemas if isinstance(step, str) else item_schemas
        certain: list[Any] = []
        possible: list[Any] = []
        for number in numbers:
            (certain if number < len(self.certain) else possible).extend(find(every[number], step))
        if isinstance(step, int):
            possible += self.catalog.secrets_under("contains", every)
        for number in numbers:
            left_over = self._unevaluated(every[number], step)
            if left_over is not None:
                (certain if number < len(self.certain) and left_over[1] else possible).append(left_over[0])
        return certain, possible

    def _speaking_of(self, name: str) -> list[int]:
        """The numbers of the schemas that describe a key, so that thousands of alternatives are not asked one by one."""
        by_name, of_others = self._named
        return sorted((*by_name.get(name, ()), *of_others))

    @cached_property
    def _named(self) -> tuple[dict[str, list[int]], list[int]]:
        """The numbers of the schemas that name a key, and of those that also speak of keys which they do not name."""
        by_name: dict[str, list[int]] = {}
        of_others = []
        for number, schema in enumerate((*self.certain, *self.possible)):
            if any(isinstance(schema.get(keyword), dict) for keyword in _OF_OTHERS):
                of_others.append(number)
            else:
                for name in schema.get("properties", ()):
                    by_name.setdefault(name, []).append(number)
        return by_name, of_others

    @cached_property
    def _listed(self) -> int:
        """How many first items have schemas of their own; all after these are described alike."""
        every = (*self.certain, *self.possible)
        lists = [schema.get(keyword) for schema in every for keyword in ("items", "prefixItems")]
        return max((len(items) for items in lists if isinstance(items, list)), default=0)

    def _unevaluated(self, schema: dict[str, Any], step: str | int) -> tuple[Any, bool] | None:
        """The subschema for a step that neither the schema nor those in its place describe, and whether it certainly applies."""
        name, find = (
            ("unevaluatedProperties", property_schemas) if isinstance(step, str) else ("unevaluatedItems", item_schemas)
        )
        if name not in schema or self.catalog.describes(schema, find, step, sure=True):
            return None
        return schema[name], not self.catalog.describes(schema, find, step, sure=False)

    def _is_a_mistake(self, step: str | int) -> bool:
        """True if a value at a step that no schema describes is unintended and may therefore be a secret.

        Either no value is allowed there, next to secrets, or its name resembles that of a secret. The keys of a free mapping may have any
        name.
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
    def named_children(self) -> tuple[tuple[str, Node], ...]:
        """The nodes of the `properties`, by name."""
        return tuple((name, self.child(name)) for name in self.properties)

    @cached_property
    def open_names(self) -> frozenset[str]:
        """The `properties` in which nothing is hidden."""
        return frozenset(name for name, child in self.named_children if not child.holds_secrets)

    @cached_property
    def open_variables(self) -> Mapping[str, str]:
        """The environment variables of those that have one, by the names of the properties."""
        return {name: child.env for name, child in self.named_children if child.env and name in self.open_names}

    @cached_property
    def certain_properties(self) -> tuple[str, ...]:
        """The `properties` of schemas that always apply."""
        return tuple(dict.fromkeys(name for schema in self.certain for name in schema.get("properties", ())))

    @cached_property
    def kind(self) -> frozenset[int]:
        """The schemas that give an object its properties, by id; a reference to an object is of the object's kind."""
        return frozenset(id(schema) for schema in self.certain if "properties" in schema)

    @cached_property
    def contains_itself(self) -> bool:
        """True if an object contains another of its own kind through properties, across any `$ref`."""
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
        """True if a value is allowed at this step: some schema describes it, or none forbids it."""
        node = self.child(step)
        return bool(node.certain or node.possible) or self._allows(step)

    def _allows(self, step: str | int) -> bool:
        """True if a value is allowed at a step that no schema describes."""
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
        if not stated:  # the alternative that applies is unknown, so they must agree
            lists = [schema for schema in self.possible if {"items", "x-kubernetes-list-type"} & schema.keys()]
            stated = list(dict.fromkeys(schema.get("x-kubernetes-list-type", "atomic") for schema in lists))
        return str(stated[0]) if len(stated) == 1 else "atomic"

    @cached_property
    def list_keys(self) -> tuple[str, ...]:
        """The keys that identify the items of a map-list."""
        return tuple(self.keyword("x-kubernetes-list-map-keys", ()))

    @cached_property
    def atomic_map(self) -> bool:
        """True if a mapping is replaced as a whole."""
        return bool(self.keyword("x-kubernetes-map-type") == "atomic")

    @cached_property
    def secrecy(self) -> Secrecy:
        """True if the value is a secret; everything inside a secret is a secret too."""
        if any(schema.get("x-sensitive") is True for schema in (*self.certain, *self.possible)):
            return Secrecy.SENSITIVE
        old = self.renamed_to is not None and self.catalog.secret_names.lead_to_one(self.renamed_to)
        return max(self._inside, Secrecy.PERHAPS if old else Secrecy.NONE)

    @property
    def sensitive(self) -> bool:
        """True if the schemas mark the value as a secret."""
        return self.secrecy is Secrecy.SENSITIVE

    @property
    def hidden(self) -> bool:
        """True if the value must not be shown: it is a secret, or may be one in a wrong place."""
        return self.secrecy is not Secrecy.NONE

    @cached_property
    def holds_secrets(self) -> bool:
        """True if the value is a secret, or may contain one."""
        holding = self.catalog.holding_secrets
        return self.hidden or any(id(schema) in holding for schema in (*self.certain, *self.possible))

    def states(self, value: Any) -> bool:
        """True if some schema explicitly allows a value of this JSON type."""
        kind = type_for_schemas(value)
        return any(
            ("type" in schema and kind in stated_types(schema)) or CONTAINERS.get(kind, frozenset()) & schema.keys()
            for schema in (*self.certain, *self.possible)
        )

    def conceals(self, value: Any) -> bool:
        """True if a value that is not a reference must not be shown, with everything inside it.

        It is hidden, or it is a plain value in place of a mapping with a secret. A mapping or a list is concealed as a whole if none is
        expected: then even its keys may be secrets.
        """
        if value is None or not self.holds_secrets:
            return False
        if isinstance(value, dict | list):
            return self.hidden and not self.states(value) and not only_instructs(value)
        return self.hidden or not self.states(value)

    @cached_property
    def renamed_to(self) -> str | None:
        """The new name of the setting, if this is its old name."""
        name = self.keyword("x-renamed-to")
        return name if isinstance(name, str) else None

    @cached_property
    def env(self) -> str | None:
        """The environment variable of the setting."""
        name = self.keyword("x-env")
        return name if isinstance(name, str) else None

    @cached_property
    def readers(self) -> tuple[str, ...]:
        """The readers that the schemas name here, for the setting and everything below it; those above are not included."""
        names = self.keyword("x-read-by", ())
        return (names,) if isinstance(names, str) else tuple(names)

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
        """The JSON types as the schema names them (`number` without `integer`); empty if it names none.

        If only alternatives describe the place, which may not apply, the types are theirs.
        """
        found = self.certain_types
        if found == ANY_TYPE:
            found = frozenset[str]().union(*map(self.catalog.types.of, self.catalog.alternatives(self))) or ANY_TYPE
        return frozenset() if found == ANY_TYPE else named(found)

    @cached_property
    def default_schema(self) -> dict[str, Any] | None:
        """The schema whose `default` applies to this place: the first that always applies."""
        return next((schema for schema in self.certain if "default" in schema), None)

    @cached_property
    def refuses_its_default(self) -> bool:
        """True if there is a `default` that the place's own schemas reject, both as written and filled in."""
        if self.default_schema is None:
            return False
        written = self.default_schema["default"]
        if self.accepts(written):
            return False
        # `default: {}` may rely on the defaults of the properties for what the schema requires
        return not isinstance(written, dict) or self.contains_itself or not self.accepts(self.fill(written))

    @property
    def own_default(self) -> Any:
        """The `default` keyword as written, or MISSING; one that its own schema rejects does not count."""
        return MISSING if self.default_schema is None or self.refuses_its_default else self.default_schema["default"]

    @property
    def place(self) -> str:
        """The location of the first schema that describes this place: `schemas/app.schema.json#/properties/port`."""
        schemas = [schema for schema in (*self.certain, *self.possible) if schema.keys() - {"$ref", "$schema"}]
        return self.catalog.documents.location(schemas[0]) if schemas else ""

    @cached_property
    def default(self) -> Any:
        """The value if no layer sets one, or MISSING.

        An object without a `default` is built from those of its properties, unless its own schema would reject the result: the defaults
        inside an optional object do not make it required.
        """
        return self.catalog.default(self)

    def fill(self, value: Any, *, cautious: bool = False, shared: bool = False) -> Any:
        """`value` with all missing defaults filled in and properties in the schema's order; the input is not changed.

        With `cautious`, a default that would make a valid mapping invalid (one of two mutually exclusive keys) is
        left out; that costs a validation for every mapping. With `shared`, the same mapping gives the same result, as
        long as nobody changes either of them.
        """
        return filled(self, value, cautious=cautious, shared=shared and not cautious)

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
        """True if every certain schema accepts a value."""
        return all(self.catalog.valid(schema, value) for schema in self.certain)
