"""The baseline of a project: findings of `weft secrets scan` that someone reviewed and accepted.

The file is committed, so it contains no secrets, and nothing that would make a short secret easy to guess: each secret is stored as a
salted hash that is slow to compute. An entry accepts one secret in one file, on any line.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import pbkdf2_hmac
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from weft.base.problems import CannotRun, Place, Problem, Severity, WeftError, reason_of
from weft.files import datafile
from weft.files.atomic import replace_file
from weft.files.reading import files_of
from weft.files.yaml12 import YamlError

NAME: Final = ".weft-secrets-baseline.json"
_ABOUT: Final = "Accepted findings of `weft secrets scan`. `weft secrets scan --write-baseline` writes this file."
_HINT: Final = "`weft secrets scan --write-baseline` writes a new one"
_ROUNDS: Final = 100_000
_SIZE: Final = 16


@dataclass(frozen=True, order=True)
class Accepted:
    """One accepted secret in one file; `history` means that the file contained it in an earlier commit."""

    file: str
    kind: str
    fingerprint: str
    history: bool = False


@dataclass(frozen=True)
class Baseline:
    """The accepted secrets. A project without the file accepts none."""

    accepted: frozenset[Accepted] = frozenset()
    salt: str = field(default_factory=lambda: token_hex(_SIZE))

    @classmethod
    def read(cls, folder: Path) -> Baseline:
        """The baseline of a project. Raises CannotRun if it cannot be read, WeftError if it is not valid."""
        try:
            data = datafile.parse_named(files_of(folder).read(folder / NAME), NAME)
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise CannotRun(Problem("unreadable", f"{NAME}: {reason_of(error)}")) from None
        except YamlError as error:
            place = Place(NAME, error.line, error.column)
            raise WeftError(
                Problem("bad-baseline", f"not a baseline: {error.message}", place=place, hint=_HINT)
            ) from None
        if not _is_baseline(data):
            message = "not a baseline: it has no `salt`, or an entry does not have `file`, `kind` and `fingerprint`"
            raise WeftError(Problem("bad-baseline", message, place=Place(NAME), hint=_HINT))
        return cls(frozenset(Accepted(**entry) for entry in data["accepted"]), data["salt"])

    def write(self, folder: Path) -> None:
        """Write the file. Raises CannotRun."""
        entries = [
            {
                "file": one.file,
                "kind": one.kind,
                "fingerprint": one.fingerprint,
                **({"history": True} if one.history else {}),
            }
            for one in sorted(self.accepted)
        ]
        data = {"about": _ABOUT, "salt": self.salt, "accepted": entries}
        replace_file(folder / NAME, json.dumps(data, indent=2, ensure_ascii=False) + "\n")

    def entry(self, file: str, kind: str, secret: str, *, history: bool) -> Accepted:
        """The entry that accepts a secret in a file."""
        return Accepted(file, kind, _fingerprint(self.salt, file, secret), history)

    def accepts(self, entry: Accepted) -> bool:
        """True if a secret is accepted in its file, for any commit."""
        return any((one.file, one.fingerprint) == (entry.file, entry.fingerprint) for one in self.accepted)

    def knows(self, file: str) -> bool:
        """True if any secret is accepted in a file; otherwise its slow hash need not be computed."""
        return any(one.file == file for one in self.accepted)

    def stale(self, found: Iterable[Accepted], files: Collection[str] | None) -> list[Problem]:
        """Warnings for entries whose secrets are no longer found in these files, or in any; not for those of the history."""
        left = {(one.file, one.fingerprint) for one in found}
        return [
            _stale(one)
            for one in sorted(self.accepted)
            if not one.history and (files is None or one.file in files) and (one.file, one.fingerprint) not in left
        ]


def _stale(entry: Accepted) -> Problem:
    message = f"the baseline accepts a secret in {entry.file} ({entry.kind}) that no longer exists"
    hint = "`weft secrets scan --write-baseline` removes the entry"
    return Problem("stale-baseline", message, Severity.WARNING, place=Place(NAME), hint=hint)


@lru_cache(maxsize=10_000)
def _fingerprint(salt: str, file: str, secret: str) -> str:
    """A hash of a secret that takes a tenth of a second, so a dictionary attack is slow."""
    text = f"{file}\0{secret}".encode("utf-8", "surrogateescape")
    return pbkdf2_hmac("sha256", text, salt.encode(), _ROUNDS, _SIZE).hex()


def _is_baseline(data: Any) -> bool:
    if (
        not isinstance(data, dict)
        or not isinstance(data.get("salt"), str)
        or not isinstance(data.get("accepted"), list)
    ):
        return False
    return all(isinstance(entry, dict) and _is_entry(entry) for entry in data["accepted"])


def _is_entry(entry: dict[str, Any]) -> bool:
    texts = ("file", "kind", "fingerprint")
    return (
        all(isinstance(entry.get(key), str) for key in texts)
        and isinstance(entry.get("history", False), bool)
        and entry.keys() <= {*texts, "history"}
    )
