"""Readers: the programs of weft.yaml that read settings, and the settings of the schemas that name them (`x-read-by`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from weft.base.paths import Path
from weft.base.problems import Problem, choices, did_you_mean
from weft.files.locator import placed_at_rule
from weft.files.reading import OutsideError, outside
from weft.project.projectfile import ITSELF, ProjectFile
from weft.schema.catalog import Catalog
from weft.schema.node import Node

KEYWORD = "x-read-by"


def named_readers(root: Node, path: Path) -> tuple[str, ...]:
    """The readers that the schemas name for a setting: at its own place, or at the nearest place above it that names any."""
    node = root
    found = node.readers
    for step in path:
        node = node.child(step)
        found = node.readers or found
    return found


def unknown_readers(file: ProjectFile, catalog: Catalog) -> Iterator[Problem]:
    """The readers that schemas name and weft.yaml does not."""
    reported = set[str]()
    for schema in catalog.schemas_with(KEYWORD):
        names = schema[KEYWORD]
        for index, name in enumerate([names] if isinstance(names, str) else names):
            steps = () if isinstance(names, str) else (index,)
            where = catalog.documents.location(schema, KEYWORD, *steps)
            if name not in file.readers and where not in reported:
                reported.add(where)
                yield placed_at_rule(_unknown(file, name, where), file.folder)


def _unknown(file: ProjectFile, name: str, where: str) -> Problem:
    if name == ITSELF:
        hint = "remove it: Weft finds by itself what it reads"
        return Problem("unknown-reader", f"`{ITSELF}` is the name of Weft itself", schema=where, hint=hint)
    some = f"choose from {choices(file.readers)}, or add it" if file.readers else "add it"
    hint = did_you_mean(name, file.readers) or f"{some} to `readers` in weft.yaml"
    return Problem("unknown-reader", f"there is no reader `{name}`", schema=where, hint=hint)


def missing_files(file: ProjectFile) -> Iterator[Problem]:
    """The files of readers, their code and their tests, that do not exist."""
    for reader in file.readers.values():
        for key, name in (("code", reader.code), ("test", reader.test)):
            if name is not None:
                yield from _missing(file, name, reader.name, key)


def _missing(file: ProjectFile, name: str, reader: str, key: str) -> Iterator[Problem]:
    path, place = file.folder / name, file.place("readers", reader, key)
    try:
        if not file.files.has(path):
            near = [(PurePath(name).parent / other).as_posix() for other in file.files.names_near(path)]
            message = f"there is no file {name}, the {key} of the reader `{reader}`"
            yield Problem("project-invalid", message, place=place, hint=did_you_mean(name, near))
    except OutsideError as error:
        yield outside(error, name, place)
