"""Settings by dotted name: the exact path of a dotted one, and the layers that are not files.

`--set app.replicas=3` and the environment variables of `--from-env` become layers above all overlays, so they are merged, checked and
explained like overlays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.base import paths
from weft.base.overlay import Layer, Source
from weft.base.problems import Problem, UsageError, did_you_mean
from weft.schema import envvars
from weft.schema.levels import nearest
from weft.schema.node import Node


def setting_path(root: Node, steps: paths.Path) -> paths.Path:
    """The exact path of a setting that the schema allows, from a path without brackets around keys with dots.

    Raises UsageError when the schema allows no such setting.
    """
    node, found, rest = root, list[str | int](), list(steps)
    while rest:
        runs = [".".join(map(str, rest[:size])) for size in range(2, len(rest) + 1)]
        step = next((name for name in (rest[0], *runs) if name in node.properties), rest[0])
        if not node.knows(step):
            raise UsageError(_unknown(root, found, rest))
        node = node.child(step)
        found.append(step)
        del rest[: runs.index(str(step)) + 2 if step in runs and step != rest[0] else 1]
    return tuple(found)


def _unknown(root: Node, found: Sequence[str | int], rest: Sequence[str | int]) -> Problem:
    """The problem of a path whose first steps are found, but not the next one."""
    step, known = rest[0], root.at(found).properties
    where = f"in {paths.dotted(found)}" if found else "at the top level"
    hint = did_you_mean(str(step), known) or _in_brackets(root, found, step) or _elsewhere(root, found, rest)
    return Problem("unknown-key", f"there is no setting `{step}` {where}", hint=hint)


def _in_brackets(root: Node, found: Sequence[str | int], step: str | int) -> str | None:
    """A hint if the last step is a key that no schema names: with the next step, it may be one key that contains a dot."""
    if not found or isinstance(step, int) or found[-1] in root.at(found[:-1]).properties:
        return None
    return f"a key that contains a dot is written in brackets: `{paths.dotted([*found[:-1], f'{found[-1]}.{step}'])}`"


def _elsewhere(root: Node, found: Sequence[str | int], rest: Sequence[str | int]) -> str | None:
    """A hint with the setting whose path ends with the rest of a path, if there is one near the part that is found."""
    groups = root.catalog.groups_by_name.get(str(rest[-1]), ())
    ending = [(*group, rest[-1]) for group in groups]
    meant = nearest([path for path in ending if path[-len(rest) :] == tuple(rest)], tuple(found))
    return f"did you mean `{paths.dotted(meant)}`?" if meant else None


def extra_layers(
    root: Node, overrides: Mapping[str, str], environment: Mapping[str, str] | None
) -> tuple[tuple[Layer, ...], list[Problem]]:
    """A layer of the variables of a process environment, one for each setting path with its text, and the problems of the variables.

    Raises UsageError for an override of a setting that the schema does not allow, or with a text that is not a value of it.
    """
    layers: list[Layer] = []
    problems: list[Problem] = []
    if environment is not None:
        found, problems = envvars.layers_from(root, environment)
        layers.append(Layer("--from-env", tuple(Source(f"--from-env {name}", data) for name, data in found.items())))
    for text, value in overrides.items():
        layers.append(Layer("--set", (Source(f"--set {text}", _override(root, text, value)),)))
    return tuple(layers), problems


def _override(root: Node, text: str, value: str) -> dict[str, Any]:
    data: dict[str, Any] = {}
    try:
        path = setting_path(root, paths.parse_dotted(text))
    except ValueError as error:
        raise UsageError(Problem("bad-override", f"--set {text}: {error}")) from None
    node = root.at(path)
    try:
        value_set = envvars.literal(envvars.from_text(node, value))
    except ValueError as error:
        message = f"--set {text}: {error}{envvars.in_place_of(node, value)}"
        raise UsageError(Problem("bad-override", message)) from None
    if any("array" in root.at(path[:length]).types for length in range(len(path))):
        message = f"--set {text}: a single item of a list cannot be set"
        raise UsageError(Problem("bad-override", message, hint="set the whole list, as `a,b` or as JSON"))
    paths.put(data, path, value_set)
    return data
