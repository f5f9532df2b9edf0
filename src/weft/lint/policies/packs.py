"""Rule packs: files `NAME.policy.yaml`, checked with the schema that ships with Weft, with rules compiled once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from weft.base.overlay import Source
from weft.base.paths import pointer
from weft.base.problems import Problem, Severity, UsageError, WeftError, choices, did_you_mean
from weft.files import yaml12
from weft.files.locator import placed, placed_at_rule
from weft.files.reading import OutsideError, ProjectFiles, outside, unreadable
from weft.lint.policies.manifests import Over, compiled_over
from weft.project.own_schemas import check_of
from weft.project.project import Project
from weft.rules import Expression, Request, Shapes, compiled
from weft.schema.node import Node

SCHEMA: Final = "policy.schema.json"
SUFFIX: Final = ".policy.yaml"
ALL: Final = "all"
"""The name for all packs."""


@dataclass(frozen=True)
class Control:
    """One control of a pack. `maps_to` is the id and the short title of the standard's own control.

    Its rule is about the configuration, or, if it has `over`, about each of those rendered documents. `conditions` are those of the pack and of the control; if one is false, the control does not apply to the target. `location` is its
    position (`schemas/policies/gdpr.policy.yaml#/controls/0`).
    """

    policy: str
    id: str
    title: str
    severity: Severity
    maps_to: tuple[str, str]
    conditions: tuple[Expression, ...]
    rule: Expression
    message: str
    remedy: str
    location: str
    over: Over | None = None

    @property
    def source(self) -> str:
        """The rule as it is written."""
        return self.over.written(self.rule) if self.over else self.rule.source

    @property
    def reads(self) -> tuple[str, ...]:
        """The settings that the rule reads, as JSON pointers; none if it reads rendered documents."""
        return () if self.over else tuple(pointer(read) for read in self.rule.reads if read)


@dataclass(frozen=True)
class Policy:
    """A rule pack; `name` is its file's name without `.policy.yaml`."""

    name: str
    title: str
    description: str
    standard: str
    url: str | None
    controls: tuple[Control, ...]


def files(project: Project) -> dict[str, Path]:
    """The packs of a project by name, without reading them.

    Raises WeftError if their folder is outside of the project.
    """
    try:
        found = project.files.entries(project.folder / project.file.policies)
    except OutsideError as error:
        raise WeftError(outside(error, project.file.policies, project.file.place("policies"))) from None
    return {path.name.removesuffix(SUFFIX): path for path in found if path.name.endswith(SUFFIX)}


def read_packs(project: Project) -> dict[str, Policy]:
    """All packs of a project by name.

    Raises WeftError with every problem of every pack.
    """
    packs, problems, _ = _read(project)
    if problems:
        raise WeftError(*problems)
    return packs


def check_packs(project: Project) -> tuple[list[Problem], list[Expression]]:
    """Every problem of every pack, and all expressions that compile."""
    _, problems, expressions = _read(project)
    return problems, expressions


def _read(project: Project) -> tuple[dict[str, Policy], list[Problem], list[Expression]]:
    packs, problems, expressions = {}, list[Problem](), list[Expression]()
    for name, path in files(project).items():
        shown = path.relative_to(project.folder).as_posix()
        data, wrong = _data(project.files, path, shown)
        problems += wrong
        if not wrong:
            reader = _Reader(project.root, project.schemas.rule_check.shapes, name, shown)
            packs[name] = reader.policy(data)
            problems += [placed_at_rule(problem, project.folder) for problem in reader.problems]
            expressions += reader.expressions.values()
    return packs, problems, expressions


def choose(known: Mapping[str, Policy], names: Sequence[str]) -> list[Policy]:
    """The packs with these names; all of them for `all`.

    Raises UsageError for an unknown pack.
    """
    for name in names:
        if name not in known and name != ALL:
            there = f"choose from {choices([*known, ALL])}" if known else "this project has no rule packs"
            hint = did_you_mean(name, [*known, ALL]) or there
            raise UsageError(Problem("unknown-policy", f"there is no policy `{name}`", hint=hint))
    return [policy for name, policy in known.items() if name in names or ALL in names]


