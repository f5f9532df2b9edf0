"""New projects: from nothing or from one JSON Schema, and the files of every new project."""

from __future__ import annotations

import json
import os
import re
import tempfile
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final
from urllib.parse import quote

from weft.base.problems import CannotRun, Problem, WeftError, reason_of
from weft.derived.overlay_schema import overlay_schema
from weft.files import yaml12
from weft.files.formats import to_json
from weft.files.reading import files_of
from weft.files.shipped import schema_text, shipped
from weft.project.project import load_project
from weft.schema.documents import DIALECT, Documents
from weft.schema.loader import load_documents

MODELINE: Final = "# yaml-language-server: $schema=../schemas/generated/overlay.schema.json\n"
"""The first line of an overlay directly in the folder `overlays`, from which editors find its schema."""
_ROOTS: Final = ("root.schema.json", "project.schema.json", "configuration.schema.json")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z][\w-]*\Z")


def new_project(folder: Path, files: dict[str, str]) -> int:
    """Write the files of a new project, and the schemas for editors, into an empty or new folder.

    Returns the number of files. Raises CannotRun if the folder is not empty, or cannot be written.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(entry.name != ".git" for entry in folder.iterdir())):
            hint = "choose a folder that is empty or does not exist yet"
            raise CannotRun(Problem("not-empty", f"{folder} is not an empty folder: nothing was written", hint=hint))
        with tempfile.TemporaryDirectory() as scratch:  # all errors are found before anything is written
            _write(Path(scratch), files)
            project = load_project(scratch)
            overlays = to_json(overlay_schema(project.root, project.name)) + "\n"
        every = files | {
            "schemas/generated/overlay.schema.json": overlays,
            "schemas/generated/weft.schema.json": schema_text(),
        }
        _write(folder, every)
    except OSError as error:
        raise CannotRun(Problem("cannot-write", f"{error.filename or folder}: {reason_of(error)}")) from error
    return len(every)


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def from_nothing(name: str) -> dict[str, str]:
    """A small project that renders a ConfigMap and a Secret for two environments."""
    return shipped_files("project", name)


def from_schema(name: str, schema: Path) -> dict[str, str]:
    """A project with one JSON Schema as its only domain, named after the schema's file, which may refer to others.

    Raises WeftError when the schema is not valid.
    """
    documents = load_documents(
        schema, files_of(schema.parent, [Path(schema.absolute().anchor)])
    )  # the caller vouches for it
    files, given = schema_files(schema, documents)
    domain = re.sub(r"[^a-z0-9_]+", "_", schema.name.split(".")[0].lower()).strip("_") or "app"
    taken = {file.lower() for file in files}
    root = next(file for file in _ROOTS if f"schemas/{file}" not in taken)
    contents = {
        "$schema": DIALECT,
        "title": name,
        "type": "object",
        "additionalProperties": False,
        "properties": {domain: {"$ref": quote(given)}},
    }
    shipped = shipped_files("project", name)
    return {
        "weft.yaml": _without_output(shipped["weft.yaml"], "secret.yaml.j2").replace(_ROOTS[0], root),
        ".gitignore": shipped[".gitignore"],
        f"schemas/{root}": to_json(contents) + "\n",
        **files,
        "overlays/base.yaml": f"{MODELINE}# Values for all targets, in addition to the schema's defaults.\n{domain}: {{}}\n",
        **environments(),
        "templates/configmap.yaml.j2": _files_template(shipped["templates/configmap.yaml.j2"]),
    }


def schema_files(schema: Path, documents: Documents) -> tuple[dict[str, str], str]:
    """A schema file with everything that it refers to, as files of the folder `schemas`, and its path there."""
    files = documents.files
    common = Path(os.path.commonpath([file.parent for file in files]))
    found = {f"schemas/{file.relative_to(common).as_posix()}": read_text(file) for file in files}
    return found, schema.resolve().relative_to(common).as_posix()


def environments(note: str = "") -> dict[str, str]:
    """An overlay for each environment that changes nothing yet; `note` is added as a comment."""
    text = f"{MODELINE.replace('../', '../../')}# Differences from the base.{note}\n{{}}\n"
    return {f"overlays/environments/{name}.yaml": text for name in ("development", "production")}


def _files_template(text: str) -> str:
    """The ConfigMap template with the configuration as YAML files: a foreign schema has no environment variables."""
    head = text[: text.index("\ndata:\n") + 1]
    return (
        head
        + "data:\n{% for domain, settings in (config | public).items() %}\n  {{ domain }}.yaml: |\n    {{ settings | to_yaml | indent(4) }}\n{% endfor %}\n"
    )


def _without_output(text: str, template: str) -> str:
    before, _, after = text.partition(f"  - template: {template}\n")
    rest = after.partition("\n  - ")
    return before + (f"  - {rest[2]}" if rest[1] else "")


def shipped_files(kind: str, name: str) -> dict[str, str]:
    """The files of a folder in weft/data, with the project's name filled in."""
    found: dict[str, str] = {}
    spelled = {
        ".json": json.dumps(name)[1:-1],
        ".yaml": name if _PLAIN_NAME.match(name) and yaml12.scalar(name) == name else json.dumps(name),
    }

    def collect(folder: Traversable, prefix: str) -> None:
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if entry.is_dir():
                collect(entry, f"{prefix}{entry.name}/")
                continue
            path = prefix + {"gitignore": ".gitignore"}.get(entry.name, entry.name)
            found[path] = entry.read_text("utf-8").replace("PROJECT", spelled.get(Path(path).suffix, name))

    collect(shipped(kind), "")
    return found


def read_text(path: Path) -> str:
    """The text of a file. Raises WeftError if it cannot be read."""
    try:
        return yaml12.decode(path.read_bytes())
    except OSError as error:
        raise WeftError(Problem("unreadable", f"{path} cannot be read: {reason_of(error)}")) from None
    except yaml12.YamlError as error:
        raise WeftError(error.problem(str(path))) from None
