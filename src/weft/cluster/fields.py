"""The fields of an object, and who owns them, as `metadata.managedFields` says.

The API server records for each manager the fields that it set, as a tree (FieldsV1, k8s.io/apimachinery/pkg/apis/meta/v1 and
sigs.k8s.io/structured-merge-diff): `f:NAME` is a field of a map, `k:{"name":"app"}` the item of a list with these keys, `v:"x"` the item
of a set, `i:0` an item by position, and `.` says that the map or item itself is owned. A leaf is an empty tree: what is below it is one
value, such as an atomic list.

A tree is the right shape for comparing too: it says how lists are matched without the schema of the kind, and it leaves out what
the server filled in by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from weft.rules.quantities import quantity
from weft.schema.node import MISSING
from weft.secrets.masking import MASK

Tree = Mapping[str, Any]
FieldPath = tuple[str, ...]
"""The steps of a tree: `("f:spec", "f:ports", 'k:{"port":80}')`."""

_ITSELF: Final = "."
_IDENTITY: Final = frozenset((("f:apiVersion",), ("f:kind",), ("f:metadata", "f:name"), ("f:metadata", "f:namespace")))
_EXACT: Final = frozenset(("f:data", "f:binaryData", "f:stringData", "f:metadata"))
"""Fields with values that the server stores as they are."""


@dataclass(frozen=True)
class Manager:
    """One entry of managedFields: a manager, how it wrote, when (RFC 3339), and its fields."""

    name: str
    operation: str
    subresource: str
    time: str
    tree: Tree

    @property
    def applies(self) -> bool:
        """True if the manager declares its fields by server-side apply."""
        return self.operation == "Apply"


def managers(data: Mapping[str, Any]) -> list[Manager]:
    """The managers of an object."""
    return [
        Manager(
            entry.get("manager") or "unknown",
            entry.get("operation") or "Update",
            entry.get("subresource") or "",
            entry.get("time") or "",
            entry.get("fieldsV1") or {},
        )
        for entry in (data.get("metadata") or {}).get("managedFields") or ()
    ]


def writers(data: Mapping[str, Any]) -> list[Manager]:
    """The managers of an object, without those that only write its status."""
    return [one for one in managers(data) if one.subresource != "status"]


def owned_by(data: Mapping[str, Any], name: str) -> Tree:
    """The fields that a manager applied."""
    return merged(one.tree for one in managers(data) if one.name == name and one.applies and not one.subresource)


def merged(trees: Iterable[Tree]) -> Tree:
    """The fields of several trees, of which the result may share parts."""
    found: dict[str, Tree] = {}
    for tree in trees:
        for step, below in tree.items():
            known = found.get(step)
            found[step] = merged((known, below)) if known and below else known or below
    return found


def leaves(tree: Tree) -> Iterator[FieldPath]:
    """The paths of the values that a tree names; what identifies the object is left out."""
    return (path for path, _, _ in _leaves(tree, MISSING, MISSING))


def covers(tree: Tree, path: FieldPath) -> bool:
    """True if a tree names a path, a value that the path is a part of, or a part of its value."""
    for step in path:
        if step not in tree:
            return not [below for below in tree if below != _ITSELF] and bool(path)
        tree = tree[step]
    return True


def owns(tree: Tree, path: FieldPath) -> bool:
    """True if a tree names exactly this path, or a part of its value."""
    for step in path:
        if step not in tree:
            return False
        tree = tree[step]
    return True


def read(data: Any, path: FieldPath) -> Any:
    """The value at a path, or MISSING."""
    for step in path:
        data = _child(data, step)
        if data is MISSING:
            return MISSING
    return data


def with_value(data: Any, path: FieldPath, value: Any) -> Any:
    """A copy of an object with another value at a path, or without one if the value is MISSING; it must exist."""
    if not path:
        return value
    step, below = path[0], path[1:]
    if isinstance(data, list):
        old = _child(data, step)
        items = ((item, with_value(item, below, value) if item is old else item) for item in data)
        return [new for _, new in items if new is not MISSING]
    name = step[2:]
    new = with_value(data[name], below, value) if below else value
    return {key: new if key == name else old for key, old in data.items() if key != name or new is not MISSING}


def _child(data: Any, step: str) -> Any:
    kind, rest = step[0], step[2:]
    if kind == "f":
        return data.get(rest, MISSING) if isinstance(data, dict) else MISSING
    return _item(data, kind, _parsed(rest)) if isinstance(data, list) else MISSING


_parsed: Final = lru_cache(4096)(json.loads)
"""The keys, value or position that a step states: most objects have the same few. Nobody changes them."""


def _item(items: list[Any], kind: str, wanted: Any) -> Any:
    """The item of a list with these keys, with this value, or at this position."""
    if kind == "k":
        return next((item for item in items if isinstance(item, dict) and _has_keys(item, wanted)), MISSING)
    if kind == "v":
        return next((item for item in items if item == wanted), MISSING)
    return items[wanted] if wanted < len(items) else MISSING


def _has_keys(item: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """True if an item has the keys of a list-map; one that it does not state has the server's default."""
    stated = [name for name in wanted if item.get(name) is not None]
    return bool(stated) and all(item[name] == wanted[name] for name in stated)


