"""A private folder for a file in plain text while it is edited; in memory, if the system supports that.

The folder is removed at the end. A process that is killed immediately (`kill -9`, out of memory) cannot do that, so the next process
removes the folders of dead processes: a folder is locked as long as the process that created it, or a program that it started, lives.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

if os.name == "posix":
    import fcntl

_PREFIX: Final = "weft-edit-"
_MEMORY: Final = "/dev/shm"  # noqa: S108 - a file system in memory; the folder made in it is private


class PrivateFolder(NamedTuple):
    """A folder, and the file descriptors that keep it locked, which a program that uses it must inherit."""

    path: Path
    locks: tuple[int, ...]


@contextlib.contextmanager
def private_folder() -> Iterator[PrivateFolder]:
    """A folder that only its owner can read, until the end of the block. Raises OSError."""
    folder = _made(_places()[0])
    try:
        yield folder
    finally:
        shutil.rmtree(folder.path, ignore_errors=True)
        for lock in folder.locks:
            os.close(lock)


def remove_left_behind() -> int:
    """Remove the folders of killed processes. Returns their number."""
    if os.name != "posix":  # no flock: it is unknown which processes live
        return 0
    found = [folder for place in dict.fromkeys(_places()) for folder in Path(place).glob(f"{_PREFIX}*")]
    return sum(_removed(folder) for folder in found)


def _places() -> list[str]:
    """Folders in which private ones are made: the first usable one is used; an earlier process may have used another one."""
    wanted = (os.environ.get("XDG_RUNTIME_DIR"), _MEMORY, tempfile.gettempdir())
    return [place for place in wanted if place and Path(place).is_dir() and os.access(place, os.W_OK | os.X_OK)]


def _made(place: str) -> PrivateFolder:
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        if os.name != "posix":
            return PrivateFolder(path, ())
        with contextlib.suppress(FileNotFoundError):  # removed by another process before it was locked
            lock = os.open(path, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                return PrivateFolder(path, (lock,))
            os.close(lock)


def _removed(folder: Path) -> bool:
    """Remove an unlocked folder of Weft. Returns whether it was removed."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        if os.fstat(lock).st_uid != os.getuid():
            return False
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except OSError:  # it is in use, or cannot be removed
        return False
    else:
        return True
    finally:
        os.close(lock)
