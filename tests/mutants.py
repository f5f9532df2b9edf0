"""Mutants: lines of the engine changed on purpose, one at a time, to see whether a test notices (`make mutants`).

Lines are drawn evenly over the SUBJECTS, by a seed that draws the same again. A change is made in the syntax tree and written into
a copy of the checkout, in which the tests run. All of them run once before, and what each runs is recorded: so a mutant meets the
tests that run its line first, and only one that they do not notice meets the rest of their modules. Why it is not one of the programs
for this, and what is drawn: docs/decisions/0011-mutants.md.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

ROOT = Path(__file__).parents[1]
SOURCE = "src/weft"
SUBJECTS: dict[str, tuple[str, ...]] = {
    "merge": ("stages/merge.py", "stages/layer_settings.py"),
    "taint": ("secrets/taint.py", "secrets/references.py"),
    "write": ("stages/write/*.py", "files/atomic.py", "files/reading.py"),
    "provenance": ("project/provenance.py",),
    "rules": ("rules/*.py",),
    "targets": ("project/targets.py", "project/dimensions.py", "project/limits.py", "project/resolution.py"),
    "placing": ("project/placing.py", "files/locator.py"),
}
"""What lines are drawn from: files below `src/weft`. A pattern that matches nothing is an error, as its subject would be left out."""
UNRELATED = ("tests/repository/", "tests/cases/")
"""Tests of the checkout, and not of the engine, of which ALSO runs; and what projects of cases name as their tests."""
ALSO = "tests/repository/test_values.py"
FIRST, SECOND = 40, 400
"""How many tests a mutant meets first, and before it meets whole modules: few take a second or two to be collected, all take ten."""
CACHE_SIZES = {"_REMEMBERED"}
"""Constants that say how much is kept, and never what."""
ENOUGH = 0.95
ENDLESS = 5
"""How many times as long as the longest test a test takes that will not end any more, and all tests as long as all did."""
AT_LEAST = 60
"""Seconds that every test has."""
MEMORY = 8 << 30
"""Bytes of addresses that a process of a mutant may take."""


# --- changes of a syntax tree ---

_SWAPPED: dict[type[ast.AST], type[Any]] = {
    ast.Eq: ast.NotEq, ast.Lt: ast.LtE, ast.Gt: ast.GtE, ast.In: ast.NotIn, ast.Is: ast.IsNot, ast.And: ast.Or, ast.Add: ast.Sub
}  # fmt: skip
_SWAPPED |= {other: one for one, other in _SWAPPED.items()}


def _compare(node: ast.Compare) -> Iterator[ast.AST]:
    for index, operator in enumerate(node.ops):
        swapped = _SWAPPED[type(operator)]()
        yield ast.Compare(node.left, [*node.ops[:index], swapped, *node.ops[index + 1 :]], node.comparators)


def _bool_op(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield ast.BoolOp(_SWAPPED[type(node.op)](), node.values)


def _bin_op(node: ast.BinOp) -> Iterator[ast.AST]:
    if type(node.op) in _SWAPPED:
        yield ast.BinOp(node.left, _SWAPPED[type(node.op)](), node.right)


def _unary_op(node: ast.UnaryOp) -> Iterator[ast.AST]:
    if isinstance(node.op, ast.Not):
        yield node.operand


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield ast.Constant(node.value + 1)


def _comprehension(node: ast.comprehension) -> Iterator[ast.AST]:
    for index in range(len(node.ifs)):
        yield ast.comprehension(node.target, node.iter, node.ifs[:index] + node.ifs[index + 1 :], node.is_async)


def _return(node: ast.Return) -> Iterator[ast.AST]:
    # None for False is the same in a condition; that it becomes True is drawn
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value in (None, False)):
        yield ast.Return(ast.Constant(None))


def _expression(node: ast.Expr) -> Iterator[ast.AST]:
    if isinstance(node.value, ast.Call | ast.Yield | ast.YieldFrom):
        yield ast.Pass()


def _left_out(_: ast.AST) -> Iterator[ast.AST]:
    yield ast.Pass()


CHANGES: dict[type[ast.AST], Callable[..., Iterator[ast.AST]]] = {
    ast.Compare: _compare, ast.BoolOp: _bool_op, ast.BinOp: _bin_op, ast.UnaryOp: _unary_op, ast.Constant: _constant,
    ast.comprehension: _comprehension, ast.Return: _return, ast.Expr: _expression, ast.Raise: _left_out,
    ast.Continue: _left_out, ast.AugAssign: _left_out,
}  # fmt: skip
"""What may take the place of a node, by the type of the node."""


def _conditions(parent: ast.AST, field: str, node: Any) -> Iterator[ast.AST]:
    """A condition turned round, where no other change does that."""
    is_condition = field == "ifs" or (field == "test" and not isinstance(parent, ast.Assert))
    turned_already = isinstance(node, ast.UnaryOp) or (isinstance(node, ast.Compare) and len(node.ops) == 1)
    if is_condition and not turned_already:
        yield ast.UnaryOp(ast.Not(), node)


def _unseen(parent: ast.AST, field: str) -> bool:
    """Whether no test could notice a change there."""
    if field in ("annotation", "returns"):  # they are never evaluated
        return True
    if isinstance(parent, ast.AnnAssign) and _text(parent.target) in CACHE_SIZES:  # one more is as good
        return True
    return isinstance(parent, ast.keyword) and parent.arg in ("slots", "maxsize")  # memory and speed


@dataclass(frozen=True)
class Change:
    """One change that is possible: `apply` makes it in the tree that it was found in."""

    line: int
    what: str
    apply: Callable[[], None]


def changes(parent: ast.AST, line: int = 0) -> Iterator[Change]:
    """Every change that is possible in a tree, always in the same order."""
    for field, value in ast.iter_fields(parent):
        for index, node in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(node, ast.AST) or _unseen(parent, field):
                continue
            here = getattr(node, "lineno", None) or _first_line(node, line)
            change = CHANGES.get(type(node))
            for new in (*(change(node) if change else ()), *_conditions(parent, field, node)):
                what = f"`{_text(node)}` becomes `{_text(new)}`"
                yield Change(here, what, _replacement(parent, field, index if isinstance(value, list) else None, new))
            if not (isinstance(node, ast.If) and _text(node.test) == "TYPE_CHECKING"):  # it is never run
                yield from changes(node, here)


def _first_line(node: ast.AST, otherwise: int) -> int:
    return node.target.lineno if isinstance(node, ast.comprehension) else otherwise


def _text(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def _replacement(parent: ast.AST, field: str, index: int | None, new: ast.AST) -> Callable[[], None]:
    def apply() -> None:
        if index is None:
            setattr(parent, field, new)
        else:
            getattr(parent, field)[index] = new

    return apply


# --- what is drawn ---


@dataclass(frozen=True)
class Mutant:
    """A change of a file: number `index` of all that are possible in it."""

    file: str
    line: int
    index: int
    what: str

    def line_in(self, root: Path) -> int:
        """The position of the change in a file that is written as its syntax tree."""
        return list(changes(ast.parse((root / self.file).read_text("utf-8"))))[self.index].line

    def text(self, root: Path) -> str:
        """The changed source; `root` may hold the file as it is, or as its syntax tree is written."""
        tree = ast.parse((root / self.file).read_text("utf-8"))
        list(changes(tree))[self.index].apply()
        return ast.unparse(ast.fix_missing_locations(copy.deepcopy(tree)))


def subject_files(root: Path, patterns: Sequence[str]) -> list[str]:
    """The files of a subject, in order."""
    files = []
    for pattern in patterns:
        matching = sorted((root / SOURCE).glob(pattern))
        if not matching:
            raise SystemExit(f"error: {SOURCE}/{pattern} matches no file: correct SUBJECTS in tests/mutants.py")
        files += [path.relative_to(root).as_posix() for path in matching]
    return files


def lines(root: Path, files: Sequence[str]) -> list[list[Mutant]]:
    """The lines that can be changed, each with all its mutants."""
    found: dict[tuple[str, int], list[Mutant]] = {}
    for file in files:
        for index, change in enumerate(changes(ast.parse((root / file).read_text("utf-8")))):
            mutant = Mutant(file, change.line, index, change.what)
            found.setdefault((file, change.line), []).append(mutant)
    return list(found.values())


def drawn(root: Path, seed: str, count: int) -> list[Mutant]:
    """So many mutants, a line of each subject in turn; no line again before all its subject's lines had their turn."""
    chance = random.Random(seed)
    all_lines = [lines(root, subject_files(root, patterns)) for patterns in SUBJECTS.values()]
    left: list[list[list[Mutant]]] = [[] for _ in all_lines]
    mutants = []
    for turn in range(count):
        subject = turn % len(all_lines)
        if not left[subject]:
            left[subject] = chance.sample(all_lines[subject], len(all_lines[subject]))
        mutants.append(chance.choice(left[subject].pop()))
    return mutants


