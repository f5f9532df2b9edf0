"""The files of a revision: from the templates of the caller, or the values of each domain as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from weft.agent.revisions import Revision
from weft.base.problems import Problem, WeftError
from weft.client.snapshot import thawed
from weft.files.reading import ProjectFiles
from weft.secrets.taint import Views
from weft.stages.render.templates import Templates


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
        path = PurePosixPath(file)
        if path.is_absolute() or not path.parts or any(part.startswith("..") for part in path.parts):
            raise ValueError(
                f"{file} must be a path inside the folder of --into, and no part of it may start with `..`"
            )
        return cls((folder / template).absolute(), path.as_posix())


def made(revision: Revision, renders: Sequence[Render]) -> dict[str, bytes]:
    """The files of a revision: name to content. Raises WeftError with the problems of the templates."""
    values = thawed(revision.settled.snapshot.tree)
    if not renders:
        return {f"{domain}.json": _json(value) for domain, value in values.items()}
    config = Views(reveal=True).of(revision.root, values)
    found = {one.file: _rendered(one, {**config, "config": config}) for one in renders}
    problems = [text for text in found.values() if isinstance(text, Problem)]
    if problems:
        raise WeftError(*problems)
    return {name: text.encode() for name, text in found.items() if isinstance(text, str)}


def _rendered(render: Render, context: Mapping[str, Any]) -> str | Problem:
    """The text of a template, or the problem with the whole path of the template."""
    home = render.template.parent
    text = Templates(ProjectFiles(home.parent), home.name).render(render.template.name, context)
    if isinstance(text, Problem) and text.place:
        return replace(text, place=replace(text.place, file=str(home.parent / text.place.file)))
    if isinstance(text, str):
        try:
            text.encode()
        except UnicodeEncodeError:
            return Problem("template-failed", f"{render.template} produces half of a surrogate pair")
    return text


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "backslashreplace")
