"""The program that an agent runs: started, restarted, and sent signals; the agent ends as it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from weft.base.problems import CannotRun, Problem
from weft.checks.programs import find

PATIENCE: Final = 30.0
"""Seconds that the program has to end before it is killed, when it is restarted for a new revision."""
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
"""Seconds between the end of a program and its next start: the first pause, doubled each time, and the longest."""
_KEYS: Final = (signal.SIGINT, signal.SIGQUIT)
"""The signals that a terminal sends to all processes that it shows."""
_LASTING: Final = 60.0
"""A program that ran for this long starts again after the first pause."""


class CannotStart(CannotRun):
    """The program cannot be started now."""


class Ended(Exception):
    """Somebody ends the agent: what is being done is given up."""


class Program:
    """A program with its arguments. `ended` is called from another thread whenever it has ended."""

    def __init__(self, command: Sequence[str], ended: Callable[[], None]) -> None:
        self._command = list(command)
        self._ended = ended
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = False
        self._shares = False
        self._since = 0.0
        self._pause = _FIRST_PAUSE

    @property
    def pid(self) -> int | None:
        """Its process; None before the first start."""
        return self._process.pid if self._process else None

    @property
    def code(self) -> int | None:
        """How it ended, as shells say it; None while it runs, or was never started."""
        code = self._process.poll() if self._process else None
        return 128 - code if code is not None and code < 0 else code

    @property
    def is_running(self) -> bool:
        """True from a start to the end of the process."""
        return self._process is not None and self.code is None

    def start(self) -> None:
        """Start it. Raises CannotStart if that is impossible, Ended if the agent is being ended.

        In a terminal it is in the process group of the agent: it may read, and the signals of the keys reach both of them.
        """
        name, *arguments = self._command
        with self._lock:
            if self._ending:
                raise Ended
            shares = _has_terminal()
            try:
                process = subprocess.Popen(  # noqa: S603 - the caller's own
                    [find(name) or name, *arguments], process_group=None if shares else 0
                )
            except OSError as error:
                reason = "it is a folder" if Path(name).is_dir() and "/" in name else error.strerror
                raise CannotStart(Problem("not-installed", f"{name} cannot be started: {reason}")) from None
            self._process, self._since, self._shares = process, time.monotonic(), shares
        threading.Thread(target=self._wait, args=(process,), name="weft-program", daemon=True).start()

    @contextlib.contextmanager
    def held(self) -> Iterator[set[int]]:
        """Its process, while no other one is started."""
        with self._lock:
            yield {self._process.pid} if self._process and self._process.returncode is None else set()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self._ended()

    def restart(self) -> None:
        """End it gracefully, or after some time at once, and start it again. Raises CannotStart and Ended."""
        self.end()
        self.start()

    def end(self) -> None:
        """End it gracefully, or after some time at once."""
        process = self._process
        if process is not None and self.is_running:
            self._send(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._send(signal.SIGKILL)
                process.wait()

    def pass_on(self, number: int, *, ends: bool) -> None:
        """Send it a signal of the agent; one that `ends` also keeps it from being started again.

        Where it shares the terminal, it has the signals of keys already: many programs take a second one as an order to drop everything.
        """
        with self._lock:
            self._ending = self._ending or ends
        if not (self._shares and number in _KEYS):
            self._send(number)

    def pause(self) -> float:
        """The seconds before it may be started again, after it has ended by itself."""
        if time.monotonic() - self._since >= _LASTING:
            self._pause = _FIRST_PAUSE
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE)
        return pause

    def _send(self, number: int) -> None:
        process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)


def _has_terminal() -> bool:
    """True if the agent is in the foreground of a terminal, whose keys are for the agent and its program."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
