"""Merge: apply one more layer to the result of the lower ones, following the schema and the overlay's operators.

The `deepmerge` library walks the values. Strategies come from the schema's nodes, which are compiled once; inputs are never
changed, and unchanged parts are shared with the layer below. A mistake in a layer becomes a problem and the lower value is kept, so
one run finds every mistake.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from deepmerge import Merger

from weft.base.overlay import LIST_OPERATORS, OPERATORS, PATCH, data_path, is_operator
from weft.base.paths import dotted, pointer
from weft.base.problems import Problem, choices, did_you_mean
from weft.schema.equality import canonical, item_key
from weft.schema.node import MISSING, Node
from weft.schema.types import TYPE_WORDS, json_type

_REMOVED: Final[Any] = object()
_CONTAINERS: Final = frozenset((dict, list))
_EXACT: Final = frozenset((str, int, bool))
"""The types whose equal values are the same text in an output."""
_PLAIN: Final = _EXACT | {float}


def merge(node: Node, lower: Any, upper: Any, *, defaults: bool = False) -> tuple[Any, list[Problem]]:
    """The merged value of two layers, and the problems of the upper one.

    Problems carry the path in `upper`. `lower` may be MISSING. With `defaults`, a list or mapping that no layer has set
    yet starts from the schema's `default`, so that operators act on it.
    """
    plain = _overlaid(node, lower, upper)
    if plain is not None:
        return plain, []
    run = _Run(node, defaults)
    value = run.fresh([], upper) if lower is MISSING else run.value_strategy([], lower, upper)
    return value, run.problems


def _overlaid(node: Node, lower: Any, upper: Any) -> dict[str, Any] | None:
    """The merged mapping if the upper one only sets plain values in mappings that the lower one has, as most overlays do.

    None if it contains anything else, for which `_Run` knows what it means or what is wrong with it: null, a list, a new mapping, an
    operator or another key with `$`, a value of another kind, or an atomic mapping.
    """
    if type(lower) is not dict or type(upper) is not dict or node.atomic_map:
        return None
    changed: dict[str, Any] = {}
    for key, value in upper.items():
        below = lower.get(key)
        merged = _overlaid(node.child(key), below, value) if type(value) is dict else _replaced(below, value)
        if merged is None or key.startswith("$"):
            return None
        if merged is not below:
            changed[key] = merged
    return lower | changed if changed else lower


def _replaced(lower: Any, upper: Any) -> Any:
    """The plain value that replaces another one, or that one if nothing changes; None if either is not plain."""
    kind = type(upper)
    if kind not in _PLAIN or type(lower) in _CONTAINERS:
        return None
    return lower if kind is type(lower) and _same(lower, upper) else upper


class _Run(Merger):
    """One merge of two layers: deepmerge's walk, plus the node of each place and the problems found."""

    def __init__(self, node: Node, defaults: bool) -> None:
        super().__init__([(dict, _merge_mapping), (list, _merge_list)], [_replace], [_different_types])
        self.node = node
        self.defaults = defaults
        self.problems: list[Problem] = []

    def at(self, path: list[Any]) -> Node:
        """The node of a place; operators in the path are not steps of the configuration."""
        return self.node.at(data_path(tuple(path)))

    def wrong(self, path: list[Any], code: str, message: str, hint: str | None = None) -> None:
        """Add a problem at a path of the upper layer; not inside a concealed value, which is a problem as a whole."""
        node = self.node
        for step in data_path(tuple(path)):
            if node.conceals({} if isinstance(step, str) else []):
                return
            node = node.child(step)
        self.problems.append(Problem(code, message, path=pointer(path), hint=hint))

    def fresh(self, path: list[Any], value: Any) -> Any:
        """The result of a value of the upper layer if the lower layers have none."""
        if isinstance(value, dict):
            return self._fresh_mapping(path, value)
        if isinstance(value, list):
            node = self.at(path)
            return self.join(path, self._default(node, list, []) if node.list_type != "atomic" else [], value)
        return value

    def join(self, path: list[Any], lower: list[Any], upper: list[Any], first: bool = False) -> list[Any]:
        """Two lists of one place joined as its list type says: appended, as a union, or item by item."""
        node = self.at(path)
        if node.list_type == "map":
            return self._join_map(path, node, lower, upper, first)
        given = [(index, raw) for index, raw in enumerate(upper) if not self._means_the_list([*path, index], raw)]
        new = [item for index, raw in given if (item := self.fresh([*path, index], raw)) is not _REMOVED]
        if node.list_type == "set":
            seen = set(map(canonical, lower))
            new = [item for item in new if canonical(item) not in seen and not seen.add(canonical(item))]  # type: ignore[func-returns-value]
        return [*new, *lower] if first else [*lower, *new]

    def apply(self, path: list[Any], lower: Any, upper: dict[str, Any]) -> Any:
        """The result of an operator mapping for the lower value."""
        if "$value" in upper:
            self._alone(path, upper, ("$value",))
            return upper["$value"]
        self._alone(path, upper, ("$replace",) if "$replace" in upper else LIST_OPERATORS)
        for name in LIST_OPERATORS:
            if name in upper and not isinstance(upper[name], list):
                self.wrong([*path, name], "operator-misused", f"`{name}` takes a list", f"write `{name}: [...]`")
                return [] if lower is MISSING else lower
        if "$replace" in upper:
            return self.join([*path, "$replace"], [], upper["$replace"])
        if lower is MISSING or lower is None:
            lower = self._default(self.at(path), list, [])
        if not isinstance(lower, list):
            hint = _wanted(self, path, "array") or "write `$replace` to use this list instead"
            message = f"there is no list to add to: a lower layer has {_kind(lower)}"
            self.wrong(path, "merge-conflict", message, hint)
            return lower
        lower = self._without([*path, "$remove"], lower, upper.get("$remove", []))
        lower = self.join([*path, "$prepend"], lower, upper.get("$prepend", []), first=True)
        return self.join([*path, "$append"], lower, upper.get("$append", []))

    def _without(self, path: list[Any], lower: list[Any], removed: list[Any]) -> list[Any]:
        """The lower list without some items: a map-list identifies them by their keys, another list by their values."""
        if not removed:
            return lower
        node = self.at(path)
        keyed = node.list_type == "map"
        identity: Callable[[Any], Any] = partial(item_key, node) if keyed else canonical
        present = {identity(item) for item in lower}
        gone = set()
        for index, item in enumerate(removed):
            key = identity(item)
            if key is None:
                names = choices(node.list_keys)
                message = f"`$remove` finds an item of this list by {names}"
                self.wrong([*path, index], "list-key", message, f"write `{{{node.list_keys[0]}: ...}}`")
            elif key not in present:
                message = "`$remove` finds no such item in the lower layers"
                self.wrong([*path, index], "nothing-to-remove", message, _what_there_is(node, lower))
            else:
                gone.add(key)
        return [item for item in lower if identity(item) not in gone]

    def _fresh_mapping(self, path: list[Any], value: dict[str, Any]) -> Any:
        if is_operator(value):
            return self.apply(path, MISSING, value)
        if PATCH in value:
            return self.patched(path, value)
        node = self.at(path)
        # the list of a misspelled operator stays unchanged, so its type is not reported too
        if node.types == {"array"} and [key for key in value if _check_operator_name(self, [*path, key], key)]:
            return _REMOVED
        start = {} if node.atomic_map else self._default(node, dict, {})
        return _merge_mapping(self, path, start, value)

    def patched(self, path: list[Any], value: dict[str, Any]) -> Any:
        """The result of a mapping with `$patch`; `_REMOVED` if the instruction is not valid here."""
        if value[PATCH] == "replace":
            return _merge_mapping(self, path, {}, {key: below for key, below in value.items() if key != PATCH})
        if value[PATCH] == "delete":
            self.wrong(
                [*path, PATCH],
                "operator-misused",
                "`$patch: delete` removes an item of a map-list; this is not one",
                "write `key: null` to remove a key",
            )
        else:
            other = "something else" if self.at(path).holds_secrets else f"`{value[PATCH]}`"
            self.wrong([*path, PATCH], "operator-misused", f"`$patch` must be `replace` or `delete`, not {other}")
        return _REMOVED

    def _join_map(self, path: list[Any], node: Node, lower: list[Any], upper: list[Any], first: bool) -> list[Any]:
        result = list(lower)
        index_of = {item_key(node, item): index for index, item in enumerate(result)}
        new: list[Any] = []
        seen = set()
        for position, item in enumerate(upper):
            here = [*path, position]
            key = item_key(node, item)
            if key is None and self._means_the_list(here, item):
                continue
            if key is None:
                self._without_key(here, node, item)
                continue
            if key in seen:
                names = choices(node.list_keys)
                message = f"two items of this list have the same {names}"
                self.wrong(here, "list-key", message, f"items of this list are identified by {names}")
                continue
            seen.add(key)
            index = index_of.get(key)
            if item.get(PATCH) == "delete":
                if index is None:
                    message = "`$patch: delete` finds no such item in the lower layers"
                    self.wrong(here, "nothing-to-remove", message, _what_there_is(node, lower))
                else:
                    result[index] = _REMOVED
            elif index is None:
                new.append(self.fresh(here, item))
            else:
                result[index] = self.value_strategy(here, result[index], item)
        return [item for item in ([*new, *result] if first else [*result, *new]) if item is not _REMOVED]

    def _without_key(self, path: list[Any], node: Node, item: Any) -> None:
        """An item that cannot be identified: reported at the misspelled key, if there is one."""
        given = list(item) if isinstance(item, dict) else []
        absent = [name for name in node.list_keys if name not in given]
        where, hint = path, f"items of this list are identified by {choices(node.list_keys)}"
        for name in given:
            meant = did_you_mean(name, absent) if name not in self.at(path).properties else None
            if meant:
                where, hint = [*path, name], meant
                break
        self.wrong(where, "list-key", f"{choices(absent)} is missing in this item", hint)

    def _means_the_list(self, path: list[Any], item: Any) -> bool:
        """True if an item only contains `$patch: replace`, which in Kubernetes replaces the whole list; that is reported."""
        if not isinstance(item, dict) or item != {PATCH: "replace"}:
            return False
        message = "`$patch: replace` replaces its own item, and this one contains nothing else"
        self.wrong([*path, PATCH], "operator-misused", message, "write `{$replace: [...]}` to replace the whole list")
        return True

    def _default(self, node: Node, kind: type, otherwise: Any) -> Any:
        value = node.own_default if self.defaults else MISSING
        return value if isinstance(value, kind) else otherwise

    def _alone(self, path: list[Any], value: dict[str, Any], allowed: tuple[str, ...]) -> None:
        for name in value:
            if name not in allowed:
                self.wrong(
                    [*path, name],
                    "operator-misused",
                    f"`{name}` cannot be combined with {choices([key for key in value if key in OPERATORS and key != name])}",
                    "an operator takes the whole mapping",
                )


