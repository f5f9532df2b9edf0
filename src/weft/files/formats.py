"""A configuration as text in the formats that other programs read."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final

from weft.base.paths import dotted, leaves

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_PLAIN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9_.+/-]*(?:(?:://?| )[A-Za-z0-9_.+/-]+)*\Z")
_as_json: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode  # `dumps` creates a new encoder each time
_SIMPLE_KEY: Final = 1000  # YAML allows 1,024 characters for a key on the line of its value
_BARE = re.compile(r"[A-Za-z0-9_@%+=:,./-]*\Z")
_REFERENCE = re.compile(r"\$\{[^}]*\}")
_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TEXT: Final = {str}
_WORDS_OF_YAML_1_1: Final = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


def to_json(value: Any, indent: int | None = 2) -> str:
    """JSON with the keys in their own order, which a block of YAML can hold."""
    text = _as_json(value) if indent is None else json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    return printable(text)


def printable(text: str) -> str:
    """The same JSON with escapes for the characters that YAML takes for line ends, or refuses."""
    if text.isascii() and "\x7f" not in text:
        return text
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def yaml_scalar(value: Any) -> str:
    """A scalar that every YAML reader reads as the same value: texts are always quoted."""
    if type(value) is str:  # what most scalars are
        return printable(encode_basestring(value))
    text = _as_json(value)
    if isinstance(value, float) and "e" in text and "." not in text:
        text = text.replace("e", ".0e")  # YAML 1.1 has no floats without a point
    return printable(text)


def plain_scalar(value: Any) -> str:
    """A scalar as people write it: a text without quotes if every YAML reader reads it as the same text."""
    plain = isinstance(value, str) and _PLAIN_TEXT.match(value) and value.lower() not in _WORDS_OF_YAML_1_1
    return str(value) if plain else yaml_scalar(value)


def to_yaml(value: Any, scalar: Callable[[Any], str] = yaml_scalar) -> str:
    """Block-style YAML without a final newline; keys are plain if every YAML version reads them as text."""
    if isinstance(value, dict | list) and value:
        if scalar is yaml_scalar and isinstance(value, dict) and _all_texts(value) and _all_texts(value.values()):
            return "\n".join(map(_line, value, value.values()))
        return "\n".join(_block(value, scalar))
    return scalar(value)


def _all_texts(values: Iterable[Any]) -> bool:
    return set(map(type, values)) == _TEXT


@lru_cache(maxsize=4096)
def _line(key: str, text: str) -> str:
    """The lines of a text in a mapping: the targets of a fleet have most of their settings in common."""
    return "\n".join(_block({key: text}, yaml_scalar))


def flow_yaml(value: Any) -> str:
    """YAML on one line, in brackets."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(key, plain_scalar)}: {flow_yaml(below)}' for key, below in value.items())}}}"
    return f"[{', '.join(map(flow_yaml, value))}]" if isinstance(value, list) else plain_scalar(value)


def _block(value: Any, scalar: Callable[[Any], str]) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            head = f"{_key(key, scalar)}:"
            if type(part) is str and len(head) <= _SIMPLE_KEY:  # what most entries are
                yield f"{head} {scalar(part)}"
            else:
                yield from _entry(head, part, scalar)
    else:
        for part in value:
            yield from _item(part, scalar)


def _entry(head: str, value: Any, scalar: Callable[[Any], str]) -> Iterator[str]:
    """An entry of a mapping; a key that is too long for the line of its value gets its own line."""
    if len(head) > _SIMPLE_KEY:
        yield f"? {head[:-1]}"
        head = ":"
    if not isinstance(value, dict | list) or not value:
        yield f"{head} {scalar(value)}"
    else:
        yield head
        yield from (f"  {line}" for line in _block(value, scalar))


