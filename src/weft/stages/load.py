"""Load: overlay files to layers, plain data with its file.

A file that many targets read is parsed once. `files.locator` looks up the position of a value again, and only for a report.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from weft.base.overlay import PLACEHOLDER, Layer, Source
from weft.base.problems import Place, Problem
from weft.base.recent import Latest
from weft.files import datafile, yaml12
from weft.files.locator import lines_at, locate
from weft.files.reading import ProjectFiles, unreadable

SUFFIXES: Final = (".yaml", ".yml", ".json")


class Overlays:
    """The overlay files of a project; those that were asked for last are not read again."""

    def __init__(self, files: ProjectFiles) -> None:
        self._project = files
        self._base = files.folder
        self._beginning = f"{files.folder.as_posix().removesuffix('/')}/"
        self._sources: Latest[Path, Source] = Latest()
        self._layers: Latest[str, Layer] = Latest()

    def without(self, changed: Collection[Path]) -> Overlays:
        """The same overlays after these files have changed, came or went: they are read again, and looked for again."""
        fresh = Overlays(self._project)
        fresh._sources = self._sources.without(changed)
        return fresh

    def layer(self, pattern: str, values: Mapping[str, str]) -> Layer | None:
        """The layer of a pattern for these dimension values; None when a placeholder has no value."""
        try:
            name = PLACEHOLDER.sub(lambda match: values[match[1]], pattern) if "{" in pattern else pattern
        except KeyError:
            return None
        known = self._layers.find(name)
        return known or self._layers.keep(name, Layer(name, tuple(map(self.source, self._files(name)))))

    def source(self, path: Path) -> Source:
        """The parsed file; a file that cannot be read or is not an overlay is a source with problems."""
        return self._sources.find(path) or self._sources.keep(path, self._read(path))

    def _files(self, name: str) -> Iterator[Path]:
        path = self._base / name
        if not self._project.may_read(path) or (path.suffix in SUFFIXES and self._project.exists(path)):
            yield path  # a folder outside of the project is refused like a file
            return
        text = str(path)  # whose parts are looked at for every target
        yield from (Path(file) for suffix in SUFFIXES if self._project.exists(file := text + suffix))
        yield from (
            file
            for file in self._project.entries(path)
            if file.suffix in SUFFIXES and self._project.exists(file) and not file.name.startswith(".")
        )

    def _read(self, path: Path) -> Source:
        name = path.as_posix().removeprefix(self._beginning)
        try:
            data = datafile.parse_named(self._project.read(path), path.name)
        except yaml12.YamlError as error:
            return Source(name, {}, path, (error.problem(name),))
        except IsADirectoryError:
            hint = f"a layer that is a folder of files has no suffix: call it `{path.stem}`"
            return Source(
                name, {}, path, (Problem("unreadable", "this is a folder, not a file", place=Place(name), hint=hint),)
            )
        except OSError as error:
            return Source(name, {}, None, (unreadable(error, name),))  # a report must not read it again
        if not isinstance(data, dict):
            kind = "a list" if isinstance(data, list) else "a single value"
            problem = Problem(
                "not-a-mapping",
                f"an overlay maps domains to their settings; this file is {kind}",
                place=Place(name, 1, 1),
                hint="start with the name of a domain, as in `domain: {setting: value}`",
            )
            return Source(name, {}, path, (problem,))
        if datafile.is_json(path.name):  # JSON has no modeline, so editors find its schema by this key
            data = {key: value for key, value in data.items() if key != "$schema"}
        return Source(name, data, path, digest=self._project.trace.digest(path))


def is_left_empty(source: Source, path: Sequence[str | int]) -> bool:
    """True if a key of a file has nothing after its colon, so its null may be unintended."""
    place = locate(source, path)
    if source.path is None or place.line is None or place.column is None:
        return False
    line = lines_at(source.path)[place.line - 1]
    return not line[place.column - 1 :].partition("#")[0].strip()
