"""The command line in this process: what `weft ARGS` prints and how it ends, without the half second of a new process."""

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from weft.cli import main


@dataclass(frozen=True)
class Result:
    """How a run ended: its exit code, and what it wrote to stdout and stderr."""

    code: int
    out: str
    err: str


class Terminal(io.TextIOWrapper):
    """A stream that says that a person reads it."""

    def isatty(self):
        return True


def run(*args, cwd=None, env=None, terminal=False):
    """Run `weft ARGS` in the folder `cwd` with the variables `env` added; one whose value is None is removed.

    A bug in Weft, which a user sees as one polite line, is raised here as the exception that it is.
    """
    stream = Terminal if terminal else io.TextIOWrapper
    out, err = (stream(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    changes = {"WEFT_TRACEBACK": "1", "NO_COLOR": None} | (env or {})
    with (
        mock.patch.object(sys, "argv", ["weft", *map(str, args)]),
        mock.patch.dict(os.environ, {name: value for name, value in changes.items() if value is not None}),
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        for name in (name for name, value in changes.items() if value is None):
            os.environ.pop(name, None)
        code = _exit_code()
    return Result(code, _text(out), _text(err))


def _exit_code():
    try:
        main()
    except SystemExit as stop:
        return stop.code or 0
    raise AssertionError("main() always ends with an exit code")


def _text(stream):
    stream.flush()
    return stream.buffer.getvalue().decode()
