"""Writing: which files of an output folder belong to the targets of a run, and which folders must not receive outputs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path, PurePath

from weft.base.problems import CannotRun, Problem, WeftError
from weft.project.projectfile import ProjectFile
from weft.stages import write as writing
from weft.stages.render.templates import Rendered


def write_outputs(
    file: ProjectFile,
    rendered: Iterable[Rendered],
    kept: Collection[str],
    folder: Path,
    *,
    dry_run: bool,
    sync: bool,
    wait: float,
) -> writing.Changes:
    """Write outputs into a folder, and remove files that earlier runs wrote for targets other than the `kept` ones.

    Raises CannotRun when the folder cannot be written to or contains the project's own sources, WeftError when a foreign file would be
    overwritten, or a symbolic link of the project points out of it.
    """
    if folder.absolute().is_relative_to(file.folder) and not folder.resolve().is_relative_to(file.folder.resolve()):
        message = f"{folder} is a symbolic link to a folder outside of the project, {folder.resolve()}"
        hint = "remove the symbolic link, or name its target with `-o`"
        raise WeftError(Problem("output-outside", message, hint=hint))
    for own in _source_folders(file):
        if folder.resolve().is_relative_to(own):
            message = f"{folder} contains sources of the project, and outputs must not be written among them"
            raise CannotRun(Problem("output-in-sources", message, hint="choose another folder with `-o`"))
    files = [writing.File(one.path, one.text, one.target, one.secrets) for one in rendered]
    return writing.write(
        folder, files, lambda name: name not in kept, project=file.project, dry_run=dry_run, sync=sync, wait=wait
    )


def _source_folders(file: ProjectFile) -> set[Path]:
    """The folders of schemas, templates and overlays, without the project's own."""
    names = [file.templates, str(PurePath(file.schema).parent)]
    names += [pattern.partition("{")[0].rpartition("/")[0] for pattern in file.layers]
    names += [str(PurePath(pattern).parts[0]) for pattern in file.layers if "/" in pattern]
    return {(file.folder / name).resolve() for name in names} - {file.folder.resolve()}
