"""The virtual environment that `make` works in, made from a lock and nothing else. Needs only the standard library.

    python3 requirements/environment.py render --venv .venv

makes the environment, or does nothing where it is as the lock says. The environments `render` and `dev` share a folder:
`dev` adds to what `render` installed. The file `weft-environment.json` in the folder says what is installed, by digests of
the locks, and what is being installed, so that the next run repairs what was interrupted. Only a folder that this module made is
ever emptied. Everything that can go wrong is one line that says what to do.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
PROJECT: Final = HERE.parent
RECORD: Final = "weft-environment.json"
ALONE: Final = ("docs", "application", "dask", "ml", "spleeter", "peers")
"""The environments that are not made on top of `render`, and do not hold Weft itself."""
BARE: Final = ("spleeter",)
"""Those that lack what their packages need: only files of them are read."""
PARTIAL: Final = ("peers",)
"""Those that lack a package which others ask for and which has no wheel (`without` in closure.py)."""
SET_UP_BY: Final = ("environment.py", "kubernetes_schemas.py")
"""The modules next to this one that decide what is in an environment; the others may change without a new one."""
SUPPORTED: Final = "3.11 to 3.14"

# what a user may have set for pip and what would change which files are installed, or where
UNSET: Final = (
    "PYTHONPATH", "PYTHONHOME", "PIP_ABI", "PIP_CONSTRAINT", "PIP_DRY_RUN", "PIP_IMPLEMENTATION", "PIP_NO_BINARY",
    "PIP_PLATFORM", "PIP_PREFIX", "PIP_PYTHON", "PIP_PYTHON_VERSION", "PIP_REPORT", "PIP_REQUIREMENT", "PIP_ROOT",
    "PIP_TARGET", "PIP_UPGRADE", "PIP_USER",
)  # fmt: skip


_ROOM: Final = 5_000_000
"""A disk with fewer free bytes is taken to be full, when a step failed."""


class Failure(Exception):
    """Something that stops the set-up: one sentence of what is wrong, one of what to do."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment and the lock that it is made from."""

    name: str
    folder: Path

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.folder / "bin" / "python"

    @property
    def locks(self) -> tuple[str, ...]:
        """The locks that it must hold, the first to be installed first."""
        return (self.name,) if self.name in ("render", *ALONE) else ("render", self.name)

    def record(self) -> dict[str, Any] | None:
        """What is installed: for each lock a digest, `python`, `made` (whether this module made the folder) and `pending`.

        Empty if it cannot be read; None if there is none, as in a folder that this module has never worked in.
        """
        try:
            data = json.loads((self.folder / RECORD).read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, OSError):
            return {}
        return data if isinstance(data, dict) else {}

    def write(self, record: dict[str, Any]) -> None:
        """Replace the record."""
        staged = self.folder / f"{RECORD}.new"
        staged.write_text(json.dumps(record), "utf-8")
        staged.replace(self.folder / RECORD)

    def fits(self, record: dict[str, Any]) -> bool:
        """Whether it is one of the Python that runs this module."""
        return record.get("python") == sys.version and self.python.exists()

    def is_ready(self) -> bool:
        """Whether everything is installed as the locks say, by this Python."""
        record = self.record() or {}
        installed = all(record.get(name) == key(name) and record.get("pending") != name for name in self.locks)
        return installed and self.fits(record)


def key(name: str) -> str:
    """What an environment depends on: its lock and, if it holds Weft itself, Weft's metadata and how it is set up."""
    lock = (HERE / f"{name}.lock").read_bytes()
    if name in ALONE:  # checkouts may share it
        return hashlib.sha256(lock).hexdigest()
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    parts = [lock, json.dumps(project).encode(), *(Path(__file__).with_name(name).read_bytes() for name in SET_UP_BY)]
    return hashlib.sha256(b"\0".join(parts) + os.fsencode(PROJECT)).hexdigest()


def set_up(environment: Environment) -> None:
    """Make an environment what its locks say. Raises Failure."""
    if environment.is_ready():
        return
    with _locked(environment.folder):
        if environment.is_ready():  # the run that this one waited for has done it
            return
        began = time.monotonic()
        record = _prepare(environment)
        for name in environment.locks:
            if record.get(name) != key(name) or record.get("pending") == name:
                again = record.get("pending") == name  # what was interrupted may be half there
                record["pending"] = name
                environment.write(record)
                _install(environment, name, again=again)
                record |= {name: key(name), "pending": None}
                environment.write(record)
        say(f"{environment.folder}: ready after {time.monotonic() - began:.0f} s")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Only one run at a time works in a folder; the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{folder}: another make is setting it up; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:  # a file system that cannot lock folders, such as NFS
            if error.errno not in (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP):
                raise
        yield
    finally:
        os.close(descriptor)


