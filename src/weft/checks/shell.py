"""The check `shell`: a real POSIX shell sources the file, and prints nothing; a script it only reads.

The shell starts with an empty environment and without any program on its path: a file of variables needs none, and an unquoted command
must not start one here. With `set -eu`, a failing command and an unset variable end it. A file that only sets variables prints
nothing, so any output is a mistake. A script, which begins with `#!`, is not run: the shell only reads it (`sh -n`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from weft.base.problems import Place, Problem
from weft.checks import programs
from weft.files.lines import lines_of

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM: Final = "sh"
INSTALL: Final = "every POSIX system, on Debian with the package dash"

_ENVIRONMENT: Final = {"PATH": "/nonexistent"}  # without PATH, shells search their own default folders


def check(output: Finished) -> Iterator[Problem]:
    """The output of a shell while it sources a file, or reads a script: one problem per line."""
    file = output.file
    how = ["-n"] if output.text.startswith("#!") else ["-euc", '. "$1"', PROGRAM]
    answer = programs.ask([PROGRAM, *how, file], file.parent, environment=_ENVIRONMENT)
    last = len(lines_of(output.text))
    said = [line for line in answer.text.splitlines() if line.strip()]
    for line in said:
        complaint = _complaint(line, str(file))
        if complaint:
            number, message = complaint
            place = Place("", min(number, last))  # for unclosed quotes, some shells report the line after the last
            yield Problem("shell", programs.words(message), place=place)
        else:
            yield Problem("shell", f"the file prints `{programs.words(line)}`, but must print nothing")
    if answer.code != 0 and not said:
        yield Problem("shell", f"the shell ends with exit code {answer.code} without a message")


def _complaint(line: str, file: str) -> tuple[int, str] | None:
    """The line number and the message of a shell's error: `sh: 2: FILE: words`, or `FILE: line 2: words`."""
    file = re.escape(file)
    found = re.fullmatch(rf"(?:{PROGRAM}|{file}): (?:line )?(?P<number>\d+): (?:{file}: )?(?P<words>.*)", line)
    return (int(found["number"]), found["words"]) if found else None
