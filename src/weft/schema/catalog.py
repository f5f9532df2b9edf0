"""Everything that schema documents define: the nodes, and the schemas that have a keyword or refer to one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from weft.base.paths import Path
from weft.base.problems import Problem, did_you_mean
from weft.schema.acceptance import Acceptance
from weft.schema.documents import Documents
from weft.schema.levels import groups_by_name
from weft.schema.names import SecretNames
from weft.schema.node import MISSING, Node
from weft.schema.renames import Renames
from weft.schema.secrecy import Secrecy
from weft.schema.types import AcceptedTypes
from weft.schema.walk import in_place, subschemas

_Find = Callable[[dict[str, Any], Any], Iterator[Any]]


class Catalog:
    """All nodes of one set of schema documents; `root` is the whole configuration."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.acceptance = Acceptance(documents)
        self._nodes: dict[tuple[tuple[int, ...], tuple[int, ...], Secrecy], Node] = {}
        self._open: set[Node] = set()
        self._with: dict[str, tuple[dict[str, Any], ...]] = {}
        self.types = AcceptedTypes(documents.schema)
        self.root = self.node([documents.joined[documents.root]], [documents.joined[documents.root]])

    def node(self, certain: list[Any], possible: list[Any], inside: Secrecy = Secrecy.NONE) -> Node:
        """The node of these schemas, inside a value of this secrecy."""
        sure = self._expand(certain, certain_only=True)
        rest = [
            schema
            for schema in self._expand([*certain, *possible], certain_only=False)
            if not any(schema is known for known in sure)
        ]
        key = (tuple(map(id, sure)), tuple(map(id, rest)), inside)
        if key not in self._nodes:
            self._nodes[key] = Node(self, tuple(sure), tuple(rest), inside)
        return self._nodes[key]

    def alternatives(self, node: Node) -> list[dict[str, Any]]:
        """The schemas that may apply to a node, without those that others which apply already contain."""
        inside = {id(schema) for schema in self._expand([*node.certain], certain_only=False)}
        outside = [schema for schema in node.possible if id(schema) not in inside]
        for schema in outside:
            inside.update(id(below) for below in self._expand([schema], certain_only=False) if below is not schema)
        return [schema for schema in outside if id(schema) not in inside] or outside

    def default(self, node: Node) -> Any:
        """See `Node.default`; an object that contains itself is not built from defaults, because that would never end."""
        if node.renamed_to is not None:
            return MISSING  # the new name determines the value
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
        """True if one schema accepts a value."""
        return self.acceptance.accepts(schema, value)

    def bad_list_keys(self) -> Iterator[Problem]:
        """Problems for lists whose items are identified by a key that no item can have."""
        for schema in self.schemas_with("x-kubernetes-list-map-keys"):
            item = self.node([schema], [schema]).child(0)
            for index, key in enumerate(schema["x-kubernetes-list-map-keys"]):
                if not item.knows(key):
                    where = self.documents.location(schema, "x-kubernetes-list-map-keys", index)
                    hint = did_you_mean(key, item.properties)
                    yield Problem("schema-invalid", f"items of this list have no `{key}`", schema=where, hint=hint)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all settings, at any depth."""
        return frozenset(name for schema in self.schemas_with("properties") for name in schema["properties"])

    @cached_property
    def groups_by_name(self) -> Mapping[str, list[Path]]:
        """The groups that have a setting with each name."""
        return groups_by_name(self.root)

    def schemas_with(self, keyword: str) -> Sequence[dict[str, Any]]:
        """Every schema of every document that has this keyword."""
        if keyword not in self._with:
            self._with[keyword] = tuple(schema for schema in self.schemas() if keyword in schema)
        return self._with[keyword]

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
    def secret_names(self) -> SecretNames:
        """The names of sensitive settings."""
        return SecretNames(self)

    @cached_property
    def declaring(self) -> set[int]:
        """The ids of all schemas that declare an environment variable, or refer to one that does."""
        return self.reaching(map(id, self.schemas_with("x-env")))

    @cached_property
    def holding_secrets(self) -> set[int]:
        """The ids of all schemas that are sensitive, or refer to one that is."""
        return self.reaching(id(schema) for schema in self.schemas_with("x-sensitive") if schema["x-sensitive"] is True)

    def describes(self, schema: dict[str, Any], find: _Find, step: str | int, *, sure: bool) -> bool:
        """True if a schema, or one that certainly (or possibly) applies in its place, describes the value at a step."""
        return any(next(find(below, step), None) is not None for below in self._expand([schema], certain_only=sure))

    def secrets_under(self, keyword: str, schemas: Iterable[dict[str, Any]]) -> list[Any]:
        """The subschemas of a keyword that only tests values, if they concern secrets: then they describe them."""
        tests = [schema[keyword] for schema in schemas if keyword in schema]
        return [test for test in tests if id(test) in self.holding_secrets]

    def schemas(self) -> Sequence[dict[str, Any]]:
        """Every schema of every document."""
        return self.documents.every

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
