"""Workers elsewhere: results made by an executor that was handed in, whose workers do not have the project's folder.

Any executor of `concurrent.futures` will do, such as one of threads or processes, or that of a cluster. It is asked to call
`serving.serve` with the digest of the project's archive. A worker that lacks the archive says so, and is sent it then: about once for each
worker, however many targets there are. Results come back in order, and no more than a few chunks for each worker are handed out at
once. A worker that ends in the middle is the executor's matter; calling `serve` again does no harm.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import replace
from functools import cached_property
from os.path import realpath
from typing import Final

from weft.base.problems import CannotRun, Problem
from weft.base.wording import cut, shortened
from weft.files.signatures import digest_of
from weft.fleet.archives import IncompleteError, archive_of
from weft.fleet.making import Made
from weft.fleet.options import Installation, Options
from weft.fleet.serving import DIFFERS, LACKS, Job, Reply, installed, serve
from weft.fleet.workers import AHEAD, CHUNK, Crew, cores
from weft.project.project import Project
from weft.project.targets import Identity
from weft.schema.envvars import declared

_SHOWN: Final = 5
_SAME: Final = "install Weft on the workers as it is installed here, with the same Python and from the same lock"


class _Asked:
    """A chunk that was handed out; `made` are its results when they have come, `sent` tells if the archive went with it."""

    def __init__(self, part: bytes, future: Future[Reply]) -> None:
        self.part = part
        self.future = future
        self.sent = False
        self.made: list[Made] | None = None


class Elsewhere:
    """The crew of an executor. `workers` is their number, 0 for what its attribute `workers` says, or one for each processor here.

    A project of which a file cannot be read is left to the crew `otherwise`: workers would find something else.
    """

    few: Final = 0

    def __init__(
        self, executor: Executor, workers: int, project: Project, options: Options, common: str, otherwise: Crew
    ) -> None:
        self._executor = executor
        self._wanted = workers
        self._project = project
        self._options = options
        self._common = common
        self._otherwise = otherwise

    def made(self, identities: Sequence[Identity]) -> Iterator[list[Made]]:
        """The results of these targets. Raises CannotRun if the workers cannot make them."""
        try:
            archive = archive_of(self._project) if identities else b""
        except IncompleteError:
            yield from self._otherwise.made(identities)
        else:
            yield from _Call(self._executor, self._workers * AHEAD, self._job(archive), archive).made(identities)

    @property
    def _workers(self) -> int:
        return self._wanted or getattr(self._executor, "workers", 0) or cores()

    def _job(self, archive: bytes) -> bytes:
        files = self._project.files
        options = replace(self._options, environment=self._environment())
        allowed = tuple(realpath(folder) for folder in files.allowed)
        return pickle.dumps(Job(digest_of(archive), realpath(files.folder), allowed, options, self._common), protocol=5)

    def _environment(self) -> Mapping[str, str] | None:
        """The variables that become settings, and no others; a secret stays here, as only its name is used."""
        given = self._options.environment
        if given is None:
            return None
        return {
            name: "" if node.sensitive and not node.types & {"array", "object"} else given[name]
            for name, _, node in declared(self._project.root)
            if name in given
        }


class _Call:
    """One run of an executor."""

    def __init__(self, executor: Executor, ahead: int, job: bytes, archive: bytes) -> None:
        self._executor = executor
        self._ahead = ahead
        self._job = job
        self._archive = archive
        self._waiting: deque[_Asked] = deque()

    @cached_property
    def _code(self) -> str:
        return installed().digest()

    def made(self, identities: Sequence[Identity]) -> Iterator[list[Made]]:
        """The results of these targets."""
        try:
            for start in range(0, len(identities), CHUNK):
                if len(self._waiting) >= self._ahead:
                    yield self._next()
                part = pickle.dumps(list(identities[start : start + CHUNK]), protocol=5)
                self._waiting.append(_Asked(part, self._submit(part, None)))
            while self._waiting:
                yield self._next()
        finally:
            for asked in self._waiting:
                asked.future.cancel()

    def _next(self) -> list[Made]:
        """The results of the first chunk; meanwhile, every worker that lacks the archive is sent it."""
        first = self._waiting[0]
        while first.made is None:
            wait([asked.future for asked in self._waiting if asked.made is None], return_when=FIRST_COMPLETED)
            for asked in self._waiting:
                if asked.made is None and asked.future.done():
                    self._take(asked)
        return self._waiting.popleft().made or []

    def _take(self, asked: _Asked) -> None:
        try:
            kind, data = asked.future.result()
        except Exception as error:
            raise _failed(error) from error
        if kind == DIFFERS:
            raise CannotRun(_differs(*data))
        if kind != LACKS:
            asked.made = pickle.loads(data)  # noqa: S301 - from code that this process has sent
            return
        if asked.sent:
            raise _failed(RuntimeError("the archive arrived damaged"))
        asked.future, asked.sent = self._submit(asked.part, self._archive), True

    def _submit(self, part: bytes, archive: bytes | None) -> Future[Reply]:
        try:
            return self._executor.submit(serve, self._code, self._job, part, archive)
        except CannotRun:
            raise
        except Exception as error:
            raise _failed(error) from error


def _failed(error: BaseException) -> CannotRun:
    reason = cut(" ".join(f"{type(error).__name__}: {error}".split()))
    return CannotRun(Problem("worker-failed", f"the executor failed: {reason}", hint=_SAME))


def _differs(worker: str, version: str, python: str, packages: Sequence[str]) -> Problem:
    """The problem of a worker with another installation."""
    here = installed()
    if version != here.version or python != here.python:
        what = f"Weft {version} with {_python(python)}, and here is Weft {here.version} with {_python(here.python)}"
    else:
        what = _other_packages(here, packages) or f"other code of Weft {version} than here"
    return Problem("workers-differ", f"the worker {worker} has {what}", hint=_SAME)


def _python(version: str) -> str:
    """`Python 3.11.7`, of the text of `sys.version`."""
    return f"Python {version.partition(' ')[0]} ({version.partition('(')[2].partition(')')[0]})"


def _other_packages(here: Installation, packages: Sequence[str]) -> str:
    """What a worker has more and less than this process, as text; empty if there is no difference."""
    more, less = _names({*packages} - {*here.packages}), _names({*here.packages} - {*packages})
    has, lacks = f"{more}, which this process has not", f"not {less}, which this process has"
    return ", and ".join(text for text, there in ((has, more), (lacks, less)) if there)


def _names(entries: set[str]) -> str:
    return shortened(sorted(entry.partition(".dist-info")[0].replace("-", " ") for entry in entries), _SHOWN)