def _data(files: ProjectFiles, path: Path, name: str) -> tuple[Any, list[Problem]]:
    """The data of a pack, and the problems of reading it."""
    try:
        data = yaml12.parse(yaml12.decode(files.read(path)))
    except yaml12.YamlError as error:
        return None, [error.problem(name)]
    except OSError as error:
        return None, [unreadable(error, name)]
    source = Source(name, {}, path)
    return data, [placed(problem, source) for problem in check_of(SCHEMA).problems(data)]


class _Reader:
    """One pack on its way from data to rules; `problems` are their problems, by position in the file."""

    def __init__(self, root: Node, shapes: Shapes, name: str, file: str) -> None:
        self._root = root
        self._shapes = shapes
        self._name = name
        self._file = file
        self.expressions: dict[str, Expression] = {}
        self.problems: list[Problem] = []

    def policy(self, data: Mapping[str, Any]) -> Policy:
        """The pack, without controls whose rules are invalid."""
        self._compile(dict(_sources(data, f"{self._file}#")), _over(data, f"{self._file}#"))
        conditions = self._conditions(f"{self._file}#")
        controls = tuple(self._controls(data["controls"], conditions))
        description = data.get("description", "").strip()
        return Policy(self._name, data["title"], description, data["standard"], data.get("url"), controls)

    def _controls(self, entries: Sequence[Mapping[str, Any]], shared: tuple[Expression, ...]) -> Iterator[Control]:
        ids: set[str] = set()
        for index, entry in enumerate(entries):
            location = f"{self._file}#/controls/{index}"
            if entry["id"] in ids:
                message = f"`{entry['id']}` appears twice in this pack"
                hint = "give each its own id"
                self.problems.append(Problem("rule-invalid", message, schema=f"{location}/id", hint=hint))
            ids.add(entry["id"])
            rule = self.expressions.get(f"{location}/rule")
            if rule is not None:
                yield Control(
                    self._name,
                    entry["id"],
                    entry["title"],
                    Severity(entry["severity"]),
                    (entry["maps_to"]["id"], entry["maps_to"]["title"]),
                    (*shared, *self._conditions(location)),
                    rule,
                    entry["message"].strip(),
                    entry["remedy"].strip(),
                    location,
                    Over.of(entry.get("over")),
                )

    def _conditions(self, location: str) -> tuple[Expression, ...]:
        found = self.expressions.get(f"{location}/when")
        return () if found is None else (found,)

    def _compile(self, sources: Mapping[str, str], over: Collection[str]) -> None:
        """All expressions of the pack at once, by position; the rules at `over` read rendered documents."""
        own = {location: source for location, source in sources.items() if location not in over}
        results = compiled([Request(source, self._root) for source in own.values()], self._shapes)
        rules = {location: source for location, source in sources.items() if location in over}
        made = dict(zip(own, results, strict=True)) | compiled_over(rules, self._shapes)
        for location in sources:
            result = made[location]
            if isinstance(result, Expression):
                self.expressions[location] = result
            else:
                self.problems += [mistake.problem("expression", location) for mistake in result]


def _over(data: Mapping[str, Any], file: str) -> set[str]:
    """The positions of the rules that read rendered documents."""
    return {f"{file}/controls/{index}/rule" for index, entry in enumerate(data["controls"]) if "over" in entry}


def _sources(data: Mapping[str, Any], file: str) -> Iterator[tuple[str, str]]:
    """Every expression of a pack, with its position."""
    places = [(data, file), *((entry, f"{file}/controls/{index}") for index, entry in enumerate(data["controls"]))]
    for entry, location in places:
        yield from ((f"{location}/{word}", entry[word]) for word in ("when", "rule") if word in entry)
