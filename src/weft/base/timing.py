"""How long the stages of a run take: each stage says when it begins and ends, and anyone who wants to know asks for the sums.

A stage inside another one counts for itself only, so the sums add up. They are those of one thread. Two readings of a clock cost less than a
microsecond, so stages are always timed.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

STAGES: Final = ("look for changes", "open", "read and merge", "validate", "render", "check", "remember", "write")
"""All stages, in their order."""


class _Clock(threading.local):
    """The sums of a thread, the stages that it is in, and when it entered or left the last one."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.inside: list[str] = []
        self.since = 0.0


_clock = _Clock()


class Stage:
    """A stage, for `with`; one object may be entered again, also inside itself."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        _charge()
        _clock.inside.append(self._name)

    def __exit__(self, *error: object) -> None:
        _charge()
        _clock.inside.pop()


LOOK, OPEN, MERGE, VALIDATE, RENDER, CHECK, REMEMBER, WRITE = map(Stage, STAGES)


def begin() -> None:
    """Start counting from zero."""
    _clock.seconds.clear()


def add(seconds: Mapping[str, float]) -> None:
    """Add the sums of another process."""
    for name, more in seconds.items():
        _clock.seconds[name] += more


def taken() -> dict[str, float]:
    """The seconds of each stage so far."""
    return {name: _clock.seconds.get(name, 0.0) for name in STAGES}


def since(earlier: Mapping[str, float]) -> dict[str, float]:
    """The seconds of each stage beyond earlier sums."""
    return {name: seconds - earlier.get(name, 0.0) for name, seconds in _clock.seconds.items()}


def _charge() -> None:
    """Count the time since the last change for the innermost stage."""
    now = time.perf_counter()
    if _clock.inside:
        _clock.seconds[_clock.inside[-1]] += now - _clock.since
    _clock.since = now
