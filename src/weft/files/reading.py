"""Reading the files of a project, and no other files of the machine.

A project may come from an untrusted change request, and checking it must not reveal other files to its author. So every file and
folder that a project names is opened through its `ProjectFiles`: links are resolved first, and paths outside of the project are
refused before anything about them is known, even whether they exist. Only the caller can allow more folders, with `--allow-read
DIR`, `WEFT_ALLOW_READ` or `load_project(allow_read=...)`; no file of the project can.

Pipes, sockets and devices are refused without blocking. An attacker who can replace a folder with a link between the check and the
opening already has write access to the machine, and needs no change request.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Final

from weft.base.problems import CannotRun, Place, Problem
from weft.files.trace import Trace

VARIABLE: Final = "WEFT_ALLOW_READ"
"""The variable with folders that may be read too, separated like those of PATH."""
ALLOW: Final = f"move it into the project, or allow its folder with `--allow-read DIR` or {VARIABLE}"
"""The hint for a file outside of the project."""
MAX_BYTES: Final = 32 * 1024 * 1024
"""The maximum size of a file; the largest schema in known use has 8 MB."""
_FLAGS: Final = sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"))
_NO_NAMES: Final = ("", ".", "..")
"""Last steps of a path that name nothing in its folder."""
_MANY_FOLDERS: Final = 64


PROJECT: Final = "weft.yaml"
"""The file that makes a folder a project."""


def find_project(start: Path) -> Path:
    """The folder of the project that contains `start`: the nearest one above it with a weft.yaml.

    Raises CannotRun when there is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / PROJECT).exists() and not (folder / PROJECT).is_dir():
            return folder
    raise CannotRun(
        Problem(
            "no-project",
            f"there is no {PROJECT} in {start} or above it",
            hint="go to a project, name one with `-C DIR`, or start one with `weft init DIR`",
        )
    )


class OutsideError(OSError):
    """A file or folder that the project refers to is outside of it. `filename` is its path."""

    def __init__(self, place: str) -> None:
        super().__init__(errno.EACCES, f"it is outside of the project, at {place}", place)


