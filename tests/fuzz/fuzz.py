"""The fuzzer of `make fuzz`: draws inputs, tries them in children of this process, and writes every find into a folder.

A child may use 10 s of CPU for a command and 1 GB; what ends it is a find too. It keeps the inputs that reach something new
(`guide.py`), and sends them here, so that the next child begins with them. Two finds are the same if they come about in the same place;
the shortest is kept, and made shorter at the end. What is checked and why the fuzzer is our own: docs/decisions/0014-fuzzing.md.
"""

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import guide  # noqa: E402 - next to this file

if __name__ == "__main__":
    guide.install()

from children import Child, limit_memory  # noqa: E402
from judge import CANARY, Finding, Judge, planted  # noqa: E402
from kinds import KINDS  # noqa: E402
from mutations import Mutations  # noqa: E402
from shrink import shrunk  # noqa: E402

LIFE = 1500
"""How many inputs a child judges: what the engine keeps of each must not add up to the limit."""
PLANTED = 0.2
"""How many overlays get a secret that must not be shown."""


@dataclass
class State:
    """The state of one kind: inputs that reached something new, all that was reached, the number of inputs tried, and the finds."""

    kind: object
    into: Path
    pool: list[bytes] = field(default_factory=list)
    reached: set[int] = field(default_factory=set)
    judged: int = 0
    accepted: int = 0
    slowest: float = 0.0
    finds: dict[tuple[str, str], tuple[Finding, bytes]] = field(default_factory=dict)

    def __str__(self):
        return (
            f"{self.kind.name}: {self.judged:,} inputs, {self.accepted:,} accepted, {len(self.pool):,} kept, {len(self.reached):,} reached,"
            f" slowest {self.slowest:.1f} s, {len(self.finds)} finds"
        )

    def note(self, finding, text):
        """Keep a find, or the shorter input of one that is known."""
        key = finding.what, finding.where
        if key not in self.finds:
            print(f"  {self.kind.name}: {finding.what} in {finding.where}, {len(text)} bytes", flush=True)
        if key not in self.finds or len(text) < len(self.finds[key][1]):
            self.finds[key] = finding, text
            write(self, finding, text)  # at once, as a run may be stopped

    def folder(self, finding):
        """Where a find is written."""
        name = re.sub("[^a-zA-Z0-9.]+", "-", f"{self.kind.name}-{finding.what}-{finding.where}")
        return self.into / name[:90]


# --- a child ---


def _child(pipe, state, seed, number, ends, folder):
    judge = Judge(state.kind, folder / "project")
    limit_memory()
    reached, before = set(state.reached), judge.accepted
    for text, is_seed in _inputs(state, random.Random(seed), number):
        if time.monotonic() > ends and not is_seed:
            break
        guide.reset()
        finding = judge(text)
        new = guide.reached() - reached
        reached |= new
        if finding:
            pipe.send(("find", finding, text))
        elif (new or is_seed) and CANARY.encode() not in text:  # it could be moved to a place where it is not a secret
            pipe.send(("new", text, new))
            state.pool.append(text)
        pipe.send(("judged", judge.accepted - before, judge.slowest))
        before = judge.accepted
    pipe.send(("end",))


def _inputs(state, chance, number):
    """The inputs of a child: the corpus first, by the first child of a kind, and then mutations of what is kept."""
    seeds = [] if state.pool else state.kind.corpus
    yield from ((text, True) for text in seeds)
    mutations = Mutations(state.kind.name, state.pool, chance)
    for _ in range(number - len(seeds)):
        text = mutations.draw()
        secret = state.kind.name in ("overlay", "json") and chance.random() < PLANTED
        yield planted(text) if secret else text, False


# --- the parent ---


@dataclass
class Running:
    """A child, its kind and its folder, which contains the input that it tries."""

    state: State
    child: Child
    folder: Path

    def take(self):
        """Note what the child says; whether it goes on."""
        try:
            word, *said = self.child.pipe.recv()
        except EOFError:
            word = "died"
        state = self.state
        if word == "find":
            state.note(*said)
        elif word == "new":
            state.pool.append(said[0])
            state.reached |= said[1]
        elif word == "judged":
            state.judged += 1
            state.accepted += said[0]
            state.slowest = max(state.slowest, said[1])
        else:
            if word == "died":
                state.judged += 1
                state.note(self.child.death(), (self.folder / "project" / state.kind.file).read_bytes())
            self.child.end()
            shutil.rmtree(self.folder)
            return False
        return True


def fuzz(states, arguments, scratch):
    """Try inputs of all kinds, several at a time, until the time is over or the count is reached."""
    ends = time.monotonic() + arguments.minutes * 60
    waiting, running, turn = list(states), {}, 0
    while True:
        while waiting and len(running) < arguments.jobs:
            state = waiting.pop(0)
            number = min(LIFE if state.pool else len(state.kind.corpus) + LIFE, arguments.count - state.judged)
            if number > 0 and time.monotonic() < ends:
                turn += 1
                folder = scratch / str(turn)
                folder.mkdir()
                seed = f"{arguments.seed} {state.kind.name} {turn}"
                child = Child(_child, state, seed, number, ends, folder, stack=folder / "stack")
                running[child.pipe] = Running(state, child, folder)
        if not running:
            return
        for pipe in wait(list(running)):
            if not running[pipe].take():
                state = running.pop(pipe).state
                waiting.append(state)
                print(f"{state}, {max(0, ends - time.monotonic()) / 60:.1f} minutes left", flush=True)


def write(state, finding, text):
    """Write a find: the project with the input, and how to see it."""
    folder = state.folder(finding)
    shutil.rmtree(folder, ignore_errors=True)
    state.kind.project(folder / "project")
    (folder / "project" / state.kind.file).write_bytes(text)
    (folder / "README").write_text(
        f"{finding.what}: {finding.where}\n\n{state.kind.file} is the input. See it with\n\n"
        f"    WEFT_TRACEBACK=1 weft -C {folder / 'project'} validate\n\n{finding.detail}\n",
        "utf-8",
    )


def shorten(state):
    """Write the finds again, each as short as it can be in a minute."""
    for finding, found in state.finds.values():
        text = shrunk(state.kind, finding, found, state.folder(finding))
        write(state, finding, text)
        print(f"{state.folder(finding)}: {finding.what} in {finding.where}, {len(text)} bytes", flush=True)


def main():
    """Fuzz, write the finds, and fail if there are any."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--count", type=int, default=sys.maxsize, help="inputs of each kind, at most")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="children at a time")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--into", type=Path, default=ROOT / "build-fuzz", help="where the finds are written")
    arguments = parser.parse_args()
    states = [State(KINDS[name], arguments.into) for name in arguments.kinds]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(
        prefix="weft-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None
    ) as scratch:
        os.environ["XDG_CACHE_HOME"] = f"{scratch}/cache"
        fuzz(states, arguments, Path(scratch))
    for state in states:
        print(state)
        shorten(state)
    judged = sum(state.judged for state in states)
    finds = sum(len(state.finds) for state in states)
    print(
        f"{judged:,} inputs, {judged / (time.monotonic() - begun):.0f} a second, {finds} finds, seed {arguments.seed}"
    )
    sys.exit(1 if finds else 0)


if __name__ == "__main__":
    main()
