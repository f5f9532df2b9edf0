"""Rule packs: files `NAME.policy.yaml`, checked by the schema that ships with Weft, their rules compiled once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from weft.base.model import Source
from weft.base.paths import parse_pointer, pointer
from weft.base.problems import Place, Problem, Severity, UsageError, WeftError, choices, did_you_mean
from weft.files import yaml12
from weft.project.project import Project
from weft.rules.expressions import Expression, first_line, is_transition
from weft.schema.loader import load_documents
from weft.schema.node import Catalog, Node
from weft.stages.load import place_in
from weft.stages.validate import AT_KEY, SchemaCheck

SCHEMA: Final = "policy.schema.json"
SUFFIX: Final = ".policy.yaml"
ALL: Final = "all"
"""The name that stands for every pack."""


@dataclass(frozen=True)
class Control:
    """One control of a pack. `maps_to` is the id and the short title of the standard's own control.

    `conditions` are those of the pack and of the control; where one is false, the control is for other targets. `location`
    is where it stands (`schemas/policies/gdpr.policy.yaml#/controls/0`).
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

    @property
    def reads(self) -> tuple[str, ...]:
        """The settings that the rule reads, as JSON pointers."""
        return tuple(pointer(read) for read in self.rule.reads if read)


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
    """The packs of a project by their names, without reading them."""
    found = sorted((project.folder / project.file.policies).glob(f"*{SUFFIX}"))
    return {path.name.removesuffix(SUFFIX): path for path in found}


def read_packs(project: Project) -> dict[str, Policy]:
    """All packs of a project by their names.

    Raises WeftError with every problem of every pack.
    """
    packs, problems = {}, list[Problem]()
    for name, path in files(project).items():
        shown = path.relative_to(project.folder).as_posix()
        data, wrong = _data(path, shown)
        problems += wrong
        if not wrong:
            reader = _Reader(project.root, name, shown)
            packs[name] = reader.policy(data)
            problems += map(project.in_schema, reader.problems)
    if problems:
        raise WeftError(*problems)
    return packs


def choose(known: Mapping[str, Policy], names: Sequence[str]) -> list[Policy]:
    """The packs of these names; all of them for `all`.

    Raises UsageError for a name that no pack has.
    """
    for name in names:
        if name not in known and name != ALL:
            there = f"there are {choices([*known, ALL])}" if known else "this project has no rule packs"
            hint = did_you_mean(name, [*known, ALL]) or there
            raise UsageError(Problem("unknown-policy", f"there is no policy `{name}`", hint=hint))
    return [policy for name, policy in known.items() if name in names or ALL in names]


def _data(path: Path, name: str) -> tuple[Any, list[Problem]]:
    """What a pack holds, and what keeps it from being read."""
    try:
        data = yaml12.parse(yaml12.decode(path.read_bytes()))
    except yaml12.YamlError as error:
        place = Place(name, error.line, error.column)
        return None, [Problem(error.code, error.message, place=place, hint=error.hint)]
    except OSError as error:
        message = f"the file cannot be read: {error.strerror}"
        return None, [Problem("unreadable", message, place=Place(name))]
    source = Source(name, {}, path)
    return data, [
        replace(problem, place=place_in(source, parse_pointer(problem.path or ""), key=problem.code in AT_KEY))
        for problem in _check().problems(data)
    ]


@cache
def _check() -> SchemaCheck:
    with resources.as_file(resources.files("weft.data").joinpath(SCHEMA)) as path:
        return SchemaCheck(Catalog(load_documents(path, path.parent)))


class _Reader:
    """One pack on its way from data to rules; `problems` are what is wrong with them, by their places in the file."""

    def __init__(self, root: Node, name: str, file: str) -> None:
        self._root = root
        self._name = name
        self._file = file
        self.problems: list[Problem] = []

    def policy(self, data: Mapping[str, Any]) -> Policy:
        """The pack, without the controls whose rules are wrong."""
        conditions = self._conditions(data, f"{self._file}#")
        controls = tuple(self._controls(data["controls"], conditions))
        description = data.get("description", "").strip()
        return Policy(self._name, data["title"], description, data["standard"], data.get("url"), controls)

    def _controls(self, entries: Sequence[Mapping[str, Any]], shared: tuple[Expression, ...]) -> Iterator[Control]:
        ids: set[str] = set()
        for index, entry in enumerate(entries):
            location = f"{self._file}#/controls/{index}"
            if entry["id"] in ids:
                self._complain(f"{location}/id", f"`{entry['id']}` stands twice in this pack", "give each its own id")
            ids.add(entry["id"])
            conditions = (*shared, *self._conditions(entry, location))
            rule = self._compiled(entry["rule"], f"{location}/rule")
            if rule is not None:
                yield Control(
                    self._name,
                    entry["id"],
                    entry["title"],
                    Severity(entry["severity"]),
                    (entry["maps_to"]["id"], entry["maps_to"]["title"]),
                    conditions,
                    rule,
                    entry["message"].strip(),
                    entry["remedy"].strip(),
                    location,
                )

    def _conditions(self, entry: Mapping[str, Any], location: str) -> tuple[Expression, ...]:
        found = self._compiled(entry["when"], f"{location}/when") if "when" in entry else None
        return () if found is None else (found,)

    def _compiled(self, source: str, location: str) -> Expression | None:
        if is_transition(source):
            self._complain(location, "`oldSelf` is not known here: a policy sees one configuration", None)
            return None
        try:
            expression = Expression(source)
        except ValueError as error:
            self._complain(location, f"the expression does not compile: {first_line(error)}", None)
            return None
        strange, unlike = expression.strange(self._root), expression.unlike(self._root)
        if strange:
            self._complain(location, f"the expression {strange[0]}", strange[1])
        elif unlike:
            self._complain(location, f"the expression {unlike}", None)
        elif expression.unknown:
            name, known = expression.unknown
            hint = "settings are reached through `self`" if "self" in known else did_you_mean(name, known)
            self._complain(location, f"the expression names `{name}`, which CEL does not know", hint)
        else:
            return expression
        return None

    def _complain(self, location: str, message: str, hint: str | None) -> None:
        self.problems.append(Problem("rule-invalid", message, schema=location, hint=hint))
