"""Checks: what reads a finished output before it is written, or before it is deployed.

A check is a module named like it, here or offered by another package through an entry point of the group `weft.checks`:

    PROGRAM = "nginx"              # the program that it runs; left out where the check is plain Python
    INSTALL = "the package nginx"  # where a person gets it
    CODES = ("nginx-old",)         # the codes of its problems beside its own name; left out where there are none

    def check(output: Finished) -> Iterable[Problem]: ...

One that needs a package which is not installed raises ImportError, with the package as `name`, and is skipped.
A problem has the name of its check as its code, or one of `CODES`; each code has a page in docs/reference/problems.md.
A problem's place counts lines of the output; everything else is added here. What a program said is kept by the content that
it has read, so it is asked again only when that changes.

A module here that is no check is named in `_plugins`.

Begin with `run`, then `memory`, which keeps the answers, and `programs`, which runs programs.

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
from weft.base.plugins import Plugins
from weft.base.problems import Place, Problem, Severity
from weft.base.watching import Watch, unwatched, watched
from weft.checks import memory, programs
from weft.files.lines import lines_of
from weft.stages.render.templates import Rendered

GROUP: Final = "weft.checks"
_AT_ONCE: Final = 4

Locate = Callable[[Rendered, int], Place | None]
"""The line of a template that made a line of an output."""


@dataclass(frozen=True)
class Finished:
    """One output, as a check sees it: its text, and on demand a file beside all other outputs of the run."""

    path: str
    text: str
    _tree: Tree

    @property
    def file(self) -> Path:
        """The output as a file, in a folder that holds the other outputs too; it is removed after the run."""
        return self._tree.folder / self.path


class Tree:
    """The outputs of a run as files, written when the first check asks for one, and what each target's outputs hash to."""

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
        """The folder that stands for the output folder."""
        with self._lock:
            if self._folder is None:
                folder = Path(tempfile.mkdtemp(prefix="weft-"))
                folder.chmod(0o755)  # some programs give up their rights before they read
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
    """What came of the checks of a run: problems, and how often each check was asked, or skipped."""

    problems: list[Problem] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)


def names() -> tuple[str, ...]:
    """The checks that weft.yaml may name."""
    return _plugins().names


def exists(name: str) -> bool:
    """Whether there is a check of this name."""
    return name in _plugins()


def run(finished: Sequence[Rendered], locate: Locate, *, ask_programs: bool, watch: Watch = unwatched) -> Outcome:
    """What the checks say of these outputs; each problem names the output and the line of its template.

    A check whose program or package is missing is skipped, with a warning. What a template does wrong in many targets is
    reported once, at the first of its files. Without `ask_programs`, only the checks that run no program are asked.
    Where the run is interrupted, the programs that it started are ended.
    """
    jobs = [(output, name) for output in finished for name in output.checks]
    wanted = [(output, name) for output, name in jobs if ask_programs or not _runs_program(name)]
    tree, started = Tree(finished), programs.Started()
    pool = ThreadPoolExecutor(_AT_ONCE, initializer=started.own_this_thread)
    try:
        asked = [(output, name, pool.submit(_ask, output, name, tree)) for output, name in wanted]
        answers = [(output, name, future.result()) for output, name, future in watched(asked, "checks", watch)]
    finally:  # after an interruption, nobody waits for the rest
        pool.shutdown(wait=False, cancel_futures=True)
        started.end()
        pool.shutdown()
        tree.remove()
    outcome = _outcome(answers, locate)
    outcome.skipped.update(name for _, name in jobs if not ask_programs and _runs_program(name))
    return outcome


def _outcome(answers: Sequence[tuple[Rendered, str, list[Problem] | Problem]], locate: Locate) -> Outcome:
    """The answers counted, and their problems once for each template, with all the targets that have them."""
    outcome = Outcome()
    unique: dict[tuple[int, str, str], Problem] = {}
    for output, name, answer in answers:
        skipped = isinstance(answer, Problem)
        counter = outcome.skipped if skipped else outcome.asked
        counter[name] += 1
        for problem in [answer] if isinstance(answer, Problem) else answer:
            # a check that cannot be asked is the same news for every template
            key = (0 if skipped else output.entry, problem.code, problem.message)
            first = unique.get(key) or (problem if skipped else _placed(problem, output, locate))
            unique[key] = replace(first, targets=tuple(dict.fromkeys((*first.targets, output.target))))
    unused = (_plugins().unused(name) for name in dict.fromkeys(name for _, name, _ in answers))
    outcome.problems = [*unique.values(), *filter(None, unused)]
    return outcome


def _ask(one: Rendered, name: str, tree: Tree) -> list[Problem] | Problem:
    """What one check says of one output; a single problem when it cannot be asked."""
    try:
        return _answer(_load(name), name, one, tree)
    except ImportError as error:
        message = f"the check `{name}` was skipped: the package {error.name} is not installed"
        return Problem("check-skipped", message, Severity.WARNING, hint=f"pip install 'weft[{name}]'")


def _answer(check: Any, name: str, one: Rendered, tree: Tree) -> list[Problem] | Problem:
    """What a check says of one output, from memory where it has read the same before. Raises ImportError."""
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
    """The problem at its line of the output, with the template's line beside it."""
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
    """The module of a check, whose codes are known from then on. Raises ImportError when it lacks something."""
    check = _plugins().load(name)
    codes.add_outputs_codes((name, *getattr(check, "CODES", ())))
    return check


codes.add_outputs_codes(_plugins().own)
