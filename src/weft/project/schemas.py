"""The schemas of a project, compiled once: what they say of each setting, and the two checks that judge a configuration by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft.base.problems import Problem, WeftError, did_you_mean
from weft.files.locator import placed_at_rule
from weft.project.projectfile import ProjectFile
from weft.rules import RuleCheck
from weft.schema.loader import load_documents
from weft.schema.lost_secrets import lost_secrets
from weft.schema.node import Catalog, Node
from weft.secrets.masking import mask
from weft.secrets.quoting import SecretLines
from weft.stages.validate import SchemaCheck


@dataclass(frozen=True)
class Schemas:
    """The compiled schemas of the project in `folder`: their nodes, the checks of their keywords and of their rules.

    `secret_lines` guesses which lines of overlays may hold a secret that nobody recognized as one.
    """

    folder: Path
    catalog: Catalog
    schema_check: SchemaCheck
    rule_check: RuleCheck
    secret_lines: SecretLines

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
    catalog = Catalog(load_documents(_schema_file(file), file.folder))
    return Schemas(
        file.folder, catalog, SchemaCheck(catalog), RuleCheck(catalog, shown=mask), SecretLines(catalog, file.folder)
    )


def _schema_file(file: ProjectFile) -> Path:
    path = file.folder / file.schema
    if not path.is_file():
        near = path.parent.iterdir() if path.parent.is_dir() else ()
        hint = did_you_mean(file.schema, [found.relative_to(file.folder).as_posix() for found in near])
        raise WeftError(
            Problem("schema-not-found", f"there is no schema {file.schema}", place=file.place("schema"), hint=hint)
        )
    return path
