"""What a command costs: the CPU of all its processes, the time that passes, and the most memory that they have together."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

INTERVAL: Final = 0.02
"""So many seconds pass between two looks at the memory."""


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds of CPU, seconds that passed, and MB of memory at the most (0 where nobody looked)."""

    cpu: float
    wall: float
    memory: float = 0.0


class CommandFailed(Exception):
    """A command that had to succeed did not; the text is what it said."""


COMPILING: Final = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The environment of a command, in which Python keeps what it compiles, as it does for an installed program."""


@dataclass(frozen=True)
class Command:
    """A command with where it runs. `accepted` are the exit codes that count as success; `output` keeps what it prints."""

    words: Sequence[str | Path]
    folder: Path
    variables: Mapping[str, str] | None = None
    accepted: tuple[int, ...] = (0,)
    output: Path | None = None

    def run(self, *, with_memory: bool = False) -> Cost:
        """Run it once. Raises CommandFailed."""
        with tempfile.TemporaryFile() as said, contextlib.ExitStack() as opened:
            out = opened.enter_context(self.output.open("wb")) if self.output else subprocess.DEVNULL
            begun = time.perf_counter()
            process = subprocess.Popen(
                [str(word) for word in self.words],
                cwd=self.folder,
                env={**COMPILING, **(self.variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=said,
            )
            sampler = opened.enter_context(_Sampler(process.pid)) if with_memory else None
            _, status, used = os.wait4(process.pid, 0)  # its own, and that of those it waited for
            wall = time.perf_counter() - begun
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode not in self.accepted:
                said.seek(0)
                words = " ".join(map(str, self.words))
                text = said.read().decode("utf-8", "replace")[-2000:]
                raise CommandFailed(f"{words}: exit code {process.returncode}\n{text}")
        return Cost(used.ru_utime + used.ru_stime, wall, sampler.peak / 1024 if sampler else 0.0)


def nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Trial:
    """A command, and what is done before each of its runs."""

    command: Command
    prepare: Callable[[], None] = nothing


def measured(trial: Trial, *, runs: int = 3, seconds: float = 10) -> Cost:
    """What one command takes. Raises CommandFailed."""
    return in_turn([trial], runs=runs, seconds=seconds)[0]


def in_turn(trials: Sequence[Trial], *, runs: int = 3, seconds: float = 10) -> list[Cost]:
    """What each of some commands takes: the least CPU and the least time of some runs. Raises CommandFailed.

    They run in turn, so that a machine that is slower for a while is so for all of them. The memory is looked at in the last
    round only. There are two rounds instead of three where one takes longer than so many seconds.
    """
    costs: list[list[Cost]] = [[] for _ in trials]
    while True:
        done, slowest = len(costs[0]), max((cost.wall for found in costs for cost in found), default=0.0)
        last = done + 1 >= runs or slowest > seconds
        for trial, found in zip(trials, costs, strict=True):
            trial.prepare()
            found.append(trial.command.run(with_memory=last))
        if last:
            return [
                Cost(min(cost.cpu for cost in found), min(cost.wall for cost in found), found[-1].memory)
                for found in costs
            ]


class _Sampler(threading.Thread):
    """Looks at the memory of a process and of those below it, until it is left."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root, self.peak, self.ended = root, 0, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(INTERVAL):
            self.peak = max(self.peak, sum(map(proportional, below(self.root))))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join()


def below(root: int) -> Iterator[int]:
    """A process and all that it started, as far as they are there."""
    yield root
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{root}/task").iterdir():
            for child in (thread / "children").read_text("ascii").split():
                yield from below(int(child))


def proportional(process: int) -> int:
    """The memory of a process in kB, of what it shares with others its part; 0 if it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
