"""`weft drift` on a real API server: what others change is found, with its field and its manager, and nothing else."""

import json
import random
import signal

import pytest

from servers import until

pytestmark = pytest.mark.cluster

NAMESPACE = "shop-test"


def drift(shop, *args, code=1):
    data = json.loads(shop.weft("drift", *args, "--format", "json", code=code).out)
    return [one for target in data["targets"] for one in target["drift"]]


def test_nothing_drifts_after_a_deploy(shop):
    shop.set("base", workload=True, autoscaler=True, token="ref+env://SHOP_TOKEN")
    shop.deploy("test", "test/*")
    assert drift(shop, "test", "test/*", code=0) == []


def test_what_was_never_deployed_cannot_drift(shop):
    assert "test was never deployed" in shop.weft("drift", "test", code=3).err


def test_each_kind_of_change_is_found_with_its_manager_and_healed(shop, cluster):
    shop.deploy("test")
    path = cluster.path("ConfigMap", NAMESPACE, "shop")
    cluster.ask("PATCH", f"{path}?fieldManager=ana", {"data": {"PORT": "1", "MOTTO": None, "NEW": "x"}})
    path = cluster.path("Service", NAMESPACE, "shop")
    cluster.ask("PATCH", f"{path}?fieldManager=bob", {"metadata": {"labels": {"mine": "1"}}})
    path = cluster.path("Secret", NAMESPACE, "shop-secret")
    cluster.ask("PATCH", f"{path}?fieldManager=eve", {"data": {"password": "eHg=", "more": "eHg="}})
    found = {(one["object"].split("/")[1], one.get("field")): one for one in drift(shop, "test")}
    assert {key: (one["kind"], one.get("manager")) for key, one in found.items()} == {
        ("shop", ".data.PORT"): ("changed", "ana"),
        ("shop", ".data.MOTTO"): ("lost", None),
        ("shop", ".data.NEW"): ("foreign", "ana"),
        ("shop", ".metadata.labels.mine"): ("foreign", "bob"),
        ("shop-secret", ".data.password"): ("changed", "eve"),
        ("shop-secret", ".data.more"): ("foreign", "eve"),
    }
    assert found["shop", ".data.PORT"]["deployed"] == "8080"
    assert found["shop", ".data.PORT"]["live"] == "1"
    sarif = shop.weft("drift", "test", "--format", "sarif", code=1).out
    assert "overlays/base.yaml" in sarif
    assert "eHg=" not in "".join(shop.said)
    shop.weft("drift", "test", "--heal", "--timeout", "0")
    assert {one["kind"] for one in drift(shop, "test")} == {"foreign"}
    data = cluster.read("ConfigMap", NAMESPACE, "shop")["data"]
    assert data == {"PORT": "8080", "MOTTO": "buy more", "NEW": "x"}


def test_a_whole_object_is_lost_and_comes_back(shop, cluster):
    shop.deploy("test")
    cluster.delete("Secret", NAMESPACE, "shop-secret")
    assert [(one["object"], one["kind"]) for one in drift(shop, "test")] == [("Secret shop-test/shop-secret", "lost")]
    shop.weft("drift", "test", "--heal", "--timeout", "0")
    assert drift(shop, "test", code=0) == []


def test_heal_may_be_allowed_in_the_cluster_of_another_environment(shop, cluster):
    shop.deploy("test")
    shop.deploy("live", "--allow-environment", "live")
    cluster.delete("Secret", "shop-live", "shop-secret")
    assert "add `--allow-environment live`" in shop.weft("drift", "live", "--heal", "--timeout", "0", code=1).err
    shop.weft("drift", "live", "--heal", "--timeout", "0", "--allow-environment", "live")
    assert drift(shop, "live", code=0) == []


def test_an_autoscaler_may_change_replicas(shop, cluster):
    shop.set("base", workload=True, autoscaler=True)
    shop.deploy("test")
    path = cluster.path("Deployment", NAMESPACE, "shop") + "/scale?fieldManager=kube-controller-manager"
    cluster.ask("PATCH", path, {"spec": {"replicas": 5}})
    assert drift(shop, "test", code=0) == []
    assert "nothing changes" in shop.deploy("test").out
    shop.set("base", motto="other")
    shop.deploy("test")
    assert cluster.read("Deployment", NAMESPACE, "shop")["spec"]["replicas"] == 5


def test_replicas_that_are_no_longer_rendered_stay_until_the_autoscaler_sets_them(shop, cluster):
    shop.set("base", workload=True, replicas=5)
    shop.deploy("test")
    template = shop.folder / "templates" / "workload.yaml.j2"
    template.write_text(template.read_text().replace("  replicas: {{ app.replicas }}\n", ""))
    shop.set("base", autoscaler=True, motto="other")
    assert "replicas" not in shop.deploy("test").out
    assert cluster.read("Deployment", NAMESPACE, "shop")["spec"]["replicas"] == 5
    assert "nothing changes" in shop.deploy("test").out
    assert drift(shop, "test", code=0) == []
    path = cluster.path("Deployment", NAMESPACE, "shop") + "/scale?fieldManager=kube-controller-manager"
    cluster.ask("PATCH", path, {"spec": {"replicas": 7}})
    shop.set("base", motto="another")
    shop.deploy("test")
    assert cluster.read("Deployment", NAMESPACE, "shop")["spec"]["replicas"] == 7


