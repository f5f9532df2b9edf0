"""The check `pgbouncer`: PgBouncer starts with the file and answers on its socket.

A small file includes the checked one and then sets where to listen: on a socket in a temporary folder, on no port. Certificates and
the password file belong to the real host, so they are not read. PgBouncer refuses to run as root; for root it runs as nobody.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from weft.base.problems import Place, Problem
from weft.checks import programs
from weft.checks.redis import NO_ANSWER, booted

if TYPE_CHECKING:
    from weft.checks import Finished

PROGRAM = "pgbouncer"
INSTALL = "the Debian package pgbouncer"

# Later lines win over those of the included file.
_ALONE: Final = """%include {file}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
auth_file =
logfile =
pidfile =
user =
server_tls_sslmode = disable
client_tls_sslmode = disable
"""
_PORT = re.compile(r"(?mi)^\s*listen_port\s*=\s*(\d+)\s*$")
_HELLO: Final = bytes.fromhex("0000000804d2162f")  # SSLRequest of the PostgreSQL protocol, answered with one letter
_LOG_LINE = re.compile(r"^\S+ \S+ \S+ \[\d+\] (?P<level>[A-Z]+) (?P<text>.*)$", re.MULTILINE)
# messages that only repeat that there was another one
_FOLLOWS = re.compile(r"cannot load config file|error processing include file")
_PLACE = re.compile(r" in configuration \((?P<file>.*):(?P<line>\d+)\)|, stopping loading")


def check(output: Finished) -> Iterator[Problem]:
    """The problems that PgBouncer reports for its configuration."""
    with tempfile.TemporaryDirectory(prefix="weft-pgbouncer-") as name:
        folder = Path(name)
        answer = _started(output, folder)
        if answer.code:
            yield _problem(answer, output, folder)


def _problem(answer: programs.Answer, output: Finished, folder: Path) -> Problem:
    """All errors of the log as one problem, at the first line of the file that one of them names."""
    entries = [entry["text"] for entry in _LOG_LINE.finditer(answer.text) if entry["level"] in ("ERROR", "FATAL")]
    places = filter(None, map(_PLACE.search, entries))
    line = next((int(place["line"]) for place in places if place["file"] == str(output.file)), None)
    said = "; ".join(_causes(entries) or [answer.text])
    words = programs.words(said.replace(f"{folder}/", "").replace(str(output.file), output.path))
    silent = "it does not answer" if answer.code == NO_ANSWER else f"it ended with {answer.code}"
    return Problem("pgbouncer", f"pgbouncer: {words or silent}", place=Place("", line) if line else None)


def _causes(entries: list[str]) -> list[str]:
    """The errors without their places, and without those that only follow from others."""
    complaints = [_PLACE.sub("", text) for text in entries]
    return [text for text in complaints if not _FOLLOWS.match(text)] or complaints


def _started(output: Finished, folder: Path) -> programs.Answer:
    port = _PORT.search(output.text)
    root = os.geteuid() == 0
    # for root it runs as nobody, who must be able to create the socket there
    folder.chmod(0o777 if root else 0o700)
    file = folder / "alone.ini"
    file.write_text(_ALONE.format(file=output.file, folder=folder), "utf-8")
    socket = folder / f".s.PGSQL.{port[1] if port else 6432}"
    return booted(["pgbouncer", *(["-u", "nobody"] if root else []), file], folder, socket, _HELLO)
