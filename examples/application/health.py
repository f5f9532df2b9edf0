"""What the probes of Kubernetes ask: whether the process is alive, whether it can serve, and how the servers are that it needs.

Every server is asked again and again in the background, so that a probe is answered at once, and many probes are not many queries.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from fastapi import APIRouter, Response

from application.settings import Health


class Dependency:
    """A server that the program uses, and the state it is in."""

    def __init__(
        self, name: str, ask: Callable[[], object], *, needed: bool, interval: float, timeout: float, failures: int = 1
    ) -> None:
        """`ask` raises an error when the server is down; after so many `failures` in a row it counts as down."""
        self.name, self.needed = name, needed
        self.problem: str | None = "not asked yet"
        self._ask, self._interval, self._timeout, self._patience = ask, interval, timeout, failures
        self._failures = 0
        self._has_answered = False
        self._ended = threading.Event()
        self._asker = ThreadPoolExecutor(1, thread_name_prefix=f"ask {name}")

    def start(self) -> None:
        """Begin to ask."""
        threading.Thread(target=self._watch, name=f"health of {self.name}", daemon=True).start()

    def stop(self) -> None:
        """Ask no more."""
        self._ended.set()
        self._asker.shutdown(wait=False, cancel_futures=True)

    @property
    def is_down(self) -> bool:
        """Whether it has not answered yet, or failed too often."""
        return self.fails or not self._has_answered

    @property
    def fails(self) -> bool:
        """Whether it failed too often."""
        return self._failures >= self._patience

    def _watch(self) -> None:
        answer: Future[object] | None = None
        while not self._ended.is_set():
            if answer is None or answer.done():
                answer = self._asker.submit(self._ask)
            wait((answer,), self._timeout)
            self.problem = _problem(answer, self._timeout)
            self._failures = self._failures + 1 if self.problem else 0
            self._has_answered = self._has_answered or not self.problem
            self._ended.wait(self._interval)


def _problem(answer: Future[object], timeout: float) -> str | None:
    if not answer.done():
        return f"no answer within {timeout:g} seconds"
    error = answer.exception()
    return None if error is None else f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


class Watch:
    """All dependencies of the program."""

    def __init__(self, dependencies: Iterable[Dependency]) -> None:
        self._all = tuple(dependencies)

    def start(self) -> None:
        """Begin to ask them; to be called in each worker, because threads do not survive a fork."""
        for dependency in self._all:
            dependency.start()

    def stop(self) -> None:
        """Ask no more."""
        for dependency in self._all:
            dependency.stop()

    def down(self, *, needed: bool = True) -> list[str]:
        """The names of the servers that are down, of those that are needed for everything or of the others."""
        return [each.name for each in self._all if each.is_down and each.needed is needed]

    def report(self) -> dict[str, Any]:
        """The state of each."""
        return {each.name: {"down": each.is_down, "needed": each.needed, "problem": each.problem} for each in self._all}


def routes(settings: Health, watch: Watch) -> APIRouter:
    """The endpoints of the probes; there are none where health checks are off."""
    router = APIRouter(tags=["health"])
    if not settings.enabled:
        return router

    @router.get(settings.liveness_path)
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @router.get(settings.readiness_path)
    async def ready(response: Response) -> dict[str, Any]:
        away = watch.down()
        response.status_code = 503 if away else 200
        return {"ready": not away, "away": away, "degraded": watch.down(needed=False)}

    @router.get(settings.path)
    async def health(response: Response) -> dict[str, Any]:
        response.status_code = 503 if watch.down() else 200
        return watch.report()

    return router
