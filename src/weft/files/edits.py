"""Edits of YAML and JSON files that preserve everything else: comments, order, indentation, line ends.

`with_value` adds a value where there is none, `with_insertion` inserts text into an existing text. The edited file is parsed again and
must have the same content plus this change; otherwise an `EditError` is raised, and the caller asks people to edit the file
themselves. Typical reasons are an alias, an operator, or a value of another type.

JSON is edited by `jsonc`. In YAML, the places of values are those of the nodes of `yaml12`.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from weft.base.paths import dotted, get
from weft.files import jsonc, yaml12
from weft.files.datafile import is_json, parse_json, parse_named
from weft.files.formats import flow_yaml, plain_scalar, to_json, to_yaml
from weft.files.jsonc import END

_REMARK: Final = re.compile(r"#[^\r\n]*")


class EditError(Exception):
    """A file that cannot be edited at a place; `line` and `column` count from 1, if the place is known."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


def with_value(text: str, name: str, path: Sequence[str | int], value: Any) -> str:
    """The text of a file with a new value at a path. Missing mappings on the path are created.

    A path that ends with END stands for one more item of a list. Raises EditError.
    """
    steps = tuple(path)
    data = _read(text, name)
    try:
        as_json = is_json(name) or _is_json_text(text)
        edited = (jsonc.with_value if as_json else _yaml_with_value)(text, steps, value)
    except jsonc.SettingsError as error:
        raise EditError(error.message, error.line, error.column) from None
    _put(data, steps, value)
    _verify(edited, name, data, steps)
    return edited


def with_replacement(text: str, name: str, path: Sequence[str | int], value: Any) -> str:
    """The text of a file with another value in place of a scalar. Raises EditError."""
    steps = tuple(path)
    leaf = next((one for one in leaves(text, name) if one.path == steps), None)
    if leaf is None:
        raise EditError(f"{dotted(steps)} is not a single value")
    written = to_json(value, indent=None) if is_json(name) or _is_json_text(text) else plain_scalar(value)
    edited = text[: leaf.start] + written + text[leaf.end :]
    data = _read(text, name)
    holder = get(data, steps[:-1])
    holder[steps[-1]] = value
    _verify(edited, name, data, steps)
    return edited


