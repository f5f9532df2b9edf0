"""Output folders, remembered: which run was written into one, and the digests of its files, as long as their signatures are the same."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from weft.files.signatures import digest_of, untrusted_signature
from weft.files.store import Store
from weft.files.trace import Seen, look_at
from weft.fleet.options import seen
from weft.fleet.packing import DAMAGE, packed, unpacked
from weft.fleet.unchanged import Last
from weft.stages.write import Changes, folders_of
from weft.stages.write.record import DETAILS, RECORD

_WRITTEN: Final = "written"


class Written:
    """The known files in an output folder: their digests, as long as their signatures are the same."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self.folder = folder
        self._folder = folder.absolute()
        self._prefix = f"{folder}/"
        self._kept = 0
        self._key = digest_of(str(self._folder))
        self._state, files = _written(unpacked(store.get(_WRITTEN, self._key)))
        self._files, _ = seen([files, {}])

    def digest(self, path: Path) -> str | None:
        """The digest of a file in the folder, which is read if it may have changed; None for anything but a regular file."""
        place = str(path)
        name = place.removeprefix(self._prefix)
        try:
            found = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        known = self._files.get(name)
        if known is not None and known[0] == untrusted_signature(found):
            return known[1]
        if not stat.S_ISREG(found.st_mode):
            return None
        self._files[name] = now = look_at(place)
        return now[1] or None

    @property
    def kept(self) -> Changes:
        """The changes of a run whose outputs the folder `holds`: none."""
        return Changes((), (), (), self._kept)

    def holds(self, last: Last) -> bool:
        """True if the last run that was written into the folder was just this one, and everything is as it left it."""
        if self._state != last.state or any(map(self._is_exposed, last.private)):
            return False
        return not os.path.lexists(f"{self._folder}/{DETAILS}") and self._holds(last.outputs)

    def _is_exposed(self, path: str) -> bool:
        """True if others can read a file, or it is not there."""
        try:
            return bool(os.lstat(f"{self._folder}/{path}").st_mode & 0o077)
        except OSError:
            return True

    def _holds(self, outputs: Mapping[str, str]) -> bool:
        self._kept = len(outputs)
        record = self._files.get(RECORD)
        wanted = {**outputs, RECORD: record[1] if record else ""}
        doubtful = [path for path, digest in wanted.items() if not self._is_known(path, digest)]
        folders = ("", *folders_of(outputs))
        return self._agree(doubtful, wanted) and all(self._is(stat.S_ISDIR, folder) for folder in folders)

    def _agree(self, doubtful: Sequence[str], wanted: Mapping[str, str]) -> bool:
        """True if these files, which are read again, have the wanted digests; the next run need not read them."""
        again = {path: look_at(f"{self._folder}/{path}") for path in doubtful}
        if any(seen[1] != wanted[path] or not self._is(stat.S_ISREG, path) for path, seen in again.items()):
            return False
        if again:
            self._keep(self._files | again)
        return True

    def _is_known(self, path: str, digest: str) -> bool:
        """True if a file certainly has a digest, because its signature is the one that it had then."""
        known = self._files.get(path)
        if known is None or known[0] is None or known[1] != digest:
            return False
        try:
            found = os.lstat(f"{self._folder}/{path}")
        except OSError:
            return False
        return known[0] == untrusted_signature(found)

    def note(self, changes: Changes, state: str) -> None:
        """Remember the folder after a run with this state was written: the written files are read again, as somebody may have edited them since."""
        self._state = state
        files = {path: seen for path, seen in self._files.items() if path not in changes.removed}
        files |= {path: look_at(f"{self._folder}/{path}") for path in (*changes.created, *changes.updated, RECORD)}
        self._keep(files)

    def _keep(self, files: Mapping[str, Seen]) -> None:
        self._files = dict(files)
        self._store.put([(_WRITTEN, self._key, packed([self._state, files]))])

    def _is(self, kind: Callable[[int], bool], path: str) -> bool:
        """True if there is a file or folder of a kind, and no link to one."""
        try:
            return kind(os.lstat(f"{self._folder}/{path}").st_mode)
        except OSError:
            return False


def _written(data: Any) -> tuple[str, Any]:
    """The state of a folder and its files, from JSON data."""
    try:
        state, files = data
    except DAMAGE:
        return "", {}
    return str(state), files
