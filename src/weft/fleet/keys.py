"""Keys: what the result of a target follows from, as digests of content, without times.

All targets of a project share the files that it was opened from, its templates, the options of the run and Weft itself, with the packages
that are installed next to it. A target adds the files of its layers.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from weft.base.overlay import PLACEHOLDER, sources
from weft.files.signatures import digest_of
from weft.fleet.options import Options
from weft.project.project import Project
from weft.project.target import Target
from weft.schema.envvars import layers_from


def common_key(project: Project, options: Options, code: str) -> str:
    """What all targets of a project have in common."""
    templates = project.folder / project.file.templates
    trace = project.files.trace
    for path in project.files.reachable(templates):
        if trace.digest(Path(path)) is None:
            with contextlib.suppress(OSError):  # rendering it reports that
                project.files.read(Path(path))
    opened = {*project.opened_from, *(path for path in trace.files if path.startswith(f"{templates}/"))}
    files = sorted((_relative(project.folder, path), trace.files[path][1]) for path in opened)
    return digest_of(json.dumps([code, _of_options(project, options), files], default=repr))


def _of_options(project: Project, options: Options) -> list[Any]:
    """The options; of the environment only the variables of settings, as every process has another one."""
    variables = None if options.environment is None else layers_from(project.root, options.environment)[0]
    return [list(options.overrides.items()), variables, options.allowed]


def target_key(project: Project, target: Target, common: str) -> str | None:
    """The key of a target's result; None if a file of its layers could not be read."""
    layers: list[Any] = []
    for source in sources(target.resolution.layers):
        if source.path is None and source.problems:
            return None
        if source.path is not None:
            if source.digest is None:
                return None
            layers.append([source.name, source.digest])
    return digest_of(json.dumps([common, target.name, dict(target.resolution.values), layers]))


def layer_names(patterns: Iterable[str], values: Mapping[str, str]) -> list[str]:
    """The names of the layers that a target with these values may have."""
    known = [one for one in patterns if all(name in values for name in PLACEHOLDER.findall(one))]
    return [PLACEHOLDER.sub(lambda match: values[match[1]], one) for one in known]


def _relative(folder: Path, path: str) -> str:
    return Path(path).relative_to(folder).as_posix() if Path(path).is_relative_to(folder) else path
