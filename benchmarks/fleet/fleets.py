"""The run: fleets of several sizes by all tools, then what is asked of single projects."""

from __future__ import annotations

import functools
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from fleet import projects
from fleet.cases import CACHE, CASES, OUTPUT, WITH_LOOPS, Case, Fleet, weft
from fleet.measuring import Command, Cost, measured, nothing
from fleet.peers import OUT, PEERS, Peer, compare, prepare
from fleet.reference import copied
from fleet.results import CALIBRATION, FLOOR, SCRIPT, WEFT, Row
from fleet.workload import Workload

HERE: Final = Path(__file__).resolve().parent
WRONG: Final = 20_000
"""So many values are wrong in the project that `weft validate` reports."""
OBJECTS: Final = (25, 200)
"""So many objects has the one output of a project."""

Say = Callable[[str], None]


class Run:
    """The rows that are measured one after the other, each said as soon as it is there."""

    def __init__(self, scratch: Path, say: Say) -> None:
        self.scratch, self.say = scratch, say
        self.rows: list[Row] = []

    def add(self, tool: str, case: str, size: int, command: Command, before: Callable[[], None] = nothing) -> Cost:
        """Measure a command. Raises CommandFailed."""
        cost = measured(command, before)
        self.rows.append(Row.of(tool, case, size, cost))
        self.say(
            f"{size:6} {tool:20} {case:20} {cost.cpu:9.3f} s CPU {cost.wall:9.3f} s {cost.memory:8.1f} MB"
            f" {cost.cpu / size * 1000:9.3f} ms CPU each"
        )
        return cost

    def fleet(self, size: int, peers: Iterable[Peer]) -> None:
        """A fleet of one size: the script and the floor, Weft in all cases, its other template, the peers."""
        workload = Workload.drawn(size)
        folder = self.scratch / f"fleet-{size}"
        projects.write_project(folder / WEFT, workload)
        expected = workload.expected()
        self._script(folder, size)
        self._floor(folder, size)
        compare(SCRIPT, folder / SCRIPT, expected)
        fleet = Fleet(folder / WEFT, workload)
        same_as_script(fleet, folder / SCRIPT)
        for case in CASES:
            self._case(fleet, case)
        projects.write_project(folder / "loops", workload, projects.LOOPS)
        loops = Fleet(folder / "loops", workload)
        same_as_script(loops, folder / SCRIPT)
        self._case(loops, WITH_LOOPS)
        for peer in peers:
            if size <= peer.most:
                self._peer(peer, folder / "peers" / peer.name, workload)
        shutil.rmtree(folder)

    def growth(self, size: int) -> None:
        """A fleet so small that only the start counts."""
        fleet = Fleet(self.scratch / f"small-{size}", Workload.drawn(size))
        projects.write_project(fleet.folder, fleet.workload)
        for case in CASES[:2]:
            self._case(fleet, case)
        shutil.rmtree(fleet.folder)

    def _script(self, folder: Path, size: int) -> None:
        words: list[str | Path] = [sys.executable, HERE / "script.py", folder / WEFT, folder / SCRIPT]
        self.add(SCRIPT, "cold", size, Command(words, folder), functools.partial(_remove, folder / SCRIPT))

    def _floor(self, folder: Path, size: int) -> None:
        words: list[str | Path] = [sys.executable, HERE / "floor.py", folder / WEFT, folder / SCRIPT, folder / FLOOR]
        self.add(FLOOR, "cold", size, Command(words, folder), functools.partial(_remove, folder / FLOOR))

    def _case(self, fleet: Fleet, case: Case) -> None:
        self.add(WEFT, case.key, fleet.size, case.command(fleet), functools.partial(case.prepare, fleet))

    def _peer(self, peer: Peer, folder: Path, workload: Workload) -> None:
        """One peer, whose output is compared before it is timed. Raises OtherOutput and CommandFailed."""
        peer.writes(folder, workload)
        command, empty = peer.command(folder), prepare(folder)
        empty()
        command.run()
        compare(peer.name, folder / OUT, workload.expected())
        self.add(peer.name, "cold", len(workload.tenants), command, empty)
        shutil.rmtree(folder)

    def calibrate(self) -> None:
        """The script alone, at the size by which the seconds of the acceptance are scaled."""
        if not any((row.tool, row.size) == (SCRIPT, CALIBRATION) for row in self.rows):
            folder = self.scratch / "calibration"
            projects.write_project(folder / WEFT, Workload.drawn(CALIBRATION))
            self._script(folder, CALIBRATION)

    # --- single projects ---

    def singles(self) -> None:
        """Outputs of many objects, many wrong values, and the reference project."""
        for objects in OBJECTS:
            folder = self.scratch / f"one-output-{objects}"
            projects.write_one_output(folder, objects)
            fleet = Fleet(folder, Workload.drawn(1))
            self.add(WEFT, "one output", objects, weft(folder, "render"), fleet.forget)
        wrong = self.scratch / "wrong"
        projects.write_wrong(wrong, WRONG)
        self.add(
            WEFT,
            "wrong values",
            WRONG,
            weft(wrong, "validate", accepted=(1,)),
            functools.partial(_remove, wrong / CACHE),
        )
        self._reference()

    def _reference(self) -> None:
        """The reference project, in a copy: nobody's cache is removed."""
        folder = self.scratch / "reference"
        folder.mkdir()
        copied(folder)
        fleet = Fleet(folder, Workload.drawn(1))
        weft(folder, "render").run()
        files = sum(path.is_file() and not path.name.startswith(".") for path in (folder / OUTPUT).rglob("*"))
        self.add(WEFT, "start", 1, Command([sys.executable, "-c", "import weft.project.project"], folder))
        self.add(WEFT, "reference, cold", files, weft(folder, "render"), fleet.forget)
        self.add(WEFT, "reference, unchanged", files, weft(folder, "render"))


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def same_as_script(fleet: Fleet, rendered: Path) -> None:
    """Whether Weft renders what the script has rendered. Raises OtherOutput and CommandFailed."""
    fleet.forget()
    weft(fleet.folder, "render").run()
    for tenant in fleet.workload.tenants:
        name = Path("production", tenant, "configmaps.yaml")
        if (fleet.folder / OUTPUT / name).read_bytes() != (rendered / name).read_bytes():
            compare(WEFT, fleet.folder / OUTPUT, fleet.workload.expected())
            return


def chosen_peers(names: Iterable[str] | None, say: Say) -> list[Peer]:
    """The peers that are installed, of all or of some tools; those that are not are named."""
    wanted = [peer for peer in PEERS if names is None or peer.tool in names]
    missing = [peer.name for peer in wanted if not peer.is_here()]
    if missing:
        say(f"NOT INSTALLED, SO NOT MEASURED: {', '.join(missing)} (make setup-bench)")
    return [peer for peer in wanted if peer.is_here()]
