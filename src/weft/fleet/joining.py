"""Joining: the outputs of all shards of a run as one, as if one process had rendered them.

Shards come from other machines, so everything about them is proven before anything is written: that they are all there, that they were
rendered from just this project by this Weft, and that their files are what they were. The results of their targets then take the way of every
other run, so problems that concern several targets are found again, such as two targets that write one file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from weft import checks
from weft.base.problems import Problem, WeftError, reason_of
from weft.base.watching import Watch, watched
from weft.base.wording import shortened
from weft.files.atomic import content_of
from weft.files.signatures import digest_of
from weft.fleet.keys import target_key
from weft.fleet.memory import Done, Memory
from weft.fleet.packing import DAMAGE
from weft.fleet.results import from_header
from weft.project.project import Project
from weft.project.result import Result
from weft.project.runs import Renderer
from weft.project.target import Target
from weft.stages.render.finished import OutputFile, Texts
from weft.stages.write.record import Part, read_part, refusal

_SHOWN: Final = 3
_AGAIN: Final = "render it again with `--shard`, from the files that this project has now"
_ALL_AGAIN: Final = "render all shards again, from the files that this project has now"


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder with a shard, and what is kept of it."""

    path: Path
    number: int
    of: int
    common: str
    run: str
    globs: list[str]
    targets: list[str]
    results: dict[str, Any]

    def __str__(self) -> str:
        return f"shard {self.number} of {self.of} in {self.path}"


def join(memory: Memory, folders: Sequence[Path], watch: Watch) -> Done:
    """The run whose shards are in these folders. Raises WeftError with everything that is missing or does not belong together."""
    shards = list(_read(folders))
    _refuse(_incomplete(shards))
    project = memory.open()
    common = memory.common(project)
    _refuse(_others(shards, common))
    targets = project.targets(*shards[0].globs)
    if [target.name for target in targets] != shards[0].targets:
        message = f"{shards[0]} was rendered when the project had other targets than now"
        raise WeftError(Problem("shard-other", message, hint=_ALL_AGAIN))
    run = project.run(targets, watch, renderer=_Joined(project, common, shards))
    return Done.made(run, targets, project, common)


def _read(folders: Iterable[Path]) -> Iterator[_Folder]:
    """What is kept of each shard."""
    for folder in folders:
        if not folder.is_dir():
            hint = "name the folders into which the shards were rendered, with `-o`"
            raise WeftError(Problem("shard-missing", f"there is no folder {folder}", hint=hint))
        try:
            part = read_part(folder)
        except OSError as error:
            raise WeftError(_damaged(f"{folder} cannot be read: {reason_of(error)}")) from error
        found = None if part is None else _folder(folder, part)
        if found is None:
            raise WeftError(_damaged(f"{folder} does not hold the whole of a shard as Weft left it"))
        yield found


def _folder(folder: Path, part: Part) -> _Folder | None:
    """What is kept of a shard; None if it is damaged."""
    try:
        about, details = part.about, json.loads(part.details)
        return _Folder(
            folder,
            int(about["number"]),
            int(about["of"]),
            str(about["common"]),
            str(about["run"]),
            list(details["globs"]),
            list(details["targets"]),
            dict(details["results"]),
        )
    except DAMAGE:
        return None


def _incomplete(shards: Sequence[_Folder]) -> Iterator[Problem]:
    """The shards that are missing, and those that appear twice."""
    first: dict[int, _Folder] = {}
    for shard in shards:
        other = first.setdefault(shard.number, shard)
        if other is not shard:
            message = f"shard {shard.number} is there twice, in {other.path} and in {shard.path}"
            yield Problem("shard-missing", message, hint="name each shard once")
        if shard.of != shards[0].of:
            yield _other(shard, f"is one of {shard.of} shards, but {shards[0]} is one of {shards[0].of}")
    of = shards[0].of
    lacking = [str(number) for number in range(1, of + 1) if number not in first]
    if lacking:
        which = f"shard {lacking[0]} is" if len(lacking) == 1 else f"the shards {shortened(lacking, _SHOWN)} are"
        hint = f"name the folders of all {of} shards; one that failed has written nothing, and is rendered again with `--shard {lacking[0]}/{of}`"
        yield Problem("shard-missing", f"{which} missing: {of - len(lacking)} of {of} are there", hint=hint)


