"""The check `compose`: `docker-compose config` reads the file, with the files that it names next to it.

Docker Compose is needed in version 2 or newer, whose parser is that of the compose specification.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from weft.base.problems import Place, Problem
from weft.checks import programs
from weft.files import yaml11

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM = "docker-compose"
INSTALL = "Docker Compose, version 2 or newer"

# an error names a setting by its path (services.app.ports, services[app].ports) or the service, or has a line
_PATH = re.compile(r"\b(?:services|volumes|networks|configs|secrets)(?:[.\[][A-Za-z0-9_-]+\]?)+")
_SERVICE = re.compile(r'\bservice "([^"]+)"')
_LINE = re.compile(r"line (\d+)(?:, column (\d+))?:")
_OLD: Final = re.compile(r"^v?[01]\.", re.MULTILINE)
_NOISE: Final = re.compile(
    r"^(?:validating|failed to parse) \S+: (?:yaml: )?|decoding failed due to the following error\(s\):\s*"
)


def check(output: Finished) -> Iterator[Problem]:
    """The problems that Docker Compose reports for the file."""
    folder = output.file.parent
    version = programs.ask([PROGRAM, "version", "--short"], folder)
    if version.code == 0 and _OLD.search(version.text):
        raise programs.NoAnswerError(f"is version {version.text.split()[-1]}, but version 2 or newer is needed")
    command = [PROGRAM, "--project-name", "weft", "-f", str(output.file), "config", "--quiet"]
    answer = programs.ask(command, folder)
    if answer.code:
        said = _without_folder(answer.text.strip(), folder)
        message = programs.words(_NOISE.sub("", said)) or f"it ended with {answer.code}"
        yield Problem("compose", f"docker-compose: {message}", place=_place(output.text, said))


def _without_folder(said: str, folder: Path) -> str:
    return said.replace(f"{folder}/", "")


def _place(text: str, said: str) -> Place | None:
    """The place that a message gives, or that of the setting that it names."""
    lines = _LINE.findall(said)
    if lines:
        line, column = lines[-1]
        return Place("", int(line), int(column) if column else None)
    named, service = _PATH.search(said), _SERVICE.search(said)
    if named is None and service is None:
        return None
    path = re.findall(r"[A-Za-z0-9_-]+", named[0]) if named else ["services", service[1] if service else ""]
    position = yaml11.position(text, path)
    return Place("", *position) if position else None
