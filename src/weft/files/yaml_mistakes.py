"""Clear messages for libyaml's errors: its own use parser terms, and often point to where it gave up, not to the mistake."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import yaml

from weft.files.lines import line_of, position_of

_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7})(?: .*)?$", re.MULTILINE)
_DIRECTIVE = re.compile(r"^%YAML[ \t]+([0-9.]{1,9})[ \t]*$", re.MULTILINE)
_VALUE_BEFORE = re.compile(r"^\s*(?:[-?] +)*[^\s#][^#]*?:\s+\S")
_QUOTED = "put it in quotes"
_KEY_LIMIT: Final = 1024
"""The maximum length of a key without `? `, by the YAML specification."""


@dataclass(frozen=True)
class Mistake:
    """A syntax error: the message, the position from 0, and what to do about it."""

    message: str
    line: int
    column: int
    hint: str | None = None
    code: str = "syntax"


def conflict(text: str) -> Mistake | None:
    """The merge conflict that Git left in a file, if there is one."""
    marks = list(_CONFLICT.finditer(text))
    if len(marks) < 2:
        return None
    first, last = (position_of(text, mark.start())[0] for mark in (marks[0], marks[-1]))
    message = f"a merge conflict was left here, up to line {last}"
    hint = "keep one side, and remove the lines that start with `<<<<<<<`, `=======` and `>>>>>>>`"
    return Mistake(message, first - 1, 0, hint)


def other_version(text: str) -> Mistake | None:
    """A directive for a YAML version that Weft does not support."""
    head = re.split("^---", text, maxsplit=1, flags=re.MULTILINE)[0] if "%YAML" in text else ""
    match = _DIRECTIVE.search(head)
    if match is None or match[1] == "1.2":
        return None
    line = position_of(head, match.start())[0] - 1
    return Mistake(f"this file requests YAML {match[1]}, but Weft reads YAML 1.2", line, 0, "remove the line `%YAML`")


def explained(text: str, error: yaml.MarkedYAMLError) -> Mistake:
    """A syntax error with a clear message if there is one, otherwise with the parser's message."""
    mark, began = error.problem_mark or error.context_mark, error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    spot = _Spot(line_of(text, line + 1) or "", line, column, (began.line, began.column) if began else None)
    return conflict(text) or _tab(spot) or _in_words(spot, error)


def _tab(spot: _Spot) -> Mistake | None:
    indent = spot.text[: len(spot.text) - len(spot.text.lstrip())]
    if "\t" not in indent:
        return None
    hint = "YAML is indented with spaces: replace the tab"
    return Mistake("a tab is used for indentation", spot.line, indent.index("\t"), hint, "tab-indentation")


def _in_words(spot: _Spot, error: yaml.MarkedYAMLError) -> Mistake:
    # the parser in Python quotes names of anchors and tags, which may be a secret
    why = ", ".join(re.sub(r" '[^']{2,}'", "", part) for part in (error.context, error.problem) if part)
    plain = Mistake(f"not YAML: {why}", spot.line, spot.column)
    explain = next((explain for words, explain in _KNOWN if words in why), None)
    return explain(spot, plain) if explain else plain


@dataclass(frozen=True)
class _Spot:
    """The line at which the parser gave up, and the start of what it was reading."""

    text: str
    line: int
    column: int
    began: tuple[int, int] | None

    @property
    def rest(self) -> str:
        return self.text[self.column :]

    @property
    def before(self) -> str:
        return self.text[: self.column]


def _no_token(spot: _Spot, plain: Mistake) -> Mistake:
    return replace(plain, message=f"a value cannot start with `{spot.rest[:1]}`", hint=_QUOTED)


def _no_alias(spot: _Spot, plain: Mistake) -> Mistake:
    line, column = spot.began or (spot.line, spot.column)
    what = (
        "`*` starts an alias, but this is not the name of one"
        if "alias" in plain.message
        else "`&` starts an anchor, but this is not the name of one"
    )
    return Mistake(what, line, column, f"{_QUOTED} if it is a text")


def _second_colon(spot: _Spot, plain: Mistake) -> Mistake:
    if _VALUE_BEFORE.match(spot.before):
        return replace(
            plain, message="a text that is not quoted cannot contain a colon followed by a space", hint=_QUOTED
        )
    if len(spot.before.strip()) > _KEY_LIMIT:
        return replace(
            plain, message=f"a key has at most {_KEY_LIMIT:,} characters in YAML", hint="give it a shorter name"
        )
    return replace(plain, message="this is a key, but the line above already has a value", hint="check the indentation")


def _no_key(spot: _Spot, plain: Mistake) -> Mistake:
    before = spot.before.rstrip()
    if before.endswith(("'", '"')):
        quote = before[-1]
        inside = "''" if quote == "'" else '\\"'
        return replace(
            plain,
            message="the quoted text ends before this",
            hint=f"quote all of it; a {quote} inside is written {inside}",
        )
    if before.endswith("}") and "{{" in before:
        hint = f"{_QUOTED} if `{{{{ ... }}}}` is a text: overlays are data, not templates"
        return replace(plain, message="the mapping in braces ends before this", hint=hint)
    if not before:
        return replace(
            plain, message="no mapping or list above is indented like this line", hint="check the indentation"
        )
    return plain


def _no_colon(spot: _Spot, plain: Mistake) -> Mistake:
    line, column = spot.began or (spot.line, spot.column)
    return Mistake("a key must be followed by a colon and a space, and this line has none", line, column)


def _with(message: str, hint: str | None = None) -> Callable[[_Spot, Mistake], Mistake]:
    return lambda _, plain: replace(plain, message=message, hint=hint)


_KNOWN: Final[tuple[tuple[str, Callable[[_Spot, Mistake], Mistake]], ...]] = (
    ("cannot start any token", _no_token),
    ("did not find expected node content", _no_token),
    ("mapping keys are not allowed", _no_token),
    (
        "expected '-' indicator",
        _with("this line continues a list, but does not start with `- `", "check the indentation"),
    ),
    ("while scanning an alias", _no_alias),
    ("while scanning an anchor", _no_alias),
    ("mapping values are not allowed", _second_colon),
    ("block mapping, did not find expected key", _no_key),
    ("could not find expected ':'", _no_colon),
    (
        "block sequence entries are not allowed",
        _with("a list cannot begin on the line of its key", "start it on the next line"),
    ),
    (
        "unknown escape character",
        _with(
            "a backslash in double quotes starts an escape, and this is not a known one",
            "use single quotes, or write `\\\\` for a backslash",
        ),
    ),
    (
        "while scanning a block scalar",
        _with("a text block starts on the line below its `|` or `>`", f"{_QUOTED} if `|` or `>` belongs to the text"),
    ),
    (
        "unknown directive name",
        _with("a line that begins with `%` is a directive, and there is none of this name", "remove the line"),
    ),
    ("found unexpected end of stream", _with("the quoted text never ends", "close the quotes")),
    (
        "expected ',' or ']'",
        _with(
            "a list in brackets continues here without a comma, or is never closed",
            "write `,` between its items and `]` at its end",
        ),
    ),
    (
        "expected ',' or '}'",
        _with(
            "a mapping in braces continues here without a comma, or is never closed",
            "write `,` between its keys and `}` at its end",
        ),
    ),
)
"""Messages of the parser, and their replacements."""
