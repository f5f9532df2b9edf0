"""Network policies and quotas allow on the way what they allowed before and what they will allow."""

import pytest

from weft.cluster.client import Client
from weft.cluster.limits import POLICY, QUOTA, narrows, widened
from weft.cluster.manifests import Key
from weft.cluster.order import levels

NAMESPACE = "shop-test"
KEY = Key(*POLICY, NAMESPACE, "web")
HARD = Key(*QUOTA, NAMESPACE, "most")


def policy(*, ingress=(), egress=None, types=None, selector=None):
    spec = {"podSelector": selector or {}, "ingress": [rule(port) for port in ingress]}
    spec |= {"egress": [rule(port) for port in egress]} if egress is not None else {}
    return {"spec": spec | ({"policyTypes": types} if types else {})}


def rule(port):
    return {"ports": [{"port": port}]}


def ports(data, side="ingress"):
    return [one["ports"][0]["port"] for one in data["spec"][side]]


@pytest.mark.parametrize(
    ("old", "new", "narrower", "between"),
    [
        (policy(ingress=[1]), policy(ingress=[1, 2]), False, None),
        (policy(ingress=[1, 2]), policy(ingress=[1]), True, None),
        (policy(ingress=[1, 2]), policy(ingress=[2, 3]), True, [1, 2, 3]),
        (policy(ingress=[1]), policy(ingress=[1]), False, None),
        (policy(ingress=[1]), policy(ingress=[2], selector={"matchLabels": {"a": "b"}}), True, None),
        (policy(ingress=[1], types=["Ingress"]), policy(ingress=[1, 2], egress=[5], types=["Ingress", "Egress"]), True, [1, 2]),
        (policy(types=["Ingress"]), policy(egress=[1], types=["Egress"]), True, None),
        (None, policy(ingress=[1]), True, None),
    ],
)  # fmt: skip
def test_what_a_policy_allows_in_between(old, new, narrower, between):
    assert narrows(KEY, new, old) == narrower
    found = widened(KEY, new, old)
    assert (found if found is None else ports(found)) == between
    if found is not None:
        assert "egress" not in found["spec"]
        assert found["spec"]["policyTypes"] == ["Ingress"]


def test_a_protocol_that_the_server_filled_in_is_no_difference():
    live = {
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": 1, "protocol": "TCP"}]}],
        }
    }
    assert not narrows(KEY, policy(ingress=[1]), live)


@pytest.mark.parametrize(
    ("old", "new", "narrower", "between"),
    [
        ({"pods": "5"}, {"pods": "6"}, False, None),
        ({"pods": "5"}, {"pods": "4"}, True, None),
        ({"cpu": "1000m"}, {"cpu": "1"}, False, None),
        ({"pods": "5", "cpu": "900m"}, {"pods": "4", "cpu": "1"}, True, {"pods": "5", "cpu": "1"}),
        ({"pods": "5"}, {"cpu": "1"}, True, {}),
        ({"pods": "5"}, {}, False, None),
    ],
)
def test_what_a_quota_allows_in_between(old, new, narrower, between):
    assert narrows(HARD, {"spec": {"hard": new}}, {"spec": {"hard": old}}) == narrower
    found = widened(HARD, {"spec": {"hard": new}}, {"spec": {"hard": old}})
    assert (found if found is None else found["spec"]["hard"]) == between


def test_what_allows_more_is_with_the_others_and_what_allows_less_is_last():
    other = Key("", "ConfigMap", NAMESPACE, "a")

    def order(old, new, before, after):
        """The groups in which a ConfigMap, a policy and a quota are written."""
        changes = {KEY: (policy(ingress=new), policy(ingress=old))}
        changes |= {HARD: ({"spec": {"hard": {"pods": after}}}, {"spec": {"hard": {"pods": before}}})}
        return levels({other: ({}, {}), **changes})

    assert order([1], [1, 2], "5", "6") == [[other, HARD, KEY]]
    assert order([1, 2], [2], "6", "5") == [[other], [HARD], [KEY]]
    assert order([1, 2], [2, 3], "5", "6") == [[other, HARD], [KEY]]


TEMPLATE = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web, namespace: {{{{ app.namespace }}}}}}
spec:
  podSelector: {{}}
  policyTypes: [Ingress]
  ingress: [{rules}]
---
apiVersion: v1
kind: ResourceQuota
metadata: {{name: most, namespace: {{{{ app.namespace }}}}}}
spec: {{hard: {{{hard}}}}}
"""


def limited(shop, ports, hard):
    """Let the project render a policy and a quota."""
    rules = ", ".join(f"{{ports: [{{port: {port}}}]}}" for port in ports)
    (shop.folder / "templates" / "extra.yaml.j2").write_text(TEMPLATE.format(rules=rules, hard=hard))
    shop.set("environments/test", extra=True)


@pytest.fixture
def written(monkeypatch):
    """The objects that a deploy writes in their order: (kind, what it allows)."""
    found, request = [], Client.request

    def recorded(self, method, path, body=None, *, parameters=None, **more):
        if method == "PATCH" and "dryRun" not in (parameters or {}) and "weft-" not in path:
            kind = body["kind"]
            allowed = (
                ports(body) if kind == "NetworkPolicy" else body["spec"]["hard"] if kind == "ResourceQuota" else None
            )
            found.append((kind, allowed))
        return request(self, method, path, body, parameters=parameters, **more)

    monkeypatch.setattr(Client, "request", recorded)
    return found


@pytest.mark.cluster
def test_what_narrows_and_widens_is_written_twice(shop, cluster, written):
    limited(shop, [1, 2], 'configmaps: "9", secrets: "9"')
    shop.deploy("test")
    assert written[-2:] == [("ResourceQuota", {"configmaps": "9", "secrets": "9"}), ("NetworkPolicy", [1, 2])]
    limited(shop, [2, 3], 'configmaps: "8", secrets: "10"')
    shop.set("base", motto="sell")
    written.clear()
    said = shop.deploy("test").out
    assert "deployed as revision 2, 3 written" in said
    assert sorted(written[:2]) == [
        ("NetworkPolicy", [1, 2, 3]),
        ("ResourceQuota", {"configmaps": "9", "secrets": "10"}),
    ]
    assert written[2:] == [
        ("ConfigMap", None),
        ("ResourceQuota", {"configmaps": "8", "secrets": "10"}),
        ("NetworkPolicy", [2, 3]),
    ]
    assert ports(cluster.read("NetworkPolicy", NAMESPACE, "web")) == [2, 3]
    assert "nothing changes" in shop.deploy("test").out


@pytest.mark.cluster
def test_what_only_widens_is_written_once_and_what_only_narrows_last(shop, written):
    limited(shop, [1], 'configmaps: "9"')
    shop.deploy("test")
    shop.set("base", motto="sell")
    limited(shop, [1, 2], 'configmaps: "10"')
    written.clear()
    shop.deploy("test")
    assert {kind for kind, _ in written} == {"ConfigMap", "NetworkPolicy", "ResourceQuota"}
    assert len(written) == 3
    shop.set("base", motto="buy")
    limited(shop, [2], 'configmaps: "9"')
    written.clear()
    shop.deploy("test")
    assert [kind for kind, _ in written] == ["ConfigMap", "ResourceQuota", "NetworkPolicy"]
