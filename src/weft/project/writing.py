"""Writing: the files of a run, and which folders must not receive outputs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path, PurePath

from weft.base.problems import CannotRun, Problem, WeftError
from weft.project.projectfile import ProjectFile
from weft.project.runs import Run
from weft.stages.render.finished import Rendered
from weft.stages.write import File


def of_run(run: Run) -> list[File]:
    """The files of a run; their texts are read when they are written."""
    return [
        File(one.path, run.digests[one.path], partial(run.text, one.path), one.target, one.secrets) for one in run.files
    ]


def of_rendered(rendered: Iterable[Rendered]) -> list[File]:
    """The files of finished outputs."""
    return [File.of(one.path, one.text, one.target, private=one.secrets) for one in rendered]


def refuse_folder(file: ProjectFile, folder: Path) -> None:
    """Refuse folders that must not receive outputs.

    Raises CannotRun when the folder contains the project's own sources, WeftError when a symbolic link of the project points out of it.
    """
    named = Path(os.path.normpath(folder.absolute()))  # `..` may lead out of the project, and is not a link
    if named.is_relative_to(file.folder) and not folder.resolve().is_relative_to(file.folder.resolve()):
        message = f"{folder} is a symbolic link to a folder outside of the project, {folder.resolve()}"
        hint = "remove the symbolic link, or name its target with `-o`"
        raise WeftError(Problem("output-outside", message, hint=hint))
    for own in _source_folders(file):
        if folder.resolve().is_relative_to(own):
            message = f"{folder} contains sources of the project, and outputs must not be written among them"
            raise CannotRun(Problem("output-in-sources", message, hint="choose another folder with `-o`"))


def _source_folders(file: ProjectFile) -> set[Path]:
    """The folders of schemas, templates and overlays, without the project's own."""
    names = [file.templates, str(PurePath(file.schema).parent)]
    names += [pattern.partition("{")[0].rpartition("/")[0] for pattern in file.layers]
    names += [str(PurePath(pattern).parts[0]) for pattern in file.layers if "/" in pattern]
    return {(file.folder / name).resolve() for name in names} - {file.folder.resolve()}
