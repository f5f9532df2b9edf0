"""YAML files as the YAML 1.2 core schema reads them, as plain JSON data.

`no`, `on` and `1:30` are strings, and so is `012`: a number with a leading zero is usually an identifier. Keys are kept exactly as
written. Duplicate keys, tags, merge keys, several documents, numbers that JSON cannot represent and alias bombs are errors. A
position is found by parsing the file again, and only when a report needs it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import BaseResolver

from weft.base.problems import Place, Problem
from weft.files import yaml_breaks, yaml_mistakes, yaml_plain
from weft.files.libyaml import CParser as _Parser
from weft.files.lines import lines_of, position_of
from weft.files.scalars import inside

ALIAS_LIMIT: Final = 100_000
"""The number of values that the aliases of a file may add to it; a long text counts as several."""
_TEXT_A_VALUE: Final = 100
DEPTH_LIMIT: Final = 100
"""The maximum nesting of mappings and lists; libyaml's own recursion would end the process at about 10,000."""

# libyaml recurses in C; only texts that could be nested deeply are read twice
_CROWDED = re.compile(r"^.*(?:[-?:][ \t]+){" + str(DEPTH_LIMIT // 2) + "}", re.MULTILINE)
_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_INDEX = re.compile(r"[0-9]+\Z")
PLAIN: Final = "plain"
"""The tag of a scalar without quotes and without a tag."""
_STR: Final = "tag:yaml.org,2002:str"
_CONTAINERS: Final = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
# https://yaml.org/spec/1.2.2/#103-core-schema, without leading zeros
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_OTHER_INT = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_BEFORE_DIGITS: Final = frozenset("+-.0123456789")
"""How all of these begin."""
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class YamlError(Exception):
    """A text that is not YAML as Weft reads it: what is wrong, where (from 1), and what to do."""

    def __init__(self, code: str, message: str, line: int | None, column: int | None, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.line, self.column, self.hint = code, message, line, column, hint

    def place(self, file: str) -> Place:
        """The place, in the file with this name in reports."""
        return Place(file, self.line, self.column)

    def problem(self, file: str) -> Problem:
        """The same as a problem of that file."""
        return Problem(self.code, self.message, place=self.place(file), hint=self.hint)


class DuplicateKeyError(YamlError):
    """A mapping contains a key twice."""


class EmptyFileError(YamlError):
    """The text is empty, or contains only comments."""


class _Composer(_Parser, BaseResolver):
    """libyaml's parser; plain scalars keep a mark so that `construct` decides what they are."""

    def __init__(self, stream: str) -> None:
        _Parser.__init__(self, stream)
        BaseResolver.__init__(self)

    def resolve(self, kind: type[Node], value: Any, implicit: Any) -> str:
        """The tag of a node without one: `plain` for an unquoted scalar."""
        if kind is ScalarNode:
            return PLAIN if implicit[0] else _STR
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]


def decode(data: bytes) -> str:
    """The text of a file; raises YamlError at the first byte that is not UTF-8."""
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        line, column = position_of(before, len(before))
        raise YamlError(
            "not-utf8",
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            line,
            column,
            "save the file in the encoding UTF-8",
        ) from None


def parse(text: str) -> Any:
    """The data of a YAML text; raises YamlError. An empty text is an error, because it is never intended."""
    return yaml_plain.read(text, scalar) or parse_any(text)


def parse_any(text: str) -> Any:
    """The same for texts that `yaml_plain` does not read."""
    root = nodes(text)
    if root is None:
        raise EmptyFileError(
            "empty-file",
            "the file contains no settings",
            1,
            1,
            "write `{}` if it sets nothing on purpose, or remove the file",
        )
    if "&" in text:
        check_aliases(root)
    return _construct(root)


def scalar(text: str) -> Any:
    """The value of a plain scalar: `"8080"` is 8080, `"no"` is `"no"`; raises ValueError for `.inf` and `.nan`."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _BEFORE_DIGITS:
        return text
    # digits after a leading zero match neither form and stay a text: they are an identifier, a mode or a phone number
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text):
        number = float(text)
        # `1e999` has the form of a number, but JSON cannot represent its value
        if number in (float("inf"), float("-inf")):
            raise ValueError(text)
        return number
    if _OTHER_INT.match(text):
        return int(str(int(text, 0)))  # raises ValueError for more decimal digits than Python writes
    if _NOT_FINITE.match(text):
        raise ValueError(text)
    return text


def position(
    text: str, path: Sequence[str | int], key: bool = False, within: tuple[int, int] | None = None
) -> tuple[int, int] | None:
    """Line and column (from 1) of the value at `path`, or of its key; None if it does not exist.

    With `within`, of that line and column inside a text value, if it can be determined.
    """
    try:
        found = _located(text)
    except YamlError:
        return None
    node = found.root
    mark = node.start_mark if node else None
    for step in path:
        pair = found.child(node, step)
        if pair is None:
            return None
        mark, node = pair[0 if key else 1].start_mark, pair[1]
    if mark is None:
        return None
    start = mark.line + 1, (_column(text, mark) if found.escapes else int(mark.column)) + 1
    inner = inside(text, start, node.value, within) if within and isinstance(node, ScalarNode) and not key else None
    return inner or start


@dataclass(frozen=True)
class _Located:
    """The nodes of a text, and the keys of those mappings that were looked up; `escapes` shift the columns."""

    root: Node | None
    escapes: bool
    keys: dict[int, dict[str, tuple[Node, Node]]] = field(default_factory=dict)

    def child(self, node: Node | None, step: str | int) -> tuple[Node, Node] | None:
        """The key and the value at a step; an item has no key, and is its own."""
        if isinstance(node, MappingNode):
            if id(node) not in self.keys:  # a report asks for thousands of keys of one mapping
                self.keys[id(node)] = {pair[0].value: pair for pair in node.value if isinstance(pair[0], ScalarNode)}
            return self.keys[id(node)].get(str(step))
        if isinstance(node, SequenceNode) and _INDEX.match(str(step)) and int(step) < len(node.value):
            return node.value[int(step)], node.value[int(step)]
        return None


def _one_escape(match: re.Match[str]) -> str:
    """A pair of JSON escapes as the single escape of YAML, which is two characters shorter."""
    return f"\\U{0x10000 + ((int(match[1], 16) - 0xD800) << 10) + int(match[2], 16) - 0xDC00:08x}"


def _column(text: str, mark: yaml.Mark) -> int:
    """The column of a mark in the text before `_one_escape`."""
    column = int(mark.column)
    for pair in _PAIR.finditer(lines_of(text)[mark.line]):
        column += 2 if pair.start() < column else 0
    return column


@lru_cache(maxsize=8)
def _located(text: str) -> _Located:
    """The nodes of a text, cached, because a report asks for many places of one file."""
    return _Located(nodes(_PAIR.sub(_one_escape, text)), _PAIR.search(text) is not None)


def nodes(written: str) -> Node | None:
    """The nodes of a text with their positions, before values are interpreted; None if the text is empty.

    Raises YamlError.
    """
    text, restored = yaml_breaks.replaced(written)
    root = _composed(text)
    yaml_breaks.restore(root, restored)
    return root


def _composed(text: str) -> Node | None:
    version = yaml_mistakes.other_version(text)
    if version:
        raise _of_mistake(version)
    try:
        check_depth(text)
        loader = _Composer(text)
        try:
            root: Node | None = loader.get_node() if loader.check_node() else None
            if loader.check_node():
                mark = _mark(loader.get_node())
                raise YamlError(
                    "several-documents",
                    "a second YAML document starts here",
                    mark.line + 1,
                    mark.column + 1,
                    "a layer file contains one document: remove the `---`, or move the document to its own file",
                )
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise _of_mistake(yaml_mistakes.explained(text, error)) from None
    except yaml.reader.ReaderError as error:
        character = error.character if isinstance(error.character, int) else ord(error.character[:1])
        raise YamlError(
            "syntax",
            f"the character U+{character:04X} is not allowed in YAML",
            *position_of(text, max(text.find(chr(character)), 0)),  # libyaml counts bytes
        ) from None
    return root


def check_depth(text: str) -> None:
    """Refuse text that is nested too deeply, event by event: composing it could overflow the C stack. Raises YamlError."""
    if not _may_be_deep(text):
        return
    loader = _Composer(text)
    depth = 0
    try:
        while loader.check_event():
            event = loader.get_event()
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH_LIMIT:
                mark = _mark(event)
                message = f"nested deeper than {DEPTH_LIMIT} levels"
                raise YamlError("syntax", message, mark.line + 1, mark.column + 1)
    finally:
        loader.dispose()


def _may_be_deep(text: str) -> bool:
    if text.count("[") + text.count("{") > DEPTH_LIMIT or " " * DEPTH_LIMIT in text:
        return True
    return (
        max(text.count("- ") + text.count("-\t"), text.count("? "), text.count(": ")) > DEPTH_LIMIT
        and _CROWDED.search(text) is not None
    )


def _mark(found: Any) -> yaml.Mark:
    """The start of a node or an event."""
    mark: yaml.Mark = found.start_mark
    return mark


def conflict_in(text: str) -> YamlError | None:
    """The merge conflict that Git left in a file of any format, if there is one."""
    conflict = yaml_mistakes.conflict(text)
    return _of_mistake(conflict) if conflict else None


def _of_mistake(mistake: yaml_mistakes.Mistake) -> YamlError:
    return YamlError(mistake.code, mistake.message, mistake.line + 1, mistake.column + 1, mistake.hint)


def check_aliases(root: Node) -> None:
    """Refuse a text whose aliases expand to much more than its own size. Raises YamlError.

    The values are counted, not expanded: the target of an alias is counted once, and its size is added for each use.
    """
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()
    written = 0

    def size(node: Node) -> int:
        nonlocal written
        known = sizes.get(id(node))
        if known is not None:
            return known
        if isinstance(node, ScalarNode):
            sizes[id(node)] = total = 1 + len(node.value) // _TEXT_A_VALUE
            written += total
            return total
        if id(node) in open_nodes:
            raise _error("alias-cycle", "an alias is inside the value that it refers to", node)
        open_nodes.add(id(node))
        written += 1
        children = [child for pair in node.value for child in pair] if isinstance(node, MappingNode) else node.value
        total = 1 + sum(map(size, children))
        open_nodes.discard(id(node))
        if total - written > ALIAS_LIMIT:
            hint = "write the values out, or move shared values to a lower layer"
            raise _error("alias-bomb", f"the aliases expand to more than {ALIAS_LIMIT:,} values", node, hint)
        sizes[id(node)] = total
        return total

    size(root)


def _construct(node: Node) -> Any:
    tag = node.tag
    if isinstance(node, ScalarNode):
        return node.value if tag == _STR else _scalar(node)
    if tag not in _CONTAINERS:
        raise _unknown_tag(node)
    if isinstance(node, SequenceNode):
        return [_construct(child) for child in node.value]
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _key(key_node)
        if key in result:
            first = next(other for other, _ in node.value if other.value == key)
            raise DuplicateKeyError(
                "duplicate-key",
                f"this mapping contains `{key}` twice, first on line {first.start_mark.line + 1}",
                key_node.start_mark.line + 1,
                key_node.start_mark.column + 1,
                "remove one of the two",
            )
        result[key] = _construct(value_node)
    return result


def _key(node: Node) -> str:
    if not isinstance(node, ScalarNode) or node.tag not in (PLAIN, _STR):
        template = isinstance(node, MappingNode) and node.flow_style
        hint = "quote it if `{{ ... }}` is a text: overlays are data, not templates" if template else None
        raise _error("bad-key", "a key must be a plain text", node, hint)
    if node.tag == PLAIN and node.value == "<<":
        raise _error("merge-key", "YAML 1.2 has no merge key `<<`", node, "move shared values to a lower layer")
    return str(node.value)


def _scalar(node: ScalarNode) -> Any:
    text = node.value
    if node.tag == PLAIN:
        try:
            return scalar(text)
        except ValueError:
            raise _error(
                "not-a-json-number", f"JSON has no number for `{text[:40]}`", node, "quote it if it is a text"
            ) from None
    name = node.tag.removeprefix("tag:yaml.org,2002:")
    try:
        value = scalar(text) if name in ("int", "float", "bool", "null") else None
    except ValueError:
        value = text
    if name == "float" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if name not in ("int", "float", "bool", "null"):
        raise _unknown_tag(node)
    if type(value).__name__ != {"null": "NoneType"}.get(name, name):
        raise _error("bad-tag", f"`{text}` does not have the type of its tag `!!{name}`", node)
    return value


def _unknown_tag(node: Node) -> YamlError:
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    return _error("bad-tag", f"unknown tag `{tag}`", node, "overlays are plain data: remove the tag")


def _error(code: str, message: str, node: Node, hint: str | None = None) -> YamlError:
    return YamlError(code, message, node.start_mark.line + 1, node.start_mark.column + 1, hint)
