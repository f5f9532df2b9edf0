"""References such as `ref+env://NAME`, which say where a secret is kept, and literals in place of references."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from weft.base.overlay import OPERATORS, PATCH, PATCHES, only_instructs
from weft.base.paths import Path, dotted, pointer
from weft.base.problems import Problem
from weft.schema.node import Node
from weft.schema.protection import REFERENCE_PATTERN

_REFERENCE = re.compile(REFERENCE_PATTERN)
_NEARLY = re.compile(r"\s*ref\s*[+:]|\s*ref\w*\+?://", re.IGNORECASE)
"""Texts that were probably intended as a reference: `ref+env:NAME`, `ref://env/NAME`, ` ref+env://NAME`."""


def literals(node: Node, data: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of an overlay at which a sensitive setting has a literal, also inside operators."""
    if not node.holds_secrets:
        return
    if node.sensitive and _is_unknown_inside(node, data):
        yield path  # values inside it have no names of settings, so a path into it could reveal the secret
    elif isinstance(data, dict | list):
        for step, below in data.items() if isinstance(data, dict) else enumerate(data):
            yield from literals(node if step in OPERATORS else node.child(step), below, (*path, step))
    elif node.sensitive and _is_literal(data, path):
        yield path


def _is_unknown_inside(node: Node, data: Any) -> bool:
    """True for a mapping or a list inside of which there are no settings, unless it is only an instruction for a merge."""
    return isinstance(data, dict | list) and not node.states(data) and not only_instructs(data)


def _is_literal(data: Any, path: Path) -> bool:
    return data is not None and not is_reference(data) and not _is_instruction(path, data)


def _is_instruction(path: Path, data: Any) -> bool:
    return path[-1:] == (PATCH,) and data in PATCHES


def literal_secret(path: Path, location: str | None, value: Any = None) -> Problem:
    """A problem for a sensitive setting with a value that is not a reference; the value is never shown."""
    message = f"{dotted(path)} is sensitive: an overlay must contain a reference to it, never the value"
    hint = "write `ref+env://NAME`, or another `ref+…://` reference"
    if isinstance(value, str) and _NEARLY.match(value):
        message = f"{dotted(path)} looks like a reference, but is not a valid one"
        hint = "a reference has the form `ref+SCHEME://…`, such as `ref+env://NAME`, without spaces around it"
    return Problem("literal-secret", message, path=pointer(path), schema=location, hint=hint)


def is_reference(value: Any) -> bool:
    """True if a value is a reference to a secret."""
    return isinstance(value, str) and _REFERENCE.match(value) is not None
