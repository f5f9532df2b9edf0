"""How checks ask Python packages that have an environment of their own, such as those that `pipx` makes.

A package is found by the command that it brings, whose first line names the Python to ask. That Python runs a script of the check
with the output's file; what the script prints last is JSON: pairs of a place and a message. A place is a path in the file, a line
number, or null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from weft.base.problems import Place, Problem
from weft.checks import programs
from weft.files import yaml11

if TYPE_CHECKING:
    from weft.checks import Finished

_PYTHON: Final = re.compile(rb"\A#!(?:/bin/sh\n'''exec' )?\"?(/[^\n\"]*?python[0-9.]*)\"?(?: [^\n]*)?\n")
"""The first line of a command; pip writes a second one where the path is too long for the system."""


def problems(code: str, program: str, script: Path, output: Finished) -> Iterator[Problem]:
    """The problems that the script of a check reports for its output."""
    answer = programs.ask([_python_of(program), "-I", "-W", "ignore", script, output.file], output.file.parent)
    for where, message in _said(answer):
        text = programs.words(message.replace(str(output.file), output.file.name))
        yield Problem(code, f"{program}: {text}", place=_place(output.text, where))


def _said(answer: programs.Answer) -> list[Any]:
    """The pairs that the script printed; a script that fails is a problem, too."""
    try:
        return list(json.loads(answer.text.splitlines()[-1]))
    except (IndexError, TypeError, json.JSONDecodeError):
        lines = answer.text.strip().splitlines()
        return [(None, lines[-1] if lines else f"it ended with {answer.code}")]


def _place(text: str, where: Any) -> Place | None:
    if isinstance(where, int):
        return Place("", where)
    position = yaml11.position(text, where) if where else None
    return Place("", *position) if position else None


def _python_of(program: str) -> str:
    """The Python that a command is run by. Raises NoAnswerError."""
    place = programs.find(program)
    with Path(place or program).open("rb") as file:
        found = _PYTHON.match(file.read(2000))
    if found is None:
        raise programs.NoAnswerError("is not a command of a Python package")
    return found[1].decode()
