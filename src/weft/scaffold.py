"""New projects: from nothing, from one JSON Schema, or from a Helm chart's values and schema."""

from __future__ import annotations

import json
import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from weft import yaml12
from weft.formats import to_json
from weft.problems import CannotRun, Place, Problem, WeftError
from weft.schema.documents import DIALECT
from weft.schema.node import json_type

_MODELINE: Final = "# yaml-language-server: $schema=../schemas/generated/overlay.schema.json\n"


def new_project(folder: Path, files: dict[str, str]) -> None:
    """Write the files of a new project into a folder that is empty or not there yet.

    Raises CannotRun when it is neither, or cannot be written.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            hint = "name a folder that is empty or does not exist yet"
            raise CannotRun(Problem("not-empty", f"{folder} is in the way: nothing was written", hint=hint))
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    except OSError as error:
        raise CannotRun(
            Problem("cannot-write", f"{error.filename or folder}: {(error.strerror or str(error)).lower()}")
        ) from error


def from_nothing(name: str) -> dict[str, str]:
    """A small project that renders a ConfigMap and a Secret for two environments."""
    return _shipped("project", name)


def from_schema(name: str, schema: Path) -> dict[str, str]:
    """A project with one JSON Schema as its only domain, named like the schema's file.

    Raises WeftError when the file is no JSON.
    """
    text = _read(schema)
    domain = re.sub(r"[^a-z0-9_]+", "_", schema.name.split(".")[0].lower()).strip("_") or "app"
    root = {
        "$schema": DIALECT,
        "title": name,
        "type": "object",
        "additionalProperties": False,
        "properties": {domain: {"$ref": schema.name}},
    }
    shipped = _shipped("project", name)
    return {
        "weft.yaml": _without_output(shipped["weft.yaml"], "secret.yaml.j2"),
        ".gitignore": shipped[".gitignore"],
        "schemas/root.schema.json": to_json(root) + "\n",
        f"schemas/{schema.name}": text,
        "overlays/base.yaml": f"{_MODELINE}# What holds everywhere, beyond the schema's defaults.\n{domain}: {{}}\n",
        "templates/configmap.yaml.j2": _files_template(shipped["templates/configmap.yaml.j2"]),
    }


def from_chart(name: str, chart: Path) -> dict[str, str]:
    """A project whose base layer is a chart's values.yaml and whose output is a values file per environment.

    The chart's values.schema.json is the schema; without one, a schema is inferred from the values.

    Raises WeftError when there is no values.yaml, or one of the files cannot be read.
    """
    values = _read(chart / "values.yaml")
    try:
        data = yaml12.parse(values) if values.strip() else {}
    except yaml12.YamlError as error:
        place = Place(str(chart / "values.yaml"), error.line, error.column)
        raise WeftError(Problem(error.code, error.message, place=place, hint=error.hint)) from None
    if not isinstance(data, dict):
        raise WeftError(Problem("not-a-mapping", "values.yaml is no mapping", place=Place(str(chart / "values.yaml"))))
    schema = chart / "values.schema.json"
    text = (
        _read(schema)
        if schema.is_file()
        else to_json({"$schema": DIALECT, "title": f"Values of {name}", **inferred(data)}) + "\n"
    )
    base = _with_nulls(values, data)
    return _shipped("chart", name) | {
        "schemas/values.schema.json": text,
        "overlays/base.yaml": f"{_MODELINE}{base if data else '{}'}".rstrip("\n") + "\n",
    }


def inferred(value: Any) -> dict[str, Any]:
    """A JSON Schema that accepts a value and others like it: the types of its keys, closed where it has some.

    An empty mapping stays open, and what is null may become anything.
    """
    kind = json_type(value)
    if kind == "object":
        properties = {key: inferred(below) for key, below in value.items()}
        return {"type": kind, **({"properties": properties, "additionalProperties": False} if properties else {})}
    if kind == "array":
        kinds = {json.dumps(inferred(item), sort_keys=True) for item in value}
        return {"type": kind, **({"items": json.loads(kinds.pop())} if len(kinds) == 1 else {})}
    return {} if kind == "null" else {"type": "number" if kind == "integer" else kind}


def _with_nulls(text: str, data: dict[str, Any]) -> str:
    """The text with each null written as `{$value: null}`: in an overlay, a bare null removes a key."""
    nulls = sorted(_nulls(data, ()), key=lambda path: yaml12.position(text, path) or (0, 0), reverse=True)
    lines = text.splitlines()
    for path in nulls:
        line, column = yaml12.position(text, path) or (1, 1)
        before, after = lines[line - 1][: column - 1], lines[line - 1][column - 1 :]
        rest = re.sub(r"^(~|null|Null|NULL)", "", after)
        lines[line - 1] = f"{before.rstrip()} {{$value: null}}{rest}"
    return "\n".join(lines) + "\n"


def _nulls(data: Any, path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    if isinstance(data, dict):
        return [
            found
            for key, below in data.items()
            for found in ([(*path, key)] if below is None else _nulls(below, (*path, key)))
        ]
    if isinstance(data, list):
        return [found for index, below in enumerate(data) for found in _nulls(below, (*path, index))]
    return []


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

    def collect(folder: Traversable, prefix: str) -> None:
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if entry.is_dir():
                collect(entry, f"{prefix}{entry.name}/")
            else:
                found[prefix + {"gitignore": ".gitignore"}.get(entry.name, entry.name)] = entry.read_text(
                    "utf-8"
                ).replace("PROJECT", name)

    collect(resources.files("weft.data").joinpath(kind), "")
    return found


def _read(path: Path) -> str:
    try:
        return yaml12.decode(path.read_bytes())
    except OSError as error:
        raise WeftError(
            Problem("unreadable", f"{path} cannot be read: {(error.strerror or str(error)).lower()}")
        ) from None
    except yaml12.YamlError as error:
        raise WeftError(
            Problem(error.code, error.message, place=Place(str(path), error.line, error.column), hint=error.hint)
        ) from None
