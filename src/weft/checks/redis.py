"""The check `redis`: redis-server starts with the file and answers PING.

It runs for a second or less, in a temporary folder, on a socket there and on no port. Files of the real host (users, certificates,
folders, what is included) do not exist when the file is checked, so the lines that name them are removed, and so is the cluster,
whose bus always listens on a port.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from weft.base.problems import Place, Problem
from weft.checks import programs
from weft.files.lines import lines_of

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM = "redis-server"
INSTALL = "the Debian package redis-server"

PATIENCE: Final = 20.0
"""The seconds until a server must answer."""
NO_ANSWER: Final = 124
"""The exit code of `booted` if the server runs but does not answer."""

_OF_THE_HOST = re.compile(
    r"(?mi)^[ \t]*(aclfile|dir|include|logfile|pidfile|supervised|tls-(replication|cluster)|cluster-enabled)\b.*$"
)
_ALONE: Final = ("--port", "0", "--tls-port", "0", "--daemonize", "no", "--save", "")
_COMPLAINT = re.compile(r"at line (\d+)\n>>> '.*'\n(.+)")
_LOG_LINE = re.compile(r"^\d+:[A-Z] .*? [*#.-] ", re.MULTILINE)

# Starts a server, sends a greeting to its socket, and ends it again, even if the caller is gone. 124 is NO_ANSWER.
_BOOT: Final = """
import os, signal, socket, subprocess, sys, time
patience, place, hello, *command = sys.argv[1:]
server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
until, answer = time.monotonic() + float(patience), b""
try:
    while not answer and server.poll() is None and time.monotonic() < until:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                client.connect(place)
                client.sendall(bytes.fromhex(hello))
                answer = client.recv(100)
        except OSError:
            time.sleep(0.01)
    code = 0 if answer else 124 if server.poll() is None else server.returncode or 1
finally:
    server.terminate()
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(server.pid, signal.SIGKILL)  # and its children
    except ProcessLookupError:
        pass
    server.wait()
sys.exit(code)
"""


def check(output: Finished) -> Iterator[Problem]:
    """The problems that redis-server reports for its configuration."""
    with tempfile.TemporaryDirectory(prefix="weft-redis-") as name:
        folder = Path(name)
        file = folder / "redis.conf"
        file.write_text(_OF_THE_HOST.sub("", output.text), "utf-8")
        socket = folder / "redis.sock"
        answer = booted(["redis-server", file, *_ALONE, "--unixsocket", socket], folder, socket, b"PING\r\n")
    if answer.code == 0:
        return
    reported = _COMPLAINT.search(answer.text)
    if reported:
        line = int(reported[1])
        known = line <= len(lines_of(output.text))
        yield Problem("redis", f"redis-server: {programs.words(reported[2])}", place=Place("", line) if known else None)
        return
    said = programs.words(_LOG_LINE.sub("", answer.text).replace(f"{folder}/", ""))
    silent = "it does not answer" if answer.code == NO_ANSWER else f"it ended with {answer.code}"
    yield Problem("redis", f"redis-server does not start: {said or silent}")


def booted(command: Sequence[str | Path], folder: Path, socket: Path, hello: bytes) -> programs.Answer:
    """Run a server until it answers a greeting on its socket: code 0, else its own exit code or NO_ANSWER."""
    program = programs.find(str(command[0])) or command[0]
    boot: list[str | Path] = [sys.executable, "-c", _BOOT, str(PATIENCE), socket, hello.hex()]
    return programs.ask([*boot, program, *command[1:]], folder)
