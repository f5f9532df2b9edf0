"""Checks read a finished output before it is written, or before it is deployed.

A check is a module with its name, in this package or in another one with an entry point of the group `weft.checks`:

    PROGRAM = "nginx"              # the program that it runs; omitted if the check is plain Python
    INSTALL = "the package nginx"  # how to get it
    CODES = ("nginx-old",)         # further codes of its problems besides its own name; optional

    def check(output: Finished) -> Iterable[Problem]: ...

    # what is wrong with several outputs of a run together; runs no program; optional
    def together(outputs: Sequence[Finished]) -> Iterable[tuple[Finished, Problem]]: ...

One that needs a package which is not installed raises ImportError, with the package as `name`, and is skipped.
A problem has the name of its check as its code, or one of `CODES`; each code has a page in docs/reference/problems.md.
The place of a problem counts lines of the output; everything else is added here. The output of a program is cached by the content that
it read, so the program runs again only after a change.

Modules in this package that are not checks are listed in `_plugins`.

Start reading at `run`, then `memory`, which caches the answers, and `programs`, which runs programs.

May import: base, files, report, schema, rules, secrets, stages.
"""

from __future__ import annotations

import contextlib
import hashlib
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
from weft.stages.render.templates import Rendered

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

    A check keeps in `notes` what it needs again when it sees all its outputs together.
    """

    path: str
    text: str
    _tree: Tree
    target: str = ""
    home: Home = Home()
    notes: list[Any] = field(default_factory=list, compare=False)

    @property
    def file(self) -> Path:
        """The output as a file, in a folder with the other outputs; it is removed after the run."""
        return self._tree.folder / self.path

    def beside(self, path: str) -> str | None:
        """The text of another output of the run, named relative to the folder of this one; None if there is none."""
        return self._tree.texts.get(normpath(f"{self.path}/../{path}"))


class Tree:
    """The outputs of a run as files, written when the first check needs one, and the hash of each target's outputs."""

    def __init__(self, rendered: Sequence[Rendered]) -> None:
        self._rendered = rendered
        self._lock = Lock()
        self._folder: Path | None = None

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """The digest of all outputs of each target. A program may read any of them, whichever one it is asked about."""
        hashes: defaultdict[str, Any] = defaultdict(hashlib.sha256)
        for output in self._rendered:
            hashes[output.target].update(repr((output.path, output.text)).encode())
        return {target: digest.hexdigest() for target, digest in hashes.items()}

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The text of each output by its path."""
        return {output.path: output.text for output in self._rendered}

    @property
    def folder(self) -> Path:
        """The temporary folder that represents the output folder."""
        with self._lock:
            if self._folder is None:
                folder = Path(tempfile.mkdtemp(prefix="weft-"))
                folder.chmod(0o755)  # some programs drop their privileges before they read
                for one in self._rendered:
                    file = folder / one.path
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(one.text, "utf-8")
                self._folder = folder
        return self._folder

    def remove(self) -> None:
        """Remove the files again."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


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


def run(
    finished: Sequence[Rendered],
    *,
    ask_programs: bool,
    homes: Mapping[str, Home] | None = None,
    watch: Watch = unwatched,
) -> Outcome:
    """The problems that the checks report for these outputs; each names the output and its line.

    A check whose program or package is missing is skipped, with a warning. A mistake of a template in many targets is reported once, for
    the first of its files. Without `ask_programs`, only checks that run no program are used. `homes` are the homes of the targets, by their names. If the run is interrupted, the programs that
    it started are ended.
    """
    tree, started = Tree(finished), programs.Started()
    jobs = list(_jobs(finished, tree, homes or {}))
    wanted = [job for job in jobs if ask_programs or not _runs_program(job[1])]
    pool = ThreadPoolExecutor(_AT_ONCE, initializer=started.own_this_thread)
    try:
        asked = [(one, name, pool.submit(_ask, one, name, output, tree)) for one, name, output in wanted]
        answers = [(one, name, future.result()) for one, name, future in watched(asked, "checks", watch)]
        answers_together = list(_ask_together(jobs))
    finally:  # after an interruption, the rest is not needed
        pool.shutdown(wait=False, cancel_futures=True)
        started.end()
        pool.shutdown()
        tree.remove()
    outcome = _outcome(answers, answers_together)
    outcome.skipped.update(name for _, name, _ in jobs if not ask_programs and _runs_program(name))
    return outcome


