"""Redis, in the mode that is set: one server, the one that Sentinels name, or a cluster."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import quote

from redis import Redis as Client
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

from application.settings import RedisCache, RedisStore

AWAY = RedisError
"""The errors of a Redis that cannot be reached, or does not do what it is asked."""


class RedisServer:
    """One Redis: `client` for commands, `address` and `options_of_address` for libraries that connect themselves."""

    def __init__(self, settings: RedisCache | RedisStore, workers: int) -> None:
        self._settings = settings
        self._connections = max(1, settings.max_connections // workers)  # the setting is for the pod

    @cached_property
    def client(self) -> Any:
        """The client; made when it is first needed, because that of a cluster asks the cluster at once."""
        settings, more = self._settings, {"max_connections": self._connections, "decode_responses": False}
        if settings.mode == "cluster":
            nodes = [ClusterNode(settings.host, settings.port)]
            return RedisCluster(startup_nodes=nodes, **self.options, **more)
        more["health_check_interval"] = settings.health_check_interval
        if settings.mode == "sentinel":
            sentinel = Sentinel(self._sentinels(), sentinel_kwargs=self.options, **self.options)
            return sentinel.master_for(settings.service_name, db=settings.database, **more)
        return Client(host=settings.host, port=settings.port, db=settings.database, **self.options, **more)

    def ask(self) -> None:
        """Raises an error when it is away."""
        self.client.ping()

    @property
    def options(self) -> dict[str, Any]:
        """How to connect, whatever the mode."""
        settings, secret = self._settings, self._settings.password
        retry = Retry(ExponentialWithJitterBackoff(), 3) if settings.retry_on_timeout else Retry(NoBackoff(), 0)
        encrypted = {"ssl": True, "ssl_ca_certs": settings.ca_file} if settings.tls else {}
        return {
            "username": settings.username,
            "password": secret.get_secret_value() if secret else None,
            "socket_timeout": settings.socket_timeout,
            "socket_connect_timeout": settings.socket_timeout,
            "retry": retry,
            **encrypted,
        }

    @property
    def address(self) -> str:
        """Where it is, as the library `limits` writes it; who asks is in `options_of_address`."""
        settings = self._settings
        if settings.mode == "cluster":
            return f"redis+cluster://{settings.host}:{settings.port}"
        if settings.mode == "sentinel":
            places = ",".join(f"{host}:{port}" for host, port in self._sentinels())
            return f"redis+sentinel://{places}/{quote(settings.service_name)}"
        return f"{'rediss' if settings.tls else 'redis'}://{settings.host}:{settings.port}/{settings.database}"

    @property
    def options_of_address(self) -> dict[str, Any]:
        """What such a library is given in addition: an address of one server says itself that it is encrypted."""
        options = self.options
        if self._settings.mode == "sentinel":
            return {**options, "sentinel_kwargs": self.options}
        if self._settings.mode == "standalone":
            options.pop("ssl", None)
        return options

    def _sentinels(self) -> list[tuple[str, int]]:
        split = (address.rpartition(":") for address in self._settings.sentinels)
        return [(host, int(port)) for host, _, port in split]

    def close(self) -> None:
        """Give the connections back."""
        if "client" in vars(self):
            self.client.close()
