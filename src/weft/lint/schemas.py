"""What is valid in a schema, but probably a mistake; all of it warnings."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cache

from jsonschema_specifications import REGISTRY as METASCHEMAS

from weft.base.problems import Problem, Severity
from weft.files.locator import placed_at_rule
from weft.project.project import Project
from weft.report.report import Report
from weft.schema.defaults import bad_defaults
from weft.schema.mistakes import patterns_of
from weft.schema.node import Catalog
from weft.schema.patterns import CHEAPER, backtracks


def schema_warnings(project: Project) -> list[Problem]:
    """What is probably a mistake in the schemas of a project, with its place in their files."""
    return Report([placed_at_rule(problem, project.folder) for problem in of_the_schema(project.catalog)]).problems


def of_the_schema(catalog: Catalog) -> Iterator[Problem]:
    """Keywords that are nearly ones, defaults that their own schema does not accept, patterns that take long to match."""
    yield from _misspelled_keywords(catalog)
    yield from bad_defaults(catalog)
    yield from _backtracking_patterns(catalog)


def _misspelled_keywords(catalog: Catalog) -> Iterator[Problem]:
    keywords = {keyword.lower(): keyword for keyword in _keywords()}
    for schema in catalog.schemas():
        for keyword in schema.keys() - keywords.values():
            meant = difflib.get_close_matches(keyword.lower(), keywords, n=1, cutoff=0.85)
            if meant and not keyword.startswith("x-"):
                message = f"`{keyword}` means nothing to JSON Schema"
                where = catalog.documents.location(schema, keyword)
                hint = f"did you mean `{keywords[meant[0]]}`?"
                yield Problem("unknown-keyword", message, Severity.WARNING, schema=where, hint=hint)


def _backtracking_patterns(catalog: Catalog) -> Iterator[Problem]:
    for schema in catalog.schemas():
        for path, pattern in patterns_of(schema):
            if backtracks(pattern):
                message = "the pattern looks around or back, so matching it takes more than linear time and has a limit"
                where = catalog.documents.location(schema, *path)
                yield Problem("backtracking-pattern", message, Severity.NOTE, schema=where, hint=CHEAPER)


@cache
def _keywords() -> frozenset[str]:
    """The keywords of all drafts."""
    schemas = [METASCHEMAS.contents(uri) for uri in METASCHEMAS]
    return frozenset(name for schema in schemas for name in schema.get("properties", ()))
