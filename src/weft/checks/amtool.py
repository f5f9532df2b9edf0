"""The check `amtool`: the program of that name reads the configuration of who is told of alerts, `amtool check-config`."""

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
    """What amtool says of a configuration."""
    answer = programs.ask([PROGRAM, "check-config", output.file], output.file.parent)
    if answer.code:
        yield from _complaints(answer.text.replace(f"{output.file.parent}/", ""), output.text)


def _complaints(said: str, text: str) -> Iterator[Problem]:
    """A problem for each line that was said after `FAILED:`, until amtool adds up how many files failed."""
    blamed = (said.partition("FAILED:")[2] or said).partition("amtool: error:")[0]
    lines = [line.strip() for line in blamed.splitlines() if line.strip()]
    told = [line for line in lines if not line.endswith("unmarshal errors:")] or [said]
    for line in told:
        found = _LINE.search(line)
        place = Place("", int(found[1]) if found else line_that_holds(line, text))
        yield Problem("amtool", programs.words(found[2] if found else line) or "it fails and says nothing", place=place)
