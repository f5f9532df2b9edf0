"""The IDEs of JetBrains: the mappings of JSON Schemas, which hold for YAML and for JSON files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from weft.derived.editors.association import Association
from weft.derived.editors.jsonc import SettingsError

_COMPONENT: Final = "JsonSchemaMappingsProjectConfiguration"
_EMPTY: Final = '<?xml version="1.0" encoding="UTF-8"?>\n<project version="4">\n</project>\n'
_TAG: Final = re.compile(rb"""<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*(/?)>""")
_SCHEMA: Final = "relativePathToSchema"


@dataclass
class _Element:
    """An element with the byte offsets of its start tag and, unless it is `<x/>`, of its end tag."""

    name: str
    attributes: dict[str, str]
    start: int
    end: int = -1
    inside: list[_Element] = field(default_factory=list)

    def find(self, tag: str, /, **attributes: str) -> _Element | None:
        """The first element right below with this name and these attributes."""
        fitting = (one for one in self.inside if one.name == tag and attributes.items() <= one.attributes.items())
        return next(fitting, None)

    def option(self, name: str) -> str | None:
        """The value of an option right below."""
        found = self.find("option", name=name)
        return found.attributes.get("value") if found else None


def settings(text: str | None, associations: tuple[Association, ...]) -> str:
    """`.idea/jsonSchemas.xml` with the schemas."""
    text = text if text is not None and text.strip() else _EMPTY
    for one in associations:
        text = _with_schema(text, one)
    return text


def _with_schema(text: str, one: Association) -> str:
    data = text.encode()
    root = _parse(data)
    if root.name != "project":
        raise SettingsError("the root element is not `project`", 1, 1)
    here = root
    levels: tuple[tuple[str, dict[str, str]], ...] = (("component", {"name": _COMPONENT}), ("state", {}), ("map", {}))
    for depth, (name, attributes) in enumerate(levels):
        below = here.find(name, **attributes)
        if below is None:
            lines = _entry(one, one.name)
            for tag, named in reversed(levels[depth:]):
                lines = _element(tag, named, lines)
            return _inserted(data, here, lines)
        here = below
    for info in (info for entry in here.inside if (info := _info(entry)) and one.is_named(info.option(_SCHEMA))):
        patterns = info.find("option", name="patterns")
        if patterns is None:
            return _inserted(data, info, _patterns(one.globs))
        items = patterns.find("list")
        if items is None:
            return _inserted(data, patterns, _element("list", {}, _items(one.globs)))
        known = {item.option("path") for item in items.inside}
        missing = [glob for glob in one.globs if glob not in known]
        return _inserted(data, items, _items(missing)) if missing else text
    name = one.name
    while here.find("entry", key=name):
        name += "1"  # as the IDE does
    return _inserted(data, here, _entry(one, name))


def _info(entry: _Element) -> _Element | None:
    value = entry.find("value")
    return value.find("SchemaInfo") if value else None


def _parse(data: bytes) -> _Element:
    parser = expat.ParserCreate()
    above = [_Element("", {}, 0)]

    def start(name: str, attributes: dict[str, str]) -> None:
        above.append(_Element(name, attributes, parser.CurrentByteIndex))

    def end(name: str) -> None:
        element = above.pop()
        element.end = parser.CurrentByteIndex
        above[-1].inside.append(element)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise SettingsError(f"not XML: {expat.ErrorString(error.code)}", error.lineno, error.offset + 1) from None
    return above[0].inside[0]


def _inserted(data: bytes, element: _Element, lines: list[str]) -> str:
    """The text with lines at the end of an element."""
    newline = b"\r\n" if b"\r\n" in data else b"\n"
    first = data[data.rfind(b"\n", 0, element.start) + 1 : element.start]
    margin = first[: len(first) - len(first.lstrip())]
    new = b"".join(newline + margin + b"  " + line.encode() for line in lines)
    tag = _TAG.match(data, element.start)
    if tag and tag[1]:  # `<map/>` becomes `<map>...</map>`
        before = data[: tag.start(1)].rstrip() + b">"
        rest = b"</" + element.name.encode() + b">" + data[tag.end() :]
    else:
        before = data[: element.end].rstrip()
        rest = data[len(before) :]
    gap = b"" if rest[:1].isspace() and b"\n" in rest[: rest.index(b"<")] else newline + margin
    return (before + new + gap + rest).decode()


def _element(name: str, attributes: dict[str, str], inside: list[str]) -> list[str]:
    head = "".join([name, *(f" {key}={quoteattr(value)}" for key, value in attributes.items())])
    return [f"<{head}>", *(f"  {line}" for line in inside), f"</{name}>"]


def _entry(one: Association, name: str) -> list[str]:
    options = {"name": name, _SCHEMA: one.schema, "schemaVersion": "JSON Schema version 7"}
    info = _element("SchemaInfo", {}, [*map(_option, options, options.values()), *_patterns(one.globs)])
    return _element("entry", {"key": name}, _element("value", {}, info))


def _patterns(globs: tuple[str, ...]) -> list[str]:
    return _element("option", {"name": "patterns"}, _element("list", {}, _items(globs)))


def _items(globs: Iterable[str]) -> list[str]:
    options = ([("pattern", "true"), ("path", glob), ("mappingKind", "Pattern")] for glob in globs)
    return [line for item in options for line in _element("Item", {}, [_option(*pair) for pair in item])]


def _option(name: str, value: str) -> str:
    return f"<option name={quoteattr(name)} value={quoteattr(value)} />"
