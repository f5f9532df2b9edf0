"""The last run, remembered as a whole: if none of the files that it read has changed, its results are those of this run.

That is found with one `lstat` for each file and folder, without opening the project. What a run read comes from `files.trace`, so a file
that appears where one was looked for is noticed too. Only runs without errors are remembered.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from weft.base.problems import Problem
from weft.files.signatures import digest_of, untrusted_signature
from weft.files.store import Store
from weft.files.trace import Listed, Seen, look_at
from weft.fleet.options import Options, seen
from weft.fleet.packing import DAMAGE, packed, unpacked
from weft.fleet.problem_data import problems, problems_data
from weft.stages.write import Changes
from weft.stages.write.record import DETAILS, RECORD

RUN: Final = "run"
ANSWER: Final = "answer"
_WRITTEN: Final = "written"


@dataclass(frozen=True, slots=True)
class Known:
    """What a target gave in an earlier run: the key of its result, the values of its dimensions, the files of its layers."""

    key: str
    values: Mapping[str, str]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Last:
    """An earlier run: what it read, its targets, and what it found.

    `outputs` are the digests of the outputs by path, `private` the paths of those that only their owner may read.
    """

    code: str
    common: str
    files: dict[str, Seen]
    folders: dict[str, Listed]
    targets: dict[str, Known]
    outputs: dict[str, str]
    private: tuple[str, ...]
    problems: tuple[Problem, ...]
    asked: Mapping[str, int]
    skipped: Mapping[str, int]

    @property
    def state(self) -> str:
        """The state of a folder into which this run was written."""
        return state_of(self.common, self.outputs, self.private)


@dataclass(frozen=True)
class Answer:
    """What a command said earlier, and what it had read."""

    code: str
    files: dict[str, Seen]
    folders: dict[str, Listed]
    text: str


def state_of(common: str, outputs: Mapping[str, str], private: Iterable[str]) -> str:
    """The digest of what a run leaves in an output folder; `common` is the key of what all its targets have in common."""
    return digest_of(
        "\0".join([common, *sorted(f"{path}\0{digest}" for path, digest in outputs.items()), "", *private])
    )


def run_key(globs: Sequence[str], options: Options) -> str:
    """The key of a run: the globs of its targets, and its options."""
    return digest_of("\0".join([options.digest(), *globs]))


def remember(store: Store, key: str, last: Last, home: Path) -> None:
    """Keep a run of the project in the folder `home`."""
    data = {
        "code": last.code,
        "common": last.common,
        "files": _relative(last.files, home),
        "folders": _relative(last.folders, home),
        "targets": {name: [one.key, dict(one.values), one.sources] for name, one in last.targets.items()},
        "outputs": last.outputs,
        "private": last.private,
        "problems": problems_data(last.problems),
        "asked": dict(last.asked),
        "skipped": dict(last.skipped),
    }
    store.put([(RUN, key, packed(data))])


def recall(store: Store, key: str, home: Path) -> Last | None:
    """The run with a key, of the project in the folder `home`; None if there is none."""
    data = unpacked(store.get(RUN, key))
    try:
        return Last(
            data["code"],
            data["common"],
            *_read(data["files"], data["folders"], home),
            {name: Known(key, values, tuple(sources)) for name, (key, values, sources) in data["targets"].items()},
            data["outputs"],
            tuple(data["private"]),
            problems(data["problems"]),
            data["asked"],
            data["skipped"],
        )
    except DAMAGE:
        return None


def _absolute(home: Path, path: str) -> str:
    return path if path[:1] == os.sep or path[1:2] == ":" else f"{home}/{path}"


def remember_answer(store: Store, key: str, answer: Answer, home: Path) -> None:
    """Keep what a command said about the project in the folder `home`."""
    read = _relative(answer.files, home), _relative(answer.folders, home)
    store.put([(ANSWER, key, packed([answer.code, *read, answer.text]))])


def recall_answer(store: Store, key: str, home: Path) -> Answer | None:
    """The answer with a key, about the project in the folder `home`; None if there is none."""
    try:
        code, files, folders, text = unpacked(store.get(ANSWER, key))
        return Answer(code, *_read(files, folders, home), str(text))
    except DAMAGE:
        return None


def _relative(seen_there: Mapping[str, Any], home: Path) -> dict[str, Any]:
    prefix = f"{home}/"
    return {path.removeprefix(prefix): one for path, one in seen_there.items()}


def _read(files: Any, folders: Any, home: Path) -> tuple[dict[str, Seen], dict[str, Listed]]:
    known_files, known_folders = seen([files, folders])
    return (
        {_absolute(home, path): one for path, one in known_files.items()},
        {_absolute(home, path): one for path, one in known_folders.items()},
    )


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
        return self._agree(doubtful, wanted) and all(self._is(stat.S_ISDIR, folder) for folder in _folders(outputs))

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


def _folders(paths: Iterable[str]) -> set[str]:
    """The folders of some files, up to the output folder, which is the empty path."""
    found = set[str]()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found
