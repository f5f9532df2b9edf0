"""`weft rollout`: steps, gates, and the way back, with a clock that a test moves."""

import os
import signal
import subprocess
import sys
import time

import pytest

from servers import until
from weft.cluster.client import connect
from weft.cluster.connections import Connections
from weft.cluster.lock import Lock
from weft.cluster.names import name_of
from weft.cluster.rollouts import LOCK, Rollouts, World, steps_of
from weft.project.entries import Gate, Rollout

NAMESPACE = "shop-test"
TENANTS = [f"t{number:02}" for number in range(40)]


@pytest.mark.parametrize(
    ("rollout", "sizes"),
    [
        (Rollout(step=20), [2, 2, 2, 2, 2]),
        (Rollout(step=30), [3, 3, 3, 1]),
        (Rollout("exponential", step=10), [1, 1, 2, 4, 2]),
        (Rollout("exponential", step=10, factor=4), [1, 3, 6]),
        (Rollout("canary", step=10), [1, 9]),
        (Rollout(step=1), [1] * 10),
        (Rollout(step=100), [10]),
        (Rollout(waves=(("t/1", "t/2"), ("t/*",))), [2, 8]),
        (Rollout(waves=(("t/9",),)), [1, 9]),
    ],
)
def test_the_steps_of_a_strategy(rollout, sizes):
    names = [f"t/{number}" for number in range(10)]
    steps = steps_of(names, rollout)
    assert list(map(len, steps)) == sizes
    assert sorted(name for step in steps for name in step) == names


class Clock:
    """A world in which sleeping takes no time."""

    def __init__(self, gate=lambda _gate, _names: None):
        self.moment = 1_000_000.0
        self.world = World(lambda: self.moment, self.sleep, gate)

    def sleep(self, seconds):
        self.moment += seconds


@pytest.fixture
def fleet(shop):
    """The shop with 40 tenants, deployed once."""
    for name in TENANTS:
        (shop.folder / "overlays" / "tenants" / f"{name}.yaml").write_text(f"app: {{motto: buy {name}}}\n")
    shop.deploy("test", *(f"test/{name}" for name in TENANTS))
    shop.set("base", port=9000)
    for name, secret in shop.secrets.items():
        os.environ[name] = secret
    os.environ["KUBECONFIG"] = str(shop.cluster.kubeconfig)
    return shop


def rollouts(shop, connections, world):
    project = shop.project()
    return project, Rollouts(project, connections, project.target("test/t00"), world)


def ports(shop):
    """The tenants that have the new port."""
    found = shop.objects()
    return sorted(name for name in TENANTS if found[f"ConfigMap/shop-{name}"]["data"]["PORT"] == "9000")


SLOW = pytest.mark.cluster
ROLLOUT = Rollout(step=20, bake=60, gates=(Gate(command=("true",)),))


@SLOW
def test_a_rollout_deploys_step_by_step_and_bakes(fleet):
    seen = []
    clock = Clock(lambda _gate, names: seen.append((len(names), clock.moment)))
    project = fleet.project()
    with Connections(project, "admin") as connections:
        machine = Rollouts(project, connections, project.target("test"), clock.world)
        machine.begin(project.targets("test/t*"), ROLLOUT, "a new port")
        state = machine.go_on()
    assert state.phase == "done"
    assert [number for number, _ in seen] == [8, 16, 24, 32, 40]
    assert clock.moment >= 1_000_000 + 5 * 60
    assert ports(fleet) == TENANTS
    assert "done" in fleet.weft("rollout", "status", "test/t00").out


