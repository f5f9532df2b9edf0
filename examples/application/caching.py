"""Answers that are kept: in the process, where the strategy says which entry leaves, and in Redis, where all pods find them.

While Redis cannot be reached, answers are made again.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import zlib
from collections.abc import Callable, MutableMapping
from typing import Any

from cachetools import FIFOCache, LFUCache, LRUCache, TTLCache
from theine import Cache as AdaptiveCache

from application.breakers import Breaker, Open
from application.redis_stores import AWAY, RedisServer
from application.settings import Cache

LOG = logging.getLogger(__name__)
_PLAIN, _COMPRESSED = b"0", b"1"


class _Adaptive:
    """W-TinyLFU, which weighs how often and how lately an entry was used, with the two methods that are needed here."""

    def __init__(self, size: int) -> None:
        self._cache: AdaptiveCache[str, Any] = AdaptiveCache(size)

    def get(self, key: str) -> Any:
        """An entry, or None."""
        return self._cache.get(key)[0]

    def __setitem__(self, key: str, value: Any) -> None:
        self._cache.set(key, value)

    def pop(self, key: str, _: Any) -> None:
        """Remove an entry."""
        self._cache.delete(key)


_STRATEGIES: dict[str, Callable[[int, float], Any]] = {
    "LRU": lambda size, _: LRUCache(size),
    "LFU": lambda size, _: LFUCache(size),
    "FIFO": lambda size, _: FIFOCache(size),
    "TTL": TTLCache,
    "ADAPTIVE": lambda size, _: _Adaptive(size),
}


class Answers:
    """The cache of a worker; its share of what a pod may keep."""

    def __init__(self, settings: Cache, workers: int, server: RedisServer, breaker: Breaker) -> None:
        self._settings, self._server, self._breaker = settings, server, breaker
        size = max(1, settings.max_size // workers)
        self._near: MutableMapping[str, tuple[float, Any]] = _STRATEGIES[settings.strategy](size, settings.ttl)
        self._lock = threading.Lock()

    def get(self, key: str, make: Callable[[], Any]) -> Any:
        """The answer for a key, made where it is not kept; any value that JSON can hold."""
        if not self._settings.enabled:
            return make()
        with self._lock:
            entry = self._near.get(key)
        if entry and entry[0] > time.monotonic():
            return entry[1]
        text = self._far(lambda client: client.get(key))
        value = make() if text is None else json.loads(self._unpacked(text))
        if value is None:
            return None  # what is not there may come: a replica follows its primary
        if text is None:
            self._far(lambda client: client.set(key, self._packed(json.dumps(value).encode()), ex=self._settings.ttl))
        with self._lock:
            self._near[key] = time.monotonic() + self._settings.ttl, value
        return value

    def forget(self, key: str) -> None:
        """Make the answer again next time; other workers may keep theirs until it is too old."""
        with self._lock:
            self._near.pop(key, None)
        self._far(lambda client: client.delete(key))

    def _far(self, ask: Callable[[Any], Any]) -> Any:
        try:
            return self._breaker.call(lambda: ask(self._server.client))
        except (AWAY, Open) as error:
            LOG.warning("the cache was not asked: %s", error)
            return None

    def _packed(self, text: bytes) -> bytes:
        if self._settings.compression and len(text) >= self._settings.compression_threshold:
            return _COMPRESSED + zlib.compress(text)
        return _PLAIN + text

    @staticmethod
    def _unpacked(text: bytes) -> bytes:
        return zlib.decompress(text[1:]) if text[:1] == _COMPRESSED else text[1:]
