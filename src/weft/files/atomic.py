"""Replacing a file: whoever reads it finds the old content or the new one, always whole.

The new content is staged in a file beside its destination (only a rename within one file system is atomic), under a random name
that is taken only if it is free, and is then renamed. So no file of a user is hit, and a crash leaves the old content.

A symbolic link stays a link: the file that it leads to is replaced, as an editor would do. Whoever replaces a file that a
project names, rather than a person, passes `within`: a link that leads out of that folder is then refused.
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

_PREFIX = ".weft-"  # the name of the destination is not part of it: it may be as long as a name can be
_PLAIN = 0o666  # less what the umask takes away
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
    """Make a file hold this content; text is written as UTF-8 with its line ends as they are.

    A file that exists keeps its permissions. A `private` one is for its owner alone from the first byte on, whatever it was
    before. A `durable` one survives a power cut; what can be made again needs no such promise. With `parents`, folders that
    lack are made.

    Raises CannotRun, which names the destination, when the file cannot be written, or what stands there is not a file. Raises
    WeftError when a symbolic link leads out of `within`.
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
    """Change several files of a folder, all or none; each is given as what it holds before, None if it is new, and after.

    Raises CannotRun when one cannot be written, is write-protected or no longer holds what it held, and WeftError when a symbolic link leads
    out of the folder; what was written until then is undone.
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
    """Raise CannotRun unless a file is as it was when its change was planned, and may be changed."""
    try:
        found = path.read_bytes() if os.path.lexists(path) else None
        protected = found is not None and not path.stat().st_mode & 0o222  # a rename would change it nevertheless
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


def stage(path: Path, content: str | bytes, *, private: bool = False, durable: bool = True) -> None:
    """Write a new file, which must not exist; a `private` one is never readable by others.

    Raises OSError, after which what was made is gone again.
    """
    left = memoryview(content.encode() if isinstance(content, str) else content)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, _PRIVATE if private else _PLAIN)
    with _removed_on_failure(path):
        try:
            while left:
                left = left[os.write(handle, left) :]  # a write may take a part only
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut, where the system offers that. Raises OSError."""
    if os.name != "posix":
        return
    try:
        sync_file(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems sync no folders
            raise


def sync_file(path: Path) -> None:
    """Make what was written into a file survive a power cut. Raises OSError."""
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def content_of(path: Path, limit: int | None = None) -> bytes | None:
    """What a plain file holds; None where there is none: nothing, a folder, a symbolic link, a pipe, a device.

    A pipe would be waited for without end. A file of more bytes than the limit is none either. Raises OSError when the file
    cannot be read.
    """
    try:
        found = path.lstat()
        fits = stat.S_ISREG(found.st_mode) and (limit is None or found.st_size <= limit)
        return path.read_bytes() if fits else None
    except (FileNotFoundError, NotADirectoryError):
        return None


def cannot_write(path: Path, error: Exception) -> Problem:
    """The problem of a file that could not be written; it names the destination, wherever the content was staged."""
    reason = reason_of(error) if isinstance(error, OSError) else str(error)
    shown = repr(str(path)) if "\0" in str(path) else path
    return Problem("cannot-write", f"{shown}: {reason}")


@contextlib.contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def _destination(path: Path, within: Path | None) -> Path:
    """The file that a path leads to through symbolic links."""
    destination = Path(os.path.realpath(path))
    if destination.is_symlink():  # what realpath gives for a link that leads to itself
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if within is not None and not destination.is_relative_to(os.path.realpath(within)):
        message = f"{path} leads out of {within}, to {destination}"
        raise WeftError(Problem("output-outside", message, hint="remove the symbolic link"))
    return destination


def _mode_of(path: Path) -> int | None:
    """The permissions of a file; None when there is none. Raises OSError when something else stands there."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a plain file")
    return stat.S_IMODE(mode)