def tree_of(data: Any, like: Tree | None, *, exact: bool = False) -> dict[str, Any]:
    """The fields that an object states, as a tree; lists are divided as in the trees that managers of the object have.

    A leaf of those trees is one value, but for `exact` fields, whose maps are always divided: there a leaf is an empty map.
    """
    if isinstance(data, dict) and data and (exact or not _is_leaf(like)):
        return _tree_of_map(data, like or {}, exact=exact)
    return _tree_of_items(data, like) if isinstance(data, list) and like else {}


def _tree_of_map(data: Mapping[str, Any], like: Tree, *, exact: bool) -> dict[str, Any]:
    """The fields of a map as a tree; one that is null is not stated."""
    steps = {f"f:{name}": value for name, value in data.items() if value is not None}
    return {step: tree_of(value, like.get(step), exact=exact or step in _EXACT) for step, value in steps.items()}


def _tree_of_items(items: list[Any], like: Tree) -> dict[str, Any]:
    """The items of a list by their keys or their values, as a tree has them; empty if the list is one value there."""
    keyed = [step for step in like if step.startswith("k:")]
    if keyed and all(isinstance(item, dict) for item in items):
        return {(step := _step(item, keyed)): tree_of(item, like.get(step)) | {_ITSELF: {}} for item in items}
    if any(step.startswith("v:") for step in like):
        return {f"v:{json.dumps(item)}": {} for item in items}
    return {}


def _is_leaf(tree: Tree | None) -> bool:
    return tree is not None and not [step for step in tree if step != _ITSELF]


def _step(item: Mapping[str, Any], keyed: list[str]) -> str:
    """The step of an item of a list-map, written as the server writes it."""
    for step in keyed:
        if _has_keys(item, _parsed(step[2:])):
            return step
    names = _parsed(keyed[0][2:])
    return "k:" + json.dumps({name: item[name] for name in names if name in item}, separators=(",", ":"))


def shown(path: FieldPath) -> str:
    """A path for people: `.spec.containers[name=app].image`, `.data["app.yaml"]`."""
    return "".join(map(_shown_step, path)) or "."


def _shown_step(step: str) -> str:
    kind, rest = step[0], step[2:]
    if kind == "f":
        plain = rest.replace("-", "").replace("_", "").isalnum()
        return f".{rest}" if plain else f"[{json.dumps(rest, ensure_ascii=False)}]"
    if kind == "k":
        return "[" + ",".join(f"{name}={value}" for name, value in _parsed(rest).items()) + "]"
    return f"[{rest}]" if kind == "i" else f"[={rest}]"


def plain(path: FieldPath, data: Any) -> tuple[str | int, ...]:
    """A path as names and positions in the data, as far as it goes there."""
    found: list[str | int] = []
    for step in path:
        below = _child(data, step)
        if below is MISSING:
            break
        found.append(step[2:] if step[0] == "f" else next(n for n, item in enumerate(data) if item is below))
        data = below
    return tuple(found)


def of_message(field: str, data: Any) -> tuple[str | int, ...]:
    """The path of a field as a server's message writes it (`.data.a`, `spec.ports[0].name`), as far as the data has it."""
    found: list[str | int] = []
    rest = field.lstrip(".")
    while rest:
        if rest.startswith("["):
            inside, _, rest = rest[1:].partition("]")
            step = _item_of(inside.strip("\"'"), data)
        else:
            step = _longest_name(rest, data)
            rest = rest[len(str(step)) :] if step is not None else ""
        if step is None:
            break
        found.append(step)
        data = data[step]
        rest = rest.lstrip(".")
    return tuple(found)


def _longest_name(rest: str, data: Any) -> str | None:
    """The key of a map that a text starts with; keys may contain dots."""
    if not isinstance(data, dict):
        return None
    fitting = [key for key in data if rest.startswith(key) and rest[len(key) : len(key) + 1] in ("", ".", "[")]
    return max(fitting, key=len, default=None)


def _item_of(inside: str, data: Any) -> str | int | None:
    if isinstance(data, dict):
        return inside if inside in data else None
    if not isinstance(data, list):
        return None
    if inside.isdecimal():
        return int(inside) if int(inside) < len(data) else None
    pairs = dict(pair.split("=", 1) for pair in inside.split(",") if "=" in pair)
    wanted = {name: value.strip('"') for name, value in pairs.items()}
    return _position(wanted, data) if wanted else None


