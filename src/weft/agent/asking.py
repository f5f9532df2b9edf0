"""The commands of the caller: what they say, and whether the program is well."""

from __future__ import annotations

import os
import shlex
import threading
import time
from pathlib import Path
from typing import Final

from weft.agent.masking import Masking
from weft.agent.program import Ended, Program
from weft.checks.programs import NoAnswerError, Started, ask, words
from weft.client.notifier import Notifier

SURVIVAL: Final = 2.0
"""Seconds that a restarted program must live to be well, if nobody says how its health is asked."""
_SUCCESSES: Final = 3
"""How often the health command must succeed in a row."""
_MOST: Final = 65536
"""The bytes that are kept of what a command prints."""


class Asking:
    """Runs commands for an agent, each for `limit` seconds at most, until it is `ending`."""

    def __init__(self, into: Path, limit: float, program: Program | None, notifier: Notifier, masking: Masking) -> None:
        self._into = into
        self._limit = limit
        self._program = program
        self._notifier = notifier
        self._masking = masking
        self.started = Started()
        self.ending = threading.Event()

    def own_this_thread(self) -> None:
        """Commands are run in this thread."""
        self.started.own_this_thread()

    def end(self) -> None:
        """End what runs, and start no more."""
        self.started.end()

    def unwell(self, command: str, limit: float) -> str | None:
        """Ask for the health of the program, for some seconds at most. Returns why it is not well."""
        end = time.monotonic() + limit
        pause = min(1.0, limit / (4 * _SUCCESSES))
        row, reason = 0, ""
        while row < _SUCCESSES:
            left = end - time.monotonic()
            if left <= 0:
                why = reason or f"the health command did not succeed {_SUCCESSES} times in a row"
                return f"the program is not well within {limit:g} s: {why}"
            found = self.said(command, "the health command", limit=left)
            row = 0 if found else row + 1
            if found and (left > pause or not reason):
                reason = found  # and not that the last answer came too late
            died = self.died(pause)
            if died:
                return died
        return None

    def died(self, seconds: float) -> str | None:
        """Wait for some time, or until the program has ended. Returns how it ended."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.ending.is_set():
                raise Ended
            if self._program and not self._program.is_running:
                return f"the program ended with {self._program.code}"
            self._notifier.wait(min(left, 0.1))
        return None

    def said(
        self, command: str | None, what: str, *, folder: Path | None = None, limit: float | None = None
    ) -> str | None:
        """Run a command of the caller. Returns why it failed, without secrets. Raises Ended if the agent is ended meanwhile."""
        if command is None:
            return None
        text = command.replace("{}", shlex.quote(str((folder or self._into).absolute())))
        pid = self._program.pid if self._program else None
        text = text.replace("{pid}", str(pid)) if pid else text
        limit = self._limit if limit is None else limit
        try:
            answer = ask(["sh", "-c", text], Path.cwd(), environment=os.environ, limit=limit, most=_MOST)
        except NoAnswerError as error:
            reason = f"{what} {error}"
        else:
            said = self._masking.text(answer.text, is_cut=len(answer.text.encode()) >= _MOST)
            reason = f"{what} ended with {answer.code}: {words(said)}".removesuffix(": ") if answer.code else ""
        if self.ending.is_set():
            raise Ended
        return reason or None
