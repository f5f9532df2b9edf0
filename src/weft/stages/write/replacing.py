"""Replacing many files, all or none: files are staged and checked first, and restored if anything fails.

    with Replacing(root, durable=True) as replacing:
        number = replacing.stage("a/b.yaml", text)
        replacing.put(".weft-record", "...")  # from here on, what was staged is on the disk
        replacing.replace(number, "a/b.yaml")
        replacing.remove("a/c.yaml")
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
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any, Final, Self

from weft.base.problems import CannotRun, Problem, reason_of
from weft.base.wording import shortened
from weft.files.atomic import stage, sync_file, sync_folder

_STAGING: Final = re.compile(r"\.weft-[0-9a-f]{16}\Z")
_STAGED: Final = re.compile(r"(?:new|old)-\d+\Z")


class Replacing:
    """The replacements of one write into the folder `root`, whose files are named by their paths below it.

    Without `durable`, it does not wait for the disk. Paths are texts and staged files are numbers, as a fleet has many of them.
    """

    def __init__(self, root: Path, *, durable: bool) -> None:
        self._root = str(root)
        self._durable = durable
        self._staging = f"{root}/.weft-{token_hex(8)}"
        self._count = 0
        self._waiting: list[tuple[int, str]] = []
        self._touched: dict[str, None] = {}
        self._there: set[str] = {""}
        """Folders that are there, until something is removed."""
        self._undo = ExitStack()
        self._stuck: list[str] = []

    def __enter__(self) -> Self:
        with named(self._root):
            os.mkdir(self._staging, 0o700)
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

    def stage(self, path: str, text: str, *, private: bool = False) -> int:
        """Write the new content of a file into the staging folder: a full disk is noticed before any file is replaced."""
        self._count += 1
        with named(self._at(path)):
            stage(self._new(self._count), text, private=private, durable=False)
        self._waiting.append((self._count, path))
        return self._count

    def put(self, path: str, text: str) -> None:
        """Replace a file. Everything staged earlier is on the disk before it changes, and it is on the disk afterwards."""
        number = self.stage(path, text)
        self.sync()
        self.replace(number, path)
        self.settle()

    def sync(self) -> None:
        """Wait until everything staged earlier is on the disk."""
        for number, path in self._waiting if self._durable else ():
            with named(self._at(path)):
                sync_file(self._new(number))  # after all were written: the disk does it faster than one by one
        self._waiting.clear()

    def replace(self, number: int, path: str) -> None:
        """Move a staged file to its destination."""
        destination, folder = self._at(path), path.rpartition("/")[0]
        with named(destination):
            self._make_folder(folder)
            old = self._kept(destination)
            # the way back first: an interruption may come at any moment
            if old is None:
                self._undo.callback(self._put_back, destination, _unlink, destination)
            else:
                self._undo.callback(self._put_back, destination, _replace, old, destination)
            os.replace(self._new(number), destination)
        self._touched[folder] = None

    def remove(self, path: str) -> None:
        """Remove a file, and the folders that become empty, up to the root."""
        destination = self._at(path)
        self._there = {""}
        with named(destination):
            old = self._next_old()
            self._undo.callback(self._put_back, destination, _replace, old, destination)
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # a killed run got this far
                os.rename(destination, old)
            self._remove_empty_folders(path)

    def settle(self) -> None:
        """Make the names in all changed folders survive a power failure."""
        for folder in self._touched if self._durable else ():
            with contextlib.suppress(FileNotFoundError), named(self._at(folder)):  # it became empty and was removed
                sync_folder(self._at(folder))
        self._touched.clear()

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    def _new(self, number: int) -> str:
        return f"{self._staging}/new-{number}"

    def _make_folder(self, folder: str) -> None:
        if folder in self._there:
            return
        self._there.add(folder)
        place, above = self._at(folder), folder.rpartition("/")[0]
        if os.path.exists(place):
            return
        self._make_folder(above)
        self._undo.callback(self._put_back, place, _remove_folder, place)
        os.mkdir(place)
        self._touched[above] = None

    def _remove_empty_folders(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        while folder:
            place = self._at(folder)
            try:
                mode = stat.S_IMODE(os.stat(place).st_mode)
                self._undo.callback(self._put_back, place, _make, place, mode)  # first, as in `replace`
                os.rmdir(place)
            except FileNotFoundError:
                pass
            except OSError:
                break  # it contains something else
            folder = folder.rpartition("/")[0]
        self._touched[folder] = None

    def _kept(self, destination: str) -> str | None:
        """The old file under another name, to restore it; None if there was none."""
        if not os.path.lexists(destination):
            return None
        old = self._next_old()
        try:
            os.link(destination, old, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EXDEV):
                raise
            with open(destination, "rb") as file:  # hard links may be forbidden, or missing in the file system
                stage(old, file.read(), private=True, durable=False)
            os.chmod(old, stat.S_IMODE(os.stat(destination).st_mode))
        return old

    def _next_old(self) -> str:
        self._count += 1
        return f"{self._staging}/old-{self._count}"

    def _put_back(self, path: str, how: Callable[..., object], *arguments: Any) -> None:
        try:
            how(*arguments)
        except OSError:
            self._stuck.append(path)

    def _not_put_back(self, error: BaseException | None) -> Problem:
        reason = reason_of(error) if isinstance(error, OSError) else type(error).__name__
        names = shortened(self._stuck, 3)
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
                _remove_staging(entry.path)


def _remove_staging(staging: str) -> None:
    names = [entry.name for entry in os.scandir(staging) if not entry.is_dir(follow_symlinks=False)]
    if all(map(_STAGED.match, names)):
        for name in names:
            os.unlink(f"{staging}/{name}")
        os.rmdir(staging)  # fails for a folder that contains something else


def _replace(old: str, destination: str) -> None:
    """Put an old file back, if it is no longer there."""
    if os.path.lexists(old) and not _is_same(old, destination):
        os.replace(old, destination)


def _is_same(one: str, other: str) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.lstat(one), os.lstat(other))
    return False


def _unlink(path: str) -> None:
    """Remove a file, if it was written."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _remove_folder(folder: str) -> None:
    """Remove a folder, if it was made."""
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(folder)


def _make(folder: str, mode: int) -> None:
    """Make a folder again, if it was removed."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder)
        os.chmod(folder, mode)


@contextlib.contextmanager
def named(destination: str) -> Iterator[None]:
    """An error of the file system with the name of the destination, not of the staged file."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = destination, None
        raise
