"""The check `pgbouncer`: PgBouncer starts with the file and answers on its socket.

A small file includes the one that is checked and then says where to listen: on a socket in a folder of its own, on no port.
Certificates and the password file are those of the real host, so they are not read. PgBouncer refuses to be root; for root it
runs as nobody.
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
_FOLLOWS = re.compile(r"cannot load config file|error processing include file")
_PLACE = re.compile(r" in configuration \((?P<file>.*):(?P<line>\d+)\)|, stopping loading")


def check(output: Finished) -> Iterator[Problem]:
    """What PgBouncer says of its configuration."""
    port = _PORT.search(output.text)
    with tempfile.TemporaryDirectory(prefix="weft-pgbouncer-") as name:
        folder = Path(name)
        root = os.geteuid() == 0
        folder.chmod(0o777 if root else 0o700)
        file = folder / "alone.ini"
        file.write_text(_ALONE.format(file=output.file, folder=folder), "utf-8")
        socket = folder / f".s.PGSQL.{port[1] if port else 6432}"
        answer = booted(["pgbouncer", *(["-u", "nobody"] if root else []), file], folder, socket, _HELLO)
    if answer.code == 0:
        return
    line: int | None = None
    said: list[str] = []
    for entry in _LOG_LINE.finditer(answer.text):
        if entry["level"] in ("ERROR", "FATAL"):
            place = _PLACE.search(entry["text"])
            if place and place["file"] == str(output.file):
                line = line or int(place["line"])
            said.append(_PLACE.sub("", entry["text"]))
    told = [text for text in said if not _FOLLOWS.match(text)] or said or [answer.text]
    words = programs.words("; ".join(told).replace(f"{folder}/", "").replace(str(output.file), output.path))
    silent = "it does not answer" if answer.code == NO_ANSWER else f"it ended with {answer.code}"
    yield Problem("pgbouncer", f"pgbouncer: {words or silent}", place=Place("", line) if line else None)
