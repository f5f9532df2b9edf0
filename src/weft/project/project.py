"""A project: its files loaded once, its targets, and the five stages put in a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from weft import checks
from weft.base import paths
from weft.base.overlay import Layer, Source, data_path, sources
from weft.base.problems import (
    CannotRun,
    Place,
    Problem,
    Severity,
    UsageError,
    WeftError,
    did_you_mean,
    gather,
    has_errors,
)
from weft.lint.layers import left_empty
from weft.lint.schemas import of_the_schema
from weft.project.outputs import Outputs
from weft.project.projectfile import ProjectFile, find_project, read_project_file
from weft.project.target import Target
from weft.project.targets import Fleet
from weft.rules import Expression, RuleCheck
from weft.schema import envvars
from weft.schema.loader import load_documents
from weft.schema.node import Catalog
from weft.secrets.providers import misformed
from weft.secrets.references import literals
from weft.stages import write as writing
from weft.stages.load import Overlays, place_in
from weft.stages.merge import merge, set_twice
from weft.stages.render.templates import Rendered
from weft.stages.validate import AT_KEY, SchemaCheck, literal_secret


def load_project(
    folder: str | Path = ".",
    *,
    overrides: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Project:
    """The project that `folder` lies in.

    `overrides` maps setting paths to texts (`--set`), `environment` is a process environment whose `x-env` variables make
    a layer (`--from-env`); both lie above all overlays, `overrides` on top.

    Raises CannotRun when there is no project, and WeftError with every problem of weft.yaml, the schemas, the rules and the
    templates when those are wrong.
    """
    home = find_project(Path(folder))
    try:
        return Project(read_project_file(home), overrides or {}, environment)
    except WeftError as error:
        error.folder = home
        raise


class Project:
    """A loaded project. Overlay files are read when a target first needs them."""

    def __init__(
        self, file: ProjectFile, overrides: Mapping[str, str], environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = file.project
        self.folder = file.folder
        self._file = file
        self.catalog = Catalog(load_documents(_schema_file(file), file.folder))
        self.root = self.catalog.root
        self.schema_check = SchemaCheck(self.catalog)
        self.rule_check = RuleCheck(self.catalog)
        self._outputs = Outputs(file, self.root, self.rule_check.shapes)
        self._folded: dict[tuple[Source, ...], tuple[Any, tuple[Problem, ...]]] = {(): ({}, ())}
        self._twice: dict[Layer, list[Problem]] = {}
        self._clear: dict[Source, list[Problem]] = {}
        extra, wrong = self._extra_layers(overrides, environment)
        self.fleet = Fleet(file, Overlays(file.folder), self.root, lambda layers: self.fold(layers)[0], extra)
        broken = map(self.in_schema, self.rule_check.broken)
        lists = map(self.in_schema, self.catalog.bad_list_keys())
        problems = (*broken, *lists, *self._outputs.problems, *wrong, *self.fleet.problems)
        if problems:
            raise WeftError(*problems)

    @property
    def file(self) -> ProjectFile:
        """The project file, checked."""
        return self._file

    def targets(self, *globs: str) -> list[Target]:
        """The targets that the globs name (`production/*`, `**/acme`), all of them without a glob.

        Raises UsageError for a glob that matches none.
        """
        return [Target(self, identity) for identity in self.fleet.select(globs)]

    def target(self, name: str = "", **values: str) -> Target:
        """One target: by its name (`"production/acme"`), by the values of its dimensions (`environment="production"`), or both.

        Raises UsageError when there is none.
        """
        return Target(self, self.fleet.one(name, values))

    def fold(self, layers: Sequence[Layer]) -> tuple[Any, tuple[Problem, ...]]:
        """The layers merged, without the schema's defaults, and what is wrong with them.

        Targets with the same lower layers share the work and the values.
        """
        key = sources(layers)
        done = max(size for size in range(len(key) + 1) if key[:size] in self._folded)
        for size in range(done, len(key)):
            lower, before = self._folded[key[:size]]
            source = key[size]
            value, problems = merge(self.root, lower, source.data, defaults=True)
            placed = [_in_source(problem, source) for problem in (*problems, *self._literals(source))]
            placed += left_empty(lower, source)
            unread = [replace(problem, quiet=self._may_hold_secret(source)) for problem in source.problems]
            self._folded[key[: size + 1]] = value, (*before, *unread, *placed)
        value, problems_so_far = self._folded[key]
        return value, (*problems_so_far, *(problem for layer in layers for problem in self._set_twice(layer)))

    def _literals(self, source: Source) -> list[Problem]:
        """Secrets in clear, and references of a wrong form: a file with one is wrong even where other layers hide it."""
        if source not in self._clear:
            found = literals(self.root, source.data)
            clear = [literal_secret(path, self.root.at(data_path(path)).place) for path in found]
            self._clear[source] = [*clear, *misformed(self.root, source.data)]
        return self._clear[source]

    def _may_hold_secret(self, source: Source) -> bool:
        """Whether a file that could not be parsed may hold a secret in clear: it names a sensitive setting."""
        if not self._secret_names or source.path is None or not source.path.is_file():
            return False
        names = "|".join(map(re.escape, sorted(self._secret_names)))
        text = source.path.read_bytes().decode("utf-8", "replace")
        return re.search(rf"(?:{names})[\"']?\s*:(?!\s*[\"']?ref\+)", text) is not None

    @cached_property
    def _secret_names(self) -> frozenset[str]:
        """The keys of sensitive settings, and of what holds some without naming them."""
        found = set()
        for schema in self.catalog.schemas_with("properties"):
            for name in schema["properties"]:
                below = self.catalog.node([schema], [schema]).child(name)
                if below.sensitive or below.child("*").sensitive or below.child(0).sensitive:
                    found.add(name)
        return frozenset(found)

    def _set_twice(self, layer: Layer) -> list[Problem]:
        if layer not in self._twice:
            self._twice[layer] = (
                [_twice(*clash) for clash in set_twice(self.root, layer)] if len(layer.sources) > 1 else []
            )
        return self._twice[layer]

    def problems(self, targets: Iterable[Target]) -> list[Problem]:
        """Every problem of these targets; what several of them share stands once."""
        targets = list(targets)
        found = [problem for target in targets for problem in target.problems()]
        return gather((*found, *self._around(targets, found)))

    def _around(self, targets: Sequence[Target], found: Sequence[Problem]) -> Iterator[Problem]:
        """What is wrong with the project rather than with one target, given what was found in the targets."""
        yield from self.fleet.bad_limits()
        if not has_errors(found) and len(targets) == len(list(self.fleet.identities())):
            unread = self.fleet.unread(target.resolution for target in targets)
            # a layer with placeholders may be waiting for its first file
            yield from (one for one in unread if one.code != "unused-layer" or "{" not in one.message)
        for place in self.catalog.refused_defaults:
            message = "the default is not valid by its own schema, so it is not used"
            yield self.in_schema(Problem("bad-default", message, Severity.WARNING, schema=f"{place}/default"))

    @property
    def expressions(self) -> list[Expression]:
        """Every expression of the schemas and of weft.yaml."""
        return [*self.rule_check.expressions, *self._outputs.conditions]

    def template_problems(self) -> list[Problem]:
        """What is wrong with the templates, judged before they run by their syntax trees and the schema."""
        return self._outputs.judged()

    def schema_advice(self) -> list[Problem]:
        """What is not wrong, but hardly meant, in the schemas; all warnings."""
        return gather(map(self.in_schema, of_the_schema(self.catalog)))

    def advice(self, targets: Iterable[Target]) -> list[Problem]:
        """What is not wrong, but hardly meant, in the schemas and in the layers of these targets; all warnings."""
        of_schema = self.schema_advice()
        unread = self.fleet.unread(target.resolution for target in self.targets())
        return gather(
            (*of_schema, *unread, *self.fleet.without_target(), *(one for target in targets for one in target.advice()))
        )

    def render(self, targets: Sequence[Target]) -> tuple[list[Rendered], list[Problem]]:
        """Every output of these targets in memory, checked, and all problems of outputs and targets.

        A target whose configuration is wrong is not rendered. Checks that run a program are left to `check_outputs`.
        """
        rendered, report = self._render(targets, ask_programs=False)
        return rendered, report.problems

    def check_outputs(self, targets: Sequence[Target]) -> checks.Report:
        """The same with every check: all problems, and how often each check was asked or skipped."""
        return self._render(targets, ask_programs=True)[1]

    def _render(self, targets: Sequence[Target], *, ask_programs: bool) -> tuple[list[Rendered], checks.Report]:
        problems: list[Problem] = []
        finished: list[Rendered] = []
        for target in targets:
            mine = target.problems()
            problems += mine
            if not has_errors(mine):
                rendered, wrong = self._outputs.of(target)
                finished += rendered
                problems += wrong
        problems += self._around(targets, problems)
        problems += self._outputs.collisions(finished)
        by_name = {target.name: target for target in targets}

        def locate(one: Rendered, line: int) -> Place | None:
            return self._outputs.template_line(by_name[one.target], one, line)

        report = checks.run(finished, locate, ask_programs=ask_programs)
        report.problems = gather((*problems, *report.problems))
        return finished, report

    def affected(self, targets: Iterable[Target], files: Iterable[Path]) -> list[Target]:
        """Those of the targets that read one of these files.

        What no layer reads affects all of them if the project is made of it (weft.yaml, schemas, templates), else none.
        """
        wanted = {file.resolve() for file in files}
        shared = {(self.folder / "weft.yaml").resolve(), *self.catalog.documents.files}
        templates = (self.folder / self._file.templates).resolve()
        if wanted & shared or any(file.is_relative_to(templates) for file in wanted):
            return list(targets)
        read = (
            (
                target,
                {
                    source.path.resolve()
                    for layer in target.resolution.layers
                    for source in layer.sources
                    if source.path
                },
            )
            for target in targets
        )
        return [target for target, paths_read in read if paths_read & wanted]

    def output_at(self, file: str) -> tuple[Target, str]:
        """The target and the output path that a rendered file stands for, wherever the output folder is.

        Raises UsageError when no target has such an output.
        """
        parts = PurePath(file).parts
        every: dict[str, Target] = {}
        for target in self.targets():
            every |= dict.fromkeys(self._outputs.paths_of(target), target)
        for start in range(len(parts)):
            path = "/".join(parts[start:])
            if path in every:
                return every[path], path
        hint = did_you_mean("/".join(parts[-3:]), every)
        raise UsageError(Problem("unknown-output", f"no target has an output {file}", hint=hint))

    def outputs_of(self, target: Target) -> list[Rendered]:
        """The outputs of a target as they are rendered, unchecked; those that cannot be rendered are left out."""
        return self._outputs.of(target)[0]

    def render_with(self, target: Target, one: Rendered, config: Any) -> str | None:
        """The text of one output if the target's configuration were another; None when there would be none."""
        return self._outputs.render_with(target, one, config)

    def write(
        self, targets: Sequence[Target], rendered: Sequence[Rendered], folder: Path, *, dry_run: bool = False
    ) -> writing.Changes:
        """Write what `render` made of these targets into a folder, and remove what they no longer have.

        Raises CannotRun when the folder cannot be written to or holds the project's own sources, WeftError when a foreign
        file is in the way.
        """
        for own in self._source_folders:
            if folder.resolve().is_relative_to(own):
                message = f"{folder} holds sources of the project, and outputs do not belong among them"
                raise CannotRun(Problem("output-in-sources", message, hint="choose another folder with `-o`"))
        files = [writing.File(one.path, one.text, one.target, one.secrets) for one in rendered]
        chosen = {target.name for target in targets}
        every = {identity.name for identity in self.fleet.identities()}
        return writing.write(
            folder, files, lambda name: name in chosen or name not in every, project=self.name, dry_run=dry_run
        )

    @cached_property
    def _source_folders(self) -> set[Path]:
        """The folders of schemas, templates and overlays, less the project's own."""
        file = self._file
        names = [file.templates, str(PurePath(file.schema).parent)]
        names += [pattern.partition("{")[0].rpartition("/")[0] for pattern in file.layers]
        names += [str(PurePath(pattern).parts[0]) for pattern in file.layers if "/" in pattern]
        return {(self.folder / name).resolve() for name in names} - {self.folder.resolve()}

    def setting_path(self, steps: paths.Path) -> paths.Path:
        """The exact path of a setting that the schema allows, from one that leaves out the brackets around keys with dots.

        Raises UsageError when the schema allows no such setting.
        """
        node, found, rest = self.root, list[str | int](), list(steps)
        while rest:
            runs = [".".join(map(str, rest[:size])) for size in range(2, len(rest) + 1)]
            step = next((name for name in (rest[0], *runs) if name in node.properties), rest[0])
            if not node.knows(step):
                where = f"in {paths.dotted(found)}" if found else "at the top level"
                hint = did_you_mean(str(step), node.properties)
                raise UsageError(Problem("unknown-key", f"there is no setting `{step}` {where}", hint=hint))
            node = node.child(step)
            found.append(step)
            del rest[: runs.index(str(step)) + 2 if step in runs and step != rest[0] else 1]
        return tuple(found)

    def _extra_layers(
        self, overrides: Mapping[str, str], environment: Mapping[str, str] | None
    ) -> tuple[tuple[Layer, ...], list[Problem]]:
        layers: list[Layer] = []
        problems: list[Problem] = []
        if environment is not None:
            found, problems = envvars.layers_from(self.root, environment)
            variables = tuple(Source(f"--from-env {name}", data) for name, data in found.items())
            layers.append(Layer("--from-env", variables))
        for text, value in overrides.items():
            layers.append(Layer("--set", (Source(f"--set {text}", self._override(text, value)),)))
        return tuple(layers), problems

    def _override(self, text: str, value: str) -> dict[str, Any]:
        data: dict[str, Any] = {}
        try:
            path = self.setting_path(paths.parse_dotted(text))
            value_set = envvars.literal(envvars.from_text(self.root.at(path), value))
        except ValueError as error:
            raise UsageError(Problem("bad-override", f"--set {text}: {error}")) from None
        if any("array" in self.root.at(path[:length]).types for length in range(len(path))):
            message = f"--set {text}: an item of a list cannot be set by itself"
            raise UsageError(Problem("bad-override", message, hint="set the whole list, as `a,b` or as JSON"))
        envvars.put(data, path, value_set)
        return data

    def in_schema(self, problem: Problem) -> Problem:
        """The problem, placed where its rule stands in the schema files."""
        name, _, fragment = (problem.schema or "").partition("#")
        file = self.folder / name
        source, path = Source(name, {}, file), paths.parse_pointer(fragment)
        key = problem.code in AT_KEY
        place = place_in(source, path, key=key, within=problem.within) if file.is_file() else Place(name)
        return replace(problem, place=place)


def _schema_file(file: ProjectFile) -> Path:
    path = file.folder / file.schema
    if not path.is_file():
        near = path.parent.iterdir() if path.parent.is_dir() else ()
        hint = did_you_mean(file.schema, [found.relative_to(file.folder).as_posix() for found in near])
        raise WeftError(
            Problem("schema-not-found", f"there is no schema {file.schema}", place=file.place("schema"), hint=hint)
        )
    return path


def _in_source(problem: Problem, source: Source) -> Problem:
    path = paths.parse_pointer(problem.path or "")
    return replace(problem, place=place_in(source, path, key=problem.code in AT_KEY))


def _twice(source: Source, path: paths.Path, other: Source, other_path: paths.Path) -> Problem:
    message = f"{paths.dotted(path)} is set in {source.name} and in {other.name}, which are one layer"
    places = place_in(source, path), place_in(other, other_path)
    return Problem("set-twice", message, place=places[0], related=places[1:], hint="keep one of the two")


__all__ = ["Project", "load_project"]
