"""Output folders, remembered: which run was written into one, and the digests of its files, as long as their signatures are the same."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from weft.files.atomic import content_of
from weft.files.signatures import Fingerprint, digest_of, untrusted_signature
from weft.files.store import Store
from weft.files.trace import Seen, look_at
from weft.fleet.options import seen
from weft.fleet.packing import DAMAGE
from weft.fleet.pairs import Pair
from weft.fleet.unchanged import UNKNOWN, Last
from weft.stages.write import Changes
from weft.stages.write.places import folders_of
from weft.stages.write.record import DETAILS, RECORD

_FOLDERS: Final = Pair("written", "files")
_MANY: Final = 64
"""So many output folders are remembered."""


@dataclass(frozen=True)
class _Held:
    """What was left in a folder by the run with a `state`: all its outputs, and the record with a digest.

    The `token` is that of the list of files.
    """

    state: str = ""
    record: str = ""
    outputs: Fingerprint = UNKNOWN
    token: str = ""


class Written:
    """The known files in an output folder: their digests, as long as their signatures are the same."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self.folder = folder
        self._folder = folder.absolute()
        self._prefix = f"{folder}/"
        self._key = digest_of(str(self._folder))
        self._held = _held(*_FOLDERS.get(store, self._key))

    @cached_property
    def _files(self) -> dict[str, Seen]:
        """The files by their paths below the folder."""
        return seen([_FOLDERS.details(self._store, self._key, self._held.token), {}])[0]

    def digest(self, place: str) -> str | None:
        """The digest of a file in the folder, which is read if it may have changed; None for anything but a regular file."""
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
        return Changes((), (), (), len(self._held.outputs.paths))

    def holds(self, last: Last) -> bool:
        """True if the last run that was written into the folder was just this one, and everything is as it left it."""
        held = self._held
        if held.state != last.state or any(map(self._is_exposed, last.private)):
            return False
        if os.path.lexists(f"{self._folder}/{DETAILS}") or not self._has_record():
            return False
        return self._has_folders(held.outputs.paths) and (held.outputs.holds(str(self._folder)) or self._are_same())

    def _is_exposed(self, path: str) -> bool:
        """True if others can read a file, or it is not there."""
        try:
            return bool(os.lstat(f"{self._folder}/{path}").st_mode & 0o077)
        except OSError:
            return True

    def _has_record(self) -> bool:
        """True if the record is a file, and the one that was written."""
        try:
            content = content_of(self._folder / RECORD)
        except OSError:
            return False
        return content is not None and digest_of(content) == self._held.record

    def _has_folders(self, outputs: Iterable[str]) -> bool:
        """True if the folders of these outputs are there, and none is a link to one."""
        within = defaultdict[str, set[str]](set)
        for folder in folders_of(outputs):
            above, _, name = folder.rpartition("/")
            within[above].add(name)
        return all(names <= _folders_in(f"{self._folder}/{above}") for above, names in within.items())

    def _are_same(self) -> bool:
        """True if each output has the content that it had, found by reading those that may have changed; the next run need not do that."""
        again: dict[str, Seen] = {}
        for path in self._held.outputs.paths:
            known, place = self._files.get(path, (None, "")), f"{self._folder}/{path}"
            try:
                found = os.lstat(place)
            except OSError:
                return False
            if known[0] is None or known[0] != untrusted_signature(found):
                again[path] = now = look_at(place)
                if not known[1] or now[1] != known[1] or not stat.S_ISREG(found.st_mode):
                    return False
        self._files.update(again)
        self._keep(self._held.state, self._held.outputs.paths)
        return True

    def note(self, changes: Changes, state: str, outputs: Mapping[str, str]) -> None:
        """Remember the folder after a run with this state and these digests of outputs was written.

        The written files are read again, as somebody may have edited them since; then they are not those of the run.
        """
        for path in changes.removed:
            self._files.pop(path, None)
        for path in (*changes.created, *changes.updated, RECORD):
            self._files[path] = look_at(f"{self._folder}/{path}")
        agrees = all(self._files.get(path, (None, ""))[1] == digest for path, digest in outputs.items())
        self._keep(state if agrees else "", tuple(outputs))

    def _keep(self, state: str, outputs: tuple[str, ...]) -> None:
        record = self._files.get(RECORD, (None, ""))[1]
        known = Fingerprint.of({path: self._files.get(path, (None, ""))[0] for path in outputs})
        token = _FOLDERS.put(self._store, self._key, [state, record, known.paths, known.digest], self._files)
        self._held = _Held(state, record, known, token)
        _FOLDERS.keep_newest(self._store, _MANY)


def _folders_in(folder: str) -> set[str]:
    """The names of the folders in a folder, without links."""
    try:
        with os.scandir(folder) as found:
            return {one.name for one in found if one.is_dir(follow_symlinks=False)}
    except OSError:
        return set()


def _held(token: str, data: Any) -> _Held:
    """What was left in a folder, from JSON data."""
    try:
        state, record, paths, digest = data
        return _Held(str(state), str(record), Fingerprint(tuple(paths), str(digest)), token)
    except DAMAGE:
        return _Held()
