"""How checks run programs: found, with a time limit, never left running."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

TIME_LIMIT: Final = 60.0
"""How many seconds a program may take."""

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
    try:
        done = subprocess.run(  # noqa: S603 - the command is that of a check, never text of a configuration
            [find(program) or program, *arguments],
            cwd=folder,
            env=_environment() if environment is None else environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"gave no answer within {limit:.0f} seconds") from None
    except OSError as error:
        raise NoAnswerError(f"could not be started: {error.strerror or error}") from None
    return Answer(done.returncode, done.stdout.decode("utf-8", "replace"))


def _environment() -> dict[str, str]:
    """What a program needs to run, and none of the secrets that the environment of a pipeline holds; and no way to the network."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    return kept | _NO_NETWORK | {"HOME": os.devnull}  # no keys of ssh, no credentials of registries and clusters


def words(text: str, limit: int = 300) -> str:
    """What a program said, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[:limit]}…"
