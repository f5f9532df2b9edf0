"""Checks read a finished output before it is written, or before it is deployed.

A check is a module with its name, in this package or in another one with an entry point of the group `weft.checks`:

    PROGRAM = "nginx"              # the program that it runs; omitted if the check is plain Python
    INSTALL = "the package nginx"  # how to get it
    CODES = ("nginx-old",)         # further codes of its problems besides its own name; optional

    def check(output: Finished) -> Iterable[Problem]: ...

    # what is wrong with several outputs of a run together; runs no program; optional
    def together(outputs: Sequence[Finished]) -> Iterable[tuple[Finished, Problem]]: ...

A check that runs no program sees one target at a time, so that its answers can be kept and made in any process; `ask` gets them. The
programs, and what concerns several targets, come at the end: `run`.

One that needs a package which is not installed raises ImportError, with the package as `name`, and is skipped.
A problem has the name of its check as its code, or one of `CODES`; each code has a page in docs/reference/problems.md.
The place of a problem counts lines of the output; everything else is added here. The output of a program is cached by the content that
it read, so the program runs again only after a change.

Modules in this package that are not checks are listed in `_plugins`.

Start reading at `ask` and `run`, then `memory`, which caches the answers, and `programs`, which runs programs.

May import: base, files, report, schema, rules, secrets, stages.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from posixpath import normpath
from threading import Lock
from typing import Any, Final

from weft.base import codes
from weft.base.extras import how_to_install
from weft.base.plugins import Plugins
from weft.base.problems import Place, Problem, Severity
from weft.base.watching import Watch, unwatched, watched
from weft.checks import memory, programs
from weft.files.lines import lines_of
from weft.stages.render.finished import OutputFile, Rendered, Texts

GROUP: Final = "weft.checks"
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Home:
    """The place in which the objects of a target live, as weft.yaml says; None where it says nothing."""

    cluster: str | None = None
    namespace: str | None = None


@dataclass(frozen=True)
class Finished:
    """One output for a check: its text and, on demand, a file next to all other outputs of the run.

    A check keeps in `notes` what it needs again when it sees all its outputs together, as JSON data.
    """

    path: str
    _tree: Tree
    target: str = ""
    home: Home = Home()
    _noted: str | list[Any] = field(default_factory=list, repr=False, compare=False)
    own: str | None = field(default=None, repr=False)

    @property
    def notes(self) -> list[Any]:
        """What the check notes about the output, a list to add to; in `together`, what it has noted."""
        return json.loads(self._noted) if isinstance(self._noted, str) else self._noted

    @property
    def text(self) -> str:
        """The text of the output."""
        return self._tree.texts(self.path) if self.own is None else self.own

    @property
    def file(self) -> Path:
        """The output as a file, in a folder with the other outputs; it is removed after the run."""
        return self._tree.folder / self.path

    @property
    def digest(self) -> str:
        """The digest of all outputs of its target."""
        return self._tree.digests[self.target]

    def beside(self, path: str) -> str | None:
        """The text of another output of the run, named relative to the folder of this one; None if there is none."""
        named = normpath(f"{self.path}/../{path}")
        return self._tree.texts(named) if named in self._tree.paths else None


class Tree:
    """The outputs of a run as files, written when the first check needs one, and the hash of each target's outputs."""

    def __init__(self, files: Sequence[OutputFile], texts: Texts) -> None:
        self._files = files
        self.texts = texts
        self._lock = Lock()
        self._folder: Path | None = None

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """The digest of all outputs of each target. A program may read any of them, whichever one it is asked about."""
        hashes: defaultdict[str, Any] = defaultdict(hashlib.sha256)
        for output in self._files:
            hashes[output.target].update(repr((output.path, self.texts(output.path))).encode())
        return {target: digest.hexdigest() for target, digest in hashes.items()}

    @cached_property
    def paths(self) -> frozenset[str]:
        """The paths of all outputs."""
        return frozenset(output.path for output in self._files)

    @property
    def folder(self) -> Path:
        """The temporary folder that represents the output folder."""
        with self._lock:
            if self._folder is None:
                folder = Path(tempfile.mkdtemp(prefix="weft-"))
                folder.chmod(0o755)  # some programs drop their privileges before they read
                for one in self._files:
                    file = folder / one.path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(self.texts(one.path), "utf-8")
                self._folder = folder
        return self._folder

    def remove(self) -> None:
        """Remove the files again."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one check says about one output: its problems, or the one reason why it was `skipped`, and its notes.

    The notes are JSON, of which a fleet keeps many, or a list where JSON cannot express them.
    """

    output: OutputFile
    check: str
    problems: tuple[Problem, ...] = ()
    skipped: Problem | None = None
    notes: str | list[Any] = "[]"


