"""Replacing many files, all or none: files are staged and checked first, and restored if anything fails.

    with Replacing(root, durable=True) as replacing:
        staged = replacing.stage(destination, text)
        replacing.put(record, "...")  # from here on, what was staged is on the disk
        replacing.replace(staged, destination)
        replacing.remove(other)
        replacing.settle()

Every file is the old one or the new one at every moment, even if the process is killed. If the file system rejects a step, earlier
steps are undone in reverse order: the old files wait in the staging folder, as hard links. A killed process leaves one staging
folder, which `remove_leftovers` recognizes by its name and content; no other file or folder is ever mistaken for one.
docs/decisions/0013-crash-order.md explains the order in which data reaches the disk.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Final, Self

from weft.base.problems import CannotRun, Problem, reason_of
from weft.base.wording import shortened
from weft.files.atomic import stage, sync_file, sync_folder

_STAGING: Final = re.compile(r"\.weft-[0-9a-f]{16}\Z")
_STAGED: Final = re.compile(r"(?:new|old)-\d+\Z")


class Replacing:
    """The replacements of one write into the folder `root`; without `durable`, it does not wait for the disk."""

    def __init__(self, root: Path, *, durable: bool) -> None:
        self._root = root
        self._durable = durable
        self._staging = root / f".weft-{token_hex(8)}"
        self._undo = ExitStack()
        self._count = 0
        self._waiting: list[tuple[Path, Path]] = []
        self._touched: dict[Path, None] = {}
        self._stuck: list[Path] = []
        self._there: set[Path] = set()
        """Folders that are there, until something is removed."""

    def __enter__(self) -> Self:
        with named(self._root):
            self._staging.mkdir(mode=0o700)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                self._undo.close()
        finally:
            if not self._stuck:
                with contextlib.suppress(OSError):
                    _remove_staging(self._staging)  # else the next run does
        if self._stuck:
            raise CannotRun(self._not_put_back(error)) from error

    def stage(self, destination: Path, text: str, *, private: bool = False) -> Path:
        """Write the new content of a file into the staging folder: a full disk is noticed before any file is replaced."""
        self._count += 1
        staged = self._staging / f"new-{self._count}"
        with named(destination):
            stage(staged, text, private=private, durable=False)
        self._waiting.append((staged, destination))
        return staged

    def put(self, destination: Path, text: str) -> None:
        """Replace a file. Everything staged earlier is on the disk before it changes, and it is on the disk afterwards."""
        staged = self.stage(destination, text)
        self.sync()
        self.replace(staged, destination)
        self.settle()

    def sync(self) -> None:
        """Wait until everything staged earlier is on the disk."""
        for waiting, meant in self._waiting if self._durable else ():
            with named(meant):
                sync_file(waiting)  # after all were written: the disk does it faster than one by one
        self._waiting.clear()

    def replace(self, staged: Path, destination: Path) -> None:
        """Move a staged file to its destination."""
        with named(destination):
            self._make_folder(destination.parent)
            old = self._kept(destination)
            # the way back first: an interruption may come at any moment
            back = partial(destination.unlink, missing_ok=True) if old is None else partial(_replace, old, destination)
            self._undo.callback(self._put_back, destination, back)
            staged.replace(destination)
        self._touched[destination.parent] = None

    def remove(self, path: Path) -> None:
        """Remove a file, and the folders that become empty, up to the root."""
        self._there.clear()
        with named(path):
            old = self._next_old()
            self._undo.callback(self._put_back, path, partial(_replace, old, path))
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # a killed run got this far
                path.rename(old)
            self._remove_empty_folders(path)

    def settle(self) -> None:
        """Make the names in all changed folders survive a power failure."""
        for folder in self._touched if self._durable else ():
            with contextlib.suppress(FileNotFoundError), named(folder):  # it became empty and was removed
                sync_folder(folder)
        self._touched.clear()

    def _make_folder(self, folder: Path) -> None:
        if folder in self._there:
            return
        self._there.add(folder)
        if folder.exists():
            return
        lacking = [one for one in (folder, *folder.parents) if not one.exists()]
        for one in reversed(lacking):
            self._undo.callback(self._put_back, one, partial(_remove_folder, one))
            one.mkdir()
            self._touched[one.parent] = None

    def _remove_empty_folders(self, path: Path) -> None:
        for folder in path.parents:
            if folder == self._root:
                break
            try:
                mode = stat.S_IMODE(folder.stat().st_mode)
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                self._touched[folder] = None
                return  # it contains something else
            self._undo.callback(self._put_back, folder, partial(_make, folder, mode))
        self._touched[folder] = None

    def _kept(self, destination: Path) -> Path | None:
        """The old file under another name, to restore it; None if there was none."""
        if not os.path.lexists(destination):
            return None
        old = self._next_old()
        try:
            os.link(destination, old, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EXDEV):
                raise
            with destination.open("rb") as file:  # hard links may be forbidden, or missing in the file system
                stage(old, file.read(), private=True, durable=False)
            old.chmod(stat.S_IMODE(destination.stat().st_mode))
        return old

    def _next_old(self) -> Path:
        self._count += 1
        return self._staging / f"old-{self._count}"

    def _put_back(self, path: Path, how: Callable[[], object]) -> None:
        try:
            how()
        except OSError:
            self._stuck.append(path)

    def _not_put_back(self, error: BaseException | None) -> Problem:
        reason = reason_of(error) if isinstance(error, OSError) else type(error).__name__
        names = shortened((str(path) for path in self._stuck), 3)
        message = (
            f"{getattr(error, 'filename', None) or self._root}: {reason}; these files could not be restored: {names}"
        )
        return Problem(
            "cannot-write", message, hint="fix that, and render again: every file is whole, the old one or the new one"
        )


def remove_leftovers(root: Path) -> None:
    """Remove the staging folders of killed runs, but nothing that only has a similar name."""
    for entry in os.scandir(root):
        if _STAGING.match(entry.name) and entry.is_dir(follow_symlinks=False):
            with contextlib.suppress(OSError):
                _remove_staging(root / entry.name)


def _remove_staging(staging: Path) -> None:
    names = [entry.name for entry in os.scandir(staging) if not entry.is_dir(follow_symlinks=False)]
    if all(map(_STAGED.match, names)):
        for name in names:
            (staging / name).unlink()
        staging.rmdir()  # fails for a folder that contains something else


def _replace(old: Path, destination: Path) -> None:
    """Put an old file back, if it is no longer there."""
    if os.path.lexists(old) and not _is_same(old, destination):
        old.replace(destination)


def _is_same(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(one.lstat(), other.lstat())
    return False


def _remove_folder(folder: Path) -> None:
    """Remove a folder, if it was made."""
    with contextlib.suppress(FileNotFoundError):
        folder.rmdir()


def _make(folder: Path, mode: int) -> None:
    folder.mkdir()
    folder.chmod(mode)


@contextlib.contextmanager
def named(destination: Path) -> Iterator[None]:
    """An error of the file system with the name of the destination, not of the staged file."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(destination), None
        raise
