"""The folder that an agent keeps, as the kubelet keeps a mounted ConfigMap: `key -> ..data/key`, and `..data`, which leads to one revision.

    ..weft_5f0c…   the files of a revision; a second one while a new revision is tried
    ..data         the link to the revision in force; renaming a new link over it changes all files at once
    ..weft.json    which revision is good, and the digest of the files that were refused
    ..weft.lock    who keeps the folder

A revision is *good* once the program was well with it. The state is written before the links: whenever the agent is killed, the next one puts the
good revision in place again, and knows what was refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Final

from weft.base.problems import CannotRun, Problem
from weft.files.atomic import cannot_write, content_of, replace_file, stage, sync_folder
from weft.files.bundle import digest_of

_DATA: Final = "..data"
_STAGED: Final = "..data_tmp"
_STATE: Final = "..weft.json"
_LOCK: Final = "..weft.lock"
_HOME: Final = re.compile(r"\.\.weft_[0-9a-f]{16}")
_FOLDER: Final = 0o755
_FILE: Final = 0o644
_PRIVATE: Final = 0o700
"""The most that others may do with a folder and with a file, and with a folder that has secrets."""


class Lost(CannotRun):
    """The folder is not the one that was locked: somebody has removed or replaced it."""


class Taken(CannotRun):
    """Another agent keeps the folder."""


_MOMENT: Final = 1.0
"""Seconds for which a lock is waited for: a command that an agent was starting when it was killed has it until it is another program."""


@dataclass(frozen=True)
class State:
    """The folder and the digest of the good revision, and the digest of the files that were refused last."""

    good: str | None = None
    digest: str | None = None
    refused: str | None = None

    def text(self) -> str:
        """The file `..weft.json`."""
        return json.dumps({"good": self.good, "digest": self.digest, "refused": self.refused}) + "\n"


class Folder:
    """The folder; one agent at a time may change it, within `locked`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = State()
        self._handle: int | None = None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Own the folder, which is created if it is missing. Raises Taken if another agent owns it, with its name, and CannotRun."""
        try:
            self.own()
            yield
        finally:
            self._give_up()

    def own(self) -> None:
        """Own the folder, which may have been owned and removed before. Raises Taken, and CannotRun if it cannot be created."""
        self._give_up()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            if self.path.is_symlink() and not self.path.exists():
                raise CannotRun(
                    Problem("cannot-write", f"{self.path} is a link to {self.path.readlink()}, which is missing")
                )
            self.path.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
            self._handle = os.open(self.path / _LOCK, flags, _FILE)
        except OSError as error:
            raise CannotRun(cannot_write(self.path, error)) from None
        self._lock(self._handle)

    def _give_up(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    @property
    def is_owned(self) -> bool:
        """True as long as the folder is the one that was locked."""
        try:
            there = os.lstat(self.path / _LOCK)
        except OSError:
            return False
        return self._handle is not None and os.path.samestat(there, os.fstat(self._handle))

    def _lock(self, handle: int) -> None:
        """Take the lock, and write into its file who has it."""
        if not _locked(handle):
            owner = os.read(handle, 200).decode("utf-8", "replace").strip() or "another process"
            message = f"another agent keeps {self.path}: {owner}"
            raise Taken(Problem("busy", message, hint="give each agent a folder of its own"))
        with self._writing():
            os.ftruncate(handle, 0)
            os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())

    def recover(self) -> None:
        """Put the good revision in place again, if another one was being tried, and remove what nobody needs. Raises CannotRun."""
        self._refuse_foreign()
        self.state = self._remembered()
        with self._writing():
            if self.state.good and self._target() != self.state.good:
                self._point(self.state.good)
            self._sweep()

    def stage(self, files: Mapping[str, bytes], *, private: bool) -> Path:
        """Write the files of a revision into a new folder. Raises CannotRun; nothing is then left of them."""
        self._refuse_in_the_way(files)
        home = self.path / f"..weft_{token_hex(8)}"
        with self._writing(), self._removed_on_failure(home):
            home.mkdir(mode=_PRIVATE if private else _FOLDER)
            for name, content in files.items():
                (home / name).parent.mkdir(parents=True, exist_ok=True)
                stage(home / name, content, private=private)
                _narrow(home / name, _FILE)
            for folder, _, _ in os.walk(home):
                _narrow(Path(folder), _FOLDER)
                sync_folder(Path(folder))
        return home

    def swap(self, home: Path) -> None:
        """Put a revision in place, before the program was asked whether it is well. Raises CannotRun."""
        with self._writing():
            self._point(home.name)

    def accept(self, home: Path, digest: str) -> None:
        """The revision in place is good: the old one is not needed any more. Raises CannotRun."""
        self._remember(State(home.name, digest))
        with self._writing():
            self._sweep()

    def refuse(self, digest: str) -> None:
        """The revision in place is not good: the old one comes back. Raises CannotRun."""
        try:
            self._remember(State(self.state.good, self.state.digest, digest))
        finally:
            with self._writing():
                if self.state.good:
                    self._point(self.state.good)
                self._sweep()

    def take_back(self, home: Path) -> None:
        """The revision in place could not be tried: the old one comes back, if there is one. Raises CannotRun."""
        with self._writing():
            if self.state.good:
                self._point(self.state.good)
                self.discard(home)

    def discard(self, home: Path) -> None:
        """Remove the files of a revision that never was in place."""
        shutil.rmtree(home, ignore_errors=True)

    def _point(self, name: str) -> None:
        """Let `..data` lead to a revision, and make the links of its files."""
        staged = self.path / _STAGED
        staged.unlink(missing_ok=True)
        staged.symlink_to(name)
        staged.replace(self.path / _DATA)
        sync_folder(self.path)
        wanted = {entry.name for entry in (self.path / name).iterdir()}
        for key in wanted:
            if not os.path.lexists(self.path / key):
                (self.path / key).symlink_to(f"{_DATA}/{key}")
        for entry in self.path.iterdir():
            if entry.name not in wanted and self._is_ours(entry):
                entry.unlink()

    def _is_ours(self, path: Path) -> bool:
        return path.is_symlink() and str(path.readlink()) == f"{_DATA}/{path.name}"

    def _target(self) -> str | None:
        data = self.path / _DATA
        return str(data.readlink()) if data.is_symlink() else None

    def _refuse_foreign(self) -> None:
        """Raise CannotRun if `..data` is not one that an agent made: what it leads to is not ours to remove."""
        data, target = self.path / _DATA, self._target()
        if (os.path.lexists(data) and target is None) or (target is not None and not _HOME.fullmatch(target)):
            message = f"{data} was not made by an agent" + (f": it leads to {target}" if target else "")
            raise CannotRun(Problem("cannot-write", message, hint="choose a folder for the agent alone"))

    def _refuse_in_the_way(self, files: Mapping[str, bytes]) -> None:
        for name in files:
            path = self.path / name.partition("/")[0]
            if os.path.lexists(path) and not self._is_ours(path):
                message = f"{path} cannot be replaced: it is not a link of this agent"
                raise CannotRun(Problem("cannot-write", message, hint="remove it, or choose another folder"))

    def _remembered(self) -> State:
        """The state on disk; without a good revision if that is missing, torn or edited."""
        try:
            data = json.loads(content_of(self.path / _STATE) or b"")
            state = State(
                *(data.get(key) if isinstance(data.get(key), str) else None for key in ("good", "digest", "refused"))
            )
        except (OSError, ValueError, AttributeError):
            return State()
        intact = state.good and _HOME.fullmatch(state.good) and self._digest(state.good) == state.digest
        return state if intact else State(refused=state.refused)

    def _digest(self, name: str) -> str | None:
        home = self.path / name
        try:
            found = [path for path in home.rglob("*") if not path.is_dir()] if not home.is_symlink() else []
            return digest_of({path.relative_to(home).as_posix(): path.read_bytes() for path in found})
        except OSError:
            return None

    def _remember(self, state: State) -> None:
        with self._writing():
            replace_file(self.path / _STATE, state.text(), private=True)
        self.state = state

    def _sweep(self) -> None:
        """Remove every revision but the good one and that in place."""
        kept = {self.state.good, self._target()}
        for entry in list(self.path.iterdir()):
            if _HOME.fullmatch(entry.name) and entry.name not in kept:
                shutil.rmtree(entry, ignore_errors=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            if not self.is_owned:
                raise Lost(Problem("cannot-write", f"{self.path} was removed or replaced by something else"))
            yield
        except OSError as error:
            path = Path(error.filename) if isinstance(error.filename, str) else self.path
            raise CannotRun(cannot_write(path, error)) from error

    @contextlib.contextmanager
    def _removed_on_failure(self, home: Path) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.discard(home)
            raise


def _narrow(path: Path, most: int) -> None:
    """Take away permissions that a file or folder has only because of the umask."""
    mode = path.stat().st_mode & 0o777
    if mode & ~most:
        path.chmod(mode & most)


def _locked(handle: int) -> bool:
    """Take the lock of a file, if it becomes free within a moment."""
    end = time.monotonic() + _MOMENT
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        else:
            return True
