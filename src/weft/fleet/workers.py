"""Workers: processes that make results, a chunk of targets at a time.

A worker gets a `Work`, which says what to open, and the targets of a chunk; it gives the results and what it read. Any executor of
`concurrent.futures` can run that. The local pool forks where the system can: its workers have the project that this process has opened, and
share its memory. Elsewhere, each worker opens the project once.
"""

from __future__ import annotations

import contextlib
import gc
import math
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final, Protocol

from weft.base import timing
from weft.base.problems import CannotRun, Problem
from weft.files.reading import ProjectFiles
from weft.files.store import Store
from weft.files.trace import Listed, Seen
from weft.fleet.making import Made, Maker
from weft.fleet.options import Options
from weft.project.project import open_project
from weft.project.targets import Identity

CHUNK: Final = 32
"""The targets of a chunk: enough that handing them over costs little, few enough that nobody waits for the last one."""
AHEAD: Final = 2
"""The chunks that are handed out for each worker, so that none waits and few results are in memory."""
_GROUPS: Final = Path("/sys/fs/cgroup/cpu.max")


class Crew(Protocol):
    """Those who make the results of many targets together."""

    @property
    def few(self) -> int:
        """The number of targets up to which it is not worth asking them."""

    def made(self, identities: Sequence[Identity]) -> Iterator[list[Made]]:
        """The results of these targets, in their order, some at a time."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker opens: a project with some options, and the store with its results; `common` is the common part of their keys."""

    folder: Path
    allowed: tuple[Path, ...]
    options: Options
    store: Path
    common: str
    ignored: frozenset[str] = frozenset()
    """What is left out of listings."""

    @property
    def key(self) -> tuple[Path, Path, str]:
        """What tells the work of one project and one set of options from another."""
        return self.folder, self.store, self.common


@dataclass(frozen=True, slots=True)
class Chunk:
    """The results of a chunk, what was read for them, and how long the stages took."""

    made: list[Made]
    files: dict[str, Seen]
    folders: dict[str, Listed]
    seconds: dict[str, float]


_makers: dict[tuple[Path, Path, str], Maker] = {}
"""The projects that this process has opened; a forked worker finds that of its parent here."""


class _State:
    """Whether a worker makes something, and whether it was asked to stop."""

    def __init__(self) -> None:
        self.making = False
        self.stopped = False


_state = _State()


def make(work: Work, identities: Sequence[Identity]) -> Chunk:
    """The results of a chunk of targets. Raises WeftError if the project cannot be opened, and KeyboardInterrupt at Ctrl-C."""
    try:
        _state.making = True
        if _state.stopped:
            raise KeyboardInterrupt
        return _made(work, identities)
    finally:
        _state.making = False


def _made(work: Work, identities: Sequence[Identity]) -> Chunk:
    earlier = timing.taken()
    maker = _makers.get(work.key)
    if maker is None:
        _makers.clear()
        readable = ProjectFiles(work.folder, work.allowed)
        readable.trace.lists_folders, readable.trace.ignored = True, {*work.ignored}
        project = open_project(readable, work.options.overrides, work.options.environment)
        maker = _makers[work.key] = Maker(project, Store(work.store), work.common)
    trace = maker.project.files.trace
    before = len(trace.files), len(trace.folders)
    made = [maker.make(maker.project.of(identity)) for identity in identities]
    files = dict(islice(trace.files.items(), before[0], None))  # what is new comes last
    folders = dict(islice(trace.folders.items(), before[1], None))
    for path in files:
        del trace.files[path]  # the parent keeps them
    return Chunk(made, files, folders, timing.since(earlier))


def chunks(executor: Executor, workers: int, work: Work, identities: Sequence[Identity]) -> Iterator[Chunk]:
    """The chunks of many targets, in their order, made by an executor with a number of workers."""
    waiting: deque[Future[Chunk]] = deque()
    try:
        for start in range(0, len(identities), CHUNK):
            if len(waiting) >= workers * AHEAD:
                yield waiting.popleft().result()
            waiting.append(executor.submit(make, work, identities[start : start + CHUNK]))
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


class Local:
    """The crew of this machine: a number of processes."""

    def __init__(self, workers: int, work: Work, maker: Maker) -> None:
        self._workers = workers
        self._work = work
        self._maker = maker

    @property
    def few(self) -> int:
        """As many as each of them gets at first."""
        return sys.maxsize if self._workers == 1 else self._workers * CHUNK

    def made(self, identities: Sequence[Identity]) -> Iterator[list[Made]]:
        """The results of these targets; what was read for them is added to the trace of the project."""
        trace = self._maker.project.files.trace
        with local_pool(self._workers, self._work, self._maker) as pool:
            for chunk in chunks(pool, self._workers, self._work, identities):
                timing.add(chunk.seconds)
                trace.files |= chunk.files
                trace.folders |= chunk.folders
                yield chunk.made


@contextlib.contextmanager
def local_pool(workers: int, work: Work, maker: Maker) -> Iterator[Executor]:
    """A pool of processes on this machine. When it is left by an exception, its processes stop in the middle of what they make.

    They are not killed: one that dies while it hands over a result would let the executor wait for the rest of it forever.
    """
    forks = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if forks else "spawn")
    _makers[work.key] = maker
    others, frozen = set(multiprocessing.active_children()), gc.get_freeze_count()
    gc.freeze()  # a collection would write into memory that parent and workers share
    pool = ProcessPoolExecutor(workers, context, initializer=_begin)
    try:
        with _no_interruption():  # of a worker that is not ready for it
            for _ in range(workers):
                pool.submit(os.getpid)
        yield pool
    except BrokenProcessPool as error:
        message = "a process that rendered was killed by the system, maybe because the memory was used up"
        hint = "use fewer processes, with `--jobs 1`; what was made before is remembered"
        raise CannotRun(Problem("worker-failed", message, hint=hint)) from error
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            _interrupt(process)
        pool.shutdown(cancel_futures=True)
        raise
    finally:
        pool.shutdown()
        if not frozen:  # by somebody else
            gc.unfreeze()
        _makers.clear()


@contextlib.contextmanager
def _no_interruption() -> Iterator[None]:
    """Ctrl-C waits until this is over; processes that begin meanwhile never see it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """A worker stops what it makes at Ctrl-C, which comes from the terminal or from the parent, and begins nothing more."""
    signal.signal(signal.SIGINT, _stop)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _stop(*_: object) -> None:
    _state.stopped = True
    if _state.making:
        raise KeyboardInterrupt


def _interrupt(process: BaseProcess) -> None:
    """Press Ctrl-C for a worker."""
    with contextlib.suppress(ProcessLookupError):
        if hasattr(signal, "pthread_sigmask") and process.pid is not None:
            os.kill(process.pid, signal.SIGINT)
        else:
            process.kill()


def cores() -> int:
    """The processors that this process may use: those that it may run on, within the limit of its control group."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = _GROUPS.read_text().split()
        usable = min(usable, math.ceil(int(quota) / int(period)))
    return max(usable, 1)
