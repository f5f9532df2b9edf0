"""A schema as protobuf messages, so that CEL's checker knows the type of `self`.

Only properties whose names some expression mentions become fields: an expression can reach no others, and a large schema costs no
more than its rules. A schema that contains itself becomes a message that contains itself.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

from weft.rules.names import aliases
from weft.rules.shapes import Place, Shape, Shapes

if TYPE_CHECKING:
    from cel_expr_python.cel import Type

_PACKAGE: Final = "weft"
_SCALARS: Final = {"double": 1, "int": 3, "bool": 8, "string": 9, "bytes": 12}
_WRAPPERS: Final = {"double": "Double", "int": "Int64", "bool": "Bool", "string": "String", "bytes": "Bytes"}
_WELL_KNOWN: Final = {
    "timestamp": ".google.protobuf.Timestamp",
    "duration": ".google.protobuf.Duration",
    "list": ".google.protobuf.ListValue",
    "map": ".google.protobuf.Struct",
    "dyn": ".google.protobuf.Value",
}
_MESSAGE: Final = 11
_REPEATED: Final = 3
_OPTIONAL: Final = 1


class Descriptor:
    """The messages of the nodes at which expressions start, and of all nodes that they can reach.

    `names` are the identifiers that the expressions mention.
    """

    def __init__(self, shapes: Shapes, names: AbstractSet[str]) -> None:
        from google.protobuf import descriptor_pb2

        self._shapes = shapes
        self._names = names
        self._numbers: dict[Place, int] = {}
        self._nodes: list[Place] = []
        self._waiting: list[Place] = []
        self._file = descriptor_pb2.FileDescriptorProto(name="weft/schema.proto", package=_PACKAGE)
        self._file.dependency.extend(
            f"google/protobuf/{name}.proto" for name in ("struct", "wrappers", "timestamp", "duration")
        )

    def type(self, node: Place, around: tuple[Place, ...] = ()) -> Type:
        """The type of a variable with the value of a node; dynamic if a list or a map contains itself.

        `around` are the lists and maps that contain the node.
        """
        from cel_expr_python.cel import Type

        shape = self._shapes.of(node)
        if shape.kind == "message":
            return Type(f"{_PACKAGE}.{self._message(node)}")
        if shape.kind in ("list", "map"):
            known = None if node in around else shape.item
            item = Type.DYN if known is None else self.type(known, (*around, node))
            return Type.List(item) if shape.kind == "list" else Type.Map(Type.STRING, item)
        if shape.nullable and shape.kind in _WRAPPERS:
            return Type(f"google.protobuf.{_WRAPPERS[shape.kind]}Value")
        return getattr(Type, shape.kind.upper())

    def node(self, message: str) -> Place | None:
        """The node of a message, by its full name."""
        number = message.removeprefix(f"{_PACKAGE}.M")
        return self._nodes[int(number)] if number.isdecimal() else None

    def pool(self) -> Any:
        """The messages of all nodes whose types were requested."""
        from google.protobuf import descriptor_pool, duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2

        while self._waiting:
            self._describe(self._waiting.pop())
        pool = descriptor_pool.DescriptorPool()
        for known in (struct_pb2, wrappers_pb2, timestamp_pb2, duration_pb2):
            pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        pool.AddSerializedFile(self._file.SerializeToString())
        return pool

    def _message(self, node: Place) -> str:
        if node not in self._numbers:
            self._numbers[node] = len(self._nodes)
            self._nodes.append(node)
            self._waiting.append(node)
        return f"M{self._numbers[node]}"

    def _describe(self, node: Place) -> None:
        message = self._file.message_type.add(name=self._message(node))
        # two names may differ in case and underscores only, and would get the same name in JSON
        message.options.deprecated_legacy_json_field_conflicts = True
        fields = []
        pairs = [(name, alias) for name in node.properties for alias in aliases(name)]
        for number, (name, alias) in enumerate(pairs, start=1):
            if alias in self._names:
                field = message.field.add(name=alias, number=_numbered(number), json_name=str(number))
                fields.append((field, node.child(name)))
        for field, below in fields:
            self._fill(message, field, below)

    def _fill(self, message: Any, field: Any, node: Place) -> None:
        shape = self._shapes.of(node)
        if shape.kind == "list" and shape.item is not None:
            field.label = _REPEATED
            self._single(field, self._shapes.of(shape.item), shape.item)
        elif shape.kind == "map" and shape.item is not None and _entry(field.name) not in _taken(message):
            entry = message.nested_type.add(name=_entry(field.name))
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, type=_SCALARS["string"], label=_OPTIONAL)
            value = entry.field.add(name="value", number=2, label=_OPTIONAL)
            self._single(value, self._shapes.of(shape.item), shape.item)
            field.label, field.type = _REPEATED, _MESSAGE
            field.type_name = f".{_PACKAGE}.{message.name}.{entry.name}"
        else:
            field.label = _OPTIONAL
            self._single(field, shape, node)

    def _single(self, field: Any, shape: Shape, node: Place) -> None:
        if shape.kind in _SCALARS and not shape.nullable:
            field.type = _SCALARS[shape.kind]
            return
        field.type = _MESSAGE
        if shape.kind == "message":
            field.type_name = f".{_PACKAGE}.{self._message(node)}"
        elif shape.kind in _WRAPPERS:
            field.type_name = f".google.protobuf.{_WRAPPERS[shape.kind]}Value"
        else:
            field.type_name = _WELL_KNOWN[shape.kind]


def _numbered(number: int) -> int:
    """A field's number: protobuf reserves some."""
    return number if number < 19_000 else number + 1_000


def _entry(name: str) -> str:
    """The name that protobuf requires for the entries of a map field."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_")) + "Entry"


def _taken(message: Any) -> set[str]:
    """The entry names that a message already uses: a map whose entry name is in use has any values."""
    return {one.name for one in (*message.nested_type, *message.field)}
