"""The executor of `--executor dask://HOST:PORT`: the workers of a Dask scheduler.

The connection is made when there is something to do: a run in which nothing has changed needs no scheduler.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import cached_property
from importlib.util import find_spec
from typing import Any, Final, TypeVar

from weft.base.extras import how_to_install
from weft.base.problems import CannotRun, Problem
from weft.base.wording import shortened

_ADDRESS: Final = re.compile(r"dask://(?P<place>[^/\s@]+:\d+)/?")
_PATIENCE: Final = 5
"""Seconds to wait for the scheduler, and for its first worker."""
_ASKED: Final = "weft.fleet.serving"
"""The module that a worker must have."""
_SHOWN: Final = 3
_IS_OF_DASK: Final = re.compile(r"(?:distributed|tornado|asyncio)\b").match
_T = TypeVar("_T")


class Dask(Executor):
    """The workers of the scheduler at an address. Raises ValueError for any other text."""

    def __init__(self, address: str) -> None:
        match = _ADDRESS.fullmatch(address)
        if match is None:
            raise ValueError(f"expected dask://HOST:PORT, not {address}")
        self._place = match["place"]

    @property
    def workers(self) -> int:
        """The number of chunks that they work on at a time. Raises CannotRun if there is no worker, or one without Weft."""
        start = f"start workers with the same Weft as here: `dask worker tcp://{self._place}`"
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
            found = self._client.run(find_spec, _ASKED, on_error="return")
        except (OSError, TimeoutError) as error:
            raise self._unreachable("has no workers", start) from error
        without = sorted(worker for worker, spec in found.items() if spec is None or isinstance(spec, Exception))
        if without:  # it would end itself when it gets a call that it cannot read
            message = f"there is no Weft like this one in the worker {shortened(without, _SHOWN)}"
            raise CannotRun(Problem("workers-differ", message, hint=start))
        return sum(self._client.nthreads().values())

    def submit(self, function: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        """Hand out one call. Raises CannotRun if there is no scheduler."""
        future: Future[_T] = self._executor.submit(function, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Close the connection, if there is one."""
        if "_client" in self.__dict__:
            self._client.close(timeout=_PATIENCE)

    @cached_property
    def _executor(self) -> Executor:
        executor: Executor = self._client.get_executor(pure=False)
        return executor

    @cached_property
    def _client(self) -> Any:
        try:
            import distributed
        except ImportError:
            message = "the package `distributed` is not installed, which --executor dask:// needs"
            raise CannotRun(Problem("not-installed", message, hint=how_to_install("dask", "distributed"))) from None
        for name in filter(_IS_OF_DASK, [*logging.root.manager.loggerDict]):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is reported by Weft
        warnings.filterwarnings("ignore", "Sending large graph")  # an archive, once for each worker
        try:
            return distributed.Client(f"tcp://{self._place}", timeout=_PATIENCE, set_as_default=False)
        except (OSError, TimeoutError) as error:
            hint = "start it, `dask scheduler`, or give the address that it prints; without --executor, this machine renders"
            raise self._unreachable("cannot be reached", hint) from error

    def _unreachable(self, what: str, hint: str) -> CannotRun:
        return CannotRun(Problem("no-executor", f"the Dask scheduler at {self._place} {what}", hint=hint))
