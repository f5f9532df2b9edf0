"""What is valid in the layers, but probably a mistake: warnings, which only `weft validate --strict` adds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from weft.base.overlay import PATCH, Layer, data_path, is_operator, sources
from weft.base.paths import dotted, get, has, pointer
from weft.base.problems import Problem, Severity
from weft.project.target import Target
from weft.schema.equality import canonical
from weft.schema.node import Node
from weft.stages.load import place_in
from weft.stages.merge import leaves


def layer_warnings(target: Target) -> list[Problem]:
    """The overrides of a target that change nothing, and the deprecated settings that its layers set."""
    root, layers = target.schemas.root, target.resolution.layers
    lower = [target.layering.fold(layers[:count]).value for count in range(len(layers))]
    found = [*redundant_overrides(root, layers, lower), *deprecated(root, layers)]
    return [replace(problem, targets=(target.name,)) for problem in found]


def redundant_overrides(root: Node, layers: Sequence[Layer], lower: Sequence[Any]) -> Iterator[Problem]:
    """The leaves of each layer that say what the layers below, or the schema's defaults, say already.

    `lower` holds what the layers below each one give, without defaults.
    """
    for layer, merged in zip(layers, lower, strict=True):
        below = root.fill(merged)
        for source in layer.sources:
            for path, _ in leaves(root, source.data):
                if not all(isinstance(step, str) for step in path) or not has(below, path):
                    continue
                value = get(source.data, path)
                instructs = is_operator(value) or (isinstance(value, dict) and PATCH in value)
                says_nothing = value in ({}, None) or root.at(path).list_type == "set"
                if not instructs and not says_nothing and canonical(get(below, path)) == canonical(value):
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


def _warning(code: str, message: str, **details: Any) -> Problem:
    return Problem(code, message, severity=Severity.WARNING, **details)
