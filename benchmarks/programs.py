"""What a program with a configuration pays: opening, reading, swaps, memory; each row says what is allowed.

    make bench

The bundles are those of all targets of the reference project. A swap replaces the bundle of one by that of another, which no swap had
before: hundreds of settings change, and every rule is decided again.
"""

from __future__ import annotations

import dataclasses
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from pathlib import Path

import yaml

import weft
import weft.client
from weft.api.facade import reference_project

READ = "database.postgresql.pool.size"


@dataclasses.dataclass
class Pool:
    """What a program binds."""

    size: int


OPENING = """
import sys, time
begun = time.process_time()
import weft.client
imported = time.process_time()
config = weft.client.open(sys.argv[1], watch=False)
opened = time.process_time()
spare = config.snapshot
config.refresh()
print(imported - begun, opened - imported, PEAK)
"""
PEAK = "int(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
"""The most memory that a process ever had, in kB; unlike `ru_maxrss`, without that of the process that started it."""


def bundles(folder: Path) -> list[Path]:
    """The bundles of the targets, each in a folder: a copy of the reference project renders nothing else."""
    source = reference_project()
    for name in ("schemas", "overlays"):
        shutil.copytree(source / name, folder / name)
    for schema in (folder / "schemas").glob("*.json"):  # everything changes here, without a restart
        schema.write_text(schema.read_text("utf-8").replace('"x-reload": "restart"', '"x-reload": "live"'), "utf-8")
    settings = yaml.safe_load((source / "weft.yaml").read_text("utf-8"))
    settings["readers"] = {name: {"planned": "only the bundle is made here"} for name in settings["readers"]}
    output = {"template": "bundle.yaml.j2", "path": "{environment}/{tenant}/bundle.yaml"}
    (folder / "weft.yaml").write_text(yaml.safe_dump(settings | {"outputs": [output]}), "utf-8")
    (folder / "templates").mkdir()
    (folder / "templates" / "bundle.yaml.j2").write_text("{{ config | bundle | to_yaml }}\n", "utf-8")
    project = weft.load_project(folder)
    found = []
    for each in project.render(project.targets())[0]:
        place = folder / "bundles" / str(len(found))
        place.mkdir(parents=True)
        for name, text in yaml.safe_load(each.text).items():
            (place / name).write_text(text, "utf-8")
        found.append(place)
    return found


def put(bundle: Path, folder: Path) -> None:
    """Put a bundle in place of another one."""
    for path in bundle.iterdir():
        shutil.copy(path, folder / path.name)


def swaps(found: list[Path], folder: Path) -> list[float]:
    """The CPU seconds of each swap."""
    shutil.copytree(found[0], folder)
    times = []
    with weft.client.open(folder, watch=False) as config:
        for bundle in found[1:]:
            put(bundle, folder)
            begun = time.process_time()
            accepted = config.refresh()
            times.append(time.process_time() - begun)
            assert accepted, config.status.problems
    return times


def reads(bundle: Path) -> tuple[float, float]:
    """The seconds of reading a setting by its path, and through an object that is bound."""
    with weft.client.open(bundle, watch=False) as config:
        pool, path, count = config.bind(Pool, READ.rpartition(".")[0]), READ, 200_000
        names = {"config": config, "pool": pool, "path": path}
        by_path = min(timeit.repeat("config[path]", globals=names, number=count)) / count
        bound = min(timeit.repeat("pool.size", globals=names, number=count)) / count
    return by_path, bound


def opening(bundle: Path, runs: int = 5) -> tuple[float, float, float]:
    """The CPU seconds of `import weft.client` and of the first `open`, and the memory in MB, spare snapshot included, above that of Python."""
    empty = int(subprocess.run([sys.executable, "-c", f"print({PEAK})"], check=True, capture_output=True).stdout)
    said = [
        subprocess.run(
            [sys.executable, "-c", OPENING.replace("PEAK", PEAK), bundle], check=True, capture_output=True, text=True
        ).stdout.split()
        for _ in range(runs)
    ]
    imported, opened, memory = (min(float(one[index]) for one in said) for index in range(3))
    return imported, opened, (memory - empty) / 1024


def main() -> None:
    """Print each figure next to what is allowed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = bundles(folder)
        imported, opened, memory = opening(found[0])
        by_path, bound = reads(found[0])
        swapped = statistics.median(swaps(found, folder / "mounted"))
    rows = (
        ("import weft.client", imported * 1000, 60, "ms CPU"),
        ("the first open", opened * 1000, 250, "ms CPU"),
        ("a swap of all settings, with all rules", swapped * 1000, 20, "ms CPU"),
        ("a setting, by its path", by_path * 1e6, 1, "µs"),
        ("a setting, bound", bound * 1e6, 0.3, "µs"),
        ("memory above Python's", memory, 45, "MB"),
    )
    for title, measured, allowed, unit in rows:
        sys.stdout.write(f"{title:40} {measured:8.2f} {unit:8} {allowed:6} allowed   {measured / allowed:6.2f}\n")


if __name__ == "__main__":
    main()
