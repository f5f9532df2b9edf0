"""The schemas of a project, compiled once: the definition of each setting, and the checks of configurations."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, Final

from weft.base.problems import Problem, Severity, WeftError, did_you_mean
from weft.files.locator import placed_at_rule
from weft.files.reading import OutsideError, ProjectFiles, outside
from weft.project.projectfile import ProjectFile
from weft.rules import RuleCheck
from weft.schema.catalog import Catalog
from weft.schema.defaults import bad_defaults
from weft.schema.envvars import VariableCheck
from weft.schema.kept import documents, is_current
from weft.schema.lost_secrets import lost_secrets
from weft.schema.node import Node
from weft.secrets.masking import mask
from weft.secrets.quoting import SecretLines
from weft.stages.validate import SchemaCheck


@dataclass(frozen=True)
class Schemas:
    """The compiled schemas of a project, whose files are `files`: their nodes, and the checks of keywords, rules and environment variables.

    `secret_lines` guesses which lines of overlays may contain an unrecognized secret.
    """

    files: ProjectFiles
    catalog: Catalog
    schema_check: SchemaCheck
    rule_check: RuleCheck
    variable_check: VariableCheck
    secret_lines: SecretLines

    @property
    def folder(self) -> Path:
        """The folder of the project."""
        return self.files.folder

    @property
    def root(self) -> Node:
        """The root node: the definition of the whole configuration."""
        return self.catalog.root

    def filled(self, merged: Any) -> dict[str, Any]:
        """A merged configuration with the defaults of the schemas.

        If the result is not valid, only certain defaults are filled in, so reports are about values that people wrote. Old names of settings
        get the values of the new ones, unless the schemas reject both together.
        """
        eager: dict[str, Any] = self.root.fill(merged, shared=True)
        if self.catalog.renames:
            both: dict[str, Any] = self.root.fill(
                self.catalog.renames.with_old_names(eager), shared=True
            )  # in the order of the schema
            if self.schema_check.accepts(both, shared=True):
                return both
        if self.schema_check.accepts(eager, shared=True):
            return eager
        careful: dict[str, Any] = self.root.fill(merged, cautious=True)
        return careful

    def again(self) -> Schemas:
        """The same schemas for overlays that have changed, whose lines are looked at again."""
        fresh = replace(self, secret_lines=SecretLines(self.catalog, self.files))
        fresh.__dict__["bad_defaults"] = self.bad_defaults
        return fresh

    def problems(self) -> list[Problem]:
        """The problems of the schemas themselves: rules that do not compile, lists with keys that no item has, and others."""
        mistakes = (*self.catalog.bad_list_keys(), *self.catalog.renames.mistakes())
        found = (*self.rule_check.broken, *mistakes, *lost_secrets(self.catalog))
        return [placed_at_rule(one, self.folder) for one in found]

    @cached_property
    def bad_defaults(self) -> tuple[Problem, ...]:
        """The invalid defaults that Weft would use; they are errors of every target."""
        found = (problem for problem in bad_defaults(self.catalog) if problem.severity is Severity.ERROR)
        return tuple(placed_at_rule(problem, self.folder) for problem in found)

    def bad_default(self, node: Node) -> Problem | None:
        """Why the default of a setting is not used; None if it has none or a valid one."""
        if node.default_schema is None or not node.refuses_its_default:
            return None
        where = self.catalog.documents.location(node.default_schema, "default")
        return next((problem for problem in self.bad_defaults if problem.schema == where), None)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """Compiled schemas, and the files that were read for them with the digests of their contents."""

    read: dict[str, str]
    catalog: Catalog
    schema_check: SchemaCheck
    rule_check: RuleCheck
    variable_check: VariableCheck


class _Kept(threading.local):
    """The schemas that this thread has compiled last, by the folder of the project and the schema file."""

    def __init__(self) -> None:
        self.by_file: dict[tuple[Path, Path], _Compiled] = {}


_MANY: Final = 4
_kept: Final = _Kept()


def load_schemas(file: ProjectFile) -> Schemas:
    """The schemas of a project file. A program that opens a project again does not compile them again if they are the same.

    Raises WeftError when there is no such file, or with every problem that prevents using the schemas.
    """
    place = file.folder, _schema_file(file)
    known = _kept.by_file.pop(place, None)
    if known is None or not is_current(known.read, file.files):
        known = _compiled(place[1], file.files)
    if not known.catalog.documents.searched:
        if len(_kept.by_file) >= _MANY:
            del _kept.by_file[next(iter(_kept.by_file))]
        _kept.by_file[place] = known
    checks = known.schema_check, known.rule_check, known.variable_check
    return Schemas(file.files, known.catalog, *checks, SecretLines(known.catalog, file.files))


def _compiled(path: Path, files: ProjectFiles) -> _Compiled:
    catalog = Catalog(documents(path, files))
    read = {str(one): files.trace.digest(one) or "" for one in catalog.documents.files}
    return _Compiled(read, catalog, SchemaCheck(catalog), RuleCheck(catalog, shown=mask), VariableCheck(catalog.root))


def _schema_file(file: ProjectFile) -> Path:
    path = file.folder / file.schema
    try:
        if file.files.has(path):
            return path
    except OutsideError as error:
        raise WeftError(outside(error, file.schema, file.place("schema"))) from None
    near = [(PurePath(file.schema).parent / name).as_posix() for name in file.files.names_near(path)]
    hint = did_you_mean(file.schema, near)
    raise WeftError(
        Problem("schema-not-found", f"there is no schema {file.schema}", place=file.place("schema"), hint=hint)
    )
