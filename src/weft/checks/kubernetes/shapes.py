"""Documents of a shape that is known to be right are not parsed: a fleet renders the same ones again and again.

A document is cut into a skeleton and its values. Values are after `key: ` up to the end of the line, or in a block below it, in one of
a few forms; the skeleton is everything else, as it is. Nothing is lost, so two documents with one skeleton differ only in values. When
the full check has found no problem in a document, its skeleton is remembered, with those of its values that must stay the same. The
others are free: the object's name, its namespace, the values of its labels, and the texts in `data` of a ConfigMap or in `stringData` of
a Secret.

Why a document that is known is one in which the full check would find no problem, and the same object:

1. Where a free value is, libyaml found a scalar in the document that was checked, which begins and ends where the value does, and
   belongs to a key in block style. This module does not guess: what only looks like a value, in a comment or in a longer text, must
   stay the same.
2. Any value of the forms of `_VALUE` is a scalar in that place, and ends where its line or its block does: quotes do not appear in quotes,
   escapes are a few that are right, plain words contain neither `: ` nor ` #`, a block is indented by four spaces below a key with
   less, and nothing contains a character that YAML refuses or takes for the end of a line. So all that precedes and follows it is
   parsed as before. (After a plain word, YAML refuses tabs that it takes after quotes; documents with tabs outside of free values are
   not remembered.)
3. The scalar is a text: it is in quotes, a block, or a word that begins with a letter and is not a word of YAML 1.1. It has no tag and no
   anchor, because nothing is between it and its key, and no alias repeats it, because documents with `&` outside of free values are
   not remembered.
4. Of a text in these places the schemas want nothing more. What the rules of the API want is asked again: of names, namespaces and
   labels. The data cannot have more bytes than are allowed, because the document has not. Whether the namespace is that of the target,
   and no other object has the same name, is for the caller.
5. All else is as it was when the full check looked at it. A value that a schema or a rule looks at, quoted or not, must stay the same.

Every doubt is for the full check.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import yaml

from weft.checks.kubernetes import rules
from weft.checks.kubernetes.documents import CHARACTER
from weft.checks.kubernetes.noted import Noted
from weft.files import yaml11

BUDGET: Final = 16 * 1024 * 1024
"""The number of characters that are remembered, about; with more, everything is forgotten."""
_OF_A_TEXT: Final = 50
"""What a text that is remembered takes besides its characters."""
_MOST: Final = 2_000
"""The number of values that are looked for in a document; the rest of it must stay the same."""
_MET: Final = 100_000
"""The number of skeletons of which is known that they were met once."""

_OTHERS: Final = CHARACTER.replace(" -~", r" !#-&(-\[\]-~")
"""All of these but quotes and backslashes."""
_ESCAPE: Final = r'\\(?:["\\/nrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})'
_QUOTED: Final = rf'"[{_OTHERS}\']*+(?:{_ESCAPE}[{_OTHERS}\']*+)*+"'
_SINGLE: Final = rf"'[{_OTHERS}\"\\]*+'"
_WORD: Final = rf"(?!(?:{'|'.join(sorted(yaml11.WORDS - {'~'}))})\n)[A-Za-z][A-Za-z0-9_./-]*+"
_LINE: Final = rf"[{CHARACTER}\t]*\n"
_BLOCK: Final = rf"\|-?\n {{4}}(?![ \t\n]){_LINE}(?: {{4}}{_LINE}|\n)*+"
_SIGN: Final = ": "
_VALUE = re.compile(rf"{_SIGN}((?:{_QUOTED}|{_SINGLE}|{_WORD})(?=\n)|{_BLOCK})")
_HOLE: Final = "\0"
"""What a skeleton has in place of a value and the sign before it; no text of YAML contains it."""
_ODD = re.compile(r"[&\t]")
_DATA: Final = {"ConfigMap": "data", "Secret": "stringData"}  # pragma: allowlist secret

Cut = tuple[str, list[str]]
"""The skeleton of a document, and its values."""
_Entry = tuple[Any, Any]
"""The nodes of a key and its value."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the values of a skeleton are that are more than a part of it: indexes among its values."""

    fixed: tuple[int, ...]
    name: int | None
    namespace: int | None
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Shape:
    """A skeleton, and an object for each choice of its fixed values with which it was right."""

    layout: _Layout
    right: dict[tuple[str, ...], Noted] = field(default_factory=dict)

    def noted(self, values: Sequence[str], number: int) -> Noted | None:
        """The object with these values, as document of this number; None if it may be wrong."""
        layout = self.layout
        known = self.right.get(tuple([values[index] for index in layout.fixed]))
        if known is None:
            return None
        name = known.name if layout.name is None else _text(values[layout.name])
        namespace = known.namespace if layout.namespace is None else _text(values[layout.namespace])
        if not _may_be_called(known.kind, name, namespace):
            return None
        for index in layout.labels:
            if not rules.is_label(_text(values[index])):
                return None
        return Noted(known.api_version, known.kind, name, namespace, number, ())


