"""Whole runs and answers of commands, remembered: if none of the files that one read has changed, it need not be done again.

That is found with one `lstat` for each file and folder, without opening the project. What a run read comes from `files.trace`, so a file
that appears where one was looked for is noticed too. Only runs without errors are remembered.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from weft.base.problems import Problem
from weft.files.signatures import digest_of
from weft.files.store import Store
from weft.files.trace import Listed, Seen
from weft.fleet.options import Options, seen
from weft.fleet.packing import DAMAGE, packed, unpacked
from weft.fleet.problem_data import problems, problems_data

RUN: Final = "run"
ANSWER: Final = "answer"


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


def remember_printed(store: Store, key: str, printed: Printed, home: Path) -> None:
    """Keep what a command printed about the project in the folder `home`."""
    read = _relative(printed.files, home), _relative(printed.folders, home)
    store.put([(ANSWER, key, packed([printed.code, *read, printed.text]))])


def recall_printed(store: Store, key: str, home: Path) -> Printed | None:
    """What was printed under a key, about the project in the folder `home`; None if there is none."""
    try:
        code, files, folders, text = unpacked(store.get(ANSWER, key))
        return Printed(code, *_read(files, folders, home), str(text))
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
