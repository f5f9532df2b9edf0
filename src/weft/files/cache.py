"""What Weft keeps to be faster, in the user's cache folder; whatever is lost there is made again.

The folder is readable by its owner alone, as what is kept may be made of a configuration.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from weft.base.problems import CannotRun
from weft.files.atomic import content_of, replace_file


def cache_folder(name: str) -> Path:
    """A folder of Weft's in the user's cache folder, as the XDG base directories say; it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weft" / name


def recall(folder: str, name: str) -> bytes | None:
    """What was kept in a cache folder under a name; None when there is nothing, or it cannot be read."""
    with contextlib.suppress(OSError):
        return content_of(cache_folder(folder) / name)
    return None


def keep(folder: str, name: str, content: str | bytes) -> None:
    """Keep something in a cache folder under a name; a cache that cannot be written is not an error."""
    path = cache_folder(folder) / name
    with contextlib.suppress(OSError, CannotRun):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(path, content, durable=False)
