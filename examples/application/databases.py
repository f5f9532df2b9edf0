"""PostgreSQL: writes go to the primary, reads to the replica while it answers and is not too far behind.

Where there is a pooler, both are reached through it, under two names of the database.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from opentelemetry import trace
from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.exc import InterfaceError, OperationalError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_fixed

from application.settings import Postgresql

LOG = logging.getLogger(__name__)
TRACER = trace.get_tracer(__name__)
T = TypeVar("T")
AWAY = (OperationalError, InterfaceError)
"""The errors of a server that cannot be reached, or went away during a query."""
LAG = text(
    "SELECT CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 "
    "ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END"
)


class Databases:
    """The servers as a worker sees them."""

    def __init__(self, settings: Postgresql) -> None:
        self._settings = settings
        self._primary = _engine(settings, *_primary(settings))
        self._replica = _engine(settings, *_replica(settings)) if settings.replica.enabled else None
        self.replica_is_down: Callable[[], bool] = lambda: False
        """What the health check found; reads then go to the primary at once."""

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction on the primary; again while the primary is away, as often as failover says."""

        def transaction() -> T:
            with TRACER.start_as_current_span("PostgreSQL write"), self._primary.begin() as connection:
                return work(connection)

        failover = self._settings.failover
        if not failover.enabled:
            return transaction()
        retrying = Retrying(
            stop=stop_after_attempt(failover.retry_attempts + 1) | stop_after_delay(failover.timeout),
            wait=wait_fixed(failover.retry_interval),
            retry=retry_if_exception_type(AWAY),
            reraise=True,
        )
        return retrying(transaction)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on the replica, or on the primary where the settings or the state of the replica say so."""
        engine = self._replica if self._settings.replica.read_write_split else None
        if engine is None or (self.falls_back and self.replica_is_down()):
            return _on(self._primary, work)
        try:
            return _on(engine, work)
        except AWAY:
            if not self.falls_back:
                raise
            return _on(self._primary, work)

    @property
    def falls_back(self) -> bool:
        """Whether the primary answers reads while the replica is down."""
        return self._settings.failover.enabled and self._settings.failover.read_from_primary

    def checks(self) -> dict[str, Callable[[], None]]:
        """For each server a function that raises an error when it is down; each asks over a connection of its own."""
        primary = _engine(self._settings, *_primary(self._settings), pooled=False)
        found = {"primary": lambda: _on(primary, lambda connection: connection.execute(text("SELECT 1")).close())}
        if self._replica:
            replica = _engine(self._settings, *_replica(self._settings), pooled=False)
            found["replica"] = lambda: _on(replica, self._check_lag)
        return found

    def _check_lag(self, connection: Connection) -> None:
        lag, most = float(connection.execute(LAG).scalar_one() or 0), self._settings.replica.max_lag
        if lag > most:
            raise TooFarBehind(f"{lag:.0f} seconds behind the primary, more than {most}")

    def close(self) -> None:
        """Give all connections back."""
        for engine in filter(None, (self._primary, self._replica)):
            engine.dispose()


class TooFarBehind(Exception):
    """The replica answers, but with data that is too old."""


def direct(settings: Postgresql) -> Engine:
    """The primary itself, without a pooler before it: what changes tables wants a session, not a pooler's transaction."""
    return _engine(settings, _members(settings), settings.name, settings.password, {}, pooled=False)


def _on(engine: Engine, work: Callable[[Connection], T]) -> T:
    with TRACER.start_as_current_span("PostgreSQL read"), engine.connect() as connection:
        return work(connection)


Place = list[tuple[str, int]]


def _members(settings: Postgresql) -> Place:
    """The primary and the servers that may become it: libpq asks them in turn (PGTARGETSESSIONATTRS)."""
    others = (address.rpartition(":") for address in settings.members)
    return [(settings.host, settings.port), *((host, int(port)) for host, _, port in others)]


def _primary(settings: Postgresql) -> tuple[Place, str, SecretStr | None, dict[str, Any]]:
    pooler = settings.pooler
    place = [(pooler.host, pooler.port)] if pooler.enabled else _members(settings)
    return place, settings.name, settings.password, {}


def _replica(settings: Postgresql) -> tuple[Place, str, SecretStr | None, dict[str, Any]]:
    pooler, replica = settings.pooler, settings.replica
    password = replica.password or settings.password
    more = {"target_session_attrs": "any"}  # a replica takes no writes
    if pooler.enabled:
        return [(pooler.host, pooler.port)], pooler.replica_name, password, more
    return [(replica.host or settings.host, replica.port)], settings.name, password, more


def _engine(
    settings: Postgresql,
    place: Place,
    name: str,
    password: SecretStr | None,
    more: dict[str, Any],
    *,
    pooled: bool = True,
) -> Engine:
    secret = password.get_secret_value() if password else None
    url = URL.create("postgresql+psycopg", username=settings.user, password=secret, database=name)
    options = {
        "host": ",".join(host for host, _ in place),
        "port": ",".join(str(port) for _, port in place),
        "keepalives_idle": settings.keepalives_idle,
        "keepalives_interval": settings.keepalives_interval,
        "keepalives_count": settings.keepalives_count,
        "tcp_user_timeout": settings.tcp_user_timeout * 1000,  # milliseconds
        **more,
    }
    if not pooled:
        return create_engine(url, connect_args=options, poolclass=NullPool)
    pool = settings.pool
    engine = create_engine(
        url,
        connect_args=options,
        pool_size=pool.size,
        max_overflow=pool.max_overflow,
        pool_timeout=pool.timeout,
        pool_recycle=pool.recycle,
        pool_pre_ping=pool.pre_ping,
        echo=settings.echo,
    )
    _watch_slow(engine, settings.slow)
    return engine


def _watch_slow(engine: Engine, threshold: float) -> None:
    """Log the queries that take longer than the threshold, in seconds."""

    @event.listens_for(engine, "before_cursor_execute")
    def begin(connection: Connection, *_: Any) -> None:
        connection.info["began"] = time.monotonic()

    @event.listens_for(engine, "after_cursor_execute")
    def end(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        took = time.monotonic() - connection.info["began"]
        if took > threshold:
            LOG.warning("slow query", extra={"seconds": round(took, 3), "statement": statement})
