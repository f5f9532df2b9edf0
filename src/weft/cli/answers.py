"""Commands that say the same again as long as no file that they read has changed.

That is for commands that only print what a project says about a target. What they print is remembered, with the files that they read for
it; the next time, it is printed without opening the project.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import wraps
from typing import Any, TextIO, TypeVar, cast

import click

from weft.cli.common import open_memory, put

_F = TypeVar("_F", bound=Callable[..., Any])


def remembers_its_answer(*unless: str) -> Callable[[_F], _F]:
    """Let a command answer from memory where it can, unless one of these options is given, with which it asks somebody else.

    Only answers without an error or a warning are remembered.
    """
    return lambda function: _remembering(function, unless)


def _remembering(function: _F, unless: Sequence[str]) -> _F:
    @wraps(function)
    def command(ctx: click.Context, **given: Any) -> None:
        if any(given[name] not in (None, False, ()) for name in unless):
            function(ctx, **given)
            return
        memory = open_memory(ctx, given["overrides"], given["from_env"])
        looks = [sys.stdout.isatty(), *map(os.environ.get, ("NO_COLOR", "TERM", "COLUMNS"))]
        question = [str(ctx.command_path), json.dumps([given, looks], default=str)]
        known = memory.answer(question)
        if known is not None:
            put(known)
            ctx.exit(0)
        out, err = _Heard(sys.stdout), _Heard(sys.stderr)
        try:
            with redirect_stdout(cast(TextIO, out)), redirect_stderr(cast(TextIO, err)):
                function(ctx, **given)
        except click.exceptions.Exit as stop:
            if stop.exit_code:
                raise
        if not err.text:
            memory.remember_answer(question, out.text)

    return cast(_F, command)


class _Heard(io.TextIOBase):
    """A stream that hands on what is written to it, and keeps it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._parts: list[str] = []

    @property
    def text(self) -> str:
        """What was written."""
        return "".join(self._parts)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """What the stream does with characters that it cannot encode."""
        return self._stream.errors

    def write(self, text: str) -> int:
        """Hand a text on. Raises TypeError for bytes, which no command that is remembered writes."""
        written = self._stream.write(text)
        self._parts.append(text)
        return written

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def isatty(self) -> bool:
        """True if the stream is a terminal."""
        return self._stream.isatty()
