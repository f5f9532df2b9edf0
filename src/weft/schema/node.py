"""What the schema says about one place of a configuration, whatever road of `$ref` and `allOf` leads there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Final

from weft.base.problems import Problem, did_you_mean
from weft.schema.acceptance import Acceptance
from weft.schema.documents import Documents
from weft.schema.renames import Renames
from weft.schema.types import ANY_TYPE, AcceptedTypes, named
from weft.schema.walk import in_place, item_schemas, property_schemas, subschemas


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final[Any] = _Missing()
"""Stands for 'no value', where None is a value."""


class Node:
    """A place in the configuration, seen through every schema that speaks of it.

    `certain` schemas always apply; `possible` ones also come from `anyOf`, `oneOf`, `then`, `else` and the like. Nodes are
    made once per set of schemas, so a schema that contains itself gives a finite set of nodes.
    """

    def __init__(
        self, catalog: Catalog, certain: tuple[dict[str, Any], ...], possible: tuple[dict[str, Any], ...]
    ) -> None:
        self.catalog = catalog
        self.certain = certain
        self.possible = possible
        self._children: dict[str | int, Node] = {}

    def keyword(self, name: str, default: Any = None) -> Any:
        """The value of a keyword in the first schema that has it, the certain ones first."""
        return next((schema[name] for schema in (*self.certain, *self.possible) if name in schema), default)

    def child(self, step: str | int) -> Node:
        """The node of a property or of a list item; a place that no schema describes has a node without schemas."""
        node = self._children.get(step)
        if node is None:
            find = property_schemas if isinstance(step, str) else item_schemas
            certain = [found for schema in self.certain for found in find(schema, step)]
            possible = [found for schema in self.possible for found in find(schema, step)]
            if isinstance(step, int):
                possible += self.catalog.secrets_under("contains", (*self.certain, *self.possible))
            node = self._children[step] = self.catalog.node(certain, possible)
        return node

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
        if node.certain or node.possible:
            return True
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
    def sensitive(self) -> bool:
        """Whether the value is a secret; what lies inside a sensitive value is sensitive too."""
        return any(schema.get("x-sensitive") is True for schema in (*self.certain, *self.possible))

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

    def fill(self, value: Any, *, cautious: bool = False) -> Any:
        """`value` with all defaults that it leaves open, properties in the schema's order; the input is not changed.

        With `cautious`, a default that would make a valid mapping invalid (one of two keys that exclude each other) is
        left out; that costs a validation for every mapping.
        """
        if isinstance(value, list):
            return [self.child(index).fill(item, cautious=cautious) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return self._whole(value) if isinstance(value, float) else value
        filled = {}
        for name in self.properties:
            below = self.child(name).fill(value[name], cautious=cautious) if name in value else self.child(name).default
            if below is not MISSING:
                filled[name] = below
        for name in value:
            if name not in filled:
                filled[name] = self.child(name).fill(value[name], cautious=cautious)
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


class Catalog:
    """All nodes of one set of schema documents; `root` is the whole configuration."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.acceptance = Acceptance(documents)
        self._nodes: dict[tuple[tuple[int, ...], tuple[int, ...]], Node] = {}
        self._open: set[Node] = set()
        self.types = AcceptedTypes(documents.schema)
        self.root = self.node([documents.joined[documents.root]], [documents.joined[documents.root]])

    def node(self, certain: list[Any], possible: list[Any]) -> Node:
        """The node where these schemas apply."""
        sure = self._expand(certain, certain_only=True)
        rest = [
            schema
            for schema in self._expand([*certain, *possible], certain_only=False)
            if not any(schema is known for known in sure)
        ]
        key = (tuple(map(id, sure)), tuple(map(id, rest)))
        if key not in self._nodes:
            self._nodes[key] = Node(self, tuple(sure), tuple(rest))
        return self._nodes[key]

    def alternatives(self, node: Node) -> list[dict[str, Any]]:
        """The schemas that perhaps apply to a node, less those that stand inside of others which apply to it."""
        inside = {id(schema) for schema in self._expand([*node.certain], certain_only=False)}
        outside = [schema for schema in node.possible if id(schema) not in inside]
        for schema in outside:
            inside.update(id(below) for below in self._expand([schema], certain_only=False) if below is not schema)
        return [schema for schema in outside if id(schema) not in inside] or outside

    def default(self, node: Node) -> Any:
        """See `Node.default`; an object that contains itself is not made from defaults, as that would never end."""
        if node.renamed_to is not None:
            return MISSING  # the new name says what holds
        written = node.own_default
        if node in self._open or node.contains_itself:
            return written
        self._open.add(node)
        try:
            if written is not MISSING:
                return node.fill(written)
            value = {
                name: node.child(name).default
                for name in node.certain_properties
                if node.child(name).default is not MISSING
            }
        finally:
            self._open.discard(node)
        return value if value and node.accepts(value) else MISSING

    def valid(self, schema: dict[str, Any], value: Any) -> bool:
        """Whether one schema accepts a value."""
        return self.acceptance.accepts(schema, value)

    def bad_list_keys(self) -> Iterator[Problem]:
        """Lists whose items are told apart by a key that no item can have."""
        for schema in self.schemas_with("x-kubernetes-list-map-keys"):
            item = self.node([schema], [schema]).child(0)
            for index, key in enumerate(schema["x-kubernetes-list-map-keys"]):
                if not item.knows(key):
                    where = self.documents.location(schema, "x-kubernetes-list-map-keys", index)
                    hint = did_you_mean(key, item.properties)
                    yield Problem("schema-invalid", f"items of this list have no `{key}`", schema=where, hint=hint)

    def schemas_with(self, keyword: str) -> list[dict[str, Any]]:
        """Every schema of every document that has this keyword."""
        return [schema for schema in self.schemas() if keyword in schema]

    def reaching(self, schemas: Iterable[int]) -> set[int]:
        """The ids of all schemas from which one of `schemas` (by id) is reached, themselves included."""
        parents: dict[int, list[int]] = {}
        every = self.schemas()
        for schema in every:
            children = [child for _, child in subschemas(schema)]
            if "$ref" in schema:
                children.append(self.documents.schema(schema["$ref"]))
            for child in children:
                parents.setdefault(id(child), []).append(id(schema))
        found: set[int] = set()
        stack = list(schemas)
        while stack:
            one = stack.pop()
            if one not in found:
                found.add(one)
                stack += parents.get(one, ())
        return found

    @cached_property
    def renames(self) -> Renames:
        """The settings that have a new name."""
        return Renames(self)

    @cached_property
    def declaring(self) -> set[int]:
        """The ids of all schemas that declare an environment variable, or lead to one."""
        return self.reaching(map(id, self.schemas_with("x-env")))

    @cached_property
    def holding_secrets(self) -> set[int]:
        """The ids of all schemas that are sensitive, or lead to one that is."""
        return self.reaching(id(schema) for schema in self.schemas_with("x-sensitive") if schema["x-sensitive"] is True)

    def secrets_under(self, keyword: str, schemas: Iterable[dict[str, Any]]) -> list[Any]:
        """What these schemas say by a keyword that only tests values, where that is about secrets: it then speaks of them."""
        tests = [schema[keyword] for schema in schemas if keyword in schema]
        return [test for test in tests if id(test) in self.holding_secrets]

    def schemas(self) -> list[dict[str, Any]]:
        """Every schema of every document."""
        found = []
        stack = list(self.documents.joined.values())
        while stack:
            schema = stack.pop()
            if isinstance(schema, dict):
                found.append(schema)
                stack += [child for _, child in subschemas(schema)]
        return found

    def _expand(self, schemas: list[Any], certain_only: bool) -> list[dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        stack = [*reversed(schemas)]
        while stack:
            schema = stack.pop()
            if not isinstance(schema, dict) or id(schema) in found:
                continue
            found[id(schema)] = schema
            below = [child for child, certain in in_place(schema) if certain or not certain_only]
            if "$ref" in schema:
                below.append(self.documents.schema(schema["$ref"]))
            if "if" in schema and not certain_only:
                below += self.secrets_under("if", (schema,))
            stack += reversed(below)
        return list(found.values())
