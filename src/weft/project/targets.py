"""Targets: which ones there are, and which layers make each.

A target is a choice of one value for every dimension that targets name: `production`, `production/acme`. Dimensions with
a `setting` follow from the configuration itself.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Final

from weft.base.overlay import PLACEHOLDER, Layer
from weft.base.paths import Path as SettingPath
from weft.base.paths import dotted, get, has, pointer
from weft.base.problems import Place, Problem, Severity, UsageError, choices, did_you_mean
from weft.project.entries import Dimension
from weft.project.projectfile import ProjectFile
from weft.project.provenance import place_of
from weft.schema.envvars import to_text
from weft.schema.node import MISSING, Node
from weft.stages.load import SUFFIXES, Overlays, is_there

WHOLE: Final = "default"
"""The name of the one target of a project whose targets name no dimension."""
_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")

Fold = Callable[[Sequence[Layer]], Any]


@dataclass(frozen=True)
class Identity:
    """A target's name and its values of the dimensions that targets name, in the project's order."""

    name: str
    values: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True)
class Resolution:
    """The layers of a target, lowest first, all its dimension values, and what is wrong with them."""

    layers: tuple[Layer, ...]
    values: Mapping[str, str]
    problems: tuple[Problem, ...]


class Fleet:
    """All targets of a project. `extra` are the layers above all others, from the command line or the environment."""

    def __init__(
        self, file: ProjectFile, overlays: Overlays, root: Node, fold: Fold, extra: tuple[Layer, ...] = ()
    ) -> None:
        self._file = file
        self._overlays = overlays
        self._root = root
        self._fold = fold
        self._extra = extra
        self._named = [dimension for dimension in file.dimensions if dimension.setting is None]
        self._values = {dimension.name: self._all_values(dimension) for dimension in self._named}
        self.problems = (*self._odd_files(), *self._unknown_settings())

    def identities(self) -> Iterator[Identity]:
        """Every target that exists, an environment before its tenants."""
        yield from self._below(0, {})

    def select(self, globs: Iterable[str]) -> list[Identity]:
        """The targets that the globs name, in the project's order; all of them when there are no globs.

        `*` matches within one step of the name, `**` any number of steps; aliases work. Raises UsageError for a glob
        that matches nothing.
        """
        every = list(self.identities())
        wanted = [self._canonical(glob) for glob in globs]
        if not wanted:
            return every
        for glob in wanted:
            if not any(_matches(identity.name.split("/"), glob.split("/")) for identity in every):
                raise UsageError(self._unknown(glob, every))
        return [
            identity
            for identity in every
            if any(_matches(identity.name.split("/"), glob.split("/")) for glob in wanted)
        ]

    def one(self, name: str, values: Mapping[str, str]) -> Identity:
        """The target of this name and these dimension values, aliases allowed; raises UsageError when there is none."""
        known = [dimension.name for dimension in self._named]
        for dimension in values:
            if dimension not in known:
                hint = did_you_mean(dimension, known)
                raise UsageError(Problem("unknown-target", f"targets have no dimension `{dimension}`", hint=hint))
        rest = [values[dimension] for dimension in known if dimension in values]
        if "*" in name:
            hint = f"it matches {choices(identity.name for identity in self.select([name]))}"
            raise UsageError(Problem("unknown-target", f"`{name}` is a glob, and one target is wanted here", hint=hint))
        every = list(self.identities())
        canonical = self._canonical("/".join([*([name] if name else []), *rest])) or WHOLE
        for identity in every:
            if identity.name == canonical:
                return identity
        raise UsageError(self._unknown(canonical, every))

    def resolve(self, identity: Identity) -> Resolution:
        """The layers of a target: dimensions read from settings are found one after the other, each from the layers that need none of those still open."""
        values = dict(identity.values)
        problems = []
        for dimension in self._file.dimensions:
            if dimension.setting is None:
                continue
            layers = self._layers(values)
            value = self._setting(dimension, self._fold(layers))
            if value is None:
                continue
            values[dimension.name] = str(value)
            if not self._is_named(dimension, str(value), values):
                problems.append(self._named_nowhere(dimension, str(value)))
        layers = self._layers(values)
        final = self._fold(layers)
        for dimension in self._file.dimensions:
            value = self._setting(dimension, final) if dimension.setting is not None else None
            text = None if value is None else str(value)
            if dimension.setting is not None and text != values.get(dimension.name):
                problems.append(self._unstable(dimension, text, values.get(dimension.name)))
        return Resolution(layers, values, tuple(problems))

    def bad_limits(self) -> Iterator[Problem]:
        """Limits that name a value which does not exist: the target that was meant would be missing, silently."""
        for dimension in self._named if any(entry.files for entry in self._named) else ():
            for values in self._combinations(dimension):
                layers = self._layers(values)
                config = self._fold(layers)
                for other, path, limits in self._limits(dimension, config):
                    known = [*self._values[other.name], *(other.aliases or {})]
                    for index, value in enumerate(limits):
                        if value not in known:
                            place = place_of(self._root, layers, config, (*path, index))
                            hint = did_you_mean(str(value), known) or f"there are {choices(known)}"
                            message = f"{dotted((*path, index))} is no {other.name}"
                            yield Problem(
                                "unknown-value", message, path=pointer((*path, index)), place=place, hint=hint
                            )

    def without_target(self) -> Iterator[Problem]:
        """Values of dimensions that no target has, as their own settings exclude every other, as warnings."""
        every = list(self.identities())
        for dimension in self._named:
            found = {identity.values.get(dimension.name) for identity in every}
            for value, path in self._matching(dimension.files) if dimension.files else ():
                if value not in found and _VALUE.match(value):
                    place = Place(path.relative_to(self._file.folder).as_posix())
                    message = f"the {dimension.name} `{value}` has no target: its settings exclude all of them"
                    yield _warning(
                        "no-target", message, place, f"correct what limits it, in its settings under `{dimension.name}`"
                    )

    def unread(self, resolutions: Iterable[Resolution]) -> Iterator[Problem]:
        """Layers without a file, and files in the layers' folders that none of the resolutions reads, as warnings."""
        layers = [layer for resolution in resolutions for layer in resolution.layers]
        used = {layer.name for layer in layers}
        read = {source.path for layer in layers for source in layer.sources}
        known = {value for values in self._values.values() for value in values}
        aliases = {alias: value for entry in self._named for alias, value in (entry.aliases or {}).items()}
        # a value that a setting may choose one day is no mistake, and a misspelled one is told where it is chosen
        chosen = {entry.name for entry in self._file.dimensions if entry.setting is not None}
        patterns = [pattern for pattern in self._file.layers if not chosen.intersection(PLACEHOLDER.findall(pattern))]
        folders = {pattern.partition("{")[0].rpartition("/")[0] for pattern in patterns if "{" in pattern}
        for path in sorted({path for folder in folders - {""} for path in (self._file.folder / folder).rglob("*")}):
            if path.suffix in SUFFIXES and path.is_file() and path not in read and path.stem not in known:
                place = Place(path.relative_to(self._file.folder).as_posix())
                meant = aliases.get(path.stem)
                hint = f"`{path.stem}` is an alias: the file of `{meant}` bears that name" if meant else None
                yield _warning(
                    "unused-file", "no target reads this file", place, hint or did_you_mean(path.stem, known)
                )
        for index, pattern in enumerate(self._file.layers):
            shape = re.compile("[^/]+".join(map(re.escape, PLACEHOLDER.split(pattern)[::2])))
            if not any(shape.fullmatch(name) for name in used):
                message = f"no target has a file for the layer `{pattern}`"
                folder = (self._file.folder / pattern).parent
                near = [path.stem for path in folder.iterdir()] if folder.is_dir() and "{" not in pattern else []
                hint = did_you_mean(PurePath(pattern).name, near) or "correct or remove it"
                yield _warning("unused-layer", message, self._file.place("layers", index), hint)

    def _combinations(self, dimension: Dimension) -> Iterator[dict[str, str]]:
        """Each value of a dimension, with the first value of each other one: its limits stand in its own files."""
        first = {entry.name: self._values[entry.name][0] for entry in self._named if self._values[entry.name]}
        if dimension.files:
            yield from ({**first, dimension.name: value} for value in self._values[dimension.name])

    def _limits(self, dimension: Dimension, config: Any) -> Iterator[tuple[Dimension, SettingPath, list[Any]]]:
        for other in self._named:
            path = (dimension.name, f"{other.name}s")
            limits = get(config, path) if has(config, path) else self._root.at(path).default
            if other is not dimension and isinstance(limits, list):
                yield other, path, limits

    def _unknown_settings(self) -> Iterator[Problem]:
        for dimension in self._file.dimensions:
            node = self._root
            for step in dimension.setting or ():
                if not node.knows(step):
                    place = self._file.place("dimensions", dimension.name, "setting")
                    message = f"there is no setting {dotted(dimension.setting or ())}, so `{dimension.name}` would never have a value"
                    yield Problem(
                        "project-invalid", message, place=place, hint=did_you_mean(str(step), node.properties)
                    )
                    break
                node = node.child(step)

    def _layers(self, values: Mapping[str, str]) -> tuple[Layer, ...]:
        found = (self._overlays.layer(pattern, values) for pattern in self._file.layers)
        return (*(layer for layer in found if layer and layer.sources), *self._extra)

    def _setting(self, dimension: Dimension, config: Any) -> Any:
        path = dimension.setting or ()
        value = get(config, path) if has(config, path) else self._root.at(path).default
        return None if value is MISSING or value is None or isinstance(value, dict | list) else to_text(value)

    def _is_named(self, dimension: Dimension, value: str, values: Mapping[str, str]) -> bool:
        """Whether some layer or the schema knows the value; a typo would otherwise change nothing and say nothing."""
        if not _VALUE.match(value):
            return False
        patterns = [pattern for pattern in self._file.layers if dimension.name in PLACEHOLDER.findall(pattern)]
        if value in (self._root.at(dimension.setting or ()).keyword("enum") or ()) or not patterns:
            return True
        return any(layer and layer.sources for pattern in patterns if (layer := self._overlays.layer(pattern, values)))

    def _named_nowhere(self, dimension: Dimension, value: str) -> Problem:
        patterns = [pattern for pattern in self._file.layers if dimension.name in PLACEHOLDER.findall(pattern)]
        known = sorted({name for pattern in patterns for name in self._present(pattern, dimension.name)})
        where = " or ".join(
            f"`{PLACEHOLDER.sub(lambda match: value if match[1] == dimension.name else match[0], pattern)}.yaml`"
            for pattern in patterns
        )
        path = dimension.setting or ()
        return Problem(
            "unknown-value",
            f"{dotted(path)} is `{value}`, but there is no {dimension.name} of that name: no file {where}",
            path=pointer(path),
            hint=did_you_mean(value, known) or (f"there are {choices(known)}" if known else None),
        )

    def _unstable(self, dimension: Dimension, final: str | None, used: str | None) -> Problem:
        path = dimension.setting or ()
        made = "removed it" if final is None else f"made it `{final}`"
        return Problem(
            "unstable-value",
            f"{dotted(path)} chose the layers of {dimension.name} `{used}`, and those layers {made}",
            path=pointer(path),
            hint=f"set it only in layers that do not depend on `{{{dimension.name}}}`, or declare `{dimension.name}` after the dimensions that set it",
        )

    def _present(self, pattern: str, name: str) -> Iterator[str]:
        """The values of a dimension for which the pattern has files."""
        before, _, after = pattern.partition("{" + name + "}")
        if PLACEHOLDER.search(before):
            return
        folder = self._file.folder / before.rpartition("/")[0]
        for path in folder.iterdir() if folder.is_dir() else ():
            stem = path.stem if path.is_file() else path.name
            if not after and _VALUE.match(stem):
                yield stem

    def _all_values(self, dimension: Dimension) -> tuple[str, ...]:
        if dimension.files is None:
            return dimension.values
        return tuple(sorted(value for value, _ in self._matching(dimension.files) if _VALUE.match(value)))

    def _matching(self, glob: str) -> Iterator[tuple[str, Path]]:
        before, _, after = glob.partition("*")
        folder = self._file.folder / before.rpartition("/")[0]
        stem, tail = before.rpartition("/")[2], after.partition("/")
        for path in folder.iterdir() if folder.is_dir() else ():
            fits = path.name.startswith(stem) and path.name.endswith(tail[0]) and not path.name.startswith(".")
            if fits and (path.is_dir() and (path / tail[2]).exists() if tail[1] else is_there(path)):
                yield path.name[len(stem) : len(path.name) - len(tail[0])], path

    def _odd_files(self) -> Iterator[Problem]:
        for dimension in self._named:
            for value, path in self._matching(dimension.files) if dimension.files else ():
                if not _VALUE.match(value):
                    name = path.relative_to(self._file.folder).as_posix()
                    message = f"`{value}` cannot name a {dimension.name}: use letters, digits, `.`, `_` and `-`"
                    yield Problem("bad-name", message, place=Place(name), hint="rename the file")
            if dimension.files and not dimension.optional and not self._values[dimension.name]:
                yield Problem(
                    "no-values",
                    f"no file matches `{dimension.files}`, so dimension `{dimension.name}` has no value and there is no target",
                    place=self._file.place("dimensions", dimension.name, "files"),
                )

            for alias, value in (dimension.aliases or {}).items() if dimension.files else ():
                place = self._file.place("dimensions", dimension.name, "aliases", alias, key=True)
                values = self._values[dimension.name]
                if alias in values:
                    yield Problem("bad-name", f"`{alias}` is a value and an alias of `{dimension.name}`", place=place)
                elif values and value not in values:
                    message = f"alias `{alias}` stands for `{value}`, which is no value of `{dimension.name}`"
                    yield Problem("project-invalid", message, place=place, hint=did_you_mean(value, values))
        for first in self._named[:1]:
            if first.optional and WHOLE in self._values[first.name]:
                message = f"`{WHOLE}` cannot name a {first.name}: it is the name of the target without one"
                place = self._file.place("dimensions", first.name)
                yield Problem("bad-name", message, place=place, hint="choose another name")

    def _below(self, depth: int, values: dict[str, str]) -> Iterator[Identity]:
        if depth == len(self._named):
            yield Identity("/".join(values.values()) or WHOLE, values)
            return
        dimension = self._named[depth]
        if dimension.optional:
            yield Identity("/".join(values.values()) or WHOLE, values)
        for value in self._values[dimension.name]:
            chosen = {**values, dimension.name: value}
            if dimension.files is None or not values or self._exists(dimension, chosen):
                yield from self._below(depth + 1, chosen)

    def _exists(self, dimension: Dimension, values: Mapping[str, str]) -> bool:
        """Whether the settings of a value limit where it exists: `tenant.environments` lists the environments of a tenant."""
        config = self._fold(self._layers(values))
        for other, _, limits in self._limits(dimension, config):
            wanted = [(other.aliases or {}).get(value, value) for value in limits if isinstance(value, str)]
            if other.name in values and values[other.name] not in wanted:
                return False
        return True

    def _canonical(self, text: str) -> str:
        steps = text.strip("/").split("/")
        return "/".join(
            (self._named[index].aliases or {}).get(step, step) if index < len(self._named) else step
            for index, step in enumerate(steps)
        )

    def _unknown(self, name: str, every: list[Identity]) -> Problem:
        steps = name.split("/")
        names = [identity.name for identity in every]
        hint = did_you_mean(name, names)
        for index, dimension in enumerate(self._named[: len(steps)]):
            known = [*self._values[dimension.name], *(dimension.aliases or {})]
            if not any(fnmatch.fnmatchcase(value, steps[index]) for value in known) and steps[index] != "**":
                return Problem(
                    "unknown-target",
                    f"there is no {dimension.name} `{steps[index]}`",
                    hint=did_you_mean(steps[index], known)
                    or (f"there are {choices(known)}" if known else "no file gives one"),
                )
        why = (
            " (its settings limit where it exists)"
            if len(steps) == len(self._named) and "*" not in name and len(steps) > 1
            else ""
        )
        return Problem(
            "unknown-target",
            f"there is no target `{name}`{why}",
            hint=hint or f"there are {choices(names)}; see `weft targets`",
        )


def _warning(code: str, message: str, place: Place, hint: str | None) -> Problem:
    return Problem(code, message, Severity.WARNING, place=place, hint=hint)


def _matches(name: Sequence[str], glob: Sequence[str]) -> bool:
    if not glob:
        return not name
    if glob[0] == "**":
        return any(_matches(name[start:], glob[1:]) for start in range(len(name) + 1))
    return bool(name) and fnmatch.fnmatchcase(name[0], glob[0]) and _matches(name[1:], glob[1:])