def _prepare(environment: Environment) -> dict[str, Any]:
    """A virtual environment that can be installed into; gives its record."""
    folder, record = environment.folder, environment.record()
    if record is None and (folder / "pyvenv.cfg").exists():
        record = {"made": False}
    if record is None and any(folder.iterdir()):
        raise Failure(f"{folder} is not a virtual environment: choose another folder, make VENV=...")
    if record is not None and not record.get("made"):
        _check_foreign(environment)  # somebody's own: used as it is, never emptied
        return {**record, "made": False, "python": sys.version}
    if record is not None:
        current = all(record.get(name) in (None, key(name)) for name in environment.locks)
        if current and environment.fits(record):
            return record
        say(f"{folder}: created again: {_what_changed(record)}")
    _create(environment)
    return {"made": True, "python": sys.version}


def _what_changed(record: dict[str, Any]) -> str:
    if not record.get("python"):
        return "an earlier set-up was interrupted"
    return (
        "the locks or the set-up have changed" if record["python"] == sys.version else "it was made for another Python"
    )


def _check_foreign(environment: Environment) -> None:
    say(f"{environment.folder}: make did not create this virtual environment; installing into it")
    version = "import sys; print(sys.version)"
    try:
        asked = subprocess.run([environment.python, "-c", version], capture_output=True, text=True, check=False)
    except OSError:
        asked = None
    if asked is None or asked.stdout.strip() != sys.version:
        raise Failure(
            f"{environment.folder} is a virtual environment of another Python than {sys.executable}: "
            "remove it, or choose another folder, make VENV=..."
        )


def _create(environment: Environment) -> None:
    """A fresh virtual environment in a folder that is empty or ours, with the pip that this Python brings."""
    folder = environment.folder
    for module in ("venv", "ensurepip"):
        if not _has(module):
            version = f"{sys.version_info[0]}.{sys.version_info[1]}"
            raise Failure(
                f"this Python ({sys.executable}) has no module {module}: install it (on Debian and Ubuntu: "
                f"apt-get install python{version}-venv), or use another Python, make PYTHON=..."
            )
    environment.write({"made": True})  # first: the next run knows whose folder it is, whenever this one is interrupted
    for entry in folder.iterdir():  # the folder itself stays: it is locked
        if entry.name != RECORD:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    # the Python below an activated environment: the environment may be this very folder
    python = getattr(sys, "_base_executable", None) or sys.executable
    _run([python, "-m", "venv", folder], "the virtual environment", environment=None)


def _has(module: str) -> bool:
    return find_spec(module) is not None


