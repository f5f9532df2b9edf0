"""A private folder for a file in plain text while it is edited; in memory, where the system has such a place.

The folder is removed in the end. A process that is killed at once (`kill -9`, no memory left) cannot do that, so whoever comes next
removes what dead processes left: a folder is locked as long as the process that made it, or a program that it started, lives.
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
    """A folder, and the file descriptors that keep it locked: a program that works in it must inherit them."""

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
    """Remove the folders of processes that were killed; how many there were."""
    if os.name != "posix":  # no flock there: nobody can tell who lives
        return 0
    found = [folder for place in dict.fromkeys(_places()) for folder in Path(place).glob(f"{_PREFIX}*")]
    return sum(_removed(folder) for folder in found)


def _places() -> list[str]:
    """Folders in which private ones are made: the first that is usable is taken, the others may have been by an earlier process."""
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
    """Remove a folder of Weft's that nobody has locked; whether it was."""
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