# --- running the tests ---


def everything(root: Path) -> list[str]:
    """All tests of the engine."""
    modules = {path.relative_to(root).as_posix() for path in root.glob("tests/**/test_*.py")}
    return sorted(name for name in modules if not name.startswith(UNRELATED)) + [ALSO] * (root / ALSO).is_file()


@dataclass(frozen=True)
class Recording:
    """Which tests run which lines: `tests` by file and line. Lines are those of the copy, in which a statement is a line."""

    root: Path
    tests: Mapping[str, Mapping[int, Sequence[str]]]
    seconds: Mapping[str, float]

    @classmethod
    def read(cls, root: Path, folder: Path) -> Recording:
        """What the plugin `recording` wrote into a folder."""
        tests: dict[str, dict[int, list[str]]] = {}
        seconds: dict[str, float] = {}
        for path in sorted(folder.glob("*.json")):
            recorded = json.loads(path.read_text("utf-8"))
            seconds |= recorded["seconds"]
            for file, lines in recorded["tests"].items():
                by_line = tests.setdefault(Path(file).relative_to(root).as_posix(), {})
                for line, names in lines.items():
                    by_line.setdefault(int(line), []).extend(names)
        return cls(root, tests, seconds)

    def groups(self, file: str, line: int) -> Iterator[list[str]]:
        """The tests that a mutant meets, in groups that run apart, as to collect all takes longer than to run a few.

        First those that run its line, or where the import alone does, those that run anything in its file; then the whole modules of
        these, and those of its package: what one test left in a cache another finds there without running the line.
        """
        by_line = self.tests.get(file, {})
        running = by_line.get(line) or {ALSO, *(test for tests in by_line.values() for test in tests)}
        ordered = self._likeliest_first(file, running)
        yield ordered[:FIRST]
        yield ordered[FIRST:SECOND]
        package = Path(file).parent.name
        modules = {test.partition("::")[0] for test in ordered}
        yield [name for name in everything(self.root) if name in modules or package in Path(name).parts]

    def _likeliest_first(self, file: str, tests: Iterable[str]) -> list[str]:
        """Tests named for the file, then those of its package, then others; of each module in turn the quickest that is left."""
        path = Path(file)
        counted: Counter[str] = Counter()
        ranks = {}
        for test in sorted(tests, key=lambda test: (self.seconds.get(test, 0), test)):
            module = test.partition("::")[0]
            own = module == ALSO or module.endswith(f"/test_{path.stem}.py")
            counted[module] += 1
            ranks[test] = (not own, path.parent.name not in Path(module).parts, counted[module])
        return sorted(ranks, key=lambda test: ranks[test])


