"""How checks run programs: found, with a time limit, never left running."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Final

TIME_LIMIT: Final = 60.0
"""How many seconds a program may take."""
_TIDYING: Final = 0.3
"""How many seconds a program has to tidy up when the run is interrupted."""

_KEPT: Final = frozenset(
    ("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "PYTHONPATH")
)
_NOWHERE: Final = "http://127.0.0.1:9"  # the port where nobody listens
_NO_NETWORK: Final = {
    **{name: _NOWHERE for each in ("http_proxy", "https_proxy", "all_proxy") for name in (each, each.upper())},
    "GIT_ALLOW_PROTOCOL": "none",
}
"""What keeps well-behaved programs, such as those that are written in Go, from fetching what an output names."""


class NoAnswerError(Exception):
    """A program did not end in time, or could not be started; the text says which, beginning with a verb."""


@dataclass(frozen=True)
class Answer:
    """How a program ended, and what it said on both its outputs."""

    code: int
    text: str


@cache
def find(program: str) -> str | None:
    """Where a program is: on the path, beside this Python, or where daemons are kept; None when it is nowhere."""
    if program == "python":
        return sys.executable
    folders = [os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent), "/usr/sbin", "/usr/local/sbin"]
    return shutil.which(program, path=os.pathsep.join(folders))


class Started:
    """The programs that one run of the checks has started and that have not ended yet; threads that belong to it start them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running = set[subprocess.Popen[bytes]]()
        self._ended = False

    def own_this_thread(self) -> None:
        """Count what this thread starts from now on among the programs of the run."""
        _STARTED.set(self)

    def end(self) -> None:
        """End what still runs, and start nothing more; a program may tidy up, but not for long."""
        with self._lock:
            self._ended = True
            running = list(self._running)
        for process in running:
            _signal(process, signal.SIGINT)
        until = time.monotonic() + _TIDYING
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0, until - time.monotonic()))
            _kill(process)

    def run(self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None, limit: float) -> Answer:
        """Run a program to its end. Raises TimeoutExpired when that is not within the limit, OSError when it cannot be started."""
        with self._start(command, folder, environment) as process:
            try:
                said, _ = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                _kill(process)
                raise
            finally:
                self._running.discard(process)
        if self._ended:
            raise NoAnswerError("was ended, as the run has")
        return Answer(process.returncode, said.decode("utf-8", "replace"))

    def _start(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._ended:
                raise NoAnswerError("was not started, as the run has ended")
            process = subprocess.Popen(  # noqa: S603 - the command is that of a check, never text of a configuration
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=0 if os.name == "posix" else None,  # so that what it starts can be ended with it
            )
            self._running.add(process)
        return process


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    if os.name == "posix":
        _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a program, and to what it has started."""
    if os.name != "posix":
        process.send_signal(number)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


_STARTED: Final[ContextVar[Started | None]] = ContextVar("_STARTED", default=None)


def ask(
    command: Sequence[str | Path],
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    limit: float = TIME_LIMIT,
) -> Answer:
    """Run a program to its end in a folder; raises NoAnswerError.

    It gets the variables of `environment`, by default those of `_environment`: what it reads may come from a stranger.
    """
    program, *arguments = map(str, command)
    started = _STARTED.get() or Started()
    try:
        return started.run(
            [find(program) or program, *arguments],
            folder,
            _environment() if environment is None else environment,
            limit,
        )
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"gave no answer within {limit:.0f} seconds") from None
    except OSError as error:
        raise NoAnswerError(f"could not be started: {error.strerror or error}") from None


def _environment() -> dict[str, str]:
    """What a program needs to run, and none of the secrets that the environment of a pipeline holds; and no way to the network."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    return kept | _NO_NETWORK | {"HOME": os.devnull}  # no keys of ssh, no credentials of registries and clusters


def words(text: str, limit: int = 300) -> str:
    """What a program said, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[:limit]}…"