def test_sources_that_are_not_deployed_are_no_drift(shop):
    shop.deploy("test")
    shop.set("base", motto="not deployed")
    assert drift(shop, "test", code=0) == []


def test_a_live_value_is_adopted_into_its_overlay(shop, cluster):
    shop.deploy("test")
    cluster.patch("ConfigMap", NAMESPACE, "shop", {"data": {"MOTTO": "adopted"}})
    said = shop.weft("drift", "test", "--adopt", code=1)
    assert ".data.MOTTO is adopted as app.motto" in said.err
    assert (shop.folder / "overlays" / "base.yaml").read_text() == "app:\n  motto: adopted\n"


def test_metrics_have_the_text_format(shop, cluster):
    shop.deploy("test")
    cluster.patch("ConfigMap", NAMESPACE, "shop", {"data": {"PORT": "1"}})
    said = shop.weft("drift", "test", "--format", "metrics", code=1).out
    assert 'weft_drift_fields{target="test",kind="changed"} 1\n' in said
    assert 'weft_revision{target="test"} 1\n' in said


def test_drift_is_watched_and_healed_as_it_happens(shop, cluster):
    shop.deploy("test")
    process = shop.start("drift", "test", "--watch", "--heal", "--timeout", "0")
    try:
        assert "test: 0 differences from revision 1" in process.stdout.readline()
        cluster.patch("ConfigMap", NAMESPACE, "shop", {"data": {"PORT": "1"}})
        until(lambda: cluster.read("ConfigMap", NAMESPACE, "shop")["data"]["PORT"] == "8080")
        cluster.delete("Service", NAMESPACE, "shop")
        until(lambda: cluster.read("Service", NAMESPACE, "shop") is not None)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130, err
    assert "Traceback" not in err


def test_a_revision_is_shown_and_compared_with_the_sources(shop):
    shop.deploy("test")
    shop.set("base", motto="newer")
    assert shop.weft("config", "test", "app.motto", "--revision", "1").out == '"buy more"\n'
    assert '~ app.motto: "buy more" -> "newer"' in shop.weft("diff", "test", "--revision", "1", code=1).out


@pytest.mark.soak(few=1)
@pytest.mark.parametrize("seed", range(10))
def test_random_edits_are_all_found_and_nothing_else(shop, cluster, seed):
    shop.set("base", workload=True, labels={"one": "1", "two": "2"}, lines={f"L{n}": str(n) for n in range(8)})
    shop.deploy("test", "test/*")
    rng = random.Random(seed)
    expected = {}
    names = sorted(name for name in shop.objects() if not name.startswith("Secret"))
    for number in range(50):
        edit(cluster, rng, rng.choice(names), f"editor-{number}", expected)
    found = {
        (one["object"], one.get("field")): (one["kind"], one.get("manager")) for one in drift(shop, "test", "test/*")
    }
    gone = {name for name, field in expected if field is None}
    expected = {key: value for key, value in expected.items() if key[1] is None or key[0] not in gone}
    assert found == expected
    shop.weft("drift", "test", "test/*", "--heal", "--timeout", "0")
    assert {one["kind"] for one in drift(shop, "test", "test/*", code=1)} <= {"foreign"}


def shown(field):
    return f'.data["{field}"]' if "." in field else f".data.{field}"


def edit(cluster, rng, name, manager, expected):
    """One edit by a manager, and what drift must say about it; edits of the same field by later managers replace the earlier ones."""
    kind, _, name = name.partition("/")
    key = f"{kind} {NAMESPACE}/{name}"
    path = cluster.path(kind, NAMESPACE, name)
    live = cluster.read(kind, NAMESPACE, name)
    if live is None:
        return
    what = rng.choice(
        ("value", "addition", "removal", "label", "object") if kind == "ConfigMap" else ("label", "annotation")
    )
    where = f"{path}?fieldManager={manager}"
    if what == "object" and rng.random() < 0.3:
        cluster.delete(kind, NAMESPACE, name)
        expected[key, None] = ("lost", None)
    elif what == "value" and live.get("data"):
        field = rng.choice(sorted(live["data"]))
        cluster.ask("PATCH", where, {"data": {field: f"edited by {manager}"}})
        known = expected.get((key, shown(field)), ("changed", None))
        expected[key, shown(field)] = ("foreign" if known[0] == "foreign" else "changed", manager)
    elif what == "addition":
        cluster.ask("PATCH", where, {"data": {manager: "new"}})
        expected[key, f".data.{manager}"] = ("foreign", manager)
    elif what == "removal" and live.get("data"):
        field = rng.choice(sorted(live["data"]))
        cluster.ask("PATCH", where, {"data": {field: None}})
        if expected.pop((key, shown(field)), ("changed",))[0] != "foreign":
            expected[key, shown(field)] = ("lost", None)
    elif what in ("label", "annotation"):
        cluster.ask("PATCH", where, {"metadata": {f"{what}s": {manager: "x"}}})
        expected[key, f".metadata.{what}s.{manager}"] = ("foreign", manager)