@dataclass
class Outcome:
    """The result of the checks of a run: problems, and how often each check ran or was skipped."""

    problems: list[Problem] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)


def names() -> tuple[str, ...]:
    """The checks that weft.yaml may name."""
    return _plugins().names


def exists(name: str) -> bool:
    """True if there is a check with this name."""
    return name in _plugins()


def register(names: Iterable[str]) -> None:
    """Make the codes of these checks known; one that lacks a package has none."""
    for name in names:
        with contextlib.suppress(ImportError):
            _load(name)


def ask(outputs: Sequence[Rendered], home: Home | None = None) -> list[Answer]:
    """The answers of the checks that run no program, about the outputs of one target; `home` is where its objects live.

    A check whose package is missing is skipped, with a warning.
    """
    tree = Tree(outputs, texts_of(outputs))
    return [
        _answer(name, one.header, Finished(one.path, tree, one.target, home or Home(), own=one.text))
        for one in outputs
        for name in one.checks
        if not _runs_program(name)
    ]


def texts_of(outputs: Sequence[Rendered]) -> Texts:
    """The texts of some outputs by their paths; of two with one path, the last one."""
    return {output.path: output.text for output in outputs}.__getitem__


def run(
    files: Sequence[OutputFile],
    answers: Sequence[Answer],
    texts: Texts,
    *,
    ask_programs: bool,
    homes: Mapping[str, Home] | None = None,
    watch: Watch = unwatched,
) -> Outcome:
    """The problems that the checks report for the outputs of a run; each names the output and its line.

    `answers` are those of `ask`. With `ask_programs`, the checks that run a program are asked too; one whose program is missing is
    skipped, with a warning. A mistake of a template in many targets is reported once, for the first of its files. `homes` are the homes of
    the targets, by their names. If the run is interrupted, the programs that it started are ended.
    """
    asking = _Run(files, answers, texts, homes or {})
    try:
        if ask_programs:
            asking.ask_programs(watch)
        return asking.outcome()
    finally:
        asking.tree.remove()


class _Run:
    """The outputs of a run with each of their checks, and the answers so far."""

    def __init__(
        self, files: Sequence[OutputFile], answers: Sequence[Answer], texts: Texts, homes: Mapping[str, Home]
    ) -> None:
        self.tree = Tree(files, texts)
        self._texts = texts
        self._homes = homes
        self._jobs = [(one, name) for one in files for name in one.checks]
        self._known = {(answer.output, answer.check): answer for answer in answers}

    def ask_programs(self, watch: Watch) -> None:
        """Ask the programs, several at a time."""
        wanted = [job for job in self._jobs if _runs_program(job[1])]
        started = programs.Started()
        pool = ThreadPoolExecutor(_AT_ONCE, initializer=started.own_this_thread)
        try:
            asked = [(job, pool.submit(_ask_program, job[1], job[0], self._finished(*job))) for job in wanted]
            for job, future in watched(asked, "checks", watch):
                self._known[job] = future.result()
        finally:  # after an interruption, the rest is not needed
            pool.shutdown(wait=False, cancel_futures=True)
            started.end()
            pool.shutdown()

    def outcome(self) -> Outcome:
        """The number of answers, and their problems once for each template, with all affected targets."""
        outcome, unique = Outcome(), _Unique(self._texts)
        together = list(self._together())
        for job in self._jobs:
            answer = self._known.get(job)
            if answer is None or answer.skipped is not None:
                outcome.skipped[job[1]] += 1
            else:
                outcome.asked[job[1]] += 1
            if answer is not None:
                unique.add_answer(answer)
        for output, problem in together:
            unique.add([problem], output)
        unused = (_plugins().unused(name) for name in dict.fromkeys(name for _, name in self._known))
        outcome.problems = [*unique.problems, *filter(None, unused)]
        return outcome

    def _together(self) -> Iterator[tuple[OutputFile, Problem]]:
        """The problems that checks report for several outputs together."""
        for name in dict.fromkeys(name for _, name in self._jobs):
            with contextlib.suppress(ImportError):  # the check itself was skipped, with a warning
                together = getattr(_load(name), "together", None)
                if together is not None:
                    files = [one for one, check in self._jobs if check == name]
                    outputs = [self._finished(one, name) for one in files]
                    which = {id(output): one for output, one in zip(outputs, files, strict=True)}
                    yield from ((which[id(output)], problem) for output, problem in together(outputs))

    def _finished(self, one: OutputFile, name: str) -> Finished:
        """An output as a check sees it, with what it noted about it."""
        answer = self._known.get((one, name))
        noted = answer.notes if answer is not None else []
        return Finished(one.path, self.tree, one.target, self._homes.get(one.target, Home()), noted)


