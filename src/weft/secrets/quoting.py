"""Whether a line, or a file that could not be read as data, may hold a secret in plain text, so that no report shows it.

A value is known to be a secret only where the file was parsed and the setting has its right name at its right place. Here it is
guessed from names: what stands after a key that is called like a sensitive setting, or nearly so, may be a secret, wherever
the key stands; so may a plain value after a key that should hold settings of which one is sensitive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

from weft.base.codes import About
from weft.base.paths import parse_dotted
from weft.base.problems import Place, Problem, closest
from weft.files.locator import lines_at
from weft.schema.node import Catalog, Node

_KEY: Final = re.compile(
    r"(?<![\w.-])([\w.-]++)[\"']?\s*+:(?=\s|$|[\"'])"
)  # linear: from the start of a word, and whole
_HARMLESS: Final = re.compile(r"\s*(?:[\"']?ref\+[^\s\"',}\]]+[\"']?|null|~|\{\}|\[\])?\s*(?:[,}\]]|\Z)")
"""A reference, or a value that cannot be a secret."""
_COMMENT: Final = re.compile(r"\s#")
_OPENING: Final = re.compile(r"\s*(?:[{\[|>#]|\Z)")
"""What follows the key of a mapping, a list or a text of several lines."""
_ALIKE: Final = 0.8


class SecretLines:
    """The guess for one project, by the names of its sensitive settings."""

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self._catalog = catalog
        self._folder = folder
        self._known: dict[str, bool] = {}
        self._lines: dict[str, list[str]] = {}

    def guard(self, problem: Problem) -> Problem:
        """The problem, marked where the line at which it stands may hold a secret."""
        if problem.traits.about is About.RULE:
            return problem  # which stands in a schema or in weft.yaml
        line = self._line(problem.place) if problem.place else None
        return problem.without_text() if line is not None and self.in_line(line) else problem

    def in_line(self, line: str) -> bool:
        """Whether a line of an overlay may hold a secret; a comment beside a reference may tell what stood there before."""
        for name, value in _keys(line):
            harmless = _HARMLESS.match(value) is not None
            if self._is_like_a_secret(name) and (not harmless or _COMMENT.search(value)):
                return True
            if name in self._holders and not harmless and not _OPENING.match(value):
                return True
        return False

    def in_file(self, path: Path | None) -> bool:
        """Whether a file that could not be read as data may hold a secret somewhere."""
        if path is None or not path.is_file():
            return False
        lines = path.read_bytes().decode("utf-8", "replace").splitlines()
        return any(
            self._is_like_a_secret(name) and (not value.strip() or not _HARMLESS.match(value))
            for line in lines
            for name, value in _keys(line)
        )

    def _line(self, place: Place) -> str | None:
        if place.line is None or place.text is not None:
            return None
        if place.file not in self._lines:
            self._lines[place.file] = lines_at(self._folder / place.file)
        lines = self._lines[place.file]
        return lines[place.line - 1] if 0 < place.line <= len(lines) else None

    def _is_like_a_secret(self, name: str) -> bool:
        if name not in self._known:
            candidates = self._names
            self._known[name] = closest(name.lower(), candidates, _ALIKE) is not None
        return self._known[name]

    @cached_property
    def _names(self) -> frozenset[str]:
        """The keys of sensitive settings, of lists and mappings of them, and their old names; in lower case."""
        if not self._catalog.holding_secrets:
            return frozenset()
        return frozenset(name.lower() for name, below in self._properties() if self._is_secret(below))

    @cached_property
    def _holders(self) -> frozenset[str]:
        """The keys of mappings that have a sensitive setting somewhere below."""
        holding = self._catalog.holding_secrets
        return frozenset(
            name
            for name, below in self._properties()
            if "object" in below.types and any(id(schema) in holding for schema in below.certain)
        )

    def _is_secret(self, node: Node) -> bool:
        if node.sensitive or node.child("*").sensitive or node.child(0).sensitive:
            return True
        renamed = node.keyword("x-renamed-to")
        try:
            return isinstance(renamed, str) and self._catalog.root.at(parse_dotted(renamed)).sensitive
        except ValueError:
            return False

    def _properties(self) -> Iterator[tuple[str, Node]]:
        for schema in self._catalog.schemas_with("properties"):
            around = self._catalog.node([schema], [schema])
            yield from ((name, around.child(name)) for name in schema["properties"])


def _keys(line: str) -> Iterator[tuple[str, str]]:
    """The keys on a line, each with everything that follows it."""
    return ((match[1], line[match.end() :]) for match in _KEY.finditer(line))
