"""Which lines of an overlay a report may show: those that cannot contain a secret.

A parsed file is compared with its schemas: `***` replaces every value that is a secret or may be one, unless it is only a reference, and
comments are removed because they may contain an earlier value. If a file could not be parsed, the meaning of its lines is unknown, so
only their outline is shown: keys with the names of settings, and `***` for the rest.

A project without any sensitive setting shows every line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from yaml.nodes import MappingNode, ScalarNode, SequenceNode
from yaml.nodes import Node as Composed

from weft.base.codes import About
from weft.base.overlay import OPERATORS
from weft.base.problems import Place, Problem
from weft.files import datafile, yaml12
from weft.files.lines import lines_of
from weft.files.reading import ProjectFiles
from weft.schema.catalog import Catalog
from weft.schema.node import Node
from weft.secrets.masking import LONG, MASK, below, is_concealed, is_instruction

_KEY: Final = re.compile(r"\s*(?:- +)*(?P<quote>[\"']?)(?P<name>[\w.$-]+)(?P=quote)\s*:(?=\s|$)")
_MARKER: Final = re.compile(r"(?:<{7}|={7}|>{7}|-{3})(?=\s|$)")
_PUNCTUATION: Final = re.compile(r"[\s\[\]{},-]*\Z")
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#")
_CUT: Final = "# ..."


Spot = tuple[int, int]
"""A line and a column, counted from 0."""


@dataclass
class _File:
    """The lines of a file. For a parsed file, also the hidden columns of each line, and the end of its values."""

    lines: list[str]
    composed: bool = False
    hidden: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)

    def hide(self, start: Spot, end: Spot) -> None:
        """Hide the text between two spots."""
        for number in range(start[0], min(end[0] + 1, len(self.lines))):
            line = self.lines[number]
            first = start[1] if number == start[0] else len(line) - len(line.lstrip())
            last = end[1] if number == end[0] else len(line)
            if first < last:
                self.hidden.setdefault(number, []).append((first, last))

    def hide_rest(self, start: Spot) -> None:
        """Hide the rest of a line after a spot."""
        self.hide(start, (start[0], len(self.lines[start[0]])))

    def shown(self, number: int) -> str:
        """The visible part of a line."""
        line = self.lines[number]
        comment = _COMMENT.search(line, self.ends.get(number, 0))
        line = line[: comment.start()] + _CUT if comment else line
        for first, last in _apart(self.hidden.get(number, ())):
            line = line[:first] + MASK + line[last:]
        return line


def _apart(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Overlapping spans combined, the last one first."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return joined[::-1]


class SecretLines:
    """Decides what reports may show of the overlays of one project."""

    def __init__(self, catalog: Catalog, files: ProjectFiles) -> None:
        self._catalog = catalog
        self._files = files
        self._known: dict[str, _File] = {}

    def guard(self, problem: Problem) -> Problem:
        """The problem with the visible part of its line; its message has no values unless the whole line is visible."""
        place = problem.place
        if problem.quiet or place is None or place.line is None or place.text is not None:
            return problem
        if problem.traits.about is About.RULE or not self._catalog.holding_secrets:
            return problem  # a rule is in a schema or in weft.yaml
        file = self._file(place.file)
        number = place.line - 1
        if number >= len(file.lines):
            return problem.without_text()  # the file became shorter while Weft ran
        if not file.composed:
            return outlined(problem, file.lines[number], self._catalog.names)
        return _covered(problem, place, file, number)

    def shown(self, name: str, text: str) -> list[str]:
        """The visible parts of the lines of a text, if they are from an overlay with this name."""
        file = self._read(name, text)
        if not self._catalog.holding_secrets:
            return file.lines
        if not file.composed:
            return [_outline(line, self._catalog.names) for line in file.lines]
        return [file.shown(number) for number in range(len(file.lines))]

    def _file(self, name: str) -> _File:
        if name not in self._known:
            try:
                text = self._files.read(self._files.folder / name).decode("utf-8-sig", "replace")
            except OSError:
                text = ""
            self._known[name] = self._read(name, text)
        return self._known[name]

    def _read(self, name: str, text: str) -> _File:
        file = _File(lines_of(text))
        try:
            if datafile.is_json(name):
                with suppress(yaml12.DuplicateKeyError):
                    datafile.parse_json(text)  # invalid JSON may still parse as YAML, with another meaning
            composed = yaml12.nodes(text)
        except yaml12.YamlError:
            return file
        file.composed = True
        if composed is not None:
            walk = _Walk(text, file)
            walk.visit(composed, self._catalog.root)
            walk.hide_repeated()
        return file


def _covered(problem: Problem, place: Place, file: _File, number: int) -> Problem:
    """The problem of a line of a parsed file, without what is hidden there."""
    spans, column = file.hidden.get(number, ()), place.column or 1
    if any(first + 1 < column for first, _ in spans):
        return problem.without_text()  # the mark below the line would point at another character
    line = file.shown(number)
    shown = problem if line == file.lines[number] else replace(problem, place=replace(place, text=line))
    is_covered = any(first < column <= last for first, last in spans)
    return replace(shown, message=problem.traits.unquoted or problem.message) if is_covered else shown


class _Walk:
    """A walk over the parsed nodes of a file, together with the nodes of the schemas."""

    def __init__(self, text: str, file: _File) -> None:
        self._text = text
        self._file = file
        self._seen: set[int] = set()
        self._visited: set[tuple[int, Node]] = set()
        self._shown: list[ScalarNode] = []
        self._secrets: set[str] = set()

    def hide_repeated(self) -> None:
        """Hide what has the value of a secret that was hidden elsewhere in the file."""
        for composed in self._shown:
            if composed.value in self._secrets:
                self._hide(composed)

    def visit(self, composed: Composed, node: Node) -> None:
        """Record what may be shown of a parsed value; once, even if several aliases refer to it or it contains itself."""
        if (id(composed), node) in self._visited:
            return
        self._visited.add((id(composed), node))
        self._note_end(composed)
        if isinstance(composed, ScalarNode):
            self._scalar(composed, node)
        elif node.conceals(_likeness(composed)):
            self._conceal(composed)
        else:
            self._inside(composed, node)

    def _scalar(self, composed: ScalarNode, node: Node) -> None:
        if is_concealed(node, _value(composed)) or (node.holds_secrets and not self._is_bare(composed)):
            self._conceal(composed)
        else:
            self._shown.append(composed)

    def _inside(self, composed: Composed, node: Node) -> None:
        """Visit what a mapping or a list has inside."""
        if node.holds_secrets and self._text[composed.start_mark.index] in "&!":  # the name of an anchor or a tag
            self._file.hide_rest(_at(composed.start_mark))
        if isinstance(composed, MappingNode):
            for key, value in composed.value:
                self._pair(key, value, node)
        elif isinstance(composed, SequenceNode):
            for index, item in enumerate(composed.value):
                if self._is_told_by_alias(item, node.child(index)):
                    self._hide(composed)
                self.visit(item, node.child(index))

    def _pair(self, key: Composed, value: Composed, node: Node) -> None:
        self._note_end(key)
        if node.holds_secrets and not (isinstance(key, ScalarNode) and self._is_bare(key)):
            self._hide(key)
            if not isinstance(key, ScalarNode):
                self._hide(value)
        if isinstance(key, ScalarNode) and not is_instruction(key.value, _value(value)):
            inside = below(node, key.value)
            if self._is_told_by_alias(value, inside):
                self._file.hide_rest(_at(key.end_mark))
            self.visit(value, inside)

    def _is_told_by_alias(self, composed: Composed, node: Node) -> bool:
        """True if a value was seen before: then this is an alias, whose exact position is unknown."""
        again = id(composed) in self._seen
        self._seen.add(id(composed))
        return again and node.holds_secrets

    def _is_bare(self, composed: ScalarNode) -> bool:
        """True if only the value was written: no tag, no anchor, no escapes."""
        written = self._text[composed.start_mark.index : composed.end_mark.index].strip()
        return bool(written.strip("\"'") == composed.value)

    def _note_end(self, composed: Composed) -> None:
        end = composed.end_mark
        self._file.ends[end.line] = max(self._file.ends.get(end.line, 0), end.column)

    def _conceal(self, composed: Composed) -> None:
        """Hide a secret, and remember the texts in it."""
        self._hide(composed)
        stack, seen = [composed], set[int]()
        while stack:
            node = stack.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, ScalarNode):
                self._secrets |= {node.value} if len(node.value) >= LONG else set()
            else:
                stack += [part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,))]

    def _hide(self, composed: Composed) -> None:
        self._file.hide(_at(composed.start_mark), _at(composed.end_mark))


def _at(mark: Any) -> Spot:
    return mark.line, mark.column


def _value(composed: Composed) -> Any:
    """The value of a scalar, or its text if it has none; None for other nodes."""
    if not isinstance(composed, ScalarNode):
        return None
    try:
        return yaml12.scalar(composed.value) if composed.tag == yaml12.PLAIN else composed.value
    except ValueError:
        return composed.value


def _likeness(composed: Composed) -> Any:
    """A mapping with the parsed keys, or a list, without values."""
    if not isinstance(composed, MappingNode):
        return []
    return {key.value if isinstance(key, ScalarNode) else "": None for key, _ in composed.value}


def outlined(problem: Problem, line: str, names: Collection[str]) -> Problem:
    """The problem with only the outline of its line: keys with these names, and no value."""
    place = problem.place and replace(problem.place, text=_outline(line, names))
    return replace(problem, message=problem.traits.unquoted or problem.message, place=place)


def _outline(line: str, names: Collection[str]) -> str:
    key = _KEY.match(line)
    if key and (key["name"] in names or key["name"] in OPERATORS):
        kept = key.end()
    else:
        marker = _MARKER.match(line)
        kept = marker.end() if marker else len(line) - len(line.lstrip())
    rest = line[kept:]
    return (
        line
        if _PUNCTUATION.match(rest)
        else f"{line[:kept]}{' ' if kept and not line[kept - 1].isspace() else ''}{MASK}"
    )