def _merge_mapping(run: Merger, path: list[Any], base: dict[str, Any], nxt: dict[str, Any]) -> Any:
    assert isinstance(run, _Run)
    if is_operator(nxt):
        return run.apply(path, base, nxt)
    if PATCH in nxt:
        patched = run.patched(path, nxt)
        return base if patched is _REMOVED else patched
    node = run.at(path)
    plain = _overlaid(node, base, nxt) if len(path) == 1 else None  # domain by domain, where not all are plain
    if plain is not None:
        return plain
    if node.atomic_map and base:
        base = {}
    changed: dict[str, Any] = {}
    for key, value in nxt.items():
        here = [*path, key]
        if value is None:
            if key in base:
                changed[key] = _REMOVED
            else:
                _nothing_to_remove(run, here, base)
        elif not _check_operator_name(run, here, key):
            below = run.value_strategy(here, base[key], value) if key in base else run.fresh(here, value)
            if below is not base.get(key, MISSING):
                changed[key] = below
    if not changed:
        return base
    return {key: value for key, value in (base | changed).items() if value is not _REMOVED}


def _what_there_is(node: Node, items: list[Any]) -> str | None:
    """The items that could be removed: those of a map-list by name, others if they are short and not secret."""
    if not items:
        return "the list is empty"
    if node.list_type == "map":
        shown = [name for name in node.list_keys if not node.child(0).child(name).hidden]
        return f"choose from {choices([_named_by(shown, item) for item in items])}" if shown else None
    if node.holds_secrets or any(isinstance(item, dict | list) for item in items):
        return None
    return f"choose from {choices(map(canonical, items))}"


