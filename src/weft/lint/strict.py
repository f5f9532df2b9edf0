"""Everything that `weft validate --strict` adds: probable mistakes in a valid project."""

from __future__ import annotations

from collections.abc import Sequence

from weft.base.problems import Problem
from weft.lint.layers import layer_warnings
from weft.lint.reach import reach_warnings
from weft.lint.schemas import schema_warnings
from weft.project.project import Project
from weft.project.readers import missing_files
from weft.project.target import Target
from weft.project.unread import layers_without_files, unread_files, without_target
from weft.report.report import Report


def strict_warnings(project: Project, targets: Sequence[Target]) -> list[Problem]:
    """The warnings about the schemas of a project, about files that none of its targets reads, and about the layers of some targets.

    A reader whose files do not exist is an error: nothing shows that it reads anything.
    """
    file, dimensions = project.file, project.dimensions
    layers = [layer for target in project.targets() for layer in target.resolution.layers]
    unread = [
        *unread_files(file, dimensions, {str(source.path) for layer in layers for source in layer.sources}),
        *layers_without_files(file, {layer.name for layer in layers}, waiting=True),
        *without_target(file, dimensions, project.fleet.identities()),
    ]
    of_layers = [problem for target in targets for problem in layer_warnings(target)]
    of_readers = [*missing_files(file), *reach_warnings(project, targets)]
    return Report([*of_readers, *schema_warnings(project), *unread, *of_layers]).problems
