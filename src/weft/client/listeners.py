"""Listeners: functions of the program that are asked before a change, and called after it."""

from __future__ import annotations

import logging
import queue
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from weft.base.paths import Path, dotted, parse_dotted
from weft.base.problems import Problem, WeftError
from weft.client.snapshot import Snapshot
from weft.client.status import Status

logger = logging.getLogger("weft.client")
PATIENCE: Final = 10.0
"""Seconds that a listener may take to say whether it accepts a change, and after which a warning names one that is still at work."""


class Refused(Exception):
    """A listener does not accept a change; the text says why."""


@dataclass(frozen=True)
class Change:
    """A change from one snapshot to the next; `settings` are the paths of all that differ, `files` the names of other files."""

    old: Snapshot
    new: Snapshot
    settings: tuple[str, ...]
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listener:
    """A function, and the path whose settings it is about."""

    below: Path
    call: Callable[[Change], Any]

    def about(self, change: Change) -> Change | None:
        """The change with the settings at, below or around the listener's path; None if there are none.

        Files belong to no path: only a listener of all settings hears of them.
        """
        if not self.below:
            return change if change.settings or change.files else None
        size = len(self.below)
        found = [one for one in change.settings if _meets(parse_dotted(one), self.below, size)]
        return replace(change, settings=tuple(found), files=()) if found else None


def _meets(one: Path, other: Path, size: int) -> bool:
    size = min(len(one), size)
    return one[:size] == other[:size]


class Listeners:
    """All of them: those that are asked `before` a change, and those that are called `after` it."""

    def __init__(self) -> None:
        self.before: list[Listener] = []
        self.after: list[Listener] = []
        self.of_status: list[Callable[[Status], Any]] = []

    def report(self, status: Status) -> None:
        """Call every listener of the status; what one raises is logged."""
        for call in list(self.of_status):
            try:
                call(status)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                logger.exception("a listener of the status failed")

    def ask(self, change: Change) -> None:
        """Ask every listener whether it accepts a change. Raises WeftError with what they say."""
        asked = [(one, about) for one in self.before if (about := one.about(change))]
        problems = [_refusal(one, reason) for one, about in asked if (reason := _refused_by(one, about)) is not None]
        if problems:
            raise WeftError(*problems)

    def tell(self, change: Change) -> None:
        """Tell every listener of a change; what one raises is logged."""
        for listener in list(self.after):
            about = listener.about(change)
            if about:
                slow = threading.Timer(PATIENCE, _warn_of, (listener,))
                slow.daemon = True
                slow.start()
                try:
                    listener.call(about)
                except BaseException as error:
                    if isinstance(error, KeyboardInterrupt):
                        raise  # somebody ends the program
                    _log_failure(listener, change, error)
                finally:
                    slow.cancel()


def _refused_by(listener: Listener, change: Change) -> str | None:
    """Why a listener does not accept a change; None if it does.

    It is asked in a thread that nobody waits for at the end of the program, because nothing can end a function that hangs.
    """
    answers = queue.SimpleQueue[str | None]()

    def ask() -> None:
        try:
            listener.call(change)
        except BaseException as error:  # noqa: BLE001 - whatever a listener raises is a refusal
            answers.put(str(error) or type(error).__name__)
        else:
            answers.put(None)

    threading.Thread(target=ask, name="weft-listener", daemon=True).start()
    try:
        return answers.get(timeout=PATIENCE)
    except queue.Empty:
        return f"it did not answer within {PATIENCE:.0f} seconds"


def _log_failure(listener: Listener, change: Change, error: BaseException) -> None:
    """Log what a listener raised, and mask the secrets that it quotes."""
    name, text = dotted(listener.below) or "all settings", "".join(traceback.format_exception(error))
    masked = change.new.masked.text(text, change.old.masked)
    if masked == text:
        logger.error("a listener of %s failed", name, exc_info=error)
    else:
        logger.error("a listener of %s failed\n%s", name, masked)


def _warn_of(listener: Listener) -> None:
    message = "%s has been at work for %.0f seconds after a change: no other change is looked at until it returns"
    logger.warning(message, _named(listener), PATIENCE)


def _refusal(listener: Listener, reason: str) -> Problem:
    return Problem("change-refused", f"{_named(listener)} does not accept the change: {reason}")


def _named(listener: Listener) -> str:
    return str(getattr(listener.call, "__qualname__", repr(listener.call)))