def _item(value: Any, scalar: Callable[[Any], str]) -> Iterator[str]:
    """An item of a list; a mapping or list in it starts on the line of its dash."""
    if not isinstance(value, dict | list) or not value:
        yield f"- {scalar(value)}"
    else:
        first, *others = _block(value, scalar)
        yield f"- {first}"
        yield from (f"  {line}" for line in others)


def _key(key: str, scalar: Callable[[Any], str] = yaml_scalar) -> str:
    name = key.removeprefix("$") if scalar is plain_scalar else key  # `$ref`, as people write it
    return key if _PLAIN_KEY.match(name) and key.lower() not in _WORDS_OF_YAML_1_1 else yaml_scalar(key)


def env_quote(text: str) -> str:
    """A value for a `.env` file, quoted so that a POSIX shell and docker compose read the same text.

    The dotenv libraries read it too, except for the texts in `misread_by`: their escapes differ from those of a shell.
    """
    if text and _BARE.match(text):
        return text
    # the dotenv libraries treat `\\\\` and `\\'` as escapes in single quotes, but not `\\$` in double quotes
    plain = not text.endswith("\\") and "\\\\" not in text
    if "'" not in text and (plain or "$" in text or "`" in text):
        return f"'{text}'"
    return '"' + re.sub(r'([\\"$`])', r"\\\1", text) + '"'


def misread_by(text: str) -> list[str]:
    """The readers of `.env` files that read a text from `env_quote` differently; no spelling works for all."""
    written = env_quote(text)
    single, double = written.startswith("'"), written.startswith('"')
    # python-dotenv expands variables in every text, and removes `\\\\` and `\\'` also in single quotes, but never `\\$`
    python = (
        _REFERENCE.search(text)
        or (single and ("\\\\" in text or text.endswith("\\")))
        or (double and re.search("[$`]", text))
    )
    # npm's dotenv undoes no escape but that of a line break
    npm = (single and text.endswith("\\")) or (double and re.search(r'[\\"$`]', text))
    return [name for name, differs in (("python-dotenv", python), ("npm's dotenv", npm)) if differs or "\r" in text]


def env_lines(pairs: Iterable[tuple[str, str]]) -> str:
    """`.env`: NAME=value lines. Raises ValueError for a name that is not valid in a shell."""
    return "".join(f"{_shell_name(name)}={env_quote(text)}\n" for name, text in pairs)


def export_lines(pairs: Iterable[tuple[str, str]]) -> str:
    """`export NAME=value` lines for a POSIX shell. Raises ValueError for a name that is not valid in a shell."""
    return "".join(f"export {_shell_name(name)}={shlex.quote(text)}\n" for name, text in pairs)


def is_shell_name(name: str) -> bool:
    """True if a shell can have a variable with this name."""
    return _SHELL_NAME.match(name) is not None


def _shell_name(name: str) -> str:
    if not is_shell_name(name):
        raise ValueError(f"`{name}` cannot be the name of a shell variable")
    return name


def properties_lines(pairs: Iterable[tuple[str, str]]) -> str:
    """Java properties: `key=value` lines as `java.util.Properties.load` reads them (ISO 8859-1 with Unicode escapes)."""
    return "".join(f"{_escape(key, ' :=#!')}={_escape(text, '', first=' ')}\n" for key, text in pairs)


def _escape(text: str, special: str, first: str = "") -> str:
    names = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}
    result = []
    for position, character in enumerate(text):
        if character in names:
            result.append(names[character])
        elif character in special or (position == 0 and character in first):
            result.append("\\" + character)
        elif " " <= character <= "~":
            result.append(character)
        else:
            units = character.encode("utf-16-be")
            result.extend(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
    return "".join(result)


def flatten(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every leaf with its dotted path; an empty mapping or list is a leaf."""
    return ((dotted(where), leaf) for where, leaf in leaves(value, path))


DATA_FORMATS: Final[Mapping[str, Callable[[Any], str]]] = {
    "yaml": lambda value: to_yaml(value) + "\n",
    "json": lambda value: to_json(value) + "\n",
}
