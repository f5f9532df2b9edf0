"""How long a new revision takes to reach every worker of a program, and what waiting for one costs.

    make bench-live [SWAPS=200]

The bundle of the reference project's `production` is mounted as the kubelet does it, and swapped; a gunicorn with four workers follows it.
The time is from the rename of `..data` to the call of `on_change` in the slowest worker. The rest of the machine should be idle.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from programs import bundles
from weft.files.bundle import MANIFEST, ORIGINS, SCHEMA, parse_manifest, written

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from mounted import Mount
from servers import Servers, until
from workers import Workers

SWAPS = int(os.environ.get("SWAPS", "200"))
IDLE = float(os.environ.get("IDLE", "30"))
"""Seconds for which nothing happens."""


class Revisions:
    """The bundle of a target with another value of a live setting in each revision."""

    def __init__(self, folder: Path) -> None:
        production = next(each for each in bundles(folder) if '"target": "production"' in (each / MANIFEST).read_text())
        files = {path.name: path.read_text() for path in production.iterdir()}
        self._manifest = parse_manifest(files[MANIFEST].encode())
        self._values = {domain: json.loads(files[name]) for domain, name in self._manifest.values.items()}
        self._schema, self._origins = files[SCHEMA], json.loads(files[ORIGINS])
        self.number = 0
        self.size = sum(map(len, files.values()))

    def next(self) -> dict[str, str]:
        """The files of the next one."""
        self.number += 1
        self._values["application"]["cache"]["ttl"] = 1000 + self.number
        manifest = self._manifest
        return written(
            self._values,
            self._schema,
            self._origins,
            manifest.secrets,
            {},
            project=manifest.project,
            target=manifest.target,
            revision=self.number,
        )


def swap(mount: Mount, workers: Workers, files: dict[str, str], number: int) -> float:
    """The seconds until the slowest worker has a revision."""
    renamed = mount.publish(files)

    def noted() -> list[float]:
        found = [line.split() for line in workers.notes.read_text().splitlines()]
        times = [float(moment) for _, revision, moment in found if revision == str(number)]
        return times if len(times) == len(workers.pids) else []

    return float(max(until(noted, 30)) - renamed)


def busy(pid: int) -> dict[int, int]:
    """The nanoseconds of CPU that each thread of a process has used."""
    tasks = Path("/proc", str(pid), "task").iterdir()
    return {int(task.name): int((task / "schedstat").read_text().split()[0]) for task in tasks}


def idle(workers: Workers) -> tuple[float, float]:
    """The share of a core that an idle worker uses, in percent: the thread that follows the source, and all of it; the highest of all."""
    threads = {pid: workers.ask(pid)["thread"] for pid in workers.pids}
    time.sleep(2)
    before, begun = {pid: busy(pid) for pid in workers.pids}, time.monotonic()
    time.sleep(IDLE)
    after, seconds = {pid: busy(pid) for pid in workers.pids}, time.monotonic() - begun
    per = 100 / 1e9 / seconds
    follower = max(after[pid][threads[pid]] - before[pid][threads[pid]] for pid in workers.pids)
    whole = max(sum(after[pid].values()) - sum(before[pid].values()) for pid in workers.pids)
    return follower * per, whole * per


def measure(revisions: Revisions, folder: Path, swaps: int, *, inotify: bool) -> dict[str, Any]:
    """Times of swaps in milliseconds, and the idle shares."""
    mount = Mount(folder)
    mount.publish(revisions.next())
    with closing(Servers()) as servers, closing(Workers(servers, folder, inotify=inotify)) as workers:
        share, whole = idle(workers)
        times = []
        for _ in range(swaps):
            files = revisions.next()
            time.sleep(0.1 + random.random() * 0.3)
            times.append(1000 * swap(mount, workers, files, revisions.number))
    return {"times": sorted(times), "share": share, "whole": whole}


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "project").mkdir()
        revisions = Revisions(Path(name) / "project")
        load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
        sys.stdout.write(f"a bundle of {revisions.size // 1000} kB, 4 workers, {os.cpu_count()} cores, load {load}\n")
        for inotify in (True, False):
            found = measure(
                revisions, Path(name) / f"mount-{inotify}", SWAPS if inotify else SWAPS // 4, inotify=inotify
            )
            times = found["times"]
            sys.stdout.write(
                f"{'inotify' if inotify else 'poll':8} {len(times)} swaps: median {statistics.median(times):.0f} ms, "
                f"99 % {times[int(len(times) * 0.99) - 1]:.0f} ms, slowest {times[-1]:.0f} ms; "
                f"idle: {found['share']:.3f} % of a core for following, {found['whole']:.3f} % for the whole worker\n"
            )


if __name__ == "__main__":
    main()