def with_insertion(text: str, name: str, path: Sequence[str | int], offset: int, insertion: str) -> str:
    """The text of a file with an insertion into a text value, at an offset of the value.

    Raises EditError.
    """
    data = _read(text, name)
    *above, last = path
    holder = data
    for step in above:
        holder = holder[step]
    value: str = holder[last]
    before = value[:offset]
    within = before.count("\n") + 1, offset - before.rfind("\n")
    start, place = yaml12.position(text, path), yaml12.position(text, path, within=within)
    if start is None or place is None:
        raise EditError(f"the place in {dotted(path)} cannot be found")
    lines = text.split("\n")
    opening = lines[start[0] - 1][start[1] - 1]
    written = {'"': json.dumps(insertion, ensure_ascii=False)[1:-1], "'": insertion.replace("'", "''")}
    line = lines[place[0] - 1]
    lines[place[0] - 1] = line[: place[1] - 1] + written.get(opening, insertion) + line[place[1] - 1 :]
    holder[last] = value[:offset] + insertion + value[offset:]
    edited = "\n".join(lines)
    _verify(edited, name, data, path)
    return edited


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is not a mapping or list: its path in the data, and its offsets in the text."""

    path: tuple[str | int, ...]
    data: Any
    start: int
    end: int


def leaves(text: str, name: str) -> list[Leaf]:
    """The leaves of a file, in order. Raises EditError when the file cannot be read."""
    data = _read(text, name)
    if is_json(name):
        return list(_json_leaves(jsonc.parse(text), ()))
    root = yaml12.nodes(text)
    found: dict[int, Leaf] = {}
    for leaf in _yaml_leaves(root, data, ()) if root else ():
        found.setdefault(leaf.start, leaf)  # the target of aliases has one position only
    return list(found.values())


def _read(text: str, name: str) -> Any:
    """A copy of the data of a file, in which aliased values are not shared. Raises EditError."""
    try:
        return json.loads(json.dumps(parse_named(text.encode(), name)))
    except yaml12.YamlError as error:
        raise EditError(error.message, error.line, error.column) from None


def _json_leaves(value: jsonc.Value, path: tuple[str | int, ...]) -> Iterator[Leaf]:
    if not value.members and not value.items:
        yield Leaf(path, value.data, value.start, value.end)
    for key, below in value.members.items():
        yield from _json_leaves(below, (*path, key))
    for index, below in enumerate(value.items):
        yield from _json_leaves(below, (*path, index))


def _yaml_leaves(node: Node, data: Any, path: tuple[str | int, ...]) -> Iterator[Leaf]:
    if isinstance(node, MappingNode):
        for key, below in node.value:
            yield from _yaml_leaves(below, data[key.value], (*path, key.value))
    elif isinstance(node, SequenceNode):
        for index, below in enumerate(node.value):
            yield from _yaml_leaves(below, data[index], (*path, index))
    else:
        yield Leaf(path, data, node.start_mark.index, node.end_mark.index)


def _put(data: Any, path: tuple[str | int, ...], value: Any) -> None:
    """Put a value into data, like `with_value` for text."""
    for step, following in itertools.pairwise(path):
        if isinstance(data, dict) and step not in data:
            data[step] = [] if following == END else {}
        data = data[step]
    if isinstance(data, list):
        data.append(value)
    else:
        data[path[-1]] = value


def _verify(edited: str, name: str, wanted: Any, path: Sequence[str | int]) -> None:
    """Raise EditError unless an edited text has the expected content; this proves that the edit is correct."""
    try:
        right = to_json(parse_named(edited.encode(), name)) == to_json(wanted)
    except yaml12.YamlError:
        right = False
    if not right:
        where = dotted([step for step in path if step != END])
        raise EditError(f"{where or 'the file'} is written in a way that does not allow additions")


def _is_json_text(text: str) -> bool:
    """True if a file that may be YAML is in fact JSON, and should stay so."""
    try:
        return text.lstrip()[:1] in ("{", "[") and bool(parse_json(text))
    except yaml12.YamlError:
        return False


def _yaml_with_value(text: str, path: tuple[str | int, ...], value: Any) -> str:
    root = yaml12.nodes(text)
    if root is None:
        raise EditError("the file is empty", 1, 1)
    container, missing, key = _innermost(root, path)
    data = _entry(missing, value)
    if not isinstance(container, SequenceNode if missing[0] == END else MappingNode):
        raise _error(container, f"{'a list' if missing[0] == END else 'a mapping'} is expected here")
    if not isinstance(container, CollectionNode) or not container.flow_style:
        return _in_block(text, container, data)
    if not container.value and (container is root or key is not None):
        return _in_place_of(text, container, key, data)
    brackets = _brackets(container)
    written = flow_yaml(data)[1:-1]
    return jsonc.put_last(text, brackets, "  ", lambda _: written, _REMARK, inline=True)


def _entry(steps: tuple[str | int, ...], value: Any) -> dict[str, Any] | list[Any]:
    """A value inside of new mappings and lists at these steps."""
    first, *rest = steps
    for step in reversed(rest):
        value = [value] if step == END else {step: value}
    return [value] if first == END else {str(first): value}


def _innermost(root: Node, path: tuple[str | int, ...]) -> tuple[Node, tuple[str | int, ...], Node | None]:
    """The innermost existing node on a path, the missing steps inside it, and its key in a block."""
    node, block_key = root, None
    for depth, step in enumerate(path):
        pair = _child(node, step)
        if pair is None:
            return node, path[depth:], block_key
        key, child = pair
        if child.start_mark.index < max(key.start_mark.index if key is not child else 0, node.start_mark.index):
            raise _error(key, "this is an alias: the change would affect other places too")
        block_key = key if isinstance(node, MappingNode) and not node.flow_style else None
        node = child
    raise _error(node, "there is already a value")


def _child(node: Node, step: str | int) -> tuple[Node, Node] | None:
    """The key and the value at a step of a node."""
    if isinstance(node, MappingNode):
        return next((pair for pair in node.value if isinstance(pair[0], ScalarNode) and pair[0].value == step), None)
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _in_block(text: str, container: Node, data: Any) -> str:
    """The text with more entries at the end of a mapping or a list in block style."""
    first = container.value[0][0] if isinstance(container, MappingNode) else container
    column = first.start_mark.column
    at = _line_after(text, _end(container))
    while column and re.match(rf" {{{column},}}#", text[at:]):  # comments that belong to the container
        at = _line_after(text, at)
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = [" " * column + line + newline for line in to_yaml(data, plain_scalar).split("\n")]
    gap = newline if text[:at] and not text[:at].endswith("\n") else ""
    return text[:at] + gap + "".join(lines) + text[at:]


def _in_place_of(text: str, empty: Node, key: Node | None, data: Any) -> str:
    """The text with a block instead of the empty brackets that are all of it or follow a key."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = to_yaml(data, plain_scalar).split("\n")
    before, end = text[: empty.start_mark.index], int(empty.end_mark.index)
    if key is None:
        return before + newline.join(lines) + text[end:]
    indent = " " * (key.start_mark.column + 2)
    line_end = _line_after(text, end)
    rest = text[end:line_end].rstrip()  # a comment stays next to the key
    after = newline + text[line_end:] if line_end < len(text) or text.endswith("\n") else ""
    return f"{before.rstrip(' ')}{rest}{newline}{newline.join(indent + line for line in lines)}{after}"


def _end(node: Node) -> int:
    """The end of the last value of a node; the end mark of a block is after the comments that follow it."""
    if isinstance(node, CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return max(map(_end, last)) if isinstance(node, MappingNode) else _end(last)
    # the mark of a block scalar is at the start of the line after it
    return int(node.end_mark.index) - (isinstance(node, ScalarNode) and node.style in ("|", ">"))


def _line_after(text: str, at: int) -> int:
    """The start of the line after the one at an offset."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _brackets(node: Node) -> jsonc.Value:
    """A mapping or list in brackets, as `jsonc` knows it."""
    empty: Any = {} if isinstance(node, MappingNode) else []
    brackets = jsonc.Value(empty, node.start_mark.index, node.end_mark.index)
    values = [pair[1] for pair in node.value] if isinstance(node, MappingNode) else node.value
    brackets.items += [jsonc.Value(None, one.start_mark.index, one.end_mark.index) for one in values]
    return brackets


def _error(node: Node, message: str) -> EditError:
    return EditError(message, node.start_mark.line + 1, node.start_mark.column + 1)