@SLOW
def test_a_gate_that_fails_takes_back_only_what_was_touched(fleet):
    before = fleet.versions()
    clock = Clock(lambda _gate, names: "too many errors" if len(names) >= 24 else None)
    project = fleet.project()
    with Connections(project, "admin") as connections:
        machine = Rollouts(project, connections, project.target("test"), clock.world)
        machine.begin(project.targets("test/t*"), ROLLOUT)
        state = machine.go_on()
    assert (state.phase, state.step) == ("rolled back", 2)
    assert "too many errors" in state.message
    assert ports(fleet) == []
    after = fleet.versions()
    untouched = [
        name for name in TENANTS[24:] for kind in ("ConfigMap/shop-",) if after[kind + name] == before[kind + name]
    ]
    assert untouched == TENANTS[24:]
    assert all(after[f"ConfigMap/shop-{name}"] != before[f"ConfigMap/shop-{name}"] for name in TENANTS[:24])


@SLOW
def test_a_rollout_that_stops_keeps_what_it_has_done(fleet):
    clock = Clock(lambda _gate, _names: "no")
    project = fleet.project()
    with Connections(project, "admin") as connections:
        machine = Rollouts(project, connections, project.target("test"), clock.world)
        machine.begin(project.targets("test/t*"), Rollout("canary", step=5, gates=ROLLOUT.gates, failure="stop"))
        assert machine.go_on().phase == "stopped"
    assert ports(fleet) == TENANTS[:2]


@SLOW
def test_a_target_that_does_not_become_ready_is_taken_back_too(shop, cluster, monkeypatch):
    """Its objects are written, but its revision has failed: what was there before counts."""
    for name, value in {**shop.secrets, "KUBECONFIG": str(cluster.kubeconfig)}.items():
        monkeypatch.setenv(name, value)
    cluster.kubelet(Pod="hang")
    shop.deploy("test", "test/*")
    shop.configure(timeout=2, prune=100)
    shop.set("base", workload=True, port=9000)
    project, clock = shop.project(), Clock()
    with Connections(project, "admin") as connections:
        machine = Rollouts(project, connections, project.target("test"), clock.world)
        machine.begin(project.targets("test/*"), Rollout(step=34))
        state = machine.go_on()
    assert state.phase == "rolled back"
    assert "did not become ready" in state.message
    found = shop.objects()
    assert not [name for name in found if name.startswith("Deployment")]
    assert {found[f"ConfigMap/shop-{name}"]["data"]["PORT"] for name in "abc"} == {"8080"}


@SLOW
def test_a_rollout_may_be_allowed_in_the_cluster_of_another_environment(shop):
    shop.deploy("test")
    shop.deploy("live", "--allow-environment", "live")
    shop.set("base", motto="new")
    assert "is for the environment `test`" in shop.weft("rollout", "live", "--yes", code=1).out
    shop.weft("rollout", "live", "--yes", "--allow-environment", "live")
    assert shop.cluster.read("ConfigMap", "shop-live", "shop")["data"]["MOTTO"] == "new"


@SLOW
def test_what_was_rolled_back_is_pinned_until_somebody_unpins_it(shop):
    shop.deploy("test", "test/*")
    shop.set("base", port=9000)
    shop.configure(rollouts={"gated": {"step": 33, "gates": [{"command": ["false"]}]}})
    said = shop.weft("rollout", "test/*", "--strategy", "gated", "--yes", code=1).out
    assert "test/a: back to revision 1, and pinned to it" in said
    assert "the targets that went back are pinned; `weft rollout --unpin` or `weft deploy --unpin`" in said
    assert "are pinned" in shop.weft("rollout", "status", "test/a", code=1).out

    before = shop.versions()
    refused = shop.weft("rollout", "test/*", "--yes", code=1).err
    assert "test/a is pinned to revision 1, to which somebody rolled it back" in refused
    assert "test/b" not in refused
    assert shop.versions() == before  # the others are not deployed, only to be rolled back
    assert "rolled back" in shop.weft("rollout", "status", "test/a", code=1).out

    shop.weft("rollout", "test/*", "--yes", "--unpin")
    found = shop.objects()
    assert {found[f"ConfigMap/shop-{name}"]["data"]["PORT"] for name in "abc"} == {"9000"}
    assert "unchanged" in shop.deploy("test/a").out


