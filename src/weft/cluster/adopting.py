"""Live values as overlay changes: what somebody set in a cluster by hand becomes configuration.

Only a value whose setting is certain can be written back: the output line of the field shows one setting, and the target with the new value
renders the live one. Everything else is a note that says why it was left.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from weft.base import paths
from weft.base.problems import Problem, Severity, WeftError
from weft.cluster import fields, manifests
from weft.cluster.drifting import Drift, Kind, TargetDrift
from weft.cluster.manifests import SECRET, Manifest
from weft.files.atomic import replace_file
from weft.files.edits import EditError, with_replacement
from weft.project.impact import main_setting_behind
from weft.project.project import Project
from weft.project.provenance import Setter
from weft.project.target import Target


def adopt(project: Project, found: Sequence[TargetDrift]) -> list[Problem]:
    """Write the live values of changed fields into the overlays that set them. Returns a note for each field, changed or not.

    Raises CannotRun if an overlay cannot be written.
    """
    notes = []
    for one in found:
        scopes = manifests.UnaskedScopes(one.client.namespace)
        rendered = {
            each.key: each for each in manifests.render(project, [one.target], scopes).manifests[one.target.name]
        }
        notes += [_adopted(project, one.target, rendered.get(drift.key), drift) for drift in one.found]
    return notes


def _adopted(project: Project, target: Target, manifest: Manifest | None, drift: Drift) -> Problem:
    change = drift.change
    if change is None or drift.kind is not Kind.CHANGED or manifest is None or drift.key.type == SECRET:
        return _left(drift, "only changed values of rendered objects can be adopted, and none of Secrets")
    path = fields.plain(change.path, manifest.data)
    place = manifest.place(path)
    if place is None or not place.line or manifest.source is None:
        return _left(drift, "the sources render no such field any more")
    setting = main_setting_behind(target, manifest.source.output, place.line)
    if setting is None:
        return _left(drift, "no setting is behind it")
    setters = target.explain(setting).setters
    for value in _readings(change.old):
        if _renders(project, target, manifest, setting, value, path, change.old):
            return _written(drift, setting, setters, value)
    return _left(drift, f"no value of {paths.dotted(setting)} renders it")


def _readings(value: Any) -> list[Any]:
    """What a setting may be for a rendered value: a ConfigMap holds texts only."""
    found = [value]
    if isinstance(value, str):
        found += [int(value)] if value.lstrip("-").isdecimal() else []
        found += [value == "true"] if value in ("true", "false") else []
    return found[::-1]


def _renders(
    project: Project,
    target: Target,
    manifest: Manifest,
    setting: paths.Path,
    value: Any,
    path: Sequence[str | int],
    wanted: Any,
) -> bool:
    """True if the target with a value for a setting renders the live value."""
    try:
        text = value if isinstance(value, str) else json.dumps(value)
        changed = project.with_overrides({paths.dotted(setting): text})
        again = manifests.render(
            changed, [changed.target(target.name)], manifests.UnaskedScopes(manifest.key.namespace)
        )
    except WeftError:
        return False
    same = next((one for one in again.manifests[target.name] if one.key == manifest.key), None)
    return same is not None and paths.has(same.data, path) and paths.get(same.data, path) == wanted


def _written(drift: Drift, setting: paths.Path, setters: Sequence[Setter], value: Any) -> Problem:
    """Write a value into the overlay that sets it."""
    setter = next((one for one in setters if one.source.path is not None and one.operator is None), None)
    if setter is None or setter.source.path is None:
        return _left(drift, f"no overlay sets {paths.dotted(setting)}: add it to the one that should")
    text = setter.source.path.read_text("utf-8")
    try:
        new = with_replacement(text, setter.source.name, list(setter.path), value)
    except EditError as error:
        return _left(drift, f"{setter.place} cannot be edited: {error}")
    replace_file(setter.source.path, new.encode())
    message = f"{drift.key}: {drift.field} is adopted as {paths.dotted(setting)}"
    return Problem("drift-changed", message, Severity.NOTE, place=setter.place, targets=(drift.target,))


def _left(drift: Drift, reason: str) -> Problem:
    name = f"{drift.key}: {drift.field}" if drift.field else str(drift.key)
    return Problem(drift.code, f"{name} is left: {reason}", Severity.NOTE, targets=(drift.target,))
