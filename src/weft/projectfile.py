"""weft.yaml: the one project file, read and checked by the schema that ships with Weft."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, Final

from weft import yaml12
from weft.model import PLACEHOLDER, Dimension, Output
from weft.paths import Path as SettingPath
from weft.paths import parse_dotted, parse_pointer
from weft.problems import CannotRun, Place, Problem, WeftError, choices, did_you_mean
from weft.schema.loader import load_documents
from weft.schema.node import Catalog
from weft.validate import SchemaCheck

NAME: Final = "weft.yaml"
RESERVED: Final = ".weft"


@dataclass(frozen=True)
class ProjectFile:
    """A project file, checked. All paths in it are relative to `folder`."""

    folder: Path
    text: str
    project: str
    schema: str
    templates: str
    dimensions: tuple[Dimension, ...]
    layers: tuple[str, ...]
    outputs: tuple[Output, ...]

    def place(self, *path: str | int, key: bool = False) -> Place:
        """Where something stands in weft.yaml."""
        return Place(NAME, *(yaml12.position(self.text, path, key) or ()))


def find_project(start: Path) -> Path:
    """The folder of the project that `start` lies in: the nearest one above that holds a weft.yaml.

    Raises CannotRun when there is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / NAME).is_file():
            return folder
    raise CannotRun(
        Problem(
            "no-project",
            f"there is no {NAME} in {start} or above it",
            hint="go to a project, name one with `-C DIR`, or start one with `weft init DIR`",
        )
    )


def read_project_file(folder: Path) -> ProjectFile:
    """Read and check weft.yaml.

    Raises CannotRun when it is not there, WeftError with every problem when it is wrong.
    """
    path = folder / NAME
    try:
        text = yaml12.decode(path.read_bytes())
        data = yaml12.parse(text)
    except OSError as error:
        raise CannotRun(Problem("no-project", f"{path} cannot be read: {error.strerror}")) from None
    except yaml12.YamlError as error:
        raise WeftError(
            Problem(error.code, error.message, place=Place(NAME, error.line, error.column), hint=error.hint)
        ) from None
    problems = [_placed(problem, text) for problem in _check().problems(data)]
    if problems:
        raise WeftError(*problems)
    file = _build(folder, text, data)
    problems = list(_semantic(file))
    if problems:
        raise WeftError(*problems)
    return file


def _build(folder: Path, text: str, data: Mapping[str, Any]) -> ProjectFile:
    dimensions = tuple(
        Dimension(
            name,
            tuple(entry.get("values", ())),
            entry.get("aliases", {}),
            entry.get("files"),
            _setting(entry.get("setting")),
            entry.get("optional", False),
        )
        for name, entry in data.get("dimensions", {}).items()
    )
    outputs = tuple(
        Output(
            index,
            entry["template"],
            entry["path"],
            entry.get("scope"),
            entry.get("when"),
            (entry["check"],) if isinstance(entry.get("check"), str) else tuple(entry.get("check", ())),
            entry.get("secrets", False),
        )
        for index, entry in enumerate(data.get("outputs", ()))
    )
    return ProjectFile(
        folder,
        text,
        data.get("project") or folder.resolve().name,
        data["schema"],
        data.get("templates", "templates"),
        dimensions,
        tuple(data["layers"]),
        outputs,
    )


def _setting(text: str | None) -> SettingPath | None:
    if text is None:
        return None
    try:
        return parse_dotted(text)
    except ValueError:
        return ()


def _semantic(file: ProjectFile) -> Iterator[Problem]:
    """What the schema of weft.yaml cannot say."""
    names = [dimension.name for dimension in file.dimensions]
    named = [dimension for dimension in file.dimensions if dimension.setting is None]
    for before, after in pairwise(named):
        if before.optional and not after.optional:
            yield Problem(
                "project-invalid",
                f"dimension `{after.name}` follows the optional `{before.name}`, so it must be optional too",
                place=file.place("dimensions", after.name, key=True),
            )
    for dimension in file.dimensions:
        for alias, value in (dimension.aliases or {}).items():
            place = file.place("dimensions", dimension.name, "aliases", alias, key=True)
            if dimension.values and value not in dimension.values:
                yield Problem(
                    "project-invalid",
                    f"alias `{alias}` stands for `{value}`, which is no value of `{dimension.name}`",
                    place=place,
                    hint=did_you_mean(value, dimension.values),
                )
            if alias in dimension.values:
                yield Problem(
                    "project-invalid", f"`{alias}` is a value and an alias of `{dimension.name}`", place=place
                )
        if dimension.setting == ():
            yield Problem(
                "project-invalid",
                "`setting` is not a path of a setting",
                place=file.place("dimensions", dimension.name, "setting"),
                hint="write a dotted path, such as `tenant.tier`",
            )
    for index, layer in enumerate(file.layers):
        yield from _placeholders(file, layer, names, ("layers", index))
        if ".." in PurePosixPath(layer).parts or PurePosixPath(layer).is_absolute():
            message = f"the layer `{layer}` leads out of the project"
            yield Problem("project-invalid", message, place=file.place("layers", index), hint="give a path below it")
        if file.layers.index(layer) < index:
            yield Problem("project-invalid", f"the layer `{layer}` is listed twice", place=file.place("layers", index))
    for output in file.outputs:
        where = ("outputs", output.index)
        yield from _placeholders(file, output.path, names, (*where, "path"))
        parts = PurePosixPath(output.path)
        if parts.is_absolute() or ".." in parts.parts or "\\" in output.path or not parts.name:
            yield Problem(
                "output-outside",
                f"`{output.path}` leads out of the output folder",
                place=file.place(*where, "path"),
                hint="give a path below it, without `..` and a leading `/`",
            )
        if parts.parts[:1] and parts.parts[0].startswith(RESERVED):
            message = f"names that begin with `{RESERVED}` are kept for the record of what was written"
            yield Problem("output-reserved", message, place=file.place(*where, "path"), hint="give it another name")
        if output.scope and output.scope not in [dimension.name for dimension in named]:
            yield Problem(
                "project-invalid",
                f"scope `{output.scope}` is no dimension that targets name",
                place=file.place(*where, "scope"),
                hint=f"there are {choices(dimension.name for dimension in named)}",
            )


def _placeholders(file: ProjectFile, text: str, names: list[str], where: SettingPath) -> Iterator[Problem]:
    for name in PLACEHOLDER.findall(text):
        if name not in names:
            yield Problem(
                "project-invalid",
                f"`{{{name}}}` names no dimension",
                place=file.place(*where),
                hint=did_you_mean(name, names)
                or (f"there are {choices(names)}" if names else "this project has no dimensions"),
            )


def _placed(problem: Problem, text: str) -> Problem:
    path = parse_pointer(problem.path or "")
    unknown = problem.code == "unknown-key"
    for length in range(len(path), -1, -1):
        found = yaml12.position(text, path[:length], key=unknown or length < len(path))
        if found:
            break
    return Problem(
        problem.code,
        problem.message,
        path=problem.path,
        place=Place(NAME, *(found or ())),
        schema=problem.schema,
        hint=problem.hint,
    )


@cache
def _check() -> SchemaCheck:
    with resources.as_file(resources.files("weft.data").joinpath("weft.schema.json")) as path:
        return SchemaCheck(Catalog(load_documents(path, path.parent)))


def schema_text() -> str:
    """The schema of weft.yaml as JSON text, for editors."""
    text = resources.files("weft.data").joinpath("weft.schema.json").read_text("utf-8")
    return json.dumps(json.loads(text), indent=2) + "\n"
