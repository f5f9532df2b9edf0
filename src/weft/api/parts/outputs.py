"""A new output: its template, whose kind follows from its name, and its entry in weft.yaml."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath
from typing import Any, Final

from weft.api.parts.plan import Plan
from weft.base.overlay import PLACEHOLDER
from weft.base.problems import Problem, UsageError
from weft.files.jsonc import END
from weft.project.entries import Output
from weft.project.project import Project
from weft.project.projectfile import NAME

_CONFIG_MAP: Final = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ (project ~ "-NAME") | quote }}
  labels:
    app.kubernetes.io/name: {{ project | quote }}
    app.kubernetes.io/instance: {{ target.name | replace("/", "-") | quote }}
    app.kubernetes.io/managed-by: "weft"
data:
  {{ config | env | to_yaml | indent(2) }}
"""
_PROPERTIES: Final = """\
{% for name, value in (config | env).items() %}
{{ name }}={{ value }}
{% endfor %}
"""
_KINDS: Final[dict[str, tuple[str, str | None]]] = {
    ".yaml": (_CONFIG_MAP, "kubernetes"),
    ".yml": (_CONFIG_MAP, "kubernetes"),
    ".env": ("{{ config | env | env_file }}\n", None),
    ".sh": ("{{ config | env | export }}\n", "shell"),
    ".json": ("{{ config | public | to_json(2) }}\n", None),
}
"""The template and the check of an output, by the suffix of its name."""
_OTHER: Final = "# The configuration of {{ target.name }}\n" + _PROPERTIES


def new_output(project: Project, path: str, entry: dict[str, Any], template: str | None = None) -> Plan:
    """The plan of an output; a path without placeholders is written into a folder for each target.

    `entry` contains `scope`, `when` and `check` if given. A given `template` may exist; then it is used.

    Raises UsageError for a path that is not a file's, or is already an output, and if the new template already exists.
    """
    where = _free_path(project, path, entry.get("scope"))
    plan = Plan(project)
    text, check = _kind(where)
    name = template or f"{PLACEHOLDER.sub('', where.name).strip('.-_') or 'output'}.j2"
    file = (PurePosixPath(project.file.templates) / name).as_posix()
    if not (template and os.path.lexists(project.folder / file)):
        plan.create(file, text)
        entry = entry if check is None or "check" in entry else entry | {"check": check}
    plan.add(NAME, ("outputs", END), {"template": name, "path": where.as_posix()} | entry)
    return plan


def _free_path(project: Project, path: str, scope: str | None) -> PurePosixPath:
    """The path of a new output, with a folder for each target; raises UsageError if it is not a file's, or an output has it."""
    where = PurePosixPath(path)
    if not where.name or path.endswith("/") or not path.isprintable() or not path.strip():
        raise UsageError(Problem("bad-name", "this cannot be the path of an output", hint="use the path of a file"))
    if not PLACEHOLDER.search(path):
        where = PurePosixPath(*(f"{{{name}}}" for name in _dimensions(project, scope)), path)
    for output in project.file.outputs:
        if PurePosixPath(output.path) == where:
            place = project.file.place("outputs", output.index, "path")
            raise UsageError(Problem("name-taken", _already(output), place=place))
    return where


def _dimensions(project: Project, scope: str | None) -> list[str]:
    """The dimensions that identify targets, up to the one that is the scope of an output."""
    names = [dimension.name for dimension in project.dimensions.named]
    return names[: names.index(scope) + 1] if scope in names else names


def _kind(path: PurePosixPath) -> tuple[str, str | None]:
    text, check = _KINDS.get(path.suffix or path.name, (_OTHER, None))
    stem = re.sub(r"[^a-z0-9-]+", "-", PLACEHOLDER.sub("", path.stem).lower()).strip("-")
    return text.replace("NAME", stem or "config"), check


def _already(output: Output) -> str:
    return f"`{output.path}` is already an output, of the template {output.template}"
