"""Programs that no registry has ready to run: they are built here, from modules of Go and from a source package of Debian.

Each Go program has a folder in requirements/go with its `go.mod` and `go.sum`: what is built is what they pin, and nothing is
resolved. What is fetched and compiled on the way is kept in a scratch folder that is removed at the end, unless `GOMODCACHE` and
`GOCACHE` name others.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from environment import Failure, reason

HERE: Final = Path(__file__).resolve().parent
GO_FOLDER: Final = HERE / "go"


def run(what: str, command: Iterable[str | Path], *, folder: Path, variables: Mapping[str, str] | None = None) -> str:
    """Run a step of a build, and give what it printed. Raises Failure."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **(variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise Failure(reason(said, what, folder))
    return said


# --- Go ---


@dataclass(frozen=True)
class Module:
    """What is made from one module of requirements/go."""

    name: str
    """The folder of the module."""
    size: int
    """How many MB take what is made."""

    @property
    def module(self) -> Path:
        """Where `go.mod` is."""
        return GO_FOLDER / self.name

    @property
    def makes(self) -> str:
        """What is made, for people."""
        raise NotImplementedError

    @property
    def how(self) -> str:
        """What the result depends on besides the files of the module."""
        raise NotImplementedError

    @cached_property
    def version(self) -> str:
        """What the result depends on, as a digest: the module's files and how it is made."""
        files = [path.read_bytes() for path in sorted(self.module.iterdir())]
        return hashlib.sha256(b"\0".join((*files, self.how.encode()))).hexdigest()[:12]

    @property
    def needs(self) -> tuple[int, ...]:
        """The oldest Go that builds it."""
        found = re.search(r"^go (\S+)$", (self.module / "go.mod").read_text("utf-8"), re.MULTILINE)
        return _numbers(found[1] if found else "1")

    def build(self, go: Path, folder: Path, scratch: Path) -> None:
        """Make it in a folder. Raises Failure."""
        raise NotImplementedError

    def run(self, scratch: Path, *command: str | Path) -> str:
        """Run a command of Go in the module, which resolves nothing, and give what it printed. Raises Failure."""
        caches = {name: os.environ.get(name) or str(scratch / name) for name in ("GOMODCACHE", "GOCACHE")}
        variables = caches | {
            "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "CGO_ENABLED": "0",
        }
        return run(f"requirements/go/{self.name}", command, folder=self.module, variables=variables)


@dataclass(frozen=True)
class Go(Module):
    """Programs that are built from a module."""

    programs: Mapping[str, str]
    """Each program and its package."""
    tags: str = ""

    @property
    def makes(self) -> str:
        """The programs."""
        return ", ".join(self.programs)

    @property
    def how(self) -> str:
        """The packages and the tags, and what is written into the programs."""
        return repr((sorted(self.programs.items()), self.tags)) + " ".join(self.written().values())

    def written(self) -> Mapping[str, str]:
        """Variables of the programs that the build sets."""
        return {}

    def build(self, go: Path, folder: Path, scratch: Path) -> None:
        """Build the programs into a folder. Raises Failure."""
        flags = " ".join(("-s -w", *(f"-X {name}={value}" for name, value in self.written().items())))
        for program, package in self.programs.items():
            options = ("-trimpath", f"-ldflags={flags}", f"-tags={self.tags}", "-o", folder / program)
            self.run(scratch, go, "build", *options, package)


GO: Final = (
    Go("compose", 6, {"docker-compose": "."}),
    Go("otelcol", 40, {"otelcol": "."}),
    Go("jaeger", 85, {"jaeger": "github.com/jaegertracing/jaeger/cmd/jaeger"}),
    # it finds targets in files and by DNS; the clients of a dozen clouds are left out
    Go(
        "prometheus",
        108,
        {name: f"github.com/prometheus/prometheus/cmd/{name}" for name in ("prometheus", "promtool")},
        "remove_all_sd,enable_dns_sd",
    ),
)
GO_SCRATCH: Final = 4000
"""How many MB the modules and the cache of Go take while all of them are built."""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


def suitable_go(builds: Iterable[Module]) -> Path | None:
    """The Go of this machine if it is new enough for what is built."""
    program = shutil.which("go")
    if program is None:
        return None
    asked = subprocess.run(
        [program, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    return Path(program) if _numbers(asked.stdout) >= max(build.needs for build in builds) else None


# --- a source package of Debian ---


@dataclass(frozen=True)
class Source:
    """A program whose package is too old in the Debian that may be here, and is built from the sources of a newer one."""

    program: str
    version: str
    enough: str
    """The oldest version that will do."""
    suite: str
    """The release of Debian that has the version."""
    why: str
    libraries: Mapping[str, str]
    """What it is built with: a file, and the package of Debian that has it."""
    configure: tuple[str, ...] = ()

    def is_needed(self, found: str | None) -> bool:
        """Whether the program that is here is missing or too old."""
        if found is None:
            return True
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        return _numbers(said) < _numbers(self.enough)

    def build(self, folder: Path, scratch: Path) -> None:
        """Build the program into a folder. Raises Failure."""
        what = f"{self.program} {self.version}"
        archive = self._fetch(scratch)
        with tarfile.open(archive) as opened:
            opened.extractall(scratch, filter="data")
        sources = next(path.parent for path in scratch.glob("*/configure"))
        run(what, ("./configure", *self.configure), folder=sources)
        run(what, ("make", f"-j{os.cpu_count() or 1}", self.program), folder=sources)
        folder.mkdir(exist_ok=True)
        shutil.copy(sources / self.program, folder)

    def _fetch(self, scratch: Path) -> Path:
        """The archive of the sources, by apt from where this machine's packages come from, so apt proves its signature."""
        places = run(
            "the list of packages",
            (
                "apt-get",
                "indextargets",
                "--format",
                "$(REPO_URI) $(COMPONENT)",
                "Identifier: Packages",
                "Origin: Debian",
                "Component: main",
            ),
            folder=scratch,
        )
        if not places.strip():
            raise Failure(
                f"{self.program} {self.version} could not be installed: apt has no lists of packages; run apt-get update"
            )
        place = places.split()[0]
        entry = scratch / "sources.list"
        entry.write_text(f"deb-src {place} {self.suite} main\n", "utf-8")
        (scratch / "lists" / "partial").mkdir(parents=True)
        options = (
            f"Dir::Etc::SourceList={entry}",
            "Dir::Etc::SourceParts=/dev/null",
            f"Dir::State::Lists={scratch}/lists",
            "APT::Sandbox::User=root",
        )
        apt = ("apt-get", "-qq", *(part for option in options for part in ("-o", option)))
        run("the list of Debian's sources", (*apt, "update"), folder=scratch)
        run(f"the sources of {self.program}", (*apt, "source", "--download-only", self.program), folder=scratch)
        found = scratch / f"{self.program}_{self.version}.orig.tar.gz"
        if not found.exists():
            raise Failure(
                f"{self.program} could not be installed: {self.suite} has another version than {self.version}; renew it in requirements/builds.py"
            )
        return found


PGBOUNCER: Final = Source(
    "pgbouncer", "1.24.1", "1.21", "trixie",
    why="prepared statements in transaction pooling",
    libraries={"/usr/include/event2/event.h": "libevent-dev", "/usr/include/openssl/ssl.h": "libssl-dev", "/usr/bin/pkg-config": "pkg-config", "/usr/bin/gcc": "gcc", "/usr/bin/make": "make"},
    configure=("--without-cares",),
)  # fmt: skip
