"""`weft plan` and `weft deploy` on a real API server."""

import base64
import io
import json

import pytest

from run import Terminal
from shop import PASSWORD

pytestmark = pytest.mark.cluster

NAMESPACE = "shop-test"


def test_the_first_deploy_creates_everything_and_the_second_changes_nothing(shop):
    first = shop.deploy("test", "test/*")
    assert "test: deployed as revision 1" in first.out
    assert "test/c: deployed as revision 1" in first.out
    objects = shop.objects()
    assert set(objects) == {
        f"{kind}{tenant}{end}"
        for tenant in ("", "-a", "-b", "-c")
        for kind, end in (("ConfigMap/shop", ""), ("Service/shop", ""), ("Secret/shop", "-secret"))
    }
    before = shop.versions()
    second = shop.deploy("test", "test/*")
    assert "4 targets: nothing changes" in second.out
    assert shop.versions() == before


def test_a_deploy_sends_secrets_and_the_plan_does_not_show_them(shop, cluster):
    shop.deploy("test")
    data = cluster.read("Secret", NAMESPACE, "shop-secret")["data"]
    assert base64.b64decode(data["password"]).decode() == PASSWORD
    assert base64.b64decode(data["url"]).decode() == f"postgres://shop:{PASSWORD}@db/shop"
    shop.secrets["SHOP_PASSWORD"] = "another-canary-18"
    shop.set("base", token="ref+env://SHOP_TOKEN")
    assert "data.token: (secret)" in shop.weft("plan", "test").out
    told = shop.deploy("test").out
    assert "~ .data.password: (secret) -> (secret)" in told
    after = cluster.read("Secret", NAMESPACE, "shop-secret")["data"]
    assert base64.b64decode(after["password"]) == b"another-canary-18"
    shop.set("base", token=None)
    shop.deploy("test")
    assert set(cluster.read("Secret", NAMESPACE, "shop-secret")["data"]) == {"password", "url"}
    assert not [said for said in shop.said if "canary" in said]


def test_a_change_of_one_overlay_changes_exactly_its_fields(shop, cluster):
    shop.deploy("test", "test/*")
    before = shop.objects()
    shop.set("tenants/b", port=9000)
    plan = json.loads(shop.weft("plan", "test/*", "--format", "json").out)
    changed = {one["target"]: one["objects"] for one in plan["targets"] if one["objects"]}
    assert list(changed) == ["test/b"]
    fields = {(one["object"], field["field"]): field for one in changed["test/b"] for field in one["changes"]}
    assert fields["ConfigMap shop-test/shop-b", ".data.PORT"]["old"] == "8080"
    assert fields["ConfigMap shop-test/shop-b", ".data.PORT"]["new"] == "9000"
    assert fields["ConfigMap shop-test/shop-b", ".data.PORT"]["overlay"].startswith("overlays/tenants/b.yaml:")
    shop.deploy("test/*")
    after = shop.objects()
    differing = {
        name
        for name in after
        if after[name]["metadata"]["resourceVersion"] != before[name]["metadata"]["resourceVersion"]
    }
    assert differing == {"ConfigMap/shop-b", "Service/shop-b"}
    assert [one["port"] for one in after["Service/shop-b"]["spec"]["ports"]] == [9000]


def test_what_is_no_longer_rendered_is_removed_and_nothing_else(shop, cluster):
    cluster.namespace(NAMESPACE)
    cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "foreign", "namespace": NAMESPACE}})
    shop.set("base", extra=True)
    shop.deploy("test", "test/a")
    assert {"ConfigMap/shop-extra", "ConfigMap/shop-a-extra"} <= set(shop.objects())
    shop.set("base", extra=False)
    shop.configure(prune=50)
    assert "- ConfigMap shop-test/shop-extra" in shop.weft("plan", "test").out
    shop.deploy("test")
    names = set(shop.objects())
    assert "ConfigMap/shop-extra" not in names
    assert {"ConfigMap/shop-a-extra", "ConfigMap/foreign"} <= names


def test_removing_a_large_share_needs_somebody_who_confirms(shop):
    shop.set("base", extra=True)
    shop.deploy("test")
    shop.set("base", extra=False)
    shop.configure(prune=10)
    said = shop.deploy("test", code=2)
    assert "a deploy asks first, and there is no terminal" in said.err
    assert "ConfigMap/shop-extra" in shop.objects()


def test_a_refused_object_keeps_the_whole_target_from_being_written(shop):
    shop.deploy("test", "test/a")
    before = shop.versions()
    shop.set("tenants/a", port=70000, motto="changed")
    said = shop.deploy("test/a", code=1)
    assert "spec.ports[0].port" in said.err
    assert "overlays/tenants/a.yaml:" in said.err
    assert shop.versions() == before
    shop.set("tenants/a", port=8081, bad_field=True)
    shop.uncheck()
    said = shop.deploy("test/a", code=1)
    assert "the server knows no such field" in said.err
    assert "templates/app.yaml.j2" in said.err
    assert shop.versions() == before


