"""New projects: from nothing, from one JSON Schema, or from a Helm chart's values and schema."""

from __future__ import annotations

import json
import os
import re
import tempfile
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import yaml

from weft.base.problems import CannotRun, Place, Problem, WeftError, reason_of
from weft.derived.overlay_schema import overlay_schema
from weft.files import formats, yaml11, yaml12
from weft.files.formats import to_json
from weft.files.shipped import schema_text, shipped
from weft.project.project import load_project
from weft.schema.documents import DIALECT
from weft.schema.loader import load_documents
from weft.schema.types import json_type

_MODELINE: Final = "# yaml-language-server: $schema=../schemas/generated/overlay.schema.json\n"
_ROOTS: Final = ("root.schema.json", "project.schema.json", "configuration.schema.json")
_REMOVAL: Final = "\n# Helm puts back what is only left out: `key: {$value: null}` removes a value of the chart, `key: null` does not."
_PLAIN_NAME: Final = re.compile(r"[A-Za-z][\w-]*\Z")


def new_project(folder: Path, files: dict[str, str]) -> int:
    """Write the files of a new project, and the schemas for editors, into a folder that is empty or not there yet.

    Gives the number of files. Raises CannotRun when the folder is in the way, or cannot be written.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(entry.name != ".git" for entry in folder.iterdir())):
            hint = "name a folder that is empty or does not exist yet"
            raise CannotRun(Problem("not-empty", f"{folder} is in the way: nothing was written", hint=hint))
        with tempfile.TemporaryDirectory() as scratch:  # whatever is wrong shows before anything is written
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
    return _shipped("project", name)


def from_schema(name: str, schema: Path) -> dict[str, str]:
    """A project with one JSON Schema as its only domain, named like the schema's file, which may refer to others.

    Raises WeftError when the schema is not valid.
    """
    files, given = _schemas(schema)
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
    shipped = _shipped("project", name)
    return {
        "weft.yaml": _without_output(shipped["weft.yaml"], "secret.yaml.j2").replace(_ROOTS[0], root),
        ".gitignore": shipped[".gitignore"],
        f"schemas/{root}": to_json(contents) + "\n",
        **files,
        "overlays/base.yaml": f"{_MODELINE}# What holds everywhere, beyond the schema's defaults.\n{domain}: {{}}\n",
        **_environments(),
        "templates/configmap.yaml.j2": _files_template(shipped["templates/configmap.yaml.j2"]),
    }


def from_chart(name: str, chart: Path) -> dict[str, str]:
    """A project whose base layer is a chart's values.yaml and whose output is a values file per environment.

    The chart's values.schema.json is the schema; without one, a schema is inferred from the values.

    Raises WeftError when there is no values.yaml, or one of the files is not valid.
    """
    values = _read(chart / "values.yaml")
    data = _values_of(values, str(chart / "values.yaml"))
    schema = chart / "values.schema.json"
    if schema.is_file():
        schemas = _schemas(schema)[0]
    else:
        text = to_json({"$schema": DIALECT, "title": f"Values of {name}", **inferred(data)}) + "\n"
        schemas = {"schemas/values.schema.json": text}
    base = f"{_MODELINE}{_as_overlay(values, data)}"
    return _shipped("chart", name) | schemas | {"overlays/base.yaml": base} | _environments(_REMOVAL)


def _schemas(schema: Path) -> tuple[dict[str, str], str]:
    """A schema file with all that it refers to, as files of the folder `schemas`, and its path there."""
    files = load_documents(schema, schema.parent).files
    common = Path(os.path.commonpath([file.parent for file in files]))
    found = {f"schemas/{file.relative_to(common).as_posix()}": _read(file) for file in files}
    return found, schema.resolve().relative_to(common).as_posix()


def _environments(note: str = "") -> dict[str, str]:
    text = f"{_MODELINE.replace('../', '../../')}# What differs from the base.{note}\n{{}}\n"
    return {f"overlays/environments/{name}.yaml": text for name in ("development", "production")}


def _values_of(text: str, name: str) -> dict[str, Any]:
    """A chart's values as Helm reads them; raises WeftError when they are none."""
    try:
        data = json.loads(json.dumps(_as_json(yaml.load(text, Loader=yaml11.Loader)), allow_nan=False))  # noqa: S506
        yaml12.parse(formats.to_yaml(data))  # which knows limits that hold here too
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
        raise WeftError(Problem("syntax", f"not YAML: {error.problem or error.context}", place=place)) from None
    except (yaml.YAMLError, yaml12.YamlError, ValueError, TypeError, RecursionError) as error:
        raise WeftError(Problem("syntax", f"the values cannot be read: {error}", place=Place(name))) from None
    if data is not None and not isinstance(data, dict):
        raise WeftError(Problem("not-a-mapping", "values.yaml is no mapping", place=Place(name)))
    return data or {}


