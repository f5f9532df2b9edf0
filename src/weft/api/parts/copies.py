"""Overlays of a new value of a dimension: copies of those of another value, with its name replaced.

A copy preserves every character except the names: `staging`, as a whole word, becomes `qa` in the values of settings, so hosts,
namespaces and references are those of the new value. If the schema does not accept the new word, the old one stays.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from weft.api.parts.trial import overlay_files
from weft.base.overlay import PLACEHOLDER, data_path
from weft.base.paths import Path as SettingPath
from weft.base.paths import dotted
from weft.base.problems import WeftError
from weft.files import datafile, edits, yaml12
from weft.files.formats import plain_scalar
from weft.files.reading import unreadable
from weft.project.entries import Dimension
from weft.project.project import Project
from weft.stages.load import SUFFIXES

_MODELINE: Final = re.compile(r"#.*yaml-language-server:.*\n")
_OTHERS_READ: Final = 20


@dataclass(frozen=True)
class Copy:
    """A file for the new value: the source, the destination, the text, and the settings in which the old name stayed."""

    source: str
    path: str
    text: str
    kept: tuple[SettingPath, ...]


class Copies:
    """The overlays of one value of a dimension, `like`, converted to those of another one, `name`."""

    def __init__(self, project: Project, dimension: Dimension, like: str, name: str) -> None:
        self._project = project
        self._files = project.file.files
        self._dimension = dimension
        self._like = like
        self._name = name
        self._values = values_of(project, dimension)
        words = [like, *(alias for alias, value in (dimension.aliases or {}).items() if value == like)]
        self._word = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, words))})(?![A-Za-z0-9])")

    def renamed(self, text: str) -> str:
        """A text with one name replaced by the other."""
        return self._word.sub(lambda _: self._name, text)

    def files(self) -> Iterator[Copy]:
        """A copy of each file of a layer for this value."""
        always = self._own_names()
        for layer in self._layers():
            for path, target in self._matching(layer, self._like):
                yield self.copy(path, target, always)

    def of_definition(self, target: str) -> Copy | None:
        """A copy of the file that defines the value, or that is in the folder that does; None if there is none."""
        every = self._project.dimensions.files(self._dimension)
        source = next((path for value, path in every if value == self._like), None)
        inside = (self._dimension.files or "").partition("*")[2].partition("/")[2]
        whole = source / inside if source and source.is_dir() else source
        return self.copy(whole, target) if whole and whole.is_file() else None

    def copy(self, path: Path, target: str, always: frozenset[SettingPath] = frozenset()) -> Copy:
        """A copy of one file; a file without data is copied unchanged.

        Raises WeftError if it cannot be read, is outside of the project or is not text.
        """
        source = path.relative_to(self._project.folder).as_posix()
        kept: list[SettingPath] = []
        try:
            text = yaml12.decode(self._files.read(path))
            text, kept = self._replaced(text, path.name, always)
        except yaml12.YamlError as error:
            problem = self._project.schemas.secret_lines.guard(error.problem(source))
            raise WeftError(problem) from None
        except OSError as error:
            raise WeftError(unreadable(error, source)) from None
        except edits.EditError:
            pass
        if not datafile.is_json(path.name) and path.suffix in SUFFIXES:
            modeline = _MODELINE.match(text)
            at = modeline.end() if modeline else 0
            newline = "\r\n" if "\r\n" in text else "\n"
            note = f"# A copy of {source}: change what is different for {self._name}.{newline}"
            text = text[:at] + note + text[at:]
        return Copy(source, target, text, tuple(kept))

    def _layers(self) -> list[str]:
        return [layer for layer in self._project.file.layers if self._dimension.name in PLACEHOLDER.findall(layer)]

    def _matching(self, layer: str, value: str) -> Iterator[tuple[Path, str]]:
        """The files of a layer for a value, each with its name for the new one."""
        folder = self._project.folder
        parts = re.split(r"(\{\w*\})", layer)
        own = f"{{{self._dimension.name}}}"
        ways = "".join(
            "([^/]+?)" if part != own and PLACEHOLDER.match(part) else re.escape(value if part == own else part)
            for part in parts
        )
        pattern = re.compile(rf"{ways}(/[^/]+|)({'|'.join(map(re.escape, SUFFIXES))}|)\Z")
        for path in overlay_files(folder, layer.replace(own, value)):
            match = pattern.match(path.relative_to(folder).as_posix())
            if match:
                *others, inside, suffix = match.groups()
                left = iter(others)
                spelled = (
                    self._name if part == own else next(left) if PLACEHOLDER.match(part) else part for part in parts
                )
                yield path, "".join(spelled) + inside + suffix

    def _own_names(self) -> frozenset[SettingPath]:
        """The settings that contain the name of their own value in every overlay that sets them, if several do."""
        counts: dict[SettingPath, list[bool]] = {}
        values = itertools.islice(self._project.dimensions.values.get(self._dimension.name, ()), _OTHERS_READ)
        for value in {*values, self._like}:
            for path, data in self._leaves(value):
                counts.setdefault(path, []).append(data == value)
        return frozenset(path for path, own in counts.items() if len(own) > 1 and all(own))

    def _leaves(self, value: str) -> Iterator[tuple[SettingPath, Any]]:
        for layer in self._layers():
            for path, _ in self._matching(layer, value) if len(PLACEHOLDER.findall(layer)) == 1 else ():
                try:
                    found = edits.leaves(yaml12.decode(self._files.read(path)), path.name)
                except (OSError, edits.EditError, yaml12.YamlError):
                    continue
                yield from ((leaf.path, leaf.data) for leaf in found)

    def _replaced(self, text: str, name: str, always: frozenset[SettingPath]) -> tuple[str, list[SettingPath]]:
        """A text with the new name instead of the old one, and the settings whose schema requires the old one."""
        kept: list[SettingPath] = []
        for leaf in reversed(edits.leaves(text, name)):  # from the end, so positions stay valid
            is_schema = leaf.path == ("$schema",)
            if not isinstance(leaf.data, str) or is_schema or self.renamed(leaf.data) == leaf.data:
                continue
            wanted = self.renamed(leaf.data)
            raw = text[leaf.start : leaf.end]
            written = _written(raw, self.renamed(raw), wanted, json=datafile.is_json(name))
            if leaf.path in always or self._is_accepted(leaf.path, wanted, name=leaf.data == self._like):
                text = text[: leaf.start] + written + text[leaf.end :]
            else:
                kept.append(data_path(leaf.path))
        return text, kept

    def _is_accepted(self, path: SettingPath, value: str, *, name: bool) -> bool:
        """True if the schema accepts a value at a path of an overlay, or will once its list of values has the new one."""
        node = self._project.root.at(data_path(path))
        listed = node.keyword("enum")
        return node.accepts(value) or (name and isinstance(listed, list) and lists_all(self._values, listed))


def _written(raw: str, renamed: str, wanted: str, *, json: bool) -> str:
    """A value as its file writes it, with its name replaced; in quotes if it would otherwise have another meaning."""
    if json or raw[:1] in ("'", '"', "|", ">") or plain_scalar(wanted) == renamed:
        return renamed
    try:
        return renamed if yaml12.parse(f"- {renamed}\n") == [wanted] else plain_scalar(wanted)
    except yaml12.YamlError:
        return plain_scalar(wanted)


def values_of(project: Project, dimension: Dimension) -> frozenset[str]:
    """The values of a dimension that identifies targets."""
    return frozenset(project.dimensions.values.get(dimension.name, ()))


def lists_all(values: frozenset[str], listed: Iterable[Any]) -> bool:
    """True if a list of the schema, such as an `enum`, lists the values of a dimension: all of them, and more than one."""
    found = {value for value in listed if isinstance(value, str)}
    return bool(values) and (values == found or (len(values) > 1 and values <= found))


def described(paths: Iterable[SettingPath]) -> str:
    """The settings of a list of paths."""
    return ", ".join(sorted({dotted(path) for path in paths}))
