"""Whole runs and answers of commands, remembered: if none of the files that one read has changed, it need not be done again.

That is found with one `lstat` for each file and folder, without opening the project. What a run read comes from `files.trace`, so a file
that appears where one was looked for is noticed too. Only runs without errors are remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from weft.base.problems import Problem
from weft.files.signatures import Fingerprint, below, digest_of
from weft.files.store import Store
from weft.files.trace import Listed, Seen
from weft.fleet.options import Options, seen
from weft.fleet.packing import DAMAGE
from weft.fleet.pairs import Pair
from weft.fleet.problem_data import problems, problems_data

RUNS: Final = Pair("run", "details")
ANSWERS: Final = Pair("answer", "read")
UNKNOWN: Final = Fingerprint((), "")
"""The fingerprint of what is not known, which never holds."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a target gave in an earlier run: the key of its result, the values of its dimensions, the files of its layers."""

    key: str
    values: Mapping[str, str]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Last:
    """An earlier run, in short: what it found, and what it `read`.

    `state` is that of a folder into which it is written, `private` has the paths of outputs that only their owner may read. The `token`
    is that of its details.
    """

    code: str
    state: str
    targets: int
    outputs: int
    private: tuple[str, ...]
    problems: tuple[Problem, ...]
    asked: Mapping[str, int]
    skipped: Mapping[str, int]
    read: Fingerprint = UNKNOWN
    token: str = ""


@dataclass(frozen=True)
class Details:
    """What a run read, file by file, and its targets; `common` is the key of what all targets have in common."""

    common: str
    files: dict[str, Seen]
    folders: dict[str, Listed]
    targets: dict[str, Known]


@dataclass(frozen=True)
class Earlier:
    """An earlier run as far as it matters, and what has changed since: files with another content, and paths that came or went.

    `common` is the key of what all its targets have in common; `files` and `folders` are as they are now.
    """

    common: str
    targets: Mapping[str, Known]
    files: Mapping[str, Seen]
    folders: Mapping[str, Listed]
    contents: set[str]
    names: set[str]

    @property
    def is_same(self) -> bool:
        """True if nothing has changed."""
        return not self.contents and not self.names


@dataclass(frozen=True)
class Printed:
    """What a command printed earlier, and what it had `read`; the `token` is that of the details."""

    code: str
    text: str
    read: Fingerprint
    token: str


def state_of(common: str, outputs: Mapping[str, str], private: Iterable[str]) -> str:
    """The digest of what a run leaves in an output folder; `common` is the key of what all its targets have in common."""
    return digest_of(
        "\0".join([common, *sorted(f"{path}\0{digest}" for path, digest in outputs.items()), "", *private])
    )


def run_key(globs: Sequence[str], options: Options) -> str:
    """The key of a run: the globs of its targets, and its options."""
    return digest_of("\0".join([options.digest(), *globs]))


def fingerprint(files: Mapping[str, Seen], folders: Mapping[str, Listed], home: Path) -> Fingerprint:
    """The fingerprint of what was read of the project in the folder `home`."""
    seen_there = (*_relative(files, home).items(), *_relative(folders, home).items())
    return Fingerprint.of({path: known for path, (known, _) in seen_there})


def remember(store: Store, key: str, last: Last, details: Details, home: Path) -> None:
    """Keep a run of the project in the folder `home`."""
    short = {
        "code": last.code,
        "state": last.state,
        "targets": last.targets,
        "outputs": last.outputs,
        "private": last.private,
        "problems": problems_data(last.problems),
        "asked": dict(last.asked),
        "skipped": dict(last.skipped),
        "read": [last.read.paths, last.read.digest],
    }
    targets = {name: [one.key, dict(one.values), one.sources] for name, one in details.targets.items()}
    files, folders = _relative(details.files, home), _relative(details.folders, home)
    RUNS.put(store, key, short, [details.common, files, folders, targets])


def recall(store: Store, key: str) -> Last | None:
    """The run with a key, in short; None if there is none."""
    token, data = RUNS.get(store, key)
    try:
        paths, digest = data["read"]
        return Last(
            data["code"],
            data["state"],
            data["targets"],
            data["outputs"],
            tuple(data["private"]),
            problems(data["problems"]),
            data["asked"],
            data["skipped"],
            Fingerprint(tuple(paths), digest),
            token,
        )
    except DAMAGE:
        return None


def recall_details(store: Store, key: str, token: str, home: Path) -> Details | None:
    """The details of a run of the project in the folder `home`; None if there are none."""
    try:
        common, files, folders, targets = RUNS.details(store, key, token)
        known = {name: Known(key, values, tuple(sources)) for name, (key, values, sources) in targets.items()}
        return Details(common, *_absolute(files, folders, home), known)
    except DAMAGE:
        return None


def remember_printed(
    store: Store, key: str, code: str, text: str, files: Mapping[str, Seen], folders: Mapping[str, Listed], home: Path
) -> None:
    """Keep what a command printed about the project in the folder `home`, whose files are as they were when it was read."""
    read = fingerprint(files, folders, home)
    ANSWERS.put(store, key, [code, text, read.paths, read.digest], [_relative(files, home), _relative(folders, home)])


def recall_printed(store: Store, key: str) -> Printed | None:
    """What was printed under a key; None if there is nothing."""
    token, data = ANSWERS.get(store, key)
    try:
        code, text, paths, digest = data
        return Printed(code, str(text), Fingerprint(tuple(paths), digest), token)
    except DAMAGE:
        return None


def recall_read(store: Store, key: str, token: str, home: Path) -> tuple[dict[str, Seen], dict[str, Listed]]:
    """The files and folders that were read for what was printed about the project in the folder `home`; none if they are not known."""
    try:
        files, folders = ANSWERS.details(store, key, token)
    except DAMAGE:
        return {}, {}
    return _absolute(files, folders, home)


def _relative(seen_there: Mapping[str, Any], home: Path) -> dict[str, Any]:
    prefix = f"{home}/"
    return {path.removeprefix(prefix): one for path, one in seen_there.items()}


def _absolute(files: Any, folders: Any, home: Path) -> tuple[dict[str, Seen], dict[str, Listed]]:
    known_files, known_folders = seen([files, folders])
    return (
        {below(str(home), path): one for path, one in known_files.items()},
        {below(str(home), path): one for path, one in known_folders.items()},
    )
