"""Probable mistakes in valid layers: warnings that only `weft validate --strict` adds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from weft.base.overlay import PATCH, Layer, Source, data_path, is_operator, sources
from weft.base.paths import Path, dotted, get, has, pointer
from weft.base.problems import Problem, Severity
from weft.files.locator import locate
from weft.project.target import Target
from weft.schema.equality import canonical
from weft.schema.node import Node
from weft.stages.layer_settings import leaves


def layer_warnings(target: Target) -> list[Problem]:
    """The overrides of a target that change nothing, and the deprecated settings that its layers set."""
    root, layers = target.schemas.root, target.resolution.layers
    lower = [target.layering.fold(layers[:count]).value for count in range(len(layers))]
    found = [*redundant_overrides(root, layers, lower), *deprecated(root, layers)]
    return [target.own(problem) for problem in found]


def redundant_overrides(root: Node, layers: Sequence[Layer], lower: Sequence[Any]) -> Iterator[Problem]:
    """The leaves of each layer that repeat the lower layers or the schema's defaults.

    `lower` holds the result of the layers below each one, without defaults.
    """
    for layer, merged in zip(layers, lower, strict=True):
        # a layer is compared with everything below it, defaults included, and not only with the next one
        below = root.fill(merged)
        for source in layer.sources:
            for path, value in _plain_settings(root, source):
                if has(below, path) and canonical(get(below, path)) == canonical(value):
                    message = f"{dotted(path)} is set to the value that it already has from the lower layers"
                    place = locate(source, path)
                    yield _warning("redundant", message, path=pointer(path), place=place, hint="remove the line")


def _plain_settings(root: Node, source: Source) -> Iterator[tuple[Path, Any]]:
    """The leaves of a layer's file that simply set a value: no list items, no operators, nothing that is merged."""
    for path, _ in leaves(root, source.data):
        if not all(isinstance(step, str) for step in path):
            continue
        value = get(source.data, path)
        instructs = is_operator(value) or (isinstance(value, dict) and PATCH in value)
        if not instructs and value not in ({}, None) and root.at(path).list_type != "set":
            yield path, value


def deprecated(root: Node, layers: Sequence[Layer]) -> Iterator[Problem]:
    """The settings of each layer that are deprecated in the schema; renamed ones are always reported."""
    for source in sources(layers):
        for path, _ in leaves(root, source.data):
            for length in range(1, len(path) + 1):
                node = root.at(data_path(path[:length]))
                if node.keyword("deprecated") is True and node.renamed_to is None:
                    name, note = dotted(data_path(path[:length])), node.keyword("deprecationMessage")
                    hint = note if isinstance(note, str) else None
                    place = locate(source, path[:length], key=True)
                    yield _warning(
                        "deprecated", f"{name} is deprecated", path=pointer(path[:length]), place=place, hint=hint
                    )
                    break


def _warning(code: str, message: str, **details: Any) -> Problem:
    return Problem(code, message, severity=Severity.WARNING, **details)
