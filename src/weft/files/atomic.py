"""Replacing a file atomically: a reader sees the complete old content or the complete new one.

The new content is staged in a file next to its destination (only a rename within one file system is atomic), under a random unused
name, and is then renamed. So no file of a user is overwritten, and a crash leaves the old content.

A symbolic link stays a link: its target is replaced, as in an editor. Code that replaces a file named by a project, rather than by a
person, passes `within`: a link to a target outside of that folder is then refused.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from secrets import token_hex

from weft.base.problems import CannotRun, Problem, WeftError, reason_of

_PREFIX = ".weft-"  # without the name of the destination, which may already have the maximum length
_PLAIN = 0o666  # minus the umask
_PRIVATE = 0o600
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would translate line ends


def replace_file(
    path: Path,
    content: str | bytes,
    *,
    private: bool = False,
    durable: bool = True,
    parents: bool = False,
    within: Path | None = None,
) -> None:
    """Replace the content of a file. Text is written as UTF-8, and its line ends are preserved.

    An existing file keeps its permissions. A `private` file is readable by its owner only, from the first byte on, whatever its
    permissions were. A `durable` file survives a power failure; generated content does not need that. With `parents`, missing folders
    are created.

    Raises CannotRun with the name of the destination when the file cannot be written, or the path is not a file. Raises WeftError when
    a symbolic link points out of `within`.
    """
    try:
        destination = _destination(path, within)
        if parents:
            destination.parent.mkdir(parents=True, exist_ok=True)
        mode = _mode_of(destination)
        staged = destination.parent / f"{_PREFIX}{token_hex(8)}"
        stage(staged, content, private=private or mode is not None, durable=durable)
        with _removed_on_failure(staged):
            if mode is not None and not private:
                staged.chmod(mode)
            staged.replace(destination)
        if durable:
            sync_folder(destination.parent)
    except (OSError, ValueError) as error:  # a ValueError is a NUL in the path
        raise CannotRun(cannot_write(path, error)) from error


def replace_files(changes: Mapping[Path, tuple[bytes | None, bytes]], within: Path) -> None:
    """Change several files of a folder, all or none. Each change has the content before, None for a new file, and after.

    Raises CannotRun when one cannot be written, is write-protected or no longer has its earlier content, and WeftError when a symbolic
    link points out of the folder; all changes are then undone.
    """
    for path, (before, _) in changes.items():
        _refuse_other(path, before)
    with contextlib.ExitStack() as undoing:
        for path, (before, after) in changes.items():
            missing = [folder for folder in path.parents if not os.path.lexists(folder)]
            undoing.callback(_undo, path, before, missing)
            replace_file(path, after, parents=True, within=within)
        undoing.pop_all()


def _refuse_other(path: Path, before: bytes | None) -> None:
    """Raise CannotRun unless a file is unchanged since its change was planned, and may be changed."""
    try:
        found = path.read_bytes() if os.path.lexists(path) else None
        protected = found is not None and not path.stat().st_mode & 0o222  # a rename would change it anyway
    except OSError as error:
        raise CannotRun(cannot_write(path, error)) from error
    if protected:
        raise CannotRun(Problem("cannot-write", f"{path}: it is write-protected", hint="make it writable"))
    if found != before:
        raise CannotRun(Problem("cannot-write", f"{path}: it was changed by something else", hint="run it again"))


def _undo(path: Path, before: bytes | None, missing: Iterable[Path]) -> None:
    with contextlib.suppress(OSError, WeftError):
        if before is not None:
            if path.read_bytes() != before:
                replace_file(path, before)
        else:
            path.unlink(missing_ok=True)
            for folder in missing:
                folder.rmdir()


def stage(path: Path | str, content: str | bytes, *, private: bool = False, durable: bool = True) -> None:
    """Write a new file, which must not exist; a `private` one is never readable by others.

    Raises OSError; a partly written file is then removed.
    """
    left = memoryview(content.encode() if isinstance(content, str) else content)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, _PRIVATE if private else _PLAIN)
    with _removed_on_failure(path):
        try:
            while left:
                left = left[os.write(handle, left) :]  # a write may be partial
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)


def sync_folder(folder: Path | str) -> None:
    """Make the names in a folder survive a power failure, if the system supports that. Raises OSError."""
    if os.name != "posix":
        return
    try:
        sync_file(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems sync no folders
            raise


def sync_file(path: Path | str) -> None:
    """Make the content of a file survive a power failure. Raises OSError."""
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def content_of(path: Path, limit: int | None = None) -> bytes | None:
    """The content of a regular file; None for anything else: nothing, a folder, a symbolic link, a pipe, a device.

    Reading a pipe could block forever. A file above the size limit also gives None. Raises OSError when the file
    cannot be read.
    """
    try:
        found = path.lstat()
        fits = stat.S_ISREG(found.st_mode) and (limit is None or found.st_size <= limit)
        return path.read_bytes() if fits else None
    except (FileNotFoundError, NotADirectoryError):
        return None


def cannot_write(path: Path, error: Exception) -> Problem:
    """The problem of a file that could not be written; it names the destination, not the staged file."""
    reason = reason_of(error) if isinstance(error, OSError) else str(error)
    shown = repr(str(path)) if "\0" in str(path) else path
    return Problem("cannot-write", f"{shown}: {reason}")


@contextlib.contextmanager
def _removed_on_failure(path: Path | str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            Path(path).unlink()
        raise


def _destination(path: Path, within: Path | None) -> Path:
    """The file at the end of symbolic links."""
    destination = Path(os.path.realpath(path))
    if destination.is_symlink():  # the result of realpath for a link to itself
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if within is not None and not destination.is_relative_to(os.path.realpath(within)):
        message = f"{path} is a symbolic link to {destination}, outside of {within}"
        raise WeftError(Problem("output-outside", message, hint="remove the symbolic link"))
    return destination


def _mode_of(path: Path) -> int | None:
    """The permissions of a file; None if there is none. Raises OSError if the path is something else."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    return stat.S_IMODE(mode)
