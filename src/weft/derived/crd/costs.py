"""What an API server estimates that an expression may cost, before there is a value: it refuses a rule that may cost too much.

The server walks over the checked expression: reading a setting, a call, and the creation of a list or a map have fixed costs; a call that
goes through a text or a list costs as much as the largest one that the schema allows, and a macro as much as its body for each item. What
is computed here are its numbers, so the rules that it would refuse are known without it.
See https://github.com/google/cel-go/blob/master/checker/cost.go, and pkg/cel/library/cost.go of https://github.com/kubernetes/apiserver
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from weft.derived.crd.calls import ESTIMATES, LIST, MOST, Call, Size, Value, limited
from weft.derived.crd.declared import Declared
from weft.rules import syntax
from weft.rules.names import unescape

RULE: Final = 10_000_000
"""The most that a rule may cost, for all values of its place together; and a `messageExpression`, for one value."""
DEFINITION: Final = 100_000_000
"""The most that all expressions of a CustomResourceDefinition may cost together."""

_MAP: Final = 30
_MESSAGE: Final = 40
_BIND_OF_ALL: Final = "@result"

Path = tuple[str, ...]


_UNKNOWN: Final = Size(0, MOST)


@dataclass(frozen=True, slots=True)
class _Entries:
    """The sizes of the keys and of the values of a list or a map that an expression makes."""

    kind: str
    key: Size
    value: Size

    def __or__(self, other: _Entries) -> _Entries:
        return replace(self, key=self.key | other.key, value=self.value | other.value)


@dataclass(frozen=True, slots=True)
class _Local:
    """A variable of a macro."""

    path: Path
    size: Size | None
    entries: _Entries | None = None


def cost(expression: bytes, root: Declared) -> int:
    """The most that a checked expression may cost, with `self` of a declared type."""
    tree = syntax.tree(expression)
    body = tree.expr
    # the compiler binds `self` and `oldSelf`, which are variables for the server
    while syntax.kind(body) == "comprehension_expr" and body.comprehension_expr.accu_var in ("self", "oldSelf"):
        body = body.comprehension_expr.result
    return _Estimate({entry.key: entry.value for entry in tree.types}, root).cost(body)


class _Estimate:
    """The estimate of one expression."""

    def __init__(self, types: Mapping[int, Any], root: Declared) -> None:
        self._types = types
        self._root = root
        self._paths: dict[int, Path] = {}
        self._sizes: dict[int, Size] = {}
        self._entries: dict[int, _Entries] = {}
        self._locals: dict[str, list[_Local]] = {}

    def cost(self, node: Any) -> int:
        """The cost of a node of the tree."""
        make = self._COSTS.get(syntax.kind(node))
        return limited(make(self, node)) if make else 0

    def _name(self, node: Any) -> int:
        name = node.ident_expr.name
        known = self._local(name)
        self._paths[node.id] = known.path if known else (name,)
        return 1

    def _select(self, node: Any) -> int:
        select = node.select_expr
        below = self.cost(select.operand)
        if select.test_only:
            return below
        self._paths[node.id] = (*self._path(select.operand), select.field)
        return below + (self._kind(select.operand) in ("map", "message"))

    def _make_list(self, node: Any) -> int:
        sizes = []
        total = LIST
        for item in node.list_expr.elements:
            total += self.cost(item)
            sizes.append(self._size_or_unknown(item))
        self._entries[node.id] = _Entries("list", Size(1, 1), _union(sizes))
        return total

    def _make_map(self, node: Any) -> int:
        keys, values = [], []
        total = _MAP
        for entry in node.struct_expr.entries:
            total += self.cost(entry.map_key) + self.cost(entry.value)
            keys.append(self._size_or_unknown(entry.map_key))
            values.append(self._size_or_unknown(entry.value))
        self._entries[node.id] = _Entries("map", _union(keys), _union(values))
        return total

    def _comprehension(self, node: Any) -> int:
        inner = node.comprehension_expr
        if _is_bind(inner):
            return self._bind(node)
        total = self.cost(inner.iter_range) + self.cost(inner.accu_init)
        self._enter(inner.accu_var, self._as_local(inner.accu_init))
        key, value = self._iterated(inner.iter_range)
        named = [inner.iter_var] if not inner.iter_var2 else [inner.iter_var, inner.iter_var2]
        is_list = (self._made_entries(inner.iter_range) or _OF_KIND).kind or self._kind(inner.iter_range)
        first = value if is_list == "list" and not inner.iter_var2 else key
        for name, local in zip(named, (first, value), strict=False):
            self._enter(name, local)
        step = self.cost(inner.loop_condition) + self.cost(inner.loop_step)
        for name in named:
            self._locals[name].pop()
        total += self.cost(inner.result)
        self._locals[inner.accu_var].pop()
        count = self._size_or_unknown(inner.iter_range)
        self._result_of_a_macro(node, count)
        return total + limited(count.most * limited(step))

    def _result_of_a_macro(self, node: Any, count: Size) -> None:
        """The size of what a macro gives: as many items as it looks at, if it gives a list or a map."""
        inner = node.comprehension_expr
        kind = syntax.kind(inner.accu_init)
        if kind == "const_expr":
            self._set_size(node, self._size(inner.accu_init))
        elif kind in ("list_expr", "struct_expr"):
            self._set_size(node, count)
            self._set_entries(node, self._made_entries(inner.loop_step))

    def _iterated(self, node: Any) -> tuple[_Local, _Local]:
        """The variables for the key or index, and the value, of what a macro goes through."""
        made = self._made_entries(node)
        is_list = (made.kind if made else self._kind(node)) == "list"
        path = self._path(node)
        key = _Local((*path, "@indices" if is_list else "@keys"), made.key if made else None)
        return key, _Local((*path, "@items" if is_list else "@values"), made.value if made else None)

    def _bind(self, node: Any) -> int:
        inner = node.comprehension_expr
        total = self.cost(inner.iter_range) + self.cost(inner.accu_init)
        self._enter(inner.accu_var, self._as_local(inner.accu_init))
        total += self.cost(inner.result)
        self._set_size(node, self._size(inner.result))
        self._set_entries(node, self._made_entries(inner.result))
        self._locals[inner.accu_var].pop()
        return total

    def _call(self, node: Any) -> int:
        call = node.call_expr
        arguments = [self._value(one) for one in call.args]
        if call.function == "dyn":
            self._set_size(node, self._size(call.args[0]))
            self._set_entries(node, self._made_entries(call.args[0]))
            return 1 + arguments[0].cost
        target = self._value(call.target) if call.HasField("target") else None
        estimate = ESTIMATES.get(call.function)
        found = (estimate(target, arguments) if estimate else None) or Call(1)
        if call.function in ("_?_:_", "_+_"):
            self._set_entries(node, self._joined(*call.args[-2:]))
        result = found.result
        if call.function == "_[_]":
            result = self._of_an_item(node)
        self._set_size(node, result or self._size(node))
        of_arguments = 0 if found.whole else sum(one.cost for one in arguments)
        return found.cost + of_arguments + (target.cost if target else 0)

    def _of_an_item(self, node: Any) -> Size | None:
        container = node.call_expr.args[0]
        step = "@items" if self._kind(container) == "list" else "@values"
        self._paths[node.id] = (*self._path(container), step)
        made = self._made_entries(container)
        return made.value if made else None

    def _joined(self, one: Any, other: Any) -> _Entries | None:
        of_one, of_other = self._made_entries(one), self._made_entries(other)
        return of_one | of_other if of_one and of_other else None

    def _value(self, node: Any) -> Value:
        cost = self.cost(node)
        kind = self._kind(node)
        inner = self._types[node.id].list_type.elem_type if kind == "list" else None
        item = None
        if inner is not None:
            path = self._path(node)
            hidden = not path or path[0] == _BIND_OF_ALL
            item = (None if hidden else self._declared((*path, "@items"))) or _UNKNOWN
        return Value(node, kind, self._size_or_unknown(node), kind_of(inner), item, cost)

    def _kind(self, node: Any) -> str:
        return kind_of(self._types.get(node.id))

    def _path(self, node: Any) -> Path:
        if syntax.kind(node) == "ident_expr":
            known = self._local(node.ident_expr.name)
            if known:
                return known.path
        return self._paths.get(node.id, ())

    def _local(self, name: str) -> _Local | None:
        return self._locals[name][-1] if self._locals.get(name) else None

    def _enter(self, name: str, local: _Local) -> None:
        self._locals.setdefault(name, []).append(local)

    def _as_local(self, node: Any) -> _Local:
        return _Local(self._path(node), self._size(node), self._made_entries(node))

    def _size(self, node: Any) -> Size | None:
        known = self._sizes.get(node.id) or _written(node)
        if known:
            return known
        stated = self._declared(self._path(node))
        if stated:
            self._sizes[node.id] = stated
            return stated
        if self._kind(node) in _SCALARS:
            return Size(1, 1)
        local = self._local(node.ident_expr.name) if syntax.kind(node) == "ident_expr" else None
        return local.size if local else None

    def _size_or_unknown(self, node: Any) -> Size:
        return self._size(node) or _UNKNOWN

    def _set_size(self, node: Any, size: Size | None) -> None:
        if size:
            self._sizes[node.id] = size

    def _made_entries(self, node: Any) -> _Entries | None:
        if node.id in self._entries:
            return self._entries[node.id]
        local = self._local(node.ident_expr.name) if syntax.kind(node) == "ident_expr" else None
        return local.entries if local else None

    def _set_entries(self, node: Any, entries: _Entries | None) -> None:
        if entries:
            self._entries[node.id] = entries

    def _declared(self, path: Path) -> Size | None:
        """The size of the value at a path that starts with a variable, by the schema; None if the path leads to no type.

        Like the server, it takes the first step for the name of a variable, even if it is none.
        """
        if not path:
            return None
        found = self._root
        for step in path[1:]:
            if step == "@keys":
                below = _KEY if found.kind == "map" else None
            else:
                below = found.item if step in ("@items", "@values") else found.fields.get(unescape(step))
            if below is None:
                return None
            found = below
        return Size(0, found.most)

    _COSTS: Final[Mapping[str, Callable[[_Estimate, Any], int]]] = {
        "ident_expr": _name,
        "select_expr": _select,
        "call_expr": _call,
        "list_expr": _make_list,
        "struct_expr": _make_map,
        "comprehension_expr": _comprehension,
    }


_KEY: Final = Declared("string", 2)
_OF_KIND: Final = _Entries("", Size(0, 0), Size(0, 0))
_SCALARS: Final = ("bool", "int", "uint", "double", "timestamp", "duration")
_PRIMITIVES: Final = ("dyn", "bool", "int", "uint", "double", "string", "bytes")
_WELL_KNOWN: Final = ("dyn", "dyn", "timestamp", "duration")


def kind_of(stated: Any) -> str:
    """The name of a type of the checker."""
    if stated is None:
        return "dyn"
    return next((name(stated) for field, name in _KIND_NAMES.items() if stated.HasField(field)), "dyn")


def _abstract(stated: Any) -> str:
    """The name of an abstract type: an optional scalar counts as the scalar."""
    inner = [kind_of(one) for one in stated.abstract_type.parameter_types]
    if stated.abstract_type.name == "optional_type":
        return inner[0] if inner[0] in _SCALARS else "optional"
    return str(stated.abstract_type.name)


def _message(stated: Any) -> str:
    return "message" if stated.message_type.startswith("weft.") else str(stated.message_type)


_KIND_NAMES: Final[Mapping[str, Callable[[Any], str]]] = {
    "primitive": lambda stated: _PRIMITIVES[stated.primitive],
    "wrapper": lambda stated: _PRIMITIVES[stated.wrapper],
    "well_known": lambda stated: _WELL_KNOWN[stated.well_known],
    "message_type": _message,
    "abstract_type": _abstract,
    "list_type": lambda _: "list",
    "map_type": lambda _: "map",
}
"""The name of a type, by the field that the checker writes for it."""


def _written(node: Any) -> Size | None:
    """The size of what an expression spells out."""
    kind = syntax.kind(node)
    if kind == "const_expr":
        constant = node.const_expr
        text = constant.string_value if constant.HasField("string_value") else constant.bytes_value
        size = len(text) if constant.HasField("string_value") or constant.HasField("bytes_value") else 1
        return Size(size, size)
    if kind == "list_expr":
        return Size(len(node.list_expr.elements), len(node.list_expr.elements))
    return Size(len(node.struct_expr.entries), len(node.struct_expr.entries)) if kind == "struct_expr" else None


def _is_bind(inner: Any) -> bool:
    """True if a comprehension only names a value."""
    return (
        syntax.kind(inner.iter_range) == "list_expr"
        and not inner.iter_range.list_expr.elements
        and inner.loop_condition.const_expr.HasField("bool_value")
        and not inner.loop_condition.const_expr.bool_value
    )


def _union(sizes: list[Size]) -> Size:
    found = sizes[0] if sizes else Size(0, 0)
    for size in sizes[1:]:
        found |= size
    return found