def _named_by(keys: list[str], item: dict[str, Any]) -> str:
    return ", ".join(str(item[name]) for name in keys if name in item)


def _merge_list(run: Merger, path: list[Any], base: list[Any], nxt: list[Any]) -> list[Any]:
    assert isinstance(run, _Run)
    lower = [] if run.at(path).list_type == "atomic" else base
    merged = run.join(path, lower, nxt)
    return base if _same(base, merged) else merged


def _replace(run: Merger, path: list[Any], base: Any, nxt: Any) -> Any:
    return base if _same(base, nxt) else nxt


def _different_types(run: Merger, path: list[Any], base: Any, nxt: Any) -> Any:
    assert isinstance(run, _Run)
    if is_operator(nxt):
        return run.apply(path, base, nxt)
    if _may_replace(run, path, base, nxt):
        return run.fresh(path, nxt)
    if not isinstance(base, dict | list) and not isinstance(nxt, dict | list):
        return nxt
    if isinstance(nxt, dict) and any(_check_operator_name(run, [*path, key], key) for key in nxt):
        return base
    way = {"object": "`$patch: replace` inside it", "array": "`{$replace: [...]}`"}.get(
        json_type(nxt), "`{$value: ...}`"
    )
    message = f"{dotted(path)} is {_kind(nxt)} here, and {_kind(base)} in a lower layer"
    hint = f"write {way} to replace it"
    run.wrong(path, "merge-conflict", message, _wanted(run, path, json_type(nxt)) or hint)
    return base