@dataclass(frozen=True)
class ProjectFiles:
    """The files below `folder`, a project's own, and below the `allowed` folders, which the caller has named."""

    folder: Path
    allowed: tuple[Path, ...] = ()
    trace: Trace = field(default_factory=Trace, compare=False, repr=False)

    def read(self, path: Path) -> bytes:
        """The content of a regular file.

        Raises OutsideError if it is outside of the project, and OSError if it cannot be read, is not a regular file or is larger than
        `MAX_BYTES`.
        """
        text = str(path)
        self.trace.asked(text.rpartition("/")[0] or "/")  # before, so that a file which comes meanwhile is noticed
        handle = os.open(self.real(path), os.O_RDONLY | _FLAGS)
        now = time.time_ns()
        try:
            status = os.fstat(handle)
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "it is not a regular file", str(path))
            content = _content(handle, status.st_size)
            if len(content) > MAX_BYTES:
                size = max(status.st_size, len(content))
                raise OSError(errno.EFBIG, f"it has {size:,} bytes, but only {MAX_BYTES:,} are allowed", str(path))
            self.trace.read(text, now, status, content)
            return content
        finally:
            os.close(handle)

    def entries(self, folder: Path) -> list[Path]:
        """The content of a folder, sorted by name; empty if there is no folder. Raises OutsideError."""
        return [folder / name for name in self.names(folder)]

    def names(self, folder: Path) -> list[str]:
        """The names in a folder, sorted; none if there is no folder. Raises OutsideError."""
        self.trace.asked(str(folder))
        try:
            with os.scandir(self.real(folder)) as found:
                return sorted(entry.name for entry in found)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # so there is none
                return []
            raise

    def matching(self, folder: Path, pattern: str) -> list[Path]:
        """The files at any depth below a folder whose names match a pattern, sorted."""
        return sorted(Path(path) for path in self.below(folder) if PurePath(path).match(pattern))

    def below(self, folder: Path) -> Iterator[str]:
        """The paths of everything at any depth below a folder; links to folders are not followed."""
        waiting = [str(folder)]
        while waiting:
            inner = waiting.pop()
            self.trace.asked(inner)  # before, as in `read`
            with contextlib.suppress(OSError), os.scandir(inner) as found:
                for entry in found:
                    yield f"{inner}/{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{inner}/{entry.name}")

    def reachable(self, folder: Path) -> Iterator[str]:
        """The paths of the files at any depth below a folder that may be read, also through links; no folder is looked into twice."""
        waiting, seen = [str(folder)], set[str]()
        while waiting:
            inner = waiting.pop()
            if not self.may_read(Path(inner)) or (real := self.real(Path(inner))) in seen:
                continue
            seen.add(real)
            for path in sorted(self.entries(Path(inner))):
                if path.is_dir():
                    waiting.append(str(path))
                elif path.is_file() and self.may_read(path):
                    yield str(path)

    def exists(self, path: Path | str) -> bool:
        """True if there is something. Broken links, pipes and folders count, so they are reported instead of ignored."""
        self.trace.asked(str(path).rpartition("/")[0] or "/")
        return os.path.lexists(path)

    def names_near(self, path: Path) -> list[str]:
        """The names in the folder of a path, for hints."""
        with contextlib.suppress(OSError):
            return self.names(path.parent)
        return []

    def has(self, path: Path) -> bool:
        """True if there is a file, or a pipe that `read` refuses. Raises OutsideError even if it does not exist."""
        real = self.real(path)
        self.trace.asked(str(path.parent))
        return os.path.lexists(real) and not Path(real).is_dir()

    def may_read(self, path: Path) -> bool:
        """True if a file or folder is inside the project or an allowed folder."""
        with contextlib.suppress(OutsideError):
            return bool(self.real(path))
        return False

    def real(self, path: Path) -> str:
        """The path after resolving links and `..`. Raises OutsideError."""
        text = str(path)
        if "\0" in text:
            raise OSError(errno.EINVAL, "its name contains the character NUL")
        real = self._resolved(text)
        if not any(_inside(real).startswith(root) for root in self._roots):
            raise OutsideError(real)
        return real

    def _resolved(self, path: str) -> str:
        """The path after resolving links and `..`; only its last step is looked at if its folder was resolved before."""
        folder, name = os.path.split(path)
        if name in _NO_NAMES or os.path.islink(path):  # noqa: PTH114 - it is asked for every file of a fleet
            return os.path.realpath(path)
        if folder not in self._folders:
            if len(self._folders) >= _MANY_FOLDERS:
                self._folders.clear()
            self._folders[folder] = _inside(os.path.realpath(folder))
        return self._folders[folder] + name

    def allowing(self, *folders: Path) -> ProjectFiles:
        """The same project with these additional readable folders."""
        return replace(self, allowed=(*self.allowed, *folders))

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        return tuple(_inside(os.path.realpath(folder)) for folder in (self.folder, *self.allowed))

    @cached_property
    def _folders(self) -> dict[str, str]:
        """How the resolved paths in some folders begin: most files of a fleet share theirs."""
        return {}


def _inside(folder: str) -> str:
    """How every path in a folder begins."""
    return folder if folder.endswith(os.sep) else folder + os.sep


def _content(handle: int, expected: int) -> bytes:
    """What is in an open file, up to one byte more than is allowed."""
    parts, wanted = [os.read(handle, min(expected, MAX_BYTES) + 1)], MAX_BYTES + 1
    while parts[-1] and sum(map(len, parts)) < wanted:
        parts.append(os.read(handle, wanted - sum(map(len, parts))))
    return b"".join(parts)


def files_of(folder: Path, allow_read: Iterable[str | Path] = ()) -> ProjectFiles:
    """The files of a project, with the folders that a caller allows and those of WEFT_ALLOW_READ."""
    variable = filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))
    return ProjectFiles(folder, tuple(Path(one).absolute() for one in (*allow_read, *variable)))


def unreadable(error: OSError, name: str, what: str = "the file") -> Problem:
    """The problem of a file that was not read; `name` is its name in reports."""
    if isinstance(error, OutsideError):
        return outside(error, name, Place(name))
    return Problem("unreadable", f"{what} cannot be read: {error.strerror}", place=Place(name))


def outside(error: OutsideError, name: str, place: Place) -> Problem:
    """The problem of a file outside of the project, at the place that refers to it."""
    leads = (
        "is outside of the project"
        if name == error.filename
        else f"refers to a file outside of the project, {error.filename}"
    )
    return Problem("outside-project", f"{name} {leads}", place=place, hint=ALLOW)
