"""What is valid in the layers, but probably a mistake: warnings, most of which only `weft validate --strict` adds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from weft.base.overlay import PATCH, Layer, Source, data_path, is_operator, sources
from weft.base.paths import Path, dotted, get, has, pointer
from weft.base.problems import Problem, Severity
from weft.schema.equality import canonical
from weft.schema.node import Node
from weft.stages.load import is_left_empty, place_in
from weft.stages.merge import leaves


def redundant_overrides(
    root: Node, layers: Sequence[Layer], fold: Callable[[Sequence[Layer]], Any]
) -> Iterator[Problem]:
    """The leaves of each layer that say what the layers below, or the schema's defaults, say already."""
    for count, layer in enumerate(layers):
        lower = root.fill(fold(layers[:count]))
        for source in layer.sources:
            for path, _ in leaves(root, source.data):
                if not all(isinstance(step, str) for step in path) or not has(lower, path):
                    continue
                value = get(source.data, path)
                instructs = is_operator(value) or (isinstance(value, dict) and PATCH in value)
                says_nothing = value in ({}, None) or root.at(path).list_type == "set"
                if not instructs and not says_nothing and canonical(get(lower, path)) == canonical(value):
                    message = f"{dotted(path)} is set to what the lower layers give already"
                    place = place_in(source, path)
                    yield _warning("redundant", message, path=pointer(path), place=place, hint="remove the line")


def deprecated(root: Node, layers: Sequence[Layer]) -> Iterator[Problem]:
    """The settings of each layer that the schema calls deprecated, or renamed, with what takes their place."""
    for source in sources(layers):
        for path, _ in leaves(root, source.data):
            for length in range(1, len(path) + 1):
                node = root.at(data_path(path[:length]))
                renamed, note = node.keyword("x-renamed-to"), node.keyword("deprecationMessage")
                if node.keyword("deprecated") is True or renamed:
                    name = dotted(data_path(path[:length]))
                    hint = f"set {renamed} instead" if renamed else note if isinstance(note, str) else None
                    place = place_in(source, path[:length], key=True)
                    yield _warning(
                        "deprecated", f"{name} is deprecated", path=pointer(path[:length]), place=place, hint=hint
                    )
                    break


def left_empty(lower: Any, source: Source) -> Iterator[Problem]:
    """Keys with nothing after their colon that remove a whole mapping of the lower layers."""
    for path in _removed_mappings(lower, source.data, ()):
        if is_left_empty(source, path):
            message = f"`{path[-1]}:` without a value removes the whole mapping {dotted(path)} of the lower layers"
            hint = f"write `{path[-1]}: null` if that is meant, `{path[-1]}: {{}}` to change nothing"
            place = place_in(source, path, key=True)
            yield _warning("left-empty", message, path=pointer(path), place=place, hint=hint)


def _removed_mappings(lower: Any, data: Any, path: Path) -> Iterator[Path]:
    if not isinstance(lower, dict) or not isinstance(data, dict):
        return
    for key, value in data.items():
        if value is None and isinstance(lower.get(key), dict) and lower[key]:
            yield (*path, key)
        elif isinstance(value, dict):
            yield from _removed_mappings(lower.get(key), value, (*path, key))


def _warning(code: str, message: str, **details: Any) -> Problem:
    return Problem(code, message, severity=Severity.WARNING, **details)