def test_a_first_deploy_that_is_refused_leaves_only_the_namespace(shop, cluster):
    shop.set("environments/test", port=70000)
    said = shop.deploy("test", code=1)
    assert "nothing was written except Namespace shop-test" in said.err
    assert shop.objects() == {}


def test_a_tenant_whose_namespace_is_missing_is_told_what_comes_first(shop):
    said = shop.weft("plan", "test/a", code=1)
    assert "deploy test first" in said.err


def test_a_target_of_another_environment_is_refused(shop):
    shop.deploy("test")
    said = shop.deploy("live", code=1)
    assert "cluster is for the environment `test` of shop" in said.err
    shop.deploy("live", "--allow-environment", "live")
    assert "ConfigMap/shop" in shop.objects("shop-live")


def test_nothing_is_deployed_without_a_context_or_an_answer(shop):
    path = shop.folder / "weft.yaml"
    path.write_text(path.read_text().replace('clusters: {"**": admin}\n', ""))
    assert "nothing says in which cluster test is deployed" in shop.deploy("test", code=2).err
    said = shop.weft("deploy", "test", "--context", "admin", code=2)
    assert "a deploy asks first, and there is no terminal" in said.err
    assert "there is no context `admn`" in shop.weft("plan", "test", "--context", "admn", code=2).err
    assert shop.cluster.read("Namespace", None, NAMESPACE) is None


def typed(answer):
    """A terminal at which somebody types an answer."""
    return Terminal(io.BytesIO(answer.encode()))


def test_the_question_before_the_first_deploy_says_what_is_noted_about_the_cluster(shop, cluster, monkeypatch):
    said = "kube-public/weft-cluster of the context `admin` will say that the cluster is for the environment `test` of shop"
    monkeypatch.setattr("sys.stdin", typed("n\n"))
    asked = shop.weft("deploy", "test/a", "test", "--timeout", "0", code=1).err
    assert f"This is the first deploy into this cluster: ConfigMap {said}; others are refused from then on." in asked
    assert cluster.read("ConfigMap", "kube-public", "weft-cluster") is None
    monkeypatch.setattr("sys.stdin", typed("y\n"))
    assert said in shop.weft("deploy", "test", "--timeout", "0").err
    assert cluster.read("ConfigMap", "kube-public", "weft-cluster")["data"] == {
        "project": "shop",
        "environment": "test",
    }
    shop.set("base", motto="sell")
    monkeypatch.setattr("sys.stdin", typed("y\n"))
    asked = shop.weft("deploy", "test", "--timeout", "0").err
    assert "Deploy this?" in asked
    assert "first deploy" not in asked


def test_the_question_of_a_rollout_says_it_too(shop, cluster, monkeypatch):
    cluster.namespace(NAMESPACE)
    monkeypatch.setattr("sys.stdin", typed("n\n"))
    asked = shop.weft("rollout", "test/*", code=1).err
    assert (
        "the cluster is for the environment `test` of shop; others are refused from then on.\nRoll this out?" in asked
    )
    assert cluster.read("ConfigMap", "kube-public", "weft-cluster") is None


def test_a_field_of_another_manager_is_a_conflict_with_both_values(shop, cluster):
    shop.deploy("test")
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "shop", "namespace": NAMESPACE},
            "data": {"MOTTO": "mine"},
        },
        manager="somebody",
        force=True,
    )
    shop.set("base", motto="buy now")
    for command in (("plan", "test"), ("plan", "test", "--server")):
        said = shop.weft(*command, code=1).err
        assert "data.MOTTO belongs to `somebody` since 2" in said
        assert 'it is "mine", and Weft would set "buy now"' in said
        assert "overlays/base.yaml:2" in said
    shop.deploy("test", code=1)
    for decision, value in (("share", "mine"), ("yield", "mine"), ("take", "buy now")):
        shop.configure(ownership={"ConfigMap.data.MOTTO": decision})
        shop.deploy("test")
        assert cluster.read("ConfigMap", NAMESPACE, "shop")["data"]["MOTTO"] == value
        assert "nothing changes" in shop.deploy("test").out


def test_objects_of_kubectl_are_adopted(shop, cluster):
    cluster.namespace(NAMESPACE)
    old = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "shop", "namespace": NAMESPACE},
        "data": {"PORT": "1", "OLD": "2"},
    }
    cluster.ask("POST", cluster.path("ConfigMap", NAMESPACE) + "?fieldManager=kubectl-client-side-apply", old)
    for more in ((), ("--server",)):
        plan = shop.weft("plan", "test", *more).out
        assert "adopted from kubectl-client-side-apply" in plan
        assert '- .data.OLD: "2"' in plan
    shop.deploy("test")
    live = cluster.read("ConfigMap", NAMESPACE, "shop")
    assert live["data"] == {"PORT": "8080", "MOTTO": "buy more"}
    assert [one["manager"] for one in live["metadata"]["managedFields"]] == ["weft"]


