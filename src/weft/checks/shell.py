"""The check `shell`: the file is sourced by a real POSIX shell, in silence.

The shell starts with an empty environment and without any program on its path: a file of variables needs none, and what slipped out
of its quotes must not start one here. With `set -eu`, a command that fails and a variable that is not set end it. A file that
only sets variables prints nothing, so whatever is printed is a mistake.
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

_ENVIRONMENT: Final = {"PATH": "/nonexistent"}  # with no PATH at all, shells look into folders of their own choice


def check(output: Finished) -> Iterator[Problem]:
    """What a shell says while it sources a file, one problem a line."""
    file = output.file
    answer = programs.ask([PROGRAM, "-euc", '. "$1"', PROGRAM, file], file.parent, environment=_ENVIRONMENT)
    last = len(lines_of(output.text))
    said = [line for line in answer.text.splitlines() if line.strip()]
    for line in said:
        complaint = _complaint(line, str(file))
        if complaint:
            number, message = complaint
            place = Place("", min(number, last))  # of what is not closed, some shells name the line after the last
            yield Problem("shell", programs.words(message), place=place)
        else:
            yield Problem("shell", f"the file prints `{programs.words(line)}`, and must print nothing")
    if answer.code != 0 and not said:
        yield Problem("shell", f"the shell ends with exit code {answer.code} and says nothing")


def _complaint(line: str, file: str) -> tuple[int, str] | None:
    """The line number and the words of a shell's complaint: `sh: 2: FILE: words`, or `FILE: line 2: words`."""
    file = re.escape(file)
    found = re.fullmatch(rf"(?:{PROGRAM}|{file}): (?:line )?(?P<number>\d+): (?:{file}: )?(?P<words>.*)", line)
    return (int(found["number"]), found["words"]) if found else None
