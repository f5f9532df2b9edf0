"""What a run asked of the file system: the files that it read, and the folders that it looked into.

Whatever has not changed since gives the same results. A `Trace` is filled by `reading.ProjectFiles`; the package `fleet` keeps it and
asks for the `changes` in the next run, which costs one `lstat` for each file and folder.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from weft.files.signatures import Signature, digest_of, signature, untrusted_signature

Seen = tuple[Signature | None, str]
"""The signature of a file when it was read, if it can be trusted, and the digest of its content; empty if it could not be read."""
Listed = tuple[Signature | None, tuple[str, ...]]
"""The same for a folder, with its entries."""


class Named(Container[str]):
    """All paths with one name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and path.replace(os.sep, "/").rpartition("/")[2] == self._name


class Trace:
    """The files that were read and the folders that were listed, by their paths.

    With `lists_folders`, a folder is listed when something in it is first asked for; without, the trace knows files only. Paths in
    `ignored` are left out of listings: what Weft itself writes.
    """

    def __init__(self) -> None:
        self.files: dict[str, Seen] = {}
        self.folders: dict[str, Listed] = {}
        self.lists_folders = False
        self.ignored: set[str] = set()

    def read(self, path: str, now: int, status: os.stat_result, content: bytes) -> None:
        """Note a file with its content; `status` was taken at the time `now`, in nanoseconds, before the file was read."""
        self.files[path] = (signature(status, now), digest_of(content))

    def asked(self, folder: str) -> None:
        """Note a folder in which something was asked for; if there is none, the one in which it would be."""
        if not self.lists_folders or folder in self.folders:
            return
        while folder not in self.folders and not Path(folder).is_dir():
            folder = str(Path(folder).parent)
        if folder not in self.folders:
            self.folders[folder] = look_into(folder, self.ignored)

    def digest(self, path: Path) -> str | None:
        """The digest of a file that was read; None for any other path."""
        seen = self.files.get(str(path))
        return None if seen is None else seen[1]


def look_into(folder: str, ignored: Container[str] = ()) -> Listed:
    """A folder as it is now: the names and kinds of its entries, and where links lead."""
    now = time.time_ns()
    try:
        status = Path(folder).stat()
        with os.scandir(folder) as found:
            entries = [_entry(one) for one in found if one.path not in ignored]
    except OSError:
        return None, ()
    real = os.path.realpath(folder)
    links = real != folder or any("/link " in entry for entry in entries)  # whose ends change without the folder
    return None if links else signature(status, now), tuple(
        sorted([*entries, *([f"/{real}"] if real != folder else [])])
    )


def _entry(entry: os.DirEntry[str]) -> str:
    """The name of an entry and its kind, with the end of a link: `a.yaml/file`."""
    kind = "file" if entry.is_file() else "folder" if entry.is_dir() else "other"
    if entry.is_symlink():
        return f"{entry.name}/link {kind if Path(entry.path).exists() else 'to nothing'} {os.path.realpath(entry.path)}"
    return f"{entry.name}/{kind}"


def look_at(path: str) -> Seen:
    """A file as it is now, read again."""
    now = time.time_ns()
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb", buffering=0) as file:
            status = os.fstat(handle)
            content = file.read() if stat.S_ISREG(status.st_mode) else None
    except OSError:
        return None, ""
    return (None, "") if content is None else (signature(status, now), digest_of(content))


def changes(
    files: dict[str, Seen], folders: dict[str, Listed], ignored: Container[str] = ()
) -> tuple[set[str], set[str]]:
    """What is no longer as it was seen: the files with another content, and the paths that came, went or became another kind.

    What has the same signature is not read again. Afterwards, `files` and `folders` are as they are now.
    """
    contents, names = set[str](), set[str]()
    for path in _doubtful(files):
        before, files[path] = files[path], look_at(path)
        if before[1] != files[path][1]:
            contents.add(path)
    for path in _doubtful(folders):
        earlier, folders[path] = folders[path], look_into(path, ignored)
        if earlier[1] != folders[path][1]:
            entries = set(earlier[1]).symmetric_difference(folders[path][1])
            names.update(f"{path}/{entry.partition('/')[0]}" for entry in entries)
    return contents, names


def _doubtful(seen: Mapping[str, tuple[Signature | None, Any]]) -> list[str]:
    """The paths whose signature is another one, or cannot be trusted."""
    return [path for path, (known, _) in seen.items() if known is None or known != _signature_now(path)]


def _signature_now(path: str) -> Signature | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return untrusted_signature(found)
