"""The IDEs of JetBrains: the mappings of JSON Schemas, which apply to YAML and JSON files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from weft.derived.editors.association import Association
from weft.files.jsonc import SettingsError

_COMPONENT: Final = "JsonSchemaMappingsProjectConfiguration"
_EMPTY: Final = '<?xml version="1.0" encoding="UTF-8"?>\n<project version="4">\n</project>\n'
_TAG: Final = re.compile(rb"""<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*(/?)>""")
_SCHEMA: Final = "relativePathToSchema"
_Level = tuple[str, dict[str, str]]
_LEVELS: Final[tuple[_Level, ...]] = (("component", {"name": _COMPONENT}), ("state", {}), ("map", {}))
"""The elements around the mappings."""


@dataclass
class _Element:
    """An element with the byte offsets of its start tag and, unless it is `<x/>`, of its end tag."""

    name: str
    attributes: dict[str, str]
    start: int
    end: int = -1
    inside: list[_Element] = field(default_factory=list)

    def find(self, tag: str, /, **attributes: str) -> _Element | None:
        """The first child element with this name and these attributes."""
        for element in self.inside:
            if element.name == tag and attributes.items() <= element.attributes.items():
                return element
        return None

    def option(self, name: str) -> str | None:
        """The value of a child option."""
        option = self.find("option", name=name)
        return option.attributes.get("value") if option else None


def settings(text: str | None, associations: tuple[Association, ...]) -> str:
    """`.idea/jsonSchemas.xml` with the schemas."""
    text = text if text is not None and text.strip() else _EMPTY
    for association in associations:
        text = _with_schema(text, association)
    return text


def _with_schema(text: str, association: Association) -> str:
    data = text.encode()
    root = _parse(data)
    if root.name != "project":
        raise SettingsError("the root element is not `project`", 1, 1)
    container, missing = _innermost(root)
    if missing:
        lines = _entry(association, association.name)
        for tag, attributes in reversed(missing):
            lines = _element(tag, attributes, lines)
        return _inserted(data, container, lines)
    infos = (info for info in map(_info, container.inside) if info and association.is_named(info.option(_SCHEMA)))
    info = next(infos, None)
    if info is not None:
        return _with_globs(data, info, association.globs)
    name = association.name
    while container.find("entry", key=name):
        name += "1"  # as the IDE does
    return _inserted(data, container, _entry(association, name))


def _innermost(root: _Element) -> tuple[_Element, Sequence[_Level]]:
    """The innermost existing element on the path to the mappings, and the missing levels inside it."""
    element = root
    for depth, (name, attributes) in enumerate(_LEVELS):
        child = element.find(name, **attributes)
        if child is None:
            return element, _LEVELS[depth:]
        element = child
    return element, ()


def _with_globs(data: bytes, info: _Element, globs: tuple[str, ...]) -> str:
    """The text with these globs added to a schema."""
    patterns = info.find("option", name="patterns")
    if patterns is None:
        return _inserted(data, info, _patterns(globs))
    items = patterns.find("list")
    if items is None:
        return _inserted(data, patterns, _element("list", {}, _items(globs)))
    present = {item.option("path") for item in items.inside}
    missing = [glob for glob in globs if glob not in present]
    return _inserted(data, items, _items(missing)) if missing else data.decode()


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
        # expat gives the offset of the end tag, which is where elements can be inserted
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


def _entry(association: Association, name: str) -> list[str]:
    options = {"name": name, _SCHEMA: association.schema, "schemaVersion": "JSON Schema version 7"}
    info = _element("SchemaInfo", {}, [*map(_option, options, options.values()), *_patterns(association.globs)])
    return _element("entry", {"key": name}, _element("value", {}, info))


def _patterns(globs: tuple[str, ...]) -> list[str]:
    return _element("option", {"name": "patterns"}, _element("list", {}, _items(globs)))


def _items(globs: Iterable[str]) -> list[str]:
    options = ([("pattern", "true"), ("path", glob), ("mappingKind", "Pattern")] for glob in globs)
    return [line for item in options for line in _element("Item", {}, [_option(*pair) for pair in item])]


def _option(name: str, value: str) -> str:
    return f"<option name={quoteattr(name)} value={quoteattr(value)} />"
