"""The check `compose`: `docker-compose config` reads the file, with the files that it names next to it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import yaml

from weft.base.problems import Place, Problem
from weft.checks import programs
from weft.files import yaml11

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM = "docker-compose"
INSTALL = "the Debian package docker-compose"

# an error names a setting by its path, and quotes the wrong value
_PATH = re.compile(r"\b(?:services|volumes|networks|configs|secrets)(?:\.[A-Za-z0-9_-]+)+")
_NAME = re.compile(r"'([A-Za-z0-9_.-]+)'")
_LINE = re.compile(r"line (\d+)(?:, column (\d+))?")
_HEADING: Final = "is invalid because:"


def check(output: Finished) -> Iterator[Problem]:
    """The problems that Docker Compose reports for the file."""
    command = ["docker-compose", "--project-name", "weft", "-f", str(output.file), "config", "--quiet"]
    answer = programs.ask(command, output.file.parent)
    if answer.code == 0:
        return
    text = answer.text.replace(str(output.file.parent), ".").replace(f"./{output.file.name}", output.path)
    _, heading, complaints = text.partition(_HEADING)
    lines = complaints.strip().splitlines() if heading else [text]
    for line in lines or [f"it ended with {answer.code}"]:
        message = programs.words(line) or f"it ended with {answer.code}"
        yield Problem("compose", f"docker-compose: {message}", place=_place(output.text, message))


def _place(text: str, message: str) -> Place | None:
    """The place of the setting that a message names, if it is in the file."""
    reported = _LINE.search(message)
    if reported:
        return Place("", int(reported[1]), int(reported[2]) if reported[2] else None)
    named = _PATH.search(message)
    if named is None:
        return None
    path = (*named[0].split("."), *_NAME.findall(message)[:1])
    with contextlib.suppress(yaml.YAMLError):
        position = yaml11.Documents(text).find(0, path)
        return Place("", *position) if position else None
    return None
