"""The syntax trees of CEL (`cel.expr.CheckedExpr`, `cel.expr.ParsedExpr`), as far as other modules need them.

The package serializes trees, but ships no Python classes to read them: these few messages of the published definition are
declared here. Protobuf skips what is not declared.
See https://github.com/google/cel-spec/blob/master/proto/cel/expr/syntax.proto
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

_SCALARS: Final = {"double": 1, "int64": 3, "uint64": 4, "bool": 8, "string": 9, "bytes": 12}
_MESSAGE: Final = 11
_MANY: Final = 3
_ONE: Final = 1
_TREES: Final = {
    "ParsedExpr": {"expr": (2, "Expr"), "source_info": (3, "SourceInfo")},
    "CheckedExpr": {"types": (3, "TypeOf*"), "expr": (4, "Expr"), "source_info": (5, "SourceInfo")},
    "SourceInfo": {"positions": (4, "Position*")},
    "Position": {"key": (1, "int64"), "value": (2, "int64")},
    "TypeOf": {"key": (1, "int64"), "value": (2, "Type")},
    "Type": {
        "dyn": (1, "Nothing"),
        "primitive": (3, "int64"),
        "wrapper": (4, "int64"),
        "well_known": (5, "int64"),
        "list_type": (6, "ListOf"),
        "map_type": (7, "MapOf"),
        "message_type": (9, "string"),
        "abstract_type": (14, "Abstract"),
    },
    "ListOf": {"elem_type": (1, "Type")},
    "MapOf": {"key_type": (1, "Type"), "value_type": (2, "Type")},
    "Abstract": {"name": (1, "string"), "parameter_types": (2, "Type*")},
    "Nothing": {},
    "Expr": {
        "id": (2, "int64"),
        "const_expr": (3, "Constant"),
        "ident_expr": (4, "Ident"),
        "select_expr": (5, "Select"),
        "call_expr": (6, "Call"),
        "list_expr": (7, "CreateList"),
        "struct_expr": (8, "CreateStruct"),
        "comprehension_expr": (9, "Comprehension"),
    },
    "Constant": {
        "null_value": (1, "int64"),
        "bool_value": (2, "bool"),
        "int64_value": (3, "int64"),
        "uint64_value": (4, "uint64"),
        "double_value": (5, "double"),
        "string_value": (6, "string"),
        "bytes_value": (7, "bytes"),
    },
    "Ident": {"name": (1, "string")},
    "Select": {"operand": (1, "Expr"), "field": (2, "string"), "test_only": (3, "bool")},
    "Call": {"target": (1, "Expr"), "function": (2, "string"), "args": (3, "Expr*")},
    "CreateList": {"elements": (1, "Expr*")},
    "CreateStruct": {"entries": (2, "Entry*")},
    "Entry": {"map_key": (3, "Expr"), "value": (4, "Expr")},
    "Comprehension": {
        "iter_var": (1, "string"),
        "iter_range": (2, "Expr"),
        "accu_var": (3, "string"),
        "accu_init": (4, "Expr"),
        "loop_condition": (5, "Expr"),
        "loop_step": (6, "Expr"),
        "result": (7, "Expr"),
        "iter_var2": (8, "string"),
    },
}
"""Each message with its fields: number and type, `*` for repeated (a map is a list of its entries)."""


def tree(serialized: bytes) -> Any:
    """The tree that an expression of the package serializes, checked or parsed only."""
    from google.protobuf import any_pb2

    packed = any_pb2.Any.FromString(serialized)
    return _messages()[packed.type_url.rpartition(".")[2]].FromString(packed.value)


def replaced(serialized: bytes, tree: Any) -> bytes:
    """The serialized form of an expression, with another tree in it."""
    from google.protobuf import any_pb2

    packed = any_pb2.Any.FromString(serialized)
    packed.value = tree.SerializeToString()
    return bytes(packed.SerializeToString())


_KINDS: Final = (
    "const_expr",
    "ident_expr",
    "select_expr",
    "call_expr",
    "comprehension_expr",
    "list_expr",
    "struct_expr",
)


def kind(node: Any) -> str:
    """The kind of a node; an empty text if it has none."""
    return next((kind for kind in _KINDS if node.HasField(kind)), "")


def positions(tree: Any) -> dict[int, int]:
    """The position of each node of a tree: from its id to the offset in characters."""
    return {entry.key: entry.value for entry in tree.source_info.positions}


@cache
def _messages() -> dict[str, Any]:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    # not proto3, which would lose an empty text
    file = descriptor_pb2.FileDescriptorProto(name="weft/syntax.proto", package="weft.syntax")
    for name, fields in _TREES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            one = kind.removesuffix("*")
            label = _MANY if kind != one else _ONE
            if one in _SCALARS:
                message.field.add(name=field, number=number, type=_SCALARS[one], label=label)
            else:
                where = f".weft.syntax.{one}"
                message.field.add(name=field, number=number, type=_MESSAGE, label=label, type_name=where)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found = {name: pool.FindMessageTypeByName(f"weft.syntax.{name}") for name in ("ParsedExpr", "CheckedExpr")}
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in found.items()}
