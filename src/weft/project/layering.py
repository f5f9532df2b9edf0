"""Layering: layers folded into one configuration, with all their problems.

A fold merges the files of its layers one after the other, from the lowest up. Targets share their lower layers, so the result of
the first files of a fold is kept and shared: the *prefix cache*. A fleet of a thousand tenants merges the base, the environment and
the region once, and then one file for each tenant.

A problem of a file on its own (a secret in plain text, an invalid reference) exists in every fold with that file, even if a higher
layer hides the value. Such problems are searched once per file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from weft.base import paths
from weft.base.overlay import VALUE, Layer, Source, data_path, sources
from weft.base.problems import Problem, Severity
from weft.base.recent import Latest
from weft.files.locator import locate, placed
from weft.project.renaming import Renaming
from weft.schema.node import Node
from weft.secrets.providers import misformed
from weft.secrets.quoting import SecretLines
from weft.secrets.references import literal_secret, literals
from weft.stages.layer_settings import removed, set_twice
from weft.stages.load import Overlays, is_left_empty
from weft.stages.merge import merge


@dataclass(frozen=True)
class Folded:
    """The result of layers: the merged value, without the schema's defaults, and the problems."""

    value: Any = field(repr=False)
    problems: tuple[Problem, ...] = ()


class Layering:
    """Finds the layers of a project's patterns and folds them; what many targets share is read and merged once."""

    def __init__(self, root: Node, overlays: Overlays, secret_lines: SecretLines) -> None:
        self._root = root
        self.overlays = overlays
        self._files = _FileProblems(root, secret_lines)
        self._renaming = Renaming(root)
        self._nothing = Folded({})
        self._prefixes: Latest[tuple[Source, ...], Folded] = Latest()
        self._clashes: Latest[Layer, tuple[Problem, ...]] = Latest()

    def layers(self, patterns: Iterable[str], values: Mapping[str, str]) -> tuple[Layer, ...]:
        """The layers of these patterns that have files, for these values of the dimensions."""
        found = [self.overlays.layer(pattern, values) for pattern in patterns]
        return tuple(self.with_new_names(layer) for layer in found if layer and layer.sources)

    def with_new_names(self, layer: Layer) -> Layer:
        """A layer with renamed settings under their new names."""
        return self._renaming.layer(layer)

    def fold(self, layers: Sequence[Layer]) -> Folded:
        """The merged layers, and their problems."""
        merged = self._merged(sources(layers))
        clashes = [problem for layer in layers for problem in self._set_twice(layer)]
        return Folded(merged.value, (*merged.problems, *clashes))

    def _merged(self, files: tuple[Source, ...]) -> Folded:
        """The result of files: the longest cached prefix, and the rest merged on top."""
        prefixes = ((size, self._prefixes.find(files[:size])) for size in range(len(files), 0, -1))
        done, result = next(((size, known) for size, known in prefixes if known), (0, self._nothing))
        for size in range(done, len(files)):
            result = self._prefixes.keep(files[: size + 1], self._with(result, files[size]))
        return result

    def _with(self, lower: Folded, source: Source) -> Folded:
        """The result of one more file on top of the lower ones."""
        value, problems = merge(self._root, lower.value, source.data, defaults=True)
        of_merge = [placed(problem, source) for problem in problems]
        empty = _left_empty(lower.value, source)
        return Folded(value, (*lower.problems, *self._files.problems(source), *of_merge, *empty))

    def _set_twice(self, layer: Layer) -> tuple[Problem, ...]:
        if len(layer.sources) < 2:
            return ()
        known = self._clashes.find(layer)
        if known is not None:
            return known
        return self._clashes.keep(layer, tuple(_clash(*clash) for clash in set_twice(self._root, layer)))


class _FileProblems:
    """The problems of files on their own, independent of other layers."""

    def __init__(self, root: Node, secret_lines: SecretLines) -> None:
        self._root = root
        self._secret_lines = secret_lines
        self._known: Latest[Source, tuple[Problem, ...]] = Latest()

    def problems(self, source: Source) -> tuple[Problem, ...]:
        """Problems of reading a file, secrets in plain text and invalid references, each with its place."""
        known = self._known.find(source)
        if known is not None:
            return known
        unread = map(self._secret_lines.guard, source.problems)
        forms = (placed(problem, source) for problem in misformed(self._root, source.data))
        return self._known.keep(source, (*unread, *source.renamed, *self._plain_secrets(source), *forms))

    def _plain_secrets(self, source: Source) -> Iterator[Problem]:
        for path in literals(self._root, source.data):
            setting = tuple(step for step in path if step != VALUE)  # the path in the schema
            value = paths.get(source.data, path)
            found = literal_secret(setting, self._root.at(data_path(path)).place, value)
            yield replace(found, place=locate(source, path))


def _left_empty(lower: Any, source: Source) -> Iterator[Problem]:
    """Warnings for keys with nothing after their colon that remove values of lower layers."""
    for path in removed(lower, source.data):
        if is_left_empty(source, path):
            mapping = isinstance(paths.get(lower, path), dict)
            what = "the whole mapping" if mapping else "the value of"
            message = f"`{path[-1]}:` without a value removes {what} {paths.dotted(path)} of the lower layers"
            otherwise = f", `{path[-1]}: {{}}` to change nothing" if mapping else ""
            hint = f"write `{path[-1]}: null` if that is intended{otherwise}"
            place = locate(source, path, key=True)
            yield Problem("left-empty", message, Severity.WARNING, path=paths.pointer(path), place=place, hint=hint)


def _clash(source: Source, path: paths.Path, other: Source, other_path: paths.Path) -> Problem:
    message = f"{paths.dotted(path)} is set in {source.name} and in {other.name}, which are one layer"
    places = locate(source, path), locate(other, other_path)
    return Problem("set-twice", message, place=places[0], related=places[1:], hint="keep one of the two")
