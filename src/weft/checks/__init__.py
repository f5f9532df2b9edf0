"""Checks read a finished output before it is written, or before it is deployed.

A check is a module with its name, in this package or in another one with an entry point of the group `weft.checks`:

    PROGRAM = "nginx"              # the program that it runs; omitted if the check is plain Python
    INSTALL = "the package nginx"  # how to get it
    CODES = ("nginx-old",)         # further codes of its problems besides its own name; optional

    def check(output: Finished) -> Iterable[Problem]: ...

One that needs a package which is not installed raises ImportError, with the package as `name`, and is skipped.
A problem has the name of its check as its code, or one of `CODES`; each code has a page in docs/reference/problems.md.
The place of a problem counts lines of the output; everything else is added here. The output of a program is cached by the content that
it read, so the program runs again only after a change.

Modules in this package that are not checks are listed in `_plugins`.

Start reading at `run`, then `memory`, which caches the answers, and `programs`, which runs programs.

May import: base, files, report, schema, rules, secrets, stages.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
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

Locate = Callable[[Rendered, int], Place | None]
"""The line of a template that produced a line of an output."""


@dataclass(frozen=True)
class Finished:
    """One output for a check: its text and, on demand, a file next to all other outputs of the run."""

    path: str
    text: str
    _tree: Tree

    @property
    def file(self) -> Path:
        """The output as a file, in a folder with the other outputs; it is removed after the run."""
        return self._tree.folder / self.path


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


def run(finished: Sequence[Rendered], locate: Locate, *, ask_programs: bool, watch: Watch = unwatched) -> Outcome:
    """The problems that the checks report for these outputs; each names the output and the line of its template.

    A check whose program or package is missing is skipped, with a warning. A mistake of a template in many targets is reported once, for
    the first of its files. Without `ask_programs`, only checks that run no program are used. If the run is interrupted, the programs that
    it started are ended.
    """
    jobs = [(output, name) for output in finished for name in output.checks]
    wanted = [(output, name) for output, name in jobs if ask_programs or not _runs_program(name)]
    tree, started = Tree(finished), programs.Started()
    pool = ThreadPoolExecutor(_AT_ONCE, initializer=started.own_this_thread)
    try:
        asked = [(output, name, pool.submit(_ask, output, name, tree)) for output, name in wanted]
        answers = [(output, name, future.result()) for output, name, future in watched(asked, "checks", watch)]
    finally:  # after an interruption, the rest is not needed
        pool.shutdown(wait=False, cancel_futures=True)
        started.end()
        pool.shutdown()
        tree.remove()
    outcome = _outcome(answers, locate)
    outcome.skipped.update(name for _, name in jobs if not ask_programs and _runs_program(name))
    return outcome


def _outcome(answers: Sequence[tuple[Rendered, str, list[Problem] | Problem]], locate: Locate) -> Outcome:
    """The number of answers, and their problems once for each template, with all affected targets."""
    outcome = Outcome()
    unique: dict[tuple[int, str, str], Problem] = {}
    for output, name, answer in answers:
        skipped = isinstance(answer, Problem)
        counter = outcome.skipped if skipped else outcome.asked
        counter[name] += 1
        for problem in [answer] if isinstance(answer, Problem) else answer:
            # a check that cannot run is the same problem for every template
            key = (0 if skipped else output.entry, problem.code, problem.message)
            first = unique.get(key) or (problem if skipped else _placed(problem, output, locate))
            unique[key] = replace(first, targets=tuple(dict.fromkeys((*first.targets, output.target))))
    unused = (_plugins().unused(name) for name in dict.fromkeys(name for _, name, _ in answers))
    outcome.problems = [*unique.values(), *filter(None, unused)]
    return outcome


def _ask(one: Rendered, name: str, tree: Tree) -> list[Problem] | Problem:
    """The problems that one check reports for one output; a single problem if it cannot run."""
    try:
        return _answer(_load(name), name, one, tree)
    except ImportError as error:
        message = f"the check `{name}` was skipped: the package {error.name} is not installed"
        return Problem("check-skipped", message, Severity.WARNING, hint=how_to_install(name, str(error.name)))


def _answer(check: Any, name: str, one: Rendered, tree: Tree) -> list[Problem] | Problem:
    """The problems that a check reports for one output, from the cache if it read the same before. Raises ImportError."""
    output = Finished(one.path, one.text, tree)
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


def _placed(problem: Problem, one: Rendered, locate: Locate) -> Problem:
    """The problem at its line of the output, with the template's line next to it."""
    place = replace(problem.place or Place(one.path), file=one.path)
    if place.line is not None:
        lines = lines_of(one.text)
        place = replace(place, text=lines[place.line - 1] if 0 < place.line <= len(lines) else None)
    origin = locate(one, place.line or 1)
    hint = problem.hint or (None if origin else f"it comes from the template {one.template}")
    return replace(problem, place=place, hint=hint, related=(*problem.related, *([origin] if origin else [])))


def _runs_program(name: str) -> bool:
    try:
        return hasattr(_load(name), "PROGRAM")
    except ImportError:
        return False


@cache
def _plugins() -> Plugins:
    return Plugins("check", GROUP, __name__, __path__, ("memory", "programs"))


def _load(name: str) -> Any:
    """The module of a check; registers its codes. Raises ImportError if it lacks a dependency."""
    check = _plugins().load(name)
    codes.add_outputs_codes((name, *getattr(check, "CODES", ())))
    return check


codes.add_outputs_codes(_plugins().own)
