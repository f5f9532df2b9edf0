"""What an expression reads: the paths below `self` that its syntax tree mentions."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from weft.base.paths import Path
from weft.rules import syntax
from weft.rules.names import unescape

Step = tuple[str, str]
"""The key of a setting, and how the expression writes it: `("in", "__in__")`."""
Scope = Mapping[str, "Chain | None"]
_OPTIONAL: Final = "_?._"
_INDEXES: Final = ("_[_]", "_[?_]", _OPTIONAL)


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of steps from `self`; `presence` if only `has()` tests its end."""

    steps: tuple[Step, ...] = ()
    presence: bool = False
    old: bool = False
    """True if it starts at `oldSelf`."""

    @property
    def path(self) -> tuple[str, ...]:
        """The path of the setting."""
        return tuple(key for key, _ in self.steps)

    def below(self, key: str, written: str) -> Chain:
        """The chain with one more step."""
        return Chain((*self.steps, (key, written)), old=self.old)


def chains(tree: Any) -> tuple[Chain, ...]:
    """Every chain that a syntax tree uses, each once, without those that another one includes."""
    found = list(dict.fromkeys(_Reader().uses(tree.expr, {"self": Chain(), "oldSelf": Chain(old=True)})))
    whole = {(chain.old, chain.path) for chain in found if not chain.presence}

    def covered(chain: Chain) -> bool:
        sizes = range(len(chain.path) + (1 if chain.presence else 0))
        return any((chain.old, chain.path[:size]) in whole for size in sizes)

    return tuple(chain for chain in found if not covered(chain))


def settings(found: tuple[Chain, ...]) -> tuple[Path, ...]:
    """The settings of chains. One that is only tested for presence is left out if something inside it is read."""
    own = [chain for chain in found if not chain.old]
    paths = [chain.path for chain in own]

    def inner(chain: Chain) -> bool:
        size = len(chain.path)
        return chain.presence and any(len(path) > size and path[:size] == chain.path for path in paths)

    return tuple(dict.fromkeys(chain.path for chain in own if not inner(chain)))


def chain_at(tree: Any, ids: set[int]) -> Chain | None:
    """The chain of the selection among these nodes; None if it does not start at `self`."""
    reader = _Reader(ids)
    list(reader.uses(tree.expr, {"self": Chain(), "oldSelf": Chain(old=True)}))
    return reader.seen


class _Reader:
    """One walk over a tree. `seen` is the chain of the first of the wanted nodes."""

    def __init__(self, wanted: set[int] | None = None) -> None:
        self._wanted = wanted or set()
        self.seen: Chain | None = None

    def uses(self, node: Any, scope: Scope) -> Iterator[Chain]:
        """The chains that a node and its children use."""
        chain, inner = self._resolve(node, scope)
        yield from inner
        if chain is not None:
            yield chain

    def _resolve(self, node: Any, scope: Scope) -> tuple[Chain | None, list[Chain]]:
        """The chain of a node, if any, and the chains used on the way to it."""
        kind = syntax.kind(node)
        if kind == "ident_expr":
            return scope.get(node.ident_expr.name), []
        if kind == "select_expr":
            return self._select(node, scope)
        if kind == "call_expr":
            return self._call(node.call_expr, scope)
        if kind == "comprehension_expr":
            return self._comprehension(node.comprehension_expr, scope)
        return None, [chain for child in _children(node, kind) for chain in self.uses(child, scope)]

    def _select(self, node: Any, scope: Scope) -> tuple[Chain | None, list[Chain]]:
        select = node.select_expr
        above, inner = self._resolve(select.operand, scope)
        if above is None:
            return None, inner
        chain = above.below(unescape(select.field), select.field)
        if node.id in self._wanted:
            self.seen = self.seen or chain
        return (None, [*inner, Chain(chain.steps, True, chain.old)]) if select.test_only else (chain, inner)

    def _call(self, call: Any, scope: Scope) -> tuple[Chain | None, list[Chain]]:
        if call.function in _INDEXES and len(call.args) == 2:
            above, inner = self._resolve(call.args[0], scope)
            key = call.args[1].const_expr.string_value
            if above is not None and key:
                optional = call.function == _OPTIONAL
                return above.below(unescape(key) if optional else key, key), inner
            used = [*inner, *([above] if above else []), *self.uses(call.args[1], scope)]
            return None, used
        parts = [*([call.target] if call.HasField("target") else []), *call.args]
        return None, [chain for part in parts for chain in self.uses(part, scope)]

    def _comprehension(self, node: Any, scope: Scope) -> tuple[Chain | None, list[Chain]]:
        """A macro: its range is read whole. `cel.bind` is also one: it names its first value."""
        named, inner = self._resolve(node.accu_init, scope)
        ranged = list(self.uses(node.iter_range, scope))
        binds = not node.iter_range.list_expr.elements and syntax.kind(node.iter_range) == "list_expr"
        used = [*inner, *ranged, *([named] if named and not binds else [])]
        below = {**scope, node.iter_var: None, node.iter_var2: None, node.accu_var: named if binds else None}
        for part in (node.loop_condition, node.loop_step):
            used += self.uses(part, below)
        result, more = self._resolve(node.result, below)
        return result, [*used, *more]


