"""The cluster of the tests itself, and what Weft relies on."""

import pytest

pytestmark = pytest.mark.cluster


def config_map(namespace, name="one", **data):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data or {"a": "1"},
    }


def deployment(namespace, name="app", image="example.org/app:1", replicas=2):
    labels = {"app": name}
    container = {"name": "app", "image": image}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def test_a_test_begins_with_an_empty_cluster(cluster):
    before = cluster.names("Namespace")
    assert before == ["default", "kube-node-lease", "kube-public", "kube-system"]
    cluster.namespace("shop")
    cluster.apply(config_map("shop"), deployment("shop"))
    cluster.delete("Namespace", None, "kube-node-lease")
    cluster.fresh()
    assert cluster.names("Namespace") == before
    assert cluster.items("Pod") == cluster.items("ReplicaSet") == []
    assert cluster.read("ConfigMap", "shop", "one") is None


def test_a_user_has_the_rights_that_a_test_gives_and_no_others(cluster):
    cluster.namespace("shop")
    cluster.apply(config_map("shop"))
    path = cluster.path("ConfigMap", "shop", "one")
    for user in ("nobody", cluster.user()):
        status, answer = cluster.request("GET", path, user=user)
        assert (status, answer["reason"]) == (403, "Forbidden")
    reader = cluster.user({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}, namespace="shop")
    viewer = cluster.user(role="view")
    for user in (reader, viewer):
        assert cluster.ask("GET", path, user=user)["data"] == {"a": "1"}
        assert cluster.request("DELETE", path, user=user)[0] == 403
