"""Circuit breakers: after so many failures in a row a server is left alone for a while, and its callers get an error at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pybreaker import CircuitBreaker, CircuitBreakerError

from application.settings import Breakers

T = TypeVar("T")
Open = CircuitBreakerError
"""What a caller gets while a breaker is open."""


class Breaker:
    """The breaker of one server; without breakers it just calls."""

    def __init__(self, settings: Breakers, name: str) -> None:
        made = CircuitBreaker(fail_max=settings.threshold, reset_timeout=settings.recovery, name=name)
        self._breaker = made if settings.enabled else None

    def call(self, work: Callable[[], T]) -> T:
        """Do the work, unless the breaker is open: then Open is raised."""
        return work() if self._breaker is None else self._breaker.call(work)
