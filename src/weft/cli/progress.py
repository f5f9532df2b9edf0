"""A sign of life while work is long: one line on a terminal, which is gone when the work is done."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from weft.base.watching import Watch

PATIENCE: Final = 1.0
"""How many seconds work may take before anything is shown."""
_EVERY: Final = 0.1
"""How many seconds lie between two changes of the line."""
_CLEAR: Final = "\r\x1b[K"


@contextmanager
def progress() -> Iterator[Watch]:
    """What shows on stderr how far the work inside is; nothing where no person looks at it."""
    looks = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    shown, due = False, time.monotonic() + PATIENCE

    def show(what: str, done: int, every: int) -> None:
        nonlocal shown, due
        if looks and time.monotonic() >= due:
            shown, due = True, time.monotonic() + _EVERY
            click.echo(f"{_CLEAR}{what}: {done} of {every}", err=True, nl=False, color=True)

    try:
        yield show
    finally:
        if shown:
            click.echo(_CLEAR, err=True, nl=False, color=True)