@dataclass(frozen=True)
class Checkout:
    """A copy of the checkout, in which a mutant's tests run."""

    root: Path

    @property
    def scratch(self) -> Path:
        """A folder next to the copy for the files that its tests write."""
        scratch = self.root.with_name(f"{self.root.name}-tmp")
        scratch.mkdir(exist_ok=True)
        scratch.chmod(0o1777)  # as the system's own: some tests become another user
        return scratch

    @property
    def environment(self) -> dict[str, str]:
        """The copy's package is the one that is imported, and the files that the tests write stay next to the copy."""
        return os.environ | {"PYTHONPATH": str(self.root / "src"), "TMPDIR": str(self.scratch)}

    def run(
        self, *arguments: str, seconds: float | None = None, caching: bool = False, **variables: str
    ) -> tuple[int, str]:
        """Run Python in the copy: the exit code and what it wrote. One that does not end is killed, with all that it started."""
        # a file of byte code that a mutant left would be taken for that of the source, if both were written in one second
        environment = self.environment | variables | ({} if caching else {"PYTHONDONTWRITEBYTECODE": "1"})
        limited = ["sh", "-c", 'ulimit -v "$0" 2>/dev/null; exec "$@"', str(MEMORY >> 10), sys.executable, *arguments]
        process = subprocess.Popen(
            limited, cwd=self.root, env=environment, start_new_session=True, encoding="utf-8",
            errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            kill_with_children(process)
            output = f"{process.communicate()[0]}\nFAILED (timeout)"
        finally:
            kill_with_children(process)
        return process.wait(), output

    def test(self, tests: Sequence[str], *options: str, **more: Any) -> tuple[int, str]:
        """Run tests, up to the first that fails. Their names may be many, so they are in a file."""
        names = self.scratch / "tests"
        names.write_text("".join(f"{name}\n" for name in tests), "utf-8")
        return self.run("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *options, f"@{names}", **more)

    def test_within(self, recording: Recording, tests: Sequence[str]) -> tuple[int, str]:
        """Run tests in one process, and end one that does not end."""
        one = max(AT_LEAST, ENDLESS * max(recording.seconds.values(), default=0))
        every = max(one, ENDLESS * sum(recording.seconds.values()))
        endless = ["-o", f"faulthandler_timeout={one:.0f}", "-o", "faulthandler_exit_on_timeout=true"]
        return self.test(tests, "-n", "0", *endless, seconds=every)

    def record(self, files: Sequence[str], jobs: int) -> Recording:
        """Run all tests, which must pass, and record which run the lines of these files."""
        folder = self.scratch / "recorded"
        folder.mkdir()
        variables = {
            "PYTHONPATH": os.pathsep.join((str(self.root / "src"), str(ROOT / "tests/support"))),
            "RECORDED_FILES": "\n".join(str(self.root / file) for file in files),
            "RECORDED_INTO": str(folder),
        }
        tests = everything(self.root)
        workers = str(jobs if jobs > 1 else 0)
        code, output = self.test(tests, "-p", "recording", "-n", workers, caching=True, **variables)
        if code:
            raise SystemExit(f"{output}\nerror: tests fail before anything is mutated")
        return Recording.read(self.root, folder)

    def repaired(self, good: Path) -> None:
        """Write what the tests of a mutant damaged as it was."""
        for path in (path for path in good.rglob("*") if path.is_file()):
            mine = self.root / path.relative_to(good)
            if not mine.is_file() or mine.read_bytes() != path.read_bytes():
                mine.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, mine)


def kill_with_children(process: subprocess.Popen[str]) -> None:
    """End a process and what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all have ended
        os.killpg(process.pid, signal.SIGKILL)


def first_copy(root: Path, target: Path, files: Sequence[str], jobs: int) -> Recording:
    """A copy of the checkout in which every test passes, so that a test that fails later has noticed the mutant.

    The files that are mutated are written from their syntax trees, as mutants are: what that alone changes shows here.
    """
    listed = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")[:-1]:
        if (root / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)
    for file in files:
        (target / file).write_text(ast.unparse(ast.parse((root / file).read_text("utf-8"))), "utf-8")
    checkout = Checkout(target)
    _, place = checkout.run("-c", "import weft; print(weft.__file__)", caching=True)
    if Path(place.strip()) != (target / SOURCE / "__init__.py"):
        raise SystemExit(f"error: the tests of a mutant would import {place.strip()} instead of the copy in {target}")
    return checkout.record(files, jobs)


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant; `by` is the test that noticed it."""

    mutant: Mutant
    by: str | None
    seconds: float

    def __str__(self) -> str:
        word = "noticed " if self.by else "SURVIVED"
        mutant = self.mutant
        return f"{word} {self.seconds:5.1f} s  {mutant.file}:{mutant.line}: {mutant.what}" + f"  ({self.by})" * bool(
            self.by
        )


def outcome(mutant: Mutant, good: Path, recording: Recording, checkout: Checkout) -> Outcome:
    """Run the tests of a mutant in a copy, which is as before in the end."""
    started = time.monotonic()
    (checkout.root / mutant.file).write_text(mutant.text(good), "utf-8")
    groups = filter(None, recording.groups(mutant.file, mutant.line_in(good)))
    by = next(filter(None, (noticed_by(checkout, recording, group) for group in groups)), None)
    checkout.repaired(good)
    return Outcome(mutant, by, time.monotonic() - started)


_FAILED = re.compile(r"^(?:FAILED|ERROR|ImportError while loading) (?:tests/)?(.*?)(?: - .*)?$", re.MULTILINE)
_NO_SUCH_TEST = (4, 5)


def noticed_by(checkout: Checkout, recording: Recording, tests: Sequence[str]) -> str | None:
    """The first of these tests that fails; None where all pass, or where a mutant took their names away."""
    code, output = checkout.test_within(recording, tests)
    failed = _FAILED.search(output)
    if failed:
        return failed[1]
    return None if code in (0, *_NO_SUCH_TEST) else "a crash, or a test without end"


def run(root: Path, seeds: Sequence[str], count: int, jobs: int) -> float:
    """Draw mutants by each seed, run their tests and print the outcomes; the smallest share that was noticed.

    All tests are recorded once, which takes as long as a hundred mutants.
    """
    mutants = {seed: drawn(root, seed, count) for seed in seeds}
    files = [file for patterns in SUBJECTS.values() for file in subject_files(root, patterns)]
    shares = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="weft-mutants-", ignore_cleanup_errors=True) as folder:
        place = Path(folder).resolve()
        place.chmod(0o755)  # which that user has to reach
        good = place / "good"
        recording = first_copy(root, good, files, jobs)
        print(f"all tests recorded, {time.monotonic() - started:.0f} s", flush=True)
        free: SimpleQueue[Checkout] = SimpleQueue()
        for index in range(jobs):
            free.put(Checkout(Path(shutil.copytree(good, place / f"copy{index}"))))

        def judge(mutant: Mutant) -> bool:
            checkout = free.get()
            try:
                found = outcome(mutant, good, recording, checkout)
            finally:
                free.put(checkout)
            print(found, flush=True)
            return found.by is not None

        with ThreadPoolExecutor(jobs) as pool:
            for seed in seeds:
                noticed = sum(pool.map(judge, mutants[seed]))
                minutes = (time.monotonic() - started) / 60
                print(f"SEED={seed} COUNT={count}: {noticed} of {count} noticed, {minutes:.0f} minutes", flush=True)
                shares.append(noticed / count)
    return min(shares)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 when fewer than 95 % are noticed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--seed", required=True, help="any text, such as the hash of a commit; several separated by blanks"
    )
    parser.add_argument("--count", type=int, default=100, help="how many mutants are drawn by each seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    return int(run(ROOT, options.seed.split(), options.count, options.jobs) < ENOUGH)


if __name__ == "__main__":
    sys.exit(main())
