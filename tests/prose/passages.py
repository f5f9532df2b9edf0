"""The text that people read in a file: its docstrings, comments, messages, paragraphs and descriptions, each with its line."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_DIRECTIVE = re.compile(
    r"(?:noqa|fmt|type|pragma|yaml-language-server): ?(?:\$schema=\S+)?(?:[A-Z]+[0-9]+(?:, )?)*(?:\w+(?:\[[\w-]+\])?)?"
)
"""A comment for a program, up to an explanation that may follow it."""


@dataclass(frozen=True)
class Passage:
    """A piece of prose; a newline in `text` is a newline in the file, so that positions have a line."""

    line: int
    text: str

    def line_at(self, offset: int) -> int:
        return self.line + self.text.count("\n", 0, offset)


def of_file(path: Path, *, messages: bool = True) -> list[Passage]:
    """The prose of a file, by its kind; empty for an unknown kind. Without `messages`, strings of Python files are data."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return [*_python(text), *(_messages(text) if messages else ())]
    reader = _READERS.get(path.suffix) or _READERS.get(path.name)
    return list(reader(text)) if reader else []


def _python(text: str) -> Iterator[Passage]:
    """Docstrings and comments."""
    yield from (Passage(node.lineno, node.value) for node in _docstrings(ast.parse(text)).values())
    yield from _joined_comments(
        (token.start[0], _DIRECTIVE.sub("", token.string.lstrip("# ")))
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    )


def _messages(text: str) -> Iterator[Passage]:
    """Strings of more than one word that are not docstrings."""
    tree = ast.parse(text)
    docstrings = _docstrings(tree)
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in docstrings or id(node) in inside:
            continue
        if isinstance(node, ast.JoinedStr):
            yield from _message(node.lineno, "".join(_part(part) for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _message(node.lineno, node.value)


def _docstrings(tree: ast.AST) -> dict[int, ast.Constant]:
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                found[id(first.value)] = first.value
    return found


def _part(part: ast.expr) -> str:
    """The text of a part of an f-string; what is filled in is a name, whatever it is."""
    return str(part.value) if isinstance(part, ast.Constant) else "`…`"


def _message(line: int, text: str) -> Iterator[Passage]:
    """A string that contains a sentence or a phrase, not a name, an expression, a pattern or a program."""
    if re.search(r"[a-z]{2,} [a-z]", text) and not re.search(r"^import |^def ", text, re.MULTILINE):
        yield Passage(line, text)


def _joined_comments(comments: Iterator[tuple[int, str]]) -> Iterator[Passage]:
    """Comments on lines that follow each other are one passage, as a sentence may go on."""
    first, lines = 0, []
    for line, text in comments:
        if lines and line == first + len(lines):
            lines.append(text)
            continue
        if lines:
            yield Passage(first, "\n".join(lines))
        first, lines = line, [text]
    if lines:
        yield Passage(first, "\n".join(lines))


def _hash_comments(text: str) -> Iterator[Passage]:
    """Comments that begin with `#`, as in YAML, TOML, shell and make."""
    matches = (
        (number, re.search(r"(?:^|(?<=\s))#+!?\s?(.*)", line)) for number, line in enumerate(text.splitlines(), 1)
    )
    yield from _joined_comments((number, _DIRECTIVE.sub("", match[1])) for number, match in matches if match)


def _make(text: str) -> Iterator[Passage]:
    """Comments, the help of targets, and what recipes print."""
    yield from _hash_comments(text)
    for number, line in enumerate(text.splitlines(), 1):
        for said in re.finditer(r'echo "([^"]*)"', line):
            yield Passage(number, said[1])


def _markdown(text: str) -> Iterator[Passage]:
    """Paragraphs, without blocks of code, HTML comments and addresses."""
    yield Passage(
        1, _blanked(text, r"^( *)(```+|~~~+).*?^\1\2 *$", r"<!--.*?-->", r"(?<=\])\([^)\s]*\)", r"<https?:[^>]*>")
    )


def _jinja(text: str) -> Iterator[Passage]:
    for match in re.finditer(r"\{#-?(.*?)-?#\}", text, re.DOTALL):
        yield Passage(1 + text.count("\n", 0, match.start()), match[1])
    yield from _hash_comments(_blanked(text, r"\{[{%#].*?[}%#]\}"))


def _json(text: str) -> Iterator[Passage]:
    """Titles, descriptions and comments of a schema."""
    for match in re.finditer(
        r'"(?:title|description|\$comment|message|markdownDescription)"\s*:\s*"((?:[^"\\]|\\.)*)"', text
    ):
        yield Passage(1 + text.count("\n", 0, match.start(1)), re.sub(r"\\n|\\", " ", match[1]))


def _blanked(text: str, *patterns: str) -> str:
    """A text without what matches the patterns, line for line."""
    for pattern in patterns:
        text = re.sub(
            pattern, lambda match: "`…`" + re.sub(r"[^\n]", "", match[0]), text, flags=re.DOTALL | re.MULTILINE
        )
    return text


_READERS = {
    ".md": _markdown,
    ".j2": _jinja,
    ".json": _json,
    ".yaml": _hash_comments,
    ".yml": _hash_comments,
    ".toml": _hash_comments,
    "Makefile": _make,
}