def _may_replace(run: _Run, path: list[Any], base: Any, nxt: Any) -> bool:
    """True if a value of another type replaces the lower one as intended: it says so, or nothing is lost of a placeholder."""
    if isinstance(nxt, dict) and nxt.get(PATCH) == "replace":
        return True
    return base is None or (base in ("", {}, []) and _stated(run, path, json_type(nxt)))


def _stated(run: _Run, path: list[Any], kind: str) -> bool:
    """True if the schema explicitly allows a value of this type."""
    return bool(run.at(path).types) and kind in run.at(path).certain_types


def _wanted(run: _Run, path: list[Any], kind: str) -> str | None:
    """A hint if the schema would reject a value of this type anyway."""
    types = run.at(path).types
    if not types or kind in run.at(path).certain_types:
        return None
    return f"the schema requires {' or '.join(TYPE_WORDS[name] for name in sorted(types - {'null'}))}"


def _nothing_to_remove(run: _Run, path: list[Any], base: Mapping[str, Any]) -> None:
    node = run.at(path)
    hint = did_you_mean(path[-1], base)
    if node.default is not MISSING:
        hint = "only the schema's default gives it a value, and a default cannot be removed: set another value"
    elif run.at(path[:-1]).knows(path[-1]):
        ways = [
            way
            for value, way in (
                (None, "`{$value: null}` to set it to null"),
                ({}, "`{}` for a mapping that sets nothing"),
            )
            if node.accepts(value)
        ]
        hint = hint or (f"write {', or '.join(ways)}" if ways else None)
    run.wrong(
        path,
        "nothing-to-remove",
        f"`{path[-1]}: null` removes what a lower layer set, and none sets {dotted(path)}",
        hint,
    )


def _check_operator_name(run: _Run, path: list[Any], key: str) -> bool:
    """True if a key is a misspelled operator, or one of another tool; reports it."""
    node = run.at(path[:-1])
    if not key.startswith("$") or key in OPERATORS or key in node.properties:
        return False
    hint = did_you_mean(key, OPERATORS)
    if hint is None and node.types == {"array"}:
        hint = f"operators for lists: {choices(LIST_OPERATORS)}"
    if hint:
        run.wrong(path, "unknown-operator", f"there is no operator `{key}`", hint)
    return hint is not None


def _kind(value: Any) -> str:
    return {"object": "a mapping", "array": "a list", "null": "null"}.get(json_type(value), "a plain value")


def _same(one: Any, other: Any) -> bool:
    """True if nothing changes: 1 and 1.0 are equal numbers, but different texts in an output."""
    return bool(one == other) and (
        type(one) is type(other) in _EXACT or json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )
