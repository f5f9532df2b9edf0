"""JSON with optional comments: missing values are added, and every existing character is preserved.

No library on PyPI edits such files without Node.js or without rewriting them, so this is the little that is needed: the position of
each value, adding items to lists, and adding members to objects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from json import JSONDecodeError, JSONDecoder
from typing import Any, Final

# strings are matched first and kept, so the `//` of a URL inside one is not read as a comment
_COMMENT: Final = re.compile(r'("(?:[^"\\\r\n]|\\.)*")|//[^\r\n]*|/\*.*?\*/|\ufeff', re.DOTALL)
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_BARE: Final = re.compile(r"-?[0-9][0-9.eE+-]*|[a-z]+")
_REMARK: Final = re.compile(r"//[^\r\n]*|/\*.*?\*/", re.DOTALL)

_BRIEF: Final = 80
"""The characters of a list or an object on one line."""
END: Final = "-"
"""The last step of a path to an item that a list does not have yet, as in JSON Patch (RFC 6902)."""


class SettingsError(Exception):
    """A file that an editor would not accept; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


@dataclass
class Value:
    """A value with its position in the text: `end` is the offset after it."""

    data: Any
    start: int
    end: int
    members: dict[str, Value] = field(default_factory=dict)
    items: list[Value] = field(default_factory=list)

    @property
    def inside(self) -> list[Value]:
        """The direct children of this value, in order."""
        return sorted([*self.members.values(), *self.items], key=lambda value: value.start)


def parse(text: str) -> Value:
    """The value of a text, with positions; a text without a value is an empty object.

    Raises SettingsError when it is not JSON with comments.
    """
    reader = _Reader(_not_empty(text))
    try:
        value = reader.value(reader.skip(0))
    except RecursionError:
        raise SettingsError("nested too deeply", 1, 1) from None
    rest = reader.skip(value.end)
    if rest < len(reader.text):
        raise reader.wrong(rest, "there is more after the end")
    return value


def with_items(text: str, path: tuple[str | int, ...], items: list[Any]) -> str:
    """The text with a list at `path` that contains these items; an existing single value becomes the first item.

    Raises SettingsError when the text is not JSON with comments, or has a value of another type on the path.
    """
    text = _not_empty(text)
    root = parse(text)
    value, missing_keys = _innermost(text, root, path)
    if missing_keys:
        return _with_keys(text, root, value, missing_keys, items)
    if isinstance(value.data, str):
        return _as_list(text, value, items)
    if not isinstance(value.data, list):
        raise _misfit(text, value, "a list")
    missing = [item for item in items if item not in value.data]
    # every insertion moves the following text, so positions are computed again for the next item
    return with_items(_inserted(text, root, value, "", missing[0]), path, items) if missing else text


def with_value(text: str, path: tuple[str | int, ...], data: Any) -> str:
    """The text with one more value: a member at `path`, or the last item of a list if the path ends with END.

    Missing objects on the path are created. Raises SettingsError when the text is not JSON with comments, a value on the path has
    another type, or the member already exists.
    """
    root = parse(text)
    value, missing = _innermost(text, root, path)
    if not missing:
        raise _misfit(text, value, "nothing yet")
    if missing[0] == END and isinstance(value.data, list):
        return _inserted(text, root, value, "", data, brief=True)
    return _with_keys(text, root, value, missing, data, brief=True)


def _with_keys(
    text: str, root: Value, value: Value, keys: tuple[str | int, ...], data: Any, *, brief: bool = False
) -> str:
    """The text with a new member of an object: the first of these keys, which contains the others, nested."""
    if not isinstance(value.data, dict):
        raise _misfit(text, value, "an object")
    key, *further = keys
    for name in reversed(further):
        data = [data] if name == END else {name: data}
    return _inserted(text, root, value, f"{json.dumps(key, ensure_ascii=False)}: ", data, brief=brief)


def _innermost(text: str, root: Value, path: tuple[str | int, ...]) -> tuple[Value, tuple[str | int, ...]]:
    """The innermost existing value on a path, and the missing steps inside it."""
    value = root
    for depth, step in enumerate(path):
        if isinstance(step, int):
            value = value.items[step]
            continue
        if step == END and isinstance(value.data, list):
            return value, path[depth:]
        if not isinstance(value.data, dict):
            raise _misfit(text, value, "an object")
        if step not in value.members:
            return value, path[depth:]
        value = value.members[step]
    return value, ()


def _as_list(text: str, value: Value, items: list[Any]) -> str:
    """The text with a list of a single value and the other items, instead of the single value."""
    others = "".join(f", {json.dumps(item, ensure_ascii=False)}" for item in items if item != value.data)
    return f"{text[: value.start]}[{text[value.start : value.end]}{others}]{text[value.end :]}" if others else text


def _not_empty(text: str) -> str:
    if _COMMENT.sub(lambda match: match[1] or "", text).strip():
        return text
    kept = text.rstrip()
    return f"{kept}{_newline(text) if kept else ''}{{}}{_newline(text)}"


