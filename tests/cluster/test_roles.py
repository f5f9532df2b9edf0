"""The roles that `weft deploy --roles` prints allow what the commands need, and nothing more."""

import copy

import pytest
import yaml

pytestmark = pytest.mark.cluster

NAMESPACE = "shop-test"


NO_OCCASION = {
    "create namespaces in None",
    "patch namespaces in None",
    "create services in shop-test",
    "delete services in shop-test",
    "create secrets in shop-test",
    "delete secrets in shop-test",
}
"""What the commands of `deploying` do not do, because these objects exist all the time. Lists are read one by one where that is allowed."""


def rules_of(shop, role, *targets):
    """The rules of a role by namespace; None for those of the cluster."""
    found = {}
    for one in yaml.safe_load_all(shop.weft("deploy", *targets, "--roles").out):
        if one["metadata"]["name"].endswith(f"-{role}"):
            found.setdefault(one["metadata"].get("namespace"), []).extend(one["rules"])
    return found


def bind(cluster, rules):
    """A user with these rules."""
    user = cluster.user()
    api = "rbac.authorization.k8s.io"
    for namespace, some in rules.items():
        kind = "Role" if namespace else "ClusterRole"
        metadata = {"name": f"own-{user}"} | ({"namespace": namespace} if namespace else {})
        cluster.create(
            {"apiVersion": f"{api}/v1", "kind": kind, "metadata": metadata, "rules": some},
            {
                "apiVersion": f"{api}/v1",
                "kind": f"{kind}Binding",
                "metadata": metadata,
                "roleRef": {"apiGroup": api, "kind": kind, "name": metadata["name"]},
                "subjects": [{"kind": "User", "apiGroup": api, "name": user}],
            },
        )
    return user


def each_right_less(rules):
    """The same rules, each time without one verb of one resource."""
    for namespace, some in rules.items():
        for number, rule in enumerate(some):
            for verb in rule["verbs"]:
                fewer = copy.deepcopy(rules)
                fewer[namespace][number]["verbs"].remove(verb)
                fewer[namespace] = [one for one in fewer[namespace] if one["verbs"]]
                yield f"{verb} {rule['resources'][0]} in {namespace}", fewer


@pytest.fixture
def deployed(shop):
    shop.set("base", workload=True, autoscaler=True, extra=True)
    shop.configure(prune=100)
    shop.deploy("test")
    return shop


def viewing(shop):
    shop.weft("plan", "test", "--check")
    shop.weft("drift", "test")
    shop.weft("history", "test")


def deploying(shop):
    """Everything that changes a target: values, a new and a removed object, a rollback, healing."""
    shop.user, user = "admin", shop.user
    shop.set("base", motto="before", extra=True, workload=True)
    shop.deploy("test", "--unpin")
    shop.user = user
    shop.weft("plan", "test", "--server")
    shop.set("base", motto="after", extra=False, workload=False)
    shop.deploy("test")
    shop.set("base", workload=True)
    shop.deploy("test")
    shop.weft("rollback", "test", "--yes", "--timeout", "0")
    shop.deploy("test", "--unpin")
    shop.cluster.patch("ConfigMap", NAMESPACE, "shop", {"data": {"PORT": "1"}})
    shop.weft("drift", "test", "--heal", "--timeout", "0")


def test_a_viewer_may_look_and_reads_no_secret(deployed, cluster):
    rules = rules_of(deployed, "viewer", "test")
    assert not [rule for some in rules.values() for rule in some if "secrets" in rule["resources"]]
    deployed.user = bind(cluster, rules)
    viewing(deployed)
    said = deployed.deploy("test", code=3)
    assert "may not" in said.err
    deployed.set("base", motto="new")
    said = deployed.weft("plan", "test", "--server", code=3)
    assert "may not patch configmaps in the namespace shop-test" in said.err


def test_a_deployer_may_deploy(deployed, cluster):
    deployed.user = bind(cluster, rules_of(deployed, "deployer", "test"))
    deploying(deployed)


def is_only_faster(name):
    """Whether a right saves requests: objects of kinds that are rendered can be read one by one."""
    kinds = ("configmaps", "deployments", "horizontalpodautoscalers", "namespaces", "secrets", "services")
    return name.startswith("list") and name.split()[1] in kinds


def refusal_of(shop):
    """What a command says that cannot do its work; None if all can."""
    try:
        deploying(shop)
    except AssertionError as error:
        return str(error)
    return None


@pytest.mark.soak(few=1)
@pytest.mark.parametrize("part", range(8))
def test_a_deployer_needs_every_right(deployed, cluster, part):
    """What a command does with one right less is refused, and says which right is missing, or says that it could not look."""
    rules = rules_of(deployed, "deployer", "test")
    unneeded = []
    for number, (name, fewer) in enumerate(each_right_less(rules)):
        if number % 8 == part:
            deployed.user = bind(cluster, fewer)
            refusal = refusal_of(deployed)
            assert refusal is None or "may not" in refusal, (name, refusal)
            unneeded += [name] if refusal is None else []
    assert {name for name in unneeded if not is_only_faster(name)} <= NO_OCCASION
