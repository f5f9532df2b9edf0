"""Write: finished texts to files, so that at every moment each file is the old one or the new one.

The output folder holds a record of what Weft wrote, `.weft-record`. It is extended before the first file changes and
shortened after the last, so whenever the process dies, every file of ours is known; a file that is not in the record is
nobody's to overwrite or remove.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from weft.base.problems import CannotRun, Place, Problem, WeftError, reason_of
from weft.files.atomic import content_of, stage

if os.name == "posix":
    import fcntl

RECORD: Final = ".weft-record"
_STAGING: Final = ".weft-new"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written: its path below the output folder, its text, the target it belongs to, its permissions."""

    path: str
    text: str
    target: str
    private: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What a write did, or would do: paths below the output folder."""

    created: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...]
    kept: int

    def __bool__(self) -> bool:
        return bool(self.created or self.updated or self.removed)


def write(
    root: Path, files: Iterable[File], stale: Callable[[str], bool], *, project: str = "", dry_run: bool = False
) -> Changes:
    """Make the output folder hold these files of a project.

    A file that Weft wrote before, that is not among `files` and whose target is `stale`, is removed. What already has
    the right content is not touched. With `dry_run` nothing is written.

    Raises CannotRun when the folder cannot be written to (then every file is as it was, or complete) or is another
    project's, and WeftError when a file that Weft did not write is in the way.
    """
    wanted = {file.path: file for file in files}
    try:
        with contextlib.nullcontext() if dry_run else _locked(root):
            return _write(root, wanted, stale, project, dry_run)
    except OSError as error:
        raise CannotRun(_refused(root, error)) from error


def _write(
    root: Path, wanted: Mapping[str, File], stale: Callable[[str], bool], project: str, dry_run: bool
) -> Changes:
    record = _read_record(root, project)
    present = {path: content_of(root / path) for path in wanted}
    changed = [file for path, file in wanted.items() if present[path] != file.text.encode()]
    gone = sorted(path for path, target in record.items() if path not in wanted and stale(target))
    changes = Changes(
        created=tuple(sorted(file.path for file in changed if present[file.path] is None)),
        updated=tuple(sorted(file.path for file in changed if present[file.path] is not None)),
        removed=tuple(path for path in gone if (root / path).is_file()),
        kept=len(wanted) - len(changed),
    )
    foreign = [path for path in changes.updated if path not in record]
    strange = [path for path in changes.created if _is_strange(root / path)]
    _refuse_foreign(root, dict.fromkeys((*foreign, *strange, *_blocking(root, wanted, gone))))
    _refuse_stolen(wanted.values(), record, stale)
    _refuse_links(root, (*wanted, *gone))
    if dry_run:
        return changes
    try:
        _apply(root, changed, gone, record, wanted, project)
    finally:
        _remove_staging(root)
    return changes


def _apply(
    root: Path, changed: list[File], gone: list[str], record: dict[str, str], wanted: Mapping[str, File], project: str
) -> None:
    _remove_staging(root)  # of a run that was killed
    if changed:
        staged = _stage(root, changed)
        _write_record(root, record | {file.path: file.target for file in changed}, project)
        early = _in_the_way(gone, wanted)
        for path in early:
            _remove(root, path)
        gone = [path for path in gone if path not in early]
        for file, temporary in staged:
            destination = root / file.path
            with _named(destination):
                destination.parent.mkdir(parents=True, exist_ok=True)
                temporary.replace(destination)
    for path in gone:
        _remove(root, path)
    for file in wanted.values():
        if file.private and (root / file.path).stat().st_mode & 0o077:
            (root / file.path).chmod(0o600)  # it was written before its output was declared to hold secrets
    stale = {path for path in record if not (root / path).is_file()}
    final = {path: target for path, target in record.items() if path not in stale} | {
        path: file.target for path, file in wanted.items()
    }
    if final != _read_record(root, project):
        _write_record(root, final, project)


def _stage(root: Path, files: Iterable[File]) -> list[tuple[File, Path]]:
    """All new contents beside their destinations: a full disk is noticed before any file is replaced."""
    staging = root / _STAGING
    staging.mkdir(parents=True)
    staged = []
    for number, file in enumerate(files):
        temporary = staging / str(number)
        with _named(root / file.path):
            stage(temporary, file.text, private=file.private, durable=False)
        staged.append((file, temporary))
    return staged


@contextlib.contextmanager
def _named(destination: Path) -> Iterator[None]:
    """An error of the file system names the file that a user knows, not where its content was staged."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(destination), None
        raise