class _Reader:
    """One text as JSON: every character of a comment becomes a space, so the offsets of values match the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.plain = _COMMENT.sub(lambda match: match[1] or re.sub(r"[^\r\n]", " ", match[0]), text)
        self.decoder = JSONDecoder()

    def skip(self, at: int) -> int:
        """The offset after white space and comments."""
        space = _SPACE.match(self.plain, at)
        return space.end() if space else at

    def wrong(self, at: int, message: str) -> SettingsError:
        line = self.text.count("\n", 0, at) + 1
        return SettingsError(message, line, at - self.text.rfind("\n", 0, at))

    def value(self, at: int) -> Value:
        opening = self.plain[at : at + 1]
        if opening in ("{", "["):
            return self.container(at, "}" if opening == "{" else "]")
        if opening != '"' and not _BARE.match(self.plain, at):
            raise self.wrong(at, "a value is missing here" if opening in ("", ",", "}", "]") else "this is not a value")
        try:
            data, end = self.decoder.raw_decode(self.plain, at)
        except (JSONDecodeError, ValueError) as error:
            place = error.pos if isinstance(error, JSONDecodeError) else at
            raise self.wrong(min(place, len(self.plain)), "this is not a value") from None
        return Value(data, at, end)

    def container(self, start: int, closing: str) -> Value:
        """An object or a list; a comma may follow its last value."""
        whole = Value({} if closing == "}" else [], start, start)
        at = self.skip(start + 1)
        while self.plain[at : at + 1] != closing:
            key = self.key(at) if closing == "}" else None
            value = self.value(self.skip(self.skip(key.end) + 1) if key else at)
            if key:
                whole.members[key.data] = value
                whole.data[key.data] = value.data
            else:
                whole.items.append(value)
                whole.data.append(value.data)
            at = self.skip(value.end)
            if self.plain[at : at + 1] == ",":
                at = self.skip(at + 1)
            elif self.plain[at : at + 1] != closing:
                raise self.wrong(at, f"`,` or `{closing}` is missing here")
        whole.end = at + 1
        return whole

    def key(self, at: int) -> Value:
        if self.plain[at : at + 1] != '"':
            raise self.wrong(at, "a key in quotes is missing here")
        key = self.value(at)
        colon = self.skip(key.end)
        if self.plain[colon : colon + 1] != ":":
            raise self.wrong(colon, "`:` is missing here")
        return key


def _inserted(text: str, root: Value, container: Value, head: str, data: Any, *, brief: bool = False) -> str:
    """The text with one more value at the end of a container, after existing comments.

    A `brief` value has small lists and objects on one line, or all of it if its container is on one line.
    """
    unit = _unit(text, root)
    around = container if brief else root
    one_line = "\n" not in text[around.start : around.end] and bool(around.inside)
    lines = json.dumps(data, ensure_ascii=False) if one_line else pretty(data, unit, brief=brief)

    def write(indent: str) -> str:
        return head + lines.replace("\n", f"{_newline(text)}{indent}")

    return put_last(text, container, unit, write, _REMARK, inline=one_line)


def put_last(
    text: str,
    container: Value,
    unit: str,
    write: Callable[[str], str],
    remark: re.Pattern[str],
    *,
    inline: bool = False,
) -> str:
    """The text with one more value at the end of a container in brackets, after existing comments.

    `write` gives the value's text for an indentation, `unit` is one level of it, `remark` matches a comment. A value gets its own line
    if the closing bracket has one; with `inline`, the first value of an empty container stays on its line.
    """
    close = container.end - 1
    last = max((value.end for value in container.inside), default=container.start + 1)
    kept = text[last:close].rstrip()
    many = "\n" in text[container.start : close] if container.inside or inline else True
    comma = "," if container.inside and "," not in remark.sub("", text[last:close]) else ""
    margin = _margin(text, container)
    indent = margin + unit if not container.inside else _margin(text, container.inside[-1])
    gap = f"{_newline(text)}{indent}" if many else " " if container.inside else ""
    after = text[last + len(kept) : close]
    if many and "\n" not in after:
        after = f"{_newline(text)}{margin}"
    return f"{text[:last]}{comma}{kept}{gap}{write(indent if many else margin)}{after}{text[close:]}"


def pretty(data: Any, unit: str = "  ", *, brief: bool = True) -> str:
    """JSON in several lines; with `brief`, containers of a few plain values stay on one line."""
    line = json.dumps(data, ensure_ascii=False)
    if not isinstance(data, dict | list) or not data or (brief and _is_brief(data, line)):
        return line
    if isinstance(data, dict):
        opening, closing = "{}"
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {pretty(data[key], unit, brief=brief)}" for key in data]
    else:
        opening, closing = "[]"
        parts = [pretty(value, unit, brief=brief) for value in data]
    body = ",\n".join(parts).replace("\n", f"\n{unit}")
    return f"{opening}\n{unit}{body}\n{closing}"


def _is_brief(data: dict[str, Any] | list[Any], line: str) -> bool:
    """True if a container is a short list of plain values, or one plain value with its key."""
    values = data if isinstance(data, list) else data.values()
    small = len(line) <= _BRIEF and (isinstance(data, list) or len(data) == 1)
    return small and not any(isinstance(value, dict | list) for value in values)


def _margin(text: str, value: Value) -> str:
    """The white space before the line on which a value begins."""
    line = text[text.rfind("\n", 0, value.start) + 1 : value.start]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str, root: Value) -> str:
    """The indentation of one level."""
    first = root.inside[:1]
    return (_margin(text, first[0]) if first else "") or "  "


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _misfit(text: str, value: Value, wanted: str) -> SettingsError:
    return _Reader(text).wrong(value.start, f"{wanted} is expected here")
