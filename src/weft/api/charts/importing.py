"""From a chart's folder to the files of a project."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from weft.api import new_projects
from weft.api.charts import schemas, values
from weft.api.charts.comments import Notes, notes_of
from weft.api.charts.dependencies import dependencies_of
from weft.base.paths import Path as SettingPath
from weft.base.paths import dotted, parse_pointer, pointer
from weft.base.problems import Place, Problem, Severity, WeftError
from weft.files import datafile, yaml11
from weft.files.formats import to_json
from weft.files.reading import OutsideError, files_of, outside
from weft.schema.loader import load_documents

_REMOVAL: Final = "\n# Helm restores values that are only omitted: `key: {$value: null}` removes a value of the chart, `key: null` does not."
_SCHEMA: Final = "values.schema.json"
_READ: Final = ("values.yaml", _SCHEMA, "Chart.yaml", "requirements.yaml", "charts")
_SECRET_NAME: Final = re.compile(
    r"(?:\A|[a-z0-9_.-])(?:[Pp]assw(?:or)?d|[Pp]assphrase|[Tt]oken|[Ss]ecret|[Aa]pi[_-]?[Kk]ey|[Pp]rivate[_-]?[Kk]ey|"
    r"[Aa]ccess[_-]?[Kk]ey|[Ss]ecret[_-]?[Kk]ey|PASSWORD|TOKEN|SECRET|API_KEY|SECRET_KEY|ACCESS_KEY|PRIVATE_KEY)\Z"
)
_NAME_OF_ANOTHER: Final = re.compile(r"(?:existing|automount|create|use|enable|has|is)[A-Z]")
_NOT_A_SECRET: Final = re.compile(r"\A\s*\Z|\{\{|\A\$\{|\Aref\+|\A<.*>\Z")


@dataclass(frozen=True)
class ImportedChart:
    """The files of a project by their names, and warnings about what to fix before it is used."""

    files: dict[str, str]
    warnings: tuple[Problem, ...]


def from_chart(name: str, chart: Path) -> ImportedChart:
    """A project whose base layer is a chart's values.yaml and whose output is a values file per environment.

    The chart's values.schema.json is the schema, without its defaults; without one, a schema is inferred from the values.

    Raises WeftError if there is no values.yaml, or one of the files is not valid.
    """
    file = chart / "values.yaml"
    _refuse_links_out(chart)
    text = new_projects.read_text(file)
    parsed = values.parse(text, str(file))
    data = parsed.data
    notes = notes_of(text)
    remote: tuple[Problem, ...] = ()
    if (chart / _SCHEMA).is_file():
        schema_files, remote = _own_schemas(chart / _SCHEMA, notes)
    else:
        schema = schemas.inferred(data, notes, dependencies_of(chart))
        schema_files = {f"schemas/{_SCHEMA}": to_json({"title": f"Values of {name}", **schema}) + "\n"}
    base = f"{new_projects.MODELINE}{values.as_overlay(text, data)}"
    files = new_projects.shipped_files("chart", name) | schema_files
    files |= {"overlays/base.yaml": base} | new_projects.environments(_REMOVAL)
    return ImportedChart(files, (*remote, *parsed.warnings, *_plaintext_secrets(data, text)))


def _refuse_links_out(chart: Path) -> None:
    """A chart may be untrusted: targets of its links outside are not copied into a project. Raises WeftError."""
    for name in _READ:
        try:
            files_of(chart).real(chart / name)
        except OutsideError as error:
            raise WeftError(outside(error, name, Place(str(chart / name)))) from None


def _own_schemas(schema: Path, notes: Notes) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """A chart's own schema with everything that it refers to, and warnings of what it refers to on the network.

    The texts of comments become part of the schema. A reference to the network is removed, so any value is accepted there.
    """
    documents = load_documents(schema, files_of(schema.parent), open_network=True)
    files, root = new_projects.schema_files(schema, documents)
    found = {}
    for name, text in files.items():
        contents = datafile.parse_named(text.encode(), name)
        for problem in documents.remote:
            file, _, where = (problem.schema or "").partition("#")
            contents = schemas.opened(contents, parse_pointer(where)[:-1]) if name == f"schemas/{file}" else contents
        contents = schemas.without_defaults(contents)
        if name == f"schemas/{root}":
            contents = schemas.with_descriptions(contents, notes)
        found[name] = to_json(contents) + "\n"
    return found, tuple(map(_not_checked, documents.remote))


def _not_checked(problem: Problem) -> Problem:
    """The warning of a reference to the network that was taken out."""
    hint = "save what it names in the folder schemas, and refer to it there by a relative path"
    return replace(problem, message=f"{problem.message}: nothing is checked there", hint=hint)


def _plaintext_secrets(data: dict[str, Any], text: str) -> Iterator[Problem]:
    """Warnings about values that look like secrets, judging by the names of their settings."""
    for path in _secrets(data):
        line, column = yaml11.Documents(text).find(0, path) or (0, 1)
        place = Place("overlays/base.yaml", line + 1, column)  # the overlay starts with one more line
        message = f"{dotted(path)} looks like a secret in plain text, and every rendered values file repeats it"
        hint = (
            "let the chart read it from a Secret, or mark the setting `x-sensitive: true` in schemas/values.schema.json and "
            "write a `ref+…://` reference: it then stays out of the values files"
        )
        yield Problem(
            "plaintext-secret", message, Severity.WARNING, path=pointer(path), place=place, hint=hint, quiet=True
        )


def _secrets(value: Any, path: SettingPath = ()) -> Iterator[SettingPath]:
    if isinstance(value, dict | list):
        for step, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _secrets(below, (*path, step))
    elif isinstance(value, str) and path and isinstance(path[-1], str):
        named = _SECRET_NAME.search(path[-1]) and not _NAME_OF_ANOTHER.match(path[-1])
        if named and not _NOT_A_SECRET.search(value):
            yield path