def _others(shards: Sequence[_Folder], common: str) -> Iterator[Problem]:
    """The shards of another run, or of another project than the one with this key."""
    for shard in shards:
        if shard.common != common:
            yield _other(shard, "was rendered from other schemas, templates or options, or by another Weft")
        elif shard.run != shards[0].run:
            yield _other(shard, f"belongs to another run than {shards[0]}: they were rendered for other targets")


def _other(shard: _Folder, why: str) -> Problem:
    return Problem("shard-other", f"{shard} {why}", hint=_AGAIN)


def _damaged(message: str) -> Problem:
    hint = "copy the folder again, with its files `.weft-record` and `.weft-shard`, or render the shard again"
    return Problem("shard-damaged", message, hint=hint)


def _refuse(problems: Iterable[Problem]) -> None:
    found = list(problems)
    if found:
        raise WeftError(*found)


class _Joined(Renderer):
    """Takes the results of targets from shards, after it has proven that they are those of this project."""

    def __init__(self, project: Project, common: str, shards: Sequence[_Folder]) -> None:
        self._project = project
        self._common = common
        self._shards = {name: shard for shard in shards for name in shard.results}
        self._files: dict[str, tuple[Path, str]] = {}
        for output in project.file.outputs:
            checks.register(output.checks)  # the problems of a result may have their codes

    def results(self, targets: Sequence[Target], watch: Watch) -> Iterator[Result]:
        """The results of these targets. Raises WeftError at the end if one is not what this project gives."""
        changed: dict[Path, list[str]] = {}
        for target in watched(targets, "targets", watch):
            shard = self._shards.get(target.name)
            if shard is None:
                raise WeftError(_damaged(f"no shard has the target {target.name}"))
            key, header = shard.results[target.name]
            if key is None or key != target_key(self._project, target.again(), self._common):
                changed.setdefault(shard.path, []).append(target.name)
            else:
                yield self._checked(shard, target.name, from_header(header))
        _refuse(
            _other(self._shards[names[0]], f"was rendered from other overlays of {shortened(names, _SHOWN)}")
            for names in changed.values()
        )

    @property
    def text(self) -> Texts:
        """Gives the text of an output by its path."""
        return self._text

    def _checked(self, shard: _Folder, name: str, result: Result | None) -> Result:
        """A result whose files are there, as they were written."""
        if result is None or result.target != name or len(result.digests) != len(result.outputs):
            raise WeftError(_damaged(f"{shard} has no result of {name} that can be read"))
        for output, digest in zip(result.outputs, result.digests, strict=True):
            self._note(shard, output, digest)
        return result

    def _note(self, shard: _Folder, output: OutputFile, digest: str) -> None:
        """Note the file of an output; of two with one path, the first: they are a problem of the run."""
        if refusal(output.path) is not None:
            raise WeftError(_damaged(f"{shard} has an output at {output.path}, where none can be"))
        if output.path not in self._files:
            self._files[output.path] = shard.path, digest
            self._text(output.path)

    def _text(self, path: str) -> str:
        folder, digest = self._files[path]
        try:
            content = content_of(folder / path)
        except OSError as error:
            raise WeftError(_damaged(f"{folder / path} cannot be read: {reason_of(error)}")) from error
        if content is None or digest_of(content) != digest:
            missing = content is None
            raise WeftError(_damaged(f"{folder / path} {'is missing' if missing else 'is not what was rendered'}"))
        return content.decode()
