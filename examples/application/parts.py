"""The parts of the program, each made from its settings. Making them connects nothing: gunicorn may fork afterwards."""

from __future__ import annotations

import logging

from application.breakers import Breaker, Open
from application.caching import Answers
from application.databases import Databases
from application.documents import SEARCH_AWAY, Plays, Search
from application.health import Dependency, Watch
from application.jobs import Queue
from application.rate_limits import RateLimits
from application.redis_stores import RedisServer
from application.settings import Settings
from application.uploads import Audio
from application.webhooks import Webhooks

LOG = logging.getLogger(__name__)


class Parts:
    """Everything that endpoints use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        workers, tenant = settings.web.workers, settings.tenant
        self.databases = Databases(settings.postgresql)
        self.cache = RedisServer(settings.redis_cache, workers)
        self.store = RedisServer(settings.redis_store, workers)
        self.answers = Answers(settings.cache, workers, self.cache, self._breaker("cache"))
        store_breaker = self._breaker("store")
        self.rate_limits = RateLimits(settings.rate_limit, tenant, self.store, store_breaker)
        self.plays = Plays(settings.mongodb, settings.about.name, self._breaker("mongodb"))
        self.search = Search(settings.elasticsearch, settings.pages, self._breaker("elasticsearch"))
        self.audio = Audio(settings.uploads, tenant)
        self.webhooks = Webhooks(settings.calls, tenant)
        self.jobs = Queue(settings.jobs, tenant, self.store, store_breaker, self.webhooks)
        self.watch = Watch(self._dependencies())

    def index(self, number: int, title: str) -> None:
        """Let a track be found; while the search is away it is not, and nothing else is wrong."""
        try:
            self.search.add(number, title)
        except (*SEARCH_AWAY, Open) as error:
            LOG.warning("a track cannot be found: %s", error, extra={"track": number})

    def _breaker(self, name: str) -> Breaker:
        return Breaker(self.settings.breakers, name)

    def _dependencies(self) -> list[Dependency]:
        """The servers, and whether nothing works without them."""
        health, checks = self.settings.health, self.settings.postgresql.checks
        counted = self.settings.rate_limit.enabled and self.settings.rate_limit.storage == "redis"
        needed = {"primary": True, "replica": not self.databases.falls_back}
        found = []
        if checks.enabled:
            found = [
                Dependency(
                    name,
                    ask,
                    needed=needed[name],
                    interval=checks.interval,
                    timeout=checks.timeout,
                    failures=checks.failures,
                )
                for name, ask in self.databases.checks().items()
            ]
            self.databases.replica_is_down = lambda: any(each.name == "replica" and each.fails for each in found)
        others = {
            "store": (self.store.ask, counted),
            "cache": (self.cache.ask, False),
            "mongodb": (self.plays.ask, False),
            "elasticsearch": (self.search.ask, False),
        }
        for name, (ask, need) in others.items():
            found.append(Dependency(name, ask, needed=need, interval=health.interval, timeout=health.timeout))
        return found

    def close(self) -> None:
        """Give all connections back."""
        self.databases.close()
        self.cache.close()
        self.store.close()
        self.plays.client.close()
        self.search.client.close()
