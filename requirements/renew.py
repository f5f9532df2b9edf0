"""`make lock`: resolve the newest versions, and record what each of them needs.

`uv` does the resolving, for all platforms and Python versions at once. What a package needs is read from the wheels
themselves, which `uv` unpacks for each platform; which wheels there are, from the standard lock format (PEP 751) that it
can write too. Addresses are not kept: they would tie the project to one registry.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name

from closure import FOLDER, LOCKS, METADATA, Lock, all_problems, digest, read_lock

PLATFORMS: Final = (
    ("3.11", "x86_64-unknown-linux-gnu"),
    ("3.14", "x86_64-unknown-linux-gnu"),
    ("3.11", "aarch64-apple-darwin"),
    ("3.14", "aarch64-apple-darwin"),
    ("3.11", "x86_64-apple-darwin"),
    ("3.14", "x86_64-pc-windows-msvc"),
)
"""The environments whose wheels are read: metadata may differ between the wheels of one version."""

RESOLVE: Final = (
    "--quiet",
    "--universal",
    "--python-version",
    "3.11",
    "--no-header",
    "--no-annotate",
    "--no-strip-extras",
)


def uv(*arguments: str | Path) -> None:
    """Run `uv`; exits with one line if it is missing or fails."""
    program = shutil.which("uv")
    if program is None:
        sys.exit("error: `make lock` needs the program uv: pip install uv")
    if subprocess.run([program, *map(str, arguments)], cwd=FOLDER.parent, check=False).returncode:
        sys.exit("error: uv failed; requirements/ is as it was, but for the locks that were renewed before")


def renew(name: str, lock: Lock, *, upgrade: bool) -> None:
    """Resolve one lock again; without `upgrade`, versions stay as long as they fit."""
    target = FOLDER / f"{name}.lock"
    extras = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    everything = [part for extra in lock.chosen(extras) for part in ("--extra", extra)]
    groups = [part for group in lock.groups for part in ("--group", group)]
    outer = ["--constraints", FOLDER / f"{lock.within}.lock"] if lock.within else []
    source = ["pyproject.toml"] if lock.project else []
    alone = ["--no-deps"] if lock.bare else [part for other in lock.without for part in ("--no-emit-package", other)]
    uv(
        "pip", "compile", *RESOLVE, "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", *alone,
        *(["--upgrade"] if upgrade else []), *outer, *everything, *groups, *source, "-o", target,
    )  # fmt: skip


def wheels_of(name: str, scratch: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The wheels of every package of a lock: file name -> hash and size in bytes."""
    standard = scratch / f"pylock.{name}.toml"
    uv("pip", "compile", *RESOLVE, "--no-deps", "--format", "pylock.toml", FOLDER / f"{name}.lock", "-o", standard)
    packages = tomllib.loads(standard.read_text("utf-8"))["packages"]
    return {
        (canonicalize_name(package["name"]), package["version"]): {
            wheel["url"].rpartition("/")[2]: {"sha256": wheel["hashes"]["sha256"], "size": wheel["size"]}
            for wheel in package.get("wheels", ())
        }
        for package in packages
    }


def metadata_of(name: str, scratch: Path) -> dict[tuple[str, str], list[Message]]:
    """The metadata files of every package of a lock, from its wheels for several platforms."""
    found: dict[tuple[str, str], list[Message]] = {}
    for number, (python, platform) in enumerate(PLATFORMS[:1] if LOCKS[name].bare else PLATFORMS):
        target = scratch / f"{name}-{number}"
        uv(
            "pip", "install", "--quiet", "--target", target, "--python-version", python, "--python-platform", platform,
            "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", FOLDER / f"{name}.lock",
        )  # fmt: skip
        for file in target.glob("*.dist-info/METADATA"):
            message = HeaderParser().parsestr(file.read_text("utf-8"))
            found.setdefault((canonicalize_name(message["Name"]), message["Version"]), []).append(message)
        shutil.rmtree(target)
    return found


def elsewhere(key: tuple[str, str], scratch: Path) -> Message:
    """The metadata of a package that a lock holds for none of the platforms whose wheels are read."""
    target = scratch / "elsewhere"
    newest = PLATFORMS[-1][0]
    uv(
        "pip",
        "install",
        "--quiet",
        "--target",
        target,
        "--no-deps",
        "--only-binary",
        ":all:",
        "--python-version",
        newest,
        "==".join(key),
    )
    (file,) = target.glob("*.dist-info/METADATA")
    message = HeaderParser().parsestr(file.read_text("utf-8"))
    shutil.rmtree(target)
    return message


def licence_of(message: Message) -> str:
    """The license of a package: an SPDX expression where it gives one, else its own words."""
    classifiers = [
        text.rpartition(" :: ")[2] for text in message.get_all("Classifier", []) if text.startswith("License ::")
    ]
    free = (message["License"] or "").strip()
    return (
        message["License-Expression"] or (free if free and "\n" not in free else " AND ".join(classifiers)) or "unknown"
    )


def entry(key: tuple[str, str], wheels: dict[str, Any], messages: list[Message]) -> dict[str, Any]:
    """One package of metadata.json."""
    requires = sorted({" ".join(text.split()) for message in messages for text in message.get_all("Requires-Dist", [])})
    return {
        "name": key[0],
        "version": key[1],
        "license": licence_of(messages[0]),
        "requires_python": messages[0]["Requires-Python"] or "",
        "requires": requires,
        "wheels": dict(sorted(wheels.items())),
    }


def record() -> None:
    """Write metadata.json for the locks as they are."""
    wheels: dict[tuple[str, str], dict[str, Any]] = {}
    messages: dict[tuple[str, str], list[Message]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in LOCKS:
            wheels |= wheels_of(name, Path(scratch))
            for key, found in metadata_of(name, Path(scratch)).items():
                messages.setdefault(key, []).extend(found)
        pins = {
            (pin.name, pin.version) for name in LOCKS for pin in read_lock((FOLDER / f"{name}.lock").read_text("utf-8"))
        }
        for key in sorted(pins - messages.keys()):
            messages[key] = [elsewhere(key, Path(scratch))]
    packages = [entry(key, wheels[key], messages[key]) for key in sorted(pins)]
    locks = {name: digest((FOLDER / f"{name}.lock").read_text("utf-8")) for name in LOCKS}
    lines = ",\n".join(json.dumps(package, ensure_ascii=False) for package in packages)  # a package a line: small diffs
    staged = METADATA.with_name("metadata.json.new")
    staged.write_text(f'{{"locks": {json.dumps(locks)}, "packages": [\n{lines}\n]}}\n', "utf-8")
    staged.replace(METADATA)


def main() -> None:
    """Renew every lock and the metadata, then prove the locks closed."""
    upgrade = "--keep" not in sys.argv[1:]
    for name, lock in sorted(LOCKS.items(), key=lambda item: item[1].within is not None):
        renew(name, lock, upgrade=upgrade)
    record()
    wrong = all_problems()
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
