"""Changes for an asynchronous program: `async for change in config.changes("flags")`."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque

from weft.client.listeners import Change


class Changes:
    """The changes since this object was made, in their order; it ends when it or the configuration is closed."""

    def __init__(self) -> None:
        self._found: deque[Change] = deque()
        self._lock = threading.Lock()
        self._waiting: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self.has_ended = False

    def put(self, change: Change) -> None:
        """Add a change, in any thread."""
        self._found.append(change)
        self._wake()

    def end(self) -> None:
        """End it: who waits for a change gets none, in any thread."""
        self.has_ended = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            waiting = self._waiting
        if waiting:
            loop, event = waiting
            with contextlib.suppress(RuntimeError):  # the loop is closed, so nobody waits in it any more
                loop.call_soon_threadsafe(event.set)

    def __aiter__(self) -> Changes:
        return self

    async def __anext__(self) -> Change:
        event = asyncio.Event()
        with self._lock:
            self._waiting = asyncio.get_running_loop(), event
        while not self._found:
            if self.has_ended:
                raise StopAsyncIteration
            await event.wait()
            event.clear()
        return self._found.popleft()

    async def aclose(self) -> None:
        """End it, as an asynchronous generator does."""
        self.end()
