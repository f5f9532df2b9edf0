"""Is a lock closed? Every package that a locked package needs must be in the lock, at a version that it accepts.

A lock is installed without a resolver (`pip install --no-deps --require-hashes`), so nothing that is released later can
change the outcome. In return the lock must hold everything by itself. This module proves that offline, from
`metadata.json`, which `make lock` writes next to the locks: what each package needs, and which wheels it has.

    python requirements/closure.py        # prints what is wrong with the locks, and exits 1 if anything is
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import canonicalize_name, parse_wheel_filename

FOLDER: Final = Path(__file__).resolve().parent
METADATA: Final = FOLDER / "metadata.json"
PYTHONS: Final = ("3.11.0", "3.11.9", "3.12.0", "3.12.9", "3.13.0", "3.13.9", "3.14.0", "3.14.9")
"""The Python versions that the locks are made for: an early and a late release of each, because a few packages distinguish them."""


@dataclass(frozen=True)
class Lock:
    """What a lock is made from: the extras and dependency groups of pyproject.toml, with or without Weft's own dependencies."""

    project: bool = False
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    bare: bool = False
    """Whether only files of the packages are read, so that they are installed without what they need, and for any Python."""
    without: tuple[str, ...] = ()
    """Packages that others ask for and that have no wheel: they are left out, as nothing that is run here needs them."""
    apart: tuple[str, ...] = ()
    """Extras that `*` leaves out: they are in the lock of another environment."""
    within: str | None = None
    """Another lock that is installed into the same environment: packages of both have the same version."""

    def chosen(self, extras: Iterable[str]) -> list[str]:
        """The extras of the lock, of all that there are."""
        return sorted({*extras}.difference(self.apart)) if self.extras == ("*",) else [*self.extras]

    def roots(self, pyproject: Mapping[str, Any]) -> list[Requirement]:
        """The requirements that the lock answers."""
        project, groups = pyproject["project"], pyproject["dependency-groups"]
        extras = project["optional-dependencies"]
        texts = [
            *(project["dependencies"] if self.project else ()),
            *itertools.chain.from_iterable(extras[extra] for extra in self.chosen(extras)),
            *itertools.chain.from_iterable(_group(groups, group) for group in self.groups),
        ]
        return [Requirement(text) for text in texts]


LOCKS: Final = {
    "render": Lock(project=True, extras=("kubernetes",), groups=("build",), within="dev"),
    "dev": Lock(project=True, extras=("*",), groups=("dev",), apart=("dask",)),
    "tools": Lock(groups=("tools",)),
    "docs": Lock(groups=("docs",)),
    "application": Lock(project=True, groups=("application",)),
    "dask": Lock(project=True, extras=("dask", "kubernetes")),
    "ml": Lock(groups=("ml",)),
    "spleeter": Lock(groups=("spleeter",), bare=True),
    "peers": Lock(groups=("peers",), without=("jsonnet",)),
}


@dataclass(frozen=True)
class Pin:
    """One line of a lock: a package at a version, where a marker says so."""

    name: str
    version: str
    marker: str | None
    hashes: frozenset[str]

    def applies(self, environment: Environment) -> bool:
        """Whether pip installs the package there."""
        return self.marker is None or holds(self.marker, environment)


@dataclass(frozen=True, eq=False)  # each is compared and hashed as the object that it is: there is one of a kind
class Environment:
    """A Python on a platform, as the markers of PEP 508 see it; `python` is a full version, such as `3.11.5`."""

    python: str
    sys_platform: str
    machine: str
    implementation: str = "CPython"

    def __str__(self) -> str:
        return f"{self.implementation} {self.python} on {self.sys_platform} {self.machine}"

    def variables(self) -> dict[str, str]:
        """The values of the marker variables."""
        systems = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}
        return {
            "python_version": self.python.rpartition(".")[0],
            "python_full_version": self.python,
            "sys_platform": self.sys_platform,
            "platform_system": systems.get(self.sys_platform, self.sys_platform.title()),
            "os_name": "nt" if self.sys_platform == "win32" else "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": self.implementation,
            "implementation_name": self.implementation.lower(),
            "implementation_version": self.python,
            "platform_release": "",
            "platform_version": "",
        }

    @cached_property
    def tags(self) -> frozenset[Tag]:
        """The tags of the wheels that pip takes there."""
        version = tuple(int(part) for part in self.python.split(".")[:2])
        if self.sys_platform == "darwin":
            platforms = list(mac_platforms((14, 0), self.machine))
        else:  # glibc 2.28 is that of Debian 10, RHEL 8 and Ubuntu 18.10
            platforms = [f"manylinux_2_{minor}_{self.machine}" for minor in range(28, 4, -1)]
            platforms += [f"manylinux{year}_{self.machine}" for year in ("2014", "2010", "1")]
            platforms.append(f"linux_{self.machine}")
        interpreter = f"cp{version[0]}{version[1]}"
        return frozenset(
            (*cpython_tags(version, platforms=platforms), *compatible_tags(version, interpreter, platforms))
        )


