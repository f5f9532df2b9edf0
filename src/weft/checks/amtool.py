"""The check `amtool`: the program of that name reads the configuration of alert receivers, `amtool check-config`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from weft.base.problems import Place, Problem
from weft.checks import programs
from weft.checks.promtool import line_that_holds

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM: Final = "amtool"
INSTALL: Final = "the Debian package prometheus-alertmanager"

_LINE: Final = re.compile(r"(?:^|\s)line (\d+): *(.*)")


def check(output: Finished) -> Iterator[Problem]:
    """The problems that amtool reports for a configuration."""
    answer = programs.ask([PROGRAM, "check-config", output.file], output.file.parent)
    if answer.code:
        yield from _complaints(answer.text.replace(f"{output.file.parent}/", ""), output.text)


def _complaints(said: str, text: str) -> Iterator[Problem]:
    """A problem for each error, at the line that it names or that contains the quoted text."""
    for line in _lines(said) or [said]:
        numbered = _LINE.search(line)
        number = int(numbered[1]) if numbered else line_that_holds(line, text)
        words = programs.words(numbered[2] if numbered else line)
        yield Problem("amtool", words or "it failed without a message", place=Place("", number))


def _lines(said: str) -> list[str]:
    """The output after `FAILED:`, up to amtool's count of failed files."""
    blamed = (said.partition("FAILED:")[2] or said).partition("amtool: error:")[0]
    lines = [line.strip() for line in blamed.splitlines()]
    return [line for line in lines if line and not line.endswith("unmarshal errors:")]