def test_an_object_of_another_target_is_not_touched(shop):
    shop.deploy("test", "test/a")
    template = shop.folder / "templates" / "extra.yaml.j2"
    template.write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop-a, namespace: {{ app.namespace }}}\ndata: {a: b}\n"
    )
    shop.set("environments/test", extra=True)
    assert "belongs to the target test/a, so test does not change it" in shop.deploy("test", code=1).err


def test_a_kind_that_the_cluster_lacks_is_named(shop):
    template = shop.folder / "templates" / "extra.yaml.j2"
    template.write_text(
        "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w, namespace: {{ app.namespace }}}\nspec: {a: b}\n"
    )
    shop.set("environments/test", extra=True)
    assert "the cluster does not know the kind Widget of example.com/v1" in shop.deploy("test", code=1).err


def test_a_plan_for_a_change_request_is_markdown(shop):
    shop.deploy("test")
    shop.set("base", motto="sell")
    said = shop.weft("plan", "test", "--format", "markdown", "--check", code=1).out
    assert "| test | 0 | 1 | 0 | 0 | 3 |" in said
    assert '~ .data.MOTTO: "buy more" -> "sell"   overlays/base.yaml:' in said


@pytest.mark.parametrize("field", ["labels", "lines"])
def test_removed_keys_are_removed(shop, cluster, field):
    shop.set("base", **{field: {"one": "1", "two.three": "2"}})
    shop.deploy("test")
    shop.set("base", **{field: {"one": "1"}})
    shop.deploy("test")
    live = cluster.read("ConfigMap", NAMESPACE, "shop")
    assert "two.three" not in (live["metadata"]["labels"] if field == "labels" else live["data"])


def test_a_damaged_inventory_is_an_error_and_can_be_made_again(shop, cluster):
    shop.deploy("test")
    before = shop.versions()
    cluster.patch("ConfigMap", NAMESPACE, "weft-test-inventory", {"data": {"inventory.json": "{"}})
    assert "was changed by somebody and cannot be read" in shop.deploy("test", code=3).err
    shop.deploy("test", "--rebuild-inventory")
    assert "nothing changes" in shop.deploy("test").out
    assert shop.versions() == before


def test_an_inventory_that_names_a_foreign_object_removes_nothing(shop, cluster):
    cluster.namespace(NAMESPACE)
    cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "foreign", "namespace": NAMESPACE}})
    shop.deploy("test")
    inventory = cluster.read("ConfigMap", NAMESPACE, "weft-test-inventory")
    content = json.loads(inventory["data"]["inventory.json"])
    content["objects"][f"/ConfigMap/{NAMESPACE}/foreign"] = {}
    cluster.patch("ConfigMap", NAMESPACE, "weft-test-inventory", {"data": {"inventory.json": json.dumps(content)}})
    shop.set("base", motto="x")
    shop.deploy("test")
    assert cluster.read("ConfigMap", NAMESPACE, "foreign") is not None


def test_two_targets_that_want_one_object_are_refused_both(shop, cluster):
    template = shop.folder / "templates" / "app.yaml.j2"
    text = template.read_text().replace("if target.tenant is defined else", "if target.tenant == 'a' else")
    template.write_text(
        text.replace("  namespace: {{ app.namespace }}\n", "").replace(", namespace: {{ app.namespace }}", "")
    )
    file = shop.folder / "weft.yaml"
    file.write_text(file.read_text().replace("kubernetes: {cluster: app.cluster, namespace: app.namespace}\n", ""))
    cluster.namespace(NAMESPACE)
    for words in (["plan"], ["plan", "--server"], ["deploy", "--yes"]):
        said = shop.weft(*words, "test/b", "test/c", code=1).err
        assert "error[object-twice]: ConfigMap default/shop is rendered for `test/c`, too" in said
        assert "ConfigMap default/shop is rendered for `test/b`, too" in said
    assert cluster.read("ConfigMap", "default", "shop") is None
    shop.deploy("test/b")
    assert "belongs to the target test/b" in shop.deploy("test/c", code=1).err


def test_an_unresolved_reference_stops_the_target(shop, cluster):
    shop.secrets["SHOP_PASSWORD"] = None
    said = shop.deploy("test", code=1)
    assert "SHOP_PASSWORD" in said.err
    assert cluster.read("Namespace", None, NAMESPACE) is None


def test_a_cluster_that_does_not_answer_is_named(shop, cluster):
    shop.deploy("test")
    cluster.kill()
    said = shop.weft("plan", "test", code=3)
    assert "cannot be reached" in said.err
    assert cluster.address in said.err


def test_expired_credentials_are_named(shop, cluster):
    text = cluster.kubeconfig.read_text()
    path = shop.folder / "kubeconfig"
    path.write_text(text.replace(cluster.tokens["admin"], "expired"))
    shop.secrets["KUBECONFIG"] = str(path)
    assert "does not accept the credentials of the context `admin`" in shop.weft("plan", "test", code=3).err
