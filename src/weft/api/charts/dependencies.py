"""The sections of a chart's values that belong to other charts: Helm passes each of them on, and never reads it.

A dependency is listed in Chart.yaml (or in requirements.yaml, until 2019), or is in the folder `charts`. Its section has its name, or
its alias. The paths in `condition`, `tags` and `import-values` are settings too, whether or not they are in values.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from weft.base.paths import Path as SettingPath
from weft.base.problems import Place, Problem, WeftError
from weft.files import yaml11, yaml12

_PACKED: Final = re.compile(r"(?P<name>.+?)-v?\d+\.\d+.*\.tgz\Z")


@dataclass(frozen=True)
class Dependencies:
    """The settings of other charts in the values of one: `sections` are open, `switches` are true or false.

    A section at the empty path means that other charts may add values next to those of the chart itself.
    """

    sections: tuple[SettingPath, ...]
    switches: tuple[SettingPath, ...]


def dependencies_of(chart: Path) -> Dependencies:
    """The dependencies of the chart in a folder. Raises WeftError if its Chart.yaml cannot be read."""
    listed = [entry for name in ("Chart.yaml", "requirements.yaml") for entry in _listed(chart / name)]
    sections: list[SettingPath] = [("global",)]
    switches: list[SettingPath] = []
    for entry in listed:
        name = entry.get("alias") or entry.get("name")
        sections += [(name,)] if isinstance(name, str) else []
        sections += _imported(entry.get("import-values"))
        sections += [("tags",)] if entry.get("tags") else []
        switches += _conditions(entry.get("condition"))
    sections += [(name,) for name in _unpacked(chart / "charts")]
    return Dependencies(tuple(dict.fromkeys(sections)), tuple(dict.fromkeys(switches)))


def _listed(file: Path) -> Iterator[dict[str, Any]]:
    if not file.is_file():
        return
    try:
        data = yaml.load(yaml12.decode(file.read_bytes()), Loader=yaml11.Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, yaml12.YamlError, OSError, ValueError) as error:
        message = f"{file.name} cannot be read: {str(error).splitlines()[0]}"
        raise WeftError(Problem("syntax", message, place=Place(str(file)))) from None
    entries = data.get("dependencies") if isinstance(data, dict) else None
    yield from (entry for entry in entries or () if isinstance(entry, dict))


def _conditions(text: Any) -> Iterator[SettingPath]:
    """`a.enabled,global.a.enabled`: the first path that is set decides."""
    for path in text.split(",") if isinstance(text, str) else ():
        if path.strip():
            yield tuple(path.strip().split("."))


def _imported(entries: Any) -> Iterator[SettingPath]:
    """The path for a dependency's values: `{child: a, parent: b}` below a path, a plain name at the top level."""
    for entry in entries if isinstance(entries, list) else ():
        parent = entry.get("parent") if isinstance(entry, dict) else ""
        if isinstance(parent, str):
            yield tuple(step for step in parent.split(".") if step)


def _unpacked(folder: Path) -> Iterable[str]:
    """The charts in a folder, as folders or archives."""
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        packed = _PACKED.match(entry.name)
        if packed:
            yield packed["name"]
        elif (entry / "Chart.yaml").is_file():
            yield entry.name
