"""How many requests a client may make, and all clients of a tenant together: a fixed window of the library `limits`.

Counters in Redis are those of all pods. While that Redis is away requests are not counted: a client is not turned away
because a server of the platform failed, and /ready says that the store is away.
"""

from __future__ import annotations

import hashlib
import logging
import time
from functools import cached_property

from fastapi import HTTPException, Request, Response
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from application.breakers import Breaker, Open
from application.redis_stores import AWAY, RedisServer
from application.settings import RateLimit, Tenant

LOG = logging.getLogger(__name__)


class RateLimits:
    """Counts requests; `check` is a dependency of every endpoint of the API."""

    def __init__(self, settings: RateLimit, tenant: Tenant | None, store: RedisServer, breaker: Breaker) -> None:
        self._settings, self._store, self._breaker = settings, store, breaker
        self._of_client: RateLimitItem = RateLimitItemPerSecond(settings.requests, settings.window)
        self._of_tenant = RateLimitItemPerMinute(tenant.requests_per_minute) if tenant else None

    @cached_property
    def _limiter(self) -> FixedWindowRateLimiter:
        if self._settings.storage == "memory":
            return FixedWindowRateLimiter(MemoryStorage())
        storage: Storage = storage_from_string(self._store.address, **self._store.options_of_address)
        return FixedWindowRateLimiter(storage)

    def check(self, request: Request, response: Response) -> None:
        """Count a request; raises 429 when there were too many."""
        if not self._settings.enabled:
            return
        self._count(self._of_client, self._client(request), response)
        if self._of_tenant:
            self._count(self._of_tenant, "tenant", response)

    def _count(self, limit: RateLimitItem, who: str, response: Response) -> None:
        try:
            allowed = self._breaker.call(lambda: self._limiter.hit(limit, who))
            left = self._breaker.call(lambda: self._limiter.get_window_stats(limit, who))
        except (AWAY, Open) as error:
            LOG.warning("requests are not counted: %s", error)
            return
        if not allowed:
            headers = {"Retry-After": str(max(1, round(left.reset_time - time.time())))}
            raise HTTPException(429, "too many requests", headers)
        response.headers["X-RateLimit-Remaining"] = str(left.remaining)

    def _client(self, request: Request) -> str:
        """Who asks: the key of the API where there is one, else the address."""
        key = request.headers.get(self._settings.key_header) if self._settings.keys else None
        if key:
            return f"key {hashlib.sha256(key.encode()).hexdigest()}"
        return f"address {request.client.host if request.client else 'unknown'}"