class _Unique:
    """Problems, each once for its template, with all affected targets."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._found: dict[tuple[int | None, str, str], Problem] = {}
        self._lines_of = lru_cache(1)(lines_of)  # the problems of one output come one after another

    @property
    def problems(self) -> Iterable[Problem]:
        """The problems, in the order in which they were found first."""
        return self._found.values()

    def add(self, problems: Iterable[Problem], output: OutputFile) -> None:
        """Add the problems of an output."""
        for problem in problems:
            key = (output.entry, problem.code, problem.message)
            self._keep(key, self._found.get(key) or self._placed(problem, output), output)

    def add_answer(self, answer: Answer) -> None:
        """Add the answer of a check about an output."""
        if answer.skipped is not None:
            self.add_skipped(answer.skipped, answer.output)
        self.add(answer.problems, answer.output)

    def add_skipped(self, problem: Problem, output: OutputFile) -> None:
        """Add that a check cannot run, which is the same problem for every template."""
        key = (None, problem.code, problem.message)
        self._keep(key, self._found.get(key, problem), output)

    def _keep(self, key: tuple[int | None, str, str], first: Problem, output: OutputFile) -> None:
        self._found[key] = replace(first, targets=tuple(dict.fromkeys((*first.targets, output.target))))

    def _placed(self, problem: Problem, one: OutputFile) -> Problem:
        """The problem at its line of the output."""
        place = replace(problem.place or Place(one.path), file=one.path)
        if place.line is not None:
            lines = self._lines_of(self._texts(one.path))
            place = replace(place, text=lines[place.line - 1] if 0 < place.line <= len(lines) else None)
        return replace(problem, place=place)


def _answer(name: str, one: OutputFile, output: Finished) -> Answer:
    """The answer of a check that runs no program."""
    try:
        problems = tuple(_load(name).check(output))
    except ImportError as error:
        return _skipped(name, one, f"the package {error.name} is not installed", how_to_install(name, str(error.name)))
    return Answer(one, name, problems, notes=_as_json(output.notes) if output.notes else "[]")


def _as_json(notes: list[Any]) -> str | list[Any]:
    try:
        return json.dumps(notes, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError):
        return notes


def _skipped(name: str, one: OutputFile, why: str, hint: str) -> Answer:
    message = f"the check `{name}` was skipped: {why}"
    return Answer(one, name, skipped=Problem("check-skipped", message, Severity.WARNING, hint=hint))


def _ask_program(name: str, one: OutputFile, output: Finished) -> Answer:
    """The answer of a check that runs a program, from the cache if it read the same before."""
    check = _load(name)
    program = check.PROGRAM
    place = programs.find(program)
    if place is None:
        return _skipped(name, one, f"the program {program} is not installed", f"{program} comes with {check.INSTALL}")
    key = memory.key(check, place, one.path, output.digest)
    known = memory.recall(key)
    if known is not None:
        return Answer(one, name, tuple(known))
    try:
        found = list(check.check(output))
    except programs.NoAnswerError as error:
        failed = Problem("check-failed", f"{program} {error}", hint=f"see what it does with `{one.path}`")
        return Answer(one, name, (failed,))
    memory.keep(key, found)
    return Answer(one, name, tuple(found))


def _runs_program(name: str) -> bool:
    try:
        return hasattr(_load(name), "PROGRAM")
    except ImportError:
        return False


@cache
def _plugins() -> Plugins:
    return Plugins("check", GROUP, __name__, __path__, ("memory", "packages", "programs"))


def _load(name: str) -> Any:
    """The module of a check; registers its codes. Raises ImportError if it lacks a dependency."""
    check = _plugins().load(name)
    codes.add_outputs_codes((name, *getattr(check, "CODES", ())))
    return check


codes.add_outputs_codes(_plugins().own)
