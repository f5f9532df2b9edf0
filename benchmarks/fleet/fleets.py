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
from fleet.measuring import Command, Trial, in_turn, measured
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

    def add(self, tool: str, case: str, size: int, trial: Trial) -> None:
        """Measure a command. Raises CommandFailed."""
        self._say(Row.of(tool, case, size, measured(trial)))

    def _say(self, row: Row) -> None:
        self.rows.append(row)
        self.say(
            f"{row.size:6} {row.tool:20} {row.case:20} {row.cpu:9.3f} s CPU {row.wall:9.3f} s {row.memory:8.1f} MB"
            f" {row.cpu / row.size * 1000:9.3f} ms CPU each"
        )

    def fleet(self, size: int, peers: Iterable[Peer]) -> None:
        """A fleet of one size: the script and the floor, Weft in all cases, the peers. Raises CommandFailed and OtherOutput."""
        workload = Workload.drawn(size)
        folder = self.scratch / f"fleet-{size}"
        fleet, loops = Fleet(folder / WEFT, workload), Fleet(folder / "loops", workload)
        projects.write_project(fleet.folder, workload)
        projects.write_project(loops.folder, workload, projects.LOOPS)
        script = _script(folder)
        script.command.run()
        compare(SCRIPT, folder / SCRIPT, workload.expected())
        same_as_script(fleet, folder / SCRIPT)
        same_as_script(loops, folder / SCRIPT)
        cold = CASES[0]
        trials = {
            (SCRIPT, cold.key): script,
            (FLOOR, cold.key): _floor(folder),
            (WEFT, cold.key): _trial(fleet, cold),
            (WEFT, WITH_LOOPS.key): _trial(loops, WITH_LOOPS),
        }
        for (tool, key), cost in zip(trials, in_turn(list(trials.values())), strict=True):
            self._say(Row.of(tool, key, size, cost))
        for case in CASES[1:]:
            self.add(WEFT, case.key, size, _trial(fleet, case))
        for peer in peers:
            if size <= peer.most:
                self._peer(peer, folder / "peers" / peer.name, workload)
        shutil.rmtree(folder)

    def growth(self, size: int) -> None:
        """A fleet so small that only the start counts."""
        fleet = Fleet(self.scratch / f"small-{size}", Workload.drawn(size))
        projects.write_project(fleet.folder, fleet.workload)
        for case in CASES[:2]:
            self.add(WEFT, case.key, size, _trial(fleet, case))
        shutil.rmtree(fleet.folder)

    def calibrate(self) -> None:
        """The script alone, at the size by which the seconds of the acceptance are scaled."""
        if not any((row.tool, row.size) == (SCRIPT, CALIBRATION) for row in self.rows):
            folder = self.scratch / "calibration"
            projects.write_project(folder / WEFT, Workload.drawn(CALIBRATION))
            self.add(SCRIPT, "cold", CALIBRATION, _script(folder))

    def _peer(self, peer: Peer, folder: Path, workload: Workload) -> None:
        """One peer, whose output is compared before it is timed. Raises OtherOutput and CommandFailed."""
        peer.writes(folder, workload)
        command, empty = peer.command(folder), prepare(folder)
        empty()
        command.run()
        compare(peer.name, folder / OUT, workload.expected())
        self.add(peer.name, "cold", len(workload.tenants), Trial(command, empty))
        shutil.rmtree(folder)

    # --- single projects ---

    def singles(self) -> None:
        """Outputs of many objects, many wrong values, and the reference project."""
        for objects in OBJECTS:
            folder = self.scratch / f"one-output-{objects}"
            projects.write_one_output(folder, objects)
            fleet = Fleet(folder, Workload.drawn(1))
            self.add(WEFT, "one output", objects, Trial(weft(folder, "render"), fleet.forget))
        wrong = self.scratch / "wrong"
        projects.write_wrong(wrong, WRONG)
        validate = Trial(weft(wrong, "validate", accepted=(1,)), functools.partial(_remove, wrong / CACHE))
        self.add(WEFT, "wrong values", WRONG, validate)
        self._reference()

    def _reference(self) -> None:
        """The reference project, in a copy: nobody's cache is removed."""
        folder = self.scratch / "reference"
        folder.mkdir()
        copied(folder)
        fleet = Fleet(folder, Workload.drawn(1))
        weft(folder, "render").run()
        files = sum(path.is_file() and not path.name.startswith(".") for path in (folder / OUTPUT).rglob("*"))
        self.add(WEFT, "start", 1, Trial(Command([sys.executable, "-c", "import weft.project.project"], folder)))
        self.add(WEFT, "reference, cold", files, Trial(weft(folder, "render"), fleet.forget))
        self.add(WEFT, "reference, unchanged", files, Trial(weft(folder, "render")))


def _script(folder: Path) -> Trial:
    """The script, for the fleet that is in a folder."""
    words: list[str | Path] = [sys.executable, HERE / "script.py", folder / WEFT, folder / SCRIPT]
    return Trial(Command(words, folder), functools.partial(_remove, folder / SCRIPT))


def _floor(folder: Path) -> Trial:
    """The floor, which writes what the script has written."""
    words: list[str | Path] = [sys.executable, HERE / "floor.py", folder / WEFT, folder / SCRIPT, folder / FLOOR]
    return Trial(Command(words, folder), functools.partial(_remove, folder / FLOOR))


def _trial(fleet: Fleet, case: Case) -> Trial:
    """A case in a fleet."""
    return Trial(case.command(fleet), functools.partial(case.prepare, fleet))


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