SUPPORTED: Final = tuple(
    Environment(python, system, machine)
    for python in PYTHONS
    for system, machine in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("darwin", "x86_64"))
)
"""Where every locked package must be installable."""

OTHERS: Final = tuple(
    Environment(python, system, "x86_64", implementation)
    for python in PYTHONS
    for system, implementation in (
        ("win32", "CPython"),
        ("emscripten", "CPython"),
        ("linux", "PyPy"),
        ("win32", "PyPy"),
    )
)
"""Where the markers must still be right: a marker that was lost shows only where it would be false."""


@cache
def holds(marker: str, environment: Environment, extra: str = "") -> bool:
    """Whether a marker is true in an environment, for one extra of the package that it belongs to."""
    return Marker(marker).evaluate({**environment.variables(), "extra": extra})


def read_lock(text: str) -> list[Pin]:
    """The pins of a requirements file with hashes.

    Raises ValueError for a line that is not of the form `name[extras]==version ; marker --hash=sha256:...`.
    """
    lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    return [_pin(line) for line in lines if line.strip() and not line.startswith("#")]


def _pin(line: str) -> Pin:
    head, *hashes = line.split(" --hash=sha256:")
    match = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)\s*(?:;\s*(.+))?", head.strip())
    if match is None:
        raise ValueError(f"a line of a lock is not `name==version`: {head.strip()}")
    return Pin(canonicalize_name(match[1]), match[2], match[3], frozenset(hash_.strip() for hash_ in hashes))


@dataclass
class Package:
    """What `metadata.json` records of one version of a package; `needs` are its requirements, each with its marker."""

    name: str
    version: str
    license: str
    requires: list[str]
    requires_python: str
    wheels: Mapping[str, Mapping[str, Any]]
    needs: list[Need] = field(init=False)

    def __post_init__(self) -> None:
        self.needs = [Need.of(Requirement(text)) for text in self.requires]


class Need(NamedTuple):
    """A requirement, taken apart once: it is asked in many environments."""

    name: str
    extras: tuple[str, ...]
    specifier: str
    marker: str | None

    @classmethod
    def of(cls, requirement: Requirement) -> Need:
        """The parts of a requirement."""
        marker = str(requirement.marker) if requirement.marker else None
        name = canonicalize_name(requirement.name)
        return cls(name, tuple(sorted(requirement.extras)), str(requirement.specifier), marker)


@dataclass(frozen=True)
class Metadata:
    """`metadata.json`: the packages of all locks, and the digests of the locks that it was written for."""

    locks: Mapping[str, str]
    packages: Mapping[tuple[str, str], Package]

    @classmethod
    def read(cls, text: str) -> Metadata:
        """The contents of the file."""
        data = json.loads(text)
        packages = [Package(**entry) for entry in data["packages"]]
        return cls(data["locks"], {(package.name, package.version): package for package in packages})

    def bare(self) -> Metadata:
        """The same as if no package needed another one, or a certain Python."""
        alone = {key: replace(package, requires=[], requires_python="") for key, package in self.packages.items()}
        return Metadata(self.locks, alone)

    def lacking(self, names: Sequence[str]) -> Metadata:
        """The same as if no package needed those of these names."""
        if not names:
            return self
        kept = {
            key: replace(
                package,
                requires=[text for text in package.requires if canonicalize_name(Requirement(text).name) not in names],
            )
            for key, package in self.packages.items()
        }
        return Metadata(self.locks, kept)


def problems(
    lock: str,
    text: str,
    roots: Sequence[Requirement],
    metadata: Metadata,
    environments: Sequence[Environment] = (*SUPPORTED, *OTHERS),
) -> list[str]:
    """What is wrong with a lock, in sentences; nothing where the lock is closed and fresh."""
    found = []
    metadata = metadata.lacking(LOCKS[lock].without)
    if metadata.locks.get(lock) != digest(text):
        found.append(f"requirements/metadata.json is older than requirements/{lock}.lock: run `make lock`")
    try:
        pins = read_lock(text)
    except ValueError as error:
        return [*found, str(error)]
    unknown = [pin for pin in pins if (pin.name, pin.version) not in metadata.packages]
    found += [f"metadata.json does not know {pin.name} {pin.version}: run `make lock`" for pin in unknown]
    known = [pin for pin in pins if pin not in unknown]
    everywhere: dict[str, list[Environment]] = {}
    for environment in environments:
        for sentence in _problems_in(environment, known, roots, metadata):
            everywhere.setdefault(sentence, []).append(environment)
    found += [f"{sentence} ({_environments(where)})" for sentence, where in everywhere.items()]
    return [f"{lock}.lock: {sentence}" for sentence in found]