def _in_the_way(gone: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Stale files where a folder is wanted, and stale files in a folder where a file is wanted."""
    names = set(wanted)
    folders = {parent for name in names for parent in _parents(name)}
    return [path for path in gone if path in folders or names.intersection(_parents(path))]


def _parents(path: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(path).parents]


def _blocking(root: Path, wanted: Iterable[str], gone: Iterable[str]) -> list[str]:
    """Folders where a file is wanted, and files where a folder is, that Weft is not about to remove."""
    going = set(gone)
    found = []
    for path in wanted:
        above = [parent for parent in _parents(path) if parent not in going and parent != "."]
        found += [parent for parent in above if os.path.lexists(root / parent) and not (root / parent).is_dir()]
        inside = (root / path).rglob("*") if (root / path).is_dir() else ()
        if any(not below.is_dir() and below.relative_to(root).as_posix() not in going for below in inside):
            found.append(path)
    return found


def _refuse_foreign(root: Path, paths: Iterable[str]) -> None:
    hint = "remove it, or render into another folder with `-o`"
    problems = [
        Problem("not-ours", f"{root / path} is in the way: Weft did not write it", place=Place(path), hint=hint)
        for path in paths
    ]
    if problems:
        raise WeftError(*problems)


def _refuse_stolen(files: Iterable[File], record: Mapping[str, str], stale: Callable[[str], bool]) -> None:
    """A file of a target that is not rendered now, and still exists, is not another target's to overwrite."""
    for file in files:
        owner = record.get(file.path, file.target)
        if owner != file.target and not stale(owner):
            message = f"targets {owner} and {file.target} both write {file.path}"
            raise WeftError(Problem("same-path", message, hint="add a `scope`, or a placeholder to the path"))


def _refuse_links(root: Path, paths: Iterable[str]) -> None:
    """A symbolic link in the output folder must not lead a write or a removal to another place."""
    for folder in sorted({parent for path in paths for parent in _parents(path)} - {"."}):
        if (root / folder).is_symlink():
            message = f"{root / folder} is a symbolic link, to {(root / folder).resolve()}"
            raise WeftError(Problem("output-outside", message, hint="remove the symbolic link"))


def _is_strange(path: Path) -> bool:
    """Whether something is in the place of a file that Weft cannot have written: a link, a pipe, a device."""
    return os.path.lexists(path) and (path.is_symlink() or not (path.is_file() or path.is_dir()))


def _remove(root: Path, path: str) -> None:
    file = root / path
    file.unlink(missing_ok=True)
    for folder in file.parents:
        if folder == root:
            break
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass  # a run that was killed came this far
        except OSError:
            break  # something else lies in it


def _remove_staging(root: Path) -> None:
    if (root / _STAGING).is_dir():
        shutil.rmtree(root / _STAGING, ignore_errors=True)


def _read_record(root: Path, project: str) -> dict[str, str]:
    if not os.path.lexists(root / RECORD):
        return {}
    try:
        data: Any = json.loads(content_of(root / RECORD) or b"")
        other = str(data.get("project") or project)
        if data["version"] == _VERSION and project not in ("", other):
            message = f"{root} holds the outputs of the project `{other}`"
            hint = "render into another folder with `-o`"
            raise CannotRun(Problem("other-project", message, hint=hint))
        if data["version"] == _VERSION:
            return {str(path): str(target) for path, target in data["files"].items() if _is_below(path)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise CannotRun(
        Problem(
            "bad-record",
            f"{root / RECORD} is not a record that this version of Weft wrote",
            hint=f"remove {RECORD} and the files that Weft wrote, and render again",
        )
    )


def _is_below(path: str) -> bool:
    return (
        "\0" not in path
        and Path(path).name not in ("", RECORD)
        and not Path(path).is_absolute()
        and ".." not in Path(path).parts
    )


def _write_record(root: Path, files: Mapping[str, str], project: str) -> None:
    staging = root / _STAGING
    if staging.is_symlink() or not staging.is_dir():
        staging.mkdir()  # which refuses a link
    data = {"version": _VERSION, "project": project, "files": dict(sorted(files.items()))}
    with _named(root / RECORD):
        stage(staging / RECORD, json.dumps(data, indent=1) + "\n", durable=False)
        (staging / RECORD).replace(root / RECORD)


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Only one process writes into a folder; the lock is the folder itself, so nothing is left behind."""
    root.mkdir(parents=True, exist_ok=True)
    if os.name != "posix":  # no flock there: two renders into one folder are not kept apart
        yield
        return
    handle = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotRun(
                Problem("busy", f"another Weft is writing into {root}", hint="wait for it to end")
            ) from None
        yield
    finally:
        os.close(handle)


def _refused(root: Path, error: OSError) -> Problem:
    where = error.filename or root
    reason = reason_of(error)
    return Problem(
        "cannot-write",
        f"{where}: {reason}; no file was left half written",
        hint="mend that, or render into another folder with `-o`",
    )
