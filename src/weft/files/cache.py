"""Caches in the user's cache folder; lost entries are created again.

Only its owner can read the folder, because entries may be derived from a configuration.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from weft.base.problems import CannotRun
from weft.files.atomic import content_of, replace_file


def cache_folder(name: str) -> Path:
    """A folder of Weft in the user's cache folder, by the XDG base directory specification; it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weft" / name


def recall(folder: str, name: str) -> bytes | None:
    """The entry of a cache folder with a name; None if there is none, or it cannot be read."""
    with contextlib.suppress(OSError):
        return content_of(cache_folder(folder) / name)
    return None


def keep(folder: str, name: str, content: str | bytes) -> None:
    """Store an entry in a cache folder under a name. A failed write is ignored."""
    path = cache_folder(folder) / name
    with contextlib.suppress(OSError, CannotRun):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(path, content, durable=False)
