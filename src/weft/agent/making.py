"""The files of a revision: from the templates of the caller, or the values of each domain as JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from weft.agent.revisions import Revision
from weft.base.problems import Place, Problem, WeftError, choices, did_you_mean
from weft.client.snapshot import thawed
from weft.files.reading import ProjectFiles
from weft.secrets.taint import Views
from weft.stages.render.templates import Templates

_LONGEST: Final = 255
"""The bytes that a file system takes as a name."""


@dataclass(frozen=True)
class Render:
    """A template, and the file that it makes, relative to the folder that the agent keeps."""

    template: Path
    file: str

    @classmethod
    def parse(cls, folder: Path, text: str) -> Render:
        """`TEMPLATE:FILE`, with a template relative to a folder. Raises ValueError with what is wrong."""
        template, colon, file = text.rpartition(":")
        if not colon or not template or not file:
            raise ValueError("expected TEMPLATE:FILE, as in service.conf.j2:service.conf")
        if not _is_inside(file):
            raise ValueError(
                f"{file} must be a path inside the folder of --into, and no part of it may start with `..`"
            )
        return cls((folder / template).absolute(), PurePosixPath(file).as_posix())


def clash(names: Collection[str]) -> str | None:
    """What keeps files with these names from being in one folder."""
    for name in names:
        around = next((str(one) for one in PurePosixPath(name).parents if str(one) in names), None)
        if around:
            return f"{around} cannot be a file and the folder of {name}"
    return None


def made(revision: Revision, renders: Sequence[Render]) -> dict[str, bytes]:
    """The files of a revision: name to content. Raises WeftError with the problems of the templates, or of the names of the domains."""
    values = thawed(revision.settled.snapshot.tree)
    if not renders:
        files = {_named(domain): _json(value) for domain, value in values.items()}
        reason = clash(files)
        if reason:
            raise WeftError(Problem("agent-refused", reason, hint=_HINT))
        return files
    config = Views(reveal=True).of(revision.root, values)
    found = {one.file: _rendered(one, {**config, "config": config}) for one in renders}
    problems = [text for text in found.values() if isinstance(text, Problem)]
    if problems:
        raise WeftError(*problems)
    return {name: text.encode() for name, text in found.items() if isinstance(text, str)}


_HINT: Final = "name the file with --render"


def _named(domain: str) -> str:
    """The name of a domain's file. Raises WeftError if it would be another one than a file in the folder: a bundle may come from anybody."""
    name = f"{domain}.json"
    if not _is_inside(name) or PurePosixPath(name).as_posix() != name:
        message = f"the domain {domain!r} cannot be the name of a file in the folder of --into"
        raise WeftError(Problem("agent-refused", message, hint=_HINT))
    return name


def _is_inside(file: str) -> bool:
    """True for a path of a file inside a folder, which is none of the agent's own files there."""
    path = PurePosixPath(file)
    strange = "\0" in file or path.is_absolute() or not path.parts
    return not strange and not any(part.startswith("..") or len(part.encode()) > _LONGEST for part in path.parts)


def _rendered(render: Render, context: Mapping[str, Any]) -> str | Problem:
    """The text of a template, or the problem with the whole path of the template."""
    home = render.template.parent
    if _is_missing(render.template):
        return _missing(render.template)
    text = Templates(ProjectFiles(home.parent), home.name).render(render.template.name, context)
    if isinstance(text, Problem) and text.place:
        return replace(text, place=replace(text.place, file=str(home.parent / text.place.file)))
    if isinstance(text, str):
        try:
            text.encode()
        except UnicodeEncodeError:
            return Problem("template-failed", f"{render.template} produces half of a surrogate pair")
    return text


def _is_missing(template: Path) -> bool:
    try:
        template.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # which reading it explains
    return False


def _missing(template: Path) -> Problem:
    """The problem of a template that is not there; its folder may be a large one, so nothing below that is searched."""
    there = sorted(ProjectFiles(template.parent).names_near(template))
    hint = did_you_mean(template.name, there) or (f"choose from {choices(there)}" if there else None)
    message = f"there is no template `{template.name}` in {template.parent}"
    return Problem("template-not-found", message, place=Place(str(template)), hint=hint)


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "backslashreplace")
