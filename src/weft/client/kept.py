"""The last good bundle on disk: what a program starts with if its source is missing, torn or refused.

Only what was accepted is written. A new revision is compared with it at the next start too, so a restart accepts nothing that was refused
before it. Listeners cannot be asked at a start, so the digest of what they refused last is written as well.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from weft.files.atomic import replace_file
from weft.files.reading import ProjectFiles

NAME: Final = "last-good.json"
REFUSED: Final = "refused"


class Kept:
    """The files `last-good.json`, which has the files of one bundle, and `refused`, which has a digest, in a folder of the caller."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._refused = folder / REFUSED

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Replace what is kept, so that a crash leaves the one or the other. Raises CannotRun, as with a full disk."""
        data = {name: b64encode(content).decode() for name, content in contents.items()}
        replace_file(self.path, json.dumps(data), private=True, parents=True)
        self._refused.unlink(missing_ok=True)

    def read(self) -> dict[str, bytes] | None:
        """What is kept; None if there is nothing, or nothing that can be read."""
        try:
            data = json.loads(ProjectFiles(self.path.parent).read(self.path))
            return {name: b64decode(text, validate=True) for name, text in data.items()}
        except (OSError, ValueError, AttributeError, TypeError, RecursionError):
            return None

    def refuse(self, digest: str) -> None:
        """Note that listeners refused the bundle with this digest. Raises CannotRun."""
        replace_file(self._refused, digest, private=True, parents=True)

    def has_refused(self, digest: str) -> bool:
        """True if listeners refused the bundle with this digest, and no other one was accepted since."""
        try:
            return ProjectFiles(self.path.parent).read(self._refused) == digest.encode()
        except (OSError, ValueError):
            return False
