"""Placing new values in overlays: the lowest layer of all targets, and new files of layers."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from weft.api.parts.plan import Plan
from weft.base.overlay import PLACEHOLDER, Source
from weft.base.paths import Path as SettingPath
from weft.base.paths import has
from weft.base.problems import CannotRun, Problem
from weft.derived.editors.settings_files import GENERATED
from weft.files import datafile
from weft.files.formats import plain_scalar, to_json, to_yaml
from weft.project.project import Project
from weft.stages.load import SUFFIXES, Overlays


def set_for_all(project: Project, plan: Plan, path: SettingPath, value: Any) -> None:
    """Set a setting in the lowest layer that all targets have; if there is none, in every layer that is the lowest of some target.

    Raises WeftError if one of them cannot be edited, CannotRun if there is no such layer.
    """
    overlays = Overlays(project.file.files)
    layers = list(_lowest(project))
    if not layers:
        message = "no layer applies to all targets, so there is no place for the value"
        raise CannotRun(Problem("no-target", message, hint="add a default, or set it in overlays yourself"))
    for layer in layers:
        found = overlays.layer(layer, {})
        _set_in(project, plan, layer, found.sources if found else (), path, value)


def _lowest(project: Project) -> Iterator[str]:
    """The names of the layers: one without placeholders, or those of the first pattern for all values."""
    layers = project.file.layers
    whole = next((layer for layer in layers if not PLACEHOLDER.search(layer)), None)
    if whole is not None:
        yield whole
        return
    required = {dimension.name for dimension in project.dimensions.named if not dimension.optional}
    for layer in layers:
        names = list(dict.fromkeys(PLACEHOLDER.findall(layer)))
        if required.issuperset(names):
            for values in itertools.product(*(project.dimensions.values[name] for name in names)):
                chosen = dict(zip(names, values, strict=True))
                yield PLACEHOLDER.sub(lambda match, chosen=chosen: chosen[match[1]], layer)  # type: ignore[misc]
            return


def _set_in(
    project: Project, plan: Plan, layer: str, sources: tuple[Source, ...], path: SettingPath, value: Any
) -> None:
    """Set a setting in the file of a layer that has the domain, or has its name; in its only file; or in a new one."""
    folder = (project.folder / layer).is_dir()
    nearest = _nearest(sources, path)
    if nearest is None and len(sources) == 1 and not folder:
        nearest = sources[0].name
    if nearest is not None:
        plan.add(nearest, path, value)
        return
    data: Any = value
    for step in reversed(path):
        data = {step: data}
    if folder or len(sources) > 1:
        create(project, plan, f"{layer}/{path[0]}{_usual_suffix(sources)}", data)
    else:
        create(project, plan, layer if layer.endswith(SUFFIXES) else f"{layer}.yaml", data)


def _nearest(sources: tuple[Source, ...], path: SettingPath) -> str | None:
    """The file that has most steps of a path, among those that have its domain, or else its name."""
    having = [source.name for source in sources if path[0] in source.data]
    own = having or [source.name for source in sources if PurePosixPath(source.name).stem == path[0]]
    return max(own, key=lambda name: _depth(sources, name, path), default=None)


def _depth(sources: tuple[Source, ...], name: str, path: SettingPath) -> int:
    """The number of steps of a path that exist in a file."""
    data = next(source.data for source in sources if source.name == name)
    return next((size for size in range(len(path), 0, -1) if has(data, path[:size])), 0)


def _usual_suffix(sources: tuple[Source, ...]) -> str:
    suffixes = Counter(PurePosixPath(source.name).suffix for source in sources)
    return suffixes.most_common(1)[0][0] if suffixes else ".yaml"


def create_empty(project: Project, plan: Plan, path: str, name: str) -> None:
    """Plan an empty overlay for a value of a dimension."""
    create(project, plan, path, {}, f"# Differences for {name}.\n")


def create(project: Project, plan: Plan, path: str, data: Any, comment: str = "") -> None:
    """Plan an overlay with some data, in the format of its suffix."""
    if datafile.is_json(path):
        plan.create(path, f"{to_json(data)}\n")
    else:
        plan.create(path, f"{_modeline(project, path)}{comment}{to_yaml(data, plain_scalar)}\n")


def _modeline(project: Project, path: str) -> str:
    """The first line of an overlay, from which editors find its schema; empty if there is no such schema."""
    schema = PurePosixPath(GENERATED, "overlay.schema.json")
    if not Path(project.folder, schema).is_file():
        return ""
    return f"# yaml-language-server: $schema={'../' * path.count('/')}{schema}\n"