class Shapes:
    """The shapes that were right; threads may share them."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._shapes: dict[str, _Shape] = {}
        self._met: set[int] = set()
        self._budget = self._left = budget
        self._lock = Lock()

    def noted(self, cut: Cut, number: int) -> Noted | None:
        """The object of a document that is without any problem, as the one of this number; None if the full check must decide."""
        skeleton, values = cut
        shape = self._shapes.get(skeleton)
        return shape.noted(values, number) if shape is not None else None

    def learn(self, cut: Cut, root: Any, noted: Noted) -> None:
        """Remember the shape of a document that is alone, whose tree this is, and whose only object is right, when it comes again."""
        skeleton, values = cut
        if hash(skeleton) not in self._met:  # most that are not of a fleet never come again
            if len(self._met) >= _MET:
                self._met.clear()
            self._met.add(hash(skeleton))
            return
        layout = _layout(root, _places(skeleton, values), noted.kind)
        if layout is not None:
            fixed = tuple([values[index] for index in layout.fixed])
            if not _ODD.search("".join((skeleton, *fixed))):
                with self._lock:
                    self._keep(skeleton, layout, fixed, noted)

    def _keep(self, skeleton: str, layout: _Layout, fixed: tuple[str, ...], noted: Noted) -> None:
        shape = self._shapes.get(skeleton) or _Shape(layout)
        if shape.layout != layout or fixed in shape.right:
            return
        texts = (skeleton, *fixed, *filter(None, noted[:4]))
        self._left -= sum(map(len, texts)) + _OF_A_TEXT * len(texts)
        if self._left < 0:
            self._shapes.clear()
            self._left = self._budget
        shape.right[fixed] = noted
        self._shapes[skeleton] = shape


def _may_be_called(kind: str, name: str, namespace: str | None) -> bool:
    """True if an object of a kind may have this name and be in this namespace; a name in which an escape may be is not read."""
    is_name = "\\" not in name and rules.is_name(kind, name)
    return is_name and (namespace is None or rules.is_namespace(namespace))


def cut(document: str) -> Cut | None:
    """The skeleton and the values of a document; None if it must be checked in full."""
    # a character has at most four bytes
    if len(document) * (1 if document.isascii() else 4) > rules.MAX_DATA or _HOLE in document:
        return None
    parts = _VALUE.split(document, _MOST)
    return _HOLE.join(parts[::2]), parts[1::2]


def _text(value: str) -> str:
    """The text of a value without its quotes."""
    return value[1:-1] if value[0] in "\"'" else value


def _places(skeleton: str, values: Sequence[str]) -> dict[int, tuple[int, str]]:
    """The number of each value, and the value, by the index at which it starts."""
    places, start = {}, 0
    for number, (part, value) in enumerate(zip(skeleton.split(_HOLE), values, strict=False)):
        start += len(part) + len(_SIGN)
        places[start] = number, value
        start += len(value)
    return places


def _layout(root: Any, found: Mapping[int, tuple[int, str]], kind: str) -> _Layout | None:
    """What the values of a document are, whose tree is known; None if it should not be remembered."""
    fields = _entries((None, root))
    metadata = _entries(fields.get("metadata"))
    name = _free(metadata.get("name"), found)
    namespace = _free(metadata.get("namespace"), found)
    labels = [_free(label, found) for label in _entries(metadata.get("labels")).values()]
    data = [_free(entry, found, block=True) for entry in _entries(fields.get(_DATA.get(kind, ""))).values()]
    if kind == "Secret" and ("data" in fields or not data or None in data):
        return None  # nothing secret is kept
    fixed = tuple(sorted({*range(len(found))} - {name, namespace, *labels, *data}))
    return _Layout(fixed, name, namespace, tuple([index for index in labels if index is not None]))


def _entries(entry: _Entry | None) -> dict[str, _Entry]:
    """The entries of a mapping in block style whose keys are texts; none of anything else."""
    node = entry[1] if entry else None
    if not isinstance(node, yaml.MappingNode) or node.flow_style is not False:
        return {}
    if any(not isinstance(key, yaml.ScalarNode) or key.tag != yaml11.TEXT for key, _ in node.value):
        return {}
    return {key.value: (key, value) for key, value in node.value}


def _free(entry: _Entry | None, found: Mapping[int, tuple[int, str]], *, block: bool = False) -> int | None:
    """The number of the value that is just this entry of a mapping; None if there is none, or it is anything more or less."""
    key, node = entry or (None, None)
    if key is None or not isinstance(node, yaml.ScalarNode) or node.tag != yaml11.TEXT:
        return None
    number, value = found.get(node.start_mark.index, (None, ""))
    if node.style == "|":
        return number if block and _is_block(key, node, value) else None
    return number if node.end_mark.index - node.start_mark.index == len(value) else None


def _is_block(key: Any, node: Any, value: str) -> bool:
    """True if a value is just the block of this scalar, indented by four spaces below its key."""
    text = value.partition("\n")[2].replace("\n    ", "\n").removeprefix("    ")
    return bool(key.start_mark.column < 4 and node.value.strip("\n") == text.strip("\n"))
