"""What identifies the content of a file: its digest, and a signature that shows without reading that it has not changed.

A signature is what the file system says about a file: size, times and number (`st_ino`). It is trusted only if the file was last changed clearly
before it was looked at, because a second change within one tick of the clock would leave the same signature. Git calls such entries
racy, and reads these files again, as Weft does: https://git-scm.com/docs/racy-git.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from operator import attrgetter
from typing import Final

Signature = str
"""The size in bytes, the times of the last change of the content and of the file in nanoseconds, and its number (`st_ino`), as one text."""

_TICK: Final = 20_000_000
"""Nanoseconds within which two changes may get the same time; Linux counts in steps of at most 10 ms."""
_SECONDS: Final = 2_000_000_000
"""The same for file systems that keep whole seconds, or two of them (FAT)."""
_WHOLE: Final = 1_000_000_000
_SAID: Final = attrgetter("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")


def digest_of(content: str | bytes) -> str:
    """The digest of a content, as 32 hexadecimal digits; of a text, as UTF-8."""
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return blake2b(data, digest_size=16).hexdigest()


def signature(status: os.stat_result, now: int) -> Signature | None:
    """The signature of a file that was looked at `now`, in nanoseconds; None if it changed too recently to be trusted."""
    latest = max(status.st_mtime_ns, status.st_ctime_ns)
    tick = _SECONDS if status.st_mtime_ns % _WHOLE == 0 and status.st_ctime_ns % _WHOLE == 0 else _TICK
    if latest + tick > now:
        return None
    return untrusted_signature(status)


def untrusted_signature(status: os.stat_result) -> Signature:
    """The signature of a file, however recently it changed: to compare it with one that can be trusted."""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Some files and folders, and one digest of all their signatures, which shows at once that none of them has changed.

    The digest is empty if one of the signatures cannot be trusted. Paths are those below a folder, or absolute.
    """

    paths: tuple[str, ...]
    digest: str

    @classmethod
    def of(cls, signatures: Mapping[str, Signature | None]) -> Fingerprint:
        """The fingerprint of files and folders with these signatures."""
        known = [one for one in signatures.values() if one is not None]
        return cls(tuple(signatures), _digest_of_all(known) if len(known) == len(signatures) else "")

    def holds(self, folder: str) -> bool:
        """True if everything certainly is as it was, below this folder."""
        if not self.digest:
            return False
        try:
            found = map(_SAID, map(os.lstat, [below(folder, path) for path in self.paths]))
            return self.digest == _digest_of_all([f"{size} {mtime} {ctime} {ino}" for size, mtime, ctime, ino in found])
        except OSError:
            return False


def below(folder: str, path: str) -> str:
    """A path below a folder, unless it is absolute."""
    return path if path[:1] == os.sep or path[1:2] == ":" else f"{folder}/{path}"


def _digest_of_all(signatures: Iterable[Signature]) -> str:
    return digest_of("\n".join(signatures))
