"""What all results of a run follow from besides files of the project: the options of the run, and Weft itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from weft import version
from weft.files import cache
from weft.files.signatures import digest_of
from weft.files.trace import Listed, Named, Seen, changes, look_at, look_into
from weft.fleet.packing import DAMAGE, packed, unpacked

_CODE: Final = (".py", ".json", ".yml", ".yaml", ".j2")
_HOME: Final = str(Path(version.__file__).parent)
_ENTRY: Final = ("installations", digest_of(_HOME))
"""The folder and the name of what is remembered in the user's cache: an installation is that of all projects."""
_BYTECODE: Final = Named("__pycache__")
_PLUGINS: Final = "weft."
"""How the groups of entry points begin whose modules Weft loads."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a run that change results: overrides, the environment if it is a layer, and the folders that may be read."""

    overrides: Mapping[str, str]
    environment: Mapping[str, str] | None = None
    allowed: tuple[str, ...] = ()

    def digest(self) -> str:
        """The digest of the options."""
        environment = None if self.environment is None else sorted(self.environment.items())
        return digest_of(json.dumps([list(self.overrides.items()), environment, self.allowed]))


@dataclass(frozen=True, slots=True)
class Installation:
    """Weft as it is installed: its version and files, Python, and the names of the packages next to it, which have their versions."""

    version: str
    python: str
    files: tuple[tuple[str, str], ...]
    packages: tuple[str, ...]

    def digest(self) -> str:
        """The digest of all this: equal where results are equal."""
        return digest_of(json.dumps([self.python, self.files, self.packages]))


def installation() -> Installation:
    """Weft as it is installed, with its plug-ins. The user's cache remembers the files, so usually none is read."""
    where, files, folders = _remembered()
    if where != sys.path or not files or any(map(bool, changes(files, folders, _BYTECODE))):
        files, folders = _looked_at()
        cache.keep(*_ENTRY, packed([sys.path, files, folders]))
    code = sorted((path.removeprefix(_HOME), digest) for path, (_, digest) in files.items())
    packages = sorted({name for _, names in folders.values() for name in names if ".dist-info/" in name})
    return Installation(version.__version__, sys.version, tuple(code), tuple(packages))


def _remembered() -> tuple[Any, dict[str, Seen], dict[str, Listed]]:
    """Where Python looked for packages when the installation was last looked at, and what was seen."""
    try:
        where, *data = unpacked(cache.recall(*_ENTRY))
    except DAMAGE:
        return None, {}, {}
    return (where, *seen(data))


def _looked_at() -> tuple[dict[str, Seen], dict[str, Listed]]:
    """The files of Weft and of its plug-ins, their folders, and those in which packages are installed."""
    homes = [Path(_HOME), *_plugins()]
    every = sorted({path for home in homes for path in (home, *(home.rglob("*") if home.is_dir() else ()))})
    files = {str(path): look_at(str(path)) for path in every if path.suffix in _CODE}
    folders = [path for path in every if path.is_dir() and str(path) not in _BYTECODE]
    return files, {folder: look_into(folder, _BYTECODE) for folder in (*map(str, folders), *_packages())}


def _plugins() -> set[Path]:
    """The modules and packages of other distributions that Weft may load."""
    specs = map(find_spec, _modules())
    files = [Path(spec.origin) for spec in specs if spec is not None and spec.origin]
    return {file.parent if file.name == "__init__.py" else file for file in files}


def _modules() -> set[str]:
    """The names of these modules, without what is inside of packages."""
    from importlib.metadata import distributions

    every = (entry for found in distributions() for entry in found.entry_points)
    return {entry.module.partition(".")[0] for entry in every if entry.group.startswith(_PLUGINS)}


def _packages() -> list[str]:
    """The folders in which packages are installed; that of a project, which has none, is left out."""
    found = (Path(place or ".") for place in sys.path)
    return sorted({str(place) for place in found if place.is_dir() and any(place.glob("*.dist-info"))})


def seen(data: Any) -> tuple[dict[str, Seen], dict[str, Listed]]:
    """Files and folders as `files.trace` saw them, from JSON data; none if the data are of another shape."""
    try:
        files, folders = data
        return (
            {path: (known, digest) for path, (known, digest) in files.items()},
            {path: (known, tuple(names)) for path, (known, names) in folders.items()},
        )
    except DAMAGE:
        return {}, {}
