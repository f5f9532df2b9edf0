"""The check `otelcol`: the OpenTelemetry collector reads its configuration, `otelcol validate`.

What it knows depends on the distribution: a receiver, processor, exporter or extension that it does not contain is an error. Files and
variables of the real host do not exist when the file is checked, so an address stands in for what they contain.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from weft.base.problems import Place, Problem
from weft.checks import programs
from weft.files import yaml11

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM = "otelcol"
INSTALL = "a distribution of the OpenTelemetry collector"

_OF_THE_HOST: Final = re.compile(r"\$\{(?:file:/[^}]*|(?:env:)?[A-Za-z_][A-Za-z0-9_]*)\}")
_STAND_IN: Final = "http://127.0.0.1:9"
_ERROR: Final = re.compile(r"^Error: (.+?)(?=^\d{4}/\d\d/\d\d |\Z)", re.MULTILINE | re.DOTALL)
"""What it prints before it logs the same."""
_HEADING: Final = re.compile(
    r"failed to get config: |cannot (?:unmarshal|resolve) the configuration: |"
    r"(?<=: )decoding failed due to the following error\(s\):\s*|"
    r"retrieved value .* contents are not valid YAML: "
)
_STEPS: Final = re.compile(
    r"\b(?P<path>[a-z]+(?:::[^:\s]+)+)|'(?P<settings>[a-z][^'\sA-Z]*)'|\bfor (?:id: )?\"(?P<name>[^\"]+)\"|"
    r"has invalid keys: (?P<key>[^\s,]+)"
)
"""The steps to a setting, in the order of the path: `exporters::otlp`, or in an error of decoding `'processors'`, then `for "batch"`."""
_LINE: Final = re.compile(r"\byaml: line (\d+): ")


def check(output: Finished) -> Iterator[Problem]:
    """The problems that the collector reports for its configuration."""
    yield from problems("otelcol", PROGRAM, output)


def problems(code: str, program: str, output: Finished) -> Iterator[Problem]:
    """The problems that a program with the command line of the collector reports."""
    with tempfile.TemporaryDirectory(prefix="weft-otelcol-") as name:
        file = Path(name, output.file.name)
        file.write_text(_OF_THE_HOST.sub(_STAND_IN, output.text), "utf-8")
        answer = programs.ask([program, "validate", f"--config={file}"], output.file.parent)
    if answer.code == 0:
        return
    error = _ERROR.search(answer.text)
    said = _HEADING.sub("", error[1] if error else answer.text).replace(f"{name}/", "")
    message = programs.words(said) or f"it ended with {answer.code}"
    yield Problem(code, f"{program}: {message}", place=_place(output.text, said))


def _place(text: str, said: str) -> Place | None:
    """The place of the setting that a message names, or of the line where the text is not YAML."""
    line = _LINE.search(said)
    if line:
        return Place("", int(line[1]))
    path: list[str] = []
    for step in _STEPS.finditer(said):
        found = step["path"] or step["settings"]
        path += re.split(r"::|\.", found) if found else [step["name"] or step["key"]]
    position = yaml11.position(text, path)
    return Place("", *position) if position else None
