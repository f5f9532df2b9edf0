"""Write: finished texts to files. At every moment, each file is the old one or the new one.

The output folder contains a record of the files that Weft wrote, `.weft-record`. It is extended before the first file changes and
shortened after the last, so if the process dies at any time, every file of Weft is recorded; a file that is not in the record is
never overwritten or removed. If the file system rejects a change, all files are restored.

Start reading at `write`. `record` is the record, and defines valid output paths; `replacing` replaces many files, all or none.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from weft.base.problems import CannotRun, Place, Problem, WeftError, reason_of
from weft.files.atomic import content_of, sync_folder
from weft.files.signatures import digest_of
from weft.stages.write.places import Places, folders_of
from weft.stages.write.record import DETAILS, RECORD, Part, read_part, read_record, record_text
from weft.stages.write.replacing import Replacing, remove_leftovers

if os.name == "posix":
    import fcntl

_PAUSE: Final = 0.05  # seconds between two attempts to lock the folder


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written: its path below the output folder, the digest of its text, its target and its permissions.

    `text` gives the text, and is called only if the file is written, so that a fleet's texts are never all in memory.
    """

    path: str
    digest: str
    text: Callable[[], str]
    target: str
    private: bool = False

    @classmethod
    def of(cls, path: str, text: str, target: str, *, private: bool = False) -> File:
        """A file whose text is at hand."""
        return cls(path, digest_of(text), lambda: text, target, private)


Digests = Callable[[str], str | None]
"""Gives the digest of a file on the disk by its path; None if there is no regular file."""