def _position(wanted: Mapping[str, str], items: Sequence[Any]) -> int | None:
    """The position of the first item with these keys."""
    return next((number for number, item in enumerate(items) if _may_have(item, wanted)), None)


def _may_have(item: Any, wanted: Mapping[str, str]) -> bool:
    """True if an item states nothing else than these keys; one that it does not state has the server's default."""
    return isinstance(item, dict) and all(str(item.get(name, value)) == value for name, value in wanted.items())


@dataclass(frozen=True)
class Change:
    """A field with another value than before; MISSING stands for none. `manager` owns the field now, since a time."""

    path: FieldPath
    old: Any
    new: Any
    manager: str | None = None
    since: str = ""

    @property
    def kind(self) -> str:
        """`added`, `removed` or `changed`."""
        return "added" if self.old is MISSING else "removed" if self.new is MISSING else "changed"

    def hidden(self) -> Change:
        """The same change without its values, which may be secrets."""
        old, new = (value if value is MISSING else MASK for value in (self.old, self.new))
        return replace(self, old=old, new=new)


def holds(live: Mapping[str, Any], wanted: Mapping[str, Any], owned: Tree) -> bool:
    """True if an object has all that is wanted of it, and owned fields are wanted: then `differences` finds none.

    It is quick, and so strict that it may be False where there is no difference either: a list in another order, another quantity.
    """
    stated = (
        key in live and (_states_exactly if f"f:{key}" in _EXACT else _states)(live[key], value)
        for key, value in wanted.items()
    )
    return all(stated) and _wants(wanted, owned)


def _states(live: Any, wanted: Any) -> bool:
    """True if a value says all that is wanted."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        return all(key in live and _states(live[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(live, list):
        return len(live) == len(wanted) and all(map(_states, live, wanted))
    return _are_one(live, wanted)


def _states_exactly(live: Any, wanted: Any) -> bool:
    """True if a value says all that is wanted, and lists and empty maps are as they are wanted."""
    if isinstance(wanted, dict) and isinstance(live, dict) and wanted:
        return all(key in live and _states_exactly(live[key], value) for key, value in wanted.items())
    return _are_one(live, wanted)


def _are_one(live: Any, wanted: Any) -> bool:
    return bool(live == wanted) and wanted is not None and isinstance(live, bool) == isinstance(wanted, bool)


def _wants(wanted: Any, owned: Tree) -> bool:
    """True if all that a tree names is wanted."""
    for step, below in owned.items():
        if step != _ITSELF:
            child = _child(wanted, step)
            if child is MISSING or (below and not _wants(child, below)):
                return False
    return True


def differences(live: Mapping[str, Any], wanted: Mapping[str, Any], tree: Tree, *, tolerant: bool) -> list[Change]:
    """The fields of a tree that differ between two states of an object, each with its owner in the live one.

    A `tolerant` comparison is for an object that no server has seen: the server writes `500m` for `0.5`, and leaves out `false`.
    """
    owners = managers(live)
    found = []
    for path, old, new in _leaves(tree, live, wanted):
        if not (_same(old, new, path) if tolerant else old == new):
            owner = owner_of(owners, path)
            found.append(Change(path, old, new, owner.name if owner else None, owner.time if owner else ""))
    return found


def _leaves(tree: Tree, old: Any, new: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, Any, Any]]:
    """The paths of the values that a tree names, with these values in two states; what identifies the object is left out."""
    is_leaf = True
    for step, below in tree.items():
        if step == _ITSELF:
            continue
        is_leaf = False
        inner = (*path, step)
        if inner not in _IDENTITY:
            yield from _leaves(below, _child(old, step), _child(new, step), inner)
    if is_leaf and path:
        yield path, old, new


def owner_of(owners: Iterable[Manager], path: FieldPath) -> Manager | None:
    """The manager of a field that wrote last."""
    return max((one for one in owners if covers(one.tree, path)), key=lambda one: one.time, default=None)


def _same(live: Any, wanted: Any, path: FieldPath) -> bool:
    if live == wanted and isinstance(live, bool) == isinstance(wanted, bool):
        return True
    if path[0] in _EXACT:
        return False
    if live is MISSING:
        return not wanted
    if isinstance(live, dict) and isinstance(wanted, dict):
        return all(_same(live.get(key, MISSING), value, (*path, f"f:{key}")) for key, value in wanted.items())
    if isinstance(live, list) and isinstance(wanted, list):
        return len(live) == len(wanted) and all(_same(*pair, path) for pair in zip(live, wanted, strict=True))
    return _same_quantity(live, wanted)


def _same_quantity(live: Any, wanted: Any) -> bool:
    """True if both are the same quantity, which the server writes in its own way."""
    try:
        return quantity(str(live)) == quantity(str(wanted))
    except ValueError:
        return False


def value_text(value: Any) -> str:
    """A value for people, as JSON in one line."""
    return "nothing" if value is MISSING else json.dumps(value, ensure_ascii=False)
