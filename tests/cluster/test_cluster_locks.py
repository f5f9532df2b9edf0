"""Two deploys at once, deploys that die, and servers that go away: nothing is lost, and nobody waits for ever."""

import os
import random
import signal
import threading
import time

import pytest

from weft.cluster.connections import Connections
from weft.cluster.lock import TERM, Lock

pytestmark = pytest.mark.cluster

NAMESPACE = "shop-test"


def unlock(shop, name="weft-test-lock"):
    """Make the lease of a dead holder end now: what happens by itself after its term."""
    path = shop.cluster.path("Lease", NAMESPACE, name)
    status, lease = shop.cluster.request("GET", path)
    if status == 200:
        assert lease["spec"]["leaseDurationSeconds"] <= TERM
        shop.cluster.ask("PATCH", path, {"spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}})


@pytest.mark.soak(few=2)
@pytest.mark.parametrize("number", range(50))
def test_of_two_deploys_at_once_one_wins_and_the_other_says_who_has_the_lock(shop, number):
    shop.deploy("test")
    shop.set("base", motto=f"round {number}")
    both = [shop.start("deploy", "test", "--yes", "--timeout", "0") for _ in range(2)]
    ends = [(*one.communicate(timeout=60), one.returncode) for one in both]
    good = [out for out, _, code in ends if code == 0]
    bad = [err for _, err, code in ends if code]
    assert good
    assert all(
        "is being deployed by " in err or "somebody deployed test after this plan was made" in err for err in bad
    ), ends
    assert all(code in (0, 3) for *_, code in ends)
    assert shop.cluster.read("ConfigMap", NAMESPACE, "shop")["data"]["MOTTO"] == f"round {number}"


def test_a_lock_names_its_holder_and_can_be_waited_for(shop):
    shop.deploy("test")
    shop.set("base", motto="new")
    os.environ["KUBECONFIG"] = str(shop.cluster.kubeconfig)
    project = shop.project()
    with Connections(project, "admin") as connections:
        client = connections.of(project.target("test"))
        with Lock(client, "test", NAMESPACE) as lock:
            said = shop.deploy("test", code=3)
            assert f"test is being deployed by {lock.holder.rpartition(':')[0].rpartition(':')[0]}" in said.err
            threading.Timer(1, lock.__exit__, (None, None, None)).start()
            shop.deploy("test", "--wait", "20")


def kill_at_work(shop, rng, *args):
    """Start a command, and kill it at some moment after it has taken the lock."""
    process = shop.start(*args, "--yes", "--timeout", "0")
    begun = time.monotonic()
    while process.poll() is None and not is_at_work(shop) and time.monotonic() < begun + 20:
        time.sleep(0.01)
    time.sleep(rng.uniform(0.01, 0.18))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    unlock(shop)


def has(shop, motto, *, extra):
    """Whether exactly the objects of a configuration are there."""
    assert set(shop.objects()) == {"ConfigMap/shop", "Service/shop", "Secret/shop-secret"} | (
        {"ConfigMap/shop-extra"} if extra else set()
    )
    return shop.cluster.read("ConfigMap", NAMESPACE, "shop")["data"]["MOTTO"] == motto


@pytest.mark.soak(few=3)
@pytest.mark.parametrize("number", range(100))
def test_a_deploy_that_is_killed_is_put_right_by_the_next(shop, number):
    """Also if it was to remove objects: none is lost, and none is left over."""
    shop.configure(prune=100)
    shop.set("base", extra=bool(number % 2), motto="before")
    shop.deploy("test")
    shop.set("base", extra=not number % 2, motto="after", port=8000 + number)
    kill_at_work(shop, random.Random(number), "deploy", "test")
    shop.deploy("test")
    assert has(shop, "after", extra=not number % 2)
    assert "nothing changes" in shop.deploy("test").out


@pytest.mark.soak(few=3)
@pytest.mark.parametrize("number", range(100))
def test_a_rollback_that_is_killed_is_put_right_by_the_next_and_by_a_deploy(shop, number):
    shop.configure(prune=100)
    shop.set("base", extra=bool(number % 2), motto="before")
    shop.deploy("test")
    shop.set("base", extra=not number % 2, motto="after", port=8000 + number)
    shop.deploy("test")
    kill_at_work(shop, random.Random(number), "rollback", "test", "1")
    if number % 4 < 2:
        shop.weft("rollback", "test", "1", "--yes", "--timeout", "0")
        assert has(shop, "before", extra=bool(number % 2))
    shop.deploy("test", "--unpin")
    assert has(shop, "after", extra=not number % 2)
    assert "nothing changes" in shop.deploy("test").out


def is_at_work(shop):
    """Whether a deploy has taken the lock."""
    status, lease = shop.cluster.request("GET", shop.cluster.path("Lease", NAMESPACE, "weft-test-lock"))
    return status == 200 and bool(lease["spec"].get("holderIdentity"))


def test_a_lease_ends_by_itself(shop):
    shop.deploy("test")
    lease = {
        "holderIdentity": "dead@machine:1:abc",
        "leaseDurationSeconds": 1,
        "renewTime": "2020-01-01T00:00:00.000000Z",
    }
    path = shop.cluster.path("Lease", NAMESPACE, "weft-test-lock")
    shop.cluster.ask("PATCH", path, {"spec": lease})
    shop.set("base", motto="new")
    shop.deploy("test")


def test_an_api_server_that_goes_away_in_the_middle_is_reported_and_the_next_deploy_goes_on(shop):
    shop.deploy("test")
    shop.set("base", motto="after")
    process = shop.start("deploy", "test", "--yes", "--timeout", "0")
    while process.poll() is None and not is_at_work(shop):
        time.sleep(0.01)
    shop.cluster.kill()
    _, err = process.communicate(timeout=90)
    assert process.returncode in (0, 3), err
    assert "Traceback" not in err
    shop.cluster.restart()
    unlock(shop)
    shop.deploy("test")
    assert shop.cluster.read("ConfigMap", NAMESPACE, "shop")["data"]["MOTTO"] == "after"


def test_ctrl_c_stops_between_objects_and_says_what_stands(shop):
    shop.set("base", workload=True)
    process = shop.start("deploy", "test", "--yes", "--timeout", "60")
    begun = time.monotonic()
    while (
        process.poll() is None
        and shop.cluster.request("GET", shop.cluster.path("ConfigMap", NAMESPACE, "shop"))[0] != 200
    ):
        assert time.monotonic() < begun + 30
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "test: interrupted after" in out
    shop.deploy("test")
    assert "nothing changes" in shop.deploy("test").out