def content_digest(path: str) -> str | None:
    """The digest of a file on the disk, which is read."""
    content = content_of(Path(path))
    return None if content is None else digest_of(content)


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of a write, done or planned: paths below the output folder."""

    created: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...]
    kept: int

    def __bool__(self) -> bool:
        return bool(self.created or self.updated or self.removed)


def write(
    root: Path,
    files: Iterable[File],
    stale: Callable[[str], bool],
    *,
    project: str = "",
    dry_run: bool = False,
    sync: bool = True,
    wait: float = 0,
    digests: Digests = content_digest,
    part: Part | None = None,
) -> Changes:
    """Write these files of a project into the output folder.

    A file that Weft wrote before, that is not among `files` and whose target is `stale`, is removed. Files that already have the
    right content are not touched. With `dry_run`, nothing is written. Without `sync`, written files may be lost or empty after a power
    failure. If another process writes into the folder, this waits for at most `wait` seconds.
    `digests` gives the digests of existing files; a caller that knows them need not read the files again. `part` is kept next to files that are only a part
    of a run, and an earlier one is forgotten.

    Raises CannotRun when the folder cannot be written to (then every file is unchanged) or belongs to another project, and WeftError
    when a file that Weft did not write would be overwritten.
    """
    wanted = {file.path: file for file in files}
    try:
        with contextlib.nullcontext() if dry_run else _locked(_made(root, sync), wait):
            record = read_record(root, project)
            plan = _plan(root, wanted, record, stale, digests)
            if not dry_run:
                remove_leftovers(root)  # of a run that was killed
                _apply(root, plan, record, wanted, _Records(root, project, part), sync=sync)
            return plan.changes
    except OSError as error:
        raise CannotRun(_refused(root, error)) from error


@dataclass(frozen=True, slots=True)
class _Plan:
    """The plan: files to write, paths to remove, files that stay as they are, and what is shown to the user."""

    changed: list[File]
    gone: list[str]
    kept: Mapping[str, str]
    changes: Changes
    places: Places


def _plan(
    root: Path, wanted: Mapping[str, File], record: Mapping[str, str], stale: Callable[[str], bool], digests: Digests
) -> _Plan:
    """The plan. Raises WeftError when it would replace something that Weft did not write."""
    places = Places(root)
    found = ((path, digests(f"{root}/{path}")) for path in wanted if places.has_folder_of(path))
    present = {path: digest for path, digest in found if digest is not None}
    changed = [file for file in wanted.values() if present.get(file.path) != file.digest or _is_exposed(root, file)]
    gone = sorted(path for path, target in record.items() if path not in wanted and stale(target))
    changes = _changes(root, changed, present, gone, kept=len(wanted) - len(changed))
    blocking = _blocking(root, places, folders_of(wanted), sorted(wanted.keys() - present.keys()), gone)
    _refuse_foreign(root, dict.fromkeys((*_foreign(places, changes, record), *blocking)))
    _refuse_stolen(wanted.values(), record, stale)
    _refuse_links(root, filter(places.is_link, sorted(folders_of((*wanted, *gone)))))
    return _Plan(changed, gone, _kept(root, record, present, gone), changes, places)


def _changes(
    root: Path, changed: Iterable[File], present: Container[str], gone: Iterable[str], *, kept: int
) -> Changes:
    paths = sorted(file.path for file in changed)
    created = tuple(path for path in paths if path not in present)
    updated = tuple(path for path in paths if path in present)
    return Changes(created, updated, tuple(path for path in gone if (root / path).is_file()), kept)


def _foreign(places: Places, changes: Changes, record: Container[str]) -> list[str]:
    """The paths of changes at which something is that Weft did not write: of a new file also a link, a pipe, a device."""
    unknown = [path for path in changes.updated if path not in record]
    ours = (0, stat.S_IFREG, stat.S_IFDIR)
    return unknown + [path for path in changes.created if places.kind_of_file(path) not in ours]


class _Records:
    """The record of a folder, and the details of the part of a run that it holds."""

    def __init__(self, root: Path, project: str, part: Part | None) -> None:
        self._root = root
        self._project = project
        self._part = part
        self._now: Mapping[str, str] = {}
        self.is_same_part = read_part(root) == part and (part is not None or not os.path.lexists(root / DETAILS))

    def extend(self, replacing: Replacing, record: Mapping[str, str], changed: Mapping[str, str]) -> None:
        """Record the files that are about to be written; until the end, they are not part of a run."""
        self._now = {**record, **changed}
        if self._now == record and self.is_same_part:
            replacing.sync()
        else:
            replacing.put(RECORD, record_text(self._now, self._project))

    def finish(self, replacing: Replacing, files: Mapping[str, str]) -> None:
        """Record the files that are there now, and which part of a run they are."""
        if files == self._now and self.is_same_part:
            return
        if self._part is not None:
            replacing.put(DETAILS, self._part.details)
        elif os.path.lexists(self._root / DETAILS):
            replacing.remove(DETAILS)
        replacing.put(RECORD, record_text(files, self._project, self._part))


def _apply(
    root: Path, plan: _Plan, record: Mapping[str, str], wanted: Mapping[str, File], records: _Records, *, sync: bool
) -> None:
    final = {**plan.kept, **_targets(wanted.values())}
    if not (plan.changed or plan.gone) and final == record and records.is_same_part:
        return
    plan.places.try_changes((*_targets(plan.changed), *plan.changes.removed))
    with Replacing(root, durable=sync) as replacing:
        staged = [(replacing.stage(file.path, file.text(), private=file.private), file) for file in plan.changed]
        records.extend(replacing, record, _targets(plan.changed))
        early = _in_the_way(plan.gone, wanted) if plan.gone else []
        for path in early:
            replacing.remove(path)
        for number, file in staged:
            replacing.replace(number, file.path)
        for path in (path for path in plan.gone if path not in early):
            replacing.remove(path)
        replacing.settle()
        records.finish(replacing, final)


def _kept(root: Path, record: Mapping[str, str], there: Container[str], gone: Iterable[str]) -> dict[str, str]:
    """The files of a record that are not removed now and that nobody else has removed, with their targets; some are known to be `there`."""
    going = set(gone)
    return {
        path: target
        for path, target in record.items()
        if path not in going and (path in there or os.path.isfile(f"{root}/{path}"))
    }


def _targets(files: Iterable[File]) -> dict[str, str]:
    """What a record contains about files: the target of each path."""
    return {file.path: file.target for file in files}


def _is_exposed(root: Path, file: File) -> bool:
    """True if others can read a file that now contains secrets: it was written before its output was declared `secrets`."""
    return file.private and bool((root / file.path).lstat().st_mode & 0o077)


def _in_the_way(gone: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Stale files at the path of a new folder, and stale files in a folder at the path of a new file."""
    names = set(wanted)
    folders = folders_of(names)
    return [path for path in gone if path in folders or names.intersection(_parents(path))]


