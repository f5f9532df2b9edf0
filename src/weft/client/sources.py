"""Where a bundle comes from: a folder, such as a mounted ConfigMap, a file, or anything else with the same methods.

The kubelet keeps a mounted ConfigMap as links, `key -> ..data/key` and `..data -> ..2026_11_28_…`, and updates all of it at once by renaming a
new link over `..data`. A reader that resolves that link once, and reads everything below its target, sees one revision.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from weft.files.bundle import MANIFEST, BadManifest, parse_manifest
from weft.files.reading import OutsideError, ProjectFiles

_DATA: Final = "..data"
_ATTEMPTS: Final = 5


class Unreadable(Exception):
    """A source cannot be read now: it is missing, is just being written, or leads out of its folder. The text says why."""


@dataclass(frozen=True)
class Reading:
    """The files of a bundle as they are now: name to content. `place` is how people find them, such as the folder."""

    contents: Mapping[str, bytes]
    place: str


class Source(Protocol):
    """Where bundles come from."""

    def read(self) -> Reading:
        """Everything as it is now, of one revision. Raises Unreadable."""

    def token(self) -> Any:
        """Something that is equal as long as nothing has changed, and costs next to nothing."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders in which something is renamed or written when the source changes; empty if it must be asked."""


class Folder:
    """A folder with the files of a bundle; links that lead out of it are refused."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()  # the program may change its folder
        self._place = os.fspath(path)
        self._data = str(self.path / _DATA)

    def __repr__(self) -> str:
        return f"Folder({str(self.path)!r})"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folder itself: the kubelet renames `..data` in it. Those that have a link on the way to it, which may be switched, too."""
        links = [one for one in (self.path, *self.path.parents) if one.is_symlink()]
        return (self.path, *(link.parent for link in links))

    def token(self) -> Any:
        """Where `..data` leads, or how the files are: their times, sizes and numbers."""
        try:  # asked all the time, and eight times as fast as with a `Path`
            return os.readlink(self._data), os.stat(self._data).st_ino  # noqa: PTH115, PTH116
        except OSError:
            return self._stamps()

    def read(self) -> Reading:
        """The manifest and the files that it names. Raises Unreadable."""
        for _ in range(_ATTEMPTS):
            before = self.token()
            try:
                contents = self._contents()
            except Unreadable:
                if self.token() == before:
                    raise
                continue  # it was replaced meanwhile, and the old one removed
            if self.token() == before:
                return Reading(contents, self._place)
        raise Unreadable(f"{self.path} changes all the time")

    def _contents(self) -> dict[str, bytes]:
        try:
            root = (self.path / _DATA).resolve(strict=True)
        except OSError:
            root = self.path
        files = ProjectFiles(self.path)
        manifest = _read(files, root, MANIFEST)
        try:
            names = parse_manifest(manifest).files
        except BadManifest as error:
            raise Unreadable(f"{self.path / MANIFEST}: {error}") from None
        return {MANIFEST: manifest, **{name: _read(files, root, name) for name in names}}

    def _stamps(self) -> Any:
        try:
            with os.scandir(self.path) as entries:
                return sorted((entry.name, *_stamp_of(entry)) for entry in entries)
        except OSError as error:
            return type(error).__name__


class File:
    """A bundle in one file: a JSON object with the contents of its files by their names, as `config | bundle | to_json` renders."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self._place = os.fspath(path)

    def __repr__(self) -> str:
        return f"File({str(self.path)!r})"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folder of the file, in which it is replaced."""
        return (self.path.parent,)

    def token(self) -> Any:
        """What changes when the file is written or replaced."""
        try:
            status = self.path.stat()
        except OSError as error:
            return type(error).__name__
        return _stamp(status)

    def read(self) -> Reading:
        """The files in the file. Raises Unreadable."""
        try:
            data = json.loads(_read(ProjectFiles(self.path.parent), self.path.parent, self.path.name))
            contents = {name: text.encode() for name, text in data.items()}
        except (ValueError, RecursionError, AttributeError):
            raise Unreadable(f"{self.path} is not a JSON object with the files of a bundle as texts") from None
        return Reading(contents, self._place)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    """What is another one after a file was written, replaced, or got other permissions."""
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def _stamp_of(entry: os.DirEntry[str]) -> tuple[int | str, ...]:
    """That of an entry of a folder; a link that leads nowhere has one, too."""
    try:
        return _stamp(entry.stat())
    except OSError:
        return (entry.inode(),)


class AtPath:
    """The file or the folder at a path; as long as there is none, it may become either."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._folder, self._file = Folder(path), File(path)

    def __repr__(self) -> str:
        return repr(self.now)

    @property
    def now(self) -> Folder | File:
        """The source that exists; the file, as long as there is none."""
        return self._folder if self._folder.path.is_dir() else self._file

    @property
    def folders(self) -> tuple[Path, ...]:
        """Those of the existing source; as long as there is none, those of both."""
        path = self._folder.path
        return self.now.folders if path.exists() else (path.parent, path)

    def token(self) -> Any:
        """That of the existing source."""
        return self.now.token()

    def read(self) -> Reading:
        """That of the existing source. Raises Unreadable."""
        return self.now.read()


def _read(files: ProjectFiles, root: Path, name: str) -> bytes:
    try:
        return files.read(root / name)
    except OutsideError:
        raise Unreadable(f"{root / name} leads out of {files.folder}") from None
    except OSError as error:
        raise Unreadable(f"{root / name} cannot be read: {error.strerror}") from None
