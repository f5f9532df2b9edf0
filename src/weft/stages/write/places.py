"""What is in an output folder before a write: each folder is looked at once, and nothing is asked about what would be in a missing one."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path


class Places:
    """The paths of an output folder, as they are before the first change."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._kinds = {"": stat.S_IFDIR}

    def has_folder_of(self, path: str) -> bool:
        """True if there is something at the path of the folder of a file."""
        return bool(self.kind_of_folder(path.rpartition("/")[0]))

    def kind_of_folder(self, folder: str) -> int:
        """What is at the path of a folder: its kind as `lstat` names it, 0 if there is nothing."""
        known = self._kinds.get(folder)
        if known is None:
            above = self.kind_of_folder(folder.rpartition("/")[0])
            self._kinds[folder] = known = self._lstat(folder) if above else 0
        return known

    def kind_of_file(self, path: str) -> int:
        """What is at the path of a file, in the same way."""
        return self._lstat(path) if self.has_folder_of(path) else 0

    def is_no_folder(self, folder: str) -> bool:
        """True if there is something at the path of a folder, such as a file or a broken link, and no folder."""
        kind = self.kind_of_folder(folder)
        return bool(kind) and kind != stat.S_IFDIR and not os.path.isdir(f"{self._root}/{folder}")

    def is_link(self, folder: str) -> bool:
        """True if there is a link at the path of a folder."""
        return self.kind_of_folder(folder) == stat.S_IFLNK

    def try_changes(self, paths: Iterable[str]) -> None:
        """Raise an OSError with the file's name for the first path whose folder cannot be changed, before any change."""
        device = os.stat(self._root).st_dev
        answers: dict[str, int] = {}
        for path in paths:
            folder = self._nearest(path.rpartition("/")[0])
            if folder not in answers:
                answers[folder] = _refusal(Path(self._root, folder), device)
            if answers[folder]:
                raise OSError(answers[folder], os.strerror(answers[folder]), f"{self._root}/{path}")

    def _nearest(self, folder: str) -> str:
        """The nearest folder above that is there."""
        while not self.kind_of_folder(folder) or self.is_no_folder(folder):
            folder = folder.rpartition("/")[0]
        return folder

    def _lstat(self, path: str) -> int:
        try:
            return stat.S_IFMT(os.lstat(f"{self._root}/{path}").st_mode)
        except OSError:
            return 0


def folders_of(paths: Iterable[str]) -> set[str]:
    """The folders above some paths, up to the output folder and without it."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _refusal(folder: Path, device: int) -> int:
    """Why files cannot be moved into a folder, as an error number; 0 if they can."""
    effective = os.access in os.supports_effective_ids
    if folder.stat().st_dev != device:
        return errno.EXDEV
    if os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        return 0
    return errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