def _parents(path: str) -> list[str]:
    """The folders above a path, from the nearest one to the output folder, which is `.`."""
    found = []
    while "/" in path:
        path = path.rpartition("/")[0]
        found.append(path)
    return [*found, "."]


def _blocking(
    root: Path, places: Places, folders: Iterable[str], lacking: Iterable[str], gone: Iterable[str]
) -> list[str]:
    """Files at the path of a folder that is needed, and folders at the path of a file that is not there, unless this write removes them."""
    going = set(gone)
    found = [folder for folder in sorted(folders) if folder not in going and places.is_no_folder(folder)]
    for path in lacking:
        if places.kind_of_file(path) == stat.S_IFDIR:
            inside = (root / path).rglob("*")
            if any(not below.is_dir() and below.relative_to(root).as_posix() not in going for below in inside):
                found.append(path)
    return found


def _refuse_foreign(root: Path, paths: Iterable[str]) -> None:
    hint = "remove it, or render into another folder with `-o`"
    problems = [
        Problem("not-ours", f"{root / path} already exists, and Weft did not write it", place=Place(path), hint=hint)
        for path in paths
    ]
    if problems:
        raise WeftError(*problems)


def _refuse_stolen(files: Iterable[File], record: Mapping[str, str], stale: Callable[[str], bool]) -> None:
    """An existing file of a target that is not rendered now must not be overwritten by another target."""
    for file in files:
        owner = record.get(file.path, file.target)
        if owner != file.target and not stale(owner):
            message = f"targets {owner} and {file.target} both write {file.path}"
            raise WeftError(Problem("same-path", message, hint="add a `scope`, or a placeholder to the path"))


def _refuse_links(root: Path, links: Iterable[str]) -> None:
    """A symbolic link in the output folder must not redirect a write or a removal."""
    for folder in links:
        message = f"{root / folder} is a symbolic link, to {(root / folder).resolve()}"
        raise WeftError(Problem("output-outside", message, hint="remove the symbolic link"))


def _made(root: Path, sync: bool) -> Path:
    """The output folder, created if it is missing."""
    lacking = [folder for folder in (root, *root.parents) if not folder.exists()]
    root.mkdir(parents=True, exist_ok=True)
    for folder in lacking if sync else ():
        sync_folder(folder.parent)
    return root


@contextlib.contextmanager
def _locked(root: Path, wait: float) -> Iterator[None]:
    """Only one process writes into a folder; the lock is the folder itself, so nothing remains afterwards."""
    if os.name != "posix":  # no flock: concurrent renders into one folder are not prevented
        yield
        return
    handle = os.open(root, os.O_RDONLY)
    try:
        until = time.monotonic() + wait
        while not _is_taken(handle):
            if time.monotonic() >= until:
                hint = "wait for it to end, for a minute with `--wait 60`"
                raise CannotRun(Problem("busy", f"another Weft is writing into {root}", hint=hint))
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(handle)


def _is_taken(handle: int) -> bool:
    """Take the lock. Returns whether that succeeded."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refused(root: Path, error: OSError) -> Problem:
    message = f"{error.filename or root}: {reason_of(error)}; no file was changed"
    return Problem("cannot-write", message, hint="fix that, or render into another folder with `-o`")
