"""Tells a tenant what happened: events are posted to the addresses that it gave, again while they fail."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

from aiohttp import AddrInfoType, ClientError, ClientSession, ClientTimeout, TCPConnector
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from application.settings import Calls, Tenant

LOG = logging.getLogger(__name__)


class Webhooks:
    """Posts events in the background."""

    def __init__(self, settings: Calls, tenant: Tenant | None) -> None:
        self._settings = settings
        self._hooks = tenant.webhooks if tenant else []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: ClientSession | None = None

    async def start(self) -> None:
        """Make the pool of connections of this process."""
        settings = self._settings
        connector = TCPConnector(
            limit=settings.total,
            limit_per_host=settings.per_host,
            ttl_dns_cache=settings.dns_cache_ttl,
            socket_factory=self._socket,
        )
        timeout = ClientTimeout(total=None, sock_connect=settings.connect_timeout, sock_read=settings.socket_timeout)
        self._session = ClientSession(connector=connector, timeout=timeout)
        self._loop = asyncio.get_running_loop()

    def _socket(self, address: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, self._settings.keepalive)
        return made

    async def stop(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    def tell(self, event: str, about: dict[str, Any]) -> None:
        """Post an event to those who want it; may be called from any thread."""
        for hook in self._hooks:
            if self._loop and event in hook["events"]:
                asyncio.run_coroutine_threadsafe(self._post(hook["url"], {"event": event, **about}), self._loop)

    async def _post(self, url: str, data: dict[str, Any]) -> None:
        assert self._session
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._settings.attempts + 1),
            wait=wait_exponential(multiplier=self._settings.backoff_factor, min=self._settings.backoff_factor),
            retry=retry_if_exception_type((ClientError, TimeoutError)),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    async with self._session.post(url, json=data) as answer:
                        answer.raise_for_status()
        except (ClientError, TimeoutError) as error:
            LOG.warning("an event was not delivered: %s", error, extra={"url": url, "event": data["event"]})
