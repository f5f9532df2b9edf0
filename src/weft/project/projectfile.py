"""weft.yaml: the one project file, read and checked with the schema that ships with Weft."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, Final

from weft.base.codes import About
from weft.base.overlay import PLACEHOLDER, Source
from weft.base.paths import Path as SettingPath
from weft.base.paths import parse_dotted, parse_pointer
from weft.base.problems import CannotRun, Place, Problem, WeftError, choices, did_you_mean
from weft.files import yaml12
from weft.files.lines import lines_of
from weft.files.locator import locate, placed
from weft.files.reading import OutsideError, ProjectFiles, unreadable
from weft.files.shipped import PROJECT_SCHEMA
from weft.project.entries import Cluster, Dimension, Gate, Homes, Output, Reader, Rollout, Waiver
from weft.project.own_schemas import check_of
from weft.secrets.quoting import outlined
from weft.stages.write.record import refusal

NAME: Final = "weft.yaml"
ITSELF: Final = "weft"
"""The reader of what Weft itself reads: dimensions, conditions, limits."""


@dataclass(frozen=True)
class ProjectFile:
    """A project file, checked. All paths in it are relative to `folder`, and only reach the files of `files`."""

    files: ProjectFiles
    project: str
    schema: str
    templates: str
    dimensions: tuple[Dimension, ...]
    layers: tuple[str, ...]
    outputs: tuple[Output, ...]
    policies: str
    waivers: tuple[Waiver, ...]
    readers: Mapping[str, Reader]
    homes: Homes
    cluster: Cluster = field(default_factory=Cluster)

    @property
    def folder(self) -> Path:
        """The folder of the project."""
        return self.files.folder

    def place(self, *path: str | int, key: bool = False, within: tuple[int, int] | None = None) -> Place:
        """The place of a path in weft.yaml, or of a line and a column inside its text."""
        return locate(Source(NAME, path=self.folder / NAME), path, key=key, within=within)


def read_project_file(files: ProjectFiles) -> ProjectFile:
    """Read and check weft.yaml.

    Raises CannotRun if it does not exist, WeftError with every problem if it is not valid.
    """
    path = files.folder / NAME
    try:
        content = files.read(path)
    except OutsideError as error:
        raise WeftError(unreadable(error, NAME)) from None
    except OSError as error:
        raise CannotRun(Problem("no-project", f"{path} cannot be read: {error.strerror}")) from None
    data = _parsed(content)
    found = [placed(problem, Source(NAME, path=path)) for problem in check_of(PROJECT_SCHEMA).problems(data)]
    lines = _lines(content) if found else []
    problems = [_outlined(problem, lines) if problem.traits.about is About.KEY else problem for problem in found]
    if problems:
        raise WeftError(*problems)
    file = _build(files, data)
    problems = list(_semantic(file))
    if problems:
        raise WeftError(*problems)
    return file


def _parsed(content: bytes) -> Any:
    try:
        return yaml12.parse(yaml12.decode(content))
    except yaml12.EmptyFileError as error:  # `{}` would not be a project either
        raise WeftError(replace(error.problem(NAME), message="the file contains no data", hint=None)) from None
    except yaml12.YamlError as error:
        raise WeftError(_outlined(error.problem(NAME), _lines(content))) from None


def _lines(content: bytes) -> list[str]:
    return lines_of(content.decode("utf-8-sig", "replace"))


def _outlined(problem: Problem, lines: list[str]) -> Problem:
    """The problem without the value of its line: an overlay may have been written into the wrong file."""
    number = problem.place.line if problem.place else None
    if number is None or number > len(lines):
        return problem
    said = parse_pointer(problem.path or "")[-1:]  # the message contains it
    return outlined(problem, lines[number - 1], check_of(PROJECT_SCHEMA).names | {*said})


def _build(files: ProjectFiles, data: Mapping[str, Any]) -> ProjectFile:
    return ProjectFile(
        files,
        data.get("project") or files.folder.resolve().name,
        data["schema"],
        data.get("templates", "templates"),
        tuple(_dimension(name, entry) for name, entry in data.get("dimensions", {}).items()),
        tuple(data["layers"]),
        tuple(_output(index, entry) for index, entry in enumerate(data.get("outputs", ()))),
        data.get("policies") or (PurePosixPath(data["schema"]).parent / "policies").as_posix(),
        tuple(_waiver(index, entry) for index, entry in enumerate(data.get("waivers", ()))),
        {name: _reader(name, entry) for name, entry in data.get("readers", {}).items()},
        Homes(**{name: _setting(path) for name, path in data.get("kubernetes", {}).items()}),
        _cluster(data.get("clusters", {}), data.get("cluster", {})),
    )


def _dimension(name: str, entry: Mapping[str, Any]) -> Dimension:
    return Dimension(
        name,
        tuple(entry.get("values", ())),
        entry.get("aliases", {}),
        entry.get("files"),
        _setting(entry.get("setting")),
        entry.get("optional", False),
        {other: _setting(path) or () for other, path in entry["limits"].items()} if "limits" in entry else None,
    )


def _output(index: int, entry: Mapping[str, Any]) -> Output:
    return Output(
        index,
        entry["template"],
        entry["path"],
        entry.get("scope"),
        entry.get("when"),
        (entry["check"],) if isinstance(entry.get("check"), str) else tuple(entry.get("check", ())),
        entry.get("secrets", False),
        entry.get("apply", False),
    )


def _waiver(index: int, entry: Mapping[str, Any]) -> Waiver:
    expires = date.fromisoformat(entry["expires"])
    return Waiver(index, entry["policy"], entry["control"], tuple(entry["targets"]), entry["reason"], expires)


def _reader(name: str, entry: Mapping[str, Any]) -> Reader:
    outputs = tuple(entry.get("outputs", ()))
    return Reader(name, outputs, entry.get("code"), entry.get("planned"), entry.get("test"))


def _cluster(contexts: Mapping[str, str], entry: Mapping[str, Any]) -> Cluster:
    stated = {**entry, "contexts": contexts}
    stated |= {"adopt": tuple(entry["adopt"])} if "adopt" in entry else {}
    stated["rollouts"] = {name: _rollout(rollout) for name, rollout in entry.get("rollouts", {}).items()}
    return Cluster(**stated)


def _rollout(entry: Mapping[str, Any]) -> Rollout:
    waves = tuple(map(tuple, entry.get("waves", ())))
    gates = tuple(
        Gate(tuple(gate.get("command", ())), gate.get("promql"), gate.get("server")) for gate in entry.get("gates", ())
    )
    return Rollout(**{**entry, "waves": waves, "gates": gates})


def _setting(text: str | None) -> SettingPath | None:
    if text is None:
        return None
    try:
        return parse_dotted(text)
    except ValueError:
        return ()


def _semantic(file: ProjectFile) -> Iterator[Problem]:
    """Checks that the schema of weft.yaml cannot express."""
    named = [dimension for dimension in file.dimensions if dimension.setting is None]
    names = [dimension.name for dimension in named]
    yield from _about_order(file, named)
    for dimension in file.dimensions:
        yield from _about_dimension(file, dimension)
        yield from _about_limits(file, dimension, names)
    for index, layer in enumerate(file.layers):
        yield from _about_layer(file, index, layer)
    for output in file.outputs:
        yield from _about_output(file, output, names)
    for reader in file.readers.values():
        yield from _about_reader(file, reader)


def _about_order(file: ProjectFile, named: list[Dimension]) -> Iterator[Problem]:
    for before, after in pairwise(named):
        if before.optional and not after.optional:
            message = f"dimension `{after.name}` follows the optional `{before.name}`, so it must be optional too"
            yield _invalid(message, file.place("dimensions", after.name, key=True))


def _about_dimension(file: ProjectFile, dimension: Dimension) -> Iterator[Problem]:
    for alias, value in (dimension.aliases or {}).items():
        place = file.place("dimensions", dimension.name, "aliases", alias, key=True)
        if dimension.values and value not in dimension.values:
            message = f"alias `{alias}` stands for `{value}`, which is not a value of `{dimension.name}`"
            yield _invalid(message, place, did_you_mean(value, dimension.values))
        if alias in dimension.values:
            yield _invalid(f"`{alias}` is a value and an alias of `{dimension.name}`", place)
    if dimension.setting == ():
        place = file.place("dimensions", dimension.name, "setting")
        yield _invalid("`setting` is not a path of a setting", place, "write a dotted path, such as `tenant.tier`")


def _about_limits(file: ProjectFile, dimension: Dimension, named: list[str]) -> Iterator[Problem]:
    for other, setting in (dimension.limits or {}).items():
        place = file.place("dimensions", dimension.name, "limits", other, key=True)
        before = named[: named.index(dimension.name)] if dimension.name in named else []
        if dimension.name not in named:
            yield _invalid(f"targets do not name `{dimension.name}`, so nothing can limit it", place)
        elif other not in before:
            known = f"dimensions before it: {choices(before)}" if before else "no dimension comes before it"
            hint = did_you_mean(other, before) or known
            message = f"`{dimension.name}` cannot be limited by `{other}`, which is not a dimension that targets name before it"
            yield _invalid(message, place, hint)
        if setting == ():
            value = file.place("dimensions", dimension.name, "limits", other)
            yield _invalid(
                "a limit is not a path of a setting", value, "write a dotted path, such as `tenant.environments`"
            )


def _about_layer(file: ProjectFile, index: int, layer: str) -> Iterator[Problem]:
    place = file.place("layers", index)
    yield from _placeholders(file, layer, ("layers", index))
    if ".." in PurePosixPath(layer).parts or PurePosixPath(layer).is_absolute():
        yield _invalid(f"the layer `{layer}` is outside of the project", place, "use a path below it")
    if file.layers.index(layer) < index:
        yield _invalid(f"the layer `{layer}` is listed twice", place)


def _about_output(file: ProjectFile, output: Output, named: list[str]) -> Iterator[Problem]:
    where = ("outputs", output.index)
    yield from _placeholders(file, output.path, (*where, "path"))
    place = file.place(*where, "path")
    refused = refusal(output.path)
    if refused is not None:
        code, message, hint = refused
        yield Problem(code, message, place=place, hint=hint)
    if output.scope and output.scope not in named:
        message = f"scope `{output.scope}` is not a dimension that targets name"
        yield _invalid(message, file.place(*where, "scope"), f"choose from {choices(named)}")


def _about_reader(file: ProjectFile, reader: Reader) -> Iterator[Problem]:
    if reader.name == ITSELF:
        place = file.place("readers", reader.name, key=True)
        yield _invalid(f"`{ITSELF}` is the name of Weft itself", place, "give the reader the name of its program")
    templates = [output.template for output in file.outputs]
    for index, glob in enumerate(reader.outputs):
        if not any(replace(reader, outputs=(glob,)).reads(template) for template in templates):
            place = file.place("readers", reader.name, "outputs", index)
            hint = did_you_mean(glob, templates) or "write the template of an output, or a glob of several"
            yield _invalid(f"no output has a template `{glob}`", place, hint)


def _invalid(message: str, place: Place, hint: str | None = None) -> Problem:
    return Problem("project-invalid", message, place=place, hint=hint)


def _placeholders(file: ProjectFile, text: str, where: SettingPath) -> Iterator[Problem]:
    names = [dimension.name for dimension in file.dimensions]
    for name in PLACEHOLDER.findall(text):
        if name not in names:
            known = f"choose from {choices(names)}" if names else "this project has no dimensions"
            yield _invalid(
                f"`{{{name}}}` is not the name of a dimension", file.place(*where), did_you_mean(name, names) or known
            )
