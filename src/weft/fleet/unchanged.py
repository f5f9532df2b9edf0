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
from weft.files.signatures import Fingerprint, Signature, below, digest_of
from weft.files.store import Store
from weft.files.trace import Listed, Seen
from weft.fleet.options import Options, seen
from weft.fleet.packing import DAMAGE, packed, unpacked
from weft.fleet.problem_data import problems, problems_data

RUN: Final = "run"
DETAILS: Final = "details"
ANSWER: Final = "answer"
READ: Final = "read"


@dataclass(frozen=True, slots=True)
class Known:
    """What a target gave in an earlier run: the key of its result, the values of its dimensions, the files of its layers."""

    key: str
    values: Mapping[str, str]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Last:
    """An earlier run, in short: what it found, and what it read.

    `state` is that of a folder into which it is written, `private` has the paths of outputs that only their owner may read.
    """

    code: str
    state: str
    targets: int
    outputs: int
    private: tuple[str, ...]
    problems: tuple[Problem, ...]
    asked: Mapping[str, int]
    skipped: Mapping[str, int]
    read: Fingerprint


@dataclass(frozen=True)
class Details:
    """What the run with a `state` read, file by file, and its targets; `common` is the key of what all targets have in common."""

    state: str
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


@dataclass(frozen=True)
class Printed:
    """What a command printed earlier, and what it had read."""

    code: str
    text: str
    read: Fingerprint


def state_of(common: str, outputs: Mapping[str, str], private: Iterable[str]) -> str:
    """The digest of what a run leaves in an output folder; `common` is the key of what all its targets have in common."""
    return digest_of(
        "\0".join([common, *sorted(f"{path}\0{digest}" for path, digest in outputs.items()), "", *private])
    )


def run_key(globs: Sequence[str], options: Options) -> str:
    """The key of a run: the globs of its targets, and its options."""
    return digest_of("\0".join([options.digest(), *globs]))


def remember(store: Store, key: str, last: Last, details: Details, home: Path) -> None:
    """Keep a run of the project in the folder `home`, whose files are as the `details` say."""
    read = Fingerprint.of(_signatures(details.files, details.folders, home))
    short = {
        "code": last.code,
        "state": last.state,
        "targets": last.targets,
        "outputs": last.outputs,
        "private": last.private,
        "problems": problems_data(last.problems),
        "asked": dict(last.asked),
        "skipped": dict(last.skipped),
        "read": [read.paths, read.digest],
    }
    targets = {name: [one.key, dict(one.values), one.sources] for name, one in details.targets.items()}
    files, folders = _relative(details.files, home), _relative(details.folders, home)
    closer = [details.state, details.common, files, folders, targets]
    store.put([(RUN, key, packed(short)), (DETAILS, key, packed(closer))])


def recall(store: Store, key: str) -> Last | None:
    """The run with a key, in short; None if there is none."""
    data = unpacked(store.get(RUN, key))
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
        )
    except DAMAGE:
        return None


def recall_details(store: Store, key: str, home: Path) -> Details | None:
    """The details of the run with a key, of the project in the folder `home`; None if there are none."""
    try:
        state, common, files, folders, targets = unpacked(store.get(DETAILS, key))
        known = {name: Known(key, values, tuple(sources)) for name, (key, values, sources) in targets.items()}
        return Details(state, common, *_read(files, folders, home), known)
    except DAMAGE:
        return None


def remember_printed(
    store: Store, key: str, code: str, text: str, files: Mapping[str, Seen], folders: Mapping[str, Listed], home: Path
) -> None:
    """Keep what a command printed about the project in the folder `home`, whose files are as they were when it was read."""
    read = Fingerprint.of(_signatures(files, folders, home))
    closer = packed([digest_of(text), _relative(files, home), _relative(folders, home)])
    store.put([(ANSWER, key, packed([code, text, read.paths, read.digest])), (READ, key, closer)])


def recall_printed(store: Store, key: str) -> Printed | None:
    """What was printed under a key; None if there is nothing."""
    try:
        code, text, paths, digest = unpacked(store.get(ANSWER, key))
        return Printed(code, str(text), Fingerprint(tuple(paths), digest))
    except DAMAGE:
        return None


def recall_read(store: Store, key: str, text: str, home: Path) -> tuple[dict[str, Seen], dict[str, Listed]]:
    """The files and folders that were read for a text printed under a key, of the project in the folder `home`; none if they are not known."""
    try:
        digest, files, folders = unpacked(store.get(READ, key))
    except DAMAGE:
        return {}, {}
    return _read(files, folders, home) if digest == digest_of(text) else ({}, {})


def _signatures(files: Mapping[str, Seen], folders: Mapping[str, Listed], home: Path) -> dict[str, Signature | None]:
    return {path: known for path, (known, _) in (*_relative(files, home).items(), *_relative(folders, home).items())}


def _relative(seen_there: Mapping[str, Any], home: Path) -> dict[str, Any]:
    prefix = f"{home}/"
    return {path.removeprefix(prefix): one for path, one in seen_there.items()}


def _read(files: Any, folders: Any, home: Path) -> tuple[dict[str, Seen], dict[str, Listed]]:
    known_files, known_folders = seen([files, folders])
    return (
        {below(str(home), path): one for path, one in known_files.items()},
        {below(str(home), path): one for path, one in known_folders.items()},
    )