def digest(text: str) -> str:
    """The SHA-256 of a lock, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _environments(where: Sequence[Environment]) -> str:
    rest = len(where) - 1
    return f"{where[0]} and {rest} more" if rest else str(where[0])


def _problems_in(
    environment: Environment, pins: Iterable[Pin], roots: Sequence[Requirement], metadata: Metadata
) -> Iterator[str]:
    here = [pin for pin in pins if pin.applies(environment)]
    by_name = {pin.name: pin for pin in here}
    yield from (f"{pin.name} appears twice" for pin in here if by_name[pin.name] is not pin)
    wanted = set()
    for dependant, need in needed(environment, by_name, roots, metadata):
        wanted.add(need.name)
        pin = by_name.get(need.name)
        if pin is None:
            yield f"{need.name} is missing, which {dependant} needs"
        elif not _accepts(need.specifier, pin.version):
            yield f"{need.name} is pinned to {pin.version}, but {dependant} needs {need.name}{need.specifier}"
    yield from (f"{pin.name} is in it, but nothing needs it" for pin in here if pin.name not in wanted)
    if environment in SUPPORTED:
        for pin in here:
            yield from _installable(pin, environment, metadata.packages[pin.name, pin.version])


def needed(
    environment: Environment, pins: Mapping[str, Pin], roots: Sequence[Requirement], metadata: Metadata
) -> Iterator[tuple[str, Need]]:
    """Every requirement that applies, with who has it: the roots' first, then those of what they need."""
    waiting: list[tuple[str, str, Need]] = [("pyproject.toml", "", Need.of(root)) for root in roots]
    seen = set()
    while waiting:
        dependant, extra, need = waiting.pop()
        if need.marker is not None and not holds(need.marker, environment, extra):
            continue
        yield dependant, need
        pin = pins.get(need.name)
        for wanted in ("", *need.extras) if pin else ():
            if (pin.name, wanted) not in seen:
                seen.add((pin.name, wanted))
                who = f"{pin.name}[{wanted}]" if wanted else pin.name
                package = metadata.packages[pin.name, pin.version]
                waiting += [(who, wanted, other) for other in package.needs]


def _installable(pin: Pin, environment: Environment, package: Package) -> Iterator[str]:
    """Whether a locked package has a wheel for an environment, and the lock the hashes of all that fit."""
    if not _accepts(package.requires_python, environment.python):
        yield f"{pin.name} {pin.version} needs Python {package.requires_python}"
    fitting = _fitting(tuple(package.wheels), environment)
    if not fitting:
        yield f"{pin.name} {pin.version} has no wheel there"
    for wheel in fitting:
        if package.wheels[wheel]["sha256"] not in pin.hashes:
            yield f"the hash of {wheel} is missing"


@cache
def _accepts(specifier: str, version: str) -> bool:
    return SpecifierSet(specifier).contains(version, prereleases=True)


@cache
def _fitting(wheels: tuple[str, ...], environment: Environment) -> tuple[str, ...]:
    return tuple(wheel for wheel in wheels if _tags(wheel) & environment.tags)


@cache
def _tags(wheel: str) -> frozenset[Tag]:
    return parse_wheel_filename(wheel)[3]


def disagreements(first: str, second: str) -> list[str]:
    """The packages that two locks of one environment pin to different versions, in sentences."""
    versions = {pin.name: pin.version for pin in read_lock(second)}
    return [
        f"{pin.name} is pinned to {pin.version} in one lock and to {versions.get(pin.name, 'nothing')} in the other"
        for pin in read_lock(first)
        if versions.get(pin.name) != pin.version
    ]


def _group(groups: Mapping[str, Any], name: str) -> list[str]:
    """The requirements of a dependency group, with those of the groups that it includes (PEP 735)."""
    texts: list[str] = []
    for entry in groups[name]:
        texts += [entry] if isinstance(entry, str) else _group(groups, entry["include-group"])
    return texts


def all_problems(folder: Path = FOLDER) -> list[str]:
    """What is wrong with the locks of a folder."""
    metadata = Metadata.read((folder / "metadata.json").read_text("utf-8"))
    pyproject = tomllib.loads((folder.parent / "pyproject.toml").read_text("utf-8"))
    texts = {name: (folder / f"{name}.lock").read_text("utf-8") for name in LOCKS}
    found: list[str] = []
    for name, lock in LOCKS.items():
        found += problems(name, texts[name], lock.roots(pyproject), metadata.bare() if lock.bare else metadata)
        if lock.within:
            found += [
                f"{name}.lock and {lock.within}.lock: {sentence}"
                for sentence in disagreements(texts[name], texts[lock.within])
            ]
    return found


if __name__ == "__main__":
    wrong = all_problems()
    print("\n".join(wrong) or "every lock is closed")
    sys.exit(bool(wrong))