def _as_json(value: Any) -> Any:
    """What Go's library makes of YAML: keys are texts, and so is what `!!binary` holds."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else json.dumps(key): _as_json(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_as_json(below) for below in value]
    return value.decode() if isinstance(value, bytes) else value


def inferred(value: Any, *, sample: bool = False) -> dict[str, Any]:
    """A JSON Schema that accepts a value and others like it: the types of its keys, closed where it has some.

    An empty mapping stays open, what is null may become anything, and everything may become null, with which Helm removes a
    value of the chart. A `sample` is one item of a list, and others may have other keys.
    """
    kind = json_type(value)
    if kind == "null":
        return {}
    kinds = ["number" if kind == "integer" else kind, "null"]
    if kind == "object":
        properties = {key: inferred(below, sample=sample) for key, below in value.items()}
        closed = {} if sample else {"additionalProperties": False}
        return {"type": kinds, **({"properties": properties, **closed} if properties else {})}
    if kind == "array":
        items = {json.dumps(inferred(item, sample=True), sort_keys=True) for item in value}
        return {"type": kinds, **({"items": json.loads(items.pop())} if len(items) == 1 else {})}
    return {"type": kinds}


def _as_overlay(text: str, data: dict[str, Any]) -> str:
    """Values in the words of their author where Weft reads them as Helm does, else written anew, without the comments."""
    if not data:
        return f"{text.rstrip()}\n{{}}\n".lstrip() if "{" not in text else text
    try:
        if yaml12.parse(_respelled(text, null="null")) == data:
            return _respelled(text, null="{$value: null}")
    except (yaml12.YamlError, TypeError):
        pass  # a merge key, a tag, binary data
    return formats.to_yaml(_without_bare_nulls(data)) + "\n"


def _respelled(text: str, null: str) -> str:
    """A chart's values with the scalars spelled out that YAML 1.2 reads otherwise than Helm; nulls are spelled `null`."""
    # from the end, so that the offsets of the others stay
    for start, end, value in sorted(yaml11.plain_scalars(text), reverse=True):
        anchor, scalar = _anchored(text[start:end])
        if value is None or yaml12.scalar(scalar) != value:
            gap = " " if start and not text[start - 1].isspace() else ""
            text = f"{text[:start]}{gap}{anchor}{null if value is None else json.dumps(value)}{text[end:]}"
    return text


def _anchored(written: str) -> tuple[str, str]:
    """The anchor of a value with the space after it, and its scalar without tags."""
    words = written.split()
    anchor = next((f"{word} " for word in words if word.startswith("&")), "")
    return anchor, next((word for word in words if word[0] not in "&!"), "")


def _without_bare_nulls(value: Any) -> Any:
    """In an overlay, a bare null removes a key."""
    if isinstance(value, dict):
        return {key: _without_bare_nulls(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_without_bare_nulls(below) for below in value]
    return {"$value": None} if value is None else value


def _files_template(text: str) -> str:
    """The ConfigMap template with the configuration as YAML files: a foreign schema names no environment variables."""
    head = text[: text.index("\ndata:\n") + 1]
    return (
        head
        + "data:\n{% for domain, settings in (config | public).items() %}\n  {{ domain }}.yaml: |\n    {{ settings | to_yaml | indent(4) }}\n{% endfor %}\n"
    )


def _without_output(text: str, template: str) -> str:
    before, _, after = text.partition(f"  - template: {template}\n")
    rest = after.partition("\n  - ")
    return before + (f"  - {rest[2]}" if rest[1] else "")


def _shipped(kind: str, name: str) -> dict[str, str]:
    """The files of a folder in weft/data, with the project's name in place."""
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


def _read(path: Path) -> str:
    try:
        return yaml12.decode(path.read_bytes())
    except OSError as error:
        raise WeftError(Problem("unreadable", f"{path} cannot be read: {reason_of(error)}")) from None
    except yaml12.YamlError as error:
        raise WeftError(error.problem(str(path))) from None
