"""How checks run programs: finding them, with a time limit, never leaving them running."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Final

TIME_LIMIT: Final = 60.0
"""The seconds that a program may take."""
_TIDYING: Final = 0.3
"""The seconds that a program has to clean up when the run is interrupted."""

_PIPE: Final = 65536
_LONGEST_PAUSE: Final = 0.02
"""The bytes that are read at once, and the seconds between two looks at whether a program has ended."""

_OF_THE_MACHINE: Final = frozenset(("/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin", "/bin", "/sbin"))
_KEPT: Final = frozenset(
    ("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "PYTHONPATH")
)
_NOWHERE: Final = "http://127.0.0.1:9"  # a port without a listener
_NO_NETWORK: Final = {
    **{name: _NOWHERE for each in ("http_proxy", "https_proxy", "all_proxy") for name in (each, each.upper())},
    "GIT_ALLOW_PROTOCOL": "none",
}
"""Variables that keep programs which honor them, such as those written in Go, from fetching addresses in an output."""


class NoAnswerError(Exception):
    """A program did not end in time, or could not be started; the text says which, and starts with a verb."""


@dataclass(frozen=True)
class Answer:
    """The exit code of a program, and its output on stdout and stderr."""

    code: int
    text: str


@cache
def find(program: str) -> str | None:
    """The path of a program, None if it is not found: on PATH, next to this Python, or in the folders of daemons.

    A virtual environment belongs to the project, so what is next to its Python comes before what the whole machine has.
    """
    if program == "python":
        return sys.executable
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), "/usr/sbin", "/usr/local/sbin"]
    first = next(index for index, folder in enumerate(folders) if folder in _OF_THE_MACHINE)
    folders.insert(first, str(Path(sys.executable).parent))
    return shutil.which(program, path=os.pathsep.join(folders))


class Started:
    """The programs that one run of the checks has started and that are still running; several threads start them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running = set[subprocess.Popen[bytes]]()
        self._ended = False

    def own_this_thread(self) -> None:
        """Register the programs that this thread starts from now on with the run."""
        _STARTED.set(self)

    @contextlib.contextmanager
    def held(self) -> Iterator[set[int]]:
        """The processes that are running or not waited for yet, while no other one is started."""
        with self._lock:
            yield {process.pid for process in list(self._running)}

    def end(self) -> None:
        """End all running programs, and start no more; a program has a short time to clean up."""
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

    def run(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None,
        limit: float,
        most: int | None = None,
    ) -> Answer:
        """Run a program to completion. Raises TimeoutExpired after the limit, OSError if it cannot be started."""
        with self._start(command, folder, environment) as process:
            try:
                said = process.communicate(timeout=limit)[0] if most is None else _start_of(process, limit, most)
            except subprocess.TimeoutExpired:
                _kill(process)
                raise
            finally:
                self._running.discard(process)
        if self._ended:
            raise NoAnswerError("was ended because the run has ended")
        return Answer(process.returncode, said.decode("utf-8", "replace"))

    def _start(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._ended:
                raise NoAnswerError("was not started because the run has ended")
            process = subprocess.Popen(  # noqa: S603 - the command is that of a check, never text of a configuration
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=0 if os.name == "posix" else None,  # so its children can be ended with it
            )
            self._running.add(process)
        return process


def _start_of(process: subprocess.Popen[bytes], limit: float, most: int) -> bytes:
    """The first bytes that a program prints until it ends; what it leaves running may keep its output open. Raises TimeoutExpired."""
    assert process.stdout
    found, end, pause = bytearray(), time.monotonic() + limit, 0.001
    while True:
        has_ended = process.poll() is not None  # asked before reading, so that what it printed at last is there
        left = end - time.monotonic()
        ready, _, _ = select.select([process.stdout], [], [], 0 if has_ended else max(0.0, min(pause, left)))
        data = os.read(process.stdout.fileno(), _PIPE) if ready else b""
        found += data[: most - len(found)]
        if has_ended and (not data or len(found) >= most):
            return bytes(found)
        if left <= 0:
            raise subprocess.TimeoutExpired(process.args, limit)
        if ready and not data:
            process.wait(left)  # it has closed its output
        pause = min(2 * pause, _LONGEST_PAUSE)


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    if os.name == "posix":
        _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a program, and to its children."""
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
    most: int | None = None,
) -> Answer:
    """Run a program to completion in a folder. Raises NoAnswerError.

    With `most`, its answer has only the first bytes that it prints, and nobody waits for what it leaves running (POSIX only).
    It gets the variables of `environment`, by default those of `_environment`: its input may be untrusted.
    """
    program, *arguments = map(str, command)
    started = _STARTED.get() or Started()
    try:
        return started.run(
            [find(program) or program, *arguments],
            folder,
            _environment() if environment is None else environment,
            limit,
            most,
        )
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"gave no answer within {limit:.0f} seconds") from None
    except OSError as error:
        raise NoAnswerError(f"could not be started: {error.strerror or error}") from None


def _environment() -> dict[str, str]:
    """The variables that a program needs to run: no secrets of a pipeline's environment, and no access to the network."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    # no keys of ssh, no credentials of registries and clusters; kubectl would report that it finds no preferences there
    return kept | _NO_NETWORK | {"HOME": os.devnull, "KUBECTL_KUBERC": "false"}


def words(text: str, limit: int = 300) -> str:
    """The output of a program, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[:limit]}…"
