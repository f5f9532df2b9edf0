"""The one place that turns a path in an overlay, a schema or weft.yaml into a file, line and column.

Data has no positions while it is merged and validated. A problem knows a path only, and its position in the file is looked up when a
report needs it. A report may ask for thousands of positions in one file, so a text is read and parsed once. `locate` answers for a
path, `placed` for a problem, `placed_at_rule` for the rule that a problem comes from. `project.placing` finds the file of a merged
value, and uses this module for the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG

from weft.base.overlay import Source
from weft.base.paths import parse_pointer
from weft.base.problems import Place, Problem
from weft.files import yaml12
from weft.files.lines import lines_of


def locate(
    source: Source, path: Sequence[str | int], *, key: bool = False, within: tuple[int, int] | None = None
) -> Place:
    """The place of the value at `path` in a file, or of its key; of the nearest enclosing key if it does not exist.

    `within` is a line and a column inside the text that is the value. There is no line without a file, or if the file was removed.
    """
    text = text_of(source)
    if text is None:
        return Place(source.name)
    return locate_in(text, source.name, source.written_at(tuple(path)), key=key, within=within)


def locate_in(
    text: str, name: str, path: Sequence[str | int], *, key: bool = False, within: tuple[int, int] | None = None
) -> Place:
    """The same, in the text of a file with this name in reports."""
    steps = [str(step) for step in path]
    found = yaml12.position(text, steps, key, within)
    if found:
        return Place(name, *found)
    while steps:
        steps.pop()
        found = yaml12.position(text, steps, key=True)
        if found:
            return Place(name, *found, nearest=True)
    return Place(name)


def placed(problem: Problem, source: Source) -> Problem:
    """The problem at its own path in a file: at the key or at the value, depending on its code."""
    return replace(problem, place=locate(source, parse_pointer(problem.path or ""), key=problem.traits.at_key))


def placed_at_rule(problem: Problem, folder: Path) -> Problem:
    """The problem at the place of its rule: in a schema or a rule pack below a folder."""
    name, _, pointer = (problem.schema or "").partition("#")
    source = Source(name, path=folder / name)
    place = locate(source, parse_pointer(pointer), key=problem.traits.at_key, within=problem.within)
    return replace(problem, place=place)


def text_of(source: Source) -> str | None:
    """The current content of a file; None if there is no file."""
    return None if source.path is None else text_at(source.path)


def text_at(path: Path) -> str | None:
    """The current content of a file, read again only after a change; None if there is no regular file."""
    try:
        status = path.stat()
        return _text(path, status.st_mtime_ns, status.st_size) if S_ISREG(status.st_mode) else None
    except OSError:
        return None


def lines_at(path: Path) -> list[str]:
    """The lines of a file; empty if there is no regular file."""
    text = text_at(path)
    return [] if text is None else _lines(text)


@lru_cache(maxsize=16)
def _text(path: Path, *_stamp: int) -> str:
    return path.read_bytes().decode("utf-8-sig", "replace")  # which preserves line ends


@lru_cache(maxsize=4)
def _lines(text: str) -> list[str]:
    return lines_of(text)
