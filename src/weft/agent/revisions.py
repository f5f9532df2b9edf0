"""Where the agent's revisions come from: the source, checked by its own schema and rules, and the last good one on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft.base.problems import Problem, WeftError
from weft.client.judging import Bundle, Judge, opened
from weft.client.settling import Pinned, Settled, settle
from weft.client.sources import AtPath, Folder, Unreadable
from weft.schema.node import Node


@dataclass(frozen=True)
class Revision:
    """A bundle that schema and rules accept."""

    bundle: Bundle
    root: Node
    settled: Settled

    @property
    def name(self) -> str:
        """What people call it: its number, or the start of its digest."""
        number, digest = self.bundle.manifest.revision, self.bundle.manifest.digest
        return digest[:12] if number is None else str(number)

    @property
    def has_secrets(self) -> bool:
        """True if a value is a secret in plain text."""
        return bool(self.settled.pinned.secrets)


class Revisions:
    """What the source has, as revisions; `secrets` is the folder of a mounted Secret."""

    def __init__(self, path: Path, secrets: Path | None) -> None:
        self.source = AtPath(path)
        self._secrets = Folder(secrets) if secrets else None
        self._judge: Judge | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders in which something changes when there is a new revision."""
        return (*self.source.folders, *(self._secrets.folders if self._secrets else ()))

    def token(self) -> Any:
        """Something that is equal as long as neither the source nor a secret has changed."""
        return self.source.token(), self._secrets.token() if self._secrets else None

    def read(self, previous: Revision | None, *, hold: bool) -> Revision:
        """The revision in the source, after a previous one. Raises WeftError with why it cannot be used.

        With `hold`, settings that need a restart keep their values.
        """
        try:
            reading = self.source.read()
        except Unreadable as error:
            raise WeftError(Problem("bundle-refused", str(error))) from None
        return self.of(reading.contents, reading.place, previous, hold=hold)

    def of(self, contents: Mapping[str, bytes], place: str, previous: Revision | None, *, hold: bool) -> Revision:
        """The revision in the files of a bundle. Raises WeftError."""
        bundle = opened(contents, place)
        self._judge = Judge.of(bundle, self._judge)
        pinned = Pinned.of(self._judge, {}, self._secrets.path if self._secrets else None)
        before = previous.settled.snapshot if previous else None
        return Revision(bundle, self._judge.root, settle(self._judge, bundle, pinned, before, hold=hold))
