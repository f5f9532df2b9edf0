"""Mounts that never change: with `subPath`, Kubernetes binds one file or folder of a volume when a container starts, and updates nothing after that.

Linux lists all mounts of a process, each with the place in its own file system from which it was bound (`/proc/self/mountinfo`, see
`proc_pid_mountinfo(5)`). A whole volume is mounted at a folder, and is a folder of its own; what `subPath` takes of it is a file, or is
inside a folder such as `..2026_11_28_10_00_00.123`, which is the current revision of a volume and is removed with the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from weft.base.problems import Place, Problem, Severity
from weft.client.sources import AtPath, File, Folder, Source

_MOUNTS: Final = Path("/proc/self/mountinfo")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
_OF_A_REVISION: Final = re.compile(r"/\.\.\d{4}_\d\d_\d\d|//deleted$")


def never_updated(
    source: Source, names: Iterable[str], secrets: Path | None, mounts: str | None = None
) -> tuple[Problem, ...]:
    """A warning for each mount of a source or of a mounted Secret that no new revision reaches.

    `names` are the files of the source, `mounts` is the text of the kernel's list, which is read if it is not given.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text("utf-8", "surrogateescape")
        except OSError:
            return ()  # not Linux
    roots = dict(_parsed(line) for line in mounts.splitlines() if line.count(" ") >= 4)
    return tuple(_warning(place) for place in dict.fromkeys(_places(source, names, secrets)) if _is_fixed(place, roots))


def _parsed(line: str) -> tuple[str, str]:
    """Where something is mounted, and what: its path in its own file system."""
    root, point = (_OCTAL.sub(lambda found: chr(int(found[1], 8)), part) for part in line.split(" ")[3:5])
    return point, root


def _places(source: Source, names: Iterable[str], secrets: Path | None) -> Iterable[str]:
    """What may be a mount: the file, or the folder and its files."""
    source = source.now if isinstance(source, AtPath) else source
    if isinstance(source, File):
        yield _real(source.path)
    if isinstance(source, Folder):
        yield str(source.path.resolve())
        yield from (_real(source.path / name) for name in names)
    if secrets:
        yield str(secrets.resolve())
        yield from map(_real, sorted(secrets.iterdir()) if secrets.is_dir() else ())


def _real(path: Path) -> str:
    """The path of a file, with the links of its folder resolved: a mount point itself is never a link."""
    return str(path.parent.resolve() / path.name)


def _is_fixed(place: str, roots: dict[str, str]) -> bool:
    """Whether something is a mount by itself that stays as it is."""
    if place not in roots:
        return False
    return not Path(place).is_dir() or bool(_OF_A_REVISION.search(roots[place]))


def _warning(place: str) -> Problem:
    message = "this is mounted by itself, as with `subPath`, and never updated: no later revision reaches the program"
    hint = "mount the whole volume at a folder, without `subPath`"
    return Problem("never-updated", message, Severity.WARNING, place=Place(place), hint=hint)
