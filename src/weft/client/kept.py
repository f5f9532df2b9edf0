"""The last good bundle on disk: what a program starts with if its source is missing, torn or refused.

Only what was accepted is written, so what was refused before a restart is checked again after it, and never taken from here.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from weft.files.atomic import replace_file

NAME: Final = "last-good.json"


class Kept:
    """The file `last-good.json` in a folder of the caller; it has the files of one bundle."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Replace what is kept, so that a crash leaves the one or the other. Raises CannotRun, as with a full disk."""
        data = {name: b64encode(content).decode() for name, content in contents.items()}
        replace_file(self.path, json.dumps(data), private=True, parents=True)

    def read(self) -> dict[str, bytes] | None:
        """What is kept; None if there is nothing, or nothing that can be read."""
        try:
            data = json.loads(self.path.read_bytes())
            return {name: b64decode(text, validate=True) for name, text in data.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return None