def _install(environment: Environment, name: str, *, again: bool) -> None:
    """Install one lock: no resolver, no building, nothing that is not in the lock; `again` if an earlier try was interrupted."""
    lock = HERE / f"{name}.lock"
    packages, size = extent(name, (*environment.locks[: environment.locks.index(name)],))
    say(f"{environment.folder}: installing {packages} packages of requirements/{name}.lock (up to {size / 1e6:.0f} MB)")
    pip = [environment.python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    strict = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--compile"]  # once, not at every start
    strict += ["--force-reinstall"] if again else []
    strict += ["--ignore-requires-python"] if name in BARE else []
    _run([*pip, "install", "--quiet", *strict, "-r", lock], f"requirements/{name}.lock", environment)
    if name == "render":
        editable = ["--no-deps", "--no-build-isolation", "--editable", PROJECT]
        _run([*pip, "install", "--quiet", *editable], "Weft itself", environment)
        _compile(environment)
    if name not in (*BARE, *PARTIAL):
        _run([*pip, "check"], f"requirements/{name}.lock", environment)
    _check_installed(environment, name)
    if name == "render":
        _run([environment.python, HERE / "kubernetes_schemas.py"], "the schemas of Kubernetes", environment)


def _compile(environment: Environment) -> None:
    """Compile Weft's modules once, as pip does with those of packages: Python may not be allowed to keep what it compiles at a start.

    Where nothing can be written next to them, they are compiled at each start.
    """
    words = [environment.python, "-m", "compileall", "-q", "-j", "0", PROJECT / "src" / "weft"]
    subprocess.run(words, env=variables(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _check_installed(environment: Environment, name: str) -> None:
    """Raises Failure unless what the lock says is there: pip's own settings may make it install elsewhere, or nothing."""
    script = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    done = subprocess.run([environment.python, "-c", script], capture_output=True, text=True, check=False)
    there = {re.sub(r"[-_.]+", "-", pin).lower() for pin in done.stdout.split()}
    pins = re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?(==\S+) \\$", _text(name), re.MULTILINE)  # those without a marker
    missing = [
        f"{package}{version}"
        for package, version in pins
        if re.sub(r"[-_.]+", "-", package + version).lower() not in there
    ]
    if missing:
        raise Failure(
            f"pip installed nothing where it should: {missing[0]} is missing in {environment.folder}. Look at pip config list"
        )


def extent(name: str, before: tuple[str, ...]) -> tuple[int, int]:
    """How many packages a lock adds to others, and at most how many bytes are downloaded for them."""
    heads = {
        other: set(re.findall(r"^([a-z0-9._-]+).*==(\S+)", _text(other), re.MULTILINE)) for other in (name, *before)
    }
    new = heads[name].difference(*(heads[other] for other in before))
    packages = json.loads((HERE / "metadata.json").read_text("utf-8"))["packages"]
    sizes = {
        (package["name"], package["version"]): max((wheel["size"] for wheel in package["wheels"].values()), default=0)
        for package in packages
    }
    return len(new), sum(sizes.get(pin, 0) for pin in new)


def _text(name: str) -> str:
    return (HERE / f"{name}.lock").read_text("utf-8")


def _run(command: list[str | Path], what: str, environment: Environment | None) -> None:
    """Run one step. Raises Failure with the reason that its output gives."""
    done = subprocess.run(
        [str(part) for part in command],
        env=variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        folder = environment.folder if environment else Path(str(command[-1]))
        full = "no space left on device" if shutil.disk_usage(folder).free < _ROOM else ""  # ensurepip does not say it
        raise Failure(reason(done.stdout.decode("utf-8", "replace") + full, what, folder))


def variables() -> dict[str, str]:
    """The process environment for pip, without what would change which files are installed, or where."""
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    return {**kept, "PIP_USER": "0", "PYTHONNOUSERSITE": "1"}


def reason(text: str, what: str, folder: Path) -> str:
    """One line about what pip or venv printed before it failed."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "no output")
    for pattern, sentence in _REASONS.items():
        match = re.search(pattern, text, re.IGNORECASE | re.MULTILINE)
        if match:
            shown = " ".join((match.groupdict().get("shown") or match[0]).split())
            return sentence.format(what=what, folder=folder, shown=shown, supported=SUPPORTED)
    return f"{what} could not be installed: {last}"


_NETWORK: Final = (
    r"name resolution|name or service not known|nodename nor servname|connection refused|network is unreachable|"
    r"connect ?timeout|read timed out|max retries exceeded|proxyerror|certificate verify failed|connection broken|"
    r"connection reset"
)
_REASONS: Final = {
    r"do not match the hashes(?:.*\n)+?\s*(?P<shown>\S+==\S+|\S+ from \S+)": (
        "a downloaded file is not the one that {what} names ({shown}): a registry or proxy answered a wrong file. Run make "
        "again; if it stays so, ask those who run the registry, and do not change the hash"
    ),
    r"no space left on device|disk quota exceeded": (
        "the disk is full: make room for {folder}, or choose another disk, make VENV=..."
    ),
    r"read-only file system|permission denied[^\n]*": (
        "{folder} cannot be written ({shown}): choose another folder, make VENV=... OUTPUT=..."
    ),
    _NETWORK: (
        "no package registry could be reached ({shown}): check the network and pip's settings (pip config list), then run "
        "make again"
    ),
    r"no matching distribution found for (?P<shown>\S+)": (
        "pip found no file of {shown}: the network may be unavailable; or this Python is not supported: the locks are for Python {supported} on Linux and macOS; or the registry that "
        "pip asks does not have this version (pip config list)"
    ),
    r"(?P<shown>\S+ \S+ (?:requires|has requirement) [^\n]*?)\.?$": (
        "{what} is not closed: {shown}. Restore it with git checkout, or renew it with make lock"
    ),
}
"""What is looked for in the output of a step that failed, and what is said then; the first that fits."""


def say(text: str) -> None:
    """A line about progress."""
    print(text, flush=True)


def main() -> int:
    """Set up the environment that the arguments name; gives the exit status."""
    parser = argparse.ArgumentParser(description="Set up a virtual environment from a lock.")
    parser.add_argument("name", help="the lock, requirements/NAME.lock")
    parser.add_argument("--venv", type=Path, default=Path(".venv"), help="the folder of the environment")
    arguments = parser.parse_args()
    environment = Environment(arguments.name, arguments.venv)
    try:
        set_up(environment)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {_of_system(error, environment.folder)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; the next make repairs the environment", file=sys.stderr)
        return 130
    return 0


def _of_system(error: OSError, folder: Path) -> str:
    where = error.filename or folder
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: make room for {folder}, or choose another disk, make VENV=..."
    return f"{where}: {error.strerror}; choose a folder that can be written, make VENV=... OUTPUT=..."


if __name__ == "__main__":
    sys.exit(main())
