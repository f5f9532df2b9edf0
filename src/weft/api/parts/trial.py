"""The project with a plan applied: loaded and rendered from a copy, before anything is written."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from weft.api.parts.plan import Plan
from weft.base.overlay import PLACEHOLDER
from weft.base.problems import CannotRun, Problem, Severity, WeftError, reason_of
from weft.derived.editors.settings_files import GENERATED
from weft.derived.overlay_schema import overlay_schema
from weft.files.formats import to_json
from weft.files.reading import ProjectFiles
from weft.project.project import Project, load_project
from weft.project.projectfile import NAME
from weft.stages.load import SUFFIXES

_OVERLAYS: Final = f"{GENERATED}/overlay.schema.json"


@dataclass(frozen=True)
class Trial:
    """The result of a plan: the `problems` that it causes, and the number of earlier errors. Their files are below `folder`.

    The folder is removed after the trial.
    """

    folder: Path
    problems: tuple[Problem, ...]
    before: int


@contextmanager
def tried(project: Project, plan: Plan) -> Iterator[Trial]:
    """Load and render the project with the changes of a plan. The generated schema of overlays joins the plan.

    Raises CannotRun if the copy cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="weft-") as scratch:
        try:
            folder = _copied(project, plan, Path(scratch))
        except OSError as error:
            raise CannotRun(Problem("cannot-write", f"{error.filename or scratch}: {reason_of(error)}")) from error
        try:
            # the copy of an allowed folder is next to that of the project
            changed = load_project(folder, allow_read=(*project.file.files.allowed, scratch))
        except WeftError as error:
            yield Trial(folder, error.problems, 0)
            return
        new, before = _caused(project, changed)
        plan.generate(_OVERLAYS, to_json(overlay_schema(changed.root, changed.name)) + "\n")
        yield Trial(folder, new, before)


def _caused(project: Project, changed: Project) -> tuple[tuple[Problem, ...], int]:
    """The problems of a changed project that it did not have before, and the number of errors that it had."""
    every = changed.render(changed.targets())[1]
    after = [problem for problem in every if problem.severity is not Severity.NOTE]
    known = project.render(project.targets())[1] if after else []
    same = {_finding(problem) for problem in known}
    new = tuple(problem for problem in after if _finding(problem) not in same)
    return new, len({_finding(one) for one in known if one.severity is Severity.ERROR})


def _finding(problem: Problem) -> Any:
    """The identity of a problem, independent of lines that moved."""
    return problem.code, problem.path, problem.message, problem.place.file if problem.place else None


def _copied(project: Project, plan: Plan, scratch: Path) -> Path:
    """Copy all files of the project and apply the changes of a plan. Returns the folder."""
    home = project.folder.resolve()
    files = sorted({*map(Path, map(os.path.abspath, _sources(project)))})
    common = Path(os.path.commonpath([home.parent, *files]))  # the folder's own name may be that of the project
    for file in files:
        _copy(project.file.files, file, scratch / file.relative_to(common))
    folder = scratch / home.relative_to(common)
    for change in plan.changes:
        path = folder / change.path
        if path.is_symlink():
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(change.after)
    return folder


def _copy(files: ProjectFiles, source: Path, destination: Path) -> None:
    """Copy a file, or make a folder. A file outside of the project is linked, so the trial refuses it as the project does."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    if not files.may_read(source):
        destination.symlink_to(os.path.realpath(source))
    elif source.is_dir():
        destination.mkdir(exist_ok=True)  # never a link: the changes are written below it
    elif source.exists():
        shutil.copyfile(source, destination)
    else:
        destination.symlink_to(source.readlink())  # a broken link, which a target may report


def _sources(project: Project) -> Iterator[Path]:
    """The files of a project, including those that no target reads."""
    folder, files = project.folder.resolve(), project.file.files
    schema = folder / project.file.schema
    yield folder / NAME
    yield from project.catalog.documents.files
    yield from (path for path in _below(files, schema.parent, schema.parent != folder) if path.suffix in SUFFIXES)
    yield from _below(files, folder / project.file.templates, deep=True)
    for layer in project.file.layers:
        yield from overlay_files(folder, layer)
    for dimension in project.dimensions.from_files:
        for _, path in project.dimensions.files(dimension):
            yield path.absolute()
            yield from _below(files, path, deep=True) if path.is_dir() else ()


def _below(files: ProjectFiles, folder: Path, deep: bool) -> Iterator[Path]:
    """The files in a folder, and its subfolders, each folder once even with links; a link that leads out is not followed."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        new = os.path.realpath(place) not in seen
        seen.add(os.path.realpath(place))
        outside = [name for name in folders if not files.may_read(Path(place, name))]
        inside = [name for name in folders if name not in outside and not name.startswith(".")]
        folders[:] = inside if deep and new else []
        yield from (Path(place, name) for name in (*names, *outside))


def overlay_files(folder: Path, layer: str) -> Iterable[Path]:
    """The files that belong to a layer for any values of its dimensions."""
    pattern = PLACEHOLDER.sub("\0", f"{folder}/{layer}")
    spelled = glob.escape(pattern).replace("\0", "*")
    globs = (spelled, *(f"{spelled}{inside}{suffix}" for inside in ("", "/*") for suffix in SUFFIXES))
    every = {Path(found) for one in globs for found in glob.glob(one)}  # noqa: PTH207 - the pattern is a whole path
    return sorted(path for path in every if path.suffix in SUFFIXES and not path.is_dir())
