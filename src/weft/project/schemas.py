"""The schemas of a project, compiled once: what they say of each setting, and the two checks that judge a configuration by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from weft.base.problems import Problem, WeftError, did_you_mean
from weft.files.locator import placed_at_rule
from weft.files.reading import OutsideError, ProjectFiles, outside
from weft.project.projectfile import ProjectFile
from weft.rules import RuleCheck
from weft.schema.loader import load_documents
from weft.schema.lost_secrets import lost_secrets
from weft.schema.node import Catalog, Node
from weft.secrets.quoting import SecretLines
from weft.stages.validate import SchemaCheck


@dataclass(frozen=True)
class Schemas:
    """The compiled schemas of a project, whose files are `files`: their nodes, the checks of their keywords and of their rules.

    `secret_lines` guesses which lines of overlays may hold a secret that nobody recognized as one.
    """

    files: ProjectFiles
    catalog: Catalog
    schema_check: SchemaCheck
    rule_check: RuleCheck
    secret_lines: SecretLines

    @property
    def folder(self) -> Path:
        """The folder of the project."""
        return self.files.folder

    @property
    def root(self) -> Node:
        """What the schemas say of the whole configuration."""
        return self.catalog.root

    def filled(self, merged: Any) -> dict[str, Any]:
        """A merged configuration with the defaults of the schemas.

        Where the result is not valid, only what is surely meant is filled in, so that reports are about what people wrote.
        """
        eager: dict[str, Any] = self.root.fill(merged)
        if self.schema_check.accepts(eager):
            return eager
        careful: dict[str, Any] = self.root.fill(merged, cautious=True)
        return careful

    def problems(self) -> list[Problem]:
        """What is wrong with the schemas themselves: rules that do not compile, lists with keys that no item has, and the like."""
        found = (*self.rule_check.broken, *self.catalog.bad_list_keys(), *lost_secrets(self.catalog))
        return [placed_at_rule(one, self.folder) for one in found]

    def refused_defaults(self) -> Iterator[Problem]:
        """The defaults that were left out so far, as their own schema does not accept them."""
        found = map(self.catalog.acceptance.bad_default, self.catalog.refused_defaults.values())
        yield from (placed_at_rule(problem, self.folder) for problem in found if problem)


def load_schemas(file: ProjectFile) -> Schemas:
    """The schemas that a project file names.

    Raises WeftError when there is no such file, or with every problem that keeps the schemas from being used.
    """
    catalog = Catalog(load_documents(_schema_file(file), file.files))
    return Schemas(file.files, catalog, SchemaCheck(catalog), RuleCheck(catalog), SecretLines(catalog, file.folder))


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