def _jobs(
    finished: Sequence[Rendered], tree: Tree, homes: Mapping[str, Home]
) -> Iterator[tuple[Rendered, str, Finished]]:
    """Each output with each of its checks, and as such a check sees it."""
    for one in finished:
        home = homes.get(one.target, Home())
        for name in one.checks:
            yield one, name, Finished(one.path, one.text, tree, one.target, home)


def _outcome(
    answers: Sequence[tuple[Rendered, str, list[Problem] | Problem]], together: Sequence[tuple[Rendered, Problem]]
) -> Outcome:
    """The number of answers, and their problems once for each template, with all affected targets."""
    outcome, unique = Outcome(), _Unique()
    for output, name, answer in answers:
        if isinstance(answer, Problem):
            outcome.skipped[name] += 1
            unique.add_skipped(answer, output)
        else:
            outcome.asked[name] += 1
            unique.add(answer, output)
    for output, problem in together:
        unique.add([problem], output)
    unused = (_plugins().unused(name) for name in dict.fromkeys(name for _, name, _ in answers))
    outcome.problems = [*unique.problems, *filter(None, unused)]
    return outcome


class _Unique:
    """Problems, each once for its template, with all affected targets."""

    def __init__(self) -> None:
        self._found: dict[tuple[int | None, str, str], Problem] = {}
        self._lines_of = lru_cache(1)(lines_of)  # the problems of one output come one after another

    @property
    def problems(self) -> Iterable[Problem]:
        """The problems, in the order in which they were found first."""
        return self._found.values()

    def add(self, problems: Iterable[Problem], output: Rendered) -> None:
        """Add the problems of an output."""
        for problem in problems:
            key = (output.entry, problem.code, problem.message)
            self._keep(key, self._found.get(key) or self._placed(problem, output), output)

    def add_skipped(self, problem: Problem, output: Rendered) -> None:
        """Add that a check cannot run, which is the same problem for every template."""
        key = (None, problem.code, problem.message)
        self._keep(key, self._found.get(key, problem), output)

    def _placed(self, problem: Problem, one: Rendered) -> Problem:
        """The problem at its line of the output."""
        place = replace(problem.place or Place(one.path), file=one.path)
        if place.line is not None:
            lines = self._lines_of(one.text)
            place = replace(place, text=lines[place.line - 1] if 0 < place.line <= len(lines) else None)
        return replace(problem, place=place)

    def _keep(self, key: tuple[int | None, str, str], first: Problem, output: Rendered) -> None:
        self._found[key] = replace(first, targets=tuple(dict.fromkeys((*first.targets, output.target))))


def _ask_together(jobs: Sequence[tuple[Rendered, str, Finished]]) -> Iterator[tuple[Rendered, Problem]]:
    """The problems that checks report for several outputs together."""
    outputs: defaultdict[str, list[Finished]] = defaultdict(list)
    for _, name, output in jobs:
        outputs[name].append(output)
    rendered = {id(output): one for one, _, output in jobs}
    for name, several in outputs.items():
        with contextlib.suppress(ImportError):  # the check itself was skipped, with a warning
            for output, problem in getattr(_load(name), "together", _nothing)(several):
                yield rendered[id(output)], problem


def _nothing(_outputs: Sequence[Finished]) -> Iterable[tuple[Finished, Problem]]:
    return ()


def _ask(one: Rendered, name: str, output: Finished, tree: Tree) -> list[Problem] | Problem:
    """The problems that one check reports for one output; a single problem if it cannot run."""
    try:
        return _answer(_load(name), name, one, output, tree)
    except ImportError as error:
        message = f"the check `{name}` was skipped: the package {error.name} is not installed"
        return Problem("check-skipped", message, Severity.WARNING, hint=how_to_install(name, str(error.name)))


def _answer(check: Any, name: str, one: Rendered, output: Finished, tree: Tree) -> list[Problem] | Problem:
    """The problems that a check reports for one output, from the cache if it read the same before. Raises ImportError."""
    program = getattr(check, "PROGRAM", None)
    if program is None:
        return list(check.check(output))
    place = programs.find(program)
    if place is None:
        message = f"the check `{name}` was skipped: the program {program} is not installed"
        return Problem("check-skipped", message, Severity.WARNING, hint=f"{program} comes with {check.INSTALL}")
    key = memory.key(check, place, one.path, tree.digests[one.target])
    known = memory.recall(key)
    if known is not None:
        return known
    try:
        found = list(check.check(output))
    except programs.NoAnswerError as error:
        return [Problem("check-failed", f"{program} {error}", hint=f"see what it does with `{one.path}`")]
    memory.keep(key, found)
    return found


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
