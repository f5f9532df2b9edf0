"""Probable mistakes in valid schemas; all of them are warnings."""

from __future__ import annotations

from collections.abc import Iterator

from weft.base.problems import Problem, Severity
from weft.files.locator import placed_at_rule
from weft.project.project import Project
from weft.report.report import Report
from weft.schema.catalog import Catalog
from weft.schema.defaults import bad_defaults
from weft.schema.mistakes import patterns_of
from weft.schema.patterns import CHEAPER, backtracks


def schema_warnings(project: Project) -> list[Problem]:
    """Probable mistakes in the schemas of a project, with their places."""
    return Report([placed_at_rule(problem, project.folder) for problem in of_the_schema(project.catalog)]).problems


def of_the_schema(catalog: Catalog) -> Iterator[Problem]:
    """Misspelled keywords, defaults that their own schema rejects, patterns that take long to match."""
    yield from catalog.documents.warnings
    yield from bad_defaults(catalog)
    yield from _backtracking_patterns(catalog)


def _backtracking_patterns(catalog: Catalog) -> Iterator[Problem]:
    for schema in catalog.schemas():
        for path, pattern in patterns_of(schema):
            if backtracks(pattern):
                message = "the pattern has a lookaround or a backreference, so matching takes more than linear time and is limited"
                where = catalog.documents.location(schema, *path)
                yield Problem("backtracking-pattern", message, Severity.NOTE, schema=where, hint=CHEAPER)
