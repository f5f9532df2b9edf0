"""Objects that name no namespace: they go where the context says, as those of `kubectl` do."""

import pytest

pytestmark = pytest.mark.cluster

TEAM = "team"


@pytest.fixture
def homeless(shop, cluster):
    """The shop without namespaces in its templates and settings, as seen from a context of the namespace `team`."""
    for path in shop.folder.glob("templates/*.j2"):
        path.write_text(path.read_text().replace(", namespace: {{ app.namespace }}", ""))
    app = shop.folder / "templates" / "app.yaml.j2"
    app.write_text(app.read_text().replace("  namespace: {{ app.namespace }}\n", ""))
    file = shop.folder / "weft.yaml"
    lines = file.read_text().replace(", namespace: app.namespace", "").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if "namespace.yaml" not in line))
    cluster.namespace(TEAM)
    shop.secrets["KUBECONFIG"] = str(cluster.kubeconfig_of("admin", TEAM))
    return shop


def test_the_namespace_of_the_context_is_used_by_every_command(homeless, cluster):
    shop = homeless
    shop.set("base", extra=True)
    assert "test in admin, namespace team" in shop.weft("plan", "test").out
    assert "+ ConfigMap team/shop" in shop.deploy("test").out
    assert {"ConfigMap/shop", "ConfigMap/shop-extra", "Secret/shop-secret"} <= set(shop.objects(TEAM))
    assert set(shop.objects("default")) == {"Service/kubernetes"}
    assert cluster.read("ConfigMap", TEAM, "weft-test-inventory") is not None
    assert "nothing changes" in shop.deploy("test").out

    cluster.patch("ConfigMap", TEAM, "shop", {"data": {"PORT": "1"}})
    assert "ConfigMap team/shop" in shop.weft("drift", "test", code=1).out
    shop.weft("drift", "test", "--heal", "--timeout", "0")
    assert cluster.read("ConfigMap", TEAM, "shop")["data"]["PORT"] == "8080"

    shop.configure(prune=100)
    shop.set("base", extra=False, motto="sell")
    shop.deploy("test")
    assert "ConfigMap/shop-extra" not in shop.objects(TEAM)
    assert len(shop.weft("history", "test").out.splitlines()) == 3
    shop.weft("rollback", "test", "1", "--yes", "--timeout", "0")
    assert cluster.read("ConfigMap", TEAM, "shop")["data"]["MOTTO"] == "buy more"
    assert 'namespace: "team"' in shop.weft("deploy", "test", "--roles").out
    assert set(shop.objects("default")) == {"Service/kubernetes"}


def test_a_live_value_of_such_an_object_is_adopted_into_its_overlay(homeless, cluster):
    homeless.set("environments/test", motto="here")
    homeless.deploy("test")
    path = cluster.path("ConfigMap", TEAM, "shop")
    cluster.ask("PATCH", f"{path}?fieldManager=kubectl-edit", {"data": {"MOTTO": "there"}})
    homeless.weft("drift", "test", "--adopt", code=1)
    assert "motto: there" in (homeless.folder / "overlays" / "environments" / "test.yaml").read_text()


def test_a_context_without_a_namespace_means_default(homeless, cluster):
    homeless.secrets["KUBECONFIG"] = str(cluster.kubeconfig)
    assert "namespace default" in homeless.deploy("test").out
    assert "ConfigMap/shop" in homeless.objects("default")
    assert homeless.objects(TEAM) == {}


def test_a_setting_goes_before_the_context(homeless, cluster):
    file = homeless.folder / "weft.yaml"
    file.write_text(file.read_text().replace("cluster: app.cluster", "cluster: app.cluster, namespace: app.namespace"))
    cluster.namespace("shop-test")
    homeless.deploy("test")
    assert "ConfigMap/shop" in homeless.objects("shop-test")
    assert cluster.read("ConfigMap", "shop-test", "weft-test-inventory") is not None
    assert homeless.objects(TEAM) == {}
