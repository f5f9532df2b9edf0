"""Information about settings in the comments of a values.yaml.

Three dialects are understood besides plain comments: `# -- text` and `# path -- text` (helm-docs), `## @param path text` (Bitnami's
generator), and `# @schema`, as a block or at the end of a line (two generators of schemas). A line of YAML after a comment mark is an
example: of a further setting at that position, or of the content of an empty setting next to it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from weft.api.charts.values import as_json
from weft.base.paths import Path
from weft.files import yaml11
from weft.files.lines import lines_of

_COMMENT: Final = re.compile(r"(?P<indent>[ \t]*)#+(?P<text>.*?)[ \t]*\Z")
_AFTER_VALUE: Final = re.compile(r"[ \t]+#+[ \t]*(?P<text>.*?)[ \t]*\Z")
_HELM_DOCS: Final = re.compile(r"(?:(?P<path>[\w.\"/-]+) )?-- ?(?:\((?P<type>[\w/]+)\) ?)?(?P<text>.*)\Z")
_PARAM: Final = re.compile(r"@(?:param|extra) +(?P<path>\S+)(?: +\[(?P<modifiers>[^\]]*)\])?(?: +(?P<text>.*))?\Z")
_KEY: Final = re.compile(r"(?P<key>[A-Za-z_][\w./-]*|\"[^\"]+\"|'[^']+') *:(?P<value>[ \t].*)?\Z")
_ITEM: Final = re.compile(r"-(?: .*)?\Z")
_PROSE: Final = re.compile(
    r"(?i)(?:ref|see|note|todo|fixme|warning|important|defaults?|examples?|e\.?g\.?|i\.?e\.?|https?)\Z"
)
_SENTENCE: Final = re.compile(r"[^\s\"'{\[#]\S*(?: +[^\s#]\S*){3,}\Z")
_SCHEMA: Final = "@schema"


@dataclass
class Notes:
    """The content of comments, by the path of a setting: texts, examples of values, and schemas."""

    descriptions: dict[Path, str] = field(default_factory=dict)
    examples: dict[Path, list[Any]] = field(default_factory=lambda: defaultdict(list))
    stated: dict[Path, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Key:
    """A key of a mapping in block style: its position, and whether a placeholder follows it."""

    path: Path
    line: int
    column: int
    last: int
    empty: bool


@dataclass(frozen=True)
class _Block:
    """Consecutive comment lines in the same column: the number of the first, and their texts."""

    line: int
    column: int
    texts: tuple[str, ...]


def notes_of(text: str) -> Notes:
    """The information about settings in the comments of a YAML text."""
    root = yaml.compose(text, Loader=yaml11.Loader)
    notes = Notes()
    if not isinstance(root, yaml.MappingNode):
        return notes
    keys, inside = _structure(root)
    lines = lines_of(text)
    for block in _blocks(lines, inside):
        _read_block(block, keys, notes)
    for key in keys:
        behind = _AFTER_VALUE.search(lines[key.last]) if key.last < len(lines) and key.last not in inside else None
        if behind and not _is_quoted(lines[key.last], behind.start()):
            _read_behind(behind["text"], key, notes)
    return notes


def _structure(root: yaml.MappingNode) -> tuple[list[_Key], set[int]]:
    """The keys in the order of the file, and the lines inside multi-line texts."""
    keys: list[_Key] = []
    inside: set[int] = set()

    def visit(node: Any, path: Path, seen: tuple[int, ...]) -> None:
        if id(node) in seen:
            return
        if isinstance(node, yaml.ScalarNode):
            inside.update(range(node.start_mark.line + 1, node.end_mark.line + (1 if node.end_mark.column else 0)))
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                visit(item, (*path, len(path)), (*seen, id(node)))
        else:
            for name, below in node.value:
                known = all(isinstance(step, str) for step in path) and not node.flow_style
                if known and isinstance(name, yaml.ScalarNode) and name.start_mark.line >= node.start_mark.line:
                    keys.append(_key(name, below, (*path, name.value)))
                visit(below, (*path, getattr(name, "value", "")), (*seen, id(node)))

    visit(root, (), ())
    first = {(key.line, key.column): key for key in reversed(keys)}  # an alias refers to the same place again
    return [first[place] for place in sorted(first)], inside


def _key(name: yaml.ScalarNode, below: Any, path: Path) -> _Key:
    flow = isinstance(below, yaml.ScalarNode) or below.flow_style
    here = below.start_mark.line >= name.start_mark.line  # and not at the anchor of an alias
    last = (
        below.end_mark.line if flow and here and below.start_mark.line == below.end_mark.line else name.start_mark.line
    )
    empty = not below.value or below.tag == "tag:yaml.org,2002:null"
    return _Key(path, name.start_mark.line, name.start_mark.column, last, empty)


def _blocks(lines: Sequence[str], inside: set[int]) -> Iterator[_Block]:
    """Every run of comment lines in one column; another column starts another block."""
    found: list[tuple[int, int, str]] = []
    for number, line in enumerate([*lines, ""]):
        match = _COMMENT.match(line) if number not in inside else None
        column = len(match["indent"]) if match else -1
        if found and (not match or column != found[0][1]):
            yield _Block(found[0][0], found[0][1], tuple(text for _, _, text in found))
            found = []
        if match:
            found.append((number, column, match["text"]))


def _read_block(block: _Block, keys: Sequence[_Key], notes: Notes) -> None:
    """Parse a block: schemas first, then examples; the rest describes the key that follows."""
    end = block.line + len(block.texts)
    following = next((key for key in keys if key.line >= end), None)
    described = following if following and following.line == end and following.column == block.column else None
    texts, stated = _without_schemas(block.texts)
    if described and stated:
        notes.stated[described.path] = stated
    rest = _without_examples(block, texts, keys, following, notes)
    _describe(rest, described, notes)


def _without_schemas(texts: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """The lines outside of `@schema` blocks, and the combined schema of these blocks."""
    rest: list[str] = []
    stated: list[str] = []
    within = False
    for text in texts:
        word = text.strip()
        if word == _SCHEMA or word.startswith(f"{_SCHEMA}.root"):
            within = not within
        elif within:
            stated.append(text.removeprefix(" "))
        elif word.startswith(f"{_SCHEMA} "):
            stated += _one_line(word.removeprefix(_SCHEMA))
        else:
            rest.append(text)
    return rest, _mapping("\n".join(stated))


def _one_line(text: str) -> list[str]:
    """`type:[string, null];minimum:1` as lines of YAML."""
    return [part.strip().replace(":", ": ", 1) for part in text.split(";") if ":" in part]


def _mapping(text: str) -> dict[str, Any]:
    data = _loaded(text)
    return data if isinstance(data, dict) else {}


def _loaded(text: str) -> Any:
    try:
        data = as_json(yaml.load(text, Loader=yaml11.Loader))  # noqa: S506 - a safe loader
        return json.loads(json.dumps(data, allow_nan=False))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return None


def _without_examples(
    block: _Block, texts: Sequence[str], keys: Sequence[_Key], following: _Key | None, notes: Notes
) -> list[str]:
    """The lines of a block that are not YAML; the others are recorded as examples, with the texts above them."""
    placeholders = _placeholders(block, keys, following)
    owner = _owner(block, keys)
    rest: list[str] = []
    index = 0
    while index < len(texts):
        size, value = _example(texts[index:])
        if not size:
            rest.append(texts[index])
            index += 1
            continue
        index += size
        above, rest = rest, []
        for key in placeholders:
            notes.examples[key.path].append(value)
        if isinstance(value, dict) and owner is not None:
            for name, below in value.items():
                notes.examples[(*owner, name)].append(below)
            _describe(above, _Key((*owner, next(iter(value))), 0, 0, 0, empty=False), notes)
        if isinstance(value, list) and not placeholders:
            rest = above
    return rest


def _placeholders(block: _Block, keys: Sequence[_Key], following: _Key | None) -> list[_Key]:
    """The settings without a value for which a block shows one: the one directly above it, and the one directly below it."""
    previous = next((key for key in reversed(keys) if key.line < block.line), None)
    near = [
        *([previous] if previous and _is_shown_below(previous, block) else []),
        *([following] if following and _is_shown_above(following, block) else []),
    ]
    return [key for key in near if key.empty]


def _is_shown_below(key: _Key, block: _Block) -> bool:
    """True if a block after a key is indented more, or is in the same column and on the next line."""
    return key.column < block.column or (key.column == block.column and key.last + 1 == block.line)


def _is_shown_above(key: _Key, block: _Block) -> bool:
    """True if a key is on the line after a block, in the same column."""
    return key.column == block.column and key.line == block.line + len(block.texts)


def _owner(block: _Block, keys: Sequence[_Key]) -> Path | None:
    """The mapping whose keys are in the column of a block: that of the nearest such key, above or below."""
    for nearest in (
        [key for key in reversed(keys) if key.line < block.line],
        [key for key in keys if key.line > block.line],
    ):
        for key in nearest:
            if key.column == block.column:
                return key.path[:-1]
            if key.column < block.column:
                break
    return None


def _example(texts: Sequence[str]) -> tuple[int, Any]:
    """The number of lines, from the first, that form one piece of YAML, and its data; 0 if they are prose."""
    first = texts[0].removeprefix(" ")
    if first.startswith(" ") or not _is_yaml(first):
        return 0, None
    size = 1
    while size < len(texts) and _goes_on(first, texts[size].removeprefix(" ")):
        size += 1
    for length in range(size, 0, -1):
        data = _loaded("\n".join(text.removeprefix(" ") for text in texts[:length]))
        if isinstance(data, dict | list):
            return length, data
    return 0, None


def _is_yaml(text: str) -> bool:
    """True if a line looks like a key with its value, or an item of a list, rather than a sentence."""
    key = _KEY.match(text)
    if not key:
        return _ITEM.match(text) is not None and not _SENTENCE.match(text[2:])
    return not _PROSE.match(key["key"]) and not _SENTENCE.match((key["value"] or "").strip())


def _goes_on(first: str, text: str) -> bool:
    return not text or text.startswith((" ", "- ")) or (not first.startswith("-") and _is_yaml(text))


def _describe(texts: Sequence[str], key: _Key | None, notes: Notes) -> None:
    """Record the text of comment lines about the key below them, and about the settings that they name."""
    words: list[str] = []
    for text in texts:
        line = text.strip()
        named, helm_docs = _PARAM.match(line), _HELM_DOCS.match(line)
        if named:
            _note(notes, _path(named["path"]), named["text"] or "")
        elif helm_docs and helm_docs["path"]:
            _note(notes, _path(helm_docs["path"]), helm_docs["text"])
        elif helm_docs and line.startswith("--"):
            words = [helm_docs["text"]]
        elif not line.startswith("@"):
            words.append(line)
    if key:
        _note(notes, key.path, "\n".join(words))


def _path(text: str) -> Path:
    return tuple(step.strip('"') for step in re.findall(r"\"[^\"]+\"|[^.\"]+", text))


def _note(notes: Notes, path: Path, text: str) -> None:
    lines = [line for line in text.strip().splitlines() if re.search(r"\w", line)]
    if lines:
        notes.descriptions.setdefault(path, "\n".join(lines))


def _read_behind(text: str, key: _Key, notes: Notes) -> None:
    """Record a comment after a value."""
    if text.startswith(f"{_SCHEMA} "):
        notes.stated.setdefault(key.path, _mapping("\n".join(_one_line(text.removeprefix(_SCHEMA)))))
    else:
        _describe([text], key, notes)


def _is_quoted(line: str, column: int) -> bool:
    """True if a comment mark is inside quotes: an odd number of them precedes it."""
    before = line[:column]
    return before.count('"') % 2 == 1 or (before.count("'") % 2 == 1 and '"' not in before)