def _children(node: Any, kind: str) -> Iterator[Any]:
    if kind == "list_expr":
        yield from node.list_expr.elements
    elif kind == "struct_expr":
        for entry in node.struct_expr.entries:
            yield entry.map_key
            yield entry.value


def selections(node: Any) -> Iterator[int]:
    """The ids of all nodes that select a field or an item."""
    for one, kind in _all(node):
        if kind == "select_expr" or (kind == "call_expr" and one.call_expr.function in _INDEXES):
            yield one.id


def called(node: Any) -> Iterator[str]:
    """The functions that an expression calls, as the checker names them."""
    return (one.call_expr.function for one, kind in _all(node) if kind == "call_expr")


def literals(node: Any, *, outside: str) -> Iterator[tuple[Any, ...]]:
    """The items of every list that an expression spells out, unless for a function, and the keys and the values of every map."""
    passed = {
        argument.id for one, _ in _all(node) if one.call_expr.function == outside for argument in one.call_expr.args
    }
    for one, kind in _all(node):
        if kind == "list_expr" and one.id not in passed:
            yield tuple(one.list_expr.elements)
        elif kind == "struct_expr":
            yield tuple(entry.map_key for entry in one.struct_expr.entries)
            yield tuple(entry.value for entry in one.struct_expr.entries)


def by_own_names(serialized: bytes) -> bytes:
    """An expression that selects properties by their own names (`in` instead of `__in__`), as at run time."""
    tree = syntax.tree(serialized)
    for one, kind in _all(tree.expr):
        if kind == "select_expr":
            one.select_expr.field = unescape(one.select_expr.field)
        elif kind == "call_expr" and one.call_expr.function == _OPTIONAL:
            name = one.call_expr.args[1].const_expr
            name.string_value = unescape(name.string_value)
    return syntax.replaced(serialized, tree)


def texts_given(node: Any, functions: Container[str]) -> Iterator[tuple[str, str, int]]:
    """The literal texts that are arguments of some functions: the function, the text, and the id of its node."""
    for one, kind in _all(node):
        if kind == "call_expr" and one.call_expr.function in functions:
            for argument in one.call_expr.args:
                if argument.const_expr.string_value:
                    yield one.call_expr.function, argument.const_expr.string_value, argument.id


def _all(node: Any) -> Iterator[tuple[Any, str]]:
    """Every node of a tree with its kind."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        kind = syntax.kind(one)
        yield one, kind
        waiting += _parts(one, kind)


def _parts(node: Any, kind: str) -> Iterator[Any]:
    """The direct children of a node."""
    if kind == "select_expr":
        yield node.select_expr.operand
    elif kind == "call_expr":
        yield from (node.call_expr.target, *node.call_expr.args)
    elif kind == "comprehension_expr":
        inner = node.comprehension_expr
        yield from (inner.iter_range, inner.accu_init, inner.loop_condition, inner.loop_step, inner.result)
    else:
        yield from _children(node, kind)


def chain_ending(tree: Any, field: str) -> Chain | None:
    """The first chain that ends with a field."""
    return next((chain for chain in chains(tree) if chain.steps and chain.steps[-1][1] == field), None)