@SLOW
def test_a_rollout_waits_for_a_lock(shop, cluster, monkeypatch):
    shop.deploy("test", "test/*")
    shop.set("base", port=9000)
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    held = connect("admin")
    lock = Lock(held, "test/b", NAMESPACE)
    lock.__enter__()
    assert "test/b is being deployed by" in shop.weft("rollout", "test/*", "--yes", code=1).out
    process = shop.start("rollout", "test/*", "--yes", "--unpin", "--wait", "60")
    path = cluster.path("ConfigMap", NAMESPACE, "weft-rollout")
    until(lambda: '"step": 1, "phase": "deploying"' in cluster.ask("GET", path)["data"]["rollout.json"])
    time.sleep(1)
    assert process.poll() is None
    lock.__exit__(None, None, None)
    held.close()
    said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "done" in shop.weft("rollout", "status", "test/a").out


class Crash(BaseException):
    """The end of a process, at the place where it is raised."""


def crashing(write, *, after):
    """A write of the state that ends the process at its third call, after the state was written or, at its fourth, before."""
    count = 0

    def crash(state):
        nonlocal count
        count += 1
        if count == 4:
            raise Crash
        written = write(state)
        if count == 3 and after:
            raise Crash
        return written

    return crash


@SLOW
def test_another_process_goes_on_after_a_crash_at_any_moment(fleet):
    """The state is written before each move: a crash before or after any write of it loses nothing."""
    project = fleet.project()
    clock = Clock(lambda _gate, names: "at the third step" if len(names) >= 24 else None)
    writes = 0
    with Connections(project, "admin") as connections:
        machine = Rollouts(project, connections, project.target("test"), clock.world)
        machine.begin(project.targets("test/t*"), ROLLOUT)
    while True:
        with Connections(project, "admin") as connections:
            machine = Rollouts(project, connections, project.target("test"), clock.world)
            machine._write = crashing(machine._write, after=bool(writes % 2))
            try:
                state = machine.go_on()
                break
            except Crash:
                writes += 1
                assert writes < 100
    assert writes > 8
    assert (state.phase, state.step) == ("rolled back", 2)
    assert ports(fleet) == []


@SLOW
def test_a_rollout_is_killed_paused_and_resumed_by_other_processes(fleet):
    env = {**os.environ, "KUBECONFIG": str(fleet.cluster.kubeconfig), **fleet.secrets}
    command = [
        sys.executable,
        "-m",
        "weft",
        "rollout",
        "test/t*",
        "--strategy",
        "linear",
        "--step",
        "50",
        "--bake",
        "2",
        "--yes",
    ]
    process = subprocess.Popen(
        command, cwd=fleet.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    begun = time.monotonic()
    while not ports(fleet):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < begun + 60
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert "rollout" in fleet.weft("rollout", "status", "test/t00").out
    assert "has not" not in fleet.weft("rollout", "test/t*", "--yes", code=3).out
    fleet.weft("rollout", "pause", "test/t00")
    assert "paused" in fleet.weft("rollout", "status", "test/t00").out
    for lock in (name_of(LOCK, "lock"), *(f"weft-test.{name}-lock" for name in TENANTS)):
        path = fleet.cluster.path("Lease", NAMESPACE, lock)
        if fleet.cluster.request("GET", path)[0] == 200:
            fleet.cluster.ask("PATCH", path, {"spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}})
    assert "done" in fleet.weft("rollout", "resume", "test/t00").out
    assert ports(fleet) == TENANTS
    assert "no rollout is under way" in fleet.weft("rollout", "resume", "test/t00", code=2).err


@SLOW
def test_a_rollout_goes_on_only_with_the_sources_that_it_began_with(fleet):
    project = fleet.project()
    with Connections(project, "admin") as connections:
        machine = Rollouts(project, connections, project.target("test"), Clock().world)
        machine.begin(project.targets("test/t*"), ROLLOUT)
    fleet.set("base", port=9001)
    assert "the sources render other objects" in fleet.weft("rollout", "resume", "test/t00", code=1).err
    fleet.weft("rollout", "abort", "test/t00", code=1)
